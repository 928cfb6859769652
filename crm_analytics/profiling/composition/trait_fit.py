"""One trait: a ridge logistic regression, its strength, and the line that calibrates it."""

import numpy as np
from scipy.special import log_expit
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold


def fit_trait(
    Z: np.ndarray, y: np.ndarray, strengths: np.ndarray, n_folds: int, random_state: int
) -> tuple[np.ndarray, float, float, float, float, float]:
    """Coefficients, intercept, chosen strength, slope, shift and base rate of one trait."""
    folds = list(StratifiedKFold(n_folds, shuffle=True, random_state=random_state).split(Z, y))
    held_out = np.zeros((strengths.size, y.size))
    for train, test in folds:
        for k, strength in enumerate(strengths):
            model = _ridge(strength).fit(Z[train], y[train])
            held_out[k, test] = model.decision_function(Z[test])
    lines = [_line(z, y) for z in held_out]
    losses = [_loss(a * z + b, y) for z, (a, b) in zip(held_out, lines, strict=True)]
    best = int(np.argmin(losses))
    slope, shift = lines[best]
    model = _ridge(strengths[best]).fit(Z, y)
    return model.coef_[0], float(model.intercept_[0]), float(strengths[best]), slope, shift, float(y.mean())


def _ridge(strength: float) -> LogisticRegression:
    return LogisticRegression(C=float(strength), solver="newton-cholesky", tol=1e-8, max_iter=100)


def _line(z: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Slope and shift that make held-out log-odds fit what happened, never turning them round."""
    found = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-10).fit(z[:, None] / z.std(), y)
    slope = float(found.coef_[0, 0] / z.std())
    if slope <= 0:
        return 0.0, float(np.log(y.mean() / (1 - y.mean())))
    return slope, float(found.intercept_[0])


def _loss(z: np.ndarray, y: np.ndarray) -> float:
    return float(-(y * log_expit(z) + (1 - y) * log_expit(-z)).mean())
