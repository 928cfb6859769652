"""A household's plan, lived: every line of its cards from the first day to the last."""

import numpy as np
import pandas as pd

from crm_analytics.datasets.city.choosing import choose
from crm_analytics.datasets.city.households import Plan
from crm_analytics.datasets.city.lines import lines_table, priced
from crm_analytics.datasets.city.outings import meals, refuellings
from crm_analytics.datasets.city.visits import Visits, draw_visits
from crm_analytics.datasets.city.world import World

SECONDS = 86_400
SPEED = 80.0  # km/h door to door: two receipts of a card are never further apart than this allows
BREAK = 300.0  # seconds between two places at least
SEVERAL = {
    "water": 1.2,
    "cat food": 1.5,
    "dog food": 0.8,
    "beer": 1.2,
    "milk": 0.4,
    "baby food": 1.2,
    "soup": 0.4,
}


def simulate(world: World, plan: Plan, rng: np.random.Generator) -> pd.DataFrame:
    """The household's lines, as its plan has it; see `lines.COLUMNS`."""
    away = plan.away(world)
    holders = [i for i, member in enumerate(plan.members) if member.card is not None]
    home = ~away[holders]
    visits = draw_visits(world, plan, home, rng)
    visit, item = choose(world, plan, visits, int(home.any(axis=0).sum()), rng)
    at = visits.day * SECONDS + visits.second
    visit, item, quantity = _counted(world, visit, item, rng)
    n = len(visits)
    second_visits = (rng.random(n) < plan.forgets) & np.isin(np.arange(n), visit)
    extra_at, extra_of, extra_item = _second_receipts(world, plan, visits, at, second_visits, rng)
    rows = refuellings(world, plan, away, rng) + meals(world, plan, away, rng)
    outing = np.array(
        [(*row[:4], i if row[6] < 0 else -1 - row[6]) for i, row in enumerate(rows)], dtype=np.int64
    )
    outing = outing.reshape(-1, 5)
    outing_receipt = _codes(outing[:, 4])
    second = np.concatenate([at[visit], extra_at, outing[:, 0]])
    card = np.concatenate([visits.card[visit], visits.card[extra_of], outing[:, 1]])
    store = np.concatenate([visits.store[visit], visits.store[extra_of], outing[:, 2]])
    items = np.concatenate([item, extra_item, outing[:, 3]])
    quantity = np.concatenate([quantity, np.ones(extra_of.size), [row[4] for row in rows]])
    fixed = np.concatenate([np.full(visit.size + extra_of.size, np.nan), [row[5] for row in rows]])
    receipt = np.concatenate([visit, n + extra_of, 2 * n + outing_receipt]).astype(np.int64)
    kept = _possible(world, receipt, second, card, store)
    order = np.flatnonzero(kept)[np.lexsort((items[kept], receipt[kept], second[kept]))]
    moment = np.datetime64(world.start, "s") + second[order].astype("timedelta64[s]")
    unit, amount, discount = priced(world, store[order], moment, items[order], quantity[order])
    paid = fixed[order]
    return lines_table(
        key=np.arange(order.size),
        customer_id=np.array(plan.cards, dtype=object)[card[order]],
        receipt=_codes(receipt[order]),
        occurred_at=moment,
        store_id=store[order],
        item_id=items[order],
        quantity=quantity[order],
        unit_price=unit,
        amount=np.where(np.isnan(paid), amount, paid),
        discount=discount,
    )


def _codes(values: np.ndarray) -> np.ndarray:
    """Numbers from 0 in the order of first appearance."""
    return pd.factorize(values)[0].astype(np.int64)


def _counted(
    world: World, visit: np.ndarray, item: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One line for each item of a visit, with how many or how much of it was taken."""
    width = len(world.products)
    pairs, count = np.unique(visit * width + world.positions(item), return_counts=True)
    visit, at = np.divmod(pairs, width)
    item = world.products.index.to_numpy()[at]
    more = np.array([SEVERAL.get(name, 0.1) for name in world.column("category")[at].tolist()])
    quantity = count + rng.poisson(more)
    weighed = (world.column("unit")[at] == "g") & (world.column("brand")[at] == "")
    loose = np.maximum(np.round(count * rng.gamma(7, 1 / 7, item.size), 3), 0.1)
    return visit, item, np.where(weighed, loose, quantity).astype(float)


def _second_receipts(
    world: World, plan: Plan, visits: Visits, at: np.ndarray, chosen: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Receipts minutes after another, with one or two things: seconds, visits and items, one a line."""
    of = np.flatnonzero(chosen)
    if not of.size or not plan.tastes:
        nothing = np.empty(0, dtype=np.int64)
        return nothing, nothing, nothing
    names = sorted(name for name in plan.tastes)
    rate = np.array([plan.tastes[name].rate for name in names])
    later: list[int] = []
    whose: list[int] = []
    items: list[int] = []
    for visit in of:
        after = int(rng.integers(150, 1100))
        day = np.datetime64(world.start) + visits.day[visit]
        for _ in range(1 + int(rng.random() < 0.35)):
            taste = plan.tastes[names[int(rng.choice(len(names), p=rate / rate.sum()))]]
            here = taste.weights * world.on_sale(taste.items, day)
            if here.sum() > 0:
                pick = int(rng.choice(taste.items, p=here / here.sum()))
                if not (whose and whose[-1] == visit and items[-1] == pick):
                    later.append(int(at[visit]) + after)
                    whose.append(int(visit))
                    items.append(pick)
    return np.array(later, np.int64), np.array(whose, np.int64), np.array(items, np.int64)


def _possible(
    world: World, receipt: np.ndarray, second: np.ndarray, card: np.ndarray, store: np.ndarray
) -> np.ndarray:
    """Leave out receipts that a card holder could not have reached from the one before."""
    if not receipt.size:
        return np.empty(0, dtype=bool)
    _, first = np.unique(receipt, return_index=True)
    order = first[np.lexsort((receipt[first], second[first], card[first]))]
    dropped = set()
    last = None
    for line in order:
        if last is not None and card[last] == card[line] and store[last] != store[line]:
            needs = world.distance_km(int(store[last]), int(store[line])) / SPEED * 3600 + BREAK
            if second[line] - second[last] < needs:
                dropped.add(int(receipt[line]))
                continue
        last = line
    return ~np.isin(receipt, np.array(sorted(dropped), dtype=np.int64))
