"""What is sold: each distinct product's type and size, read from its description."""

import re

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


def size_of(description: str) -> float:
    """Size of one pack (g, ml, or pieces) as a description tells it; nan if it tells none.

    >>> size_of("Mayonez 0,9 kg"), size_of("Soda 6x200 ml"), size_of("Ekmek")
    (900.0, 200.0, nan)
    """
    found = _SIZE.search(description)
    if found is None:
        return float("nan")
    return float(found[1].replace(",", ".")) * _UNITS.get(found[2].lower(), 1.0)


def type_of(description: str, brand: str) -> str:
    """What a product is: its description without its brand, its size and other numbers.

    >>> type_of("Çınar Kaşar Peyniri 400 g", "ÇINAR")
    'kaşar peyniri'
    """
    own = {plain(word) for word in brand.split()} - {""}
    text = _SIZE.sub(" ", description)
    words = [word for word in re.split(r"[\s,;()]+", text) if word and not any(map(str.isdigit, word))]
    kept = [word for word in words if plain(word) not in own]
    return " ".join(kept or words).replace("İ", "i").lower()


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
