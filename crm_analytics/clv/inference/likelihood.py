"""Maximum likelihood for models with four positive parameters, which covariates may multiply."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from crm_analytics.clv.inference.customers import Customers
from crm_analytics.core.optimise import LOG_BOUND, NEARLY, FitReport, covariance_of, maximise

# From customers, a row of parameters for each group, and whether each row is wanted or the sum of each
# group, to (value, 4 first derivatives, 10 second derivatives by the parameters themselves).
Terms = Callable[[Customers, np.ndarray, bool], np.ndarray]

_UPPER = np.triu_indices(4)
_MANY, _SOME = 16_000, 10_000  # from so many rows on a search begins where one over some customers ended


@dataclass(frozen=True)
class Fitted:
    """Where the likelihood is highest.

    Attributes
    ----------
    log_params : ndarray, shape (4 + n_coefficients,)
        Logarithms of the parameters in the time unit of the data; then the coefficients, all
        those of the first affected parameter before those of the next.
    covariance : ndarray
        Of `log_params`; rows and columns of what went to the boundary are 0.
    log_likelihood : float
    report : FitReport
    """

    log_params: np.ndarray
    covariance: np.ndarray
    log_likelihood: float
    report: FitReport


@dataclass(frozen=True)
class Problem:
    """A likelihood to be maximised.

    Attributes
    ----------
    terms : callable
        See `Terms`.
    names : sequence of str
        Of the four parameters.
    timed : sequence of bool
        Which of them are times, measured in the unit of the data.
    signs : sequence of float, shape (4,)
        How covariates move a parameter: θ = θ₀ exp(sign × design @ coefficients); 0 is not at all.
    start : ndarray, shape (4,)
        A first guess of the logarithms, where the mean age is 1.
    prior_precision : float
        Of a normal prior about the first guess, on the log scale; 0 is maximum likelihood.
    robust : bool
        Whether the covariance is the sandwich, which holds though the model be wrong.
    events : float
        Points in time that a repeat purchase stands for in the likelihood, each a density per
        unit of time.
    scaled : bool
        Whether time is continuous, so that the search may measure it in mean ages.
    """

    terms: Terms
    names: Sequence[str]
    timed: Sequence[bool]
    signs: Sequence[float]
    start: np.ndarray
    prior_precision: float = 0.0
    robust: bool = False
    events: float = 1.0
    scaled: bool = True


def parameters_by_group(log_params: np.ndarray, design: np.ndarray, signs: Sequence[float]) -> np.ndarray:
    """The four parameters of each group, shape (n_groups, 4)."""
    log_theta = np.tile(log_params[:4], (len(design), 1))
    coefficients = log_params[4:].reshape(-1, design.shape[1]) if design.shape[1] else ()
    affected = [p for p, sign in enumerate(signs) if sign]
    for p, values in zip(affected, coefficients, strict=False):
        log_theta[:, p] += signs[p] * (design @ values)
    return np.exp(np.clip(log_theta, -2 * LOG_BOUND, 2 * LOG_BOUND))


def fit(customers: Customers, problem: Problem, start: np.ndarray | None = None) -> Fitted:
    """Find the parameters; `start`, in the time unit of the data, is a guess better than the problem's."""
    n, purchases = customers.n, float(customers.weight @ customers.x)
    few = customers.shared()
    mean_age = float(few.weight @ few.T / (few.weight @ (few.T > 0)))
    scale = mean_age if problem.scaled else 1.0
    few = replace(few, t_x=few.t_x / scale, T=few.T / scale, weight=few.weight / n)
    shift = np.log(scale) * np.asarray(problem.timed, dtype=float)
    width = few.design.shape[1] * sum(sign != 0 for sign in problem.signs)
    guess = np.concatenate([problem.start, np.zeros(width)])
    if start is not None:
        guess = start.copy()
        guess[:4] -= shift
    elif few.x.size > _MANY:
        guess = _search(few.some(_SOME), n, problem, guess)[0]
    log_params, information, report = _search(few, n, problem, guess)
    covariance = _covariance(few, n, problem, log_params, information)
    away = log_params - np.concatenate([problem.start, np.zeros(width)])
    value = n * report.value + problem.prior_precision * away @ away / 2
    # A density per unit of time: one factor for each repeat purchase.
    value -= problem.events * purchases * np.log(scale)
    log_params = log_params.copy()
    log_params[:4] += shift
    return Fitted(log_params, covariance, float(value), report)


