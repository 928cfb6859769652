"""Conditions against hand-written SQL, plain pandas and their own algebra; and what they refuse."""

import datetime as dt
import functools
import operator
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_analytics.core.errors import MissingDataError, SchemaError
from crm_analytics.datasets import load_complete_journey
from crm_analytics.transactions import bought, had, never, read_log, spent
from crm_analytics.transactions.engines import DuckDBEngine

AT = "2017-10-02"

# Questions to Complete Journey, and the same in SQL by hand.
TEA_AND_COFFEE = (
    [bought(category="COFFEE", ago=(60, 120)), never(bought(category="TEAS"))],
    """SELECT DISTINCT customer_id FROM purchases WHERE category = 'COFFEE'
    AND occurred_at >= TIMESTAMP '2017-06-04' AND occurred_at < TIMESTAMP '2017-08-03'
    EXCEPT SELECT customer_id FROM purchases WHERE category = 'TEAS'""",
)
FEW_CALLS_AND_BOTH = (
    [had("Type A", fewer_than=3), bought(category="COFFEE") & bought(category="TEAS")],
    """SELECT customer_id FROM purchases
    WHERE customer_id NOT IN (SELECT customer_id FROM events WHERE kind = 'Type A' GROUP BY 1 HAVING count(*) > 2)
    GROUP BY customer_id HAVING bool_or(category = 'COFFEE') AND bool_or(category = 'TEAS')""",
)
BIG_LAST_QUARTER = (
    [spent(more_than=500, ago=91)],
    """SELECT customer_id FROM purchases WHERE occurred_at >= TIMESTAMP '2017-07-03'
    GROUP BY customer_id HAVING sum(amount) > 500""",
)
OFTEN_IN_MAY = (
    [bought(at_least=5, since="2017-05-01", until=dt.date(2017, 6, 1))],
    """SELECT customer_id FROM (SELECT DISTINCT customer_id, date_trunc('day', occurred_at) FROM purchases
        WHERE occurred_at BETWEEN TIMESTAMP '2017-05-01' AND TIMESTAMP '2017-05-31 23:59:59.999999')
    GROUP BY customer_id HAVING count(*) >= 5""",
)
FIRST_IN_JANUARY_AFTER_THE_FIRST_WEEK = (
    [bought(until="2017-02-01"), never(bought(until="2017-01-08"))],
    """SELECT customer_id FROM purchases GROUP BY customer_id
    HAVING min(occurred_at) >= TIMESTAMP '2017-01-08' AND min(occurred_at) < TIMESTAMP '2017-02-01'""",
)
SILENT = (
    [never(bought(ago=60))],
    "SELECT customer_id FROM purchases GROUP BY 1 HAVING max(occurred_at) < TIMESTAMP '2017-08-03'",
)
STORES = (
    [bought(count="store_id", at_least=2)],
    "SELECT customer_id FROM purchases GROUP BY customer_id HAVING count(DISTINCT store_id) > 1",
)
RECEIPTS_OF_A_BRAND = (
    [bought(brand="Private", count="transaction_id", at_least=10, at_most=20)],
    """SELECT customer_id FROM purchases WHERE brand = 'Private'
    GROUP BY customer_id HAVING count(DISTINCT transaction_id) BETWEEN 10 AND 20""",
)
SEVERAL_VALUES = (
    [
        bought(department=["MEAT", "DELI"], store_id=[367, "406"], more_than=1)
        | spent(item_id="995242", at_least=10.5, at_most=40)
        | had(["redeemed", "Type B"], at_least=12, ago=200)
    ],
    """SELECT customer_id FROM purchases WHERE department IN ('MEAT', 'DELI') AND store_id IN (367, 406)
    GROUP BY customer_id HAVING count(DISTINCT CAST(occurred_at AS DATE)) >= 2
    UNION SELECT customer_id FROM purchases WHERE item_id = 995242
    GROUP BY customer_id HAVING CAST(sum(CAST(amount AS DECIMAL(18, 6))) AS DOUBLE) BETWEEN 10.5 AND 40
    UNION SELECT customer_id FROM events WHERE kind IN ('redeemed', 'Type B')
    AND occurred_at >= TIMESTAMP '2017-03-16' GROUP BY customer_id HAVING count(*) >= 12""",
)
QUESTIONS = {name: value for name, value in globals().items() if name.isupper() and isinstance(value, tuple)}


