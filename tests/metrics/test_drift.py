"""The stability index against hand counts, its distribution without drift, and odd columns."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import chi2

from crm_analytics.metrics import population_stability


def test_index_of_two_categories_by_hand():
    found = population_stability(["a"] * 60 + ["b"] * 40, ["a"] * 30 + ["b"] * 70)
    e, a = np.array([60.5, 40.5]) / 101, np.array([30.5, 70.5]) / 101
    assert_allclose(found.psi, ((a - e) * np.log(a / e)).sum())
    assert_allclose(found.expected_by_chance, 1 / 100 + 1 / 100)
    assert_allclose(found.critical, 0.02 * 3.8414588)  # 95 % of chi-squared with 1 degree of freedom
    assert found.n_bins == 2
    assert found.drifted


def test_numbers_are_cut_at_deciles_of_the_expected():
    moved = population_stability(
        np.arange(1000), np.concatenate([np.arange(0, 100).repeat(2), np.arange(200, 1000)])
    )
    e, a = np.full(10, 100.5) / 1005, np.array([200.5, 0.5] + [100.5] * 8) / 1005
    assert_allclose(moved.psi, ((a - e) * np.log(a / e)).sum())


def test_equal_samples_do_not_differ():
    values = np.random.default_rng(1).normal(size=999)
    assert population_stability(values, values[::-1])[::3] == (0.0, 10)


@pytest.mark.parametrize(
    ("draw", "n_bins"),
    [
        (lambda rng, n: rng.normal(size=n), 10),
        (lambda rng, n: rng.exponential(size=n), 5),
        (lambda rng, n: rng.poisson(0.7, size=n), 10),
        (lambda rng, n: np.where(rng.random(n) < 0.6, 0.0, rng.gamma(2, size=n)), 10),
        (lambda rng, n: np.where(rng.random(n) < 0.2, np.nan, rng.gamma(2, size=n)), 10),
        (lambda rng, n: rng.choice(list("abcdefgh"), size=n, p=np.arange(8, 0, -1) / 36), 10),
        (lambda rng, n: rng.zipf(1.7, size=n).astype(str), 10),
    ],
    ids=["normal", "skewed", "counts", "many zeros", "missing", "categories", "rare categories"],
)
def test_without_drift_the_index_is_distributed_as_stated(draw, n_bins):
    rng = np.random.default_rng(2)
    runs = 300
    found = [population_stability(draw(rng, 700), draw(rng, 1500), n_bins=n_bins) for _ in range(runs)]
    alarms = np.mean([one.drifted for one in found])
    assert 0.02 <= alarms <= 0.09  # .05 stated; 3 standard errors either way
    ratio = np.mean([one.psi for one in found]) / np.mean([one.expected_by_chance for one in found])
    assert ratio == pytest.approx(1, abs=0.1)


def test_fixed_rule_of_a_tenth_misleads_at_both_ends():
    rng = np.random.default_rng(3)
    small = [population_stability(rng.normal(size=100), rng.normal(size=100)) for _ in range(50)]
    assert np.mean([one.psi > 0.1 for one in small]) > 0.7  # nothing has changed
    assert np.mean([one.drifted for one in small]) < 0.2
    large = population_stability(rng.normal(size=100_000), rng.normal(0.1, size=100_000))
    assert large.psi < 0.1
    assert large.drifted


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(0, 5) | st.none(), min_size=1, max_size=30),
    st.lists(st.integers(0, 5) | st.none(), min_size=1, max_size=30),
    st.integers(2, 8),
    st.randoms(use_true_random=False),
)
def test_row_order_does_not_matter_and_the_index_is_never_negative(before, after, n_bins, random):
    found = population_stability(before, after, n_bins=n_bins)
    assert found == population_stability(random.sample(before, len(before)), after, n_bins=n_bins)
    assert found.psi >= 0
    assert found.critical >= 0
    moved = (
        [None if v is None else v * 7.0 - 3 for v in before],
        [None if v is None else v * 7.0 - 3 for v in after],
    )
    assert found == population_stability(*moved, n_bins=n_bins)  # any unit


def test_missing_values_are_a_bin_of_their_own():
    values = np.arange(1000.0)
    gaps = np.where(values % 5 == 0, np.nan, values)
    found = population_stability(values, gaps)
    assert found.n_bins == 11
    assert found.drifted
    words = np.array(["a", "b"] * 500, dtype=object)
    assert population_stability(words, np.where(values % 5 == 0, None, words)).n_bins == 3


def test_rare_categories_share_a_bin_and_missing_values_keep_theirs():
    common, rare = ["a"] * 500, ["b"] * 3 + ["c"] * 4
    assert population_stability(common + rare, common).n_bins == 2
    assert population_stability(common + rare, [*common, *rare, None]).n_bins == 3
    assert population_stability(common + rare, common + rare + rare).n_bins == 3  # c is seen 12 times


@pytest.mark.parametrize("now", [3.0, 7.0])
def test_a_constant_that_becomes_another_has_drifted(now):
    found = population_stability(np.full(100, 5.0), np.full(100, now))
    assert found.n_bins == 2
    assert found.drifted
    assert population_stability([5.0] * 100, [5.0] * 80) == (0.0, 0.0, 0.0, 1)


def test_a_new_category_is_drift():
    assert population_stability(["a"] * 500, ["a"] * 400 + ["new"] * 100).drifted


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([True, False] * 50),
        pd.Series(["x", "y"] * 50, dtype="category"),
        pd.array([1, None] * 50, dtype="Int64"),
        pd.Series([1.0, None] * 50, dtype=object),
        pd.date_range("2024-01-01", periods=100),
        pd.date_range("2024-01-01", periods=100, tz="UTC"),
        [dt.date(2024, 1, 1), dt.date(2024, 1, 2)] * 50,
        [None] * 100,
        [np.inf, -np.inf, 0.0, np.nan] * 25,
        range(100),
        pd.Series(np.arange(100.0), index=np.arange(100) % 7),
    ],
    ids=lambda values: type(values).__name__,
)
def test_any_column_can_be_compared_with_itself(values):
    assert population_stability(values, values).psi == 0


def test_a_column_never_filled_before_is_drift():
    assert population_stability([None] * 100, [1.0, 2.0] * 50).drifted
    assert population_stability([1.0, 2.0] * 50, [np.nan] * 100).drifted
    assert population_stability(["a", "b"] * 50, [None] * 100).drifted


def test_level_moves_only_the_critical_value():
    rng = np.random.default_rng(4)
    before, after = rng.normal(size=500), rng.normal(size=250)
    loose, strict = (population_stability(before, after, level=level) for level in (0.5, 0.999))
    assert loose.psi == strict.psi
    assert_allclose([loose.critical, strict.critical], 0.006 * chi2.ppf([0.5, 0.999], 9))


@pytest.mark.parametrize(
    ("before", "after", "options", "message"),
    [
        ([], [1], {}, "expected must hold at least one customer"),
        ([1], [], {}, "actual must hold at least one customer"),
        ([1, 2], ["a", "b"], {}, "both be numbers, both dates or both categories. Got int64 and"),
        ([1, 2], pd.date_range("2024-01-01", periods=2), {}, "Got int64 and datetime64"),
        ([1], [1], {"n_bins": 1}, "n_bins must be a whole number >= 2. Got 1"),
        ([1], [1], {"level": 0}, r"level must be in \(0, 1\). Got 0"),
    ],
)
def test_what_cannot_be_compared_is_refused(before, after, options, message):
    with pytest.raises(ValueError, match=message):
        population_stability(before, after, **options)
