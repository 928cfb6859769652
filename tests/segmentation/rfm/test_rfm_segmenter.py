"""RFM segments: the scores of ties, of shuffled and of new customers; names; what is stored."""

import copy
import os
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
from crm_analytics.core import SchemaError
from crm_analytics.core.persistence import model_fingerprint
from crm_analytics.datasets import load_cdnow, load_online_retail
from crm_analytics.features import behaviour_features, rfm_table
from crm_analytics.segmentation import NameGrid, NameRule, RFMSegmenter

COLUMNS = list(RFMSegmenter.COLUMNS)
THREE = NameGrid(
    [NameRule("Good", r=(2, 3), m=3), NameRule("Gone", r=1), NameRule("Rest", r=(2, 3), m=(1, 2))], 3
)
needs_data = pytest.mark.skipif("CRM_ANALYTICS_DATA" not in os.environ, reason="needs online_retail.parquet")


@pytest.fixture(scope="module")
def cdnow():
    return rfm_table(load_cdnow(), "1997-10-01")


@pytest.fixture(scope="module", params=["cdnow", pytest.param("online retail", marks=needs_data)])
def real(request):
    if request.param == "cdnow":
        return rfm_table(load_cdnow(), "1997-10-01")
    return rfm_table(load_online_retail(), "2011-12-01", window=365)


def customers(n, seed=0):
    rng = np.random.default_rng(seed)
    table = {
        "since_last": rng.integers(0, 90, n),
        "purchases": rng.geometric(0.5, n),
        "amount": rng.gamma(1, 50, n),
    }
    return pd.DataFrame(table, index=pd.Index(rng.permutation(n), name="customer_id"))


def same_model(one, other):
    return model_fingerprint(one) == model_fingerprint(other)


def test_equal_values_have_equal_scores_where_quantiles_fail_and_ranks_part_them(real):
    with pytest.raises(ValueError, match="Bin edges must be unique"):
        pd.qcut(real["purchases"], 5)
    ranks = [
        pd.qcut(real.sample(frac=1, random_state=seed)["purchases"].rank(method="first"), 5, labels=False)
        for seed in (1, 2)
    ]
    assert (ranks[0] != ranks[1].reindex(ranks[0].index)).mean() > 0.2  # whom the usual cure moves
    scores = RFMSegmenter().fit(real).scores(real)
    for score, column in zip("rfm", COLUMNS, strict=False):
        assert scores.groupby(real[column])[score].nunique().max() == 1
        assert set(scores[score]) == {1, 2, 3, 4, 5}


def test_no_score_and_no_bit_of_the_model_changes_when_rows_are_shuffled(real):
    model = RFMSegmenter().fit(real)
    right, names, drawn = model.scores(real), model.predict(real), model.grid_table(real)
    for seed in range(5):
        shuffled = real.sample(frac=1, random_state=seed)
        again = RFMSegmenter().fit(shuffled)
        assert same_model(again, model)
        assert_frame_equal(again.scores(shuffled).reindex(real.index), right, check_exact=True)
        assert_series_equal(again.predict(shuffled).reindex(real.index), names)
        assert_frame_equal(again.grid_table(shuffled), drawn, check_exact=True)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.integers(0, 12), st.integers(1, 9), st.sampled_from([0.1, 0.2, 0.3, -0.0, 0.0, 1e6, 7.7])
        ),
        min_size=20,
    ),
    seed=st.integers(0, 99),
)
@pytest.mark.filterwarnings("ignore:RFMSegmenter.fit. .* different value")
def test_no_bit_changes_when_any_table_is_shuffled(rows, seed):
    table = pd.DataFrame(rows, columns=COLUMNS)
    shuffled = table.sample(frac=1, random_state=seed)
    model, again = RFMSegmenter().fit(table), RFMSegmenter().fit(shuffled)
    assert same_model(model, again)
    assert_frame_equal(again.scores(shuffled).reindex(table.index), model.scores(table))


def test_the_best_have_the_highest_scores():
    table = customers(500)
    table.loc[-1], table.loc[-2] = [0, 99, 1e6], [999, 0, -5.0]
    model = RFMSegmenter().fit(table)
    scores = model.scores(table)
    assert scores.loc[-1].tolist() == [5, 5, 5, "555"]
    assert scores.loc[-2].tolist() == [1, 1, 1, "111"]
    assert model.predict(table).loc[[-1, -2]].tolist() == ["Champions", "Lost"]
    assert (
        scores["rfm"] == scores["r"].astype(str) + scores["f"].astype(str) + scores["m"].astype(str)
    ).all()


