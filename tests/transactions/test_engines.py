"""One SQL text, two engines: Spark answers every question as DuckDB does, customer by customer."""

import os
import time
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pandas.testing import assert_frame_equal

from crm_analytics.core.errors import MissingExtraError
from crm_analytics.datasets import load_cdnow, load_complete_journey, load_online_retail, make_purchases
from crm_analytics.features import (
    SnapshotBuilder,
    behaviour_features,
    calibration_holdout,
    category_amounts,
    cohort_activity,
    customer_counts,
    customer_summary,
    event_features,
    item_table,
    purchase_histories,
    rfm_table,
)
from crm_analytics.transactions import bought, engines, had, never, read_log, spent

SNAPSHOTS = SnapshotBuilder(windows=(2, 5, 10), horizon=3, gap=1)


def on_spark(log):
    """The log's own lines, read again with Spark."""
    source = log.source.table if log.source.table is not None else log.source.files[0]
    return read_log(
        source, columns=log.reading.columns, engine="spark", refunds=log.refunds, not_after=log.not_after
    )


def dirty_table():
    """Ties, refunds, orphans, zeros, blanks and spellings; 800 lines of 20 customers in a month."""
    rng = np.random.default_rng(8)
    n = 800
    minutes = rng.integers(0, 30 * 24, n) * 60
    amount = rng.choice([5.0, 5.0, 7.25, 0.1, 0.0, -5.0, -3.0, np.nan], n)
    return pd.DataFrame(
        {
            "customer_id": rng.choice([*(f"K{i}" for i in range(19)), "k1 ", " ", None], n),
            "item_id": rng.choice(["x", "X ", "y", None], n),
            "transaction_id": rng.choice(["C1", "17", "18", None], n),
            "occurred_at": np.datetime64("2024-01-01", "us") + minutes.astype("timedelta64[m]"),
            "amount": amount,
            "quantity": np.where(amount < 0, -1.0, 1.0),
        }
    )


def dirty_events():
    """Ties, open cases, text to be read, and every reason to set aside a row; 300 rows of the same month."""
    rng = np.random.default_rng(9)
    n = 300
    occurred = np.datetime64("2023-12-28", "us") + rng.integers(0, 36 * 24, n) * np.timedelta64(1, "h")
    resolved = occurred + rng.integers(-(10**5), 10**6, n) * np.timedelta64(1, "s")
    return pd.DataFrame(
        {
            "customer_id": rng.choice([*(f"K{i}" for i in range(12)), "new", " ", None], n),
            "occurred_at": np.where(rng.random(n) < 0.95, np.datetime_as_string(occurred, "s"), "soon"),
            "kind": rng.choice(["call", "Şikâyet", "NPS anketi", None], n, p=[0.4, 0.3, 0.28, 0.02]),
            "resolved_at": np.where(rng.random(n) < 0.6, np.datetime_as_string(resolved, "us"), None),
            "score": rng.choice(
                ["8,5", "3", "0,1", "good", "inf", None], n, p=[0.2, 0.2, 0.2, 0.02, 0.02, 0.36]
            ),
        }
    )


def occasions(log, occasion):
    """What was bought when, as a frame that can be compared."""
    histories = purchase_histories(log, "2024-01-25", occasion=occasion)
    return pd.DataFrame(
        {
            "customer_id": histories.customers[histories.owner],
            "occurred_at": histories.times,
            "items": histories.baskets.lists(),
        }
    )


@pytest.fixture(scope="module")
def pairs(spark):
    """Each log on both engines, opened when it is first asked for."""
    makers = {
        "cdnow": load_cdnow,
        "complete journey": lambda: load_complete_journey().log,
        "generated": lambda: make_purchases(300, random_state=9).log(),
        "dirty": lambda: read_log(dirty_table(), not_after="2024-02-01"),
        "online retail": load_online_retail,
    }
    opened = {}

    def pair(name):
        if name not in opened:
            log = makers[name]()
            opened[name] = log, on_spark(log)
        return opened[name]

    return pair


@pytest.mark.parametrize(
    ("name", "snapshot", "unit"),
    [
        ("cdnow", "1997-10-01", "D"),
        ("cdnow", "1997-10-01", "M"),
        ("complete journey", None, "W"),
        *(("generated", "2024-09-11 13:30", unit) for unit in ("D", "W", "M", "h")),
    ],
)
def test_spark_gives_the_same_summary_customer_by_customer(pairs, name, snapshot, unit):
    duckdb_log, spark_log = pairs(name)
    expected = customer_summary(duckdb_log, snapshot, unit)
    assert_frame_equal(customer_summary(spark_log, snapshot, unit), expected, check_exact=True)


@pytest.mark.skipif(
    "CRM_ANALYTICS_DATA" not in os.environ, reason="needs online_retail.parquet: CRM_ANALYTICS_DATA"
)
def test_spark_nets_the_refunds_of_online_retail_alike(pairs):
    duckdb_log, spark_log = pairs("online retail")
    assert duckdb_log.refunds == "net"
    assert_frame_equal(customer_summary(spark_log), customer_summary(duckdb_log), check_exact=True)
    assert spark_log.refund_effect() == duckdb_log.refund_effect()


