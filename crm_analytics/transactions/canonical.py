"""From a source's own columns to the log's: names, types, and what could not be read.

Written in DuckDB's expression objects, so that names and values found in a file never
become SQL text.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import duckdb
from duckdb import CaseExpression, ColumnExpression, ConstantExpression, Expression, FunctionExpression


from crm_analytics.transactions import text_values
from crm_analytics.transactions.delimited import LINE_NUMBER, RAW_LINE, SOURCE_FILE
from crm_analytics.transactions.schema import COLUMNS

BIGINT, BOOLEAN, DOUBLE, TIMESTAMP, VARCHAR = "BIGINT", "BOOLEAN", "DOUBLE", "TIMESTAMP", "VARCHAR"

# Words that stand for "nothing" in exports, compared without case or blanks around.
MISSING_WORDS = ("", "null", "nan", "none", "na", "n/a", "nat", "<na>", "\\n")

_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
_FLOATS = {"FLOAT", "DOUBLE"}
_NOTHING = ConstantExpression(None)


@dataclass
class Reading:
    """How the text of a source was read, for people and for the audit.

    Attributes
    ----------
    date_formats : list of str
        The strptime formats found (empty if dates came typed).
    decimal : dict
        Decimal sign of each number column that came as text.
    time_zone : str or None
        'UTC' if the source's times carried a zone and were converted, None if naive.
    text_columns : list of str
        Canonical columns that came as text although they are dates or numbers.
    """

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
    reading = Reading()
    columns: dict[str, Expression] = {
        SOURCE_FILE: ColumnExpression(SOURCE_FILE),
        LINE_NUMBER: ColumnExpression(LINE_NUMBER),
        RAW_LINE: ColumnExpression(RAW_LINE),
    }
    for name, kind in COLUMNS.items():
        if kind == "time":
            columns |= _time(named, name, kinds[name], date_format, reading, mapping[name])
        elif kind == "number":
            columns |= _number(named, name, kinds.get(name), decimal, delimiter, reading)
        elif kind == "id":
            columns[name] = _identifier(name, kinds.get(name))
        else:
            columns[name] = _text(name) if name in kinds else _NOTHING.cast(VARCHAR)
    if "amount" not in mapping:  # the schema saw to it that these two are there
        product = columns["quantity"] * columns["unit_price"]
        columns["amount"] = FunctionExpression("round", product, ConstantExpression(6))
    return named.select(*(column.alias(name) for name, column in columns.items())), reading


def _text(name: str) -> Expression:
    """The column as text, with the words for "nothing" made null."""
    value = ColumnExpression(name).cast(VARCHAR)
    word = FunctionExpression("lower", FunctionExpression("trim", value))
    return CaseExpression(word.isnotin(*map(ConstantExpression, MISSING_WORDS)), value)


def _identifier(name: str, kind: str | None) -> Expression:
    """Integers stay integers, text stays text, whole floats (ids with gaps) become integers."""
    if kind is None:
        return _NOTHING.cast(VARCHAR)
    column = ColumnExpression(name)
    if kind in _INTEGERS:
        return column.cast(BIGINT)
    if kind in _FLOATS:
        value = column.cast(DOUBLE)
        whole = (FunctionExpression("abs", value) < ConstantExpression(2.0**53)) & (
            FunctionExpression("floor", value) == value
        )
        # floats beyond 2**53 do not hold an id exactly, and the cast must not see inf
        return CaseExpression(whole, value).cast(BIGINT)
    return _text(name)


def _number(
    named: duckdb.DuckDBPyRelation,
    name: str,
    kind: str | None,
    decimal: str | None,
    delimiter: str | None,
    reading: Reading,
) -> dict[str, Expression]:
    text_name = f"{name}_text"
    if kind is None:
        return {name: _NOTHING.cast(DOUBLE), text_name: _NOTHING.cast(VARCHAR)}
    if not _is_text(kind):
        return {name: ColumnExpression(name).cast(DOUBLE), text_name: _NOTHING.cast(VARCHAR)}
    text = _text(name)
    bare = FunctionExpression(
        "regexp_replace", text, *map(ConstantExpression, (text_values.NUMBER_JUNK, "", "g"))
    )
    fits = {sign: _matches(bare, pattern) for sign, pattern in text_values.NUMBER_WITH.items()}
    if decimal is None:
        only_point, only_comma = _count(named, fits["."] & ~fits[","], fits[","] & ~fits["."])
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
    infinite = _matches(bare, r"(?i)[+-]?inf(inity)?")
    readable = CaseExpression(fits[decimal] | infinite, signed)
    return {name: _try_double(readable), text_name: text}


def _time(
    named: duckdb.DuckDBPyRelation,
    name: str,
    kind: str,
    date_format: str | None,
    reading: Reading,
    source_name: str,
) -> dict[str, Expression]:
    column = ColumnExpression(name)
    typed = {"date_text": _NOTHING.cast(VARCHAR), "zone_differs": ConstantExpression(False).cast(BOOLEAN)}
    if kind == "TIMESTAMP WITH TIME ZONE":
        reading.time_zone = "UTC"
        return {name: column.cast(TIMESTAMP), **typed}  # the session's time zone is UTC
    if kind.startswith("TIMESTAMP") or kind == "DATE":
        return {name: column.cast(TIMESTAMP), **typed}
    reading.text_columns.append(name)
    text = _text(name)
    trimmed = FunctionExpression("trim", text)
    spaced = FunctionExpression(
        "regexp_replace", trimmed, ConstantExpression("([0-9])T([0-9])"), ConstantExpression("\\1 \\2")
    )
    zone = FunctionExpression(
        "regexp_extract", spaced, ConstantExpression(text_values.ZONE), ConstantExpression(1)
    )
    n_zoned, n_given = _count(named, zone != ConstantExpression(""), text.isnotnull())
    zoned = n_zoned * 2 > n_given
    if n_zoned:
        bare = FunctionExpression(
            "regexp_replace",
            spaced,
            ConstantExpression(r"\s*(Z|[+-][0-9]{2}:?[0-9]{2})$"),
            ConstantExpression(""),
        )
        spaced = CaseExpression(zone != ConstantExpression(""), bare).otherwise(spaced)
    formats = [date_format] if date_format else _find_formats(named, spaced, source_name)
    reading.date_formats.extend(formats)
    parsed = _strptime(spaced, formats)
    differs = ConstantExpression(False).cast(BOOLEAN)
    if n_zoned:
        has_zone = zone != ConstantExpression("")
        differs = text.isnotnull() & (~has_zone if zoned else has_zone)
    if zoned:
        reading.time_zone = "UTC"
        parsed = parsed - FunctionExpression("to_minutes", _offset_minutes(zone))
    return {name: parsed, "date_text": text, "zone_differs": differs}


def _strptime(value: Expression, formats: list[str]) -> Expression:
    parsed = FunctionExpression("try_strptime", value, ConstantExpression(formats)).cast(TIMESTAMP)
    # DuckDB reads a two-digit year with %Y as the first century.
    return CaseExpression(parsed >= ConstantExpression(datetime(1000, 1, 1)), parsed)


def _offset_minutes(zone: Expression) -> Expression:
    digits = FunctionExpression("regexp_replace", zone, *map(ConstantExpression, ("[^0-9]", "", "g")))

    def part(start: int) -> Expression:
        piece = FunctionExpression("substr", digits, ConstantExpression(start), ConstantExpression(2))
        given = CaseExpression(piece != ConstantExpression(""), piece).otherwise(ConstantExpression("0"))
        return given.cast(BIGINT)

    minutes = part(1) * ConstantExpression(60) + part(3)
    west = FunctionExpression("starts_with", zone, ConstantExpression("-"))
    return CaseExpression(west, -minutes).otherwise(minutes)


def _find_formats(named: duckdb.DuckDBPyRelation, value: Expression, source_name: str) -> list[str]:
    shape = FunctionExpression("regexp_replace", value, *map(ConstantExpression, ("[0-9]", "9", "g")))
    shapes = named.select(shape.alias("shape"), value.alias("example")).filter(
        ColumnExpression("example").isnotnull()
    )
    shapes = shapes.aggregate("shape, min(example) AS low, max(example) AS high, count(*) AS n").order(
        "n DESC, shape"
    )
    examples = [text for _, low, high, _ in shapes.limit(50).fetchall() for text in (low, high)]

    def count_readable(formats: list[str]) -> int:
        return _count(named, _strptime(value, formats).isnotnull())[0]

    return text_values.choose_date_formats(examples, count_readable, column=source_name)


def _try_double(value: Expression) -> Expression:
    # The pattern has been matched, so the cast cannot fail except on a lone sign.
    digits = _matches(value, ".*([0-9]|(?i:inf)).*")
    return CaseExpression(digits, value).cast(DOUBLE)


def _matches(value: Expression, pattern: str) -> Expression:
    return FunctionExpression("regexp_full_match", value, ConstantExpression(pattern))


def _count(named: duckdb.DuckDBPyRelation, *conditions: Expression) -> tuple[int, ...]:
    """How many rows meet each condition, in one scan."""
    flags = [
        CaseExpression(condition, ConstantExpression(1)).alias(f"c{i}")
        for i, condition in enumerate(conditions)
    ]
    counts = ", ".join(f"count(c{i})" for i in range(len(conditions)))
    return tuple(named.select(*flags).aggregate(counts).fetchall()[0])


def _is_text(kind: str) -> bool:
    return kind == "VARCHAR" or kind.startswith("ENUM")
