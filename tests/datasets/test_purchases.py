"""Simulated buyers: the same for the same seed, lawful, and as their parameters say."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal, assert_series_equal
from scipy.special import beta as beta_function
from scipy.special import hyp2f1

from crm_analytics.datasets import SimulatedPurchases, make_opportunities, make_purchases
from crm_analytics.datasets.purchases import (
    BETA_GEO,
    BETA_GEO_BETA_BINOM,
    GAMMA_GAMMA,
    MODIFIED_BETA_GEO,
    PARETO_NBD,
    PROCESSES,
    REGULAR,
)
from crm_analytics.features import customer_summary


@pytest.fixture(scope="module", params=PROCESSES)
def made(request):
    return make_purchases(20_000, process=request.param, random_state=1)


@pytest.mark.parametrize("process", PROCESSES)
def test_the_same_seed_gives_the_same_customers_and_another_others(process):
    first, again, other = (make_purchases(500, process=process, random_state=seed) for seed in (7, 7, 8))
    assert first.table().equals(again.table())
    assert_frame_equal(first.customers, again.customers, check_exact=True)
    assert not first.table().equals(other.table())
    generator = np.random.default_rng(7)
    assert first.table().equals(make_purchases(500, process=process, random_state=generator).table())


def test_the_world_does_not_change_the_customers():
    np.random.seed(1)
    first = make_purchases(100, random_state=7)
    np.random.seed(2)
    assert first.table().equals(make_purchases(100, random_state=7).table())


def test_columns_are_lawful(made):
    table = made.summary()
    assert (table["frequency"] >= 0).all()
    assert ((table["frequency"] == 0) == (table["recency"] == 0)).all()
    assert (table["recency"] <= table["T"]).all()
    assert table["T"].between(52 - 13, 52).all()
    assert ((table["frequency"] == 0) == (table["monetary_value"] == 0)).all()
    assert (made.amount >= 0.01).all()
    assert (made.first_amount >= 0.01).all()
    assert_array_equal(np.round(made.amount, 2), made.amount)
    died = made.customers["died_at"]
    assert ((died <= made.customers["T"]) | np.isinf(died)).all()
    assert (table["recency"] <= died).all()
    assert (np.diff(made.customer) >= 0).all()
    same = np.diff(made.customer) == 0
    assert (np.diff(made.time)[same] >= 0).all()


@pytest.mark.parametrize(("unit", "factor"), [("D", 7), ("h", 168)])
def test_units_differ_by_a_factor_alone(made, unit, factor):
    weeks, others = made.summary(), made.summary(unit)
    assert_allclose(others[["recency", "T"]], factor * weeks[["recency", "T"]], rtol=1e-15)
    assert others[["frequency", "monetary_value"]].equals(weeks[["frequency", "monetary_value"]])
    # Each gap adds the factor's logarithm; a hundred logarithms added lose some last digits.
    added = weeks["log_gaps"] + weeks["frequency"] * np.log(factor)
    assert_allclose(others["log_gaps"], added, rtol=1e-12, atol=1e-10)


def test_log_gaps_are_the_logarithms_of_the_times_between_purchases(made):
    ages = pd.concat(
        [
            pd.DataFrame({"customer_id": made.customers.index, "age": 0.0}),
            pd.DataFrame({"customer_id": made.customer, "age": made.time}),
        ]
    ).sort_values(["customer_id", "age"])
    gaps = ages.groupby("customer_id")["age"].diff().dropna()
    expected = np.log(gaps).groupby(ages.loc[ages["age"] > 0, "customer_id"].to_numpy()).sum()
    found = made.summary()
    expected = expected.reindex(found.index, fill_value=0.0).rename("log_gaps")
    # The same logarithms, which cancel, added in the same order: last digits only.
    assert_series_equal(found["log_gaps"], expected, check_names=False, rtol=1e-12, atol=1e-12)
    assert (found.loc[found["frequency"] == 0, "log_gaps"] == 0).all()
    assert np.isfinite(found["log_gaps"]).all()


def test_one_gap_is_the_recency_and_its_logarithm():
    table = make_purchases(2_000, random_state=1).summary("D")
    once = table[table["frequency"] == 1]
    assert len(once) > 100
    assert_allclose(once["log_gaps"], np.log(once["recency"]), rtol=1e-12)  # scaled before or after


def test_an_unknown_unit_is_refused(made):
    with pytest.raises(ValueError, match=r"unit must be one of 'W', 'D', 'h'\. Got 'M' instead\."):
        made.summary("M")


def test_the_log_and_the_summary_tell_the_same_story(made):
    log, table = made.log(), made.summary("D")
    assert log.n_customers == len(table)
    assert log.n_lines == len(table) + table["frequency"].sum()
    assert log.counts.amount == pytest.approx(made.amount.sum() + made.first_amount.sum(), rel=1e-12)
    assert log.end <= made.end
    lines = log.to_frame()
    ages = (lines["occurred_at"] - lines.groupby("customer_id")["occurred_at"].transform("min")).dt
    ages = ages.total_seconds() / 86_400
    by_customer = ages.groupby(lines["customer_id"]).agg(["size", "max"]).loc[table.index]
    assert_array_equal(by_customer["size"] - 1, table["frequency"])
    assert_allclose(by_customer["max"], table["recency"], rtol=0, atol=1 / 86_400)  # cut to the second


def test_a_summary_of_the_log_in_days_is_the_continuous_one_rounded(made):
    days, continuous = customer_summary(made.log(), made.end), made.summary("D")
    assert days.index.equals(continuous.index.rename("customer_id"))
    # Two purchases of one day are one; midnights lie up to a day from where an age begins.
    assert (days["frequency"] <= continuous["frequency"]).all()
    assert (days["frequency"] == continuous["frequency"]).mean() > 0.9
    assert (days["T"] - continuous["T"]).abs().max() <= 1
    assert (days["recency"] - continuous["recency"]).abs().max() <= 1


def test_even_a_purchase_of_the_last_second_lies_before_the_end():
    age = 1 / 604_800  # a customer of one second's age, and one who bought just now
    made = SimulatedPurchases(
        customers=pd.DataFrame({"T": [age * 0.5, 10.0]}, index=pd.RangeIndex(2, name="customer_id")),
        customer=np.array([1]),
        time=np.array([np.nextafter(10.0, 0)]),
        amount=np.array([1.0]),
        first_amount=np.array([1.0, 1.0]),
        end=date(2025, 1, 1),
    )
    assert (made.table()["occurred_at"].to_numpy() < np.datetime64("2025-01-01")).all()
    assert str(made.log().end) == "2025-01-01"


def test_beta_geo_customers_have_the_moments_of_their_parameters():
    made = make_purchases(20_000, joining_weeks=0, random_state=3)
    r, alpha, a, b = BETA_GEO.values()
    rate = made.customers["rate"]
    assert rate.mean() == pytest.approx(r / alpha, rel=0.05)  # its standard error is 1.4 %
    assert rate.var() == pytest.approx(r / alpha**2, rel=0.15)
    # Whoever came back left at once with the chance a / (a + b), which came_back does not depend on.
    frequency, died = made.summary()["frequency"], made.customers["died_at"]
    first = np.full(len(frequency), np.inf)
    np.minimum.at(first, made.customer, made.time)
    came_back = (frequency > 0).to_numpy()
    assert (died == first)[came_back].mean() == pytest.approx(a / (a + b), abs=0.02)  # standard error .005


def test_modified_beta_geo_customers_have_the_moments_of_their_parameters():
    made = make_purchases(20_000, process="modified_beta_geo", joining_weeks=0, random_state=3)
    r, alpha, a, b = MODIFIED_BETA_GEO.values()
    rate = made.customers["rate"]
    assert rate.mean() == pytest.approx(r / alpha, rel=0.04)  # its standard error is 1 %
    assert rate.var() == pytest.approx(r / alpha**2, rel=0.15)
    # Everybody may leave at once after the first purchase, and then never comes back.
    died, frequency = made.customers["died_at"], made.summary()["frequency"]
    assert (died == 0).mean() == pytest.approx(a / (a + b), abs=0.014)  # standard error .0034
    assert (frequency[died == 0] == 0).all()
    # Batislam, Denizel & Filiztekin (2007): mean repeat purchases up to age t.
    t = 52
    at_risk = 1 - (alpha / (alpha + t)) ** r * hyp2f1(r, b + 1, a + b, t / (alpha + t))
    assert abs(frequency.mean() - b / (a - 1) * at_risk) < 3 * frequency.std() / np.sqrt(len(frequency))


def test_modified_beta_geo_customers_are_those_of_beta_geo_who_may_leave_one_purchase_earlier():
    params = {"params": BETA_GEO, "random_state": 5}
    once, later = (make_purchases(3_000, process=p, **params) for p in ("modified_beta_geo", "beta_geo"))
    assert_series_equal(once.customers["rate"], later.customers["rate"], check_exact=True)
    fewer = later.summary()["frequency"] - once.summary()["frequency"]
    left = later.customers["died_at"] < np.inf
    assert (fewer[left] == 1).all()
    assert fewer.isin([0, 1]).all()


def test_regular_customers_have_the_regularity_and_the_moments_of_their_parameters():
    made = make_purchases(10_000, process="mbg_cnbd_k", weeks=520, joining_weeks=0, random_state=3)
    k, r, alpha, a, b = REGULAR.values()
    assert made.truth["k"] == k
    rate = made.customers["rate"]  # of the events of which every k-th is a purchase
    assert rate.mean() == pytest.approx(r / alpha, rel=0.04)  # its standard error is 1 %
    died, frequency = made.customers["died_at"], made.summary()["frequency"]
    assert (died == 0).mean() == pytest.approx(a / (a + b), abs=0.014)  # standard error .0035
    # Gaps in units of the customer's own events are gamma(k): mean and variance k. Only first gaps
    # of those so fast that ten years cut none off; that they stayed says nothing of their rate.
    fast = (rate * 520 > 40) & (died != 0)
    first = np.full(len(rate), np.inf)
    np.minimum.at(first, made.customer, made.time)
    assert (frequency[fast] > 0).all()
    gap = first[fast] * rate[fast]
    assert gap.mean() == pytest.approx(k, rel=0.03)  # standard error .7 % of 7,273 customers
    assert gap.var() == pytest.approx(k, rel=0.08)  # standard error 2.3 %
    # Of those who came back a first time, that left whom beta(a, b + 1) makes leave.
    assert (died == first)[fast].mean() == pytest.approx(a / (a + b + 1), abs=0.018)  # .0043


def test_regularity_1_is_the_modified_beta_geo():
    plain = make_purchases(500, process="modified_beta_geo", random_state=5)
    regular = make_purchases(500, process="mbg_cnbd_k", params={"k": 1, **MODIFIED_BETA_GEO}, random_state=5)
    assert plain.table().equals(regular.table())
    assert_frame_equal(plain.customers, regular.customers, check_exact=True)


def test_pareto_nbd_customers_have_the_moments_of_their_parameters():
    made = make_purchases(20_000, process="pareto_nbd", joining_weeks=0, random_state=3)
    r, alpha, s, beta = PARETO_NBD.values()
    assert made.customers["rate"].mean() == pytest.approx(r / alpha, rel=0.04)  # standard error 1 %
    # Alive at age T with the chance (beta / (beta + T))^s.
    for age in (4, 13, 26, 52):
        alive = (made.customers["died_at"] > age).mean()
        assert alive == pytest.approx((beta / (beta + age)) ** s, abs=0.012)  # standard error .0035
    # Schmittlein, Morrison & Colombo (1987): mean purchases up to T; published E[X(52)] = 1.4734.
    expected = r * beta / (alpha * (s - 1)) * (1 - (beta / (beta + 52)) ** (s - 1))
    assert expected == pytest.approx(1.4734, abs=3e-3)  # the parameters are printed to 3 digits
    found = made.summary()["frequency"]
    assert abs(found.mean() - expected) < 3 * found.std() / np.sqrt(len(found))


def test_spend_has_the_mean_and_the_spread_of_its_parameters(made):
    p, q, v = GAMMA_GAMMA.values()
    assert made.first_amount.mean() == pytest.approx(p * v / (q - 1), rel=0.03)  # standard error .6 %
    assert made.customers["mean_spend"].mean() == pytest.approx(p * v / (q - 1), rel=0.03)
    relative = made.amount / made.customers["mean_spend"].to_numpy()[made.customer]
    assert relative.mean() == pytest.approx(1, abs=0.01)
    assert relative.var() == pytest.approx(1 / p, rel=0.05)


def test_truth_and_dates_are_as_asked():
    made = make_purchases(
        50,
        weeks=10,
        joining_weeks=10,
        params={"r": 1, "alpha": 2, "a": 3, "b": 4},
        spend={"p": 5, "q": 6, "v": 7},
        end="2024-03-01",
        random_state=1,
    )
    assert made.truth == {"process": "beta_geo", "r": 1, "alpha": 2, "a": 3, "b": 4, "p": 5, "q": 6, "v": 7}
    assert made.end == date(2024, 3, 1)
    assert made.log().end <= date(2024, 3, 1)
    assert made.customers["T"].between(0, 10).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n_customers": 0}, r"n_customers must be >= 1\. Got 0 instead\."),
        (
            {"process": "poisson"},
            r"process must be one of 'beta_geo', 'modified_beta_geo', 'mbg_cnbd_k', 'pareto_nbd'\. Got 'poisson'",
        ),
        ({"joining_weeks": 53}, r"joining_weeks must be in \[0, weeks\]\. Got 53 instead\."),
        ({"weeks": float("nan")}, r"joining_weeks must be in \[0, weeks\]\. Got 13\.0 instead\."),
        ({"params": {"r": 1}}, r"params must have r, alpha, a, b, all > 0\. Got \{'r': 1\} instead\."),
        ({"params": PARETO_NBD}, r"params must have r, alpha, a, b, all > 0\. Got"),
        ({"params": {**BETA_GEO, "a": 0.0}}, r"params must have r, alpha, a, b, all > 0\. Got"),
        ({"process": "modified_beta_geo", "params": PARETO_NBD}, r"params must have r, alpha, a, b, all > 0"),
        ({"process": "mbg_cnbd_k", "params": BETA_GEO}, r"params must have k, r, alpha, a, b, all > 0\. Got"),
        ({"process": "mbg_cnbd_k", "params": {**REGULAR, "k": 0}}, r"k, r, alpha, a, b, all > 0\. Got"),
        ({"process": "pareto_nbd", "params": BETA_GEO}, r"params must have r, alpha, s, beta, all > 0\. Got"),
        ({"spend": {"p": 6, "q": 4}}, r"spend must have p, q, v, all > 0\. Got"),
        ({"end": "1 March"}, "Invalid isoformat string"),
    ],
)
def test_wrong_parameters_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        make_purchases(**{"n_customers": 10, "random_state": 1, **wrong})


def test_opportunities_are_lawful_and_the_same_for_the_same_seed():
    first, again, other = (make_opportunities(500, random_state=seed) for seed in (7, 7, 8))
    assert_frame_equal(first, again, check_exact=True)
    assert not first.equals(other)
    assert_frame_equal(first, make_opportunities(500, random_state=np.random.default_rng(7)))
    assert list(first) == ["frequency", "recency", "T"]
    assert (first["T"] == 6).all()
    assert first["frequency"].between(0, first["recency"]).all()
    assert (first["recency"] <= first["T"]).all()
    assert ((first["frequency"] == 0) == (first["recency"] == 0)).all()


def test_donors_have_the_moments_of_their_parameters():
    n, opportunities = 20_000, 6
    donors = make_opportunities(n, n_opportunities=opportunities, random_state=3)
    alpha, beta, gamma, delta = BETA_GEO_BETA_BINOM.values()
    buys = alpha / (alpha + beta)
    stays = beta_function(gamma, delta + np.arange(1, opportunities + 1)) / beta_function(gamma, delta)
    # Fader, Hardie & Shang (2010), eq. (7): the mean is a sum over the opportunities still reached.
    expected = buys * stays.sum()
    assert abs(donors["frequency"].mean() - expected) < 3 * donors["frequency"].std() / np.sqrt(n)
    # Each share below has a standard error of at most .0035.
    at_the_last = (donors["recency"] == opportunities).mean()
    assert at_the_last == pytest.approx(buys * stays[-1], abs=0.012)
    at_all = beta_function(alpha + opportunities, beta) / beta_function(alpha, beta) * stays[-1]
    assert (donors["frequency"] == opportunities).mean() == pytest.approx(at_all, abs=0.012)
    # One opportunity: whoever stays and buys.
    single = make_opportunities(n, n_opportunities=1, random_state=4)["frequency"]
    assert single.mean() == pytest.approx(buys * stays[0], abs=0.012)


def test_donors_of_other_parameters_are_as_those_say():
    loyal = {
        "alpha": 900.0,
        "beta": 100.0,
        "gamma": 1e-9,
        "delta": 1.0,
    }  # nobody leaves, all give nine times in ten
    donors = make_opportunities(5_000, n_opportunities=10, params=loyal, random_state=1)
    assert donors["frequency"].mean() == pytest.approx(9, abs=0.05)  # standard error .014
    gone = make_opportunities(100, params={**loyal, "gamma": 1.0, "delta": 1e-9}, random_state=1)
    assert (gone[["frequency", "recency"]] == 0).all(axis=None)


@pytest.mark.parametrize(
    "params", [{"alpha": 1.0}, BETA_GEO, {**BETA_GEO_BETA_BINOM, "gamma": 0.0}], ids=["few", "others", "zero"]
)
def test_wrong_parameters_of_donors_are_refused(params):
    with pytest.raises(ValueError, match=r"params must have alpha, beta, gamma, delta, all > 0\. Got \{'"):
        make_opportunities(10, params=params, random_state=1)
