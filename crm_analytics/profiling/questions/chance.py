"""Tails of counts, as questions use them: exact, and quick for one count."""

from scipy.special import betainc


def at_least(k: float, n: float, share: float) -> float:
    """P(K >= k) of n draws that each hit with probability `share`.

    >>> at_least(2, 2, 0.5), at_least(0, 5, 0.1), at_least(3, 2, 0.5)
    (0.25, 1.0, 0.0)
    """
    if k <= 0:
        return 1.0
    return float(betainc(k, n - k + 1, share)) if k <= n else 0.0


def at_most(k: float, n: float, share: float) -> float:
    """P(K <= k) of n draws that each hit with probability `share`.

    >>> at_most(0, 2, 0.5), at_most(5, 5, 0.1)
    (0.25, 1.0)
    """
    return float(betainc(n - k, k + 1, 1 - share)) if k < n else 1.0
