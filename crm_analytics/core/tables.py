"""The one door for customer tables: a DataFrame by name, an array by position."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import get_tags
from sklearn.utils.validation import validate_data

from crm_analytics.core.errors import SchemaError, nearest


def summary_columns(estimator: Any, X: Any, columns: Sequence[str], *, reset: bool) -> list[np.ndarray]:
    """Return the named columns of a customer table as floats.

    A DataFrame (pandas, polars or Arrow) is read by name, and may hold other columns in any
    order; an array is read by position and must have exactly these columns. The table is
    never changed.

    Parameters
    ----------
    estimator : scikit-learn estimator
        The caller, named in errors; `reset=True` (in `fit`) stores the columns it saw.
    X : DataFrame or array of shape (n_customers, len(columns))
    columns : sequence of str

    Returns
    -------
    list of ndarray of float, each of shape (n_customers,); all finite.

    Raises
    ------
    SchemaError
        If a column is missing, comes twice, or holds values that are not finite numbers.
    """
    caller = type(estimator).__name__
    if hasattr(X, "to_pandas"):
        X = X.to_pandas()
    if isinstance(X, pd.DataFrame):
        return _columns_by_name(estimator, X, columns, reset=reset, caller=caller)
    found = validate_data(
        estimator,
        X,
        reset=reset,
        dtype=np.float64,
        ensure_min_samples=1,
        ensure_non_negative=get_tags(estimator).input_tags.positive_only,
    )
    if found.shape[1] != len(columns):
        raise SchemaError(
            f"{caller}: an array must have the {len(columns)} columns {', '.join(columns)} in this order, "
            f"but X has {found.shape[0]:,} sample(s) of {found.shape[1]} feature(s). "
            "Pass a DataFrame to select them by name."
        )
    return list(found.T)


def _columns_by_name(
    estimator: Any, X: pd.DataFrame, columns: Sequence[str], *, reset: bool, caller: str
) -> list[np.ndarray]:
    """Each column judged by its own rule, which says more than scikit-learn's; none is copied without need."""
    require_columns(X, columns, caller=caller)
    found = []
    for column in columns:
        if not pd.api.types.is_numeric_dtype(X[column]):
            raise SchemaError(f"{caller}: {column} must be numeric, but has dtype {X[column].dtype}.")
        if isinstance(X[column].dtype, np.dtype):  # as it lies in memory; naming an NA would copy it
            values = X[column].to_numpy(dtype=float)
        else:
            values = X[column].to_numpy(dtype=float, na_value=np.nan)
        found.append(values)
        require(
            np.isfinite(values),
            column=column,
            rule="a finite number",
            caller=caller,
            remedy="Drop those customers or mend the summary.",
        )
    # One row tells scikit-learn the names and the number of columns; the values are known to be good.
    validate_data(estimator, X.iloc[:1][list(columns)], reset=reset, dtype=np.float64, ensure_min_samples=1)
    return found


def require_columns(table: pd.DataFrame, columns: Sequence[str], *, caller: str) -> None:
    """Raise SchemaError if a column comes twice or is missing, naming the nearest candidate."""
    twice = [column for column in columns if list(table.columns).count(column) > 1]
    if twice:
        raise SchemaError(f"{caller}: the table has two columns named {twice[0]!r}. Rename or drop one.")
    missing = [column for column in columns if column not in table.columns]
    if not missing:
        return
    spare = [str(name) for name in table.columns if name not in columns]
    hints = []
    for column in missing:
        near = nearest(column, spare)
        hints.append(f"Is {near!r} meant as {column!r}?" if near else f"Add {column!r}.")
    raise SchemaError(
        f"{caller}: {len(missing)} of {len(columns)} columns missing: {', '.join(missing)}. {' '.join(hints)}"
    )


def require(ok: np.ndarray, *, column: str, rule: str, caller: str, remedy: str) -> None:
    """Raise SchemaError with a count and the first place if not all of `ok` hold.

    >>> require(np.array([True, False]), column="T", rule=">= 0", caller="fit", remedy="Mend it.")
    Traceback (most recent call last):
    crm_analytics.core.errors.SchemaError: fit: T must be >= 0, but 1 of 2 customers break this
    (first at row 1). Mend it.
    """
    ok = np.asarray(ok)
    if ok.all():
        return
    bad = np.flatnonzero(~ok)
    raise SchemaError(
        f"{caller}: {column} must be {rule}, but {bad.size:,} of {ok.size:,} customers break this "
        f"(first at row {bad[0]:,}). {remedy}"
    )


def like_index(y: Any, X: Any, *, caller: str) -> Any:
    """Return `y` as it is, once it is known not to be of other rows than `X`.

    Targets are paired by position. A Series says whom each is of, so one in another order than
    the table, or of other customers, is refused: SchemaError.
    """
    if isinstance(y, pd.Series) and isinstance(X, pd.DataFrame) and not y.index.equals(X.index):
        of_rows = isinstance(y.index, pd.RangeIndex) and len(y) == len(X)
        if not of_rows:
            raise SchemaError(
                f"{caller}: y is a Series of {len(y):,} rows whose index is not that of X ({len(X):,} rows), or in "
                "another order. Pass y.reindex(X.index), or an array in the order of X."
            )
    return y


def like_customers(values: np.ndarray | pd.Categorical, X: Any, name: str) -> pd.Series:
    """Give per-customer `values` the index of the table they were computed from."""
    index = X.index if isinstance(X, pd.DataFrame) else pd.RangeIndex(len(values))
    return pd.Series(values, index=index, name=name)