@pytest.fixture(scope="module")
def journey():
    """Complete Journey, with the campaigns that reached a household and its redemptions as events."""
    data = load_complete_journey()
    reached = data.campaigns.rename(columns={"campaign_type": "kind", "start_date": "occurred_at"})
    redeemed = data.coupon_redemptions.rename(columns={"redemption_date": "occurred_at"}).assign(
        kind="redeemed"
    )
    events = pd.concat([part[["household_id", "occurred_at", "kind"]] for part in (reached, redeemed)])
    return read_log(
        data.log.source.table,
        columns=data.log.reading.columns,
        events=events.astype({"occurred_at": "datetime64[us]"}),
        event_columns={"customer_id": "household_id"},
    )


@pytest.mark.parametrize("name", QUESTIONS)
def test_questions_of_the_handbook_are_answered_as_by_hand(journey, name):
    conditions, sql = QUESTIONS[name]
    by_hand = sorted(journey.query_as_of(sql, AT)["customer_id"].to_pylist())
    found = journey.customers(*conditions, as_of=AT)
    assert found.tolist() == by_hand
    assert 20 < len(found) < journey.n_customers - 20
    assert found.name == "customer_id"


def test_a_question_is_one_statement_after_a_look_at_its_values(journey, monkeypatch):
    fetch, asked = DuckDBEngine.fetch, []
    monkeypatch.setattr(DuckDBEngine, "fetch", lambda self, sql, p: asked.append(sql) or fetch(self, sql, p))
    journey.customers(*BIG_LAST_QUARTER[0], STORES[0][0] | ~SILENT[0][0], as_of=AT)
    assert len(asked) == 1
    condition = bought(category=["CHEESE", "EGGS"]) & never(bought(category="MILK BY-PRODUCTS"))
    before = journey.customers(condition)
    asked.clear()
    assert journey.customers(condition).equals(before)  # whose values are known to occur by now
    assert len(asked) == 2


def test_thousands_of_values_are_one_question(journey):
    items = journey.query("SELECT DISTINCT item_id FROM lines ORDER BY hash(item_id) LIMIT 2000")[
        "item_id"
    ].to_numpy()
    lines = journey.query("SELECT customer_id, item_id FROM lines").to_pandas()
    expected = lines["customer_id"][lines["item_id"].isin(items)].unique()
    assert journey.customers(bought(item_id=items)).tolist() == sorted(expected)


# Small logs, in plain pandas

BEGIN = dt.datetime(2024, 1, 1)
ITEMS, KINDS = ["x", "y", "it's"], ["call", "fax"]
TIME = st.integers(0, 40).map(lambda hours: BEGIN + dt.timedelta(hours=6 * hours))
LINE = st.tuples(
    st.sampled_from("abcd"),
    st.sampled_from([*ITEMS, None]),
    st.sampled_from([1, 2]),
    TIME,
    st.integers(-400, 900).map(lambda cents: cents / 100),
)
EVENT = st.tuples(st.sampled_from("abce"), st.sampled_from(KINDS), TIME)
SEED_LINES = [("z", item, store, BEGIN, 1.0) for item, store in zip(ITEMS, [1, 2, 1], strict=True)]
SEED_EVENTS = [("z", kind, BEGIN) for kind in KINDS]

