"""At the pump: how they pay, what their car drinks, a second vehicle."""

import numpy as np

from crm_analytics.datasets.city.facts.choices import DAY, at_hour
from crm_analytics.datasets.city.facts.draft import FUEL, Draft
from crm_analytics.datasets.city.facts.planter import planter
from crm_analytics.datasets.city.households import Car

HABITS = ("full_tank", "round_money", "mixed")
NOTES = (20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 100.0, 120.0, 150.0)


@planter
def fuel_habit(
    draft: Draft, *, card: str | None = None, habit: str | None = None, round_share: float | None = None
) -> bool:
    """Fills the tank, or pays round money, or mostly the one and sometimes exactly a note."""
    rng = draft.rng
    card = _driver(draft, card, 16, ("fuel_habit",))
    if card is None:
        return False
    habit = habit or str(rng.choice(HABITS))
    share = {
        "full_tank": rng.uniform(0.0, 0.06),
        "round_money": rng.uniform(0.85, 0.97),
        "mixed": rng.uniform(0.2, 0.4),
    }
    where, car = fills(draft, card), draft.plan.holder(card).car
    tank = car.tank if car else 50.0
    rounded = rng.random(where.size) < (round_share or share[habit])
    usual = (
        np.array(NOTES)[rng.permutation(len(NOTES))[:3]]
        if habit == "round_money"
        else np.array([50.0, 100.0, 100.0])
    )
    for line, is_round in zip(where, rounded, strict=True):
        pay(draft, int(line), tank, float(rng.choice(usual)) if is_round else None)
    if habit == "mixed" and (np.mod(draft.amount[where], 10) == 0).sum() < 3:
        return False
    if car:
        car.habit = habit
    draft.claim("fuel_habit", card, habit, customer_id=card, keys=draft.key[where])
    return True


def fills(draft: Draft, card: str) -> np.ndarray:
    """Positions of a card's lines of fuel, in order of time."""
    where = np.flatnonzero((draft.customer_id == card) & (draft.product("category") == "fuel"))
    return where[np.lexsort((draft.key[where], draft.occurred_at[where]))]


def pay(draft: Draft, line: int, tank: float, money: float | None = None) -> None:
    """Pay exactly so much, or fill the tank, which is never round but by chance."""
    if money is not None:
        draft.refuel(line, money)
        return
    litres = tank * float(np.clip(draft.rng.normal(0.78, 0.09), 0.4, 0.97))
    draft.refuel(line, round(litres * float(draft.unit_price[line]), 2))


def _driver(draft: Draft, card: str | None, least: int, after: tuple[str, ...]) -> str | None:
    """A card with enough refuellings and none of the facts `after`; given a car and more of them, if need be."""
    cards = [card] if card else [str(c) for c in draft.rng.permutation(draft.plan.cards)]
    ready = sorted(cards, key=lambda c: -fills(draft, c).size)
    for name in ready:
        where = fills(draft, name)
        if (
            any((kind, name) in draft.held.subjects for kind in after)
            or draft.plan.holder(name).role != "adult"
        ):
            continue
        if where.size < least:
            if draft.held.cards & set(draft.plan.cards):
                continue  # whose card buys the fuel is a fact already
            drive(draft, name, least + int(draft.rng.integers(4, 30)) - where.size)
        if fills(draft, name).size >= least:
            return name
    return None


def drive(draft: Draft, card: str, n: int) -> None:
    """Refuel `n` times more, all over the time, near home."""
    rng, holder = draft.rng, draft.plan.holder(card)
    if holder.car is None:
        holder.car = Car(
            "petrol" if rng.random() < 0.7 else "diesel", float(rng.choice([45, 50, 55, 60])), "full_tank"
        )
    item = draft.find(category="fuel", type=holder.car.fuel)
    station = _station(draft)
    days = np.arange(np.datetime64(draft.world.start, "D"), np.datetime64(draft.world.end, "D"))
    taken = draft.day[fills(draft, card)]
    days = np.array(
        [
            d
            for d in days[rng.permutation(days.size)[: 3 * n]]
            if not draft.is_away(card, d) and d not in taken
        ]
    )
    for day in np.sort(days[:n]):
        at = at_hour(draft, day, 8, 22)
        if draft.reaches(card, station, at):
            draft.ring(card, station, at, item[:1])
            pay(draft, draft.key.size - 1, holder.car.tank)
    holder.car.every_days = draft.world.n_days / max(fills(draft, card).size, 1)


