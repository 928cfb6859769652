"""Dates, shares, amounts and names in both languages."""

from datetime import date

import numpy as np
import pytest

from crm_analytics.profiling.telling.formatting import Formatter

TEMPLATE = (
    "{day:date} | {day:month} | {w:weekday} | {h:hour} | {p:percent} | {a:money} | {x:number} | "
    "{n:count} | {s:words}"
)
VALUES = {
    "day": date(2008, 8, 27),
    "w": 2,
    "h": 13.5,
    "p": 0.371,
    "a": 1250.5,
    "x": 2.5,
    "n": 1250,
    "s": ["a", "b", "c"],
}


def test_english():
    said = Formatter("en").format(TEMPLATE, **VALUES)
    assert (
        said
        == "27 August 2008 | August 2008 | Wednesday | 13:30 | 37 % | 1,250.50 | 2.5 | 1,250 | a, b and c"
    )


def test_turkish():
    said = Formatter("tr").format(TEMPLATE, **VALUES)
    assert (
        said == "27 Ağustos 2008 | Ağustos 2008 | Çarşamba | 13:30 | %37 | 1.250,50 | 2,5 | 1.250 | a, b ve c"
    )


def test_a_card_is_written_by_its_label():
    assert Formatter("en", labels={"4711": "card 1"}).format("{c:word} {c:words}", c="4711")
    assert Formatter("en", labels={"4711": "card 1"}).format("{c:words}", c=["4711"]) == "card 1"


def test_days_may_be_numpys():
    assert Formatter("en").format("{d:date}", d=np.datetime64("2008-12-30")) == "30 December 2008"


def test_an_unknown_format_or_language_is_refused():
    with pytest.raises(ValueError, match="no format 'shout'"):
        Formatter("en").format("{x:shout}", x=1)
    with pytest.raises(ValueError, match="lang must be one of 'en', 'tr'"):
        Formatter("de")
