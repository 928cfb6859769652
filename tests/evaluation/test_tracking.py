"""Tracking tables against pandas on the plain log, and against the model asked one customer at a time."""

import pandas as pd
import pytest
from numpy.testing import assert_allclose

from crm_analytics.clv import BetaGeoModel
from crm_analytics.datasets import load_cdnow
from crm_analytics.evaluation import tracking_table
from crm_analytics.features import customer_summary

# First instant of a period of each unit, about two thirds into the log.
CALIBRATION_END = {"D": "1997-10-01", "W": "1997-09-29", "M": "1997-10-01"}
SHOWN = {"D": pd.DateOffset(days=7), "W": pd.DateOffset(days=7), "M": pd.DateOffset(months=1)}


@pytest.fixture(scope="module")
def log():
    return load_cdnow()


@pytest.fixture(scope="module")
def tracked(log):
    """Of each unit, the fitted model and its table."""
    found = {}
    for unit, end in CALIBRATION_END.items():
        model = BetaGeoModel().fit(customer_summary(log, end, unit))
        found[unit] = model, tracking_table(log, model, end, unit=unit)
    return found


def repeat_purchases(log, unit, cohort_end, until):
    """Distinct periods with a purchase after the first, of those born before `cohort_end`."""
    lines = log.to_frame()
    born = lines.groupby("customer_id")["occurred_at"].transform("min")
    lines = lines[(born < cohort_end) & (lines["occurred_at"] < until)]
    period = lines["occurred_at"].dt.to_period(unit)
    visits = lines.assign(period=period).drop_duplicates(["customer_id", "period"])
    return len(visits) - visits["customer_id"].nunique()


@pytest.mark.parametrize("unit", ["D", "W", "M"])
def test_actual_totals_are_those_of_the_plain_log(log, tracked, unit):
    table = tracked[unit][1]
    until = table.index[-1] + SHOWN[unit]
    assert table["actual"].sum() == repeat_purchases(log, unit, CALIBRATION_END[unit], until)
    cut = table.index[table["seen"]][-1] + SHOWN[unit]
    seen = table.loc[table["seen"], "actual"].sum()
    assert seen == repeat_purchases(log, unit, CALIBRATION_END[unit], cut)


@pytest.mark.parametrize("unit", ["D", "W", "M"])
def test_expected_total_is_the_sum_over_customers_of_what_their_age_expects(log, tracked, unit):
    model, table = tracked[unit]
    first_seen = log.to_frame().groupby("customer_id")["occurred_at"].min()
    cohort = first_seen.index[first_seen < CALIBRATION_END[unit]]
    end_of_seen = table.index[table["seen"]][-1]
    for row in [end_of_seen, table.index[-1]]:
        ages = customer_summary(log, row + SHOWN[unit], unit).loc[lambda s: s.index.isin(cohort), "T"]
        assert_allclose(
            table.loc[row, "expected_cumulative"], model.expected_purchases_new(ages).sum(), rtol=1e-9
        )


def test_the_index_is_a_week_or_a_month(tracked):
    assert {unit: table.index.name for unit, (_, table) in tracked.items()} == {
        "D": "week",
        "W": "week",
        "M": "month",
    }
    for unit, (_, table) in tracked.items():
        assert ((table.index[:-1] + SHOWN[unit]) == table.index[1:]).all()


def test_a_last_week_that_is_not_complete_is_left_out(log, tracked):
    model = tracked["D"][0]
    whole = tracking_table(log, model, "1997-10-01", "1998-03-04", unit="D")  # 61 weeks and a day
    table = tracking_table(log, model, "1997-10-01", "1998-03-05", unit="D")
    assert whole.index[0] == pd.Timestamp("1997-01-01")
    pd.testing.assert_frame_equal(whole, table)


def test_weeks_are_seen_if_they_end_before_the_calibration_does(tracked):
    for unit, (_, table) in tracked.items():
        ends = table.index + SHOWN[unit]
        assert (table["seen"] == (ends <= pd.Timestamp(CALIBRATION_END[unit]))).all()


def test_running_totals_are_sums_of_the_weeks(tracked):
    for _, table in tracked.values():
        assert_allclose(table["actual_cumulative"], table["actual"].cumsum())
        assert_allclose(table["expected_cumulative"], table["expected"].cumsum())
