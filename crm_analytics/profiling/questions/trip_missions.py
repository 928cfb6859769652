"""Trip missions: a few large shops a month and many small ones, or shops of one kind?"""

import numpy as np
from scipy.special import gammaln, logsumexp, ndtr

from crm_analytics.profiling.evidence.claim import Claim
from crm_analytics.profiling.evidence.kind import Kind
from crm_analytics.profiling.reading.household import Household
from crm_analytics.profiling.reading.population import Population

LEAST_SHOPS = 30
LEAST_LARGE = 4
MOST_LARGE = 0.4  # share of shops: more, and the large shop is the ordinary one
LEAST_RATIO = 3.0  # between a typical large and a typical small shop, in lines
MONTH = 30.44  # days
FEW = 20  # households: fewer do not tell how unequal shops of one kind are
SHAPES = np.exp(np.linspace(-1.4, 3.0, 31))  # negative binomial shapes looked at
USUAL_SHAPE = (0.5, 0.45)  # mean and spread of log shape where no population tells them
LEAST_SHAPE, MOST_SHAPE = (
    -0.35,
    0.36,
)  # the usual log shape of a population is taken as no further (geometric: 0)
SPREAD = 0.15  # of the log shape below the usual one, where a population tells it
RATIOS = np.array([3.0, 4.0, 5.5, 7.5, 10.0, 14.0])  # of mean sizes, large to small
SHARES = np.array([0.05, 0.1, 0.15, 0.2, 0.3])  # of large shops
LARGE_SHAPES = np.array([3.0, 10.0])
NEAR = np.array([0.85, 1.0, 1.15])  # times the small size that the household's mean implies
UPWARDS = 0.6  # spread of the log shape above the usual one: few of their shops are large
OPEN = -1.0  # log Bayes factor by the sizes: less, and they speak against it
TURN_SHAPES = (1.5, 2.5, 4.0)
WHOLE = 0.3  # of a shop: gaps are whole numbers beside a continuous law
MOST_TURNS = 3.0  # log Bayes factor that the order adds at most: people of one kind of shop have rhythms too
LARGEST = 400  # lines: a larger shop counts as this large

KIND = Kind(
    name="trip_missions",
    stage="rhythm",
    title={"en": "Stock-up and top-up trips", "tr": "Büyük alışveriş ve ara alışverişler"},
    statements={
        "plain": {
            "en": "Two kinds of shopping trip: {large_per_month:number} large shops a month (typically "
            "{large_lines:count} lines) and {small_per_month:number} small ones ({small_lines:count} lines). "
            "In {months_without:count} of {months:count} months there is no large shop.",
            "tr": "İki tür alışveriş var: ayda {large_per_month:number} büyük alışveriş (genellikle "
            "{large_lines:count} satır) ve {small_per_month:number} küçük alışveriş ({small_lines:count} satır). "
            "{months:count} ayın {months_without:count} tanesinde büyük alışveriş yok.",
        }
    },
    nulls={
        "one_kind": {
            "en": "shops of one kind, whose sizes are as unequal as those of other households",
            "tr": "büyüklükleri öteki hanelerdeki kadar değişen tek tür alışveriş",
        }
    },
    alternatives={
        "elsewhere": {
            "en": "In months without a large shop it may have been done in another chain.",
            "tr": "Büyük alışveriş olmayan aylarda başka bir zincire gidilmiş olabilir.",
        },
        "two_shoppers": {
            "en": "There may be two people who shop in their own ways.",
            "tr": "Kendi alışkanlığıyla alışveriş eden iki kişi olabilir.",
        },
    },
)


def trip_missions(household: Household) -> list[Claim]:
    """Whether the sizes of shops (lines of a receipt) are of two kinds: large ones and small ones.

    Statistic: sizes as a mixture of small shops and of large ones 3 to 14 times their size, which
    are 5 to 30 % of all, against shops of one kind. Null: the lines of a shop beyond its first are
    negative binomial (or, where that fits better, log-normal of the same variance), with a shape
    as the middle of the population has it: its median, and little below it, so that households
    with two kinds of shop do not widen the null (an empirical null by the centre, as in Efron 2004,
    JASA 99). The Bayes factor is the ratio of the two
    likelihoods, each averaged over its shapes, ratios and shares, at the household's own mean size. Where
    it leaves the matter open, the order of the shops speaks too, by half: stocking up comes in turns
    (`turns`).
    Minimum effect: large shops are typically three times the size of small ones, four in number, at
    most 40 % of all. Fuel stations and restaurants are left out.
    """
    receipts = household.receipts
    shops = np.flatnonzero(_shops(receipts.store, household.population))
    if shops.size < LEAST_SHOPS:
        return []
    sizes = receipts.n_lines[shops]
    found = two_kinds(sizes, *household.population.learn(_usual_shape))
    if found is None or found[0] <= OPEN:
        return []
    log_factor, least_large = found
    large = sizes >= least_large
    log_factor += min(turns(large) / 2, MOST_TURNS)
    month = receipts.at[shops].astype("datetime64[M]").astype(int)
    months = month.max() - month.min() + 1
    span = max(float(receipts.day[shops[-1]] - receipts.day[shops[0]]) / MONTH, 1.0)
    claim = Claim(
        kind=KIND.name,
        lines=receipts.lines(shops[large]),
        asked=1,
        null="one_kind",
        bayes_factor=float(np.exp(min(log_factor, 600.0))),
        values={
            "large_per_month": float(large.sum() / span),
            "small_per_month": float((~large).sum() / span),
            "months_without": int(months - np.unique(month[large]).size),
            "months": int(months),
            "large_lines": int(np.median(sizes[large])),
            "small_lines": int(np.median(sizes[~large])),
            "least_large": int(least_large),
        },
        alternatives=("elsewhere", "two_shoppers") if household.cards.size > 1 else ("elsewhere",),
    )
    return [claim]


