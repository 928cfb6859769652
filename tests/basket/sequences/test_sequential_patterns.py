"""Sequential patterns against published examples, all embeddings tried one by one, and a peer."""

import itertools
import math
import os
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_analytics.basket.sequences.sequential_patterns import SequentialPatterns
from crm_analytics.core.errors import SchemaError, SearchLimitError
from crm_analytics.datasets import load_complete_journey, load_online_retail
from crm_analytics.features.histories import purchase_histories
from crm_analytics.features.periods import period_numbers

# Pei et al. (2004), table 1 and example 1: the 53 patterns of the four sequences at a support of 2.
PUBLISHED = [
    ["a", "abc", "ac", "d", "cf"],
    ["ad", "c", "bc", "ae"],
    ["ef", "ab", "df", "c", "b"],
    ["e", "g", "af", "c", "b", "c"],
]
PUBLISHED_PATTERNS = """
    a; a a; a b; a bc; a bc a; a b a; a b c; ab; ab c; ab d; ab f; ab d c; a c; a c a; a c b; a c c; a d; a d c; a f
    b; b a; b c; bc; bc a; b d; b d c; b f
    c; c a; c b; c c
    d; d b; d c; d c b
    e; e a; e a b; e a c; e a c b; e b; e b c; e c; e c b; e f; e f b; e f c; e f c b
    f; f b; f b c; f c; f c b"""


def itemsets(sequences):
    return [[set(event) for event in sequence] for sequence in sequences]


def found(model):
    """Each pattern as a tuple of sorted tuples, with its count."""
    return {
        tuple(tuple(sorted(event)) for event in pattern): count
        for pattern, count in zip(model.patterns_["pattern"], model.patterns_["count"], strict=True)
    }


def every_embedding(
    sequence, numbers, *, min_gap=None, max_gap=None, max_span=None, max_len=None, max_events=None
):
    """Every pattern of a sequence with its embeddings, tried one by one; as slow as it is plain."""
    embeddings = {}
    for n in range(1, len(sequence) + 1 if max_events is None else max_events + 1):
        for places in itertools.combinations(range(len(sequence)), n):
            gaps = [numbers[b] - numbers[a] for a, b in itertools.pairwise(places)]
            if min_gap is not None and any(gap < min_gap for gap in gaps):
                continue
            if max_gap is not None and any(gap > max_gap for gap in gaps):
                continue
            if max_span is not None and numbers[places[-1]] - numbers[places[0]] > max_span:
                continue
            subsets = [
                [
                    part
                    for k in range(1, len(sequence[p]) + 1)
                    for part in itertools.combinations(sorted(sequence[p]), k)
                ]
                for p in places
            ]
            for pattern in itertools.product(*subsets):
                if max_len is None or sum(map(len, pattern)) <= max_len:
                    embeddings.setdefault(pattern, []).append(places)
    return embeddings


def brute_force(sequences, numbers, least, **limits):
    """Counts of the frequent patterns, and the median gap before the last event of each."""
    each = [every_embedding(s, n, **limits) for s, n in zip(sequences, numbers, strict=True)]
    counts = Counter(itertools.chain.from_iterable(each))
    counts = {pattern: count for pattern, count in counts.items() if count >= least}
    gaps = {}
    for pattern in counts:
        if len(pattern) > 1:
            values = []
            for embeddings, number in zip(each, numbers, strict=True):
                if pattern in embeddings:
                    last = min(places[-1] for places in embeddings[pattern])
                    before = min(places[-2] for places in embeddings[pattern] if places[-1] == last)
                    values.append(number[last] - number[before])
            gaps[pattern] = np.median(values)
    return counts, gaps


def test_the_published_example_has_its_53_patterns():
    model = SequentialPatterns(0.5, max_len=None).fit(itemsets(PUBLISHED))
    patterns = [p.split() for p in PUBLISHED_PATTERNS.replace("\n", ";").split(";") if p.strip()]
    assert set(found(model)) == {tuple(tuple(event) for event in pattern) for pattern in patterns}
    assert len(patterns) == 53


