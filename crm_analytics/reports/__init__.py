"""One self-contained HTML page: what the customers are worth, and how far to trust it."""

from crm_analytics.reports.portfolio import portfolio_report

__all__ = ["portfolio_report"]
