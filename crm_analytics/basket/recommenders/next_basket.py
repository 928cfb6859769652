"""The next basket: what each customer will buy again and what anew, scored apart and put on one scale."""

from typing import Any

import numpy as np
from scipy.special import expit, logit

from crm_analytics.basket.recommenders.base import Recommender, entries_of
from crm_analytics.basket.recommenders.boosted import calibration, chance, grow
from crm_analytics.basket.recommenders.ease import strongest_cause
from crm_analytics.basket.recommenders.judging import judge, judge_count
from crm_analytics.basket.recommenders.next_basket_features import (
    NOVEL_FEATURES,
    REPEAT_FEATURES,
    Offers,
    View,
    first_baskets_after,
    is_among,
)
from crm_analytics.basket.recommenders.pairs import Pairs
from crm_analytics.basket.recommenders.past import before
from crm_analytics.basket.recommenders.selection import Candidates
from crm_analytics.features import Histories

LEAST_BOUGHT = 50  # offers that were taken up; with fewer, trees learn noise
NOVEL_LEAVES = 4  # few new items are bought, so that larger trees learn noise
KINDS = ("repeat", "novel")


class NextBasketRecommender(Recommender):
    """Chance that an item is in the customer's next basket, learned from baskets before `as_of`.

    Items bought before and new ones follow different laws, so each has its own boosted trees.
    Repeats are told how often, how lately and at what rhythm the customer bought the item; both
    are told how popular it is and how EASE, ItemKNN and the paths between baskets rate it. They
    learn from the first basket of each customer after each of a few earlier dates, seen from
    which only the past before it counts. A basket of n items weighs 1/√n, and for new items one over
    their number, since a large basket holds many items and yet is one customer's. A map of the
    log-odds then makes either kind's chances agree with what was bought, all baskets counting
    alike, so that the two can be merged.

    All customers are scored in `fit`, so that `recommend` only looks up.

    Parameters
    ----------
    level : str, default="item_id"
        What counts as an item where a log is given, see `features.purchase_histories`.
    learn_from : sequence of int, default=(7, 14, 28, 42)
        Days before `as_of` from which the trees look back, and ahead to the next basket.
    n_repeat, n_novel : int >= 1, default=100, 40
        Items of a customer that are scored: own habits, and new ones (up to twice as many).
    max_items : int >= 1, default=1500
        Items with the most buyers, of which new ones are drawn.
    l2_penalty : float > 0, default=500.0
        Of EASE.
    rounds : int >= 1, default=120
        Trees of either kind.
    learning_rate : float in (0, 1], default=0.08
    max_leaves : int >= 2, default=15
        Leaves of a tree; 4 at most for new items.
    min_offers : int >= 1, default=100
        Offers in a leaf.
    random_state : int, default=0
        Draws the half of the features that a tree may use.
    n_jobs : int, default=1
        Threads; the answer is the same for any number.

    Attributes
    ----------
    repeat_trees_, novel_trees_ : str
        LightGBM's text; empty where there was too little to learn from.
    fallback_ : dict of str to str
        For "repeat" and "novel", why no trees were grown, empty where they were. Repeats are
        then scored by the customer's decayed share of baskets with the item, new ones by the
        share of late baskets that hold them.
    fit_report_ : dict
        `offers`, `bought` (counts) by kind; `dates`, the days before `as_of` that were used.
    calibration_ : dict of str to tuple of float
        Intercept and slope of the map, by kind; (0, 1) where nothing was learned.
    candidates_ : dict of str to ndarray
        `indptr`, `items`, `chances` of each customer's candidates, and `because`, the
        item that speaks most for a new one (-1 for none).
    customers_, items_, as_of_, pairs_, expected_gaps_, popularity_
        See `Recommender`.

    References
    ----------
    Steck (2019), see `EASE`; Ke et al. (2017), LightGBM, NeurIPS 30. That repeats and new items
    be modelled and judged apart: Li, Jullien, Ariannezhad & de Rijke (2023), A next basket
    recommendation reality check, ACM TOIS 41(4).

    Examples
    --------
    >>> log = read_log(pd.DataFrame({"customer_id": [1, 1, 1, 2], "amount": 1.0,
    ...     "occurred_at": ["2024-03-01", "2024-03-05", "2024-03-09", "2024-03-09"],
    ...     "item_id": ["tea", "tea", "milk", "jam"]}))
    >>> model = NextBasketRecommender().fit(log, "2024-03-10")
    >>> model.recommend([1], exclude_recent=0)[["rank", "item_id", "kind"]]
       rank item_id    kind
    0     1     tea  repeat
    1     2    milk  repeat
    2     3     jam   novel
    >>> model.fallback_["repeat"]  # such a log has nothing to teach
    '1 of 1 repeat offers were bought after the earlier dates; trees need 50 bought, and some
    that were not.'
    """

    def __init__(
        self,
        *,
        level: str = "item_id",
        learn_from: tuple[int, ...] = (7, 14, 28, 42),
        n_repeat: int = 100,
        n_novel: int = 40,
        max_items: int = 1500,
        l2_penalty: float = 500.0,
        rounds: int = 120,
        learning_rate: float = 0.08,
        max_leaves: int = 15,
        min_offers: int = 100,
        random_state: int = 0,
        n_jobs: int = 1,
    ) -> None:
        self.level = level
        self.learn_from = learn_from
        self.n_repeat = n_repeat
        self.n_novel = n_novel
        self.max_items = max_items
        self.l2_penalty = l2_penalty
        self.rounds = rounds
        self.learning_rate = learning_rate
        self.max_leaves = max_leaves
        self.min_offers = min_offers
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _judge_parameters(self) -> None:
        days = tuple(self.learn_from)
        judge("learn_from", self.learn_from, bool(days) and min(days) > 0, "days > 0, at least one")
        for name in ("n_repeat", "n_novel", "max_items", "rounds", "min_offers"):
            judge_count(name, getattr(self, name))
        judge_count("max_leaves", self.max_leaves, 2)
        judge("l2_penalty", self.l2_penalty, self.l2_penalty > 0, "> 0")
        judge("learning_rate", self.learning_rate, 0 < self.learning_rate <= 1, "in (0, 1]")

    def _learn(self, histories: Histories, pairs: Pairs, lines: np.ndarray, as_of: np.datetime64) -> None:
        taught, days = self._lessons(histories, as_of)
        self.fallback_, self.calibration_, trees = {}, {}, {}
        report: dict[str, Any] = {"dates": days, "offers": {}, "bought": {}}
        for kind in KINDS:
            features, bought, weight, fold = taught[kind]
            report["offers"][kind], report["bought"][kind] = int(bought.size), int(bought.sum())
            trees[kind], self.fallback_[kind] = "", too_little(bought, kind)
            self.calibration_[kind] = (0.0, 1.0)
            if not self.fallback_[kind]:
                params = self._tree_params(bought.size, kind)
                trees[kind] = grow(features, bought, weight, params)
                self.calibration_[kind] = calibration(trees[kind], features, bought, weight, fold, params)
        self.fit_report_ = report
        self.repeat_trees_, self.novel_trees_ = trees["repeat"], trees["novel"]
        del taught  # hundreds of megabytes of a large log
        view = self._view(histories, as_of)
        self.candidates_ = self._scored(view, *view.offers(self.n_repeat, self.n_novel))

    def _view(self, past: Histories, as_of: np.datetime64) -> View:
        return View(past, as_of, max_items=self.max_items, l2_penalty=self.l2_penalty)

    def _lessons(self, histories: Histories, as_of: np.datetime64) -> tuple[dict, list[int]]:
        """Offers as seen from earlier dates: features, whether bought, weight, half of the customers."""
        half = np.random.default_rng(self.random_state).random(len(histories)) < 0.5
        found: dict[str, list] = {kind: [] for kind in KINDS}
        days = []
        for ago in self.learn_from:
            start = as_of - np.timedelta64(ago, "D")
            if not histories.times.min() < start:
                continue
            past = before(histories, start)
            view = self._view(past, start)
            rows, items, sizes, n_new = first_baskets_after(histories, start, past, view.pairs)
            if not sizes.any():
                continue
            days.append(int(ago))
            weights = {"repeat": np.maximum(sizes, 1) ** -0.5, "novel": 1 / np.maximum(n_new, 1)}
            for kind, some in zip(KINDS, view.offers(self.n_repeat, self.n_novel), strict=True):
                came = sizes[some.rows] > 0
                bought = is_among(some, rows, items, len(past.baskets.items))
                weight = weights[kind][some.rows]
                fold = half[histories.customers.get_indexer(past.customers)][some.rows]
                found[kind].append((some.features[came], bought[came], weight[came], fold[came]))
        width = {"repeat": len(REPEAT_FEATURES), "novel": len(NOVEL_FEATURES)}
        nothing = {
            kind: (np.empty((0, width[kind]), np.float32), np.empty(0, bool), np.empty(0), np.empty(0, bool))
            for kind in KINDS
        }
        return {
            kind: tuple(np.concatenate(part) for part in zip(*found[kind], strict=True))
            if found[kind]
            else nothing[kind]
            for kind in KINDS
        }, days

    def _tree_params(self, n_offers: int, kind: str) -> dict[str, Any]:
        return {
            "num_iterations": self.rounds,
            "learning_rate": self.learning_rate,
            "num_leaves": self.max_leaves if kind == "repeat" else min(self.max_leaves, NOVEL_LEAVES),
            "min_data_in_leaf": max(1, min(self.min_offers, n_offers // 20)),
            "seed": int(self.random_state),
            "num_threads": self.n_jobs,
        }

    def _scored(self, view: View, repeat: Offers, novel: Offers) -> dict[str, np.ndarray]:
        plain = {
            "repeat": repeat.features[:, REPEAT_FEATURES.index("share_of_120d")],
            "novel": novel.features[:, NOVEL_FEATURES.index("share_28d")],
        }
        chances = []
        for kind, offers, trees in zip(
            KINDS, (repeat, novel), (self.repeat_trees_, self.novel_trees_), strict=True
        ):
            if trees:
                a, b = self.calibration_[kind]
                chances.append(expit(a + b * logit(chance(trees, offers.features, self.n_jobs))))
            else:
                chances.append(np.nan_to_num(plain[kind].astype(float)))
        because = strongest_cause(
            view.pairs, view.log_counts, novel.rows, novel.items, view.model_items, view.ease, view.n_items
        )
        rows = np.concatenate([repeat.rows, novel.rows])
        order = np.argsort(rows, kind="stable")
        return {
            "indptr": np.searchsorted(rows[order], np.arange(len(view.past) + 1)).astype(np.int64),
            "items": np.concatenate([repeat.items, novel.items])[order].astype(np.int32),
            "chances": np.concatenate(chances)[order],
            "because": np.concatenate([np.full(repeat.rows.size, -1), because])[order].astype(np.int32),
        }

    def _candidates(self, rows: np.ndarray) -> Candidates:
        own, entries = entries_of(self.candidates_["indptr"], rows)
        return Candidates(own, self.candidates_["items"][entries], self.candidates_["chances"][entries])

    def _novel_reasons(self, rows: np.ndarray, items: np.ndarray) -> list[str]:
        n_items, known = len(self.items_), self.candidates_
        keys = np.repeat(np.arange(len(self.customers_)), np.diff(known["indptr"])) * n_items + known["items"]
        order = np.argsort(keys)
        because = known["because"][order[np.searchsorted(keys[order], rows * n_items + items)]]
        names, popular = self.items_.to_numpy(object), super()._novel_reasons(rows, items)
        return [
            f"bought with {names[code]}" if code >= 0 else text
            for code, text in zip(because.tolist(), popular, strict=True)
        ]


def too_little(bought: np.ndarray, kind: str) -> str:
    """Say why trees cannot be grown from these outcomes; empty if they can."""
    if bought.sum() >= LEAST_BOUGHT and not bought.all():
        return ""
    return (
        f"{int(bought.sum()):,} of {bought.size:,} {kind} offers were bought after the earlier dates; trees need "
        f"{LEAST_BOUGHT} bought, and some that were not."
    )
