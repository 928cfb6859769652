"""Till receipts of a household, one row each."""

from dataclasses import dataclass

import numpy as np

from crm_analytics.profiling.reading.lines import Lines


@dataclass(frozen=True)
class Receipts:
    """Receipts in time order, column by column; all arrays have shape (n_receipts,).

    Attributes
    ----------
    first, n_lines : ndarray of int64
        Position of the first of its lines, and their number: its lines are first ... first + n_lines - 1.
    at, day, customer, store : ndarray
        As in `Lines`; of the first line.
    amount : ndarray of float64
        What was paid (currency).
    """

    first: np.ndarray
    n_lines: np.ndarray
    at: np.ndarray
    day: np.ndarray
    customer: np.ndarray
    store: np.ndarray
    amount: np.ndarray

    def __len__(self) -> int:
        return self.first.size

    def lines(self, which: np.ndarray) -> np.ndarray:
        """Positions of all lines of the receipts chosen by a mask or by positions."""
        first, n = self.first[which], self.n_lines[which]
        return np.repeat(first - np.concatenate([[0], np.cumsum(n)[:-1]]), n) + np.arange(n.sum())


def receipts_of(lines: Lines) -> Receipts:
    """Gather lines, which lie receipt by receipt, into receipts."""
    first = np.flatnonzero(np.diff(lines.receipt, prepend=-1))
    amount = np.add.reduceat(lines.amount, first) if first.size else np.empty(0)
    return Receipts(
        first=first,
        n_lines=np.diff(first, append=len(lines)),
        at=lines.at[first],
        day=lines.day[first],
        customer=lines.customer[first],
        store=lines.store[first],
        amount=amount,
    )
