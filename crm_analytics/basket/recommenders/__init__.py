"""Recommenders: what to offer each customer now, and why."""

from crm_analytics.basket.recommenders.base import Recommender
from crm_analytics.basket.recommenders.ease import EASE
from crm_analytics.basket.recommenders.global_top import GlobalTop
from crm_analytics.basket.recommenders.implicit_model import ImplicitALS
from crm_analytics.basket.recommenders.item_knn import ItemKNN
from crm_analytics.basket.recommenders.next_basket import NextBasketRecommender
from crm_analytics.basket.recommenders.personal_top import PersonalTop
from crm_analytics.basket.recommenders.product_path import ProductPath
from crm_analytics.basket.recommenders.repurchase import Repurchase
from crm_analytics.basket.recommenders.tifu_knn import TIFUKNN

__all__ = [
    "EASE",
    "TIFUKNN",
    "GlobalTop",
    "ImplicitALS",
    "ItemKNN",
    "NextBasketRecommender",
    "PersonalTop",
    "ProductPath",
    "Recommender",
    "Repurchase",
]
