"""Monthly pattern: does the money go out in one part of the month, as after a payday?"""

import math

import numpy as np
from scipy.special import logsumexp
from scipy.stats import f as f_distribution

from crm_analytics.profiling.evidence.claim import Claim
from crm_analytics.profiling.evidence.kind import Kind
from crm_analytics.profiling.evidence.strength import strength
from crm_analytics.profiling.reading.household import Household
from crm_analytics.profiling.reading.population import Population

LEAST_MONTHS = 6
LEAST_VISITS = 2  # days of purchase in a month that is looked at
FEW = 20  # households: fewer tell no profile of the month
PART = 10  # days of the month in the part that is named
LEAST_RATIO = 1.3  # of what is spent in that part to what is expected there
LARGE = 0.7  # quantile of receipts by amount: those above it are the large shops
CUTS = np.array(
    [0.6, 0.75, 0.85, 0.9, 0.95]
)  # quantiles of receipts by lines from which a shop may be called large
LEAST_LINES = 6  # fewer are no large shop
LEAST_TIMES = 2.0  # how many times the size of the others a typical large shop has
LEAST_LARGE_RATIO = 2.0  # of the share of large shops in a window of the month to what is expected there
TESTS = 2  # by large shops, and by spend
WIDTHS = (4, 6, 8, 10)  # days of a window
HELD = np.array([0.5, 0.65, 0.8, 0.9])  # shares of the large shops that it holds

KIND = Kind(
    name="monthly_pattern",
    stage="rhythm",
    title={"en": "Part of the month", "tr": "Ayın belirli günleri"},
    statements={
        "plain": {
            "en": "{share:percent} of the spend of a month falls in ten days of it, from day {from_day:count} to day "
            "{to_day:count} ({expected:percent} would be usual): probably shopping follows a payday.",
            "tr": "Bir aydaki harcamanın {share:percent} kadarı ayın on gününe düşüyor: {from_day:count} ile "
            "{to_day:count} arası (olağan pay {expected:percent}). Alışveriş büyük olasılıkla maaş gününe bağlı.",
        },
        "large": {
            "en": "{share:percent} of the large shops ({n_lines:count} lines and more) fall in one part of the month, "
            "from day {from_day:count} to day {to_day:count} ({expected:percent} would be usual): probably the large "
            "shop follows a payday.",
            "tr": "Büyük alışverişlerin ({n_lines:count} satır ve üzeri) {share:percent} kadarı ayın aynı "
            "günlerine düşüyor: {from_day:count} ile {to_day:count} arası (olağan pay "
            "{expected:percent}). Büyük alışveriş büyük olasılıkla maaş gününe bağlı.",
        },
    },
    nulls={
        "any_day": {
            "en": "each month's spend falls on any of its days, as often as other households' does",
            "tr": "her ayın harcaması, öteki hanelerde olduğu gibi, ayın herhangi bir gününe düşebilir",
        }
    },
    alternatives={
        "other_dates": {
            "en": "It may be another date of the month, such as a card's statement or a store's monthly offers.",
            "tr": "Ekstre kesim tarihi ya da mağazanın aylık kampanyası gibi başka bir tarih de olabilir.",
        }
    },
)


def monthly_pattern(household: Household) -> list[Claim]:
    """Whether large shops, or a month's spend, lie in one part of the month, in month after month.

    Two tests are made, so each is charged twice. Large shops: the largest shop of each month that has one, by
    lines; the Bayes factor of a window of the month that holds more of them than usual (`log_window_factor`),
    its mean over five cuts of large (the 60 to 95 % quantiles of receipts). Null: large shops of
    different months are independent and fall on days as the population's spend does. Minimum effect: the
    window holds twice what is usual, and large shops are twice the size of the others, and of six
    lines. Spend: each month's mean direction (spend put on a circle at its day of the month), less the
    population's; Hotelling's T² of the months against zero, with the month as the unit, so that a household's
    weekly rhythm or one great shop does not count as many observations. Null: months are independent and have
    no preferred part beyond the population's; the p-value is from F(2, months - 2). Minimum effect: the
    fullest ten days hold 1.3 times what is usual. Fewer than six months with two days of purchase ask
    nothing.

    Source: Hotelling (1931), Annals of Mathematical Statistics 2.
    """
    inside = _whole_months(household)
    if not inside.any():
        return []
    by_size = _large_shops(household, inside)
    by_spend = _spend(household, inside)
    found = [claim for claim in (by_size, by_spend) if claim is not None]
    return sorted(found, key=strength, reverse=True)[:1]


