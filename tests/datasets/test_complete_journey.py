"""Complete Journey as its docstrings count it."""

from datetime import date

import pyarrow.parquet as pq
import pytest

from crm_analytics.datasets import load_complete_journey


@pytest.fixture(scope="module")
def journey():
    return load_complete_journey()


@pytest.mark.parametrize(
    ("name", "rows"),
    [("transactions", 1_469_307), ("products", 92_331), ("demographics", 801), ("promotions", 20_940_529)],
)
def test_the_files_have_the_rows_that_the_docstrings_say(journey, name, rows):
    assert pq.ParquetFile(journey.folder / f"{name}.parquet").metadata.num_rows == rows


def test_the_log_has_every_line_of_2469_households(journey):
    log = journey.log
    assert (log.n_lines, log.n_customers) == (1_469_307, 2_469)
    assert log.counts.set_aside == {}
    assert (log.start, log.end) == (date(2017, 1, 1), date(2018, 1, 2))
    # What was paid in all, counted by hand from the file's sales_value.
    paid = pq.read_table(journey.folder / "transactions.parquet", columns=["sales_value"])["sales_value"]
    assert log.counts.amount == pytest.approx(paid.to_numpy().sum(), rel=1e-12)


def test_the_log_knows_what_was_bought_and_what_was_taken_off(journey):
    line = journey.log.head(1).iloc[0]
    product = journey.products.set_index("product_id").loc[line["item_id"]]
    assert (line["category"], line["department"], line["brand"]) == (
        product["product_category"],
        product["department"],
        product["brand"],
    )
    assert line["discount"] >= 0
    assert line["amount"] > 0
    assert journey.log is journey.log  # read once


def test_the_tables_beside_the_log_belong_to_it(journey):
    assert journey.demographics.shape == (801, 8)
    assert journey.demographics["household_id"].is_unique
    assert {"campaign_id", "household_id", "campaign_type", "start_date", "end_date"} <= set(
        journey.campaigns
    )
    assert journey.campaigns["campaign_type"].notna().all()
    redeemed = journey.coupon_redemptions.merge(journey.coupons, on=["coupon_upc", "campaign_id"])
    assert len(redeemed) >= len(journey.coupon_redemptions) > 0
    assert set(journey.coupon_redemptions["campaign_id"]) <= set(journey.campaigns["campaign_id"])
