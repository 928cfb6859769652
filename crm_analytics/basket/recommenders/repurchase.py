"""What is due: the customer's own items by how often they buy them and how long ago they last did."""

import numpy as np

from crm_analytics.basket.recommenders.base import Recommender, entries_of
from crm_analytics.basket.recommenders.judging import judge
from crm_analytics.basket.recommenders.pairs import Pairs
from crm_analytics.basket.recommenders.rhythm import expected_gaps
from crm_analytics.basket.recommenders.selection import Candidates
from crm_analytics.features import Histories


class Repurchase(Recommender):
    """Offer again what is due, by each customer's rhythm with each item.

    The rhythm is the mean gap between purchases, drawn towards the item's own:
    g = (sum of own gaps + prior × item's mean gap) / (own gaps + prior). With t days since the
    last purchase the score is share × readiness: the share of the customer's baskets, since the
    first with the item, that held it, n / (baskets + prior_baskets), and the readiness
    (t / g)^sharpness up to g, falling as exp(-(t / g - 1) / patience) after it.

    This says what is due, and when; as a ranking of the very next basket it does not beat
    `PersonalTop`, since what is bought every week is bought early, too.

    Parameters
    ----------
    level : str, default="item_id"
        What counts as an item where a log is given, see `features.purchase_histories`.
    prior_gaps : float >= 0, default=3.0
        Own gaps that the item's mean gap weighs as much as.
    prior_baskets : float >= 0, default=50.0
        Baskets without the item added to each share, so that few do not tell much.
    sharpness : float >= 0, default=0.1
        0 counts an item bought a moment ago as ready; 1 counts readiness in proportion to time.
    patience : float > 0, default=8.0
        Gaps overdue after which readiness has fallen to 1/e: the customer may have left the item.

    Attributes
    ----------
    gaps_ : ndarray of float, shape (n_pairs,)
        g, in days; NaN if nobody bought the item twice, which is scored with readiness 1.
    due_ : ndarray of bool, shape (n_pairs,)
        Whether t >= g.
    scores_ : ndarray of float, shape (n_pairs,)
    customers_, items_, as_of_, pairs_, expected_gaps_, popularity_
        See `Recommender`.

    Examples
    --------
    >>> log = read_log(pd.DataFrame({"customer_id": 1, "amount": 1.0, "item_id": ["tea", "tea", "tea", "milk"],
    ...     "occurred_at": ["2024-03-01", "2024-03-11", "2024-03-21", "2024-03-30"]}))
    >>> Repurchase().fit(log, "2024-04-01").recommend(repeat_only=True)[["item_id", "reason"]]
      item_id                                       reason
    0     tea  due again: about every 10 days, last 11 days ago
    1    milk                 bought once, last 2 days ago
    """

    def __init__(
        self,
        *,
        level: str = "item_id",
        prior_gaps: float = 3.0,
        prior_baskets: float = 50.0,
        sharpness: float = 0.1,
        patience: float = 8.0,
    ) -> None:
        self.level = level
        self.prior_gaps = prior_gaps
        self.prior_baskets = prior_baskets
        self.sharpness = sharpness
        self.patience = patience

    def _judge_parameters(self) -> None:
        judge("prior_gaps", self.prior_gaps, self.prior_gaps >= 0, ">= 0")
        judge("prior_baskets", self.prior_baskets, self.prior_baskets >= 0, ">= 0")
        judge("sharpness", self.sharpness, self.sharpness >= 0, ">= 0")
        judge("patience", self.patience, self.patience > 0, "> 0")

    def _learn(self, histories: Histories, pairs: Pairs, lines: np.ndarray, as_of: np.datetime64) -> None:
        self.gaps_ = self.expected_gaps_ = expected_gaps(pairs, len(self.items_), prior_gaps=self.prior_gaps)
        self.due_ = pairs.last >= self.gaps_  # not where the gap is NaN
        n_since_first = baskets_since_first(histories, pairs, lines)
        share = pairs.counts / (n_since_first + self.prior_baskets)
        self.scores_ = share * readiness(pairs.last, self.gaps_, self.sharpness, self.patience)

    def _candidates(self, rows: np.ndarray) -> Candidates:
        own, entries = entries_of(self.pairs_.indptr, rows)
        return Candidates(own, self.pairs_.items[entries], self.scores_[entries])


def readiness(days: np.ndarray, gaps: np.ndarray, sharpness: float, patience: float) -> np.ndarray:
    """How ready a customer is to buy again `days` after the last time; 1 when the gap has gone by.

    >>> readiness(np.array([6.0, 12.0, 36.0]), np.array([12.0, 12.0, 12.0]), 1.0, 2.0).round(3)
    array([0.5  , 1.   , 0.368])
    """
    with np.errstate(divide="ignore", invalid="ignore"):  # a gap of 0: all of an hour's visits
        ratio = np.where(gaps > 0, days / gaps, 1.0)
    early = np.minimum(ratio, 1.0) ** sharpness
    return early * np.exp(-np.maximum(ratio - 1.0, 0.0) / patience)


def baskets_since_first(histories: Histories, pairs: Pairs, lines: np.ndarray) -> np.ndarray:
    """Occasions of the customer from the first one with the item on, shape (n_pairs,)."""
    back = np.repeat(histories.indptr[1:], np.diff(histories.indptr)) - np.arange(histories.times.size)
    n = np.ones(len(pairs), dtype=np.int64)
    np.maximum.at(n, lines, np.repeat(back, np.diff(histories.baskets.indptr)))
    return n
