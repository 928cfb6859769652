"""Guest day: planted days of drinks and snacks, ordinary noise, a brute-force null, poor logs."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from crm_analytics import read_log
from crm_analytics.profiling.evidence.strength import strength
from crm_analytics.profiling.questions.guest_day import MEAN_UNUSUAL, _count_factor, guest_day
from crm_analytics.profiling.reading.population import Population

START = pd.Timestamp("2007-01-01")
STAPLES = [f"staple {i}" for i in range(25)]
FESTIVE = ["cola", "chips", "nuts", "chocolate", "ice cream", "coffee", "wine", "beer", "biscuits", "tea"]


def _household(rng, customer, *, guests=0, visits=100):
    """Staples and a few festive habits; the other festive categories once in a while, one at a time."""
    visit = np.sort(rng.choice(800, visits, replace=False))
    habits = rng.choice(FESTIVE, 5, replace=False)
    day = [np.repeat(visit, 4)]
    category = [rng.choice(STAPLES, 4 * visits)]
    for habit in habits:
        bought = visit[rng.random(visits) < rng.gamma(4, 0.04)]
        day.append(bought)
        category.append(np.full(bought.size, habit))
    others = np.setdiff1d(FESTIVE, habits)
    odd = others[rng.random(others.size) < 0.3]
    day.append(rng.choice(visit, odd.size))
    category.append(odd)
    planted = np.setdiff1d(others, odd)[:guests]
    if guests:
        day.append(np.full(2 * planted.size, visit[visits // 2]))
        category.append(np.tile(planted, 2))
    category = np.concatenate(category).astype(str)
    diet = np.zeros(category.size, dtype=bool)
    if guests:
        diet[-planted.size :] = True
    return pd.DataFrame(
        {
            "customer_id": customer,
            "occurred_at": START + pd.to_timedelta(np.concatenate(day), unit="D"),
            "category": category,
            "description": np.where(diet, "diet ", "plain ") + category.astype(object),
            "quantity": 1.0,
            "amount": 2.0,
            "planted": np.arange(category.size) >= category.size - 2 * planted.size if guests else False,
        }
    )


@pytest.fixture(scope="module")
def town():
    rng = np.random.default_rng(10)
    parts = [_household(rng, f"guests{i:02d}", guests=3) for i in range(15)]
    parts += [_household(rng, f"plain{i:03d}") for i in range(250)]
    frame = pd.concat(parts, ignore_index=True)
    return frame, Population.read(read_log(frame.drop(columns="planted")))


def test_days_with_guests_are_found_with_their_lines_and_ordinary_days_are_not(town):
    frame, population = town
    found, strong = 0, []
    for i, name in enumerate(population.households.astype(str)):
        household = population.household_at(i)
        planted = frame.index[(frame["customer_id"] == name) & frame["planted"]]
        for claim in guest_day(household):
            if strength(claim) < 0.8:
                continue
            strong += [name] * (strength(claim) >= 0.95)
            if len(planted) and claim.subject == str(frame.loc[planted[0], "occurred_at"].date()):
                found += 1
                assert set(planted) <= set(household.lines.row[claim.lines])
                assert claim.variant == "side_by_side"
                assert claim.end > claim.start
    whole = frame[frame["planted"]].groupby("customer_id").size() == 6
    assert found >= whole.sum() - 1
    assert sum(name.startswith("plain") for name in strong) <= 1


def test_the_factor_of_a_count_is_a_ratio_of_chances():
    # Both chances, of 1, 2, 3, ... unusual purchases where there is at least one, sum to one.
    ordinary = 0.3
    n = np.arange(1, 60)
    null = np.exp(n * np.log(ordinary) - np.cumsum(np.log(n))) / np.expm1(ordinary)
    assert_allclose(null.sum(), 1)
    assert_allclose((null * [_count_factor(int(k), ordinary) for k in n]).sum(), 1)
    assert _count_factor(3, ordinary) > _count_factor(2, ordinary) > _count_factor(1, ordinary)
    assert _count_factor(1, MEAN_UNUSUAL) < 1


def test_a_far_larger_amount_than_ever_counts_as_unusual():
    rng = np.random.default_rng(4)
    frame = _household(rng, "a").drop(columns="planted")
    regular = frame[frame["category"].isin(FESTIVE)]["category"].value_counts().index[:4]
    day = frame["occurred_at"].iloc[200]
    extra = pd.DataFrame(
        {"category": regular, "description": "large " + regular, "quantity": 8.0, "amount": 20.0}
    )
    frame = pd.concat([frame, extra.assign(customer_id="a", occurred_at=day)], ignore_index=True)
    claims = guest_day(Population.read(read_log(frame)).household_at(0))
    assert [claim.subject for claim in claims if strength(claim) >= 0.8] == [str(day.date())]


def test_row_order_and_whole_weeks_do_not_matter(town):
    frame, population = town
    changed = frame.drop(columns="planted").sample(frac=1, random_state=3)
    changed["occurred_at"] += pd.Timedelta(days=35)
    other = Population.read(read_log(changed))
    for name in ("guests00", "guests01", "guests02"):
        one, two = (guest_day(p.household(name)) for p in (population, other))
        assert len(one) > 0
        assert [c.bayes_factor for c in one] == pytest.approx([c.bayes_factor for c in two])
        assert [len(c.lines) for c in one] == [len(c.lines) for c in two]


@pytest.mark.parametrize("poor", ["no_category", "no_quantity", "one_household", "one_day", "short"])
def test_poor_logs_are_no_error(town, poor):
    frame = town[0].drop(columns="planted")
    frame = frame[frame["customer_id"] < "plain030"]
    if poor.startswith("no_"):
        frame = frame.drop(columns=[poor[3:], "description"])
    if poor == "one_household":
        frame = frame[frame["customer_id"] == "guests00"]
    if poor == "one_day":
        frame = frame.assign(occurred_at=START)
    if poor == "short":
        frame = frame.groupby("customer_id").head(1)
    claims = guest_day(Population.read(read_log(frame)).household("guests00"))
    assert claims == [] or poor in ("no_quantity", "one_household")
