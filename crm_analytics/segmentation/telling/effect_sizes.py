"""What sets each segment apart from all other customers, column by column."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control

from crm_analytics.core.errors import SchemaError
from crm_analytics.core.tables import require, require_columns
from crm_analytics.metrics.effects import SMALL, cohens_h, delta_of_h, group_effects, share_chances

MISSING = "(missing)"
RARE = "(other)"
_FEWEST_OF_A_LEVEL = 10  # customers; rarer words are counted together
_MOST_LEVELS = 1_000  # more words than this name customers or dates, not kinds of customers
_COLUMNS = [
    "segment",
    "column",
    "level",
    "inside",
    "elsewhere",
    "median",
    "median_elsewhere",
    "known",
    "effect",
    "size",
    "p",
    "q",
    "telling",
]


def segment_differences(
    codes: np.ndarray, segments: Any, table: pd.DataFrame, *, bound: float, caller: str
) -> pd.DataFrame:
    """One row a segment and column (of words: a level), by segment and falling size; see `describe`.

    `codes` are places in `segments`, one a row of `table`.
    """
    require_columns(table, list(table.columns), caller=caller)
    small = codes.astype(np.min_scalar_type(max(len(segments) - 1, 0)))  # sorted by counting, so it is cheap
    pieces = []
    for name in map(str, table.columns):
        column = table[name]
        if _is_number(column, name, caller):
            pieces.append(_of_number(small, len(segments), column, caller))
        else:
            pieces.append(_of_words(codes, len(segments), column, caller))
    if not pieces:
        raise SchemaError(
            f"{caller}: the table has no columns. Pass what is known of the customers, such as snapshots."
        )
    found = pd.concat(pieces, ignore_index=True)
    found["q"] = np.nan
    tested = found["p"].notna().to_numpy()
    if tested.any():
        found.loc[tested, "q"] = false_discovery_control(found.loc[tested, "p"].to_numpy(dtype=float))
    found["telling"] = (found["q"] <= bound) & (found["size"] >= SMALL)
    rank = np.lexsort([-found["size"].fillna(-1).to_numpy(), found["segment"].to_numpy()])
    found = found.iloc[rank].reset_index(drop=True)
    found["segment"] = pd.Index(segments).take(found["segment"].to_numpy())
    return found[_COLUMNS]


def _of_number(codes: np.ndarray, n_segments: int, column: pd.Series, caller: str) -> pd.DataFrame:
    values = column.to_numpy(dtype=float, na_value=np.nan)
    require(
        ~np.isinf(values),
        column=str(column.name),
        rule="finite or missing",
        caller=caller,
        remedy="Say NaN where it is not known.",
    )
    found = group_effects(values, codes, n_segments)
    return pd.DataFrame(
        {
            "segment": np.arange(n_segments),
            "column": column.name,
            "level": None,
            "inside": found.mean,
            "elsewhere": found.mean_elsewhere,
            "median": found.median,
            "median_elsewhere": found.median_elsewhere,
            "known": found.known / np.bincount(codes, minlength=n_segments),
            "effect": found.effect,
            "size": np.abs(found.effect),
            "p": found.p,
        }
    )


def _of_words(codes: np.ndarray, n_segments: int, column: pd.Series, caller: str) -> pd.DataFrame:
    places, levels = _levels(column, caller)
    width = len(levels)
    counts = np.bincount(codes * width + places, minlength=n_segments * width).reshape(n_segments, width)
    n = counts.sum(axis=1, keepdims=True)
    others = counts.sum(axis=0) - counts
    m = n.sum() - n
    with np.errstate(invalid="ignore"):
        inside, outside = counts / n, others / m
    effect = cohens_h(inside, outside)
    effect[:, (counts.sum(axis=0) == n.sum())] = np.nan  # the same word for all
    kept = [i for i, level in enumerate(levels) if level != "False" or not _is_bool(column)]
    return pd.DataFrame(
        {
            "segment": np.repeat(np.arange(n_segments), len(kept)),
            "column": column.name,
            "level": [levels[i] for i in kept] * n_segments,
            "inside": inside[:, kept].ravel(),
            "elsewhere": outside[:, kept].ravel(),
            "median": np.nan,
            "median_elsewhere": np.nan,
            "known": 1.0,
            "effect": effect[:, kept].ravel(),
            "size": delta_of_h(np.abs(effect[:, kept])).ravel(),
            "p": share_chances(counts, n, others, m)[:, kept].ravel(),
        }
    )


def _levels(column: pd.Series, caller: str) -> tuple[np.ndarray, list[str]]:
    """The place of each customer's word, and the words in order; rare ones together, missing ones apart."""
    places, found = pd.factorize(column.astype(object))
    words = [*map(str, found), MISSING]
    if len(found) > _MOST_LEVELS or (len(found) > 50 and len(found) > 0.5 * len(column)):
        raise SchemaError(
            f"{caller}: {column.name} has {len(found):,} different words in {len(column):,} rows. Leave out what names "
            "a customer; turn numbers in text into numbers."
        )
    places = np.where(places < 0, len(found), places)
    counts = np.bincount(places, minlength=len(words))
    rare = (counts < _FEWEST_OF_A_LEVEL) & (np.arange(len(words)) < len(found))
    if rare.sum() > 1:
        words = [RARE if few else word for word, few in zip(words, rare, strict=True)]
    levels = sorted({word for word, n in zip(words, counts, strict=True) if n})
    place_of = {word: place for place, word in enumerate(levels)}
    return np.array([place_of.get(word, 0) for word in words], dtype=np.int64)[places], levels


def _is_number(values: pd.Series, name: str, caller: str) -> bool:
    if values.dtype.kind in "mM" or isinstance(values.dtype, pd.PeriodDtype | pd.DatetimeTZDtype):
        raise SchemaError(f"{caller}: {name} holds dates. Turn it into days since, or leave it out.")
    return pd.api.types.is_numeric_dtype(values) and not _is_bool(values)


def _is_bool(values: pd.Series) -> bool:
    return bool(pd.api.types.is_bool_dtype(values))
