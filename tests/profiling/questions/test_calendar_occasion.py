"""Calendar occasions: planted New Year's Eves and feasts, everybody's season, ordinary households, poor logs."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from crm_analytics import read_log
from crm_analytics.profiling.context import Context
from crm_analytics.profiling.evidence.strength import strength
from crm_analytics.profiling.questions.calendar_occasion import TIMES, calendar_occasion, likelihood_ratio
from crm_analytics.profiling.reading.population import Population

FIRST, LAST = np.datetime64("2006-12-01"), np.datetime64("2009-03-01")
FESTIVE = ["rakı", "wine", "nuts", "mayonnaise", "baklava", "beef", "chocolate", "cola"]
STAPLES = [f"staple {i}" for i in range(30)]
CALENDAR = pd.DataFrame(
    [
        ("new_year", "shopping", date(2006, 12, 24), date(2007, 1, 1)),
        ("new_year", "shopping", date(2007, 12, 24), date(2008, 1, 1)),
        ("new_year", "shopping", date(2008, 12, 24), date(2009, 1, 1)),
        ("new_year_day", "public", date(2008, 1, 1), date(2008, 1, 2)),
        ("ramadan", "religious", date(2007, 9, 13), date(2007, 10, 12)),
        ("ramadan", "religious", date(2008, 9, 1), date(2008, 9, 30)),
        ("ramadan_feast", "religious", date(2007, 10, 12), date(2007, 10, 15)),
        ("ramadan_feast", "religious", date(2008, 9, 30), date(2008, 10, 3)),
        ("school_summer", "school", date(2008, 6, 15), date(2008, 9, 12)),
        ("republic", "public", date(2008, 10, 29), date(2008, 10, 30)),
    ],
    columns=["occasion", "kind", "start", "end"],
)


def _household(rng, customer, *, dates=(), bought=(), season=0.0):
    """Some 200 days of staples, festive goods now and then; `bought` on `dates`; with `season` chocolate too."""
    days = int((LAST - FIRST).astype(int))
    visit = FIRST + np.sort(rng.choice(days, 200, replace=False))
    day, category = [np.repeat(visit, 4)], [rng.choice(STAPLES, 800)]
    for festive in FESTIVE:
        chosen = visit[rng.random(200) < rng.gamma(2, 0.012)]
        day.append(chosen)
        category.append(np.full(chosen.size, festive))
    if season:
        near = visit[(visit >= np.datetime64("2007-12-24")) & (visit < np.datetime64("2008-01-01"))]
        near = near[rng.random(near.size) < season]
        day.append(near)
        category.append(np.full(near.size, "chocolate"))
    planted = [(np.datetime64(d), c) for d in dates for c in [*bought, "staple 1", "staple 2"]]
    for d, c in planted:
        day.append(np.array([d]))
        category.append(np.array([c]))
    category = np.concatenate(category).astype(str)
    return pd.DataFrame(
        {
            "customer_id": customer,
            "occurred_at": np.concatenate(day),
            "category": category,
            "amount": 2.0,
            "planted": (np.arange(category.size) >= category.size - len(planted))
            & np.isin(category, FESTIVE),
        }
    )


@pytest.fixture(scope="module")
def town():
    rng = np.random.default_rng(9)
    eves, feasts = ("2007-12-30", "2008-12-31"), ("2007-10-11", "2008-09-28")
    parts = [
        _household(rng, f"eve{i:02d}", dates=eves, bought=["rakı", "mayonnaise", "nuts", "cola"])
        for i in range(12)
    ]
    parts += [
        _household(rng, f"feast{i:02d}", dates=feasts, bought=["baklava", "chocolate", "beef", "cola"])
        for i in range(12)
    ]
    parts += [_household(rng, f"plain{i:03d}", season=0.5) for i in range(200)]
    frame = pd.concat(parts, ignore_index=True)
    return frame, Population.read(read_log(frame.drop(columns="planted")), Context(calendar=CALENDAR))


def test_celebrations_are_found_with_their_lines_and_everybodys_season_is_not(town):
    frame, population = town
    told, strong = [], []
    for i, name in enumerate(population.households.astype(str)):
        for claim in calendar_occasion(population.household_at(i)):
            if strength(claim) >= 0.8:
                told.append((name, claim))
            if strength(claim) >= 0.95:
                strong.append((name, claim.subject))
    eves = [(name, claim) for name, claim in told if name.startswith("eve") and claim.subject == "new_year"]
    feasts = [
        (name, claim) for name, claim in told if name.startswith("feast") and claim.subject == "ramadan_feast"
    ]
    assert len(eves) >= 11
    assert len(feasts) >= 10
    assert sum(name.startswith("plain") for name, _ in strong) <= 1
    shown = planted = 0
    for name, claim in eves + feasts:
        rows = set(population.household(name).lines.row[claim.lines])
        mine = set(frame.index[(frame["customer_id"] == name) & frame["planted"]])
        shown, planted = shown + len(rows & mine), planted + len(mine)
        assert {2007, 2008} <= set(claim.values["years"])
        assert claim.topic == ("religion" if claim.subject == "ramadan_feast" else "")
    assert shown >= 0.8 * planted


def test_what_is_bought_for_two_feasts_that_meet_is_told_of_each():
    rng = np.random.default_rng(12)
    # The Feast of Sacrifice was on 31 December 2006 and 20 December 2007: New Year's shopping days are its eve.
    feast = pd.DataFrame(
        [("sacrifice_feast", "religious", date(2006, 12, 31), date(2007, 1, 4)),
         ("sacrifice_feast", "religious", date(2007, 12, 20), date(2007, 12, 24)),
         ("sacrifice_feast", "religious", date(2008, 12, 8), date(2008, 12, 12))],
        columns=CALENDAR.columns,
    )  # fmt: skip
    eves, feasts = ("2006-12-30", "2007-12-30", "2008-12-31"), ("2006-12-29", "2007-12-18", "2008-12-06")
    parts = []
    for i in range(8):
        both = _household(rng, f"both{i}", dates=eves, bought=["rakı", "mayonnaise"])
        extra = _household(rng, f"both{i}", dates=feasts, bought=["beef", "chocolate"])
        parts += [both, extra[extra["planted"]]]
    parts += [_household(rng, f"plain{i:02d}") for i in range(60)]
    frame = pd.concat(parts, ignore_index=True).drop(columns="planted")
    population = Population.read(read_log(frame), Context(calendar=pd.concat([CALENDAR, feast])))
    told: dict[str, list[set[str]]] = {"new_year": [], "sacrifice_feast": []}
    for i in range(8):
        for claim in calendar_occasion(population.household(f"both{i}")):
            if strength(claim) >= 0.8:
                told[claim.subject].append(set(claim.values["categories"]) - {"baklava"})
    assert told["new_year"] == [{"rakı", "mayonnaise"}] * 8
    assert len(told["sacrifice_feast"]) >= 6
    assert all(each <= {"beef", "chocolate"} for each in told["sacrifice_feast"])


def test_likelihood_ratio_has_mean_one_under_its_null():
    total, q = 6, 0.07
    there = np.arange(total + 1)
    chance = np.array(
        [np.prod(np.arange(total - k + 1, total + 1)) / np.prod(np.arange(1, k + 1)) for k in there]
    )
    chance = chance * q**there * (1 - q) ** (total - there)
    assert_allclose(chance @ likelihood_ratio(there, np.full(7, total), np.full(7, q)), 1.0)
    only = likelihood_ratio(np.array([2]), np.array([2]), np.array([0.01]))[0]
    assert_allclose(only, np.mean((TIMES / (1 + 0.01 * (TIMES - 1))) ** 2))


def test_row_order_currency_and_names_do_not_matter(town):
    frame, population = town
    changed = (
        frame.drop(columns="planted").sample(frac=1, random_state=3).assign(amount=lambda f: f["amount"] * 7)
    )
    other = Population.read(read_log(changed), Context(calendar=CALENDAR.sample(frac=1, random_state=1)))
    for name in ("eve00", "feast00"):
        one, two = (calendar_occasion(p.household(name)) for p in (population, other))
        assert len(one) > 0
        assert [c.bayes_factor for c in one] == pytest.approx([c.bayes_factor for c in two])
        assert [len(c.lines) for c in one] == [len(c.lines) for c in two]


@pytest.mark.parametrize(
    "poor", ["no_calendar", "empty_calendar", "no_category", "one_household", "one_day", "short"]
)
def test_poor_logs_are_no_error(town, poor):
    frame = town[0].drop(columns="planted")
    frame = frame[frame["customer_id"] < "plain030"]
    calendar = CALENDAR
    if poor == "no_calendar":
        calendar = None
    if poor == "empty_calendar":
        calendar = CALENDAR[:0]
    if poor == "no_category":
        frame = frame.drop(columns="category")
    if poor == "one_household":
        frame = frame[frame["customer_id"] == "eve00"]
    if poor == "one_day":
        frame = frame.assign(occurred_at=pd.Timestamp("2007-12-30"))
    if poor == "short":
        frame = frame.groupby("customer_id").head(1)
    claims = calendar_occasion(
        Population.read(read_log(frame), Context(calendar=calendar)).household("eve00")
    )
    assert claims == [] or poor == "one_household"
