"""Two scoring runs side by side: what has drifted, and whether those left who were said to leave."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from crm_analytics.batch.scoring import MANIFEST, read_scores
from crm_analytics.core import MissingDataError, SchemaError
from crm_analytics.core.errors import nearest
from crm_analytics.evaluation import RealisedChurn, drift_alarm, realised_churn, score_drift
from crm_analytics.features import SnapshotBuilder
from crm_analytics.features.periods import period_start, shift
from crm_analytics.transactions import TransactionLog

SMALLEST = 0.1  # index below which a drift is of no consequence
P_CHURN = "p_churn"
_MOST_WORDS = 20  # more than these are names or sentences, not kinds of customers
_AGES = ("T", "recency")
_REASON = re.compile(r"(^|_)reasons?(_|$)")
_SETTINGS = {
    "model": ("unit", "horizon", "annual_discount_rate", "margin"),
    "churn": ("label", "unit", "horizon", "gap"),
}


@dataclass(frozen=True, eq=False)
class Monitoring:
    """What `monitor` found.

    Attributes
    ----------
    drift : DataFrame
        As `evaluation.score_drift` gives it, a row a column compared.
    left_out : dict of str to str
        Columns not compared, and why.
    snapshots : tuple of two datetimes
        First instant that the earlier run, and the later, had not seen.
    customers : tuple of two ints
        Scored in the earlier run, and in the later.
    settings : list of str
        What the runs were told differently, in words; scores told differently cannot be compared.
    label : str
        What churn is in the earlier run, such as "silence"; empty if no log was given.
    label_window : tuple of two datetimes or None
        First instant in which the earlier run's customers could leave, and the first after it; None
        if no log was given.
    realised : RealisedChurn or None
        Who left by the end of the label window; None if it has not closed, or no log was given.
    """

    drift: pd.DataFrame
    left_out: dict[str, str]
    snapshots: tuple[datetime, datetime]
    customers: tuple[int, int]
    settings: list[str]
    label: str
    label_window: tuple[datetime, datetime] | None
    realised: RealisedChurn | None

    def alarms(self) -> list[str]:
        """Reasons to look before the later scores are used, in words; empty if there are none."""
        left = self.realised.alarms() if self.realised is not None else []
        return [*self.settings, *drift_alarm(self.drift), *left]

    def limits(self) -> pd.DataFrame:
        """The drift of columns that could be compared, `critical` being what raises an alarm: for a chart."""
        table = self.drift[self.drift["psi"].notna()]
        return table.assign(critical=np.maximum(table["critical"], SMALLEST))


def monitor(
    earlier: str | Path,
    later: str | Path,
    *,
    log: TransactionLog | None = None,
    exclude: Sequence[str] = (),
) -> Monitoring:
    """Compare the scores of two folders that `score` wrote.

    Numbers, and text of at most 20 different words, are compared by `evaluation.score_drift`. Left
    out are columns that name things or would only say it again: products, reasons, bounds of
    intervals, dates, longer text; and `T` and `recency`, ages that the calendar alone moves: in
    their place stands `since_last`, T - recency, how long customers have been silent.

    Parameters
    ----------
    earlier, later : path
        Folders with scores.parquet and manifest.json.
    log : TransactionLog, optional
        If it holds the label window of the earlier run's `p_churn`, who left is held against it.
    exclude : sequence of str
        More columns not to compare.

    Raises
    ------
    MissingDataError
        If a folder has no scores, or a log was given and the earlier run has no churn probabilities.
    SchemaError
        If `exclude` names a column that neither run has, or the log has none of the customers.
    ValueError
        If the earlier run saw more than the later, or no column is left to compare.
    """
    scores = read_scores(earlier), read_scores(later)
    told = _manifest(earlier), _manifest(later)
    snapshots = tuple(datetime.fromisoformat(one["snapshot_date"]) for one in told)
    if snapshots[0] > snapshots[1]:
        raise ValueError(
            f"the earlier run must not be of a later date: {earlier} was scored as of {snapshots[0]:%Y-%m-%d}, "
            f"{later} as of {snapshots[1]:%Y-%m-%d}. Swap the two."
        )
    before, after = (_with_silence(run) for run in scores)
    columns, left_out = comparable_columns(before, after, exclude=exclude)
    label, window, realised = "", None, None
    if log is not None:
        builder = _builder(told[0], scores[0], earlier)
        label, window = builder.label, _label_window(builder, snapshots[0])
        if log.end is not None and window[1] <= pd.Timestamp(log.end):
            churned = builder.build(log, [period_start(snapshots[0], builder.unit)]).labels.droplevel(
                ["origin", "label_end"]
            )
            realised = realised_churn(scores[0][P_CHURN].dropna(), churned)
    return Monitoring(
        drift=score_drift(before, after, columns, smallest=SMALLEST),
        left_out=left_out,
        snapshots=(snapshots[0], snapshots[1]),
        customers=(len(scores[0]), len(scores[1])),
        settings=_told_differently(*told),
        label=label,
        label_window=window,
        realised=realised,
    )


def comparable_columns(
    earlier: pd.DataFrame, later: pd.DataFrame, *, exclude: Sequence[str] = ()
) -> tuple[list[str], dict[str, str]]:
    """Return the columns whose drift means something, and why each other is left out.

    >>> scores = pd.DataFrame({"T": [9, 8], "clv": [5.0, 7.0], "clv_lower": [1.0, 2.0], "next_product": ["a", "b"],
    ...                        "next_product_chance": [0.4, 0.2], "next_product_reason": ["bought", "bought"]})
    >>> comparable_columns(scores, scores)[0]
    ['clv', 'next_product_chance']
    """
    either = list(dict.fromkeys([*earlier.columns, *later.columns]))
    for name in exclude:
        if name not in either:
            near = nearest(name, either)
            hint = f"Did you mean {near!r}?" if near else f"They have: {', '.join(either)}."
            raise SchemaError(f"monitor: exclude names {name!r}, which neither run has. {hint}")
    left_out = {}
    for name in either:
        runs = [run[name] for run in (earlier, later) if name in run.columns]
        why = "excluded" if name in exclude else _why_not(name, runs, either)
        if why:
            left_out[name] = why
    columns = [name for name in either if name not in left_out]
    if not columns:
        raise ValueError(f"no column is left to compare. Left out are {', '.join(left_out)}.")
    return columns, left_out


def _with_silence(scores: pd.DataFrame) -> pd.DataFrame:
    """The scores and `since_last`, the time since each customer's last purchase."""
    if "since_last" in scores.columns or not set(_AGES) <= set(scores.columns):
        return scores
    return scores.assign(since_last=scores["T"] - scores["recency"])


