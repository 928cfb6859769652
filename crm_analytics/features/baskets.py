"""Baskets as canonical sparse rows: what was bought together, each item once."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from crm_analytics.core.errors import SchemaError
from crm_analytics.core.tables import require_columns


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


def encode_baskets(data: Any, items: pd.Index | None = None) -> Baskets:
    """Turn baskets in any usual form into canonical sparse rows; never through a dense table.

    Parameters
    ----------
    data : one of
        a list of baskets, each a list, tuple or set of items;
        a frame of lines with `transaction_id` and `item_id`, in any order, repeats allowed;
        a one-hot frame of booleans or 0/1, a column an item, as mlxtend makes (dense or sparse);
        a `TransactionLog`: one basket a receipt, see `purchase_histories`;
        or `Histories` or `Baskets`, taken as they are.
    items : Index, optional
        Code by these items and leave out others, so that new baskets meet a fitted model's codes.

    Returns
    -------
    Baskets, in the order of the data (of a log: by customer and time). A basket given as an
    empty list, or whose items are all unknown to `items`, stays as an empty row.

    Raises
    ------
    SchemaError
        If an item is missing, a basket is text rather than a list, a frame is neither of the two
        forms, or an array has no names for its columns.

    Examples
    --------
    >>> baskets = encode_baskets([["tea", "milk", "tea"], [], ["bread", "milk"]])
    >>> baskets
    Baskets: 3 of 3 items, 4 lines
    >>> baskets.lists()
    [['milk', 'tea'], [], ['bread', 'milk']]
    """
    if hasattr(data, "query_as_of"):
        from crm_analytics.features.histories import purchase_histories

        data = purchase_histories(data).baskets
    if hasattr(data, "baskets"):
        data = data.baskets
    if isinstance(data, Baskets):
        return data if items is None else _recode(data, items)
    if hasattr(data, "to_pandas") and not isinstance(data, pd.DataFrame):
        data = data.to_pandas()
    if isinstance(data, np.ndarray) and data.ndim > 1:
        raise SchemaError(
            "encode_baskets: an array does not name its columns. Pass pd.DataFrame(array, columns=the items)."
        )
    if isinstance(data, pd.DataFrame):
        long = {"transaction_id", "item_id"} & set(data.columns)
        found = _from_lines(data) if long else _from_one_hot(data)
    else:
        found = _from_lists(data)
    return found if items is None else _recode(found, items)


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


def _from_lines(frame: pd.DataFrame) -> Baskets:
    require_columns(frame, ["transaction_id", "item_id"], caller="encode_baskets")
    for column in ("transaction_id", "item_id"):
        missing = frame[column].isna().to_numpy()
        if missing.any():
            raise SchemaError(
                f"encode_baskets: {column} is missing in {missing.sum():,} of {len(frame):,} lines "
                f"(first at row {missing.argmax():,}). Drop those lines or fill them in."
            )
    rows, baskets = pd.factorize(frame["transaction_id"])
    codes, items = coded(frame["item_id"])
    return canonical(rows, codes, len(baskets), items)


def _from_one_hot(frame: pd.DataFrame) -> Baskets:
    if not frame.columns.is_unique:
        name = frame.columns[frame.columns.duplicated()][0]
        raise SchemaError(f"encode_baskets: the one-hot frame has two columns {name!r}. Rename or join them.")
    rows, codes = [], []
    for code in range(frame.shape[1]):  # a column at a time, so nothing dense is made of a sparse frame
        column = frame.iloc[:, code]
        if isinstance(column.dtype, pd.SparseDtype) and not column.dtype.fill_value:
            place, values = column.array.sp_index.indices, np.asarray(column.array.sp_values)
        else:
            values = np.asarray(column)
            place = np.arange(values.size)
        if values.dtype != bool and not (
            np.issubdtype(values.dtype, np.number) and np.isin(values, (0, 1)).all()
        ):
            raise SchemaError(
                f"encode_baskets: column {frame.columns[code]!r} holds more than true and false. Pass lines with "
                "transaction_id and item_id, or a one-hot frame."
            )
        held = place[values.astype(bool)]
        rows.append(held)
        codes.append(np.full(held.size, code))
    if not rows:
        raise SchemaError(
            "encode_baskets: the frame has no columns. Pass lines with transaction_id and item_id."
        )
    return canonical(np.concatenate(rows), np.concatenate(codes), len(frame), frame.columns)


def _from_lists(data: Iterable[Sequence[Any]]) -> Baskets:
    baskets = list(data)
    for row, basket in enumerate(baskets):
        if isinstance(basket, str | bytes) or not isinstance(basket, Iterable):
            raise SchemaError(
                f"encode_baskets: a basket must be a list of items, but basket {row:,} is {basket!r}. "
                "Wrap single items in a list."
            )
    lengths = np.fromiter((len(basket) for basket in baskets), np.int64, len(baskets))
    values = np.empty(lengths.sum(), dtype=object)
    values[:] = list(itertools.chain.from_iterable(baskets))
    codes, items = coded(values)
    rows = np.repeat(np.arange(len(baskets)), lengths)
    if (codes < 0).any():
        raise SchemaError(
            f"encode_baskets: an item is missing in {np.unique(rows[codes < 0]).size:,} of {len(baskets):,} baskets "
            f"(first in basket {rows[(codes < 0).argmax()]:,}). Leave missing items out."
        )
    return canonical(rows, codes, len(baskets), items)


def _recode(baskets: Baskets, items: pd.Index) -> Baskets:
    if baskets.items.equals(items):
        return baskets
    place = items.get_indexer(baskets.items)[baskets.indices]
    rows = np.repeat(np.arange(len(baskets)), np.diff(baskets.indptr))
    return canonical(rows[place >= 0], place[place >= 0], len(baskets), items)
