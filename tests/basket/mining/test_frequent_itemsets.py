"""Frequent itemsets against published counts, brute force, mlxtend, and the shapes that break peers."""

import itertools
import os

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_analytics.basket import FrequentItemsets, itemset_numbers
from crm_analytics.basket.mining.frequent_itemsets import mine
from crm_analytics.core.errors import SchemaError, SearchLimitError
from crm_analytics.datasets import load_groceries
from crm_analytics.features import encode_baskets

LETTERS = st.lists(st.lists(st.sampled_from("abcdefg"), max_size=7), min_size=1, max_size=25)
needs_groceries = pytest.mark.skipif(
    not os.environ.get("CRM_ANALYTICS_DATA"),
    reason="groceries.csv is named by CRM_ANALYTICS_DATA, not set here",
)


def counted(baskets, max_len=None):
    """Every set that some basket holds, with the number of baskets, by looking at all of them."""
    baskets = [set(basket) for basket in baskets]
    items = sorted(set().union(*baskets))
    longest = len(items) if max_len is None else max_len
    sets = (frozenset(s) for n in range(1, longest + 1) for s in itertools.combinations(items, n))
    found = {s: sum(s <= basket for basket in baskets) for s in sets}
    return {s: n for s, n in found.items() if n}


def as_dict(model):
    frame = model.itemsets_
    assert frame["itemsets"].is_unique
    return dict(zip(frame["itemsets"], frame["count"], strict=True))


@needs_groceries
def test_groceries_gives_the_published_number_of_itemsets_by_size():
    # arules and Borgelt's programs at support .001 (10 of 9,835 baskets).
    model = FrequentItemsets(0.001).fit(load_groceries())
    assert np.bincount(model.arrays_.lengths).tolist() == [0, 157, 2981, 6831, 3137, 376, 10]
    assert itemset_numbers(load_groceries(), [0.001, 0.01]).itemsets.tolist() == [13_492, 333]


@needs_groceries
def test_groceries_gives_the_same_frame_as_mlxtend():
    frequent_patterns = pytest.importorskip("mlxtend.frequent_patterns")
    baskets = load_groceries()
    items = sorted(set().union(*baskets))
    one_hot = pd.DataFrame({item: [item in basket for basket in map(set, baskets)] for item in items})
    theirs = frequent_patterns.fpgrowth(one_hot, min_support=0.005, use_colnames=True)
    ours = FrequentItemsets(0.005).fit(one_hot).itemsets_
    assert len(ours) == len(theirs) == 1001
    theirs = theirs.set_index("itemsets")["support"].loc[ours["itemsets"].tolist()]
    assert ours["support"].tolist() == theirs.tolist()


@settings(max_examples=60, deadline=None)
@given(baskets=LETTERS, least=st.integers(1, 6), max_len=st.none() | st.integers(1, 5))
def test_itemsets_equal_those_counted_one_by_one(baskets, least, max_len):
    encoded = encode_baskets(baskets)
    found = mine(encoded, least, max_len=max_len)
    sets = dict(zip(found.frozensets(encoded.items), found.counts.tolist(), strict=True))
    assert sets == {s: n for s, n in counted(baskets, max_len).items() if n >= least}


@settings(max_examples=60, deadline=None)
@given(baskets=LETTERS, least=st.integers(1, 4), max_len=st.none() | st.integers(1, 4))
def test_closed_and_maximal_sets_are_those_of_the_definition(baskets, least, max_len):
    baskets = baskets + [[]] * 3
    frequent = {s: n for s, n in counted(baskets, max_len).items() if n >= least}
    above = {s: [t for t in frequent if s < t] for s in frequent}
    share = least / len(baskets)
    closed = {s: n for s, n in frequent.items() if all(frequent[t] != n for t in above[s])}
    maximal = {s: n for s, n in frequent.items() if not above[s]}
    assert as_dict(FrequentItemsets(share, kind="closed", max_len=max_len).fit(baskets)) == closed
    assert as_dict(FrequentItemsets(share, kind="maximal", max_len=max_len).fit(baskets)) == maximal


