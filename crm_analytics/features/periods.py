"""Calendar periods as whole numbers, the same on every engine.

`{period}` in a text stands for `PERIOD`: the number of the day, week (Monday to Sunday),
month or hour that `occurred_at` falls in. Differences of these numbers are exact counts of
periods, whichever engine computed them.
"""

from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd

from crm_analytics.core.errors import choice
from crm_analytics.core.units import PERIODS_PER_YEAR, UNIT_WORDS

# 1970-01-01 was a Thursday, so three days later begins the week of number 1.
# INTEGER, since the groups of customer and period are what a summary's memory and time go to.
PERIOD = """CAST(CASE $unit
        WHEN 'D' THEN date_diff('day', DATE '1970-01-01', CAST(occurred_at AS DATE))
        WHEN 'W' THEN CAST(floor((date_diff('day', DATE '1970-01-01', CAST(occurred_at AS DATE)) + 3) / 7)
            AS BIGINT)
        WHEN 'M' THEN year(occurred_at) * 12 + month(occurred_at)
        ELSE date_diff('day', DATE '1970-01-01', CAST(occurred_at AS DATE)) * 24 + hour(occurred_at)
    END AS INTEGER)"""

_EPOCH = date(1970, 1, 1)


def period_number(instant: datetime, unit: str) -> int:
    """Return the number of the period that `instant` falls in, as `PERIOD` counts them.

    >>> period_number(datetime(1970, 1, 4, 23), "W"), period_number(datetime(1970, 1, 5), "W")
    (0, 1)
    """
    choice(unit, name="unit", allowed=PERIODS_PER_YEAR)
    days = (instant.date() - _EPOCH).days
    if unit == "D":
        return days
    if unit == "W":
        return (days + 3) // 7
    if unit == "M":
        return instant.year * 12 + instant.month
    return days * 24 + instant.hour


def period_numbers(instants: np.ndarray, unit: str) -> np.ndarray:
    """Return the number of the period of each instant (datetime64), as int64.

    >>> period_numbers(np.array(["1970-01-04T23", "1970-01-05"], "datetime64[h]"), "W")
    array([0, 1])
    """
    choice(unit, name="unit", allowed=PERIODS_PER_YEAR)
    if unit == "M":
        return instants.astype("datetime64[M]").astype(np.int64) + 1970 * 12 + 1
    if unit == "h":
        return instants.astype("datetime64[h]").astype(np.int64)
    days = instants.astype("datetime64[D]").astype(np.int64)
    return days if unit == "D" else (days + 3) // 7


def last_period(snapshot: datetime, unit: str) -> int:
    """Return the number of the last period seen from `snapshot`, the first instant not seen."""
    return period_number(snapshot - timedelta(microseconds=1), unit)


def end_of_day(number: int, unit: str) -> int:
    """Return the last period that begins on the day of period `number`; only hours have more than one.

    >>> end_of_day(25, "h"), end_of_day(25, "D")
    (47, 25)
    """
    return number // 24 * 24 + 23 if unit == "h" else number


def shift(instant: datetime, periods: int, unit: str) -> datetime:
    """Return the instant `periods` whole periods later, or earlier if negative.

    >>> shift(datetime(2024, 3, 1), -1, "M"), shift(datetime(2024, 3, 1), 2, "W")
    (datetime.datetime(2024, 2, 1, 0, 0), datetime.datetime(2024, 3, 15, 0, 0))
    """
    choice(unit, name="unit", allowed=PERIODS_PER_YEAR)
    if periods != int(periods):
        raise ValueError(f"a shift must be a whole number of {UNIT_WORDS[unit]}s. Got {periods!r} instead.")
    n = int(periods)
    if unit == "M":
        return (pd.Timestamp(instant) + pd.DateOffset(months=n)).to_pydatetime()
    return instant + {"h": timedelta(hours=n), "D": timedelta(days=n), "W": timedelta(weeks=n)}[unit]


def period_start(instant: datetime, unit: str) -> datetime:
    """Return the first instant of the period that `instant` falls in.

    >>> period_start(datetime(2024, 3, 15, 9), "W"), period_start(datetime(2024, 3, 15, 9), "M")
    (datetime.datetime(2024, 3, 11, 0, 0), datetime.datetime(2024, 3, 1, 0, 0))
    """
    choice(unit, name="unit", allowed=PERIODS_PER_YEAR)
    if unit == "h":
        return instant.replace(minute=0, second=0, microsecond=0)
    day = datetime(instant.year, instant.month, instant.day)
    back = {"D": 0, "W": day.weekday(), "M": day.day - 1}[unit]
    return day - timedelta(days=back)
