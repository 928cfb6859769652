"""Whether the lines can show what was planted: other facts of the same household may have covered it."""

import numpy as np

from crm_analytics.datasets.city.facts import Planted
from crm_analytics.datasets.city.told import Told
from crm_analytics.datasets.city.truths_chosen import trials

LIKELY = 2.0  # visits near home that would have been made during an absence
BY_HABIT = 0.05  # of households that show as much by their own habits
LONGER = 1.5  # times the longest other pause
DATES, LINES = 2, 3  # of purchases away, either of which makes a stay to be seen


def can_be_seen(told: Told, claim: Planted) -> bool:
    """Whether lines can show a planted claim at all.

    They cannot where a stay has next to no purchases, or is so short that none is missed at home; where the
    brand that was tried, or others, were bought again for other facts; where a variety is no
    greater than what one household in twenty takes by habit in as many purchases; nor where a pause is
    hardly longer than another one.
    """
    if claim.kind == "stay":
        lines = told.carries(claim)
        return bool(told.dates(lines).size >= DATES or lines.sum() >= LINES)
    if claim.kind == "absence":
        return _missed_at_home(told, claim)
    if claim.kind == "brand_trial":
        bought = told.shop & (told.category == claim.subject) & (told.brand != "")
        return claim.value in [f"{usual} -> {brand}" for brand, usual, _, _ in trials(told, bought)]
    if claim.kind == "variety_seeking":
        return _varies(told, claim)
    if claim.kind == "category_gap":
        return _is_longest(told, claim)
    return True


def _missed_at_home(told: Told, claim: Planted) -> bool:
    """Whether visits near home would have been made in the time."""
    if claim.start is None or claim.end is None:
        return True
    cards = {claim.customer_id} if claim.customer_id else set(told.plan.cards)
    away = sum(
        (min(stay.end, told.world.end) - max(stay.start, told.world.start)).days
        for stay in told.plan.stays
        if cards & {told.plan.members[member].card for member in stay.members}
    )
    visits = told.dates(told.near & np.isin(told.card, sorted(cards))).size
    rate = visits / max(told.world.n_days - away, 1)
    return rate * (claim.end - claim.start).days >= LIKELY


def _varies(told: Told, claim: Planted) -> bool:
    """Whether the items are more than other households take, but for one in twenty."""
    shelf = told.world.shelves[claim.subject]
    lines = told.food & (told.category == claim.subject)
    code, seen = np.arange(shelf.items.size), np.unique(told.item[lines]).size
    return told.usual.chance_of_distinct(claim.subject, code, code.size, int(lines.sum()), seen) <= BY_HABIT


def _is_longest(told: Told, claim: Planted) -> bool:
    """Whether the pause is clearly longer than any other time without the category."""
    days = told.dates(told.near & (told.category == claim.subject)).astype(np.int64)
    if days.size < 3 or claim.start is None or claim.end is None:
        return False
    gaps = np.diff(days)
    inside = (days[1:] > np.datetime64(claim.start, "D").astype(np.int64)) & (
        days[:-1] < np.datetime64(claim.end, "D").astype(np.int64)
    )
    return bool(inside.any() and gaps[inside].max() >= LONGER * gaps[~inside].max(initial=1))
