"""A table in, a matplotlib Axes out. Imports no model."""

from crm_analytics.plotting.charts import plot_concentration, plot_holdout, plot_tracking
from crm_analytics.plotting.customer_charts import plot_alive_history, plot_heat_map
from crm_analytics.plotting.interval_charts import plot_coverage, plot_origins
from crm_analytics.plotting.svg import svg_chart

__all__ = [
    "plot_alive_history",
    "plot_concentration",
    "plot_coverage",
    "plot_heat_map",
    "plot_holdout",
    "plot_origins",
    "plot_tracking",
    "svg_chart",
]
