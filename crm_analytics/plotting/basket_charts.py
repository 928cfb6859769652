"""Charts of what is bought together, and of where: rules, networks of items, demand by place."""

import textwrap
from collections.abc import Iterable
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.ticker import (
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    NullLocator,
    PercentFormatter,
)

from crm_analytics.core.errors import SchemaError
from crm_analytics.core.tables import require_columns
from crm_analytics.plotting.network_layout import force_layout, push_apart
from crm_analytics.plotting.style import INK, MUTED, new_axes

_RULES = ["antecedents", "consequents", "support", "lift"]
# Cividis without its bright end, which is hard to see on white.
_LIFT = ListedColormap(matplotlib.colormaps["cividis_r"](np.linspace(0.18, 1, 256)))
_SIZE = 8.0  # of labels (points)
_LINE = 1.25  # height of a line over the size


def plot_rules(table: pd.DataFrame, *, ax: Any = None) -> Any:
    """Draw rules by support and confidence, coloured by lift; the highest lift lies on top.

    Parameters
    ----------
    table : DataFrame
        A row a rule: `support`, `confidence` (shares), `lift`.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    _require_rows(table, ["support", "confidence", "lift"], caller="plot_rules")
    ax = new_axes(ax, height=4.2)
    shown = table.sort_values("lift", kind="stable")
    norm = _lift_norm(shown["lift"])
    size = np.clip(700 / np.sqrt(len(shown)), 8, 40)  # many rules, small dots
    dots = ax.scatter(
        shown["support"], shown["confidence"], c=shown["lift"], norm=norm, cmap=_LIFT, s=size, linewidths=0
    )
    dots.set_rasterized(len(shown) > 5000)
    _lift_bar(ax, norm)
    if shown["support"].min() > 0 and shown["support"].max() > 20 * shown["support"].min():
        ax.set_xscale("log")
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.xaxis.set_minor_formatter(NullFormatter())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:.3g} %"))
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.set_ylim(0, 1.02)
    ax.set_xlabel("support (share of baskets with both sides)")
    ax.set_ylabel("confidence")
    return ax


def plot_rule_graph(table: pd.DataFrame, *, top: int = 15, ax: Any = None) -> Any:
    """Draw rules as a graph: arrows lead from the antecedents to a dot, and on to the consequents.

    A dot is a rule, darker the higher its lift, larger the higher its support.

    Parameters
    ----------
    table : DataFrame
        A row a rule: `antecedents`, `consequents` (frozensets), `support`, `lift`.
    top : int >= 1
        How many to draw, those of the highest lift; beyond some 30 no labels stay apart.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    _require_rows(table, _RULES, caller="plot_rule_graph")
    shown = _top(table, top)
    items = sorted({str(item) for side in _RULES[:2] for items in shown[side] for item in items})
    code = {item: place for place, item in enumerate(items)}
    edges, leaves = [], []  # leaves: whether the edge ends at an item, with an arrow
    for rule, (left, right) in enumerate(zip(shown["antecedents"], shown["consequents"], strict=True)):
        for item in sorted(map(str, left)):
            edges.append((code[item], len(items) + rule))
            leaves.append(False)
        for item in sorted(map(str, right)):
            edges.append((len(items) + rule, code[item]))
            leaves.append(True)
    norm = _lift_norm(shown["lift"])
    ax = _bare_axes(ax, norm, len(items) + len(shown))
    names = [_wrapped(item) for item in items] + [""] * len(shown)
    place = _lay_out(ax, np.array(edges), names)
    colours = _LIFT(norm(shown["lift"].to_numpy(dtype=float)))
    for (begin, end), ends_at_item in zip(edges, leaves, strict=True):
        colour = colours[(begin if ends_at_item else end) - len(items)]
        _arrow(ax, place[begin], place[end], colour, head=ends_at_item, label=names[end])
    share = shown["support"] / shown["support"].max()
    ax.scatter(*place[len(items) :].T, s=25 + 110 * share, c=colours, edgecolors="white", zorder=3)
    _name_items(ax, place, names)
    return ax


