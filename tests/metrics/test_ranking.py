"""Ordering metrics against published examples, brute force and their own symmetries."""

from itertools import combinations, permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.metrics import roc_auc_score

from crm_analytics.metrics import gains_curve, gini, lift_at

# Outcomes and scores with many ties, as counts of purchases have.
customers = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=2, max_size=30)


def pairwise_gini(y, score):
    """Every pair of customers: does the higher score have the higher outcome, and by how much."""
    pairs = list(combinations(range(len(y)), 2))
    won = sum(np.sign(score[i] - score[j]) * (y[i] - y[j]) for i, j in pairs)
    return won / sum(abs(y[i] - y[j]) for i, j in pairs)


def test_gini_of_the_outcome_itself_is_one_and_of_its_reverse_minus_one():
    y = [0, 0, 1, 7, 3]
    assert gini(y, y) == pytest.approx(1)
    assert gini(y, [-v for v in y]) == pytest.approx(-1)


def test_gini_of_equal_scores_is_chance():
    assert gini([0, 1, 5], [2, 2, 2]) == 0


def test_gini_of_yes_and_no_is_twice_the_auc_less_one():
    rng = np.random.default_rng(3)
    y, score = rng.integers(0, 2, 200), rng.integers(0, 20, 200)
    assert_allclose(gini(y, score), 2 * roc_auc_score(y, score) - 1)


@given(customers.filter(lambda rows: len({y for y, _ in rows}) > 1))
def test_gini_equals_a_count_over_all_pairs(rows):
    y, score = zip(*rows, strict=True)
    assert_allclose(gini(y, score), pairwise_gini(y, score), atol=1e-12)


@given(customers.filter(lambda rows: len({y for y, _ in rows}) > 1), st.randoms(use_true_random=False))
def test_gini_does_not_depend_on_row_order_under_ties(rows, random):
    shuffled = random.sample(rows, len(rows))
    assert_allclose(gini(*zip(*shuffled, strict=True)), gini(*zip(*rows, strict=True)), atol=1e-12)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([1, -1, 0], "undefined for negative outcomes"),
        ([2, 2, 2], "undefined when all outcomes are equal"),
        ([0, 0, 0], "undefined when all outcomes are equal"),
        ([1, 2], "inconsistent numbers of samples"),
    ],
)
def test_undefined_gini_is_refused(y, message):
    with pytest.raises(ValueError, match=message):
        gini(y, [1, 2, 3])


def test_lift_of_a_perfect_order_reaches_its_ceiling():
    y = [1] * 5 + [0] * 15
    assert lift_at(y, range(20, 0, -1), fraction=0.1) == pytest.approx(1 / 0.25)  # the rate is the limit
    assert lift_at(y, range(20, 0, -1), fraction=0.5) == pytest.approx(1 / 0.5)  # the fraction is


def test_lift_among_everybody_is_one():
    assert lift_at([0, 1, 1, 0], [4, 3, 2, 1], fraction=1.0) == pytest.approx(1)


@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 2)), min_size=2, max_size=6).filter(
        lambda rows: any(y for y, _ in rows)
    ),
    st.integers(1, 6),
)
def test_lift_is_the_mean_over_all_ways_to_break_ties(rows, k):
    k = min(k, len(rows))
    hits = [
        sum(y for y, _ in sorted(order, key=lambda row: -row[1])[:k])  # a stable sort keeps the order of ties
        for order in permutations(rows)
    ]
    rate = sum(y for y, _ in rows) / len(rows)
    expected = np.mean(hits) / k / rate
    assert_allclose(lift_at(*zip(*rows, strict=True), fraction=k / len(rows)), expected, rtol=1e-9)


@pytest.mark.parametrize("fraction", [0, -0.1, 1.5, float("nan")])
def test_fraction_outside_its_range_is_refused(fraction):
    with pytest.raises(ValueError, match=r"fraction must be in \(0, 1\]"):
        lift_at([0, 1], [0, 1], fraction=fraction)


def test_lift_without_positives_is_refused():
    with pytest.raises(ValueError, match="undefined when y_true has no positives"):
        lift_at([0, 0], [1, 2])


def test_gains_rise_from_nobody_to_everybody_and_reach_the_best_of_a_perfect_score():
    y = np.repeat([1, 0], [5, 15])
    curve = gains_curve(y, y)
    assert_allclose(curve["gain"], curve["best"])
    assert curve[["fraction", "gain"]].iloc[[0, -1]].to_numpy().tolist() == [[0, 0], [1, 1]]
    assert np.isnan(curve["lift"].iloc[0])
    assert_allclose(gains_curve(y, np.ones(20))["gain"], curve["fraction"])  # chance


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5)), min_size=1, max_size=25).filter(
        lambda rows: any(y for y, _ in rows)
    ),
    st.randoms(use_true_random=False),
)
def test_gains_and_lift_at_agree_at_every_fraction_in_any_order(rows, random):
    y, score = zip(*rows, strict=True)
    curve = gains_curve(y, score)
    pd.testing.assert_frame_equal(curve, gains_curve(*zip(*random.sample(rows, len(rows)), strict=True)))
    for row in curve.iloc[1:].itertuples():
        assert_allclose(row.lift, lift_at(y, score, fraction=row.fraction), rtol=1e-9)
    assert (curve["gain"] <= curve["best"] + 1e-12).all()


def test_gains_of_many_customers_are_thinned_without_loss():
    rng = np.random.default_rng(4)
    y = rng.random(30_000) < 0.1
    score = y + rng.normal(size=y.size)
    curve = gains_curve(y, score)
    assert len(curve) == 1001
    assert_allclose(2 * np.trapezoid(curve["gain"], curve["fraction"]) - 1, gini(y, score) * 0.9, atol=1e-3)
    for fraction in (0.001, 0.1, 0.5):
        row = curve.iloc[round(fraction * 1000)]
        assert_allclose([row["fraction"], row["lift"]], [fraction, lift_at(y, score, fraction=fraction)])


@pytest.mark.parametrize(
    ("y", "score", "message"),
    [
        ([0, 0], [1, 2], "gains_curve is undefined when y_true has no positives"),
        ([0, 2], [1, 2], "y_true must be 0 or 1"),
        ([0, 1], [1, np.nan], "y_score must be known for every customer"),
    ],
)
def test_undefined_gains_are_refused(y, score, message):
    with pytest.raises(ValueError, match=message):
        gains_curve(y, score)
