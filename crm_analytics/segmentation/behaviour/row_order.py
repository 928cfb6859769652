"""An order of customers that does not depend on the order of the table, and is as good as drawn."""

import numpy as np
from numba import njit


def drawn_order(numbers: np.ndarray, codes: np.ndarray, seed: int, most: int | None = None) -> np.ndarray:
    """Rows in an order that their values and `seed` alone decide, so that the first m are a sample.

    Numbers count by their rank in the column: another currency draws the same customers. Rows of
    equal values count as different ones, or a sample would take all of them or none.

    Parameters
    ----------
    numbers : ndarray of float, shape (n, p)
    codes : ndarray of int32, shape (n, q)
    seed : int >= 0
    most : int, optional
        Return only the first so many.
    """
    sign = _signs(_ranks(numbers), codes, np.uint64(seed))
    order = np.argsort(sign)
    drawn = _count_off(sign[order])
    if most is not None and most < len(drawn):
        first = np.argpartition(drawn, most)[:most]
        return order[first[np.argsort(drawn[first])]]
    return order[np.argsort(drawn)]


def n_different(numbers: np.ndarray, codes: np.ndarray) -> int:
    """How many rows are different from each other."""
    sign = _signs(np.ascontiguousarray(numbers + 0.0).view(np.uint64), codes, np.uint64(0))
    return int(np.unique(sign).size)


def _ranks(numbers: np.ndarray) -> np.ndarray:
    """Place of each value among the different ones of its column, shape (n, p)."""
    places = np.empty(numbers.shape, dtype=np.uint64)
    for place, column in enumerate(numbers.T):
        places[:, place] = np.unique(column, return_inverse=True)[1]
    return places


@njit(cache=True)
def _mix(value):
    """Steele, Lea & Flood (2014), SplitMix64: bits in, bits out that look drawn."""
    value += np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@njit(cache=True)
def _signs(bits, codes, seed):
    out = np.empty(bits.shape[0], np.uint64)
    for row in range(bits.shape[0]):
        sign = _mix(seed)
        for f in range(bits.shape[1]):
            sign = _mix(sign ^ bits[row, f])
        for f in range(codes.shape[1]):
            sign = _mix(sign ^ np.uint64(codes[row, f]))
        out[row] = sign
    return out


@njit(cache=True)
def _count_off(ordered):
    """Another sign for the first, second, … of equal signs, which lie together."""
    out = np.empty_like(ordered)
    since = 0
    for row in range(ordered.size):
        if row == 0 or ordered[row] != ordered[row - 1]:
            since = row
        out[row] = _mix(ordered[row] ^ np.uint64(row - since))
    return out
