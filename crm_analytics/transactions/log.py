"""The transaction log: one lazy table of receipt lines that every feature is asked from."""

import functools
import hashlib
import shutil
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from crm_analytics.core.errors import MissingDataError
from crm_analytics.core.files import whole_file
from crm_analytics.transactions.audit import audit_table
from crm_analytics.transactions.canonical import Reading
from crm_analytics.transactions.condition_sql import find_customers
from crm_analytics.transactions.conditions import Condition
from crm_analytics.transactions.engines import ONCE_MORE, DuckDBEngine, SparkEngine
from crm_analytics.transactions.event_source import EventSource
from crm_analytics.transactions.events import (
    EVENTS,
    EVENTS_AS_OF,
    EventCounts,
    LogEvents,
    count_events,
)
from crm_analytics.transactions.instants import instant_of
from crm_analytics.transactions.refunds import NET_EFFECT, ORIGINS, PURCHASES, PURCHASES_AT
from crm_analytics.transactions.schema import REASONS
from crm_analytics.transactions.sources import Source

# Every line with the reason to set it aside (null: kept), and the lines that were kept.
CHECKED = """
checked AS (
    SELECT *,
        CASE
            WHEN raw_line IS NOT NULL THEN 'wrong_field_count'
            WHEN customer_id IS NULL THEN 'missing_customer'
            WHEN occurred_at IS NULL AND date_text IS NOT NULL THEN 'unreadable_date'
            WHEN occurred_at IS NULL THEN 'missing_date'
            WHEN zone_differs THEN 'mixed_time_zone'
            WHEN occurred_at > $not_after THEN 'future_date'
            WHEN amount IS NULL AND amount_text IS NOT NULL THEN 'unreadable_amount'
            WHEN amount IS NULL THEN 'missing_amount'
            WHEN NOT abs(amount) < 1e12 THEN 'amount_out_of_range'
            WHEN quantity IS NULL AND quantity_text IS NOT NULL THEN 'unreadable_quantity'
            WHEN NOT abs(quantity) < 1e12 THEN 'quantity_out_of_range'
            WHEN quantity < 0 AND amount > 0 THEN 'contradicting_signs'
        END AS reason,
        amount < 0 OR coalesce(quantity < 0, FALSE) AS is_refund
    FROM source_lines
),
lines AS (SELECT * FROM checked WHERE reason IS NULL)"""

_COUNTS = """
SELECT reason, is_refund AND reason IS NULL AS is_refund, count(*) AS n, min(occurred_at) AS first_at,
    max(occurred_at) AS last_at, CAST(sum(CASE WHEN reason IS NULL THEN CAST(amount AS DECIMAL(18, 6)) END)
    AS DOUBLE) AS amount
FROM checked GROUP BY reason, is_refund AND reason IS NULL"""

_SET_ASIDE = """
SELECT reason, source_file, line_number, CAST(customer_id AS VARCHAR) AS customer_id,
    coalesce(date_text, CAST(occurred_at AS VARCHAR)) AS occurred_at,
    coalesce(amount_text, CAST(amount AS VARCHAR)) AS amount,
    coalesce(quantity_text, CAST(quantity AS VARCHAR)) AS quantity,
    CAST(transaction_id AS VARCHAR) AS transaction_id, CAST(item_id AS VARCHAR) AS item_id, raw_line
FROM checked WHERE reason IS NOT NULL ORDER BY source_file, line_number"""

_LINES = """
SELECT customer_id, transaction_id, item_id, occurred_at, quantity, amount, unit_price, discount, store_id,
    description, category, department, brand
FROM lines ORDER BY source_file, line_number"""

_PURCHASES = """
SELECT customer_id, transaction_id, item_id, occurred_at, quantity, amount, unit_price, discount, store_id,
    description, category, department, brand
FROM purchases ORDER BY source_file, line_number"""


# Every kept line lies before it, so that "all of the log" needs no look at its last line.
END_OF_TIME = datetime(9999, 12, 31)


@dataclass(frozen=True)
class LineCounts:
    """Where every line of the source went; `kept` plus all `set_aside` is `source`.

    Attributes
    ----------
    source, kept : int
        Lines in the source, and in the log.
    set_aside : dict of str to int
        Lines by reason.
    refunds : int
        Kept lines that are refunds or cancellations (negative amount or quantity).
    amount, refund_amount : float
        Sum over the kept lines, and over their refunds (negative), in currency.
    first_at, last_at : datetime or None
        Times of the first and last kept line.
    """

    source: int
    kept: int
    set_aside: dict[str, int]
    refunds: int
    amount: float
    refund_amount: float
    first_at: datetime | None
    last_at: datetime | None


