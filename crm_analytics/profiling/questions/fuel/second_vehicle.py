"""Second vehicle: does one card refuel two tanks?"""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammainc

from crm_analytics.profiling.evidence.claim import Claim
from crm_analytics.profiling.evidence.kind import Kind
from crm_analytics.profiling.questions.chance import at_least
from crm_analytics.profiling.questions.fuel.fuel_tier import OTHER_TIER, Prices, differences, prices_around
from crm_analytics.profiling.questions.fuel.refuellings import Refuellings, all_refuellings, refuellings_of
from crm_analytics.profiling.reading.household import Household
from crm_analytics.profiling.reading.population import Population
from crm_analytics.profiling.tagging.word_search import WordSearch

AT_ONCE, TOGETHER = 15.0, 60.0  # minutes
SOME = 0.2  # of the card's median amount
SOON = 1  # days: few empty a tank near home in so short a time
EVENLY = 2  # shape of the gamma distribution of days between refuellings of one tank
BOTH_FULL = 0.5  # of the card's median litres, each of the two
NEAR_KM = 60.0
SHORT = 2  # days
WRONG_TILL = 5e-6  # chance that a till writes a refuelling in two parts, at two prices
LEAST_RATE = 0.002
# What each view's p-value is multiplied with: half of the chance of an error goes to the clearest.
TRIED = {"at_once": 2, "together": 8, "soon": 8, "two_fuels": 8, "two_words": 8}
LEAST_FILLS = 5
# What no one engine takes both of; gas is burnt in engines for petrol.
DIESEL, PETROL = (
    ("diesel", "motorin", "mazot", "dizel"),
    ("petrol", "unleaded", "gasoline", "benzin", "kurşunsuz"),
)
WRONG_FUEL = 1 / 500  # chance that a till, or a driver, takes the other
LEAST_OTHER, LEAST_CHANGES = (
    3,
    4,
)  # refuellings with the rarer, and changes between them: a change of car is one

KIND = Kind(
    name="second_vehicle",
    stage="interpretation",
    title={"en": "A second vehicle", "tr": "İkinci araç"},
    statements={
        "at_once": {
            "en": "{customer:card} probably pays for two vehicles: two refuellings at different prices a litre within "
            "minutes, seen {times:times} ({seconds:count second} apart on {when:date}).",
            "tr": "{customer:card} ile büyük olasılıkla iki araca yakıt alınıyor: dakikalar içinde, litre fiyatı "
            "farklı iki yakıt alımı {times:times} görülüyor ({when:date} günü {seconds:count} saniye arayla).",
        },
        "together": {
            "en": "{customer:card} probably pays for two vehicles: two refuellings at one station within the hour, "
            "seen {times:times} (nearest on {when:date}).",
            "tr": "{customer:card} ile büyük olasılıkla iki araca yakıt alınıyor: aynı istasyonda bir saat içinde iki "
            "yakıt alımı {times:times} görülüyor (en yakını {when:date} günü).",
        },
        "soon": {
            "en": "{customer:card} probably pays for two vehicles: two full refuellings within a day, more than one "
            "tank takes, seen {times:times} (first on {when:date}).",
            "tr": "{customer:card} ile büyük olasılıkla iki araca yakıt alınıyor: bir gün içinde, tek deponun "
            "almayacağı iki büyük yakıt alımı {times:times} görülüyor (ilki {when:date}).",
        },
        "two_fuels": {
            "en": "{customer:card} probably pays for two vehicles: two kinds of fuel by turns ({fills:count} "
            "refuellings, {other:count} at another price than the rest), and each soon after the other.",
            "tr": "{customer:card} ile büyük olasılıkla iki araca yakıt alınıyor: dönüşümlü iki yakıt türü "
            "({fills:count} yakıt alımı, {other:count} tanesi ötekilerden farklı fiyatta) ve biri ötekinin hemen "
            "ardından.",
        },
        "two_words": {
            "en": "{customer:card} probably pays for two vehicles: of {fills:count} refuellings {other:count} are "
            "{rarer:word}, the others {commoner:word}, by turns.",
            "tr": "{customer:card} ile büyük olasılıkla iki araca yakıt alınıyor: {fills:count} yakıt alımının "
            "{other:count} tanesi {rarer:word}, ötekiler {commoner:word}; dönüşümlü.",
        },
    },
    nulls={
        "one_tank": {
            "en": "one vehicle: large refuellings follow each other as they do on other cards, or on this one for one "
            "fuel; once in 200,000 a till splits one",
            "tr": "tek araç: büyük yakıt alımları başka kartlardaki, ya da bu karttaki tek yakıttaki gibi birbirini "
            "izliyor; 200.000 alımda bir kasa alımı ikiye bölüyor",
        }
    },
    alternatives={
        "can": {"en": "They may fill a can as well.", "tr": "Ayrıca bir bidon dolduruluyor olabilir."},
        "friend": {
            "en": "They may have paid for somebody else's car.",
            "tr": "Başka birinin aracı için ödenmiş olabilir.",
        },
        "split_payment": {
            "en": "One refuelling may have been paid in two parts.",
            "tr": "Tek alım iki parçada ödenmiş olabilir.",
        },
        "premium_now_and_then": {
            "en": "One car may be given premium fuel at times.",
            "tr": "Tek araca ara sıra premium yakıt alınıyor olabilir.",
        },
        "long_drive": {"en": "It may have been a long drive.", "tr": "Uzun bir yolculuk olabilir."},
    },
)


