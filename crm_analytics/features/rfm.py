"""Recency, frequency, monetary of each customer: what RFM scores are made of."""

from datetime import date, datetime

import pandas as pd

from crm_analytics.core.errors import choice
from crm_analytics.core.units import PERIODS_PER_YEAR, UNIT_WORDS
from crm_analytics.features.periods import PERIOD, last_period
from crm_analytics.features.summary import summary_frame
from crm_analytics.transactions import TransactionLog

_LIFETIME = 1_000_000_000  # periods: longer than any log

RFM_SQL = """
WITH visits AS (
    SELECT customer_id, {period} AS period, sum(CAST(amount AS DECIMAL(18, 6))) AS amount
    FROM purchases GROUP BY 1, 2
)
SELECT customer_id, CAST($now - max(period) AS BIGINT) AS since_last, CAST(count(*) AS BIGINT) AS purchases,
    CAST(sum(amount) AS DOUBLE) AS amount
FROM visits WHERE $now - period < $window GROUP BY customer_id ORDER BY customer_id""".replace(
    "{period}", PERIOD
)


def rfm_table(
    log: TransactionLog,
    snapshot_date: date | datetime | str | None = None,
    unit: str = "D",
    window: int | None = None,
) -> pd.DataFrame:
    """How long ago, how often and for how much each customer bought before `snapshot_date`.

    The R of RFM is an age of the *last purchase*, low for the best. `recency` of
    `customer_summary` is the age of the *customer* at the last purchase, high for the best; lest
    one be taken for the other, the column here is called `since_last`, as `behaviour_features`
    calls it: since_last = T - recency.

    Parameters
    ----------
    log : TransactionLog
        Its refund policy applies as of `snapshot_date`.
    snapshot_date : date, datetime or str, optional
        First instant not seen; the day after the last line by default.
    unit : {"D", "W", "M", "h"}
        Day, week, month or hour; all purchases of a customer in one are one purchase.
    window : int >= 1, optional
        Only the last so many periods before the snapshot are looked at, and customers who bought
        in them; the whole log by default. Segments of a window of fixed length keep their
        meaning as the log grows, those of lifetimes drift.

    Returns
    -------
    DataFrame indexed by customer_id, in its order, one row a customer with a purchase; no row if
    nobody bought within the window:

    since_last : int
        Age of the last purchase (periods); 0 in the last period seen.
    purchases : int
        Periods with a purchase, the first included (count).
    amount : float
        Their amounts (currency), added exactly to the millionth.

    Raises
    ------
    ValueError
        If the unit is unknown, the window is no whole number >= 1, or no line lies before
        `snapshot_date`.

    Examples
    --------
    >>> log = read_log(pd.DataFrame({"customer_id": ["a", "a", "a", "b"], "amount": [3.0, 5.0, 7.0, 2.0],
    ...     "occurred_at": ["2024-01-01", "2024-01-10", "2024-01-10 18:00", "2024-01-15"]}))
    >>> rfm_table(log, "2024-02-01")
                 since_last  purchases  amount
    customer_id
    a                    21          2    15.0
    b                    16          1     2.0
    >>> rfm_table(log, "2024-02-01", window=20)
                 since_last  purchases  amount
    customer_id
    b                    16          1     2.0
    """
    choice(unit, name="unit", allowed=PERIODS_PER_YEAR)
    if window is not None and not (window >= 1 and window == int(window)):
        raise ValueError(
            f"window must be a whole number of {UNIT_WORDS[unit]}s >= 1. Got {window!r} instead."
        )
    snapshot = log.snapshot(snapshot_date)
    length = _LIFETIME if window is None else int(window)
    bound = {"unit": unit, "now": last_period(snapshot, unit), "window": length}
    return summary_frame(log.query_as_of(RFM_SQL, snapshot, **bound))
