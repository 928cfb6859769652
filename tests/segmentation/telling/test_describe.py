"""What is said of segments, against hand counts, planted segments, chance alone, and real logs."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.stats import false_discovery_control

from crm_analytics.core import SchemaError
from crm_analytics.datasets import load_cdnow
from crm_analytics.features import behaviour_features
from crm_analytics.metrics import cliffs_delta, cohens_h
from crm_analytics.segmentation import describe, four_questions
from crm_analytics.segmentation.telling.effect_sizes import segment_differences

# Six customers in two segments, to be counted by hand.
TABLE = pd.DataFrame(
    {
        "amount_middle": [30.0, 10.0, 0.0, 60.0, 90.0, 50.0],
        "amount_long": [50.0, 20.0, 10.0, 100.0, 120.0, 100.0],
        "purchases_long": [3.0, 2.0, 1.0, 6.0, 8.0, 4.0],
        "gap_mean": [40.0, 60.0, np.nan, 20.0, 15.0, 30.0],
        "p_churn": [0.4, np.nan, 0.8, 0.1, 0.1, 0.4],
        "cost": [5.0, 2.0, 1.0, 30.0, 40.0, 10.0],
        "region": ["N", "N", "S", "S", None, "S"],
    },
    index=pd.Index(list("abcdef"), name="customer_id"),
)
LABELS = pd.Series([1, 1, 1, 2, 2, 2], index=TABLE.index)


def wide(bought):
    """A row a customer, a column a category, as `features.category_amounts` gives them."""
    return bought.pivot_table(
        index="customer_id", columns="category", values="amount", aggfunc="sum", fill_value=0
    )


def planted(n=600, seed=1):
    """Customers of two segments that differ in spend and region, and in nothing else."""
    rng = np.random.default_rng(seed)
    labels = pd.Series(np.repeat(["plain", "rich"], [n // 2, n - n // 2]))
    rich = (labels == "rich").to_numpy()
    table = pd.DataFrame(
        {
            "amount_long": rng.gamma(2, np.where(rich, 60, 20)),
            "promotion_share": rng.beta(2, 3, n),
            "constant": 7.0,
            "region": np.where(rng.random(n) < np.where(rich, 0.7, 0.2), "North", "South"),
        }
    )
    return labels, table


def test_key_numbers_by_hand():
    table = describe(LABELS, TABLE).table
    assert table["customers"].tolist() == [3, 3]
    assert_allclose(table["revenue"], [80, 320])
    assert_allclose(table["revenue_share"], [0.2, 0.8])
    # Of windows of 91 and 182 days: what lies before the middle one is as long.
    assert_allclose(table["growth"], [40 / 40 - 1, 200 / 120 - 1])
    assert_allclose(table["purchases"], [2, 6])
    assert_allclose(table["gap_mean"], [50, 20])
    assert_allclose(table["p_churn"], [0.6, 0.2])
    assert_allclose(table["revenue_per_cost"], [10, 4])


def test_growth_is_a_rate_where_the_windows_are_not_one_twice_the_other():
    table = describe(LABELS, TABLE, windows=(24, 168, 672), unit="h").table
    assert_allclose(table["growth"], [(40 / 168) / (40 / 504) - 1, (200 / 168) / (120 / 504) - 1])


def test_growth_after_nothing_is_not_known():
    table = TABLE.assign(amount_middle=TABLE["amount_long"])
    assert describe(LABELS, table).table["growth"].isna().all()


def test_differences_are_those_of_each_column_alone():
    found = describe(LABELS, TABLE).differences
    inside, others = TABLE["amount_long"][:3], TABLE["amount_long"][3:]
    row = found[(found["segment"] == 1) & (found["column"] == "amount_long")].iloc[0]
    assert_allclose(
        row[["inside", "elsewhere", "median", "median_elsewhere", "effect"]].astype(float),
        [inside.mean(), others.mean(), 20, 100, cliffs_delta(inside, others)],
    )
    # Fewer than ten customers of each kind: rare words together, missing ones apart.
    levels = found[(found["segment"] == 1) & (found["column"] == "region")].set_index("level")
    assert_allclose(levels["inside"][["(other)", "(missing)"]], [1, 0])
    assert_allclose(levels["effect"]["(missing)"], cohens_h(0, 1 / 3))
    tested = found["p"].notna()
    assert_allclose(found["q"][tested], false_discovery_control(found["p"][tested]))
    by_segment = found.groupby("segment")["size"]
    assert all(size.dropna().is_monotonic_decreasing for _, size in by_segment)


def test_what_was_planted_is_found_and_nothing_else():
    labels, table = planted()
    found = describe(labels, table).differences
    assert set(found["column"][found["telling"]]) == {"amount_long", "region"}
    constant = found[found["column"] == "constant"]
    assert constant["effect"].isna().all()
    assert not constant["telling"].any()


def test_chance_alone_rarely_tells():
    rng = np.random.default_rng(11)
    runs = []
    for _ in range(120):
        table = pd.DataFrame(rng.exponential(size=(100, 4)), columns=list("abcd"))
        table["word"] = rng.choice(["x", "y", "z"], 100)
        codes = rng.integers(0, 4, 100)
        found = segment_differences(codes, range(4), table, bound=0.05, caller="test")
        runs.append((found["q"] <= 0.05).any())
    assert np.mean(runs) <= 0.11  # .05 stated; three standard errors above it


def test_many_customers_do_not_make_a_tiny_difference_telling():
    rng = np.random.default_rng(2)
    labels = pd.Series(np.arange(40_000) % 2)
    table = pd.DataFrame({"spend": rng.normal(size=40_000) + 0.06 * labels})
    found = describe(labels, table).differences
    assert (found["q"] < 0.001).all()
    assert not found["telling"].any()
    assert describe(labels, table).table["sentence"].str.contains("Nothing sets them apart").all()


def test_the_order_of_the_rows_does_not_matter():
    labels, table = planted()
    bought = wide(pd.DataFrame({"customer_id": range(600), "category": ["x", "y", "z"] * 200, "amount": 1.1}))
    shuffled = np.random.default_rng(4).permutation(600)
    one = describe(labels, table, categories=bought)
    other = describe(labels.iloc[::-1], table.iloc[shuffled], categories=bought.iloc[shuffled])
    for first, second in zip(one[:3], other[:3], strict=True):
        pd.testing.assert_frame_equal(first, second, check_exact=True)


def test_inputs_stay_as_they_were():
    labels, table = planted()
    before = labels.copy(), table.copy()
    describe(labels, table)
    pd.testing.assert_series_equal(labels, before[0])
    pd.testing.assert_frame_equal(table, before[1])


def test_ordered_segments_keep_their_order_and_empty_ones_are_left_out():
    kinds = pd.CategoricalDtype(["worst", "none", "better", "best"], ordered=True)
    labels = pd.Series(["best", "worst", "worst", "better", "best", "best"], index=TABLE.index, dtype=kinds)
    told = describe(labels, TABLE)
    assert told.table.index.tolist() == ["worst", "better", "best"]
    assert told.differences["segment"].drop_duplicates().tolist() == ["worst", "better", "best"]
    assert labels.map(told.names).tolist()[0] == told.table["name"].iloc[-1]


@pytest.mark.parametrize("kind", [int, str, float, "category", "string", "Int64"])
def test_segments_may_be_numbers_or_words(kind):
    told = describe(LABELS.astype(kind), TABLE)
    assert told.table["customers"].tolist() == [3, 3]
    assert told.names.is_unique


def test_the_only_segment_differs_in_nothing():
    told = describe(pd.Series("all", index=TABLE.index), TABLE)
    assert told.differences["effect"].isna().all()
    assert told.names.tolist() == ["Average customers"]
    assert "100%" in told.table["sentence"].iloc[0]
    assert "Nothing" not in told.table["sentence"].iloc[0]  # there is nobody to be set apart from


def test_a_segment_of_one_customer_can_be_told():
    told = describe(pd.Series([1, 1, 1, 1, 2, 1], index=TABLE.index), TABLE)
    assert told.table["customers"].tolist() == [5, 1]
    assert not told.differences["telling"].any()  # one customer is no evidence


def test_snapshots_of_several_origins_are_described_but_for_favourites():
    origins = pd.concat({"2024": TABLE, "2025": TABLE}, names=["origin"]).swaplevel()
    labels = pd.Series(np.tile([1, 1, 1, 2, 2, 2], 2), index=origins.index)
    assert describe(labels, origins).table["customers"].tolist() == [6, 6]
    bought = wide(pd.DataFrame({"customer_id": ["a"], "category": ["tea"], "amount": [1.0]}))
    with pytest.raises(SchemaError, match="Describe one origin at a time"):
        describe(labels, origins, categories=bought)
    first = origins.xs("2024", level="origin", drop_level=False)
    assert len(describe(labels[first.index], first, categories=bought).favourites) == 1


BOUGHT = wide(
    pd.DataFrame(
        {
            "customer_id": [*"aabbccddeeff", "stranger"],
            "category": ["tea", "milk"] * 6 + ["gold"],
            "amount": [8.0, 2, 6, 4, 10, 0, 20, 80, 10, 90, 30, 70, 1000],
        }
    )
)


def test_favourites_by_hand():
    told = describe(LABELS, TABLE, categories=BOUGHT)
    assert told.table["favourites"].tolist() == ["tea", "milk"]
    first = told.favourites.iloc[0]
    assert (first["segment"], first["category"], first["amount"]) == (1, "tea", 24)
    # The stranger's gold is nobody's: tea is 24 of 30 in segment 1, and 84 of 330 in all.
    assert_allclose([first["share"], first["lift"], first["buyers"]], [24 / 30, 24 / 30 / (84 / 330), 1])


def test_the_whim_of_a_few_is_no_favourite():
    customers = [f"c{i}" for i in range(100)]
    table = pd.DataFrame({"spend": 1.0}, index=customers)
    labels = pd.Series(np.repeat([1, 2], 50), index=customers)
    bought = pd.DataFrame({"customer_id": customers, "category": "bread", "amount": 1.0})
    whim = pd.DataFrame({"customer_id": ["c0"], "category": ["yacht"], "amount": [1e6]})
    found = describe(labels, table, categories=wide(pd.concat([bought, whim]))).favourites
    assert not found.loc[found["category"] == "yacht", "favourite"].any()


def test_the_four_questions_are_answered_by_one_call():
    revenue, often, prefer, cost = four_questions(LABELS, TABLE, categories=BOUGHT)
    assert revenue.table.index.tolist() == [2, 1]
    assert "80% of revenue from 50% of the customers, 107 each" in revenue.sentence
    assert often.table["purchases"].tolist() == [6, 2]
    assert "20 days lie between" in often.sentence
    assert prefer.table["category"].tolist() == ["tea", "milk"]
    assert cost.table["revenue_per_cost"].tolist() == [10, 4]
    assert cost.sentence.endswith("least, 4.")


def test_what_the_data_do_not_tell_is_said():
    table = TABLE[["gap_mean"]]
    answers = four_questions(LABELS, table)
    assert [len(answer.table) for answer in answers] == [0, 0, 0, 0]
    assert all(answer.sentence.startswith("Not known") for answer in answers)
    spent = TABLE[["amount_long"]]
    assert "no column 'cost'" in four_questions(LABELS, spent)[3].sentence
    assert "adds up to 0" in four_questions(LABELS, spent * 0)[0].sentence
    assert "cost to serve above 0" in four_questions(LABELS, TABLE.assign(cost=0.0))[3].sentence


def test_revenue_may_be_any_column():
    assert_allclose(describe(LABELS, TABLE, revenue="cost").table["revenue"], [8, 80])
    with pytest.raises(SchemaError, match="meant as 'costs'"):
        describe(LABELS, TABLE, revenue="costs")


@pytest.mark.parametrize(
    ("labels", "table", "message"),
    [
        (LABELS.where(LABELS == 1), TABLE, "missing for 3 of 6 customers"),
        (LABELS[:4], TABLE, "2 of the 6 in the table have no label"),
        (LABELS, TABLE[:5], "1 of the 6 with a label are not in the table"),
        (pd.concat([LABELS, LABELS[:1]]), TABLE, "1 customers come twice in labels"),
        (LABELS, TABLE.iloc[[0, 0, 1, 2, 3, 4]], "1 customers come twice in table"),
        (LABELS, TABLE[[]], "the table has no columns"),
        (LABELS[:0], TABLE[:0], "no customers to describe"),
        (LABELS, TABLE.assign(amount_long=np.inf), "amount_long must be a finite number"),
        (LABELS, TABLE.assign(gap_mean=np.inf), "gap_mean must be finite or missing"),
        (LABELS, TABLE.assign(cost=-1.0), "cost must be >= 0"),
        (LABELS, TABLE.assign(since=pd.Timestamp("2024-01-01")), "since holds dates"),
        (LABELS, TABLE.assign(amount_long="much"), "amount_long must be numeric"),
        (LABELS, pd.concat([TABLE, TABLE[["cost"]]], axis=1), "two columns named 'cost'"),
    ],
)
def test_bad_tables_are_refused_with_a_remedy(labels, table, message):
    with pytest.raises(SchemaError, match=message):
        describe(labels, table)


def test_words_that_name_customers_are_refused():
    labels, table = planted()
    with pytest.raises(SchemaError, match="email has 600 different words in 600 rows"):
        describe(labels, table.assign(email=[f"c{i}" for i in range(600)]))


def test_wrong_settings_are_refused():
    for settings, message in [
        ({"lang": "de"}, "lang must be one of 'en', 'tr'"),
        ({"unit": "Y"}, "unit must be one of"),
        ({"bound": 0}, r"bound must be in \(0, 1\)"),
        ({"windows": (91, 28, 182)}, "three rising whole numbers"),
    ]:
        with pytest.raises(ValueError, match=message):
            describe(LABELS, TABLE, **settings)
    with pytest.raises(TypeError, match="Series indexed by customer"):
        describe(LABELS.to_numpy(), TABLE)


def test_real_customers_get_names_that_fit_what_they_spend():
    table = behaviour_features(load_cdnow(), "1997-10-01")
    rank = table["amount_long"].rank(pct=True)
    told = describe(pd.cut(rank, [0, 0.5, 0.9, 1], labels=["low", "middle", "top"]), table)
    assert told.names.is_unique
    assert "Lapsing" in told.names["low"]  # half of them have not been seen for half a year
    assert "top spenders" in told.names["top"].lower()
    assert told.table["revenue_share"].is_monotonic_increasing
    assert_allclose(told.table[["share", "revenue_share"]].sum(), 1)
