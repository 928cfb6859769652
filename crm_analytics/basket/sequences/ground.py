"""What patterns grow on: coded occasions, what each can reach, and where each item was bought."""

from typing import NamedTuple

import numpy as np
from numba import njit

FAR = 2**62  # more periods than lie between any two occasions


class Ground(NamedTuple):
    """Occasions, customer by customer; a position is the number of an occasion among all."""

    basket_ptr: np.ndarray  # int64: items of each occasion
    items: np.ndarray  # uint32: rising within an occasion, frequent ones only
    owner: np.ndarray  # int32: customer of each occasion
    customer_ptr: np.ndarray  # int64: occasions of each customer
    numbers: np.ndarray  # int64: period of each occasion
    after: np.ndarray  # int32: first position that may follow each
    before: np.ndarray  # int32: one past the last position that each may follow
    since: np.ndarray  # int32: first position within the greatest gap before each
    origin: np.ndarray  # int32: first position within the greatest span before each


class Entries(NamedTuple):
    """One entry for each customer and item, by item and customer; and by customer, last bought first."""

    places: np.ndarray  # int32: positions where items were bought, by item and time
    item_ptr: np.ndarray  # int64: entries of each item
    rows: np.ndarray  # int64, four columns: see below
    late: np.ndarray  # int64, two columns: last position x 2^32 + item, and first x 2^32 + past last place


# Columns of rows: places or ends from BEGIN to STOP - 1; the first position that may follow; and what
# was bought, last first, in late entries from LATE on to a key of -1.
BEGIN, STOP, EARLIEST, LATE = 0, 1, 2, 3
KEY, SPAN = 0, 1  # columns of late entries: each one word, read in one go
LOW = 2**32 - 1  # the lower half of such a word


@njit(cache=True)
def reaches(
    customer_ptr: np.ndarray, numbers: np.ndarray, min_gap: int, max_gap: int, max_span: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Turn limits in periods into limits in positions: `after`, `before`, `since` and `origin`."""
    n = numbers.size
    after, before = np.empty(n, np.int32), np.empty(n, np.int32)
    since, origin = np.empty(n, np.int32), np.empty(n, np.int32)
    for c in range(customer_ptr.size - 1):
        first, stop = customer_ptr[c], customer_ptr[c + 1]
        a, b, s, o = first, first, first, first
        for p in range(first, stop):
            a = max(a, p + 1)
            while a < stop and numbers[a] - numbers[p] < min_gap:
                a += 1
            while b < p and numbers[p] - numbers[b] >= min_gap:
                b += 1
            while numbers[p] - numbers[s] > max_gap:
                s += 1
            while numbers[p] - numbers[o] > max_span:
                o += 1
            after[p], before[p], since[p], origin[p] = a, b, s, o
    return after, before, since, origin


@njit(cache=True)
def customers_with(
    basket_ptr: np.ndarray, items: np.ndarray, customer_ptr: np.ndarray, n_items: int
) -> np.ndarray:
    """Customers who ever bought each item."""
    count, seen = np.zeros(n_items, np.int64), np.zeros(n_items, np.int64)
    for c in range(customer_ptr.size - 1):
        for k in range(basket_ptr[customer_ptr[c]], basket_ptr[customer_ptr[c + 1]]):
            if seen[items[k]] != c + 1:
                seen[items[k]] = c + 1
                count[items[k]] += 1
    return count


@njit(cache=True)
def keep_items(
    basket_ptr: np.ndarray, items: np.ndarray, new_code: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Recode the items, leaving out those whose new code is -1; occasions stay, be they empty."""
    ptr, kept = np.zeros(basket_ptr.size, np.int64), np.empty(items.size, np.uint32)
    n = 0
    for p in range(basket_ptr.size - 1):
        for k in range(basket_ptr[p], basket_ptr[p + 1]):
            code = new_code[items[k]]
            if code >= 0:
                kept[n] = code
                n += 1
        ptr[p + 1] = n
    return ptr, kept[:n]


def enter(ground: Ground, holders: np.ndarray) -> Entries:
    """Find where each customer bought each item, which `holders` customers did; linear in the lines."""
    n_items, n_customers = holders.size, ground.customer_ptr.size - 1
    item_ptr, place_ptr = np.zeros(n_items + 1, np.int64), np.zeros(n_items + 1, np.int64)
    np.cumsum(holders, out=item_ptr[1:])
    np.cumsum(np.bincount(ground.items, minlength=n_items), out=place_ptr[1:])
    places = np.empty(ground.items.size, np.int32)
    rows = np.empty((item_ptr[-1], 4), np.int64)
    late = np.empty((item_ptr[-1] + n_customers, 2), np.int64)
    _enter(ground, place_ptr[:-1].copy(), item_ptr[:-1].copy(), places, rows, late)
    return Entries(places, item_ptr, rows, late)


@njit(cache=True)
def _enter(
    ground: Ground,
    place_at: np.ndarray,
    row_at: np.ndarray,
    places: np.ndarray,
    rows: np.ndarray,
    late: np.ndarray,
) -> None:
    basket_ptr, items, customer_ptr = ground.basket_ptr, ground.items, ground.customer_ptr
    met, m = np.zeros(row_at.size, np.int64), 0
    for c in range(customer_ptr.size - 1):
        listed = m
        for p in range(customer_ptr[c], customer_ptr[c + 1]):
            for k in range(basket_ptr[p], basket_ptr[p + 1]):
                x = items[k]
                if met[x] != c + 1:
                    met[x] = c + 1
                    row = row_at[x]
                    rows[row, BEGIN], rows[row, EARLIEST], rows[row, LATE] = (
                        place_at[x],
                        ground.after[p],
                        listed,
                    )
                    row_at[x] += 1
                places[place_at[x]] = p
                place_at[x] += 1
        for p in range(customer_ptr[c + 1] - 1, customer_ptr[c] - 1, -1):
            for k in range(basket_ptr[p], basket_ptr[p + 1]):
                x = items[k]
                if met[x] == c + 1:
                    met[x] = -1
                    row = row_at[x] - 1
                    rows[row, STOP] = place_at[x]
                    late[m, KEY] = (p << 32) | np.int64(x)
                    late[m, SPAN] = (rows[row, BEGIN] << 32) | place_at[x]
                    m += 1
        late[m, KEY] = -1
        m += 1
