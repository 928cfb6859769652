"""Customer summaries against lifetimes, against pandas periods, and as seen from a date."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal, assert_series_equal

from crm_analytics.datasets import load_cdnow, make_purchases
from crm_analytics.features import customer_counts, customer_summary
from crm_analytics.features.summary import stream_summary
from crm_analytics.transactions import read_log

PANDAS_WORDS = {"D": "D", "W": "W-SUN", "M": "M", "h": "h"}
COLUMNS = ["frequency", "recency", "T", "monetary_value"]
COUNTED = ["frequency", "recency", "T"]


def summary_by_pandas(lines, snapshot, unit):
    """The definition, spelled out: one purchase a period, the first one apart."""
    seen = lines[lines["occurred_at"] < snapshot]
    number = seen["occurred_at"].dt.to_period(PANDAS_WORDS[unit]).map(lambda period: period.ordinal)
    now = pd.Period(pd.Timestamp(snapshot) - pd.Timedelta(1, "us"), PANDAS_WORDS[unit]).ordinal
    spent = seen.groupby(["customer_id", number.rename("period")])["amount"].sum().reset_index("period")
    rows = {}
    for customer, visits in spent.groupby(level="customer_id"):
        later = visits.sort_values("period").iloc[1:]
        first, last = visits["period"].min(), visits["period"].max()
        rows[customer] = [
            len(later),
            last - first,
            now - first,
            later["amount"].mean() if len(later) else 0.0,
        ]
    index = pd.Index(rows, name="customer_id")
    found = pd.DataFrame(list(rows.values()), columns=COLUMNS, index=index)
    return found.astype({"frequency": "int64", "recency": "int64", "T": "int64"})


def log_gaps_by_pandas(lines, snapshot, unit):
    """The definition, spelled out: logarithms of the steps between the periods with a purchase."""
    seen = lines[lines["occurred_at"] < snapshot]
    number = seen["occurred_at"].dt.to_period(PANDAS_WORDS[unit]).map(lambda period: period.ordinal)
    rows = {}
    for customer, periods in number.groupby(seen["customer_id"]):
        visits = sorted(set(periods))
        rows[customer] = math.fsum(math.log(b - a) for a, b in itertools.pairwise(visits))
    return pd.Series(rows, name="log_gaps").rename_axis("customer_id")


def halves(log):
    """The log's customers in two logs."""
    lines = log.to_frame()
    first = lines["customer_id"].isin(sorted(lines["customer_id"].unique())[::2])
    return [read_log(lines[which].reset_index(drop=True)) for which in (first, ~first)]


@pytest.mark.parametrize("unit", ["D", "W"])
@pytest.mark.parametrize("snapshot", ["1997-04-07", "1997-09-29", "1998-06-29"])  # Mondays
def test_summary_of_cdnow_is_that_of_lifetimes(lifetimes_utils, unit, snapshot):
    # Mondays, because within a week lifetimes counts purchases after its own observation_period_end.
    log = load_cdnow()
    theirs = lifetimes_utils.summary_data_from_transaction_data(
        log.to_frame(),
        "customer_id",
        "occurred_at",
        monetary_value_col="amount",
        observation_period_end=pd.Timestamp(snapshot) - pd.Timedelta(days=1),  # its end is seen, ours is not
        freq=unit,
    )
    # Floats added in another order differ in their last digits.
    assert_frame_equal(customer_summary(log, snapshot, unit), theirs, check_dtype=False, rtol=1e-12)


@pytest.mark.parametrize("unit", PANDAS_WORDS)
@pytest.mark.parametrize("snapshot", ["2024-07-01", "2024-09-11 13:30"])
def test_summary_is_what_pandas_periods_give(unit, snapshot):
    lines = make_purchases(150, random_state=3).table().to_pandas()
    found = customer_summary(read_log(lines), snapshot, unit)
    # The oracle adds floats, ours adds decimals.
    assert_frame_equal(found, summary_by_pandas(lines, snapshot, unit), rtol=1e-12)


