"""Whether those scored high are those who turn out high."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_consistent_length, column_or_1d


def gini(y_true: Any, y_score: Any) -> float:
    """Gini coefficient of `y_true` ordered by `y_score`, over the largest it could be.

    1 orders customers as well as knowing the outcome, 0 is chance, -1 is the reverse
    order. Customers with equal scores share their outcomes evenly, so the result does not
    depend on row order. Raises ValueError if `y_true` is negative, or does not vary.

    >>> gini([0, 1, 2, 5], [0.1, 0.2, 0.4, 0.3])
    0.625
    """
    y_true, y_score = column_or_1d(y_true).astype(float), column_or_1d(y_score)
    check_consistent_length(y_true, y_score)
    if (y_true < 0).any():
        raise ValueError("gini is undefined for negative outcomes.")
    best = _area(y_true, y_true)
    if best <= 0:
        raise ValueError("gini is undefined when all outcomes are equal.")
    return _area(y_true, y_score) / best


def _area(y_true: np.ndarray, y_score: np.ndarray) -> float:
    """Twice the area between the diagonal and the Lorenz curve of outcomes in order of score."""
    by_score = pd.DataFrame({"score": y_score, "y": y_true}).groupby("score")["y"].agg(["size", "sum"])
    n, total = y_true.size, y_true.sum()
    if total == 0:
        return 0.0
    share_of_customers = np.concatenate([[0.0], by_score["size"].cumsum() / n])
    share_of_outcome = np.concatenate([[0.0], by_score["sum"].cumsum() / total])
    return float(1 - 2 * np.trapezoid(share_of_outcome, share_of_customers))


def lift_at(y_true: Any, y_score: Any, *, fraction: float = 0.1) -> float:
    """Rate of positives among the top-scored `fraction`, over the overall rate.

    1 is no better than chance; the ceiling is 1 / max(fraction, overall rate). Customers
    tied at the cut-off share the remaining places evenly, so the result does not depend on
    row order. Raises ValueError if no customer is positive.

    >>> lift_at([1, 0, 1, 0, 0, 0, 0, 0], [9, 8, 7, 6, 5, 4, 3, 2], fraction=0.25)
    2.0
    """
    y_true, y_score = column_or_1d(y_true), column_or_1d(y_score)
    check_consistent_length(y_true, y_score)
    if not 0 < fraction <= 1:
        raise ValueError(f"fraction must be in (0, 1]. Got {fraction!r} instead.")
    if not np.any(y_true):
        raise ValueError("lift_at is undefined when y_true has no positives.")
    places = fraction * y_true.size
    cutoff = np.sort(y_score)[::-1][int(np.ceil(places)) - 1]
    above, tied = y_score > cutoff, y_score == cutoff
    hits = y_true[above].sum() + y_true[tied].mean() * (places - above.sum())
    return float(hits / places / y_true.mean())
