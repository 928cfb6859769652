"""The next products that scoring writes: what the recommender says, whole, the same each time."""

import json

import numpy as np
import pandas as pd
import pytest

from crm_analytics import batch, read_log
from crm_analytics.basket import NextBasketRecommender
from crm_analytics.core import MissingDataError
from crm_analytics.core.files import sha256_of

FILES = ("scores.parquet", "next_products.parquet", "rejects.parquet")


@pytest.fixture(scope="module")
def log():
    """300 customers who come every week or so, each with a few products of their own."""
    rng = np.random.default_rng(6)
    n = 12_000
    customer = rng.integers(0, 300, n)
    return read_log(
        pd.DataFrame(
            {
                "customer_id": customer,
                "occurred_at": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 180, n), unit="D"),
                "item_id": [f"p{(c * 7 + d) % 40:02}" for c, d in zip(customer, rng.geometric(0.3, n), strict=True)],
                "category": rng.choice(["food", "drink"], n),
                "amount": 5.0,
            }
        ),
        not_after="2024-12-31",
    )  # fmt: skip


@pytest.fixture(scope="module")
def model(log):
    return batch.fit(log, horizon=60, purchases="BG/NBD")


@pytest.fixture(scope="module")
def scored(log, model, tmp_path_factory):
    output = tmp_path_factory.mktemp("scored") / "out"
    batch.score(log, model, output, chunk_size=70)
    return output


def test_products_are_what_the_recommender_says_of_every_customer(log, scored):
    model = NextBasketRecommender().fit(log)
    found = batch.read_next_products(scored)
    for kind in ("repeat", "novel"):
        expected = model.recommend(k=3, **{f"{kind}_only": True})
        columns = ["customer_id", "item_id", "score", "kind", "reason"]
        same = found.loc[found["kind"] == kind, columns].reset_index(drop=True)
        pd.testing.assert_frame_equal(same, expected[columns], check_dtype=False)
    assert found.groupby("customer_id")["score"].is_monotonic_decreasing.all()
    assert (found.groupby("customer_id").cumcount() + 1 == found["rank"]).all()
    told = json.loads((scored / "manifest.json").read_text())
    assert told["recommender"]["class"] == "NextBasketRecommender"
    assert told["recommender"]["level"] == "item_id"
    assert told["recommender"]["bought"]["repeat"] > 50
    assert told["output"]["next_products.parquet"]["rows"] == len(found) == 1800


def test_each_score_carries_the_customer_s_first_product_and_first_new_one(scored):
    scores = batch.read_scores(scored)
    found = batch.read_next_products(scored)
    for name, rows in [("next_product", found), ("new_product", found[found["kind"] == "novel"])]:
        best = rows.groupby("customer_id").first().loc[scores.index]
        assert scores[name].tolist() == best["item_id"].tolist()
        assert scores[f"{name}_chance"].tolist() == best["score"].tolist()
        assert scores[f"{name}_chance"].between(0, 1).all()
        assert scores[f"{name}_reason"].str.len().gt(5).all()


def test_two_runs_and_other_chunks_give_the_same_products(log, model, scored, tmp_path):
    batch.score(log, model, tmp_path / "a", chunk_size=70)
    assert [sha256_of(tmp_path / "a" / f) for f in FILES] == [sha256_of(scored / f) for f in FILES]
    batch.score(log, model, tmp_path / "b")
    assert sha256_of(tmp_path / "b" / FILES[1]) == sha256_of(scored / FILES[1])


def test_a_run_stopped_after_the_products_does_not_find_them_again(log, model, scored, tmp_path, monkeypatch):
    def stop(*args, **_):
        raise RuntimeError("stop")

    monkeypatch.setattr(batch.scoring, "_assemble", stop)
    with pytest.raises(RuntimeError, match="stop"):
        batch.score(log, model, tmp_path / "out", chunk_size=70)
    monkeypatch.undo()
    monkeypatch.setattr(batch.scoring, "write_next_products", stop)
    batch.score(log, model, tmp_path / "out", chunk_size=70)
    assert [sha256_of(tmp_path / "out" / f) for f in FILES] == [sha256_of(scored / f) for f in FILES]


def test_another_level_names_other_products(log, model, tmp_path):
    batch.score(log, model, tmp_path / "out", level="category", next_products=1)
    found = batch.read_next_products(tmp_path / "out")
    assert set(found["item_id"]) == {"food", "drink"}
    assert set(found["kind"]) == {"repeat"}  # everyone has bought both
    assert batch.read_scores(tmp_path / "out")["new_product"].isna().all()
    assert batch.level_of_products(tmp_path / "out") == "category"


def test_products_that_nobody_is_to_be_offered_are_left_out(log, model, scored, tmp_path):
    first = batch.read_scores(scored)["next_product"].mode()[0]
    run = batch.score(log, model, tmp_path / "out", exclude=[first])
    assert first not in set(batch.read_next_products(tmp_path / "out")["item_id"])
    assert run.no_products == ""


@pytest.mark.parametrize(
    ("options", "why"),
    [({"next_products": 0}, "none were asked for"), ({"level": "brand"}, "the log has no brand")],
)
def test_without_products_the_file_is_empty_and_the_manifest_says_why(
    log, model, scored, tmp_path, options, why
):
    assert batch.score(log, model, tmp_path / "out", **options).no_products == why
    assert batch.read_next_products(tmp_path / "out").empty
    assert batch.read_next_products(tmp_path / "out").columns.equals(batch.read_next_products(scored).columns)
    assert "next_product" not in batch.read_scores(tmp_path / "out")
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["recommender"] == {"why_none": why}


def test_bad_wishes_are_refused_before_anything_is_written(log, model, tmp_path):
    with pytest.raises(ValueError, match=r"next_products must be >= 0\. Got -1 instead"):
        batch.score(log, model, tmp_path / "out", next_products=-1)
    with pytest.raises(ValueError, match=r"level must be one of 'item_id'"):
        batch.score(log, model, tmp_path / "out", level="sku")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(MissingDataError, match=r"next_products\.parquet is not there\. Run"):
        batch.read_next_products(tmp_path)
