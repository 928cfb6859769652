"""Second home: an own house or boat in the holiday town, or a hotel?"""

from dataclasses import dataclass

import numpy as np
from scipy.special import betaln

from crm_analytics.profiling.evidence.claim import Claim
from crm_analytics.profiling.evidence.kind import Kind
from crm_analytics.profiling.questions.places.away_runs import LONGEST_GAP, Run, away_runs
from crm_analytics.profiling.questions.places.visits import (
    AWAY_KM,
    Visits,
    distances_of,
    locality_name,
    visits_of,
)
from crm_analytics.profiling.reading.household import Household
from crm_analytics.profiling.reading.population import Population

# What one buys who keeps house.
HOUSE = ("cleaning", "kitchenware", "storage", "textile", "paper", "kitchen_wraps")
FOOD = (
    "fruit",
    "vegetables",
    "meat",
    "fish",
    "delicatessen",
    "dairy",
    "bread",
    "cooking_ingredient",
    "staple",
)
MORE_FOOD = ("ready_meal", "nuts", "sweets", "snacks", "soft_drink", "coffee", "tea", "water", "alcohol")
GUESTS_BUY_LESS = 4.0  # of these than at home, where the population is too small to tell
GUESTS_LEAST_MOST = np.array([1 / 8, 1 / 1.5])  # of the share at home: guests buy a few such goods anywhere

# Owners come back in most years, and often more than once a year.
OWNER_RETURNS, OWNER_TWICE = 0.8, 0.5
# Shares of hotel guests are learnt among owners: not all that is seen is believed.
RETURNS, TWICE = (0.05, 0.45), (0.03, 0.2)
ALIKE = 15.0  # how alike baskets of one kind are: a and b of their beta-distributed shares sum to it
MOST_RETURNS = 12.0  # for work, relatives or a favourite hotel people come back as well
CLEAR_BASKET = 12.0  # Bayes factor of the goods where all stays are of one year
MOST_TOLD = 6.0  # logarithm: what a basket can tell at most
FAR = 150.0  # km: a visit so far away is a stay even where it shows one day

KIND = Kind(
    name="second_home",
    stage="interpretation",
    title={"en": "A house of their own elsewhere", "tr": "Başka yerde kendi evi"},
    statements={
        "plain": {
            "en": "They probably have a house or a boat of their own in {subject:word}, rather than a hotel: "
            "{windows:count stay} in {years:count year}, and {goods:count} of the {lines:count} things bought there "
            "are for keeping house, such as {examples:words}.",
            "tr": "{subject:word}: otelden çok, büyük olasılıkla kendilerine ait bir ev ya da tekne. {years:count} "
            "ayrı yılda {windows:count} konaklama; orada alınan {lines:count} üründen {goods:count} tanesi ev düzeni "
            "için (örneğin {examples:words}).",
        },
        "returns": {
            "en": "They probably have a house or a boat of their own in {subject:word}, rather than a hotel: "
            "{windows:count stay} in {years:count year}. What they buy there does not tell.",
            "tr": "{subject:word}: otelden çok, büyük olasılıkla kendilerine ait bir ev ya da tekne. {years:count} "
            "ayrı yılda {windows:count} konaklama var; orada alınanlar bunu tek başına göstermiyor.",
        },
    },
    nulls={
        "hotel": {
            "en": "they stay in hotels: they come back as often, and buy there, as others do who stay away once",
            "tr": "otelde kalıyorlar: bir kez konaklayan başkaları kadar geri geliyor ve onlar gibi alışveriş "
            "ediyorlar",
        }
    },
    alternatives={
        "relatives": {
            "en": "It may be the house of relatives or friends.",
            "tr": "Akraba ya da arkadaş evi olabilir.",
        },
        "rental": {
            "en": "It may be the same flat, rented every year.",
            "tr": "Her yıl kiralanan aynı daire olabilir.",
        },
        "boat": {
            "en": "It may be a boat at the marina, not a house.",
            "tr": "Ev değil, marinada bir tekne olabilir.",
        },
        "time_share": {
            "en": "It may be a time-share.",
            "tr": "Devre mülk olabilir.",
        },
    },
)


def second_homes(household: Household) -> list[Claim]:
    """Far towns with an own house or boat, told from hotels by returns and by what is bought there.

    The Bayes factor is a product of three: the share of goods for the house among the lines bought
    there (beta-binomial: as at home, against as guests', learnt from everybody); years
    with and without a return (80 % of years, against guests' share of returns); years with two
    separate stays (50 %, against guests' share). Returns count twelve to one at most; where all stays
    are of one year, what is bought must speak twelve to one for a house. Asked of each
    town with two separate stays or more; `asked` is their number.
    """
    if household.population.context.stores is None:
        return []
    visits, where = household.learn(visits_of), household.learn(distances_of)
    if where is None or not where.away.any():
        return []
    runs = [run for run in household.learn(away_runs) if run.days > 1 or where.km[run.visits[0]] >= FAR]
    towns = {
        code: _windows([run for run in runs if run.locality == code]) for code in {r.locality for r in runs}
    }
    towns = {code: windows for code, windows in sorted(towns.items()) if len(windows) > 1}
    if not towns:
        return []
    others = household.population.learn(habits_away)
    claims = []
    for code, windows in towns.items():
        claim = _claim(household, visits, others, code, windows, len(towns))
        if claim is not None:
            claims.append(claim)
    return claims


