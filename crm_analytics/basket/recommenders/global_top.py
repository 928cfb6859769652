"""The same best sellers for everyone: what every other recommender has to beat."""

import numpy as np

from crm_analytics.basket.recommenders.base import POPULARITY_HALF_LIFE, Recommender
from crm_analytics.basket.recommenders.judging import judge_half_life
from crm_analytics.basket.recommenders.pairs import Pairs
from crm_analytics.basket.recommenders.popularity import by_falling, item_shares
from crm_analytics.basket.recommenders.selection import Candidates
from crm_analytics.features import Histories

TO_SPARE = 200


class GlobalTop(Recommender):
    """Offer everyone the items that are in most baskets, late baskets weighing more.

    Parameters
    ----------
    level : str, default="item_id"
        What counts as an item where a log is given, see `features.purchase_histories`.
    half_life : float > 0 or None, default=28.0
        Days after which a basket weighs half as much; with None all weigh the same.

    Attributes
    ----------
    popularity_ : ndarray of float, shape (n_items,)
        Weighted share of baskets that hold the item; the score.
    customers_, items_, as_of_, pairs_, expected_gaps_
        See `Recommender`.

    Examples
    --------
    >>> log = read_log(pd.DataFrame({"customer_id": [1, 1, 2], "amount": [1.0, 2.0, 3.0],
    ...     "occurred_at": ["2024-03-01", "2024-03-05", "2024-03-05"], "item_id": ["tea", "milk", "milk"]}))
    >>> GlobalTop(half_life=None).fit(log).recommend(k=1, exclude_recent=0)[["customer_id", "item_id", "score"]]
       customer_id item_id     score
    0            1    milk  0.666667
    1            2    milk  0.666667
    """

    def __init__(self, *, level: str = "item_id", half_life: float | None = POPULARITY_HALF_LIFE) -> None:
        self.level = level
        self.half_life = half_life

    def _judge_parameters(self) -> None:
        judge_half_life(self.half_life)

    def _learn(self, histories: Histories, pairs: Pairs, lines: np.ndarray, as_of: np.datetime64) -> None:
        self.popularity_ = item_shares(histories, as_of, self.half_life)

    def _candidates(self, rows: np.ndarray) -> Candidates:
        # As many as a customer may hold already, and enough to spare; further places are filled in this order.
        own = np.diff(self.pairs_.indptr)[rows]
        best = by_falling(self.popularity_)[: own.max() + TO_SPARE]
        return Candidates(
            np.arange(rows.size + 1) * best.size,
            np.tile(best.astype(np.int32), rows.size),
            np.tile(self.popularity_[best], rows.size),
        )
