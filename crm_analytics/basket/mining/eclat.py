"""Every frequent itemset, depth first over bitmaps: the kernel of the miner.

Eclat (Zaki 2000, "Scalable algorithms for association mining", IEEE TKDE 12) with two
changes. Items stand by rising support, and the baskets of each first item are numbered anew,
so that the bitmaps of its class are as long as that item is frequent and not as long as the
log. And baskets that hold a good part of all items stand first, in bitmaps from the start:
walking through them line by line would cost the square of their length.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

# Pairs of a basket with more than this share of the frequent items are counted sooner by bits than one by one.
LONG = 1 / 24
# Bitmaps of a first item held by fewer of the long baskets than this are written anew, and shorter.
SPARSE = 1 / 4
# Up to so many items, all pairs are counted at once in a square of theirs (16 MB).
PAIRED = 2048
# Above its limit the search stores nothing, and goes on to so many times the limit to say how many.
COUNTED = 5
# Columns of the tree, and of the candidates of the open classes, whose nodes they are in the tree.
ITEM, COUNT, NODE = 0, 1, 2


@intrinsic
def popcount(typingctx: Any, word: Any) -> Any:
    """Return the number of bits set in a 64-bit word, by the processor's own instruction."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.call(builder.module.declare_intrinsic("llvm.ctpop", [ir.IntType(64)]), [args[0]])

    return types.int64(types.uint64), generate


@njit(cache=True)
def arrange(indptr, indices, rank, n_items):
    """Renumber items by `rank` (-1: left out) and baskets by falling length.

    Returns where each item stands: pointers and places in `held`, the items of one basket after
    another, rising, each basket closed by `n_items`; where each basket begins; and the number of
    long baskets, which come first.
    """
    n_baskets = indptr.size - 1
    lengths = np.zeros(n_baskets, np.int64)
    item_ptr = np.zeros(n_items + 1, np.int64)
    for row in range(n_baskets):
        for place in range(indptr[row], indptr[row + 1]):
            item = rank[indices[place]]
            if item >= 0:
                lengths[row] += 1
                item_ptr[item + 1] += 1
    longest = 0
    for row in range(n_baskets):
        longest = max(longest, lengths[row])
    begin = np.zeros(longest + 2, np.int64)  # where the baskets of each length begin
    n_long = 0
    for row in range(n_baskets):
        begin[longest - lengths[row] + 1] += 1
        n_long += lengths[row] > LONG * n_items and lengths[row] > 1
    for length in range(longest + 1):
        begin[length + 1] += begin[length]
    order = np.empty(n_baskets, np.int64)
    for row in range(n_baskets):
        order[begin[longest - lengths[row]]] = row
        begin[longest - lengths[row]] += 1
    for item in range(n_items):
        item_ptr[item + 1] += item_ptr[item]
    # First the baskets of each item, then in their place where the item stands in them: so the items
    # of a basket rise without being sorted. Unsigned, so that no look is taken for negative places.
    fill = item_ptr[:-1].copy()
    where = np.empty(item_ptr[n_items], np.uint32)
    basket_ptr = np.zeros(n_baskets + 1, np.int64)
    for new in range(n_baskets):
        row = order[new]
        basket_ptr[new + 1] = basket_ptr[new] + lengths[row] + 1
        for place in range(indptr[row], indptr[row + 1]):
            item = rank[indices[place]]
            if item >= 0:
                where[fill[item]] = new
                fill[item] += 1
    held = np.empty(basket_ptr[n_baskets], np.uint32)
    held[basket_ptr[1:] - 1] = n_items
    fill = basket_ptr[:-1].copy()
    for item in range(n_items):
        for place in range(item_ptr[item], item_ptr[item + 1]):
            basket = where[place]
            held[fill[basket]] = item
            where[place] = fill[basket]
            fill[basket] += 1
    return item_ptr, where, basket_ptr, held, n_long


