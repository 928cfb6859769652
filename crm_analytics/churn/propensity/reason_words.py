"""What the columns of snapshots mean to whoever talks to the customer."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from crm_analytics.core.errors import SchemaError

# A group is one reason; the words are for the column of it that says most.
GROUPS: dict[str, dict[str, str]] = {
    "silence": {
        "since_last": "last purchase {value:.0f} {unit}s ago",
        "since_last_ratio": "silent for {value:.1f} times the usual gap",
        "gap_last_ratio": "last gap {value:.1f} times the usual one",
        "p_no_purchase": "by the rhythm so far, {value:.0%} likely not to buy",
        "p_alive": "by the rhythm so far, {value:.0%} likely still active",
    },
    "frequency": {
        "purchases_short": "purchases {short}: {value:.0f}",
        "purchases_middle": "purchases {middle}: {value:.0f}",
        "purchases_long": "purchases {long}: {value:.0f}",
        "frequency": "repeat purchases in all: {value:.0f}",
    },
    "spend": {
        "amount_short": "spent {short}: {value:,.0f}",
        "amount_middle": "spent {middle}: {value:,.0f}",
        "amount_long": "spent {long}: {value:,.0f}",
        "amount_mean": "{value:,.2f} a purchase",
        "amount_largest": "largest purchase {value:,.2f}",
        "amount_last": "last purchase of {value:,.2f}",
    },
    "rhythm": {
        "gap_mean": "buys every {value:.0f} {unit}s",
        "gap_spread": "gaps vary by {value:.0f} {unit}s",
        "gap_longest": "longest gap {value:.0f} {unit}s",
    },
    "trend": {
        "trend": "purchases against the window before: {value:+.0%}",
        "amount_trend": "spend against the window before: {value:+.0%}",
    },
    "tenure": {
        "since_first": "first purchase {long} {value:.0f} {unit}s ago",
        "age": "customer for {value:.0f} {unit}s",
    },
    "baskets": {"lines_mean": "{value:.1f} lines a purchase"},
    "promotions": {"promotion_share": "{value:.0%} of lines on promotion"},
    "returns": {"return_share": "{value:.0%} of lines returned"},
    "breadth": {
        "items": "different products {long}: {value:.0f}",
        "categories": "categories {long}: {value:.0f}",
        "categories_middle": "categories {middle}: {value:.0f}",
        "stores": "stores {long}: {value:.0f}",
    },
    "usual products": {"basket_stability": "{value:.0%} of the usual products still bought"},
}
_TEMPLATES = {name: text for texts in GROUPS.values() for name, text in texts.items()}
_GROUP_OF = {name: group for group, texts in GROUPS.items() for name in texts}
_EVENT_ENDINGS = ("_count", "_since_last", "_resolution_mean", "_open", "_last_score", "_mean_score")


def groups_of(names: Sequence[str], given: Mapping[str, Sequence[str]] | None, *, caller: str) -> list[str]:
    """The group of each column: as given, as above, all columns of a kind of event, or the column itself."""
    told: dict[str, str] = {}
    for group, members in (given or {}).items():
        for name in members:
            if name not in names:
                raise SchemaError(
                    f"{caller}: groups name {name!r}, which is no column that was learned from."
                )
            told[name] = group
    return [told.get(name) or _GROUP_OF.get(name) or _event_of(name) or name for name in names]


def spans(windows: Sequence[int] | None, unit: str) -> dict[str, str]:
    """How the unit and the windows of snapshots are called.

    >>> spans((28, 91, 182), "day")["middle"], spans(None, "day")["middle"]
    ('in 91 days', 'in the middle window')
    """
    names = ("short", "middle", "long")
    if windows is None:
        return {"unit": unit} | {name: f"in the {name} window" for name in names}
    if len(windows) != len(names):
        raise ValueError(f"windows must be three whole numbers. Got {windows!r} instead.")
    return {"unit": unit} | {name: f"in {n} {unit}s" for name, n in zip(names, windows, strict=True)}


def worded(name: str, value: Any, called: Mapping[str, str]) -> str:
    """One column's value in words; a column that is not ours is `name: value`.

    >>> called = spans((28, 91, 182), "day")
    >>> worded("since_last", 45.0, called), worded("purchases_short", 3.0, called)
    ('last purchase 45 days ago', 'purchases in 28 days: 3')
    >>> worded("Contract", "One year", called), worded("gap_mean", np.nan, called)
    ('Contract: One year', 'rhythm: too few purchases to tell')
    """
    if isinstance(value, str):
        return f"{name}: {value}"
    if np.isnan(value):
        return f"{_GROUP_OF[name]}: too few purchases to tell" if name in _GROUP_OF else f"{name}: not known"
    if name in _TEMPLATES:
        return _TEMPLATES[name].format(value=value, **called)
    return f"{name}: {value:,.4g}" if abs(value) < 1e4 else f"{name}: {value:,.0f}"


def _event_of(name: str) -> str | None:
    for ending in _EVENT_ENDINGS:
        if name.endswith(ending) and name != ending:
            return name.removesuffix(ending)
    return None
