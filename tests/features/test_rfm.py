"""RFM tables against their definition in pandas, the behaviour features, and as seen from a date."""

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal, assert_series_equal

from crm_analytics.datasets import load_cdnow, make_purchases
from crm_analytics.features import behaviour_features, customer_summary, rfm_table
from crm_analytics.features.periods import last_period, period_number
from crm_analytics.transactions import read_log


def rfm_by_pandas(lines, snapshot, unit, window):
    """The definition, spelled out."""
    snapshot = pd.Timestamp(snapshot)
    seen = lines[lines["occurred_at"] < snapshot]
    ago = last_period(snapshot, unit) - seen["occurred_at"].map(lambda instant: period_number(instant, unit))
    seen = seen.assign(ago=ago)[(ago < window) if window else (ago >= 0)]
    groups = seen.groupby("customer_id")
    return pd.DataFrame(
        {
            "since_last": groups["ago"].min(),
            "purchases": groups["ago"].nunique(),
            "amount": groups["amount"].sum(),
        }
    )


@pytest.mark.parametrize("window", [None, 1, 7])
@pytest.mark.parametrize("unit", ["D", "W", "M", "h"])
@pytest.mark.parametrize("snapshot", ["2024-07-01", "2024-09-11 13:30"])
def test_a_table_is_what_its_definition_in_pandas_gives(snapshot, unit, window):
    lines = make_purchases(60, random_state=3).table().to_pandas()
    found = rfm_table(read_log(lines), snapshot, unit, window)
    # The oracle adds floats, ours adds decimals.
    assert_frame_equal(found, rfm_by_pandas(lines, snapshot, unit, window), check_dtype=False, rtol=1e-12)


@pytest.mark.parametrize("snapshot", [None, "1997-10-01"])
def test_a_lifetime_agrees_with_the_summary_and_a_window_with_the_behaviour(snapshot):
    log = load_cdnow()
    life, behaviour = rfm_table(log, snapshot), behaviour_features(log, snapshot, windows=(28, 91, 182))
    summary = customer_summary(log, snapshot)
    assert life.index.equals(summary.index)
    assert_series_equal(life["since_last"], summary["T"] - summary["recency"], check_names=False)
    assert_series_equal(life["purchases"], summary["frequency"] + 1, check_names=False)
    assert_series_equal(life["amount"], behaviour["amount_total"], check_names=False, check_exact=True)
    recent = behaviour[behaviour["purchases_middle"] > 0]
    found = rfm_table(log, snapshot, window=91)
    assert found.index.equals(recent.index)
    assert (found["since_last"] < 91).all()
    assert_series_equal(found["purchases"].astype(float), recent["purchases_middle"], check_names=False)
    assert_series_equal(found["amount"], recent["amount_middle"], check_names=False, check_exact=True)


def test_a_window_that_holds_everything_changes_nothing():
    log = load_cdnow()
    assert_frame_equal(rfm_table(log, window=10_000), rfm_table(log), check_exact=True)


def test_what_comes_after_the_snapshot_changes_nothing():
    lines = load_cdnow().to_frame()
    later = lines.assign(occurred_at=pd.Timestamp("1997-10-01"), amount=1e6)
    log = read_log(pd.concat([lines, later]))
    for window in (None, 91):
        right = rfm_table(load_cdnow(), "1997-10-01", window=window)
        assert_frame_equal(rfm_table(log, "1997-10-01", window=window), right, check_exact=True)
    assert (rfm_table(log, "1997-10-02")["since_last"] == 0).all()


def test_nobody_within_the_window_gives_no_rows():
    found = rfm_table(load_cdnow(), "2005-01-01", window=30)
    assert (len(found), list(found)) == (0, ["since_last", "purchases", "amount"])


@pytest.mark.parametrize("window", [0, -3, 1.5])
def test_a_window_must_be_whole_and_last(window):
    with pytest.raises(
        ValueError, match=rf"window must be a whole number of weeks >= 1\. Got {window} instead"
    ):
        rfm_table(load_cdnow(), unit="W", window=window)


def test_an_unknown_unit_is_refused():
    with pytest.raises(ValueError, match="unit must be one of 'h', 'D', 'W', 'M'"):
        rfm_table(load_cdnow(), unit="day")
