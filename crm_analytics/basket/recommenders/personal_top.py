"""What the customer buys most: their own best sellers, popularity where two are equal."""

import numpy as np

from crm_analytics.basket.recommenders.base import Recommender, entries_of
from crm_analytics.basket.recommenders.judging import judge, judge_half_life
from crm_analytics.basket.recommenders.pairs import Pairs
from crm_analytics.basket.recommenders.past import days_before
from crm_analytics.basket.recommenders.popularity import recency_weights
from crm_analytics.basket.recommenders.selection import Candidates
from crm_analytics.features import Histories

TIE = 1e-6  # of a basket: popularity, a share, decides only between equal counts


class PersonalTop(Recommender):
    """Offer what the customer bought most often, then what everyone buys.

    Parameters
    ----------
    level : str, default="item_id"
        What counts as an item where a log is given, see `features.purchase_histories`.
    basket_decay : float in (0, 1], default=1.0
        Weight of a basket against the customer's next one; 1 counts all alike.
    half_life : float > 0 or None, default=None
        Days after which a purchase weighs half as much; None for never.

    Attributes
    ----------
    frequencies_ : ndarray of float, shape (n_pairs,)
        Weighted count of the customer's baskets with the item; the score, but for a
        millionth of the item's popularity, by which ties are broken.
    customers_, items_, as_of_, pairs_, expected_gaps_, popularity_
        See `Recommender`.

    Examples
    --------
    >>> log = read_log(pd.DataFrame({"customer_id": [1, 1, 1, 2], "amount": [1.0, 2.0, 3.0, 1.0],
    ...     "occurred_at": ["2024-03-01", "2024-03-05", "2024-03-09", "2024-03-09"],
    ...     "item_id": ["tea", "tea", "milk", "jam"]}))
    >>> PersonalTop().fit(log, "2024-04-01").recommend([1])[["rank", "item_id", "kind"]]
       rank item_id    kind
    0     1     tea  repeat
    1     2    milk  repeat
    2     3     jam   novel
    """

    def __init__(
        self, *, level: str = "item_id", basket_decay: float = 1.0, half_life: float | None = None
    ) -> None:
        self.level = level
        self.basket_decay = basket_decay
        self.half_life = half_life

    def _judge_parameters(self) -> None:
        judge("basket_decay", self.basket_decay, 0 < self.basket_decay <= 1, "in (0, 1]")
        judge_half_life(self.half_life)

    def _learn(self, histories: Histories, pairs: Pairs, lines: np.ndarray, as_of: np.datetime64) -> None:
        back = (
            np.repeat(histories.indptr[1:], np.diff(histories.indptr)) - 1 - np.arange(histories.times.size)
        )
        weight = self.basket_decay**back * recency_weights(
            days_before(histories.times, as_of), self.half_life
        )
        by_line = np.repeat(weight, np.diff(histories.baskets.indptr))
        self.frequencies_ = np.bincount(lines, by_line, minlength=len(pairs))

    def _candidates(self, rows: np.ndarray) -> Candidates:
        own, entries = entries_of(self.pairs_.indptr, rows)
        items = self.pairs_.items[entries]
        return Candidates(own, items, self.frequencies_[entries] + TIE * self.popularity_[items])
