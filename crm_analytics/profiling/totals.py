"""Stage two, in numbers: totals by month and how often they come."""

import numpy as np
import pandas as pd

from crm_analytics.profiling.reading.household import Household


def monthly_totals(household: Household) -> pd.DataFrame:
    """What was bought month by month, months without a purchase included.

    Index `month` (first day), columns `amount` (currency), `receipts`, `lines`, `visit_days`.
    """
    lines, receipts = household.lines, household.receipts
    months = lines.month
    size = int(months[-1] - months[0]) + 1
    receipt_month = months[receipts.first] - months[0]
    day_first = np.unique(lines.day, return_index=True)[1]
    index = pd.DatetimeIndex((months[0] + np.arange(size)).astype("datetime64[M]").astype("datetime64[s]"))
    return pd.DataFrame(
        {
            "amount": np.round(np.bincount(months - months[0], lines.amount, size), 2),
            "receipts": np.bincount(receipt_month, minlength=size),
            "lines": np.bincount(months - months[0], minlength=size),
            "visit_days": np.bincount(months[day_first] - months[0], minlength=size),
        },
        index=index.rename("month"),
    )


def totals(household: Household) -> pd.Series:
    """The household's log in ten numbers.

    `lines`, `receipts`, `visit_days`, `amount` (currency), `median_receipt` (median),
    `days_between_visits` (median; nan for one visit), `first_day`, `last_day`, `stores` (0 where
    lines name none), `cards`.
    """
    lines, receipts, days = household.lines, household.receipts, household.visit_days
    return pd.Series(
        {
            "lines": len(lines),
            "receipts": len(receipts),
            "visit_days": len(days),
            "amount": round(float(lines.amount.sum()), 2),
            "median_receipt": round(float(np.median(receipts.amount)), 2),
            "days_between_visits": float(np.median(np.diff(days))) if len(days) > 1 else np.nan,
            "first_day": pd.Timestamp(lines.at[0]).date(),
            "last_day": pd.Timestamp(lines.at[-1]).date(),
            "stores": len(np.unique(lines.store[lines.store >= 0])),
            "cards": len(household.cards),
        },
        dtype=object,
    )
