"""How sure a mean over customers is: resampled, alone or as a difference on the same customers."""

from typing import Any, NamedTuple

import numpy as np

# Weights of a resample held at a time: 16 MB, whatever the number of customers.
_CHUNK = 2_000_000


class Interval(NamedTuple):
    """A mean over customers and where resampled means lie; floats, or arrays of one a column."""

    mean: Any
    lower: Any
    upper: Any


def bootstrap_interval(
    values: Any, *, level: float = 0.95, n_resamples: int = 1000, random_state: Any = None
) -> Interval:
    """Mean over customers, with the interval in which means of resampled customers lie.

    Customers are drawn anew with replacement, `n_resamples` times; the ends are quantiles of
    the means. It tells how far the mean would move with other customers of the kind, not
    with another season or another cut of time.

    Parameters
    ----------
    values : array, shape (n_customers,) or (n_customers, n_columns)
        One metric a column. All columns see the same resamples. NaN leaves the customer out
        of that column.
    level : float in (0, 1)
    n_resamples : int >= 1
    random_state : int or numpy Generator

    Returns
    -------
    Interval of `mean`, `lower`, `upper`: floats, or arrays of shape (n_columns,). NaN for a
    column without a value.

    Examples
    --------
    >>> bootstrap_interval([0.0, 1.0, 1.0, np.nan], random_state=1).mean.round(4)
    np.float64(0.6667)
    """
    table = np.asarray(values, dtype=float)
    if table.ndim not in (1, 2):
        raise ValueError(f"values must have one or two dimensions. Got shape {table.shape} instead.")
    if not 0 < level < 1:
        raise ValueError(f"level must be in (0, 1). Got {level!r} instead.")
    if n_resamples < 1:
        raise ValueError(f"n_resamples must be >= 1. Got {n_resamples!r} instead.")
    columns = table.reshape(len(table), -1)
    known = ~np.isnan(columns)
    filled = np.where(known, columns, 0.0)
    mean = _over(filled.sum(axis=0), known.sum(axis=0))
    means = _resampled_means(filled, known, n_resamples, np.random.default_rng(random_state))
    ends = np.full((2, columns.shape[1]), np.nan)
    for j in range(columns.shape[1]):  # a resample may miss all customers who have a value
        found = means[~np.isnan(means[:, j]), j]
        if found.size:
            ends[:, j] = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    if table.ndim == 1:
        return Interval(mean[0], ends[0, 0], ends[1, 0])
    return Interval(mean, ends[0], ends[1])


def paired_difference(values: Any, baseline: Any, **options: Any) -> Interval:
    """Mean of `values - baseline` over the customers who have both, with its interval.

    Far narrower than the two intervals apart suggest, since what is hard for one recommender
    is mostly hard for the other. 0 outside the interval: these two do differ. `options` are
    those of `bootstrap_interval`.

    >>> paired_difference([0.5, 0.75, 1.0], [0.25, 0.5, 0.75], random_state=1)
    Interval(mean=np.float64(0.25), lower=np.float64(0.25), upper=np.float64(0.25))
    """
    left, right = np.asarray(values, dtype=float), np.asarray(baseline, dtype=float)
    if left.shape != right.shape:
        raise ValueError(
            f"values and baseline must be of one shape. Got {left.shape} and {right.shape} instead."
        )
    return bootstrap_interval(left - right, **options)


def _resampled_means(
    filled: np.ndarray, known: np.ndarray, n_resamples: int, rng: np.random.Generator
) -> np.ndarray:
    """Means of each resample, shape (n_resamples, n_columns)."""
    n = len(filled)
    if n == 0:
        return np.full((n_resamples, filled.shape[1]), np.nan)
    means = []
    for begin in range(0, n_resamples, step := max(1, _CHUNK // n)):
        rows = min(step, n_resamples - begin)
        drawn = rng.integers(0, n, size=(rows, n)) + np.arange(rows)[:, None] * n
        times = np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n).astype(float)
        means.append(_over(times @ filled, times @ known))
    return np.concatenate(means)


def _over(total: np.ndarray, n: np.ndarray) -> np.ndarray:
    return np.divide(total, n, out=np.full(total.shape, np.nan), where=n > 0)
