"""Retention plans against hand-computed tables, every subset, simulated campaigns and their own algebra."""

import os
from dataclasses import FrozenInstanceError
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal
from sklearn.linear_model import LogisticRegression

from crm_analytics.churn import RetentionPlanner, experiment_effect
from crm_analytics.churn.retention.retention_experiment import uneven_treatment
from crm_analytics.churn.retention.retention_profit import (
    _moments,
    _spread,
    expected_profit,
    profit_draws,
    stakes,
)
from crm_analytics.core import SchemaError
from crm_analytics.datasets import load_telco_churn
from crm_analytics.datasets.external import VARIABLE
from crm_analytics.metrics import mpc

PLANNER = RetentionPlanner(contact_cost=1, offer_cost=10, acceptance=0.3)


def customers(p, clv, index=None, **more):
    return pd.DataFrame({"churn_probability": p, "clv": clv, **more}, index=index)


def many(n, random_state=1):
    rng = np.random.default_rng(random_state)
    return customers(rng.beta(1, 5, n), rng.lognormal(5, 1, n), [f"c{i:05}" for i in range(n)])


def campaign(plan, acceptance, rng, planner=PLANNER):
    """Profit of one campaign: who would leave, who accepts, who takes the gift anyway."""
    p, v = (plan.customers[name].to_numpy() for name in ("churn_probability", "clv"))
    leaves = rng.random(p.size) < p
    accepts = rng.random(p.size) < np.where(leaves, acceptance, planner.non_churner_acceptance)
    earned = (leaves & accepts) @ v - accepts.sum() * planner.offer_cost
    return earned - p.size * planner.contact_cost


table_strategy = st.integers(1, 12).flatmap(
    lambda n: st.tuples(
        st.lists(st.sampled_from([0.0, 0.05, 0.2, 0.5, 0.8, 1.0]), min_size=n, max_size=n),
        st.lists(st.sampled_from([-50.0, 0.0, 5.0, 40.0, 200.0, 1000.0]), min_size=n, max_size=n),
        st.permutations(range(n)),
    )
)


# Computed by hand


def test_a_plan_is_the_one_computed_by_hand():
    table = customers([0.5, 0.5, 0.9, 0.1], [400.0, 40.0, 200.0, 200.0], ["ann", "bob", "cem", "dan"])
    # p γ (v - 10) - (1 - p) 10 - 1: ann 58.5 - 5 - 1, bob 4.5 - 5 - 1, cem 51.3 - 1 - 1, dan 5.7 - 9 - 1.
    # 1 + 10 (p γ + 1 - p): ann 7.5, bob 7.5, cem 4.7, dan 10.3; all together 30. Profits: 96.
    plan = PLANNER.plan(table)
    assert plan.customers.index.tolist() == ["ann", "cem"]
    assert_allclose(plan.customers["expected_profit"], [52.5, 49.3])
    assert_allclose(plan.customers["expected_cost"], [7.5, 4.7])
    assert_allclose(plan.customers["cumulative_profit"], [52.5, 101.8])
    assert_allclose(plan.customers["cumulative_cost"], [7.5, 12.2])
    assert_allclose(plan.customers["held_probability"], [0.15, 0.27])
    assert plan.expected_profit.mean == pytest.approx(101.8)
    assert plan.optimal_fraction == 0.5
    assert plan.random_profit.mean == pytest.approx((101.8 - 1.5 - 4.3) / 2)  # two of the four
    assert plan.curve["customers"].tolist() == [0, 1, 2, 3, 4]
    assert_allclose(plan.curve["expected_profit"], [0, 52.5, 101.8, 100.3, 96])
    assert_allclose(plan.curve["profit_per_customer"], np.array([0, 52.5, 101.8, 100.3, 96]) / 4)
    assert_allclose(plan.curve["random"], [0, 24, 48, 72, 96])


