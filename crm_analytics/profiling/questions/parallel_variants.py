"""Parallel variants and dietary needs: regular, light and lactose-free of one thing, side by side."""

from datetime import date, timedelta

import numpy as np

from crm_analytics.profiling.comparing.families import FAMILIES, families
from crm_analytics.profiling.comparing.owners import Owners, fit_owners
from crm_analytics.profiling.comparing.posterior import Shares, persistence, shares_of
from crm_analytics.profiling.comparing.purchases import (
    DAYS,
    days_by_household,
    distinct,
    n_households,
    of_supermarkets,
)
from crm_analytics.profiling.evidence.claim import Claim
from crm_analytics.profiling.evidence.kind import Kind
from crm_analytics.profiling.reading.household import Household
from crm_analytics.profiling.reading.population import Population

MIN_DAYS = 4  # of a family
MIN_OTHERS = 5  # days with families other than the main one
MIN_SPAN = 90  # days over which each goes on
BESIDE = 0.25  # share of the days with other families: beside the main one, no exception
BESIDE_OF_THREE = 0.15  # where there are three families that go on
MIN_HOUSEHOLDS = 20
SAME_TRIP = 0.2
MOST_SURE, MOST_SURE_APART = 0.94, 0.9  # lines do not show who eats; less where they never come together
LEAST = 0.5  # probability
WINDOW = 28  # days

NEEDS = ("lactose_free", "gluten_free")
NEED_DAYS, NEED_SPAN, NEED_WINDOWS = 5, 90, 3
NEED_LEAST, NEED_BELIEVED, NEED_PREVALENCE = 0.5, 0.97, 0.5


def parallel_variants(household: Household) -> list[Claim]:
    """Say in which categories variants for different people are bought side by side.

    The families of a category are regular, light (diet), lactose-free, gluten-free and decaffeinated.
    The statistic is the number of days with a family other than the main one, among the days of each
    family. The claim: it is a quarter of them at least (.15 where three families go on), no exception. Its
    probability is the posterior, distributed beforehand as in the other households that buy the
    category (beta by moments). Days count for fewer where the family stays the same for long
    (`persistence`): a switch from one to the other is no side by side. Minimum: two families on 4 days
    each, over 90 days, and 5 days of others than the main one. It is never told as strong: whether
    two people or one who varies eat it, no line says. That one person alternates is named as
    an explanation unless two families come on the same trip on a fifth of the days.
    """
    lines = household.lines
    if not len(lines):
        return []
    family_of = household.population.learn(families)
    learnt = household.population.learn(mixing)
    which = household.population.learn(of_supermarkets)[lines.product] & (lines.category >= 0)
    which[which] = np.isin(lines.category[which], list(learnt))
    mine = np.flatnonzero(which)
    family = family_of[lines.product[mine]]
    own = int(lines.household[0])
    claims = []
    for chosen in np.unique(lines.category[mine]).tolist():
        shares = learnt[chosen]
        if shares.k[own] < MIN_OTHERS or shares.households <= MIN_HOUSEHOLDS:
            continue
        inside = lines.category[mine] == chosen
        steady = _steady(lines.day[mine], family, inside)
        if steady.size < 2:
            continue
        k, n = int(shares.k[own]), int(shares.n[own])
        firm = _firm(lines.day[mine][inside], family[inside], k, n)
        likely = shares.above(firm * k, firm * n, BESIDE if steady.size == 2 else BESIDE_OF_THREE)
        if likely >= LEAST:
            claims.append(_parallel(household, mine, family, chosen, steady, likely, k, n))
    return claims


