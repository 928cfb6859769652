"""Calibration and holdout against lifetimes, against pandas, and against a look into the future."""

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal, assert_series_equal

from crm_analytics.datasets import load_cdnow, make_purchases
from crm_analytics.features import calibration_holdout, customer_summary
from crm_analytics.transactions import read_log

PANDAS_WORDS = {"D": "D", "W": "W-SUN", "M": "M", "h": "h"}


def holdout_by_pandas(lines, begin, end, unit):
    """Purchase periods and money from `begin` to `end`, of those who bought before."""
    after = lines[(lines["occurred_at"] >= begin) & (lines["occurred_at"] < end)]
    period = after["occurred_at"].dt.to_period(PANDAS_WORDS[unit])
    known = sorted(lines.loc[lines["occurred_at"] < begin, "customer_id"].unique())
    bought = period.groupby(after["customer_id"]).nunique().reindex(known, fill_value=0)
    spent = after.groupby("customer_id")["amount"].sum().reindex(known, fill_value=0.0)
    table = pd.DataFrame(
        {
            "frequency_holdout": bought,
            "monetary_value_holdout": (spent / bought.where(bought > 0)).fillna(0.0),
            "amount_holdout": spent,
        }
    )
    return table.rename_axis("customer_id")


@pytest.mark.parametrize("unit", PANDAS_WORDS)
def test_holdout_is_what_pandas_periods_give(unit):
    begin, end = "2024-07-01", "2024-12-02"  # a Monday that begins a month, and a Monday
    lines = make_purchases(150, random_state=4).table().to_pandas()
    log = read_log(lines)
    found = calibration_holdout(log, begin, end, unit)
    expected = holdout_by_pandas(lines, begin, end, unit)
    assert_frame_equal(found[expected.columns], expected, rtol=1e-12)  # decimals against floats
    calibration = customer_summary(log, begin, unit)
    assert_frame_equal(found[calibration.columns], calibration, check_exact=True)
    periods = pd.period_range(begin, pd.Timestamp(end) - pd.Timedelta(1, "us"), freq=PANDAS_WORDS[unit])
    assert (found["duration_holdout"] == len(periods)).all()


def test_cdnow_holdout_has_the_published_1882_purchases():
    table = calibration_holdout(load_cdnow(), "1997-10-01")
    assert table["frequency_holdout"].sum() == 1_882
    assert len(table) == 2_357
    assert table["duration_holdout"].unique().tolist() == [273]  # 39 weeks


def test_cdnow_holdout_counts_are_those_of_lifetimes(lifetimes_utils):
    log = load_cdnow()
    # With money, because without it lifetimes fails on today's pandas; its money is a mean over lines.
    theirs = lifetimes_utils.calibration_and_holdout_data(
        log.to_frame(),
        "customer_id",
        "occurred_at",
        calibration_period_end="1997-09-30",
        observation_period_end="1998-06-30",
        monetary_value_col="amount",
    )
    ours = calibration_holdout(log, "1997-10-01")
    pairs = [("frequency", "frequency_cal"), ("recency", "recency_cal"), ("T", "T_cal")]
    pairs += [("monetary_value", "monetary_value_cal"), ("frequency_holdout", "frequency_holdout")]
    for our, their in pairs:
        # Floats added in another order differ in their last digits.
        assert_series_equal(ours[our], theirs[their], check_dtype=False, check_names=False, rtol=1e-12)


def test_money_is_counted_alike_in_both_halves():
    # Two lines a day: spend per purchase is 30 in either half, however the log is cut.
    days = pd.to_datetime(["2024-01-01", "2024-01-10", "2024-01-20", "2024-02-05", "2024-02-15"]).repeat(2)
    log = read_log(pd.DataFrame({"customer_id": "a", "occurred_at": days, "amount": [10.0, 20.0] * 5}))
    row = calibration_holdout(log, "2024-02-01").loc["a"]
    assert row["monetary_value"] == row["monetary_value_holdout"] == 30.0
    assert row["amount_holdout"] == 60.0


def test_a_refund_in_the_holdout_does_not_change_the_calibration():
    lines = {
        "customer_id": "a",
        "item_id": "x",
        "occurred_at": pd.to_datetime(["2024-01-01", "2024-01-10", "2024-02-05", "2024-02-06", "2024-02-07"]),
        "amount": [5.0, 8.0, 3.0, -3.0, -8.0],
    }
    refunded, innocent = (read_log(pd.DataFrame(lines).head(n)) for n in (5, 2))
    table = calibration_holdout(refunded, "2024-02-01", "2024-03-01")
    assert_frame_equal(
        table[["frequency", "recency", "T", "monetary_value"]], customer_summary(innocent, "2024-02-01")
    )
    assert table["frequency_holdout"].tolist() == [0]
    assert table["amount_holdout"].tolist() == [0.0]


@pytest.mark.parametrize(
    ("begin", "end", "unit", "message"),
    [
        ("1997-10-01", "1997-10-01", "D", r"holdout_end must be after calibration_end"),
        ("1997-10-01", None, "W", r"must be the first instant of a week \(unit 'W'\).* Got 1997-10-01"),
        ("1997-09-15", None, "M", r"must be the first instant of a month"),
        ("1997-10-01 12:00", None, "D", r"must be the first instant of a day"),
        ("1997-10-01", None, "Y", r"unit must be one of"),
        ("1996-10-01", None, "D", r"must be after the log's first line"),
    ],
)
def test_an_impossible_holdout_is_refused(begin, end, unit, message):
    with pytest.raises(ValueError, match=message):
        calibration_holdout(load_cdnow(), begin, end, unit)
