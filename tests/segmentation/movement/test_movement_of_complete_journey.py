"""Stability, migration and forecast of value tiers on Complete Journey."""

import pandas as pd
import pytest
from numpy.testing import assert_allclose

from crm_analytics.datasets import load_complete_journey
from crm_analytics.segmentation import (
    ValueSegmenter,
    check_forecast,
    forecast_sizes,
    migration_matrix,
    stability_report,
)

# From July on, the half year looked back over lies within the log.
DATES = pd.date_range("2017-07-03", periods=6, freq="28D")
WINDOWS = {"amount_short": 28, "amount_middle": 91, "amount_long": 182}


@pytest.fixture(scope="module")
def days():
    log = load_complete_journey().log
    sql = "SELECT customer_id, CAST(occurred_at AS DATE) AS day, SUM(amount) AS amount FROM purchases GROUP BY ALL"
    table = log.query_as_of(sql).to_pandas()
    return table.assign(day=pd.to_datetime(table["day"]))


def spend(days, start, end):
    return days[(days["day"] >= start) & (days["day"] < end)].groupby("customer_id")["amount"].sum()


def features(days, date):
    spends = {name: spend(days, date - pd.Timedelta(days=n), date) for name, n in WINDOWS.items()}
    return pd.DataFrame(spends).fillna(0.0)


@pytest.fixture(scope="module")
def labels(days):
    tiers = ValueSegmenter().fit(features(days, DATES[0]))
    return [tiers.predict(features(days, date)) for date in DATES]


def test_value_tiers_are_stable_and_tell_of_the_next_quarter(days):
    now, then = (features(days, pd.Timestamp(date)) for date in ("2017-10-02", "2017-07-03"))
    to_come = spend(days, pd.Timestamp("2017-10-02"), pd.Timestamp("2018-01-01")).reindex(
        now.index, fill_value=0.0
    )
    report = stability_report(ValueSegmenter(), now, to_come, earlier=then, n_bootstrap=20)
    row = report.summary.iloc[0]
    assert row["n_segments"] == 5
    assert row["r2"] > 0.6
    assert row["ari_mean"] > 0.9
    assert row["refit_ari"] > 0.9
    assert 0.6 < row["stay"] < 0.9
    assert list(report.segments.index) == ["Basic", "Bronze", "Silver", "Gold", "Platinum"]
    assert report.segments["outcome"].is_monotonic_increasing


def test_those_who_rise_spend_more_than_those_who_stay(days, labels):
    after = spend(days, DATES[1], DATES[2])
    moves = migration_matrix(*labels[:2], value=after.reindex(labels[1].index, fill_value=0.0))
    assert moves.counts.to_numpy().sum() == len(labels[0].index.union(labels[1].index))
    assert moves.balance()["after"].sum() == len(labels[1])
    inside = moves.flows[
        (moves.flows["to"] != "gone") & (moves.flows["from"] != "new") & (moves.flows["customers"] > 30)
    ]
    rise = inside[inside["to"].cat.codes > inside["from"].cat.codes]
    fall = inside[inside["to"].cat.codes < inside["from"].cat.codes]
    assert len(rise) >= 2
    assert len(fall) >= 2
    assert (rise["gain"] > 2 * rise["gain_se"]).all()
    assert (fall["gain"] < -2 * fall["gain_se"]).all()


def test_months_are_forecast_within_the_intervals_and_no_better_than_by_standing_still(labels):
    check = check_forecast(labels, periods=2)
    assert list(check.table["segment"].unique()) == ["Basic", "Bronze", "Silver", "Gold", "Platinum"]
    assert check.inside >= 0.8
    assert check.error < 20  # of 2,400 customers
    assert check.naive_error < 20  # the tiers are about where the chain settles
    assert f"{check.error:.1f} customers off" in check.message
    assert_allclose(check.table["expected"] - check.table["actual"], check.table["error"])
    assert 0.7 < forecast_sizes(labels).dispersion < 1.6