COUNTS = st.sampled_from(
    [{}, {"at_least": 2}, {"at_most": 1}, {"more_than": 2}, {"fewer_than": 3}, {"at_least": 0, "at_most": 0}]
)
SUMS = st.sampled_from(
    [{"at_least": 4}, {"at_most": 0}, {"more_than": 1.5, "less_than": 9}, {"less_than": -1}]
)
WINDOWS = st.sampled_from([{}, {"ago": 3}, {"ago": (1, 4.25)}, {"ago": (2, None)}]) | st.tuples(
    st.integers(0, 3), st.integers(4, 9)
).map(lambda days: {"since": BEGIN + dt.timedelta(days=days[0]), "until": BEGIN + dt.timedelta(days=days[1])})
WHERE = st.sampled_from(
    [{}, {"item_id": "x"}, {"item_id": ["y", "it's"]}, {"store_id": 2}, {"item_id": ITEMS, "store_id": "1"}]
)
MERGED = lambda *parts: functools.reduce(operator.or_, parts)  # noqa: E731
ATOMS = (
    st.builds(
        lambda *parts: ("bought", MERGED(*parts)),
        WHERE, COUNTS, WINDOWS, st.sampled_from([{}, {"count": "item_id"}, {"count": "store_id"}]),
    )
    | st.builds(lambda *parts: ("spent", MERGED(*parts)), WHERE, SUMS, WINDOWS)
    | st.builds(
        lambda *parts: ("had", MERGED(*parts)),
        st.sampled_from([{}, {"kind": "fax"}, {"kind": KINDS}]), COUNTS, WINDOWS,
    )
)  # fmt: skip
TREES = st.recursive(
    ATOMS,
    lambda inner: st.tuples(st.just("never"), inner) | st.tuples(st.sampled_from("&|"), inner, inner),
    max_leaves=5,
)
MAKE = {"bought": bought, "spent": spent, "had": had}
JOIN = {"&": operator.and_, "|": operator.or_}


def as_condition(tree):
    if tree[0] in MAKE:
        return MAKE[tree[0]](**tree[1])
    if tree[0] == "never":
        return never(as_condition(tree[1]))
    return JOIN[tree[0]](as_condition(tree[1]), as_condition(tree[2]))


def holders(tree, everybody, tables, snapshot):
    """Who meets a question, by pandas."""
    if tree[0] == "never":
        return everybody - holders(tree[1], everybody, tables, snapshot)
    if tree[0] in JOIN:
        return JOIN[tree[0]](*(holders(part, everybody, tables, snapshot) for part in tree[1:]))
    verb, asked = tree
    table = tables[verb]
    for column in {"item_id", "store_id", "kind"} & asked.keys():
        table = table[table[column].astype(str).isin(np.ravel(asked[column]).astype(str))]
    since, until = asked.get("since", dt.datetime.min), asked.get("until", snapshot)
    if "ago" in asked:
        nearest, farthest = asked["ago"] if isinstance(asked["ago"], tuple) else (0, asked["ago"])
        until = snapshot - dt.timedelta(days=nearest)
        since = snapshot - dt.timedelta(days=farthest) if farthest is not None else since
    table = table[[since <= time.to_pydatetime() < until for time in table["occurred_at"]]]
    column = asked.get("count", "day")
    found = set()
    for customer in everybody:
        its = table[table["customer_id"] == customer]
        cents = (its["amount"] * 1e6).round().sum() / 1e6 if verb == "spent" else 0
        n = {"had": len(its), "spent": cents, "bought": its[column].nunique() if verb == "bought" else 0}[
            verb
        ]
        default = (
            1 if verb != "spent" and not {"at_most", "fewer_than", "more_than"} & asked.keys() else -np.inf
        )
        if (
            n >= asked.get("at_least", default)
            and n <= asked.get("at_most", np.inf)
            and n > asked.get("more_than", -np.inf)
            and n < asked.get("fewer_than", asked.get("less_than", np.inf))
        ):
            found.add(customer)
    return found


