"""Whether those scored high are those who turn out high."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_consistent_length, column_or_1d

from crm_analytics.metrics.thresholds import CURVE_POINTS, binary_outcome, score_steps


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


def gains_curve(y_true: Any, y_score: Any) -> pd.DataFrame:
    """Share of the positives that the top-scored customers hold, from nobody to everybody.

    Where customers have equal scores the curve is a straight line, so the result does not
    depend on row order, and `lift` is what `lift_at` gives for the same fraction.

    Parameters
    ----------
    y_true : array of 0 and 1 (or bool), shape (n,)
    y_score : array, shape (n,)
        Higher means likelier; any unit.

    Returns
    -------
    DataFrame
        A row for each count of customers, or 1,001 evenly spaced ones: `fraction` of customers,
        `gain` (share of positives among them, in [0, 1]; chance: the fraction), `lift` (gain /
        fraction; chance: 1, undefined in the first row: NaN), `best` (the highest possible gain).

    Raises
    ------
    ValueError
        If outcomes are not 0 and 1, none is 1, a score is not known, or lengths differ.

    Examples
    --------
    >>> gains_curve([1, 0, 1, 0], [9, 8, 7, 7])
       fraction  gain  lift  best
    0      0.00  0.00   NaN   0.0
    1      0.25  0.50   2.0   0.5
    2      0.50  0.50   1.0   1.0
    3      0.75  0.75   1.0   1.0
    4      1.00  1.00   1.0   1.0
    """
    y, score = binary_outcome(y_true, y_score)
    n_positive = np.count_nonzero(y)
    if n_positive == 0:
        raise ValueError("gains_curve is undefined when y_true has no positives.")
    steps = score_steps(np.sort(score[y]), np.sort(score[~y]))
    points = min(y.size, CURVE_POINTS)
    fraction = np.arange(points + 1) / points
    gain = np.interp(fraction * y.size, steps.positives + steps.negatives, steps.positives / n_positive)
    lift = np.divide(gain, fraction, out=np.full(gain.shape, np.nan), where=fraction > 0)
    best = np.minimum(fraction * y.size / n_positive, 1.0)
    return pd.DataFrame({"fraction": fraction, "gain": gain, "lift": lift, "best": best})
