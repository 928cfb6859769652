"""Charts of paths: who went where, what follows what, and how soon."""

import itertools
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path
from matplotlib.ticker import PercentFormatter

from crm_analytics.core.errors import SchemaError
from crm_analytics.core.tables import require_columns
from crm_analytics.plotting.style import INK, MANY, MUTED, SERIES, new_axes

_GAP = 0.025  # between the boxes of a step, as a share of the height
_BOX = 0.06  # width of a box, where steps are 1 apart
LEAST_AT_RISK = 10  # a curve of fewer says little
_LEAST = 0.035  # height of a box that has room for its label, as a share


def plot_flows(
    table: pd.DataFrame, *, last: tuple[str, ...] = ("other", "(none so far)"), ax: Any = None
) -> Any:
    """Draw who went where, step by step, as ribbons as wide as there are customers (Sankey).

    A box is a product at a step, the most frequent on top; a ribbon has the colour of what it
    comes from. Boxes too low for a label of their own go without.

    Parameters
    ----------
    table : DataFrame
        `step` (1, 2, …), `source`, `target`, `customers`, as `ProductPaths.flows` gives it.
    last : tuple of str
        Names that stand at the bottom of each step, in grey.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    SchemaError
        If a column is missing, or there is no customer to draw.
    """
    require_columns(table, ["step", "source", "target", "customers"], caller="plot_flows")
    if not (len(table) and table["customers"].sum() > 0):
        raise SchemaError("plot_flows: the table has no customers. Pass the flows of at least one.")
    ax = new_axes(ax, width=9.0, height=4.8)
    sizes = _box_sizes(table)
    names = sizes.groupby("name")["customers"].max().sort_values(ascending=False, kind="stable").index
    named = [name for name in names if name not in last]
    colours = {name: MANY[i % len(MANY)] for i, name in enumerate(named)}
    total = sizes.groupby("step")["customers"].sum().max()
    boxes = _stack(sizes, [*named, *last], total)
    left, right = ({place: top for place, (top, _) in boxes.items()} for _ in range(2))
    rank = {name: i for i, name in enumerate([*named, *last])}
    ribbons = table.assign(_s=table["source"].map(rank), _t=table["target"].map(rank))
    ribbons = ribbons.sort_values(["step", "_s", "_t"])
    columns = (ribbons[name].tolist() for name in ("step", "source", "target", "customers"))
    for step, source, target, customers in zip(*columns, strict=True):
        start, end, height = (step, source), (step + 1, target), customers / total
        left[start], right[end] = left[start] - height, right[end] - height
        colour = colours.get(source, MUTED)
        ax.add_patch(_ribbon(step + _BOX, step + 1, left[start], right[end], height, colour))
    final = max(step for step, _ in boxes)
    for (step, name), (top, height) in boxes.items():
        colour = colours.get(name, MUTED)
        ax.add_patch(Rectangle((step, top - height), _BOX, height, color=colour, linewidth=0))
        if height < _LEAST:
            continue
        outside = step == final
        ax.annotate(
            f"{name}  {round(height * total):,}",
            (step + _BOX, top - height / 2),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            ha="left",
            fontsize=7.5,
            color=INK,
            bbox=None
            if outside
            else {"facecolor": "white", "alpha": 0.65, "edgecolor": "none", "boxstyle": "round,pad=0.12"},
            annotation_clip=False,
        )
    ax.set_xlim(0.97, final + 0.55)
    ax.set_ylim(min(top - height for top, height in boxes.values()) - 0.01, 1.01)
    steps = sorted({step for step, _ in boxes})
    ax.set_xticks([step + _BOX / 2 for step in steps], [f"step {step}" for step in steps])
    ax.set_yticks([])
    ax.tick_params(length=0)
    ax.grid(visible=False)
    ax.spines[["left", "bottom"]].set_visible(False)
    return ax


