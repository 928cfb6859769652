"""k-prototypes: all partitions of a few customers, planted clusters, scikit-learn, Huang's own algorithm."""

import itertools
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.exceptions import NotFittedError

from crm_analytics.core.errors import SchemaError
from crm_analytics.core.persistence import load_model, save_model
from crm_analytics.metrics.clusters import adjusted_rand_index
from crm_analytics.segmentation import KPrototypes
from crm_analytics.segmentation.behaviour.kernels import improve
from crm_analytics.segmentation.behaviour.prototypes import ends_of

LETTERS = np.array(list("abcdefgh"))


def mixed(n, seed, *, k=4, p=3, q=3, apart=6.0, clear=0.9):
    """Customers of k clusters: centres `apart` in numbers, words that are the cluster's with chance `clear`."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    numbers = apart * np.eye(k, p)[truth] + rng.normal(size=(n, p))
    words = np.where(rng.random((n, q)) < clear, truth[:, None], rng.integers(0, k, (n, q)))
    table = pd.DataFrame(numbers, columns=[f"n{f}" for f in range(p)])
    return table.assign(**{f"w{f}": LETTERS[words[:, f]] for f in range(q)}), truth


def objective(table, label, gamma):
    """Huang's (1998) eq. (2.3), written out."""
    cost = 0.0
    for _, rows in table.groupby(label):
        numbers, words = rows.select_dtypes("number"), rows.select_dtypes(exclude="number")
        cost += ((numbers - numbers.mean()) ** 2).to_numpy().sum()
        cost += gamma * sum(len(rows) - rows[name].value_counts().max() for name in words)
    return cost


def one_at_a_time(table, k, gamma, seed):
    """Cost of Huang's own algorithm: customers in turn, prototypes updated after every move."""
    numbers = table.select_dtypes("number").to_numpy()
    words = table.select_dtypes(exclude="number").to_numpy()
    rows = np.random.default_rng(seed).choice(len(table), k, replace=False)
    means, modes, label = numbers[rows].copy(), words[rows].copy(), np.full(len(table), -1)
    for _ in range(50):
        before = label.copy()
        for row in range(len(table)):
            far = ((numbers[row] - means) ** 2).sum(axis=1) + gamma * (words[row] != modes).sum(axis=1)
            moved = {label[row], best := int(far.argmin())} - {-1}
            if label[row] == best:
                continue
            label[row] = best
            for j in moved:
                own = label == j
                if own.any():
                    means[j] = numbers[own].mean(axis=0)
                    for f in range(words.shape[1]):
                        levels, counts = np.unique(words[own, f], return_counts=True)
                        modes[j, f] = levels[counts.argmax()]
        if (before == label).all():
            break
    return objective(table, label, gamma)


@pytest.mark.parametrize("gamma", [0.0, 0.3, 2.0])
def test_the_best_of_all_partitions_of_a_few_customers_is_found(gamma):
    table, _ = mixed(7, 3, k=3, apart=1.0, clear=0.5)
    numbers = table[["n0", "n1", "n2"]].to_numpy()
    words = table[["w0", "w1", "w2"]].to_numpy()

    def cost(label):
        """Huang's (1998) eq. (2.3) once more, fast enough for all partitions."""
        total = 0.0
        for j in set(label):
            own = np.flatnonzero(np.array(label) == j)
            total += numbers[own].var(axis=0).sum() * own.size
            total += gamma * sum(
                own.size - max(map(column.count, column)) for column in words[own].T.tolist()
            )
        return total

    best = min(cost((0, *rest)) for rest in itertools.product(range(3), repeat=6) if len({0, *rest}) == 3)
    found = KPrototypes(3, gamma=gamma, n_init=30).fit(table)
    assert found.cost_ == pytest.approx(best)
    assert objective(table, found.labels_, gamma) == pytest.approx(best)


@pytest.mark.parametrize("columns", [["n0", "n1", "n2"], ["w0", "w1", "w2"], slice(None)])
def test_planted_clusters_are_recovered_from_numbers_words_and_both(columns):
    table, truth = mixed(2_000, 1)
    found = KPrototypes(4).fit(table.loc[:, columns]).labels_
    assert adjusted_rand_index(found, truth) > (0.9 if columns == ["w0", "w1", "w2"] else 0.99)


def test_cost_and_labels_are_those_of_the_objective():
    table, _ = mixed(500, 2, apart=1.0, clear=0.5)
    model = KPrototypes(5).fit(table)
    assert model.cost_ == pytest.approx(objective(table, model.labels_, model.gamma_), rel=1e-3)
    assert model.gamma_ == pytest.approx(table.select_dtypes("number").std(ddof=0).mean() / 2)
    assert_array_equal(model.predict(table), model.labels_)
    assert (np.diff(np.bincount(model.labels_)) <= 0).all()  # the largest is 0


def test_numbers_alone_cost_no_more_than_with_scikit_learn():
    numbers = np.random.default_rng(5).lognormal(size=(3_000, 6))
    cost = KPrototypes(7).fit(numbers).cost_
    assert cost <= KMeans(7, n_init=10, random_state=0).fit(numbers).inertia_ * 1.001


def test_cost_is_at_or_below_that_of_huangs_own_algorithm():
    table, _ = mixed(250, 4, apart=1.5, clear=0.6)
    cost = KPrototypes(4, gamma=0.7).fit(table).cost_
    assert cost <= min(one_at_a_time(table, 4, 0.7, seed) for seed in range(5)) * (1 + 1e-9)


