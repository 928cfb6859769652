"""Calibration against known values, scores whose truth is known, and brute force."""

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import binomtest
from sklearn.metrics import brier_score_loss

from crm_analytics.metrics import (
    brier_score,
    brier_skill,
    calibration_by_chance,
    calibration_error,
    calibration_interval,
    calibration_table,
)

# Few distinct predictions, so that ties are the rule.
rows = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 6)), min_size=1, max_size=40)
EVERY = [brier_score, brier_skill, calibration_table, calibration_error, calibration_interval]


def predictions(found):
    y, p = zip(*found, strict=True)
    return np.array(y), np.array(p) / 6


def test_brier_score_of_certain_and_of_ignorant_predictions():
    y = np.repeat([0, 1], [3, 1])
    assert brier_score(y, y) == 0
    assert brier_score(y, 1 - y) == 1
    assert brier_score(y, np.full(4, 0.25)) == 0.25 * 0.75
    assert (brier_skill(y, y), brier_skill(y, np.full(4, 0.25))) == (1, 0)
    assert brier_skill(y, 1 - y) < 0


@settings(max_examples=30)
@given(rows)
def test_brier_score_equals_that_of_scikit_learn(found):
    y, p = predictions(found)
    assert_allclose(brier_score(y, p), brier_score_loss(y, p), atol=1e-14)


def test_bins_hold_as_many_customers_each():
    rng = np.random.default_rng(1)
    p = rng.random(1003) ** 4
    table = calibration_table(rng.random(p.size) < p, p)
    assert table["n"].between(100, 101).all()
    assert table["n"].sum() == 1003
    assert_allclose(
        table["mean_predicted"], [part.mean() for part in np.array_split(np.sort(p), 10)], atol=5e-3
    )


@settings(max_examples=40)
@given(rows, st.integers(1, 12), st.randoms(use_true_random=False))
def test_equal_predictions_stay_together_in_any_order(found, n_bins, random):
    y, p = predictions(found)
    table = calibration_table(y, p, n_bins=n_bins)
    shuffled = predictions(random.sample(found, len(found)))
    pd.testing.assert_frame_equal(table, calibration_table(*shuffled, n_bins=n_bins), check_exact=True)
    assert len(table) <= min(n_bins, len(set(p)))
    assert table["mean_predicted"].is_monotonic_increasing
    assert table["n"].sum() == y.size
    assert_allclose(table["n"] @ table["observed"], y.sum())
    assert_allclose(table["n"] @ table["mean_predicted"], p.sum())
    # A bin's members are all whose predictions lie between its neighbours' ends: count them again.
    per_value = {value: (p == value).sum() for value in sorted(set(p))}
    ends, reached = set(np.cumsum(table["n"])), np.cumsum(list(per_value.values()))
    assert ends <= set(reached)


@settings(max_examples=30)
@given(rows, st.sampled_from([0.5, 0.9, 0.95]))
def test_intervals_are_those_of_wilson(found, level):
    table = calibration_table(*predictions(found), n_bins=4, level=level)
    for row in table.itertuples():
        wilson = binomtest(round(row.observed * row.n), row.n).proportion_ci(level, method="wilson")
        assert_allclose([row.lower, row.upper], wilson, atol=1e-12)


def test_error_is_the_mean_distance_over_bins():
    y, p = np.repeat([0, 1, 0, 1], [70, 30, 40, 60]), np.repeat([0.2, 0.7], [100, 100])
    assert calibration_error(y, p, n_bins=2) == pytest.approx(0.1)
    assert calibration_error(y, p, n_bins=1) == pytest.approx(0.0)  # +.1 and -.1 meet
    table = calibration_table(y, p, n_bins=2)
    assert_allclose(table[["n", "mean_predicted", "observed"]], [[100, 0.2, 0.3], [100, 0.7, 0.6]])


def test_error_of_a_score_of_known_fault_is_found():
    rng = np.random.default_rng(2)
    p = rng.uniform(0.1, 0.7, 400_000)
    y = rng.random(p.size) < p + 0.1
    assert calibration_error(y, p) == pytest.approx(0.1, abs=0.003)  # 4 standard errors


