"""Lifetime value: expected purchases, times expected spend, discounted."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

from crm_analytics.clv.gamma_gamma import GammaGammaModel, expected_spend
from crm_analytics.clv.inference.customers import Customers
from crm_analytics.clv.inference.discounting import continuous_rate
from crm_analytics.clv.inference.purchase_model import PurchaseModel
from crm_analytics.clv.inference.uncertainty import intervals_of_total, laplace, proper_level
from crm_analytics.clv.inference.value_interval import value_quantiles
from crm_analytics.clv.pareto_nbd import ParetoNBDModel
from crm_analytics.core.tables import summary_columns
from crm_analytics.core.units import periods_per_year
from crm_analytics.metrics import ModelError


class LifetimeValueModel(BaseEstimator):
    """Discounted expected margin of each customer over a horizon.

    Value = margin × expected spend per purchase × Σ expected purchases, each discounted
    from when it is expected. Only purchases yet to come count, not those already made.

    Parameters
    ----------
    purchases : purchase model, optional
        Model of purchases; `ParetoNBDModel()` by default, which of those that need no gaps
        assumes least. It is cloned, never fitted itself.
    spend : GammaGammaModel, optional
        Model of spend per purchase; `GammaGammaModel()` by default. Cloned likewise.
    unit : {"D", "W", "M", "h"}
        Time unit of the summary: day, week, month, hour. There is no default, because the
        wrong one multiplies the discount.
    horizon : float > 0
        How far ahead value is counted, in `unit`.
    annual_discount_rate : float > -1, default=0.1
        Effective rate for a year; compounding is continuous at the equal rate.
    margin : float, default=1.0
        Share of spend that is earned; at 1 the value is revenue.

    Attributes
    ----------
    purchases_, spend_ : fitted models
    n_without_spend_ : int
        Repeat buyers whose repeat purchases brought nothing (all free or refunded). They
        cannot inform the spend model, and are left out of its fit; they are scored.

    choice_ : dict
        Why this purchase model: `reason` and `warnings` in words, and `log_ratios`, the
        logarithms of actual over predicted purchases at earlier origins. `batch.fit` writes
        it; who fits by hand has chosen by hand.

    References
    ----------
    Fader, Hardie & Lee (2005), RFM and CLV, Journal of Marketing Research 42(4).

    Examples
    --------
    >>> from crm_analytics.clv import ModifiedBetaGeoModel
    >>> summary = pd.DataFrame({"frequency": [0, 0, 2, 6, 1, 0, 3, 9], "recency": [0, 0, 5, 36, 3, 0, 30, 35],
    ...     "T": [38, 37, 38, 38, 30, 28, 33, 39], "monetary_value": [0, 0, 35.0, 28.0, 20.0, 0, 60.0, 31.0]})
    >>> model = LifetimeValueModel(unit="W", horizon=52, annual_discount_rate=0.15, margin=0.3,
    ...     purchases=ModifiedBetaGeoModel(prior_precision=0.25)).fit(summary)
    >>> model.predict_table(summary).round(2).loc[[0, 6, 7], ["p_alive", "expected_purchases", "clv"]]
       p_alive  expected_purchases    clv
    0     0.06                0.13   1.27
    6     0.84                4.13  53.42
    7     0.89                8.14  73.96
    """

    COLUMNS = ("frequency", "recency", "T", "monetary_value")

    def __init__(
        self,
        *,
        unit: str,
        horizon: float,
        purchases: PurchaseModel | None = None,
        spend: GammaGammaModel | None = None,
        annual_discount_rate: float = 0.1,
        margin: float = 1.0,
    ) -> None:
        self.unit = unit
        self.horizon = horizon
        self.purchases = purchases
        self.spend = spend
        self.annual_discount_rate = annual_discount_rate
        self.margin = margin

    def fit(self, X: Any, y: Any = None) -> "LifetimeValueModel":
        """Fit both models to a summary.

        Parameters
        ----------
        X : DataFrame or array of shape (n_customers, 4)
            `frequency`, `recency`, `T` (in `unit`) and `monetary_value` (currency), as
            `customer_summary` gives them.
        y : ignored

        Raises
        ------
        SchemaError, ConvergenceError
            As the two models do.
        """
        self._horizon(None)
        continuous_rate(self.annual_discount_rate, self.unit)
        if not np.isfinite(self.margin):
            raise ValueError(f"margin must be finite. Got {self.margin!r} instead.")
        table = self._table(X, reset=True)
        purchases = clone(self.purchases if self.purchases is not None else ParetoNBDModel())
        self.purchases_ = purchases.fit(self._further(table, X))
        free = (table["frequency"] > 0) & (table["monetary_value"] == 0)
        self.n_without_spend_ = int(free.sum())
        self.choice_ = {"reason": "chosen by the caller", "warnings": [], "log_ratios": []}
        self.spend_ = clone(self.spend if self.spend is not None else GammaGammaModel()).fit(table[~free])
        return self

    def predict(self, X: Any, *, horizon: float | None = None) -> np.ndarray:
        """Value of each customer over the horizon (currency), shape (n_customers,)."""
        check_is_fitted(self)
        length = self._horizon(horizon)
        table = self._table(X, reset=False)
        customers = self.purchases_._customers(self._further(table, X), reset=False)
        alive, _, discounted = self._purchases(customers, length)
        return self.margin * self.spend_.predict(table) * alive * discounted

    def probability_alive(self, X: Any) -> np.ndarray:
        """P(still a customer now), shape (n_customers,)."""
        check_is_fitted(self)
        return self.purchases_.probability_alive(self._table(X, reset=False))

    def predict_table(
        self, X: Any, *, horizon: float | None = None, level: float | None = None
    ) -> pd.DataFrame:
        """Everything that is predicted, one row a customer, on the index of `X`.

        Parameters
        ----------
        X : DataFrame or array of shape (n_customers, 4)
        horizon : float, optional
            In `unit`; that of the constructor by default.
        level : float in (0, 1), optional
            Adds the interval that the customer's value will lie in with this probability.

        Returns
        -------
        DataFrame
            `p_alive`; `expected_purchases` over the horizon (count, not discounted);
            `p_no_purchase` in the horizon; `expected_spend` per purchase (currency); `clv`
            (currency, discounted margin); with `level` also `clv_lower` and `clv_upper`
            (currency): of what the customer will bring, not of its expectation, and for
            most customers from 0.
        """
        check_is_fitted(self)
        length = self._horizon(horizon)
        table = self._table(X, reset=False)
        customers = self.purchases_._customers(self._further(table, X), reset=False)
        alive, purchases, discounted = self._purchases(customers, length)
        spend = self.spend_.predict(table)
        buys = self.purchases_._shared(
            customers, lambda c, at: self.purchases_._at_least(length, c, at, 1)[:, 0]
        )
        columns = {
            "p_alive": alive,
            "expected_purchases": alive * purchases,
            "p_no_purchase": 1 - alive * buys,
            "expected_spend": spend,
            "clv": self.margin * spend * alive * discounted,
        }
        if level is not None:
            tail = (1 - proper_level(level)) / 2
            bounds, _ = self._value_quantiles(
                table, customers, purchases, discounted, length, (tail, 1 - tail)
            )
            columns["clv_lower"], columns["clv_upper"] = bounds
        return pd.DataFrame(columns, index=table.index)

    def total_interval(
        self,
        X: Any,
        *,
        horizon: float | None = None,
        level: float = 0.9,
        model_error: Any = None,
        n_draws: int = 100,
        random_state: Any = 0,
    ) -> pd.DataFrame:
        """How sure of the value of all customers together, one source of doubt after another.

        Parameters
        ----------
        X : DataFrame or array of shape (n_customers, 4)
        horizon : float, optional
            In `unit`; that of the constructor by default.
        level : float in (0, 1)
        model_error : metrics.ModelError, optional
            How far totals were off at earlier origins; learnt from `choice_` by default.
        n_draws : int
            Draws of the parameters of both models.
        random_state : int or numpy Generator

        Returns
        -------
        DataFrame indexed by `doubt`: "parameters", "purchases" (what customers do, given the
        parameters), "model"; columns `expected`, `lower`, `upper` (currency).
        """
        check_is_fitted(self)
        length = self._horizon(horizon)
        table = self._table(X, reset=False)
        customers = self.purchases_._customers(self._further(table, X), reset=False)
        alive, purchases, discounted = self._purchases(customers, length)
        _, variance = self._value_quantiles(table, customers, purchases, discounted, length, (0.05, 0.95))
        discount = np.divide(discounted, purchases, out=np.ones_like(purchases), where=purchases > 0)
        x, z = table["frequency"].to_numpy(dtype=float), table["monetary_value"].to_numpy(dtype=float)
        rng = np.random.default_rng(random_state)
        of_purchases = self.purchases_.draw_parameters(n_draws, random_state=rng)
        of_spend = np.exp(laplace(self.spend_.log_params_, self.spend_.covariance_, n_draws, rng))
        totals = []
        for draw, (p, q, v) in zip(of_purchases, of_spend, strict=True):
            theta = self.purchases_._theta(customers, draw)
            mean = self.purchases_._shared(
                customers, lambda c, at: self.purchases_._mean(length, c, at), theta
            )
            spend = expected_spend(x, z, p, max(q, 1.01), v)
            totals.append(self.margin * (self.purchases_._alive(customers, theta) * mean * discount) @ spend)
        expected = float(self.margin * (alive * discounted) @ self.spend_.predict(table))
        error = ModelError.learn(self.choice_["log_ratios"]) if model_error is None else model_error
        return intervals_of_total(
            expected, np.array(totals), np.full(n_draws, variance.sum()), proper_level(level), error, rng
        )

    def _purchases(self, customers: Customers, length: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """P(alive); and of those alive, the purchases to come, plain and discounted."""
        model = self.purchases_
        rate = continuous_rate(self.annual_discount_rate, self.unit)

        def both(c: Customers, theta: np.ndarray) -> np.ndarray:
            return np.stack(
                [model._mean(length, c, theta), model._discounted(c, theta, length, rate)], axis=1
            )

        plain, discounted = model._shared(customers, both).T
        return model._alive(customers, model._theta(customers)), plain, discounted

    def _value_quantiles(
        self,
        table: pd.DataFrame,
        customers: Customers,
        purchases: np.ndarray,
        discounted: np.ndarray,
        length: float,
        chances: tuple[float, float],
    ) -> tuple[np.ndarray, np.ndarray]:
        discount = np.divide(discounted, purchases, out=np.ones_like(purchases), where=purchases > 0)
        spend = table["monetary_value"].to_numpy(dtype=float)
        low, high = sorted(chances) if self.margin >= 0 else sorted(chances, reverse=True)
        return value_quantiles(
            self.purchases_, customers, self.spend_, spend, self.margin * discount, length, (low, high)
        )

    def _further(self, table: pd.DataFrame, X: Any) -> pd.DataFrame:
        """The table with what else the purchase model reads from `X`: gaps and covariates."""
        if hasattr(X, "to_pandas"):
            X = X.to_pandas()
        if not isinstance(X, pd.DataFrame):
            return table
        return X.assign(**{name: table[name].to_numpy() for name in table.columns})

    def _table(self, X: Any, *, reset: bool) -> pd.DataFrame:
        values = summary_columns(self, X, self.COLUMNS, reset=reset)
        index = X.index if isinstance(X, pd.DataFrame) else None
        return pd.DataFrame(dict(zip(self.COLUMNS, values, strict=True)), index=index)

    def _horizon(self, horizon: float | None) -> float:
        periods_per_year(self.unit)
        length = self.horizon if horizon is None else horizon
        if not 0 < length < np.inf:
            raise ValueError(f"horizon must be > 0 and finite. Got {length!r} instead.")
        return float(length)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        tags.target_tags.required = False
        return tags
