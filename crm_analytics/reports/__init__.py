"""Self-contained HTML pages: what the customers are worth, and who a household is."""

from crm_analytics.reports.household import household_report
from crm_analytics.reports.portfolio import portfolio_report

__all__ = ["household_report", "portfolio_report"]
