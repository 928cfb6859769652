"""A table in, a matplotlib Axes out. Imports no model."""

from crm_analytics.plotting.basket_charts import plot_demand, plot_item_network, plot_rule_graph, plot_rules
from crm_analytics.plotting.charts import plot_concentration, plot_holdout, plot_tracking
from crm_analytics.plotting.churn_charts import plot_drift, plot_reasons, plot_retention
from crm_analytics.plotting.customer_charts import plot_alive_history, plot_heat_map
from crm_analytics.plotting.household_charts import (
    plot_household_baskets,
    plot_household_gaps,
    plot_household_months,
    plot_household_timeline,
    plot_household_week,
)
from crm_analytics.plotting.household_map import plot_household_places
from crm_analytics.plotting.interval_charts import plot_coverage, plot_origins
from crm_analytics.plotting.migration_charts import plot_migration
from crm_analytics.plotting.path_charts import plot_flows, plot_timing, plot_transitions
from crm_analytics.plotting.rfm_charts import plot_rfm_grid
from crm_analytics.plotting.score_charts import plot_gains, plot_lift, plot_profit_curve, plot_reliability
from crm_analytics.plotting.segment_charts import plot_segment_map, plot_segment_profiles
from crm_analytics.plotting.svg import svg_chart

__all__ = [
    "plot_alive_history",
    "plot_concentration",
    "plot_coverage",
    "plot_demand",
    "plot_drift",
    "plot_flows",
    "plot_gains",
    "plot_heat_map",
    "plot_holdout",
    "plot_household_baskets",
    "plot_household_gaps",
    "plot_household_months",
    "plot_household_places",
    "plot_household_timeline",
    "plot_household_week",
    "plot_item_network",
    "plot_lift",
    "plot_migration",
    "plot_origins",
    "plot_profit_curve",
    "plot_reasons",
    "plot_reliability",
    "plot_retention",
    "plot_rfm_grid",
    "plot_rule_graph",
    "plot_rules",
    "plot_segment_map",
    "plot_segment_profiles",
    "plot_timing",
    "plot_tracking",
    "plot_transitions",
    "svg_chart",
]
