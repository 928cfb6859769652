"""Charts of who leaves: when, why, and whether the customers are still those of before."""

import textwrap
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator, PercentFormatter, StrMethodFormatter

from crm_analytics.core.errors import SchemaError
from crm_analytics.core.tables import require_columns
from crm_analytics.plotting.style import ACTUAL, EXPECTED, INK, MUTED, SECOND, SERIES, new_axes

_WIDTH = 34  # of a label (characters)
_NAMES = {
    "survival": "share still customers",
    "retention": "share of the last period's who stay",
    "actual": "share",
}


def plot_retention(table: pd.DataFrame, *, value: str | None = None, ax: Any = None) -> Any:
    """Draw survival or retention over time, segment by segment, or actual against expected.

    Parameters
    ----------
    table : DataFrame
        `time` (drawn in steps, as of `metrics.kaplan_meier`) or `period` (drawn in points), and
        `survival` or `retention` or both of `actual` and `expected` (shares in [0, 1]; NaN
        breaks the line). Perhaps `lower`, `upper`, an interval of what is drawn, and `segment`: a
        curve for each, in the order in which they come.
    value : "survival" or "retention", optional
        Which to draw if the table has several; by default `actual` with `expected`, else
        `survival`, else `retention`.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    SchemaError
        If neither `time` nor `period`, or no share to draw is in the table, or it is empty.
    """
    value = _value_column(table, value)
    axis = "time" if "time" in table.columns else "period"
    require_columns(
        table, [axis, *(["actual", "expected"] if value == "actual" else [value])], caller="plot_retention"
    )
    if table.empty:
        raise SchemaError("plot_retention: the table has no rows, so there is nothing to draw.")
    ax = new_axes(ax)
    if "segment" in table.columns:
        groups = table.groupby("segment", sort=False, dropna=False, observed=True)
        parts = [(str(name), part) for name, part in groups]
    else:
        parts = [("", table)]
    for i, (name, part) in enumerate(parts):
        _draw_segment(ax, part.sort_values(axis, kind="stable"), axis, value, name, SERIES[i % len(SERIES)])
    ax.set_xlim(left=min(0, float(table[axis].min())))
    ax.set_ylim(0, 1.02)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=axis == "period"))
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.set_xlabel(axis)
    ax.set_ylabel(_NAMES[value])
    if len(parts) > 1 or value == "actual":
        ax.legend(frameon=False, loc="best")
    return ax


