"""What planters draw: a category that can carry a fact, a day, an hour, more of what is bought anyway."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from crm_analytics.datasets.city.facts.draft import Draft, Moment

DAY = np.timedelta64(1, "D")
APART = {"fuel", "restaurant"}  # departments that no supermarket sells


def adherence(draft: Draft, low: float = 0.82, high: float = 0.95) -> float:
    """How strictly a fact is kept: life is not."""
    return float(draft.rng.uniform(low, high))


def groceries(draft: Draft) -> list[str]:
    """Categories of the supermarket."""
    table = draft.world.categories
    return [str(c) for c, d in zip(table.index, table["department"], strict=True) if d not in APART]


def choose_category(draft: Draft, least: int, fits: Callable[[str], bool] = lambda _: True) -> str | None:
    """A category with at least about `least` free lines; None if there is none.

    Those with two thirds of `least` are stocked up, so that habits of moderate strength come up, too.
    """
    counts = draft.counts()
    names = set(groceries(draft))
    often = [str(name) for name in counts.index[counts >= max(least * 2 // 3, 4)]]
    for place in draft.rng.permutation(len(often)):
        category = often[place]
        if category in names and settled(draft, category) and fits(category):
            stock(draft, category, least)
            if (draft.product("category")[draft.shop] == category).sum() >= least:
                return str(category)
    return None


def settled(draft: Draft, category: str) -> bool:
    """Whether the plan buys a category in the same way all the time."""
    taste = draft.plan.tastes.get(category)
    return taste is None or not (taste.since or taste.until or taste.pause or taste.switch)


def stock(draft: Draft, category: str, least: int) -> None:
    """Buy more of a category in shops made anyway, until there are `least` lines near home."""
    bought = draft.shop & (draft.product("category") == category)
    short = least - int(bought.sum())
    shops = draft.shops()
    shops = shops[~np.isin(shops.index, draft.receipt[bought])]
    if short <= 0 or not len(shops):
        return
    chosen = draft.rng.choice(shops.index.to_numpy(), size=min(short, len(shops)), replace=False)
    add(draft, category, np.sort(chosen))


def add(
    draft: Draft, category: str, receipts: Sequence[int] | np.ndarray, items: np.ndarray | None = None
) -> np.ndarray:
    """Add one of `items`, else one of the household's own choice, to each receipt; return the keys."""
    first = {int(r): at for r, at in zip(draft.receipt, draft.day, strict=True)}
    days = np.array([first[int(r)] for r in receipts], dtype="datetime64[D]")
    drawn = own_choice(draft, category, days) if items is None else draft.pick(items, days)
    keys = [draft.put(int(r), [int(i)]) for r, i in zip(receipts, drawn, strict=True) if i >= 0]
    return np.concatenate(keys) if keys else np.empty(0, dtype=np.int64)


def own_choice(draft: Draft, category: str, days: np.ndarray, among: np.ndarray | None = None) -> np.ndarray:
    """One item of a category for each day, by the household's taste; -1 where none is on sale."""
    items = draft.find(category=category) if among is None else among
    taste = draft.plan.tastes.get(category)
    if taste is None:
        return draft.pick(items, days)
    known = dict(zip(taste.items.tolist(), taste.weights.tolist(), strict=True))
    weights = np.array([known.get(int(item), 0.0) for item in items])
    if not weights.sum() > 0:
        return draft.pick(items, days)
    return draft.pick(items, days, weights=weights)


def lines_of(draft: Draft, category: str) -> np.ndarray:
    """Positions of the lines of a category in supermarkets near home, in order of time."""
    where = np.flatnonzero(draft.shop & (draft.product("category") == category))
    return where[np.lexsort((draft.key[where], draft.occurred_at[where]))]


def spread(draft: Draft, n: int, low: float = 0.0, high: float = 1.0) -> np.ndarray:
    """`n` receipts of shops near home, spread over a part of the time; fewer if there are fewer."""
    shops = draft.shops()
    days = shops["occurred_at"].to_numpy().astype("datetime64[D]")
    first, last = (part_of_time(draft, part) for part in (low, high))
    ids = shops.index.to_numpy()[(days >= first) & (days < last)]
    if ids.size <= n:
        return ids
    edges = np.linspace(0, ids.size, n + 1).astype(int)
    return ids[[int(draft.rng.integers(a, b)) for a, b in pairwise(edges)]]


def part_of_time(draft: Draft, part: float) -> Moment:
    """The day at a part (0 to 1) of the world's time."""
    return np.datetime64(draft.world.start, "D") + round(part * draft.world.n_days) * DAY


def at_hour(draft: Draft, day: Moment, low: float, high: float) -> Moment:
    """A moment of a day between two hours."""
    second = int(draft.rng.uniform(low, high) * 3600)
    return np.datetime64(day, "D").astype("datetime64[s]") + np.timedelta64(second, "s")
