"""A cohort's repeat purchases, week by week: what happened and what was expected."""

from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd

from crm_analytics.features import cohort_activity
from crm_analytics.transactions import TransactionLog

# Shorter units are shown by the week: days and hours are too many and too noisy.
_SHOWN = {"D": 7, "h": 168, "W": 1, "M": 1}


def tracking_table(
    log: TransactionLog,
    model: Any,
    calibration_end: date | datetime | str,
    snapshot_date: date | datetime | str | None = None,
    unit: str = "D",
) -> pd.DataFrame:
    """Follow the customers born before `calibration_end` to `snapshot_date`.

    Parameters
    ----------
    log : TransactionLog
    model : fitted model
        Has `expected_purchases_new(age)`, in `unit`; fitted on the calibration window.
    calibration_end : date, datetime or str
        First instant the model has not seen.
    snapshot_date : date, datetime or str, optional
        First instant not shown; the log's end by default.
    unit : {"D", "W", "M", "h"}
        The unit of the model's time.

    Returns
    -------
    DataFrame with a row a week (a month for unit "M"), indexed by its first day; a last
    week that is not complete is left out:

    actual, expected : float
        Repeat purchases in that week (count).
    actual_cumulative, expected_cumulative : float
        Up to its end.
    seen : bool
        Whether the week ends before `calibration_end`: the model was fitted on it.
    """
    activity = cohort_activity(log, calibration_end, snapshot_date, unit)
    n = len(activity)
    growth = np.diff(model.expected_purchases_new(np.arange(n, dtype=float)), prepend=0.0)
    expected = np.convolve(activity["new_customers"].to_numpy(dtype=float), growth)[:n]
    weeks = pd.DataFrame(
        {"actual": activity["repeat_purchases"].to_numpy(dtype=float), "expected": expected},
        index=activity.index,
    )
    length = _SHOWN[unit]
    number = np.arange(n) // length
    shown = weeks.groupby(number).sum()
    shown.index = activity.index[::length].rename("month" if unit == "M" else "week")
    if n % length:
        shown = shown.iloc[:-1]
    ends = [*shown.index[1:], activity.index[len(shown) * length] if n % length else None]
    cutoff = pd.Timestamp(log.snapshot(calibration_end))
    shown["actual_cumulative"] = shown["actual"].cumsum()
    shown["expected_cumulative"] = shown["expected"].cumsum()
    shown["seen"] = [end is not None and end <= cutoff for end in ends]
    return shown