def _spend(household: Household, inside: np.ndarray) -> Claim | None:
    receipts = household.receipts
    amount = receipts.amount
    months, part = np.unique(receipts.at.astype("datetime64[M]"), return_inverse=True)
    days = _distinct_days(part[inside], receipts.day[inside], len(months))
    spent = np.bincount(part[inside], amount[inside], len(months))
    kept = (days >= LEAST_VISITS) & (spent > 0)
    n = int(kept.sum())
    if n < LEAST_MONTHS:
        return None
    angle = _angle(receipts.at)
    direction = np.stack(
        [np.bincount(part[inside], (amount * turn(angle))[inside], len(months)) for turn in _TURNS]
    )
    usual_direction, usual_days = household.population.learn(_usual_month)
    deviation = direction[:, kept] / spent[kept] - usual_direction[:, None]
    p_value = _hotelling(deviation)
    if p_value >= 0.1:
        return None
    inside &= kept[part]
    first, share, expected = _fullest(
        receipts.at[inside], amount[inside] / spent[part[inside]] / n, usual_days
    )
    if share < LEAST_RATIO * expected:
        return None
    day = _day_of_month(receipts.at)
    in_part = (day - first) % 31 < PART
    large = amount >= np.quantile(amount[inside], LARGE)
    chosen = np.flatnonzero(inside & in_part & large)
    if chosen.size == 0:
        return None
    return Claim(
        kind=KIND.name,
        lines=receipts.lines(chosen),
        asked=TESTS,
        null="any_day",
        p_value=p_value,
        values={
            "from_day": int(first),
            "to_day": int((first + PART - 2) % 31 + 1),
            "share": float(share),
            "expected": float(expected),
            "months": n,
        },
        alternatives=("other_dates",),
    )


def _large_shops(household: Household, inside: np.ndarray) -> Claim | None:
    receipts = household.receipts
    size = receipts.n_lines
    kind = np.append(household.population.stores.kind, "")[receipts.store]
    shops = np.flatnonzero(inside & ~np.isin(kind, ("fuel", "restaurant")))
    if shops.size < LEAST_MONTHS:
        return None
    month, day = receipts.at.astype("datetime64[M]"), _day_of_month(receipts.at)
    _, usual_days = household.population.learn(_usual_month)
    found: list[tuple[float, int, np.ndarray, int, int]] = []
    cuts = np.unique(np.maximum(np.ceil(np.quantile(size[shops], CUTS)), LEAST_LINES).astype(int))
    for cut in cuts.tolist():
        large, smaller = shops[size[shops] >= cut], shops[size[shops] < cut]
        largest = large[np.lexsort((large, -size[large], month[large]))]
        one = largest[np.flatnonzero(np.diff(month[largest].astype(np.int64), prepend=-1_000_000))]
        if one.size < LEAST_MONTHS or smaller.size == 0:
            continue
        if np.median(size[large]) < LEAST_TIMES * np.median(size[smaller]):
            continue
        log_factor, first, width = log_window_factor(np.bincount(day[one] - 1, minlength=31), usual_days)
        found.append((log_factor, cut, large, first, width))
    if not found:
        return None
    best = max(found, key=lambda one: one[0])
    factor = sum(math.exp(min(one[0], 600.0)) for one in found) / len(found)
    _, cut, large, first, width = best
    chosen = large[(day[large] - first) % 31 < width]
    share = chosen.size / large.size
    expected = float(usual_days[(first - 1 + np.arange(width)) % 31].sum())
    if factor <= 1 or share < LEAST_LARGE_RATIO * expected:
        return None
    return Claim(
        kind=KIND.name,
        lines=receipts.lines(np.sort(chosen)),
        asked=TESTS,
        null="any_day",
        bayes_factor=factor,
        variant="large",
        values={
            "from_day": first,
            "to_day": (first + width - 2) % 31 + 1,
            "share": float(share),
            "expected": expected,
            "n_lines": cut,
            "months": int(np.unique(month[chosen]).size),
        },
        alternatives=("other_dates",),
    )


