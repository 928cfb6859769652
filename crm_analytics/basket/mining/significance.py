"""Is a rule more than chance? Fisher's exact test of what each of its items adds.

A rule A → C is *productive* if every item of A adds something: for each a in A, C is more
frequent among baskets with A than among those with A less a (Webb 2007, "Discovering significant
patterns", Machine Learning 68). Its p-value is the largest of the one-sided Fisher p-values, one
for each a; for a single antecedent that is the test of independence. What the p-values are
held against, as rules are the survivors of a search, is told in `multiplicity`.
"""

import math

import numpy as np
from numba import njit
from scipy.special import gammaln

from crm_analytics.basket.mining.rule_kernel import ItemsetIndex, RuleSides


def fisher_p_values(n, a, c, both) -> np.ndarray:
    """Return the one-sided p-values of Fisher's exact test for "A and C meet more often than by chance".

    Parameters
    ----------
    n, a, c, both : arrays of int
        All baskets, those with A, with C, with both.

    Returns
    -------
    ndarray of float
        P(X >= both), X hypergeometric; 1 where both is the least it can be. Relative error
        about 1e-12; below about 1e-300 it is 0.

    References
    ----------
    Fisher (1935); the density as in Loader (2000), "Fast and accurate computation of binomial
    probabilities".

    Examples
    --------
    A lady tells four cups of tea out of eight, tea or milk first, and has all four right:

    >>> fisher_p_values(8, 4, 4, [3, 4]).round(6)
    array([0.242857, 0.014286])
    """
    counts = np.broadcast_arrays(*(np.asarray(count, dtype=np.int64) for count in (n, a, c, both)))
    return _upper_tails(*(np.ascontiguousarray(count).ravel() for count in counts)).reshape(counts[0].shape)


def productive_p_values(index: ItemsetIndex, rules: RuleSides, n_baskets: int) -> np.ndarray:
    """Return for each rule the largest p-value of its items' contributions (Webb 2007, section 4.1)."""
    return _productive(index.codes, index.offsets, index.counts, index.facets, *rules, n_baskets)


# ln n! less Stirling's formula (n + 1/2) ln n - n + ln sqrt(2 pi), for small n; at 0 it is never asked.
_SMALL = np.r_[
    0.0, [gammaln(n + 1) - (n + 0.5) * np.log(n) + n - np.log(2 * np.pi) / 2 for n in range(1, 16)]
]


@njit(cache=True)
def _stirling_error(n):
    if n < 16:
        return _SMALL[n]
    m = 1.0 / n
    w = m * m
    return m * (1 / 12 - w * (1 / 360 - w * (1 / 1260 - w * (1 / 1680 - w / 1188))))


@njit(cache=True)
def _deviance(x, mean):
    """x ln(x / mean) + mean - x, without cancellation where x is near the mean."""
    difference = x - mean
    if abs(difference) < 0.1 * (x + mean):
        v = difference / (x + mean)
        total, term = difference * v, 2 * x * v
        for j in range(1, 1000):
            term *= v * v
            step = term / (2 * j + 1)
            if total + step == total:
                break
            total += step
        return total
    return x * math.log(x / mean) - difference


@njit(cache=True)
def _binomial(x, n, p):
    """Logarithm of the binomial density."""
    if x == 0:
        return n * math.log1p(-p) if n > 0 else 0.0
    if x == n:
        return n * math.log(p)
    rest = _stirling_error(n) - _stirling_error(x) - _stirling_error(n - x)
    rest -= _deviance(x * 1.0, n * p) + _deviance((n - x) * 1.0, n * (1 - p))
    return rest + 0.5 * math.log(n / (6.283185307179586 * x * (n - x)))


@njit(cache=True)
def _density(x, n, a, c):
    """Hypergeometric density: `x` of `a` draws among `c` marked of `n`."""
    if a == n or a == 0:
        return 1.0
    p = a / n
    return math.exp(_binomial(x, c, p) + _binomial(a - x, n - c, p) - _binomial(a, n, p))


@njit(cache=True)
def upper_tail(n, a, c, both):
    """P(X >= both), summed from the end that is small, so that nothing cancels."""
    if a > c:  # the same to the last digit for a → c and c → a
        a, c = c, a
    least, most = max(0, a + c - n), min(a, c)
    if both <= least:
        return 1.0
    if both * 1.0 * n > a * 1.0 * c:  # beyond the mean: terms fall from here on
        total = term = _density(both, n, a, c)
        for x in range(both, most):
            term *= ((a - x) * 1.0 * (c - x)) / ((x + 1.0) * (n - a - c + x + 1.0))
            total += term
            if term < 1e-17 * total:
                break
        return min(total, 1.0)
    total = term = _density(both - 1, n, a, c)
    for x in range(both - 1, least, -1):
        term *= (x * 1.0 * (n - a - c + x)) / ((a - x + 1.0) * (c - x + 1.0))
        total += term
        if term < 1e-17 * total:
            break
    return max(0.0, 1.0 - total)


@njit(cache=True)
def _upper_tails(n, a, c, both):
    found = np.empty(both.size)
    for i in range(both.size):
        found[i] = upper_tail(n[i], a[i], c[i], both[i])
    return found


@njit(cache=True)
def _productive(codes, offsets, counts, facets, antecedent, consequent, both, n):
    found = np.empty(both.size)
    for r in range(both.size):
        a, begin = antecedent[r], offsets[antecedent[r]]
        length = offsets[a + 1] - begin
        if length == 1:
            found[r] = upper_tail(n, counts[a], counts[consequent[r]], counts[both[r]])
            continue
        largest = 0.0
        k = offsets[both[r]]
        for j in range(begin, begin + length):
            while codes[k] != codes[j]:
                k += 1
            p = upper_tail(counts[facets[j]], counts[a], counts[facets[k]], counts[both[r]])
            largest = max(largest, p)
        found[r] = largest
    return found
