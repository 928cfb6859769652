"""Measures of rules against hand calculation, their definitions, and mlxtend's frames."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from crm_analytics.basket.mining.measures import MEASURES, least_counts, measure, reaches
from crm_analytics.basket.mining.thresholds import least_count

# 10 baskets: 4 with A, 5 with C, 3 with both; by hand.
BY_HAND = {
    "antecedent support": 0.4,
    "consequent support": 0.5,
    "support": 0.3,
    "confidence": 0.75,
    "lift": 1.5,
    "representativity": 1.0,
    "leverage": 0.1,  # .3 - .4 x .5
    "conviction": 2.0,  # .5 / .25
    "zhangs_metric": 0.1 / 0.18,  # max(.3 x .6, .4 x .2)
    "jaccard": 0.5,  # 3 of 6
    "certainty": 0.5,  # .25 / .5
    "kulczynski": 0.675,  # (3/4 + 3/5) / 2
}


@st.composite
def counts(draw):
    n = draw(st.integers(1, 200))
    a, c = draw(st.integers(1, n)), draw(st.integers(1, n))
    both = draw(st.integers(max(0, a + c - n), min(a, c)))
    return n, a, c, both


def test_the_measures_of_one_rule_are_those_worked_out_by_hand():
    assert list(BY_HAND) == MEASURES
    for name, right in BY_HAND.items():
        assert measure(name, 10, 4, 5, 3) == pytest.approx(right, rel=1e-15), name


def test_names_and_their_order_are_those_of_mlxtend():
    patterns = pytest.importorskip("mlxtend.frequent_patterns")
    frame = pd.DataFrame({"support": [0.5, 0.5, 0.5], "itemsets": [{"a"}, {"b"}, {"a", "b"}]})
    assert list(patterns.association_rules(frame, num_itemsets=4).columns[2:]) == MEASURES


@pytest.mark.parametrize(
    ("name", "a", "c", "both", "right"),
    [
        ("conviction", 4, 5, 4, np.inf),  # A never comes without C
        ("conviction", 4, 10, 4, np.inf),  # nor can it where C is everywhere
        ("certainty", 4, 10, 4, 0.0),
        ("zhangs_metric", 10, 10, 10, 0.0),
        ("zhangs_metric", 10, 5, 5, 0.0),
        ("zhangs_metric", 4, 4, 4, 1.0),
        ("zhangs_metric", 5, 5, 0, -1.0),
        ("certainty", 4, 5, 4, 1.0),
        ("leverage", 5, 5, 5, 0.25),
        ("lift", 4, 5, 2, 1.0),
    ],
)
def test_edges_are_as_documented(name, a, c, both, right):
    assert measure(name, 10, [a], [c], [both]) == pytest.approx(right, rel=1e-15)


@given(counts())
def test_ranges_hold_and_independence_is_one_point_of_them(found):
    n, a, c, both = found
    value = {name: float(measure(name, *found)) for name in MEASURES}
    assert -0.25 <= value["leverage"] <= 0.25
    assert -1 - 1e-12 <= value["zhangs_metric"] <= 1 + 1e-12
    assert 0 <= value["jaccard"] <= value["kulczynski"] + 1e-12 <= 1 + 2e-12
    direction = np.sign(n * both - a * c)
    assert np.sign(value["leverage"]) == direction
    assert np.sign(value["lift"] - 1 if n * both != a * c else 0) == direction


@given(
    counts(), st.sampled_from(["support", "confidence", "lift", "jaccard", "leverage"]), st.integers(0, 99)
)
def test_a_threshold_is_met_exactly(found, name, hundredths):
    n, a, c, both = found
    exact = {
        "support": Fraction(both, n),
        "confidence": Fraction(both, a),
        "lift": Fraction(both * n, a * c),
        "jaccard": Fraction(both, a + c - both),
        "leverage": Fraction(both, n) - Fraction(a, n) * Fraction(c, n),
    }[name]
    right = exact >= Fraction(hundredths, 100)
    assert bool(reaches(name, hundredths / 100, n, [a], [c], [both])[0]) == right


def test_27_of_90_are_three_tenths_where_division_says_otherwise():
    n = next(n for n in range(200, 2000) if (27 / n) / (90 / n) < 0.3)  # shares divided, as mlxtend does
    assert_array_equal(reaches("confidence", 0.3, n, [90], [40], [27]), [True])
    assert least_counts(0.3, np.array([90])) == 27


@pytest.mark.parametrize(
    "share", [0.001, 0.007, 0.07, 0.29, 0.3, 1 / 3, 0.3333333333333334, 0.57, 0.999, 1.0]
)
def test_least_counts_are_least_count_of_each(share):
    totals = np.r_[1:2001, 10**9, 999_999_937]
    assert least_counts(share, totals).tolist() == [least_count(share, total) for total in totals.tolist()]


def test_counts_of_a_billion_baskets_do_not_overflow():
    found = measure("zhangs_metric", 10**9, [4 * 10**8], [5 * 10**8], [3 * 10**8])
    assert_allclose(found, BY_HAND["zhangs_metric"], rtol=1e-12)
    assert reaches("lift", 1.5, 10**9, [4 * 10**8], [5 * 10**8], [3 * 10**8])[0]
