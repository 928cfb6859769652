"""Personal association rules: planted ones, ordinary households, permuted days."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from crm_analytics.profiling.evidence.strength import strength
from crm_analytics.profiling.questions.association import KINDS, associations
from crm_analytics.profiling.telling.formatting import Formatter

PLANTED = {
    "h000": ("soup", "honey"),
    "h001": ("lentils", "olives"),
    "h002": ("eggs", "coffee"),
    "h003": ("tea", "rice"),
}


@pytest.fixture(scope="module")
def population(shop, crowd):
    rng = np.random.default_rng(1)
    tables = [crowd[~((crowd["customer_id"] == "h004") & (crowd["category"] == "yufka"))]]
    for household, (a, b) in PLANTED.items():
        days = np.sort(rng.choice(shop.days(crowd, household), 12, replace=False))
        for category, on in ((a, days), (b, days[:11])):
            tables[0] = tables[0][
                ~((tables[0]["customer_id"] == household) & (tables[0]["category"] == category))
            ]
            tables.append(shop.lines(household, on, category, rng.integers(0, 6, on.size)))
    days = np.sort(rng.choice(shop.days(crowd, "h004"), 9, replace=False))  # yufka days: three yoghurts
    tables.append(shop.lines("h004", days, "yufka", 0))
    tables += [shop.lines("h004", days, "yoghurt", kind, kind) for kind in (0, 1, 2)]
    return shop.read(*tables)


def test_planted_rules_are_found_with_the_lines_of_both_things(population):
    found = 0
    for name, (a, b) in PLANTED.items():
        household = population.household(name)
        claims = [
            c
            for c in associations(household)
            if set(c.subject.split(" -> ")) == {a, b} and strength(c) >= 0.8
        ]
        found += bool(claims)
        for claim in claims:
            word = np.array([household.word("category", code) for code in household.lines.category])
            day = household.lines.day
            both = np.intersect1d(day[word == a], day[word == b])
            assert_array_equal(claim.lines, np.flatnonzero(np.isin(day, both) & np.isin(word, [a, b])))
    assert found >= 3


def test_yufka_days_have_three_yoghurts(population):
    claims = associations(population.household("h004"))
    claim = next(c for c in claims if c.subject == "yufka -> yoghurt")
    assert claim.values["kinds"] == 3
    assert claim.values["count"] == 9
    assert strength(claim) >= 0.95
    assert sum(set(c.subject.split(" -> ")) == {"yufka", "yoghurt"} for c in claims) == 1  # no mirror
    for lang in ("en", "tr"):
        text = Formatter(lang).format(
            KINDS[0].statements[claim.variant][lang], subject=claim.subject, **claim.values
        )
        assert "3" in text
        assert "{" not in text


def test_what_everybody_buys_together_is_no_personal_rule(shop, crowd):
    tables = [crowd]
    for i in range(60):
        days = shop.days(crowd, f"h{i:03d}")[::9]
        tables += [
            shop.lines(f"h{i:03d}", days, "strawberries", 0),
            shop.lines(f"h{i:03d}", days, "cream", 0),
        ]
    population = shop.read(*tables)
    for i in range(0, 60, 6):
        claims = associations(population.household(f"h{i:03d}"))
        assert not any({"strawberries", "cream"} == set(c.subject.split(" -> ")) for c in claims)


def test_ordinary_households_have_few_rules(shop):
    population = shop.read(shop.crowd(60, seed=8))
    claims = [c for place in range(60) for c in associations(population.household_at(place))]
    assert sum(strength(c) >= 0.95 for c in claims) <= 1
    assert sum(strength(c) >= 0.8 for c in claims) <= 2


def test_claims_do_not_depend_on_row_order_or_names(shop, crowd):
    rng = np.random.default_rng(2)
    days = shop.days(crowd, "h000")[:12]
    table = pd.concat([crowd, shop.lines("h000", days, "figs", 0), shop.lines("h000", days, "walnut pie", 0)])
    plain = associations(shop.read(table).household("h000"))
    assert {"figs", "walnut pie"} in [set(c.subject.split(" -> ")) for c in plain]
    other = associations(shop.read(table.iloc[rng.permutation(len(table))], shift=14).household("h000"))
    assert [(c.subject, round(c.p_value, 12)) for c in other] == [
        (c.subject, round(c.p_value, 12)) for c in plain
    ]


def test_poor_logs_ask_nothing(asks_nothing_of):
    asks_nothing_of(associations)
