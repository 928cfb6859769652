"""Period numbers in Python and in SQL against pandas' own calendar."""

from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_analytics.features.periods import PERIOD, last_period, period_number
from crm_analytics.transactions import read_log

PANDAS_WORDS = {"D": "D", "W": "W-SUN", "M": "M", "h": "h"}
EPOCH = datetime(1970, 1, 1)

INSTANTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1))


@pytest.mark.parametrize("unit", PANDAS_WORDS)
@settings(deadline=None)
@given(one=INSTANTS, other=INSTANTS)
def test_differences_of_numbers_are_pandas_differences_of_periods(unit, one, other):
    a, b = (pd.Period(instant, PANDAS_WORDS[unit]).ordinal for instant in (one, other))
    assert period_number(one, unit) - period_number(other, unit) == a - b


@pytest.mark.parametrize("unit", PANDAS_WORDS)
def test_sql_numbers_periods_as_python_does(unit):
    rng = np.random.default_rng(11)
    seconds = rng.integers(-3_000_000_000, 1_700_000_000, size=2_000)  # 1874 to 2023
    times = np.datetime64("1970-01-01", "us") + seconds.astype("timedelta64[s]")
    log = read_log(pd.DataFrame({"customer_id": 1, "occurred_at": times, "amount": 1.0}))
    sql = f"SELECT occurred_at, {PERIOD} AS period FROM lines"
    found = log.query(sql, unit=unit).to_pylist()
    assert len(found) == 2_000
    assert all(row["period"] == period_number(row["occurred_at"], unit) for row in found)


@pytest.mark.parametrize(
    ("snapshot", "unit", "last"),
    [
        (datetime(1970, 1, 2), "D", 0),
        (datetime(1970, 1, 2, 0, 0, 0, 1), "D", 1),
        (datetime(1970, 1, 5), "W", 0),  # a Monday
        (datetime(1970, 1, 6), "W", 1),
        (datetime(1970, 2, 1), "M", 1970 * 12 + 1),
        (datetime(1970, 1, 1, 5), "h", 4),
    ],
)
def test_the_last_period_seen_ends_before_the_snapshot(snapshot, unit, last):
    assert last_period(snapshot, unit) == last


def test_an_unknown_unit_is_refused():
    with pytest.raises(ValueError, match=r"unit must be one of 'h', 'D', 'W', 'M'\. Got 'Y' instead"):
        period_number(EPOCH, "Y")
