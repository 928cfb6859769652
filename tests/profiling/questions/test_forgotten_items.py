"""Forgotten items: planted second receipts, visits at random, the null by brute force, poor logs."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_analytics import read_log
from crm_analytics.profiling.evidence.strength import strength
from crm_analytics.profiling.questions.forgotten_items import forgotten_items
from crm_analytics.profiling.reading.population import Population

START = np.datetime64("2007-01-01T00:00:00")


def _shops(rng, n, *, customer, back=0, days=700):
    """`n` visits at random days and hours; after `back` of them another receipt, 3 to 25 minutes later."""
    day = np.sort(rng.choice(days, n, replace=False))
    at = START + (day * 86400 + (rng.normal(17, 2.5, n).clip(8, 21.5) * 3600).astype(int)).astype(
        "timedelta64[s]"
    )
    store = rng.choice(["Kadikoy", "Moda"], n, p=[0.7, 0.3])
    again = np.sort(rng.choice(n, back, replace=False))
    later = at[again] + rng.integers(180, 1500, back).astype("timedelta64[s]")
    size = np.concatenate([4 + rng.poisson(5, n), rng.integers(1, 3, back)])
    receipt = np.repeat(np.arange(n + back), size)
    place = np.arange(receipt.size) - np.repeat(np.cumsum(size) - size, size)
    # Items of one receipt differ, and a second receipt has none of the first one's.
    begins = np.concatenate([rng.integers(0, 200, n), np.zeros(back, int)])
    begins[n:] = begins[again] + 100
    return pd.DataFrame(
        {
            "customer_id": customer,
            "occurred_at": np.concatenate([at, later])[receipt],
            "transaction_id": [f"{customer}-{i}" for i in receipt],
            "store_id": np.concatenate([store, store[again]])[receipt],
            "item_id": (begins[receipt] + 7 * place) % 200,
            "category": "food",
            "amount": 1.0 + rng.integers(0, 9, receipt.size),
            "back": receipt >= n,
        }
    )


@pytest.fixture(scope="module")
def town():
    rng = np.random.default_rng(3)
    households = [_shops(rng, 150, customer=f"back{i:03d}", back=3 + i % 4) for i in range(60)]
    households += [_shops(rng, 150, customer=f"plain{i:03d}") for i in range(250)]
    frame = pd.concat(households, ignore_index=True)
    return frame, Population.read(read_log(frame.drop(columns="back")))


def _claims(population):
    return {
        str(name): forgotten_items(population.household_at(i)) for i, name in enumerate(population.households)
    }


def test_second_receipts_are_found_with_their_lines_and_visits_at_random_are_not(town):
    frame, population = town
    claims = _claims(population)
    strong = {name for name, found in claims.items() if found and strength(found[0]) >= 0.95}
    told = {name for name, found in claims.items() if found and strength(found[0]) >= 0.8}
    assert sum(name.startswith("back") for name in told) >= 56
    assert sum(name.startswith("back") for name in strong) >= 50
    assert sum(name.startswith("plain") for name in strong) <= 1
    for name in sorted(strong)[:20]:
        household = population.household(name)
        (claim,) = claims[name]
        shown = set(household.lines.row[claim.lines])
        planted = frame.index[(frame["customer_id"] == name) & frame["back"]]
        assert len(shown & set(planted)) >= 0.9 * len(planted)
        assert claim.subject in ("Kadikoy", "Moda")


def test_pairs_expected_are_those_of_visits_put_on_random_days():
    # Brute force: the same receipts, dealt anew onto the same four weeks and random days of them.
    rng = np.random.default_rng(5)
    frame = _shops(rng, 300, customer="a", back=12).assign(store_id="Moda")
    (claim,) = forgotten_items(Population.read(read_log(frame.drop(columns="back"))).household_at(0))
    receipts = frame.groupby("transaction_id", sort=False).agg(
        at=("occurred_at", "first"), amount=("amount", "sum"), n=("amount", "size")
    )
    seconds = receipts["at"].to_numpy("datetime64[s]").astype(np.int64)
    block, minute = seconds // (28 * 86400), seconds % 86400 / 60
    amount, n = receipts["amount"].to_numpy(), receipts["n"].to_numpy()
    seen = []
    for _ in range(400):
        dealt = rng.permutation(n.size)
        day = block * 28 + rng.integers(0, 28, n.size)
        gap = minute[dealt][None, :] - minute[dealt][:, None]
        smaller = amount[dealt][None, :] <= 0.6 * amount[dealt][:, None]
        smaller &= n[dealt][None, :] <= n[dealt][:, None]
        seen.append(((day[None, :] == day[:, None]) & (gap >= 2) & (gap <= 30) & smaller).sum())
    assert claim.values["expected"] == pytest.approx(np.mean(seen), rel=0.25)


@settings(max_examples=4)
@given(weeks=st.integers(-20, 20), factor=st.sampled_from([0.5, 3.0]), seed=st.integers(0, 99))
def test_row_order_whole_weeks_and_currency_do_not_matter(weeks, factor, seed):
    frame = _shops(np.random.default_rng(7), 60, customer="a", back=6).drop(columns="back")
    changed = frame.sample(frac=1, random_state=seed).assign(
        occurred_at=lambda f: f["occurred_at"] + np.timedelta64(28 * weeks, "D"),
        amount=lambda f: f["amount"] * factor,
    )
    (one,), (other,) = (
        forgotten_items(Population.read(read_log(f)).household_at(0)) for f in (frame, changed)
    )
    assert one.p_value == pytest.approx(other.p_value)
    assert len(one.lines) == len(other.lines)


def test_what_is_bought_again_minutes_later_was_not_forgotten():
    frame = _shops(np.random.default_rng(7), 60, customer="a", back=6).drop(columns="back")
    frame["item_id"] = "bread"
    assert forgotten_items(Population.read(read_log(frame)).household_at(0)) == []


@pytest.mark.parametrize("poor", ["dates_only", "no_store", "one_receipt", "one_day"])
def test_a_log_that_cannot_tell_asks_nothing(poor):
    frame = _shops(np.random.default_rng(7), 60, customer="a", back=6).drop(columns="back")
    if poor == "dates_only":
        frame["occurred_at"] = frame["occurred_at"].dt.normalize()
    if poor == "no_store":
        frame = frame.drop(columns=["store_id", "item_id"])
    if poor == "one_receipt":
        frame = frame[frame["transaction_id"] == "a-0"]
    if poor == "one_day":
        at = frame["occurred_at"]
        frame["occurred_at"] = pd.Timestamp("2007-05-01") + (at - at.dt.normalize())
    claims = forgotten_items(Population.read(read_log(frame)).household_at(0))
    assert claims == [] or poor == "one_day"
