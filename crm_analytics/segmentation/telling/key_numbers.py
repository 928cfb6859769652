"""Each segment in a few numbers: size, revenue, growth, visits, churn risk, cost to serve."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from crm_analytics.core.errors import SchemaError
from crm_analytics.core.tables import require, require_columns

REVENUE = ("revenue", "spend", "amount_long", "amount_total", "amount")  # the first that a table has
PURCHASES = ("purchases_long", "purchases", "frequency")


def key_numbers(
    codes: np.ndarray,
    segments: Any,
    table: pd.DataFrame,
    *,
    revenue: str | None,
    windows: Sequence[int],
    caller: str,
) -> pd.DataFrame:
    """One row a segment; see `describe` for the columns. What the table does not tell is left out."""
    n = np.bincount(codes, minlength=len(segments)).astype(float)
    found: dict[str, Any] = {"customers": n.astype(np.int64), "share": n / n.sum()}
    column = _revenue_column(table, revenue, caller)
    if column is not None:
        total = _sums(codes, len(segments), _whole(table, column, caller))
        found["revenue"] = total
        found["revenue_share"] = total / total.sum() if total.sum() > 0 else np.full(len(n), np.nan)
        found["revenue_per_customer"] = total / n
    if {"amount_middle", "amount_long"} <= set(table.columns):
        middle, long = (
            _sums(codes, len(segments), _whole(table, name, caller))
            for name in ("amount_middle", "amount_long")
        )
        found["growth"] = _growth(middle, long, windows)
    visits = next((name for name in PURCHASES if name in table.columns), None)
    if visits is not None:
        found["purchases"] = _sums(codes, len(segments), _whole(table, visits, caller)) / n
    for name in ("gap_mean", "since_last"):
        if name in table.columns:
            found[name] = _group_medians(codes, len(segments), table[name])
    if "p_churn" in table.columns:
        found["p_churn"] = _known_means(codes, len(segments), table["p_churn"])
    if "cost" in table.columns:
        cost = _whole(table, "cost", caller)
        require(
            cost >= 0,
            column="cost",
            rule=">= 0",
            caller=caller,
            remedy="Give what serving a customer costs, as a positive amount.",
        )
        found["cost"] = _sums(codes, len(segments), cost)
        found["cost_per_customer"] = found["cost"] / n
        if column is not None:
            with np.errstate(divide="ignore", invalid="ignore"):
                found["revenue_per_cost"] = np.where(
                    found["cost"] > 0, found["revenue"] / found["cost"], np.nan
                )
    return pd.DataFrame(found, index=pd.Index(segments, name="segment"))


def _growth(middle: np.ndarray, long: np.ndarray, windows: Sequence[int]) -> np.ndarray:
    """Spend a period in the middle window over that in the rest of the long one, less 1; NaN after nothing."""
    before = (long - middle) / (windows[2] - windows[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(before > 0, middle / windows[1] / before - 1, np.nan)


def _revenue_column(table: pd.DataFrame, revenue: str | None, caller: str) -> str | None:
    if revenue is not None:
        require_columns(table, [revenue], caller=caller)
        return revenue
    return next((name for name in REVENUE if name in table.columns), None)


def _whole(table: pd.DataFrame, column: str, caller: str) -> np.ndarray:
    """A column to be added up: no value may be missing."""
    if not pd.api.types.is_numeric_dtype(table[column]):
        raise SchemaError(f"{caller}: {column} must be numeric, but has dtype {table[column].dtype}.")
    values = table[column].to_numpy(dtype=float, na_value=np.nan)
    require(
        np.isfinite(values),
        column=column,
        rule="a finite number",
        caller=caller,
        remedy="Say 0 where there is none, or drop those customers from labels and table.",
    )
    return values


def _sums(codes: np.ndarray, n_segments: int, values: np.ndarray) -> np.ndarray:
    """Sums in rising order of the values, so that the order of the rows does not show."""
    order = np.argsort(values)
    return np.bincount(codes[order], weights=values[order], minlength=n_segments)


def _known_means(codes: np.ndarray, n_segments: int, column: pd.Series) -> np.ndarray:
    values = column.to_numpy(dtype=float, na_value=np.nan)
    known = ~np.isnan(values)
    n = np.bincount(codes[known], minlength=n_segments)
    with np.errstate(invalid="ignore"):
        return _sums(codes[known], n_segments, values[known]) / np.where(n, n, np.nan)


def _group_medians(codes: np.ndarray, n_segments: int, column: pd.Series) -> np.ndarray:
    values = pd.Series(column.to_numpy(dtype=float, na_value=np.nan))
    return values.groupby(codes).median().reindex(range(n_segments)).to_numpy(dtype=float)