@pytest.mark.parametrize("process", ["beta_geo", "mbg_cnbd_k"])
@pytest.mark.parametrize("unit", PANDAS_WORDS)
@pytest.mark.parametrize("snapshot", ["2024-07-01", "2024-09-11 13:30"])
def test_log_gaps_are_what_pandas_periods_give(process, unit, snapshot):
    lines = make_purchases(150, process=process, random_state=3).table().to_pandas()
    log = read_log(lines)
    found = customer_summary(log, snapshot, unit, gaps=True)
    expected = log_gaps_by_pandas(lines, snapshot, unit)
    # Logarithms are cut to twelve digits before they are added, of at most some hundred gaps.
    assert_series_equal(found["log_gaps"], expected, rtol=0, atol=1e-10)
    assert (found["frequency"] == 0).any()  # of whom the sum is 0
    assert (found.loc[found["frequency"] == 0, "log_gaps"] == 0).all()
    once = found[found["frequency"] == 1]
    np.testing.assert_allclose(once["log_gaps"], np.log(once["recency"]), rtol=0, atol=1e-12)
    # What was there is there, as it was.
    assert_frame_equal(found[COLUMNS], customer_summary(log, snapshot, unit), check_exact=True)


def test_log_gaps_of_customers_who_all_came_once_are_0():
    log = read_log(
        pd.DataFrame({"customer_id": ["a", "b"], "occurred_at": "2024-01-01", "amount": [1.0, 2.0]})
    )
    assert customer_summary(log, "2024-02-01", gaps=True)["log_gaps"].tolist() == [0.0, 0.0]
    assert customer_summary(log, gaps=True)["log_gaps"].dtype == float


@pytest.mark.parametrize("unit", PANDAS_WORDS)
def test_without_a_date_the_gaps_are_as_of_the_end_of_the_last_day(unit):
    log = load_cdnow()
    expected = customer_summary(log, log.end, unit, gaps=True)
    assert_frame_equal(customer_summary(log, unit=unit, gaps=True), expected, check_exact=True)


def test_a_purchase_that_was_refunded_leaves_no_gap():
    lines = pd.DataFrame(
        {
            "customer_id": 1,
            "item_id": ["x", "y", "x", "y"],
            "occurred_at": ["2024-01-01", "2024-01-05", "2024-01-11", "2024-01-20"],
            "amount": [5.0, 6.0, 7.0, -6.0],
        }
    )
    log = read_log(lines)
    before, after = (
        customer_summary(log, at, gaps=True)["log_gaps"].item() for at in ("2024-01-20", "2024-01-21")
    )
    assert before == pytest.approx(math.log(4) + math.log(6), abs=1e-11)  # twelve digits of each
    assert after == pytest.approx(math.log(10), abs=1e-11)


@pytest.mark.parametrize("unit", PANDAS_WORDS)
@pytest.mark.parametrize("snapshot", ["1997-10-01", "1998-03-04 13:30", None])
def test_counts_are_the_summary_counted(unit, snapshot):
    log = load_cdnow()
    summary = customer_summary(log, snapshot, unit)
    found = customer_counts(log, snapshot, unit)
    expected = summary.groupby(COUNTED).size().rename("customers").reset_index()
    assert_frame_equal(found, expected, check_exact=True)
    assert found["customers"].sum() == len(summary)
    assert found.dtypes.tolist() == [np.dtype("int64")] * 4


@pytest.mark.parametrize("unit", PANDAS_WORDS)
def test_counts_of_two_halves_of_the_customers_make_those_of_all(unit):
    log = load_cdnow()
    whole = customer_counts(log, "1997-10-01", unit)
    parts = pd.concat([customer_counts(half, "1997-10-01", unit) for half in halves(log)])
    assert len(parts) > len(whole)  # there is something to add up
    assert_frame_equal(parts.groupby(COUNTED, as_index=False)["customers"].sum(), whole, check_exact=True)


def test_counts_of_an_unknown_unit_or_of_nothing_are_refused():
    with pytest.raises(ValueError, match="unit must be one of 'h', 'D', 'W', 'M'"):
        customer_counts(load_cdnow(), unit="week")
    with pytest.raises(ValueError, match=r"must be after the log's first line \(1997-01-01\)"):
        customer_counts(load_cdnow(), "1997-01-01")


