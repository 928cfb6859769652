"""How often a category is bought per visit, month by month, and how regularly: what everybody does."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import betainc

from crm_analytics.profiling.questions.home_lines import lines_near_home
from crm_analytics.profiling.reading.lines import Lines
from crm_analytics.profiling.reading.population import Population

LEAST_DAYS = 5  # days with a category on which a habit is read
FEW = 5.0  # purchases expected in a month, or in a store, that weigh as much as the month or store itself
SHRINK = 10.0  # gaps that the population's regularity weighs as, beside a household's own
MOST_REGULAR = 6.0
SMALLEST = 0.25  # visits; shorter gaps are taken for so long
BASKETS = 11  # neighbouring visits over which the size of baskets is taken
WIDE = 4.0  # visits between purchases, from which on their spread tells of regularity
_KNOWN = 30.0  # gaps that all categories' regularity weighs as, beside a category's own
_HABITS = 2000  # households' categories, as many as tell the tail of their p-values
_SAMPLE = 200  # households whose gaps are looked at
_TAIL, _TAIL_OF_LONGEST = 0.01, 0.1


@dataclass(frozen=True)
class CategoryRates:
    """What is learnt of all categories.

    Attributes
    ----------
    first_month : int
        Months since January 1970 of the first column of `season`.
    season : ndarray, shape (n_categories, n_months)
        How much of its usual rate per visit a category has in a month: 1 as ever, 0 not sold at all.
    general : ndarray of bool, shape (n_categories,)
        Whether it is sold mostly in stores of the commonest kind.
    ordinary_store : ndarray of bool, shape (n_stores + 1,)
        Whether a store is of the commonest kind; the last entry is for an unknown store.
    sold : StoreRates
        How often a receipt of a store has a category, against receipts of the other stores.
    spread : ndarray, shape (n_categories,)
        ln(mean) - mean(ln) of the gaps between purchases, in exposure: .58 if they come at random,
        less if regularly.
    power : float
        Exponent <= 1 that makes p-values of ordinary gaps as small as they should be and no smaller.
    longest_power : float
        The same for the longest gap of a habit: without it the others look more regular than they are.
    """

    first_month: int
    season: np.ndarray
    general: np.ndarray
    ordinary_store: np.ndarray
    sold: "StoreRates"
    spread: np.ndarray
    power: float
    longest_power: float


@dataclass(frozen=True)
class StoreRates:
    """Receipts with a category, by store.

    Attributes
    ----------
    keys : ndarray of int64
        category · (n_stores + 1) + store of each pair that was sold, ascending; an unknown store is the last.
    bought : ndarray of float
        Receipts with the category in the store, by key.
    receipts : ndarray of float, shape (n_stores + 1,)
    usual : ndarray of float, shape (n_categories,)
        Share of the receipts of ordinary stores that have the category.
    """

    keys: np.ndarray
    bought: np.ndarray
    receipts: np.ndarray
    usual: np.ndarray

    def relative(self, categories: np.ndarray, stores: np.ndarray) -> np.ndarray:
        """Rates of categories × stores: 1 as in other stores, 0 not sold there; nearer to 1 where few shop."""
        if not self.keys.size:
            return np.ones((categories.size, stores.size))
        n = self.receipts.size
        wanted = categories[:, None].astype(np.int64) * n + np.where(stores >= 0, stores, n - 1)
        place = np.minimum(np.searchsorted(self.keys, wanted), self.keys.size - 1)
        found = np.where(self.keys[place] == wanted, self.bought[place], 0.0)
        expected = self.usual[categories][:, None] * self.receipts[stores]
        return np.asarray((found + FEW) / (expected + FEW))


@dataclass(frozen=True)
class Clock:
    """One household's purchases of its habitual categories on two clocks that run with its visits at home.

    Attributes
    ----------
    home : ndarray of bool, shape (n_lines,)
        Lines bought where the household usually shops (`lines_near_home`); the rest is left out.
    days : ndarray of int, shape (n_visits,)
        Days with any purchase there.
    categories : ndarray of int, shape (n_habits,)
    visits : list of ndarray of int
        Which visits a category was bought on.
    ticks : ndarray of float64, shape (2, n_habits, n_visits)
        Exposure up to and including each visit: visits, and products of other categories, both
        weighted by the category's season and by how often it is bought in the stores visited.
    """

    home: np.ndarray
    days: np.ndarray
    categories: np.ndarray
    visits: list[np.ndarray]
    ticks: np.ndarray


def category_rates(population: Population) -> CategoryRates:
    """Learn rates from a population (about 2 s for 1.5 million lines)."""
    lines = population.lines
    n_categories = len(population.names["category"])
    month = lines.month
    first = int(month.min())
    n_months = int(month.max()) - first + 1
    ordinary = _ordinary_stores(population)
    at_ordinary = ordinary[lines.store]

    known = lines.category >= 0
    in_category = np.bincount(lines.category[known], minlength=n_categories)
    usual = np.bincount(lines.category[known & at_ordinary], minlength=n_categories)
    general = usual * 2 >= in_category

    newest = np.ones(len(lines), dtype=bool)
    newest[1:] = (np.diff(lines.household) != 0) | (np.diff(lines.day) != 0)
    visits = np.bincount(month[newest] - first, minlength=n_months).astype(float)
    # A category counts once a receipt: days would need a sort, and a second receipt a day is rare.
    where = np.flatnonzero(known)
    key = lines.category[where].astype(np.int64) * (int(lines.receipt.max()) + 1) + lines.receipt[where]
    where = where[np.unique(key, return_index=True)[1]]
    cell = lines.category[where].astype(np.int64) * n_months + (month[where] - first)
    bought = (
        np.bincount(cell, minlength=n_categories * n_months).reshape(n_categories, n_months).astype(float)
    )
    expected = np.outer(bought.sum(axis=1) / visits.sum(), visits)
    season = (bought + FEW) / (expected + FEW)
    # A household is compared with others: where there are few of them it would be with itself.
    alone = len(population.households) < 20
    if alone:
        season = np.ones_like(season)
    sold = _store_rates(lines, where[:0] if alone else where, ordinary, n_categories)
    bare = CategoryRates(first, season, general, ordinary, sold, np.full(n_categories, 0.58), 1.0, 1.0)
    return _with_regularity(population, bare)


def clock_of(lines: Lines, home: np.ndarray, rates: CategoryRates, *, least_days: int = LEAST_DAYS) -> Clock:
    """Read habits against visits, of a household or of a card; `home` is a mask of the lines near home."""
    day, store, category = lines.day[home], lines.store[home], lines.category[home]
    days, visit = np.unique(day, return_inverse=True)
    known = category >= 0
    n_categories = len(rates.general)
    bought = np.unique(category[known].astype(np.int64) * days.size + visit[known])
    often = np.bincount(bought // days.size, minlength=n_categories)
    categories = np.flatnonzero(often >= least_days)
    ends = np.cumsum(often)
    visits = [bought[ends[c] - often[c] : ends[c]] % days.size for c in categories]

    month = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) - rates.first_month
    season = rates.season[np.ix_(categories, np.clip(month, 0, rates.season.shape[1] - 1))]
    products = np.bincount(visit, minlength=days.size).astype(float)
    own = np.zeros((categories.size, days.size))
    place = np.full(n_categories + 1, -1)  # the last entry is for a line without a category
    place[categories] = np.arange(categories.size)
    mine = known & (place[category] >= 0)
    np.add.at(own, (place[category[mine]], visit[mine]), 1.0)
    others = _smooth(products[None, :] - own)
    others /= max(others.mean(), 1e-9) if others.size else 1.0
    weight = season * _open_to(categories, visit, store, rates)
    ticks = np.cumsum(np.stack([weight, weight * others]), axis=2)
    return Clock(home, days, categories, visits, ticks)


def _smooth(others: np.ndarray) -> np.ndarray:
    """Mean over `BASKETS` neighbouring visits: how large baskets are at a time, not on one day."""
    n = others.shape[1]
    done = np.concatenate([np.zeros((len(others), 1)), np.cumsum(others, axis=1)], axis=1)
    low = np.maximum(np.arange(n) - BASKETS // 2, 0)
    high = np.minimum(np.arange(n) + BASKETS // 2 + 1, n)
    return (done[:, high] - done[:, low]) / (high - low)


def _open_to(
    categories: np.ndarray, visit: np.ndarray, store: np.ndarray, rates: CategoryRates
) -> np.ndarray:
    """How open each visit is to each category, by the stores visited: shape (n_habits, n_visits)."""
    n_stores = rates.ordinary_store.size
    pair = np.unique(visit.astype(np.int64) * n_stores + np.where(store >= 0, store, n_stores - 1))
    at, which = pair // n_stores, pair % n_stores
    stores, code = np.unique(which, return_inverse=True)
    by_store = rates.sold.relative(categories, stores) * rates.ordinary_store[stores]
    best = np.maximum.reduceat(by_store[:, code], np.flatnonzero(np.diff(at, prepend=-1)), axis=1)
    return np.where(rates.general[categories][:, None], best, 1.0)


def silence_p_value(silence: float, others: np.ndarray, spread: float) -> float:
    """Chance that a gap is at least this long, given the household's other gaps of the category.

    Gaps are gamma distributed with a shape κ, and only the ratio to the others is looked at, so
    the rate cancels: silence / (silence + Σ others) ~ beta(κ, n κ). With κ = 1, purchases at random,
    this is the Lomax tail (1 + silence / Σ others)^-n. κ comes from the spread of the others' logarithms,
    shrunk towards the population's as if that were ten gaps more.

    >>> round(silence_p_value(3.0, np.array([1.0, 1.0, 1.0]), 0.5772), 2)  # regular so far: below 1/8
    0.11
    """
    total = others.sum()
    if not total > 0 or not silence > 0:
        return 1.0
    return float(
        _beta_tail(np.array(silence), np.array(total), np.array(others.size), regularity(others, spread))
    )


def _beta_tail(
    silence: np.ndarray, total: np.ndarray, n: np.ndarray, shape: np.ndarray | float
) -> np.ndarray:
    """Chance of a gap as long, the `n` others being of this sum and gamma distributed with this shape."""
    return np.asarray(betainc(shape * n, shape, total / (total + silence)))


def silence_on_both(silence: np.ndarray, others: np.ndarray, spread: float) -> float:
    """The larger p-value of the two clocks; `silence` has shape (2,), `others` (2, n_gaps)."""
    return max(silence_p_value(float(silence[k]), others[k], spread) for k in (0, 1))


def regularity(gaps: np.ndarray, spread: float) -> float:
    """Shape of a gamma distribution of gaps, shrunk to that of the population's `spread`; at most 6."""
    gaps = np.maximum(gaps, SMALLEST)
    own = np.log(gaps.mean()) - np.log(gaps).mean()
    return float(_shape(own, np.array(gaps.size), spread))


