"""ItemKNN: what goes into baskets together with what the customer bought lately."""

import numpy as np

from crm_analytics.basket.recommenders.base import Recommender, entries_of
from crm_analytics.basket.recommenders.judging import judge, judge_count, judge_half_life
from crm_analytics.basket.recommenders.neighbours import Neighbours, spread, strongest_neighbours
from crm_analytics.basket.recommenders.pairs import Pairs
from crm_analytics.basket.recommenders.popularity import recency_weights
from crm_analytics.basket.recommenders.selection import Candidates
from crm_analytics.features import Histories


class ItemKNN(Recommender):
    """Score an item by its similarity to what the customer bought, late purchases weighing more.

    The similarity of a and b is c(a, b) / (√(c(a) c(b)) + shrink), with c the baskets that hold
    them; each item keeps its strongest neighbours only.

    Parameters
    ----------
    level : str, default="item_id"
        What counts as an item where a log is given, see `features.purchase_histories`.
    n_neighbors : int >= 1, default=100
        Kept of each item.
    shrink : float >= 0, default=10.0
        Baskets by which rare pairs are drawn towards 0.
    half_life : float > 0 or None, default=30.0
        Days after which a customer's purchase weighs half as much; None for never.

    Attributes
    ----------
    neighbours_ : Neighbours
        `indptr`, `items`, `weights`.
    customers_, items_, as_of_, pairs_, expected_gaps_, popularity_
        See `Recommender`.

    References
    ----------
    Deshpande & Karypis (2004), Item-based top-N recommendation algorithms, ACM TOIS 22(1).

    Examples
    --------
    >>> log = read_log(pd.DataFrame({"customer_id": [1, 1, 2, 2, 3], "amount": 1.0,
    ...     "occurred_at": ["2024-03-01", "2024-03-01", "2024-03-02", "2024-03-02", "2024-03-03"],
    ...     "item_id": ["tea", "milk", "tea", "milk", "tea"]}))
    >>> ItemKNN().fit(log).recommend([3], k=1, novel_only=True)[["item_id", "reason"]]
      item_id           reason
    0    milk  bought with tea
    """

    neighbours_: Neighbours

    def __init__(
        self,
        *,
        level: str = "item_id",
        n_neighbors: int = 100,
        shrink: float = 10.0,
        half_life: float | None = 30.0,
    ) -> None:
        self.level = level
        self.n_neighbors = n_neighbors
        self.shrink = shrink
        self.half_life = half_life

    def _judge_parameters(self) -> None:
        judge_count("n_neighbors", self.n_neighbors)
        judge("shrink", self.shrink, self.shrink >= 0, ">= 0")
        judge_half_life(self.half_life)

    def _learn(self, histories: Histories, pairs: Pairs, lines: np.ndarray, as_of: np.datetime64) -> None:
        self.neighbours_ = strongest_neighbours(
            histories.baskets,
            np.arange(len(histories.baskets)),
            shrink=self.shrink,
            n_neighbors=self.n_neighbors,
            cosine=True,
        )

    def _spread(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        own, entries = entries_of(self.pairs_.indptr, rows)
        weight = recency_weights(self.pairs_.last[entries], self.half_life)
        return spread(own, self.pairs_.items[entries], weight, self.neighbours_, len(self.items_))

    def _candidates(self, rows: np.ndarray) -> Candidates:
        return Candidates(*self._spread(rows)[:3])

    def _novel_reasons(self, rows: np.ndarray, items: np.ndarray) -> list[str]:
        return because_of(self, rows, items, "bought with")


def because_of(model, rows: np.ndarray, items: np.ndarray, words: str) -> list[str]:
    """Name the item that gave most of each score of a model that has `_spread`."""
    some, place = np.unique(rows, return_inverse=True)
    indptr, reached, _, because = model._spread(some)
    n_items = len(model.items_)
    keys = np.repeat(np.arange(some.size), np.diff(indptr)) * n_items + reached
    order = np.argsort(keys)
    found = because[order[np.searchsorted(keys[order], place * n_items + items)]]
    names = model.items_.to_numpy(object)
    return [f"{words} {name}" for name in names[found]]
