"""Lifetime value against sums spelled out, the literature's 61.3 dollars, and its own algebra."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal

from crm_analytics.clv import BetaGeoModel, GammaGammaModel, LifetimeValueModel, ParetoNBDModel
from crm_analytics.core import ConvergenceError, SchemaError
from crm_analytics.core.units import PERIODS_PER_YEAR
from crm_analytics.datasets import load_cdnow, make_purchases
from crm_analytics.features import customer_summary

PARTS = {"expected_purchases", "expected_spend", "p_alive", "p_no_purchase", "clv"}


@pytest.fixture(scope="module")
def made():
    return make_purchases(5000, random_state=1)


@pytest.fixture(scope="module")
def fitted(made):
    return LifetimeValueModel(unit="W", horizon=52, annual_discount_rate=0.15).fit(made.summary())


def test_value_is_the_sum_over_weeks_of_purchases_times_spend_discounted(made, fitted):
    table = made.summary().head(200)
    weekly_rate = 1.15 ** (7 / 365.25)
    # A purchase of week k is expected at its middle, k - 1/2; that errs by the square of a week's discount.
    up_to = np.array([fitted.purchases_.predict(table, horizon=k) for k in range(53)])
    discounted = (np.diff(up_to, axis=0).T * weekly_rate ** -(np.arange(52) + 0.5)).sum(axis=1)
    right = discounted * fitted.spend_.predict(table)
    assert_allclose(fitted.predict(table), right, rtol=1e-5)


def test_value_is_the_sum_over_months_in_a_summary_of_months():
    table = customer_summary(load_cdnow(), "1998-01-01", unit="M")
    model = LifetimeValueModel(unit="M", horizon=12, annual_discount_rate=0.1, margin=0.3).fit(table)
    table = table.head(300)
    edges = np.linspace(0, 12, 12 * 30 + 1)  # 30 slices a month, each discounted from its middle
    up_to = np.array([model.purchases_.predict(table, horizon=t) for t in edges])
    discounts = 1.1 ** (-(edges[1:] + edges[:-1]) / 24)
    right = 0.3 * (np.diff(up_to, axis=0).T @ discounts) * model.spend_.predict(table)
    assert_allclose(model.predict(table), right, rtol=1e-6)  # a slice errs by the square of its discount


def test_values_are_those_of_lifetimes_when_it_is_told_that_the_unit_is_a_week(lifetimes, cdnow):
    month = 4.345  # weeks, theirs; their rate is 1 % a month
    yearly = 1.01 ** (PERIODS_PER_YEAR["W"] / month) - 1
    model = LifetimeValueModel(
        unit="W", horizon=12 * month, annual_discount_rate=yearly, purchases=BetaGeoModel()
    ).fit(cdnow)
    purchases, spend = lifetimes.BetaGeoFitter(), lifetimes.GammaGammaFitter()
    purchases.params_ = pd.Series(dict(zip(["r", "alpha", "a", "b"], model.purchases_._params, strict=True)))
    purchases.predict = purchases.conditional_expected_number_of_purchases_up_to_time
    spend.params_ = pd.Series({"p": model.spend_.p_, "q": model.spend_.q_, "v": model.spend_.v_})
    columns = [cdnow[name] for name in ["frequency", "recency", "T", "monetary_value"]]
    right = spend.customer_lifetime_value(purchases, *columns, time=12, discount_rate=0.01, freq="W")
    # They discount a month's purchases from its end, ours count from when they are expected: half a
    # month's interest. What remains is the curve within a month.
    assert_allclose(model.predict(cdnow), right * 1.01**0.5, rtol=1e-4)
    in_days = spend.customer_lifetime_value(purchases, *columns, time=12, discount_rate=0.01)
    assert in_days.sum() > 3 * right.sum()  # their default, and why ours has none


@pytest.mark.parametrize("horizon", [1, 52, 520])
def test_value_without_discount_is_purchases_times_spend_times_margin(made, horizon):
    model = LifetimeValueModel(unit="W", horizon=horizon, annual_discount_rate=0.0, margin=0.25)
    table = model.fit(made.summary()).predict_table(made.summary())
    assert_allclose(table["clv"], 0.25 * table["expected_purchases"] * table["expected_spend"], rtol=1e-12)


def test_discounting_takes_less_than_a_horizons_interest(made, fitted):
    table = fitted.predict_table(made.summary())
    plain = table["expected_purchases"] * table["expected_spend"]
    assert (table["clv"] < plain).all()
    assert (table["clv"] > plain / 1.15).all()


@pytest.mark.parametrize("unit", ["D", "h", "M"])
def test_value_is_the_same_in_every_unit_of_time(made, fitted, unit):
    factor = PERIODS_PER_YEAR[unit] / PERIODS_PER_YEAR["W"]
    weekly = made.summary()
    scaled = weekly.assign(recency=weekly["recency"] * factor, T=weekly["T"] * factor)
    model = LifetimeValueModel(unit=unit, horizon=52 * factor, annual_discount_rate=0.15).fit(scaled)
    # Rounding in the scaled columns moves the optimum by about 1e-9.
    assert_allclose(model.predict(scaled), fitted.predict(weekly), rtol=1e-6)


def test_values_scale_with_the_currency(made, fitted):
    table = made.summary()
    in_kurus = table.assign(monetary_value=table["monetary_value"] * 1e7)
    model = LifetimeValueModel(unit="W", horizon=52, annual_discount_rate=0.15).fit(in_kurus)
    assert_allclose(model.predict(in_kurus), 1e7 * fitted.predict(table), rtol=1e-6)


def test_the_table_is_that_of_the_two_models_on_the_customers_index(made, fitted):
    summary = made.summary().sample(frac=0.1, random_state=3)
    table = fitted.predict_table(summary)
    assert table.index.equals(summary.index)
    assert set(table) == PARTS
    assert_array_equal(table["p_alive"], ParetoNBDModel().fit(made.summary()).probability_alive(summary))
    assert_array_equal(table["expected_spend"], GammaGammaModel().fit(made.summary()).predict(summary))
    assert_array_equal(table["expected_purchases"], fitted.purchases_.predict(summary, horizon=52))
    assert_array_equal(table["clv"], fitted.predict(summary))
    assert_array_equal(table["p_alive"], fitted.probability_alive(summary))


def test_an_array_gets_customers_numbered_from_0(made):
    values = made.summary()[list(LifetimeValueModel.COLUMNS)].to_numpy()
    model = LifetimeValueModel(unit="W", horizon=52, annual_discount_rate=0.15).fit(values)
    assert_frame_equal(
        model.predict_table(values),
        model.fit(made.summary()).predict_table(made.summary()).reset_index(drop=True),
        check_exact=True,
    )


def test_the_horizon_can_be_chosen_again_at_prediction(made, fitted):
    table = made.summary().head(50)
    shorter = LifetimeValueModel(unit="W", horizon=26, annual_discount_rate=0.15).fit(made.summary())
    assert_array_equal(fitted.predict(table, horizon=26), shorter.predict(table))
    assert (fitted.predict(table, horizon=104) > fitted.predict(table)).all()


def test_the_simulated_customers_spend_in_the_next_year_what_was_predicted():
    # The same customers a year later: what they bought after week 52, undiscounted.
    made = make_purchases(30_000, weeks=104, joining_weeks=0, random_state=9)
    early = made.time < 52
    n = len(made.customers)
    x = np.bincount(made.customer[early], minlength=n)
    t_x = np.zeros(n)
    np.maximum.at(t_x, made.customer[early], made.time[early])
    spent = np.bincount(made.customer[early], weights=made.amount[early], minlength=n)
    table = pd.DataFrame(
        {"frequency": x, "recency": t_x, "T": 52.0, "monetary_value": spent / np.maximum(x, 1)}
    )
    model = LifetimeValueModel(unit="W", horizon=52, annual_discount_rate=0.0, purchases=BetaGeoModel()).fit(
        table
    )
    later = np.bincount(made.customer[~early], weights=made.amount[~early], minlength=n)
    error = later.std() * np.sqrt(n)
    assert abs(model.predict(table).sum() - later.sum()) < 3 * error
    assert error < 0.03 * later.sum()  # so that the line before says something


def test_repeat_buyers_who_paid_nothing_are_left_out_of_the_spend_model_but_scored(cdnow_full):
    model = LifetimeValueModel(unit="W", horizon=39).fit(cdnow_full)
    free = cdnow_full[(cdnow_full["frequency"] > 0) & (cdnow_full["monetary_value"] == 0)]
    table = model.predict_table(free)
    assert model.n_without_spend_ == len(free) == 1
    assert 0 < table["expected_spend"].item() < model.predict_table(cdnow_full)["expected_spend"].median()


def test_the_models_given_are_cloned_not_fitted(made):
    spend = GammaGammaModel(l2_penalty=0.01)
    model = LifetimeValueModel(unit="W", horizon=52, spend=spend).fit(made.summary())
    assert not hasattr(spend, "p_")
    assert model.spend_.l2_penalty == 0.01
    assert model.spend_.p_ < GammaGammaModel().fit(made.summary()).p_


@pytest.mark.parametrize("horizon", [0, -1, np.nan, np.inf])
def test_an_impossible_horizon_is_refused_in_fit_and_in_predict(made, fitted, horizon):
    with pytest.raises(ValueError, match=r"horizon must be > 0 and finite\. Got"):
        LifetimeValueModel(unit="W", horizon=horizon).fit(made.summary())
    with pytest.raises(ValueError, match=r"horizon must be > 0 and finite\. Got"):
        fitted.predict(made.summary(), horizon=horizon)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"unit": "Y"}, r"unit must be one of 'h', 'D', 'W', 'M'\. Got 'Y' instead\."),
        ({"unit": None}, r"unit must be one of .*\. Got None instead\."),
        (
            {"annual_discount_rate": -1.5},
            r"annual_discount_rate must be > -1 and finite\. Got -1\.5 instead\.",
        ),
        ({"margin": float("nan")}, r"margin must be finite\. Got nan instead\."),
    ],
)
def test_a_wrong_parameter_is_refused_in_fit(made, wrong, message):
    with pytest.raises(ValueError, match=message):
        LifetimeValueModel(**{"unit": "W", "horizon": 52, **wrong}).fit(made.summary())


def test_there_is_no_default_unit_or_horizon():
    with pytest.raises(TypeError, match=r"unit.*horizon"):
        LifetimeValueModel()


def test_errors_of_the_two_models_come_through(made):
    nobody = made.summary().assign(frequency=0, recency=0.0)
    with pytest.raises(ConvergenceError, match="none of 5,000 customers has a repeat purchase"):
        LifetimeValueModel(unit="W", horizon=52).fit(nobody)
    free = made.summary().assign(monetary_value=0.0)
    with pytest.raises(ConvergenceError, match="no customer has a repeat purchase that was paid for"):
        LifetimeValueModel(unit="W", horizon=52).fit(free)
    with pytest.raises(SchemaError, match=r"LifetimeValueModel: 1 of 4 columns missing: monetary_value"):
        LifetimeValueModel(unit="W", horizon=52).fit(made.summary().drop(columns="monetary_value"))
    with pytest.raises(SchemaError, match="monetary_value must be >= 0"):
        LifetimeValueModel(unit="W", horizon=52).fit(made.summary().assign(monetary_value=-1.0))


def test_the_callers_table_is_never_written_to(made, fitted):
    table = made.summary()
    before = table.copy(deep=True)
    LifetimeValueModel(unit="W", horizon=52).fit(table).predict_table(table)
    assert_frame_equal(table, before, check_exact=True)
