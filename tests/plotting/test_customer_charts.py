"""Charts of what a model believes of customers draw what their tables say."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import date2num
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

from crm_analytics.core import SchemaError
from crm_analytics.plotting import plot_alive_history, plot_heat_map, svg_chart

GRID = pd.DataFrame(
    {
        "frequency": [0, 0, 0, 1, 1, 1],
        "recency": [0.0, 5.0, 10.0, 0.0, 5.0, 10.0],
        "p_alive": [0.9, np.nan, np.nan, np.nan, 0.2, 0.6],
        "expected_purchases": [0.1, np.nan, np.nan, np.nan, 1.0, 2.5],
    }
)
HISTORY = pd.DataFrame(
    {"p_alive": [1.0, 0.6, 0.95, 0.3], "purchase": [True, False, True, False], "frequency": [0, 0, 1, 1]},
    index=pd.date_range("2024-01-01", periods=4, name="day"),
)
CHARTS = [(plot_heat_map, GRID), (plot_alive_history, HISTORY)]


@pytest.fixture
def ax():
    figure = Figure()
    FigureCanvasAgg(figure)
    return figure.subplots()


@pytest.mark.parametrize(
    ("value", "label", "limits"),
    [
        ("p_alive", "P(still a customer)", (0, 1)),
        ("expected_purchases", "expected purchases in the horizon", (0, 2.5)),
    ],
)
def test_heat_map_colours_each_cell_by_the_value(ax, value, label, limits):
    plot_heat_map(GRID, value, ax=ax)
    (mesh,) = ax.collections
    drawn = mesh.get_array().filled(np.nan)
    assert_allclose(drawn, GRID[value].to_numpy().reshape(2, 3).T)  # frequency across, recency up
    assert mesh.get_clim() == limits
    assert ax.figure.axes[1].get_ylabel() == label


def test_heat_map_centres_cells_on_their_frequency_and_recency(ax):
    plot_heat_map(GRID, ax=ax)
    assert ax.get_xlim() == (-0.5, 1.5)
    assert ax.get_ylim() == (-2.5, 12.5)


def test_heat_map_leaves_impossible_cells_light_grey(ax):
    plot_heat_map(GRID, ax=ax)
    ax.figure.canvas.draw()
    (mesh,) = ax.collections
    colours = mesh.get_facecolor().reshape(3, 2, 4)
    red, green, blue, opacity = colours[1, 0]
    assert red == green == blue
    assert 0 < opacity < 0.5
    assert (colours[[0, 1, 2], [0, 1, 1], 3] == 1).all()


def test_heat_map_refuses_a_value_it_does_not_know(ax):
    with pytest.raises(ValueError, match="value must be one of 'p_alive', 'expected_purchases'"):
        plot_heat_map(GRID, "clv", ax=ax)


def test_alive_history_draws_the_line_and_a_tick_at_each_purchase(ax):
    plot_alive_history(HISTORY, ax=ax)
    line, ticks = ax.get_lines()
    assert_allclose(line.get_ydata(), HISTORY["p_alive"])
    assert_allclose(date2num(line.get_xdata()), date2num(HISTORY.index))
    assert_allclose(date2num(ticks.get_xdata()), date2num(HISTORY.index[[0, 2]]))
    assert (np.asarray(ticks.get_ydata()) < 0).all()  # below every probability


@pytest.mark.parametrize(("plot", "table"), CHARTS)
def test_the_axes_given_are_the_axes_returned_and_no_window_opens(ax, plot, table):
    before = table.copy()
    assert plot(table, ax=ax) is ax
    assert plt.get_fignums() == []
    pd.testing.assert_frame_equal(table, before)


@pytest.mark.parametrize(("plot", "table"), CHARTS)
def test_without_axes_one_pyplot_figure_is_made(plot, table):
    with plt.rc_context({"backend": "agg"}):
        figure = plot(table).figure
        assert plt.get_fignums() == [figure.number]
        figure.canvas.draw()
        plt.close(figure)


@pytest.mark.parametrize(("plot", "table"), CHARTS)
def test_charts_go_into_a_page(plot, table):
    assert svg_chart(lambda ax: plot(table, ax=ax), name="c", label="a chart").startswith("<svg")


@pytest.mark.parametrize(
    ("plot", "table", "message"),
    [
        (plot_heat_map, GRID.drop(columns="recency"), "plot_heat_map: 1 of 3 columns missing: recency"),
        (
            plot_alive_history,
            HISTORY.rename(columns={"purchase": "purchases"}),
            "Is 'purchases' meant as 'purchase'",
        ),
    ],
)
def test_a_table_without_its_columns_is_refused(ax, plot, table, message):
    with pytest.raises(SchemaError, match=message):
        plot(table, ax=ax)