def log_window_factor(days: np.ndarray, usual: np.ndarray) -> tuple[float, int, int]:
    """Log Bayes factor of a window of the month that is preferred, its first day, and its width.

    Parameters
    ----------
    days : ndarray of int, shape (31,)
        How often each day of the month occurs.
    usual : ndarray of float, shape (31,)
        How likely each is under the null.

    A window of 4, 6, 8 or 10 days, from any day on, holds a half, two thirds, four fifths or nine tenths
    of the occurrences, where the null gives it their usual share; inside and outside of it days are as usual.
    All of these are alike beforehand, and none holds less than usual. The window named is the likeliest.

    >>> days = np.bincount([0, 1, 1, 2, 3, 0, 2, 1, 17], minlength=31)  # 1st, 2nd, 2nd, ...
    >>> log_factor, first, width = log_window_factor(days, np.full(31, 1 / 31))
    >>> round(log_factor, 1), first, width
    (8.1, 1, 4)
    """
    n, each = days.sum(), []
    for width in WIDTHS:
        around = (np.arange(31)[:, None] + np.arange(width)) % 31
        held, expected = days[around].sum(axis=1), np.clip(usual[around].sum(axis=1), 1e-9, 1 - 1e-9)
        inside = np.log(HELD[:, None] / expected)
        outside = np.log((1 - HELD[:, None]) / (1 - expected))
        each.append(np.where(inside > 0, held * inside + (n - held) * outside, 0.0))
    factors = np.stack(each)  # by width, share and first day
    best = np.unravel_index(np.argmax(factors.max(axis=1)), (len(WIDTHS), 31))
    mean = logsumexp(factors) - np.log(factors.size)
    return float(mean), int(best[1]) + 1, WIDTHS[best[0]]


_TURNS = (np.cos, np.sin)


def _usual_month(population: Population) -> tuple[np.ndarray, np.ndarray]:
    """The population's mean direction of spend, shape (2,), and its share by day of the month, shape (31,).

    A day that only some months have is counted as often as it comes. With few households every day is alike.
    """
    lines = population.lines
    even = np.repeat([12.0, 11.25, 11.0, 7.0], [28, 1, 1, 1])
    if len(population.households) < FEW or not lines.amount.sum() > 0:
        return np.zeros(2), even / even.sum()
    first, last = lines.day.min(), lines.day.max()
    spent = np.bincount(lines.day - first, lines.amount)
    days = np.arange(first, last + 1).astype("datetime64[D]")
    whole = _is_whole(days.astype("datetime64[M]"), first, last)
    if not spent[whole].sum() > 0:
        return np.zeros(2), even / even.sum()
    spent, days = spent[whole], days[whole]
    angle = _angle(days.astype("datetime64[s]"))
    by_day = np.bincount(_day_of_month(days) - 1, spent, 31)
    return np.array([turn(angle) @ spent for turn in _TURNS]) / spent.sum(), by_day / by_day.sum()


def _whole_months(household: Household) -> np.ndarray:
    """Which receipts lie in months that the log covers wholly."""
    first, last = household.population.learn(_first_and_last)
    return _is_whole(household.receipts.at.astype("datetime64[M]"), first, last)


def _first_and_last(population: Population) -> tuple[int, int]:
    return int(population.lines.day.min()), int(population.lines.day.max())


def _is_whole(month: np.ndarray, first: int, last: int) -> np.ndarray:
    begins = month.astype("datetime64[D]").astype(int)
    ends = (month + 1).astype("datetime64[D]").astype(int)
    return (begins >= first - 2) & (ends <= last + 3)  # a day or two without a sale is no missing part


def _day_of_month(at: np.ndarray) -> np.ndarray:
    return (at.astype("datetime64[D]") - at.astype("datetime64[M]").astype("datetime64[D]")).astype(int) + 1


def _angle(at: np.ndarray) -> np.ndarray:
    """Place of a day on its month's circle, in radians."""
    month = at.astype("datetime64[M]")
    length = ((month + 1).astype("datetime64[D]") - month.astype("datetime64[D]")).astype(int)
    return 2 * np.pi * (_day_of_month(at) - 0.5) / length


def _distinct_days(part: np.ndarray, day: np.ndarray, n: int) -> np.ndarray:
    pairs = np.unique(np.stack([part, day]), axis=1)
    return np.bincount(pairs[0], minlength=n)


def _hotelling(x: np.ndarray) -> float:
    """p-value of the mean of columns of `x`, shape (2, n), being zero; 1 where it cannot be judged."""
    n = x.shape[1]
    mean, spread = x.mean(axis=1), np.cov(x) + 1e-6 * np.eye(2)
    t2 = n * mean @ np.linalg.solve(spread, mean)
    return float(f_distribution.sf(t2 * (n - 2) / (2 * (n - 1)), 2, n - 2))


def _fullest(at: np.ndarray, weight: np.ndarray, usual: np.ndarray) -> tuple[int, float, float]:
    """First day of the ten days of the month that hold most beyond the usual; their share, and the usual one."""
    own = np.bincount(_day_of_month(at) - 1, weight, 31)
    around = (np.arange(31)[:, None] + np.arange(PART)) % 31
    share, expected = own[around].sum(axis=1), usual[around].sum(axis=1)
    best = int(np.argmax(share - expected))
    return best + 1, float(share[best]), float(expected[best])


KINDS = (KIND,)
