"""Calendar occasion: what a household buys for a feast and hardly at other times, year after year."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from crm_analytics.profiling.evidence.claim import Claim
from crm_analytics.profiling.evidence.kind import Kind
from crm_analytics.profiling.questions.amounts import amount_ratios
from crm_analytics.profiling.questions.occasions import (
    LEAST_YEARS,
    SHARE_FESTIVE,
    SHARE_OTHER,
    Occasion,
    Occasions,
    occasions_of,
)
from crm_analytics.profiling.reading.household import Household

TIMES = np.array([4.0, 16.0, 64.0])  # how many times the ordinary share an occasion may have
MULTIPLES = np.array(
    [3.0, 1.0, 0.3, 0.1]
)  # times these shares: who celebrates buys most of it, or one thing only
MOST_LIKELY = 0.7
ALIKE = 12.0  # households' worth of evidence for those shares, beside what others buy for the occasion
CARRIES = 2.0  # likelihood ratio from which a category is named, and its lines shown
LEAST_VISITS = 20
SELDOM = 6.0  # purchases of a category for each span seen: of one bought more often, the amounts speak

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
        "guests": {
            "en": "Guests may have come at that time anyway.",
            "tr": "O sırada zaten konukları olabilir.",
        },
        "gift": {
            "en": "It may have been taken to others as a gift.",
            "tr": "Başkalarına armağan olarak götürülmüş olabilir.",
        },
    },
)


@dataclass(frozen=True)
class _Reading:
    """What a household bought for one occasion, by the widths that could be looked at.

    Attributes
    ----------
    occasion : Occasion
    spans : ndarray, shape (n_widths, n_lines)
        Number of the span of each line, -1 outside.
    ratios, shares : ndarray, shape (n_widths, n_units)
        Likelihood ratios of categories, and how likely each is to be bought for it at all.
    """

    occasion: Occasion
    spans: np.ndarray
    ratios: np.ndarray
    shares: np.ndarray

    def factors(self, counts: np.ndarray) -> np.ndarray:
        """Bayes factor at each width, of all categories together; those that do not count say nothing."""
        ratios = np.where(counts, self.ratios, 1.0)
        shares = np.minimum(MULTIPLES[:, None, None] * self.shares, MOST_LIKELY)
        return np.asarray(np.exp(np.log(1 - shares + shares * ratios).sum(axis=2)).mean(axis=0))

    @property
    def carrying(self) -> np.ndarray:
        """Categories that speak for it; boolean, shape (n_widths, n_units)."""
        return (self.ratios >= CARRIES) & (self.shares * self.ratios >= SHARE_FESTIVE * CARRIES / 2)


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
    times as likely. How likely a category is to be bought for it at all the other households tell (a
    quarter of the festive categories and few of the others, where there are few of them); one that
    celebrates, three times as likely as they, or as likely, or a third or a tenth. Only categories
    bought for it in two years speak for it: one party fills a basket. Of a category that is bought at
    all times it is the amounts that speak (`amount_ratios`). The Bayes factor is the product over
    categories, averaged over the two widths. Meals and fuel are left out, and weeks of shopping for
    school are about school things. A category that two occasions explain counts for the one that
    explains it better, as long as that one stands (`_apart`).
    """
    calendar = household.population.learn(occasions_of)
    lines = household.lines
    if not calendar.occasions or household.visit_days.size < LEAST_VISITS:
        return []
    unit = calendar.unit[lines.product]
    if not (unit >= 0).any():
        return []
    units, readings = _readings(household, calendar, unit)
    asked = {kind: max(1, sum(one.occasion.religious == kind for one in readings)) for kind in (False, True)}
    claims = []
    for one, counts, factor in _apart(readings, asked):
        width = int(np.argmax(one.factors(counts)))
        carrying = units[one.carrying[width] & counts]
        mine = np.flatnonzero((one.spans[width] >= 0) & np.isin(unit, carrying))
        spans = np.unique(one.spans[width][mine])
        claims.append(_claim(household, one.occasion, mine, spans, factor, asked[one.occasion.religious]))
    return sorted(claims, key=lambda claim: -(claim.bayes_factor or 0.0))


