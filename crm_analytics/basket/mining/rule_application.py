"""Rules applied to baskets they were not learned from, as tables."""

import numpy as np
import pandas as pd

from crm_analytics.basket.mining.rule_matching import ItemLists, best_offers, count_baskets
from crm_analytics.basket.mining.rule_text import reason_text
from crm_analytics.features import Baskets


def offers_table(
    baskets: Baskets, rules: pd.DataFrame, left: ItemLists, right: ItemLists, *, k: int, by: str
) -> pd.DataFrame:
    """Return up to `k` offers a basket; see `AssociationRules.recommend`.

    `left` and `right` are the sides of `rules` in the codes of `baskets`.
    """
    scores = rules[by].to_numpy()
    order = np.argsort(-scores, kind="stable")
    codes, place = best_offers(baskets, left.take(order), right.take(order), min(k, len(baskets.items)))
    rows, ranks = np.nonzero(codes >= 0)
    rule = order[place[rows, ranks]]
    used, where = np.unique(rule, return_inverse=True)
    columns = ["antecedents", "consequents", "confidence", "lift"]
    reasons = [
        reason_text(a, c, confidence=confidence, lift=lift)
        for a, c, confidence, lift in rules[columns].iloc[used].itertuples(index=False)
    ]
    return pd.DataFrame(
        {
            "basket": rows,
            "rank": ranks + 1,
            "item": baskets.items[codes[rows, ranks]],
            "score": scores[rule],
            "rule": rule,
            "reason": np.array(reasons, dtype=object)[where],
        }
    )


def holdout_counts(
    baskets: Baskets, left: ItemLists, right: ItemLists
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return for each rule the baskets with its left side, its right side, and both."""
    both = _joined(left, right)
    return count_baskets(baskets, left), count_baskets(baskets, right), count_baskets(baskets, both)


def holdout_measures(
    rules: pd.DataFrame, n: int, a: np.ndarray, c: np.ndarray, both: np.ndarray
) -> pd.DataFrame:
    """Set the counts of a holdout of `n` baskets beside training; see `AssociationRules.holdout_table`."""
    table = rules[["antecedents", "consequents", "confidence", "lift"]].copy()
    base = c / n
    confidence = _ratio(both, a)
    gain = (rules["confidence"] - rules["consequent support"]).to_numpy()
    table["holdout antecedent count"], table["holdout count"] = a, both
    table["holdout support"] = both / n
    table["holdout confidence"] = confidence
    table["holdout lift"] = _ratio(confidence, base)
    table["gain kept"] = _ratio(confidence - base, gain)
    return table


def pooled_lift(n: int, a: np.ndarray, c: np.ndarray, both: np.ndarray) -> float:
    """Return Σ n_AC / Σ n_A P(C) of all rules; NaN if nothing is expected.

    >>> pooled_lift(10, np.array([4, 5]), np.array([5, 2]), np.array([3, 3]))
    2.0
    """
    expected = float((a * (c / n)).sum())
    return float(both.sum()) / expected if expected > 0 else float("nan")


def _ratio(top: np.ndarray, under: np.ndarray) -> np.ndarray:
    """Divide; NaN where the divisor is 0."""
    return np.divide(top, under, out=np.full(np.shape(under), np.nan), where=np.asarray(under) != 0)


def _joined(left: ItemLists, right: ItemLists) -> ItemLists:
    """Both sides of each rule in one list."""
    lengths = np.diff(left.offsets), np.diff(right.offsets)
    rows = np.concatenate([np.repeat(np.arange(side.size), side) for side in lengths])
    codes = np.concatenate([left.codes, right.codes])[np.argsort(rows, kind="stable")]
    return ItemLists(codes, left.offsets + right.offsets)
