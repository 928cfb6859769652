"""Baskets and product paths: what goes with what, what comes after what, what to offer next."""

from crm_analytics.basket.demand import demand_index
from crm_analytics.basket.mining import AssociationRules, FrequentItemsets, itemset_numbers
from crm_analytics.basket.paths import ProductPaths
from crm_analytics.basket.recommenders import (
    EASE,
    TIFUKNN,
    GlobalTop,
    ImplicitALS,
    ItemKNN,
    NextBasketRecommender,
    PersonalTop,
    ProductPath,
    Repurchase,
)
from crm_analytics.basket.sequences import SequentialPatterns, SequentialRules

__all__ = [
    "EASE",
    "TIFUKNN",
    "AssociationRules",
    "FrequentItemsets",
    "GlobalTop",
    "ImplicitALS",
    "ItemKNN",
    "NextBasketRecommender",
    "PersonalTop",
    "ProductPath",
    "ProductPaths",
    "Repurchase",
    "SequentialPatterns",
    "SequentialRules",
    "demand_index",
    "itemset_numbers",
]
