"""When a household goes shopping, where, and with whose card."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from crm_analytics.datasets.city.households import Plan
from crm_analytics.datasets.city.places import FOOD_KINDS
from crm_analytics.datasets.city.world import World

TOPUP, MAIN, HOTEL, OWN, SPECIAL = range(5)  # kinds of visits; special ones are made for an occasion
SECONDS = 86_400

# What is bought for an occasion: categories, and the days before its day that it is bought on.
FOR_OCCASION = {
    "new_year": (
        "nuts",
        "mayonnaise",
        "cold cuts",
        "chocolate",
        "appetisers",
        "fizzy drinks",
        "cake",
        "cream",
    ),
    "ramadan": ("rice and bulgur", "sugar", "pulses", "olives", "flour", "tomato paste", "soup", "tea"),
    "ramadan_feast": ("candy and lokum", "chocolate", "coffee", "deodorant", "yufka", "nuts"),
    "sacrifice_feast": (
        "rubbish bags",
        "garden",
        "salt and spices",
        "candy and lokum",
        "fizzy drinks",
        "kitchenware",
    ),
    "back_to_school": ("stationery",),
}
FOR_GUESTS = ("cola", "fizzy drinks", "fruit juice", "crisps", "nuts", "cake", "beer", "appetisers", "frozen food",
              "candy and lokum", "ice cream", "cocoa drink", "red wine", "biscuits")  # fmt: skip


@dataclass
class Visits:
    """Visits of one household, in order of time; arrays of one length."""

    day: np.ndarray  # day number of the world
    second: np.ndarray  # of the day
    store: np.ndarray
    card: np.ndarray  # position in the plan's cards
    kind: np.ndarray
    weight: np.ndarray  # how much of the shopping falls on it
    forced: list[tuple[int, str]]  # (visit, category) that is bought whatever the weights

    def __len__(self) -> int:
        return self.day.size


def draw_visits(world: World, plan: Plan, home: np.ndarray, rng: np.random.Generator) -> Visits:
    """All visits to supermarkets; `home` says who of the card holders is there, shape (n_cards, n_days)."""
    rhythm, present = plan.rhythm, np.asarray(home.any(axis=0))
    level = day_level(world, plan, home, rng)
    small = renewal_days(level * rhythm.topups / 30, rhythm.regularity, rng)
    large = _main_days(world, plan, present, rng)
    away = _away(world, plan, rng)
    special, wanted = _special(world, plan, present, rng)
    n_small, n_large, n_special = small.size, large.size, len(special)
    day = np.concatenate([small, large, special, away[0]]).astype(np.int64)
    kind = np.concatenate(
        [np.full(n_small, TOPUP), np.full(n_large, MAIN), np.full(n_special, SPECIAL), away[2]]
    ).astype(np.int64)
    n = day.size
    weight = np.where(kind == MAIN, rhythm.main_size * rng.gamma(10, 0.1, n), rng.gamma(1.6, 1 / 1.6, n))
    weight[kind == SPECIAL] = 0.6
    card, store, second = _who_where_when(world, plan, home, day, kind, rng)
    store[n - away[0].size :], card[n - away[0].size :] = away[1], away[3]
    order = np.lexsort((second, day))
    place = np.empty(n, dtype=np.int64)
    place[order] = np.arange(n)
    forced = [(int(place[n_small + n_large + visit]), category) for visit, category in wanted]
    return Visits(day[order], second[order], store[order], card[order], kind[order], weight[order], forced)


def day_level(world: World, plan: Plan, home: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """How likely a visit is on each day, about 1 on average while they are at home."""
    first = (world.start.weekday() + np.arange(world.n_days)) % 7
    level = (plan.rhythm.weekdays / plan.rhythm.weekdays.mean())[first]
    mood = np.exp(rng.normal(0, 0.3, world.n_days // 40 + 1))
    level = level * np.repeat(mood / mood.mean(), 40)[: world.n_days]
    if rng.random() < 0.25:  # a quiet spell: illness, another shop, work
        begin = int(rng.integers(0, world.n_days))
        level[begin : begin + int(rng.integers(12, 40))] *= 0.1
    spans = world.calendar
    for occasion, start in zip(spans["occasion"], spans["start"], strict=True):
        if occasion in plan.celebrates and occasion != "back_to_school":
            eve = (start - world.start).days + (4 if occasion == "new_year" else -4)
            level[max(eve, 0) : max(eve + 4, 0)] *= 1.6
    return level * np.where(home.all(axis=0), 1.0, 0.7) * home.any(axis=0)


def renewal_days(level: np.ndarray, shape: float, rng: np.random.Generator) -> np.ndarray:
    """Days of events with gamma gaps on a clock that runs `level` fast; `shape` 1 is Poisson."""
    clock = np.cumsum(level)
    n = int(clock[-1] + 6 * np.sqrt(clock[-1]) + 12)
    times = np.cumsum(rng.gamma(shape, 1 / shape, n)) - rng.random() / shape
    times = times[(times >= 0) & (times < clock[-1])]
    return np.searchsorted(clock, times, side="right")


def _main_days(world: World, plan: Plan, present: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    rhythm = plan.rhythm
    if rhythm.main_every is None:
        return np.empty(0, dtype=np.int64)
    n = int(world.n_days / rhythm.main_every) + 12
    if rhythm.payday is None:
        gaps = rhythm.main_every * rng.gamma(25, 1 / 25, n)
        days = (rng.uniform(0, rhythm.main_every) + np.cumsum(gaps)).astype(np.int64)
    else:
        dates = np.datetime64(world.start) + np.arange(world.n_days)
        month_day = (dates - dates.astype("datetime64[M]")).astype(np.int64) + 1
        paydays = np.flatnonzero(month_day == rhythm.payday)
        days = (paydays + rng.integers(0, 4, paydays.size))[rng.random(paydays.size) < 0.9]
    days = days[(days >= 0) & (days < world.n_days)]
    return days[present[days]]


def _away(world: World, plan: Plan, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Day, store, kind and card of visits made away from home."""
    rows: list[tuple[int, int, int, int]] = []
    cards = [i for i, member in enumerate(plan.members) if member.card is not None]
    for stay in plan.stays:
        stores = world.stores_of(kind=FOOD_KINDS, town=stay.town)
        there = [place for place, member in enumerate(cards) if member in stay.members]
        if not stores.size or not there:
            continue
        first, last = (stay.start - world.start).days, (stay.end - world.start).days
        favourite = int(rng.integers(stores.size))
        for day in range(max(first, 0), min(last, world.n_days)):
            if rng.random() < (0.4 if stay.own_place else 0.28):
                store = stores[favourite] if rng.random() < 0.85 else stores[int(rng.integers(stores.size))]
                card = there[0] if rng.random() < plan.shopper_share else there[-1]
                rows.append((day, int(store), OWN if stay.own_place else HOTEL, card))
    table = np.array(rows, dtype=np.int64).reshape(-1, 4)
    return tuple(table.T)


