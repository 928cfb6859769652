"""Forgotten items: did they come back to the same store minutes after paying?"""

import numpy as np
from scipy.stats import nbinom

from crm_analytics.profiling.evidence.claim import Claim
from crm_analytics.profiling.evidence.kind import Kind
from crm_analytics.profiling.reading.household import Household
from crm_analytics.profiling.reading.receipts import Receipts

LONGEST = 30.0  # minutes from one receipt to the next
SHORTEST = 2.0  # sooner, it is one visit paid in two parts
SMALL = 0.6  # of the first receipt's amount, at most
LEAST_TIMES = 2
BLOCK = 28  # days over which the rate of visits is taken as even: whole weeks
PRIOR = 20.0  # pairs
MOST_COMPARED = 400  # receipts of one card and store whose pairs are all looked at

KIND = Kind(
    name="forgotten_items",
    stage="rhythm",
    title={"en": "Back for forgotten items", "tr": "Unutulanlar için geri dönüş"},
    statements={
        "plain": {
            "en": "{times:times} there is a second, smaller receipt of the same store a few minutes after the "
            "first (typically {minutes:number} minutes; by chance {expected:number} would be expected): they "
            "probably came back for what they had forgotten.",
            "tr": "{times:times}, ilk fişten birkaç dakika sonra aynı mağazadan daha küçük ikinci bir fiş var "
            "(genellikle {minutes:number} dakika; rastlantıyla beklenen {expected:number}): büyük olasılıkla unutulan "
            "bir şey için geri dönülmüş.",
        }
    },
    nulls={
        "random_visits": {
            "en": "visits fall at random into the household's own shopping weeks, weekdays and hours",
            "tr": "alışverişler hanenin kendi alışveriş haftalarına, günlerine ve saatlerine rastgele dağılıyor",
        }
    },
    alternatives={
        "split_payment": {
            "en": "The second receipt may be for somebody else, or paid in another way.",
            "tr": "İkinci fiş başkası için kesilmiş ya da başka bir yolla ödenmiş olabilir.",
        },
    },
)


def forgotten_items(household: Household) -> list[Claim]:
    """Second receipts within half an hour of a clearly larger one, same card and store, none of its items again.

    Statistic: the number of such pairs of successive receipts, over all stores but fuel stations
    and restaurants. Null: visits to a store are a Poisson process whose rate follows the
    household's own four-week blocks, weekdays and hours; a pair is then expected as often as two
    visits of one block fall on one day, so near in time and in this order of size, by the
    household's own pairs of visits on different days. The p-value is the chance of this many pairs
    or more: Poisson, its mean spread as a gamma by the number of pairs that it was reckoned from
    (so negative binomial). Told from two pairs on; lines
    shown are those of all smaller second receipts. A log without hours asks nothing.
    """
    receipts = household.receipts
    hour = _hour(receipts)
    if len(receipts) < 3 or not hour.any():
        return []
    kind = household.population.stores.kind
    shops = receipts.store >= 0
    shops[shops] = ~np.isin(kind[receipts.store[shops]], ("fuel", "restaurant"))
    second = _second_receipts(household, shops, SMALL)
    if second.size < LEAST_TIMES:
        return []
    expected, seen = _expected_pairs(receipts, hour, shops)
    p_value = float(nbinom.sf(second.size - 1, seen + 1, (seen + 1) / (seen + 1 + expected)))
    if p_value >= 0.2:
        return []
    shown = _second_receipts(household, shops, 1.0)
    stores, times = np.unique(receipts.store[shown], return_counts=True)
    main = stores[np.argmax(times)]
    minutes = (receipts.at[shown] - receipts.at[shown - 1]) / np.timedelta64(60, "s")
    claim = Claim(
        kind=KIND.name,
        lines=receipts.lines(shown),
        asked=1,
        null="random_visits",
        p_value=p_value,
        subject=str(household.population.names["store"][main]),
        values={"times": int(shown.size), "minutes": float(np.median(minutes)), "expected": float(expected)},
        alternatives=("split_payment",),
    )
    return [claim]


