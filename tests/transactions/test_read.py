"""read_log's own duties: arguments, what to do with bad lines, the clock, memory, its temporary folder."""

import gc
import tempfile
from datetime import UTC, datetime, timedelta

import duckdb
import pandas as pd
import pytest

from crm_analytics.core.errors import SchemaError
from crm_analytics.features import customer_summary
from crm_analytics.transactions import read_log

GOOD = {"customer_id": ["a"], "occurred_at": ["2024-01-05"], "amount": [1.0]}


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"engine": "pandas"}, r"engine must be one of 'duckdb', 'spark'\. Got 'pandas' instead"),
        ({"on_bad": "ignore"}, r"on_bad must be one of 'set_aside', 'raise'\. Got 'ignore'"),
        ({"refunds": "nett"}, r"refunds must be one of 'net', 'drop', 'keep'\. Got 'nett'"),
        ({"decimal": ";"}, r"decimal must be one of '\.', ','\. Got ';'"),
        ({"delimiter": "||"}, r"delimiter must be one character\. Got '\|\|'"),
        ({"memory_limit": "much"}, r"memory_limit must be such as '2GB'\. Got 'much'"),
    ],
)
def test_an_argument_out_of_range_is_refused(argument, message):
    with pytest.raises(ValueError, match=message):
        read_log(pd.DataFrame(GOOD), **argument)


def test_bad_lines_can_stop_the_reading_with_reason_count_and_place():
    table = pd.DataFrame(
        {
            "customer_id": ["a", None, None, "b", None, None],
            "occurred_at": ["2024-01-05"] * 3 + ["soon"] + ["2024-01-05"] * 2,
            "amount": 1.0,
        }
    )
    message = (
        r"5 of 6 lines break the schema: 4 × no customer \(missing_customer\); 1 × the date cannot be read "
        r"\(unreadable_date\)\. First: line 2, line 3, line 4\. Mend the source, or pass on_bad='set_aside'"
    )
    with pytest.raises(SchemaError, match=message):
        read_log(table, on_bad="raise")
    assert read_log(table.iloc[[0]], on_bad="raise").counts.kept == 1


def test_lines_dated_after_the_reading_are_set_aside():
    now = datetime.now(UTC).replace(tzinfo=None)
    times = [now - timedelta(minutes=1), now + timedelta(days=1)]
    log = read_log(pd.DataFrame({"customer_id": "a", "occurred_at": times, "amount": 1.0}))
    assert (log.counts.kept, log.counts.set_aside) == (1, {"future_date": 1})


@pytest.mark.parametrize(
    "not_after", ["2024-01-05 12:00", datetime(2024, 1, 5, 12), "2024-01-05T15:00:00+03:00"]
)
def test_the_last_instant_allowed_is_a_choice(not_after):
    times = pd.to_datetime(["2024-01-05 12:00:00", "2024-01-05 12:00:01"])
    log = read_log(
        pd.DataFrame({"customer_id": "a", "occurred_at": times, "amount": 1.0}), not_after=not_after
    )
    assert log.counts.set_aside == {"future_date": 1}


def test_nothing_is_left_behind(tmp_path, monkeypatch, write):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    log = read_log(write("customer_id,occurred_at,amount\na,2024-01-05,1\n"))
    assert len(list(scratch.iterdir())) == 1
    for wrong in (write("customer_id,x\na,1\n", "wrong.csv"), write("", "empty.csv")):
        with pytest.raises(SchemaError, match="read_log"):
            read_log(wrong)
    assert len(list(scratch.iterdir())) == 1
    del log
    gc.collect()
    assert list(scratch.iterdir()) == []


def test_a_log_larger_than_the_memory_limit_is_summarised(tmp_path):
    path = tmp_path / "large.parquet"
    n_lines, n_customers = 3_000_000, 1_000_000
    duckdb.execute(
        """COPY (SELECT i * 7919 % $customers AS customer_id, CAST(i % 100 AS DOUBLE) AS amount,
                TIMESTAMP '2024-01-01' + to_days(CAST(i % 365 AS INT)) AS occurred_at
            FROM range($lines) AS t(i)) TO '{path}' (FORMAT parquet)""".replace("{path}", str(path)),
        {"customers": n_customers, "lines": n_lines},
    )
    # Three columns of eight bytes are 72 MB, before anything is grouped.
    summary = customer_summary(read_log(path, memory_limit="60MB"))
    # Lines i and i + 1,000,000 are of one customer, and 1,000,000 % 365 = 265 days apart.
    assert (len(summary), summary["frequency"].sum()) == (n_customers, n_lines - n_customers)
    with pytest.raises(duckdb.OutOfMemoryException, match="Out of Memory"):
        customer_summary(read_log(path, memory_limit="10MB"))  # the limit is in force