def plot_reasons(table: pd.DataFrame, *, top: int = 10, ax: Any = None) -> Any:
    """Draw what raises and what lowers the chance to leave, the strongest on top.

    Parameters
    ----------
    table : DataFrame
        Of one customer: `reason` (words), `effect` (signed, on the log-odds); or of all on average
        `group`, `mean_effect`.
    top : int >= 1
        How many to draw, those of the largest size; the others are added up in one bar.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    if {"group", "mean_effect"} <= set(table.columns):
        table = table.loc[:, ["group", "mean_effect"]].set_axis(["reason", "effect"], axis=1)
    require_columns(table, ["reason", "effect"], caller="plot_reasons")
    if top < 1:
        raise ValueError(f"top must be >= 1. Got {top!r} instead.")
    if table.empty:
        raise SchemaError("plot_reasons: the table has no rows, so there is nothing to draw.")
    size = table["effect"].abs()
    ranked = table.loc[:, ["reason", "effect"]].iloc[np.argsort(-size.to_numpy(dtype=float), kind="stable")]
    names, effects = list(ranked["reason"][:top].map(str)), list(ranked["effect"][:top].astype(float))
    if len(ranked) > top:
        names.append(f"{len(ranked) - top:,} others")
        effects.append(float(ranked["effect"][top:].sum()))
    ax = _bar_axes(ax, names)
    place = np.arange(len(names))
    colours = [SECOND if effect > 0 else EXPECTED for effect in effects]
    ax.barh(place, effects, height=0.66, color=colours)
    for y, effect in zip(place, effects, strict=True):
        ax.annotate(
            f"{effect:+.2f}".replace("-", "−"),
            (effect, y),
            xytext=(4 if effect >= 0 else -4, 0),
            textcoords="offset points",
            ha="left" if effect >= 0 else "right",
            va="center",
            fontsize=8,
            color=INK,
        )
    ax.axvline(0, color=INK, linewidth=0.8)
    ax.margins(x=0.14)
    ax.set_xlabel("← stays      effect on the log-odds of leaving      leaves →")
    return ax


def plot_drift(table: pd.DataFrame, *, top: int = 20, ax: Any = None) -> Any:
    """Draw how far each feature has drifted, against what chance alone would give.

    Dots in the second colour lie beyond their critical value, the short line. The scale is
    logarithmic: a feature that has not moved at all lies at its left end.

    Parameters
    ----------
    table : DataFrame
        A row a feature: `feature`, `psi`, `critical` (as `metrics.population_stability` gives them).
    top : int >= 1
        How many to draw, those of the highest psi.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    require_columns(table, ["feature", "psi", "critical"], caller="plot_drift")
    if top < 1:
        raise ValueError(f"top must be >= 1. Got {top!r} instead.")
    if table.empty:
        raise SchemaError("plot_drift: the table has no rows, so there is nothing to draw.")
    shown = table.sort_values("psi", ascending=False, kind="stable").head(top)
    psi, critical = (shown[column].to_numpy(dtype=float) for column in ("psi", "critical"))
    ax = _bar_axes(ax, list(shown["feature"].map(str)))
    place = np.arange(len(shown))
    positive = np.concatenate([psi[psi > 0], critical[critical > 0]])
    least, most = (positive.min() / 2, positive.max() * 2) if positive.size else (0.001, 1.0)
    beyond = psi > critical
    ax.hlines(place, least, np.maximum(psi, least), color=MUTED, alpha=0.4, linewidth=1)
    ax.plot(np.maximum(critical, least), place, "|", color=INK, markersize=11, label="critical value")
    for chosen, colour, label in [
        (beyond, SECOND, "drifted"),
        (~beyond, EXPECTED, "as chance would have it"),
    ]:
        if chosen.any():
            ax.plot(
                np.maximum(psi, least)[chosen],
                place[chosen],
                "o",
                color=colour,
                markersize=6,
                clip_on=False,
                label=label,
            )
    ax.set_xscale("log")
    ax.set_xlim(least, most)
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    ax.set_xlabel("population stability index")
    ax.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, handletextpad=0.4)
    return ax


def _draw_segment(ax: Any, part: pd.DataFrame, axis: str, value: str, name: str, colour: str) -> None:
    """One curve with its interval; if it is of what happened, what was expected beside it."""
    look: dict[str, Any] = (
        {"drawstyle": "steps-post"} if axis == "time" else {"marker": "o", "markersize": 3.5}
    )
    if {"lower", "upper"} <= set(part.columns):
        low, high = part["lower"].to_numpy(dtype=float), part["upper"].to_numpy(dtype=float)
        step = "post" if axis == "time" else None
        ax.fill_between(part[axis], low, high, step=step, color=colour, alpha=0.15, linewidth=0)
    if value != "actual":
        ax.plot(part[axis], part[value], color=colour, linewidth=2, label=name or value, **look)
        return
    alone = name == ""
    expected, actual = f"{name} expected".strip(), f"{name} actual".strip()
    ax.plot(part[axis], part["expected"], "-" if alone else "--", color=colour, linewidth=2, label=expected)
    ax.plot(
        part[axis], part["actual"], color=ACTUAL if alone else colour, linewidth=1.4, label=actual, **look
    )


def _value_column(table: pd.DataFrame, value: str | None) -> str:
    if value is not None:
        if value not in ("survival", "retention"):
            raise ValueError(f"value must be one of 'survival', 'retention'. Got {value!r} instead.")
        return value
    if {"actual", "expected"} <= set(table.columns):
        return "actual"
    return "retention" if "survival" not in table.columns and "retention" in table.columns else "survival"


def _bar_axes(ax: Any, names: list[str]) -> Any:
    """Axes with a name for each row, the first on top, and a grid for the values."""
    labels = ["\n".join(textwrap.wrap(name, _WIDTH, max_lines=2, placeholder=" …")) for name in names]
    ax = new_axes(ax, height=1.2 + 0.32 * len(names))
    ax.grid(visible=False, axis="y")
    ax.grid(axis="x", color=MUTED, alpha=0.25, linewidth=0.6)
    ax.set_yticks(np.arange(len(names)), labels, fontsize=9)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0, pad=8)
    return ax