@settings(max_examples=25)
@given(
    lines=st.lists(LINE, max_size=15),
    events=st.lists(EVENT, max_size=8),
    trees=st.lists(TREES, min_size=1, max_size=3),
    days=st.integers(4, 11),
    refunds=st.sampled_from(["net", "drop", "keep"]),
)
def test_any_question_is_answered_as_by_pandas(lines, events, trees, days, refunds):
    log = read_log(
        pd.DataFrame(
            [*lines, *SEED_LINES], columns=["customer_id", "item_id", "store_id", "occurred_at", "amount"]
        ),
        events=pd.DataFrame([*events, *SEED_EVENTS], columns=["customer_id", "kind", "occurred_at"]),
        refunds=refunds,
    )
    snapshot = BEGIN + dt.timedelta(days=days)
    purchases = log.purchases(snapshot).reindex(
        columns=["customer_id", "item_id", "store_id", "occurred_at", "amount"]
    )
    purchases["day"] = purchases["occurred_at"].dt.date
    happened = log.query_as_of("SELECT * FROM events", snapshot).to_pandas()
    tables = {"bought": purchases, "spent": purchases, "had": happened}
    everybody = {line[0] for line in [*lines, *SEED_LINES] if line[3] < snapshot}
    expected = set.intersection(*(holders(tree, everybody, tables, snapshot) for tree in trees))
    conditions = [as_condition(tree) for tree in trees]
    assert log.customers(*conditions, as_of=snapshot).tolist() == sorted(expected)
    assert eval(repr(conditions[0]), MAKE | {"never": never}) == conditions[0]


SMALL = pd.DataFrame(
    [("a", "x", BEGIN, 5.0), ("b", "y", BEGIN + dt.timedelta(days=1), 7.0), ("b", "it's", BEGIN, 0.1),
     ("b", "x", BEGIN, 0.2), ("c", "x", BEGIN, 1.0), ("c", "x", BEGIN + dt.timedelta(days=2), -1.0)],
    columns=["customer_id", "item_id", "occurred_at", "amount"],
)  # fmt: skip
LOG = read_log(SMALL)
X, Y = bought(item_id="x"), bought(item_id="y")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (~(X & Y), ~X | ~Y),
        (~(X | Y), ~X & ~Y),
        (~~X, X),
        (X & X, X),
        (never(bought(at_least=2)), bought(at_most=1)),
        (never(spent(more_than=3)), spent(at_most=3)),
        (bought(item_id=["x", "y"]), X | Y),
        (never(X & Y) | (X & Y), bought(at_least=0)),
    ],
)
def test_the_laws_of_logic_hold(one, other):
    assert LOG.customers(one).equals(LOG.customers(other))


def test_all_conditions_are_required_and_none_is_everybody():
    assert LOG.customers().tolist() == ["a", "b", "c"]
    assert LOG.customers(X, Y).tolist() == LOG.customers(X & Y).tolist() == ["b"]
    assert LOG.customers(X, never(Y)).tolist() == ["a"]  # c brought back what it had bought
    assert LOG.customers(X, as_of=BEGIN + dt.timedelta(days=2)).tolist() == ["a", "b", "c"]
    assert LOG.customers(Y, never(Y)).dtype == LOG.customers().dtype


def test_money_is_added_exactly():
    assert LOG.customers(spent(item_id=["it's", "x"], at_most=0.3, at_least=0.3)).tolist() == ["b"]
    assert LOG.customers(spent(item_id=["it's", "x"], more_than=0.3)).tolist() == ["a"]
    assert LOG.customers(spent(item_id=["it's", "x"], less_than=0.3)).tolist() == ["c"]


def test_a_window_has_its_start_and_not_its_end():
    day = dt.timedelta(days=1)
    assert LOG.customers(bought(since=BEGIN + day)).tolist() == ["b"]
    assert LOG.customers(bought(since=BEGIN + dt.timedelta(seconds=1)), as_of=BEGIN + day * 1.5).tolist() == [
        "b"
    ]
    assert LOG.customers(bought(item_id="y", until=BEGIN + day)).tolist() == []
    assert LOG.customers(bought(item_id="y", ago=(0, 1)), as_of=BEGIN + 2 * day).tolist() == ["b"]
    assert LOG.customers(bought(item_id="y", ago=(1, 2)), as_of=BEGIN + 2 * day).tolist() == []
    assert LOG.customers(bought(until="2024-01-01T03:00+03:00")).tolist() == []


