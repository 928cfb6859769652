"""Numbers and words of customers as ordered words: bands of age, sizes, incomes."""

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from crm_analytics.segmentation.attributes.crossing import NOT_KNOWN, label_text

# What forms say where nothing is known; compared without case and blanks.
UNKNOWN = frozenset(
    ["", "-", "?", "n/a", "nan", "null", "unknown", "none/unknown", "not available", "bilinmiyor", "belirsiz"]
)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")
_BELOW = ("under", "below", "less", "up to", "<", "altı", "en fazla")
_FRIENDLY = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.5, 8.0, 10.0)


def band_words(edges: Sequence[float], whole: bool) -> list[str]:
    """Names of the bands below, between and above rising edges.

    >>> band_words([18, 25, 65], whole=True)
    ['under 18', '18-24', '25-64', '65+']
    >>> band_words([0.5, 1], whole=False)
    ['under 0.5', '0.5 to under 1', '1+']
    """
    said = [f"{edge:,.10g}" for edge in edges]
    middle = []
    for place, (low, high) in enumerate(pairwise(edges)):
        if not whole:
            middle.append(f"{said[place]} to under {said[place + 1]}")
        elif high - low == 1:
            middle.append(said[place])
        else:
            middle.append(f"{said[place]}-{high - 1:,.10g}")
    return [f"under {said[0]}", *middle, f"{said[-1]}+"]


def friendly_edges(values: np.ndarray, bands: int) -> list[float]:
    """Edges of about equally many customers, each moved to the nearest round number.

    Round is 1, 1.5, 2, 2.5, 3, 4, 5, 6, 7.5 or 8 times a power of ten; for numbers like ages
    (none negative, nine in ten up to something between 10 and 120) a multiple of five from 10
    on. Edges that fall together are one, so there may be fewer bands than asked for.

    >>> friendly_edges(np.array([19.0, 23, 28, 33, 38, 44, 52, 61, 70]), 3)
    [30.0, 45.0]
    >>> friendly_edges(np.array([900.0, 12_300, 17_900, 31_000, 78_000, 240_000]), 3)
    [15000.0, 50000.0]
    """
    cuts = np.quantile(values, np.arange(1, bands) / bands)
    like_ages = values.min() >= 0 and 10 <= np.quantile(values, 0.9) <= 120
    edges = {_rounded(float(cut), five=like_ages and cut >= 10) for cut in cuts}
    return sorted(edge for edge in edges if values.min() < edge <= values.max())


def _rounded(value: float, *, five: bool) -> float:
    if five:
        return float(round(value / 5) * 5)
    if value == 0:
        return 0.0
    unit = 10.0 ** np.floor(np.log10(abs(value)))
    nearest = min(_FRIENDLY, key=lambda step: abs(step - abs(value) / unit))
    return float(np.sign(value) * nearest * unit)


def ordered_words(labels: pd.Series) -> list[str]:
    """Distinct words of a column, without those that say that nothing is known.

    Categories are in their order. Other words, where each holds a number, are in the order of
    the first number ("Under 15K" before "15-24K" before "100-124K"); else alphabetical.

    >>> ordered_words(pd.Series(["100-124K", "15-24K", "Under 15K", "250K+", "Unknown"]))
    ['Under 15K', '15-24K', '100-124K', '250K+']
    """
    if isinstance(labels.dtype, pd.CategoricalDtype) and labels.cat.ordered:
        words = [word for word in known_words(pd.Series(labels.cat.categories)) if word != NOT_KNOWN]
        return list(dict.fromkeys(words))
    words = sorted(set(known_words(labels)) - {NOT_KNOWN})
    if words and all(_NUMBER.search(word) for word in words):
        return sorted(words, key=_first_number)
    return words


def known_words(labels: pd.Series) -> pd.Series:
    """Labels as text without blanks at their ends; "not known" where they are missing or say so."""
    text = label_text(labels)
    codes, found = pd.factorize(text)
    said = [" ".join(str(word).split()) for word in found]
    said = [NOT_KNOWN if word.casefold() in UNKNOWN else word for word in said]
    return pd.Series(np.array(said, dtype=object)[codes], index=labels.index)


def _first_number(word: str) -> tuple[float, int, str]:
    found = _NUMBER.search(word)
    number = float(found[0].replace(",", ".")) if found else np.inf
    below = any(sign in word.casefold() for sign in _BELOW)
    return number, 0 if below else 1, word
