"""Occasions of the calendar as days of a log, and how everybody's purchases move with them."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd

from crm_analytics.profiling.reading.population import Population

FESTIVE: tuple[str, ...] = (
    "alcohol", "nuts", "snacks", "sweets", "dessert", "soft_drink", "meat", "fish", "delicatessen", "condiment",
    "seasonal", "flowers", "greeting", "religious_food", "gift_card", "toy",
)  # fmt: skip
NOT_TAKEN_HOME = ("restaurant", "fuel", "tobacco")
NO_FEAST = ("school", "season")  # kinds of spans that are no occasion to celebrate
LONGEST = 45  # days
SHORT = 10  # days: a feast this short is shopped for before it
BEFORE, EVE = 7, 3  # days before a short feast, or the last ones of its shopping days
LONG_BEFORE = 17  # days before a long one, and before a season of shopping begins
FEW = 20  # households: fewer tell no season
LEAST_YEARS = 2
SHARE_FESTIVE, SHARE_OTHER = 0.25, 0.08  # of categories that a celebrating household buys for the occasion
OWN = 0.25  # share of a category's lines within the occasion, over two years, that makes it a household's own
OWN_TIMES = 3.0  # custom; and at least as many times what falls there by chance


@dataclass(frozen=True)
class Occasion:
    """One occasion of the calendar as days of the log, at each width that is looked at."""

    name: str
    religious: bool
    for_school: bool  # a season of shopping for school, and for nothing else
    windows: np.ndarray  # (n_widths, n_days): number of its span, -1 outside
    years: np.ndarray  # by number of span: the year that it ends in
    lift: np.ndarray  # (n_widths, n_units): the population's share then over its share else
    customs: np.ndarray  # (n_widths, n_units): households that buy it for the occasion, by their lines
    buyers: np.ndarray  # (n_units,): households that bought it twice


@dataclass(frozen=True)
class Occasions:
    """Occasions; the log's first day; the unit of each product (its category); shares where nobody tells them."""

    occasions: tuple[Occasion, ...]
    first_day: int
    unit: np.ndarray
    share: np.ndarray
    school: np.ndarray  # units for school


def occasions_of(population: Population) -> Occasions:
    """The calendar's occasions on the log's days, and how everybody's purchases move with them."""
    lines = population.lines
    first, last = (int(lines.day.min()), int(lines.day.max())) if len(lines) else (0, 0)
    unit, festive, n_units = _units(population)
    school = np.zeros(n_units, dtype=bool)
    school[unit[population.tagged("school") & (unit >= 0)]] = True
    bought = _bought(population, unit, n_units)
    occasions = []
    for name, kind, spans in _spans(population.context.calendar, first, last):
        windows = _windows(kind, spans, first, last)
        if not (windows >= 0).any():
            continue
        lift, customs = np.ones((len(windows), n_units)), np.zeros((len(windows), n_units))
        buyers, clear = np.zeros(n_units), False
        if len(population.households) >= FEW:
            for width, window in enumerate(windows):
                lift[width], seasonal, customs[width], buyers = _lift(bought, window)
                festive = festive | (seasonal & (kind != "public"))
                clear |= bool(seasonal.any())
        # A public day that moves nobody's shopping is a day off.
        if kind != "public" or clear:
            years = np.array([(end - timedelta(days=1)).year for _, end in spans])
            occasions.append(
                (
                    kind,
                    Occasion(
                        name,
                        kind == "religious",
                        _long(spans) and kind == "shopping",
                        windows,
                        years,
                        lift,
                        customs,
                        buyers,
                    ),
                )
            )
    return Occasions(_apart(occasions), first, unit, np.where(festive, SHARE_FESTIVE, SHARE_OTHER), school)


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


@dataclass(frozen=True)
class _Bought:
    """Everybody's lines of the units as pairs: household · n_units + unit.

    Attributes
    ----------
    pair, day : ndarray of int64, shape (n_lines,)
        Of the lines with a unit; days from the log's first.
    times : ndarray of int64, shape (n_households, n_units)
        Lines of each pair.
    """

    pair: np.ndarray
    day: np.ndarray
    times: np.ndarray


def _bought(population: Population, unit: np.ndarray, n_units: int) -> _Bought:
    lines = population.lines
    of_line = unit[lines.product]
    known = of_line >= 0
    pair = lines.household[known].astype(np.int64) * n_units + of_line[known]
    times = np.bincount(pair, minlength=len(population.households) * n_units).reshape(-1, n_units)
    return _Bought(pair, (lines.day - lines.day.min())[known].astype(np.int64), times)


def _lift(bought: _Bought, window: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Each unit's share of the population's lines then, over its share else, and which are clearly seasonal.

    Without the households that have the custom themselves, or a custom of a few would be everybody's season:
    how many these are, and how many households bought it twice, comes third and fourth.
    """
    span = window[bought.day]
    inside = span >= 0
    pair, n_spans = bought.pair[inside], int(window.max()) + 1
    shape, n_pairs = bought.times.shape, bought.times.size
    years = np.bincount(pd.unique(pair * n_spans + span[inside]) // n_spans, minlength=n_pairs).reshape(shape)
    then = np.bincount(pair, minlength=n_pairs).reshape(shape)
    least = max(OWN, OWN_TIMES * pair.size / max(bought.pair.size, 1))
    own = (years >= LEAST_YEARS) & (then >= least * bought.times)
    total, there = (np.where(own, 0, times).sum(axis=0) for times in (bought.times, then))
    expected = total * there.sum() / max(total.sum(), 1)
    lift = (there + 5) / (expected + 5)
    # Few households' own feasts are no season: a lift counts as far as it is certain.
    sure = np.clip((there - 2 * np.sqrt(there) + 5) / (expected + 5), 1.0, 20.0)
    seasonal = (lift > 1.5) & (there - expected > 4 * np.sqrt(expected + 1))
    lift = np.where(lift > 1, sure, np.maximum(lift, 0.5))
    return lift, seasonal, own.sum(axis=0), (bought.times >= LEAST_YEARS).sum(axis=0)


def _apart(occasions: list[tuple[str, Occasion]]) -> tuple[Occasion, ...]:
    """Without public days in the midst of another occasion: New Year's Day beside New Year's Eve."""
    others = [occasion.windows[0] >= 0 for kind, occasion in occasions if kind != "public"]
    kept = []
    for kind, occasion in occasions:
        mine = occasion.windows[0] >= 0
        if kind != "public" or not any((other & mine).sum() > mine.sum() / 2 for other in others):
            kept.append(occasion)
    return tuple(kept)
