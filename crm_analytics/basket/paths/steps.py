"""The steps of a path: what each customer took up on an occasion, and how long until the next."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numba import njit

from crm_analytics.core.errors import SchemaError, choice
from crm_analytics.features import Baskets, encode_baskets
from crm_analytics.features.histories import Histories, purchase_histories

STEPS = ("first", "change", "every")
_DAY = np.timedelta64(1, "D")


@dataclass(frozen=True, eq=False)
class Steps:
    """One step after another, by customer and time.

    Attributes
    ----------
    indptr, indices : ndarray
        Step i took up the codes `indices[indptr[i] : indptr[i + 1]]`, rising; at least one.
    owner : ndarray of int64, shape (n_steps,)
        Position of the customer, ascending.
    position : ndarray of int64
        0 for a customer's first step that is known as such, then 1, 2, …
    days : ndarray of float
        Time of the step, in days before (so <= 0) the first instant not seen.
    wait : ndarray of float
        Days until the customer's next step, or for the last one until the first instant not seen.
    followed : ndarray of bool
        Whether a next step was seen; if not, `wait` is censored.
    known : ndarray of bool
        False for steps within the warm-up, whose true time is unknown.
    items, customers : Index
    kind : str
        "first", "change" or "every".
    """

    indptr: np.ndarray
    indices: np.ndarray
    owner: np.ndarray
    position: np.ndarray
    days: np.ndarray
    wait: np.ndarray
    followed: np.ndarray
    known: np.ndarray
    items: pd.Index
    customers: pd.Index
    kind: str

    def __len__(self) -> int:
        return self.owner.size

    @property
    def sizes(self) -> np.ndarray:
        """Products taken up together at each step."""
        return np.diff(self.indptr)

    @property
    def last(self) -> np.ndarray:
        """Position of each customer's last step."""
        return np.flatnonzero(np.diff(self.owner, append=-1) != 0)


def path_steps(
    data: Any,
    as_of: Any = None,
    *,
    level: str = "item_id",
    occasion: str = "D",
    kind: str = "first",
    warm_up: float = 0.0,
    items: pd.Index | None = None,
    caller: str = "path_steps",
) -> Steps:
    """Find the steps of a log or of histories, before `as_of`; coded by `items` if they are given."""
    choice(kind, name="steps", allowed=STEPS)
    if not 0 <= warm_up < np.inf:
        raise ValueError(f"warm_up must be in [0, inf) days. Got {warm_up!r} instead.")
    if hasattr(data, "query_as_of"):
        end = np.datetime64(data.snapshot(as_of, name="as_of"), "us")
        histories = purchase_histories(data, as_of, level=level, occasion=occasion)
    elif isinstance(data, Histories):
        histories = data
        if not len(histories.baskets):
            raise SchemaError(f"{caller}: the histories have no occasions.")
        # Nothing says how long after its last purchase such a log went on.
        end = np.datetime64(pd.Timestamp(as_of), "us") if as_of is not None else histories.times.max()
        if as_of is not None:
            histories = _before(histories, end, caller)
    else:
        raise TypeError(f"{caller} takes a TransactionLog or Histories. Got {type(data).__name__} instead.")
    baskets = histories.baskets if items is None else encode_baskets(histories.baskets, items)
    keep = _taken_up(histories.owner, baskets.indptr, baskets.indices, len(baskets.items), STEPS.index(kind))
    sizes = np.bincount(_row_of(baskets)[keep], minlength=len(baskets))
    rows = np.flatnonzero(sizes)
    owner, days = histories.owner[rows], (histories.times[rows] - end) / _DAY
    followed = np.diff(owner, append=-1) == 0
    wait = np.where(followed, np.append(days[1:], 0.0), 0.0) - days
    known = (histories.times[rows] - histories.times.min()) / _DAY >= warm_up
    return Steps(
        indptr=np.concatenate([[0], np.cumsum(sizes[rows])]).astype(np.int64),
        indices=baskets.indices[keep],
        owner=owner,
        position=_positions(owner, known),
        days=days,
        wait=wait,
        followed=followed,
        known=known,
        items=baskets.items,
        customers=histories.customers,
        kind=kind,
    )


def _before(histories: Histories, end: np.datetime64, caller: str) -> Histories:
    seen = histories.times < end
    if not seen.any():
        raise SchemaError(f"{caller}: no occasion lies before {end}. Take a later as_of.")
    counts = np.bincount(histories.owner[seen], minlength=len(histories))
    some = counts > 0
    return Histories(
        baskets=histories.baskets.take(seen),
        times=histories.times[seen],
        indptr=np.concatenate([[0], np.cumsum(counts[some])]).astype(np.int64),
        customers=histories.customers[some],
    )


def _row_of(baskets: Baskets) -> np.ndarray:
    return np.repeat(np.arange(len(baskets)), np.diff(baskets.indptr))


