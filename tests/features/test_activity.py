"""A cohort's activity against pandas, period by period."""

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from crm_analytics.datasets import load_cdnow, make_purchases
from crm_analytics.features import cohort_activity, customer_summary
from crm_analytics.transactions import read_log

PANDAS_WORDS = {"D": "D", "W": "W-SUN", "M": "M", "h": "h"}


def activity_by_pandas(lines, cohort_end, snapshot, unit):
    word = PANDAS_WORDS[unit]
    seen = lines[lines["occurred_at"] < snapshot]
    born = seen.groupby("customer_id")["occurred_at"].transform("min")
    seen = seen[born < cohort_end]
    visits = seen.assign(period=seen["occurred_at"].dt.to_period(word))[
        ["customer_id", "period"]
    ].drop_duplicates()
    is_first = visits["period"] == visits.groupby("customer_id")["period"].transform("min")
    last = pd.Timestamp(snapshot) - pd.Timedelta(1, "us")
    every = pd.period_range(lines["occurred_at"].min(), last, freq=word)
    counts = {
        "new_customers": visits.loc[is_first, "period"].value_counts().reindex(every, fill_value=0),
        "repeat_purchases": visits.loc[~is_first, "period"].value_counts().reindex(every, fill_value=0),
    }
    table = pd.DataFrame(counts)
    table.index = every.to_timestamp()
    return table


@pytest.mark.parametrize("unit", PANDAS_WORDS)
@pytest.mark.parametrize(
    ("cohort_end", "snapshot"),
    [("2024-03-04", "2024-10-01"), ("2024-02-14 15:30", "2024-05-16 09:15"), ("2024-12-01", "2024-02-20")],
)
def test_activity_is_what_pandas_counts(unit, cohort_end, snapshot):
    lines = make_purchases(100, random_state=5).table().to_pandas()
    found = cohort_activity(read_log(lines), cohort_end, snapshot, unit)
    assert_frame_equal(
        found,
        activity_by_pandas(lines, cohort_end, snapshot, unit),
        check_names=False,
        check_freq=False,
        check_index_type=False,
    )


def test_activity_adds_up_to_the_summary():
    log = load_cdnow()
    activity, summary = cohort_activity(log, unit="W"), customer_summary(log, unit="W")
    assert activity["new_customers"].sum() == len(summary) == 2_357
    assert activity["repeat_purchases"].sum() == summary["frequency"].sum()


def test_every_period_has_a_row_named_by_its_first_instant():
    times = pd.to_datetime(["2024-01-31 22:10", "2024-04-02 00:00"])
    log = read_log(pd.DataFrame({"customer_id": "a", "occurred_at": times, "amount": 1.0}))
    found = cohort_activity(log, unit="M")
    assert found.index.name == "month"
    assert [str(day.date()) for day in found.index] == [
        "2024-01-01",
        "2024-02-01",
        "2024-03-01",
        "2024-04-01",
    ]
    assert found["repeat_purchases"].tolist() == [0, 0, 0, 1]
