"""What is bought on a date or for one: feasts year after year, guests, a thing bought once."""

from datetime import date

import numpy as np

from crm_analytics.datasets.city.facts.choices import (
    DAY,
    add,
    at_hour,
    spread,
)
from crm_analytics.datasets.city.facts.draft import Draft, Moment
from crm_analytics.datasets.city.facts.planter import planter

FEASTS = {
    "new_year": ("raki", "red wine", "nuts", "mayonnaise", "cold cuts", "spirits", "cake"),
    "ramadan": ("baking aids", "yufka", "pulses", "appetisers", "dairy dessert"),
    "ramadan_feast": ("candy and lokum", "chocolate", "coffee", "nuts"),
    "sacrifice_feast": ("candy and lokum", "salt and spices", "rubbish bags", "coffee"),
}
EVERYDAY = (
    "bread",
    "eggs",
    "tomatoes",
    "greens",
    "water",
    "onions and potatoes",
    "rubbish bags",
    "newspapers",
)
GUESTS = (
    "cola",
    "fizzy drinks",
    "fruit juice",
    "beer",
    "white wine",
    "crisps",
    "cake",
    "ice cream",
    "appetisers",
    "frozen food",
)
ONCE = (
    *GUESTS,
    "cocoa drink",
    "hair dye",
    "make-up",
    "toys",
    "stationery",
    "garden",
    "breakfast cereal",
    "soup",
)


@planter
def isolated_purchase(draft: Draft, *, category: str | None = None, dates: tuple[date, ...] = ()) -> bool:
    """Something bought on one or two far dates, and never between, before or after."""
    rng = draft.rng
    category = category or _stranger(draft, ONCE)
    if category is None or not _forgettable(draft, category, 10**6):
        return False
    if dates:
        found = [_shop_near(draft, np.datetime64(day, "D")) for day in dates]
        receipts = [receipt for receipt in found if receipt is not None]
    else:
        first = spread(draft, 1, 0.15, 0.4)
        second = spread(draft, 1, 0.6, 0.85) if rng.random() < 0.5 else first[:0]
        receipts = [int(r) for r in (*first, *second)]
    if not receipts or len(receipts) < len(dates):
        return False
    _forget(draft, category)
    keys = np.concatenate([add(draft, category, [r] * int(rng.integers(1, 3))) for r in receipts])
    if not keys.size:
        return False
    days = np.unique(draft.day[np.isin(draft.key, keys)])
    draft.claim(
        "isolated_purchase", category, f"{days.size} dates", start=days[0], end=days[-1] + DAY, keys=keys
    )
    draft.hold(category)
    return True


def _stranger(draft: Draft, among: tuple[str, ...]) -> str | None:
    """A category that the household hardly buys."""
    fits = [c for c in among if _forgettable(draft, c)]
    return str(draft.rng.choice(fits)) if fits else None


def _forgettable(draft: Draft, category: str, most: int = 3) -> bool:
    """Whether the few lines of a category can go, no fact resting on them."""
    mine = draft.product("category") == category
    return draft.open(category) and mine.sum() <= most and bool(draft.spare[mine].all())


def _forget(draft: Draft, category: str) -> None:
    """Let the household not buy a category at all."""
    draft.drop(draft.product("category") == category)
    draft.plan.tastes.pop(category, None)
    draft.unpair(category)


def _shop_near(draft: Draft, day: Moment, within: int = 6) -> int | None:
    """The shop near home next to a day."""
    shops = draft.shops()
    gap = np.abs((shops["occurred_at"].to_numpy().astype("datetime64[D]") - day).astype(int))
    return int(shops.index[gap.argmin()]) if gap.size and gap.min() <= within else None


