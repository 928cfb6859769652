"""MBG/CNBD-k: as MBG/NBD, for customers who buy at more regular intervals than chance."""

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.special import gammaln

from crm_analytics.clv.beta_geo import guess
from crm_analytics.clv.inference.customers import Customers
from crm_analytics.clv.inference.likelihood import Fitted, Problem, fit
from crm_analytics.clv.inference.purchase_model import PurchaseModel
from crm_analytics.clv.kernels import beta_geo_family as family
from crm_analytics.clv.kernels import futures
from crm_analytics.core.errors import SchemaError
from crm_analytics.core.tables import require

MOST_REGULAR = 12


class MBGCNBDModel(PurchaseModel):
    """Modified Beta-Geometric / condensed negative binomial model with regularity k (MBG/CNBD-k).

    As `ModifiedBetaGeoModel`, except that the times between a customer's purchases are Erlang-k:
    k = 1 is chance, higher k more regular (the variance of a gap is 1/k of its squared mean).
    A regular buyer who is late is soon taken for gone. Choose a unit shorter than the gaps:
    purchases within one period count once, which makes any customer look regular.

    Parameters
    ----------
    k : int >= 1, optional
        Regularity; found by maximum likelihood by default, from the column `log_gaps`.
    prior_precision, covariance
        See `BetaGeoModel`.

    Attributes
    ----------
    k_ : int
        Regularity.
    k_log_likelihoods_ : list of float
        At k = 1, 2, …, as far as the search went: up to the first fall.
    r_, alpha_ : float
        Shape and rate (periods) of the gamma distribution of λ; a gap's mean is k / λ.
    a_, b_ : float
        Parameters of the beta distribution of the probability to leave after a purchase.
    log_likelihood_ : float
        Of recency, frequency and gaps; without the part that the gaps' spacing adds if
        there is no column `log_gaps`.
    log_params_, covariance_, standard_errors_, fit_report_, n_customers_
        See `BetaGeoModel`.

    References
    ----------
    Platzer & Reutterer (2016), Ticking away the moments, Marketing Science 35(5); Reutterer,
    Platzer & Schröder (2021), Leveraging purchase regularity for predicting customer behavior
    the easy way, International Journal of Research in Marketing 38(1).

    Examples
    --------
    >>> summary = pd.DataFrame({"frequency": [0, 1, 2, 6, 1, 3, 9], "recency": [0, 20, 5, 36, 3, 30, 35],
    ...     "T": [38, 36, 38, 38, 30, 33, 39]})
    >>> model = MBGCNBDModel(k=2, prior_precision=0.25).fit(summary)
    >>> model.probability_alive(summary).round(2)
    array([0.17, 0.69, 0.01, 0.92, 0.08, 0.89, 0.89])
    """

    PARAMETERS: ClassVar = ("r", "alpha", "a", "b")
    TIMED: ClassVar = (False, True, False, False)
    RECENCY_MATTERS_IF_ALIVE: ClassVar = True

    def __init__(
        self, *, k: int | None = None, prior_precision: float = 0.0, covariance: str = "observed"
    ) -> None:
        self.k = k
        self.prior_precision = prior_precision
        self.covariance = covariance

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> "MBGCNBDModel":
        """Maximise the likelihood of what customers did.

        Parameters
        ----------
        X : DataFrame or array of shape (n_customers, 3)
            `frequency`, `recency`, `T` as for `BetaGeoModel`. Where `k` is to be found, a
            DataFrame with `log_gaps` too: the sum of the logarithms of the times between
            purchases (periods), as `features.customer_summary(…, gaps=True)` gives it.
        y : ignored
        sample_weight : array of shape (n_customers,), optional

        Raises
        ------
        SchemaError
            On impossible customers, or if `k` is to be found and `log_gaps` is missing.
        ConvergenceError
            If nobody came back.
        """
        if self.k is not None and not (self.k == int(self.k) and 1 <= self.k <= MOST_REGULAR):
            raise ValueError(f"k must be a whole number from 1 to {MOST_REGULAR}, or None. Got {self.k!r}.")
        return super().fit(X, y, sample_weight)

    def _customers(self, X: Any, *, reset: bool, sample_weight: Any = None) -> Customers:
        customers = super()._customers(X, reset=reset, sample_weight=sample_weight)
        if not reset:
            return customers
        if hasattr(X, "to_pandas"):
            X = X.to_pandas()
        if isinstance(X, pd.DataFrame) and "log_gaps" in X.columns:
            log_gaps = X["log_gaps"].to_numpy(dtype=float, na_value=np.nan)
            require(
                np.isfinite(log_gaps) & ((customers.x > 0) | (log_gaps == 0)),
                column="log_gaps",
                rule="a finite number, 0 for one-time buyers",
                caller=type(self).__name__,
                remedy="Ask customer_summary for gaps=True.",
            )
            return replace(customers, log_gaps=float(customers.weight @ log_gaps))
        if self.k is None:
            raise SchemaError(
                f"{type(self).__name__}.fit: the column log_gaps is needed to find k. "
                "Ask customer_summary for gaps=True, or give k."
            )
        return customers

    def _maximise(self, customers: Customers) -> Fitted:
        best: Fitted | None = None
        self.k_log_likelihoods_ = []
        for k in range(1, MOST_REGULAR + 1) if self.k is None else [int(self.k)]:
            start = None
            if best is not None:  # k events take as long as k - 1 and one more
                start = best.log_params + np.log([1, (k - 1) / k, 1, 1])
            found = fit(customers, self._problem_of(customers, k), start)
            value = (
                found.log_likelihood
                + (k - 1) * customers.log_gaps
                - customers.weight @ customers.x * gammaln(k)
            )
            found = replace(found, log_likelihood=float(value))
            self.k_log_likelihoods_.append(found.log_likelihood)
            if best is not None and found.log_likelihood <= best.log_likelihood:
                break
            best, self.k_ = found, k
        assert best is not None  # noqa: S101  the range is never empty
        return best

    def _keep(self, found: Fitted, customers: Customers) -> None:
        if not hasattr(self, "k_"):  # given parameters instead of data
            self.k_, self.k_log_likelihoods_ = int(self.k or 1), []
        super()._keep(found, customers)

    def _problem(self, customers: Customers) -> Problem:
        return self._problem_of(customers, self.k_)

    def _problem_of(self, customers: Customers, k: int) -> Problem:
        def terms(some: Customers, theta: np.ndarray, each: bool) -> np.ndarray:
            return family.terms(some, theta, k, 1, each=each)

        return replace(super()._problem(customers), terms=terms, start=self._start_of(customers, k), events=k)

    def _start(self, customers: Customers) -> np.ndarray:
        return self._start_of(customers, 1)

    def _start_of(self, customers: Customers, k: int) -> np.ndarray:
        return guess(customers) - np.log([1, k, 1, 1])

    def _terms(self, customers: Customers, theta: np.ndarray, each: bool) -> np.ndarray:
        return family.terms(customers, theta, self.k_, 1, each=each)

    def _alive(self, customers: Customers, theta: np.ndarray) -> np.ndarray:
        c = customers
        return family.alive(c.x, c.t_x, c.T, c.group, theta, self.k_, 1)

    def _moments(self, t: float, customers: Customers, theta: np.ndarray) -> np.ndarray:
        c = customers
        return futures.moments_if_alive(t, c.x, c.t_x, c.T, c.group, theta, self.k_, 1)

    def _at_least(self, t: float, customers: Customers, theta: np.ndarray, most: int) -> np.ndarray:
        c = customers
        return futures.at_least_if_alive(t, c.x, c.t_x, c.T, c.group, theta, self.k_, 1, most)

    def _discounted(self, customers: Customers, theta: np.ndarray, horizon: float, rate: float) -> np.ndarray:
        if horizon < np.inf:
            return super()._discounted(customers, theta, horizon, rate)
        c = customers
        return futures.discounted_forever(rate, c.x, c.t_x, c.T, c.group, theta, self.k_, 1)