def test_cuts_are_where_a_score_begins(cdnow):
    model = RFMSegmenter().fit(cdnow)
    for k in range(2, 6):
        scores = model.scores(cdnow)
        assert ((scores["r"] >= k) == (cdnow["since_last"] <= model.cuts_["since_last"][k - 2])).all()
        assert ((scores["f"] >= k) == (cdnow["purchases"] >= model.cuts_["purchases"][k - 2])).all()
        assert ((scores["m"] >= k) == (cdnow["amount"] >= model.cuts_["amount"][k - 2])).all()


def test_new_customers_are_scored_by_the_stored_cuts_and_beyond_them_by_the_ends(cdnow):
    model = RFMSegmenter().fit(cdnow)
    new = pd.DataFrame(
        {"since_last": [0, 10**6], "purchases": [10**6, 0], "amount": [1e12, -1e12]}, index=["x", "y"]
    )
    assert model.scores(new)["rfm"].to_dict() == {"x": "555", "y": "111"}
    some = cdnow.iloc[100:120]
    assert_frame_equal(model.scores(some), model.scores(cdnow).iloc[100:120])
    assert_series_equal(model.predict(some), model.predict(cdnow).iloc[100:120])


def test_fewer_values_than_scores_warn_and_keep_the_scale():
    table = customers(200).assign(purchases=np.repeat([1, 2], 100))
    with pytest.warns(UserWarning, match=r"purchases has 2 different value\(s\), fewer than the 5 scores"):
        model = RFMSegmenter().fit(table)
    assert set(model.scores(table)["f"]) == {1, 5}
    assert model.scores(table.assign(purchases=7))["f"].unique().tolist() == [5]
    with pytest.warns(UserWarning, match=r"amount has 1 different value"):
        flat = RFMSegmenter().fit(customers(200).assign(amount=3.0))
    assert set(flat.scores(table)["m"]) == {3}


def test_fewer_customers_than_scores_are_scored_as_few_values_are():
    with pytest.warns(UserWarning, match="1 different value"):
        model = RFMSegmenter().fit(customers(1))
    assert model.scores(customers(1))["rfm"].tolist() == ["333"]


def test_segments_are_what_the_table_says(real):
    model = RFMSegmenter().fit(real)
    names = model.predict(real)
    assert names.dtype == pd.CategoricalDtype(model.segments_.index, ordered=True)
    assert (names.name, names.cat.categories[0], names.cat.categories[-1]) == ("segment", "Lost", "Champions")
    found = model.segments_
    groups = real.groupby(names, observed=False)
    assert found["customers"].tolist() == groups.size().tolist()
    assert found["share"].sum() == pytest.approx(1)
    for column in COLUMNS:
        np.testing.assert_allclose(found[f"mean_{column}"], groups[column].mean(), rtol=1e-12)
    np.testing.assert_allclose(
        found["amount_share"], groups["amount"].sum() / real["amount"].sum(), rtol=1e-12
    )
    assert found.loc["At Risk", "cells"] == "r 2, fm 3-5; r 1, fm 3"


def test_the_plane_has_every_cell_once_with_its_customers(real):
    for grid, across in (("marketing", "fm"), ("course", "f")):
        model = RFMSegmenter(grid=grid).fit(real)
        scores, table = model.scores(real), model.grid_table(real)
        scores["fm"] = (scores["f"] + scores["m"] + 1) // 2
        assert len(table) == 25
        found = table.set_index(["r", across])
        right = real["amount"].groupby([scores["r"], scores[across]]).agg(["size", "mean"])
        assert found["customers"].sum() == len(real)
        for cell, (size, mean) in right.iterrows():
            assert found.loc[cell, "customers"] == size
            assert found.loc[cell, "mean_amount"] == pytest.approx(mean)
        # Names depend on the plane alone: that of the cell is the name of all its customers.
        joined = scores.join(found["segment"], on=["r", across])
        assert (joined["segment"].astype(str) == model.predict(real).astype(str)).all()


