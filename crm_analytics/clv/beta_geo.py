"""BG/NBD: how often a customer will buy, and whether they still are one."""

from typing import Any

import numpy as np
from scipy.special import digamma, expit, gammaln, polygamma
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from crm_analytics.clv.distinct import distinct_rows
from crm_analytics.core.errors import ConvergenceError
from crm_analytics.core.optimise import FitReport, maximise, standard_errors
from crm_analytics.core.tables import require, summary_columns


class BetaGeoModel(BaseEstimator):
    """Beta-Geometric / negative binomial model of repeat buying (BG/NBD).

    While active, a customer buys at random at a rate of their own (gamma across customers)
    and may leave for good after any purchase, with a probability of their own (beta). Who
    has never come back has had no chance to leave: such customers get P(alive) = 1.

    Attributes
    ----------
    r_, alpha_ : float
        Shape and rate (periods) of the gamma distribution of buying rates.
    a_, b_ : float
        Parameters of the beta distribution of the probability to leave after a purchase.
    log_likelihood_ : float
        At the optimum, natural logarithm, in the time unit of the data.
    standard_errors_ : dict of str to float
        Of the four parameters, from the observed information; NaN where the likelihood is
        flat and none exists.
    fit_report_ : dict
        How the search ended; see `core.optimise.FitReport`.
    n_customers_ : int
        Customers it was fitted on.

    References
    ----------
    Fader, Hardie & Lee (2005), "Counting your customers" the easy way, Marketing Science
    24(2); equation numbers are theirs.

    Examples
    --------
    >>> summary = pd.DataFrame({"frequency": [0, 0, 0, 1, 2, 6, 1, 0, 3, 9],
    ...     "recency": [0, 0, 0, 20, 5, 36, 3, 0, 30, 35], "T": [38, 38, 37, 36, 38, 38, 30, 28, 33, 39]})
    >>> model = BetaGeoModel().fit(summary)
    >>> model.predict(summary, horizon=13).round(1)
    array([0.5, 0.5, 0.5, 0.7, 0.2, 2.1, 0.5, 0.6, 1.3, 2.8])
    >>> model.probability_alive(summary).round(2)
    array([1.  , 1.  , 1.  , 0.83, 0.3 , 0.96, 0.64, 1.  , 0.91, 0.93])
    """

    COLUMNS = ("frequency", "recency", "T")

    def fit(self, X: Any, y: Any = None) -> "BetaGeoModel":
        """Maximise the likelihood of what customers did.

        Parameters
        ----------
        X : DataFrame or array of shape (n_customers, 3)
            `frequency` (repeat purchases, whole counts), `recency` (age at the last
            purchase, periods), `T` (age now, periods); any one time unit.
        y : ignored

        Raises
        ------
        SchemaError
            On impossible customers, such as recency > T.
        ConvergenceError
            If nobody came back: then there is nothing to learn a rate from.
        """
        x, t_x, T = lawful_customers(self, X, reset=True)
        params, information, report, log_likelihood = fit_beta_geo(x, t_x, T)
        self.r_, self.alpha_, self.a_, self.b_ = map(float, params)
        errors = standard_errors(np.log(params), information, x.size)
        self.standard_errors_ = dict(zip(["r", "alpha", "a", "b"], map(float, errors), strict=True))
        self.log_likelihood_ = float(log_likelihood)
        self.fit_report_ = report.as_dict()
        self.n_customers_ = int(x.size)
        return self

    def predict(self, X: Any, *, horizon: float = 1.0) -> np.ndarray:
        """Expected purchases in the next `horizon` periods, shape (n_customers,)."""
        check_is_fitted(self)
        if not horizon >= 0:
            raise ValueError(f"horizon must be >= 0. Got {horizon!r} instead.")
        x, t_x, T = lawful_customers(self, X, reset=False)
        return expected_purchases(horizon, x, t_x, T, *self._params)

    def probability_alive(self, X: Any) -> np.ndarray:
        """P(still a customer now), shape (n_customers,); 1 for those who never came back."""
        check_is_fitted(self)
        x, t_x, T = lawful_customers(self, X, reset=False)
        return probability_alive(x, t_x, T, *self._params)

    def expected_purchases_new(self, age: Any) -> np.ndarray:
        """Expected repeat purchases of a new customer up to `age` (periods), eq. (9)."""
        check_is_fitted(self)
        age = np.asarray(age, dtype=float)
        zero = np.zeros(age.shape)
        return expected_purchases(age, zero, zero, zero, *self._params)

    @property
    def _params(self) -> tuple[float, float, float, float]:
        return self.r_, self.alpha_, self.a_, self.b_

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        tags.target_tags.required = False
        return tags


