"""Numbers and words of a table of customers, read the same way at every call."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from crm_analytics.core.errors import SchemaError
from crm_analytics.core.tables import require, require_columns

MISSING = "(missing)"
_MOST_LEVELS = 1_000  # more words than this name customers or dates, not kinds of customers


class Mixed(NamedTuple):
    """Numbers, float of shape (n, n_numbers), and words as int32 codes, shape (n, n_words); -1: not known."""

    numbers: np.ndarray
    codes: np.ndarray

    def take(self, rows: np.ndarray) -> "Mixed":
        """Some of the rows, in the order given."""
        return Mixed(self.numbers[rows], self.codes[rows])


def as_table(X: Any, *, caller: str) -> pd.DataFrame:
    """A DataFrame (pandas, polars or Arrow) as it is; of an array, columns x0, x1, …"""
    if hasattr(X, "to_pandas"):
        X = X.to_pandas()
    if not isinstance(X, pd.DataFrame):
        values = np.asarray(X)
        if values.ndim != 2:
            raise SchemaError(
                f"{caller}: X must be a table, a row a customer. Got the shape {values.shape} instead. A row alone "
                "is a table of one row."
            )
        X = pd.DataFrame(values, columns=[f"x{place}" for place in range(values.shape[1])])
    if len(X) == 0:
        raise SchemaError(f"{caller}: the table has no customers. At least 1 is needed.")
    return X if all(isinstance(name, str) for name in X.columns) else X.rename(columns=str)


def is_number(values: pd.Series) -> bool:
    """Whether a column holds numbers; true and false are words."""
    if pd.api.types.is_bool_dtype(values.dtype):
        return False
    if pd.api.types.is_numeric_dtype(values.dtype):
        return True
    return values.dtype == object and pd.api.types.infer_dtype(values, skipna=True) in {
        "integer", "floating", "mixed-integer-float", "decimal",
    }  # fmt: skip


def learn_columns(table: pd.DataFrame, names: Sequence[str], *, caller: str) -> list[dict[str, Any]]:
    """How each of the named columns is read: a number, or a word of known levels, in order.

    Missing words are a level of their own. Raises SchemaError for dates, and for columns of
    more than 1,000 words.
    """
    require_columns(table, names, caller=caller)
    found: list[dict[str, Any]] = []
    for name in names:
        values = table[name]
        if values.dtype.kind in "mM" or isinstance(values.dtype, pd.PeriodDtype | pd.DatetimeTZDtype):
            raise SchemaError(f"{caller}: {name} holds dates. Turn it into days since, or leave it out.")
        if is_number(values):
            found.append({"name": name, "kind": "number"})
            continue
        levels = sorted({_spelled(level) for level in values.unique()})
        if len(levels) > _MOST_LEVELS:
            raise SchemaError(
                f"{caller}: {name} has {len(levels):,} different words in {len(values):,} rows. Leave out what names "
                "a customer; turn dates into days since, and numbers in text into numbers."
            )
        found.append({"name": name, "kind": "words", "levels": levels})
    return found


def read_columns(table: pd.DataFrame, columns: Sequence[Mapping[str, Any]], *, caller: str) -> Mixed:
    """The columns as numbers and codes of words; a word that was not there to learn from is -1.

    Raises SchemaError for a missing column, a missing or infinite number, and where words stand
    for numbers or the other way round.
    """
    require_columns(table, [column["name"] for column in columns], caller=caller)
    n = len(table)
    numbers = np.empty((n, sum(column["kind"] == "number" for column in columns)))
    codes = np.empty((n, len(columns) - numbers.shape[1]), dtype=np.int32)
    at = {"number": 0, "words": 0}
    for column in columns:
        kind, values = column["kind"], table[column["name"]]
        if is_number(values) != (kind == "number") and values.notna().any():
            raise SchemaError(
                f"{caller}: {column['name']} held {kind if kind == 'words' else 'numbers'} when fitted, and is "
                f"{values.dtype} now."
            )
        if kind == "number":
            numbers[:, at[kind]] = _numbers(values, caller)
        else:
            codes[:, at[kind]] = _codes(values, column["levels"])
        at[kind] += 1
    return Mixed(numbers, codes)


def read_one(values: Mapping[str, Any] | Sequence[Any], columns: Sequence[Mapping[str, Any]]) -> Mixed:
    """One customer, by name or in the order of `columns`, as a table of one row; no pandas involved."""
    if not isinstance(values, Mapping) and len(values) != len(columns):
        names = ", ".join(column["name"] for column in columns)
        raise SchemaError(f"assign: {len(columns)} values are needed, but {len(values)} are given: {names}.")
    numbers, codes = [], []
    for place, column in enumerate(columns):
        name = column["name"]
        if isinstance(values, Mapping):
            if name not in values:
                raise SchemaError(f"assign: {name} is missing. Give all of the columns the model looks at.")
            value = values[name]
        else:
            value = values[place]
        if column["kind"] == "number":
            number = np.nan if value is None else float(value)
            if not np.isfinite(number):
                raise SchemaError(f"assign: {name} must be a finite number. Got {value!r} instead.")
            numbers.append(number)
        else:
            word = _spelled(value)
            codes.append(column["levels"].index(word) if word in column["levels"] else -1)
    return Mixed(np.array([numbers], dtype=float), np.array([codes], dtype=np.int32))


def _numbers(values: pd.Series, caller: str) -> np.ndarray:
    found = values.to_numpy(dtype=float, na_value=np.nan)
    require(
        np.isfinite(found),
        column=str(values.name),
        rule="a finite number",
        caller=caller,
        remedy="Leave the column out, or say what a missing value means (such as 0).",
    )
    return found


def _codes(values: pd.Series, levels: Sequence[str]) -> np.ndarray:
    """Place of each word among the levels; -1 if it is none of them."""
    code, found = pd.factorize(values)
    known = {level: place for place, level in enumerate(levels)}
    places = [known.get(_spelled(word), -1) for word in [*found, None]]  # a missing value is -1, the last
    return np.array(places, dtype=np.int32)[code]


def _spelled(value: Any) -> str:
    missing = value is None or value is pd.NA or value is pd.NaT or value != value
    return MISSING if missing else str(value)
