"""Thresholds as whole counts, so that nothing is lost to rounding."""

import math
from numbers import Real

from crm_analytics.core.errors import SchemaError


def least_count(share: float, total: int, *, name: str = "min_support") -> int:
    """Return the smallest count with count / total >= share, in one division of whole numbers.

    One division is rounded once, as the share was when it was written down, so 27 / 90 meets
    0.3 and k / n meets k / n; a quotient of quotients may not.

    >>> least_count(0.3, 90), least_count(0.001, 9835), least_count(0.07, 100), least_count(1 / 11, 11)
    (27, 10, 7, 1)
    """
    if not isinstance(share, Real) or not 0 < share <= 1:
        raise ValueError(f"{name} must be in (0, 1]. Got {share!r} instead.")
    near = max(1, math.floor(share * total) - 1)
    while near < total and near / total < share:
        near += 1
    return near


def require_baskets(n_baskets: int, *, caller: str) -> None:
    """Raise SchemaError if there is no basket to learn from."""
    if n_baskets == 0:
        raise SchemaError(f"{caller}: there are no baskets. Pass at least one, even an empty one.")
