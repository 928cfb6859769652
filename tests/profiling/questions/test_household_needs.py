"""Tempted households, variants for several people, dietary needs and general merchandise."""

import numpy as np
import pytest

from crm_analytics.profiling.evidence.strength import strength
from crm_analytics.profiling.questions.general_merchandise import general_merchandises
from crm_analytics.profiling.questions.parallel_variants import dietary_needs, parallel_variants
from crm_analytics.profiling.questions.tempted import tempted


@pytest.fixture(scope="module")
def population(shop, crowd):
    rng = np.random.default_rng(0)
    tables = [crowd]
    for i in range(60):
        household = f"h{i:03d}"
        days = shop.days(crowd, household)

        def some(n, days=days):
            return rng.choice(days, min(n, days.size), replace=False)

        for kind, category in (
            ("diet", "chocolate"),
            ("light", "milk"),
            ("laktozsuz", "milk"),
            ("light", "cola"),
        ):
            tables.append(shop.lines(household, some(rng.integers(0, 3)), category, kind))
        for goods in ("Terlik", "Tava", "Saklama kutusu", "Havlu"):
            tables.append(shop.lines(household, some(rng.integers(0, 2)), "home", goods))
    together = rng.choice(shop.days(crowd, "h000"), 22, replace=False)  # tempted
    tables += [
        shop.lines("h000", together, "chocolate", 0),
        shop.lines("h000", together[:20], "chocolate", "diet"),
        shop.lines("h000", together[:12], "crackers", "light"),
    ]
    weekly = shop.days(crowd, "h001")[::2]  # three milks side by side
    tables += [shop.lines("h001", weekly, "milk", kind) for kind in (0, "light", "laktozsuz")]
    days = shop.days(crowd, "h003")  # two milks, never on one trip
    tables[0] = tables[0][~((tables[0]["customer_id"] == "h003") & (tables[0]["category"] == "milk"))]
    tables += [shop.lines("h003", days[::2], "milk", 0), shop.lines("h003", days[1::2], "milk", "light")]
    for goods in ("Terlik", "Tava", "Saklama kutusu", "Havlu", "Tencere"):
        tables.append(
            shop.lines("h002", rng.choice(shop.days(crowd, "h002"), 5, replace=False), "home", goods)
        )
    return shop.read(*tables)


def _told(question, population, place):
    return [c for c in question(population.household_at(place)) if strength(c) >= 0.8]


def test_the_tempted_household_is_found_with_both_kinds_of_lines(population):
    (claim,) = _told(tempted, population, 0)
    household = population.household("h000")
    assert strength(claim) >= 0.95
    assert household.tagged("diet")[claim.lines].any()
    assert not household.tagged("diet")[claim.lines].all()
    assert household.tagged("sweets", "snacks")[claim.lines].all()


def test_three_milks_side_by_side_mean_several_people(population):
    claims = [c for c in _told(parallel_variants, population, 1) if c.subject == "milk"]
    assert len(claims) == 1
    assert claims[0].values["people"] == 3
    assert 0.9 < strength(claims[0]) < 0.95  # who eats it no line says: never strong
    assert claims[0].alternatives == ("guests",)  # they come on the same trips
    assert claims[0].values["families_en"] == ["regular", "light", "lactose-free"]


def test_two_milks_that_never_come_together_may_be_one_person_who_alternates(population):
    claims = [c for c in _told(parallel_variants, population, 3) if c.subject == "milk"]
    assert len(claims) == 1
    assert claims[0].values["people"] == 2
    assert "alternation" in claims[0].alternatives


def test_lactose_free_milk_that_goes_on_is_a_need_and_a_trial_is_none(population):
    (claim,) = _told(dietary_needs, population, 1)
    assert claim.subject == "lactose_free"
    assert claim.topic == "health"
    assert claim.variant == "one_of_several"
    assert population.household("h001").tagged("lactose_free")[claim.lines].all()
    assert not any(_told(dietary_needs, population, place) for place in range(2, 60))


def test_goods_for_the_house_are_found(population):
    (claim,) = _told(general_merchandises, population, 2)
    assert claim.values["kinds"] >= 4
    assert claim.values["days"] >= 15


def test_ordinary_households_are_left_alone(population):
    for question in (tempted, parallel_variants, general_merchandises):
        told = [c for place in range(4, 60) for c in _told(question, population, place)]
        assert len(told) <= 1, question.__name__


def test_poor_logs_ask_nothing(asks_nothing_of):
    asks_nothing_of(tempted, parallel_variants, dietary_needs, general_merchandises)
