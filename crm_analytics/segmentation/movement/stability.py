"""Whether a segmenter finds the same segments again: with other customers, and a period later."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.base import clone

from crm_analytics.core.errors import SchemaError
from crm_analytics.segmentation.movement.migration import customers_of

STABLE, DISSOLVED = 0.75, 0.60  # Jaccard indices of Hennig's rule of thumb
_LOST = 0.5  # a segment is lost in a refit that shares no more than half with it


class StabilityReport(NamedTuple):
    """How far the segments of a segmenter can be relied on.

    Attributes
    ----------
    summary : DataFrame
        One row: `n_customers`, `n_segments`, `smallest_share`; `ari_mean`, `ari_min`, `ari_se` (adjusted
        Rand index with refits on resampled customers; standard error of the mean); `refit_ari`
        and `stay` (against the earlier table; NaN without one); `r2`, `r2_capped`, `r2_log` (share
        of the outcome's variance that the segments explain; NaN without one).
    segments : DataFrame
        A row a segment, the index: `customers`, `share`, `jaccard` (mean over the refits), `recovered` and
        `lost` (share of the refits with Jaccard >= .75 and <= .5), `verdict`: "stable" from .75,
        "dissolved" below .6, "doubtful" between; and `outcome`, its mean, if there is one.
    message : str
        The same in words.
    """

    summary: pd.DataFrame
    segments: pd.DataFrame
    message: str


def stability_report(
    segmenter: Any,
    X: pd.DataFrame,
    y: Any = None,
    *,
    fit_on: Any = None,
    earlier: Any = None,
    n_bootstrap: int = 50,
    random_state: Any = 0,
) -> StabilityReport:
    """Refit a segmenter on other customers and on an earlier table, and compare whom it puts where.

    Clones of `segmenter` are fitted; it is not changed itself, and need not be fitted. All segments
    compared are those of the customers of `X`. One that chooses how many segments there are chooses
    anew in every refit, which is judged with the rest: give it the number to judge one division.

    Parameters
    ----------
    segmenter : estimator with fit and predict
        `predict` gives the segment of each row.
    X : DataFrame, a row a customer
        Their features now.
    y : array or Series, shape (n_customers,), optional
        What the segments should tell of, such as the spend of the next quarter (any unit); a Series by the
        index of `X`. It judges only: no segmenter is ever shown it, or its R² would be flattered.
    fit_on : DataFrame, or pair of DataFrame and targets, optional
        What the segmenter learns from, by default `X`. A segmenter that learns from outcomes needs
        (table, targets) of the past, whose outcomes are known by now.
    earlier : DataFrame, or pair of DataFrame and targets, optional
        What it would have learned from a period before.
    n_bootstrap : int >= 2
        Refits on customers drawn with replacement; all rows of a customer are drawn together.
    random_state : int or numpy Generator
        Of the draws. The randomness of the segmenter is its own: a `random_state` that it has is kept.

    Returns
    -------
    StabilityReport
        - The adjusted Rand index is 1 where two divisions of the customers are the same, whatever
          the names, and 0 on average by chance; two divisions into one segment each are the same.
        - The Jaccard index of a segment is the largest overlap with any segment of the refit,
          customers in both over customers in either.
        - `refit_ari` compares the segments fitted now and fitted then; `stay` is the share of the
          customers of both tables whose segment is the same in both, under the segmenter fitted then.
        - R² is 1 − variance within segments / variance; of y, of y capped at its 99th percentile, and
          of ln(1 + y) with 0 for y below 0: where a few giants rule the spend, the first hangs on them.

    Raises
    ------
    SchemaError
        If `X` is empty or `y` is not a finite number for each of its customers.

    References
    ----------
    Hubert & Arabie (1985), Comparing partitions, Journal of Classification 2, for the index. Hennig
    (2007), Cluster-wise assessment of cluster stability, Computational Statistics & Data Analysis 52.

    Examples
    --------
    >>> from sklearn.base import BaseEstimator
    >>> class AboveMean(BaseEstimator):
    ...     def fit(self, X, y=None):
    ...         self.cut_ = X["spend"].mean()
    ...         return self
    ...     def predict(self, X):
    ...         return (X["spend"] > self.cut_).rename("segment")
    >>> X = pd.DataFrame({"spend": [1.0, 2, 3, 20, 21, 22] * 5})
    >>> report = stability_report(AboveMean(), X, y=X["spend"] * 2, n_bootstrap=20)
    >>> report.summary[["n_segments", "ari_mean", "r2"]].round(3)
       n_segments  ari_mean     r2
    0           2       1.0  0.993
    """
    if not (isinstance(n_bootstrap, int | np.integer) and n_bootstrap >= 2):
        raise ValueError(f"n_bootstrap must be a whole number >= 2. Got {n_bootstrap!r} instead.")
    if not isinstance(X, pd.DataFrame) or X.empty:
        raise SchemaError("stability_report: X must be a DataFrame with a row a customer, and not empty.")
    outcome = None if y is None else _outcome(y, X.index)
    table, targets = _pair(X if fit_on is None else fit_on)
    labels = _fitted(segmenter, table, targets).predict(X)
    now, names = pd.factorize(pd.Series(labels), sort=True, use_na_sentinel=False)
    sizes = np.bincount(now)
    rand, overlap = np.empty(n_bootstrap), np.empty((n_bootstrap, len(names)))
    rng, draw = np.random.default_rng(random_state), _Draw(table.index)
    for b in range(n_bootstrap):
        rows, index = draw(rng)
        some = table.iloc[rows].set_axis(index)
        again = _fitted(segmenter, some, None if targets is None else _rows(targets, rows, index)).predict(X)
        both = cross_counts(now, pd.factorize(pd.Series(again), use_na_sentinel=False)[0])
        rand[b], overlap[b] = adjusted_rand(both), best_jaccard(both)
    row: dict[str, Any] = {
        "n_customers": len(X),
        "n_segments": len(names),
        "smallest_share": sizes.min() / len(X),
        "ari_mean": rand.mean(),
        "ari_min": rand.min(),
        "ari_se": rand.std(ddof=1) / np.sqrt(n_bootstrap),
    }
    row |= _against(earlier, segmenter, X, now)
    row |= _explained(now, outcome)
    mean = overlap.mean(axis=0)
    segments = pd.DataFrame(
        {
            "customers": sizes,
            "share": sizes / len(X),
            "jaccard": mean,
            "recovered": (overlap >= STABLE).mean(axis=0),
            "lost": (overlap <= _LOST).mean(axis=0),
            "verdict": np.select([mean >= STABLE, mean < DISSOLVED], ["stable", "dissolved"], "doubtful"),
        },
        index=pd.Index(names, name="segment"),
    )
    if outcome is not None:
        segments["outcome"] = np.bincount(now, outcome) / sizes
    return StabilityReport(pd.DataFrame([row]), segments, _in_words(row, segments))


def cross_counts(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """How many have each pair of codes 0, 1, …: shape (n codes of first, n codes of second)."""
    k, m = int(first.max()) + 1, int(second.max()) + 1
    return np.bincount(first.astype(np.int64) * m + second, minlength=k * m).reshape(k, m)


def adjusted_rand(both: np.ndarray) -> float:
    """Adjusted Rand index of two divisions, from how many are in each pair of their segments.

    Hubert & Arabie (1985), eq. (5). 1 for equal divisions, also if both have one segment.

    >>> adjusted_rand(np.array([[2, 0], [0, 3]])), round(adjusted_rand(np.array([[1, 1], [1, 2]])), 3)
    (1.0, -0.25)
    """
    pairs, left, right, every = (
        float((n * (n - 1.0) / 2).sum()) for n in (both, both.sum(axis=1), both.sum(axis=0), both.sum())
    )
    chance = left * (right / every) if every else 0.0
    most = (left + right) / 2
    return 1.0 if most == chance else (pairs - chance) / (most - chance)


def best_jaccard(both: np.ndarray) -> np.ndarray:
    """For each segment of the first division, the highest Jaccard index with one of the second.

    >>> best_jaccard(np.array([[8, 2], [0, 5]]))
    array([0.8       , 0.71428571])
    """
    either = both.sum(axis=1, keepdims=True) + both.sum(axis=0) - both
    return (both / either).max(axis=1)


class _Draw:
    """Rows of customers drawn with replacement, each draw a customer of its own in the index."""

    def __init__(self, index: pd.Index) -> None:
        self.index = index
        codes = pd.factorize(customers_of(index), use_na_sentinel=False)[0]
        self.order = np.argsort(codes, kind="stable")
        self.sizes = np.bincount(codes)
        self.starts = np.cumsum(self.sizes) - self.sizes

    def __call__(self, rng: np.random.Generator) -> tuple[np.ndarray, pd.Index]:
        drawn = np.sort(rng.integers(self.sizes.size, size=self.sizes.size))
        sizes = self.sizes[drawn]
        number = np.repeat(np.arange(drawn.size), sizes)
        within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        rows = self.order[np.repeat(self.starts[drawn], sizes) + within]
        if not isinstance(self.index, pd.MultiIndex):
            return rows, pd.Index(number, name=self.index.name)
        levels = self.index[rows].to_frame(index=False)
        levels["customer_id"] = number
        return rows, pd.MultiIndex.from_frame(levels)


def _pair(data: Any) -> tuple[pd.DataFrame, Any]:
    """A table and the targets to learn from, None if there are none."""
    table, targets = data if isinstance(data, tuple) else (data, None)
    if not isinstance(table, pd.DataFrame) or table.empty:
        raise SchemaError(
            "stability_report: fit_on and earlier must be a DataFrame with a row a customer, or a tuple "
            f"(DataFrame, targets). Got {type(table).__name__} of length {len(table)}."
        )
    if targets is not None and len(targets) != len(table):
        raise SchemaError(
            f"stability_report: {len(table):,} rows to learn from, but {len(targets):,} targets."
        )
    return table, targets


def _rows(targets: Any, rows: np.ndarray, index: pd.Index) -> Any:
    if isinstance(targets, pd.Series):
        return targets.iloc[rows].set_axis(index)
    return np.asarray(targets)[rows]


def _fitted(segmenter: Any, table: pd.DataFrame, targets: Any) -> Any:
    fresh = clone(segmenter)
    return fresh.fit(table) if targets is None else fresh.fit(table, targets)


def _outcome(y: Any, index: pd.Index) -> np.ndarray:
    """The outcome of each row of X as floats."""
    if isinstance(y, pd.Series) and not y.index.equals(index):
        if y.index.has_duplicates or index.has_duplicates:
            raise SchemaError("stability_report: y cannot be matched with X: a customer comes twice.")
        y = y.reindex(index)
    values = pd.Series(y).to_numpy(dtype=float, na_value=np.nan)
    if values.shape != (len(index),):
        raise SchemaError(f"stability_report: y has {len(values):,} values for {len(index):,} customers.")
    bad = ~np.isfinite(values)
    if bad.any():
        raise SchemaError(
            f"stability_report: y must be a finite number, but {bad.sum():,} of {bad.size:,} customers of X have "
            f"none (first {index[bad][0]}). Give 0 to those who bought nothing."
        )
    return values


def _against(earlier: Any, segmenter: Any, X: pd.DataFrame, now: np.ndarray) -> dict[str, float]:
    """Agreement with the segmenter fitted on the earlier table."""
    if earlier is None:
        return {"refit_ari": np.nan, "stay": np.nan}
    table, targets = _pair(earlier)
    before = _fitted(segmenter, table, targets)
    there, here = pd.Series(before.predict(table)), pd.Series(before.predict(X))
    code = pd.factorize(here, use_na_sentinel=False)[0]
    first, second = (
        pd.Series(labels.to_numpy(dtype=object), customers_of(x.index))
        for labels, x in ((there, table), (here, X))
    )
    if first.index.has_duplicates or second.index.has_duplicates:
        stay = np.nan  # several rows of a customer have no one segment to stay in
    else:
        common = first.index.intersection(second.index)
        same = first.loc[common].to_numpy() == second.loc[common].to_numpy()
        stay = float(same.mean()) if same.size else np.nan
    return {"refit_ari": adjusted_rand(cross_counts(now, code)), "stay": stay}


def _explained(now: np.ndarray, outcome: np.ndarray | None) -> dict[str, float]:
    if outcome is None:
        return {"r2": np.nan, "r2_capped": np.nan, "r2_log": np.nan}
    return {
        "r2": share_explained(now, outcome),
        "r2_capped": share_explained(now, np.minimum(outcome, np.quantile(outcome, 0.99))),
        "r2_log": share_explained(now, np.log1p(np.maximum(outcome, 0.0))),
    }


def share_explained(codes: np.ndarray, values: np.ndarray) -> float:
    """1 − variance within segments / variance; NaN if the values do not vary.

    >>> share_explained(np.array([0, 0, 1, 1]), np.array([1.0, 1.0, 5.0, 5.0]))
    1.0
    """
    mean = np.bincount(codes, values) / np.maximum(np.bincount(codes), 1)
    within, all_of_it = ((values - mean[codes]) ** 2).sum(), ((values - values.mean()) ** 2).sum()
    return float(1 - within / all_of_it) if all_of_it > 0 else float("nan")


def _in_words(row: dict[str, Any], segments: pd.DataFrame) -> str:
    parts = [
        f"{row['n_segments']} segments of {row['n_customers']:,} customers, the smallest "
        f"{row['smallest_share']:.1%}.",
        f"Refits on resampled customers agree with an adjusted Rand index of {row['ari_mean']:.2f} on average, "
        f"{row['ari_min']:.2f} at least.",
    ]
    for verdict in ("doubtful", "dissolved"):
        names = [str(name) for name in segments.index[segments["verdict"] == verdict]]
        if names:
            parts.append(f"{verdict.capitalize()}: {', '.join(names)}.")
    if (segments["verdict"] == "stable").all():
        parts.append("All segments are stable.")
    if not np.isnan(row["refit_ari"]):
        stay = "" if np.isnan(row["stay"]) else f"; {row['stay']:.0%} of the customers of both stay in theirs"
        parts.append(f"Fitted on the earlier table they agree with {row['refit_ari']:.2f}{stay}.")
    if not np.isnan(row["r2"]):
        parts.append(
            f"They explain {row['r2']:.0%} of the outcome's variance ({row['r2_capped']:.0%} with the highest "
            f"percent capped, {row['r2_log']:.0%} on a log scale)."
        )
    return " ".join(parts)
