"""What patterns grow on: coded occasions, what each can reach, and where each item was bought."""

from typing import NamedTuple

import numpy as np
from numba import njit

FAR = 2**62  # more periods than lie between any two occasions
KEY, SPAN = 0, 1  # columns of late entries: a word each, read in one go
LOW = 2**32 - 1  # the lower half of such a word


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
    begin: np.ndarray  # int64: places of each entry
    stop: np.ndarray  # int64
    late_ptr: np.ndarray  # int64: where each customer's entries begin in `late`; they end with a key of -1
    late: np.ndarray  # int64, two columns: last position x 2^32 + item, and begin x 2^32 + stop


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
    count, seen = np.zeros(n_items, np.int64), np.full(n_items, -1)
    for c in range(customer_ptr.size - 1):
        for k in range(basket_ptr[customer_ptr[c]], basket_ptr[customer_ptr[c + 1]]):
            if seen[items[k]] != c:
                seen[items[k]] = c
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
    return ptr, kept[:n].copy()


@njit(cache=True)
def enter(
    basket_ptr: np.ndarray, items: np.ndarray, owner: np.ndarray, customer_ptr: np.ndarray, n_items: int
) -> Entries:
    """Find where each customer bought each item; linear in the lines."""
    place_ptr = np.zeros(n_items + 1, np.int64)
    for x in items:
        place_ptr[x + 1] += 1
    for x in range(n_items):
        place_ptr[x + 1] += place_ptr[x]
    places, at = np.empty(items.size, np.int32), place_ptr[:-1].copy()
    for p in range(owner.size):
        for k in range(basket_ptr[p], basket_ptr[p + 1]):
            places[at[items[k]]] = p
            at[items[k]] += 1
    begin, stop = np.empty(items.size, np.int64), np.empty(items.size, np.int64)
    item_ptr = np.zeros(n_items + 1, np.int64)
    n = 0
    for x in range(n_items):
        for k in range(place_ptr[x], place_ptr[x + 1]):
            if k == place_ptr[x] or owner[places[k]] != owner[places[k - 1]]:
                begin[n] = k
                n += 1
            stop[n - 1] = k + 1
        item_ptr[x + 1] = n
    n_customers = customer_ptr.size - 1
    late_ptr, late = np.zeros(n_customers, np.int64), np.empty((n + n_customers, 2), np.int64)
    following, seen = item_ptr[:-1].copy(), np.full(n_items, -1)  # an item's entries go by customer
    m = 0
    for c in range(n_customers):
        late_ptr[c] = m
        for p in range(customer_ptr[c + 1] - 1, customer_ptr[c] - 1, -1):
            for x in items[basket_ptr[p] : basket_ptr[p + 1]]:
                if seen[x] != c:
                    seen[x] = c
                    entry = following[x]
                    late[m, KEY], late[m, SPAN] = (p << 32) | np.int64(x), (begin[entry] << 32) | stop[entry]
                    following[x] += 1
                    m += 1
        late[m, KEY] = -1
        m += 1
    return Entries(places, item_ptr, begin[:n].copy(), stop[:n].copy(), late_ptr, late)
