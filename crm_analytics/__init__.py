"""Analytical CRM from one transaction log.

Rooms load when they are used: `import crm_analytics` is quick, `crm_analytics.clv` is not.
"""

import importlib
from importlib.metadata import version as _version
from typing import Any

__version__ = _version("crm_analytics")

_ROOMS = (
    "basket",
    "batch",
    "churn",
    "clv",
    "core",
    "datasets",
    "evaluation",
    "features",
    "metrics",
    "plotting",
    "profiling",
    "reports",
    "segmentation",
    "transactions",
)

_SHORTCUTS = {
    "TransactionLog": "transactions",
    "read_log": "transactions",
    "customer_summary": "features",
    "calibration_holdout": "features",
    "load_model": "core",
    "save_model": "core",
}

__all__ = sorted([*_ROOMS, *_SHORTCUTS])


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"crm_analytics.{name}")
    if name in _SHORTCUTS:
        return getattr(importlib.import_module(f"crm_analytics.{_SHORTCUTS[name]}"), name)
    raise AttributeError(f"module 'crm_analytics' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
