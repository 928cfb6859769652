"""Models carried to lifetimes and back: the same parameters, the same predictions, on CDNOW and donations."""

import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import NotFittedError

from crm_analytics.clv import (
    BetaGeoBetaBinomModel,
    BetaGeoModel,
    GammaGammaModel,
    LifetimeValueModel,
    MBGCNBDModel,
    ModifiedBetaGeoModel,
    ParetoNBDModel,
)
from crm_analytics.clv.lifetimes_interop import FITTERS, MODELS, from_lifetimes, to_lifetimes
from crm_analytics.datasets import load_donations

TIMED = {
    "BetaGeoFitter": BetaGeoModel,
    "ModifiedBetaGeoFitter": ModifiedBetaGeoModel,
    "ParetoNBDFitter": ParetoNBDModel,
}
HORIZON = 39
PUBLISHED = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
SPEND = {"p": 6.25, "q": 3.74, "v": 15.44}
# Equal parameters, other arithmetic: theirs takes a hypergeometric function from 1, and puts 1e-15 to a
# likelihood lest it be 0. They differ by 4e-13 at most.
RTOL = 1e-11


def columns(table):
    return [table[name].to_numpy() for name in ("frequency", "recency", "T")]


def assert_the_same_answers(model, fitter, table):
    x, t_x, T = columns(table)
    by_fitter = fitter.predict(HORIZON, x, t_x, T)
    assert_allclose(model.predict(table, horizon=HORIZON), by_fitter, rtol=RTOL)
    assert_allclose(
        model.probability_alive(table), fitter.conditional_probability_alive(x, t_x, T), rtol=RTOL
    )
    ages = np.array([1.0, 13.0, 52.0])
    by_fitter = fitter.expected_number_of_purchases_up_to_time(ages)
    assert_allclose(model.expected_purchases_new(ages), by_fitter, rtol=RTOL)


def assert_the_same_answers_of_donors(model, fitter, donors):
    x, t_x, T = columns(donors)
    by_fitter = fitter.conditional_expected_number_of_purchases_up_to_time(5, x, t_x, T)
    assert_allclose(model.predict(donors, horizon=5), by_fitter, rtol=RTOL)
    # Ours is P(alive at the next opportunity), theirs so many opportunities ahead.
    by_fitter = fitter.conditional_probability_alive(1, x, t_x, T)
    assert_allclose(model.probability_alive(donors), by_fitter, rtol=RTOL)


