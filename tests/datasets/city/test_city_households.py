"""Households of the city: plans that are kept, choices that follow tastes."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from crm_analytics.datasets.city.choosing import _items
from crm_analytics.datasets.city.habits import draw_plan
from crm_analytics.datasets.city.households import Car, Plan, Stay, Taste, towards
from crm_analytics.datasets.city.lines import fuel_receipt, joined, lines_table, receipt
from crm_analytics.datasets.city.outings import _paid
from crm_analytics.datasets.city.shopping import simulate
from crm_analytics.datasets.city.truths import ordinary_truths
from crm_analytics.datasets.city.visits import renewal_days
from crm_analytics.datasets.city.world import World, make_world

DAY = np.datetime64("2008-03-03")


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(date(2006, 12, 1), date(2009, 10, 1), np.random.default_rng(1))


@pytest.fixture
def plan(world) -> Plan:
    return draw_plan(world, 5, np.random.default_rng(5))


def lived(world: World, plan: Plan, seed: int = 1) -> pd.DataFrame:
    lines = simulate(world, plan, np.random.default_rng(seed))
    return lines.join(world.products[["category", "type", "brand"]], on="item_id")


def test_choices_follow_the_weights(world):
    items = world.find(category="raki")
    taste = Taste(1.0, items, np.eye(items.size)[0] * 0.8 + 0.2 / items.size)
    days = np.full(4000, DAY)
    chosen = _items(world, taste, days, 0.0, np.random.default_rng(1))
    assert (chosen == items[0]).mean() == pytest.approx(0.8 + 0.2 / items.size, abs=0.03)


def test_promotions_move_choices_of_those_who_mind_the_price(world):
    offer = world.promotions.iloc[3]
    items = world.find(category=world.products.loc[offer["item_id"], "category"])
    taste = Taste(1.0, items, np.full(items.size, 1 / items.size))
    days = np.full(4000, np.datetime64(offer["start"]))
    chosen = [_items(world, taste, days, sense, np.random.default_rng(1)) for sense in (0.0, 3.0)]
    share = [world.off(items, days[0])[np.searchsorted(items, one)].astype(bool).mean() for one in chosen]
    assert share[1] > 1.3 * share[0]


def test_seekers_of_variety_do_not_take_the_same_again(world):
    items = world.find(category="bread")
    weights = np.full(items.size, 1 / items.size)
    days = np.full(500, DAY)
    again = []
    for repeat in (-0.95, 0.0, 0.8):
        chosen = _items(world, Taste(1.0, items, weights, repeat), days, 0.0, np.random.default_rng(1))
        again.append((chosen[1:] == chosen[:-1]).mean())
    assert again[0] < 0.02 < again[1] < 0.1 < 0.7 < again[2]


def test_what_is_out_of_stock_is_never_chosen_though_it_was_last_time(world):
    gone = world.withdrawn[world.withdrawn["reason"] == "stock_out"].iloc[0]
    items = world.find(category=world.products.loc[gone["item_id"], "category"])
    weights = np.where(items == gone["item_id"], 1.0, 1e-6)
    days = np.datetime64(gone["start"]) + np.arange(-3, 1)
    chosen = _items(
        world, Taste(1.0, items, weights / weights.sum(), 0.9), days, 0.0, np.random.default_rng(1)
    )
    assert chosen[-1] != gone["item_id"]
    assert chosen[-1] > 0


def test_gaps_between_visits_are_as_regular_as_asked():
    rng = np.random.default_rng(1)
    spread = []
    for shape in (1.0, 6.0):
        gaps = np.diff(renewal_days(np.full(40_000, 0.05), shape, rng))
        assert gaps.mean() == pytest.approx(20, rel=0.08)
        spread.append(gaps.std() / gaps.mean())
    assert spread[0] == pytest.approx(1.0, abs=0.1)
    assert spread[1] == pytest.approx(6**-0.5, abs=0.1)


def test_no_visit_falls_on_a_day_without_level():
    level = np.where(np.arange(500) % 7 == 6, 0.0, 0.3)
    assert not (renewal_days(level, 1.5, np.random.default_rng(2)) % 7 == 6).any()


def test_a_taste_favours_what_it_is_told_to(world):
    items = world.find(category="milk")
    taste = Taste(1.0, items, np.full(items.size, 1 / items.size))
    taste.favour(world, 0.9, brand="Selvili", category="milk")
    assert taste.share(world, brand="Selvili") == pytest.approx(0.9)
    assert taste.weights.sum() == pytest.approx(1)
    with pytest.raises(ValueError, match=r"no item of this taste has {'brand': 'Nobody'}"):
        taste.favour(world, 0.9, brand="Nobody")


def test_towards_keeps_the_order_inside_each_part():
    moved = towards(np.array([0.1, 0.3, 0.2, 0.4]), np.array([True, True, False, False]), 0.8)
    assert moved == pytest.approx([0.2, 0.6, 0.2 / 3, 0.4 / 3])


def test_a_plan_changed_before_it_is_lived_is_kept(world, plan):
    plan.stays = [
        Stay("Marmaris", date(2008, 7, 1), date(2008, 7, 22), tuple(range(len(plan.members))), True)
    ]
    category = max(plan.tastes, key=lambda name: plan.tastes[name].rate)
    plan.tastes[category].until = date(2008, 1, 1)
    lines = lived(world, plan)
    inside = lines[(lines["occurred_at"] >= "2008-07-01") & (lines["occurred_at"] < "2008-07-22")]
    assert set(world.stores.loc[inside["store_id"], "town"]) == {"Marmaris"}
    later = lines[(lines["category"] == category) & (lines["occurred_at"] >= "2008-01-01")]
    assert len(later) <= 5  # but for guests and things that go with others
    kinds = {claim.kind for claim in ordinary_truths(world, plan, lines)}
    assert {"stay", "absence", "home"} <= kinds


def test_what_was_planted_is_not_claimed_again(world, plan):
    lines = lived(world, plan)
    claims = ordinary_truths(world, plan, lines)
    assert not {(c.kind, c.subject, c.start) for c in ordinary_truths(world, plan, lines, claims)}


@pytest.mark.parametrize(
    ("habit", "low", "high"), [("full_tank", 0, 0.1), ("round_money", 0.9, 1), ("mixed", 0.2, 0.7)]
)
def test_drivers_pay_as_is_their_habit(habit, low, high):
    rng = np.random.default_rng(3)
    car = Car("petrol", 50.0, habit)
    paid = np.array([_paid(car, 2.87, rng) for _ in range(600)])
    assert low <= (paid % 5 == 0).mean() <= high
    assert paid.max() <= 50 * 2.87


def test_a_receipt_is_priced_as_of_its_day(world):
    items = world.find(category="milk", brand="Çınar")[:2]
    first = receipt(world, "K1", 101, "2008-03-03T18:00:00", items, [1, 3])
    assert first["amount"].tolist() == pytest.approx((world.price(items, DAY) * [1, 3]).round(2).tolist())
    second = receipt(world, "K1", 101, "2008-03-02T18:00:00", items, after=first)
    both = joined(first, second, lines_table())
    assert both["key"].tolist() == [2, 3, 0, 1]
    assert both["receipt"].tolist() == [1, 1, 0, 0]


def test_a_receipt_of_what_is_not_sold_is_refused(world):
    with pytest.raises(ValueError, match=r"are not on sale on 2009-09-30"):
        receipt(world, "K1", 101, "2009-09-30T18:00:00", world.delisted[:1])


def test_a_tank_is_paid_by_lira_or_by_litre(world):
    petrol = int(world.find(category="fuel", type="petrol")[0])
    line = fuel_receipt(world, "K1", 202, "2008-03-03T18:00:00", petrol, amount=100).iloc[0]
    assert line["amount"] == 100
    assert line["quantity"] == pytest.approx(100 / line["unit_price"], abs=1e-3)
    with pytest.raises(ValueError, match="one of amount and litres"):
        fuel_receipt(world, "K1", 202, "2008-03-03T18:00:00", petrol)
