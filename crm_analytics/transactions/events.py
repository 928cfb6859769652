"""Events beside the log: complaints, calls, surveys, contracts that start and end, each with its own time.

Bad rows are set aside with a reason. A text given to the log may then name `events`; asked as of
a date, an event that had not happened yet is not there, and one that was resolved later is
still open. So nothing that is written down about a resolution may take away its event, which
was seen before: where the resolution cannot be used the event stays, open, and is counted.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import pandas as pd

from crm_analytics.transactions.canonical import Reading
from crm_analytics.transactions.event_source import COLUMNS

if TYPE_CHECKING:
    from crm_analytics.transactions.log import TransactionLog

# Why a row is set aside, the first that applies. The words are for people; the keys are stable.
REASONS = {
    "wrong_field_count": "the row has more or fewer fields than the header",
    "missing_customer": "no customer",
    "unmatched_type_of_customer": "the customer is not a whole number, as all of the log's are",
    "missing_date": "no date",
    "unreadable_date": "the date cannot be read",
    "mixed_time_zone": "the time zone is given here and not elsewhere, or the reverse",
    "future_date": "dated after the log was read; what is announced for later, such as a contract's end, has not "
    "happened: give it a kind of its own, dated when it became known",
    "missing_kind": "no kind",
    "unreadable_score": "the score cannot be read as a number",
    "score_out_of_range": "the score is not a finite number below 1e12",
}

# Why a kept event counts as open although its source says that it was resolved.
UNUSABLE_RESOLUTIONS = {
    "unreadable_resolution": "the date of resolution cannot be read",
    "mixed_time_zone": "the time zone of the resolution is given here and not elsewhere, or the reverse",
    "resolved_before_opened": "resolved before it occurred",
}

# A resolution dated by the day alone, that of the event, lies at its midnight: resolved at once.
_CHECKED = """
judged_events AS (
    SELECT *,
        CASE
            WHEN raw_line IS NOT NULL THEN 'wrong_field_count'
            WHEN customer_id IS NULL AND customer_id_text IS NOT NULL THEN 'unmatched_type_of_customer'
            WHEN customer_id IS NULL THEN 'missing_customer'
            WHEN occurred_at IS NULL AND occurred_at_text IS NOT NULL THEN 'unreadable_date'
            WHEN occurred_at IS NULL THEN 'missing_date'
            WHEN occurred_at_zone_differs THEN 'mixed_time_zone'
            WHEN occurred_at > $not_after THEN 'future_date'
            WHEN kind IS NULL THEN 'missing_kind'
            WHEN score IS NULL AND score_text IS NOT NULL THEN 'unreadable_score'
            WHEN NOT abs(score) < 1e12 THEN 'score_out_of_range'
        END AS reason,
        CASE
            WHEN resolved_at IS NULL AND resolved_at_text IS NOT NULL THEN 'unreadable_resolution'
            WHEN resolved_at_zone_differs THEN 'mixed_time_zone'
            WHEN resolved_at < occurred_at AND resolved_at <> CAST(CAST(occurred_at AS DATE) AS TIMESTAMP)
                THEN 'resolved_before_opened'
        END AS unusable
    FROM source_events
),
checked_events AS (
    SELECT *,
        CASE
            WHEN unusable IS NOT NULL THEN NULL
            WHEN resolved_at < occurred_at THEN occurred_at
            ELSE resolved_at
        END AS resolution
    FROM judged_events
)"""

_KEPT = """ AS (
    SELECT customer_id, occurred_at, kind, resolution AS resolved_at, score
    FROM checked_events WHERE reason IS NULL
)"""

# What stands before a question to a log that has events: all of them, or those known at `$snapshot_date`.
EVENTS = f"{_CHECKED},\nevents{_KEPT}"

_AS_OF = """
events AS (
    SELECT customer_id, occurred_at, kind,
        CASE WHEN resolved_at < $snapshot_date THEN resolved_at END AS resolved_at, score
    FROM kept_events WHERE occurred_at < $snapshot_date
)"""

EVENTS_AS_OF = f"{_CHECKED},\nkept_events{_KEPT},{_AS_OF}"

_COUNTS = """
SELECT reason, CASE WHEN reason IS NULL THEN kind END AS kind, CAST(count(*) AS BIGINT) AS n,
    min(occurred_at) AS first_at, max(occurred_at) AS last_at
FROM checked_events GROUP BY reason, CASE WHEN reason IS NULL THEN kind END"""

_WITHOUT_LINES = """
SELECT CAST(count(*) AS BIGINT) AS n, CAST(count(DISTINCT customer_id) AS BIGINT) AS customers FROM events
WHERE NOT EXISTS (SELECT 1 FROM lines WHERE lines.customer_id = events.customer_id)"""

_REPEATS = """
SELECT CAST(coalesce(sum(n - 1), 0) AS BIGINT) AS n FROM (SELECT count(*) AS n FROM events
    GROUP BY customer_id, occurred_at, kind, resolved_at, score) AS alike"""

_UNUSABLE = """
SELECT unusable, CAST(count(*) AS BIGINT) AS n FROM checked_events
WHERE reason IS NULL AND unusable IS NOT NULL GROUP BY unusable"""

_FRAME = """
SELECT customer_id, occurred_at, kind, resolution AS resolved_at, score
FROM checked_events WHERE reason IS NULL ORDER BY source_file, line_number"""

_AS_THEY_CAME = """
SELECT coalesce(reason, unusable) AS reason, source_file, line_number,
    coalesce(customer_id_text, CAST(customer_id AS VARCHAR)) AS customer_id,
    coalesce(occurred_at_text, CAST(occurred_at AS VARCHAR)) AS occurred_at, kind,
    coalesce(resolved_at_text, CAST(resolved_at AS VARCHAR)) AS resolved_at,
    coalesce(score_text, CAST(score AS VARCHAR)) AS score, raw_line
