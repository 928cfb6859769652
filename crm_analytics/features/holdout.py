"""Before and after a date: what was known, and what then happened."""

from datetime import date, datetime

import pandas as pd

from crm_analytics.core.units import UNIT_WORDS
from crm_analytics.features.periods import PERIOD, last_period, period_number
from crm_analytics.features.summary import customer_summary
from crm_analytics.transactions import TransactionLog

HOLDOUT_SQL = """
SELECT customer_id, CAST(count(DISTINCT {period}) AS BIGINT) AS frequency_holdout,
    CAST(sum(CAST(amount AS DECIMAL(18, 6))) AS DOUBLE) AS amount_holdout
FROM purchases WHERE occurred_at >= $calibration_end
GROUP BY customer_id ORDER BY customer_id""".replace("{period}", PERIOD)

BEFORE_SQL = """
WITH visits AS (SELECT DISTINCT customer_id, {period} AS period FROM purchases),
placed AS (
    SELECT customer_id, period, min(period) OVER (PARTITION BY customer_id) AS first_period FROM visits
)
SELECT customer_id, CAST(count(CASE WHEN period > first_period AND period > $after THEN 1 END) AS BIGINT)
    AS frequency_before
FROM placed GROUP BY customer_id ORDER BY customer_id""".replace("{period}", PERIOD)


def calibration_holdout(
    log: TransactionLog,
    calibration_end: date | datetime | str,
    holdout_end: date | datetime | str | None = None,
    unit: str = "D",
    *,
    gaps: bool = False,
) -> pd.DataFrame:
    """Summarise the calibration window, and count what each customer did in the holdout.

    Money and purchases are counted in both halves alike: one purchase a period, refunds by
    the log's policy. The calibration half knows nothing booked after `calibration_end`.

    Parameters
    ----------
    log : TransactionLog
    calibration_end : date, datetime or str
        First instant of the holdout.
    holdout_end : date, datetime or str, optional
        First instant after the holdout; the log's end by default.
    unit : {"D", "W", "M", "h"}
    gaps : bool
        Whether to add `log_gaps`; see `customer_summary`.

    Returns
    -------
    DataFrame indexed by customer_id: the columns of `customer_summary` as of
    `calibration_end`, and for the same customers

    frequency_before : int
        Repeat purchase periods in a window as long as the holdout, just before it (count):
        what "as last time" would predict.
    frequency_holdout : int
        Purchase periods in the holdout (count).
    monetary_value_holdout : float
        Mean amount over them (currency); 0 if there are none.
    amount_holdout : float
        Their sum (currency).
    duration_holdout : int
        Length of the holdout (periods).

    Raises
    ------
    ValueError
        If the holdout is empty or begins inside a period of `unit`.

    Examples
    --------
    >>> log = read_log(pd.DataFrame({"customer_id": ["a", "a", "b"], "amount": [3.0, 5.0, 2.0],
    ...     "occurred_at": pd.to_datetime(["2024-01-01", "2024-02-03", "2024-01-15"])}))
    >>> calibration_holdout(log, "2024-02-01", "2024-03-01")[["frequency", "frequency_holdout"]]
                 frequency  frequency_holdout
    customer_id
    a                    0                  1
    b                    0                  0
    """
    begin, end = log.snapshot(calibration_end), log.snapshot(holdout_end)
    if end <= begin:
        raise ValueError(f"holdout_end must be after calibration_end. Got {end} and {begin}.")
    known = last_period(begin, unit)
    if period_number(begin, unit) == known:
        raise ValueError(
            f"calibration_end must be the first instant of a {UNIT_WORDS[unit]} (unit {unit!r}), or purchases in "
            f"that {UNIT_WORDS[unit]} would count in both halves. Got {begin}."
        )
    duration = last_period(end, unit) - known
    if duration < 1:
        raise ValueError(f"the holdout from {begin} to {end} is shorter than one period of unit {unit!r}.")
    table = customer_summary(log, begin, unit, gaps=gaps)
    before = log.query_as_of(BEFORE_SQL, begin, unit=unit, after=known - duration).to_pandas()
    found = log.query_as_of(HOLDOUT_SQL, end, unit=unit, calibration_end=begin).to_pandas()
    after = found.set_index("customer_id").reindex(table.index)
    bought = after["frequency_holdout"].fillna(0).astype("int64")
    amount = after["amount_holdout"].fillna(0.0)
    return table.assign(
        frequency_before=before.set_index("customer_id")["frequency_before"],
        frequency_holdout=bought,
        monetary_value_holdout=(amount / bought.where(bought > 0)).fillna(0.0),
        amount_holdout=amount,
        duration_holdout=duration,
    )
