"""Charts of segments: where they lie among the customers, and what sets each apart."""

import textwrap
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from crm_analytics.core.errors import SchemaError
from crm_analytics.core.tables import require_columns
from crm_analytics.plotting.style import INK, MANY, MUTED, new_axes

_WIDTH = 22  # of a name (characters)
_MOST_POINTS = 2_000
_LARGEST = 1_400.0  # a centre that held all customers (points²)
_ALIKE = 0.98  # cosine of two columns' effects, from which on they say the same


def plot_segment_map(table: pd.DataFrame, *, most: int = _MOST_POINTS, ax: Any = None) -> Any:
    """Draw customers on a plane, coloured by segment, with each segment's name at its centre.

    A centre is the median of its customers, as large as their share. The plane is the caller's: the
    first two principal components of the standardised columns, as a rule.

    Parameters
    ----------
    table : DataFrame
        `x`, `y` (any unit), `segment`: a row a customer. Perhaps `share` (in [0, 1]): then a row is
        a segment, and only centres are drawn.
    most : int >= 1
        How many customers to draw, every so-manieth where there are more; centres are of all.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    SchemaError
        If a column is missing, or no row has both `x` and `y`.
    """
    require_columns(table, ["x", "y", "segment"], caller="plot_segment_map")
    if not most >= 1:
        raise ValueError(f"most must be >= 1. Got {most!r} instead.")
    known = table[table[["x", "y", "segment"]].notna().all(axis=1)]
    if known.empty:
        raise SchemaError("plot_segment_map: no row has x, y and a segment, so there is nothing to draw.")
    centres = _centres(known)
    colours = _colours(len(centres))
    ax = new_axes(ax, width=7.2, height=5.2)
    if "share" not in known.columns:
        _draw_customers(ax, known, centres.index, colours, most)
    ax.scatter(
        centres["x"],
        centres["y"],
        s=60 + _LARGEST * centres["share"],
        color=colours,
        edgecolor="white",
        linewidth=1.5,
        alpha=0.9,
        zorder=3,
    )
    ax.margins(0.12)
    _name_centres(ax, centres)
    ax.grid(visible=False)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=5))
    ax.yaxis.set_major_locator(MaxNLocator(nbins=5))
    ax.set_xlabel("first component")
    ax.set_ylabel("second component")
    return ax


def plot_segment_profiles(table: pd.DataFrame, *, top: int | None = 12, ax: Any = None) -> Any:
    """Draw how far each segment lies from all others in each column, as a heat map with its numbers.

    Parameters
    ----------
    table : DataFrame
        As `describe` gives its `differences`: `segment`, `column`, `level`, `effect`; perhaps
        `telling`: what is not is written in grey. `segment` may be replaced by names. The effect
        (Cliff's delta, in [-1, 1]; Cohen's h of words) is left blank where undefined.
    top : int >= 1, optional
        How many columns to draw, those with the largest effect in any segment; of columns that say
        nearly the same of all segments, the largest first and the others last. All if None.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
        A row a segment and a column a column, both in the order in which they first come.
    """
    require_columns(table, ["segment", "column", "effect"], caller="plot_segment_profiles")
    if top is not None and not top >= 1:
        raise ValueError(f"top must be >= 1 or None. Got {top!r} instead.")
    if not table["effect"].notna().any():
        raise SchemaError("plot_segment_profiles: no effect is known, so there is nothing to draw.")
    names = table["column"].map(str)
    if "level" in table.columns:
        names = names + (" = " + table["level"].map(str)).where(table["level"].notna(), "")
    cells = table.assign(column=names, segment=table["segment"].map(str))
    wide, telling = _wide(cells, "effect"), None
    if "telling" in table.columns:
        telling = _wide(cells, "telling")
    if top is not None and top < wide.shape[1]:
        wide = wide.iloc[:, _most_different(wide.fillna(0).to_numpy(dtype=float), top)]
    ax = new_axes(ax, width=2.6 + 0.62 * wide.shape[1], height=1.6 + 0.46 * wide.shape[0])
    values = wide.to_numpy(dtype=float)
    colours = matplotlib.colormaps["RdBu_r"].with_extremes(bad=(MUTED, 0.15))
    rows, columns = np.arange(wide.shape[0]), np.arange(wide.shape[1])
    ax.pcolormesh(columns, rows, values, cmap=colours, vmin=-1, vmax=1, shading="nearest")
    ax.invert_yaxis()  # the first on top
    ax.set_xlabel("← less than others (blue)      effect, −1 to 1      more than others (red) →")
    for (row, place), value in np.ndenumerate(values):
        if np.isnan(value):
            continue
        told = telling is None or bool(telling.loc[wide.index[row], wide.columns[place]])
        colour = "white" if abs(value) > 0.62 else INK if told else MUTED
        text = f"{value:+.2f}".replace("-", "−").replace("0.", ".")
        ax.text(place, row, text, ha="center", va="center", fontsize=8, color=colour)
    ax.set_xticks(columns, [_wrapped(name) for name in wide.columns], rotation=40, ha="left", fontsize=9)
    ax.set_yticks(rows, [_wrapped(name) for name in wide.index], fontsize=9)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    return ax


