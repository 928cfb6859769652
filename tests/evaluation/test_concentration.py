"""The concentration of value: its shape, and its shares one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from crm_analytics.evaluation import value_concentration
from crm_analytics.metrics import top_share


def test_each_row_is_the_share_of_the_most_valuable():
    table = value_concentration([1, 10, 3, 5, 1], shares=[0.2, 0.4, 1.0])
    assert table.columns.tolist() == ["customers", "value"]
    assert_allclose(table["value"], [10 / 20, 15 / 20, 1])


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=40).filter(lambda held: sum(held) > 1e-3))
def test_the_curve_rises_to_one_with_ever_less_to_gain(held):
    table = value_concentration(held)
    slopes = np.diff(table["value"], prepend=0) / np.diff(table["customers"], prepend=0)
    assert table["value"].iloc[-1] == pytest.approx(1)
    assert (np.diff(slopes) <= 1e-6).all()
    assert (table["value"] >= table["customers"] - 1e-9).all()
    assert table["value"].iloc[3] == top_share(held, fraction=0.2)


def test_value_that_nobody_holds_is_refused():
    with pytest.raises(ValueError, match="add up to 0"):
        value_concentration([0.0, 0.0])