@planter
def guest_day(draft: Draft, *, day: date | None = None, categories: tuple[str, ...] = ()) -> bool:
    """Guests: things never bought before or after, and many of them."""
    rng = draft.rng
    strangers = [c for c in GUESTS if _forgettable(draft, c)]
    chosen = list(categories) or [str(c) for c in rng.permutation(strangers)[: int(rng.integers(2, 4))]]
    big = draft.shops(least=3).index.to_numpy()
    middle = np.intersect1d(spread(draft, 10**6, 0.2, 0.8), big)
    receipt = _shop_near(draft, np.datetime64(day, "D")) if day else None
    if receipt is None and middle.size:
        receipt = int(rng.choice(middle))
    if len(chosen) < 2 or receipt is None or not all(_forgettable(draft, c, 10**6) for c in chosen):
        return False
    for category in chosen:
        _forget(draft, category)
        add(draft, category, [receipt] * int(rng.integers(2, 4)))
    mine = np.isin(draft.product("category"), chosen) & (draft.receipt == receipt)
    if np.unique(draft.product("category")[mine]).size < 2:
        return False
    when = draft.day[mine][0]
    draft.claim(
        "guest_day", str(when), ", ".join(sorted(chosen)), start=when, end=when + DAY, keys=draft.key[mine]
    )
    for category in sorted(chosen):
        keys = draft.key[mine & (draft.product("category") == category)]
        draft.claim("isolated_purchase", category, "1 dates", start=when, end=when + DAY, keys=keys)
        draft.hold(category)
    return True


@planter
def calendar_occasion(draft: Draft, *, occasion: str | None = None, category: str | None = None) -> bool:
    """Bought for a feast, year after year, and rarely at other times."""
    rng = draft.rng
    occasion = occasion or str(rng.choice(sorted(FEASTS)))
    days = feast_days(draft, occasion)
    fits = [c for c in FEASTS[occasion] if draft.open(c) and draft.counts().get(c, 0) <= 12]
    if days.size < 2 or not fits or ("calendar_occasion", occasion) in draft.held.subjects:
        return False
    chosen = [category] if category else [str(c) for c in rng.permutation(fits)[: int(rng.integers(2, 4))]]
    lead = 20 if occasion == "ramadan" else 6
    cards = {draft.plan.cards[0]}
    away = any(draft.is_away(card, day - 2 * DAY) for card in cards for day in days)
    if away or not any(draft.open(c) for c in EVERYDAY):
        return False
    keys: list[int] = []
    for name in chosen:
        other = (draft.product("category") == name) & (rng.random(draft.key.size) < 0.75)
        draft.drop(other)
        if name in draft.plan.tastes:
            draft.plan.tastes[name].rate *= 0.25
    for day in days:
        receipt = _eve(draft, day, lead, sorted(cards)[0])
        kept = [name for name in chosen if name == chosen[0] or rng.random() < 0.85]
        for name in kept:
            keys += add(draft, name, [receipt] * int(rng.integers(1, 3))).tolist()
    draft.claim("calendar_occasion", occasion, ", ".join(sorted(chosen)), keys=keys)
    draft.plan.celebrates = tuple(sorted({*draft.plan.celebrates, occasion}))
    for name in chosen:
        draft.hold(name)
    return bool(keys)


def feast_days(draft: Draft, occasion: str) -> np.ndarray:
    """First days of an occasion inside the world's time, with ten days before them."""
    table = draft.world.calendar
    starts = table.loc[table["occasion"] == occasion, "start"].to_numpy().astype("datetime64[D]")
    first, last = np.datetime64(draft.world.start, "D"), np.datetime64(draft.world.end, "D")
    return np.unique(starts[(starts - 10 * DAY >= first) & (starts <= last)])


def _eve(draft: Draft, day: Moment, lead: int, card: str) -> int:
    """A shop in the days before a feast; made if there is none."""
    shops = draft.shops()
    ahead = (day - shops["occurred_at"].to_numpy().astype("datetime64[D]")).astype(int)
    soon = (ahead >= 1) & (ahead <= lead)
    if soon.any():
        return int(shops.index[soon][-1])
    when = day - int(draft.rng.integers(1, 4)) * DAY
    basket = draft.find(category=next(c for c in EVERYDAY if draft.open(c)))
    draft.ring(card, draft.home_store, at_hour(draft, when, 10, 20), [int(draft.pick(basket, when[None])[0])])
    return draft.next_receipt - 1
