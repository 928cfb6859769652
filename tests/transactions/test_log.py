"""The log accounts for every line, whatever the dirt, and answers alike whatever the order."""

import datetime as dt
import math

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from crm_analytics.datasets import load_cdnow
from crm_analytics.features import customer_summary
from crm_analytics.transactions import read_log
from crm_analytics.transactions.log import TransactionLog
from crm_analytics.transactions.schema import REASONS

NOW = dt.datetime(2024, 6, 1)
HUGE = st.sampled_from([math.inf, -math.inf, math.nan, 1e12, -1e300, 999_999_999_999.9999])
NUMBERS = st.none() | st.floats(-1e11, 1e11) | st.integers(-20, 20).map(float) | HUGE
TIMES = st.none() | st.datetimes(dt.datetime(2024, 1, 1), dt.datetime(2024, 7, 1))
TYPED_LINE = st.tuples(
    st.none() | st.sampled_from(["a", "b", " ", "", "nan", "C 1"]), TIMES, NUMBERS, NUMBERS
)

DATE_WORDS = [
    "2024-01-05",
    "2024-02-30",
    "2999-01-01",
    "",
    "null",
    "31/31/2024",
    "2024-03-01T10:00:00",
    "0000-00-00",
]
NUMBER_WORDS = [
    "5",
    "-3,20",
    "12.50",
    "1.234.567",
    "1e400",
    "inf",
    "abc",
    "-5-",
    "7-",
    "",
    "nan",
    "1e12",
    "$3",
]
TEXT_LINE = st.tuples(
    st.none() | st.sampled_from(["a", "b", " ", "", "\t"]) | st.text(max_size=3),
    st.none() | st.sampled_from(DATE_WORDS) | st.text(max_size=8),
    st.none() | st.sampled_from(NUMBER_WORDS) | st.text(max_size=5),
    st.none() | st.sampled_from(NUMBER_WORDS),
)
COLUMNS = ["customer_id", "occurred_at", "amount", "quantity"]


def typed_table(lines):
    table = pd.DataFrame(lines, columns=COLUMNS)
    kinds = {"customer_id": object, "occurred_at": "datetime64[us]", "amount": float, "quantity": float}
    return table.astype(kinds)


def text_table(lines):
    """The lines, and one good one, since a column without any date is refused."""
    return pd.DataFrame([*lines, ("a", "2024-01-09", "1", "1")], columns=COLUMNS, dtype=object)


TABLES = st.lists(TYPED_LINE, max_size=12).map(typed_table) | st.lists(TEXT_LINE, max_size=12).map(text_table)


def reason(customer, time, amount, quantity):
    """Why a typed line is set aside: the first reason that applies, or None."""
    if customer is None or customer.strip() in ("", "nan"):
        return "missing_customer"
    if time is None or pd.isna(time):
        return "missing_date"
    if time > NOW:
        return "future_date"
    if amount is None or math.isnan(amount):
        return "missing_amount"
    if not abs(amount) < 1e12:
        return "amount_out_of_range"
    if quantity is not None and not math.isnan(quantity):
        if not abs(quantity) < 1e12:
            return "quantity_out_of_range"
        if quantity < 0 < amount:
            return "contradicting_signs"
    return None


@settings(max_examples=25, deadline=None)
@given(table=TABLES)
def test_every_line_is_kept_or_set_aside_with_a_reason(table):
    log = read_log(table, not_after=NOW)
    counts, aside = log.counts, log.set_aside()
    assert counts.source == len(table) == counts.kept + sum(counts.set_aside.values())
    assert set(counts.set_aside) <= set(REASONS)
    assert aside["reason"].value_counts().to_dict() == counts.set_aside
    assert len(log.to_frame()) == counts.kept
    kept = log.query("SELECT line_number FROM lines")["line_number"].to_pylist()
    assert sorted([*kept, *aside["line_number"]]) == list(range(1, len(table) + 1))


@settings(max_examples=25, deadline=None)
@given(lines=st.lists(TYPED_LINE, max_size=12))
def test_the_reason_is_the_first_that_applies(lines):
    log = read_log(typed_table(lines), not_after=NOW)
    found = log.query("SELECT reason FROM checked ORDER BY line_number")["reason"].to_pylist()
    assert found == [reason(*line) for line in lines]


@settings(max_examples=25, deadline=None)
@given(table=TABLES, policy=st.sampled_from(["net", "drop", "keep"]), data=st.data())
def test_order_index_and_other_columns_change_nothing(table, policy, data):
    order = data.draw(st.permutations(range(len(table))))
    columns = data.draw(st.permutations(COLUMNS))
    other = table.iloc[order][[*columns]].assign(note="x", **{"other amount": 9.9})
    other.index = np.zeros(len(table), dtype=int)
    one, two = (read_log(t, not_after=NOW, refunds=policy) for t in (table, other))
    assert two.counts == one.counts
    assert two.refund_effect() == one.refund_effect()
    if one.counts.kept:
        # Bit by bit: money is added as exact decimals.
        assert_frame_equal(customer_summary(two), customer_summary(one), check_exact=True)


@settings(max_examples=10, deadline=None)
@given(table=TABLES)
def test_the_callers_table_is_never_written_to(table):
    before = table.copy(deep=True)
    log = read_log(table, not_after=NOW)
    log.audit()
    log.purchases() if log.counts.kept else log.head()
    assert_frame_equal(table, before, check_exact=True)


@pytest.fixture(scope="module")
def dirty():
    """Six lines: two purchases, a refund, and three lines to set aside."""
    table = {
        "customer_id": ["b", "a", None, "a", "a", "b"],
        "occurred_at": ["2024-01-05", "2024-01-07 10:30", "2024-01-06", "2024-01-09", "soon", "2024-01-10"],
        "amount": ["5", "7.25", "1", "-2", "1", "dear"],
        "item_id": list("xyxyyx"),
    }
    return read_log(pd.DataFrame(table))


