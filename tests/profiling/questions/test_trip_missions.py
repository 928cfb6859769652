"""Trip missions: planted stock-up shops, and shops of one kind in many shapes."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_analytics import read_log
from crm_analytics.profiling.questions.trip_missions import trip_missions, turns, two_kinds
from crm_analytics.profiling.reading.population import Population

STRONG = np.log(76)  # log Bayes factor from which a claim is as likely as .95

ONE_KIND = {
    "log-normal": lambda rng, n: np.round(np.exp(rng.normal(1.5, 0.9, n))),
    "narrow log-normal": lambda rng, n: np.round(np.exp(rng.normal(2.0, 0.5, n))),
    "Poisson": lambda rng, n: 1 + rng.poisson(6, n),
    "geometric": lambda rng, n: rng.geometric(0.15, n),
    "negative binomial": lambda rng, n: rng.negative_binomial(0.8, 0.1, n),
    "gamma": lambda rng, n: np.round(rng.gamma(1.2, 7, n)),
}


@pytest.mark.parametrize("shape", ONE_KIND)
def test_shops_of_one_kind_are_not_taken_for_two(shape):
    rng = np.random.default_rng(1)
    found = [
        two_kinds(np.maximum(ONE_KIND[shape](rng, n), 1).astype(int))
        for n in (60, 150, 400)
        for _ in range(40)
    ]
    assert sum(one is not None and one[0] >= STRONG for one in found) == 0


@pytest.mark.parametrize(("n", "share", "large", "recall"), [(100, 0.15, 25, 0.95), (250, 0.1, 20, 0.95)])
def test_a_few_large_shops_among_many_small_ones_are_found(n, share, large, recall):
    rng = np.random.default_rng(2)
    hits, right = [], []
    for _ in range(80):
        is_large = rng.random(n) < share
        sizes = np.where(
            is_large, 1 + rng.poisson(large * np.exp(rng.normal(0, 0.2, n))), 1 + rng.poisson(3, n)
        )
        found = two_kinds(sizes)
        hits.append(found is not None and found[0] >= STRONG)
        if hits[-1]:
            right.append(((sizes >= found[1]) == is_large).mean())
    assert np.mean(hits) >= recall
    assert np.mean(right) >= 0.98


@settings(max_examples=25)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=80))
def test_any_sizes_give_an_answer_that_does_not_depend_on_their_order(sizes):
    found, backwards = two_kinds(np.array(sizes)), two_kinds(np.array(sizes[::-1]))
    assert found == backwards
    if found is not None:
        assert np.isfinite(found[0])
        assert found[1] in sizes


def _log(rng, *, months=24, without=(), start="2007-01-03"):
    """Ten small shops a month, and a large one in all months but some."""
    first = pd.Timestamp(start)
    rows = []
    for month in range(months):
        for shop in range(10):
            rows.append(
                (first + pd.Timedelta(days=30 * month + 2 * shop, hours=18), 1 + rng.poisson(2), False)
            )
        if month not in without:
            rows.append((first + pd.Timedelta(days=30 * month + 25, hours=11), 20 + rng.poisson(6), True))
    at, size, large = (np.array(column) for column in zip(*rows, strict=True))
    receipt = np.repeat(np.arange(len(rows)), size)
    return pd.DataFrame(
        {
            "customer_id": "a",
            "transaction_id": receipt,
            "occurred_at": at[receipt],
            "amount": 2.5,
            "store_id": "Moda",
            "large": large[receipt],
        }
    )


def test_the_claim_shows_the_lines_of_the_large_shops_and_the_months_without():
    frame = _log(np.random.default_rng(4), without=(3, 9, 10))
    (claim,) = trip_missions(Population.read(read_log(frame.drop(columns="large"))).household_at(0))
    household = Population.read(read_log(frame.drop(columns="large"))).household_at(0)
    assert set(household.lines.row[claim.lines]) == set(frame.index[frame["large"]])
    assert claim.bayes_factor > 1e4
    assert claim.values["large_per_month"] == pytest.approx(21 / 24, abs=0.05)
    assert claim.values["small_per_month"] == pytest.approx(10, abs=0.5)
    assert claim.values["months_without"] >= 3
    assert claim.alternatives == ("elsewhere",)


def test_refuelling_is_no_small_shop():
    frame = _log(np.random.default_rng(4)).drop(columns="large")
    fuel = frame.drop_duplicates("transaction_id").assign(
        store_id="pump", category="fuel", description="unleaded fuel"
    )
    fuel["transaction_id"] += 10_000
    fuel["occurred_at"] += pd.Timedelta(hours=1)
    both = pd.concat([frame.assign(category="food", description="bread"), fuel], ignore_index=True)
    (claim,) = trip_missions(Population.read(read_log(both)).household_at(0))
    (without,) = trip_missions(Population.read(read_log(frame)).household_at(0))
    assert claim.values == without.values


def test_few_or_equal_shops_ask_nothing():
    frame = _log(np.random.default_rng(4)).drop(columns="large")
    assert trip_missions(Population.read(read_log(frame.iloc[:5])).household_at(0)) == []
    single = frame.drop_duplicates("transaction_id")
    assert trip_missions(Population.read(read_log(single)).household_at(0)) == []


def test_turns_speak_for_large_shops_that_keep_apart_and_for_nothing_in_mixed_order():
    rng = np.random.default_rng(4)
    apart = np.zeros(120, dtype=bool)
    apart[np.arange(5, 120, 8) + rng.integers(-1, 2, 15)] = True
    mixed = np.array([turns(rng.permutation(apart)) for _ in range(400)])
    assert turns(apart) > 5
    assert (
        np.mean(np.exp(mixed / 2)) < 1.1
    )  # half of it is counted: a Bayes factor's mean under its null is 1
    assert min(mixed) >= -np.log(2) - 1e-9
    assert turns(np.arange(50) < 3) == 0.0