def _windows(runs: list[Run]) -> list[list[Run]]:
    """Runs of one town, those within two weeks of each other together."""
    windows: list[list[Run]] = []
    for run in sorted(runs, key=lambda run: run.first):
        if windows and run.first - max(one.last for one in windows[-1]) <= LONGEST_GAP:
            windows[-1].append(run)
        else:
            windows.append([run])
    return windows


@dataclass(frozen=True)
class HabitsAway:
    """What households do in far towns.

    Attributes
    ----------
    own, hotel : float
        Share of goods for the house among lines bought in an own house, as at home, and in a hotel.
    returns : float
        Share of the years after a first stay in which there is another in the town, of hotel founds.
    twice : float
        Share of years with a stay that have two separate ones, of hotel founds.
    """

    own: float
    hotel: float
    returns: float
    twice: float


def habits_away(population: Population) -> HabitsAway:
    """Learn from everybody's purchases how a stay away looks; what the population is too small for, is assumed.

    Owners are among everybody. Guests' baskets are those of towns with a single stay, which is rarely
    an owner's; their returns those of towns where the basket is nearer to guests' than to that at home.
    """
    goods, n, years, possible, twice, stays, share_home = _towns_away(population)
    # Lines of one household's stays are alike: beyond `ALIKE` of them more say little more of everybody.
    told = np.where(stays == 1, np.minimum(n, ALIKE), 0.0)
    hotel = ((goods / np.maximum(n, 1) * told).sum() + 10 * share_home / GUESTS_BUY_LESS) / (told.sum() + 10)
    hotel = float(np.clip(hotel, *GUESTS_LEAST_MOST * share_home))
    guest = goods < (hotel + share_home) / 2 * n
    return HabitsAway(
        share_home,
        hotel,
        float(((guest * (years - 1)).sum() + 3) / ((guest * possible).sum() + 10)),
        float(((guest * twice).sum() + 1) / ((guest * years).sum() + 10)),
    )


def household_goods(population: Population) -> np.ndarray:
    """Which products are for keeping house; no food, though its brand be called after a pot; (n_products,)."""
    return np.asarray(population.tagged(*HOUSE) & ~population.tagged(*FOOD, *MORE_FOOD))


