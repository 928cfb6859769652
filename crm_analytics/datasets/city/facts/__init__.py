"""Facts that can be planted in any household of the city, alone or together.

A planter is called as `plant(world, plan, lines, rng, held=None, **wishes)` and returns the new lines
and the claims that are now true, or None where the household cannot carry the fact.
"""

from crm_analytics.datasets.city.facts.draft import Held, Planted
from crm_analytics.datasets.city.facts.plant import delisted_switches, plant_facts, random_facts
from crm_analytics.datasets.city.facts.planter import Planter
from crm_analytics.datasets.city.facts.registry import FACTS

__all__ = ["FACTS", "Held", "Planted", "Planter", "delisted_switches", "plant_facts", "random_facts"]