def _hour(receipts: Receipts) -> np.ndarray:
    return (receipts.at - receipts.at.astype("datetime64[D]")) / np.timedelta64(3600, "s")


def _second_receipts(household: Household, shops: np.ndarray, small: float) -> np.ndarray:
    """Positions of receipts that follow a larger one of the same card and store, and repeat nothing of it."""
    receipts, lines = household.receipts, household.lines
    minutes = np.diff(receipts.at) / np.timedelta64(60, "s")
    found = (
        (minutes >= SHORTEST)
        & (minutes <= LONGEST)
        & (np.diff(receipts.store) == 0)
        & (np.diff(receipts.customer) == 0)
        & shops[1:]
        & _smaller(
            receipts.amount[:-1], receipts.n_lines[:-1], receipts.amount[1:], receipts.n_lines[1:], small
        )
    )
    second = np.flatnonzero(found) + 1
    kept = [
        place
        for place in second.tolist()
        if not np.isin(
            _products(receipts, lines.product, place), _products(receipts, lines.product, place - 1)
        ).any()
    ]
    return np.array(kept, dtype=np.int64)


def _smaller(
    amount: np.ndarray, n: np.ndarray, later_amount: np.ndarray, later_n: np.ndarray, small: float
) -> np.ndarray:
    return (later_amount < amount) & (later_amount <= small * amount) & (later_n <= n)


def _products(receipts: Receipts, product: np.ndarray, place: int) -> np.ndarray:
    return product[receipts.first[place] : receipts.first[place] + receipts.n_lines[place]]


def _expected_pairs(receipts: Receipts, hour: np.ndarray, shops: np.ndarray) -> tuple[float, float]:
    """How many such pairs the null expects over all cards and stores, and how many it was reckoned from."""
    expected = seen = 0.0
    key = receipts.customer.astype(np.int64) * (receipts.store.max() + 2) + receipts.store
    for one in np.unique(key[shops]):
        mine = np.flatnonzero((key == one) & shops)
        if mine.size < 2:
            continue
        in_block = np.unique(receipts.day[mine] // BLOCK, return_counts=True)[1].astype(float)
        chance, like = _chance_of_pair(receipts, hour, mine)
        expected += (in_block * (in_block - 1) / 2).sum() * chance
        seen += like
    return float(expected), float(seen)


def _chance_of_pair(receipts: Receipts, hour: np.ndarray, mine: np.ndarray) -> tuple[float, int]:
    """That two visits of a block fall on one day, near in time, the later being smaller; pairs that tell it.

    Reckoned from visits on different days: a block has each weekday four times, so two visits of
    it that share their weekday share their day one time in four.
    """
    mine = mine[:: 1 + mine.size // MOST_COMPARED]
    day, amount, n = receipts.day[mine], receipts.amount[mine], receipts.n_lines[mine]
    minutes = 60 * (hour[mine][None, :] - hour[mine][:, None])
    other_day = day[None, :] != day[:, None]
    near = other_day & (minutes >= SHORTEST) & (minutes <= LONGEST)
    like = near & _smaller(amount[:, None], n[:, None], amount[None, :], n[None, :], SMALL)
    weekly = like & (day[None, :] % 7 == day[:, None] % 7)
    # Few pairs share a weekday: PRIOR pairs whose hours do not depend on it are added, and half a
    # pair, so that few visits do not make a pair impossible.
    pairs = other_day.sum() / 2
    weekday = np.bincount(day % 7) / mine.size
    any_weekday = (like.sum() + 0.5) / (pairs + 0.5) * (weekday**2).sum()
    return float((weekly.sum() + PRIOR * any_weekday) / (pairs + PRIOR)) * 7 / BLOCK, int(weekly.sum())


KINDS = (KIND,)
