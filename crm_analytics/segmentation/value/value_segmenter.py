"""Value tiers: customers by recent spend, cut where fixed shares of them lie."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from crm_analytics.core.errors import choice
from crm_analytics.core.tables import like_customers, summary_columns

# Each window holds those after it, so that their sum counts the latest spend three times, what came
# before it twice, and the oldest once.
WINDOWS = ("amount_short", "amount_middle", "amount_long")
SHARES = (0.40, 0.30, 0.18, 0.08, 0.04)
TIERS = {
    "en": ("Basic", "Bronze", "Silver", "Gold", "Platinum"),
    "tr": ("Temel", "Bronz", "Gümüş", "Altın", "Platin"),
}
_WORDS = {"en": ("Inactive", "Tier"), "tr": ("Hareketsiz", "Kademe")}


class ValueSegmenter(BaseEstimator):
    """Tiers of value, steep at the top, that mean the same next quarter.

    The value of a customer is the sum of `columns`. By default these are spend in three
    windows that end at the same day, each within the next (`features.SnapshotBuilder`,
    `features.behaviour_features`): what was spent lately counts three times. Nothing is
    learned but where to cut, which is why a resample or a refit a quarter later cuts at nearly
    the same place; the tiers are narrow at the top, where customers differ most, which is why so
    few of them tell so much of the spend to come (docs/decisions/0014-tiers-of-fixed-shares.md).

    Parameters
    ----------
    columns : sequence of str, optional
        Amounts to be added (currency); e.g. `("clv",)` for tiers of lifetime value. Spend in the
        short, middle and long window by default.
    shares : sequence of float, default=(0.40, 0.30, 0.18, 0.08, 0.04)
        Of the customers with a value above 0, from the lowest tier to the highest; they add
        to 1. Customers of equal value share a tier, so that ties can move them.
    names : sequence of str, optional
        Of the tiers, lowest first; by default Basic, Bronze, Silver, Gold and Platinum for
        five, Tier 1, Tier 2, … for another number.
    lang : {"en", "tr"}
        Of the default names.

    Attributes
    ----------
    cuts_ : ndarray of shape (n_tiers - 1,)
        Lowest value of each tier but the first (currency).
    names_ : list of str
        Inactive, then the tiers.
    segments_ : DataFrame
        A row a segment: `from_value`, `to_value` (currency; where the next tier begins),
        `customers`, `share`, `mean_value`, `value_share`, as at the fit.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    References
    ----------
    Customer pyramid: Curry & Curry (2000), The Customer Marketing Method; Zeithaml, Rust & Lemon
    (2001), California Management Review 43(4).

    Examples
    --------
    >>> from crm_analytics.datasets import load_cdnow
    >>> from crm_analytics.features import behaviour_features
    >>> X = behaviour_features(load_cdnow(), "1998-01-01")
    >>> segmenter = ValueSegmenter().fit(X)
    >>> segmenter.predict(X).value_counts(sort=False).to_dict()
    {'Inactive': 1746, 'Basic': 244, 'Bronze': 184, 'Silver': 110, 'Gold': 49, 'Platinum': 24}
    """

    def __init__(
        self,
        *,
        columns: Sequence[str] | None = None,
        shares: Sequence[float] = SHARES,
        names: Sequence[str] | None = None,
        lang: str = "en",
    ) -> None:
        self.columns = columns
        self.shares = shares
        self.names = names
        self.lang = lang

    def fit(self, X: Any, y: Any = None) -> "ValueSegmenter":
        """Find the cut points.

        Parameters
        ----------
        X : DataFrame
            A row a customer, with `columns`. Who has a value of 0 or less is Inactive and has
            no part in the cut points.
        y : ignored

        Raises
        ------
        SchemaError
            If a column is missing or holds what is not a finite number.
        ValueError
            If the shares do not add to 1, or there are fewer customers of value than tiers.

        Warns
        -----
        UserWarning
            If equal values leave a tier without customers. The others keep their names.
        """
        shares, self.names_ = self._judged()
        value = self._values(X, reset=True)
        active = value[value > 0]
        if active.size < shares.size:
            raise ValueError(
                f"ValueSegmenter.fit: {active.size:,} of {value.size:,} customers have a value above 0, too few for "
                f"{shares.size} tiers. Take longer windows, or fewer shares."
            )
        self.cuts_ = cut_points(active, np.cumsum(shares)[:-1])
        tier = tiers(value, self.cuts_)
        self.customers_ = np.bincount(tier, minlength=len(self.names_))
        self.values_ = np.array([np.sort(value[tier == place]).sum() for place in range(len(self.names_))])
        empty = [name for name, n in zip(self.names_[1:], self.customers_[1:], strict=True) if n == 0]
        if empty:
            warnings.warn(
                f"ValueSegmenter.fit: so many customers have equal values that nobody is {', '.join(empty)}. The "
                "other tiers keep their names; take fewer shares, or a finer value.",
                UserWarning,
                stacklevel=2,
            )
        return self

    def predict(self, X: Any) -> pd.Series:
        """Tier of each customer: an ordered categorical `segment` on the index of X."""
        check_is_fitted(self, "cuts_")
        place = tiers(self._values(X, reset=False), self.cuts_)
        kind = pd.CategoricalDtype(self.names_, ordered=True)
        return like_customers(pd.Categorical.from_codes(place, dtype=kind), X, "segment")

    def values(self, X: Any) -> pd.Series:
        """What the tiers are cut by: the sum of the columns (currency), on the index of X."""
        check_is_fitted(self, "cuts_")
        return like_customers(self._values(X, reset=False), X, "value")

    @property
    def segments_(self) -> pd.DataFrame:
        """A row a segment, as the class says."""
        check_is_fitted(self, "cuts_")
        with np.errstate(invalid="ignore"):  # nobody has no mean
            mean = self.values_ / self.customers_
        return pd.DataFrame(
            {
                "from_value": np.concatenate([[-np.inf, 0.0], self.cuts_]),
                "to_value": np.concatenate([[0.0], self.cuts_, [np.inf]]),
                "customers": self.customers_,
                "share": self.customers_ / self.customers_.sum(),
                "mean_value": mean,
                "value_share": self.values_ / self.values_.sum(),
            },
            index=pd.Index(self.names_, name="segment"),
        )

    def _judged(self) -> tuple[np.ndarray, list[str]]:
        """The shares, and the names with the inactive first."""
        choice(self.lang, name="lang", allowed=_WORDS)
        shares = np.asarray(self.shares, dtype=float)
        if isinstance(self.columns, str):
            raise ValueError(f"columns must be a list of column names. Got {self.columns!r} instead.")
        if shares.ndim != 1 or shares.size < 2 or not (shares > 0).all() or not np.isclose(shares.sum(), 1):
            raise ValueError(
                f"shares must be two or more numbers > 0 that add to 1. Got {self.shares!r} instead."
            )
        inactive, tier = _WORDS[self.lang]
        if self.names is not None:
            names = [str(name) for name in self.names]
        elif shares.size == len(TIERS[self.lang]):
            names = list(TIERS[self.lang])
        else:
            names = [f"{tier} {place}" for place in range(1, shares.size + 1)]
        if len(names) != shares.size or len({inactive, *names}) != shares.size + 1:
            raise ValueError(
                f"names must be {shares.size} different ones, one a share, none {inactive!r}. Got {names!r} instead."
            )
        return shares, [inactive, *names]

    def _values(self, X: Any, *, reset: bool) -> np.ndarray:
        columns = WINDOWS if self.columns is None else tuple(self.columns)
        return np.sum(summary_columns(self, X, columns, reset=reset), axis=0)


def cut_points(values: np.ndarray, below: np.ndarray) -> np.ndarray:
    """The values that have as nearly as can be the shares `below` of all under them, rising.

    A cut point is one of the values, and equal values lie on one side of it.

    >>> cut_points(np.array([1.0, 1.0, 1.0, 2.0, 5.0]), np.array([0.5, 0.8]))
    array([2., 5.])
    """
    distinct, n = np.unique(values, return_counts=True)
    under = np.concatenate([[0], np.cumsum(n)[:-1]]) / values.size
    nearest = (
        np.abs(under[1:, None] - below).argmin(axis=0) + 1 if distinct.size > 1 else np.zeros(below.size, int)
    )
    return distinct[nearest]


def tiers(values: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """0 for a value of 0 or less, else 1 and the number of cut points at or below it."""
    return np.where(values > 0, 1 + np.searchsorted(cuts, values, side="right"), 0)
