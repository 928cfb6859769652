"""What every room stands on: errors, units, the customer-table door, optimiser, persistence."""

from crm_analytics.core.errors import (
    ConvergenceError,
    CrmAnalyticsError,
    MissingDataError,
    MissingExtraError,
    ModelFileError,
    OutputError,
    SchemaError,
)
from crm_analytics.core.persistence import load_model, model_fingerprint, read_model_card, save_model

__all__ = [
    "ConvergenceError",
    "CrmAnalyticsError",
    "MissingDataError",
    "MissingExtraError",
    "ModelFileError",
    "OutputError",
    "SchemaError",
    "load_model",
    "model_fingerprint",
    "read_model_card",
    "save_model",
]