def test_under_a_budget_the_most_profit_for_the_money_comes_first():
    table = customers([0.5, 0.5, 0.9, 0.1], [400.0, 40.0, 200.0, 200.0], ["ann", "bob", "cem", "dan"])
    plan = PLANNER.plan(table, budget=12.2)
    assert plan.customers.index.tolist() == ["cem", "ann"]  # 10.5 and 7.0 earned for 1 spent
    assert PLANNER.plan(table, budget=12.1).customers.index.tolist() == ["cem"]
    assert PLANNER.plan(table, max_contacts=1).customers.index.tolist() == ["ann"]
    # At random the same money reaches each of the four with chance 12.2 / 30.
    assert plan.random_profit.mean == pytest.approx(96 * 12.2 / 30)


def test_profit_is_that_of_verbraken_and_others():
    # Of 1,000 customers 150 leave; a campaign reaches 60 of these and 100 others. Their equation with CLV 200,
    # δ = 10 / 200, φ = 1 / 200, γ = 0.3: CLV (γ (1 - δ) - φ) π0 F0 - CLV (δ + φ) π1 F1, for each of the 1,000.
    theirs = 200 * (0.3 * 0.95 - 0.005) * 0.15 * 0.4 - 200 * 0.055 * 0.85 * (100 / 850)
    p, v = np.r_[np.ones(60), np.zeros(100)], np.full(160, 200.0)
    ours = expected_profit(stakes(p, v, p, 1.0, 10.0, 1.0), 0.3).sum() / 1000
    assert ours == pytest.approx(theirs, rel=1e-12)


def test_knowing_who_leaves_earns_the_perfect_profit_of_the_metric():
    rng = np.random.default_rng(6)
    leaves, value = rng.random(500) < 0.2, rng.lognormal(4, 1, 500)
    plan = PLANNER.plan(customers(leaves.astype(float), value))
    assert plan.expected_profit.mean / 500 == pytest.approx(mpc(leaves, leaves, clv=value).perfect, rel=1e-12)


def test_an_uplift_says_who_is_held():
    table = customers([0.6, 0.6], [300.0, 300.0], uplift=[0.2, -0.1])
    s = stakes(*(table[c].to_numpy() for c in ("churn_probability", "clv", "uplift")), 1.0, 10.0, 1.0)
    # The first: 0.2 (300 - 10) - 0.4 × 10 - 1. The second drives away a tenth, and the gift goes to 0.3 others.
    assert_allclose(expected_profit(s), [53, -30 - 3 - 1])
    plan = PLANNER.plan(table)
    assert plan.customers.index.tolist() == [0]
    assert plan.expected_profit.mean == pytest.approx(53)


# Every choice there is


@settings(max_examples=30)
@given(table_strategy, st.floats(0, 60))
def test_no_choice_within_the_budget_earns_more_by_one_customer(made, budget):
    p, v, _ = made
    table = customers(p[:10], v[:10])
    plan = PLANNER.plan(table, budget=budget)
    everyone = PLANNER.plan(table.assign(clv=1e6))  # whose costs are the same
    cost = everyone.customers["expected_cost"].reindex(table.index).fillna(np.inf).to_numpy()
    s = stakes(table["churn_probability"].to_numpy(), table["clv"].to_numpy(),
               table["churn_probability"].to_numpy(), 1.0, 10.0, 1.0)  # fmt: skip
    profit = expected_profit(s, 0.3)
    best = max(
        profit[list(some)].sum()
        for k in range(len(table) + 1)
        for some in combinations(range(len(table)), k)
        if cost[list(some)].sum() <= budget
    )
    rest = np.setdiff1d(np.arange(len(table)), plan.customers.index)
    assert plan.customers["expected_cost"].sum() <= budget * (1 + 1e-9)
    assert best <= plan.expected_profit.mean + max(profit[rest].max(initial=0), 0) + 1e-9
    free_choice = max(
        profit[list(some)].sum() for k in range(4) for some in combinations(range(len(table)), k)
    )
    assert PLANNER.plan(table, max_contacts=3).expected_profit.mean == pytest.approx(free_choice, abs=1e-9)


# Campaigns that were run


