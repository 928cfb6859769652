"""What is wrong or odd in a log: one table, one row a kind of dirt.

Each check is one SQL text over `checked` that returns how many lines (or ids, days, …)
show it, and up to three examples. A check that needs a column the source does not have
finds nothing and is left out of the table.
"""

from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from crm_analytics.transactions.schema import REASONS

if TYPE_CHECKING:
    from crm_analytics.transactions.log import TransactionLog

COLUMNS = ["check", "what", "n", "share", "of", "examples", "consequence"]


class Check(NamedTuple):
    """A question about the log; `sql` gives columns n and example, first three rows shown."""

    name: str
    what: str
    of: str
    consequence: str
    sql: str


_LINE = (
    "concat(CASE WHEN $many_files THEN source_file || ' ' ELSE '' END, 'line ', CAST(line_number AS VARCHAR))"
)

# The texts are constants. `{line}` is filled below with the one above, which names a line.
CHECKS = [
    Check(
        "cancelled_transaction",
        "transaction number marked as cancelled (C before the digits)",
        "lines",
        "a refund if its amount or quantity is negative; the policy decides",
        """SELECT count(*) OVER () AS n, concat({line}, ': ', CAST(transaction_id AS VARCHAR)) AS example
        FROM checked WHERE regexp_matches(CAST(transaction_id AS VARCHAR), '^[Cc][0-9]+$')
        ORDER BY source_file, line_number LIMIT 3""",
    ),
    Check(
        "negative_quantity",
        "quantity below zero",
        "lines",
        "a refund; the policy decides",
        """SELECT count(*) OVER () AS n, concat({line}, ': ', CAST(quantity AS VARCHAR)) AS example
        FROM checked WHERE quantity < 0 ORDER BY source_file, line_number LIMIT 3""",
    ),
    Check(
        "negative_amount",
        "amount below zero",
        "lines",
        "a refund; the policy decides",
        """SELECT count(*) OVER () AS n, concat({line}, ': ', CAST(amount AS VARCHAR)) AS example
        FROM checked WHERE amount < 0 ORDER BY source_file, line_number LIMIT 3""",
    ),
    Check(
        "zero_amount",
        "amount (or price) of zero",
        "lines",
        "kept; it counts as a visit that brought nothing",
        """SELECT count(*) OVER () AS n, concat({line},
            coalesce(': ' || coalesce(description, CAST(item_id AS VARCHAR)), '')) AS example
        FROM checked WHERE amount = 0 ORDER BY source_file, line_number LIMIT 3""",
    ),
    Check(
        "missing_description",
        "no description although the source has the column",
        "lines",
        "kept",
        """SELECT count(*) OVER () AS n, concat({line}, ': item ', coalesce(CAST(item_id AS VARCHAR), '?')) AS example
        FROM checked WHERE description IS NULL AND raw_line IS NULL
            AND EXISTS (SELECT 1 FROM source_lines WHERE description IS NOT NULL)
        ORDER BY source_file, line_number LIMIT 3""",
    ),
    Check(
        "missing_item",
        "no item although the source has the column",
        "lines",
        "kept",
        """SELECT count(*) OVER () AS n, {line} AS example
        FROM checked WHERE item_id IS NULL AND raw_line IS NULL
            AND EXISTS (SELECT 1 FROM source_lines WHERE item_id IS NOT NULL)
        ORDER BY source_file, line_number LIMIT 3""",
    ),
    Check(
        "exact_duplicate",
        "a line that repeats an earlier one in every field",
        "lines",
        "kept: two of the same item rung up apart look alike; drop them at the source if they are not",
        """SELECT count(*) OVER () AS n, concat({line},
            coalesce(': ' || coalesce(description, CAST(item_id AS VARCHAR)), '')) AS example
        FROM (SELECT *, row_number() OVER (PARTITION BY customer_id, transaction_id, item_id, occurred_at,
            date_text, quantity, amount, amount_text, unit_price, discount, store_id, description, category,
            department, brand, raw_line ORDER BY source_file, line_number) AS copy FROM checked) AS numbered
        WHERE copy > 1 ORDER BY source_file, line_number LIMIT 3""",
    ),
    Check(
        "amount_outlier",
        "amount more than 100 times the 99th percentile of positive amounts",
        "lines",
        "kept; look at them before you average",
        """SELECT count(*) OVER () AS n, concat({line}, ': ', CAST(amount AS VARCHAR)) AS example
        FROM checked, (SELECT percentile_cont(0.99) WITHIN GROUP (ORDER BY amount) AS high FROM checked
            WHERE amount > 0 AND reason IS NULL) AS cut
        WHERE abs(amount) > 100 * high AND reason IS NULL
        ORDER BY abs(amount) DESC, source_file, line_number LIMIT 3""",
    ),
    Check(
        "refund_within_the_hour",
        "a refund of over 100 times the 99th percentile, at most an hour after its purchase",
        "lines",
        "a slip of the keyboard put right at once; the policy 'net' removes both",
        """SELECT count(*) OVER () AS n, concat({line}, ': ', CAST(amount AS VARCHAR)) AS example
        FROM (SELECT *, lag(occurred_at) OVER slip AS bought_at, lag(amount) OVER slip AS bought FROM checked
            WHERE reason IS NULL
            WINDOW slip AS (PARTITION BY customer_id, item_id ORDER BY occurred_at, is_refund)) AS paired,
            (SELECT percentile_cont(0.99) WITHIN GROUP (ORDER BY amount) AS high FROM checked
                WHERE amount > 0 AND reason IS NULL) AS cut
        WHERE is_refund AND bought = -amount AND -amount > 100 * high
            AND occurred_at <= bought_at + INTERVAL 1 HOUR
        ORDER BY source_file, line_number LIMIT 3""",
    ),
    Check(
        "customer_id_spelling",
        "customer ids that differ only in case or blanks",
        "ids",
        "kept apart; unify them at the source if they are one customer",
        """SELECT count(*) OVER () AS n, concat('[', low, '] [', high, ']') AS example
        FROM (SELECT min(CAST(customer_id AS VARCHAR)) AS low, max(CAST(customer_id AS VARCHAR)) AS high
            FROM checked WHERE customer_id IS NOT NULL
            GROUP BY lower(replace(CAST(customer_id AS VARCHAR), ' ', ''))
            HAVING count(DISTINCT customer_id) > 1) AS spellings ORDER BY low LIMIT 3""",
    ),
    Check(
        "item_id_spelling",
        "item ids that differ only in case or blanks",
        "ids",
        "kept apart; unify them at the source if they are one item",
        """SELECT count(*) OVER () AS n, concat('[', low, '] [', high, ']') AS example
        FROM (SELECT min(CAST(item_id AS VARCHAR)) AS low, max(CAST(item_id AS VARCHAR)) AS high
            FROM checked WHERE item_id IS NOT NULL
            GROUP BY lower(replace(CAST(item_id AS VARCHAR), ' ', ''))
            HAVING count(DISTINCT item_id) > 1) AS spellings ORDER BY low LIMIT 3""",
    ),
    Check(
        "shared_transaction",
        "transaction numbers used by more than one customer",
        "transactions",
        "kept; a basket is customer and transaction",
        """SELECT count(*) OVER () AS n, CAST(transaction_id AS VARCHAR) AS example
        FROM (SELECT transaction_id FROM checked WHERE transaction_id IS NOT NULL AND reason IS NULL
            GROUP BY transaction_id HAVING count(DISTINCT customer_id) > 1) AS shared
        ORDER BY transaction_id LIMIT 3""",
    ),
    Check(
        "gap_in_dates",
        "three or more days in a row without any line",
        "gaps",
        "kept; a closed shop, or a missing file",
        """SELECT count(*) OVER () AS n, concat(CAST(day AS VARCHAR), ' to ', CAST(next_day AS VARCHAR), ' (',
            CAST(date_diff('day', day, next_day) - 1 AS VARCHAR), ' days)') AS example
        FROM (SELECT day, lead(day) OVER (ORDER BY day) AS next_day
            FROM (SELECT DISTINCT CAST(occurred_at AS DATE) AS day FROM checked
                WHERE occurred_at IS NOT NULL AND reason IS DISTINCT FROM 'future_date') AS days) AS pairs
        WHERE date_diff('day', day, next_day) > 3 ORDER BY date_diff('day', day, next_day) DESC, day LIMIT 3""",
    ),
    Check(
        "epoch_date",
        "dated on a day that stands for no date (1899-12-30, 1900-01-01, 1970-01-01)",
        "lines",
        "kept; mend them, or every age counted from them is wrong",
        """SELECT count(*) OVER () AS n, {line} AS example
        FROM checked WHERE CAST(occurred_at AS DATE) IN (DATE '1899-12-30', DATE '1899-12-31',
            DATE '1900-01-01', DATE '1970-01-01')
        ORDER BY source_file, line_number LIMIT 3""",
    ),
]

