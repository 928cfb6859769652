"""Tables of survivors, as reports and papers print them, as one row for each way a contract went."""

from typing import Any

import numpy as np
import pandas as pd

from crm_analytics.core.errors import SchemaError


def contracts_from_survivors(survivors: Any) -> pd.DataFrame:
    """Turn counts of survivors, as tables print them, into rows that the model takes.

    Parameters
    ----------
    survivors : array of shape (n_periods,) or (n_cohorts, n_periods), or DataFrame
        Customers at the start, after renewal 1, 2, …; one cohort a row. Cohorts that are younger
        end in NaN. Shares will do, but then standard errors are those of a single customer:
        multiply by the number of customers.

    Returns
    -------
    DataFrame with `T`, `churned` and `weight`: who left at each renewal, and who is left at the end.

    Raises
    ------
    SchemaError
        If survivors rise, are negative, or a cohort has a gap or fewer than two counts.

    Examples
    --------
    >>> contracts_from_survivors([100, 63, 47])
       T  churned  weight
    0  1     True    37.0
    1  2     True    16.0
    2  2    False    47.0
    """
    caller = "contracts_from_survivors"
    table = np.asarray(survivors, dtype=float)
    table = table[None, :] if table.ndim == 1 else table
    if table.ndim != 2 or table.size == 0:
        raise SchemaError(
            f"{caller}: survivors must be one cohort, or one a row. Got the shape {table.shape}."
        )
    known = ~np.isnan(table)
    watched = known.sum(axis=1)
    last = np.where(known, np.arange(table.shape[1]), -1).max(axis=1)
    gaps = np.flatnonzero((watched != last + 1) | (watched < 2))
    if gaps.size:
        raise SchemaError(
            f"{caller}: {gaps.size} of {len(table)} cohorts have a gap or fewer than two counts (first in row "
            f"{gaps[0]}). Give the start and every renewal up to the last one known."
        )
    falls = table[:, :-1] - table[:, 1:]
    ok = ((table >= 0) & np.isfinite(table) | ~known).all(axis=1) & ~(falls < 0).any(axis=1)
    if not ok.all():
        raise SchemaError(
            f"{caller}: survivors must be >= 0 and never rise, but {(~ok).sum()} of {ok.size} cohorts break "
            f"this (first in row {(~ok).argmax()}). Customers who come back start a new contract."
        )
    cohort, before = np.nonzero(falls > 0)
    return pd.DataFrame(
        {
            "T": np.concatenate([before + 1, last]),
            "churned": np.repeat([True, False], [cohort.size, len(table)]),
            "weight": np.concatenate([falls[cohort, before], table[np.arange(len(table)), last]]),
        }
    )
