"""One log-odds from several: weights by what held-out rows say, drawn towards equal ones."""

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

# As if this many leavers had already spoken for equal weights.
_DOUBT = 20.0


def blend_weights(said: np.ndarray, y: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Weights of several log-odds and, last, an intercept; shape (n_members + 1,).

    `said` has shape (n, n_members): log-odds of held-out rows. Their weighted sum has the least
    log loss on `y`, no weight being negative, with a penalty on what departs from `centre`.
    """
    Z = np.column_stack([said, np.ones(y.size)])
    middle = np.append(centre, 0.0)
    pull = np.append(np.full(centre.size, _DOUBT), 0.0)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        z = Z @ weights
        away = weights - middle
        value = (np.logaddexp(0.0, z) - y * z).sum() + 0.5 * (pull * away**2).sum()
        return float(value), Z.T @ (expit(z) - y) + pull * away

    bounds = [(0.0, None)] * centre.size + [(None, None)]
    return np.asarray(minimize(loss, middle, jac=True, bounds=bounds, method="L-BFGS-B").x)
