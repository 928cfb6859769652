"""From a source's own columns to the log's: names, types, and what could not be read.

Written in DuckDB's expression objects, so that names and values found in a file never
become SQL text.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import duckdb
from duckdb import CaseExpression, ColumnExpression, ConstantExpression, Expression, FunctionExpression

from crm_analytics.core.errors import SchemaError
from crm_analytics.transactions import text_values
from crm_analytics.transactions.schema import COLUMNS, LINE_NUMBER, RAW_LINE, SOURCE_FILE

BIGINT, BOOLEAN, DOUBLE, TIMESTAMP, VARCHAR = "BIGINT", "BOOLEAN", "DOUBLE", "TIMESTAMP", "VARCHAR"

INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
FLOATS = {"FLOAT", "DOUBLE"}
_NUMBERS = INTEGERS | FLOATS | {"UBIGINT", "HUGEINT", "UHUGEINT", '"NULL"'}  # and DECIMAL(…)
_NOTHING = ConstantExpression(None)


@dataclass
class Reading:
    """How a source was read, for people and for the audit.

    Attributes
    ----------
    columns : dict
        Canonical name → the source's name.
    date_formats : list of str
        The strptime formats found (empty if dates came typed).
    decimal : dict
        Decimal sign of each number column that came as text.
    time_zone : str or None
        'UTC' if the source's times carried a zone and were converted, None if naive.
    text_columns : list of str
        Canonical columns that came as text although they are dates or numbers.
    """

    columns: dict[str, str] = field(default_factory=dict)
    date_formats: list[str] = field(default_factory=list)
    decimal: dict[str, str] = field(default_factory=dict)
    time_zone: str | None = None
    text_columns: list[str] = field(default_factory=list)


def canonical(
    source: duckdb.DuckDBPyRelation,
    mapping: Mapping[str, str],
    *,
    delimiter: str | None = None,
    decimal: str | None = None,
    date_format: str | None = None,
) -> tuple[duckdb.DuckDBPyRelation, Reading]:
    """Rename and type a source's columns, lazily.

    The result has every column of the schema (null where the source has none),
    `source_file`, `line_number`, `raw_line`, and for each date or number that came as
    text its `…_text`, so that "missing" and "unreadable" stay apart.
    """
    types = dict(zip(source.columns, map(str, source.types), strict=True))
    named = source.select(
        *(ColumnExpression(mapping[name]).alias(name) for name in mapping),
        *(ColumnExpression(name) for name in (SOURCE_FILE, LINE_NUMBER, RAW_LINE)),
    )
    kinds = {name: types[mapping[name]] for name in mapping}
    reading = Reading(columns=dict(mapping))
    columns: dict[str, Expression] = {
        SOURCE_FILE: ColumnExpression(SOURCE_FILE),
        LINE_NUMBER: ColumnExpression(LINE_NUMBER),
        RAW_LINE: ColumnExpression(RAW_LINE),
    }
    for name, kind in COLUMNS.items():
        if kind == "time":
            columns |= as_time(named, name, kinds[name], date_format, reading, mapping[name])
        elif kind == "number":
            columns |= as_number(named, name, kinds.get(name), decimal, delimiter, reading, mapping.get(name))
        elif kind == "id":
            columns[name] = as_identifier(name, kinds.get(name))
        else:
            columns[name] = as_text(name) if name in kinds else _NOTHING.cast(VARCHAR)
    if "amount" not in mapping:  # the schema saw to it that these two are there
        product = columns["quantity"] * columns["unit_price"]
        columns["amount"] = FunctionExpression("round", product, ConstantExpression(6))
        many, each = (
            CaseExpression(columns[name].isnull(), columns[f"{name}_text"])
            for name in ("quantity", "unit_price")
        )
        columns["amount_text"] = CaseExpression(many.isnotnull(), many).otherwise(
            each
        )  # which was unreadable
    return named.select(*(column.alias(name) for name, column in columns.items())), reading


def as_text(name: str) -> Expression:
    """The column as text, with the words for "nothing" made null."""
    value = ColumnExpression(name).cast(VARCHAR)
    # Not `isin`: DuckDB makes a join of it, which every query then pays for, asked or not.
    return CaseExpression(~matches(trimmed(value), text_values.NOTHING), value)


def trimmed(value: Expression) -> Expression:
    """Text without blanks around, and with plain ones within."""
    plain = FunctionExpression("replace", value, *map(ConstantExpression, ("\u00a0", " ")))
    return FunctionExpression("trim", plain, ConstantExpression(" \t\r\n"))


def as_identifier(name: str, kind: str | None) -> Expression:
    """Integers stay integers, text stays text, whole floats (ids with gaps) become integers."""
    if kind is None:
        return _NOTHING.cast(VARCHAR)
    column = ColumnExpression(name)
    if kind in INTEGERS:
        return column.cast(BIGINT)
    if kind in FLOATS:
        value = column.cast(DOUBLE)
        whole = (FunctionExpression("abs", value) < ConstantExpression(2.0**53)) & (
            FunctionExpression("floor", value) == value
        )
        # floats beyond 2**53 do not hold an id exactly, and the cast must not see inf
        return CaseExpression(whole, value).cast(BIGINT)
    return as_text(name)


def as_number(
    named: duckdb.DuckDBPyRelation,
    name: str,
    kind: str | None,
    decimal: str | None,
    delimiter: str | None,
    reading: Reading,
    source_name: str | None,
) -> dict[str, Expression]:
    """The column as a number, and as it came where it came as text; the decimal sign is found by counting."""
    text_name = f"{name}_text"
    if kind is None:
        return {name: _NOTHING.cast(DOUBLE), text_name: _NOTHING.cast(VARCHAR)}
    if kind in _NUMBERS or kind.startswith("DECIMAL"):
        value = ColumnExpression(name).cast(DOUBLE)
        given = CaseExpression(~FunctionExpression("isnan", value), value)  # pandas writes "missing" as NaN
        return {name: given, text_name: _NOTHING.cast(VARCHAR)}
    if not _is_text(kind):
        raise SchemaError(
            f"read_log: {name} = {source_name!r} holds {kind}, not numbers. Name another column."
        )
    text = as_text(name)
    bare = replaced(text, text_values.NUMBER_JUNK, "")
    fits = {sign: matches(bare, pattern) for sign, pattern in text_values.NUMBER_WITH.items()}
    if decimal is None:
        only_point, only_comma = count_rows(named, fits["."] & ~fits[","], fits[","] & ~fits["."])
        decimal = text_values.choose_decimal(only_point, only_comma, delimiter)
    reading.decimal[name] = decimal
    reading.text_columns.append(name)
    thousands = "." if decimal == "," else ","
    plain = FunctionExpression("replace", bare, ConstantExpression(thousands), ConstantExpression(""))
    plain = FunctionExpression("replace", plain, ConstantExpression(decimal), ConstantExpression("."))
    # SAP and its kin write a minus behind the number.
    trailing = FunctionExpression("ends_with", plain, ConstantExpression("-"))
    stripped = FunctionExpression("rtrim", plain, ConstantExpression("-"))
    minus = FunctionExpression("concat", ConstantExpression("-"), stripped)
    signed = CaseExpression(trailing, minus).otherwise(plain)
    infinite = matches(bare, r"(?i)[+-]?inf(inity)?")
    readable = CaseExpression(fits[decimal] | infinite, signed)
    return {name: readable.try_cast(DOUBLE), text_name: text}


def as_time(
    named: duckdb.DuckDBPyRelation,
    name: str,
    kind: str,
    date_format: str | None,
    reading: Reading,
    source_name: str,
) -> dict[str, Expression]:
    """The column as an instant, its text if it came as one, and whether its zone differs from the others'."""
    column = ColumnExpression(name)
    typed = {"date_text": _NOTHING.cast(VARCHAR), "zone_differs": ConstantExpression(False).cast(BOOLEAN)}
    if kind == "TIMESTAMP WITH TIME ZONE":
        reading.time_zone = "UTC"
        return {name: column.cast(TIMESTAMP), **typed}  # the session's time zone is UTC
    if kind == "TIMESTAMP_NS":  # whose cast rounds, and the last nanosecond of a day into the next
        micros = FunctionExpression("epoch_ns", column) // ConstantExpression(1000)
        return {name: FunctionExpression("make_timestamp", micros), **typed}
    if kind.startswith("TIMESTAMP") or kind == "DATE":
        return {name: column.cast(TIMESTAMP), **typed}
    reading.text_columns.append(name)
    text = as_identifier(name, kind).cast(VARCHAR)  # 20071231, with gaps a float, is a date too
    value = trimmed(text)
    if date_format:
        reading.date_formats.append(date_format)
        reading.time_zone = "UTC" if "%z" in date_format else None
        return typed | {name: _read_as_asked(named, value, date_format), "date_text": text}
    shapes = shapes_of(named, value)
    n_zoned = sum(n for example, n in shapes if re.search(text_values.ZONE, example))
    zoned = n_zoned * 2 > sum(n for _, n in shapes)
    zone = FunctionExpression(
        "regexp_extract", value, ConstantExpression(text_values.ZONE), ConstantExpression(2)
    )
    for excess in (text_values.ZONE, text_values.BEYOND_MICROSECONDS):
        if any(re.search(excess, example) for example, _ in shapes):  # for it costs more than all else
            value = replaced(value, excess, "\\1")
            shapes = [(re.sub(excess, r"\1", example), n) for example, n in shapes]

    def count_readable(formats: list[str]) -> int:
        return count_rows(named, as_date(value, formats).isnotnull())[0]

    examples = [example for example, _ in shapes]
    formats = text_values.choose_date_formats(examples, count_readable, column=source_name)
    reading.date_formats.extend(formats)
    parsed = as_date(value, formats)
    differs = typed["zone_differs"]
    if n_zoned:
        has_zone = zone != ConstantExpression("")
        differs = text.isnotnull() & (~has_zone if zoned else has_zone)
    if zoned:
        reading.time_zone = "UTC"
        parsed = parsed - FunctionExpression("to_minutes", _offset_minutes(zone))
    return {name: parsed, "date_text": text, "zone_differs": differs}


