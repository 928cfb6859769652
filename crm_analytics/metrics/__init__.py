"""Pure functions of arrays: how good a prediction was."""

from crm_analytics.metrics.amount import relative_bias, top_share
from crm_analytics.metrics.model_error import ModelError
from crm_analytics.metrics.ranking import gini, lift_at

__all__ = ["ModelError", "gini", "lift_at", "relative_bias", "top_share"]
