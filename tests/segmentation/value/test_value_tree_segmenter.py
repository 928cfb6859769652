"""Value tree: planted rules are found, in words, and stay."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from pandas.testing import assert_series_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from crm_analytics import load_model, save_model
from crm_analytics.core import SchemaError
from crm_analytics.segmentation import BehaviouralSegmenter, ValueTreeSegmenter
from crm_analytics.segmentation.value.tree_growth import grow

COLUMNS = ["visits", "silence"]


def planted(n=2_000, seed=0, noise=5.0):
    """Half have ten visits or more; of those, the fifth that was silent for 80 days spends little."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {"visits": rng.permutation(n) % 20, "silence": rng.permutation(n) % 100, "noise": rng.random(n)}
    )
    y = np.where(X["visits"] < 10, 10.0, np.where(X["silence"] < 80, 100.0, 20.0)) + noise * rng.random(n)
    return X, y


def test_planted_rules_are_found_and_said_in_words():
    X, y = planted()
    segmenter = ValueTreeSegmenter(columns=COLUMNS, max_segments=3).fit(X, y)
    assert segmenter.rules_ == [
        "visits < 10",
        "visits >= 10 and silence >= 80",
        "visits >= 10 and silence < 80",
    ]
    assert segmenter.stability_["mean"] > 0.85
    told = segmenter.segments_
    assert told["customers"].sum() == len(X)
    assert told["mean_target"].is_monotonic_increasing
    assert told["target_share"].sum() == pytest.approx(1)


def test_rules_say_of_new_customers_what_they_said_of_the_old():
    X, y = planted()
    segmenter = ValueTreeSegmenter(columns=COLUMNS, max_segments=3).fit(X, y)
    asked = pd.DataFrame({"silence": [0, 80, 79], "visits": [9, 10, 10]}, index=list("abc"))
    assert segmenter.predict(asked).to_dict() == {"a": 1, "b": 2, "c": 3}


def test_first_cut_is_the_best_of_all_possible():
    """Against every cut of every column that leaves enough on both sides."""
    X, y = planted(400, seed=3, noise=80)
    values = X.to_numpy(dtype=float)
    (_, upper), *_ = boxes = grow(values, y, most=2, least=0.1)
    assert len(boxes) == 2
    column = int(np.flatnonzero(np.isfinite(upper))[0])

    def loss(left):
        return sum(((y[side] - y[side].mean()) ** 2).sum() for side in (left, ~left))

    best = np.inf
    for place, below in itertools.product(range(3), (0.5, 0.8, 0.95)):
        distinct = np.unique(values[:, place])[1:]
        cut = distinct[np.argmin([abs((values[:, place] < other).mean() - below) for other in distinct])]
        left = values[:, place] < cut
        if min(left.sum(), (~left).sum()) >= 40:
            best = min(best, loss(left))
    assert loss(values[:, column] < upper[column]) == pytest.approx(best)


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_every_customer_is_in_one_box_whatever_the_order(seed):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.integers(0, 6, (200, 2)), columns=COLUMNS).astype(float)
    y = X["visits"].to_numpy() * rng.random(200) + rng.random(200)
    segmenter = ValueTreeSegmenter(columns=COLUMNS).fit(X, y)
    inside = [
        ((X.to_numpy() >= low) & (X.to_numpy() < high)).all(axis=1)
        for low, high in zip(segmenter.lower_, segmenter.upper_, strict=True)
    ]
    assert_array_equal(np.sum(inside, axis=0), 1)
    order = rng.permutation(200)
    shuffled = ValueTreeSegmenter(columns=COLUMNS).fit(X.iloc[order], y[order])
    assert shuffled.rules_ == segmenter.rules_
    assert shuffled.stability_ == segmenter.stability_
    assert segmenter.customers_.min() >= 8


def test_by_default_rules_are_of_value_and_silence():
    X, y = planted()
    spent = X["visits"].to_numpy(dtype=float)
    table = pd.DataFrame(
        {"amount_short": spent, "amount_middle": spent, "amount_long": spent, "since_last": X["silence"]}
    )
    assert ValueTreeSegmenter(max_segments=2).fit(table, y).rules_ == ["value < 30", "value >= 30"]


def test_a_giant_draws_no_border():
    X, y = planted()
    giant = y.copy()
    giant[0] = 1e9
    rules = [
        ValueTreeSegmenter(columns=COLUMNS, max_segments=3).fit(X, target).rules_ for target in (y, giant)
    ]
    assert rules[0] == rules[1]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"max_segments": 1}, "max_segments must be"),
        ({"smallest_share": 0.5}, "smallest_share must be"),
        ({"columns": "visits"}, "columns must be a list"),
    ],
)
def test_parameters_out_of_range_are_named(parameters, message):
    X, y = planted(200)
    with pytest.raises(ValueError, match=message):
        ValueTreeSegmenter(**parameters).fit(X, y)


def test_bad_tables_are_refused():
    X, y = planted(200)
    asked = ValueTreeSegmenter(columns=COLUMNS)
    with pytest.raises(SchemaError, match="visits"):
        asked.fit(X.drop(columns="visits"), y)
    with pytest.raises(SchemaError, match="y must be a finite number, but 1 of 200"):
        asked.fit(X, np.append(y[1:], np.nan))
    with pytest.raises(ValueError, match="too few"):
        asked.fit(X.iloc[:10], y[:10])
    with pytest.raises(ValueError, match="no rule on visits, silence"):
        asked.fit(X, np.full(200, 3.0))
    with pytest.raises(NotFittedError):
        asked.predict(X)


def test_a_saved_tree_says_the_same(tmp_path):
    X, y = planted()
    segmenter = ValueTreeSegmenter(columns=COLUMNS).fit(X, y)
    loaded = load_model(save_model(segmenter, tmp_path / "tree"))
    assert_series_equal(loaded.predict(X), segmenter.predict(X))
    assert loaded.rules_ == segmenter.rules_
    assert clone(segmenter).get_params() == segmenter.get_params()


def test_targets_of_other_rows_are_refused():
    """A Series says whom each target is of; taken by place, what one spent would be another's."""
    X, y = planted()
    X.index = [f"customer {place}" for place in range(len(X))]
    asked = ValueTreeSegmenter(columns=COLUMNS, max_segments=3)
    right = asked.fit(X, y).rules_
    target = pd.Series(y, index=X.index)
    for wrong in (
        target.sample(frac=1, random_state=0),
        target[:-1],
        target[::-1].reset_index(drop=True)[:-1],
    ):
        with pytest.raises(SchemaError, match=r"whose index is not that of X .* Pass y.reindex\(X.index\)"):
            asked.fit(X, wrong)
    for same in (target, target.reset_index(drop=True), list(y)):
        assert asked.fit(X, same).rules_ == right
    with pytest.raises(SchemaError, match="whose index is not that of X"):
        BehaviouralSegmenter().fit(X, target[::-1])
