"""Maximum likelihood over positive parameters, with a report in words."""

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
from scipy.optimize import minimize

# A positive parameter beyond these is a boundary: the data wants 0 or infinity.
LOG_BOUND = 12.0


@dataclass(frozen=True)
class FitReport:
    """How a search ended.

    Attributes
    ----------
    converged : bool
        Whether the gradient vanished inside the box of admissible parameters.
    gradient_norm : float
        Largest absolute gradient of the mean log-likelihood, per log-parameter.
    condition : float
        Smallest over largest eigenvalue of the information; near 0 is a flat direction.
    iterations : int
    message : str
        The outcome in words.
    """

    converged: bool
    gradient_norm: float
    condition: float
    iterations: int
    message: str

    def as_dict(self) -> dict:
        """Return the report as a plain dictionary."""
        return asdict(self)


def maximise(
    log_likelihood: Callable[[np.ndarray], tuple[float, np.ndarray, np.ndarray]],
    start: np.ndarray,
    names: list[str],
) -> tuple[np.ndarray, np.ndarray, FitReport]:
    """Maximise a mean log-likelihood over log-parameters by a trust-region Newton search.

    Parameters
    ----------
    log_likelihood : callable
        From log-parameters to (value, gradient, Hessian), all per observation.
    start : ndarray, shape (n_parameters,)
        Starting log-parameters.
    names : list of str
        Of the parameters, for the report.

    Returns
    -------
    log_params : ndarray, shape (n_parameters,)
    information : ndarray, shape (n_parameters, n_parameters)
        Minus the Hessian at the optimum, per observation, on the log scale.
    report : FitReport

    Examples
    --------
    >>> mean = lambda p: (-0.5 * (p[0] - 2) ** 2, -(p - 2), -np.eye(1))
    >>> log_params, _, report = maximise(mean, np.zeros(1), ["rate"])
    >>> log_params.round(6), report.converged
    (array([2.]), True)
    """
    last: dict = {}

    def evaluate(p: np.ndarray) -> tuple:
        key = p.tobytes()
        if last.get("key") != key:
            # A wall just outside the box keeps the search from walking to infinity on a flat ridge.
            inside = np.clip(p, -LOG_BOUND, LOG_BOUND)
            beyond = p - inside
            value, gradient, hessian = log_likelihood(inside)
            free = beyond == 0
            hessian = hessian * np.outer(free, free) - np.diag(np.where(free, 0.0, 2.0))
            last.update(
                key=key,
                value=-(value - beyond @ beyond),
                gradient=-(gradient * free - 2 * beyond),
                hessian=-hessian,
            )
        return last["value"], last["gradient"], last["hessian"]

    found = minimize(
        lambda p: evaluate(p)[0],
        x0=np.asarray(start, dtype=float),
        jac=lambda p: evaluate(p)[1],
        hess=lambda p: evaluate(p)[2],
        method="trust-exact",
        options={"gtol": 1e-9, "maxiter": 500},
    )
    log_params = np.clip(found.x, -LOG_BOUND, LOG_BOUND)
    _, gradient, hessian = log_likelihood(log_params)
    report = _report(log_params, gradient, -hessian, found.nit, names)
    return log_params, -hessian, report


def _report(
    log_params: np.ndarray, gradient: np.ndarray, information: np.ndarray, iterations: int, names: list[str]
) -> FitReport:
    at_edge = [n for n, p in zip(names, log_params, strict=True) if abs(p) >= LOG_BOUND - 0.01]
    norm = float(np.abs(gradient).max())
    eigenvalues = np.linalg.eigvalsh(information)
    condition = float(eigenvalues[0] / eigenvalues[-1]) if eigenvalues[-1] > 0 else 0.0
    if at_edge:
        message = f"on the boundary: {', '.join(at_edge)} went to 0 or infinity; the predictions are usable, this parameter is not"
    elif norm > 1e-5:
        message = f"not converged: gradient {norm:.2g} after {iterations} iterations"
    elif condition < 1e-7:
        message = "converged on a flat ridge: some parameters are not identified by this data"
    else:
        message = f"converged in {iterations} iterations"
    return FitReport(not at_edge and norm <= 1e-5, norm, condition, int(iterations), message)


def standard_errors(log_params: np.ndarray, information: np.ndarray, n: int) -> np.ndarray:
    """Delta-method standard errors of the parameters themselves, shape (n_parameters,).

    NaN where the information matrix is not positive definite: the likelihood is flat
    there and no standard error exists.
    """
    try:
        lower = np.linalg.cholesky(information * n)
    except np.linalg.LinAlgError:
        return np.full(log_params.size, np.nan)
    inverse = np.linalg.inv(lower)
    return np.exp(log_params) * np.sqrt((inverse**2).sum(axis=0))