def shapes_of(named: duckdb.DuckDBPyRelation, value: Expression) -> list[tuple[str, int]]:
    """A value of each shape that occurs (digits alike), and how many have it, the most frequent first."""
    given = named.select(replaced(value, "[0-9]", "9").alias("shape"), value.alias("example"))
    shapes = given.filter(ColumnExpression("example").isnotnull()).aggregate(
        "shape, min(example) AS example, count(*) AS n"
    )
    return [(example, n) for _, example, n in shapes.order("n DESC, shape").limit(50).fetchall()]


def as_date(value: Expression, formats: list[str]) -> Expression:
    """Text as an instant by the first of the strptime formats that fits; null where none does."""
    parsed = FunctionExpression("try_strptime", value, ConstantExpression(formats)).cast(TIMESTAMP)
    # DuckDB reads the words "infinity" and "epoch" too, and 07 with %Y as the first century.
    digits = FunctionExpression("regexp_matches", value, ConstantExpression("[0-9]"))
    return CaseExpression(digits & (parsed >= ConstantExpression(datetime(1000, 1, 1))), parsed)


def _read_as_asked(named: duckdb.DuckDBPyRelation, value: Expression, date_format: str) -> Expression:
    parsed = as_date(value, [date_format])
    try:
        named.select(parsed)  # nothing is read yet, but the format is judged
    except duckdb.InvalidInputException as error:
        raise ValueError(f"date_format must be as for strptime. Got {date_format!r} instead.") from error
    return parsed