@settings(max_examples=40, deadline=None)
@given(
    baskets=LETTERS,
    include=st.sets(st.sampled_from("abc"), min_size=1),
    exclude=st.sets(st.sampled_from("cdef"), min_size=1),
)
def test_include_and_exclude_select_from_all_sets(baskets, include, exclude):
    baskets = [*baskets, list("abcdefg")]  # so that every item is known
    found = as_dict(
        FrequentItemsets(1 / len(baskets), include=sorted(include), exclude=sorted(exclude)).fit(baskets)
    )
    assert found == {s: n for s, n in counted(baskets).items() if s & include and not s & exclude}


@settings(max_examples=40, deadline=None)
@given(baskets=LETTERS, pairs=st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=6))
def test_related_items_never_stand_together(baskets, pairs):
    encoded = encode_baskets([*baskets, list("abcdefg")])
    related = np.zeros((7, 7), bool)
    for one, other in pairs:
        related[one, other] = related[other, one] = one != other
    found = mine(encoded, 1, related=related)
    apart = [frozenset("abcdefg"[i] for i in pair) for pair in np.argwhere(related).tolist()]
    expected = {s for s in counted([*baskets, list("abcdefg")]) if not any(pair <= s for pair in apart)}
    assert set(found.frozensets(encoded.items)) == expected


def test_long_and_short_baskets_together_give_what_brute_force_gives():
    # The long ones go through bitmaps from the start, the short ones through lists; 130 long ones need three words.
    rng = np.random.default_rng(5)
    shares = np.where(np.arange(400) < 130, 0.4, 0.01)
    held = rng.random((400, 60)) < shares[:, None]
    encoded = encode_baskets([np.flatnonzero(row).tolist() for row in held])
    found = mine(encoded, 20, max_len=4)
    for start, end, n in zip(found.offsets[:-1], found.offsets[1:], found.counts, strict=True):
        assert held[:, encoded.items[found.codes[start:end]].to_numpy(int)].all(axis=1).sum() == n
    pairs = (held.T.astype(int) @ held)[np.triu_indices(60, 1)]
    assert (found.lengths == 2).sum() == (pairs >= 20).sum()
    triples = [held[:, list(t)].all(axis=1).sum() for t in itertools.combinations(range(60), 3)]
    assert (found.lengths == 3).sum() == (np.array(triples) >= 20).sum()


def test_itemsets_stand_by_length_and_then_in_the_order_of_the_items():
    rng = np.random.default_rng(2)
    encoded = encode_baskets([rng.choice(40, 12, replace=False).tolist() for _ in range(300)])
    found = mine(encoded, 9)
    sets = [found.codes[a:b].tolist() for a, b in itertools.pairwise(found.offsets)]
    assert sets == sorted(sets, key=lambda s: (len(s), s))
    assert max(map(len, sets)) >= 4


@pytest.mark.parametrize("form", ["lines", "one-hot", "sparse", "lists", "encoded"])
def test_every_form_of_the_same_baskets_gives_the_same_itemsets(form):
    baskets = [["tea", "milk"], ["tea"], ["milk", "bread"], ["tea", "milk", "bread"]]
    lines = pd.DataFrame(
        [(n, item) for n, basket in enumerate(baskets) for item in [*basket, *basket]],
        columns=["transaction_id", "item_id"],
    ).sample(frac=1, random_state=3)
    one_hot = pd.crosstab(lines["transaction_id"], lines["item_id"]) > 0
    data = {
        "lines": lines,
        "one-hot": one_hot,
        "sparse": one_hot.astype(pd.SparseDtype(bool, False)),
        "lists": baskets,
        "encoded": encode_baskets(baskets),
    }[form]
    assert as_dict(FrequentItemsets(0.5).fit(data)) == {
        frozenset({"tea"}): 3, frozenset({"milk"}): 3, frozenset({"bread"}): 2,
        frozenset({"tea", "milk"}): 2, frozenset({"bread", "milk"}): 2,
    }  # fmt: skip


