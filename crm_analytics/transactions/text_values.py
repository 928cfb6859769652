"""How dates and numbers are written in a text column: found by counting, or asked for.

Nothing here changes a value. It answers two questions about a column, so that the one
cast that follows is right: which decimal sign, and which date formats.
"""

import re
from collections.abc import Callable, Sequence
from datetime import datetime

from crm_analytics.core.errors import SchemaError

# Words that stand for "nothing" in exports, matched after the blanks around are taken off.
NOTHING = r"(?i)(null|nan|none|n/?a|nat|<na>|\\n)?"

# Matched after blanks and currency signs are taken out. A group of three digits after
# one sign ("1.234") fits both and is no evidence.
NUMBER_JUNK = "[\\s\u00a0₺€$£]|TL|TRY"
NUMBER_WITH = {
    ".": r"[+-]?([0-9]+|[0-9]{1,3}(,[0-9]{3})+)?(\.[0-9]*)?([eE][+-]?[0-9]+)?-?",
    ",": r"[+-]?([0-9]+|[0-9]{1,3}(\.[0-9]{3})+)?(,[0-9]*)?([eE][+-]?[0-9]+)?-?",
}

# A time of day (group 1) and its zone (group 2). Postgres writes +03, BigQuery UTC.
ZONE = r"([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.][0-9]+)?)?)\s*(Z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)$"
BEYOND_MICROSECONDS = r"(:[0-9]{2}[.][0-9]{6})[0-9]+"

_ORDERS = {
    "year first": ("%Y{0}%m{0}%d", "-./"),
    "day first": ("%d{0}%m{0}%Y", "./-"),
    "month first": ("%m{0}%d{0}%Y", "/-."),
}
_CLOCKS = ("%H:%M:%S", "%H:%M", "%H:%M:%S.%f", "%I:%M:%S %p", "%I:%M %p")
_TIMES = ("", *(sign + clock for sign in " T" for clock in _CLOCKS))


def date_formats(order: str) -> list[str]:
    """All formats of one order of day, month and year; two-digit years before four.

    >>> date_formats("day first")[:2]
    ['%d.%m.%y', '%d.%m.%y %H:%M:%S']
    """
    pattern, separators = _ORDERS[order]
    days = [pattern.format(sign) for sign in separators]
    if order == "year first":
        days.append("%Y%m%d")
    else:
        days = [day.replace("%Y", "%y") for day in days] + days
    return [day + time for day in days for time in _TIMES]


def choose_date_formats(
    examples: Sequence[str], count_readable: Callable[[list[str]], int], *, column: str
) -> list[str]:
    """Return the formats that the column's values are written in, those of one order only.

    Year first stands beside either of the others; between day first and month first, the
    one that reads more values is taken.

    Parameters
    ----------
    examples : sequence of str
        Any value of each shape that occurs (digits alike), most frequent shape first.
    count_readable : callable
        How many values of the whole column a list of formats reads.
    column : str
        The source column, for the error.

    Raises
    ------
    SchemaError
        If day and month cannot be told apart, or no value is a date.
    """
    fitting = {order: fitting_formats(examples, date_formats(order)) for order in _ORDERS}
    counts = {order: count_readable(formats) for order, formats in fitting.items() if formats}
    year_first = fitting["year first"] if counts.pop("year first", 0) else []
    most = max(counts.values(), default=0)
    best = [order for order, n in counts.items() if n == most > 0]
    if len(best) > 1:
        raise SchemaError(
            f"read_log: every date in {column!r} (such as {examples[0]!r}) can be read day first or "
            "month first. Say which: date_format='%d/%m/%Y' or date_format='%m/%d/%Y' (with %H:%M if timed)."
        )
    chosen = year_first + [fmt for order in best for fmt in fitting[order]]
    if not chosen:
        shown = repr(examples[0]) if examples else "nothing"
        raise SchemaError(
            f"read_log: no value of {column!r} reads as a date (found {shown}). Name the right column in "
            "columns=, or pass date_format= as for strptime."
        )
    return chosen


def fitting_formats(examples: Sequence[str], formats: Sequence[str]) -> list[str]:
    """Formats that read a value of the shape of one of the examples."""
    # Any date stays one with every digit a 1, while an example may be 00.00.0000 or 99.99.9999.
    ones = [re.sub("[0-9]", "1", example) for example in examples]
    return [fmt for fmt in formats if any(_reads(example, fmt) for example in ones)]


def _reads(example: str, fmt: str) -> bool:
    try:
        datetime.strptime(example, fmt)
    except ValueError:
        return False
    return True


def choose_decimal(n_point_only: int, n_comma_only: int, delimiter: str | None) -> str:
    """Return the decimal sign that reads more values; on a tie, the one the delimiter implies.

    >>> choose_decimal(0, 12, ";"), choose_decimal(0, 0, ";"), choose_decimal(0, 0, ",")
    (',', ',', '.')
    """
    if n_point_only == n_comma_only:
        return "," if delimiter == ";" else "."
    return "." if n_point_only > n_comma_only else ","
