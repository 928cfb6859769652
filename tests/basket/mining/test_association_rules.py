"""Association rules against brute force, mlxtend and the known rules of Groceries."""

import itertools
import math
import os
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from crm_analytics.basket.mining.association_rules import AssociationRules
from crm_analytics.basket.mining.frequent_itemsets import FrequentItemsets
from crm_analytics.basket.mining.measures import MEASURES
from crm_analytics.core.errors import SchemaError
from crm_analytics.datasets import load_groceries
from crm_analytics.datasets.external import VARIABLE
from crm_analytics.features import encode_baskets

TEST = ["p_value", "critical_value", "significant"]
COUNTS = ["count", "antecedent count", "consequent count"]

needs_data = pytest.mark.skipif(
    not os.environ.get(VARIABLE), reason=f"{VARIABLE} does not name the folder of real data"
)

some_baskets = st.lists(
    st.lists(st.sampled_from("abcdef"), max_size=6).map(lambda basket: sorted(set(basket))),
    min_size=1,
    max_size=16,
)


def clumped(seed, n=400, m=12):
    """Baskets whose items come in clumps, so that there are long itemsets."""
    rng = np.random.default_rng(seed)
    kinds = rng.random((5, m)) < 0.4
    bought = (kinds[rng.integers(0, 5, n)] & (rng.random((n, m)) < 0.7)) | (rng.random((n, m)) < 0.1)
    return pd.DataFrame(bought, columns=[f"item {code:02d}" for code in range(m)])


def by_sides(rules):
    """Rows in an order that does not depend on who made them."""
    keys = rules["antecedents"].map(sorted).map(str) + rules["consequents"].map(sorted).map(str)
    return rules.iloc[np.argsort(keys.to_numpy())].reset_index(drop=True)


def brute_force(baskets, min_support, min_confidence, max_consequents, prune):
    """Every split of every set of items, by definition."""
    sets = [frozenset(basket) for basket in baskets]

    def count(items):
        return sum(items <= basket for basket in sets)

    found = {}
    items = sorted(set().union(*sets))
    for size in range(2, len(items) + 1):
        for whole in map(frozenset, itertools.combinations(items, size)):
            both = count(whole)
            if both == 0 or both < min_support * len(sets):
                continue
            for width in range(1, min(max_consequents, size - 1) + 1):
                for right in map(frozenset, itertools.combinations(sorted(whole), width)):
                    left = whole - right
                    confidence = Fraction(both, count(left))
                    more_general = [
                        Fraction(count(frozenset(fewer) | right), count(frozenset(fewer)))
                        for length in range(len(left))
                        for fewer in itertools.combinations(sorted(left), length)
                    ]
                    if confidence >= min_confidence and not (prune and max(more_general) >= confidence):
                        found[left, right] = (count(left), count(right), both)
    return found


@settings(max_examples=50)
@given(some_baskets, st.integers(1, 10), st.integers(1, 10), st.integers(1, 4), st.booleans())
def test_rules_are_those_of_every_split_of_every_set(baskets, support, confidence, most, prune):
    rules = (
        AssociationRules(
            support / 10, confidence / 10, max_consequents=most, prune_redundant=prune, significance=None
        )
        .fit(baskets)
        .rules_
    )
    right = (
        brute_force(baskets, Fraction(support, 10), Fraction(confidence, 10), most, prune)
        if any(baskets)
        else {}
    )
    rows = rules[["antecedents", "consequents", "antecedent count", "consequent count", "count"]]
    assert {(a, c): tuple(row) for a, c, *row in rows.itertuples(index=False)} == right
    assert len(rules) == len(right)


