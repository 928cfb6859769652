"""What the arguments of conditions say: values, bounds and windows, judged when they are given."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from numbers import Integral, Real
from typing import Any

from crm_analytics.transactions.instants import instant_of

# What lines are told apart by, and what purchases are counted in.
KEYS = ("item_id", "description", "category", "department", "brand", "store_id")
COUNTED = ("day", "transaction_id", *KEYS)

# An item, a store or a kind: text, or a whole number.
Value = str | int

# Which lines or events: each column asked for, and its values, sorted, of which any will do.
Where = tuple[tuple[str, tuple[Value, ...]], ...]

_CENTURY = 36525


@dataclass(frozen=True)
class Window:
    """When: in [since, until), or at an age of `ago` = (nearest, farthest] in days. None is no limit."""

    since: datetime | None = None
    until: datetime | None = None
    ago: tuple[float, float] | None = None

    def limits(self, snapshot: datetime) -> tuple[datetime | None, datetime | None]:
        """First instant in the window, and first instant after it, as seen from `snapshot`."""
        if self.ago is not None:
            nearest, farthest = self.ago
            since = None if math.isinf(farthest) else snapshot - timedelta(days=farthest)
            return since, snapshot - timedelta(days=nearest)
        if self.since is not None and self.since >= snapshot:
            raise ValueError(
                f"customers: nothing is known of the time since {self.since} as of {snapshot}. Ask as of a later "
                "date, or of an earlier time."
            )
        return self.since, self.until


@dataclass(frozen=True)
class Bounds:
    """How many or how much: from `low` to `high`, each included unless it is open."""

    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False


def where_of(*columns: Any) -> Where:
    """The columns that are given of KEYS, in that order, with their values."""
    given = zip(KEYS, columns, strict=True)
    return tuple((name, values_of(name, value)) for name, value in given if value is not None)


def values_of(name: str, given: Any) -> tuple[Value, ...]:
    """The values given, one or several, each once and in order."""
    several = [given] if isinstance(given, str | bytes) or not isinstance(given, Iterable) else given
    found = {_value(name, value) for value in several}
    if not found:
        raise ValueError(f"{name} must be one value or several. Got none: {given!r}.")
    return tuple(sorted(found, key=lambda value: (isinstance(value, str), value)))


def _value(name: str, value: Any) -> Value:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Integral) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, Real) and float(value).is_integer():  # ids beside a gap are floats in pandas
        return int(float(value))
    raise ValueError(f"{name} must be text or a whole number, or several. Got {value!r} instead.")


def count_bounds(
    at_least: int | None, at_most: int | None, more_than: int | None, fewer_than: int | None
) -> Bounds:
    """Bounds on a whole number, both included; at least 1 if there are none, 0 if there is an upper one."""
    given = {"at_least": at_least, "at_most": at_most, "more_than": more_than, "fewer_than": fewer_than}
    for name, value in given.items():
        least = 1 if name == "fewer_than" else 0
        if value is not None and (
            isinstance(value, bool) or not isinstance(value, Integral) or value < least
        ):
            raise ValueError(f"{name} must be a whole number >= {least}. Got {value!r} instead.")
    _check_bounds(given, "fewer_than")
    low = int(more_than) + 1 if more_than is not None else at_least
    high = int(fewer_than) - 1 if fewer_than is not None else at_most
    if low is None:
        low = 1 if high is None else 0
    bounds = Bounds(int(low), math.inf if high is None else int(high))
    if bounds.low > bounds.high:
        raise ValueError(f"no number is {_words(given)}.")
    return bounds


def amount_bounds(
    at_least: float | None, at_most: float | None, more_than: float | None, less_than: float | None
) -> Bounds:
    """Bounds on an amount (currency), one at least."""
    given = {"at_least": at_least, "at_most": at_most, "more_than": more_than, "less_than": less_than}
    for name, value in given.items():
        if value is not None and (
            isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value)
        ):
            raise ValueError(f"{name} must be a finite number (currency). Got {value!r} instead.")
    _check_bounds(given, "less_than")
    if not any(value is not None for value in given.values()):
        raise ValueError("spent needs a bound: at_least, at_most, more_than or less_than (currency).")
    low = at_least if more_than is None else more_than
    high = at_most if less_than is None else less_than
    bounds = Bounds(
        -math.inf if low is None else low,
        math.inf if high is None else high,
        more_than is not None,
        less_than is not None,
    )
    if bounds.low > bounds.high or (bounds.low == bounds.high and (bounds.low_open or bounds.high_open)):
        raise ValueError(f"no amount is {_words(given)}.")
    return bounds


def _check_bounds(given: dict[str, Any], below: str) -> None:
    for one, other in (("at_least", "more_than"), ("at_most", below)):
        if given[one] is not None and given[other] is not None:
            raise ValueError(f"{one} and {other} say the same of one side: give one of them.")


def _words(given: dict[str, Any]) -> str:
    return " and ".join(f"{name} {value}" for name, value in given.items() if value is not None)


def window_of(since: Any, until: Any, ago: Any) -> Window:
    """The window between two dates, or of an age; of all times if nothing is given."""
    if ago is None:
        begin, end = _instant("since", since), _instant("until", until)
        if begin is not None and end is not None and begin >= end:
            raise ValueError(f"since must be before until. Got {begin} and {end} instead.")
        return Window(begin, end)
    if since is not None or until is not None:
        raise ValueError("give since and until, or ago, not both.")
    pair = ago if isinstance(ago, tuple | list) else (0, ago)
    if len(pair) == 2:
        given = [x for x in pair if x is not None]
        days = [float(x) for x in given if isinstance(x, Real) and 0 <= float(x) <= _CENTURY]
        nearest, farthest = pair[0], math.inf if pair[1] is None else pair[1]
        if len(days) == len(given) and pair[0] is not None and nearest < farthest:
            return Window(ago=(_plain(nearest), _plain(farthest)))
    raise ValueError(
        f"ago must be days > 0, or two of them, the nearer first: 60, (60, 120), or (60, None) for all before the "
        f"last 60 days; at most {_CENTURY:,}. Got {ago!r} instead."
    )


def _instant(name: str, value: Any) -> datetime | None:
    return None if value is None else instant_of(value, name).to_pydatetime()


def _plain(number: Any) -> float:
    """The number as Python writes it, whole where it is."""
    return int(number) if float(number).is_integer() else float(number)


def said_bounds(bounds: Bounds, *, whole: bool) -> list[str]:
    """How bounds are given, as short as it goes; `whole` for numbers that are counted."""
    if whole and bounds == Bounds(low=1):
        return []
    said = []
    implied = whole and bounds.low == 0 and bounds.high < math.inf
    if not math.isinf(bounds.low) and not implied:
        said.append(f"{'more_than' if bounds.low_open else 'at_least'}={bounds.low}")
    if not math.isinf(bounds.high):
        said.append(f"{'less_than' if bounds.high_open else 'at_most'}={bounds.high}")
    return said


def said_window(window: Window) -> list[str]:
    """How a window is given."""
    said = [
        f"{name}={str(instant).removesuffix(' 00:00:00')!r}"
        for name, instant in (("since", window.since), ("until", window.until))
        if instant is not None
    ]
    if window.ago is not None:
        nearest, farthest = window.ago
        pair = (nearest, None if math.isinf(farthest) else farthest)
        said.append(f"ago={farthest if nearest == 0 and pair[1] is not None else pair}")
    return said
