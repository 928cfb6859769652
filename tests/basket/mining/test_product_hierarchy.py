"""Items and their groups mined together, against baskets extended by hand and brute force."""

import functools
import itertools

import numpy as np
import pandas as pd
import pytest

from crm_analytics.basket.mining.association_rules import AssociationRules
from crm_analytics.basket.mining.frequent_itemsets import FrequentItemsets
from crm_analytics.basket.mining.hierarchy import read_hierarchy
from crm_analytics.basket.mining.significance import fisher_p_values
from crm_analytics.core.errors import SchemaError
from crm_analytics.features import encode_baskets

# The clothes of Srikant & Agrawal (1995), figures 1 and 2.
CLOTHES = pd.DataFrame(
    {
        "kind": ["outerwear", "outerwear", None, None, None],
        "department": ["clothes", "clothes", "clothes", "footwear", "footwear"],
    },
    index=["jacket", "ski pants", "shirt", "shoes", "hiking boots"],
)
TRANSACTIONS = [
    ["shirt"],
    ["jacket", "hiking boots"],
    ["ski pants", "hiking boots"],
    ["shoes"],
    ["shoes"],
    ["jacket"],
]


def made(seed, n=3000):
    """Teas and milks: green tea goes with oat milk, every tea with milk; the rest is chance."""
    rng = np.random.default_rng(seed)
    words = ["green tea", "black tea", "oat milk", "cow milk", "bread", "nuts"]
    bought = rng.random((n, 6)) < [0.15, 0.15, 0.1, 0.2, 0.3, 0.2]
    bought[:, 3] |= (bought[:, 0] | bought[:, 1]) & (rng.random(n) < 0.4)
    bought[:, 2] |= bought[:, 0] & (rng.random(n) < 0.5)
    groups = {
        "green tea": "TEA",
        "black tea": "TEA",
        "oat milk": "MILK",
        "cow milk": "MILK",
        "bread": "BAKERY",
    }
    return pd.DataFrame(bought, columns=words), groups


def test_the_published_clothes_give_the_published_rules():
    # Support 30 %, confidence 60 %: outerwear → hiking boots 33 %, 66 %; outerwear → footwear;
    # hiking boots → outerwear and → clothes; jacket → clothes would say nothing.
    rules = AssociationRules(0.3, 0.6, hierarchy=CLOTHES, prune_redundant=False).fit(TRANSACTIONS).rules_
    pairs = {
        (*left, *right): (round(support, 2), round(confidence, 2))
        for left, right, support, confidence in rules[
            ["antecedents", "consequents", "support", "confidence"]
        ].itertuples(index=False)
    }
    assert pairs["kind: outerwear", "hiking boots"] == (0.33, 0.67)
    assert pairs["kind: outerwear", "department: footwear"] == (0.33, 0.67)
    assert pairs["hiking boots", "kind: outerwear"] == (0.33, 1.0)
    assert pairs["hiking boots", "department: clothes"] == (0.33, 1.0)
    assert len(pairs) == 4


def test_supports_are_those_of_baskets_with_the_groups_written_in():
    one_hot, groups = made(1)
    hierarchy = pd.Series(groups, name="category")
    found = AssociationRules(0.02, 0.05, hierarchy=hierarchy, max_consequents=2, prune_redundant=False)
    rules = found.fit(one_hot).rules_
    wide = one_hot.assign(
        **{
            f"category: {group}": one_hot[[item for item in groups if groups[item] == group]].any(axis=1)
            for group in set(groups.values())
        }
    )
    every = AssociationRules(0.02, 0.05, max_consequents=2, prune_redundant=False).fit(wide).rules_
    above = {item: f"category: {group}" for item, group in groups.items()}

    def trivial(row):
        whole = row["antecedents"] | row["consequents"]
        return any(above.get(item) in whole for item in whole)

    right = every[~every.apply(trivial, axis=1)]
    assert len(rules) == len(right) < len(every)
    keys = ["antecedents", "consequents"]
    both = rules.merge(right, on=keys, suffixes=("", "_right"))
    assert len(both) == len(rules)
    assert (both["count"] == both["count_right"]).all()
    assert np.allclose(both["conviction"], both["conviction_right"])