@pytest.mark.parametrize("acceptance", [0.3, (6, 14)], ids=["known", "uncertain"])
@pytest.mark.parametrize("n", [300, 20_000], ids=["one by one", "mostly as a sum"])
def test_campaigns_earn_what_was_expected_and_the_interval_covers_them(acceptance, n):
    planner = RetentionPlanner(
        contact_cost=1, offer_cost=10, acceptance=acceptance, non_churner_acceptance=0.8
    )
    plan = planner.plan(many(n), level=0.9, random_state=2)
    rng = np.random.default_rng(3)
    earned = np.array([
        campaign(plan, rng.beta(6, 14) if acceptance == (6, 14) else 0.3, rng, planner) for _ in range(1000)
    ])  # fmt: skip
    error = earned.std() / np.sqrt(earned.size)
    assert abs(earned.mean() - plan.expected_profit.mean) < 4 * error
    below, above = (earned < plan.expected_profit.lower).mean(), (earned > plan.expected_profit.upper).mean()
    # 5 % on each side; 1,000 campaigns and 2,000 draws leave a standard error of 0.85 %.
    assert 0.02 < below < 0.08
    assert 0.02 < above < 0.08


def test_money_spent_at_random_earns_what_was_expected():
    table = many(200)
    plan = PLANNER.plan(table, budget=300, level=0.9)
    rng = np.random.default_rng(4)
    p, v = table["churn_probability"].to_numpy(), table["clv"].to_numpy()
    chance = plan.customers["expected_cost"].sum() / (1 + 10 * (0.3 * p + 1 - p)).sum()
    earned = []
    for _ in range(3000):
        contact, leaves = rng.random(200) < chance, rng.random(200) < p
        takes = ~leaves | (rng.random(200) < 0.3)
        earned.append((contact & leaves & takes) @ v - 10 * (contact & takes).sum() - contact.sum())
    assert abs(np.mean(earned) - plan.random_profit.mean) < 4 * np.std(earned) / np.sqrt(3000)
    inside = pd.Series(earned).between(plan.random_profit.lower, plan.random_profit.upper)
    assert 0.87 < inside.mean() < 0.93


def outcomes(s, acceptance, chance):
    """Every profit of one customer, and its probability."""
    held, d, f = acceptance * s.response, s.offer_cost, s.contact_cost
    profits = np.stack([s.gain - f, np.full_like(s.gain, -d - f), np.full_like(s.gain, -f), 0 * s.gain])
    return profits, np.stack(
        [*(chance * np.stack([held, s.taken, 1 - held - s.taken])), 1 - chance + 0 * held]
    )


@pytest.mark.parametrize("chance", [1.0, 0.3])
def test_a_customer_is_held_or_takes_the_gift_or_neither(chance):
    s = stakes(np.array([0.6]), np.array([200.0]), np.array([0.6]), 0.7, 10.0, 1.0)
    drawn = profit_draws(s, np.full(40_000, 0.5), chance, np.random.default_rng(1))
    profits, probabilities = outcomes(s, 0.5, chance)
    for profit, probability in zip(profits[:, 0], probabilities[:, 0], strict=True):
        assert abs((drawn == profit).mean() - probability) <= 4 * np.sqrt(probability / 40_000)


@pytest.mark.parametrize("chance", [1.0, 0.3])
def test_mean_and_variance_of_the_sum_are_those_of_its_outcomes(chance):
    rng = np.random.default_rng(8)
    p, v = rng.random(30), rng.normal(50, 100, 30)
    s = stakes(p, v, np.where(p > 0.5, -(1 - p) / 2, p), 0.7, 10.0, 1.0)
    for acceptance in (0.0, 0.3, 1.0):
        profits, probabilities = outcomes(s, acceptance, chance)
        mean = (profits * probabilities).sum(axis=0)
        variance = (profits**2 * probabilities).sum(axis=0) - mean**2
        found = _moments(s, np.array([acceptance]), chance)
        assert_allclose(np.ravel(found), [mean.sum(), variance.sum()], rtol=1e-12)
        assert_allclose(_spread(s, acceptance, chance), variance, rtol=1e-9)
        assert_allclose(chance * expected_profit(s, acceptance), mean, rtol=1e-12)


