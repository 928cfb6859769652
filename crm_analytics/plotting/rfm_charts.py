"""Charts of RFM scores: where on their plane the customers are, and what each part of it is called."""

import textwrap
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import ListedColormap
from matplotlib.ticker import MaxNLocator, PercentFormatter, StrMethodFormatter

from crm_analytics.core.errors import SchemaError, choice
from crm_analytics.core.tables import require_columns
from crm_analytics.plotting.style import EXPECTED, INK, MUTED, new_axes

_LABELS = {"share": "share of customers", "mean_amount": "mean amount of a customer"}
_AXES = {
    "r": "recency score (most recent on top)",
    "f": "frequency score",
    "fm": "frequency and monetary score",
}
_PAINT = 0.6  # opacity of the deepest shade
_LETTERS_PER_CELL = 12  # of a name, set small


def plot_rfm_grid(table: pd.DataFrame, value: str = "share", *, ax: Any = None) -> Any:
    """Draw the plane of scores, each cell shaded by its customers, the names on their areas.

    At the foot of a cell stands its value.

    Parameters
    ----------
    table : DataFrame
        As `RFMSegmenter.grid_table` gives it: a row a cell, `r` and `f` or `fm` (scores from 1),
        `segment` (its name), and `share` (in [0, 1]) or `mean_amount` (currency; NaN, of a cell
        without customers, is light grey).
    value : {"share", "mean_amount"}
        The column to shade by.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    SchemaError
        If a column is missing, or the table has not each cell of the plane once.
    """
    choice(value, name="value", allowed=_LABELS)
    across = "fm" if "fm" in table.columns else "f"
    require_columns(table, ["r", across, "segment", value], caller="plot_rfm_grid")
    rows, columns = np.unique(table["r"]), np.unique(table[across])
    if table.empty or len(table) != rows.size * columns.size or table.duplicated(["r", across]).any():
        raise SchemaError(
            f"plot_rfm_grid: each of the {rows.size} × {columns.size} cells of r and {across} must have one row, but "
            f"the table has {len(table):,}. Pass the whole of RFMSegmenter.grid_table."
        )
    ordered = table.sort_values(["r", across])
    shape = (rows.size, columns.size)
    names = ordered["segment"].astype(str).to_numpy(dtype=object).reshape(shape)
    shades = ordered[value].to_numpy(dtype=float).reshape(shape)
    ax = new_axes(ax, width=1.2 + 1.25 * columns.size, height=0.7 + 0.8 * rows.size)
    # Thin paint, so that letters in the ink of the page are read on it, be the page light or dark.
    paint = ListedColormap([(EXPECTED, _PAINT * shade) for shade in np.linspace(0, 1, 65)])
    top = np.nanmax(shades, initial=0.0) or 1.0
    colours = paint.with_extremes(bad=(MUTED, 0.25))
    mesh = ax.pcolormesh(columns, rows, shades, cmap=colours, shading="nearest", vmin=0, vmax=top)
    _draw_borders(ax, names, rows, columns)
    for name, cells in _areas(names):
        _write_name(ax, name, cells, rows, columns)
    bar = ax.figure.colorbar(mesh, ax=ax, label=_LABELS[value])
    bar.locator = MaxNLocator(nbins=5)
    bar.formatter = PercentFormatter(1) if value == "share" else StrMethodFormatter("{x:,.0f}")
    bar.update_ticks()
    bar.outline.set_visible(False)
    _write_values(ax, shades, rows, columns, "{:.1%}".format if value == "share" else "{:,.0f}".format)
    ax.grid(visible=False)
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.set_xticks(columns)
    ax.set_yticks(rows)
    ax.tick_params(length=0)
    ax.set_xlabel(_AXES[across])
    ax.set_ylabel(_AXES["r"])
    return ax


def _areas(names: np.ndarray) -> list[tuple[str, list[tuple[int, int]]]]:
    """Cells that touch at a side and bear one name, area by area in the order of their first cells."""
    left = {tuple(cell) for cell in np.argwhere(np.ones(names.shape, dtype=bool)).tolist()}
    found = []
    while left:
        name = names[min(left)]
        area, waiting = [], [min(left)]
        left.remove(waiting[0])
        while waiting:
            i, j = waiting.pop()
            area.append((i, j))
            for near in ((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)):
                if near in left and names[near] == name:
                    left.remove(near)
                    waiting.append(near)
        found.append((str(name), sorted(area)))
    return found


def _write_name(
    ax: Any, name: str, cells: list[tuple[int, int]], rows: np.ndarray, columns: np.ndarray
) -> None:
    """The name in the longest run of cells in a row of the area; of several, in the middle one."""
    runs = []
    for i in sorted({i for i, _ in cells}):
        found = np.array([j for row, j in cells if row == i])
        runs += [(i, run) for run in np.split(found, np.flatnonzero(np.diff(found) > 1) + 1)]
    width = max(run.size for _, run in runs)
    longest = [(i, run) for i, run in runs if run.size == width]
    i, run = longest[len(longest) // 2]
    text = "\n".join(textwrap.wrap(name.replace("_", " "), _LETTERS_PER_CELL * width, break_long_words=False))
    ax.text(columns[run].mean(), rows[i] + 0.06, text, ha="center", va="center", fontsize=8.5, color=INK)


def _write_values(ax: Any, shades: np.ndarray, rows: np.ndarray, columns: np.ndarray, write: Any) -> None:
    """The value of each cell that has one, small, at its foot."""
    for i, j in np.argwhere(np.isfinite(shades)):
        ax.text(
            columns[j], rows[i] - 0.36, write(shades[i, j]), ha="center", va="center", fontsize=7, color=INK
        )


def _draw_borders(ax: Any, names: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> None:
    """A line wherever two neighbours bear different names, and around it all."""
    look = {"color": INK, "linewidth": 1.2, "clip_on": False}
    n_rows, n_columns = names.shape
    for i in range(n_rows):
        for j in range(n_columns + 1):
            if j in (0, n_columns) or names[i, j - 1] != names[i, j]:
                edge = columns[min(j, n_columns - 1)] + (0.5 if j == n_columns else -0.5)
                ax.vlines(edge, rows[i] - 0.5, rows[i] + 0.5, **look)
    for j in range(n_columns):
        for i in range(n_rows + 1):
            if i in (0, n_rows) or names[i - 1, j] != names[i, j]:
                edge = rows[min(i, n_rows - 1)] + (0.5 if i == n_rows else -0.5)
                ax.hlines(edge, columns[j] - 0.5, columns[j] + 0.5, **look)
