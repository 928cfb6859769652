"""BG/NBD against published values, customers of known parameters, its own algebra, and lifetimes."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import quad

from crm_analytics.clv import BetaGeoModel
from crm_analytics.clv.beta_geo import (
    expected_purchases,
    if_alive,
    log_likelihood,
    probability_alive,
)
from crm_analytics.core import ConvergenceError, SchemaError
from crm_analytics.datasets import make_purchases
from crm_analytics.datasets.purchases import BETA_GEO

# Fader, Hardie & Lee (2005), table 2; their parameters are printed to 3 digits.
PUBLISHED = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
COLUMNS = ["frequency", "recency", "T"]


def customers(frequency, recency, T):
    return pd.DataFrame({"frequency": frequency, "recency": recency, "T": T})


@pytest.fixture(scope="module")
def fitted(cdnow):
    return BetaGeoModel().fit(cdnow)


@pytest.fixture(scope="module")
def made():
    return make_purchases(20_000, random_state=11)


# Published numbers


def test_fit_gives_the_published_parameters_of_the_cdnow_sample(fitted):
    found = [fitted.r_, fitted.alpha_, fitted.a_, fitted.b_]
    assert_allclose(found, list(PUBLISHED.values()), rtol=0, atol=5e-4)  # as printed
    assert fitted.log_likelihood_ == pytest.approx(-9582.429, abs=5e-4)
    assert fitted.n_customers_ == 2357
    assert fitted.fit_report_["message"].startswith("converged in ")


def test_fit_gives_the_published_parameters_of_all_cdnow(cdnow_full):
    model = BetaGeoModel().fit(cdnow_full)
    found = [model.r_, model.alpha_, model.a_, model.b_]
    assert_allclose(found, [0.2516, 4.7889, 0.7234, 2.1611], rtol=0, atol=5e-5)  # as printed
    assert model.log_likelihood_ == pytest.approx(-95368.4, abs=0.05)
    assert len(cdnow_full) == 23_570


def test_conditional_expectation_of_the_first_customer_is_the_published_one(fitted):
    first = customers([2], [30.43], [38.86])
    assert fitted.predict(first, horizon=39).item() == pytest.approx(1.2259, abs=5e-5)


def test_expectation_for_a_new_customer_is_the_published_one(fitted):
    assert_allclose(fitted.expected_purchases_new([1, 32]), [0.0532, 1.0437], rtol=0, atol=5e-5)


def test_the_published_expectation_at_78_weeks_is_a_series_cut_at_150_terms(fitted):
    # Printed is 1.8576. The spreadsheet's hypergeometric series, summed further, gives 1.8580.
    r, alpha, a, b = fitted._params
    n = np.arange(10_000)
    z = 78 / (alpha + 78)
    terms = np.cumprod((r + n) * (b + n) / ((a + b - 1 + n) * (n + 1)) * z)
    cut, whole = 1 + terms[:150].sum(), 1 + terms.sum()
    first = (a + b - 1) / (a - 1)
    assert first * (1 - (1 - z) ** r * cut) == pytest.approx(1.8576, abs=5e-5)
    assert fitted.expected_purchases_new(78.0) == pytest.approx(first * (1 - (1 - z) ** r * whole), rel=1e-10)


@pytest.mark.parametrize(
    ("params", "bias", "mae", "rmse"),
    [
        # The MAE printed in the field notes, .786, comes from the parameters as printed.
        (PUBLISHED, -12.1, 0.786, 1.608),
        (None, -12.1, 0.785, 1.608),
    ],
)
def test_holdout_of_the_sample_is_judged_as_published(cdnow, fitted, params, bias, mae, rmse):
    actual = cdnow["frequency_holdout"]
    params = fitted._params if params is None else params.values()
    found = expected_purchases(39, *cdnow[COLUMNS].to_numpy(dtype=float).T, *params)
    assert actual.sum() == 1882
    assert 100 * (found.sum() / actual.sum() - 1) == pytest.approx(bias, abs=0.05)
    assert (found - actual).abs().mean() == pytest.approx(mae, abs=5e-4)
    assert ((found - actual) ** 2).mean() ** 0.5 == pytest.approx(rmse, abs=5e-4)


def test_holdout_of_all_cdnow_is_judged_as_published(cdnow_full):
    actual = cdnow_full["frequency_holdout"]
    found = BetaGeoModel().fit(cdnow_full).predict(cdnow_full, horizon=39)
    assert actual.sum() == 19_684
    assert 100 * (found.sum() / actual.sum() - 1) == pytest.approx(-14.3, abs=0.05)
    assert (found - actual).abs().mean() == pytest.approx(0.819, abs=5e-4)
    assert ((found - actual) ** 2).mean() ** 0.5 == pytest.approx(1.733, abs=5e-4)


# Known truth


def test_fit_recovers_the_parameters_that_made_the_customers(made):
    model = BetaGeoModel().fit(made.summary())
    for name, true in BETA_GEO.items():
        found, error = getattr(model, f"{name}_"), model.standard_errors_[name]
        assert abs(found - true) < 3 * error, name
        assert error < 0.1 * true, name  # so that the line before says something


def test_probability_alive_is_the_share_of_simulated_customers_still_active(made):
    p = probability_alive(*made.summary()[COLUMNS].to_numpy(dtype=float).T, *BETA_GEO.values())
    active = np.isinf(made.customers["died_at"].to_numpy())
    for low, high in [(0, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 0.999), (1, 1)]:
        group = (p >= low) & (p <= high)
        error = np.sqrt((p[group] * (1 - p[group])).sum()) / group.sum()
        assert abs(active[group].mean() - p[group].mean()) <= 4 * error  # 6 groups, each within 4 σ


def test_expected_purchases_are_what_simulated_customers_make():
    made = make_purchases(100_000, weeks=52, joining_weeks=0, random_state=3)
    made_by = np.bincount(made.customer, weights=made.time < 26, minlength=100_000)
    error = made_by.std() / np.sqrt(made_by.size)
    assert abs(expected_purchases(26, 0, 0, 0, *BETA_GEO.values()) - made_by.mean()) < 3 * error


def test_conditional_expectation_is_what_simulated_customers_go_on_to_make():
    # The same customers at 26 weeks and at 52: those with 3 purchases, the last after week 20.
    made = make_purchases(200_000, weeks=52, joining_weeks=0, random_state=5)
    early = made.time < 26
    x = np.bincount(made.customer, weights=early, minlength=200_000)
    t_x = np.zeros(200_000)
    np.maximum.at(t_x, made.customer[early], made.time[early])
    later = np.bincount(made.customer, weights=~early, minlength=200_000)
    group = (x == 3) & (t_x > 20)
    expected = expected_purchases(26, x[group], t_x[group], 26, *BETA_GEO.values())
    error = later[group].std() / np.sqrt(group.sum())
    assert group.sum() > 1000
    assert abs(expected.mean() - later[group].mean()) < 3 * error


# Algebra


def test_likelihood_of_all_that_can_happen_adds_up_to_one_and_to_the_expectation():
    T, params = 12.0, tuple(PUBLISHED.values())
    # Of x purchases the last is at t; the x - 1 before it lie anywhere in order: t^(x-1) / (x-1)!
    chances = [np.exp(log_likelihood(0, 0, T, *params))]
    for x in range(1, 80):
        log_room = np.log(np.arange(1, x)).sum()

        def density(t, x=x, log_room=log_room):
            return np.exp(log_likelihood(x, t, T, *params) + (x - 1) * np.log(t) - log_room)

        chances.append(quad(density, 0, T, epsrel=1e-10)[0])
    # What lies beyond 79 purchases in 12 weeks has a chance of about 1e-9.
    assert np.sum(chances) == pytest.approx(1, abs=1e-7)
    expected = expected_purchases(T, 0, 0, 0, *params)
    assert np.arange(80) @ chances == pytest.approx(expected, abs=1e-5)


LAWFUL = st.tuples(st.integers(0, 300), st.floats(0.001, 1), st.floats(0.01, 500), st.floats(0.001, 500)).map(
    lambda c: (float(c[0]), c[1] * c[2] if c[0] else 0.0, c[2], c[3])
)
PARAMS = st.tuples(
    st.floats(0.01, 20),
    st.floats(0.01, 200),
    st.floats(0.01, 20).filter(lambda a: a != 1),
    st.floats(0.01, 50),
)


@given(customer=LAWFUL, params=PARAMS)
def test_expectation_rises_with_the_horizon_and_never_beats_buying_on_at_the_same_rate(customer, params):
    x, t_x, T, t = customer
    r, alpha, _, _ = params
    alive = probability_alive(x, t_x, T, *params)
    at_0, at_t, at_2t = expected_purchases(np.array([0, t, 2 * t]), x, t_x, T, *params)
    assert 0 <= alive <= 1
    assert at_0 == 0 <= at_t <= at_2t * (1 + 1e-12)  # sums of some hundred terms, each rounded
    assert at_2t <= 2 * at_t * (1 + 1e-9)
    assert at_t <= alive * t * (r + x) / (alpha + T) * (1 + 1e-9)


@given(customer=LAWFUL, params=PARAMS)
def test_longer_silence_makes_it_less_likely_that_a_customer_is_alive(customer, params):
    x, t_x, T, t = customer
    now, later = probability_alive(x, t_x, T, *params), probability_alive(x, t_x, T + t, *params)
    assert later <= now or x == 0
    assert x > 0 or now == later == 1


@given(customer=LAWFUL, params=PARAMS, factor=st.floats(1e-4, 1e4))
def test_expectation_does_not_depend_on_the_unit_of_time(customer, params, factor):
    x, t_x, T, t = customer
    r, alpha, a, b = params
    scaled = expected_purchases(t * factor, x, t_x * factor, T * factor, r, alpha * factor, a, b)
    # P(alive) raises a ratio to a power of up to 320, so that its rounding error of 1e-16 grows.
    assert_allclose(scaled, expected_purchases(t, x, t_x, T, *params), rtol=1e-9, atol=1e-300)


def test_a_prediction_does_not_depend_on_who_else_is_in_the_table(fitted, cdnow):
    together = fitted.predict(cdnow, horizon=39)
    for rows in [slice(0, 1), slice(7, 9), slice(100, 250)]:
        assert_array_equal(fitted.predict(cdnow[rows], horizon=39), together[rows])


def test_a_customer_counted_twice_changes_nothing_but_the_errors(cdnow, fitted):
    twice = BetaGeoModel().fit(pd.concat([cdnow, cdnow]))
    assert_allclose(twice._params, fitted._params, rtol=1e-7)  # the search ends within about 1e-8
    assert twice.log_likelihood_ == pytest.approx(2 * fitted.log_likelihood_, rel=1e-12)
    errors = np.array(list(fitted.standard_errors_.values()))
    assert_allclose(list(twice.standard_errors_.values()), errors / np.sqrt(2), rtol=1e-6)


@pytest.mark.parametrize(("unit", "factor"), [("days", 7), ("hours", 168), ("years", 7 / 365.25)])
def test_fit_and_predictions_do_not_depend_on_the_unit_of_time(cdnow, fitted, unit, factor):
    scaled = cdnow.assign(recency=cdnow["recency"] * factor, T=cdnow["T"] * factor)
    model = BetaGeoModel().fit(scaled)
    # Rounding in the scaled columns moves the optimum by about 1e-9.
    assert_allclose(model.predict(scaled, horizon=39 * factor), fitted.predict(cdnow, horizon=39), rtol=1e-6)
    assert_allclose(model.probability_alive(scaled), fitted.probability_alive(cdnow), rtol=1e-6)
    assert model.alpha_ == pytest.approx(fitted.alpha_ * factor, rel=1e-6)
    # A density per day is a seventh of one per week, for each of the purchases.
    moved = cdnow["frequency"].sum() * np.log(factor)
    assert model.log_likelihood_ == pytest.approx(fitted.log_likelihood_ - moved, abs=1e-6)


# A peer


def test_predictions_are_those_of_lifetimes(lifetimes, cdnow, fitted):
    theirs = lifetimes.BetaGeoFitter()
    theirs.params_ = pd.Series(dict(zip(["r", "alpha", "a", "b"], fitted._params, strict=True)))
    x, t_x, T = cdnow[COLUMNS].to_numpy(dtype=float).T
    assert_allclose(
        fitted.predict(cdnow, horizon=39),
        theirs.conditional_expected_number_of_purchases_up_to_time(39, x, t_x, T),
        rtol=1e-8,  # scipy's hyp2f1 and a difference from 1 cost them 7 digits
    )
    assert_allclose(
        fitted.probability_alive(cdnow), theirs.conditional_probability_alive(x, t_x, T), rtol=1e-12
    )
    assert_allclose(
        fitted.expected_purchases_new([1.0, 39.0]),
        [theirs.expected_number_of_purchases_up_to_time(t) for t in (1.0, 39.0)],
        rtol=1e-8,
    )


def test_fit_is_at_least_as_likely_as_that_of_lifetimes(lifetimes, cdnow, fitted):
    theirs = lifetimes.BetaGeoFitter().fit(*(cdnow[column] for column in COLUMNS))
    x, t_x, T = cdnow[COLUMNS].to_numpy(dtype=float).T
    of_theirs = log_likelihood(x, t_x, T, *theirs.params_[["r", "alpha", "a", "b"]]).sum()
    assert of_theirs <= fitted.log_likelihood_ + 1e-9
    assert of_theirs == pytest.approx(fitted.log_likelihood_, abs=0.01)  # their search stops early


# Hard data


def test_customers_who_never_came_back_cannot_be_learned_from():
    with pytest.raises(ConvergenceError, match=r"none of 3 customers has a repeat purchase.* longer window"):
        BetaGeoModel().fit(customers([0, 0, 0], [0, 0, 0], [30, 20, 10]))


def poisson_customers(rate, T, random_state):
    rng = np.random.default_rng(random_state)
    x = rng.poisson(rate * T)
    return customers(x, np.where(x > 0, T * rng.beta(np.maximum(x, 1), 1), 0), T)


@pytest.mark.parametrize("alike", [False, True], ids=["rates differ", "rates are alike"])
def test_customers_who_never_leave_are_reported_as_a_boundary_in_words(alike):
    rng = np.random.default_rng(2)
    T = rng.uniform(20, 60, 2000)
    rate = np.full(2000, 0.1) if alike else rng.gamma(0.5, 0.2, 2000)
    table = poisson_customers(rate, T, 3)
    model = BetaGeoModel().fit(table)
    found = model.predict(table, horizon=10)
    assert not model.fit_report_["converged"]
    assert model.fit_report_["message"].startswith("on the boundary: ")
    assert np.isfinite(found).all()
    # Nobody leaves, so they go on as before; the sum of 2,000 customers' chances errs by about 2 %.
    assert found.sum() == pytest.approx(10 * rate.sum(), rel=0.05)
    assert model.probability_alive(table).min() > 0.5


def test_customers_without_heterogeneity_are_reported_and_predicted():
    truth = {"r": 1e4, "alpha": 1e5, "a": 0.8, "b": 2.4}
    made = make_purchases(5000, params=truth, random_state=1)
    model = BetaGeoModel().fit(made.summary())
    assert "r went to infinity" in model.fit_report_["message"]
    assert "hardly differ in how often they buy (no heterogeneity)" in model.fit_report_["message"]
    right = expected_purchases(39, *made.summary()[COLUMNS].to_numpy(dtype=float).T, *truth.values())
    # Estimated from 5,000 customers, a and b are good to a few per cent.
    assert_allclose(model.predict(made.summary(), horizon=39), right, rtol=0.15, atol=0.05)


@pytest.mark.parametrize("random_state", range(8))
def test_ten_customers_are_enough_to_predict_or_are_refused_in_words(random_state):
    table = make_purchases(10, random_state=random_state).summary()
    model = BetaGeoModel().fit(table)
    found = model.predict(table, horizon=39)
    assert model.fit_report_["message"]
    assert np.isfinite(found).all()
    assert ((found >= 0) & (found <= 39 * (1 + table["frequency"]))).all()


@pytest.mark.parametrize("outlier", [(5_000, 38.0, 39.0), (267_000, 38.0, 39.0), (1_500, 10.0, 38.5)])
def test_one_outlier_does_not_break_the_fit(outlier):
    table = make_purchases(2000, random_state=1).summary()[COLUMNS].astype(float)
    table.iloc[0] = outlier
    model = BetaGeoModel().fit(table)
    assert model.fit_report_["converged"]
    assert np.isfinite(model.predict(table, horizon=39)).all()


@pytest.mark.parametrize(
    "table",
    [customers([3], [20], [30]), customers([3], [30], [30]), customers([1, 0], [1, 0], [300, 300])],
    ids=["one customer", "one who came today", "one of two"],
)
def test_the_smallest_tables_give_finite_predictions(table):
    model = BetaGeoModel().fit(table)
    assert np.isfinite(model.predict(table, horizon=39)).all()
    assert np.isfinite(model.log_likelihood_)


def test_one_repeat_purchase_among_many_customers_gives_a_small_rate():
    table = customers([1] + [0] * 19_999, [5] + [0] * 19_999, [30] * 20_000)
    model = BetaGeoModel().fit(table)
    # One purchase in 600,000 customer-weeks; where it belongs within a factor the data cannot say.
    assert 0 < model.predict(table, horizon=30).sum() < 4


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("frequency", [1.5, 2, 0], r"frequency must be a whole count >= 0, but 1 of 3 .*\(first at row 0\)"),
        ("frequency", [2, -1, 0], r"frequency must be a whole count >= 0, but 1 of 3 .*\(first at row 1\)"),
        ("recency", [30, 41, 0], r"recency must be <= T, but 1 of 3 .* age at the last purchase"),
        ("recency", [-1, 5, 0], r"recency must be >= 0, but 1 of 3 .* not days since"),
        ("recency", [30, 5, 1], r"recency must be 0 where frequency is 0, but 1 of 3 .*\(first at row 2\)"),
        (
            "recency",
            [30, 0, 0],
            r"recency must be > 0 where frequency is > 0, but 1 of 3 .*\(first at row 1\)",
        ),
        ("T", [40, np.nan, 40], r"T must be a finite number, but 1 of 3 .*\(first at row 1\)"),
    ],
)
def test_impossible_customers_are_refused_with_a_remedy(column, values, message):
    table = customers([2, 1, 0], [30, 5, 0], [40, 40, 40]).assign(**{column: values})
    with pytest.raises(SchemaError, match=message):
        BetaGeoModel().fit(table)
    model = BetaGeoModel().fit(customers([2, 1, 0], [30, 5, 0], [40, 40, 40]))
    for ask in (model.predict, model.probability_alive, model.predict_table):
        with pytest.raises(SchemaError, match=message):
            ask(table)


@pytest.mark.parametrize("horizon", [-1, np.nan, np.inf])
def test_an_impossible_horizon_is_refused(fitted, cdnow, horizon):
    with pytest.raises(ValueError, match=r"horizon must be >= 0 and finite\. Got"):
        fitted.predict(cdnow, horizon=horizon)


def test_the_table_of_predictions_is_on_the_customers_index(fitted, cdnow):
    table = fitted.predict_table(cdnow, horizon=39)
    assert table.index.equals(cdnow.index)
    assert_array_equal(table["expected_purchases"], fitted.predict(cdnow, horizon=39))
    assert_array_equal(table["p_alive"], fitted.probability_alive(cdnow))


def test_a_new_customers_curve_has_the_shape_of_the_ages(fitted):
    assert fitted.expected_purchases_new(13.0).shape == ()
    assert fitted.expected_purchases_new([[1.0, 2.0, 3.0]]).shape == (1, 3)
    assert fitted.expected_purchases_new(0.0) == 0


def test_the_expectation_of_the_living_times_the_chance_to_be_one_is_the_expectation(cdnow):
    x, t_x, T = cdnow[COLUMNS].to_numpy(dtype=float).T
    params = tuple(PUBLISHED.values())
    alive = if_alive(np.full(x.size, 39.0), x, T, *params)
    assert_allclose(
        expected_purchases(39.0, x, t_x, T, *params),
        alive * probability_alive(x, t_x, T, *params),
        rtol=1e-13,  # the same numbers multiplied
    )
