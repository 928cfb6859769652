"""How each customer has behaved of late: what a learner is told about the past."""

from collections.abc import Sequence
from datetime import date, datetime

import pandas as pd

from crm_analytics.core.errors import choice
from crm_analytics.core.units import PERIODS_PER_YEAR, UNIT_WORDS
from crm_analytics.features.holdout import calibration_holdout
from crm_analytics.features.periods import PERIOD, last_period, shift
from crm_analytics.features.summary import summary_frame
from crm_analytics.transactions import TransactionLog

# About a month, a quarter and half a year; for hours a day, a week and four weeks.
WINDOWS = {"h": (24, 168, 672), "D": (28, 91, 182), "W": (4, 13, 26), "M": (1, 3, 6)}

BEHAVIOUR_SQL = """
WITH visits AS (
    SELECT customer_id, {period} AS period, sum(CAST(amount AS DECIMAL(18, 6))) AS amount
    FROM purchases GROUP BY 1, 2
),
spaced AS (
    SELECT customer_id, period, amount, $now - period AS ago,
        CAST(period - lag(period) OVER (PARTITION BY customer_id ORDER BY period) AS DOUBLE) AS gap
    FROM visits
),
counted AS (
    SELECT customer_id, count(*) - 1 AS frequency, max(period) - min(period) AS recency,
        $now - min(period) AS age, min(ago) AS since_last,
        CAST(sum(amount) AS DOUBLE) AS amount_total,
        CAST(sum(amount) - min_by(amount, period) AS DOUBLE) AS amount_repeat,
        CAST(min_by(amount, period) AS DOUBLE) AS amount_first,
        CAST(max_by(amount, period) AS DOUBLE) AS amount_last,
        CAST(max(amount) AS DOUBLE) AS amount_largest,
        CAST(count(CASE WHEN ago < $short THEN 1 END) AS DOUBLE) AS purchases_short,
        CAST(count(CASE WHEN ago < $middle THEN 1 END) AS DOUBLE) AS purchases_middle,
        CAST(count(CASE WHEN ago < $long THEN 1 END) AS DOUBLE) AS purchases_long,
        CAST(count(CASE WHEN ago >= $middle AND ago < 2 * $middle THEN 1 END) AS DOUBLE) AS purchases_before,
        CAST(coalesce(sum(CASE WHEN ago < $short THEN amount END), 0) AS DOUBLE) AS amount_short,
        CAST(coalesce(sum(CASE WHEN ago < $middle THEN amount END), 0) AS DOUBLE) AS amount_middle,
        CAST(coalesce(sum(CASE WHEN ago < $long THEN amount END), 0) AS DOUBLE) AS amount_long,
        avg(gap) AS gap_mean, sum(gap * gap) AS gap_squares, max_by(gap, period) AS gap_last
    FROM spaced GROUP BY customer_id
)
SELECT customer_id, CAST(frequency AS BIGINT) AS frequency, CAST(recency AS BIGINT) AS recency,
    CAST(age AS BIGINT) AS "T",
    CASE WHEN frequency > 0 THEN amount_repeat / frequency ELSE 0.0 END AS monetary_value,
    CAST(since_last AS BIGINT) AS since_last,
    purchases_short, purchases_middle, purchases_long, amount_short, amount_middle, amount_long,
    amount_total, amount_first, amount_last, amount_largest,
    gap_mean,
    CASE WHEN frequency > 1 THEN sqrt(greatest(gap_squares / frequency - gap_mean * gap_mean, 0)) END AS gap_spread,
    gap_last / gap_mean AS gap_last_ratio,
    since_last / gap_mean AS since_last_ratio,
    CASE WHEN purchases_middle + purchases_before > 0
        THEN (purchases_middle - purchases_before) / (purchases_middle + purchases_before) END AS trend
FROM counted ORDER BY customer_id""".replace("{period}", PERIOD)