def filled(model):
    """A new fitter of the model's kind with its parameters."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a pandas option that lifetimes sets
        import lifetimes
    kind = next((base for base in type(model).__mro__ if base in FITTERS), BetaGeoModel)
    return to_lifetimes(model, getattr(lifetimes, FITTERS[kind])())


@pytest.fixture(scope="module")
def donors():
    return load_donations()


@pytest.fixture(scope="module")
def buyers(cdnow):
    """Whom the Gamma-Gamma model learns from."""
    return cdnow[(cdnow["frequency"] > 0) & (cdnow["monetary_value"] > 0)]


# With 0.01 their BG/NBD gets a + b < 1, where their own predict is NaN for one-time buyers, as below.
@pytest.mark.parametrize("penalizer_coef", [0.0, 0.001])
@pytest.mark.parametrize("name", TIMED)
def test_a_fit_by_lifetimes_predicts_alike_as_our_model(lifetimes, cdnow, name, penalizer_coef):
    fitter = getattr(lifetimes, name)(penalizer_coef=penalizer_coef)
    fitter.fit(*columns(cdnow))  # in a time unit of its own, which must not show
    model = from_lifetimes(fitter)
    assert type(model) is TIMED[name]
    assert_the_same_answers(model, fitter, cdnow)


@pytest.mark.parametrize("name", TIMED)
def test_our_fit_predicts_alike_as_a_fitter(cdnow, name):
    model = TIMED[name]().fit(cdnow)
    fitter = filled(model)
    assert type(fitter).__name__ == name
    assert_the_same_answers(model, fitter, cdnow)


def test_our_model_answers_where_the_formula_of_lifetimes_does_not():
    model = BetaGeoModel.from_parameters({"r": 0.243, "alpha": 4.433, "a": 0.286, "b": 0.658})  # a + b < 1
    fitter = filled(model)
    one_time = pd.DataFrame({"frequency": [0.0], "recency": [0.0], "T": [39.0]})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the logarithm of a negative number
        assert np.isnan(fitter.predict(HORIZON, *columns(one_time))).all()
    # Who has not come back is still a customer, and as one whose alpha is T more.
    later = BetaGeoModel.from_parameters({"r": 0.243, "alpha": 4.433 + 39, "a": 0.286, "b": 0.658})
    expected = filled(later).expected_number_of_purchases_up_to_time(HORIZON)
    assert_allclose(model.predict(one_time, horizon=HORIZON), expected, rtol=RTOL)


def test_donors_are_predicted_alike_both_ways(lifetimes, donors):
    fitter = lifetimes.BetaGeoBetaBinomFitter()
    fitter.fit(*columns(donors), weights=donors["n_customers"])
    theirs = from_lifetimes(fitter)
    assert type(theirs) is BetaGeoBetaBinomModel
    assert_the_same_answers_of_donors(theirs, fitter, donors)
    ours = BetaGeoBetaBinomModel().fit(donors, sample_weight=donors["n_customers"])
    assert_the_same_answers_of_donors(ours, filled(ours), donors)


def test_spend_is_predicted_alike_both_ways(lifetimes, cdnow, buyers):
    fitter = lifetimes.GammaGammaFitter().fit(buyers["frequency"], buyers["monetary_value"])
    theirs, ours = from_lifetimes(fitter), GammaGammaModel().fit(buyers)
    assert type(theirs) is GammaGammaModel
    for model, peer in ((theirs, fitter), (ours, filled(ours))):
        by_fitter = peer.conditional_expected_average_profit(cdnow["frequency"], cdnow["monetary_value"])
        assert_allclose(model.predict(cdnow), by_fitter, rtol=1e-13)  # the same formula, in another order


@pytest.mark.parametrize(
    "model",
    [
        BetaGeoModel.from_parameters(PUBLISHED),
        ModifiedBetaGeoModel.from_parameters(PUBLISHED),
        ParetoNBDModel.from_parameters({"r": 0.553, "alpha": 10.578, "s": 0.606, "beta": 11.669}),
        BetaGeoBetaBinomModel.from_parameters({"alpha": 1.204, "beta": 0.75, "gamma": 0.657, "delta": 2.783}),
        GammaGammaModel.from_parameters(SPEND),
    ],
    ids=lambda model: type(model).__name__,
)
def test_there_and_back_is_the_same_model(model):
    fitter = filled(model)
    assert MODELS[type(fitter).__name__] is type(model)
    back = from_lifetimes(fitter)
    assert type(back) is type(model)
    for name in model.PARAMETERS:
        # Our models keep logarithms; the way there and back costs a last digit.
        assert getattr(back, f"{name}_") == pytest.approx(getattr(model, f"{name}_"), rel=1e-14)
        assert fitter.params_[name] == getattr(model, f"{name}_")


def test_a_regular_buyers_model_with_k_1_is_the_modified_beta_geo(cdnow):
    model = MBGCNBDModel.from_parameters(PUBLISHED, k=1)
    fitter = filled(model)
    assert type(fitter).__name__ == "ModifiedBetaGeoFitter"
    assert_the_same_answers(model, fitter, cdnow)
    assert type(from_lifetimes(fitter)) is ModifiedBetaGeoModel


def test_a_fitter_of_ours_values_customers_within_lifetimes(cdnow, buyers):
    # Their lifetime value asks one fitter for purchases and the other for spend.
    purchases, spend = filled(BetaGeoModel().fit(cdnow)), filled(GammaGammaModel().fit(buyers))
    value = spend.customer_lifetime_value(
        purchases,
        *(cdnow[name] for name in ("frequency", "recency", "T", "monetary_value")),
        time=6,
        freq="W",
    )
    assert np.isfinite(value).all()
    assert (value > 0).all()


def test_a_fitter_is_read_without_lifetimes(monkeypatch):
    monkeypatch.setitem(sys.modules, "lifetimes", None)
    fitter = type("BetaGeoFitter", (), {"params_": dict(PUBLISHED)})()
    model = from_lifetimes(fitter)
    assert_allclose([model.r_, model.alpha_, model.a_, model.b_], list(PUBLISHED.values()), rtol=1e-14)


def test_a_subclass_counts_as_what_it_derives_from(lifetimes):
    derived = type("OurFitter", (lifetimes.ModifiedBetaGeoFitter,), {})()
    derived.params_ = pd.Series(PUBLISHED)
    assert type(from_lifetimes(derived)) is ModifiedBetaGeoModel
    ours = type("OurModel", (ModifiedBetaGeoModel,), {}).from_parameters(PUBLISHED)
    assert type(filled(ours)) is lifetimes.ModifiedBetaGeoFitter


def test_a_fitter_of_another_model_is_refused(lifetimes):
    with pytest.raises(
        TypeError, match=r"fitter must be a BetaGeoFitter of lifetimes for BetaGeoModel\. Got Par"
    ):
        to_lifetimes(BetaGeoModel.from_parameters(PUBLISHED), lifetimes.ParetoNBDFitter())


@pytest.mark.parametrize("name", MODELS)
def test_a_fitter_that_is_not_fitted_is_refused(lifetimes, name):
    with pytest.raises(
        NotFittedError, match=rf"from_lifetimes: this {name} is not fitted yet\. Call its fit"
    ):
        from_lifetimes(getattr(lifetimes, name)())


@pytest.mark.parametrize("model", [BetaGeoModel(), GammaGammaModel(), MBGCNBDModel(k=2)])
def test_a_model_that_is_not_fitted_is_refused(model):
    with pytest.raises(NotFittedError, match=f"This {type(model).__name__} instance is not fitted yet"):
        filled(model)


def test_other_classes_are_refused_by_name():
    with pytest.raises(
        TypeError, match=r"fitter must be one of BetaGeoFitter, .* of lifetimes\. Got dict instead"
    ):
        from_lifetimes({"r": 1})
    with pytest.raises(TypeError, match=r"Got BetaGeoModel instead"):
        from_lifetimes(BetaGeoModel.from_parameters(PUBLISHED))
    value = LifetimeValueModel(unit="W", horizon=52)
    with pytest.raises(
        TypeError, match=r"model must be one of BetaGeoModel, .* Got LifetimeValueModel instead"
    ):
        filled(value)


def test_what_lifetimes_cannot_say_is_refused(cdnow):
    table = cdnow.assign(early=np.arange(len(cdnow)) % 2)
    model = BetaGeoModel(covariates=["early"]).fit(table)
    with pytest.raises(
        ValueError, match=r"no covariates, but this BetaGeoModel has 3 .* of alpha: early, a: early"
    ):
        filled(model)
    with pytest.raises(ValueError, match=r"this MBGCNBDModel has k = 2\. Fit ModifiedBetaGeoModel"):
        filled(MBGCNBDModel.from_parameters(PUBLISHED, k=2))


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("BetaGeoFitter", {**PUBLISHED, "a": np.nan}, r"parameters must be r, alpha, a, b, each > 0\. Got"),
        ("ParetoNBDFitter", PUBLISHED, r"parameters must be r, alpha, s, beta, each > 0\. Got"),
        ("GammaGammaFitter", {**SPEND, "q": 0.9}, r"p, q, v, each > 0, and q > 1 lest .* 'q': 0\.9"),
        ("GammaGammaFitter", {"p": 6.25, "q": 3.74}, r"p, q, v, each > 0, and q > 1 .* Got \{'p': 6\.25"),
        ("GammaGammaFitter", {**SPEND, "v": np.inf}, r"p, q, v, each > 0, and q > 1 .* 'v': inf"),
    ],
)
def test_parameters_that_no_model_has_are_refused(lifetimes, name, params, message):
    fitter = getattr(lifetimes, name)()
    fitter.params_ = pd.Series(params)
    with pytest.raises(ValueError, match=message):
        from_lifetimes(fitter)


def test_given_spend_parameters_predict_and_say_that_nothing_was_fitted():
    model = GammaGammaModel.from_parameters(SPEND, l2_penalty=0.1)
    # Hardie's note 025 prints 35.19 for one who never came back, from parameters of more digits.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # an array has no names
        assert model.predict(np.array([[0.0, 0.0]])) == pytest.approx(35.19, abs=0.05)
    assert model.l2_penalty == 0.1
    assert np.isnan([*model.standard_errors_.values(), model.log_likelihood_]).all()
    assert model.fit_report_["message"] == "parameters were given, not fitted"
