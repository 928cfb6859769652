"""Folds in time: nobody is judged by a model that was told what came after."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score

from crm_analytics.churn import ChurnClassifier
from crm_analytics.core import SchemaError
from crm_analytics.features import PurgedRollingOrigin

START = pd.Timestamp("2024-01-01")


def rows(origins, ends, n_customers=3):
    """Rows of a few customers at each origin (days since START), shuffled, with one column."""
    index = pd.MultiIndex.from_tuples(
        [
            (customer, START + pd.Timedelta(days=origin), START + pd.Timedelta(days=end))
            for origin, end in zip(origins, ends, strict=True)
            for customer in range(n_customers)
        ],
        names=["customer_id", "origin", "label_end"],
    )
    rng = np.random.default_rng(len(index))
    return pd.DataFrame({"x": rng.normal(size=len(index))}, index=index).sample(frac=1, random_state=0)


def known(X):
    return X.index.get_level_values("origin"), X.index.get_level_values("label_end")


@settings(max_examples=60)
@given(
    origins=st.lists(st.integers(0, 400), min_size=1, max_size=9, unique=True),
    lengths=st.lists(st.integers(1, 150), min_size=9, max_size=9),
    n_splits=st.none() | st.integers(1, 4),
    least=st.integers(1, 3),
)
def test_no_fold_learns_a_label_that_was_not_complete_when_its_test_begins(origins, lengths, n_splits, least):
    X = rows(origins, [origin + length for origin, length in zip(origins, lengths, strict=False)])
    cv = PurgedRollingOrigin(n_splits, min_train_origins=least)
    origin, end = known(X)
    # Spelled out: an origin can be tested if enough others were over by then.
    over = {
        at: {o for o, length in zip(origins, lengths, strict=False) if o + length <= at}
        for at in sorted(origins)
    }
    can = [at for at, learnt in over.items() if len(learnt) >= least]
    if len(can) < (n_splits or 1):
        with pytest.raises(ValueError, match=f"but of {len(origins)} only {len(can)} have {least} or more"):
            list(cv.split(X))
        return
    folds = list(cv.split(X))
    tested = can if n_splits is None else can[-n_splits:]
    assert len(folds) == cv.get_n_splits(X) == len(tested)
    for (train, test), at in zip(folds, tested, strict=True):
        now = START + pd.Timedelta(days=at)
        assert (origin[test] == now).all()
        assert (end[train] <= now).all()
        assert (origin[train] < now).all()
        assert origin[train].nunique() >= least
        # All that may be learned is, and every row of the origin is tested.
        assert_array_equal(train, np.flatnonzero(end <= now))
        assert_array_equal(test, np.flatnonzero(origin == now))


def test_a_label_that_is_complete_at_the_very_origin_may_be_learned():
    X = rows([0, 30], [30, 60])
    ((train, test),) = PurgedRollingOrigin().split(X)
    assert len(train) == len(test) == 3
    one_day_more = rows([0, 30], [31, 60])
    with pytest.raises(
        ValueError, match="of 2 only 0 have 1 or more earlier ones whose label window was over"
    ):
        list(PurgedRollingOrigin().split(one_day_more))


def test_the_number_of_folds_is_told_without_a_table_only_if_it_was_given():
    assert PurgedRollingOrigin(3).get_n_splits() == 3
    with pytest.raises(ValueError, match="without n_splits, X must be given to count the folds"):
        PurgedRollingOrigin().get_n_splits()
    X = rows([0, 30, 60, 90], [30, 60, 90, 120])
    assert PurgedRollingOrigin().get_n_splits(X) == 3
    assert PurgedRollingOrigin(min_train_origins=2).get_n_splits(X) == 2


@pytest.fixture(scope="module")
def learnable():
    X = rows([0, 30, 60, 90, 120], [45, 75, 105, 135, 165], n_customers=80)
    p = 1 / (1 + np.exp(-2 * X["x"].to_numpy()))
    return X, pd.Series(np.random.default_rng(1).random(len(X)) < p, index=X.index)


@pytest.mark.parametrize("model", [LogisticRegression(), ChurnClassifier()], ids=lambda m: type(m).__name__)
@pytest.mark.parametrize("scoring", ["roc_auc", "neg_brier_score"])
def test_scikit_learn_takes_it_as_cv(learnable, model, scoring):
    X, y = learnable
    found = cross_val_score(model, X, y, cv=PurgedRollingOrigin(), scoring=scoring, error_score="raise")
    # Origins 60, 90 and 120 have one whose label was over: 0 until 45, 30 until 75, 60 until 105.
    assert found.shape == (3,)
    assert (found > (0.7 if scoring == "roc_auc" else -0.25)).all()


def test_a_search_for_settings_takes_it_and_folds_that_leave_rows_out_are_no_partition(learnable):
    X, y = learnable
    search = GridSearchCV(
        LogisticRegression(), {"C": [0.01, 1.0]}, cv=PurgedRollingOrigin(2), scoring="roc_auc"
    )
    assert search.fit(X, y).n_splits_ == 2
    with pytest.raises(ValueError, match="only works for partitions"):
        cross_val_predict(LogisticRegression(), X, y, cv=PurgedRollingOrigin())


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros((3, 1)), "X must be a DataFrame with the index levels origin and label_end.*has: no names"),
        (pd.DataFrame({"x": [1.0]}), "no names. Folds in time need to know when a row was seen"),
        (rows([0], [9]).droplevel("label_end"), "Its index has: customer_id, origin. .* keep the index"),
        (rows([0], [9]).reset_index(), "keep the index"),
    ],
)
def test_tables_that_do_not_tell_their_times_are_refused(X, message):
    for ask in (lambda: list(PurgedRollingOrigin().split(X)), lambda: PurgedRollingOrigin(1).get_n_splits(X)):
        with pytest.raises(SchemaError, match=message):
            ask()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_splits": 0}, "n_splits must be >= 1. Got 0 instead"),
        ({"min_train_origins": 0}, "min_train_origins must be >= 1. Got 0 instead"),
        (
            {"n_splits": 5},
            "5 test origins were asked for, but of 3 only 2 have 1 .* further apart, or shorten",
        ),
    ],
)
def test_folds_that_cannot_be_had_are_refused(arguments, message):
    X = rows([0, 30, 60], [30, 60, 90])
    with pytest.raises(ValueError, match=message):
        list(PurgedRollingOrigin(**arguments).split(X))


def test_times_may_be_of_any_kind_that_can_be_compared():
    index = pd.MultiIndex.from_tuples(
        [(1, date(2024, 1, 1), date(2024, 2, 1)), (1, date(2024, 2, 1), date(2024, 3, 1))],
        names=["customer_id", "origin", "label_end"],
    )
    ((train, test),) = PurgedRollingOrigin().split(pd.DataFrame({"x": [1.0, 2.0]}, index=index))
    assert train.tolist() == [0]
    assert test.tolist() == [1]
