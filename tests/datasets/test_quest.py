"""Simulated baskets: published sizes, planted truth, and the same seed twice."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from scipy.stats import chi2_contingency

from crm_analytics.datasets.quest import make_independent_baskets, make_quest_baskets, make_quest_patterns


def held(lines, n_baskets, item):
    found = np.zeros(n_baskets, dtype=bool)
    found[lines.loc[lines["item_id"] == item, "transaction_id"]] = True
    return found


def test_baskets_have_the_size_of_the_published_t10i4d100k():
    lines = make_quest_baskets(random_state=1)
    # The file at FIMI has 100,000 baskets and 1,010,228 lines; lengths vary by 3.7, so the mean by .012.
    assert lines["transaction_id"].nunique() == 100_000
    assert len(lines) / 100_000 == pytest.approx(10.10, abs=0.05)
    assert lines["item_id"].between(0, 999).all()


@pytest.mark.parametrize(("length", "pattern"), [(5, 2), (20, 6), (40, 10)])
def test_lengths_are_near_those_asked_for(length, pattern):
    lines = make_quest_baskets(20_000, mean_length=length, mean_pattern=pattern, random_state=2)
    assert len(lines) / 20_000 == pytest.approx(length, rel=0.04)


@given(st.integers(1, 30), st.integers(1, 6), st.floats(0, 0.9), st.integers(1, 40), st.integers(0, 9))
@settings(max_examples=40)
def test_lines_are_in_order_and_no_item_comes_twice(n_items, n_patterns, corruption, n_baskets, seed):
    lines = make_quest_baskets(
        n_baskets,
        mean_length=6,
        n_items=n_items,
        n_patterns=n_patterns,
        corruption=corruption,
        random_state=seed,
    )
    keys = lines["transaction_id"].to_numpy() * n_items + lines["item_id"].to_numpy()
    assert (np.diff(keys) > 0).all()
    assert lines["transaction_id"].between(0, n_baskets - 1).all()
    assert lines["item_id"].between(0, n_items - 1).all()


def test_uncorrupted_baskets_are_made_of_whole_patterns():
    patterns = make_quest_patterns(n_patterns=30, n_items=200, corruption=0.0, random_state=3)
    patterns = patterns.assign(corruption=0.0)
    lines = make_quest_baskets(500, mean_length=8, patterns=patterns, random_state=4)
    sets = [frozenset(items) for items in patterns["items"]]
    for _, basket in lines.groupby("transaction_id")["item_id"]:
        items = set(basket)
        assert set().union(*[pattern for pattern in sets if pattern <= items]) == items


def test_patterns_are_found_as_often_as_their_weight_and_corruption_say():
    # Patterns that share no item, so that each is seen by its items alone.
    patterns = pd.DataFrame(
        {
            "items": [(3 * i, 3 * i + 1, 3 * i + 2) for i in range(40)],
            "weight": np.repeat([0.04, 0.01], 20),
            "corruption": np.tile([0.0, 0.5], 20),
        }
    )
    lines = make_quest_baskets(40_000, mean_length=3, patterns=patterns, random_state=5)
    whole = lines.assign(pattern=lines["item_id"] // 3).groupby(["transaction_id", "pattern"]).size() == 3
    counts = whole.groupby("pattern").sum().to_numpy()
    kept = patterns["corruption"].eq(0)
    heavy, light = patterns["weight"].eq(0.04), patterns["weight"].eq(0.01)
    assert counts[heavy & kept].mean() / counts[light & kept].mean() == pytest.approx(4, rel=0.1)
    # The chance to drop none is 1 - corruption.
    assert counts[heavy & ~kept].mean() / counts[heavy & kept].mean() == pytest.approx(0.5, rel=0.1)


def test_no_item_of_a_pattern_is_dropped_more_often_than_another():
    patterns = pd.DataFrame({"items": [(0, 1, 2)], "weight": [1.0], "corruption": [0.6]})
    lines = make_quest_baskets(30_000, mean_length=1, patterns=patterns, random_state=8)
    counts = lines["item_id"].value_counts().sort_index().to_numpy()
    assert counts.max() / counts.min() < 1.05


def test_patterns_follow_their_parameters():
    patterns = make_quest_patterns(n_patterns=5000, mean_pattern=6, correlation=0.5, random_state=6)
    sets = [set(items) for items in patterns["items"]]
    assert np.mean([len(items) for items in sets]) == pytest.approx(6, rel=0.03)
    shared = np.mean([len(one & other) / len(other) for one, other in pairwise(sets) if len(other) > 3])
    # Exponential with mean .5, cut at 1: .432; the pattern before may have too few items to share.
    assert 0.35 < shared < 0.44
    assert patterns["weight"].sum() == pytest.approx(1)
    assert patterns["weight"].std() == pytest.approx(patterns["weight"].mean(), rel=0.1)
    assert patterns["corruption"].mean() == pytest.approx(0.5, abs=0.02)
    assert patterns["corruption"].between(0, 1).all()
    free = make_quest_patterns(n_patterns=2000, n_items=1000, correlation=0.0, random_state=6)["items"]
    apart = [len(set(one) & set(other)) for one, other in pairwise(free)]
    assert np.mean(apart) < 0.05


@pytest.mark.parametrize(
    "make", [make_quest_baskets, lambda n, **seed: make_independent_baskets(n, [0.3, 0.2, 0.4], **seed)]
)
def test_the_same_seed_gives_the_same_baskets(make):
    one, two = make(300, random_state=9), make(300, random_state=9)
    assert_frame_equal(one, two)
    assert not one.equals(make(300, random_state=10))


def test_independent_items_have_their_shares_and_do_not_depend_on_each_other():
    shares = np.array([0.0, 0.3, 0.05, 0.9, 0.5])
    lines = make_independent_baskets(50_000, shares, random_state=11)
    found = [held(lines, 50_000, item) for item in range(5)]
    # Five standard errors of a share near a half.
    np.testing.assert_allclose([one.mean() for one in found], shares, atol=0.012)
    for a in range(1, 5):
        for b in range(a + 1, 5):
            assert chi2_contingency(pd.crosstab(found[a], found[b])).pvalue > 1e-4


@pytest.mark.parametrize("lift", [0.0, 0.5, 1.0, 3.0])
def test_planted_pairs_have_their_lift_and_items_keep_their_shares(lift):
    lines = make_independent_baskets(
        200_000, [0.2, 0.1, 0.3, 0.05], planted={(0, 2): lift, (3, 1): 2.0}, random_state=12
    )
    a, b, other = held(lines, 200_000, 0), held(lines, 200_000, 2), held(lines, 200_000, 3)
    assert a.mean() == pytest.approx(0.2, abs=0.005)
    assert b.mean() == pytest.approx(0.3, abs=0.005)
    assert (a & b).mean() / (0.2 * 0.3) == pytest.approx(lift, abs=0.05)
    assert (a & other).mean() / (0.2 * 0.05) == pytest.approx(1, abs=0.1)


def test_lines_of_independent_baskets_are_in_order():
    lines = make_independent_baskets(500, [0.5] * 6, planted={(5, 0): 1.5}, random_state=1)
    assert (np.diff(lines["transaction_id"] * 6 + lines["item_id"]) > 0).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: make_quest_baskets(0), r"n_baskets must be a whole number >= 1\. Got 0"),
        (lambda: make_quest_baskets(2.5), "n_baskets must be a whole number"),
        (lambda: make_quest_baskets(5, mean_length=0.5), "mean_length must be >= 1 and finite"),
        (lambda: make_quest_baskets(5, corruption=1.0), r"corruption must be in \[0, 1\)\. Got 1"),
        (lambda: make_quest_patterns(correlation=-1), "correlation must be >= 0"),
        (lambda: make_quest_patterns(n_items=0), "n_items must be a whole number >= 1"),
        (lambda: make_independent_baskets(5, [1.0]), r"numbers in \[0, 1\)"),
        (
            lambda: make_independent_baskets(5, [0.5, 0.4], planted={(0, 1): 2.5}),
            r"lift of \(0, 1\) must be in \[0, 2\], .* 0\.5 and 0\.4\. Got 2\.5",
        ),
        (
            lambda: make_independent_baskets(5, [0.9, 0.9], planted={(0, 1): 0.5}),
            r"must be in \[0\.9877, 1\.111\]",
        ),
        (
            lambda: make_independent_baskets(5, [0.5, 0.0], planted={(0, 1): 1}),
            r"need shares > 0\. Got 0\.5 and 0 ",
        ),
        (lambda: make_independent_baskets(5, [0.5, 0.4], planted={(0, 0): 1}), "each at most once"),
        (lambda: make_independent_baskets(5, [0.5, 0.4], planted={(0, 2): 1}), "must pair positions"),
    ],
)
def test_impossible_parameters_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
