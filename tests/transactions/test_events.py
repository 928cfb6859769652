"""Events beside the log: every row kept or set aside, customers matched whatever their type, nothing from later."""

import datetime as dt
import gc
import tempfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from crm_analytics.core.errors import MissingDataError, SchemaError
from crm_analytics.transactions import read_log
from crm_analytics.transactions.events import REASONS, UNUSABLE_RESOLUTIONS

NOW = dt.datetime(2024, 6, 1)
LINES = pd.DataFrame(
    {"customer_id": ["a", "a", "b"], "occurred_at": ["2024-01-05", "2024-01-31", "2024-02-02"], "amount": 1.0}
)
ROW = {"customer_id": "a", "occurred_at": "2024-01-06", "kind": "call"}


def with_events(events, lines=LINES, **reading):
    return read_log(lines, events=events, not_after=NOW, **reading)


def table(*rows):
    """Events alike in all but what each row says."""
    return pd.DataFrame([ROW | row for row in rows])


def test_a_log_says_what_events_it_has():
    log = with_events(table({}, {"kind": "survey", "score": 9}, {"customer_id": "new"}, {"kind": None}))
    assert log.has_events
    assert repr(log.events) == "LogEvents: 3 of 4 events kept (2 call, 1 survey)"
    assert repr(log) == (
        "TransactionLog: 3 lines of 2 customers, 2024-01-05 to 2024-02-02; 0 of 3 lines set aside"
    )
    counts = log.event_counts
    assert (counts.source, counts.kept, counts.set_aside) == (4, 3, {"missing_kind": 1})
    assert (counts.without_lines, counts.customers_without_lines, counts.repeats) == (1, 1, 0)
    assert counts.first_at == counts.last_at == dt.datetime(2024, 1, 6)
    assert log.events.counts is counts
    assert log.events.columns == ["customer_id", "occurred_at", "kind", "score"]
    assert log.events.to_frame()["customer_id"].tolist() == ["a", "a", "new"]


def test_a_log_without_events_says_how_to_give_them():
    log = read_log(LINES)
    assert not log.has_events
    for ask in (lambda: log.events, lambda: log.event_counts):
        with pytest.raises(MissingDataError, match=r"no events\. Give them .* read_log\(\.\.\., events="):
            ask()
    with pytest.raises(
        ValueError, match="event_columns names the columns of events, and no events were given"
    ):
        read_log(LINES, event_columns={"kind": "type"})


BAD = [
    ({"customer_id": None}, "missing_customer"),
    ({"customer_id": " "}, "missing_customer"),
    ({"occurred_at": None}, "missing_date"),
    ({"occurred_at": "soon"}, "unreadable_date"),
    ({"occurred_at": "2024-02-30"}, "unreadable_date"),
    ({"occurred_at": "2024-06-02"}, "future_date"),
    ({"occurred_at": "2024-01-06 10:00+03:00"}, "mixed_time_zone"),
    ({"kind": ""}, "missing_kind"),
    ({"score": "good"}, "unreadable_score"),
    ({"score": "inf"}, "score_out_of_range"),
    ({"score": "2e12"}, "score_out_of_range"),
]
LAWFUL = [
    {"resolved_at": "", "score": "null"},
    {"resolved_at": "2024-07-01"},  # promised: open as seen from any date before
    {"resolved_at": "2024-01-07", "score": "8"},
]
# Of resolutions that an observer on 1 February had not seen: to come, or of no use.
TEXTS_OF_RESOLUTION = st.sampled_from(
    ["2024-02-01", "2024-05-09 08:00", "2999-01-01", "x", "2024-01-05", "2024-03-01T10:00:00Z", None, ""]
)


