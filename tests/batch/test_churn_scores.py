"""Churn in the nightly job: fitted on the past, saved, scored, told in the manifest, and on the page."""

import json

import numpy as np
import pandas as pd
import pytest

from crm_analytics import batch, read_log
from crm_analytics.core import ModelFileError
from crm_analytics.reports import portfolio_report


@pytest.fixture(scope="module")
def log(regular_log):
    return regular_log


@pytest.fixture(scope="module")
def fitted(log):
    return batch.fit_churn(log)


@pytest.fixture(scope="module")
def scored(log, fitted, value_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("scores") / "out"
    batch.score(log, value_model, folder, churn=fitted[0], next_products=0)
    return folder


def test_the_horizon_is_one_in_which_silence_says_something(log, fitted):
    model, said = fitted
    assert model.snapshots_["horizon"] in (28, 91, 182)
    assert model.snapshots_["base_rate"] <= 0.7
    assert said.startswith(f"no purchase in {model.snapshots_['horizon']} days, learned at ")
    given, _ = batch.fit_churn(log, horizon=60)
    assert given.snapshots_["horizon"] == 60


def test_scores_tell_the_chance_to_fall_silent_and_why(log, fitted, scored):
    scores = batch.read_scores(scored)
    known = scores["p_churn"].notna()
    silent_for = scores["T"] - scores["recency"]
    assert (known == (silent_for < 182)).all()
    assert scores.loc[known, "p_churn"].between(0, 1).all()
    assert scores.loc[known, "churn_reason_1"].str.match("(raises|lowers): ").all()
    assert scores.loc[~known, "churn_reason_1"].isna().all()
    assert silent_for[known].corr(scores.loc[known, "p_churn"], method="spearman") > 0.3
    told = json.loads((scored / "manifest.json").read_text("utf-8"))["churn"]
    assert told["label"] == "silence"
    assert told["horizon"] == fitted[0].snapshots_["horizon"]


def test_a_saved_churn_model_scores_the_same(log, fitted, value_model, scored, tmp_path):
    assert batch.load_churn_model(tmp_path) is None
    batch.save_churn_model(fitted[0], log, tmp_path)
    loaded = batch.load_churn_model(tmp_path)
    assert loaded.snapshots_ == fitted[0].snapshots_
    batch.score(log, value_model, tmp_path / "again", churn=loaded, next_products=0)
    assert (tmp_path / "again" / "scores.parquet").read_bytes() == (scored / "scores.parquet").read_bytes()
    batch.save_models(value_model, log, tmp_path / "other")
    (tmp_path / "other" / "lifetime_value").rename(tmp_path / "other" / "churn")
    with pytest.raises(ModelFileError, match="where a ChurnClassifier belongs"):
        batch.load_churn_model(tmp_path / "other")


def test_without_a_churn_model_scores_have_no_such_columns(log, value_model, tmp_path):
    batch.score(log, value_model, tmp_path / "out", next_products=0)
    assert not any("churn" in name for name in batch.read_scores(tmp_path / "out").columns)
    assert json.loads((tmp_path / "out" / "manifest.json").read_text("utf-8"))["churn"] is None


def test_a_log_too_short_to_learn_from_says_so():
    table = pd.DataFrame(
        {
            "customer_id": ["a", "b"] * 20,
            "amount": 5.0,
            "occurred_at": pd.date_range("2024-01-01", periods=40),
        }
    )
    model, said = batch.fit_churn(read_log(table))
    assert model is None
    assert "holds no origin with 91 days before and 28 after it" in said


def test_expected_leavers_are_about_those_who_leave(log, fitted):
    earlier, _ = batch.fit_churn(log, horizon=fitted[0].snapshots_["horizon"], snapshot_date="2024-10-01")
    ahead = earlier.snapshots_["horizon"]
    end = pd.Timestamp("2024-10-01") + pd.Timedelta(days=ahead)
    from crm_analytics.batch.churn import _with_outlook
    from crm_analytics.features import SnapshotBuilder

    builder = SnapshotBuilder(horizon=ahead)
    features, churned = builder.build(log, ["2024-10-01"])
    assert end <= pd.Timestamp(log.end)
    chance = earlier.predict_proba(_with_outlook(log, features, builder))[:, 1]
    spread = np.sqrt((chance * (1 - chance)).sum())
    assert abs(chance.sum() - churned.sum()) < 4 * spread


def test_the_page_tells_who_will_fall_silent_and_how_well_it_was_foretold(log, fitted, value_model, scored):
    scores = batch.read_scores(scored)
    page = portfolio_report(log, value_model, scores, title="Shop", churn=fitted[0], audit=False)
    assert "Who will fall silent?" in page
    assert "will probably buy nothing in the next" in page
    assert "customers to fall silent;" in page
    without = portfolio_report(log, value_model, scores, title="Shop", audit=False)
    assert "Who will fall silent?" not in without
