"""What changes for good or for a while: brands, categories that begin, end or pause, a product in place of another."""

from datetime import date

import numpy as np

from crm_analytics.datasets.city.facts.choices import (
    add,
    adherence,
    choose_category,
    lines_of,
    own_choice,
    part_of_time,
    spread,
)
from crm_analytics.datasets.city.facts.draft import Draft, Moment
from crm_analytics.datasets.city.facts.planter import planter
from crm_analytics.datasets.city.facts.tastes import unpopular
from crm_analytics.datasets.city.households import Taste

EXPECTED = 9  # purchases that do not happen, at least, where a category begins, ends or pauses
SUCCESSIONS = (  # category, type before, type after
    ("carpet shampoo", "hand", "machine"),
    ("dishwashing", "liquid", "tablets"),
    ("coffee", "turkish", "filter"),
    ("shaving", "disposable", "razor blades"),
    ("tea", "black loose", "black bags"),
)


@planter
def brand_switch(
    draft: Draft,
    *,
    category: str | None = None,
    before: str | None = None,
    after: str | None = None,
    at: date | None = None,
) -> bool:
    """One brand of a category until a date, another from then on, for no reason but their own."""
    rng = draft.rng
    category = category or choose_category(
        draft, int(rng.integers(26, 44)), lambda c: len(unpopular(draft, c, "brand", 0.5)) >= 2
    )
    if category is None or not draft.open(category):
        return False
    brands = [str(b) for b in rng.permutation(unpopular(draft, category, "brand", 0.5))]
    before = before or next((b for b in brands if b != after), None)
    after = after or next((b for b in brands if b != before), None)
    where = lines_of(draft, category)
    if before is None or after is None or where.size < 22:
        return False
    if at is None:
        day = draft.day[where[int(rng.integers(int(where.size * 0.4), int(where.size * 0.62)))]]
    else:
        day = np.datetime64(at, "D")
    parts = {before: where[draft.day[where] < day], after: where[draft.day[where] >= day]}
    if min(part.size for part in parts.values()) < 9:
        return False
    share, keys = adherence(draft, 0.85, 0.97), []
    items = {brand: draft.find(category=category, brand=brand) for brand in parts}
    others = np.setdiff1d(draft.find(category=category), np.concatenate(list(items.values())))
    for brand, part in parts.items():
        mine = rng.random(part.size) < share
        draft.replace(part[mine], own_choice(draft, category, draft.day[part[mine]], among=items[brand]))
        strays = part[~mine & np.isin(draft.item_id[part], np.concatenate(list(items.values())))]
        draft.replace(strays, own_choice(draft, category, draft.day[strays], among=others))
        found = part[draft.product("brand")[part] == brand]
        keys.append(draft.key[found])
        if found.size < 0.75 * part.size:
            return False
    taste = draft.plan.tastes.get(category)
    if taste is not None:
        taste.repeat = 0.0
        later = Taste(0.0, taste.items, taste.weights.copy())
        taste.favour(draft.world, share, category=category, brand=before)
        later.favour(draft.world, share, category=category, brand=after)
        taste.switch = (day.astype(date), later.weights)
    draft.claim("brand_switch", category, f"{before} -> {after}: own", start=day, keys=np.concatenate(keys))
    draft.hold(category)
    return True


def _steady(draft: Draft, category: str | None, least: int) -> str | None:
    """A category bought all the time: not without two purchases in a fifth of the time, and never planned to end."""

    def lasts(name: str) -> bool:
        where = lines_of(draft, name)
        if draft.world.categories["swing"][name] > 0.3:
            return False
        edges = [part_of_time(draft, part) for part in np.linspace(0, 1, 6)]
        return bool(np.histogram(draft.day[where].astype(int), np.array(edges).astype(int))[0].min() >= 2)

    if category is not None:
        return category if draft.open(category) and lines_of(draft, category).size >= least // 2 else None
    return choose_category(draft, least, lasts)


@planter
def category_start(draft: Draft, *, category: str | None = None, at: date | None = None) -> bool:
    """A category is not bought until a date, and regularly from then on."""
    category = _steady(draft, category, 28)
    return category is not None and _only(draft, category, "category_start", at)


@planter
def category_lapse(draft: Draft, *, category: str | None = None, at: date | None = None) -> bool:
    """A category is bought regularly until a date, and never again."""
    category = _steady(draft, category, 28)
    return category is not None and _only(draft, category, "category_lapse", at)


