"""Visits: a household's receipts with their places, and the place that most weeks belong to."""

from dataclasses import dataclass

import numpy as np

from crm_analytics.profiling.questions.chance import at_least
from crm_analytics.profiling.reading.household import Household
from crm_analytics.profiling.reading.stores import Stores

AWAY_KM = 60.0  # nearer places are reached on an ordinary day
OTHER_TOWN_KM = 30.0  # in another town; whether one stays there, the days without home must tell


@dataclass(frozen=True)
class Visits:
    """Receipts of known stores in time order; all arrays have shape (n_visits,).

    Attributes
    ----------
    receipt : ndarray of int64
        Position in the household's receipts.
    at, day, customer, store : ndarray
        As in `Receipts`.
    place : ndarray of int32
        Code into `Stores.places`.
    meal, fuel : ndarray of bool
        Whether most of its lines are restaurant meals, or fuel. The others are shopping.
    hour : ndarray of float64
        0 throughout where the log has dates only.
    """

    receipt: np.ndarray
    at: np.ndarray
    day: np.ndarray
    customer: np.ndarray
    store: np.ndarray
    place: np.ndarray
    meal: np.ndarray
    fuel: np.ndarray
    hour: np.ndarray

    @property
    def weekend(self) -> np.ndarray:
        """Whether it is a Saturday or a Sunday."""
        return (self.day + 3) % 7 >= 5

    @property
    def shopping(self) -> np.ndarray:
        """Neither a meal nor fuel."""
        return ~(self.meal | self.fuel)


def visits_of(household: Household) -> Visits:
    """The household's receipts whose store is known."""
    receipts = household.receipts
    known = np.flatnonzero(receipts.store >= 0)
    at = receipts.at[known]
    return Visits(
        receipt=known,
        at=at,
        day=receipts.day[known].astype(np.int64),
        customer=receipts.customer[known],
        store=receipts.store[known],
        place=household.population.stores.place[receipts.store[known]],
        meal=mostly(household, "restaurant")[known],
        fuel=mostly(household, "fuel")[known],
        hour=(at - at.astype("datetime64[D]")) / np.timedelta64(3600, "s"),
    )


def mostly(household: Household, *tags: str) -> np.ndarray:
    """Which receipts have more than half of their lines of the tags; boolean, shape (n_receipts,)."""
    receipts = household.receipts
    if not len(receipts):
        return np.zeros(0, dtype=bool)
    tagged = np.add.reduceat(household.tagged(*tags).astype(np.int64), receipts.first)
    return 2 * tagged > receipts.n_lines


@dataclass(frozen=True)
class Anchor:
    """The place that most weeks of shopping belong to.

    Attributes
    ----------
    place, second : int
        Codes of the place and of the one that comes nearest to it; second is -1 where there is none.
    wins, losses : int
        Weeks in which the place, or the second, has more days than the other.
    p_value : float
        Chance of so many wins if both were equal.
    places : int
        Places with shopping.
    """

    place: int
    second: int
    wins: int
    losses: int
    p_value: float
    places: int


def anchor_of(visits: Visits) -> Anchor | None:
    """The home anchor: the place with the most days in most weeks; None without shopping.

    A week, not a day, is what is counted: a summer of daily shopping elsewhere is a few weeks. In
    each week a place has its distinct days of shopping, those at weekends and from 18 o'clock on
    twice: working hours say less of where people live. Where nothing but meals and fuel was bought,
    they are counted.
    """
    which = visits.shopping if visits.shopping.any() else np.ones(visits.day.size, dtype=bool)
    if not which.any():
        return None
    free = visits.weekend | (visits.hour >= 18)
    places, code = np.unique(visits.place[which], return_inverse=True)
    days, free = visits.day[which], free[which]
    weeks, week = np.unique((days + 3) // 7, return_inverse=True)
    # A free hour counts its day a second time.
    key = np.concatenate([2 * days, 2 * days[free] + 1]) * places.size + np.concatenate([code, code[free]])
    once = np.unique(key, return_index=True)[1]
    week, code = np.concatenate([week, week[free]])[once], np.concatenate([code, code[free]])[once]
    votes = np.bincount(week * places.size + code, minlength=weeks.size * places.size).astype(float)
    votes = votes.reshape(weeks.size, places.size)
    most = votes == votes.max(axis=1, keepdims=True)
    score = (most / most.sum(axis=1, keepdims=True)).sum(axis=0)
    best = int(np.lexsort((-votes.sum(axis=0), -np.round(score, 9)))[0])
    wins = (votes[:, [best]] > votes).sum(axis=0)
    losses = (votes[:, [best]] < votes).sum(axis=0)
    p = np.array([at_least(w, w + lost, 0.5) for w, lost in zip(wins, losses, strict=True)])
    p[best] = -1.0
    second = int(np.argmax(p))
    if places.size == 1:
        return Anchor(int(places[0]), -1, int(weeks.size), 0, 0.5**weeks.size, 1)
    return Anchor(
        int(places[best]),
        int(places[second]),
        int(wins[second]),
        int(losses[second]),
        float(p[second]),
        places.size,
    )


@dataclass(frozen=True)
class Distances:
    """How visits lie to the household's home; arrays have shape (n_visits,).

    Attributes
    ----------
    away : ndarray of bool
        In another town, `OTHER_TOWN_KM` or more from home where positions are known; or `AWAY_KM` from it.
    near : ndarray of bool
        In the home town, or nearer than that. Neither where it cannot be told.
    km : ndarray of float64
        From home; nan where unknown.
    locality : ndarray of int64
        Code of the town, or of the place where the town is unknown: see `locality_name`.
    """

    away: np.ndarray
    near: np.ndarray
    km: np.ndarray
    locality: np.ndarray


def home_anchor(household: Household) -> Anchor | None:
    """The `anchor_of` a household's visits."""
    return anchor_of(household.learn(visits_of))


def distances_of(household: Household) -> Distances | None:
    """How far from home each of the visits is; None without a table of stores, or without a home."""
    if household.population.context.stores is None:
        return None
    stores, visits = household.population.stores, household.learn(visits_of)
    anchor = household.learn(home_anchor)
    if anchor is None:
        return None
    at_home = visits.store[visits.place == anchor.place]
    codes, n = np.unique(at_home, return_counts=True)
    home = int(codes[np.argmax(n)])
    km = stores.distance_km(np.full(visits.store.size, home), visits.store)
    town, home_town = stores.town[visits.store], stores.town[home]
    towns_known = (town >= 0) & (home_town >= 0)
    other_town = towns_known & (town != home_town)
    least = np.where(other_town, OTHER_TOWN_KM, AWAY_KM)
    far = np.where(np.isfinite(km), km >= least, other_town)
    near = np.where(np.isfinite(km), km < least, towns_known & (town == home_town))
    locality = np.where(town >= 0, town, len(stores.towns) + visits.place).astype(np.int64)
    return Distances(far, near, km, locality)


def locality_name(stores: Stores, code: int) -> str:
    """The town, or the place, behind a code of `Distances.locality`."""
    return str(stores.towns[code] if code < len(stores.towns) else stores.places[code - len(stores.towns)])
