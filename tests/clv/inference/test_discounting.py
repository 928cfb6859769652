"""Discounting against sums spelled out, and the same whatever the unit of time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from crm_analytics.clv.beta_geo import expected_purchases
from crm_analytics.clv.inference.discounting import continuous_rate, discounted_total
from crm_analytics.core.units import PERIODS_PER_YEAR


@pytest.mark.parametrize("unit", PERIODS_PER_YEAR)
def test_a_year_of_periods_discounts_by_the_annual_rate(unit):
    rate = continuous_rate(0.1, unit)
    assert np.exp(-rate * PERIODS_PER_YEAR[unit]) == pytest.approx(1 / 1.1, rel=1e-12)


def test_the_rate_of_the_literature_is_the_weekly_one():
    # Fader, Hardie & Lee (2005): 15 % a year is 0.0027 a week; theirs has 52 weeks, ours 52.18.
    assert continuous_rate(0.15, "W") == pytest.approx(0.0027, abs=5e-5)


def test_no_discount_leaves_the_expectation():
    assert discounted_total(lambda t: np.array([3.0 * t]), 10.0, 0.0) == 30.0


@given(horizon=st.floats(0.01, 1000), annual=st.floats(0.001, 0.5), each=st.floats(0.01, 100))
def test_a_steady_stream_is_worth_its_annuity(horizon, annual, each):
    rate = continuous_rate(annual, "W")
    found = discounted_total(lambda t: np.array([each * t]), horizon, rate).item()
    assert found == pytest.approx(each * -np.expm1(-rate * horizon) / rate, rel=1e-6)


@pytest.mark.parametrize("customer", [(0, 0, 0), (0, 0, 39), (2, 30.43, 38.86), (26, 30.86, 31)])
@pytest.mark.parametrize(
    ("horizon", "annual"), [(1, 0.1), (39, 0.15), (520, 0.15), (520, -0.05), (5200, 0.1)]
)
def test_value_is_the_sum_of_purchases_each_discounted_from_when_it_is_expected(customer, horizon, annual):
    rate = continuous_rate(annual, "W")

    def expected(t):
        return expected_purchases(t, *customer, 0.243, 4.414, 0.793, 2.426)

    # Slices that grow with t, discounted from their middle. They err by their square, so that half as many
    # err by four times as much: what is left of both together is below 1e-10.
    edges = horizon * np.linspace(0, 1, 801) ** 3
    until = np.array([float(value) for value in expected(edges)])
    fine, coarse = (
        (np.exp(-rate * (t[1:] + t[:-1]) / 2) * np.diff(n)).sum()
        for t, n in ((edges, until), (edges[::2], until[::2]))
    )
    right = fine + (fine - coarse) / 3
    assert discounted_total(expected, horizon, rate) == pytest.approx(right, rel=1e-6)


def test_value_of_a_purchase_curve_with_a_kink_at_the_start_is_the_integral():
    # A young population: alpha of 0.2 weeks, so that the curve bends within the first day of ten years.
    def expected(t):
        return expected_purchases(t, 0, 0, 0, 0.5, 0.2, 0.8, 2.4)

    rate = continuous_rate(0.15, "W")
    inner, _ = quad(lambda u: np.exp(u - rate * np.exp(u)) * expected(np.exp(u)), -25, np.log(520), limit=200)
    right = np.exp(-rate * 520) * expected(520) + rate * inner
    assert discounted_total(expected, 520, rate) == pytest.approx(right, rel=1e-6)


@pytest.mark.parametrize("annual", [-1, -2, np.nan, np.inf])
def test_an_impossible_rate_is_refused(annual):
    with pytest.raises(ValueError, match=r"annual_discount_rate must be > -1 and finite\. Got"):
        continuous_rate(annual, "W")


def test_an_unknown_unit_is_refused():
    with pytest.raises(ValueError, match=r"unit must be one of 'h', 'D', 'W', 'M'\. Got 'Y' instead\."):
        continuous_rate(0.1, "Y")
