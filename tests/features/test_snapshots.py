"""Snapshots against a slow and plain count of the same, and against the future."""

import os

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal

from crm_analytics import read_log
from crm_analytics.core import SchemaError
from crm_analytics.datasets import load_cdnow, load_complete_journey, load_online_retail
from crm_analytics.features import SnapshotBuilder, behaviour_features, calibration_holdout, snapshots

START = pd.Timestamp("2024-01-01")
BUILDER = SnapshotBuilder(windows=(7, 14, 28), horizon=10, gap=3)


def lines(seed=0, n=1500, customers=25, days=120, refunds=True):
    rng = np.random.default_rng(seed)
    amount = rng.choice([2.5, 4.0, 10.0, 0.1], n)
    sign = np.where(refunds & (rng.random(n) < 0.12), -1, 1)
    return pd.DataFrame(
        {
            "customer_id": rng.integers(0, customers, n),
            "item_id": rng.choice(list("abcdefgh"), n),
            "category": rng.choice(["x", "y", "z", None], n),
            "store_id": rng.choice(["s", "t"], n),
            "discount": rng.choice([0.0, 0.0, 1.0], n),
            "occurred_at": START + pd.to_timedelta(rng.integers(0, days * 24, n), unit="h"),
            "amount": amount * sign,
            "quantity": 1.0 * sign,
        }
    )


def opened(table, **options):
    return read_log(table, not_after="2025-01-01", **options)


def plainly(bought, refunds, customer, origin, windows):
    """One customer at one origin, counted as the docstring says it."""
    _, middle, long = windows
    bought = bought[bought["customer_id"] == customer]
    day = (bought["occurred_at"] - START).dt.days
    now = (origin - START).days - 1
    bought = bought.assign(ago=now - day)[now - day < long]
    if bought.empty:
        return None
    visits = bought.groupby("ago")["amount"].sum().sort_index(ascending=False)
    ago = visits.index.to_numpy()
    gaps = -np.diff(ago)
    recent, before = bought[bought["ago"] < middle], bought[bought["ago"] >= middle]
    days_of_item = before.groupby("item_id")["ago"].nunique()
    usual = set(days_of_item[days_of_item >= 2].index)
    age = now - (refunds["occurred_at"] - START).dt.days
    n_returns = ((refunds["customer_id"] == customer) & (age >= 0) & (age < long)).sum()
    spent = {name: visits[ago < reach].sum() for name, reach in zip("sml", windows, strict=True)}
    n = {name: (ago < reach).sum() for name, reach in zip("sml", windows, strict=True)}
    before_n = ((ago >= middle) & (ago < 2 * middle)).sum()
    before_spent = visits[(ago >= middle) & (ago < 2 * middle)].sum()
    mean_gap = gaps.mean() if gaps.size else np.nan
    return {
        "since_last": ago.min(),
        "since_first": ago.max(),
        "purchases_short": n["s"],
        "purchases_middle": n["m"],
        "purchases_long": n["l"],
        "amount_short": spent["s"],
        "amount_middle": spent["m"],
        "amount_long": spent["l"],
        "amount_mean": spent["l"] / n["l"],
        "amount_largest": visits.max(),
        "amount_last": visits.iloc[-1],
        "gap_mean": mean_gap,
        "gap_spread": gaps.std() if gaps.size > 1 else np.nan,
        "gap_longest": gaps.max() if gaps.size else np.nan,
        "gap_last_ratio": gaps[-1] / mean_gap if gaps.size else np.nan,
        "since_last_ratio": ago.min() / mean_gap if gaps.size else np.nan,
        "trend": (n["m"] - before_n) / (n["m"] + before_n) if n["m"] + before_n else np.nan,
        "amount_trend": (spent["m"] - before_spent) / (spent["m"] + before_spent)
        if spent["m"] + before_spent > 0
        else np.nan,
        "lines_mean": len(bought) / n["l"],
        "promotion_share": (bought["discount"] != 0).mean(),
        "return_share": n_returns / (n_returns + len(bought)),
        "items": bought["item_id"].nunique(),
        "categories": bought["category"].nunique(),
        "categories_middle": recent["category"].nunique(),
        "stores": bought["store_id"].nunique(),
        "basket_stability": len(usual & set(recent["item_id"])) / len(usual) if usual else np.nan,
    }


@pytest.mark.parametrize("refunds", ["net", "drop", "keep"])
def test_features_equal_a_plain_count_of_each_customer_at_each_origin(refunds):
    log = opened(lines(n=500, customers=9), refunds=refunds)
    origins = [pd.Timestamp("2024-02-01"), pd.Timestamp("2024-02-20"), pd.Timestamp("2024-04-01")]
    found = BUILDER.features(log, origins)
    returned = log.query("SELECT customer_id, occurred_at FROM lines WHERE is_refund").to_pandas()
    bought = {origin: log.purchases(origin) for origin in origins}
    expected = {
        (customer, origin): plainly(bought[origin], returned, customer, origin, BUILDER.windows)
        for origin in origins
        for customer in range(9)
    }
    expected = pd.DataFrame({key: row for key, row in expected.items() if row is not None}).T
    assert list(found.columns) == list(expected.columns)
    assert found.index.droplevel("label_end").tolist() == expected.index.tolist()
    # Standard deviations are reckoned from sums of squares.
    assert_allclose(found.to_numpy(), expected.to_numpy(dtype=float), rtol=1e-9, atol=1e-6)


