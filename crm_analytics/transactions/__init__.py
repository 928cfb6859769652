"""The log: schema, readers, audit, refund policies, engines (DuckDB default, Spark)."""

from crm_analytics.transactions.canonical import Reading
from crm_analytics.transactions.log import LineCounts, TransactionLog
from crm_analytics.transactions.read import read_log

__all__ = ["LineCounts", "Reading", "TransactionLog", "read_log"]
