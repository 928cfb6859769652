"""Apart: two purchases too far from each other for the hours between."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from crm_analytics.profiling.evidence.claim import Claim
from crm_analytics.profiling.evidence.kind import Kind
from crm_analytics.profiling.questions.places.stays import day_of
from crm_analytics.profiling.questions.places.visits import Visits, visits_of
from crm_analytics.profiling.reading.household import Household
from crm_analytics.profiling.reading.population import Population
from crm_analytics.profiling.reading.stores import Stores

FAR = 100.0  # km: nearer, the hours between two tills say little
TOP_KMH, AT_THE_WHEEL = 110.0, 0.5  # nobody drives faster from door to door, and half an hour is lost besides
FASTEST_ROAD_KMH = 85.0  # as the crow flies: roads are some 1.3 times as long
# Median and log spread of a long drive, as the crow flies: 77 km/h with stops, on roads 1.35 times as long
# (Ballou, Rahardja & Sakai 2002: 1.36 in Turkey, 1.3 in Germany).
ROAD_KMH, ROAD_SPREAD = 57.0, 0.2
SLOWEST_KMH = 50.0  # as the crow flies; slower than that a drive fits on any road
FLIGHT_KMH, AROUND_A_FLIGHT = 700.0, 2.5  # hours to, from and at airports
WRONG_CLOCK = 1e-4  # chance that a till's clock or its place is wrong by hours
LEAST_TRIPS = 50
SAME_STAY = 14  # days

KIND = Kind(
    name="apart",
    stage="interpretation",
    title={"en": "Not together", "tr": "Birlikte değiller"},
    statements={
        "plain": {
            "en": "On {start:date} two people of the household were apart: {first:card} was used in {from_place:word} "
            "at {from_hour:hour}, {customer:card} in {to_place:word}, {km:count} km away, {hours:number} hours later. "
            "A drive does not fit.",
            "tr": "{start:date} günü haneden iki kişi ayrı yerlerde: {first:card} {from_place:word} şehrinde saat "
            "{from_hour:hour} sularında, {customer:card} {hours:number} saat sonra {km:count} km ötede "
            "({to_place:word}) kullanılmış. Araba yolculuğu bu süreye sığmaz.",
        },
        "hardly": {
            "en": "On {start:date} two people of the household were probably apart, or one flew: {first:card} was used "
            "in {from_place:word} at {from_hour:hour}, {customer:card} in {to_place:word}, {km:count} km away, "
            "{hours:number} hours later. A drive hardly fits.",
            "tr": "{start:date} günü haneden iki kişi büyük olasılıkla ayrı yerlerde ya da biri uçakla gitmiş: "
            "{first:card} {from_place:word} şehrinde saat {from_hour:hour} sularında, {customer:card} {hours:number} "
            "saat sonra {km:count} km ötede ({to_place:word}) kullanılmış. Araba yolculuğu bu süreye pek sığmaz.",
        },
        "one_card": {
            "en": "On {start:date} {customer:card} was used in {from_place:word} at {from_hour:hour} and "
            "{hours:number} hours later in {to_place:word}, {km:count} km away: probably two people use it.",
            "tr": "{start:date} günü {customer:card} {from_place:word} şehrinde saat {from_hour:hour} sularında, "
            "{hours:number} saat sonra {km:count} km ötede ({to_place:word}) kullanılmış: büyük olasılıkla kartı iki "
            "kişi kullanıyor.",
        },
    },
    nulls={
        "one_party": {
            "en": "they travel together, as fast as people do between two purchases of one card",
            "tr": "birlikte, tek kartın iki alışverişi arasındaki olağan hızla yolculuk ediyorlar",
        },
        "wrong_clock": {
            "en": "a till's clock or place is wrong, once in 10,000 purchases",
            "tr": "10.000 alışverişte bir görüldüğü gibi bir kasanın saati ya da yeri yanlış",
        },
    },
    alternatives={
        "flew": {"en": "One of them may have flown in between.", "tr": "Biri arada uçakla gitmiş olabilir."},
        "lent_card": {
            "en": "Somebody else may have had one of the cards.",
            "tr": "Kartlardan biri başkasında olabilir.",
        },
        "wrong_clock": {"en": "A till's clock may be wrong.", "tr": "Bir kasanın saati yanlış olabilir."},
    },
)


def apart(household: Household) -> list[Claim]:
    """Successive purchases in far places with too little time between; two holders is the first reading.

    Statistic: kilometres as the crow flies over the hours between, half an hour less. Null for two
    cards: their holders travel together; the p-value is the population's share of trips (successive
    purchases of one card, 100 km apart or more) as fast, with one trip more whose chance to be so is that
    of an uninterrupted drive. Above 110 km/h, and never less, it is
    the chance of a wrong clock, 1 in 10,000, which is all there is for one card used twice, and
    for a population of fewer than 50 trips. `asked` counts the household's trips between cards, or of
    cards; a trip within two weeks of one that no car makes is asked by itself, for they were apart in
    those days. Minimum effect: 50 km/h, for two cards. A log without hours asks nothing.
    """
    if household.population.context.stores is None:
        return []
    visits = household.learn(visits_of)
    if not (visits.hour != 0).any():
        return []
    between, of_one = _trips(household, visits)
    usual = household.population.learn(trip_speeds)
    claims = []
    for trips, alone in ((between, False), (of_one, True)):
        impossible = visits.day[[trip.second for trip in trips if trip.speed >= TOP_KMH]]
        best: dict[int, tuple[float, int, Trip]] = {}
        for trip in trips:
            p_value = _p_value(trip, usual, alone)
            day = int(visits.day[trip.second])
            apart_then = trip.speed < TOP_KMH and bool((np.abs(impossible - day) <= SAME_STAY).any())
            tried = 1 if apart_then else len(trips)
            if p_value * tried < 0.2 and (day not in best or p_value * tried < best[day][0] * best[day][1]):
                best[day] = (p_value, tried, trip)
        claims += [_claim(household, visits, *best[day], alone) for day in sorted(best)]
    return claims


@dataclass(frozen=True)
class Trip:
    """Two successive purchases far from each other: positions in the visits, km, hours, km/h."""

    first: int
    second: int
    km: float
    hours: float
    speed: float


def _trips(household: Household, visits: Visits) -> tuple[list[Trip], list[Trip]]:
    """Trips between two cards, and trips of one card."""
    between, of_one = [], []
    cards = np.unique(visits.customer)
    for place, card in enumerate(cards):
        own = np.flatnonzero(visits.customer == card)
        of_one += _far_steps(household, visits, own, np.ones(max(own.size - 1, 0), dtype=bool))
        for other in cards[place + 1 :]:
            both = np.flatnonzero((visits.customer == card) | (visits.customer == other))
            changes = np.diff(visits.customer[both]) != 0
            between += _far_steps(household, visits, both, changes)
    return between, of_one


def _far_steps(household: Household, visits: Visits, chain: np.ndarray, which: np.ndarray) -> list[Trip]:
    first, second = chain[:-1][which], chain[1:][which]
    km = household.population.stores.distance_km(visits.store[first], visits.store[second])
    hours = (visits.at[second] - visits.at[first]) / np.timedelta64(3600, "s")
    speed = _speed(km, hours)
    return [
        Trip(int(first[i]), int(second[i]), float(km[i]), float(hours[i]), float(speed[i]))
        for i in np.flatnonzero(km >= FAR)  # nan is not
    ]


def _speed(km: np.ndarray, hours: np.ndarray) -> np.ndarray:
    """Kilometres an hour of what is left for the drive; inf where nothing is."""
    left = hours - AT_THE_WHEEL
    return np.divide(km, left, out=np.full(km.shape, np.inf), where=left > 0)


def _p_value(trip: Trip, usual: np.ndarray, alone: bool) -> float:
    if trip.speed >= TOP_KMH:
        return WRONG_CLOCK
    if alone or trip.speed < SLOWEST_KMH or usual.size < LEAST_TRIPS:
        return 1.0
    faster = usual.size - np.searchsorted(usual, trip.speed)
    road = float(norm.sf(np.log(trip.speed / ROAD_KMH) / ROAD_SPREAD))
    return max(WRONG_CLOCK, float((faster + road) / (usual.size + 1)))


def trip_speeds(population: Population) -> np.ndarray:
    """Speeds (km/h) of everybody's trips, successive purchases of one card far from each other; ascending."""
    if population.context.stores is None:
        return np.empty(0)
    lines = population.lines
    first = np.flatnonzero((np.diff(lines.receipt, prepend=-1) != 0) & (lines.store >= 0))
    first = first[np.lexsort((lines.at[first], lines.customer[first]))]
    same = np.diff(lines.customer[first]) == 0
    before, after = first[:-1][same], first[1:][same]
    moved = lines.store[before] != lines.store[after]
    before, after = before[moved], after[moved]
    km = population.stores.distance_km(lines.store[before], lines.store[after])
    far = km >= FAR
    hours = (lines.at[after] - lines.at[before]) / np.timedelta64(3600, "s")
    return np.sort(_speed(km[far], hours[far]))


