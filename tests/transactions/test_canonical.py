"""From a source's columns to ids, times and numbers: what a value becomes, and when it is set aside."""

import datetime as dt
import decimal

import numpy as np
import pandas as pd
import pytest

from crm_analytics.core.errors import SchemaError
from crm_analytics.transactions import read_log

DAY = pd.Timestamp("2024-01-05")
ISTANBUL, TOKYO = (pd.Timestamp("2024-01-05 12:00", tz=zone) for zone in ("Europe/Istanbul", "Asia/Tokyo"))


def read(column, values, **options):
    """Read a log of one line a value, all alike but for `column`."""
    table = {"customer_id": "a", "occurred_at": DAY, "amount": 1.0} | {column: values}
    return read_log(pd.DataFrame(table), **options)


def kept(log, column):
    return log.query(f"SELECT {column} AS x FROM lines ORDER BY line_number")["x"].to_pylist()


# Numbers


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12.50", 12.5),
        (" 12.50 ", 12.5),
        ("5.", 5.0),
        (".5", 0.5),
        ("+7", 7.0),
        ("1.5E+3", 1500.0),
        ("1,234,567.89", 1234567.89),
        ("12 345.6", 12345.6),
        ("12\u00a0345.6", 12345.6),
        ("12.50-", -12.5),
        ("-12.50", -12.5),
        ("- 12.50", -12.5),
        ("₺12.50", 12.5),
        ("12.50 TL", 12.5),
        ("€ 12.50", 12.5),
        ("$1,250.00-", -1250.0),
    ],
)
def test_a_number_is_read_as_people_write_it(text, value):
    assert kept(read("amount", [text]), "amount") == [value]


@pytest.mark.parametrize(
    ("reason", "texts"),
    [
        (
            "unreadable_amount",
            ["abc", "-", ".", "-5-", "+5-", "e5", ".e5", "1.2.3", "1,23,456", "(5)", "0x1F", "1_000", "5%"],
        ),
        (
            "missing_amount",
            [None, "", "  ", "\t", "\u00a0", "NULL", "nan", "NaN", "None", "n/a", "NA", "NaT", "<NA>", r"\N"],
        ),
        ("amount_out_of_range", ["inf", "-Infinity", "1e12", "-1e12", "1e999", "9" * 400]),
    ],
)
def test_what_is_no_number_is_set_aside_by_its_reason(reason, texts):
    log = read("amount", ["1.5", *texts])
    assert log.counts.set_aside == {reason: len(texts)}
    assert kept(log, "amount") == [1.5]


@pytest.mark.parametrize(
    ("texts", "delimiter", "values"),
    [
        (["1.234"], ",", [1.234]),
        (["1.234"], ";", [1234.0]),
        (["1.234", "12,5"], ",", [1234.0, 12.5]),
        (["1.234", "12.5"], ";", [1.234, 12.5]),
        (["1,234", "1.234.567"], ",", [1.234, 1234567.0]),
        (["1,234", "12.5", "0,5", "7.25"], ";", [1234.0, 12.5, None, 7.25]),
    ],
)
def test_a_group_of_three_is_read_as_the_rest_of_the_column_is(write, texts, delimiter, values):
    rows = [["customer_id", "occurred_at", "amount"], *(["a", "2024-01-05", f'"{text}"'] for text in texts)]
    log = read_log(write("\n".join(delimiter.join(row) for row in rows)))
    assert kept(log, "amount") == [value for value in values if value is not None]
    assert log.counts.set_aside == ({"unreadable_amount": 1} if None in values else {})


def test_a_decimal_sign_that_is_asked_for_is_kept_to():
    log = read("amount", ["1.234", "2,5", "2.5"], decimal=",")
    assert kept(log, "amount") == [1234.0, 2.5]
    assert log.counts.set_aside == {"unreadable_amount": 1}
    assert log.reading.decimal == {"amount": ","}


@pytest.mark.parametrize(
    ("values", "read_as"),
    [
        ([1, 2], [1.0, 2.0]),
        ([1.5, np.nan, None], [1.5]),
        ([decimal.Decimal("1.5"), None, decimal.Decimal("NaN")], [1.5]),
        (pd.array([1, None], dtype="Int64"), [1.0]),
        (pd.Categorical(["1.5", "2.5", None]), [1.5, 2.5]),
        ([1.5, "2.25", 3, None], [1.5, 2.25, 3.0]),
        ([None, None], []),
    ],
)
def test_typed_and_mixed_numbers_are_read(values, read_as):
    log = read("amount", values)
    assert kept(log, "amount") == read_as
    assert log.counts.set_aside == (
        {"missing_amount": len(values) - len(read_as)} if len(values) > len(read_as) else {}
    )


