"""Metrics of recommended lists against hands, scikit-learn, and their own algebra."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.metrics import ndcg_score

from crm_analytics.metrics.bootstrap import bootstrap_interval, paired_difference
from crm_analytics.metrics.recommendation import (
    average_precision_at,
    catalogue_coverage,
    hit_rate_at,
    ndcg_at,
    novelty,
    precision_at,
    recall_at,
    reciprocal_rank_at,
    recommendation_hits,
)

METRICS = [recall_at, precision_at, hit_rate_at, ndcg_at, average_precision_at, reciprocal_rank_at]

# Three customers: hits in places 1 and 3; in none; nothing relevant.
RECOMMENDED = [[4, 0, 2, 9], [1, 3, -1, -1], [5, 6, 7, 8]]
RELEVANT = [{4, 2, 7}, {8}, set()]
BY_HAND = {
    recall_at: 2 / 3,
    precision_at: 2 / 4,
    hit_rate_at: 1.0,
    ndcg_at: (1 + 1 / 2) / (1 + 1 / np.log2(3) + 1 / 2),
    average_precision_at: (1 + 2 / 3) / 3,
    reciprocal_rank_at: 1.0,
}

lists = st.lists(
    st.tuples(
        st.lists(st.integers(0, 12), min_size=4, max_size=4, unique=True),
        st.sets(st.integers(0, 12), max_size=6),
    ),
    min_size=1,
    max_size=8,
)


@pytest.mark.parametrize("metric", METRICS)
def test_metrics_are_what_hands_compute(metric):
    found = metric(*recommendation_hits(RECOMMENDED, RELEVANT))
    assert_allclose(found, [BY_HAND[metric], 0, np.nan])


def test_fewer_places_count_only_the_first():
    hits, n = recommendation_hits(RECOMMENDED, RELEVANT)
    assert_allclose(recall_at(hits, n, k=2)[0], 1 / 3)
    assert_allclose(precision_at(hits, n, k=2)[0], 1 / 2)
    assert_allclose(average_precision_at(hits, n, k=2)[0], 1 / 2)  # the divisor is min(2, 3)
    assert_allclose(precision_at(hits, n, k=8)[0], 2 / 8)  # places that were not filled are misses


@given(lists)
@settings(max_examples=40)
def test_hits_are_those_of_sets(rows):
    recommended = np.array([codes for codes, _ in rows])
    hits, n = recommendation_hits(recommended, [items for _, items in rows])
    assert_array_equal(hits, [[code in items for code in codes] for codes, items in rows])
    assert_array_equal(n, [len(items) for _, items in rows])


@given(lists)
@settings(max_examples=40)
def test_ndcg_is_that_of_scikit_learn(rows):
    truth = np.array([[item in items for item in range(13)] for _, items in rows], dtype=float)
    score = np.zeros((len(rows), 13))
    for row, (codes, _) in enumerate(rows):
        score[row, codes] = [4, 3, 2, 1]
    found = ndcg_at(
        *recommendation_hits(np.array([codes for codes, _ in rows]), [items for _, items in rows])
    )
    for row in np.flatnonzero(~np.isnan(found)):
        right = ndcg_score(truth[[row]], score[[row]], k=4, ignore_ties=True)
        assert_allclose(found[row], right, atol=1e-12)


@given(lists)
@settings(max_examples=40)
def test_metrics_lie_between_none_and_all_and_a_better_list_is_never_worse(rows):
    recommended = np.array([codes for codes, _ in rows])
    hits, n = recommendation_hits(recommended, [items for _, items in rows])
    sorted_hits = -np.sort(-hits.astype(int), axis=1)  # the same items, the right ones first
    for metric in METRICS:
        found, better = metric(hits, n), metric(sorted_hits, n)
        assert_array_equal(np.isnan(found), n == 0)
        seen = n > 0
        assert (found[seen] >= 0).all()
        assert (better[seen] <= 1 + 1e-12).all()
        assert (found[seen] <= better[seen] + 1e-12).all()


def test_the_best_list_reaches_1_even_if_more_is_relevant_than_there_are_places():
    hits, n = recommendation_hits([[0, 1]], [range(9)])
    for metric in (precision_at, hit_rate_at, ndcg_at, average_precision_at, reciprocal_rank_at):
        assert metric(hits, n) == 1
    assert_allclose(recall_at(hits, n), 2 / 9)


def test_relevant_items_may_come_as_sparse_rows_with_repeats():
    rows = sparse.csr_array(np.array([[0, 1, 0], [1, 0, 1]]))
    assert_array_equal(recommendation_hits([[0, 1], [0, 1]], rows)[0], [[False, True], [True, False]])
    hits, n = recommendation_hits([[3, 1]], [[1, 1, 1]])
    assert (hits.tolist(), n.tolist()) == ([[False, True]], [1])


def test_nothing_relevant_to_anyone_is_undefined_for_all():
    hits, n = recommendation_hits(np.array([[1, 2]]), [[]])
    assert np.isnan([metric(hits, n)[0] for metric in METRICS]).all()
    assert np.isnan(bootstrap_interval(recall_at(hits, n))).all()


def test_coverage_and_novelty():
    assert catalogue_coverage(RECOMMENDED, 10) == 1.0
    assert catalogue_coverage(RECOMMENDED[:1], 10) == 0.4
    assert_allclose(novelty([[0, 1], [1, -1], [-1, -1]], [1.0, 0.25]), [1.0, 2.0, np.nan])


def test_interval_covers_the_true_mean_as_often_as_it_says():
    rng = np.random.default_rng(2)
    samples = rng.beta(1, 4, size=(150, 400))  # 400 experiments, a column each
    found = bootstrap_interval(samples, level=0.9, n_resamples=400, random_state=3)
    covered = np.mean((found.lower <= 0.2) & (found.upper >= 0.2))
    assert 0.85 < covered < 0.95  # .9 give or take three standard errors of 400


def test_paired_difference_is_narrower_than_the_two_apart():
    rng = np.random.default_rng(4)
    ease = rng.random(500)
    one, two = ease + rng.normal(0.05, 0.05, 500), ease + rng.normal(0, 0.05, 500)
    found = paired_difference(one, two, random_state=1)
    apart = bootstrap_interval(one, random_state=1)
    assert 0.04 < found.lower < found.mean < found.upper < 0.06
    assert found.upper - found.lower < (apart.upper - apart.lower) / 2


def test_the_same_seed_gives_the_same_interval_and_columns_stand_alone():
    values = np.random.default_rng(1).random((40, 3))
    values[5, 1] = np.nan
    found = bootstrap_interval(values, random_state=9)
    for column in range(3):
        assert_allclose(bootstrap_interval(values[:, column], random_state=9), [end[column] for end in found])
    kept = np.delete(values[:, 1], 5)
    assert_allclose(found.mean[1], kept.mean())


@pytest.mark.parametrize(
    ("recommended", "relevant", "message"),
    [
        ([[1, 1]], [[2]], r"must not repeat an item, but does for 1 of 1 customers \(first at row 0\)"),
        ([1, 2], [[2]], r"of shape \(n_customers, k\)\. Got"),
        ([[1.5]], [[2]], r"whole numbers .* Got float64"),
        ([[1], [2]], [[2]], "as many customers. Got 2 and 1 instead"),
        ([[-2]], [[2]], "item codes must be >= 0"),
        ([[2]], [[-1]], "item codes must be >= 0"),
    ],
)
def test_impossible_lists_are_refused(recommended, relevant, message):
    with pytest.raises(ValueError, match=message):
        recommendation_hits(recommended, relevant)


def test_other_impossible_values_are_refused():
    with pytest.raises(ValueError, match=r"k must be >= 1\. Got 0"):
        recall_at([[True]], [1], k=0)
    with pytest.raises(ValueError, match=r"Got \(1, 1\) and \(2,\) instead"):
        recall_at([[True]], [1, 2])
    with pytest.raises(ValueError, match=r"popularity .* in \(0, 1\]"):
        novelty([[0]], [0.0])
    with pytest.raises(ValueError, match=r"popularity must reach to code 3\. Got 2"):
        novelty([[3]], [0.5, 0.5])
    with pytest.raises(ValueError, match=r"codes below n_items = 2\. Got 3"):
        catalogue_coverage([[3]], 2)
    with pytest.raises(ValueError, match=r"level must be in \(0, 1\)"):
        bootstrap_interval([1.0], level=95)
    with pytest.raises(ValueError, match="n_resamples must be >= 1"):
        bootstrap_interval([1.0], n_resamples=0)
    with pytest.raises(ValueError, match=r"one shape\. Got \(1,\) and \(2,\)"):
        paired_difference([1.0], [1.0, 2.0])
