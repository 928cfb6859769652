"""How much of each topic is in what a customer buys; each customer reckoned alone."""

import numpy as np
from numba import njit

_MOST_SWEEPS = 5_000
_STILL = 1e-11  # change of a sweep, relative to the largest weight, from which no more is to come


@njit(cache=True)
def topic_weights(amounts: np.ndarray, topics: np.ndarray, power: float) -> np.ndarray:
    """Non-negative weights w that least-squares (share ** power) ≈ w @ topics, a row a customer.

    Coordinate descent on each customer to its own end, so that no customer's answer depends
    on who else is asked about (Cichocki & Phan 2009 call the step HALS).

    Parameters
    ----------
    amounts : ndarray of float, shape (n_customers, n_categories)
        Non-negative; a row of zeros has weights of zero.
    topics : ndarray of float, shape (n_topics, n_categories)
        Non-negative, no row all 0.
    power : float in (0, 1]

    Returns
    -------
    ndarray of shape (n_customers, n_topics).
    """
    n, d = amounts.shape
    k = topics.shape[0]
    gram = np.zeros((k, k))
    for a in range(k):
        for b in range(k):
            for j in range(d):
                gram[a, b] += topics[a, j] * topics[b, j]
    weights = np.zeros((n, k))
    for i in range(n):
        total = 0.0
        for j in range(d):
            total += amounts[i, j]
        if total <= 0.0:
            continue
        against = np.zeros(k)
        for j in range(d):
            if amounts[i, j] > 0.0:
                part = (amounts[i, j] / total) ** power
                for a in range(k):
                    against[a] += part * topics[a, j]
        w = weights[i]
        for _ in range(_MOST_SWEEPS):
            moved = 0.0
            largest = 0.0
            for a in range(k):
                slope = against[a]
                for b in range(k):
                    slope -= gram[a, b] * w[b]
                new = max(0.0, w[a] + slope / gram[a, a])
                moved = max(moved, abs(new - w[a]))
                largest = max(largest, new)
                w[a] = new
            if moved <= _STILL * largest:
                break
    return weights


@njit(cache=True)
def content_order(amounts: np.ndarray) -> np.ndarray:
    """A number for each row that depends on its values only: by it rows have an order that is their own.

    FNV-1a over the bits of each row (Fowler, Noll & Vo), finished by a mix of the high bits.
    """
    n, d = amounts.shape
    keys = np.empty(n, dtype=np.uint64)
    bits = amounts.view(np.uint64)
    for i in range(n):
        key = np.uint64(14695981039346656037)
        for j in range(d):
            key = (key ^ bits[i, j]) * np.uint64(1099511628211)
            key = key ^ (key >> np.uint64(29))
        keys[i] = key
    return keys
