"""Frequent itemsets and association rules."""

from crm_analytics.basket.mining.association_rules import AssociationRules
from crm_analytics.basket.mining.frequent_itemsets import FrequentItemsets, itemset_numbers

__all__ = ["AssociationRules", "FrequentItemsets", "itemset_numbers"]
