"""Interpolation in age against the answers themselves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from crm_analytics.clv import BetaGeoModel, ParetoNBDModel
from crm_analytics.clv.inference.customers import Customers
from crm_analytics.clv.inference.interpolation import smooth_in_age
from crm_analytics.datasets import make_purchases

POSITIVE = st.floats(0.02, 30)


@settings(max_examples=40)
@given(
    params=st.tuples(POSITIVE, POSITIVE, POSITIVE, POSITIVE), t=st.floats(0.05, 200), seed=st.integers(0, 99)
)
def test_interpolated_expectations_are_those_asked_one_by_one(params, t, seed):
    rng = np.random.default_rng(seed)
    x, T = rng.integers(0, 90, 200).astype(float), rng.uniform(0, 100, 200)
    theta = np.array([params])

    def answer(x, T):
        return BetaGeoModel()._moments(t, Customers.of(x, 0.0, T), theta)

    found = smooth_in_age(x, T, params[1], answer)
    # 26 nodes to an octave leave about 1e-13; the moments themselves are good to about 1e-12.
    assert_allclose(found, answer(x, T), rtol=1e-10)


@pytest.mark.parametrize("model", [BetaGeoModel(), ParetoNBDModel()], ids=lambda model: type(model).__name__)
def test_a_large_table_without_ticks_is_answered_as_a_small_one(model):
    table = make_purchases(80_000, random_state=1).summary()
    model.fit(table.head(3000))
    some = table.iloc[::400]  # of so few all are asked one by one
    for ask in (
        lambda X: model.predict(X, horizon=26),
        lambda X: model.discounted_purchases(X, horizon=26, rate=0.002),
        lambda X: model.probability_no_purchase(X, horizon=26),
    ):
        assert_allclose(ask(table)[::400], ask(some), rtol=1e-11)


def test_panels_do_not_depend_on_who_is_in_the_table():
    T = np.random.default_rng(1).uniform(0, 80, 300)

    def answer(x, T):
        return np.log1p(x) / (3 + T)

    whole = smooth_in_age(np.full(300, 2.0), T, 3.0, answer)
    assert_array_equal(whole[:7], smooth_in_age(np.full(7, 2.0), T[:7], 3.0, answer))


def test_frequencies_that_vary_too_fast_are_asked_one_by_one():
    x, T = np.array([3.0, 65.0, 5000.0]), np.array([1.0, 2.0, 3.0])
    asked = []

    def answer(x, T):
        asked.append((x, T))
        return 1 / (1 + T)

    assert_allclose(smooth_in_age(x, T, 1.0, answer), [0.5, 1 / 3, 0.25], rtol=1e-12)
    assert_array_equal(asked[1][0], [65.0, 5000.0])
