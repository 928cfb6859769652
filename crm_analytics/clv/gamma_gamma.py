"""Gamma-Gamma model: what a customer spends per transaction."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy.special import digamma, gammaln, polygamma
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from crm_analytics.clv.inference.distinct import distinct_rows
from crm_analytics.clv.inference.uncertainty import parameter_table
from crm_analytics.core.errors import ConvergenceError
from crm_analytics.core.optimise import FitReport, covariance_of, maximise
from crm_analytics.core.tables import require, summary_columns

_MANY = 40_000  # customers, from which a search begins where one over a few of them ended


class GammaGammaModel(BaseEstimator):
    """Mean spend per purchase, each customer's shrunk towards the population's.

    Assumes spend does not depend on how often a customer buys: look at
    `frequency_correlation_` before trusting the result.

    Parameters
    ----------
    l2_penalty : float >= 0, default=0.0
        Weight of p² + q² + (v / mean spend)² in the mean negative log-likelihood.

    Attributes
    ----------
    p_, q_, v_ : float
        Shape of a customer's spend; shape and scale (currency) of its spread.
    log_likelihood_ : float
        At the optimum, without the penalty.
    log_params_, covariance_ : ndarray
        Logarithms of the parameters, and their covariance from the observed information.
    standard_errors_ : dict of str to float
        NaN where the likelihood is flat.
    frequency_correlation_ : float
        Pearson correlation of log spend with log frequency among repeat buyers; NaN if
        either does not vary. Near 0 is what the model assumes.
    fit_report_ : dict
        See `core.optimise.FitReport`.

    References
    ----------
    Fader & Hardie (2013), brucehardie.com/notes/025; equation numbers are theirs.

    Examples
    --------
    >>> summary = pd.DataFrame({"frequency": [1, 2, 3, 6, 9, 2],
    ...                         "monetary_value": [20.0, 35.0, 28.0, 60.0, 31.0, 12.0]})
    >>> GammaGammaModel().fit(summary).predict(summary).round(1)
    array([31.9, 34.7, 32. , 49.2, 32.2, 27.6])
    """

    COLUMNS = ("frequency", "monetary_value")
    PARAMETERS = ("p", "q", "v")

    def __init__(self, *, l2_penalty: float = 0.0) -> None:
        self.l2_penalty = l2_penalty

    def fit(self, X: Any, y: Any = None) -> "GammaGammaModel":
        """Maximise the likelihood of what repeat buyers spent.

        Parameters
        ----------
        X : DataFrame or array of shape (n_customers, 2)
            `frequency`, repeat purchases (count), and `monetary_value`, their mean
            (currency; > 0 where frequency > 0).
        y : ignored

        Raises
        ------
        SchemaError
            On negative frequencies, or repeat buyers who spent nothing.
        ConvergenceError
            If nobody came back, or no finite mean spend fits.
        """
        if not self.l2_penalty >= 0:
            raise ValueError(f"l2_penalty must be >= 0. Got {self.l2_penalty!r} instead.")
        x, z = self._customers(X, reset=True)
        repeat = x > 0  # the others have shown no repeat spend to learn from
        require(
            ~repeat | (z > 0),
            column="monetary_value",
            rule="> 0 for repeat buyers",
            caller="GammaGammaModel.fit",
            remedy="Net out refunds before summarising.",
        )
        x, z = x[repeat], z[repeat]
        params, information, report, log_lik = fit_gamma_gamma(x, z, self.l2_penalty)
        self.p_, self.q_, self.v_ = map(float, params)
        self.log_params_ = np.log(params)
        self.covariance_ = covariance_of(information, x.size)
        self.standard_errors_ = self.parameter_table()["standard_error"].to_dict()
        self.log_likelihood_ = float(log_lik)
        self.frequency_correlation_ = _correlation(np.log(x), np.log(z))
        self.fit_report_ = report.as_dict()
        return self

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, float], **settings: Any) -> Self:
        """A model that is given its parameters, such as published ones, instead of data.

        It predicts as a fitted one does; what only data can tell is NaN.

        Parameters
        ----------
        parameters : mapping of str to float
            p, q and v (currency), each > 0, and q > 1.
        **settings
            What the constructor takes.

        Examples
        --------
        >>> model = GammaGammaModel.from_parameters({"p": 6.25, "q": 3.74, "v": 15.44})
        >>> model.predict(pd.DataFrame({"frequency": [0, 2], "monetary_value": [0.0, 22.35]})).round(2)
        array([35.22, 24.66])
        """
        names = cls.PARAMETERS
        given = dict(parameters)
        known = set(given) == set(names) and all(0 < given[name] < np.inf for name in names)
        if not known or given["q"] <= 1:
            raise ValueError(
                f"parameters must be {', '.join(names)}, each > 0, and q > 1 lest the mean spend be infinite. "
                f"Got {given!r} instead."
            )
        model = cls(**settings)
        model.p_, model.q_, model.v_ = (float(given[name]) for name in names)
        model.log_params_ = np.log([given[name] for name in names])
        model.covariance_ = np.full((3, 3), np.nan)
        model.standard_errors_ = dict.fromkeys(names, np.nan)
        model.log_likelihood_ = model.frequency_correlation_ = np.nan
        report = FitReport(False, np.nan, np.nan, 0, "parameters were given, not fitted", np.nan)
        model.fit_report_ = report.as_dict()
        model.n_features_in_, model.feature_names_in_ = 2, np.array(cls.COLUMNS, dtype=object)
        return model

    def predict(self, X: Any) -> np.ndarray:
        """Expected spend per purchase (currency), shape (n_customers,)."""
        check_is_fitted(self)
        x, z = self._customers(X, reset=False)
        return expected_spend(x, z, self.p_, self.q_, self.v_)

    def parameter_table(self, *, level: float = 0.95) -> pd.DataFrame:
        """Parameters with standard errors and intervals; see `BetaGeoModel.parameter_table`."""
        check_is_fitted(self)
        return parameter_table(list(self.PARAMETERS), 3, self.log_params_, self.covariance_, level)

    def _customers(self, X: Any, *, reset: bool) -> tuple[np.ndarray, np.ndarray]:
        x, z = summary_columns(self, X, self.COLUMNS, reset=reset)
        caller = "GammaGammaModel"
        require(x >= 0, column="frequency", rule=">= 0", caller=caller, remedy="It is a count.")
        require(
            (x == 0) | (z >= 0),
            column="monetary_value",
            rule=">= 0",
            caller=caller,
            remedy="Net out refunds before summarising.",
        )
        return x, z

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        tags.target_tags.required = False
        return tags


def expected_spend(x: Any, z: Any, p: float, q: float, v: float) -> Any:
    """Own mean `z` weighted against the population mean pv / (q - 1), eq. (5)."""
    own_weight = p * x / (p * x + q - 1)
    return own_weight * z + (1 - own_weight) * p * v / (q - 1)


def log_likelihood(x: Any, z: Any, p: float, q: float, v: float) -> np.ndarray:
    """Log-density of each customer's mean spend `z` over `x` purchases, eq. (1a)."""
    return (
        gammaln(p * x + q)
        - gammaln(p * x)
        - gammaln(q)
        + q * np.log(v)
        + (p * x - 1) * np.log(z)
        + p * x * np.log(x)
        - (p * x + q) * np.log(v + x * z)
    )