def _steady(day: np.ndarray, family: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Families on 4 days or more, over 90 days."""
    found = []
    for one in np.unique(family[chosen]):
        days = np.unique(day[chosen & (family == one)])
        if days.size >= MIN_DAYS and days[-1] - days[0] >= MIN_SPAN:
            found.append(one)
    return np.array(found, dtype=np.int64)


def _firm(day: np.ndarray, family: np.ndarray, k: int, n: int) -> float:
    """What share of the days of each family counts as independent."""
    days, kinds = np.divmod(np.unique(day.astype(np.int64) * len(FAMILIES) + family), len(FAMILIES))
    other = kinds != np.argmax(np.bincount(kinds))
    # Both on one trip is a switch as well.
    switches = int((other[1:] != other[:-1]).sum()) + int((days[1:] == days[:-1]).sum())
    return float(persistence(np.array([switches]), np.array([k]), np.array([n]))[0])


def _parallel(
    household: Household,
    mine: np.ndarray,
    family: np.ndarray,
    category: int,
    steady: np.ndarray,
    likely: float,
    beside: int,
    n: int,
) -> Claim:
    lines = household.lines
    chosen = (lines.category[mine] == category) & np.isin(family, steady)
    at = mine[chosen]
    trips, trip = np.unique(lines.day[at], return_inverse=True)
    kinds = np.bincount(
        np.unique(trip * len(FAMILIES) + family[chosen]) // len(FAMILIES), minlength=trips.size
    )
    weeks = max((int(lines.day[at].max()) - int(lines.day[at].min())) / 7, 1.0)
    volume = lines.quantity[at] * lines.size[at] / 1000
    people = min(steady.size, 3)
    names = [FAMILIES[one] for one in steady]
    values = {
        "people": people,
        "families_en": [_FAMILY_WORDS[name][0] for name in names],
        "families_tr": [_FAMILY_WORDS[name][1] for name in names],
        "beside": beside,
        "n": n,
        "same_trip": float((kinds >= 2).mean()),
    }
    together = (kinds >= 2).mean() >= SAME_TRIP
    known = bool(np.isfinite(volume).all())
    if known:
        values["volume"] = float(volume.sum() / weeks)
    return Claim(
        "parallel_variants",
        at,
        1,
        "by_the_way",
        probability=min(likely, MOST_SURE if together else MOST_SURE_APART),
        subject=household.word("category", category),
        values=values,
        variant="volume" if known else "plain",
        alternatives=("guests",) if together else ("alternation", "guests"),
    )


def mixing(population: Population) -> dict[int, Shares]:
    """Days with a family other than the main one among days of each family, by household: for
    `Population.learn`.

    By category, for those in which two families or more are sold.
    """
    lines = population.lines
    family_of = population.learn(families)
    shopped = np.flatnonzero(population.learn(of_supermarkets)[lines.product] & (lines.category >= 0))
    n_families, n_categories = len(FAMILIES), max(len(population.names["category"]), 1)
    family, category = (
        family_of[lines.product[shopped]].astype(np.int64),
        lines.category[shopped].astype(np.int64),
    )
    sold = np.zeros((n_categories, n_families), dtype=bool)
    sold[category, family] = True
    mixable = sold.sum(axis=1) >= 2
    kept = mixable[category]
    shopped, family, category = shopped[kept], family[kept], category[kept]
    household = lines.household[shopped].astype(np.int64)
    cell = (category * n_households(population) + household) * n_families + family
    days = distinct(cell * DAYS + lines.day[shopped]) // DAYS
    cells, count = np.unique(days, return_counts=True)
    found = {}
    for one in np.flatnonzero(mixable).tolist():
        table = np.zeros((n_households(population), n_families), dtype=np.int64)
        inside = cells // n_families // n_households(population) == one
        table.ravel()[cells[inside] - one * table.size] = count[inside]
        n = table.sum(axis=1)
        found[one] = shares_of(n - table.max(axis=1), n)
    return found


def dietary_needs(household: Household) -> list[Claim]:
    """Say whether somebody probably needs lactose-free or gluten-free food.

    The statistic is the number of days with such products among the shopping days: drawn at the rate of
    households that need them, or of those that try them, both fitted to all households (`fit_owners`).
    The probability is the posterior, times .97 for those who just like them, and less where more than
    half of all households seem to need them. Minimum: 5 days over 90 days, in 3 windows of 28 days.
    """
    lines = household.lines
    if not len(lines):
        return []
    claims = []
    learnt = household.population.learn(need_rates)
    for need, (rates, believed, products) in learnt.items():
        at = np.flatnonzero(products[lines.product])
        days = np.unique(lines.day[at])
        if (
            days.size < NEED_DAYS
            or days[-1] - days[0] < NEED_SPAN
            or np.unique(days // WINDOW).size < NEED_WINDOWS
        ):
            continue
        shopped = household.population.learn(of_supermarkets)[lines.product]
        n = np.unique(lines.day[shopped | products[lines.product]]).size
        probability = believed * float(rates.probability(days.size, n))
        if probability < NEED_LEAST:
            continue
        beside = np.isin(lines.category, np.unique(lines.category[at])) & ~products[lines.product] & shopped
        goes_on = bool((beside & (lines.day >= days[0])).any())
        claims.append(
            Claim(
                "dietary_need",
                at,
                len(NEEDS),
                "trial",
                probability=probability,
                subject=need,
                start=_date(days[0]),
                end=_date(days[-1] + 1),
                values={"days": int(days.size), "n": int(n), "probability": probability},
                variant="one_of_several" if goes_on else "plain",
                alternatives=("taste",),
                topic="health",
            )
        )
    return claims


def need_rates(population: Population) -> dict[str, tuple[Owners, float, np.ndarray]]:
    """Rates with and without each need, how far they are believed, and its products: for `Population.learn`."""
    shopping = days_by_household(population, population.learn(of_supermarkets))
    rates = {}
    for need in NEEDS:
        products = population.tagged(need)
        found = fit_owners(days_by_household(population, products), shopping)
        rates[need] = (found, NEED_BELIEVED * min(1.0, NEED_PREVALENCE / found.share), products)
    return rates


def _date(day: int) -> date:
    return date(1970, 1, 1) + timedelta(days=int(day))


_FAMILY_WORDS = {
    "regular": ("regular", "normal"),
    "diet": ("light", "light"),
    "lactose_free": ("lactose-free", "laktozsuz"),
    "gluten_free": ("gluten-free", "glutensiz"),
    "decaf": ("decaffeinated", "kafeinsiz"),
}
_SIDE = {
    "en": "In {subject:category}, {families_en:words} go on side by side: {beside:count} of {n:count} "
    "times it was not the usual one; perhaps for at least {people:count} people, each with a kind of their own",
    "tr": "{subject:category}: {families_tr:words} yan yana sürüyor: {n:count} alımın {beside:count} "
    "tanesi her zamankinden başka çeşit; belki her biri kendi çeşidini alan en az {people:count} kişi için",
}

KINDS: tuple[Kind, ...] = (
    Kind(
        name="parallel_variants",
        stage="interpretation",
        title={"en": "Variants for several people", "tr": "Birkaç kişiye ayrı çeşit"},
        statements={
            "plain": {lang: f"{text}." for lang, text in _SIDE.items()},
            "volume": {
                "en": _SIDE["en"] + " ({volume:number} litres or kilograms a week in all).",
                "tr": _SIDE["tr"] + " (toplam haftada {volume:number} litre ya da kilogram).",
            },
        },
        nulls={
            "by_the_way": {
                "en": "They keep to one variant and take another now and then.",
                "tr": "Tek çeşide bağlılar, ötekini arada bir alıyorlar.",
            }
        },
        alternatives={
            "alternation": {
                "en": "One person may alternate between them.",
                "tr": "Tek kişi bir onu bir ötekini alıyor olabilir.",
            },
            "guests": {
                "en": "One of them may be for people who visit regularly.",
                "tr": "Biri, düzenli gelen konuklar için olabilir.",
            },
        },
    ),
    Kind(
        name="dietary_need",
        stage="interpretation",
        title={"en": "Dietary need", "tr": "Beslenme gereği"},
        statements={
            "plain": {
                "en": "Somebody in the household probably needs {subject:tag} food: bought on {days:count} of "
                "{n:count} shopping days.",
                "tr": "Hanede birinin büyük olasılıkla şu gereği var: {subject:tag}; {n:count} alışveriş "
                "gününün {days:count} tanesinde "
                "alındı.",
            },
            "one_of_several": {
                "en": "One person, not everybody, probably needs {subject:tag} food: bought on {days:count} of "
                "{n:count} shopping days, "
                "while the regular kind goes on.",
                "tr": "Hanede herkesin değil, bir kişinin büyük olasılıkla şu gereği var: {subject:tag}; "
                "{n:count} alışveriş gününün "
                "{days:count} tanesinde alındı, olağan çeşit de sürüyor.",
            },
        },
        nulls={
            "trial": {
                "en": "They try it now and then, as households do that do not need it.",
                "tr": "Gereği olmayan haneler gibi arada bir deniyorlar.",
            }
        },
        alternatives={
            "taste": {
                "en": "They may prefer it without needing it.",
                "tr": "Gerekmeden, yalnızca yeğledikleri için alıyor olabilirler.",
            }
        },
    ),
)
