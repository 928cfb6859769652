"""Numbers of segments that keep their meaning when segments are found anew."""

import numpy as np
from scipy.optimize import linear_sum_assignment

from crm_analytics.metrics.clusters import jaccard

GOES_ON = 0.25  # Jaccard index from which a new segment is an old one


def aligned_numbers(counts: np.ndarray, numbers: np.ndarray, last: int) -> np.ndarray:
    """A number for each new segment: that of the old one it goes on as, or one never used before.

    New and old segments are paired so that the sum of their Jaccard indices is greatest (the
    Hungarian method, Kuhn 1955). A pair keeps the old number if they share a quarter of the
    customers who are in either: so does the larger part of a segment that falls in two, and the
    larger of two that become one.

    Parameters
    ----------
    counts : ndarray of int, shape (n_new, n_old)
        Customers in each pair of new and old segment.
    numbers : ndarray of int, shape (n_old,)
        Numbers of the old segments.
    last : int
        The largest number ever used.

    Examples
    --------
    >>> aligned_numbers(np.array([[1, 90], [60, 5], [40, 4]]), np.array([1, 2]), last=2)
    array([2, 1, 3])
    """
    alike = jaccard(counts)
    new, old = linear_sum_assignment(-alike)
    out = np.zeros(len(counts), dtype=np.int64)
    goes_on = alike[new, old] >= GOES_ON
    out[new[goes_on]] = numbers[old[goes_on]]
    fresh = np.flatnonzero(out == 0)
    out[fresh] = last + 1 + np.arange(fresh.size)
    return out


def cross_table(new: np.ndarray, n_new: int, old: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Customers in each pair of new place (0 to n_new - 1) and old number, shape (n_new, len(numbers))."""
    order = np.argsort(numbers)
    place = order[np.searchsorted(numbers[order], old)]
    return np.bincount(new * len(numbers) + place, minlength=n_new * len(numbers)).reshape(n_new, -1)
