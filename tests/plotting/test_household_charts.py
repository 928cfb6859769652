"""Charts of one household: what stands where, and what they refuse."""

from itertools import combinations

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

from crm_analytics.core.errors import SchemaError
from crm_analytics.plotting import (
    plot_household_baskets,
    plot_household_gaps,
    plot_household_months,
    plot_household_places,
    plot_household_timeline,
    plot_household_week,
    svg_chart,
)

DAYS = pd.to_datetime(["2008-01-05", "2008-03-01", "2008-08-21", "2008-09-06", "2009-02-01"])
VISITS = pd.DataFrame({"day": DAYS, "place": ["home", "home", "sea", "sea", "work"]})
PLACES = pd.DataFrame(
    {
        "name": ["Suadiye", "Erenköy", "Kadıköy", "Maslak", "Etiler", "lost"],
        "latitude": [40.961, 40.972, 40.990, 41.112, 41.081, np.nan],
        "longitude": [29.083, 29.075, 29.025, 29.020, 29.034, 29.0],
        "days": [200, 30, 5, 51, 3, 9],
        "role": ["home", "other", "other", "work", "other", "other"],
    }
)


@pytest.fixture
def ax():
    figure = Figure(figsize=(8.6, 3.0), layout="constrained")
    FigureCanvasAgg(figure)
    return figure.subplots()


def labels(axis):
    return [text.get_text() for text in axis.get_ticklabels()]


def numbers(ax):
    return [text for text in ax.texts if text.get_text().isdigit()]


def test_places_stand_from_the_top_in_the_order_given(ax):
    plot_household_timeline(VISITS, ax=ax)
    assert labels(ax.yaxis) == ["home", "sea", "work"]
    low, high = ax.get_ylim()
    assert low > high  # row 0 is on top
    drawn = np.column_stack(
        [ax.lines[0].get_xdata().astype("datetime64[D]").astype(str), ax.lines[0].get_ydata()]
    )
    assert drawn.tolist() == [
        [str(day.date()), str(y)] for day, y in zip(DAYS, [0.0, 0.0, 1.0, 1.0, 2.0], strict=True)
    ]


def test_a_second_card_stands_below_the_first_and_kinds_have_their_colours(ax):
    visits = VISITS.assign(card=["b", "a", "a", "a", "b"], kind=["fuel", "food", "food", "food", "fuel"])
    plot_household_timeline(visits, kinds=["food", "wine", "fuel"], ax=ax)
    food, fuel = ax.lines
    assert (food.get_label(), fuel.get_label()) == ("food", "fuel")
    assert_allclose(food.get_ydata(), [-0.17, 0.83, 0.83])
    assert_allclose(fuel.get_ydata(), [0.17, 2.17])
    assert food.get_color() != fuel.get_color()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["food", "fuel"]


def test_stays_are_shaded_and_never_too_thin_to_see(ax):
    spans = pd.DataFrame({"start": ["2008-08-21", "2008-12-24"], "end": ["2008-09-07", "2008-12-25"]})
    plot_household_timeline(VISITS, spans, ax=ax)
    across = np.diff(ax.get_xlim())[0]
    long, short = (patch.get_extents().transformed(ax.transData.inverted()) for patch in ax.patches)
    assert_allclose([long.x0, long.width], [mdates.datestr2num("2008-08-21"), 17])
    assert short.width > 0.0039 * across > 1


def test_numbers_of_changes_follow_the_rows_and_do_not_overlap(ax):
    days = pd.date_range("2008-08-01", periods=6, freq="4D")
    plot_household_timeline(VISITS, None, pd.DataFrame({"day": days}), ax=ax)
    assert [text.get_text() for text in numbers(ax)] == ["1", "2", "3", "4", "5", "6"]
    assert_allclose([text.xy[0] for text in numbers(ax)], mdates.date2num(days))
    ax.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in numbers(ax)]
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (["2006-12-02", "2009-09-26"], ["2007", "Tem", "2008", "Tem", "2009", "Tem"]),
        (["2008-03-05", "2008-10-05"], ["Mar\n2008", "Nis", "May", "Haz", "Tem", "Ağu", "Eyl", "Eki"]),
        (["2008-03-05"], None),
    ],
)
def test_months_are_written_in_the_words_given(ax, days, said):
    words = ["Oca", "Şub", "Mar", "Nis", "May", "Haz", "Tem", "Ağu", "Eyl", "Eki", "Kas", "Ara"]
    receipts = pd.DataFrame({"day": days, "amount": 5.0})
    plot_household_baskets(receipts, months=words, ax=ax)
    found = labels(ax.xaxis)
    assert said is None or found == said
    assert all(label.isdigit() or any(word in label for word in words) for label in found)
    assert "20" in found[0]  # the year is told once at least


def test_baskets_stand_at_their_day_and_total(ax):
    receipts = pd.DataFrame({"day": DAYS, "amount": [10.0, 200.0, 3.5, 60.0, 1.0]})
    plot_household_baskets(receipts, label="fiş", ax=ax)
    assert_allclose(ax.lines[0].get_ydata(), receipts["amount"])
    assert ax.get_ylabel() == "fiş"
    assert ax.get_legend() is None
    assert ax.get_ylim()[0] == 0


