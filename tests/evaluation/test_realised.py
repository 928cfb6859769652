"""Realised against predicted churn: by hand, on calibrated customers, and on dirty outcomes."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal

from crm_analytics.core import SchemaError
from crm_analytics.evaluation import realised_churn
from crm_analytics.metrics.calibration import calibration_table


def customers(n, random_state=1):
    rng = np.random.default_rng(random_state)
    p = pd.Series(rng.beta(1, 4, n), index=[f"c{i:05}" for i in range(n)])
    return p, pd.Series(rng.random(n) < p.to_numpy(), index=p.index)


def test_numbers_are_those_computed_by_hand():
    scores = pd.Series([0.2, 0.2, 0.5, 0.8], index=list("abcd"))
    found = realised_churn(scores, pd.Series([0, 1, 0, 1], index=list("abcd")))
    assert found.expected == pytest.approx(1.7)
    assert found.actual == 2
    deviation = np.sqrt(3 * 0.16 + 0.25)
    assert found.z == pytest.approx(0.3 / deviation)
    # 1.7 ± 1.96 × 0.854 is 0.025 to 3.375.
    assert_allclose(
        [found.lower, found.upper], [1.7 - 1.959964 * deviation, 1.7 + 1.959964 * deviation], rtol=1e-6
    )
    # Of the four pairs the leaver b loses to c and ties with a, d wins both.
    assert found.auc == pytest.approx(2.5 / 4)
    assert found.brier == pytest.approx((0.04 + 0.64 + 0.25 + 0.04) / 4)
    assert found.alarms() == []


def test_groups_are_those_of_the_calibration_table():
    p, churned = customers(500)
    found = realised_churn(p, churned.sample(frac=1, random_state=1), n_groups=5, level=0.9)
    assert_frame_equal(found.groups, calibration_table(churned, p, n_bins=5, level=0.9))
    assert found.groups["n"].sum() == 500


def test_the_interval_covers_the_leavers_of_a_calibrated_score():
    runs = [realised_churn(*customers(400, seed), n_groups=2, level=0.9) for seed in range(300)]
    inside = np.mean([run.lower <= run.actual <= run.upper for run in runs])
    assert abs(inside - 0.9) < 4 * np.sqrt(0.09 / 300)
    z = np.array([run.z for run in runs])
    assert abs(z.mean()) < 4 / np.sqrt(300)
    assert abs(z.std() - 1) < 4 / np.sqrt(600)


@settings(max_examples=25)
@given(st.permutations(range(12)), st.sets(st.integers(0, 11)), st.sets(st.integers(0, 11), max_size=11))
def test_everyone_is_counted_once_whatever_the_order(order, unknown, unscored):
    p, churned = customers(12, 3)
    churned = churned.astype(object)
    churned.iloc[list(unknown)] = None
    p = p.drop(p.index[list(unscored)])
    both = 12 - len(unknown | unscored)
    if both == 0:
        return
    one = realised_churn(p, churned)
    other = realised_churn(p[::-1], churned.iloc[list(order)])
    assert one.customers == other.customers == both
    assert one.without_outcome == len(unknown - unscored)
    assert one.without_score == len(unscored - unknown)
    assert one.actual == other.actual
    assert one.expected == pytest.approx(other.expected)
    assert one.groups["n"].tolist() == other.groups["n"].tolist()


# Alarms


def test_a_calibrated_score_alarms_no_one_and_a_stale_one_does():
    p, churned = customers(20_000)
    assert realised_churn(p, churned).alarms() == []
    (reason,) = realised_churn(p * 0.8, churned).alarms()
    assert reason.startswith(
        f"{churned.sum():,} of 20,000 customers left, but {0.8 * p.sum():,.0f} were expected ("
    )
    assert "% more" in reason
    assert "% fewer" in realised_churn((p * 1.3).clip(upper=1), churned).alarms()[0]


def test_a_sure_but_small_difference_is_no_alarm():
    p, churned = customers(200_000)
    found = realised_churn(p * 0.97, churned)
    assert not found.lower <= found.actual <= found.upper
    assert found.alarms() == []


def test_scores_in_no_order_and_open_windows_are_alarming():
    p, churned = customers(2000)
    turned = pd.Series(np.sort(p)[::-1][p.rank().astype(int) - 1], index=p.index)
    assert "no higher scores than the others: AUC 0." in realised_churn(turned, churned).alarms()[-1]
    reasons = realised_churn(p, churned.where(np.arange(2000) % 2 == 0)).alarms()
    assert reasons == ["Of 2,000 scored customers 1,000 have no known outcome. Is the window closed?"]


# Hard data


def test_outcomes_of_one_kind_have_no_auc():
    scores = pd.Series([0.0, 0.0, 1.0], index=list("abc"))
    stayed = realised_churn(scores[:2], pd.Series(False, index=list("abc")))
    assert np.isnan(stayed.auc)
    assert np.isnan(stayed.z)
    assert stayed.alarms() == []
    left = realised_churn(scores[:2], pd.Series(True, index=list("abc")))
    assert left.alarms() == ["2 of 2 customers left, but 0 were expected (0 to 0)."]


@pytest.mark.parametrize("kind", ["bool", "int8", "float32", "boolean", "Int64", "object", "category"])
def test_outcomes_may_be_of_any_type(kind):
    scores = pd.Series([0.2, 0.7], index=[1, 2])
    churned = pd.Series([False, True], index=[1, 2]).astype(kind)
    assert realised_churn(scores, churned).actual == 1


@pytest.mark.parametrize(
    ("scores", "churned", "message"),
    [
        ([0.1, 1.5], [0, 1], r"scores must be in \[0, 1\], but 1 of 2 .*row 1"),
        ([0.1, np.nan], [0, 1], r"scores must be in \[0, 1\], but 1 of 2"),
        ([0.1, 0.2], [0, 2], r"churned must be True, False or missing, but 1 of 2"),
        ([0.1, 0.2], ["yes", "no"], r"churned must be numeric"),
        ([0.1, 0.2], [None, np.nan], r"none of 2 scored customers has a known outcome"),
    ],
)
def test_bad_values_are_refused(scores, churned, message):
    with pytest.raises(SchemaError, match=message):
        realised_churn(pd.Series(scores), pd.Series(churned))


def test_bad_indices_are_refused():
    scores = pd.Series([0.1, 0.2], index=[1, 2])
    with pytest.raises(SchemaError, match=r"Are their ids written the same way \(scores have int64"):
        realised_churn(scores, pd.Series([0, 1], index=["1", "2"]))
    with pytest.raises(SchemaError, match=r"1 of 2 rows of churned repeat a customer"):
        realised_churn(scores, pd.Series([0, 1], index=[1, 1]))
    with pytest.raises(SchemaError, match=r"scores must be a Series indexed by customer\. Got ndarray"):
        realised_churn(scores.to_numpy(), scores)
    with pytest.raises(ValueError, match=r"level must be in \(0, 1\)"):
        realised_churn(scores, scores, level=2)
