"""Whether values come from where they came from before: the population stability index."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import chi2

# Categories seen less often than this, in both runs together, count as one: shares of a handful
# of customers swing by far more than the chi-squared distribution allows for.
_RARE = 10


class Stability(NamedTuple):
    """How far two distributions lie apart, and how far chance alone would set them.

    Attributes
    ----------
    psi : float >= 0
        Population stability index; 0 where the shares of all bins are equal.
    expected_by_chance : float
        Its mean without drift.
    critical : float
        What it passes in only 1 - level of comparisons without drift.
    n_bins : int
        Bins that hold anyone.
    """

    psi: float
    expected_by_chance: float
    critical: float
    n_bins: int

    @property
    def drifted(self) -> bool:
        """Whether chance alone hardly explains the index; how much it matters, `psi` says."""
        return self.psi > self.critical


def population_stability(expected: Any, actual: Any, *, n_bins: int = 10, level: float = 0.95) -> Stability:
    """Population stability index of `actual` against `expected`, with what chance alone would give.

    PSI = Σ (a - e) ln(a / e) over the bins' shares a and e, symmetric in the two. Without drift
    it is about (1/n + 1/m) times a chi-squared variable of B - 1 degrees of freedom, for n and m
    customers and B bins. The usual rule, .1 for a look and .25 for action, knows nothing of n: 100
    customers against 100, in 10 bins, show .18 on average though nothing has changed, and a million pass no
    alarm while a tenth of them move. So read both: `psi` above `critical` is more than
    chance, and its size says whether it matters; very large runs find drift of no consequence.

    Parameters
    ----------
    expected, actual : array, shapes (n,) and (m,)
        One feature, or a score, of the earlier and of the later run; both numbers or dates, or
        both categories. Missing values are a bin of their own.
    n_bins : int >= 2
        For numbers: bins end at quantiles of `expected`. Equal values are never parted, and a
        value that alone fills a bin (many zeros, say) gets one to itself. Categories each have
        their own; those seen fewer than 10 times in both runs together share one.
    level : float in (0, 1)
        Share of comparisons without drift that stay below `critical`.

    Returns
    -------
    Stability
        Half a customer is added to every bin of both runs, so that an empty one does not make the
        index infinite; bins empty in both are left out.

    Raises
    ------
    ValueError
        If either is empty, numbers meet categories, or a parameter is out of its range.

    References
    ----------
    Yurdakul & Naranjo (2020), Statistical properties of the population stability index, Journal of
    Risk Model Validation 14(4), for its distribution.

    Examples
    --------
    >>> found = population_stability(range(1000), range(200, 1200))
    >>> round(found.psi, 2), round(found.critical, 3), found.drifted
    (1.27, 0.034, True)
    >>> population_stability(["a", "b"] * 500, ["b", "a", "a", None] * 250).n_bins
    3
    """
    if not (isinstance(n_bins, int | np.integer) and n_bins >= 2):
        raise ValueError(f"n_bins must be a whole number >= 2. Got {n_bins!r} instead.")
    if not 0 < level < 1:
        raise ValueError(f"level must be in (0, 1). Got {level!r} instead.")
    before, after = _one_feature(expected, "expected"), _one_feature(actual, "actual")
    kinds = {_kind(values) for values in (before, after) if values.notna().any()}
    if len(kinds) > 1:
        raise ValueError(
            "expected and actual must both be numbers, both dates or both categories. "
            f"Got {before.dtype} and {after.dtype} instead."
        )
    if kinds & {"numbers", "dates"}:
        counts = _counts_of_numbers(_as_float(before), _as_float(after), n_bins)
    else:
        counts = _counts_of_categories(before, after)
    return _stability(counts[:, counts.sum(axis=0) > 0], level)


def _stability(counts: np.ndarray, level: float) -> Stability:
    """Index of counts, shape (2, n_bins), none of them empty in both runs."""
    n_bins, totals = counts.shape[1], counts.sum(axis=1)
    share = (counts + 0.5) / (totals[:, None] + 0.5 * n_bins)
    psi = float(((share[1] - share[0]) * np.log(share[1] / share[0])).sum())
    unit = float((1 / totals).sum())
    critical = unit * float(chi2.ppf(level, n_bins - 1)) if n_bins > 1 else 0.0
    return Stability(psi, unit * (n_bins - 1), critical, n_bins)


def _counts_of_numbers(before: np.ndarray, after: np.ndarray, n_bins: int) -> np.ndarray:
    """Customers in each bin, the last for missing values; shape (2, bins)."""
    known = np.sort(before[~np.isnan(before)])
    if known.size:
        at = np.ceil(np.arange(1, n_bins) * known.size / n_bins).astype(np.int64) - 1
        ends = known[at]
        # A value that fills a bin is parted from those below, too.
        heavy, n = np.unique(known, return_counts=True)
        heavy = heavy[n * n_bins >= known.size]
        ends = np.unique([*ends, *heavy, *np.nextafter(heavy, -np.inf)])
    else:
        ends = np.array([])
    # NaN is above every end: a missing value would fall in the last bin, and is put one further.
    places = [np.where(np.isnan(v), ends.size + 1, np.searchsorted(ends, v)) for v in (before, after)]
    return np.array([np.bincount(place, minlength=ends.size + 2) for place in places])


def _counts_of_categories(before: pd.Series, after: pd.Series) -> np.ndarray:
    """Customers in each category, rare ones together, the last for missing values; shape (2, bins)."""
    code, _ = pd.factorize(pd.concat([before.astype(object), after.astype(object)], ignore_index=True))
    code = np.where(code < 0, code.max(initial=-1) + 1, code)
    width = int(code.max()) + 1
    counts = np.array([np.bincount(part, minlength=width) for part in np.split(code, [len(before)])])
    rare = counts.sum(axis=0) < _RARE
    rare[-1] &= before.notna().all() and after.notna().all()  # missing values stay apart
    return np.column_stack([counts[:, ~rare], counts[:, rare].sum(axis=1)])


def _one_feature(values: Any, name: str) -> pd.Series:
    feature = pd.Series(values if hasattr(values, "__len__") else list(values)).infer_objects()
    if len(feature) == 0:
        raise ValueError(f"{name} must hold at least one customer. Got none instead.")
    return feature


def _kind(values: pd.Series) -> str:
    types = pd.api.types
    if types.is_datetime64_any_dtype(values.dtype):
        return "dates"
    number = types.is_numeric_dtype(values.dtype) and not types.is_bool_dtype(values.dtype)
    return "numbers" if number else "categories"


def _as_float(values: pd.Series) -> np.ndarray:
    if values.isna().all():  # of any type
        return np.full(len(values), np.nan)
    if _kind(values) == "dates":
        return ((values - pd.Timestamp(0, tz=values.dt.tz)) / pd.Timedelta(days=1)).to_numpy(dtype=float)
    return values.to_numpy(dtype=float, na_value=np.nan)
