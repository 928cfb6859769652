"""Refuellings and restaurants: what a household's cards pay for outside the supermarkets."""

import numpy as np

from crm_analytics.datasets.city.households import Car, Member, Plan
from crm_analytics.datasets.city.visits import renewal_days
from crm_analytics.datasets.city.world import World

ROUND = (
    np.array([30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 100.0, 120.0, 150.0]),
    np.array([3, 4, 14, 5, 5, 5, 14, 2, 2.0]),
)

# One row a line: second since the start, card (position), store, item, quantity, amount (nan: what it
# comes to), receipt (-1: a receipt of its own).
Row = tuple[int, int, int, int, float, float, int]


def refuellings(world: World, plan: Plan, away: np.ndarray, rng: np.random.Generator) -> list[Row]:
    """A line for each time a car of the household is filled with a card."""
    rows: list[Row] = []
    for member, place in _drivers(plan):
        rows += _of_car(world, plan, member, place, away[plan.members.index(member)], rng)
    return rows


def _drivers(plan: Plan) -> list[tuple[Member, int]]:
    """Members with a car, and the card that pays for it: their own, else the first."""
    cards = plan.cards
    return [
        (member, cards.index(member.card) if member.card else 0)
        for member in plan.members
        if member.car is not None and cards
    ]


def _of_car(
    world: World, plan: Plan, member: Member, place: int, gone: np.ndarray, rng: np.random.Generator
) -> list[Row]:
    car = member.car
    assert car is not None  # noqa: S101 - as _drivers gives them
    item = int(world.find(category="fuel", type=car.fuel)[0])
    level = np.full(world.n_days, 1 / car.every_days)
    level[gone] = 0
    if car.since:
        level[: max((car.since - world.start).days, 0)] = 0
    if car.until:
        level[max((car.until - world.start).days, 0) :] = 0
    days = renewal_days(level, 4.0, rng) if level.sum() > 0 else np.empty(0, np.int64)
    stores = np.array(list(plan.fuel_stores), dtype=np.int64)
    where = stores[rng.choice(stores.size, days.size, p=list(plan.fuel_stores.values()))]
    day_store = list(zip(days.tolist(), where.tolist(), strict=True))
    for stay in plan.stays:  # on the way home from a stay by car
        pumps = world.stores_of(kind="fuel", town=stay.town)
        last = (stay.end - world.start).days - 1
        driven = plan.members.index(member) in stay.members and member.card is not None
        if (
            pumps.size
            and driven
            and 0 <= last < world.n_days
            and rng.random() < 0.4
            and _runs(world, car, last)
        ):
            day_store.append((last, int(pumps[0])))
    rows: list[Row] = []
    visits = np.array(sorted(day_store), dtype=np.int64).reshape(-1, 2)
    prices = world.price(item, np.datetime64(world.start) + visits[:, 0], visits[:, 1])
    for (day, store), price in zip(visits.tolist(), prices.tolist(), strict=True):
        second = day * 86_400 + int(np.clip(rng.normal(17, 3.2), 7, 22.9) * 3600) + int(rng.integers(0, 60))
        amount = _paid(car, price, rng)
        rows.append((second, place, store, item, round(amount / price, 3), amount, -1))
    return rows


def _runs(world: World, car: Car, day: int) -> bool:
    since = (car.since - world.start).days if car.since else 0
    until = (car.until - world.start).days if car.until else world.n_days
    return since <= day < until


def _paid(car: Car, price: float, rng: np.random.Generator) -> float:
    """Lira of one refuelling: a tank nearly empty filled up, or a round sum that fits in it."""
    filled = car.habit == "full_tank" or (car.habit == "mixed" and rng.random() < 0.6)
    if filled and rng.random() < 0.97:
        return round(float(car.tank * rng.uniform(0.55, 0.95) * price), 2)
    sums, weights = ROUND
    fits = np.where(sums <= car.tank * price, weights, 0.0)
    if car.habit == "round_money" and rng.random() < 0.04:  # full for once
        return round(float(car.tank * rng.uniform(0.6, 0.95) * price), 2)
    return float(rng.choice(sums, p=fits / fits.sum()))


def meals(world: World, plan: Plan, away: np.ndarray, rng: np.random.Generator) -> list[Row]:
    """Lunches near work, and now and then an evening out near home."""
    rows: list[Row] = []
    menu = {name: world.find(category=f"restaurant {name}") for name in ("meal", "dessert", "drink")}
    weekday = (world.start.weekday() + np.arange(world.n_days)) % 7
    receipt = 0
    for index, member in enumerate(plan.members):
        if member.card is None:
            continue
        place = plan.cards.index(member.card)
        if member.lunches > 0 and member.work_place is not None:
            office = world.stores_of(kind="restaurant", district=member.work_place)
            level = np.where((weekday < 5) & ~away[index], member.lunches / 30 * 7 / 5, 0.0)
            for day in (
                np.unique(renewal_days(level, 1.0, rng)).tolist() if office.size and level.any() else []
            ):
                second = day * 86_400 + int(rng.normal(13.0, 0.35) * 3600) + int(rng.integers(0, 60))
                rows += _meal(menu, second, place, int(office[0]), 1 + int(rng.random() < 0.3), receipt, rng)
                receipt += 1
        dining = world.stores_of(kind="restaurant", district=plan.home_district)
        if dining.size and rng.random() < 0.15:
            level = np.where(away[index], 0.0, float(rng.uniform(0.2, 1.2)) / 30)
            for day in np.unique(renewal_days(level, 1.0, rng)).tolist() if level.any() else []:
                second = day * 86_400 + int(rng.normal(20.0, 0.6) * 3600) + int(rng.integers(0, 60))
                rows += _meal(menu, second, place, int(dining[0]), int(rng.integers(1, 4)), receipt, rng)
                receipt += 1
    return rows


def _meal(
    menu: dict[str, np.ndarray],
    second: int,
    place: int,
    store: int,
    people: int,
    receipt: int,
    rng: np.random.Generator,
) -> list[Row]:
    dishes = [int(rng.choice(menu["meal"])) for _ in range(people)]
    dishes += [int(rng.choice(menu["drink"])) for _ in range(people) if rng.random() < 0.7]
    dishes += [int(rng.choice(menu["dessert"]))] * int(rng.random() < 0.25)
    return [
        (second, place, store, dish, float(dishes.count(dish)), float("nan"), receipt)
        for dish in sorted(set(dishes))
    ]