def _claim(
    household: Household, visits: Visits, p_value: float, tried: int, trip: Trip, alone: bool
) -> Claim:
    pair = np.array([trip.first, trip.second])
    day = day_of(int(visits.day[trip.second]))
    flew = trip.hours >= trip.km / FLIGHT_KMH + AROUND_A_FLIGHT
    stores = household.population.stores
    names = [_town(stores, int(store)) for store in visits.store[pair]]
    drive = "plain" if trip.speed >= FASTEST_ROAD_KMH else "hardly"
    return Claim(
        kind=KIND.name,
        lines=household.receipts.lines(visits.receipt[pair]),
        asked=tried,
        null="wrong_clock" if p_value == WRONG_CLOCK else "one_party",
        p_value=p_value,
        subject=day.isoformat(),
        customer=household.card(visits.customer[trip.second]),
        start=day,
        end=day_of(int(visits.day[trip.second]) + 1),
        values={
            "first": str(household.card(visits.customer[trip.first])),
            "from_place": names[0],
            "to_place": names[1],
            "from_hour": float(visits.hour[trip.first]),
            "km": round(trip.km),
            "hours": trip.hours,
        },
        variant="one_card" if alone else drive,
        alternatives=(*(["flew"] if flew else ["wrong_clock"]), "lent_card"),
    )


def _town(stores: Stores, store: int) -> str:
    town = stores.town[store]
    return str(stores.towns[town] if town >= 0 else stores.places[stores.place[store]])


KINDS = (KIND,)
