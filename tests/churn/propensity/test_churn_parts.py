"""Parts of the churn classifier: weights of a blend, calibration, learners and folds, each alone."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from crm_analytics.churn.propensity import members
from crm_analytics.churn.propensity.blend import blend_weights
from crm_analytics.churn.propensity.calibrated import MONOTONE_FROM, calibrate, learn_calibration
from crm_analytics.churn.propensity.folds import choose_folds
from crm_analytics.churn.propensity.reasons import grouped

# Blend


def test_weights_that_made_the_outcomes_are_found():
    rng = np.random.default_rng(1)
    said = rng.normal(0, 1.5, (40_000, 3))
    y = (rng.random(40_000) < expit(said @ [0.6, 0.3, 0.0] - 0.4)).astype(float)
    found = blend_weights(said, y, np.full(3, 1 / 3))
    # 40,000 outcomes tell a weight to .01.
    assert_allclose(found, [0.6, 0.3, 0.0, -0.4], atol=0.04)


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 400), k=st.integers(1, 5))
def test_no_weight_is_negative_and_the_loss_is_no_worse_than_where_it_began(seed, n, k):
    rng = np.random.default_rng(seed)
    said, y = rng.normal(0, 3, (n, k)), (rng.random(n) < 0.4).astype(float)
    centre = np.full(k, 1 / k)
    found = blend_weights(said, y, centre)
    assert found.shape == (k + 1,)
    assert (found[:-1] >= 0).all()
    right = members.loss_of(said @ found[:-1] + found[-1], y)
    assert right <= members.loss_of(said @ centre, y) + 1e-6


def test_little_is_held_against_equal_weights_and_much_overrules_them():
    rng = np.random.default_rng(2)
    good = rng.normal(0, 2, 20_000)
    y = (rng.random(20_000) < expit(good)).astype(float)
    said = np.column_stack([good, rng.normal(0, 2, good.size)])  # the second knows nothing
    of_few = blend_weights(said[:6], y[:6], np.full(2, 0.5))
    of_many = blend_weights(said, y, np.full(2, 0.5))
    assert of_few[1] > 0.2
    assert of_many[1] < 0.03
    assert_allclose(of_many[0], 1, atol=0.05)


# Calibration


def too_sure(n, seed):
    rng = np.random.default_rng(seed)
    z = rng.normal(-1, 1, n)
    return 2 * z + 0.5, (rng.random(n) < expit(z)).astype(float), z


def test_platts_line_undoes_a_score_that_is_too_sure():
    said, y, truth = too_sure(2_500, seed=3)
    learned = learn_calibration(said, y)
    assert learned["method"] == "platt"
    assert_allclose(learned["slope"], 0.5, atol=0.06)
    assert_allclose(calibrate(said, learned), truth, atol=0.3)


def bent(z):
    """What no line does: flat below 0, steep above."""
    return np.where(z < 0, 0.1 * z, 1.5 * z) - 1.5


def test_a_bent_score_is_straightened_by_the_monotone_curve():
    rng = np.random.default_rng(4)
    said = rng.uniform(-3, 3, 20_000)
    y = (rng.random(20_000) < expit(bent(said))).astype(float)
    learned = learn_calibration(said, y)
    assert learned["method"] == "isotonic"
    asked = np.array([-2.0, -1.0, 1.0, 2.0])
    # About 1,500 customers stand near each: a rate is known to .013.
    assert_allclose(expit(calibrate(asked, learned)), expit(bent(asked)), atol=0.05)
    assert_allclose(expit(calibrate(said, learned)).mean(), y.mean(), atol=0.006)


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), distinct=st.sampled_from([3, 40, 3_000]), sign=st.sampled_from([-1, 1]))
def test_the_curve_rises_wherever_scores_differ_and_does_not_know_the_order_of_rows(seed, distinct, sign):
    rng = np.random.default_rng(seed)
    values = np.sort(rng.normal(0, 1, distinct))
    said = values[rng.integers(0, distinct, 4 * MONOTONE_FROM)]
    y = (rng.random(said.size) < expit(sign * said)).astype(float)
    assume(min(y.sum(), (1 - y).sum()) >= MONOTONE_FROM)
    learned = learn_calibration(said, y)
    assert learned["method"] == "isotonic"
    inside = np.linspace(learned["at"][0], learned["at"][-1], 400)
    if learned["at"].size > 1:
        assert (np.diff(calibrate(inside, learned)) > 0).all()
    assert np.isfinite(calibrate(np.array([-1e3, 1e3]), learned)).all()
    # Customers of one score in order of what they did, or in the reverse.
    for order in (np.lexsort((y, said)), np.lexsort((-y, said))):
        again = learn_calibration(said[order], y[order])
        assert_allclose(calibrate(values, again), calibrate(values, learned), atol=1e-6)


def test_beyond_what_was_seen_the_curve_goes_on_and_certainty_is_not_claimed():
    said = np.linspace(-4, 4, 4_000)
    y = (said > 0).astype(float)  # nobody left below 0, everybody above
    learned = learn_calibration(said, y)
    found = calibrate(np.array([-9.0, -4.0, 4.0, 9.0]), learned)
    assert np.isfinite(found).all()
    assert (np.diff(found) > 0).all()


# Learners


def test_the_ridge_regression_is_scikit_learns():
    rng = np.random.default_rng(6)
    A, start = rng.normal(size=(500, 4)), np.zeros(500)
    y = (rng.random(500) < expit(A[:, 0] - 0.5)).astype(float)
    found = members.ridge_logistic(A, y, start, penalty=3.0)
    right = LogisticRegression(C=1 / 3, tol=1e-10, max_iter=1_000).fit(A, y)
    assert_allclose(found[:-1], right.coef_[0], atol=1e-5)
    assert_allclose(found[-1], right.intercept_[0], atol=1e-5)


def test_what_is_known_before_is_learned_on_from():
    rng = np.random.default_rng(7)
    A, start = rng.normal(size=(20_000, 1)), rng.normal(0, 2, 20_000)
    y = (rng.random(20_000) < expit(start + 0.5 * A[:, 0] + 0.2)).astype(float)
    assert_allclose(members.ridge_logistic(A, y, start, penalty=3.0), [0.5, 0.2], atol=0.08)


@pytest.mark.parametrize("name", ["logistic", "small trees", "large trees"])
def test_a_members_contributions_add_up_to_its_log_odds(name):
    rng = np.random.default_rng(8)
    X = np.column_stack([rng.gamma(1, 50, 400), rng.integers(-1, 4, 400), rng.normal(size=400)])
    X[rng.random(400) < 0.2, 2] = np.nan
    y = (rng.random(400) < expit(0.02 * X[:, 0] - 1 + (X[:, 1] == 2))).astype(float)
    rows = members.Rows(X, y, np.full(400, -0.5))
    kinds = ["number", "words", "number"]
    folds, _ = choose_folds(None, y, seed=0)
    if name == "logistic":
        member, held_out = members.learn_logistic(rows, folds, kinds)
    else:
        member, held_out = members.learn_trees(rows, folds, kinds, name, seed=0, n_jobs=1)
    parts = members.contributions(member, X)
    assert_allclose(parts.sum(axis=1), members.log_odds(member, X), atol=1e-8)
    # Large trees are too sure of themselves, which the blend holds back; they order all the same.
    assert roc_auc_score(y, held_out) > 0.6
    nothing = members.contributions({"kind": "trees", "trees": "", "rounds": 0}, X)
    assert_array_equal(nothing, np.zeros((400, 4)))


def test_effects_are_summed_by_group():
    sums, names = grouped(np.array([[1.0, 2.0, 4.0], [0.5, -1.0, 3.0]]), ["a", "b", "a"])
    assert names == ["a", "b"]
    assert_array_equal(sums, [[5.0, 2.0], [3.5, -1.0]])


# Folds

TWO_DAYS = ("2024-01-01", "2024-02-01")


@settings(max_examples=25)
@given(seed=st.integers(0, 1_000), n_customers=st.integers(2, 30))
def test_no_customer_stands_on_both_sides_of_a_fold(seed, n_customers):
    rng = np.random.default_rng(seed)
    index = pd.MultiIndex.from_arrays(
        [rng.integers(0, n_customers, 120), *(np.repeat(pd.Timestamp(day), 120) for day in TWO_DAYS)],
        names=["customer_id", "origin", "label_end"],
    )
    X, y = pd.DataFrame({"x": 0.0}, index=index), (np.arange(120) % 2).astype(float)
    folds, by = choose_folds(X, y, seed)
    assert by == "customers"
    customer = index.get_level_values("customer_id").to_numpy()
    for train, test in folds:
        assert not set(customer[train]) & set(customer[test])
    assert_array_equal(np.sort(np.concatenate([test for _, test in folds])), np.arange(120))
