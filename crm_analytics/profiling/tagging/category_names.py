"""Names of common product categories in English and Turkish, to write sentences with."""

import functools
from importlib.resources import files

import pandas as pd

from crm_analytics.core.errors import choice
from crm_analytics.profiling.tagging.word_search import folded


def category_name(word: str, lang: str = "en") -> str:
    """Return a category's name in English ("en") or Turkish ("tr"), whichever it is given in.

    A word that the table does not have is returned as it is.

    >>> category_name("white cheese", "tr"), category_name("Beyaz Peynir", "en"), category_name("PLU 17", "tr")
    ('beyaz peynir', 'white cheese', 'PLU 17')
    """
    choice(lang, name="lang", allowed=("en", "tr"))
    return _names()[lang].get(folded([str(word)])[0], word)


@functools.cache
def _names() -> dict[str, dict[str, str]]:
    """From each name as it is compared, in either language, to the name in one of them."""
    with (files("crm_analytics.profiling.tagging") / "category_names.csv").open("rb") as file:
        table = pd.read_csv(file, dtype=str, keep_default_na=False)
    # English goes last and wins where a word is of both languages: "pasta" is makarna, not cake.
    keys = [*folded(table["tr"].tolist())[::-1], *folded(table["en"].tolist())[::-1]]
    return {lang: dict(zip(keys, [*table[lang].tolist()[::-1]] * 2, strict=True)) for lang in ("en", "tr")}
