"""The door for customer tables: by name, by position, never written to, and polite when it is shut."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal
from sklearn.base import BaseEstimator

from crm_analytics.core import SchemaError
from crm_analytics.core.tables import like_customers, require, require_columns, summary_columns

COLUMNS = ("frequency", "T")
TABLE = pd.DataFrame({"T": [30, 20], "name": ["x", "y"], "frequency": [1, 0]}, index=["a", "b"])
RIGHT = [[1.0, 30.0], [0.0, 20.0]]


class Door(BaseEstimator):
    """The least that can call `summary_columns`."""

    def fit(self, X):
        self.seen_ = np.column_stack(summary_columns(self, X, COLUMNS, reset=True))
        return self

    def predict(self, X):
        return np.column_stack(summary_columns(self, X, COLUMNS, reset=False))


@pytest.mark.parametrize(
    "table",
    [
        TABLE,
        TABLE[["frequency", "T"]],
        TABLE.astype({"frequency": "Int64", "T": "float32"}),
        TABLE.astype({"frequency": bool}),
        pl.from_pandas(TABLE),
        pa.Table.from_pandas(TABLE),
        TABLE[["frequency", "T"]].to_numpy(),
        [[1, 30], [0, 20]],
    ],
    ids=["more columns", "just these", "nullable", "bool", "polars", "arrow", "array", "lists"],
)
def test_a_table_is_read_by_name_and_an_array_by_position(table):
    door = Door().fit(table)
    assert_array_equal(door.seen_, RIGHT)
    assert_array_equal(door.predict(table), RIGHT)
    assert door.seen_.dtype == np.float64
    assert door.n_features_in_ == 2


def test_names_seen_in_fit_are_remembered():
    assert Door().fit(TABLE).feature_names_in_.tolist() == list(COLUMNS)
    assert not hasattr(Door().fit([[1, 30]]), "feature_names_in_")


def test_the_callers_table_is_not_written_to():
    before = TABLE.copy(deep=True)
    door = Door().fit(TABLE)
    door.seen_[:] = -1
    door.predict(TABLE)[:] = -1
    assert_frame_equal(TABLE, before, check_exact=True)


@given(order=st.permutations(["frequency", "T", "recency", "amount"]))
def test_the_order_of_columns_does_not_matter(order):
    table = pd.DataFrame({"frequency": [1], "T": [30], "recency": [5], "amount": [2.0]})
    assert_array_equal(Door().fit(table[list(order)]).seen_, [[1.0, 30.0]])


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            TABLE.rename(columns={"frequency": "frequencies"}),
            r"Door: 1 of 2 columns missing: frequency\. Is 'frequencies' meant as 'frequency'\?",
        ),
        (TABLE[["name"]], r"Door: 2 of 2 columns missing: frequency, T\. Add 'frequency'\. Add 'T'\."),
        (TABLE.assign(T=["x", "y"]), r"Door: T must be numeric, but has dtype str"),
        (TABLE.assign(T=[30, np.inf]), r"T must be a finite number, but 1 of 2 .*\(first at row 1\)"),
        (TABLE.assign(T=[None, 20.0]), r"T must be a finite number, but 1 of 2 .*\(first at row 0\)"),
        (
            TABLE.assign(T=pd.array([30, None], "Int64")),
            r"T must be a finite number, but 1 of 2 .*\(first at row 1\)",
        ),
        (TABLE[["T", "frequency", "T"]], r"two columns named 'T'\. Rename or drop one\."),
        (
            np.ones((4, 3)),
            r"an array must have the 2 columns frequency, T .*X has 4 sample\(s\) of 3 feature",
        ),
    ],
)
def test_a_bad_table_is_refused_with_a_remedy(table, message):
    with pytest.raises(SchemaError, match=message):
        Door().fit(table)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        ([[1, np.nan]], "Input X contains NaN"),
        ([[1, np.inf]], "Input X contains infinity"),
        ([1, 2], "Expected 2D array, got 1D array"),
        (np.ones((0, 2)), "minimum of 1 is required"),
        ([["a", "b"]], "could not convert string to float"),
    ],
)
def test_a_bad_array_is_refused_as_scikit_learn_does(array, message):
    with pytest.raises(ValueError, match=message):
        Door().fit(array)


def test_a_broken_rule_is_counted_and_placed():
    ok = np.ones(23_570, dtype=bool)
    require(ok, column="T", rule=">= 0", caller="fit", remedy="Mend it.")
    ok[[1041, 20_000]] = False
    message = r"fit: T must be >= 0, but 2 of 23,570 customers break this \(first at row 1,041\)\. Mend it\."
    with pytest.raises(SchemaError, match=message):
        require(ok, column="T", rule=">= 0", caller="fit", remedy="Mend it.")


def test_columns_named_by_numbers_are_no_reason_to_stumble():
    with pytest.raises(SchemaError, match="2 of 2 columns missing"):
        require_columns(pd.DataFrame({0: [1], 1: [2]}), COLUMNS, caller="fit")


def test_values_get_the_customers_index():
    assert like_customers(np.array([1.0, 2.0]), TABLE, "clv").index.tolist() == ["a", "b"]
    assert like_customers(np.array([1.0, 2.0]), TABLE.to_numpy(), "clv").index.tolist() == [0, 1]
