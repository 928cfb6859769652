"""Whether what was said to happen with probability p happens in a share p of cases."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from crm_analytics.metrics.bootstrap import Interval
from crm_analytics.metrics.thresholds import binary_outcome


def brier_score(y_true: Any, y_prob: Any) -> float:
    """Mean squared distance of predicted probabilities from what happened.

    0 is certain and right; a constant at the base rate π gets π (1 - π), at most .25; 1 is certain
    and wrong. Compare it only on the same customers, or see `brier_skill`.

    Raises ValueError if outcomes are not 0 and 1, a probability is not in [0, 1], or lengths differ.

    References
    ----------
    Brier (1950), Verification of forecasts expressed in terms of probability, Monthly Weather
    Review 78(1).

    Examples
    --------
    >>> brier_score([0, 1, 1, 0], [0.5, 1.0, 0.5, 0.0])
    0.125
    """
    y, p = _probabilities(y_true, y_prob)
    return float(np.square(p - y).mean())


def brier_skill(y_true: Any, y_prob: Any) -> float:
    """Share of the Brier score of the base rate that the predictions do away with.

    1 is certain and right, 0 is no better than one probability for all, below 0 is worse than
    that. Raises ValueError as `brier_score`, and where all outcomes are equal: there the base rate
    is never wrong.

    >>> brier_skill([0, 1, 1, 0], [0.5, 1.0, 0.5, 0.0])
    0.5
    """
    y, p = _probabilities(y_true, y_prob)
    rate = y.mean()
    if rate in (0, 1):
        raise ValueError("brier_skill is undefined when all outcomes are equal.")
    return float(1 - np.square(p - y).mean() / (rate * (1 - rate)))


def calibration_table(y_true: Any, y_prob: Any, *, n_bins: int = 10, level: float = 0.95) -> pd.DataFrame:
    """Predicted and observed rates of customers binned by what was predicted.

    Parameters
    ----------
    y_true : array of 0 and 1 (or bool), shape (n,)
    y_prob : array, shape (n,)
        Predicted probabilities of 1, in [0, 1].
    n_bins : int >= 1
        Bins of about as many customers each. Equal predictions are never parted (so row order
        does not matter): with many of them there are fewer bins.
    level : float in (0, 1)
        Of the interval.

    Returns
    -------
    DataFrame
        A row a bin, the lowest predictions first: `n` customers, `mean_predicted`, `observed`
        (share of 1), `lower`, `upper` (Wilson's interval of the observed rate).

    Raises
    ------
    ValueError
        If outcomes are not 0 and 1, a probability is not in [0, 1], lengths differ, or a
        parameter is out of its range.

    References
    ----------
    Wilson (1927), Probable inference, the law of succession, and statistical inference, JASA 22(158).

    Examples
    --------
    >>> calibration_table([0, 0, 1, 0, 1, 1], [0.1, 0.1, 0.4, 0.5, 0.8, 0.9], n_bins=3).round(2)
       n  mean_predicted  observed  lower  upper
    0  2            0.10       0.0   0.00   0.66
    1  2            0.45       0.5   0.09   0.91
    2  2            0.85       1.0   0.34   1.00
    """
    _check(level)
    y, p = _probabilities(y_true, y_prob)
    code, n, predicted = _binned(p, n_bins)
    observed = np.bincount(code, weights=y) / n
    z = ndtri((1 + level) / 2)
    share = z**2 / (n + z**2)  # of the interval's middle that comes from 1/2
    middle = (1 - share) * observed + share / 2
    half = z * np.sqrt(observed * (1 - observed) / n + z**2 / (4 * n**2)) * (1 - share)
    return pd.DataFrame(
        {
            "n": n,
            "mean_predicted": predicted / n,
            "observed": observed,
            # At the ends the interval reaches 0 and 1; rounding may pass them.
            "lower": np.where(observed == 0, 0.0, np.clip(middle - half, 0, 1)),
            "upper": np.where(observed == 1, 1.0, np.clip(middle + half, 0, 1)),
        }
    )


def calibration_error(y_true: Any, y_prob: Any, *, n_bins: int = 10) -> float:
    """Expected calibration error: mean distance of predicted from observed rates over bins.

    Bins are those of `calibration_table`, weighted by customers; 0.02 says that predictions are
    off by two points on average. 0 is only reached by luck: a perfect score misses by chance too,
    the more so the fewer customers a bin has. `calibration_by_chance` tells by how much, and
    `calibration_interval` how sure the error is. Errors as `calibration_table`.

    References
    ----------
    Naeini, Cooper & Hauskrecht (2015), Obtaining well calibrated probabilities using Bayesian
    binning, AAAI-15; with bins of equal size as Nixon and others (2019), Measuring calibration in
    deep learning, CVPR workshops.

    Examples
    --------
    >>> round(calibration_error([0, 0, 1, 0, 1, 1], [0.1, 0.1, 0.4, 0.5, 0.8, 0.9], n_bins=3), 4)
    0.1
    """
    y, p = _probabilities(y_true, y_prob)
    code, _, predicted = _binned(p, n_bins)
    return float(np.abs(predicted - np.bincount(code, weights=y)).sum() / y.size)


def calibration_interval(
    y_true: Any,
    y_prob: Any,
    *,
    n_bins: int = 10,
    level: float = 0.95,
    n_resamples: int = 1000,
    random_state: Any = None,
) -> Interval:
    """Calibration error with an interval from resampled customers.

    The error found lies above the true one, since chance misses add up and never cancel; errors
    of resamples lie above it once more, so that their quantiles alone would all but rule out a
    perfect score. Hence the ends differ: `upper` is a quantile of the resampled errors; `lower`
    is the error found less what chance may have added, a quantile of the mean distance
    between resampled and found rates (the triangle inequality: the true error cannot be
    farther off). The interval is wide for that, and covers at least at its level.

    Parameters
    ----------
    y_true, y_prob, n_bins
        As for `calibration_table`. Resamples keep the bins.
    level : float in (0, 1)
    n_resamples : int >= 1
    random_state : int or numpy Generator

    Returns
    -------
    Interval
        `mean` is `calibration_error` itself, not corrected. Where `lower` is 0 the score may be
        perfectly calibrated.

    Examples
    --------
    >>> y, p = [0, 0, 1, 0, 1, 1] * 50, [0.1, 0.1, 0.4, 0.5, 0.8, 0.9] * 50
    >>> calibration_interval(y, p, n_bins=3, random_state=1)
    Interval(mean=0.1, lower=0.05..., upper=0.13...)
    """
    _check(level, n_resamples)
    y, p = _probabilities(y_true, y_prob)
    code, n, predicted = _binned(p, n_bins)
    order = np.lexsort((y, p))  # by bin too; the same resamples whatever the order of rows
    starts = np.concatenate([[0], np.cumsum(n)[:-1]])
    miss = (p - y)[order]
    found = predicted - np.bincount(code, weights=y)
    rng = np.random.default_rng(random_state)
    errors, noise = np.empty(n_resamples), np.empty(n_resamples)
    for k in range(n_resamples):  # one at a time: it stays in the processor's cache
        times = np.bincount(rng.integers(0, p.size, size=p.size), minlength=p.size)
        drawn = np.add.reduceat(times * miss, starts)
        errors[k], noise[k] = np.abs(drawn).sum(), np.abs(drawn - found).sum()
    error = np.abs(found).sum()
    at = (1 + level) / 2
    ends = max(0.0, error - np.quantile(noise, at)), max(error, np.quantile(errors, at))
    return Interval(*(float(end / p.size) for end in (error, *ends)))


def calibration_by_chance(
    y_prob: Any,
    *,
    n_bins: int = 10,
    level: float = 0.95,
    n_resamples: int = 1000,
    random_state: Any = None,
) -> Interval:
    """Calibration error that these predictions would show if they were exactly right.

    Outcomes are drawn with the predicted probabilities, `n_resamples` times. A
    `calibration_error` up to `upper` is no worse than chance; one far above says by how much the
    predictions are off. With few customers a bin even a perfect score may show .05.

    Parameters
    ----------
    y_prob, n_bins
        As for `calibration_error`.
    level : float in (0, 1)
        Of the interval; both ends are quantiles of the errors drawn.
    n_resamples : int >= 1
    random_state : int or numpy Generator

    Returns
    -------
    Interval of `mean`, `lower`, `upper`: floats.

    Examples
    --------
    >>> calibration_by_chance(np.linspace(0.05, 0.6, 500), random_state=1).mean
    0.048...
    """
    _check(level, n_resamples)
    _, p = _probabilities(np.zeros(len(y_prob), dtype=bool), y_prob)
    p = np.sort(p)
    _, n, predicted = _binned(p, n_bins)
    starts = np.concatenate([[0], np.cumsum(n)[:-1]])
    rng = np.random.default_rng(random_state)
    errors = np.empty(n_resamples)
    for k in range(n_resamples):
        happened = np.add.reduceat(rng.random(p.size) < p, starts, dtype=np.int64)
        errors[k] = np.abs(predicted - happened).sum() / p.size
    lower, upper = np.quantile(errors, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(errors.mean()), float(lower), float(upper))


def _probabilities(y_true: Any, y_prob: Any) -> tuple[np.ndarray, np.ndarray]:
    y, p = binary_outcome(y_true, y_prob, name="y_prob")
    outside = ~((p >= 0) & (p <= 1))
    if outside.any():
        raise ValueError(
            f"y_prob must be in [0, 1], but {outside.sum():,} of {p.size:,} break this (first at row "
            f"{outside.argmax():,}: {p[outside][0]:g}). A score that only orders has to be calibrated first."
        )
    return y, p


def _binned(p: np.ndarray, n_bins: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bin of each prediction, and the number and sum of predictions in each bin."""
    if not (isinstance(n_bins, int | np.integer) and n_bins >= 1):
        raise ValueError(f"n_bins must be a whole number >= 1. Got {n_bins!r} instead.")
    value, place, count = np.unique(p, return_inverse=True, return_counts=True)
    # Equal predictions go where the middle one of them would go alone.
    middle = (np.cumsum(count) - count / 2) / p.size
    _, code = np.unique((middle * n_bins).astype(np.int64), return_inverse=True)
    n = np.bincount(code, weights=count).astype(np.int64)
    return code[place], n, np.bincount(code, weights=count * value)


def _check(level: float, n_resamples: int = 1) -> None:
    if not 0 < level < 1:
        raise ValueError(f"level must be in (0, 1). Got {level!r} instead.")
    if n_resamples < 1:
        raise ValueError(f"n_resamples must be >= 1. Got {n_resamples!r} instead.")
