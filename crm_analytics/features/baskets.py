"""Baskets as canonical sparse rows: what was bought together, each item once."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse


@dataclass(frozen=True, eq=False)
class Baskets:
    """Rows of item codes, sorted and without repeats; made by `encode_baskets`.

    Attributes
    ----------
    indptr : ndarray of int64, shape (n_baskets + 1,)
        Row i holds `indices[indptr[i] : indptr[i + 1]]`; an empty basket is an empty row.
    indices : ndarray of int32
        Codes: positions in `items`, rising within a row.
    items : Index
        The items, distinct; in their own order where they have one.
    """

    indptr: np.ndarray
    indices: np.ndarray
    items: pd.Index

    def __len__(self) -> int:
        return self.indptr.size - 1

    def __repr__(self) -> str:
        return f"Baskets: {len(self):,} of {len(self.items):,} items, {self.indices.size:,} lines"

    def lists(self) -> list[list[Any]]:
        """Return each basket as a list of its items."""
        names = self.items.to_numpy(object)[self.indices]
        return [row.tolist() for row in np.split(names, self.indptr[1:-1])] if len(self) else []

    def counts(self) -> np.ndarray:
        """Baskets that hold each item, shape (n_items,)."""
        return np.bincount(self.indices, minlength=len(self.items))

    def take(self, rows: np.ndarray) -> "Baskets":
        """Return the baskets at positions `rows`, or where the mask `rows` holds; same items."""
        rows = np.asarray(rows)
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows
        lengths = np.diff(self.indptr)[rows]
        indptr = np.concatenate([[0], np.cumsum(lengths)])
        place = np.arange(indptr[-1]) + np.repeat(self.indptr[rows] - indptr[:-1], lengths)
        return Baskets(indptr, self.indices[place], self.items)


def canonical(rows: np.ndarray, codes: np.ndarray, n_rows: int, items: pd.Index) -> Baskets:
    """Sort (row, code) pairs into rows and drop repeats; counting, so linear in the lines."""
    grid = sparse.coo_matrix(
        (np.ones(codes.size, np.bool_), (rows, codes)), shape=(n_rows, len(items))
    ).tocsr()
    grid.sort_indices()
    return Baskets(grid.indptr.astype(np.int64), grid.indices.astype(np.int32), items)


def coded(values: Any) -> tuple[np.ndarray, pd.Index]:
    """Return the code of each value and the distinct values, sorted where they can be."""
    codes, found = pd.factorize(values)
    found = pd.Index(found)
    try:
        order = found.argsort()
    except TypeError:  # words and numbers mixed have no order of their own
        return codes, found
    place = np.empty(len(found), dtype=np.int64)
    place[order] = np.arange(len(found))
    return np.where(codes < 0, -1, place[codes]) if len(found) else codes, found[order]
