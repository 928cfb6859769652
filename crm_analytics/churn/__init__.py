"""Who will leave, when and why, and whom it pays to hold."""

from crm_analytics.churn.classifier import ChurnClassifier
from crm_analytics.churn.contracts import contracts_from_survivors
from crm_analytics.churn.hazard import HazardModel
from crm_analytics.churn.retention_experiment import experiment_effect
from crm_analytics.churn.retention_planner import RetentionPlan, RetentionPlanner
from crm_analytics.churn.shifted_beta_geometric import ShiftedBetaGeometricModel

__all__ = [
    "ChurnClassifier",
    "HazardModel",
    "RetentionPlan",
    "RetentionPlanner",
    "ShiftedBetaGeometricModel",
    "contracts_from_survivors",
    "experiment_effect",
]
