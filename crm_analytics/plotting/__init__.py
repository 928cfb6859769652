"""A table in, a matplotlib Axes out. Imports no model."""

from crm_analytics.plotting.basket_charts import plot_demand, plot_item_network, plot_rule_graph, plot_rules
from crm_analytics.plotting.charts import plot_concentration, plot_holdout, plot_tracking
from crm_analytics.plotting.customer_charts import plot_alive_history, plot_heat_map
from crm_analytics.plotting.interval_charts import plot_coverage, plot_origins
from crm_analytics.plotting.path_charts import plot_flows, plot_timing, plot_transitions
from crm_analytics.plotting.svg import svg_chart

__all__ = [
    "plot_alive_history",
    "plot_concentration",
    "plot_coverage",
    "plot_demand",
    "plot_flows",
    "plot_heat_map",
    "plot_holdout",
    "plot_item_network",
    "plot_origins",
    "plot_rule_graph",
    "plot_rules",
    "plot_timing",
    "plot_tracking",
    "plot_transitions",
    "svg_chart",
]
