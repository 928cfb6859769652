"""From conditions to one SQL statement over the log: who meets them.

Each `bought`, `spent` and `had` becomes one number a customer, all of them reckoned in one pass
over `purchases` and one over `events`, and the conditions a test of these numbers. The text is put
together from the constants below and from running numbers; what a caller gives is bound, each
value as a parameter of its own, whatever characters it holds.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from crm_analytics.core.errors import SchemaError, nearest
from crm_analytics.transactions.condition_arguments import COUNTED, KEYS, Value
from crm_analytics.transactions.conditions import Condition, Did, Joined, Never, all_of

if TYPE_CHECKING:
    from crm_analytics.transactions.log import TransactionLog

# Everybody with a line is asked about, also who returned all of it.
_QUESTION = """
WITH known AS (SELECT DISTINCT customer_id FROM lines WHERE occurred_at < $snapshot_date){tables}
SELECT known.customer_id FROM known{joins}
WHERE {test} ORDER BY known.customer_id"""

# Marked first and counted then: within an aggregate DuckDB is slow with many values.
_TABLE = """,
of_{source} AS (
    SELECT customer_id,
        {numbers}
    FROM (
        SELECT *,
            {marks}
        FROM {source}
    ) AS marked GROUP BY customer_id
)"""
_MARK = "{such} AS is_{name}"
_JOIN = """
LEFT JOIN of_{source} ON of_{source}.customer_id = known.customer_id"""

# What is reckoned of a customer's lines or events, and compared where there are none.
_SUM = "CAST(sum(CASE WHEN is_{name} THEN CAST(amount AS DECIMAL(18, 6)) END) AS DOUBLE) AS {name}"
_DISTINCT = "count(DISTINCT CASE WHEN is_{name} THEN {counted} END) AS {name}"
_EACH = "count(CASE WHEN is_{name} THEN 1 END) AS {name}"
_COMPARED = "coalesce({name}, 0) {sign} {limit}"

# Which lines or events: values, and a window.
_ANY_OF = "{column} IN ({values})"
_SINCE, _UNTIL = "occurred_at >= {limit}", "occurred_at < {limit}"

_COUNTED = {name: name for name in COUNTED} | {"day": "CAST(occurred_at AS DATE)"}
_SOURCES = {"bought": "purchases", "spent": "purchases", "had": "events"}

# Which of the values asked for occur, whenever, and what there is in their place. A look for few
# values ends where each is first found.
_OCCURS = (
    "SELECT DISTINCT '{column}' AS name, CAST({column} AS VARCHAR) AS value FROM {source} WHERE {any_of}"
)
_FOUND = (
    "(SELECT '{column}' AS name, CAST({column} AS VARCHAR) AS value FROM {source} WHERE {any_of} LIMIT 1)"
)
_FEW = 3
_VOCABULARY = """
SELECT DISTINCT {column} AS value FROM {source} WHERE {column} IS NOT NULL ORDER BY value LIMIT $most"""
_TYPES = "SELECT item_id, description, category, department, brand, store_id FROM lines LIMIT 0"

_MOST_CANDIDATES = 100_000  # spelled like a value that does not occur; more take long to compare


def find_customers(
    log: "TransactionLog",
    conditions: Sequence[Condition],
    as_of: date | datetime | str | None,
    occurring: set[tuple[str, str]],
) -> pd.Index:
    """Find who meets all of the conditions; see `TransactionLog.customers`.

    `occurring` has the columns and values that are known to occur in the log; more are added.
    """
    condition = all_of(conditions)
    snapshot = log.snapshot(_end(log) if as_of is None else as_of)
    asked = list(dict.fromkeys(_parts(condition)))
    _check_columns(log, asked)
    sql, parameters = question(condition, _held_values(log, asked, occurring), snapshot)
    return log.query_as_of(sql, snapshot, **parameters).to_pandas().set_index("customer_id").index


def _end(log: "TransactionLog") -> datetime | None:
    """The day after the last line or event; None if there is no line."""
    if not log.has_events or log.end is None or log.event_counts.last_at is None:
        return None
    last = log.event_counts.last_at.date()
    return max(log.snapshot(), datetime.combine(last + timedelta(days=1), time.min))


def question(
    condition: Condition, held: Mapping[str, Mapping[Value, Any]], snapshot: datetime
) -> tuple[str, dict[str, Any]]:
    """Return the statement that asks for the customers who meet a condition, and its parameters.

    `held` has, of each column that the condition names, how the log holds each value.
    """
    parameters: dict[str, Any] = {}
    names = {did: f"n{i}" for i, did in enumerate(dict.fromkeys(_parts(condition)))}
    tables = joins = ""
    for source in dict.fromkeys(_SOURCES[did.verb] for did in names):
        its = {did: name for did, name in names.items() if _SOURCES[did.verb] == source}
        marks = [
            _filled(_MARK, such=_such(did, held, snapshot, parameters), name=name)
            for did, name in its.items()
        ]
        numbers = [
            _filled(_number(did), counted=_COUNTED.get(did.counted, ""), name=name)
            for did, name in its.items()
        ]
        tables += _filled(
            _TABLE, source=source, marks=",\n            ".join(marks), numbers=",\n        ".join(numbers)
        )
        joins += _filled(_JOIN, source=source)
    test = _test(condition, names, parameters)
    return _filled(_QUESTION, tables=tables, joins=joins, test=test), parameters


def _number(did: Did) -> str:
    """The text of what is reckoned."""
    if did.verb == "spent":
        return _SUM
    # Whether there is one at all is cheaper to ask than how many distinct ones.
    any_at_all = did.counted == "day" and (did.bounds.low, did.bounds.high) in ((1, math.inf), (0, 0))
    return _EACH if did.verb == "had" or any_at_all else _DISTINCT


def _such(
    did: Did, held: Mapping[str, Mapping[Value, Any]], snapshot: datetime, parameters: dict[str, Any]
) -> str:
    """The text of which lines or events are meant."""
    tests = [_any_of(name, [held[name][value] for value in values], parameters) for name, values in did.where]
    for text, limit in zip((_SINCE, _UNTIL), did.window.limits(snapshot), strict=True):
        if limit is not None:
            tests.append(_filled(text, limit=_bind(limit, parameters)))
    return " AND ".join(tests) or "TRUE"


def _test(condition: Any, names: Mapping[Did, str], parameters: dict[str, Any]) -> str:
    """The text of what must hold of the numbers."""
    if isinstance(condition, Never):
        return f"NOT ({_test(condition.condition, names, parameters)})"
    if isinstance(condition, Joined):
        word = {"and": " AND ", "or": " OR "}[condition.word]
        return word.join(f"({_test(part, names, parameters)})" for part in condition.conditions) or "TRUE"
    bounds = condition.bounds
    limits = (
        (">" if bounds.low_open else ">=", bounds.low),
        ("<" if bounds.high_open else "<=", bounds.high),
    )
    return " AND ".join(
        _filled(_COMPARED, name=names[condition], sign=sign, limit=_bind(limit, parameters))
        for sign, limit in limits
        if math.isfinite(limit)
    )


def _any_of(column: str, values: Sequence[Any], parameters: dict[str, Any]) -> str:
    bound = ", ".join(_bind(value, parameters) for value in values)
    return _filled(_ANY_OF, column=column, values=bound)


def _bind(value: Any, parameters: dict[str, Any]) -> str:
    """Add a value to the parameters, and return how the text names it."""
    name = f"v{len(parameters)}"
    parameters[name] = value
    return f"${name}"


def _filled(text: str, **parts: str) -> str:
    """Our own pieces in the place of their names; never what a caller gave."""
    for name, part in parts.items():
        text = text.replace(f"{{{name}}}", part)
    return text


def _parts(condition: Condition) -> Iterator[Did]:
    if isinstance(condition, Joined):
        for part in condition.conditions:
            yield from _parts(part)
    elif isinstance(condition, Never):
        yield from _parts(condition.condition)
    elif isinstance(condition, Did):
        yield condition


def _check_columns(log: "TransactionLog", asked: Sequence[Did]) -> None:
    """Refuse to ask for what the log does not have: a column, or events."""
    there = [name for name in ("transaction_id", *KEYS) if name in log.reading.columns]
    for did in asked:
        if did.verb == "had":
            _ = log.events  # where there are none it says how to give them
            continue
        for name in (*(name for name, _ in did.where), did.counted):
            if name in ("transaction_id", *KEYS) and name not in there:
                raise SchemaError(
                    f"customers: {did!r} needs {name}, which this log does not have. It has: "
                    f"{', '.join(there) or 'no column of this sort'}. Name its column in read_log(..., columns=)."
                )


def _held_values(
    log: "TransactionLog", asked: Sequence[Did], occurring: set[tuple[str, str]]
) -> dict[str, dict[Value, Any]]:
    """How the log holds each value asked for, by column. Raises ValueError if one never occurs."""
    wanted: dict[str, tuple[Value, ...]] = {}
    for name, values in (each for did in asked for each in did.where):
        wanted[name] = wanted.get(name, ()) + values
    if not wanted:
        return {}
    types = log.query(_TYPES).schema
    held: dict[str, dict[Value, Any]] = {}
    looks, parameters = [], dict[str, Any]()
    for name, values in wanted.items():
        whole = name != "kind" and pa.types.is_integer(types.field(name).type)
        held[name] = {value: _as_held(value, whole) for value in values}
        new = [
            own
            for own in dict.fromkeys(held[name].values())
            if own is not None and (name, str(own)) not in occurring
        ]
        for part in [[own] for own in new] if len(new) <= _FEW else [new]:
            text = _FOUND if len(new) <= _FEW else _OCCURS
            any_of = _any_of(name, part, parameters)
            looks.append(_filled(text, column=name, source=_source(name), any_of=any_of))
    if looks:
        rows = log.query(" UNION ALL ".join(looks), **parameters).to_pylist()
        occurring |= {(row["name"], row["value"]) for row in rows}
    for name, owned in held.items():
        absent = [value for value, own in owned.items() if (name, str(own)) not in occurring]
        if absent:
            raise ValueError(_absent_message(log, name, absent, len(owned)))
    return held


def _as_held(value: Value, whole: bool) -> Value | None:
    """The value in the type of its column; None where no such number fits in."""
    if not whole:
        return str(value)
    if isinstance(value, str):
        if not re.fullmatch("-?(0|[1-9][0-9]{0,18})", value):
            return None
        value = int(value)
    return value if -(2**63) <= value < 2**63 else None


def _absent_message(log: "TransactionLog", name: str, absent: Sequence[Value], asked: int) -> str:
    sql = _filled(_VOCABULARY, column=name, source=_source(name))
    there = [str(value) for value in log.query(sql, most=_MOST_CANDIDATES)["value"].to_pylist()]
    shown = ", ".join(map(repr, absent[:3])) + (", …" if len(absent) > 3 else "")
    near = nearest(str(absent[0]), there)
    if near is not None:
        hint = f"Is {absent[0]!r} meant as {near!r}?"
    elif len(there) <= 30:
        hint = f"There are: {', '.join(map(repr, there)) or 'none'}."
    else:
        hint = f"There are {', '.join(map(repr, there[:3]))} and others."
    return f"customers: {len(absent)} of {asked} values of {name} never occur in the log: {shown}. {hint}"


def _source(column: str) -> str:
    return "events" if column == "kind" else "lines"