def test_a_bad_row_is_set_aside_with_its_reason():
    good = {"resolved_at": "2024-01-07", "score": "8"}
    events = table(*(good | row for row in LAWFUL), *(good | row for row, _ in BAD))
    log = with_events(events)
    aside = log.events.set_aside()
    assert log.event_counts.kept == len(LAWFUL)
    assert aside["reason"].tolist() == [reason for _, reason in BAD]
    assert aside["line_number"].tolist() == list(range(len(LAWFUL) + 1, len(events) + 1))
    for (row, _), found in zip(BAD, aside.to_dict("records"), strict=True):
        ((column, value),) = row.items()
        assert pd.isna(found[column]) or str(value) in found[column]
    assert (
        log.event_counts.set_aside
        == aside["reason"].value_counts()[list(log.event_counts.set_aside)].to_dict()
    )
    assert_frame_equal(log.events.set_aside(limit=2), aside.head(2))


UNUSABLE = [
    ({"resolved_at": "2024-01-05"}, "resolved_before_opened"),
    ({"resolved_at": "tomorrow"}, "unreadable_resolution"),
    ({"resolved_at": "2024-01-08T10:00:00Z"}, "mixed_time_zone"),
]


def test_an_event_stays_open_where_its_resolution_cannot_be_used_and_is_counted():
    good = {"resolved_at": "2024-01-07", "score": "8"}
    log = with_events(table(good, *(good | row for row, _ in UNUSABLE), {"kind": "", "resolved_at": "?"}))
    counts, found = log.event_counts, log.events.unusable_resolutions()
    assert (counts.kept, counts.set_aside) == (4, {"missing_kind": 1})
    assert counts.unusable_resolutions == {
        "unreadable_resolution": 1,
        "mixed_time_zone": 1,
        "resolved_before_opened": 1,
    }
    assert found["reason"].tolist() == [why for _, why in UNUSABLE]
    assert found["line_number"].tolist() == [2, 3, 4]
    assert found["resolved_at"].str[:8].tolist() == [row["resolved_at"][:8] for row, _ in UNUSABLE]
    assert_frame_equal(log.events.unusable_resolutions(limit=1), found.head(1))
    shown = log.events.to_frame()
    assert shown["resolved_at"].isna().tolist() == [False, True, True, True]
    assert shown["score"].tolist() == [8.0] * 4


@settings(max_examples=15)
@given(later=st.lists(TEXTS_OF_RESOLUTION, min_size=2, max_size=4))
def test_what_is_written_down_later_of_a_resolution_changes_nothing_seen_before(later):
    steady = [{"customer_id": "b", "resolved_at": "2024-01-20"}] * 5  # most dates have no zone
    seen = [
        with_events(table(*steady, *({"score": 3, "resolved_at": when} for when in dates)))
        .query_as_of("SELECT * FROM events ORDER BY customer_id", "2024-02-01")
        .to_pylist()
        for dates in (later, [None] * len(later))
    ]
    assert seen[0] == seen[1]


def test_bad_events_can_stop_the_reading_with_reason_count_and_place():
    message = (
        r"read_log: 2 of 3 events break the schema: 1 × no customer \(missing_customer\); 1 × no kind "
        r"\(missing_kind\)\. First: line 2, line 3\. Mend .* look at log\.events\.set_aside\(\)"
    )
    with pytest.raises(SchemaError, match=message):
        with_events(table({}, {"kind": None}, {"customer_id": None}), on_bad="raise")
    assert with_events(table({}), on_bad="raise").event_counts.kept == 1


def test_a_contracts_end_announced_for_later_has_not_happened_and_the_message_says_what_to_do():
    ends = {"kind": "contract_end", "occurred_at": "2024-09-01"}
    notice = {"kind": "contract_notice", "occurred_at": "2024-05-02"}
    log = with_events(table(ends, notice))
    assert (log.event_counts.kinds, log.event_counts.set_aside) == (
        {"contract_notice": 1},
        {"future_date": 1},
    )
    message = r"contract's end, has not happened: give it a kind of its own, dated when it became known \(future_date\)"
    with pytest.raises(SchemaError, match=message):
        with_events(table(ends), on_bad="raise")


