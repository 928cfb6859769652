"""ShiftedBetaGeometricModel against the paper, simulated contracts, sums by hand and its own algebra."""

import pickle

import mpmath as mp
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from crm_analytics import load_model, save_model
from crm_analytics.churn import ShiftedBetaGeometricModel, contracts_from_survivors
from crm_analytics.churn.duration.shifted_beta_geometric import _value_gradient_hessian, residual_lifetime
from crm_analytics.core import ConvergenceError, SchemaError

# Fader & Hardie (2007), table 1: survivors of 1,000 customers, years 0 to 12; fitted on years 0 to 7.
REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241, 223, 207, 194, 183, 173]
HIGH_END = [1000, 869, 743, 653, 593, 551, 517, 491, 468, 445, 427, 409, 394]
PUBLISHED = {"regular": (REGULAR, 0.704, 1.182), "high end": (HIGH_END, 0.668, 3.806)}

positive = st.floats(0.02, 200)


def fitted_on(survivors):
    contracts = contracts_from_survivors(survivors)
    return ShiftedBetaGeometricModel().fit(contracts, sample_weight=contracts["weight"])


def given_parameters(alpha, beta):
    return ShiftedBetaGeometricModel.from_parameters({"alpha": alpha, "beta": beta})


def simulated(n, alpha, beta, most, seed):
    """Customers who came at different times, so that each is watched for 1 to `most` renewals."""
    rng = np.random.default_rng(seed)
    leaves_at = rng.geometric(rng.beta(alpha, beta, n).clip(1e-9))
    watched = rng.integers(1, most + 1, n)
    return pd.DataFrame({"T": np.minimum(leaves_at, watched), "churned": leaves_at <= watched})


@pytest.fixture(scope="module")
def contracts():
    return simulated(5_000, 0.8, 2.5, 8, seed=1)


@pytest.fixture(scope="module")
def model(contracts):
    return ShiftedBetaGeometricModel().fit(contracts)


# Published


@pytest.mark.parametrize("segment", PUBLISHED)
def test_fit_gives_the_published_parameters(segment):
    survivors, alpha, beta = PUBLISHED[segment]
    found = fitted_on(survivors[:8])
    assert_allclose([found.alpha_, found.beta_], [alpha, beta], rtol=0, atol=5e-4)  # as printed
    assert found.fit_report_["converged"]
    assert found.n_customers_ == 1000


@pytest.mark.parametrize(("segment", "log_likelihood"), [("regular", -1680.27), ("high end", -1611.16)])
def test_log_likelihood_is_that_of_the_multinomial_of_the_paper(segment, log_likelihood):
    survivors, alpha, beta = PUBLISHED[segment]
    # The recursion of the paper: P(1) = α/(α + β), P(t) = P(t - 1) (β + t - 2)/(α + β + t - 1).
    chances, left = [alpha / (alpha + beta)], 1.0
    for t in range(2, 8):
        chances.append(chances[-1] * (beta + t - 2) / (alpha + beta + t - 1))
    left -= sum(chances)
    by_hand = -np.diff(survivors[:8]) @ np.log(chances) + survivors[7] * np.log(left)
    found = fitted_on(survivors[:8]).log_likelihood_
    assert found == pytest.approx(log_likelihood, abs=0.005)
    assert found == pytest.approx(by_hand, abs=1e-3)  # flat at the top, where parameters are rounded


@pytest.mark.parametrize(("segment", "allowed"), [("regular", 0.007), ("high end", 0.02)])
def test_seven_years_tell_of_the_twelfth_as_in_the_paper(segment, allowed):
    survivors = np.array(PUBLISHED[segment][0]) / 1000
    model = fitted_on(PUBLISHED[segment][0][:8])
    assert np.abs(model.survival(np.arange(8, 13)) - survivors[8:]).max() < allowed
    # What the paper warns of: a straight line or one constant rate is far off by then.
    constant = survivors[7] ** (np.arange(8, 13) / 7)
    assert np.abs(constant - survivors[8:]).max() > 4 * allowed


# Known truth


def test_fit_recovers_the_parameters_from_customers_watched_for_unequal_times():
    found = ShiftedBetaGeometricModel().fit(simulated(60_000, 0.8, 2.5, 8, seed=2)).parameter_table()
    for name, true in [("alpha", 0.8), ("beta", 2.5)]:
        estimate, error = found.loc[name, ["estimate", "standard_error"]]
        assert abs(estimate - true) < 3 * error
        assert error < 0.1 * true  # so that the line before says something


def test_standard_errors_are_the_spread_over_other_samples():
    samples = [ShiftedBetaGeometricModel().fit(simulated(4_000, 0.8, 2.5, 8, seed)) for seed in range(60)]
    spread = np.std([np.log(sample.alpha_) for sample in samples])
    stated = np.mean([sample.standard_errors_["alpha"] / sample.alpha_ for sample in samples])
    assert stated == pytest.approx(spread, rel=0.3)  # 60 samples know a spread to about 9 %