def test_labels_are_silence_in_the_window_after_the_gap():
    log = opened(lines(n=200))
    features, churned = BUILDER.build(log, ["2024-02-01", "2024-03-01"])
    assert features.index.equals(churned.index)
    seen = {end: log.purchases(end) for end in churned.index.unique("label_end")}
    assert set(churned) == {True, False}
    for (customer, origin, end), left in churned.items():
        begin = origin + pd.Timedelta(days=3)
        assert end == begin + pd.Timedelta(days=10)
        bought = seen[end]
        inside = bought[(bought["customer_id"] == customer) & (bought["occurred_at"] >= begin)]
        assert left == inside.empty


def test_partial_defection_compares_spend_with_the_customers_own():
    day = pd.to_timedelta([0, 10, 20, 27, 31, 0, 10, 20, 27, 31], unit="D")
    table = pd.DataFrame(
        {
            "customer_id": ["a"] * 5 + ["b"] * 5,
            "occurred_at": START + day,
            "amount": [7.0] * 4 + [3.0] + [7.0] * 4 + [7.0],
        }
    )
    builder = SnapshotBuilder(windows=(7, 14, 28), horizon=10, label="partial", partial_share=0.5)
    table.loc[len(table)] = ["c", pd.Timestamp("2024-02-20"), 1.0]
    churned = builder.build(opened(table), ["2024-01-29"]).labels
    # Both spent 28 in 28 days, 10 in ten: 3 is under half of it, 7 is not.
    assert churned.droplevel(["origin", "label_end"]).to_dict() == {"a": True, "b": False}


def test_a_single_snapshot_agrees_with_the_other_features_of_the_log():
    log = load_cdnow()
    builder = SnapshotBuilder(horizon=91)
    features, churned = builder.build(log, ["1997-10-01"])
    other = behaviour_features(log, "1997-10-01").loc[features.index.get_level_values(0)]
    for name in [
        "since_last",
        "purchases_short",
        "purchases_middle",
        "amount_middle",
        "amount_long",
        "amount_last",
    ]:
        assert_allclose(features[name], other[name])
    holdout = calibration_holdout(log, "1997-10-01", "1997-12-31").loc[features.index.get_level_values(0)]
    assert_array_equal(churned, holdout["frequency_holdout"] == 0)


@settings(max_examples=12)
@given(
    seed=st.integers(0, 1000),
    policy=st.sampled_from(["net", "drop", "keep"]),
    kind=st.sampled_from(["new lines", "refunds of old purchases", "nothing at all"]),
)
def test_whatever_happens_from_the_origin_on_changes_no_feature(seed, policy, kind):
    table, origin = lines(seed, n=150, customers=3, days=90), pd.Timestamp("2024-03-01")
    before = table[table["occurred_at"] < origin]
    rng = np.random.default_rng(seed + 1)
    n = int(rng.integers(1, 60))
    after = lines(seed + 1, n=n, customers=5)
    if kind == "refunds of old purchases":
        after = before.sample(min(n, len(before)), random_state=seed)
        after = after.assign(amount=-after["amount"].abs(), quantity=-1.0)
    late = origin + pd.to_timedelta(rng.integers(0, 40 * 86_400, len(after)), unit="s")
    after = after.assign(occurred_at=late)
    changed = (
        before if kind == "nothing at all" else pd.concat([before, after]).sample(frac=1, random_state=seed)
    )
    origins = ["2024-02-10", origin]
    right = BUILDER.features(opened(table, refunds=policy), origins)
    found = BUILDER.features(opened(changed, refunds=policy), origins)
    assert_frame_equal(found, right, check_exact=True)


def test_an_origin_is_described_alike_alone_and_among_others():
    log = opened(lines())
    origins = ["2024-02-01", "2024-02-15", "2024-03-10"]
    together = BUILDER.features(log, origins)
    alone = pd.concat([BUILDER.features(log, [origin]) for origin in origins])
    assert_frame_equal(together, alone, check_exact=True)


def test_customers_asked_for_in_parts_are_described_alike(monkeypatch):
    log = opened(lines(seed=9))
    origins = [START + pd.Timedelta(days=day) for day in (40, 60, 80)]
    whole = BUILDER.features(log, origins)
    monkeypatch.setattr(snapshots, "LINES_AT_ONCE", 200)
    assert_frame_equal(BUILDER.features(log, origins), whole, check_exact=True)


