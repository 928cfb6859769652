"""Fuel tier: does a card pay more, or less, a litre than others at the same pump?"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from crm_analytics.profiling.evidence.claim import Claim
from crm_analytics.profiling.evidence.kind import Kind
from crm_analytics.profiling.questions.chance import at_least
from crm_analytics.profiling.questions.fuel.refuellings import Refuellings, all_refuellings, refuellings_of
from crm_analytics.profiling.reading.household import Household
from crm_analytics.profiling.reading.population import Population

LEAST_FILLS = 8
LEAST_NEIGHBOURS = 5  # households; a few may all take another fuel
LEAST_OTHERS = 2
LEAST_SHARE = 0.75  # of the refuellings; fewer are a second vehicle, or a treat
WIDER = 4  # days
OTHER_TIER = 0.015  # of the price: less is rounding, or the hour of a change of prices
LEAST_ERROR, MOST_ERROR = 0.03, 0.3

KIND = Kind(
    name="fuel_tier",
    stage="detail",
    title={"en": "A dearer or cheaper fuel", "tr": "Daha pahalı ya da ucuz yakıt"},
    statements={
        "above": {
            "en": "{customer:card} pays {percent:percent} more a litre than others {where_en:word} ({times:count} of "
            "{fills:count} refuellings): a premium fuel, or another kind than most.",
            "tr": "{customer:card} litreye başkalarından {percent:percent} fazla ödüyor, {where_tr:word} "
            "({fills:count} yakıt alımından {times:count} tanesi): premium bir yakıt ya da çoğunluğunkinden başka bir "
            "tür.",
        },
        "below": {
            "en": "{customer:card} pays {percent:percent} less a litre than others {where_en:word} ({times:count} of "
            "{fills:count} refuellings): probably another kind of fuel than most, such as diesel or gas.",
            "tr": "{customer:card} litreye başkalarından {percent:percent} az ödüyor, {where_tr:word} ({fills:count} "
            "yakıt alımından {times:count} tanesi): büyük olasılıkla motorin ya da gaz gibi başka bir yakıt türü.",
        },
    },
    nulls={
        "same_fuel": {
            "en": "the fuel that most take, whose price differs only now and then from that of the others",
            "tr": "çoğunluğun aldığı yakıt; fiyatı başkalarınınkinden yalnızca ara sıra farklı çıkıyor",
        }
    },
    alternatives={
        "premium_petrol": {"en": "It may be premium petrol.", "tr": "Katkılı (premium) benzin olabilir."},
        "diesel": {"en": "It may be a diesel car.", "tr": "Dizel araç olabilir."},
        "gas": {"en": "It may be a car that runs on gas.", "tr": "Gazla (LPG) çalışan araç olabilir."},
        "station": {
            "en": "The station's brand may be dearer or cheaper.",
            "tr": "İstasyonun fiyatı farklı olabilir.",
        },
        "others_discount": {
            "en": "Others may have a discount.",
            "tr": "Başkalarına özel bir indirim olabilir.",
        },
        "discount": {"en": "The card may have a discount of its own.", "tr": "Karta özel indirim olabilir."},
    },
)


def fuel_tiers(household: Household) -> list[Claim]:
    """Per card: price a litre against other households' at the same station (else town) on the same days.

    Statistic: refuellings whose price is 1.5 % or more above (or below) the median of other
    households' at the station, the day before to the day after; else of four days around, or in the town
    (3 % is asked there).
    Null: the fuel that most take; then prices differ so much as often as they do on cards whose median
    difference is nil (at least 3 %). The p-value is the binomial tail; `asked` is two a card.
    Minimum effect: the median difference is 1.5 % or more, and three in four refuellings differ.
    """
    fills = refuellings_of(household)
    if not np.isfinite(fills.price).any():
        return []
    prices = household.population.learn(prices_around)
    difference, nearness = differences(household, fills, prices)
    known = np.isfinite(difference)
    cards = [
        card for card in np.unique(fills.customer) if (known & (fills.customer == card)).sum() >= LEAST_FILLS
    ]
    claims = []
    for card in cards:
        own = np.flatnonzero(known & (fills.customer == card))
        if _neighbours(prices, fills.store[own], household) < LEAST_NEIGHBOURS:
            continue
        ratio = difference[own]
        middle = float(np.median(ratio))
        for sign, variant in ((1, "above"), (-1, "below")):
            out = sign * ratio >= np.where(nearness[own] == 0, OTHER_TIER, 2 * OTHER_TIER)
            share = (sign * ratio >= OTHER_TIER).mean()
            p_value = at_least(int(out.sum()), own.size, prices.error)
            if sign * middle >= OTHER_TIER and share >= LEAST_SHARE and p_value * 2 * len(cards) < 0.2:
                claims.append(
                    _claim(
                        household,
                        fills,
                        own[out],
                        own.size,
                        middle,
                        p_value,
                        variant,
                        nearness[own],
                        len(cards),
                    )
                )
    return claims


@dataclass(frozen=True)
class Prices:
    """Everybody's prices a litre.

    Attributes
    ----------
    station, town : tuple of ndarrays (key, household, price)
        Sorted by key: station, or town, times `WIDTH`, plus the day. The card's tier is off the price.
    error : float
        How often a card of no other tier pays a price of one.
    """

    station: tuple[np.ndarray, np.ndarray, np.ndarray]
    town: tuple[np.ndarray, np.ndarray, np.ndarray]
    error: float


ROUNDS, TEN_DAYS = 12, 10
WIDTH = 1_000_000  # more than the days since 1970


def prices_around(population: Population) -> Prices:
    """Sort all prices by station and day, each card's own tier taken off, and learn how often one is out by accident.

    A card's tier is its median price over those of the station in the same ten days, theirs without
    their tiers: medians in turn until they agree. Nil is the tier of the refuelling in the middle, so
    that it does not matter who else happens to refuel where a card does.
    """
    fills = all_refuellings(population)
    fills = fills.take(np.isfinite(fills.price) & (fills.price > 0) & (fills.store >= 0))
    household = population.lines.household[fills.line]
    tier, out = _tiers(fills)
    usual = out[np.isfinite(out) & (np.abs(tier) < OTHER_TIER / 2)]
    error = ((np.abs(usual) >= OTHER_TIER).sum() / 2 + 1) / (usual.size + 20)
    plain = fills.price / np.exp(tier)

    def ordered(place: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        key = place.astype(np.int64) * WIDTH + fills.day
        order = np.argsort(key, kind="stable")
        return key[order], household[order], plain[order]

    town = population.stores.town[fills.store]
    station, towns = ordered(fills.store), ordered(np.where(town >= 0, town, -1))
    known = towns[0] >= 0
    return Prices(
        station,
        (towns[0][known], towns[1][known], towns[2][known]),
        float(np.clip(error, LEAST_ERROR, MOST_ERROR)),
    )


def _neighbours(prices: Prices, store: np.ndarray, household: Household) -> int:
    """How many other households refuel at these stations."""
    key, who, _ = prices.station
    stores = np.unique(store).astype(np.int64)
    first, last = np.searchsorted(key, stores * WIDTH), np.searchsorted(key, (stores + 1) * WIDTH)
    seen = np.unique(np.concatenate([who[a:b] for a, b in zip(first, last, strict=True)]))
    return int((seen != household.lines.household[0]).sum())


def _tiers(fills: Refuellings) -> tuple[np.ndarray, np.ndarray]:
    """Log of each refuelling's card's tier, and of its price over that of station and days; nan among few."""
    frame = pd.DataFrame({"price": np.log(fills.price), "card": fills.customer})
    around = [fills.store, fills.day // TEN_DAYS]
    among = frame["price"].groupby(around).transform("size") > LEAST_OTHERS
    tier = pd.Series(0.0, index=frame.index)
    out = pd.Series(np.nan, index=frame.index)
    for _ in range(ROUNDS if among.any() else 0):
        level = (frame["price"] - tier).groupby(around).transform("median")
        out = (frame["price"] - level).where(among)
        by_card = frame["card"].map(out.groupby(frame["card"]).median())
        tier = (by_card - by_card.median()).fillna(0.0)
    return tier.to_numpy(), out.to_numpy()


def differences(household: Household, fills: Refuellings, prices: Prices) -> tuple[np.ndarray, np.ndarray]:
    """Log of each price over the median of others' prices around it, their tiers off, and how near these are.

    Nearness 0: at the station, within a day; 1: at the station, within `WIDER` days; 2: in the town,
    within a day. The log is nan, and the nearness -1, where fewer than two others are known.
    """
    difference, nearness = np.full(len(fills), np.nan), np.full(len(fills), -1)
    known = np.isfinite(fills.price) & (fills.price > 0) & (fills.store >= 0)
    if not known.any():
        return difference, nearness
    own = household.lines.household[0]
    town = np.where(fills.store >= 0, household.population.stores.town[fills.store], -1)
    books = ((prices.station, fills.store, 1), (prices.station, fills.store, WIDER), (prices.town, town, 1))
    for near, ((key, who, price), place, days) in enumerate(books):
        at = place.astype(np.int64) * WIDTH + fills.day
        left, right = (
            np.searchsorted(key, at - days, side="left"),
            np.searchsorted(key, at + days, side="right"),
        )
        for i in np.flatnonzero(known & (nearness < 0) & (place >= 0) & (right - left > LEAST_OTHERS)):
            others = np.sort(price[left[i] : right[i]][who[left[i] : right[i]] != own])
            if others.size >= LEAST_OTHERS:
                middle = (others[(others.size - 1) // 2] + others[others.size // 2]) / 2
                difference[i], nearness[i] = np.log(fills.price[i] / middle), near
    return difference, nearness


def _claim(
    household: Household,
    fills: Refuellings,
    which: np.ndarray,
    n: int,
    middle: float,
    p_value: float,
    variant: str,
    nearness: np.ndarray,
    cards: int,
) -> Claim:
    customer = household.card(fills.customer[which[0]])
    station = (nearness < 2).mean() > 0.5
    kinds = (
        ("premium_petrol", "diesel", "others_discount")
        if variant == "above"
        else ("diesel", "gas", "discount")
    )
    return Claim(
        kind=KIND.name,
        lines=fills.line[which],
        asked=2 * cards,
        null="same_fuel",
        p_value=p_value,
        subject=str(customer),
        customer=customer,
        values={
            "tier": variant,
            "percent": float(np.expm1(abs(middle)) if middle > 0 else -np.expm1(middle)),
            "times": int(which.size),
            "fills": int(n),
            "where_en": "at the same station on the same days"
            if station
            else "in the same town on the same days",
            "where_tr": "aynı istasyonda aynı günlerde" if station else "aynı şehirde aynı günlerde",
        },
        variant=variant,
        alternatives=kinds if station else (*kinds, "station"),
    )


KINDS = (KIND,)