def test_prediction_by_tenure_is_what_simulated_customers_do():
    rng = np.random.default_rng(3)
    leaves_at = rng.geometric(rng.beta(0.8, 2.5, 400_000).clip(1e-9))
    tenure = np.array([0, 1, 3, 8])
    share = np.array([np.mean(leaves_at[leaves_at > T] <= T + 2) for T in tenure])
    # Shares of at least 70,000 customers have a standard error of at most .002.
    assert_allclose(given_parameters(0.8, 2.5).predict(tenure, horizon=2), share, atol=0.006)
    to_come = np.array([np.minimum(leaves_at[leaves_at > T] - T - 1, 10).mean() for T in tenure])
    assert_allclose(given_parameters(0.8, 2.5).residual_lifetime(tenure, horizon=10), to_come, atol=0.06)


def test_cohorts_of_unequal_age_are_fitted_as_one():
    old, young = REGULAR[:8], [3000, 1890, 1400]
    table = np.full((2, 8), np.nan)
    table[0], table[1, :3] = old, young
    both = contracts_from_survivors(table)
    one = pd.concat([contracts_from_survivors(old), contracts_from_survivors(young)])
    together, apart = fitted_on(table), ShiftedBetaGeometricModel().fit(one, sample_weight=one["weight"])
    assert both["weight"].sum() == 4000
    assert_allclose([together.alpha_, together.beta_], [apart.alpha_, apart.beta_], rtol=1e-9)
    assert fitted_on(young).standard_errors_["beta"] > together.standard_errors_["beta"]


def test_taking_those_still_here_for_lost_would_be_wrong(contracts):
    censored = ShiftedBetaGeometricModel().fit(contracts)
    naive = ShiftedBetaGeometricModel().fit(contracts[contracts["churned"]])
    assert censored.survival(8) - naive.survival(8) > 0.2
    assert censored.survival(8) == pytest.approx(given_parameters(0.8, 2.5).survival(8), abs=0.04)


# By hand


@settings(max_examples=40, deadline=None)
@given(alpha=positive, beta=positive, T=st.integers(0, 60), rate=st.floats(0.02, 3))
def test_residual_lifetime_is_the_sum_over_renewals_to_come(alpha, beta, T, rate):
    ahead = np.arange(int(40 / np.log1p(rate)) + 2)  # what is cut off is below e^-40
    chance = np.cumprod((beta + T + ahead) / (alpha + beta + T + ahead))
    by_hand = (chance / (1 + rate) ** ahead).sum()
    found = residual_lifetime(np.array([float(T)]), alpha, beta, rate)[0]
    assert found == pytest.approx(by_hand, rel=1e-10)


@pytest.mark.parametrize(("alpha", "beta", "T"), [(0.704, 1.182, 0), (0.668, 3.806, 4), (5, 0.3, 12)])
@pytest.mark.parametrize("rate", [0.01, 0.1, 0.25])
def test_residual_lifetime_is_the_hypergeometric_function_of_the_paper(alpha, beta, T, rate):
    n = T + 1
    right = (beta + n - 1) / (alpha + beta + n - 1) * mp.hyp2f1(1, beta + n, alpha + beta + n, 1 / (1 + rate))
    found = given_parameters(alpha, beta).residual_lifetime([T], discount_rate=rate)[0]
    assert found == pytest.approx(float(right), rel=1e-12)


def test_a_long_horizon_is_none_and_without_discount_the_mean_exists_if_alpha_exceeds_one():
    model = given_parameters(2.5, 4.0)
    endless, long = model.residual_lifetime([0, 7]), model.residual_lifetime([0, 7], horizon=20_000)
    assert_allclose(endless, [4 / 1.5, 11 / 1.5], rtol=1e-12)
    assert_allclose(long, endless, rtol=1e-4)
    assert_array_equal(given_parameters(1.0, 4.0).residual_lifetime([0, 7]), [np.inf, np.inf])
    assert np.isfinite(given_parameters(1.0, 4.0).residual_lifetime([0], horizon=50)).all()


@pytest.mark.parametrize("params", [[0.7, 1.2], [5.0, 0.1], [1e-3, 80.0]])
def test_gradient_and_hessian_are_the_slopes_of_the_likelihood(params):
    lost, kept = np.array([0.3, 0.0, 0.1, 0.02]), np.array([0.7, 0.6, 0.2, 0.1])
    at, step = np.log(params), 1e-5 * np.eye(2)
    _, gradient, hessian = _value_gradient_hessian(at, lost, kept)
    ahead = [_value_gradient_hessian(at + h, lost, kept) for h in step]
    behind = [_value_gradient_hessian(at - h, lost, kept) for h in step]
    slopes = [[(a[k] - b[k]) / 2e-5 for a, b in zip(ahead, behind, strict=True)] for k in (0, 1)]
    assert_allclose(gradient, slopes[0], rtol=1e-6, atol=1e-9)
    assert_allclose(hessian, slopes[1], rtol=1e-6, atol=1e-9)


