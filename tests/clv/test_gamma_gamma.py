"""Gamma-Gamma against published values, simulated customers, its own algebra, and lifetimes."""

import mpmath as mp
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import quad

from crm_analytics.clv import GammaGammaModel
from crm_analytics.clv.gamma_gamma import _Spends, _value_gradient_hessian, expected_spend, log_likelihood
from crm_analytics.core import ConvergenceError, SchemaError
from crm_analytics.datasets import make_purchases
from crm_analytics.datasets.purchases import GAMMA_GAMMA

# Hardie's note 025 and its spreadsheet, CDNOW sample: p, q, v and five customers.
PUBLISHED = {"p": 6.25, "q": 3.74, "v": 15.44}
FREQUENCY, SPEND = np.array([2, 1, 0, 7, 2]), np.array([22.35, 11.77, 0, 73.74, 25.55])
EXPECTED = [24.65, 18.91, 35.17, 71.46, 27.28]


def buyers(frequency, monetary_value):
    return pd.DataFrame({"frequency": frequency, "monetary_value": monetary_value})


@pytest.fixture(scope="module")
def fitted(cdnow):
    return GammaGammaModel().fit(cdnow)


@pytest.fixture(scope="module")
def made():
    return make_purchases(20_000, random_state=11).summary()


# Published numbers


def test_fit_gives_the_published_parameters_of_the_cdnow_sample(fitted):
    found = [fitted.p_, fitted.q_, fitted.v_]
    assert_allclose(found, list(PUBLISHED.values()), rtol=0, atol=5e-3)  # as printed
    assert fitted.log_likelihood_ == pytest.approx(-4055.918, abs=5e-4)
    assert fitted.fit_report_["converged"]


def test_expected_spend_of_five_customers_is_the_published_one(fitted):
    found = fitted.predict(buyers(FREQUENCY, SPEND))
    # Their mean spends are printed to the cent, which moves the answers by a cent.
    assert_allclose(found, EXPECTED, rtol=0, atol=0.011)
    # With parameters printed to 3 digits the answers move by up to 0.05.
    assert_allclose(expected_spend(FREQUENCY, SPEND, **PUBLISHED), EXPECTED, rtol=0, atol=0.06)


# Known truth


def test_fit_recovers_the_parameters_that_made_the_customers(made):
    model = GammaGammaModel().fit(made)
    for name, true in GAMMA_GAMMA.items():
        found, error = getattr(model, f"{name}_"), model.standard_errors_[name]
        assert abs(found - true) < 3 * error, name
        assert error < 0.15 * true, name  # so that the line before says something
    # Spend does not depend on frequency here. 0.01 is sampling; the logarithm of a mean of more
    # amounts lies a little higher, which adds 0.04.
    assert abs(model.frequency_correlation_) < 0.07


def test_expected_spend_is_unbiased_for_simulated_customers():
    made = make_purchases(50_000, random_state=2)
    table, true = made.summary(), made.customers["mean_spend"].to_numpy()
    expected = expected_spend(table["frequency"], table["monetary_value"], **GAMMA_GAMMA).to_numpy()
    for low, high in [(0, 20), (20, 30), (30, 40), (40, 80), (80, np.inf)]:
        group = (expected > low) & (expected <= high)
        error = true[group].std() / np.sqrt(group.sum())
        assert abs(true[group].mean() - expected[group].mean()) < 4 * error  # 5 groups, each within 4 σ


# Algebra


@pytest.mark.parametrize("x", [1, 2, 7, 50])
def test_likelihood_is_a_density_whose_mean_is_that_of_the_population(x):
    def density(log_z):
        return np.exp(log_likelihood(x, np.exp(log_z), **PUBLISHED) + log_z)

    # Beyond e^±20 the density has less than 1e-13 left; its mean, falling as z^-2.74, a little more.
    whole, _ = quad(density, -20, 20, epsrel=1e-10, limit=200)
    mean, _ = quad(lambda log_z: density(log_z) * np.exp(log_z), -20, 20, epsrel=1e-10, limit=200)
    assert whole == pytest.approx(1, rel=1e-8)
    assert mean == pytest.approx(6.25 * 15.44 / 2.74, rel=1e-7)


