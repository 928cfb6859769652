"""What a household takes on each visit: category by category, item by item."""

import numpy as np

from crm_analytics.datasets.city.households import Plan, Taste
from crm_analytics.datasets.city.visits import HOTEL, OWN, SPECIAL, Visits
from crm_analytics.datasets.city.world import World

# What one buys more or less of where one has a hotel room, and where one has a kitchen there.
AT_HOTEL = {
    "drinks": 2.5,
    "sweets & snacks": 2.0,
    "alcohol": 1.5,
    "fruit & vegetables": 0.7,
    "personal care": 0.6,
}
AT_OWN = {"cleaning": 2.2, "paper": 1.6, "general merchandise": 2.0, "drinks": 1.4}
SHUNNED = 4  # recent items that seekers of variety remember
RARE = ("hair_loss", "lactose_free", "gluten_free")  # nobody takes them by chance
PROMOTION = 3.0  # odds of a choice rise by this × price sense × share taken off


def choose(
    world: World, plan: Plan, visits: Visits, home_days: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Visit and item of every thing taken, in the order of the visits."""
    events: dict[str, list[np.ndarray]] = {}
    for category in sorted(plan.tastes):
        found = _events(world, plan.tastes[category], category, visits, home_days, rng)
        if found.size:
            events[category] = [found]
    for visit, category in visits.forced + _odd_ones(world, plan, visits, rng):
        events.setdefault(category, []).append(np.array([visit]))
    for first, second, chance in plan.companions:
        with_first = np.unique(np.concatenate(events.get(first, [np.empty(0, np.int64)])))
        already = np.concatenate(events.get(second, [np.empty(0, np.int64)]))
        joins = with_first[(rng.random(with_first.size) < chance) & ~np.isin(with_first, already)]
        if joins.size:
            events.setdefault(second, []).append(joins)
    days = np.datetime64(world.start) + visits.day
    visit_of, item_of = [], []
    for category in sorted(events):
        at = np.sort(np.concatenate(events[category]))
        taste = plan.tastes.get(category) or common_taste(world, category)
        item = _items(world, taste, days[at], plan.price_sense, rng)
        visit_of.append(at[item >= 0])
        item_of.append(item[item >= 0])
    if not visit_of:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    when, what = np.concatenate(visit_of), np.concatenate(item_of)
    order = np.lexsort((what, when))
    return when[order], what[order]


def common_taste(world: World, category: str) -> Taste:
    """What people in general take of a category, for those who have no taste of their own in it."""
    shelf = world.shelves[category]
    weights = world.products["weight"].to_numpy()[shelf.rows].copy()
    for tag in RARE:
        weights[world.tagged[tag][shelf.rows]] = 0
    return Taste(0.0, shelf.items, weights / weights.sum())


def _events(
    world: World, taste: Taste, category: str, visits: Visits, home_days: int, rng: np.random.Generator
) -> np.ndarray:
    """Visits on which the category is taken; a visit appears as often as it is."""
    row = world.habits[category]
    factor = {HOTEL: AT_HOTEL.get(row["department"], 0.08), OWN: AT_OWN.get(row["department"], 1.1)}
    weight = visits.weight.copy()
    for kind, value in factor.items():
        weight[visits.kind == kind] *= value
    at_home = ~np.isin(visits.kind, (HOTEL, OWN))
    whole = visits.weight[at_home].sum()
    if not whole > 0:
        whole = max(visits.weight.sum(), 1e-9)
    if row["season"]:
        middle = (int(row["season"]) - 0.5) * 30.4
        of_year = (visits.day + world.start.timetuple().tm_yday) % 365.25
        weight *= np.maximum(1 + float(row["swing"]) * np.cos(2 * np.pi * (of_year - middle) / 365.25), 0.02)
    weight *= _wanted(world, taste, visits.day)
    clock = np.cumsum(weight) * taste.rate * home_days / 30 / whole
    n = int(clock[-1] + 6 * np.sqrt(clock[-1]) + 8)
    shape = float(row["clock"])
    times = np.cumsum(rng.gamma(shape, 1 / shape, n)) - rng.random() / shape
    return np.searchsorted(clock, times[(times >= 0) & (times < clock[-1])], side="right")


def _wanted(world: World, taste: Taste, day: np.ndarray) -> np.ndarray:
    wanted = np.ones(day.size)
    if taste.since:
        wanted[day < (taste.since - world.start).days] = 0
    if taste.until:
        wanted[day >= (taste.until - world.start).days] = 0
    if taste.pause:
        first, last = ((end - world.start).days for end in taste.pause)
        wanted[(day >= first) & (day < last)] = 0
    return wanted


def _odd_ones(world: World, plan: Plan, visits: Visits, rng: np.random.Generator) -> list[tuple[int, str]]:
    """Things bought once, out of no habit."""
    table = world.categories
    open_to_all = (table["need"] == "") | (table["need"] == "drinks")
    others = sorted(set(table.index[open_to_all]) - set(plan.tastes))
    where = np.flatnonzero(~np.isin(visits.kind, (HOTEL, OWN, SPECIAL)))
    if not others or not where.size:
        return []
    reach = table.loc[others, "reach"].to_numpy(float)
    n = int(rng.poisson(4 * world.n_days / 1000))
    return [
        (int(visit), others[int(i)])
        for visit, i in zip(
            rng.choice(where, n), rng.choice(len(others), n, p=reach / reach.sum()), strict=True
        )
    ]


def _items(
    world: World, taste: Taste, days: np.ndarray, price_sense: float, rng: np.random.Generator
) -> np.ndarray:
    """Item of each purchase, -1 where nothing of the category is on sale."""
    weights = np.broadcast_to(taste.weights, (days.size, taste.items.size))
    if taste.switch is not None:
        later = days >= np.datetime64(taste.switch[0])
        weights = np.where(later[:, None], taste.switch[1], weights)
    there = world.on_sale(taste.items[None, :], days[:, None])
    off = world.off(taste.items[None, :], days[:, None])
    weights = (weights + 1e-9) * there * (1 + PROMOTION * price_sense * off)
    n = days.size
    if taste.repeat < 0:
        return _seeking(taste, weights, rng)
    pick = _draw(weights, rng.random(n))
    fresh = rng.random(n) >= taste.repeat
    if n:
        fresh[0] = True
    if taste.switch is not None:
        fresh[1:] |= later[1:] != later[:-1]
    for _ in range(n):  # a repeat of what is not there becomes a fresh choice; few rounds are needed
        source = np.maximum.accumulate(np.where(fresh, np.arange(n), 0))
        missing = ~fresh & ~there[np.arange(n), pick[source]]
        if not missing.any():
            break
        fresh |= missing
    item = taste.items[pick[source]] if n else np.empty(0, np.int64)
    return np.where(there.any(axis=1), item, -1)


def _seeking(taste: Taste, weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    chosen = np.full(len(weights), -1)
    recent: list[int] = []
    for at, row in enumerate(weights):
        if not row.sum() > 0:
            continue
        left = row.copy()
        left[recent] *= 1 + taste.repeat
        pick = int(_draw(left[None, :], rng.random(1))[0])
        chosen[at] = taste.items[pick]
        recent = [*[one for one in recent if one != pick], pick][-min(SHUNNED, taste.items.size - 1) :]
    return chosen


def _draw(weights: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """Column drawn from each row of weights."""
    ladder = np.cumsum(weights, axis=1)
    return np.minimum((ladder <= (uniform * ladder[:, -1])[:, None]).sum(axis=1), weights.shape[1] - 1)
