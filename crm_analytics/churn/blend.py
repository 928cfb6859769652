"""One log-odds from several: weights by what held-out rows say, drawn towards equal ones."""

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

# As if this many leavers had already spoken for the prior as it is and equal weights besides.
_DOUBT = 20.0


def blend_weights(start: np.ndarray, members: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Weights of `start` and of each member, and an intercept; shape (n_members + 2,).

    `start` has shape (n,), `members` (n, n_members): log-odds from held-out rows. The sum of
    their weighted values has the least log loss on `y`, no weight being negative, with a
    penalty on what departs from 1 for `start` and from 1 / n_members each for the members.
    A start that is the same for all keeps the weight 1.
    """
    n_members = members.shape[1]
    Z = np.column_stack([start, members, np.ones(y.size)])
    centre = np.concatenate([[1.0], np.full(n_members, 1 / max(n_members, 1)), [0.0]])
    pull = np.concatenate([np.full(n_members + 1, _DOUBT), [0.0]])

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        z = Z @ weights
        away = weights - centre
        value = (np.logaddexp(0.0, z) - y * z).sum() + 0.5 * (pull * away**2).sum()
        return float(value), Z.T @ (expit(z) - y) + pull * away

    bounds = [(1.0, 1.0) if np.ptp(start) == 0 else (0.0, None)] + [(0.0, None)] * n_members + [(None, None)]
    return np.asarray(minimize(loss, centre, jac=True, bounds=bounds, method="L-BFGS-B").x)
