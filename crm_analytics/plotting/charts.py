"""Charts of the tables that `evaluation` computes: a table in, matplotlib Axes out."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.ticker import MaxNLocator, PercentFormatter, StrMethodFormatter

from crm_analytics.core.tables import require_columns
from crm_analytics.plotting.style import ACTUAL, EXPECTED, MUTED, SERIES, new_axes


def plot_tracking(table: pd.DataFrame, *, cumulative: bool = False, ax: Any = None) -> Any:
    """Draw repeat purchases by week, actual and expected.

    Parameters
    ----------
    table : DataFrame
        As `evaluation.tracking_table` gives it.
    cumulative : bool
        Show running totals instead of each week.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    ending = "_cumulative" if cumulative else ""
    require_columns(table, [f"actual{ending}", f"expected{ending}", "seen"], caller="plot_tracking")
    ax = new_axes(ax)
    ax.plot(table.index, table[f"actual{ending}"], color=ACTUAL, linewidth=1.4, label="actual")
    ax.plot(table.index, table[f"expected{ending}"], color=EXPECTED, linewidth=2, label="expected")
    unseen = table.index[~table["seen"]]
    if len(unseen) and table["seen"].any():
        ax.axvline(unseen[0], color=MUTED, linewidth=1, linestyle="--")
        ax.annotate(
            "unseen →",
            (unseen[0], 0.03),
            xycoords=("data", "axes fraction"),
            xytext=(4, 0),
            textcoords="offset points",
            color=MUTED,
            fontsize=8,
        )
    ax.set_ylim(bottom=0)
    ax.set_ylabel("repeat purchases" + (", running total" if cumulative else f" per {table.index.name}"))
    days = AutoDateLocator(minticks=3, maxticks=7)
    ax.xaxis.set_major_locator(days)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(days))
    ax.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10], integer=True))
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    ax.legend(frameon=False)
    return ax


def plot_holdout(table: pd.DataFrame, *, ax: Any = None) -> Any:
    """Draw mean purchases in the holdout by how often customers bought before.

    Parameters
    ----------
    table : DataFrame
        As `evaluation.holdout_by_frequency` gives it.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    require_columns(table, ["customers", "actual"], caller="plot_holdout")
    ax = new_axes(ax)
    place = np.arange(len(table))
    ax.bar(place, table["actual"], width=0.7, color=MUTED, alpha=0.45, label="actual")
    for i, name in enumerate(c for c in table.columns if c not in ("customers", "actual")):
        style = "-" if i == 0 else "--"
        ax.plot(
            place, table[name], style, marker="o", markersize=4, color=SERIES[i % len(SERIES)], label=name
        )
    ax.set_xticks(place, [f"{label}\n{n:,}" for label, n in table["customers"].items()])
    ax.set_xlabel("repeat purchases in the calibration window (below: customers)")
    ax.set_ylabel("purchases in the holdout")
    ax.legend(frameon=False)
    return ax


def plot_concentration(table: pd.DataFrame, *, ax: Any = None) -> Any:
    """Draw what share of the value the top customers hold.

    Parameters
    ----------
    table : DataFrame
        As `evaluation.value_concentration` gives it.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    require_columns(table, ["customers", "value"], caller="plot_concentration")
    ax = new_axes(ax)
    customers, value = [0.0, *table["customers"]], [0.0, *table["value"]]
    ax.plot(customers, value, color=EXPECTED, linewidth=2, label="expected value")
    ax.fill_between(customers, value, customers, color=EXPECTED, alpha=0.12)
    ax.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle="--", label="if all were worth the same")
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1.02)
    ax.xaxis.set_major_formatter(PercentFormatter(1))
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.set_xlabel("customers, the most valuable first")
    ax.set_ylabel("share of expected value")
    ax.legend(frameon=False, loc="lower right")
    return ax
