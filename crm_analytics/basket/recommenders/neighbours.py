"""Which items go with, or come after, each item: the strongest few, counted without a dense table."""

from dataclasses import dataclass

import numpy as np
from numba import njit

from crm_analytics.features import Baskets


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The strongest neighbours of each item, by falling weight.

    Attributes
    ----------
    indptr : ndarray of int64, shape (n_items + 1,)
        Item i has the entries `indptr[i]` to `indptr[i + 1] - 1`.
    items : ndarray of int32
        Neighbours, best first; the lower code first where two weigh the same.
    weights : ndarray of float
        All > 0.
    """

    indptr: np.ndarray
    items: np.ndarray
    weights: np.ndarray


def strongest_neighbours(
    baskets: Baskets, follows: np.ndarray, *, shrink: float, n_neighbors: int, cosine: bool
) -> Neighbours:
    """Find what is in the basket `follows[i]` when an item is in basket i.

    Parameters
    ----------
    baskets : Baskets
    follows : ndarray of int64, shape (n_baskets,)
        Position of the basket to look into, -1 for none; its own position for items bought
        together. Items that both baskets hold are not counted.
    shrink : float >= 0
        Baskets by which every weight is drawn towards 0.
    n_neighbors : int
    cosine : bool
        Weight c(a, b) / (√(c(a) c(b)) + shrink); else the confidence c(a, b) / (c(a) + shrink)
        over what is usual for b, where that is more than usual.

    Returns
    -------
    Neighbours
    """
    n_items = len(baskets.items)
    led, met = follows >= 0, follows[follows >= 0]
    lengths = np.diff(baskets.indptr)
    by_lead = np.repeat(np.where(led, np.arange(len(baskets)), -1), lengths)
    order = np.argsort(baskets.indices, kind="stable")
    order = order[by_lead[order] >= 0]
    where = by_lead[order]
    starts = np.searchsorted(baskets.indices[order], np.arange(n_items + 1))
    usual = baskets.take(met).counts()
    found = _strongest(
        starts, where, follows, baskets.indptr, baskets.indices, usual, max(1, met.size), shrink, n_neighbors, cosine,
    )  # fmt: skip
    return Neighbours(*found)


@njit(cache=True)
def _strongest(starts, where, follows, indptr, indices, usual, n_led, shrink, n_neighbors, cosine):
    n_items = usual.size
    count = np.zeros(n_items, np.int64)
    touched = np.empty(n_items, np.int64)
    mark = np.full(n_items, -1, np.int64)
    sizes = np.zeros(n_items + 1, np.int64)
    out, weights = np.empty(n_items * n_neighbors, np.int32), np.empty(n_items * n_neighbors)
    filled = 0
    for item in range(n_items):
        n = 0
        for at in range(starts[item], starts[item + 1]):
            lead = where[at]
            partner = follows[lead]
            if partner != lead:
                for line in range(indptr[lead], indptr[lead + 1]):
                    mark[indices[line]] = at
            for line in range(indptr[partner], indptr[partner + 1]):
                other = indices[line]
                if other == item or mark[other] == at:
                    continue
                if count[other] == 0:
                    touched[n] = other
                    n += 1
                count[other] += 1
        own = starts[item + 1] - starts[item]
        begin = filled
        for at in range(n):
            other = touched[at]
            if cosine:
                weight = count[other] / (np.sqrt(own * usual[other]) + shrink)
            else:
                weight = (count[other] - own * usual[other] / n_led) / (own + shrink)
            count[other] = 0
            if weight <= 0:
                continue
            if filled == begin + n_neighbors:
                last = filled - 1
                if weight < weights[last] or (weight == weights[last] and other > out[last]):
                    continue
                place = last
            else:
                place = filled
                filled += 1
            while place > begin and (
                weight > weights[place - 1] or (weight == weights[place - 1] and other < out[place - 1])
            ):
                out[place], weights[place] = out[place - 1], weights[place - 1]
                place -= 1
            out[place], weights[place] = other, weight
        sizes[item + 1] = filled
    return sizes, out[:filled].copy(), weights[:filled].copy()


def spread(
    indptr: np.ndarray, items: np.ndarray, weights: np.ndarray, neighbours: Neighbours, n_items: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Sum, over the weighted items of each row, the weights of their neighbours.

    Returns
    -------
    indptr, items, scores
        Of the neighbours reached.
    because : ndarray of int32
        The item of the row that gave most of each score.
    """
    return _spread(indptr, items, weights, neighbours.indptr, neighbours.items, neighbours.weights, n_items)


@njit(cache=True)
def _spread(indptr, items, weights, near_indptr, near, near_weights, n_items):
    n_rows = indptr.size - 1
    total, most = np.zeros(n_items), np.zeros(n_items)
    because = np.zeros(n_items, np.int32)
    touched = np.empty(n_items, np.int32)
    sizes = np.zeros(n_rows + 1, np.int64)
    out, scores, reasons, filled = np.empty(1024, np.int32), np.empty(1024), np.empty(1024, np.int32), 0
    for row in range(n_rows):
        n = 0
        for entry in range(indptr[row], indptr[row + 1]):
            item = items[entry]
            for at in range(near_indptr[item], near_indptr[item + 1]):
                other, part = near[at], weights[entry] * near_weights[at]
                if part <= 0:
                    continue
                if total[other] == 0:
                    touched[n] = other
                    n += 1
                total[other] += part
                if part > most[other]:
                    most[other], because[other] = part, item
        while filled + n > out.size:
            out = np.concatenate((out, np.empty_like(out)))
            scores = np.concatenate((scores, np.empty_like(scores)))
            reasons = np.concatenate((reasons, np.empty_like(reasons)))
        for at in range(n):
            other = touched[at]
            out[filled], scores[filled], reasons[filled] = other, total[other], because[other]
            filled += 1
            total[other], most[other] = 0.0, 0.0
        sizes[row + 1] = filled
    return sizes, out[:filled].copy(), scores[:filled].copy(), reasons[:filled].copy()