TEXTS = (
    st.none()
    | st.sampled_from(["2024-01-05", "25.01.2024", "2999-01-01", "", "nan", "x"])
    | st.text(max_size=4)
)
EVENT = st.tuples(
    st.none() | st.sampled_from(["a", "b", "7", "7.0", " ", "nan"]) | st.text(max_size=2),
    TEXTS,
    st.none() | st.sampled_from(["call", "survey", " "]) | st.text(max_size=3),
    TEXTS,
    st.none() | st.sampled_from(["8", "8,5", "x", "inf", "", "1e400"]),
)
COLUMNS = ["customer_id", "occurred_at", "kind", "resolved_at", "score"]


@settings(max_examples=15)
@given(rows=st.lists(EVENT, max_size=10), whole=st.booleans())
def test_every_row_is_kept_or_set_aside_with_a_reason(rows, whole):
    rows = [*rows, ("7", "2024-01-09", "call", "2024-01-10", "1")]
    lines = LINES.assign(customer_id=[7, 7, 8]) if whole else LINES
    log = with_events(pd.DataFrame(rows, columns=COLUMNS, dtype=object), lines)
    counts, aside = log.event_counts, log.events.set_aside()
    assert counts.source == len(rows) == counts.kept + sum(counts.set_aside.values())
    assert set(counts.set_aside) <= set(REASONS)
    assert set(counts.unusable_resolutions) <= set(UNUSABLE_RESOLUTIONS)
    assert sum(counts.unusable_resolutions.values()) == len(log.events.unusable_resolutions())
    assert aside["reason"].value_counts().to_dict() == counts.set_aside
    assert sum(counts.kinds.values()) == counts.kept == len(log.events.to_frame())
    assert log.query("SELECT customer_id FROM events").num_rows == counts.kept


@pytest.mark.parametrize(
    ("ids_of_lines", "ids_of_events", "right"),
    [
        ([17, 17, 18], ["17", " 18 ", "17.0", "+17", "0017"], [17, 18, 17, 17, 17]),
        ([17.0, 17.0, np.nan], [17.0, np.nan, 17.0, 17.0, 18.0], [17, 17, 17, 18]),
        (["17", "17", "A1"], [17, 18, 17, 17, 17], ["17", "18", "17", "17", "17"]),
        (["17", "17", "A1"], [17.0, np.nan, 17.0, 17.0, 17.0], ["17", "17", "17", "17"]),
        (["17", "017", "A1"], ["17", "017", "A1", "a1", "A1 "], ["17", "017", "A1", "a1", "A1 "]),
    ],
)
def test_customers_are_compared_in_the_type_of_the_logs_ids(ids_of_lines, ids_of_events, right):
    events = pd.DataFrame({"customer_id": ids_of_events, "occurred_at": "2024-01-06", "kind": "call"})
    log = with_events(events, LINES.assign(customer_id=ids_of_lines))
    assert log.events.to_frame()["customer_id"].tolist() == right
    known = {*log.to_frame()["customer_id"].dropna()}
    assert log.event_counts.without_lines == sum(one not in known for one in right)


def test_an_id_that_cannot_be_the_logs_is_set_aside_and_shown():
    log = with_events(
        table({"customer_id": "17"}, {"customer_id": "A1"}), LINES.assign(customer_id=[17, 17, 18])
    )
    assert log.event_counts.set_aside == {"unmatched_type_of_customer": 1}
    assert log.events.set_aside()["customer_id"].tolist() == ["A1"]


