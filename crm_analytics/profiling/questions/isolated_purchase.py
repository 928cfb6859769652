"""Isolated purchase: something bought once or twice by a household that has no habit of it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import gamma

from crm_analytics.profiling.evidence.claim import Claim
from crm_analytics.profiling.evidence.kind import Kind
from crm_analytics.profiling.reading.household import Household
from crm_analytics.profiling.reading.lines import Lines
from crm_analytics.profiling.reading.population import Population

LEAST_VISITS = 40  # days of purchase in the household's history
LEAST_APART = 60  # days between the two dates, and to either end of the history
HABIT = 3  # dates a year that make a habit; and dates in all that make a regular buyer
YEAR = 365.25
LEAST_REGULAR = 8  # regular buyers, to know how often they buy
LEAST_FOR_CHILD = 3  # of what is for children: that most households have none is known
MOST_BUYING = 0.6  # share of households that are regular buyers: what most households buy says little
MOST_SURE = 0.94  # it may be bought elsewhere: no more certain than this
LEAST_SURE = 0.5
# What every household needs now and then, and what lasts: bought seldom, it tells of nobody.
TELLS_LITTLE = (
    "staple",
    "cooking_ingredient",
    "cleaning",
    "paper",
    "vegetables",
    "fruit",
    "meat",
    "milk",
    "bread",
    "tea",
    "kitchenware",
    "textile",
    "storage",
    "garden",
    "car_care",
    "fuel",
    "restaurant",
)
# What nobody has a craving for.
NO_FOOD = (
    "general_merchandise", "personal_care", "women_care", "men_care", "health", "cleaning", "paper",
    "kitchen_wraps", "pest_control", "pet", "baby", "print", "greeting", "phone_card", "toy",
)  # fmt: skip

_TELLS = {
    "plain": (
        "{subject:category}: bought on {times:count} of {visits:count} days only ({first:date}); a household with "
        "the habit would have bought it on about {expected:count}: probably CAUSE, no habit.",
        "{subject:category}: {visits:count} alışveriş gününün yalnızca {times:count} tanesinde alınmış "
        "({first:date}); alışkanlığı olan bir hane yaklaşık {expected:count} günde alırdı. Büyük olasılıkla CAUSE; "
        "alışkanlık değil.",
    ),
    "twice": (
        "{subject:category}: bought on two days only, {first:date} and {last:date}, and never between; a household "
        "with the habit would have bought it on about {expected:count} of these {visits:count} days: probably CAUSE, "
        "no habit.",
        "{subject:category}: yalnızca iki gün alınmış, {first:date} ve {last:date}; arada hiç alınmamış. Alışkanlığı "
        "olan bir hane bu {visits:count} günün yaklaşık {expected:count} tanesinde alırdı. Büyük olasılıkla CAUSE; "
        "alışkanlık değil.",
    ),
    "child": (
        "{subject:category}: bought on {times:count} of {visits:count} days only ({first:date} to {last:date}); a "
        "household with the habit would have bought it on about {expected:count}: probably CAUSE. It does not tell "
        "of a child in the house.",
        "{subject:category}: {visits:count} alışveriş gününün yalnızca {times:count} tanesinde alınmış ({first:date} "
        "- {last:date}); alışkanlığı olan bir hane yaklaşık {expected:count} günde alırdı. Büyük olasılıkla CAUSE; "
        "evde çocuk olduğunu göstermez.",
    ),
    "child_once": (
        "{subject:category}: bought on {times:count} of {visits:count} days only ({first:date}); a household with "
        "the habit would have bought it on about {expected:count}: probably CAUSE. It does not tell of a child in "
        "the house.",
        "{subject:category}: {visits:count} alışveriş gününün yalnızca {times:count} tanesinde alınmış "
        "({first:date}); alışkanlığı olan bir hane yaklaşık {expected:count} günde alırdı. Büyük olasılıkla CAUSE; "
        "evde çocuk olduğunu göstermez.",
    ),
}
_CAUSES = {
    "": ("for a guest or out of a craving", "bir konuk için ya da canı çektiği için"),
    "_need": ("for a single need", "tek seferlik bir gereksinim için"),
}

KIND = Kind(
    name="isolated_purchase",
    stage="interpretation",
    title={"en": "An isolated purchase", "tr": "Tek seferlik alışveriş"},
    statements={
        variant + use: {
            "en": en.replace("CAUSE", cause_en),
            "tr": tr.replace("CAUSE", cause_tr),
        }
        for variant, (en, tr) in _TELLS.items()
        for use, (cause_en, cause_tr) in _CAUSES.items()
    },
    nulls={
        "habit": {
            "en": "the household has the habit: it would buy it on three days a year or more",
            "tr": "hanenin bu alışkanlığı var: yılda üç gün ya da daha sık alırdı",
        }
    },
    alternatives={
        "elsewhere": {
            "en": "They may have the habit, and buy it at another chain.",
            "tr": "Alışkanlık var, ama başka bir zincirden alınıyor olabilir.",
        },
        "gift": {"en": "It may have been given away.", "tr": "Armağan edilmiş olabilir."},
    },
)


@dataclass(frozen=True)
class _Habits:
    """How often each household buys each unit; the first dimension is sorted by unit.

    A unit is a category (code) or a type within a category (n_categories + place).
    """

    unit_category: np.ndarray  # category code by unit
    unit_type: np.ndarray  # type code by unit; -1: the whole category
    asked: np.ndarray  # units with a habit to compare with, ascending
    begins: np.ndarray  # by unit: its regular buyers are rates[begins[u] : begins[u + 1]]
    rates: np.ndarray  # dates of purchase a visit day, of regular buyers
    shape: np.ndarray  # by unit: of the gamma distribution of dates a year over households
    scale: np.ndarray


def isolated_purchase(household: Household) -> list[Claim]:
    """Categories, or types for children within one, bought on one or two far dates in a long history of visits.

    Asked are the units that other households buy regularly (eight or more do, three of what is for children,
    but not most), that are no staple, and that the household bought at all. Statistic: its number of dates.
    How often households buy a unit is taken as gamma-distributed over the population (fitted by moments); the
    probability is that of a rate below three dates a year (no habit), given the dates seen in the household's
    history, and is cut at .94: what was bought elsewhere is not seen. Dates must lie 60 days apart and as far
    from both ends of the history, or it may be a beginning or an end.

    Source: Fader & Hardie, the gamma-Poisson model of purchase counts (Ehrenberg 1959).
    """
    visits = household.visit_days
    if visits.size < LEAST_VISITS:
        return []
    habits = household.population.learn(_habits)
    lines = household.lines
    units, places = _units_of(lines, habits)
    asked = np.intersect1d(units, habits.asked)
    years = float(visits[-1] - visits[0] + 1) / YEAR
    telling = ~household.tagged(*TELLS_LITTLE)
    for_child = household.tagged("child", "baby", "toy")
    order = np.argsort(units, kind="stable")
    begins, ends = (np.searchsorted(units[order], asked, side) for side in ("left", "right"))
    claims = []
    for unit, begin, end in zip(asked, begins, ends, strict=True):
        mine = places[order[begin:end]]
        days = np.unique(lines.day[mine])
        if days.size >= HABIT or not _far_apart(days, visits) or not telling[mine].all():
            continue
        typed = habits.unit_type[unit] >= 0
        if typed and not for_child[mine].all():
            continue
        rates = habits.rates[habits.begins[unit] : habits.begins[unit + 1]]
        if rates.size < (LEAST_FOR_CHILD if for_child[mine].all() and not typed else LEAST_REGULAR):
            continue
        sure = chance_of_no_habit(days.size, years, habits.shape[unit], habits.scale[unit])
        if sure >= LEAST_SURE:
            claims.append(_claim(household, habits, int(unit), mine, min(sure, MOST_SURE), asked.size, rates))
    whole = {claim.subject for claim in claims if not claim.values["type"]}
    return [claim for claim in claims if not claim.values["type"] or claim.values["category"] not in whole]


def chance_of_no_habit(n: int, years: float, shape: float, scale: float) -> float:
    """Chance of a rate below HABIT dates a year, `n` dates being seen in `years`, where rates are gamma.

    `scale` is in dates a year.

    >>> round(chance_of_no_habit(2, 2.8, 0.5, 4.0), 4)
    0.9974
    """
    return float(gamma.cdf(HABIT, shape + n, scale=1 / (years + 1 / scale)))


def _far_apart(days: np.ndarray, visits: np.ndarray) -> bool:
    fences = np.concatenate([visits[:1], days, visits[-1:]])
    return bool((np.diff(fences) >= LEAST_APART).all())


def _claim(
    household: Household,
    habits: _Habits,
    unit: int,
    mine: np.ndarray,
    sure: float,
    asked: int,
    rates: np.ndarray,
) -> Claim:
    lines = household.lines
    category = household.word("category", habits.unit_category[unit])
    word = household.word("type", habits.unit_type[unit])
    days = np.unique(lines.day[mine])
    first, last = days[[0, -1]].astype("datetime64[D]").tolist()
    for_child = household.tagged("child", "baby", "toy")[mine].any()
    several = days.size > 1
    variant = ("child" if several else "child_once") if for_child else "twice" if several else "plain"
    use = "_need" if household.tagged(*NO_FOOD)[mine].all() else ""
    return Claim(
        kind=KIND.name,
        lines=mine,
        asked=asked,
        null="habit",
        probability=sure,
        subject=f"{category}: {word}" if word else category,
        variant=variant + use,
        values={
            "category": category,
            "type": word,
            "times": int(days.size),
            "visits": int(household.visit_days.size),
            "expected": round(float(np.median(rates) * household.visit_days.size)),
            "first": first,
            "last": last,
        },
        alternatives=("elsewhere", "gift"),
    )


def _habits(population: Population) -> _Habits:
    """Learn which categories and types are bought again and again, by whom, and how often."""
    lines = population.lines
    n_categories = len(population.names["category"])
    n_types = max(len(population.names["type"]), 1)
    # A product has one category and one type: pairs are made product by product, not line by line.
    category, kind = np.full((2, len(population.products)), -1, dtype=np.int64)
    category[lines.product], kind[lines.product] = lines.category, lines.type
    pair = np.where((category >= 0) & (kind >= 0), category * n_types + kind, -1)
    known_pairs = np.unique(pair[pair >= 0])
    unit_category = np.concatenate([np.arange(n_categories), known_pairs // n_types])
    unit_type = np.concatenate([np.full(n_categories, -1), known_pairs % n_types])
    n_units = unit_category.size

    visits = np.bincount(
        _distinct(lines.household, lines.day - _first_day(lines))[0], minlength=len(population.households)
    )
    years, known_history = _years(lines, len(population.households)), visits >= LEAST_VISITS / 2
    place = np.where(pair >= 0, n_categories + np.searchsorted(known_pairs, pair), -1)
    sets = [_dates(unit, lines) for unit in (lines.category, place[lines.product])]
    unit, buyer, dates = (np.concatenate(column) for column in zip(*sets, strict=True))
    seen = known_history[buyer]
    unit, buyer, dates = unit[seen], buyer[seen], dates[seen]
    regular = dates >= HABIT
    shape, scale = _gamma_of_rates(unit, dates / years[buyer], n_units, int(known_history.sum()))
    n_regular = np.bincount(unit[regular], minlength=n_units)
    order = np.argsort(unit[regular], kind="stable")
    rates = (dates / np.maximum(visits[buyer], 1))[regular][order]
    forming = n_regular >= LEAST_FOR_CHILD
    forming &= n_regular <= MOST_BUYING * max(known_history.sum(), 1)
    # A category of one type is asked once.
    n_of_category = np.bincount(unit_category[n_categories:], minlength=n_categories)
    forming[n_categories:] &= n_of_category[unit_category[n_categories:]] > 1
    return _Habits(
        unit_category,
        unit_type,
        np.flatnonzero(forming),
        np.concatenate([[0], np.cumsum(n_regular)]),
        rates,
        shape,
        scale,
    )


def _years(lines: Lines, n_households: int) -> np.ndarray:
    """Length of each household's history; not below a tenth of a year."""
    first, last = np.full(n_households, np.inf), np.full(n_households, -np.inf)
    np.minimum.at(first, lines.household, lines.day)
    np.maximum.at(last, lines.household, lines.day)
    return np.maximum((last - first + 1) / YEAR, 0.1)


