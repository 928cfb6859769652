"""What households choose within a category: shares of brands, types or items, and how much tastes differ."""

from dataclasses import dataclass

import numpy as np

from crm_analytics.profiling.comparing.purchases import of_supermarkets
from crm_analytics.profiling.reading.household import Household
from crm_analytics.profiling.reading.lines import Lines
from crm_analytics.profiling.reading.population import Population

LEVELS = ("brand", "type", "item")
_HEAVY = 10  # a household's say does not grow beyond so many choices


@dataclass(frozen=True)
class Choices:
    """A household's choices at one level; a choice is a word of the level on a day, taken once.

    Attributes
    ----------
    category, code, count : ndarray of int64, shape (n_pairs,)
        How often each code was chosen in each category; sorted by category and code.
    first : ndarray of int64, shape (n_categories,)
        Where each category begins.
    n : ndarray of int64, shape (n_categories,)
        Choices of each category.
    switches : ndarray of int64, shape (n_pairs,)
        Among the category's choices in time order, how often the code follows another or another it.
    """

    category: np.ndarray
    code: np.ndarray
    count: np.ndarray
    first: np.ndarray
    n: np.ndarray
    switches: np.ndarray

    def of(self, place: int) -> slice:
        """Where the codes of the category at `place` are."""
        end = self.first[place + 1] if place + 1 < self.first.size else self.category.size
        return slice(int(self.first[place]), int(end))


def choices_of(lines: Lines, level: str, which: np.ndarray) -> Choices:
    """Count a household's choices on the lines in `which` (a mask), a code once a day."""
    code = getattr(lines, level).astype(np.int64)
    known = which & (code >= 0) & (lines.category >= 0)
    span = int(code.max(initial=0)) + 1
    category, day = lines.category[known].astype(np.int64), lines.day[known].astype(np.int64)
    least = int(day.min(initial=0))
    width = int(day.max(initial=0)) - least + 1
    # Choices in time order within a category; a code once a day.
    choice = np.unique((category * width + day - least) * span + code[known])
    category, code = choice // span // width, choice % span
    pair, at, count = np.unique(category * span + code, return_inverse=True, return_counts=True)
    same = category[1:] == category[:-1]
    changed = same & (code[1:] != code[:-1])
    switches = np.bincount(at[1:][changed], minlength=pair.size) + np.bincount(
        at[:-1][changed], minlength=pair.size
    )
    category = pair // span
    first = np.flatnonzero(np.diff(category, prepend=-1))
    n = np.add.reduceat(count, first) if first.size else np.empty(0, dtype=np.int64)
    return Choices(category, pair % span, count.astype(np.int64), first, n.astype(np.int64), switches)


def household_choices(household: Household) -> dict[str, Choices]:
    """A household's choices at each level of `LEVELS`, fuel and meals out left out: counted once."""
    kept = vars(household)  # as cached properties are kept
    if "_choices" not in kept:
        which = household.population.learn(of_supermarkets)[household.lines.product]
        kept["_choices"] = {level: choices_of(household.lines, level, which) for level in LEVELS}
    found: dict[str, Choices] = kept["_choices"]
    return found


