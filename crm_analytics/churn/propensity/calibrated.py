"""From log-odds to probabilities that come true: Platt's line, or with enough leavers a monotone curve."""

from typing import Any

import numpy as np
from scipy.special import expit, logit
from sklearn.isotonic import isotonic_regression

from crm_analytics.churn.propensity.blend import blend_weights

MONOTONE_FROM = 1_000  # rows of the rarer outcome; with fewer a free curve follows chance
_TILT = 1e-3  # the curve rises by at least so much a unit, even where the line has drawn steps level
_ENDS = 0.5  # rows: what no one of a block did may still happen


def learn_calibration(log_odds: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    """Learn what held-out log-odds come to, from `y` of 0.0 and 1.0; both of shape (n,).

    Platt (1999): a line in the log-odds, drawn towards none. Zadrozny & Elkan (2002): isotonic
    regression, here joined by straight lines between the middles of its steps, so that no two
    customers are made equal who were not.
    """
    rarer = min(y.sum(), (1 - y).sum())
    slope, intercept = _line(log_odds, y)
    line = {"slope": slope, "intercept": intercept}
    if rarer < MONOTONE_FROM:
        return {"method": "platt", **line}
    at, place, n = np.unique(log_odds, return_inverse=True, return_counts=True)
    steps = isotonic_regression(np.bincount(place, weights=y) / n, sample_weight=n, y_min=0.0, y_max=1.0)
    begins = np.flatnonzero(np.diff(steps, prepend=-1.0))
    sizes = np.add.reduceat(n, begins)
    middles = np.add.reduceat(at * n, begins) / sizes
    rates = (steps[begins] * sizes + _ENDS * expit(slope * middles + intercept)) / (sizes + _ENDS)
    tilt = _TILT * middles
    levels = np.maximum.accumulate(logit(rates) - tilt) + tilt
    kept = np.concatenate([[True], np.diff(middles) > 1e-9])
    return {"method": "isotonic", "at": middles[kept], "level": levels[kept], **line}


def calibrate(log_odds: np.ndarray, learned: dict[str, Any]) -> np.ndarray:
    """Calibrated log-odds, shape (n,). Beyond the curve's ends Platt's slope goes on."""
    if learned["method"] == "platt":
        return learned["slope"] * log_odds + learned["intercept"]
    at, level = learned["at"], learned["level"]
    below, above = np.minimum(log_odds - at[0], 0.0), np.maximum(log_odds - at[-1], 0.0)
    return np.interp(log_odds, at, level) + learned["slope"] * (below + above)


def _line(log_odds: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    slope, intercept = blend_weights(log_odds[:, None], y, np.ones(1))
    return float(slope), float(intercept)
