"""The chart of migration draws each customer once, where they came from and where they went."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

from crm_analytics.core import SchemaError
from crm_analytics.plotting import plot_migration, svg_chart
from crm_analytics.plotting.style import MUTED, SERIES

KIND = pd.CategoricalDtype(["low", "middle", "high", "new", "gone"], ordered=True)
FIRST = pd.DataFrame(
    {
        "from": ["low", "low", "high", "high", "new"],
        "to": ["low", "high", "high", "gone", "low"],
        "customers": [50, 20, 20, 5, 10],
    }
)
SECOND = pd.DataFrame(
    {
        "from": ["low", "low", "high", "new"],
        "to": ["low", "gone", "high", "high"],
        "customers": [50, 10, 40, 3],
    }
)


def ordered(table):
    return table.astype({"from": KIND, "to": KIND})


@pytest.fixture
def ax():
    figure = Figure()
    FigureCanvasAgg(figure)
    return figure.subplots()


def labels(ax):
    return [text.get_text() for text in ax.texts]


def boxes(ax):
    """Place of the date, height and colour of each box."""
    return [
        (round(p.get_x() + p.get_width() / 2), p.get_height(), to_hex(p.get_facecolor())) for p in ax.patches
    ]


def ribbon_heights(ax):
    found = []
    for ribbon in ax.collections:
        x, y = ribbon.get_paths()[0].vertices.T
        found.append(np.ptp(y[np.isclose(x, x.min())]))
    return found


def test_boxes_and_ribbons_are_as_high_as_there_are_customers(ax):
    plot_migration(ordered(FIRST), dates=["April", "July"], ax=ax)
    # 105 customers at either date, with the 10 yet to come and the 5 gone.
    heights = {(date, round(height * 105)) for date, height, _ in boxes(ax)}
    assert heights == {(0, 25), (0, 70), (0, 10), (1, 40), (1, 60), (1, 5)}
    assert_allclose(sorted(np.array(ribbon_heights(ax)) * 105), [5, 10, 20, 20, 50])
    assert {"high  25", "low  70", "new  10", "high  40", "low  60", "gone  5", "April", "July"} <= set(
        labels(ax)
    )
    assert {"71%", "29%", "80%", "20%"} <= set(labels(ax))  # of those who were there


def test_the_highest_tier_is_on_top_and_the_outsiders_at_the_bottom_in_grey(ax):
    plot_migration(ordered(FIRST), ax=ax)
    for date, outside in ((0, "new"), (1, "gone")):
        column = [patch for patch in ax.patches if round(patch.get_x() + patch.get_width() / 2) == date]
        assert [patch.get_y() for patch in column] == sorted(
            (patch.get_y() for patch in column), reverse=True
        )
        assert to_hex(column[-1].get_facecolor()) == MUTED
        named = [text for text in labels(ax) if text.startswith(outside)]
        assert len(named) == 1
    assert labels(ax).index("high  25") < labels(ax).index("low  70")
    assert not any("middle" in text for text in labels(ax))  # nobody is in it


def test_a_ribbon_has_the_colour_of_where_it_comes_from(ax):
    plot_migration(FIRST, ax=ax)
    colours = [to_hex(ribbon.get_facecolor()[0]) for ribbon in ax.collections]
    assert colours == [SERIES[0]] * 2 + [SERIES[1]] * 2 + [MUTED]  # low is the larger: first without an order


def test_ribbons_fill_their_box_from_the_top_down(ax):
    plot_migration(ordered(FIRST), ax=ax)
    ends = {}
    for ribbon in ax.collections:
        x, y = ribbon.get_paths()[0].vertices.T
        for side in (x.min(), x.max()):
            end = y[np.isclose(x, side)]
            ends.setdefault(round(side), []).append((end.min(), end.max()))
    for date, found in ends.items():
        column = [patch for patch in ax.patches if round(patch.get_x() + patch.get_width() / 2) == date]
        for patch in column:
            low, high = patch.get_y(), patch.get_y() + patch.get_height()
            within = sorted(end for end in found if low - 1e-9 <= end[0] and end[1] <= high + 1e-9)
            assert_allclose([within[0][0], within[-1][1]], [low, high])
            assert_allclose([end[0] for end in within[1:]], [end[1] for end in within[:-1]])


def test_three_dates_share_the_boxes_in_the_middle(ax):
    plot_migration([FIRST, SECOND], dates=["a", "b", "c"], ax=ax)
    middle = [height for date, height, _ in boxes(ax) if date == 1]
    total = 60 + 40 + 5 + 3  # the highest column: both tiers, those gone by b and those yet to come
    assert_allclose(np.array(middle) * total, [60, 40, 5, 3])
    assert len(ax.collections) == len(FIRST) + len(SECOND)


def test_labels_of_low_boxes_keep_apart(ax):
    many = pd.DataFrame({"from": list("abcdefgh"), "to": list("abcdefgh"), "customers": [1000, *[1] * 7]})
    plot_migration(many, ax=ax)
    names = [text for text in ax.texts if text.get_text().endswith("  1") and text.xy[0] < 0.5]
    places = sorted(text.xy[1] for text in names)
    assert len(names) == 7
    assert np.diff(places).min() > 0.0345
    assert ax.get_ylim()[0] < min(places)


def test_sums_of_money_can_be_drawn_and_the_order_of_rows_does_not_matter(ax):
    table = FIRST.assign(spend=[1.0, 2.0, 3.0, 0.0, 4.0])
    plot_migration(table, value="spend", ax=ax)
    other = plot_migration(table.iloc[::-1], value="spend", ax=ax.figure.add_subplot())
    assert sorted(labels(ax)) == sorted(labels(other))
    assert sorted(boxes(ax)) == sorted(boxes(other))
    assert len(ax.collections) == 4  # a flow of nothing is not drawn


def test_the_axes_given_are_the_axes_returned_and_the_table_is_left_alone(ax):
    before = FIRST.copy()
    assert plot_migration(FIRST, ax=ax) is ax
    assert plt.get_fignums() == []
    pd.testing.assert_frame_equal(FIRST, before)


def test_without_axes_one_pyplot_figure_is_made():
    with plt.rc_context({"backend": "agg"}):
        figure = plot_migration([FIRST, SECOND]).figure
        assert plt.get_fignums() == [figure.number]
        figure.canvas.draw()
        plt.close(figure)


def test_it_can_stand_in_a_page():
    assert "<svg" in svg_chart(lambda ax: plot_migration(FIRST, ax=ax), name="moves", label="who moved")


@pytest.mark.parametrize(
    ("flows", "options", "error", "message"),
    [
        (FIRST.drop(columns="to"), {}, SchemaError, "1 of 3 columns missing: to"),
        (FIRST.assign(customers=0), {}, SchemaError, "nobody moved or stayed"),
        (FIRST.assign(customers=-1), {}, SchemaError, "customers must be >= 0"),
        ([], {}, SchemaError, "nobody moved or stayed"),
        (FIRST, {"dates": ["a"]}, ValueError, "dates must have 2 names, one more than tables. Got 1"),
    ],
)
def test_flows_that_cannot_be_drawn_are_refused(flows, options, error, message):
    with pytest.raises(error, match=message):
        plot_migration(flows, **options)
