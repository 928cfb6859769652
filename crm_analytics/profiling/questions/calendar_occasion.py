"""Calendar occasion: what a household buys for a feast and hardly at other times, year after year."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd

from crm_analytics.profiling.evidence.claim import Claim
from crm_analytics.profiling.evidence.kind import Kind
from crm_analytics.profiling.reading.household import Household
from crm_analytics.profiling.reading.population import Population

FESTIVE: tuple[str, ...] = (
    "alcohol",
    "nuts",
    "snacks",
    "sweets",
    "dessert",
    "soft_drink",
    "meat",
    "fish",
    "delicatessen",
)
NOT_TAKEN_HOME = ("restaurant", "fuel", "tobacco")
FESTIVE += ("condiment", "seasonal", "flowers", "greeting", "religious_food", "gift_card", "toy")
NO_FEAST = ("school", "season")  # kinds of spans that are no occasion to celebrate
LONGEST = 45  # days
SHORT = 10  # days: a feast this short is shopped for before it
BEFORE, EVE = 7, 3  # days before a short feast, or the last ones of its shopping days
LONG_BEFORE = 17  # days before a long one, and before a season of shopping begins
FEW = 20  # households: fewer tell no season
TIMES = np.array([4.0, 16.0, 64.0])  # how many times the ordinary share an occasion may have
SHARE_FESTIVE, SHARE_OTHER = 0.25, 0.08  # of categories that a celebrating household buys for the occasion
OWN = 0.25  # share of a category's lines within the occasion, over two years, that makes it a household's own
OWN_TIMES = 3.0  # custom; and at least as many times what falls there by chance
FEWER = np.array([1.0, 0.3, 0.1])  # times these shares: some buy one thing for the occasion
CARRIES = 2.0  # likelihood ratio from which a category is named, and its lines shown
LEAST_VISITS = 20
LEAST_YEARS = 2
SELDOM = 6.0  # purchases of a category for each span seen: one bought more often is a habit

_SAID = {
    "plain": ("the occasion '{subject:word}'", "'{subject:word}' dönemi"),
    "new_year": ("New Year's Eve", "Yılbaşı"),
    "valentine": ("Valentine's Day", "Sevgililer Günü"),
    "christmas": ("Christmas", "Noel"),
    "ramadan": ("Ramadan", "Ramazan"),
    "ramadan_feast": ("the feast of Ramadan", "Ramazan Bayramı"),
    "sacrifice_feast": ("the Feast of Sacrifice", "Kurban Bayramı"),
}

KIND = Kind(
    name="calendar_occasion",
    stage="interpretation",
    title={"en": "Bought for an occasion", "tr": "Özel günler için alışveriş"},
    statements={
        variant: {
            "en": f"Before and around {en}, in {{years:words}}, more is bought than at this household's other times, "
            "and beyond what others do then: {categories:words}. It is probably celebrated at home.",
            "tr": f"{tr} öncesinde ve sırasında ({{years:words}}) hanenin öteki zamanlarına göre ve başkalarının o "
            "günlerde yaptığından fazla alınanlar: {categories:words}. Büyük olasılıkla evde kutlanıyor.",
        }
        for variant, (en, tr) in _SAID.items()
    },
    nulls={
        "own_rate": {
            "en": "each category falls on these days as on others, as often as lines do, "
            "times the season that everybody has",
            "tr": "her kategori bu günlere de öteki günlerdeki sıklıkla düşer; "
            "herkeste görülen mevsim etkisi hesaba katıldı",
        }
    },
    alternatives={
        "guests": {"en": "guests who came at that time anyway", "tr": "o sırada zaten gelen konuklar"},
        "gift": {
            "en": "it was taken to others as a gift",
            "tr": "başkalarına armağan olarak götürülmüş olabilir",
        },
    },
)


@dataclass(frozen=True)
class _Occasion:
    """One occasion of the calendar as days of the log, at each width that is looked at."""

    name: str
    religious: bool
    for_school: bool  # a season of shopping for school, and for nothing else
    windows: np.ndarray  # (n_widths, n_days): number of its span, -1 outside
    years: np.ndarray  # by number of span: the year that it ends in
    lift: np.ndarray  # (n_widths, n_units): the population's share then over its share else


@dataclass(frozen=True)
class _Calendar:
    """Occasions; the log's first day; the unit of each product (its category); prior shares."""

    occasions: tuple[_Occasion, ...]
    first_day: int
    unit: np.ndarray
    share: np.ndarray
    school: np.ndarray  # units for school


