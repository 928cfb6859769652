"""Leanings: planted shares of tagged products, dear and cheap baskets, ordinary households."""

import numpy as np
import pytest

from crm_analytics.profiling.evidence.strength import strength
from crm_analytics.profiling.questions.tag_leaning import KINDS, tag_leanings
from crm_analytics.profiling.telling.formatting import Formatter


@pytest.fixture(scope="module")
def population(shop, crowd):
    rng = np.random.default_rng(0)
    tables = [crowd]
    for i in range(60):  # everybody buys something organic now and then, one household much
        household = f"h{i:03d}"
        k = 70 if i == 7 else int(rng.integers(0, 14))
        days = rng.choice(shop.days(crowd, household), k, replace=False)
        tables.append(shop.lines(household, days, "apples", "organik", rng.integers(0, 4, k)))
    price = [5.0 + rng.random(len(table)) for table in tables]
    dear = tables[0]["customer_id"].to_numpy() == "h009"
    price[0][dear] += rng.random(dear.sum()) < 0.8
    return shop.read(*(table.assign(amount=one) for table, one in zip(tables, price, strict=True)))


def test_a_planted_leaning_is_found_with_its_lines(population):
    household = population.household("h007")
    claim = next(c for c in tag_leanings(household) if c.subject == "organic")
    assert strength(claim) >= 0.95
    assert claim.values["count"] == len(claim.lines)
    assert household.tagged("organic")[claim.lines].all()
    assert claim.values["ratio"] >= 2


def test_a_household_that_takes_the_dearest_is_found(population):
    claims = {c.subject: c for c in tag_leanings(population.household("h009"))}
    assert strength(claims["premium"]) >= 0.95


def test_ordinary_households_seldom_lean(population):
    claims = [
        c for place in range(60) if place not in (7, 9) for c in tag_leanings(population.household_at(place))
    ]
    assert sum(strength(c) >= 0.8 for c in claims) <= 1
    assert sum(strength(c) >= 0.95 for c in claims) == 0


def test_sentences_read_in_both_languages(population):
    values = {"count": 5, "n": 9, "share": 0.5, "others": 0.1, "ratio": 5.0}
    for lang in ("en", "tr"):
        for words in KINDS[0].statements.values():
            assert "{" not in Formatter(lang).format(words[lang], subject="organic", **values)


def test_poor_logs_ask_nothing(asks_nothing_of):
    asks_nothing_of(tag_leanings)
