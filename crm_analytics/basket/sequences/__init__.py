"""Frequent sequences of baskets and the rules they give."""

from crm_analytics.basket.sequences.sequential_patterns import SequentialPatterns
from crm_analytics.basket.sequences.sequential_rules import SequentialRules

__all__ = ["SequentialPatterns", "SequentialRules"]
