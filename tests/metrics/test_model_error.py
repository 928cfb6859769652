"""The error of a total: Bayes' rule in closed form against Bayes' rule on a grid."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import invgamma, norm
from scipy.stats import t as student

from crm_analytics.metrics import ModelError
from crm_analytics.metrics.model_error import BELIEF_IN_ERROR, BELIEF_IN_ZERO, TYPICAL_ERROR

RATIOS = st.lists(st.floats(-2, 2), max_size=30)


def predictive_on_a_grid(ratios, at):
    """Density of the next log-ratio at `at`, by summing over means and variances one by one."""
    freedom = BELIEF_IN_ERROR
    prior = invgamma(freedom / 2, scale=freedom * TYPICAL_ERROR**2 / 2)
    log_variance = np.linspace(np.log(1e-4), np.log(20), 1200)[:, None]
    deviation = np.exp(log_variance / 2)
    mean = np.linspace(-4, 4, 2001)[None, :]
    weight = prior.pdf(deviation**2) * deviation**2 * norm(0, deviation / np.sqrt(BELIEF_IN_ZERO)).pdf(mean)
    for ratio in ratios:
        weight = weight * norm(mean, deviation).pdf(ratio)
    weight /= weight.sum()
    return np.array([(weight * norm(mean, deviation).pdf(point)).sum() for point in at])


@pytest.mark.parametrize(
    "ratios",
    [[], [0.3], [0.1, 0.12, 0.08], [-0.5, 0.4, 0.0, 0.9]],
    ids=["no origin", "one", "alike", "scattered"],
)
def test_the_closed_form_is_what_bayes_rule_gives_on_a_grid(ratios):
    found = ModelError.learn(ratios)
    points = np.linspace(-1, 1, 9)
    ours = student(found.degrees_of_freedom, found.location, found.scale).pdf(points)
    # The grid's steps, 0.004 in the mean and 1 % in the variance, are far below what they sum over.
    assert_allclose(ours, predictive_on_a_grid(ratios, points), rtol=1e-3)


def test_without_origins_it_is_the_prior():
    found = ModelError.learn([])
    assert (found.location, found.degrees_of_freedom, found.n_origins) == (0.0, BELIEF_IN_ERROR, 0)
    # An error about a mean that itself is known as well as one origin tells it.
    assert found.scale == pytest.approx(TYPICAL_ERROR * np.sqrt(1 + 1 / BELIEF_IN_ZERO))


def test_with_many_origins_it_is_their_mean_and_standard_deviation():
    ratios = np.random.default_rng(3).normal(0.2, 0.4, 5000)
    found = ModelError.learn(ratios)
    # The prior weighs as one origin in the mean and four in the variance, of 5,000.
    assert found.location == pytest.approx(ratios.mean(), rel=2 / 5000)
    assert found.scale == pytest.approx(ratios.std(ddof=1), rel=5 / 5000)
    assert found.degrees_of_freedom > 5000


@given(ratios=RATIOS, seed=st.integers(0, 100))
def test_the_order_of_origins_does_not_matter(ratios, seed):
    shuffled = np.random.default_rng(seed).permutation(ratios)
    found, again = ModelError.learn(ratios), ModelError.learn(shuffled)
    assert_allclose(
        [found.location, found.scale, found.degrees_of_freedom],
        [again.location, again.scale, again.degrees_of_freedom],
        rtol=1e-9, atol=1e-12,
    )  # fmt: skip


@given(ratios=RATIOS)
def test_the_location_lies_between_zero_and_the_mean_of_the_origins(ratios):
    found = ModelError.learn(ratios)
    low, high = sorted([0.0, float(np.mean(ratios)) if ratios else 0.0])
    assert low - 1e-12 <= found.location <= high + 1e-12
    assert found.scale > 0


def test_one_wild_origin_widens_what_many_calm_ones_had_narrowed():
    none, calm = ModelError.learn([]), ModelError.learn([0.01, -0.02, 0.0, 0.02, -0.01])
    wild = ModelError.learn([0.01, -0.02, 0.0, 0.02, -0.01, 0.8])
    assert calm.scale < none.scale < wild.scale


def test_intervals_of_simulated_errors_hold_the_next_one_as_often_as_they_say():
    # Means and variances from the prior itself, so that Bayes' rule is exactly calibrated.
    rng = np.random.default_rng(11)
    runs, origins = 4000, 4
    variance = 1 / rng.gamma(
        BELIEF_IN_ERROR / 2, 2 / (BELIEF_IN_ERROR * TYPICAL_ERROR**2), size=runs
    )  # inverse gamma
    mean = rng.normal(0, np.sqrt(variance / BELIEF_IN_ZERO))
    ratios = rng.normal(mean[:, None], np.sqrt(variance)[:, None], size=(runs, origins + 1))
    inside = 0
    for row in ratios:
        found = ModelError.learn(row[:origins])
        inside += abs(row[-1] - found.location) <= found.scale * student.ppf(0.95, found.degrees_of_freedom)
    # Four standard errors of a share of 0.9 in 4,000 runs.
    assert inside / runs == pytest.approx(0.9, abs=4 * np.sqrt(0.09 / runs))


def test_draws_are_factors_with_the_quantiles_of_the_next_error():
    found = ModelError.learn([0.1, 0.3, -0.1])
    factors = found.draw(20_000, np.random.default_rng(1))
    assert (factors > 0).all()
    chances = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
    right = np.exp(found.location + found.scale * student.ppf(chances, found.degrees_of_freedom))
    # Evenly spaced chances: quantiles are off by their spacing only, not by luck.
    assert_allclose(np.quantile(factors, chances), right, rtol=1e-3)


@pytest.mark.parametrize("ratios", [[0.1, np.nan], [np.inf], [[0.1], [0.2]], 0.1])
def test_what_is_not_one_finite_number_an_origin_is_refused(ratios):
    with pytest.raises(ValueError, match=r"log_ratios must be finite numbers, one an origin"):
        ModelError.learn(ratios)
