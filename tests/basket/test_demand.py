"""Demand by place: planted differences are found, chance is not, and counts are those of brute force."""

import functools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import binomtest

from crm_analytics.basket.demand import (
    SHAPES,
    UNITS,
    demand_index,
    design_effects,
    fit_index_prior,
    posterior_index,
    share_p_value,
)
from crm_analytics.core import SchemaError
from crm_analytics.datasets import load_complete_journey
from crm_analytics.transactions import read_log

ITEMS, STORES = 60, 8


@functools.cache
def made_log(seed, *, tastes=None, liked=1.0, n_customers=400):
    """Customers of one store each; with `tastes` their own, and store 0 liking item 0 by `liked`."""
    rng = np.random.default_rng(seed)
    popular = rng.dirichlet(np.full(ITEMS, 2.0))
    stores, receipts, bought = np.arange(n_customers) % STORES, [], []
    for customer, store in enumerate(stores):
        share = popular if tastes is None else rng.dirichlet(popular * tastes)
        share = share * np.where((np.arange(ITEMS) == 0) & (store == 0), liked, 1.0)
        receipts.append(1 + rng.poisson(8 if customer % 3 else 40))
        bought.append(rng.choice(ITEMS, size=receipts[-1] * 3, p=share / share.sum()))
    customer = np.repeat(np.arange(n_customers), receipts)  # of each receipt; three lines follow
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, customer.size), "D")
    lines = pd.DataFrame(
        {"customer_id": customer, "transaction_id": np.arange(customer.size), "occurred_at": day}
    )
    lines = lines.assign(store_id=[f"s{store}" for store in stores[customer]], amount=1.0)
    return read_log(lines.loc[lines.index.repeat(3)].assign(item_id=np.concatenate(bought)))


lines = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(0, 3),
        st.integers(0, 3),
        st.integers(0, 4),
        st.sampled_from(["d1", "d2"]),
    ),
    min_size=4,
    max_size=40,
)


@given(lines, st.sampled_from(UNITS))
@settings(max_examples=20)
def test_counts_and_expectations_are_those_of_brute_force(rows, unit):
    stores, items = {row[0] for row in rows}, {row[1] for row in rows}
    if len(stores) < 2 or len(items) < 2:
        return
    days = {"d1": "2024-01-01 10:00", "d2": "2024-01-02 09:00"}
    table = pd.DataFrame(
        rows, columns=["store_id", "item_id", "customer_id", "transaction_id", "occurred_at"]
    )
    log = read_log(table.assign(amount=1.0, occurred_at=table["occurred_at"].map(days)))
    found = demand_index(log, unit=unit, min_expected=1e-9).set_index(["place", "item"])
    assert len(found) == len(stores) * len(items)
    receipts, buyers = {}, {}
    for store, item, customer, transaction, day in rows:
        receipts.setdefault((store, item), set()).add((customer, transaction, day))
        buyers.setdefault((store, item), set()).add(customer)
    counted = receipts if unit == "baskets" else buyers
    total = sum(map(len, counted.values()))
    for store in stores:
        for item in items:
            row = found.loc[(store, item)]
            assert row["baskets"] == len(receipts.get((store, item), ()))
            assert row["customers"] == len(buyers.get((store, item), ()))
            of_store = sum(len(v) for (s, _), v in counted.items() if s == store)
            of_item = sum(len(v) for (_, i), v in counted.items() if i == item)
            assert row["expected"] == pytest.approx(of_store * of_item / total)
            assert row["ratio"] == pytest.approx(
                len(counted.get((store, item), ())) * total / of_store / of_item
            )


