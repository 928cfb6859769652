"""Starts, lapses and gaps: planted ones, Poisson households without one, seasons, delistings and holidays."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import binom

from crm_analytics.profiling.context import Context
from crm_analytics.profiling.evidence.strength import strength
from crm_analytics.profiling.questions.category_change import KINDS, category_changes
from crm_analytics.profiling.questions.category_rates import category_rates, regularity, silence_p_value
from crm_analytics.profiling.questions.home_lines import home_lines
from crm_analytics.profiling.reading.population import Population
from crm_analytics.profiling.telling.formatting import Formatter
from crm_analytics.transactions import read_log

BEGIN, DAYS = date(2007, 1, 1), 1000
GOODS = ["milk", "bread", "apples", "pasta", "tea", "soap", "rice", "sanitary pads", "ice cream", "juice"]
ICE, JUICE, PADS = GOODS.index("ice cream"), GOODS.index("juice"), GOODS.index("sanitary pads")


def household(name, rng, *, gone=(), absent=()):
    """Visits at random, each category on a visit with a chance of one's own; `gone` are (category, from, to)."""
    days = np.flatnonzero(rng.random(DAYS) < 0.25)
    for low, high in absent:
        days = days[(days < low) | (days >= high)]
    chance = rng.gamma(2.0, 0.08, len(GOODS)).clip(0.02, 0.8)
    bought = rng.random((days.size, len(GOODS))) < chance
    bought[:, ICE] &= (days % 365 > 120) & (days % 365 < 270)  # a summer thing
    bought[:, JUICE] &= days < 700  # not sold any more
    for category, low, high in gone:
        at = GOODS.index(category)
        bought[:, at] = (rng.random(days.size) < 0.25) & ~((days >= low) & (days < high))
    visit, good = np.nonzero(bought)
    rows = [(name, int(days[v]), GOODS[g], "S1") for v, g in zip(visit, good, strict=True)]
    return rows + [(name, int(d), "bag", "S1") for d in days]


def log_of(rows):
    lines = pd.DataFrame(rows, columns=["customer_id", "day", "category", "store_id"])
    lines["occurred_at"] = pd.Timestamp(BEGIN) + pd.to_timedelta(lines.pop("day"), unit="D")
    lines["transaction_id"] = lines["customer_id"] + lines["occurred_at"].astype(str) + lines["store_id"]
    return lines.assign(
        description=lines["category"],
        item_id=lines["category"],
        quantity=1.0,
        amount=2.0,
        brand="x",
        department="food",
    )


@pytest.fixture(scope="module")
def town():
    rng = np.random.default_rng(8)
    rows = []
    for k in range(100):
        rows += household(f"plain{k}", rng)
        if k < 15:
            rows += household(f"away{k}", rng, absent=[(300, 420), (860, 960)])
            rows += household(f"start{k}", rng, gone=[("tea", 0, 400)])
            rows += household(f"lapse{k}", rng, gone=[("rice", 650, DAYS)])
            rows += household(f"gap{k}", rng, gone=[("sanitary pads", 400, 650)])
        if k < 10:
            cars = household(f"car{k}", rng)
            fills = np.arange(500 + 10 * k, 830, 11) + rng.integers(0, 3)
            rows += cars + [(f"car{k}", int(d), "fuel", "F1") for d in fills]
            rows += [(f"plain{k}", int(d), "fuel", "F1") for d in range(5, DAYS, 9)]
    return Population.read(read_log(log_of(rows)), Context())


def told(population, name, least=0.8):
    return [c for c in category_changes(population.household(name)) if strength(c) >= least]


@pytest.mark.parametrize(
    ("name", "kind", "subject", "low", "high"),
    [
        ("start", "category_start", "tea", 400, None),
        ("lapse", "category_lapse", "rice", 650, None),
        ("gap", "category_gap", "sanitary pads", 400, 650),
    ],
)
def test_planted_changes_are_told_with_their_dates(town, name, kind, subject, low, high):
    found = 0
    for k in range(15):
        for claim in told(town, f"{name}{k}"):
            if (claim.kind, claim.subject) == (kind, subject):
                found += 1
                assert abs((claim.start - BEGIN).days - low) < 60
                assert (claim.end is None) == (high is None)
                if high is not None:
                    assert abs((claim.end - BEGIN).days - high) < 60
                assert claim.topic == ("health" if subject == "sanitary pads" else "")
                lines = town.household(f"{name}{k}").lines
                assert set(town.names["category"][lines.category[claim.lines]]) == {subject}
    assert found >= 13