def test_a_support_as_written_is_met_exactly():
    baskets = [["a"]] * 27 + [["b"]] * 63
    assert as_dict(FrequentItemsets(0.3).fit(baskets)) == {frozenset({"a"}): 27, frozenset({"b"}): 63}
    assert len(FrequentItemsets(0.3000001).fit(baskets).itemsets_) == 1


def test_too_many_itemsets_are_counted_and_refused_before_memory_is_gone():
    baskets = [list(range(30))] * 10  # 2^30 - 1 sets
    with pytest.raises(
        SearchLimitError, match=r"10 of 10 baskets gives more than .* max_itemsets is 1,000\. Raise"
    ):
        FrequentItemsets(1.0, max_itemsets=1000).fit(baskets)
    with pytest.raises(SearchLimitError, match=r"gives 4,095 itemsets"):
        FrequentItemsets(1.0, max_itemsets=1000).fit([list(range(12))] * 2)
    assert len(FrequentItemsets(1.0, max_itemsets=4095).fit([list(range(12))] * 2).arrays_) == 4095


def test_baskets_of_thousands_of_items_do_not_explode():
    # mlxtend#909 and #676: a few huge baskets among small ones.
    rng = np.random.default_rng(4)
    small = [rng.choice(20, 3, replace=False).tolist() for _ in range(2000)]
    huge = [list(range(9000)) for _ in range(5)]
    model = FrequentItemsets(0.01).fit(small + huge)
    assert model.arrays_.lengths.max() == 2
    assert set(model.items_[model.arrays_.codes]) == set(range(20))


def test_few_answers_are_the_right_answers():
    assert FrequentItemsets(0.5).fit([[], [], []]).itemsets_.shape == (0, 3)
    assert as_dict(FrequentItemsets(0.3).fit([["a"], [], []])) == {
        frozenset({"a"}): 1
    }  # an empty basket counts
    assert as_dict(FrequentItemsets(0.5).fit([["a", "a"], ["a"]])) == {
        frozenset({"a"}): 2
    }  # a repeat does not


@pytest.mark.parametrize(
    ("parameters", "baskets", "error", "message"),
    [
        ({"min_support": 0}, [["a"]], ValueError, r"min_support must be in \(0, 1\]\. Got 0 instead"),
        ({"min_support": 1.5}, [["a"]], ValueError, r"Got 1\.5 instead"),
        ({"min_support": float("nan")}, [["a"]], ValueError, r"Got nan instead"),
        ({"min_support": "0.1"}, [["a"]], ValueError, r"Got '0\.1' instead"),
        ({"max_len": 0}, [["a"]], ValueError, r"max_len must be >= 1"),
        ({"max_itemsets": 0}, [["a"]], ValueError, r"max_itemsets must be >= 1"),
        ({"kind": "closd"}, [["a"]], ValueError, r"kind must be one of"),
        (
            {"include": ["mlik"]},
            [["milk"]],
            SchemaError,
            r"fit: include has 1 of 1 .* such as 'mlik'\. Is 'milk' meant",
        ),
        ({"exclude": "milk"}, [["milk"]], ValueError, r"write \['milk'\]"),
        ({}, [], SchemaError, r"there are no baskets"),
        ({}, ["milk"], SchemaError, r"basket 0 is 'milk'\. Wrap single items"),
        ({}, np.eye(2, dtype=bool), SchemaError, r"an array does not name its columns\. Pass pd\.DataFrame"),
        ({}, [["milk", None]], SchemaError, r"missing in 1 of 1 baskets"),
        ({}, pd.DataFrame({"a": [0.5]}), SchemaError, r"column 'a' holds more than true and false"),
        (
            {},
            pd.DataFrame({"transaction_id": [1], "itemid": ["a"]}),
            SchemaError,
            r"Is 'itemid' meant as 'item_id'",
        ),
        (
            {},
            pd.DataFrame({"transaction_id": [1, 2], "item_id": ["a", None]}),
            SchemaError,
            r"item_id is missing in 1 of 2 lines",
        ),
    ],
)
def test_bad_input_is_refused_with_a_remedy(parameters, baskets, error, message):
    with pytest.raises(error, match=message):
        FrequentItemsets(**parameters).fit(baskets)
