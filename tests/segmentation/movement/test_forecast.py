"""The Markov forecast against published values and known chains."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import chi2_contingency

from crm_analytics.core import SchemaError
from crm_analytics.segmentation import chain_value, check_forecast, forecast_sizes, migration_matrix
from crm_analytics.segmentation.movement.chain import moves_dispersion

# Pfeifer & Carraway's example: periods since the last purchase 1 to 4, then a former customer; chance to buy
# .3, .2, .15, .05, 0; $40 of a purchase, $4 of remarketing; 20 % a period.
BUYS = [0.3, 0.2, 0.15, 0.05]
RECENCY = np.zeros((5, 5))
RECENCY[range(4), 0] = BUYS
RECENCY[range(4), range(1, 5)] = 1 - np.array(BUYS)
RECENCY[4, 4] = 1
REWARD = [36.0, -4.0, -4.0, -4.0, 0.0]

CHAIN = np.array([[0.80, 0.15, 0.00, 0.05], [0.20, 0.60, 0.15, 0.05], [0.05, 0.15, 0.78, 0.02]])  # last: gone
NAMES = np.array(["a", "b", "c"])


def walk(n, dates, rng, chain=CHAIN, newcomers=0):
    """Segments of customers who move as the chain says, one Series a date."""
    state = pd.Series(rng.integers(0, len(chain), n))
    found = []
    for _ in range(dates):
        found.append(pd.Series(NAMES[state], index=state.index))
        drawn = (rng.random((len(state), 1)) > chain[state].cumsum(axis=1)[:, :-1]).sum(axis=1)
        state = pd.Series(drawn, index=state.index)
        state = state[state < len(chain)]
        fresh = rng.poisson(newcomers)
        first = found[-1].index.max() + 1_000_000
        state = pd.concat([state, pd.Series(0, index=range(first, first + fresh), dtype=int)])
    return found


def test_value_of_a_chain_is_that_of_pfeifer_and_carraway():
    assert_allclose(
        chain_value(RECENCY, REWARD, discount=0.2, periods=5), [50.115, 4.220, 0.592, -1.980, 0], atol=6e-4
    )
    assert_allclose(chain_value(RECENCY, REWARD, discount=0.2), [52.320, 5.554, 1.251, -1.820, 0], atol=6e-4)
    # Period by period: 36, then .3 × 36 − .7 × 4 a period later.
    assert chain_value(RECENCY, REWARD, discount=0.2, periods=2)[0] == pytest.approx(36 + 8 / 1.2)


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), discount=st.floats(0.01, 2))
def test_a_long_horizon_is_worth_what_an_endless_one_is(seed, discount):
    rng = np.random.default_rng(seed)
    chain, worth = rng.dirichlet(np.ones(4), 3)[:, :-1], rng.normal(0, 50, 3)
    endless = chain_value(chain, worth, discount=discount)
    assert_allclose(
        chain_value(chain, worth, discount=discount, periods=3_000), endless, rtol=1e-7, atol=1e-7
    )
    assert_allclose(endless, worth + chain @ endless / (1 + discount), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("transition", "options", "message"),
    [
        ([[0.5, 0.5], [0, 1]], {}, "the sum over all periods is infinite"),
        ([[0.5, 0.6], [0, 1]], {"discount": 0.1}, "must hold chances"),
        ([[0.5]], {"discount": 0.1}, "square and as long as values"),
        ([[0.5, 0.5], [0, 1]], {"discount": -0.1}, "discount must be >= 0"),
        ([[0.5, 0.5], [0, 1]], {"periods": 0}, "periods must be a whole number >= 1 or None"),
    ],
)
def test_a_value_that_does_not_exist_is_refused(transition, options, message):
    with pytest.raises(ValueError, match=message):
        chain_value(transition, [1.0, 2.0], **options)


def test_chances_are_pooled_counts_and_the_prior():
    dates = [pd.Series(list(word)) for word in ("aaaaaaaabb", "aaaaaabbbb", "aaaaabbbbb")]
    found = forecast_sizes(dates, prior=2.0)
    # From a: 8 + 6 customers, 11 stay; from b: 2 + 4, all stay. Nobody is gone, so the prior is 1 and 1.
    assert_allclose(found.transition, [[12 / 16, 4 / 16, 0], [1 / 8, 7 / 8, 0]])
    assert list(found.transition.columns) == ["a", "b", "gone"]
    assert_allclose(found.start, [5, 5])
    first = found.sizes.query("period == 1")
    assert_allclose(first["expected"], [5 * 12 / 16 + 5 / 8, 5 * 4 / 16 + 5 * 7 / 8])
    assert_allclose(found.sizes.groupby("period")["expected"].sum(), 10)
    assert_allclose(found.sizes.groupby("period")["share"].sum(), 1)


def test_migrations_and_labels_say_the_same():
    dates = walk(500, 3, np.random.default_rng(1), newcomers=20)
    moves = [migration_matrix(*dates[:2]), migration_matrix(*dates[1:])]
    pd.testing.assert_frame_equal(forecast_sizes(dates).sizes, forecast_sizes(moves).sizes)
    pd.testing.assert_series_equal(
        forecast_sizes(moves[0]).start, dates[1].value_counts().sort_index().astype(float),
        check_names=False, check_index_type=False,
    )  # fmt: skip


def test_a_known_chain_is_recovered():
    dates = walk(20_000, 4, np.random.default_rng(2), newcomers=500)
    found = forecast_sizes(dates, n_draws=50)
    assert_allclose(found.transition, CHAIN, atol=0.012)  # 3 standard errors of 15,000 customers
    assert_allclose(found.inflow, [500, 0, 0], rtol=0.09)
    assert found.dispersion == pytest.approx(1, abs=0.9)  # 12 degrees of freedom


def test_intervals_hold_what_happens_about_as_often_as_they_say():
    rng, inside = np.random.default_rng(4), []
    for _ in range(40):
        dates = walk(1_000, 5, rng, newcomers=50)
        inside.append(check_forecast(dates, periods=2, n_draws=300, level=0.8, random_state=rng).inside)
    assert 0.72 < np.mean(inside) < 0.92  # 240 sizes, not independent: ±.09


def test_chances_that_change_widen_the_intervals():
    rng, inside, naive = np.random.default_rng(5), [], []
    for _ in range(25):
        dates = [pd.Series(NAMES[rng.integers(0, 2, 2_000)])]
        for _ in range(5):  # the chance to leave a, a period: between .1 and .4
            leaves, state = rng.uniform(0.1, 0.4), dates[-1].to_numpy()
            move = rng.random(2_000) < np.where(state == "a", leaves, 0.25)
            dates.append(pd.Series(np.where(move, np.where(state == "a", "b", "a"), state)))
        check = check_forecast(dates, n_draws=300, level=0.9)
        inside.append(check.inside)
        table = forecast_sizes(dates[-3:-1], 1, n_draws=300).sizes  # one transition knows of no change
        naive.append(table["expected"].iloc[0] - table["lower"].iloc[0])
        assert forecast_sizes(dates[:-1], 1, n_draws=10).dispersion > 5
    assert np.mean(inside) > 0.75
    assert np.mean(naive) < 60  # against a standard deviation of .087 × 1,000 from the change alone


def test_dispersion_is_the_chi_squared_of_equal_chances():
    rng = np.random.default_rng(6)
    counts = rng.poisson(20, (3, 2, 4))
    square = sum(chi2_contingency(counts[:, i])[0] for i in range(2))
    assert moves_dispersion(counts) == pytest.approx(square / 12)
    assert np.isnan(moves_dispersion(counts[:1]))


def test_newcomers_can_be_planned_and_the_start_be_given():
    dates = walk(500, 3, np.random.default_rng(7), newcomers=40)
    none = forecast_sizes(dates, 40, inflow={"a": 0, "b": 0, "c": 0})
    assert none.sizes.query("period == 40")["expected"].sum() < 0.2 * len(dates[-1])
    given_start = forecast_sizes(dates, 1, start={"a": 1000, "b": 0, "c": 0}, inflow=none.inflow)
    assert_allclose(given_start.sizes["expected"], 1000 * given_start.transition.loc["a", ["a", "b", "c"]])
    assert_array_equal(given_start.start, [1000, 0, 0])
    planned = forecast_sizes(dates, 1, start=given_start.start, inflow={"a": 7, "b": 0, "c": 90})
    assert_allclose(planned.sizes["expected"] - given_start.sizes["expected"], [7, 0, 90])


def test_few_customers_tell_little_of_many():
    moves = [pd.Series(["a"] * 20), pd.Series(["a"] * 12 + ["b"] * 8)]
    first = forecast_sizes(moves, 1, start={"a": 10_000, "b": 0}, level=0.9).sizes.iloc[0]
    # A share of .6 learned from 20 customers and a prior of 1, one of two segments.
    share = 12.5 / 21
    assert first["upper"] - first["lower"] == pytest.approx(
        2 * 1.645 * 1e4 * np.sqrt(share * (1 - share) / 22), rel=0.1
    )


def test_a_segment_that_comes_up_later_counts_from_then_on():
    check = check_forecast([pd.Series(list(word)) for word in ("aaaa", "aaab", "abbc")])
    assert list(check.table["segment"]) == ["a", "b", "c"]
    assert list(check.table["actual"]) == [1, 2, 1]
    assert list(check.table["now"]) == [3, 1, 0]
    assert check.naive_error == pytest.approx((2 + 1 + 1) / 3)


def test_a_customer_is_worth_what_the_chain_leads_to():
    found = forecast_sizes(walk(5_000, 3, np.random.default_rng(8)))
    worth = found.value({"a": 10.0, "b": 50.0, "c": 200.0}, discount=0.05)
    chances = found.transition.drop(columns="gone").to_numpy()
    assert_allclose(worth, np.linalg.inv(np.eye(3) - chances / 1.05) @ [10.0, 50.0, 200.0])
    assert worth["a"] < worth["b"] < worth["c"]
    assert_allclose(found.value(pd.Series({"c": 3.0, "b": 2.0, "a": 1.0}), periods=1), [1, 2, 3])


def test_a_segment_that_nobody_gets_into_needs_no_value():
    tiers = pd.CategoricalDtype(["none", "a", "b"], ordered=True)
    found = forecast_sizes([pd.Series(list(word)).astype(tiers) for word in ("aaab", "aabb")])
    worth = found.value({"none": np.nan, "a": 1.0, "b": 2.0}, periods=3)
    assert np.isnan(worth["none"])
    assert worth[["a", "b"]].notna().all()
    assert (found.sizes.query("segment == 'none'")[["expected", "upper"]] == 0).all(axis=None)
    with pytest.raises(SchemaError, match="segment 'a' has no finite value"):
        found.value({"none": 0.0, "a": np.nan, "b": 2.0}, periods=3)


def test_a_tiny_prior_leaves_an_unseen_segment_its_even_chances():
    found = forecast_sizes([pd.Series(list(word)) for word in ("aab", "aac")], 3, prior=1e-9, n_draws=20)
    assert_allclose(found.transition.loc["c"], [0.5, 0, 0.5, 0])  # nobody went to b
    assert found.sizes.notna().all(axis=None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"periods": 0}, "periods must be a whole number >= 1"),
        ({"n_draws": 1.5}, "n_draws must be a whole number >= 1"),
        ({"prior": 0}, "prior must be > 0"),
        ({"level": 1}, r"level must be in \(0, 1\)"),
        ({"start": {"a": 1}}, "start has no entry for segment 'b'"),
        ({"inflow": {"a": -1, "b": 0}}, "inflow must be finite and >= 0"),
    ],
)
def test_settings_that_cannot_be_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        forecast_sizes([pd.Series(["a", "b"]), pd.Series(["b", "b"])], **options)


def test_too_few_dates_are_refused():
    labels = pd.Series(["a", "b"])
    with pytest.raises(SchemaError, match="at least two dates"):
        forecast_sizes([labels])
    with pytest.raises(ValueError, match=r"2 date\(s\) held out need at least 4 dates"):
        check_forecast([labels] * 3, periods=2)


def test_the_same_seed_gives_the_same_intervals():
    dates = walk(200, 3, np.random.default_rng(9), newcomers=5)
    first, second, other = (forecast_sizes(dates, random_state=seed).sizes for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, second)
    assert not first["lower"].equals(other["lower"])
    assert_allclose(first["expected"], other["expected"])
