"""Quantiles of customers' values against customers drawn by brute force from the same posterior."""

import numpy as np
import pandas as pd
import pytest

from crm_analytics.clv import BetaGeoModel, GammaGammaModel
from crm_analytics.clv.inference.customers import Customers
from crm_analytics.clv.inference.value_interval import value_quantiles

R, ALPHA, A, B = 0.8, 6.0, 0.8, 2.4
P, Q, V = 6.25, 3.74, 15.44


def drawn(x, t_x, T, z, t, n, rng):
    """Spend in the next `t` of one customer, `n` times."""
    model = BetaGeoModel.from_parameters({"r": R, "alpha": ALPHA, "a": A, "b": B})
    alive = model.probability_alive(pd.DataFrame({"frequency": [x], "recency": [t_x], "T": [T]})).item()
    bought = rng.poisson(t * rng.gamma(R + x, 1 / (ALPHA + T), n))
    last = rng.geometric(np.maximum(rng.beta(A, B + x, n), 1e-12))
    count = np.where(rng.random(n) < alive, np.minimum(bought, last), 0)
    nu = rng.gamma(P * x + Q, 1 / (V + x * z), n)
    return np.where(count > 0, rng.gamma(np.maximum(P * count, 1e-9)) / nu, 0.0)


@pytest.mark.parametrize(
    ("x", "t_x", "T", "z"), [(0, 0.0, 30.0, 0.0), (2, 20.0, 30.0, 22.0), (15, 29.0, 30.0, 60.0)]
)
def test_quantiles_and_variance_are_those_of_customers_drawn(x, t_x, T, z):
    model = BetaGeoModel.from_parameters({"r": R, "alpha": ALPHA, "a": A, "b": B})
    spend = GammaGammaModel.from_parameters({"p": P, "q": Q, "v": V})
    values = 0.3 * drawn(x, t_x, T, z, 26.0, 100_000, np.random.default_rng(1))
    customers, factor = Customers.of([x], [t_x], [T]), np.array([0.3])
    levels = (0.6, 0.95)
    bounds, variance = value_quantiles(model, customers, spend, np.array([z]), factor, 26.0, levels)
    for level, bound in zip(levels, bounds[:, 0], strict=True):
        # 256 points resolve 1/256 of the cases; quasi-random ones err by a few of these.
        below, at_most = (values < bound).mean(), (values <= bound).mean()
        assert below - 0.02 <= level <= at_most + 0.02
    assert variance[0] == pytest.approx(values.var(), rel=0.25)  # the far tail has few of the points
