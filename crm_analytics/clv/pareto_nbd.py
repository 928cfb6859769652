"""Pareto/NBD: customers buy at their own rate, and leave at their own rate, whether they buy or not."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from scipy.special import expit

from crm_analytics.clv.inference.customers import Customers
from crm_analytics.clv.inference.purchase_model import PurchaseModel
from crm_analytics.clv.kernels import pareto as kernel


class ParetoNBDModel(PurchaseModel):
    """Pareto / negative binomial model of repeat buying (Pareto/NBD).

    While active, a customer buys at random at a rate of their own (gamma across customers);
    they leave at a random time, at a rate of their own (gamma across customers, so that the
    time to leave is Pareto). Nothing ties leaving to buying, so that a one-time buyer's
    P(alive) falls with their silence.

    Parameters
    ----------
    covariates : sequence of str, default=()
        Columns of the customer table that never change (channel, region, …). They divide α
        and β: a positive coefficient buys, or leaves, at a higher rate.
    prior_precision, covariance
        See `BetaGeoModel`.

    Attributes
    ----------
    r_, alpha_ : float
        Shape and rate (periods) of the gamma distribution of buying rates.
    s_, beta_ : float
        Shape and rate (periods) of the gamma distribution of rates to leave.
    coefficients_, log_params_, covariance_, log_likelihood_, standard_errors_, fit_report_, n_customers_
        See `BetaGeoModel`.

    References
    ----------
    Schmittlein, Morrison & Colombo (1987), Counting your customers, Management Science 33(1);
    Fader & Hardie (2005), brucehardie.com/notes/009; covariates: (2007), notes/019.

    Examples
    --------
    >>> summary = pd.DataFrame({"frequency": [0, 0, 0, 1, 2, 6, 1, 0, 3, 9],
    ...     "recency": [0, 0, 0, 20, 5, 36, 3, 0, 30, 35], "T": [38, 38, 37, 36, 38, 38, 30, 28, 33, 39]})
    >>> ParetoNBDModel(prior_precision=0.25).fit(summary).probability_alive(summary).round(2)
    array([0.32, 0.32, 0.33, 0.76, 0.15, 0.98, 0.31, 0.41, 0.96, 0.94])
    """

    PARAMETERS: ClassVar = ("r", "alpha", "s", "beta")
    TIMED: ClassVar = (False, True, False, True)
    COVARIATE_SIGNS: ClassVar = (0.0, -1.0, 0.0, -1.0)

    def __init__(
        self, *, covariates: Sequence[str] = (), prior_precision: float = 0.0, covariance: str = "observed"
    ) -> None:
        self.covariates = covariates
        self.prior_precision = prior_precision
        self.covariance = covariance

    def _start(self, customers: Customers) -> np.ndarray:
        rate = customers.weight @ customers.x / customers.weight.sum()
        return np.log([0.5, 0.3 / rate, 0.5, 0.5])

    def _terms(self, customers: Customers, theta: np.ndarray, each: bool) -> np.ndarray:
        return kernel.terms(customers, theta, each=each)

    def _alive(self, customers: Customers, theta: np.ndarray) -> np.ndarray:
        c = customers
        return expit(-kernel.log_odds_gone(c.t_x, c.T, c.x, c.group, theta))

    def _moments(self, t: float, customers: Customers, theta: np.ndarray) -> np.ndarray:
        return kernel.moments_if_alive(t, customers.x, customers.T, theta[customers.group])

    def _at_least(self, t: float, customers: Customers, theta: np.ndarray, most: int) -> np.ndarray:
        c = customers
        found = kernel.at_least_if_alive(t, c.x, c.T, c.group, theta, most, kernel.NODES, kernel.WEIGHTS)
        found[:, 0] = -np.expm1(self._log_none(t, c, theta))
        return found

    def _log_none(self, t: float, customers: Customers, theta: np.ndarray) -> np.ndarray:
        """ln P(no purchase in the next t), given alive: they stay and do not buy, or leave before."""
        c = customers
        r, alpha, s, beta = theta[c.group].T
        odds = kernel.log_odds_gone(c.T, c.T + t, c.x, c.group, theta)
        stays = -(r + c.x) * np.log1p(t / (alpha + c.T)) - s * np.log1p(t / (beta + c.T))
        return stays + np.logaddexp(0, odds)
