"""A table in, a matplotlib Axes out. Imports no model."""

from crm_analytics.plotting.charts import plot_concentration, plot_holdout, plot_tracking
from crm_analytics.plotting.svg import svg_chart

__all__ = ["plot_concentration", "plot_holdout", "plot_tracking", "svg_chart"]
