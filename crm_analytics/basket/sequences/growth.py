"""Depth-first growth of sequential patterns over lists of where they end.

A pattern is known by the occasions at which an embedding of it may end. From these follow its
two kinds of children: a new event at a later occasion within reach, and one more item in its
last event. Whether an occasion q is within reach depends on one end only, the latest that lies
at least the least gap before q: no other leaves a shorter gap, and none has a later start, for
the latest starts never fall along a customer's ends. So one pass over a customer's occasions
with one pointer finds all that any embedding could reach, and nothing is lost to a greedy
choice. (Zaki 2000, cSPADE, keeps all ends for the same reason.)

Without an upper limit on gaps and span only a customer's first end matters for what may follow:
an item follows if it was last bought late enough. A customer's items are kept by their last
occasion and read until one is too early (Yang, Wang & Kitsuregawa 2005, LAPIN), and the ends of
the child are a tail of the item's occasions that needs no copy (pseudo-projection, Pei et al.
2004).
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from crm_analytics.basket.sequences.ground import Entries, Ground

_ITEM = 2**32 - 1  # the half of a late key that is the item


class Limits(NamedTuple):
    """Where growth ends, and what is asked of it."""

    least: int  # customers
    max_len: int  # items
    max_events: int
    max_patterns: int
    windowed: bool  # a greatest gap or span is set
    spanned: bool  # a greatest span is set
    gap_share: float  # find the median gap before the last event if it follows that often; 0 always, 2 never


@njit(cache=True)
def grow(
    ground: Ground, entries: Entries, limits: Limits
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Find every pattern that `limits.least` customers have; stop once there are too many.

    Returns
    -------
    parent, item, opens, count, gap : ndarrays, shape (n_patterns,)
        The pattern without its last item (-1 if that was all), before it in this order; the
        last item; whether it opens a new event; customers; median gap before the last event.
        More than `max_patterns` of them tell that growth was stopped.
    """
    basket_ptr, items, owner = ground.basket_ptr, ground.items, ground.owner
    after, before, since, origin = ground.after, ground.before, ground.since, ground.origin
    least, windowed, spanned = limits.least, limits.windowed, limits.spanned
    n_items = entries.item_ptr.size - 1
    widest = 0
    for p in range(owner.size):
        widest = max(widest, basket_ptr[p + 1] - basket_ptr[p])

    # Row i says: a customer's ends are pool[row_begin[i] : row_stop[i]], the latest starts alike.
    pool, starts = entries.places.copy(), entries.places.copy() if spanned else entries.places[:0].copy()
    row_begin, row_stop = entries.begin.copy(), entries.stop.copy()
    # Without a window, what may follow a row is listed from row_late on: only items that follow the
    # parent often enough, for what follows a pattern follows its parts.
    late_key, late_entry = entries.late_key, entries.late_entry
    row_late = np.zeros(row_begin.size, np.int64)
    if not windowed:
        for r in range(row_begin.size):
            row_late[r] = entries.late_ptr[owner[pool[row_begin[r]]]]

    parent, item = np.empty(1024, np.int32), np.empty(1024, np.int32)
    opens, count, gap = np.empty(1024, np.bool_), np.empty(1024, np.int32), np.empty(1024, np.float64)
    n_patterns = 0
    # first row, row past the last, pool used, pattern, last item, items, events, first row and row past
    # the last of the pattern before the last event, late entries used, first child and
    # child past the last of the parent that opened an event
    stack = np.empty((1024, 12), np.int64)
    depth = 0
    for x in range(n_items):
        lo, hi = entries.item_ptr[x], entries.item_ptr[x + 1]
        if hi - lo < least:
            continue
        parent, item, opens = _room(parent, n_patterns), _room(item, n_patterns), _room(opens, n_patterns)
        count, gap = _room(count, n_patterns), _room(gap, n_patterns)
        parent[n_patterns], item[n_patterns], opens[n_patterns] = -1, x, True
        count[n_patterns], gap[n_patterns] = hi - lo, np.nan
        if limits.max_len > 1:
            stack = _rows(stack, depth)
            stack[depth] = (lo, hi, pool.size, n_patterns, x, 1, 1, 0, 0, late_key.size, 0, 0)
            depth += 1
        n_patterns += 1
    for i in range(depth):
        stack[i, 11] = n_patterns

    # A child that opens a new event with item x has code x, one that adds x to the last event n_items + x.
    found, room = np.zeros(2 * n_items, np.int64), np.zeros(2 * n_items, np.int64)
    seen, wanted = np.full(2 * n_items, -1), np.zeros(2 * n_items, np.bool_)
    row_at, pool_at = np.zeros(2 * n_items, np.int64), np.zeros(2 * n_items, np.int64)
    touched, stamp = np.empty(2 * n_items, np.int64), 0
    reach, reach_start = np.empty(owner.size, np.int32), np.empty(owner.size if spanned else 0, np.int32)
    reach_ptr = np.zeros(ground.customer_ptr.size, np.int64)

    while depth and n_patterns <= limits.max_patterns:
        depth -= 1
        lo, hi, used, pattern, last, n_held, n_events, pre_lo, pre_hi, late, kin_lo, kin_hi = stack[depth]
        may_open, leaf = n_events < limits.max_events, n_held + 1 == limits.max_len

        # Count the customers of each child, and the ends it needs room for.
        n_touched, n_reach = 0, 0
        for r in range(lo, hi):
            begin, stop = row_begin[r], row_stop[r]
            c = owner[pool[begin]]
            stamp += 1
            if may_open and not windowed:
                k, earliest = row_late[r], np.int64(after[pool[begin]]) << 32
                while late_key[k] >= earliest:
                    found[late_key[k] & _ITEM] += 1
                    k += 1
            elif may_open:
                j, q, end = begin, after[pool[begin]], ground.customer_ptr[c + 1]
                while q < end:
                    while j + 1 < stop and pool[j + 1] < before[q]:
                        j += 1
                    if pool[j] < since[q] or (spanned and starts[j] < origin[q]):
                        if j + 1 == stop:
                            break
                        j += 1
                        q = max(q + 1, after[pool[j]])
                        continue
                    reach[n_reach] = q
                    if spanned:
                        reach_start[n_reach] = starts[j]
                    n_reach += 1
                    for k in range(basket_ptr[q], basket_ptr[q + 1]):
                        x = items[k]
                        room[x] += 1
                        if seen[x] != stamp:
                            seen[x] = stamp
                            if found[x] == 0:
                                touched[n_touched] = x
                                n_touched += 1
                            found[x] += 1
                    q += 1
            reach_ptr[r - lo + 1] = n_reach
            if widest > 1:
                for j in range(begin, stop):
                    p = pool[j]
                    for k in range(basket_ptr[p + 1] - 1, basket_ptr[p] - 1, -1):
                        if items[k] <= last:
                            break
                        y = n_items + items[k]
                        room[y] += 1
                        if seen[y] != stamp:
                            seen[y] = stamp
                            if found[y] == 0:
                                touched[n_touched] = y
                                n_touched += 1
                            found[y] += 1

        if may_open and not windowed:
            for i in range(kin_lo, kin_hi):
                touched[n_touched] = item[i]
                n_touched += 1
        n_children = 0
        children, identity = np.empty(n_touched, np.int64), np.empty(n_touched, np.int64)
        for i in range(n_touched):
            if found[touched[i]] >= least:
                children[n_children] = touched[i]
                n_children += 1
        children = children[:n_children]
        for y in children:
            parent, item, opens = _room(parent, n_patterns), _room(item, n_patterns), _room(opens, n_patterns)
            count, gap = _room(count, n_patterns), _room(gap, n_patterns)
            parent[n_patterns], item[n_patterns], opens[n_patterns] = pattern, y % n_items, y < n_items
            count[n_patterns], gap[n_patterns] = found[y], np.nan
            n_patterns += 1

        # A leaf's children have none of their own: only those whose gap is asked for are looked at again.
        n_laid, share = 0, limits.gap_share
        for i in range(n_children):
            y = children[i]
            children[n_laid], identity[n_laid] = y, n_patterns - n_children + i
            n_laid += not leaf or found[y] >= share * (hi - lo if y < n_items else pre_hi - pre_lo)
        if n_laid:
            # Lay out the children one after another, then pass over the same occasions and fill them in.
            n_rows, n_late, child_lo = hi, late, n_patterns
            while child_lo > n_patterns - n_children and opens[child_lo - 1]:
                child_lo -= 1
            if may_open and not windowed:
                n_late += hi - lo
                for i in range(child_lo, n_patterns):  # without a window they stand last
                    n_late += count[i]
            for i in range(n_laid):
                y = children[i]
                wanted[y], row_at[y], pool_at[y] = True, n_rows, used
                n_rows += found[y]
                if windowed or y >= n_items:
                    used += room[y]
                opening = y < n_items
                stack = _rows(stack, depth + i)
                stack[depth + i] = (
                    row_at[y], n_rows, used, identity[i], y % n_items, n_held + 1,
                    n_events + opening, lo if opening else pre_lo, hi if opening else pre_hi, n_late,
                    child_lo, n_patterns,
                )  # fmt: skip
            row_begin, row_stop = _room(row_begin, n_rows), _room(row_stop, n_rows)
            row_late, pool = _room(row_late, n_rows), _room(pool, used)
            late_key, late_entry = _room(late_key, n_late), _room(late_entry, n_late)
            if spanned:
                starts = _room(starts, used)
            for r in range(lo, hi):
                begin, stop = row_begin[r], row_stop[r]
                stamp += 1
                kept = late
                if may_open and not windowed:
                    earliest = after[pool[begin]]
                    k, bound = row_late[r], np.int64(earliest) << 32
                    while late_key[k] >= bound:
                        x = late_key[k] & _ITEM
                        if wanted[x]:
                            entry = late_entry[k]
                            late_key[late], late_entry[late] = late_key[k], entry
                            late += 1
                            row_late[row_at[x]] = kept
                            first, past = entries.begin[entry], entries.stop[entry]
                            row_stop[row_at[x]] = past
                            while first < past - 1:  # the last place is late enough
                                middle = (first + past - 1) // 2
                                if pool[middle] < earliest:
                                    first = middle + 1
                                else:
                                    past = middle + 1
                            row_begin[row_at[x]] = first
                            row_at[x] += 1
                        k += 1
                    late_key[late] = -1
                    late += 1
                for i in range(reach_ptr[r - lo], reach_ptr[r - lo + 1]):
                    q = reach[i]
                    for k in range(basket_ptr[q], basket_ptr[q + 1]):
                        x = items[k]
                        if wanted[x]:
                            if seen[x] != stamp:
                                seen[x] = stamp
                                row_begin[row_at[x]] = pool_at[x]
                                row_at[x] += 1
                            pool[pool_at[x]] = q
                            if spanned:
                                starts[pool_at[x]] = reach_start[i]
                            pool_at[x] += 1
                            row_stop[row_at[x] - 1] = pool_at[x]
                if widest > 1:
                    for j in range(begin, stop):
                        p = pool[j]
                        for k in range(basket_ptr[p + 1] - 1, basket_ptr[p] - 1, -1):
                            if items[k] <= last:
                                break
                            y = n_items + items[k]
                            if wanted[y]:
                                if seen[y] != stamp:
                                    seen[y] = stamp
                                    row_begin[row_at[y]], row_late[row_at[y]] = pool_at[y], kept
                                    row_at[y] += 1
                                pool[pool_at[y]] = p
                                if spanned:
                                    starts[pool_at[y]] = starts[j]
                                pool_at[y] += 1
                                row_stop[row_at[y] - 1] = pool_at[y]
            for i in range(n_laid):
                child = stack[depth + i]
                if child[8] > child[7] and child[1] - child[0] >= share * (child[8] - child[7]):
                    gap[child[3]] = _median_gap(
                        ground, pool, starts, spanned, row_begin, row_stop, child[0], child[1], child[7]
                    )
            if not leaf:
                depth += n_children
        for i in range(n_touched):
            y = touched[i]
            found[y], room[y], wanted[y] = 0, 0, False
    return parent[:n_patterns], item[:n_patterns], opens[:n_patterns], count[:n_patterns], gap[:n_patterns]


