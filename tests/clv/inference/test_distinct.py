"""Distinct rows against a dictionary."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from crm_analytics.clv.inference.distinct import (
    count_in_ticks,
    distinct_rows,
    find_ticks,
    once_in_ticks,
    shared_rows,
)

SMALL = st.sampled_from([-1.5, 0.0, 2.0, 3.0])


@given(st.lists(st.tuples(SMALL, SMALL), max_size=30))
def test_distinct_rows_come_in_order_of_appearance_counted_and_are_found_again(rows):
    first, second = np.array(rows, dtype=float).reshape(-1, 2).T
    (first_1, second_1), place, counts = distinct_rows(first, second)
    assert list(zip(first_1, second_1, strict=True)) == list(dict.fromkeys(rows))
    assert counts.tolist() == [rows.count(row) for row in dict.fromkeys(rows)]
    assert_array_equal(first_1[place], first)
    assert_array_equal(second_1[place], second)


def test_zero_and_minus_zero_are_one_row():
    (rows,), place, _ = distinct_rows(np.array([0.0, -0.0, 1.0]))
    assert rows.tolist() == [0, 1]
    assert place.tolist() == [0, 0, 1]


def test_many_distinct_rows_make_the_table_grow():
    values = np.random.default_rng(1).permutation(np.repeat(np.arange(50_000.0), 2))
    (rows,), place, counts = distinct_rows(values)
    assert sorted(rows) == list(range(50_000))
    assert (counts == 2).all()
    assert_array_equal(rows[place], values)


def test_the_search_is_given_up_where_hardly_any_row_occurs_twice():
    rng = np.random.default_rng(1)
    assert shared_rows(rng.uniform(size=100_000)) is None
    assert shared_rows(rng.integers(0, 50, 100_000).astype(float)) is not None


def test_ticks_are_found_in_weeks_counted_by_days_and_in_years():
    days = np.arange(1.0, 3000.0)
    assert [find_ticks(days / n) for n in (1, 7, 24, 365.25)] == [1.0, 7.0, 24.0, 365.25]
    assert find_ticks(np.random.default_rng(1).uniform(0, 40, 1000)) is None


DAYS = st.tuples(st.integers(0, 5), st.integers(0, 20), st.integers(20, 40), st.integers(1, 9))


@given(st.lists(DAYS, min_size=1, max_size=60))
def test_customers_counted_in_ticks_are_those_of_a_dictionary(rows):
    x, t_x, T, weight = np.array(rows, dtype=float).T
    right = Counter()
    for a, b, c, w in rows:
        right[a, b, c] += w
    first, weights = count_in_ticks(x, t_x / 7, T / 7, weight)
    assert {(x[i], t_x[i], T[i]): w for i, w in zip(first, weights, strict=True)} == dict(right)
    asked = []

    def answer(x, T):
        asked.extend(zip(x, T, strict=True))
        return np.stack([x, T], axis=1)

    found = once_in_ticks(x, T / 7, answer)
    assert_array_equal(found[:, 0], x)
    assert_allclose(found[:, 1], T / 7, rtol=1e-15)
    assert len(set(asked)) == len(asked) == len({(a, c) for a, _, c, _ in rows})


def test_a_time_off_the_ticks_far_down_the_table_is_noticed():
    times = np.arange(2000.0)
    times[1000] += 0.3
    assert count_in_ticks(times, times, times, times) is None
    assert once_in_ticks(np.zeros(2000), times, lambda x, T: T) is None
