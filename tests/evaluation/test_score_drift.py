"""Drift between scoring runs: by hand, false alarms of runs without drift, and columns gone wrong."""

import os

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from crm_analytics.core import SchemaError
from crm_analytics.datasets import load_telco_churn
from crm_analytics.datasets.external import VARIABLE
from crm_analytics.evaluation import drift_alarm, score_drift
from crm_analytics.metrics.drift import population_stability


def run(n, random_state, features=3):
    rng = np.random.default_rng(random_state)
    table = pd.DataFrame(rng.normal(size=(n, features)), columns=[f"f{i}" for i in range(features)])
    return table.assign(channel=rng.choice(["shop", "web", "phone"], n, p=[0.5, 0.4, 0.1]))


def only(drift, feature):
    return drift.set_index("feature").loc[feature]


# Known values


def test_the_index_of_two_categories_is_the_one_computed_by_hand():
    earlier = pd.DataFrame({"channel": ["shop"] * 600 + ["web"] * 400})
    later = pd.DataFrame({"channel": ["shop"] * 300 + ["web"] * 700})
    row = score_drift(earlier, later).iloc[0]
    before, after = np.array([600.5, 400.5]) / 1001, np.array([300.5, 700.5]) / 1001
    assert row["psi"] == pytest.approx(((after - before) * np.log(after / before)).sum())
    # One column, one degree of freedom: 3.841 (1/1000 + 1/1000).
    assert row["critical"] == pytest.approx(3.841459 * 0.002, rel=1e-6)
    assert row["expected_by_chance"] == pytest.approx(0.002)
    assert row["drifted"]
    assert (row["top_before"], row["top_after"]) == ("shop", "web")
    assert drift_alarm(score_drift(earlier, later)) == [
        "channel drifted: PSI 0.38, chance explains 0.01; most frequent 'shop' before, 'web' after."
    ]


def test_every_column_is_judged_by_the_share_of_the_family():
    earlier, later = run(400, 1), run(400, 2)
    drift = score_drift(earlier, later, level=0.9, n_bins=5)
    assert drift["feature"].tolist() == ["f0", "f1", "f2", "channel"]
    for row in drift.to_dict("records"):
        name = row["feature"]
        right = population_stability(earlier[name], later[name], n_bins=5, level=1 - 0.1 / 4)
        assert (row["psi"], row["critical"]) == (right.psi, right.critical)


def test_a_shifted_feature_is_found_among_many_that_are_not():
    later = run(2000, 2, features=20)
    later["f7"] += 1
    drift = score_drift(run(2000, 1, features=20), later)
    assert drift["feature"][drift["drifted"]].tolist() == ["f7"]
    (reason,) = drift_alarm(drift)
    row = only(drift, "f7")
    assert row["mean_after"] == pytest.approx(later["f7"].mean())
    assert reason == (
        f"f7 drifted: PSI {row['psi']:.2f}, chance explains {row['critical']:.2f}; "
        f"mean {row['mean_before']:,.4g} before, {row['mean_after']:,.4g} after."
    )


# False alarms


def test_runs_without_drift_seldom_pass_the_critical_value():
    passed = []
    for seed in range(100):
        drift = score_drift(run(300, 2 * seed, 20), run(300, 2 * seed + 1, 20), smallest=0)
        passed.append(drift["drifted"].any())
    # 5 % of runs, with a standard error of 2.2 %; without the correction 1 - 0.95^21 = 66 %.
    assert np.mean(passed) < 0.05 + 4 * 0.022


def test_a_sure_but_tiny_drift_is_no_alarm():
    earlier, later = run(50_000, 1), run(50_000, 2)
    later["f0"] += 0.1
    row = only(score_drift(earlier, later), "f0")
    assert row["critical"] < row["psi"] < 0.1
    assert not row["drifted"]
    assert only(score_drift(earlier, later, smallest=0), "f0")["drifted"]


def test_a_large_index_of_a_few_customers_is_no_alarm():
    drift = score_drift(run(40, 1), run(40, 2))
    assert (drift["psi"] > 0.1).any()
    assert not drift["drifted"].any()
    assert drift_alarm(drift) == []


@settings(max_examples=25)
@given(st.integers(0, 1000))
def test_the_order_of_customers_does_not_matter(seed):
    earlier, later = run(60, seed), run(50, seed + 1)
    later.iloc[::7, 0] = np.nan
    rng = np.random.default_rng(seed)
    shuffled = earlier.iloc[rng.permutation(60)], later.iloc[rng.permutation(50)]
    assert_frame_equal(score_drift(earlier, later), score_drift(*shuffled))  # means to 1e-5


# Columns gone wrong


def test_a_column_of_one_run_is_a_row_and_an_alarm():
    earlier = run(50, 1)
    later = run(50, 2).drop(columns="f1").assign(extra=1.0)
    drift = score_drift(earlier, later)
    assert drift["feature"].tolist() == ["f0", "f1", "f2", "channel", "extra"]
    assert only(drift, "f1")["note"] == "missing in later"
    assert only(drift, "extra")["note"] == "missing in earlier"
    assert np.isnan(only(drift, "f1")["psi"])
    assert np.isnan(only(drift, "f1")["missing_after"])
    later["f0"] = 10.0
    reasons = drift_alarm(score_drift(earlier, later))
    assert reasons[:2] == [
        "f1 cannot be compared: missing in later.",
        "extra cannot be compared: missing in earlier.",
    ]
    assert reasons[2].startswith("f0 drifted")