def behaviour_features(
    log: TransactionLog,
    snapshot_date: date | datetime | str | None = None,
    unit: str = "D",
    windows: Sequence[int] | None = None,
) -> pd.DataFrame:
    """Describe what each customer did before `snapshot_date`, in numbers to learn from.

    Purchases and money are counted as `customer_summary` counts them: one purchase a period,
    amounts added exactly. What is undefined for a customer, such as the gap between the
    purchases of one who came once, is NaN. Nothing after the snapshot is looked at.

    Parameters
    ----------
    log : TransactionLog
        Its refund policy applies as of `snapshot_date`.
    snapshot_date : date, datetime or str, optional
        First instant not seen; the day after the last line by default.
    unit : {"D", "W", "M", "h"}
        Day, week, month or hour.
    windows : three whole numbers, optional
        Lengths of the short, middle and long window that end at the snapshot (periods),
        rising; by default 28, 91, 182 days, 4, 13, 26 weeks, 1, 3, 6 months, or 24, 168,
        672 hours.

    Returns
    -------
    DataFrame indexed by customer_id, in its order, one row a customer with a purchase:

    frequency, recency, T, monetary_value
        As `customer_summary` gives them.
    since_last : int
        T - recency: age of the last purchase (periods).
    purchases_short, purchases_middle, purchases_long : float
        Purchase periods within the last window, a first purchase included (count).
    amount_short, amount_middle, amount_long : float
        Their amounts (currency).
    amount_total, amount_first, amount_last, amount_largest : float
        Of all purchase periods, the first, the last, and the largest (currency).
    gap_mean, gap_spread : float
        Mean and standard deviation of the times between purchases (periods); NaN with less
        than one and two gaps.
    gap_last_ratio, since_last_ratio : float
        The last gap, and the silence since, relative to the mean gap; NaN without a gap.
    trend : float
        (purchases in the middle window - in the one as long before it) / their sum: 1 all
        of late, -1 all before, NaN if there are none in either.

    Raises
    ------
    ValueError
        If the unit is unknown, no line lies before `snapshot_date`, or the windows are not
        three rising whole numbers >= 1.

    Examples
    --------
    >>> log = read_log(pd.DataFrame({"customer_id": ["a", "a", "a", "b"], "amount": [3.0, 5.0, 7.0, 2.0],
    ...     "occurred_at": ["2024-01-01", "2024-01-11", "2024-01-31", "2024-01-15"]}))
    >>> table = behaviour_features(log, "2024-02-10", windows=(10, 20, 30))
    >>> table[["since_last", "amount_middle", "gap_mean", "gap_last_ratio", "trend"]].round(2)
                 since_last  amount_middle  gap_mean  gap_last_ratio  trend
    customer_id
    a                     9            7.0      15.0            1.33  -0.33
    b                    25            0.0       NaN             NaN  -1.00
    """
    choice(unit, name="unit", allowed=PERIODS_PER_YEAR)
    short, middle, long = _windows(WINDOWS[unit] if windows is None else windows)
    snapshot = log.snapshot(snapshot_date)
    bound = {"unit": unit, "now": last_period(snapshot, unit), "short": short, "middle": middle, "long": long}
    return summary_frame(log.query_as_of(BEHAVIOUR_SQL, snapshot, **bound))


def future_spend(
    log: TransactionLog, snapshot_date: date | datetime | str, horizon: int, unit: str = "D"
) -> pd.Series:
    """Spend of each customer in the `horizon` periods from `snapshot_date` on: what to learn.

    Parameters
    ----------
    log : TransactionLog
        Its refund policy applies as of the end of the horizon.
    snapshot_date : date, datetime or str
        First instant of the horizon, and of a period of `unit`.
    horizon : int >= 1
        Its length (periods).
    unit : {"D", "W", "M", "h"}

    Returns
    -------
    Series `future_spend` (currency) of the customers who bought before `snapshot_date`,
    indexed as `behaviour_features` of that date is; 0 for those who did not come back.

    Raises
    ------
    ValueError
        If the log ends before the horizon does, or `snapshot_date` begins no period.

    Examples
    --------
    >>> log = read_log(pd.DataFrame({"customer_id": ["a", "a", "b"], "amount": [3.0, 5.0, 2.0],
    ...     "occurred_at": ["2024-01-01", "2024-02-03", "2024-01-15"]}))
    >>> future_spend(log, "2024-02-01", horizon=3).to_dict()
    {'a': 5.0, 'b': 0.0}
    """
    begin = log.snapshot(snapshot_date)
    end = shift(begin, horizon, unit)
    if log.end is None or end > pd.Timestamp(log.end):
        raise ValueError(
            f"the log ends ({log.end}) before a horizon of {horizon:,} {UNIT_WORDS[unit]}s from {begin} does ({end}). "
            "Move snapshot_date back or shorten the horizon."
        )
    return calibration_holdout(log, begin, end, unit)["amount_holdout"].rename("future_spend")


def _windows(windows: Sequence[int]) -> list[int]:
    lengths = list(windows)
    whole = len(lengths) == 3 and all(length == int(length) for length in lengths)
    if not whole or not 1 <= lengths[0] < lengths[1] < lengths[2]:
        raise ValueError(f"windows must be three rising whole numbers >= 1. Got {windows!r} instead.")
    return [int(length) for length in lengths]
