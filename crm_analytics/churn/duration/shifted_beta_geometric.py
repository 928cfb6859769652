"""Shifted-beta-geometric model: how long contracts last when each customer has a chance of their own to leave."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy.special import betaln, ndtri
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from crm_analytics.churn.duration.watched import MOST_PERIODS, weights_of
from crm_analytics.core.errors import ConvergenceError
from crm_analytics.core.optimise import LOG_BOUND, FitReport, covariance_of, maximise
from crm_analytics.core.tables import require, require_columns, summary_columns


class ShiftedBetaGeometricModel(BaseEstimator):
    """How long customers stay who must renew at fixed times: a magazine, a telephone, a membership.

    At every renewal a customer leaves with a chance of their own, which does not change; over
    customers it follows a beta distribution (α, β). Those likely to leave do so early, so the
    retention rate of a cohort rises with its age although nobody grows more loyal.

    It takes one row a customer. A published table of survivors, of one cohort or many, becomes
    such rows by `contracts_from_survivors`: so there is one likelihood for both, customers who
    are still watched count for as long as they were, and cohorts of unequal age are fitted as one.

    Attributes
    ----------
    alpha_, beta_ : float
        Parameters of the beta distribution of the chance to leave at a renewal.
    standard_errors_ : dict of str to float
        NaN where the likelihood is flat.
    log_likelihood_ : float
    n_customers_ : float
        Customers, or their total weight.
    log_params_, covariance_ : ndarray
        Logarithms of the parameters, and their covariance from the observed information.
    fit_report_ : dict
        See `core.optimise.FitReport`. If all customers are alike, or even leave more readily as
        time passes, α and β go to infinity together: the curve is then a geometric one, which is
        the nearest this model has.

    References
    ----------
    Fader & Hardie (2007), How to project customer retention, Journal of Interactive Marketing
    21(1), numbered as (2007); Fader & Hardie (2010), Customer-base valuation in a contractual
    setting, Marketing Science 29(1), for the residual lifetime.

    Examples
    --------
    The regular customers of the paper, in 1,000ths; seven years tell of the twelfth:

    >>> from crm_analytics.churn import contracts_from_survivors
    >>> contracts = contracts_from_survivors([1000, 631, 468, 382, 326, 289, 262, 241])
    >>> model = ShiftedBetaGeometricModel().fit(contracts, sample_weight=contracts["weight"])
    >>> round(model.alpha_, 3), round(model.beta_, 3), model.survival(12).round(3)
    (0.704, 1.182, np.float64(0.17))
    >>> model.residual_lifetime([0, 5], discount_rate=0.1).round(2)
    array([2.96, 6.26])
    """

    COLUMNS = ("T", "churned")
    PARAMETERS = ("alpha", "beta")

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> "ShiftedBetaGeometricModel":
        """Maximise the likelihood of when customers left, and that others have not.

        Parameters
        ----------
        X : DataFrame or array of shape (n_customers, 2)
            `T`, whole periods: the number of the renewal at which the customer left (>= 1), or
            how many the customer has passed so far (>= 0); and `churned`, whether they left.
        y : ignored
        sample_weight : array of shape (n_customers,), optional
            How many customers a row stands for (>= 0).

        Raises
        ------
        SchemaError
            If `T` is no whole number, or `churned` is not true or false.
        ConvergenceError
            If nobody left, nobody ever renewed, or nobody was watched at a second renewal.
        """
        T, churned = summary_columns(self, X, self.COLUMNS, reset=True)
        _judge_contracts(T, churned)
        weight = weights_of(sample_weight, T.size)
        lost, kept = renewals(T.astype(np.int64), churned > 0, weight)
        _require_enough(lost, kept)
        log_params, information, report, log_lik = fit_shifted_beta_geometric(lost, kept, weight.sum())
        self._keep(log_params, covariance_of(information, weight.sum()), report)
        self.log_likelihood_ = log_lik
        self.n_customers_ = float(weight.sum())
        return self

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, float]) -> Self:
        """A model that is given its parameters, such as published ones, instead of data.

        >>> model = ShiftedBetaGeometricModel.from_parameters({"alpha": 0.668, "beta": 3.806})
        >>> model.retention_rate([1, 2, 7]).round(3)
        array([0.851, 0.878, 0.936])
        """
        names = cls.PARAMETERS
        if set(parameters) != set(names) or not all(0 < parameters[name] < np.inf for name in names):
            raise ValueError(
                f"parameters must be {' and '.join(names)}, each > 0. Got {dict(parameters)!r} instead."
            )
        model = cls()
        report = FitReport(False, np.nan, np.nan, 0, "parameters were given, not fitted", np.nan)
        model._keep(np.log([float(parameters[n]) for n in names]), np.full((2, 2), np.nan), report)
        model.log_likelihood_ = model.n_customers_ = float("nan")
        model.n_features_in_, model.feature_names_in_ = 2, np.array(cls.COLUMNS, dtype=object)
        return model

    def survival(self, t: Any) -> Any:
        """Share of a cohort that is left after `t` renewals (whole, >= 0), (2007) eq. 6; of the shape of `t`."""
        check_is_fitted(self)
        return survival(_whole(t, name="t", least=0), self.alpha_, self.beta_)

    def retention_rate(self, t: Any) -> Any:
        """Share of those left before renewal `t` (whole, >= 1) who pass it, (2007) eq. 8; of the shape of `t`."""
        check_is_fitted(self)
        t = _whole(t, name="t", least=1)
        return (self.beta_ + t - 1) / (self.alpha_ + self.beta_ + t - 1)

    def retention_table(self, horizon: int) -> pd.DataFrame:
        """The retention curve: `period` 0 to `horizon`, `retention` at it (NaN at 0), `survival` after it.

        >>> ShiftedBetaGeometricModel.from_parameters({"alpha": 1, "beta": 2}).retention_table(2).round(3)
           period  retention  survival
        0       0        NaN     1.000
        1       1      0.667     0.667
        2       2      0.750     0.500
        """
        check_is_fitted(self)
        period = np.arange(int(_whole(horizon, name="horizon", least=1)) + 1)
        retention = np.append(np.nan, self.retention_rate(period[1:]))
        return pd.DataFrame({"period": period, "retention": retention, "survival": self.survival(period)})

    def predict(self, X: Any, *, horizon: int = 1) -> np.ndarray:
        """P(leaves at one of the next `horizon` renewals) of customers who are still here.

        Parameters
        ----------
        X : DataFrame with a column `T`, or array of shape (n_customers,)
            Renewals passed (whole, >= 0). A DataFrame with a column `churned` must say false
            throughout: those who left cannot leave again.
        horizon : int >= 1

        Returns
        -------
        ndarray of shape (n_customers,); it falls with `T`.
        """
        T, h = self._tenures(X), _whole(horizon, name="horizon", least=1)
        return -np.expm1(betaln(self.alpha_, self.beta_ + T + h) - betaln(self.alpha_, self.beta_ + T))

    def residual_lifetime(
        self, X: Any, *, discount_rate: float = 0.0, horizon: int | None = None
    ) -> np.ndarray:
        """Expected number of renewals still to come, each discounted (DERL of Fader & Hardie 2010).

        Seen just before the next renewal, which is therefore not discounted itself: times the
        margin of a period it is what the customer is worth. As seen a whole period earlier,
        right after the last renewal, divide by 1 + `discount_rate`.

        Parameters
        ----------
        X : as for `predict`
        discount_rate : float >= 0, default=0
            Per period between renewals: 0.1 is 10 %.
        horizon : int >= 1, optional
            Count the next `horizon` renewals only; by default all.

        Returns
        -------
        ndarray of shape (n_customers,)
            Infinite if nothing is discounted, there is no horizon, and α <= 1: some customers
            then hardly ever leave, and no mean lifetime exists.
        """
        T = self._tenures(X)
        if not 0 <= discount_rate < np.inf:
            raise ValueError(f"discount_rate must be >= 0. Got {discount_rate!r} instead.")
        distinct, place = np.unique(T, return_inverse=True)
        if horizon is None:
            return residual_lifetime(distinct, self.alpha_, self.beta_, discount_rate)[place]
        h = _whole(horizon, name="horizon", least=1)
        total, left = np.zeros(distinct.size), np.ones(distinct.size)
        for ahead in range(int(h)):
            left = left * self.retention_rate(distinct + ahead + 1)
            total += left / (1 + discount_rate) ** ahead
        return total[place]

    def parameter_table(self, *, level: float = 0.95) -> pd.DataFrame:
        """`estimate`, `standard_error`, `lower` and `upper` of each parameter, by its normal logarithm.

        NaN where the likelihood is flat, or a parameter went to its boundary.
        """
        check_is_fitted(self)
        if not 0 < level < 1:
            raise ValueError(f"level must be in (0, 1). Got {level!r} instead.")
        spread = np.sqrt(np.diag(self.covariance_))
        spread = np.where((spread > 0) & (spread < LOG_BOUND), spread, np.nan)
        estimate, z = np.exp(self.log_params_), ndtri(0.5 + level / 2)
        return pd.DataFrame(
            {
                "estimate": estimate,
                "standard_error": estimate * spread,
                "lower": estimate * np.exp(-z * spread),
                "upper": estimate * np.exp(z * spread),
            },
            index=pd.Index(self.PARAMETERS, name="parameter"),
        )

    def _keep(self, log_params: np.ndarray, covariance: np.ndarray, report: FitReport) -> None:
        self.alpha_, self.beta_ = map(float, np.exp(log_params))
        self.log_params_, self.covariance_ = log_params, covariance
        self.fit_report_ = report.as_dict()
        self.standard_errors_ = self.parameter_table()["standard_error"].to_dict()

    def _tenures(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        if hasattr(X, "to_pandas"):
            X = X.to_pandas()
        caller = type(self).__name__
        if isinstance(X, pd.DataFrame):
            require_columns(X, ["T"], caller=caller)
            if "churned" in X:
                remedy = "Ask about those who are still here."
                gone = X["churned"].to_numpy(dtype=bool)
                require(~gone, column="churned", rule="false", caller=caller, remedy=remedy)
            X = X["T"]
        T = np.atleast_1d(np.asarray(X, dtype=float))
        if T.ndim != 1:
            raise ValueError(f"X must be a DataFrame with T, or one T a customer. Got {T.shape} instead.")
        _judge_tenures(T, caller)
        return T

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        tags.target_tags.required = False
        return tags


def survival(t: Any, alpha: float, beta: float) -> Any:
    """Share left after `t` renewals, B(α, β + t) / B(α, β), (2007) eq. 6."""
    return np.exp(betaln(alpha, beta + t) - betaln(alpha, beta))


def residual_lifetime(T: np.ndarray, alpha: float, beta: float, discount_rate: float) -> np.ndarray:
    """Discounted renewals to come after `T` of them, all to the end; (2010), with n = T + 1 its tenure."""
    b, c = beta + T + 1, alpha + beta + T + 1
    if discount_rate == 0:
        return (b - 1) / (alpha - 1) if alpha > 1 else np.full(T.shape, np.inf)
    return (b - 1) / (c - 1) * _gauss(b, c, 1 / (1 + discount_rate))


def _gauss(b: np.ndarray, c: np.ndarray, z: float) -> np.ndarray:
    """₂F₁(1, b; c; z) for 0 < b < c and 0 < z < 1, by the continued fraction of Gauss.

    SciPy's own gives NaN where c - b is small, b large or z near 1.
    """
    g = c - 1
    tail = np.ones_like(b)
    for m in range(int(np.ceil(10 / np.sqrt(1 - z))) + 20, 0, -1):  # what is cut off is below 1e-16 of it
        even = m * (g - b + m) / ((g + 2 * m - 1) * (g + 2 * m))
        odd = (b + m - 1) * (g + m - 1) / ((g + 2 * m - 2) * (g + 2 * m - 1)) if m > 1 else b / c
        tail = 1 - odd * z / (1 - even * z / tail)
    return 1 / tail


def renewals(T: np.ndarray, churned: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many left, and how many stayed, at renewal 1, 2, …; all that the likelihood needs."""
    n = int(T.max()) + 1
    lost = np.bincount(T[churned], weights=weight[churned], minlength=n)
    ends = np.bincount(T, weights=weight, minlength=n)
    passed = np.cumsum(ends[::-1])[::-1] - lost  # those whose watch ends here without leaving stayed, too
    return lost[1:], passed[1:]


