"""Guest day: a day on which things were bought that this household buys on no other day."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from crm_analytics.profiling.evidence.claim import Claim
from crm_analytics.profiling.evidence.kind import Kind
from crm_analytics.profiling.reading.household import Household
from crm_analytics.profiling.reading.lines import Lines
from crm_analytics.profiling.reading.population import Population

# What a household buys for itself, or keeps: all else may be put before guests.
NOT_FOR_GUESTS = (
    "staple",
    "cooking_ingredient",
    "cleaning",
    "paper",
    "vegetables",
    "meat",
    "milk",
    "yoghurt",
    "bread",
    "baby",
    "pet",
    "personal_care",
    "women_care",
    "men_care",
    "health",
    "tobacco",
    "kitchenware",
    "textile",
    "storage",
    "general_merchandise",
    "toy",
    "school",
    "garden",
    "car_care",
    "fuel",
    "restaurant",
)
LEAST_VISITS = 20  # days of purchase: fewer do not tell what is unusual
RECORD = 2.0  # times what was bought of it on any other day
LEAST_PACKS = 3.0  # for a record of something bought on other days too
MEAN_UNUSUAL = 1.5  # unusual categories on a day with guests, beyond those of an ordinary day
VARIANTS_OF_GUESTS = (
    0.6  # chance that something for guests is bought in two kinds side by side, or many packs
)
MANY_PACKS = 3.0
MOST = 60.0  # Bayes factor: a day cannot tell guests from a party of their own, so no such claim is strong
MIXED_OF_GUESTS = 0.5  # and that one of the kinds is a diet one

KIND = Kind(
    name="guest_day",
    stage="interpretation",
    title={"en": "A day with guests", "tr": "Misafir günü"},
    statements={
        "plain": {
            "en": "On {start:date} there are things bought on no other day, or in far larger amounts than on any other "
            "day: {what:words}. Probably guests came.",
            "tr": "{start:date}: başka hiçbir gün alınmayan ya da başka hiçbir gün bu kadar çok alınmayan ürünler var: "
            "{what:words}. Büyük olasılıkla misafir vardı.",
        },
        "side_by_side": {
            "en": "On {start:date} several kinds stand side by side of what is bought on no other day, or never so "
            "much: {what:words}. Probably guests came, with tastes of their own.",
            "tr": "{start:date}: başka hiçbir gün alınmayan ya da bu kadar çok alınmayan ürünlerin birkaç çeşidi yan "
            "yana: {what:words}. Büyük olasılıkla damak tadı farklı misafirler vardı.",
        },
    },
    nulls={
        "ordinary_day": {
            "en": "unusual purchases fall on days at random, in proportion to what is bought",
            "tr": "alışılmadık alışverişler, alınan miktarla orantılı olarak günlere rastgele dağılıyor",
        }
    },
    alternatives={
        "celebration": {
            "en": "It may have been the household's own celebration.",
            "tr": "Hane kendi arasında kutlamış olabilir.",
        },
        "offer": {"en": "They may have stocked up on an offer.", "tr": "Kampanyada stok yapılmış olabilir."},
        "gift": {
            "en": "It may have been taken along as a gift.",
            "tr": "Armağan olarak götürülmüş olabilir.",
        },
    },
)


@dataclass(frozen=True)
class _Unusual:
    """Records of categories that one puts before guests, one row each, within one household or all."""

    household: np.ndarray
    category: np.ndarray
    day: np.ndarray
    several: np.ndarray  # of two types or brands, or many packs
    mixed: np.ndarray  # diet and regular side by side


def guest_day(household: Household) -> list[Claim]:
    """Days that gather several unusual purchases of what is put before guests.

    A category that may be put before guests (no staple, no vegetables, nothing for care or the
    house) is *unusual* on its record day if it was bought on no other, or then twice as much
    (packs) as on any other and at least three. Asked is each day with two unusual categories, or
    one of them in several kinds side by side (or three packs). Statistic: how many categories are
    unusual that day, how many of them in several kinds, and diet beside regular. Null: unusual
    purchases fall on days in proportion to their lines, a Poisson count cut at one, and lie side
    by side as often as the population's lone unusual purchases of that category do, and regular
    beside diet as often as all its unusual purchases do. Under the claim
    one or two more are expected, and most lie side by side. The Bayes factor is the ratio of
    the two likelihoods.
    """
    visits = household.visit_days
    if visits.size < LEAST_VISITS:
        return []
    lines = household.lines
    festive = np.flatnonzero(~household.tagged(*NOT_FOR_GUESTS) & (lines.category >= 0))
    if festive.size == 0:
        return []
    unusual = _unusual_of(lines.take(festive), household.tagged("diet")[festive], visits[[0, -1]])
    days, n_unusual = np.unique(unusual.day, return_counts=True)
    if days.size == 0:
        return []
    side_by_side, mixed = household.population.learn(_side_by_side)
    n_lines = np.bincount(lines.day - visits[0])
    claims = []
    # One thing in one kind is an isolated purchase: such a day is not asked.
    side = np.unique(unusual.day[unusual.several])
    mixed_days = np.unique(unusual.day[unusual.mixed]).size
    asked_days = (n_unusual > 1) | np.isin(days, side)
    for day, n in zip(days[asked_days], n_unusual[asked_days], strict=True):
        there = np.flatnonzero(unusual.day == day)
        ordinary = (unusual.day.size - n + 0.5) * n_lines[day - visits[0]] / len(lines)
        several = unusual.several[there]
        usual = side_by_side[unusual.category[there]]
        of_kinds = np.where(several, VARIANTS_OF_GUESTS / usual, (1 - VARIANTS_OF_GUESTS) / (1 - usual))
        of_kinds = np.where(unusual.mixed[there], np.maximum(of_kinds, MIXED_OF_GUESTS / mixed), of_kinds)
        factor = _count_factor(int(n), float(ordinary)) * float(of_kinds.prod())
        # Without a second thing beside it, one thing in one kind is an isolated purchase.
        # Things side by side, and diet beside regular, are questions of their own, asked of the days that have them.
        mixed_here = bool(unusual.mixed[there].any())
        asked = mixed_days + 1 if mixed_here else side.size if several.any() else int(asked_days.sum())
        if factor < asked:
            continue
        mine = festive[
            (lines.day[festive] == day) & np.isin(lines.category[festive], unusual.category[there])
        ]
        claims.append(_claim(household, mine, factor, asked, bool(several.any()), int(day)))
    return claims


def _count_factor(n: int, ordinary: float) -> float:
    """How many times likelier `n` unusual purchases are with guests than without, given one or more."""
    guests = ordinary + MEAN_UNUSUAL
    return float((guests / ordinary) ** n * np.expm1(ordinary) / np.expm1(guests))


def _claim(
    household: Household, mine: np.ndarray, factor: float, asked: int, several: bool, day: int
) -> Claim:
    start = np.datetime64(day, "D")
    lines = household.lines
    column = lines.type if (lines.type[mine] >= 0).all() else lines.category
    name = "type" if column is lines.type else "category"
    return Claim(
        kind=KIND.name,
        lines=mine,
        asked=asked,
        null="ordinary_day",
        bayes_factor=min(factor, MOST * asked),
        subject=str(start),
        start=start.item(),
        end=(start + 1).item(),
        variant="side_by_side" if several else "plain",
        values={
            "what": [household.word(name, code) for code in np.unique(column[mine])],
            "n": int(mine.size),
        },
        alternatives=("celebration", "offer", "gift"),
    )


def _unusual_of(lines: Lines, diet: np.ndarray, span: np.ndarray) -> _Unusual:
    """Records of each category of each household in lines of festive categories."""
    packs = np.where(np.isfinite(lines.quantity) & (lines.quantity > 0), lines.quantity, 1.0)
    n_days = int(span[1] - span[0]) + 1
    n_categories = int(lines.category.max(initial=0)) + 1
    unit = lines.household.astype(np.int64) * n_categories + lines.category
    key, place = _coded(unit * n_days + (lines.day - span[0]))
    bought = np.bincount(place, packs, key.size)
    n_products = int(lines.product.max(initial=0)) + 1
    kinds = np.bincount(pd.unique(place * n_products + lines.product) // n_products, minlength=key.size)
    several = (kinds > 1) | (bought >= MANY_PACKS)

    n_diet = np.bincount(place[diet], minlength=key.size)
    n_lines = np.bincount(place, minlength=key.size)
    order = np.lexsort((key, -bought, key // n_days))
    owner = key[order] // n_days
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    amount = bought[order]
    count = np.diff(first, append=owner.size)
    second = np.where(count > 1, amount[np.minimum(first + 1, owner.size - 1)], 0.0)
    record = amount[first]
    kept = (second == 0) | ((record >= RECORD * second) & (record >= LEAST_PACKS))
    chosen = order[first[kept]]
    return _Unusual(
        household=key[chosen] // n_days // n_categories,
        category=key[chosen] // n_days % n_categories,
        day=key[chosen] % n_days + span[0],
        several=several[chosen],
        mixed=(n_diet[chosen] > 0) & (n_diet[chosen] < n_lines[chosen]),
    )


def _coded(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct keys, and each row's place among them."""
    place, distinct = pd.factorize(keys)
    return np.asarray(distinct), place


