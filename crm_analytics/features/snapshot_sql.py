"""What customers did before each of several origins: one SQL text for all features of all origins."""

from crm_analytics.features.periods import PERIOD
from crm_analytics.transactions.engines import ONCE_MORE

ORIGIN_PERIOD = PERIOD.replace("occurred_at", "origin")

# Origins of one statement: each has up to three borders, and a BIGINT has bits for 63 spans.
MOST_AT_ONCE = 20

# Customers are asked for in parts, so that what is held while they are reckoned has a bound.
_OF_PART = "abs(CAST(hash(customer_id) % 4096 AS INTEGER)) % $parts = $part"

# A line that looks the same from every origin is grouped once; lines of a log with refunds once for
# each origin, since what is left of a day's purchases differs between them.
_SEEN = (
    """
grid AS (SELECT origin, {origin_period} - 1 AS now FROM origins),
views AS (
    SELECT origin FROM origins WHERE $by_origin
    UNION ALL SELECT CAST(NULL AS TIMESTAMP) AS origin WHERE NOT $by_origin
),
seen_lines AS (
    SELECT views.origin AS origin, customer_id, {period} AS period, item_id, category, store_id, discount,
        CAST(amount AS DECIMAL(18, 6)) AS amount
    FROM purchases_at JOIN views ON purchases_at.origin IS NULL OR purchases_at.origin = views.origin
    WHERE occurred_at >= $earliest AND occurred_at < coalesce(views.origin, $snapshot_date)
        AND {of_part}
)""".replace("{period}", PERIOD)
    .replace("{origin_period}", ORIGIN_PERIOD)
    .replace("{once_more}", ONCE_MORE)
)

# The borders of all windows of all origins cut time into spans, and every window is a set of spans: a
# number with a bit a span. So is what is known of a thing, so that distinct things are counted
# without sets, and without looking at a line once an origin.
_SPANS = """
borders AS (
    SELECT now AS border FROM grid
    UNION SELECT now - $middle AS border FROM grid
    UNION SELECT now - $long AS border FROM grid
),
ends AS (SELECT min(border) + 1 AS first_day, max(border) AS last_day FROM borders),
days AS (SELECT unnest(generate_series(first_day, last_day)) AS day FROM ends),
spans AS (
    SELECT CAST(day AS INTEGER) AS day,
        CAST(power(2, count(CASE WHEN border < day THEN 1 END) - 1) AS BIGINT) AS span
    FROM days CROSS JOIN borders GROUP BY day
),
reaches AS (
    SELECT grid.origin AS origin,
        bit_or(CASE WHEN day <= now AND day > now - $long THEN span ELSE 0 END) AS whole,
        bit_or(CASE WHEN day <= now AND day > now - $middle THEN span ELSE 0 END) AS late,
        bit_or(CASE WHEN day <= now - $middle AND day > now - $long THEN span ELSE 0 END) AS early
    FROM grid CROSS JOIN spans GROUP BY grid.origin
)"""

_ITEMS = """
item_spans AS (
    SELECT origin, customer_id, item_id, span, CASE WHEN min(period) < max(period) THEN span ELSE 0 END AS again
    FROM seen_lines JOIN spans ON period = day WHERE item_id IS NOT NULL GROUP BY 1, 2, 3, 4
),
item_seen AS (
    SELECT origin, customer_id, bit_or(span) AS seen, bit_or(again) AS again
    FROM item_spans GROUP BY origin, customer_id, item_id
),
item_counted AS (
    SELECT reaches.origin AS origin, customer_id, count(*) AS breadth,
        count(CASE WHEN {usual} THEN 1 END) AS usual,
        count(CASE WHEN {usual} AND (seen & late) <> 0 THEN 1 END) AS usual_kept
    FROM item_seen JOIN reaches
        ON (seen & whole) <> 0 AND (item_seen.origin IS NULL OR item_seen.origin = reaches.origin)
    GROUP BY reaches.origin, customer_id
)""".replace(  # in two spans before the middle window (taking 1 away clears the lowest bit), or twice in one
    "{usual}", "((seen & early) & ((seen & early) - 1)) + (again & early) <> 0"
)