def plot_item_network(table: pd.DataFrame, *, top: int = 30, ax: Any = None) -> Any:
    """Draw pairs of items as a network; the thicker and darker the line, the higher the lift.

    Parameters
    ----------
    table : DataFrame
        A row a pair: `item_a`, `item_b` (any), `lift`; or rules with `antecedents`,
        `consequents` (frozensets), `lift`, of which those with one item on either side are drawn.
    top : int >= 1
        How many pairs to draw, those of the highest lift.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    if "antecedents" in table.columns:
        _require_rows(table, ["antecedents", "consequents", "lift"], caller="plot_item_network")
        single = table["antecedents"].map(len).eq(1) & table["consequents"].map(len).eq(1)
        sides = [table.loc[single, side].map(lambda items: next(iter(items))) for side in _RULES[:2]]
        table = pd.DataFrame({"item_a": sides[0], "item_b": sides[1], "lift": table.loc[single, "lift"]})
    _require_rows(table, ["item_a", "item_b", "lift"], caller="plot_item_network")
    names = np.sort(
        table[["item_a", "item_b"]].astype(str).to_numpy(), axis=1
    )  # either direction is one pair
    pairs = pd.DataFrame({"one": names[:, 0], "other": names[:, 1], "lift": table["lift"].to_numpy()})
    pairs = pairs[pairs["one"] != pairs["other"]]
    shown = _top(
        pairs.sort_values("lift", ascending=False, kind="stable").drop_duplicates(["one", "other"]), top
    )
    items = sorted({*shown["one"], *shown["other"]})
    code = {item: place for place, item in enumerate(items)}
    edges = np.column_stack([shown["one"].map(code), shown["other"].map(code)])
    norm = _lift_norm(shown["lift"])
    ax = _bare_axes(ax, norm, len(items))
    labels = [_wrapped(item) for item in items]
    place = _lay_out(ax, edges, labels)
    strength = norm(shown["lift"].to_numpy(dtype=float))
    colours = _LIFT(strength)
    for (begin, end), colour, share in zip(edges, colours, strength, strict=True):
        ax.plot(*place[[begin, end]].T, color=colour, linewidth=1 + 2.5 * share, zorder=1)
    _name_items(ax, place, labels)
    return ax


def plot_demand(table: pd.DataFrame, *, items: int = 18, places: int = 14, ax: Any = None) -> Any:
    """Draw where each product sells more or less than its share; faint where that may be chance.

    Parameters
    ----------
    table : DataFrame
        As `basket.demand_index` gives it: `place`, `item`, `index`, `expected`, `significant`.
    items, places : int >= 1
        At most so many rows and columns: those with the surest and largest differences.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    _require_rows(table, ["place", "item", "index", "expected", "significant"], caller="plot_demand")
    log_index = np.log2(table["index"].to_numpy(dtype=float))
    told = table.assign(_log=log_index, _weight=np.abs(log_index) * (0.01 + table["significant"]))
    likely = told[told["item"].isin(_weightiest(told, "item", 3 * items))]
    columns = _weightiest(likely, "place", places)
    told = told[told["place"].isin(columns)]
    rows = _weightiest(told, "item", items)[::-1]  # the first on top
    told = told[told["item"].isin(rows)]
    grid = told.set_index(["item", "place"])
    values = grid["_log"].unstack().reindex(rows, columns=columns).to_numpy()  # noqa: PD010
    sure = grid["significant"].astype(float).unstack().reindex(rows, columns=columns).eq(1)  # noqa: PD010
    ax = new_axes(ax, width=7.2, height=1.2 + 0.27 * len(rows))
    limit = float(np.clip(np.nanmax(np.abs(values)), 1, 3))
    mesh = ax.pcolormesh(
        np.arange(len(columns)),
        np.arange(len(rows)),
        np.ma.masked_invalid(values),
        cmap=matplotlib.colormaps["PuOr_r"].with_extremes(bad=MUTED),
        vmin=-limit,
        vmax=limit,
        alpha=np.where(sure, 1.0, 0.25),
        shading="nearest",
        edgecolors="white",
        linewidth=0.8,
    )
    for row, column in np.argwhere(sure.to_numpy()):
        dark = abs(values[row, column]) > 0.6 * limit
        text = f"{2 ** values[row, column]:.{1 if values[row, column] >= 0 else 2}f}"
        ax.text(column, row, text, ha="center", va="center", fontsize=7, color="white" if dark else INK)
    bar = ax.figure.colorbar(mesh, ax=ax, label="index (1: sells its share)", pad=0.02)
    bar.outline.set_visible(False)
    bar.solids.set_alpha(1)
    ticks = np.arange(-int(limit), int(limit) + 1)
    bar.set_ticks(ticks, labels=[f"{2.0**tick:.3g}" for tick in ticks])
    ax.grid(visible=False)
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.tick_params(length=0)
    ax.set_xticks(np.arange(len(columns)), [str(name) for name in columns], rotation=90, fontsize=8)
    ax.set_yticks(np.arange(len(rows)), [_short(name) for name in rows], fontsize=8)
    ax.set_xlabel(
        f"{told['place'].nunique()} of {table['place'].nunique():,} places (faint: may be chance; grey: too rare)"
    )
    return ax


