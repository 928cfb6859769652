"""How dates and numbers are written: decided by counting, or refused as ambiguous."""

from datetime import datetime

import pytest

from crm_analytics.core.errors import SchemaError
from crm_analytics.transactions.text_values import choose_date_formats, choose_decimal, date_formats


def choose(values, counted=None):
    """Choose among formats for `values`; `counted` is the whole column they stand for."""

    def reads(text, formats):
        return any(_parses(text, fmt) for fmt in formats)

    return choose_date_formats(
        values, lambda formats: sum(reads(text, formats) for text in counted or values), column="when"
    )


def _parses(text, fmt):
    try:
        return datetime.strptime(text, fmt).year >= 1000
    except ValueError:
        return False


@pytest.mark.parametrize(
    ("values", "formats"),
    [
        (["2007-12-31"], ["%Y-%m-%d"]),
        (["31.12.2007 21:47", "01.02.2007"], ["%d.%m.%Y", "%d.%m.%Y %H:%M"]),
        (["12/31/2007 9:47:05 PM"], ["%m/%d/%Y %I:%M:%S %p"]),
        (["31/12/07", "31-12-07"], ["%d/%m/%y", "%d-%m-%y"]),
        (["20071231", "2007-12-31T21:47"], ["%Y-%m-%dT%H:%M", "%Y%m%d"]),
        (["2007/12/31 21:47:05.250", "unreadable"], ["%Y/%m/%d %H:%M:%S.%f"]),
    ],
)
def test_the_formats_that_occur_are_found(values, formats):
    assert sorted(choose(values)) == sorted(formats)


@pytest.mark.parametrize(
    ("column", "order"),
    [
        (["05/06/2007"] * 9 + ["25/06/2007"], "%d/%m/%Y"),
        (["05/06/2007"] * 9 + ["06/25/2007"], "%m/%d/%Y"),
        (["25/06/2007"] * 3 + ["06/25/2007"] * 2, "%d/%m/%Y"),
        (["25/06/2007"] * 2 + ["06/25/2007"] * 3, "%m/%d/%Y"),
    ],
)
def test_day_and_month_are_told_apart_by_the_count_of_readable_values(column, order):
    assert choose([min(column), max(column)], column) == [order]


@pytest.mark.parametrize(
    "column", [["05/06/2007"], ["5.6.07 10:00", "6.5.07 11:00"], ["25/06/2007", "06/25/2007"]]
)
def test_a_tie_between_day_and_month_is_an_error_with_the_way_out(column):
    with pytest.raises(
        SchemaError, match=r"'when' .* day first or month first\. Say which: date_format='%d/%m/%Y'"
    ):
        choose(column)


@pytest.mark.parametrize("values", [["yesterday"], ["39447"], ["0001-01-01"], []])
def test_a_column_without_dates_is_refused(values):
    with pytest.raises(SchemaError, match=r"no value of 'when' reads as a date \(found "):
        choose(values)


def test_no_format_stands_for_two_orders():
    day, month, year = (set(date_formats(f"{order} first")) for order in ("day", "month", "year"))
    assert not day & month | month & year | day & year


@pytest.mark.parametrize(
    ("n_point", "n_comma", "delimiter", "decimal"),
    [
        (5, 2, ";", "."),
        (2, 5, ",", ","),
        (3, 3, ";", ","),
        (0, 0, ",", "."),
        (0, 0, None, "."),
        (0, 0, "\t", "."),
    ],
)
def test_the_decimal_sign_that_reads_more_wins_and_the_delimiter_breaks_ties(
    n_point, n_comma, delimiter, decimal
):
    assert choose_decimal(n_point, n_comma, delimiter) == decimal
