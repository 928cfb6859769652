"""The table of durables: products whose succession tells that a household got a machine, or that a baby grew."""

import functools
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
import pandas as pd

from crm_analytics.profiling.reading.population import Population
from crm_analytics.profiling.tagging.word_search import WordSearch


@dataclass(frozen=True)
class Durable:
    """One row of the table, with the products of a population that its words find.

    Attributes
    ----------
    name_en, name_tr : str
    kind : {'durable', 'grew'}
    before, after : ndarray of bool, shape (n_products,)
        Products of a household without it, and with it; no product is both.
    """

    name_en: str
    name_tr: str
    kind: str
    before: np.ndarray
    after: np.ndarray


def durables_table() -> pd.DataFrame:
    """Return the table: name_en, name_tr, kind, before, after.

    In `before` and `after` alternatives are parted by "|", words that must all occur by "&", and "!"
    says that a word must not. Words are matched as in the tag table: at the beginnings of words,
    without regard to case and accents; a full stop ends the word.
    """
    return _table().copy()


def durables_of(population: Population) -> tuple[Durable, ...]:
    """Which of a population's products the table's words find; rows without products are left out."""
    products = population.products
    said = products["description"].astype(object) + " " + products["category"].astype(object)
    code, distinct = pd.factorize(said)
    search = WordSearch(distinct.tolist())
    found = []
    for name_en, name_tr, kind, *expressions in _table().to_numpy(str).tolist():
        before, after = (products_with(search, len(distinct), words)[code] for words in expressions)
        before &= ~after
        if before.any() and after.any():
            found.append(Durable(name_en, name_tr, kind, before, after))
    return tuple(found)


def products_with(search: WordSearch, n: int, words: str) -> np.ndarray:
    """Texts that fit an expression of "|", "&" and "!"; boolean, shape (n,).

    >>> texts = ["Halı Şampuanı El 1 L", "Halı Makinesi Şampuanı 1 L", "Şampuan"]
    >>> products_with(WordSearch(texts), 3, "halı & şampuan & !makine | carpet").tolist()
    [True, False, False]
    """
    fits = np.zeros(n, dtype=bool)
    for alternative in words.split("|"):
        all_of = np.ones(n, dtype=bool)
        for word in (part.strip() for part in alternative.split("&")):
            has = np.zeros(n, dtype=bool)
            has[search.having(word.lstrip("!"))] = True
            all_of &= ~has if word.startswith("!") else has
        fits |= all_of
    return fits


@functools.cache
def _table() -> pd.DataFrame:
    with (files("crm_analytics.profiling.questions") / "durables.csv").open("rb") as file:
        return pd.read_csv(file, dtype=str, keep_default_na=False)
