"""Charts of one household over time: its months, its baskets, its week, its places day by day."""

from collections.abc import Sequence
from typing import Any

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from crm_analytics.core.errors import SchemaError
from crm_analytics.core.tables import require_columns
from crm_analytics.plotting.style import EXPECTED, INK, MUTED, SECOND, SERIES, new_axes

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TICKS = 9
_LEAST_WIDTH = 0.004  # of the axis: a stay of two days is still seen
_NUMBER_WIDTH = 0.018  # of the axis: numbers nearer than this stand above each other


def plot_household_timeline(
    visits: pd.DataFrame,
    spans: pd.DataFrame | None = None,
    marks: pd.DataFrame | None = None,
    *,
    kinds: Sequence[str] | None = None,
    months: Sequence[str] = MONTHS,
    ax: Any = None,
) -> Any:
    """Draw a household's days: a row a place, a stroke a day, with stays shaded and changes numbered.

    Parameters
    ----------
    visits : DataFrame
        `day` (date), `place` (text): where something was bought. Rows stand from the top in the
        order in which places appear. With `kind` (text), strokes have a colour a kind; with `card`
        (text), those of a second card stand lower than those of the first.
    spans : DataFrame, optional
        `start`, `end` (dates, half open): stays, drawn as shaded bands.
    marks : DataFrame, optional
        `day`: changes, drawn as lines numbered 1, 2, ... in the order of the rows.
    kinds : sequence of str, optional
        Kinds in the order of their colours; by default as they come.
    months : sequence of 12 str
        Short names of the months.
    ax : matplotlib Axes, optional

    Raises
    ------
    SchemaError
        If a column is missing or there is no visit.
    """
    require_columns(visits, ["day", "place"], caller="plot_household_timeline")
    if visits.empty:
        raise SchemaError("plot_household_timeline: visits has no row, so there is nothing to draw.")
    ax = new_axes(ax, width=9.0, height=3.6)
    places = list(pd.unique(visits["place"]))
    row = visits["place"].map({place: row for row, place in enumerate(places)}).to_numpy(float)
    row += _below(visits)
    days = pd.to_datetime(visits["day"])
    start, end = _month_axis(ax, days, months)
    _by_kind(
        ax, days, row, visits.get("kind"), kinds, marker="|", markersize=8, markeredgewidth=0.9, linestyle=""
    )
    if spans is not None:
        least = _LEAST_WIDTH * (end - start)
        for left, right in zip(_number(spans["start"]), _number(spans["end"]), strict=True):
            ax.axvspan(left, max(right, left + least), color=SECOND, alpha=0.25, linewidth=0)
    ax.set_yticks(range(len(places)), places)
    ax.set_ylim(len(places) - 0.4, -0.6)
    if marks is not None:
        _numbered(ax, _number(marks["day"]), _NUMBER_WIDTH * (end - start))
    ax.grid(axis="x", color=MUTED, alpha=0.25, linewidth=0.6)
    return ax


def plot_household_baskets(
    receipts: pd.DataFrame,
    *,
    kinds: Sequence[str] | None = None,
    label: str = "receipt",
    months: Sequence[str] = MONTHS,
    ax: Any = None,
) -> Any:
    """Draw the total of each receipt: a dot a receipt, so that large shops stand above small ones.

    Parameters
    ----------
    receipts : DataFrame
        `day` (date), `amount` (currency) and perhaps `kind` (text; one colour each).
    kinds, months, ax
        As in `plot_household_timeline`.
    label : str
        For the vertical axis.

    Raises
    ------
    SchemaError
        If a column is missing or there is no receipt.
    """
    require_columns(receipts, ["day", "amount"], caller="plot_household_baskets")
    if receipts.empty:
        raise SchemaError("plot_household_baskets: receipts has no row, so there is nothing to draw.")
    ax = new_axes(ax, width=9.0, height=2.6)
    days = pd.to_datetime(receipts["day"])
    amount = receipts["amount"].to_numpy(float)
    _month_axis(ax, days, months)
    _by_kind(
        ax, days, amount, receipts.get("kind"), kinds, marker="o", markersize=3.6, alpha=0.7,
        markeredgewidth=0, linestyle="",
    )  # fmt: skip
    _amount_axis(ax, label)
    return ax


def plot_household_months(
    totals: pd.DataFrame, *, label: str = "amount", months: Sequence[str] = MONTHS, ax: Any = None
) -> Any:
    """Draw what a household spent month by month.

    Parameters
    ----------
    totals : DataFrame indexed by month
        `amount` (currency), as `Profile.months` gives it.
    label : str
        For the vertical axis.
    months, ax
        As in `plot_household_timeline`.

    Raises
    ------
    SchemaError
        If the column is missing or there is no month.
    """
    require_columns(totals, ["amount"], caller="plot_household_months")
    if totals.empty:
        raise SchemaError("plot_household_months: totals has no row, so there is nothing to draw.")
    ax = new_axes(ax, width=9.0, height=2.4)
    middle = pd.Series(pd.to_datetime(totals.index)) + pd.Timedelta(days=14)
    ax.bar(middle, totals["amount"], width=24, color=EXPECTED)
    _month_axis(ax, middle, months)
    _amount_axis(ax, label)
    return ax


