"""Charts of segments draw what their tables say."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

from crm_analytics.core import SchemaError
from crm_analytics.plotting import plot_segment_map, plot_segment_profiles, svg_chart
from crm_analytics.plotting.style import INK, MUTED, SERIES

_rng = np.random.default_rng(6)
PLACES = {"Newcomers": (-4.0, 0.0), "Big spenders": (4.0, 0.0), "Average customers": (0.0, 3.0)}
CUSTOMERS = pd.concat(
    [
        pd.DataFrame({"x": _rng.normal(x, 1, n), "y": _rng.normal(y, 1, n), "segment": name})
        for (name, (x, y)), n in zip(PLACES.items(), (100, 50, 250), strict=True)
    ],
    ignore_index=True,
)
CENTRES = pd.DataFrame(
    {"x": [0.0, 1.0], "y": [2.0, 3.0], "segment": ["a", "b"], "share": [0.25, 0.75]},
)
DIFFERENCES = pd.DataFrame(
    {
        "segment": ["rich"] * 4 + ["plain"] * 4,
        "column": ["spend", "visits", "region", "constant"] * 2,
        "level": [None, None, "North", None] * 2,
        "effect": [0.9, 0.4, 0.3, np.nan, -0.9, 0.05, -0.3, np.nan],
        "telling": [True, True, True, False, True, False, True, False],
    }
)


@pytest.fixture
def ax():
    figure = Figure()
    FigureCanvasAgg(figure)
    return figure.subplots()


def test_each_segment_has_its_name_and_a_centre_as_large_as_its_share(ax):
    plot_segment_map(CUSTOMERS, ax=ax)
    names = {text.get_text().replace("\n", " "): text for text in ax.texts}
    assert set(names) == set(PLACES)
    customers, centres = ax.collections
    assert len(customers.get_offsets()) == 400
    medians = CUSTOMERS.groupby("segment")[["x", "y"]].median()
    assert_allclose(centres.get_offsets(), medians)
    assert_allclose((centres.get_sizes() - 60) / 1400, [250 / 400, 50 / 400, 100 / 400])
    for name, text in names.items():
        assert_allclose(text.xy, medians.loc[name])
    colours = [plt.matplotlib.colors.to_hex(colour) for colour in centres.get_facecolor()]
    assert colours == list(SERIES[:3])
    first = plt.matplotlib.colors.to_hex(customers.get_facecolor()[0])  # a newcomer
    assert first == SERIES[2]


def test_names_of_neighbours_do_not_cover_each_other():
    crowd = pd.DataFrame(
        {"x": np.linspace(0, 0.3, 6), "y": 0.0, "segment": [f"segment {i}" for i in range(6)]}
    )
    far = pd.DataFrame({"x": [-9.0, 9.0], "y": [-5.0, 5.0], "segment": ["left", "right"]})
    figure = Figure(figsize=(7, 5), layout="constrained")
    FigureCanvasAgg(figure)
    ax = plot_segment_map(pd.concat([crowd, far]).assign(share=0.1), ax=figure.subplots())
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts]
    boxes = [text.get_bbox_patch().get_window_extent() for text in ax.texts] or boxes
    covered = [
        (i, j)
        for i in range(8)
        for j in range(i)
        if boxes[i].shrunk(0.9, 0.8).overlaps(boxes[j].shrunk(0.9, 0.8))
    ]
    assert covered == []


def test_where_a_row_is_a_segment_only_centres_are_drawn(ax):
    plot_segment_map(CENTRES, ax=ax)
    (centres,) = ax.collections
    assert_allclose(centres.get_offsets(), CENTRES[["x", "y"]])
    assert_allclose((centres.get_sizes() - 60) / 1400, CENTRES["share"])


def test_of_many_customers_some_are_drawn_and_centres_are_of_all(ax):
    plot_segment_map(CUSTOMERS, most=100, ax=ax)
    customers, centres = ax.collections
    assert len(customers.get_offsets()) == 100
    assert_allclose(centres.get_offsets(), CUSTOMERS.groupby("segment")[["x", "y"]].median())


def test_ordered_segments_are_coloured_in_their_order(ax):
    kinds = pd.CategoricalDtype(["Newcomers", "Big spenders", "none", "Average customers"], ordered=True)
    plot_segment_map(CUSTOMERS.assign(segment=CUSTOMERS["segment"].astype(kinds)), ax=ax)
    assert_allclose(ax.collections[1].get_offsets()[0], CUSTOMERS[:100][["x", "y"]].median())


def test_profiles_hold_each_effect_with_what_is_not_telling_in_grey(ax):
    plot_segment_profiles(DIFFERENCES, ax=ax)
    assert [label.get_text() for label in ax.get_xticklabels()] == [
        "spend",
        "visits",
        "region = North",
        "constant",
    ]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["rich", "plain"]
    expected = [[0.9, 0.4, 0.3, np.nan], [-0.9, 0.05, -0.3, np.nan]]
    assert_allclose(np.ma.filled(ax.collections[0].get_array(), np.nan), expected)
    assert ax.yaxis_inverted()  # the first on top
    written = {tuple(int(v) for v in text.get_position()): text for text in ax.texts}
    assert written[0, 0].get_text() == "+.90"
    assert written[0, 1].get_text() == "−.90"
    assert (3, 0) not in written  # undefined: blank
    assert written[1, 0].get_color() == INK
    assert written[1, 1].get_color() == MUTED


def test_only_the_columns_that_differ_most_are_drawn(ax):
    plot_segment_profiles(DIFFERENCES, top=2, ax=ax)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["spend", "visits"]


def test_near_copies_of_a_column_come_last(ax):
    copy = DIFFERENCES[DIFFERENCES["column"] == "spend"].assign(column="spend_before")
    plot_segment_profiles(pd.concat([copy, DIFFERENCES], ignore_index=True), top=2, ax=ax)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["spend_before", "visits"]


@pytest.mark.parametrize(
    ("plot", "table"),
    [(plot_segment_map, CUSTOMERS), (plot_segment_map, CENTRES), (plot_segment_profiles, DIFFERENCES)],
)
def test_the_axes_given_are_returned_no_window_opens_and_the_table_stays(ax, plot, table):
    before = table.copy()
    assert plot(table, ax=ax) is ax
    assert plt.get_fignums() == []
    pd.testing.assert_frame_equal(table, before)


def test_charts_can_stand_in_a_page():
    for plot, table in [(plot_segment_map, CUSTOMERS), (plot_segment_profiles, DIFFERENCES)]:
        drawn = svg_chart(
            lambda ax, plot=plot, table=table: plot(table, ax=ax), name="chart", label="segments"
        )
        assert drawn.startswith("<svg")
        assert "<image" not in drawn  # shapes and text alone


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plot_segment_map(CUSTOMERS.drop(columns="y")), "1 of 3 columns missing: y"),
        (lambda: plot_segment_map(CUSTOMERS.assign(x=np.nan)), "nothing to draw"),
        (lambda: plot_segment_profiles(DIFFERENCES[:0]), "nothing to draw"),
        (lambda: plot_segment_profiles(DIFFERENCES.drop(columns="effect")), "columns missing: effect"),
    ],
)
def test_tables_with_nothing_to_draw_are_refused(call, message):
    with pytest.raises(SchemaError, match=message):
        call()


def test_wrong_numbers_are_refused():
    with pytest.raises(ValueError, match="most must be >= 1"):
        plot_segment_map(CUSTOMERS, most=0)
    with pytest.raises(ValueError, match="top must be >= 1 or None"):
        plot_segment_profiles(DIFFERENCES, top=0)
