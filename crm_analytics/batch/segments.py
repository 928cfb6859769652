"""Segments of every customer: fitted at a date, kept beside the other models, written with the scores."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from crm_analytics.core import ModelFileError, load_model, save_model
from crm_analytics.core.files import whole_file
from crm_analytics.core.units import UNIT_WORDS
from crm_analytics.features import behaviour_features
from crm_analytics.segmentation import CustomerSegmenter
from crm_analytics.transactions import TransactionLog

SEGMENTS = "segments"
COLUMNS = ("value_segment", "rfm", "rfm_segment", "behaviour_segment")


def fit_segments(
    log: TransactionLog,
    *,
    unit: str = "D",
    snapshot_date: date | datetime | str | None = None,
    previous: CustomerSegmenter | None = None,
    lang: str = "en",
) -> tuple[CustomerSegmenter | None, str]:
    """Find the segments of the customers of a log.

    Parameters
    ----------
    log : TransactionLog
    unit : {"D", "W", "M", "h"}
        Of the windows, which are those of `features.behaviour_features`.
    snapshot_date : date, datetime or str, optional
        First instant not seen; the log's end by default.
    previous : CustomerSegmenter, optional
        Whose segments of behaviour keep their numbers and names.
    lang : {"en", "tr"}
        Of the names.

    Returns
    -------
    The fitted segmenter, its `snapshots_` saying of which unit, or None; and how or why not, in words.
    """
    table = behaviour_features(log, snapshot_date, unit)
    try:
        model = CustomerSegmenter(lang=lang).fit(table, previous=previous)
    except ValueError as error:
        return None, str(error)
    model.snapshots_ = {"unit": unit, "snapshot_date": log.snapshot(snapshot_date).isoformat()}
    inactive = int((table["purchases_long"] == 0).sum())
    return model, (
        f"by behaviour {model.behaviour_.fit_report_['message']}; "
        f"{inactive:,} of {len(table):,} customers bought nothing in the long window and are {model.value_.names_[0]}. "
        f"Windows are counted in {UNIT_WORDS[unit]}s"
    )


def save_segments(model: CustomerSegmenter, log: TransactionLog, folder: str | Path) -> Path:
    """Write the fitted segmenter under `folder`, beside the other models."""
    return save_model(model, Path(folder) / SEGMENTS, data_window=(str(log.start), str(log.end)))


def load_segments(folder: str | Path) -> CustomerSegmenter | None:
    """Read what `save_segments` wrote; None if there is none in `folder`."""
    if not (Path(folder) / SEGMENTS).exists():
        return None
    model = load_model(Path(folder) / SEGMENTS)
    if not isinstance(model, CustomerSegmenter):
        raise ModelFileError(f"{folder} holds a {type(model).__name__} where a CustomerSegmenter belongs.")
    return model


def write_segments(log: TransactionLog, model: CustomerSegmenter, snapshot: datetime, path: Path) -> None:
    """Write each customer's segments to `path`, whole."""
    found = model.predict_table(behaviour_features(log, snapshot, model.snapshots_["unit"])).reset_index()
    table = pa.Table.from_pandas(found, preserve_index=False).replace_schema_metadata(None)
    for name in COLUMNS:
        table = table.set_column(table.schema.get_field_index(name), name, table[name].cast(pa.string()))
    with whole_file(path) as temporary:
        pq.write_table(table, temporary)


def told_of_segments(model: CustomerSegmenter) -> dict[str, Any]:
    """What a manifest says of the segmenter that was used."""
    return model.snapshots_ | {
        "value_cuts": model.value_.cuts_.tolist(),
        "rfm_cuts": {name: cuts.tolist() for name, cuts in model.rfm_.cuts_.items()},
        "behaviour": {"names": model.behaviour_names_, "fit": model.behaviour_.fit_report_["message"]},
    }


def with_segments(scores: pa.Table, segments: pd.DataFrame | None) -> pa.Table:
    """Add the segments; missing on every axis but value for who bought nothing in the long window."""
    if segments is None:
        return scores
    rows = segments.set_index("customer_id").reindex(scores["customer_id"].to_pandas())
    for name in COLUMNS:
        scores = scores.append_column(name, pa.array(rows[name], type=pa.string(), from_pandas=True))
    return scores
