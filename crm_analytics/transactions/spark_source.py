"""A Spark DataFrame as a log: the same columns as `canonical` gives, for typed input."""

from collections.abc import Mapping
from typing import Any

from crm_analytics.core.errors import SchemaError
from crm_analytics.transactions.canonical import Reading
from crm_analytics.transactions.schema import COLUMNS, resolve
from crm_analytics.transactions.sources import Source

_SPARK_TYPES = {"number": "double", "time": "timestamp_ntz", "text": "string"}


def canonical(frame: Any, mapping: Mapping[str, str]) -> tuple[Source, Any, Reading]:
    """Rename and cast a Spark DataFrame's columns, lazily.

    Raises SchemaError if dates or numbers are text: read such a source with DuckDB, which
    sets unreadable values aside, or type it in Spark first.
    """
    from pyspark.sql import functions as sf

    found = resolve(frame.columns, mapping)
    types = dict(frame.dtypes)
    for name, column in found.items():
        if COLUMNS[name] in ("number", "time") and types[column] == "string":
            raise SchemaError(
                f"read_log: {name} = {column!r} is text in this Spark DataFrame. Cast it first, or pass the "
                "file's path so that unreadable values are set aside."
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
        elif kind == "id":
            whole = types[found[name]] in ("tinyint", "smallint", "int", "bigint")
            columns[name] = sf.col(f"`{found[name]}`").cast("bigint" if whole else "string")
        else:
            columns[name] = sf.col(f"`{found[name]}`").cast(_SPARK_TYPES[kind])
    if "amount" not in found:
        columns["amount"] = sf.round(columns["quantity"] * columns["unit_price"], 6)
    typed = frame.select(*(column.alias(name) for name, column in columns.items()))
    zoned = types[found["occurred_at"]] == "timestamp"
    source = Source(relation=None, name="a Spark DataFrame")
    return source, typed, Reading(time_zone="UTC" if zoned else None)
