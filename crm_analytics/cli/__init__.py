"""The command `crm-analytics`: parse, call the library, write."""

from crm_analytics.cli.run import main

__all__ = ["main"]
