"""Shares that differ from household to household: the beta-binomial, fitted and in its tails."""

from dataclasses import dataclass

import numpy as np
from scipy.special import betaln, gammaln

# Households that all but agree still differ a little; one that decides all is no population.
LEAST_OVERDISPERSION, MOST_OVERDISPERSION = 1e-4, 0.95


def fit_beta_binomial(k: np.ndarray, n: np.ndarray) -> tuple[float, float] | None:
    """Fit (a, b) of beta-distributed shares by moments; None where fewer than two draws say anything.

    `k` of `n` draws of each household are hits. The mean share is that of the households, each
    weighted by its draws up to 20; the overdispersion rho = 1 / (a + b + 1) is told by how often two
    draws of one household are both hits: E[k(k - 1) / n(n - 1)] = p² + rho p (1 - p).

    Source: Kleinman (1973), Proportions with extraneous variance, JASA 68, the moment estimator.

    >>> rng = np.random.default_rng(3)
    >>> n = np.full(4000, 30)
    >>> a, b = fit_beta_binomial(rng.binomial(n, rng.beta(2.0, 6.0, n.size)), n)
    >>> round(a, 1), round(b, 1)
    (2.1, 6.2)
    """
    k, n = np.asarray(k, dtype=float), np.asarray(n, dtype=float)
    weight = np.minimum(n, 20)
    share = np.divide(k, n, out=np.zeros_like(k), where=n > 0)
    total = weight.sum()
    pairs = np.where(n > 1, weight, 0.0)
    if total <= 0 or pairs.sum() <= 0:
        return None
    # Half a hit and half a miss more: nobody's share is impossible.
    p = (weight @ share + 0.5) / (total + 1)
    both = np.divide(k * (k - 1), n * (n - 1), out=np.zeros_like(k), where=n > 1)
    # Two draws of different households: what p² is without a household's pair with itself.
    alone = weight @ weight
    apart = ((weight @ share) ** 2 - (weight * share) @ (weight * share)) / max(total**2 - alone, 1e-9)
    rho = (pairs @ both / pairs.sum() - max(apart, 0.0)) / (p * (1 - p))
    rho = float(np.clip(rho, LEAST_OVERDISPERSION, MOST_OVERDISPERSION))
    size = 1 / rho - 1
    return float(p * size), float((1 - p) * size)


@dataclass(frozen=True)
class Compared:
    """One household's count beside the other households' shares.

    Attributes
    ----------
    usual : float
        Mean share of the others, each weighted by its draws up to 20; nan without any.
    households : int
        Others with a draw.
    """

    usual: float
    households: int
    k: np.ndarray
    n: np.ndarray
    own: int

    def above(self) -> float:
        """Chance that a household of as many draws has this many hits or more; 1 where nothing can be learnt."""
        fitted = self._fitted()
        return 1.0 if fitted is None else upper_tail(self.k[self.own], self.n[self.own], *fitted)

    def below(self) -> float:
        """Chance that a household of as many draws has this many hits or fewer; 1 where nothing can be learnt."""
        fitted = self._fitted()
        return 1.0 if fitted is None else lower_tail(self.k[self.own], self.n[self.own], *fitted)

    def _fitted(self) -> tuple[float, float] | None:
        others = np.arange(self.n.size) != self.own
        return fit_beta_binomial(self.k[others], self.n[others])


def compare(k: np.ndarray, n: np.ndarray, own: int) -> Compared:
    """Set the household at `own` beside the others: `k` hits of `n` draws, by household.

    >>> one = compare(np.array([9, 1, 2, 0, 3]), np.full(5, 10), own=0)
    >>> round(one.usual, 3), one.households, one.above() < 0.02
    (0.159, 4, True)
    """
    weight = np.minimum(n, 20)
    share = np.divide(k, n, out=np.zeros(n.size), where=n > 0)
    total = weight.sum() - weight[own]
    hits = weight @ share - weight[own] * share[own]
    usual = float((hits + 0.5) / (total + 1)) if total > 0 else float("nan")
    return Compared(usual, int((n > 0).sum() - (n[own] > 0)), k, n, own)


def upper_tail(k: float, n: float, a: float, b: float) -> float:
    """P(K >= k) of n draws with a Beta(a, b) share; 1 at k <= 0.

    >>> round(upper_tail(9, 10, 2.0, 6.0), 6), upper_tail(0, 10, 2.0, 6.0)
    (0.003651, 1.0)
    """
    if k <= 0:
        return 1.0
    j = np.arange(int(k), int(n) + 1)
    return float(min(1.0, np.exp(_log_pmf(j, n, a, b)).sum()))


def lower_tail(k: float, n: float, a: float, b: float) -> float:
    """P(K <= k) of n draws with a Beta(a, b) share.

    >>> round(lower_tail(0, 10, 2.0, 6.0), 4)
    0.1544
    """
    j = np.arange(0, int(k) + 1)
    return float(min(1.0, np.exp(_log_pmf(j, n, a, b)).sum()))


def _log_pmf(j: np.ndarray, n: float, a: float, b: float) -> np.ndarray:
    ways = gammaln(n + 1) - gammaln(j + 1) - gammaln(n - j + 1)
    return np.asarray(ways + betaln(a + j, b + n - j) - betaln(a, b))
