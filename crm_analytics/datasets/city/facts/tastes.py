"""What is chosen inside a category: favourites, variety, a pack of another brand, variants side by side."""

import numpy as np

from crm_analytics.datasets.city.facts.choices import (
    adherence,
    choose_category,
    lines_of,
    own_choice,
)
from crm_analytics.datasets.city.facts.draft import WHAT, Draft
from crm_analytics.datasets.city.facts.planter import planter


@planter
def loyalty(
    draft: Draft,
    *,
    category: str | None = None,
    level: str | None = None,
    name: str | None = None,
    share: float | None = None,
) -> bool:
    """A brand, type or item is taken far more often than the city takes it, in `share` of the cases."""
    level = level or str(draft.rng.choice(["brand", "type", "description"], p=[0.55, 0.25, 0.2]))
    category = category or choose_category(
        draft, int(draft.rng.integers(12, 25)), lambda c: bool(unpopular(draft, c, level))
    )
    if category is None or not draft.open(category):
        return False
    name = name or str(draft.rng.choice(unpopular(draft, category, level)))
    share = adherence(draft) if share is None else share
    favour(draft, category, draft.find(category=category, **{level: name}), lines_of(draft, category), share)
    where = lines_of(draft, category)
    mine = where[draft.product(level)[where] == name]
    if mine.size < 9 or mine.size < 0.7 * where.size:
        return False
    _learn(draft, category, share, **{level: name})
    word = "item" if level == "description" else level
    draft.claim("loyalty", category, f"{word}: {name}", rests=WHAT, keys=draft.key[mine])
    draft.hold(category, WHAT)
    return True


def unpopular(draft: Draft, category: str, level: str, most: float = 0.35) -> list[str]:
    """Names of a level that the city takes in 3 % to `most` of the cases."""
    items = draft.find(category=category)
    names, place = np.unique(draft.product(level, items).astype(str), return_inverse=True)
    share = np.bincount(place, draft.product("weight", items).astype(float))
    share = share / share.sum()
    return [str(n) for n, s in zip(names, share, strict=True) if 0.03 <= s <= most and len(names) > 2]


def favour(draft: Draft, category: str, items: np.ndarray, where: np.ndarray, share: float) -> None:
    """Let lines (positions) be of `items` in `share` of the cases, of others in the rest."""
    others = np.setdiff1d(draft.find(category=category), items)
    wanted = draft.rng.random(where.size) < share
    is_mine = np.isin(draft.item_id[where], items)
    for group, change in ((items, wanted & ~is_mine), (others, ~wanted & is_mine)):
        moved = where[change]
        if moved.size and group.size:
            drawn = own_choice(draft, category, draft.day[moved], among=group)
            draft.replace(moved, drawn)


def _learn(draft: Draft, name: str, share: float, **where: str) -> None:
    """Let the plan say what the lines say."""
    taste = draft.plan.tastes.get(name)
    if taste is not None and np.isin(taste.items, draft.world.find(**where)).any():
        taste.favour(draft.world, share, **where)


@planter
def variety_seeking(draft: Draft, *, category: str | None = None) -> bool:
    """Another item nearly every time, where others repeat themselves."""
    least = int(draft.rng.integers(14, 26))
    category = category or choose_category(draft, least, lambda c: draft.find(category=c).size >= 9)
    if category is None or not draft.open(category):
        return False
    where, items, share = lines_of(draft, category), draft.find(category=category), adherence(draft)
    if where.size < 12 or items.size < 7:
        return False
    rounds = int(np.ceil(where.size / items.size)) + 1
    order = np.concatenate([draft.rng.permutation(items) for _ in range(rounds)])[: where.size]
    order = np.where(draft.world.on_sale(order, draft.day[where]), order, -1)
    draft.replace(where, np.where(draft.rng.random(where.size) < share, order, -1))
    distinct = np.unique(draft.item_id[where]).size
    again = (np.diff(draft.item_id[where]) == 0).mean()
    if (
        distinct < 0.65 * min(where.size, items.size) or again > 0.18
    ):  # other facts hold too many of the lines
        return False
    taste = draft.plan.tastes.get(category)
    if taste is not None:
        taste.weights, taste.repeat = np.full(taste.items.size, 1 / taste.items.size), -share
    items_taken = f"{np.unique(draft.item_id[where]).size} items"
    draft.claim("variety_seeking", category, items_taken, rests=WHAT, keys=draft.key[where])
    draft.hold(category, WHAT)
    return True


@planter
def brand_trial(
    draft: Draft, *, category: str | None = None, usual: str | None = None, other: str | None = None
) -> bool:
    """One pack of another brand once, the usual one before and after."""
    rng = draft.rng
    category = category or choose_category(
        draft, int(rng.integers(14, 24)), lambda c: len(unpopular(draft, c, "brand", 0.6)) >= 2
    )
    if category is None or not draft.open(category):
        return False
    brands = unpopular(draft, category, "brand", 0.6)
    usual = usual or str(rng.choice(brands))
    rivals = [brand for brand in brands if brand != usual]
    other = other or (str(rng.choice(rivals)) if rivals else None)
    where = lines_of(draft, category)
    if other is None or where.size < 10:
        return False
    favour(draft, category, draft.find(category=category, brand=usual), where, 1.0)
    draft.drop_at(where[draft.product("brand")[where] != usual])  # where the usual brand was out of stock
    where = lines_of(draft, category)
    if where.size < 10 or (draft.product("brand")[where] != usual).any():
        return False
    once = where[int(rng.integers(where.size // 3, where.size - where.size // 3))]
    drawn = own_choice(draft, category, draft.day[[once]], among=draft.find(category=category, brand=other))
    if not draft.replace(np.array([once]), drawn).size:
        return False
    _learn(draft, category, 1.0, category=category, brand=usual)
    day = draft.day[once]
    usuals = draft.key[where[where != once]]
    draft.claim(
        "brand_trial",
        category,
        f"{usual} -> {other}",
        start=day,
        end=day + 1,
        keys=[draft.key[once], *usuals],
    )
    draft.claim("loyalty", category, f"brand: {usual}", rests=WHAT, keys=usuals)
    draft.hold(category)
    return True