def _only(draft: Draft, category: str, kind: str, at: date | None) -> bool:
    """Keep the lines of a category on one side of a date."""
    where = lines_of(draft, category)
    place = int(draft.rng.uniform(0.4, 0.6) * where.size)
    day = np.datetime64(at, "D") if at else draft.day[where[place]]
    gone = draft.day[where] < day if kind == "category_start" else draft.day[where] >= day
    if (
        gone.sum() < EXPECTED
        or (~gone).sum() < EXPECTED
        or _bound(draft, _elsewhere(draft, category, day, kind))
    ):
        return False
    kept = draft.key[where[~gone]]
    draft.drop_at(where[gone])
    draft.drop(_elsewhere(draft, category, day, kind))
    draft.unpair(category)
    taste = draft.plan.tastes.get(category)
    if taste is not None and kind == "category_start":
        taste.since = day.astype(date)
    elif taste is not None:
        taste.until = day.astype(date)
    draft.claim(kind, category, "", start=day, keys=kept)
    draft.hold(category)
    return True


def _bound(draft: Draft, lines: np.ndarray) -> bool:
    """Whether facts rest on some of the lines that would have to go."""
    return bool((lines & ~draft.spare).any())


def _elsewhere(draft: Draft, category: str, day: Moment, kind: str) -> np.ndarray:
    """Lines of a category on the empty side of a date in any store."""
    empty = draft.day < day if kind == "category_start" else draft.day >= day
    return (draft.product("category") == category) & empty


@planter
def category_gap(
    draft: Draft, *, category: str | None = None, start: date | None = None, end: date | None = None
) -> bool:
    """A category pauses for months, and returns."""
    rng = draft.rng
    category = _steady(draft, category, int(rng.integers(34, 46)))
    if category is None:
        return False
    where = lines_of(draft, category)
    if start is None or end is None:
        if where.size < 30:
            return False
        length = int(rng.integers(EXPECTED + 1, max(where.size // 2 - 4, EXPECTED + 2)))
        first = int(rng.integers(7, where.size - length - 6))
        low, high = draft.day[where[first]], draft.day[where[first + length]]
    else:
        low, high = np.datetime64(start, "D"), np.datetime64(end, "D")
    pause = (draft.day >= low) & (draft.day < high)
    if _bound(draft, pause & (draft.product("category") == category)):
        return False
    kept = draft.key[where[~pause[where]]]
    around = draft.day[where[~pause[where]]]
    if min((around < low).sum(), (around >= high).sum()) < 5 or high - low < np.timedelta64(70, "D"):
        return False
    draft.drop(pause & (draft.product("category") == category))
    draft.unpair(category)
    taste = draft.plan.tastes.get(category)
    if taste is not None:
        taste.pause = (low.astype(date), high.astype(date))
    draft.claim("category_gap", category, "", start=low, end=high, keys=kept)
    draft.hold(category)
    return True


@planter
def product_succession(
    draft: Draft,
    *,
    category: str | None = None,
    before: str = "",
    after: str = "",
    at: date | None = None,
) -> bool:
    """One product takes the place of another, in a way that tells of a thing acquired."""
    rng = draft.rng
    fits = [s for s in SUCCESSIONS if draft.open(s[0])]
    if category is None:
        if not fits:
            return False
        category, before, after = fits[int(rng.integers(len(fits)))]
    items = {name: draft.find(category=category, type=name) for name in (before, after)}
    if not draft.open(category) or not all(found.size for found in items.values()):
        return False
    day = np.datetime64(at, "D") if at else part_of_time(draft, float(rng.uniform(0.35, 0.65)))
    _reach(draft, category, day, int(rng.integers(6, 12)), items)
    where = lines_of(draft, category)
    kinds = draft.product("type")[where]
    late = draft.day[where] >= day
    draft.replace(
        where[late & (kinds == before)], draft.pick(items[after], draft.day[where[late & (kinds == before)]])
    )
    early = where[~late & (kinds == after)]
    draft.replace(early, draft.pick(items[before], draft.day[early]))
    where, kinds = lines_of(draft, category), draft.product("type")[lines_of(draft, category)]
    late = draft.day[where] >= day
    if (~late & (kinds == after)).any() or (late & (kinds == before)).any():
        return False
    keys = draft.key[where[np.isin(kinds, list(items))]]
    if min((~late & (kinds == before)).sum(), (late & (kinds == after)).sum()) < 4:
        return False
    draft.claim("product_succession", f"{before} -> {after}", category, start=day, keys=keys)
    draft.hold(category)
    return True


def _reach(draft: Draft, category: str, day: Moment, n: int, items: dict[str, np.ndarray]) -> None:
    """Let there be about `n` lines of each product on its side of a day."""
    first, last = np.datetime64(draft.world.start, "D"), np.datetime64(draft.world.end, "D")
    part = float((day - first) / (last - first))
    where = lines_of(draft, category)
    for (name, sold), low, high in zip(items.items(), (0.0, part), (part, 1.0), strict=True):
        side = (draft.day[where] >= day) == (low > 0)
        short = n - int(np.isin(draft.product("type")[where][side], list(items)).sum())
        if short > 0 and name:
            add(draft, category, spread(draft, short, low, high), sold)
