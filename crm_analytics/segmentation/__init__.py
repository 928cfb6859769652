"""Segments that keep their meaning: by value, recency and frequency, behaviour, taste, and place."""

from crm_analytics.segmentation.attributes.attribute_segmenter import AttributeSegmenter
from crm_analytics.segmentation.attributes.crossing import SegmentCrossing
from crm_analytics.segmentation.attributes.places import locate, turkish_provinces
from crm_analytics.segmentation.behaviour.behavioural_segmenter import BehaviouralSegmenter
from crm_analytics.segmentation.behaviour.k_prototypes import KPrototypes
from crm_analytics.segmentation.customer_segmenter import CustomerSegmenter
from crm_analytics.segmentation.movement.chain import chain_value
from crm_analytics.segmentation.movement.forecast import (
    ForecastCheck,
    SegmentForecast,
    check_forecast,
    forecast_sizes,
)
from crm_analytics.segmentation.movement.migration import Migration, migration_matrix
from crm_analytics.segmentation.movement.stability import StabilityReport, stability_report
from crm_analytics.segmentation.rfm.name_grid import NameGrid, NameRule
from crm_analytics.segmentation.rfm.presets import preset_grid
from crm_analytics.segmentation.rfm.rfm_segmenter import RFMSegmenter
from crm_analytics.segmentation.taste.taste_segmenter import TasteSegmenter
from crm_analytics.segmentation.telling.describe import SegmentDescription, describe, four_questions
from crm_analytics.segmentation.telling.questions import Answer
from crm_analytics.segmentation.value.value_segmenter import ValueSegmenter
from crm_analytics.segmentation.value.value_tree_segmenter import ValueTreeSegmenter

__all__ = [
    "Answer",
    "AttributeSegmenter",
    "BehaviouralSegmenter",
    "CustomerSegmenter",
    "ForecastCheck",
    "KPrototypes",
    "Migration",
    "NameGrid",
    "NameRule",
    "RFMSegmenter",
    "SegmentCrossing",
    "SegmentDescription",
    "SegmentForecast",
    "StabilityReport",
    "TasteSegmenter",
    "ValueSegmenter",
    "ValueTreeSegmenter",
    "chain_value",
    "check_forecast",
    "describe",
    "forecast_sizes",
    "four_questions",
    "locate",
    "migration_matrix",
    "preset_grid",
    "stability_report",
    "turkish_provinces",
]
