"""The past as seen from a snapshot date: summaries, holdouts, activity."""

from crm_analytics.features.activity import cohort_activity
from crm_analytics.features.holdout import calibration_holdout
from crm_analytics.features.summary import customer_summary

__all__ = ["calibration_holdout", "cohort_activity", "customer_summary"]
