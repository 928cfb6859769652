"""What a model must not know: the future of the rows it is judged on, and columns that tell the outcome."""

import warnings
from typing import Any

import numpy as np
import pandas as pd

from crm_analytics.churn.propensity.folds import has_origins
from crm_analytics.core.errors import LeakageError, LeakageWarning

TELLTALE = 0.98  # area under the ROC curve of one column alone, or of its reverse


def refuse_known_future(X: Any, label_end: str | None, *, caller: str) -> None:
    """Raise LeakageError if rows of X were seen before the last label of the fit was complete."""
    if label_end is None or not has_origins(X) or len(X) == 0:
        return
    origins = X.index.get_level_values("origin")
    known = origins < pd.Timestamp(label_end)
    if known.any():
        raise LeakageError(
            f"{caller}: {known.sum():,} of {len(X):,} rows have an origin (first {origins[known].min():%Y-%m-%d}) "
            f"before {pd.Timestamp(label_end):%Y-%m-%d}, when the last label of the fit was complete: the model was "
            "told what happened after them. Random folds over snapshots do this, and folds in time without a purge. "
            "Split with PurgedRollingOrigin; to look at such rows all the same, drop the index "
            "(X.reset_index(drop=True))."
        )


def warn_of(telltale: list[str], *, caller: str) -> None:
    """Warn of columns that order leavers too well to have been known beforehand."""
    if telltale:
        warnings.warn(
            f"{caller}: {', '.join(map(repr, telltale))} alone order{'s' if len(telltale) == 1 else ''} those who "
            f"leave almost perfectly (area under the ROC curve >= {TELLTALE}). Were they known before the outcome, "
            "as a cancellation or a final bill is not? If not, leave them out; `telltale_` lists them.",
            LeakageWarning,
            stacklevel=3,
        )


def telltale_columns(values: np.ndarray, y: np.ndarray, coding: list[dict[str, Any]]) -> list[str]:
    """Columns that alone order leavers almost perfectly: by number, or by the rate of each level.

    A row's level is judged by the other rows of it, or levels of few would know their own.
    """
    found = []
    for place, column in enumerate(coding):
        score = values[:, place]
        if column["kind"] == "words":
            codes = score.astype(np.int64) + 1
            n, leavers = np.bincount(codes), np.bincount(codes, weights=y)
            score = (leavers[codes] - y) / np.maximum(n[codes] - 1, 1)
            area = _auc(score, y)
        else:
            # What is missing ranks below all in one of the two, above all in the other.
            low, high = _auc(score, y), 1 - _auc(-score, y)
            area = max(low, high, 1 - low, 1 - high)
        if area >= TELLTALE:
            found.append(column["name"])
    return found


def _auc(score: np.ndarray, y: np.ndarray) -> float:
    """Area under the ROC curve; a missing value ranks below all others."""
    rank = pd.Series(score).fillna(-np.inf).rank().to_numpy()
    leavers = y.sum()
    return float((rank[y > 0].sum() - leavers * (leavers + 1) / 2) / (leavers * (y.size - leavers)))