def _station(draft: Draft) -> int:
    """The household's station, else the one next to its supermarket."""
    if draft.plan.fuel_stores:
        return int(max(draft.plan.fuel_stores, key=lambda store: draft.plan.fuel_stores[store]))
    stations = draft.world.stores_of(kind=FUEL)
    return int(min(stations, key=lambda store: draft.world.distance_km(draft.home_store, int(store))))


@planter
def fuel_tier(draft: Draft, *, card: str | None = None, fuel: str | None = None) -> bool:
    """Premium fuel, or diesel: another price a litre than most pay at the same station on the same day."""
    rng = draft.rng
    card = _driver(draft, card, 14, ("fuel_habit", "fuel_tier", "second_vehicle"))
    if card is None:
        return False
    fuel = fuel or str(rng.choice(["premium", "diesel"]))
    item = int(draft.find(category="fuel", type=fuel)[0])
    where, car = fills(draft, card), draft.plan.holder(card).car
    share = 1.0 if fuel == "diesel" else float(rng.uniform(0.85, 1.0))  # a diesel engine takes nothing else
    for line in where[rng.random(where.size) < share]:
        paid = float(draft.amount[line])
        draft.replace(np.array([line]), np.array([item]))
        if paid % 5 == 0:
            draft.refuel(int(line), paid)
        else:
            pay(draft, int(line), car.tank if car else 50.0)
    if car:
        car.fuel = fuel
    mine = where[draft.item_id[where] == item]
    petrol = draft.find(category="fuel", type="petrol")[:1]
    usual = draft.world.price(petrol, draft.day[mine], draft.store_id[mine])
    if ((draft.unit_price[mine] > usual) == (fuel == "premium")).mean() < 0.92:
        return False  # pumps wander: on these days the price does not tell
    draft.claim("fuel_tier", card, fuel, customer_id=card, keys=draft.key[mine])
    return True


@planter
def second_vehicle(draft: Draft, *, card: str | None = None, n: int | None = None) -> bool:
    """Two refuellings moments apart, again and again: the card pays for two vehicles."""
    rng = draft.rng
    card = _driver(draft, card, 14, ("fuel_habit", "second_vehicle"))
    if card is None:
        return False
    where = fills(draft, card)
    near = where[draft.near[where]]
    n = n or int(rng.integers(4, 11))
    if near.size < n:
        return False
    kinds, counts = np.unique(draft.product("type")[where], return_counts=True)
    first = str(kinds[counts.argmax()])
    other = str(rng.choice([name for name in ("petrol", "premium", "diesel") if name != first]))
    dearer = ("fuel_tier", card) in draft.held.subjects  # both vehicles drink what the card is known for
    fuel = other if rng.random() < 0.6 and not dearer else first
    item, tank = draft.find(category="fuel", type=fuel)[:1], float(rng.choice([40, 45, 60, 70]))
    keys: list[int] = []
    for line in np.sort(rng.choice(near, size=n, replace=False)):
        at = draft.occurred_at[line] + np.timedelta64(int(np.exp(rng.uniform(np.log(25), np.log(2400)))), "s")
        store, key = int(draft.store_id[line]), int(draft.key[line])
        if at.astype("datetime64[D]") == draft.day[line]:
            keys += [key, *draft.ring(card, store, at, item).tolist()]
            pay(draft, draft.key.size - 1, tank)
    extra = np.flatnonzero(np.isin(draft.key, keys))
    if extra.size < 6:
        return False
    _alone(draft, card, item, tank, int(rng.integers(3, 12)))
    draft.claim("second_vehicle", card, fuel, customer_id=card, keys=keys)
    return True


def _alone(draft: Draft, card: str, item: np.ndarray, tank: float, n: int) -> None:
    """The second vehicle also comes on days of its own."""
    station = _station(draft)
    for place in np.sort(draft.rng.choice(draft.world.n_days, size=n, replace=False)):
        day = np.datetime64(draft.world.start, "D") + int(place) * DAY
        at = at_hour(draft, day, 8, 22)
        if not draft.is_away(card, day) and draft.reaches(card, station, at):
            draft.ring(card, station, at, item)
            pay(draft, draft.key.size - 1, tank)
