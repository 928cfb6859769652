"""How dates and numbers are written in a text column: found by counting, or asked for.

Nothing here changes a value. It answers two questions about a column, so that the one
cast that follows is right: which decimal sign, and which date formats.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from crm_analytics.core.errors import SchemaError

# Matched after blanks and currency signs are taken out. A group of three digits after
# one sign ("1.234") fits both and is no evidence.
NUMBER_JUNK = "[\\s\u00a0₺€$£]|TL|TRY"
NUMBER_WITH = {
    ".": r"[+-]?([0-9]+|[0-9]{1,3}(,[0-9]{3})+)?(\.[0-9]*)?([eE][+-]?[0-9]+)?-?",
    ",": r"[+-]?([0-9]+|[0-9]{1,3}(\.[0-9]{3})+)?(,[0-9]*)?([eE][+-]?[0-9]+)?-?",
}
ZONE = r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?\s*(Z|[+-][0-9]{2}:?[0-9]{2})$"

_ORDERS = {
    "year first": ("%Y{0}%m{0}%d", "-./"),
    "day first": ("%d{0}%m{0}%Y", "./-"),
    "month first": ("%m{0}%d{0}%Y", "/-."),
}
_TIMES = ("", " %H:%M:%S", " %H:%M", " %H:%M:%S.%f", " %I:%M:%S %p", " %I:%M %p")


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
    """Return the formats that the column's values are written in, fewest first to try.

    Parameters
    ----------
    examples : sequence of str
        One value of each shape that occurs (digits alike), most frequent shape first.
    count_readable : callable
        How many values of the whole column a list of formats reads.
    column : str
        The source column, for the error.

    Raises
    ------
    SchemaError
        If day and month cannot be told apart, or no value looks like a date.
    """
    fitting = {order: _formats_of(examples, date_formats(order)) for order in _ORDERS}
    year_first = fitting.pop("year first")
    rivals = {order: formats for order, formats in fitting.items() if formats}
    if len(rivals) > 1:
        counts = {order: count_readable(formats) for order, formats in rivals.items()}
        if len(set(counts.values())) == 1:
            raise SchemaError(
                f"read_log: every date in {column!r} (such as {examples[0]!r}) can be read day first or "
                "month first. Say which: date_format='%d/%m/%Y' or date_format='%m/%d/%Y' (with %H:%M if timed)."
            )
        best = max(counts, key=lambda order: counts[order])
        rivals = {best: rivals[best]}
    chosen = year_first + [fmt for formats in rivals.values() for fmt in formats]
    if not chosen:
        shown = repr(examples[0]) if examples else "nothing"
        raise SchemaError(
            f"read_log: no value of {column!r} reads as a date (found {shown}). Name the right column in "
            "columns=, or pass date_format= as for strptime."
        )
    return chosen


def _formats_of(examples: Sequence[str], formats: Sequence[str]) -> list[str]:
    return [fmt for fmt in formats if any(_reads(example, fmt) for example in examples)]


def _reads(example: str, fmt: str) -> bool:
    try:
        parsed = datetime.strptime(example, fmt)
    except ValueError:
        return False
    return parsed.year >= 1000


def choose_decimal(n_point_only: int, n_comma_only: int, delimiter: str | None) -> str:
    """Return the decimal sign that reads more values; on a tie, the one the delimiter implies.

    >>> choose_decimal(0, 12, ";"), choose_decimal(0, 0, ";"), choose_decimal(0, 0, ",")
    (',', ',', '.')
    """
    if n_point_only == n_comma_only:
        return "," if delimiter == ";" else "."
    return "." if n_point_only > n_comma_only else ","
