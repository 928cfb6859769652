"""Passes over the rows of a pattern: which patterns of one more item there are, and where they end.

A row is a customer who has the pattern. A longer pattern has a code: x if item x comes in a
new event, n_items + x if it joins the last. Each kind is counted in one pass and, for those
that stay, written down in another.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from crm_analytics.basket.sequences.ground import BEGIN, EARLIEST, KEY, LATE, LOW, SPAN, STOP, Ground

END, START = 0, 1  # columns of ends: the occasion of the last event, and the latest one of the first


class Node(NamedTuple):
    """A pattern to be grown further."""

    lo: int  # its rows: lo to hi - 1
    hi: int
    n_ends: int  # ends in use, its own the last
    n_late: int  # late entries in use
    pattern: int
    last: int  # item
    n_held: int  # items
    n_events: int
    pre_lo: int  # rows of the pattern before the last event; none if that was all
    pre_hi: int
    kin_lo: int  # patterns whose items may open the next event, if there is no window
    kin_hi: int


class Desk(NamedTuple):
    """Room to work in, kept from one pattern to the next; most of it by the code of the longer pattern."""

    found: np.ndarray  # int64: customers
    room: np.ndarray  # int64: ends
    seen: np.ndarray  # int64: time of the row last met
    clock: np.ndarray  # int64, shape (1,): the time, which goes on with each row of each pass
    touched: np.ndarray  # int64: codes that were found
    allowed: np.ndarray  # bool: codes whose two last items are frequent together
    wanted: np.ndarray  # bool: codes to be written down
    row_at: np.ndarray  # int64: where the next row goes
    end_at: np.ndarray  # int64: where the next end goes
    reach: np.ndarray  # int32: occasions within reach of the rows, columns like those of ends
    reach_ptr: np.ndarray  # int64: those of each row
    listed: np.ndarray  # int64: where the late entries of each row are written anew


def make_desk(n_items: int, ground: Ground, *, allowed: bool) -> Desk:
    """Return a clear desk, on which all codes are allowed or none."""
    codes, n_customers = 2 * n_items, ground.customer_ptr.size - 1
    return Desk(
        found=np.zeros(codes, np.int64),
        room=np.zeros(codes, np.int64),
        seen=np.zeros(codes, np.int64),
        clock=np.zeros(1, np.int64),
        touched=np.empty(codes, np.int64),
        allowed=np.full(codes, allowed),
        wanted=np.zeros(codes, np.bool_),
        row_at=np.zeros(codes, np.int64),
        end_at=np.zeros(codes, np.int64),
        reach=np.empty((ground.owner.size, 2), np.int32),
        reach_ptr=np.zeros(n_customers + 1, np.int64),
        listed=np.zeros(n_customers, np.int64),
    )


@njit(cache=True)
def first_ends(places: np.ndarray) -> np.ndarray:
    """Ends of the patterns of one item, item after item; each is its own start."""
    ends = np.empty((places.size, 2), np.int32)
    for k in range(places.size):
        ends[k, END] = ends[k, START] = places[k]
    return ends


@njit(cache=True)
def count_late(node: Node, rows: np.ndarray, late: np.ndarray, found: np.ndarray) -> None:
    """Count new events without a window: items last bought late enough."""
    for r in range(node.lo, node.hi):
        k, earliest = rows[r, LATE], rows[r, EARLIEST] << 32
        while late[k, KEY] >= earliest:
            found[np.uint32(late[k, KEY])] += 1
            k += 1


@njit(cache=True)
def count_reached(node: Node, ground: Ground, rows: np.ndarray, ends: np.ndarray, desk: Desk) -> int:
    """Count new events within a window, and note the occasions within reach; return the codes touched."""
    basket_ptr, items = ground.basket_ptr, ground.items
    room, seen, found, touched, allowed = desk.room, desk.seen, desk.found, desk.touched, desk.allowed
    now = desk.clock[0]
    after, before, since, origin = ground.after, ground.before, ground.since, ground.origin
    n_touched, n_reach = 0, 0
    desk.reach_ptr[0] = 0
    for r in range(node.hi - node.lo):
        now += 1
        j, stop = rows[node.lo + r, BEGIN], rows[node.lo + r, STOP]
        q, last = after[ends[j, END]], ground.customer_ptr[ground.owner[ends[j, END]] + 1]
        while q < last:
            while j + 1 < stop and ends[j + 1, END] < before[q]:
                j += 1
            if ends[j, END] < since[q] or ends[j, START] < origin[q]:
                if j + 1 == stop:
                    break
                j += 1
                q = max(q + 1, after[ends[j, END]])
                continue
            desk.reach[n_reach, END], desk.reach[n_reach, START] = q, ends[j, START]
            n_reach += 1
            for k in range(basket_ptr[q], basket_ptr[q + 1]):
                x = items[k]
                if not allowed[x]:
                    continue
                room[x] += 1
                if seen[x] != now:
                    seen[x] = now
                    if found[x] == 0:
                        touched[n_touched] = x
                        n_touched += 1
                    found[x] += 1
            q += 1
        desk.reach_ptr[r + 1] = n_reach
    desk.clock[0] = now
    return n_touched


@njit(cache=True)
def count_joined(
    node: Node, n_touched: int, ground: Ground, rows: np.ndarray, ends: np.ndarray, desk: Desk
) -> int:
    """Count items that join the last event, those behind its last item; return the codes touched."""
    n_items = desk.found.size // 2
    basket_ptr, items = ground.basket_ptr, ground.items
    room, seen, found, touched, allowed = desk.room, desk.seen, desk.found, desk.touched, desk.allowed
    now = desk.clock[0]
    for r in range(node.hi - node.lo):
        now += 1
        for j in range(rows[node.lo + r, BEGIN], rows[node.lo + r, STOP]):
            p = ends[j, END]
            for k in range(basket_ptr[p + 1] - 1, basket_ptr[p] - 1, -1):
                x = items[k]
                if x <= node.last:
                    break
                y = n_items + x
                if not allowed[y]:
                    continue
                room[y] += 1
                if seen[y] != now:
                    seen[y] = now
                    if found[y] == 0:
                        touched[n_touched] = y
                        n_touched += 1
                    found[y] += 1
    desk.clock[0] = now
    return n_touched


@njit(cache=True)
def fill_late(
    node: Node, after: np.ndarray, rows: np.ndarray, ends: np.ndarray, late: np.ndarray, desk: Desk
) -> None:
    """Write the rows of new events without a window, and what is left of the late entries.

    An item that does not follow a pattern often enough does not follow a longer one either. The
    ends are those of the item that come late enough: a part of the first ends, not a copy.
    """
    n_late = node.n_late
    wanted, row_at = desk.wanted, desk.row_at
    for r in range(node.hi - node.lo):
        desk.listed[r] = n_late
        k, earliest = rows[node.lo + r, LATE], rows[node.lo + r, EARLIEST]
        while late[k, KEY] >= earliest << 32:
            key, span = late[k, KEY], late[k, SPAN]
            x = np.uint32(key)
            if wanted[x]:
                late[n_late, KEY], late[n_late, SPAN] = key, span
                n_late += 1
                first, stop, end = span >> 32, span & LOW, key >> 32
                last = stop - 1
                while first < last:  # the last place is late enough, and its occasion part of the key
                    middle = (first + last) // 2
                    p = np.int64(ends[middle, END])
                    if p < earliest:
                        first = middle + 1
                    else:
                        last, end = middle, p
                row = row_at[x]
                rows[row, BEGIN], rows[row, STOP] = first, stop
                rows[row, EARLIEST], rows[row, LATE] = after[end], desk.listed[r]
                row_at[x] += 1
            k += 1
        late[n_late, KEY] = -1
        n_late += 1


@njit(cache=True)
def fill_reached(node: Node, ground: Ground, rows: np.ndarray, ends: np.ndarray, desk: Desk) -> None:
    """Write the rows and ends of new events within a window."""
    basket_ptr, items = ground.basket_ptr, ground.items
    after, wanted, seen, row_at, end_at = ground.after, desk.wanted, desk.seen, desk.row_at, desk.end_at
    now = desk.clock[0]
    for r in range(node.hi - node.lo):
        now += 1
        for i in range(desk.reach_ptr[r], desk.reach_ptr[r + 1]):
            q = desk.reach[i, END]
            for k in range(basket_ptr[q], basket_ptr[q + 1]):
                x = items[k]
                if not wanted[x]:
                    continue
                if seen[x] != now:
                    seen[x] = now
                    rows[row_at[x], BEGIN], rows[row_at[x], EARLIEST] = end_at[x], after[q]
                    rows[row_at[x], LATE] = desk.listed[r]
                    row_at[x] += 1
                ends[end_at[x], END], ends[end_at[x], START] = q, desk.reach[i, START]
                end_at[x] += 1
                rows[row_at[x] - 1, STOP] = end_at[x]
    desk.clock[0] = now


@njit(cache=True)
def fill_joined(node: Node, ground: Ground, rows: np.ndarray, ends: np.ndarray, desk: Desk) -> None:
    """Write the rows and ends of items that join the last event."""
    n_items = desk.found.size // 2
    basket_ptr, items = ground.basket_ptr, ground.items
    after, wanted, seen, row_at, end_at = ground.after, desk.wanted, desk.seen, desk.row_at, desk.end_at
    now = desk.clock[0]
    for r in range(node.hi - node.lo):
        now += 1
        for j in range(rows[node.lo + r, BEGIN], rows[node.lo + r, STOP]):
            p = ends[j, END]
            for k in range(basket_ptr[p + 1] - 1, basket_ptr[p] - 1, -1):
                x = items[k]
                if x <= node.last:
                    break
                y = n_items + x
                if not wanted[y]:
                    continue
                if seen[y] != now:
                    seen[y] = now
                    rows[row_at[y], BEGIN], rows[row_at[y], EARLIEST] = end_at[y], after[p]
                    rows[row_at[y], LATE] = desk.listed[r]
                    row_at[y] += 1
                ends[end_at[y], END], ends[end_at[y], START] = p, ends[j, START]
                end_at[y] += 1
                rows[row_at[y] - 1, STOP] = end_at[y]
    desk.clock[0] = now


@njit(cache=True)
def twice_median_gap(node: Node, ground: Ground, rows: np.ndarray, ends: np.ndarray) -> int:
    """Median over customers of the time from the first fitting end of what came before to their first end."""
    gaps = np.empty(node.hi - node.lo, np.int64)
    pre = node.pre_lo
    for r in range(node.lo, node.hi):
        q = ends[rows[r, BEGIN], END]
        while ground.owner[ends[rows[pre, BEGIN], END]] != ground.owner[q]:  # both go by customer
            pre += 1
        j = rows[pre, BEGIN]
        while ends[j, END] < ground.since[q] or ends[j, START] < ground.origin[q]:
            j += 1
        gaps[r - node.lo] = ground.numbers[q] - ground.numbers[ends[j, END]]
    return _twice_median(gaps)


@njit(cache=True)
def _twice_median(values: np.ndarray) -> int:
    """Sort just so far that the middle stands in its place (Hoare 1961, "Find"); a whole number."""
    middle, lo, hi = values.size // 2, 0, values.size - 1
    while lo < hi:
        pivot, i, j = values[middle], lo, hi
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i, j = i + 1, j - 1
        if j < middle:
            lo = i
        if i > middle:
            hi = j
    below = values[middle]
    if values.size % 2 == 0:
        below = values[0]
        for i in range(1, middle):
            below = max(below, values[i])
    return below + values[middle]
