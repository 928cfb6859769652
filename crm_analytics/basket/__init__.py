"""Baskets and product paths: what goes with what, what comes after what, what to offer next."""

from crm_analytics.basket.demand import demand_index
from crm_analytics.basket.mining.frequent_itemsets import FrequentItemsets, itemset_numbers

__all__ = [
    "FrequentItemsets",
    "demand_index",
    "itemset_numbers",
]
