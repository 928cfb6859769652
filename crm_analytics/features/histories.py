"""What each customer bought, occasion by occasion: where sequences, paths and offers begin."""

from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import pandas as pd

from crm_analytics.core.errors import SchemaError, choice
from crm_analytics.features.baskets import Baskets, canonical, coded
from crm_analytics.features.periods import PERIOD
from crm_analytics.transactions import TransactionLog

LEVELS = ("item_id", "description", "category", "department", "brand", "store_id")
OCCASIONS = ("transaction", "h", "D", "W", "M")

_OCCASION = {
    # A shop that numbers its receipts anew each day has many of the same number.
    "transaction": """CASE WHEN transaction_id IS NULL THEN occurred_at
        ELSE CAST(CAST(occurred_at AS DATE) AS TIMESTAMP) END AS begun, transaction_id""",
    "period": f"{PERIOD} AS begun, NULL AS transaction_id",
}

_HISTORIES = """
WITH told AS (
    SELECT customer_id, {level} AS item_id, occurred_at, {occasion} FROM purchases WHERE {level} IS NOT NULL
),
bought AS (
    SELECT customer_id, begun, transaction_id, item_id, min(occurred_at) AS occurred_at
    FROM told GROUP BY customer_id, begun, transaction_id, item_id
)
SELECT customer_id, begun, transaction_id, item_id,
    min(occurred_at) OVER (PARTITION BY customer_id, begun, transaction_id) AS occurred_at
FROM bought ORDER BY customer_id, 5, begun, transaction_id"""

# One text for each level and kind of occasion; all are constants.
HISTORIES_SQL = {
    (level, kind): _HISTORIES.replace("{level}", level).replace("{occasion}", text)
    for level in LEVELS
    for kind, text in _OCCASION.items()
}


@dataclass(frozen=True, eq=False)
class Histories:
    """Baskets in the order each customer bought them; made by `purchase_histories`.

    Attributes
    ----------
    baskets : Baskets
        One row an occasion, by customer and time.
    times : ndarray of datetime64[us], shape (n_occasions,)
        First line of each occasion; rises within a customer.
    indptr : ndarray of int64, shape (n_customers + 1,)
        Customer i has the occasions `indptr[i]` to `indptr[i + 1] - 1`.
    customers : Index
        Ids, in their own order.
    """

    baskets: Baskets
    times: np.ndarray
    indptr: np.ndarray
    customers: pd.Index

    def __len__(self) -> int:
        return len(self.customers)

    def __repr__(self) -> str:
        return (
            f"Histories: {len(self):,} customers, {len(self.baskets):,} occasions, "
            f"{len(self.baskets.items):,} items"
        )

    @property
    def owner(self) -> np.ndarray:
        """Position of the customer of each occasion, shape (n_occasions,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.indptr))


def purchase_histories(
    log: TransactionLog,
    snapshot_date: date | datetime | str | None = None,
    *,
    level: str = "item_id",
    occasion: str = "transaction",
) -> Histories:
    """Gather what each customer bought on each occasion before `snapshot_date`.

    Parameters
    ----------
    log : TransactionLog
        Its refund policy applies as of `snapshot_date`.
    snapshot_date : date, datetime or str, optional
        First instant not seen; all of the log by default.
    level : {"item_id", "description", "category", "department", "brand", "store_id"}
        What counts as an item. Lines without it tell nothing and are left out.
    occasion : {"transaction", "h", "D", "W", "M"}
        One basket a receipt (of a customer, on a day; where receipts have no number, a
        customer's lines of one instant), or all of an hour, day, week or month together.

    Returns
    -------
    Histories; without a row for customers and occasions of whom no item is known.

    Raises
    ------
    SchemaError
        If no line before `snapshot_date` has the level asked for.

    Examples
    --------
    >>> log = read_log(pd.DataFrame({"customer_id": [1, 1, 1], "amount": [1.0, 2.0, 3.0],
    ...     "occurred_at": ["2024-03-01", "2024-03-01", "2024-03-09"], "item_id": ["tea", "milk", "tea"]}))
    >>> histories = purchase_histories(log)
    >>> histories, histories.baskets.lists()
    (Histories: 1 customers, 2 occasions, 2 items, [['milk', 'tea'], ['tea']])
    """
    choice(level, name="level", allowed=LEVELS)
    choice(occasion, name="occasion", allowed=OCCASIONS)
    kind = "transaction" if occasion == "transaction" else "period"
    bound = {} if kind == "transaction" else {"unit": occasion}
    lines = log.query_as_of(HISTORIES_SQL[level, kind], snapshot_date, **bound).to_pandas()
    if lines.empty:
        raise SchemaError(
            f"purchase_histories: no line has a {level}. Name its source in read_log's columns=, or choose "
            "another level."
        )
    parts = [
        pd.factorize(lines[name])[0] for name in ("customer_id", "occurred_at", "begun", "transaction_id")
    ]
    begins = np.concatenate([[True], np.logical_or.reduce([np.diff(part) != 0 for part in parts])])
    codes, items = coded(lines["item_id"])
    first = np.flatnonzero(begins)
    baskets = canonical(np.cumsum(begins) - 1, codes, first.size, items)
    customer = parts[0][first]
    n_customers = int(customer[-1]) + 1
    return Histories(
        baskets=baskets,
        times=lines["occurred_at"].to_numpy("datetime64[us]")[first],
        indptr=np.searchsorted(customer, np.arange(n_customers + 1)).astype(np.int64),
        customers=pd.Index(
            lines["customer_id"].iloc[first[np.searchsorted(customer, np.arange(n_customers))]]
        ),
    )