events = st.lists(st.sampled_from("abcd"), min_size=0, max_size=3)
steps = st.integers(0, 4)
sequences_and_times = st.lists(
    st.lists(st.tuples(events, steps), min_size=1, max_size=6), min_size=1, max_size=6
)
limit = st.none() | st.integers(0, 6)


@settings(max_examples=60)
@given(
    data=sequences_and_times,
    gaps=st.tuples(limit, limit),
    max_span=limit,
    max_len=st.none() | st.integers(1, 4),
    max_events=st.none() | st.integers(1, 3),
    unit=st.sampled_from(["D", "W", "h", "event"]),
    min_support=st.sampled_from([0.1, 0.4, 0.7, 1.0]),
)
def test_patterns_equal_every_embedding_tried_one_by_one(
    data, gaps, max_span, max_len, max_events, unit, min_support
):
    min_gap, max_gap = gaps
    if min_gap is not None and max_gap is not None:
        min_gap, max_gap = sorted(gaps)
    limits = {"min_gap": min_gap, "max_gap": max_gap, "max_span": max_span, "max_len": max_len,
              "max_events": max_events}  # fmt: skip
    hours = {"D": 9, "W": 70, "h": 1, "event": 5}[unit]
    lines, sequences, numbers = [], [], []
    for customer, history in enumerate(data):
        when = np.datetime64("2024-01-01T05") + np.cumsum([step * hours for _, step in history]).astype(
            "m8[h]"
        )
        # An occasion without a known item is none; lines of one instant are of one occasion.
        baskets = {}
        for (event, _), at in zip(history, when, strict=True):
            lines += [(customer, at, item) for item in event]
            if event:
                baskets.setdefault(at, set()).update(event)
        if baskets:
            sequences.append(list(baskets.values()))
            at = np.array(list(baskets))
            numbers.append(np.arange(at.size) if unit == "event" else period_numbers(at, unit))
    if not lines:
        return
    frame = pd.DataFrame(lines, columns=["customer_id", "occurred_at", "item_id"])
    model = SequentialPatterns(min_support, unit=unit, gaps=True, **limits)
    model.fit(frame.sample(frac=1, random_state=1))
    least = math.ceil(round(min_support * 10) * len(sequences) / 10)
    counts, median_gaps = brute_force(sequences, numbers, max(1, least), **limits)
    assert found(model) == counts
    medians = dict(zip(found(model), model.patterns_["median_gap"], strict=True))
    assert {pattern for pattern, gap in medians.items() if np.isnan(gap)} == {
        p for p in counts if len(p) == 1
    }
    assert {pattern: gap for pattern, gap in medians.items() if len(pattern) > 1} == median_gaps
    assert found(model.set_params(gaps=False).fit(frame)) == counts


def test_limits_on_long_histories_equal_every_embedding_tried_one_by_one():
    rng = np.random.default_rng(5)
    for _ in range(60):
        sequences = [
            [set(np.flatnonzero(rng.random(3) < 0.3).tolist()) for _ in range(10)]
            for _ in range(rng.integers(1, 4))
        ]
        low, high = sorted(rng.integers(0, 5, 2).tolist())
        limits = {
            "min_gap": low,
            "max_gap": high,
            "max_span": int(rng.integers(2, 10)),
            "max_events": 3,
            "max_len": 4,
        }
        for name in rng.permutation(["min_gap", "max_gap", "max_span"])[: rng.integers(0, 3)]:
            limits[name] = None
        model = SequentialPatterns(0.5, unit="event", gaps=True, **limits).fit(sequences)
        least = math.ceil(len(sequences) / 2)
        counts, median_gaps = brute_force(sequences, [range(10)] * len(sequences), least, **limits)
        assert found(model) == counts
        medians = dict(zip(found(model), model.patterns_["median_gap"], strict=True))
        assert {pattern: medians[pattern] for pattern in median_gaps} == median_gaps


