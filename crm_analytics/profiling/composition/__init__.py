"""Who lives in a household, from spend shares, tags and rhythm, learnt on labelled households."""

from crm_analytics.profiling.composition.clues import clue_table
from crm_analytics.profiling.composition.features import composition_features
from crm_analytics.profiling.composition.household_composition import HouseholdComposition
from crm_analytics.profiling.composition.labels import TRAITS, composition_labels
from crm_analytics.profiling.composition.model_file import load_composition, write_composition

__all__ = [
    "TRAITS",
    "HouseholdComposition",
    "clue_table",
    "composition_features",
    "composition_labels",
    "load_composition",
    "write_composition",
]