def second_vehicles(household: Household) -> list[Claim]:
    """Per card: two refuellings too close together for one tank, or of fuels that no one engine takes.

    Five views, of which the most telling one counts, at eight times its p-value (the first at twice).
    At once: two within 15 minutes at one station and different prices a litre; null: a till splits
    one refuelling in 200,000. Together: two within the hour at one station; null: as often as on the
    cards where that is seen once at most, at least 1 in 500. Soon: two within a day, near each other,
    each half of the card's median or more; null: as often as on everybody's cards, at least 1 in 500,
    and as often as one tank that is refuelled at the card's pace (days between are gamma distributed,
    shape 2). Two fuels: refuellings at two price levels (see `fuel_tiers`) by turns, where a change of
    level comes within 2 days and full more often than the same level again does; both are tested, the
    larger p-value counts. Two words: diesel and petrol by the descriptions, three of the rarer at
    least and four changes; null: the wrong one is put down once in 500. `asked` is the number of cards.
    """
    fills = refuellings_of(household)
    cards = [card for card in np.unique(fills.customer) if (fills.customer == card).sum() > 1]
    if not cards:
        return []
    claims = []
    prices = household.population.learn(prices_around)
    rates = household.population.learn(pair_rates)
    difference, _ = differences(household, fills, prices)
    for card in cards:
        own = fills.customer == card
        mine = fills.take(own)
        views = {
            "at_once": _at_once(mine),
            "together": _together(mine, rates.together),
            "soon": _soon(household, mine, rates.soon),
            "two_fuels": _two_fuels(mine, difference[own], prices),
            "two_words": _two_words(mine, household.population.learn(fuel_words)),
        }
        variant = min(views, key=lambda view: TRIED[view] * views[view][0])
        p_value, which, times = views[variant]
        p_value = min(1.0, TRIED[variant] * p_value)
        if p_value * len(cards) < 0.2:
            claims.append(_claim(household, mine, which, times, p_value, variant, len(cards)))
    return claims


Found = tuple[float, np.ndarray, int]  # p-value, positions of the refuellings, how many pairs or odd ones
_NOTHING: Found = (1.0, np.empty(0, dtype=np.int64), 0)


def _at_once(fills: Refuellings) -> Found:
    if not timed(fills):
        return _NOTHING
    price = fills.price
    other = np.abs(np.diff(np.log(np.where(price > 0, price, np.nan)))) > OTHER_TIER / 3
    usual = np.full(len(fills), np.median(fills.amount))
    pair = np.flatnonzero(_pairs_within(fills, AT_ONCE, usual) & other)
    return at_least(pair.size, len(fills), WRONG_TILL), np.unique([pair, pair + 1]), int(pair.size)


def _together(fills: Refuellings, rate: float) -> Found:
    if not timed(fills):
        return _NOTHING
    pair = np.flatnonzero(_pairs_within(fills, TOGETHER, np.full(len(fills), np.median(fills.amount))))
    return at_least(pair.size, len(fills) - 1, rate), np.unique([pair, pair + 1]), int(pair.size)


