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
from crm_analytics.basket.sequences.passes import (
    Desk,
    Node,
    count_joined,
    count_late,
    count_reached,
    fill_joined,
    fill_late,
    fill_reached,
    first_ends,
    make_desk,
    twice_median_gap,
)

PARENT, ITEM, OPENS, COUNT, TWICE_GAP = 0, 1, 2, 3, 4  # columns of the tree


class Limits(NamedTuple):
    """Where growth ends, and what is asked of it."""

    least: int  # customers
    max_len: int  # items
    max_events: int
    max_patterns: int
    windowed: bool  # a greatest gap or span is set
    joins: bool  # some occasion has several items
    gap_share: float  # find the median gap before the last event if it follows that often; 0 always, 2 never


def grow(ground: Ground, entries: Entries, limits: Limits) -> np.ndarray:
    """Find every pattern that `limits.least` customers have; stop once there are too many.

    Returns
    -------
    tree : ndarray of int32, shape (n_patterns, 5)
        Columns: the pattern without its last item (-1 if that was all), which stands before it;
        the last item; 1 if that opens a new event; customers; twice the median gap before the
        last event, -1 if it is not known. More than `max_patterns` rows tell that growth was
        stopped.
    """
    n_items = entries.item_ptr.size - 1
    desk = make_desk(n_items, ground, allowed=True)
    pair_ptr, pairs = np.zeros(n_items + 1, np.int64), np.empty(0, np.int64)
    paired = limits.max_len > 2 and (limits.windowed or limits.joins)
    if paired:
        # Whatever the last item is, it makes a frequent pair with an item that follows or joins it.
        short = limits._replace(max_len=2, gap_share=2.0)
        copied = entries._replace(rows=entries.rows.copy())  # growth writes over them
        tree = _grow(ground, copied, short, desk, pair_ptr, pairs)
        if len(tree) > limits.max_patterns:
            return tree
        tree = tree[n_items:]
        tree = tree[np.argsort(tree[:, PARENT], kind="stable")]
        pair_ptr = np.searchsorted(tree[:, PARENT], np.arange(n_items + 1)).astype(np.int64)
        pairs = np.where(tree[:, OPENS], 0, n_items) + tree[:, ITEM]
        desk = make_desk(n_items, ground, allowed=False)
    return _grow(ground, entries, limits, desk, pair_ptr, pairs)


@njit(cache=True)
def _grow(
    ground: Ground, entries: Entries, limits: Limits, desk: Desk, pair_ptr: np.ndarray, pairs: np.ndarray
) -> np.ndarray:
    """Grow on; a longer pattern ends in a code of `pairs`, by the item before, if not all are allowed."""
    n_items = pair_ptr.size - 1
    ends, rows, late = first_ends(entries.places), entries.rows, entries.late
    tree, stack = np.empty((1024 + n_items, 5), np.int32), np.empty((1024 + n_items, 12), np.int64)
    for x in range(n_items):
        lo, hi = entries.item_ptr[x], entries.item_ptr[x + 1]
        _store(tree, x, -1, x, 1, hi - lo)
        _put(stack, x, Node(lo, hi, len(ends), len(late), x, x, 1, 1, 0, 0, 0, n_items))
    n, depth = n_items, n_items if limits.max_len > 1 else 0
    while depth and n <= limits.max_patterns:
        depth -= 1
        node = _take(stack, depth)
        for i in range(pair_ptr[node.last], pair_ptr[node.last + 1]):
            desk.allowed[pairs[i]] = True
        n_touched = _count(node, ground, limits, tree, rows, ends, late, desk)
        for i in range(pair_ptr[node.last], pair_ptr[node.last + 1]):
            desk.allowed[pairs[i]] = False
        if n + n_touched > len(tree):
            tree = _longer(tree, n + n_touched)
        if depth + n_touched > len(stack):
            stack = _longer(stack, depth + n_touched)
        first = n
        n = _keep_children(node, n, n_touched, limits.least, tree, desk)
        n_laid, n_rows, n_ends, n_late = _lay_out(node, first, n, depth, limits, tree, stack, desk)
        if n_laid:
            if n_rows > len(rows):
                rows = _longer(rows, n_rows)
            if n_ends > len(ends):
                ends = _longer(ends, n_ends)
            if n_late > len(late):
                late = _longer(late, n_late)
            _fill(node, ground, limits, rows, ends, late, desk)
            for i in range(depth, depth + n_laid):
                child = _take(stack, i)
                had = child.pre_hi - child.pre_lo
                if had > 0 and child.hi - child.lo >= limits.gap_share * had:
                    tree[child.pattern, TWICE_GAP] = twice_median_gap(child, ground, rows, ends)
            if node.n_held + 1 < limits.max_len:
                depth += n_laid
        for i in range(n_touched):
            y = desk.touched[i]
            desk.found[y], desk.room[y], desk.wanted[y] = 0, 0, False
    return tree[:n]


