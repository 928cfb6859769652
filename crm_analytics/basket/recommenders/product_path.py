"""Product paths: what customers took next after what the customer took last."""

import numpy as np

from crm_analytics.basket.recommenders.base import Recommender, entries_of
from crm_analytics.basket.recommenders.item_knn import because_of
from crm_analytics.basket.recommenders.judging import judge, judge_count
from crm_analytics.basket.recommenders.neighbours import Neighbours, spread, strongest_neighbours
from crm_analytics.basket.recommenders.pairs import Pairs
from crm_analytics.basket.recommenders.selection import Candidates
from crm_analytics.features import Histories


class ProductPath(Recommender):
    """Follow the steps "a, then b": b in the basket after one with a, and not in that one.

    A step weighs (c(a → b) - c(a) p(b)) / (c(a) + shrink): by how much b follows a more often
    than it follows any basket, rare items drawn towards 0; steps below what is usual count
    nothing. An item's score is the sum over what was in the customer's last baskets.

    Parameters
    ----------
    level : str, default="item_id"
        What counts as an item where a log is given, see `features.purchase_histories`.
    n_neighbors : int >= 1, default=100
        Strongest steps kept of each item.
    shrink : float >= 0, default=30.0
        Baskets by which the steps of rare items are drawn towards 0.
    last_baskets : int >= 1, default=5
        Baskets of the customer from whose items the paths go on.

    Attributes
    ----------
    neighbours_ : Neighbours
        `indptr`, `items`, `weights`.
    customers_, items_, as_of_, pairs_, expected_gaps_, popularity_
        See `Recommender`.

    Examples
    --------
    >>> log = read_log(pd.DataFrame({"customer_id": [1, 1, 2, 2, 3], "amount": 1.0,
    ...     "occurred_at": ["2024-03-01", "2024-03-02", "2024-03-01", "2024-03-02", "2024-03-03"],
    ...     "item_id": ["pan", "lid", "jam", "tea", "pan"]}))
    >>> ProductPath().fit(log).recommend([3], k=1, novel_only=True)[["item_id", "reason"]]
      item_id               reason
    0     lid  often next after pan
    """

    neighbours_: Neighbours

    def __init__(
        self,
        *,
        level: str = "item_id",
        n_neighbors: int = 100,
        shrink: float = 30.0,
        last_baskets: int = 5,
    ) -> None:
        self.level = level
        self.n_neighbors = n_neighbors
        self.shrink = shrink
        self.last_baskets = last_baskets

    def _judge_parameters(self) -> None:
        judge_count("n_neighbors", self.n_neighbors)
        judge("shrink", self.shrink, self.shrink >= 0, ">= 0")
        judge_count("last_baskets", self.last_baskets)

    def _learn(self, histories: Histories, pairs: Pairs, lines: np.ndarray, as_of: np.datetime64) -> None:
        after = np.arange(1, len(histories.baskets) + 1)
        after[histories.indptr[1:] - 1] = -1  # nothing follows a customer's last basket
        self.neighbours_ = strongest_neighbours(
            histories.baskets, after, shrink=self.shrink, n_neighbors=self.n_neighbors, cosine=False
        )

    def _spread(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        own, entries = entries_of(self.pairs_.indptr, rows)
        late = (self.pairs_.baskets_since[entries] < self.last_baskets).astype(np.float64)
        return spread(own, self.pairs_.items[entries], late, self.neighbours_, len(self.items_))

    def _candidates(self, rows: np.ndarray) -> Candidates:
        return Candidates(*self._spread(rows)[:3])

    def _novel_reasons(self, rows: np.ndarray, items: np.ndarray) -> list[str]:
        return because_of(self, rows, items, "often next after")
