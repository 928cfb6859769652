"""A sentence or two on each segment: how many, what they bring, what they do otherwise than others."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from crm_analytics.segmentation.telling.segment_words import (
    IMPLIED,
    LABELS,
    MEANINGS,
    MUTE,
    PROBABILITIES,
    SHARES,
    UNITS,
    number_words,
    percent_words,
)

_MOST = 3  # differences told
_MANY = 2.0  # growth from which on a percentage is hard to read
_TEXTS = {
    "en": {
        "size": "{n} customers ({share}).",
        "revenue": "{n} customers ({share}) bring {revenue} of revenue.",
        "typically": "Typically {facts}.",
        "fact": "{label} {value} (others {other})",
        "with": "{label}",
        "up": "Spend is up {by} on the period before.",
        "times": "Spend is {times} times that of the period before.",
        "down": "Spend is down {by} on the period before.",
        "risk": "Churn risk {risk}.",
        "favourites": "Favourites: {favourites}.",
        "none": "Nothing sets them apart.",
    },
    "tr": {
        "size": "{n} müşteri ({share}).",
        "revenue": "{n} müşteri ({share}); gelirdeki payı {revenue}.",
        "typically": "Tipik olarak {facts}.",
        "fact": "{label} {value} (diğerleri {other})",
        "with": "{label} payı",
        "up": "Harcama bir önceki döneme göre {by} arttı.",
        "times": "Harcama bir önceki dönemin {times} katı.",
        "down": "Harcama bir önceki döneme göre {by} azaldı.",
        "risk": "Kayıp riski {risk}.",
        "favourites": "Gözdeleri: {favourites}.",
        "none": "Onları ayıran bir özellik yok.",
    },
}


def segment_sentences(
    numbers: pd.DataFrame,
    differences: pd.DataFrame,
    *,
    windows: Sequence[int],
    unit: str,
    lang: str,
) -> list[str]:
    """One text a row of `numbers` (as `key_numbers` gives it, with `favourites` where known)."""
    words = {
        "short": windows[0],
        "middle": windows[1],
        "long": windows[2],
        "units": UNITS[lang][unit],
    }
    groups = dict(list(differences.groupby("segment", sort=False, observed=True)))
    return [
        _sentence(row, groups[segment], len(numbers), words, lang)
        for segment, row in zip(numbers.index, numbers.to_dict("records"), strict=True)
    ]


def _sentence(row: dict, rows: pd.DataFrame, n_segments: int, words: Mapping[str, Any], lang: str) -> str:
    texts = _TEXTS[lang]
    known = pd.notna(row.get("revenue_share"))
    parts = [
        texts["revenue" if known else "size"].format(
            n=number_words(row["customers"], lang),
            share=percent_words(row["share"], lang),
            revenue=percent_words(row["revenue_share"], lang) if known else "",
        )
    ]
    facts = _facts(rows[rows["telling"]], words, lang)
    if facts:
        parts.append(texts["typically"].format(facts="; ".join(facts)))
    elif n_segments > 1:
        parts.append(texts["none"])
    growth = row.get("growth", np.nan)
    if growth >= _MANY:
        parts.append(texts["times"].format(times=number_words(round(1 + growth), lang)))
    elif abs(growth) >= 0.005:
        parts.append(texts["up" if growth > 0 else "down"].format(by=percent_words(abs(growth), lang)))
    if pd.notna(row.get("p_churn")):
        parts.append(texts["risk"].format(risk=percent_words(row["p_churn"], lang)))
    if row.get("favourites"):
        parts.append(texts["favourites"].format(favourites=row["favourites"]))
    return " ".join(parts)


def _facts(rows: pd.DataFrame, words: Mapping[str, Any], lang: str) -> list[str]:
    """The strongest differences in numbers, one a trait, none that another implies."""
    texts = _TEXTS[lang]
    said: list[tuple[str, int]] = []
    facts: list[str] = []
    serves = [MEANINGS[name].weight if name in MEANINGS else 1.0 for name in rows["column"]]
    weight = rows["size"] * rows["known"] * serves
    for row in rows.iloc[np.argsort(-weight.to_numpy(), kind="stable")].to_dict("records"):
        if row["column"] in MUTE:
            continue
        meaning = MEANINGS.get(row["column"])
        sign = 1 if row["effect"] > 0 else -1
        trait = (meaning.trait, sign * meaning.sign) if meaning else (f"{row['column']} {row['level']}", sign)
        pair = _pair(row, sign)
        if pair is None or any(trait[0] == other[0] or trait in IMPLIED.get(other, ()) for other in said):
            continue
        said.append(trait)
        value, other = (_value(number, row, lang) for number in pair)
        label = LABELS[lang].get(row["column"], row["column"].replace("_", " ")).format(**words)
        if pd.notna(row["level"]):
            label = texts["with"].format(label=label if row["level"] == "True" else f"{label} {row['level']}")
        facts.append(texts["fact"].format(value=value, label=label, other=other))
        if len(facts) == _MOST:
            break
    return facts


def _pair(row: dict, sign: int) -> tuple[float, float] | None:
    """Medians where they differ as the effect says, else means; None if neither shows it."""
    for own, other in (("median", "median_elsewhere"), ("inside", "elsewhere")):
        if sign * (row[own] - row[other]) > 0:
            return row[own], row[other]
    return None


def _value(value: float, row: dict, lang: str) -> str:
    column = row["column"]
    if pd.notna(row["level"]) or column in PROBABILITIES or column.endswith(SHARES):
        return percent_words(value, lang)
    return number_words(value, lang)