def lawful_customers(model: Any, X: Any, *, reset: bool) -> np.ndarray:
    """Frequency, recency and T as three rows of floats, or SchemaError on impossible customers."""
    x, t_x, T = summary_columns(model, X, BetaGeoModel.COLUMNS, reset=reset).T
    caller = type(model).__name__
    rules = [
        (
            "frequency",
            (x >= 0) & (x == np.floor(x)),
            "a whole count >= 0",
            "Count purchases, do not average them.",
        ),
        ("recency", t_x >= 0, ">= 0", "It is the age at the last purchase, not days since."),
        ("recency", t_x <= T, "<= T", "It is the age at the last purchase; T is the age now."),
        (
            "recency",
            (x > 0) | (t_x == 0),
            "0 where frequency is 0",
            "One-time buyers' last purchase is their first.",
        ),
    ]
    for column, ok, rule, remedy in rules:
        require(ok, column=column, rule=rule, caller=caller, remedy=remedy)
    return np.stack([x, t_x, T])


def log_likelihood(x: Any, t_x: Any, T: Any, r: float, alpha: float, a: float, b: float) -> np.ndarray:
    """Log-likelihood of each customer, eq. (6), in log space throughout."""
    return (
        gammaln(r + x)
        - gammaln(r)
        + r * np.log(alpha)
        - (r + x) * np.log(alpha + T)
        + gammaln(a + b)
        + gammaln(b + x)
        - gammaln(b)
        - gammaln(a + b + x)
        + np.where(x > 0, np.logaddexp(0, _log_odds_gone(x, t_x, T, r, alpha, a, b)), 0.0)
    )


def _log_odds_gone(x: Any, t_x: Any, T: Any, r: float, alpha: float, a: float, b: float) -> np.ndarray:
    """Logarithm of P(gone) / P(alive) for customers with a repeat purchase."""
    waited = np.log((alpha + T) / (alpha + t_x))
    return np.log(a) - np.log(b + np.maximum(x, 1) - 1) + (r + x) * waited


def probability_alive(x: Any, t_x: Any, T: Any, r: float, alpha: float, a: float, b: float) -> np.ndarray:
    """P(alive at T); Fader & Hardie (2008), brucehardie.com/notes/021, eq. (1)."""
    return np.where(x > 0, expit(-_log_odds_gone(x, t_x, T, r, alpha, a, b)), 1.0)


def expected_purchases(
    t: Any, x: Any, t_x: Any, T: Any, r: float, alpha: float, a: float, b: float
) -> np.ndarray:
    """Expected purchases in (T, T + t], eq. (10); with x = t_x = T = 0, eq. (9)."""
    t, x, t_x, T = (column.ravel() for column in np.broadcast_arrays(t, x, t_x, T))
    (t_1, x_1, T_1), place, _ = distinct_rows(t, x, T)
    return if_alive(t_1, x_1, T_1, r, alpha, a, b)[place] * probability_alive(x, t_x, T, r, alpha, a, b)


def if_alive(
    t: np.ndarray, x: np.ndarray, T: np.ndarray, r: float, alpha: float, a: float, b: float
) -> np.ndarray:
    """Expected purchases in the next `t` of customers known to be alive.

    With Euler's transformation of the hypergeometric function, the fraction of eq. (10) is

        c (1 - (1 - z)^(a-1)) / (a - 1) - (1 - z)^(a-1) Σ (a)_{n-1} (k)_n / ((c+1)_{n-1} n!) z^n

    with z = t / (α + T + t), c = a + b + x - 1, k = a + b - 1 - r. Nothing here overflows at
    high x, and the limit a = 1 is the logarithm that `expm1(0)/0` stands for.
    """
    z = t / (alpha + T + t)
    c = a + b + x - 1
    k = a + b - 1 - r
    log_rest = np.log1p(-z)
    power = -np.expm1((a - 1) * log_rest) / (a - 1) if a != 1 else -log_rest
    total = np.zeros_like(z)
    term = k * z
    active = np.flatnonzero(term != 0)
    term = term[active]
    n = 1
    while active.size:
        total[active] += term
        term = term * z[active] * (a + n - 1) * (k + n) / ((c[active] + n) * (n + 1))
        n += 1
        going = np.abs(term) > 1e-17 * np.abs(total[active])
        active, term = active[going], term[going]
    return np.maximum(c * power - np.exp((a - 1) * log_rest) * total, 0.0)


