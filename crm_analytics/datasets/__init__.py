"""Real logs shipped by packages or put beside the project, and simulated ones whose truth is known."""

from crm_analytics.datasets.cdnow import load_cdnow, load_donations
from crm_analytics.datasets.city import City, make_city
from crm_analytics.datasets.city.case_study import load_case_study
from crm_analytics.datasets.complete_journey import CompleteJourney, load_complete_journey
from crm_analytics.datasets.external import (
    load_groceries,
    load_mlc_churn,
    load_online_retail,
    load_telco_churn,
)
from crm_analytics.datasets.product_holdings import ProductHoldings, make_product_holdings
from crm_analytics.datasets.purchases import SimulatedPurchases, make_opportunities, make_purchases
from crm_analytics.datasets.quest import make_independent_baskets, make_quest_baskets, make_quest_patterns

__all__ = [
    "City",
    "CompleteJourney",
    "ProductHoldings",
    "SimulatedPurchases",
    "load_case_study",
    "load_cdnow",
    "load_complete_journey",
    "load_donations",
    "load_groceries",
    "load_mlc_churn",
    "load_online_retail",
    "load_telco_churn",
    "make_city",
    "make_independent_baskets",
    "make_opportunities",
    "make_product_holdings",
    "make_purchases",
    "make_quest_baskets",
    "make_quest_patterns",
]
