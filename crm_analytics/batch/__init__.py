"""Score every customer: fit, chunks, resume, manifest, files that appear whole."""

from crm_analytics.batch.fitting import fit, load_models, save_models
from crm_analytics.batch.monitoring import Monitoring, monitor
from crm_analytics.batch.scoring import (
    ScoreRun,
    level_of_products,
    read_next_products,
    read_scores,
    score,
)

__all__ = [
    "Monitoring",
    "ScoreRun",
    "fit",
    "level_of_products",
    "load_models",
    "monitor",
    "read_next_products",
    "read_scores",
    "save_models",
    "score",
]
