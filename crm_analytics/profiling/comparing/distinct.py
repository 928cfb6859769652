"""How many different things households of different tastes choose: an exact distribution."""

import numpy as np
from scipy.linalg import toeplitz
from scipy.special import gammaln

MOST_CODES = 40  # rarer ones count as one
MOST_CHOICES = 150


def expected_distinct(shares: np.ndarray, size: float, n: int) -> tuple[float, float]:
    """Mean number of distinct codes in n draws of a household whose shares are Dirichlet(size · shares).

    The second number is at least their standard deviation: codes that occur leave less room for
    others, so their indicators are negatively correlated.

    >>> mean, spread = expected_distinct(np.full(4, 0.25), 1e6, 4)  # tastes do not differ
    >>> round(mean, 2), round(4 * (1 - 0.75**4), 2), round(spread, 2)
    (2.73, 2.73, 0.93)
    """
    rest = size * (1 - shares)
    never = gammaln(rest + n) - gammaln(rest) + gammaln(size) - gammaln(size + n)
    q = np.exp(np.minimum(never, 0.0))
    return float((1 - q).sum()), float(np.sqrt((q * (1 - q)).sum()))


def distinct_tail(d: int, shares: np.ndarray, size: float, n: int) -> float:
    """P(at least d distinct codes in n draws), shares Dirichlet(size · shares) from household to household.

    The generating function of a Dirichlet-multinomial is a product over codes: each multiplies the
    polynomial in draws by 1 + y Σ_t x^t α(α + 1) ... (α + t - 1) / t!, y marking a code that occurs.

    >>> round(distinct_tail(4, np.full(4, 0.25), 1e9, 4), 5)  # 4! / 4 ** 4
    0.09375
    """
    ways = np.zeros((n + 1, min(shares.size, n) + 1))
    ways[0, 0] = 1.0
    t = np.arange(1, n + 1)
    size = min(size, 1e6)  # beyond it the draws are as good as independent
    for alpha in size * shares:
        # Draws are scaled by size, or the coefficients would overflow.
        rises = np.exp(gammaln(alpha + t) - gammaln(alpha) - gammaln(t + 1) - t * np.log(size + 1))
        step = toeplitz(np.concatenate([[0.0], rises]), np.zeros(n + 1)) @ ways
        ways[:, 1:] += step[:, :-1]
    total = ways[n].sum()
    return float(min(1.0, ways[n, d:].sum() / total)) if d < ways.shape[1] else 0.0


def rarefied(counts: np.ndarray, n: int) -> int:
    """Distinct codes expected among `n` of all draws, rounded down (Hurlbert 1971, Ecology 52).

    >>> rarefied(np.array([5, 5, 1]), 11), rarefied(np.array([50, 50]), 10)
    (3, 1)
    """
    total = int(counts.sum())
    if n >= total:
        return int((counts > 0).sum())
    left = total - counts
    missed = np.zeros(counts.size)
    enough = left >= n
    missed[enough] = np.exp(
        gammaln(left[enough] + 1)
        - gammaln(left[enough] - n + 1)
        - gammaln(total + 1)
        + gammaln(total - n + 1)
    )
    return int((1 - missed).sum())


def commonest(shares: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keep the `MOST_CODES` commonest codes and put the others together as one; shares and counts."""
    if shares.size <= MOST_CODES + 1:
        return shares, counts
    order = np.argsort(-shares, kind="stable")
    top, rest = order[:MOST_CODES], order[MOST_CODES:]
    return np.append(shares[top], shares[rest].sum()), np.append(counts[top], counts[rest].sum())
