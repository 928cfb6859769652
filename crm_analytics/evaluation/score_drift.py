"""Whether the customers of a scoring run are still like those of an earlier one."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from crm_analytics.core.errors import SchemaError, nearest
from crm_analytics.metrics.drift import population_stability

_CALLER = "score_drift"
_NAMED = 3  # new or vanished categories, in a note


def score_drift(
    earlier: pd.DataFrame,
    later: pd.DataFrame,
    columns: Sequence[str] | None = None,
    *,
    level: float = 0.95,
    n_bins: int = 10,
    smallest: float = 0.1,
) -> pd.DataFrame:
    """Compare the features and scores of two scoring runs, column by column.

    A column has drifted if its population stability index is both more than chance explains
    and large enough to matter. Chance is judged for all columns together (Bonferroni): if
    nothing changed, at most a share 1 - level of runs has any column above its `critical`,
    however many columns there are. Customers in both runs resemble themselves, so that the
    index is then lower still; `critical` supposes two separate draws of customers.

    Parameters
    ----------
    earlier, later : DataFrame indexed by customer
        One row a customer; the customers need not be the same.
    columns : sequence of str, optional
        Columns to compare; by default every column of either run.
    level : float in (0, 1)
        Share of runs without drift in which no column passes `critical`.
    n_bins : int >= 2
        See `metrics.population_stability`.
    smallest : float >= 0
        Index below which a drift is of no consequence, however sure.

    Returns
    -------
    DataFrame, a row a column, in the order of the runs:

    feature : str
    psi, expected_by_chance, critical : float
        The index, what it would be on average without drift, and what it would not pass.
        NaN where the column cannot be compared.
    drifted : bool
        `psi` is above both `critical` and `smallest`; or the column cannot be compared.
    missing_before, missing_after : float in [0, 1]
        Share of missing values, which count as a value of their own; NaN if there is no column.
    mean_before, mean_after : float
        Of numbers; NaN for others, or if none is known.
    top_before, top_after : object
        The most frequent category; missing for numbers and dates, or if none is known.
    note : str
        "missing in later", "missing in earlier", "numbers before, categories after", "new: 'x'",
        "vanished: 'y'"; or empty. A column of one value, or of missing values only, in both runs is
        compared like any other: its index is 0.

    Raises
    ------
    SchemaError
        If a run is empty, repeats a customer or a column's name, a column is in neither run, or
        holds lists or the like.
    ValueError
        If a parameter is out of its range.

    References
    ----------
    Yurdakul & Naranjo (2020), Journal of Risk Model Validation 14(4).

    Examples
    --------
    >>> earlier = pd.DataFrame({"recency": np.arange(1000) % 50, "channel": ["shop", "web"] * 500})
    >>> later = pd.DataFrame({"recency": np.arange(1000) % 90, "channel": ["web", "shop"] * 500})
    >>> drift = score_drift(earlier, later)
    >>> drift[["feature", "psi", "critical", "drifted", "mean_before", "mean_after"]].round(3)
       feature    psi  critical  drifted  mean_before  mean_after
    0  recency  0.854     0.038     True         24.5        44.1
    1  channel  0.000     0.010    False          NaN         NaN
    """
    if not 0 < level < 1:
        raise ValueError(f"level must be in (0, 1). Got {level!r} instead.")
    if not smallest >= 0:
        raise ValueError(f"smallest must be >= 0. Got {smallest!r} instead.")
    _judge(earlier, "earlier")
    _judge(later, "later")
    names = _names(earlier, later, columns)
    each = 1 - (1 - level) / len(names)
    rows = [_compare(name, earlier.get(name), later.get(name), n_bins, each, smallest) for name in names]
    return pd.DataFrame(rows)


def drift_alarm(table: pd.DataFrame) -> list[str]:
    """Reasons to look at the data before the scores are used, in words; empty if there are none.

    Parameters
    ----------
    table : DataFrame
        As `score_drift` gives it.

    Returns
    -------
    list of str, one a column that drifted: those that cannot be compared, then the largest
    index first.

    Examples
    --------
    >>> runs = pd.DataFrame({"recency": np.arange(1000.0)}), pd.DataFrame({"recency": np.arange(1000.0) + 300})
    >>> drift_alarm(score_drift(*runs))
    ['recency drifted: PSI 2.00, chance explains 0.03; mean 499.5 before, 799.5 after.']
    """
    drifted = table[table["drifted"]].sort_values("psi", ascending=False, na_position="first", kind="stable")
    return [_sentence(row) for row in drifted.to_dict("records")]


def _judge(run: Any, name: str) -> None:
    if not isinstance(run, pd.DataFrame):
        raise SchemaError(
            f"{_CALLER}: {name} must be a DataFrame indexed by customer. Got {type(run).__name__}."
        )
    if run.empty:
        raise SchemaError(
            f"{_CALLER}: the {name} run has {len(run):,} customers and {run.shape[1]:,} columns."
        )
    twice = int(run.index.duplicated().sum())
    if twice:
        raise SchemaError(
            f"{_CALLER}: {twice:,} of {len(run):,} rows of the {name} run repeat a customer. Drop them."
        )
    repeated = run.columns[run.columns.duplicated()]
    if len(repeated):
        raise SchemaError(
            f"{_CALLER}: the {name} run has two columns named {repeated[0]!r}. Rename or drop one."
        )


def _names(earlier: pd.DataFrame, later: pd.DataFrame, columns: Sequence[str] | None) -> list[str]:
    either = list(dict.fromkeys([*earlier.columns, *later.columns]))
    if columns is None:
        return either
    if isinstance(columns, str) or len(columns) == 0:
        raise ValueError(f"columns must be a list of at least one name. Got {columns!r} instead.")
    for name in columns:
        if name not in either:
            near = nearest(name, map(str, either))
            hint = f"Is {near!r} meant?" if near else "Take it off the list."
            raise SchemaError(f"{_CALLER}: no run has a column {name!r}. {hint}")
    return list(dict.fromkeys(columns))


def _compare(
    name: str, before: pd.Series | None, after: pd.Series | None, n_bins: int, level: float, smallest: float
) -> dict[str, Any]:
    kinds = _kind(before), _kind(after)
    row: dict[str, Any] = {"feature": name, "psi": np.nan, "expected_by_chance": np.nan, "critical": np.nan}
    row["drifted"] = True
    for when, values, kind in [("before", before, kinds[0]), ("after", after, kinds[1])]:
        row[f"missing_{when}"] = np.nan if values is None else float(values.isna().mean())
        row[f"mean_{when}"] = float(values.mean()) if values is not None and kind == "numbers" else np.nan
        row[f"top_{when}"] = _top(values) if values is not None and kind == "categories" else None
    order = ["missing", "mean", "top"]
    row |= {f"{what}_{when}": row.pop(f"{what}_{when}") for what in order for when in ("before", "after")}
    if before is None or after is None:
        return row | {"note": f"missing in {'earlier' if before is None else 'later'}"}
    if None not in kinds and kinds[0] != kinds[1]:
        return row | {"note": f"{kinds[0]} before, {kinds[1]} after"}
    try:
        found = population_stability(before, after, n_bins=n_bins, level=level)
    except TypeError:
        raise SchemaError(
            f"{_CALLER}: the values of {name!r} cannot be compared. Name the columns to compare, without it."
        ) from None
    row |= {"psi": found.psi, "expected_by_chance": found.expected_by_chance, "critical": found.critical}
    row["drifted"] = bool(found.drifted and found.psi > smallest)
    return row | {"note": _changed(before, after) if "categories" in kinds else ""}


def _kind(values: pd.Series | None) -> str | None:
    """What a column holds; None if that is not known."""
    if values is None or values.isna().all():
        return None
    kind = pd.api.types
    values = values.infer_objects()
    if kind.is_datetime64_any_dtype(values.dtype):
        return "dates"
    if kind.is_bool_dtype(values.dtype) or isinstance(values.dtype, pd.CategoricalDtype):
        return "categories"
    return "numbers" if kind.is_numeric_dtype(values.dtype) else "categories"


def _top(values: pd.Series) -> Any:
    counts = values.value_counts()
    return min(counts.index[counts == counts.iloc[0]], key=str)  # ties: the first by name


def _changed(before: pd.Series, after: pd.Series) -> str:
    """Categories that only one run has."""
    seen = [set(values.dropna().unique()) for values in (before, after)]
    said = []
    for word, names in [("new", seen[1] - seen[0]), ("vanished", seen[0] - seen[1])]:
        if names:
            first = sorted(map(repr, names))[:_NAMED]
            more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
            said.append(f"{word}: {', '.join(first)}{more}")
    return "; ".join(said)


def _sentence(row: dict[Any, Any]) -> str:
    if np.isnan(row["psi"]):
        return f"{row['feature']} cannot be compared: {row['note']}."
    said = f"{row['feature']} drifted: PSI {row['psi']:.2f}, chance explains {row['critical']:.2f}"
    if abs(row["missing_after"] - row["missing_before"]) > 0.01:
        said += f"; missing {row['missing_before']:.0%} before, {row['missing_after']:.0%} after"
    if not np.isnan(row["mean_before"]) and not np.isnan(row["mean_after"]):
        said += f"; mean {row['mean_before']:,.4g} before, {row['mean_after']:,.4g} after"
    tops = [row["top_before"], row["top_after"]]
    if not any(pd.isna(top) for top in tops) and tops[0] != tops[1]:
        said += f"; most frequent {row['top_before']!r} before, {row['top_after']!r} after"
    return f"{said}; {row['note']}." if row["note"] else f"{said}."
