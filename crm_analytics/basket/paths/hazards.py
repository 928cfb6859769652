"""Hazards of the next step by what was taken last: as many steps back as the data bears.

For each product j the rate at which it comes, t days after a customer's step, is a constant
within each of a few intervals of t. It is estimated for all customers (order 0), for those who
took a given product last (order 1), and for the last two, three, … steps. Each order is shrunk
towards the one below: with d events, exposure y and the rate h of the order below,

    level of product j     r   = (Σ_t d + s) / (Σ_t y h + s)
    rate in interval t     h'  = (d + s) / (y + s / (r h))

both posterior means under gamma priors worth `s` events, as Clayton & Kaldor (1987) smooth
relative risks; that a longer context backs off to a shorter one in proportion to what was seen
of it is MacKay & Peto's (1995) hierarchical Dirichlet model of language, here with time.
A product counts as exposed only while the customer does not hold it, so that those who have it
already do not make it look unwanted, and those who still wait count for as long as they waited.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from scipy import sparse

from crm_analytics.basket.paths.steps import Contexts, Steps

_MOST_CELLS = 60_000_000
_CHUNK_CELLS = 8_000_000


@dataclass(frozen=True, eq=False)
class Layer:
    """The contexts of one order that were met often enough.

    Attributes
    ----------
    order : int
        How many steps back.
    place : ndarray of int64
        Row of each context number in `rates`, -1 for those met too seldom.
    rates : ndarray, shape (n_rows, n_items, n_intervals)
        Shrunk events a day.
    visits : ndarray of int64
        Steps in each row's context.
    """

    order: int
    place: np.ndarray
    rates: np.ndarray
    visits: np.ndarray


@dataclass(frozen=True, eq=False)
class Hazards:
    """Rates by order; made by `fit_hazards`.

    Attributes
    ----------
    edges : ndarray
        Interval t is [edges[t], edges[t + 1]) days since the last step; the last has no end.
    base : ndarray, shape (n_items, n_intervals)
        Order 0: events a day.
    single : ndarray, shape (n_items, n_items, n_intervals), or None
        Order 1: by a product that was part of the last step.
    layers : list of Layer
        Packages as a whole, then orders 2, 3, …
    package_size : float
        Products taken up at a step, in the mean.
    longest : float
        Days that anyone was followed after a step.
    """

    edges: np.ndarray
    base: np.ndarray
    single: np.ndarray | None
    layers: list[Layer]
    package_size: float
    longest: float

    def upto(self, order: int) -> "Hazards":
        """Return the same without what looks further back than `order`."""
        return Hazards(
            self.edges,
            self.base,
            self.single if order else None,
            [layer for layer in self.layers if layer.order <= order],
            self.package_size,
            self.longest,
        )

    def rates(self, steps: Steps, found: Contexts, rows: np.ndarray) -> np.ndarray:
        """Rates after the steps at `rows`, shape (n_rows, n_items, n_intervals)."""
        if self.single is None:
            return np.repeat(self.base[None], rows.size, axis=0)
        n_items, n_intervals = self.base.shape
        # After a package without an estimate of its own, the mean of what comes after each of its products.
        table = self.single.reshape(n_items, -1)
        mean = self.mean_of_last(steps, rows, table).reshape(-1, n_items, n_intervals)
        empty = ~steps.known[rows]
        mean[empty] = self.base  # when it was taken up is not known, nor what was before
        for layer in self.layers:
            at = self.rows_of(layer, found, rows)
            mean[at >= 0] = layer.rates[at[at >= 0]]
        return mean

    def mean_of_last(self, steps: Steps, rows: np.ndarray, table: np.ndarray) -> np.ndarray:
        """Mean row of `table`, a row a product, over the products that each step took up."""
        return _members(steps, rows) @ table

    def rows_of(self, layer: Layer, found: Contexts, rows: np.ndarray) -> np.ndarray:
        """Row of `layer` that speaks for each of the steps, or -1."""
        number = found.orders[layer.order - 1][rows]
        place = np.append(layer.place, -1)
        return np.where(number >= 0, place[number], -1)


def fit_hazards(
    steps: Steps, found: Contexts, *, strength: float, min_count: int, n_intervals: int, rows: np.ndarray
) -> Hazards:
    """Estimate all orders that `found` has from the waits after the steps at `rows`."""
    n_items = len(steps.items)
    seen = rows[steps.followed[rows]]
    edges = interval_edges(steps.wait[seen], n_intervals)
    n_intervals = edges.size
    if n_items**2 * n_intervals > _MOST_CELLS:
        raise ValueError(
            f"ProductPaths is for up to about {int((_MOST_CELLS / n_intervals) ** 0.5):,} products, but the data "
            f"have {n_items:,}. Choose a coarser level, such as category."
        )
    everyone = np.zeros(len(steps), dtype=np.int64)
    d, y = tally(steps, everyone, rows, edges, 1)
    overall = (d.sum(axis=2) + 0.5) / np.maximum(y.sum(axis=2), 1e-9)
    base = ((d + strength) / (y + strength / overall[:, :, None]))[0]
    sizes = steps.sizes[1:][steps.followed[:-1]]
    package_size = float(sizes.mean()) if sizes.size else 1.0
    longest = float(steps.wait[rows].max(initial=0.0))
    d, y = tally(steps, None, rows, edges, n_items)
    single = shrink(d, y, base[None], strength)
    fitted = Hazards(edges, base, single, [], package_size, longest)
    for order, number in enumerate(found.orders, start=1):
        n_contexts = int(number.max(initial=-1)) + 1
        visits = np.bincount(number[rows][number[rows] >= 0], minlength=n_contexts)
        often = visits >= min_count
        if order == 1:
            often[:n_items] = False  # a single product is what `single` is about
        chosen = np.flatnonzero(often)
        room = _MOST_CELLS // (n_items * n_intervals)
        if chosen.size > room:  # the most frequent ones
            chosen = np.sort(chosen[np.argsort(-visits[chosen], kind="stable")[:room]])
        if not chosen.size:
            continue
        place = np.full(n_contexts, -1, dtype=np.int64)
        place[chosen] = np.arange(chosen.size)
        mine = np.where(number >= 0, place[number], -1)
        d, y = tally(steps, mine, rows, edges, chosen.size)
        some = rows[mine[rows] >= 0]
        example = some[np.unique(mine[some], return_index=True)[1]]
        rates = shrink(d, y, fitted.rates(steps, found, example), strength)
        fitted.layers.append(Layer(order, place, rates, visits[chosen]))
    return fitted


def interval_edges(waits: np.ndarray, n_intervals: int) -> np.ndarray:
    """Begin each interval where as many steps have come as in the others; the first at 0."""
    if not waits.size:
        return np.zeros(1)
    inner = np.quantile(waits, np.arange(1, n_intervals) / n_intervals, method="higher")
    return np.unique(np.concatenate([[0.0], inner[inner > 0]]))


def shrink(d: np.ndarray, y: np.ndarray, below: np.ndarray, strength: float) -> np.ndarray:
    """Rates from events and exposure, drawn towards those `below` first in level, then in shape."""
    level = (d.sum(axis=2) + strength) / ((y * below).sum(axis=2) + strength)
    return (d + strength) / (y + strength / (level[:, :, None] * below))


def tally(
    steps: Steps, context: np.ndarray | None, rows: np.ndarray, edges: np.ndarray, n_contexts: int
) -> tuple[np.ndarray, np.ndarray]:
    """Events and exposure (days) after the steps at `rows`, each (n_contexts, n_items, n_intervals).

    `context` numbers each step's context (-1: none); by None each step counts for every product
    that it took up, those of the warm-up for none.
    """
    chosen = np.zeros(len(steps), dtype=np.bool_)
    chosen[rows] = True
    by_product = context is None
    if context is None:
        context, chosen = np.zeros(len(steps), dtype=np.int64), chosen & steps.known
    n_items = len(steps.items)
    events = np.zeros((n_contexts, n_items, edges.size))
    held = np.zeros((n_contexts, n_items, edges.size))
    exposure = np.zeros((n_contexts, edges.size))
    _tally(
        steps.owner, steps.indptr, steps.indices, steps.wait, steps.followed, context, chosen, by_product,
        _exclusion(steps), np.append(edges, np.inf), n_items, events, held, exposure,
    )  # fmt: skip
    # Differences of sums over the same waits in another order leave rounding.
    return events, np.maximum(exposure[:, None, :] - held, 0.0)


def _exclusion(steps: Steps) -> int:
    """What cannot come next: anything held (0), what the last step took up (1), nothing (2)."""
    return {"first": 0, "change": 1, "every": 2}[steps.kind]


@njit(cache=True)
def _tally(
    owner, indptr, indices, wait, followed, context, chosen, by_product,
    exclusion, edges, n_items, events, held, exposure,
):  # fmt: skip
    n = owner.size
    have = np.empty(n_items, dtype=np.int64)  # what the customer holds, the latest at the end
    for i in range(n):
        if i == 0 or owner[i] != owner[i - 1]:
            n_have = 0
        begin, end = indptr[i], indptr[i + 1]
        if exclusion == 1:
            n_have = 0
        if exclusion < 2:
            for p in range(begin, end):
                have[n_have] = indices[p]
                n_have += 1
        if not chosen[i] or (not by_product and context[i] < 0):
            continue
        at = 0
        while edges[at + 1] <= wait[i]:
            at += 1
        for q in range(begin, end if by_product else begin + 1):
            c = indices[q] if by_product else context[i]
            for t in range(at + 1):
                days = min(wait[i], edges[t + 1]) - edges[t]
                exposure[c, t] += days
                for h in range(n_have):
                    held[c, have[h], t] += days
            if followed[i]:
                for p in range(indptr[i + 1], indptr[i + 2]):
                    events[c, indices[p], at] += 1


def unavailable(steps: Steps, rows: np.ndarray) -> np.ndarray:
    """What cannot come next after each of the steps at `rows` (ascending), shape (n_rows, n_items)."""
    out = np.zeros((rows.size, len(steps.items)), dtype=np.bool_)
    kind = _exclusion(steps)
    if kind < 2:
        _mark(steps.owner, steps.indptr, steps.indices, rows, kind, out)
    return out


@njit(cache=True)
def _mark(owner, indptr, indices, rows, kind, out):
    for r in range(rows.size):
        i = rows[r]
        while True:
            for p in range(indptr[i], indptr[i + 1]):
                out[r, indices[p]] = True
            i -= 1
            if kind == 1 or i < 0 or owner[i] != owner[rows[r]]:
                break


def held_out_log_likelihood(
    hazards: Hazards, steps: Steps, found: Contexts, rows: np.ndarray, orders: list[int]
) -> np.ndarray:
    """Log-likelihood of what came after the steps at `rows`, a column an order, a row a step.

    Of a Poisson process a product: Σ log rate of what came - Σ rate x exposure while available.
    """
    width = np.append(np.diff(hazards.edges), np.inf)
    out = np.zeros((rows.size, len(orders)))
    for part in chunks(rows.size, hazards.base.size):
        mine = rows[part]
        days = np.clip(steps.wait[mine, None] - hazards.edges, 0, width)
        at = np.searchsorted(hazards.edges, steps.wait[mine], "right") - 1
        free = ~unavailable(steps, mine)
        seen = np.flatnonzero(steps.followed[mine])
        lengths = steps.sizes[mine[seen] + 1]
        which = np.repeat(seen, lengths)
        start = np.repeat(steps.indptr[mine[seen] + 1] - np.cumsum(lengths) + lengths, lengths)
        product = steps.indices[start + np.arange(which.size)]
        for column, order in enumerate(orders):
            rates = hazards.upto(order).rates(steps, found, mine)
            cumulative = (np.einsum("njt,nt->nj", rates, days) * free).sum(axis=1)
            logs = np.log(rates[which, product, at[which]])
            out[part, column] = np.bincount(which, logs, minlength=mine.size) - cumulative
    return out


def chunks(n: int, cells: int) -> list[slice]:
    """Cut n rows of so many cells each into parts that fit into little memory."""
    size = max(1, _CHUNK_CELLS // max(1, cells))
    return [slice(begin, min(begin + size, n)) for begin in range(0, n, size)]


def _members(steps: Steps, rows: np.ndarray) -> sparse.csr_matrix:
    lengths = steps.sizes[rows]
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    place = np.arange(indptr[-1]) + np.repeat(steps.indptr[rows] - indptr[:-1], lengths)
    return sparse.csr_matrix(
        (np.repeat(1 / lengths, lengths), steps.indices[place], indptr),
        shape=(rows.size, len(steps.items)),
    )