def _positions(owner: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Place of each step among the customer's known ones; negative before them."""
    begins = np.flatnonzero(np.diff(owner, prepend=-1))
    unknown = np.add.reduceat((~known).astype(np.int64), begins) if owner.size else np.zeros(0, np.int64)
    lengths = np.diff(np.append(begins, owner.size))
    return np.arange(owner.size) - np.repeat(begins + unknown, lengths)


@njit(cache=True)
def _taken_up(
    owner: np.ndarray, indptr: np.ndarray, indices: np.ndarray, n_items: int, kind: int
) -> np.ndarray:
    """Which lines are part of a step: all (2), those not in the customer's last step (1), or new ones (0)."""
    keep = np.ones(indices.size, dtype=np.bool_)
    if kind == 2:
        return keep
    mark = np.full(n_items, -1, dtype=np.int64)  # the customer, or the step, that had the item last
    step = -1  # counts on over customers, so that no mark is mistaken for another's
    for i in range(owner.size):
        if i == 0 or owner[i] != owner[i - 1]:
            step += 1
        fresh = False
        for p in range(indptr[i], indptr[i + 1]):
            j = indices[p]
            if kind == 0:
                keep[p] = mark[j] != owner[i]
                mark[j] = owner[i]
            else:
                keep[p] = mark[j] != step
                fresh = fresh or keep[p]
        if kind == 1 and fresh:
            step += 1
            for p in range(indptr[i], indptr[i + 1]):
                if keep[p]:
                    mark[indices[p]] = step
    return keep


@dataclass(frozen=True, eq=False)
class Contexts:
    """For each step the number of what was taken last, one, two, … steps back.

    Attributes
    ----------
    symbols : ndarray of int64, shape (n_steps,)
        Number of the step's set of products: the product's own code if it is one, from
        `n_items` on for packages.
    orders : list of ndarray of int64
        `orders[m - 1]` numbers the last m sets, -1 where a customer has fewer known steps.
    pairs : list of ndarray of int64
        `pairs[m - 2][c]` is what context c of order m is made of: the context of order m - 1 one
        step earlier, times the number of symbols, plus the symbol.
    packages : list of ndarray
        The codes of package number `n_items + i`.
    """

    symbols: np.ndarray
    orders: list[np.ndarray]
    pairs: list[np.ndarray]
    packages: list[np.ndarray]


def contexts(steps: Steps, max_order: int, fitted: Contexts | None = None) -> Contexts:
    """Number the contexts of all steps, by the numbers of `fitted` if it is given (-1: not among them)."""
    symbols, packages = _symbols(steps, None if fitted is None else fitted.packages)
    orders, pairs = [np.where(steps.known, symbols, -1)], []
    for order in range(2, max_order + 1):
        earlier = np.concatenate([[-1], orders[-1][:-1]])
        ok = (steps.position >= order - 1) & (earlier >= 0) & (symbols >= 0)
        made = np.full(len(steps), -1, dtype=np.int64)
        n_symbols = len(steps.items) + len(packages)
        key = earlier[ok] * n_symbols + symbols[ok]
        if fitted is None:
            found, made[ok] = np.unique(key, return_inverse=True)
        else:
            found = fitted.pairs[order - 2]
            made[ok] = pd.Index(found).get_indexer(key)
        orders.append(made)
        pairs.append(found)
    return Contexts(symbols, orders, pairs, packages)


def _symbols(steps: Steps, packages: list[np.ndarray] | None) -> tuple[np.ndarray, list[np.ndarray]]:
    n_items, sizes = len(steps.items), steps.sizes
    symbols = steps.indices[steps.indptr[:-1]].astype(np.int64)
    known = {} if packages is None else {codes.tobytes(): i for i, codes in enumerate(packages)}
    for i in np.flatnonzero(sizes > 1):
        codes = steps.indices[steps.indptr[i] : steps.indptr[i + 1]].tobytes()
        number = (
            known.get(codes, -1 - n_items) if packages is not None else known.setdefault(codes, len(known))
        )
        symbols[i] = n_items + number
    if packages is None:
        packages = [np.frombuffer(codes, dtype=steps.indices.dtype) for codes in known]
    return symbols, packages


def symbol_names(items: pd.Index, packages: list[np.ndarray], *, most: int = 3) -> np.ndarray:
    """Return the name of each symbol: products of a package joined by " + ", larger ones counted."""
    names = [str(item) for item in items] + [step_name(items, codes, most=most) for codes in packages]
    return np.array(names, dtype=object)


def step_name(items: pd.Index, codes: np.ndarray, *, most: int = 3) -> str:
    """Return the products of one step joined by " + ", or how many they are if more than `most`."""
    return " + ".join(str(items[code]) for code in codes) if codes.size <= most else f"{codes.size} products"
