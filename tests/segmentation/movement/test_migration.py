"""Migration against hand-counted moves and conservation of customers."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import ttest_ind

from crm_analytics.core import SchemaError
from crm_analytics.segmentation import migration_matrix

TIERS = pd.CategoricalDtype(["low", "middle", "high"], ordered=True)
EARLIER = pd.Series({1: "low", 2: "low", 3: "low", 4: "high", 5: "high", 6: "low"})
LATER = pd.Series({1: "low", 2: "high", 3: "low", 4: "high", 6: "high", 7: "low"})
SPEND = pd.Series({1: 10.0, 2: 60.0, 3: 14.0, 4: 80.0, 6: 70.0, 7: 9.0})
BEFORE = pd.Series({1: 8.0, 2: 12.0, 3: 10.0, 4: 90.0, 5: 50.0, 6: 14.0})

some_labels = st.dictionaries(st.integers(0, 30), st.sampled_from("abc"), max_size=25)


def as_series(labels):
    return pd.Series(list(labels.values()), index=pd.Index(list(labels), dtype="int64"), dtype=object)


def flow(moves, source, target):
    found = moves.flows[(moves.flows["from"] == source) & (moves.flows["to"] == target)]
    assert len(found) == 1
    return found.iloc[0]


def test_moves_are_counted_with_the_new_and_the_gone():
    moves = migration_matrix(EARLIER, LATER)
    assert list(moves.counts.index) == ["high", "low", "new"]
    assert list(moves.counts.columns) == ["high", "low", "gone"]
    assert_array_equal(moves.counts, [[1, 0, 1], [2, 2, 0], [0, 1, 0]])
    assert_allclose(moves.shares, [[0.5, 0, 0.5], [0.5, 0.5, 0], [0, 1, 0]])
    assert moves.stay == pytest.approx(3 / 5)
    assert list(moves.flows["customers"]) == [1, 1, 2, 2, 1]  # those that anyone made, row by row
    assert list(moves.flows.columns) == ["from", "to", "customers", "share"]


def test_the_balance_of_each_segment_adds_up():
    balance = migration_matrix(EARLIER, LATER).balance()
    assert balance.loc["low"].to_dict() == {
        "before": 4, "stayed": 2, "moved_in": 0, "new": 1, "moved_out": 2, "gone": 0, "after": 3
    }  # fmt: skip
    assert balance.loc["high"].to_list() == [2, 1, 2, 0, 0, 1, 3]


def test_a_gain_is_what_those_who_moved_are_worth_beyond_those_who_stayed():
    moves = migration_matrix(EARLIER, LATER, value=SPEND, value_before=BEFORE)
    rise = flow(moves, "low", "high")
    assert (rise["value_before"], rise["value_after"], rise["gain"]) == (13.0, 65.0, 53.0)
    # Variance of the mean: 50 / 2 of those who moved (60, 70), 8 / 2 of those who stayed (10, 14).
    assert rise["gain_se"] == pytest.approx(np.sqrt(25 + 4))
    assert rise["total_gain"] == 106.0
    assert flow(moves, "low", "low")["gain"] == 0
    gone = flow(moves, "high", "gone")
    assert (gone["value_before"], gone["value_after"], gone["gain"]) == (50.0, 0.0, -80.0)
    assert np.isnan(gone["gain_se"])  # one customer has no variance
    new = flow(moves, "new", "low")
    assert new["value_after"] == 9.0
    assert np.isnan(new["gain"])
    assert np.isnan(new["value_before"])
    assert list(moves.gains()["total_gain"]) == [106.0]
    assert list(moves.losses()["total_gain"]) == [-80.0]


def test_the_standard_error_is_that_of_welch():
    rng = np.random.default_rng(3)
    earlier = pd.Series(["a"] * 60)
    later = pd.Series(["a"] * 40 + ["b"] * 20)
    spend = pd.Series(rng.gamma(2.0, 30.0, 60))
    rise = flow(migration_matrix(earlier, later, value=spend), "a", "b")
    welch = ttest_ind(spend[40:], spend[:40], equal_var=False)
    assert rise["gain"] / rise["gain_se"] == pytest.approx(welch.statistic)


def test_a_mapping_values_a_move_by_the_means_of_its_ends():
    moves = migration_matrix(EARLIER, LATER, value={"low": 20.0, "high": 100.0})
    assert flow(moves, "low", "high")["gain"] == 80.0
    assert flow(moves, "high", "gone")["gain"] == -100.0
    assert flow(moves, "low", "low")["gain"] == 0.0
    assert np.isnan(flow(moves, "new", "low")["gain"])
    assert moves.gains(1)["total_gain"].item() == 160.0


def test_ordered_tiers_keep_their_order_and_those_nobody_is_in():
    moves = migration_matrix(EARLIER.astype(TIERS), LATER.astype(TIERS))
    assert moves.segments == ["low", "middle", "high"]
    assert_array_equal(moves.counts.loc["middle"], [0, 0, 0, 0])
    assert moves.shares.loc["middle"].isna().all()
    assert moves.flows["from"].cat.ordered
    assert list(moves.flows["from"].cat.categories) == ["low", "middle", "high", "new", "gone"]


def test_numbers_of_clusters_are_sorted_as_numbers():
    labels = pd.Series([10, 2, 1])
    assert migration_matrix(labels, labels).segments == [1, 2, 10]


def test_snapshots_are_matched_by_customer_though_their_dates_differ():
    def at(labels, date):
        keys = [(customer, date) for customer in labels.index]
        return labels.set_axis(pd.MultiIndex.from_tuples(keys, names=["customer_id", "origin"]))

    moves = migration_matrix(
        at(EARLIER, "2017-04-03"), at(LATER, "2017-07-03"), value=at(SPEND, "2017-07-03")
    )
    pd.testing.assert_frame_equal(moves.flows, migration_matrix(EARLIER, LATER, value=SPEND).flows)


@settings(max_examples=50)
@given(before=some_labels, after=some_labels)
def test_nobody_is_lost(before, after):
    if not before and not after:
        return
    moves = migration_matrix(as_series(before), as_series(after))
    earlier, later = moves.counts.drop(index="new"), moves.counts.drop(columns="gone")
    for name in moves.segments:
        assert earlier.loc[name].sum() == sum(label == name for label in before.values())
        assert later[name].sum() == sum(label == name for label in after.values())
    assert moves.counts.to_numpy().sum() == len(before | after)
    assert moves.flows["customers"].sum() == len(before | after)
    assert moves.counts.loc["new", "gone"] == 0
    known = moves.shares.dropna()
    assert_allclose(known.sum(axis=1), 1)
    balance = moves.balance()
    change = balance["moved_in"] + balance["new"] - balance["moved_out"] - balance["gone"]
    assert_array_equal(balance["before"] + change, balance["after"])


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1))
def test_order_of_customers_and_names_of_segments_change_nothing(seed):
    rng = np.random.default_rng(seed)
    moves = migration_matrix(EARLIER, LATER, value=SPEND)
    shuffled = migration_matrix(
        EARLIER.sample(frac=1, random_state=rng), LATER.sample(frac=1, random_state=rng),
        value=SPEND.sample(frac=1, random_state=rng),
    )  # fmt: skip
    pd.testing.assert_frame_equal(moves.flows, shuffled.flows)
    other = {"low": "z", "high": "y"}
    renamed = migration_matrix(EARLIER.map(other), LATER.map(other), value=SPEND)
    assert_array_equal(moves.counts, renamed.counts)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"earlier": pd.Series(["low", "low"], index=[1, 1])}, r"1 of 2 rows .* seen before \(first 1\)"),
        ({"later": pd.Series(["low", None], index=[1, 2])}, "1 of 2 customers of later have no segment"),
        ({"earlier": pd.Series(["new"], index=[1])}, "a segment is named 'new'"),
        ({"earlier": ["low"]}, "earlier must be a Series by customer. Got list"),
        ({"value": SPEND.drop(7)}, r"1 of 6 customers have no finite value \(first 7\). Give 0"),
        ({"value": [1.0]}, "value must be a Series by customer or a mapping by segment. Got list"),
        ({"value": {"low": 1.0}}, "value has no entry for segment 'high'"),
        ({"value": SPEND, "value_before": BEFORE.drop(5)}, "no finite value_before"),
    ],
)  # fmt: skip
def test_labels_and_values_that_do_not_fit_are_refused(change, message):
    with pytest.raises(SchemaError, match=message):
        migration_matrix(**({"earlier": EARLIER, "later": LATER} | change))


def test_parameters_that_do_not_go_together_are_refused():
    with pytest.raises(ValueError, match="value_before needs value"):
        migration_matrix(EARLIER, LATER, value_before=BEFORE)
    with pytest.raises(ValueError, match="value_before must be None where value is a mapping"):
        migration_matrix(EARLIER, LATER, value={"low": 1, "high": 2}, value_before=BEFORE)
    with pytest.raises(ValueError, match="no values were given"):
        migration_matrix(EARLIER, LATER).gains()
