"""The past as seen from a snapshot date: summaries, holdouts, activity."""

from crm_analytics.features.activity import cohort_activity
from crm_analytics.features.baskets import Baskets
from crm_analytics.features.behaviour import behaviour_features, future_spend
from crm_analytics.features.encoding import encode_baskets
from crm_analytics.features.events import event_features
from crm_analytics.features.histories import Histories, purchase_histories
from crm_analytics.features.holdout import calibration_holdout
from crm_analytics.features.items import item_table
from crm_analytics.features.rfm import rfm_table
from crm_analytics.features.rolling_origin import PurgedRollingOrigin
from crm_analytics.features.snapshots import SnapshotBuilder, Snapshots
from crm_analytics.features.summary import customer_counts, customer_summary
from crm_analytics.features.tastes import category_amounts

__all__ = [
    "Baskets",
    "Histories",
    "PurgedRollingOrigin",
    "SnapshotBuilder",
    "Snapshots",
    "behaviour_features",
    "calibration_holdout",
    "category_amounts",
    "cohort_activity",
    "customer_counts",
    "customer_summary",
    "encode_baskets",
    "event_features",
    "future_spend",
    "item_table",
    "purchase_histories",
    "rfm_table",
]
