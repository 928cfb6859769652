"""Variety seeking: a different item of a category each time, more than other households do."""

import numpy as np

from crm_analytics.profiling.comparing.choices import Choices, Habits, household_choices, tastes
from crm_analytics.profiling.comparing.distinct import (
    MOST_CHOICES,
    commonest,
    distinct_tail,
    expected_distinct,
    rarefied,
)
from crm_analytics.profiling.comparing.purchases import of_supermarkets
from crm_analytics.profiling.evidence.claim import Claim
from crm_analytics.profiling.evidence.kind import Kind
from crm_analytics.profiling.evidence.strength import bayes_factor_bound
from crm_analytics.profiling.reading.household import Household

LEVELS = ("item", "type")  # types where items are not known
MIN_CHOICES = 12
MIN_CODES = 5
MIN_RATIO = 1.3
MOST_ALIKE = 0.35  # how often two choices agree, beside two of another household
MIN_HOUSEHOLDS = 20
LEAST_ODDS = 0.25  # less is not worth a hint
SEEKERS = 1 / 20  # odds, before its lines are seen, that a household seeks variety in a category it buys


def variety_seekings(household: Household) -> list[Claim]:
    """Say in which categories the household tries one after the other.

    The statistic is the number of distinct items (types, where items are unknown) among the choices, one
    a day each. The null: its tastes are drawn as other households' are (Dirichlet-multinomial with
    their mean shares and overdispersion by moments), and each choice is drawn from them; the p-value is the exact tail.
    Those beyond the 40 commonest count as one, and more than 150 choices are thinned to 150
    (rarefaction). Minimum effect: 5 distinct, 1.3 times what others of as many choices take, and
    two choices agree at most .35 times as often as theirs: some households are less settled in
    all they buy, and trying one after the other is more than that (and two standard deviations
    above, as nothing less could matter). It is a description, true of a household in many categories
    or in none, so each category stands for itself: its probability comes from the most that its
    p-value can say (`bayes_factor_bound`) and from odds of 1 to 20 beforehand. Asked: categories with
    12 choices, 5 codes on sale and 20 other households.
    """
    lines = household.lines
    which = household.population.learn(of_supermarkets)[lines.product]
    learnt = household.population.learn(tastes)
    asked = 0
    found: dict[int, tuple[float, int, int, int, float]] = {}
    for rank, level in enumerate(LEVELS):
        if asked:
            break
        mine = household_choices(household)[level]
        among = learnt[level].among(mine)
        able = (mine.n >= MIN_CHOICES) & (among.households >= MIN_HOUSEHOLDS) & (among.kinds >= MIN_CODES)
        asked += int(able.sum())
        for place in np.flatnonzero(able & (_alike(mine) <= MOST_ALIKE * among.repeat)).tolist():
            habits = learnt[level].others(mine, place)
            told = _many(mine, place, habits)
            if told is not None:
                category = int(mine.category[mine.first[place]])
                found[category] = (told[0], rank, int(mine.n[place]), *told[1:])
    claims = []
    for category, (p, rank, n, distinct, expected) in sorted(found.items()):
        odds = SEEKERS * bayes_factor_bound(p)
        if odds > LEAST_ODDS:
            claims.append(
                Claim(
                    "variety_seeking",
                    np.flatnonzero((lines.category == category) & which),
                    asked,
                    "others",
                    probability=odds / (1 + odds),
                    subject=household.word("category", category),
                    values={"level": LEVELS[rank], "distinct": distinct, "n": n, "expected": expected},
                    variant="plain" if LEVELS[rank] == "type" else "item",
                    alternatives=("several_people", "offers"),
                )
            )
    return claims


def _alike(mine: Choices) -> np.ndarray:
    """How often two different choices of each category agree."""
    if not mine.n.size:
        return np.empty(0)
    same = np.add.reduceat(mine.count * (mine.count - 1), mine.first)
    return np.asarray(same / np.maximum(mine.n * (mine.n - 1), 1))


def _many(mine: Choices, place: int, habits: Habits) -> tuple[float, int, float] | None:
    """The p-value, distinct codes and how many others would take; None if they are not many."""
    counts = mine.count[mine.of(place)]
    n = int(mine.n[place])
    distinct = counts.size
    if distinct < MIN_CODES:
        return None
    # A standard error less overdispersion: with few households it is told roughly only.
    size = 1 / (habits.overdispersion * (1 - np.sqrt(2 / habits.households))) - 1
    expected, spread = expected_distinct(habits.shares, size, n)
    if distinct < max(MIN_RATIO * expected, expected + 2 * spread):
        return None
    every = np.zeros(habits.codes.size, dtype=np.int64)
    every[np.searchsorted(habits.codes, mine.code[mine.of(place)])] = counts
    shares, every = commonest(habits.shares, every)
    drawn = min(n, MOST_CHOICES)
    return distinct_tail(rarefied(every, drawn), shares, size, drawn), distinct, expected


KINDS: tuple[Kind, ...] = (
    Kind(
        name="variety_seeking",
        stage="detail",
        title={"en": "Variety seeking", "tr": "Çeşit arayışı"},
        statements={
            "plain": {
                "en": "In {subject:category}, {n:count} choices were of {distinct:count} different kinds; "
                "others would have taken "
                "about {expected:number}.",
                "tr": "{subject:category}: {n:count} seçimde {distinct:count} ayrı çeşit var; öteki "
                "haneler yaklaşık "
                "{expected:number} çeşit alırdı.",
            },
            "item": {
                "en": "In {subject:category}, {n:count} choices were {distinct:count} different products; "
                "others would have taken "
                "about {expected:number}.",
                "tr": "{subject:category}: {n:count} seçimde {distinct:count} ayrı ürün var; öteki "
                "haneler yaklaşık "
                "{expected:number} ürün alırdı.",
            },
        },
        nulls={
            "others": {
                "en": "Their tastes differ from one purchase to the next no more than other households' do.",
                "tr": "Seçimleri öteki hanelerinkinden daha çeşitli değil.",
            }
        },
        alternatives={
            "several_people": {
                "en": "Several people with fixed tastes of their own may be served.",
                "tr": "Her birinin beğenisi ayrı, birkaç kişi için alınıyor olabilir.",
            },
            "offers": {
                "en": "They may take whatever is on offer.",
                "tr": "O gün kampanyada ne varsa o alınıyor olabilir.",
            },
        },
    ),
)