def test_chance_explains_the_error_of_a_perfect_score_and_of_no_other():
    rng = np.random.default_rng(3)
    within, expected, errors = 0, [], []
    for _ in range(60):
        p = rng.beta(2, 5, 2000)
        y = rng.random(p.size) < p
        chance = calibration_by_chance(p, n_resamples=100, random_state=rng)
        errors.append(calibration_error(y, p))
        expected.append(chance.mean)
        within += chance.lower <= errors[-1] <= chance.upper
        assert (
            calibration_error(y, p * 0.8)
            > calibration_by_chance(p * 0.8, random_state=1, n_resamples=100).upper
        )
    assert within >= 51  # 57 are due; fewer than 51 by chance once in 200
    assert_allclose(np.mean(errors), np.mean(expected), rtol=0.08)  # 2.5 standard errors


@pytest.mark.parametrize("fault", [0.0, 0.01, 0.05])
def test_interval_covers_the_true_error_at_least_at_its_level(fault):
    # Quantiles of resampled errors alone cover a perfect score's 0 never, basic ones half the time.
    rng = np.random.default_rng(4)
    p = np.tile(0.15 + 0.06 * np.arange(10), 200)
    truth = p + fault * np.where(np.arange(p.size) % 10 < 3, 1, 0)
    covered = 0
    for _ in range(60):
        found = calibration_interval(
            rng.random(p.size) < truth, p, n_resamples=150, level=0.9, random_state=rng
        )
        covered += found.lower <= 0.3 * fault <= found.upper
    assert covered >= 48  # 54 are due; fewer than 48 by chance once in 100


def test_interval_of_a_score_far_off_is_away_from_nothing():
    p = np.tile([0.2, 0.4, 0.6], 1000)
    found = calibration_interval(np.random.default_rng(9).random(p.size) < p + 0.2, p, random_state=1)
    assert 0.15 < found.lower < found.mean < found.upper < 0.25


def test_interval_is_repeatable_holds_its_error_and_ignores_row_order():
    rng = np.random.default_rng(5)
    p = rng.integers(0, 50, 3000) / 50
    y = rng.random(p.size) < p
    order = rng.permutation(p.size)
    found = calibration_interval(y, p, random_state=6, n_resamples=50)
    assert found == calibration_interval(y[order], p[order], random_state=6, n_resamples=50)
    assert found.mean == calibration_error(y, p)
    assert found.lower <= found.mean <= found.upper
    assert calibration_by_chance(p, random_state=6) == calibration_by_chance(p[order], random_state=6)


def test_interval_of_a_hundred_thousand_customers_is_quick():
    rng = np.random.default_rng(7)  # .7 s measured
    p = rng.random(100_000)
    y = rng.random(p.size) < p
    begun = time.process_time()
    calibration_interval(y, p, random_state=8)
    assert time.process_time() - begun < 2


def test_all_positive_and_all_negative_outcomes_are_lawful():
    assert calibration_table([1, 1], [0.9, 0.9])["upper"].tolist() == [1.0]
    assert calibration_error([0, 0], [0.25, 0.25]) == 0.25
    for outcome in (0, 1):
        with pytest.raises(ValueError, match="brier_skill is undefined when all outcomes are equal"):
            brier_skill([outcome] * 3, [0.5] * 3)


@pytest.mark.parametrize(
    ("y", "p", "message"),
    [
        ([0, 1, 1], [0.2, 1.5, 3.0], r"2 of 3 break this \(first at row 1: 1.5\). A score that only orders"),
        ([0, 1], [-0.1, 0.5], r"y_prob must be in \[0, 1\], but 1 of 2"),
        ([0, 1], [0.5, np.nan], r"y_prob must be known for every customer, but 1 of 2 are NaN"),
        (["No", "Yes"], [0.5, 0.5], "y_true == 'No'"),
        ([0, 1], [0.5], "inconsistent numbers of samples"),
    ],
)
@pytest.mark.parametrize("metric", EVERY)
def test_what_is_no_probability_is_refused(metric, y, p, message):
    with pytest.raises(ValueError, match=message):
        metric(y, p)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_bins": 0}, "n_bins must be a whole number >= 1. Got 0"),
        ({"n_bins": 2.5}, "n_bins must be a whole number >= 1. Got 2.5"),
        ({"level": 1.0}, r"level must be in \(0, 1\). Got 1.0"),
        ({"n_resamples": 0}, "n_resamples must be >= 1. Got 0"),
    ],
)
def test_parameters_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        calibration_interval([0, 1], [0.5, 0.5], **options)
    with pytest.raises(ValueError, match=message):
        calibration_by_chance([0.5, 0.5], **options)
