"""BG/NBD: how often a customer will buy, and whether they still are one."""

from typing import Any

import numpy as np
import pandas as pd
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
    array([0.2, 0.2, 0.2, 0.3, 0.2, 1.8, 0.2, 0.2, 1.1, 2.6])
    >>> model.probability_alive(summary).round(2)
    array([1.  , 1.  , 1.  , 0.69, 0.25, 0.96, 0.37, 1.  , 0.93, 0.96])
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
        if not 0 <= horizon < np.inf:
            raise ValueError(f"horizon must be >= 0 and finite. Got {horizon!r} instead.")
        x, t_x, T = lawful_customers(self, X, reset=False)
        return expected_purchases(horizon, x, t_x, T, *self._params)

    def probability_alive(self, X: Any) -> np.ndarray:
        """P(still a customer now), shape (n_customers,); 1 for those who never came back."""
        check_is_fitted(self)
        x, t_x, T = lawful_customers(self, X, reset=False)
        return probability_alive(x, t_x, T, *self._params)

    def predict_table(self, X: Any, *, horizon: float = 1.0) -> pd.DataFrame:
        """`p_alive` and `expected_purchases` in the next `horizon` periods, on the index of `X`."""
        index = X.index if isinstance(X, pd.DataFrame) else None
        columns = {
            "p_alive": self.probability_alive(X),
            "expected_purchases": self.predict(X, horizon=horizon),
        }
        return pd.DataFrame(columns, index=index)

    def expected_purchases_new(self, age: Any) -> np.ndarray:
        """Expected repeat purchases of a new customer up to `age` (periods), eq. (9)."""
        check_is_fitted(self)
        age = np.asarray(age, dtype=float)
        return expected_purchases(age, 0.0, 0.0, 0.0, *self._params)

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
        (
            "recency",
            (x == 0) | (t_x > 0),
            "> 0 where frequency is > 0",
            "A repeat purchase comes after the first; those of the same period are one.",
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
    t, x, t_x, T = np.broadcast_arrays(t, x, t_x, T)
    (t_1, x_1, T_1), place, _ = distinct_rows(t.ravel(), x.ravel(), T.ravel())
    alive = if_alive(t_1, x_1, T_1, r, alpha, a, b)[place].reshape(t.shape)
    return alive * probability_alive(x, t_x, T, r, alpha, a, b)


def if_alive(
    t: np.ndarray, x: np.ndarray, T: np.ndarray, r: float, alpha: float, a: float, b: float
) -> np.ndarray:
    """Expected purchases in the next `t` of customers known to be alive.

    Whoever buys at rate λ and leaves with probability p after a purchase is expected to make
    (1 - e^(-λpt)) / p. Given x purchases and being alive, λ is gamma(r + x, α + T) and p is
    beta(a, b + x). The mean over λ is closed; over p it is the fraction of eq. (10):

        ∫ (1 - (1 + p t / (α + T))^-(r + x)) / p  beta(p; a, b + x) dp

    Summing this, rather than its hypergeometric form, adds positive numbers only: nothing
    cancels or overflows at high x, r or t, and a = 1 is a value like any other.
    """
    ratio = t / (alpha + T)
    counts, place = np.unique(x, return_inverse=True)
    # At least this, so that a customer's answer does not depend on who else is in the table.
    most, longest = max(counts[-1], 1e5), max(ratio.max(), 1e4)
    depth = np.log1p(r + most) + np.log1p(longest) + np.log1p(b + most)
    p, weights = _beta_nodes(a, b + counts, (b, b + most), depth)
    weights = np.ascontiguousarray((weights / p[:, None]).T)
    total = np.empty_like(ratio)
    for begin in range(0, total.size, 128):  # so many rows of 300 points fit the processor's cache
        rows = slice(begin, begin + 128)
        log_terms = np.log1p(p * ratio[rows, None])
        log_terms *= -(r + x[rows, None])
        total[rows] = -np.einsum("ij,ij->i", weights[place[rows]], np.expm1(log_terms, out=log_terms))
    return total


def _beta_nodes(
    a: float, b: np.ndarray, b_range: tuple[float, float], depth: float
) -> tuple[np.ndarray, np.ndarray]:
    """Points p, and for each its weights (one for each of `b`) in a mean over beta(a, b).

    The trapezoidal rule over the log-odds y of p, whose error falls as e^(-π² / step). Left of
    -`depth` the function to be averaged is level and the density falls as e^(ay), far to the
    right as e^(-by): the outermost points stand for these geometric series.
    """
    step = 0.3 / np.sqrt(max(a, 1.0))  # the density is narrow where a is large
    left, right = max(-32 - depth, -700), 32 + np.log1p(a)  # e^-32 = 1e-14; e^-700 is still > 0
    rough = np.arange(left, right, 0.1)[:, None]
    height = _log_density(rough, a, np.array(b_range))
    near = height - height.max(axis=0) + np.logaddexp(0, -rough) > -47  # the function is at most 1 / p
    ends = rough[near.any(axis=1), 0][[0, -1]]
    y = np.arange(ends[0] - 0.1, ends[1] + 0.1, step)[:, None]
    log_weights = _log_density(y, a, b)
    weights = np.exp(log_weights - log_weights.max(axis=0))
    weights[0] /= -np.expm1(-a * step)
    weights[-1] /= -np.expm1(-b * step)
    return expit(y[:, 0]), weights / weights.cumsum(axis=0)[-1]  # in one order, however many columns


def _log_density(y: np.ndarray, a: float, b: np.ndarray) -> np.ndarray:
    """Of beta(a, b) over the log-odds y, up to a constant."""
    return -a * np.logaddexp(0, -y) - b * np.logaddexp(0, y)


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
