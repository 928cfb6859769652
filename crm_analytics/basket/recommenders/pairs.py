"""Each customer with each item they bought: how often, since when, at what rhythm."""

from dataclasses import dataclass

import numpy as np
from numba import njit

from crm_analytics.basket.recommenders.past import days_before
from crm_analytics.features import Histories


@dataclass(frozen=True, eq=False)
class Pairs:
    """One entry a customer and item bought; by customer, and by item within a customer.

    Attributes
    ----------
    indptr : ndarray of int64, shape (n_customers + 1,)
        Customer i has the entries `indptr[i]` to `indptr[i + 1] - 1`.
    items : ndarray of int32
        Item codes, rising within a customer.
    counts : ndarray of int64
        Occasions on which the customer bought the item.
    days : ndarray of int64
        Days on which they did: two receipts of one morning are one day, and no rhythm.
    first, last : ndarray of float
        Days from the first and the last of them to `as_of`.
    previous : ndarray of float
        Days from the one before the last; NaN for items bought once.
    baskets_since : ndarray of int64
        The customer's occasions after the last one with the item.
    """

    indptr: np.ndarray
    items: np.ndarray
    counts: np.ndarray
    days: np.ndarray
    first: np.ndarray
    last: np.ndarray
    previous: np.ndarray
    baskets_since: np.ndarray

    def __len__(self) -> int:
        return self.items.size

    @property
    def owner(self) -> np.ndarray:
        """Position of the customer of each entry."""
        return np.repeat(np.arange(self.indptr.size - 1), np.diff(self.indptr))


def pair_statistics(histories: Histories, as_of: np.datetime64) -> tuple[Pairs, np.ndarray]:
    """Gather the statistics of each customer and item in one pass over the lines.

    Returns
    -------
    (Pairs, ndarray of int64): the second holds the entry that each line of the baskets belongs
    to, so that `np.bincount(lines, weights)` sums any weight of lines by entry.

    Examples
    --------
    >>> from crm_analytics.features import purchase_histories
    >>> log = read_log(pd.DataFrame({"customer_id": [1, 1, 1], "amount": [1.0, 2.0, 3.0],
    ...     "occurred_at": ["2024-03-01", "2024-03-01", "2024-03-09"], "item_id": ["tea", "milk", "tea"]}))
    >>> pairs, lines = pair_statistics(purchase_histories(log), np.datetime64("2024-03-11"))
    >>> pairs.items, pairs.counts, pairs.last, pairs.baskets_since
    (array([0, 1], dtype=int32), array([1, 2]), array([10.,  2.]), array([1, 0]))
    """
    baskets = histories.baskets
    age = days_before(histories.times, as_of)
    day = histories.times.astype("datetime64[D]").astype(np.int64)
    found = _gather(histories.indptr, baskets.indptr, baskets.indices, age, day, len(baskets.items))
    return Pairs(*found[:-1]), found[-1]


@njit(cache=True)
def _gather(customers, baskets, indices, age, day, n_items):
    n_customers = customers.size - 1
    slot = np.zeros(n_items, np.int64)
    lines = np.empty(indices.size, np.int64)
    indptr = np.zeros(n_customers + 1, np.int64)
    items = np.empty(indices.size, np.int32)
    n = 0
    for customer in range(n_customers):
        begin, end = baskets[customers[customer]], baskets[customers[customer + 1]]
        own = np.unique(indices[begin:end])
        for place in range(own.size):
            slot[own[place]] = n + place
            items[n + place] = own[place]
        for line in range(begin, end):
            lines[line] = slot[indices[line]]
        n += own.size
        indptr[customer + 1] = n
    counts, days, latest = np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n, np.int64)
    first, last, previous = np.full(n, np.nan), np.full(n, np.nan), np.full(n, np.nan)
    since = np.zeros(n, np.int64)
    for customer in range(n_customers):
        for occasion in range(customers[customer], customers[customer + 1]):
            for line in range(baskets[occasion], baskets[occasion + 1]):
                pair = lines[line]
                if counts[pair] == 0:
                    first[pair] = age[occasion]
                if counts[pair] == 0 or day[occasion] > latest[pair]:
                    days[pair] += 1
                    latest[pair] = day[occasion]
                previous[pair] = last[pair]
                last[pair] = age[occasion]
                since[pair] = customers[customer + 1] - 1 - occasion
                counts[pair] += 1
    return indptr, items[:n].copy(), counts, days, first, last, previous, since, lines
