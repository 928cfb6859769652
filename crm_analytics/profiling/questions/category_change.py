"""A category's start, lapse and gap: did they begin, stop or pause buying it, although they kept coming?"""

import math
from dataclasses import dataclass
from datetime import date

import numpy as np

from crm_analytics.profiling.evidence.claim import Claim
from crm_analytics.profiling.questions.category_change_kinds import GAP, LAPSE, START
from crm_analytics.profiling.questions.category_rates import (
    LEAST_DAYS,
    CategoryRates,
    Clock,
    category_rates,
    clock_of,
    silence_on_both,
)
from crm_analytics.profiling.questions.home_lines import lines_near_home
from crm_analytics.profiling.reading.household import Household

LEAST_SILENCE = 45  # days
LEAST_SIDE = 3  # days with the category on either side of a gap
OFTEN = 20.0  # purchases beyond the least from which on a pause is told as well as it can be
TELLING_SHARE = 1 / 4  # of the error is left to what tells of a household's life
LEAST_MISSED = 3.0  # purchases expected in the silence
LONGER = 1.5  # times the longest other silence
LEAST_TELLING = 0.2  # p-value times number of questions
# What tells of a household's life is asked apart from the many other categories.
TELLING = ("fuel", "tobacco", "alcohol", "baby", "pet", "sanitary", "pregnancy", "health")
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class _Silence:
    """A stretch of visits without the category: after visit `low`, before visit `high`."""

    kind: str
    habit: int
    low: int
    high: int
    p_value: float
    asked: int


def category_changes(household: Household) -> list[Claim]:
    """Categories that start, lapse or pause although the household keeps visiting.

    Statistic: a silence (before the first purchase, after the last, or the longest between two)
    against the household's other gaps in the category: `silence_p_value`, the tail of a gamma gap
    whose rate and regularity come from the other gaps. Gaps are counted on two clocks, and the
    larger p-value is taken: visits, and the size of baskets without the category at the time, so
    that neither a holiday nor a turn to smaller baskets is a lapse. Both run slower in months in
    which everybody buys less of the category, and in stores that sell less of it. The longest of m
    inner gaps is charged for those that could be a pause (Fisher 1929). P-values are raised to a
    power learnt from the population's own gaps, which are more uneven than the model's.

    Visits are days with a purchase where the household usually shops (`lines_near_home`): on stays other
    things are bought than at home, and these purchases neither fill a silence nor make one. For
    categories sold in the commonest kind of store only visits to such stores count; for others
    (fuel, restaurant meals) all, so that a car is missed while the supermarket is still visited.
    Where a household has several cards, fuel is also asked of each card, against the card's visits.

    Minimum: 5 days with the category (3 on either side of a gap), 45 days of silence, 3 purchases
    expected in it, half as long again as the longest other gap. Each of the three kinds is charged
    by itself. `asked` is 1 over the habit's share of the error: habits that tell of life (`TELLING`)
    have a quarter, the rest three; in a gap, habits with more purchases have more.

    False alarms and delay, measured on 400 households with 100 visits a year, who buy 25 categories
    at random over three years: .005 claims of strength .8 and .001 of strength .95 a household-year,
    all three kinds together. A habit of 24 purchases a year that stops is told after 6 months in the
    median, one of 12 purchases after 12; both sooner if the purchases are regular, or if the
    household has fewer habits.
    """
    rates = household.population.learn(category_rates)
    home = lines_near_home(household)
    clock = clock_of(household.lines, home, rates)
    telling = _tagged(household, clock, *TELLING)
    by_card = _by_card(household, home, rates)
    asked = _asked(clock, telling, more=sum(one.categories.size for one in by_card.values()))
    claims = [_claim(household, clock, one) for one in _silences(clock, rates, asked)]
    known = {(claim.kind, claim.subject) for claim in claims}
    for card, its in by_card.items():
        charge = math.ceil((telling.sum() + sum(c.categories.size for c in by_card.values())) / TELLING_SHARE)
        asked = {kind: np.full(its.categories.size, charge) for kind in (START.name, LAPSE.name, GAP.name)}
        found = [_claim(household, its, one, card=card) for one in _silences(its, rates, asked)]
        claims += [claim for claim in found if (claim.kind, claim.subject) not in known]
    return claims