@pytest.mark.parametrize("x", [1, 688, 267_000])
@pytest.mark.parametrize("z", [0.01, 35.0, 1e7])
def test_likelihood_is_equation_1a(x, z):
    p, q, v = (mp.mpf(value) for value in PUBLISHED.values())
    with mp.workdps(60):
        ratio = mp.loggamma(p * x + q) - mp.loggamma(p * x) - mp.loggamma(q)
        terms = q * mp.log(v) + (p * x - 1) * mp.log(z) + p * x * mp.log(x)
        right = float(ratio + terms - (p * x + q) * mp.log(v + mp.mpf(x) * mp.mpf(z)))
    # Terms of up to 1e8 that cancel leave 1e-16 of themselves.
    assert log_likelihood(x, z, **PUBLISHED) == pytest.approx(right, rel=1e-9, abs=1e-7)


@pytest.mark.parametrize(
    "params", [[6.25, 3.74, 0.44], [0.3, 1.2, 5.0], [80.0, 200.0, 2.0]], ids=["published", "wide", "narrow"]
)
def test_gradient_and_hessian_are_the_slopes_of_the_likelihood(derivatives, params):
    rng = np.random.default_rng(1)
    x = np.r_[1, 1, 2, 688, rng.integers(1, 20, 60)].astype(float)
    z = rng.gamma(2.0, 0.5, x.size)

    def function(log_params):
        return _value_gradient_hessian(log_params, _Spends(x, z))

    _, gradient, hessian = function(np.log(params))
    by_differences = derivatives(function, np.log(params))
    # Central differences err by the square of their step, 1e-10, and by rounding, 1e-16 / 1e-5 times 1e3.
    assert_allclose(gradient, by_differences[0], rtol=1e-6, atol=1e-7)
    assert_allclose(hessian, by_differences[1], rtol=1e-6, atol=1e-6)


@given(x=st.integers(0, 1000), z=st.floats(0.01, 1e6))
def test_estimate_lies_between_customer_and_population(x, z):
    low, high = sorted([z, PUBLISHED["p"] * PUBLISHED["v"] / (PUBLISHED["q"] - 1)])
    assert low * (1 - 1e-9) <= expected_spend(x, z, **PUBLISHED) <= high * (1 + 1e-9)


@given(x=st.integers(1, 1000), z=st.floats(0.01, 1e6), factor=st.floats(1e-9, 1e9))
def test_estimate_does_not_depend_on_the_currency(x, z, factor):
    p, q, v = PUBLISHED.values()
    assert expected_spend(x, z * factor, p, q, v * factor) == pytest.approx(
        factor * expected_spend(x, z, p, q, v), rel=1e-12
    )


@pytest.mark.parametrize("factor", [1e-7, 0.01, 1e7, 1e12])
def test_fit_does_not_depend_on_the_currency(cdnow, fitted, factor):
    scaled = cdnow.assign(monetary_value=cdnow["monetary_value"] * factor)
    model = GammaGammaModel().fit(scaled)
    assert_allclose([model.p_, model.q_, model.v_], [fitted.p_, fitted.q_, fitted.v_ * factor], rtol=1e-6)
    assert_allclose(model.predict(scaled), factor * fitted.predict(cdnow), rtol=1e-6)
    repeat = (cdnow["frequency"] > 0).sum()
    assert model.log_likelihood_ == pytest.approx(fitted.log_likelihood_ - repeat * np.log(factor), rel=1e-9)


def test_customers_who_never_came_back_teach_nothing_and_get_the_population_mean(cdnow, fitted):
    repeat = GammaGammaModel().fit(cdnow[cdnow["frequency"] > 0])
    assert_allclose([repeat.p_, repeat.q_, repeat.v_], [fitted.p_, fitted.q_, fitted.v_], rtol=1e-12)
    mean = fitted.p_ * fitted.v_ / (fitted.q_ - 1)
    assert_array_equal(fitted.predict(buyers([0, 0], [0, 5.0])), [mean, mean])


def test_a_penalty_shrinks_the_parameters(cdnow, fitted):
    penalised = GammaGammaModel(l2_penalty=0.01).fit(cdnow)
    assert penalised.p_ < fitted.p_
    assert penalised.q_ < fitted.q_
    assert penalised.log_likelihood_ < fitted.log_likelihood_


def test_correlation_of_spend_with_frequency_is_shown(cdnow, fitted):
    repeat = cdnow[cdnow["frequency"] > 0]
    right = np.log(repeat["frequency"]).corr(np.log(repeat["monetary_value"]))
    assert fitted.frequency_correlation_ == pytest.approx(right, rel=1e-12)
    assert np.isnan(GammaGammaModel().fit(buyers([2, 2, 2], [3.0, 8.0, 5.0])).frequency_correlation_)


# A peer


