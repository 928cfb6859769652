"""All questions, in the order in which a profile tells their answers."""

from collections.abc import Callable

from crm_analytics.profiling.evidence.claim import Claim
from crm_analytics.profiling.evidence.kind import Kind
from crm_analytics.profiling.questions import (
    association,
    brand_switch,
    brand_trial,
    calendar_occasion,
    card_role,
    category_change,
    composition,
    forgotten_items,
    general_merchandise,
    guest_day,
    household_shopper,
    isolated_purchase,
    loyalty,
    members,
    monthly_pattern,
    parallel_variants,
    product_succession,
    tag_leaning,
    tempted,
    trip_missions,
    variety_seeking,
)
from crm_analytics.profiling.questions.fuel import fuel_habit, fuel_tier, second_vehicle
from crm_analytics.profiling.questions.places import apart, home, second_home, stays, workplace
from crm_analytics.profiling.reading.household import Household

Question = Callable[[Household], list[Claim]]

QUESTIONS: tuple[Question, ...] = (
    trip_missions.trip_missions,
    monthly_pattern.monthly_pattern,
    forgotten_items.forgotten_items,
    card_role.card_roles,
    fuel_habit.fuel_habits,
    loyalty.loyalties,
    variety_seeking.variety_seekings,
    tag_leaning.tag_leanings,
    tempted.tempted,
    general_merchandise.general_merchandises,
    association.associations,
    brand_switch.brand_switches,
    brand_trial.brand_trial,
    category_change.category_changes,
    product_succession.product_successions,
    isolated_purchase.isolated_purchase,
    guest_day.guest_day,
    calendar_occasion.calendar_occasion,
    fuel_tier.fuel_tiers,
    home.homes,
    workplace.workplaces,
    stays.stays,
    second_home.second_homes,
    apart.apart,
    household_shopper.household_shoppers,
    second_vehicle.second_vehicles,
    members.members,
    members.hair_losses,
    parallel_variants.parallel_variants,
    parallel_variants.dietary_needs,
    composition.compositions,
)

_FILES = (
    trip_missions, monthly_pattern, forgotten_items, card_role, fuel_habit, loyalty, variety_seeking, tag_leaning,
    tempted, general_merchandise, association, brand_switch, brand_trial, category_change, product_succession,
    isolated_purchase, guest_day, calendar_occasion, fuel_tier, home, workplace, stays, second_home, apart,
    household_shopper, second_vehicle, members, parallel_variants, composition,
)  # fmt: skip

KINDS: dict[str, Kind] = {kind.name: kind for file in _FILES for kind in file.KINDS}
