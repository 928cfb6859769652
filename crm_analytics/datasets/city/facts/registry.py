"""Every planter by name, in the order in which they get along best.

Those that take lines away come first, those that move lines about last.
"""

from crm_analytics.datasets.city.facts.changes import (
    brand_switch,
    category_gap,
    category_lapse,
    category_start,
    product_succession,
)
from crm_analytics.datasets.city.facts.fuel import fuel_habit, fuel_tier, second_vehicle
from crm_analytics.datasets.city.facts.leanings import (
    dietary_need,
    general_merchandise,
    parallel_variants,
    tag_leaning,
    tempted,
)
from crm_analytics.datasets.city.facts.occasions import calendar_occasion, guest_day, isolated_purchase
from crm_analytics.datasets.city.facts.pairs import association
from crm_analytics.datasets.city.facts.people import card_role, hair_loss, household_shopper, member
from crm_analytics.datasets.city.facts.places import apart, second_home, stay, workplace
from crm_analytics.datasets.city.facts.planter import Planter
from crm_analytics.datasets.city.facts.tastes import brand_trial, loyalty, variety_seeking
from crm_analytics.datasets.city.facts.trips import forgotten_items, monthly_pattern, trip_missions

FACTS: dict[str, Planter] = {
    "second_home": second_home,
    "stay": stay,
    "apart": apart,
    "workplace": workplace,
    "card_role": card_role,
    "household_shopper": household_shopper,
    "fuel_tier": fuel_tier,
    "second_vehicle": second_vehicle,
    "fuel_habit": fuel_habit,
    "isolated_purchase": isolated_purchase,
    "guest_day": guest_day,
    "calendar_occasion": calendar_occasion,
    "brand_switch": brand_switch,
    "category_gap": category_gap,
    "category_start": category_start,
    "category_lapse": category_lapse,
    "product_succession": product_succession,
    "association": association,
    "brand_trial": brand_trial,
    "variety_seeking": variety_seeking,
    "parallel_variants": parallel_variants,
    "loyalty": loyalty,
    "dietary_need": dietary_need,
    "hair_loss": hair_loss,
    "member": member,
    "general_merchandise": general_merchandise,
    "tempted": tempted,
    "tag_leaning": tag_leaning,
    "forgotten_items": forgotten_items,
    "monthly_pattern": monthly_pattern,
    "trip_missions": trip_missions,
}
