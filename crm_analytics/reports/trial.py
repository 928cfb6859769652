"""The model on trial: fitted to the first two thirds of a log, judged on the last."""

from datetime import timedelta
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.base import clone

from crm_analytics.core.errors import ConvergenceError
from crm_analytics.evaluation import holdout_by_frequency, holdout_predictions, holdout_table, tracking_table
from crm_analytics.features import calibration_holdout
from crm_analytics.reports.wording import Table, day, number, percent, span
from crm_analytics.transactions import TransactionLog

SHORTEST = timedelta(days=28)  # of a last third from which anything can be learnt


class Trial(NamedTuple):
    """What the trial found.

    Attributes
    ----------
    begin, end : Timestamp
        First instant of the holdout, and first instant after it; both begin a period.
    model : fitted model
        Fitted to what came before `begin`.
    name : str
        Of the model in the tables; their other models are naive rules.
    comparison, by_frequency, tracking : DataFrame
        As `holdout_table`, `holdout_by_frequency` and `tracking_table` give them.
    """

    begin: pd.Timestamp
    end: pd.Timestamp
    model: Any
    name: str
    comparison: pd.DataFrame
    by_frequency: pd.DataFrame
    tracking: pd.DataFrame


def hold_trial(log: TransactionLog, model: Any, name: str, unit: str) -> Trial | str:
    """Fit a clone of `model` to the first two thirds of the log, and judge it on the last.

    Returns the trial, or in words why there is none.
    """
    if log.counts.first_at is None:
        return "The log holds no lines, so there is nothing to judge by."
    start = pd.Timestamp(log.counts.first_at)
    end = _period_begin(log.snapshot(), unit)
    begin = _period_begin(start + (end - start) * 2 / 3, unit)
    if begin <= start or end - begin < SHORTEST:
        days = (pd.Timestamp(log.snapshot()) - start.normalize()).days
        return (
            f"The log covers {span(days, 'D')}, which is too short: its last third must be at least "
            f"{span(SHORTEST.days, 'D')}, and begin and end with a period of the model."
        )
    table = calibration_holdout(log, begin, end, unit, gaps=True)
    if not table["frequency_holdout"].any():
        return "None of the customers of the first two thirds bought anything in the last."
    if np.ptp(table["frequency_holdout"]) == 0:
        return "All customers bought equally often in the last third, so no order of theirs can be right or wrong."
    try:
        fitted = clone(model).fit(table)
    except ConvergenceError as error:
        return f"The model cannot be fitted to the first two thirds alone. {error}"
    predicted = holdout_predictions(table, {name: fitted})
    return Trial(
        begin=begin,
        end=end,
        model=fitted,
        name=name,
        comparison=holdout_table(table, {name: fitted}),
        by_frequency=_by_frequency(table, predicted),
        tracking=tracking_table(log, fitted, begin, end, unit),
    )


def verdict(trial: Trial) -> tuple[str, str]:
    """Say how the model did, and how the naive rules did, plainly so where they did better."""
    rules = _rows(trial)
    own = rules.pop(trial.name)
    best = min(rules, key=lambda name: rules[name]["mae"])
    rule = rules[best]
    answer = (
        f"In the last {span((trial.end - trial.begin).days, 'D')} of the log, which it had not seen, the model "
        f"expected {number(own['predicted'])} purchases and {number(own['actual'])} happened: "
        f"{_off_by(own['bias'])}. Customer by customer it was off by {number(own['mae'], 3)} purchases on average."
    )
    if rule["mae"] < own["mae"]:
        total = "though its total" if abs(rule["bias"]) > abs(own["bias"]) else "and its total"
        more = (
            f"By this measure the naive rule “{best}” did better, at {number(rule['mae'], 3)}, {total} was off by "
            f"{percent(rule['bias'], sign=True)}"
        )
    else:
        more = f"No naive rule did better: the best, “{best}”, was off by {number(rule['mae'], 3)}"
    if abs(own["bias"]) >= 0.1:
        more += ". The totals on this page may be off by as much as the model's total here"
    if not trial.model.fit_report_["converged"]:
        more += f". The fit to the first two thirds was {trial.model.fit_report_['message']}"
    return answer, f"{more}."


def in_short(trial: Trial | str) -> str:
    """Say in half a sentence how far to trust the totals."""
    if isinstance(trial, str):
        return "how far to trust these figures is not known"
    off = percent(_rows(trial)[trial.name]["bias"], sign=True)
    return f"tried on the last third of the log, the model's total was off by {off}"


def comparison_table(trial: Trial) -> Table:
    """The model against the naive rules, the one closest to single customers marked."""
    rows = _rows(trial)
    lowest = min(row["mae"] for row in rows.values())
    return Table(
        f"Forecasts of the {number(rows[trial.name]['actual'])} purchases from {day(trial.begin)} to "
        f"{day(trial.end - timedelta(days=1))}",
        ["Forecast", "Purchases expected", "Total off by", "Off per customer", "RMSE", "Gini", "AUC"],
        [
            [
                name,
                number(row["predicted"]),
                percent(row["bias"], sign=True),
                ("closest: " if row["mae"] == lowest else "") + number(row["mae"], 3),
                number(row["rmse"], 3),
                number(row["gini"], 3),
                number(row["auc_active"], 3),
            ]
            for name, row in rows.items()
        ],
    )


def _rows(trial: Trial) -> dict[str, dict[str, float]]:
    return {str(name): dict(row) for name, row in trial.comparison.to_dict("index").items()}  # type: ignore[arg-type]


def _off_by(bias: float) -> str:
    if abs(bias) < 0.005:
        return "right to within half a percent"
    return f"{percent(abs(bias))} too {'many' if bias > 0 else 'few'}"


def _period_begin(instant: Any, unit: str) -> pd.Timestamp:
    return pd.Timestamp(instant).to_period(unit).start_time


def _by_frequency(table: pd.DataFrame, predicted: pd.DataFrame, top: int = 7) -> pd.DataFrame:
    """`holdout_by_frequency`; in eight equal groups where most customers bought `top` times or more."""
    frequency = table["frequency"]
    if (frequency >= top).mean() <= 0.5:
        return holdout_by_frequency(table, predicted, top=top)
    lower = np.unique(np.quantile(frequency, np.arange(8) / 8, method="lower"))
    group = np.searchsorted(lower, frequency, side="right") - 1
    means = holdout_by_frequency(table.assign(frequency=group), predicted, top=lower.size - 1)
    labels = [f"{a:.0f}" if b - a == 1 else f"{a:.0f}–{b - 1:.0f}" for a, b in pairwise(lower)]
    means.index = pd.Index([*labels, f"{lower[-1]:.0f}+"], name="frequency")
    return means
