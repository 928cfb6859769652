"""The same expectation as `futures.moments_if_alive`, for horizons of very many purchases.

There the sum over purchases grows with the horizon; a mean over the probability to leave does not.
"""

import numpy as np
from scipy.special import expit


def if_alive(
    t: np.ndarray, x: np.ndarray, T: np.ndarray, r: float, alpha: float, a: float, b: float
) -> np.ndarray:
    """Expected purchases in the next `t` of customers known to be alive.

    Whoever buys at rate λ and leaves with probability p after a purchase is expected to make
    (1 - e^(-λpt)) / p. Given x purchases and being alive, λ is gamma(r + x, α + T) and p is
    beta(a, b + x). The mean over λ is closed; over p it is the fraction of eq. (10):

        ∫ (1 - (1 + p t / (α + T))^-(r + x)) / p  beta(p; a, b + x) dp

    Summing this, rather than its hypergeometric form, adds positive numbers only: nothing
    cancels or overflows at high x, r or t, and a = 1 is a value like any other.
    """
    ratio = t / (alpha + T)
    counts, place = np.unique(x, return_inverse=True)
    # At least this, so that a customer's answer does not depend on who else is in the table.
    most, longest = max(counts[-1], 1e5), max(ratio.max(), 1e4)
    depth = np.log1p(r + most) + np.log1p(longest) + np.log1p(b + most)
    p, weights = _beta_nodes(a, b + counts, (b, b + most), depth)
    weights = np.ascontiguousarray((weights / p[:, None]).T)
    total = np.empty_like(ratio)
    for begin in range(0, total.size, 128):  # so many rows of 300 points fit the processor's cache
        rows = slice(begin, begin + 128)
        log_terms = np.log1p(p * ratio[rows, None])
        log_terms *= -(r + x[rows, None])
        total[rows] = -np.einsum("ij,ij->i", weights[place[rows]], np.expm1(log_terms, out=log_terms))
    return total


def _beta_nodes(
    a: float, b: np.ndarray, b_range: tuple[float, float], depth: float
) -> tuple[np.ndarray, np.ndarray]:
    """Points p, and for each its weights (one for each of `b`) in a mean over beta(a, b).

    The trapezoidal rule over the log-odds y of p, whose error falls as e^(-π² / step). Left of
    -`depth` the function to be averaged is level and the density falls as e^(ay), far to the
    right as e^(-by): the outermost points stand for these geometric series.
    """
    step = 0.3 / np.sqrt(max(a, 1.0))  # the density is narrow where a is large
    left, right = max(-32 - depth, -700), 32 + np.log1p(a)  # e^-32 = 1e-14; e^-700 is still > 0
    rough = np.arange(left, right, 0.1)[:, None]
    height = _log_density(rough, a, np.array(b_range))
    near = height - height.max(axis=0) + np.logaddexp(0, -rough) > -47  # the function is at most 1 / p
    ends = rough[near.any(axis=1), 0][[0, -1]]
    y = np.arange(ends[0] - 0.1, ends[1] + 0.1, step)[:, None]
    log_weights = _log_density(y, a, b)
    weights = np.exp(log_weights - log_weights.max(axis=0))
    weights[0] /= -np.expm1(-a * step)
    weights[-1] /= -np.expm1(-b * step)
    return expit(y[:, 0]), weights / weights.cumsum(axis=0)[-1]  # in one order, however many columns


def _log_density(y: np.ndarray, a: float, b: np.ndarray) -> np.ndarray:
    """Of beta(a, b) over the log-odds y, up to a constant."""
    return -a * np.logaddexp(0, -y) - b * np.logaddexp(0, y)