def two_kinds(
    sizes: np.ndarray, usual: float = USUAL_SHAPE[0], spread: float = USUAL_SHAPE[1]
) -> tuple[float, int] | None:
    """Log Bayes factor of two kinds of shop against one, and the smallest size of a large shop.

    `sizes` are counts >= 1; `usual` and `spread` tell how the log shape of one kind is distributed.
    None if two kinds are not found or lie too near each other.

    >>> log_factor, least_large = two_kinds(np.repeat([1, 2, 3, 4, 24, 28, 32], [20, 25, 20, 10, 6, 8, 6]))
    >>> log_factor > 5, 4 < least_large <= 24
    (True, True)
    """
    values, counts = np.unique(np.minimum(sizes, LARGEST), return_counts=True)
    if values.size < 4:
        return None
    mean = float(counts @ values / counts.sum())
    prior = _two_piece(usual, spread)
    one = logsumexp(prior + _one_kind(values, counts, mean))
    likely = prior > -12
    best = _mixture(values, counts, mean, SHAPES[likely])
    two = logsumexp(prior[likely][:, None, None, None] + best) - np.log(best[0].size)
    place = np.unravel_index(np.argmax(prior[likely][:, None, None, None] + best), best.shape)
    cut = _least_large(values, mean, SHAPES[likely][place[0]], *(int(one) for one in place[1:]))
    chosen = values >= cut
    if not chosen.any() or chosen.all():
        return None
    cut = int(values[chosen][0])
    n_large = counts[chosen].sum()
    typical = np.median(np.repeat(values[chosen], counts[chosen]))
    apart = typical >= LEAST_RATIO * np.median(np.repeat(values[~chosen], counts[~chosen]))
    if n_large < LEAST_LARGE or n_large > MOST_LARGE * counts.sum() or not apart:
        return None
    return float(two - one), cut


def turns(large: np.ndarray) -> float:
    """Log Bayes factor of large shops that come in turns, against any order of the shops.

    Parameters
    ----------
    large : ndarray of bool, shape (n_shops,)
        In time order.

    Returns
    -------
    float
        The number of shops from one large shop to the next is gamma distributed with their mean; with
        a shape of 1.5, 2.5 or 4 where they come in turns, of 1 (exponential) where they do not. Each
        is as likely as the other beforehand, so no order speaks against it by more than log 2. 0
        with fewer than four large shops.

    >>> steady = np.arange(60) % 6 == 0
    >>> bunched = np.arange(60) < 10
    >>> round(turns(steady), 1), round(turns(bunched | (np.arange(60) == 59)), 1)
    (5.1, -0.7)
    """
    gaps = np.diff(np.flatnonzero(large)) - WHOLE
    if gaps.size < LEAST_LARGE - 1:
        return 0.0
    mean = gaps.mean()

    def log_chance(shape: float) -> float:
        density = (shape - 1) * np.log(gaps) - shape * gaps / mean + shape * np.log(shape / mean)
        return float((density - gammaln(shape)).sum())

    even = logsumexp([log_chance(shape) for shape in TURN_SHAPES]) - np.log(len(TURN_SHAPES))
    return float(np.logaddexp(0.0, even - log_chance(1.0)) - np.log(2))


def _two_piece(usual: float, spread: float) -> np.ndarray:
    """Log chance of each shape where shops are of one kind: `spread` below the usual log shape, UPWARDS above it."""
    away = np.log(SHAPES) - usual
    log_chance = -0.5 * (away / np.where(away < 0, spread, UPWARDS)) ** 2
    return log_chance - logsumexp(log_chance)