def test_a_grid_of_ones_own_where_m_decides_shows_the_name_of_most():
    table = customers(300)
    model = RFMSegmenter(n_bins=3, grid=THREE).fit(table)
    names, scores = model.predict(table), model.scores(table)
    assert list(names.cat.categories) == ["Rest", "Gone", "Good"]
    assert (names[scores["r"] == 1] == "Gone").all()
    found = model.grid_table(table).set_index(["r", "f"])["segment"]
    most = names.groupby([scores["r"], scores["f"]]).agg(lambda some: some.value_counts().index[0])
    assert found.astype(str).to_dict() == most.astype(str).to_dict()


def test_turkish_names_mark_the_same_customers(cdnow):
    english, turkish = (RFMSegmenter(lang=lang).fit(cdnow).predict(cdnow) for lang in ("en", "tr"))
    assert (english.cat.codes == turkish.cat.codes).all()
    assert turkish.cat.categories[-1] == "Şampiyonlar"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"amount": np.nan}, "amount must be a finite number, but 1 of 50 customers"),
        ({"since_last": -1}, r"since_last must be >= 0, but 1 of 50 .*features\.rfm_table"),
        ({"purchases": -2}, "purchases must be >= 0, but 1 of 50"),
    ],
)
def test_values_that_cannot_be_are_refused_in_fit_and_later(change, message):
    table, model = customers(50), RFMSegmenter(n_bins=3, grid=THREE).fit(customers(50))
    for column, value in change.items():
        spoilt = table.assign(**{column: table[column].astype(float)})
        spoilt.iloc[7, spoilt.columns.get_loc(column)] = value
        for ask in (clone(model).fit, model.predict, model.scores, model.grid_table):
            with pytest.raises(SchemaError, match=message):
                ask(spoilt)


def test_the_recency_of_a_summary_is_not_taken_for_since_last(cdnow):
    with pytest.raises(SchemaError, match="1 of 3 columns missing: since_last"):
        RFMSegmenter().fit(cdnow.rename(columns={"since_last": "recency"}))
    assert (behaviour_features(load_cdnow(), "1997-10-01")["since_last"] == cdnow["since_last"]).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_bins": 1}, r"n_bins must be a whole number from 2 to 9\. Got 1"),
        ({"n_bins": 4}, r"grid must name cells of 4 scores .* has names for 5\. Set n_bins=5"),
        ({"grid": THREE}, "grid must name cells of 5 scores .* has names for 3"),
        ({"grid": "classic"}, "grid must be one of 'marketing', 'course'"),
        ({"lang": "de"}, "lang must be one of 'en', 'tr'"),
        ({"grid": [NameRule("A", r=(1, 4))]}, "25 of 125 cells"),
    ],
)
def test_parameters_are_judged_in_fit(settings, message):
    model = RFMSegmenter(**settings)
    with pytest.raises(ValueError, match=message):
        model.fit(customers(50))


@pytest.mark.parametrize("model", [RFMSegmenter(lang="tr"), RFMSegmenter(n_bins=3, grid=THREE)])
def test_a_model_behaves_as_estimators_do(model, tmp_path):
    table = customers(300)
    before, params = table.copy(deep=True), model.get_params()
    model = clone(model)
    for name in ("predict", "scores", "grid_table"):
        with pytest.raises(NotFittedError, match="This RFMSegmenter instance is not fitted yet"):
            getattr(model, name)(table)
    with pytest.raises(NotFittedError):
        _ = model.segments_
    assert model.fit(table, y=np.arange(300)) is model
    names, scores = model.predict(table), model.scores(table)
    assert_frame_equal(table, before, check_exact=True)
    assert model.get_params() == params
    assert all(name.endswith("_") for name in set(vars(model)) - set(params))
    assert names.index.equals(table.index)
    assert scores.index.equals(table.index)
    for again in (
        copy.deepcopy(model),
        pickle.loads(pickle.dumps(model)),
        load_model(save_model(model, tmp_path / "model")),
        clone(load_model(tmp_path / "model")).fit(table),
    ):
        assert_series_equal(again.predict(table), names)
        assert_frame_equal(again.scores(table), scores)
        assert_frame_equal(again.segments_, model.segments_)
        assert_frame_equal(again.grid_table(table), model.grid_table(table))
    extra = table.assign(age=5)[["age", "amount", "since_last", "purchases"]]
    assert_series_equal(model.predict(extra), names)
    array = table[COLUMNS].to_numpy(dtype=float)
    assert clone(model).fit(array).predict(array).tolist() == names.tolist()
    with pytest.raises(ValueError, match="minimum of 1 is required"):
        clone(model).fit(table.head(0))