def test_constant_and_empty_columns_have_not_drifted():
    earlier, later = run(100, 1), run(80, 2)
    for table in (earlier, later):
        table["constant"], table["none"], table["text"] = 3, np.nan, "x"
        table["nothing"] = pd.Series([None] * len(table), dtype=object)
    drift = score_drift(earlier, later, ["constant", "none", "nothing", "text"])
    assert (drift["psi"] == 0).all()
    assert not drift["drifted"].any()
    assert (drift["note"] == "").all()
    assert drift["missing_after"].tolist() == [0, 1, 1, 0]
    assert np.isnan(only(drift, "none")["mean_before"])


def test_a_constant_that_changes_and_a_column_that_empties_have_drifted():
    earlier, later = run(100, 1).assign(constant=3), run(100, 2).assign(constant=4, f0=np.nan)
    drift = score_drift(earlier, later)
    assert drift["feature"][drift["drifted"]].tolist() == ["f0", "constant"]
    assert any("missing 0% before, 100% after" in reason for reason in drift_alarm(drift))


def test_new_and_vanished_categories_are_named():
    earlier, later = run(200, 1), run(200, 2)
    later["channel"] = later["channel"].replace({"phone": "app"})
    assert only(score_drift(earlier, later), "channel")["note"] == "new: 'app'; vanished: 'phone'"
    earlier["channel"] = [f"c{i:03}" for i in range(200)]
    note = only(score_drift(earlier, later), "channel")["note"]
    assert note.endswith("vanished: 'c000', 'c001', 'c002' and 197 more")


@pytest.mark.parametrize(
    ("before", "after", "note"),
    [
        ([1.0, 2.0], ["1", "2"], "numbers before, categories after"),
        (["a", "b"], [1, 2], "categories before, numbers after"),
        (pd.to_datetime(["2024-01-01", "2024-01-02"]), [1, 2], "dates before, numbers after"),
    ],
)
def test_a_column_of_another_kind_is_a_row_and_an_alarm(before, after, note):
    drift = score_drift(pd.DataFrame({"x": before}), pd.DataFrame({"x": after}))
    assert drift["note"].tolist() == [note]
    assert drift["drifted"].tolist() == [True]


@pytest.mark.parametrize("kind", ["category", "string", "object"])
def test_the_type_of_categories_does_not_matter(kind):
    earlier, later = run(300, 1), run(300, 2)
    right = score_drift(earlier, later)
    other = score_drift(earlier.astype({"channel": kind}), later)
    assert_frame_equal(other, right)


def test_dates_and_truth_values_are_compared():
    rng = np.random.default_rng(1)
    tables = [
        pd.DataFrame({"since": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 90, 500) + late, "D"),
                      "opted_in": rng.random(500) < 0.5}) for late in (0, 60)
    ]  # fmt: skip
    drift = score_drift(*tables)
    assert drift["drifted"].tolist() == [True, False]
    assert drift["mean_before"].isna().all()


def test_tables_are_not_changed():
    earlier, later = run(50, 1), run(50, 2)
    before = earlier.copy(deep=True)
    score_drift(earlier, later)
    assert_frame_equal(earlier, before)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.iloc[:0], r"the later run has 0 customers and 4 columns"),
        (lambda t: t[[]], r"the later run has 30 customers and 0 columns"),
        (lambda t: t.set_axis([0, *range(29)]), r"1 of 30 rows of the later run repeat a customer"),
        (lambda t: t.rename(columns={"f1": "f0"}), r"the later run has two columns named 'f0'"),
        (lambda t: t.assign(f0=[[1]] * 30, f1=1), r"the values of 'f0' cannot be compared"),
        (lambda t: t.to_numpy(), r"later must be a DataFrame indexed by customer\. Got ndarray"),
    ],
)
def test_a_bad_run_is_refused(change, message):
    earlier = run(30, 1)
    if "values" in message:
        earlier["f0"] = "x"
    with pytest.raises(SchemaError, match=message):
        score_drift(earlier, change(run(30, 2)))


def test_bad_parameters_are_refused():
    tables = run(30, 1), run(30, 2)
    with pytest.raises(SchemaError, match=r"no run has a column 'chanel'\. Is 'channel' meant\?"):
        score_drift(*tables, ["chanel"])
    with pytest.raises(ValueError, match=r"columns must be a list of at least one name\. Got 'f0'"):
        score_drift(*tables, "f0")
    for option, message in [({"level": 1}, r"level must be"), ({"smallest": -1}, r"smallest must be >= 0"),
                            ({"n_bins": 1}, r"n_bins must be")]:  # fmt: skip
        with pytest.raises(ValueError, match=message):
            score_drift(*tables, **option)


# Real data


@pytest.mark.skipif(not os.environ.get(VARIABLE), reason=f"{VARIABLE} does not name the folder of real data")
def test_halves_of_telco_are_alike_and_a_price_rise_is_not():
    subscribers = load_telco_churn().set_index("customerID")
    half = np.random.default_rng(0).random(len(subscribers)) < 0.5
    earlier, later = subscribers[half], subscribers[~half]
    drift = score_drift(earlier, later)
    assert len(drift) == 20
    assert not drift["drifted"].any()
    assert (drift["psi"] < drift["critical"]).all()
    dearer = later.assign(
        MonthlyCharges=1.15 * later["MonthlyCharges"],
        Contract=later["Contract"].replace({"One year": "Month-to-month"}),
    )
    first, second = drift_alarm(score_drift(earlier, dearer))
    assert first.startswith("Contract drifted: PSI 1.")
    assert first.endswith("; vanished: 'One year'.")
    assert second.startswith("MonthlyCharges drifted: PSI 0.")
