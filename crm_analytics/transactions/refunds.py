"""Refunds and cancellations: what of the purchases is left, as seen from a date.

Three policies, each one SQL text that defines `purchases`, the lines before
`$snapshot_date` that features may look at:

net
    A refund takes back money from the same customer's latest earlier purchases of the same
    item, last in first out. A purchase taken back in full is no purchase. A refund that
    finds none (bought before the log began, a discount booked as its own item) changes
    nothing, and is counted as unmatched.
drop
    Refund lines are left out; the purchases stay as they were.
keep
    Refund lines stay, with their negative amounts, and count as visits.

The netting of a stack is written with window functions: with S the running sum of a
customer's amounts for an item, the stack's height is H = S - min(0, running minimum of S),
and what is left of purchase i is min(H from i on) - H before i, at least 0. All three windows
must see one order, so lines alike to the last field are placed by their line number. Only what was
booked before `$snapshot_date` counts, so a later refund does not leak into the past.

Asked from several origins at once, a purchase is worth what was left of it as seen from each:
`purchases_at` has a row for each origin where a refund of that item is known by the last of
them, and for all others one row without an origin, which holds for every origin after it.
"""

POLICIES = ("net", "drop", "keep")

KEEP = "purchases AS (SELECT * FROM lines WHERE occurred_at < $snapshot_date)"

DROP = "purchases AS (SELECT * FROM lines WHERE occurred_at < $snapshot_date AND NOT is_refund)"

_NET = """
seen AS (SELECT * FROM lines WHERE occurred_at < $snapshot_date),
refunded AS (SELECT DISTINCT customer_id, item_id FROM seen WHERE is_refund),
ledger AS (
    SELECT seen.*{with_origin}, CAST(amount AS DECIMAL(18, 6)) AS step
    FROM seen JOIN refunded
        ON seen.customer_id = refunded.customer_id AND seen.item_id IS NOT DISTINCT FROM refunded.item_id{from_origins}
),
ordered AS (
    SELECT *, row_number() OVER (
        PARTITION BY {each}customer_id, item_id
        ORDER BY occurred_at, is_refund, step, quantity, transaction_id, source_file, line_number
    ) AS place FROM ledger
),
running AS (
    SELECT *, sum(step) OVER (
        PARTITION BY {each}customer_id, item_id ORDER BY place
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS balance FROM ordered
),
stacked AS (
    SELECT *, balance - least(0, min(balance) OVER (
        PARTITION BY {each}customer_id, item_id ORDER BY place
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    )) AS height FROM running
),
matched AS (
    SELECT *, greatest(0, min(height) OVER (
        PARTITION BY {each}customer_id, item_id ORDER BY place
        ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
    ) - (height - step)) AS remaining FROM stacked
),
netted AS (
    SELECT *, CAST(remaining AS DOUBLE) / CASE WHEN step = 0 THEN 1 ELSE CAST(step AS DOUBLE) END AS share
    FROM matched WHERE NOT is_refund AND (remaining > 0 OR step = 0)
),
{purchases} AS (
    SELECT {any}seen.source_file, seen.line_number, seen.customer_id, seen.transaction_id, seen.item_id,
        seen.occurred_at, seen.quantity, seen.amount, seen.unit_price, seen.discount, seen.store_id,
        seen.description, seen.category, seen.department, seen.brand
    FROM seen LEFT JOIN refunded
        ON seen.customer_id = refunded.customer_id AND seen.item_id IS NOT DISTINCT FROM refunded.item_id
    WHERE refunded.customer_id IS NULL
    UNION ALL
    SELECT {each}source_file, line_number, customer_id, transaction_id, item_id, occurred_at,
        CASE WHEN step = 0 THEN quantity ELSE quantity * share END, CAST(remaining AS DOUBLE),
        unit_price, discount * CASE WHEN step = 0 THEN 1 ELSE share END, store_id, description, category,
        department, brand
    FROM netted
)"""


def _filled(text: str, **parts: str) -> str:
    for name, part in parts.items():
        text = text.replace(f"{{{name}}}", part)
    return text


NET = _filled(_NET, purchases="purchases", any="", each="", with_origin="", from_origins="")

PURCHASES = {"net": NET, "drop": DROP, "keep": KEEP}

# The instants in `$origins`, joined by commas, as a table.
ORIGINS = """
listed AS (SELECT unnest(string_split($origins, ',')) AS item),
origins AS (SELECT CAST(item AS TIMESTAMP) AS origin FROM listed)"""

_ANY = "CAST(NULL AS TIMESTAMP) AS origin, "

PURCHASES_AT = {
    "net": _filled(
        _NET,
        purchases="purchases_at",
        any=_ANY,
        each="origin, ",
        with_origin=", origins.origin",
        from_origins="\n    JOIN origins ON seen.occurred_at < origins.origin",
    ),
    "drop": DROP.replace("purchases AS (SELECT *", f"purchases_at AS (SELECT {_ANY}*"),
    "keep": KEEP.replace("purchases AS (SELECT *", f"purchases_at AS (SELECT {_ANY}*"),
}

# What the policy `net` does, counted. Reads `matched` of the text above.
NET_EFFECT = """
SELECT
    count(CASE WHEN is_refund THEN 1 END) AS refund_lines,
    CAST(coalesce(-sum(CASE WHEN is_refund THEN step END), 0) AS DOUBLE) AS refund_amount,
    count(CASE WHEN NOT is_refund AND step > 0 AND remaining = 0 THEN 1 END) AS cancelled_in_full,
    count(CASE WHEN NOT is_refund AND remaining > 0 AND remaining < step THEN 1 END) AS reduced,
    CAST(coalesce(sum(CASE WHEN NOT is_refund THEN step - remaining END), 0) AS DOUBLE) AS matched_amount
FROM matched
"""
