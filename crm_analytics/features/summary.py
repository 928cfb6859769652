"""Customer summaries: how often, how recently, for how long, how much — as of a date."""

from datetime import date, datetime

import pandas as pd
import pyarrow as pa

from crm_analytics.core.errors import choice
from crm_analytics.core.units import PERIODS_PER_YEAR
from crm_analytics.features.periods import PERIOD, end_of_day, last_period
from crm_analytics.transactions import TransactionLog

SUMMARY_SQL = """
WITH visits AS (
    SELECT customer_id, {period} AS period, sum(CAST(amount AS DECIMAL(18, 6))) AS amount
    FROM purchases GROUP BY 1, 2
),
born AS (
    SELECT customer_id, min(period) AS first_period, max(period) AS last_period, count(*) - 1 AS frequency,
        sum(amount) AS amount, min_by(amount, period) AS first_amount
    FROM visits GROUP BY customer_id
)
SELECT customer_id, CAST(frequency AS BIGINT) AS frequency,
    CAST(last_period - first_period AS BIGINT) AS recency, CAST($now - first_period AS BIGINT) AS "T",
    CASE WHEN frequency > 0 THEN CAST(amount - first_amount AS DOUBLE) / frequency ELSE 0.0 END
        AS monetary_value
FROM born ORDER BY customer_id""".replace("{period}", PERIOD)

COUNTS_SQL = """
SELECT frequency, recency, "T", CAST(count(*) AS BIGINT) AS customers
FROM ({summary}) AS summary GROUP BY frequency, recency, "T" ORDER BY frequency, recency, "T" """.replace(
    "{summary}", SUMMARY_SQL
)

# Logarithms to twelve digits, added exactly: the same whatever the order.
GAPS_SQL = """
WITH visits AS (SELECT DISTINCT customer_id, {period} AS period FROM purchases),
spaced AS (
    SELECT customer_id, period - lag(period) OVER (PARTITION BY customer_id ORDER BY period) AS gap FROM visits
)
SELECT customer_id, CAST(sum(CAST(ln(CAST(gap AS DOUBLE)) AS DECIMAL(18, 12))) AS DOUBLE) AS log_gaps
FROM spaced WHERE gap > 0 GROUP BY customer_id ORDER BY customer_id""".replace("{period}", PERIOD)


def customer_summary(
    log: TransactionLog,
    snapshot_date: date | datetime | str | None = None,
    unit: str = "D",
    *,
    gaps: bool = False,
) -> pd.DataFrame:
    """Summarise each customer's purchases before `snapshot_date`.

    All purchases of a customer in one calendar period (day, Monday-to-Sunday week, month or
    hour) are one purchase. Amounts are added exactly, to the millionth of a currency unit,
    so that the answer does not depend on row order, threads or engine.

    Parameters
    ----------
    log : TransactionLog
        Its refund policy applies as of `snapshot_date`.
    snapshot_date : date, datetime or str, optional
        First instant not seen; the day after the last line by default.
    unit : {"D", "W", "M", "h"}
        Day, week, month or hour.
    gaps : bool
        Whether to add `log_gaps`, which models of regular buyers learn from.

    Returns
    -------
    DataFrame indexed by customer_id, in its order, one row a customer with a purchase:

    frequency : int
        Repeat purchase periods: those with a purchase, less the first (count).
    recency : int
        Age at the last purchase (periods), 0 if there was one only.
    T : int
        Age at the last period seen (periods); recency <= T.
    monetary_value : float
        Mean amount over the repeat purchase periods (currency); 0 if there are none.
    log_gaps : float
        Where asked for: sum of the natural logarithms of the periods between purchases; 0 if
        there is one only.

    Raises
    ------
    ValueError
        If the unit is unknown or no line lies before `snapshot_date`.

    Examples
    --------
    >>> log = read_log(pd.DataFrame({"customer_id": ["a", "a", "a", "b"], "amount": [3.0, 5.0, 7.0, 2.0],
    ...     "occurred_at": ["2024-01-01", "2024-01-10", "2024-01-10 18:00", "2024-01-15"]}))
    >>> customer_summary(log, "2024-02-01")
                 frequency  recency   T  monetary_value
    customer_id
    a                    1        9  30            12.0
    b                    0        0  16             0.0
    """
    choice(unit, name="unit", allowed=PERIODS_PER_YEAR)
    summary = _summarise(log, snapshot_date, unit)
    if gaps:
        found = log.query_as_of(GAPS_SQL, log.snapshot(snapshot_date), unit=unit).to_pandas()
        summary["log_gaps"] = found.set_index("customer_id")["log_gaps"].reindex(
            summary.index, fill_value=0.0
        )
    return summary


def _summarise(log: TransactionLog, snapshot_date: date | datetime | str | None, unit: str) -> pd.DataFrame:
    if snapshot_date is None and not log.has_refunds:  # a refund may come after the last purchase
        # Ages to an end that is known once all is read; to look for it beforehand would read twice.
        summary = summary_frame(log.query_as_of(SUMMARY_SQL, unit=unit, now=0))
        if len(summary):
            summary["T"] += end_of_day((summary["recency"] - summary["T"]).max(), unit)
            return summary
    snapshot = log.snapshot(snapshot_date)
    return summary_frame(log.query_as_of(SUMMARY_SQL, snapshot, unit=unit, now=last_period(snapshot, unit)))


def customer_counts(
    log: TransactionLog, snapshot_date: date | datetime | str | None = None, unit: str = "D"
) -> pd.DataFrame:
    """Count customers with the same frequency, recency and T: all that purchase models learn from.

    A fit to these counts is the fit to the customers, at a cost that does not grow with them:
    `model.fit(counts, sample_weight=counts["customers"])`. Counts of several logs with
    different customers may be put under each other.

    Parameters
    ----------
    log, snapshot_date, unit
        See `customer_summary`.

    Returns
    -------
    DataFrame, in order: frequency, recency, T, customers (count).

    Examples
    --------
    >>> log = read_log(pd.DataFrame({"customer_id": ["a", "b", "c", "c"], "amount": [3.0, 5.0, 7.0, 2.0],
    ...     "occurred_at": ["2024-01-01", "2024-01-01", "2024-01-10", "2024-01-15"]}))
    >>> customer_counts(log, "2024-02-01")
       frequency  recency   T  customers
    0          0        0  30          2
    1          1        5  21          1
    """
    choice(unit, name="unit", allowed=PERIODS_PER_YEAR)
    snapshot = log.snapshot(snapshot_date)
    return log.query_as_of(COUNTS_SQL, snapshot, unit=unit, now=last_period(snapshot, unit)).to_pandas()


def stream_summary(
    log: TransactionLog, snapshot_date: date | datetime | str | None, unit: str, *, rows: int
) -> pa.RecordBatchReader:
    """Like `customer_summary`, as batches of about `rows` customers, never all at once."""
    snapshot = log.snapshot(snapshot_date)
    bound = {"unit": unit, "now": last_period(snapshot, unit)}
    return log.stream_as_of(SUMMARY_SQL, snapshot, rows=rows, **bound)


def summary_frame(found: pa.Table) -> pd.DataFrame:
    """Give an engine's answer the index of customers."""
    return found.to_pandas().set_index("customer_id")
