"""Chart of migration: who was in which segment, and where they went."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
import pandas as pd

from crm_analytics.core.errors import SchemaError
from crm_analytics.core.tables import require_columns
from crm_analytics.plotting.style import INK, MANY, MUTED, new_axes

_RAMP = (0.12, 0.86)  # part of the colour map that is neither too dark nor too light for print
_WIDTH = 0.07  # of a box, where dates are 1 apart
_GAP = 0.03  # between boxes, as a share of the highest column
_SHOWN = 0.03  # ribbons at least as high tell their share
_LINE = 0.045  # least distance of two labels
_CURVE = np.linspace(0, 1, 40)
_OUTSIDE = ("new", "gone")


def plot_migration(
    flows: pd.DataFrame | Sequence[pd.DataFrame],
    *,
    dates: Sequence[Any] | None = None,
    value: str = "customers",
    ax: Any = None,
) -> Any:
    """Draw the moves between segments from date to date: a Sankey of two, an alluvial chart of more.

    A box is a segment at a date, a ribbon the customers who went from one to another, in the
    colour of the segment they come from; the number at its beginning is their share of it. The new and the
    gone are in grey at the bottom. Ordered segments have colours of a scale, the highest on top.

    Parameters
    ----------
    flows : DataFrame, or a sequence of them in order of time
        A table for each pair of dates: `from`, `to`, `customers`, as `migration_matrix` gives its flows. In
        the order of the categories, or else of the largest segment; "new" (from) and "gone" (to) are
        customers of one date only.
    dates : sequence, optional
        Names of the dates, one more than there are tables.
    value : str, default="customers"
        Column that the height of a ribbon shows, such as a sum of money; >= 0.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    SchemaError
        If a column is missing, a number is negative, or there is nothing to draw.
    """
    tables = [flows] if isinstance(flows, pd.DataFrame) else list(flows)
    for table in tables:
        require_columns(table, ["from", "to", value], caller="plot_migration")
        if not (table[value] >= 0).all():
            raise SchemaError(f"plot_migration: {value} must be >= 0 in each flow.")
    if not tables or not sum(table[value].sum() for table in tables) > 0:
        raise SchemaError("plot_migration: nobody moved or stayed. Pass the flows of at least one customer.")
    dates = [f"date {i + 1}" for i in range(len(tables) + 1)] if dates is None else list(dates)
    if len(dates) != len(tables) + 1:
        raise ValueError(
            f"dates must have {len(tables) + 1} names, one more than tables. Got {len(dates)} instead."
        )
    names, ordered = _names(tables, value)
    cells = [_cells(table, names, value) for table in tables]
    columns = _columns(cells, len(names))
    total = max(sum(sizes.values()) for sizes in columns)
    places = [_stacked(sizes, total) for sizes in columns]
    colours = _colours(len(names), ordered)
    ax = new_axes(ax, width=2.6 + 2.9 * len(tables), height=max(5.0, 0.45 * (len(names) + 2)))
    for t, moves in enumerate(cells):
        _draw_ribbons(ax, t, moves, places, colours, total)
    last, lowest = len(tables), 0.0
    for t, boxes in enumerate(places):
        lowest = min(lowest, *(low for low, _ in boxes.values()))
        labels = _spread([(low + high) / 2 for low, high in boxes.values()], _LINE)
        lowest = min(lowest, labels[-1] - _LINE / 2)
        _draw_boxes(ax, t, boxes, labels, columns[t], names, colours, side=-1 if t == 0 else int(t == last))
    for t, date in enumerate(dates):
        ax.annotate(
            str(date),
            (t, 1.0),
            xytext=(0, 8),
            textcoords="offset points",
            ha="center",
            fontsize=9,
            fontweight="bold",
            color=INK,
            annotation_clip=False,
        )
    room = 0.17 * last**0.5 + 0.012 * max(len(str(name)) for name in names) * last**0.5
    ax.set_xlim(-room - _WIDTH, last + room + _WIDTH)
    ax.set_ylim(lowest - 0.01, 1.07)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(visible=False)
    ax.spines[["left", "bottom"]].set_visible(False)
    return ax


def _names(tables: list[pd.DataFrame], value: str) -> tuple[list, bool]:
    """Segments from the top down, and whether they are ordered."""
    columns = [table[side] for table in tables for side in ("from", "to")]
    if all(isinstance(column.dtype, pd.CategoricalDtype) for column in columns):
        names = list(dict.fromkeys(name for column in columns for name in column.cat.categories))
        ordered = all(column.cat.ordered for column in columns)
    else:
        sizes = pd.concat([table.groupby("to", sort=False)[value].sum() for table in tables])
        sizes = pd.concat([sizes, tables[0].groupby("from", sort=False)[value].sum()])
        names = list(
            sizes.groupby(level=0, sort=False).max().sort_values(ascending=False, kind="stable").index
        )
        ordered = False
    seen = {name for table in tables for side in ("from", "to") for name in table.loc[table[value] > 0, side]}
    names = [name for name in names if name not in _OUTSIDE and name in seen]
    return (names[::-1] if ordered else names), ordered


def _cells(table: pd.DataFrame, names: list, value: str) -> np.ndarray:
    """Flows as a matrix of segments, with the new as last row and the gone as last column."""
    k = len(names)
    cells = np.zeros((k + 1, k + 1))
    rank = {name: i for i, name in enumerate(names)}
    rows, columns, sizes = (table[column].tolist() for column in ("from", "to", value))
    for source, target, size in zip(rows, columns, sizes, strict=True):
        if size > 0:
            cells[rank.get(source, k), rank.get(target, k)] += size
    return cells


def _columns(cells: list[np.ndarray], k: int) -> list[dict[tuple[str, int], float]]:
    """Sizes of the boxes of each date, from the top down: segments, those gone by now, those yet to come."""
    columns = []
    for t in range(len(cells) + 1):
        comes = cells[t - 1].sum(axis=0) if t > 0 else np.zeros(k + 1)
        goes = cells[t].sum(axis=1) if t < len(cells) else np.zeros(k + 1)
        sizes = {("", i): float(max(comes[i], goes[i])) for i in range(k)}
        sizes |= {("gone", k): float(comes[k]), ("new", k): float(goes[k])}
        columns.append({box: size for box, size in sizes.items() if size > 0})
    return columns


def _stacked(
    sizes: Mapping[tuple[str, int], float], total: float
) -> dict[tuple[str, int], tuple[float, float]]:
    """Lower and upper end of each box."""
    places, top = {}, 1.0
    for box, size in sizes.items():
        places[box] = (top - size / total, top)
        top -= size / total + _GAP
    return places


def _colours(k: int, ordered: bool) -> list:
    """A colour for each segment and grey for those who are in none."""
    if not ordered:
        return [*(MANY[i % len(MANY)] for i in range(k)), MUTED]
    ramp = matplotlib.colormaps["viridis"]
    return [*(ramp(x) for x in np.linspace(*_RAMP, k)), MUTED]


def _draw_ribbons(
    ax: Any, t: int, cells: np.ndarray, places: list[dict], colours: list, total: float
) -> None:
    """The flows from date t to the next; ends lie in the order of the boxes, so that few cross."""
    k = len(cells) - 1
    source = {i: places[t][("", i) if i < k else ("new", k)][1] for i in range(k + 1) if cells[i].sum() > 0}
    target = {
        j: places[t + 1][("", j) if j < k else ("gone", k)][1] for j in range(k + 1) if cells[:, j].sum() > 0
    }
    x = t + _WIDTH / 2 + (1 - _WIDTH) * _CURVE
    ease = _CURVE**2 * (3 - 2 * _CURVE)  # level at both ends
    for i, j in np.argwhere(cells > 0).tolist():
        height = cells[i, j] / total
        top = source[i] + (target[j] - source[i]) * ease
        ax.fill_between(
            x, top - height, top, color=colours[i], alpha=0.62 if i == j else 0.42, linewidth=0, zorder=1
        )
        if height >= _SHOWN and i < k:
            ax.annotate(
                f"{cells[i, j] / cells[i].sum():.0%}",
                (x[0], source[i] - height / 2),
                xytext=(3, 0),
                textcoords="offset points",
                va="center",
                fontsize=7,
                color=INK,
                zorder=4,
            )
        source[i] -= height
        target[j] -= height


def _draw_boxes(
    ax: Any,
    t: int,
    boxes: dict,
    labels: list[float],
    sizes: Mapping,
    names: list,
    colours: list,
    *,
    side: int,
) -> None:
    """The boxes of a date with their labels: right of the last ones (side 1), left of the others."""
    for (box, (low, high)), place in zip(boxes.items(), labels, strict=True):
        kind, i = box
        ax.bar(t, high - low, _WIDTH, low, color=colours[i], linewidth=0, zorder=3)
        name = kind or str(names[i])
        ax.annotate(
            f"{name}  {sizes[box]:,.0f}",
            (t + (side or -1) * _WIDTH / 2, place),
            xytext=(5 * (side or -1), 0),
            textcoords="offset points",
            ha="left" if side > 0 else "right",
            va="center",
            fontsize=8.5 if side else 7.5,
            color=INK,
            zorder=5,
            annotation_clip=False,
            bbox=None
            if side
            else {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "boxstyle": "round,pad=0.15"},
        )


def _spread(places: list[float], least: float) -> list[float]:
    """The places, from the top down, moved down where one would be nearer than `least` to that above."""
    moved: list[float] = []
    for place in places:
        moved.append(min(place, moved[-1] - least) if moved else place)
    return moved
