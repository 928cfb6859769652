"""Segments in the nightly job: fitted, saved, scored, told in the manifest, and on the page."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from crm_analytics import batch, read_log
from crm_analytics.batch.segments import COLUMNS, with_segments
from crm_analytics.core import ModelFileError, SchemaError
from crm_analytics.features import behaviour_features
from crm_analytics.reports import portfolio_report
from crm_analytics.segmentation import CustomerSegmenter, RFMSegmenter, ValueSegmenter
from crm_analytics.segmentation.customer_segmenter import rfm_of


@pytest.fixture(scope="module")
def log(regular_log):
    return regular_log


@pytest.fixture(scope="module")
def fitted(log):
    return batch.fit_segments(log)


@pytest.fixture(scope="module")
def scored(log, fitted, value_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("scores") / "out"
    batch.score(log, value_model, folder, segments=fitted[0], next_products=0)
    return folder


def test_scores_carry_what_each_segmenter_says(log, scored):
    scores = batch.read_scores(scored)
    table = behaviour_features(log)
    assert (scores["value_segment"] == ValueSegmenter().fit(table).predict(table).astype(str)).all()
    active = table[table["purchases_long"] > 0]
    by_hand = RFMSegmenter().fit(rfm_of(active))
    assert (scores.loc[active.index, "rfm_segment"] == by_hand.predict(rfm_of(active)).astype(str)).all()
    assert (scores.loc[active.index, "rfm"] == by_hand.scores(rfm_of(active))["rfm"]).all()
    assert scores.loc[active.index, "behaviour_segment"].notna().all()


def test_who_bought_nothing_in_the_long_window_is_inactive(log, fitted, scored):
    scores = batch.read_scores(scored)
    silent = behaviour_features(log)["purchases_long"] == 0
    assert silent.any()
    assert (scores["value_segment"] == "Inactive").eq(silent).all()
    assert scores.loc[silent, ["rfm", "rfm_segment", "behaviour_segment"]].isna().all(axis=None)
    assert f"{silent.sum():,} of 500 customers bought nothing" in fitted[1]


def test_the_manifest_tells_cut_points_and_names(fitted, scored):
    told = json.loads((scored / "manifest.json").read_text("utf-8"))["segments"]
    assert told["value_cuts"] == fitted[0].value_.cuts_.tolist()
    assert told["behaviour"]["names"] == fitted[0].behaviour_names_
    assert set(told["rfm_cuts"]) == {"since_last", "purchases", "amount"}


def test_a_saved_segmenter_scores_the_same(log, fitted, value_model, scored, tmp_path):
    assert batch.load_segments(tmp_path) is None
    batch.save_segments(fitted[0], log, tmp_path)
    loaded = batch.load_segments(tmp_path)
    batch.score(log, value_model, tmp_path / "again", segments=loaded, next_products=0)
    assert (tmp_path / "again" / "scores.parquet").read_bytes() == (scored / "scores.parquet").read_bytes()
    batch.save_models(value_model, log, tmp_path / "other")
    (tmp_path / "other" / "lifetime_value").rename(tmp_path / "other" / "segments")
    with pytest.raises(ModelFileError, match="where a CustomerSegmenter belongs"):
        batch.load_segments(tmp_path / "other")


def test_a_later_fit_keeps_numbers_and_names_of_behaviour(log, fitted):
    later, _ = batch.fit_segments(log, previous=fitted[0])
    assert later.behaviour_names_ == fitted[0].behaviour_names_
    table = behaviour_features(log)
    assert (
        later.predict_table(table)["behaviour_segment"].dropna()
        == fitted[0].predict_table(table)["behaviour_segment"].dropna()
    ).all()


def test_too_few_customers_are_scored_without_segments():
    lines = pd.DataFrame(
        {"customer_id": [1, 2], "occurred_at": ["2024-01-01", "2024-01-02"], "amount": [1.0, 2.0]}
    )
    model, why = batch.fit_segments(read_log(lines))
    assert model is None
    assert "too few for 5 tiers" in why


def test_names_may_be_turkish(log):
    model, _ = batch.fit_segments(log, lang="tr")
    table = model.predict_table(behaviour_features(log))
    assert set(table["value_segment"]) <= {"Hareketsiz", "Temel", "Bronz", "Gümüş", "Altın", "Platin"}
    assert "Şampiyonlar" in set(table["rfm_segment"])


def test_order_of_the_rows_says_nothing(log):
    table = behaviour_features(log)
    shuffled = table.sample(frac=1, random_state=0)
    first = CustomerSegmenter().fit(table).predict_table(table)
    second = CustomerSegmenter().fit(shuffled).predict_table(table)
    pd.testing.assert_frame_equal(first, second)


def test_the_page_says_who_the_customers_are(log, fitted, value_model, scored):
    scores = batch.read_scores(scored)
    page = portfolio_report(log, value_model, scores, title="t", segments=fitted[0], audit=False)
    assert 'id="segments"' in page
    assert "Customers who behave alike" in page
    assert "Of those who were Platinum" in page
    for name in fitted[0].behaviour_names_.values():
        assert name.replace("'", "&#39;") in page
    without = portfolio_report(log, value_model, scores, title="t", audit=False)
    assert 'id="segments"' not in without


def test_a_table_of_which_nobody_is_active_is_all_inactive(log, fitted):
    table = behaviour_features(log)
    silent = table[table["purchases_long"] == 0]
    found = fitted[0].predict_table(pd.concat([silent, silent[:2]]))  # a customer may come twice
    assert (found["value_segment"] == "Inactive").all()
    assert found.drop(columns="value_segment").isna().all(axis=None)
    with pytest.raises(SchemaError, match="purchases_long must be a finite number, but 1 of"):
        fitted[0].predict_table(table.assign(purchases_long=[np.nan, *table["purchases_long"][1:]]))
    with pytest.raises(TypeError, match="Got ndarray"):
        fitted[0].predict_table(table.to_numpy())


def test_names_of_another_language_are_not_kept(log, fitted):
    later, _ = batch.fit_segments(log, previous=fitted[0], lang="tr")
    assert not set(later.behaviour_names_.values()) & set(fitted[0].behaviour_names_.values())


def test_a_shop_that_nobody_visits_any_more_is_scored(log, fitted, value_model, tmp_path):
    lines = log.to_frame()
    last = lines.iloc[[0]].assign(occurred_at=pd.Timestamp("2027-01-01"), amount=-1.0, quantity=-1.0)
    late = read_log(pd.concat([lines, last]), not_after="2027-06-01")
    churn, _ = batch.fit_churn(log)
    batch.score(late, value_model, tmp_path / "out", churn=churn, segments=fitted[0], next_products=0)
    scores = batch.read_scores(tmp_path / "out")
    assert scores["p_churn"].isna().all()
    assert (scores["value_segment"] == "Inactive").all()


def test_segments_are_joined_by_customer_and_not_by_place():
    scores = pa.table({"customer_id": ["b", "x", "a"]})
    found = pd.DataFrame({"customer_id": ["a", "b"], **{name: ["of a", "of b"] for name in COLUMNS}})
    joined = with_segments(scores, found)
    assert joined["value_segment"].to_pylist() == ["of b", None, "of a"]
    assert with_segments(scores, None) is scores