def _shops(store: np.ndarray, population: Population) -> np.ndarray:
    """Which receipts are of neither a fuel station nor a restaurant."""
    kinds = np.append(population.stores.kind, "")  # a store that is not known has code -1
    return ~np.isin(kinds[store], ("fuel", "restaurant"))


def _log_chance(k: np.ndarray, mean: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Log chance of k + 1 lines, k being negative binomial; arrays are broadcast."""
    mean = np.maximum(mean, 1e-6)
    log_chance = gammaln(k + shape) - gammaln(shape) - gammaln(k + 1.0)
    return log_chance + shape * np.log(shape / (shape + mean)) + k * np.log(mean / (shape + mean))


def _one_kind(values: np.ndarray, counts: np.ndarray, mean: float) -> np.ndarray:
    """Log-likelihood of one kind of shop by shape: the better of a negative binomial and a log-normal."""
    binomial = _log_chance(values[None, :] - 1.0, np.array(mean - 1.0), SHAPES[:, None]) @ counts
    # A log-normal as unequal as the negative binomial of that shape: the same squared variation.
    k = mean - 1.0
    width = np.sqrt(np.log1p((k + k**2 / SHAPES) / mean**2))[:, None]
    middle = np.log(mean) - width**2 / 2
    upper, lower = (ndtr((np.log(values + half) - middle) / width) for half in (0.5, -0.5))
    inside = ndtr((middle - np.log(0.5)) / width)
    normal = np.log(np.maximum((upper - lower) / inside, 1e-300)) @ counts
    return np.logaddexp(binomial, normal) - np.log(2)


def _small_size(mean: float) -> np.ndarray:
    """Mean size of a small shop by ratio, share and nearness."""
    share = SHARES[None, :, None]
    return np.maximum(NEAR * mean / (1 - share + share * RATIOS[:, None, None]), 1.05)


def _mixture(values: np.ndarray, counts: np.ndarray, mean: float, shapes: np.ndarray) -> np.ndarray:
    """Log-likelihood of two kinds by shape of the small, ratio, share and (shape of the large, nearness)."""
    size = _small_size(mean)
    k = values - 1.0
    small = _log_chance(k, size[None, ..., None] - 1, shapes[:, None, None, None, None])
    large = _log_chance(
        k,
        (size * RATIOS[:, None, None])[None, ..., None] - 1,
        LARGE_SHAPES[:, None, None, None, None],
    )
    small = np.exp(small) * (1 - SHARES)[:, None, None]
    large = np.exp(large) * SHARES[:, None, None]
    both = [np.log(small + one + 1e-300) @ counts for one in large]
    return np.concatenate(both, axis=-1)


def _least_large(values: np.ndarray, mean: float, shape: float, ratio: int, share: int, last: int) -> int:
    """The size from which a shop is likelier a large one."""
    large_shape, near = divmod(last, NEAR.size)
    size = _small_size(mean)[ratio, share, near]
    grid = np.arange(1, values[-1] + 2)
    small = _log_chance(grid - 1.0, size - 1, np.array(shape)) + np.log(1 - SHARES[share])
    large = _log_chance(grid - 1.0, size * RATIOS[ratio] - 1, np.array(LARGE_SHAPES[large_shape])) + np.log(
        SHARES[share]
    )
    smaller = np.flatnonzero((large <= small) & (grid <= size * RATIOS[ratio]))
    return int(grid[smaller[-1]] + 1) if smaller.size else 1


def _usual_shape(population: Population) -> tuple[float, float]:
    """The log shape of shops' sizes that is usual for households, and how far below it shops of one kind go."""
    if len(population.households) < FEW:
        return USUAL_SHAPE
    lines = population.lines
    first = np.flatnonzero(np.diff(lines.receipt, prepend=-1))
    size = np.minimum(np.diff(first, append=len(lines)), LARGEST)
    kept = _shops(lines.store[first], population)
    code, n = np.unique(
        lines.household[first[kept]].astype(np.int64) * (LARGEST + 1) + size[kept], return_counts=True
    )
    owner, size = code // (LARGEST + 1), code % (LARGEST + 1)
    shops = np.bincount(owner, n, len(population.households))
    mean = np.bincount(owner, n * size, len(population.households)) / np.maximum(shops, 1)
    k = size - 1.0
    likelihood = [
        np.bincount(owner, n * _log_chance(k, mean[owner] - 1, np.array(shape)), shops.size)
        for shape in SHAPES
    ]
    seen = (shops >= LEAST_SHOPS) & (mean > 1)
    if seen.sum() < FEW:
        return USUAL_SHAPE
    middle = np.median(np.log(SHAPES)[np.argmax(likelihood, axis=0)][seen])
    return float(np.clip(middle, LEAST_SHAPE, MOST_SHAPE)), SPREAD


KINDS = (KIND,)
