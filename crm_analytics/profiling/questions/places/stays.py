"""Stays: days away from home in another town, and whether anything was bought near home meanwhile."""

from datetime import date

import numpy as np

from crm_analytics.profiling.evidence.claim import Claim
from crm_analytics.profiling.evidence.kind import Kind
from crm_analytics.profiling.questions.places.away_runs import BUYS_AWAY, LONGEST_GAP, Run, away_runs
from crm_analytics.profiling.questions.places.visits import (
    Distances,
    Visits,
    distances_of,
    locality_name,
    visits_of,
)
from crm_analytics.profiling.reading.household import Household

WEEK = 7
LEAST_EXPECTED = 0.7  # shopping days near home; where fewer are expected, that there is none says little
# Three stays in four leave nobody at home to shop with these cards.
QUIET_ODDS = 3.0

STAY = Kind(
    name="stay",
    stage="detail",
    title={"en": "A stay away from home", "tr": "Ev dışında konaklama"},
    statements={
        "plain": {
            "en": "Stayed in {subject:word} from {start:date}, for {days:count} days or more: purchases there on "
            "{visit_days:count} days, none near home between them ({cards:cards}).",
            "tr": "{subject:word}: {start:date} gününden başlayarak en az {days:count} günlük konaklama; orada "
            "{visit_days:count} gün alışveriş, arada ev yakınında hiç yok ({cards:cards}).",
        }
    },
    nulls={
        "random_trips": {
            "en": "purchases in that town are single trips on random days",
            "tr": "o şehirdeki alışverişler rastgele günlerdeki tek tek gidişlerdir",
        }
    },
    alternatives={
        "separate_trips": {
            "en": "They may have been separate trips of a day each.",
            "tr": "Günübirlik ayrı gidişler olabilir.",
        },
        "moved": {
            "en": "They may have moved house.",
            "tr": "Taşınmış olabilirler.",
        },
        "lent_card": {
            "en": "Somebody else may have the card there.",
            "tr": "Kart orada başka birinde olabilir.",
        },
    },
)

ABSENCE = Kind(
    name="absence",
    stage="detail",
    title={"en": "Away from home", "tr": "Evde yokken"},
    statements={
        "plain": {
            "en": "While in {subject:word}, from {start:date} to {end:date}, nothing was bought near home; at their "
            "usual pace {expected:number} shopping days would be expected there.",
            "tr": "{subject:word} konaklaması sırasında ({start:date} - {end:date}) ev yakınında hiç alışveriş yok; "
            "olağan tempoda {expected:number} alışveriş günü beklenirdi.",
        },
        "card": {
            "en": "While in {subject:word}, from {start:date} to {end:date}, {cards:cards} bought nothing near home; "
            "at the usual pace {expected:number} shopping days would be expected there. Another card of the household "
            "was used near home meanwhile.",
            "tr": "{subject:word} konaklaması sırasında ({start:date} - {end:date}) {cards:cards} ile ev yakınında hiç "
            "alışveriş yok; olağan tempoda {expected:number} alışveriş günü beklenirdi. Bu sırada hanenin başka bir "
            "kartı ev yakınında kullanılmış.",
        },
    },
    nulls={
        "usual_pace": {
            "en": "purchases near home go on at the household's usual pace",
            "tr": "ev yakınındaki alışverişler hanenin olağan temposunda sürüyor",
        }
    },
    alternatives={
        "cash": {
            "en": "Somebody at home may have paid in another way.",
            "tr": "Evde kalan biri başka bir yolla ödemiş olabilir.",
        }
    },
)


def stays(household: Household) -> list[Claim]:
    """Stays in far towns (kind `stay`), and absences from home during them (kind `absence`).

    A stay is a run of two or more days of purchases of a card in another town, 60 km or more away
    where positions are known, with no purchase of that card near home between them; runs of several
    cards that meet are one. Null: the purchases are single trips, on random days as often as the card
    is seen in that town, with purchases near home between them at its usual pace. The Bayes factor is
    `stay_factor`; `asked` is the number of runs, those of a single day too.

    An absence is asked of a stay whose dates have no purchase near home of the cards that are away.
    Null: they buy near home at their usual pace, day by day or, where that is less, week by week. The
    Bayes factor is one over the chance of no such day from the first purchase away to the last, times
    those of the days around them (`quiet_around`); the odds before are three to one, for the cards are
    seen elsewhere. Minimum effect: seven tenths of a shopping day are expected.
    """
    if household.population.context.stores is None:
        return []
    visits, where = household.learn(visits_of), household.learn(distances_of)
    if where is None or not where.away.any() or not where.near.any():
        return []
    runs = household.learn(away_runs)
    tried = len(runs)
    claims = [_stay(household, visits, where, run, tried) for run in _told(runs)]
    return claims + _absences(household, visits, where, runs)


def day_of(day: int) -> date:
    """The date of a day number."""
    return np.datetime64(day, "D").astype(date)


