"""BG/NBD: how often a customer will buy, and whether they still are one."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from crm_analytics.clv.inference.customers import Customers
from crm_analytics.clv.inference.purchase_model import PurchaseModel
from crm_analytics.clv.kernels import beta_geo_family as family
from crm_analytics.clv.kernels import futures
from crm_analytics.clv.kernels.beta_geo_quadrature import if_alive


class BetaGeoModel(PurchaseModel):
    """Beta-Geometric / negative binomial model of repeat buying (BG/NBD).

    While active, a customer buys at random at a rate of their own (gamma across customers)
    and may leave for good after any purchase, with a probability of their own (beta). Who
    has never come back has had no chance to leave: such customers get P(alive) = 1.
    `ModifiedBetaGeoModel` and `ParetoNBDModel` do without that.

    Parameters
    ----------
    covariates : sequence of str, default=()
        Columns of the customer table that never change (channel, region, …): words or
        numbers. They multiply α (positive: buys more often), a and b.
    prior_precision : float >= 0, default=0.0
        Weak prior: the logarithm of each parameter is normal about a guess from the data's
        mean rate, with this precision; 0.25 keeps them within a factor of 50. 0 is maximum
        likelihood.
    covariance : {"observed", "sandwich"}, default="observed"
        Standard errors from the curvature of the likelihood, or from the sandwich, which
        holds though the model be wrong.

    Attributes
    ----------
    r_, alpha_ : float
        Shape and rate (periods) of the gamma distribution of buying rates.
    a_, b_ : float
        Parameters of the beta distribution of the probability to leave after a purchase.
    coefficients_ : dict of str to float
        Of the covariates, by "parameter: column".
    log_params_, covariance_ : ndarray
        Logarithms of the parameters (then the coefficients) and their covariance.
    log_likelihood_ : float
        At the optimum, natural logarithm, in the time unit of the data.
    standard_errors_ : dict of str to float
        Of parameters and coefficients; NaN where the likelihood is flat and none exists.
    fit_report_ : dict
        How the search ended; see `core.optimise.FitReport`.
    n_customers_ : int
        Customers it was fitted on.

    References
    ----------
    Fader, Hardie & Lee (2005), "Counting your customers" the easy way, Marketing Science
    24(2). Covariates: Fader & Hardie (2007), brucehardie.com/notes/019.

    Examples
    --------
    >>> summary = pd.DataFrame({"frequency": [0, 0, 0, 1, 2, 6, 1, 0, 3, 9],
    ...     "recency": [0, 0, 0, 20, 5, 36, 3, 0, 30, 35], "T": [38, 38, 37, 36, 38, 38, 30, 28, 33, 39]})
    >>> model = BetaGeoModel().fit(summary)
    >>> model.predict(summary, horizon=13).round(1)
    array([0.2, 0.2, 0.2, 0.3, 0.2, 1.8, 0.2, 0.2, 1.1, 2.6])
    >>> model.probability_alive(summary).round(2)
    array([1.  , 1.  , 1.  , 0.69, 0.25, 0.96, 0.37, 1.  , 0.93, 0.96])
    """

    PARAMETERS: ClassVar = ("r", "alpha", "a", "b")
    TIMED: ClassVar = (False, True, False, False)
    COVARIATE_SIGNS: ClassVar = (0.0, -1.0, 1.0, 1.0)
    SHIFT: ClassVar = 0  # whether a customer may leave after the first purchase, too

    def __init__(
        self, *, covariates: Sequence[str] = (), prior_precision: float = 0.0, covariance: str = "observed"
    ) -> None:
        self.covariates = covariates
        self.prior_precision = prior_precision
        self.covariance = covariance

    def _start(self, customers: Customers) -> np.ndarray:
        return guess(customers)

    def _terms(self, customers: Customers, theta: np.ndarray, each: bool) -> np.ndarray:
        return family.terms(customers, theta, 1, self.SHIFT, each=each)

    def _alive(self, customers: Customers, theta: np.ndarray) -> np.ndarray:
        c = customers
        return family.alive(c.x, c.t_x, c.T, c.group, theta, 1, self.SHIFT)

    def _moments(self, t: float, customers: Customers, theta: np.ndarray) -> np.ndarray:
        c = customers
        return futures.moments_if_alive(t, c.x, c.t_x, c.T, c.group, theta, 1, self.SHIFT)

    def _at_least(self, t: float, customers: Customers, theta: np.ndarray, most: int) -> np.ndarray:
        c = customers
        return futures.at_least_if_alive(t, c.x, c.t_x, c.T, c.group, theta, 1, self.SHIFT, most)

    def _discounted(self, customers: Customers, theta: np.ndarray, horizon: float, rate: float) -> np.ndarray:
        if horizon < np.inf:
            return super()._discounted(customers, theta, horizon, rate)
        c = customers
        return futures.discounted_forever(rate, c.x, c.t_x, c.T, c.group, theta, 1, self.SHIFT)

    def _mean(self, t: float, customers: Customers, theta: np.ndarray) -> np.ndarray:
        return mean_if_alive(t, customers, theta, self.SHIFT)


def guess(customers: Customers) -> np.ndarray:
    """Log-parameters at which customers on average buy at the rate they bought, where the mean age is 1."""
    rate = customers.weight @ customers.x / customers.weight.sum()
    return np.log([0.5, 0.5 / rate, 1.0, 2.0])


def mean_if_alive(t: float, customers: Customers, theta: np.ndarray, shift: int) -> np.ndarray:
    """Expected purchases in the next `t` of those alive, by whichever way is shorter for each."""
    c = customers
    r, alpha, _, _ = theta[c.group].T
    ratio = t / (alpha + c.T)
    far = (r + c.x) * ratio + 40 * ratio > 600  # so many purchases to add up, about
    near = ~far
    mean = np.empty(c.x.size)
    mean[near] = futures.moments_if_alive(
        t, c.x[near], c.t_x[near], c.T[near], c.group[near], theta, 1, shift
    )[:, 0]
    for g in np.unique(c.group[far]):
        rows = far & (c.group == g)
        r_g, alpha_g, a_g, b_g = theta[g]
        mean[rows] = if_alive(np.full(rows.sum(), t), c.x[rows], c.T[rows], r_g, alpha_g, a_g, b_g + shift)
    return mean


# The same as functions of numbers, for whoever brings parameters of their own.


def log_likelihood(x: Any, t_x: Any, T: Any, r: float, alpha: float, a: float, b: float) -> np.ndarray:
    """Log-likelihood of each customer, eq. (6), in log space throughout."""
    shape = np.broadcast_shapes(*map(np.shape, (x, t_x, T)))
    found = family.terms(Customers.of(x, t_x, T), np.array([[r, alpha, a, b]]), 1, 0, each=True)
    return found[:, 0].reshape(shape)


def probability_alive(x: Any, t_x: Any, T: Any, r: float, alpha: float, a: float, b: float) -> np.ndarray:
    """P(alive at T); Fader & Hardie (2008), brucehardie.com/notes/021, eq. (1)."""
    shape = np.broadcast_shapes(*map(np.shape, (x, t_x, T)))
    c = Customers.of(x, t_x, T)
    return family.alive(c.x, c.t_x, c.T, c.group, np.array([[r, alpha, a, b]]), 1, 0).reshape(shape)


def expected_purchases(
    t: Any, x: Any, t_x: Any, T: Any, r: float, alpha: float, a: float, b: float
) -> np.ndarray:
    """Expected purchases in (T, T + t], eq. (10); with x = t_x = T = 0, eq. (9)."""
    t, x, t_x, T = np.broadcast_arrays(t, x, t_x, T)
    theta = np.array([[r, alpha, a, b]], dtype=float)
    found = np.empty(t.size)
    for horizon in np.unique(t):
        rows = t.ravel() == horizon
        c = Customers.of(x.ravel()[rows], t_x.ravel()[rows], T.ravel()[rows])
        found[rows] = mean_if_alive(float(horizon), c, theta, 0)
    return found.reshape(t.shape) * probability_alive(x, t_x, T, r, alpha, a, b)
