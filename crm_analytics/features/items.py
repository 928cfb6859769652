"""The products of a log: their names and groups, and how much each sells."""

from datetime import date, datetime

import pandas as pd

from crm_analytics.transactions import TransactionLog

ITEMS_SQL = """
WITH named AS (
    SELECT item_id, 'description' AS attribute, description AS word FROM purchases
    UNION ALL SELECT item_id, 'category', category FROM purchases
    UNION ALL SELECT item_id, 'department', department FROM purchases
    UNION ALL SELECT item_id, 'brand', brand FROM purchases
),
counted AS (
    SELECT item_id, attribute, word, count(*) AS n FROM named
    WHERE item_id IS NOT NULL AND word IS NOT NULL GROUP BY item_id, attribute, word
),
placed AS (
    SELECT *, row_number() OVER (PARTITION BY item_id, attribute ORDER BY n DESC, word) AS place FROM counted
),
words AS (
    SELECT item_id, max(CASE WHEN attribute = 'description' THEN word END) AS description,
        max(CASE WHEN attribute = 'category' THEN word END) AS category,
        max(CASE WHEN attribute = 'department' THEN word END) AS department,
        max(CASE WHEN attribute = 'brand' THEN word END) AS brand
    FROM placed WHERE place = 1 GROUP BY item_id
),
sold AS (
    SELECT item_id, count(*) AS lines, count(DISTINCT customer_id) AS customers,
        CAST(sum(CAST(amount AS DECIMAL(18, 6))) AS DOUBLE) AS amount,
        min(occurred_at) AS first_at, max(occurred_at) AS last_at
    FROM purchases WHERE item_id IS NOT NULL GROUP BY item_id
)
SELECT sold.item_id, description, category, department, brand, lines, customers, amount, first_at, last_at
FROM sold LEFT JOIN words ON sold.item_id = words.item_id ORDER BY sold.item_id"""


def item_table(log: TransactionLog, snapshot_date: date | datetime | str | None = None) -> pd.DataFrame:
    """Return one row a product sold before `snapshot_date`: its words and its sales.

    A product that goes under several words (a description typed in two ways) has the most
    frequent one, the first in order where two are as frequent.

    Returns
    -------
    DataFrame indexed by item_id: `description`, `category`, `department`, `brand` (where the
    log has them), `lines`, `customers` (counts), `amount` (currency), `first_at`, `last_at`.

    Examples
    --------
    >>> log = read_log(pd.DataFrame({"customer_id": [1, 2, 2], "amount": [1.0, 2.0, 3.0],
    ...     "occurred_at": ["2024-03-01", "2024-03-01", "2024-03-09"], "item_id": ["a", "a", "b"],
    ...     "description": ["Tea", "Tea", "Milk"]}))
    >>> item_table(log)[["description", "lines", "customers", "amount"]]
            description  lines  customers  amount
    item_id
    a               Tea      2          2     3.0
    b              Milk      1          1     3.0
    """
    table = log.query_as_of(ITEMS_SQL, snapshot_date).to_pandas().set_index("item_id")
    return table.drop(columns=[name for name in table.columns if table[name].isna().all()])