def test_a_special_rule_stays_only_where_it_says_more_than_the_general_one():
    one_hot, groups = made(2)
    model = AssociationRules(0.01, 0.1, hierarchy=pd.Series(groups, name="category"), max_len=2)
    rules = model.fit(one_hot).rules_
    confidence = {
        (*left, *right): value
        for left, right, value in rules[["antecedents", "consequents", "confidence"]].itertuples(index=False)
    }
    assert confidence["green tea", "oat milk"] > confidence["category: TEA", "oat milk"]
    # Black tea adds nothing to tea here, and its oat milk is chance.
    assert ("black tea", "oat milk") not in confidence
    chosen = rules[rules["significant"]]
    found = {
        (*left, *right) for left, right in zip(chosen["antecedents"], chosen["consequents"], strict=True)
    }
    assert ("green tea", "oat milk") in found
    assert ("category: TEA", "category: MILK") in found
    assert not {pair for pair in found if "nuts" in pair or "bread" in pair or "category: BAKERY" in pair}


def test_pruning_by_groups_is_that_of_its_definition():
    one_hot, groups = made(3, n=400)
    above = {item: f"group: {group}" for item, group in groups.items()}
    settings = {"min_support": 0.01, "min_confidence": 0.01, "hierarchy": groups, "max_consequents": 2}
    wide = one_hot.assign(
        **{name: one_hot[[i for i in above if above[i] == name]].any(axis=1) for name in set(above.values())}
    )

    @functools.cache
    def count(items):
        return int(wide[sorted(items)].all(axis=1).sum()) if items else len(wide)

    def interesting(left, right, interest):
        confidence = count(left | right) / count(left)
        for item in left | right:
            parent = above.get(item)
            others = (left | right) - {item}
            if parent is None or parent in others or any(above.get(other) == parent for other in others):
                continue
            wider = [
                frozenset(parent if member == item else member for member in side) for side in (left, right)
            ]
            expected = count(wider[0] | wider[1]) / count(wider[0]) * count(right) / count(wider[1])
            if confidence <= interest * expected * (1 + 1e-12):
                return False
        return True

    def improves(left, right):
        fewer = itertools.chain.from_iterable(
            itertools.combinations(sorted(left), k) for k in range(len(left))
        )
        best = max(count(frozenset(some) | right) / count(frozenset(some)) for some in fewer)
        return count(left | right) / count(left) > best * (1 + 1e-12)

    for interest in (1.0, 1.3):
        every = AssociationRules(**settings, prune_redundant=False, significance=None).fit(one_hot).rules_
        some = AssociationRules(**settings, min_interest=interest, significance=None).fit(one_hot).rules_
        sides = list(zip(every["antecedents"], every["consequents"], strict=True))
        right = {pair for pair in sides if improves(*pair) and interesting(*pair, interest)}
        assert set(zip(some["antecedents"], some["consequents"], strict=True)) == right
        assert 0 < len(right) < len(sides)


def test_an_item_that_adds_nothing_to_its_group_is_not_significant():
    one_hot, groups = made(5)
    model = AssociationRules(0.01, 0.1, hierarchy=groups, max_len=2, prune_redundant=False)
    rules = model.fit(one_hot).rules_
    tea = one_hot["green tea"] | one_hot["black tea"]
    for item in ("green tea", "black tea"):
        rule = rules[(rules["antecedents"] == {item}) & (rules["consequents"] == {"cow milk"})].iloc[0]
        alone = fisher_p_values(
            len(one_hot), rule["antecedent count"], rule["consequent count"], rule["count"]
        )
        milk = one_hot["cow milk"]
        in_tea = fisher_p_values(
            tea.sum(), one_hot[item].sum(), (tea & milk).sum(), (one_hot[item] & milk).sum()
        )
        assert rule["p_value"] == pytest.approx(max(float(alone), float(in_tea)), rel=1e-12)
        assert alone < 1e-6  # tea is bought with milk
        assert not rule["significant"]  # whichever tea