_SET_ASIDE = """
SELECT reason, n, example FROM (
    SELECT reason, count(*) OVER (PARTITION BY reason) AS n,
        row_number() OVER (PARTITION BY reason ORDER BY source_file, line_number) AS place,
        concat({line}, coalesce(': ' || CASE
            WHEN reason IN ('unreadable_date', 'mixed_time_zone') THEN date_text
            WHEN reason = 'future_date' THEN CAST(occurred_at AS VARCHAR)
            WHEN reason = 'unreadable_amount' THEN amount_text
            WHEN reason = 'amount_out_of_range' THEN CAST(amount AS VARCHAR)
            WHEN reason = 'unreadable_quantity' THEN quantity_text
            WHEN reason = 'wrong_field_count' THEN raw_line END, '')) AS example
    FROM checked WHERE reason IS NOT NULL) AS ranked
WHERE place <= 3 ORDER BY reason, place"""


def audit_table(log: "TransactionLog") -> pd.DataFrame:
    """Run every check over the log; see `TransactionLog.audit`."""
    total = log.counts.source
    rows = []
    aside: dict[str, list[dict]] = {}
    for row in _ask(log, _SET_ASIDE):
        aside.setdefault(row["reason"], []).append(row)
    for reason, found in aside.items():
        rows.append(_row(reason, REASONS[reason], found, "lines", "set aside", total))
    for check in CHECKS:
        found = _ask(log, check.sql)
        if found:
            rows.append(_row(check.name, check.what, found, check.of, check.consequence, total))
    rows.extend(_as_text(log, total))
    rows.sort(key=lambda row: (row["of"] != "lines", -row["n"], row["check"]))
    return pd.DataFrame(rows, columns=COLUMNS)


