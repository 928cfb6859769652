"""How long customers were watched, and how it ended: read and judged."""

from typing import Any

import numpy as np
import pandas as pd

from crm_analytics.core.errors import ConvergenceError, SchemaError
from crm_analytics.core.tables import require, require_columns

MOST_PERIODS = 100_000  # more than this is a date or a number of seconds


def watched(y: Any, n: int, caller: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Periods passed before the watch and at its end, and whether the customer left then."""
    if hasattr(y, "to_pandas"):
        y = y.to_pandas()
    named = isinstance(y, dict | pd.DataFrame) or getattr(np.asarray(y).dtype, "names", None)
    if not named:
        raise SchemaError(f"{caller}: y must be a table with the columns duration and churned.")
    table = pd.DataFrame(y)
    require_columns(table, ["duration", "churned"], caller=caller)
    if len(table) != n:
        raise ValueError(
            f"{caller}: X has {n:,} rows and y has {len(table):,}. They must be the same customers."
        )
    if n == 0:
        raise ValueError(f"{caller}: X has no row, and a minimum of 1 is required.")
    remedy = "It counts periods since the start: divide by the length of a period and round up."
    ended = _counts(table["duration"], 1, caller, remedy)
    begun = np.zeros(n, dtype=np.int64)
    if "entry" in table:
        begun = _counts(table["entry"], 0, caller, "It counts periods passed before the watch.")
        remedy = "Leave out those who had gone before they came under watch."
        require(begun < ended, column="entry", rule="< duration", caller=caller, remedy=remedy)
    if not pd.api.types.is_numeric_dtype(table["churned"]):
        raise SchemaError(
            f"{caller}: churned must be true or false, but has dtype {table['churned'].dtype}. Compare it with a "
            "word."
        )
    churned = table["churned"].to_numpy(dtype=float, na_value=np.nan)
    remedy = "Those of whom it is not known are still here: false."
    require(
        (churned == 0) | (churned == 1), column="churned", rule="true or false", caller=caller, remedy=remedy
    )
    return begun, ended, churned == 1


def _counts(values: pd.Series, least: int, caller: str, remedy: str) -> np.ndarray:
    if not pd.api.types.is_numeric_dtype(values):
        raise SchemaError(f"{caller}: {values.name} must be numeric, but has dtype {values.dtype}. {remedy}")
    found = values.to_numpy(dtype=float, na_value=np.nan)
    ok = (found >= least) & (np.floor(found) == found) & (found <= MOST_PERIODS)
    rule = f"a whole number from {least} to {MOST_PERIODS:,}"
    require(ok, column=str(values.name), rule=rule, caller=caller, remedy=remedy)
    return found.astype(np.int64)


def require_enough(
    begun: np.ndarray, ended: np.ndarray, churned: np.ndarray, weight: np.ndarray, caller: str
) -> None:
    """Raise ConvergenceError if there is nothing to learn a hazard from."""
    if not weight[churned].sum() > 0:
        raise ConvergenceError(
            f"{caller}: none of {len(ended):,} customers churned while watched, so there is no hazard to learn. "
            "Watch for longer, or add customers who left."
        )
    if not weight[~churned | (ended - begun > 1)].sum() > 0:
        raise ConvergenceError(
            f"{caller}: all of {len(ended):,} customers churned in the first period they were watched, so nobody "
            "stayed to compare with. Add those who are still here, or choose shorter periods."
        )


def weights_of(sample_weight: Any, n: int) -> np.ndarray:
    """How many customers each of `n` rows stands for; ValueError if that cannot be."""
    if sample_weight is None:
        return np.ones(n)
    weight = np.asarray(sample_weight, dtype=float)
    if weight.shape != (n,):
        raise ValueError(f"sample_weight must be {n:,} numbers, one a row. Got {weight.shape} instead.")
    if not (np.isfinite(weight) & (weight >= 0)).all() or not weight.sum() > 0:
        raise ValueError("sample_weight must be finite, >= 0, and not all 0.")
    return weight
