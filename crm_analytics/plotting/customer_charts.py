"""Charts of what a model believes of customers: everyone of one age, and one over time."""

from typing import Any

import matplotlib
import pandas as pd
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.ticker import MaxNLocator, PercentFormatter

from crm_analytics.core.errors import choice
from crm_analytics.core.tables import require_columns
from crm_analytics.plotting.style import ACTUAL, EXPECTED, MUTED, new_axes

_LABELS = {"p_alive": "P(still a customer)", "expected_purchases": "expected purchases in the horizon"}


def plot_heat_map(table: pd.DataFrame, value: str = "p_alive", *, ax: Any = None) -> Any:
    """Draw what a model says by frequency and recency; impossible cells are light grey.

    Parameters
    ----------
    table : DataFrame
        As `evaluation.frequency_recency_grid` gives it.
    value : {"p_alive", "expected_purchases"}
        The column to colour by.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    choice(value, name="value", allowed=_LABELS)
    require_columns(table, ["frequency", "recency", value], caller="plot_heat_map")
    ax = new_axes(ax)
    cells = table.pivot(index="recency", columns="frequency", values=value)  # noqa: PD010  a cell a row
    colours = matplotlib.colormaps["cividis"].with_extremes(bad=(MUTED, 0.25))
    top = {"vmin": 0, "vmax": 1} if value == "p_alive" else {"vmin": 0}
    mesh = ax.pcolormesh(cells.columns, cells.index, cells, cmap=colours, shading="nearest", **top)
    bar = ax.figure.colorbar(mesh, ax=ax, label=_LABELS[value])
    bar.outline.set_visible(False)
    if value == "p_alive":
        bar.ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.grid(visible=False)
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 5, 10], integer=True))
    ax.set_xlabel("frequency (repeat purchases)")
    ax.set_ylabel("recency (age at the last purchase)")
    return ax


def plot_alive_history(table: pd.DataFrame, *, ax: Any = None) -> Any:
    """Draw one customer's P(still a customer) over time, with a tick at each purchase.

    Parameters
    ----------
    table : DataFrame
        As `evaluation.alive_history` gives it.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    require_columns(table, ["p_alive", "purchase"], caller="plot_alive_history")
    ax = new_axes(ax)
    ax.plot(table.index, table["p_alive"], color=EXPECTED, linewidth=2, label="P(still a customer)")
    bought = table.index[table["purchase"]]
    # Below the axis' zero, so that they do not meet a line that has fallen to it.
    ax.plot(bought, [-0.06] * len(bought), "|", color=ACTUAL, markersize=9, label="purchase")
    ax.set_ylim(-0.12, 1.03)
    ax.set_yticks([0, 0.25, 0.5, 0.75, 1])
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.set_ylabel("P(still a customer)")
    days = AutoDateLocator(minticks=3, maxticks=7)
    ax.xaxis.set_major_locator(days)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(days))
    ax.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return ax
