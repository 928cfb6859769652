"""What a cohort did, period by period."""

from datetime import date, datetime

import pandas as pd

from crm_analytics.core.units import UNIT_WORDS
from crm_analytics.features.periods import PERIOD, last_period, period_number
from crm_analytics.transactions import TransactionLog

ACTIVITY_SQL = """
WITH visits AS (
    SELECT customer_id, {period} AS period, min(occurred_at) AS first_at FROM purchases GROUP BY 1, 2
),
placed AS (
    SELECT period, min(period) OVER (PARTITION BY customer_id) AS first_period,
        min(first_at) OVER (PARTITION BY customer_id) AS born_at
    FROM visits
)
SELECT CAST(period AS BIGINT) AS period,
    CAST(count(CASE WHEN period = first_period THEN 1 END) AS BIGINT) AS new_customers,
    CAST(count(CASE WHEN period > first_period THEN 1 END) AS BIGINT) AS repeat_purchases
FROM placed WHERE born_at < $cohort_end
GROUP BY period ORDER BY period""".replace("{period}", PERIOD)


def cohort_activity(
    log: TransactionLog,
    cohort_end: date | datetime | str | None = None,
    snapshot_date: date | datetime | str | None = None,
    unit: str = "D",
) -> pd.DataFrame:
    """Count new customers and repeat purchases in each period, for those born before `cohort_end`.

    Returns
    -------
    DataFrame with a row for every period from the log's first to the last before
    `snapshot_date`: `new_customers` (first purchase falls here) and `repeat_purchases`
    (customers with a purchase here who were born before). Its index, named after the
    unit, is the first instant of the period.
    """
    snapshot = log.snapshot(snapshot_date)
    last = last_period(snapshot, unit)
    born_before = snapshot if cohort_end is None else log.snapshot(cohort_end)
    found = log.query_as_of(ACTIVITY_SQL, snapshot, unit=unit, cohort_end=born_before).to_pandas()
    start = log.counts.first_at
    first = period_number(start, unit) if start else last
    table = found.set_index("period").reindex(range(first, last + 1), fill_value=0)
    table.index = pd.DatetimeIndex([_begin(n, unit) for n in table.index], name=UNIT_WORDS[unit])
    return table


def _begin(number: int, unit: str) -> pd.Timestamp:
    """First instant of a period, the inverse of `period_number`."""
    epoch = pd.Timestamp(1970, 1, 1)
    if unit == "D":
        return epoch + pd.Timedelta(days=number)
    if unit == "W":
        return epoch + pd.Timedelta(days=7 * number - 3)
    if unit == "M":
        return pd.Timestamp((number - 1) // 12, (number - 1) % 12 + 1, 1)
    return epoch + pd.Timedelta(hours=number)
