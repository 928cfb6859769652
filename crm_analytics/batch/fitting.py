"""Fit the models that score customers, and keep them in a folder."""

from datetime import date, datetime
from pathlib import Path

from crm_analytics.clv import LifetimeValueModel
from crm_analytics.core import ModelFileError, load_model, save_model
from crm_analytics.core.units import periods_per_year
from crm_analytics.features import customer_summary
from crm_analytics.transactions import TransactionLog

LIFETIME_VALUE = "lifetime_value"


def fit(
    log: TransactionLog,
    *,
    unit: str = "D",
    horizon: float | None = None,
    annual_discount_rate: float = 0.1,
    margin: float = 1.0,
    snapshot_date: date | datetime | str | None = None,
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
    """
    year = round(periods_per_year(unit))
    model = LifetimeValueModel(
        unit=unit,
        horizon=year if horizon is None else horizon,
        annual_discount_rate=annual_discount_rate,
        margin=margin,
    )
    return model.fit(customer_summary(log, snapshot_date, unit))


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
