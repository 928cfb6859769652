"""Dates, shares, amounts and names as people read them in English and in Turkish."""

import string
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import numpy as np

from crm_analytics.core.errors import choice
from crm_analytics.profiling.tagging.category_names import category_name
from crm_analytics.profiling.tagging.tag_table import TagTable

LANGUAGES = ("en", "tr")

MONTHS = {
    "en": [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    "tr": [
        "Ocak",
        "Şubat",
        "Mart",
        "Nisan",
        "Mayıs",
        "Haziran",
        "Temmuz",
        "Ağustos",
        "Eylül",
        "Ekim",
        "Kasım",
        "Aralık",
    ],
}
WEEKDAYS = {
    "en": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    "tr": ["Pazartesi", "Salı", "Çarşamba", "Perşembe", "Cuma", "Cumartesi", "Pazar"],
}
AND = {"en": " and ", "tr": " ve "}
AND_APART = {"en": ", and ", "tr": " ile "}  # where an item of the list has an "and" of its own
CARD = {"en": "card {}", "tr": "{} kartı"}


class Formatter(string.Formatter):
    """`str.format` with formats of our own, in one language.

    ======== ===================================================== ==========================
    format   takes                                                 gives (en)
    ======== ===================================================== ==========================
    date     a date                                                27 August 2008
    month    a date                                                August 2008
    weekday  0 (Monday) ... 6                                      Monday
    hour     hours, with fraction; seconds are cut off             13:30
    percent  a share, 0 to 1                                       37 %
    money    an amount in the log's currency                       1,250.50
    number   a number: whole where it is whole, else one decimal   2.5
    count    a whole number                                        1,250
    count x  a whole number of x                                   1 year, 2 years
    times    how often                                             once, 18 times
    category a category as the log writes it                       white cheese
    tag      a tag                                                 lactose-free
    word     a text, as it is                                      Maslak
    words    a sequence of texts, categories in the language        red wine, nuts and rakı
    card     a card: its label, or its number                      card 1
    cards    a sequence of cards                                   card 1 and card 2
    ======== ===================================================== ==========================

    >>> Formatter("en").format("{when:date}, {share:percent}", when=date(2008, 8, 27), share=0.372)
    '27 August 2008, 37 %'
    >>> Formatter("tr").format("{when:date}, {share:percent}", when=date(2008, 8, 27), share=0.372)
    '27 Ağustos 2008, %37'
    """

    def __init__(
        self, lang: str, tags: TagTable | None = None, labels: Mapping[str, str] | None = None
    ) -> None:
        choice(lang, name="lang", allowed=LANGUAGES)
        self.lang = lang
        self.tags = TagTable.default() if tags is None else tags
        self.labels = (
            {} if labels is None else labels
        )  # what to write instead of a text, such as a card's number

    def format_field(self, value: Any, format_spec: str) -> str:
        """Write one value as its format says."""
        name, _, noun = format_spec.partition(" ")
        write = getattr(self, f"_{name}", None)
        if write is None or (noun and name != "count"):
            raise ValueError(f"no format {format_spec!r} for {value!r}. See telling.formatting.Formatter.")
        return str(write(value)) + self._of(value, noun)

    def _date(self, value: date | np.datetime64) -> str:
        day = _as_date(value)
        return f"{day.day} {MONTHS[self.lang][day.month - 1]} {day.year}"

    def _month(self, value: date | np.datetime64) -> str:
        day = _as_date(value)
        return f"{MONTHS[self.lang][day.month - 1]} {day.year}"

    def _weekday(self, value: int) -> str:
        return WEEKDAYS[self.lang][int(value)]

    def _hour(self, value: float) -> str:
        minutes = int(float(value) * 60 + 1e-6)  # 11:42:38 is 11:42, as on the receipt
        return f"{minutes // 60:02d}:{minutes % 60:02d}"

    def _percent(self, value: float) -> str:
        share = f"{100 * float(value):.0f}"
        return f"%{share}" if self.lang == "tr" else f"{share} %"

    def _money(self, value: float) -> str:
        return self._local(f"{round(float(value), 2) + 0.0:,.2f}")  # + 0.0: no -0.00

    def _number(self, value: float) -> str:
        whole = abs(float(value) - round(float(value))) < 0.05
        return self._local(f"{float(value):,.0f}" if whole else f"{float(value):,.1f}")

    def _count(self, value: int) -> str:
        return self._local(f"{int(value):,}")

    def _times(self, value: int) -> str:
        if int(value) == 1:
            return {"en": "once", "tr": "bir kez"}[self.lang]
        return self._count(value) + {"en": " times", "tr": " kez"}[self.lang]

    def _of(self, value: int, noun: str) -> str:
        """What is counted: an English noun in its plural unless there is one of it."""
        plural = "s" if noun and self.lang == "en" and int(value) != 1 else ""
        return f" {noun}{plural}" if noun else ""

    def _category(self, value: str) -> str:
        return category_name(str(value), self.lang)

    def _tag(self, value: str) -> str:
        return self.tags.name(str(value), self.lang)

    def _word(self, value: object) -> str:
        return self.labels.get(str(value), str(value))

    def _words(self, value: Sequence[object]) -> str:
        return self._list([self._word(self._category(str(one))) for one in value])

    def _card(self, value: object) -> str:
        return self.labels.get(str(value), CARD[self.lang].format(value))

    def _cards(self, value: Sequence[object]) -> str:
        return self._list([self._card(one) for one in value])

    def _list(self, texts: Sequence[str]) -> str:
        nested = any(AND[self.lang] in text for text in texts)
        last = (AND_APART if nested else AND)[self.lang]
        return last.join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)

    def _local(self, digits: str) -> str:
        """Turkish writes 1.250,50 where English writes 1,250.50."""
        return digits.translate(str.maketrans(",.", ".,")) if self.lang == "tr" else digits


def capital(text: str, lang: str) -> str:
    """Return a text with a capital letter; the Turkish i keeps its dot.

    >>> capital("içki", "tr"), capital("in", "en")
    ('İçki', 'In')
    """
    first = "İ" if lang == "tr" and text[:1] == "i" else text[:1].upper()
    return first + text[1:]


def _as_date(value: date | np.datetime64) -> date:
    if isinstance(value, np.datetime64):
        return value.astype("datetime64[D]").astype(date)
    return value.date() if isinstance(value, datetime) else value