@dataclass(frozen=True)
class Tastes:
    """What everybody chooses at one level: sums over households, so that one can be left out.

    A household of n choices has weight min(n, 10). `weight`, `squares`, `alike` and `repeats` are
    by category: the sums of the weights, of their squares, of weight² times the chance that two draws
    with replacement agree, and of weight times the chance that two different choices agree (over
    those with two or more: `repeaters` is their weight, `households` their number).

    `pair`, category · span + code in ascending order, has the summed weighted shares `mass`, whose
    squares sum to `mass_squares` by category.
    """

    span: int
    pair: np.ndarray
    mass: np.ndarray
    mass_squares: np.ndarray
    start: np.ndarray
    weight: np.ndarray
    squares: np.ndarray
    alike: np.ndarray
    repeats: np.ndarray
    repeaters: np.ndarray
    households: np.ndarray

    def among(self, mine: Choices) -> "Among":
        """How a household's choices stand among those of the others, in all its categories at once."""
        if not mine.n.size:
            none = np.empty(0)
            return Among(none, none, none, none, none)
        category = mine.category[mine.first]
        size = np.diff(mine.first, append=mine.category.size)
        n = mine.n.astype(float)
        weight = np.minimum(n, _HEAVY)
        share = mine.count / np.repeat(n, size)
        own = np.repeat(weight, size) * share
        mass = self.mass[np.searchsorted(self.pair, mine.category * self.span + mine.code)]
        kinds = (self.start[category + 1] - self.start[category]).astype(float)
        total = self.weight[category] - weight

        def summed(values: np.ndarray) -> np.ndarray:
            return np.asarray(np.add.reduceat(values, mine.first))

        pairs = n * (n - 1)
        same = np.divide(
            summed(mine.count * (mine.count - 1.0)), pairs, out=np.zeros_like(n), where=pairs > 0
        )
        several = n > 1
        within = _ratio(
            self.repeats[category] - np.where(several, weight * same, 0.0),
            self.repeaters[category] - np.where(several, weight, 0.0),
            1.0,
        )
        squared = self.mass_squares[category] - 2 * summed(mass * own) + summed(own**2)
        alike = self.alike[category] - weight**2 * summed(share**2)
        between = _ratio(squared - alike, total**2 - (self.squares[category] - weight**2), 0.0)
        between = np.minimum(between, 1 - 1e-6)
        overdispersion = np.clip((within - between) / (1 - between), 1e-3, 0.95)
        shares = (np.maximum(mass - own, 0.0) + 0.5 / np.repeat(kinds, size)) / np.repeat(
            np.maximum(total, 0.0) + 0.5, size
        )
        return Among(shares, overdispersion, within, self.households[category] - several, kinds)

    def others(self, mine: Choices, place: int) -> "Habits":
        """What other households choose in the category at `place` of a household's choices."""
        category = int(mine.category[mine.first[place]])
        own = mine.of(place)
        n = float(mine.n[place])
        share = mine.count[own] / n
        weight = min(n, _HEAVY)
        low, high = self.start[category], self.start[category + 1]
        codes, mass = self.pair[low:high] % self.span, self.mass[low:high].copy()
        at = np.searchsorted(codes, mine.code[own])
        mass[at] = np.maximum(mass[at] - weight * share, 0.0)
        total = self.weight[category] - weight
        squares = self.squares[category] - weight**2
        alike = self.alike[category] - weight**2 * float(share @ share)
        repeats, repeaters = self.repeats[category], self.repeaters[category]
        households = int(self.households[category])
        if n > 1:
            count = mine.count[own]
            repeats -= weight * float((count * (count - 1)).sum()) / (n * (n - 1))
            repeaters -= weight
            households -= 1
        return _habits(codes, mass, total, squares, alike, repeats, repeaters, households)


@dataclass(frozen=True)
class Among:
    """Other households beside a household's choices, place by place of its `Choices`.

    Attributes
    ----------
    shares : ndarray of float64, shape (n_pairs,)
        Mean share of each of its codes among the others, above 0.
    overdispersion, repeat, households, kinds : ndarray, shape (n_categories,)
        As in `Habits`; and how many codes of the category anybody chose.
    """

    shares: np.ndarray
    overdispersion: np.ndarray
    repeat: np.ndarray
    households: np.ndarray
    kinds: np.ndarray


def _ratio(part: np.ndarray, whole: np.ndarray, unknown: float) -> np.ndarray:
    """A share, 0 to 1; `unknown` where there is nothing to divide by."""
    known = whole > 1e-9
    return np.clip(np.divide(part, whole, out=np.full(part.shape, unknown), where=known), 0.0, 1.0)


@dataclass(frozen=True)
class Habits:
    """Shares of codes among other households, and how much they differ.

    Attributes
    ----------
    codes : ndarray of int64
        Codes, ascending.
    shares : ndarray of float64
        Their mean shares, each above 0; they sum to 1.
    overdispersion : float, 0 to 1
        0 if every household has these shares, 1 if each has one code only.
    repeat : float, 0 to 1
        Chance that two choices of one household agree, on average.
    households : int
        Households with two choices or more.
    """

    codes: np.ndarray
    shares: np.ndarray
    overdispersion: float
    repeat: float
    households: int


