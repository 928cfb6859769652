"""Rows that occur often are computed once."""

from collections.abc import Callable

import numpy as np
from numba import njit

# Below this the search for equal rows is always worth its while; beyond, only if it finds some.
_SAMPLE = 65_536


def distinct_rows(*columns: np.ndarray) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Return the distinct rows of equally long columns, each row's place among them, and their counts.

    Distinct rows come in the order in which they first appear.

    >>> rows, place, counts = distinct_rows(np.array([2, 1, 2]), np.array([5, 5, 5]))
    >>> [column.tolist() for column in rows], place.tolist(), counts.tolist()
    ([[2.0, 1.0], [5.0, 5.0]], [0, 1, 0], [2, 1])
    """
    table = _as_table(columns)
    first, place, _ = _group(table.view(np.uint64), table.shape[1])
    return list(table[:, first]), place, np.bincount(place, minlength=first.size)


def shared_rows(*columns: np.ndarray) -> tuple[list[np.ndarray], np.ndarray] | None:
    """As `distinct_rows`, without counts; None as soon as hardly any row is found to occur twice."""
    table = _as_table(columns)
    first, place, given_up = _group(table.view(np.uint64), min(_SAMPLE, table.shape[1]))
    return None if given_up else (list(table[:, first]), place)


def _as_table(columns: tuple[np.ndarray, ...]) -> np.ndarray:
    table = np.empty((len(columns), len(columns[0])))
    for row, column in zip(table, columns, strict=True):
        np.add(column, 0.0, out=row)  # adding zero makes -0.0 and 0.0 the same bits
    return table


# Ticks to a period that are looked for: periods themselves, days of a week, hours of a day or a
# week, days of a year or a month, hours of a year.
_TICKS = (1.0, 7.0, 24.0, 168.0, 365.25, 365.0, 30.4375, 8766.0)
_BITS = 21  # of each of three whole numbers in a key


def find_ticks(*times: np.ndarray) -> float | None:
    """How many ticks a period has, judged by a few rows; None if time looks continuous.

    >>> find_ticks(np.array([3, 10]) / 7), find_ticks(np.array([0.1234567]))
    (7.0, None)
    """
    some = np.concatenate([part for time in times for part in (time[:256], time[-256:])])
    longest = max(time.max(initial=0.0) for time in times)
    for ticks in _TICKS:
        counts = some * ticks
        if longest * ticks < 2**_BITS and np.abs(counts - np.rint(counts)).max(initial=0.0) < 1e-6:
            return ticks
    return None


def count_in_ticks(x: np.ndarray, t_x: np.ndarray, T: np.ndarray, weight: np.ndarray) -> tuple | None:
    """Row of the first, and total weight, of each distinct (x, t_x, T); None if time has no ticks.

    Whole numbers make one key of three, so that a row costs one look into a hash table.
    """
    ticks = find_ticks(t_x, T)
    if ticks is None:
        return None
    first, weights, whole = _count(x, t_x, T, weight, ticks)
    return (first, weights) if whole else None


def once_in_ticks(
    x: np.ndarray, T: np.ndarray, answer: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> np.ndarray | None:
    """`answer(x, T)`, asked once for each distinct pair; None if time has no ticks or they are too many."""
    ticks = find_ticks(T)
    if ticks is None:
        return None
    least, most = np.rint(T.min() * ticks), np.rint(T.max() * ticks)
    width = int(most - least) + 1
    n_cells = int(x.max() + 1) * width
    if n_cells > 2 * x.size + 100_000:
        return None
    cells, used, whole = _cells(x, T, ticks, int(least), width, n_cells)
    if not whole:
        return None
    found = np.flatnonzero(used >= 0)
    few = answer((found // width).astype(float), T[used[found]])
    table = np.zeros((n_cells, *few.shape[1:]))
    table[found] = few
    return table[cells]


@njit(cache=True)
def _cells(x, T, ticks, least, width, n_cells):
    cells = np.empty(x.size, dtype=np.int32)
    used = np.full(n_cells, -1, dtype=np.int32)
    for i in range(x.size):
        now = T[i] * ticks
        whole = np.int64(now + 0.5)
        if abs(now - whole) > 1e-6:
            return cells, used, False
        cell = np.int64(x[i]) * width + whole - least
        cells[i] = cell
        used[cell] = i
    return cells, used, True


@njit(cache=True)
def _count(x, t_x, T, weight, ticks):
    """See `count_in_ticks`; False if a time is not a whole number of ticks, or a count is too large."""
    size, room, found = 1 << 16, 1 << 15, 0
    slots = np.full(size, -1, dtype=np.int32)
    keys = np.empty(room, dtype=np.int64)
    first = np.empty(room, dtype=np.int64)
    weights = np.empty(room)
    mask = np.int64(size - 1)
    for i in range(x.size):
        t, now = t_x[i] * ticks, T[i] * ticks
        whole_t, whole_now = np.int64(t + 0.5), np.int64(now + 0.5)
        if abs(t - whole_t) > 1e-6 or abs(now - whole_now) > 1e-6 or x[i] >= 2097152 or now >= 2097152:
            return first[:found], weights[:found], False
        key = (np.int64(x[i]) << 42) | (whole_t << 21) | whole_now
        slot = _spread(key) & mask
        at = slots[slot]
        while at >= 0 and keys[at] != key:
            slot = (slot + 1) & mask
            at = slots[slot]
        if at >= 0:
            weights[at] += weight[i]
            continue
        if found == room:  # the table is half full: four times the size, and all find new slots
            size, room = 4 * size, 4 * room
            mask = np.int64(size - 1)
            slots = np.full(size, -1, dtype=np.int32)
            longer_keys, longer_first, longer_weights = (
                np.empty(room, dtype=np.int64), np.empty(room, dtype=np.int64), np.empty(room),
            )  # fmt: skip
            longer_keys[:found], longer_first[:found], longer_weights[:found] = keys, first, weights
            keys, first, weights = longer_keys, longer_first, longer_weights
            for k in range(found):
                slot = _spread(keys[k]) & mask
                while slots[slot] >= 0:
                    slot = (slot + 1) & mask
                slots[slot] = k
            slot = _spread(key) & mask
            while slots[slot] >= 0:
                slot = (slot + 1) & mask
        slots[slot] = found
        keys[found], first[found], weights[found] = key, i, weight[i]
        found += 1
    return first[:found].copy(), weights[:found].copy(), True


@njit(cache=True, inline="always")
def _spread(key):
    """Whole numbers that lie close together, far apart; >= 0."""
    code = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    return np.int64(code >> np.uint64(33))


@njit(cache=True)
def _group(bits: np.ndarray, sample: int) -> tuple[np.ndarray, np.ndarray, bool]:
    """First occurrences, places, and whether it gave up: nine in ten of `sample` rows were new.

    A hash table with open addressing; keys lie beside each other, so that those which occur
    often stay in the processor's cache.
    """
    n_columns, n = bits.shape
    size, room = 4096, 2048
    slots = np.full(size, -1, dtype=np.int32)
    keys = np.empty((room, n_columns), dtype=np.uint64)
    first = np.empty(room, dtype=np.int64)
    place = np.empty(n, dtype=np.int64)
    key = np.empty(n_columns, dtype=np.uint64)
    found = 0
    for i in range(n):
        if i == sample and found > 0.9 * sample:
            return first[:found].copy(), place, True
        for j in range(n_columns):
            key[j] = bits[j, i]
        slot = _hash(key) & (size - 1)
        at = slots[slot]
        while at >= 0:
            same = True
            for j in range(n_columns):
                if keys[at, j] != key[j]:
                    same = False
                    break
            if same:
                break
            slot = (slot + 1) & (size - 1)
            at = slots[slot]
        if at < 0:
            if found == room:  # the table is half full: four times the size, and all find new slots
                size, room = 4 * size, 4 * room
                slots = np.full(size, -1, dtype=np.int32)
                longer_keys = np.empty((room, n_columns), dtype=np.uint64)
                longer_keys[:found] = keys
                longer_first = np.empty(room, dtype=np.int64)
                longer_first[:found] = first
                keys, first = longer_keys, longer_first
                for k in range(found):
                    slot = _hash(keys[k]) & (size - 1)
                    while slots[slot] >= 0:
                        slot = (slot + 1) & (size - 1)
                    slots[slot] = k
                slot = _hash(key) & (size - 1)
                while slots[slot] >= 0:
                    slot = (slot + 1) & (size - 1)
            slots[slot] = found
            first[found] = i
            keys[found] = key
            at = found
            found += 1
        place[i] = at
    return first[:found].copy(), place, False


@njit(cache=True, inline="always")
def _hash(key):
    code = np.uint64(0x9E3779B97F4A7C15)
    for j in range(key.size):
        code = (code ^ key[j]) * np.uint64(0xBF58476D1CE4E5B9)
        code ^= code >> np.uint64(32)
    return np.int64(code & np.uint64(0x7FFFFFFF))