@pytest.mark.parametrize("chance", [1.0, 0.3])
def test_the_sum_over_many_has_the_spread_of_its_customers(monkeypatch, chance):
    table = many(400)
    p, v = table["churn_probability"].to_numpy(), table["clv"].to_numpy()
    s = stakes(p, v, np.where(p > 0.4, -0.1, p), 0.7, 10.0, 1.0)
    acceptance = np.random.default_rng(0).beta(6, 14, 20_000)
    one_by_one = profit_draws(s, acceptance, chance, np.random.default_rng(1))
    monkeypatch.setattr("crm_analytics.churn.retention.retention_profit._DRAWN_ONE_BY_ONE", 20)
    summed = profit_draws(s, acceptance, chance, np.random.default_rng(2))
    assert summed.mean() == pytest.approx(
        one_by_one.mean(), abs=4 * np.hypot(summed.std(), one_by_one.std()) / 141
    )
    assert summed.std() == pytest.approx(one_by_one.std(), rel=0.03)  # of 20,000 draws, 0.5 % each


# Its own algebra


@settings(max_examples=30)
@given(table_strategy, st.floats(0, 80), st.floats(0, 80))
def test_more_money_never_earns_less_and_chance_never_more(made, one, other):
    p, v, _ = made
    less, more = (PLANNER.plan(customers(p, v), budget=budget) for budget in sorted([one, other]))
    assert less.expected_profit.mean <= more.expected_profit.mean + 1e-9
    assert less.customers.index.tolist() == more.customers.index[: len(less.customers)].tolist()
    for plan in (less, more):
        assert plan.random_profit.mean <= plan.expected_profit.mean + 1e-9
        assert plan.expected_profit.mean >= 0
        assert (plan.curve["random"] <= plan.curve["expected_profit"] + 1e-9).all()
        assert (plan.customers["expected_profit"] > 0).all()


@settings(max_examples=25)
@given(table_strategy, st.sampled_from([{}, {"budget": 25.0}, {"max_contacts": 4}]))
def test_the_order_of_rows_does_not_matter(made, limit):
    p, v, order = made
    table = customers(p, v, [f"c{i:02}" for i in range(len(p))])
    plan, shuffled = PLANNER.plan(table, **limit), PLANNER.plan(table.iloc[list(order)], **limit)
    assert_frame_equal(plan.customers, shuffled.customers)
    assert_frame_equal(plan.curve, shuffled.curve)
    assert plan.expected_profit == shuffled.expected_profit
    assert plan.random_profit == shuffled.random_profit


def test_ties_go_by_customer():
    table = customers([0.5] * 4, [200.0] * 4, ["d", "b", "c", "a"])
    assert PLANNER.plan(table, max_contacts=2).customers.index.tolist() == ["a", "b"]
    assert PLANNER.plan(table, budget=20).customers.index.tolist() == ["a", "b"]
    mixed = table.set_axis([10, "b", 9, "a"])
    assert PLANNER.plan(mixed, max_contacts=3).customers.index.tolist() == [9, 10, "a"]


@pytest.mark.parametrize("n", [1, 99, 100, 2500])
def test_the_curve_goes_from_nobody_to_all_and_peaks_at_the_optimal_fraction(n):
    plan = PLANNER.plan(many(n), budget=1.3 * n)
    curve = plan.curve
    assert curve["customers"].is_monotonic_increasing
    assert curve["customers"].is_unique
    assert (curve["fraction"].iloc[0], curve["fraction"].iloc[-1]) == (0, 1)
    assert curve["fraction"][curve["expected_profit"].idxmax()] == plan.optimal_fraction
    here = curve[curve["customers"] == len(plan.customers)].iloc[0]
    assert here["expected_profit"] == pytest.approx(plan.expected_profit.mean)
    assert here["expected_cost"] == pytest.approx(plan.customers["expected_cost"].sum())
    assert here["random"] == plan.random_profit.mean


def test_an_acceptance_of_each_customers_own_is_taken():
    table = many(50)
    right = PLANNER.plan(table)
    own = RetentionPlanner(contact_cost=1, offer_cost=10, acceptance=0.9).plan(table.assign(acceptance=0.3))
    assert_allclose(own.customers["expected_profit"], right.customers["expected_profit"])
    assert own.expected_profit.lower == pytest.approx(right.expected_profit.lower)
    uplift = PLANNER.plan(table.assign(uplift=0.3 * table["churn_probability"]))
    assert_allclose(uplift.customers["expected_profit"], right.customers["expected_profit"])