FROM checked_events WHERE CASE WHEN $kept THEN reason IS NULL AND unusable IS NOT NULL ELSE reason IS NOT NULL END
ORDER BY source_file, line_number"""


@dataclass(frozen=True)
class EventCounts:
    """Where every row of the events went; `kept` plus all `set_aside` is `source`.

    Attributes
    ----------
    source, kept : int
        Rows in the source, and in the log's table `events`.
    set_aside : dict of str to int
        Rows by reason.
    unusable_resolutions : dict of str to int
        Kept events whose resolution cannot be used, by reason; they count as open.
    kinds : dict of str to int
        Kept events by kind, in the order of their names.
    repeats : int
        Kept events that repeat another in every field; each counts as an event.
    without_lines, customers_without_lines : int
        Kept events of customers who have no line in the log, and those customers.
    first_at, last_at : datetime or None
        Times of the first and last kept event.
    """

    source: int
    kept: int
    set_aside: dict[str, int]
    unusable_resolutions: dict[str, int]
    kinds: dict[str, int]
    repeats: int
    without_lines: int
    customers_without_lines: int
    first_at: datetime | None
    last_at: datetime | None


class LogEvents:
    """The events of a log; made by `log.events`.

    Attributes
    ----------
    log : TransactionLog
        Whose events they are.
    reading : Reading
        How their text was read: columns, date formats, decimal sign, time zone.

    Examples
    --------
    >>> log = read_log(
    ...     pd.DataFrame({"customer_id": ["a", "b"], "occurred_at": ["2024-01-05", "2024-01-09"], "amount": 1.0}),
    ...     events=pd.DataFrame({"customer_id": ["a", "a", None], "kind": "call",
    ...                          "occurred_at": ["2024-01-06", "2024-01-08", "2024-01-08"]}))
    >>> log.events
    LogEvents: 2 of 3 events kept (2 call)
    >>> log.events.to_frame()
      customer_id occurred_at  kind
    0           a  2024-01-06  call
    1           a  2024-01-08  call
    """

    def __init__(self, log: "TransactionLog", reading: Reading) -> None:
        self.log = log
        self.reading = reading

    def __repr__(self) -> str:
        counts = self.log.event_counts
        kinds = ", ".join(f"{n:,} {kind}" for kind, n in counts.kinds.items())
        return f"LogEvents: {counts.kept:,} of {counts.source:,} events kept ({kinds or 'none'})"

    @property
    def columns(self) -> list[str]:
        """The columns that the source has, in the order of the table `events`."""
        return [name for name in COLUMNS if name in self.reading.columns]

    @property
    def counts(self) -> EventCounts:
        """Where every row of the source went."""
        return self.log.event_counts

    def to_frame(self) -> pd.DataFrame:
        """Return the events kept, in the order of the source, without the columns it does not have."""
        return self.log.query(_FRAME).to_pandas()[self.columns]

    def set_aside(self, limit: int | None = None) -> pd.DataFrame:
        """Return the rows set aside: reason, file, row number, and the fields as they came."""
        return self._as_they_came(limit, kept=False)

    def unusable_resolutions(self, limit: int | None = None) -> pd.DataFrame:
        """Return the events kept as open since their resolution cannot be used; columns of `set_aside`."""
        return self._as_they_came(limit, kept=True)

    def _as_they_came(self, limit: int | None, *, kept: bool) -> pd.DataFrame:
        if limit is None:
            return self.log.query(_AS_THEY_CAME, kept=kept).to_pandas()
        return self.log.query(_AS_THEY_CAME + " LIMIT $n", kept=kept, n=limit).to_pandas()


def count_events(log: "TransactionLog") -> EventCounts:
    """Count a log's events; see `TransactionLog.event_counts`."""
    rows = log.query(_COUNTS).to_pylist()
    kept = [row for row in rows if row["reason"] is None]
    aside: dict[str, int] = {}
    for row in rows:
        if row["reason"] is not None:
            aside[row["reason"]] = aside.get(row["reason"], 0) + row["n"]
    unusable = {row["unusable"]: row["n"] for row in log.query(_UNUSABLE).to_pylist()}
    (without,) = log.query(_WITHOUT_LINES).to_pylist()
    return EventCounts(
        source=sum(row["n"] for row in rows),
        kept=sum(row["n"] for row in kept),
        set_aside={reason: aside[reason] for reason in REASONS if reason in aside},
        unusable_resolutions={why: unusable[why] for why in UNUSABLE_RESOLUTIONS if why in unusable},
        kinds={row["kind"]: row["n"] for row in sorted(kept, key=lambda row: row["kind"])},
        repeats=log.query(_REPEATS)["n"][0].as_py(),
        without_lines=without["n"],
        customers_without_lines=without["customers"],
        first_at=min((row["first_at"] for row in kept), default=None),
        last_at=max((row["last_at"] for row in kept), default=None),
    )
