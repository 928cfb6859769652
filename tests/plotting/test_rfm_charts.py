"""The RFM chart draws what its table says: a shade a cell, borders between names, each name on its area."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

from crm_analytics.core import SchemaError
from crm_analytics.plotting import plot_rfm_grid, svg_chart

# Names of r 1 to 3 (rows), fm 1 to 3; "risk it" has two areas, "low" is bent.
NAMES = [["low", "low", "risk it"], ["low", "mid", "mid"], ["risk it", "best", "best"]]
TABLE = pd.DataFrame(
    {
        "r": np.repeat([1, 2, 3], 3),
        "fm": np.tile([1, 2, 3], 3),
        "segment": pd.Categorical(np.ravel(NAMES)),
        "share": np.array([20, 5, 5, 10, 15, 5, 5, 25, 10]) / 100,
        "mean_amount": [10.0, 20, np.nan, 5, 60, 1200, 40, 80, 90],
    }
)


@pytest.fixture
def ax():
    figure = Figure()
    FigureCanvasAgg(figure)
    return figure.subplots()


def words(ax):
    return [(text.get_text(), *np.round(text.get_position(), 2)) for text in ax.texts]


def test_cells_are_shaded_by_their_value_wherever_the_row_stands(ax):
    plot_rfm_grid(TABLE.sample(frac=1, random_state=2), ax=ax)
    mesh = ax.collections[0]
    assert_allclose(np.ravel(mesh.get_array()), TABLE["share"])
    assert ax.get_xlabel() == "frequency and monetary score"
    assert sorted(text for text, *_ in words(ax) if "%" in text) == sorted(f"{x:.1%}" for x in TABLE["share"])


def test_each_area_bears_its_name_within_it(ax):
    plot_rfm_grid(TABLE, ax=ax)
    placed = [word for word in words(ax) if "%" not in word[0]]
    assert sorted(name for name, *_ in placed) == ["best", "low", "mid", "risk it", "risk it"]
    assert ("low", 1.5, 1.06) in placed  # where there is most room
    for name, x, y in placed:
        row = NAMES[round(y) - 1]
        assert {row[int(np.floor(x)) - 1], row[int(np.ceil(x)) - 1]} == {name}


def test_a_border_stands_between_different_names_and_nowhere_else(ax):
    plot_rfm_grid(TABLE, ax=ax)
    inner = set()
    for lines in ax.collections[1:]:
        for (x0, y0), (x1, y1) in lines.get_segments():
            middle = ((x0 + x1) / 2, (y0 + y1) / 2)
            if 0.5 < middle[0] < 3.5 and 0.5 < middle[1] < 3.5:
                inner.add(middle)
    assert inner == {
        (2.5, 1), (2, 1.5), (3, 1.5), (1.5, 2), (1, 2.5), (2, 2.5), (3, 2.5), (1.5, 3),
    }  # fmt: skip


def test_mean_amounts_leave_cells_of_nobody_without_a_number(ax):
    plot_rfm_grid(TABLE, "mean_amount", ax=ax)
    written = {text for text, *_ in words(ax)}
    assert {"1,200", "5"} <= written
    assert "nan" not in written
    assert np.isnan(np.ma.filled(ax.collections[0].get_array(), np.nan)).sum() == 1


def test_a_plane_of_frequency_alone_is_called_so(ax):
    plot_rfm_grid(TABLE.rename(columns={"fm": "f"}), ax=ax)
    assert ax.get_xlabel() == "frequency score"


def test_a_chart_without_axes_makes_its_own():
    drawn = plot_rfm_grid(TABLE.assign(share=0.0))
    assert drawn.get_ylabel().startswith("recency score")
    plt.close(drawn.figure)


def test_a_chart_fits_a_page():
    drawn = svg_chart(lambda ax: plot_rfm_grid(TABLE, ax=ax), name="c", label="a chart")
    assert "risk it" in drawn
    assert "var(--chart-ink" in drawn


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (TABLE.drop(columns="share"), "columns missing: share"),
        (TABLE.drop(index=3), r"each of the 3 × 3 cells of r and fm must have one row, but the table has 8"),
        (TABLE.assign(r=[1, 1, 1, 1, 2, 2, 3, 3, 3]), "must have one row"),
        (TABLE.head(0), "the table has 0"),
    ],
)
def test_a_table_that_is_no_plane_is_refused(table, message, ax):
    with pytest.raises(SchemaError, match=message):
        plot_rfm_grid(table, ax=ax)


def test_an_unknown_value_is_refused(ax):
    with pytest.raises(ValueError, match="value must be one of 'share', 'mean_amount'"):
        plot_rfm_grid(TABLE, "amount", ax=ax)
