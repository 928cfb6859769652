"""What the audit finds: planted dirt to the line, known dirt of a real log, and nothing where there is none."""

import os

import numpy as np
import pandas as pd
import pytest

from crm_analytics.datasets import load_online_retail, make_purchases
from crm_analytics.transactions import read_log
from crm_analytics.transactions.audit import CHECKS, COLUMNS
from crm_analytics.transactions.schema import REASONS

DAYS = 30
LINES = 2_000


def clean_table(seed=2):
    """Lines of 50 customers with every column filled, none of them odd."""
    rng = np.random.default_rng(seed)
    minutes = np.sort(rng.choice(DAYS * 1_440, LINES, replace=False))
    customer = rng.integers(100, 150, LINES)
    return pd.DataFrame(
        {
            "customer_id": [f"K{number}" for number in customer],
            "transaction_id": [
                f"{number}-{minute}" for number, minute in zip(customer, minutes, strict=True)
            ],
            "item_id": [f"i{number}" for number in rng.integers(0, 20, LINES)],
            "occurred_at": np.datetime64("2024-01-01", "us") + minutes.astype("timedelta64[m]"),
            "quantity": 1.0,
            "amount": rng.integers(100, 1_000, LINES) / 100,
            "description": "thing",
        }
    )


def found_by(log):
    return log.audit().set_index("check")["n"].to_dict()


def test_a_clean_log_has_an_empty_audit():
    for log in (read_log(clean_table()), make_purchases(200, weeks=20, random_state=6).log()):
        audit = log.audit()
        assert audit.empty
        assert audit.columns.tolist() == COLUMNS


def plant(column, values, at):
    """A change to the table: `values` in `column` at the rows `at`."""

    def change(table):
        table = table.astype({column: object}) if values is None else table
        table.loc[list(at), column] = values
        return table

    return change


def repeat(times):
    return lambda table: pd.concat([table, table.iloc[[10] * times]], ignore_index=True)


def drop_days(first, last):
    return lambda table: table[~table["occurred_at"].dt.day.between(first, last)]


def slip(table):
    """A price typed as a bar code, and taken back ten minutes later."""
    table.loc[500, "amount"] = 590_000.0
    back = table.loc[[500]].assign(
        amount=-590_000.0, quantity=-1.0, occurred_at=table.loc[500, "occurred_at"]
    )
    back["occurred_at"] += pd.Timedelta("10min")
    return pd.concat([table, back], ignore_index=True)


@pytest.mark.parametrize(
    ("dirt", "found"),
    [
        (plant("customer_id", None, range(7)), {"missing_customer": 7}),
        (plant("amount", np.nan, range(4)), {"missing_amount": 4}),
        (plant("amount", np.inf, range(3)), {"amount_out_of_range": 3}),
        (plant("amount", 0.0, range(5)), {"zero_amount": 5}),
        (plant("amount", -1.0, range(6)), {"negative_amount": 6}),
        (plant("amount", 99_999.0, range(2)), {"amount_outlier": 2}),
        (plant("quantity", -1.0, range(8)), {"contradicting_signs": 8, "negative_quantity": 8}),
        (plant("occurred_at", pd.NaT, range(3)), {"missing_date": 3}),
        (plant("occurred_at", pd.Timestamp("2999-01-01"), range(2)), {"future_date": 2}),
        (plant("description", None, range(9)), {"missing_description": 9}),
        (plant("item_id", None, range(9)), {"missing_item": 9}),
        (plant("transaction_id", "C4711", [3]), {"cancelled_transaction": 1}),
        (plant("transaction_id", "T 1", range(4)), {"shared_transaction": 1}),
        (plant("item_id", "I 7", [3]), {"item_id_spelling": 1}),
        (plant("customer_id", "k120 ", [3]), {"customer_id_spelling": 1}),
        (repeat(3), {"exact_duplicate": 3}),
        (drop_days(11, 13), {"gap_in_dates": 1}),
        (drop_days(11, 12), {}),
        (
            slip,
            {"amount_outlier": 2, "refund_within_the_hour": 1, "negative_amount": 1, "negative_quantity": 1},
        ),
        (lambda table: table.assign(amount=table["amount"].astype(str)), {"amount_as_text": LINES}),
        (
            lambda table: table.assign(occurred_at=table["occurred_at"].astype(str)),
            {"occurred_at_as_text": LINES},
        ),
    ],
)
def test_planted_dirt_is_found_to_the_line(dirt, found):
    assert found_by(read_log(dirt(clean_table()))) == found


