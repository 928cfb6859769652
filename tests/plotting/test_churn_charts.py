"""Charts of who leaves, why, and of drift draw what their tables say."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

from crm_analytics.core import SchemaError
from crm_analytics.metrics import kaplan_meier
from crm_analytics.plotting import plot_drift, plot_reasons, plot_retention, svg_chart
from crm_analytics.plotting.style import ACTUAL, EXPECTED, SECOND, SERIES

WATCHED = kaplan_meier([5, 8, 8, 12], [True, True, False, False])
SEGMENTS = pd.concat([WATCHED.assign(segment=name) for name in ("monthly", "yearly")])
COHORT = pd.DataFrame({"period": [0, 1, 2], "retention": [np.nan, 0.6, 0.8], "survival": [1.0, 0.6, 0.48]})
FORECAST = pd.DataFrame({"period": [0, 1, 2], "actual": [1.0, 0.7, np.nan], "expected": [1.0, 0.6, 0.48]})
REASONS = pd.DataFrame({"reason": ["tenure", "calls", "price", "age"], "effect": [-0.9, 1.5, 0.2, -0.1]})
DRIFT = pd.DataFrame(
    {"feature": ["visits", "spend", "gap"], "psi": [0.001, 0.3, 0.0], "critical": [0.01, 0.02, 0.01]}
)
CHARTS = [
    (plot_retention, WATCHED),
    (plot_retention, SEGMENTS),
    (plot_retention, COHORT),
    (plot_retention, FORECAST),
    (plot_retention, pd.concat([FORECAST.assign(segment=name) for name in ("a", "b")])),
    (plot_reasons, REASONS),
    (plot_drift, DRIFT),
]


@pytest.fixture
def ax():
    figure = Figure()
    FigureCanvasAgg(figure)
    return figure.subplots()


def line(ax, label):
    return next(line for line in ax.get_lines() if line.get_label() == label)


def names(ax):
    return [label.get_text() for label in ax.get_yticklabels()]


def test_survival_of_customers_watched_falls_in_steps(ax):
    plot_retention(WATCHED, ax=ax)
    drawn = line(ax, "survival")
    assert drawn.get_drawstyle() == "steps-post"
    assert_allclose(drawn.get_xydata(), WATCHED[["time", "survival"]])
    interval = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert_allclose([interval.min(), interval.max()], [WATCHED["lower"].min(), 1])
    assert ax.get_legend() is None  # one curve needs no name


def test_segments_have_their_own_colours_in_the_order_of_the_table(ax):
    plot_retention(SEGMENTS.iloc[::-1], ax=ax)
    assert [line(ax, name).get_color() for name in ("yearly", "monthly")] == list(SERIES[:2])
    assert_allclose(line(ax, "monthly").get_xydata(), WATCHED[["time", "survival"]])  # time is put in order


def test_survival_is_drawn_by_default_and_retention_on_demand(ax):
    plot_retention(COHORT, ax=ax)
    assert_allclose(line(ax, "survival").get_ydata(), COHORT["survival"])
    other = plot_retention(COHORT, value="retention", ax=ax.figure.add_subplot())
    assert_allclose(line(other, "retention").get_ydata(), COHORT["retention"])
    assert other.get_ylabel() == "share of the last period's who stay"
    alone = plot_retention(COHORT.drop(columns="survival"), ax=ax.figure.add_subplot())
    assert_allclose(line(alone, "retention").get_ydata(), COHORT["retention"])


def test_actual_is_drawn_beside_expected(ax):
    plot_retention(FORECAST, ax=ax)
    assert_allclose(line(ax, "expected").get_ydata(), FORECAST["expected"])
    assert_allclose(line(ax, "actual").get_ydata(), FORECAST["actual"])
    assert [line(ax, name).get_color() for name in ("expected", "actual")] == [EXPECTED, ACTUAL]


def test_actual_and_expected_of_a_segment_share_its_colour(ax):
    plot_retention(pd.concat([FORECAST.assign(segment=name) for name in ("a", "b")]), ax=ax)
    for i, name in enumerate(("a", "b")):
        assert line(ax, f"{name} actual").get_color() == SERIES[i]
        assert line(ax, f"{name} expected").get_color() == SERIES[i]
        assert line(ax, f"{name} expected").get_linestyle() == "--"


def test_reasons_come_by_size_and_are_coloured_by_direction(ax):
    plot_reasons(REASONS, ax=ax)
    assert names(ax) == ["calls", "tenure", "price", "age"]
    assert_allclose([bar.get_width() for bar in ax.patches], [1.5, -0.9, 0.2, -0.1])
    colours = [plt.matplotlib.colors.to_hex(bar.get_facecolor()) for bar in ax.patches]
    assert colours == [SECOND, EXPECTED, SECOND, EXPECTED]
    assert [text.get_text() for text in ax.texts] == ["+1.50", "−0.90", "+0.20", "−0.10"]
    assert ax.yaxis_inverted()  # the first on top


def test_reasons_beyond_the_top_are_added_up(ax):
    plot_reasons(REASONS, top=2, ax=ax)
    assert names(ax) == ["calls", "tenure", "2 others"]
    assert_allclose(ax.patches[-1].get_width(), 0.1)


def test_long_reasons_are_wrapped(ax):
    plot_reasons(REASONS.assign(reason="calls to customer service in the last quarter " * 4), ax=ax)
    assert all(len(row) <= 36 for name in names(ax) for row in name.split("\n"))
    assert all(name.count("\n") == 1 for name in names(ax))


def test_drift_comes_by_size_and_stands_out_beyond_its_critical_value(ax):
    plot_drift(DRIFT, ax=ax)
    assert names(ax) == ["spend", "visits", "gap"]
    assert_allclose(line(ax, "drifted").get_xydata(), [[0.3, 0]])
    assert_allclose(
        line(ax, "as chance would have it").get_xydata(), [[0.001, 1], [0.0005, 2]]
    )  # 0: left end
    assert_allclose(line(ax, "critical value").get_xydata(), [[0.02, 0], [0.01, 1], [0.01, 2]])
    assert ax.get_xlim()[0] == pytest.approx(0.0005)


def test_drift_of_nothing_at_all_can_be_drawn(ax):
    plot_drift(DRIFT.assign(psi=0.0, critical=0.0), ax=ax)
    assert "drifted" not in ax.get_legend_handles_labels()[1]


def test_only_the_top_features_are_drawn(ax):
    plot_drift(DRIFT, top=1, ax=ax)
    assert names(ax) == ["spend"]


@pytest.mark.parametrize(("plot", "table"), CHARTS)
def test_the_axes_given_are_the_axes_returned_and_no_window_opens(ax, plot, table):
    before = table.copy()
    assert plot(table, ax=ax) is ax
    assert plt.get_fignums() == []
    pd.testing.assert_frame_equal(table, before)


@pytest.mark.parametrize(("plot", "table"), CHARTS[-3:])
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
        (plot_retention, COHORT[["period"]], "plot_retention: 1 of 2 columns missing: survival"),
        (plot_retention, COHORT.rename(columns={"period": "periods"}), "Is 'periods' meant as 'period'"),
        (plot_reasons, REASONS.rename(columns={"effect": "effects"}), "Is 'effects' meant as 'effect'"),
        (plot_drift, DRIFT.drop(columns="critical"), "plot_drift: 1 of 3 columns missing: critical"),
        *[(plot, table.iloc[:0], "the table has no rows") for plot, table in CHARTS[-3:]],
    ],
)
def test_a_table_that_cannot_be_drawn_is_refused(ax, plot, table, message):
    with pytest.raises(SchemaError, match=message):
        plot(table, ax=ax)


def test_options_out_of_range_are_refused(ax):
    with pytest.raises(ValueError, match=r"value must be one of 'survival', 'retention'. Got 'share'"):
        plot_retention(COHORT, value="share", ax=ax)
    for plot, table in CHARTS[-2:]:
        with pytest.raises(ValueError, match=r"top must be >= 1. Got 0"):
            plot(table, top=0, ax=ax)
