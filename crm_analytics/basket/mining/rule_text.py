"""Rules in plain words."""

from collections.abc import Collection
from typing import Any

import numpy as np


def rule_text(
    antecedents: Collection[Any],
    consequents: Collection[Any],
    *,
    antecedent_count: int,
    count: int,
    consequent_support: float,
) -> str:
    """Say what a rule says, with its counts.

    Parameters
    ----------
    antecedents, consequents : sets of items
    antecedent_count, count : int
        Baskets with the antecedents, and those of them that also held the consequents.
    consequent_support : float in (0, 1]
        The usual share of baskets with the consequents.

    Examples
    --------
    >>> rule_text({"yogurt", "butter"}, {"whole milk"}, antecedent_count=120, count=64, consequent_support=0.256)
    'Of 120 baskets with butter and yogurt, 64 (53 %) also held whole milk, 2.1 times its usual share (26 %).'
    """
    confidence = count / antecedent_count
    its = "its" if len(consequents) == 1 else "their"
    baskets = "basket" if antecedent_count == 1 else "baskets"
    return (
        f"Of {antecedent_count:,} {baskets} with {words(antecedents)}, {count:,} ({_percent(confidence)}) also held "
        f"{words(consequents)}, {_times(confidence / consequent_support)} {its} usual share "
        f"({_percent(consequent_support)})."
    )


def reason_text(
    antecedents: Collection[Any], consequents: Collection[Any], *, confidence: float, lift: float
) -> str:
    """Say why an item is offered.

    >>> reason_text({"butter", "yogurt"}, {"whole milk"}, confidence=0.53, lift=2.08)
    '53 % of baskets with butter and yogurt also hold whole milk, 2.1 times its usual share.'
    """
    its = "its" if len(consequents) == 1 else "their"
    return (
        f"{_percent(confidence)} of baskets with {words(antecedents)} also hold {words(consequents)}, "
        f"{_times(lift)} {its} usual share."
    )


def words(items: Collection[Any]) -> str:
    """Join items in alphabetical order.

    >>> words(["tea"]), words(["tea", "milk", "bread"])
    ('tea', 'bread, milk and tea')
    """
    names = sorted(map(str, items))
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _percent(share: float) -> str:
    """Whole percents; below 10 % two digits; 100 % only where nothing is missing."""
    if 0.995 <= share < 1:
        return "over 99 %"
    if share >= 0.0995 or share == 0:
        return f"{100 * share:.0f} %"
    return f"{np.format_float_positional(100 * share, precision=2, fractional=False, trim='-')} %"


def _times(lift: float) -> str:
    return f"{lift:,.1f} times" if lift < 100 else f"{lift:,.0f} times"