@pytest.mark.parametrize("metric", [None, *MEASURES])
def test_frames_are_those_of_mlxtend_column_by_column(metric):
    patterns = pytest.importorskip("mlxtend.frequent_patterns")
    one_hot = clumped(1)
    frame = patterns.fpgrowth(one_hot, min_support=0.0349, use_colnames=True)
    # Thresholds that no ratio of these counts meets exactly: what happens there is tested apart.
    least = {
        "support": 0.0801,
        "lift": 1.10003,
        "leverage": 0.0201,
        "zhangs_metric": 0.2003,
        "jaccard": 0.20003,
        "certainty": 0.1003,
    }.get(metric, 0.30007)
    theirs = patterns.association_rules(
        frame, num_itemsets=len(one_hot), metric=metric or "confidence", min_threshold=least
    )
    model = AssociationRules(
        0.0349,
        0.30007 if metric is None else 1e-6,
        metric=metric,
        min_threshold=least if metric else None,
        max_consequents=None,
        prune_redundant=False,
        significance=None,
    )
    ours = model.fit(one_hot).rules_
    assert len(theirs) > 100
    assert list(ours.columns) == [*theirs.columns, *COUNTS]
    assert (ours.dtypes[theirs.columns] == theirs.dtypes).all()
    ours, theirs = by_sides(ours), by_sides(theirs)
    assert ours["antecedents"].equals(theirs["antecedents"])
    assert ours["consequents"].equals(theirs["consequents"])
    for name in MEASURES:  # leverage is a difference of shares: rounding is absolute there
        assert_allclose(ours[name], theirs[name], rtol=1e-9, atol=1e-15, err_msg=name)


def test_infinite_conviction_and_items_in_every_basket_are_as_in_mlxtend():
    patterns = pytest.importorskip("mlxtend.frequent_patterns")
    one_hot = clumped(2, n=60, m=6).assign(always=True, also=True)
    frame = patterns.fpgrowth(one_hot, min_support=0.1, use_colnames=True)
    with np.errstate(invalid="ignore"):  # they divide first and choose afterwards
        theirs = by_sides(patterns.association_rules(frame, num_itemsets=60, min_threshold=0.01))
    model = AssociationRules(0.1, 0.01, max_consequents=None, prune_redundant=False)
    ours = by_sides(model.fit(one_hot).rules_)
    assert np.isinf(theirs["conviction"]).any()
    for name in MEASURES:
        assert_allclose(ours[name], theirs[name], rtol=1e-9, atol=1e-15, err_msg=name)


def test_a_rule_at_the_threshold_is_kept_where_mlxtend_loses_it():
    patterns = pytest.importorskip("mlxtend.frequent_patterns")
    # 27 of 90 is .3, but their shares of this n divide to a little less.
    n = next(n for n in range(200, 2000) if (27 / n) / (90 / n) < 0.3)
    baskets = 27 * [["a", "c"]] + 63 * [["a"]] + (n - 90) * [["d"]]
    itemsets = FrequentItemsets(0.01).fit(baskets)
    lost = patterns.association_rules(itemsets.itemsets_, num_itemsets=n, min_threshold=0.3)
    assert frozenset("a") not in set(lost["antecedents"])
    kept = AssociationRules(0.01, 0.3).fit(itemsets).rules_
    assert frozenset("a") in set(kept["antecedents"])


@needs_data
def test_groceries_have_410_rules_of_one_consequent():
    # arules' documentation: support .001 and confidence .8 give 410 rules, of 3, 4, 5 and 6 items.
    itemsets = FrequentItemsets(0.001).fit(load_groceries())
    rules = AssociationRules(min_confidence=0.8, prune_redundant=False).fit(itemsets).rules_
    sizes = (rules["antecedents"].map(len) + rules["consequents"].map(len)).value_counts().sort_index()
    assert sizes.to_dict() == {3: 29, 4: 229, 5: 140, 6: 12}
    any_number = AssociationRules(min_confidence=0.8, prune_redundant=False, max_consequents=None)
    assert len(any_number.fit(itemsets).rules_) == 413
    assert 0 < len(AssociationRules(min_confidence=0.8).fit(itemsets).rules_) < 410


