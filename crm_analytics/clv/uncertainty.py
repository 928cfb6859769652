"""How sure: of parameters, of a customer, of all customers, and of the model itself."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t as student

from crm_analytics.clv.customers import Customers
from crm_analytics.clv.distinct import distinct_rows

# Before any origin has been seen: totals of purchase models on retail logs are off by about a sixth,
# of which one origin tells as much as this belief does.
TYPICAL_ERROR, BELIEF_IN_ZERO, BELIEF_IN_ERROR = 0.15, 1.0, 2.0


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
    ModelError(location=0.0, scale=0.212..., degrees_of_freedom=2.0, n_origins=0)
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


def laplace(log_params: np.ndarray, covariance: np.ndarray, n_draws: int, random_state: Any) -> np.ndarray:
    """Draws about the optimum, shape (n_draws, n_parameters).

    What went to the boundary stays there. If the likelihood is flat nothing can be drawn:
    ValueError.
    """
    if n_draws < 1:
        raise ValueError(f"n_draws must be >= 1. Got {n_draws!r} instead.")
    if not np.isfinite(covariance).all():
        raise ValueError(
            "the likelihood is flat in some direction, so the parameters have no normal approximation. "
            "Use `bootstrap`, set prior_precision (try 0.25), or take a longer window."
        )
    rng = np.random.default_rng(random_state)
    values, directions = np.linalg.eigh(covariance)
    normal = rng.standard_normal((n_draws, log_params.size))
    # More than a factor of 20 either way the data has not said, whatever the curvature at the top.
    spread = np.minimum(np.sqrt(np.maximum(values, 0)), 3.0)
    return log_params + (normal * spread) @ directions.T


def of_customers(
    model: Any, customers: Customers, draws: np.ndarray, horizon: float, level: float
) -> pd.DataFrame:
    """See `PurchaseModel.predict_interval`."""
    few, place = _distinct(customers)
    at_each = [model._theta(few, draw) for draw in draws]
    estimate = model._theta(few)
    expected = model._alive(few, estimate) * model._mean(horizon, few, estimate)
    means = np.array([model._alive(few, theta) * model._mean(horizon, few, theta) for theta in at_each])
    low, high = (1 - level) / 2, (1 + level) / 2
    bounds = _count_bounds(model, few, at_each, horizon, (low, high))
    found = pd.DataFrame(
        {
            "expected": expected,
            "parameter_lower": np.quantile(means, low, axis=0),
            "parameter_upper": np.quantile(means, high, axis=0),
            "lower": bounds[0],
            "upper": bounds[1],
        }
    )
    return found.iloc[place].reset_index(drop=True)


def _count_bounds(
    model: Any, few: Customers, at_each: list[np.ndarray], horizon: float, chances: tuple[float, float]
) -> np.ndarray:
    """Quantiles of the purchases to come, the mean over `at_each`; shape (2, n_rows)."""
    bounds = np.zeros((2, few.x.size), dtype=np.int64)
    likely = np.array([_likely_most(model, few, theta, horizon) for theta in at_each]).max(axis=0)
    order = np.argsort(likely, kind="stable")
    begin = 0
    while begin < order.size:  # those with as many purchases together, so that tables are as wide as needed
        width = int(likely[order[begin]])
        end = begin + 1
        most = int(likely[order[min(order.size, begin + max(1, 500_000 // (width + 1))) - 1]])
        while end < order.size and (end - begin + 1) * most <= 2_000_000 and likely[order[end]] <= most:
            end += 1
        rows = order[begin:end]
        some = Customers.of(few.x[rows], few.t_x[rows], few.T[rows], group=few.group[rows], design=few.design)
        at_least = np.zeros((rows.size, most))
        for theta in at_each:
            at_least += model._alive(some, theta)[:, None] * model._at_least(horizon, some, theta, most)
        at_least /= len(at_each)
        for bound, chance in zip(bounds, chances, strict=True):
            bound[rows] = (at_least > 1 - chance).sum(axis=1)
        begin = end
    return bounds


def _likely_most(model: Any, few: Customers, theta: np.ndarray, horizon: float) -> np.ndarray:
    """More purchases than this come about with a chance of far less than a hundredth."""
    mean, square = model._moments(horizon, few, theta).T
    return np.ceil(mean + 12 * np.sqrt(np.maximum(square - mean**2, 0)) + 3)


def of_total(
    model: Any,
    customers: Customers,
    draws: np.ndarray,
    horizon: float,
    level: float,
    model_error: ModelError | None,
    random_state: Any,
) -> pd.DataFrame:
    """See `PurchaseModel.total_interval`."""
    few = customers.shared()

    def mean_and_variance(theta: np.ndarray) -> tuple[float, float]:
        mean, square = model._alive(few, theta) * model._moments(horizon, few, theta).T
        return float(few.weight @ mean), float(few.weight @ (square - mean**2))

    expected, _ = mean_and_variance(model._theta(few))
    found = np.array([mean_and_variance(model._theta(few, draw)) for draw in draws])
    return intervals_of_total(expected, found[:, 0], found[:, 1], level, model_error, random_state)


def intervals_of_total(
    expected: float,
    means: np.ndarray,
    variances: np.ndarray,
    level: float,
    model_error: ModelError | None,
    random_state: Any,
) -> pd.DataFrame:
    """Intervals of a total from its mean and variance at each draw of the parameters."""
    error = ModelError.learn([]) if model_error is None else model_error
    rng = np.random.default_rng(random_state)
    each = max(1, 4000 // means.size)
    means, spread = np.repeat(means, each), np.repeat(np.sqrt(np.maximum(variances, 0)), each)
    totals = np.maximum(means + spread * rng.standard_normal(means.size), 0.0)
    chances = [(1 - level) / 2, (1 + level) / 2]
    rows = {
        "parameters": (expected, *np.quantile(means, chances)),
        "purchases": (expected, *np.quantile(totals, chances)),
        "model": (
            expected * np.exp(error.location), *np.quantile(totals * error.draw(totals.size, rng), chances)
        ),
    }  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index", columns=["expected", "lower", "upper"]).rename_axis("doubt")


def _distinct(customers: Customers) -> tuple[Customers, np.ndarray]:
    (x, t_x, T, group), place, counts = distinct_rows(
        customers.x, customers.t_x, customers.T, customers.group
    )
    few = Customers(x, t_x, T, counts.astype(float), group.astype(np.int64), customers.design)
    return few, place
