"""Agreement of groupings against scikit-learn, worked examples, and its own algebra."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import adjusted_rand_score

from crm_analytics.metrics.clusters import adjusted_rand_index, cross_counts, explained_share, recovery

LABELS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40)


@settings(max_examples=60, deadline=None)
@given(pairs=LABELS)
def test_adjusted_rand_index_is_that_of_scikit_learn(pairs):
    first, second = np.array(pairs).T
    assert_allclose(adjusted_rand_index(first, second), adjusted_rand_score(first, second), atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(pairs=LABELS)
def test_what_labels_are_called_does_not_matter(pairs):
    first, second = np.array(pairs).T
    words = np.array(["north", "east", "south", "west", "sea"])
    assert adjusted_rand_index(words[first], second) == pytest.approx(adjusted_rand_index(first, second))
    assert adjusted_rand_index(first - 10, second * 1000) == adjusted_rand_index(first, second)


def test_a_group_that_falls_in_halves_is_recovered_by_half():
    assert_array_equal(recovery([1, 1, 1, 1, 2, 2], [1, 1, 3, 3, 2, 2]), [0.5, 1.0])


def test_cross_counts_are_in_the_order_of_the_labels():
    assert_array_equal(cross_counts([9, 9, 4], ["b", "a", "a"]), [[1, 0], [1, 1]])


def test_nobody_cannot_be_compared():
    with pytest.raises(ValueError, match="at least one customer"):
        adjusted_rand_index([], [])


def test_groups_that_say_nothing_explain_nothing_and_true_ones_their_share():
    rng = np.random.default_rng(0)
    label = rng.integers(0, 4, 20_000)
    y = label + rng.normal(size=label.size)  # variances 1.25 and 1
    halves = np.arange(label.size) % 2 == 0
    assert explained_share(y, label, held_out=halves) == pytest.approx(1.25 / 2.25, abs=0.02)
    assert explained_share(y, rng.permutation(label), held_out=halves) == pytest.approx(0, abs=0.002)
    # A group for each customer fits the half it was learned on, and says nothing of the other.
    assert explained_share(y, np.arange(label.size), held_out=halves) == pytest.approx(0, abs=0.001)


def test_an_amount_that_does_not_vary_is_not_explained():
    assert np.isnan(explained_share([2.0, 2, 2], [1, 2, 1], held_out=[True, False, False]))
