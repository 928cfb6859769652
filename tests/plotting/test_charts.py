"""Each chart draws what its table says, and nothing stays open."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import date2num
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

from crm_analytics.core import SchemaError
from crm_analytics.plotting import plot_concentration, plot_holdout, plot_tracking

WEEKS = pd.DataFrame(
    {
        "actual": [1.0, 4.0, 3.0, 2.0],
        "expected": [1.5, 3.5, 3.0, 2.5],
        "actual_cumulative": [1.0, 5.0, 8.0, 10.0],
        "expected_cumulative": [1.5, 5.0, 8.0, 10.5],
        "seen": [True, True, False, False],
    },
    index=pd.date_range("2024-01-01", periods=4, freq="7D", name="week"),
)
GROUPS = pd.DataFrame(
    {"customers": [1200, 30], "actual": [0.2, 2.0], "BG/NBD": [0.3, 1.8], "naive rate": [0.0, 2.6]},
    index=pd.Index(["0", "1+"], name="frequency"),
)
SHARES = pd.DataFrame({"customers": [0.2, 0.5, 1.0], "value": [0.6, 0.9, 1.0]})
CHARTS = [(plot_tracking, WEEKS), (plot_holdout, GROUPS), (plot_concentration, SHARES)]


@pytest.fixture
def ax():
    figure = Figure()
    FigureCanvasAgg(figure)
    return figure.subplots()


def line(ax, label):
    return next(line for line in ax.get_lines() if line.get_label() == label)


@pytest.mark.parametrize("cumulative", [False, True])
def test_tracking_draws_both_columns_week_by_week(ax, cumulative):
    plot_tracking(WEEKS, cumulative=cumulative, ax=ax)
    ending = "_cumulative" if cumulative else ""
    for name in ("actual", "expected"):
        assert_allclose(line(ax, name).get_ydata(), WEEKS[name + ending])
        assert_allclose(date2num(line(ax, name).get_xdata()), date2num(WEEKS.index))
    assert ax.get_ylim()[0] == 0


def test_tracking_marks_the_first_week_that_was_not_seen(ax):
    plot_tracking(WEEKS, ax=ax)
    mark = next(line for line in ax.get_lines() if line.get_linestyle() == "--")
    assert_allclose(date2num(mark.get_xdata()), date2num([WEEKS.index[2]] * 2))


def test_tracking_marks_nothing_if_all_weeks_were_seen(ax):
    plot_tracking(WEEKS.assign(seen=True), ax=ax)
    assert len(ax.get_lines()) == 2
    assert not ax.texts


def test_holdout_draws_a_bar_a_group_and_a_line_a_model(ax):
    plot_holdout(GROUPS, ax=ax)
    assert_allclose([bar.get_height() for bar in ax.patches], GROUPS["actual"])
    for name in ("BG/NBD", "naive rate"):
        assert_allclose(line(ax, name).get_ydata(), GROUPS[name])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0\n1,200", "1+\n30"]


def test_concentration_draws_the_shares_from_nobody_to_all(ax):
    plot_concentration(SHARES, ax=ax)
    assert_allclose(line(ax, "expected value").get_xdata(), [0, 0.2, 0.5, 1])
    assert_allclose(line(ax, "expected value").get_ydata(), [0, 0.6, 0.9, 1])


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


@pytest.mark.parametrize(
    ("plot", "table", "message"),
    [
        (plot_tracking, WEEKS.drop(columns="seen"), "plot_tracking: 1 of 3 columns missing: seen"),
        (plot_holdout, GROUPS.rename(columns={"actual": "actuals"}), "Is 'actuals' meant as 'actual'"),
        (plot_concentration, SHARES[["value"]], "plot_concentration: 1 of 2 columns missing: customers"),
    ],
)
def test_a_table_without_its_columns_is_refused(ax, plot, table, message):
    with pytest.raises(SchemaError, match=message):
        plot(table, ax=ax)


def test_series_beyond_the_palette_begin_it_again(ax):
    many = GROUPS.assign(**{f"model {i}": 1.0 for i in range(7)})
    plot_holdout(many, ax=ax)
    colours = [drawn.get_color() for drawn in ax.get_lines()]
    assert len(colours) == 9
    assert len(set(colours)) == 6
    assert np.array_equal(colours[:3], colours[6:])
