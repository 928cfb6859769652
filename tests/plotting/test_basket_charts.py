"""Charts of baskets draw what their tables say; labels do not cover each other."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

from crm_analytics.core import SchemaError
from crm_analytics.plotting import svg_chart
from crm_analytics.plotting.basket_charts import plot_demand, plot_item_network, plot_rule_graph, plot_rules
from crm_analytics.plotting.network_layout import force_layout, push_apart

RULES = pd.DataFrame(
    {
        "antecedents": [
            frozenset({"tea"}),
            frozenset({"milk", "bread"}),
            frozenset({"jam"}),
            frozenset({"tea"}),
        ],
        "consequents": [frozenset({"milk"}), frozenset({"butter"}), frozenset({"tea"}), frozenset({"jam"})],
        "support": [0.2, 0.05, 0.01, 0.01],
        "confidence": [0.5, 0.9, 0.25, 0.1],
        "lift": [1.5, 4.0, 2.0, 2.0],
    }
)
PAIRS = pd.DataFrame({"item_a": ["tea", 7, "jam"], "item_b": ["milk", "tea", "jam"], "lift": [2.0, 3.0, 9.0]})
DEMAND = pd.DataFrame(
    {
        "place": ["north", "north", "south", "south", "east"],
        "item": ["tea", "jam", "tea", "jam", "tea"],
        "index": [2.0, 1.1, 0.25, 1.0, 1.3],
        "expected": [50.0, 30.0, 50.0, 30.0, 20.0],
        "significant": [True, False, True, False, False],
    }
)
CHARTS = [
    (plot_rules, RULES),
    (plot_rule_graph, RULES),
    (plot_item_network, PAIRS),
    (plot_item_network, RULES),
]
CHARTS += [(plot_demand, DEMAND)]


@pytest.fixture
def ax():
    figure = Figure(figsize=(7, 5))
    FigureCanvasAgg(figure)
    return figure.subplots()


def words(ax):
    return sorted(text.get_text() for text in ax.texts if text.get_text())


def test_rules_stand_at_their_support_and_confidence_the_highest_lift_on_top(ax):
    plot_rules(RULES, ax=ax)
    (dots,) = ax.collections
    right = RULES.sort_values("lift", kind="stable")
    assert_allclose(dots.get_offsets(), right[["support", "confidence"]])
    assert_allclose(dots.get_array(), right["lift"])


def test_support_is_drawn_on_a_log_scale_only_where_it_spreads(ax):
    assert plot_rules(RULES.assign(support=[0.2, 0.1, 0.1, 0.05]), ax=ax).get_xscale() == "linear"
    assert plot_rules(RULES.assign(support=[0.2, 0.1, 0.1, 0.001]), ax=ax).get_xscale() == "log"


def test_a_rule_graph_has_every_item_once_and_a_dot_a_rule(ax):
    plot_rule_graph(RULES, ax=ax)
    assert words(ax) == ["bread", "butter", "jam", "milk", "tea"]
    assert len(ax.collections[0].get_offsets()) == 4
    arrows = [text for text in ax.texts if not text.get_text()]
    assert len(arrows) == 2 + 3 + 2 + 2  # one for each item of each rule
    sizes = ax.collections[0].get_sizes()
    assert sizes[0] < sizes[-1]  # by lift: butter's rule of .05 first, milk's of .2 last


def test_only_the_rules_of_the_highest_lift_are_drawn(ax):
    plot_rule_graph(RULES, top=1, ax=ax)
    assert words(ax) == ["bread", "butter", "milk"]


def test_a_network_draws_each_pair_once_whatever_its_direction(ax):
    plot_item_network(RULES, ax=ax)
    assert words(ax) == ["jam", "milk", "tea"]
    assert len(ax.get_lines()) == 2  # tea and jam both ways are one pair


def test_a_network_takes_names_of_any_kind_and_no_item_joins_itself(ax):
    plot_item_network(PAIRS, ax=ax)
    assert words(ax) == ["7", "milk", "tea"]
    thin, thick = sorted(line.get_linewidth() for line in ax.get_lines())
    assert thin < thick


def test_demand_is_faint_where_it_may_be_chance_and_named_where_it_is_not(ax):
    plot_demand(DEMAND, ax=ax)
    assert words(ax) == ["0.25", "2.0"]
    mesh = ax.collections[0]
    values = mesh.get_array().reshape(2, 3)
    rows = [label.get_text() for label in ax.get_yticklabels()]
    columns = [label.get_text() for label in ax.get_xticklabels()]
    assert rows == ["jam", "tea"]  # the largest sure difference on top, at the end
    assert columns[:2] == ["south", "north"]
    assert_allclose(values[1, :2], [-2, 1])  # log2 of .25 and 2
    assert np.ma.getmaskarray(values)[0, 2]  # jam in the east is not in the table
    assert mesh.get_clim() == (-2, 2)  # 1 is in the middle of the colours
    alpha = np.asarray(mesh.get_alpha())
    assert_allclose(alpha[1], [1, 1, 0.25])
    assert (alpha[0] == 0.25).all()


def test_only_the_surest_places_and_items_are_drawn(ax):
    plot_demand(DEMAND, items=1, places=2, ax=ax)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["tea"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["south", "north"]
    assert ax.get_xlabel().startswith("2 of 3 places")


@pytest.mark.parametrize(("plot", "kind"), [(plot_rule_graph, "rules"), (plot_item_network, "pairs")])
def test_labels_do_not_cover_each_other(plot, kind):
    rng = np.random.default_rng(3)
    names = [f"PRODUCT NUMBER {i}" for i in range(26)]
    left, right = rng.integers(0, 26, (2, 15))
    right = np.where(left == right, (right + 1) % 26, right)
    table = pd.DataFrame({"lift": rng.uniform(1, 9, 15), "support": 0.1, "confidence": 0.5})
    if kind == "rules":
        table["antecedents"] = [frozenset([names[i]]) for i in left]
        table["consequents"] = [frozenset([names[i]]) for i in right]
    else:
        table["item_a"], table["item_b"] = [names[i] for i in left], [names[i] for i in right]
    with plt.rc_context({"backend": "agg"}):
        ax = plot(table)
        ax.figure.canvas.draw()
        boxes = [text.get_window_extent() for text in ax.texts if text.get_text()]
        inside = ax.figure.bbox
        plt.close(ax.figure)
    assert len(boxes) > 15
    for i, one in enumerate(boxes):
        assert inside.x0 <= one.x0
        assert one.x1 <= inside.x1
        assert not any(one.overlaps(other) for other in boxes[i + 1 :])


@given(st.integers(1, 25), st.integers(0, 40), st.integers(0, 5))
@settings(max_examples=25)
def test_a_layout_is_finite_within_its_square_and_the_same_every_time(n_nodes, n_edges, seed):
    edges = np.random.default_rng(seed).integers(0, n_nodes, (n_edges, 2))
    place = force_layout(n_nodes, edges, iterations=50)
    assert place.shape == (n_nodes, 2)
    assert np.isfinite(place).all()
    assert (place >= 0).all()
    assert (place <= 1).all()
    assert_allclose(place, force_layout(n_nodes, edges, iterations=50), rtol=0)


def test_neighbours_lie_nearer_than_others():
    rings = [[i, (i + 1) % 6] for i in range(6)] + [[6 + i, 6 + (i + 1) % 6] for i in range(6)]
    place = force_layout(12, np.array(rings))
    distance = np.linalg.norm(place[:, None] - place[None], axis=2)
    joined = np.array([distance[i, j] for i, j in rings])
    assert joined.mean() < 0.6 * distance[np.triu_indices(12, 1)].mean()


def test_boxes_that_fit_are_pushed_apart():
    rng = np.random.default_rng(2)
    sizes = np.tile([20.0, 6.0], (20, 1))
    place = push_apart(rng.uniform(30, 60, (20, 2)), sizes, np.array([120.0, 90.0]))
    gap = np.abs(place[:, None] - place[None]) - sizes[0]
    overlapping = (gap < -0.5).all(axis=2) & ~np.eye(20, dtype=bool)
    assert not overlapping.any()
    assert (place >= [10, 3]).all()
    assert (place <= [110, 87]).all()


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


@pytest.mark.parametrize(("plot", "table"), CHARTS)
def test_one_row_is_enough_and_none_is_refused(ax, plot, table):
    assert plot(table.iloc[:1], ax=ax) is ax
    with pytest.raises(SchemaError, match=rf"{plot.__name__}: the table has no rows to draw"):
        plot(table.iloc[:0], ax=ax)


def test_a_missing_column_is_named(ax):
    with pytest.raises(SchemaError, match=r"plot_rules: .*columns missing: lift"):
        plot_rules(RULES.drop(columns="lift"), ax=ax)
    with pytest.raises(ValueError, match=r"top must be >= 1\. Got 0"):
        plot_rule_graph(RULES, top=0, ax=ax)
