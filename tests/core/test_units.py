"""Units of time: how many make a year."""

import pytest

from crm_analytics.core.units import PERIODS_PER_YEAR, UNIT_WORDS, periods_per_year


def test_units_are_multiples_of_each_other():
    assert periods_per_year("D") == 365.25
    assert periods_per_year("h") == 24 * 365.25
    assert periods_per_year("W") * 7 == pytest.approx(365.25, rel=1e-15)
    assert periods_per_year("M") == 12
    assert UNIT_WORDS.keys() == PERIODS_PER_YEAR.keys()


@pytest.mark.parametrize("unit", ["Y", "d", "", None, 7])
def test_an_unknown_unit_is_refused(unit):
    with pytest.raises(ValueError, match=r"unit must be one of 'h', 'D', 'W', 'M'\. Got"):
        periods_per_year(unit)