def _side_by_side(population: Population) -> tuple[np.ndarray, float]:
    """By category, the chance that an unusual purchase of it is of several types; for all, of diet and regular.

    Never nought or one.
    """
    lines = population.lines
    n_categories = len(population.names["category"])
    festive = ~population.tagged(*NOT_FOR_GUESTS)[lines.product] & (lines.category >= 0)
    several, n = np.zeros((2, n_categories))
    n_mixed = 0
    if festive.any():
        diet = population.tagged("diet")[lines.product[festive]]
        unusual = _unusual_of(lines.take(festive), diet, np.array([lines.day.min(), lines.day.max()]))
        # Days that gather two such purchases are guest days, and no measure of the ordinary ones.
        span = int(unusual.day.max() - lines.day.min()) + 1
        _, place = _coded(unusual.household * span + unusual.day - lines.day.min())
        lone = np.bincount(place, unusual.several)[place] < 2
        n_mixed = int(unusual.mixed[lone].sum())
        n = np.bincount(unusual.category[lone], minlength=n_categories).astype(float)
        several = np.bincount(unusual.category[lone & unusual.several], minlength=n_categories).astype(float)
    overall = (several.sum() + 0.5) / (n.sum() + 5)
    return (several + 10 * overall) / (n + 10), (n_mixed + 0.5) / (n.sum() + 5)


KINDS = (KIND,)