@given(st.lists(st.tuples(*[st.integers(0, 2)] * 3, st.integers(1, 5)), min_size=1, max_size=25))
@settings(max_examples=40)
def test_design_effects_are_those_of_brute_force(rows):
    table = pd.DataFrame(rows, columns=["place", "item", "customer", "y"])
    table = table.groupby(["place", "item", "customer"], as_index=False)["y"].sum()
    for name in ("place", "item"):
        table[name] = pd.factorize(table[name])[0]
    y = table["y"].to_numpy(dtype=float)
    of_place, of_item, of_all = design_effects(table["place"], table["item"], table["customer"], y)
    part = table.groupby("item")["y"].sum() / y.sum()
    wide = table.pivot_table(index=["place", "customer"], columns="item", values="y", fill_value=0)
    expected = np.outer(wide.sum(axis=1), part)
    square = (wide - expected) ** 2
    assert_allclose(of_item, square.sum() / expected.sum(axis=0), atol=1e-9)
    right = (
        square.groupby("place").sum().sum(axis=1)
        / pd.Series(expected.sum(axis=1), wide.index).groupby("place").sum()
    )
    assert_allclose(of_place, right, atol=1e-9)
    assert of_all == pytest.approx(square.to_numpy().sum() / y.sum(), abs=1e-9)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("tastes", [None, 20.0])
def test_where_places_do_not_differ_next_to_nothing_is_found(unit, tastes):
    found = [demand_index(made_log(seed, tastes=tastes), unit=unit) for seed in range(4)]
    # With no true difference every discovery is false: in at most 5 % of trials there is one.
    assert sum(table["significant"].any() for table in found) <= 1
    together = pd.concat(found)
    assert together["index"].between(0.75, 1.33).all()
    assert (together["lower"].le(1) & together["upper"].ge(1)).mean() > 0.98


def test_without_the_design_effect_loyal_customers_would_pass_for_local_demand():
    table = demand_index(made_log(0, tastes=20.0))
    n_item = table.groupby("item")["baskets"].transform("sum").to_numpy(dtype=float)
    share = (table["expected"] / n_item).to_numpy()
    naive = share_p_value(table["baskets"].to_numpy(dtype=float), n_item, share)
    assert (naive < 1e-4).sum() > 20  # of 480; nothing of it is true
    assert not table["significant"].any()


def test_a_planted_taste_of_a_place_is_found():
    found = demand_index(made_log(1, tastes=50.0, liked=6.0))
    top = found.iloc[0]
    assert (top["place"], top["item"], top["significant"]) == ("s0", 0, True)
    assert top["lower"] > 1
    assert top["lower"] < top["index"] < min(top["upper"], top["ratio"])
    others = found[(found["place"] != "s0") & (found["item"] != 0)]
    assert not others["significant"].any()


def test_indices_of_many_places_are_recovered_and_their_intervals_hold_them():
    rng = np.random.default_rng(3)
    true = rng.gamma(8.0, 1 / 8.0, 4000)
    expected = rng.uniform(5, 60, 4000)
    n = rng.poisson(true * expected).astype(float)
    weights = fit_index_prior(n, expected)
    assert weights.sum() == pytest.approx(1)
    assert weights @ (1 / SHAPES) == pytest.approx(1 / 8, rel=0.08)  # the variance of the index
    index, lower, upper = posterior_index(n, expected, weights, 0.9)
    assert np.mean((lower <= true) & (true <= upper)) == pytest.approx(0.9, abs=0.015)
    assert np.mean((index - true) ** 2) < 0.75 * np.mean((n / expected - true) ** 2)


def test_equal_indices_are_shrunk_to_one_number():
    rng = np.random.default_rng(4)
    expected = rng.uniform(5, 60, 3000)
    n = rng.poisson(expected).astype(float)
    weights = fit_index_prior(n, expected)
    assert weights @ (1 / SHAPES) < 0.06**2  # a spread below 6 %
    index, lower, upper = posterior_index(n, expected, weights, 0.95)
    assert (np.abs(index - 1) < 0.15).all()
    assert np.median(upper - lower) < 0.3


def test_a_few_loud_places_among_many_quiet_ones_keep_their_index():
    rng = np.random.default_rng(5)
    expected = np.full(2000, 20.0)
    true = np.where(np.arange(2000) < 10, 4.0, 1.0)
    n = rng.poisson(true * expected).astype(float)
    index, lower, upper = posterior_index(n, expected, fit_index_prior(n, expected), 0.95)
    assert (lower[:10] > 2).all()
    assert index[:10].mean() == pytest.approx(4, rel=0.15)
    assert (index[10:] < 1.5).mean() > 0.995
    assert (upper[10:] > 1).mean() > 0.99


