"""Behaviour features against their definition spelled out in pandas, and as seen from a date."""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal, assert_series_equal

from crm_analytics.datasets import load_cdnow, make_purchases
from crm_analytics.features import behaviour_features, calibration_holdout, customer_summary, future_spend
from crm_analytics.features.behaviour import WINDOWS
from crm_analytics.features.periods import last_period, period_number, period_start, shift
from crm_analytics.transactions import read_log

SUMMARY = ["frequency", "recency", "T", "monetary_value"]


def behaviour_by_pandas(lines, snapshot, unit, windows):
    """The definition, spelled out, one customer after the other."""
    seen = lines[lines["occurred_at"] < snapshot]
    number = seen["occurred_at"].map(lambda instant: period_number(instant, unit)).rename("period")
    now = last_period(pd.Timestamp(snapshot), unit)
    rows = {}
    for customer, visits in seen.groupby("customer_id"):
        spent = visits.groupby(number)["amount"].sum()
        ago, gaps = now - spent.index.to_numpy(), np.diff(spent.index.to_numpy())
        row = {"since_last": ago.min()}
        for word, width in zip(["short", "middle", "long"], windows, strict=True):
            row |= {f"purchases_{word}": (ago < width).sum(), f"amount_{word}": spent[ago < width].sum()}
        row |= {"amount_total": spent.sum(), "amount_largest": spent.max()}
        row |= {"amount_first": spent.iloc[0], "amount_last": spent.iloc[-1]}
        if len(gaps):
            row |= {"gap_mean": gaps.mean(), "gap_last_ratio": gaps[-1] / gaps.mean()}
            row["since_last_ratio"] = ago.min() / gaps.mean()
        if len(gaps) > 1:
            row["gap_spread"] = gaps.std()
        late = (ago < windows[1]).sum()
        before = (ago < 2 * windows[1]).sum() - late
        if late + before:
            row["trend"] = (late - before) / (late + before)
        rows[customer] = row
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("customer_id")


