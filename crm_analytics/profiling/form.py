"""Stage one: what the application form says, and how one may read it."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from crm_analytics.profiling.reading.household import Household
from crm_analytics.profiling.telling.formatting import Formatter

COLUMNS = ["card", "question", "answer", "reading"]

_QUESTIONS = {
    "sex": {"en": "sex", "tr": "cinsiyet"},
    "birth_year": {"en": "year of birth", "tr": "doğum yılı"},
    "married": {"en": "married", "tr": "evli mi"},
    "district": {"en": "district", "tr": "semt"},
    "email_domain": {"en": "e-mail domain", "tr": "e-posta alan adı"},
    "work_phone_area": {"en": "area code of the work phone", "tr": "iş telefonunun alan kodu"},
}

_AREAS = {
    "212": {"en": "works on the European side of Istanbul", "tr": "İstanbul'un Avrupa yakasında çalışıyor"},
    "216": {"en": "works on the Asian side of Istanbul", "tr": "İstanbul'un Anadolu yakasında çalışıyor"},
    "312": {"en": "works in Ankara", "tr": "Ankara'da çalışıyor"},
    "232": {"en": "works in Izmir", "tr": "İzmir'de çalışıyor"},
    "224": {"en": "works in Bursa", "tr": "Bursa'da çalışıyor"},
    "242": {"en": "works in Antalya", "tr": "Antalya'da çalışıyor"},
}

# Parts of a domain, and what they say of who gave the address.
_DOMAINS = [
    (
        ("k12", "okul", "school", "kolej", "koleji", "lise", "lisesi"),
        {"en": "probably works at a school", "tr": "büyük olasılıkla bir okulda çalışıyor"},
    ),
    (
        ("edu", "ac", "univ", "universite"),
        {"en": "works or studies at a university", "tr": "bir üniversitede çalışıyor ya da okuyor"},
    ),
    (("gov", "bel"), {"en": "works in public service", "tr": "kamuda çalışıyor"}),
    (
        ("gmail", "hotmail", "yahoo", "outlook", "mynet", "icloud", "live"),
        {
            "en": "a private address: it says nothing of work",
            "tr": "kişisel adres: iş hakkında bir şey söylemez",
        },
    ),
]
_EMPLOYER = {"en": "probably the employer's address", "tr": "büyük olasılıkla işverenin adresi"}
_SAID_YES = ("true", "1", "1.0", "yes", "y", "evet", "e")
_YES_NO = {"en": ("yes", "no"), "tr": ("evet", "hayır")}
_SEX = {
    "f": {"en": "woman", "tr": "kadın"},
    "m": {"en": "man", "tr": "erkek"},
}
_COUPLE = {
    "en": "two married card holders in one household: probably with each other",
    "tr": "aynı hanede iki evli kart sahibi: büyük olasılıkla birbirleriyle",
}
_AGE = {"en": "{age} years old", "tr": "{age} yaşında"}


def read_forms(household: Household, formatter: Formatter) -> pd.DataFrame:
    """One row for each answer on the forms of the household's cards; empty where there are none.

    Columns `card`, `question`, `answer`, `reading`: '' where the answer speaks for itself. What was
    left empty has no row.
    """
    forms, lang = household.population.context.forms, formatter.lang
    cards = [str(household.card(code)) for code in household.cards]
    if forms is None:
        return pd.DataFrame(columns=COLUMNS)
    mine = forms[forms["customer_id"].astype(str).isin(cards)]
    couple = "married" in mine and len(mine) == 2 and all(says_yes(answer) for answer in mine["married"])
    readings: dict[str, Callable[[Any], str]] = {
        "birth_year": lambda year: _age(year, household.population.as_of.year, lang),
        "married": lambda _: _COUPLE[lang] if couple else "",
        "email_domain": lambda domain: _domain(str(domain), lang),
        "work_phone_area": lambda area: _AREAS.get(_number(area).lstrip("0"), {}).get(lang, ""),
    }
    rows = [
        [
            formatter.format("{card:word}", card=form["customer_id"]),
            words[lang],
            _answer(column, form[column], lang),
            readings[column](form[column]) if column in readings else "",
        ]
        for form in mine.to_dict("records")
        for column, words in _QUESTIONS.items()
        if column in form and not pd.isna(form[column]) and str(form[column]).strip()
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _number(value: Any) -> str:
    """A whole number as text: 212, 212.0, '212.0' and ' 212 ' are one."""
    return str(value).strip().removesuffix(".0")


def says_yes(value: Any) -> bool:
    """Whether an answer on a form is plainly yes, in English or Turkish: all else is no."""
    return str(value).strip().lower() in _SAID_YES


def _answer(column: str, value: Any, lang: str) -> str:
    if column == "married":
        return _YES_NO[lang][0 if says_yes(value) else 1]
    if column == "sex":
        return _SEX.get(str(value).strip().lower()[:1], {}).get(lang, str(value))
    return _number(value)


def _age(year: Any, now: int, lang: str) -> str:
    """How old whoever was born in a year is or becomes; '' where no year is written."""
    born = _number(year)
    return _AGE[lang].format(age=now - int(born)) if born.isdigit() else ""


def _domain(domain: str, lang: str) -> str:
    """What an e-mail domain says of who uses it."""
    parts = set(domain.lower().split("@")[-1].replace("-", ".").split("."))
    return next((reading[lang] for words, reading in _DOMAINS if parts & set(words)), _EMPLOYER[lang])
