"""Calendar periods as whole numbers, the same on every engine.

`{period}` in a text stands for `PERIOD`: the number of the day, week (Monday to Sunday),
month or hour that `occurred_at` falls in. Differences of these numbers are exact counts of
periods, whichever engine computed them.
"""

from datetime import date, datetime, timedelta

from crm_analytics.core.errors import choice
from crm_analytics.core.units import PERIODS_PER_YEAR

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


def last_period(snapshot: datetime, unit: str) -> int:
    """Return the number of the last period seen from `snapshot`, the first instant not seen."""
    return period_number(snapshot - timedelta(microseconds=1), unit)


def end_of_day(number: int, unit: str) -> int:
    """Return the last period that begins on the day of period `number`; only hours have more than one.

    >>> end_of_day(25, "h"), end_of_day(25, "D")
    (47, 25)
    """
    return number // 24 * 24 + 23 if unit == "h" else number
