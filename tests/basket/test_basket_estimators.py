"""Every estimator of baskets and paths: scikit-learn's contract, on a log instead of a table of customers."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError

from crm_analytics import basket, read_log
from crm_analytics.basket import (
    EASE,
    TIFUKNN,
    AssociationRules,
    FrequentItemsets,
    GlobalTop,
    ImplicitALS,
    ItemKNN,
    NextBasketRecommender,
    PersonalTop,
    ProductPath,
    ProductPaths,
    Repurchase,
    SequentialPatterns,
    SequentialRules,
)

# What each is asked once it is fitted.
ESTIMATORS = {
    FrequentItemsets(0.05): lambda model: model.itemsets_,
    AssociationRules(0.001, 0.01, prune_redundant=False): lambda model: model.rules_,
    SequentialPatterns(0.3, max_len=2): lambda model: model.patterns_,
    SequentialRules(SequentialPatterns(0.3, max_len=2)): lambda model: model.rules_,
    ProductPaths(min_count=2): lambda model: model.transitions_,
    **{
        recommender: lambda model: model.recommend(k=3)
        for recommender in (
            GlobalTop(), PersonalTop(), Repurchase(), TIFUKNN(), ItemKNN(), EASE(), ProductPath(),
            NextBasketRecommender(rounds=5, min_offers=5),
        )
    },
}  # fmt: skip
ASKED = pytest.mark.parametrize(
    ("estimator", "ask"), ESTIMATORS.items(), ids=[type(estimator).__name__ for estimator in ESTIMATORS]
)


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(12)
    n = 1500
    return pd.DataFrame(
        {
            "customer_id": rng.integers(0, 40, n),
            "occurred_at": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 120, n), unit="D"),
            "item_id": rng.choice(list("abcdefgh"), n, p=[0.3, 0.2, 0.1, 0.1, 0.1, 0.1, 0.05, 0.05]),
            "amount": 2.0,
        }
    )


@pytest.fixture(scope="module")
def log(frame):
    return read_log(frame)


def test_every_estimator_that_is_exported_is_covered():
    exported = {
        thing
        for thing in map(basket.__dict__.get, basket.__all__)
        if isinstance(thing, type) and issubclass(thing, BaseEstimator)
    }
    assert exported == {type(estimator) for estimator in ESTIMATORS} | {ImplicitALS}  # which needs its extra


@ASKED
def test_a_clone_has_the_same_parameters_and_fit_changes_none(estimator, ask, log):
    before = clone(estimator).get_params(deep=False)
    model = clone(estimator).fit(log)
    after = model.get_params(deep=False)
    assert before.keys() == after.keys()
    for name, value in before.items():
        assert isinstance(value, BaseEstimator) or after[name] == value


@ASKED
def test_what_fit_leaves_is_marked_by_an_underscore(estimator, ask, log):
    model = clone(estimator).fit(log)
    left = set(vars(model)) - set(model.get_params(deep=False))
    assert all(name.endswith("_") or name.startswith("_") for name in left)


@ASKED
def test_an_unfitted_estimator_says_so(estimator, ask):
    with pytest.raises((NotFittedError, AttributeError)):
        ask(clone(estimator))


@ASKED
def test_fitting_again_copying_and_pickling_give_the_same(estimator, ask, log):
    model = clone(estimator).fit(log)
    answer = ask(model)
    assert len(answer)
    for other in (model.fit(log), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        pd.testing.assert_frame_equal(ask(other), answer)


@ASKED
def test_the_order_of_the_lines_does_not_matter(estimator, ask, frame, log):
    shuffled = read_log(frame.sample(frac=1, random_state=2))
    pd.testing.assert_frame_equal(ask(clone(estimator).fit(shuffled)), ask(clone(estimator).fit(log)))
