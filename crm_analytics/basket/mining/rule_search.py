"""The search for rules in itemsets, and the test of those found."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from crm_analytics.basket.mining.hierarchy import compare_with_parents
from crm_analytics.basket.mining.itemsets import Itemsets
from crm_analytics.basket.mining.measures import least_counts, reaches
from crm_analytics.basket.mining.multiplicity import critical_values
from crm_analytics.basket.mining.rule_kernel import ItemsetIndex, RuleSides
from crm_analytics.basket.mining.rule_table import rule_counts
from crm_analytics.basket.mining.significance import productive_p_values


@dataclass(frozen=True, eq=False)
class Mined:
    """What rules are made of: itemsets, the names of their items, and how these are related.

    Attributes
    ----------
    itemsets : Itemsets
    items : Index
    n_baskets : int
    related : ndarray of bool, shape (n_items, n_items), or None
        Pairs of which one is above the other in a hierarchy.
    parents : ndarray of int, shape (n_items,), or None
        Each item's nearest group, -1 for none.
    """

    itemsets: Itemsets
    items: pd.Index
    n_baskets: int
    related: np.ndarray | None = None
    parents: np.ndarray | None = None


def find_rules(
    index: ItemsetIndex,
    mined: Mined,
    left: np.ndarray,
    right: np.ndarray,
    *,
    min_confidence: float,
    max_consequents: int | None,
    metric: str | None,
    min_threshold: float | None,
    prune_redundant: bool,
    min_interest: float,
) -> tuple[RuleSides, np.ndarray]:
    """Return the rules that meet all thresholds; `left` and `right` mask the items for each side.

    With them comes each rule's p-value against the groups of its items (0 without a hierarchy).
    """
    rules = index.rules(
        least_counts(min_confidence, index.counts), max_consequents or index.counts.size, right
    )
    if not left.all():
        rules = rules.take(_within(index, left)[rules.antecedent])
    if metric is not None and min_threshold is not None:
        rules = rules.take(reaches(metric, min_threshold, mined.n_baskets, *rule_counts(index, rules)))
    if prune_redundant:
        rules = rules.take(index.improves(rules, mined.n_baskets))
    if mined.parents is None:
        return rules, np.zeros(rules.both.size)
    interesting, p_values = compare_with_parents(index, rules, mined.parents, min_interest)
    return (rules.take(interesting), p_values[interesting]) if prune_redundant else (rules, p_values)


def judge_rules(
    index: ItemsetIndex,
    mined: Mined,
    rules: RuleSides,
    left: np.ndarray,
    right: np.ndarray,
    p_values: np.ndarray,
    *,
    max_len: int | None,
    max_consequents: int | None,
    adjust: str | None,
    alpha: float,
) -> dict[str, np.ndarray]:
    """Return `p_value`, `critical_value` and `significant` of each rule."""
    p_values = np.maximum(p_values, productive_p_values(index, rules, mined.n_baskets))
    lengths = np.diff(index.offsets)
    length, width = lengths[rules.antecedent], lengths[rules.consequent]
    longest = None if max_len is None else max_len - 1
    limits = [most for most in (max_consequents, longest) if most is not None]
    critical = critical_values(
        p_values,
        length,
        width,
        np.where(length + width == 2, rules.both, -1 - np.arange(rules.both.size)),
        left=_sets_by_length(index, left),
        right=_sets_by_length(index, right),
        n_pairs=_pairs(index, left, right, mined.related),
        longest=longest,
        widest=min(limits) if limits else None,
        adjust=adjust,
        alpha=alpha,
    )
    return {"p_value": p_values, "critical_value": critical, "significant": p_values <= critical}


def _within(index: ItemsetIndex, allowed: np.ndarray) -> np.ndarray:
    """Mark the itemsets made of allowed items."""
    if not index.counts.size:
        return np.zeros(0, dtype=bool)
    return np.logical_and.reduceat(allowed[index.codes], index.offsets[:-1])


def _sets_by_length(index: ItemsetIndex, allowed: np.ndarray) -> np.ndarray:
    """Itemsets of 0, 1, 2 ... allowed items; the empty set is one."""
    found = np.bincount(np.diff(index.offsets)[_within(index, allowed)], minlength=2)
    found[0] = 1
    return found


def _pairs(index: ItemsetIndex, left: np.ndarray, right: np.ndarray, related: np.ndarray | None) -> int:
    """Pairs of frequent items that may form a rule one way or the other."""
    codes = index.codes[: int((np.diff(index.offsets) == 1).sum())]
    left, right = left[codes], right[codes]
    either = int((left & right).sum())
    pairs = int(left.sum()) * int(right.sum()) - either - either * (either - 1) // 2
    if related is not None:
        tied = related[np.ix_(codes, codes)]
        may = tied[np.ix_(left, right)].sum() - tied[np.ix_(left & right, left & right)].sum() // 2
        pairs -= int(may)
    return pairs
