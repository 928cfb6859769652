"""Mixed columns of customers: numbers with gaps and words, read the same way at every call."""

from typing import Any

import numpy as np
import pandas as pd

from crm_analytics.core.errors import SchemaError, nearest
from crm_analytics.core.tables import require, require_columns

MISSING = "(missing)"
RARE = "(other)"
_MOST_LEVELS = 1_000  # more words than this name customers or dates, not kinds of customers
_DATE = r"\d{1,4}[-./]\d{1,2}[-./]\d{1,4}([ T]\d{1,2}:.*)?"
_NUMBERS = (
    "empty",
    "boolean",
    "integer",
    "floating",
    "mixed-integer-float",
    "decimal",
)  # as pandas infers them
_FEWEST_OF_A_LEVEL = 10  # customers; a rarer word is one of the others


def as_table(X: Any) -> pd.DataFrame:
    """A DataFrame (pandas, polars or Arrow) as it is; of an array, columns x0, x1, …"""
    if hasattr(X, "to_pandas"):
        X = X.to_pandas()
    if isinstance(X, pd.DataFrame):
        return X if all(isinstance(name, str) for name in X.columns) else X.rename(columns=str)
    if hasattr(X, "toarray"):
        raise TypeError("X is sparse, which is not supported: a table of customers. Pass X.toarray().")
    values = np.asarray(X)
    if values.ndim != 2:
        raise ValueError(
            f"X must be a table, a row a customer. Got the shape {values.shape} instead. Reshape your data: one "
            "customer is a table of one row."
        )
    return pd.DataFrame(values, columns=[f"x{place}" for place in range(values.shape[1])])


def learn_columns(table: pd.DataFrame, *, caller: str) -> tuple[list[dict[str, Any]], list[str]]:
    """How each column that tells customers apart is to be read, and the columns that do not.

    A number (or true and false) keeps its values, NaN among them. A word becomes the place of
    its level, levels in order; those of fewer than ten customers are one level, and so is a
    word that is first met later. A gap where none was to learn from is taken as the column's
    median. A column of one value is left out.
    """
    require_columns(table, list(table.columns), caller=caller)
    coding: list[dict[str, Any]] = []
    constant = []
    for name in map(str, table.columns):
        column = table[name]
        if is_number(column, name, caller):
            values = numbers(column, caller)
            known = values[~np.isnan(values)]
            if known.size == 0 or (known.size == values.size and known.min() == known.max()):
                constant.append(name)
                continue
            coding.append({"name": name, "kind": "number"})
            if known.size == values.size:  # what a gap would mean is nowhere to be learned
                coding[-1]["middle"] = float(np.median(values))
            continue
        found, counts = np.unique(words(column), return_counts=True)
        if found.size > _MOST_LEVELS or (found.size > 50 and found.size > 0.5 * len(column)):
            raise SchemaError(
                f"{caller}: {name} has {found.size:,} different words in {len(column):,} rows. Leave out what names a "
                "customer; turn dates into days since, and numbers in text into numbers."
            )
        if found.size == 1:
            constant.append(name)
            continue
        levels = [str(level) for level, n in zip(found, counts, strict=True) if n >= _FEWEST_OF_A_LEVEL]
        coding.append({"name": name, "kind": "words", "levels": levels})
    return coding, constant


def coded(table: pd.DataFrame, coding: list[dict[str, Any]], *, caller: str) -> np.ndarray:
    """The columns as floats, shape (n_customers, n_columns): numbers, and places of levels (-1: none of them)."""
    require_columns(table, [column["name"] for column in coding], caller=caller)
    out = np.empty((len(table), len(coding)), order="F")
    for place, column in enumerate(coding):
        values = table[column["name"]]
        if column["kind"] == "number":
            if not is_number(values, column["name"], caller):
                raise SchemaError(
                    f"{caller}: {column['name']} held numbers when fitted, and is {values.dtype} now."
                )
            found = numbers(values, caller)
            out[:, place] = (
                np.where(np.isnan(found), column["middle"], found) if "middle" in column else found
            )
        else:
            if values.notna().any() and is_number(values, column["name"], caller):
                raise SchemaError(
                    f"{caller}: {column['name']} held words when fitted, and is {values.dtype} now."
                )
            out[:, place] = pd.Index(column["levels"]).get_indexer(pd.Index(words(values)))
    return out


def is_number(values: pd.Series, name: str, caller: str) -> bool:
    """Whether a column holds numbers; SchemaError for dates, and for dates or numbers as text."""
    if values.dtype.kind in "mM" or isinstance(values.dtype, pd.PeriodDtype | pd.DatetimeTZDtype):
        raise SchemaError(f"{caller}: {name} holds dates. Turn it into days since, or leave it out.")
    if pd.api.types.is_numeric_dtype(values):
        return True
    if values.dtype == object and pd.api.types.infer_dtype(values, skipna=True) in _NUMBERS:
        return True  # with gaps, or of an array that holds words beside them
    _refuse_dates_as_text(values, name, caller)
    return False


def numbers(values: pd.Series, caller: str) -> np.ndarray:
    """A column as floats, NaN where missing; SchemaError if one is infinite."""
    found = values.to_numpy(dtype=float, na_value=np.nan)
    require(
        ~np.isinf(found),
        column=str(values.name),
        rule="finite or missing",
        caller=caller,
        remedy="Say NaN where it is not known.",
    )
    return found


def words(values: pd.Series) -> np.ndarray:
    """A column as text, missing values as a word of their own."""
    codes, found = pd.factorize(values.astype(object))
    spelled = np.array([*map(str, found), MISSING], dtype=object)
    return spelled[codes]  # the code of a missing value is -1, the last


def _refuse_dates_as_text(values: pd.Series, name: str, caller: str) -> None:
    shown = values.dropna().astype(str).head(50)
    if len(shown) and shown.str.fullmatch(_DATE).all():
        raise SchemaError(
            f"{caller}: {name} holds dates as text (such as {shown.iloc[0]!r}). Turn it into days since, or leave "
            "it out."
        )


def known_column(name: str, coding: list[dict[str, Any]], *, caller: str) -> None:
    """Raise SchemaError unless `name` was a column to learn from."""
    names = [column["name"] for column in coding]
    if name not in names:
        near = nearest(name, names)
        hint = f"Did you mean {near!r}?" if near else f"There are: {', '.join(names)}."
        raise SchemaError(f"{caller}: {name!r} is no column of the table. {hint}")