@pytest.mark.parametrize("values", [[dt.date(2024, 1, 5)], [pd.Timedelta("1D")], [True]])
def test_a_column_of_another_type_is_not_taken_for_amounts(values):
    with pytest.raises(SchemaError, match=r"amount = 'amount' holds (DATE|INTERVAL|BOOLEAN), not numbers"):
        read("amount", values)


def test_quantity_times_unit_price_is_the_amount_and_says_which_factor_is_unreadable():
    table = pd.DataFrame(
        {
            "customer_id": "a",
            "occurred_at": DAY,
            "quantity": ["3", "x", "2", None, "-1"],
            "unit_price": ["0,1", "1", "y", "1", "2,5"],
        }
    )
    log = read_log(table)
    assert kept(log, "amount") == [0.3, -2.5]
    assert log.counts.set_aside == {"missing_amount": 1, "unreadable_amount": 2}
    assert log.set_aside()["amount"].tolist()[:2] == ["x", "y"]


# Times


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("31.12.2007 21:47", "2007-12-31 21:47:00"),
        ("31.12.07", "2007-12-31 00:00:00"),
        ("31/12/69", "1969-12-31 00:00:00"),
        ("12/31/2007 9:47 PM", "2007-12-31 21:47:00"),
        ("12/31/2007 12:05:30 AM", "2007-12-31 00:05:30"),
        ("2007-12-31T21:47:05", "2007-12-31 21:47:05"),
        ("2007-12-31 21:47:05.250", "2007-12-31 21:47:05.250000"),
        ("2007-12-31 21:47:05.1234567", "2007-12-31 21:47:05.123456"),  # SQL Server's datetime2
        ("2007/12/31\u00a021:47", "2007-12-31 21:47:00"),
        ("\t20071231 ", "2007-12-31 00:00:00"),
    ],
)
def test_a_date_is_read_as_people_write_it(text, instant):
    log = read("occurred_at", [text])
    assert [str(time) for time in kept(log, "occurred_at")] == [instant]
    assert log.reading.time_zone is None


@pytest.mark.parametrize(
    "text",
    [
        "2007-12-31T18:47:00Z",
        "2007-12-31T21:47:00+03:00",
        "2007-12-31 21:47:00+03",  # Postgres
        "2007-12-31 21:47:00 +0300",
        "2007-12-31 18:47:00 UTC",  # BigQuery
        "2007-12-31T13:17:00.000-05:30",
        "2008-01-01 03:47+09:00",
    ],
)
def test_a_zone_is_converted_to_utc(text):
    log = read("occurred_at", [text, None])
    assert [str(time) for time in kept(log, "occurred_at")] == ["2007-12-31 18:47:00"]
    assert log.reading.time_zone == "UTC"
    assert log.counts.set_aside == {"missing_date": 1}


@pytest.mark.parametrize(
    ("texts", "zone", "read_as"),
    [
        (["2024-01-05 10:00Z", "2024-01-05 10:00+03:00", "2024-01-05 10:00"], "UTC", ["10:00", "07:00"]),
        (["2024-01-05 10:00", "2024-01-05 11:00", "2024-01-05 10:00+03:00"], None, ["10:00", "11:00"]),
    ],
)
def test_where_most_times_have_a_zone_the_others_are_set_aside_and_the_reverse(texts, zone, read_as):
    log = read("occurred_at", texts)
    assert log.reading.time_zone == zone
    assert [f"{time:%H:%M}" for time in kept(log, "occurred_at")] == read_as
    assert log.counts.set_aside == {"mixed_time_zone": 1}
    assert log.set_aside()["occurred_at"].tolist() == [texts[2]]