def _theta(customers: Customers, problem: Problem, log_params: np.ndarray) -> np.ndarray:
    return parameters_by_group(log_params, customers.design, problem.signs)


def _search(
    customers: Customers, n: float, problem: Problem, guess: np.ndarray
) -> tuple[np.ndarray, np.ndarray, FitReport]:
    """Newton's method; weights are shares of the `n` customers."""

    def mean_log_likelihood(log_params: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        theta = _theta(customers, problem, log_params)
        value, gradient, hessian = _by_logarithms(
            problem.terms(customers, theta, False), theta, customers.design, problem.signs
        )
        if problem.prior_precision:
            away = log_params - np.concatenate([problem.start, np.zeros(log_params.size - 4)])
            precision = problem.prior_precision / n
            value -= precision * away @ away / 2
            gradient = gradient - precision * away
            hessian = hessian - precision * np.eye(away.size)
        return value, gradient, hessian

    names = [*problem.names, *(f"coefficient {i + 1}" for i in range(guess.size - 4))]
    return maximise(mean_log_likelihood, guess, names)


def _by_logarithms(
    found: np.ndarray, theta: np.ndarray, design: np.ndarray, signs: Sequence[float]
) -> tuple[float, np.ndarray, np.ndarray]:
    """Sum over groups, with derivatives by log-parameters and coefficients."""
    first = found[:, 1:5] * theta
    second = np.zeros((len(theta), 4, 4))
    second[:, *_UPPER] = found[:, 5:]
    second[:, *_UPPER[::-1]] = found[:, 5:]
    second *= theta[:, :, None] * theta[:, None, :]
    second[:, np.arange(4), np.arange(4)] += first
    jacobian = _jacobian(design, signs)
    gradient = np.einsum("gp,gpq->q", first, jacobian)
    hessian = np.einsum("gpi,gpq,gqj->ij", jacobian, second, jacobian, optimize=True)
    return float(found[:, 0].sum()), gradient, hessian


def _jacobian(design: np.ndarray, signs: Sequence[float]) -> np.ndarray:
    """d log θ / d (log-parameters, coefficients) of each group, shape (n_groups, 4, n)."""
    n_groups, m = design.shape
    affected = [p for p, sign in enumerate(signs) if sign] if m else []
    jacobian = np.zeros((n_groups, 4, 4 + m * len(affected)))
    jacobian[:, np.arange(4), np.arange(4)] = 1
    for place, p in enumerate(affected):
        jacobian[:, p, 4 + place * m : 4 + (place + 1) * m] = signs[p] * design
    return jacobian


def _covariance(
    customers: Customers, n: float, problem: Problem, log_params: np.ndarray, information: np.ndarray
) -> np.ndarray:
    """Inverse information, or the sandwich, of what is not at the boundary.

    A direction in which the likelihood is flat has no finite variance: NaN throughout then.
    """
    free = np.abs(log_params) < NEARLY
    covariance = np.zeros_like(information)
    inverse = covariance_of(information[np.ix_(free, free)], n)
    if np.isnan(inverse).any():
        return np.full_like(information, np.nan)
    if problem.robust:
        inverse = (
            inverse @ (n * _score_products(customers, problem, log_params)[np.ix_(free, free)]) @ inverse
        )
    covariance[np.ix_(free, free)] = inverse
    return covariance


def _score_products(customers: Customers, problem: Problem, log_params: np.ndarray) -> np.ndarray:
    """Mean of g gᵀ over customers, g the gradient of a customer's log-likelihood."""
    theta = _theta(customers, problem, log_params)
    jacobian = _jacobian(customers.design, problem.signs)
    total = np.zeros((log_params.size, log_params.size))
    for begin in range(0, customers.x.size, 65_536):
        rows = slice(begin, begin + 65_536)
        part = Customers(
            customers.x[rows], customers.t_x[rows], customers.T[rows], customers.weight[rows],
            customers.group[rows], customers.design,
        )  # fmt: skip
        slopes = problem.terms(part, theta, True)[:, 1:5] * theta[part.group]
        scores = np.einsum("ip,ipq->iq", slopes, jacobian[part.group])
        total += (scores * part.weight[:, None]).T @ scores
    return total
