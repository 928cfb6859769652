"""The change point's mathematics against sums over all orders, urns drawn from by hand, and its own algebra."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from crm_analytics.profiling.questions.change_point import (
    NOT_MOVED,
    SLIP,
    log_bayes_factor,
    log_change_factors,
    log_factors_of_orders,
    log_marginal,
    log_order_factor,
    log_switch_factors,
    sticky_orders,
    worth_asking,
    wrong_sides,
)

ALPHA, TOTAL = np.array([0.5, 0.3, 0.9]), 2.0  # .3 of it lies on options that are never chosen here


def urn(row, alpha=ALPHA, total=TOTAL):
    """Probability of a row, one draw from Polya's urn after the other."""
    seen, chance = np.zeros(len(alpha)), 1.0
    for chosen in row:
        chance *= (alpha[chosen] + seen[chosen]) / (total + seen.sum())
        seen[chosen] += 1
    return chance


def choices(row, k=3):
    return np.eye(k)[np.asarray(row, dtype=int)]


@given(st.lists(st.integers(0, 2), max_size=12))
@settings(max_examples=40, deadline=None)
def test_marginal_is_the_product_of_draws_from_an_urn(row):
    counts = choices(row).sum(axis=0) if row else np.zeros(3)
    assert_allclose(np.exp(log_marginal(counts, ALPHA, TOTAL)), urn(row), rtol=1e-9)


@given(st.lists(st.integers(0, 2), min_size=6, max_size=14))
@settings(max_examples=40, deadline=None)
def test_factor_of_a_place_is_two_urns_against_one(row):
    found = log_change_factors(choices(row), ALPHA, TOTAL)
    for t in range(1, len(row)):
        if min(t, len(row) - t) < 3:
            assert found[t - 1] == -np.inf
        else:
            right = urn(row[:t]) * urn(row[t:]) / urn(row)
            assert_allclose(found[t - 1], np.log(right), atol=1e-9)


def test_a_bayes_factor_is_at_least_so_much_at_most_one_time_in_so_many_without_a_change():
    rng = np.random.default_rng(1)
    above, n = 0, 2000
    for shares in rng.dirichlet([0.6, 0.6, 0.8], n):
        row = choices(rng.choice(3, 20, p=shares))
        factors = log_switch_factors(row, np.array([0.6, 0.6, 0.8]), 2.0, least_moved=0.3)
        above += log_bayes_factor(factors) >= np.log(10)
    assert above <= 0.1 * n  # Ville; in truth far fewer
    assert above > 0


@given(st.integers(0, 2**31), st.integers(6, 20), st.floats(1, 3))
@settings(max_examples=30, deadline=None)
def test_orders_are_weighed_as_one_order_is(seed, n, inflation):
    rng = np.random.default_rng(seed)
    row = choices(rng.integers(0, 3, n))
    row[0] = [0.5, 0.5, 0]
    orders = np.stack([rng.permutation(n) for _ in range(4)])
    found = log_factors_of_orders(row, orders, ALPHA, TOTAL, inflation=inflation, least_moved=0.3)
    for order, one in zip(orders, found, strict=True):
        right = log_switch_factors(row[order], ALPHA, TOTAL, inflation=inflation, least_moved=0.3)
        assert_allclose(one, log_bayes_factor(right), atol=1e-9)


def test_places_where_little_moved_do_not_count():
    row = choices([0, 1] * 6)
    assert (log_switch_factors(row, ALPHA, TOTAL, least_moved=0.5)[2:-2] <= NOT_MOVED).all()
    clean = log_switch_factors(choices([0] * 6 + [1] * 6), ALPHA, TOTAL, least_moved=0.5)
    assert np.argmax(clean) == 5
    assert clean[5] > 3


@pytest.mark.parametrize("n", [2, 5, 8])
def test_order_factor_is_a_bayes_factor_whose_mean_under_its_null_is_one(n):
    mean = 0.0
    for order in itertools.product([False, True], repeat=n):
        label = np.array(order)
        wrong = [label[:t].sum() + (~label[t:]).sum() for t in range(n + 1)]
        orders = math.comb(n, label.sum())
        factor = np.exp(log_order_factor(label))
        assert_allclose(factor, orders * sum(SLIP**w * (1 - SLIP) ** (n - w) for w in wrong), rtol=1e-9)
        assert wrong_sides(label).tolist() == wrong
        # Under the null every share of the two labels is alike, so every number of True is.
        mean += factor / orders / (n + 1)
    assert_allclose(mean, 1)


def test_one_slip_costs_less_than_mixture():
    clean = np.repeat([False, True], [7, 7])
    slipped, mixed = clean.copy(), np.arange(14) % 2 == 1
    slipped[[6, 12]] = slipped[[12, 6]]
    factors = [log_order_factor(label) for label in (clean, slipped, mixed)]
    assert factors[0] > factors[1] > 2 > 0 > factors[2]


def test_sticky_orders_agree_as_often_as_their_inflation_says():
    rng = np.random.default_rng(2)
    label = np.arange(40) % 4
    drawn = label[sticky_orders(40, 2.0, 4000, rng)]  # (1 + ρ) / (1 - ρ) = 2: ρ = 1/3
    same = (drawn[:, 1:] == drawn[:, :-1]).mean()
    by_chance = 9 / 39
    assert_allclose((same - by_chance) / (1 - by_chance), 1 / 3, atol=0.02)
    plain = sticky_orders(40, 1.0, 5, rng)
    assert (np.sort(plain, axis=1) == np.arange(40)).all()


def test_questions_are_asked_as_long_as_the_weakest_can_still_pass():
    assert worth_asking(np.array([]), 0.25).tolist() == []
    assert worth_asking(np.log([3.0]), 0.25).tolist() == [False]
    asked = worth_asking(np.log([100.0, 13.0, 11.9, 5.0]), 0.25)
    assert asked.tolist() == [True, True, False, False]
