"""The calendar against dates that are known."""

import builtins
from datetime import date, timedelta

import pandas as pd
import pytest

from crm_analytics.core.errors import MissingDataError
from crm_analytics.transactions.calendar import holiday_calendar


def spans(table: pd.DataFrame, occasion: str) -> list[tuple[date, date]]:
    mine = table[table["occasion"] == occasion]
    return list(zip(mine["start"], mine["end"], strict=True))


@pytest.fixture(scope="module")
def turkey() -> pd.DataFrame:
    return holiday_calendar("TR", range(2006, 2010))


def test_feasts_are_on_the_days_they_were_held(turkey):
    assert spans(turkey, "ramadan_feast") == [
        (date(2006, 10, 23), date(2006, 10, 26)),
        (date(2007, 10, 12), date(2007, 10, 15)),
        (date(2008, 9, 30), date(2008, 10, 3)),
        (date(2009, 9, 20), date(2009, 9, 23)),
    ]
    assert spans(turkey, "sacrifice_feast")[1:] == [
        (date(2006, 12, 31), date(2007, 1, 4)),  # over the new year, one span
        (date(2007, 12, 20), date(2007, 12, 24)),
        (date(2008, 12, 8), date(2008, 12, 12)),
        (date(2009, 11, 27), date(2009, 12, 1)),
    ]


@pytest.mark.parametrize(
    ("year", "first"),
    # Begins of the fast in Turkey, as announced.
    [(2007, (9, 13)), (2008, (9, 1)), (2009, (8, 21)), (2012, (7, 20)), (2015, (6, 18)), (2017, (5, 27)),
     (2020, (4, 24)), (2023, (3, 23)), (2024, (3, 11)), (2025, (3, 1))],
)  # fmt: skip
def test_ramadan_begins_when_it_did_and_ends_with_its_feast(year, first):
    table = holiday_calendar("TR", [year])
    ((start, end),) = spans(table, "ramadan")
    assert start == date(year, *first)
    assert end == spans(table, "ramadan_feast")[0][0]


def test_a_fast_lasts_29_or_30_days():
    fasts = spans(holiday_calendar("TR", range(1990, 2031)), "ramadan")
    assert len(fasts) >= 41
    assert {(end - start) for start, end in fasts} <= {timedelta(days=29), timedelta(days=30)}


def test_spans_are_half_open_sorted_and_touch_the_years(turkey):
    assert list(turkey.columns) == ["occasion", "kind", "start", "end"]
    assert (turkey["start"] < turkey["end"]).all()
    assert turkey["start"].is_monotonic_increasing
    assert not turkey.duplicated().any()
    assert set(turkey["kind"]) == {"public", "religious", "school", "season", "shopping"}
    last_days = [end - timedelta(days=1) for end in turkey["end"]]
    assert all(
        2006 <= start.year <= 2009 or 2006 <= last.year <= 2009
        for start, last in zip(turkey["start"], last_days, strict=True)
    )


def test_one_shops_for_the_new_year_before_it(turkey):
    assert (date(2007, 12, 24), date(2008, 1, 1)) in spans(turkey, "new_year")
    assert (date(2008, 1, 1), date(2008, 1, 2)) in spans(turkey, "new_year_day")


def test_other_countries_have_their_public_days_only():
    table = holiday_calendar("DE", [2008])
    assert set(table["kind"]) <= {"public", "religious"}
    assert (date(2008, 10, 3), date(2008, 10, 4)) in spans(table, "German Unity Day")
    assert (date(2008, 12, 25), date(2008, 12, 26)) in spans(table, "christmas")


def test_no_years_no_days():
    assert holiday_calendar("TR", []).empty


def test_an_unknown_country_is_refused():
    with pytest.raises(ValueError, match=r"country must be one .* Got 'ZZ' instead"):
        holiday_calendar("ZZ", [2008])


def test_a_year_that_is_no_whole_number_is_refused():
    with pytest.raises(ValueError, match=r"years must be whole numbers. Got 2008.5"):
        holiday_calendar("TR", [2008.5])


def test_without_the_package_the_message_says_how_to_get_it(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "holidays":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingDataError, match=r"needs the holidays package.*pip install"):
        holiday_calendar("TR", [2008])
