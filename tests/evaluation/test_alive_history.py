"""One customer's history against the summaries of every date, asked one at a time."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from crm_analytics import read_log
from crm_analytics.clv import BetaGeoModel
from crm_analytics.datasets import load_cdnow
from crm_analytics.evaluation import alive_history
from crm_analytics.features import customer_summary

NEXT = {
    "D": pd.Timedelta(days=1),
    "W": pd.Timedelta(days=7),
    "M": pd.DateOffset(months=1),
    "h": pd.Timedelta(hours=1),
}
NAMES = {"D": "day", "W": "week", "M": "month", "h": "hour"}


class Halving:
    """P(still a customer) halves with every period of silence."""

    def __init__(self):
        self.asked = []

    def probability_alive(self, X):
        self.asked.append(X)
        return 0.5 ** (X["T"] - X["recency"]) / (1 + X["frequency"])


def log_of(times, customer="a", **options):
    return read_log(
        pd.DataFrame({"customer_id": customer, "amount": 1.0, "occurred_at": pd.to_datetime(times)}),
        **options,
    )


TIMES = ["2024-01-30 09:00", "2024-01-30 18:00", "2024-02-12 10:00", "2024-02-13 10:00", "2024-04-02 23:30"]


@pytest.mark.parametrize("unit", ["D", "W", "M", "h"])
@pytest.mark.parametrize("step", [1, 5])
def test_every_row_is_what_the_summary_of_its_date_gives(unit, step):
    log = log_of(TIMES)
    table = alive_history(log, Halving(), "a", unit, step=step)
    assert table.index.name == NAMES[unit]
    for row in [*range(0, len(table), max(1, len(table) // 12)), -1]:
        end = min(table.index[row] + NEXT[unit], pd.Timestamp(log.end))
        summary = customer_summary(log, end, unit)
        assert table["frequency"].iloc[row] == summary["frequency"].iloc[0]
        assert_allclose(table["p_alive"].iloc[row], Halving().probability_alive(summary).iloc[0])


@pytest.mark.parametrize("unit", ["D", "W", "M", "h"])
def test_rows_go_from_the_first_purchase_to_the_end_of_the_log_period_by_period(unit):
    log = log_of(TIMES)
    table = alive_history(log, Halving(), "a", unit)
    assert table.index[0] <= pd.Timestamp(TIMES[0]) < table.index[0] + NEXT[unit]
    assert ((table.index[:-1] + NEXT[unit]) == table.index[1:]).all()
    assert table.index[-1] < pd.Timestamp(log.end) <= table.index[-1] + NEXT[unit]


def test_the_log_may_go_on_after_the_customer_is_gone():
    log = read_log(
        pd.DataFrame(
            {
                "customer_id": [1, 2, 1],
                "amount": 1.0,
                "occurred_at": pd.to_datetime(["2024-01-02", "2024-01-01", "2024-01-04"]),
            }
        )
    )
    table = alive_history(log, Halving(), 2)
    assert_allclose(table["p_alive"], [1, 0.5, 0.25, 0.125])
    assert table["purchase"].tolist() == [True, False, False, False]


def test_purchases_are_marked_once_in_whatever_step():
    log = log_of(TIMES)
    daily = alive_history(log, Halving(), "a")
    assert list(daily.index[daily["purchase"]].strftime("%m-%d")) == ["01-30", "02-12", "02-13", "04-02"]
    weekly = alive_history(log, Halving(), "a", step=7)
    assert weekly["purchase"].sum() == 3  # 12 and 13 February lie in one step
    assert weekly.index[-1] == daily.index[-1]
    shared = daily.loc[weekly.index]
    assert_allclose(weekly["p_alive"], shared["p_alive"])
    assert (weekly["frequency"] == shared["frequency"]).all()


def test_the_model_is_asked_once():
    model = Halving()
    alive_history(log_of(TIMES), model, "a")
    assert len(model.asked) == 1
    assert list(model.asked[0].columns) == ["frequency", "recency", "T"]


@pytest.mark.parametrize("customer_id", [7, "7", np.int64(7)])
def test_a_customer_is_found_by_text_or_number(customer_id):
    assert len(alive_history(log_of(TIMES[:2], customer=7), Halving(), customer_id)) == 1


@pytest.mark.parametrize("customer_id", ["x' OR '1' = '1", "b", 7, None])
def test_an_unknown_customer_is_refused_and_told_what_ids_look_like(customer_id):
    with pytest.raises(ValueError, match=r"has no purchase in the log\. .* go from 'a' to 'a'"):
        alive_history(log_of(TIMES), Halving(), customer_id)


def test_a_purchase_taken_back_in_full_is_not_shown():
    lines = pd.DataFrame(
        {
            "customer_id": "a",
            "item_id": ["tea", "cup", "cup"],
            "amount": [3.0, 8.0, -8.0],
            "occurred_at": pd.to_datetime(["2024-01-01", "2024-01-03", "2024-01-05"]),
        }
    )
    assert alive_history(read_log(lines, refunds="net"), Halving(), "a")["purchase"].sum() == 1
    assert alive_history(read_log(lines, refunds="drop"), Halving(), "a")["purchase"].sum() == 2


@pytest.mark.parametrize("step", [0, -1, 1.5])
def test_a_step_that_is_no_count_is_refused(step):
    with pytest.raises(ValueError, match="step must be a whole number >= 1"):
        alive_history(log_of(TIMES), Halving(), "a", step=step)


def test_an_unknown_unit_is_refused():
    with pytest.raises(ValueError, match="unit must be one of"):
        alive_history(log_of(TIMES), Halving(), "a", unit="Y")


def test_on_cdnow_the_last_row_is_the_customer_of_today():
    log = load_cdnow()
    summary = customer_summary(log)
    model = BetaGeoModel().fit(summary)
    today = pd.Series(model.probability_alive(summary), index=summary.index)
    for customer_id in summary["frequency"].nlargest(3).index:
        table = alive_history(log, model, customer_id, step=7)
        assert_allclose(table["p_alive"].iloc[-1], today[customer_id], rtol=1e-12)
        quiet = ~table["purchase"].to_numpy()[1:] & (table["frequency"].to_numpy()[1:] > 0)
        assert (np.diff(table["p_alive"])[quiet] < 0).all()  # silence tells against them
