"""CDNOW and the donations as the literature counts them."""

from datetime import date

import pandas as pd
import pytest

from crm_analytics.datasets import load_cdnow, load_donations
from crm_analytics.datasets.shipped import shipped_file


@pytest.mark.parametrize(
    ("full", "customers", "lines"), [(False, 2357, 6919), (True, 23_570, 69_659)], ids=["sample", "full"]
)
def test_cdnow_has_the_customers_lines_and_dates_of_the_literature(full, customers, lines):
    log = load_cdnow(full=full)
    assert (log.n_customers, log.n_lines) == (customers, lines)
    assert (log.start, log.end) == (date(1997, 1, 1), date(1998, 7, 1))
    assert log.counts.set_aside == {}
    first = log.to_frame().groupby("customer_id")["occurred_at"].min()
    assert first.max() < pd.Timestamp(1997, 3, 26)  # all began in the first twelve weeks


def test_cdnow_keeps_what_was_free_and_what_ids_look_like():
    lines = load_cdnow().to_frame()
    assert lines.head(1).to_dict("records") == [
        {"customer_id": "0001", "occurred_at": pd.Timestamp(1997, 1, 1), "quantity": 2.0, "amount": 29.33}
    ]
    assert (lines["amount"] == 0).sum() == 8
    assert (lines["quantity"] >= 1).all()


def test_the_sample_is_a_tenth_of_the_full_file_line_by_line():
    text = shipped_file("lifetimes", "datasets", "CDNOW_sample.txt").read_text()
    known_as = {line.split()[1]: line.split()[0] for line in text.splitlines()}  # the number in the full file
    full, sample = (load_cdnow(full=full).to_frame() for full in (True, False))
    sample["customer_id"] = sample["customer_id"].map(known_as)
    tenth = full[full["customer_id"].isin(list(known_as.values()))]
    assert sorted(map(tuple, sample.to_numpy())) == sorted(map(tuple, tenth.to_numpy()))
    assert tenth["customer_id"].nunique() * 10 == full["customer_id"].nunique()


def test_donations_are_counted_by_pattern():
    table = load_donations()
    assert list(table.columns) == ["frequency", "recency", "T", "n_customers"]
    assert table["n_customers"].sum() == 11_104
    assert (table["T"] == 6).all()
    assert (table["frequency"] <= table["recency"]).all()
    assert ((table["frequency"] == 0) == (table["recency"] == 0)).all()
    assert not table.duplicated(["frequency", "recency"]).any()