def test_an_uncertain_acceptance_widens_the_interval_and_leaves_the_choice():
    sure, unsure = PLANNER, RetentionPlanner(contact_cost=1, offer_cost=10, acceptance=(6, 14))
    one, other = sure.plan(many(3000), budget=5000), unsure.plan(many(3000), budget=5000)
    assert one.customers.index.equals(other.customers.index)
    assert one.expected_profit.mean == pytest.approx(other.expected_profit.mean)
    widths = [plan.expected_profit.upper - plan.expected_profit.lower for plan in (one, other)]
    assert widths[1] > 1.5 * widths[0]


# Past experiments


def experiment(n=4000, random_state=5, treat=0.5):
    """Those in the middle can be held, those at the top cannot."""
    rng = np.random.default_rng(random_state)
    p = rng.uniform(0, 0.8, n)
    treated = rng.random(n) < treat * np.ones(n)
    effect = np.where((p > 0.2) & (p < 0.5), 0.15, 0.0)
    return pd.DataFrame({"churn_probability": p, "treated": treated,
                         "churned": rng.random(n) < p - treated * effect})  # fmt: skip


def test_the_effect_of_a_known_experiment_is_found():
    effect = experiment_effect(experiment(80_000), n_groups=8)
    assert effect.index.tolist() == ["all", *range(1, 9)]
    truth = [0.15 * 3 / 8, 0, 0, 0.15, 0.15, 0.15, 0, 0, 0]
    error = (effect["upper"] - effect["lower"]) / 3.92
    assert (abs(effect["effect"] - truth) < 4 * error).all()  # the groups' edges move by less
    assert error.max() < 0.011
    assert effect.loc[1:, ["treated", "control"]].sum().sum() == 80_000


def test_the_interval_of_an_effect_is_the_published_one():
    # Newcombe 1998, table II: 56/70 against 48/80, method 10: 0.0524 to 0.3339.
    churned = np.r_[np.ones(56), np.zeros(14), np.ones(48), np.zeros(32)]
    made = pd.DataFrame({"churn_probability": 0.5, "churned": churned, "treated": np.arange(150) >= 70})
    effect = experiment_effect(made).loc["all"]
    assert_allclose(effect[["effect", "lower", "upper"]].astype(float), [0.2, 0.0524, 0.3339], atol=5e-5)


def test_an_experiment_without_an_uplift_asks_for_one_and_shows_why():
    past = experiment()
    plan = PLANNER.plan(many(500), experiment=past)
    assert_frame_equal(plan.experiment, experiment_effect(past))
    assert "need not be those who can be held (Ascarza 2018)" in plan.warnings[0]
    assert "as the column uplift" in plan.describe()
    whole = plan.experiment.loc["all"]
    assert f"lowered churn by {100 * whole['effect']:.1f} (" in plan.warnings[1]
    assert f"supposes {100 * 0.3 * whole['churn_probability']:.1f}" in plan.warnings[1]
    answered = PLANNER.plan(many(500).assign(uplift=0.0), experiment=past)
    assert answered.warnings == [
        "Nobody is worth contacting: the offer costs more than it is expected to keep."
    ]
    assert PLANNER.plan(many(500)).experiment is None


def test_an_experiment_that_chose_its_customers_is_found_out():
    past = experiment()
    assert abs(uneven_treatment(past)) < 3
    luck = np.random.default_rng(6).uniform(0, 2, len(past))
    chosen = past.assign(treated=past["churn_probability"] + luck < 1.2)[:300]
    assert -12 < uneven_treatment(chosen) < -4
    assert "chance did not choose them" in PLANNER.plan(many(50), experiment=chosen).warnings[0]


