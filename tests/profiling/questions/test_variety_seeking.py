"""Variety seeking: planted explorers, ordinary households, and the exact distribution behind it."""

import numpy as np
import pandas as pd
import pytest

from crm_analytics.profiling.comparing.distinct import distinct_tail, expected_distinct
from crm_analytics.profiling.evidence.strength import strength
from crm_analytics.profiling.questions.variety_seeking import variety_seekings

CATEGORIES = ["bread", "cheese", "tea", "nuts", "honey", "rice"]


def _explorers(shop, crowd, n=30):
    """Six households try all six kinds of a category in all brands, one after the other."""
    rng = np.random.default_rng(0)
    for i, category in enumerate(CATEGORIES):
        household = f"h{i:03d}"
        rest = crowd[~((crowd["customer_id"] == household) & (crowd["category"] == category))]
        days = np.sort(rng.choice(shop.days(crowd, household), n, replace=False))
        pairs = np.concatenate([rng.permutation(24), rng.permutation(24)])[:n]
        crowd = pd.concat([rest, shop.lines(household, days, category, pairs % 6, pairs // 6)])
    return shop.read(crowd)


@pytest.fixture(scope="module")
def loyal_crowd(shop):
    """Households whose tastes differ widely: they keep to few kinds, as real ones do."""
    return shop.crowd(60, seed=2, own=2.0)


def test_planted_explorers_are_found_with_all_lines_of_the_category(shop, loyal_crowd):
    population = _explorers(shop, loyal_crowd)
    found = 0
    for i, category in enumerate(CATEGORIES):
        claims = [c for c in variety_seekings(population.household(f"h{i:03d}")) if c.subject == category]
        found += any(strength(c) >= 0.8 for c in claims)
        assert all(len(c.lines) == 30 for c in claims)
    assert found >= 5


def test_ordinary_households_are_seldom_called_explorers(shop, loyal_crowd):
    population = shop.read(loyal_crowd)
    claims = [c for place in range(60) for c in variety_seekings(population.household_at(place))]
    assert sum(strength(c) >= 0.95 for c in claims) <= 1
    assert sum(strength(c) >= 0.8 for c in claims) <= 2


def test_the_tail_of_distinct_codes_is_that_of_simulated_households():
    rng = np.random.default_rng(4)
    shares, size, n = np.array([0.4, 0.3, 0.15, 0.1, 0.05]), 3.0, 9
    theta = rng.dirichlet(size * shares, 40_000)
    distinct = (rng.multinomial(n, theta) > 0).sum(axis=1)
    for d in range(1, 6):
        assert distinct_tail(d, shares, size, n) == pytest.approx((distinct >= d).mean(), abs=0.01)
    mean, spread = expected_distinct(shares, size, n)
    assert mean == pytest.approx(distinct.mean(), abs=0.02)
    assert spread >= distinct.std() - 0.02


def test_poor_logs_ask_nothing(asks_nothing_of):
    asks_nothing_of(variety_seekings)
