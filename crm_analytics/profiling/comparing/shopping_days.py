"""Two things on the same shopping days, with the size of the basket held fixed: exact tests."""

import numpy as np
from scipy.special import gammaln

# Distinct categories of a day: days are compared with days of like size only.
SIZE_EDGES = np.array([2, 3, 4, 6, 8, 11, 15, 21, 31])


def size_strata(sizes: np.ndarray) -> np.ndarray:
    """Which stratum each day is in, from 0, by the number of different categories bought.

    >>> size_strata(np.array([1, 2, 5, 40]))
    array([0, 1, 3, 9])
    """
    return np.searchsorted(SIZE_EDGES, sizes, side="right")


def merged_strata(strata: np.ndarray, least: int) -> np.ndarray:
    """Put neighbouring strata together until each has `least` days, the larger baskets first.

    A stratum of few days has nothing to compare them with. What is left of the smallest joins its neighbour.

    >>> merged_strata(np.array([0, 1, 1, 1, 4, 5, 6]), 3)
    array([0, 0, 0, 0, 1, 1, 1])
    """
    n = np.bincount(strata)
    joined = np.zeros(n.size, dtype=np.int64)
    group, days = 0, 0
    for one in range(n.size - 1, -1, -1):
        joined[one] = group
        days += int(n[one])
        if days >= least and n[:one].sum() >= least:
            group, days = group + 1, 0
    return np.asarray(joined.max(initial=0) - joined[strata])


def together_tail(both: int, a: np.ndarray, b: np.ndarray, n: np.ndarray, odds: float = 1.0) -> float:
    """P(at least `both` days with A and B), given the days of each in every stratum.

    In stratum s there are `n` days, `a` with A and `b` with B. Given these, days with both are
    hypergeometric where A and B do not go together, and Fisher's noncentral hypergeometric where their
    odds ratio is `odds` in all strata; the sum over strata is its exact convolution (the exact form of the
    Cochran-Mantel-Haenszel test; Agresti 2002, Categorical Data Analysis, section 6.3).

    >>> round(together_tail(3, np.array([3]), np.array([3]), np.array([6])), 4)  # 1 / C(6, 3)
    0.05
    """
    law = np.ones(1)
    least = 0
    for a_s, b_s, n_s in zip(a.astype(int), b.astype(int), n.astype(int), strict=True):
        low, high = max(0, a_s + b_s - n_s), min(a_s, b_s)
        least += low
        if high == low:
            continue
        x = np.arange(low, high + 1)
        log = -gammaln(x + 1) - gammaln(a_s - x + 1) - gammaln(b_s - x + 1) - gammaln(n_s - a_s - b_s + x + 1)
        log = log + x * np.log(odds)
        chance = np.exp(log - log.max())
        law = np.convolve(law, chance / chance.sum())
    return float(min(1.0, law[max(both - least, 0) :].sum()))


def least_tails(a: np.ndarray, b: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Logarithm of the least p-value that `together_tail` could give, for all pairs of A and B.

    `a` and `b` have shape (n_strata, n_a) and (n_strata, n_b), `n` shape (n_strata,): only margins, so
    that pairs can be left out by it without looking at their outcome (Tarone 1990, Biometrics 46).
    Returns shape (n_a, n_b).
    """
    factorial = gammaln(np.arange(int(n.max(initial=0)) + 2) + 1)
    total = np.zeros((a.shape[1], b.shape[1]))
    for a_s, b_s, n_s in zip(a.astype(int), b.astype(int), n.astype(int), strict=True):
        few, many = np.minimum.outer(a_s, b_s), np.maximum.outer(a_s, b_s)
        # All days of the rarer fall on days of the commoner: C(many, few) / C(n, few).
        total += factorial[many] - factorial[many - few] - factorial[n_s] + factorial[n_s - few]
    return total


def worth_asking(log_least: np.ndarray, level: float) -> int:
    """How many questions are worth asking: the least k with at most k of them able to reach level / k.

    >>> worth_asking(np.log([1e-6, 1e-3, 0.04, 0.5]), 0.05)
    2
    """
    ordered = np.sort(log_least.ravel())
    low, high = 1, max(ordered.size, 1)
    while low < high:
        k = (low + high) // 2
        able = int(np.searchsorted(ordered, np.log(level / k), side="right"))
        low, high = (low, k) if able <= k else (k + 1, high)
    return low
