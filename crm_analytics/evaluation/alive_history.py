"""One customer's P(still a customer), as it stood at every date of their life."""

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from crm_analytics.core.units import UNIT_WORDS
from crm_analytics.features.periods import PERIOD, last_period
from crm_analytics.transactions import TransactionLog

VISITS_SQL = """
SELECT {period} AS period, min(occurred_at) AS first_at FROM purchases
WHERE CAST(customer_id AS VARCHAR) = $customer_id GROUP BY 1 ORDER BY 1""".replace("{period}", PERIOD)

IDS_SQL = """
SELECT min(CAST(customer_id AS VARCHAR)) AS first_id, max(CAST(customer_id AS VARCHAR)) AS last_id
FROM purchases"""


def alive_history(
    log: TransactionLog, model: Any, customer_id: Any, unit: str = "D", *, step: int = 1
) -> pd.DataFrame:
    """Follow P(still a customer) of one customer from the first purchase to the log's end.

    Each row knows only the purchases up to its own period, so the probability falls between
    purchases and rises with each. Refunds are those of the whole log: under 'net', a
    purchase that was later taken back in full is not shown.

    Parameters
    ----------
    log : TransactionLog
    model : fitted model
        Has `probability_alive(X)`, in `unit`.
    customer_id : str or int
        Compared as text with the log's.
    unit : {"D", "W", "M", "h"}
        The unit of the model's time.
    step : int >= 1
        Show every so many periods; the last is always there.

    Returns
    -------
    DataFrame indexed by the first instant of each period, named after the unit:

    p_alive : float
        P(still a customer) at the period's end.
    purchase : bool
        Whether the customer bought in this period (or since the row before, if `step` > 1).
    frequency : int
        Repeat purchase periods so far (count).

    Raises
    ------
    ValueError
        If the customer has no purchase in the log, or unit or step is none.

    Examples
    --------
    >>> class Patient:
    ...     def probability_alive(self, X):
    ...         return 0.5 ** (X["T"] - X["recency"])
    >>> log = read_log(pd.DataFrame({"customer_id": [7, 7, 8], "amount": [3.0, 5.0, 2.0],
    ...     "occurred_at": pd.to_datetime(["2024-01-01", "2024-01-03", "2024-01-04"])}))
    >>> alive_history(log, Patient(), 7)
                p_alive  purchase  frequency
    day
    2024-01-01      1.0      True          0
    2024-01-02      0.5     False          0
    2024-01-03      1.0      True          1
    2024-01-04      0.5     False          1
    """
    if step < 1 or step != int(step):
        raise ValueError(f"step must be a whole number >= 1. Got {step!r} instead.")
    snapshot = log.snapshot()
    last = last_period(snapshot, unit)
    found = log.query_as_of(VISITS_SQL, snapshot, unit=unit, customer_id=str(customer_id)).to_pandas()
    if found.empty:
        ids = log.query_as_of(IDS_SQL, snapshot).to_pylist()[0]
        raise ValueError(
            f"alive_history: customer_id {str(customer_id)!r} has no purchase in the log. Ids are compared "
            f"as text; the log's go from {ids['first_id']!r} to {ids['last_id']!r}."
        )
    visits = found["period"].to_numpy(dtype=np.int64)
    shown = np.union1d(np.arange(visits[0], last + 1, int(step)), last)
    frequency = np.searchsorted(visits, shown, side="right") - 1
    summaries = pd.DataFrame(
        {"frequency": frequency, "recency": visits[frequency] - visits[0], "T": shown - visits[0]}
    )
    every = pd.period_range(found["first_at"].iloc[0], snapshot - timedelta(microseconds=1), freq=unit)
    return pd.DataFrame(
        {
            "p_alive": np.asarray(model.probability_alive(summaries)),
            "purchase": np.diff(frequency, prepend=-1) > 0,
            "frequency": frequency,
        },
        index=every[shown - visits[0]].to_timestamp().rename(UNIT_WORDS[unit]),
    )