def test_an_epoch_date_is_found_and_leaves_a_gap():
    table = plant("occurred_at", pd.Timestamp("1970-01-01"), [3, 5])(clean_table())
    assert found_by(read_log(table)) == {"epoch_date": 2, "gap_in_dates": 1}


def test_every_kind_of_unreadable_text_is_found_in_one_file(write):
    good = "a,2024-01-05 10:00+03:00,1.5,2,x"
    bad = {
        "wrong_field_count": "a,2024-01-05 10:00+03:00,1.5",
        "missing_customer": ",2024-01-05 10:00+03:00,1.5,2,x",
        "missing_date": "a,,1.5,2,x",
        "unreadable_date": "a,soon,1.5,2,x",
        "mixed_time_zone": "a,2024-01-05 10:00,1.5,2,x",
        "future_date": "a,2999-01-05 10:00+03:00,1.5,2,x",
        "missing_amount": "a,2024-01-05 10:00+03:00,,2,x",
        "unreadable_amount": "a,2024-01-05 10:00+03:00,dear,2,x",
        "amount_out_of_range": "a,2024-01-05 10:00+03:00,inf,2,x",
        "unreadable_quantity": "a,2024-01-05 10:00+03:00,1.5,few,x",
        "quantity_out_of_range": "a,2024-01-05 10:00+03:00,1.5,1e13,x",
        "contradicting_signs": "a,2024-01-05 10:00+03:00,1.5,-2,x",
    }
    lines = ["customer_id,occurred_at,amount,quantity,transaction_id", *[good] * 15, *bad.values()]
    log = read_log(write("\n".join(lines)))
    assert list(log.counts.set_aside.items()) == [(reason, 1) for reason in REASONS]
    assert list(bad) == list(REASONS)
    audit = log.audit().set_index("check")
    assert (audit.loc[list(REASONS), "n"] == 1).all()
    assert audit.loc["unreadable_amount", "examples"] == "line 24: dear"
    assert audit.loc["mixed_time_zone", "examples"] == "line 21: 2024-01-05 10:00"
    assert audit.loc["wrong_field_count", "examples"] == "line 17: " + bad["wrong_field_count"]
    assert audit.loc["occurred_at_as_text", "examples"] == "read with %Y-%m-%d %H:%M"


def test_of_many_files_the_examples_name_the_file(write):
    text = "customer_id,occurred_at,amount\na,2024-01-05,0\n"
    folder = write(text, "part/1.csv").parent
    write(text.replace("05", "06"), "part/2.csv")
    examples = read_log(folder).audit().set_index("check").loc["zero_amount", "examples"]
    assert all(f"{folder / name} line 2" in examples for name in ("1.csv", "2.csv"))


def test_each_check_has_its_own_name():
    names = [check.name for check in CHECKS] + list(REASONS)
    assert len(set(names)) == len(names)


# UCI Online Retail as its paper and many notebooks count it.
ONLINE_RETAIL = {
    "occurred_at_as_text": 541_909,
    "missing_customer": 135_080,
    "negative_quantity": 10_624,
    "negative_amount": 9_290,
    "cancelled_transaction": 9_288,
    "exact_duplicate": 5_268,
    "zero_amount": 2_515,
    "missing_description": 1_454,
    "amount_outlier": 6,
    "refund_within_the_hour": 2,
    "item_id_spelling": 112,
    "gap_in_dates": 2,
}


@pytest.mark.skipif(
    "CRM_ANALYTICS_DATA" not in os.environ, reason="needs online_retail.parquet: CRM_ANALYTICS_DATA"
)
def test_the_dirt_of_online_retail_is_what_is_known_of_it():
    log = load_online_retail()
    assert found_by(log) == ONLINE_RETAIL
    assert log.counts.source == 541_909
