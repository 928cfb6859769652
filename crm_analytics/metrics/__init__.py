"""Pure functions of arrays: how good a prediction was."""

from crm_analytics.metrics.amount import relative_bias, top_share
from crm_analytics.metrics.bootstrap import Interval, bootstrap_interval, paired_difference
from crm_analytics.metrics.calibration import (
    brier_score,
    brier_skill,
    calibration_by_chance,
    calibration_error,
    calibration_interval,
    calibration_table,
)
from crm_analytics.metrics.clusters import adjusted_rand_index, explained_share, recovery
from crm_analytics.metrics.drift import Stability, population_stability
from crm_analytics.metrics.effects import cliffs_delta, cohens_h
from crm_analytics.metrics.model_error import ModelError
from crm_analytics.metrics.profit import Profit, empc, mpc, profit_curve
from crm_analytics.metrics.ranking import gains_curve, gini, lift_at
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
    "Profit",
    "Stability",
    "adjusted_rand_index",
    "average_precision_at",
    "bootstrap_interval",
    "brier_score",
    "brier_skill",
    "calibration_by_chance",
    "calibration_error",
    "calibration_interval",
    "calibration_table",
    "catalogue_coverage",
    "cliffs_delta",
    "cohens_h",
    "cumulative_incidence",
    "empc",
    "explained_share",
    "gains_curve",
    "gini",
    "hit_rate_at",
    "kaplan_meier",
    "lift_at",
    "mpc",
    "ndcg_at",
    "novelty",
    "paired_difference",
    "population_stability",
    "precision_at",
    "profit_curve",
    "recall_at",
    "reciprocal_rank_at",
    "recommendation_hits",
    "recovery",
    "relative_bias",
    "survival_quantile",
    "top_share",
]
