"""Shares covered against counting by hand, scipy's intervals and intervals known to be right."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.stats import binomtest, norm

from crm_analytics.core import SchemaError
from crm_analytics.evaluation import interval_coverage
from crm_analytics.evaluation.coverage import wilson_interval

INTERVALS = pd.DataFrame(
    {
        "level": [0.9, 0.5, 0.9, 0.5, 0.9],
        "lower": [0.0, 1.0, 2.0, 3.0, 1.0],
        "upper": [9.0, 2.0, 4.0, 5.0, 3.0],
        "actual": [5.0, 3.0, 1.0, 4.0, 2.0],
        "group": ["b", "a", "b", "b", "a"],
    }
)


def test_shares_are_counted_level_by_level():
    table = interval_coverage(INTERVALS.drop(columns="group"))
    assert table["level"].tolist() == [0.5, 0.9]
    assert table["n"].tolist() == [2, 3]
    assert_allclose(table["covered"], [1 / 2, 2 / 3])
    assert_allclose(table["lower_error"], [0, 1 / 3])
    assert_allclose(table["upper_error"], [1 / 2, 0])


def test_groups_are_kept_apart():
    table = interval_coverage(INTERVALS).set_index(["level", "group"])
    assert list(table.index) == [(0.5, "a"), (0.5, "b"), (0.9, "b"), (0.9, "a")]
    assert_allclose(table["covered"], [0, 1, 0.5, 1])
    assert table["n"].tolist() == [1, 1, 2, 1]


def test_a_group_without_a_name_is_a_group_and_a_category_without_rows_is_none():
    unnamed = INTERVALS.assign(group=["b", None, "b", "b", None])
    assert interval_coverage(unnamed)["n"].sum() == len(INTERVALS)
    kinds = pd.Categorical(INTERVALS["group"], categories=["a", "b", "c"])
    assert interval_coverage(INTERVALS.assign(group=kinds))["n"].tolist() == [1, 1, 2, 1]


def test_an_actual_on_either_end_is_inside():
    ends = pd.DataFrame({"level": 0.5, "lower": [1, 0], "upper": [2, 1], "actual": [1, 1]})
    assert interval_coverage(ends)["covered"].tolist() == [1.0]


@pytest.mark.parametrize(("hits", "n"), [(0, 1), (1, 1), (3, 7), (0, 40), (40, 40), (799, 1000)])
def test_wilson_intervals_are_those_of_scipy(hits, n):
    low, high = wilson_interval(np.array([hits / n]), np.array([n]))
    expected = binomtest(hits, n).proportion_ci(0.95, method="wilson")
    assert_allclose([low[0], high[0]], [expected.low, expected.high], atol=1e-12)
    assert 0 <= low[0] <= hits / n <= high[0] <= 1


def test_right_intervals_cover_what_they_state_and_narrow_ones_less():
    rng = np.random.default_rng(3)
    rows = []
    for level in (0.5, 0.8, 0.95):
        for group, width in (("right", 1.0), ("narrow", 0.6)):
            end = norm.ppf(0.5 + level / 2) * width
            actual = rng.normal(size=4000)
            rows.append(
                pd.DataFrame({"level": level, "group": group, "lower": -end, "upper": end, "actual": actual})
            )
    table = interval_coverage(pd.concat(rows)).set_index("group")
    right, narrow = table.loc["right"], table.loc["narrow"]
    assert_allclose(right["covered"], right["level"], atol=0.03)  # about four standard errors
    assert_allclose(right["lower_error"], (1 - right["level"]) / 2, atol=0.03)
    assert (narrow["high"] < narrow["level"]).all()


def test_the_order_of_rows_does_not_matter_and_the_table_is_left_as_it_was():
    before = INTERVALS.copy()
    given = interval_coverage(INTERVALS).sort_values(["level", "group"], ignore_index=True)
    turned = interval_coverage(INTERVALS[::-1]).sort_values(["level", "group"], ignore_index=True)
    pd.testing.assert_frame_equal(given, turned)
    pd.testing.assert_frame_equal(INTERVALS, before)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"level": 80}, r"level must be in \(0, 1\), but 5 of 5 rows .*first at row 0.* Write 80 % as 0\.8"),
        ({"actual": [1, 2, np.nan, 4, 5]}, r"actual must be a number, but 1 of 5 rows .*first at row 2"),
        ({"lower": [0, 1, 5, 3, 1]}, r"lower must be <= upper, but 1 of 5 rows .*first at row 2"),
        ({"upper": np.nan}, r"lower must be <= upper, but 5 of 5 rows .* drop missing ones"),
    ],
)
def test_impossible_intervals_are_refused_with_a_remedy(change, message):
    with pytest.raises(SchemaError, match=message):
        interval_coverage(INTERVALS.assign(**change))


def test_a_table_without_its_columns_or_rows_is_refused():
    with pytest.raises(SchemaError, match="Is 'uper' meant as 'upper'"):
        interval_coverage(INTERVALS.rename(columns={"upper": "uper"}))
    with pytest.raises(SchemaError, match="the table has no rows"):
        interval_coverage(INTERVALS.iloc[:0])
