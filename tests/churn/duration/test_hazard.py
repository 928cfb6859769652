"""HazardModel against life tables, a written-out logistic regression, simulated customers and two companies."""

import copy
import os
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal
from scipy.special import expit, logit
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

from crm_analytics import load_model, save_model
from crm_analytics.churn import HazardModel
from crm_analytics.churn.duration.hazard_likelihood import penalised, pull_of_events, slopes
from crm_analytics.churn.duration.hazard_trees import _split
from crm_analytics.churn.duration.person_periods import Watch, step_starts
from crm_analytics.core import ConvergenceError, SchemaError
from crm_analytics.datasets import load_mlc_churn, load_telco_churn
from crm_analytics.metrics import kaplan_meier

needs_data = pytest.mark.skipif(
    not os.environ.get("CRM_ANALYTICS_DATA"),
    reason="CRM_ANALYTICS_DATA does not name the folder of real data",
)

# Logit of the hazard: high at first, then falling, with a rise when the yearly contract ends.
BASELINE = np.append(-1.5 - 0.12 * np.arange(23), np.full(200, -4.2))
BASELINE[11] += 1.0
EFFECT = {"calls": 0.5, "plan": {"basic": 0.4, "plus": 0.0, "gold": -0.9}}


def hazards(calls, plan, fading=0.0):
    """Shape (n_customers, n_periods); with `fading` the effect of calls falls with time."""
    effect = np.asarray(calls)[:, None] * EFFECT["calls"] * np.exp(-fading * np.arange(BASELINE.size))
    return expit(BASELINE + effect + pd.Series(plan).map(EFFECT["plan"]).to_numpy()[:, None])