@settings(max_examples=40)
@given(
    sequences=st.lists(st.lists(st.integers(0, 5), max_size=9), min_size=1, max_size=8),
    least=st.integers(1, 4),
)
def test_single_items_without_limits_equal_prefixspan(sequences, least):
    prefixspan = pytest.importorskip("prefixspan")
    if least > len(sequences):
        return
    model = SequentialPatterns((least - 0.5) / len(sequences), max_len=None).fit(sequences)
    theirs = {tuple((item,) for item in p): n for n, p in prefixspan.PrefixSpan(sequences).frequent(least)}
    assert found(model) == theirs


def test_a_greatest_gap_is_met_by_a_later_embedding_than_the_first():
    # a on day 0 is too early for b on day 9, a on day 8 is not; b on day 9 is too late for c, b on day 20 is not.
    when = pd.Timestamp("2024-03-01") + pd.to_timedelta([0, 8, 9, 18, 20, 21], unit="D")
    lines = pd.DataFrame({"customer_id": 1, "occurred_at": when, "item_id": list("aabxbc")})
    assert (("a",), ("b",)) in found(SequentialPatterns(1.0, max_gap=1).fit(lines))
    assert (("b",), ("c",)) in found(SequentialPatterns(1.0, max_gap=1).fit(lines))
    whole = found(SequentialPatterns(1.0, max_gap=12).fit(lines))
    assert (("a",), ("b",), ("c",)) in whole
    assert (("a",), ("c",)) not in whole  # a part of a pattern need not be one
    assert (("a",), ("b",), ("c",)) not in found(SequentialPatterns(1.0, max_gap=12, max_span=12).fit(lines))


def test_an_end_too_long_ago_gives_way_to_a_later_one():
    # From the first a, day 3 is out of reach; from the second it is not.
    when = pd.Timestamp("2024-03-01") + pd.to_timedelta([0, 1, 2, 3], unit="D")
    lines = pd.DataFrame({"customer_id": 1, "occurred_at": when, "item_id": list("aaxb")})
    assert (("a",), ("b",)) in found(SequentialPatterns(1.0, max_gap=2).fit(lines))


def test_units_count_calendar_periods():
    lines = pd.DataFrame(
        {
            "customer_id": 1,
            "occurred_at": pd.to_datetime(["2024-01-31 23:00", "2024-02-01 01:00"]),
            "item_id": ["a", "b"],
        }
    )
    pattern = (("a",), ("b",))
    for unit, gap in [("h", 2), ("D", 1), ("M", 1), ("W", 0), ("event", 1)]:
        model = SequentialPatterns(1.0, min_gap=gap, max_gap=gap, unit=unit, gaps=True).fit(lines)
        assert pattern in found(model), unit
        assert model.patterns_["median_gap"].iloc[-1] == gap
        assert pattern not in found(SequentialPatterns(1.0, min_gap=gap + 1, unit=unit).fit(lines))


def test_receipts_and_periods_make_the_occasions_of_a_frame():
    lines = pd.DataFrame(
        {
            "customer_id": 1,
            "occurred_at": pd.to_datetime(["2024-03-01 09:00", "2024-03-01 09:05", "2024-03-01 17:00"]),
            "item_id": ["a", "b", "c"],
            "transaction_id": ["r1", "r1", "r2"],
        }
    )
    assert (("a", "b"), ("c",)) in found(SequentialPatterns(1.0).fit(lines))
    assert (("a",), ("b",), ("c",)) in found(
        SequentialPatterns(1.0).fit(lines.drop(columns="transaction_id"))
    )
    assert (("a", "b", "c"),) in found(SequentialPatterns(1.0, occasion="D").fit(lines))


def test_support_is_compared_in_whole_customers():
    sequences = [["a"]] * 27 + [["b"]] * 63
    assert found(SequentialPatterns(0.3).fit(sequences)) == {(("a",),): 27, (("b",),): 63}


