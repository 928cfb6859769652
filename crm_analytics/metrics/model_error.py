"""How far the next total may be off, from how far earlier ones were."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import t as student

# Before any origin has been seen: totals of purchase models on retail logs are off by about a sixth,
# of which one origin tells as much as this belief does.
TYPICAL_ERROR, BELIEF_IN_ZERO, BELIEF_IN_ERROR = 0.15, 1.0, 4.0


@dataclass(frozen=True)
class ModelError:
    """What earlier origins say of the logarithm of actual over predicted totals.

    A normal error whose mean and variance are learnt by Bayes' rule, beginning at "mean 0,
    about 15 %": the next error is Student's t.

    Attributes
    ----------
    location, scale : float
        Of the logarithm of actual / predicted at the next origin.
    degrees_of_freedom : float
    n_origins : int
        Earlier origins that it was learnt from.

    Examples
    --------
    >>> ModelError.learn([])
    ModelError(location=0.0, scale=0.212..., degrees_of_freedom=4.0, n_origins=0)
    >>> ModelError.learn([0.1, 0.12, 0.08]).location
    0.075
    """

    location: float
    scale: float
    degrees_of_freedom: float
    n_origins: int

    @classmethod
    def learn(cls, log_ratios: Any) -> "ModelError":
        """From logarithms of actual / predicted totals of origins whose horizon is over."""
        found = np.asarray(log_ratios, dtype=float)
        if found.ndim != 1 or not np.isfinite(found).all():
            raise ValueError("log_ratios must be finite numbers, one an origin.")
        m = found.size
        mean = float(found.mean()) if m else 0.0
        weight, freedom = BELIEF_IN_ZERO + m, BELIEF_IN_ERROR + m
        squares = BELIEF_IN_ERROR * TYPICAL_ERROR**2 + float(((found - mean) ** 2).sum())
        squares += BELIEF_IN_ZERO * m / weight * mean**2
        scale = float(np.sqrt(squares / freedom * (1 + 1 / weight)))
        return cls(m * mean / weight, scale, freedom, m)

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Factors by which the next total may be off, shape (n,)."""
        # Evenly spaced chances instead of random ones: the same interval from fewer draws.
        chances = (rng.permutation(n) + 0.5) / n
        return np.exp(self.location + self.scale * student.ppf(chances, self.degrees_of_freedom))
