"""Dates that users give as arguments."""

import contextlib
import re
from numbers import Number
from typing import Any

import pandas as pd

_ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\S.*)?")


def instant_of(value: Any, name: str) -> pd.Timestamp:
    """A date as a naive instant in UTC; text only in the one order that has one meaning.

    Raises ValueError if it is no date.

    >>> instant_of("2025-06-01", "as_of")
    Timestamp('2025-06-01 00:00:00')
    >>> instant_of("01.06.2025", "as_of")
    Traceback (most recent call last):
    ValueError: as_of must be a date as 2025-06-01 (year-month-day). Got '01.06.2025' instead.
    """
    found: Any = pd.NaT
    text_of_another_form = isinstance(value, str) and not _ISO.fullmatch(value.strip())
    if not text_of_another_form and not isinstance(value, Number):  # pandas would read nanoseconds
        with contextlib.suppress(ValueError, TypeError):
            found = pd.Timestamp(value)
    if found is pd.NaT:
        raise ValueError(f"{name} must be a date as 2025-06-01 (year-month-day). Got {value!r} instead.")
    return found if found.tzinfo is None else found.tz_convert("UTC").tz_localize(None)
