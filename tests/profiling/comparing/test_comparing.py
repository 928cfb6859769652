"""Beta-binomial and Dirichlet-multinomial shares, exact tests of shopping days, owners: each against an oracle."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import betabinom, nchypergeom_fisher

from crm_analytics.profiling.comparing.beta_binomial import compare, fit_beta_binomial, lower_tail, upper_tail
from crm_analytics.profiling.comparing.choices import choices_of, tastes_of
from crm_analytics.profiling.comparing.owners import fit_owners
from crm_analytics.profiling.comparing.posterior import (
    chance_above,
    chance_of_mixture,
    clumping,
    persistence,
)
from crm_analytics.profiling.comparing.shopping_days import (
    least_tails,
    merged_strata,
    together_tail,
    worth_asking,
)
from crm_analytics.profiling.reading.lines import Lines


def _lines(rng, n, n_households, n_categories, n_codes):
    """Lines at random, sorted by household and day."""
    household = np.sort(rng.integers(0, n_households, n)).astype(np.int32)
    day = rng.integers(0, 200, n).astype(np.int32)
    day = day[np.lexsort((day, household))]
    category = rng.integers(0, n_categories, n).astype(np.int32)
    kind = (category * n_codes + rng.integers(0, n_codes, n) ** 2 // n_codes).astype(np.int32)
    row, zero, blank = np.arange(n), np.zeros(n, dtype=np.int32), np.full(n, np.nan)
    at = day.astype("datetime64[D]").astype("datetime64[s]")
    codes = dict.fromkeys(("customer", "receipt", "store", "product", "item", "department", "brand"), zero)
    numbers = dict.fromkeys(("quantity", "amount", "unit_price", "size"), blank)
    known = {"row": row, "at": at, "day": day, "household": household, "category": category, "type": kind}
    return Lines(**known, **codes, **numbers)


@settings(max_examples=40)
@given(st.integers(1, 60), st.data(), st.floats(0.05, 40), st.floats(0.05, 40))
def test_tails_are_scipys(n, data, a, b):
    k = data.draw(st.integers(0, n))
    assert_allclose(upper_tail(k, n, a, b), betabinom.sf(k - 1, n, a, b), rtol=1e-8, atol=1e-12)
    assert_allclose(lower_tail(k, n, a, b), betabinom.cdf(k, n, a, b), rtol=1e-8, atol=1e-12)


def test_tails_are_calibrated_on_households_that_the_fit_has_not_seen():
    rng = np.random.default_rng(0)
    n = rng.integers(10, 300, 4000)
    k = rng.binomial(n, rng.beta(1.5, 20, n.size))
    half = 2000
    a, b = fit_beta_binomial(k[:half], n[:half])
    p = np.array([upper_tail(x, m, a, b) for x, m in zip(k[half:], n[half:], strict=True)])
    for level in (0.01, 0.05, 0.2):
        assert (p <= level).mean() <= level + 4 * np.sqrt(level / half)
    assert (p <= 0.05).mean() >= 0.02


def test_a_household_is_left_out_of_its_own_comparison():
    k, n = np.array([40, 2, 3, 1, 4]), np.full(5, 40)
    one = compare(k, n, own=0)
    assert one.usual == pytest.approx((10 / 40 * 20 + 0.5) / 81)
    assert one.above() < 0.01


def test_overdispersion_of_many_codes_is_recovered(shop_lines):
    lines, truth = shop_lines
    learnt = tastes_of(lines, "type", np.ones(len(lines), dtype=bool), 1)
    mine = choices_of(
        lines.take(lines.household == 0), "type", np.ones((lines.household == 0).sum(), dtype=bool)
    )
    habits = learnt.others(mine, 0)
    assert habits.overdispersion == pytest.approx(1 / (truth + 1), rel=0.1)
    assert_allclose(habits.shares, [0.5, 0.3, 0.2], atol=0.03)
    assert habits.households == 599


@pytest.fixture(scope="module")
def shop_lines():
    rng = np.random.default_rng(1)
    truth, n, households = 4.0, 15, 600
    theta = rng.dirichlet(truth * np.array([0.5, 0.3, 0.2]), households)
    kind = np.concatenate([rng.choice(3, n, p=row) for row in theta]).astype(np.int32)
    size = n * households
    zero, day = np.zeros(size, dtype=np.int32), np.tile(np.arange(n, dtype=np.int32), households)
    household = np.repeat(np.arange(households, dtype=np.int32), n)
    blank = np.full(size, np.nan)
    at = day.astype("datetime64[D]").astype("datetime64[s]")
    row = np.arange(size)
    return (
        Lines(
            row,
            at,
            day,
            household,
            household,
            row,
            zero,
            kind,
            kind,
            zero,
            zero,
            zero,
            kind,
            blank,
            blank,
            blank,
            blank,
        ),
        truth,
    )


@settings(max_examples=25)
@given(st.integers(2, 9), st.data(), st.floats(0.3, 6))
def test_one_stratum_is_fishers_noncentral_hypergeometric(n, data, odds):
    a, b = data.draw(st.integers(0, n)), data.draw(st.integers(0, n))
    both = data.draw(st.integers(max(0, a + b - n), min(a, b)))
    ours = together_tail(both, np.array([a]), np.array([b]), np.array([n]), odds)
    if min(a, b) == 0 or max(a, b) == n:
        assert ours == 1.0
    else:
        assert_allclose(ours, nchypergeom_fisher.sf(both - 1, n, a, b, odds), rtol=1e-6)


def test_two_strata_are_all_their_permutations_counted():
    a, b, n = np.array([2, 3]), np.array([2, 1]), np.array([4, 5])
    counts = [
        len(set(range(2)) & set(one)) + len(set(range(3)) & set(other))
        for one in combinations(range(4), 2)
        for other in combinations(range(5), 1)
    ]
    for both in range(4):
        assert_allclose(together_tail(both, a, b, n), np.mean(np.array(counts) >= both))


def test_margins_tell_the_least_p_value():
    a, b, n = np.array([[2], [3]]), np.array([[2], [1]]), np.array([4, 5])
    assert_allclose(np.exp(least_tails(a, b, n))[0, 0], together_tail(3, a[:, 0], b[:, 0], n))


@settings(max_examples=25)
@given(st.lists(st.floats(-20, 0), min_size=1, max_size=30))
def test_worth_asking_is_tarones_number(log_least):
    values = np.array(log_least)
    k = worth_asking(values, 0.05)
    able = [(values <= np.log(0.05 / one)).sum() <= one for one in range(1, values.size + 1)]
    assert k == 1 + able.index(True)


def test_probability_of_a_share_is_calibrated_on_households_of_a_known_population():
    rng = np.random.default_rng(5)
    a, b, n = 1.2, 4.8, rng.integers(5, 60, 8000)
    share = rng.beta(a, b, n.size)
    likely = chance_above(rng.binomial(n, share), n, a, b, 0.3)
    for low, high in ((0.0, 0.1), (0.3, 0.7), (0.9, 1.0)):
        inside = (likely >= low) & (likely <= high)
        assert (share[inside] > 0.3).mean() == pytest.approx(likely[inside].mean(), abs=0.04)


def test_a_mixture_is_calibrated_and_believes_a_clear_exception():
    rng = np.random.default_rng(6)
    n = rng.integers(5, 40, 20_000)
    share = np.where(rng.random(n.size) < 0.05, rng.random(n.size), rng.beta(4.0, 36.0, n.size))
    k = rng.binomial(n, share)
    few = np.full(n.size, 0.05)
    likely = chance_of_mixture(k, n, np.full(n.size, 4.0), np.full(n.size, 36.0), few, np.full(n.size, 0.5))
    for low, high in ((0.0, 0.1), (0.3, 0.7), (0.9, 1.0)):
        inside = (likely >= low) & (likely <= high)
        assert (share[inside] > 0.5).mean() == pytest.approx(likely[inside].mean(), abs=0.06)
    assert chance_above(12, 13, 4.0, 36.0, 0.5) < 0.05
    assert likely[(k >= 12) & (n == 13)].min() > 0.95


def test_clumps_and_runs_count_for_fewer_draws():
    rng = np.random.default_rng(7)
    n = rng.integers(1, 6, 3000)
    assert clumping(rng.binomial(n, 0.2), n) == pytest.approx(1.0, abs=0.08)
    assert clumping(n * (rng.random(n.size) < 0.2), n) == pytest.approx((n**2).sum() / n.sum(), rel=0.1)
    hits = rng.random(4000) < 0.4
    for chain, worth in ((hits, 1.0), (np.repeat(hits, 4), 0.25)):
        switches = (chain[1:] != chain[:-1]).sum()
        found = persistence(np.array([switches]), np.array([chain.sum()]), np.array([chain.size]))[0]
        # Runs of four: neighbours correlate by 3/4, as in a chain whose draws are worth a seventh.
        assert found == pytest.approx(worth if worth == 1 else 1 / 7, abs=0.06)


def test_all_categories_at_once_are_compared_as_each_alone():
    rng = np.random.default_rng(8)
    lines = _lines(rng, n=3000, n_households=40, n_categories=4, n_codes=7)
    everything = np.ones(len(lines), dtype=bool)
    learnt = tastes_of(lines, "type", everything, 4)
    for household in range(5):
        own = lines.take(lines.household == household)
        mine = choices_of(own, "type", np.ones(len(own), dtype=bool))
        among = learnt.among(mine)
        for place in range(mine.n.size):
            alone = learnt.others(mine, place)
            inside = mine.of(place)
            shares = alone.shares[np.searchsorted(alone.codes, mine.code[inside])]
            assert_allclose(among.shares[inside], shares)
            assert_allclose(among.overdispersion[place], alone.overdispersion)
            assert_allclose(among.repeat[place], alone.repeat)
            assert among.households[place] == alone.households


def test_switches_are_those_of_the_choices_in_time_order():
    rng = np.random.default_rng(9)
    lines = _lines(rng, n=60, n_households=1, n_categories=2, n_codes=3)
    mine = choices_of(lines, "type", np.ones(len(lines), dtype=bool))
    for at in range(mine.code.size):
        inside = lines.category == mine.category[at]
        pairs = sorted(set(zip(lines.day[inside].tolist(), lines.type[inside].tolist(), strict=True)))
        is_it = [code == mine.code[at] for _, code in pairs]
        assert mine.switches[at] == sum(a != b for a, b in pairwise(is_it))
        assert mine.count[at] == sum(is_it)


def test_strata_of_few_days_are_put_together():
    strata = np.repeat([0, 1, 2, 3, 5], [4, 30, 3, 25, 8])
    merged = merged_strata(strata, 20)
    assert np.bincount(merged).tolist() == [37, 33]
    assert (np.diff(merged) >= 0).all()


def test_owners_posterior_is_calibrated():
    rng = np.random.default_rng(2)
    has = rng.random(6000) < 0.25
    rate = np.where(has, rng.gamma(2.0, 0.08 / 2, has.size), rng.gamma(1.0, 0.004, has.size))
    visits = rng.integers(30, 200, has.size)
    days = rng.poisson(rate * visits)
    p = fit_owners(days, visits).probability(days, visits)
    for low, high in ((0.0, 0.1), (0.4, 0.8), (0.9, 1.0)):
        inside = (p >= low) & (p <= high)
        assert has[inside].mean() == pytest.approx(p[inside].mean(), abs=0.08)
