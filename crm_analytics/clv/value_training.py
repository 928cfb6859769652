"""Learn customers' future value from a log, at a date whose future is known."""

from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone

from crm_analytics.clv.gamma_gamma import GammaGammaModel
from crm_analytics.clv.value_regressor import ValueRegressor
from crm_analytics.core.units import UNIT_WORDS
from crm_analytics.features.behaviour import behaviour_features, future_spend
from crm_analytics.features.periods import period_number, period_start, shift
from crm_analytics.transactions import TransactionLog

PRIOR = "expected_spend_if_buys"


def value_features(
    log: TransactionLog,
    snapshot_date: date | datetime | str | None = None,
    *,
    horizon: int,
    unit: str,
    purchases: BaseEstimator | None = None,
) -> pd.DataFrame:
    """Describe customers as of a date, to learn or to predict their value from then on.

    Parameters
    ----------
    log : TransactionLog
    snapshot_date : date, datetime or str, optional
        First instant not seen; the day after the last line by default.
    horizon : int >= 1
        Length that value is counted over, in `unit`.
    unit : {"D", "W", "M", "h"}
    purchases : unfitted model of purchases, optional
        Such as `BetaGeoModel()`. A clone is fitted to what was known at `snapshot_date`,
        with a Gamma-Gamma model beside it, and what they expect is added.

    Returns
    -------
    DataFrame indexed by customer_id: the columns of `features.behaviour_features`, and with
    `purchases` also `p_alive`, `expected_purchases` over the horizon, `expected_spend` per
    purchase, `expected_value` (their product), and `expected_spend_if_buys`.

    Raises
    ------
    ConvergenceError
        If `purchases` or the Gamma-Gamma model finds no parameters; do without, then.

    Examples
    --------
    >>> from crm_analytics.clv import BetaGeoModel
    >>> from crm_analytics.datasets import load_cdnow
    >>> table = value_features(load_cdnow(), "1997-09-29", horizon=13, unit="W", purchases=BetaGeoModel())
    >>> table.shape, table.columns[-1]
    ((2357, 25), 'expected_spend_if_buys')
    """
    table = behaviour_features(log, snapshot_date, unit)
    return table if purchases is None else table.join(_expected(table, horizon, purchases))


def fit_value_regressor(
    log: TransactionLog,
    *,
    horizon: int,
    unit: str,
    snapshot_date: date | datetime | str | None = None,
    purchases: BaseEstimator | None = None,
    regressor: ValueRegressor | None = None,
) -> ValueRegressor:
    """Learn at `snapshot_date` less `horizon`, where what followed is known.

    The features are those of that earlier date, the target is the spend of the horizon that
    followed, and nothing from `snapshot_date` on is looked at. Predict from
    `value_features(log, snapshot_date, …)` with the same horizon, unit and `purchases`.

    Parameters
    ----------
    log : TransactionLog
    horizon : int >= 1
        Length that value is counted over, in `unit`.
    unit : {"D", "W", "M", "h"}
    snapshot_date : date, datetime or str, optional
        First instant not seen, and of a period; the latest that leaves no period
        unfinished by default.
    purchases : unfitted model of purchases, optional
        As for `value_features`. Its estimates are then also what the trees start from.
    regressor : ValueRegressor, optional
        Cloned, never fitted itself; `ValueRegressor()` by default, with the estimate
        `expected_spend_if_buys` as its prior if there are `purchases`.

    Returns
    -------
    A fitted ValueRegressor.

    Raises
    ------
    ValueError
        If the log is shorter than twice the horizon: then the customers learned from are
        known for less time than they are predicted over.

    Examples
    --------
    >>> from crm_analytics.datasets import load_cdnow
    >>> log = load_cdnow()
    >>> model = fit_value_regressor(log, horizon=13, unit="W", snapshot_date="1997-09-29")
    >>> model.predict_table(value_features(log, "1997-09-29", horizon=13, unit="W")).shape
    (2357, 3)
    """
    snapshot = log.snapshot(snapshot_date)
    if snapshot_date is None:
        snapshot = period_start(snapshot, unit)
    _judge_horizon(log, snapshot, horizon, unit)
    origin = shift(snapshot, -horizon, unit)
    table = value_features(log, origin, horizon=horizon, unit=unit, purchases=purchases)
    target = future_spend(log, origin, horizon, unit)
    if regressor is None:
        regressor = ValueRegressor(prior=None if purchases is None else PRIOR)
    return clone(regressor).fit(table, target.to_numpy())


def _expected(table: pd.DataFrame, horizon: int, purchases: BaseEstimator) -> pd.DataFrame:
    """What a model of purchases and one of spend expect of the customers they are fitted to."""
    model: Any = clone(purchases).fit(table)
    paid = (table["frequency"] == 0) | (table["monetary_value"] > 0)  # the others inform no spend model
    spend = GammaGammaModel().fit(table[paid]).predict(table)
    count = model.predict(table, horizon=horizon)
    columns = {
        "p_alive": model.probability_alive(table),
        "expected_purchases": count,
        "expected_spend": spend,
        "expected_value": count * spend,
        PRIOR: spend * count_if_any(count),
    }
    return pd.DataFrame(columns, index=table.index)


def count_if_any(mean: Any) -> np.ndarray:
    """Mean of a Poisson count given that it is not 0: m / (1 - e^-m), from 1 on.

    >>> count_if_any([0.0, 1.0, 50.0]).round(2)
    array([ 1.  ,  1.58, 50.  ])
    """
    mean = np.maximum(np.asarray(mean, dtype=float), 1e-12)  # at 0 the limit is 1
    return mean / -np.expm1(-mean)


def _judge_horizon(log: TransactionLog, snapshot: datetime, horizon: int, unit: str) -> None:
    if not horizon >= 1:
        raise ValueError(f"horizon must be >= 1. Got {horizon!r} instead.")
    first = log.counts.first_at
    assert first is not None  # log.snapshot has refused an empty log  # noqa: S101
    longest = (period_number(snapshot, unit) - period_number(first, unit)) // 2
    if horizon > longest:
        word = UNIT_WORDS[unit]
        raise ValueError(
            f"fit_value_regressor: a horizon of {horizon:,} {word}s is learned from as many before it, but from "
            f"the log's first line ({log.start}) to {snapshot} that leaves {longest:,} at most. Learn "
            f"{longest:,} or fewer, and stretch what is predicted by a purchase model: multiply it by "
            f"predict(table, horizon={horizon}) / predict(table, horizon=the one learned)."
        )
