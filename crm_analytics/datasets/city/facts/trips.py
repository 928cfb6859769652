"""When and how the shop is done: large and small shops, days of the month, what was forgotten."""

import numpy as np
import pandas as pd

from crm_analytics.datasets.city.facts.choices import DAY, add, adherence, groceries
from crm_analytics.datasets.city.facts.draft import WHEN, Draft, Moment
from crm_analytics.datasets.city.facts.planter import planter

PARTS = ((1, 6), (5, 10), (15, 20), (25, 31))  # days of the month, half open
QUICK = (
    "bread",
    "eggs",
    "milk",
    "yoghurt",
    "butter",
    "tomatoes",
    "greens",
    "salt and spices",
    "napkins",
    "sugar",
    "citrus",
)


@planter
def forgotten_items(
    draft: Draft, *, n: int | None = None, store: int | None = None, card: str | None = None
) -> bool:
    """Minutes after a shop a second receipt in the same store, with a thing or three."""
    rng = draft.rng
    store = store or draft.home_store
    n = n or int(rng.integers(5, 13))
    shops = draft.shops(least=4)
    shops = shops[(shops["store_id"] == store) & (shops["lines"] >= 4)]
    if card:
        shops = shops[shops["customer_id"] == card]
    if len(shops) < n:
        return False
    chosen = np.sort(rng.choice(shops.index.to_numpy(), size=n, replace=False))
    keys = []
    for receipt in chosen:
        keys.append(_second(draft, int(receipt), str(shops.loc[receipt, "customer_id"]), store))
        if keys[-1].size:  # without the first receipt the second says nothing
            draft.keep(draft.key[draft.receipt == receipt])
    keys = [found for found in keys if found.size]
    if len(keys) < 5:
        return False
    draft.claim("forgotten_items", str(store), f"{len(keys)} times", keys=np.concatenate(keys))
    return True


def _second(draft: Draft, receipt: int, card: str, store: int) -> np.ndarray:
    """A receipt minutes after another, with things that were not on it; now and then one that was meant to be."""
    rng = draft.rng
    at = draft.occurred_at[draft.receipt == receipt][0]
    later = at + np.timedelta64(int(rng.uniform(3, 26) * 60), "s")
    if later.astype("datetime64[D]") != at.astype("datetime64[D]"):
        return np.empty(0, dtype=np.int64)
    had = draft.product("category")[draft.receipt == receipt]
    mine = np.flatnonzero((draft.receipt == receipt) & draft.spare)
    mine = mine[[draft.open(str(name)) for name in draft.product("category")[mine]]]
    if mine.size >= 3 and rng.random() < 0.5:  # one of the list is left out first
        item, quantity = int(draft.item_id[mine[-1]]), float(draft.quantity[mine[-1]])
        draft.drop_at(mine[-1:])
        keys = draft.ring(card, store, later, [item], [quantity])
    else:
        keys = np.empty(0, dtype=np.int64)
    known = {str(name) for name in draft.plan.tastes} & set(groceries(draft))
    fits = [c for c in QUICK if c in known and draft.open(c) and c not in had]
    wanted = rng.permutation(fits)[: int(rng.integers(0 if keys.size else 1, 3))]
    for category in wanted:
        if keys.size:
            keys = np.append(keys, add(draft, str(category), [draft.next_receipt - 1]))
        else:
            item = draft.pick(draft.find(category=str(category)), np.array([later.astype("datetime64[D]")]))[
                0
            ]
            if item >= 0:
                keys = draft.ring(card, store, later, [int(item)])
    return keys


@planter
def trip_missions(draft: Draft, *, part: tuple[int, int] | None = None, card: str | None = None) -> bool:
    """One or two large shops in most months, and many small ones."""
    return _stock_up(draft, part or draft.held.window, card).size > 0


