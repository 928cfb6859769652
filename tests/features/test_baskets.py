"""Baskets, purchase histories and the product table against lines counted in pandas."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_analytics.core.errors import SchemaError
from crm_analytics.features import encode_baskets, item_table, purchase_histories
from crm_analytics.features.periods import period_number, period_numbers
from crm_analytics.transactions import read_log

LISTS = st.lists(st.lists(st.sampled_from("abcde"), max_size=6), max_size=12)


def lines(*rows):
    """A log of (customer, transaction, time, item, amount) lines."""
    names = ["customer_id", "transaction_id", "occurred_at", "item_id", "amount"]
    return read_log(pd.DataFrame(rows, columns=names))


@settings(max_examples=40, deadline=None)
@given(baskets=LISTS)
def test_rows_are_sorted_and_each_item_stands_once(baskets):
    encoded = encode_baskets(baskets)
    assert encoded.lists() == [sorted(set(basket)) for basket in baskets]
    assert encoded.counts().tolist() == [sum(i in basket for basket in baskets) for i in encoded.items]
    assert encoded.indices.dtype == np.int32
    assert encoded.indptr.dtype == np.int64


@settings(max_examples=30, deadline=None)
@given(baskets=LISTS, data=st.data())
def test_chosen_rows_are_those_of_the_list(baskets, data):
    encoded = encode_baskets(baskets)
    rows = data.draw(st.lists(st.integers(0, max(len(baskets) - 1, 0)), max_size=5 if baskets else 0))
    assert encoded.take(np.array(rows, dtype=int)).lists() == [sorted(set(baskets[row])) for row in rows]
    mask = np.arange(len(baskets)) % 2 == 0
    assert encoded.take(mask).lists() == [sorted(set(basket)) for basket in baskets[::2]]


def test_new_baskets_meet_known_items_and_leave_out_others():
    known = pd.Index(["bread", "milk", "tea"])
    encoded = encode_baskets([["tea", "caviar"], ["caviar"], ["milk", "bread"]], items=known)
    assert encoded.lists() == [["tea"], [], ["bread", "milk"]]
    assert encoded.items is known


def test_words_and_numbers_may_stand_in_one_list():
    assert encode_baskets([["b", 1], [1, "a"]]).lists() == [["b", 1], [1, "a"]]


def test_no_dense_table_is_made_of_lines_of_many_products():
    n = 200_000  # as a dense frame this would be 5 GB
    frame = pd.DataFrame({"transaction_id": np.arange(n) // 8, "item_id": np.arange(n)})
    assert len(encode_baskets(frame).items) == n


def test_histories_hold_each_customer_s_occasions_in_time():
    log = lines(
        (2, "r9", "2024-03-05 10:00", "tea", 1.0),
        (1, "r1", "2024-03-02 09:00", "tea", 1.0),
        (1, "r2", "2024-03-01 18:00", "milk", 1.0),
        (1, "r2", "2024-03-01 18:01", "bread", 1.0),
        (1, "r2", "2024-03-01 18:01", "milk", 2.0),
    )
    histories = purchase_histories(log)
    assert histories.customers.tolist() == [1, 2]
    assert histories.customers.name == "customer_id"
    assert histories.baskets.lists() == [["bread", "milk"], ["tea"], ["tea"]]
    assert histories.indptr.tolist() == [0, 2, 3]
    assert histories.owner.tolist() == [0, 0, 1]
    assert histories.times.astype(str).tolist()[0] == "2024-03-01T18:00:00.000000"


def test_receipt_numbers_used_anew_are_different_baskets():
    log = lines(
        (1, "1", "2024-03-01", "tea", 1.0),
        (1, "1", "2024-03-02", "milk", 1.0),
        (2, "1", "2024-03-01", "bread", 1.0),
    )
    assert purchase_histories(log).baskets.lists() == [["tea"], ["milk"], ["bread"]]


def test_lines_without_receipt_number_form_a_basket_of_one_instant():
    log = lines(
        (1, None, "2024-03-01 10:00", "tea", 1.0),
        (1, None, "2024-03-01 10:00", "milk", 1.0),
        (1, None, "2024-03-01 17:00", "bread", 1.0),
    )
    assert purchase_histories(log).baskets.lists() == [["milk", "tea"], ["bread"]]
    assert purchase_histories(log, occasion="D").baskets.lists() == [["bread", "milk", "tea"]]


def test_nothing_after_the_snapshot_is_seen_and_refunds_are_netted_as_of_it():
    log = lines(
        (1, "a", "2024-03-01", "tea", 5.0),
        (1, "a", "2024-03-01", "milk", 2.0),
        (1, "b", "2024-03-03", "tea", -5.0),
        (1, "c", "2024-03-09", "milk", 2.0),
    )
    assert purchase_histories(log, "2024-03-02").baskets.lists() == [["milk", "tea"]]
    assert purchase_histories(log, "2024-03-05").baskets.lists() == [["milk"]]
    assert purchase_histories(log).baskets.lists() == [["milk"], ["milk"]]


@pytest.mark.parametrize("unit", ["h", "D", "W", "M"])
def test_occasions_of_a_period_are_those_of_pandas(unit):
    rng = np.random.default_rng(8)
    times = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 90 * 24, 400), unit="h")
    frame = pd.DataFrame({"customer_id": rng.integers(0, 9, 400), "occurred_at": times, "amount": 1.0})
    frame["item_id"] = rng.choice(list("abcdef"), 400)
    period = [period_number(time.to_pydatetime(), unit) for time in times]
    expected = frame.groupby(["customer_id", pd.Series(period)])["item_id"].agg(lambda s: sorted(set(s)))
    histories = purchase_histories(read_log(frame.sample(frac=1, random_state=1)), occasion=unit)
    assert histories.baskets.lists() == expected.tolist()
    assert period_numbers(histories.times, unit).tolist() == expected.index.get_level_values(1).tolist()


def test_a_level_the_log_lacks_is_an_error_that_names_the_remedy():
    log = lines((1, "a", "2024-03-01", "tea", 5.0))
    with pytest.raises(SchemaError, match=r"no line has a category\. Name its source"):
        purchase_histories(log, level="category")
    with pytest.raises(ValueError, match=r"level must be one of 'item_id'"):
        purchase_histories(log, level="colour")


def test_a_product_of_several_words_has_its_most_frequent():
    frame = pd.DataFrame(
        {
            "customer_id": [1, 2, 2, 3], "occurred_at": "2024-03-01", "amount": [1.0, 2.0, 3.0, 4.0],
            "item_id": ["x", "x", "x", "y"], "description": ["Tea", "TEA 100", "TEA 100", None],
            "category": ["drinks", "drinks", "food", "bakery"],
        }
    )  # fmt: skip
    table = item_table(read_log(frame))
    assert table.loc["x", ["description", "category"]].tolist() == ["TEA 100", "drinks"]
    assert table["lines"].tolist() == [3, 1]
    assert table["customers"].tolist() == [2, 1]
    assert table["amount"].tolist() == [6.0, 4.0]
    assert "brand" not in table
