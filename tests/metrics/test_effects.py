"""Effect sizes against published values, their definitions pair by pair, and scipy's tests."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import chi2_contingency, fisher_exact, mannwhitneyu

from crm_analytics.metrics import cliffs_delta, cohens_h
from crm_analytics.metrics.effects import delta_of_h, group_effects, share_chances


def pairwise(inside, elsewhere):
    """By definition: every pair."""
    return np.sign(np.subtract.outer(np.asarray(inside, float), np.asarray(elsewhere, float))).mean()


def test_cohens_h_is_that_of_his_table_of_angles():
    # Cohen (1988), table 6.2.2: the angle of .10 is .644, of .50 1.571, of .90 2.498.
    assert_allclose(cohens_h([0.5, 0.9, 0.1], [0.1, 0.5, 0.9]), [0.927, 0.927, -1.854], atol=0.001)


def test_small_medium_and_large_agree_between_the_two_scales():
    # Vargha & Delaney (2000) give .11, .28, .43 for what Cohen calls .2, .5, .8.
    assert_allclose(delta_of_h([0.2, 0.5, 0.8]), [0.11, 0.28, 0.43], atol=0.005)


def test_delta_of_two_normal_samples_is_the_one_of_their_distance():
    rng = np.random.default_rng(3)
    found = cliffs_delta(rng.normal(0.5, 1, 20_000), rng.normal(0, 1, 20_000))
    assert_allclose(found, delta_of_h(0.5), atol=0.015)  # two and a half standard errors


def test_delta_of_yes_and_no_is_the_difference_of_shares():
    assert_allclose(cliffs_delta([1] * 7 + [0] * 3, [1] * 2 + [0] * 8), 0.7 - 0.2)


def test_delta_knows_its_ends():
    assert cliffs_delta([3, 4], [1, 2]) == 1
    assert cliffs_delta([1], [2, 3]) == -1
    assert cliffs_delta([2, 2], [2]) == 0


@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=12), st.lists(st.integers(0, 6), min_size=1, max_size=12)
)
@settings(max_examples=40)
def test_delta_is_its_definition_and_turns_with_its_sides(inside, elsewhere):
    assert_allclose(cliffs_delta(inside, elsewhere), pairwise(inside, elsewhere), atol=1e-12)
    assert_allclose(cliffs_delta(elsewhere, inside), -cliffs_delta(inside, elsewhere))


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.one_of(st.just(np.nan), st.integers(0, 5).map(float))),
        min_size=4,
        max_size=40,
    )
)
@settings(max_examples=60)
def test_one_ranking_gives_what_each_group_alone_would(rows):
    groups, values = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    found = group_effects(values, groups, 3)
    known = ~np.isnan(values)
    for group in range(3):
        inside, others = values[known & (groups == group)], values[known & (groups != group)]
        assert found.known[group] == inside.size
        for own, mean, median in [
            (inside, found.mean[group], found.median[group]),
            (others, found.mean_elsewhere[group], found.median_elsewhere[group]),
        ]:
            assert_allclose([mean, median], [own.mean(), np.median(own)] if own.size else [np.nan] * 2)
        if inside.size and others.size and np.unique(values[known]).size > 1:
            test = mannwhitneyu(inside, others, method="asymptotic", use_continuity=False)
            assert_allclose(found.effect[group], pairwise(inside, others), atol=1e-12)
            assert_allclose(found.p[group], test.pvalue, atol=1e-12)
        else:
            assert np.isnan([found.effect[group], found.p[group]]).all()


def test_groups_do_not_depend_on_the_order_of_the_rows():
    rng = np.random.default_rng(5)
    values, groups = rng.lognormal(sigma=3, size=500).round(1), rng.integers(0, 4, 500)
    shuffled = rng.permutation(500)
    for one, other in zip(
        group_effects(values, groups, 4), group_effects(values[shuffled], groups[shuffled], 4), strict=True
    ):
        assert_array_equal(one, other)  # bit for bit


def test_chances_of_many_are_those_of_the_chi_squared_test():
    cells = np.array([[300, 700], [500, 900]])
    expected = chi2_contingency(cells, correction=False).pvalue
    assert_allclose(share_chances(300, 1000, 500, 1400), expected)


@pytest.mark.parametrize("cells", [(8, 2, 2, 8), (0, 5, 4, 90), (3, 0, 1, 40)])
def test_chances_of_few_are_counted_exactly(cells):
    a, n_a, b, n_b = cells[0], cells[0] + cells[1], cells[2], cells[2] + cells[3]
    table = [[cells[0], cells[1]], [cells[2], cells[3]]]
    tails = [fisher_exact(table, alternative=side).pvalue for side in ("less", "greater")]
    assert_allclose(share_chances(a, n_a, b, n_b), min(1, 2 * min(tails)))


def test_what_nobody_or_everybody_is_has_no_chance():
    assert np.isnan(share_chances([0, 5, 0], [5, 5, 0], [0, 9, 3], [9, 9, 9])).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cliffs_delta([], [1]), "both groups need a value. Got 0 and 1"),
        (lambda: cliffs_delta([1, np.nan], [1]), "1 of 3 are not"),
        (lambda: cohens_h(1.2, 0.5), r"must be in \[0, 1\]"),
    ],
)
def test_impossible_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