def plot_transitions(table: pd.DataFrame, value: str = "share", *, top: int = 12, ax: Any = None) -> Any:
    """Draw how often each product (down) is followed by each other (across).

    Parameters
    ----------
    table : DataFrame
        `from`, `to`, `count` and `value`, a share in [0, 1], as `ProductPaths.transitions_` has them.
    value : str, default="share"
        Such as "share", "probability" or "incidence".
    top : int >= 1
        The products with the most steps are shown.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    require_columns(table, ["from", "to", "count", value], caller="plot_transitions")
    if not len(table):
        raise SchemaError("plot_transitions: the table has no transitions.")
    out, into = table.groupby("from")["count"].sum(), table.groupby("to")["count"].sum()
    shown = out.add(into, fill_value=0).sort_values(ascending=False, kind="stable").index[:top]
    cells = table.pivot(index="from", columns="to", values=value).reindex(index=shown, columns=shown)  # noqa: PD010
    side = 0.55 * len(shown)
    ax = new_axes(ax, width=side + 2.8, height=0.8 * side + 1.8)
    colours = matplotlib.colormaps["cividis_r"].with_extremes(bad=(MUTED, 0.12))
    peak = np.nanmax(cells.to_numpy(float)) if cells.notna().any(axis=None) else 1.0
    mesh = ax.imshow(cells.to_numpy(float), cmap=colours, vmin=0, vmax=peak, aspect="auto")
    for i, j in np.argwhere(cells.notna().to_numpy()):
        number = cells.iloc[i, j]
        light = number > 0.45 * peak
        ax.text(
            j, i, f"{number * 100:.0f}" if number >= 0.01 else "<1", ha="center", va="center", fontsize=7.5,
            color="white" if light else INK,
        )  # fmt: skip
    labels = [str(name) for name in shown]
    ax.set_xticks(range(len(shown)), labels, rotation=40, ha="right", rotation_mode="anchor", fontsize=8)
    ax.set_yticks(range(len(shown)), labels, fontsize=8)
    ax.tick_params(length=0)
    ax.grid(visible=False)
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.set_xlabel("next")
    ax.set_ylabel("after")
    bar = ax.figure.colorbar(mesh, ax=ax, label=f"{value} (%)", shrink=0.8)
    bar.ax.yaxis.set_major_formatter(PercentFormatter(1, symbol=""))
    bar.outline.set_visible(False)
    return ax


def plot_timing(table: pd.DataFrame, *, until: float | None = None, ax: Any = None) -> Any:
    """Draw what share has taken each product as the next step, by days, with bands.

    Parameters
    ----------
    table : DataFrame
        `time`, `incidence`, `lower`, `upper` and, for several curves, `to`, as
        `ProductPaths.incidence` gives it; or a Kaplan-Meier table (`survival` instead), of which the
        share that has taken any step is drawn. Where it has `at_risk`, curves end where fewer than
        ten are left, unless there never were more.
    until : float, optional
        Days to show; all of them by default.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    require_columns(table, ["time", "lower", "upper"], caller="plot_timing")
    if "survival" in table.columns and "incidence" not in table.columns:
        table = table.assign(
            incidence=1 - table["survival"],
            lower=1 - table["upper"],
            upper=1 - table["lower"],
            to="any next step",
        )
    require_columns(table, ["incidence"], caller="plot_timing")
    if not len(table):
        raise SchemaError("plot_timing: the table has no rows.")
    ax = new_axes(ax, width=7.2, height=3.8)
    longest = float(table["time"].max() if until is None else until)
    if "at_risk" in table.columns:  # where few are left, one of them moves the curve by a tenth and more
        enough = table.loc[table["at_risk"] >= LEAST_AT_RISK, "time"]
        longest = min(longest, float(enough.max())) if len(enough) else longest
    curves = list(table.groupby("to", sort=False)) if "to" in table.columns else [("", table)]
    ends = []
    for i, (name, curve) in enumerate(curves):
        curve = _thinned(curve[curve["time"] <= longest])
        colour = SERIES[i % len(SERIES)]
        style = "-" if i < len(SERIES) else "--"
        ax.step(curve["time"], curve["incidence"], style, where="post", color=colour, linewidth=1.8)
        ax.fill_between(
            curve["time"], curve["lower"], curve["upper"], step="post", color=colour, alpha=0.18, linewidth=0
        )
        ends.append((float(curve["incidence"].iloc[-1]), str(name), colour))
    top = ax.get_ylim()[1]
    for (share, name, colour), place in zip(
        ends, _apart([share for share, _, _ in ends], 0.06 * top), strict=True
    ):
        ax.annotate(
            f"{name} {share * 100:.0f} %" if share >= 0.01 else f"{name} <1 %",
            (longest, place),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
            color=colour,
            annotation_clip=False,
        )
    ax.set_xlim(0, longest)
    ax.set_ylim(bottom=0)
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.set_xlabel("days since the step before")
    ax.set_ylabel("share who have taken it next")
    return ax


def _box_sizes(table: pd.DataFrame) -> pd.DataFrame:
    """Customers of each box: the larger of who comes and who goes."""
    goes = table.rename(columns={"source": "name"}).groupby(["step", "name"])["customers"].sum()
    comes = table.assign(step=table["step"] + 1).rename(columns={"target": "name"})
    both = pd.concat([goes, comes.groupby(["step", "name"])["customers"].sum()])
    return both.groupby(level=[0, 1]).max().reset_index()


def _stack(sizes: pd.DataFrame, order: list[str], total: float) -> dict[tuple[int, str], tuple[float, float]]:
    """Top and height of each box, from the top of its step down."""
    rank = {name: i for i, name in enumerate(order)}
    boxes: dict[tuple[int, str], tuple[float, float]] = {}
    for step in sorted(sizes["step"].unique().tolist()):
        top, part = 1.0, sizes[sizes["step"] == step]
        part = part.assign(_rank=part["name"].map(rank)).sort_values("_rank")
        for name, customers in zip(part["name"].tolist(), part["customers"].tolist(), strict=True):
            boxes[step, name] = (top, customers / total)
            top -= customers / total + _GAP
    return boxes


def _ribbon(x: float, x_end: float, y: float, y_end: float, height: float, colour: str) -> PathPatch:
    """A band of even height between two boxes, its edges cubic Bézier curves level at both ends."""
    middle = (x + x_end) / 2
    points = [
        (x, y), (middle, y), (middle, y_end), (x_end, y_end),
        (x_end, y_end + height), (middle, y_end + height), (middle, y + height), (x, y + height), (x, y),
    ]  # fmt: skip
    codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
    return PathPatch(Path(points, codes), facecolor=colour, alpha=0.32, linewidth=0)


def _thinned(curve: pd.DataFrame, most: int = 2_000) -> pd.DataFrame:
    """Keep no more rows than a picture can show, the last among them."""
    if len(curve) <= most:
        return curve
    return curve.iloc[np.unique(np.linspace(0, len(curve) - 1, most).astype(int))]


def _apart(values: list[float], least: float) -> list[float]:
    """Places near the values, in their order, at least so far apart."""
    order = np.argsort(values, kind="stable")
    places = np.array(values, dtype=float)
    for below, above in itertools.pairwise(order):
        places[above] = max(places[above], places[below] + least)
    return places.tolist()