def _by_card(household: Household, home: np.ndarray, rates: CategoryRates) -> dict[int, Clock]:
    """Clocks of the cards that buy fuel, where a household has several: one may belong to a car."""
    if household.cards.size < 2:
        return {}
    clocks = {}
    fuel = household.tagged("fuel")
    for card in household.cards.tolist():
        mine = household.lines.customer == card
        if (mine & fuel).sum() < LEAST_DAYS:
            continue
        clock = clock_of(household.lines.take(mine), home[mine], rates)
        such = np.flatnonzero(_tagged(household, clock, "fuel"))
        if such.size:
            at_home = np.zeros(len(household.lines), dtype=bool)
            at_home[np.flatnonzero(mine)[clock.home]] = True
            visits = [clock.visits[k] for k in such]
            clocks[card] = Clock(at_home, clock.days, clock.categories[such], visits, clock.ticks[:, such])
    return clocks


def _asked(clock: Clock, telling: np.ndarray, more: int = 0) -> dict[str, np.ndarray]:
    """By kind, for how many questions each habit is charged: 1 over its share of the error.

    `more` questions of what tells of life are asked besides.
    """
    n = np.array([visits.size for visits in clock.visits], dtype=float)
    even = np.ones(n.size)
    # A pause among few purchases could hardly be told: those with more are given more of the error.
    often = np.clip(n - 2 * LEAST_SIDE, 0.1, OFTEN)
    asked = {}
    for kind, weight in ((START.name, even), (LAPSE.name, even), (GAP.name, often)):
        share = np.zeros(n.size)
        if telling.any():
            part = TELLING_SHARE if more or not telling.all() else 1.0
            part *= telling.sum() / (telling.sum() + more)
            share[telling] = part * weight[telling] / weight[telling].sum()
        if not telling.all():
            part = 1 - TELLING_SHARE if more or telling.any() else 1.0
            share[~telling] = part * weight[~telling] / weight[~telling].sum()
        asked[kind] = np.ceil(1 / share - 1e-9)
    return asked


def _tagged(household: Household, clock: Clock, *tags: str) -> np.ndarray:
    """Which habits are mostly of products with one of the tags."""
    if not clock.categories.size:
        return np.zeros(0, dtype=bool)
    lines = household.lines
    tagged = household.tagged(*tags)
    n = max(int(clock.categories.max()) + 1, int(lines.category.max()) + 1)
    known = lines.category >= 0
    all_lines = np.bincount(lines.category[known], minlength=n)
    such = np.bincount(lines.category[known], tagged[known], n)
    return np.asarray(2 * such[clock.categories] > all_lines[clock.categories])


def _silences(clock: Clock, rates: CategoryRates, asked: dict[str, np.ndarray]) -> list[_Silence]:
    """Starts, lapses and gaps whose p-value stands its charge."""
    found = []
    last = clock.days.size - 1
    for habit, bought in enumerate(clock.visits):
        spread = float(rates.spread[clock.categories[habit]])
        ticks = clock.ticks[:, habit]
        at = ticks[:, bought]
        gaps = np.diff(at, axis=1)
        longest = int(np.argmax(gaps[0]))
        inner = np.delete(gaps, longest, axis=1)
        first = int(bought[0])
        before = at[:, 0] - ticks[:, 0]
        after = ticks[:, last] - at[:, -1]
        for kind, low, high, silence, others, times in (
            (START.name, -1, first, before, gaps, 1),
            (LAPSE.name, int(bought[-1]), last + 1, after, gaps, 1),
            (
                GAP.name,
                int(bought[longest]),
                int(bought[longest + 1]),
                gaps[:, longest],
                inner,
                max(gaps.shape[1] - 2 * (LEAST_SIDE - 1), 1),
            ),
        ):
            sides = longest + 1, bought.size - longest - 1
            if kind == GAP.name and min(sides) < LEAST_SIDE:
                continue
            if not _long_enough(clock.days, low, high, silence, others):
                continue
            p_value = silence_on_both(silence, others, spread) ** (
                rates.longest_power if kind == GAP.name else rates.power
            )
            if p_value * times * asked[kind][habit] < LEAST_TELLING:
                found.append(_Silence(kind, habit, low, high, p_value * times, int(asked[kind][habit])))
    return found


