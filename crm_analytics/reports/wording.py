"""Numbers, dates and lengths of time as people write them."""

import math
import unicodedata
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from crm_analytics.core.units import UNIT_WORDS

NBSP = "\u00a0"
# Whatever the machine's language.
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


class Table(NamedTuple):
    """A table for the page: cells are text, the first of a row is its heading."""

    caption: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: Sequence[str] = ()  # headers of columns that hold text, not numbers


def number(x: float, digits: int = 0) -> str:
    """Write a number with thousands apart and a true minus sign; a dash if there is none.

    >>> number(1234.4), number(-0.5, 2), number(float("nan")), number(-0.001, 1)
    ('1,234', '−0.50', '–', '0.0')
    """
    if not math.isfinite(x):
        return "–"
    text = f"{abs(x):,.{digits}f}"
    return f"−{text}" if x < 0 and text.strip("0.") else text


def percent(share: float, digits: int = 1, *, sign: bool = False) -> str:
    """Write a share as a percentage.

    >>> percent(0.1234), percent(0.0001), percent(0.05, sign=True), percent(-0.12, 0, sign=True)
    ('12.3\\xa0%', '<\\xa00.1\\xa0%', '+5.0\\xa0%', '−12\\xa0%')
    """
    smallest = 10.0**-digits / 100
    if 0 < share < smallest / 2 and not sign:
        return f"<{NBSP}{smallest * 100:.{digits}f}{NBSP}%"
    if not math.isfinite(share):
        return number(share)
    text = number(100 * share, digits)
    plus = "+" if sign and share > 0 and text.strip("0.") else ""
    return f"{plus}{text}{NBSP}%"


def rate(share: float) -> str:
    """Write a rate as short as it can be.

    >>> rate(0.1), rate(0.075)
    ('10\\xa0%', '7.5\\xa0%')
    """
    return f"{100 * share:,.6g}{NBSP}%".replace("-", "−")


def money(amount: float, currency: str, digits: int | None = None) -> str:
    """Write an amount; a currency sign stands before it, a code or word behind.

    Without `digits`, amounts from 1,000 on are written without decimals.

    >>> money(1234.5, "$"), money(-3, "€"), money(12.5, "TL"), money(7, "")
    ('$1,234', '−€3.00', '12.50\\xa0TL', '7.00')
    """
    text = number(amount, (0 if abs(amount) >= 1000 else 2) if digits is None else digits)
    if not currency or text == "–":
        return text
    if any(unicodedata.category(letter) == "Sc" for letter in currency):
        return f"−{currency}{text[1:]}" if text.startswith("−") else f"{currency}{text}"
    return f"{text}{NBSP}{currency}"


def day(when: date) -> str:
    """Write a day.

    >>> day(date(2018, 1, 2))
    '2\\xa0Jan\\xa02018'
    """
    return f"{when.day}{NBSP}{_MONTHS[when.month - 1]}{NBSP}{when.year}"


def span(length: float, unit: str) -> str:
    """Write a length of time.

    >>> span(365, "D"), span(1, "M"), span(6.5, "W")
    ('365\\xa0days', '1\\xa0month', '6.5\\xa0weeks')
    """
    return f"{length:,.10g}{NBSP}{UNIT_WORDS[unit]}{'' if length == 1 else 's'}"


def several(n: float, one: str, many: str | None = None) -> str:
    """Write a count with its noun.

    >>> several(1, "customer"), several(2469, "customer"), several(2, "day off", "days off")
    ('1 customer', '2,469 customers', '2 days off')
    """
    text = number(n)
    return f"{text} {one if text == '1' else many or one + 's'}"
