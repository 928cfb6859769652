"""Offers to households: what may be offered, what pays, and when nothing is."""

import numpy as np
import pandas as pd
import pytest

from crm_analytics.datasets import make_city
from crm_analytics.profiling import Context, Economics, Population, choose_offer, profile_household


@pytest.fixture(scope="module")
def city():
    return make_city(12, start="2008-01-01", end="2009-07-01", facts_per_household=6, random_state=43)


def read(city, *, may_contact):
    forms = city.forms.assign(may_contact=may_contact)
    return Population.read(
        city.log, Context(cards=city.cards, stores=city.stores, calendar=city.calendar, forms=forms)
    )


@pytest.fixture(scope="module")
def profiles(city):
    population = read(city, may_contact=True)
    return [profile_household(population, name) for name in population.households]


@pytest.fixture(scope="module")
def choices(profiles):
    generous = Economics(response=0.3, margin=0.4)
    return [choose_offer(profile, generous) for profile in profiles]


def test_the_offer_is_the_best_that_is_allowed_and_pays(choices):
    assert any(choice.offer is not None for choice in choices)
    for choice in choices:
        open_ = choice.candidates[choice.candidates["refused"] == ""]
        assert (open_["profit"] > 0).all()
        if choice.offer is None:
            assert open_.empty
            assert "no offer" in choice.statement
        else:
            assert choice.offer.economics.profit == open_["profit"].max()
            assert str(choice.offer.item_id) == str(open_["item_id"].iloc[0])


@pytest.mark.parametrize("answer", [False, "hayır", "no", "0", "False", "H", "", None, "belki"])
def test_nothing_is_offered_where_nobody_plainly_agreed_to_be_written_to(city, answer):
    silent = read(city, may_contact=answer)
    for name in silent.households[:3]:
        choice = choose_offer(profile_household(silent, name), Economics(response=0.5))
        assert choice.offer is None
        assert set(choice.candidates["refused"]) <= {"has not agreed to be contacted"}


@pytest.mark.parametrize("answer", ["evet", "Yes", 1])
def test_a_plain_yes_in_either_language_is_consent(city, answer):
    open_ = read(city, may_contact=answer)
    choice = choose_offer(profile_household(open_, open_.households[0]), Economics(response=0.5))
    assert "has not agreed to be contacted" not in set(choice.candidates["refused"])


def test_nothing_pays_if_nobody_responds(profiles):
    for profile in profiles[:6]:
        assert choose_offer(profile, Economics(response=0.0)).offer is None


def test_what_was_just_bought_is_not_offered(profiles):
    for profile in profiles[:6]:
        household = profile.household
        last = household.lines.product[-1]
        item = household.population.products["item"].iloc[last]
        table = pd.DataFrame(
            {"customer_id": [household.household_id], "item_id": [item], "reason": ["often"]}
        )
        chosen = choose_offer(profile, Economics(response=0.5), recommendations=table)
        row = chosen.candidates[chosen.candidates["idea"] == "recommended"].iloc[0]
        assert row["reason"] == "often"
        assert row["refused"] in (
            "was bought a short while ago",
            "is not advertised to anybody",
            "is for somebody, or a need, not known in this household",
        )


def test_goods_that_are_not_advertised_are_refused_whatever_they_earn(profiles):
    profile = profiles[0]
    products = profile.household.population.products
    tags = profile.household.population.tags
    never = products.loc[tags[["alcohol", "sanitary"]].any(axis=1).to_numpy(), "item"].head(40)
    table = pd.DataFrame({"customer_id": profile.household_id, "item_id": never})
    chosen = choose_offer(profile, Economics(response=0.9, margin=1.0), recommendations=table)
    refused = chosen.candidates.query("idea == 'recommended'")["refused"]
    assert set(refused) <= {"is not advertised to anybody", "is no longer sold"}


def test_pet_food_is_offered_only_where_a_pet_is_known(profiles):
    for profile in profiles:
        population = profile.household.population
        cats = population.products.loc[population.tags["cat"].to_numpy(), "item"].head(5)
        table = pd.DataFrame({"customer_id": profile.household_id, "item_id": cats})
        chosen = choose_offer(profile, Economics(response=0.9, margin=1.0), recommendations=table)
        refused = chosen.candidates.query("idea == 'recommended'")["refused"]
        if not profile.find("member", "cat"):
            assert (refused != "").all()


def test_an_unknown_item_or_column_is_seen(profiles):
    with pytest.raises(ValueError, match="choose_offer: recommendations"):
        choose_offer(profiles[0], recommendations=pd.DataFrame({"customer": [1]}))
    table = pd.DataFrame({"customer_id": [profiles[0].household_id], "item_id": ["no such"]})
    assert "recommended" not in set(choose_offer(profiles[0], recommendations=table).candidates["idea"])


def test_numbers_of_a_candidate_add_up(choices):
    table = pd.concat([choice.candidates for choice in choices]).dropna(subset=["profit"])
    assert len(table) > 10
    total = table["sales"] + table["lasting"] - table["given_away"] - table["cannibalised"] - table["cost"]
    np.testing.assert_allclose(total, table["profit"], atol=1e-9)
    assert (table["p_with"] >= table["p_without"]).all()


def test_food_for_a_need_is_offered_only_to_those_who_buy_it(profiles):
    seen = set()
    for profile in profiles:
        population = profile.household.population
        items = population.products.loc[population.tags["gluten_free"].to_numpy(), "item"].head(5)
        table = pd.DataFrame({"customer_id": profile.household_id, "item_id": items})
        chosen = choose_offer(profile, Economics(response=0.9, margin=1.0), recommendations=table)
        refused = chosen.candidates.query("idea == 'recommended'")["refused"]
        buys = bool(profile.household.tagged("gluten_free").any())
        seen.add(buys)
        if not buys:
            assert (refused == "is for somebody, or a need, not known in this household").any()
            assert (refused != "").all()
    assert False in seen