_THINGS = """
{thing}_seen AS (
    SELECT origin, customer_id, bit_or(span) AS seen
    FROM seen_lines JOIN spans ON period = day WHERE {thing} IS NOT NULL GROUP BY origin, customer_id, {thing}
),
{thing}_counted AS (
    SELECT reaches.origin AS origin, customer_id, count(*) AS breadth,
        count(CASE WHEN (seen & late) <> 0 THEN 1 END) AS breadth_middle
    FROM {thing}_seen JOIN reaches
        ON (seen & whole) <> 0 AND ({thing}_seen.origin IS NULL OR {thing}_seen.origin = reaches.origin)
    GROUP BY reaches.origin, customer_id
)"""

SNAPSHOT_SQL = """
WITH {seen},
{spans},
visits AS (
    SELECT origin, customer_id, period, sum(amount) AS amount, count(*) AS n_lines,
        count(CASE WHEN discount <> 0 THEN 1 END) AS promoted
    FROM seen_lines GROUP BY 1, 2, 3
),
spaced AS (
    SELECT *, lag(period) OVER bought AS previous, lead(period) OVER bought AS following
    FROM visits WINDOW bought AS (PARTITION BY origin, customer_id ORDER BY period)
),
counted AS (
    SELECT grid.origin AS origin, now, customer_id,
        min(period) AS first_period, max(period) AS last_period, count(*) AS n,
        count(CASE WHEN period > now - $middle THEN 1 END) AS n_middle,
        count(CASE WHEN period > now - $short THEN 1 END) AS n_short,
        count(CASE WHEN period <= now - $middle AND period > now - 2 * $middle THEN 1 END) AS n_before,
        sum(amount) AS spent,
        coalesce(sum(CASE WHEN period > now - $middle THEN amount END), 0) AS spent_middle,
        coalesce(sum(CASE WHEN period > now - $short THEN amount END), 0) AS spent_short,
        coalesce(sum(CASE WHEN period <= now - $middle AND period > now - 2 * $middle THEN amount END), 0)
            AS spent_before,
        max(amount) AS largest,
        sum(CASE WHEN coalesce(following > now, TRUE) THEN amount END) AS spent_last,
        sum(CASE WHEN coalesce(following > now, TRUE) AND previous > now - $long THEN period - previous END)
            AS gap_last,
        max(CASE WHEN previous > now - $long THEN period - previous END) AS gap_longest,
        sum(CASE WHEN previous > now - $long
            THEN CAST(period - previous AS BIGINT) * (period - previous) END) AS gap_squares,
        sum(n_lines) AS n_lines, sum(promoted) AS promoted
    FROM spaced JOIN grid
        ON period <= now AND period > now - $long AND (spaced.origin IS NULL OR spaced.origin = grid.origin)
    GROUP BY grid.origin, now, customer_id
),
returned AS (
    SELECT grid.origin AS origin, customer_id, count(*) AS n_returns
    FROM lines JOIN grid ON occurred_at < grid.origin
    WHERE is_refund AND occurred_at >= $earliest AND {period} > now - $long AND {of_part}
    GROUP BY grid.origin, customer_id
),
{items},
{categories},
{stores},
numbers AS (
    SELECT counted.*, CAST(n AS DOUBLE) AS purchases, CAST(now - last_period AS DOUBLE) AS silence,
        CASE WHEN n > 1 THEN CAST(last_period - first_period AS DOUBLE) / (n - 1) END AS mean_gap
    FROM counted
)
SELECT numbers.origin, numbers.customer_id,
    silence AS since_last,
    CAST(now - first_period AS DOUBLE) AS since_first,
    CAST(n_short AS DOUBLE) AS purchases_short, CAST(n_middle AS DOUBLE) AS purchases_middle,
    purchases AS purchases_long,
    CAST(spent_short AS DOUBLE) AS amount_short, CAST(spent_middle AS DOUBLE) AS amount_middle,
    CAST(spent AS DOUBLE) AS amount_long,
    CAST(spent AS DOUBLE) / purchases AS amount_mean, CAST(largest AS DOUBLE) AS amount_largest,
    CAST(spent_last AS DOUBLE) AS amount_last,
    mean_gap AS gap_mean,
    CASE WHEN n > 2 THEN sqrt(greatest(gap_squares / CAST(n - 1 AS DOUBLE) - mean_gap * mean_gap, 0)) END
        AS gap_spread,
    CAST(gap_longest AS DOUBLE) AS gap_longest,
    gap_last / mean_gap AS gap_last_ratio,
    silence / mean_gap AS since_last_ratio,
    CASE WHEN n_middle + n_before > 0 THEN CAST(n_middle - n_before AS DOUBLE) / (n_middle + n_before) END AS trend,
    CASE WHEN spent_middle + spent_before > 0
        THEN CAST(spent_middle - spent_before AS DOUBLE) / CAST(spent_middle + spent_before AS DOUBLE) END
        AS amount_trend,
    n_lines / purchases AS lines_mean,
    CAST(promoted AS DOUBLE) / n_lines AS promotion_share,
    coalesce(n_returns, 0) / (n_lines + CAST(coalesce(n_returns, 0) AS DOUBLE)) AS return_share,
    CAST(coalesce(item_counted.breadth, 0) AS DOUBLE) AS items,
    CAST(coalesce(category_counted.breadth, 0) AS DOUBLE) AS categories,
    CAST(coalesce(category_counted.breadth_middle, 0) AS DOUBLE) AS categories_middle,
    CAST(coalesce(store_id_counted.breadth, 0) AS DOUBLE) AS stores,
    CASE WHEN item_counted.usual > 0
        THEN CAST(item_counted.usual_kept AS DOUBLE) / item_counted.usual END AS basket_stability
FROM numbers
LEFT JOIN returned ON returned.customer_id = numbers.customer_id AND returned.origin = numbers.origin
LEFT JOIN item_counted ON item_counted.customer_id = numbers.customer_id
    AND item_counted.origin = numbers.origin
LEFT JOIN category_counted ON category_counted.customer_id = numbers.customer_id
    AND category_counted.origin = numbers.origin
LEFT JOIN store_id_counted ON store_id_counted.customer_id = numbers.customer_id
    AND store_id_counted.origin = numbers.origin"""
