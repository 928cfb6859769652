"""Score every customer: fit, chunks, resume, manifest, files that appear whole."""

from crm_analytics.batch.churn import fit_churn, load_churn_model, save_churn_model
from crm_analytics.batch.fitting import fit, load_models, save_models
from crm_analytics.batch.monitoring import Monitoring, monitor
from crm_analytics.batch.scoring import (
    ScoreRun,
    level_of_products,
    read_next_products,
    read_scores,
    score,
)
from crm_analytics.batch.segments import fit_segments, load_segments, save_segments

__all__ = [
    "Monitoring",
    "ScoreRun",
    "fit",
    "fit_churn",
    "fit_segments",
    "level_of_products",
    "load_churn_model",
    "load_models",
    "load_segments",
    "monitor",
    "read_next_products",
    "read_scores",
    "save_churn_model",
    "save_models",
    "save_segments",
    "score",
]
