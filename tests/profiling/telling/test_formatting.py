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


def test_minutes_are_cut_off_as_clocks_do():
    for hour, minute, second in ((11, 42, 38), (11, 42, 0), (23, 59, 59), (9, 0, 0)):
        hours = hour + minute / 60 + second / 3600
        assert Formatter("en").format("{h:hour}", h=hours) == f"{hour:02d}:{minute:02d}"


def test_one_is_written_in_the_singular():
    english, turkish = Formatter("en"), Formatter("tr")
    assert english.format("{n:count year}, {n:times}", n=1) == "1 year, once"
    assert english.format("{n:count year}, {n:times}", n=1800) == "1,800 years, 1,800 times"
    assert turkish.format("{n:count yıl}, {n:times}", n=1) == "1 yıl, bir kez"
    assert turkish.format("{n:count yıl}, {n:times}", n=1800) == "1.800 yıl, 1.800 kez"
    with pytest.raises(ValueError, match="no format 'money year'"):
        english.format("{n:money year}", n=1)


def test_a_list_whose_items_have_an_and_of_their_own_can_be_read():
    said = ["candy and lokum", "mayonnaise"]
    assert Formatter("en").format("{s:words}", s=said) == "candy and lokum, and mayonnaise"
    assert Formatter("tr").format("{s:words}", s=["a", "b", "saklama ve düzenleme"]) == (
        "a, b ile saklama ve düzenleme"
    )
    assert Formatter("en").format("{s:words}|{none:words}", s=["candy and lokum"], none=[]) == (
        "candy and lokum|"
    )


def test_a_card_named_by_its_number_is_said_to_be_a_card():
    assert (
        Formatter("en").format("{c:card}, {both:cards}", c="O", both=["O", 7]) == "card O, card O and card 7"
    )
    assert (
        Formatter("tr").format("{c:card}, {both:cards}", c="O", both=["O", 7])
        == "O kartı, O kartı ve 7 kartı"
    )
    assert Formatter("tr", labels={"O": "kart 1"}).format("{c:card}", c="O") == "kart 1"
