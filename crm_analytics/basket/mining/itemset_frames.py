"""Itemsets that another library mined, or that went through a file."""

import ast
from typing import Any

import numpy as np
import pandas as pd

from crm_analytics.basket.mining.itemsets import Itemsets
from crm_analytics.core.errors import SchemaError
from crm_analytics.core.tables import require_columns
from crm_analytics.features.baskets import coded


def itemsets_from_frame(frame: pd.DataFrame, n_baskets: int | None) -> tuple[Itemsets, pd.Index]:
    """Read `support` and `itemsets` as mlxtend's `fpgrowth` and `apriori` return them.

    Parameters
    ----------
    frame : DataFrame
        `support` (share of baskets) and `itemsets` (sets of items, or their text after a trip
        through CSV).
    n_baskets : int >= 1
        Baskets that were mined; a support must be a whole number of them.

    Returns
    -------
    Itemsets and the Index of their items.

    Examples
    --------
    >>> frame = pd.DataFrame({"support": [0.5, 0.75], "itemsets": [{"tea"}, "frozenset({'milk'})"]})
    >>> itemsets, items = itemsets_from_frame(frame, 4)
    >>> itemsets.counts, list(items)
    (array([3, 2]), ['milk', 'tea'])
    """
    caller = "itemsets_from_frame"
    require_columns(frame, ["support", "itemsets"], caller=caller)
    if n_baskets is None or not n_baskets >= 1:
        raise ValueError(f"n_baskets must be >= 1, the number of baskets mined. Got {n_baskets!r} instead.")
    counts = frame["support"].to_numpy(float) * n_baskets
    whole = np.rint(counts)
    # Shares of whole counts come within rounding; half a promille of a basket tells them from other shares.
    wrong = ~(np.abs(counts - whole) <= 1e-9 * n_baskets + 5e-4) | (whole < 1) | (whole > n_baskets)
    if wrong.any():
        raise SchemaError(
            f"{caller}: {wrong.sum():,} of {len(frame):,} supports are no whole number of {n_baskets:,} baskets (first "
            f"at row {wrong.argmax():,}: {frame['support'].iloc[wrong.argmax()]:g}). Give the n_baskets of the mining."
        )
    sets = [_items(value, row) for row, value in enumerate(frame["itemsets"])]
    lengths = np.fromiter(map(len, sets), np.int64, len(sets))
    values = np.empty(lengths.sum(), dtype=object)
    values[:] = [item for members in sets for item in members]
    codes, items = coded(values)
    rows = np.repeat(np.arange(len(sets)), lengths)
    codes = codes[np.lexsort([codes, rows])]
    begin = np.concatenate([[0], np.cumsum(lengths)])
    order = sorted(range(len(sets)), key=lambda i: (lengths[i], *codes[begin[i] : begin[i + 1]].tolist()))
    pieces = [codes[begin[i] : begin[i + 1]] for i in order]
    offsets = np.concatenate([[0], np.cumsum(lengths[order])]).astype(np.int64)
    flat = np.concatenate([np.empty(0, np.int64), *pieces]).astype(np.int32)
    return Itemsets(flat, offsets, whole[order].astype(np.int64)), items


def _items(value: Any, row: int) -> list[Any]:
    if isinstance(value, str):
        text = value.strip().removeprefix("frozenset(").removesuffix(")") if "frozenset(" in value else value
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            value = None
    if not isinstance(value, set | frozenset | list | tuple) or not len(value):
        raise SchemaError(
            f"itemsets_from_frame: itemsets must hold sets of items, but row {row:,} does not. Pass frozensets, or "
            "their text as pandas writes it."
        )
    return list(set(value))
