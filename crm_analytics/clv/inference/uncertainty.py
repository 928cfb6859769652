"""How sure: of parameters, of a customer, of all customers, and of the model itself."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from crm_analytics.clv.inference.customers import Customers
from crm_analytics.clv.inference.distinct import distinct_rows
from crm_analytics.core.optimise import LOG_BOUND
from crm_analytics.metrics import ModelError


def parameter_table(
    names: list[str], n_positive: int, at: np.ndarray, covariance: np.ndarray, level: float
) -> pd.DataFrame:
    """See `PurchaseModel.parameter_table`; the first `n_positive` are logarithms of parameters."""
    z = norm.ppf(0.5 + proper_level(level) / 2)
    spread = np.sqrt(np.diag(covariance))
    spread = np.where((spread > 0) & (spread < LOG_BOUND), spread, np.nan)  # wider than the search: flat
    logs = np.arange(at.size) < n_positive
    estimate = np.where(logs, np.exp(at), at)
    columns = {
        "estimate": estimate,
        "standard_error": np.where(logs, estimate, 1.0) * spread,
        "lower": np.where(logs, np.exp(at - z * spread), at - z * spread),
        "upper": np.where(logs, np.exp(at + z * spread), at + z * spread),
    }
    return pd.DataFrame(columns, index=pd.Index(names, name="parameter"))


def proper_level(level: float) -> float:
    """Return `level`, or raise ValueError if it is no share of cases."""
    if not 0 < level < 1:
        raise ValueError(f"level must be in (0, 1). Got {level!r} instead.")
    return level


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
        moments = model._shared(few, lambda c, at: model._moments(horizon, c, at), theta)
        mean, square = model._alive(few, theta) * moments.T
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
    return pd.DataFrame.from_dict(rows, orient="index", columns=["expected", "lower", "upper"]).rename_axis(
        "doubt"
    )


def _distinct(customers: Customers) -> tuple[Customers, np.ndarray]:
    (x, t_x, T, group), place, counts = distinct_rows(
        customers.x, customers.t_x, customers.T, customers.group
    )
    few = Customers(x, t_x, T, counts.astype(float), group.astype(np.int64), customers.design)
    return few, place
