"""How far two groupings of the same customers agree, and what a grouping says of an amount."""

from typing import Any

import numpy as np
from sklearn.utils.validation import check_consistent_length, column_or_1d


def adjusted_rand_index(first: Any, second: Any) -> float:
    """Agreement of two groupings beyond chance, whatever their labels are called.

    1 if they are the same, 0 on average if they know nothing of each other, below 0 if they
    agree less than chance would have it. Of all pairs of customers, those that both groupings
    put together (Hubert & Arabie 1985, Comparing partitions, Journal of Classification 2, eq. 5).
    Where both put all customers together, or all apart, they are the same: 1.

    Parameters
    ----------
    first, second : array, shape (n_customers,)
        Labels of any kind.

    Examples
    --------
    >>> adjusted_rand_index([1, 1, 2, 2], ["b", "b", "a", "a"])
    1.0
    >>> round(adjusted_rand_index([1, 1, 2, 2], [1, 2, 2, 2]), 2)
    0.0
    """
    counts = cross_counts(first, second)
    together, rows, columns, all_pairs = (
        _pairs(part).sum() for part in (counts, counts.sum(axis=1), counts.sum(axis=0), counts.sum())
    )
    if rows == columns and (rows == 0 or rows == all_pairs):
        return 1.0
    by_chance = rows * columns / all_pairs
    return float((together - by_chance) / ((rows + columns) / 2 - by_chance))


def recovery(reference: Any, other: Any) -> np.ndarray:
    """How well each group of `reference` is found again in `other`: its best Jaccard index there.

    The customers in both over those in either. 1: found again whole; Hennig calls a group with
    a mean below .6 over bootstrap refits not to be trusted, and above .75 stable (2007,
    Cluster-wise assessment of cluster stability, Computational Statistics & Data Analysis 52).

    Returns
    -------
    ndarray, shape (n_groups of reference,), groups in order of their labels.

    Examples
    --------
    >>> recovery([1, 1, 1, 2, 2], ["b", "b", "a", "a", "a"]).round(2)
    array([0.67, 0.67])
    """
    return jaccard(cross_counts(reference, other)).max(axis=1)


def cross_counts(first: Any, second: Any) -> np.ndarray:
    """Customers in each pair of groups, shape (n_groups of first, of second), groups in order.

    Raises ValueError if there are none, or not as many labels in both.

    >>> cross_counts(["a", "a", "b"], [2, 1, 2])
    array([[1, 1],
           [0, 1]])
    """
    first, second = column_or_1d(first), column_or_1d(second)
    check_consistent_length(first, second)
    if first.size == 0:
        raise ValueError("groupings can be compared on at least one customer. Got none instead.")
    (rows, row), (columns, column) = _coded(first), _coded(second)
    return np.bincount(row * columns + column, minlength=rows * columns).reshape(rows, columns)


def jaccard(counts: np.ndarray) -> np.ndarray:
    """Customers in both over customers in either, for each pair of groups of `cross_counts`."""
    either = counts.sum(axis=1, keepdims=True) + counts.sum(axis=0, keepdims=True) - counts
    return counts / np.maximum(either, 1)


def explained_share(y: Any, label: Any, *, held_out: Any) -> float:
    """Share of the variance of `y` that the means of groups tell of customers they were not taken from.

    1 - (squared errors) / (squared distances from the mean of the held-out), each half
    predicted from the other and both taken together. At most 1; 0 or a little less if the
    groups say nothing. A group that is missing in the half to learn from is given its mean. NaN if
    `y` does not vary in the halves.

    Parameters
    ----------
    y : array of float, shape (n_customers,)
    label : array, shape (n_customers,)
    held_out : array of bool, shape (n_customers,)
        The one half; the other half is the rest.

    Examples
    --------
    >>> explained_share([1.0, 1, 5, 5], [1, 1, 2, 2], held_out=[True, False, True, False])
    1.0
    """
    y, held_out = column_or_1d(np.asarray(y, dtype=float)), column_or_1d(held_out).astype(bool)
    k, place = _coded(column_or_1d(label))
    check_consistent_length(y, place, held_out)
    error = total = 0.0
    for judged in (held_out, ~held_out):
        learned = ~judged
        if not judged.any() or not learned.any():
            return float("nan")
        size = np.bincount(place[learned], minlength=k)
        means = np.bincount(place[learned], weights=y[learned], minlength=k) / np.maximum(size, 1)
        means = np.where(size > 0, means, y[learned].mean())
        error += float(((y[judged] - means[place[judged]]) ** 2).sum())
        total += float(((y[judged] - y[judged].mean()) ** 2).sum())
    return 1 - error / total if total > 0 else float("nan")


def _coded(labels: np.ndarray) -> tuple[int, np.ndarray]:
    """Number of groups, and the place of each customer's among them in order."""
    if (
        labels.dtype.kind in "iu"
        and labels.size
        and labels.min() >= 0
        and labels.max() < 4 * labels.size + 64
    ):
        seen = np.bincount(labels) > 0  # no sorting where labels are small whole numbers
        return int(seen.sum()), (np.cumsum(seen) - 1)[labels]
    found, place = np.unique(labels, return_inverse=True)
    return found.size, place


def _pairs(counts: Any) -> Any:
    counts = np.asarray(counts, dtype=float)
    return counts * (counts - 1) / 2