def test_a_log_says_what_it_holds(dirty):
    assert repr(dirty) == (
        "TransactionLog: 3 lines of 2 customers, 2024-01-05 to 2024-01-09; 3 of 6 lines set aside"
    )
    counts = dirty.counts
    assert (counts.refunds, counts.amount, counts.refund_amount) == (1, 10.25, -2.0)
    assert (counts.first_at, counts.last_at) == (dt.datetime(2024, 1, 5), dt.datetime(2024, 1, 9))
    assert (dirty.n_lines, dirty.n_customers) == (3, 2)
    assert (dirty.start, dirty.end) == (dt.date(2024, 1, 5), dt.date(2024, 1, 10))


def test_frames_keep_the_order_and_columns_of_the_source(dirty):
    lines = dirty.to_frame()
    assert lines.columns.tolist() == ["customer_id", "item_id", "occurred_at", "amount"]
    assert lines["customer_id"].tolist() == ["b", "a", "a"]
    assert_frame_equal(dirty.head(2), lines.head(2))
    assert dirty.purchases()["amount"].tolist() == [5.0, 5.25]
    assert dirty.purchases("2024-01-07")["amount"].tolist() == [5.0]


def test_lines_set_aside_are_shown_as_they_came(dirty):
    aside = dirty.set_aside()
    assert aside["reason"].tolist() == ["missing_customer", "unreadable_date", "unreadable_amount"]
    assert aside["line_number"].tolist() == [3, 5, 6]
    assert aside["occurred_at"].tolist() == ["2024-01-06", "soon", "2024-01-10"]
    assert aside["amount"].tolist() == ["1", "1", "dear"]
    assert_frame_equal(dirty.set_aside(limit=1), aside.head(1))


@pytest.mark.parametrize("rows", [1, 2, 100])
def test_lines_set_aside_are_written_in_pieces(dirty, tmp_path, rows):
    path = tmp_path / "new" / "aside.parquet"
    assert dirty.write_set_aside(path, rows=rows) == 3
    assert pq.ParquetFile(path).num_row_groups == math.ceil(3 / rows)
    assert_frame_equal(pd.read_parquet(path), dirty.set_aside())
    assert [file.name for file in path.parent.iterdir()] == ["aside.parquet"]


@pytest.mark.parametrize("begin", ["WITH", "with", "\n  WITH"])
def test_a_question_may_begin_with_its_own_tables(dirty, begin):
    answer = dirty.query(
        f"{begin} dear AS (SELECT * FROM lines WHERE amount > $low) SELECT count(*) AS n FROM dear", low=5
    )
    assert answer.to_pylist() == [{"n": 1}]


def test_streamed_batches_are_the_whole_answer():
    log = load_cdnow()
    sql = "SELECT customer_id, amount FROM purchases ORDER BY customer_id, occurred_at, amount"
    streamed = log.stream_as_of(sql, "1997-10-01", rows=1_000).read_all()
    assert streamed.equals(log.query_as_of(sql, "1997-10-01"))


@pytest.mark.parametrize(
    ("snapshot", "instant"),
    [
        (None, dt.datetime(1998, 7, 1)),
        ("1997-10-01", dt.datetime(1997, 10, 1)),
        ("1997-10-01 09:30", dt.datetime(1997, 10, 1, 9, 30)),
        ("1997-10-01T02:00+03:00", dt.datetime(1997, 9, 30, 23)),
        (np.datetime64("1997-10-01"), dt.datetime(1997, 10, 1)),
        (dt.date(1997, 10, 1), dt.datetime(1997, 10, 1)),
        (pd.Timestamp("1997-10-01 02:00", tz="Europe/Istanbul"), dt.datetime(1997, 9, 30, 23)),
    ],
)
def test_a_snapshot_may_be_written_in_several_ways(snapshot, instant):
    assert load_cdnow().snapshot(snapshot) == instant


@pytest.mark.parametrize(
    "snapshot",
    ["01.10.1997", "10/01/1997", "1997-13-01", "October 1997", "", 19971001, float("nan"), pd.NaT, []],
)
def test_a_snapshot_that_is_no_date_or_one_of_two_is_refused(snapshot):
    log = load_cdnow()
    with pytest.raises(
        ValueError, match=r"^snapshot_date must be a date as 2025-06-01 \(year-month-day\)\. Got"
    ):
        log.snapshot(snapshot)
    with pytest.raises(ValueError, match=r"^as_of must be a date"):
        log.snapshot(snapshot, name="as_of")


def test_a_snapshot_before_the_log_is_said_as_it_was_given():
    log = load_cdnow()
    with pytest.raises(ValueError, match=r"\(1997-01-01\)\. Got 1996-05-01\.$"):
        log.snapshot("1996-05-01")
    with pytest.raises(ValueError, match=r"^until must be after .* Got 1996-05-01 09:30:00\.$"):
        log.snapshot("1996-05-01 09:30", name="until")


def test_an_empty_log_says_so():
    log = read_log(typed_table([]))
    assert repr(log) == "TransactionLog: 0 lines of 0 customers, no dates; 0 of 0 lines set aside"
    assert (log.start, log.end, len(log.to_frame()), len(log.audit())) == (None, None, 0, 0)
    assert len(log.purchases()) == 0
    with pytest.raises(ValueError, match="the log has no lines to summarise"):
        customer_summary(log)


def test_a_log_is_exported():
    from crm_analytics import read_log as exported
    from crm_analytics import transactions

    assert exported is transactions.read_log
    assert transactions.TransactionLog is TransactionLog
