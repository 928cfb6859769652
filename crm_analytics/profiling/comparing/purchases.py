"""What counts as one purchase, and on how many days of each household something was bought."""

import numpy as np

from crm_analytics.profiling.reading.lines import Lines
from crm_analytics.profiling.reading.population import Population

DAYS = 200_000  # more than there are days since 1970-01-01: places a household's days apart


def purchase_lines(lines: Lines, counts: np.ndarray) -> np.ndarray:
    """Positions of the lines in `counts` (a mask) that are purchases: a product once a day."""
    kept = np.flatnonzero(counts)
    if not kept.size:
        return kept
    day = lines.household[kept].astype(np.int64) * DAYS + lines.day[kept]
    order = np.lexsort((lines.product[kept], day))
    new = (np.diff(day[order], prepend=-1) != 0) | (np.diff(lines.product[kept][order], prepend=-1) != 0)
    return np.sort(kept[order[new]])


def days_by_household(population: Population, products: np.ndarray) -> np.ndarray:
    """Distinct days with any of the products (a mask over them), by household code."""
    lines = population.lines
    which = products[lines.product]
    days = distinct(lines.household[which].astype(np.int64) * DAYS + lines.day[which]) // DAYS
    return np.bincount(days, minlength=n_households(population))


def distinct(values: np.ndarray) -> np.ndarray:
    """Distinct numbers, ascending: by sorting, which is quicker than hashing where there are many.

    >>> distinct(np.array([3, 1, 3]))
    array([1, 3])
    """
    ordered = np.sort(values)
    new = np.ones(ordered.size, dtype=bool)
    new[1:] = ordered[1:] != ordered[:-1]
    return ordered[new]


def n_households(population: Population) -> int:
    """How many household codes the lines use: codes are those of all that was ever read."""
    return int(population.lines.household.max(initial=-1)) + 1


def of_supermarkets(population: Population) -> np.ndarray:
    """Which products are neither fuel nor a meal out; boolean, shape (n_products,)."""
    return ~population.tagged("fuel", "restaurant")
