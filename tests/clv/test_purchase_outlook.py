"""What a model expects of the rows of snapshots is what it expects when fitted by hand at each origin."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal

from crm_analytics import read_log
from crm_analytics.clv import BetaGeoModel, MBGCNBDModel, ParetoNBDModel, purchase_outlook
from crm_analytics.core import SchemaError
from crm_analytics.datasets import make_purchases
from crm_analytics.features import SnapshotBuilder, customer_summary

ORIGINS = ["2024-07-01", "2024-10-01"]
COLUMNS = ["p_no_purchase", "p_alive", "frequency", "age"]


@pytest.fixture(scope="module")
def table():
    return make_purchases(400, process="modified_beta_geo", random_state=8).table().to_pandas()


@pytest.fixture(scope="module")
def log(table):
    return read_log(table, not_after="2025-12-31")


@pytest.fixture(scope="module")
def rows(log):
    return SnapshotBuilder(horizon=28).features(log, ORIGINS).index


@pytest.mark.parametrize(
    ("model", "unit", "gaps"),
    [(None, "D", False), (BetaGeoModel(), "W", False), (MBGCNBDModel(k=2), "D", True)],
)
def test_each_origin_is_told_by_the_model_fitted_to_what_was_known_then(log, rows, model, unit, gaps):
    found = purchase_outlook(log, rows, horizon=28, unit=unit, purchases=model)
    assert found.index.equals(rows)
    assert found.columns.tolist() == COLUMNS
    for origin in ORIGINS:
        summary = customer_summary(log, origin, unit, gaps=gaps)
        by_hand = (ParetoNBDModel() if model is None else type(model)(**model.get_params())).fit(summary)
        here = found.xs(pd.Timestamp(origin), level="origin").droplevel("label_end")
        asked = summary.loc[here.index]
        assert_array_equal(here["p_no_purchase"], by_hand.probability_no_purchase(asked, horizon=28))
        assert_array_equal(here["p_alive"], by_hand.probability_alive(asked))
        assert_array_equal(here["frequency"], asked["frequency"])
        assert_array_equal(here["age"], asked["T"])
    if model is not None:
        assert not hasattr(model, "params_")  # the caller's model is not fitted


def test_rows_keep_their_order_and_may_be_some_of_all(log, rows):
    whole = purchase_outlook(log, rows, horizon=28)
    some = rows[np.random.default_rng(0).permutation(len(rows))[:50]]
    found = purchase_outlook(log, some, horizon=28)
    assert found.index.equals(some)
    assert_frame_equal(found, whole.loc[some], check_exact=True)


def test_what_comes_after_an_origin_does_not_matter(table, rows):
    origin = pd.Timestamp(ORIGINS[0])
    first = rows[rows.get_level_values("origin") == origin]
    before = table[table["occurred_at"] < origin]
    later = table.sample(300, random_state=1).assign(occurred_at=origin, amount=99.0)
    right = purchase_outlook(read_log(before, not_after="2025-12-31"), first, horizon=28)
    found = purchase_outlook(read_log(pd.concat([table, later]), not_after="2025-12-31"), first, horizon=28)
    assert_frame_equal(found, right, check_exact=True)


def test_a_longer_silence_is_less_likely_and_the_dead_buy_nothing(log, rows):
    month, year = (purchase_outlook(log, rows, horizon=horizon) for horizon in (28, 364))
    assert (year["p_no_purchase"] < month["p_no_purchase"]).all()
    assert (1 - month["p_alive"] <= year["p_no_purchase"] + 1e-9).all()
    assert_allclose(month["p_alive"], year["p_alive"])


def test_probabilities_come_true_on_customers_who_behave_as_the_model(log):
    builder = SnapshotBuilder(horizon=28)
    features, churned = builder.build(log, ["2024-06-01", "2024-09-01"])
    found = purchase_outlook(log, features.index, horizon=28)["p_no_purchase"]
    # 500 rows at a rate of .8 have a standard error of .018.
    assert abs(found.mean() - churned.mean()) < 0.06


def test_customers_who_had_not_bought_by_then_are_refused(log, rows):
    strangers = pd.MultiIndex.from_tuples(
        [(10_000, *row[1:]) if k == 3 else row for k, row in enumerate(rows[:20])], names=rows.names
    )
    with pytest.raises(
        SchemaError, match=r"a purchase before the origin, but 1 of 20 .*first at row 3.* SnapshotBuilder"
    ):
        purchase_outlook(log, strangers, horizon=28)