def test_itemsets_baskets_and_frames_give_the_same_rules(tmp_path):
    one_hot = clumped(3)
    settings = {"min_support": 0.05, "min_confidence": 0.4, "max_len": 4}
    right = AssociationRules(**settings).fit(one_hot).rules_
    itemsets = FrequentItemsets(0.05).fit(one_hot)
    lists = encode_baskets(one_hot).lists()
    itemsets.itemsets_.to_csv(tmp_path / "itemsets.csv", index=False)
    sources = [
        (itemsets, {}),
        (lists, {}),
        (itemsets.itemsets_, {"n_baskets": 400}),
        (itemsets.itemsets_.sample(frac=1, random_state=1), {"n_baskets": 400}),
        (pd.read_csv(tmp_path / "itemsets.csv"), {"n_baskets": 400}),
    ]
    for source, counted in sources:
        found = AssociationRules(**settings).fit(source, **counted).rules_
        pd.testing.assert_frame_equal(found, right, check_exact=True)


def test_consequents_and_antecedents_that_were_asked_for_are_the_only_ones():
    one_hot = clumped(4)
    every = AssociationRules(0.03, 0.2, max_consequents=2).fit(one_hot).rules_
    wanted, given_ = {"item 01", "item 02"}, {f"item {code:02d}" for code in range(3, 9)}
    chosen = AssociationRules(
        0.03, 0.2, max_consequents=2, consequents=list(wanted), antecedents=list(given_)
    )
    found = chosen.fit(one_hot).rules_
    right = every[
        every["consequents"].map(lambda side: side <= wanted)
        & every["antecedents"].map(lambda side: side <= given_)
    ]
    assert len(right) > 5
    columns = ["antecedents", "consequents", *MEASURES]
    pd.testing.assert_frame_equal(found[columns], right[columns].reset_index(drop=True))
    # Fewer candidates were tried, so each may be significant at a larger p-value.
    assert found["critical_value"].min() > every["critical_value"].min()


def test_rules_come_by_falling_confidence_then_count():
    rules = AssociationRules(0.02, 0.2, max_consequents=2).fit(clumped(5)).rules_
    keys = list(zip(-rules["confidence"], -rules["count"], strict=True))
    assert keys == sorted(keys)
    assert (rules["lift"] > 1).all()  # what adds nothing to no antecedents at all is redundant


def test_the_order_of_baskets_changes_nothing():
    one_hot = clumped(6)
    shuffled = one_hot.sample(frac=1, random_state=1)[one_hot.columns]
    pd.testing.assert_frame_equal(
        AssociationRules(0.03).fit(one_hot).rules_, AssociationRules(0.03).fit(shuffled).rules_
    )


def test_code_written_for_frames_of_mlxtend_works():
    rules = AssociationRules(0.03, 0.3, max_consequents=2).fit(clumped(7)).rules_
    strong = rules[(rules["lift"] > 1.2) & (rules["antecedents"].apply(lambda side: len(side) >= 2))]
    assert 0 < len(strong) < len(rules)
    one = rules[rules["consequents"] == {"item 03"}]
    assert all(side == frozenset(["item 03"]) for side in one["consequents"])
    assert isinstance(rules.loc[0, "antecedents"], frozenset)
    text = rules.assign(antecedents=rules["antecedents"].apply(lambda side: ", ".join(side)))
    assert text["antecedents"].str.contains("item").all()
    pivot = rules[rules["antecedents"].map(len) == 1].pivot(
        index="antecedents", columns="consequents", values="lift"
    )
    assert pivot.notna().any(axis=None)


def test_significant_only_leaves_the_others_out():
    every = AssociationRules(0.02, 0.2).fit(clumped(8)).rules_
    model = AssociationRules(0.02, 0.2, significant_only=True).fit(clumped(8))
    right = every[every["significant"]].reset_index(drop=True)
    assert 0 < len(right) < len(every)
    pd.testing.assert_frame_equal(model.rules_, right)
    assert len(model.left_codes_) == len(right)


@pytest.mark.parametrize(
    "baskets",
    [[["a"]], [[]], [["a"], ["b"]], [["a"]] * 5, [[], [], ["a", "b"]]],
    ids=["one product", "one empty basket", "nothing together", "one product often", "below the support"],
)
def test_without_rules_columns_and_types_stay(baskets):
    found = AssociationRules(0.5, 0.5).fit(baskets)
    right = AssociationRules(0.02, 0.2).fit(clumped(9)).rules_
    assert len(found.rules_) == 0
    assert found.rules_.dtypes.equals(right.dtypes)
    assert list(right.columns) == ["antecedents", "consequents", *MEASURES, *COUNTS, *TEST]
    assert found.describe() == []
    offers = found.recommend(baskets)
    assert len(offers) == 0
    assert list(offers.columns) == ["basket", "rank", "item", "score", "rule", "reason"]
    assert math.isnan(found.score(baskets))


