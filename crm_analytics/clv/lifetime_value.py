"""Lifetime value: expected purchases, times expected spend, discounted."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

from crm_analytics.clv.beta_geo import BetaGeoModel
from crm_analytics.clv.discounting import continuous_rate, discounted_total
from crm_analytics.clv.gamma_gamma import GammaGammaModel
from crm_analytics.core.tables import summary_columns
from crm_analytics.core.units import periods_per_year


class LifetimeValueModel(BaseEstimator):
    """Discounted expected margin of each customer over a horizon.

    Value = margin × expected spend per purchase × Σ expected purchases, each discounted
    from when it is expected. Only purchases yet to come count, not those already made.

    Parameters
    ----------
    purchases : BetaGeoModel, optional
        Model of purchases; `BetaGeoModel()` by default. It is cloned, never fitted itself.
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

    References
    ----------
    Fader, Hardie & Lee (2005), RFM and CLV, Journal of Marketing Research 42(4).

    Examples
    --------
    >>> summary = pd.DataFrame({"frequency": [0, 0, 2, 6, 1, 0, 3, 9], "recency": [0, 0, 5, 36, 3, 0, 30, 35],
    ...     "T": [38, 37, 38, 38, 30, 28, 33, 39], "monetary_value": [0, 0, 35.0, 28.0, 20.0, 0, 60.0, 31.0]})
    >>> model = LifetimeValueModel(unit="W", horizon=52, annual_discount_rate=0.15, margin=0.3)
    >>> model.fit(summary).predict_table(summary).round(1).tail(2)
       p_alive  expected_purchases  expected_spend   clv
    6      0.9                 4.1            46.0  52.4
    7      1.0                 9.8            32.3  88.7
    """

    COLUMNS = ("frequency", "recency", "T", "monetary_value")

    def __init__(
        self,
        *,
        unit: str,
        horizon: float,
        purchases: BetaGeoModel | None = None,
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
        self.purchases_ = clone(self.purchases if self.purchases is not None else BetaGeoModel()).fit(table)
        free = (table["frequency"] > 0) & (table["monetary_value"] == 0)
        self.n_without_spend_ = int(free.sum())
        self.spend_ = clone(self.spend if self.spend is not None else GammaGammaModel()).fit(table[~free])
        return self

    def predict(self, X: Any, *, horizon: float | None = None) -> np.ndarray:
        """Value of each customer over the horizon (currency), shape (n_customers,)."""
        return self.predict_table(X, horizon=horizon)["clv"].to_numpy()

    def probability_alive(self, X: Any) -> np.ndarray:
        """P(still a customer now), shape (n_customers,)."""
        check_is_fitted(self)
        return self.purchases_.probability_alive(self._table(X, reset=False))

    def predict_table(self, X: Any, *, horizon: float | None = None) -> pd.DataFrame:
        """Everything that is predicted, one row a customer, on the index of `X`.

        Parameters
        ----------
        X : DataFrame or array of shape (n_customers, 4)
        horizon : float, optional
            In `unit`; that of the constructor by default.

        Returns
        -------
        DataFrame
            `p_alive`; `expected_purchases` over the horizon (count, not discounted);
            `expected_spend` per purchase (currency); `clv` (currency, discounted margin).
        """
        check_is_fitted(self)
        length = self._horizon(horizon)
        table = self._table(X, reset=False)
        rate = continuous_rate(self.annual_discount_rate, self.unit)
        purchases = self.purchases_.predict(table, horizon=length)
        spend = self.spend_.predict(table)
        discounted = self.purchases_.discounted_purchases(table, rate=rate, horizon=length)
        return pd.DataFrame(
            {
                "p_alive": self.purchases_.probability_alive(table),
                "expected_purchases": purchases,
                "expected_spend": spend,
                "clv": self.margin * spend * discounted,
            },
            index=table.index,
        )

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
