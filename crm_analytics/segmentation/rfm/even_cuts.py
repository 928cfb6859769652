"""Cut points between scores: groups as even as ties permit, equal values never parted."""

import numpy as np
from numba import njit


def even_cuts(values: np.ndarray, n_bins: int) -> np.ndarray:
    """Values from which the scores 2 to `n_bins` begin: the score is 1 + the cuts that are <= a value.

    Of all cuts that give every score to somebody, those under which the fewest pairs of customers
    share a score: the sum of the squared group sizes is least, so that without ties the groups are
    equal to within one customer. Where half of the customers have the same value, they are one
    group and the rest are shared out evenly over the other scores. Of several best the lowest
    cuts. Quantiles cannot do this: several fall on the tie, and two scores become one.

    With fewer different values than scores, these are spread over the scale: the lowest gets 1,
    the highest `n_bins`, those between the nearest score to their place. A single value gets the
    middle score (the lower of two), and so does any other that is met later.

    Parameters
    ----------
    values : ndarray of shape (n_customers,)
        Finite, at least one; the order does not matter.
    n_bins : int >= 2
        Scores.

    Returns
    -------
    ndarray of shape (n_bins - 1,), not falling: values that occur, or ±inf where there is but one.

    Examples
    --------
    >>> even_cuts(np.array([1, 1, 1, 1, 1, 2, 2, 3, 4, 5]), 4)
    array([2., 3., 4.])
    >>> even_cuts(np.array([1, 1, 1, 1, 7]), 4)
    array([7., 7., 7.])
    """
    distinct, counts = np.unique(values + 0.0, return_counts=True)  # -0.0 + 0.0 is 0.0: one zero, not two
    if distinct.size == 1:
        return np.where(np.arange(1, n_bins) < (n_bins + 1) // 2, -np.inf, np.inf)
    if distinct.size < n_bins:
        place = np.arange(distinct.size) / (distinct.size - 1)
        scores = 1 + np.floor(place * (n_bins - 1) + 0.5).astype(np.int64)
        return distinct[np.searchsorted(scores, np.arange(2, n_bins + 1))]
    ends = np.concatenate([[0], np.cumsum(counts)])
    return distinct[_most_even(ends, n_bins)]


@njit(cache=True)
def _most_even(ends, n_groups):
    """Where the groups 2 to `n_groups` begin if values are parted at the least sum of squared sizes.

    `ends[j]` customers have one of the first j values. `best[j]` is the least sum for these in g
    groups. The start of the last group never falls as j grows, so that half of the starts bound
    the search for the others: n log n steps a group.
    """
    n = ends.size - 1
    start = np.zeros((n_groups + 1, n + 1), np.int32)
    best = ends * ends  # int64: exact for three billion customers
    for g in range(2, n_groups + 1):
        before, best = best, np.zeros(n + 1, np.int64)
        last = n - (n_groups - g)  # a value must be left for each group to come
        half = 1
        while half < last - g + 1:
            half *= 2
        while half >= 1:
            for j in range(g + half - 1, last + 1, 2 * half):
                low = start[g, j - half] if j - half >= g else g - 1
                high = start[g, j + half] if j + half <= last else j - 1
                found = np.int64(-1)
                for i in range(low, min(high, j - 1) + 1):
                    size = ends[j] - ends[i]
                    cost = before[i] + size * size
                    if found < 0 or cost < found:
                        found = cost
                        start[g, j] = i
                best[j] = found
            half //= 2
    cuts = np.empty(n_groups - 1, np.int64)
    j = n
    for g in range(n_groups, 1, -1):
        j = start[g, j]
        cuts[g - 2] = j
    return cuts