def _shape(own: np.ndarray | float, n: np.ndarray, spread: np.ndarray | float) -> np.ndarray:
    """Shape of a gamma distribution by the log of the mean of `n` gaps less the mean of their logs."""
    # n - 1: the mean was fitted to the same gaps.
    s = (own * n + SHRINK * spread) / (n - 1 + SHRINK)
    shape = (3 - s + np.sqrt((s - 3) ** 2 + 24 * s)) / (12 * np.maximum(s, 1e-6))
    return np.asarray(np.minimum(shape, MOST_REGULAR))


def _ordinary_stores(population: Population) -> np.ndarray:
    """Stores of the kind with most lines; an unknown store counts as one."""
    kind = np.append(population.stores.kind, "")
    lines = np.bincount(
        np.where(population.lines.store >= 0, population.lines.store, kind.size - 1), minlength=kind.size
    )
    kinds, of = np.unique(kind.astype(str), return_inverse=True)
    counted = np.bincount(of, lines, kinds.size)
    counted[kinds == ""] = -1.0
    ordinary = kind == kinds[np.argmax(counted)]
    ordinary[-1] = True
    return ordinary


def _store_rates(lines: Lines, where: np.ndarray, ordinary: np.ndarray, n_categories: int) -> StoreRates:
    """Count receipts by category and store; `where` has a line for each category of each receipt."""
    n = ordinary.size
    store = np.where(lines.store >= 0, lines.store, n - 1).astype(np.int64)
    receipts = np.bincount(store[np.diff(lines.receipt, prepend=-1) != 0], minlength=n).astype(float)
    keys, bought = np.unique(lines.category[where].astype(np.int64) * n + store[where], return_counts=True)
    usual = np.bincount(keys // n, bought * ordinary[keys % n], n_categories) / max(
        receipts[ordinary].sum(), 1
    )
    return StoreRates(keys, bought.astype(float), receipts, usual)


