"""How sure: every interval against simulated customers whose future is known, and its own algebra."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.stats import binom

from crm_analytics.clv import (
    BetaGeoBetaBinomModel,
    BetaGeoModel,
    MBGCNBDModel,
    ModifiedBetaGeoModel,
    ParetoNBDModel,
)
from crm_analytics.datasets import make_purchases
from crm_analytics.metrics import ModelError

PROCESSES = {
    "beta_geo": BetaGeoModel(),
    "modified_beta_geo": ModifiedBetaGeoModel(),
    "pareto_nbd": ParetoNBDModel(),
    "mbg_cnbd_k": MBGCNBDModel(k=3),
}
CUSTOMERS = pd.DataFrame({"frequency": [0, 2, 8], "recency": [0, 30.43, 35], "T": [38.86] * 3})


def halves(process, n_customers, seed, *, weeks=78.0, joining_weeks=0.0):
    """What was known 39 weeks before the end, what came in them, and the model that made both."""
    made = make_purchases(
        n_customers, process=process, weeks=weeks, joining_weeks=joining_weeks, random_state=seed
    )
    age = made.customers["T"].to_numpy() - 39
    early = made.time <= age[made.customer]
    recency = np.zeros(n_customers)
    np.maximum.at(recency, made.customer[early], made.time[early])
    count = np.bincount(made.customer[early], minlength=n_customers)
    table = pd.DataFrame({"frequency": count, "recency": recency, "T": age})
    model = PROCESSES[process]
    true = type(model).from_parameters(
        {name: made.truth[name] for name in model.PARAMETERS}, **model.get_params()
    )
    return table, np.bincount(made.customer[~early], minlength=n_customers), true


def spread(model):
    return np.sqrt(np.diag(model.covariance_))


@pytest.fixture(scope="module")
def simulated():
    return make_purchases(20_000, random_state=1).summary()


# Covariances


@pytest.mark.parametrize(
    ("process", "tolerance"), [("beta_geo", 0.05), ("modified_beta_geo", 0.15), ("pareto_nbd", 0.15)]
)
def test_the_sandwich_is_the_observed_covariance_when_the_model_is_true(process, tolerance):
    table = make_purchases(20_000, process=process, random_state=1).summary()
    observed = type(PROCESSES[process])().fit(table)
    sandwich = type(PROCESSES[process])(covariance="sandwich").fit(table)
    assert_allclose(sandwich.log_params_, observed.log_params_)
    # Over 100 such samples the ratio was 1.00 on the mean, with a standard deviation of up to 0.015 for BG
    # and 0.047 for MBG: three of them.
    assert_allclose(spread(sandwich) / spread(observed), 1, atol=tolerance)


def test_the_sandwich_differs_when_the_model_is_wrong():
    regular = make_purchases(20_000, process="mbg_cnbd_k", random_state=1).summary()
    for model, wrong in [(BetaGeoModel, "alpha"), (ParetoNBDModel, "beta")]:
        observed, sandwich = model().fit(regular), model(covariance="sandwich").fit(regular)
        ratio = sandwich.standard_errors_[wrong] / observed.standard_errors_[wrong]
        # Who buys regularly scatters less than chance: five standard deviations of the ratio above.
        assert ratio < 0.93, model


def test_laplace_draws_have_the_covariance(cdnow):
    model = BetaGeoModel().fit(cdnow)
    draws = model.draw_parameters(100_000, random_state=1)
    # Four standard errors of a mean and of a covariance from 100,000 draws.
    assert_allclose((draws.mean(axis=0) - model.log_params_) / spread(model), 0, atol=4 / np.sqrt(1e5))
    scale = np.outer(spread(model), spread(model))
    assert_allclose(np.cov(draws.T) / scale, model.covariance_ / scale, atol=4 * np.sqrt(2 / 1e5))
    assert_allclose(draws[:10], model.draw_parameters(100_000, random_state=1)[:10], rtol=0)


def test_bootstrapped_errors_are_the_observed_ones_when_the_model_is_true(simulated):
    model = BetaGeoModel().fit(simulated)
    draws = model.bootstrap(simulated, n_draws=60, random_state=0)
    # A standard deviation from 60 draws has a relative standard error of 1 / sqrt(120) = 0.09: three.
    assert_allclose(draws.std(axis=0, ddof=1) / spread(model), 1, atol=0.27)


def test_bootstrapped_errors_of_cdnow_are_the_sandwich_s(cdnow):
    # BG is not quite true of CDNOW: the observed error of r is smaller by an eighth, of alpha by a fifth. (MBG's
    # and Pareto's are smaller still; their other two are too skewed there for standard deviations to agree.)
    observed, sandwich = BetaGeoModel().fit(cdnow), BetaGeoModel(covariance="sandwich").fit(cdnow)
    draws = observed.bootstrap(cdnow, n_draws=60, random_state=0)
    assert_allclose(draws.std(axis=0, ddof=1) / spread(sandwich), 1, atol=0.27)  # as above
    assert spread(sandwich)[1] > 1.15 * spread(observed)[1]


# Customers


@pytest.mark.parametrize("process", PROCESSES)
def test_intervals_of_customers_hold_at_least_as_many_as_they_say(process):
    table, actual, _ = halves(process, 3000, seed=5)
    model = PROCESSES[process].fit(table)
    for level in (0.5, 0.9):
        found = model.predict_interval(table, horizon=39, level=level, n_draws=20)
        inside = ((found["lower"] <= actual) & (actual <= found["upper"])).mean()
        # Counts are whole, so that intervals hold more; below, three standard errors of a share of 3,000.
        assert inside >= level - 3 * np.sqrt(level * (1 - level) / 3000), level
        # What bounds below the next whole number would hold too little, so intervals are not idle either.
        narrower = ((found["lower"] < actual) & (actual < found["upper"])).mean()
        assert narrower < level, level
        assert (found["lower"] <= found["upper"]).all()
        assert (found["parameter_lower"] <= found["parameter_upper"]).all()


def test_donors_are_held_by_their_intervals_too():
    found = donors_of_twelve(seed=3)
    model = BetaGeoBetaBinomModel().fit(found)
    interval = model.predict_interval(found, horizon=6, level=0.9, n_draws=20)
    actual = found["frequency_holdout"]
    inside = ((interval["lower"] <= actual) & (actual <= interval["upper"])).mean()
    assert inside >= 0.9 - 3 * np.sqrt(0.09 / 3000)  # three standard errors


def donors_of_twelve(seed):
    """3,000 donors at their sixth opportunity, and their gifts at the six to come."""
    rng = np.random.default_rng(seed)
    buys, leaves = rng.beta(1.204, 0.750, (3000, 1)), rng.beta(0.657, 2.783, (3000, 1))
    active = np.cumprod(rng.random((3000, 12)) >= leaves, axis=1)
    taken = active * (rng.random((3000, 12)) < buys)
    first, then = taken[:, :6], taken[:, 6:]
    recency = (first * np.arange(1, 7)).max(axis=1)
    return pd.DataFrame(
        {"frequency": first.sum(axis=1), "recency": recency, "T": 6, "frequency_holdout": then.sum(axis=1)}
    )


def test_intervals_of_expectations_hold_the_true_ones():
    runs, inside = 100, []
    for seed in range(runs):
        table, _, true = halves("beta_geo", 1500, seed)
        found = BetaGeoModel().fit(table).predict_interval(CUSTOMERS, horizon=39, n_draws=200)
        right = true.predict(CUSTOMERS, horizon=39)
        inside.append((found["parameter_lower"] <= right) & (right <= found["parameter_upper"]))
    # 81 and 97 of 100: a binomial of 90 % is outside in a case of 500, for each of the customers.
    for customer in np.sum(inside, axis=0):
        assert 81 <= customer <= 97


def test_more_customers_make_surer_of_expectations_but_not_of_what_they_do():
    few, many = (
        BetaGeoModel()
        .fit(make_purchases(n, random_state=1).summary())
        .predict_interval(CUSTOMERS, horizon=39)
        for n in (500, 50_000)
    )
    widths = [(found["parameter_upper"] - found["parameter_lower"]).to_numpy() for found in (few, many)]
    assert (widths[0] > 4 * widths[1]).all()  # a tenth, were the estimates the same
    # Nor does it grow: chance alone remains.
    assert ((few["upper"] - few["lower"] - (many["upper"] - many["lower"])).abs() <= 3).all()


def test_draws_that_are_given_are_used(cdnow):
    model = BetaGeoModel().fit(cdnow)
    same = np.tile(model.log_params_, (3, 1))
    found = model.predict_interval(CUSTOMERS, horizon=39, draws=same)
    assert_allclose(found["parameter_lower"], found["expected"])
    assert_allclose(found["parameter_upper"], found["expected"])
    assert_allclose(found["expected"], model.predict(CUSTOMERS, horizon=39))


# Totals


@pytest.mark.parametrize("process", ["beta_geo", "pareto_nbd"])
def test_intervals_of_totals_hold_the_actual_ones(process):
    runs, inside = 60, 0
    for seed in range(runs):
        table, actual, _ = halves(process, 1500, seed)
        model = PROCESSES[process].fit(table)
        found = model.total_interval(table, horizon=39, level=0.9, n_draws=60).loc["purchases"]
        inside += found["lower"] <= actual.sum() <= found["upper"]
    low, high = binom(runs, 0.9).ppf([0.005, 0.995])  # 47 and 59
    assert low <= inside <= high


@pytest.mark.parametrize("model", PROCESSES.values(), ids=PROCESSES)
def test_each_doubt_makes_the_interval_wider(model, cdnow):
    found = model.fit(cdnow).total_interval(cdnow, horizon=39, n_draws=50)
    assert found.index.tolist() == ["parameters", "purchases", "model"]
    assert (found["lower"].diff().dropna() < 0).all()
    assert (found["upper"].diff().dropna() > 0).all()
    assert_allclose(found.loc["parameters", "expected"], model.predict(cdnow, horizon=39).sum())


def test_a_total_of_weighted_customers_is_that_of_their_copies(cdnow):
    model = BetaGeoModel().fit(cdnow)
    some = cdnow.head(300)
    twice = model.total_interval(pd.concat([some, some]), horizon=39)
    weighted = model.total_interval(some, horizon=39, sample_weight=np.full(300, 2.0))
    pd.testing.assert_frame_equal(twice, weighted)


def test_the_error_of_the_model_moves_and_widens_the_total(cdnow):
    model = BetaGeoModel().fit(cdnow)
    low = ModelError.learn(np.full(30, -0.2))
    unknown = model.total_interval(cdnow, horizon=39)
    found = model.total_interval(cdnow, horizon=39, model_error=low)
    pd.testing.assert_frame_equal(found.iloc[:2], unknown.iloc[:2])  # the others do not know it
    assert found.loc["model", "expected"] == pytest.approx(
        unknown.loc["model", "expected"] * np.exp(low.location)
    )
    # CDNOW's 1,882 lie outside what chance and parameters allow BG, and inside with a typical error.
    assert not unknown.loc["purchases", "lower"] <= 1882 <= unknown.loc["purchases", "upper"]
    assert unknown.loc["model", "lower"] <= 1882 <= unknown.loc["model", "upper"]


# Flat likelihoods, boundaries, and wrong questions


def test_what_went_to_the_boundary_stays_there_in_draws():
    rng = np.random.default_rng(2)
    T = rng.uniform(20, 60, 2000)
    x = rng.poisson(rng.gamma(1.0, 0.1, 2000) * T)  # nobody leaves
    table = pd.DataFrame(
        {"frequency": x, "recency": np.where(x > 0, T * rng.beta(np.maximum(x, 1), 1), 0), "T": T}
    )
    model = ParetoNBDModel().fit(table)
    assert model.fit_report_["message"].startswith("on the boundary: ")
    at_edge = np.diag(model.covariance_) == 0
    assert at_edge.any()
    draws = model.draw_parameters(50)
    assert (draws[:, at_edge] == model.log_params_[at_edge]).all()
    assert (draws[:, ~at_edge].std(axis=0) > 0).all()
    assert model.parameter_table()["lower"].isna().to_numpy().tolist() == at_edge.tolist()
    found = model.total_interval(table, horizon=10)
    assert found.loc["purchases", "lower"] < 10 * x.sum() / T.mean() < found.loc["purchases", "upper"]


def test_a_flat_likelihood_has_no_draws_and_says_what_to_do(cdnow):
    model = BetaGeoModel.from_parameters({"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426})
    words = r"the likelihood is flat in some direction.* Use `bootstrap`, set prior_precision \(try 0\.25\)"
    for ask in (model.predict_interval, model.total_interval):
        with pytest.raises(ValueError, match=words):
            ask(cdnow, horizon=39)
    assert model.parameter_table()[["standard_error", "lower", "upper"]].isna().all(axis=None)


@pytest.mark.parametrize("level", [0, 1, 1.5, np.nan])
def test_a_level_outside_0_and_1_is_refused(cdnow, level):
    model = BetaGeoModel().fit(cdnow)
    words = r"level must be in \(0, 1\)\. Got"
    with pytest.raises(ValueError, match=words):
        model.parameter_table(level=level)
    with pytest.raises(ValueError, match=words):
        model.predict_interval(cdnow, horizon=39, level=level)
    with pytest.raises(ValueError, match=words):
        model.total_interval(cdnow, horizon=39, level=level)


def test_no_draws_and_an_endless_horizon_are_refused(cdnow):
    model = BetaGeoModel().fit(cdnow)
    with pytest.raises(ValueError, match=r"n_draws must be >= 1\. Got 0 instead"):
        model.predict_interval(cdnow, horizon=39, n_draws=0)
    with pytest.raises(ValueError, match=r"horizon must be >= 0 and finite\. Got inf"):
        model.total_interval(cdnow, horizon=np.inf)
    with pytest.raises(ValueError, match=r"covariance must be one of .* Got 'robust'"):
        BetaGeoModel(covariance="robust").fit(cdnow)


@pytest.mark.parametrize("precision", [-1.0, np.nan, np.inf])
def test_an_impossible_prior_is_refused(cdnow, precision):
    with pytest.raises(ValueError, match=r"prior_precision must be >= 0 and finite\. Got"):
        BetaGeoModel(prior_precision=precision).fit(cdnow)


# Priors


@pytest.mark.parametrize("model", [BetaGeoModel, ModifiedBetaGeoModel, ParetoNBDModel])
def test_a_prior_pulls_towards_the_start_and_none_is_maximum_likelihood(cdnow, model):
    def fitted(precision):
        return model(prior_precision=precision).fit(cdnow)

    plain = model().fit(cdnow)
    assert_allclose(fitted(0.0).log_params_, plain.log_params_, rtol=0)
    start = fitted(1e12).log_params_  # nothing is left but the prior
    found = [fitted(precision) for precision in (0.0, 0.25, 10.0, 1000.0)]
    distances = [np.linalg.norm(one.log_params_ - start) for one in found]
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] < distances[0] / 2
    likelihoods = [one.log_likelihood_ for one in found]
    assert likelihoods == sorted(likelihoods, reverse=True)  # told without the prior
    assert likelihoods[1] == pytest.approx(found[1].log_likelihood(cdnow).sum(), abs=1e-6)
    assert found[3].standard_errors_["r"] / found[3].r_ < found[0].standard_errors_["r"] / found[0].r_


@pytest.mark.parametrize("model", [BetaGeoModel, ModifiedBetaGeoModel, ParetoNBDModel])
def test_a_prior_does_not_know_the_unit_of_time(cdnow, model):
    days = cdnow.assign(recency=cdnow["recency"] * 7, T=cdnow["T"] * 7)
    by_week, by_day = (model(prior_precision=10.0).fit(table) for table in (cdnow, days))
    assert_allclose(by_day.predict(days, horizon=273), by_week.predict(cdnow, horizon=39), rtol=1e-8)
    assert_allclose(by_day.covariance_, by_week.covariance_, rtol=1e-6)
    intervals = by_week.predict_interval(CUSTOMERS, horizon=39)
    in_days = CUSTOMERS.assign(recency=CUSTOMERS["recency"] * 7, T=CUSTOMERS["T"] * 7)
    assert_allclose(by_day.predict_interval(in_days, horizon=273), intervals, rtol=1e-6)


def test_a_prior_makes_a_small_flat_sample_answer_with_intervals():
    table = make_purchases(10, random_state=3).summary()
    found = BetaGeoModel(prior_precision=0.25).fit(table).predict_interval(table, horizon=39)
    assert np.isfinite(found.to_numpy()).all()
    assert (found["lower"] <= found["upper"]).all()
