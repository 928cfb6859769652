"""Association rules: who buys these, buys those too; kept only where that is more than chance."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from crm_analytics.basket.mining.frequent_itemsets import FrequentItemsets, mine
from crm_analytics.basket.mining.hierarchy import read_hierarchy
from crm_analytics.basket.mining.item_codes import codes_of
from crm_analytics.basket.mining.itemset_arrays import chosen
from crm_analytics.basket.mining.itemset_frames import itemsets_from_frame
from crm_analytics.basket.mining.itemsets import Itemsets
from crm_analytics.basket.mining.measures import MEASURES
from crm_analytics.basket.mining.multiplicity import ADJUSTMENTS
from crm_analytics.basket.mining.rule_application import (
    holdout_counts,
    holdout_measures,
    offers_table,
    pooled_lift,
)
from crm_analytics.basket.mining.rule_kernel import ItemsetIndex
from crm_analytics.basket.mining.rule_matching import ItemLists
from crm_analytics.basket.mining.rule_search import Mined, find_rules, judge_rules
from crm_analytics.basket.mining.rule_table import best_first, rules_table
from crm_analytics.basket.mining.rule_text import rule_text
from crm_analytics.basket.mining.thresholds import least_count, require_baskets
from crm_analytics.core.errors import choice
from crm_analytics.features import Baskets, encode_baskets


class AssociationRules(BaseEstimator):
    """Rules A → C between sets of items, with a test that allows for the search.

    Parameters
    ----------
    min_support : float in (0, 1], default=0.01
        Least share of baskets with A and C, as written: .3 of 90 baskets are 27. Itemsets that
        are passed to `fit` were mined with their own.
    min_confidence : float in (0, 1], default=0.5
        Least P(C given A), compared without rounding.
    metric, min_threshold : str and float, optional
        One more measure (see `measures.measure`) and its least value, such as "lift" and 1.2.
    consequents, antecedents : sequence of items, optional
        Only rules whose right (left) side is made of these.
    max_len : int >= 2, optional
        Most items in a rule, left and right together.
    max_consequents : int >= 1 or None, default=1
        Most items on the right; None: any number.
    significance : {"fisher", None}, default="fisher"
        Test each rule for being productive (see `significance`).
    adjust : {"layered", "bonferroni", "fdr", None}, default="layered"
        How p-values allow for all rules that were tried (see `multiplicity.critical_values`).
    alpha : float in (0, 1), default=0.05
        Chance of any false rule among the significant ones ("fdr": expected share of false ones).
    significant_only : bool, default=False
        Leave out rules that are not significant.
    prune_redundant : bool, default=True
        Leave out A → C if a rule with fewer antecedents and the same C, or with none, has at
        least its confidence (Bayardo, Agrawal & Gunopulos 1999: improvement must be > 0). So
        every rule kept has a lift above 1.
    hierarchy : mapping, Series or DataFrame, optional
        Groups of the items (see `hierarchy.read_hierarchy`), which are mined together with them.
        No rule holds an item and its own group.
    min_interest : float >= 0, default=1.0
        With a hierarchy and `prune_redundant`: leave out a rule whose confidence is at most this
        many times what the same rule with a group in place of an item lets expect.
    max_itemsets : int, default=10,000,000
        See `FrequentItemsets`.

    Attributes
    ----------
    rules_ : DataFrame
        One row a rule, by falling confidence, then count, then the order of the items:
        `antecedents`, `consequents` (frozensets); the measures that mlxtend has, under its
        names; `count`, `antecedent count`, `consequent count` (baskets); and with significance
        `p_value`, `critical_value`, `significant` (p_value <= critical_value).
    n_baskets_, n_itemsets_ : int
    items_ : Index
        Items, and groups with a hierarchy.
    left_codes_, right_codes_ : ItemLists
        The sides of the rules as positions in `items_`, as `recommend` and `score` match them.
    hierarchy_ : Hierarchy or None

    Notes
    -----
    On baskets whose items are independent, the share of logs with any significant rule is at
    most alpha, whatever the support and confidence asked for; settings must not be chosen by
    looking at the p-values. Significant is not yet useful: where some baskets are much larger
    than others, everything goes with everything a little, and truly so. New baskets' unknown
    items are ignored.

    References
    ----------
    Agrawal, Imielinski & Swami (1993), SIGMOD; Webb (2007), Machine Learning 68; Webb (2008),
    Machine Learning 71; Srikant & Agrawal (1995), VLDB, for hierarchies.

    Examples
    --------
    >>> baskets = 30 * [["bread", "butter"]] + 10 * [["bread"]] + 5 * [["butter", "tea"]] + 55 * [["tea"]]
    >>> rules = AssociationRules(min_confidence=0.7).fit(baskets)
    >>> rules.rules_[["count", "confidence", "lift", "significant"]].round(3)
       count  confidence   lift  significant
    0     30       0.857  2.143         True
    1     30       0.750  2.143         True
    >>> rules.describe(1)
    ['Of 35 baskets with butter, 30 (86 %) also held bread, 2.1 times its usual share (40 %).']
    >>> rules.recommend([["butter", "honey"], ["tea"]])[["basket", "rank", "item", "score"]].round(3)
       basket  rank   item  score
    0       0     1  bread  0.857
    """

    def __init__(
        self,
        min_support: float = 0.01,
        min_confidence: float = 0.5,
        *,
        metric: str | None = None,
        min_threshold: float | None = None,
        consequents: Sequence[Any] | None = None,
        antecedents: Sequence[Any] | None = None,
        max_len: int | None = None,
        max_consequents: int | None = 1,
        significance: str | None = "fisher",
        adjust: str | None = "layered",
        alpha: float = 0.05,
        significant_only: bool = False,
        prune_redundant: bool = True,
        hierarchy: Any = None,
        min_interest: float = 1.0,
        max_itemsets: int = 10_000_000,
    ) -> None:
        self.min_support = min_support
        self.min_confidence = min_confidence
        self.metric = metric
        self.min_threshold = min_threshold
        self.consequents = consequents
        self.antecedents = antecedents
        self.max_len = max_len
        self.max_consequents = max_consequents
        self.significance = significance
        self.adjust = adjust
        self.alpha = alpha
        self.significant_only = significant_only
        self.prune_redundant = prune_redundant
        self.hierarchy = hierarchy
        self.min_interest = min_interest
        self.max_itemsets = max_itemsets

    def fit(self, baskets: Any, y: Any = None, *, n_baskets: int | None = None) -> "AssociationRules":
        """Find the rules.

        Parameters
        ----------
        baskets : baskets in any form that `encode_baskets` takes; or a fitted
            `FrequentItemsets` of all frequent sets; or a frame of mlxtend's with `support` and
            `itemsets`.
        n_baskets : int, only with such a frame
            Baskets that were mined for it.

        Raises
        ------
        ValueError
            If a parameter is out of range.
        SchemaError
            If there is no basket, an item asked for is in none, or a subset of an itemset is missing.
        SearchLimitError
            If there are more than `max_itemsets` itemsets.
        """
        self._check()
        mined = self._mined(baskets, n_baskets)
        index = ItemsetIndex(mined.itemsets)
        index.require_subsets("AssociationRules.fit")
        left = _mask(self.antecedents, mined.items, "antecedents")
        right = _mask(self.consequents, mined.items, "consequents")
        rules, p_values = find_rules(
            index,
            mined,
            left,
            right,
            min_confidence=self.min_confidence,
            max_consequents=self.max_consequents,
            metric=self.metric,
            min_threshold=self.min_threshold,
            prune_redundant=self.prune_redundant,
            min_interest=self.min_interest,
        )
        tests: dict[str, np.ndarray] = {}
        if self.significance is not None:
            tests = judge_rules(
                index,
                mined,
                rules,
                left,
                right,
                p_values,
                max_len=self.max_len,
                max_consequents=self.max_consequents,
                adjust=self.adjust,
                alpha=self.alpha,
            )
        order = best_first(index, rules)
        if self.significant_only:
            order = order[tests["significant"][order]]
        rules = rules.take(order)
        tests = {name: values[order] for name, values in tests.items()}
        self.rules_ = rules_table(index, rules, mined.items, mined.n_baskets, tests)
        sets = ItemLists(index.codes, index.offsets)
        self.left_codes_, self.right_codes_ = sets.take(rules.antecedent), sets.take(rules.consequent)
        self.items_, self.n_baskets_, self.n_itemsets_ = mined.items, mined.n_baskets, len(mined.itemsets)
        return self

    def recommend(self, baskets: Any, k: int = 5, *, by: str = "confidence") -> pd.DataFrame:
        """Offer each basket what rules say goes with it and it does not hold yet.

        Parameters
        ----------
        baskets : anything that `encode_baskets` takes
            Items that were not seen in `fit` are ignored.
        k : int >= 1, default=5
            Most items offered to a basket.
        by : {"confidence", "lift"}, default="confidence"
            An item's score is this of the best rule that applies: "confidence" offers what is
            most likely bought, "lift" what is least usual otherwise. Ties: the order of `rules_`.

        Returns
        -------
        DataFrame, one row an offer, none for baskets to which no rule applies: `basket` (row
        number, from 0), `rank` (from 1), `item`, `score`, `rule` (label in `rules_`), `reason`.
        """
        check_is_fitted(self, "rules_")
        choice(by, name="by", allowed=("confidence", "lift"))
        if not (isinstance(k, int | np.integer) and k >= 1):
            raise ValueError(f"k must be a whole number >= 1. Got {k!r} instead.")
        return offers_table(
            self._known(baskets), self.rules_, self.left_codes_, self.right_codes_, k=int(k), by=by
        )

    def holdout_table(self, baskets: Any) -> pd.DataFrame:
        """Count the rules again in baskets that they were not learned from.

        Returns
        -------
        DataFrame with the index of `rules_`: `antecedents`, `consequents`, `confidence` and `lift`
        of training; `holdout antecedent count`, `holdout count` (baskets with A; with A and C);
        `holdout support`, `holdout confidence`, `holdout lift` (NaN where A or C is in no
        basket); and `gain kept`, the holdout's confidence less P(C) over the same in training:
        1 where the rule holds as well as it did, 0 where it is no better than chance now.
        """
        n, *counts = self._holdout(baskets, caller="AssociationRules.holdout_table")
        return holdout_measures(self.rules_, n, *counts)

    def score(self, baskets: Any, y: Any = None) -> float:
        """Lift of all rules taken together, in baskets that they were not learned from.

        Over every basket and every rule whose left side it holds: how often the right side was
        there too, over how often it would be by chance, Σ n_AC / Σ n_A P(C). 1 is no better than
        chance; NaN if no rule applies to any basket.
        """
        return pooled_lift(*self._holdout(baskets, caller="AssociationRules.score"))

    def describe(self, rules: int | pd.DataFrame = 5) -> list[str]:
        """Return rules as sentences: so many of the first, or those of a part of `rules_`.

        `rules.describe(rules.rules_.nlargest(5, "lift"))` tells the most surprising ones.
        """
        check_is_fitted(self, "rules_")
        chosen_rules = rules if isinstance(rules, pd.DataFrame) else self.rules_.head(rules)
        columns = ["antecedents", "consequents", "antecedent count", "count", "consequent support"]
        return [
            rule_text(left, right, antecedent_count=a, count=both, consequent_support=share)
            for left, right, a, both, share in chosen_rules[columns].itertuples(index=False)
        ]

    def _check(self) -> None:
        least_count(self.min_support, 1)
        least_count(self.min_confidence, 1, name="min_confidence")
        if (self.metric is None) != (self.min_threshold is None):
            raise ValueError(
                f"metric and min_threshold go together. Got {self.metric!r} and {self.min_threshold!r} instead."
            )
        if self.metric is not None:
            choice(self.metric, name="metric", allowed=MEASURES)
        for name, least in (("max_len", 2), ("max_consequents", 1)):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, int | np.integer) and value >= least):
                raise ValueError(f"{name} must be a whole number >= {least}, or None. Got {value!r} instead.")
        if self.significance not in ("fisher", None):
            raise ValueError(f"significance must be 'fisher' or None. Got {self.significance!r} instead.")
        if self.adjust not in ADJUSTMENTS:
            raise ValueError(
                f"adjust must be one of {', '.join(map(repr, ADJUSTMENTS))}. Got {self.adjust!r} instead."
            )
        if not 0 < self.alpha < 1:
            raise ValueError(f"alpha must be in (0, 1). Got {self.alpha!r} instead.")
        if not self.min_interest >= 0:
            raise ValueError(f"min_interest must be >= 0. Got {self.min_interest!r} instead.")
        if self.significant_only and self.significance is None:
            raise ValueError("significant_only needs significance='fisher'.")

    def _mined(self, baskets: Any, n_baskets: int | None) -> Mined:
        """Itemsets from whatever `fit` was given."""
        groups = self.hierarchy_ = None if self.hierarchy is None else read_hierarchy(self.hierarchy)
        mined = isinstance(baskets, FrequentItemsets)
        frame = isinstance(baskets, pd.DataFrame) and {"support", "itemsets"} <= set(baskets.columns)
        if (mined or frame) and groups is not None:
            raise ValueError("hierarchy needs baskets in fit, not itemsets: groups are mined with the items.")
        if mined:
            check_is_fitted(baskets, "arrays_")
            return Mined(_no_longer(baskets.arrays_, self.max_len), baskets.items_, baskets.n_baskets_)
        if frame:
            itemsets, items = itemsets_from_frame(baskets, n_baskets)
            return Mined(_no_longer(itemsets, self.max_len), items, int(n_baskets or 0))
        if n_baskets is not None:
            raise ValueError("n_baskets goes with a frame of itemsets only; baskets are counted.")
        encoded = encode_baskets(baskets)
        require_baskets(len(encoded), caller="AssociationRules.fit")
        least = least_count(self.min_support, len(encoded))
        related = parents = None
        if groups is not None:
            groups.require_known(encoded.items)
            encoded = groups.extend(encoded)
            encoded = encode_baskets(encoded, items=encoded.items[encoded.counts() >= least])
            related, parents = groups.related(encoded.items), groups.parents(encoded.items)
        found = mine(encoded, least, max_len=self.max_len, related=related, max_itemsets=self.max_itemsets)
        return Mined(found, encoded.items, len(encoded), related, parents)

    def _known(self, baskets: Any) -> Baskets:
        """New baskets in the codes of the rules."""
        encoded = encode_baskets(baskets)
        if self.hierarchy_ is not None:
            encoded = self.hierarchy_.extend(encoded)
        return encode_baskets(encoded, items=self.items_)

    def _holdout(self, baskets: Any, *, caller: str) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
        """How many baskets there are, and for each rule those with A, C and both."""
        check_is_fitted(self, "rules_")
        encoded = self._known(baskets)
        require_baskets(len(encoded), caller=caller)
        return len(encoded), *holdout_counts(encoded, self.left_codes_, self.right_codes_)


def _no_longer(itemsets: Itemsets, max_len: int | None) -> Itemsets:
    return itemsets if max_len is None else chosen(itemsets, itemsets.lengths <= max_len)


def _mask(wanted: Sequence[Any] | None, items: pd.Index, name: str) -> np.ndarray:
    """Items that may stand on one side; all if none are asked for."""
    mask = np.full(len(items), wanted is None)
    if wanted is not None:
        mask[codes_of(wanted, items, f"AssociationRules.fit: {name}")] = True
    return mask
