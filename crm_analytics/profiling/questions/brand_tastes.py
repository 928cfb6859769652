"""How households choose among the brands of a category: the shares they start from, and how sticky choices are."""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from crm_analytics.profiling.questions.change_point import SHORTEST
from crm_analytics.profiling.reading.lines import Lines
from crm_analytics.profiling.reading.population import Population

# Concentrations tried: near 0 every household has one brand, towards infinity all have the same shares.
CONCENTRATIONS = np.geomspace(0.3, 60.0, 14)
UNLEARNT = 2.0  # concentration where nobody is there to learn it from
UNLEARNT_INFLATION = 1.3
OWN_CHOICES, ALIKE, MOST_STICKY = (
    150,
    600,
    5.0,
)  # of a household: choices that tell it, those of others, its most
_LAGS, _FAR = (1, 2, 3, 4, 5), 8  # choices apart: near ones, and far enough to have forgotten


@dataclass(frozen=True)
class BrandTastes:
    """A Dirichlet distribution of brand shares for each category, and how much a choice repeats the last.

    Attributes
    ----------
    keys : ndarray of int64
        category · n_brands + brand of each pair that is sold, ascending.
    shares : ndarray of float
        The brand's share of the category's choices, by key.
    concentration : ndarray of float, shape (n_categories,)
        Sum of the Dirichlet parameters.
    inflation : float >= 1
        How many successive choices tell as much as one drawn afresh: 1 + 2 Σ ρ over the
        autocorrelations ρ of choices near to each other.
    n_brands : int
    """

    keys: np.ndarray
    shares: np.ndarray
    concentration: np.ndarray
    inflation: float
    n_brands: int

    def prior(self, category: int, brands: np.ndarray) -> tuple[np.ndarray, float]:
        """Dirichlet parameters of these brands of a category, and the sum over all its brands."""
        total = float(self.concentration[category])
        return total * self.shares[np.searchsorted(self.keys, category * self.n_brands + brands)], total


@dataclass(frozen=True)
class Choices:
    """What was chosen on each day with a purchase, by household and category: one choice a day.

    Rows are sorted by household, category, day and brand; a choice of several brands has a row for
    each, and its weight is divided among them. All arrays have shape (n_rows,).

    Attributes
    ----------
    household, category, day, brand : ndarray of int64
    choice : ndarray of int64
        Number of the choice (of a household, category and day), ascending from 0.
    weight : ndarray of float
        1 over the number of brands chosen that day.
    """

    household: np.ndarray
    category: np.ndarray
    day: np.ndarray
    brand: np.ndarray
    choice: np.ndarray
    weight: np.ndarray


def choices_of(lines: Lines, option: np.ndarray | None = None) -> Choices:
    """Gather lines into choices; lines without a category or brand are left out.

    `option` (codes by line) stands in for the brand if something else is chosen among.
    """
    chosen = lines.brand if option is None else option
    known = (lines.category >= 0) & (chosen >= 0)
    columns = [x[known].astype(np.int64) for x in (lines.household, lines.category, lines.day, chosen)]
    key, sizes = np.zeros(int(known.sum()), np.int64), []
    for column in columns:
        low = int(column.min()) if column.size else 0
        sizes.append((low, int(column.max()) - low + 1 if column.size else 1))
        key = key * sizes[-1][1] + (column - low)
    key = np.sort(key)
    key = key[np.diff(key, prepend=-1) != 0]
    parts = []
    rest = key
    for low, size in reversed(sizes):
        parts.append(rest % size + low)
        rest = rest // size
    brand, day, category, household = parts
    of = key // sizes[-1][1]
    begins = np.diff(of, prepend=-1) != 0
    choice = np.cumsum(begins) - 1
    weight = 1 / np.bincount(choice, minlength=1)[choice]
    return Choices(household, category, day, brand, choice, weight)


