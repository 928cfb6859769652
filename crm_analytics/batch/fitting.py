"""Choose and fit the models that score customers, and keep them in a folder."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from crm_analytics.clv import LifetimeValueModel, purchase_models
from crm_analytics.core import ModelFileError, load_model, save_model
from crm_analytics.core.errors import choice
from crm_analytics.core.units import UNIT_WORDS, periods_per_year
from crm_analytics.evaluation import compare_models
from crm_analytics.features import customer_summary
from crm_analytics.features.periods import last_period, period_number
from crm_analytics.transactions import TransactionLog

LIFETIME_VALUE = "lifetime_value"
N_ORIGINS = 4


def fit(
    log: TransactionLog,
    *,
    unit: str = "D",
    horizon: float | None = None,
    annual_discount_rate: float = 0.1,
    margin: float = 1.0,
    snapshot_date: date | datetime | str | None = None,
    purchases: str = "auto",
) -> LifetimeValueModel:
    """Fit a lifetime value model to everything before `snapshot_date`.

    Parameters
    ----------
    log : TransactionLog
    unit : {"D", "W", "M", "h"}
        Time unit of the summary, the model and the horizon.
    horizon : float, optional
        How far ahead value is counted, in `unit`; a year by default.
    annual_discount_rate, margin : float
        See `LifetimeValueModel`.
    snapshot_date : date, datetime or str, optional
        First instant not seen; the log's end by default.
    purchases : str
        Name of the purchase model, as `clv.purchase_models` has it; "auto" compares all of
        them at earlier dates of the log (`evaluation.compare_models`) and takes the best.
        `choice_` of the model says why.
    """
    models = purchase_models()
    choice(purchases, name="purchases", allowed=["auto", *models])
    length = round(periods_per_year(unit)) if horizon is None else horizon
    why: dict[str, Any] = {"reason": f"{purchases}: chosen by the caller.", "warnings": [], "log_ratios": []}
    if purchases == "auto":
        purchases, why = _choose(log, length, unit, snapshot_date)
    model = LifetimeValueModel(
        unit=unit,
        horizon=length,
        annual_discount_rate=annual_discount_rate,
        margin=margin,
        purchases=models[purchases],
    )
    model.fit(customer_summary(log, snapshot_date, unit, gaps=purchases == "MBG/CNBD-k"))
    model.choice_ = why
    return model


def _choose(
    log: TransactionLog, horizon: float, unit: str, snapshot_date: date | datetime | str | None
) -> tuple[str, dict[str, Any]]:
    """The model that foretold best, over at most a quarter of the log at a time, and why."""
    models = purchase_models()
    first = next(iter(models))
    begin, end = log.counts.first_at, log.snapshot(snapshot_date)
    seen = last_period(end, unit) - period_number(begin, unit) + 1 if begin else 0
    ahead = int(min(horizon, seen // 4))
    default: dict[str, Any] = {"warnings": [], "log_ratios": []}
    if ahead < 1:
        reason = f"{first}: the log of {seen:,} {UNIT_WORDS[unit]}s is too short to compare models."
        return first, default | {"reason": reason}
    try:
        found = compare_models(
            log,
            models,
            horizon=ahead,
            unit=unit,
            n_origins=N_ORIGINS,
            step=max(1, ahead // 2),
            snapshot_date=snapshot_date,
            intervals=False,
        )
    except ValueError as error:  # nobody bought in a horizon, or no model can be fitted so early
        return first, default | {"reason": f"{first}: models could not be compared. {error}"}
    rows = found.origins[(found.origins["model"] == found.chosen) & (found.origins["actual"] > 0)]
    return found.chosen, {
        "reason": found.reason,
        "warnings": found.warnings,
        "log_ratios": [float(ratio) for ratio in np.log(rows["actual"] / rows["predicted"])],
    }


def save_models(model: LifetimeValueModel, log: TransactionLog, folder: str | Path) -> Path:
    """Write the fitted model under `folder`, with the window of the log it was fitted on."""
    return save_model(model, Path(folder) / LIFETIME_VALUE, data_window=(str(log.start), str(log.end)))


def load_models(folder: str | Path) -> LifetimeValueModel:
    """Read what `save_models` wrote.

    Raises
    ------
    ModelFileError
        If there is no such model, or it was altered; see `core.load_model`.
    """
    model = load_model(Path(folder) / LIFETIME_VALUE)
    if not isinstance(model, LifetimeValueModel):
        raise ModelFileError(f"{folder} holds a {type(model).__name__} where a LifetimeValueModel belongs.")
    return model
