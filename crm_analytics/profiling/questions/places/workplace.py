"""Workplace: where a card's holder has lunch on weekdays, away from home."""

import numpy as np

from crm_analytics.profiling.evidence.claim import Claim
from crm_analytics.profiling.evidence.kind import Kind
from crm_analytics.profiling.questions.chance import at_least
from crm_analytics.profiling.questions.places.visits import Visits, home_anchor, visits_of
from crm_analytics.profiling.reading.household import Household
from crm_analytics.profiling.reading.population import Population

LUNCH = (11.0, 15.5)  # hours
SMALL = 3  # lines of a basket that may be somebody's lunch
LEAST_DAYS = 5
NOON_EVERY_DAY = 0.1  # share of those who have a favourite place for lunch on any day of the week
LEAST_WEEKDAY_SHARE = 0.85

KIND = Kind(
    name="workplace",
    stage="interpretation",
    title={"en": "Where one of them works", "tr": "İş yeri"},
    statements={
        "plain": {
            "en": "The holder of {customer:card} probably works in or near {subject:word}: lunch there on {days:count} "
            "days, {weekday_share:percent} of them Monday to Friday, typically at {hour:hour}.",
            "tr": "{customer:card} sahibi büyük olasılıkla {subject:word} semtinde ya da yakınında çalışıyor: orada "
            "{days:count} gün öğle yemeği, hafta içi payı {weekday_share:percent}, genellikle saat {hour:hour}.",
        },
        "two": {
            "en": "The holder of {customer:card} probably works in or near {subject:word}: lunch there on {days:count} "
            "days, {weekday_share:percent} of them Monday to Friday, typically at {hour:hour} and for two.",
            "tr": "{customer:card} sahibi büyük olasılıkla {subject:word} semtinde ya da yakınında çalışıyor: orada "
            "{days:count} gün öğle yemeği, hafta içi payı {weekday_share:percent}, genellikle saat {hour:hour} ve iki "
            "kişilik.",
        },
        "dates": {
            "en": "The holder of {customer:card} probably works in or near {subject:word}: small purchases there on "
            "{days:count} days, {weekday_share:percent} of them Monday to Friday.",
            "tr": "{customer:card} sahibi büyük olasılıkla {subject:word} semtinde ya da yakınında çalışıyor: orada "
            "{days:count} gün küçük alışveriş, hafta içi payı {weekday_share:percent}.",
        },
    },
    nulls={
        "any_day": {
            "en": "meals there fall on any day and hour, as meals out of others at weekends and the card's other "
            "purchases do",
            "tr": "oradaki yemekler, başkalarının hafta sonu yemekleri ve kartın öteki alışverişleri gibi her gün ve "
            "saate düşebilir",
        }
    },
    alternatives={
        "client_visits": {
            "en": "They may be regular visits to a client, or a course there.",
            "tr": "Orada düzenli bir müşteri ziyareti ya da kurs olabilir.",
        },
        "partners_work": {
            "en": "It may be where the person works whom they have lunch with.",
            "tr": "Orası birlikte yemek yenen kişinin iş yeri olabilir.",
        },
    },
)


