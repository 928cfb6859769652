"""Isolated purchase: planted guests' drinks, households with the habit, beginners, poor logs."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from crm_analytics import read_log
from crm_analytics.profiling.evidence.strength import strength
from crm_analytics.profiling.questions.isolated_purchase import (
    HABIT,
    KIND,
    chance_of_no_habit,
    isolated_purchase,
)
from crm_analytics.profiling.reading.population import Population
from crm_analytics.profiling.telling.formatting import Formatter
from crm_analytics.profiling.telling.statements import tell

VISITS, DAYS = 120, 900
START = pd.Timestamp("2007-01-01")
SPECIAL = ["cocoa drink", "cat food", "nappies", "beer", "tea"]


def _household(rng, customer, *, habits, dates=()):
    """Staples on all visits; each habit on a share of them; cocoa on visits nearest to `dates` (days)."""
    visit = np.sort(rng.choice(DAYS, VISITS, replace=False))
    day, category = [np.repeat(visit, 3)], [rng.choice([f"staple {i}" for i in range(12)], 3 * VISITS)]
    for habit in habits:
        bought = visit[rng.random(VISITS) < rng.gamma(4, 0.05)]
        day.append(bought)
        category.append(np.full(bought.size, habit))
    for date in dates:
        day.append(visit[[np.argmin(np.abs(visit - date))]])
        category.append(np.array(["cocoa drink"]))
    category = np.concatenate(category)
    return pd.DataFrame(
        {
            "customer_id": customer,
            "occurred_at": START + pd.to_timedelta(np.concatenate(day), unit="D"),
            "category": category,
            "description": np.where(category == "cocoa drink", "Çocuk Kakaolu İçecek 200 ml", category),
            "amount": 2.0,
        }
    )


@pytest.fixture(scope="module")
def town():
    rng = np.random.default_rng(8)
    others = SPECIAL[1:]
    parts = [
        _household(rng, f"guest{i:02d}", habits=rng.choice(others, 1), dates=(250, 560)) for i in range(15)
    ]
    parts += [_household(rng, f"once{i:02d}", habits=rng.choice(others, 1), dates=(450,)) for i in range(10)]
    parts += [_household(rng, f"began{i:02d}", habits=(), dates=(850, 890)) for i in range(5)]
    parts += [
        _household(rng, f"plain{i:03d}", habits=[h for h in SPECIAL if rng.random() < 0.35])
        for i in range(250)
    ]
    frame = pd.concat(parts, ignore_index=True)
    return frame, Population.read(read_log(frame))


def test_guests_cocoa_is_found_and_habits_are_not_taken_for_it(town):
    frame, population = town
    habitual = frame.groupby(["customer_id", "category"])["occurred_at"].nunique()
    told, of_habits = [], 0
    for i, name in enumerate(population.households):
        claims = isolated_purchase(population.household_at(i))
        sure = [claim for claim in claims if strength(claim) >= 0.8]
        told += [(str(name), claim) for claim in sure if claim.subject == "cocoa drink"]
        of_habits += sum(habitual[name, claim.subject] > 2 for claim in sure)
        assert all(strength(claim) < 0.95 for claim in claims)  # it may be bought elsewhere
    assert sum(name.startswith(("guest", "once")) for name, _ in told) >= 23
    assert of_habits == 0
    assert not any(name.startswith("began") for name, _ in told)
    for name, claim in told:
        if name.startswith("guest"):
            household = population.household(name)
            rows = frame.index[(frame["customer_id"] == name) & (frame["category"] == "cocoa drink")]
            assert set(household.lines.row[claim.lines]) == set(rows)
            assert claim.variant == "child"
            assert claim.values["times"] == 2


def test_nobody_has_a_craving_for_light_bulbs(town):
    frame, population = town
    bulbs = frame.replace({"cocoa drink": "light bulbs", "Çocuk Kakaolu İçecek 200 ml": "light bulb 60 W"})
    homes = [Population.read(read_log(bulbs)).household("once03"), population.household("once03")]
    need, drink = (
        next(claim for claim in isolated_purchase(home) if claim.lines.size == 1) for home in homes
    )
    assert (need.subject, need.variant, drink.variant) == ("light bulbs", "plain_need", "child_once")
    for lang, craving in (("en", "craving"), ("tr", "canı çek")):
        assert craving not in tell(need, KIND, 0.9, Formatter(lang)).statement
        assert craving in tell(drink, KIND, 0.9, Formatter(lang)).statement


def test_chance_of_no_habit_is_that_of_drawn_households():
    rng = np.random.default_rng(1)
    rate = rng.gamma(0.8, 3.0, 400_000)  # dates a year
    dates = rng.poisson(rate * 2.5)
    for n in (1, 2):
        drawn = (rate[dates == n] < HABIT).mean()
        assert_allclose(chance_of_no_habit(n, 2.5, 0.8, 3.0), drawn, rtol=0.01)


def test_a_type_within_a_category_is_named_with_it(town):
    frame, _ = town
    typed = frame.assign(
        category=frame["category"].replace({"cocoa drink": "yoghurt", "staple 1": "yoghurt"})
    )
    population = Population.read(read_log(typed))
    household = population.household("guest00")
    subjects = [claim.subject for claim in isolated_purchase(household)]
    assert "yoghurt: çocuk kakaolu içecek" in subjects


def test_row_order_and_names_do_not_matter(town):
    frame, population = town
    changed = frame.sample(frac=1, random_state=4)
    changed["category"] = "x" + changed["category"]
    other = Population.read(read_log(changed))
    for name in ("guest00", "once03"):
        one, two = (isolated_purchase(p.household(name)) for p in (population, other))
        assert len(one) > 0
        assert [claim.probability for claim in one] == pytest.approx([claim.probability for claim in two])
        assert ["x" + claim.subject for claim in one] == [claim.subject for claim in two]
        assert [len(claim.lines) for claim in one] == [len(claim.lines) for claim in two]


@pytest.mark.parametrize("poor", ["no_category", "one_household", "one_day", "short"])
def test_poor_logs_ask_nothing(town, poor):
    frame, _ = town
    if poor == "no_category":
        frame = frame.drop(columns=["category", "description"])
    if poor == "one_household":
        frame = frame[frame["customer_id"] == "guest00"]
    if poor == "one_day":
        frame = frame.assign(occurred_at=START)
    if poor == "short":
        frame = frame[frame["occurred_at"] < START + pd.Timedelta(days=30)]
    assert isolated_purchase(Population.read(read_log(frame)).household("guest00")) == []
