"""Boosted trees for the chance of a purchase, kept as text."""

from typing import Any

import lightgbm as lgb
import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit

MANY = 200_000  # rows that 120 small trees cannot learn by heart
SPARING = 5
LEAST = 1e-6  # chances are kept this far from 0 and 1, so that log-odds are finite


def grow(features: np.ndarray, bought: np.ndarray, weight: np.ndarray, params: dict[str, Any]) -> str:
    """Return LightGBM's text of trees fitted by weighted log loss; the same for any number of threads."""
    settings = {
        "objective": "binary",
        "feature_fraction": 0.5,
        "lambda_l2": 10.0,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    params = settings | params
    data = lgb.Dataset(features, bought.astype(float), weight=weight, params=params)
    return lgb.train(params, data).model_to_string()


def chance(trees: str, features: np.ndarray, n_jobs: int = 1) -> np.ndarray:
    """Chance of each row by the trees of a text, shape (n_rows,)."""
    if not len(features):
        return np.empty(0)
    found = lgb.Booster(model_str=trees).predict(features, num_threads=n_jobs)
    return np.clip(np.asarray(found), LEAST, 1 - LEAST)


def calibration(
    trees: str,
    features: np.ndarray,
    bought: np.ndarray,
    weight: np.ndarray,
    fold: np.ndarray,
    params: dict[str, Any],
) -> tuple[float, float]:
    """Intercept and slope that make what `trees` say agree with what was bought.

    Trees grown on few rows know them too well to be judged by them. So up to `MANY` rows
    each `fold`, True or False, is judged by trees grown on the other; beyond, every
    `SPARING`-th row by the trees themselves.
    """
    if bought.size > MANY or fold.all() or not fold.any():
        told = chance(trees, features[::SPARING], params["num_threads"])
        return platt(told, bought[::SPARING])
    told = np.empty(bought.size)
    for part in (fold, ~fold):
        if bought[~part].all() or not bought[~part].any():
            return 0.0, 1.0
        others = grow(features[~part], bought[~part], weight[~part], params)
        told[part] = chance(others, features[part], params["num_threads"])
    return platt(told, bought)


def platt(chances: np.ndarray, bought: np.ndarray) -> tuple[float, float]:
    """Intercept and slope of the log-odds that make `chances` agree with what was bought.

    Platt (1999). The slope is kept positive, so that the order of the chances stays.
    """
    z, n = logit(chances), bought.size

    def loss(params: np.ndarray) -> tuple[float, np.ndarray]:
        slope = np.exp(params[1])
        score = params[0] + slope * z
        error = expit(score) - bought
        value = (np.logaddexp(0, score) - bought * score).sum() / n
        return float(value), np.array([error.sum(), slope * (error @ z)]) / n

    found = minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B", bounds=[(-20, 20), (-5, 5)])
    return float(found.x[0]), float(np.exp(found.x[1]))