def workplaces(household: Household) -> list[Claim]:
    """Per card: a place away from home whose meals and small baskets fall on weekdays at noon.

    Statistic: days with a meal or a small basket at the place between 11 and 15:30 on Monday to
    Friday, among all days with one there. Null: any weekday alike, at noon as often as the meals out
    of the population are at weekends, or as the card's other purchases are, whichever is more. The
    p-value is the binomial tail, but at least a tenth of that of the weekdays alone: one in ten may
    have lunch out there on any day. `asked` counts cards and places with enough days. Minimum effect:
    five such days, 85 % of the days Monday to Friday. In a log without hours weekdays decide alone.
    """
    if household.population.context.stores is None:
        return []
    visits = household.learn(visits_of)
    anchor = household.learn(home_anchor)
    if anchor is None:
        return []
    timed = bool((visits.hour != 0).any())
    at_noon = household.population.learn(noon_share) if timed else 1.0
    noon = (
        ((visits.hour >= LUNCH[0]) & (visits.hour < LUNCH[1]))
        if timed
        else np.ones(visits.day.size, dtype=bool)
    )
    working = noon & ~visits.weekend
    light = visits.meal | _small(household, visits)
    tried, claims = 0, []
    for card in household.cards:
        own = visits.customer == card
        for place in np.unique(visits.place[own & light]):
            here = own & light & (visits.place == place)
            days = np.unique(visits.day[here])
            if place == anchor.place or days.size < LEAST_DAYS:
                continue
            tried += 1
            worked = np.unique(visits.day[here & working])
            weekday_share = float(((days + 3) % 7 < 5).mean())
            elsewhere = working[own & ~here]
            usual = (elsewhere.sum() + 1) / (elsewhere.size + 2) if timed else 0.0
            p_value = at_least(worked.size, days.size, max(5 / 7 * at_noon, float(usual)))
            on_weekdays = at_least(int(((days + 3) % 7 < 5).sum()), days.size, 5 / 7)
            p_value = max(p_value, on_weekdays * (NOON_EVERY_DAY if timed else 1.0))
            if worked.size >= LEAST_DAYS and weekday_share >= LEAST_WEEKDAY_SHARE:
                claims.append((p_value, card, place, here & working, worked.size, weekday_share))
    return [_claim(household, visits, *found, tried, timed) for found in claims if found[0] * tried < 0.2]


def _claim(
    household: Household,
    visits: Visits,
    p_value: float,
    card: int,
    place: int,
    which: np.ndarray,
    days: int,
    weekday_share: float,
    tried: int,
    timed: bool,
) -> Claim:
    receipts = visits.receipt[which]
    two = _for_two(household, receipts)
    customer = household.card(card)
    return Claim(
        kind=KIND.name,
        lines=household.receipts.lines(receipts),
        asked=tried,
        null="any_day",
        p_value=p_value,
        subject=str(household.population.stores.places[place]),
        customer=customer,
        values={
            "days": int(days),
            "weekday_share": weekday_share,
            "hour": float(np.median(visits.hour[which])),
            "people": 2 if two else 1,
        },
        variant="dates" if not timed else "two" if two else "plain",
        alternatives=("client_visits", "partners_work") if two else ("client_visits",),
    )


def noon_share(population: Population) -> float:
    """Share of meals out at weekends that are had at noon; .6 where there are few."""
    lines = population.lines
    meal = population.tagged("restaurant")[lines.product] & (lines.weekday >= 5)
    hour = lines.hour[meal]
    first = np.unique(lines.receipt[meal], return_index=True)[1]
    hour = hour[first]
    noon = ((hour >= LUNCH[0]) & (hour < LUNCH[1])).sum()
    return float((noon + 12) / (hour.size + 20))


def _small(household: Household, visits: Visits) -> np.ndarray:
    """Shopping of a few lines for less than the household's median."""
    receipts = household.receipts
    amount, n_lines = receipts.amount[visits.receipt], receipts.n_lines[visits.receipt]
    if not visits.shopping.any():
        return np.zeros(amount.size, dtype=bool)
    return visits.shopping & (n_lines <= SMALL) & (amount < np.median(amount[visits.shopping]))


def _for_two(household: Household, receipts: np.ndarray) -> bool:
    """Whether most meals have two of something, and few have more than two."""
    lines = household.lines
    meals = household.tagged("restaurant")
    at = household.receipts
    most = []
    for receipt in receipts:
        own = slice(int(at.first[receipt]), int(at.first[receipt] + at.n_lines[receipt]))
        quantity = lines.quantity[own][meals[own]]
        same = lines.product[own][meals[own]]
        if same.size and np.isfinite(quantity).all():
            most.append(np.bincount(np.unique(same, return_inverse=True)[1], quantity).max())
    return len(most) >= LEAST_DAYS and float(np.median(most)) == 2.0


KINDS = (KIND,)
