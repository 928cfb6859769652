"""Who will fall silent: a model fitted on the log's own past, and each customer's chance and reasons."""

from datetime import date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from crm_analytics.churn import ChurnClassifier
from crm_analytics.clv import purchase_outlook
from crm_analytics.core import ConvergenceError, ModelFileError, SchemaError, load_model, save_model
from crm_analytics.core.files import whole_file
from crm_analytics.core.units import UNIT_WORDS
from crm_analytics.features import SnapshotBuilder
from crm_analytics.features.periods import period_start
from crm_analytics.transactions import TransactionLog

CHURN = "churn"
N_REASONS = 3
REASONED = 100_000  # of the riskiest customers it is said why
# With a horizon in which so many buy nothing anyway, silence says little: a longer one is taken.
MOST_SILENT = 2 / 3
COLUMNS = ("p_churn", *(f"churn_reason_{place}" for place in range(1, N_REASONS + 1)))


def fit_churn(
    log: TransactionLog,
    *,
    unit: str = "D",
    horizon: int | None = None,
    gap: int = 0,
    snapshot_date: date | datetime | str | None = None,
) -> tuple[ChurnClassifier | None, str]:
    """Learn from the log's earlier dates who buys nothing in the `horizon` that follows.

    Parameters
    ----------
    log : TransactionLog
    unit : {"D", "W", "M", "h"}
    horizon : int >= 1, optional
        Silence that counts as churn (periods). By default the shortest window of
        `SnapshotBuilder` (28, 91 or 182 days) in which at most two thirds of the customers of
        the latest origin were silent; if there is none, the longest that the log can hold.
    gap : int >= 0
        Periods between the snapshot and the horizon.
    snapshot_date : date, datetime or str, optional
        First instant that no label may reach; the log's end by default.

    Returns
    -------
    The fitted model, its `snapshots_` saying how rows are made, or None; and why, in words.
    """
    if horizon is not None:
        SnapshotBuilder(horizon=horizon, gap=gap, unit=unit)  # a wrong parameter is no short log
    try:
        builder = _builder(log, unit, horizon, gap, snapshot_date)
        features, churned = builder.build(log, builder.origins(log, until=snapshot_date))
        table = _with_outlook(log, features, builder)
        model = ChurnClassifier().fit(table, churned)
    except (ConvergenceError, ValueError) as error:
        return None, str(error)
    origins = features.index.get_level_values("origin").unique()
    model.snapshots_ = {
        "label": builder.label,
        "unit": builder.unit,
        "horizon": builder.horizon,
        "gap": builder.gap,
        "windows": list(builder.windows),
        "origins": [str(origin) for origin in origins],
        "base_rate": float(churned.mean()),
    }
    said = (
        f"no purchase in {builder.horizon:,} {UNIT_WORDS[unit]}s, learned at {len(origins)} earlier dates of "
        f"{len(features):,} rows in all: {model.fit_report_['message']}. Who bought nothing in the last "
        f"{builder.windows[-1]:,} {UNIT_WORDS[unit]}s has left already and gets no p_churn"
    )
    return model, said


def save_churn_model(model: ChurnClassifier, log: TransactionLog, folder: str | Path) -> Path:
    """Write the fitted churn model under `folder`, beside the others."""
    return save_model(model, Path(folder) / CHURN, data_window=(str(log.start), str(log.end)))


def load_churn_model(folder: str | Path) -> ChurnClassifier | None:
    """Read what `save_churn_model` wrote; None if there is none in `folder`."""
    if not (Path(folder) / CHURN).exists():
        return None
    model = load_model(Path(folder) / CHURN)
    if not isinstance(model, ChurnClassifier):
        raise ModelFileError(f"{folder} holds a {type(model).__name__} where a ChurnClassifier belongs.")
    return model


def write_churn(log: TransactionLog, model: ChurnClassifier, snapshot: datetime, path: Path) -> None:
    """Write each recent customer's chance to fall silent to `path`, whole; the riskiest with reasons."""
    builder = SnapshotBuilder.from_settings(model.snapshots_)
    features = builder.features(log, [period_start(snapshot, builder.unit)])
    features = _with_outlook(log, features, builder)
    chance = model.predict_proba(features)[:, 1]
    riskiest = np.sort(np.argsort(-chance, kind="stable")[:REASONED])
    told = model.reasons(features.iloc[riskiest], N_REASONS, unit=builder.unit, windows=builder.windows)
    found = pd.DataFrame(
        {"customer_id": features.index.get_level_values("customer_id"), COLUMNS[0]: chance}
    ).assign(**dict.fromkeys(COLUMNS[1:], None))
    for place, name in enumerate(COLUMNS[1:], start=1):
        words = told.loc[told["rank"] == place]
        raises = np.where(words["effect"] > 0, "raises: ", "lowers: ")
        column = np.full(len(found), None, dtype=object)
        column[riskiest[: len(words)]] = raises + words["reason"].to_numpy(dtype=object)
        found[name] = column
    table = pa.Table.from_pandas(found, preserve_index=False).replace_schema_metadata(None)
    for name in COLUMNS[1:]:
        table = table.set_column(table.schema.get_field_index(name), name, table[name].cast(pa.string()))
    with whole_file(path) as temporary:
        pq.write_table(table, temporary)


def with_churn(scores: pa.Table, churn: pd.DataFrame | None) -> pa.Table:
    """Add the chance and its reasons; missing for those without a purchase in the longest window."""
    if churn is None:
        return scores
    rows = churn.set_index("customer_id").reindex(scores["customer_id"].to_pandas())
    for name in COLUMNS:
        kind = pa.float64() if name == COLUMNS[0] else pa.string()
        scores = scores.append_column(name, pa.array(rows[name], type=kind, from_pandas=True))
    return scores


def _with_outlook(log: TransactionLog, features: pd.DataFrame, builder: SnapshotBuilder) -> pd.DataFrame:
    ahead = builder.gap + builder.horizon
    outlook = purchase_outlook(log, _rows(features), unit=builder.unit, horizon=ahead)
    # Of two chances that say nearly the same one is enough, and easier to give as a reason.
    return pd.concat([features, outlook.drop(columns="p_alive")], axis=1)


def _rows(features: pd.DataFrame) -> pd.MultiIndex:
    rows = features.index
    if not isinstance(rows, pd.MultiIndex):
        raise SchemaError("snapshots must be indexed by customer_id, origin and label_end.")
    return rows


def _builder(
    log: TransactionLog, unit: str, horizon: int | None, gap: int, until: date | datetime | str | None
) -> SnapshotBuilder:
    if horizon is not None:
        return SnapshotBuilder(horizon=horizon, gap=gap, unit=unit)
    possible = []
    for length in SnapshotBuilder(unit=unit).windows:
        builder = SnapshotBuilder(horizon=length, gap=gap, unit=unit)
        try:
            latest = builder.origins(log, until=until, most=1)
        except ValueError:  # the log is too short for it
            break
        possible.append(builder)
        if builder.build(log, latest).labels.mean() <= MOST_SILENT:
            return builder
    return possible[-1] if possible else SnapshotBuilder(gap=gap, unit=unit)
