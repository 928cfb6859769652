"""BehaviouralSegmenter: planted segments, numbers that stay, invariants, one customer, real customers."""

import pickle
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from crm_analytics.core.errors import SchemaError
from crm_analytics.core.persistence import load_model, save_model
from crm_analytics.datasets import load_complete_journey
from crm_analytics.features import SnapshotBuilder
from crm_analytics.metrics.clusters import adjusted_rand_index
from crm_analytics.segmentation import BehaviouralSegmenter
from crm_analytics.segmentation.behaviour.alignment import aligned_numbers
from crm_analytics.segmentation.behaviour.number_of_segments import choose
from crm_analytics.segmentation.behaviour.prototypes import Prototypes, ends_of, find_prototypes
from crm_analytics.segmentation.behaviour.row_order import drawn_order
from crm_analytics.segmentation.behaviour.scaling import learn_scaling, scale, unscale


def shoppers(n, seed, *, levels=(2.0, 4.0, 6.0), shift=0.0):
    """Customers of segments that differ in spend, visits and channel."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, len(levels), n)
    level = np.array(levels)[truth] + shift
    table = pd.DataFrame(
        {
            "visits": np.exp(rng.normal(level / 2, 0.15)),
            "amount": np.exp(rng.normal(level, 0.2)),
            "channel": np.where(rng.random(n) < 0.9, np.array(["web", "shop", "post"])[truth % 3], "web"),
        },
        index=[f"c{row}" for row in range(n)],
    )
    return table, truth + 1


@pytest.fixture(scope="module")
def fitted():
    table, truth = shoppers(1_500, 1)
    return BehaviouralSegmenter().fit(table), table, truth


def test_planted_segments_are_found_counted_and_numbered_by_rising_amount(fitted):
    model, table, truth = fitted
    found = model.predict(table)
    assert found.name == "segment"
    assert found.dtype == np.int64
    assert found.index.equals(table.index)
    assert_array_equal(found, truth)
    assert "3 segments, the most of 2 to 8 with gaps between them" in model.fit_report_["message"]
    assert model.choice_["n_segments"].tolist() == [2, 3, 4, 5, 6, 7, 8]


def test_segments_are_told_in_the_units_of_the_columns(fitted):
    model, _, truth = fitted
    told = model.segments_
    assert told.index.tolist() == [1, 2, 3]
    assert_array_equal(told["size"], np.bincount(truth)[1:])
    assert told["share"].sum() == pytest.approx(1)
    # The planted medians; the spread of 15 to 20 % moves a mean of logarithms by about 1 % of it.
    assert_allclose(told["amount"], np.exp([2, 4, 6]), rtol=0.05)
    assert_allclose(told["visits"], np.exp([1, 2, 3]), rtol=0.05)
    assert told["channel"].tolist() == ["web", "shop", "post"]


@pytest.mark.parametrize("scaling", ["log", "power", "standard"])
def test_scaled_back_is_what_it_was(scaling):
    numbers = np.random.default_rng(0).normal(size=(500, 3)) ** 3 * [1, 100, 1e-3]
    learned = learn_scaling(numbers, scaling)
    scaled = scale(numbers, learned)
    assert_allclose(scaled.mean(axis=0), 0, atol=1e-9)
    assert_allclose(scaled.std(axis=0), 1)
    clipped = np.clip(numbers, learned["low"] * learned["unit"], learned["high"] * learned["unit"])
    assert_allclose(unscale(scaled, learned), clipped, rtol=1e-6, atol=1e-9)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(5, 80))
def test_the_order_of_customers_does_not_matter_to_the_last_bit(seed, n):
    table, _ = shoppers(n, seed)
    table = pd.concat([table, table.head(n // 3)], ignore_index=True)  # some of them twice
    shuffled = table.sample(frac=1, random_state=seed)
    one = BehaviouralSegmenter(3).fit(table)
    other = BehaviouralSegmenter(3).fit(shuffled)
    assert_array_equal(one.means_, other.means_)
    assert_array_equal(one.predict(shuffled), other.predict(shuffled))
    assert_array_equal(one.partial_fit(table).means_, other.partial_fit(shuffled).means_)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.floats(1e-3, 1e5))
def test_neither_the_currency_nor_the_words_in_use_matter(seed, size):
    table, _ = shoppers(300, seed)
    other = table.assign(amount=table["amount"] * size, channel="~" + table["channel"])
    one, two = (BehaviouralSegmenter(3).fit(some).predict(some) for some in (table, other))
    assert_array_equal(one, two)


def test_a_sample_is_drawn_by_values_and_takes_equal_customers_one_by_one():
    numbers = np.repeat([[1.0], [2.0]], [9_000, 1_000], axis=0)
    codes = np.zeros((10_000, 0), dtype=np.int32)
    drawn = drawn_order(numbers, codes, 0, 1_000)
    assert len(set(drawn)) == 1_000
    assert 60 < (numbers[drawn] == 2).sum() < 140  # 100 expected, standard deviation 9
    assert_array_equal(drawn, drawn_order(numbers, codes, 0)[:1_000])


# The number of segments


def table_of(agreement, *, share=0.1, between=2.0, recovered=1.0, explained=np.nan):
    agreement = np.array(agreement)
    like = np.ones(agreement.size)
    return {
        "n_segments": np.arange(2, 2 + agreement.size),
        "agreement": agreement,
        "recovery": recovered * like,
        "smallest_share": share * like,
        "between": between * like,
        "explained": explained * like,
    }


def test_the_number_is_the_largest_that_comes_back():
    assert choose(table_of([0.99, 0.5, 0.9, 0.8]), smallest_share=0.03).k == 4
    assert (
        choose(table_of([0.99, 0.5, 0.9, 0.8], recovered=np.array([1, 1, 0.7, 1])), smallest_share=0.03).k
        == 2
    )
    assert choose(table_of([0.99, 0.9, 0.9], share=np.array([0.1, 0.1, 0.01])), smallest_share=0.03).k == 3


def test_gaps_and_what_came_after_come_before_size():
    parted = table_of([1.0, 0.99, 0.98, 0.97], between=np.array([0.6, 0.7, 1.5, 1.1]))
    assert choose(parted, smallest_share=0.03).k == 3
    told = table_of([1.0, 0.9, 0.9, 0.9], explained=np.array([0.3, 0.495, 0.48, 0.5]))
    assert choose(told, smallest_share=0.03).k == 3


def test_the_number_taken_before_stays_while_it_comes_back():
    assert choose(table_of([0.99, 0.82, 0.9]), smallest_share=0.03, before=3).k == 3
    assert choose(table_of([0.99, 0.78, 0.9]), smallest_share=0.03, before=3).k == 4


def test_where_none_comes_back_the_nearest_to_it_is_taken_and_said_to_be():
    taken = choose(table_of([0.5, 0.7, 0.6]), smallest_share=0.03)
    assert taken.k == 3
    assert "none come back reliably" in taken.message


def test_what_came_after_is_told_for_every_number():
    table, truth = shoppers(1_500, 2)
    y = truth + np.random.default_rng(0).normal(size=truth.size)  # variances 2/3 and 1
    model = BehaviouralSegmenter(max_segments=4).fit(table, y)
    assert model.numbers_.size == 3
    assert model.choice_["explained"][1] == pytest.approx(0.4, abs=0.04)
    with pytest.raises(ValueError, match="y must be 1,500 numbers"):
        model.fit(table, y[1:])


# Numbers that stay


def test_segment_three_stays_segment_three():
    table, _ = shoppers(1_500, 1)
    old = BehaviouralSegmenter().fit(table)
    # Next quarter there is a new segment below them all, and the second is gone.
    later, level = shoppers(2_000, 3, levels=(0.0, 2.0, 2.0, 6.0))
    later["channel"] = np.array(["phone", "web", "web", "post"])[level - 1]
    refit = BehaviouralSegmenter(3).fit(later, previous=old)
    assert_array_equal(refit.predict(later), np.array([4, 1, 1, 3])[level - 1])
    assert refit.last_number_ == 4
    assert refit.segments_.index.tolist() == [1, 3, 4]
    # Customers a little better off: the same numbers, and the same number of them.
    better, level = shoppers(1_500, 4, shift=0.2)
    assert_array_equal(BehaviouralSegmenter().fit(better, previous=old).predict(better), level)


def test_a_refit_starts_from_the_old_segments_whatever_the_codes_of_words():
    table, _ = shoppers(600, 1)
    old = BehaviouralSegmenter(3).fit(table)
    new = clone(old).fit(table.assign(channel=table["channel"].where(table["amount"] < 600, "app")))
    start = new._start(old, 3)
    words = [new.columns_[2]["levels"][code] for code in start.modes[0]]
    assert words == old.segments_["channel"].tolist()
    assert_allclose(unscale(start.means.T, new.scaling_), old.segments_[["visits", "amount"]], rtol=1e-6)
    assert new._start(old, 4) is None


def test_prototypes_that_still_do_are_kept():
    # Four crowds at the corners of a square make two pairs in two ways, at nearly the same cost.
    rng = np.random.default_rng(0)
    numbers = 0.5 * rng.choice([-1.0, 1.0], (4_000, 2)) + rng.normal(0, 0.05, (4_000, 2))
    codes, ends = np.zeros((4_000, 0), dtype=np.int32), ends_of([])
    for cut in (np.array([[-0.5, 0.5], [0.0, 0.0]]), np.array([[0.0, 0.0], [-0.5, 0.5]])):
        start = Prototypes(cut, np.zeros((0, 2), dtype=np.int32))
        found = find_prototypes(
            numbers, codes, ends, 2, 1.0, n_init=5, max_iter=100, rng=np.random.default_rng(0), start=start
        )
        assert_allclose(found.prototypes.means, cut, atol=0.1)
        assert_allclose(start.means, cut)


def test_a_number_is_never_given_to_another_segment():
    counts = np.array([[90, 0, 0], [0, 40, 0], [0, 35, 0], [5, 1, 1]])
    assert_array_equal(aligned_numbers(counts, np.array([1, 2, 5]), last=7), [1, 2, 8, 9])


# One customer, memberships, streams


def test_one_customer_is_assigned_as_in_a_table_and_quickly(fitted):
    model, table, _ = fitted
    rows = table.head(300).to_dict("records")
    began = time.perf_counter()
    assigned = [model.assign(row) for row in rows]
    assert (time.perf_counter() - began) / len(rows) < 1e-3
    assert_array_equal(assigned, model.predict(table.head(300)))
    assert model.assign(list(rows[7].values())) == assigned[7]
    assert model.assign({"visits": 2.0, "amount": 7.0, "channel": "pigeon", "extra": 1}) == 1
    with pytest.raises(SchemaError, match="amount is missing"):
        model.assign({"visits": 2.0, "channel": "web"})
    with pytest.raises(SchemaError, match="amount must be a finite number"):
        model.assign([2.0, float("nan"), "web"])
    with pytest.raises(SchemaError, match="3 values are needed, but 2"):
        model.assign([2.0, 7.0])


def test_membership_is_a_share_and_highest_in_the_own_segment(fitted):
    model, table, _ = fitted
    shares = model.membership(table)
    assert shares.index.equals(table.index)
    assert shares.columns.tolist() == [1, 2, 3]
    assert_allclose(shares.sum(axis=1), 1)
    assert (shares.to_numpy() >= 0).all()
    assert_array_equal(shares.idxmax(axis=1), model.predict(table))


def test_who_is_the_prototype_belongs_to_it_alone_and_who_is_half_way_to_both():
    table = pd.DataFrame({"x": [0.0, 0.0, 10.0, 10.0]})
    model = BehaviouralSegmenter(2, scaling="standard").fit(table)
    asked = pd.DataFrame({"x": [0.0, 5.0, 10.0]})
    assert_allclose(model.membership(asked), [[1, 0], [0.5, 0.5], [0, 1]], atol=1e-12)


def test_partial_fits_make_means_over_all_customers_ever_seen():
    table, _ = shoppers(900, 5)
    model = BehaviouralSegmenter(3).fit(table)
    more, _ = shoppers(600, 6)
    whole = pd.concat([table, more])
    for part in (more.head(1), more.iloc[1:200], more.iloc[200:]):
        model.partial_fit(part)
    assert_array_equal(model.sizes_, np.bincount(model.predict(whole))[1:])
    places = model.predict(whole).to_numpy() - 1
    scaled = scale(whole[["visits", "amount"]].to_numpy(), model.scaling_)
    means = [np.bincount(places, weights=values) / np.bincount(places) for values in scaled.T]
    # The first 900 were in the means of the fit as polished to within a few customers.
    assert_allclose(model.means_, means, atol=1e-3)
    assert BehaviouralSegmenter(3).partial_fit(table).sizes_.sum() == 900


# Tables as they come


def test_columns_of_one_value_or_with_gaps_are_left_out_and_told():
    table, truth = shoppers(400, 7)
    table = table.assign(country="TR", ones=1.0, gaps=np.where(truth == 1, np.nan, 1.0 * truth))
    model = BehaviouralSegmenter(3).fit(table)
    assert [column["name"] for column in model.columns_] == ["visits", "amount", "channel"]
    assert (model.constant_columns_, model.incomplete_columns_) == (["country", "ones"], ["gaps"])
    with pytest.raises(SchemaError, match=r"gaps must be a finite number, but .* Leave the column out"):
        BehaviouralSegmenter(3, columns=["amount", "gaps"]).fit(table)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop(columns="amount"), "1 of 3 columns missing: amount"),
        (lambda table: table.assign(amount=np.inf), "amount must be a finite number, but 1,500 of 1,500"),
        (lambda table: table.assign(amount="much"), "amount held numbers when fitted"),
        (lambda table: table.head(0), "no customers"),
    ],
)
def test_bad_tables_are_refused_when_asked(fitted, change, message):
    model, table, _ = fitted
    with pytest.raises(SchemaError, match=message):
        model.predict(change(table))


def test_bad_tables_are_refused_when_fitted():
    table, _ = shoppers(4, 8)
    with pytest.raises(SchemaError, match="n_segments is 9, but of 4 customers only 4 differ"):
        BehaviouralSegmenter(9).fit(table)
    with pytest.raises(SchemaError, match="every one of 2 columns has the same value"):
        BehaviouralSegmenter().fit(pd.DataFrame({"a": [1.0, 1.0], "b": ["x", "x"]}))
    with pytest.raises(SchemaError, match="Is 'amount' meant as 'amuont'"):
        BehaviouralSegmenter(columns=["amuont"]).fit(table)


@pytest.mark.parametrize(
    "wrong",
    [{"n_segments": 0}, {"scaling": "robust"}, {"max_segments": 1}, {"smallest_share": 0.5}, {"gamma": -1}],
)
def test_bad_parameters_are_refused(wrong):
    with pytest.raises(ValueError, match=rf"^{next(iter(wrong))} must be"):
        BehaviouralSegmenter(**wrong).fit(shoppers(20, 0)[0])


def test_an_estimator_like_others(fitted, tmp_path):
    model, table, _ = fitted
    kept = table.copy(deep=True)
    with pytest.raises(NotFittedError):
        clone(model).predict(table)
    with pytest.raises(NotFittedError):
        clone(model).assign([1.0])
    right = model.predict(table)
    loaded = load_model(save_model(model, tmp_path / "model"))
    for other in (loaded, pickle.loads(pickle.dumps(model)), clone(model).fit(table)):
        assert_array_equal(other.predict(table), right)
    pd.testing.assert_frame_equal(loaded.segments_, model.segments_)
    pd.testing.assert_frame_equal(table, kept)
    assert clone(model).get_params() == model.get_params()
    wide = table.assign(extra="x")[["extra", "channel", "amount", "visits"]]
    assert_array_equal(model.predict(wide), right)


# Real customers


@pytest.fixture(scope="module")
def journey():
    log = load_complete_journey().log
    features = SnapshotBuilder(windows=(28, 91, 182), horizon=91).features(log, ["2017-07-03", "2017-10-02"])
    return [
        features.xs(origin, level="origin").droplevel("label_end") for origin in ("2017-07-03", "2017-10-02")
    ]


def test_households_of_complete_journey_keep_their_segments_next_quarter(journey):
    before, now = journey
    old = BehaviouralSegmenter().fit(before)
    new = BehaviouralSegmenter().fit(now, previous=old)
    assert [column["name"] for column in old.columns_][:2] == ["since_last", "purchases_long"]
    assert new.choice_["smallest_share"][new.choice_["n_segments"] == new.numbers_.size] >= 0.03
    # Two models of one table: what was learned a quarter ago says nearly the same of today's customers.
    assert adjusted_rand_index(old.predict(now), new.predict(now)) > 0.85
    assert (old.predict(now) == new.predict(now)).mean() > 0.9
    assert new.segments_["amount_long"].is_monotonic_increasing


def test_another_currency_changes_nothing(journey):
    X = journey[-1] if isinstance(journey, tuple | list) else journey
    amounts = [name for name in X if name.startswith("amount")]
    first, second = BehaviouralSegmenter().fit(X), BehaviouralSegmenter().fit(X.assign(**X[amounts] * 7.3))
    pd.testing.assert_series_equal(first.predict(X), second.predict(X.assign(**X[amounts] * 7.3)))
