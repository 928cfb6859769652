"""Profit of a campaign against published values, brute force over thresholds and acceptance, and its algebra."""

import time
from itertools import combinations, pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.integrate import fixed_quad
from scipy.stats import beta as beta_distribution

from crm_analytics.metrics import empc, mpc, profit_curve

customer = st.tuples(st.integers(0, 1), st.integers(0, 4), st.integers(-20, 400))
few_customers = st.lists(customer, min_size=1, max_size=9)
money = st.sampled_from([0.0, 0.5, 1.0, 10.0, 35.0])
CLV, OFFER, CONTACT, ALPHA, BETA = 200.0, 10.0, 1.0, 6.0, 14.0


def base(rate, n=1000):
    return (np.arange(n) < round(rate * n)).astype(int)


def lines(y, score, clv, offer, contact):
    """(fraction, intercept, slope) of contacting nobody and all with at least each score, one by one."""
    n, found = len(y), [(0.0, 0.0, 0.0)]
    for threshold in sorted(set(score), reverse=True):
        picked = [i for i in range(n) if score[i] >= threshold]
        slope = sum(clv[i] - offer for i in picked if y[i]) / n
        cost = sum(contact + (0 if y[i] else offer) for i in picked) / n
        found.append((len(picked) / n, -cost, slope))
    return found


def integrated(found, alpha=ALPHA, beta=BETA):
    """Mean over γ of the best line and of its fraction, by quadrature between all crossings."""
    meets = {0.0, 1.0}
    for (_, a, b), (_, c, d) in combinations(found, 2):
        if b != d and 0 < (a - c) / (d - b) < 1:
            meets.add((a - c) / (d - b))
    meets = sorted(meets)
    density = beta_distribution(alpha, beta).pdf
    value = fraction = 0.0
    for low, high in pairwise(meets):
        middle = (low + high) / 2
        share, a, b = max(found, key=lambda line: line[1] + line[2] * middle)
        value += fixed_quad(lambda g, a=a, b=b: (a + b * g) * density(g), low, high, n=40)[0]
        fraction += share * fixed_quad(density, low, high, n=40)[0]
    return value, fraction


def test_published_check_value_of_eight_customers():
    found = empc([0, 1] * 4, np.arange(1, 9) / 10)
    assert_allclose(found[:2], [23.875593418348124, 0.8743700763487141], rtol=0, atol=1e-12)


@pytest.mark.parametrize("score", [np.ones(1000), -base(0.152)], ids=["constant", "inverted"])
def test_published_check_values_of_a_score_without_information(score):
    found = empc(base(0.152), score)
    assert_allclose(found[:2], [0.8187546259610323, 0.36952945944918], rtol=0, atol=1e-12)
    assert found.trivial == found.value
    assert found.skill == 0


@pytest.mark.parametrize(
    ("churners", "customers", "trivial", "perfect"),
    [(152, 1000, 0.82, 8.51), (1869, 7043, 6.91, 14.86), (707, 5000, 0.52, 7.92)],
    ids=["published", "telco", "mlc"],
)
def test_bounds_depend_on_the_base_rate_alone(churners, customers, trivial, perfect):
    y = np.arange(customers) < churners
    found = empc(y, y)
    assert_allclose([found.trivial, found.perfect], [trivial, perfect], atol=0.005)  # printed to 2 digits
    assert_allclose([found.value, found.skill], [found.perfect, 1], rtol=1e-12)


def test_profit_of_the_perfect_score_by_hand():
    # Mean of max(0, 190 γ - 1) over Beta(6, 14): 56, and 8e-11 from acceptance too low for a contact to pay.
    assert_allclose(empc(base(0.152), base(0.152)).perfect, 0.152 * 56, rtol=1e-11)
    assert_allclose(mpc(base(0.152), base(0.152)).perfect, 0.152 * 56, rtol=1e-14)


