"""Mixed columns of customers as numbers about an average customer, who is all zeros."""

from typing import Any

import numpy as np
import pandas as pd

from crm_analytics.churn.columns import MISSING, is_number, numbers, words
from crm_analytics.core.errors import SchemaError
from crm_analytics.core.tables import require_columns

_MOST_LEVELS = 100  # more words than this name customers or dates, not kinds of customers


def learn_columns(table: pd.DataFrame, weight: np.ndarray, *, caller: str) -> list[dict[str, Any]]:
    """How each column is to be read, from the customers of a fit.

    Numbers (and true or false) are measured from their mean in standard deviations; one that is
    missing counts as the mean, with an effect of its own if some were missing here. Words (and
    categories) have an effect for each level, missing among them. A column of one value has none.
    """
    require_columns(table, list(table.columns), caller=caller)
    coding = []
    for name in table.columns:
        if is_number(table[name], str(name), caller):
            coding.append(_learn_number(str(name), numbers(table[name], caller), weight))
        else:
            found = words(table[name])
            levels = sorted(set(found))
            if len(levels) > _MOST_LEVELS:
                raise SchemaError(
                    f"{caller}: {name} has {len(levels):,} different words, and {_MOST_LEVELS} are allowed. Leave "
                    "out what names a customer; turn dates into days since, and numbers in text into numbers."
                )
            shares = [float(weight[found == level].sum() / weight.sum()) for level in levels]
            coding.append({"name": str(name), "levels": levels, "shares": shares})
    return coding


def design_of(table: pd.DataFrame, coding: list[dict[str, Any]], *, caller: str) -> np.ndarray:
    """Numbers of shape (n_customers, n_effects), as `effect_names` names them.

    A level that was not there to learn from is no level: the average customer.
    """
    require_columns(table, [column["name"] for column in coding], caller=caller)
    parts = []
    for column in coding:
        values = table[column["name"]]
        if "levels" in column:
            if len(column["levels"]) > 1:
                found = words(values)
                known = np.isin(found, column["levels"])
                parts += [
                    np.where(known, (found == level) - share, 0.0)
                    for level, share in zip(column["levels"], column["shares"], strict=True)
                ]
            continue
        if not is_number(values, column["name"], caller):
            raise SchemaError(
                f"{caller}: {column['name']} was numeric when fitted, and is {values.dtype} now."
            )
        known = numbers(values, caller)
        absent = np.isnan(known)
        if column["scale"] > 0:
            parts.append(np.where(absent, 0.0, (known - column["mean"]) / column["scale"]))
        if 0 < column["missing"] < 1:
            parts.append(absent - column["missing"])
    return np.stack(parts, axis=1) if parts else np.zeros((len(table), 0))


def effect_names(coding: list[dict[str, Any]]) -> list[tuple[str, str, float]]:
    """Column, level ("" of a number) and scale of each effect: that of one unit is the effect / scale."""
    names = []
    for column in coding:
        if "levels" in column:
            levels = column["levels"] if len(column["levels"]) > 1 else []
            names += [(column["name"], level, 1.0) for level in levels]
            continue
        if column["scale"] > 0:
            names.append((column["name"], "", column["scale"]))
        if 0 < column["missing"] < 1:
            names.append((column["name"], MISSING, 1.0))
    return names


def contrasts(coding: list[dict[str, Any]]) -> np.ndarray:
    """Matrix from effects to those of one unit more, or of a level against the average customer."""
    matrix = np.diag([1 / scale for _, _, scale in effect_names(coding)])
    at = 0
    for column in coding:
        count = len(effect_names([column]))
        if "levels" in column and count:
            matrix[at : at + count, at : at + count] -= np.array(column["shares"])
        at += count
    return matrix


def _learn_number(name: str, values: np.ndarray, weight: np.ndarray) -> dict[str, Any]:
    there = ~np.isnan(values)
    missing = float(weight[~there].sum() / weight.sum())
    if not weight[there].sum() > 0:
        return {"name": name, "mean": 0.0, "scale": 0.0, "missing": 1.0}
    mean = float(np.average(values[there], weights=weight[there]))
    scale = float(np.sqrt(np.average((values[there] - mean) ** 2, weights=weight[there])))
    # Equal numbers leave rounding of their mean behind.
    varies = scale > 1e-12 * max(1.0, abs(mean))
    return {"name": name, "mean": mean, "scale": scale if varies else 0.0, "missing": missing}
