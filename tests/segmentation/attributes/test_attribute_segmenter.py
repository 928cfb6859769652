"""Segments of attributes and places: bands, ordered words, provinces, and nobody dropped."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal, assert_series_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from crm_analytics import load_model, save_model
from crm_analytics.core.errors import SchemaError
from crm_analytics.datasets import load_complete_journey
from crm_analytics.segmentation import AttributeSegmenter, locate, turkish_provinces
from crm_analytics.segmentation.attributes.bands import friendly_edges, ordered_words

# The ministry's lists: provinces by geographic region.
BY_REGION = {
    "Aegean": 8,
    "Black Sea": 18,
    "Central Anatolia": 13,
    "Eastern Anatolia": 14,
    "Marmara": 11,
    "Mediterranean": 8,
    "Southeastern Anatolia": 9,
}


def test_there_are_81_provinces_in_seven_regions():
    table = turkish_provinces()
    assert table.index.tolist() == list(range(1, 82))
    assert table["province"].is_unique
    assert table["region"].value_counts().sort_index().to_dict() == BY_REGION
    assert table["climate"].nunique() == 8
    assert table.loc[[1, 6, 34, 67, 81], "province"].tolist() == [
        "Adana",
        "Ankara",
        "İstanbul",
        "Zonguldak",
        "Düzce",
    ]


def test_every_province_is_found_by_name_and_plate_however_typed():
    table = turkish_provinces()
    name = table["province"]
    plain = name.str.translate(str.maketrans("ıİşŞğĞüÜöÖçÇâ", "iIsSgGuUoOcCa"))
    turkish_capitals = name.str.translate(str.maketrans("iı", "İI")).str.upper()
    for spelled in (name, plain, plain.str.upper(), plain.str.lower(), turkish_capitals, " " + name + " "):
        assert_frame_equal(locate(spelled), table, check_dtype=False)
    plates = table.index.to_series()
    for code in (plates, plates.astype(float), plates.map("{:02d}".format), plates.map("TR-{:02d}".format)):
        assert_frame_equal(locate(code), table, check_dtype=False)


def test_places_that_a_table_does_not_have_are_missing():
    found = locate(
        pd.Series(["Afyon", "urfa", "İçel", "Antakya", "Kadıköy", None, 82, 6.5], index=list("abcdefgh"))
    )
    assert found["province"].head(4).tolist() == ["Afyonkarahisar", "Şanlıurfa", "Mersin", "Hatay"]
    assert found.tail(4).isna().all(axis=None)
    assert found.index.tolist() == list("abcdefgh")
    own = {"Leeds": {"region": "North"}, "York": {"region": "North", "climate": "dry"}}
    assert locate(pd.Series(["LEEDS", "york", "Bath"]), own)["region"].tolist()[:2] == ["North", "North"]
    with pytest.raises(SchemaError, match="two places spelled like 'LEEDS'"):
        locate(pd.Series(["x"]), own | {"LEEDS": {}})
    with pytest.raises(ValueError, match="a place table must be one of 'turkish_provinces'"):
        locate(pd.Series(["x"]), "turkey")


@given(age=st.lists(st.one_of(st.none(), st.integers(0, 110)), min_size=1, max_size=30))
@settings(max_examples=40)
def test_an_age_lies_in_the_band_that_names_it(age):
    edges = [18, 25, 35, 50, 65]
    ages = pd.Series(age, dtype="Int64")
    model = AttributeSegmenter("age", bands={"age": edges}).fit(pd.DataFrame({"age": ages}))
    found = model.predict(pd.DataFrame({"age": ages}))
    for years, band in zip(age, found, strict=True):
        if years is None:
            assert band == "not known"
        elif band.startswith("under"):
            assert years < 18
        elif band.endswith("+"):
            assert years >= 65
        else:
            low, high = map(int, band.split("-"))
            assert low <= years <= high
    assert found.cat.categories.tolist() == [
        "under 18",
        "18-24",
        "25-34",
        "35-49",
        "50-64",
        "65+",
        "not known",
    ]


def test_edges_are_round_and_share_the_customers():
    rng = np.random.default_rng(3)
    ages = rng.normal(42, 14, 3000).clip(18, 90).round()
    model = AttributeSegmenter("age").fit(pd.DataFrame({"age": ages}))
    assert all(edge % 5 == 0 for edge in model.edges_["age"])
    assert model.segments_["share"].between(0.15, 0.35).all()
    assert friendly_edges(rng.lognormal(10, 0.7, 5000), 4) == [15_000, 20_000, 40_000]


def test_few_whole_numbers_are_words_of_their_own():
    table = pd.DataFrame({"household": [1, 2, 2, 4, np.nan, 10]})
    model = AttributeSegmenter("household").fit(table)
    assert model.words_["household"] == ["1", "2", "4", "10", "not known"]
    assert model.predict(pd.DataFrame({"household": [10, 3]})).tolist() == ["10", "not known"]


def test_words_have_the_order_of_their_numbers_or_their_categories():
    words = ["50-74K", "Under 15K", "250K+", "15-24K", "Unknown", None]
    assert ordered_words(pd.Series(words)) == ["Under 15K", "15-24K", "50-74K", "250K+"]
    own = pd.Series(pd.Categorical(["b", "a"], categories=["b", "a", "c"], ordered=True))
    assert ordered_words(own) == ["b", "a", "c"]
    assert ordered_words(pd.Series(["Renter", "Homeowner", "  "])) == ["Homeowner", "Renter"]


def test_nobody_is_dropped_whatever_is_not_known():
    table = pd.DataFrame({"home": ["Owner", "Renter"] * 20, "age": [20.0, 40.0] * 20})
    model = AttributeSegmenter(["home", "age"], bands={"age": [30]}).fit(table)
    new = pd.DataFrame(
        {"home": ["Castle", " unknown", None, "Owner"], "age": [20, 20, np.nan, np.inf]}, index=list("abcd")
    )
    assert model.transform(new)["home"].tolist() == ["not known"] * 3 + ["Owner"]
    assert model.transform(new)["age"].tolist() == ["under 30", "under 30", "not known", "not known"]
    assert model.predict(new).tolist() == ["not known", "not known", "not known", "Owner"]
    assert model.predict(table).unique().tolist() == ["Owner", "Renter"]


def test_households_of_complete_journey_by_age_income_and_size():
    people = load_complete_journey().demographics.set_index("household_id")
    model = AttributeSegmenter(["age", "income", "household_size"], smallest_share=0.03).fit(people)
    assert model.words_["age"] == ["19-24", "25-34", "35-44", "45-54", "55-64", "65+", "not known"]
    assert model.words_["income"][:3] == ["Under 15K", "15-24K", "25-34K"]
    assert model.words_["income"][-2:] == ["250K+", "not known"]
    assert model.words_["household_size"] == ["1", "2", "3", "4", "5+", "not known"]
    found = model.predict(people)
    assert len(found) == 801
    assert model.segments_["share"].min() >= 0.03
    home = AttributeSegmenter("home_ownership").fit(people).predict(people)
    assert (home == "not known").sum() == 233


def test_customers_are_placed_by_region_and_climate():
    towns = pd.DataFrame({"il": ["İZMİR", "Muğla", "ankara", "34", "Trabzon", "Berlin"] * 10})
    places = {"il": "turkish_provinces"}
    model = AttributeSegmenter(["region", "climate"], places=places).fit(towns)
    assert model.predict(towns).head(6).tolist() == [
        "Aegean", "Aegean", "Central Anatolia", "Marmara", "Black Sea", "not known",
    ]  # fmt: skip
    own = {"il": turkish_provinces().set_index("province")[["region"]].to_dict("index")}
    again = AttributeSegmenter("region", places=own).fit(towns)
    assert again.predict(towns).head(3).tolist() == ["Aegean", "Aegean", "Central Anatolia"]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"columns": "agee"}, SchemaError, "Is 'age' meant as 'agee'"),
        ({"columns": []}, ValueError, "columns must name attributes, each once"),
        ({"columns": ["age", "age"]}, ValueError, "each once"),
        (
            {"columns": "age", "bands": {"Age": [3]}},
            ValueError,
            "'Age', which is none of the columns. Is 'age'",
        ),
        ({"columns": "age", "bands": {"age": [30, 20]}}, ValueError, "must be rising edges"),
        ({"columns": "age", "bands": {"age": 1}}, ValueError, "must be 2 or more, or edges"),
        ({"columns": "name", "bands": {"name": [1]}}, SchemaError, "to be put into bands, but has dtype"),
        ({"columns": "name"}, SchemaError, "name has 300 different words"),
        ({"columns": "born"}, SchemaError, "holds dates. Turn a date of birth into an age"),
        ({"columns": "blank"}, SchemaError, "blank is known of none of 300 customers"),
        ({"columns": "one", "bands": {"one": 3}}, SchemaError, "too few for bands"),
        (
            {"columns": "region", "places": {"city": "turkish_provinces"}},
            SchemaError,
            "columns missing: city",
        ),
    ],
)
def test_what_cannot_be_told_apart_is_refused(options, error, message):
    table = pd.DataFrame(
        {
            "age": np.arange(300) % 70,
            "name": [f"Ann {chr(65 + i % 26)}{i}" for i in range(300)],
            "born": pd.Timestamp("1980-01-01"),
            "blank": [None] * 300,
            "one": 1.5,
        }
    )
    with pytest.raises(error, match=message):
        AttributeSegmenter(**options).fit(table)


def test_numbers_that_became_words_are_refused():
    model = AttributeSegmenter("age").fit(pd.DataFrame({"age": np.arange(60)}))
    with pytest.raises(SchemaError, match="age held numbers when fitted, and holds words now"):
        model.predict(pd.DataFrame({"age": ["old"]}))
    assert model.predict(pd.DataFrame({"age": [None]})).tolist() == ["not known"]


def test_it_keeps_the_contract_of_an_estimator(tmp_path):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"age": rng.integers(18, 90, 200), "il": rng.integers(1, 85, 200), "kids": rng.integers(0, 3, 200)}
    )
    model = AttributeSegmenter(
        ["region", "age", "kids"], bands={"age": [30, 60]}, places={"il": "turkish_provinces"}
    )
    before = table.copy()
    with pytest.raises(NotFittedError, match="not fitted yet"):
        model.predict(table)
    assert model.fit(table, None) is model
    assert_frame_equal(table, before)
    assert clone(model).get_params() == model.get_params()
    mixed = table.sample(frac=1, random_state=1)
    assert_series_equal(clone(model).fit(mixed).predict(mixed).sort_index(), model.predict(table))
    for twin in (
        pickle.loads(pickle.dumps(model)),
        copy.deepcopy(model),
        load_model(save_model(model, tmp_path / "attributes")),
    ):
        assert_series_equal(twin.predict(table), model.predict(table))
        assert_frame_equal(twin.segments_, model.segments_)
