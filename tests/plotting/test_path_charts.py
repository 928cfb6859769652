"""Charts of paths draw what their tables say."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.testing import assert_allclose

from crm_analytics.core import SchemaError
from crm_analytics.metrics.survival import kaplan_meier
from crm_analytics.plotting.path_charts import plot_flows, plot_timing, plot_transitions

FLOWS = pd.DataFrame(
    {
        "step": [1, 1, 1, 2, 2],
        "source": ["account", "account", "savings", "card", "loan"],
        "target": ["card", "(none so far)", "loan", "loan", "(none so far)"],
        "customers": [50, 30, 20, 50, 20],
    }
)
TRANSITIONS = pd.DataFrame(
    {
        "from": ["account", "account", "card"],
        "to": ["card", "loan", "loan"],
        "count": [50, 5, 20],
        "share": [0.9, 0.1, 0.004],
    }
)
TIMING = pd.DataFrame(
    {
        "to": ["card"] * 3 + ["loan"] * 3,
        "time": [0.0, 10, 90, 0, 10, 90],
        "incidence": [0, 0.3, 0.5, 0, 0.29, 0.49],
        "lower": [np.nan, 0.25, 0.45, np.nan, 0.2, 0.4],
        "upper": [np.nan, 0.35, 0.55, np.nan, 0.4, 0.6],
    }
)
CHARTS = [(plot_flows, FLOWS), (plot_transitions, TRANSITIONS), (plot_timing, TIMING)]


@pytest.fixture
def ax():
    figure = Figure()
    FigureCanvasAgg(figure)
    return figure.subplots()


def test_boxes_are_as_high_as_there_are_customers_and_do_not_overlap(ax):
    plot_flows(FLOWS, ax=ax)
    boxes = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    by_step = {}
    for box in boxes:
        by_step.setdefault(box.get_x(), []).append((box.get_y(), box.get_height()))
    assert_allclose(sorted(height for _, height in by_step[1]), [0.2, 0.8])
    assert_allclose(sorted(height for _, height in by_step[2]), [0.2, 0.3, 0.5])
    for step in by_step.values():
        step.sort()
        assert all(y + h < above for (y, h), (above, _) in itertools.pairwise(step))


def test_ribbons_begin_and_end_within_their_boxes(ax):
    plot_flows(FLOWS, ax=ax)
    boxes = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    ribbons = [patch for patch in ax.patches if not isinstance(patch, Rectangle)]
    assert len(ribbons) == len(FLOWS)
    for ribbon in ribbons:
        corners = ribbon.get_path().vertices[[0, 3]]
        height = np.ptp(ribbon.get_path().vertices[[0, 7], 1])
        for x, y in corners:
            assert any(
                b.get_x() - 1e-9 <= x <= b.get_x() + b.get_width() + 1e-9
                and b.get_y() - 1e-9 <= y
                and y + height <= b.get_y() + b.get_height() + 1e-9
                for b in boxes
            )


def test_a_box_without_room_has_no_label(ax):
    table = pd.concat(
        [FLOWS, pd.DataFrame([{"step": 1, "source": "gold", "target": "card", "customers": 1}])]
    )
    plot_flows(table, ax=ax)
    texts = [text.get_text() for text in ax.texts]
    assert "account  80" in texts
    assert not any(text.startswith("gold") for text in texts)


def test_transitions_show_their_share_in_percent_and_nothing_where_there_is_none(ax):
    plot_transitions(TRANSITIONS, ax=ax)
    assert sorted(text.get_text() for text in ax.texts) == ["10", "90", "<1"]
    (image,) = ax.images
    assert (~np.ma.getmaskarray(image.get_array())).sum() == 3
    assert [label.get_text() for label in ax.get_yticklabels()] == ["card", "account", "loan"]


def test_only_the_most_frequent_products_are_shown(ax):
    plot_transitions(TRANSITIONS, top=2, ax=ax)
    assert len(ax.get_yticklabels()) == 2


def test_curves_that_end_close_together_have_labels_apart(ax):
    plot_timing(TIMING, ax=ax)
    low, high = sorted(text.xy[1] for text in ax.texts)
    assert high - low >= 0.05 * ax.get_ylim()[1]
    assert [line.get_ydata()[-1] for line in ax.get_lines()] == [0.5, 0.49]


def test_a_survival_curve_is_drawn_as_the_share_that_went_on(ax):
    plot_timing(kaplan_meier([1, 2, 3, 4], [True, True, False, False]), ax=ax)
    assert_allclose(ax.get_lines()[0].get_ydata(), [0, 0.25, 0.5, 0.5])


@pytest.mark.parametrize(("plot", "table"), CHARTS)
def test_the_axes_given_are_the_axes_returned_and_no_window_opens(ax, plot, table):
    before = table.copy()
    assert plot(table, ax=ax) is ax
    assert plt.get_fignums() == []
    pd.testing.assert_frame_equal(table, before)
    ax.figure.canvas.draw()


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
        (plot_flows, FLOWS.drop(columns="step"), "plot_flows: 1 of 4 columns missing: step"),
        (plot_flows, FLOWS.iloc[:0], "plot_flows: the table has no customers"),
        (plot_transitions, TRANSITIONS.drop(columns="to"), "plot_transitions: 1 of 4 columns missing: to"),
        (plot_transitions, TRANSITIONS.iloc[:0], "plot_transitions: the table has no transitions"),
        (plot_timing, TIMING.drop(columns="time"), "plot_timing: 1 of 3 columns missing: time"),
        (plot_timing, TIMING.iloc[:0], "plot_timing: the table has no rows"),
    ],
)
def test_a_table_without_what_is_drawn_is_refused(ax, plot, table, message):
    with pytest.raises(SchemaError, match=message):
        plot(table, ax=ax)
