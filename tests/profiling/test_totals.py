"""Totals and months against counting by hand."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from crm_analytics import read_log
from crm_analytics.profiling import Context, Population
from crm_analytics.profiling.totals import monthly_totals, totals

LINES = pd.DataFrame(
    {
        "customer_id": ["Z", "Z", "O", "Z", "Z"],
        "transaction_id": [1, 1, 2, 3, 4],
        "item_id": list("abcab"),
        "occurred_at": pd.to_datetime(
            ["2008-01-30 10:00", "2008-01-30 10:00", "2008-01-30 18:00", "2008-02-02 09:00", "2008-04-01 12:00"]
        ),
        "amount": [1.25, 2.0, 50.0, 4.5, 10.1],
        "store_id": ["s", "s", "t", "s", None],
    }
)  # fmt: skip
CARDS = pd.DataFrame({"customer_id": ["Z", "O"], "household_id": ["home", "home"]})


def household(lines=LINES, cards=CARDS):
    return Population.read(read_log(lines), Context(cards=cards)).household_at(0)


def test_totals_are_as_counted_by_hand():
    total = totals(household())
    assert total.to_dict() == {
        "lines": 5, "receipts": 4, "visit_days": 3, "amount": 67.85,
        "median_receipt": 7.3,  # of 3.25, 4.5, 10.1 and 50
        "days_between_visits": 31.0,  # of 3 and 59
        "first_day": date(2008, 1, 30), "last_day": date(2008, 4, 1), "stores": 2, "cards": 2,
    }  # fmt: skip


def test_months_without_a_purchase_are_there():
    months = monthly_totals(household())
    assert months.index.tolist() == list(pd.date_range("2008-01-01", "2008-04-01", freq="MS"))
    assert months["amount"].tolist() == [53.25, 4.5, 0.0, 10.1]
    assert months["receipts"].tolist() == [2, 1, 0, 1]
    assert months["lines"].tolist() == [3, 1, 0, 1]
    assert months["visit_days"].tolist() == [1, 1, 0, 1]


def test_one_receipt_has_totals_and_no_gap():
    total = totals(household(LINES.iloc[:2], CARDS.iloc[:1]))
    assert np.isnan(total["days_between_visits"])
    assert (total["receipts"], total["visit_days"], total["amount"]) == (1, 1, 3.25)
    assert len(monthly_totals(household(LINES.iloc[:2], CARDS.iloc[:1]))) == 1


def test_a_log_without_stores_counts_none():
    assert totals(household(LINES.drop(columns="store_id")))["stores"] == 0


def test_months_add_up_to_the_totals_of_every_household():
    rng = np.random.default_rng(5)
    receipt = np.sort(rng.integers(0, 90, 400))
    start = pd.Timestamp("2007-11-20 09:00")
    lines = pd.DataFrame(
        {
            "customer_id": receipt % 5,
            "transaction_id": receipt,
            "item_id": rng.integers(0, 30, 400),
            "occurred_at": start + pd.to_timedelta(receipt * 101, unit="h"),
            "amount": rng.integers(1, 9000, 400) / 100,
        }
    )
    population = Population.read(read_log(lines))
    spent = lines.groupby("customer_id")["amount"].sum()
    for place in range(len(population.households)):
        home = population.household_at(place)
        total, months = totals(home), monthly_totals(home)
        assert total["amount"] == pytest.approx(spent[home.household_id], abs=0.01)
        for column in ("lines", "receipts", "visit_days"):
            assert months[column].sum() == total[column]
        assert months["amount"].sum() == pytest.approx(total["amount"], abs=0.01 * len(months))