@njit(cache=True)
def long_bits(basket_ptr, held, n_long, n_items):
    """Bitmaps of the long baskets, one row an item."""
    bits = np.zeros((n_items, (n_long + 63) // 64), np.uint64)
    for basket in range(n_long):
        for place in range(basket_ptr[basket], basket_ptr[basket + 1] - 1):
            bits[held[place], basket >> 6] |= np.uint64(1) << np.uint64(basket & 63)
    return bits


@njit(cache=True)
def short_pairs(basket_ptr, held, n_long, n_items):
    """How often each pair of items meets in the other baskets, [lower, higher]; empty if that is too large."""
    if n_items > PAIRED:
        return np.zeros((0, 0), np.int32)
    pairs = np.zeros((n_items, n_items), np.int32)
    for basket in range(n_long, basket_ptr.size - 1):
        for place in range(basket_ptr[basket], basket_ptr[basket + 1] - 2):
            row = pairs[held[place]]
            for other in range(place + 1, basket_ptr[basket + 1] - 1):
                row[held[other]] += 1
    return pairs


@njit(cache=True)
def _longer(array, needed):
    """Copy into an array of twice the rows, and at least `needed`."""
    longer = np.empty((max(needed, 2 * array.shape[0]), *array.shape[1:]), array.dtype)
    longer[: array.shape[0]] = array
    return longer


@njit(cache=True)
def _common(left, right):
    """Bits set in both; over slices, so that the compiler sees it may take many words at a time."""
    total = 0
    for word in range(left.size):
        total += popcount(left[word] & right[word])
    return total


@njit(cache=True)
def _meet(left, right, both):
    """Write the bits set in both."""
    for word in range(left.size):
        both[word] = left[word] & right[word]


@njit(cache=True)
def _pairs_of(root, begin, bits, pairs, item_ptr, where, held, together):
    """Count each later item together with `root`: long baskets by their bits, others line by line."""
    n_items = item_ptr.size - 1
    if pairs.size:
        together[root + 1 :] = pairs[root, root + 1 :]
    else:
        together[root + 1 :] = 0
    if begin > item_ptr[root]:
        for item in range(root + 1, n_items):
            together[item] += _common(bits[root], bits[item])
    if not pairs.size:
        for place in range(begin, item_ptr[root + 1]):
            line = where[place] + np.uint32(1)
            while held[line] < n_items:
                together[held[line]] += 1
                line += np.uint32(1)


@njit(cache=True)
def _class_bits(root, begin, items, bits, item_ptr, where, held, slot, words, arena):
    """Write the bitmap of each candidate within the baskets of `root`; return the words in use.

    Those from `begin` on are gone through line by line; the long ones before it keep the bits
    they have. Baskets with fewer than two candidates cannot hold a larger set, and get no bit.
    """
    n_items = item_ptr.size - 1
    n_long = bits.shape[1] if begin > item_ptr[root] else 0
    arena[: items.size * words] = 0
    for c in range(items.size):
        slot[items[c]] = c
        if n_long > 0:
            _meet(bits[root], bits[items[c]], arena[c * words : c * words + n_long])
    bit = n_long * 64
    for place in range(begin, item_ptr[root + 1]):
        first = -1
        several = False
        line = where[place] + np.uint32(1)
        while held[line] < n_items:
            c = slot[held[line]]
            line += np.uint32(1)
            if c < 0:
                continue
            if first < 0:
                first = c
                continue
            several = True
            arena[c * words + (bit >> 6)] |= np.uint64(1) << np.uint64(bit & 63)
        if several:
            arena[first * words + (bit >> 6)] |= np.uint64(1) << np.uint64(bit & 63)
            bit += 1
    for c in range(items.size):
        slot[items[c]] = -1
    return (bit + 63) // 64


@njit(cache=True)
def _extend(a, begin, end, words, used, arena, at, to, related, min_count, found):
    """Join candidate `a` of a class with the later ones; return how many stay frequent.

    The class's candidates are the rows `begin` to `end` of `found` and its bitmaps begin at
    `at`; the new ones are written behind them, from `end` and `to` on.
    """
    apart = related.size > 0
    place = at + (a - begin) * words
    left = arena[place : place + used]
    k = 0
    for b in range(a + 1, end):
        if apart and related[found[a, ITEM], found[b, ITEM]]:
            continue
        place = at + (b - begin) * words
        right = arena[place : place + used]
        total = _common(left, right)
        if total >= min_count:
            place = to + k * words
            _meet(left, right, arena[place : place + used])
            found[end + k, ITEM] = found[b, ITEM]
            found[end + k, COUNT] = total
            k += 1
    return k


@njit(cache=True)
def grow_itemsets(item_ptr, where, basket_ptr, held, n_long, n_roots, related, min_count, max_len, limit):
    """Return the tree of frequent itemsets, and how many there are.

    A row of the tree is a set: its last item, its count, and the row of the set without that
    item (-1: none), which stands before it. Only sets whose first item comes before `n_roots`
    are looked for. `related` marks pairs of items that may not stand together, or is empty.
    The number is exact up to `COUNTED` times `limit`, where the search ends; above `limit`
    nothing is stored.
    """
    n_items = item_ptr.size - 1
    bits = long_bits(basket_ptr, held, n_long, n_items)
    pairs = short_pairs(basket_ptr, held, n_long, n_items) if max_len > 1 else np.zeros((0, 0), np.int32)
    long_end = basket_ptr[n_long]
    apart = related.size > 0
    tree = np.empty((1024 + n_items, 3), np.int64)
    n = 0
    together = np.zeros(n_items, np.int64)
    slot = np.full(n_items, -1, np.int64)
    # The open classes, one behind another: their candidates and bitmaps, and where each class stands.
    found = np.empty((n_items, 3), np.int64)
    arena = np.empty(1024, np.uint64)
    begins = np.zeros(n_items + 2, np.int64)
    current = np.zeros(n_items + 2, np.int64)
    bits_at = np.zeros(n_items + 2, np.int64)
    for root in range(n_roots):
        if n > COUNTED * limit:
            break
        if n + n_items > tree.shape[0] and n < limit:
            tree = _longer(tree, n + n_items)
        _store(tree, n, limit, root, item_ptr[root + 1] - item_ptr[root], -1)
        n += 1
        if max_len < 2:
            continue
        begin = item_ptr[root]
        while begin < item_ptr[root + 1] and where[begin] < long_end:
            begin += 1
        _pairs_of(root, begin, bits, pairs, item_ptr, where, held, together)
        m = 0
        for item in range(root + 1, n_items):
            if together[item] >= min_count and not (apart and related[root, item]):
                found[m, ITEM], found[m, COUNT], found[m, NODE] = item, together[item], n + m
                _store(tree, n + m, limit, item, together[item], n - 1)
                m += 1
        n += m
        if m < 2 or max_len < 3:
            continue
        if begin - item_ptr[root] < SPARSE * n_long:
            begin = item_ptr[root]
        words = bits.shape[1] + (item_ptr[root + 1] - begin + 63) // 64
        if m * words > arena.size:
            arena = _longer(arena, m * words)
        used = _class_bits(root, begin, found[:m, ITEM], bits, item_ptr, where, held, slot, words, arena)
        depth = 0
        begins[1], current[0] = m, 0
        while depth >= 0:
            begin, end, at = begins[depth], begins[depth + 1], bits_at[depth]
            a = begin + current[depth]
            if a >= end - 1 or n > COUNTED * limit:
                depth -= 1
                continue
            current[depth] += 1
            to = at + (end - begin) * words
            room = 2 * end - begin  # as if every candidate went on
            if room > found.shape[0]:
                found = _longer(found, room)
            if to + (end - begin) * words > arena.size:
                arena = _longer(arena, to + (end - begin) * words)
            if n + end - begin > tree.shape[0] and n < limit:
                tree = _longer(tree, n + end - begin)
            k = _extend(a, begin, end, words, used, arena, at, to, related, min_count, found)
            for c in range(end, end + k):
                _store(tree, n, limit, found[c, ITEM], found[c, COUNT], found[a, NODE])
                found[c, NODE] = n
                n += 1
            if k > 1 and depth + 3 < max_len:
                depth += 1
                begins[depth + 1], current[depth], bits_at[depth] = end + k, 0, to
    return tree[: n if n <= limit else 0], n


@njit(cache=True)
def _store(tree, n, limit, item, count, parent):
    if n < limit:
        tree[n, ITEM], tree[n, COUNT], tree[n, NODE] = item, count, parent