def test_related_items_are_those_of_one_chain():
    hierarchy = read_hierarchy(CLOTHES)
    items = pd.Index(["jacket", "shirt", "kind: outerwear", "department: clothes", "department: footwear"])
    related = hierarchy.related(items)
    pairs = {tuple(items[[i, j]]) for i, j in zip(*np.nonzero(related), strict=True) if i < j}
    assert pairs == {
        ("jacket", "kind: outerwear"),
        ("jacket", "department: clothes"),
        ("shirt", "department: clothes"),
        ("kind: outerwear", "department: clothes"),
    }
    assert (related == related.T).all()
    assert hierarchy.parents(items).tolist() == [2, 3, 3, -1, -1]


def test_a_group_in_two_departments_is_related_to_both_and_has_no_one_parent():
    frame = pd.DataFrame({"kind": ["x", "x"], "department": ["d", "e"]}, index=["a", "b"])
    items = pd.Index(["a", "b", "kind: x", "department: d", "department: e"])
    hierarchy = read_hierarchy(frame)
    assert hierarchy.related(items)[2].tolist() == [True, True, False, True, True]
    assert hierarchy.parents(items).tolist() == [2, 2, -1, -1, -1]


def test_a_group_never_is_taken_for_an_item_of_its_name():
    baskets = [["coffee", "milk"], ["espresso", "milk"], ["tea"]] * 20
    model = AssociationRules(0.1, 0.1, hierarchy={"coffee": "coffee", "espresso": "coffee"}).fit(baskets)
    assert {"coffee", "group: coffee"} <= set(model.items_)
    general = model.rules_[model.rules_["antecedents"] == {"group: coffee"}]
    assert general["antecedent count"].tolist() == [40]
    with pytest.raises(SchemaError, match=r"'group: coffee' is an item and a group. Rename the level"):
        model.fit([["coffee", "group: coffee"]])


def test_many_rare_products_cost_no_square_of_memory():
    items = np.arange(60_000)
    baskets = pd.DataFrame({"transaction_id": np.repeat(np.arange(30_000), 2), "item_id": items})
    groups = pd.Series(np.where(items % 2, "odd", "even"), index=items)
    model = AssociationRules(0.01, 0.1, hierarchy=groups, prune_redundant=False).fit(baskets)
    assert set(model.items_) == {"group: odd", "group: even"}
    assert len(model.rules_) == 2


def test_new_baskets_are_seen_through_their_groups():
    one_hot, groups = made(4)
    model = AssociationRules(0.02, 0.3, hierarchy=pd.Series(groups, name="category"), max_len=2).fit(one_hot)
    offers = model.recommend([["black tea"], ["cow milk", "black tea"], ["soap"]], k=9)
    assert "category: MILK" in set(offers.loc[offers["basket"] == 0, "item"])
    assert "category: MILK" not in set(offers.loc[offers["basket"] == 1, "item"])  # it has a milk
    assert set(offers["basket"]) <= {0, 1}
    same = model.holdout_table(one_hot)
    assert (same["holdout count"] == model.rules_["count"]).all()


@pytest.mark.parametrize(
    ("hierarchy", "message"),
    [
        ("tea", "pass a mapping of item to group, or a frame indexed by item"),
        ({}, "pass a mapping of item to group"),
        (pd.Series(["x", "y"], index=["green tea", "green tea"]), "1 of 1 items come in several rows"),
        ({"beer": "drinks"}, "none of 6 items is in it; items are such as .* has 'beer'"),
    ],
)
def test_a_hierarchy_that_cannot_be_read_is_refused(hierarchy, message):
    with pytest.raises(SchemaError, match=message):
        AssociationRules(0.1, hierarchy=hierarchy).fit(made(0, n=100)[0])


def test_itemsets_cannot_be_given_groups_afterwards():
    one_hot, groups = made(0, n=100)
    with pytest.raises(ValueError, match="hierarchy needs baskets in fit"):
        AssociationRules(hierarchy=groups).fit(FrequentItemsets(0.1).fit(one_hot))


def test_extended_baskets_hold_each_group_once():
    baskets = encode_baskets([["green tea", "black tea"], [], ["soap"]])
    groups = read_hierarchy({"green tea": "TEA", "black tea": "TEA"})
    assert groups.extend(baskets).lists() == [["black tea", "green tea", "group: TEA"], [], ["soap"]]
