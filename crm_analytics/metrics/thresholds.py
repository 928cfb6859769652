"""Whom a score picks at each threshold: what gains and profit are counted from."""

from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numba import njit
from sklearn.utils.validation import check_consistent_length, column_or_1d

# A curve of more points than this draws no finer on any page.
CURVE_POINTS = 1000


class Steps(NamedTuple):
    """How many have a score of at least each threshold; the first threshold is above all of them.

    Customers with equal scores are passed in one step, so row order cannot matter.
    """

    threshold: np.ndarray
    positives: np.ndarray
    negatives: np.ndarray


def score_steps(positive_scores: np.ndarray, negative_scores: np.ndarray) -> Steps:
    """Count down through the scores of positives and of negatives, each sorted upwards.

    >>> score_steps(np.array([0.3, 0.9]), np.array([0.1, 0.3])).positives
    array([0, 1, 2, 2])
    """
    return Steps(*_merge(positive_scores, negative_scores))


def binary_outcome(y_true: Any, y_other: Any, *, name: str = "y_score") -> tuple[np.ndarray, np.ndarray]:
    """Return outcomes as bool and what was said of them as float, both of shape (n,).

    Raises ValueError if they differ in length, are empty, outcomes are not 0 or 1, or a value of
    the other, called `name`, is not a number.

    >>> binary_outcome(["Yes", "No"], [0.7, 0.2])
    Traceback (most recent call last):
    ValueError: y_true must be 0 or 1 (or False and True). Got 'Yes' instead. Say which counts: y_true == 'Yes'.
    """
    y, values = column_or_1d(y_true), column_or_1d(y_other)
    check_consistent_length(y, values)
    if y.size == 0:
        raise ValueError("y_true must hold at least one customer. Got none instead.")
    outcome, lawful = _equals(y, 1), _equals(y, 0) | _equals(y, 1)
    if not lawful.all():
        got = _plain(y[~lawful][0])
        remedy = (
            "Leave out those whose outcome is not known."
            if pd.isna(got)
            else f"Say which counts: y_true == {got!r}."
        )
        raise ValueError(f"y_true must be 0 or 1 (or False and True). Got {got!r} instead. {remedy}")
    try:
        values = values.astype(float, copy=False)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be numbers. Got {_plain(values[0])!r} first instead.") from None
    unknown = np.isnan(values)
    if unknown.any():
        raise ValueError(
            f"{name} must be known for every customer, but {unknown.sum():,} of {values.size:,} are NaN "
            f"(first at row {unknown.argmax():,}). Leave them out of both, or score them."
        )
    return outcome, values


def _equals(values: np.ndarray, number: int) -> np.ndarray:
    """Whether each is the number; words and missing values are no number."""
    if values.dtype.kind in "buif":
        return values == number
    return np.array([isinstance(v, (Real, np.bool_)) and bool(v == number) for v in values], dtype=bool)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


@njit(cache=True)
def _merge(
    positive: np.ndarray, negative: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # pragma: no cover
    i, j = positive.size, negative.size
    threshold = np.empty(i + j + 1)
    n_positive = np.empty(i + j + 1, dtype=np.int64)
    n_negative = np.empty(i + j + 1, dtype=np.int64)
    threshold[0], n_positive[0], n_negative[0] = np.inf, 0, 0
    k = 0
    while i > 0 or j > 0:
        from_positive = i > 0 and (j == 0 or positive[i - 1] >= negative[j - 1])
        value = positive[i - 1] if from_positive else negative[j - 1]
        while i > 0 and positive[i - 1] == value:
            i -= 1
        while j > 0 and negative[j - 1] == value:
            j -= 1
        k += 1
        threshold[k] = value
        n_positive[k] = positive.size - i
        n_negative[k] = negative.size - j
    return threshold[: k + 1], n_positive[: k + 1], n_negative[: k + 1]
