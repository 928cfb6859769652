"""Tiers of value: fixed shares, ties, and the figures of Complete Journey."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from pandas.testing import assert_series_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import adjusted_rand_score

from crm_analytics import load_model, save_model
from crm_analytics.core import SchemaError
from crm_analytics.datasets import load_complete_journey
from crm_analytics.features import SnapshotBuilder
from crm_analytics.segmentation import ValueSegmenter
from crm_analytics.segmentation.value.value_segmenter import cut_points

COLUMNS = ["amount_short", "amount_middle", "amount_long"]


def spenders(n=1_000, seed=0, silent=0):
    spent = np.random.default_rng(seed).gamma(0.7, 100.0, (n, 3)) + 0.01
    table = pd.DataFrame(np.cumsum(spent, axis=1), columns=COLUMNS)
    table.iloc[:silent] = 0.0
    return table.set_index(pd.Index(np.arange(n) + 10, name="customer_id"))


def test_tiers_hold_their_shares_of_the_customers_of_value():
    X = spenders(silent=200)
    found = ValueSegmenter().fit(X).predict(X)
    assert found.value_counts(sort=False).tolist() == [200, 320, 240, 144, 64, 32]
    value = X.sum(axis=1)
    assert (
        value.groupby(found, observed=True).min()[1:]
        > value.groupby(found, observed=True).max()[:-1].to_numpy()
    ).all()


def test_recent_spend_counts_three_times():
    X = pd.DataFrame({"amount_short": [10.0, 0.0], "amount_middle": [10.0, 0.0], "amount_long": [10.0, 29.0]})
    X = pd.concat([X, spenders(50)])
    assert ValueSegmenter().fit(X).values(X).iloc[:2].tolist() == [30.0, 29.0]


def test_new_customers_are_held_against_the_stored_cut_points():
    X = spenders()
    segmenter = ValueSegmenter().fit(X)
    at = pd.DataFrame({"amount_short": 0.0, "amount_middle": 0.0, "amount_long": segmenter.cuts_})
    assert segmenter.predict(at).tolist() == ["Bronze", "Silver", "Gold", "Platinum"]
    assert segmenter.predict(at - 1e-6).tolist() == ["Basic", "Bronze", "Silver", "Gold"]
    assert segmenter.predict(at * 0).tolist() == ["Inactive"] * 4


@given(st.integers(0, 10_000), st.sampled_from([1, 3, 20]))
@settings(max_examples=30, deadline=None)
@pytest.mark.filterwarnings("ignore:ValueSegmenter.fit. so many customers have equal values")
def test_equal_values_share_a_tier_and_the_order_of_rows_says_nothing(seed, step):
    rng = np.random.default_rng(seed)
    value = np.ceil(rng.gamma(0.5, 30, 300) / step) * step
    X = pd.DataFrame({"clv": value})
    order = rng.permutation(300)
    first = ValueSegmenter(columns=["clv"]).fit(X)
    second = ValueSegmenter(columns=["clv"]).fit(X.iloc[order])
    assert_array_equal(first.cuts_, second.cuts_)
    assert_series_equal(first.predict(X), second.predict(X.iloc[order]).sort_index())
    assert pd.Series(first.predict(X).cat.codes).groupby(value).nunique().max() == 1
    assert_array_equal(first.values_, second.values_)


@given(st.lists(st.integers(1, 9), min_size=2, max_size=40), st.floats(0.05, 0.95))
@settings(max_examples=60, deadline=None)
def test_a_cut_point_is_the_nearest_there_is(values, below):
    values = np.array(values, dtype=float)
    (cut,) = cut_points(values, np.array([below]))
    distinct = np.unique(values)
    off = abs((values < cut).mean() - below)
    possible = distinct[1:] if distinct.size > 1 else distinct
    assert off == min(abs((values < other).mean() - below) for other in possible)


def test_segments_tell_where_tiers_begin_and_what_they_are_worth():
    X = spenders(silent=100)
    told = ValueSegmenter(shares=(0.5, 0.5)).fit(X).segments_
    assert told.index.tolist() == ["Inactive", "Tier 1", "Tier 2"]
    assert told["customers"].tolist() == [100, 450, 450]
    assert told["share"].sum() == pytest.approx(1)
    assert told["value_share"].sum() == pytest.approx(1)
    assert_array_equal(told["to_value"].iloc[:-1], told["from_value"].iloc[1:])


def test_one_value_for_many_leaves_tiers_empty_and_says_so():
    X = pd.DataFrame({"clv": [5.0] * 90 + [7.0] * 10})
    with pytest.warns(UserWarning, match="nobody is Bronze, Silver, Gold"):
        segmenter = ValueSegmenter(columns=["clv"]).fit(X)
    assert segmenter.predict(X).value_counts()[["Basic", "Platinum"]].tolist() == [90, 10]


def test_names_may_be_turkish_or_ones_own():
    X = spenders()
    assert ValueSegmenter(lang="tr").fit(X).names_[1:] == ["Temel", "Bronz", "Gümüş", "Altın", "Platin"]
    own = ValueSegmenter(shares=(0.8, 0.2), names=("many", "vital few")).fit(X)
    assert own.predict(X).value_counts()["vital few"] == 200


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"shares": (0.5, 0.6)}, "add to 1"),
        ({"shares": (1.0,)}, "two or more"),
        ({"names": ("a", "b")}, "5 different"),
        ({"names": ("Inactive", "b", "c", "d", "e")}, "5 different"),
        ({"lang": "de"}, "lang must be"),
    ],
)
def test_parameters_out_of_range_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        ValueSegmenter(**settings).fit(spenders(50))


def test_bad_tables_are_refused():
    X = spenders(50)
    with pytest.raises(SchemaError, match="amount_long"):
        ValueSegmenter().fit(X.drop(columns="amount_long"))
    with pytest.raises(SchemaError, match="finite"):
        ValueSegmenter().fit(X.assign(amount_long=np.nan))
    with pytest.raises(ValueError, match="0 of 50 customers have a value above 0"):
        ValueSegmenter().fit(X * 0)
    with pytest.raises(NotFittedError):
        ValueSegmenter().predict(X)


def test_a_saved_segmenter_says_the_same(tmp_path):
    X = spenders()
    segmenter = ValueSegmenter().fit(X)
    loaded = load_model(save_model(segmenter, tmp_path / "value"))
    assert_series_equal(loaded.predict(X), segmenter.predict(X))
    assert clone(segmenter).get_params() == segmenter.get_params()


def told(labels, spend):
    """Share of the variance of spend between the labels."""
    fitted = spend.groupby(labels.to_numpy()).transform("mean")
    return 1 - ((spend - fitted) ** 2).sum() / ((spend - spend.mean()) ** 2).sum()


def test_complete_journey_is_told_apart_and_stays_put():
    """R² of the next quarter's spend at least .60, agreement of resamples and of a refit at least .85."""
    log = load_complete_journey().log
    then, now = pd.Timestamp("2017-07-03"), pd.Timestamp("2017-10-02")
    rows = SnapshotBuilder(horizon=91).features(log, [then, now]).droplevel("label_end")
    X = rows.xs(now, level="origin")
    lines = log.purchases()
    quarter = lines[(lines["occurred_at"] >= now) & (lines["occurred_at"] < now + pd.Timedelta(days=91))]
    spend = quarter.groupby("customer_id")["amount"].sum().reindex(X.index, fill_value=0.0)
    labels = ValueSegmenter().fit(X).predict(X)
    assert told(labels, spend) >= 0.65
    assert labels.value_counts(normalize=True)[labels.unique()].min() >= 0.03
    refitted = ValueSegmenter().fit(rows.xs(then, level="origin")).predict(X)
    assert adjusted_rand_score(labels, refitted) >= 0.9
    rng = np.random.default_rng(0)
    drawn = [ValueSegmenter().fit(X.iloc[rng.integers(0, len(X), len(X))]).predict(X) for _ in range(20)]
    assert np.mean([adjusted_rand_score(labels, other) for other in drawn]) >= 0.9
