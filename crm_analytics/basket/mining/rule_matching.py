"""Rules against baskets: which apply, what they offer, how often they hold."""

from dataclasses import dataclass

import numpy as np
from numba import njit

from crm_analytics.features import Baskets


@dataclass(frozen=True, eq=False)
class ItemLists:
    """Lists of item codes, one after another: list i is `codes[offsets[i] : offsets[i + 1]]`."""

    codes: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return self.offsets.size - 1

    def take(self, rows: np.ndarray) -> "ItemLists":
        """Return the lists at positions `rows`."""
        lengths = np.diff(self.offsets)[rows]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        place = np.arange(offsets[-1]) + np.repeat(self.offsets[rows] - offsets[:-1], lengths)
        return ItemLists(self.codes[place], offsets)


def count_baskets(baskets: Baskets, lists: ItemLists) -> np.ndarray:
    """Return in how many baskets each list stands whole, shape (n_lists,).

    >>> from crm_analytics.features import encode_baskets
    >>> baskets = encode_baskets([["a", "b"], ["b"], ["a", "b", "c"]])
    >>> count_baskets(baskets, ItemLists(np.array([0, 1, 1]), np.array([0, 2, 3])))
    array([2, 3])
    """
    start, order = _by_rarest(lists, baskets.counts())
    return _count(
        baskets.indptr, baskets.indices, len(baskets.items), lists.codes, lists.offsets, start, order
    )


def best_offers(baskets: Baskets, left: ItemLists, right: ItemLists, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return for each basket up to `k` items of rules that apply, from the first rule on.

    A rule applies if all of `left` is in the basket; it offers the items of `right` that are
    not. An item's rule is the first that offers it; items are offered in the order of their
    rules, those of one rule in the order of their codes.

    Returns
    -------
    items, rules : ndarray of int, shape (n_baskets, k)
        -1 where there is no further offer.
    """
    start, order = _by_rarest(left, baskets.counts())
    sides = (left.codes, left.offsets, right.codes, right.offsets)
    return _offer(baskets.indptr, baskets.indices, len(baskets.items), *sides, start, order, k)


def _by_rarest(lists: ItemLists, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Arrange lists by their rarest item, so that few are looked at without need."""
    if not len(lists):
        return np.zeros(counts.size + 1, dtype=np.int64), np.empty(0, dtype=np.int64)
    rarity = np.empty(counts.size, dtype=np.int64)
    by_rarity = np.argsort(counts, kind="stable")
    rarity[by_rarity] = np.arange(counts.size)
    key = by_rarity[np.minimum.reduceat(rarity[lists.codes], lists.offsets[:-1])]
    start = np.concatenate([[0], np.cumsum(np.bincount(key, minlength=counts.size))])
    return start.astype(np.int64), np.argsort(key, kind="stable")


@njit(cache=True)
def _holds(held, codes, begin, end):
    while begin < end and held[codes[begin]]:
        begin += 1
    return begin == end


@njit(cache=True)
def _count(indptr, indices, n_items, codes, offsets, start, order):
    found = np.zeros(offsets.size - 1, np.int64)
    held = np.zeros(n_items, np.bool_)
    for row in range(indptr.size - 1):
        members = indices[indptr[row] : indptr[row + 1]]
        held[members] = True
        for item in members:
            for place in range(start[item], start[item + 1]):
                i = order[place]
                found[i] += _holds(held, codes, offsets[i], offsets[i + 1])
        held[members] = False
    return found


@njit(cache=True)
def _offer(indptr, indices, n_items, left, left_offsets, right, right_offsets, start, order, k):
    items = np.full((indptr.size - 1, k), -1, np.int64)
    rules = np.full((indptr.size - 1, k), -1, np.int64)
    held = np.zeros(n_items, np.bool_)
    first = np.full(n_items, -1, np.int64)
    offered = np.empty(n_items, np.int64)
    for row in range(indptr.size - 1):
        members = indices[indptr[row] : indptr[row + 1]]
        held[members] = True
        n = 0
        for item in members:
            for place in range(start[item], start[item + 1]):
                rule = order[place]
                if not _holds(held, left, left_offsets[rule], left_offsets[rule + 1]):
                    continue
                for at in range(right_offsets[rule], right_offsets[rule + 1]):
                    other = right[at]
                    if held[other]:
                        continue
                    if first[other] < 0:
                        first[other] = rule
                        offered[n] = other
                        n += 1
                    elif rule < first[other]:
                        first[other] = rule
        for rank in range(min(k, n)):
            best = rank
            for other in range(rank + 1, n):
                one, two = offered[other], offered[best]
                if first[one] < first[two] or (first[one] == first[two] and one < two):
                    best = other
            offered[rank], offered[best] = offered[best], offered[rank]
            items[row, rank], rules[row, rank] = offered[rank], first[offered[rank]]
        for other in range(n):
            first[offered[other]] = -1
        held[members] = False
    return items, rules