def _stay(household: Household, visits: Visits, where: Distances, run: Run, tried: int) -> Claim:
    alternatives = []
    km = where.km[run.visits[0]]
    if not km > 300:  # so far nobody goes for a day
        alternatives.append("separate_trips")
    near = visits.day[where.near]
    if run.last - run.first > 60 and (run.first < near.min() or run.last > near.max()):
        alternatives.append("moved")
    return Claim(
        kind=STAY.name,
        lines=household.receipts.lines(visits.receipt[run.visits]),
        asked=tried,
        null="random_trips",
        bayes_factor=float(np.exp(min(run.log_factor, 600.0))),
        subject=locality_name(household.population.stores, run.locality),
        customer=household.card(run.cards[0]) if len(run.cards) == 1 else None,
        start=day_of(run.first),
        end=day_of(run.last + 1),
        values={
            "days": run.last - run.first + 1,
            "visit_days": run.days,
            "cards": tuple(str(household.card(card)) for card in run.cards),
        },
        alternatives=(*alternatives, "lent_card"),
    )


def _absences(household: Household, visits: Visits, where: Distances, runs: list[Run]) -> list[Claim]:
    paces: dict[tuple[int, ...], tuple[float, float]] = {}
    claims = []
    for run in _told(runs):
        if any(_parted(run, other) for other in runs):
            continue
        own = np.isin(visits.customer, run.cards) & where.near
        home = np.unique(visits.day[own])
        before, after = home[home <= run.first], home[home >= run.last]
        if not before.size or not after.size or before.size + after.size < home.size:
            continue
        if run.cards not in paces:
            paces[run.cards] = _pace(home, runs)
        rate, empty_week = paces[run.cards]
        # The first day may begin at home, and the last may end there.
        days = run.last - run.first
        around = np.array([run.first - before[-1], after[0] - run.last]) - 1
        alone = max((1 - rate) ** days, empty_week ** (days / WEEK), 1e-12)
        odds = QUIET_ODDS * float(quiet_around(around, rate).prod() / alone)
        expected = float(rate * (days + np.clip(around, 0, None).sum()))
        if expected >= LEAST_EXPECTED:
            claims.append(_absence(household, visits, where, run, odds / (1 + odds), expected))
    return claims


def _parted(run: Run, other: Run) -> bool:
    """Whether a card was at the town twice in a short time, so that it was seen near home between."""
    near = max(run.first, other.first) - min(run.last, other.last) <= LONGEST_GAP
    return (
        run is not other
        and run.locality == other.locality
        and near
        and bool(set(run.cards) & set(other.cards))
    )


def _told(runs: list[Run]) -> list[Run]:
    """Runs that are stays."""
    return [run for run in runs if run.days > 1 and np.exp(run.log_factor) > 2 * len(runs)]


def quiet_around(days: np.ndarray, pace: float) -> np.ndarray:
    """Bayes factors of quiet days before the first purchase away, or after the last.

    `days` are those without a purchase near home until the next one there. A stay is seen on three
    days of ten, so it began some days before its first purchase (geometric), and ended after its
    last; at home something is bought on a share `pace` of the days. The null is `pace` throughout.
    At least 1: to have shopped at home on the eve says nothing against a stay.

    >>> quiet_around(np.array([0, 2, 8]), pace=0.3).round(2)
    array([1. , 1. , 2.7])
    """
    ratio = ((1 - BUYS_AWAY) / (1 - pace)) ** np.arange(LONGEST_GAP + 1)
    begun = np.cumsum(BUYS_AWAY * ratio)
    return np.maximum(begun[np.clip(days, 0, LONGEST_GAP)], 1.0)


def _pace(home: np.ndarray, runs: list[Run]) -> tuple[float, float]:
    """Share of days with a purchase near home, and share of weeks without any, outside of the stays."""
    if home.size < 2:
        return 0.0, 1.0
    first, last = int(home[0]), int(home[-1])
    free = np.ones(last - first + 1, dtype=bool)
    for run in runs:
        free[max(run.first - first, 0) : max(run.last + 1 - first, 0)] = False
    bought = np.zeros(free.size, dtype=bool)
    bought[home - first] = True
    rate = (bought & free).sum() / max(free.sum(), 1)
    days = np.cumsum(np.concatenate([[0], free]))
    seen = np.cumsum(np.concatenate([[0], bought]))
    whole = days[WEEK:] - days[:-WEEK] == WEEK
    empty = whole & (seen[WEEK:] - seen[:-WEEK] == 0)
    # Windows overlap: a seventh of them are independent. Half a week without is added.
    return float(min(rate, 0.99)), float((empty.sum() / WEEK + 0.5) / (whole.sum() / WEEK + 1))


def _absence(
    household: Household,
    visits: Visits,
    where: Distances,
    run: Run,
    probability: float,
    expected: float,
) -> Claim:
    own = np.isin(visits.customer, run.cards)
    home = np.flatnonzero(own & where.near)
    before, after = home[home < run.visits[0]], home[home > run.visits[-1]]
    chosen = np.concatenate([before[-1:], run.visits, after[:1]])
    others = where.near & ~own & (visits.day > run.first) & (visits.day < run.last)
    return Claim(
        kind=ABSENCE.name,
        lines=household.receipts.lines(visits.receipt[chosen]),
        asked=1,
        null="usual_pace",
        probability=probability,
        subject=locality_name(household.population.stores, run.locality),
        customer=household.card(run.cards[0]) if len(run.cards) == 1 else None,
        start=day_of(run.first),
        end=day_of(run.last + 1),
        values={"expected": expected, "cards": tuple(str(household.card(card)) for card in run.cards)},
        variant="card" if others.any() else "plain",
        alternatives=("cash",),
    )


KINDS = (STAY, ABSENCE)
