"""Thresholds as whole counts, so that nothing is lost to rounding."""

import math
from fractions import Fraction

from crm_analytics.core.errors import SchemaError


def least_count(share: float, total: int, *, name: str = "min_support") -> int:
    """Return the smallest count that is at least `share` of `total`; `share` as it is written.

    The float nearest to .3 lies below .3, and 27 / 90 may come out on either side of it; the
    decimal that a person wrote does not.

    >>> least_count(0.3, 90), least_count(0.001, 9835), least_count(0.07, 100)
    (27, 10, 7)
    """
    if not 0 < share <= 1:
        raise ValueError(f"{name} must be in (0, 1]. Got {share!r} instead.")
    return max(1, math.ceil(Fraction(repr(float(share))) * total))


def require_baskets(n_baskets: int, *, caller: str) -> None:
    """Raise SchemaError if there is no basket to learn from."""
    if n_baskets == 0:
        raise SchemaError(f"{caller}: there are no baskets. Pass at least one, even an empty one.")
