"""Why a customer is likely to leave: what each group of columns adds to the log-odds, in words."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from crm_analytics.churn.propensity.reason_words import groups_of, worded

_ROWS = 50_000  # explained at a time


def grouped(effects: np.ndarray, groups: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """Sum the effects (n, n_columns) of the columns of each group: (n, n_groups), and the groups' names."""
    names = list(dict.fromkeys(groups))
    member = np.zeros((len(groups), len(names)))
    member[np.arange(len(groups)), [names.index(group) for group in groups]] = 1.0
    return effects @ member, names


def reason_table(
    table: pd.DataFrame,
    effects: np.ndarray,
    log_odds: np.ndarray,
    columns: Sequence[str],
    *,
    n: int,
    groups: Mapping[str, Sequence[str]] | None,
    called: Mapping[str, str],
    caller: str,
) -> pd.DataFrame:
    """The `n` groups that move each row most, by falling size; n rows a row of `table`."""
    group_of = groups_of(columns, groups, caller=caller)
    sums, names = grouped(effects, group_of)
    n = min(n, len(names))
    rows = np.arange(len(table))[:, None]
    # Equal effects go by the order of columns.
    best = np.argsort(-np.abs(sums), axis=1, kind="stable")[:, :n]
    size = sums[rows, best]
    points = expit(log_odds)[:, None] - expit(log_odds[:, None] - size)
    words = np.empty(best.shape, dtype=object)
    for place, name in enumerate(names):
        asked = np.argwhere(best == place)
        if not asked.size:
            continue
        inside = [k for k, group in enumerate(group_of) if group == name]
        own = effects[asked[:, 0]][:, inside]
        # Of the columns that pull the way their group does, the one that pulls most.
        direction = np.where(sums[asked[:, 0], place] >= 0, 1.0, -1.0)[:, None]
        telling = np.argmax(own * direction, axis=1)
        for k, column in enumerate(inside):
            chosen = asked[telling == k]
            if chosen.size:
                values = table[columns[column]].iloc[chosen[:, 0]].tolist()
                words[chosen[:, 0], chosen[:, 1]] = [
                    worded(columns[column], value if isinstance(value, str) else _float(value), called)
                    for value in values
                ]
    found = pd.DataFrame(
        {
            "rank": np.tile(np.arange(1, n + 1), len(table)),
            "reason": words.ravel(),
            "group": np.array(names, dtype=object)[best].ravel(),
            "effect": size.ravel(),
            "points": points.ravel(),
        }
    )
    return found.set_axis(table.index.repeat(n))


def effect_table(effects: np.ndarray, values: np.ndarray, groups: Sequence[str]) -> pd.DataFrame:
    """Mean size of each group's effect over all rows, its share of the whole, and which way it goes.

    `values` (n, n_columns) are the columns themselves; the direction is the sign of the rank
    correlation of the group's strongest column with its effect.
    """
    sums, names = grouped(effects, groups)
    size = np.abs(sums).mean(axis=0)
    strength = np.abs(effects).mean(axis=0)
    direction = []
    for name in names:
        inside = [k for k, group in enumerate(groups) if group == name]
        top = max(inside, key=lambda k: strength[k])
        direction.append(_rank_correlation(values[:, top], effects[:, top]))
    total = size.sum()
    found = pd.DataFrame(
        {
            "group": names,
            "mean_effect": size,
            "share": size / total if total > 0 else size,
            "direction": direction,
        }
    )
    return found.sort_values("mean_effect", ascending=False, kind="stable", ignore_index=True)


def _rank_correlation(left: np.ndarray, right: np.ndarray) -> float:
    known = ~np.isnan(left)
    if known.sum() < 2 or np.ptp(left[known]) == 0 or np.ptp(right[known]) == 0:
        return 0.0
    a, b = (pd.Series(v[known]).rank().to_numpy() for v in (left, right))
    return float(np.corrcoef(a, b)[0, 1])


def _float(value: Any) -> float:
    return float("nan") if value is None or value is pd.NA else float(value)


def in_parts(n_rows: int) -> list[slice]:
    """Slices of the rows that are explained at a time."""
    return [slice(begin, begin + _ROWS) for begin in range(0, max(n_rows, 1), _ROWS)]
