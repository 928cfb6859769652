"""Whether others went on buying what a household stopped buying: was it delisted, or did only they stop?"""

import numpy as np

from crm_analytics.profiling.reading.household import Household
from crm_analytics.profiling.reading.population import Population

WINDOW = 182  # days compared on either side
GRACE = 21  # days in which shelves may still be emptied
EXPECTED = 5.0  # purchases by others, had they gone on, to say anything


def lines_by_category(population: Population) -> tuple[np.ndarray, np.ndarray]:
    """Positions of lines by category, and where each category's begin; lines without one are left out."""
    category = population.lines.category
    order = np.argsort(category, kind="stable")
    starts = np.searchsorted(category[order], np.arange(len(population.names["category"]) + 1))
    return order, starts


def others_went_on(household: Household, column: str, category: int, option: int, day: int) -> str:
    """Say what others did with `option` (a code of `column`) of a category after `day`.

    Other households' lines of the category in the stores where this one bought it before (in all
    stores, if those are too few) are counted for half a year before, and for half a year from three
    weeks after. Had the option kept its share, `expected` lines of it would follow.

    Returns
    -------
    {'delisted', 'own', 'unknown'}
        'delisted' if at most a tenth of what was expected follows, 'own' if at least half does.
    """
    order, starts = household.population.learn(lines_by_category)
    everyone = household.population.lines
    at = order[starts[category] : starts[category + 1]]
    days = everyone.day[at]
    near = (days >= day - WINDOW) & (days < day + GRACE + WINDOW)
    at = at[near & (everyone.household[at] != household.lines.household[0])]
    days = everyone.day[at]
    mine = household.lines
    bought = (mine.category == category) & (mine.day < day)
    theirs = np.isin(everyone.store[at], np.unique(mine.store[bought]))
    chosen = getattr(everyone, column)[at] == option
    for among in (theirs, np.ones(at.size, dtype=bool)):
        before, after = among & (days < day), among & (days >= day + GRACE)
        if not before.any():
            continue
        expected = chosen[before].mean() * after.sum()
        if expected >= EXPECTED:
            left = chosen[after].sum() / expected
            return "delisted" if left <= 0.1 else "own" if left >= 0.5 else "unknown"
    return "unknown"
