"""Amounts against brute force and the cases in which they have no meaning."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from crm_analytics.metrics import relative_bias, top_share

values = st.lists(st.integers(0, 50), min_size=1, max_size=30).filter(any)


def test_bias_is_the_predicted_total_over_the_actual_less_one():
    assert relative_bias([1, 2, 3], [3, 2, 1]) == 0
    assert relative_bias([2, 2], [3, 3]) == pytest.approx(0.5)
    assert relative_bias([4], [0]) == -1


@pytest.mark.parametrize(
    ("y_true", "y_pred", "message"),
    [
        ([0, 0], [1, 1], "undefined when y_true adds up to 0"),
        ([1, 2], [1], "inconsistent numbers of samples"),
    ],
)
def test_bias_without_an_actual_total_is_refused(y_true, y_pred, message):
    with pytest.raises(ValueError, match=message):
        relative_bias(y_true, y_pred)


@given(values, st.integers(1, 100))
def test_top_share_equals_counting_hundredths_of_customers(held, hundredths):
    cells = np.sort(np.repeat(np.array(held) / 100, 100))[::-1]
    expected = cells[: hundredths * len(held)].sum() / sum(held)
    assert_allclose(top_share(held, fraction=hundredths / 100), expected, rtol=1e-9)


@given(values, st.randoms(use_true_random=False))
def test_top_share_does_not_depend_on_row_order(held, random):
    assert top_share(random.sample(held, len(held))) == pytest.approx(top_share(held))


def test_equal_customers_hold_their_share():
    assert top_share([3.0] * 7, fraction=0.25) == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("held", "fraction", "message"),
    [
        ([1, -1], 0.2, "undefined for negative values"),
        ([0, 0], 0.2, "undefined when the values add up to 0"),
        ([1, 2], 0.0, r"fraction must be in \(0, 1\]. Got 0.0"),
        ([1, 2], 1.01, r"fraction must be in \(0, 1\]. Got 1.01"),
    ],
)
def test_undefined_share_is_refused(held, fraction, message):
    with pytest.raises(ValueError, match=message):
        top_share(held, fraction=fraction)