@pytest.mark.parametrize(
    "nasty",
    [
        "' OR 1=1 --",
        "it''s",
        "$v0",
        "{limit}",
        "{name}",
        "$snapshot_date",
        "); DROP VIEW source_lines; --",
        "\\'",
    ],
)
def test_a_value_is_only_ever_a_value(nasty):
    table = SMALL.assign(brand=SMALL["item_id"].map({"x": nasty}).fillna("plain"))
    log = read_log(table)
    assert log.customers(bought(brand=nasty, at_least=1), never(bought(brand="plain"))).tolist() == ["a"]
    with pytest.raises(ValueError, match="1 of 1 values of brand never occur in the log"):
        log.customers(bought(brand=nasty + "?"))
    assert log.n_lines == len(SMALL)


def test_numbers_and_their_text_are_one_value():
    log = read_log(SMALL.assign(item_id=[17, 18, 19, 17, 17, 17], store_id=["007", "8", "8", "8", "8", "8"]))
    for item in (17, "17", 17.0, np.int64(17), np.float64(17), pd.Series([17, 17])):
        assert bought(item_id=item).where[0][1] in ((17,), ("17",))
        assert log.customers(bought(item_id=item)).tolist() == ["a", "b"]
    assert log.customers(bought(store_id="007")).tolist() == ["a"]
    assert log.customers(bought(store_id=8)).tolist() == ["b"]
    for item in ("seventeen", "017", 2**70, "9" * 19, "1" * 30, "17.0"):
        with pytest.raises(ValueError, match="values of item_id never occur in the log"):
            log.customers(bought(item_id=[item, 17]))


