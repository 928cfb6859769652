"""The chain that customers move along: its chances, how firm they are, where it leads, and what that is worth."""

from typing import Any

import numpy as np

_SETTLED = 1 - 1e-9  # largest modulus of a chain whose endless sum is still to be had


def chain_value(
    transition: Any, values: Any, *, discount: float = 0.0, periods: int | None = None
) -> np.ndarray:
    """Discounted value of a customer by the state they are in now: Σ (P / (1 + d))^t R, t = 0, 1, ….

    Parameters
    ----------
    transition : array, shape (n_states, n_states)
        P: chances from state (row) to state within a period. What a row lacks to 1 is gone for good.
    values : array, shape (n_states,)
        R: what a customer brings in a period spent in each state (currency), at its beginning.
    discount : float >= 0
        d, per period.
    periods : int >= 1, optional
        Terms of the sum. By default all: (I − P / (1 + d))⁻¹ R.

    Returns
    -------
    ndarray, shape (n_states,) (currency)

    Raises
    ------
    ValueError
        If the endless sum does not exist: no discount, and a state that nobody leaves for good.

    References
    ----------
    Pfeifer & Carraway (2000); with their p, 4 more periods and d = 20 % the value of a new customer is $50.11.

    Examples
    --------
    >>> chain_value([[0.5]], [10.0]), chain_value([[0.5]], [10.0], periods=2)
    (array([20.]), array([15.]))
    """
    P, R = np.asarray(transition, dtype=float), np.asarray(values, dtype=float)
    if not (P.ndim == 2 and P.shape[0] == P.shape[1] == R.size):
        raise ValueError(
            f"transition must be square and as long as values. Got {P.shape} and {R.size} instead."
        )
    if not ((P >= 0).all() and (P.sum(axis=1) <= 1 + 1e-9).all()):
        raise ValueError("transition must hold chances: each >= 0, and at most 1 in the sum of a row.")
    if not 0 <= discount < np.inf:
        raise ValueError(f"discount must be >= 0. Got {discount!r} instead.")
    step = P / (1 + discount)
    if periods is None:
        if np.abs(np.linalg.eigvals(step)).max(initial=0.0) > _SETTLED:
            raise ValueError(
                "chain_value: without a discount, and with customers who never leave, the sum over all "
                "periods is infinite. Pass discount > 0 or periods."
            )
        return np.linalg.solve(np.eye(R.size) - step, R)
    if not (isinstance(periods, int | np.integer) and periods >= 1):
        raise ValueError(f"periods must be a whole number >= 1 or None. Got {periods!r} instead.")
    total = R
    for _ in range(periods - 1):
        total = R + step @ total
    return total


def posterior_weights(counts: np.ndarray, prior: float) -> np.ndarray:
    """Dirichlet weights of each segment's chances, shape (k, k + 1); 0 where nobody ever went.

    >>> posterior_weights(np.array([[8, 2, 0], [0, 0, 0]]), 1.0)
    array([[8.5, 2.5, 0. ],
           [0.5, 0.5, 0. ]])
    """
    possible = counts.any(axis=0)
    return counts + prior * possible / max(possible.sum(), 1)


def moves_dispersion(counts: np.ndarray) -> float:
    """Pearson's X² of equal chances in all transitions, over its degrees of freedom.

    `counts` has shape (n_transitions, k, k + 1). NaN with one transition, or where nothing can differ.

    >>> moves_dispersion(np.array([[[30, 10]], [[10, 30]]])), moves_dispersion(np.array([[[3, 1]]]))
    (20.0, nan)
    """
    size = counts.sum(axis=2, keepdims=True)
    total = counts.sum(axis=0)
    chances = total / np.maximum(total.sum(axis=1, keepdims=True), 1)
    expected = size * chances
    square = np.divide((counts - expected) ** 2, expected, out=np.zeros(expected.shape), where=expected > 0)
    freedom = (((size > 0).sum(axis=0)[:, 0] - 1) * ((total > 0).sum(axis=1) - 1))[total.any(axis=1)].sum()
    return float(square.sum() / freedom) if freedom else float("nan")


def inflow_dispersion(new: np.ndarray) -> float:
    """The same of newcomers, shape (n_transitions, k), against Poisson numbers of even rates."""
    mean = new.mean(axis=0)
    freedom = (len(new) - 1) * (mean > 0).sum()
    square = np.divide((new - mean) ** 2, mean, out=np.zeros(new.shape), where=mean > 0)
    return float(square.sum() / freedom) if freedom else float("nan")


def expected_path(now: np.ndarray, chances: np.ndarray, inflow: np.ndarray, periods: int) -> np.ndarray:
    """Mean sizes, shape (periods, k)."""
    path = np.empty((periods, now.size))
    for t in range(periods):
        now = path[t] = now @ chances + inflow
    return path


def drawn_paths(
    now: np.ndarray,
    weight: np.ndarray,
    sizes_before: np.ndarray,
    rates: np.ndarray,
    spread: tuple[float, float],
    periods: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Sizes of drawn futures, shape (n_draws, periods, k)."""
    n_draws, k = rates.shape
    moves, inflow = spread
    mean = _dirichlet(np.broadcast_to(weight / moves, (n_draws, *weight.shape)), rng)
    # A Dirichlet of this weight makes the moves of so many customers vary `moves` times as much.
    firmness = np.maximum(sizes_before - moves, 1.0) / (moves - 1.0) if moves > 1 else None
    size = np.broadcast_to(np.rint(now).astype(np.int64), (n_draws, k))
    paths = np.empty((n_draws, periods, k))
    for t in range(periods):
        chances = mean if firmness is None else _dirichlet(mean * firmness[:, None], rng)
        arriving = rates if inflow == 1 else rng.standard_gamma(rates / (inflow - 1)) * (inflow - 1)
        size = rng.multinomial(size, chances)[:, :, :-1].sum(axis=1) + rng.poisson(arriving)
        paths[:, t] = size
    return paths


def _dirichlet(weight: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Chances drawn along the last axis; the mean where weights so small draw zeros alone."""
    gamma = rng.standard_gamma(weight)
    total, whole = gamma.sum(axis=-1, keepdims=True), weight.sum(axis=-1, keepdims=True)
    mean = np.divide(weight, whole, out=np.zeros(weight.shape), where=whole > 0)
    return np.divide(gamma, total, out=mean, where=total > 0)