def test_items_of_any_kind_keep_their_type():
    rules = AssociationRules(0.1, 0.1).fit([[1, 2], [1, 2], [3], [3]]).rules_
    assert {type(item) for side in rules["antecedents"] for item in side} == {int}
    tuples = [[("a", 1), ("b", 2)]] * 3 + [[("c", 3)]] * 3
    found = AssociationRules(0.1, 0.1).fit(tuples).rules_["antecedents"]
    assert set(found) == {frozenset([("a", 1)]), frozenset([("b", 2)])}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"min_confidence": 0}, r"min_confidence must be in \(0, 1\]. Got 0 instead"),
        ({"min_confidence": 1.2}, r"min_confidence must be in \(0, 1\]. Got 1.2 instead"),
        ({"min_support": -1}, r"min_support must be in \(0, 1\]"),
        ({"metric": "lifts", "min_threshold": 1}, "metric must be one of .*'lift'.* Got 'lifts'"),
        ({"metric": "lift"}, "metric and min_threshold go together"),
        ({"max_len": 1}, "max_len must be a whole number >= 2, or None. Got 1"),
        ({"max_consequents": 0}, "max_consequents must be a whole number >= 1"),
        ({"significance": "chi2"}, "significance must be 'fisher' or None. Got 'chi2'"),
        ({"adjust": "holm"}, "adjust must be one of 'layered', 'bonferroni', 'fdr', None. Got 'holm'"),
        ({"alpha": 1.0}, r"alpha must be in \(0, 1\)"),
        ({"min_interest": -1}, "min_interest must be >= 0"),
        ({"significant_only": True, "significance": None}, "significant_only needs significance"),
        ({"consequents": "milk"}, r"consequents must be a list of items. Got 'milk'; write \['milk'\]"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        AssociationRules(**settings).fit([["milk", "tea"]])


def test_an_unknown_consequent_is_refused_with_the_nearest():
    with pytest.raises(SchemaError, match=r"consequents has 1 of 1 items .* 'mlik'\. Is 'milk' meant\?"):
        AssociationRules(consequents=["mlik"]).fit([["milk", "tea"]])


def test_no_baskets_and_incomplete_itemsets_are_refused():
    with pytest.raises(SchemaError, match=r"AssociationRules\.fit: there are no baskets"):
        AssociationRules().fit([])
    maximal = FrequentItemsets(0.1, kind="maximal").fit(clumped(1))
    with pytest.raises(SchemaError, match="itemsets come without all their subsets"):
        AssociationRules().fit(maximal)
    with pytest.raises(ValueError, match=r"n_baskets must be >= 1, the number of baskets mined\. Got None"):
        AssociationRules().fit(FrequentItemsets(0.1).fit(clumped(1)).itemsets_)
    with pytest.raises(ValueError, match="n_baskets goes with a frame of itemsets"):
        AssociationRules().fit([["a"]], n_baskets=3)


@pytest.mark.parametrize(
    ("frame", "n_baskets", "message"),
    [
        ({"support": [0.5], "itemsets": [{"a"}]}, 3, "1 of 1 supports are no whole number of 3 baskets"),
        ({"support": [0.5], "itemsets": ["a and b"]}, 4, "row 0 does not. Pass frozensets"),
        ({"support": [0.5], "itemsets": [frozenset()]}, 4, "row 0 does not. Pass frozensets"),
        ({"support": [1.5], "itemsets": [{"a"}]}, 4, "1 of 1 supports"),
    ],
)
def test_frames_that_are_not_itemsets_are_refused(frame, n_baskets, message):
    with pytest.raises(SchemaError, match=message):
        AssociationRules().fit(pd.DataFrame(frame), n_baskets=n_baskets)
