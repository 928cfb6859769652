"""A short name for each segment, made of what sets it apart most."""

from collections import Counter
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from crm_analytics.metrics.effects import MEDIUM
from crm_analytics.segmentation.telling.segment_words import (
    AVERAGE,
    GRADES,
    HIGH_LOW,
    IMPLIED,
    MEANINGS,
    MUTE,
    NOT,
    NOUNS,
    TRAITS,
    capital,
)

_NEARLY = 0.15  # a column that serves so much worse than the best of its trait is not heard
_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X")


class Trait(NamedTuple):
    """One thing that sets a segment apart.

    Attributes
    ----------
    name : str
        A trait of `segment_words`, or a column (and level) of no known meaning.
    sign : {1, -1}
        Much of it, or little.
    weight : float
        Size of the effect, times how well it serves as a name.
    rank : float in [0, 1]
        Mean rank of the segment among all customers; of a word, its share in the segment.
    known : bool
        Whether `segment_words` has words for it.
    """

    name: str
    sign: int
    weight: float
    rank: float
    known: bool


def segment_names(
    differences: pd.DataFrame, shares: pd.Series, *, lang: str, short: float | None = None
) -> list[str]:
    """Names of the segments in the order of `shares`, no two alike.

    Parameters
    ----------
    differences : DataFrame
        As `segment_differences` gives it.
    shares : Series
        Share of the customers, by segment.
    short : float, optional
        Length of the short window (periods): who came within it is not lapsing, who did not is not
        active, whatever the others do.
    lang : {"en", "tr"}
    """
    groups: dict[Any, pd.DataFrame] = dict(list(differences.groupby("segment", sort=False, observed=True)))
    telling = [_traits(groups[segment], share, short) for segment, share in shares.items()]
    chosen = [_strongest(traits) for traits in telling]
    names = [_name(traits, lang) for traits in chosen]
    for _ in range(3 * len(names)):
        alike = _alike(names)
        if not alike:
            break
        place, traits = _told_apart(alike[0], chosen, telling, names, lang)
        if place is None:
            _number(alike[0], groups, shares, names)
        else:
            chosen[place] = traits
            names[place] = _name(traits, lang)
    return [capital(name, lang) for name in names]


def _traits(rows: pd.DataFrame, share: float, short: float | None) -> list[Trait]:
    """The telling traits of one segment, the strongest first; of columns of one trait the loudest speaks."""
    found: dict[str, Trait] = {}
    best = _best_weights(rows)
    rows = rows[rows["telling"]]
    columns = (rows[name] for name in ("column", "level", "inside", "median", "effect", "size", "known"))
    for column, level, inside, median, effect, size, known in zip(*columns, strict=True):
        if column in MUTE:
            continue
        meaning = MEANINGS.get(column) if pd.isna(level) else None
        sign = 1 if effect > 0 else -1
        if meaning is None:
            if sign < 0 and not pd.isna(level):
                continue  # to be few of one kind names nobody
            trait = Trait(
                column if pd.isna(level) else f"{column}={level}", sign, size * known, inside, False
            )
        elif meaning.weight < best[meaning.trait] - _NEARLY or _belied(
            meaning.trait, sign * meaning.sign, column, inside, median, short
        ):
            continue
        else:
            # Of all customers, the segment among them: what the delta against the others leaves.
            rank = 0.5 + meaning.sign * effect * (1 - share) / 2
            weight = size * meaning.weight * known
            trait = Trait(meaning.trait, sign * meaning.sign, weight, rank, True)
        if trait.name not in found or trait.weight > found[trait.name].weight:
            found[trait.name] = trait
    dull = set().union(
        *(IMPLIED.get((one.name, one.sign), ()) for one in found.values() if one.weight >= MEDIUM)
    )
    kept = [trait for trait in found.values() if (trait.name, trait.sign) not in dull]
    return sorted(kept, key=lambda trait: (-trait.weight, trait.name))


def _belied(trait: str, sign: int, column: str, inside: float, median: float, short: float | None) -> bool:
    """Whether the segment itself is not what it is beside the others: rising least does not mean falling."""
    if trait == "trend":
        return sign * inside <= 0
    if column == "since_last" and short is not None:
        return median < short / 2 if sign > 0 else median >= short
    return False


def _best_weights(rows: pd.DataFrame) -> dict[str, float]:
    """How well the best column of each trait in the table serves."""
    best: dict[str, float] = {}
    for column in rows["column"]:
        if column in MEANINGS:
            trait, weight = MEANINGS[column].trait, MEANINGS[column].weight
            best[trait] = max(best.get(trait, 0.0), weight)
    return best


