"""Charts of a score draw what their tables say, and mark the best."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

from crm_analytics.core import SchemaError
from crm_analytics.metrics import calibration_table, gains_curve, mpc, profit_curve
from crm_analytics.plotting import plot_gains, plot_lift, plot_profit_curve, plot_reliability, svg_chart
from crm_analytics.plotting.style import SECOND, SERIES

RNG = np.random.default_rng(1)
P = RNG.beta(1, 3, 500)
Y = RNG.random(500) < P
GAINS, PROFIT, RELIABILITY = gains_curve(Y, P), profit_curve(Y, P), calibration_table(Y, P)
TWO = pd.concat([GAINS.assign(group=name) for name in ("one", "two")])
CHARTS = [
    (plot_gains, GAINS),
    (plot_gains, TWO),
    (plot_lift, GAINS),
    (plot_lift, TWO),
    (plot_reliability, RELIABILITY),
    (plot_profit_curve, PROFIT),
]


@pytest.fixture
def ax():
    figure = Figure()
    FigureCanvasAgg(figure)
    return figure.subplots()


def line(ax, label):
    return next(line for line in ax.get_lines() if line.get_label() == label)


def test_gains_stand_between_chance_and_the_perfect_score(ax):
    plot_gains(GAINS, ax=ax)
    assert_allclose(line(ax, "this score").get_xydata(), GAINS[["fraction", "gain"]])
    assert_allclose(line(ax, "perfect score").get_xydata(), GAINS[["fraction", "best"]])
    assert_allclose(line(ax, "at random").get_xydata(), [[0, 0], [1, 1]])


def test_several_scores_have_their_own_colours_and_one_bound(ax):
    plot_gains(TWO, ax=ax)
    assert [line(ax, name).get_color() for name in ("one", "two")] == list(SERIES[:2])
    assert ax.get_legend_handles_labels()[1] == ["perfect score", "one", "two", "at random"]


def test_gains_without_the_perfect_score_are_drawn_without_it(ax):
    plot_gains(GAINS[["fraction", "gain"]], ax=ax)
    assert ax.get_legend_handles_labels()[1] == ["this score", "at random"]


def test_luck_of_the_first_customers_does_not_squeeze_the_lift(ax):
    lucky = GAINS.assign(lift=np.where(GAINS["fraction"] < 0.01, 50.0, GAINS["lift"]))
    plot_lift(lucky, ax=ax)
    assert_allclose(line(ax, "this score").get_xydata(), lucky[["fraction", "lift"]])
    assert ax.get_ylim() == (0, pytest.approx(1.08 * GAINS["lift"][5:].max()))


def test_reliability_draws_rates_intervals_and_where_the_customers_are(ax):
    plot_reliability(RELIABILITY.assign(n=[10, *[50] * 9]), ax=ax)
    (points,) = ax.containers
    assert_allclose(points.lines[0].get_xydata(), RELIABILITY[["mean_predicted", "observed"]])
    bars, intervals = ([s[:, 1] for s in part.get_segments()] for part in ax.collections)
    assert_allclose(intervals, RELIABILITY[["lower", "upper"]], atol=1e-12)
    assert_allclose(bars[:2], [[0, 0.016], [0, 0.08]])


def test_reliability_of_rare_outcomes_fills_its_axes(ax):
    plot_reliability(RELIABILITY.assign(**RELIABILITY.drop(columns="n") / 20), ax=ax)
    assert ax.get_xlim() == ax.get_ylim()
    assert ax.get_xlim()[1] < 0.06


def test_profit_marks_its_best(ax):
    plot_profit_curve(PROFIT, ax=ax)
    best = mpc(Y, P)
    assert_allclose(line(ax, "best").get_xydata(), [[best.fraction, best.value]])
    assert line(ax, "best").get_color() == SECOND
    assert ax.texts[0].get_text() == f"{best.fraction:.1%} contacted: {best.value:.2f}"
    assert_allclose(line(ax, "as many at random").get_xydata(), PROFIT[["fraction", "random"]])


def test_large_losses_do_not_hide_the_profit(ax):
    curve = pd.DataFrame({"fraction": [0, 0.1, 1], "profit": [0, 1, -100]})
    plot_profit_curve(curve, ax=ax)
    assert ax.get_ylim()[0] == -1


def test_a_campaign_that_never_pays_is_drawn_whole(ax):
    plot_profit_curve(pd.DataFrame({"fraction": [0, 1], "profit": [0, -3]}), ax=ax)
    assert ax.get_ylim()[0] == -3
    assert ax.texts[0].get_text() == "0.0% contacted: 0.00"


def test_profit_shows_its_interval_if_the_table_has_one(ax):
    plot_profit_curve(PROFIT.assign(lower=PROFIT["profit"] - 1, upper=PROFIT["profit"] + 1), ax=ax)
    vertices = ax.collections[0].get_paths()[0].vertices
    assert_allclose(
        [vertices[:, 1].min(), vertices[:, 1].max()], [PROFIT["profit"].min() - 1, PROFIT["profit"].max() + 1]
    )


@pytest.mark.parametrize(("plot", "table"), CHARTS)
def test_the_axes_given_are_the_axes_returned_and_no_window_opens(ax, plot, table):
    before = table.copy()
    assert plot(table, ax=ax) is ax
    assert plt.get_fignums() == []
    pd.testing.assert_frame_equal(table, before)


@pytest.mark.parametrize(("plot", "table"), CHARTS[::2])
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
        (plot_gains, GAINS.rename(columns={"gain": "gains"}), "Is 'gains' meant as 'gain'"),
        (plot_lift, GAINS.drop(columns="lift"), "plot_lift: 1 of 2 columns missing: lift"),
        (plot_reliability, RELIABILITY.drop(columns=["n", "lower"]), "2 of 5 columns missing: n, lower"),
        (plot_profit_curve, PROFIT.iloc[:0], "plot_profit_curve: the table has no rows"),
    ],
)
def test_a_table_that_cannot_be_drawn_is_refused(ax, plot, table, message):
    with pytest.raises(SchemaError, match=message):
        plot(table, ax=ax)


def test_a_plans_curve_is_drawn_with_the_totals_it_holds(ax):
    curve = pd.DataFrame(
        {"fraction": [0.0, 0.5, 1.0], "expected_profit": [0.0, 90.0, 20.0], "random": [0.0, 10.0, 20.0]}
    )
    plot_profit_curve(curve, ax=ax)
    assert ax.get_ylabel() == "profit of all"
    assert ax.lines[1].get_ydata().tolist() == [0.0, 90.0, 20.0]
