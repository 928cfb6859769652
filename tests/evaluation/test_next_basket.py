"""Trials of recommenders: who is judged, by what, and that nothing later than the cut is looked at."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal

from crm_analytics.core import SchemaError
from crm_analytics.evaluation.next_basket import future_leaks, next_basket_trial
from crm_analytics.transactions import read_log

CUT = "2024-02-01"
# ann and bob bought before and after; cem never came back; dee is new; eve's next basket is late.
LINES = [
    ("ann", "r1", "2024-01-05", "tea"),
    ("ann", "r1", "2024-01-05", "milk"),
    ("ann", "r2", "2024-01-20", "tea"),
    ("bob", "r3", "2024-01-07", "milk"),
    ("cem", "r4", "2024-01-08", "jam"),
    ("eve", "r5", "2024-01-09", "jam"),
    ("eve", "r5", "2024-01-09", "milk"),
    ("ann", "r6", "2024-02-01", "tea"),
    ("ann", "r6", "2024-02-01", "jam"),
    ("ann", "r7", "2024-02-02", "milk"),
    ("bob", "r8", "2024-02-05", "tea"),
    ("bob", "r8", "2024-02-05", "new"),
    ("dee", "r9", "2024-02-06", "tea"),
    ("eve", "r10", "2024-03-20", "jam"),
]


def log_of(lines, **columns):
    table = pd.DataFrame(lines, columns=["customer_id", "transaction_id", "occurred_at", "item_id"])
    return read_log(table.assign(amount=1.0, **columns))


class Fixed:
    """Offers everybody the same items, less those bought before or not, as asked."""

    def __init__(self, order, level="item_id"):
        self.order, self.level = order, level

    def fit(self, log, as_of):
        seen = log.purchases(as_of)
        self.owned_ = set(zip(seen["customer_id"], seen[self.level], strict=True))
        return self

    def recommend(self, customers, k=10, *, novel_only=False, repeat_only=False, reasons=True):
        rows = []
        for customer in customers:
            known = [(customer, item) in self.owned_ for item in self.order]
            allowed = [
                item
                for item, again in zip(self.order, known, strict=True)
                if not (novel_only and again) and not (repeat_only and not again)
            ]
            rows += [(customer, rank, item) for rank, item in enumerate(allowed[:k], 1)]
        return pd.DataFrame(rows, columns=["customer_id", "rank", "item_id"])


class Returns(Fixed):
    """Returns whatever it is given."""

    def recommend(self, customers, k=10, **wishes):
        return self.order


def means(trial, name="one"):
    return trial.table.loc[name].to_dict()


def test_measures_are_what_hands_compute():
    trial = next_basket_trial({"one": Fixed(["tea", "jam", "milk"])}, log_of(LINES), CUT, k=2)
    # Next baskets: ann {tea, jam}, bob {tea, new}, eve {jam}. Lists of two: tea, jam to all.
    found = means(trial)
    assert_allclose(found["recall"], (1 + 1 / 2 + 1) / 3)
    assert_allclose(found["precision"], (1 + 1 / 2 + 1 / 2) / 3)
    assert found["hit_rate"] == 1
    second = 1 / np.log2(3)
    assert_allclose(found["ndcg"], (1 + 1 / (1 + second) + second) / 3)
    assert_allclose(found["average_precision"], (1 + 1 / 2 + 1 / 2) / 3)
    assert_allclose(found["coverage"], 2 / 3)
    # Of the four customers before the cut one bought tea, and two jam.
    assert_allclose(found["novelty"], (2 + 1) / 2)


def test_repeats_and_novel_items_are_ranked_and_judged_apart():
    trial = next_basket_trial({"one": Fixed(["tea", "milk", "jam"])}, log_of(LINES), CUT, k=1)
    scores = trial.scores.set_index("customer_id")
    # ann bought tea again and jam anew; bob tea and new, both anew; eve jam again.
    assert scores["repeat_recall"].to_dict() == pytest.approx(
        {"ann": 1, "bob": np.nan, "eve": 0}, nan_ok=True
    )
    assert scores["novel_recall"].to_dict() == pytest.approx(
        {"ann": 1, "bob": 0.5, "eve": np.nan}, nan_ok=True
    )
    assert means(trial)["repeat_recall"] == 0.5
    assert means(trial)["novel_recall"] == 0.75
    by_measure = trial.intervals.set_index("measure")["customers"]
    assert (by_measure["recall"], by_measure["repeat_recall"], by_measure["coverage"]) == (3, 2, 3)


def test_everyone_left_out_is_counted():
    trial = next_basket_trial({"one": Fixed(["tea"])}, log_of(LINES), CUT)
    assert trial.counts == {
        "customers": 3,
        "new_customers": 1,
        "not_seen_again": 1,
        "items": 3,
        "bought": 5,
        "repeats": 2,
        "never_sold_before": 1,
    }
    assert trial.scores["customer_id"].tolist() == ["ann", "bob", "eve"]


def test_within_a_horizon_all_baskets_count_and_later_ones_do_not():
    trial = next_basket_trial({"one": Fixed(["milk"])}, log_of(LINES), CUT, horizon_days=7)
    assert trial.scores["customer_id"].tolist() == ["ann", "bob"]
    assert trial.scores["recall"].tolist() == pytest.approx([1 / 3, 0])
    assert trial.counts["not_seen_again"] == 2
    # A horizon of one day ends before ann's second receipt of the next midnight.
    day = next_basket_trial({"one": Fixed(["milk"])}, log_of(LINES), CUT, horizon_days=1)
    assert day.scores["recall"].tolist() == [0]


def test_a_basket_at_the_cut_lies_after_it():
    trial = next_basket_trial({"one": Fixed(["tea"])}, log_of(LINES), "2024-02-02", k=1)
    # By the next midnight ann has bought jam, so milk is her next basket, and the tea of r6 is past.
    assert trial.scores.set_index("customer_id").loc["ann", "recall"] == 0
    assert trial.counts["customers"] == 3


def test_differences_pair_customers_and_a_recommender_equals_itself():
    recommenders = {"one": Fixed(["tea", "jam"]), "same": Fixed(["tea", "jam"]), "milk": Fixed(["milk"])}
    trial = next_basket_trial(recommenders, log_of(LINES), CUT, k=2, baselines=["one"], random_state=1)
    found = trial.differences.set_index(["recommender", "measure"])
    assert set(trial.differences["recommender"]) == {"same", "milk"}
    assert (found.loc[("same", "recall"), ["difference", "lower", "upper"]] == 0).all()
    right = trial.table.loc["milk", "recall"] - trial.table.loc["one", "recall"]
    assert_allclose(found.loc[("milk", "recall"), "difference"], right)
    assert found.loc[("milk", "recall"), "upper"] <= 0
    assert trial.table.index.tolist() == list(recommenders)
    again = next_basket_trial(recommenders, log_of(LINES), CUT, k=2, baselines=["one"], random_state=1)
    assert_frame_equal(again.intervals, trial.intervals)


def test_another_level_is_judged_in_its_own_words():
    kinds = {"tea": "hot", "milk": "cold", "jam": "food", "new": "cold"}
    log = log_of(LINES, category=[kinds[line[3]] for line in LINES])
    trial = next_basket_trial({"one": Fixed(["cold"], level="category")}, log, CUT, k=1)
    assert trial.scores["recall"].tolist() == [0, 0.5, 0]  # new is a cold thing, and cold was known
    assert trial.counts["never_sold_before"] == 0


class Without(Fixed):
    """Leaves out one item, if asked to."""

    def recommend(self, customers, k=10, *, leave_out=None, **wishes):
        found = super().recommend(customers, k, **wishes)
        return found[found["item_id"] != leave_out]


def test_options_reach_every_recommendation():
    one = {"one": Without(["tea", "jam"])}
    trial = next_basket_trial(one, log_of(LINES), CUT, options={"leave_out": "tea"})
    assert trial.scores["recall"].tolist() == [0.5, 0, 1]
    assert trial.table.loc["one", ["repeat_recall", "novel_recall"]].tolist() == [0.5, 0.5]


def test_the_recommenders_given_stay_unfitted():
    one = Fixed(["tea"])
    next_basket_trial({"one": one}, log_of(LINES), CUT)
    assert not hasattr(one, "owned_")


class Peeking(Fixed):
    """Looks at what is bought later."""

    def fit(self, log, as_of):
        super().fit(log, as_of)
        self.order = log.purchases()["item_id"].value_counts().sort_index(ascending=False).index[:2].tolist()
        return self


def test_a_recommender_that_looks_ahead_is_found():
    log = log_of([*LINES, ("cem", "r11", "2024-03-01", "zinc")])
    assert future_leaks(Fixed(["tea", "milk", "jam"]), log, CUT).empty
    assert future_leaks(Peeking([]), log, CUT).tolist() == ["ann", "bob", "cem", "eve"]
    with pytest.raises(SchemaError, match=r"'peeks': .* not sold before the cut: a look ahead"):
        next_basket_trial({"peeks": Peeking([])}, log, CUT)


def test_another_future_changes_truth_but_no_list():
    other = [line if line[2] < CUT else (*line[:3], "milk") for line in LINES]
    lists = []
    for lines in (LINES, other):
        fitted = Fixed(["tea", "milk"]).fit(log_of(lines), CUT)
        lists.append(fitted.recommend(["ann", "bob"]))
        assert set(fitted.owned_) == {(c, i) for c, _, at, i in LINES if at < CUT}
    assert_frame_equal(*lists)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("zoe", 1, "tea")], r"of a customer that was not asked for; so are 1 of 1 \(first: customer 'zoe'"),
        ([("ann", 1, "tea"), ("ann", 2, "jam")], "beyond the 1 places asked for; so are 1 of 2"),
        ([("ann", 1, "new")], "not sold before the cut"),
    ],
)
def test_impossible_lists_are_refused(rows, message):
    lists = pd.DataFrame(rows, columns=["customer_id", "rank", "item_id"])
    with pytest.raises(SchemaError, match=rf"'one': a recommendation .*{message}"):
        next_basket_trial({"one": Returns(lists)}, log_of(LINES), CUT, k=1)


def test_impossible_trials_are_refused():
    one, log = {"one": Fixed(["tea"])}, log_of(LINES)
    with pytest.raises(ValueError, match=r"the log ends \(2024-03-21\) before a horizon of 90 days"):
        next_basket_trial(one, log, CUT, horizon_days=90)
    with pytest.raises(ValueError, match="k must be a whole number >= 1"):
        next_basket_trial(one, log, CUT, k=0)
    with pytest.raises(ValueError, match=r"each of baselines must be one of 'one'\. Got 'two'"):
        next_basket_trial(one, log, CUT, baselines=["two"])
    with pytest.raises(ValueError, match="baselines must be a list of names"):
        next_basket_trial(one, log, CUT, baselines="one")
    with pytest.raises(ValueError, match=r"of one level\. Got \{'one': 'item_id', 'two': 'category'\}"):
        next_basket_trial(one | {"two": Fixed(["hot"], level="category")}, log, CUT)
    with pytest.raises(ValueError, match=r"must be some, and of one level\. Got \{\}"):
        next_basket_trial({}, log, CUT)
    with pytest.raises(SchemaError, match="no customer bought both before and after"):
        next_basket_trial(one, log, "2024-03-21")
    lists = pd.DataFrame({"customer_id": ["ann"], "rank": [1], "item": ["tea"]})
    with pytest.raises(SchemaError, match="Is 'item' meant as 'item_id'"):
        next_basket_trial({"one": Returns(lists)}, log, CUT)