def test_events_come_from_text_files_with_names_and_signs_of_their_own(write):
    text = "Müşteri No;Tarih;Tür;Kapanış Tarihi;NPS\na;06.01.2024 10:30;şikâyet;08.01.2024;8,5\nb;13.01.2024;anket;;3\n"
    path = write(text, "events.csv", "cp1254")
    names = {"customer_id": "Müşteri No", "occurred_at": "Tarih", "kind": "Tür"}
    log = with_events(path, event_columns=names | {"resolved_at": "Kapanış Tarihi", "score": "NPS"})
    right = pd.DataFrame(
        {
            "customer_id": ["a", "b"],
            "occurred_at": pd.to_datetime(["2024-01-06 10:30", "2024-01-13 00:00"]).as_unit("us"),
            "kind": ["şikâyet", "anket"],
            "resolved_at": pd.to_datetime(["2024-01-08", None]).as_unit("us"),
            "score": [8.5, 3.0],
        }
    )
    assert_frame_equal(log.events.to_frame(), right)
    assert log.events.reading.decimal == {"score": ","}
    # The same rows by the other doors.
    parquet = path.with_suffix(".parquet")
    right.to_parquet(parquet)
    for events in (right, pa.Table.from_pandas(right), parquet, str(parquet)):
        assert_frame_equal(with_events(events).events.to_frame(), right)


def test_missing_columns_are_named_with_a_mapping_to_paste():
    events = pd.DataFrame(
        {"Müşteri No": ["a"], "closed_at": ["2024-01-05"], "event_type": ["call"], "Tarih": ""}
    )
    message = (
        r"required columns missing: customer_id, occurred_at, kind\. The events have: Müşteri No, closed_at, .* pass "
        r"event_columns=\{'customer_id': 'Müşteri No', 'occurred_at': 'Tarih', 'kind': 'event_type'\}"
    )
    with pytest.raises(SchemaError, match=message):
        with_events(events)
    with pytest.raises(
        SchemaError, match=r"'resolved', which events do not have\. Did you mean 'resolved_at'\?"
    ):
        with_events(table({}), event_columns={"resolved": "kind"})
    with pytest.raises(
        SchemaError, match=r"kind = 'knid', but the events have no such column\. Did you mean 'kind'\?"
    ):
        with_events(table({}), event_columns={"kind": "knid"})
    with pytest.raises(MissingDataError, match=r"no CSV or Parquet file at 'nowhere\.csv'"):
        with_events("nowhere.csv")


def test_day_and_month_that_cannot_be_told_apart_follow_the_other_dates():
    days = {"occurred_at": "03/04/2024"}
    with pytest.raises(SchemaError, match="can be read day first or month first"):
        with_events(table(days))
    for date, right in (("31/01/2024", "2024-04-03"), ("01/31/2024", "2024-03-04")):
        log = with_events(table(days, {"occurred_at": "x"}), LINES.assign(occurred_at=date))
        assert log.events.to_frame()["occurred_at"].tolist() == [pd.Timestamp(right)]
        assert log.event_counts.set_aside == {"unreadable_date": 1}
    # The events' own dates come before the log's.
    opened = {"occurred_at": "03/13/2024 12:00", "resolved_at": "04/05/2024"}
    log = with_events(table(opened), LINES.assign(occurred_at="31/01/2024"))
    assert log.events.to_frame()["resolved_at"].tolist() == [pd.Timestamp("2024-04-05")]


def test_times_with_a_zone_and_without_are_never_mixed():
    zoned = LINES.assign(occurred_at=pd.to_datetime(LINES["occurred_at"]).dt.tz_localize("Europe/Istanbul"))
    with pytest.raises(
        SchemaError, match=r"events in 'occurred_at' carry no time zone, and those of the log do\."
    ):
        with_events(table({}), zoned)
    utc = table({"occurred_at": "2024-01-06T02:00:00+03:00"})
    with pytest.raises(
        SchemaError, match=r"events in 'occurred_at' carry a time zone, and those of the log do not"
    ):
        with_events(utc)
    assert with_events(utc, zoned).events.to_frame()["occurred_at"].tolist() == [
        pd.Timestamp("2024-01-05 23:00")
    ]


@pytest.mark.parametrize("nothing", [None, "", np.nan])
def test_columns_that_hold_nothing_are_no_error(nothing):
    log = with_events(table({"resolved_at": nothing, "score": nothing}))
    assert log.events.to_frame()[["resolved_at", "score"]].isna().all(axis=None)
    assert log.event_counts.kept == 1


