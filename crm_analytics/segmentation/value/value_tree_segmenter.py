"""Value tree: segments by a few readable rules, found on what customers went on to spend."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.metrics import adjusted_rand_score
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d

from crm_analytics.core.tables import like_customers, like_index, require, summary_columns
from crm_analytics.segmentation.value.tree_growth import Box, grow
from crm_analytics.segmentation.value.value_segmenter import WINDOWS

N_BOOTSTRAP = 20
CAP = 0.99  # quantile at which targets are held, lest one giant draw a border


class ValueTreeSegmenter(BaseEstimator):
    """Segments such as "value >= 1,340 and since_last < 9", by the spend that followed.

    A regression tree on the customers of a past date and their spend since. An ordinary tree
    finds other rules in every resample. Here there are few places to cut (above which half, a
    fifth and a twentieth of the customers lie), few columns, and the first column is taken
    unless a later one is clearly better; `stability_` tells what that has brought.

    Parameters
    ----------
    columns : sequence of str, optional
        Numbers to make rules of, the most trusted first. By default `value`, the sum of spend in
        the short, middle and long window (recent spend counts threefold, as in
        `ValueSegmenter`), and `since_last`.
    max_segments : int >= 2, default=8
    smallest_share : float in (0, 0.5), default=0.04
        Of the customers of the fit, in each segment.
    random_state : int, RandomState or None, default=0
        Of the resamples behind `stability_`.

    Attributes
    ----------
    columns_ : list of str
    lower_, upper_ : ndarray of shape (n_segments, n_columns)
        A segment holds who has lower <= column < upper in every column.
    rules_ : list of str
        The same in words, of segment 1, 2, …, by rising mean of y.
    stability_ : dict
        Adjusted Rand index between the segments of the fit and those of trees on resampled
        customers: `mean`, `min`, `n`.
    segments_ : DataFrame
        A row a segment: `rule`, `customers`, `share`, `mean_target` (as in y), `target_share`.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    References
    ----------
    Breiman, Friedman, Olshen & Stone (1984), Classification and Regression Trees. Agreement: Hubert &
    Arabie (1985), Journal of Classification 2.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"visits": np.arange(500) % 20, "age": rng.integers(18, 80, 500)})
    >>> y = np.where(X["visits"] >= 10, 100.0, 10.0) + rng.random(500)
    >>> ValueTreeSegmenter(columns=["visits", "age"], max_segments=2).fit(X, y).rules_
    ['visits < 10', 'visits >= 10']
    """

    def __init__(
        self,
        *,
        columns: Sequence[str] | None = None,
        max_segments: int = 8,
        smallest_share: float = 0.04,
        random_state: Any = 0,
    ) -> None:
        self.columns = columns
        self.max_segments = max_segments
        self.smallest_share = smallest_share
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> "ValueTreeSegmenter":
        """Grow the tree, and 20 more on resampled customers to see what stays.

        Parameters
        ----------
        X : DataFrame
            Customers as they were known at a past date; numbers without gaps.
        y : array of shape (n_customers,)
            What they spent since (currency). Held at its 99th percentile.

        Raises
        ------
        SchemaError
            If a column is missing or not of finite numbers, or y is not, or y is a Series of other rows.
        ValueError
            If a parameter is out of range, or no rule tells customers apart.
        """
        self._judge()
        values = self._values(X, reset=True)
        target = column_or_1d(like_index(y, X, caller="ValueTreeSegmenter.fit"), warn=True).astype(float)
        check_consistent_length(values, target)
        require(
            np.isfinite(target),
            column="y",
            rule="a finite number",
            caller="ValueTreeSegmenter.fit",
            remedy="Who bought nothing spent 0.",
        )
        if len(values) < 2 / self.smallest_share:
            raise ValueError(
                f"ValueTreeSegmenter.fit: {len(values):,} customers are too few for segments of at least "
                f"{self.smallest_share:.0%}. Take more customers or a larger smallest_share."
            )
        target = np.minimum(target, np.quantile(target, CAP))
        boxes = self._grown(values, target)
        if len(boxes) == 1:
            raise ValueError(
                f"ValueTreeSegmenter.fit: no rule on {', '.join(self.columns_)} tells what {len(values):,} customers "
                "went on to spend. Take other columns, or an y that differs."
            )
        self._keep(boxes, values, target)
        self.rules_ = [
            in_words(self.columns_, low, high) for low, high in zip(self.lower_, self.upper_, strict=True)
        ]
        self.stability_ = self._stability(values, target)
        return self

    def predict(self, X: Any) -> pd.Series:
        """Number of each customer's segment, from 1 (spends least) on: `segment`, on the index of X."""
        check_is_fitted(self, "lower_")
        number = 1 + places(self._values(X, reset=False), self.lower_, self.upper_)
        return like_customers(number, X, "segment")

    @property
    def segments_(self) -> pd.DataFrame:
        """A row a segment, as the class says."""
        check_is_fitted(self, "lower_")
        total = self.customers_ * self.means_
        return pd.DataFrame(
            {
                "rule": self.rules_,
                "customers": self.customers_,
                "share": self.customers_ / self.customers_.sum(),
                "mean_target": self.means_,
                "target_share": total / total.sum(),
            },
            index=pd.RangeIndex(1, len(self.rules_) + 1, name="segment"),
        )

    def _judge(self) -> None:
        if not self.max_segments >= 2 or self.max_segments != int(self.max_segments):
            raise ValueError(f"max_segments must be a whole number >= 2. Got {self.max_segments!r} instead.")
        if not 0 < self.smallest_share < 0.5:
            raise ValueError(f"smallest_share must be in (0, 0.5). Got {self.smallest_share!r} instead.")
        if self.columns is not None and (isinstance(self.columns, str) or not len(self.columns)):
            raise ValueError(f"columns must be a list of column names. Got {self.columns!r} instead.")

    def _values(self, X: Any, *, reset: bool) -> np.ndarray:
        """The columns rules are made of, shape (n_customers, n_columns)."""
        if self.columns is not None:
            self.columns_ = list(self.columns)
            return np.column_stack(summary_columns(self, X, self.columns_, reset=reset))
        *spent, silence = summary_columns(self, X, (*WINDOWS, "since_last"), reset=reset)
        self.columns_ = ["value", "since_last"]
        return np.column_stack([np.sum(spent, axis=0), silence])

    def _grown(self, values: np.ndarray, target: np.ndarray) -> list[Box]:
        return grow(values, target, most=self.max_segments, least=self.smallest_share)

    def _keep(self, boxes: list[Box], values: np.ndarray, target: np.ndarray) -> None:
        lower, upper = (np.array([box[end] for box in boxes]) for end in (0, 1))
        place = places(values, lower, upper)
        n = np.bincount(place, minlength=len(boxes))
        means = np.array([np.sort(target[place == k]).mean() for k in range(len(boxes))])
        order = np.argsort(means, kind="stable")
        self.lower_, self.upper_ = lower[order], upper[order]
        self.customers_, self.means_ = n[order], means[order]

    def _stability(self, values: np.ndarray, target: np.ndarray) -> dict[str, float]:
        rng = check_random_state(self.random_state)
        here = places(values, self.lower_, self.upper_)
        # The same customers are drawn in whatever order they come.
        order = np.lexsort(np.column_stack([target, values]).T)
        agreement = []
        for _ in range(N_BOOTSTRAP):
            drawn = order[rng.randint(0, len(values), len(values))]
            boxes = self._grown(values[drawn], target[drawn])
            there = places(values, *(np.array([box[end] for box in boxes]) for end in (0, 1)))
            agreement.append(adjusted_rand_score(here, there))
        return {"mean": float(np.mean(agreement)), "min": float(np.min(agreement)), "n": N_BOOTSTRAP}


def places(values: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """Which box each row lies in, shape (n,); the boxes fill space and do not overlap."""
    found = np.zeros(len(values), dtype=np.int64)
    for k in range(1, len(lower)):
        found[((values >= lower[k]) & (values < upper[k])).all(axis=1)] = k
    return found


def in_words(columns: Sequence[str], lower: np.ndarray, upper: np.ndarray) -> str:
    """A box as a rule.

    >>> in_words(["value", "since_last"], np.array([1340.0, -np.inf]), np.array([np.inf, 9.0]))
    'value >= 1,340 and since_last < 9'
    """
    said = []
    for name, low, high in zip(columns, lower, upper, strict=True):
        if low > -np.inf and high < np.inf:
            said.append(f"{_number(low)} <= {name} < {_number(high)}")
        elif low > -np.inf:
            said.append(f"{name} >= {_number(low)}")
        elif high < np.inf:
            said.append(f"{name} < {_number(high)}")
    return " and ".join(said)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) or abs(value) >= 1_000 else f"{value:,.4g}"
