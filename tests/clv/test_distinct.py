"""Distinct rows against a dictionary."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from crm_analytics.clv.distinct import distinct_rows

SMALL = st.sampled_from([-1.5, 0.0, 2.0, 3.0])


@given(st.lists(st.tuples(SMALL, SMALL), max_size=30))
def test_distinct_rows_are_sorted_counted_and_found_again(rows):
    first, second = np.array(rows, dtype=float).reshape(-1, 2).T
    (first_1, second_1), place, counts = distinct_rows(first, second)
    assert list(zip(first_1, second_1, strict=True)) == sorted(set(rows))
    assert counts.tolist() == [rows.count(row) for row in sorted(set(rows))]
    assert_array_equal(first_1[place], first)
    assert_array_equal(second_1[place], second)