def _strongest(traits: list[Trait]) -> tuple[Trait, ...]:
    """The two to be named: the strongest, and the next that it does not imply."""
    if not traits:
        return ()
    first = traits[0]
    if first.weight < MEDIUM and first.known:
        return ()  # in the middle of all there is to tell: an average segment
    others = [trait for trait in traits[1:] if _says_more(trait, (first,))]
    if others and (others[0].weight >= MEDIUM or first.weight < MEDIUM):
        return first, others[0]
    return (first,)


def _says_more(trait: Trait, said: tuple[Trait, ...]) -> bool:
    for other in said:
        if trait.name == other.name or (trait.name, trait.sign) in IMPLIED.get((other.name, other.sign), ()):
            return False
    return True


def _name(traits: tuple[Trait, ...], lang: str) -> str:
    """Adjectives and a noun, then what has no words of its own."""
    known = sorted((trait for trait in traits if trait.known), key=lambda trait: NOUNS.index(trait.name))
    others = [_generic(trait, lang) for trait in traits if not trait.known]
    if not traits:
        return AVERAGE[lang]
    if not known:
        return ", ".join(others)
    adjectives = [TRAITS[lang][trait.name][0 if trait.sign > 0 else 1][0] for trait in known[1:]]
    name = _joined([*adjectives, _noun(known[0], lang)], lang)
    return f"{name}, {', '.join(others)}" if others else name


def _noun(trait: Trait, lang: str) -> str:
    for least, noun in GRADES[lang].get(trait.name, ()):
        if trait.rank >= least:
            return noun
    return TRAITS[lang][trait.name][0 if trait.sign > 0 else 1][1]


def _joined(words: list[str], lang: str) -> str:
    """In Turkish a comma parts two participles: "sık gelen, çok harcayanlar"."""
    if lang != "tr":
        return " ".join(words)
    text = words[-1]
    for word in reversed(words[:-1]):
        participle = word.endswith(("en", "an"))
        verbal = text.split(",")[0].endswith(("enler", "anlar")) or " müşteriler" not in text
        comma = participle and verbal and not text.endswith("avcıları")
        text = f"{word}, {text}" if comma else f"{word} {text}"
    return text


def _generic(trait: Trait, lang: str) -> str:
    column, _, level = trait.name.partition("=")
    words = column.replace("_", " ")
    if not level:
        return f"{HIGH_LOW[lang][0 if trait.sign > 0 else 1]} {words}"
    said = words if level == "True" else f"{words} {level}"
    return said if trait.sign > 0 else f"{NOT[lang]} {said}"


def _alike(names: list[str]) -> list[list[int]]:
    """Places of segments of one name, where several have it."""
    counts = Counter(names)
    return [
        [place for place, name in enumerate(names) if name == twice] for twice, n in counts.items() if n > 1
    ]


def _told_apart(
    places: list[int],
    chosen: list[tuple[Trait, ...]],
    telling: list[list[Trait]],
    names: list[str],
    lang: str,
) -> tuple[int | None, tuple[Trait, ...]]:
    """Of segments of one name, the one that a further trait sets apart most, with that trait in its name."""
    best: tuple[float, int, tuple[Trait, ...]] | None = None
    for place in places:
        for trait in telling[place]:
            if not _says_more(trait, chosen[place]):
                continue
            ranks = [
                next((other.rank * other.known for other in telling[p] if other.name == trait.name), 0.5)
                for p in places
                if p != place
            ]
            contrast = abs(trait.rank - float(np.mean(ranks))) if trait.known else trait.weight / 2
            traits = _with(chosen[place], trait)
            if _name(traits, lang) not in names and (best is None or contrast > best[0] + 1e-12):
                best = contrast, place, traits
    return (None, ()) if best is None else best[1:]


def _with(chosen: tuple[Trait, ...], trait: Trait) -> tuple[Trait, ...]:
    """A name of two traits gives up its adjective for a better one; three make no short name."""
    if len(chosen) < 2:
        return (*chosen, trait)
    known = sorted(chosen, key=lambda one: NOUNS.index(one.name) if one.known else len(NOUNS))
    return known[0], trait


def _number(places: list[int], groups: dict, shares: pd.Series, names: list[str]) -> None:
    """The last resort: by the column in which segments of one name lie furthest apart, the highest first."""
    rows = pd.concat([groups[shares.index[place]].assign(place=place) for place in places], ignore_index=True)
    rows = rows[rows["level"].isna() & rows["effect"].notna()]
    order = places
    if len(rows):
        effects = rows.pivot_table(index="place", columns="column", values="effect").reindex(places)
        column = (effects.max() - effects.min()).idxmax()
        order = list(effects[column].fillna(0).sort_values(ascending=False, kind="stable").index)
    for number, place in enumerate(order, start=1):
        names[place] = f"{names[place]} {_ROMAN[number - 1] if number <= len(_ROMAN) else number}"