@njit(cache=True)
def _count(
    node: Node,
    ground: Ground,
    limits: Limits,
    tree: np.ndarray,
    rows: np.ndarray,
    ends: np.ndarray,
    late: np.ndarray,
    desk: Desk,
) -> int:
    """Count the customers of each child, and the ends it needs room for; return the codes touched."""
    opens = node.n_events < limits.max_events
    n_touched = int(np.int64(0))  # a literal is a type of its own, and compiled for apart
    if opens and limits.windowed:
        n_touched = count_reached(node, ground, rows, ends, desk)
    if limits.joins:
        n_touched = count_joined(node, n_touched, ground, rows, ends, desk)
    if opens and not limits.windowed:
        count_late(node, rows, late, desk.found)
        for i in range(node.kin_lo, node.kin_hi):
            desk.touched[n_touched] = tree[i, ITEM]
            n_touched += 1
    return n_touched


@njit(cache=True)
def _keep_children(node: Node, n: int, n_touched: int, least: int, tree: np.ndarray, desk: Desk) -> int:
    """Add the frequent children to the tree; return how many patterns it then has."""
    n_items = desk.found.size // 2
    for i in range(n_touched):
        y = desk.touched[i]
        if desk.found[y] >= least:
            _store(tree, n, node.pattern, y if y < n_items else y - n_items, y < n_items, desk.found[y])
            n += 1
    return n


@njit(cache=True)
def _lay_out(
    node: Node,
    first: int,
    n: int,
    depth: int,
    limits: Limits,
    tree: np.ndarray,
    stack: np.ndarray,
    desk: Desk,
) -> tuple[int, int, int, int]:
    """Give the children places one after another; return how many got one, and the room they need.

    A leaf's children have none of their own: only those whose gap is asked for are looked at again.
    """
    n_items, leaf = desk.found.size // 2, node.n_held + 1 == limits.max_len
    kin_lo, n_late = n, node.n_late
    if not limits.windowed and node.n_events < limits.max_events:
        n_late += node.hi - node.lo
        while kin_lo > first and tree[kin_lo - 1, OPENS]:  # without a window they stand last
            kin_lo -= 1
            n_late += tree[kin_lo, COUNT]
    n_laid, n_rows, n_ends = 0, node.hi, node.n_ends
    for child in range(first, n):
        opens, count = tree[child, OPENS], tree[child, COUNT]
        y = tree[child, ITEM] + (0 if opens else n_items)
        pre_lo, pre_hi = (node.lo, node.hi) if opens else (node.pre_lo, node.pre_hi)
        if leaf and count < limits.gap_share * (pre_hi - pre_lo):
            continue
        desk.wanted[y], desk.row_at[y], desk.end_at[y] = True, n_rows, n_ends
        n_rows += count
        if limits.windowed or not opens:
            n_ends += desk.room[y]
        laid = Node(
            n_rows - count, n_rows, n_ends, n_late, child, y % n_items, node.n_held + 1,
            node.n_events + opens, pre_lo, pre_hi, kin_lo, n,
        )  # fmt: skip
        _put(stack, depth + n_laid, laid)
        n_laid += 1
    return n_laid, n_rows, n_ends, n_late


@njit(cache=True)
def _fill(
    node: Node,
    ground: Ground,
    limits: Limits,
    rows: np.ndarray,
    ends: np.ndarray,
    late: np.ndarray,
    desk: Desk,
) -> None:
    """Pass over the same occasions as the count, and write the rows of the children laid out."""
    if node.n_events < limits.max_events:
        if limits.windowed:
            fill_reached(node, ground, rows, ends, desk)
        else:
            fill_late(node, ground.after, rows, ends, late, desk)
    if limits.joins:
        fill_joined(node, ground, rows, ends, desk)


@njit(cache=True)
def _store(tree: np.ndarray, n: int, parent: int, item: int, opens: int, count: int) -> None:
    tree[n, PARENT], tree[n, ITEM], tree[n, OPENS], tree[n, COUNT] = parent, item, opens, count
    tree[n, TWICE_GAP] = -1


@njit(cache=True)
def _put(stack: np.ndarray, depth: int, node: Node) -> None:
    for i, value in enumerate(node):
        stack[depth, i] = value


@njit(cache=True)
def _take(stack: np.ndarray, depth: int) -> Node:
    return Node(
        stack[depth, 0], stack[depth, 1], stack[depth, 2], stack[depth, 3], stack[depth, 4], stack[depth, 5],
        stack[depth, 6], stack[depth, 7], stack[depth, 8], stack[depth, 9], stack[depth, 10], stack[depth, 11],
    )  # fmt: skip


@njit(cache=True)
def _longer(values: np.ndarray, needed: int) -> np.ndarray:
    """Copy into an array of twice the rows, and at least `needed`."""
    longer = np.empty((max(needed, 2 * len(values)), values.shape[1]), values.dtype)
    for i in range(len(values)):  # in a loop, which compiles much sooner than slices
        for k in range(values.shape[1]):
            longer[i, k] = values[i, k]
    return longer
