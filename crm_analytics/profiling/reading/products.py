"""What is sold: each distinct product's type and size, read from its description."""

import functools
import re
from itertools import pairwise

import numpy as np
import pandas as pd

from crm_analytics.core.errors import plain

WORDS = ["item", "description", "category", "department", "brand"]

# A pack's size in a description: a number and a unit; and how many g or ml the unit is.
_UNITS = {"kg": 1000.0, "g": 1.0, "gr": 1.0, "gm": 1.0, "mg": 0.001, "l": 1000.0, "lt": 1000.0, "ltr": 1000.0}
_UNITS |= {"ml": 1.0, "cl": 10.0, "dl": 100.0, "oz": 28.35, "lb": 453.6, "lbs": 453.6}
_PIECES = ("adet", "pcs", "ct", "pk", "li", "lu", "lü", "lı", "'li", "'lu", "'lü", "'lı")
_SIZE = re.compile(
    r"(\d+(?:[.,]\d+)?)\s*(" + "|".join(sorted([*_UNITS, *_PIECES], key=len, reverse=True)) + r")\b\.?",
    re.IGNORECASE,
)
# A number that is part of what a product is: nappies of size 3 are no nappies of size 4. Not a pack's
# size: in "size 12 oz" the unit says so.
_GRADE = re.compile(
    r"\b(?:(size|sz|stage|step|no|numara|beden|aşama)[\s.:]*(\d{1,2})\b(?![.,]?\d|\s*(?:"
    + "|".join(sorted(_UNITS, key=len, reverse=True))
    + r")\b)|\b(?<![.,])(\d{1,2})[\s.]*(?=(?:numara|beden|no|aşama)\b))",
    re.IGNORECASE,
)
_GRADED = "\0"  # stands before such a number while the others go
_TIMES = re.compile(r"\bx\s*(?=\d)|\b(?:pack|packs|box) of\s+(?=\d)", re.IGNORECASE)
# Words that count packs where they end a description, unless the word before says what pack it is.
_PACKS = {"pack", "pk", "paket", "adet", "tane", "pcs", "pc", "each", "kg", "lb"}
_OF_A_PACK = {
    "multi",
    "mult",
    "family",
    "value",
    "variety",
    "gift",
    "party",
    "ice",
    "aile",
    "avantaj",
    "ekonomik",
}


def size_of(description: str) -> float:
    """Size of one pack (g, ml, or pieces) as a description tells it; nan if it tells none.

    >>> size_of("Mayonez 0,9 kg"), size_of("Soda 6x200 ml"), size_of("Ekmek")
    (900.0, 200.0, nan)
    """
    found = _SIZE.search(description)
    if found is None:
        return float("nan")
    return float(found[1].replace(",", ".")) * _UNITS.get(found[2].lower(), 1.0)


_plain = functools.lru_cache(maxsize=100_000)(plain)  # words come again and again


def type_of(description: str, brand: str) -> str:
    """What a product is: its description without its brand, its size and other numbers.

    A number that grades the product stays: a size, stage, step, beden, numara or aşama of one or
    two digits. Words that only count packs go at the end, and signs where nothing is left to join.

    >>> type_of("Çınar Kaşar Peyniri 400 g", "ÇINAR"), type_of("Nappies Size 3 Pack", "")
    ('kaşar peyniri', 'nappies size 3')
    >>> type_of("Ben & Jim Cookie Ice Cream 1 L", "Ben & Jim")
    'cookie ice cream'
    """
    own = {_plain(word) for word in brand.split()} - {""}
    text = _TIMES.sub(" ", _SIZE.sub(" ", _GRADE.sub(_marked, description)))
    words = [word for word in re.split(r"[\s,;()]+", text) if word and not _counts(word)]
    # a sign after the brand's word is the brand's own, or joins nothing any more: "Ben & Jim"
    kept = [word for before, word in pairwise(["", *words]) if (_plain(word) or _plain(before)) not in own]
    if not any(map(_plain, kept)):
        kept = words
    return " ".join(_trimmed(kept)).replace(_GRADED, "").replace("İ", "i").lower()


def _marked(found: re.Match) -> str:
    """The words of a grade, its number marked."""
    return f"{found[1]} {_GRADED}{found[2]} " if found[1] else f"{_GRADED}{found[3]} "


def _counts(word: str) -> bool:
    return not word.startswith(_GRADED) and any(map(str.isdigit, word))


def _trimmed(words: list[str]) -> list[str]:
    """Words without signs that join nothing, and without those that count packs at the end."""
    kept = [word for before, word in pairwise(["", *words]) if _plain(word) or _plain(before)]
    while len(kept) > 1 and (
        not _plain(kept[-1]) or (_plain(kept[-1]) in _PACKS and _plain(kept[-2]) not in _OF_A_PACK)
    ):
        kept.pop()
    return kept


def products_of(lines: pd.DataFrame) -> tuple[np.ndarray, pd.DataFrame]:
    """Code each line's product, and return the distinct products with `type` and `size`.

    Products differ if any of item, description, category, department or brand does. Words are
    '' where the log has none. The order is that of the words, so it does not depend on the lines'.
    """
    columns = lines[WORDS]
    code = columns.groupby(WORDS, sort=True, dropna=False, observed=True).ngroup().to_numpy()
    first = np.unique(code, return_index=True)[1]
    products = columns.iloc[first].reset_index(drop=True)
    texts = products["description"].astype(object).tolist()
    brands = products["brand"].astype(object).tolist()
    seen: dict[tuple[str, str], str] = {}
    sizes: dict[str, float] = {}
    for text, brand in zip(texts, brands, strict=True):
        if (text, brand) not in seen:
            seen[text, brand] = type_of(text, brand)
            sizes.setdefault(text, size_of(text))
    products["type"] = [seen[pair] for pair in zip(texts, brands, strict=True)]
    products["size"] = [sizes[text] for text in texts]
    return code.astype(np.int32), products
