"""From a household's log to evidence-backed findings about who they are, and the one offer that pays."""

from crm_analytics.profiling.context import Context, read_context
from crm_analytics.profiling.evidence.claim import Claim
from crm_analytics.profiling.evidence.finding import Finding
from crm_analytics.profiling.evidence.kind import Kind
from crm_analytics.profiling.offering.economics import Economics, ExpectedProfit, expected_profit
from crm_analytics.profiling.offering.offer import Offer, OfferChoice, choose_offer
from crm_analytics.profiling.profile import Profile
from crm_analytics.profiling.profiler import profile_household, profile_households
from crm_analytics.profiling.questions.registry import KINDS
from crm_analytics.profiling.reading.household import Household
from crm_analytics.profiling.reading.population import Population
from crm_analytics.profiling.tagging.tag_table import TagTable

__all__ = [
    "KINDS",
    "Claim",
    "Context",
    "Economics",
    "ExpectedProfit",
    "Finding",
    "Household",
    "Kind",
    "Offer",
    "OfferChoice",
    "Population",
    "Profile",
    "TagTable",
    "choose_offer",
    "expected_profit",
    "profile_household",
    "profile_households",
    "read_context",
]