def _readings(
    household: Household, calendar: Occasions, unit: np.ndarray
) -> tuple[np.ndarray, list[_Reading]]:
    """The household's categories, and how each occasion reads them."""
    day = household.lines.day - calendar.first_day
    known = np.flatnonzero(unit >= 0)
    n_days = calendar.occasions[0].windows.shape[1]
    bought = pd.unique(unit[known].astype(np.int64) * n_days + day[known])
    units, place = np.unique(bought // n_days, return_inverse=True)
    when = bought % n_days
    ordinary = (unit >= 0) & (calendar.share[unit] < SHARE_FESTIVE)
    quantity = np.where(household.lines.quantity > 0, household.lines.quantity, 1.0)[known]
    cell = np.searchsorted(units, unit[known]) * n_days + day[known]
    packs = np.bincount(cell, quantity, units.size * n_days).reshape(units.size, n_days)
    readings = []
    for occasion in calendar.occasions:
        speaks = calendar.school[units] | (not occasion.for_school)
        if not speaks.any():
            continue
        rows = []
        for window, lift, customs in zip(occasion.windows, occasion.lift, occasion.customs, strict=True):
            spans = window[day]
            n_spans = np.unique(spans[spans >= 0]).size
            if n_spans < LEAST_YEARS:
                continue
            seen = window[when] >= 0
            spans_of = np.unique(place[seen] * n_days + window[when[seen]]) // n_days
            there = np.bincount(spans_of, minlength=units.size)
            total = np.bincount(place[~seen], minlength=units.size) + there
            ratios = likelihood_ratio(there, total, _share(spans[ordinary] >= 0, lift[units]))
            may_speak = speaks & (there >= LEAST_YEARS)
            share = (customs + ALIKE * calendar.share)[units] / (occasion.buyers + ALIKE)[units]
            # What is bought at all times is bought for the occasion only if it is more.
            habit = np.flatnonzero(may_speak & (total > SELDOM * n_spans))
            ratios[habit] = amount_ratios(packs[habit], window, lift[units[habit]])
            share[habit] = SHARE_OTHER
            share[~may_speak & (total > SELDOM * n_spans)] = 0.0
            rows.append((spans, np.where(may_speak, ratios, np.minimum(ratios, 1.0)), share))
        if rows:
            readings.append(_Reading(occasion, *(np.stack(column) for column in zip(*rows, strict=True))))
    return units, readings


def _apart(readings: list[_Reading], asked: dict[bool, int]) -> list[tuple[_Reading, np.ndarray, float]]:
    """Occasions that stand by the categories that no other of them explains better, with these and their factors.

    The weakest that does not stand is left out, and its categories go to the others; until all stand.
    """
    standing = list(readings)
    while standing:
        explains = np.stack([one.ratios.mean(axis=0) for one in standing])
        best = explains.max(axis=0)
        told = []
        for one, own in zip(standing, explains, strict=True):
            # What nobody explains counts against all.
            counts = (own >= best) | (best <= 1)
            told.append((one, counts, float(one.factors(counts).mean())))
        fails = [
            (factor / asked[one.occasion.religious], place)
            for place, (one, counts, factor) in enumerate(told)
            if factor <= asked[one.occasion.religious] or not (one.carrying & counts).any()
        ]
        if not fails:
            return told
        del standing[min(fails)[1]]
    return []


def _share(inside: np.ndarray, lift: np.ndarray) -> np.ndarray:
    """Share of lines within the windows, by unit: of those given, moved by the season everybody has."""
    among = (inside.sum() + 0.5) / (inside.size + 1)
    # A season that many have is partly their custom, which is what is asked about.
    lift = np.where(lift > 1, np.sqrt(lift), lift)
    return among * lift / (among * lift + 1 - among)


def likelihood_ratio(there: np.ndarray, total: np.ndarray, q: np.ndarray) -> np.ndarray:
    """How many times likelier `there` of `total` days are if an occasion multiplies their odds, than by `q` alone.

    >>> likelihood_ratio(np.array([2, 0]), np.array([3, 3]), np.array([0.01, 0.01])).round(1)
    array([376.3,   0.6])
    """
    log_ratio = there[:, None] * np.log(TIMES) - total[:, None] * np.log1p(q[:, None] * (TIMES - 1))
    return np.exp(np.minimum(log_ratio, 600.0)).mean(axis=1)


def _claim(
    household: Household, occasion: Occasion, mine: np.ndarray, spans: np.ndarray, factor: float, asked: int
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


KINDS = (KIND,)