def _gamma_of_rates(
    unit: np.ndarray, rate: np.ndarray, n_units: int, n_households: int
) -> tuple[np.ndarray, np.ndarray]:
    """Shape and scale by unit, by mean and variance over all households, those that never bought it with rate 0."""
    n = max(n_households, 1)
    mean = np.maximum(np.bincount(unit, rate, n_units) / n, 1e-3)
    variance = np.maximum(np.bincount(unit, rate**2, n_units) / n - mean**2, 0.05 * mean**2)
    shape = np.clip(mean**2 / variance, 0.05, 20.0)
    return shape, mean / shape


def _units_of(lines: Lines, habits: _Habits) -> tuple[np.ndarray, np.ndarray]:
    """Each line's category and its type within it, as units, and the lines' positions."""
    n_categories = int((habits.unit_type < 0).sum())
    known = np.flatnonzero(lines.category >= 0)
    typed = known[lines.type[known] >= 0]
    n_types = habits.unit_type.max(initial=0) + 1
    keys = habits.unit_category[n_categories:].astype(np.int64) * n_types + habits.unit_type[n_categories:]
    mine = lines.category[typed].astype(np.int64) * n_types + lines.type[typed]
    units = np.concatenate([lines.category[known], n_categories + np.searchsorted(keys, mine)])
    return units, np.concatenate([known, typed])


def _distinct(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct pairs of two columns of whole numbers >= 0, in no order."""
    width = int(b.max(initial=0)) + 1
    keys = pd.unique(a.astype(np.int64) * width + b)
    return keys // width, keys % width


def _first_day(lines: Lines) -> int:
    return int(lines.day.min()) if len(lines) else 0


def _dates(unit: np.ndarray, lines: Lines) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """On how many days each household bought each unit that it bought."""
    known = unit >= 0
    n_households = int(lines.household.max(initial=0)) + 1
    pair = unit[known].astype(np.int64) * n_households + lines.household[known]
    pairs, dates = np.unique(_distinct(pair, lines.day[known] - _first_day(lines))[0], return_counts=True)
    return pairs // n_households, pairs % n_households, dates


KINDS = (KIND,)
