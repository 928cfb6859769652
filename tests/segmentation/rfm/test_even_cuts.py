"""Cut points against every way to cut, and by what they promise of ties, order and scale."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from crm_analytics.segmentation.rfm.even_cuts import even_cuts

FEW = settings(max_examples=60, deadline=None)  # the first call compiles


def scores_of(values, n_bins):
    return 1 + np.searchsorted(even_cuts(values, n_bins), values, side="right")


def sizes(values, n_bins):
    return np.bincount(scores_of(values, n_bins), minlength=n_bins + 1)[1:]


def test_without_ties_the_groups_are_equal():
    assert sizes(np.random.default_rng(1).random(1000), 5).tolist() == [200] * 5
    assert sorted(sizes(np.arange(1003.0), 5).tolist()) == [200, 200, 201, 201, 201]


def test_half_of_the_customers_in_a_tie_leave_the_other_scores_to_the_rest():
    purchases = np.repeat([1.0, *range(2, 42)], [400, *[10] * 40])
    assert sizes(purchases, 5).tolist() == [400, 100, 100, 100, 100]
    assert sizes(-purchases, 5).tolist() == [100, 100, 100, 100, 400]


@FEW
@given(
    counts=st.lists(st.integers(1, 9), min_size=2, max_size=9),
    n_bins=st.integers(2, 5),
    seed=st.integers(0, 99),
)
def test_no_other_cuts_put_fewer_pairs_of_customers_together(counts, n_bins, seed):
    if len(counts) < n_bins:
        return
    distinct = np.sort(np.random.default_rng(seed).choice(1000, len(counts), replace=False) / 8)
    found = even_cuts(np.repeat(distinct, counts), n_bins)
    ends = [0, *np.cumsum(counts)]

    def pairs(cuts):
        bounds = [ends[place] for place in (0, *cuts, len(counts))]
        return sum((b - a) ** 2 for a, b in pairwise(bounds))

    every = list(combinations(range(1, len(counts)), n_bins - 1))  # the lowest cuts first
    assert_array_equal(found, distinct[list(min(every, key=pairs))])


@FEW
@given(
    values=st.lists(st.sampled_from([-1.0, -0.0, 0.0, 1.0, 2.5, 3.0, 7.0, 1e9]), min_size=1),
    n_bins=st.integers(2, 9),
)
def test_cuts_do_not_depend_on_the_order_of_customers_to_the_last_bit(values, n_bins):
    right = even_cuts(np.array(values), n_bins)
    shuffled = np.random.default_rng(3).permutation(values)
    assert even_cuts(shuffled, n_bins).tobytes() == right.tobytes()
    assert (right[1:] >= right[:-1]).all()


@FEW
@given(values=st.lists(st.integers(0, 30), min_size=1, max_size=60), n_bins=st.integers(2, 9))
def test_the_scale_is_kept_and_used_whole_where_there_are_values_enough(values, n_bins):
    values = np.array(values, dtype=float)
    scores = scores_of(values, n_bins)
    n_distinct = np.unique(values).size
    assert np.unique(scores).size == min(n_distinct, n_bins)  # no two values are thrown together in vain
    if n_distinct > 1:
        assert (scores.min(), scores.max()) == (1, n_bins)
    assert (np.diff(scores[np.argsort(values)]) >= 0).all()


@pytest.mark.parametrize(
    ("distinct", "scores"), [(1, [3]), (2, [1, 5]), (3, [1, 3, 5]), (4, [1, 2, 4, 5]), (5, [1, 2, 3, 4, 5])]
)
def test_few_values_are_spread_over_the_scale(distinct, scores):
    assert scores_of(np.arange(float(distinct)), 5).tolist() == scores


def test_a_single_value_says_nothing_of_others():
    cuts = even_cuts(np.full(9, 4.0), 5)
    assert cuts.tolist() == [-np.inf, -np.inf, np.inf, np.inf]
