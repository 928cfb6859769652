"""Equations (6), (10) and P(alive) of BG/NBD where their textbook forms overflow, against mpmath."""

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from crm_analytics.clv.beta_geo import expected_purchases, log_likelihood, probability_alive

# r, alpha, a, b
PARAMS = {
    "published": (0.243, 4.414, 0.793, 2.426),
    "a = 1": (0.243, 4.414, 1.0, 2.426),
    "a = 1 + 1e-9": (0.243, 4.414, 1 + 1e-9, 2.426),
    "a = 2": (0.25, 4.0, 2.0, 3.0),
    "a + b = 1": (0.25, 4.0, 0.3, 0.7),
    "a + b < 1": (0.25, 4.0, 0.2, 0.3),
    "a = 20": (0.25, 4.0, 20.0, 3.0),
    "a = b = 150": (0.25, 4.0, 150.0, 150.0),
    "b = 1e4": (1.8, 40.0, 0.01, 1e4),
    "b = 1e-5": (2.0, 4.0, 2.2, 1e-5),
    "a = 1e-5": (0.25, 4.0, 1e-5, 0.1),
    "r = 1e-5": (1e-5, 0.1, 0.8, 2.0),
    "r = 100": (100.0, 1000.0, 0.8, 2.4),
    "r = 1e5": (1e5, 1e6, 0.8, 2.4),
}

# frequency, recency, T
CUSTOMERS = {
    "never came back": (0, 0.0, 38.86),
    "joins now": (0, 0.0, 0.0),
    "the first of CDNOW": (2, 30.43, 38.86),
    "came today": (26, 31.0, 31.0),
    "140 times, came today": (140, 200.0, 200.0),
    "688 times": (688, 350.0, 365.0),
    "1500 times, then gone": (1500, 10.0, 38.5),
    "a minute after the first": (1, 1e-4, 38.0),
}

HORIZONS = [0.0, 1e-6, 1.0, 39.0, 520.0, 1e6, 1e12]

# Here hyp2f1 takes seconds, or errs in all its digits; the integral below answers instead.
BEYOND_MPMATH = {("b = 1e4", 520.0), ("b = 1e4", 1e6), ("r = 1e5", 1e6), ("r = 1e5", 1e12)}


def equation_10(t, x, t_x, T, r, alpha, a, b):
    """As printed, in so many digits that cancellation does not matter."""
    t, x, t_x, T, r, alpha, a, b = map(mp.mpf, (t, x, t_x, T, r, alpha, a, b))
    tiny = mp.mpf(10) ** -60
    a += tiny * (a == 1)  # where the printed form is 0 / 0, a point beside
    b += tiny * (a + b + x == 1)
    z = t / (alpha + T + t)
    first = (a + b + x - 1) / (a - 1)
    second = 1 - (1 - z) ** (r + x) * mp.hyp2f1(r + x, b + x, a + b + x - 1, z)
    return first * second * alive(x, t_x, T, r, alpha, a, b)


def alive(x, t_x, T, r, alpha, a, b):
    x, t_x, T, r, alpha, a, b = map(mp.mpf, (x, t_x, T, r, alpha, a, b))
    gone = a / (b + x - 1) * ((alpha + T) / (alpha + t_x)) ** (r + x) if x > 0 else 0
    return 1 / (1 + gone)


@pytest.mark.parametrize("name", PARAMS)
def test_equation_10_holds_for_extreme_customers(name):
    params = PARAMS[name]
    with mp.workdps(140 if name in ("a = 1", "a + b = 1") else 50):
        for customer in CUSTOMERS.values():
            for t in HORIZONS:
                if (name, t) in BEYOND_MPMATH:
                    continue
                found = expected_purchases(t, *customer, *params)
                # P(alive) raises a ratio to the power r + x, here up to 1e5 with rounding errors of 1e-16.
                assert_allclose(found, float(equation_10(t, *customer, *params)), rtol=1e-9, atol=1e-250)


def by_integral(t, x, t_x, T, r, alpha, a, b):
    """The same before it was written with a hypergeometric function."""
    ratio, s = mp.mpf(t) / (alpha + mp.mpf(T)), r + mp.mpf(x)

    def weighted(log_p):
        p = mp.exp(log_p)
        return p**a * (1 - p) ** (b + x - 1) * -mp.expm1(-s * mp.log1p(p * ratio)) / p

    points = [-8000, -2000, -500, -120, *range(-60, 1, 6)]
    return mp.quad(weighted, points) / mp.beta(a, b + x) * alive(x, t_x, T, r, alpha, a, b)


@pytest.mark.parametrize(("name", "t"), sorted(BEYOND_MPMATH))
def test_equation_10_holds_where_its_hypergeometric_function_is_out_of_reach(name, t):
    for customer in [(2, 30.43, 38.86), (140, 200.0, 200.0), (688, 350.0, 365.0)]:
        with mp.workdps(25):
            right = float(by_integral(t, *customer, *PARAMS[name]))
        assert_allclose(expected_purchases(t, *customer, *PARAMS[name]), right, rtol=1e-9)


@pytest.mark.parametrize("name", PARAMS)
def test_probability_alive_holds_for_extreme_customers(name):
    with mp.workdps(50):
        for customer in CUSTOMERS.values():
            found = probability_alive(*customer, *PARAMS[name])
            right = float(alive(*customer, *PARAMS[name]))
            # The same power as above; 0 where the chance is below 1e-250.
            assert_allclose(found, right, rtol=1e-9, atol=1e-250)


@pytest.mark.parametrize("name", PARAMS)
def test_equation_6_holds_for_extreme_customers(name):
    r, alpha, a, b = map(mp.mpf, PARAMS[name])
    with mp.workdps(50):
        for x, t_x, T in CUSTOMERS.values():
            common = alpha**r * mp.gamma(r + x) / mp.gamma(r)
            stays = mp.beta(a, b + x) / mp.beta(a, b) / (alpha + mp.mpf(T)) ** (r + x)
            left = mp.beta(a + 1, b + x - 1) / mp.beta(a, b) / (alpha + mp.mpf(t_x)) ** (r + x) if x else 0
            right = float(mp.log(common * (stays + left)))
            # Differences of log-gammas of up to 1e6 leave 1e-10 of the whole.
            assert log_likelihood(x, t_x, T, *PARAMS[name]) == pytest.approx(right, rel=1e-9, abs=1e-9)


FINITE = st.floats(1e-5, 1e5)


@given(
    params=st.tuples(FINITE, FINITE, FINITE, FINITE),
    x=st.integers(0, 300_000),
    t_x=st.floats(1e-9, 1),
    T=st.floats(1e-9, 1e5),
    t=st.floats(0, 1e300),
)
def test_nothing_is_ever_nan_infinite_or_negative(params, x, t_x, T, t):
    customer = (float(x), t_x * T if x else 0.0, T)
    found = expected_purchases(t, *customer, *params)
    assert np.isfinite(found)
    assert found >= 0
    assert 0 <= probability_alive(*customer, *params) <= 1
    assert np.isfinite(log_likelihood(*customer, *params))