def simulated(n, seed, late=False, fading=0.0, together=0.0):
    """Customers watched for 6 to 24 periods, with what became of them; `late` comers are seen from some period on."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {"calls": rng.normal(2, 1, n), "plan": rng.choice(["basic", "plus", "gold"], n, p=[0.2, 0.3, 0.5])}
    )
    chance = hazards(X["calls"] - 2, X["plan"], fading)
    if together:
        odd = (X["calls"] > 2) ^ (X["plan"] == "gold")
        chance = expit(logit(chance) + together * (odd.to_numpy()[:, None] - 0.5))
    happens = rng.random(chance.shape) < chance
    leaves = np.where(happens.any(axis=1), happens.argmax(axis=1) + 1, 10_000)
    end = rng.integers(6, 25, n)
    y = pd.DataFrame({"duration": np.minimum(leaves, end), "churned": leaves <= end})
    if not late:
        return X, y, chance
    y["entry"] = rng.integers(0, 6, n)
    seen = (y["entry"] < y["duration"]).to_numpy()
    return X[seen], y[seen], chance[seen]


def without_columns(n):
    return pd.DataFrame(index=range(n))


@pytest.fixture(scope="module")
def made():
    return simulated(8_000, seed=1)


@pytest.fixture(scope="module")
def linear(made):
    return HazardModel(max_rounds=0).fit(made[0], made[1])


@pytest.fixture(scope="module")
def boosted():
    X, y, chance = simulated(8_000, seed=2, together=2.0)
    return HazardModel().fit(X, y), X, y, chance


# Life tables


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.integers(1, 9), st.booleans(), st.integers(0, 3), st.integers(1, 3)),
        min_size=1,
        max_size=30,
    )
)
def test_without_columns_survival_is_that_of_kaplan_and_meier(rows):
    # Somebody leaves in every period, so that none is merged.
    always = [(period, 1, 0, 1) for period in range(1, 10)] + [(9, 0, 0, 2)]
    duration, churned, entry, weight = np.array(always + rows).T
    entry = np.minimum(entry, duration - 1)
    y = pd.DataFrame({"duration": duration, "churned": churned == 1, "entry": entry})
    model = HazardModel(min_churned=1).fit(without_columns(len(y)), y, sample_weight=weight)
    curve = kaplan_meier(duration, churned == 1, entry=entry, weights=weight)
    found = model.predict_survival(without_columns(1)).to_numpy()[0]
    assert_allclose(found, curve["survival"], rtol=1e-9)
    assert_allclose(model.hazard_table_["at_risk"], curve["at_risk"][1:])


def test_merged_periods_share_the_hazard_of_their_life_table():
    y = pd.DataFrame({"duration": [1, 1, 2, 4, 4, 4, 5, 6], "churned": [1, 1, 1, 1, 0, 0, 1, 0]})
    table = HazardModel(min_churned=2).fit(without_columns(8), y).hazard_table_
    # Eight leave at 2 / 8; of 6 at risk in period 2, 5 in 3 and 4, 2 in 5 and 1 in 6, three leave: what is
    # left after period 4 has one churn only, too little for a step of its own.
    assert table["first"].tolist() == [1, 2]
    assert table["last"].tolist() == [1, 6]
    assert table["at_risk"].tolist() == [8, 6 + 5 + 5 + 2 + 1]
    assert table["churned"].tolist() == [2, 3]
    assert_allclose(table["hazard"], table["baseline"], rtol=1e-9)


def test_taking_those_still_here_for_lost_or_for_loyal_would_be_wrong(made, linear):
    X, y, chance = made
    truth = np.cumprod(1 - chance, axis=1)[:, 23].mean()
    survival = linear.predict_survival(X, [24]).to_numpy().mean()
    assert survival == pytest.approx(truth, abs=0.015)
    assert (1 - y["churned"].mean()) - truth > 0.05  # taken for loyal
    assert truth - (y["duration"] >= 24).mean() > 0.1  # taken for lost


# Written out


@pytest.mark.parametrize(("late", "changing"), [(False, False), (True, False), (True, True)])
def test_fit_is_the_logistic_regression_on_a_row_a_customer_and_period(late, changing):
    X, y, _ = simulated(1_500, seed=3, late=late)
    penalty = 5.0
    model = HazardModel(min_churned=5, l2_penalty=penalty, changing_effects=changing, max_rounds=0).fit(X, y)
    begun = y["entry"].to_numpy() if late else np.zeros(len(y), dtype=int)
    row = np.repeat(np.arange(len(y)), y["duration"] - begun)
    period = np.concatenate([np.arange(b, d) + 1 for b, d in zip(begun, y["duration"], strict=True)])
    left = y["churned"].to_numpy()[row] & (period == y["duration"].to_numpy()[row])
    step = np.searchsorted(model.step_starts_, period, side="right") - 1
    calls = X["calls"].to_numpy()
    plan = np.stack([X["plan"] == word for word in ["basic", "gold", "plus"]], axis=1)
    columns = np.column_stack([(calls - calls.mean()) / calls.std(), plan - plan.mean(axis=0)])
    columns = columns[row]
    if changing:
        time = np.log(model.step_starts_)[step]
        columns = np.hstack([columns, columns * ((time - time.mean()) / time.std())[:, None]])
    # Dummies of steps a thousand times as large are penalised a millionth as much.
    wide = np.column_stack([1e3 * np.eye(model.step_starts_.size)[step], columns])
    peer = LogisticRegression(C=1 / penalty, fit_intercept=False, solver="newton-cholesky", tol=1e-10)
    coefficients = peer.fit(wide, left).coef_[0]
    n_steps = model.step_starts_.size
    assert_allclose(model.baseline_, 1e3 * coefficients[:n_steps], rtol=1e-4)
    assert_allclose(model.effects_.ravel(), coefficients[n_steps:], rtol=1e-4, atol=1e-6)
    by_row = peer.predict_log_proba(wide)
    assert model.log_likelihood_ == pytest.approx(
        by_row[np.arange(len(left)), left.astype(int)].sum(), rel=1e-6
    )


def test_slopes_are_those_of_the_penalised_likelihood():
    X, y, _ = simulated(300, seed=4, late=True)
    begun, ended, churned = (y[name].to_numpy() for name in ["entry", "duration", "churned"])
    weight = np.random.default_rng(1).uniform(0.5, 2, len(y))
    starts = step_starts(begun, ended, churned, weight, 20)
    watch = Watch.of(X[["calls"]].to_numpy(), begun, ended, churned, weight, starts).ticking()
    events, pull = watch.events(), pull_of_events(watch)
    at = np.concatenate([np.linspace(-2, -3, starts.size), [0.3, -0.2]])

    def split(theta):
        return theta[:-2], theta[-2:].reshape(2, 1)

    def value(theta):
        return penalised(watch, events, pull, *split(theta), 3.0)

    def gradient(theta):
        return np.concatenate(slopes(watch, events, pull, *split(theta), 3.0)[:2])

    _, _, bend_a, bend_ab, bend_b = slopes(watch, events, pull, *split(at), 3.0)
    information = np.block([[np.diag(bend_a), bend_ab], [bend_ab.T, bend_b]])
    steps = 1e-5 * np.eye(at.size)
    assert_allclose(
        gradient(at), [(value(at + h) - value(at - h)) / 2e-5 for h in steps], rtol=1e-6, atol=1e-5
    )
    by_differences = [(gradient(at - h) - gradient(at + h)) / 2e-5 for h in steps]
    assert_allclose(information, by_differences, rtol=1e-5, atol=1e-5)


def test_rows_of_the_watch_are_the_customers_in_their_steps():
    X, y, _ = simulated(400, seed=5, late=True)
    begun, ended, churned = (y[name].to_numpy() for name in ["entry", "duration", "churned"])
    starts = step_starts(begun, ended, churned, np.ones(len(y)), 15)
    watch = Watch.of(X[["calls"]].to_numpy(), begun, ended, churned, np.ones(len(y)), starts)
    row, step, periods, share = watch.rows()
    assert row.size == watch.n_rows()
    assert periods.sum() == (ended - begun).sum()
    assert_allclose(np.bincount(step, periods * share, starts.size), watch.events())
    assert_allclose(np.bincount(step, periods), [watch.at_risk(k).sum() for k in range(starts.size)])


# Known truth


@pytest.mark.parametrize("late", [False, True])
def test_effects_are_recovered_from_customers_who_are_still_here_or_came_under_watch_late(late):
    X, y, _ = simulated(20_000, seed=6, late=late)
    table = HazardModel(max_rounds=0).fit(X, y).effect_table().set_index(["column", "level"])
    calls = table.loc[("calls", "")]
    assert abs(calls["effect"] - EFFECT["calls"]) < 3 * calls["standard_error"]
    assert calls["standard_error"] < 0.04
    # Levels are told against the average customer.
    share = X["plan"].value_counts(normalize=True)
    mean = sum(share[word] * effect for word, effect in EFFECT["plan"].items())
    for word, effect in EFFECT["plan"].items():
        found = table.loc[("plan", word)]
        assert abs(found["effect"] - (effect - mean)) < 3.5 * found["standard_error"], word
        assert found["standard_error"] < 0.05
        assert found["lower"] < found["odds_ratio"] < found["upper"]


def test_leaving_out_when_they_came_under_watch_would_be_wrong():
    X, y, _ = simulated(20_000, seed=6, late=True)
    truth = np.cumprod(1 - hazards(X["calls"] - 2, X["plan"]), axis=1)[:, 5].mean()
    known = HazardModel(max_rounds=0).fit(X, y).predict_survival(X, [6]).to_numpy().mean()
    blind = HazardModel(max_rounds=0).fit(X, y.drop(columns="entry")).predict_survival(X, [6])
    assert known == pytest.approx(truth, abs=0.02)
    assert blind.to_numpy().mean() - truth > 0.1


def test_a_contract_that_ends_shows_in_the_baseline(linear):
    table = linear.hazard_table_
    near = table[table["first"].between(10, 14)].set_index("first")["baseline"]
    assert near.idxmax() == 12
    assert near[12] > 1.5 * near.drop(12).max()


@pytest.mark.parametrize("kind", ["linear", "boosted"])
def test_predicted_survival_is_calibrated(kind, linear, boosted):
    model, together = (linear, 0.0) if kind == "linear" else (boosted[0], 2.0)
    X, _, chance = simulated(10_000, seed=7, together=together)
    truth = np.cumprod(1 - chance, axis=1)
    found = model.predict_survival(X, [3, 12]).to_numpy()
    for place, period in enumerate([3, 12]):
        tenth = pd.qcut(found[:, place], 10, labels=False)
        told = np.bincount(tenth, found[:, place]) / np.bincount(tenth)
        true = np.bincount(tenth, truth[:, period - 1]) / np.bincount(tenth)
        # A tenth of the 8,000 customers learned from knows a share to about .018.
        assert_allclose(told, true, atol=0.06)
        assert np.abs(told - true).mean() < 0.025
        assert np.ptp(true) > 0.3  # so that the lines before say something


def test_trees_find_what_columns_do_together_and_say_when_there_is_nothing_to_find(boosted):
    model, X, y, _ = boosted
    assert model.rounds_ > 10
    new, _, chance = simulated(10_000, seed=8, together=2.0)
    truth = np.cumprod(1 - chance, axis=1)[:, 11]
    plain = HazardModel(max_rounds=0).fit(X, y)
    error = {
        m.rounds_: np.abs(m.predict_survival(new, [12]).to_numpy()[:, 0] - truth).mean()
        for m in (model, plain)
    }
    assert error[model.rounds_] < 0.5 * error[0]
    # Nothing beyond the effects: held-out customers allow few rounds, and they do little.
    X, y, chance = simulated(8_000, seed=1)
    idle, lean = HazardModel().fit(X, y), HazardModel(max_rounds=0).fit(X, y)
    assert idle.rounds_ < 40
    assert np.abs(idle.predict(X, horizon=6) - lean.predict(X, horizon=6)).mean() < 0.02


def test_effects_that_fade_are_found_and_shown():
    X, y, _ = simulated(12_000, seed=9, fading=0.5)
    new, _, chance = simulated(5_000, seed=10, fading=0.5)
    model, plain = (HazardModel(changing_effects=c, max_rounds=0).fit(X, y) for c in (None, False))
    late = 1 - np.prod(1 - chance[:, 9:13], axis=1)  # by then calls mean nothing
    busy = (new["calls"] > 3).to_numpy()
    gap = {m: m.predict(new, horizon=4, elapsed=9)[busy].mean() - late[busy].mean() for m in (model, plain)}
    assert gap[plain] > 0.05
    assert abs(gap[model]) < 0.3 * gap[plain]
    at = {period: model.effect_table(period=period).loc[0] for period in (1, 2, 12)}
    for period, true in [(1, 0.5), (2, 0.5 * np.exp(-0.5))]:
        # A straight line in the logarithm of time comes near an exponential.
        assert at[period]["effect"] == pytest.approx(true, abs=0.12)
    assert at[12]["lower"] < 1.1
    assert plain.effect_table(period=1).equals(plain.effect_table(period=12))


def test_customers_that_are_alike_are_held_out_one_by_one():
    # One column of three words: 8,000 customers are 140 different rows.
    X, y, _ = simulated(8_000, seed=13)
    model = HazardModel().fit(X[["plan"]], y)
    assert (model.rounds_, len(model.effects_)) == (0, 1)
    words, begun = X["plan"].map({"basic": 0.0, "plus": 1.0, "gold": 2.0}), np.zeros(len(y), dtype=int)
    columns = (words.to_numpy()[:, None], begun, y["duration"].to_numpy(), y["churned"].to_numpy())
    watch = Watch.of(*columns, np.ones(len(y)), np.array([1]))
    assert len(watch.design) < 200
    learn, held_out = _split(watch, seed=1)
    assert learn.weight.sum() + held_out.weight.sum() == len(y)
    assert held_out.weight.sum() == pytest.approx(2_000, abs=150)
    assert len(held_out.design) > 100


def test_effects_that_do_not_change_are_taken_for_constant(made):
    assert len(HazardModel(max_rounds=0).fit(made[0], made[1]).effects_) == 1


# Algebra


@settings(max_examples=25, deadline=None)
@given(
    calls=st.floats(-50, 50) | st.just(float("nan")),
    plan=st.sampled_from(["basic", "gold", "never seen", None]),
    elapsed=st.integers(0, 40),
    horizon=st.integers(1, 40),
    which=st.sampled_from(["linear", "boosted"]),
)
def test_survival_falls_within_0_and_1_and_all_questions_agree(
    linear, boosted, calls, plan, elapsed, horizon, which
):
    model = linear if which == "linear" else boosted[0]
    X = pd.DataFrame({"calls": [calls], "plan": pd.Series([plan], dtype=object)})
    curve = model.predict_survival(X, 100).to_numpy()[0]
    assert curve[0] == 1
    assert (np.diff(curve) <= 0).all()
    assert curve[-1] >= 0
    gone = model.predict(X, horizon=horizon, elapsed=elapsed)[0]
    stays = model.expected_remaining(X, horizon=horizon, elapsed=elapsed)[0]
    if curve[elapsed] > 1e-200:
        assert gone == pytest.approx(1 - curve[elapsed + horizon] / curve[elapsed], abs=1e-9)
        by_hand = (curve[elapsed : elapsed + horizon] / curve[elapsed]).sum()
        assert stays == pytest.approx(by_hand, rel=1e-9)
    median = model.predict_median(X, elapsed=elapsed)[0]
    if np.isnan(median):
        assert elapsed >= model.longest_ or curve[model.longest_] > curve[elapsed] / 2
    else:
        assert model.predict(X, horizon=int(median), elapsed=elapsed)[0] >= 0.5 - 1e-9
        if median > 1:
            assert model.predict(X, horizon=int(median) - 1, elapsed=elapsed)[0] < 0.5


def test_curves_by_segment_are_means_of_those_of_customers(made, linear):
    X, y, _ = made
    table = linear.survival_by(X, "plan", periods=12)
    curves = linear.predict_survival(X, 12)
    assert table.columns.tolist() == ["segment", "period", "survival"]
    for plan in ["basic", "gold", "plus"]:
        mine = table[table["segment"] == plan]["survival"].to_numpy()
        assert_allclose(mine, curves[X["plan"] == plan].mean().to_numpy(), rtol=1e-12)
        watched = y[X["plan"] == plan]
        curve = kaplan_meier(watched["duration"], watched["churned"]).set_index("time")["survival"]
        # 2,700 customers a plan: a standard error of about .01.
        assert_allclose(mine, curve.loc[:12], atol=0.035)
    by_array = linear.survival_by(X, X["plan"].to_numpy(), periods=12)
    assert_frame_equal(by_array, table)


def test_beyond_the_longest_watch_the_last_hazard_goes_on(linear):
    X = pd.DataFrame({"calls": [2.0], "plan": ["plus"]})
    assert linear.longest_ == 24
    far = linear.predict(X, elapsed=[500])[0]
    assert far == linear.predict(X, elapsed=24)[0]
    assert np.isnan(linear.predict_median(X, elapsed=24)[0])


def test_one_look_at_many_customers_is_that_of_each_alone(boosted, monkeypatch):
    model, X, _, _ = boosted
    X, elapsed = X.iloc[:40], np.arange(40) % 20
    right = [
        model.predict(X, horizon=3, elapsed=elapsed),
        model.predict_survival(X, 9),
        model.predict_median(X, elapsed=elapsed),
        model.expected_remaining(X, horizon=5, elapsed=elapsed),
        model.survival_by(X, "plan"),
    ]
    monkeypatch.setattr("crm_analytics.churn.duration.hazard._CELLS", 100)
    again = [
        model.predict(X, horizon=3, elapsed=elapsed),
        model.predict_survival(X, 9),
        model.predict_median(X, elapsed=elapsed),
        model.expected_remaining(X, horizon=5, elapsed=elapsed),
        model.survival_by(X, "plan"),
    ]
    for one, other in zip(right[:4], again[:4], strict=True):
        assert_allclose(one, other, rtol=1e-12)
    assert_frame_equal(right[4], again[4])


@pytest.mark.parametrize("max_rounds", [0, 400])
def test_a_weight_is_as_many_equal_rows_and_order_does_not_matter(max_rounds):
    X, y, _ = simulated(1_200, seed=11, together=2.0)
    weight = np.random.default_rng(1).integers(0, 4, len(y))
    model = HazardModel(max_rounds=max_rounds)
    weighted = clone(model).fit(X, y, sample_weight=weight)
    often = np.random.default_rng(2).permutation(np.repeat(np.arange(len(y)), weight))
    repeated = clone(model).fit(X.iloc[often], y.iloc[often])
    assert_allclose(weighted.predict(X, horizon=5), repeated.predict(X, horizon=5), rtol=1e-6)
    assert weighted.rounds_ == repeated.rounds_
    assert weighted.n_customers_ == repeated.n_customers_ == weight.sum()


# Mixed and missing columns


def test_missing_numbers_and_words_have_an_effect_of_their_own():
    X, y, _ = simulated(6_000, seed=12)
    gone = np.random.default_rng(1).random(len(X)) < np.where(y["churned"], 0.4, 0.1)
    X = X.assign(calls=X["calls"].mask(gone), plan=X["plan"].mask(gone))
    model = HazardModel(max_rounds=0).fit(X, y)
    table = model.effect_table().set_index(["column", "level"])
    assert table.loc[("calls", "(missing)"), "effect"] + table.loc[("plan", "(missing)"), "effect"] > 0.5
    risk = model.predict(X, horizon=6)
    assert risk[gone].mean() > risk[~gone].mean() + 0.1


def test_what_was_not_there_to_learn_from_counts_as_the_average_customer(linear):
    average = expit(linear.baseline_[0])
    new = pd.DataFrame({"calls": [np.nan, np.nan], "plan": ["unheard of", None]})
    assert_allclose(linear.predict(new), average, rtol=1e-12)


def test_columns_of_one_value_or_none_change_nothing(made, linear):
    X, y, _ = made
    more = X.assign(constant=7.25, empty=np.nan, country="TR", flag=True)
    model = HazardModel(max_rounds=0).fit(more, y)
    assert_allclose(model.predict(more), linear.predict(X), rtol=1e-9)
    assert_allclose(model.effect_table()["effect"], linear.effect_table()["effect"], rtol=1e-9)


def test_words_categories_and_flags_are_read_alike(made, linear):
    X, y, _ = made
    as_category = X.assign(plan=X["plan"].astype("category"))
    assert_array_equal(HazardModel(max_rounds=0).fit(as_category, y).predict(as_category), linear.predict(X))
    flag = pd.DataFrame({"busy": X["calls"] > 2})
    number = flag.astype(float)
    assert_array_equal(
        HazardModel(max_rounds=0).fit(flag, y).predict(flag),
        HazardModel(max_rounds=0).fit(number, y).predict(flag),
    )


def test_nullable_polars_and_numbered_columns_are_read_alike(made, linear):
    pl = pytest.importorskip("polars")
    X, y, _ = made
    right = linear.predict(X)
    nullable = X.convert_dtypes()
    assert_array_equal(linear.predict(nullable), right)
    polars = HazardModel(max_rounds=0).fit(pl.from_pandas(X), pl.from_pandas(y))
    assert_allclose(polars.predict(pl.from_pandas(X)), right, rtol=1e-12)
    numbered = X.set_axis([0, 1], axis=1)
    assert_allclose(HazardModel(max_rounds=0).fit(numbered, y).predict(numbered), right, rtol=1e-12)
    gaps = pd.DataFrame({"calls": X["calls"].round().astype("Int64").mask(X["calls"] < 1)})
    plain = gaps.astype(float)
    found = HazardModel(max_rounds=0).fit(gaps, y).predict(gaps)
    assert_array_equal(found, HazardModel(max_rounds=0).fit(plain, y).predict(plain))


def test_a_column_that_knows_the_future_is_held_by_the_penalty_or_refused(made):
    X, y, _ = made
    X = X.assign(cancelled=y["churned"])
    assert np.isfinite(HazardModel(max_rounds=0).fit(X, y).effects_).all()
    with pytest.raises(ConvergenceError, match=r"without a doubt.* may know the future"):
        HazardModel(max_rounds=0, changing_effects=False, l2_penalty=0).fit(X, y)


def test_two_columns_that_say_the_same_share_the_effect(made, linear):
    X, y, _ = made
    doubled = X.assign(again=X["calls"])
    model = HazardModel(max_rounds=0, l2_penalty=0).fit(doubled, y)
    single = HazardModel(max_rounds=0, l2_penalty=0).fit(X, y)
    assert_allclose(model.predict(doubled), single.predict(X), rtol=1e-6)


# Bad input


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        (
            "duration",
            [0, 2, 3],
            r"duration must be a whole number from 1 .*, but 1 of 3 .*\(first at row 0\)",
        ),
        ("duration", [2, -2, 3], r"duration must be a whole number from 1 .*\(first at row 1\)"),
        ("duration", [2.5, 2, 3], r"duration must be a whole number .* round up"),
        ("duration", [2, np.nan, 3], r"duration must be a whole number"),
        ("duration", ["2024-01-01", "2024-02-01", "2024-03-01"], r"duration must be numeric"),
        ("duration", pd.to_datetime(["2024-01-01"] * 3), r"duration must be numeric"),
        ("churned", ["yes", "no", "no"], r"churned must be true or false.* Compare it with a word"),
        ("churned", [2, 0, 1], r"churned must be true or false, but 1 of 3"),
        ("entry", [0, 2, 0], r"entry must be < duration, but 1 of 3 .*\(first at row 1\)"),
        ("entry", [0, -1, 0], r"entry must be a whole number from 0"),
    ],
)
def test_impossible_watches_are_refused_with_a_remedy(column, values, message):
    y = pd.DataFrame({"duration": [3, 2, 4], "churned": [True, False, True]}).assign(**{column: values})
    with pytest.raises(SchemaError, match=message):
        HazardModel().fit(without_columns(3), y)


@pytest.mark.parametrize(
    ("duration", "churned", "message"),
    [
        ([3, 4, 5], [False] * 3, r"none of 3 customers churned while watched"),
        ([1, 1, 1], [True] * 3, r"all of 3 customers churned in the first period"),
    ],
)
def test_one_class_only_is_refused_with_a_remedy(duration, churned, message):
    y = pd.DataFrame({"duration": duration, "churned": churned})
    with pytest.raises(ConvergenceError, match=message):
        HazardModel().fit(without_columns(3), y)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (
            {"joined": pd.date_range("2024-01-01", periods=200)},
            r"joined holds dates\. Turn it into days since",
        ),
        (
            {"joined": [f"day {n}" for n in range(200)]},
            r"joined has 200 different words, and 100 are allowed",
        ),
        ({"duration": range(200)}, r"X holds the answer, 'duration'"),
        ({"spend": [np.inf] + [1.0] * 199}, r"spend must be finite or missing, but 1 of 200"),
    ],
)
def test_columns_that_cannot_be_read_are_refused_with_a_remedy(column, message):
    y = pd.DataFrame({"duration": np.arange(200) % 9 + 1, "churned": np.arange(200) % 2 == 0})
    with pytest.raises(SchemaError, match=message):
        HazardModel().fit(pd.DataFrame(column), y)


def test_answers_that_are_no_table_or_of_other_customers_are_refused(made, linear):
    X, y, _ = made
    with pytest.raises(SchemaError, match="y must be a table with the columns duration and churned"):
        HazardModel().fit(X, y["churned"])
    with pytest.raises(SchemaError, match=r"Is 'tenure' meant as 'duration'|Add 'duration'"):
        HazardModel().fit(X, y.rename(columns={"duration": "tenure"}))
    with pytest.raises(ValueError, match=r"X has 8,000 rows and y has 7,999"):
        HazardModel().fit(X, y.iloc[1:])
    with pytest.raises(SchemaError, match=r"calls was numeric when fitted"):
        linear.predict(X.assign(calls="many"))
    with pytest.raises(SchemaError, match=r"1 of 2 columns missing: plan"):
        linear.predict(X[["calls"]])


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda model, X: model.predict(X, horizon=0), r"horizon must be whole and from 1 .* Got 0 instead"),
        (lambda model, X: model.predict(X, horizon=1.5), r"horizon must be whole"),
        (lambda model, X: model.predict(X, elapsed=-1), r"elapsed must be whole periods"),
        (lambda model, X: model.predict(X, elapsed=[1, 2]), r"elapsed must be a number, or one a customer"),
        (lambda model, X: model.predict_survival(X, [1.5]), r"periods must be whole"),
        (lambda model, X: model.survival_by(X, [1, 2]), r"segment must name a column, or be as long as X"),
        (lambda model, X: model.predict(X.head(0)), r"minimum of 1 is required"),
        (lambda model, X: model.effect_table(level=1), r"level must be in \(0, 1\)"),
    ],
)
def test_questions_without_an_answer_are_refused(made, linear, ask, message):
    with pytest.raises(ValueError, match=message):
        ask(linear, made[0])


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_churned": 0},
        {"l2_penalty": -1},
        {"max_rounds": 1.5},
        {"l2_penalty": np.nan},
        {"changing_effects": 2},
    ],
)
def test_wrong_parameters_are_refused(made, wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be"):
        HazardModel(**wrong).fit(made[0], made[1])


# As an estimator (what tests/test_estimators.py asks of those that take customer summaries)


def test_a_saved_copied_or_pickled_model_answers_the_same(boosted, tmp_path):
    model, X, _, _ = boosted
    right = model.predict(X, horizon=4, elapsed=3)
    saved = load_model(save_model(model, tmp_path / "model"))
    for again in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model), saved):
        assert_array_equal(again.predict(X, horizon=4, elapsed=3), right)
        assert_frame_equal(again.effect_table(), model.effect_table())
        assert_frame_equal(again.hazard_table_, model.hazard_table_)


def test_fit_returns_the_model_changes_no_table_and_can_be_done_again(made, linear):
    X, y, _ = made
    before = X.copy(), y.copy()
    again = HazardModel(max_rounds=0)
    assert again.fit(X, y).fit(X, y.to_records(index=False)) is again
    assert_frame_equal(X, before[0])
    assert_frame_equal(y, before[1])
    assert_array_equal(again.predict(X), linear.predict(X))
    assert again.get_params() == {
        "min_churned": 10,
        "l2_penalty": 1.0,
        "changing_effects": None,
        "max_rounds": 0,
        "random_state": 0,
    }
    assert again.feature_names_in_.tolist() == ["calls", "plan"]
    assert again.n_features_in_ == 2


def test_tables_may_have_other_columns_equal_labels_or_no_names(made, linear):
    X, y, _ = made
    other = X.assign(note="x")[["note", "plan", "calls"]].set_axis(["c"] * len(X))
    assert_array_equal(linear.predict(other), linear.predict(X))
    assert linear.predict_survival(other, 2).index.equals(other.index)
    array = X[["calls"]].to_numpy()
    model = HazardModel(max_rounds=0).fit(array, {"duration": y["duration"], "churned": y["churned"]})
    assert model.predict(array).shape == (len(X),)
    assert model.feature_names_in_.tolist() == ["x0"]


def test_an_unfitted_model_says_so_and_a_clone_is_unfitted(made, linear):
    for ask in ("predict", "predict_survival", "predict_median"):
        with pytest.raises(NotFittedError, match="is not fitted yet"):
            getattr(clone(linear), ask)(made[0])
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        clone(linear).hazard_table_  # noqa: B018


# Two telephone companies


def concordance(duration, churned, risk):
    """Share of pairs, of which one is known to have left first, in which that one had the higher risk."""
    earlier = (duration[:, None] < duration) & churned[:, None]
    higher = (risk[:, None] > risk) + 0.5 * (risk[:, None] == risk)
    return higher[earlier].mean()


@needs_data
def test_subscribers_of_telco_stay_as_long_as_their_contracts_say():
    table = load_telco_churn().query("tenure > 0")
    # TotalCharges grows with time: it would tell how long they stayed.
    X = table.drop(columns=["customerID", "tenure", "TotalCharges", "Churn"])
    y = pd.DataFrame({"duration": table["tenure"], "churned": table["Churn"] == "Yes"})
    learn = np.random.default_rng(1).random(len(X)) < 0.5
    model = HazardModel().fit(X[learn], y[learn])
    curves = model.survival_by(X[~learn], "Contract").pivot(
        index="period", columns="segment", values="survival"
    )
    monthly, yearly, two = (
        curves[name].to_numpy()[1:] for name in ["Month-to-month", "One year", "Two year"]
    )
    assert (monthly < yearly).all()
    assert (yearly < two).all()
    held_out = y[~learn]
    for name in curves:
        mine = (X["Contract"][~learn] == name).to_numpy()
        curve = kaplan_meier(held_out["duration"][mine], held_out["churned"][mine]).set_index("time")
        curve = curve.loc[:60]  # beyond, a few dozen are left
        found = curves[name].loc[curve.index]
        assert np.abs(found - curve["survival"]).max() < 0.08, name
    risk = model.predict(X[~learn], horizon=12)
    # Chance is .5; see field/churn.md for what knows of tenure. Ridge alone gives .86.
    assert concordance(held_out["duration"].to_numpy(), held_out["churned"].to_numpy(), risk) > 0.84


@needs_data
def test_subscribers_of_mlc_leave_by_what_trees_see_together():
    table = load_mlc_churn()
    X = table.drop(columns=["churn", "account_length"])
    y = pd.DataFrame({"duration": table["account_length"] // 7 + 1, "churned": table["churn"] == "yes"})
    learn = np.random.default_rng(1).random(len(X)) < 0.7
    duration, churned = (y[~learn][name].to_numpy() for name in ["duration", "churned"])
    found = [
        concordance(
            duration,
            churned,
            HazardModel(max_rounds=r).fit(X[learn], y[learn]).predict(X[~learn], horizon=12),
        )
        for r in (0, 400)
    ]
    assert found[0] > 0.7
    assert found[1] > found[0] + 0.05
