"""Popularity, own frequency and rhythm, by hand and by brute force."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from crm_analytics.basket.recommenders import GlobalTop, PersonalTop, Repurchase
from crm_analytics.basket.recommenders.pairs import pair_statistics
from crm_analytics.basket.recommenders.rhythm import expected_gaps, is_due
from crm_analytics.features import purchase_histories
from crm_analytics.transactions import read_log

ROWS = [
    ("a", "2024-03-01", "tea"), ("a", "2024-03-01", "milk"), ("a", "2024-03-11", "tea"), ("a", "2024-03-21", "jam"),
    ("b", "2024-03-11", "tea"), ("b", "2024-03-31", "tea"),
]  # fmt: skip
LOG = read_log(pd.DataFrame(ROWS, columns=["customer_id", "occurred_at", "item_id"]).assign(amount=1.0))
AS_OF = "2024-04-10"  # 40, 30, 20; 30, 10 days after the baskets


def test_pairs_are_what_a_loop_over_the_lines_gives():
    rng = np.random.default_rng(3)
    table = pd.DataFrame(
        {"customer_id": rng.integers(0, 9, 400), "item_id": rng.integers(0, 7, 400), "amount": 1.0,
         "occurred_at": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 50, 400), unit="D")}
    )  # fmt: skip
    past = purchase_histories(read_log(table))
    instant = np.datetime64("2024-03-01", "us")
    pairs, lines = pair_statistics(past, instant)
    at = 0
    for customer in range(len(past)):
        occasions = range(past.indptr[customer], past.indptr[customer + 1])
        held = [set(past.baskets.take(np.array([o])).indices.tolist()) for o in occasions]
        days = [(instant - past.times[o]) / np.timedelta64(1, "D") for o in occasions]
        for item in sorted(set().union(*held)):
            where = [n for n, basket in enumerate(held) if item in basket]
            assert (pairs.owner[at], pairs.items[at], pairs.counts[at]) == (customer, item, len(where))
            assert (pairs.first[at], pairs.last[at]) == (days[where[0]], days[where[-1]])
            assert_array_equal(pairs.previous[at], days[where[-2]] if len(where) > 1 else np.nan)
            assert pairs.baskets_since[at] == len(held) - 1 - where[-1]
            at += 1
    assert at == len(pairs)
    assert_array_equal(pairs.items[lines], past.baskets.indices)


def test_popularity_is_the_share_of_baskets_halved_with_every_half_life():
    shares = dict(zip(*_told(GlobalTop(half_life=None)), strict=True))
    assert shares == pytest.approx({"jam": 1 / 5, "milk": 1 / 5, "tea": 4 / 5})
    weights = 0.5 ** (np.array([40, 30, 20, 30, 10]) / 10)
    shares = dict(zip(*_told(GlobalTop(half_life=10.0)), strict=True))
    assert_allclose(shares["tea"], weights[[0, 1, 3, 4]].sum() / weights.sum())
    assert_allclose(shares["jam"], weights[2] / weights.sum())


def _told(model):
    model.fit(LOG, AS_OF)
    return model.items_.tolist(), model.popularity_


def test_own_frequency_decays_by_basket_and_by_day_and_popularity_breaks_ties():
    model = PersonalTop(basket_decay=0.5).fit(LOG, AS_OF)
    assert_allclose(model.frequencies_, [1, 1 / 4, 1 / 4 + 1 / 2, 1 / 2 + 1])  # a: jam, milk, tea; b: tea
    assert_allclose(PersonalTop(half_life=10.0).fit(LOG, AS_OF).frequencies_[1], 1 / 16)
    tied = PersonalTop().fit(LOG, AS_OF).recommend(["a"])
    assert tied["item_id"].tolist() == ["tea", "jam", "milk"]  # jam sold later than milk


def test_gaps_are_drawn_towards_the_items_own():
    past = purchase_histories(LOG)
    pairs, _ = pair_statistics(past, np.datetime64(AS_OF, "us"))
    # Tea: gaps of 10 (a) and 20 days (b), 15 in the mean; nobody bought jam or milk twice.
    gaps = expected_gaps(pairs, 3, prior_gaps=1.0)
    assert_allclose(gaps, [np.nan, np.nan, (10 + 15) / 2, (20 + 15) / 2])
    assert is_due(pairs, gaps).tolist() == [False, False, True, False]  # 30 and 10 days ago


def test_repurchase_score_is_share_times_readiness():
    model = Repurchase(prior_gaps=1.0, prior_baskets=2.0, sharpness=0.5, patience=4.0).fit(LOG, AS_OF)
    early, late = 10 / 17.5, 30 / 12.5
    expected = [1 / (1 + 2), 1 / (3 + 2), 2 / (3 + 2) * np.exp(-(late - 1) / 4), 2 / (2 + 2) * early**0.5]
    assert_allclose(model.scores_, expected)
    assert model.due_.tolist() == [False, False, True, False]
    reasons = model.recommend(repeat_only=True).set_index(["customer_id", "item_id"])["reason"]
    assert reasons["a", "tea"] == "due again: about every 12 days, last 30 days ago"
    assert reasons["b", "tea"] == "bought 2 times, last 10 days ago"