def fit_shifted_beta_geometric(
    lost: np.ndarray, kept: np.ndarray, n_customers: float
) -> tuple[np.ndarray, np.ndarray, FitReport, float]:
    """Maximum-likelihood logarithms of (α, β), information a customer, report, log-likelihood."""
    lost, kept = lost / n_customers, kept / n_customers

    def objective(log_params: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        return _value_gradient_hessian(log_params, lost, kept)

    start = np.log([1.0, np.clip(kept.sum() / lost.sum(), 1e-3, 1e3)])
    log_params, information, report = maximise(objective, start, ["alpha", "beta"])
    if not report.gradient_norm < 1e-5:
        raise ConvergenceError(
            f"ShiftedBetaGeometricModel.fit: {report.message}. Take more customers or a longer watch."
        )
    return log_params, information, report, float(report.value * n_customers)


def _value_gradient_hessian(
    log_params: np.ndarray, lost: np.ndarray, kept: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """Σ lost ln α + kept ln(β + t - 1) - both ln(α + β + t - 1) over renewals t: (2007) eq. 5 and 6 as products."""
    alpha, beta = params = np.exp(log_params)
    stay = beta + np.arange(lost.size)
    both, at_risk = alpha + stay, lost + kept
    value = (lost @ np.log(alpha / both)) + kept @ np.log(stay / both)
    meet, bend = at_risk @ (1 / both), at_risk @ (1 / both**2)
    gradient = np.array([lost.sum() / alpha - meet, kept @ (1 / stay) - meet]) * params
    hessian = np.array([[bend - lost.sum() / alpha**2, bend], [bend, bend - kept @ (1 / stay**2)]])
    return float(value), gradient, hessian * np.outer(params, params) + np.diag(gradient)


def _require_enough(lost: np.ndarray, kept: np.ndarray) -> None:
    caller = "ShiftedBetaGeometricModel.fit"
    if not lost.sum() > 0:
        raise ConvergenceError(
            f"{caller}: no customer left at any renewal, so there is no rate of leaving to learn. Watch for "
            "longer, or add older cohorts."
        )
    if not kept.sum() > 0:
        raise ConvergenceError(
            f"{caller}: every customer left at the first renewal, so nobody is left to predict. Choose shorter "
            "periods, or add customers who renewed."
        )
    if not (lost + kept)[1:].sum() > 0:
        raise ConvergenceError(
            f"{caller}: nobody was watched at a second renewal, so one share is known, but not how it changes "
            "with age. Add older cohorts, or choose shorter periods."
        )


def _judge_tenures(T: np.ndarray, caller: str) -> None:
    whole = (T >= 0) & (np.floor(T) == T) & (T <= MOST_PERIODS)
    remedy = "It counts renewals, not dates: divide by the length of a period and round down."
    rule = f"a whole number from 0 to {MOST_PERIODS:,}"
    require(whole, column="T", rule=rule, caller=caller, remedy=remedy)


def _judge_contracts(T: np.ndarray, churned: np.ndarray) -> None:
    caller = "ShiftedBetaGeometricModel.fit"
    _judge_tenures(T, caller)
    yes_or_no = (churned == 0) | (churned == 1)
    require(
        yes_or_no, column="churned", rule="true or false", caller=caller, remedy="Compare it with a word."
    )
    remedy = "The first chance to leave is renewal 1."
    require((churned == 0) | (T >= 1), column="T", rule=">= 1 where churned", caller=caller, remedy=remedy)


def _whole(values: Any, *, name: str, least: int) -> Any:
    """Whole numbers as floats, or ValueError."""
    found = np.asarray(values, dtype=float)
    ok = np.isfinite(found) & (found == np.floor(found)) & (found >= least)
    if not ok.all():
        first = found.ravel()[~ok.ravel()][0]
        raise ValueError(
            f"{name} must be whole and >= {least}: it counts renewals. Got {float(first)!r} instead."
        )
    return found
