"""Charts of a score of yes or no: whom it finds, how right it is, what it earns."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.ticker import PercentFormatter, StrMethodFormatter

from crm_analytics.core.errors import SchemaError
from crm_analytics.core.tables import require_columns
from crm_analytics.plotting.style import EXPECTED, INK, MUTED, SECOND, SERIES, new_axes


def plot_gains(curve: pd.DataFrame, *, ax: Any = None) -> Any:
    """Draw the share of positives found among the top-scored customers.

    Parameters
    ----------
    curve : DataFrame
        As `metrics.gains_curve` gives it: `fraction`, `gain` (shares in [0, 1]), perhaps `best`
        (the highest possible gain). With a column `group`, several curves, each in its colour.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    _require_rows(curve, ["fraction", "gain"], caller="plot_gains")
    ax = new_axes(ax)
    for i, (name, part) in enumerate(_groups(curve, "this score")):
        if i == 0 and "best" in curve.columns:
            ax.plot(part["fraction"], part["best"], ":", color=MUTED, linewidth=1.4, label="perfect score")
        ax.plot(part["fraction"], part["gain"], color=SERIES[i % len(SERIES)], linewidth=2, label=name)
    ax.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle="--", label="at random")
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1.02)
    ax.xaxis.set_major_formatter(PercentFormatter(1))
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.set_xlabel("customers, the highest scores first")
    ax.set_ylabel("share of positives found")
    ax.legend(frameon=False, loc="lower right")
    return ax


def plot_lift(curve: pd.DataFrame, *, ax: Any = None) -> Any:
    """Draw how many times likelier than average the top-scored customers are to be positive.

    Parameters
    ----------
    curve : DataFrame
        As `metrics.gains_curve` gives it: `fraction` (share in [0, 1]), `lift`; a first row without
        lift is left out. With a column `group`, several curves, each in its colour.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    _require_rows(curve, ["fraction", "lift"], caller="plot_lift")
    ax = new_axes(ax)
    groups = list(_groups(curve, "this score"))
    highest = 1.0
    for i, (name, part) in enumerate(groups):
        ax.plot(part["fraction"], part["lift"], color=SERIES[i % len(SERIES)], linewidth=2, label=name)
        # The first few customers are luck; they must not squeeze the rest.
        highest = max(highest, part.loc[part["fraction"] >= 0.01, "lift"].max())
    ax.axhline(1, color=MUTED, linewidth=1, linestyle="--", label="at random")
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1.08 * highest)
    ax.xaxis.set_major_formatter(PercentFormatter(1))
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:g} ×"))
    ax.set_xlabel("customers, the highest scores first")
    ax.set_ylabel("lift over the average rate")
    ax.legend(frameon=False, loc="upper right")
    return ax


def plot_reliability(table: pd.DataFrame, *, ax: Any = None) -> Any:
    """Draw observed against predicted rates with their intervals; on the diagonal they agree.

    The bars along the bottom show where the customers are, the tallest for the fullest bin. Both
    axes end where the rates end, not at 100 %.

    Parameters
    ----------
    table : DataFrame
        As `metrics.calibration_table` gives it: `n`, `mean_predicted`, `observed`, `lower`, `upper`.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    _require_rows(table, ["n", "mean_predicted", "observed", "lower", "upper"], caller="plot_reliability")
    ax = new_axes(ax, width=4.8, height=4.4)
    end = min(1.0, 1.04 * float(table[["mean_predicted", "upper"]].max().max()))
    ax.plot([0, end], [0, end], color=MUTED, linewidth=1, linestyle="--", label="as predicted")
    ax.vlines(
        table["mean_predicted"],
        0,
        0.08 * table["n"] / table["n"].max(),
        transform=ax.get_xaxis_transform(),
        color=MUTED,
        alpha=0.35,
        linewidth=4,
        zorder=1,
        label="customers",
    )
    observed = table["observed"]
    ax.errorbar(
        table["mean_predicted"],
        observed,
        yerr=np.maximum([observed - table["lower"], table["upper"] - observed], 0),
        fmt="o-",
        markersize=4.5,
        color=EXPECTED,
        linewidth=1.4,
        label="observed",
    )
    ax.set_xlim(0, end)
    ax.set_ylim(0, end)
    ax.xaxis.set_major_formatter(PercentFormatter(1))
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.set_xlabel("predicted rate")
    ax.set_ylabel("observed rate")
    ax.legend(frameon=False, loc="upper left")
    return ax


def plot_profit_curve(curve: pd.DataFrame, *, ax: Any = None) -> Any:
    """Draw the profit of a campaign by the fraction contacted, its best marked.

    Losses larger than the best profit are cut off: those of contacting everybody may be so large
    that nothing could be seen of what can be earned.

    Parameters
    ----------
    curve : DataFrame
        As `metrics.profit_curve` gives it: `fraction` (share in [0, 1]), `profit` (currency per
        customer), perhaps `random` (the same of as many drawn at random) and `lower`, `upper` (an
        interval of the profit). Of a plan's curve, `expected_profit` and `random`: those of all.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    of_all = "profit" not in curve.columns and "expected_profit" in curve.columns
    if of_all:
        curve = curve.assign(profit=curve["expected_profit"])
    _require_rows(curve, ["fraction", "profit"], caller="plot_profit_curve")
    ax = new_axes(ax)
    ax.axhline(0, color=INK, linewidth=0.8)
    if {"lower", "upper"} <= set(curve.columns):
        ax.fill_between(
            curve["fraction"], curve["lower"], curve["upper"], color=EXPECTED, alpha=0.15, linewidth=0
        )
    ax.plot(curve["fraction"], curve["profit"], color=EXPECTED, linewidth=2, label="the highest scores first")
    if "random" in curve.columns:
        ax.plot(curve["fraction"], curve["random"], "--", color=MUTED, linewidth=1, label="as many at random")
    best = int(curve["profit"].to_numpy(dtype=float).argmax())
    x, y = float(curve["fraction"].iloc[best]), float(curve["profit"].iloc[best])
    ax.vlines(x, min(0, y), y, color=SECOND, linewidth=1, linestyle=":")
    ax.plot([x], [y], "o", color=SECOND, markersize=6, label="best")
    ax.annotate(
        f"{x:.1%} contacted: {y:,.2f}",
        (x, y),
        xytext=(0, 8),
        textcoords="offset points",
        ha="left" if x < 0.25 else "right" if x > 0.75 else "center",
        color=SECOND,
        fontsize=9,
    )
    ax.set_xlim(0, 1)
    drawn = curve[[c for c in ("profit", "random", "lower", "upper") if c in curve.columns]]
    bottom, top = min(0.0, float(drawn.min().min())), max(float(drawn.max().max()), 0.0)
    bottom = max(bottom, -y) if y > 0 else bottom
    ax.set_ylim(bottom, top + 0.12 * (top - bottom or 1.0))  # room for the words
    ax.xaxis.set_major_formatter(PercentFormatter(1))
    ax.set_xlabel("customers contacted")
    ax.set_ylabel("profit of all" if of_all else "profit per customer")
    ax.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, columnspacing=1.2)
    return ax


def _require_rows(table: pd.DataFrame, columns: list[str], *, caller: str) -> None:
    require_columns(table, columns, caller=caller)
    if table.empty:
        raise SchemaError(f"{caller}: the table has no rows, so there is nothing to draw.")


def _groups(curve: pd.DataFrame, alone: str) -> Iterator[tuple[str, pd.DataFrame]]:
    if "group" not in curve.columns:
        yield alone, curve
        return
    for name, part in curve.groupby("group", sort=False, dropna=False, observed=True):
        yield str(name), part