def _ask(log: "TransactionLog", sql: str) -> list[dict]:
    bound = {"many_files": len(log.source.files) > 1} if "{line}" in sql else {}
    return log.query(sql.replace("{line}", _LINE), **bound).to_pylist()


def _row(check: str, what: str, found: list[dict], of: str, consequence: str, total: int) -> dict:
    n = int(found[0]["n"])
    return {
        "check": check,
        "what": what,
        "n": n,
        "share": n / total if of == "lines" else float("nan"),
        "of": of,
        "examples": "; ".join(str(row["example"]) for row in found),
        "consequence": consequence,
    }


def _as_text(log: "TransactionLog", total: int) -> list[dict]:
    """Columns that came as text although they hold dates or numbers, and how they were read."""
    reading = log.reading
    rows = []
    for name in reading.text_columns:
        is_date = name == "occurred_at"
        formats, sign = ", ".join(reading.date_formats), reading.decimal.get(name)
        rows.append(
            {
                "check": f"{name}_as_text",
                "what": f"{name} came as text or plain digits, not as a {'date' if is_date else 'number'}",
                "n": total,
                "share": 1.0,
                "of": "lines",
                "examples": f"read with {formats}" if is_date else f"read with decimal {sign!r}",
                "consequence": "read; what could not be read is set aside",
            }
        )
    return rows