# Algebra


@settings(max_examples=40, deadline=None)
@given(alpha=positive, beta=positive)
def test_survival_falls_retention_rises_and_the_one_is_the_product_of_the_other(alpha, beta):
    table = given_parameters(alpha, beta).retention_table(30)
    retention = table["retention"].to_numpy()[1:]
    assert (np.diff(table["survival"]) < 0).all()
    assert (np.diff(retention) > 0).all()
    assert_allclose(np.cumprod(retention), table["survival"][1:], rtol=1e-9)
    assert table["period"].tolist() == list(range(31))


@settings(max_examples=40, deadline=None)
@given(alpha=positive, beta=positive, T=st.integers(0, 40), horizon=st.integers(1, 20))
def test_those_who_stayed_longer_are_safer_and_a_longer_horizon_is_riskier(alpha, beta, T, horizon):
    model = given_parameters(alpha, beta)
    risk = model.predict([T, T + 1], horizon=horizon)
    assert 0 < risk[1] <= risk[0] <= 1  # equal where both round to 1
    assert model.predict([T], horizon=horizon + 1)[0] >= risk[0]
    assert model.predict([T], horizon=1)[0] == pytest.approx(1 - model.retention_rate(T + 1), rel=1e-7)


@settings(max_examples=25, deadline=None)
@given(rows=st.lists(st.tuples(st.integers(1, 6), st.booleans(), st.integers(1, 4)), min_size=1, max_size=12))
def test_a_weight_is_as_many_equal_rows(rows):
    # A few who left early and stayed, so that there is always something to learn.
    table = pd.DataFrame(
        [(1, True, 3), (2, True, 1), (6, False, 2), *rows], columns=["T", "churned", "weight"]
    )
    weighted = ShiftedBetaGeometricModel().fit(table, sample_weight=table["weight"])
    repeated = ShiftedBetaGeometricModel().fit(table.loc[table.index.repeat(table["weight"])])
    assert weighted.log_likelihood_ == pytest.approx(repeated.log_likelihood_, rel=1e-9)
    assert_allclose(weighted.survival(np.arange(9)), repeated.survival(np.arange(9)), rtol=1e-6)
    assert weighted.n_customers_ == repeated.n_customers_


def test_survivors_come_back_from_their_contracts():
    table = contracts_from_survivors(REGULAR)
    back = [table["weight"][(table["T"] > t) | ~table["churned"]].sum() for t in range(13)]
    assert back == REGULAR


def test_shares_give_the_same_curve():
    counts, shares = fitted_on(REGULAR[:8]), fitted_on(np.array(REGULAR[:8]) / 1000)
    assert shares.alpha_ == pytest.approx(counts.alpha_, rel=1e-6)
    assert shares.standard_errors_["alpha"] > 30 * counts.standard_errors_["alpha"]


# At the edge of what can be known


def test_customers_who_are_all_alike_give_a_geometric_curve_and_say_so():
    model = fitted_on([1000, 800, 640, 512])
    assert model.fit_report_["boundary"] == {"beta": "infinity"}
    assert_allclose(model.survival([3, 10]), [0.512, 0.8**10], rtol=1e-3)
    assert np.isnan(model.standard_errors_["beta"])


def test_those_who_leave_at_once_and_those_who_never_do():
    model = fitted_on([1000, 800, 800, 800])
    assert model.fit_report_["boundary"] == {"alpha": "0"}
    assert_allclose(model.survival([1, 50]), 0.8, rtol=1e-3)


@pytest.mark.parametrize(
    ("T", "churned", "message"),
    [
        ([3, 5, 0], [False] * 3, r"no customer left at any renewal.* Watch for longer"),
        ([1, 1, 1], [True] * 3, r"every customer left at the first renewal.* Choose shorter periods"),
        ([1, 1, 1], [True, False, False], r"nobody was watched at a second renewal.* Add older cohorts"),
        ([0, 0], [False, False], r"no customer left"),
    ],
)
def test_data_without_an_answer_is_refused_with_a_remedy(T, churned, message):
    with pytest.raises(ConvergenceError, match=message):
        ShiftedBetaGeometricModel().fit(pd.DataFrame({"T": T, "churned": churned}))