@pytest.mark.parametrize("unit", WINDOWS)
@pytest.mark.parametrize("snapshot", ["2024-07-01", "2024-09-11 13:30"])
def test_features_are_what_their_definition_in_pandas_gives(unit, snapshot):
    lines = make_purchases(60, random_state=3).table().to_pandas()
    log = read_log(lines)
    found = behaviour_features(log, snapshot, unit)
    assert_frame_equal(found[SUMMARY], customer_summary(log, snapshot, unit), check_exact=True)
    right = behaviour_by_pandas(lines, snapshot, unit, WINDOWS[unit])
    assert set(found) == {*SUMMARY, *right}
    # The oracle adds floats, ours adds decimals; a spread of equal gaps is 0 only up to rounding.
    assert_frame_equal(found[right.columns], right, check_dtype=False, rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("snapshot", [None, "1997-10-01", "1998-01-05 12:00"])
def test_the_first_columns_are_the_customer_summary_to_the_last_digit(snapshot):
    log = load_cdnow()
    for unit in WINDOWS:
        found = behaviour_features(log, snapshot, unit)[SUMMARY]
        assert_frame_equal(found, customer_summary(log, snapshot, unit), check_exact=True)


def test_what_comes_after_the_snapshot_changes_nothing():
    lines = load_cdnow().to_frame()
    later = lines.assign(occurred_at=pd.Timestamp("1997-10-01"), amount=1e6)
    log = read_log(pd.concat([lines, later, later.assign(customer_id="new")]))
    right = behaviour_features(load_cdnow(), "1997-10-01")
    assert_frame_equal(behaviour_features(log, "1997-10-01"), right, check_exact=True)
    assert not behaviour_features(log, "1997-10-02")["amount_last"].equals(right["amount_last"])


def test_a_refund_counts_from_when_it_was_booked():
    table = pd.DataFrame(
        {
            "customer_id": 1,
            "item_id": [7, 7, 7],
            "occurred_at": ["2024-01-01", "2024-01-05", "2024-02-01"],
            "amount": [5.0, 6.0, -6.0],
        }
    )
    log = read_log(table)
    assert behaviour_features(log, "2024-02-01").loc[1, "amount_total"] == 11.0
    assert behaviour_features(log, "2024-02-02").loc[1, ["amount_total", "frequency"]].tolist() == [5.0, 0.0]


def test_windows_end_at_the_snapshot_and_have_the_length_asked_for():
    days = pd.date_range("2024-01-01", periods=30)
    log = read_log(pd.DataFrame({"customer_id": 1, "occurred_at": days, "amount": 2.0}))
    found = behaviour_features(log, "2024-01-31", windows=(1, 5, 12)).loc[1]
    assert found[["purchases_short", "purchases_middle", "purchases_long"]].tolist() == [1, 5, 12]
    assert found[["amount_short", "amount_middle", "amount_long", "trend"]].tolist() == [2, 10, 24, 0]
    assert found[["gap_spread", "gap_last_ratio", "since_last_ratio"]].tolist() == [0, 1, 0]


def test_what_is_undefined_is_nan_and_nothing_else_is():
    found = behaviour_features(load_cdnow(), "1997-10-01")
    once, twice = found["frequency"] == 0, found["frequency"] == 1
    empty = found.isna()
    for column in ["gap_mean", "gap_last_ratio", "since_last_ratio"]:
        assert empty[column].equals(once.rename(column))
    assert empty["gap_spread"].equals((once | twice).rename("gap_spread"))
    allowed = ["gap_mean", "gap_last_ratio", "since_last_ratio", "gap_spread", "trend"]
    assert not empty.drop(columns=allowed).any(axis=None)


@pytest.mark.parametrize("windows", [(5, 5, 9), (0, 3, 9), (1, 2), (1.5, 2, 3)])
def test_windows_that_do_not_rise_are_refused(windows):
    with pytest.raises(ValueError, match=r"three rising whole numbers >= 1\. Got"):
        behaviour_features(load_cdnow(), windows=windows)


def test_an_unknown_unit_is_refused():
    with pytest.raises(ValueError, match="unit must be one of 'h', 'D', 'W', 'M'"):
        behaviour_features(load_cdnow(), unit="week")


def test_future_spend_is_the_money_of_the_holdout():
    log = load_cdnow()
    found = future_spend(log, "1997-09-29", 39, "W")
    right = calibration_holdout(log, "1997-09-29", "1998-06-29", "W")["amount_holdout"]
    assert_series_equal(found, right, check_names=False, check_exact=True)
    assert found.index.equals(behaviour_features(log, "1997-09-29", "W").index)


def test_future_spend_needs_a_future_that_is_known():
    with pytest.raises(ValueError, match=r"the log ends \(1998-07-01\) before a horizon of 40 weeks"):
        future_spend(load_cdnow(), "1997-09-29", 40, "W")
    with pytest.raises(ValueError, match="must be the first instant of a week"):
        future_spend(load_cdnow(), "1997-10-01", 4, "W")
    with pytest.raises(ValueError, match=r"must be a whole number of days\. Got 1\.5"):
        future_spend(load_cdnow(), "1997-10-01", 1.5)


INSTANTS = st.datetimes(datetime(1980, 1, 1), datetime(2080, 1, 1))


@given(instant=INSTANTS, unit=st.sampled_from(list(WINDOWS)), n=st.integers(-500, 500))
def test_a_shift_by_n_is_n_periods(instant, unit, n):
    start = period_start(instant, unit)
    assert start <= instant
    assert period_number(start, unit) == period_number(instant, unit)
    assert period_number(start - timedelta(microseconds=1), unit) == period_number(instant, unit) - 1
    moved = shift(start, n, unit)
    assert period_number(moved, unit) == period_number(start, unit) + n
    assert period_start(moved, unit) == moved
