"""`read_log`: a log in any usual form, in."""

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from crm_analytics.core.errors import SchemaError, choice
from crm_analytics.transactions import canonical, engines, schema, sources
from crm_analytics.transactions.event_source import read_events
from crm_analytics.transactions.events import REASONS as EVENT_REASONS
from crm_analytics.transactions.instants import instant_of
from crm_analytics.transactions.log import TransactionLog
from crm_analytics.transactions.refunds import POLICIES


def read_log(
    source: Any,
    *,
    columns: Mapping[str, str] | str | Path | None = None,
    engine: str = "duckdb",
    on_bad: str = "set_aside",
    refunds: str = "net",
    encoding: str | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
    date_format: str | None = None,
    not_after: datetime | str | None = None,
    memory_limit: str | None = None,
    events: Any = None,
    event_columns: Mapping[str, str] | None = None,
) -> TransactionLog:
    """Open a transaction log, and set aside the lines that break its schema.

    Parameters
    ----------
    source : path, DataFrame or Arrow table
        A CSV or Parquet file, a folder or a glob of them; a pandas, polars or pyarrow
        table; with `engine="spark"` also a Spark DataFrame of typed columns.
    columns : dict or path, optional
        Canonical name → the source's name, as a dict or a TOML file. A source column that
        has a canonical name already need not be mentioned. Required are `customer_id`,
        `occurred_at`, and `amount` or both `quantity` and `unit_price`; known besides are
        `transaction_id`, `item_id`, `store_id`, `discount`, `description`, `category`,
        `department` and `brand`.
    engine : {"duckdb", "spark"}
    on_bad : {"set_aside", "raise"}
        What to do with lines that break the schema.
    refunds : {"net", "drop", "keep"}
        See `crm_analytics.transactions.refunds`.
    encoding, delimiter : str, optional
        Of text files; found by looking if not given (UTF-8, UTF-16, else cp1254).
    decimal : {".", ","}, optional
        Decimal sign of numbers that came as text; found by counting if not given.
    date_format : str, optional
        As for strptime; found by looking if not given.
    not_after : datetime or str, optional
        Lines after this instant are set aside as dated in the future; the default is now.
    memory_limit : str, optional
        For DuckDB, such as "2GB"; beyond it queries spill to disk.
    events : path, DataFrame or Arrow table, optional
        Complaints, calls, surveys, contracts that start or end: one row an event, with
        `customer_id`, `occurred_at` and `kind` (text), and where known `resolved_at` and `score`
        (a number known when the event occurred, such as NPS). Customers are compared in the type
        of the log's ids. Encoding, delimiter, decimal sign and date formats are found by
        looking; where day and month cannot be told apart, the log's order is taken. Bad rows
        are set aside as lines are: see `TransactionLog.event_counts` and `.events`.
    event_columns : dict, optional
        As `columns`, for the events.

    Returns
    -------
    TransactionLog

    Raises
    ------
    SchemaError
        If a required column has no source (the message proposes a mapping), if day and
        month cannot be told apart, or, with `on_bad="raise"`, if any line breaks the schema.
    MissingDataError
        If there is no file at `source`.

    Examples
    --------
    >>> table = pd.DataFrame({"musteri": ["A1", "A1", "B7"], "tarih": ["31.12.2007 21:47"] * 3,
    ...                       "tutar": ["1.234,56", "12,50", "yok"]})
    >>> log = read_log(table, columns={"customer_id": "musteri", "occurred_at": "tarih", "amount": "tutar"})
    >>> log.to_frame()["amount"].tolist(), log.counts.set_aside
    ([1234.56, 12.5], {'unreadable_amount': 1})

    >>> complaints = pd.DataFrame({"musteri": ["A1", "B7"], "tarih": ["02.01.2008", "?"], "kind": "complaint"})
    >>> log = read_log(table, columns={"customer_id": "musteri", "occurred_at": "tarih", "amount": "tutar"},
    ...                events=complaints, event_columns={"customer_id": "musteri", "occurred_at": "tarih"})
    >>> log.event_counts.kinds, log.event_counts.set_aside
    ({'complaint': 1}, {'unreadable_date': 1})
    """
    choice(engine, name="engine", allowed=["duckdb", "spark"])
    choice(on_bad, name="on_bad", allowed=["set_aside", "raise"])
    choice(refunds, name="refunds", allowed=POLICIES)
    if decimal is not None:
        choice(decimal, name="decimal", allowed=[".", ","])
    if delimiter is not None and len(delimiter) != 1:
        raise ValueError(f"delimiter must be one character. Got {delimiter!r} instead.")
    if events is None and event_columns is not None:
        raise ValueError("event_columns names the columns of events, and no events were given.")
    mapping = schema.read_mapping(columns)
    latest = instant_of(datetime.now(UTC) if not_after is None else not_after, "not_after").to_pydatetime()
    is_spark_frame = type(source).__module__.startswith("pyspark.")
    if is_spark_frame and engine != "spark":
        raise SchemaError("read_log: a Spark DataFrame needs engine='spark'.")
    ours: engines.DuckDBEngine | engines.SparkEngine
    with contextlib.ExitStack() as on_error:
        scratch = Path(tempfile.mkdtemp(prefix="crm_analytics_"))
        on_error.callback(shutil.rmtree, scratch, ignore_errors=True)
        if is_spark_frame:
            from crm_analytics.transactions import spark_source

            opened, lines, reading = spark_source.canonical(source, mapping)
            ours = engines.SparkEngine(lines)
        else:
            con = engines.connect(scratch, memory_limit)
            opened = sources.open_source(con, source, scratch, encoding=encoding, delimiter=delimiter)
            found = schema.resolve(
                [name for name in opened.relation.columns if name not in schema.ADDED], mapping
            )
            relation, reading = canonical.canonical(
                opened.relation, found, delimiter=opened.delimiter, decimal=decimal, date_format=date_format
            )
            typed = str(scratch / "typed.parquet")
            if engine == "spark" or reading.text_columns:  # text is parsed once, not at every question
                relation.write_parquet(typed)
                relation = con.read_parquet(typed)
            ours = engines.DuckDBEngine(con, relation)
            if engine == "spark":
                ours = engines.SparkEngine(engines.spark_session().read.parquet(typed))
        found_events = None
        if events is not None:
            apart = scratch / "events"
            apart.mkdir()
            found_events = read_events(
                events,
                apart,
                columns=event_columns,
                whole_numbers=ours.has_whole_number_customers(),
                time_zone=reading.time_zone,
                date_formats=reading.date_formats,
                memory_limit=memory_limit,
            )
            ours.serve_events(found_events.typed)
        log = TransactionLog(
            ours, opened, reading, scratch, refunds=refunds, not_after=latest, events=found_events
        )
        if on_bad == "raise":
            _raise_if_bad(log)
        on_error.pop_all()  # from here on the log cleans up
    return log


def _raise_if_bad(log: TransactionLog) -> None:
    _raise_if_any(log.counts.set_aside, log.counts.source, log.set_aside, schema.REASONS, "lines", "log")
    if log.has_events:
        found = log.events
        _raise_if_any(
            found.counts.set_aside,
            found.counts.source,
            found.set_aside,
            EVENT_REASONS,
            "events",
            "log.events",
        )


def _raise_if_any(
    aside: Mapping[str, int],
    source: int,
    rows: Callable[..., pd.DataFrame],
    reasons: Mapping[str, str],
    what: str,
    where: str,
) -> None:
    if not aside:
        return
    found = "; ".join(f"{n:,} × {reasons[reason]} ({reason})" for reason, n in aside.items())
    first = ", ".join(f"line {n}" for n in rows(limit=3)["line_number"])
    raise SchemaError(
        f"read_log: {sum(aside.values()):,} of {source:,} {what} break the schema: {found}. "
        f"First: {first}. Mend the source, or pass on_bad='set_aside' and look at {where}.set_aside()."
    )
