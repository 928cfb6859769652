"""Pure functions of arrays: how good a prediction was."""

from crm_analytics.metrics.amount import relative_bias, top_share
from crm_analytics.metrics.bootstrap import Interval, bootstrap_interval, paired_difference
from crm_analytics.metrics.model_error import ModelError
from crm_analytics.metrics.ranking import gini, lift_at
from crm_analytics.metrics.recommendation import (
    average_precision_at,
    catalogue_coverage,
    hit_rate_at,
    ndcg_at,
    novelty,
    precision_at,
    recall_at,
    reciprocal_rank_at,
    recommendation_hits,
)
from crm_analytics.metrics.survival import cumulative_incidence, kaplan_meier, survival_quantile

__all__ = [
    "Interval",
    "ModelError",
    "average_precision_at",
    "bootstrap_interval",
    "catalogue_coverage",
    "cumulative_incidence",
    "gini",
    "hit_rate_at",
    "kaplan_meier",
    "lift_at",
    "ndcg_at",
    "novelty",
    "paired_difference",
    "precision_at",
    "recall_at",
    "reciprocal_rank_at",
    "recommendation_hits",
    "relative_bias",
    "survival_quantile",
    "top_share",
]
