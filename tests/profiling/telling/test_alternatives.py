"""Other explanations are whole sentences in both languages, whatever question they belong to."""

import re
from datetime import date

import pytest

from crm_analytics.profiling import KINDS
from crm_analytics.profiling.telling.formatting import LANGUAGES, Formatter

WORDS = [
    pytest.param(words[lang], id=f"{kind.name}-{key}-{lang}")
    for kind in KINDS.values()
    for key, words in kind.alternatives.items()
    for lang in LANGUAGES
]


@pytest.mark.parametrize("words", WORDS)
def test_an_alternative_begins_with_a_capital_and_ends_with_a_full_stop(words):
    assert re.match(r"[A-ZÇĞİÖŞÜ]", words), words
    assert re.search(r"[^.]\.$", words), words
    assert len(words.split()) > 1


@pytest.mark.parametrize(("slips", "said"), [(1, "On 1 day it was"), (3, "On 3 days it was")])
def test_days_of_slips_are_counted_in_the_singular_and_the_plural(slips, said):
    words = KINDS["product_succession"].alternatives["slips"]["en"]
    assert Formatter("en").format(words, slips=slips).startswith(said)


@pytest.mark.parametrize("variant", ["at_once", "together", "soon"])
@pytest.mark.parametrize(("lang", "once", "often"), [("en", "once", "18 times"), ("tr", "bir kez", "18 kez")])
def test_two_vehicles_are_seen_once_or_many_times(variant, lang, once, often):
    words = KINDS["second_vehicle"].statements[variant][lang]
    for times, said in ((1, once), (18, often)):
        text = Formatter(lang).format(words, customer="O", times=times, seconds=40, when=date(2008, 5, 1))
        assert said in text
        assert "1 times" not in text