def plot_household_gaps(gaps: pd.Series, *, label: str = "days between visits", ax: Any = None) -> Any:
    """Draw how often a household comes: how many times so many days lay between two visits.

    Parameters
    ----------
    gaps : Series of int
        Times by gap, in the order to draw them; the index holds what to write below (1, 2, ..., '14+').
    label : str
        For the horizontal axis.
    ax : matplotlib Axes, optional

    Raises
    ------
    SchemaError
        If there is no gap.
    """
    if gaps.empty:
        raise SchemaError("plot_household_gaps: gaps has no row, so there is nothing to draw.")
    ax = new_axes(ax, width=4.4, height=2.5)
    ax.bar(range(len(gaps)), gaps.to_numpy(), width=0.8, color=EXPECTED)
    ax.set_xticks(range(len(gaps)), [str(gap) for gap in gaps.index])
    ax.tick_params(axis="x", length=0)
    ax.set_xlabel(label)
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    return ax


def plot_household_week(hours: pd.DataFrame, *, weekdays: Sequence[str], ax: Any = None) -> Any:
    """Draw when in the week a household shops: a row a weekday, a column an hour, larger for more.

    Parameters
    ----------
    hours : DataFrame, shape (7, 24)
        Receipts by weekday (0 is Monday) and hour.
    weekdays : sequence of 7 str
        Their names.
    ax : matplotlib Axes, optional

    Raises
    ------
    SchemaError
        If the table has another shape.
    """
    if hours.shape != (7, 24):
        raise SchemaError(
            f"plot_household_week: hours must have 7 rows and 24 columns. Got {hours.shape} instead."
        )
    ax = new_axes(ax, width=6.4, height=2.6)
    counts = hours.to_numpy(float)
    row, column = np.nonzero(counts)
    size = 6 + 130 * counts[row, column] / max(counts.max(), 1.0)
    ax.scatter(column + 0.5, row, s=size, color=EXPECTED, linewidth=0)
    ax.set_yticks(range(7), list(weekdays))
    ax.set_ylim(6.6, -0.6)
    first = 0 if column.size and column.min() < 6 else 6
    ax.set_xlim(first - 0.4, 24.2)
    ax.set_xticks(range(first, 25, 3), [f"{hour:02d}" for hour in range(first, 25, 3)])
    return ax


def _below(visits: pd.DataFrame) -> np.ndarray:
    """How far below its row's middle a stroke stands: cards share the row's height."""
    if "card" not in visits or visits["card"].nunique() < 2:
        return np.zeros(len(visits))
    code, cards = pd.factorize(visits["card"], sort=True)
    return np.asarray((code - (len(cards) - 1) / 2) * 0.34 / (len(cards) - 1))


def _by_kind(
    ax: Any, x: pd.Series, y: np.ndarray, kind: pd.Series | None, kinds: Sequence[str] | None, **style: Any
) -> None:
    """Plot points in a colour a kind, with a key if there are several."""
    if kind is None:
        ax.plot(x.to_numpy(), y, color=EXPECTED, **style)
        return
    order = list(pd.unique(kind)) if kinds is None else list(kinds)
    present = [one for one in order if (kind == one).any()]
    for one in present:
        own = (kind == one).to_numpy()
        colour = SERIES[order.index(one) % len(SERIES)]
        ax.plot(x[own].to_numpy(), y[own], color=colour, label=one, **style)
    if len(present) > 1:
        lines = max((tick.get_text().count("\n") for tick in ax.get_xticklabels()), default=0)
        key = ax.legend(  # below the ticks
            loc="upper left", bbox_to_anchor=(-0.03, 0), borderaxespad=2.2 + 1.4 * lines, ncols=len(present),
            frameon=False, fontsize=8, handletextpad=0.3,
        )  # fmt: skip
        for handle in key.legend_handles:
            handle.set(markersize=7, markeredgewidth=1.6, alpha=1)


def _numbered(ax: Any, days: np.ndarray, apart: float) -> None:
    """Lines at days with their numbers on top; numbers of neighbouring days stand above each other."""
    ends: list[float] = []  # where the last number of each level stands
    for number, day in enumerate(days.tolist(), start=1):
        ax.axvline(day, color=INK, linewidth=0.9, linestyle=(0, (3, 2)))
        level = next((place for place, end in enumerate(ends) if abs(day - end) >= apart), len(ends))
        ends[level : level + 1] = [day]
        ax.annotate(
            str(number), (day, ax.get_ylim()[1]), xytext=(0, 2 + 9 * level), textcoords="offset points",
            ha="center", fontsize=8, color=INK,
        )  # fmt: skip


def _month_axis(ax: Any, days: pd.Series, months: Sequence[str]) -> tuple[float, float]:
    """Limit the axis to the days, with ticks at months in words; return its ends in days."""
    at = _number(days)
    room = max(0.015 * (at.max() - at.min()), 12.0)
    start, end = float(at.min() - room), float(at.max() + room)
    ax.set_xlim(start, end)
    locator = mdates.AutoDateLocator(minticks=3, maxticks=_TICKS)
    ticks = locator.tick_values(mdates.num2date(start), mdates.num2date(end))
    inside = [tick for tick in ticks if start <= tick <= end]
    said = []
    for place, tick in enumerate(inside):
        day = mdates.num2date(tick)
        new_year = day.month == 1 and day.day == 1
        month = months[day.month - 1] if day.day == 1 else f"{day.day} {months[day.month - 1]}"
        said.append(str(day.year) if new_year else f"{month}\n{day.year}" if place == 0 else month)
    ax.set_xticks(inside, said)
    return start, end


def _amount_axis(ax: Any, label: str) -> None:
    """Amounts from 0 in whole numbers: they read the same in every language."""
    ax.set_ylabel(label)
    ax.set_ylim(bottom=0)
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.yaxis.set_major_formatter(lambda amount, _: f"{amount:.0f}")


def _number(days: pd.Series) -> np.ndarray:
    """Days as matplotlib counts them."""
    return np.asarray(mdates.date2num(pd.to_datetime(days)), dtype=float)
