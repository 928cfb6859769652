"""Who is likely to fall silent, what is at stake, and how well that was foretold the last time."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

from crm_analytics.churn import ChurnClassifier
from crm_analytics.clv import purchase_outlook
from crm_analytics.core.errors import CrmAnalyticsError
from crm_analytics.core.tables import require_columns
from crm_analytics.features import PurgedRollingOrigin, SnapshotBuilder
from crm_analytics.metrics import calibration_table, gains_curve
from crm_analytics.reports.wording import Table, day, money, number, percent, several, span
from crm_analytics.transactions import TransactionLog

NEEDED = ("clv", "p_churn", "churn_reason_1", "churn_reason_2")
SHOWN = 10


class LeavingTrial(NamedTuple):
    """The last origin whose outcome is known, foretold by a model that had not seen it."""

    origin: pd.Timestamp
    outcome: np.ndarray  # 1 fell silent
    chance: np.ndarray
    gains: pd.DataFrame
    calibration: pd.DataFrame


def in_short(scores: pd.DataFrame, model: ChurnClassifier, currency: str) -> str:
    """Say how many recent customers will probably fall silent, and what of the value is theirs."""
    require_columns(scores, NEEDED, caller="portfolio_report")
    known = scores[scores["p_churn"].notna()]
    ahead = span(model.snapshots_["horizon"], model.snapshots_["unit"])
    back = span(model.snapshots_["windows"][-1], model.snapshots_["unit"])
    if known.empty:
        return f"Nobody bought in the last {back}, so there is nobody left who could fall silent."
    leavers = known["p_churn"].sum()
    at_stake = (known["p_churn"] * known["clv"].clip(lower=0)).sum()
    held = known["clv"].clip(lower=0).sum()
    share = f", {percent(at_stake / held)} of theirs" if held > 0 else ""
    return (
        f"Of {several(len(known), 'customer')} who bought in the last {back}, {number(leavers)} will probably buy "
        f"nothing in the next {ahead}: {percent(leavers / len(known))}. Expected value of {money(at_stake, currency)}"
        f"{share}, hangs on them. Silence is not always farewell: some will come back later."
    )


def at_stake_table(scores: pd.DataFrame, currency: str) -> Table:
    """The customers with most expected value at stake, and why."""
    stake = (scores["p_churn"] * scores["clv"]).dropna().sort_values(ascending=False, kind="stable")
    top = stake[stake > 0].head(SHOWN)
    rows = []
    for customer, row in scores.loc[top.index].assign(stake=top).iterrows():
        why = [row[name] for name in ("churn_reason_1", "churn_reason_2") if isinstance(row[name], str)]
        rows.append(
            [
                str(customer),
                money(row["stake"], currency, 0),
                percent(row["p_churn"], 0),
                money(row["clv"], currency, 0),
                "; ".join(why) or "–",
            ]
        )
    return Table(
        f"The {several(len(rows), 'customer')} with most value at stake: chance to fall silent × expected value",
        ["Customer", "At stake", "Chance", "Value", "What moves the chance most"],
        rows,
        words=("What moves the chance most",),
    )


def hold_leaving_trial(log: TransactionLog, model: ChurnClassifier) -> LeavingTrial | None:
    """Fit a clone on what was known at the last learned origin, and ask it about that origin.

    None if no earlier origin had a complete label by then, or nothing could be fitted.
    """
    settings: dict[str, Any] = model.snapshots_
    builder = SnapshotBuilder.from_settings(settings)
    try:
        table, churned = builder.build(log, settings["origins"])
        rows: Any = table.index
        train, test = list(PurgedRollingOrigin(1).split(table))[-1]
        ahead = builder.gap + builder.horizon
        outlook = purchase_outlook(log, rows, unit=builder.unit, horizon=ahead)
        table = pd.concat([table, outlook.drop(columns="p_alive")], axis=1)
        known = clone(model).fit(table.iloc[train], churned.iloc[train])
        chance = known.predict_proba(table.iloc[test])[:, 1]
    except (CrmAnalyticsError, ValueError):
        return None
    outcome = churned.iloc[test].to_numpy().astype(int)
    if not 0 < outcome.sum() < outcome.size:
        return None
    origin = table.index[test].get_level_values("origin")[0]
    bins = max(1, min(10, outcome.size // 50))
    return LeavingTrial(
        origin, outcome, chance, gains_curve(outcome, chance), calibration_table(outcome, chance, n_bins=bins)
    )


def verdict(trial: LeavingTrial) -> str:
    """Say what was foretold at the trial's date and what came."""
    top = trial.gains.iloc[int(np.argmin(np.abs(trial.gains["fraction"].to_numpy() - 0.1)))]
    return (
        f"A model that knew the log only until {day(trial.origin.date())} expected {number(trial.chance.sum())} of "
        f"{several(trial.outcome.size, 'customer')} to fall silent; {number(trial.outcome.sum())} did. The tenth it "
        f"thought likeliest held {percent(top['gain'], 0)} of them, {number(top['lift'], 1)} times as many as chance. "
        f"AUC {number(float(roc_auc_score(trial.outcome, trial.chance)), 3)}; 0.5 is chance, 1 perfect order."
    )


def in_groups(trial: LeavingTrial) -> str:
    """Say group by group what was foretold and what came."""
    return "; ".join(
        f"{percent(row['mean_predicted'], 0)} foretold, {percent(row['observed'], 0)} came"
        for row in trial.calibration.to_dict("records")
    )
