"""Away runs: days of one card in a far town with no purchase near home between them."""

from dataclasses import dataclass, replace

import numpy as np

from crm_analytics.profiling.questions.places.visits import Distances, Visits, distances_of, visits_of
from crm_analytics.profiling.reading.household import Household

LONGEST_GAP = 14  # days without a purchase that still belong to one stay
BUYS_AWAY = 0.3  # share of the days of a stay with a purchase
LEAST_QUIET = (
    0.1  # chance of nothing bought near home between two trips; how often that is, is itself uncertain
)


@dataclass(frozen=True)
class Run:
    """Visits to one far town, by one card or more.

    Attributes
    ----------
    visits : ndarray of int64
        Positions in the visits, in time order.
    locality : int
        Code of the town (`Distances.locality`).
    cards : tuple of int
        Codes of the cards.
    first, last : int
        First and last day.
    days : int
        Distinct days with a purchase there.
    log_factor : float
        Logarithm of the Bayes factor of one stay against single trips on random days; 0 for one day.
    trips, pace : float
        Trips a day to the town, and share of days with a purchase near home, of the card (the larger of several).
    """

    visits: np.ndarray
    locality: int
    cards: tuple[int, ...]
    first: int
    last: int
    days: int
    log_factor: float
    trips: float
    pace: float


def away_runs(household: Household) -> list[Run]:
    """All runs, those of one day too, by time; runs of several cards that meet are one."""
    visits, where = household.learn(visits_of), household.learn(distances_of)
    if where is None:
        return []
    found = []
    for card in np.unique(visits.customer[where.away]):
        own = visits.customer == card
        for locality in np.unique(where.locality[own & where.away]):
            found.extend(_runs_of_card(visits, where, int(card), int(locality)))
    found.sort(key=lambda run: (run.locality, run.first, run.last, run.cards))
    return _merged(found, visits, where)


def _runs_of_card(visits: Visits, where: Distances, card: int, locality: int) -> list[Run]:
    own = visits.customer == card
    there = np.flatnonzero(own & where.away & (where.locality == locality))
    home = np.flatnonzero(own & where.near)
    # How many purchases near home lie before each visit: where it grows, they were home between.
    before = np.searchsorted(home, there)
    day = visits.day[there]
    cut = np.flatnonzero((np.diff(before) > 0) | (np.diff(day) > LONGEST_GAP)) + 1
    own_days = visits.day[own]
    span = float(own_days.max() - own_days.min() + 1)
    # A run is one trip at least: a summer of purchases is no sign that they come at random.
    trips = (cut.size + 2) / (span + 1)
    pace = min(np.unique(visits.day[home]).size / span, 0.99)
    runs = []
    for part in np.split(there, cut):
        days = np.unique(visits.day[part])
        factor = stay_factor(np.diff(days), trips, pace)
        runs.append(Run(part, locality, (card,), int(days[0]), int(days[-1]), days.size, factor, trips, pace))
    return runs


def stay_factor(gaps: np.ndarray, trips: float, pace: float) -> float:
    """Logarithm of the Bayes factor of one stay, given the days from each purchase away to the next.

    In a stay something is bought on three days of ten, so the gaps are geometric. Of single trips,
    `trips` a day start, and on the days between two of them something is bought near home on a share
    `pace` of the days; that nothing was is given a chance of a tenth at least. No gap, no evidence: 0.

    >>> bool(round(stay_factor(np.array([2, 1]), trips=0.01, pace=0.25), 3) == round(np.log(0.21 * 0.3 / 0.75e-4), 3))
    True
    """
    stayed = np.log(BUYS_AWAY) + (gaps - 1) * np.log1p(-BUYS_AWAY)
    quiet = np.maximum((gaps - 1) * np.log1p(-pace), np.log(LEAST_QUIET))
    return float((stayed - np.log(trips) - quiet).sum())


def _merged(runs: list[Run], visits: Visits, where: Distances) -> list[Run]:
    """Runs of different cards in one town that overlap or follow soon, neither seen at home between, are one.

    Cards that travel together do not bear witness twice: the largest factor counts, of each card or
    of the days of all as if they were one card's.
    """
    merged: list[Run] = []
    for run in runs:
        last = merged[-1] if merged else None
        if last is None or last.locality != run.locality or not _together(last, run, visits, where):
            merged.append(run)
            continue
        both = np.sort(np.concatenate([last.visits, run.visits]))
        days = np.unique(visits.day[both])
        trips, pace = max(last.trips, run.trips), max(last.pace, run.pace)
        joint = stay_factor(np.diff(days), trips, pace) if _quiet(last, run, visits, where) else 0.0
        merged[-1] = replace(
            last,
            visits=both,
            cards=tuple(sorted({*last.cards, *run.cards})),
            last=int(days[-1]),
            days=days.size,
            log_factor=max(last.log_factor, run.log_factor, joint),
            trips=trips,
            pace=pace,
        )
    return sorted(merged, key=lambda run: (run.first, run.locality))


def _together(first: Run, second: Run, visits: Visits, where: Distances) -> bool:
    """Whether a run goes on in another card's."""
    if set(second.cards) <= set(first.cards) or second.first - first.last > LONGEST_GAP:
        return False
    return second.first <= first.last + 1 or _quiet(first, second, visits, where)


def _quiet(first: Run, second: Run, visits: Visits, where: Distances) -> bool:
    """Whether no card of the two was used near home from the beginning of the first to the end of both."""
    own = np.isin(visits.customer, [*first.cards, *second.cards]) & where.near
    inside = (visits.day > first.first) & (visits.day < max(first.last, second.last))
    return not (own & inside).any()
