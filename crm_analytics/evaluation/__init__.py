"""Any estimator against what happened; tables for people and for charts. Imports no model."""

from crm_analytics.evaluation.alive_history import alive_history
from crm_analytics.evaluation.claims import check_claims, match_claims, score_claims
from crm_analytics.evaluation.comparison import Comparison, compare_models
from crm_analytics.evaluation.concentration import value_concentration
from crm_analytics.evaluation.coverage import interval_coverage
from crm_analytics.evaluation.heat_map import frequency_recency_grid
from crm_analytics.evaluation.holdout import holdout_by_frequency, holdout_predictions, holdout_table
from crm_analytics.evaluation.next_basket import NextBasketTrial, future_leaks, next_basket_trial
from crm_analytics.evaluation.realised import RealisedChurn, realised_churn
from crm_analytics.evaluation.score_drift import drift_alarm, score_drift
from crm_analytics.evaluation.tracking import tracking_table

__all__ = [
    "Comparison",
    "NextBasketTrial",
    "RealisedChurn",
    "alive_history",
    "check_claims",
    "compare_models",
    "drift_alarm",
    "frequency_recency_grid",
    "future_leaks",
    "holdout_by_frequency",
    "holdout_predictions",
    "holdout_table",
    "interval_coverage",
    "match_claims",
    "next_basket_trial",
    "realised_churn",
    "score_claims",
    "score_drift",
    "tracking_table",
    "value_concentration",
]
