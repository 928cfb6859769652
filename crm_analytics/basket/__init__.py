"""Baskets and product paths: what goes with what, what comes after what, what to offer next."""

from crm_analytics.basket.mining.frequent_itemsets import FrequentItemsets, itemset_numbers

__all__ = ["FrequentItemsets", "itemset_numbers"]
