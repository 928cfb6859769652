"""The past as seen from a snapshot date: summaries, holdouts, activity."""

from crm_analytics.features.activity import cohort_activity
from crm_analytics.features.behaviour import behaviour_features, future_spend
from crm_analytics.features.holdout import calibration_holdout
from crm_analytics.features.summary import customer_counts, customer_summary

__all__ = [
    "behaviour_features",
    "calibration_holdout",
    "cohort_activity",
    "customer_counts",
    "customer_summary",
    "future_spend",
]
