"""What each customer spends on which kind of goods: the table that tastes are found in."""

from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from crm_analytics.core.errors import SchemaError, choice
from crm_analytics.core.units import PERIODS_PER_YEAR, UNIT_WORDS
from crm_analytics.features.periods import PERIOD, last_period
from crm_analytics.transactions import TransactionLog

LEVELS = ("category", "department", "brand", "description", "item_id")
# A year, so that every season is in it; for hours four weeks.
YEAR = {"h": 672, "D": 364, "W": 52, "M": 12}

_AMOUNTS = """
WITH spent AS (
    SELECT customer_id, {level} AS word, sum(CAST(amount AS DECIMAL(18, 6))) AS amount
    FROM purchases WHERE {level} IS NOT NULL AND {period} > $after GROUP BY 1, 2
),
customers AS (SELECT DISTINCT customer_id FROM purchases),
active AS (SELECT count(DISTINCT customer_id) AS n FROM spent WHERE amount > 0),
common AS (
    SELECT word FROM spent CROSS JOIN active WHERE amount > 0
    GROUP BY word HAVING count(*) >= $smallest_share * max(n)
),
kept AS (
    SELECT spent.customer_id, spent.word, amount FROM spent JOIN common ON spent.word = common.word
    WHERE amount > 0
)
SELECT customers.customer_id, word, CAST(coalesce(amount, 0) AS DOUBLE) AS amount
FROM customers LEFT JOIN kept ON customers.customer_id = kept.customer_id
ORDER BY customers.customer_id, word"""

# One text for each level; all are constants.
AMOUNTS_SQL = {level: _AMOUNTS.replace("{level}", level).replace("{period}", PERIOD) for level in LEVELS}


def category_amounts(
    log: TransactionLog,
    snapshot_date: date | datetime | str | None = None,
    level: str = "category",
    *,
    window: int | None = None,
    unit: str = "D",
    smallest_share: float = 0.01,
) -> pd.DataFrame:
    """Spend of each customer on each kind of goods within a window that ends at the snapshot.

    Rare kinds are left out, not pooled: what is pooled has nothing in common that could be
    called a taste. What was taken back in full, or more than was bought, counts as 0. Lines
    without a word at the level are left out.

    Parameters
    ----------
    log : TransactionLog
        Its refund policy applies as of `snapshot_date`.
    snapshot_date : date, datetime or str, optional
        First instant not seen; the day after the last line by default.
    level : {"category", "department", "brand", "description", "item_id"}
        What counts as a kind of goods.
    window : int >= 1, optional
        Length of the window (periods); by default 364 days, 52 weeks, 12 months or 672 hours.
    unit : {"D", "W", "M", "h"}
    smallest_share : float in [0, 1], default=0.01
        Kinds bought by a smaller share of those who bought anything within the window are
        left out. The table has a cell for each customer and kind, so it may not be 0 where
        there are many products.

    Returns
    -------
    DataFrame indexed by customer_id, in its order, a row for each customer with a purchase
    before the snapshot, as `behaviour_features` has; a column for each kind (text), in
    alphabetical order, with amounts >= 0 (currency). A row is 0 throughout where the customer
    bought none of them within the window.

    Raises
    ------
    SchemaError
        If no line within the window has a word at the level, or no kind is bought by enough.
    ValueError
        If the unit or level is unknown, the window is no whole number >= 1, or no line lies
        before `snapshot_date`.

    Examples
    --------
    >>> log = read_log(pd.DataFrame({"customer_id": ["a", "a", "b"], "amount": [3.0, 5.0, 2.0],
    ...     "occurred_at": ["2024-01-01", "2024-01-11", "2024-01-15"], "category": ["Tea", "Milk", "Tea"]}))
    >>> category_amounts(log)
                 Milk  Tea
    customer_id
    a             5.0  3.0
    b             0.0  2.0
    """
    choice(unit, name="unit", allowed=PERIODS_PER_YEAR)
    choice(level, name="level", allowed=LEVELS)
    length = YEAR[unit] if window is None else window
    if not (length == int(length) and length >= 1):
        raise ValueError(
            f"window must be a whole number of {UNIT_WORDS[unit]}s >= 1. Got {window!r} instead."
        )
    if not 0 <= smallest_share <= 1:
        raise ValueError(f"smallest_share must be in [0, 1]. Got {smallest_share!r} instead.")
    snapshot = log.snapshot(snapshot_date)
    bound: dict[str, Any] = {
        "unit": unit,
        "after": last_period(snapshot, unit) - int(length),
        "smallest_share": float(smallest_share),
    }
    table = _wide(log.query_as_of(AMOUNTS_SQL[level], snapshot, **bound))
    if table.shape[1] == 0:
        raise SchemaError(
            f"category_amounts: no {level} was bought by {smallest_share:.1%} of the customers within the last "
            f"{int(length):,} {UNIT_WORDS[unit]}s, or no line says its {level}. Lower smallest_share, widen the "
            f"window, or read the log with a column {level!r}."
        )
    return table


def _wide(long: pa.Table) -> pd.DataFrame:
    """Turn (customer_id, word, amount) into a column a word; a customer with a null word bought none."""
    customer, customers = pd.factorize(long["customer_id"].to_pandas())
    word, words = pd.factorize(long["word"].to_pandas().astype(object), sort=True)
    amounts = np.zeros((len(customers), len(words)))
    known = word >= 0
    amounts[customer[known], word[known]] = long["amount"].to_numpy()[known]
    index = pd.Index(customers, name="customer_id")
    return pd.DataFrame(amounts, index=index, columns=pd.Index([str(name) for name in words]))
