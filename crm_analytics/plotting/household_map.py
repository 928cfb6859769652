"""The places of one household, drawn as on a map."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from crm_analytics.core.errors import SchemaError
from crm_analytics.core.tables import require_columns
from crm_analytics.plotting.style import INK, MUTED, SERIES, new_axes

_KM_A_DEGREE = 111.2
_LEAST_KM = 4.0  # around the outermost places
_LEGEND = 0.45  # inches
_FONT = 8.0  # points
_LENGTHS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)  # of the scale bar, km


def plot_household_places(places: pd.DataFrame, *, roles: Sequence[str] | None = None, ax: Any = None) -> Any:
    """Draw places as on a map, north at the top: where they lie, how often they were visited, and as what.

    Parameters
    ----------
    places : DataFrame
        `latitude`, `longitude` (degrees), `name`, `days` (count; the dot's area), `role` (text; one
        colour each). Places without a position are left out.
    roles : sequence of str, optional
        Roles in the order of their colours; by default as they come.
    ax : matplotlib Axes, optional
        Its axes are in km from the middle, the same scale both ways. Names stand where there is
        room; those of little visited places may be left out.

    Raises
    ------
    SchemaError
        If a column is missing, or no place has a position.
    """
    require_columns(places, ["latitude", "longitude", "name", "days", "role"], caller="plot_household_places")
    known = places[places["latitude"].notna() & places["longitude"].notna()]
    if known.empty:
        raise SchemaError(
            "plot_household_places: no place has latitude and longitude, so there is no map to draw."
        )
    ax = new_axes(ax, width=6.0, height=4.4)
    known = known.sort_values(["days", "name"], ascending=[False, True], ignore_index=True)
    order = list(pd.unique(known["role"])) if roles is None else list(roles)
    x, y = _km(known)
    size = 18 + 300 * known["days"].to_numpy(float) / max(float(known["days"].max()), 1.0)
    for place, role in enumerate(order):
        own = (known["role"] == role).to_numpy()
        if own.any():
            colour = SERIES[place % len(SERIES)]
            ax.scatter(x[own], y[own], s=size[own], color=colour, alpha=0.75, linewidth=0, label=role)
    width = _window(ax, x, y)
    _scale_bar(ax, width)
    _names(ax, x, y, np.sqrt(size) / 2, known["name"].astype(str).tolist())
    key = ax.legend(
        loc="upper left", bbox_to_anchor=(0, 0), ncols=4, frameon=False, fontsize=8, handletextpad=0.3
    )
    for handle in key.legend_handles:
        handle.set_sizes([40])
    return ax


def _km(places: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """East and north of the middle (km), as a plane map of the middle's latitude has them."""
    latitude, longitude = places["latitude"].to_numpy(float), places["longitude"].to_numpy(float)
    middle = (latitude.min() + latitude.max()) / 2
    east = (longitude - (longitude.min() + longitude.max()) / 2) * np.cos(np.radians(middle))
    return east * _KM_A_DEGREE, (latitude - middle) * _KM_A_DEGREE


def _window(ax: Any, x: np.ndarray, y: np.ndarray) -> float:
    """Frame the places, with room for names, in the shape of the figure; return its width (km)."""
    across, up = (extent + 2 * max(0.16 * extent, _LEAST_KM) for extent in (np.ptp(x), np.ptp(y)))
    wide, high = ax.figure.get_size_inches()
    shape = wide / max(high - _LEGEND, 1.0)
    across, up = max(across, up * shape), max(up, across / shape)
    ax.set_xlim(-across / 2, across / 2)
    ax.set_ylim(-up / 2, up / 2)
    ax.set_aspect("equal", adjustable="box")
    ax.spines[["top", "right"]].set_visible(True)
    return float(across)


def _scale_bar(ax: Any, width: float) -> None:
    """A bar of a round length in the lower left corner, and a grid of that length."""
    length = max((km for km in _LENGTHS if km <= width / 4), default=_LENGTHS[0])
    ax.grid(axis="both", color=MUTED, alpha=0.2, linewidth=0.5)
    for axis, (low, high) in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim())):
        first = np.ceil(low / length)
        axis.set_ticks(np.arange(first, high / length) * length, labels=[])
    ax.tick_params(length=0)
    left, low = ax.get_xlim()[0] + 0.03 * width, ax.get_ylim()[0] + 0.03 * width
    ax.plot([left, left + length], [low, low], color=INK, linewidth=1.6, solid_capstyle="butt")
    ax.annotate(
        f"{length} km", (left, low), xytext=(0, 3), textcoords="offset points", fontsize=_FONT, color=INK
    )


def _names(ax: Any, x: np.ndarray, y: np.ndarray, radius: np.ndarray, names: list[str]) -> None:
    """Write names beside the dots where they hide neither a dot nor another name, most visited first."""
    wide, high = ax.figure.get_size_inches() * 72
    left, right = ax.get_xlim()
    low, top = ax.get_ylim()
    points = min(wide / (right - left), (high - 72 * _LEGEND) / (top - low)) * 0.97  # a km
    px, py = x * points, y * points
    bounds = np.array([left, low, right, top]) * points
    taken = [np.array([a - r, b - r, a + r, b + r]) for a, b, r in zip(px, py, radius, strict=True)]
    bar = 0.03 * (right - left) * points
    taken.append(
        np.array([bounds[0], bounds[1], bounds[0] + 0.35 * (bounds[2] - bounds[0]), bounds[1] + bar + 12])
    )
    for place, name in enumerate(names):
        box = np.array([0.6 * _FONT * len(name), 1.15 * _FONT])
        others = taken[:place] + taken[place + 1 :]
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1)):
            away = radius[place] * (0.75 if dx and dy else 1.0) + 2
            corner = (
                np.array([px[place] + dx * away, py[place] + dy * away]) + box * (np.array([dx, dy]) - 1) / 2
            )
            own = np.concatenate([corner, corner + box])
            inside = (own[:2] >= bounds[:2]).all() and (own[2:] <= bounds[2:]).all()
            if inside and not any(_overlap(own, other) for other in others):
                taken.append(own)
                ax.annotate(
                    name, (x[place], y[place]), xytext=(dx * away, dy * away), textcoords="offset points",
                    fontsize=_FONT, color=INK, ha=("right", "center", "left")[dx + 1],
                    va=("top", "center", "bottom")[dy + 1],
                )  # fmt: skip
                break


def _overlap(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two boxes (left, low, right, top) share a point."""
    return bool((a[:2] < b[2:]).all() and (b[:2] < a[2:]).all())
