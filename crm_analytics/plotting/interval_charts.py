"""Charts of intervals against what happened: level by level, and origin by origin."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator, PercentFormatter, StrMethodFormatter

from crm_analytics.core.errors import SchemaError
from crm_analytics.core.tables import require_columns
from crm_analytics.plotting.style import ACTUAL, EXPECTED, MUTED, SECOND, SERIES, new_axes


def plot_coverage(table: pd.DataFrame, *, ax: Any = None) -> Any:
    """Draw the share that intervals covered against the level they state.

    On the diagonal they keep their promise; below it they are too narrow. Groups stand side
    by side, a little off their level.

    Parameters
    ----------
    table : DataFrame
        As `evaluation.interval_coverage` gives it.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    require_columns(table, ["level", "covered", "low", "high"], caller="plot_coverage")
    ax = new_axes(ax)
    ax.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle="--", label="as stated")
    grouped = "group" in table.columns
    parts = (
        list(table.groupby("group", sort=False, dropna=False, observed=True))
        if grouped
        else [("covered", table)]
    )
    for i, (name, part) in enumerate(parts):
        aside = 0.012 * (i - (len(parts) - 1) / 2)
        spread = np.maximum([part["covered"] - part["low"], part["high"] - part["covered"]], 0)
        colour = SERIES[i % len(SERIES)]
        ax.errorbar(
            part["level"] + aside,
            part["covered"],
            yerr=spread,
            fmt="o",
            markersize=4.5,
            color=colour,
            linewidth=1.4,
            label=str(name),
        )
    ax.set_xlim(0, 1.02)
    ax.set_ylim(0, 1.02)
    ax.xaxis.set_major_formatter(PercentFormatter(1))
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.set_xlabel("level stated")
    ax.set_ylabel("share covered")
    ax.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    return ax


def plot_origins(table: pd.DataFrame, *, ax: Any = None) -> Any:
    """Draw predicted totals with their intervals, origin by origin, and what happened.

    Several data sets stand side by side, and since their totals may differ a hundredfold,
    all is then shown over the prediction: 1 is as predicted.

    Parameters
    ----------
    table : DataFrame
        A row an origin: `origin` (date), `actual`, `predicted`, `lower`, `upper` (totals in one
        unit); perhaps `covered` (bool; else lower <= actual <= upper) and `dataset` (str).
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    SchemaError
        If a column is missing, or data sets are compared over a prediction that is not > 0.
    """
    require_columns(table, ["origin", "actual", "predicted", "lower", "upper"], caller="plot_origins")
    ax = new_axes(ax)
    dataset = table["dataset"] if "dataset" in table.columns else pd.Series("", index=table.index)
    number, names = pd.factorize(dataset)
    shown = table.assign(_number=number).sort_values(["_number", "origin"], kind="stable")
    values = shown[["actual", "predicted", "lower", "upper"]].astype(float)
    inside = values["actual"].between(values["lower"], values["upper"])
    covered = (shown["covered"] if "covered" in shown.columns else inside).to_numpy(dtype=bool)
    if len(names) > 1:
        nothing = int((~(values["predicted"] > 0)).sum())
        if nothing:
            raise SchemaError(
                f"plot_origins: predicted must be > 0 to compare data sets, but {nothing} of {len(values)} origins "
                "break this. Draw one data set at a time."
            )
        values = values.div(values["predicted"], axis=0)
        ax.axhline(1, color=MUTED, linewidth=1, linestyle="--")
    place = np.arange(len(shown)) + shown["_number"].to_numpy()  # a gap between data sets
    ax.vlines(
        place, values["lower"], values["upper"], color=EXPECTED, alpha=0.35, linewidth=6, label="interval"
    )
    ax.plot(place, values["predicted"], "_", color=EXPECTED, markersize=9, label="predicted")
    actual = values["actual"].to_numpy()
    ax.plot(place[covered], actual[covered], "o", color=ACTUAL, markersize=5, label="actual")
    if not covered.all():
        ax.plot(place[~covered], actual[~covered], "D", color=SECOND, markersize=5.5, label="missed")
    _name_places(ax, place, shown, names)
    ax.set_ylabel("actual / predicted" if len(names) > 1 else "total after the origin")
    ax.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    if len(names) == 1:
        ax.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    ax.legend(
        frameon=False,
        loc="lower center",
        bbox_to_anchor=(0.5, 1.06),
        ncols=4,
        columnspacing=1.2,
        handlelength=1.2,
    )
    return ax


def _name_places(ax: Any, place: np.ndarray, shown: pd.DataFrame, names: Any) -> None:
    """Write dates below, as many as there is room for, and above them each data set's name."""
    every = -(-len(place) // 7)
    dates = pd.to_datetime(shown["origin"]).dt.strftime("%d %b\n%Y")
    ax.set_xticks(place[::every], dates.iloc[::every], fontsize=8)
    ax.set_xlabel("origin of the prediction")
    for i, name in enumerate(names):
        middle = place[shown["_number"].to_numpy() == i].mean()
        ax.annotate(str(name), (middle, 1.01), xycoords=("data", "axes fraction"), ha="center", color=MUTED)
