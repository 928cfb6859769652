"""Product paths against counts by hand, hazards that are known, and groceries."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal
from sklearn.base import clone

from crm_analytics.basket.paths import ProductPaths
from crm_analytics.basket.paths.outlook import outlook
from crm_analytics.basket.paths.steps import path_steps
from crm_analytics.basket.paths.tables import wilson
from crm_analytics.core.errors import SchemaError
from crm_analytics.datasets import load_complete_journey
from crm_analytics.datasets.product_holdings import make_product_holdings
from crm_analytics.features.histories import purchase_histories
from crm_analytics.metrics.survival import cumulative_incidence, survival_quantile
from crm_analytics.transactions import read_log


def log_of(*lines):
    """Lines of (customer, day of 2024, item)."""
    customers, days, items = zip(*lines, strict=True)
    at = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.array(days), unit="D")
    return read_log(
        pd.DataFrame({"customer_id": customers, "occurred_at": at, "item_id": items, "amount": 1.0})
    )


@pytest.fixture(scope="module")
def made():
    return make_product_holdings(30_000, random_state=1)


@pytest.fixture(scope="module")
def fitted(made):
    return ProductPaths().fit(made.log(), segments=made.customers["segment"])


# By hand


def test_wilson_interval_is_the_published_one():
    # Newcombe (1998), Statistics in Medicine 17, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    low, high = wilson(np.array([81, 15, 0, 1]), np.array([263, 148, 20, 29]), 0.95)
    assert_allclose(low, [0.2553, 0.0624, 0.0, 0.0061], atol=5.1e-5)
    assert_allclose(high, [0.3662, 0.1605, 0.1611, 0.1718], atol=5.1e-5)


LINES = [
    ("ann", 0, "account"), ("ann", 10, "card"), ("ann", 20, "account"), ("ann", 40, "loan"),
    ("bob", 0, "account"), ("bob", 5, "card"), ("bob", 5, "savings"), ("bob", 9, "loan"),
    ("cem", 8, "account"), ("cem", 38, "loan"),
    ("dan", 30, "account"),
]  # fmt: skip


def test_transitions_of_four_customers_are_those_counted_by_hand():
    paths = ProductPaths(max_order=1, within=20).fit(log_of(*LINES))
    table = paths.transitions_.set_index(["from", "to"])
    counts = {("account", "card"): 2, ("account", "savings"): 1, ("account", "loan"): 1}
    counts |= {("card", "loan"): 2, ("savings", "loan"): 1}  # the account bought again is no step
    assert table["count"].to_dict() == counts
    account = table.loc["account"]
    assert set(account["reached"]) == {4}
    assert set(account["went_on"]) == {3}
    assert account["share"].to_dict() == pytest.approx({"card": 2 / 3, "savings": 1 / 3, "loan": 1 / 3})
    # Waits from account: card at 10 and 5, loan at 30, dan left at 11 days.
    assert account["incidence"].to_dict() == pytest.approx({"card": 0.5, "savings": 0.25, "loan": 0.0})
    assert account.loc["loan", "median_days"] == 30


def test_smoothed_probability_is_the_share_drawn_to_the_products_share_of_all_steps():
    table = ProductPaths(max_order=1, strength=4.0).fit(log_of(*LINES)).transitions_.set_index(["from", "to"])
    assert table.loc[("account", "card"), "probability"] == pytest.approx((2 + 4 * 2 / 6) / (3 + 4))
    assert table.loc[("savings", "loan"), "probability"] == pytest.approx((1 + 4 * 4 / 6) / (1 + 4))


def test_paths_and_flows_name_packages_and_count_customers():
    paths = ProductPaths(max_order=1).fit(log_of(*LINES))
    shown = paths.paths_.set_index("path")
    assert shown.loc["account → card + savings → loan", ["steps", "customers", "share"]].tolist() == [
        3,
        1,
        0.25,
    ]
    assert shown.loc["account → card → loan", "median_days"] == 40
    flows = paths.flows(3).set_index(["step", "source", "target"])["customers"]
    assert flows[1, "account", "(none so far)"] == 1
    assert flows.loc[1].sum() == 4
    assert flows.loc[2].sum() == 3  # who went on
    assert set(paths.flows(2, top=1)["target"]) == {"(none so far)", "other"}


def test_products_of_one_occasion_do_not_lead_to_one_another():
    steps = path_steps(log_of(("a", 0, "x"), ("a", 0, "y"), ("a", 3, "z"), ("a", 3, "x")))
    assert [steps.items[row].tolist() for row in np.split(steps.indices, steps.indptr[1:-1])] == [
        ["x", "y"],
        ["z"],
    ]


@pytest.mark.parametrize(
    ("kind", "right"),
    [
        ("first", [["a"], ["b"]]),
        ("change", [["a"], ["b"], ["a"]]),
        ("every", [["a"], ["a", "b"], ["b"], ["a"]]),
    ],
)
def test_steps_are_first_take_ups_changes_or_all(kind, right):
    log = log_of(("u", 0, "a"), ("u", 1, "a"), ("u", 1, "b"), ("u", 2, "b"), ("u", 3, "a"))
    steps = path_steps(log, kind=kind)
    assert [steps.items[row].tolist() for row in np.split(steps.indices, steps.indptr[1:-1])] == right


def test_the_warm_up_is_held_but_no_step():
    log = log_of(("u", 0, "a"), ("u", 20, "b"), ("u", 30, "a"), ("u", 40, "c"), ("v", 35, "a"))
    paths = ProductPaths(warm_up=10, max_order=1).fit(log)
    assert paths.transitions_[["from", "to"]].values.tolist() == [["b", "c"]]
    assert paths.starts_.set_index("item_id")["customers"].to_dict() == {"a": 1, "b": 1}
    assert "a" not in paths.next_step(customers=["u"], k=9)["item_id"].tolist()


# A constant hazard has answers in closed form


def test_outlook_of_constant_rates_is_exponential():
    rates = np.repeat(np.array([[0.01, 0.03]])[:, :, None], 3, axis=2)
    edges, waited = np.array([0.0, 10.0, 50.0]), np.array([25.0])
    found, by_interval, survival = outlook(rates, edges, waited, 60, 1.0)
    assert_allclose(found[0], np.array([0.25, 0.75]) * (1 - np.exp(-0.04 * 60)), rtol=1e-12)
    assert_allclose(by_interval.sum(axis=2), found)
    assert survival[0, -1] == pytest.approx(np.exp(-2.4))
    assert_allclose(outlook(rates, edges, waited, np.inf, 1.0)[0], [[0.25, 0.75]], rtol=1e-12)


# Known truth


def test_table_incidence_and_median_are_those_of_the_aalen_johansen_curves(fitted):
    seen = fitted._seen
    at = np.flatnonzero(fitted._holds("account"))
    for to in ("debit card", "savings"):
        row = fitted.transitions_.query("`from` == 'account' and to == @to").iloc[0]
        curve = fitted.incidence("account", [to])
        assert row["incidence"] == pytest.approx(curve[curve["time"] <= 365]["incidence"].iloc[-1], rel=1e-9)
        half = curve.assign(incidence=curve["incidence"] / curve["incidence"].iloc[-1])
        assert row["median_days"] == pytest.approx(survival_quantile(half), rel=1e-9)
    assert at.size == fitted.timing_.set_index("from").loc["account", "reached"]
    assert len(cumulative_incidence(seen.wait[at], seen.followed[at].astype(int)))


def test_incidence_from_the_account_is_the_true_one(made):
    # Those who begin with an account, so that nothing else is held; families alone.
    families = made.customers.index[made.customers["segment"] == "family"]
    lines = made.table().to_pandas()
    lines = lines[lines["customer_id"].isin(families)]
    first = lines.groupby("customer_id")["item_id"].first()
    lines = lines[lines["customer_id"].isin(first.index[first == "account"])]
    paths = ProductPaths(within=730, occasion="transaction").fit(
        read_log(lines, not_after="2025-01-01"), as_of="2025-01-01"
    )
    table = paths.transitions_[paths.transitions_["from"] == "account"].set_index("to")
    true = made.incidence("family", ["account"], 730)
    for to in ("debit card", "savings", "credit card", "insurance", "mortgage"):
        n = table.loc[to, "reached"]
        error = np.sqrt(true[to] * (1 - true[to]) / n)
        assert abs(table.loc[to, "incidence"] - true[to]) < 4 * error, to
    # The share of those who went on has lost the slow ones: it overstates what comes soon.
    ever = made.incidence("family", ["account"], 1e5)
    assert table.loc["debit card", "share"] > ever["debit card"]


@pytest.fixture(scope="module")
def answers(made, fitted):
    """Estimated and true probabilities of 180 days, of 600 customers not yet holding all."""
    log, size = made.log(), 600
    found = fitted.step_probabilities(within=180).iloc[:size]
    lines = log.to_frame().sort_values(["customer_id", "occurred_at"], kind="stable")
    ends = pd.Timestamp(made.end)
    true = []
    for customer, part in lines[lines["customer_id"] < size].groupby("customer_id"):
        held = part["item_id"].tolist()
        if len(held) == 7:
            true.append(pd.Series(0.0, index=found.columns))
            continue
        waited = (ends - part["occurred_at"].iloc[-1]) / pd.Timedelta(days=1)
        true.append(made.incidence(made.customers["segment"][customer], held, 180, waited=waited))
    return found, pd.DataFrame(true)[found.columns.tolist()].set_index(found.index)


def test_customers_probabilities_are_close_to_the_true_ones(answers):
    found, true = answers
    error = (found - true).to_numpy()
    assert np.abs(error).mean() < 0.012  # true ones are .044 in the mean
    assert abs(error.mean()) < 0.002
    assert np.corrcoef(found.to_numpy().ravel(), true.to_numpy().ravel())[0, 1] > 0.93


def test_what_customers_did_next_is_predicted_better_than_by_base_rates_and_calibrated(made):
    log = made.log()
    cut = pd.Timestamp("2024-01-01")
    paths = ProductPaths().fit(log, as_of=cut, segments=made.customers["segment"])
    found = paths.step_probabilities(within=365)
    lines = log.to_frame().sort_values(["occurred_at"], kind="stable")
    after = lines[(lines["occurred_at"] >= cut) & lines["customer_id"].isin(found.index)]
    first = after.groupby("customer_id")["item_id"].first().reindex(found.index)
    came = found.columns.to_numpy()[None, :] == first.to_numpy(object)[:, None]
    held = (found == 0).to_numpy()
    assert not came[held].any()  # what is held never comes
    base = np.where(held, 0.0, came.sum(axis=0) / np.maximum((~held).sum(axis=0), 1))
    brier, by_base = ((found - came) ** 2).to_numpy().mean(), ((base - came) ** 2).mean()
    assert brier < 0.94 * by_base  # although the base rates were allowed to see the future
    share = pd.DataFrame({"said": found.to_numpy()[~held], "did": came[~held]})
    by_tenth = share.groupby(pd.qcut(share["said"], 10), observed=True).mean()
    assert_allclose(by_tenth["did"], by_tenth["said"], atol=0.02)


def test_the_card_is_offered_after_the_account(made):
    paths = ProductPaths().fit(made.log())
    new = log_of(("new", 0, "account"), ("other", 1, "savings"))
    told = paths.next_step(new, k=2, within=180).set_index(["customer_id", "rank"])
    assert told.loc[("new", 1), "item_id"] == "debit card"
    assert told.loc[("new", 1), "probability"] > 0.4
    assert "After account, " in told.loc[("new", 1), "reason"]
    assert "take debit card next within 180 days." in told.loc[("new", 1), "reason"]
    assert told.loc[("new", 1), "median_days"] < 60


def test_the_longer_path_is_looked_at_when_it_tells_more():
    rng = np.random.default_rng(2)
    lines = []
    for customer in range(1500):  # what comes third is what did not come first, whatever came second
        first = rng.choice(["a", "b"])
        days = np.cumsum(rng.exponential(20, 3))
        lines += zip([customer] * 3, days, [first, "m", "x" if first == "a" else "y"], strict=True)
    paths = ProductPaths().fit(log_of(*lines))
    assert paths.order_ >= 2
    new = log_of(("u", 0, "a"), ("u", 3, "m"))
    assert paths.next_step(new, k=1, within=np.inf)["item_id"].tolist() == ["x"]
    assert ProductPaths(max_order=1).fit(log_of(*lines)).order_ == 1


def test_segments_go_the_ways_they_were_made_to(made, fitted):
    differs = fitted.segment_differences_.set_index(["segment", "from", "to"])
    card = differs.loc[("student", "account", "debit card")]
    assert card["differs"]
    assert card["difference"] > 0
    assert differs.loc[("family", "credit card", "mortgage"), "low"] > 0
    new = log_of(("s", 0, "credit card"), ("f", 0, "credit card"))
    segments = pd.Series({"s": "student", "f": "family"})
    chance = fitted.step_probabilities(new, within=3650, segments=segments)
    assert chance.loc["f", "mortgage"] > 4 * chance.loc["s", "mortgage"]


def test_segments_that_do_not_differ_are_not_said_to(made):
    rng = np.random.default_rng(4)
    by_chance = pd.Series(rng.choice(["p", "q"], len(made.customers)), index=made.customers.index)
    paths = ProductPaths(max_order=1).fit(made.log(), segments=by_chance)
    assert not paths.segment_differences_["differs"].any()


# Whatever the log


events = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 12), st.sampled_from("abcd")), min_size=1, max_size=25
)


@settings(max_examples=25)
@given(lines=events, kind=st.sampled_from(["first", "change", "every"]))
def test_probabilities_are_probabilities_and_nothing_held_is_offered(lines, kind):
    log = log_of(*lines)
    paths = ProductPaths(steps=kind, min_count=1).fit(log, as_of="2024-02-01")
    found = paths.step_probabilities(within=30)
    assert found.to_numpy().min() >= 0
    assert found.to_numpy().max() <= 1
    assert (found <= paths.step_probabilities(within=60) + 1e-12).all(axis=None)
    if kind == "first":
        for customer, item in {(c, i) for c, _, i in lines}:
            assert found.loc[customer, item] == 0
    table = paths.transitions_
    assert (table["count"] <= table["went_on"]).all()
    assert (table["incidence"] <= 1 + 1e-12).all()


def test_the_order_of_lines_and_what_comes_later_change_nothing(made):
    lines = make_product_holdings(800, random_state=3).table().to_pandas()
    first = ProductPaths().fit(read_log(lines), as_of="2024-01-01")
    mixed = ProductPaths().fit(read_log(lines.sample(frac=1, random_state=1)), as_of="2024-01-01")
    assert_frame_equal(first.transitions_, mixed.transitions_)
    assert_frame_equal(first.next_step(), mixed.next_step())
    early = lines[lines["occurred_at"] < "2024-01-01"]
    assert_frame_equal(
        ProductPaths().fit(read_log(early), as_of="2024-01-01").transitions_, first.transitions_
    )
    histories = purchase_histories(read_log(lines), occasion="D")
    assert_frame_equal(ProductPaths().fit(histories, as_of="2024-01-01").transitions_, first.transitions_)
    assert_frame_equal(first.next_step(read_log(lines), as_of="2024-01-01"), first.next_step())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_order": 9}, r"max_order must be 'auto' or a whole number in \[0, 6\]\. Got 9"),
        ({"strength": 0}, r"strength must be in \(0, inf\)\. Got 0"),
        ({"steps": "all"}, "steps must be one of 'first', 'change', 'every'"),
        ({"warm_up": -1}, r"warm_up must be in \[0, inf\) days\. Got -1"),
        ({"min_count": 0}, r"min_count must be >= 1\. Got 0"),
    ],
)
def test_impossible_settings_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        clone(ProductPaths()).set_params(**change).fit(log_of(*LINES))


def test_data_that_cannot_be_read_are_refused_with_a_remedy():
    log = log_of(*LINES)
    with pytest.raises(TypeError, match=r"takes a TransactionLog or Histories\. Got list"):
        ProductPaths().fit([["a"]])
    with pytest.raises(SchemaError, match="all steps lie within the warm-up of 400 days"):
        ProductPaths(warm_up=400).fit(log)
    with pytest.raises(SchemaError, match=r"no customer of the log has a segment\. .* \('ann'\)"):
        ProductPaths().fit(log, segments=pd.Series({1: "x"}))
    paths = ProductPaths().fit(log)
    with pytest.raises(SchemaError, match=r"1 of 2 customers have no step in the data \(first 'eve'\)"):
        paths.next_step(customers=["ann", "eve"])
    with pytest.raises(ValueError, match=r"no product 'lone'\. Is 'loan' meant\?"):
        paths.waiting_time("lone")
    with pytest.raises(ValueError, match=r"within must be > 0 days\. Got 0"):
        paths.next_step(within=0)


# Groceries


def test_departments_of_complete_journey_are_counted_as_pandas_counts_them():
    log = load_complete_journey().log
    paths = ProductPaths(level="department", warm_up=30).fit(log)
    lines = log.purchases()[["customer_id", "occurred_at", "department"]].dropna()
    first = lines.groupby(["customer_id", "department"])["occurred_at"].min().dt.floor("D").reset_index()
    first = first.sort_values(["customer_id", "occurred_at"])
    late = first[first["occurred_at"] >= lines["occurred_at"].min().floor("D") + pd.Timedelta(days=30)]
    days = late.drop_duplicates(["customer_id", "occurred_at"])[["customer_id", "occurred_at"]]
    days = days.assign(then=days.groupby("customer_id")["occurred_at"].shift(-1))
    right = late.merge(days, on=["customer_id", "occurred_at"]).merge(
        late, left_on=["customer_id", "then"], right_on=["customer_id", "occurred_at"]
    )
    counts = right.groupby(["department_x", "department_y"]).size()
    found = paths.transitions_.set_index(["from", "to"])["count"]
    # The first line of the log is at 11:53, and 30 days are counted from then: that day is on the edge.
    assert found.sum() == pytest.approx(counts.sum(), rel=0.03)
    assert found.corr(counts.reindex(found.index).fillna(0)) > 0.99
    assert len(paths.step_probabilities()) == log.n_customers