def test_fit_and_predictions_are_those_of_lifetimes(lifetimes, cdnow, fitted):
    repeat = cdnow[cdnow["frequency"] > 0]
    theirs = lifetimes.GammaGammaFitter().fit(repeat["frequency"], repeat["monetary_value"])
    of_theirs = log_likelihood(repeat["frequency"], repeat["monetary_value"], *theirs.params_).sum()
    assert of_theirs <= fitted.log_likelihood_ + 1e-9
    # Where their search stops, the parameters are off by about 1 in 10,000.
    assert_allclose(theirs.params_[["p", "q", "v"]], [fitted.p_, fitted.q_, fitted.v_], rtol=1e-3)
    theirs.params_ = pd.Series({"p": fitted.p_, "q": fitted.q_, "v": fitted.v_})
    expected = theirs.conditional_expected_average_profit(cdnow["frequency"], cdnow["monetary_value"])
    assert_allclose(fitted.predict(cdnow), expected, rtol=1e-12)


# Hard data


@pytest.mark.parametrize(
    ("frequency", "spend"),
    [([1, 2, 3, 4] * 20, [10.0] * 80), ([3], [10.0]), ([3, 1], [10.0, 10.0])],
    ids=["all spend the same", "one customer", "two alike"],
)
def test_customers_who_all_spend_the_same_are_predicted_to_go_on(frequency, spend):
    model = GammaGammaModel().fit(buyers(frequency, spend))
    assert model.fit_report_["message"].startswith("on the boundary: p went to infinity, q went to infinity")
    # The boundary of e^12 stands for infinity, so that 1 / 162,755 is lost.
    assert_allclose(model.predict(buyers(frequency, spend)), 10, rtol=1e-5)


@pytest.mark.parametrize("random_state", range(8))
def test_ten_customers_are_enough_to_predict(random_state):
    loyal = {"r": 2, "alpha": 4, "a": 1, "b": 9}
    table = make_purchases(10, params=loyal, random_state=random_state).summary()
    found = GammaGammaModel().fit(table).predict(table)
    spent = table["monetary_value"][table["frequency"] > 0]
    assert ((found > 0.5 * spent.min()) & (found < 2 * spent.max())).all()


def test_a_spread_too_wide_for_a_mean_is_refused_and_the_remedy_works():
    rng = np.random.default_rng(4)
    x = rng.integers(1, 10, 20_000)
    z = rng.gamma(6 * x, 1 / (rng.gamma(0.95, 1 / 15, x.size) * x))  # q = 0.95
    with pytest.raises(ConvergenceError, match=r"q = 0\.9\d+, but a finite mean .*at their 95 % quantile"):
        GammaGammaModel().fit(buyers(x, z))
    capped = np.minimum(z, np.quantile(z, 0.95))
    assert np.isfinite(GammaGammaModel().fit(buyers(x, capped)).predict(buyers(x, capped))).all()


def test_customers_who_never_came_back_cannot_be_learned_from():
    with pytest.raises(ConvergenceError, match="no customer has a repeat purchase that was paid for"):
        GammaGammaModel().fit(buyers([0, 0], [0.0, 0.0]))


def test_the_one_free_repeat_buyer_of_all_cdnow_is_refused_by_place(cdnow_full):
    with pytest.raises(SchemaError, match=r"1 of 23,570 customers break this \(first at row 10,243\)"):
        GammaGammaModel().fit(cdnow_full)


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("monetary_value", [-1.0, 5.0], r"monetary_value must be >= 0, but 1 of 2 .* Net out refunds"),
        ("monetary_value", [0.0, 5.0], r"> 0 for repeat buyers, but 1 of 2 .* Net out refunds"),
        ("frequency", [-1, 5], r"frequency must be >= 0, but 1 of 2"),
        ("monetery_value", [9.0, 5.0], r"Is 'monetery_value' meant as 'monetary_value'"),
    ],
)
def test_bad_summary_is_refused_with_a_remedy(column, values, message):
    table = pd.DataFrame({"frequency": [1, 2], column: values})
    if column == "frequency":
        table = table.assign(monetary_value=[9.0, 5.0])
    with pytest.raises(SchemaError, match=message):
        GammaGammaModel().fit(table)


@pytest.mark.parametrize("l2_penalty", [-0.1, np.nan])
def test_a_negative_penalty_is_refused(l2_penalty):
    with pytest.raises(ValueError, match=r"l2_penalty must be >= 0\. Got"):
        GammaGammaModel(l2_penalty=l2_penalty).fit(buyers([1, 2], [3.0, 4.0]))
