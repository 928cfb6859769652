"""Crossing of axes: every customer in one cell, no cell too small, whatever the order of rows."""

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
from crm_analytics.segmentation import SegmentCrossing


def people(**counts):
    """A row for each customer of cells that are spelled value_taste_place."""
    rows = [cell.split("_") for cell, n in counts.items() for _ in range(n)]
    return pd.DataFrame(rows, columns=["value", "taste", "place"][: len(rows[0])])


@st.composite
def label_tables(draw):
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    n, n_axes = draw(st.integers(1, 200)), draw(st.integers(1, 4))
    table = {}
    for axis in range(n_axes):
        words = [f"{chr(65 + axis)}{i}" for i in range(draw(st.integers(1, 6)))]
        labels = rng.choice(words, n, p=rng.dirichlet(np.full(len(words), 0.7)))
        table[f"axis{axis}"] = np.where(rng.random(n) < draw(st.sampled_from([0, 0.1])), None, labels)
    return pd.DataFrame(table, index=[f"c{i}" for i in range(n)])


@given(table=label_tables(), share=st.sampled_from([0.01, 0.05, 0.2, 0.5]))
@settings(max_examples=30)
def test_cells_part_the_customers_and_none_is_too_small(table, share):
    model = SegmentCrossing(smallest_share=share).fit(table)
    found = model.predict(table)
    assert found.notna().all()
    assert found.value_counts().reindex(model.cells_).tolist() == model.sizes_.tolist()
    assert model.sizes_.sum() == len(table)
    assert (model.sizes_ > 0).all()
    # Only what is rare on the first axis may be small, and that is never divided.
    first = table["axis0"].fillna("not known")
    small = set(found[found.map(found.value_counts()).astype(int) < share * len(table)])
    assert len(small) <= 1
    assert all(first.value_counts()[word] < share * len(table) for word in first[found.isin(small)])


@given(table=label_tables(), seed=st.integers(0, 99))
@settings(max_examples=20)
def test_rows_may_come_in_any_order(table, seed):
    mixed = table.sample(frac=1, random_state=seed)
    model, other = SegmentCrossing().fit(table), SegmentCrossing().fit(mixed)
    assert_frame_equal(model.segments_, other.segments_)
    assert_series_equal(other.predict(mixed).reindex(table.index), model.predict(table))
    one = mixed.head(1)
    assert model.predict(one).iloc[0] == model.predict(table)[one.index[0]]


@given(table=label_tables())
@settings(max_examples=20)
def test_a_cell_says_the_words_of_those_in_it(table):
    model = SegmentCrossing(smallest_share=0.05).fit(table)
    told = model.segments_
    found = model.predict(table).astype(str)
    for axis in table:
        word = table[axis].fillna("not known")
        said = found.map(told[axis])
        merged = said.eq("any") | said.str.startswith("other ")
        assert all(w in s.split(" or ") for w, s in zip(word[~merged], said[~merged], strict=True))


def test_detail_is_lost_where_customers_are_few():
    table = people(
        Gold_Wine_N=10, Gold_Wine_S=8, Gold_Wine_E=1, Gold_Baby_N=6, Gold_Baby_S=1, Gold_Meat_N=2, Gold_Tea_S=2,
        Basic_Wine_N=60, Basic_Baby_N=4, Basic_Meat_N=3, Basic_Tea_N=1, VIP_Wine_N=1, New_Tea_S=1,
    )  # fmt: skip
    model = SegmentCrossing(smallest_share=0.05).fit(table)
    assert dict(zip(model.cells_, model.sizes_.tolist(), strict=True)) == {
        "Basic · Wine": 60,
        "Basic · other taste": 8,
        "Gold · Wine · N": 10,
        "Gold · Wine · E or S": 9,
        "Gold · other taste": 11,  # Meat and Tea are 4, so Baby joins them
        "New or VIP": 2,
    }


def test_one_that_is_rare_on_the_first_axis_keeps_its_name():
    model = SegmentCrossing(smallest_share=0.05).fit(people(Gold_Wine=50, Basic_Wine=49, VIP_Wine=1))
    assert model.cells_ == ["Basic", "Gold", "VIP"]
    new = people(Platinum_Wine=1, VIP_Tea=1, Gold_Tea=1)
    assert model.predict(new).tolist() == ["not known", "VIP", "Gold"]


def test_labels_never_met_belong_to_the_merged_ones_of_their_parent():
    table = people(Gold_Wine=50, Gold_Tea=3, Gold_Oil=2, Gold_Ice=1, Basic_Wine=30, Basic_Tea=14)
    model = SegmentCrossing(smallest_share=0.05).fit(table)
    assert model.cells_ == ["Basic · Tea", "Basic · Wine", "Gold · Wine", "Gold · other taste"]
    new = people(Gold_Soap=1, Basic_Soap=1, Basic_Tea=1)
    assert model.predict(new).tolist() == ["Gold · other taste", "not known", "Basic · Tea"]
    assert model.predict(new).cat.categories.tolist() == [*model.cells_, "not known"]


def test_a_missing_label_is_a_word_of_its_own():
    table = people(Gold_Wine=50, Gold_Tea=30).assign(taste=lambda t: t["taste"].where(t["taste"] != "Tea"))
    assert SegmentCrossing().fit(table).cells_ == ["Gold · Wine", "Gold · not known"]


def test_words_keep_the_order_of_their_categories_and_numbers_theirs():
    value = pd.Categorical(["low", "high"] * 50, categories=["low", "high"], ordered=True)
    taste = pd.array(([10, 9] * 25) + ([9, 10] * 25), dtype="Int64")
    model = SegmentCrossing().fit(pd.DataFrame({"value": value, "taste": taste}))
    assert model.cells_ == ["low · 9", "low · 10", "high · 9", "high · 10"]
    floats = pd.DataFrame({"value": ["low"], "taste": [10.0]})
    assert model.predict(floats).tolist() == ["low · 10"]


def test_bad_tables_and_parameters_are_refused():
    table = people(Gold_Wine=2)
    for share in (0, 1, -0.1):
        with pytest.raises(ValueError, match=r"smallest_share must be in \(0, 1\)"):
            SegmentCrossing(smallest_share=share).fit(table)
    with pytest.raises(SchemaError, match="0 rows and 2 columns"):
        SegmentCrossing().fit(table.head(0))
    with pytest.raises(TypeError, match="must be a DataFrame"):
        SegmentCrossing().fit(table["value"])
    with pytest.raises(SchemaError, match="1 of 2 columns missing: taste"):
        SegmentCrossing().fit(table).predict(table[["value"]])
    twins = pd.DataFrame({"a": ["x · y", "x · y", "x", "x"], "b": ["z", "w", "y · z", "w"]})
    with pytest.raises(SchemaError, match="two cells have the same name"):
        SegmentCrossing().fit(twins)


def test_it_keeps_the_contract_of_an_estimator(tmp_path):
    table = people(Gold_Wine=50, Gold_Tea=30, Basic_Wine=40)
    before, model = table.copy(), SegmentCrossing(smallest_share=0.03)
    with pytest.raises(NotFittedError, match="not fitted yet"):
        model.predict(table)
    assert model.fit(table, None) is model
    assert_frame_equal(table, before)
    assert clone(model).get_params() == {"smallest_share": 0.03}
    for twin in (
        pickle.loads(pickle.dumps(model)),
        copy.deepcopy(model),
        load_model(save_model(model, tmp_path / "crossing")),
    ):
        assert_series_equal(twin.predict(table), model.predict(table))
        assert_frame_equal(twin.segments_, model.segments_)
