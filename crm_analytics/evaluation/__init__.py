"""Any estimator against what happened; tables for people and for charts. Imports no model."""

from crm_analytics.evaluation.concentration import value_concentration
from crm_analytics.evaluation.holdout import holdout_by_frequency, holdout_predictions, holdout_table
from crm_analytics.evaluation.tracking import tracking_table

__all__ = [
    "holdout_by_frequency",
    "holdout_predictions",
    "holdout_table",
    "tracking_table",
    "value_concentration",
]