def fit_gamma_gamma(
    x: np.ndarray, z: np.ndarray, l2_penalty: float = 0.0
) -> tuple[np.ndarray, np.ndarray, FitReport, float]:
    """Maximum-likelihood (p, q, v), their information on the log scale, report, log-likelihood."""
    if x.size == 0:
        raise ConvergenceError(
            "GammaGammaModel.fit: no customer has a repeat purchase that was paid for, so there is no spend "
            "to learn from. Take a longer window."
        )
    scale = float(z.mean())  # v has the unit of z; p and q have none
    statistic = _Spends(x, z / scale)

    def objective(some: "_Spends") -> Any:
        def penalised(log_params: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
            value, gradient, hessian = _value_gradient_hessian(log_params, some)
            squares = l2_penalty * np.exp(2 * log_params)
            return value - squares.sum(), gradient - 2 * squares, hessian - np.diag(4 * squares)

        return penalised

    names, start = ["p", "q", "v"], np.log([2.0, 3.0, 1.0])
    if x.size > _MANY:  # begin where a search over a few customers ended
        step = x.size // (_MANY // 4)
        start = maximise(objective(_Spends(x[::step], z[::step] / scale)), start, names)[0]
    log_params, information, report = maximise(objective(statistic), start, names)
    p, q, v = np.exp(log_params)
    if not report.gradient_norm < 1e-5:
        raise ConvergenceError(f"GammaGammaModel.fit: {report.message}. Raise l2_penalty (try 0.001).")
    if q <= 1:
        raise ConvergenceError(
            f"GammaGammaModel.fit: q = {q:.3g}, but a finite mean spend needs q > 1: a few spend out of all "
            "proportion. Cap the largest spends (at their 95 % quantile, say), or model those customers apart."
        )
    # A density of spend: one factor for each customer. The penalty is no part of the likelihood.
    value = x.size * (report.value + l2_penalty * np.exp(2 * log_params).sum() - np.log(scale))
    params = np.array([p, q, v * scale])
    return params, information, report, float(value)


class _Spends:
    """What the likelihood needs of counts and mean spends, so that a step costs one logarithm a customer."""

    def __init__(self, x: np.ndarray, z: np.ndarray) -> None:
        self.x, self.xz, self.n = x, x * z, x.size
        if x.max() < 1_000_000 and (x == np.floor(x)).all():
            weight = np.bincount(x.astype(np.int64))
            self.counts = np.flatnonzero(weight).astype(float)
            self.share = weight[weight > 0] / self.n
        else:
            (self.counts,), _, weight = distinct_rows(x)
            self.share = weight / self.n
        log_z = np.log(z)
        self.x_log_z, self.log_z = float(x @ log_z) / self.n, float(log_z.sum()) / self.n
        self.x_log_x = float(self.share @ (self.counts * np.log(self.counts)))

    def sums(self, v: float) -> tuple[float, ...]:
        """Means of ln(v + xz), x ln(v + xz), and of 1 and x over v + xz and over its square."""
        total = self.xz + v
        log_total, inverse = np.log(total), 1 / total
        x_inverse = self.x * inverse
        found = (
            log_total.sum(), self.x @ log_total, inverse.sum(), x_inverse.sum(), inverse @ inverse,
            inverse @ x_inverse,
        )  # fmt: skip
        return tuple(float(value) / self.n for value in found)


def _value_gradient_hessian(log_params: np.ndarray, spends: _Spends) -> tuple[float, np.ndarray, np.ndarray]:
    """Mean log-likelihood with its derivatives by the logarithms of (p, q, v)."""
    p, q, v = params = np.exp(log_params)
    c, share = spends.counts, spends.share
    pc = p * c
    log_t, x_log_t, one_t, x_t, one_tt, x_tt = spends.sums(v)
    value = (
        share @ (gammaln(pc + q) - gammaln(pc)) - gammaln(q) + q * np.log(v)
        + p * spends.x_log_z - spends.log_z + p * spends.x_log_x - p * x_log_t - q * log_t
    )  # fmt: skip
    slope, tri = digamma(pc + q), polygamma(1, pc + q)
    gradient = np.array(
        [
            share @ (c * (slope - digamma(pc))) + spends.x_log_z + spends.x_log_x - x_log_t,
            share @ slope - digamma(q) + np.log(v) - log_t,
            q / v - p * x_t - q * one_t,
        ]
    )
    pp = share @ (c**2 * (tri - polygamma(1, pc)))
    pq, pv = share @ (c * tri), -x_t
    qq, qv = share @ tri - polygamma(1, q), 1 / v - one_t
    vv = -q / v**2 + p * x_tt + q * one_tt
    hessian = np.array([[pp, pq, pv], [pq, qq, qv], [pv, qv, vv]]) * np.outer(params, params)
    gradient = gradient * params
    return float(value), gradient, hessian + np.diag(gradient)


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    if first.size < 2 or first.std() == 0 or second.std() == 0:
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])