def _pairs_within(fills: Refuellings, minutes: float, usual: np.ndarray) -> np.ndarray:
    """Which steps to the next refuelling are of one card, at one station and so short; shape (n - 1,)."""
    near = np.diff(fills.at) / np.timedelta64(60, "s") <= minutes
    some = fills.amount >= SOME * usual  # less is a correction, or goes into a can
    here = (np.diff(fills.store) == 0) & (np.diff(fills.customer) == 0)
    return np.asarray(near & here & some[1:] & some[:-1])


def timed(fills: Refuellings) -> bool:
    """Whether the refuellings have an hour."""
    return bool((fills.at != fills.at.astype("datetime64[D]")).any())


def _soon(household: Household, fills: Refuellings, rate: float) -> Found:
    if len(fills) < LEAST_FILLS or not np.isfinite(fills.litres).any():
        return _NOTHING
    soon = _soon_pairs(fills, np.full(len(fills), np.nanmedian(fills.litres)))
    stores = household.population.stores
    first, second = fills.store[:-1], fills.store[1:]
    known = np.flatnonzero((first >= 0) & (second >= 0))
    km = np.full(first.size, np.nan)
    km[known] = stores.distance_km(first[known], second[known])
    pair = np.flatnonzero(soon & ~(km >= NEAR_KM))  # unknown is not far
    # Who refuels often comes back soon, with one tank too: half a day more, for days are counted.
    days = max(float(fills.day[-1] - fills.day[0]), 1.0) / (len(fills) - 1)
    rate = max(rate, float(gammainc(EVENLY, EVENLY * (SOON + 0.5) / days)))
    return at_least(pair.size, len(fills) - 1, rate), np.unique([pair, pair + 1]), int(pair.size)


def _soon_pairs(fills: Refuellings, typical: np.ndarray) -> np.ndarray:
    """Which steps from one refuelling to the next are of a day at most, both being large; shape (n - 1,)."""
    apart = (np.diff(fills.day) <= SOON) & (np.diff(fills.receipt) != 0)
    large = fills.litres >= BOTH_FULL * typical
    return apart & large[1:] & large[:-1] & (np.diff(fills.customer) == 0)


@dataclass(frozen=True)
class PairRates:
    """Shares of everybody's steps from one refuelling of a card to the next; at least 1 in 500.

    Attributes
    ----------
    together, soon : float
        Within the hour at one station; within a day, both large.
    """

    together: float
    soon: float


def pair_rates(population: Population) -> PairRates:
    """How often two refuellings of one vehicle come so close.

    Within the hour: on the cards that show it once at most, for it is rare with one tank. Within a day,
    which a long drive explains too: on everybody's cards.
    """
    fills = all_refuellings(population)
    fills = fills.take(np.lexsort((fills.at, fills.customer)))
    together, soon = LEAST_RATE, LEAST_RATE
    if len(fills) > 1 and timed(fills):
        together = _rate(_pairs_within(fills, TOGETHER, _medians(fills.amount, fills.customer)), fills)
    fills = fills.take(np.isfinite(fills.litres))
    if len(fills) > 1:
        pairs = _soon_pairs(fills, _medians(fills.litres, fills.customer))
        steps = (np.diff(fills.customer) == 0).sum()
        soon = max(float((pairs.sum() + 1) / (steps + 1 / LEAST_RATE)), LEAST_RATE)
    return PairRates(together, soon)