def _why_not(name: str, runs: list[pd.Series], either: list[str]) -> str:
    """Why a column is not compared; empty if it is."""
    if name in _AGES:
        return "the calendar moves it"
    if name.endswith(("_lower", "_upper")) and name[: -len("_lower")] in either:
        return "bound of an interval"
    if f"{name}_chance" in either:
        return "names a product"
    if _REASON.search(name):
        return "gives reasons"
    for values in runs:
        if pd.api.types.is_datetime64_any_dtype(values.dtype):
            return "holds dates"
        is_text = not pd.api.types.is_numeric_dtype(values.dtype)
        if is_text and values.astype(str).nunique() > _MOST_WORDS:
            return f"more than {_MOST_WORDS} different words"
    return ""


def _manifest(folder: str | Path) -> dict[str, Any]:
    path = Path(folder) / MANIFEST
    if not path.exists():
        raise MissingDataError(f"{path} is not there. `crm-analytics score` writes it beside the scores.")
    try:
        return json.loads(path.read_text("utf-8"))
    except json.JSONDecodeError as error:
        raise SchemaError(f"{path} is not JSON: {error}. Score again.") from error


def _builder(told: dict[str, Any], scores: pd.DataFrame, folder: str | Path) -> SnapshotBuilder:
    """What labels customers as the run that was told so did."""
    churn = told.get("churn")
    if not churn or P_CHURN not in scores.columns:
        raise MissingDataError(
            f"the scores in {folder} have no churn probabilities, so that there is nothing to hold against the log. "
            "Score with a version that writes them, or leave the log away."
        )
    return SnapshotBuilder.from_settings(churn)


def _label_window(builder: SnapshotBuilder, snapshot: datetime) -> tuple[datetime, datetime]:
    begin, end = (
        shift(snapshot, ahead, builder.unit) for ahead in (builder.gap, builder.gap + builder.horizon)
    )
    return begin, end


def _told_differently(earlier: dict[str, Any], later: dict[str, Any]) -> list[str]:
    said = []
    for part, names in _SETTINGS.items():
        before, after = earlier.get(part) or {}, later.get(part) or {}
        for name in names:
            if before and after and before.get(name) != after.get(name):
                said.append(
                    f"{name.replace('_', ' ')} of the {part} scores was {before.get(name)!r} and is "
                    f"{after.get(name)!r}: what depends on it cannot be compared."
                )
    return said
