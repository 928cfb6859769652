"""Features of events against their definition spelled out in pandas, and blind to whatever comes later."""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from crm_analytics.core.errors import MissingDataError
from crm_analytics.features import event_features
from crm_analytics.features.events import column_words
from crm_analytics.features.periods import last_period, period_number, shift
from crm_analytics.transactions import read_log

COLUMNS = ["customer_id", "occurred_at", "kind", "resolved_at", "score"]
LINES = pd.DataFrame({"customer_id": ["a"], "occurred_at": [datetime(2023, 12, 1)], "amount": [1.0]})
ORIGINS = [datetime(2024, 2, 1), datetime(2024, 2, 14, 13, 30), datetime(2024, 4, 1)]
HOURS = {"h": 1, "D": 24, "W": 168, "M": 365.25 * 2}


def table(rows):
    kinds = dict.fromkeys(["customer_id", "kind"], object) | dict.fromkeys(
        ["occurred_at", "resolved_at"], "datetime64[us]"
    )
    return pd.DataFrame(rows, columns=COLUMNS).astype(kinds | {"score": float})


def log_with(events):
    return read_log(LINES, events=events, not_after="2025-01-01")


def some_events(n=400, seed=4):
    """Ties, open cases, missing scores; half of the year on whole days."""
    rng = np.random.default_rng(seed)
    minutes = rng.integers(0, 150 * 24 * 60, n)
    minutes = np.where(rng.random(n) < 0.5, minutes // 1440 * 1440, minutes)
    occurred = np.datetime64("2023-12-20", "us") + minutes.astype("timedelta64[m]")
    resolved = occurred + rng.integers(0, 40 * 86_400_000_000, n).astype("timedelta64[us]")
    return table(
        {
            "customer_id": rng.choice(list("abcdefgh"), n),
            "occurred_at": occurred,
            "kind": rng.choice(["call", "complaint", "survey"], n),
            "resolved_at": np.where(rng.random(n) < 0.6, resolved, np.datetime64("NaT")),
            "score": np.where(rng.random(n) < 0.5, rng.integers(0, 101, n) / 10, np.nan),
        }
    )


@pytest.fixture(scope="module")
def log():
    return log_with(some_events())


def by_pandas(events, origins, unit, window, kinds):
    """The definition, spelled out, one customer and origin after the other."""
    rows = {}
    for origin in origins:
        since = pd.Timestamp.min if window is None else shift(origin, -window, unit)
        for customer, past in events[events["occurred_at"] < origin].groupby("customer_id"):
            row = rows.setdefault((customer, pd.Timestamp(origin)), {})
            for kind in kinds:
                its = past[past["kind"] == kind].sort_values(
                    ["occurred_at", "score"], ascending=[True, False]
                )
                within = its[its["occurred_at"] >= since]
                done = within[within["resolved_at"] < origin]
                took = (done["resolved_at"] - done["occurred_at"]) / pd.Timedelta(hours=HOURS[unit])
                ages = [last_period(origin, unit) - period_number(t, unit) for t in its["occurred_at"]]
                row[f"{kind}_count"] = len(within)
                row[f"{kind}_since_last"] = min(ages, default=np.nan)
                row[f"{kind}_resolution_mean"] = took.mean()
                row[f"{kind}_open"] = len(its) - (its["resolved_at"] < origin).sum()
                row[f"{kind}_last_score"] = next(iter(its["score"].dropna()[::-1]), np.nan)
                row[f"{kind}_mean_score"] = within["score"].mean()
    frame = pd.DataFrame(list(rows.values()), index=pd.MultiIndex.from_tuples(rows))
    return frame.rename_axis(["customer_id", "origin"]).sort_index()


@pytest.mark.parametrize("window", [None, 1, 3])
@pytest.mark.parametrize("unit", HOURS)
def test_features_are_what_their_definition_in_pandas_gives(log, unit, window):
    found = event_features(log, ORIGINS, unit, window)
    right = by_pandas(some_events(), ORIGINS, unit, window, ["call", "complaint", "survey"])
    assert found.columns.tolist() == right.columns.tolist()
    assert_frame_equal(found, right, check_dtype=False, check_index_type=False, rtol=1e-12)


def test_several_origins_are_asked_as_one_alone_is(log):
    together = event_features(log, ORIGINS, window=30)
    for origin in ORIGINS:
        alone = event_features(log, [origin], window=30, kinds=["call", "complaint", "survey"])
        assert_frame_equal(together.xs(origin, level="origin", drop_level=False), alone, check_exact=True)


def test_rows_and_columns_have_the_types_that_are_promised(log):
    found = event_features(log, ORIGINS)
    assert found.index.names == ["customer_id", "origin"]
    assert found.index.is_unique
    assert found.index.is_monotonic_increasing
    assert isinstance(found.index[0][1], pd.Timestamp)
    whole = [name for name in found if name.endswith(("_count", "_open"))]
    assert (found[whole].dtypes == np.int64).all()
    assert (found.drop(columns=whole).dtypes == np.float64).all()


T = ORIGINS[1]
ANY_TIME = st.datetimes(datetime(2024, 1, 1), datetime(2024, 4, 1))
BEFORE = st.datetimes(datetime(2024, 1, 1), T - timedelta(microseconds=1))
AFTER = st.just(T) | st.datetimes(T, datetime(2024, 5, 1))
SCORE = st.none() | st.floats(0, 10, width=32)
CUSTOMER, KIND = st.sampled_from("abc"), st.sampled_from(["call", "survey"])
PAST = st.tuples(CUSTOMER, BEFORE, KIND, st.none() | BEFORE | AFTER, SCORE)
FUTURE = st.tuples(
    st.sampled_from("abcxyz"), AFTER, KIND | st.sampled_from(["new kind", "CALL"]), st.none() | AFTER, SCORE
)


def lawful(rows):
    """A resolution comes no earlier than its event."""
    return [(c, t, k, None if r is None else max(r, t), s) for c, t, k, r, s in rows]


@settings(max_examples=25)
@given(past=st.lists(PAST, min_size=1, max_size=12), future=st.lists(FUTURE, max_size=8), data=st.data())
def test_what_happens_at_an_origin_or_after_it_never_changes_a_bit_of_its_row(past, future, data):
    past = lawful(past)
    redone = []
    for customer, time, kind, resolved, score in past:
        if (
            resolved is None or resolved >= T
        ):  # open at T: whether and when it is resolved is the future's business
            resolved = data.draw(st.none() | AFTER)
        redone.append((customer, time, kind, resolved, score))
    changed = data.draw(st.permutations(redone + lawful(future)))
    window = data.draw(st.none() | st.integers(1, 40))
    one, two = (log_with(table(rows)) for rows in (past, changed))
    origins = [T - timedelta(days=9), T]
    later = T + timedelta(days=30)  # an origin that sees more stands beside
    found = event_features(two, [*origins, later], "D", window)
    found = found[found.index.get_level_values("origin") != later]
    assert_frame_equal(found, event_features(one, origins, "D", window), check_exact=True)


def test_a_resolution_at_the_origin_is_not_known_there():
    events = table([("a", datetime(2024, 1, 10), "call", T, None)])
    found = event_features(log_with(events), [T, T + timedelta(microseconds=1)])
    assert found["call_open"].tolist() == [1, 0]
    assert found["call_resolution_mean"].isna().tolist() == [True, False]


def test_the_window_holds_its_first_instant_and_not_its_last():
    times = [T - timedelta(days=7, microseconds=1), T - timedelta(days=7), T - timedelta(microseconds=1), T]
    found = event_features(log_with(table([("a", t, "call", None, 1.0) for t in times])), [T], window=7)
    assert found["call_count"].tolist() == [2]
    assert found["call_open"].tolist() == [3]


def test_the_last_score_is_that_of_the_last_event_that_has_one():
    day = datetime(2024, 1, 10)
    rows = [("a", day, "nps", None, 2.0), ("a", day + timedelta(days=1), "nps", None, 9.0)]
    rows += [
        ("a", day + timedelta(days=1), "nps", None, 7.0),
        ("a", day + timedelta(days=2), "nps", None, None),
    ]
    for order in (rows, rows[::-1]):
        found = event_features(log_with(table(order)), [T], window=2)
        assert found["nps_last_score"].tolist() == [7.0]  # of two at one instant the lower
        assert found["nps_since_last"].tolist() == [33.0]
        assert found["nps_mean_score"].isna().all()


def test_columns_are_those_of_kinds_seen_before_the_first_origin_or_those_asked_for():
    late = table([("a", T, "call", None, 1.0), ("b", T - timedelta(days=1), "survey", None, 1.0)])
    log = log_with(late)
    assert {name.split("_")[0] for name in event_features(log, [T, T + timedelta(days=9)])} == {"survey"}
    found = event_features(log, [T + timedelta(days=9)], kinds=["call", "fax"])
    assert found.loc["a", ["call_count", "fax_count", "fax_open"]].to_numpy().tolist() == [[1, 0, 0]]
    assert found.loc["b", "call_count"].tolist() == [0]
    assert found.filter(like="fax_since").isna().all(axis=None)
    assert event_features(log, [T + timedelta(days=9)], kinds=[]).shape == (2, 0)


def test_a_source_without_resolutions_or_scores_gives_no_columns_of_them():
    bare = table([("a", datetime(2024, 1, 10), "call", None, None)])[["customer_id", "occurred_at", "kind"]]
    assert event_features(log_with(bare), [T]).columns.tolist() == ["call_count", "call_since_last"]
    assert "call_open" in event_features(log_with(bare.assign(resolved_at=None)), [T])


def test_no_event_before_the_origins_gives_no_rows():
    log = log_with(table([("a", T, "call", None, 1.0)]))
    assert event_features(log, [T]).shape == (0, 0)
    found = event_features(log, [T], kinds=["call"])
    assert (found.shape, found.index.names) == ((0, 6), ["customer_id", "origin"])


def test_kinds_are_named_in_columns_without_blanks_accents_and_capitals():
    rows = [
        ("a", datetime(2024, 1, 10), kind, None, 1.0) for kind in ("Şikâyet (web)", "ÇAĞRI", "жалоба", "?!")
    ]
    found = event_features(log_with(table(rows)), [T])
    counts = [name.removesuffix("_count") for name in found if name.endswith("_count")]
    assert sorted(counts) == ["?!", "cagri", "sikayet_web", "жалоба"]
    assert column_words("contract end") == {"contract end": "contract_end"}


def test_kinds_that_would_share_a_column_are_refused():
    rows = [("a", datetime(2024, 1, 10), kind, None, 1.0) for kind in ("call", "Call")]
    with pytest.raises(
        ValueError, match=r"the kinds 'Call' and 'call' would share the columns call_…\. Unify"
    ):
        event_features(log_with(table(rows)), [T])
    assert event_features(log_with(table(rows)), [T], kinds=["Call"])["call_count"].tolist() == [1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"unit": "day"}, "unit must be one of 'h', 'D', 'W', 'M'"),
        ({"window": 0}, r"window must be a whole number of days >= 1\. Got 0 instead"),
        ({"window": 1.5}, r"window must be a whole number of days >= 1\. Got 1\.5"),
        ({"origins": []}, r"origins must name at least one date\. Got none"),
        (
            {"origins": ["2024-02-01", datetime(2024, 2, 1)]},
            "origins must be distinct. Got 2024-02-01 00:00:00 twice",
        ),
        ({"origins": ["2023-12-01"]}, "must be after the log's first line"),
    ],
)
def test_an_argument_out_of_range_is_refused(log, arguments, message):
    with pytest.raises(ValueError, match=message):
        event_features(log, **({"origins": ORIGINS} | arguments))


def test_a_log_without_events_is_refused_with_a_remedy():
    with pytest.raises(MissingDataError, match=r"read_log\(\.\.\., events=table_or_path\)"):
        event_features(read_log(LINES), ORIGINS)


def test_an_origin_may_be_written_in_several_ways(log):
    right = event_features(log, [datetime(2024, 2, 1)])
    for origins in (
        "2024-02-01",
        datetime(2024, 2, 1),
        [pd.Timestamp("2024-02-01 03:00", tz="Europe/Istanbul")],
    ):
        assert_frame_equal(event_features(log, origins), right, check_exact=True)
