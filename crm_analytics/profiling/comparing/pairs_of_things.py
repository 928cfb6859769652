"""Things bought on the same days by everybody: how far each pair goes together, given the basket's size."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from crm_analytics.profiling.comparing.purchases import DAYS, distinct, of_supermarkets
from crm_analytics.profiling.comparing.shopping_days import SIZE_EDGES, size_strata
from crm_analytics.profiling.reading.lines import Lines
from crm_analytics.profiling.reading.population import Population

# Wide enough to gather several categories, narrow enough to mean something.
TAGS = [
    "alcohol",
    "beer",
    "wine",
    "spirits",
    "nuts",
    "fruit",
    "vegetables",
    "meat",
    "fish",
    "delicatessen",
    "cheese",
    "yoghurt",
    "milk",
    "eggs",
    "bread",
    "pastry_dough",
    "snacks",
    "sweets",
    "soft_drink",
    "coffee",
    "tea",
    "diet",
    "ready_meal",
    "tobacco",
    "baby",
    "pet",
    "cleaning",
    "breakfast_cereal",
    "condiment",
    "grill",
]
MOST_KINDS = 3
_PRIOR = 4.0  # days with both, had as expected, before any is seen: keeps rare pairs near 1


@dataclass(frozen=True)
class Days:
    """Days of a household (or of all, one after the other) and what was bought on them.

    Attributes
    ----------
    day : ndarray
        Key of the day of each line that counts.
    lines : ndarray of int64
        Positions of these lines.
    which : ndarray of int64
        Row in `size` of each of these lines' days.
    size : ndarray of int64, shape (n_days,)
        Different categories bought on the day.
    """

    day: np.ndarray
    lines: np.ndarray
    which: np.ndarray
    size: np.ndarray


def days_of(lines: Lines, counts: np.ndarray) -> Days:
    """Gather the lines in `counts` (a mask) with a known category into days."""
    kept = np.flatnonzero(counts & (lines.category >= 0))
    key = lines.household[kept].astype(np.int64) * DAYS + lines.day[kept]
    day = distinct(key)
    which = np.searchsorted(day, key)
    span = int(lines.category.max(initial=0)) + 1
    size = np.bincount(distinct(which * span + lines.category[kept]) // span, minlength=day.size)
    return Days(key, kept, which, size)


def things_on_days(population: Population, lines: Lines, days: Days) -> list[sparse.csr_matrix]:
    """Which things were bought on which days: 1, 2 and 3 kinds of them or more.

    Things are the categories, by code, then `TAGS`. A kind is a distinct product. Returns
    `MOST_KINDS` matrices of shape (n_days, n_things) with ones.
    """
    product = lines.product[days.lines]
    n_categories, n_products = len(population.names["category"]), len(population.products)
    day_product = distinct(days.which.astype(np.int64) * n_products + product)
    day, product = day_product // n_products, day_product % n_products
    tagged, category = population.learn(things_of_products)
    row, column = np.nonzero(tagged[product])
    rows = np.concatenate([day, day[row]])
    columns = np.concatenate([category[product], n_categories + column])
    shape = (days.size.size, n_categories + len(TAGS))
    kinds = sparse.coo_matrix((np.ones(rows.size, dtype=np.float64), (rows, columns)), shape=shape).tocsr()
    return [(kinds >= k).astype(np.float64).tocsr() for k in range(1, MOST_KINDS + 1)]


def things_of_products(population: Population) -> tuple[np.ndarray, np.ndarray]:
    """Which of `TAGS` each product has, shape (n_products, n_tags), and its category: for `Population.learn`."""
    category = np.full(len(population.products), -1, dtype=np.int64)
    category[population.lines.product] = population.lines.category
    return population.tags[TAGS].to_numpy(), category


@dataclass(frozen=True)
class Together:
    """How often things are bought on one day by everybody, and how often chance would have it.

    Attributes
    ----------
    seen, expected : list of ndarray, each of shape (n_things, n_things)
        By kinds (1, 2, 3 or more of the second thing): days with both, and what a household's days
        of each size would give if its things did not go together.
    days : ndarray of shape (n_things,)
        Days with the thing.
    overlap : ndarray of bool, shape (n_things, n_things)
        Pairs with a product in common.
    """

    seen: list[np.ndarray]
    expected: list[np.ndarray]
    days: np.ndarray
    overlap: np.ndarray

    def odds(self, kinds: int, a: int, b: int, own_seen: float, own_expected: float) -> float:
        """Odds ratio of the pair among the others, at least 1: a household's own days are left out."""
        seen = max(self.seen[kinds - 1][a, b] - own_seen, 0.0)
        expected = max(self.expected[kinds - 1][a, b] - own_expected, 0.0)
        lift = (seen + _PRIOR) / (expected + _PRIOR)
        usual = min(expected / max(self.days[a], 1.0), 0.9)
        raised = min(lift * usual, 0.95)
        if usual <= 0 or raised <= usual:
            return max(1.0, lift)
        return max(1.0, raised / (1 - raised) * (1 - usual) / usual)


def bought_together(population: Population) -> Together:
    """Count days with both of any two things, over all households: for `Population.learn`."""
    lines = population.lines
    days = days_of(lines, population.learn(of_supermarkets)[lines.product])
    levels = things_on_days(population, lines, days)
    household = distinct(days.day) // DAYS
    n_strata = SIZE_EDGES.size + 1
    block, row = np.unique(household * n_strata + size_strata(days.size), return_inverse=True)
    gather = sparse.csr_matrix((np.ones(row.size), (row, np.arange(row.size))), shape=(block.size, row.size))
    n_days = np.bincount(row, minlength=block.size)
    sums = [(gather @ level).astype(np.float32) for level in levels]
    share = (sparse.diags(1 / np.maximum(n_days, 1)) @ sums[0]).astype(np.float32)
    return Together(
        seen=[np.asarray((levels[0].T @ level).todense()) for level in levels],
        expected=[_products(share, summed) for summed in sums],
        days=np.asarray(levels[0].sum(axis=0)).ravel(),
        overlap=_overlap(population),
    )


def _products(x: sparse.csr_matrix, y: sparse.csr_matrix) -> np.ndarray:
    """x' y as a dense array: in blocks of rows, where dense multiplication is the quicker."""
    total = np.zeros((x.shape[1], y.shape[1]))
    step = max(1, 4_000_000 // x.shape[1])
    for low in range(0, x.shape[0], step):
        rows = slice(low, low + step)
        total += x[rows].toarray().T @ y[rows].toarray()
    return total


def _overlap(population: Population) -> np.ndarray:
    """Pairs of things with a product in common."""
    n = len(population.names["category"])
    tagged = population.tags[TAGS].to_numpy().astype(np.float32)
    overlap = np.eye(n + len(TAGS), dtype=bool)
    overlap[n:, n:] |= tagged.T @ tagged > 0
    return overlap
