"""Brand trial: one pack of another brand, once, before and after the usual one."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import betaln, comb

from crm_analytics.profiling.evidence.claim import Claim
from crm_analytics.profiling.evidence.kind import Kind
from crm_analytics.profiling.questions.home_lines import lines_near_home
from crm_analytics.profiling.reading.household import Household
from crm_analytics.profiling.reading.population import Population

LEAST_PURCHASES = 8
MOST_OTHERS = 2  # purchases of other brands: with three it is no longer the exception
MOST_PACKS = 3.0  # more is no trial
LEAST_AROUND = 2  # purchases of the usual brand before it, and after it
LEAST_HOUSEHOLDS = 20  # to know how faithful other buyers of the category are
WANDERING = MOST_OTHERS + 1  # purchases of other brands: as many tell a household that is not faithful
MOST_FITTED = 200  # households a category, as many as tell its faithfulness
MEANS = np.array([0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7])  # share of others
STRENGTHS = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0])
PRIOR_PULL = 3.0  # households' worth of evidence for a strength near 7
FAITHFUL = (1.0, 19.0)  # beta of the share of others among the faithful: one in twenty
SHARE_FAITHFUL = 0.5  # of households, in a category of which nothing is known
FAITHFUL_KNOWN = 80.0  # households' worth of evidence for that share
EM_STEPS = 20
MOST_SURE = 0.94  # an empty shelf looks the same, so no such claim is strong
TELLING = 16.0  # Bayes factor that makes a claim four times as likely as not

KIND = Kind(
    name="brand_trial",
    stage="detail",
    title={"en": "Another brand, once", "tr": "Bir kerelik başka marka"},
    statements={
        "plain": {
            "en": "{subject:category}: {brand:word} was bought once, on {start:date}; before and after, {usual:word} "
            "was bought on {times:count} of {days:count} days. Probably a trial, or the usual one was not there.",
            "tr": "{subject:category}: {brand:word} markası bir kez alınmış ({start:date}); öncesinde ve sonrasında, "
            "{days:count} günün {times:count} tanesinde {usual:word} alınmış. Büyük olasılıkla bir deneme, ya da "
            "her zamanki rafta yoktu.",
        }
    },
    nulls={
        "ordinary_mix": {
            "en": "the household is as faithful to its first brand as other buyers of the category are to theirs",
            "tr": "hane, ilk markasına kategorinin öteki alıcıları kadar bağlı",
        }
    },
    alternatives={
        "out_of_stock": {
            "en": "The usual brand may have been out of stock.",
            "tr": "Her zamanki marka rafta kalmamış olabilir.",
        },
        "offer": {"en": "The other brand may have been on offer.", "tr": "Öteki marka kampanyada olabilir."},
    },
)


def brand_trial(household: Household) -> list[Claim]:
    """One purchase of another brand in a category where one brand is else nearly always bought, at home.

    Tried are the categories bought on eight days or more, of known brands; counted as asked are those bought
    often enough to tell (Tarone: by margins, the number of days and the population). Statistic: the number of
    purchases of brands other than the usual one, one or two in all; a trial is a brand among them that was
    bought on one day only, with the usual one on at least two days before and after. Null: the share of
    purchases that are not of the first brand differs from household to household as it does among the
    population's households that wander (a beta distribution, so that the days are beta-binomial). The
    probability is that of a faithful household (a share of others near one in twenty), given so many other
    purchases; how many households of a category are faithful is learnt from all (EM).
    """
    lines = household.lines
    # Elsewhere they take what the shop there has.
    known = np.flatnonzero((lines.category >= 0) & (lines.brand >= 0) & lines_near_home(household))
    if known.size < LEAST_PURCHASES:
        return []
    faith = household.population.learn(_faith)
    categories, counts = np.unique(lines.category[known], return_counts=True)
    chances, found = [], []
    for category in categories[counts >= LEAST_PURCHASES]:
        mine = known[lines.category[known] == category]
        days = np.unique(lines.day[mine]).size
        if days < LEAST_PURCHASES or not np.isfinite(faith.a[category]):
            continue
        chances.append(chance_of_one(days, faith.a[category], faith.b[category]))
        others, trials = _others_of(lines.brand[mine], lines.day[mine], lines.quantity[mine])
        if not trials:
            continue
        chance = float(chance_of(others, np.array([days]), faith.a[category], faith.b[category])[0])
        if chance < 0.2:
            sure = _probability(days, others, chance, float(faith.faithful[category]))
            found += [(int(category), mine[trial], mine, sure) for trial in trials]
    asked = _could_tell(np.array(chances))
    return [_claim(household, *one, asked) for one in found]


def _could_tell(chance: np.ndarray) -> int:
    """How many categories are bought often enough to tell, counted among themselves (Tarone 1990, Biometrics 46)."""
    ranked = np.sort(chance)
    able = ranked * np.arange(1, ranked.size + 1) <= 1 / TELLING
    return max(int(able.sum()), 1)


def chance_of_one(n: int, a: float, b: float) -> float:
    """Chance of exactly one other purchase in `n`, where the share of others is Beta(a, b).

    >>> round(chance_of_one(20, 4.0, 6.0), 4)
    0.017
    """
    return float(chance_of(1, np.array([n]), a, b)[0])


def chance_of(other: int, n: np.ndarray, a: float, b: float) -> np.ndarray:
    """Chance of `other` purchases of other brands in each of `n`, where their share is Beta(a, b)."""
    return np.asarray(comb(n, other) * np.exp(betaln(a + other, b + n - other) - betaln(a, b)))


def _probability(n: int, others: int, chance: float, share: float) -> float:
    """That the household is faithful, given `others` purchases of `n` and their chance under wandering.

    `share` is that of faithful households in the category.
    """
    faithful = share * float(chance_of(others, np.array([n]), *FAITHFUL)[0])
    return min(faithful / (faithful + (1 - share) * chance), MOST_SURE)


def _others_of(brand: np.ndarray, day: np.ndarray, quantity: np.ndarray) -> tuple[int, list[np.ndarray]]:
    """How many purchases are not of the commonest brand, and the places of those that are trials.

    A purchase is a brand on a day. No trials are looked for where there are more than `MOST_OTHERS`.
    """
    brands, counts = np.unique(brand, return_counts=True)
    usual = brand == brands[np.argmax(counts)]
    strange = np.flatnonzero(~usual)
    if not 0 < strange.size <= 2 * MOST_OTHERS:
        return int(strange.size), []
    purchases = np.unique(np.stack([brand[strange], day[strange]]), axis=1)
    if purchases.shape[1] > MOST_OTHERS:
        return int(purchases.shape[1]), []
    trials = []
    for one, when in purchases.T.tolist():
        place = strange[brand[strange] == one]
        before, after = np.unique(day[usual & (day < when)]).size, np.unique(day[usual & (day > when)]).size
        if place.size == 1 and min(before, after) >= LEAST_AROUND and quantity[place[0]] <= MOST_PACKS:
            trials.append(place)
    return int(purchases.shape[1]), trials


def _claim(
    household: Household, category: int, trial: np.ndarray, mine: np.ndarray, sure: float, asked: int
) -> Claim:
    lines = household.lines
    start = lines.day[trial].astype("datetime64[D]")[0]
    brands, counts = np.unique(lines.brand[mine], return_counts=True)
    usual = brands[np.argmax(counts)]
    n_usual = np.unique(lines.day[mine[lines.brand[mine] == usual]]).size
    return Claim(
        kind=KIND.name,
        lines=trial,
        asked=asked,
        null="ordinary_mix",
        probability=sure,
        subject=household.word("category", category),
        start=start.item(),
        end=(start + 1).item(),
        values={
            "brand": household.word("brand", int(lines.brand[trial[0]])),
            "usual": household.word("brand", int(usual)),
            "times": int(n_usual),
            "days": int(np.unique(lines.day[mine]).size),
        },
        alternatives=("out_of_stock", "offer"),
    )


@dataclass(frozen=True)
class _Faith:
    """By category: Beta(a, b) of wanderers' share of purchases that are not of their first brand, nan if unknown.

    And the share of households that do not wander, `faithful`.
    """

    a: np.ndarray
    b: np.ndarray
    faithful: np.ndarray


def _faith(population: Population) -> _Faith:
    """Fit how faithful households are, category by category, by moments."""
    lines = population.lines
    n_categories = len(population.names["category"])
    n_brands = len(population.names["brand"]) + 1
    known = (lines.category >= 0) & (lines.brand >= 0)
    unit = lines.household[known].astype(np.int64) * n_categories + lines.category[known]
    first_day = lines.day.min() if len(lines) else 0
    n_days = int(lines.day.max() - first_day) + 1 if len(lines) else 1
    # A brand bought on a day counts once.
    distinct = pd.unique((unit * n_brands + lines.brand[known]) * n_days + (lines.day[known] - first_day))
    pairs, times = np.unique(distinct // n_days, return_counts=True)
    owner, place = np.unique(pairs // n_brands, return_inverse=True)
    total = np.bincount(place, times, owner.size)
    first = np.zeros(owner.size)
    np.maximum.at(first, place, times.astype(float))
    seen = total >= LEAST_PURCHASES / 2
    category = (owner % n_categories)[seen]
    n, other = total[seen], (total - first)[seen]
    a, b = _beta_of_wandering(category, n, other, n_categories)
    return _Faith(a, b, _share_faithful(category, n, other, a, b))


def _share_faithful(
    category: np.ndarray, n: np.ndarray, other: np.ndarray, a: np.ndarray, b: np.ndarray
) -> np.ndarray:
    """Share of households that are faithful by category, by EM; drawn towards `SHARE_FAITHFUL`."""
    share = np.full(a.size, SHARE_FAITHFUL)
    known = np.isfinite(a[category]) & (n >= LEAST_PURCHASES)
    category, n, other = category[known], n[known], other[known]
    if not category.size:
        return share
    log_faithful = betaln(FAITHFUL[0] + other, FAITHFUL[1] + n - other) - betaln(*FAITHFUL)
    wander_a, wander_b = a[category], b[category]
    log_wander = betaln(wander_a + other, wander_b + n - other) - betaln(wander_a, wander_b)
    ratio = np.exp(np.clip(log_faithful - log_wander, -50, 50))
    households = np.bincount(category, minlength=a.size)
    for _ in range(EM_STEPS):
        odds = ratio * (share / (1 - share))[category]
        belong = np.bincount(category, odds / (1 + odds), a.size)
        share = (belong + FAITHFUL_KNOWN * SHARE_FAITHFUL) / (households + FAITHFUL_KNOWN)
    return share


def _beta_of_wandering(
    category: np.ndarray, n: np.ndarray, other: np.ndarray, n_categories: int
) -> tuple[np.ndarray, np.ndarray]:
    """Most likely Beta(a, b) by category, given that WANDERING purchases or more are others; nan where few tell it.

    The faithful and those with a trial or two (fewer others) are left out of the fit and out of its
    likelihood, so that they do not widen the null (an empirical null by its own region: Efron 2004, JASA 99).
    """
    order = np.lexsort((np.arange(n.size), category))
    rank = np.arange(n.size) - np.searchsorted(category[order], category[order])
    chosen = order[(rank < MOST_FITTED) & (other[order] >= WANDERING) & (n[order] > WANDERING)]
    category, n, other = category[chosen], n[chosen], other[chosen]
    households = np.bincount(category, minlength=n_categories)
    best = np.full(n_categories, -np.inf)
    a, b = np.full((2, n_categories), np.nan)
    sizes, of_size = np.unique(n, return_inverse=True)
    for mean in MEANS:
        for strength in STRENGTHS:
            one_a, one_b = mean * strength, (1 - mean) * strength
            log_chance = betaln(other + one_a, n - other + one_b) - betaln(one_a, one_b)
            few = np.stack([chance_of(k, sizes, one_a, one_b) for k in range(WANDERING)]).sum(axis=0)[of_size]
            score = np.bincount(category, log_chance - np.log1p(-np.minimum(few, 1 - 1e-9)), n_categories)
            score += PRIOR_PULL * np.log(strength / (1 + strength) / (1 + strength / 50))
            better = score > best
            best[better], a[better], b[better] = score[better], one_a, one_b
    unknown = households < LEAST_HOUSEHOLDS / 2
    return np.where(unknown, np.nan, a), np.where(unknown, np.nan, b)


KINDS = (KIND,)
