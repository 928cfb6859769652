"""Refunds against a stack in plain Python, and what they may not do: create money, or change the past."""

from collections import Counter, defaultdict
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from crm_analytics.features import customer_summary
from crm_analytics.transactions import read_log

BEGIN = datetime(2024, 1, 1)
LINE = st.tuples(
    st.sampled_from("ab"),
    st.sampled_from(["x", "y", None]),
    st.integers(0, 6).map(lambda days: BEGIN + timedelta(days=days, hours=days)),
    st.integers(-400, 400).map(lambda cents: cents / 100) | st.sampled_from([2.5, -2.5, 0.0]),
)
LINES = st.lists(LINE, min_size=1, max_size=25)


def frame(lines):
    return pd.DataFrame(lines, columns=["customer_id", "item_id", "occurred_at", "amount"])


def left_of_stack(lines):
    """What is left of each purchase, in cents, and how much of the refunds was matched.

    In order of time, purchases before the refunds of the same instant, and the larger purchase on
    top: each refund takes from the top of its customer's stack of that item until it is satisfied.
    """
    bought, stacks, matched = [], defaultdict(list), 0
    for customer, item, time, amount in sorted(lines, key=lambda line: (line[2], line[3] < 0, line[3])):
        cents = round(amount * 100)
        stack = stacks[customer, item]
        if cents >= 0:
            purchase = {"key": (customer, item, time), "paid": cents, "left": cents}
            bought.append(purchase)
            stack.append(purchase)
            continue
        for purchase in reversed(stack):
            taken = min(-cents, purchase["left"])
            purchase["left"] -= taken
            matched += taken
            cents += taken
    return bought, matched


@settings(max_examples=60, deadline=None)
@given(lines=LINES, days=st.integers(1, 8))
def test_netting_is_last_in_first_out_of_what_was_booked_before_the_snapshot(lines, days):
    log = read_log(frame([*lines, ("z", "x", BEGIN, 1.0)]))  # someone who bought before any snapshot
    snapshot = BEGIN + timedelta(days=days)
    bought, _ = left_of_stack([line for line in lines if line[2] < snapshot])
    expected = Counter((*p["key"], p["left"]) for p in bought if p["left"] or not p["paid"])
    found = log.query_as_of("SELECT * FROM purchases WHERE customer_id <> 'z'", snapshot).to_pylist()
    assert expected == Counter(
        (row["customer_id"], row["item_id"], row["occurred_at"], round(row["amount"] * 100)) for row in found
    )


@settings(max_examples=40, deadline=None)
@given(lines=LINES)
def test_the_effect_is_that_of_the_stack_and_money_is_conserved(lines):
    log = read_log(frame(lines))
    bought, matched = left_of_stack(lines)
    refunds = [-round(line[3] * 100) for line in lines if line[3] < 0]
    effect = {name: round(value * 100) for name, value in log.refund_effect().items()}
    assert effect == {
        "refund_lines": len(refunds) * 100,
        "refund_amount": sum(refunds),
        "matched_amount": matched,
        "unmatched_amount": sum(refunds) - matched,
        "cancelled_in_full": 100 * sum(p["paid"] > 0 == p["left"] for p in bought),
        "reduced": 100 * sum(0 < p["left"] < p["paid"] for p in bought),
    }
    gross = sum(p["paid"] for p in bought)
    assert round(log.purchases()["amount"].sum() * 100) == gross - matched


def test_a_crowd_of_equal_lines_conserves_money():
    # Each of three window functions once saw its own order of lines alike in every key.
    rng = np.random.default_rng(1)
    n = 60_000
    table = pd.DataFrame(
        {
            "customer_id": rng.integers(0, 3, n),
            "occurred_at": np.datetime64("2024-01-01", "us") + rng.integers(0, 5, n).astype("timedelta64[D]"),
            "amount": rng.choice([5.0, 5.0, -5.0], n),
        }
    )
    log = read_log(table)
    counts, effect = log.counts, log.refund_effect()
    assert 0 <= effect["unmatched_amount"] < effect["matched_amount"]
    gross = counts.amount - counts.refund_amount
    assert log.purchases()["amount"].sum() == gross - effect["matched_amount"]
    assert effect["cancelled_in_full"] * 5.0 == effect["matched_amount"]


BOUGHT_AND_RETURNED = [
    ("a", "x", BEGIN, 10.0),
    ("a", "x", BEGIN + timedelta(days=3), 6.0),
    ("a", "y", BEGIN + timedelta(days=4), 3.0),
    ("a", "x", BEGIN + timedelta(days=9), -8.0),  # all of the 6, and 2 of the 10
    ("b", "x", BEGIN + timedelta(days=9), -4.0),  # bought before the log began
]


def test_a_later_refund_leaves_the_earlier_summary_as_it_was():
    with_refunds, without = read_log(frame(BOUGHT_AND_RETURNED)), read_log(frame(BOUGHT_AND_RETURNED[:3]))
    before = BEGIN + timedelta(days=9)
    for unit in ("D", "h"):
        assert_frame_equal(
            customer_summary(with_refunds, before, unit), customer_summary(without, before, unit)
        )
    after = customer_summary(with_refunds, "2024-01-11")
    assert after.loc["a"].tolist() == [1, 4, 9, 3.0]  # the 6 is no purchase any more
    assert "b" not in after.index


@pytest.mark.parametrize(
    ("policy", "amounts", "effect"),
    [
        (
            "net",
            [8.0, 3.0],
            {"cancelled_in_full": 1, "reduced": 1, "matched_amount": 8.0, "unmatched_amount": 4.0},
        ),
        ("drop", [10.0, 6.0, 3.0], {}),
        ("keep", [10.0, 6.0, 3.0, -8.0, -4.0], {}),
    ],
)
def test_each_policy_keeps_what_it_says(policy, amounts, effect):
    log = read_log(frame(BOUGHT_AND_RETURNED), refunds=policy)
    assert log.purchases()["amount"].tolist() == amounts
    assert log.refund_effect() == {"refund_lines": 2, "refund_amount": 12.0} | effect
    assert log.counts.kept == 5  # the log itself is the same under each


@pytest.mark.parametrize("policy", ["net", "drop", "keep"])
def test_without_refunds_the_policies_are_one(policy):
    log = read_log(frame(BOUGHT_AND_RETURNED[:3]), refunds=policy)
    assert log.purchases()["amount"].tolist() == [10.0, 6.0, 3.0]
    assert set(log.refund_effect().values()) == {0}
    assert ("matched_amount" in log.refund_effect()) == (policy == "net")


def test_quantity_and_discount_shrink_with_the_amount():
    table = frame([("a", "x", BEGIN, 10.0), ("a", "x", BEGIN + timedelta(days=1), -2.5)])
    log = read_log(table.assign(quantity=[4, -1], discount=[2.0, 0.0], unit_price=2.5))
    assert log.purchases()[["quantity", "amount", "unit_price", "discount"]].values.tolist() == [
        [3.0, 7.5, 2.5, 1.5]
    ]


def test_a_return_without_money_is_a_refund_that_changes_nothing():
    table = frame([("a", "x", BEGIN, 10.0), ("a", "x", BEGIN + timedelta(days=1), 0.0)]).assign(
        quantity=[1, -1]
    )
    log = read_log(table)
    assert log.counts.refunds == 1
    assert log.purchases()["amount"].tolist() == [10.0]