@given(st.integers(0, 30), st.integers(0, 30), st.floats(0.01, 0.99))
def test_p_value_is_twice_the_smaller_binomial_tail(n, more, share):
    total = n + more
    if total == 0:
        return
    tails = [binomtest(n, total, share, alternative=side).pvalue for side in ("less", "greater")]
    found = share_p_value(np.array([float(n)]), np.array([float(total)]), np.array([share]))
    assert_allclose(found, min(1, 2 * min(tails)), rtol=1e-6, atol=1e-12)


def test_stores_may_be_joined_to_regions_and_customers_placed_where_they_live():
    log = made_log(5, n_customers=80)
    whole = demand_index(log, min_expected=1e-9)
    regions = {f"s{store}": "north" if store < 3 else "south" for store in range(STORES - 1)}
    joined = demand_index(log, min_expected=1e-9, regions=regions)
    assert set(joined["place"]) == {"north", "south"}
    kept = whole[whole["place"] != f"s{STORES - 1}"]  # a store without a region is left out
    right = kept["baskets"].groupby([kept["place"].map(regions), kept["item"]]).sum()
    assert joined.set_index(["place", "item"])["baskets"].sort_index().tolist() == right.sort_index().tolist()
    home = {customer: regions.get(f"s{customer % STORES}") for customer in range(80)}
    lived = demand_index(log, "customer_id", min_expected=1e-9, regions=pd.Series(home))
    pd.testing.assert_frame_equal(lived, joined)


def test_what_comes_after_the_snapshot_is_not_counted():
    log = made_log(6, n_customers=60)
    lines = log.to_frame()
    early = demand_index(read_log(lines[lines["occurred_at"] < "2024-04-01"]), min_expected=1)
    pd.testing.assert_frame_equal(demand_index(log, snapshot_date="2024-04-01", min_expected=1), early)


def test_pairs_expected_too_seldom_are_left_out_whatever_was_observed():
    log = made_log(7, n_customers=60)
    everything = demand_index(log, min_expected=1e-9)
    found = demand_index(log, min_expected=6)
    right = everything[everything["expected"] >= 6]
    pairs = [set(zip(table["place"], table["item"], strict=True)) for table in (found, right)]
    assert pairs[0] == pairs[1]
    assert 0 < len(found) < len(everything)
    assert demand_index(log, min_expected=1e6).empty


def test_stores_of_complete_journey_differ_in_some_departments():
    found = demand_index(load_complete_journey().log, level="department")
    assert (found["expected"] >= 5).all()
    assert found["expected"].sum() <= 1_500_000
    assert 20 < found["significant"].sum() < len(found) / 10
    assert found["index"].between(0.05, 8).all()
    assert (found["lower"] < found["index"]).all()
    assert (found["index"] < found["upper"]).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"by": "city"}, "by must be one of 'store_id', 'customer_id'"),
        ({"level": "colour"}, "level must be one of 'item_id'"),
        ({"unit": "lines"}, "unit must be one of 'baskets', 'customers'"),
        ({"by": "customer_id"}, "regions must name each customer's region"),
        ({"min_expected": 0}, "min_expected must be > 0"),
        ({"interval": 95}, r"interval must be in \(0, 1\)\. Got 95"),
        ({"max_fdr": 0}, r"max_fdr must be in \(0, 1\)"),
    ],
)
def test_impossible_parameters_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        demand_index(made_log(1, n_customers=8), **wrong)


def test_a_log_without_places_or_products_is_refused():
    log = made_log(1, n_customers=8)
    with pytest.raises(SchemaError, match=r"need two of each\. The log has no brand: name its source"):
        demand_index(log, level="brand")
    with pytest.raises(SchemaError, match=r"places with products: 0; .* regions names too few of them\."):
        demand_index(log, regions={"elsewhere": "north"})
