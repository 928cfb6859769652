"""Members of a household from recurring purchases: planted ones, gifts, forms."""

import numpy as np
import pandas as pd
import pytest

from crm_analytics.profiling.context import Context
from crm_analytics.profiling.evidence.strength import strength
from crm_analytics.profiling.questions.members import hair_losses, members


@pytest.fixture(scope="module")
def population(shop, crowd):
    rng = np.random.default_rng(0)
    tables = [crowd]
    for i in range(60):
        household, days = f"h{i:03d}", shop.days(crowd, f"h{i:03d}")
        if i % 4 == 0:  # cat owners
            tables.append(shop.lines(household, rng.choice(days, 12, replace=False), "cat food", 0))
        elif i % 4 == 1:  # a gift
            tables.append(shop.lines(household, days[40], "cat food", 0))
        if i % 2:
            tables.append(shop.lines(household, rng.choice(days, 8, replace=False), "deodorant", "erkek"))
        if i % 6 == 0:
            tables.append(shop.lines(household, rng.choice(days, 14, replace=False), "bebek bezi", 0))
    shampoo = shop.days(crowd, "h003")[10::20]
    tables.append(shop.lines("h003", shampoo, "shampoo", "erkek saç dökülmesine karşı"))
    forms = pd.DataFrame({"customer_id": ["h002", "h005"], "sex": ["F", "m"]})
    return shop.read(*tables, context=Context(forms=forms))


def _told(population, place):
    return {c.subject: c for c in members(population.household_at(place)) if strength(c) >= 0.8}


def test_owners_are_told_from_givers_of_gifts(population):
    for place in range(60):
        assert ("cat" in _told(population, place)) == (place % 4 == 0)
        assert ("adult_man" in _told(population, place)) == (place % 2 == 1)
        assert ("baby" in _told(population, place)) == (place % 6 == 0)
        assert "dog" not in _told(population, place)


def test_the_lines_are_those_of_the_member(population):
    household = population.household("h000")
    claim = _told(population, 0)["cat"]
    assert household.tagged("cat")[claim.lines].all()
    assert len(claim.lines) == 12
    assert 0.8 <= claim.probability <= 0.97


def test_what_the_form_says_is_known_without_purchases(population):
    claim = _told(population, 2)["adult_woman"]
    assert claim.variant == "adult_woman_known"
    assert claim.probability == 0.99
    assert claim.alternatives == ()
    assert "adult_woman" not in _told(population, 5)


def test_hair_loss_is_a_matter_of_health_and_of_a_man_where_it_is_sold_to_men(population):
    (claim,) = hair_losses(population.household("h003"))
    assert claim.topic == "health"
    assert claim.variant == "plain"
    assert "woman" not in claim.alternatives
    assert claim.probability >= 0.8
    assert not any(hair_losses(population.household_at(place)) for place in range(60) if place != 3)


def test_poor_logs_ask_nothing(asks_nothing_of):
    asks_nothing_of(members, hair_losses)
