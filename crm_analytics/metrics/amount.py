"""How far predicted amounts are from what happened."""

from typing import Any

import numpy as np
from sklearn.utils.validation import check_consistent_length, column_or_1d


def relative_bias(y_true: Any, y_pred: Any) -> float:
    """Predicted total over actual total, less 1.

    0 is right on the whole, -0.1 is 10 % too low; the best a constant can do is 0, so read
    it beside a metric of each customer. Raises ValueError if the actual total is 0.

    >>> relative_bias([1, 3], [2, 1])
    -0.25
    """
    y_true, y_pred = column_or_1d(y_true), column_or_1d(y_pred)
    check_consistent_length(y_true, y_pred)
    total = float(np.sum(y_true))
    if total == 0:
        raise ValueError("relative_bias is undefined when y_true adds up to 0.")
    return float(np.sum(y_pred)) / total - 1


def top_share(values: Any, *, fraction: float = 0.2) -> float:
    """Share of the total that the largest `fraction` of the values hold.

    `fraction` if all are equal, 1 if the rest hold nothing. A fraction that ends inside a
    value counts that part of it. Raises ValueError on negative values or a total of 0.

    >>> top_share([10, 5, 3, 1, 1], fraction=0.2)
    0.5
    """
    values = column_or_1d(values).astype(float)
    if not 0 < fraction <= 1:
        raise ValueError(f"fraction must be in (0, 1]. Got {fraction!r} instead.")
    if (values < 0).any():
        raise ValueError("top_share is undefined for negative values: shares of a total would pass 1.")
    if values.sum() == 0:
        raise ValueError("top_share is undefined when the values add up to 0.")
    held = np.concatenate([[0.0], np.cumsum(np.sort(values)[::-1])])
    return float(np.interp(fraction * values.size, np.arange(held.size), held) / held[-1])