def test_households_without_a_change_have_none_told(town):
    claims = [c for k in range(100) for c in told(town, f"plain{k}")]
    assert len(claims) <= 5  # 100 households, three kinds
    assert sum(strength(c) >= 0.95 for c in claims) <= 1
    # nor do those who were away for months
    assert sum(len(told(town, f"away{k}")) for k in range(15)) <= 1


def test_seasons_and_delistings_are_nobodys_lapse(town):
    claims = [c for k in range(100) for c in category_changes(town.household(f"plain{k}"))]
    assert not [c for c in claims if c.subject in ("juice", "ice cream") and strength(c) >= 0.8]


def test_a_car_begins_and_ends_while_the_supermarket_is_still_visited(town):
    kinds = [{c.kind for c in told(town, f"car{k}") if c.subject == "fuel"} for k in range(10)]
    assert sum("category_start" in one for one in kinds) >= 9
    assert sum("category_lapse" in one for one in kinds) >= 8
    lapse = next(c for c in told(town, "car0") if c.kind == "category_lapse")
    assert set(lapse.alternatives) == {"car_sold", "other_fuel_brand", "other_card"}


def test_what_is_bought_on_stays_neither_fills_a_silence_nor_makes_one():
    rng = np.random.default_rng(5)
    rows = []
    for k in range(30):
        rows += household(f"plain{k}", rng)
    stays = [(name, d, good, "S9") for name in ("baker", "stopped") for d in (*range(240, 270, 2), *range(640, 670, 2))
             for good in ("bread", "tea")]  # fmt: skip
    away = [(240, 270), (640, 670)]
    # At home the first buys bread elsewhere; the second no bread any more from the 350th day on.
    rows += [row for row in household("baker", rng, absent=away) if row[2] != "bread"]
    rows += household("stopped", rng, gone=[("bread", 350, DAYS)], absent=away)
    population = Population.read(read_log(log_of(rows + stays)), Context())
    assert not [c for c in category_changes(population.household("baker")) if c.subject == "bread"]
    (claim,) = (c for c in told(population, "stopped") if c.subject == "bread")
    assert claim.kind == "category_lapse"
    assert abs((claim.start - BEGIN).days - 350) < 40
    lines = population.household("stopped").lines
    store = population.names["store"][lines.store]
    assert_array_equal(home_lines(lines, population.stores.town), store == "S1")


def test_stores_that_are_visited_in_turn_are_all_home():
    rng = np.random.default_rng(6)
    rows = [("a", d, "milk", f"S{rng.integers(4)}") for d in range(0, 400, 3)]
    rows += [("a", d, "milk", "far") for d in range(400, 430)]
    population = Population.read(read_log(log_of(rows)), Context())
    lines = population.household("a").lines
    store = population.names["store"][lines.store]
    assert_array_equal(home_lines(lines, population.stores.town), store != "far")


def test_a_short_stay_is_not_home_though_it_lies_between_days_at_home():
    rows = [("a", d, "milk", "S1") for d in range(0, 700, 4) if not 300 <= d < 312]
    rows += [("a", d, "milk", "away") for d in (302, 305, 309)]
    population = Population.read(read_log(log_of(rows)), Context())
    lines = population.household("a").lines
    store = population.names["store"][lines.store]
    assert_array_equal(home_lines(lines, population.stores.town), store != "away")


def test_fuel_is_asked_of_each_card():
    rng = np.random.default_rng(7)
    rows = [row for k in range(25) for row in household(f"plain{k}", rng)]
    hers, his = household("she", rng), household("he", rng)
    hers += [("she", d, "fuel", "F1") for d in range(500, 800, 12)]
    his += [("he", d, "fuel", "F1") for d in range(3, DAYS, 10)]
    cards = pd.DataFrame({"customer_id": sorted({row[0] for row in rows + hers + his})})
    cards["household_id"] = cards["customer_id"].replace({"she": "both", "he": "both"})
    population = Population.read(read_log(log_of(rows + hers + his)), Context(cards=cards))
    claims = [c for c in told(population, "both") if c.subject == "fuel"]
    assert {(c.kind, c.variant, c.values["card"]) for c in claims} == {
        ("category_start", "card", "she"), ("category_lapse", "card", "she")
    }  # fmt: skip
    assert "she" in Formatter("tr").format(
        KINDS[0].statements["card"]["tr"], subject="fuel", start=BEGIN, **claims[0].values
    )