def test_a_group_that_nobody_was_treated_in_has_no_effect():
    past = experiment(400).assign(treated=lambda made: made["churn_probability"] > 0.4)
    effect = experiment_effect(past, n_groups=4)
    assert effect["treated"].tolist()[1:] == [0, 0, effect["treated"][3], 100]
    assert np.isnan(effect.loc[[1, 4], ["effect", "lower", "upper"]].to_numpy()).all()
    alike = experiment_effect(past.assign(churn_probability=0.3))
    assert alike.index.tolist() == ["all", 1]


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("treated", [1, 1, 1], r"3 of 3 customers were treated\. An effect needs both"),
        ("treated", [0, 1, np.nan], r"treated must be True or False, but 1 of 3 .*row 2"),
        ("churned", ["no", "yes", "no"], r"churned must be True or False, but 3 of 3"),
        ("churn_probability", [0.1, 2.0, 0.3], r"churn_probability must be in \[0, 1\], but 1 of 3"),
        ("scored", None, r"Add 'churned'"),
    ],
)
def test_a_bad_experiment_is_refused(column, values, message):
    past = pd.DataFrame({"treated": [0, 1, 1], "churned": [0, 1, 0], "churn_probability": [0.1, 0.2, 0.3]})
    past = past.drop(columns="churned") if values is None else past.assign(**{column: values})
    with pytest.raises(SchemaError, match=message):
        PLANNER.plan(many(5), experiment=past)


# Hard data


def test_a_customer_worth_less_than_the_offer_is_never_held():
    table = customers([1.0, 1.0, 1.0, 0.5], [-100.0, 10.0, 9.0, -100.0])
    for planner in (PLANNER, RetentionPlanner(contact_cost=0, offer_cost=10, non_churner_acceptance=0)):
        plan = planner.plan(table, budget=1000)
        assert len(plan.customers) == 0
        assert plan.expected_profit == (0, 0, 0)
        assert plan.random_profit.mean == 0
        assert plan.optimal_fraction == 0
        assert plan.describe().startswith("Contact none of 4 customers. If money")
        assert plan.describe().endswith(
            "Nobody is worth contacting: the offer costs more than it is expected to keep."
        )
    # Nor is one driven away for being worth less than nothing.
    assert len(PLANNER.plan(table.assign(uplift=[0, 0, 0, -0.5])).customers) == 0


def test_an_offer_that_costs_nothing_goes_to_all_who_may_leave():
    free = RetentionPlanner(contact_cost=0, offer_cost=0, acceptance=0.5)
    plan = free.plan(customers([0.0, 0.1, 0.2], [100.0, 100.0, -1.0]), budget=0)
    assert plan.customers.index.tolist() == [1]
    assert plan.expected_profit.mean == 5


def test_uplift_beyond_the_churn_probability_is_cut_and_said():
    plan = PLANNER.plan(customers([0.1, 0.5, 0.9], [1000.0] * 3, uplift=[0.4, 0.4, -0.2]))
    assert_allclose(plan.customers["held_probability"], [0.4, 0.1])
    assert plan.warnings == [
        "For 2 of 3 customers the uplift goes beyond what the churn probability allows, and was cut to it."
    ]


def test_the_table_is_not_changed_and_a_plan_neither():
    table = many(20)
    before = table.copy(deep=True)
    plan = PLANNER.plan(table, budget=30)
    assert_frame_equal(table, before)
    with pytest.raises(FrozenInstanceError):
        plan.optimal_fraction = 1.0


