"""TIFU-KNN, EASE, ItemKNN and product paths against dense tables of their formulas."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from crm_analytics.basket.recommenders import EASE, TIFUKNN, ItemKNN, ProductPath
from crm_analytics.basket.recommenders.tifu_knn import basket_weights
from crm_analytics.features import purchase_histories
from crm_analytics.transactions import read_log

AS_OF = "2024-06-01"


@pytest.fixture(scope="module")
def past():
    rng = np.random.default_rng(5)
    table = pd.DataFrame(
        {"customer_id": rng.integers(0, 30, 1500), "item_id": (rng.random(1500) ** 2 * 20).astype(int), "amount": 1.0,
         "occurred_at": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 100, 1500), unit="D")}
    )  # fmt: skip
    return purchase_histories(read_log(table))


def one_hot(past):
    held = np.zeros((len(past.baskets), len(past.baskets.items)))
    held[np.repeat(np.arange(len(past.baskets)), np.diff(past.baskets.indptr)), past.baskets.indices] = 1
    return held


def dense(model):
    """Scores of every customer and item."""
    found = model._candidates(np.arange(len(model.customers_)))
    scores = np.zeros((len(model.customers_), len(model.items_)))
    scores[np.repeat(np.arange(len(scores)), np.diff(found.indptr)), found.items] = found.scores
    return scores


@pytest.mark.parametrize("n_neighbors", [1, 4, 100])
@pytest.mark.parametrize("group_size", [1, 3, 50])
def test_tifu_knn_is_its_definition_spelled_out(past, n_neighbors, group_size):
    r_b, r_g, alpha = 0.9, 0.7, 0.6
    held, vectors = one_hot(past), []
    for begin, end in zip(past.indptr[:-1], past.indptr[1:], strict=True):
        baskets = list(held[begin:end])
        groups = []
        while baskets:  # from the last one; the oldest group takes what is left
            groups.append(baskets[-group_size:])
            baskets = baskets[: -len(groups[-1])]
        means = [
            sum(r_b**n * basket for n, basket in enumerate(group[::-1])) / len(group) for group in groups
        ]
        vectors.append(sum(r_g**n * mean for n, mean in enumerate(means)) / len(means))
    vectors = np.array(vectors)
    distance = ((vectors[:, None] - vectors) ** 2).sum(axis=2)
    np.fill_diagonal(distance, np.inf)
    nearest = np.argsort(distance, axis=1, kind="stable")[:, : min(n_neighbors, len(past) - 1)]
    expected = alpha * vectors + (1 - alpha) * vectors[nearest].mean(axis=1)
    model = TIFUKNN(
        n_neighbors=n_neighbors, within_decay=r_b, group_decay=r_g, group_size=group_size, alpha=alpha
    ).fit(past, AS_OF)
    assert_allclose(dense(model), expected, atol=1e-12)


def test_basket_weights_by_hand():
    # Five baskets in groups of two: 1 | 2 3 | 4 5, three groups.
    expected = [0.7**2, 0.7 * 0.9 / 2, 0.7 / 2, 0.9 / 2, 1 / 2]
    assert_allclose(basket_weights(np.array([0, 5]), 0.9, 0.7, 2), np.array(expected) / 3)


@pytest.mark.parametrize("log_counts", [False, True])
def test_ease_solves_its_constrained_ridge_regression(past, log_counts):
    model = EASE(l2_penalty=7.0, log_counts=log_counts).fit(past, AS_OF)
    counts = np.array([rows.sum(axis=0) for rows in np.split(one_hot(past), past.indptr[1:-1])])
    X = np.log1p(counts) if log_counts else np.minimum(counts, 1)
    for item in range(X.shape[1]):  # each item on all others, which is what the closed form solves
        others = np.arange(X.shape[1]) != item
        A = X[:, others]
        ridge = np.linalg.solve(A.T @ A + 7.0 * np.eye(A.shape[1]), A.T @ X[:, item])
        assert_allclose(model.weights_[others, item], ridge, atol=1e-10)
    assert_allclose(np.diag(model.weights_), 0)
    assert_allclose(dense(model), np.maximum(X @ model.weights_, 0), atol=1e-10)


def test_ease_keeps_to_the_items_with_most_buyers_and_names_the_strongest_cause(past):
    model = EASE(l2_penalty=7.0, max_items=6).fit(past, AS_OF)
    buyers = np.bincount(model.pairs_.items)
    assert model.model_items_.size == 6
    assert model.n_items_left_out_ == len(model.items_) - 6
    assert buyers[model.model_items_].min() >= np.delete(buyers, model.model_items_).max()
    found = model._novel_reasons(np.array([0]), model.model_items_[[2]])
    own = model.pairs_.items[: model.pairs_.indptr[1]]
    counts = dict(zip(own, np.log1p(model.pairs_.counts[: own.size]), strict=True))
    parts = [counts.get(item, 0) * model.weights_[n, 2] for n, item in enumerate(model.model_items_)]
    assert found == [f"bought with {model.items_[model.model_items_[np.argmax(parts)]]}"]


def test_item_knn_is_a_shrunk_cosine_weighted_by_recency(past):
    model = ItemKNN(n_neighbors=20, shrink=3.0, half_life=25.0).fit(past, AS_OF)
    held = one_hot(past)
    together, n = held.T @ held, held.sum(axis=0)
    similarity = together / (np.sqrt(np.outer(n, n)) + 3.0)
    np.fill_diagonal(similarity, 0)
    weights = np.zeros((len(past), n.size))
    weights[model.pairs_.owner, model.pairs_.items] = 0.5 ** (model.pairs_.last / 25.0)
    assert_allclose(dense(model), weights @ similarity, atol=1e-12)
    best = ItemKNN(n_neighbors=2, shrink=3.0).fit(past, AS_OF).neighbours_
    for item in range(n.size):
        top = np.argsort(-similarity[item], kind="stable")[:2]
        assert_array_equal(
            best.items[best.indptr[item] : best.indptr[item + 1]], top[similarity[item, top] > 0]
        )


def test_product_path_counts_what_the_next_basket_adds(past):
    model = ProductPath(n_neighbors=20, shrink=3.0, last_baskets=2).fit(past, AS_OF)
    held = one_hot(past)
    lead = np.setdiff1d(np.arange(len(held)), past.indptr[1:] - 1)
    after, n = np.zeros((20, 20)), held[lead].sum(axis=0)
    for basket in lead:
        after += np.outer(held[basket], held[basket + 1] * (1 - held[basket]))
    usual = held[lead + 1].mean(axis=0)
    steps = np.maximum((after - n[:, None] * usual) / (n + 3.0)[:, None], 0)
    np.fill_diagonal(steps, 0)
    last = np.array([rows[-2:].max(axis=0) for rows in np.split(held, past.indptr[1:-1])])
    assert_allclose(dense(model), last @ steps, atol=1e-12)


def test_the_reason_names_the_item_that_gave_most():
    rows = [
        ("a", 1, "pan"),
        ("a", 2, "lid"),
        ("b", 1, "pan"),
        ("b", 2, "lid"),
        ("c", 1, "jam"),
        ("c", 2, "tea"),
    ]
    rows += [("d", 1, "pan"), ("d", 1, "jam"), ("d", 1, "pen")]
    table = pd.DataFrame(rows, columns=["customer_id", "day", "item_id"]).assign(amount=1.0)
    table["occurred_at"] = pd.Timestamp("2024-03-01") + pd.to_timedelta(table.pop("day"), unit="D")
    found = ProductPath(shrink=0.0).fit(read_log(table)).recommend(["d"], novel_only=True)
    assert dict(zip(found["item_id"], found["reason"], strict=True)) == {
        "lid": "often next after pan",
        "tea": "often next after jam",
    }
