"""A Spark DataFrame as a log: typed columns are read as DuckDB reads them, text is refused."""

from datetime import date, datetime
from decimal import Decimal

import pytest
from pandas.testing import assert_frame_equal

from crm_analytics.core.errors import SchemaError
from crm_analytics.features import customer_summary
from crm_analytics.transactions import read_log

AT = datetime(2024, 1, 5, 12)
SCHEMA = "customer_id string, occurred_at timestamp_ntz, amount double"


def test_a_spark_frame_gives_the_summary_of_the_same_parquet_file(spark, tmp_path):
    rows = [
        ("007", AT, 5.0, 7.0, " x"),
        ("007", datetime(2024, 1, 9), -5.0, 3.0, " x"),
        (" ", AT, 1.0, 7.0, "x"),
        ("NULL", AT, 1.0, 7.0, "x"),
        ("b", AT, float("nan"), 7.0, "x"),
        ("b", AT, float("inf"), 7.0, None),
        ("b", None, 1.0, 7.5, "x"),
        ("b", datetime(2024, 1, 7), 2.5, float("nan"), ""),
        ("c", AT, 0.1, 1.0, "y"),
    ]
    frame = spark.createDataFrame(rows, SCHEMA + ", store double, `item.no` string")
    columns = {"store_id": "store", "item_id": "item.no"}
    frame.coalesce(1).write.parquet(str(tmp_path / "lines"))
    on_spark = read_log(frame, columns=columns, engine="spark")
    on_duckdb = read_log(tmp_path / "lines", columns=columns)
    assert on_spark.counts == on_duckdb.counts
    assert on_spark.counts.set_aside == {
        "missing_customer": 2,
        "missing_date": 1,
        "missing_amount": 1,
        "amount_out_of_range": 1,
    }
    assert_frame_equal(on_spark.to_frame(), on_duckdb.to_frame())
    assert_frame_equal(customer_summary(on_spark), customer_summary(on_duckdb), check_exact=True)
    assert on_spark.reading.columns["item_id"] == "item.no"


@pytest.mark.parametrize(
    ("schema", "row", "customer", "amount"),
    [
        (
            "customer_id int, occurred_at date, amount decimal(10,2)",
            (7, date(2024, 1, 5), Decimal("1.25")),
            7,
            1.25,
        ),
        ("customer_id double, occurred_at timestamp_ntz, amount float", (7.0, AT, 1.25), 7, 1.25),
        (
            "customer_id string, occurred_at timestamp_ntz, quantity int, unit_price double",
            ("7", AT, 3, 0.1),
            "7",
            0.3,
        ),
    ],
)
def test_types_of_spark_are_read_as_those_of_duckdb(spark, schema, row, customer, amount):
    (line,) = read_log(spark.createDataFrame([row], schema), engine="spark").to_frame().to_dict("records")
    assert (line["customer_id"], line["amount"]) == (customer, amount)
    assert line["occurred_at"].date() == date(2024, 1, 5)


@pytest.mark.parametrize(
    ("schema", "row", "message"),
    [
        (
            "customer_id string, occurred_at timestamp_ntz, amount string",
            ("a", AT, "1,5"),
            r"amount = 'amount' is text in this Spark DataFrame\. Cast it first, or pass the file's path",
        ),
        (
            "customer_id string, occurred_at string, amount double",
            ("a", "5.1.2024", 1.5),
            r"occurred_at = 'occurred_at' is text in this Spark DataFrame",
        ),
        (
            "customer_id string, occurred_at bigint, amount double",
            ("a", 20240105, 1.5),
            r"occurred_at = 'occurred_at' is bigint in this Spark DataFrame",
        ),
        (
            "customer_id string, day date, amount double",
            ("a", date(2024, 1, 5), 1.5),
            r"missing: occurred_at",
        ),
        (
            SCHEMA + ", line_number int",
            ("a", AT, 1.5, 1),
            r"the Spark DataFrame has a column 'line_number', a name read_log needs",
        ),
    ],
)
def test_a_frame_that_is_not_typed_and_named_is_refused(spark, schema, row, message):
    with pytest.raises(SchemaError, match=message):
        read_log(spark.createDataFrame([row], schema), engine="spark")


def test_a_spark_frame_needs_the_spark_engine(spark):
    with pytest.raises(SchemaError, match=r"a Spark DataFrame needs engine='spark'"):
        read_log(spark.createDataFrame([("a", AT, 1.0)], SCHEMA))


def test_instants_are_read_in_utc_or_not_at_all(spark):
    frame = spark.sql(
        "SELECT 'a' AS customer_id, 1.0D AS amount, TIMESTAMP '2024-01-05 12:00:00+03:00' AS occurred_at"
    )
    log = read_log(frame, engine="spark")
    assert log.to_frame()["occurred_at"].tolist() == [datetime(2024, 1, 5, 9)]
    assert log.reading.time_zone == "UTC"
    spark.conf.set("spark.sql.session.timeZone", "Europe/Istanbul")
    try:
        with pytest.raises(
            SchemaError, match=r"shows in Europe/Istanbul\. Set spark\.sql\.session\.timeZone to UTC"
        ):
            read_log(frame, engine="spark")
    finally:
        spark.conf.set("spark.sql.session.timeZone", "UTC")


def test_a_spark_frame_has_no_fingerprint(spark):
    log = read_log(spark.createDataFrame([("a", AT, 1.0)], SCHEMA), engine="spark")
    with pytest.raises(ValueError, match=r"a Spark DataFrame has no fingerprint\. Write it to Parquet"):
        log.fingerprint()