@settings(max_examples=40, deadline=None)
@given(few_customers, money, money, st.sampled_from([(6.0, 14.0), (1.0, 1.0), (2.0, 5.0), (30.0, 4.0)]))
def test_empc_is_the_mean_over_acceptance_of_the_best_threshold(rows, offer, contact, shape):
    y, score, clv = zip(*rows, strict=True)
    found = empc(y, score, clv=clv, offer_cost=offer, contact_cost=contact, alpha=shape[0], beta=shape[1])
    value, fraction = integrated(lines(y, score, clv, offer, contact), *shape)
    assert_allclose(found.value, value, atol=1e-9)  # the rule is exact for these polynomials
    if offer + contact > 0:  # else contacting more is free, and as good
        assert_allclose(found.fraction, fraction, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(few_customers, money, money)
def test_bounds_are_the_values_of_the_worst_and_the_best_score(rows, offer, contact):
    y, score, clv = map(np.array, zip(*rows, strict=True))
    costs = {"clv": clv, "offer_cost": offer, "contact_cost": contact}
    for metric in (empc, mpc):
        found = metric(y, score, **costs)
        assert_allclose(found.trivial, metric(y, np.zeros(y.size), **costs).value, atol=1e-10)
        assert_allclose(found.perfect, metric(y, np.where(y, 1e6 + clv, -1e6), **costs).value, atol=1e-10)
        assert 0 <= found.trivial <= found.value + 1e-10
        assert found.value <= found.perfect + 1e-10
        assert np.isnan(found.skill) == (found.perfect - found.trivial <= 1e-12 * found.perfect)


@settings(max_examples=40, deadline=None)
@given(few_customers, money, money, st.floats(0, 1))
def test_mpc_and_its_curve_equal_brute_force_over_thresholds(rows, offer, contact, acceptance):
    y, score, clv = zip(*rows, strict=True)
    costs = {"clv": clv, "offer_cost": offer, "contact_cost": contact, "acceptance": acceptance}
    brute = [(share, a + b * acceptance) for share, a, b in lines(y, score, clv, offer, contact)]
    curve = profit_curve(y, score, **costs)
    assert_allclose(curve[["fraction", "profit"]], brute, atol=1e-10)
    found = mpc(y, score, **costs)
    assert_allclose(found.value, max(profit for _, profit in brute), atol=1e-10)
    assert found.fraction == curve["fraction"][curve["profit"].idxmax()]


@settings(max_examples=40, deadline=None)
@given(few_customers, st.randoms(use_true_random=False))
def test_row_order_does_not_matter_under_ties(rows, random):
    shuffled = random.sample(rows, len(rows))
    for metric in (empc, mpc):
        (y, score, clv), (y2, score2, clv2) = zip(*rows, strict=True), zip(*shuffled, strict=True)
        assert repr(metric(y, score)) == repr(metric(y2, score2))  # to the last bit, NaN included
        assert_allclose(metric(y, score, clv=clv), metric(y2, score2, clv=clv2), rtol=1e-12)


def test_one_worth_for_all_is_the_array_of_that_worth():
    rng = np.random.default_rng(5)
    y, score = rng.integers(0, 2, 500), rng.integers(0, 60, 500)
    assert empc(y, score, clv=np.full(500, 150.0)) == empc(y, score, clv=150.0)
    nearly = 150.0 + 1e-9 * rng.random(500)  # takes the way of unequal worths
    assert_allclose(empc(y, score, clv=nearly), empc(y, score, clv=150.0), rtol=1e-8)


def test_a_narrow_acceptance_is_a_known_one():
    rng = np.random.default_rng(6)
    y = rng.integers(0, 2, 300)
    score = y + rng.normal(size=300)
    assert_allclose(empc(y, score, alpha=3e7, beta=7e7).value, mpc(y, score).value, rtol=1e-4)


def test_any_score_of_the_same_order_earns_the_same():
    rng = np.random.default_rng(7)
    y, score = rng.integers(0, 2, 300), rng.normal(size=300)
    assert (
        empc(y, score)
        == empc(y, np.exp(score))
        == empc(y.astype(bool), pd.Series(score, index=range(9, 309)))
    )


def test_knowing_who_is_worth_most_earns_more_than_knowing_who_leaves():
    y, clv = np.ones(400, dtype=int), np.tile([5.0, 600.0], 200)  # half are worth less than the offer
    assert empc(y, clv, clv=clv).value > 1.01 * empc(y, np.ones(400), clv=clv).value
    assert empc(y, clv, clv=clv).skill == pytest.approx(1)


@pytest.mark.parametrize("metric", [empc, mpc])
def test_without_churners_nobody_is_contacted(metric):
    assert metric([0, 0, 0], [1, 2, 3])[:4] == (0, 0, 0, 0)
    assert np.isnan(metric([0, 0, 0], [1, 2, 3]).skill)


@pytest.mark.parametrize("metric", [empc, mpc])
def test_where_all_leave_no_score_can_earn_more_than_another(metric):
    found = metric([1, 1, 1], [1, 2, 3])
    assert found.value == pytest.approx(found.perfect)
    assert np.isnan(found.skill)


@pytest.mark.parametrize("metric", [empc, mpc])
def test_an_offer_dearer_than_a_customer_is_made_to_nobody(metric):
    assert metric([0, 1], [1, 2], clv=9.0)[:4] == (0, 0, 0, 0)


def test_infinite_scores_are_the_first_and_the_last():
    assert empc([1, 0, 1, 0], [np.inf, -np.inf, 1, 2]) == empc([1, 0, 1, 0], [4, 1, 2, 3])


def test_long_curves_are_thinned_and_keep_the_best():
    rng = np.random.default_rng(8)
    y = rng.random(50_000) < 0.1
    score = rng.normal(size=50_000) + y
    curve, found = profit_curve(y, score), mpc(y, score)
    assert len(curve) <= 1002
    assert curve["profit"].max() == found.value
    assert np.diff(curve["fraction"]).max() < 0.0015
    best = curve.loc[curve["profit"].idxmax()]
    assert (score >= best["threshold"]).mean() == best["fraction"] == found.fraction
    assert curve.iloc[[0, -1]]["fraction"].tolist() == [0, 1]
    assert_allclose(curve["random"], curve["fraction"] * curve["profit"].iloc[-1])


def test_a_million_customers_take_less_than_a_fifth_of_a_second():
    # .05 to .08 s measured; the allowance is for a busy machine.
    rng = np.random.default_rng(9)
    y = (rng.random(1_000_000) < 0.265).astype(int)
    score = rng.normal(size=y.size) + y
    empc(y[:10], score[:10])  # compiles

    def seconds():
        begun = time.process_time()
        empc(y, score)
        return time.process_time() - begun

    assert min(seconds() for _ in range(3)) < 0.2


@pytest.mark.parametrize(
    ("y", "score", "options", "message"),
    [
        (["Yes", "No"], [1, 2], {}, r"Got 'Yes' instead. Say which counts: y_true == 'Yes'"),
        ([1, 2], [1, 2], {}, r"y_true must be 0 or 1 .* Got 2 instead"),
        ([1, np.nan], [1, 2], {}, r"Got nan instead. Leave out those whose outcome is not known"),
        ([True, None], [1, 2], {}, r"Got None instead. Leave out"),
        (["0", "1"], [1, 2], {}, r"Got '0' instead"),
        (pd.array([1, None], dtype="Int64"), [1, 2], {}, r"Leave out those whose outcome"),
        ([0, 1, 1], [1, np.nan, np.nan], {}, r"2 of 3 are NaN \(first at row 1\)"),
        ([0, 1], ["a", "b"], {}, "y_score must be numbers. Got 'a' first"),
        ([0, 1], [1, 2, 3], {}, "inconsistent numbers of samples"),
        ([], [], {}, "at least one customer"),
        ([0, 1], [1, 2], {"offer_cost": -1}, "offer_cost must be finite and >= 0. Got -1 instead"),
        ([0, 1], [1, 2], {"contact_cost": np.nan}, "contact_cost must be finite and >= 0"),
        ([0, 1], [1, 2], {"clv": [1.0, 2.0, 3.0]}, r"one for each of 2 customers. Got shape \(3,\)"),
        ([0, 1], [1, 2], {"clv": [1.0, np.nan]}, r"clv must be finite, but 1 of 2 .*first at row 1"),
    ],
)
def test_what_cannot_be_judged_is_refused(y, score, options, message):
    for metric in (empc, mpc, profit_curve):
        with pytest.raises(ValueError, match=message):
            metric(y, score, **options)


def test_parameters_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"alpha and beta must be finite and > 0. Got 0 and 14.0"):
        empc([0, 1], [1, 2], alpha=0)
    for acceptance in (-0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match=r"acceptance must be in \[0, 1\]"):
            mpc([0, 1], [1, 2], acceptance=acceptance)
