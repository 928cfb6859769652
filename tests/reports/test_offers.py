"""What to offer next, on the page: the recommender's own words, and pairs that are not chance."""

import re

import numpy as np
import pandas as pd
import pytest

from crm_analytics import read_log
from crm_analytics.basket import NextBasketRecommender
from crm_analytics.core import SchemaError
from crm_analytics.reports import offers, portfolio_report

EVIL = "<script>alert(3)</script>"


@pytest.fixture(scope="module")
def shop(score):
    """Four hundred customers; tea goes with lemon, the others go their own ways. One product is named in HTML."""
    rng = np.random.default_rng(4)
    lines = []
    for basket in range(4000):
        customer, when = (
            int(rng.integers(400)),
            pd.Timestamp("2024-01-01") + pd.Timedelta(days=int(rng.integers(200))),
        )
        bought = [item for item in range(12) if rng.random() < 0.12]
        bought += [20, 21] if rng.random() < 0.1 else []
        lines += [(customer, basket, when, item, 4.0) for item in bought]
    frame = pd.DataFrame(lines, columns=["customer_id", "transaction_id", "occurred_at", "item_id", "amount"])
    names = {20: "Tea", 21: "Lemon", 0: f"Bread{EVIL}"}
    frame["description"] = [names.get(item, f"Thing {item}") for item in frame["item_id"]]
    log, model, scores = score(read_log(frame, not_after="2024-12-31"), unit="D", horizon=90)
    found = NextBasketRecommender(rounds=20).fit(log)
    products = pd.concat([found.recommend(k=2, repeat_only=True), found.recommend(k=2, novel_only=True)])
    page = portfolio_report(log, model, scores, title="Shop", next_products=products, audit=False)
    return log, model, scores, products, page


def test_the_section_is_there_only_with_products(shop):
    log, model, scores, products, page = shop
    assert 'id="offers"' in page
    assert 'href="#offers"' in page
    without = portfolio_report(log, model, scores, title="Shop", next_products=products.iloc[:0], audit=False)
    assert "offers" not in without
    assert without == portfolio_report(log, model, scores, title="Shop", audit=False)


def test_the_most_valuable_customers_see_their_own_products(shop):
    log, _, scores, products, _ = shop
    table = offers.next_product_table(log, scores, products, "$")
    top = scores["clv"].sort_values(ascending=False, kind="stable").index[:10]
    assert [row[0] for row in table.rows] == [str(customer) for customer in top]
    for customer, row in zip(top, table.rows, strict=True):
        own = products[(products["customer_id"] == customer) & (products["rank"] == 1)]
        for kind, name, reason in [("repeat", row[2], row[3]), ("novel", row[4], row[5])]:
            best = own[own["kind"] == kind]
            if best.empty:  # has bought everything
                assert (name, reason) == ("–", "–")
            else:
                assert f"({best['item_id'].iloc[0]})" in name
                assert reason == best["reason"].iloc[0]


def test_pairs_that_were_planted_are_found_and_no_others(shop):
    log, *_ = shop
    level, found = offers.pairs(log, "item_id")
    assert level == "description"  # the name that people read
    assert len(found) == 1
    assert found["antecedents"].iloc[0] | found["consequents"].iloc[0] == {"Tea", "Lemon"}
    assert offers.pairs_in_short(found, level).startswith("1 pair of products is bought together")


def test_names_from_the_data_are_text(shop):
    page = shop[-1]
    assert EVIL not in page
    assert not re.search(r"<script", page)


def test_products_without_the_recommenders_columns_are_refused(shop):
    log, model, scores, products, _ = shop
    with pytest.raises(SchemaError, match=r"portfolio_report: 1 of 6 columns missing: reason"):
        portfolio_report(log, model, scores, title="Shop", next_products=products.drop(columns="reason"))