@njit(cache=True)
def _median_gap(
    ground: Ground,
    pool: np.ndarray,
    starts: np.ndarray,
    spanned: bool,
    row_begin: np.ndarray,
    row_stop: np.ndarray,
    lo: int,
    hi: int,
    pre: int,
) -> float:
    """Median over customers of the time from the first fitting end of what came before to their first end."""
    gaps = np.empty(hi - lo, np.int64)
    for r in range(lo, hi):
        q = pool[row_begin[r]]
        while ground.owner[pool[row_begin[pre]]] != ground.owner[q]:  # both go by customer
            pre += 1
        j = row_begin[pre]
        while pool[j] < ground.since[q] or (spanned and starts[j] < ground.origin[q]):
            j += 1
        gaps[r - lo] = ground.numbers[q] - ground.numbers[pool[j]]
    gaps = np.sort(gaps)
    return (gaps[gaps.size // 2] + gaps[(gaps.size - 1) // 2]) / 2


@njit(cache=True)
def _room(values: np.ndarray, size: int) -> np.ndarray:
    """Return an array that has a place `size`, at least twice as large if a new one is needed."""
    if size < values.size:
        return values
    larger = np.empty(max(2 * values.size, size + 1), values.dtype)
    larger[: values.size] = values
    return larger


@njit(cache=True)
def _rows(values: np.ndarray, size: int) -> np.ndarray:
    if size < len(values):
        return values
    larger = np.empty((2 * len(values) + size, values.shape[1]), values.dtype)
    larger[: len(values)] = values
    return larger
