"""Who will leave, when and why, and whom it pays to hold."""

from crm_analytics.churn.duration.contracts import contracts_from_survivors
from crm_analytics.churn.duration.hazard import HazardModel
from crm_analytics.churn.duration.shifted_beta_geometric import ShiftedBetaGeometricModel
from crm_analytics.churn.propensity.classifier import ChurnClassifier
from crm_analytics.churn.retention.retention_experiment import experiment_effect
from crm_analytics.churn.retention.retention_planner import RetentionPlan, RetentionPlanner

__all__ = [
    "ChurnClassifier",
    "HazardModel",
    "RetentionPlan",
    "RetentionPlanner",
    "ShiftedBetaGeometricModel",
    "contracts_from_survivors",
    "experiment_effect",
]
