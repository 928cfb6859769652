"""A Spark DataFrame as a log: the same columns as `canonical` gives, for typed input."""

from collections.abc import Mapping
from typing import Any

from crm_analytics.core.errors import SchemaError
from crm_analytics.transactions.canonical import Reading
from crm_analytics.transactions.schema import COLUMNS, check_names, resolve
from crm_analytics.transactions.sources import Source
from crm_analytics.transactions.text_values import NOTHING

_SPARK_TYPES = {"number": "double", "time": "timestamp_ntz", "text": "string"}
_INTEGERS = ("tinyint", "smallint", "int", "bigint")
_NUMBERS = (*_INTEGERS, "float", "double", "void")  # and decimal(…)


def canonical(frame: Any, mapping: Mapping[str, str]) -> tuple[Source, Any, Reading]:
    """Rename and cast a Spark DataFrame's columns, lazily.

    Raises SchemaError if dates or numbers are text (read such a source with DuckDB, which
    sets unreadable values aside, or type it in Spark first), or if times are instants and
    the session shows them in another zone than UTC.
    """
    from pyspark.sql import functions as sf

    check_names(frame.columns, "the Spark DataFrame")
    found = resolve(frame.columns, mapping)
    types = dict(frame.dtypes)
    for name, column in found.items():
        _check_type(name, column, types[column])
    zoned = types[found["occurred_at"]] == "timestamp"
    zone = frame.sparkSession.conf.get("spark.sql.session.timeZone")
    if zoned and zone != "UTC":
        raise SchemaError(
            f"read_log: occurred_at holds instants, which this Spark session shows in {zone}. Set "
            "spark.sql.session.timeZone to UTC, or cast the column to timestamp_ntz."
        )
    nothing = sf.lit(None)
    columns = {
        "source_file": nothing.cast("string"),
        "line_number": sf.monotonically_increasing_id() + 1,
        "raw_line": nothing.cast("string"),
        "date_text": nothing.cast("string"),
        "zone_differs": sf.lit(False),
    }
    for name, kind in COLUMNS.items():
        if kind == "number":
            columns[f"{name}_text"] = nothing.cast("string")
        if name not in found:
            columns[name] = nothing.cast(_SPARK_TYPES.get(kind, "string"))
            continue
        column = sf.col("`" + found[name].replace("`", "``") + "`")
        if kind == "id":
            columns[name] = _identifier(column, types[found[name]])
        elif kind == "number":
            value = column.cast("double")
            columns[name] = sf.when(~sf.isnan(value), value)
        elif kind == "text":
            columns[name] = _text(column)
        else:
            columns[name] = column.cast(_SPARK_TYPES[kind])
    if "amount" not in found:
        columns["amount"] = sf.round(columns["quantity"] * columns["unit_price"], 6)
    typed = frame.select(*(column.alias(name) for name, column in columns.items()))
    source = Source(relation=None, name="a Spark DataFrame")
    return source, typed, Reading(columns=dict(found), time_zone="UTC" if zoned else None)


def _check_type(name: str, column: str, kind: str) -> None:
    if COLUMNS[name] == "time":
        typed = kind in ("timestamp", "timestamp_ntz", "date")
    else:
        typed = COLUMNS[name] != "number" or kind in _NUMBERS or kind.startswith("decimal")
    if not typed:
        held = "text" if kind == "string" else kind
        raise SchemaError(
            f"read_log: {name} = {column!r} is {held} in this Spark DataFrame. Cast it first, or pass the file's "
            "path so that unreadable values are set aside."
        )


def _text(column: Any) -> Any:
    """The column as text, with the words for "nothing" made null; see `canonical.as_text`."""
    from pyspark.sql import functions as sf

    text = column.cast("string")
    trimmed = sf.btrim(sf.replace(text, sf.lit("\u00a0"), sf.lit(" ")), sf.lit(" \t\r\n"))
    return sf.when(~trimmed.rlike(f"^({NOTHING})$"), text)


def _identifier(column: Any, kind: str) -> Any:
    """Whole numbers as integers, all else as text; see `canonical.as_identifier`."""
    from pyspark.sql import functions as sf

    if kind in _INTEGERS:
        return column.cast("bigint")
    if kind in ("float", "double"):
        value = column.cast("double")
        return sf.when((sf.abs(value) < 2.0**53) & (sf.floor(value) == value), value).cast("bigint")
    return _text(column)