def _stock_up(draft: Draft, part: tuple[int, int] | None, card: str | None = None) -> np.ndarray:
    """Gather most of a month's lines in one shop or two, and say so; the large receipts, none if it cannot be."""
    rng = draft.rng
    shops = draft.shops()
    shops = shops if card is None else shops[shops["customer_id"] == card]
    months = shops["occurred_at"].to_numpy().astype("datetime64[M]")
    share, large = float(rng.uniform(0.6, 0.75)), []
    for month in np.unique(months):
        mine = shops[months == month]
        fits = mine if part is None else mine[_inside(mine, part)]
        if len(mine) < 3 or mine["lines"].sum() < 12 or not len(fits) or rng.random() < 0.06:
            continue
        payer = rng.choice(fits["customer_id"].to_numpy())
        fits, theirs = fits[fits["customer_id"] == payer], mine[mine["customer_id"] == payer]
        twice = len(theirs) >= 6 and theirs["lines"].sum() >= 30 and rng.random() < 0.3
        targets = rng.choice(fits.index.to_numpy(), size=min(1 + twice, len(fits)), replace=False)
        small = theirs.index[~theirs.index.isin(targets)]
        lines = np.flatnonzero(np.isin(draft.receipt, small) & draft.loose)
        lines = lines[rng.random(lines.size) < share]
        turn = rng.integers(targets.size, size=lines.size)
        keys = draft.key[lines]
        for place, target in enumerate(targets.tolist()):
            draft.move(np.isin(draft.key, keys[turn == place]), target)
            if (draft.receipt == target).sum() >= 9:
                large.append(target)
    sizes = draft.shops()["lines"]
    others = sizes[~sizes.index.isin(large)]
    if len(large) < 12 or len(others) < 3 * len(large) or not others.mean() * 3 <= sizes[large].mean():
        return np.empty(0, dtype=np.int64)
    draft.plan.rhythm.main_every = draft.world.n_days / len(large)
    keys = draft.key[np.isin(draft.receipt, large)]
    draft.claim("trip_missions", "", f"{len(large)} large shops", rests=WHEN, keys=keys)
    return np.array(large)


def _inside(shops: pd.DataFrame, part: tuple[int, int]) -> np.ndarray:
    """Whether shops fall in a part of the month."""
    days = shops["occurred_at"].to_numpy().astype("datetime64[D]")
    number = (days - days.astype("datetime64[M]").astype("datetime64[D]")).astype(int) + 1
    return (number >= part[0]) & (number < part[1])


@planter
def monthly_pattern(draft: Draft, *, part: tuple[int, int] | None = None) -> bool:
    """Large shops fall in the same days of the month: the money has come."""
    rng = draft.rng
    shops = draft.shops()
    if len(shops) < 60:
        return False
    part = part or PARTS[int(rng.integers(len(PARTS)))]
    large = shops[shops["lines"] >= max(8, np.quantile(shops["lines"], 0.85))]
    if len(large) < 14:  # nobody who only tops up has a day for large shops
        if ("trip_missions", "") in draft.held.subjects:
            return False
        ids = _stock_up(draft, None)
        draft.held.when -= set(draft.key[np.isin(draft.receipt, ids)].tolist()) - draft.bound
        shops = draft.shops()
        large = shops[shops.index.isin(ids)]
    if len(large) < 12:
        return False
    share = adherence(draft)
    for receipt, at in zip(large.index, large["occurred_at"].to_numpy(), strict=True):
        if rng.random() < share:
            draft.shift(int(receipt), _moved(draft, at, part))
    shops = draft.shops()
    large = shops[shops.index.isin(large.index)]
    inside = _inside(large, part)
    if len(large) < 12 or inside.mean() < 0.7:
        return False
    draft.plan.rhythm.payday = part[0]
    draft.keep(draft.key[np.isin(draft.receipt, large.index)], WHEN)
    keys = draft.key[np.isin(draft.receipt, large.index[inside])]
    draft.held.window = part
    draft.claim("monthly_pattern", "", f"days {part[0]} to {part[1] - 1}", rests=WHEN, keys=keys)
    return True


def _moved(draft: Draft, at: Moment, part: tuple[int, int]) -> Moment:
    """The same hour on a day of the month inside `part`, the month next to it."""
    day = at.astype("datetime64[D]")
    hour = at - day
    number = int(draft.rng.integers(*part))
    month = day.astype("datetime64[M]")
    first, last = np.datetime64(draft.world.start, "D"), np.datetime64(draft.world.end, "D")
    options = [(month + step).astype("datetime64[D]") + (number - 1) * DAY for step in (-1, 0, 1)]
    card = draft.plan.cards[0]
    options = [o for o in options if first <= o < last and not draft.is_away(card, o)]
    return min(options, key=lambda o: abs((o - day).astype(int))) + hour if options else at