def choice_tables(choices: Choices) -> list[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
    """One household's categories in which two brands were chosen often enough for a change.

    Returns
    -------
    list of (category, brands, days, shares)
        Brands by column, days and shares by choice; each row of shares sums to 1.
    """
    if choices.choice.size < 2 * SHORTEST:
        return []
    starts = np.flatnonzero(np.diff(choices.category, prepend=-1))
    ends = np.append(starts[1:], choices.category.size)
    long = choices.choice[ends - 1] - choices.choice[starts] + 1 >= 2 * SHORTEST
    found = []
    for low, high in zip(starts[long].tolist(), ends[long].tolist(), strict=True):
        brand = choices.brand[low:high]
        often = np.bincount(brand)
        if (often >= SHORTEST).sum() < 2:
            continue
        brands = np.flatnonzero(often)
        choice = choices.choice[low:high] - choices.choice[low]
        shares = np.zeros((int(choice[-1]) + 1, brands.size))
        shares[choice, np.searchsorted(brands, brand)] = choices.weight[low:high]
        days = np.empty(len(shares), dtype=np.int64)
        days[choice] = choices.day[low:high]
        found.append((int(choices.category[low]), brands, days, shares))
    return found


def brand_tastes(population: Population) -> BrandTastes:
    """Learn the tastes of a population (about 1.5 s for 1.5 million lines)."""
    choices = choices_of(population.lines)
    n_brands, n_categories = max(1, len(population.names["brand"])), len(population.names["category"])
    sold = choices.category * n_brands + choices.brand
    own = choices.household * n_categories + choices.category  # sorted: rows are
    order = np.lexsort((choices.brand, own))
    first = np.ones(own.size, dtype=bool)
    first[1:] = (np.diff(own[order]) != 0) | (np.diff(choices.brand[order]) != 0)
    counts = np.add.reduceat(choices.weight[order], np.flatnonzero(first)) if own.size else np.empty(0)
    counted, whose = sold[order][first], own[order][first]
    keys, place = np.unique(counted, return_inverse=True)
    volume = np.bincount(place, counts, keys.size)
    whole = np.bincount(keys // n_brands, volume, n_categories)
    shares = volume / whole[keys // n_brands]
    concentration = _concentrations(counts, shares[place], counted // n_brands, whose, n_categories)
    return BrandTastes(keys, shares, concentration, inflation_of(choices), n_brands)


def _concentrations(
    counts: np.ndarray, shares: np.ndarray, category: np.ndarray, whose: np.ndarray, n_categories: int
) -> np.ndarray:
    """The concentration of each category that makes its households' counts likeliest, from `CONCENTRATIONS`."""
    _, at = np.unique(whose, return_index=True)
    if not at.size:
        return np.full(n_categories, UNLEARNT)
    totals, of = np.add.reduceat(counts, at), category[at]
    best, found = np.full(n_categories, -np.inf), np.full(n_categories, UNLEARNT)
    several = np.bincount(of, minlength=n_categories) >= 5
    for s in CONCENTRATIONS:
        alpha = s * shares
        fit = np.bincount(category, gammaln(alpha + counts) - gammaln(alpha), n_categories)
        fit += np.bincount(of, gammaln(s) - gammaln(s + totals), n_categories)
        better = (fit > best) & several
        best[better], found[better] = fit[better], s
    return found


def inflation_of(
    choices: Choices, *, least: int = 1000, unlearnt: float = UNLEARNT_INFLATION, most: float = 3.0
) -> float:
    """1 + 2 Σ ρ over near lags: ρ is how much oftener near choices agree than far ones of one household do.

    At most `most`; `unlearnt` where fewer than `least` choices have another so far after them.
    """
    if not choices.choice.size:
        return 1.0
    n_brands = int(choices.brand.max()) + 1
    begins = np.flatnonzero(np.diff(choices.choice, prepend=-1))
    whose = np.stack([choices.household[begins], choices.category[begins]])
    # The same choices at every lag: households who choose often are of another sort.
    lasting = (whose[:, _FAR:] == whose[:, :-_FAR]).all(axis=0)
    if begins.size <= _FAR or lasting.sum() < least:
        return unlearnt
    lasting = np.concatenate([lasting, np.zeros(_FAR, dtype=bool)])
    inside = lasting[choices.choice]
    key = choices.choice * n_brands + choices.brand  # ascending
    wanted, weight = key[inside], choices.weight[inside]

    def agreement(lag: int) -> float:
        later = wanted + lag * n_brands
        place = np.minimum(np.searchsorted(key, later), key.size - 1)
        return float(((key[place] == later) * weight * choices.weight[place]).sum() / lasting.sum())

    far = agreement(_FAR)
    if far > 0.99:  # everybody has one brand: nothing to tell by
        return unlearnt
    return float(min(1 + 2 * sum(max(0.0, (agreement(lag) - far) / (1 - far)) for lag in _LAGS), most))


def household_inflation(choices: Choices, usual: float) -> float:
    """The inflation of one household, over all its categories together; that of all, `usual`, if it is more.

    Drawn towards `usual` as if that were `ALIKE` choices.
    """
    n = int(choices.choice[-1]) + 1 if choices.choice.size else 0
    own = inflation_of(choices, least=OWN_CHOICES, unlearnt=usual, most=MOST_STICKY)
    return max(usual, (n * own + ALIKE * usual) / (n + ALIKE))