@pytest.mark.parametrize(
    ("T", "churned", "message"),
    [
        ([1.5, 2], [True, False], r"T must be a whole number from 0 .*, but 1 of 2 .*\(first at row 0\)"),
        ([-1, 2], [True, False], r"T must be a whole number from 0"),
        ([20240101, 2], [True, False], r"counts renewals, not dates"),
        ([2, 0], [False, True], r"T must be >= 1 where churned, but 1 of 2 .*\(first at row 1\)"),
        ([2, 1], [3, 1], r"churned must be true or false, but 1 of 2"),
        ([2, 1], ["yes", "no"], r"churned must be numeric"),
        (["2024-01-01", "2024-02-01"], [True, False], r"T must be numeric"),
        ([2, np.nan], [True, False], r"T must be a finite number"),
    ],
)
def test_bad_contracts_are_refused_with_a_remedy(T, churned, message):
    with pytest.raises(SchemaError, match=message):
        ShiftedBetaGeometricModel().fit(pd.DataFrame({"T": T, "churned": churned}))


def test_a_missing_column_is_named():
    with pytest.raises(SchemaError, match="Is 'churn' meant as 'churned'"):
        ShiftedBetaGeometricModel().fit(pd.DataFrame({"T": [1, 2], "churn": [True, False]}))


@pytest.mark.parametrize(
    ("survivors", "message"),
    [
        ([100, 120], r"never rise, but 1 of 1 cohorts .* Customers who come back"),
        ([100, -1], r"must be >= 0"),
        ([100], r"a gap or fewer than two counts"),
        ([[100, 90, 80], [100, np.nan, 80]], r"1 of 2 cohorts have a gap .*\(first in row 1\)"),
        (np.ones((2, 2, 2)), r"Got the shape \(2, 2, 2\)"),
    ],
)
def test_impossible_survivors_are_refused(survivors, message):
    with pytest.raises(SchemaError, match=message):
        contracts_from_survivors(survivors)


@pytest.mark.parametrize("weight", [[1, -1], [1, np.nan], [0, 0], [1, 2, 3]])
def test_impossible_weights_are_refused(weight):
    with pytest.raises(ValueError, match="sample_weight must be"):
        ShiftedBetaGeometricModel().fit(pd.DataFrame({"T": [1, 2], "churned": [True, False]}), None, weight)


def test_questions_without_an_answer_are_refused(model):
    with pytest.raises(ValueError, match=r"t must be whole and >= 1: it counts renewals\. Got 0\.0"):
        model.retention_rate(0)
    with pytest.raises(ValueError, match=r"t must be whole and >= 0"):
        model.survival([1, 2.5])
    with pytest.raises(ValueError, match=r"horizon must be whole and >= 1"):
        model.predict([1], horizon=0)
    with pytest.raises(ValueError, match=r"discount_rate must be >= 0\. Got -0\.1"):
        model.residual_lifetime([1], discount_rate=-0.1)
    with pytest.raises(SchemaError, match=r"churned must be false, but 1 of 2 .* still here"):
        model.predict(pd.DataFrame({"T": [1, 2], "churned": [False, True]}))
    with pytest.raises(SchemaError, match=r"T must be a whole number"):
        model.predict([-1])
    with pytest.raises(ValueError, match=r"parameters must be alpha and beta, each > 0"):
        given_parameters(0.0, 1.0)


# As an estimator (what tests/test_estimators.py asks of those that take customer summaries)


def test_a_saved_or_pickled_model_answers_the_same(model, tmp_path):
    right = model.residual_lifetime([0, 3], discount_rate=0.1)
    for again in (pickle.loads(pickle.dumps(model)), load_model(save_model(model, tmp_path / "model"))):
        assert_array_equal(again.residual_lifetime([0, 3], discount_rate=0.1), right)
        assert again.parameter_table().equals(model.parameter_table())


def test_fit_returns_the_model_changes_no_table_and_minds_no_order(contracts, model):
    before = contracts.copy()
    shuffled = contracts.sample(frac=1, random_state=1)[["churned", "T"]].assign(note="x")
    again = ShiftedBetaGeometricModel()
    assert again.fit(shuffled, y=np.zeros(len(shuffled))) is again
    assert contracts.equals(before)
    assert_allclose([again.alpha_, again.beta_], [model.alpha_, model.beta_], rtol=1e-12)
    by_position = ShiftedBetaGeometricModel().fit(contracts.to_numpy(dtype=float))
    assert by_position.alpha_ == model.alpha_
    active = contracts[~contracts["churned"]]
    assert_array_equal(model.predict(active), model.predict(active["T"]))


def test_an_unfitted_model_says_so_and_a_clone_is_unfitted(model):
    assert clone(model).get_params() == {}
    for ask in (clone(model).predict, clone(model).survival, clone(model).residual_lifetime):
        with pytest.raises(NotFittedError, match="is not fitted yet"):
            ask([1])
