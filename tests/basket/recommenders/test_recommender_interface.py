"""What every recommender promises: the past only, lawful kinds and ranks, an answer for everyone."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from sklearn.base import clone

from crm_analytics.basket.recommenders import (
    EASE,
    TIFUKNN,
    GlobalTop,
    ImplicitALS,
    ItemKNN,
    NextBasketRecommender,
    PersonalTop,
    ProductPath,
    Repurchase,
    implicit_model,
)
from crm_analytics.core.errors import MissingExtraError, SchemaError
from crm_analytics.features import purchase_histories
from crm_analytics.transactions import read_log

OURS = [
    GlobalTop(),
    PersonalTop(),
    Repurchase(),
    TIFUKNN(n_neighbors=5),
    ItemKNN(shrink=1.0),
    EASE(l2_penalty=1.0),
    ProductPath(shrink=1.0),
    NextBasketRecommender(learn_from=(7, 14), rounds=5),
]
every = pytest.mark.parametrize("model", OURS, ids=lambda model: type(model).__name__)
AS_OF = "2024-06-01"


def lines(n_customers=25, n_items=12, n_days=160, seed=0, per_day=0.15):
    """Customers who buy some of their few favourites on some days; the log goes on after AS_OF."""
    rng = np.random.default_rng(seed)
    rows = []
    for customer in range(n_customers):
        favourites = rng.choice(n_items, 4, replace=False)
        for day in np.flatnonzero(rng.random(n_days) < per_day):
            items = set(rng.choice(favourites, 2)) | set(rng.choice(n_items, 1))
            rows += [(f"c{customer:02d}", day, f"i{item:02d}") for item in items]
    table = pd.DataFrame(rows, columns=["customer_id", "day", "item_id"])
    table["occurred_at"] = pd.Timestamp("2024-01-01 10:00") + pd.to_timedelta(table.pop("day"), unit="D")
    return table.assign(amount=1.0)


LINES = lines()
BOUGHT = {
    customer: set(some["item_id"])
    for customer, some in LINES[LINES["occurred_at"] < AS_OF].groupby("customer_id")
}


@every
def test_offers_are_ranked_from_one_without_repeats_and_called_what_they_are(model):
    table = model.fit(read_log(LINES), AS_OF).recommend(k=5, exclude_recent=0)
    assert list(table.columns) == ["customer_id", "rank", "item_id", "score", "kind", "reason"]
    for customer, some in table.groupby("customer_id"):
        assert some["rank"].tolist() == [1, 2, 3, 4, 5]
        assert some["item_id"].is_unique
        assert (some["score"].diff().dropna() <= 0).all()
        told = some["item_id"].isin(BOUGHT[customer]).map({True: "repeat", False: "novel"})
        assert some["kind"].tolist() == told.tolist()
    assert table["reason"].str.len().gt(0).all()
    assert set(table["customer_id"]) == set(BOUGHT)


@every
def test_novel_only_never_offers_what_was_bought_and_repeat_only_nothing_else(model):
    model.fit(read_log(LINES), AS_OF)
    for kind, wish in (("novel", {"novel_only": True}), ("repeat", {"repeat_only": True})):
        table = model.recommend(k=50, exclude_recent=0, **wish)
        bought = [item in BOUGHT[c] for c, item in zip(table["customer_id"], table["item_id"], strict=True)]
        assert set(bought) == {kind == "repeat"}
        assert set(table["kind"]) == {kind}
        # More is asked for than there is: everything lawful comes, once.
        sizes = table.groupby("customer_id").size()
        for customer, own in BOUGHT.items():
            assert sizes.get(customer, 0) == (len(own) if kind == "repeat" else 12 - len(own))


@every
def test_what_happens_after_as_of_changes_nothing(model):
    late = LINES["occurred_at"] >= AS_OF
    other = LINES.copy()
    other.loc[late, "item_id"] = "i99"
    other = pd.concat([other, LINES[late].assign(customer_id="c98", item_id="i00")])
    expected = model.fit(read_log(LINES), AS_OF).recommend()
    assert_frame_equal(model.fit(read_log(other), AS_OF).recommend(), expected)
    assert_frame_equal(model.fit(read_log(LINES[~late]), AS_OF).recommend(), expected)
    assert_frame_equal(model.fit(purchase_histories(read_log(other)), AS_OF).recommend(), expected)


@every
def test_neither_the_order_nor_the_repetition_of_lines_matters(model):
    expected = model.fit(read_log(LINES), AS_OF).recommend()
    shuffled = pd.concat([LINES, LINES.iloc[:40]]).sample(frac=1, random_state=1)
    assert_frame_equal(model.fit(read_log(shuffled), AS_OF).recommend(), expected)


@every
def test_customers_are_answered_alone_as_in_the_batch(model):
    model.fit(read_log(LINES), AS_OF)
    whole = model.recommend()
    alone = model.recommend(["c07", "c02", "c07"])
    expected = [whole[whole["customer_id"] == name] for name in ("c07", "c02")]
    assert_frame_equal(alone, pd.concat(expected).reset_index(drop=True))


@every
def test_an_unknown_customer_gets_what_is_popular_and_the_reason_says_so(model):
    model.fit(read_log(LINES), AS_OF)
    table = model.recommend(["nobody", "c00"], k=3)
    nobody = table[table["customer_id"] == "nobody"]
    popular = model.items_[np.argsort(-model.popularity_, kind="stable")[:3]]
    assert nobody["item_id"].tolist() == popular.tolist()
    assert set(nobody["kind"]) == {"novel"}
    assert nobody["reason"].str.startswith("no purchases known; popu").all()
    assert (table["customer_id"] == "c00").sum() == 3
    assert model.recommend(["nobody"], repeat_only=True).empty
    assert model.recommend([]).empty


@every
@pytest.mark.parametrize(
    "rows",
    [
        [("a", "2024-05-01", "tea")],
        [("a", "2024-05-01", "tea"), ("a", "2024-05-01", "tea"), ("b", "2024-05-02", "milk")],
        [("a", "2024-05-01", "tea"), ("a", "2024-05-09", "milk")],
        [(f"c{n}", "2024-05-01", f"i{n % 3}") for n in range(9)],
    ],
    ids=["one line", "one basket each", "one customer", "one day"],
)
def test_a_tiny_log_is_no_obstacle(model, rows):
    table = pd.DataFrame(rows, columns=["customer_id", "occurred_at", "item_id"]).assign(amount=1.0)
    found = model.fit(read_log(table), AS_OF).recommend(k=2)
    assert len(found) == table["customer_id"].nunique() * min(2, table["item_id"].nunique())


@every
def test_what_was_bought_yesterday_is_offered_only_if_it_is_due(model):
    rows = [("a", f"2024-05-{day:02d} 09:00", "milk") for day in (1, 8, 15, 22, 31)]
    rows += [("b", f"2024-05-{day:02d} 09:00", "news") for day in range(20, 32)]
    rows += [("b", f"2024-05-{day:02d} 09:01", "tea") for day in (10, 20)]
    table = pd.DataFrame(rows, columns=["customer_id", "occurred_at", "item_id"]).assign(amount=1.0)
    # Milk comes every week; the news comes every day, and would be due in the morning.
    model.fit(read_log(table), "2024-06-01")
    held = model.recommend().groupby("customer_id")["item_id"].agg(set)
    assert held["a"] == {"tea", "news"}
    assert held["b"] == {"milk", "tea"}
    model.fit(read_log(table), "2024-06-01 09:30")
    assert "news" in set(model.recommend(["b"], exclude_recent=2)["item_id"])
    assert "milk" in set(model.recommend(["a"], exclude_recent=0)["item_id"])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), k=st.integers(1, 15), days=st.sampled_from([0.0, 1.0, 30.0]))
def test_codes_scores_and_words_agree(seed, k, days):
    model = PersonalTop().fit(read_log(lines(6, 8, 60, seed)), "2024-02-20")
    codes, scores, filled = model.top(k=k, exclude_recent=days)
    table = model.recommend(k=k, exclude_recent=days)
    assert model.items_[codes[codes >= 0]].tolist() == table["item_id"].tolist()
    assert scores[codes >= 0].tolist() == table["score"].tolist()
    assert (scores[np.arange(k) >= filled[:, None]] == 0).all()


def test_a_level_groups_items_and_days_are_counted_from_as_of():
    table = pd.DataFrame(
        {"customer_id": [1, 1], "item_id": ["p1", "p2"], "description": ["Tea", "Tea"], "amount": 1.0,
         "occurred_at": ["2024-03-01", "2024-03-11"]}
    )  # fmt: skip
    found = PersonalTop(level="description").fit(read_log(table), "2024-03-23").recommend()
    assert found["item_id"].tolist() == ["Tea"]
    assert found["reason"].tolist() == ["due again: about every 10 days, last 12 days ago"]


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"k": 0}, r"k must be a whole number >= 1\. Got 0 instead"),
        ({"k": 2.5}, r"k must be a whole number >= 1\. Got 2\.5"),
        ({"novel_only": True, "repeat_only": True}, "exclude each other"),
        ({"exclude_recent": -1}, r"exclude_recent must be >= 0 days\. Got -1"),
    ],
)
def test_an_impossible_wish_is_refused(wish, message):
    with pytest.raises(ValueError, match=message):
        PersonalTop().fit(read_log(LINES)).recommend(**wish)


def test_missing_ids_logs_without_a_past_and_other_tables_are_refused():
    model = PersonalTop().fit(read_log(LINES))
    with pytest.raises(SchemaError, match=r"id is missing for 1 of 2 customers \(first at position 1\)"):
        model.recommend(["c00", None])
    with pytest.raises(SchemaError, match=r"PersonalTop\.fit: nothing was bought before 2020-01-01"):
        model.fit(purchase_histories(read_log(LINES)), "2020-01-01")
    with pytest.raises(SchemaError, match=r"log must be a TransactionLog or Histories\. Got DataFrame"):
        model.fit(LINES)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (GlobalTop(half_life=0), "half_life must be > 0 days, or None"),
        (PersonalTop(basket_decay=1.5), r"basket_decay must be in \(0, 1\]"),
        (Repurchase(patience=0), "patience must be > 0"),
        (TIFUKNN(alpha=2), r"alpha must be in \[0, 1\]"),
        (TIFUKNN(group_size=0), "group_size must be a whole number >= 1"),
        (ItemKNN(shrink=-1), "shrink must be >= 0"),
        (ProductPath(last_baskets=0), "last_baskets must be a whole number >= 1"),
        (EASE(l2_penalty=0), "l2_penalty must be > 0"),
        (ImplicitALS(factors=0), "factors must be a whole number >= 1"),
        (NextBasketRecommender(learn_from=()), "learn_from must be days > 0, at least one"),
        (NextBasketRecommender(max_leaves=1), "max_leaves must be a whole number >= 2"),
    ],
)
def test_an_impossible_parameter_is_refused_in_fit(model, message):
    with pytest.raises(ValueError, match=message):
        model.fit(read_log(LINES))


def test_implicit_is_an_extra_that_is_asked_for_by_name(monkeypatch):
    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr(implicit_model.importlib, "import_module", absent)
    with pytest.raises(MissingExtraError, match=r"ImplicitALS needs implicit.*crm_analytics\[implicit\]"):
        ImplicitALS().fit(read_log(LINES))


def test_implicit_recommends_through_the_same_interface():
    pytest.importorskip("implicit.cpu.als")
    model = ImplicitALS(factors=4).fit(read_log(LINES), AS_OF)
    table = model.recommend(k=3, novel_only=True)
    assert set(table["kind"]) == {"novel"}
    assert len(table) == sum(min(3, 12 - len(own)) for own in BOUGHT.values())
    expected = model.customer_factors_ @ model.item_factors_.T
    row, code = model.customers_.get_loc(table["customer_id"][0]), model.items_.get_loc(table["item_id"][0])
    assert table["score"][0] == pytest.approx(max(expected[row, code], 0), rel=1e-5)


@every
def test_excluded_items_are_offered_to_nobody_known_or_new(model):
    model = clone(model).fit(read_log(LINES), AS_OF)
    plain = model.recommend(["c00", "nobody"], k=50)
    unwanted = plain["item_id"].iloc[0]
    found = model.recommend(["c00", "nobody"], k=50, exclude=[unwanted, "never sold"])
    assert unwanted not in set(found["item_id"])
    assert set(found["item_id"]) == set(plain["item_id"]) - {unwanted}
    with pytest.raises(ValueError, match=r"exclude must be a list of items\. Got 'tea'; write \['tea'\]"):
        model.recommend(exclude="tea")


def test_receipts_of_one_morning_are_no_rhythm():
    times = ["2023-01-05 08:00", "2023-01-05 09:00", "2023-01-05 10:00", "2024-01-04 09:00"]
    log = read_log(
        pd.DataFrame(
            {
                "customer_id": [1, 1, 1, 2],
                "occurred_at": times,
                "item_id": ["tea"] * 3 + ["milk"],
                "amount": 1.0,
            }
        )
    )
    found = PersonalTop().fit(log).recommend([1], k=1, repeat_only=True)
    assert found["reason"].tolist() == ["bought 3 times, last 365 days ago"]


def test_ids_of_the_wrong_kind_are_an_error_and_not_new_customers():
    log = read_log(
        pd.DataFrame(
            {"customer_id": [1, 2], "occurred_at": "2024-01-05", "item_id": ["tea", "milk"], "amount": 1.0}
        )
    )
    model = GlobalTop().fit(log)
    with pytest.raises(
        SchemaError, match=r"none of 1 ids is known; they are words, such as '1', and the log's"
    ):
        model.recommend(["1"])
    assert len(model.recommend([7, 8], k=1)) == 2  # of the right kind, and new


def test_a_rhythm_is_told_by_days_and_given_up_after_three_of_them():
    times = ["2024-01-01 08:00", "2024-01-01 09:00", "2024-01-11 08:00"]
    log = read_log(
        pd.DataFrame({"customer_id": 1, "occurred_at": times, "item_id": "tea", "amount": 1.0}),
        not_after="2024-12-31",
    )
    histories = purchase_histories(log)
    for as_of, reason in [
        ("2024-01-23", "due again: about every 10 days, last 12 days ago"),
        ("2024-02-20", "bought 3 times, last 40 days ago"),
    ]:
        found = PersonalTop().fit(histories, as_of).recommend([1], k=1)
        assert found["reason"].tolist() == [reason]
