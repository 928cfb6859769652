"""Brand trial: planted single packs, households that mix brands, poor logs."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from crm_analytics import read_log
from crm_analytics.profiling.context import Context
from crm_analytics.profiling.evidence.strength import strength
from crm_analytics.profiling.questions.brand_trial import brand_trial, chance_of_one
from crm_analytics.profiling.reading.population import Population

START = pd.Timestamp("2007-01-01")
BRANDS = np.array(["Akasya", "Bulut", "Ceren", "Defne", "Eflatun"])


def _purchases(rng, customer, category, n, *, trial=False, a=4.0, b=6.0):
    """`n` days; a share Beta(a, b) of them of other brands than the first. With a trial, only one in the midst."""
    first, *others = rng.permutation(BRANDS)
    other = rng.random(n) < rng.beta(a, b)
    if trial:
        other[:] = False
        other[n // 3 + rng.integers(n // 3)] = True
    return pd.DataFrame(
        {
            "customer_id": customer,
            "occurred_at": START + pd.to_timedelta(np.sort(rng.choice(800, n, replace=False)), unit="D"),
            "category": category,
            "brand": np.where(other, rng.choice(others, n), first),
            "quantity": 1.0,
            "amount": 3.0,
            "trial": other & trial,
        }
    )


@pytest.fixture(scope="module")
def town():
    rng = np.random.default_rng(6)
    parts = []
    for i in range(200):
        for category in ("pads", "milk", "pasta", "rice"):
            parts.append(_purchases(rng, f"plain{i:03d}", category, int(rng.integers(5, 45))))
    for i in range(12):
        parts.append(_purchases(rng, f"trial{i:02d}", "pads", int(rng.integers(25, 40)), trial=True))
        parts += [_purchases(rng, f"trial{i:02d}", category, 25) for category in ("milk", "pasta")]
    frame = pd.concat(parts, ignore_index=True)
    return frame, Population.read(read_log(frame.drop(columns="trial")))


def test_trials_are_found_with_their_line_and_mixed_brands_are_not(town):
    frame, population = town
    told, strong = [], []
    for i, name in enumerate(population.households):
        for claim in brand_trial(population.household_at(i)):
            if strength(claim) >= 0.8:
                told.append((str(name), claim))
            if strength(claim) >= 0.95:
                strong.append(str(name))
    found = [claim for name, claim in told if name.startswith("trial") and claim.subject == "pads"]
    assert len(found) >= 11
    assert sum(name.startswith("plain") for name in strong) <= 2
    for name, claim in told:
        if name.startswith("trial") and claim.subject == "pads":
            rows = population.household(name).lines.row[claim.lines]
            assert frame.loc[rows, "trial"].tolist() == [True]
            assert claim.values["brand"] == frame.loc[rows[0], "brand"]
            assert claim.start == frame.loc[rows[0], "occurred_at"].date()


def test_chance_of_one_other_purchase_is_that_of_drawn_households():
    rng = np.random.default_rng(2)
    drawn = rng.binomial(12, rng.beta(2.0, 5.0, 400_000))
    assert_allclose(chance_of_one(12, 2.0, 5.0), (drawn == 1).mean(), rtol=0.02)


def test_many_packs_or_no_usual_one_after_are_no_trial(town):
    frame, _ = town
    mine = (frame["customer_id"] == "trial00") & (frame["category"] == "pads")
    trial = frame[mine & frame["trial"]]
    many = frame.drop(columns="trial").copy()
    many.loc[trial.index, "quantity"] = 4.0
    ended = frame[~(mine & (frame["occurred_at"] > trial["occurred_at"].iloc[0]))].drop(columns="trial")
    for changed in (many, ended):
        claims = brand_trial(Population.read(read_log(changed)).household("trial00"))
        assert "pads" not in [claim.subject for claim in claims]


def test_row_order_and_names_of_brands_do_not_matter(town):
    frame, population = town
    changed = frame.drop(columns="trial").sample(frac=1, random_state=3)
    changed["brand"] = changed["brand"].map(dict(zip(BRANDS, BRANDS[::-1] + " Co", strict=True)))
    other = Population.read(read_log(changed))
    for name in ("trial01", "trial02"):
        one, two = (brand_trial(p.household(name)) for p in (population, other))
        assert [c.bayes_factor for c in one] == pytest.approx([c.bayes_factor for c in two])
        assert len(one) > 0


@pytest.mark.parametrize("poor", ["no_brand", "no_category", "one_household", "one_day"])
def test_poor_logs_ask_nothing(town, poor):
    frame = town[0].drop(columns="trial")
    if poor.startswith("no_"):
        frame = frame.drop(columns=poor[3:])
    if poor == "one_household":
        frame = frame[frame["customer_id"] == "trial00"]
    if poor == "one_day":
        frame = frame.assign(occurred_at=START)
    assert brand_trial(Population.read(read_log(frame)).household("trial00")) == []


def test_two_brands_tried_are_two_trials_and_with_three_nobody_is_faithful(town):
    frame, _ = town
    mine = frame[(frame["customer_id"] == "trial01") & (frame["category"] == "pads")]
    usual = mine.loc[~mine["trial"], "brand"].iloc[0]
    spots = mine.index[[len(mine) // 4, len(mine) // 2, 3 * len(mine) // 4]]
    others = [brand for brand in BRANDS if brand != usual]
    for n, told in ((2, 2), (3, 0)):
        changed = frame.copy()
        changed.loc[mine.index, "brand"] = usual
        changed.loc[spots[:n], "brand"] = others[:n]
        population = Population.read(read_log(changed.drop(columns="trial")))
        claims = [c for c in brand_trial(population.household("trial01")) if c.subject == "pads"]
        assert sorted(c.values["brand"] for c in claims) == sorted(others[:told])
        assert all(c.values["days"] - c.values["times"] == n for c in claims)


def test_what_a_shop_in_a_far_town_had_is_no_trial(town):
    frame, _ = town
    stores = pd.DataFrame(
        {
            "store_id": ["S1", "S2"],
            "town": ["Istanbul", "Bodrum"],
            "latitude": [41.0, 37.0],
            "longitude": [29.0, 27.4],
        }
    )
    mine = (frame["customer_id"] == "trial02") & frame["trial"]
    for far in (False, True):
        placed = frame.drop(columns="trial").assign(store_id=np.where(mine & far, "S2", "S1"))
        population = Population.read(read_log(placed), Context(stores=stores))
        assert (
            len([c for c in brand_trial(population.household("trial02")) if c.subject == "pads"]) == 1 - far
        )