for _name, _part in {
    "{seen}": _SEEN,
    "{items}": _ITEMS,
    "{spans}": _SPANS,
    "{categories}": _THINGS.replace("{thing}", "category"),
    "{stores}": _THINGS.replace("{thing}", "store_id"),
    "{period}": PERIOD,
    "{of_part}": _OF_PART,
}.items():
    SNAPSHOT_SQL = SNAPSHOT_SQL.replace(_name, _part)

# What each feature is made of, where the log need not have it.
NEEDS = {
    "promotion_share": "discount",
    "items": "item_id",
    "basket_stability": "item_id",
    "categories": "category",
    "categories_middle": "category",
    "stores": "store_id",
}

# Purchases and spend in the label window that ends at each origin of the grid.
OUTCOME_SQL = """
WITH {seen}
SELECT grid.origin AS label_end, customer_id, CAST(count(DISTINCT period) AS BIGINT) AS purchases,
    CAST(sum(amount) AS DOUBLE) AS amount
FROM seen_lines JOIN grid ON period <= now AND period > now - $horizon
    AND (seen_lines.origin IS NULL OR seen_lines.origin = grid.origin)
GROUP BY grid.origin, customer_id ORDER BY grid.origin, customer_id""".replace(
    "{seen}", _SEEN.replace("{of_part}", "TRUE")
)
