"""Maximum likelihood over positive parameters, with a report in words."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

# A positive parameter beyond these is a boundary: the data wants 0 or infinity.
LOG_BOUND = 12.0
NEARLY = LOG_BOUND - 0.5  # from here on a search that ended early was on its way there


@dataclass(frozen=True)
class FitReport:
    """How a search ended.

    Attributes
    ----------
    converged : bool
        Whether the gradient vanished inside the box of admissible parameters.
    gradient_norm : float
        Largest absolute gradient of the mean log-likelihood, per log-parameter; those that
        press against the boundary do not count.
    condition : float
        Smallest over largest eigenvalue of the information; near 0 is a flat direction.
    iterations : int
    message : str
        The outcome in words.
    value : float
        What was maximised, per observation, at the end.
    eigenvalues : list of float
        Of the information per observation, the smallest first; one near 0 is a direction of
        which the data says nothing.
    boundary : dict of str to str
        Parameters that left the admissible box, and whether for "0" or "infinity".
    """

    converged: bool
    gradient_norm: float
    condition: float
    iterations: int
    message: str
    value: float
    eigenvalues: list[float] = field(default_factory=list)
    boundary: dict[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict:
        """Return the report as a plain dictionary."""
        return asdict(self)


def maximise(
    log_likelihood: Callable[[np.ndarray], tuple[float, np.ndarray, np.ndarray]],
    start: np.ndarray,
    names: Sequence[str],
) -> tuple[np.ndarray, np.ndarray, FitReport]:
    """Maximise a mean log-likelihood over log-parameters by Newton's method, inside a box.

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
    params = np.clip(np.asarray(start, dtype=float), -LOG_BOUND, LOG_BOUND)
    value, gradient, hessian = log_likelihood(params)
    iterations = 0
    while _pull(params, gradient) > 1e-11 and iterations < 100:
        step = _newton_step(gradient, hessian, _free(params, gradient))
        step *= _room(params, step)
        for _ in range(30):
            trial = np.clip(params + step, -LOG_BOUND, LOG_BOUND)
            found = log_likelihood(trial)
            gain = found[0] - value
            if gain > 1e-4 * gradient @ (trial - params):
                break
            # The last gains drown in rounding errors; the gradient, a difference less, still shows the way.
            if abs(gain) < 1e-8 and _pull(trial, found[1]) < _pull(params, gradient) / 2:
                break
            step /= 2
        else:
            break
        before = _pull(params, gradient)
        params, (value, gradient, hessian) = trial, found
        iterations += 1
        if before < 1e-8 and _pull(params, gradient) > before / 2:
            break  # what is left is rounding
    return params, -hessian, _report(params, value, gradient, -hessian, iterations, names)


def _free(params: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Where a parameter may move: not at the boundary, or pulled back from it."""
    return ~_at_boundary(params) | (params * gradient < 0)


def _at_boundary(params: np.ndarray) -> np.ndarray:
    return np.abs(params) > LOG_BOUND - 1e-9


def _room(params: np.ndarray, step: np.ndarray) -> float:
    """Share of a step up to where the first parameter meets the boundary, so that none is bent aside."""
    moving = ~_at_boundary(params) & (step != 0)
    return min(1.0, ((LOG_BOUND - np.sign(step) * params)[moving] / np.abs(step)[moving]).min(initial=1.0))


def _pull(params: np.ndarray, gradient: np.ndarray) -> float:
    """Largest absolute gradient of a parameter that may move."""
    return float(np.abs(gradient * _free(params, gradient)).max())


def _newton_step(gradient: np.ndarray, hessian: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Newton's step in the free parameters, uphill even where the curvature is not down, of length <= 2."""
    curvature, directions = np.linalg.eigh(hessian[np.ix_(free, free)])
    along = directions.T @ gradient[free] / np.maximum(np.abs(curvature), 1e-12)
    step = np.zeros_like(gradient)
    step[free] = directions @ along
    return step * min(1.0, 2 / np.linalg.norm(step))


def _report(
    log_params: np.ndarray,
    value: float,
    gradient: np.ndarray,
    information: np.ndarray,
    iterations: int,
    names: Sequence[str],
) -> FitReport:
    at_edge = {
        n: "infinity" if p > 0 else "0" for n, p in zip(names, log_params, strict=True) if abs(p) >= NEARLY
    }
    norm = _pull(log_params, gradient)
    eigenvalues = np.linalg.eigvalsh(information)
    condition = float(eigenvalues[0] / eigenvalues[-1]) if eigenvalues[-1] > 0 else 0.0
    if at_edge:
        message = (
            f"on the boundary: {', '.join(f'{n} went to {where}' for n, where in at_edge.items())}; "
            "the predictions are usable, this parameter is not"
        )
    elif norm > 1e-5:
        message = f"not converged: gradient {norm:.2g} after {iterations} iterations"
    elif condition < 1e-7:
        message = "converged on a flat ridge: some parameters are not identified by this data"
    else:
        message = f"converged in {iterations} iterations"
    return FitReport(
        converged=not at_edge and norm <= 1e-5,
        gradient_norm=norm,
        condition=condition,
        iterations=int(iterations),
        message=message,
        value=float(value),
        eigenvalues=[float(eigenvalue) for eigenvalue in eigenvalues],
        boundary=at_edge,
    )


def covariance_of(information: np.ndarray, n: float) -> np.ndarray:
    """Inverse of the information of `n` observations, on the log scale.

    NaN throughout where it is not positive definite: the likelihood is flat in some
    direction, and no variance exists.
    """
    try:
        lower = np.linalg.inv(np.linalg.cholesky(information * n))
    except np.linalg.LinAlgError:
        return np.full_like(information, np.nan)
    return lower.T @ lower
