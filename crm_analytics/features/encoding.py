"""Baskets from whatever form they come in."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from crm_analytics.core.errors import SchemaError
from crm_analytics.core.tables import require_columns
from crm_analytics.features.baskets import Baskets, canonical, coded
from crm_analytics.features.histories import purchase_histories


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
