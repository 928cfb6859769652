"""Conditions on customers, to be read aloud: bought this three months ago, and never that.

Three say what somebody did: `bought`, `spent`, and `had` for the log's events. They combine by
`never`, `&`, `|` and `~`, and `TransactionLog.customers` finds who meets them. A condition is a
plain value that knows no log: it can be named, kept, compared, and asked of several logs.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from crm_analytics.core.errors import choice
from crm_analytics.transactions.condition_arguments import (
    COUNTED,
    Bounds,
    Where,
    Window,
    amount_bounds,
    count_bounds,
    said_bounds,
    said_window,
    values_of,
    where_of,
    window_of,
)


class Condition:
    """What a customer must meet; made by `bought`, `spent`, `had` and `never`, combined by `&`, `|`, `~`.

    Conditions are equal if they ask the same in the same order.

    >>> tea, coffee = bought(category="TEA"), bought(category="COFFEE", at_least=3)
    >>> tea & ~coffee
    bought(category='TEA') & never(bought(category='COFFEE', at_least=3))
    >>> ~coffee == never(coffee), ~~coffee == coffee
    (True, True)
    """

    def __and__(self, other: "Condition") -> "Condition":
        return _joined("and", self, other)

    def __or__(self, other: "Condition") -> "Condition":
        return _joined("or", self, other)

    def __invert__(self) -> "Condition":
        return never(self)

    def __bool__(self) -> bool:
        # Of `a and b` Python would drop `a` without a word.
        raise TypeError("Combine conditions by &, | and ~ (or never), not by `and`, `or` and `not`.")


@dataclass(frozen=True, repr=False)
class Did(Condition):
    """What somebody did, how often or for how much, and when.

    `where` says which lines or events, and `counted` what of them: 'day' or a column, 'amount' or 'event'.
    """

    verb: str
    where: Where
    counted: str
    bounds: Bounds
    window: Window

    def __repr__(self) -> str:
        said = []
        for name, values in self.where:
            value = repr(values[0] if len(values) == 1 else list(values))
            said.append(value if name == "kind" else f"{name}={value}")
        if self.verb == "bought" and self.counted != "day":
            said.append(f"count={self.counted!r}")
        said += said_bounds(self.bounds, whole=self.verb != "spent") + said_window(self.window)
        return f"{self.verb}({', '.join(said)})"


@dataclass(frozen=True, repr=False)
class Joined(Condition):
    """All of the conditions ("and"), or any of them ("or")."""

    word: str
    conditions: tuple[Condition, ...]

    def __repr__(self) -> str:
        said = (f"({c!r})" if isinstance(c, Joined) else repr(c) for c in self.conditions)
        return (" & " if self.word == "and" else " | ").join(said)


@dataclass(frozen=True, repr=False)
class Never(Condition):
    """The opposite of a condition."""

    condition: Condition

    def __repr__(self) -> str:
        return f"never({self.condition!r})"


def bought(
    *,
    item_id: Any = None,
    description: Any = None,
    category: Any = None,
    department: Any = None,
    brand: Any = None,
    store_id: Any = None,
    at_least: int | None = None,
    at_most: int | None = None,
    more_than: int | None = None,
    fewer_than: int | None = None,
    count: str = "day",
    since: date | datetime | str | None = None,
    until: date | datetime | str | None = None,
    ago: float | tuple[float, float | None] | None = None,
) -> Condition:
    """Who bought such things that often; without any argument, who bought anything.

    Parameters
    ----------
    item_id, description, category, department, brand, store_id : text, whole number, or several
        Which lines: any of the values of each column, spelled as in the log. 17 and '17' are one.
    at_least, at_most, more_than, fewer_than : int, optional
        How often. By default at least once; with an upper bound alone, none counts too.
    count : {"day", "transaction_id", "item_id", "description", "category", "department", "brand", "store_id"}
        What is counted: distinct days with such a purchase, or distinct receipts, items, stores
        and so on.
    since, until : date, datetime or str, optional
        Purchases in [since, until) only.
    ago : days, or (days, days), optional
        Instead of these, the age at the date asked from: 60 is the last 60 days; (60, 120) is
        the 60 days before those, with the start of day 120 and without that of day 60; (60, None)
        is all before the last 60 days.

    Returns
    -------
    Condition
        For `TransactionLog.customers`.

    Raises
    ------
    ValueError
        If a value is neither text nor a whole number, bounds or dates leave no room, or dates and
        `ago` are both given.

    Examples
    --------
    >>> bought(brand=["B", "A"], ago=(60, 120))
    bought(brand=['A', 'B'], ago=(60, 120))
    >>> bought(count="store_id", at_least=2) & never(bought(since="2024-01-01"))
    bought(count='store_id', at_least=2) & never(bought(since='2024-01-01'))
    """
    choice(count, name="count", allowed=COUNTED)
    return Did(
        "bought",
        where_of(item_id, description, category, department, brand, store_id),
        count,
        count_bounds(at_least, at_most, more_than, fewer_than),
        window_of(since, until, ago),
    )


def spent(
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    more_than: float | None = None,
    less_than: float | None = None,
    item_id: Any = None,
    description: Any = None,
    category: Any = None,
    department: Any = None,
    brand: Any = None,
    store_id: Any = None,
    since: date | datetime | str | None = None,
    until: date | datetime | str | None = None,
    ago: float | tuple[float, float | None] | None = None,
) -> Condition:
    """Who spent that much: the sum of `amount` over such lines (currency), 0 where there are none.

    Refunds lower it as the log's policy says. One bound at least must be given; the other
    arguments are those of `bought`.

    >>> spent(more_than=500, ago=91)
    spent(more_than=500, ago=91)
    """
    return Did(
        "spent",
        where_of(item_id, description, category, department, brand, store_id),
        "amount",
        amount_bounds(at_least, at_most, more_than, less_than),
        window_of(since, until, ago),
    )


def had(
    kind: Any = None,
    *,
    at_least: int | None = None,
    at_most: int | None = None,
    more_than: int | None = None,
    fewer_than: int | None = None,
    since: date | datetime | str | None = None,
    until: date | datetime | str | None = None,
    ago: float | tuple[float, float | None] | None = None,
) -> Condition:
    """Who had that many events of a kind, or of any of several, or of any at all.

    Events are counted one by one; the other arguments are those of `bought`.

    >>> had("service call", fewer_than=3)
    had('service call', at_most=2)
    """
    where = () if kind is None else (("kind", values_of("kind", kind)),)
    bounds = count_bounds(at_least, at_most, more_than, fewer_than)
    return Did("had", where, "event", bounds, window_of(since, until, ago))


def never(condition: Condition) -> Condition:
    """Who does not meet the condition; the same as `~condition`.

    >>> never(bought(category="TEA"))
    never(bought(category='TEA'))
    """
    _check_condition(condition, "never")
    return condition.condition if isinstance(condition, Never) else Never(condition)


def all_of(conditions: Iterable[Condition]) -> Condition:
    """One condition that asks for all of them."""
    conditions = tuple(conditions)
    for condition in conditions:
        _check_condition(condition, "customers")
    return Joined("and", conditions)


def _joined(word: str, left: Condition, right: object) -> Condition:
    if not isinstance(right, Condition):
        return NotImplemented
    parts: tuple[Condition, ...] = ()
    for part in (left, right):  # a & b & c is one list of three
        parts += part.conditions if isinstance(part, Joined) and part.word == word else (part,)
    return Joined(word, parts)


def _check_condition(condition: object, caller: str) -> None:
    if not isinstance(condition, Condition):
        raise ValueError(
            f"{caller} takes conditions, such as bought(category='TEA'). Got {condition!r} instead."
        )
