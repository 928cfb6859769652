"""TIFU-KNN: how often each item is bought, decayed, own frequencies mixed with those of similar customers."""

import numpy as np
from numba import njit

from crm_analytics.basket.recommenders.base import Recommender
from crm_analytics.basket.recommenders.judging import judge, judge_count
from crm_analytics.basket.recommenders.pairs import Pairs
from crm_analytics.basket.recommenders.selection import Candidates
from crm_analytics.features import Histories


class TIFUKNN(Recommender):
    """Own item frequencies, fading with time, mixed with the mean of the k nearest customers'.

    Parameters
    ----------
    level : str, default="item_id"
        What counts as an item where a log is given, see `features.purchase_histories`.
    n_neighbors : int >= 1, default=300
        k: customers nearest by Euclidean distance between their vectors.
    within_decay : float in (0, 1], default=0.9
        r_b: weight lost from one basket of a group to the one before.
    group_decay : float in (0, 1], default=0.7
        r_g: weight lost from one group to the one before.
    group_size : int >= 1, default=7
        m: baskets in a group, counted from the last one; the oldest group may have fewer.
    alpha : float in [0, 1], default=0.7
        Weight of the customer's own vector; 1 - alpha is that of the neighbours' mean.

    Attributes
    ----------
    frequencies_ : ndarray of float, shape (n_pairs,)
        Vector of each customer, entries as in `pairs_`.
    customers_, items_, as_of_, pairs_, expected_gaps_, popularity_
        See `Recommender`.

    References
    ----------
    Hu, He, Gao & Zhang (2020), Modeling personalized item frequency information for next-basket
    recommendation, SIGIR. The defaults are theirs for Ta-Feng, with few baskets a customer; with a
    basket every few days (Complete Journey) slower decay, r_b = 1 and r_g = .9, and alpha = .5 did
    a little better on earlier dates. Their code reads m as the number of groups.

    Examples
    --------
    >>> log = read_log(pd.DataFrame({"customer_id": [1, 1, 2, 2, 3], "amount": 1.0,
    ...     "occurred_at": ["2024-03-01", "2024-03-01", "2024-03-02", "2024-03-02", "2024-03-03"],
    ...     "item_id": ["tea", "milk", "tea", "milk", "tea"]}))
    >>> TIFUKNN().fit(log).recommend([3], k=1, novel_only=True)[["item_id", "reason"]]
      item_id                                    reason
    0    milk  bought by customers with similar baskets
    """

    def __init__(
        self,
        *,
        level: str = "item_id",
        n_neighbors: int = 300,
        within_decay: float = 0.9,
        group_decay: float = 0.7,
        group_size: int = 7,
        alpha: float = 0.7,
    ) -> None:
        self.level = level
        self.n_neighbors = n_neighbors
        self.within_decay = within_decay
        self.group_decay = group_decay
        self.group_size = group_size
        self.alpha = alpha

    def _judge_parameters(self) -> None:
        judge_count("n_neighbors", self.n_neighbors)
        judge_count("group_size", self.group_size)
        for name in ("within_decay", "group_decay"):
            judge(name, getattr(self, name), 0 < getattr(self, name) <= 1, "in (0, 1]")
        judge("alpha", self.alpha, 0 <= self.alpha <= 1, "in [0, 1]")

    def _learn(self, histories: Histories, pairs: Pairs, lines: np.ndarray, as_of: np.datetime64) -> None:
        weight = basket_weights(histories.indptr, self.within_decay, self.group_decay, self.group_size)
        by_line = np.repeat(weight, np.diff(histories.baskets.indptr))
        self.frequencies_ = np.bincount(lines, by_line, minlength=len(pairs))

    def _candidates(self, rows: np.ndarray) -> Candidates:
        pairs, n_items = self.pairs_, len(self.items_)
        order = np.argsort(pairs.items, kind="stable")  # the same vectors by item
        by_item = np.searchsorted(pairs.items[order], np.arange(n_items + 1))
        norms = np.bincount(pairs.owner, self.frequencies_**2, minlength=len(self.customers_))
        found = _mixed(
            rows, pairs.indptr, pairs.items, self.frequencies_, by_item, pairs.owner[order].astype(np.int32),
            self.frequencies_[order], norms, min(self.n_neighbors, len(self.customers_) - 1), self.alpha, n_items,
        )  # fmt: skip
        return Candidates(*found)

    def _novel_reasons(self, rows: np.ndarray, items: np.ndarray) -> list[str]:
        return ["bought by customers with similar baskets"] * rows.size


def basket_weights(indptr: np.ndarray, r_b: float, r_g: float, m: int) -> np.ndarray:
    """Weight of each occasion in its customer's vector, eqs. (1) and (2) of Hu et al.

    A group of m baskets is the mean of its baskets, each r_b times the one after it; the vector
    is the mean of the groups, each r_g times the one after it.

    >>> basket_weights(np.array([0, 3]), 0.5, 0.1, 2)
    array([0.05 , 0.125, 0.25 ])
    """
    lengths = np.diff(indptr)
    n = np.repeat(lengths, lengths)
    back = np.repeat(indptr[1:], lengths) - 1 - np.arange(n.size)  # 0 is the last basket
    group, n_groups = back // m, -(-n // m)
    size = np.minimum(m, n - group * m)
    return r_b ** (back % m) / size * r_g**group / n_groups


@njit(cache=True)
def _mixed(rows, indptr, items, values, by_item, owners, by_item_values, norms, k, alpha, n_items):
    n_customers = norms.size
    dots, weight = np.zeros(n_customers), np.zeros(n_items)
    seen = np.zeros(n_items, np.bool_)
    touched = np.empty(n_items, np.int32)
    sizes = np.zeros(rows.size + 1, np.int64)
    out_items, out_scores, filled = np.empty(1024, np.int32), np.empty(1024), 0
    for place in range(rows.size):
        row = rows[place]
        dots[:] = 0.0
        for entry in range(indptr[row], indptr[row + 1]):
            item, value = items[entry], values[entry]
            for other in range(by_item[item], by_item[item + 1]):
                dots[owners[other]] += value * by_item_values[other]
        distance = norms - 2 * dots  # squared, less the same number for all
        distance[row] = np.inf
        n = 0
        for entry in range(indptr[row], indptr[row + 1]):
            item = items[entry]
            weight[item], seen[item], touched[n] = alpha * values[entry], True, item
            n += 1
        if alpha < 1 and k > 0:
            nearest = np.argsort(distance, kind="mergesort")[:k]
            share = (1 - alpha) / k
            for other in nearest:
                for entry in range(indptr[other], indptr[other + 1]):
                    item = items[entry]
                    if not seen[item]:
                        seen[item], touched[n] = True, item
                        n += 1
                    weight[item] += share * values[entry]
        while filled + n > out_items.size:
            out_items = np.concatenate((out_items, np.empty_like(out_items)))
            out_scores = np.concatenate((out_scores, np.empty_like(out_scores)))
        for at in range(n):
            item = touched[at]
            out_items[filled], out_scores[filled] = item, weight[item]
            filled += 1
            weight[item], seen[item] = 0.0, False
        sizes[place + 1] = filled
    return sizes, out_items[:filled].copy(), out_scores[:filled].copy()