def _with_regularity(population: Population, bare: CategoryRates) -> CategoryRates:
    """Add the spread of ordinary gaps, and the power by which their p-values have to be corrected."""
    n = len(population.households)
    if n < 20:
        return bare
    chosen = np.linspace(0, n - 1, min(n, _SAMPLE)).astype(int)
    parts, sizes, of = [], [], []
    for place in chosen:
        household = population.household_at(int(place))
        clock = clock_of(household.lines, lines_near_home(household), bare)
        if not clock.visits:
            continue
        bought = np.concatenate(clock.visits)
        own = np.array([visits.size for visits in clock.visits])
        habit = np.repeat(np.arange(own.size), own)
        steps = np.diff(clock.ticks[:, habit, bought], axis=1)
        parts.append(steps[:, habit[1:] == habit[:-1]])
        sizes.append(own - 1)
        of.append(clock.categories)
    size = np.concatenate(sizes) if sizes else np.empty(0, dtype=np.int64)
    if size.size < 20:
        return bare
    gaps, category = np.concatenate(parts, axis=1), np.concatenate(of)
    start = np.concatenate([[0], np.cumsum(size)[:-1]])
    # Gaps of a visit or two are alike because visits are whole, not because purchases are regular.
    mean = np.add.reduceat(gaps[0], start) / size
    wide = mean >= WIDE
    if not wide.any():
        return bare
    log_mean = np.add.reduceat(np.log(np.maximum(gaps[0], SMALLEST)), start) / size
    whose = category[wide]
    uneven = ((np.log(mean) - log_mean) * size)[wide]
    general = np.clip(uneven.sum() / (size - 1)[wide].sum(), 0.1, 1.5)
    n_categories = len(bare.general)
    spread = np.bincount(whose, uneven, n_categories) + _KNOWN * general
    spread /= np.bincount(whose, (size - 1)[wide], n_categories) + _KNOWN
    spread = np.clip(spread, 0.1, 1.5)
    some = slice(None, None, max(size.size // _HABITS, 1))
    drawn = start + np.random.default_rng(0).integers(size)
    p_values = _of_left_out(gaps, start, size, drawn, spread[category])[some]
    longest = np.flatnonzero(gaps[0] == np.repeat(np.maximum.reduceat(gaps[0], start), size))
    first = longest[np.unique(np.searchsorted(start, longest, side="right"), return_index=True)[1]]
    of_longest = np.minimum(1.0, _of_left_out(gaps, start, size, first, spread[category]) * size)[some]
    power = _power(p_values, _TAIL)
    # A few habits do pause: the tail is taken where these are few among the rest.
    longest_power = min(power, _power(of_longest, _TAIL_OF_LONGEST))
    return replace(bare, spread=spread, power=power, longest_power=longest_power)


def _of_left_out(
    gaps: np.ndarray, start: np.ndarray, size: np.ndarray, places: np.ndarray, spread: np.ndarray
) -> np.ndarray:
    """`silence_on_both` of one gap of each habit, given its others.

    `gaps` has shape (2, n_gaps), habit after habit; `start` and `size` say which are whose.
    """
    left_out = gaps[:, places]
    total = np.add.reduceat(gaps, start, axis=1) - left_out
    raised = np.maximum(gaps, SMALLEST)
    mean = (np.add.reduceat(raised, start, axis=1) - raised[:, places]) / (size - 1)
    log_mean = np.log(raised)
    log_mean = (np.add.reduceat(log_mean, start, axis=1) - log_mean[:, places]) / (size - 1)
    shape = _shape(np.log(mean) - log_mean, size - 1, spread)
    p = _beta_tail(left_out, np.maximum(total, 1e-300), size - 1, shape)
    return np.asarray(np.where((total > 0) & (left_out > 0), p, 1.0).max(axis=0))


def _power(p_values: np.ndarray, tail: float) -> float:
    """The exponent that brings the p-values' `tail` quantile up to `tail`; 1 if it is not below."""
    low = float(np.quantile(p_values, tail))
    return 1.0 if low >= tail else float(np.log(tail) / np.log(max(low, 1e-12)))
