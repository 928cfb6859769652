"""BG/BB: customers who may buy at fixed opportunities, such as a yearly appeal for donations."""

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from scipy.special import betaln, digamma, logsumexp, polygamma

from crm_analytics.clv.inference.customers import N_TERMS, Customers
from crm_analytics.clv.inference.likelihood import Problem
from crm_analytics.clv.inference.purchase_model import PurchaseModel
from crm_analytics.core.tables import require


class BetaGeoBetaBinomModel(PurchaseModel):
    """Beta-Geometric / beta-binomial model of repeat buying (BG/BB).

    At each opportunity (a year's appeal, an issue, a voyage) a customer first may leave for
    good, with a probability of their own (beta(γ, δ)), and if they stay buys with a
    probability of their own (beta(α, β)). P(alive) is that of still being a customer at the
    next opportunity.

    Parameters
    ----------
    prior_precision, covariance
        See `BetaGeoModel`.

    Attributes
    ----------
    alpha_, beta_ : float
        Parameters of the beta distribution of the probability to buy at an opportunity.
    gamma_, delta_ : float
        Parameters of the beta distribution of the probability to leave at an opportunity.
    log_params_, covariance_, log_likelihood_, standard_errors_, fit_report_, n_customers_
        See `BetaGeoModel`.

    References
    ----------
    Fader, Hardie & Shang (2010), Customer-base analysis in a discrete-time noncontractual
    setting, Marketing Science 29(6); equation numbers are theirs.

    Examples
    --------
    >>> donors = pd.DataFrame({"frequency": [6, 3, 1, 0, 0, 5, 2, 4, 0, 1],
    ...     "recency": [6, 4, 2, 0, 0, 6, 5, 6, 0, 6], "T": [6] * 10})
    >>> model = BetaGeoBetaBinomModel(prior_precision=0.25).fit(donors)
    >>> model.predict(donors, horizon=5).round(1)
    array([4.2, 1.9, 0.8, 0.3, 0.3, 3.6, 1.6, 2.9, 0.3, 1. ])
    """

    PARAMETERS: ClassVar = ("alpha", "beta", "gamma", "delta")
    TIMED: ClassVar = (False, False, False, False)

    def __init__(self, *, prior_precision: float = 0.0, covariance: str = "observed") -> None:
        self.prior_precision = prior_precision
        self.covariance = covariance

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> "BetaGeoBetaBinomModel":
        """Maximise the likelihood of what customers did.

        Parameters
        ----------
        X : DataFrame or array of shape (n_customers, 3)
            `frequency` (opportunities taken after the first purchase), `recency` (number of
            the last one taken; 0 if none), `T` (opportunities there were); whole counts,
            frequency <= recency <= T.
        y : ignored
        sample_weight : array of shape (n_customers,), optional

        Raises
        ------
        SchemaError
            On impossible customers, such as recency > T or half an opportunity.
        ConvergenceError
            If nobody came back.
        """
        return super().fit(X, y, sample_weight)

    def _customers(self, X: Any, *, reset: bool, sample_weight: Any = None) -> Customers:
        customers = super()._customers(X, reset=reset, sample_weight=sample_weight)
        c, caller = customers, type(self).__name__
        remedy = "It counts opportunities: choose the unit so that one falls into each period."
        for column, values in (("recency", c.t_x), ("T", c.T)):
            whole = values == np.floor(values)
            require(whole, column=column, rule="a whole count", caller=caller, remedy=remedy)
        require(c.x <= c.t_x, column="frequency", rule="<= recency", caller=caller, remedy=remedy)
        return customers

    def _start(self, customers: Customers) -> np.ndarray:
        return np.log([0.5, 0.5, 0.5, 1.5])

    def _problem(self, customers: Customers) -> Problem:
        return replace(super()._problem(customers), events=0.0, scaled=False)

    def _terms(self, customers: Customers, theta: np.ndarray, each: bool) -> np.ndarray:
        c = customers
        value = np.zeros((c.x.size, N_TERMS))
        # Equal numbers of opportunities to have left at: then the terms make a rectangle.
        spans = (c.T - c.t_x).astype(int)
        for span in np.unique(spans):
            rows = spans == span
            value[rows] = _terms_of(c.x[rows], c.t_x[rows], c.T[rows], theta[c.group[rows]], span)
        if each:
            return value
        total = np.zeros((len(theta), N_TERMS))
        np.add.at(total, c.group, value * c.weight[:, None])
        return total

    def _alive(self, customers: Customers, theta: np.ndarray) -> np.ndarray:
        c = customers
        alpha, beta, gamma, delta = theta[c.group].T
        log_active = (
            betaln(alpha + c.x, beta + c.T - c.x) - betaln(alpha, beta)
            + betaln(gamma, delta + c.T + 1) - betaln(gamma, delta)
        )  # fmt: skip
        return np.exp(log_active - self._terms(c, theta, True)[:, 0])

    def _moments(self, t: float, customers: Customers, theta: np.ndarray) -> np.ndarray:
        c = customers
        alpha, beta, gamma, delta = theta[c.group].T
        buys, n = alpha + c.x, alpha + beta + c.T
        stays, opportunities, pairs = np.ones(c.x.size), np.zeros(c.x.size), np.zeros(c.x.size)
        for i in range(int(t)):
            opportunities += stays
            pairs += 2 * i * stays  # of opportunities up to this one, if they stay so long
            stays *= (delta + c.T + 1 + i) / (gamma + delta + c.T + 1 + i)
        mean = buys / n * opportunities
        return np.stack([mean, mean + buys * (buys + 1) / (n * (n + 1)) * pairs], axis=1)

    def _at_least(self, t: float, customers: Customers, theta: np.ndarray, most: int) -> np.ndarray:
        c = customers
        alpha, beta, gamma, delta = theta[c.group].T
        buys, passes = alpha + c.x, beta + c.T - c.x
        chances = np.zeros((c.x.size, int(t) + 1))  # of 0, 1, … purchases
        stays = np.ones(c.x.size)
        for d in range(1, int(t) + 1):  # opportunities that find them still a customer
            goes_on = (delta + c.T + d) / (gamma + delta + c.T + d) if d < int(t) else 0.0
            k = np.arange(d + 1)
            log_ways = -np.log1p(d) - betaln(d - k + 1, k + 1)
            log_chance = log_ways + betaln(buys[:, None] + k, passes[:, None] + d - k)
            log_chance -= betaln(buys, passes)[:, None]
            chances[:, : d + 1] += (stays * (1 - goes_on))[:, None] * np.exp(log_chance)
            stays = stays * goes_on
        if t < 1:
            chances[:, 0] = 1.0
        at_least = np.zeros((c.x.size, most))
        tail = np.cumsum(chances[:, ::-1], axis=1)[:, ::-1][:, 1:]
        width = min(most, tail.shape[1])
        at_least[:, :width] = tail[:, :width]
        return at_least

    def _discounted(self, customers: Customers, theta: np.ndarray, horizon: float, rate: float) -> np.ndarray:
        c = customers
        alpha, beta, gamma, delta = theta[c.group].T
        last = int(min(horizon, 45 / rate if rate > 0 else horizon))
        stays, total = np.ones(c.x.size), np.zeros(c.x.size)
        for i in range(1, last + 1):
            total += stays * np.exp(-rate * i)
            stays *= (delta + c.T + i) / (gamma + delta + c.T + i)
        return (alpha + c.x) / (alpha + beta + c.T) * total

    def _judge_horizon(self, horizon: float) -> None:
        super()._judge_horizon(horizon)
        if horizon != int(horizon):
            raise ValueError(f"horizon counts opportunities and must be whole. Got {horizon!r} instead.")