@pytest.mark.parametrize(
    ("values", "zone", "read_as"),
    [
        ([DAY, pd.NaT], None, ["2024-01-05 00:00:00"]),
        ([dt.date(2024, 1, 5), None], None, ["2024-01-05 00:00:00"]),
        ([dt.date(2024, 1, 5), "2024-01-06 10:00"], None, ["2024-01-05 00:00:00", "2024-01-06 10:00:00"]),
        ([20240105, 20240106], None, ["2024-01-05 00:00:00", "2024-01-06 00:00:00"]),
        ([20240105, np.nan], None, ["2024-01-05 00:00:00"]),
        (pd.Categorical(["2024-01-05"]), None, ["2024-01-05 00:00:00"]),
        ([ISTANBUL], "UTC", ["2024-01-05 09:00:00"]),
        ([ISTANBUL, TOKYO], "UTC", ["2024-01-05 09:00:00", "2024-01-05 03:00:00"]),
        (
            pd.DatetimeIndex(["2024-01-05 23:59:59.999999999"]).as_unit("ns"),
            None,
            ["2024-01-05 23:59:59.999999"],
        ),
    ],
)
def test_typed_times_are_read_and_zones_converted(values, zone, read_as):
    log = read("occurred_at", values)
    assert [str(time) for time in kept(log, "occurred_at")] == read_as
    assert log.reading.time_zone == zone


@pytest.mark.parametrize("values", [[ISTANBUL, DAY, TOKYO], [DAY, ISTANBUL, TOKYO]])
def test_timestamps_with_and_without_a_zone_are_not_mixed(values):
    log = read("occurred_at", pd.Series(values, dtype=object))
    assert log.counts.set_aside == {"mixed_time_zone": 1}
    assert [time.hour for time in kept(log, "occurred_at")] == [9, 3]


def test_dates_that_cannot_be_are_set_aside_and_shown_as_they_came():
    texts = ["2024-02-29", "2023-02-29", "0000-00-00", "9999-99-99", "0024-01-05", "soon", ""]
    log = read("occurred_at", texts)
    assert log.counts.set_aside == {"missing_date": 1, "unreadable_date": 5}
    assert log.set_aside()["occurred_at"].dropna().tolist() == texts[1:6]


@pytest.mark.parametrize(
    ("text", "date_format", "zone", "instant"),
    [
        ("05/06/2024", "%d/%m/%Y", None, "2024-06-05 00:00:00"),
        ("05/06/2024", "%m/%d/%Y", None, "2024-05-06 00:00:00"),
        ("31-Dec-2007", "%d-%b-%Y", None, "2007-12-31 00:00:00"),
        ("2007-12-31T21:47", "%Y-%m-%dT%H:%M", None, "2007-12-31 21:47:00"),
        ("2007-12-31T21:47+0300", "%Y-%m-%dT%H:%M%z", "UTC", "2007-12-31 18:47:00"),
    ],
)
def test_a_date_format_that_is_asked_for_is_kept_to(text, date_format, zone, instant):
    log = read("occurred_at", [text, "2024.01.05"], date_format=date_format)
    assert [str(time) for time in kept(log, "occurred_at")] == [instant]
    assert (log.reading.date_formats, log.reading.time_zone) == ([date_format], zone)
    assert log.counts.set_aside == {"unreadable_date": 1}


def test_a_date_format_that_is_none_is_refused():
    with pytest.raises(ValueError, match=r"date_format must be as for strptime\. Got '%Q' instead"):
        read("occurred_at", ["2024-01-05"], date_format="%Q")


# Ids


@pytest.mark.parametrize(
    ("values", "ids"),
    [
        ([7, 3], [7, 3]),
        ([7.0, np.nan, 3.0], [7, 3]),
        (pd.array([7, None], dtype="Int64"), [7]),
        (np.array([7, 3], dtype="int8"), [7, 3]),
        (pd.Categorical([7, 3]), [7, 3]),
        (["007", "7", "a b"], ["007", "7", "a b"]),
        (pd.Categorical(["b", "a", None]), ["b", "a"]),
        ([" x", "", " ", "\t", "\u00a0", "nan", "NULL", None], [" x"]),
        ([1, "a", 2.5, None], ["1", "a", "2.5"]),
        ([2**70, 1], ["1180591620717411303424", "1"]),
        ([7.5, np.inf, 2.0**60, 3.0], [3]),  # a float that holds no id exactly is none
    ],
)
def test_ids_keep_their_type_and_blank_ones_are_missing(values, ids):
    log = read("customer_id", values)
    assert kept(log, "customer_id") == ids
    assert (
        sum(log.counts.set_aside.values())
        == log.counts.set_aside.get("missing_customer", 0)
        == len(values) - len(ids)
    )