def test_spark_answers_every_other_question_alike(pairs, tmp_path):
    duckdb_log, spark_log = pairs("dirty")
    assert spark_log.counts == duckdb_log.counts
    assert set(spark_log.counts.set_aside) == {"missing_customer", "missing_amount"}
    assert repr(spark_log) == repr(duckdb_log)
    for ask in (
        lambda log: log.to_frame(),
        lambda log: log.head(3),
        lambda log: log.set_aside(),
        lambda log: log.audit(),
        lambda log: customer_summary(log, "2024-01-20 07:00", "h", gaps=True),
        lambda log: customer_summary(log, unit="D", gaps=True),
        lambda log: customer_counts(log, "2024-01-20 07:00", "W"),
        lambda log: behaviour_features(log, "2024-01-20 07:00", "h", (6, 24, 96)),
        lambda log: calibration_holdout(log, "2024-01-15", "2024-01-29", "W"),
        lambda log: cohort_activity(log, "2024-01-10 12:00", "2024-01-25", "h"),
        lambda log: item_table(log, "2024-01-25"),
        lambda log: category_amounts(log, "2024-01-20 07:00", "item_id", window=96, unit="h"),
        lambda log: rfm_table(log, "2024-01-20 07:00", window=9),
        lambda log: occasions(log, "transaction"),
        lambda log: occasions(log, "W"),
        lambda log: pd.concat(SNAPSHOTS.build(log, ["2024-01-12", "2024-01-20"]), axis=1),
    ):
        assert_frame_equal(ask(spark_log), ask(duckdb_log), check_exact=True)
    assert spark_log.refund_effect() == duckdb_log.refund_effect()
    assert spark_log.fingerprint() == duckdb_log.fingerprint()
    assert spark_log.write_set_aside(tmp_path / "aside.parquet") == len(duckdb_log.set_aside())
    sql = "SELECT amount FROM purchases ORDER BY amount"
    assert (
        spark_log.stream_as_of(sql, rows=50)
        .read_all()["amount"]
        .equals(duckdb_log.query_as_of(sql)["amount"])
    )


def test_spark_answers_every_question_of_events_alike(spark):
    duckdb_log, spark_log = (
        read_log(dirty_table(), events=dirty_events(), engine=engine, not_after="2024-02-01")
        for engine in ("duckdb", "spark")
    )
    assert spark_log.event_counts == duckdb_log.event_counts
    assert len(duckdb_log.event_counts.set_aside) == 6
    assert duckdb_log.event_counts.unusable_resolutions
    origins = ["2024-01-09", "2024-01-20 07:00", "2024-01-31"]
    for ask in (
        lambda log: log.events.to_frame(),
        lambda log: log.events.set_aside(),
        lambda log: log.events.unusable_resolutions(),
        lambda log: event_features(log, origins),
        lambda log: event_features(log, origins, "M", 1, kinds=["call", "Şikâyet", "fax"]),
        lambda log: customer_summary(log, "2024-01-20 07:00"),
        lambda log: log.customers(
            bought(item_id=["x", "y"], count="item_id", at_least=2)
            | never(spent(more_than=30, ago=(2.5, 9))),
            had("call", fewer_than=3, since="2024-01-05"),
        ).to_frame(),
    ):
        assert_frame_equal(ask(spark_log), ask(duckdb_log), check_exact=True)
    with pytest.raises(ValueError, match=r"2 of 4 values of item_id never occur in the log"):
        spark_log.customers(bought(item_id=["x", "y", "z", "\\' OR 'x' = 'x"]))
    sql = "SELECT * FROM events ORDER BY customer_id, occurred_at, kind, resolved_at, score"
    for at in (None, "2024-01-20 07:00"):
        assert spark_log.query_as_of(sql, at).to_pylist() == duckdb_log.query_as_of(sql, at).to_pylist()
    assert spark_log.fingerprint() == duckdb_log.fingerprint()


def test_events_may_come_as_a_spark_frame(spark):
    at = datetime(2024, 1, 5)
    columns = "customer_id int, occurred_at timestamp_ntz"
    lines = spark.createDataFrame([(1, at, 1.0), (2, at, 2.0)], f"{columns}, amount double")
    events = spark.createDataFrame([(1, at, "call"), (2, at, "fax")], f"{columns}, kind string")
    log = read_log(lines, events=events, engine="spark")
    assert log.event_counts.kinds == {"call": 1, "fax": 1}
    assert log.event_counts.without_lines == 0
    assert event_features(log, ["2024-01-09"], kinds=["fax"])["fax_count"].tolist() == [0, 1]


def test_a_snapshot_is_no_local_time_on_spark(pairs, spark, monkeypatch):
    duckdb_log, spark_log = pairs("dirty")
    expected = customer_summary(duckdb_log, "2024-01-20 07:00", "h")
    monkeypatch.setenv("TZ", "Europe/Istanbul")
    time.tzset()
    spark.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
    try:
        assert_frame_equal(customer_summary(spark_log, "2024-01-20 07:00", "h"), expected, check_exact=True)
    finally:
        spark.conf.set("spark.sql.session.timeZone", "UTC")
        monkeypatch.undo()
        time.tzset()


def test_a_running_session_is_used(spark):
    assert engines.spark_session() is spark


def test_spark_that_is_not_installed_is_asked_for_by_its_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyspark.sql", None)
    table = pa.table(
        {"customer_id": [1], "occurred_at": [np.datetime64("2024-01-05", "us")], "amount": [1.0]}
    )
    with pytest.raises(MissingExtraError, match=r"needs pyspark, .* pip install 'crm_analytics\[spark\]'"):
        read_log(table, engine="spark")


def test_duckdb_works_in_utc_and_spills_to_the_scratch_folder(tmp_path):
    con = engines.connect(tmp_path, "1GB")
    ((zone, folder, limit),) = con.sql(
        "SELECT current_setting('TimeZone'), current_setting('temp_directory'), current_setting('memory_limit')"
    ).fetchall()
    assert (zone, folder, limit) == ("UTC", str(tmp_path / "spill"), "953.6 MiB")