def _offset_minutes(zone: Expression) -> Expression:
    digits = replaced(zone, "[^0-9]", "")

    def part(start: int) -> Expression:
        piece = FunctionExpression("substr", digits, ConstantExpression(start), ConstantExpression(2))
        given = CaseExpression(piece != ConstantExpression(""), piece).otherwise(ConstantExpression("0"))
        return given.cast(BIGINT)

    minutes = part(1) * ConstantExpression(60) + part(3)
    west = FunctionExpression("starts_with", zone, ConstantExpression("-"))
    return CaseExpression(west, -minutes).otherwise(minutes)


def replaced(value: Expression, pattern: str, replacement: str) -> Expression:
    """Text with every match of the pattern replaced."""
    return FunctionExpression("regexp_replace", value, *map(ConstantExpression, (pattern, replacement, "g")))


def matches(value: Expression, pattern: str) -> Expression:
    """Whether all of the text matches the pattern."""
    return FunctionExpression("regexp_full_match", value, ConstantExpression(pattern))


def count_rows(named: duckdb.DuckDBPyRelation, *conditions: Expression) -> tuple[int, ...]:
    """How many rows meet each condition, in one scan."""
    flags = [
        CaseExpression(condition, ConstantExpression(1)).alias(f"c{i}")
        for i, condition in enumerate(conditions)
    ]
    counts = ", ".join(f"count(c{i})" for i in range(len(conditions)))
    return tuple(named.select(*flags).aggregate(counts).fetchall()[0])


def _is_text(kind: str) -> bool:
    return kind == "VARCHAR" or kind.startswith("ENUM")
