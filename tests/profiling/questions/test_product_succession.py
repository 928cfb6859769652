"""Product successions: machines that were bought, types that gave way, and mixtures that are neither."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_analytics.profiling.context import Context
from crm_analytics.profiling.evidence.strength import strength
from crm_analytics.profiling.questions.durables import durables_of, durables_table, products_with
from crm_analytics.profiling.questions.product_succession import (
    KIND,
    own_stickiness,
    product_successions,
    stickiness,
)
from crm_analytics.profiling.reading.population import Population
from crm_analytics.profiling.tagging.word_search import WordSearch
from crm_analytics.profiling.telling.formatting import Formatter
from crm_analytics.transactions import read_log

BEGIN, DAYS = date(2007, 1, 1), 1000
HAND, MACHINE = "Parlak Halı Şampuanı Elde 1 L", "Parlak Halı Makinesi Şampuanı 1 L"
TYPES = ["full fat", "half fat", "skimmed", "long life"]


def noise(name, rng, *, both=False):
    rows = []
    for category in ("milk", "rice", "soap"):
        days = np.flatnonzero(rng.random(DAYS) < 0.04)
        kind = rng.choice(4, days.size, p=rng.dirichlet(np.ones(4)))
        maker = rng.choice(["Ak", "Boz"], days.size)
        rows += [
            (name, int(d), f"{m} {TYPES[k]} {category}", category, m)
            for d, k, m in zip(days, kind, maker, strict=True)
        ]
    if both:
        for d in np.flatnonzero(rng.random(DAYS) < 0.008):
            rows.append((name, int(d), HAND if rng.random() < 0.5 else MACHINE, "carpet care", "Parlak"))
    return rows


def log_of(rows):
    lines = pd.DataFrame(rows, columns=["customer_id", "day", "description", "category", "brand"])
    lines["occurred_at"] = pd.Timestamp(BEGIN) + pd.to_timedelta(lines.pop("day"), unit="D")
    lines["transaction_id"] = lines["customer_id"] + lines["occurred_at"].astype(str)
    return lines.assign(
        item_id=lines["description"], quantity=1.0, amount=2.0, store_id="S1", department="home"
    )


@pytest.fixture(scope="module")
def town():
    rng = np.random.default_rng(2)
    rows = []
    for k in range(60):
        rows += noise(f"plain{k}", rng, both=True)
        for d in range(int(rng.integers(30)), DAYS, 30):
            rows.append((f"plain{k}", d, f"Ak {rng.choice(['loose', 'bagged'])} tea", "tea", "Ak"))
    for k in range(10):
        rows += noise(f"machine{k}", rng)
        rows += [(f"machine{k}", d, HAND, "carpet care", "Parlak") for d in (40, 130, 260)]
        rows += [(f"machine{k}", d, MACHINE, "carpet care", "Parlak") for d in (580, 660, 800, 950)]
        tea = rng.choice(["Ak", "Boz"], 40)
        rows += noise(f"tea{k}", rng)
        rows += [
            (f"tea{k}", 25 * i, f"{m} {'loose' if i < 18 else 'bagged'} tea", "tea", m)
            for i, m in enumerate(tea)
        ]
    return Population.read(read_log(log_of(rows)), Context())


def told(population, name, least=0.8):
    return [c for c in product_successions(population.household(name)) if strength(c) >= least]


def test_a_machine_is_told_from_the_shampoo_it_takes(town):
    for k in range(10):
        (claim,) = [c for c in told(town, f"machine{k}") if c.variant == "durable"]
        assert claim.values["durable_en"] == "a carpet-cleaning machine"
        assert claim.subject == "halı şampuanı elde -> halı makinesi şampuanı"
        assert claim.start == date.fromordinal(BEGIN.toordinal() + 580)
        days = town.household(f"machine{k}").lines.day[claim.lines] - (BEGIN - date(1970, 1, 1)).days
        assert days.tolist() == [40, 130, 260, 580, 660, 800, 950]
        for lang in ("en", "tr"):
            text = Formatter(lang).format(
                KIND.statements["durable"][lang], subject=claim.subject, start=claim.start, **claim.values
            )
            assert ("machine" if lang == "en" else "makinesi") in text


def test_a_type_that_gives_way_is_told_without_the_table(town):
    found = [c for k in range(10) for c in told(town, f"tea{k}") if "tea" in c.subject]
    assert len(found) >= 9
    assert all(
        (c.values["before"], c.values["after"], c.variant) == ("loose tea", "bagged tea", "plain")
        for c in found
    )


def test_households_that_use_both_have_none_told(town):
    claims = [c for k in range(60) for c in told(town, f"plain{k}")]
    assert len(claims) <= 3
    assert sum(strength(c) >= 0.95 for c in claims) <= 1


def test_runs_of_a_household_that_repeats_its_last_choice_are_no_successions():
    rng = np.random.default_rng(7)
    rows = [row for k in range(40) for row in noise(f"plain{k}", rng)]
    for k in range(12):
        for category in (
            "coffee",
            "juice",
            "jam",
            "oil",
            "cereal",
            "crisps",
            "fish",
            "flour",
            "honey",
            "butter",
        ):
            kind = 0
            for d in range(int(rng.integers(12)), DAYS, 12):
                kind = int(rng.integers(3)) if rng.random() < 0.3 else kind
                rows.append((f"sticky{k}", d, f"Ak {TYPES[kind]} {category}", category, "Ak"))
    population = Population.read(read_log(log_of(rows)), Context())
    usual = population.learn(stickiness)
    sticky = [own_stickiness(population.household(f"sticky{k}")) for k in range(12)]
    assert min(sticky) >= usual
    assert np.median(sticky) > 1.2 * usual
    assert sum(len(told(population, f"sticky{k}", least=0.95)) for k in range(12)) <= 2


def test_a_brand_switch_is_no_succession():
    rng = np.random.default_rng(0)
    rows = [row for k in range(25) for row in noise(f"plain{k}", rng)]
    rows += [
        ("a", 25 * i, f"{'Ak loose' if i < 18 else 'Boz bagged'} tea", "tea", "Ak" if i < 18 else "Boz")
        for i in range(40)
    ]
    assert product_successions(Population.read(read_log(log_of(rows)), Context()).household("a")) == []


@given(st.lists(st.booleans(), min_size=4, max_size=14), st.integers(0, 99))
@settings(max_examples=4, deadline=None)
def test_only_orders_with_nearly_all_of_one_first_are_claimed(order, seed):
    rows = [("a", 30 * i, MACHINE if late else HAND, "carpet care", "Parlak") for i, late in enumerate(order)]
    rows += noise("b", np.random.default_rng(1))[:30]
    lines = log_of(rows).sample(frac=1, random_state=seed).reset_index(drop=True)
    claims = told(Population.read(read_log(lines), Context()), "a")
    wrong = min(sum(order[:t]) + order[t:].count(False) for t in range(len(order) + 1))
    if claims:
        assert 10 * wrong <= len(order)
        assert [claim.values["slips"] for claim in claims] == [wrong]
        assert ("slips" in claims[0].alternatives) == (wrong > 0)
    elif wrong == 0:
        assert min(sum(order), len(order) - sum(order)) < 4


@pytest.mark.parametrize("drop", [[], ["brand"], ["category"], ["description"]])
@pytest.mark.parametrize("n", [1, 60])
def test_poor_logs_are_read_without_complaint(drop, n):
    rows = [("a", d, HAND, "carpet care", "Parlak") for d in (1, 2)] + noise("a", np.random.default_rng(0))
    lines = log_of(rows[:n]).drop(columns=drop)
    for frame in (lines, lines.assign(occurred_at=pd.Timestamp(2008, 1, 1))):
        assert isinstance(
            product_successions(Population.read(read_log(frame), Context()).household("a")), list
        )


def test_every_row_of_the_table_can_be_searched_and_parts_its_sides(town):
    table = durables_table()
    assert set(table["kind"]) <= {"durable", "grew"}
    assert not (table == "").to_numpy().any()
    assert table["name_en"].is_unique
    texts = [
        "Bulaşık Deterjanı 750 ml",
        "Bulaşık Makinesi Tableti 40 adet",
        "infant formula",
        "formula toddler 2",
    ]
    search = WordSearch(texts)
    sides = table.set_index("name_en").loc["a dishwasher"]
    assert products_with(search, 4, sides["before"]).tolist() == [True, False, False, False]
    assert products_with(search, 4, sides["after"]).tolist() == [False, True, False, False]
    for durable in town.learn(durables_of):
        assert not (durable.before & durable.after).any()
