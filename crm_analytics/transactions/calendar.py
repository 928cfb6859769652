"""The days that move a country's shopping: holidays, fasts, feasts, school breaks."""

import math
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd

from crm_analytics.core.errors import MissingDataError

COLUMNS = ["occasion", "kind", "start", "end"]
DAY = timedelta(days=1)
Span = tuple[str, str, date, date]  # occasion, kind, start, end

# Feasts as the holidays package calls them in English, and what they are called here.
FEASTS = {"Eid al-Fitr": "ramadan_feast", "Eid al-Adha": "sacrifice_feast", "Christmas Day": "christmas"}
NAMES = {"New Year's Day": "new_year_day"}

# Turkey, (month, day) to (month, day), half open. School days move by some days a year; these are the usual ones.
TURKISH_SCHOOL = {"school_summer": ((6, 15), (9, 12)), "school_winter": ((1, 26), (2, 10))}
TURKISH_SEASONS = {
    "new_year": ((12, 24), (1, 1)),
    "valentine": ((2, 8), (2, 15)),
    "back_to_school": ((8, 25), (9, 21)),
}


def holiday_calendar(country: str = "TR", years: Iterable[int] = ()) -> pd.DataFrame:
    """Spans of days that people shop for, or shop differently on.

    Parameters
    ----------
    country : str
        Two letters, ISO 3166-1, as the `holidays` package knows them.
    years : iterable of int
        Spans that touch one of these years are given whole.

    Returns
    -------
    DataFrame
        One row a span: `occasion` (new_year, ramadan, ramadan_feast, sacrifice_feast,
        school_summer, …), `kind` ("public", "religious", "school", "season", "shopping"), `start`
        and `end` (dates, half open), sorted by start. Elsewhere than in Turkey only the
        country's public days, each as its own span, with what the package calls them.

    Raises
    ------
    ValueError
        If the package does not know the country, or a year is not a whole number.
    MissingDataError
        If the package is not installed.

    Notes
    -----
    Public and religious days come from the `holidays` package. Ramadan is the fast before its
    feast, 29 or 30 days long by the new moon; that is reckoned, so that it may begin a day out where
    the crescent was only just seen, as in 2006. "new_year" and the other shopping spans are the days
    on which one buys for a day, not the day itself; school breaks and shopping days of Turkey are a
    small table of usual dates.

    Examples
    --------
    >>> days = holiday_calendar("TR", [2008])
    >>> days[days["kind"] == "religious"]
               occasion       kind       start         end
    9           ramadan  religious  2008-09-01  2008-09-30
    10    ramadan_feast  religious  2008-09-30  2008-10-03
    12  sacrifice_feast  religious  2008-12-08  2008-12-12
    """
    wanted = sorted({_year(year) for year in years})
    if not wanted:
        return pd.DataFrame(columns=COLUMNS)
    package = _package()
    try:
        around = range(wanted[0] - 1, wanted[-1] + 2)  # a feast may begin in one year and end in the next
        found = package.country_holidays(country, years=around, language="en_US")
    except NotImplementedError:
        raise ValueError(
            f"country must be one that the holidays package knows, such as 'TR'. Got {country!r} instead."
        ) from None
    rows = _spans(found)
    if country == "TR":
        for year in around:
            rows += _turkish(year)
        rows += [
            ("ramadan", "religious", _fast_begins(row[2]), row[2])
            for row in rows
            if row[0] == "ramadan_feast"
        ]
    rows.sort(key=lambda row: (row[2], row[3], row[0]))
    table = pd.DataFrame(rows, columns=COLUMNS)
    touches = [
        any(start.year <= year <= (end - DAY).year for year in wanted)
        for start, end in zip(table["start"], table["end"], strict=True)
    ]
    return table[touches].reset_index(drop=True)


def _package() -> Any:
    try:
        import holidays
    except ImportError:
        raise MissingDataError(
            "holiday_calendar needs the holidays package, which is not installed. "
            "Install it with: pip install 'holidays>=0.60,<1'."
        ) from None
    return holidays


def _year(year: Any) -> int:
    if isinstance(year, bool) or int(year) != year:
        raise ValueError(f"years must be whole numbers. Got {year!r} instead.")
    return int(year)


def _spans(found: Any) -> list[Span]:
    """Days of one name that follow each other, as one span."""
    names: dict[str, list[date]] = {}
    for day in sorted(found):
        for name in found[day].split("; "):
            names.setdefault(name.removesuffix(" (estimated)"), []).append(day)
    rows: list[Span] = []
    for name, days in names.items():
        kind = "religious" if name in FEASTS else "public"
        word = FEASTS.get(name) or NAMES.get(name) or name
        first = last = days[0]
        for day in days[1:]:
            if day - last > DAY:
                rows.append((word, kind, first, last + DAY))
                first = day
            last = day
        rows.append((word, kind, first, last + DAY))
    return rows


def _turkish(year: int) -> list[Span]:
    rows: list[Span] = []
    for kind, table in (("school", TURKISH_SCHOOL), ("shopping", TURKISH_SEASONS)):
        for name, ((month, day), (to_month, to_day)) in table.items():
            first = date(year, month, day)
            last = date(year + (to_month < month), to_month, to_day)
            rows.append((name, kind, first, last))
    rows.append(("summer", "season", date(year, 6, 1), date(year, 9, 1)))
    return rows


def _fast_begins(feast: date) -> date:
    """First day of the month of 29 or 30 days that ends with the feast's eve.

    A crescent is taken to be seen somewhere by midnight (UTC) if the new moon was by noon.
    """
    moon = _new_moon(feast - timedelta(days=30))
    begins = (moon + timedelta(hours=12)).date() + DAY
    return min(max(begins, feast - timedelta(days=30)), feast - timedelta(days=29))


def _new_moon(near: date) -> datetime:
    """Instant of the new moon nearest to a day, within a quarter of an hour.

    Meeus, Astronomical Algorithms, chapter 49: the mean moon and the six largest corrections.
    """
    years = near.year + (near.timetuple().tm_yday - 0.5) / 365.25
    k = round((years - 2000) * 12.3685)
    sun, moon = (math.radians(a + b * k) for a, b in ((2.5534, 29.10535670), (201.5643, 385.81693528)))
    node = math.radians(160.7108 + 390.67050284 * k)
    days = 2451550.09766 + 29.530588861 * k
    days += -0.40720 * math.sin(moon) + 0.17241 * math.sin(sun) + 0.01608 * math.sin(2 * moon)
    days += 0.01039 * math.sin(2 * node) + 0.00739 * math.sin(moon - sun) - 0.00514 * math.sin(moon + sun)
    return datetime(2000, 1, 1, 12) + timedelta(days=days - 2451545.0)
