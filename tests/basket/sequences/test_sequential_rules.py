"""Rules of what comes next against the counts they come from, and what they suggest."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_analytics.basket.sequences import SequentialPatterns, SequentialRules
from crm_analytics.basket.sequences.matching import first_matches
from crm_analytics.basket.sequences.occasions import as_occasions
from crm_analytics.datasets import load_complete_journey
from crm_analytics.features import encode_baskets
from crm_analytics.features.histories import purchase_histories

SEQUENCES = [["tent", ["stove", "gas"], "gas"], ["tent", "gas"], ["gas", "tent"], ["stove"]]

sequences = st.lists(
    st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=2), max_size=6), min_size=1, max_size=8
)
limit = st.none() | st.integers(0, 5)


@settings(max_examples=60)
@given(
    data=sequences,
    min_confidence=st.sampled_from([0.1, 0.3, 0.5, 1.0]),
    min_lift=st.sampled_from([0, 0.5, 1, 1.2]),
)
def test_rules_are_the_patterns_with_their_prefix_and_last_event(data, min_confidence, min_lift):
    rules = SequentialRules(
        SequentialPatterns(0.2, max_len=4), min_confidence=min_confidence, min_lift=min_lift
    )
    rules.fit(data)
    table, n = rules.miner_.patterns_, len(data)
    count = dict(zip(table["pattern"], table["count"].tolist(), strict=True))
    expected = {}
    for pattern, both in count.items():
        if len(pattern) > 1:
            had, base = count[pattern[:-1]], count[pattern[-1:]]
            confidence, lift = Fraction(both, had), Fraction(both * n, had * base)
            if confidence >= Fraction(str(min_confidence)) and lift >= Fraction(str(min_lift)):
                expected[pattern] = (both, had, pytest.approx(base / n), pytest.approx(float(lift)))
    found = {
        (*row.antecedent, row.consequent): (row.count, row.antecedent_count, row.consequent_support, row.lift)
        for row in rules.rules_.itertuples(index=False)
    }
    assert found == expected
    assert rules.rules_["median_gap"].notna().all()
    assert rules.rules_["confidence"].is_monotonic_decreasing


def test_a_rule_at_the_threshold_stays():
    # 27 of 90: in floats 27 / 90 may fall below .3
    rules = SequentialRules(SequentialPatterns(0.1), min_confidence=0.3).fit([["a", "b"]] * 27 + [["a"]] * 63)
    assert rules.rules_[["count", "antecedent_count"]].to_numpy().tolist() == [[27, 90]]


@settings(max_examples=60)
@given(data=sequences, gaps=st.tuples(limit, limit), max_span=limit)
def test_as_many_customers_match_a_pattern_as_were_counted(data, gaps, max_span):
    min_gap, max_gap = gaps if None in gaps else sorted(gaps)
    model = SequentialPatterns(
        0.1, min_gap=min_gap, max_gap=max_gap, max_span=max_span, unit="event", max_len=4
    )
    tree = model.fit(data).tree_
    occasions = as_occasions(data, caller="test")
    has = first_matches(
        encode_baskets(occasions.baskets, tree.items),
        occasions.indptr,
        occasions.numbers("event"),
        tree.codes(np.arange(len(tree))),
        (min_gap, max_gap, max_span),
    )
    assert has.sum(axis=0).tolist() == tree.count.tolist()


def test_customers_get_the_consequents_of_the_rules_they_meet_best_first():
    rules = SequentialRules(SequentialPatterns(0.1), min_confidence=0.1)
    rules.fit([["a", "b"]] * 3 + [["a", "c"]] * 2 + [["a"]] + [["d", "b"]])
    lines = rules.recommend([["a"], ["c"], ["x", "a", "b"], [], ["a", "d"]], k=2)
    assert lines[["customer_id", "rank"]].to_numpy().tolist() == [
        [0, 1],
        [0, 2],
        [2, 1],
        [2, 2],
        [4, 1],
        [4, 2],
    ]
    assert [set(event).pop() for event in lines["consequent"]] == ["b", "c", "b", "c", "b", "c"]
    assert lines["confidence"].tolist() == pytest.approx([3 / 6, 2 / 6, 3 / 6, 2 / 6, 1.0, 2 / 6])
    new = rules.recommend([["a"], ["x", "a", "b"]], k=1, new_only=True)
    assert [set(event).pop() for event in new["consequent"]] == ["b", "c"]
    with pytest.raises(ValueError, match=r"k must be >= 1\. Got 0"):
        rules.recommend([["a"]], k=0)


def test_a_rule_is_told_in_words():
    when = pd.Timestamp("2024-03-01") + pd.to_timedelta([0, 1, 21, 0], unit="D")
    lines = pd.DataFrame({"customer_id": [1, 1, 1, 2], "occurred_at": when, "item_id": ["A", "B", "C", "A"]})
    rules = SequentialRules(SequentialPatterns(0.5, min_gap=1), min_confidence=1.0).fit(lines)
    assert rules.sentences(2) == [
        "customers who bought B buy C later: 1 of 1 (100 %), 2.0 times the usual 50 %, typically after 20 days",
        "customers who bought A, then B buy C later: 1 of 1 (100 %), 2.0 times the usual 50 %, "
        "typically after 20 days",
    ]


def test_data_without_any_rule_give_an_empty_table():
    rules = SequentialRules(SequentialPatterns(1.0)).fit([["a"], ["b"]])
    assert len(rules.rules_) == 0
    assert rules.sentences() == []
    assert len(rules.recommend([["a"]])) == 0


@pytest.mark.parametrize(
    ("setting", "value"), [("min_confidence", 0), ("min_confidence", 1.1), ("min_lift", -1)]
)
def test_bad_settings_are_refused(setting, value):
    with pytest.raises(ValueError, match=rf"{setting} must be .* Got {value} instead"):
        SequentialRules(**{setting: value}).fit(SEQUENCES)


def test_complete_journey_gives_rules_and_suggestions():
    histories = purchase_histories(load_complete_journey().log, level="department", occasion="W")
    rules = SequentialRules(SequentialPatterns(0.05, max_len=2, max_gap=4, unit="W"), min_confidence=0.2)
    table = rules.fit(histories).rules_
    assert len(table) > 10
    assert table["median_gap"].between(0, 4).all()
    lines = rules.recommend(histories, k=3)
    assert lines.groupby("customer_id").size().max() == 3
    assert lines["confidence"].ge(0.2).all()