def test_no_events_yet_is_no_error(write):
    for none in (table({}).iloc[:0], write("customer_id,occurred_at,kind\n", "events.csv")):
        log = with_events(none)
        assert log.has_events
        assert (log.event_counts.source, log.event_counts.first_at) == (0, None)
        assert repr(log.events) == "LogEvents: 0 of 0 events kept (none)"


def test_a_resolution_dated_by_the_day_alone_is_not_before_its_event():
    log = with_events(table({"occurred_at": "2024-01-06 14:30", "resolved_at": "2024-01-06"}))
    assert log.events.to_frame()["resolved_at"].tolist() == [pd.Timestamp("2024-01-06 14:30")]


def test_repeats_are_kept_and_counted():
    log = with_events(table({}, {}, {}, {"kind": "survey"}))
    assert (log.event_counts.kept, log.event_counts.repeats) == (4, 2)


def test_blanks_around_a_kind_do_not_make_another():
    assert with_events(table({"kind": "call "}, {"kind": "call"})).event_counts.kinds == {"call": 2}


def test_as_of_a_date_later_events_are_absent_and_later_resolutions_unknown():
    events = table(
        {"resolved_at": "2024-01-20"},
        {"occurred_at": "2024-01-07", "resolved_at": "2024-02-01"},
        {"occurred_at": "2024-02-01", "resolved_at": "2024-02-03"},
    )
    log = with_events(events)
    sql = "SELECT occurred_at, resolved_at FROM events ORDER BY occurred_at"
    day = dt.datetime
    assert log.query_as_of(sql, "2024-02-01").to_pylist() == [
        {"occurred_at": day(2024, 1, 6), "resolved_at": day(2024, 1, 20)},
        {"occurred_at": day(2024, 1, 7), "resolved_at": None},
    ]
    assert log.query_as_of(sql).equals(log.query(sql))
    both = """WITH bought AS (SELECT customer_id, sum(amount) AS amount FROM purchases GROUP BY 1)
        SELECT amount, count(*) AS n FROM bought JOIN events ON bought.customer_id = events.customer_id GROUP BY 1"""
    assert log.query_as_of(both, "2024-01-07").to_pylist() == [{"amount": 1.0, "n": 1}]
    assert log.stream_as_of(both, "2024-01-07").read_all().to_pylist() == [{"amount": 1.0, "n": 1}]


def test_the_fingerprint_takes_the_events_in():
    def mark(events=None, **reading):
        return read_log(LINES, events=events, **reading).fingerprint()

    one = table({"kind": "call", "note": "survey"})
    marks = [
        mark(),
        mark(one),
        mark(table({})),
        mark(one, event_columns={"kind": "note"}),
        mark(table({}, {})),
    ]
    assert len(set(marks)) == len(marks)
    assert mark(one) == mark(one.copy()) == marks[1]


def test_events_do_not_disturb_the_lines():
    events = table({}, {"customer_id": "new"})
    plain, log = read_log(LINES, not_after=NOW), with_events(events)
    assert log.counts == plain.counts
    assert_frame_equal(log.to_frame(), plain.to_frame())
    assert_frame_equal(log.audit(), plain.audit())
    assert log.n_customers == 2


def test_the_callers_events_are_never_written_to():
    events = table({"resolved_at": "2024-01-08", "score": 3}, {"resolved_at": "x", "score": None})
    before = events.copy(deep=True)
    with_events(events).events.set_aside()
    assert_frame_equal(events, before, check_exact=True)


def test_nothing_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    log = with_events(table({}))
    assert log.events.counts.kept == 1
    with pytest.raises(SchemaError, match="kind"):
        with_events(LINES)
    assert len(list(tmp_path.iterdir())) == 1
    del log
    gc.collect()
    assert list(tmp_path.iterdir()) == []
