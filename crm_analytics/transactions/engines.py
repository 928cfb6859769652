"""Where a log's SQL runs: DuckDB by default, Spark through the extra, one text for both.

Each engine serves a view `source_lines`, and `source_events` if there are events, and has the
same methods. A text is written in DuckDB's dialect, in the portable subset (see
docs/decisions/0001-one-sql-text.md), with `$name` parameters; Spark gets it transpiled by sqlglot.
"""

import functools
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from crm_analytics.core.errors import MissingExtraError

# Tells DuckDB to reckon a table of a query again wherever it is named, rather than to keep it.
ONCE_MORE = "NOT MATERIALIZED "


def connect(scratch: Path, memory_limit: str | None = None) -> duckdb.DuckDBPyConnection:
    """Open a private in-memory DuckDB in UTC that spills to `scratch` and fetches nothing."""
    config: dict[str, Any] = {
        "TimeZone": "UTC",
        "temp_directory": str(scratch / "spill"),
        "autoinstall_known_extensions": "false",
    }
    if memory_limit is not None:
        config["memory_limit"] = memory_limit
    try:
        con = duckdb.connect(config=config)
    except duckdb.Error as error:
        raise ValueError(f"memory_limit must be such as '2GB'. Got {memory_limit!r} instead.") from error
    con.execute("SET enable_progress_bar = false")  # in a notebook it would draw one, unasked
    return con


class DuckDBEngine:
    """Runs queries over a lazy relation on the log's own DuckDB connection."""

    name = "duckdb"

    def __init__(self, con: duckdb.DuckDBPyConnection, lines: duckdb.DuckDBPyRelation) -> None:
        self.con = con
        lines.create_view("source_lines")

    def serve_events(self, typed: Path) -> None:
        """Serve the events in a Parquet file as `source_events`."""
        self.con.read_parquet(str(typed)).create_view("source_events")

    def has_whole_number_customers(self) -> bool:
        """Whether customer ids are whole numbers, else they are text."""
        return str(self.con.table("source_lines").select("customer_id").types[0]) == "BIGINT"

    def fetch(self, sql: str, parameters: Mapping[str, Any]) -> pa.Table:
        """Return the whole answer."""
        return self.con.sql(sql, params=dict(parameters)).to_arrow_table()

    def stream(self, sql: str, parameters: Mapping[str, Any], rows: int) -> pa.RecordBatchReader:
        """Return the answer in batches of about `rows` rows, never all at once."""
        return self.con.sql(sql, params=dict(parameters)).to_arrow_reader(rows)


class SparkEngine:
    """Runs the same queries over a Spark DataFrame, in that frame's session."""

    name = "spark"

    def __init__(self, frame: Any) -> None:
        self.session = frame.sparkSession
        self.frame = frame
        self.events: Any = None

    def serve_events(self, typed: Path) -> None:
        """Serve the events in a Parquet file as `source_events`."""
        self.events = self.session.read.parquet(str(typed))

    def has_whole_number_customers(self) -> bool:
        """Whether customer ids are whole numbers, else they are text."""
        return dict(self.frame.dtypes)["customer_id"] == "bigint"

    def fetch(self, sql: str, parameters: Mapping[str, Any]) -> pa.Table:
        """Return the whole answer, collected to this process."""
        self.frame.createOrReplaceTempView("source_lines")
        if self.events is not None:
            self.events.createOrReplaceTempView("source_events")
        # A datetime would be taken for this machine's local time; as text it stays naive, as ours are.
        args = {
            name: str(value) if isinstance(value, datetime) else value for name, value in parameters.items()
        }
        return self.session.sql(to_spark(sql), args=args).toArrow()

    def stream(self, sql: str, parameters: Mapping[str, Any], rows: int) -> pa.RecordBatchReader:
        """Return the answer in batches of `rows` rows."""
        table = self.fetch(sql, parameters)
        return pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=rows))


@functools.lru_cache(maxsize=256)
def to_spark(sql: str) -> str:
    """Translate one of our texts from DuckDB's dialect to Spark's.

    >>> to_spark("SELECT date_diff('day', DATE '1970-01-01', d) AS n FROM t WHERE d < $end")
    "SELECT DATEDIFF(DAY, CAST('1970-01-01' AS DATE), d) AS n FROM t WHERE d < :end"
    """
    import sqlglot

    return sqlglot.transpile(sql.replace(ONCE_MORE, ""), read="duckdb", write="spark")[0]


def spark_session() -> Any:
    """Return the running Spark session, or start a local one in UTC."""
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise MissingExtraError("pyspark", "spark", "read_log(engine='spark')") from error
    import os
    import sys

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    running = SparkSession.getActiveSession()
    if running is not None:
        return running
    return (
        SparkSession.builder.appName("crm_analytics")
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )
