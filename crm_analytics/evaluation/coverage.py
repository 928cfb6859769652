"""Whether intervals hold what they promise."""

import numpy as np
import pandas as pd
from scipy.special import ndtri

from crm_analytics.core.errors import SchemaError
from crm_analytics.core.tables import require_columns

_Z = ndtri(0.975)  # a 95 % interval, two-sided


def interval_coverage(table: pd.DataFrame) -> pd.DataFrame:
    """Count how often what happened lies inside intervals of each stated level.

    Parameters
    ----------
    table : DataFrame
        A row an interval, such as a customer or an origin at one level: `level` (share of
        actuals it promises to hold, in (0, 1)), `lower`, `upper` and `actual` (one unit), and
        perhaps `group` (model or data set), which keeps them apart.

    Returns
    -------
    DataFrame with a row a level (and group, in order of appearance), lowest level first:

    level, group : float, any
        As given; `group` only if the table has it.
    n : int
        Intervals.
    covered : float
        Share of actuals inside, both ends included. Above `level` the intervals are too wide
        (or, with counts, cannot be narrower), below it too narrow.
    lower_error, upper_error : float
        Share of actuals below, and above; with `covered` they make 1. A fair interval has
        (1 - level) / 2 on either side.
    low, high : float
        95 % Wilson interval of `covered`, as if the rows were independent: those of
        overlapping windows are not, and know less than this says.

    Raises
    ------
    SchemaError
        If a column is missing, or holds an impossible value; if there are no rows.

    References
    ----------
    Wilson (1927), Probable inference, the law of succession, and statistical inference,
    JASA 22(158).

    Examples
    --------
    >>> interval_coverage(pd.DataFrame({"level": 0.8, "lower": [1, 2, 0, 4], "upper": [3, 6, 2, 5],
    ...     "actual": [3, 4, 5, 4]})).round(2)
       level  n  covered  lower_error  upper_error  low  high
    0    0.8  4     0.75          0.0         0.25  0.3  0.95
    """
    require_columns(table, ["level", "lower", "upper", "actual"], caller="interval_coverage")
    _check(table)
    actual = table["actual"].astype(float)
    outside = table.assign(_below=actual < table["lower"], _above=actual > table["upper"])
    by = [name for name in ("level", "group") if name in table.columns]
    groups = outside.sort_values("level", kind="stable").groupby(by, sort=False, dropna=False, observed=True)
    n = groups.size()
    below, above = groups["_below"].sum(), groups["_above"].sum()
    covered = (n - below - above) / n
    low, high = wilson_interval(covered.to_numpy(), n.to_numpy())
    counted = {
        "n": n,
        "covered": covered,
        "lower_error": below / n,
        "upper_error": above / n,
        "low": low,
        "high": high,
    }
    return pd.DataFrame(counted).reset_index()


def wilson_interval(share: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95 % interval of a proportion seen as `share` of `n` trials, Wilson (1927); shape of `share`.

    >>> low, high = wilson_interval(np.array([0.5]), np.array([10]))
    >>> low.round(3), high.round(3)
    (array([0.237]), array([0.763]))
    """
    weight = _Z**2 / n
    centre = (share + weight / 2) / (1 + weight)
    half = np.sqrt(weight * (share * (1 - share) + weight / 4)) / (1 + weight)
    # rounding must not part the interval from a share of 0 or 1
    return np.clip(centre - half, 0.0, share), np.clip(centre + half, share, 1.0)


def _check(table: pd.DataFrame) -> None:
    if table.empty:
        raise SchemaError("interval_coverage: the table has no rows. Give at least one interval.")
    rules = [
        ("level", table["level"].gt(0) & table["level"].lt(1), "in (0, 1)", "Write 80 % as 0.8."),
        ("actual", table["actual"].notna(), "a number", "Drop intervals whose outcome is not known."),
        ("lower", table["lower"] <= table["upper"], "<= upper", "Swap the ends, or drop missing ones."),
    ]
    for column, holds, rule, remedy in rules:
        bad = np.flatnonzero(~holds.to_numpy(dtype=bool))
        if bad.size:
            raise SchemaError(
                f"interval_coverage: {column} must be {rule}, but {bad.size:,} of {len(table):,} rows break "
                f"this (first at row {bad[0]:,}). {remedy}"
            )
