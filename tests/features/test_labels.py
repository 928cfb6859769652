"""Contracts that end, and events beside the purchases: counted from an events table, never from the future."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal

from crm_analytics import read_log
from crm_analytics.core.errors import MissingDataError, SchemaError
from crm_analytics.features import SnapshotBuilder, event_features

ORIGIN = pd.Timestamp("2024-03-01")
BUILDER = SnapshotBuilder(windows=(7, 28, 56), horizon=10, gap=3, label="contract_end")


def day(number):
    """So many days after the origin."""
    return ORIGIN + pd.Timedelta(days=number)


# customer: contract events as (day, kind), and what the label window [3, 13) says; None: not at risk
CONTRACTS = {
    "runs on": ([(-50, "contract_start")], False),
    "no contract event at all": ([], False),
    "ends in the window": ([(-50, "contract_start"), (5, "contract_end")], True),
    "ends on the first instant": ([(3, "contract_end")], True),
    "ends on the first instant after": ([(13, "contract_end")], False),
    "ends, and is renewed in the window": ([(5, "contract_end"), (9, "contract_start")], False),
    "ends, and is renewed at the same instant": ([(5, "contract_end"), (5, "contract_start")], False),
    "ends, and is renewed too late": ([(5, "contract_end"), (13, "contract_start")], True),
    "is renewed, and ends": ([(4, "contract_start"), (9, "contract_end")], True),
    "ended before": ([(-20, "contract_end")], None),
    "ended within the gap": ([(1, "contract_end")], None),
    "ended before, and came back": ([(-20, "contract_end"), (-10, "contract_start")], False),
    "ended before, and comes back too late": ([(-20, "contract_end"), (5, "contract_start")], None),
    "came back, and ends again": ([(-20, "contract_end"), (-9, "contract_start"), (4, "contract_end")], True),
}


def contract_log(extra=(), contracts=CONTRACTS):
    """Everyone bought before the origin; the last line is long after."""
    lines = pd.DataFrame(
        {
            "customer_id": [*contracts, "later"],
            "occurred_at": [day(-9)] * len(contracts) + [day(60)],
            "amount": 5.0,
        }
    )
    events = [(name, day(at), kind) for name, (told, _) in contracts.items() for at, kind in told]
    table = pd.DataFrame([*events, *extra], columns=["customer_id", "occurred_at", "kind"])
    return read_log(lines, events=table.sample(frac=1, random_state=3), not_after="2025-01-01")


def test_a_contract_that_ends_for_good_in_the_window_is_churn():
    features, churned = BUILDER.build(contract_log(), [ORIGIN])
    found = churned.droplevel(["origin", "label_end"]).to_dict()
    assert found == {name: left for name, (_, left) in CONTRACTS.items() if left is not None}
    assert churned.dtype == bool
    assert features.index.equals(churned.index)
    assert set(features.index.get_level_values("label_end")) == {day(13)}


def test_without_events_nothing_is_known_of_contracts():
    lines = pd.DataFrame({"customer_id": ["a", "a"], "occurred_at": [day(-9), day(60)], "amount": 5.0})
    with pytest.raises(MissingDataError, match="events"):
        BUILDER.build(read_log(lines, not_after="2025-01-01"), [ORIGIN])


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("contract end", "Is 'contract end' meant. Rename kinds before reading the log"),
        ("fax", "needs events of the kind 'contract_end', .* There are: fax"),
    ],
)
def test_events_that_end_no_contract_are_no_label(kind, message):
    log = contract_log(contracts={"a": ([(-20, kind)], None)})
    with pytest.raises(SchemaError, match=message):
        BUILDER.build(log, [ORIGIN])


def test_what_happens_after_the_window_changes_no_label():
    right = BUILDER.build(contract_log(), [ORIGIN])
    late = [(name, day(13), kind) for name in CONTRACTS for kind in ("contract_start", "contract_end")]
    found = BUILDER.build(contract_log(late), [ORIGIN])
    assert_frame_equal(found.features, right.features, check_exact=True)
    assert_array_equal(found.labels, right.labels)


def test_the_same_contract_is_judged_anew_at_each_origin():
    told = {"a": ([(-50, "contract_start"), (5, "contract_end")], None)}
    log = contract_log(contracts=told)
    churned = BUILDER.build(log, [day(-9 + 1), ORIGIN, day(3)]).labels
    # From eight days before, the window ends before the contract; three days after, it ends within the gap.
    assert churned.droplevel(["customer_id", "label_end"]).to_dict() == {day(-8): False, ORIGIN: True}


def complaints():
    rng = np.random.default_rng(5)
    n = 120
    lines = pd.DataFrame(
        {
            "customer_id": rng.choice(list("abcdefgh"), n),
            "occurred_at": ORIGIN + pd.to_timedelta(rng.integers(-60 * 24, 70 * 24, n), unit="h"),
            "amount": 5.0,
        }
    )
    events = pd.DataFrame(
        {
            "customer_id": ["a", "a", "b", "c", "stranger", "a"],
            "occurred_at": [day(-40), day(-2), day(-1), day(1), day(-3), day(0)],
            "kind": ["complaint", "complaint", "complaint", "complaint", "complaint", "complaint"],
            "resolved_at": [day(-30), day(4), pd.NaT, pd.NaT, pd.NaT, pd.NaT],
            "score": [2.0, 5.0, np.nan, 1.0, 1.0, 9.0],
        }
    )
    return lines, events


def test_events_are_joined_and_who_had_none_counts_zero():
    lines, events = complaints()
    builder = SnapshotBuilder(windows=(7, 28, 56), horizon=10)
    log = read_log(lines, events=events, not_after="2025-01-01")
    found = builder.features(log, ORIGIN)
    plain = builder.features(read_log(lines, not_after="2025-01-01"), ORIGIN)
    names = [name for name in found if name.startswith("complaint_")]
    assert_frame_equal(found.drop(columns=names), plain, check_exact=True)
    of = found.droplevel(["origin", "label_end"])[names]
    assert of["complaint_count"].to_dict() == {"a": 2, "b": 1} | dict.fromkeys("cdefgh", 0)
    assert of["complaint_open"].to_dict() == {"a": 1, "b": 1} | dict.fromkeys("cdefgh", 0)
    # What a count does not say is not known of those without one.
    assert of.loc[list("cdefgh")].drop(columns=["complaint_count", "complaint_open"]).isna().all(axis=None)
    asked = event_features(log, [ORIGIN], window=56).droplevel("origin")
    assert_frame_equal(of.loc[["a", "b"]], asked.loc[["a", "b"]].astype(float), check_names=False)
    assert "stranger" not in of.index


def test_events_from_the_origin_on_change_nothing():
    lines, events = complaints()
    builder = SnapshotBuilder(windows=(7, 28, 56), horizon=10)
    before = events[events["occurred_at"] < ORIGIN]
    right = builder.features(read_log(lines, events=before, not_after="2025-01-01"), [ORIGIN])
    late = before.assign(occurred_at=[ORIGIN] * len(before), kind="call", resolved_at=pd.NaT)
    found = builder.features(
        read_log(lines, events=pd.concat([events, late]), not_after="2025-01-01"), [ORIGIN]
    )
    assert_frame_equal(found, right, check_exact=True)


def test_whose_contract_was_known_to_have_ended_is_not_scored():
    scored = BUILDER.features(contract_log(), ORIGIN).index.get_level_values("customer_id")
    gone = {"ended before", "ended before, and comes back too late"}
    assert set(scored) == set(CONTRACTS) - gone
