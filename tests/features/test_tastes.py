"""Amounts by category against their definition in pandas, and as seen from a date."""

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from crm_analytics.core.errors import SchemaError
from crm_analytics.datasets import load_cdnow
from crm_analytics.features import behaviour_features, category_amounts
from crm_analytics.transactions import read_log


def some_lines(n=400):
    rng = np.random.default_rng(4)
    kinds = ["Tea", "Milk", "Bread", "Caviar", None]
    return pd.DataFrame(
        {
            "customer_id": rng.integers(0, 30, n),
            "item_id": rng.integers(0, 9, n),
            "occurred_at": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(rng.integers(0, 100 * 24, n), unit="h"),
            "amount": rng.integers(0, 900, n) / 100,
            "category": rng.choice(kinds, n, p=[0.4, 0.3, 0.2, 0.01, 0.09]),
        }
    )


@pytest.mark.parametrize("window", [7, 30, 365])
def test_amounts_are_what_a_pivot_in_pandas_gives(window):
    lines, snapshot = some_lines(), pd.Timestamp("2024-03-20")
    seen = lines[lines["occurred_at"] < snapshot]
    late = seen[seen["occurred_at"] >= snapshot - pd.Timedelta(days=window)]
    right = late.pivot_table(index="customer_id", columns="category", values="amount", aggfunc="sum").fillna(
        0
    )
    active = (right > 0).any(axis=1).sum()
    right = right.loc[:, (right > 0).sum() >= 0.2 * active]
    right = right.reindex(np.sort(seen["customer_id"].unique()), fill_value=0.0)
    found = category_amounts(read_log(lines), snapshot, window=window, smallest_share=0.2)
    assert_frame_equal(found, right, check_names=False, rtol=1e-12, check_index_type=False)


def test_rows_are_those_of_the_behaviour_features():
    log = read_log(some_lines())
    found = category_amounts(log, "2024-03-20", window=3, smallest_share=0)
    assert found.index.equals(behaviour_features(log, "2024-03-20").index)
    assert (found.sum(axis=1) == 0).any()  # who bought nothing of late is still a customer


def test_what_comes_after_the_snapshot_changes_nothing():
    lines = some_lines()
    later = lines.assign(occurred_at=pd.Timestamp("2024-04-30"), amount=1e6)
    log = read_log(pd.concat([lines, later]))
    right = category_amounts(read_log(lines), "2024-04-20")
    assert_frame_equal(category_amounts(log, "2024-04-20"), right, check_exact=True)


def test_what_was_taken_back_counts_nothing():
    table = pd.DataFrame(
        {
            "customer_id": [1, 1, 1, 2],
            "item_id": [7, 7, 8, 8],
            "category": ["Tea", "Tea", "Milk", "Milk"],
            "occurred_at": ["2024-01-01", "2024-01-05", "2024-01-05", "2024-01-07"],
            "amount": [5.0, -5.0, 2.0, 3.0],
        }
    )
    for refunds in ("net", "keep"):
        found = category_amounts(read_log(table, refunds=refunds))
        assert found.to_dict("list") == {"Milk": [2.0, 3.0]}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": "kategori"}, "level must be one of 'category'"),
        ({"unit": "Y"}, "unit must be one of"),
        ({"window": 0}, r"window must be a whole number of days >= 1\. Got 0"),
        ({"smallest_share": 2}, r"smallest_share must be in \[0, 1\]"),
    ],
)
def test_parameters_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        category_amounts(read_log(some_lines()), **options)


def test_a_log_without_categories_is_refused_with_a_remedy():
    with pytest.raises(
        SchemaError, match=r"no line says its category.*read the log with a column 'category'"
    ):
        category_amounts(load_cdnow())
