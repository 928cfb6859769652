"""Static facts about customers (channel, region, …) as numbers that models can weigh."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from crm_analytics.clv.inference.distinct import distinct_rows
from crm_analytics.core.errors import SchemaError
from crm_analytics.core.tables import require, require_columns


def learn_covariates(
    X: Any, names: Sequence[str], *, caller: str, weight: Any = None
) -> list[dict[str, Any]]:
    """How to turn each covariate into numbers: words into 0/1 columns, less their mean.

    Returns
    -------
    list of dict, one a column of the design: `column`, `level` (None for a number), `mean`
    and `scale`, so that 0 is the average customer and coefficients are per standard deviation
    for numbers, against the first level in order for words.
    """
    table = _table(X, names, caller)
    weight = np.ones(len(table)) if weight is None else np.asarray(weight, dtype=float)
    coded: list[dict[str, Any]] = []
    for name in names:
        if pd.api.types.is_numeric_dtype(table[name]) and not pd.api.types.is_bool_dtype(table[name]):
            values = _numbers(table, name, caller)
            mean = np.average(values, weights=weight)
            scale = np.sqrt(np.average((values - mean) ** 2, weights=weight))
            if scale == 0:
                raise SchemaError(f"{caller}: covariate {name} is the same for all customers. Leave it out.")
            coded.append({"column": name, "level": None, "mean": float(mean), "scale": float(scale)})
            continue
        words = _words(table, name, caller)
        levels = sorted(set(words))
        if len(levels) < 2:
            raise SchemaError(f"{caller}: covariate {name} is the same for all customers. Leave it out.")
        for level in levels[1:]:
            share = float(np.average(words == level, weights=weight))
            coded.append({"column": name, "level": level, "levels": levels, "mean": share, "scale": 1.0})
    return coded


def design_of(X: Any, coded: list[dict[str, Any]], *, caller: str) -> tuple[np.ndarray, np.ndarray]:
    """Distinct rows of the design, shape (n_groups, n_columns), and each customer's row.

    Raises SchemaError on a word that the fit has not seen.
    """
    table = _table(X, list(dict.fromkeys(c["column"] for c in coded)), caller)
    columns = []
    for c in coded:
        if c["level"] is None:
            values = _numbers(table, c["column"], caller)
        else:
            words = _words(table, c["column"], caller)
            require(
                np.isin(words, c["levels"]),
                column=c["column"],
                rule=f"one of {', '.join(c['levels'])}, as in fit",
                caller=caller,
                remedy="Fit again with these customers, or give them the nearest value.",
            )
            values = (words == c["level"]).astype(float)
        columns.append((values - c["mean"]) / c["scale"])
    rows, place, _ = distinct_rows(*columns)
    return np.stack(rows, axis=1), place


def column_names(coded: list[dict[str, Any]]) -> list[str]:
    """`region=North` for a word, `age` for a number."""
    return [c["column"] if c["level"] is None else f"{c['column']}={c['level']}" for c in coded]


def _table(X: Any, names: Sequence[str], caller: str) -> pd.DataFrame:
    if hasattr(X, "to_pandas"):
        X = X.to_pandas()
    if not isinstance(X, pd.DataFrame):
        raise SchemaError(f"{caller}: covariates {', '.join(names)} are columns by name. Pass a DataFrame.")
    require_columns(X, names, caller=caller)
    return X


def _numbers(table: pd.DataFrame, name: str, caller: str) -> np.ndarray:
    if not pd.api.types.is_numeric_dtype(table[name]):
        raise SchemaError(
            f"{caller}: covariate {name} was a number in fit, but has dtype {table[name].dtype}."
        )
    values = table[name].to_numpy(dtype=float, na_value=np.nan)
    require(
        np.isfinite(values),
        column=name,
        rule="a finite number",
        caller=caller,
        remedy="Fill in what is missing.",
    )
    return values


def _words(table: pd.DataFrame, name: str, caller: str) -> np.ndarray:
    require(
        table[name].notna().to_numpy(), column=name, rule="known", caller=caller,
        remedy="Give the unknown a name of its own, such as 'unknown'.",
    )  # fmt: skip
    return table[name].astype(str).to_numpy(dtype=object)