def test_months_are_bars_as_high_as_their_amount(ax):
    months = pd.date_range("2008-01-01", periods=4, freq="MS")
    plot_household_months(pd.DataFrame({"amount": [100.0, 0.0, 50.0, 25.0]}, index=months), ax=ax)
    assert_allclose([bar.get_height() for bar in ax.patches], [100, 0, 50, 25])


def test_gaps_are_bars_in_the_order_given(ax):
    plot_household_gaps(pd.Series([5, 0, 2], index=["1", "2", "3+"]), ax=ax)
    assert [bar.get_height() for bar in ax.patches] == [5, 0, 2]
    assert labels(ax.xaxis) == ["1", "2", "3+"]


def test_the_week_has_a_dot_for_each_hour_with_a_receipt(ax):
    hours = pd.DataFrame(np.zeros((7, 24), dtype=int))
    hours.loc[0, 13], hours.loc[5, 18] = 4, 1
    plot_household_week(hours, weekdays=list("MTWTFSS"), ax=ax)
    assert_allclose(ax.collections[0].get_offsets(), [[13.5, 0], [18.5, 5]])
    large, small = ax.collections[0].get_sizes()
    assert large > small
    assert ax.get_xlim()[0] > 5  # nobody shops at night
    hours.loc[2, 1] = 1
    plot_household_week(hours, weekdays=list("MTWTFSS"), ax=ax)
    assert ax.get_xlim()[0] < 1


def test_the_map_has_the_true_proportions(ax):
    ax.figure.set_size_inches(4.4, 3.7)
    plot_household_places(PLACES, ax=ax)
    dots = {drawn.get_label(): drawn.get_offsets()[0] for drawn in ax.collections}
    suadiye, maslak = dots["home"], dots["work"]
    # Great-circle distance of the two, 17.6 km; the plane map may be off by a metre in a kilometre.
    assert np.hypot(*(suadiye - maslak)) == pytest.approx(17.6, rel=0.005)
    ax.figure.canvas.draw()
    unit = np.abs(np.diff(ax.transData.transform([[0, 0], [1, 1]]), axis=0))[0]
    assert unit[0] == pytest.approx(unit[1])
    assert sum(len(dots.get_offsets()) for dots in ax.collections) == 5  # one place has no position


def test_the_scale_bar_is_as_long_as_it_says(ax):
    plot_household_places(PLACES, ax=ax)
    bar = ax.lines[-1]
    said = next(text.get_text() for text in ax.texts if text.get_text().endswith(" km"))
    assert said == f"{np.ptp(bar.get_xdata()):.0f} km"


def test_names_on_the_map_hide_neither_each_other_nor_a_dot(ax):
    rng = np.random.default_rng(4)
    places = pd.DataFrame(
        {
            "name": [f"Semt {i:02d}" for i in range(25)],
            "latitude": 41 + 0.1 * rng.random(25),
            "longitude": 29 + 0.1 * rng.random(25),
            "days": rng.integers(1, 200, 25),
            "role": "other",
        }
    )
    ax.figure.set_size_inches(4.4, 3.7)
    plot_household_places(places, ax=ax)
    ax.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert 10 < len(boxes) <= 26
    # Boxes are set with a mean width of letters: a point of overlap may be left.
    assert not any(a.padded(-1).overlaps(b.padded(-1)) for a, b in combinations(boxes, 2))
    most = places.loc[places["days"].idxmax(), "name"]
    assert most in [text.get_text() for text in ax.texts]
    frame = ax.get_window_extent()
    assert all(frame.x0 <= box.x0 and box.x1 <= frame.x1 + 2 for box in boxes)


def test_a_role_has_the_same_colour_on_every_map(ax):
    roles = ["home", "work", "away", "other"]
    plot_household_places(PLACES[PLACES["role"] == "other"], roles=roles, ax=ax)
    alone = ax.collections[0].get_facecolor()
    ax.clear()
    plot_household_places(PLACES, roles=roles, ax=ax)
    assert_allclose(ax.collections[-1].get_facecolor(), alone)


def test_the_same_chart_is_the_same_text():
    drawn = {svg_chart(lambda ax: plot_household_places(PLACES, ax=ax), name="map", label="m") for _ in "ab"}
    assert len(drawn) == 1


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: plot_household_timeline(VISITS.iloc[:0]), "no row, so there is nothing to draw"),
        (lambda: plot_household_timeline(VISITS.drop(columns="place")), "place"),
        (lambda: plot_household_baskets(pd.DataFrame({"day": [], "amount": []})), "no row"),
        (lambda: plot_household_months(pd.DataFrame({"amount": []})), "no row"),
        (lambda: plot_household_gaps(pd.Series(dtype=int)), "no row"),
        (lambda: plot_household_week(pd.DataFrame(np.zeros((7, 12))), weekdays="MTWTFSS"), r"\(7, 12\)"),
        (lambda: plot_household_places(PLACES[PLACES["name"] == "lost"]), "no map to draw"),
    ],
)
def test_what_cannot_be_drawn_is_refused(draw, message):
    with pytest.raises(SchemaError, match=message):
        draw()