def test_moving_one_customer_alone_never_lowers_the_cost():
    numbers = np.random.default_rng(8).lognormal(size=(400, 2))
    model = KPrototypes(6, n_init=1).fit(numbers)
    size = np.bincount(model.labels_)
    far = ((numbers[:, None] - model.cluster_means_) ** 2).sum(axis=2)
    rows = np.arange(400)
    without = size / np.maximum(size - 1, 1) * far
    joined = size / (size + 1) * far
    joined[rows, model.labels_] = np.inf
    assert (without[rows, model.labels_] <= joined.min(axis=1) * (1 + 1e-6)).all()


def test_a_prototype_nobody_is_nearest_to_gets_the_farthest_customer():
    numbers = np.array([[0.0], [0.2], [0.4], [9.0]])
    means, modes = np.array([[0.1, 50.0]]), np.zeros((0, 2), dtype=np.int32)
    improve(numbers, np.zeros((4, 0), dtype=np.int32), ends_of([]), 1.0, means, modes, 10)
    assert_allclose(means, [[0.2, 9.0]])


def test_cost_is_at_or_below_that_of_kmodes():
    kprototypes = pytest.importorskip("kmodes.kprototypes")
    table, _ = mixed(400, 6, apart=1.5, clear=0.6)
    for init in ("Huang", "Cao"):
        peer = kprototypes.KPrototypes(4, gamma=0.7, init=init, n_init=3, random_state=0)
        peer.fit(table.to_numpy(), categorical=[3, 4, 5])
        assert KPrototypes(4, gamma=0.7).fit(table).cost_ <= peer.cost_ * (1 + 1e-9)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), k=st.integers(1, 5))
def test_the_order_of_customers_does_not_matter_to_the_last_bit(seed, k):
    table, _ = mixed(60, seed, apart=1.0, clear=0.5)
    shuffled = table.sample(frac=1, random_state=seed)
    one, other = KPrototypes(k).fit(table), KPrototypes(k).fit(shuffled)
    assert one.cost_ == other.cost_
    assert_array_equal(one.labels_[shuffled.index], other.labels_)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_what_words_are_called_does_not_matter(seed):
    table, _ = mixed(300, seed)
    renamed = table.replace(dict(zip("abcd", ["zoo", "yak", "", "a b"], strict=True)))
    one, other = KPrototypes(4).fit(table), KPrototypes(4).fit(renamed)
    assert one.cost_ == pytest.approx(other.cost_)
    assert adjusted_rand_index(one.labels_, other.labels_) == 1.0


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 2), st.sampled_from("xyz")), min_size=1, max_size=30),
    k=st.integers(1, 6),
)
def test_a_fit_never_fails_to_start_and_leaves_no_cluster_empty(rows, k):
    table = pd.DataFrame(rows, columns=["n", "w"])
    different = len(table.drop_duplicates())
    if different < k:
        with pytest.raises(SchemaError, match=rf"only {different} differ from each other"):
            KPrototypes(k, gamma=1.0).fit(table)
    else:
        label = KPrototypes(k, gamma=1.0).fit(table).labels_
        assert len(set(label)) == k


def test_a_word_not_met_before_differs_from_all_and_a_missing_one_is_a_word():
    table = pd.DataFrame({"n": [0.0, 0.1, 5.0, 5.1], "w": ["a", "a", None, None]})
    model = KPrototypes(2, gamma=100.0).fit(table)
    assert model.cluster_centroids_["w"].sort_values().tolist() == ["(missing)", "a"]
    asked = pd.DataFrame({"n": [0.0, 5.0, 0.0], "w": ["new", "newer", None]}, index=["p", "q", "r"])
    near, far = model.predict(table)[[0, 2]]
    assert model.predict(asked).to_dict() == {"p": near, "q": far, "r": far}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            pd.DataFrame({"n": [1.0, np.nan, 3.0]}),
            r"n must be a finite number, but 1 of 3 .*Leave the column out",
        ),
        (pd.DataFrame({"d": pd.to_datetime(["2024-01-01"] * 3)}), "d holds dates"),
        (pd.DataFrame({"w": [f"name {n}" for n in range(1_001)]}), "1,001 different words in 1,001 rows"),
        (pd.DataFrame({"n": []}), "no customers"),
        (np.arange(3.0), r"the shape \(3,\)"),
    ],
)
def test_bad_tables_are_refused_with_a_remedy(table, message):
    with pytest.raises(SchemaError, match=message):
        KPrototypes(2).fit(table)


@pytest.mark.parametrize(
    "wrong", [{"n_clusters": 0}, {"gamma": -1.0}, {"n_init": 0}, {"max_iter": 1.5}, {"random_state": -1}]
)
def test_bad_parameters_are_refused(wrong):
    with pytest.raises(ValueError, match=rf"^{next(iter(wrong))} must be"):
        KPrototypes(**wrong).fit([[1.0], [2.0]])


def test_an_estimator_like_others(tmp_path):
    table, _ = mixed(300, 9)
    kept = table.copy(deep=True)
    model = KPrototypes(3)
    with pytest.raises(NotFittedError):
        model.predict(table)
    assert model.fit(table) is model
    pd.testing.assert_frame_equal(table, kept)
    assert clone(model).get_params() == model.get_params()
    again = load_model(save_model(model, tmp_path / "model"))
    for other in (again, pickle.loads(pickle.dumps(model)), clone(model).fit(table)):
        assert_array_equal(other.predict(table), model.labels_)
    assert_allclose(model.cluster_centroids_[["n0", "n1", "n2"]], model.cluster_means_)
    assert model.feature_names_in_.tolist() == list(table)
