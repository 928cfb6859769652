"""EASE: a linear model from what a customer bought to what they may buy, in closed form."""

import numpy as np
from numba import njit
from scipy import linalg, sparse

from crm_analytics.basket.recommenders.base import Recommender, entries_of
from crm_analytics.basket.recommenders.judging import judge, judge_count
from crm_analytics.basket.recommenders.pairs import Pairs
from crm_analytics.basket.recommenders.popularity import by_falling
from crm_analytics.basket.recommenders.selection import Candidates
from crm_analytics.features import Histories


class EASE(Recommender):
    """Score each item by a weighted sum over the items that a customer bought.

    The weights solve a ridge regression of every item on all others, none on itself. They form a
    dense table of items by items, so that only the items with the most buyers take part: with
    2,000 it holds 32 MB. The others are never offered, but for filling up.

    Parameters
    ----------
    level : str, default="item_id"
        What counts as an item where a log is given, see `features.purchase_histories`.
    l2_penalty : float > 0, default=500.0
        λ: the more, the closer to what is popular.
    max_items : int >= 1, default=2000
        Items that take part.
    log_counts : bool, default=True
        Whether an item bought n times counts log(1 + n), rather than 1 as in the paper.

    Attributes
    ----------
    model_items_ : ndarray of int64
        Codes of the items that take part, rising.
    n_items_left_out_ : int
    weights_ : ndarray of float, shape (n_model_items, n_model_items)
        B: row i, column j is what having bought i adds to the score of j; 0 on the diagonal.
    customers_, items_, as_of_, pairs_, expected_gaps_, popularity_
        See `Recommender`.

    References
    ----------
    Steck (2019), Embarrassingly shallow autoencoders for sparse data, WWW, eq. (8).

    Examples
    --------
    >>> log = read_log(pd.DataFrame({"customer_id": [1, 1, 2, 2, 3], "amount": 1.0,
    ...     "occurred_at": ["2024-03-01", "2024-03-01", "2024-03-02", "2024-03-02", "2024-03-03"],
    ...     "item_id": ["tea", "milk", "tea", "milk", "tea"]}))
    >>> EASE(l2_penalty=1.0).fit(log).recommend([3], k=1, novel_only=True)[["item_id", "reason"]]
      item_id           reason
    0    milk  bought with tea
    """

    def __init__(
        self,
        *,
        level: str = "item_id",
        l2_penalty: float = 500.0,
        max_items: int = 2000,
        log_counts: bool = True,
    ) -> None:
        self.level = level
        self.l2_penalty = l2_penalty
        self.max_items = max_items
        self.log_counts = log_counts

    def _judge_parameters(self) -> None:
        judge("l2_penalty", self.l2_penalty, self.l2_penalty > 0, "> 0")
        judge_count("max_items", self.max_items)

    def _learn(self, histories: Histories, pairs: Pairs, lines: np.ndarray, as_of: np.datetime64) -> None:
        n_items = len(self.items_)
        self.model_items_ = most_bought(pairs, n_items, self.max_items)
        self.n_items_left_out_ = n_items - self.model_items_.size
        bought = item_columns(pairs, self._values(), None, self.model_items_, n_items)
        self.weights_ = ease_weights(bought, self.l2_penalty)

    def _values(self) -> np.ndarray:
        counts = self.pairs_.counts
        return np.log1p(counts) if self.log_counts else np.ones(counts.size)

    def _candidates(self, rows: np.ndarray) -> Candidates:
        bought = item_columns(self.pairs_, self._values(), rows, self.model_items_, len(self.items_))
        return Candidates.from_dense(bought @ self.weights_, self.model_items_)

    def _novel_reasons(self, rows: np.ndarray, items: np.ndarray) -> list[str]:
        because = strongest_cause(
            self.pairs_, self._values(), rows, items, self.model_items_, self.weights_, len(self.items_)
        )
        names = self.items_.to_numpy(object)
        return [f"bought with {names[code]}" for code in because]


def most_bought(pairs: Pairs, n_items: int, at_most: int) -> np.ndarray:
    """Codes, rising, of the items with the most buyers."""
    return np.sort(by_falling(np.bincount(pairs.items, minlength=n_items))[:at_most])


def item_columns(
    pairs: Pairs, values: np.ndarray, rows: np.ndarray | None, columns: np.ndarray, n_items: int
) -> sparse.csr_array:
    """Table of some customers (all by default) by the items of `columns`, filled with `values` of pairs."""
    rows = np.arange(pairs.indptr.size - 1) if rows is None else rows
    indptr, entries = entries_of(pairs.indptr, rows)
    place = np.full(n_items, -1)
    place[columns] = np.arange(columns.size)
    column = place[pairs.items[entries]]
    row = np.repeat(np.arange(rows.size), np.diff(indptr))
    inside = column >= 0
    return sparse.csr_array(
        (values[entries][inside].astype(np.float64), (row[inside], column[inside])),
        shape=(rows.size, columns.size),
    )


def ease_weights(bought: sparse.csr_array, l2_penalty: float) -> np.ndarray:
    """B = I - P diag(P)⁻¹ with P = (XᵀX + λI)⁻¹, eq. (8) of Steck."""
    gram = (bought.T @ bought).toarray()
    gram[np.diag_indices_from(gram)] += l2_penalty
    inverse = linalg.inv(gram, overwrite_a=True, check_finite=False)
    weights = inverse / -np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return weights


def strongest_cause(
    pairs: Pairs,
    values: np.ndarray,
    rows: np.ndarray,
    items: np.ndarray,
    model_items: np.ndarray,
    weights: np.ndarray,
    n_items: int,
) -> np.ndarray:
    """Code of the bought item that adds most to the score of each of `items`; -1 if none does."""
    place = np.full(n_items, -1)
    place[model_items] = np.arange(model_items.size)
    return _strongest_cause(pairs.indptr, pairs.items, values.astype(np.float64), rows, items, place, weights)


@njit(cache=True)
def _strongest_cause(indptr, bought, values, rows, items, place, weights):
    because = np.full(rows.size, -1, np.int64)
    for at in range(rows.size):
        column, most = place[items[at]], 0.0
        if column < 0:
            continue
        for entry in range(indptr[rows[at]], indptr[rows[at] + 1]):
            row = place[bought[entry]]
            if row >= 0 and values[entry] * weights[row, column] > most:
                most, because[at] = values[entry] * weights[row, column], bought[entry]
    return because
