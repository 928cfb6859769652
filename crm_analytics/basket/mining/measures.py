"""Measures of a rule A → C, each the ratio of two whole numbers made from four counts."""

from collections.abc import Callable
from typing import Any

import numpy as np

# Each takes (n, a, c, both): all baskets, those with A, with C, and with A and C; and returns
# numerator and denominator, exact as floats while counts are below some 90 million.
RATIOS: dict[str, Callable[[Any, Any, Any, Any], tuple[Any, Any]]] = {
    "antecedent support": lambda n, a, c, both: (a, n),
    "consequent support": lambda n, a, c, both: (c, n),
    "support": lambda n, a, c, both: (both, n),
    "confidence": lambda n, a, c, both: (both, a),
    "lift": lambda n, a, c, both: (n * both, a * c),
    "representativity": lambda n, a, c, both: (n, n),
    "leverage": lambda n, a, c, both: (n * both - a * c, n * n),
    "conviction": lambda n, a, c, both: (a * (n - c), n * (a - both)),
    "zhangs_metric": lambda n, a, c, both: (
        n * both - a * c,
        np.maximum(both * (n - a), a * (c - both)),
    ),
    "jaccard": lambda n, a, c, both: (both, a + c - both),
    "certainty": lambda n, a, c, both: (n * both - a * c, a * (n - c)),
    "kulczynski": lambda n, a, c, both: (both * (a + c), 2 * a * c),
}

MEASURES = list(RATIOS)

_UNDEFINED = {"conviction": np.inf}  # where the denominator is 0; elsewhere that means 0


def measure(name: str, n: int, a: Any, c: Any, both: Any) -> np.ndarray:
    """Return one measure of rules A → C from counts of baskets.

    Parameters
    ----------
    name : str
        One of `MEASURES`, which are mlxtend's and go by its names:

        ==================  ============================================================
        antecedent support  P(A)
        consequent support  P(C)
        support             P(A and C)
        confidence          P(C given A)
        lift                confidence / P(C); 1 is independence
        representativity    share of baskets without missing values: always 1 here
        leverage            support - P(A) P(C), -.25 to .25; 0 is independence
        conviction          (1 - P(C)) / (1 - confidence), 0 to inf; 1 is independence
        zhangs_metric       leverage / max(support (1 - P(A)), P(A) (P(C) - support)), -1 to 1
        jaccard             support / P(A or C)
        certainty           (confidence - P(C)) / (1 - P(C)); 1 is always, 0 is independence
        kulczynski          mean of P(C given A) and P(A given C)
        ==================  ============================================================

    n : int
        All baskets, >= 1.
    a, c, both : arrays of int
        Baskets that hold A, C, and both; 1 <= both <= min(a, c) and max(a, c) <= n.

    Returns
    -------
    ndarray of float. Where the definition divides 0 by 0 or more by 0, conviction is inf (the
    rule never fails), certainty and zhangs_metric are 0 (C is in every basket, or A and C are).

    References
    ----------
    Agrawal, Imielinski & Swami (1993); Brin et al. (1997) for lift and conviction;
    Piatetsky-Shapiro (1991) for leverage; Zhang (2000).

    Examples
    --------
    Of 10 baskets 4 have butter, 5 have bread, 3 have both.

    >>> measure("confidence", 10, [4], [5], [3]), measure("lift", 10, [4], [5], [3])
    (array([0.75]), array([1.5]))
    """
    counts = np.broadcast_arrays(*_floats(n, a, c, both))
    top, under = RATIOS[name](*counts)
    undefined = under == 0
    if not undefined.any():  # a mask makes division slower
        return top / under
    return np.divide(top, under, out=np.full(under.shape, _UNDEFINED.get(name, 0.0)), where=~undefined)


def reaches(name: str, threshold: float, n: int, a: Any, c: Any, both: Any) -> np.ndarray:
    """Return where a measure is at least `threshold`, as it is written: 27 of 90 are .3.

    One division of whole numbers gives the float nearest to their ratio, and so does writing the
    same number in decimals; they are equal where the numbers are. Shares of shares are not.

    >>> reaches("confidence", 0.3, 100, [90, 91], [40, 40], [27, 27])
    array([ True, False])
    """
    return measure(name, n, a, c, both) >= threshold


def least_counts(share: float, totals: np.ndarray) -> np.ndarray:
    """Return for each total the smallest whole number that is at least `share` of it.

    `thresholds.least_count` for many totals, which must be >= 1: a product may be off by one where
    it is nearly whole, and division tells (see `reaches`).

    >>> least_counts(0.07, np.array([100, 101]))
    array([7, 8])
    """
    totals = np.asarray(totals, dtype=np.int64)
    found = np.ceil(share * totals)
    found -= (found - 1) / totals >= share
    found += found / totals < share
    return np.maximum(found.astype(np.int64), 1)


def _floats(*counts: Any) -> list[np.ndarray]:
    """Floats hold products of counts exactly up to 2^53, and do not overflow beyond."""
    return [np.asarray(count, dtype=np.float64) for count in counts]
