"""Units of time, and how many of each make a year."""

from crm_analytics.core.errors import choice

DAYS_PER_YEAR = 365.25

PERIODS_PER_YEAR = {
    "h": 24 * DAYS_PER_YEAR,
    "D": DAYS_PER_YEAR,
    "W": DAYS_PER_YEAR / 7,
    "M": 12.0,
}

UNIT_WORDS = {"h": "hour", "D": "day", "W": "week", "M": "month"}


def periods_per_year(unit: str) -> float:
    """Return how many periods of `unit` make a year: 'h', 'D', 'W' or 'M'.

    >>> periods_per_year("M")
    12.0
    """
    choice(unit, name="unit", allowed=PERIODS_PER_YEAR)
    return PERIODS_PER_YEAR[unit]
