"""The log: schema, readers, audit, refund policies, engines (DuckDB default, Spark)."""

from crm_analytics.transactions.canonical import Reading
from crm_analytics.transactions.conditions import Condition, bought, had, never, spent
from crm_analytics.transactions.events import EventCounts, LogEvents
from crm_analytics.transactions.log import LineCounts, TransactionLog
from crm_analytics.transactions.read import read_log

__all__ = [
    "Condition",
    "EventCounts",
    "LineCounts",
    "LogEvents",
    "Reading",
    "TransactionLog",
    "bought",
    "had",
    "never",
    "read_log",
    "spent",
]
