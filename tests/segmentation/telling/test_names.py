"""Names made of what sets segments apart: the expected words, no two alike, in both languages."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_analytics.segmentation.telling.names import segment_names
from crm_analytics.segmentation.telling.segment_words import (
    GRADES,
    IMPLIED,
    LABELS,
    LANGUAGES,
    MEANINGS,
    NOUNS,
    TRAITS,
    capital,
    number_words,
    percent_words,
)


def differences(*segments):
    """Of each segment a dict column: effect, or (column, level): effect; all of small size or more are telling."""
    rows = [
        (number, *(column if isinstance(column, tuple) else (column, None)), effect)
        for number, effects in enumerate(segments, start=1)
        for column, effect in effects.items()
    ]
    table = pd.DataFrame(rows, columns=["segment", "column", "level", "effect"])
    size = table["effect"].abs()
    inside = np.where(table["column"].isin(["trend", "amount_trend"]), np.sign(table["effect"]), 0.5)
    return table.assign(size=size, inside=inside, median=inside, known=1.0, telling=size >= 0.11)


def names(*segments, lang="en"):
    shares = pd.Series(1 / len(segments), index=range(1, len(segments) + 1))
    return segment_names(differences(*segments), shares, lang=lang)


@pytest.mark.parametrize(
    ("effects", "english", "turkish"),
    [
        (
            {"purchases_long": 0.7, "amount_long": 0.9},
            "Frequent solid spenders",
            "Sık gelen, iyi harcayanlar",
        ),
        (
            {"promotion_share": 0.6, "since_last": 0.5},
            "Lapsing bargain hunters",
            "Uzaklaşan indirim avcıları",
        ),
        ({"since_first": -0.8, "since_last": -0.5}, "Active newcomers", "Aktif yeni müşteriler"),
        (
            {"purchases_long": -0.6, "amount_mean": 0.5},
            "Occasional large-basket shoppers",
            "Seyrek gelen büyük sepetli müşteriler",
        ),
        ({"promotion_share": 0.5}, "Bargain hunters", "İndirim avcıları"),
        # Long gaps are rare visits; the two say one thing.
        ({"gap_mean": 0.6, "purchases_long": -0.7}, "Occasional shoppers", "Seyrek gelen müşteriler"),
        # Who is new rises by definition; who has lapsed falls.
        ({"since_first": -0.8, "trend": 0.9}, "Newcomers", "Yeni müşteriler"),
        ({"since_last": 0.8, "trend": -0.9}, "Lapsing customers", "Uzaklaşan müşteriler"),
        ({"age": -0.6, "purchases_long": 0.5}, "Younger frequent shoppers", "Genç sık gelen müşteriler"),
        ({"income_k": 0.5}, "High income k", "Yüksek income k"),
        (
            {"promotion_share": 0.6, ("region", "North"): 0.4},
            "Bargain hunters, region North",
            "İndirim avcıları, region North",
        ),
        ({"amount_long": 0.05}, "Average customers", "Ortalama müşteriler"),
        ({"amount_long": 0.2}, "Average customers", "Ortalama müşteriler"),  # telling, but in the middle
    ],
)
def test_a_segment_is_named_after_its_two_strongest_traits(effects, english, turkish):
    other = {"stores": -0.9}
    assert names(effects, other)[0] == english
    assert names(effects, other, lang="tr")[0] == turkish


def test_spend_is_graded_by_its_place_among_all():
    tiers = [{"amount_long": effect} for effect in (-0.99, -0.5, 0.35, 0.8, 1.0)]
    shares = pd.Series([0.35, 0.25, 0.2, 0.15, 0.05], index=range(1, 6))
    assert segment_names(differences(*tiers), shares, lang="en") == [
        "Low spenders",
        "Modest spenders",
        "Solid spenders",
        "Big spenders",
        "Top spenders",
    ]


def test_a_column_known_of_few_does_not_name_all():
    table = differences({"basket_stability": -0.9, "stores": 0.5}, {"stores": -0.5})
    table.loc[0, "known"] = 0.1
    assert segment_names(table, pd.Series(0.5, index=[1, 2]), lang="en")[0] == "Multi-store shoppers"


def test_segments_alike_are_told_apart_by_a_further_trait():
    base = {"purchases_long": 0.8, "amount_long": 0.9}
    found = names({**base, "promotion_share": 0.5}, {**base, "promotion_share": 0.05}, {"amount_long": -0.9})
    assert found == ["High-spending bargain hunters", "Frequent big spenders", "Low spenders"]


def test_segments_with_nothing_else_between_them_are_numbered_the_highest_first():
    found = names({"stores": 0.50}, {"stores": 0.60}, {"stores": -0.5})
    assert found == ["Multi-store shoppers II", "Multi-store shoppers I", "One-store shoppers"]


@given(
    st.lists(
        st.dictionaries(st.sampled_from([*MEANINGS, "lift_km", "score"]), st.floats(-1, 1), min_size=1),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from(LANGUAGES),
)
@settings(max_examples=30)
def test_no_two_names_are_alike(segments, lang):
    found = names(*segments, lang=lang)
    assert len(set(found)) == len(segments)
    assert all(name and len(name) < 90 for name in found)
    assert not any("Others" in name or "Segment" in name for name in found)


def test_thirty_segments_of_nothing_have_thirty_names():
    assert len(set(names(*[{"stores": 0.01 * i} for i in range(30)]))) == 30


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_trait_has_words_in_every_language(lang):
    traits = {meaning.trait for meaning in MEANINGS.values()}
    assert traits == set(NOUNS) == set(TRAITS[lang])
    assert {name for pair in IMPLIED for name in [pair[0], *(other for other, _ in IMPLIED[pair])]} <= traits
    spoken = {name for name in MEANINGS if name not in ("revenue", "spend")}  # their own names are words
    assert spoken <= set(LABELS[lang])
    words = [word for pairs in TRAITS[lang].values() for pair in pairs for word in pair]
    assert len(set(words)) == len(words)
    for grades in GRADES[lang].values():
        assert [least for least, _ in grades] == sorted((least for least, _ in grades), reverse=True)
        assert grades[-1][0] == 0


def test_numbers_are_written_as_each_language_writes_them():
    assert number_words(1234567.8, "en") == "1,234,568"
    assert number_words(1234567.8, "tr") == "1.234.568"
    assert number_words(-0.5, "tr") == "−0,5"
    assert [number_words(value, "en") for value in (0.0, 12.0, 12.34, 100.4)] == ["0", "12", "12.3", "100"]
    assert percent_words(0.4567, "tr") == "%46"
    assert capital("ısrarcı", "tr") == "Israrcı"


def test_names_do_not_depend_on_the_order_of_the_columns():
    effects = {"amount_long": 0.5, "stores": 0.5, "promotion_share": 0.5, "age": 0.5}
    turned = dict(reversed(effects.items()))
    assert names(effects, {"age": -0.3}) == names(turned, {"age": -0.3})
    assert np.unique(names(effects, turned)).size == 2


def test_a_name_is_true_of_the_segment_itself_and_not_only_beside_the_others():
    table = differences({"trend": 0.9, "amount_long": 0.5}, {"trend": -0.9, "amount_long": -0.5})
    falling = table.assign(inside=table["inside"].where(table["column"] != "trend", [-0.1, 0, -0.8, 0]))
    shares = pd.Series(0.5, index=[1, 2])
    assert segment_names(table, shares, lang="en") == ["Growing solid spenders", "Fading modest spenders"]
    assert segment_names(falling, shares, lang="en")[0] == "Solid spenders"
    away = differences({"since_last": -0.9}, {"since_last": 0.9}).assign(median=[47, 90])
    assert segment_names(away, shares, lang="en", short=28)[0] == "Average customers"
    near = away.assign(median=[0, 4])
    assert segment_names(near, shares, lang="en", short=28)[1] == "Average customers"


def test_recency_of_a_summary_names_nobody():
    assert names({"recency": 0.9}, {"recency": -0.9}) == ["Average customers I", "Average customers II"]
