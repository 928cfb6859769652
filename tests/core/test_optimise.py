"""The search for a maximum against known ones, in the middle, on the boundary and on ridges."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.special import digamma, gammaln, polygamma

from crm_analytics.core.optimise import LOG_BOUND, covariance_of, maximise


def gamma_likelihood(z):
    """Mean log-likelihood of gamma amounts by the logarithms of shape and rate."""
    mean, log_mean = z.mean(), np.log(z).mean()

    def function(log_params):
        k, rate = np.exp(log_params)
        value = k * np.log(rate) - gammaln(k) + (k - 1) * log_mean - rate * mean
        gradient = np.array([k * (np.log(rate) - digamma(k) + log_mean), k - rate * mean])
        hessian = np.array([[gradient[0] - k**2 * polygamma(1, k), k], [k, -rate * mean]])
        return value, gradient, hessian

    return function


def quadratic(centre, curvature):
    def function(p):
        away = p - centre
        return -0.5 * away @ curvature @ away, -curvature @ away, -curvature

    return function


def test_the_maximum_is_that_of_the_textbook():
    z = np.random.default_rng(1).gamma(3.0, 2.0, 5000)
    log_params, information, report = maximise(gamma_likelihood(z), np.zeros(2), ["k", "rate"])
    k, rate = np.exp(log_params)
    # At the maximum the mean is k / rate, and log k - digamma(k) is log mean - mean log.
    assert k / rate == pytest.approx(z.mean(), rel=1e-10)
    assert np.log(k) - digamma(k) == pytest.approx(np.log(z.mean()) - np.log(z).mean(), rel=1e-8)
    assert report.converged
    assert report.message == f"converged in {report.iterations} iterations"
    assert report.gradient_norm < 1e-11
    errors = np.exp(log_params) * np.sqrt(np.diag(covariance_of(information, z.size)))
    assert (np.abs([k - 3, rate - 0.5]) < 3 * errors).all()


@given(
    centre=st.lists(st.floats(-11, 11), min_size=3, max_size=3),
    scale=st.lists(st.floats(-3, 3), min_size=3, max_size=3),
    random_state=st.integers(0, 1000),
)
def test_any_bowl_inside_the_box_is_found(centre, scale, random_state):
    directions, _ = np.linalg.qr(np.random.default_rng(random_state).normal(size=(3, 3)))
    curvature = directions * 10.0 ** np.array(scale) @ directions.T
    found, information, report = maximise(
        quadratic(np.array(centre), curvature), np.zeros(3), ["x", "y", "z"]
    )
    # The search ends at a gradient of 1e-11, or where values differ by rounding alone.
    assert_allclose(curvature @ (found - centre), 0, atol=1e-5)
    assert_allclose(information, curvature, rtol=1e-12)
    assert report.converged


def test_a_maximum_outside_the_box_is_reported_in_words_and_the_rest_is_right():
    curvature = np.array([[2.0, 1.0], [1.0, 3.0]])
    found, _, report = maximise(quadratic(np.array([40.0, 1.0]), curvature), np.zeros(2), ["r", "a"])
    # On the wall r = 12 the best a solves 1 (12 - 40) + 3 (a - 1) = 0.
    assert_allclose(found, [LOG_BOUND, 1 + 28 / 3], rtol=1e-9)
    assert not report.converged
    assert report.message.startswith("on the boundary: r went to infinity")


def test_a_search_that_starts_outside_the_box_begins_on_its_edge():
    found, _, report = maximise(quadratic(np.array([1.0]), np.eye(1)), np.array([100.0]), ["x"])
    assert_allclose(found, 1)
    assert report.converged


def test_a_ridge_along_which_nothing_changes_is_reported_as_flat():
    def function(p):  # only the difference of the two matters
        away = p[0] - p[1] - 1
        return -(away**2), np.array([-2 * away, 2 * away]), np.array([[-2.0, 2.0], [2.0, -2.0]])

    found, information, report = maximise(function, np.zeros(2), ["a", "b"])
    assert found[0] - found[1] == pytest.approx(1)
    assert report.message == "converged on a flat ridge: some parameters are not identified by this data"
    assert np.isnan(covariance_of(information, 100)).all()


def test_a_ridge_that_rises_to_infinity_is_followed_to_the_boundary():
    def function(p):  # rises for ever, by ever less
        return -np.exp(-p[0]), np.array([np.exp(-p[0])]), np.array([[-np.exp(-p[0])]])

    found, _, report = maximise(function, np.zeros(1), ["b"])
    assert found[0] == LOG_BOUND
    assert report.iterations <= 15  # one unit a step, as Newton does on an exponential
    assert "b went to infinity" in report.message


def test_the_search_climbs_where_the_curvature_points_the_wrong_way():
    def function(p):  # convex at the start, a bell farther out
        bell = np.exp(-0.5 * (p[0] - 4) ** 2)
        return bell, np.array([-(p[0] - 4) * bell]), np.array([[((p[0] - 4) ** 2 - 1) * bell]])

    found, _, report = maximise(function, np.array([1.0]), ["x"])
    assert found[0] == pytest.approx(4, abs=1e-8)
    assert report.converged


def test_values_that_are_not_numbers_are_stepped_back_from():
    def function(p):
        inside = p[0] < 1.5
        value = -((p[0] - 1) ** 2) if inside else np.nan
        return value, np.array([-2 * (p[0] - 1)]), np.array([[-0.5]])  # steps four times too long

    found, _, _ = maximise(function, np.array([0.0]), ["x"])
    assert found[0] == pytest.approx(1, abs=1e-4)


def test_a_search_that_gets_nowhere_says_so():
    def function(p):  # the gradient lies: no step gains what it promises
        return 0.0, np.array([1.0]), -np.eye(1)

    _, _, report = maximise(function, np.zeros(1), ["x"])
    assert not report.converged
    assert report.message == "not converged: gradient 1 after 0 iterations"
    assert report.as_dict()["iterations"] == 0


def test_the_covariance_is_the_inverse_of_the_information_of_all():
    information = np.array([[4.0, 1.0], [1.0, 3.0]])
    assert_allclose(covariance_of(information, 50), np.linalg.inv(information * 50), rtol=1e-12)
