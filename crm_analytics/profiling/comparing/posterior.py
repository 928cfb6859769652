"""How sure a household's own share is, after what was seen of it: the description, not the surprise."""

from dataclasses import dataclass

import numpy as np
from scipy.special import betaincc, betaln

from crm_analytics.profiling.comparing.beta_binomial import fit_beta_binomial

MIN_DRAWS = 10  # of a household whose share is to count in the median


def chance_above(
    k: float | np.ndarray,
    n: float | np.ndarray,
    a: float | np.ndarray,
    b: float | np.ndarray,
    share: float | np.ndarray,
) -> np.ndarray:
    """Probability that a household's share is above `share` after k hits of n; 0 at a share of 1 and above.

    Before its own draws are seen its share is Beta(a, b), as other households' are; after, Beta(a + k,
    b + n - k). So few draws say little, and where households hardly differ nobody is far from the
    others. Where they differ much the answer rests on the household's own draws: that some others
    have the same trait makes it no less true of this one.

    >>> chance_above(np.array([3, 30]), np.array([5, 50]), 0.5, 4.5, 0.4).round(3)
    array([0.35, 0.99])
    """
    k, n, share = np.asarray(k, dtype=float), np.asarray(n, dtype=float), np.asarray(share, dtype=float)
    chance = betaincc(a + k, b + n - k, np.clip(share, 0.0, 1.0))
    return np.asarray(np.where(share >= 1, 0.0, chance))


def chance_of_mixture(
    k: np.ndarray, n: np.ndarray, a: np.ndarray, b: np.ndarray, singular: np.ndarray, share: np.ndarray
) -> np.ndarray:
    """As `chance_above`, where a household is with probability `singular` unlike the others.

    Then its share is anything between 0 and 1 alike. How likely that is after its draws, Bayes' theorem
    tells from the chance of k of n under both.

    >>> usual = dict(a=np.array([1.0]), b=np.array([19.0]), share=np.array([0.5]))
    >>> round(float(chance_above(12, 13, 1.0, 19.0, 0.5)), 2)
    0.11
    >>> chance_of_mixture(np.array([12]), np.array([13]), singular=np.array([0.01]), **usual).round(3)
    array([0.999])
    """
    log_usual = betaln(a + k, b + n - k) - betaln(a, b) + np.log1p(-singular)
    log_singular = betaln(1 + k, 1 + n - k) + np.log(singular)
    is_singular = 1 / (1 + np.exp(np.clip(log_usual - log_singular, -700, 700)))
    unlike, alike = chance_above(k, n, 1.0, 1.0, share), chance_above(k, n, a, b, share)
    return np.asarray(is_singular * unlike + (1 - is_singular) * alike)


def clumping(k: np.ndarray, n: np.ndarray) -> float:
    """How many draws are worth one, where draws come by the day: `k` hits among `n` draws of each day.

    The variance of the ratio Σk / Σn between days, over that of independent draws; at least 1.

    Source: Kish (1965), Survey Sampling, the design effect of a cluster sample.

    >>> clumping(np.array([4, 0, 0, 4]), np.array([4, 4, 4, 4]))
    5.333333333333333
    >>> clumping(np.array([1, 1, 1, 1]), np.array([4, 4, 4, 4]))
    1.0
    """
    days, draws = n.size, n.sum()
    p = k.sum() / max(draws, 1)
    if days < 2 or not 0 < p < 1:
        return 1.0
    between = ((k - p * n) ** 2).sum() * days / (days - 1)
    return float(max(1.0, between / (draws * p * (1 - p))))


def persistence(switches: np.ndarray, k: np.ndarray, n: np.ndarray) -> np.ndarray:
    """What share of the draws counts as independent, where the same is drawn again by habit of the moment.

    Of n draws in time order k are hits, and `switches` times a hit follows a miss or a miss a hit. At random
    it is 2 k (n - k) / n; fewer tell a correlation r of neighbours, and n draws are worth n (1 - r) / (1 + r)
    (three switches more on either side: a short series tells little). At most 1.

    Source: Wald & Wolfowitz (1940), Annals of Mathematical Statistics 11, the expected number of runs.

    >>> persistence(np.array([1, 9]), np.array([10, 10]), np.array([20, 20])).round(2)
    array([0.18, 0.86])
    """
    k, n = np.asarray(k, dtype=float), np.asarray(n, dtype=float)
    expected = 2 * k * (n - k) / np.maximum(n, 1)
    ratio = np.minimum((switches + 3) / (expected + 3), 1.0)
    return np.asarray(ratio / (2 - ratio))


@dataclass(frozen=True)
class Shares:
    """Everybody's shares of one thing.

    Attributes
    ----------
    k, n : ndarray, shape (n_households,)
        Hits and draws by household.
    median, mean : float
        Of the shares of households with 10 draws or more: that of half of them is lower whatever
        the others lean to; nan without any.
    households : int
        How many there are of these.
    a, b : float
        Beta distribution of the shares, by moments.
    """

    k: np.ndarray
    n: np.ndarray
    median: float
    mean: float
    households: int
    a: float
    b: float

    def above(self, k: float, n: float, share: float) -> float:
        """Probability that a household's share is above `share` after k hits of n draws."""
        return float(chance_above(k, n, self.a, self.b, share))


def shares_of(k: np.ndarray, n: np.ndarray) -> Shares:
    """Sum up everybody's `k` hits of `n` draws, by household.

    >>> found = shares_of(np.array([1, 2, 0, 3, 40]), np.full(5, 50))
    >>> round(found.median, 3), round(found.mean, 3), round(found.above(40, 50, 2 * found.median), 3)
    (0.04, 0.184, 1.0)
    """
    enough = n >= MIN_DRAWS
    shares = k[enough] / n[enough]
    fitted = fit_beta_binomial(k, n)
    a, b = (0.5, 0.5) if fitted is None else fitted
    some = shares.size > 0
    median, mean = (float(np.median(shares)), float(shares.mean())) if some else (float("nan"),) * 2
    return Shares(k, n, median, mean, int(shares.size), a, b)
