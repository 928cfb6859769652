"""Rules on new baskets: offers, holdout counts and sentences, against plain loops."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.exceptions import NotFittedError

from crm_analytics.basket.mining.association_rules import AssociationRules
from crm_analytics.basket.mining.rule_matching import ItemLists, count_baskets
from crm_analytics.basket.mining.rule_text import reason_text, rule_text, words
from crm_analytics.core.errors import SchemaError
from crm_analytics.features import encode_baskets

ITEMS = list("abcdefgh")


def market(seed, n=300):
    rng = np.random.default_rng(seed)
    kinds = rng.random((4, 8)) < 0.4
    bought = (kinds[rng.integers(0, 4, n)] & (rng.random((n, 8)) < 0.8)) | (rng.random((n, 8)) < 0.1)
    return pd.DataFrame(bought, columns=ITEMS)


@pytest.fixture(scope="module")
def fitted():
    return AssociationRules(0.02, 0.2, max_consequents=2).fit(market(1))


def offers_by_loop(rules, baskets, k, by):
    """The definition: first the best rule of each item, then the best items."""
    ordered = rules.sort_values(by, ascending=False, kind="stable")
    found = []
    for row, basket in enumerate(baskets):
        first = {}
        for place, rule in enumerate(ordered.itertuples()):
            if rule.antecedents <= set(basket):
                for item in rule.consequents - set(basket):
                    first.setdefault(item, (place, rule.Index))
        ranked = sorted(first, key=lambda item: (first[item][0], item))[:k]
        found += [
            (row, rank + 1, item, rules[by][first[item][1]], first[item][1])
            for rank, item in enumerate(ranked)
        ]
    return found


@pytest.mark.parametrize("by", ["confidence", "lift"])
@settings(max_examples=25)
@given(
    baskets=st.lists(st.lists(st.sampled_from([*ITEMS, "unknown"]), max_size=6), min_size=1, max_size=6),
    k=st.integers(1, 9),
)
def test_offers_are_those_of_a_plain_loop(fitted, by, baskets, k):
    offers = fitted.recommend(baskets, k=k, by=by)
    columns = offers[["basket", "rank", "item", "score", "rule"]]
    assert list(columns.itertuples(index=False, name=None)) == offers_by_loop(fitted.rules_, baskets, k, by)


def test_an_offer_says_why(fitted):
    offer = fitted.recommend([["a", "b"]], k=1).iloc[0]
    rule = fitted.rules_.loc[offer["rule"]]
    assert rule["antecedents"] <= {"a", "b"}
    assert offer["item"] in rule["consequents"]
    assert offer["score"] == rule["confidence"]
    right = reason_text(
        rule["antecedents"], rule["consequents"], confidence=rule["confidence"], lift=rule["lift"]
    )
    assert offer["reason"] == right


def test_what_is_in_the_basket_or_unknown_is_not_offered(fitted):
    assert len(fitted.recommend([ITEMS, [], ["unknown"]])) == 0


def test_on_the_training_baskets_the_holdout_is_the_training(fitted):
    table = fitted.holdout_table(market(1))
    rules = fitted.rules_
    assert (table["holdout count"] == rules["count"]).all()
    assert (table["holdout antecedent count"] == rules["antecedent count"]).all()
    for name in ("support", "confidence", "lift"):
        assert_allclose(table[f"holdout {name}"], rules[name], rtol=1e-12)
    assert_allclose(table["gain kept"], 1, rtol=1e-9)


def test_holdout_figures_are_counted_in_the_holdout(fitted):
    new = market(1, n=200).sample(frac=0.5, random_state=1)
    table = fitted.holdout_table(new)
    fired = expected = held = 0
    for row in table.itertuples(index=False, name=None):
        left, right = new[sorted(row[0])].all(axis=1), new[sorted(row[1])].all(axis=1)
        assert row[4:7] == (left.sum(), (left & right).sum(), (left & right).mean())
        fired += left.sum()
        held += (left & right).sum()
        expected += left.sum() * right.mean()
    assert fired > 0
    assert fitted.score(new) == pytest.approx(held / expected)


def test_rules_of_chance_keep_no_gain_and_score_one():
    rng = np.random.default_rng(3)
    chance = pd.DataFrame(rng.random((4000, 20)) < 0.2)
    model = AssociationRules(0.001, 0.25, max_len=3).fit(chance[:1000])
    assert len(model.rules_) > 50
    assert model.score(chance[:1000]) > 1.2
    # 3,000 new baskets: Σ n_AC is several thousands, and rules share items; 5 % is 4 σ or so.
    assert model.score(chance[1000:]) == pytest.approx(1, abs=0.05)
    assert abs(model.holdout_table(chance[1000:])["gain kept"].median()) < 0.15


def test_a_side_that_is_in_no_new_basket_is_undefined(fitted):
    table = fitted.holdout_table([["a"], ["unknown"]])
    never = table["holdout antecedent count"] == 0
    assert never.any()
    assert table.loc[never, ["holdout confidence", "holdout lift", "gain kept"]].isna().all(axis=None)
    assert np.isnan(fitted.score([["unknown"]]))
    with pytest.raises(SchemaError, match=r"AssociationRules\.score: there are no baskets"):
        fitted.score([])


@settings(max_examples=25)
@given(
    st.lists(st.lists(st.sampled_from("abcd"), max_size=4), min_size=1, max_size=8),
    st.lists(st.sets(st.sampled_from([0, 1, 2, 3]), min_size=1), min_size=1, max_size=6),
)
def test_counts_of_lists_are_those_of_a_plain_loop(baskets, wanted):
    encoded = encode_baskets(baskets, items=pd.Index(list("abcd")))
    lists = [sorted(codes) for codes in wanted]
    offsets = np.cumsum([0, *map(len, lists)])
    found = count_baskets(encoded, ItemLists(np.concatenate(lists), offsets))
    right = [sum({"abcd"[code] for code in codes} <= set(basket) for basket in baskets) for codes in wanted]
    assert found.tolist() == right


@pytest.mark.parametrize("k", [0, -1, 1.5, "5"])
def test_k_must_be_a_whole_number(fitted, k):
    with pytest.raises(ValueError, match=r"k must be a whole number >= 1\. Got"):
        fitted.recommend([["a"]], k=k)


def test_a_score_that_is_not_known_and_an_unfitted_model_are_refused(fitted):
    with pytest.raises(ValueError, match=r"by must be one of 'confidence', 'lift'\. Got 'support'"):
        fitted.recommend([["a"]], by="support")
    for method in ("recommend", "score", "holdout_table"):
        with pytest.raises(NotFittedError):
            getattr(AssociationRules(), method)([["a"]])


def test_sentences_count_what_they_say(fitted):
    assert fitted.describe(2)[0].startswith("Of ")
    assert len(fitted.describe(2)) == 2
    rules = fitted.rules_.rename(columns={"antecedent count": "held", "count": "both"})
    for sentence, rule in zip(fitted.describe(50), rules.itertuples(), strict=False):
        assert f"Of {rule.held:,} baskets with {words(rule.antecedents)}, {rule.both:,} (" in sentence
        assert f"also held {words(rule.consequents)}, " in sentence


@pytest.mark.parametrize(
    ("left", "right", "numbers", "sentence"),
    [
        (
            {"butter", "yogurt"},
            {"whole milk"},
            (120, 64, 0.2556),
            "Of 120 baskets with butter and yogurt, 64 (53 %) also held whole milk, 2.1 times its usual share (26 %).",
        ),
        (
            {"a"},
            {"b", "c", "d"},
            (12_345, 617, 0.1),
            "Of 12,345 baskets with a, 617 (5 %) also held b, c and d, 0.5 times their usual share (10 %).",
        ),
        (
            {1},
            {2},
            (1, 1, 0.002),
            "Of 1 basket with 1, 1 (100 %) also held 2, 500 times its usual share (0.2 %).",
        ),
        (
            {1},
            {2},
            (999, 998, 0.5),
            "Of 999 baskets with 1, 998 (over 99 %) also held 2, 2.0 times its usual share (50 %).",
        ),
    ],
)
def test_a_rule_in_words(left, right, numbers, sentence):
    a, both, share = numbers
    assert rule_text(left, right, antecedent_count=a, count=both, consequent_support=share) == sentence