def _long_enough(days: np.ndarray, low: int, high: int, silence: np.ndarray, others: np.ndarray) -> bool:
    since = days[max(low, 0)]
    until = days[min(high, days.size - 1)]
    if until - since < LEAST_SILENCE:
        return False
    total = others.sum(axis=1)
    if not (total > 0).all():
        return False
    missed = silence * others.shape[1] / total
    return bool((missed >= LEAST_MISSED).all() and (silence >= LONGER * others.max(axis=1)).all())


def _claim(household: Household, clock: Clock, silence: _Silence, card: int | None = None) -> Claim:
    lines = household.lines
    category = int(clock.categories[silence.habit])
    mine = np.flatnonzero((lines.category == category) & clock.home)
    first = clock.days[max(silence.low, 0)]
    last = clock.days[min(silence.high, clock.days.size - 1)]
    start, end = _date(first), None if silence.kind != GAP.name else _date(last)
    if silence.kind == START.name:
        start = _date(clock.days[silence.high])
    topic, tags = _said_of(household, mine)
    values: dict[str, str | int] = {
        "times": int(clock.visits[silence.habit].size),
        "days": int(last - first),
        "visits": int(silence.high - silence.low - 1),
    }
    if card is not None:
        values["card"] = str(household.card(card))
    return Claim(
        kind=silence.kind,
        lines=mine,
        asked=silence.asked,
        null="same_rate",
        p_value=silence.p_value,
        subject=household.word("category", category),
        start=start,
        end=end,
        values=values,
        variant="plain" if card is None else "card",
        alternatives=_alternatives(household, silence, mine, int(first), tags),
        topic=topic,
    )


def _said_of(household: Household, lines: np.ndarray) -> tuple[str, set[str]]:
    """The topic of a category, and the tags that most of its lines have."""
    tags = household.population.tags
    share = tags.to_numpy()[household.lines.product[lines]].mean(axis=0)
    common = set(tags.columns[share > 0.5])
    topics = household.population.context.tags.names["topic"]
    topic = next((topics[tag] for tag in tags.columns if tag in common and topics.get(tag, "")), "")
    return topic, common


def _alternatives(
    household: Household, silence: _Silence, mine: np.ndarray, before: int, tags: set[str]
) -> tuple[str, ...]:
    """Explanations that the lines leave open."""
    starts, pauses = silence.kind == START.name, silence.kind == GAP.name
    if "fuel" in tags:
        return ("car_bought" if starts else "car_sold", "other_fuel_brand", "other_card")
    found = ["bought_elsewhere"]
    quantity, day = household.lines.quantity[mine], household.lines.day[mine]
    known = np.isfinite(quantity)
    if not starts and known.any():
        sums = np.bincount(np.unique(day[known], return_inverse=True)[1], quantity[known])
        then = quantity[known & (day == before)].sum()
        if then >= 2 * np.median(sums):
            found.append("stocked_up")
    if "sanitary" in tags and not starts:
        found.append("pregnancy")
        if not pauses:
            found.append("menopause")
    if tags & {"baby", "child"} and silence.kind == LAPSE.name:
        found.append("grown_up")
    if "pet" in tags and silence.kind == LAPSE.name:
        found.append("pet_gone")
    return tuple(found)


def _date(day: int) -> date:
    return date.fromordinal(_EPOCH + int(day))


KINDS = (START, LAPSE, GAP)
