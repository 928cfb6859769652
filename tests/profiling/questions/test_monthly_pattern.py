"""Monthly pattern: planted paydays, months without one, and everybody's payday."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_analytics import read_log
from crm_analytics.profiling.evidence.strength import strength
from crm_analytics.profiling.questions.monthly_pattern import (
    HELD,
    WIDTHS,
    log_window_factor,
    monthly_pattern,
)
from crm_analytics.profiling.reading.population import Population


def _shops(rng, customer, *, payday=None, months=24):
    """Eight small shops a month on any day, and one or two large ones: on any day, or near payday."""
    month = np.datetime64("2007-01") + np.arange(months)
    begins, ends = month.astype("datetime64[D]"), (month + 1).astype("datetime64[D]")
    length = (ends - begins).astype(int)
    small = (rng.random((8, months)) * length).astype(int)
    n_large = 1 + (rng.random(months) < 0.5)
    if payday is None:
        large = (rng.random((2, months)) * length).astype(int)
    else:
        large = (payday - 1 + rng.integers(0, 5, (2, months))) % length
    large_kept = np.arange(2)[:, None] < n_large
    day = np.concatenate([(begins + small).ravel(), (begins + large)[large_kept]])
    amount = np.concatenate([rng.lognormal(2.5, 0.5, small.size), rng.lognormal(4.2, 0.3, large_kept.sum())])
    receipt = [f"{customer}-{i}" for i in range(day.size)]
    return pd.DataFrame(
        {"customer_id": customer, "transaction_id": receipt, "occurred_at": day, "amount": amount.round(2)}
    )


@pytest.fixture(scope="module")
def town():
    rng = np.random.default_rng(11)
    planted = [_shops(rng, f"payday{i:02d}", payday=int(rng.integers(1, 29))) for i in range(40)]
    plain = [_shops(rng, f"plain{i:03d}") for i in range(300)]
    return Population.read(read_log(pd.concat([*planted, *plain], ignore_index=True)))


def test_paydays_are_found_and_months_without_one_are_not(town):
    claims = {str(name): monthly_pattern(town.household_at(i)) for i, name in enumerate(town.households)}
    strong = [name for name, found in claims.items() if found and strength(found[0]) >= 0.95]
    assert sum(name.startswith("payday") for name in strong) >= 38
    assert sum(name.startswith("plain") for name in strong) <= 1
    small = [found[0].p_value < 0.05 for name, found in claims.items() if name.startswith("plain") and found]
    assert sum(small) <= 0.05 * 300 + 2 * np.sqrt(0.05 * 300)  # p-values are no smaller than they say


def test_lines_shown_are_large_shops_of_the_part_named(town):
    for place in range(10):
        household = town.household_at(place)
        (claim,) = monthly_pattern(household)
        day = pd.DatetimeIndex(household.lines.at[claim.lines]).day.to_numpy()
        assert ((day - claim.values["from_day"]) % 31 < 10).all()
        assert household.lines.amount[claim.lines].min() > np.median(household.lines.amount)
        assert claim.values["share"] > 1.3 * claim.values["expected"]


def test_a_payday_that_everybody_has_is_no_finding():
    rng = np.random.default_rng(2)
    frame = pd.concat([_shops(rng, f"h{i:02d}", payday=15) for i in range(60)], ignore_index=True)
    town = Population.read(read_log(frame))
    claims = [claim for i in range(60) for claim in monthly_pattern(town.household_at(i))]
    assert sum(strength(claim) >= 0.8 for claim in claims) <= 1


@settings(max_examples=4)
@given(seed=st.integers(0, 99), factor=st.sampled_from([0.25, 8.0]))
def test_row_order_and_currency_do_not_matter(seed, factor):
    frame = _shops(np.random.default_rng(3), "a", payday=3)
    changed = frame.sample(frac=1, random_state=seed).assign(amount=lambda f: f["amount"] * factor)
    (one,), (other,) = (
        monthly_pattern(Population.read(read_log(f)).household_at(0)) for f in (frame, changed)
    )
    assert one.p_value == pytest.approx(other.p_value)
    assert one.values == pytest.approx(other.values)


@pytest.mark.parametrize("months", [1, 5])
def test_few_months_ask_nothing(months):
    frame = _shops(np.random.default_rng(3), "a", payday=3, months=months)
    assert monthly_pattern(Population.read(read_log(frame)).household_at(0)) == []


@pytest.mark.parametrize("poor", ["one_day", "free", "first_of_month"])
def test_poor_logs_are_no_error(poor):
    frame = _shops(np.random.default_rng(3), "a", payday=3)
    if poor == "one_day":
        frame["occurred_at"] = pd.Timestamp("2007-05-01")
    if poor == "free":
        frame["amount"] = 0.0
    if poor == "first_of_month":
        frame["occurred_at"] = frame["occurred_at"].dt.to_period("M").dt.to_timestamp()
    assert monthly_pattern(Population.read(read_log(frame)).household_at(0)) == []


def test_a_window_is_weighed_as_by_hand_and_has_mean_one_under_its_null():
    rng = np.random.default_rng(8)
    usual = rng.dirichlet(np.full(31, 5.0))
    factors = []
    for _ in range(4000):
        days = rng.multinomial(9, usual)
        factors.append(np.exp(log_window_factor(days, usual)[0]))
    assert np.mean(factors) == pytest.approx(1.0, abs=0.12)
    by_hand = []
    for width in WIDTHS:
        for first in range(31):
            window = [(first + i) % 31 for i in range(width)]
            k, expected = days[window].sum(), usual[window].sum()
            for held in HELD:
                one = (held / expected) ** k * ((1 - held) / (1 - expected)) ** (9 - k)
                by_hand.append(one if held > expected else 1.0)
    assert factors[-1] == pytest.approx(np.mean(by_hand))


def test_large_shops_by_lines_show_the_days_they_fall_on():
    rng = np.random.default_rng(5)
    small = pd.DataFrame(
        {"occurred_at": pd.Timestamp("2007-01-01") + pd.to_timedelta(rng.integers(0, 720, 150), "D")}
    )
    large = pd.DataFrame({"occurred_at": pd.date_range("2007-01-01", periods=23, freq="MS")})
    large["occurred_at"] += pd.to_timedelta(rng.integers(13, 17, 23), "D")
    large.loc[[3, 9, 15], "occurred_at"] += pd.Timedelta(days=11)  # now and then it is late
    both = pd.concat([small.assign(n=rng.integers(1, 4, 150)), large.assign(n=rng.integers(14, 30, 23))])
    both["transaction_id"] = np.arange(len(both))
    lines = both.loc[both.index.repeat(both["n"])].reset_index(drop=True)
    lines = lines.drop(columns="n").assign(customer_id="a", amount=2.0)
    household = Population.read(read_log(lines)).household_at(0)
    (claim,) = monthly_pattern(household)
    assert claim.variant == "large"
    assert strength(claim) >= 0.95
    assert (claim.values["from_day"], claim.values["to_day"]) == (14, 17)
    assert set(pd.DatetimeIndex(household.lines.at[claim.lines]).day) == {14, 15, 16, 17}
