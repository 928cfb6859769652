"""Static facts about customers: effects that were simulated are found, and others are not."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from crm_analytics.clv import BetaGeoModel, ModifiedBetaGeoModel, ParetoNBDModel
from crm_analytics.core import SchemaError, load_model, save_model
from crm_analytics.datasets import make_purchases
from crm_analytics.datasets.purchases import PROCESSES

MODELS = {"beta_geo": BetaGeoModel, "modified_beta_geo": ModifiedBetaGeoModel, "pareto_nbd": ParetoNBDModel}


def two_shops(process, n_customers=3000, seed=0, factor=2.0):
    """Customers of `old`, and of `new`, who while active buy `factor` times as often."""
    params = PROCESSES[process]
    tables = []
    for shift, (shop, times) in enumerate([("new", factor), ("old", 1.0)]):
        faster = {**params, "alpha": params["alpha"] / times}
        made = make_purchases(n_customers, process=process, params=faster, random_state=2 * seed + shift)
        tables.append(made.summary().assign(shop=shop))
    return pd.concat(tables, ignore_index=True)


@pytest.fixture(scope="module")
def shops():
    return two_shops("beta_geo")


@pytest.mark.parametrize("process", MODELS)
def test_a_covariate_that_doubles_the_rate_is_found(process):
    model = MODELS[process](covariates=["shop"]).fit(two_shops(process, n_customers=10_000))
    table = model.parameter_table()
    rate = "alpha: shop=old"  # against the first word in order, "new"
    # Coefficients say how much faster, so that halving is -log 2; three standard errors.
    assert table.loc[rate, "estimate"] == pytest.approx(-np.log(2), abs=3 * table.loc[rate, "standard_error"])
    assert table.loc[rate, "standard_error"] < 0.15  # and the sample is large enough for that to mean much
    for name in model.coefficients_:
        if name != rate:  # nothing else differs between the shops
            assert abs(table.loc[name, "estimate"]) < 3 * table.loc[name, "standard_error"], name


@pytest.mark.parametrize("process", ["beta_geo", "pareto_nbd"])
def test_a_covariate_without_effect_is_within_its_error_of_zero(process):
    scores = []
    for seed in range(40 if process == "beta_geo" else 20):
        table = make_purchases(2000, process=process, random_state=seed).summary()
        table["coin"] = np.random.default_rng(seed).integers(0, 2, len(table)).astype(float)
        model = MODELS[process](covariates=["coin"]).fit(table)
        found = model.parameter_table().loc[list(model.coefficients_)]
        scores.append(found["estimate"] / found["standard_error"])
    # Coefficients over their errors are normal: some 95 % within two. Of 40 pairs and more, a share has a
    # standard error of at most 0.035.
    assert np.mean(np.abs(scores) < 2) > 0.95 - 3 * 0.035
    assert np.std(scores) == pytest.approx(
        1, abs=3 / np.sqrt(2 * np.size(scores)) * 1.5
    )  # alike within a fit


def test_words_and_numbers_give_the_same_fit(shops):
    by_word = BetaGeoModel(covariates=["shop"]).fit(shops)
    numbered = shops.assign(shop=(shops["shop"] == "old").astype(float))
    by_number = BetaGeoModel(covariates=["shop"]).fit(numbered)
    assert by_number.log_likelihood_ == pytest.approx(by_word.log_likelihood_, rel=1e-10)
    # Two searches to a gradient of 1e-11, with directions as flat as a thousandth.
    assert_allclose(by_number.predict(numbered, horizon=39), by_word.predict(shops, horizon=39), rtol=1e-6)
    # A number's coefficient is per standard deviation, which for halves is 1/2.
    assert by_number.coefficients_["alpha: shop"] == pytest.approx(
        by_word.coefficients_["alpha: shop=old"] / 2, rel=1e-5
    )
    flags = shops.assign(shop=shops["shop"] == "old")
    by_flag = BetaGeoModel(covariates=["shop"]).fit(flags)
    assert_allclose(list(by_flag.coefficients_.values()), list(by_word.coefficients_.values()), rtol=1e-6)


@pytest.mark.parametrize("process", ["beta_geo", "pareto_nbd"])
def test_answers_differ_by_shop(process):
    table = two_shops(process)
    model = MODELS[process](covariates=["shop"]).fit(table)
    plain = MODELS[process]().fit(table)
    same = pd.DataFrame({"frequency": 1, "recency": 10.0, "T": 40.0, "shop": ["new", "old"]})
    assert plain.predict(same, horizon=39)[0] == plain.predict(same, horizon=39)[1]
    # Who used to buy at twice the rate and came back once has more likely left.
    alive = model.probability_alive(same)
    assert alive[0] < alive[1]
    nobody_yet = same.assign(frequency=0, recency=0.0, T=0.0)
    first, second = model.predict(nobody_yet, horizon=39)
    assert first > 1.3 * second  # twice the rate, less those who leave the sooner for it
    assert model.log_likelihood_ > plain.log_likelihood_ + 20
    assert model.predict_interval(same, horizon=39)["parameter_lower"].nunique() == 2


def test_a_new_customer_is_the_average_one(shops):
    model = BetaGeoModel(covariates=["shop"]).fit(shops)
    numbered = shops.assign(shop=(shops["shop"] == "old").astype(float))
    by_number = BetaGeoModel(covariates=["shop"]).fit(numbered)
    average = pd.DataFrame({"frequency": [0], "recency": [0.0], "T": [0.0], "shop": [0.5]})
    right = by_number.predict(average, horizon=52).item()
    assert by_number.expected_purchases_new(52.0) == pytest.approx(right, rel=1e-9)
    assert model.expected_purchases_new(52.0) == pytest.approx(right, rel=1e-6)


def test_the_likelihood_is_the_sum_of_the_customers_own(shops):
    for model in (BetaGeoModel(covariates=["shop"]), ParetoNBDModel(covariates=["shop"])):
        model.fit(shops)
        assert model.log_likelihood_ == pytest.approx(model.log_likelihood(shops).sum(), rel=1e-10)


def test_several_covariates_and_words_of_three_levels_are_named(shops):
    rng = np.random.default_rng(1)
    table = shops.assign(
        age=rng.normal(40, 10, len(shops)), region=rng.choice(["North", "South", "West"], len(shops))
    )
    model = BetaGeoModel(covariates=["region", "age"]).fit(table)
    names = ["region=South", "region=West", "age"]
    assert list(model.coefficients_) == [f"{p}: {name}" for p in ("alpha", "a", "b") for name in names]
    assert model.parameter_table().index.tolist() == [*["r", "alpha", "a", "b"], *model.coefficients_]
    shuffled = table.sample(frac=1, random_state=1)
    again = BetaGeoModel(covariates=["region", "age"]).fit(shuffled)
    assert_allclose(again.log_params_, model.log_params_, atol=1e-6)


def test_a_unit_of_age_or_time_changes_nothing(shops):
    table = shops.assign(age=np.random.default_rng(1).normal(40, 10, len(shops)))
    model = BetaGeoModel(covariates=["age"]).fit(table)
    months = table.assign(age=table["age"] * 12, recency=table["recency"] * 7, T=table["T"] * 7)
    again = BetaGeoModel(covariates=["age"]).fit(months)
    assert_allclose(again.predict(months, horizon=273), model.predict(table, horizon=39), rtol=1e-6)
    assert_allclose(list(again.coefficients_.values()), list(model.coefficients_.values()), atol=1e-6)


def test_a_customer_counted_twice_is_two_customers(shops):
    weight = np.where(np.arange(len(shops)) < 1000, 2.0, 1.0)
    weighted = BetaGeoModel(covariates=["shop"]).fit(shops, sample_weight=weight)
    copied = BetaGeoModel(covariates=["shop"]).fit(pd.concat([shops, shops.head(1000)]))
    assert_allclose(weighted.log_params_, copied.log_params_, atol=1e-7)


def test_a_saved_and_loaded_model_answers_the_same(shops, tmp_path):
    for model in (BetaGeoModel(covariates=["shop"]), ParetoNBDModel(covariates=["shop"])):
        model.fit(shops)
        again = load_model(save_model(model, tmp_path / type(model).__name__))
        some = shops.iloc[[0, 10, 3500, 4000]]
        assert_allclose(again.predict(some, horizon=39), model.predict(some, horizon=39), rtol=0)
        pd.testing.assert_frame_equal(again.parameter_table(), model.parameter_table())
        pd.testing.assert_frame_equal(
            again.predict_interval(some, horizon=39), model.predict_interval(some, horizon=39)
        )
        with pytest.raises(SchemaError, match="shop must be one of new, old"):
            again.predict(some.assign(shop="third"), horizon=39)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="shop"), r"1 of 1 columns missing: shop"),
        (lambda t: t.drop(columns="shop").assign(shops="old"), r"Is 'shops' meant as 'shop'"),
        (lambda t: t.assign(shop="old"), r"covariate shop is the same for all customers\. Leave it out"),
        (lambda t: t.assign(shop=1.5), r"covariate shop is the same for all customers\. Leave it out"),
        (
            lambda t: t.assign(shop=t["shop"].where(t.index > 0)),
            r"shop must be known, but 1 of 6,000 .*'unknown'",
        ),
        (
            lambda t: t.assign(shop=np.r_[np.nan, np.arange(5999.0)]),
            r"shop must be a finite number, but 1 of 6,000",
        ),
        (lambda t: t[["frequency", "recency", "T"]].to_numpy(), r"covariates shop are columns by name"),
    ],
    ids=["missing", "misspelt", "one word", "one number", "unknown word", "unknown number", "an array"],
)
def test_covariates_that_cannot_be_weighed_are_refused(shops, change, message):
    with pytest.raises(SchemaError, match=message):
        BetaGeoModel(covariates=["shop"]).fit(change(shops))


def test_words_that_the_fit_has_not_seen_are_refused(shops):
    model = BetaGeoModel(covariates=["shop"]).fit(shops)
    with pytest.raises(
        SchemaError, match=r"shop must be one of new, old, as in fit, but 2 of 3 .*nearest value"
    ):
        model.predict(shops.head(3).assign(shop=["new", "third", "fourth"]), horizon=39)
    with pytest.raises(SchemaError, match=r"1 of 1 columns missing: shop"):
        model.predict(shops[["frequency", "recency", "T"]], horizon=39)
    with pytest.raises(SchemaError, match=r"shop must be known, but 1 of 3"):
        model.probability_alive(shops.head(3).assign(shop=["new", None, "old"]))
    numbered = BetaGeoModel(covariates=["age"]).fit(shops.assign(age=np.arange(6000.0)))
    with pytest.raises(SchemaError, match=r"covariate age was a number in fit, but has dtype"):
        numbered.predict(shops.assign(age="forty"), horizon=39)