def test_the_snapshot_is_the_first_instant_not_seen():
    times = pd.to_datetime(["2024-01-01", "2024-01-02 23:59:59.999999", "2024-01-03"], format="ISO8601")
    log = read_log(pd.DataFrame({"customer_id": "a", "occurred_at": times, "amount": [1.0, 2.0, 4.0]}))
    before = customer_summary(log, "2024-01-03").loc["a"]
    assert before.tolist() == [1, 1, 1, 2.0]
    assert customer_summary(log, "2024-01-03 00:00:00.000001").loc["a"].tolist() == [2, 2, 2, 3.0]
    assert customer_summary(log, "2024-01-03T03:00:00+03:00").loc["a"].equals(before)


def test_the_default_snapshot_is_the_day_after_the_last_line():
    log = load_cdnow()
    assert_frame_equal(customer_summary(log), customer_summary(log, log.end), check_exact=True)
    assert str(log.end) == "1998-07-01"


def test_money_is_added_exactly():
    # In floats 0.1 added ten times is not 1, and 1e9 + 0.000001 a thousand times loses its tail.
    days = pd.to_datetime("2024-01-01") + pd.to_timedelta([0] + [1] * 1_001, "D")
    amount = [0.0, 1e9, *[0.000001] * 1_000]
    log = read_log(pd.DataFrame({"customer_id": 7, "occurred_at": days, "amount": amount}))
    assert customer_summary(log)["monetary_value"].item() == 1_000_000_000.001


def test_streamed_batches_are_the_summary():
    log = load_cdnow()
    batches = stream_summary(log, "1997-10-01", "W", rows=500)
    streamed = batches.read_all().to_pandas().set_index("customer_id")
    assert_frame_equal(streamed, customer_summary(log, "1997-10-01", "W"), check_exact=True)


def test_a_snapshot_of_nothing_is_refused():
    lines = pd.DataFrame({"customer_id": [None], "occurred_at": pd.Timestamp("2024-01-01"), "amount": 1.0})
    with pytest.raises(ValueError, match=r"no lines to summarise: all were set aside"):
        customer_summary(read_log(lines))
    with pytest.raises(ValueError, match=r"must be after the log's first line \(1997-01-01\)"):
        customer_summary(load_cdnow(), "1997-01-01")


def test_an_unknown_unit_is_refused_even_before_a_query():
    with pytest.raises(ValueError, match="unit must be one of 'h', 'D', 'W', 'M'"):
        customer_summary(load_cdnow(), unit="week")


def test_types_are_whole_counts_and_float_money():
    found = customer_summary(load_cdnow())
    assert found.dtypes.tolist() == [np.dtype(kind) for kind in ("int64", "int64", "int64", "float64")]
    assert found.index.is_monotonic_increasing
    assert (found["recency"] <= found["T"]).all()


def test_the_summary_is_the_callers_to_write_to():
    found = customer_summary(load_cdnow())
    found.loc["0001", "frequency"] = 99
    assert found.loc["0001", "frequency"] == 99
    assert customer_summary(load_cdnow()).loc["0001", "frequency"] == 3


@pytest.mark.parametrize("unit", ["D", "W", "M", "h"])
@pytest.mark.parametrize("last_amount", [4.0, -2.0])
def test_without_a_date_the_summary_is_as_of_the_end_of_the_last_day_even_if_a_refund_ends_it(
    unit, last_amount
):
    table = pd.DataFrame(
        {
            "customer_id": [1, 1, 2, 1],
            "item_id": [7, 7, 7, 7],
            "occurred_at": ["2023-11-05 08:00", "2024-01-10 09:30", "2024-01-11 23:10", "2024-02-20 10:15"],
            "amount": [5.0, 6.0, 3.0, last_amount],
        }
    )
    log = read_log(table)
    pd.testing.assert_frame_equal(customer_summary(log, unit=unit), customer_summary(log, log.end, unit))
