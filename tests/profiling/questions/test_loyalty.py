"""Loyalty: planted favourites among ordinary households, households of everyday tastes, and its algebra."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from crm_analytics.profiling.evidence.strength import strength
from crm_analytics.profiling.questions.loyalty import KINDS, loyalties
from crm_analytics.profiling.telling.formatting import Formatter

CATEGORIES = ["cheese", "bread", "tea", "nuts", "honey", "rice", "olives", "soup"]


def _with_favourites(shop, crowd, seed=0, n=25, faithful=0.92):
    """The crowd, in which eight households take one type of a category each nearly always, of any brand."""
    rng = np.random.default_rng(seed)
    for i, category in enumerate(CATEGORIES):
        household = f"h{i:03d}"
        mine = (crowd["customer_id"] == household) & (crowd["category"] == category)
        days = rng.choice(shop.days(crowd, household), n, replace=False)
        kinds = np.where(rng.random(n) < faithful, 4, rng.integers(0, 4, n))
        crowd = pd.concat([crowd[~mine], shop.lines(household, days, category, kinds, rng.integers(0, 4, n))])
    return shop.read(crowd)


@pytest.fixture(scope="module")
def planted(shop, crowd):
    return _with_favourites(shop, crowd)


def test_planted_favourite_types_are_found_with_their_lines(planted):
    found = 0
    for i, category in enumerate(CATEGORIES):
        household = planted.household(f"h{i:03d}")
        claims = [c for c in loyalties(household) if c.subject == category and strength(c) >= 0.8]
        found += bool(claims)
        for claim in claims:
            assert claim.values["name"] == f"eski {category}"
            names = np.array([household.word("type", code) for code in household.lines.type])
            assert_array_equal(claim.lines, np.flatnonzero(names == f"eski {category}"))
    assert found >= 7


def test_a_favourite_brand_is_told_as_a_brand_and_what_most_take_is_no_favourite(shop, crowd):
    rng = np.random.default_rng(1)
    days = shop.days(crowd, "h001")[:24]
    everybody = [shop.lines(f"h{i:03d}", shop.days(crowd, f"h{i:03d}")[:12], "salt", 0, 0) for i in range(60)]
    brand = shop.lines("h001", days, "honey", rng.integers(0, 6, 24), 3)
    rest = crowd[~((crowd["customer_id"] == "h001") & (crowd["category"] == "honey"))]
    claims = {c.subject: c for c in loyalties(shop.read(rest, brand, *everybody).household("h001"))}
    assert claims["honey"].values["level"] == "brand"
    assert claims["honey"].values["name"] == "Doruk"
    assert "salt" not in claims


def test_households_that_only_wander_are_not_called_loyal(shop):
    """All have the same tastes: what comes out often in one of them, chance has done."""
    population = shop.read(shop.crowd(80, seed=5, own=1e4))
    claims = [c for place in range(80) for c in loyalties(population.household_at(place))]
    assert sum(strength(c) >= 0.95 for c in claims) <= 1
    assert sum(strength(c) >= 0.8 for c in claims) <= 4


def test_most_favourites_told_of_households_with_tastes_of_their_own_go_on(shop):
    """Half of the days is shown; in the other half the favourite must stay one."""
    crowd = shop.crowd(80, seed=6, visits=180, own=2.0)
    shown = crowd["day"] % 2 == 0
    population, later = shop.read(crowd[shown]), crowd[~shown]
    went_on = []
    for place in range(80):
        household = population.household_at(place)
        mine = later[later["customer_id"] == household.household_id]
        for claim in loyalties(household):
            if strength(claim) >= 0.8 and claim.values["level"] == "brand":
                brands = mine.loc[mine["category"] == claim.subject, "brand"]
                went_on.append((brands == claim.values["name"]).mean() >= 0.4)
    assert len(went_on) >= 100
    assert np.mean(went_on) >= 0.85


def test_a_favourite_is_told_though_one_household_in_six_has_one_too(shop, crowd):
    rng = np.random.default_rng(4)
    tables = [crowd[crowd["category"] != "tea"]]
    for i in range(60):
        days = rng.choice(shop.days(crowd, f"h{i:03d}"), 20, replace=False)
        kinds = rng.choice(6, 20, p=[0.25, 0.2, 0.2, 0.15, 0.1, 0.1])
        kinds = np.where((i % 6 == 0) & (rng.random(20) < 0.85), i // 6 % 5, kinds)
        tables.append(shop.lines(f"h{i:03d}", days, "tea", kinds, rng.integers(0, 4, 20)))
    population = shop.read(*tables)
    told = [
        any(c.subject == "tea" and strength(c) >= 0.8 for c in loyalties(population.household_at(i)))
        for i in range(60)
    ]
    assert sum(told[::6]) >= 9
    assert sum(told) - sum(told[::6]) <= 1


def test_claims_do_not_depend_on_row_order_weeks_or_names(shop, crowd):
    rng = np.random.default_rng(3)
    mine = (crowd["customer_id"] == "h000") & (crowd["category"] == "cheese")
    planted = pd.concat(
        [crowd[~mine], shop.lines("h000", shop.days(crowd, "h000")[:25], "cheese", 4, np.arange(25) % 4)]
    )
    plain = loyalties(shop.read(planted).household("h000"))
    assert plain
    variants = [
        shop.read(planted.iloc[rng.permutation(len(planted))], shift=21),
        shop.read(planted.assign(category="x" + planted["category"], amount=2.5)),
    ]
    for population in variants:
        other = loyalties(population.household("h000"))
        assert [c.subject.removeprefix("x") for c in other] == [c.subject for c in plain]
        assert [len(c.lines) for c in other] == [len(c.lines) for c in plain]
        np.testing.assert_allclose([strength(c) for c in other], [strength(c) for c in plain], rtol=1e-6)


def test_poor_logs_ask_nothing(asks_nothing_of):
    asks_nothing_of(loyalties)


def test_sentences_read_in_both_languages(planted):
    claim = next(c for c in loyalties(planted.household("h000")) if c.subject == "cheese")
    for lang in ("en", "tr"):
        for words in KINDS[0].statements.values():
            text = Formatter(lang).format(words[lang], subject=claim.subject, **claim.values)
            assert "{" not in text
            assert "eski cheese" in text