def test_a_plan_in_words_tells_what_it_earns_and_at_random():
    text = PLANNER.plan(many(2000), budget=3000).describe()
    for part in ["of 2,000 customers", "At random it earns", "not wrong scores", "If money were no matter"]:
        assert part in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"churn_probability": [0.1, 1.2, 0.5]},
            r"churn_probability must be in \[0, 1\], but 1 of 3 .*row 1",
        ),
        ({"churn_probability": [0.1, np.nan, 0.5]}, r"churn_probability must be in \[0, 1\], but 1 of 3"),
        ({"churn_probability": ["a", "b", "c"]}, r"churn_probability must be numeric"),
        ({"clv": [1.0, np.inf, np.nan]}, r"clv must be a finite number, but 2 of 3"),
        ({"acceptance": [0.1, -0.2, 0.5]}, r"acceptance must be in \[0, 1\]"),
        ({"uplift": [0.1, -1.2, 0.5]}, r"uplift must be in \[-1, 1\]"),
        ({"uplift": 0.1, "acceptance": 0.2}, r"Drop the column acceptance, or uplift"),
    ],
)
def test_bad_scores_are_refused_with_a_remedy(change, message):
    with pytest.raises(SchemaError, match=message):
        PLANNER.plan(customers([0.1, 0.2, 0.3], [10.0, 20.0, 30.0]).assign(**change))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (customers([], []), r"the table has no customers"),
        (customers([0.1, 0.2, 0.3], [1.0, 2.0, 3.0], ["a", "a", "a"]), r"2 of 3 rows repeat a customer"),
        (customers([0.1, 0.2], [1.0, 2.0], ["a", None]), r"1 customers have no id"),
        (customers([0.1], [1.0]).rename(columns={"clv": "CLV"}), r"Is 'CLV' meant as 'clv'"),
        (customers([0.1], [1.0], pd.MultiIndex.from_tuples([("a", 1)])), r"2 levels.*Keep one snapshot"),
    ],
    ids=["empty", "repeated", "without id", "misnamed", "snapshots"],
)
def test_a_bad_table_is_refused_with_a_remedy(table, message):
    with pytest.raises(SchemaError, match=message):
        PLANNER.plan(table)


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"contact_cost": -1}, r"contact_cost must be >= 0 and finite\. Got -1"),
        ({"offer_cost": np.nan}, r"offer_cost must be >= 0"),
        ({"acceptance": 1.2}, r"acceptance must be a number in \[0, 1\], or"),
        ({"acceptance": (6, 0)}, r"Got \(6, 0\) instead"),
        ({"acceptance": (6, 14, 2)}, r"\(alpha, beta\) both > 0"),
        ({"non_churner_acceptance": 2}, r"non_churner_acceptance must be in \[0, 1\]"),
    ],
)
def test_a_bad_planner_is_refused(settings_, message):
    with pytest.raises(ValueError, match=message):
        RetentionPlanner(**({"contact_cost": 1, "offer_cost": 10} | settings_))


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ({"budget": -1}, r"budget must be >= 0 and finite\. Got -1"),
        ({"budget": np.inf}, r"budget must be >= 0 and finite"),
        ({"max_contacts": 2.5}, r"max_contacts must be a whole number >= 0"),
        ({"budget": 1, "max_contacts": 1}, r"either budget or max_contacts, not both"),
        ({"level": 1}, r"level must be in \(0, 1\)"),
    ],
)
def test_a_bad_limit_is_refused(limit, message):
    with pytest.raises(ValueError, match=message):
        PLANNER.plan(many(5), **limit)


# Real data


@pytest.mark.skipif(not os.environ.get(VARIABLE), reason=f"{VARIABLE} does not name the folder of real data")
def test_a_plan_for_telco_subscribers_earns_what_it_promised():
    subscribers = load_telco_churn().set_index("customerID")
    left = subscribers.pop("Churn") == "Yes"
    table = pd.get_dummies(subscribers.drop(columns="TotalCharges"), drop_first=True, dtype=float)
    table = (table - table.mean()) / table.std()
    half = np.random.default_rng(0).random(len(table)) < 0.5
    model = LogisticRegression(max_iter=500).fit(table[half], left[half])
    scored = customers(
        model.predict_proba(table[~half])[:, 1],
        12 * 0.4 * subscribers["MonthlyCharges"][~half],
        table.index[~half],
    )
    plan = RetentionPlanner(contact_cost=2, offer_cost=30).plan(scored, budget=20_000)
    leaves, value = left[plan.customers.index].to_numpy(), plan.customers["clv"].to_numpy()
    rng = np.random.default_rng(1)
    earned, spent = [], []
    for _ in range(1000):  # those who left did; only who would have accepted is made up
        takes = rng.random(leaves.size) < np.where(leaves, rng.beta(6, 14), 1.0)
        spent.append(30 * takes.sum() + 2 * leaves.size)
        earned.append((leaves & takes) @ value - spent[-1])
    assert np.mean(earned) == pytest.approx(plan.expected_profit.mean, rel=0.05)  # of 380 leavers, 2 % or 3 %
    assert np.mean(spent) == pytest.approx(20_000, rel=0.03)
    inside = pd.Series(earned).between(plan.expected_profit.lower, plan.expected_profit.upper)
    assert 0.9 < inside.mean() < 0.99
    assert plan.random_profit.upper < plan.expected_profit.mean / 2