def _towns_away(
    population: Population,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]:
    """Each household's far towns: goods for the house, lines, years with a stay, years from the first stay on
    but that one, years with two stays, stays; and the share of goods near home."""
    lines, stores = population.lines, population.stores
    product = lines.product
    sold = ~population.tagged("fuel", "restaurant")[product] & (lines.store >= 0)
    goods = household_goods(population)[product][sold]
    house, store, day = (
        lines.household[sold].astype(np.int64),
        lines.store[sold],
        lines.day[sold].astype(np.int64),
    )
    town = np.where(stores.town >= 0, stores.town, len(stores.towns) + stores.place).astype(np.int64)
    size = int(town.max(initial=0)) + 1
    away = _is_away(stores.latitude, stores.longitude, town, size)
    pair = house * size + town[store]
    span = int(day.max(initial=0)) + 1
    code, n = np.unique(np.unique(pair * span + (day + 3) // 7) // span, return_counts=True)
    home = np.full(len(population.households) + 1, -1, dtype=np.int64)
    order = np.argsort(n, kind="stable")
    home[code[order] // size] = code[order] % size
    gone = away[home[house], town[store]] if house.size else np.zeros(0, dtype=bool)
    share_home = (goods[~gone].sum() + 1.5) / ((~gone).sum() + 10)
    pairs, which = np.unique(pair[gone], return_inverse=True)
    if not pairs.size:
        none = np.zeros(0)
        return none, none, none, none, none, none, float(share_home)
    trip = np.unique(which * span + day[gone])
    who, when = trip // span, trip % span
    fresh = np.ones(trip.size, dtype=bool)
    fresh[1:] = (np.diff(who) > 0) | (np.diff(when) > LONGEST_GAP)
    year = when[fresh].astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64)
    season, stays = np.unique(who[fresh] * 10_000 + year, return_counts=True)
    of = season // 10_000
    years = np.bincount(of, minlength=pairs.size)
    first = season[np.searchsorted(of, np.arange(pairs.size))] % 10_000
    return (
        np.bincount(which, goods[gone], pairs.size),
        np.bincount(which, minlength=pairs.size).astype(float),
        years.astype(float),
        (year.max() - first).astype(float),
        np.bincount(of, stays > 1, pairs.size),
        np.bincount(of, stays, pairs.size),
        float(share_home),
    )


def _is_away(latitude: np.ndarray, longitude: np.ndarray, town: np.ndarray, size: int) -> np.ndarray:
    """Which towns are far from which; boolean, shape (size, size)."""
    known = np.isfinite(latitude) & np.isfinite(longitude)
    n = np.bincount(town[known], minlength=size).astype(float)
    middle = [
        np.radians(
            np.divide(np.bincount(town[known], x[known], size), n, out=np.full(size, np.nan), where=n > 0)
        )
        for x in (latitude, longitude)
    ]
    lat, lon = middle
    h = np.sin((lat[:, None] - lat) / 2) ** 2
    h = h + np.cos(lat[:, None]) * np.cos(lat) * np.sin((lon[:, None] - lon) / 2) ** 2
    km = 2 * 6371.0 * np.arcsin(np.sqrt(np.clip(h, 0, 1)))
    return np.where(np.isfinite(km), km >= AWAY_KM, ~np.eye(size, dtype=bool))


def _claim(
    household: Household,
    visits: Visits,
    others: HabitsAway,
    code: int,
    windows: list[list[Run]],
    tried: int,
) -> Claim | None:
    population = household.population
    seen = np.concatenate([run.visits for window in windows for run in window])
    positions = household.receipts.lines(visits.receipt[np.sort(seen)])
    bought = positions[~household.tagged("fuel", "restaurant")[positions]]
    goods = bought[population.learn(household_goods)[household.lines.product[bought]]]
    basket = _basket_factor(goods.size, bought.size, others.own, others.hotel)
    starts = np.array([window[0].first for window in windows])
    year = starts.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64)
    seasons, stays = np.unique(year, return_counts=True)
    returns = _return_factor(household, others, seasons) * _twice_factor(others, stays)
    factor = basket * min(returns, MOST_RETURNS)
    if factor / tried < 4 or (seasons.size == 1 and basket < CLEAR_BASKET):
        return None
    marina = any(
        "marina" in f"{population.stores.kind[store]} {population.stores.name[store]}".lower()
        for store in np.unique(visits.store[seen])
    )
    alternatives = ["relatives", "rental"]
    if marina:
        alternatives.append("boat")
    if (stays == 1).all() and basket < 3:  # two windows a year, or a household's goods, are no time-share's
        alternatives.append("time_share")
    told = basket > 1 and goods.size > 1
    categories = np.unique(household.lines.category[goods])
    examples = [household.word("category", category) for category in categories[categories >= 0][:3]]
    told = told and bool(examples)
    return Claim(
        kind=KIND.name,
        lines=goods if told else positions,
        asked=tried,
        null="hotel",
        bayes_factor=float(factor),
        subject=locality_name(population.stores, code),
        values={
            "windows": len(windows),
            "years": int(seasons.size),
            "goods": int(goods.size),
            "lines": int(bought.size),
            "examples": tuple(examples),
        },
        variant="plain" if told else "returns",
        alternatives=tuple(alternatives),
    )


def _basket_factor(k: int, n: int, own: float, hotel: float) -> float:
    """Beta-binomial likelihood of k house goods among n lines in an own house, over that in a hotel."""
    return float(np.exp(np.clip(_log_share(k, n, own) - _log_share(k, n, hotel), -MOST_TOLD, MOST_TOLD)))


def _log_share(k: float | np.ndarray, n: float | np.ndarray, share: float) -> np.ndarray:
    """Beta-binomial log likelihood of k of n, but for the binomial coefficient."""
    share = float(np.clip(share, 1e-3, 1 - 1e-3))
    a, b = ALIKE * share, ALIKE * (1 - share)
    return np.asarray(betaln(k + a, n - k + b) - betaln(a, b))


def _return_factor(household: Household, others: HabitsAway, seasons: np.ndarray) -> float:
    """Years with and without a return since the first, while the household was seen for half of the year."""
    last = int(np.datetime64(int(household.lines.day[-1]), "D").astype("datetime64[Y]").astype(np.int64))
    if household.lines.day[-1] - np.datetime64(last, "Y").astype("datetime64[D]").astype(np.int64) < 243:
        last -= 1  # the season of its last year may be to come
    chance = float(np.clip(others.returns, *RETURNS))
    came = seasons.size - 1
    missed = max(last - int(seasons[0]) - came, 0)
    return float((OWNER_RETURNS / chance) ** came * ((1 - OWNER_RETURNS) / (1 - chance)) ** missed)


def _twice_factor(others: HabitsAway, stays: np.ndarray) -> float:
    """Years with two separate stays, and years with one."""
    chance = float(np.clip(others.twice, *TWICE))
    twice = (stays > 1).sum()
    once = stays.size - twice
    return float((OWNER_TWICE / chance) ** twice * ((1 - OWNER_TWICE) / (1 - chance)) ** once)


KINDS = (KIND,)
