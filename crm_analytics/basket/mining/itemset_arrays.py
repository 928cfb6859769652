"""From the kernel's tree to sorted arrays, and which of the sets are closed or maximal."""

import numpy as np
from numba import njit

from crm_analytics.basket.mining.eclat import COUNT, ITEM, NODE
from crm_analytics.basket.mining.itemsets import Itemsets


def sorted_itemsets(tree: np.ndarray, codes: np.ndarray) -> Itemsets:
    """Arrange the tree of `grow_itemsets` by length and codes; `codes[rank]` is an item's code."""
    lengths = _lengths(tree)
    sizes = np.bincount(lengths)[1:]  # sets of length 1, 2, …
    frequent, place = np.unique(codes, return_inverse=True)  # small numbers in the order of the codes
    offsets = np.zeros(len(tree) + 1, np.int64)
    np.cumsum(np.repeat(np.arange(1, sizes.size + 1), sizes), out=offsets[1:])
    found, totals = np.empty(offsets[-1], np.int32), np.empty(len(tree), np.int64)
    begin = 0
    for length, size in enumerate(sizes.tolist(), start=1):
        nodes = np.flatnonzero(lengths == length)
        block = _paths(tree, nodes, place, length)
        keys = _keys(block, frequent.size)
        order = np.lexsort(keys) if len(keys) > 1 else np.argsort(keys[0])
        totals[begin : begin + size] = tree[nodes[order], COUNT]
        _write(found[offsets[begin] :], block, order, frequent)
        begin += size
    return Itemsets(found, offsets, totals)


def closed(itemsets: Itemsets) -> np.ndarray:
    """Mark the sets that no set of one item more equals in count."""
    return ~_marked(itemsets, True)


def maximal(itemsets: Itemsets) -> np.ndarray:
    """Mark the sets that are part of no larger one."""
    return ~_marked(itemsets, False)


def chosen(itemsets: Itemsets, keep: np.ndarray) -> Itemsets:
    """Return the sets where the mask `keep` holds."""
    lengths = itemsets.lengths
    codes = itemsets.codes[np.repeat(keep, lengths)]
    offsets = np.concatenate([[0], np.cumsum(lengths[keep])]).astype(np.int64)
    return Itemsets(codes, offsets, itemsets.counts[keep])


def _keys(block: np.ndarray, n_codes: int) -> list[np.ndarray]:
    """Columns of small codes packed into few numbers, the last first, as np.lexsort takes them."""
    bits = max(1, int(n_codes - 1).bit_length())
    width = 63 // bits
    keys = []
    for begin in range(0, block.shape[1], width):
        key = np.zeros(len(block), np.int64)
        for column in range(begin, min(begin + width, block.shape[1])):
            key <<= bits
            key |= block[:, column]
        keys.append(key)
    return keys[::-1]


@njit(cache=True)
def _lengths(tree):
    lengths = np.empty(len(tree), np.int64)
    for node in range(len(tree)):
        lengths[node] = 1 if tree[node, NODE] < 0 else lengths[tree[node, NODE]] + 1
    return lengths


@njit(cache=True)
def _paths(tree, nodes, place, length):
    """Items from the root to each node, sorted by insertion."""
    block = np.empty((nodes.size, length), np.int32)
    for i in range(nodes.size):
        node = nodes[i]
        filled = 0
        while node >= 0:
            item = place[tree[node, ITEM]]
            at = filled
            while at > 0 and block[i, at - 1] > item:
                block[i, at] = block[i, at - 1]
                at -= 1
            block[i, at] = item
            filled += 1
            node = tree[node, NODE]
    return block


@njit(cache=True)
def _write(found, block, order, codes):
    place = 0
    for i in order:
        for k in range(block.shape[1]):
            found[place] = codes[block[i, k]]
            place += 1


@njit(cache=True)
def itemset_table(codes, offsets):
    """Hash table of positions of itemsets (-1: free), to be asked with `find_itemset`."""
    size = 1
    while size < 2 * offsets.size:
        size *= 2
    table = np.full(size, -1, np.int64)
    for i in range(offsets.size - 1):
        at = _hash(codes[offsets[i] : offsets[i + 1]], -1) & (size - 1)
        while table[at] >= 0:
            at = (at + 1) & (size - 1)
        table[at] = i
    return table


@njit(cache=True)
def find_itemset(table, codes, offsets, wanted, without):
    """Position of the set `wanted`, less its element at `without` (-1: none); -1 if not there."""
    length = wanted.size - (without >= 0)
    at = _hash(wanted, without) & (table.size - 1)
    while table[at] >= 0:
        i = table[at]
        if offsets[i + 1] - offsets[i] == length:
            place = offsets[i]
            same = True
            for k in range(wanted.size):
                if k != without:
                    if codes[place] != wanted[k]:
                        same = False
                        break
                    place += 1
            if same:
                return i
        at = (at + 1) & (table.size - 1)
    return -1


@njit(cache=True)
def _hash(codes, without):
    """Mix the codes (Fibonacci hashing with shifts), leaving out the element at `without`."""
    mixed = np.uint64(0x9E3779B97F4A7C15)
    for k in range(codes.size):
        if k != without:
            mixed = (mixed ^ np.uint64(codes[k])) * np.uint64(0xBF58476D1CE4E5B9)
            mixed ^= mixed >> np.uint64(29)
    return np.int64(mixed >> np.uint64(1))


def _marked(itemsets: Itemsets, same_count: bool) -> np.ndarray:
    table = itemset_table(itemsets.codes, itemsets.offsets)
    return _mark(table, itemsets.codes, itemsets.offsets, itemsets.counts, same_count)


@njit(cache=True)
def _mark(table, codes, offsets, counts, same_count):
    """Mark each set that has a superset of one item more (of the same count, if asked)."""
    marked = np.zeros(counts.size, np.bool_)
    for i in range(counts.size):
        members = codes[offsets[i] : offsets[i + 1]]
        if members.size < 2:
            continue
        for without in range(members.size):
            smaller = find_itemset(table, codes, offsets, members, without)
            if smaller >= 0 and not (same_count and counts[smaller] != counts[i]):
                marked[smaller] = True
    return marked
