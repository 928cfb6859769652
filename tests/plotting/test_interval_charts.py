"""Charts of intervals draw what their tables say, and misses stand out."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

from crm_analytics.core import SchemaError
from crm_analytics.plotting import plot_coverage, plot_origins, svg_chart
from crm_analytics.plotting.style import ACTUAL, SECOND, SERIES

COVERAGE = pd.DataFrame(
    {"level": [0.5, 0.9], "n": [20, 20], "covered": [0.4, 1.0], "low": [0.22, 0.84], "high": [0.61, 1.0]}
)
GROUPED = pd.concat([COVERAGE.assign(group=name) for name in ("one", "two")])
ORIGINS = pd.DataFrame(
    {
        "origin": pd.to_datetime(["2024-03-01", "2024-01-01", "2024-02-01"]),
        "actual": [12.0, 11.0, 30.0],
        "predicted": [10.0, 10.0, 20.0],
        "lower": [9.0, 8.0, 15.0],
        "upper": [11.0, 12.0, 30.0],
    }
)
TWO = pd.concat([ORIGINS.assign(dataset="small"), ORIGINS.assign(dataset="large")])
CHARTS = [(plot_coverage, COVERAGE), (plot_coverage, GROUPED), (plot_origins, ORIGINS), (plot_origins, TWO)]


@pytest.fixture
def ax():
    figure = Figure()
    FigureCanvasAgg(figure)
    return figure.subplots()


def line(ax, label):
    return next(line for line in ax.get_lines() if line.get_label() == label)


def bars(ax, i=0):
    """Lower and upper ends of the bars of a collection, shape (n, 2)."""
    return np.array([segment[:, 1] for segment in ax.collections[i].get_segments()])


def test_coverage_draws_points_with_their_intervals_and_the_diagonal(ax):
    plot_coverage(COVERAGE, ax=ax)
    assert_allclose(line(ax, "as stated").get_xydata(), [[0, 0], [1, 1]])
    (points,) = ax.containers
    assert_allclose(points.lines[0].get_xydata(), COVERAGE[["level", "covered"]])
    assert_allclose(bars(ax), COVERAGE[["low", "high"]])


def test_coverage_sets_groups_side_by_side_in_their_own_colours(ax):
    plot_coverage(GROUPED, ax=ax)
    first, second = ax.containers
    assert [first.get_label(), second.get_label()] == ["one", "two"]
    assert [part.lines[0].get_color() for part in (first, second)] == list(SERIES[:2])
    left, right = (part.lines[0].get_xydata()[:, 0] for part in (first, second))
    assert_allclose((left + right) / 2, COVERAGE["level"])
    assert (left < right).all()


def test_origins_stand_in_the_order_of_time(ax):
    plot_origins(ORIGINS, ax=ax)
    assert_allclose(line(ax, "predicted").get_ydata(), [10, 20, 10])
    assert_allclose(bars(ax), [[8, 12], [15, 30], [9, 11]])
    assert [label.get_text() for label in ax.get_xticklabels()] == [
        "01 Jan\n2024",
        "01 Feb\n2024",
        "01 Mar\n2024",
    ]


def test_origins_show_misses_in_the_second_colour(ax):
    plot_origins(ORIGINS, ax=ax)
    inside, missed = line(ax, "actual"), line(ax, "missed")
    assert (inside.get_color(), missed.get_color()) == (ACTUAL, SECOND)
    assert_allclose(inside.get_xydata(), [[0, 11], [1, 30]])  # on the end is inside
    assert_allclose(missed.get_xydata(), [[2, 12]])


def test_origins_believe_the_table_on_what_was_covered(ax):
    plot_origins(ORIGINS.assign(covered=[True, False, True]), ax=ax)
    assert_allclose(line(ax, "missed").get_xydata(), [[0, 11]])


def test_origins_without_a_miss_name_none(ax):
    plot_origins(ORIGINS.assign(covered=True), ax=ax)
    assert "missed" not in ax.get_legend_handles_labels()[1]


def test_several_data_sets_stand_side_by_side_over_their_predictions(ax):
    plot_origins(TWO, ax=ax)
    assert_allclose(line(ax, "predicted").get_xydata(), [[x, 1] for x in (0, 1, 2, 4, 5, 6)])
    assert_allclose(bars(ax)[:3], [[0.8, 1.2], [0.75, 1.5], [0.9, 1.1]])
    assert_allclose(line(ax, "missed").get_xydata(), [[2, 1.2], [6, 1.2]])
    assert [text.get_text() for text in ax.texts] == ["small", "large"]
    assert ax.get_ylabel() == "actual / predicted"


def test_data_sets_cannot_be_compared_over_a_prediction_of_nothing(ax):
    with pytest.raises(
        SchemaError, match=r"predicted must be > 0 .*, but 1 of 6 origins .* one data set at a time"
    ):
        plot_origins(TWO.assign(predicted=[1, 2, 0, 4, 5, 6]), ax=ax)


def test_dates_are_thinned_if_origins_are_many(ax):
    many = pd.concat([ORIGINS.assign(origin=ORIGINS["origin"] + pd.DateOffset(years=i)) for i in range(8)])
    plot_origins(many, ax=ax)
    assert len(ax.get_xticks()) == 6


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
        (plot_coverage, COVERAGE.drop(columns="low"), "plot_coverage: 1 of 4 columns missing: low"),
        (plot_origins, ORIGINS.rename(columns={"actual": "actuals"}), "Is 'actuals' meant as 'actual'"),
    ],
)
def test_a_table_without_its_columns_is_refused(ax, plot, table, message):
    with pytest.raises(SchemaError, match=message):
        plot(table, ax=ax)