def test_conditions_are_values_that_read_like_the_question():
    assert bought(item_id=["y", "x", "y"]) == bought(item_id=("x", "y"))
    assert len({bought(), bought(at_least=1), bought(more_than=0), bought(at_least=2)}) == 2
    assert had("call", fewer_than=3) == had(["call"], at_most=2) != had("fax", at_most=2)
    assert bought(since="2024-01-31") == bought(since=dt.date(2024, 1, 31))
    told = bought(item_id=["b", "a"], ago=(60, None)) & (
        spent(less_than=5) | never(had("call", since="2024-01-31 12:00"))
    )
    assert repr(told) == (
        "bought(item_id=['a', 'b'], ago=(60, None)) & "
        "(spent(less_than=5) | never(had('call', since='2024-01-31 12:00:00')))"
    )
    assert repr(X & Y & had()) == "bought(item_id='x') & bought(item_id='y') & had()"
    assert pickle.loads(pickle.dumps(told)) == told


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: bought(at_least=3, at_most=2), "no number is at_least 3 and at_most 2"),
        (lambda: bought(more_than=2, fewer_than=3), "no number is more_than 2 and fewer_than 3"),
        (lambda: bought(at_least=1, more_than=2), "at_least and more_than say the same"),
        (lambda: bought(at_least=1.5), r"at_least must be a whole number >= 0\. Got 1\.5"),
        (lambda: had(fewer_than=0), r"fewer_than must be a whole number >= 1\. Got 0"),
        (lambda: had(at_least=True), r"whole number >= 0\. Got True"),
        (lambda: spent(), "spent needs a bound"),
        (lambda: spent(at_least=float("nan")), r"at_least must be a finite number \(currency\)\. Got nan"),
        (lambda: spent(more_than=5, at_most=5), "no amount is at_most 5 and more_than 5"),
        (lambda: bought(since="2024-02-01", until="2024-02-01"), "since must be before until"),
        (lambda: bought(since=60), r"since must be a date as 2025-06-01 \(year-month-day\)\. Got 60"),
        (lambda: bought(since="01.06.2025"), r"since must be a date as .* Got '01\.06\.2025'"),
        (lambda: read_log(SMALL, not_after="01.06.2025"), r"not_after must be a date as .* Got '01\.06\.2025'"),
        (lambda: bought(until="soon"), r"until must be a date.* Got 'soon'"),
        (lambda: bought(until=pd.NaT), "until must be a date"),
        (lambda: bought(ago=60, since="2024-01-01"), "since and until, or ago, not both"),
        (lambda: bought(ago=(120, 60)), r"ago must be days > 0, or two of them, the nearer first.* Got \(120, 60\)"),
        (lambda: bought(ago=0), "ago must be days > 0"),
        (lambda: bought(ago=(None, 60)), "ago must be days > 0"),
        (lambda: bought(ago="60"), "ago must be days > 0"),
        (lambda: bought(ago=1e9), "at most 36,525"),
        (lambda: bought(count="visits"), r"count must be one of 'day', 'transaction_id', .* Got 'visits'"),
        (lambda: bought(item_id=[]), "item_id must be one value or several"),
        (lambda: bought(item_id=[1.5]), r"item_id must be text or a whole number, or several\. Got 1\.5"),
        (lambda: bought(brand=[None, "x"]), "brand must be text or a whole number"),
        (lambda: never("x"), r"never takes conditions, such as bought\(category='TEA'\)\. Got 'x'"),
        (lambda: LOG.customers(X, bought), "customers takes conditions"),
        (lambda: LOG.customers(bought(item_id=["x", "It's"])), r"1 of 2 values .* Is .* meant as \"it's\"\?"),
        (lambda: LOG.customers(never(bought(item_id="?"))), r"never occur .*: '\?'\. There are: \"it's\", 'x', 'y'\."),
        (lambda: LOG.customers(bought(since="2024-01-04")), r"nothing is known of the time since 2024-01-04 .* as of"),
        (lambda: LOG.customers(X, as_of="2023-12-31"), "snapshot_date must be after the log's first line"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_what_the_log_does_not_have_is_named_with_what_it_has():
    with pytest.raises(
        SchemaError, match=r"bought\(brand='A'\) needs brand, .* It has: item_id\. Name its column"
    ):
        LOG.customers(X | bought(brand="A"))
    with pytest.raises(SchemaError, match="needs store_id"):
        LOG.customers(bought(count="store_id"))
    with pytest.raises(MissingDataError, match="this log has no events"):
        LOG.customers(never(had("call")))
    log = read_log(
        SMALL, events=pd.DataFrame([("a", "call", BEGIN)], columns=["customer_id", "kind", "occurred_at"])
    )
    with pytest.raises(
        ValueError, match=r"1 of 1 values of kind never occur .* Is 'calls' meant as 'call'\?"
    ):
        log.customers(had("calls"))


def test_words_that_would_drop_a_condition_are_refused():
    for drop in (lambda: X and Y, lambda: X or Y, lambda: not X):
        with pytest.raises(TypeError, match="Combine conditions by &"):
            drop()
    with pytest.raises(TypeError, match="unsupported operand"):
        X & "y"


def test_events_after_the_last_line_are_seen_unless_a_date_is_given():
    log = read_log(
        pd.DataFrame(
            {"customer_id": [1, 2], "occurred_at": ["2024-01-01", "2024-01-05"], "amount": [1.0, 2.0]}
        ),
        events=pd.DataFrame({"customer_id": [1], "occurred_at": ["2024-02-01"], "kind": ["call"]}),
    )
    assert log.customers(had("call")).tolist() == [1]
    assert log.customers(had("call", ago=2)).tolist() == [1]
    assert log.customers(had("call"), as_of="2024-01-20").tolist() == []


def test_two_lines_of_one_day_are_one_purchase():
    log = read_log(
        pd.DataFrame(
            {
                "customer_id": [1, 1, 2, 2],
                "occurred_at": ["2024-01-05", "2024-01-05", "2024-01-05", "2024-01-06"],
                "amount": 1.0,
            }
        )
    )
    assert log.customers(bought(at_most=1)).tolist() == [1]
    assert log.customers(bought(at_least=2)).tolist() == [2]