def test_customers_without_items_count_and_have_nothing():
    model = SequentialPatterns(0.5).fit([[], ["a", []], [[], "a"], []])
    assert found(model) == {(("a",),): 2}
    assert model.n_customers_ == 4
    empty = SequentialPatterns(0.5).fit([[], []]).patterns_
    assert len(empty) == 0
    assert list(empty.columns) == ["support", "count", "pattern", "length", "n_events", "median_gap"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"min_support": 0}, r"min_support must be in \(0, 1\]\. Got 0 instead"),
        ({"min_support": 1.5}, r"min_support must be in \(0, 1\]"),
        ({"min_gap": -1}, r"min_gap must be a whole number >= 0\. Got -1"),
        ({"max_gap": 1.5}, r"max_gap must be a whole number >= 0\. Got 1\.5"),
        ({"max_len": 0}, r"max_len must be a whole number >= 1"),
        ({"max_patterns": None}, r"max_patterns must be a whole number >= 1"),
        ({"min_gap": 5, "max_gap": 2}, r"min_gap must not exceed max_gap\. Got 5 and 2"),
        ({"unit": "days"}, r"unit must be one of 'h', 'D', 'W', 'M', 'event'"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        SequentialPatterns(**settings).fit([["a", "b"]])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], r"there are no sequences\. Pass at least one"),
        (["ab"], r"a sequence must be a list .* sequence 0 is 'ab'"),
        ([["a"], ["b", None]], r"an item is missing in 1 of 2 sequences \(first in sequence 1\)"),
        (7, r"expected a log, Histories, a frame or a list of sequences, but got int"),
        (pd.DataFrame({"customer_id": [1], "item": ["a"]}), r"2 of 3 columns missing: occurred_at, item_id"),
        (
            pd.DataFrame({"customer_id": [1], "occurred_at": ["2024-01-01"], "item_id": ["a"]}),
            r"pd\.to_datetime",
        ),
        (
            pd.DataFrame({"customer_id": [1], "occurred_at": [pd.NaT], "item_id": ["a"]}),
            r"occurred_at is missing in 1 of 1 lines \(first at row 0\)",
        ),
    ],
)
def test_bad_data_are_refused_with_a_remedy(data, message):
    with pytest.raises(SchemaError, match=message):
        SequentialPatterns(0.5).fit(data)


def test_limits_in_days_need_times():
    with pytest.raises(SchemaError, match=r"no gaps in days\. Pass unit='event'"):
        SequentialPatterns(0.5, max_gap=3).fit([["a", "b"]])


def test_too_many_patterns_stop_the_growth_with_their_number():
    with pytest.raises(
        SearchLimitError, match=r"more than max_patterns patterns: [\d,]+ were counted when 1,000"
    ):
        SequentialPatterns(1.0, max_len=None, max_patterns=1000).fit([list(range(40))])


def test_complete_journey_has_the_same_patterns_whatever_the_row_order():
    histories = purchase_histories(load_complete_journey().log, level="department", occasion="W")
    baskets = histories.baskets
    lines = pd.DataFrame(
        {
            "customer_id": histories.customers[histories.owner].repeat(np.diff(baskets.indptr)),
            "occurred_at": histories.times.repeat(np.diff(baskets.indptr)),
            "item_id": baskets.items[baskets.indices],
        }
    )
    twice = pd.concat([lines, lines[:1000]]).sample(frac=1, random_state=3)
    for limits in [{}, {"max_gap": 4, "max_span": 6, "unit": "W"}]:
        model = SequentialPatterns(0.5, max_len=3, **limits).fit(histories)
        assert model.n_customers_ == 2469
        again = SequentialPatterns(0.5, max_len=3, **limits).fit(twice)
        pd.testing.assert_frame_equal(again.patterns_, model.patterns_)


@pytest.mark.skipif(not os.environ.get("CRM_ANALYTICS_DATA"), reason="CRM_ANALYTICS_DATA is not set")
def test_online_retail_end_to_end():
    log = load_online_retail()
    model = SequentialPatterns(0.03, max_len=2, min_gap=1, max_gap=90, gaps=True).fit(log)
    table = model.patterns_
    assert table["n_events"].max() > 1
    assert table["median_gap"].dropna().between(1, 90).all()
    assert (table["count"] >= 0.02 * model.n_customers_).all()