def _special(
    world: World, plan: Plan, present: np.ndarray, rng: np.random.Generator
) -> tuple[list[int], list[tuple[int, str]]]:
    """Days of visits made for an occasion or for guests, and (visit, category) that they bring."""
    days: list[int] = []
    wanted: list[tuple[int, str]] = []

    def add(day: int, categories: tuple[str, ...], low: int, high: int) -> None:
        if 0 <= day < world.n_days and present[day]:
            n = min(int(rng.integers(low, high + 1)), len(categories))
            picked = rng.choice(len(categories), n, replace=False)
            wanted.extend((len(days), categories[int(i)]) for i in picked)
            days.append(day)

    for occasion, start in zip(world.calendar["occasion"], world.calendar["start"], strict=True):
        if occasion in plan.celebrates and rng.random() < 0.9:
            shift = {"new_year": rng.integers(4, 8), "back_to_school": rng.integers(8, 24)}
            day = (start - world.start).days + int(shift.get(occasion, -rng.integers(1, 4)))
            usual = FOR_OCCASION[occasion]
            own = usual[: 3 + len(plan.household_id) % 3]  # what it is to them changes little
            add(day, own if occasion != "back_to_school" else usual, 2, 4)
    unused = tuple(category for category in FOR_GUESTS if category not in plan.tastes)
    for guests in plan.guests:
        add((guests - world.start) // timedelta(days=1), unused or FOR_GUESTS, 2, 4)
    return days, wanted


def _who_where_when(
    world: World, plan: Plan, home: np.ndarray, day: np.ndarray, kind: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    n = day.size
    card = (
        (rng.random(n) >= plan.shopper_share).astype(np.int64) if home.shape[0] > 1 else np.zeros(n, np.int64)
    )
    card = np.where(home[card, day], card, home[:, day].argmax(axis=0))
    near = np.array(list(plan.home_stores), dtype=np.int64)
    store = near[rng.choice(near.size, n, p=list(plan.home_stores.values()))]
    hour = rng.choice(24, n, p=plan.rhythm.hours)
    hour = np.where(np.isin(kind, (HOTEL, OWN)), rng.integers(9, 22, n), hour)
    second = hour * 3600 + rng.integers(0, 3600, n)
    weekday = (world.start.weekday() + day) % 7
    for place, share in plan.work_stores.items():
        there = (card == 0) & (weekday < 5) & np.isin(kind, (TOPUP,)) & (rng.random(n) < 1.6 * share)
        store = np.where(there, place, store)
        second = np.where(there, rng.integers(12 * 3600, 19 * 3600, n), second)
    return card, store, second