class TransactionLog:
    """Receipt lines of identified customers, lazily read; made by `read_log`.

    Nothing is loaded until it is asked for, and questions are asked in SQL over three
    tables: `checked` (every source line and the `reason` it is set aside, or null),
    `lines` (those kept), and `purchases` (those before a snapshot date, with the refund
    policy applied). A log that was given events has a table `events` besides: customer_id,
    occurred_at, kind, resolved_at, score. The log never changes.

    Attributes
    ----------
    refunds : str
        The policy: 'net', 'drop' or 'keep'.
    not_after : datetime
        Lines later than this were set aside as dated in the future.
    reading : Reading
        How text was read: date formats, decimal sign, time zone.

    Examples
    --------
    >>> log = read_log(pd.DataFrame({"customer_id": [1, 1, None], "amount": [5.0, 7.5, 1.0],
    ...     "occurred_at": pd.to_datetime(["2024-03-01", "2024-03-09", "2024-03-10"])}))
    >>> log
    TransactionLog: 2 lines of 1 customers, 2024-03-01 to 2024-03-09; 1 of 3 lines set aside
    >>> log.counts.set_aside
    {'missing_customer': 1}
    """

    def __init__(
        self,
        engine: DuckDBEngine | SparkEngine,
        source: Source,
        reading: Reading,
        scratch: Path,
        *,
        refunds: str,
        not_after: datetime,
        events: EventSource | None = None,
    ) -> None:
        self._events = events
        self.engine = engine
        self.source = source
        self.reading = reading
        self.refunds = refunds
        self.not_after = not_after
        self._occurring: set[tuple[str, str]] = set()  # values that `customers` was asked about and found
        self._cleanup: Callable[[], Any] = weakref.finalize(self, shutil.rmtree, scratch, ignore_errors=True)

    def __repr__(self) -> str:
        c = self.counts
        span = f"{self.start} to {c.last_at.date()}" if c.last_at else "no dates"
        return (
            f"TransactionLog: {c.kept:,} lines of {self.n_customers:,} customers, {span}; "
            f"{c.source - c.kept:,} of {c.source:,} lines set aside"
        )

    # What the log holds

    @functools.cached_property
    def counts(self) -> LineCounts:
        """Where every line of the source went."""
        rows = self.query(_COUNTS).to_pylist()
        kept = [row for row in rows if row["reason"] is None]
        refunds = [row for row in kept if row["is_refund"]]
        aside = {r["reason"]: int(r["n"]) for r in rows if r["reason"] is not None}
        return LineCounts(
            source=sum(row["n"] for row in rows),
            kept=sum(row["n"] for row in kept),
            set_aside={reason: aside[reason] for reason in REASONS if reason in aside},
            refunds=sum(row["n"] for row in refunds),
            amount=float(sum(row["amount"] for row in kept)),
            refund_amount=float(sum(row["amount"] for row in refunds)),
            first_at=min((row["first_at"] for row in kept), default=None),
            last_at=max((row["last_at"] for row in kept), default=None),
        )

    @functools.cached_property
    def has_refunds(self) -> bool:
        """Whether any kept line is a refund; much cheaper to ask than `counts`."""
        if "counts" in self.__dict__:
            return self.counts.refunds > 0
        return self.query("SELECT 1 AS found FROM lines WHERE is_refund LIMIT 1").num_rows > 0

    @property
    def has_events(self) -> bool:
        """Whether the log was given events."""
        return self._events is not None

    @property
    def events(self) -> LogEvents:
        """Complaints, calls and other events beside the lines, to look at.

        Raises MissingDataError if the log was given none.
        """
        if self._events is None:
            raise MissingDataError(
                "this log has no events. Give them when it is read: read_log(..., events=table_or_path), one row an "
                "event, with the columns customer_id, occurred_at and kind."
            )
        return LogEvents(self, self._events.reading)

    @functools.cached_property
    def event_counts(self) -> EventCounts:
        """Where every row of the events went. Raises MissingDataError if the log was given none."""
        return count_events(self.events.log)

    @property
    def n_lines(self) -> int:
        """Lines kept."""
        return self.counts.kept

    @functools.cached_property
    def n_customers(self) -> int:
        """Distinct customers among the lines kept."""
        return self.query("SELECT count(DISTINCT customer_id) AS n FROM lines")["n"][0].as_py()

    @property
    def start(self) -> date | None:
        """Day of the first line, or None for an empty log."""
        first = self.counts.first_at
        return first.date() if first else None

    @property
    def end(self) -> date | None:
        """The first day not in the log: the day after the last line. None for an empty log."""
        last = self.counts.last_at
        return last.date() + timedelta(days=1) if last else None

    def head(self, n: int = 5) -> pd.DataFrame:
        """Return the first `n` lines in the order of the source."""
        return _frame(self.query(_LINES + " LIMIT $n", n=n))

    def to_frame(self) -> pd.DataFrame:
        """Return all kept lines, refunds included, in the order of the source."""
        return _frame(self.query(_LINES))

    def purchases(self, snapshot_date: date | datetime | str | None = None) -> pd.DataFrame:
        """Return the lines before `snapshot_date` (default: all) with the refund policy applied."""
        return _frame(self.query_as_of(_PURCHASES, snapshot_date))

    def set_aside(self, limit: int | None = None) -> pd.DataFrame:
        """Return the lines set aside: reason, file, line number, and the fields as they came."""
        if limit is None:
            return self.query(_SET_ASIDE).to_pandas()
        return self.query(_SET_ASIDE + " LIMIT $n", n=limit).to_pandas()

    def audit(self) -> pd.DataFrame:
        """Return what is wrong or odd in the source, with counts, shares and example lines.

        One row a kind of dirt that was looked for and found, most frequent first; see
        `transactions.audit` for the checks. Columns: `check`, `what` (in words), `n`
        (lines, or what `of` says), `share`, `of`, `examples` (line numbers and values),
        `consequence` (what read_log does with them).
        """
        return audit_table(self)

    def refund_effect(self) -> dict[str, float]:
        """What the refund policy did to the whole log, counted.

        Keys: `refund_lines`, `refund_amount` (currency, positive); under 'net' also
        `cancelled_in_full` and `reduced` (purchase lines), `matched_amount` and
        `unmatched_amount` (currency).
        """
        c = self.counts
        effect: dict[str, float] = {"refund_lines": c.refunds, "refund_amount": 0.0 - c.refund_amount}
        if self.refunds == "net":
            effect |= {"cancelled_in_full": 0, "reduced": 0, "matched_amount": 0.0}
            if c.refunds:
                effect |= self.query_as_of(NET_EFFECT).to_pylist()[0]
            effect["unmatched_amount"] = effect["refund_amount"] - effect["matched_amount"]
        return effect

    # Asking

    def query(self, sql: str, **parameters: Any) -> pa.Table:
        """Ask `sql` of the tables `checked`, `lines` and `events`, with `$name` parameters bound."""
        return self.engine.fetch(*self._prepared(sql, parameters))

    def query_as_of(
        self, sql: str, snapshot_date: date | datetime | str | None = None, **parameters: Any
    ) -> pa.Table:
        """Ask `sql` of the table `purchases`: what was known before `snapshot_date`.

        Refunds are handled by the log's policy as of that date, and `events` are those before
        it, still open if they were resolved at it or later. `$snapshot_date` is bound; the
        default is all of the log.
        """
        return self.engine.fetch(*self._prepared_as_of(sql, snapshot_date, parameters))

    def stream_as_of(
        self,
        sql: str,
        snapshot_date: date | datetime | str | None = None,
        *,
        rows: int = 100_000,
        **parameters: Any,
    ) -> pa.RecordBatchReader:
        """Like `query_as_of`, in batches of about `rows` rows."""
        return self.engine.stream(*self._prepared_as_of(sql, snapshot_date, parameters), rows)

    def query_at(self, sql: str, origins: Sequence[datetime], **parameters: Any) -> pa.Table:
        """Ask `sql` of what was known before each of several origins, all in one statement.

        Tables: `origins` (`origin`), `lines` and `purchases_at`. The latter has the lines before
        the last origin with the refund policy applied, each with the `origin` it is so seen
        from, or null if it looks the same from every origin after it: a query joins
        `ON occurred_at < origins.origin AND (purchases_at.origin IS NULL OR purchases_at.origin
        = origins.origin)`. `$snapshot_date`, the last origin, is bound. There is no `events`: which
        of them an origin sees, and what it knows of a resolution, is for the query to say; ask
        it of `query`, as `features.event_features` does.
        """
        return self.engine.fetch(*self._prepared_at(sql, origins, parameters))

    def stream_at(
        self, sql: str, origins: Sequence[datetime], *, rows: int = 100_000, **parameters: Any
    ) -> pa.RecordBatchReader:
        """Like `query_at`, in batches of about `rows` rows."""
        return self.engine.stream(*self._prepared_at(sql, origins, parameters), rows)

    def snapshot(
        self, snapshot_date: date | datetime | str | None = None, *, name: str = "snapshot_date"
    ) -> datetime:
        """Return the first instant not seen as a naive datetime; the log's `end` by default.

        Text is year-month-day, with or without a time: of "01.06.2025" nobody can tell whether the
        first of June or the sixth of January is meant. `name` is what errors call the date.

        Raises ValueError if it is no such date, or if no line lies before it.
        """
        if self.counts.first_at is None or self.end is None:
            raise ValueError(
                "the log has no lines to summarise: all were set aside. See log.counts.set_aside."
            )
        chosen = instant_of(self.end if snapshot_date is None else snapshot_date, name)
        if chosen <= self.counts.first_at:
            said = chosen.date() if chosen == chosen.normalize() else chosen
            raise ValueError(f"{name} must be after the log's first line ({self.start}). Got {said}.")
        return chosen.to_pydatetime()

    def customers(self, *conditions: Condition, as_of: date | datetime | str | None = None) -> pd.Index:
        """Find the customers who meet all of the conditions, as was known before `as_of`.

        Parameters
        ----------
        *conditions : Condition
            Made by `bought`, `spent`, `had` and `never`, and combined by `&`, `|` and `~`. Without
            any, all customers are found.
        as_of : date, datetime or str, optional
            First instant not seen; by default the day after the last line, or after the last event
            if that is later. Purchases are what the refund policy leaves of them then, and events
            those before it.

        Returns
        -------
        Index named customer_id, in order: of the customers with a line before `as_of`, bought or
        returned, those who meet the conditions.

        Raises
        ------
        ValueError
            If a value asked for never occurs in the log (a slip of the pen would find nobody, or
            under `never` everybody), a window begins at `as_of` or later, or no line lies before it.
        SchemaError
            If the log does not have a column asked for.
        MissingDataError
            If `had` asks for events, and the log was given none.

        Examples
        --------
        >>> from crm_analytics.transactions import bought, never, spent
        >>> log = read_log(pd.DataFrame({
        ...     "customer_id": ["ann", "ann", "bob", "eve"], "amount": [4.0, 9.0, 4.0, 9.0],
        ...     "occurred_at": ["2024-01-05", "2024-03-20", "2024-01-09", "2024-03-25"],
        ...     "category": ["tea", "coffee", "tea", "coffee"]}))
        >>> log.customers(bought(category="tea", ago=(60, 120)), never(bought(category="coffee"))).tolist()
        ['bob']
        >>> log.customers(spent(more_than=8, ago=30) & ~bought(until="2024-02-01")).tolist()
        ['eve']
        """
        return find_customers(self, conditions, as_of, self._occurring)

    def write_set_aside(self, path: str | Path, rows: int = 100_000) -> int:
        """Write the lines set aside to a Parquet file, whole or not at all; return their number."""
        n = 0
        with whole_file(path) as temporary:
            reader = self.engine.stream(*self._prepared(_SET_ASIDE, {}), rows)
            with pq.ParquetWriter(temporary, reader.schema) as writer:
                for batch in reader:
                    writer.write_table(pa.Table.from_batches([batch]), row_group_size=rows)
                    n += batch.num_rows
        return n

    def fingerprint(self) -> str:
        """SHA-256 of the source's content and of the events' where there are any, in hexadecimal."""
        own = self.source.fingerprint()
        if self._events is None:
            return own
        return hashlib.sha256(f"{own} {self._events.fingerprint()}".encode()).hexdigest()

    def _prepared(self, sql: str, parameters: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        tables = CHECKED if self._events is None else f"{CHECKED},{EVENTS}"
        return _with(tables, sql), parameters | {"not_after": self.not_after}

    def _prepared_at(
        self, sql: str, origins: Sequence[datetime], parameters: dict[str, Any]
    ) -> tuple[str, dict[str, Any]]:
        policy = PURCHASES_AT[self.refunds if self.has_refunds else "keep"]
        bound = parameters | {
            "not_after": self.not_after,
            "snapshot_date": max(origins),
            "origins": ",".join(str(origin) for origin in origins),
        }
        # Each column of the lines is read where it is needed; all of them kept would fill the memory.
        lines = CHECKED.replace("checked AS (", f"checked AS {ONCE_MORE}(")
        return _with(f"{lines},{ORIGINS},\n{policy}", sql), bound

    def _prepared_as_of(
        self, sql: str, snapshot_date: date | datetime | str | None, parameters: dict[str, Any]
    ) -> tuple[str, dict[str, Any]]:
        # Without refunds the three policies are one, and the plainest text is the fastest.
        policy = PURCHASES[self.refunds] if self.has_refunds else PURCHASES["keep"]
        before = END_OF_TIME if snapshot_date is None else self.snapshot(snapshot_date)
        bound = parameters | {"not_after": self.not_after, "snapshot_date": before}
        tables = f"{CHECKED},\n{policy}" if self._events is None else f"{CHECKED},\n{policy},{EVENTS_AS_OF}"
        return _with(tables, sql), bound


def _with(tables: str, sql: str) -> str:
    """Put our tables before a query, which may begin with a WITH of its own."""
    sql = sql.strip()
    return f"WITH {tables},{sql[4:]}" if sql[:4].upper() == "WITH" else f"WITH {tables}\n{sql}"


def _frame(table: pa.Table) -> pd.DataFrame:
    """Return a frame without the columns that the source does not have."""
    frame = table.to_pandas()
    return frame.drop(columns=[name for name in frame.columns if frame[name].isna().all() and len(frame)])
