"""Tempted: sweets and snacks, and light versions of them, in the same baskets."""

import numpy as np

from crm_analytics.profiling.comparing.posterior import Shares, shares_of
from crm_analytics.profiling.comparing.purchases import (
    DAYS,
    days_by_household,
    distinct,
    n_households,
    of_supermarkets,
)
from crm_analytics.profiling.comparing.shopping_days import size_strata, together_tail
from crm_analytics.profiling.evidence.claim import Claim
from crm_analytics.profiling.evidence.kind import Kind
from crm_analytics.profiling.reading.household import Household
from crm_analytics.profiling.reading.population import Population

INDULGENT = ("sweets", "snacks", "dessert")
LIGHT_OF = (*INDULGENT, "soft_drink")
MIN_DAYS = 6  # with both
MIN_RATIO = 3.0  # of the median household's share of days with both
LEAST_SHARE = 0.05  # one shopping day in 20
MIN_TOGETHER = 0.4  # of the days with light versions
BY_CHANCE = 0.05  # most that days of their own would explain
MIN_HOUSEHOLDS = 20
LEAST = 0.5  # probability


def tempted(household: Household) -> list[Claim]:
    """Say whether sweets and snacks come together with light versions of the same.

    The statistic is the number of shopping days with both. The claim: there are three times as many as
    in the median household, and one day in 20 at least. Its probability is the posterior of the
    household's share of such days, distributed beforehand as the others' (beta by moments). That
    the two fall on the same days by chance must be unlikely as well: p <= .05 in the exact test, given
    the days of each among days with equally large baskets (Cochran-Mantel-Haenszel, one-sided).
    Minimum: 6 days with both, .4 of the days with light ones.
    """
    lines = household.lines
    if not len(lines):
        return []
    light_of, sweet_of = household.population.learn(light_and_sweet)
    learnt = household.population.learn(days_with_both)
    own = int(lines.household[0])
    both, n = int(learnt.k[own]), int(learnt.n[own])
    least = max(MIN_RATIO * learnt.median, LEAST_SHARE)
    if learnt.households <= MIN_HOUSEHOLDS or both < MIN_DAYS or both < least * n:
        return []
    likely = learnt.above(both, n, least)
    shopped = household.population.learn(of_supermarkets)[lines.product]
    days = np.unique(lines.day[shopped])
    is_light, is_sweet = light_of[lines.product] & shopped, sweet_of[lines.product] & shopped
    a, b = np.isin(days, lines.day[is_light]), np.isin(days, lines.day[is_sweet])
    if both < MIN_TOGETHER * a.sum() or likely < LEAST:
        return []
    # The size of the rest of the basket: the two themselves are what is asked for.
    rest = shopped & ~is_light & ~is_sweet & (lines.category >= 0)
    pairs = np.unique(np.column_stack([lines.day[rest], lines.category[rest]]), axis=0)
    size = np.bincount(np.searchsorted(days, pairs[:, 0]), minlength=days.size)
    used, stratum = np.unique(size_strata(size), return_inverse=True)
    n_a, n_b, n_days = (np.bincount(stratum, one, used.size) for one in (a, b, np.ones(days.size)))
    if together_tail(both, n_a, n_b, n_days) > BY_CHANCE:
        return []
    there = np.isin(lines.day, days[a & b]) & (is_light | is_sweet)
    values = {"days": both, "n": int(a.sum()), "share": both / n, "others": learnt.median}
    return [
        Claim(
            "tempted",
            np.flatnonzero(there),
            1,
            "others",
            probability=likely,
            values=values,
            alternatives=("several_people", "taste"),
        )
    ]


def light_and_sweet(population: Population) -> tuple[np.ndarray, np.ndarray]:
    """Which products are light versions, and which ordinary sweets and snacks: for `Population.learn`."""
    diet = population.tagged("diet")
    return diet & population.tagged(*LIGHT_OF), ~diet & population.tagged(*INDULGENT)


def days_with_both(population: Population) -> Shares:
    """Days with both among shopping days, by household: for `Population.learn`."""
    lines = population.lines
    shopped = population.learn(of_supermarkets)
    light, sweet = (
        distinct(lines.household[which].astype(np.int64) * DAYS + lines.day[which])
        for which in ((one & shopped)[lines.product] for one in population.learn(light_and_sweet))
    )
    both = np.intersect1d(light, sweet, assume_unique=True) // DAYS
    days = np.bincount(both, minlength=n_households(population))
    return shares_of(days, days_by_household(population, shopped))


KINDS: tuple[Kind, ...] = (
    Kind(
        name="tempted",
        stage="interpretation",
        title={
            "en": "Watches what they eat, and is tempted",
            "tr": "Yediğine dikkat ediyor, ama canı çekiyor",
        },
        statements={
            "plain": {
                "en": "Somebody probably watches what they eat, and is tempted: on {days:count} of {n:count} "
                "days with light sweets, "
                "snacks or drinks there are ordinary sweets or snacks too; such days are "
                "{share:percent} of all, {others:percent} in the median household.",
                "tr": "Evde biri büyük olasılıkla yediğine dikkat ediyor, ama canı da çekiyor: hafif tatlı, "
                "atıştırmalık ya da içecek "
                "alınan {n:count} günün {days:count} tanesinde bunların olağanı da var; böyle günlerin "
                "payı {share:percent}, ortanca hanede {others:percent}.",
            }
        },
        nulls={
            "others": {
                "en": "They buy light versions as often as other households do, on days of their own.",
                "tr": "Hafif ürünleri öteki haneler kadar, ötekilerden bağımsız günlerde alıyorlar.",
            }
        },
        alternatives={
            "several_people": {
                "en": "One person may eat the light ones and another the others.",
                "tr": "Hafif olanları biri, ötekileri bir başkası yiyor olabilir.",
            },
            "taste": {
                "en": "The light ones may be liked for their taste or their price.",
                "tr": "Hafif olanlar tadı ya da fiyatı için seçiliyor olabilir.",
            },
        },
    ),
)