def _medians(value: np.ndarray, customer: np.ndarray) -> np.ndarray:
    """Each one's card's median."""
    order = np.lexsort((value, customer))
    cards, first, n = np.unique(customer[order], return_index=True, return_counts=True)
    return np.asarray(value[order][first + n // 2][np.searchsorted(cards, customer)])


def _rate(pair: np.ndarray, fills: Refuellings) -> float:
    """Share of pairs among the steps of cards with one pair at most: who shows more may have two vehicles."""
    step = np.diff(fills.customer) == 0
    n = np.bincount(fills.customer[1:], pair, fills.customer.max() + 1)
    one = step & (n <= 1)[fills.customer[1:]]
    return float(max((pair[one].sum() + 1) / (one.sum() + 1 / LEAST_RATE), LEAST_RATE))


def _two_fuels(fills: Refuellings, difference: np.ndarray, prices: Prices) -> Found:
    known = np.flatnonzero(np.isfinite(difference) & np.isfinite(fills.litres))
    if known.size < 2 * LEAST_FILLS:
        return _NOTHING
    level = difference[known]
    high = level > _parting(level)
    if (
        min(high.sum(), (~high).sum()) < 3
        or np.median(level[high]) - np.median(level[~high]) < 2 * OTHER_TIER
    ):
        return _NOTHING
    rare = high if high.sum() <= known.size / 2 else ~high
    large = fills.litres[known] >= BOTH_FULL * np.median(fills.litres[known])
    short = (np.diff(fills.day[known]) <= SHORT) & large[1:] & large[:-1]
    change = np.diff(high.astype(np.int64)) != 0
    if change.sum() < 4:  # a change of car is one
        return _NOTHING
    usual = ((short & ~change).sum() + 0.5) / ((~change).sum() + 1)
    by_turns = at_least(int((short & change).sum()), int(change.sum()), max(float(usual), 0.02))
    by_error = at_least(int(rare.sum()), known.size, 2 * prices.error)
    pair = np.flatnonzero(short & change)
    return max(by_turns, by_error), known[np.unique([pair, pair + 1])], int(rare.sum())


def fuel_words(population: Population) -> np.ndarray:
    """By product: 1 for diesel, 2 for petrol by its description, 0 for neither or both."""
    search = WordSearch(population.products["description"].astype(str).tolist())
    code = np.zeros(len(population.products), dtype=np.int64)
    for number, words in enumerate((DIESEL, PETROL), 1):
        found = np.unique(np.concatenate([search.having(word) for word in words]))
        code[found] += number
    return np.where((code == 3) | ~population.tagged("fuel"), 0, code)


def _two_words(fills: Refuellings, words: np.ndarray) -> Found:
    known = np.flatnonzero(words[fills.product] > 0)
    diesel = words[fills.product[known]] == 1
    rare = diesel if diesel.sum() <= known.size / 2 else ~diesel
    change = np.flatnonzero(np.diff(diesel.astype(np.int64)) != 0)
    if rare.sum() < LEAST_OTHER or change.size < LEAST_CHANGES:
        return _NOTHING
    p_value = at_least(int(rare.sum()), known.size, WRONG_FUEL)
    return p_value, known[np.unique([change, change + 1])], int(rare.sum())


def _said(household: Household, products: np.ndarray) -> str:
    """The commonest description; '' of none."""
    code, n = np.unique(products, return_counts=True)
    return str(household.population.products["description"].iloc[code[np.argmax(n)]]) if code.size else ""


def _parting(level: np.ndarray) -> float:
    """The value that parts levels into two groups with the least spread in both (Otsu 1979)."""
    ordered = np.sort(level)
    n = np.arange(1, ordered.size)
    total = np.cumsum(ordered)
    low, high = total[:-1] / n, (total[-1] - total[:-1]) / (ordered.size - n)
    cut = int(np.argmax(n * (ordered.size - n) * (high - low) ** 2))
    return float((ordered[cut] + ordered[cut + 1]) / 2)


def _claim(
    household: Household,
    fills: Refuellings,
    which: np.ndarray,
    times: int,
    p_value: float,
    variant: str,
    cards: int,
) -> Claim:
    customer = household.card(fills.customer[0])
    gaps = np.diff(fills.at[which]) / np.timedelta64(1, "s")
    nearest = int(np.argmin(gaps))
    day = np.datetime64(int(fills.day[which[nearest]]), "D").astype(object)
    alternatives = {
        "at_once": ("can", "friend"),
        "together": ("can", "friend", "split_payment"),
        "soon": ("can", "friend", "split_payment", "long_drive"),
        "two_fuels": ("premium_now_and_then", "friend"),
        "two_words": ("can", "friend"),
    }[variant]
    words = household.population.learn(fuel_words)[fills.product]
    said = sorted(
        (int((words == one).sum()), _said(household, fills.product[words == one])) for one in (1, 2)
    )
    return Claim(
        kind=KIND.name,
        lines=fills.line[which],
        asked=cards,
        null="one_tank",
        p_value=p_value,
        subject=str(customer),
        customer=customer,
        values={
            "times": times,
            "seconds": int(gaps[nearest]),
            "when": day,
            "fills": len(fills),
            "other": times,
            "rarer": said[0][1],
            "commoner": said[1][1],
        },
        variant=variant,
        alternatives=alternatives,
    )


KINDS = (KIND,)
