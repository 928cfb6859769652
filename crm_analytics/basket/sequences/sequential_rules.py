"""Rules of what comes next: who bought this, then that, goes on to buy a third."""

from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

from crm_analytics.basket.mining.thresholds import least_count
from crm_analytics.basket.sequences.matching import first_matches, suggestions
from crm_analytics.basket.sequences.occasions import as_occasions
from crm_analytics.basket.sequences.sequential_patterns import SequentialPatterns
from crm_analytics.core.units import UNIT_WORDS
from crm_analytics.features import encode_baskets


class SequentialRules(BaseEstimator):
    """Rules from frequent sequences: a pattern, and the event that follows it.

    Of the customers who have the antecedent (all limits of the miner holding), *confidence* is
    the share who have the antecedent with the consequent after it. *Lift* divides it by the
    share of all customers who have the consequent at any time, before or after: above 1, the
    antecedent goes with more of it. Those who buy much have much of everything; a lift is not a
    cause.

    Parameters
    ----------
    miner : SequentialPatterns or None, default=None
        Finds the sequences; its defaults if None. A copy is fitted.
    min_confidence : float in (0, 1], default=0.1
        Taken as the decimal it is written as, and compared in whole numbers of customers.
    min_lift : float >= 0, default=0.0

    Attributes
    ----------
    rules_ : DataFrame
        By falling confidence, then lift, then count: `antecedent` (tuple of frozensets),
        `consequent` (frozenset), `support` (share of customers with both), `count`,
        `antecedent_count`, `consequent_support`, `confidence`, `lift` and `median_gap`: periods
        from the first occasion that completes the antecedent, and from which the consequent
        can be reached, to the first that completes the rule; median over customers.
    miner_ : SequentialPatterns
        As fitted.

    Examples
    --------
    >>> sequences = [["tent", ["stove", "gas"], "gas"], ["tent", "gas"], ["gas", "tent"], ["stove"]]
    >>> rules = SequentialRules(SequentialPatterns(0.5)).fit(sequences)
    >>> rules.sentences()
    ['customers who bought tent buy gas later: 2 of 3 (67 %), 0.9 times the usual 75 %, typically after 1 occasion']
    """

    def __init__(
        self, miner: SequentialPatterns | None = None, *, min_confidence: float = 0.1, min_lift: float = 0.0
    ) -> None:
        self.miner = miner
        self.min_confidence = min_confidence
        self.min_lift = min_lift

    def fit(self, X: Any, y: Any = None) -> "SequentialRules":
        """Find the rules in any data that `SequentialPatterns.fit` takes; raises what it raises."""
        least_count(self.min_confidence, 1, name="min_confidence")
        if not self.min_lift >= 0:
            raise ValueError(f"min_lift must be >= 0. Got {self.min_lift!r} instead.")
        miner = SequentialPatterns() if self.miner is None else clone(self.miner)
        # A little less than the least confidence: what that leaves in, whole numbers judge below.
        self.miner_ = miner._fit(X, 0.0 if miner.gaps else 0.999 * self.min_confidence)
        tree, n = self.miner_.tree_, self.miner_.n_customers_
        rule = np.flatnonzero(tree.prefix >= 0)
        before, after = tree.prefix[rule], tree.last_event[rule]
        count, had, base = (tree.count[which].astype(np.int64) for which in (rule, before, after))
        enough = count >= _least_counts(self.min_confidence, had)
        if self.min_lift > 0:
            lift = Fraction(repr(float(self.min_lift)))
            enough &= (count * n).astype(object) * lift.denominator >= (had * base).astype(
                object
            ) * lift.numerator
        place = np.empty(len(tree), np.int64)
        place[tree.order] = np.arange(len(tree))
        confidence, expected = count / had, base / n
        order = np.lexsort([place[rule], -count, -confidence / expected, -confidence])
        order = order[enough[order]]
        self._rule, self._before, self._after = rule[order], before[order], after[order]
        self.rules_ = pd.DataFrame(
            {
                "antecedent": pd.Series(tree.tuples(self._before), dtype=object),
                "consequent": pd.Series([event for (event,) in tree.tuples(self._after)], dtype=object),
                "support": count[order] / n,
                "count": count[order],
                "antecedent_count": had[order],
                "consequent_support": expected[order],
                "confidence": confidence[order],
                "lift": confidence[order] / expected[order],
                "median_gap": tree.median_gap[self._rule],
            }
        )
        return self

    def sentences(self, n: int | None = None) -> list[str]:
        """Return the first `n` rules in words, all by default.

        A gap is told in the miner's unit, of occasions if that is "event".
        """
        check_is_fitted(self)
        unit = UNIT_WORDS.get(self.miner_.unit_, "occasion")
        return [
            _sentence(row, unit) for row in self.rules_.head(n or len(self.rules_)).itertuples(index=False)
        ]

    def recommend(self, X: Any, k: int = 5, *, new_only: bool = False) -> pd.DataFrame:
        """Suggest what each customer will buy next by the rules whose antecedent they have.

        Parameters
        ----------
        X : histories in any form that `fit` takes
            The antecedent must hold with the limits of the miner. How long ago it was completed
            is not judged.
        k : int >= 1
            Most consequents for a customer.
        new_only : bool, default=False
            Leave out consequents that the customer has bought before (as a whole event).

        Returns
        -------
        DataFrame, one row a suggestion, by customer and rank: `customer_id`, `rank` (from 1),
        `consequent`, `confidence` of the best rule that gives it, and `rule`, its row in `rules_`.
        A customer whom no rule fits has no row.
        """
        check_is_fitted(self)
        if not k >= 1:
            raise ValueError(f"k must be >= 1. Got {k!r} instead.")
        miner = self.miner_
        occasions = as_occasions(
            X, level=miner.level, occasion=miner.occasion, caller="SequentialRules.recommend"
        )
        baskets = encode_baskets(occasions.baskets, miner.tree_.items)
        antecedents, which = np.unique(self._before, return_inverse=True)
        consequents, what = np.unique(self._after, return_inverse=True)
        numbers = occasions.numbers(miner.unit)
        limits = (miner.min_gap, miner.max_gap, miner.max_span)
        has = first_matches(baskets, occasions.indptr, numbers, miner.tree_.codes(antecedents), limits)
        bought = first_matches(baskets, occasions.indptr, numbers, miner.tree_.codes(consequents), limits)
        customer, rank, rule = suggestions(
            has, which, what, bought if new_only else np.zeros_like(bought), int(k)
        )
        return pd.DataFrame(
            {
                "customer_id": occasions.customers[customer],
                "rank": rank,
                "consequent": self.rules_["consequent"].to_numpy(object)[rule],
                "confidence": self.rules_["confidence"].to_numpy()[rule],
                "rule": rule,
            }
        )


def _least_counts(share: float, totals: np.ndarray) -> np.ndarray:
    distinct, place = np.unique(totals, return_inverse=True)
    least = [least_count(share, int(total), name="min_confidence") for total in distinct]
    return np.array(least, dtype=np.int64)[place]


def _sentence(row: Any, unit: str) -> str:
    gap = row.median_gap
    when = f"within the same {unit}" if gap == 0 else f"after {gap:g} {unit}{'' if gap == 1 else 's'}"
    bought = ", then ".join(_event(event) for event in row.antecedent)
    return (
        f"customers who bought {bought} buy {_event(row.consequent)} later: {row.count:,} of "
        f"{row.antecedent_count:,} ({row.confidence:.0%}), {row.lift:.1f} times the usual "
        f"{row.consequent_support:.0%}, typically {when}"
    ).replace("%", " %")


def _event(event: frozenset) -> str:
    return " with ".join(sorted(map(str, event)))