def _terms_of(x: np.ndarray, t_x: np.ndarray, T: np.ndarray, theta: np.ndarray, span: int) -> np.ndarray:
    """Log-likelihood, eq. (5), with derivatives by α, β, γ, δ; all rows with T - t_x = `span`.

    A sum over when they left: still here, or at one of the opportunities since the last purchase.
    """
    alpha, beta, gamma, delta = (column[:, None] for column in theta.T)
    x, t_x, T = x[:, None], t_x[:, None], T[:, None]
    i = np.arange(span)[None, :]
    # Exponents of p, 1 - p, θ, 1 - θ in each term; the first is "still here".
    ones = np.ones((x.size, 1))
    misses = np.hstack([T - x, t_x - x + i])
    leaves = np.hstack([0 * ones, ones * np.ones((1, span))])
    stays = np.hstack([T, t_x + i])
    logs = (
        betaln(alpha + x, beta + misses) - betaln(alpha, beta)
        + betaln(gamma + leaves, delta + stays) - betaln(gamma, delta)
    )  # fmt: skip
    value = logsumexp(logs, axis=1)
    share = np.exp(logs - value[:, None])
    first, second = _log_beta_slopes(alpha, beta, x, misses)
    first_left, second_left = _log_beta_slopes(gamma, delta, leaves, stays)
    slopes = [*first, *first_left]
    bends = {(0, 0): second[0], (0, 1): second[1], (1, 1): second[2]}
    bends |= {(2, 2): second_left[0], (2, 3): second_left[1], (3, 3): second_left[2]}
    mean = [(share * slope).sum(axis=1) for slope in slopes]
    columns = [value, *mean]
    for p in range(4):
        for q in range(p, 4):
            bend = slopes[p] * slopes[q] + bends.get((p, q), 0.0)
            columns.append((share * bend).sum(axis=1) - mean[p] * mean[q])
    return np.stack(columns, axis=1)


def _log_beta_slopes(a: np.ndarray, b: np.ndarray, m: np.ndarray, n: np.ndarray) -> tuple[list, list]:
    """First and second derivatives of ln B(a + m, b + n) / B(a, b) by a and b."""
    m = np.broadcast_to(m, n.shape)
    both = digamma(a + b) - digamma(a + b + m + n)
    both_2 = polygamma(1, a + b) - polygamma(1, a + b + m + n)
    first = [digamma(a + m) - digamma(a) + both, digamma(b + n) - digamma(b) + both]
    second = [
        polygamma(1, a + m) - polygamma(1, a) + both_2,
        both_2,
        polygamma(1, b + n) - polygamma(1, b) + both_2,
    ]
    return first, second