def test_columns_that_the_log_cannot_have_are_left_out():
    table = lines()[["customer_id", "occurred_at", "amount"]]
    found = BUILDER.features(opened(table), "2024-02-01")
    assert "items" not in found
    assert "stores" not in found
    assert found.shape[1] == 20


def test_default_origins_leave_every_label_window_inside_the_log():
    log = load_complete_journey().log
    origins = SnapshotBuilder(horizon=28, gap=7).origins(log)
    assert origins[-1] == pd.Timestamp("2017-11-28")
    assert (np.diff(origins) == np.timedelta64(28, "D")).all()
    assert origins[0] >= pd.Timestamp("2017-04-02")
    with pytest.raises(ValueError, match="holds no origin with 91 days before and 400 after"):
        SnapshotBuilder(horizon=400).origins(log)


def test_attributes_are_those_that_held_before_the_origin():
    log = opened(lines())
    plans = pd.DataFrame(
        {
            "customer_id": [1, 1, 2],
            "valid_from": pd.to_datetime(["2023-06-01", "2024-02-15", "2024-02-01"]),
            "plan": ["basic", "gold", "basic"],
        }
    )
    found = BUILDER.features(log, ["2024-02-01", "2024-02-16"], attributes=plans)["plan"]
    told = found.droplevel("label_end").unstack("origin")
    assert told.loc[1].tolist() == ["basic", "gold"]
    assert told.loc[2].isna().tolist() == [True, False]
    assert told.loc[3].isna().all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="valid_from"), "would tell the past what came later"),
        (lambda t: t.assign(valid_from="2024-01-01"), "valid_from must be times"),
        (lambda t: pd.concat([t, t]), r"1 of 2 rows repeat a customer .*\(first at row 1\)"),
        (lambda t: t.assign(customer_id="1"), "no customer will be found"),
        (lambda t: t.assign(valid_from=pd.NaT), r"missing in 1 of 1 rows"),
        (lambda t: t.drop(columns="customer_id"), "must have a column customer_id"),
    ],
)
def test_attributes_without_a_sound_time_are_refused(change, message):
    plans = pd.DataFrame(
        {"customer_id": [1], "valid_from": pd.to_datetime(["2024-01-01"]), "plan": ["basic"]}
    )
    with pytest.raises(SchemaError, match=message):
        BUILDER.features(opened(lines()), ["2024-02-01"], attributes=change(plans))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"windows": (28, 91)}, "windows must be three rising whole numbers"),
        ({"windows": (28, 14, 91)}, "windows must be three rising"),
        ({"horizon": 0}, "horizon must be a whole number >= 1"),
        ({"gap": -1}, "gap must be a whole number >= 0"),
        ({"label": "silent"}, "label must be one of 'silence', 'partial', 'contract_end'"),
        ({"partial_share": 1.5}, r"partial_share must be in \(0, 1\)"),
    ],
)
def test_parameters_out_of_range_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        SnapshotBuilder(**arguments)


def test_origins_that_cannot_be_are_refused():
    log = opened(lines())
    with pytest.raises(ValueError, match="before the label window of 1 of 2 origins does"):
        BUILDER.build(log, ["2024-02-01", "2024-04-25"])
    with pytest.raises(ValueError, match="first instants of a day"):
        BUILDER.features(log, ["2024-02-01 12:00"])
    with pytest.raises(ValueError, match="after the log's first line"):
        BUILDER.features(log, ["2023-02-01"])
    with pytest.raises(ValueError, match=r"dates such as '2024-08-05'. Got '05.08.2024'"):
        BUILDER.features(log, ["05.08.2024"])
    with pytest.raises(
        ValueError, match=r"short window \(7 days\) after the log's end, .* everybody would seem"
    ):
        BUILDER.features(log, ["2024-06-01"])
    plans = pd.DataFrame({"customer_id": [1], "valid_from": [pd.Timestamp("2024-01-01")], "since_last": [3]})
    with pytest.raises(SchemaError, match="column 'since_last', the name of a feature"):
        BUILDER.features(log, ["2024-02-01"], attributes=plans)
    with pytest.raises(ValueError, match="at least one date"):
        BUILDER.features(log, [])


@pytest.mark.skipif(
    "CRM_ANALYTICS_DATA" not in os.environ, reason="needs online_retail.parquet: CRM_ANALYTICS_DATA"
)
def test_a_dirty_log_gives_the_same_at_several_origins_as_at_each():
    log = load_online_retail()
    builder = SnapshotBuilder(horizon=28)
    origins = ["2011-02-01", "2011-03-01"]
    together, churned = builder.build(log, origins)
    alone = [builder.build(log, [origin]) for origin in origins]
    assert_frame_equal(together, pd.concat([part.features for part in alone]), check_exact=True)
    assert_array_equal(churned, np.concatenate([part.labels for part in alone]))
    assert together["return_share"].between(0, 1).all()