def fit_beta_geo(
    x: np.ndarray, t_x: np.ndarray, T: np.ndarray
) -> tuple[np.ndarray, np.ndarray, FitReport, float]:
    """Maximum-likelihood (r, α, a, b), their information on the log scale, report, log-likelihood."""
    if not x.any():
        raise ConvergenceError(
            f"BetaGeoModel.fit: none of {x.size:,} customers has a repeat purchase, so there is no rate to learn. "
            "Take a longer window, or customers with a second purchase."
        )
    scale = float(T[T > 0].mean())  # the search does not see the unit of time
    (x_1, t_x_1, T_1), _, counts = distinct_rows(x, t_x / scale, T / scale)
    weight = counts / counts.sum()

    def mean_log_likelihood(log_params: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        return _value_gradient_hessian(log_params, x_1, t_x_1, T_1, weight)

    rate = x.sum() / (T.sum() / scale)
    start = np.log([0.5, 0.5 / rate, 1.0, 2.0])
    log_params, information, report = maximise(mean_log_likelihood, start, ["r", "alpha", "a", "b"])
    value = mean_log_likelihood(log_params)[0] * x.size - x.sum() * np.log(scale)
    log_params[1] += np.log(scale)
    return np.exp(log_params), information, report, value


def _value_gradient_hessian(
    log_params: np.ndarray, x: np.ndarray, t_x: np.ndarray, T: np.ndarray, weight: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """Weighted mean log-likelihood with its derivatives by the logarithms of (r, α, a, b)."""
    r, alpha, a, b = params = np.exp(log_params)
    came_back = x > 0
    before = b + np.maximum(x, 1) - 1  # b + x - 1, which only those who came back need
    u = _log_odds_gone(x, t_x, T, r, alpha, a, b)
    gone = np.where(came_back, expit(u), 0.0)
    to_T, to_t_x = 1 / (alpha + T), 1 / (alpha + t_x)

    def trigamma(value: Any) -> Any:
        return polygamma(1, value)

    u_1 = [np.log(to_t_x / to_T), (r + x) * (to_T - to_t_x), np.full_like(x, 1 / a), -1 / before]
    first = [
        digamma(r + x) - digamma(r) + np.log(alpha * to_T) + gone * u_1[0],
        r / alpha - (r + x) * to_T + gone * u_1[1],
        digamma(a + b) - digamma(a + b + x) + gone * u_1[2],
        digamma(a + b) + digamma(b + x) - digamma(b) - digamma(a + b + x) + gone * u_1[3],
    ]
    mixed_ab = trigamma(a + b) - trigamma(a + b + x)
    zero = np.zeros_like(x)
    second = {
        (0, 0): trigamma(r + x) - trigamma(r),
        (0, 1): 1 / alpha - to_T + gone * (to_T - to_t_x),
        (1, 1): -r / alpha**2 + (r + x) * to_T**2 + gone * (r + x) * (to_t_x**2 - to_T**2),
        (2, 2): mixed_ab - gone / a**2,
        (2, 3): mixed_ab,
        (3, 3): mixed_ab + trigamma(b + x) - trigamma(b) + gone / before**2,
    }
    spread = gone * (1 - gone)
    gradient = np.array([weight @ d for d in first]) * params
    hessian = np.empty((4, 4))
    for i in range(4):
        for j in range(i, 4):
            bend = second.get((i, j), zero) + spread * u_1[i] * u_1[j]
            hessian[i, j] = hessian[j, i] = weight @ bend * params[i] * params[j]
    hessian[np.diag_indices(4)] += gradient
    return float(weight @ log_likelihood(x, t_x, T, r, alpha, a, b)), gradient, hessian
