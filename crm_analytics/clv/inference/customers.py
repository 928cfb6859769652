"""Customers as the purchase models see them: arrays that could be true, with counts and groups."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numba import njit

from crm_analytics.clv.inference.distinct import count_in_ticks, distinct_rows, shared_rows
from crm_analytics.core.tables import require, summary_columns

N_TERMS = 15  # of four parameters: a value, 4 first derivatives, 10 second derivatives


@dataclass(frozen=True)
class Customers:
    """What purchase models need to know of customers.

    A sufficient statistic: equal rows may be one row with a weight, and tables of several
    partitions may be put under each other.

    Attributes
    ----------
    x, t_x, T : ndarray of float, shape (n_rows,)
        Repeat purchases, age at the last, age now.
    weight : ndarray of float, shape (n_rows,)
        Customers that a row stands for.
    group : ndarray of int, shape (n_rows,)
        Row of `design` that holds for the customer.
    design : ndarray, shape (n_groups, n_covariates)
        Distinct covariates, centred; a single empty row if there are none.
    log_gaps : float
        Sum over customers of the logarithms of the times between their purchases, if known.
    """

    x: np.ndarray
    t_x: np.ndarray
    T: np.ndarray
    weight: np.ndarray
    group: np.ndarray
    design: np.ndarray
    log_gaps: float = 0.0

    @classmethod
    def of(
        cls, x: Any, t_x: Any, T: Any, weight: Any = None, group: Any = None, design: Any = None
    ) -> "Customers":
        """From arrays that broadcast; a weight of 1 and one group by default."""
        shape = np.broadcast_shapes(np.shape(x), np.shape(t_x), np.shape(T))
        x, t_x, T = (
            np.ascontiguousarray(np.broadcast_to(a, shape), dtype=float).ravel() for a in (x, t_x, T)
        )
        # One for everybody takes no memory.
        weight = np.broadcast_to(1.0, x.shape) if weight is None else np.asarray(weight, dtype=float)
        group = np.zeros(x.size, dtype=np.int64) if group is None else group
        return cls(x, t_x, T, weight, group, np.zeros((1, 0)) if design is None else design)

    @property
    def n(self) -> float:
        """Customers in all."""
        return float(self.weight.sum())

    @cached_property
    def by_frequency(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Distinct (frequency, group): the two columns, and the total weight of each."""
        if len(self.design) == 1 and self.x.max(initial=0) < 1_000_000:
            weights = np.bincount(self.x.astype(np.int64), weights=self.weight)
            x = np.flatnonzero(weights)
            return x.astype(float), np.zeros(x.size, dtype=np.int64), weights[x]
        (x, group), place, _ = distinct_rows(self.x, self.group)
        return x, group.astype(np.int64), np.bincount(place, weights=self.weight, minlength=x.size)

    def shared(self) -> "Customers":
        """Equal rows as one with their total weight, if that makes for clearly fewer."""
        counted = count_in_ticks(self.x, self.t_x, self.T, self.weight) if len(self.design) == 1 else None
        if counted is not None:
            rows, weight = counted
            group = np.zeros(rows.size, dtype=np.int64)
            return replace(
                self, x=self.x[rows], t_x=self.t_x[rows], T=self.T[rows], weight=weight, group=group
            )
        found = shared_rows(self.x, self.t_x, self.T, self.group)
        if found is None:
            return self
        (x, t_x, T, group), place = found
        weight = np.bincount(place, weights=self.weight, minlength=x.size)
        return replace(self, x=x, t_x=t_x, T=T, weight=weight, group=group.astype(np.int64))

    def some(self, n: int) -> "Customers":
        """About `n` customers, evenly spaced among all of them."""
        ends = np.cumsum(self.weight)
        rows = np.searchsorted(ends, (np.arange(n) + 0.5) / n * ends[-1])
        rows, counts = np.unique(rows, return_counts=True)
        return replace(
            self,
            x=self.x[rows],
            t_x=self.t_x[rows],
            T=self.T[rows],
            weight=counts / n * ends[-1],
            group=self.group[rows],
        )

    def in_units_of(self, scale: float) -> "Customers":
        """The same with times divided by `scale`."""
        return replace(self, t_x=self.t_x / scale, T=self.T / scale)


def read_customers(
    model: Any, X: Any, columns: Sequence[str], *, reset: bool, sample_weight: Any = None
) -> Customers:
    """A customer table as `Customers`, or SchemaError on customers who could not exist."""
    x, t_x, T = summary_columns(model, X, columns, reset=reset)
    customers = Customers.of(x, t_x, T)
    if not _lawful(customers.x, customers.t_x, customers.T):
        _say_what_is_wrong(x, t_x, T, columns, type(model).__name__)
    if sample_weight is None:
        return customers
    weight = np.asarray(sample_weight, dtype=float)
    if weight.shape != x.shape or not (np.isfinite(weight) & (weight >= 0)).all() or not weight.any():
        raise ValueError(
            f"sample_weight must be {x.size:,} finite numbers >= 0, customers that a row stands for, not all 0. "
            f"Got shape {weight.shape}."
        )
    return Customers.of(x, t_x, T, weight)


@njit(cache=True)
def _lawful(x, t_x, T):
    wrong = False
    for i in range(x.size):  # without a way out, so that several rows are looked at together
        seen = (x[i] >= 0) & (x[i] == np.floor(x[i])) & (t_x[i] >= 0) & (t_x[i] <= T[i])
        wrong |= (not seen) | ((x[i] > 0) != (t_x[i] > 0))
    return not wrong


def _say_what_is_wrong(
    x: np.ndarray, t_x: np.ndarray, T: np.ndarray, columns: Sequence[str], caller: str
) -> None:
    frequency, recency, age = columns
    rules = [
        (
            frequency,
            (x >= 0) & (x == np.floor(x)),
            "a whole count >= 0",
            "Count purchases, do not average them.",
        ),
        (recency, t_x >= 0, ">= 0", "It is the age at the last purchase, not days since."),
        (recency, t_x <= T, f"<= {age}", f"It is the age at the last purchase; {age} is the age now."),
        (
            recency,
            (x > 0) | (t_x == 0),
            f"0 where {frequency} is 0",
            "One-time buyers' last purchase is their first.",
        ),
        (
            recency,
            (x == 0) | (t_x > 0),
            f"> 0 where {frequency} is > 0",
            "A repeat purchase comes after the first; those of the same period are one.",
        ),
    ]
    for column, ok, rule, remedy in rules:
        require(ok, column=column, rule=rule, caller=caller, remedy=remedy)
