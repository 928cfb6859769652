"""Which model to use: every candidate and naive rule, at every origin that the log allows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from crm_analytics.core.errors import CrmAnalyticsError
from crm_analytics.core.units import UNIT_WORDS, periods_per_year
from crm_analytics.evaluation.holdout import NAIVE, holdout_table
from crm_analytics.features import calibration_holdout
from crm_analytics.features.periods import last_period, period_number, period_start, shift
from crm_analytics.metrics import ModelError
from crm_analytics.transactions import TransactionLog

SEASONAL = " × season"


@dataclass(frozen=True)
class Comparison:
    """What every model foretold at every origin, and what came.

    Attributes
    ----------
    origins : DataFrame
        A row for each origin and model: `origin`, `model`, `customers`, `actual` and
        `predicted` purchases of all, `lower` and `upper` (90 % interval of the total, where
        the model gives one; it knows the errors of origins whose horizon was over by then),
        `covered`, and `mae`, `rmse`, `gini` over customers.
    chosen : str
        The model to use.
    reason : str
        Why, in a sentence.
    warnings : list of str
        Where a naive rule is better; a season ahead that the log has not seen; models that
        could not be fitted.
    horizon : int
        Periods.
    unit : str
    """

    origins: pd.DataFrame
    chosen: str
    reason: str
    warnings: list[str]
    horizon: int
    unit: str

    @property
    def table(self) -> pd.DataFrame:
        """A row a model, best first: means over the origins, and how often it was best.

        `bias` is that of all origins' totals together, `covered` the share of them inside
        their 90 % intervals.
        """
        return _ranking(self.origins)

    def model_error(self, model: str | None = None) -> ModelError:
        """What the origins tell of how far the next total of `model` (the chosen one) may be off."""
        return ModelError.learn(_log_ratios(self.origins, self.chosen if model is None else model))


def compare_models(
    log: TransactionLog,
    models: Mapping[str, Any],
    *,
    horizon: int,
    unit: str = "W",
    n_origins: int = 6,
    step: int | None = None,
    snapshot_date: date | datetime | str | None = None,
    intervals: bool = True,
) -> Comparison:
    """Refit every model at earlier dates, and hold what it foretold against what came.

    The origins lie `step` apart; the horizon of the last ends at `snapshot_date`, and the
    first has at least one horizon of history. Each model also runs with a seasonal
    correction where the log reaches back a year before an origin: its total error in the
    same window of the year before, taken off.

    The choice: the lowest root mean squared error per customer, averaged over origins,
    except that the first model in `models` that is within one standard error of it is
    preferred. Squared error is what an expectation minimises; the mean absolute error prefers
    predicting too little, since most customers buy nothing.

    Parameters
    ----------
    log : TransactionLog
    models : dict of str to unfitted model
        Such as `clv.purchase_models()`, the more trusted first; each has `fit(table)` and
        `predict(table, horizon=…)`, purchases.
    horizon : int >= 1
        Periods foretold.
    unit : {"D", "W", "M", "h"}
    n_origins : int >= 1
        At most so many.
    step : int, optional
        Periods between origins; the horizon by default, so that no purchase counts twice.
    snapshot_date : date, datetime or str, optional
        First instant not seen; the log's end by default.
    intervals : bool
        Whether to find the 90 % interval of each total, which takes most of the time.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        If the log is shorter than two horizons, or no model could be fitted.

    Examples
    --------
    >>> from crm_analytics import clv
    >>> from crm_analytics.datasets import load_cdnow
    >>> found = compare_models(load_cdnow(), clv.purchase_models(), horizon=13, unit="W")
    >>> found.chosen
    'Pareto/NBD'
    """
    if horizon < 1 or n_origins < 1 or (step is not None and step < 1):
        raise ValueError(
            f"horizon, n_origins and step must be >= 1. Got {horizon!r}, {n_origins!r} and {step!r} instead."
        )
    end = period_start(log.snapshot(snapshot_date), unit)
    places = _origins(log, end, horizon, unit, n_origins, horizon if step is None else step)
    warnings: list[str] = []
    found: list[pd.DataFrame] = []
    for origin in places:
        known = pd.concat(found) if found and intervals else None
        rows = _at(log, models, origin, horizon, unit, known, warnings, intervals)
        if len(rows):
            found.append(rows)
    if not found:
        raise ValueError("compare_models: nobody bought in any horizon. Take a longer one.")
    origins = pd.concat(found, ignore_index=True)
    fitted = [name for name in models if name in set(origins["model"])]
    if not fitted:
        raise ValueError(f"compare_models: no model could be fitted. {' '.join(dict.fromkeys(warnings))}")
    chosen, reason = _choose(origins, fitted)
    return Comparison(
        origins, chosen, reason, [*dict.fromkeys(warnings), *_caveats(log, origins, chosen, end, horizon, unit)],
        horizon, unit,
    )  # fmt: skip


def _origins(
    log: TransactionLog, end: datetime, horizon: int, unit: str, n_origins: int, step: int
) -> list[datetime]:
    """First instants of the horizons, the earliest first."""
    begin = _first(log)
    seen = last_period(end, unit) - period_number(begin, unit) + 1 if begin else 0
    n = min(n_origins, (seen - 2 * horizon) // step + 1)
    if n < 1:
        raise ValueError(
            f"compare_models needs two horizons of history, {2 * horizon:,} {UNIT_WORDS[unit]}s, but the log has "
            f"{seen:,}. Take a shorter horizon."
        )
    return [shift(end, -horizon - i * step, unit) for i in reversed(range(n))]


def _at(
    log: TransactionLog,
    models: Mapping[str, Any],
    origin: datetime,
    horizon: int,
    unit: str,
    known: pd.DataFrame | None,
    warnings: list[str],
    intervals: bool,
) -> pd.DataFrame:
    """All models at one origin; intervals learn from `known` origins whose horizon was over."""
    table = calibration_holdout(log, origin, shift(origin, horizon, unit), unit, gaps=True)
    if not table["frequency_holdout"].any():
        warnings.append(f"The origin {origin:%Y-%m-%d} tells nothing: nobody bought in its horizon.")
        return pd.DataFrame()
    fitted = _fit_all(models, table, origin, warnings)
    factors = _seasonal_factors(log, models, origin, horizon, unit, warnings)
    corrected = {
        name + SEASONAL: _Scaled(fitted[name], factor) for name, factor in factors.items() if name in fitted
    }
    judged = holdout_table(table, fitted | corrected)
    rows = judged[["actual", "predicted", "mae", "rmse", "gini"]].rename_axis("model").reset_index()
    rows.insert(0, "origin", pd.Timestamp(origin))
    rows.insert(2, "customers", len(table))
    bounds = pd.DataFrame(np.nan, index=rows["model"], columns=["lower", "upper"])
    for name, model in fitted.items():
        if intervals and hasattr(model, "total_interval"):
            closed = known[known["origin"] <= shift(origin, -horizon, unit)] if known is not None else None
            error = ModelError.learn([] if closed is None else _log_ratios(closed, name))
            try:
                interval = model.total_interval(table, horizon=horizon, model_error=error, n_draws=100)
            except ValueError:  # a flat likelihood has no draws: the parameters as they are
                interval = model.total_interval(
                    table, horizon=horizon, model_error=error, draws=model.log_params_[None]
                )
            bounds.loc[name] = interval.loc["model", ["lower", "upper"]].to_numpy(dtype=float)
    rows["lower"], rows["upper"] = bounds["lower"].to_numpy(), bounds["upper"].to_numpy()
    inside = (rows["lower"] <= rows["actual"]) & (rows["actual"] <= rows["upper"])
    rows["covered"] = inside.astype(float).where(rows["lower"].notna())
    return rows


def _fit_all(
    models: Mapping[str, Any], table: pd.DataFrame, origin: datetime, warnings: list[str]
) -> dict[str, Any]:
    fitted = {}
    for name, model in models.items():
        try:
            fitted[name] = clone(model).fit(table)
        except CrmAnalyticsError as error:
            warnings.append(f"{name} could not be fitted as of {origin:%Y-%m-%d}: {error}")
    return fitted


def _seasonal_factors(
    log: TransactionLog,
    models: Mapping[str, Any],
    origin: datetime,
    horizon: int,
    unit: str,
    warnings: list[str],
) -> dict[str, float]:
    """Actual over predicted of each model a year earlier; none if the log does not reach back so far."""
    before = shift(origin, -round(periods_per_year(unit)), unit)
    begin = _first(log)
    if begin is None or period_number(before, unit) - period_number(begin, unit) < horizon:
        return {}
    table = calibration_holdout(log, before, shift(before, horizon, unit), unit, gaps=True)
    actual = float(table["frequency_holdout"].sum())
    fitted = _fit_all(models, table, before, warnings)
    return {
        name: actual / float(model.predict(table, horizon=horizon).sum()) for name, model in fitted.items()
    }


def _first(log: TransactionLog) -> datetime | None:
    """Instant of the first line."""
    first = log.counts.first_at
    return None if first is None else pd.Timestamp(first).to_pydatetime()


class _Scaled:
    """A model whose predictions are multiplied by a factor."""

    def __init__(self, model: Any, factor: float) -> None:
        self._model, self._factor = model, factor

    def predict(self, X: Any, *, horizon: float) -> np.ndarray:
        return self._factor * self._model.predict(X, horizon=horizon)


def _log_ratios(origins: pd.DataFrame, model: str) -> np.ndarray:
    rows = origins[(origins["model"] == model) & (origins["actual"] > 0) & (origins["predicted"] > 0)]
    return np.log(rows["actual"].to_numpy() / rows["predicted"].to_numpy())


def _ranking(origins: pd.DataFrame) -> pd.DataFrame:
    best = origins.loc[origins.groupby("origin")["rmse"].idxmin(), "model"].value_counts()
    groups = origins.groupby("model", sort=False)
    totals = groups[["predicted", "actual"]].sum()
    table = groups[["mae", "rmse", "gini", "covered"]].mean()
    table.insert(0, "bias", totals["predicted"] / totals["actual"] - 1)
    table.insert(0, "origins", groups.size())
    table["best_at"] = best.reindex(table.index).fillna(0).astype(int)
    return table.sort_values(["origins", "rmse"], ascending=[False, True], kind="stable")


def _choose(origins: pd.DataFrame, fitted: Sequence[str]) -> tuple[str, str]:
    """The first model within one standard error of the best, and why."""
    every = origins.pivot_table(index="origin", columns="model", values="rmse")[list(fitted)]
    errors = every.dropna() if every.notna().all(axis=1).any() else every  # where all could be fitted
    mean = errors.mean()
    best = str(mean.idxmin())
    n = len(errors)
    for name in fitted:
        worse = errors[name] - errors[best]
        doubt = worse.std(ddof=1) / np.sqrt(n) if n > 1 else 0.01 * mean[best]
        if name == best or worse.mean() <= doubt:
            break
    said = f"over {n} origin{'s' if n != 1 else ''} its root mean squared error per customer was {mean[name]:.3g}"
    if name == best:
        return name, f"{name}: {said}, the lowest of {len(fitted)} models."
    return name, (
        f"{name}: {said}; {best} had {mean[best]:.3g}, which is less by no more than chance, and {name} is the more "
        "trusted."
    )


def _caveats(
    log: TransactionLog, origins: pd.DataFrame, chosen: str, end: datetime, horizon: int, unit: str
) -> list[str]:
    table = _ranking(origins)
    found = []
    for rule in NAIVE:
        for measure, words in (("mae", "mean absolute error"), ("rmse", "root mean squared error")):
            naive, own = float(table[measure][rule]), float(table[measure][chosen])
            if naive < own:
                found.append(
                    f'The naive rule "{rule}" beats {chosen} in {words} per customer: {naive:.3g} to {own:.3g}.'
                )
    last = shift(end, horizon, unit)
    year = round(periods_per_year(unit))
    begin = _first(log)
    if begin is not None and shift(end, -year, unit) < begin:
        found.append(
            f"The log begins on {begin:%Y-%m-%d}, less than a year before {end:%Y-%m-%d}: it has not seen the season "
            f"up to {last:%Y-%m-%d} before. A Christmas or a holiday in it will surprise every model."
        )
    return found
