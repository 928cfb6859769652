"""What every room stands on: errors, units, the customer-table door, optimiser, persistence."""

from typing import TYPE_CHECKING, Any

from crm_analytics.core.errors import (
    ConvergenceError,
    CrmAnalyticsError,
    LeakageError,
    LeakageWarning,
    MissingDataError,
    MissingExtraError,
    ModelFileError,
    OutputError,
    SchemaError,
)

if TYPE_CHECKING:
    from crm_analytics.core.persistence import load_model, model_fingerprint, read_model_card, save_model

__all__ = [
    "ConvergenceError",
    "CrmAnalyticsError",
    "LeakageError",
    "LeakageWarning",
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


def __getattr__(name: str) -> Any:
    # Persistence needs scikit-learn, which takes a second to load and 80 MB; reading a log needs neither.
    if name in __all__:
        from crm_analytics.core import persistence

        return getattr(persistence, name)
    raise AttributeError(f"module 'crm_analytics.core' has no attribute {name!r}")