def test_p_value_of_purchases_at_random_is_the_share_of_longer_gaps():
    rng = np.random.default_rng(0)
    gaps = rng.exponential(3.0, (4000, 13))
    p = np.array([silence_p_value(g[0], g[1:], 0.5772) for g in gaps])
    for level in (0.1, 0.01):
        low, high = binom.interval(0.999, 4000, level)
        # its own regularity is estimated, which makes the tail a little heavier
        assert low * 0.8 <= (p <= level).sum() <= high * 1.6
    assert_allclose(regularity(rng.gamma(4.0, 1.0, 4000), 0.5772), 4.0, rtol=0.1)
    assert regularity(np.ones(50), 0.2) > 4
    assert silence_p_value(0.0, gaps[0], 0.5) == silence_p_value(1.0, np.zeros(3), 0.5) == 1


@given(st.floats(0.1, 50), st.integers(2, 20), st.integers(0, 999))
@settings(max_examples=40, deadline=None)
def test_longer_silences_are_rarer_and_the_unit_does_not_matter(silence, n, seed):
    others = np.random.default_rng(seed).exponential(2.0, n) + 0.5
    p = silence_p_value(silence, others, 0.5)
    assert 0 <= silence_p_value(silence * 1.5, others, 0.5) <= p <= 1
    assert_allclose(silence_p_value(silence * 3, others * 3, 0.5), p, rtol=1e-9, atol=1e-300)


def test_learnt_seasons_follow_the_population(town):
    rates = town.learn(category_rates)
    code = {name: k for k, name in enumerate(town.names["category"])}
    assert rates.season[code["juice"], -3:].max() < 0.2
    assert rates.season[code["ice cream"], [0, 12, 24]].max() < 0.4
    assert not rates.general[code["fuel"]]
    assert rates.general[code["milk"]]
    assert (
        0.3 < rates.spread[code["milk"]] < 0.65
    )  # purchases at random; whole visits make gaps a little more alike
    assert 0.7 < rates.power <= 1


@given(st.integers(1, 60), st.integers(0, 99))
@settings(max_examples=3, deadline=None)
def test_order_of_rows_date_of_the_log_and_amounts_do_not_matter(weeks, seed):
    lines = log_of(household("a", np.random.default_rng(4), gone=[("tea", 0, 500), ("rice", 400, DAYS)]))
    other = lines.sample(frac=1, random_state=seed).reset_index(drop=True)
    other = other.assign(
        occurred_at=other["occurred_at"] + pd.Timedelta(weeks=weeks), amount=other["amount"] * 3
    )
    one, two = (
        category_changes(Population.read(read_log(x), Context()).household("a")) for x in (lines, other)
    )
    assert len(one) >= 2
    first = [(c.kind, c.subject, c.p_value, c.start + timedelta(weeks=weeks), c.lines.size) for c in one]
    assert first == [(c.kind, c.subject, c.p_value, c.start, c.lines.size) for c in two]


@pytest.mark.parametrize("drop", [[], ["category"], ["quantity"], ["store_id"], ["description"]])
@pytest.mark.parametrize("n", [1, 200])
def test_poor_logs_are_read_without_complaint(drop, n):
    lines = log_of(household("a", np.random.default_rng(0))[:n]).drop(columns=drop)
    for frame in (lines, lines.assign(occurred_at=pd.Timestamp(2008, 1, 1))):
        claims = category_changes(Population.read(read_log(frame), Context()).household("a"))
        assert isinstance(claims, list)


def test_both_languages_have_words_for_every_kind(town):
    claim = told(town, "gap0")[0]
    for kind in KINDS:
        for lang in ("en", "tr"):
            text = Formatter(lang).format(
                kind.statements["plain"][lang],
                subject=claim.subject,
                start=BEGIN,
                end=BEGIN,
                **claim.values,
            )
            assert "2007" in text
