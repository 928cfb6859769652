"""What every model of purchases offers, whatever it assumes."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from crm_analytics.clv.inference import uncertainty
from crm_analytics.clv.inference.covariates import column_names, design_of, learn_covariates
from crm_analytics.clv.inference.customers import Customers, read_customers
from crm_analytics.clv.inference.discounting import discounted_total
from crm_analytics.clv.inference.distinct import once_in_ticks, shared_rows
from crm_analytics.clv.inference.interpolation import smooth_in_age
from crm_analytics.clv.inference.likelihood import Fitted, Problem, fit, parameters_by_group
from crm_analytics.core.errors import ConvergenceError, choice
from crm_analytics.core.optimise import FitReport


class PurchaseModel(BaseEstimator, ABC):
    """Fits and answers for models with four positive parameters; subclasses say what they assume.

    A subclass gives the names of its parameters, which of them are times, how covariates move
    them, and four functions of `Customers` and parameters: log-likelihood `_terms`, P(alive)
    `_alive`, `_moments` and `_at_least` of the purchases to come, given alive.
    """

    COLUMNS: ClassVar[tuple[str, ...]] = ("frequency", "recency", "T")
    PARAMETERS: ClassVar[tuple[str, ...]] = ()
    TIMED: ClassVar[tuple[bool, ...]] = ()  # whether a parameter is a time, in the unit of T
    COVARIATE_SIGNS: ClassVar[tuple[float, ...]] = (0.0, 0.0, 0.0, 0.0)
    RECENCY_MATTERS_IF_ALIVE: ClassVar[bool] = False

    covariates: Sequence[str] = ()
    prior_precision: float = 0.0
    covariance: str = "observed"

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> "PurchaseModel":
        """Maximise the likelihood of what customers did.

        Parameters
        ----------
        X : DataFrame or array of shape (n_customers, 3)
            `frequency` (repeat purchases, whole counts), `recency` (age at the last
            purchase, periods), `T` (age now, periods); any one time unit. Covariates, if
            there are any, are further columns of a DataFrame.
        y : ignored
        sample_weight : array of shape (n_customers,), optional
            Customers that each row stands for, such as `customers` of
            `features.customer_counts`.

        Raises
        ------
        SchemaError
            On impossible customers, such as recency > T.
        ConvergenceError
            If nobody came back: then there is nothing to learn a rate from.
        """
        self._judge_parameters()
        customers = self._customers(X, reset=True, sample_weight=sample_weight)
        if not (customers.x * customers.weight).any():
            raise ConvergenceError(
                f"{type(self).__name__}.fit: none of {customers.n:,.0f} customers has a repeat purchase, so there "
                "is no rate to learn. Take a longer window, or customers with a second purchase."
            )
        self._keep(self._maximise(customers), customers)
        return self

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, float], **settings: Any) -> Self:
        """A model that is given its parameters, such as published ones, instead of data.

        It answers as a fitted one does, but does not know how sure it is: standard errors and
        intervals are NaN or refused.

        Parameters
        ----------
        parameters : mapping of str to float
            All of the model's parameters by name, each > 0.
        **settings
            What the constructor takes.

        Examples
        --------
        >>> from crm_analytics.clv import BetaGeoModel
        >>> model = BetaGeoModel.from_parameters({"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426})
        >>> model.expected_purchases_new([1, 52]).round(2)
        array([0.05, 1.45])
        """
        names = cls.PARAMETERS
        if set(parameters) != set(names) or not all(0 < parameters[name] < np.inf for name in names):
            raise ValueError(
                f"parameters must be {', '.join(names)}, each > 0. Got {dict(parameters)!r} instead."
            )
        model = cls(**settings)
        at = np.log([float(parameters[name]) for name in names])
        report = FitReport(False, np.nan, np.nan, 0, "parameters were given, not fitted", np.nan)
        nobody = Customers.of([], [], [])
        model.coding_ = []
        model._keep(Fitted(at, np.full((4, 4), np.nan), np.nan, report), nobody)
        model.n_features_in_, model.feature_names_in_ = 3, np.array(cls.COLUMNS, dtype=object)
        return model

    def predict(self, X: Any, *, horizon: float = 1.0) -> np.ndarray:
        """Expected purchases in the next `horizon` periods, shape (n_customers,)."""
        customers = self._ready(X, horizon)
        expected = self._expected(customers, horizon)
        expected *= self._alive(customers, self._theta(customers))
        return expected

    def probability_alive(self, X: Any) -> np.ndarray:
        """P(still a customer now), shape (n_customers,)."""
        customers = self._ready(X)
        return self._alive(customers, self._theta(customers))

    def probability_no_purchase(self, X: Any, *, horizon: float) -> np.ndarray:
        """P(nothing bought in the next `horizon` periods), gone or not, shape (n_customers,)."""
        customers = self._ready(X, horizon)
        buys = self._shared(customers, lambda c, theta: self._at_least(horizon, c, theta, 1)[:, 0])
        return 1 - self._alive(customers, self._theta(customers)) * buys

    def count_distribution(self, X: Any, *, horizon: float, max_count: int = 10) -> pd.DataFrame:
        """P(0), P(1), … P(`max_count`) purchases in the next `horizon` periods.

        Returns
        -------
        DataFrame on the index of `X`, columns 0 … max_count; what a row lacks to 1 is the
        probability of more.
        """
        if max_count < 0:
            raise ValueError(f"max_count must be >= 0. Got {max_count!r} instead.")
        customers = self._ready(X, horizon)
        at_least = self._shared(customers, lambda c, theta: self._at_least(horizon, c, theta, max_count + 1))
        at_least = at_least * self._alive(customers, self._theta(customers))[:, None]
        columns = np.hstack([1 - at_least[:, :1], at_least[:, :-1] - at_least[:, 1:]])
        return pd.DataFrame(np.maximum(columns, 0.0), index=_index(X), columns=range(max_count + 1))

    def expected_purchases_new(self, age: Any) -> np.ndarray:
        """Expected repeat purchases of a new customer up to `age` (periods), like `age` in shape.

        With covariates: of one whose covariates are the average.
        """
        check_is_fitted(self)
        age = np.asarray(age, dtype=float)
        if not (np.isfinite(age) & (age >= 0)).all():
            raise ValueError(f"age must be >= 0 and finite. Got {age!r} instead.")
        new, theta = Customers.of(0.0, 0.0, 0.0), np.array([self._params])
        alive = self._alive(new, theta).item()
        return np.array([alive * self._mean(t, new, theta).item() for t in age.ravel()]).reshape(age.shape)

    def discounted_purchases(self, X: Any, *, rate: float, horizon: float = np.inf) -> np.ndarray:
        """Present value of one unit for each purchase yet to come, shape (n_customers,).

        Parameters
        ----------
        X : DataFrame or array
        rate : float
            Continuously compounded, per period: `discounting.continuous_rate` turns a yearly
            rate into it. Must be > 0 if the horizon is infinite.
        horizon : float
            Periods; infinite by default, which is the discounted expected residual
            transactions (DERT) of Fader, Hardie & Lee (2005).
        """
        customers = self._ready(X)
        if not horizon >= 0 or not np.isfinite(rate) or (rate <= 0 and horizon == np.inf):
            raise ValueError(
                f"horizon must be >= 0, and rate finite, > 0 if the horizon is infinite. "
                f"Got horizon={horizon!r}, rate={rate!r}."
            )

        def total(c: Customers, theta: np.ndarray) -> np.ndarray:
            return self._discounted(c, theta, horizon, rate)

        return self._alive(customers, self._theta(customers)) * self._shared(customers, total)

    def predict_table(self, X: Any, *, horizon: float = 1.0) -> pd.DataFrame:
        """`p_alive`, `expected_purchases` and `p_no_purchase` in the next `horizon`, on the index of `X`."""
        columns = {
            "p_alive": self.probability_alive(X),
            "expected_purchases": self.predict(X, horizon=horizon),
            "p_no_purchase": self.probability_no_purchase(X, horizon=horizon),
        }
        return pd.DataFrame(columns, index=_index(X))

    def log_likelihood(self, X: Any) -> np.ndarray:
        """Natural logarithm of each customer's likelihood, shape (n_customers,)."""
        customers = self._ready(X)
        return self._terms(customers, self._theta(customers), True)[:, 0]

    def parameter_table(self, *, level: float = 0.95) -> pd.DataFrame:
        """Parameters and coefficients with standard errors and intervals.

        Intervals of parameters are symmetric on the log scale, on which the likelihood is
        nearest to normal, so that none reaches below 0.

        Returns
        -------
        DataFrame indexed by name: `estimate`, `standard_error`, `lower`, `upper`; NaN where
        the likelihood is flat or the parameter went to the boundary.
        """
        check_is_fitted(self)
        names = [*self.PARAMETERS, *self.coefficients_]
        return uncertainty.parameter_table(
            names, len(self.PARAMETERS), self.log_params_, self.covariance_, level
        )

    def predict_interval(
        self,
        X: Any,
        *,
        horizon: float,
        level: float = 0.9,
        n_draws: int = 50,
        draws: np.ndarray | None = None,
        random_state: Any = 0,
    ) -> pd.DataFrame:
        """How sure of each customer: of the expectation, and of what they will do.

        Parameters
        ----------
        X : DataFrame or array
        horizon : float
            Periods.
        level : float in (0, 1)
            Share of cases that an interval is to cover.
        n_draws : int
            Draws of the parameters from their Laplace approximation.
        draws : ndarray, optional
            Draws of log-parameters to use instead, such as `bootstrap` gives them.
        random_state : int or numpy Generator

        Returns
        -------
        DataFrame on the index of `X`:

        expected : float
            Purchases, at the estimate.
        parameter_lower, parameter_upper : float
            Of the expectation, since the parameters are estimated: shrinks with more customers.
        lower, upper : int
            Of the purchases themselves, parameters uncertain too: does not shrink.
        """
        customers = self._ready(X, horizon)
        draws = self._draws(draws, n_draws, random_state)
        found = uncertainty.of_customers(self, customers, draws, horizon, uncertainty.proper_level(level))
        return found.set_axis(_index(X) if _index(X) is not None else found.index)

    def total_interval(
        self,
        X: Any,
        *,
        horizon: float,
        level: float = 0.9,
        model_error: Any = None,
        n_draws: int = 200,
        draws: np.ndarray | None = None,
        sample_weight: Any = None,
        random_state: Any = 0,
    ) -> pd.DataFrame:
        """How sure of all customers together, one source of doubt after another.

        Parameters
        ----------
        X : DataFrame or array
        horizon : float
            Periods.
        level : float in (0, 1)
        model_error : metrics.ModelError, optional
            How far totals were off at earlier origins, as `evaluation.compare_models` finds
            it; a typical error if nothing was learnt. Chance and
            parameters alone miss most totals: seasons and trends are none of their business.
        n_draws, draws, random_state
            See `predict_interval`.
        sample_weight : array of shape (n_customers,), optional

        Returns
        -------
        DataFrame indexed by `doubt`: "parameters" (the expected total), "purchases" (what
        those parameters leave to chance, too), "model" (the model being wrong, too); columns
        `expected`, `lower`, `upper`.
        """
        self._judge_horizon(horizon)
        check_is_fitted(self)
        customers = self._customers(X, reset=False, sample_weight=sample_weight)
        draws = self._draws(draws, n_draws, random_state)
        return uncertainty.of_total(
            self, customers, draws, horizon, uncertainty.proper_level(level), model_error, random_state
        )

    def draw_parameters(self, n_draws: int, *, random_state: Any = 0) -> np.ndarray:
        """Log-parameters (and coefficients) from the Laplace approximation, shape (n_draws, n)."""
        check_is_fitted(self)
        return uncertainty.laplace(self.log_params_, self.covariance_, n_draws, random_state)

    def bootstrap(
        self, X: Any, *, n_draws: int = 100, sample_weight: Any = None, random_state: Any = 0
    ) -> np.ndarray:
        """Log-parameters (and coefficients) of fits to resampled customers, shape (n_draws, n).

        Customers are drawn with replacement; since equal ones are one row with a count, each
        fit costs what the distinct ones cost.
        """
        check_is_fitted(self)
        customers = self._customers(X, reset=False, sample_weight=sample_weight).shared()
        rng = np.random.default_rng(random_state)
        n = round(customers.n)
        chances = customers.weight / customers.weight.sum()
        draws = []
        for _ in range(n_draws):
            again = replace(customers, weight=rng.multinomial(n, chances).astype(float))
            drawn = again.weight > 0
            again = replace(
                again, x=again.x[drawn], t_x=again.t_x[drawn], T=again.T[drawn], weight=again.weight[drawn],
                group=again.group[drawn],
            )  # fmt: skip
            draws.append(fit(again, self._problem(again), self.log_params_).log_params)
        return np.array(draws)

    # What subclasses give

    @abstractmethod
    def _terms(self, customers: Customers, theta: np.ndarray, each: bool) -> np.ndarray:
        """Log-likelihood and derivatives, of each row or summed by group; see `likelihood.Terms`."""

    @abstractmethod
    def _alive(self, customers: Customers, theta: np.ndarray) -> np.ndarray:
        """P(still a customer now), shape (n_rows,)."""

    @abstractmethod
    def _moments(self, t: float, customers: Customers, theta: np.ndarray) -> np.ndarray:
        """E[X] and E[X²] of the purchases in the next `t`, given alive; shape (n_rows, 2)."""

    @abstractmethod
    def _at_least(self, t: float, customers: Customers, theta: np.ndarray, most: int) -> np.ndarray:
        """P(X >= 1), … P(X >= `most`), given alive; shape (n_rows, most)."""

    @abstractmethod
    def _start(self, customers: Customers) -> np.ndarray:
        """First guess of the log-parameters, where the mean age is 1."""

    # How it is done

    def _mean(self, t: float, customers: Customers, theta: np.ndarray) -> np.ndarray:
        return self._moments(t, customers, theta)[:, 0]

    def _discounted(self, customers: Customers, theta: np.ndarray, horizon: float, rate: float) -> np.ndarray:
        return discounted_total(lambda t: self._mean(t, customers, theta), horizon, rate)

    def _expected(self, customers: Customers, horizon: float) -> np.ndarray:
        return self._shared(customers, lambda c, theta: self._mean(horizon, c, theta))

    def _shared(self, customers: Customers, answer: Any, theta: np.ndarray | None = None) -> np.ndarray:
        """`answer` of those alive, once for all who have the same future."""
        if theta is None:
            theta = self._theta(customers)
        c = customers
        if len(c.design) == 1 and not self.RECENCY_MATTERS_IF_ALIVE:
            asked = once_in_ticks(c.x, c.T, lambda x, T: answer(Customers.of(x, 0.0, T), theta))
            if asked is not None:
                return asked
        found = shared_rows(c.x, c.T, c.t_x * self.RECENCY_MATTERS_IF_ALIVE, c.group)
        if found is None and len(c.design) == 1 and not self.RECENCY_MATTERS_IF_ALIVE:
            smallest = min(theta[0, i] for i, timed in enumerate(self.TIMED) if timed)
            return smooth_in_age(c.x, c.T, smallest, lambda x, T: answer(Customers.of(x, 0.0, T), theta))
        if found is None:
            return answer(c, theta)
        (x, T, t_x, group), place = found
        return answer(Customers.of(x, t_x, T, group=group.astype(np.int64), design=c.design), theta)[place]

    def _maximise(self, customers: Customers) -> Fitted:
        return fit(customers, self._problem(customers))

    def _problem(self, customers: Customers) -> Problem:
        return Problem(
            terms=self._terms,
            names=self.PARAMETERS,
            timed=self.TIMED,
            signs=self.COVARIATE_SIGNS if customers.design.shape[1] else (0.0,) * 4,
            start=self._start(customers),
            prior_precision=self.prior_precision,
            robust=self.covariance == "sandwich",
        )

    def _keep(self, found: Fitted, customers: Customers) -> None:
        for name, value in zip(self.PARAMETERS, np.exp(found.log_params), strict=False):
            setattr(self, f"{name}_", float(value))
        names = [
            f"{parameter}: {column}"
            for parameter, sign in zip(self.PARAMETERS, self.COVARIATE_SIGNS, strict=True)
            if sign
            for column in column_names(self.coding_)
        ]
        values = found.log_params[len(self.PARAMETERS) :]
        self.coefficients_ = {name: float(value) for name, value in zip(names, values, strict=False)}
        self.log_params_ = found.log_params
        self.covariance_ = found.covariance
        self.log_likelihood_ = found.log_likelihood
        self.fit_report_ = found.report.as_dict()
        said = _in_words(found.report.boundary, self.PARAMETERS)
        if said:
            self.fit_report_["message"] += f": {said}"
        self.n_customers_ = round(customers.n)
        self.standard_errors_ = self.parameter_table()["standard_error"].to_dict()

    def _customers(self, X: Any, *, reset: bool, sample_weight: Any = None) -> Customers:
        customers = read_customers(self, X, self.COLUMNS, reset=reset, sample_weight=sample_weight)
        caller = type(self).__name__
        if reset:
            self.coding_ = (
                learn_covariates(X, self.covariates, caller=caller, weight=customers.weight)
                if self.covariates
                else []
            )
        if not self.coding_:
            return customers
        design, group = design_of(X, self.coding_, caller=caller)
        return replace(customers, design=design, group=group)

    def _ready(self, X: Any, horizon: float = 0.0) -> Customers:
        check_is_fitted(self)
        self._judge_horizon(horizon)
        return self._customers(X, reset=False)

    def _theta(self, customers: Customers, log_params: np.ndarray | None = None) -> np.ndarray:
        signs = self.COVARIATE_SIGNS if customers.design.shape[1] else (0.0,) * 4
        at = self.log_params_ if log_params is None else log_params
        return parameters_by_group(at, customers.design, signs)

    def _draws(self, draws: np.ndarray | None, n_draws: int, random_state: Any) -> np.ndarray:
        return (
            self.draw_parameters(n_draws, random_state=random_state) if draws is None else np.asarray(draws)
        )

    def _judge_parameters(self) -> None:
        choice(self.covariance, name="covariance", allowed=["observed", "sandwich"])
        if not 0 <= self.prior_precision < np.inf:
            raise ValueError(
                f"prior_precision must be >= 0 and finite. Got {self.prior_precision!r} instead."
            )

    def _judge_horizon(self, horizon: float) -> None:
        if not 0 <= horizon < np.inf:
            raise ValueError(f"horizon must be >= 0 and finite. Got {horizon!r} instead.")

    @property
    def _params(self) -> tuple[float, ...]:
        return tuple(getattr(self, f"{name}_") for name in self.PARAMETERS)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        tags.target_tags.required = False
        return tags


def _in_words(boundary: Mapping[str, str], names: Sequence[str]) -> str:
    """What parameters at the boundary say of the customers; the first two are of buying, the others of leaving."""
    shape, scale, leave, stay = (boundary.get(name) for name in names)
    said = []
    if shape == "0":
        said.append("hardly anybody buys again")
    elif "infinity" in (shape, scale):
        said.append("customers hardly differ in how often they buy (no heterogeneity)")
    if leave == "infinity":
        said.append("customers hardly differ in how readily they leave")
    elif leave == "0" or stay == "infinity":
        said.append("hardly anybody leaves (no churn)")
    return " and ".join(said)


def _index(X: Any) -> Any:
    return X.index if isinstance(X, pd.DataFrame) else None
