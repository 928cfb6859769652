"""What an ordinary household's plan makes true of its choices inside a category."""

import numpy as np

from crm_analytics.datasets.city.households import Taste
from crm_analytics.datasets.city.told import Told
from crm_analytics.datasets.city.usual import expected_distinct

FAVOURED, KNOWN = 0.4, 5  # share of choices and number of lines that make a favourite
ABOVE = 1.5  # times the share it has with everybody
LEANS, CLEAR = 1.25, 0.5  # less will do for the chance, where the lines have as much, and this share of them
VARIED, CHOICES = 1.3, 8  # times the distinct things that others take, and choices to take them in
LEANING = 1.15  # times, by the chances, where the lines have `VARIED` times
SEEKS = -0.5  # repeat of a taste that shuns what it took last
ODD_ONES = 2  # purchases of other brands beside the usual one: more are no exception
SIDE = 0.12  # share of choices that makes a variant one of several
VARIANTS = ("lactose_free", "gluten_free", "diet")


def choice_truths(told: Told, category: str, mine: np.ndarray) -> None:
    """Loyalty, variety, variants side by side, and a trial, in one category."""
    shelf = told.world.shelves[category]
    _trial(told, category)
    if mine.sum() < KNOWN or shelf.items.size < 2:
        return
    own = told.choices(category, mine)
    _favourites(told, category, mine, own)
    _variety(told, category, mine, own)
    _variants(told, category, mine, own)


def _favourites(told: Told, category: str, mine: np.ndarray, own: np.ndarray) -> None:
    """Brands, types and items that take far more of the choices than they do with everybody."""
    shelf, world = told.world.shelves[category], told.world
    found: list[str] = []
    carried = np.zeros(mine.size, dtype=bool)
    levels = [("brand", shelf.brand, shelf.brands), ("type", shelf.type, shelf.types)]
    levels.append(("item", np.arange(shelf.items.size), world.column("description")[shelf.rows]))
    for level, code, names in levels:
        share = np.bincount(code, weights=own, minlength=names.size)
        usual = told.usual.share(category, code, names.size)
        seen = np.bincount(np.searchsorted(shelf.items, told.item[mine]), minlength=shelf.items.size)
        seen = np.bincount(code, weights=seen / mine.sum(), minlength=names.size)
        kept = (share >= FAVOURED) & (share >= ABOVE * usual)
        kept |= (share >= LEANS * usual) & (seen >= CLEAR) & (seen >= ABOVE * usual)
        for best in np.flatnonzero(kept):
            lines = mine & np.isin(told.item, shelf.items[code == best])
            if lines.sum() >= KNOWN and names[best]:
                found.append(f"{level}: {names[best]}")
                carried |= lines
    if found:
        told.claim("loyalty", category, "; ".join(found), lines=carried)


def _trial(told: Told, category: str) -> None:
    """A brand on one day only, and hardly any other but the usual one before and after, near home."""
    bought = told.shop & (told.category == category) & (told.brand != "")
    for brand, usual, lines, day in trials(told, bought):
        told.claim("brand_trial", category, f"{usual} -> {brand}", lines=lines, start=day, end=day + 1)


def trials(told: Told, bought: np.ndarray) -> list[tuple[str, str, np.ndarray, np.datetime64]]:
    """Brands of the lines `bought` (of one category) that were tried: brand, the usual one, their lines, the day."""
    brands, count = np.unique(told.brand[bought], return_counts=True)
    if brands.size < 2 or count.max() < KNOWN:
        return []
    usual = brands[count.argmax()]
    faithful = told.dates(bought & (told.brand == usual))
    days = {brand: told.dates(bought & (told.brand == brand)) for brand in brands if brand != usual}
    if sum(each.size for each in days.values()) > ODD_ONES:
        return []
    return [
        (brand, usual, bought & np.isin(told.brand, [brand, usual]), each[0])
        for brand, each in days.items()
        if each.size == 1 and min((faithful < each[0]).sum(), (faithful > each[0]).sum()) >= 2
    ]


def _variety(told: Told, category: str, mine: np.ndarray, own: np.ndarray) -> None:
    """More kinds of things than others take in as many purchases."""
    shelf, n = told.world.shelves[category], int(mine.sum())
    taste = told.plan.tastes.get(category) or Taste(0.0, shelf.items, own)
    if n < CHOICES:
        return
    levels = (("items", np.arange(shelf.items.size), told.item), ("types", shelf.type, told.type))
    for word, code, of_line in levels:
        n_codes = int(code.max()) + 1
        seen = np.unique(of_line[mine]).size
        share = np.bincount(code, weights=own, minlength=n_codes)
        taken = float(expected_distinct(share, taste.repeat, n))
        if taste.repeat <= SEEKS:
            taken = max(taken, seen)
        usual = told.usual.distinct(category, code, n_codes, n)
        leans = taken >= LEANING * usual and seen >= VARIED * usual
        if seen >= KNOWN and (leans or taken >= VARIED * usual):
            told.claim("variety_seeking", category, f"{seen} {word}", lines=mine)
            return


def _variants(told: Told, category: str, mine: np.ndarray, own: np.ndarray) -> None:
    """Regular, light, lactose-free side by side."""
    rows = told.world.shelves[category].rows
    left, line_left = np.ones(rows.size, dtype=bool), mine.copy()
    words, enough = [], 0
    for word in (*VARIANTS, "regular"):
        among = left & (told.world.tagged[word][rows] if word != "regular" else True)
        lines = line_left & (told.tagged(word) if word != "regular" else True)
        left, line_left = left & ~among, line_left & ~lines
        if lines.sum() >= 3:
            words.append(word)
        enough += int(own[among].sum() >= SIDE and lines.sum() >= 4)
    if enough >= 2 or len(words) >= 3:
        told.claim("parallel_variants", category, ", ".join(words), lines=mine)