def calendar_occasion(household: Household) -> list[Claim]:
    """Occasions of the calendar for which categories are bought beyond their own rate, year after year.

    Asked are the occasions (religious ones counted apart) in two of whose spans, or more, the
    household shopped. Spans up to ten days are looked at with the week before them, and with three
    days; longer ones with the 17 days before, and those and their first three; shopping days with
    the week before, and their last three. Statistic: of K purchases of a category (days, those of
    one span being one), the number k of spans with it. Null: each falls there with probability q,
    the windows' share of the household's lines that are not festive, moved by the seasonal lift of
    the population without the households that have the custom themselves, as far as that is
    certain. An occasion multiplies its odds by t = 4, 16 or 64, which is t^k (1 + q (t - 1))^-K
    times as likely; a quarter of the festive categories and few of the others are taken to be
    bought for it, or a third or a tenth of that, and only those bought for it in two years, and
    seldom in all, speak for it: one party fills a basket. The Bayes factor is the product over
    categories, averaged over the two widths. Meals and fuel are left out, and weeks of shopping for
    school are about school things. Of occasions that explain the same lines the likelier is told.
    """
    calendar = household.population.learn(_calendar)
    lines = household.lines
    if not calendar.occasions or household.visit_days.size < LEAST_VISITS:
        return []
    day = lines.day - calendar.first_day
    unit = calendar.unit[lines.product]
    known = np.flatnonzero(unit >= 0)
    if known.size == 0:
        return []
    n_days = calendar.occasions[0].windows.shape[1]
    bought = pd.unique(unit[known].astype(np.int64) * n_days + day[known])
    units, place = np.unique(bought // n_days, return_inverse=True)
    when = bought % n_days
    ordinary = (unit >= 0) & (calendar.share[unit] < SHARE_FESTIVE)
    asked = {False: 0, True: 0}
    found = []
    for occasion in calendar.occasions:
        best = None
        factors = []
        speaks = calendar.school[units] | (not occasion.for_school)
        for window, lift in zip(occasion.windows, occasion.lift, strict=True):
            inside = window[day] >= 0
            if np.unique(window[day[inside]]).size < LEAST_YEARS:
                continue
            seen = window[when] >= 0
            spans_of = np.unique(place[seen] * n_days + window[when[seen]]) // n_days
            there = np.bincount(spans_of, minlength=units.size)
            total = np.bincount(place[~seen], minlength=units.size) + there
            q = _share(inside[ordinary], lift[units])
            # What is bought at all times is not bought for the occasion.
            seldom = total <= SELDOM * np.unique(window[day[inside]]).size
            share = np.where(seldom, calendar.share[units], 0.0)
            factor, carrying = _evidence(there, total, q, share, speaks & (there >= LEAST_YEARS))
            factors.append(factor)
            if carrying.any() and (best is None or factor > best[0]):
                mine = np.flatnonzero(inside & np.isin(unit, units[carrying]))
                best = (factor, mine, np.unique(window[day[mine]]))
        asked[occasion.religious] += bool(factors) and bool(speaks.any())
        if best is not None:
            found.append((occasion, float(np.mean(factors)), best[1], best[2]))
    claims: list[Claim] = []
    taken = np.zeros(len(lines), dtype=bool)
    for occasion, factor, mine, spans in sorted(found, key=lambda one: -one[1]):
        # What two occasions near each other explain is told of the likelier one.
        if factor > asked[occasion.religious] and taken[mine].mean() < 0.5:
            claims.append(_claim(household, occasion, mine, spans, factor, asked[occasion.religious]))
            taken[mine] = True
    return claims


def _share(inside: np.ndarray, lift: np.ndarray) -> np.ndarray:
    """Share of lines within the windows, by unit: of those given, moved by the season everybody has."""
    among = (inside.sum() + 0.5) / (inside.size + 1)
    # A season that many have is partly their custom, which is what is asked about.
    lift = np.where(lift > 1, np.sqrt(lift), lift)
    return among * lift / (among * lift + 1 - among)


def _evidence(
    there: np.ndarray,
    total: np.ndarray,
    q: np.ndarray,
    share: np.ndarray,
    may_speak: np.ndarray,
) -> tuple[float, np.ndarray]:
    """Bayes factor of all units together, and which carry it; those that may not speak only count against."""
    ratios = likelihood_ratio(there, total, q)
    ratios = np.where(may_speak, ratios, np.minimum(ratios, 1.0))
    carrying = (ratios >= CARRIES) & (share * ratios >= SHARE_FESTIVE * CARRIES / 2)
    shares = FEWER[:, None] * share
    return float(np.exp(np.log(1 - shares + shares * ratios).sum(axis=1)).mean()), carrying


def likelihood_ratio(there: np.ndarray, total: np.ndarray, q: np.ndarray) -> np.ndarray:
    """How many times likelier `there` of `total` days are if an occasion multiplies their odds, than by `q` alone.

    >>> likelihood_ratio(np.array([2, 0]), np.array([3, 3]), np.array([0.01, 0.01])).round(1)
    array([376.3,   0.6])
    """
    log_ratio = there[:, None] * np.log(TIMES) - total[:, None] * np.log1p(q[:, None] * (TIMES - 1))
    return np.exp(np.minimum(log_ratio, 600.0)).mean(axis=1)


def _claim(
    household: Household, occasion: _Occasion, mine: np.ndarray, spans: np.ndarray, factor: float, asked: int
) -> Claim:
    words = [household.word("category", code) for code in np.unique(household.lines.category[mine])]
    return Claim(
        kind=KIND.name,
        lines=mine,
        asked=asked,
        null="own_rate",
        bayes_factor=min(factor, 1e300),
        subject=occasion.name,
        variant=occasion.name if occasion.name in _SAID else "plain",
        values={
            "categories": words,
            "years": np.unique(occasion.years[spans]).tolist(),
            "n": int(mine.size),
        },
        alternatives=("guests", "gift"),
        topic="religion" if occasion.religious else "",
    )


def _calendar(population: Population) -> _Calendar:
    """The calendar's occasions on the log's days, and how everybody's purchases move with them."""
    lines = population.lines
    first, last = (int(lines.day.min()), int(lines.day.max())) if len(lines) else (0, 0)
    unit, festive, n_units = _units(population)
    school = np.zeros(n_units, dtype=bool)
    school[unit[population.tagged("school") & (unit >= 0)]] = True
    occasions = []
    for name, kind, spans in _spans(population.context.calendar, first, last):
        windows = _windows(kind, spans, first, last)
        if not (windows >= 0).any():
            continue
        lift = np.ones((len(windows), n_units))
        clear = False
        if len(population.households) >= FEW:
            for width, window in enumerate(windows):
                lift[width], seasonal = _lift(population, unit[lines.product], window, n_units)
                festive = festive | (seasonal & (kind != "public"))
                clear |= bool(seasonal.any())
        # A public day that moves nobody's shopping is a day off.
        if kind != "public" or clear:
            years = np.array([(end - timedelta(days=1)).year for _, end in spans])
            occasions.append(
                (
                    kind,
                    _Occasion(
                        name, kind == "religious", _long(spans) and kind == "shopping", windows, years, lift
                    ),
                )
            )
    return _Calendar(_apart(occasions), first, unit, np.where(festive, SHARE_FESTIVE, SHARE_OTHER), school)


def _units(population: Population) -> tuple[np.ndarray, np.ndarray, int]:
    """Unit of each product, which units are festive, and how many there are."""
    lines = population.lines
    n_categories = max(len(population.names["category"]), 1)
    unit = np.full(len(population.products), -1, dtype=np.int64)
    unit[lines.product] = lines.category
    unit[population.tagged(*NOT_TAKEN_HOME)] = -1
    known = unit >= 0
    tagged = np.bincount(unit[known], population.tagged(*FESTIVE)[known], n_categories)
    return unit, tagged > np.bincount(unit[known], minlength=n_categories) / 2, n_categories


def _spans(table: pd.DataFrame | None, first: int, last: int) -> list[tuple[str, str, list]]:
    """Occasions worth asking about, with their spans that touch the log's days."""
    if table is None or len(table) == 0:
        return []
    begins, ends = (np.datetime64(day, "D").astype(object) for day in (first, last + 1))
    found: dict[tuple[str, str], list] = {}
    for occasion, kind, begin, until in table[["occasion", "kind", "start", "end"]].dropna().to_numpy(object):
        start, end = pd.Timestamp(begin).date(), pd.Timestamp(until).date()
        if kind in NO_FEAST or not 0 < (end - start).days <= LONGEST:
            continue
        if end > begins and start - timedelta(days=LONG_BEFORE) < ends:
            found.setdefault((str(occasion), str(kind)), []).append((start, end))
    return [(name, kind, sorted(spans)) for (name, kind), spans in sorted(found.items())]


def _long(spans: list) -> bool:
    return max((end - start).days for start, end in spans) > SHORT


def _windows(kind: str, spans: list, first: int, last: int) -> np.ndarray:
    """Number of the span by day of the log, -1 outside, for each width."""
    widths = []
    long = _long(spans)
    for before in (BEFORE, EVE):
        window = np.full(last - first + 1, -1)
        for number, (start, end) in enumerate(spans):
            begins, ends = (int(np.datetime64(day, "D").astype(int)) - first for day in (start, end))
            if kind == "shopping":
                begins = begins - BEFORE if before == BEFORE else max(begins, ends - EVE)
            elif long:
                begins, ends = begins - LONG_BEFORE, ends if before == BEFORE else begins + EVE
            else:
                begins -= before
            window[max(begins, 0) : max(ends, 0)] = number
        widths.append(window)
    return np.array(widths)


def _lift(
    population: Population, unit: np.ndarray, window: np.ndarray, n_units: int
) -> tuple[np.ndarray, np.ndarray]:
    """Each unit's share of the population's lines then, over its share else; and which are clearly seasonal.

    Without the households that have the custom themselves, or a custom of a few would be everybody's season.
    """
    lines = population.lines
    span = window[lines.day - lines.day.min()]
    known = unit >= 0
    pair = np.where(known, lines.household.astype(np.int64) * n_units + unit, -1)
    n_pairs = len(population.households) * n_units
    inside = known & (span >= 0)
    n_spans = int(window.max()) + 1
    years = np.bincount(pd.unique(pair[inside] * n_spans + span[inside]) // n_spans, minlength=n_pairs)
    least = max(OWN, OWN_TIMES * float(inside.sum()) / max(int(known.sum()), 1))
    own = np.bincount(pair[inside], minlength=n_pairs) >= least * np.bincount(pair[known], minlength=n_pairs)
    kept = known & ~((years >= LEAST_YEARS) & own)[pair]
    total = np.bincount(unit[kept], minlength=n_units)
    there = np.bincount(unit[kept & inside], minlength=n_units)
    expected = total * there.sum() / max(total.sum(), 1)
    lift = (there + 5) / (expected + 5)
    # Few households' own feasts are no season: a lift counts as far as it is certain.
    sure = np.clip((there - 2 * np.sqrt(there) + 5) / (expected + 5), 1.0, 20.0)
    return np.where(lift > 1, sure, np.maximum(lift, 0.5)), (lift > 1.5) & (
        there - expected > 4 * np.sqrt(expected + 1)
    )


def _apart(occasions: list[tuple[str, _Occasion]]) -> tuple[_Occasion, ...]:
    """Without public days in the midst of another occasion: New Year's Day beside New Year's Eve."""
    others = [occasion.windows[0] >= 0 for kind, occasion in occasions if kind != "public"]
    kept = []
    for kind, occasion in occasions:
        mine = occasion.windows[0] >= 0
        if kind != "public" or not any((other & mine).sum() > mine.sum() / 2 for other in others):
            kept.append(occasion)
    return tuple(kept)


KINDS = (KIND,)