def _lay_out(ax: Any, edges: np.ndarray, names: list[str]) -> np.ndarray:
    """Positions in points, labels apart; the axes are given this room."""
    ax.figure.figure.draw_without_rendering()  # settles how much of the figure the axes get
    box = ax.get_window_extent()
    room = np.maximum(np.array([box.width, box.height]) * 72 / ax.figure.dpi, 72)
    lines = [name.split("\n") if name else [] for name in names]
    widths = [_SIZE * _width(part) + 10 for part in lines]
    heights = [_LINE * _SIZE * len(part) + 8 if part else 14 for part in lines]
    place = force_layout(len(names), edges) * room
    place = push_apart(place, np.column_stack([widths, heights]), room)
    ax.set_xlim(0, room[0])
    ax.set_ylim(0, room[1])
    return place


def _bare_axes(ax: Any, norm: Any, n_nodes: int) -> Any:
    ax = new_axes(ax, width=7.2, height=float(np.clip(3 + 0.07 * n_nodes, 4, 9)))
    ax.grid(visible=False)
    ax.set_axis_off()
    _lift_bar(ax, norm)
    return ax


def _lift_norm(lift: pd.Series) -> LogNorm:
    low, high = float(lift.min()), float(lift.max())
    low = max(low, 1e-3)
    return LogNorm(low, max(high, low * 1.01), clip=True)


def _lift_bar(ax: Any, norm: LogNorm) -> None:
    shades = matplotlib.cm.ScalarMappable(norm=norm, cmap=_LIFT)
    bar = ax.figure.colorbar(shades, ax=ax, label="lift", shrink=0.8, pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.yaxis.set_minor_locator(NullLocator())
    low, high = float(norm.vmin or 0), float(norm.vmax or 0)
    ticks = LogLocator(subs=(1, 2, 5), numticks=50).tick_values(low, high)
    ticks = [tick for tick in ticks if low <= tick <= high]
    if len(ticks) < 3:  # a range too narrow for 1, 2, 5
        finer = MaxNLocator(6, steps=[1, 2, 5, 10]).tick_values(low, high)
        ticks = [tick for tick in finer if low <= tick <= high]
    bar.set_ticks(ticks, labels=[f"{tick:.3g}" for tick in ticks])


def _arrow(ax: Any, begin: np.ndarray, end: np.ndarray, colour: Any, *, head: bool, label: str) -> None:
    """A line that stops short of the label or dot it leads to."""
    lines = label.split("\n") if label else []
    half = _SIZE / 2 * np.array([_width(lines), _LINE * len(lines)]) + 3
    way = end - begin
    with np.errstate(divide="ignore"):
        stop = 1 - min(1.0, float((half / np.maximum(np.abs(way), 1e-9)).min())) if head else 1.0
    style = {"arrowstyle": "-|>" if head else "-", "color": colour, "linewidth": 1.1, "mutation_scale": 8}
    style |= {"shrinkA": 0, "shrinkB": 0}
    ax.annotate("", begin + way * stop, begin, arrowprops=style, zorder=2)


def _name_items(ax: Any, place: np.ndarray, names: Iterable[str]) -> None:
    paper = {"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
    for (x, y), name in zip(place, names, strict=True):
        if name:
            ax.text(x, y, name, ha="center", va="center", fontsize=_SIZE, color=INK, bbox=paper, zorder=4)


def _wrapped(name: str) -> str:
    lines = textwrap.wrap(name, 16, break_long_words=False) or [name]
    return "\n".join(_short(line, 20) for line in lines[:2]) + ("…" if len(lines) > 2 else "")


def _width(lines: list[str]) -> float:
    """Of the longest line over the font size; capitals are wide."""
    return max((sum(0.7 if letter.isupper() else 0.54 for letter in line) for line in lines), default=0.0)


def _short(name: Any, length: int = 28) -> str:
    text = str(name)
    return text if len(text) <= length else text[: length - 1] + "…"


def _weightiest(table: pd.DataFrame, column: str, n: int) -> list:
    """The `n` values of a column with the heaviest rows, heaviest first."""
    by_weight = (
        table.groupby(column, observed=True)["_weight"].sum().sort_values(ascending=False, kind="stable")
    )
    return by_weight.index[:n].tolist()


def _top(table: pd.DataFrame, top: int) -> pd.DataFrame:
    if top < 1:
        raise ValueError(f"top must be >= 1. Got {top!r} instead.")
    return table.sort_values("lift", ascending=False, kind="stable").head(top)


def _require_rows(table: pd.DataFrame, columns: list[str], *, caller: str) -> None:
    require_columns(table, columns, caller=caller)
    if table.empty:
        raise SchemaError(f"{caller}: the table has no rows to draw. Lower the thresholds it was made with.")
