"""General merchandise: textiles, kitchenware, boxes, toys bought where others buy food."""

import numpy as np

from crm_analytics.profiling.comparing.posterior import Shares, shares_of
from crm_analytics.profiling.comparing.purchases import days_by_household, of_supermarkets
from crm_analytics.profiling.evidence.claim import Claim
from crm_analytics.profiling.evidence.kind import Kind
from crm_analytics.profiling.reading.household import Household
from crm_analytics.profiling.reading.population import Population

SHELVES = ("textile", "kitchenware", "storage")
# A product that is food is not on these shelves, whatever its name or brand reminds of.
FOOD = (
    "staple",
    "cooking_ingredient",
    "ready_meal",
    "coffee",
    "tea",
    "water",
    "soft_drink",
    "alcohol",
    "sweets",
    "snacks",
    "nuts",
    "dairy",
    "cheese",
    "bread",
    "meat",
    "fish",
    "delicatessen",
    "fruit",
    "vegetables",
)
MIN_KINDS = 3
MIN_DAYS = 6
MIN_RATIO = 2.0  # of the median household's share of days
LEAST_SHARE = 0.04  # one shopping day in 25
MIN_HOUSEHOLDS = 20
LEAST = 0.5  # probability


def general_merchandises(household: Household) -> list[Claim]:
    """Say whether the household buys goods for the house at the supermarket.

    The statistic is the number of shopping days with a textile, kitchenware or storage product. The
    claim: it buys such goods on twice as many of its days as the median household, and on one
    day in 25 at least. Its probability is the posterior of the household's share of such days,
    distributed beforehand as the others' (beta by moments). Minimum: 6 days and 3 different kinds.
    """
    if not len(household.lines):
        return []
    learnt = household.population.learn(merchandise_days)
    own = int(household.lines.household[0])
    k, n = int(learnt.k[own]), int(learnt.n[own])
    least = max(MIN_RATIO * learnt.median, LEAST_SHARE)
    if learnt.households <= MIN_HOUSEHOLDS or k < MIN_DAYS or k < least * n:
        return []
    lines = np.flatnonzero(household.population.learn(goods)[household.lines.product])
    kinds = np.unique(household.lines.type[lines][household.lines.type[lines] >= 0])
    likely = learnt.above(k, n, least)
    if kinds.size < MIN_KINDS or likely < LEAST:
        return []
    shelves = [shelf for shelf in SHELVES if household.tagged(shelf)[lines].any()]
    tags = household.population.context.tags
    values = {
        "days": k,
        "n": n,
        "kinds": int(kinds.size),
        "shelves_en": [tags.name(shelf, "en") for shelf in shelves],
        "shelves_tr": [tags.name(shelf, "tr") for shelf in shelves],
        "others": learnt.median,
        "share": k / n,
    }
    return [
        Claim(
            "general_merchandise",
            lines,
            1,
            "others",
            probability=likely,
            values=values,
            alternatives=("gifts",),
        )
    ]


def goods(population: Population) -> np.ndarray:
    """Which products are such goods; boolean, shape (n_products,): for `Population.learn`."""
    shopped = population.learn(of_supermarkets)
    return np.asarray(population.tagged(*SHELVES) & ~population.tagged(*FOOD) & shopped)


def merchandise_days(population: Population) -> Shares:
    """Days with such goods among shopping days, by household: for `Population.learn`."""
    days = days_by_household(population, population.learn(goods))
    return shares_of(days, days_by_household(population, population.learn(of_supermarkets)))


KINDS: tuple[Kind, ...] = (
    Kind(
        name="general_merchandise",
        stage="detail",
        title={"en": "Goods for the house", "tr": "Gıda dışı ürünler"},
        statements={
            "plain": {
                "en": "On {days:count} of {n:count} shopping days ({share:percent}) they bought goods other "
                "than food: "
                "{shelves_en:words}, {kinds:count} kinds; the median household on {others:percent}.",
                "tr": "{n:count} alışveriş gününün {days:count} tanesinde ({share:percent}) gıda dışı ürün "
                "aldılar: "
                "{shelves_tr:words}, {kinds:count} çeşit; ortanca hanede oran {others:percent}.",
            }
        },
        nulls={
            "others": {
                "en": "They buy such goods on as many days as other households do.",
                "tr": "Bu ürünleri öteki haneler kadar gün alıyorlar.",
            }
        },
        alternatives={
            "gifts": {
                "en": "Some may be gifts, or for an office.",
                "tr": "Bir kısmı armağan ya da iş yeri için olabilir.",
            }
        },
    ),
)
