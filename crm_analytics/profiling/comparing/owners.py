"""Who has a thing, told by how often its supplies are bought: owners and others, a mixture of two rates."""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

# Days with its supplies per shopping day: what is believed before households are seen, and how
# firmly (as so many households).
OTHERS, OWNERS, SHARE = 0.005, 0.08, 0.2
PRIOR_HOUSEHOLDS = 10
LEAST_OWNERS = 0.02
OTHERS_SHAPE, OWNERS_SHAPE = 1.0, 2.0


@dataclass(frozen=True)
class Owners:
    """Rates per shopping day of those without and those with the thing, and the share with it."""

    others: float
    owners: float
    share: float

    def probability(self, days: float | np.ndarray, shopping_days: float | np.ndarray) -> np.ndarray:
        """Probability of having the thing after `days` with its supplies among `shopping_days`.

        >>> Owners(0.005, 0.08, 0.2).probability(np.array([0, 1, 8]), np.array([100, 100, 100])).round(2)
        array([0.01, 0.07, 0.99])
        """
        days, shopping_days = np.asarray(days, dtype=float), np.asarray(shopping_days, dtype=float)
        with_it = _log_chance(days, self.owners * shopping_days, OWNERS_SHAPE)
        without = _log_chance(days, self.others * shopping_days, OTHERS_SHAPE)
        odds = np.log(self.share / (1 - self.share)) + with_it - without
        return np.asarray(1 / (1 + np.exp(-np.clip(odds, -700, 700))))


def fit_owners(
    days: np.ndarray, shopping_days: np.ndarray, *, most_others: float = 0.02, n_steps: int = 50
) -> Owners:
    """Fit rates and share by EM, with the prior rates counting as ten households.

    Counts are negative binomial around their rate: gifts, guests and second-hand uses make others buy
    now and then (shape 1), owners differ in appetite (shape 2). Others buy on at most `most_others` of
    their shopping days, owners on one in 50 at least.

    >>> rng = np.random.default_rng(5)
    >>> has = rng.random(3000) < 0.3
    >>> rate = np.where(has, rng.gamma(2.0, 0.15 / 2, has.size), rng.gamma(1.0, 0.004, has.size))
    >>> found = fit_owners(rng.poisson(rate * 120), np.full(has.size, 120))
    >>> round(found.owners, 2), round(found.share, 1)
    (0.14, 0.3)
    """
    days, shopping_days = np.asarray(days, dtype=float), np.asarray(shopping_days, dtype=float)
    known = shopping_days > 0
    days, shopping_days = days[known], shopping_days[known]
    # Households that bought as much on as many days say the same: each kind once.
    pairs, n = np.unique(np.column_stack([days, shopping_days]), axis=0, return_counts=True)
    days, shopping_days = pairs[:, 0], pairs[:, 1]
    typical = float(np.median(shopping_days)) if days.size else 100.0
    found = Owners(OTHERS, OWNERS, SHARE)
    for _ in range(n_steps):
        has = n * found.probability(days, shopping_days)
        lacks = n - has
        prior = np.array([(1 - SHARE), SHARE]) * PRIOR_HOUSEHOLDS
        others = (lacks @ days + prior[0] * typical * OTHERS) / (lacks @ shopping_days + prior[0] * typical)
        owners = (has @ days + prior[1] * typical * OWNERS) / (has @ shopping_days + prior[1] * typical)
        share = (has.sum() + prior[1]) / (n.sum() + PRIOR_HOUSEHOLDS)
        last, found = (
            found,
            Owners(float(min(others, most_others)), float(max(owners, LEAST_OWNERS)), float(share)),
        )
        if abs(found.owners - last.owners) + abs(found.others - last.others) < 1e-7:
            break
    return found


def _log_chance(k: np.ndarray, mean: np.ndarray, shape: float) -> np.ndarray:
    """Logarithm of the negative binomial's chance of k, by its mean and shape."""
    mean = np.maximum(mean, 1e-12)
    ways = gammaln(k + shape) - gammaln(shape) - gammaln(k + 1)
    return np.asarray(ways + k * np.log(mean / (mean + shape)) - shape * np.log1p(mean / shape))