def _habits(
    codes: np.ndarray,
    mass: np.ndarray,
    total: float,
    squares: float,
    alike: float,
    repeats: float,
    repeaters: float,
    households: int,
) -> Habits:
    """Dirichlet-multinomial by moments: two choices of one household agree with chance S + rho (1 - S),
    of two households with chance S."""
    seen = mass + 0.5 / mass.size
    if households < 1 or repeaters <= 0 or total**2 <= squares:
        return Habits(codes, seen / seen.sum(), 0.5, 1.0, 0)
    between = float(np.clip((mass @ mass - alike) / (total**2 - squares), 0.0, 1 - 1e-6))
    within = float(np.clip(repeats / repeaters, 0.0, 1.0))
    rho = float(np.clip((within - between) / (1 - between), 1e-3, 0.95))
    return Habits(codes, seen / seen.sum(), rho, within, households)


def tastes_of(lines: Lines, level: str, which: np.ndarray, n_categories: int) -> Tastes:
    """Sum the choices of all households at a level, over the lines in `which` (a mask)."""
    code = getattr(lines, level)
    known = np.flatnonzero(which & (code >= 0) & (lines.category >= 0))
    span = int(code.max(initial=0)) + 1
    pair = lines.category[known].astype(np.int64) * span + code[known]
    household = lines.household[known].astype(np.int64)
    width = n_categories * span
    # Lines lie by household and time: sorting by household and pair leaves days in order.
    order = np.argsort(household * width + pair, kind="stable")
    key, day = (household * width + pair)[order], lines.day[known][order]
    new = np.diff(key, prepend=-1) != 0
    fresh = new | (np.diff(day, prepend=-1) != 0)
    first = np.flatnonzero(new)
    count = np.add.reduceat(fresh.astype(np.float64), first) if first.size else np.empty(0)
    key = key[first]
    pair = key % width
    group = key // width * n_categories + pair // span
    begin = np.flatnonzero(np.diff(group, prepend=-1))
    size = np.diff(begin, append=group.size)
    n = np.add.reduceat(count, begin) if begin.size else np.empty(0)
    per_pair = np.repeat(n, size)
    weight = np.minimum(n, _HEAVY)
    mass = np.repeat(weight, size) * count / per_pair
    squared = np.add.reduceat((count / per_pair) ** 2, begin) if begin.size else np.empty(0)
    same = np.add.reduceat(count * (count - 1), begin) if begin.size else np.empty(0)
    same = np.divide(same, n * (n - 1), out=np.zeros_like(n), where=n > 1)
    category = group[begin] % n_categories
    several = n > 1

    def by_category(values: np.ndarray) -> np.ndarray:
        return np.bincount(category, values, n_categories).astype(float)

    distinct, at = np.unique(pair, return_inverse=True)
    mass = np.bincount(at, mass, distinct.size)
    return Tastes(
        span=span,
        pair=distinct,
        mass=mass,
        mass_squares=np.bincount(distinct // span, mass**2, n_categories).astype(float),
        start=np.searchsorted(distinct, np.arange(n_categories + 1) * span),
        weight=by_category(weight),
        squares=by_category(weight**2),
        alike=by_category(weight**2 * squared),
        repeats=by_category(np.where(several, weight * same, 0.0)),
        repeaters=by_category(np.where(several, weight, 0.0)),
        households=by_category(several.astype(float)),
    )


def tastes(population: Population) -> dict[str, Tastes]:
    """What everybody chooses at each level, by level: for `Population.learn`.

    Fuel and meals out are left out: which fuel a car takes is no taste.
    """
    which = of_supermarkets(population)[population.lines.product]
    return {
        level: tastes_of(population.lines, level, which, len(population.names["category"]))
        for level in LEVELS
    }
