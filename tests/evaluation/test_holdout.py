"""The holdout of CDNOW as measured in the field, and each column by hand."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from crm_analytics.clv import BetaGeoModel
from crm_analytics.core import SchemaError
from crm_analytics.datasets import load_cdnow
from crm_analytics.evaluation import holdout_by_frequency, holdout_predictions, holdout_table
from crm_analytics.features import calibration_holdout

# shared/field/clv.md, CDNOW 39/39 weeks: 1,882 purchases by 2,357 customers. Rounded there.
FIELD = {"bias": -0.121, "mae": 0.786, "rmse": 1.608, "gini": 0.662}
NAIVE = {"bias": 0.56, "mae": 1.024, "rmse": 2.21}


class Constant:
    """Predicts the same for everybody: `share` of the horizon."""

    def __init__(self, share):
        self.share = share

    def predict(self, table, *, horizon):
        return np.full(len(table), self.share * horizon)


@pytest.fixture(scope="module")
def cdnow():
    return calibration_holdout(load_cdnow(), "1997-10-01", "1998-07-01", "D")


def small(**columns):
    table = pd.DataFrame(
        {
            "frequency": [0, 1, 2, 9],
            "recency": [0, 4, 6, 10],
            "T": [0, 8, 10, 10],
            "frequency_before": [0, 1, 1, 5],
            "frequency_holdout": [0, 0, 1, 3],
            "duration_holdout": [5] * 4,
        },
        index=pd.Index(["a", "b", "c", "d"], name="customer_id"),
    )
    return table.assign(**columns)


def test_cdnow_holdout_is_what_the_field_measured(cdnow):
    table = holdout_table(cdnow, {"BG/NBD": BetaGeoModel().fit(cdnow)})
    assert (len(cdnow), table["actual"].iloc[0]) == (2357, 1882)
    own, naive = table.loc["BG/NBD"], table.loc["naive rate"]
    for column, published in FIELD.items():
        assert own[column] == pytest.approx(published, abs=0.0006), column
    for column, published in NAIVE.items():
        assert naive[column] == pytest.approx(published, abs=0.005), column


def test_table_does_not_depend_on_row_order(cdnow):
    model = BetaGeoModel().fit(cdnow)
    shuffled = cdnow.sample(frac=1, random_state=2)
    pd.testing.assert_frame_equal(holdout_table(cdnow, {"m": model}), holdout_table(shuffled, {"m": model}))


def test_naive_rules_keep_the_pace_and_repeat_the_last_window():
    predicted = holdout_predictions(small(), {"half": Constant(0.5)})
    assert predicted.index.tolist() == ["a", "b", "c", "d"]
    assert_allclose(predicted["half"], 2.5)
    assert_allclose(predicted["naive rate"], [0, 1 / 8 * 5, 2 / 10 * 5, 9 / 10 * 5])  # 0 at age 0
    assert_allclose(predicted["as last time"], [0, 1, 1, 5])


def test_every_column_by_hand():
    row = holdout_table(small(), {"half": Constant(0.5)}).loc["half"]
    assert row["predicted"] == 10
    assert row["actual"] == 4
    assert row["bias"] == pytest.approx(1.5)
    assert row["mae"] == pytest.approx((2.5 + 2.5 + 1.5 + 0.5) / 4)
    assert row["rmse"] == pytest.approx(np.sqrt((2.5**2 + 2.5**2 + 1.5**2 + 0.5**2) / 4))
    assert (row["gini"], row["auc_active"]) == (0, 0.5)
    assert np.isnan(row["spearman"])  # predictions that do not vary have no rank


def test_auc_is_undefined_where_everyone_bought():
    table = holdout_table(small(frequency_holdout=[1, 2, 3, 4]), {})
    assert table["auc_active"].isna().all()


def test_groups_by_frequency_pool_the_rest_and_lose_nobody():
    table = small()
    groups = holdout_by_frequency(table, holdout_predictions(table, {"half": Constant(0.5)}), top=2)
    assert groups.index.tolist() == ["0", "1", "2+"]
    assert groups["customers"].tolist() == [1, 1, 2]
    assert_allclose(groups["actual"], [0, 0, 2])
    assert_allclose(groups["as last time"], [0, 1, 3])
    assert (groups["actual"] * groups["customers"]).sum() == table["frequency_holdout"].sum()


def test_a_holdout_without_purchases_is_refused():
    with pytest.raises(ValueError, match="undefined when nobody bought in the holdout"):
        holdout_table(small(frequency_holdout=0), {})


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (small().drop(columns="frequency_before"), "1 of 6 columns missing: frequency_before"),
        (small(duration_holdout=[5, 5, 5, 6]), "duration_holdout must be one number. Got 2 values"),
    ],
)
def test_a_table_that_is_no_holdout_is_refused(table, message):
    with pytest.raises(SchemaError, match=message):
        holdout_predictions(table, {})