def _centres(table: pd.DataFrame) -> pd.DataFrame:
    """Median of x and y and share of the rows by segment, in order; as given where a row is a segment."""
    if "share" in table.columns:
        return table.set_index("segment")[["x", "y", "share"]]
    groups = table.groupby("segment", sort=True, observed=True)
    centres = groups[["x", "y"]].median()
    centres["share"] = groups.size() / len(table)
    return centres


def _draw_customers(ax: Any, table: pd.DataFrame, segments: pd.Index, colours: list[Any], most: int) -> None:
    """Every so-manieth customer, all segments in one layer, so that none hides another."""
    step = -(-len(table) // most)
    shown = table.iloc[::step]
    place = pd.Index(segments).get_indexer(pd.Index(shown["segment"]))
    ax.scatter(
        shown["x"],
        shown["y"],
        s=7,
        c=np.array([matplotlib.colors.to_rgb(colour) for colour in colours])[place],
        alpha=0.35,
        linewidth=0,
        zorder=1,
    )
    # A few giants must not squeeze all others into a corner.
    for values, limit in ((shown["x"], ax.set_xlim), (shown["y"], ax.set_ylim)):
        low, high = np.quantile(values.to_numpy(dtype=float), [0.002, 0.998])
        room = 0.08 * (high - low) or 1.0
        limit(low - room, high + room)


def _name_centres(ax: Any, centres: pd.DataFrame) -> None:
    """Each name above its centre, or below or beside it where it would cover another, or with a line to it."""
    ax.figure.draw_without_rendering()  # places in pixels are known once the axes have theirs
    points = ax.transData.transform(centres[["x", "y"]].to_numpy(dtype=float))
    scale = ax.figure.dpi / 72
    half = np.sqrt(60 + _LARGEST * centres["share"].to_numpy(dtype=float)) / 2 * scale
    frame = ax.get_window_extent()
    taken = [(x - r, y - r, x + r, y + r) for (x, y), r in zip(points, half, strict=True)]
    for place in np.argsort(-points[:, 1], kind="stable"):
        text = _wrapped(str(centres.index[place]))
        rows = text.split("\n")
        wide, high = 6.0 * max(map(len, rows)) * scale, 12.5 * len(rows) * scale
        (x, y), away = points[place], half[place] + 3 * scale
        near = [(0, away + high / 2), (0, -away - high / 2), (away + wide / 2, 0), (-away - wide / 2, 0)]
        far = [(0, sign * (away + high * (0.5 + 0.6 * i))) for i in range(1, 12) for sign in (1, -1)]
        room = [
            (float(np.clip(x + dx, frame.x0 + wide / 2, max(frame.x0, frame.x1 - wide / 2))), y + dy)
            for dx, dy in near + far
        ]
        boxes = [(a - wide / 2, b - high / 2, a + wide / 2, b + high / 2) for a, b in room]
        free = [i for i, box in enumerate(boxes) if not any(_meet(box, other) for other in taken)]
        chosen = free[0] if free else 0
        taken.append(boxes[chosen])
        a, b = room[chosen]
        ax.annotate(
            text,
            (centres["x"].iloc[place], centres["y"].iloc[place]),
            # In points, so that it holds at any resolution.
            xytext=((a - x) / scale, (b - y) / scale),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=9,
            color=INK,
            fontweight="bold",
            bbox={"boxstyle": "round,pad=0.1", "facecolor": "white", "alpha": 0.7, "linewidth": 0},
            arrowprops={"arrowstyle": "-", "color": INK, "linewidth": 0.7} if chosen >= len(near) else None,
            zorder=4,
        )


def _meet(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _wide(cells: pd.DataFrame, value: str) -> pd.DataFrame:
    table = cells.drop_duplicates(["segment", "column"])
    wide = table.set_index(["segment", "column"])[value].unstack()  # noqa: PD010  a cell a row
    return wide.reindex(index=cells["segment"].unique(), columns=cells["column"].unique())


def _most_different(values: np.ndarray, top: int) -> np.ndarray:
    """Places of the `top` columns to draw, in order; near copies of one drawn come last."""
    order = np.argsort(-np.abs(values).max(axis=0), kind="stable")
    long = np.linalg.norm(values, axis=0)
    unit = values / np.where(long > 0, long, 1)
    kept: list[int] = []
    for place in order:
        if len(kept) < top and (np.abs(unit[:, kept].T @ unit[:, place]) < _ALIKE).all():
            kept.append(int(place))
    kept += [int(place) for place in order if place not in kept][: top - len(kept)]
    return np.sort(kept)


def _wrapped(name: str) -> str:
    return "\n".join(textwrap.wrap(name, _WIDTH, max_lines=2, placeholder=" …")) or name


def _colours(n: int) -> list[str]:
    """The shared colours and as many again; then they repeat."""
    return [MANY[i % len(MANY)] for i in range(n)]
