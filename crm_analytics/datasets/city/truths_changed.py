"""What begins, ends, pauses or gives way to another by a household's plan, where its lines show it."""

import numpy as np

from crm_analytics.datasets.city.households import Taste
from crm_analytics.datasets.city.told import Told

SILENT = 90  # days: a silence that is worth a word
LONGER = 1.5  # times the longest of the other gaps
DAYS, STRAYS = 5, 2  # with the category at all; beside a silence that do not break it
MOSTLY = 0.6  # of the lines of a category
GROWING = ("newborn", "midi", "maxi", "junior")


def change_truths(told: Told) -> None:
    """Categories that begin, end or pause for a reason, brands and products that give way to others."""
    for category in np.unique(told.category):
        mine = told.category == category
        if told.dates(mine).size < DAYS:
            continue
        taste = told.plan.tastes.get(str(category))
        if _has_reason(told, str(category), taste, mine):
            _silences(told, str(category), mine)
            cards = np.unique(told.card[mine]).tolist() if category == "fuel" else []
            for card in cards if len(cards) > 1 else ():  # each card may be that of a car
                _silences(told, "fuel", mine & (told.card == card), card)
        if taste is not None and taste.switch is not None:
            _switch(told, str(category), taste, mine & told.shop)
        _successions(told, str(category), taste, mine)


def _has_reason(told: Told, category: str, taste: Taste | None, mine: np.ndarray) -> bool:
    """Whether silences of a category come from the plan, and not by chance.

    It begins or ends by its taste or with a car; facts wrote most of its lines, or took the rest away; or it is
    bought on journeys, and hardly at home.
    """
    if taste is not None and (taste.since or taste.until or taste.pause):
        return True
    cars = [member.car for member in told.plan.members if member.car is not None]
    if category == "fuel" and any(car.since or car.until for car in cars):
        return True
    changed = {("category_start", category), ("category_lapse", category), ("category_gap", category)}
    if changed & {(claim.kind, claim.subject) for claim in told.planted if claim.fact}:
        return True
    return bool(max(told.written[mine].mean(), (~told.near)[mine].mean()) >= MOSTLY)


def _silences(told: Told, category: str, mine: np.ndarray, card: str = "") -> None:
    """Silences far longer than the other gaps: before the first purchase, after the last, and between."""
    days, ends = told.dates(mine), [np.datetime64(day, "D") for day in (told.world.start, told.world.end)]
    if days.size < DAYS:
        return
    gaps = np.diff(np.concatenate([ends[:1], days, ends[1:]])).astype(np.int64)
    inner = gaps[1:-1]
    strays = min(STRAYS, (days.size - DAYS) // 2 + 1)
    for skipped in range(strays):  # purchases before the category begins, or after it ended
        rest = inner[skipped:].max(initial=1)
        if _far(int((days[skipped] - ends[0]).astype(int)), rest):
            told.claim("category_start", category, "", lines=mine, start=days[skipped], card=card)
            break
    for skipped in range(strays):
        rest = inner[: inner.size - skipped].max(initial=1)
        if _far(int((ends[1] - days[-1 - skipped]).astype(int)), rest):
            told.claim("category_lapse", category, "", lines=mine, start=days[-1 - skipped] + 1, card=card)
            break
    place = int(inner.argmax())
    others = np.delete(inner, place).max(initial=1)
    pause = (days[place] + 1, days[place + 1])
    planned = getattr(told.plan.tastes.get(category), "pause", None)
    if planned is not None and not (planned[0] <= pause[1] and pause[0] <= planned[1]):
        return
    if _far(inner[place], others):
        told.claim("category_gap", category, "", lines=mine, start=pause[0], end=pause[1], card=card)


def _far(silence: int, usual: int) -> bool:
    return bool(silence >= SILENT and silence >= LONGER * usual)


def _switch(told: Told, category: str, taste: Taste, mine: np.ndarray) -> None:
    assert taste.switch is not None  # noqa: S101 - as change_truths asks
    shelf, day = told.world.shelves[category], np.datetime64(taste.switch[0], "D")
    sides = (
        (taste.weights, mine & (told.day < day)),
        (taste.switch[1], mine & (told.day >= day)),
    )
    names, carried = [], np.zeros(mine.size, dtype=bool)
    for weights, lines in sides:
        share = np.bincount(shelf.brand, weights=weights, minlength=shelf.brands.size)
        name = shelf.brands[share.argmax()]
        with_brand = lines & (told.brand == name)
        if with_brand.sum() < max(3, 0.5 * lines.sum()):
            return
        names.append(str(name))
        carried |= with_brand
    if names[0] != names[1]:
        told.claim("brand_switch", category, f"{names[0]} -> {names[1]}: own", lines=carried, start=day)


def _successions(told: Told, category: str, taste: Taste | None, mine: np.ndarray) -> None:
    """Types of which one ends where the other begins: a baby grows, a taste changes, a product is withdrawn."""
    grows = category == "nappies"
    gone = (mine & np.isin(told.item, told.world.delisted)).sum() >= 3
    changed = any(
        claim.subject == category and claim.kind in ("brand_switch", "member") for claim in told.planted
    )
    if not (grows or gone or changed or (taste is not None and taste.switch is not None)):
        return
    least = 2 if grows else 4
    days = {str(name): told.dates(mine & (told.type == name)) for name in np.unique(told.type[mine])}
    for before, first in days.items():
        for after, second in days.items():
            if before == after or min(first.size, second.size) < least:
                continue
            if grows and GROWING.index(before) > GROWING.index(after):
                continue
            wrong = (first[:, None] > second[None, :]).sum()
            if wrong <= 0.05 * first.size * second.size:
                lines = mine & np.isin(told.type, (before, after))
                told.claim(
                    "product_succession", f"{before} -> {after}", category, lines=lines, start=second[0]
                )
