"""`make_city`: a coalition loyalty programme's households, their lines, and what is true of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from crm_analytics.core.errors import nearest
from crm_analytics.core.files import whole_file
from crm_analytics.datasets.city.catalogue import type_words
from crm_analytics.datasets.city.facts import FACTS, Planted, plant_facts, random_facts
from crm_analytics.datasets.city.forms import application_form
from crm_analytics.datasets.city.habits import draw_plan
from crm_analytics.datasets.city.households import Plan
from crm_analytics.datasets.city.shopping import simulate
from crm_analytics.datasets.city.truths import as_far_as_seen, ordinary_truths, written_by_facts
from crm_analytics.datasets.city.world import World, make_world
from crm_analytics.transactions import TransactionLog, read_log

OF_PRODUCT = ["description", "category", "department", "brand"]
TRUTH = [
    "household_id",
    "customer_id",
    "kind",
    "subject",
    "value",
    "start",
    "end",
    "lines",
    "planted",
    "fact",
]
UNPLANTED = ("delisted", "ordinary")  # true, but nobody planted it in this household
PLANT, SHOP = 1, 2  # streams of chance of a household


@dataclass(frozen=True)
class City:
    """The lines of all households, the tables beside them, and the truth.

    Attributes
    ----------
    table : DataFrame
        One row a line of a receipt, in order of time: customer_id (the card), transaction_id,
        item_id, occurred_at, quantity (litres of fuel, kilos or packs of what is weighed), amount (lira, whole
        cents), unit_price, discount, store_id, description, category, department, brand. All
        fuel has one item_id, as a programme of several partners writes it.
    cards : DataFrame
        customer_id, household_id.
    stores, products, calendar : DataFrame
        As in `World`, with their ids as columns.
    forms : DataFrame
        Application forms, one row a card: sex, birth_year, married, district, email_domain,
        work_phone_area, may_contact, channels.
    withdrawn, promotions : DataFrame
        What was not on sale, and what was cheaper, when.
    truth : DataFrame
        One row a claim that is true: household_id, customer_id (the card it is about, or ""), kind,
        subject, value, start, end (half open, or None), lines (tuple of numbers of the rows
        of `table`, the first is 1), planted (bool), fact (which planter made it).
    members : DataFrame
        household_id, sex, birth_year, role.
    refused : DataFrame
        household_id, fact: facts asked for by name that the household could not carry.
    """

    table: pd.DataFrame
    cards: pd.DataFrame
    stores: pd.DataFrame
    products: pd.DataFrame
    calendar: pd.DataFrame
    forms: pd.DataFrame
    withdrawn: pd.DataFrame
    promotions: pd.DataFrame
    truth: pd.DataFrame
    members: pd.DataFrame
    refused: pd.DataFrame

    @cached_property
    def log(self) -> TransactionLog:
        """The table as a TransactionLog."""
        return read_log(self.table)

    def write(self, folder: str | Path) -> Path:
        """Write lines.parquet, and cards, stores, calendar and forms beside it, as `crm-analytics profile` reads them.

        The folder is made if it is not there; each file appears whole. Returns the folder.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        tables = {"lines": self.table, "cards": self.cards, "stores": self.stores}
        for name, table in (tables | {"calendar": self.calendar, "forms": self.forms}).items():
            with whole_file(folder / f"{name}.parquet") as temporary:
                table.to_parquet(temporary, index=False)
        return folder


def make_city(
    n_households: int = 300,
    *,
    start: date | str = "2006-12-01",
    end: date | str = "2009-10-01",
    facts: str | Mapping[int, Sequence[str]] | None = "random",
    facts_per_household: int = 6,
    random_state: Any = None,
) -> City:
    """Simulate households that shop at a supermarket chain, its stations and restaurants.

    Singles, couples, families and elderly people live in districts of Istanbul, Ankara and Izmir, work,
    drive, go on holidays and buy by their own tastes, budgets and rhythm from a catalogue of invented
    brands whose prices rise, with promotions, stock-outs and withdrawn brands. Facts can be planted
    in any of them.

    Parameters
    ----------
    n_households : int >= 1
    start, end : date or str
        First day, and first day not in the log; at least 180 days.
    facts : {"random"}, None or mapping
        Plant `facts_per_household` facts, drawn at random, in every household; none; or those
        named (keys of `crm_analytics.datasets.city.facts.FACTS`) in the households numbered from 0.
        A household that cannot carry a fact, such as a second card's role where there is one
        card, is left without it: see `City.refused`.
    facts_per_household : int >= 0, default=6
    random_state : int or numpy Generator
        The same seed gives the same city, to the byte. A household does not depend on how many
        others there are.

    Returns
    -------
    City

    Raises
    ------
    ValueError
        If a number, a date or a name of a fact is not as above.
    MissingDataError
        If the `holidays` package is not installed.

    Notes
    -----
    `City.truth` holds planted facts (`planted`), and what ordinary life made true and lines carry
    without planting: where they live, a brand that is always taken, a week in Bodrum, a car.
    What is neither is false.

    Examples
    --------
    >>> city = make_city(3, start="2008-01-01", end="2009-01-01", facts={1: ["stay"]}, random_state=7)
    >>> city.truth[city.truth["planted"]]["kind"].tolist()
    ['stay']
    >>> city.log.counts.set_aside
    {}
    """
    first, last = (date.fromisoformat(day) if isinstance(day, str) else day for day in (start, end))
    if n_households < 1:
        raise ValueError(f"n_households must be >= 1. Got {n_households!r} instead.")
    if facts_per_household < 0:
        raise ValueError(f"facts_per_household must be >= 0. Got {facts_per_household!r} instead.")
    if (last - first).days < 180:
        raise ValueError(f"end must be at least 180 days after start. Got {start!r} and {end!r} instead.")
    _check_facts(facts, n_households)
    seed = int(np.random.default_rng(random_state).integers(2**31))
    world = make_world(first, last, np.random.default_rng([seed, 0]))
    made = [
        live(world, number, seed, _wishes(facts, number), facts_per_household)
        for number in range(n_households)
    ]
    return assemble(world, made)


@dataclass(frozen=True)
class Lived:
    """A household after its time: its plan, lines and truths."""

    plan: Plan
    lines: pd.DataFrame
    truths: list[Planted]
    refused: list[str]


def live(
    world: World, number: int, seed: int, wishes: str | Sequence[str], facts_per_household: int
) -> Lived:
    """One household from its first line to its last, with facts planted in it."""
    rng = np.random.default_rng([seed, SHOP, number])
    plan = draw_plan(world, number, rng)
    lived = lines = simulate(world, plan, rng)
    pairs = list(plan.companions)
    chance = np.random.default_rng([seed, PLANT, number])
    planted: list[Planted] = []
    refused: list[str] = []
    if wishes == "random":
        lines, planted, _ = random_facts(world, plan, lines, facts_per_household, chance)
    elif wishes:
        lines, planted, refused = plant_facts(world, plan, lines, list(wishes), chance)
    plan.companions = list(dict.fromkeys([*pairs, *plan.companions]))  # facts on a part of the time unpair
    written = written_by_facts(lived, lines)
    ordinary = ordinary_truths(world, plan, lines, planted, written)
    return Lived(plan, lines, as_far_as_seen(world, plan, lines, planted) + ordinary, refused)


def assemble(world: World, made: Sequence[Lived]) -> City:
    """The lines of all households in order of time, and the tables beside them."""
    owner = np.repeat(np.arange(len(made)), [len(one.lines) for one in made])
    lines = pd.concat([one.lines for one in made], ignore_index=True)
    order = np.lexsort((lines["key"], lines["receipt"], owner, lines["occurred_at"]))
    lines, owner = lines.iloc[order].reset_index(drop=True), owner[order]
    receipts = pd.factorize(owner * (int(lines["receipt"].max()) + 1) + lines["receipt"].to_numpy())[0]
    fuels = world.find(category="fuel")
    table = pd.DataFrame(
        {
            "customer_id": lines["customer_id"].astype(str),
            "transaction_id": receipts + 1,
            "item_id": lines["item_id"].where(~lines["item_id"].isin(fuels), fuels[0]),
            "occurred_at": lines["occurred_at"],
            "quantity": lines["quantity"],
            "amount": lines["amount"],
            "unit_price": lines["unit_price"],
            "discount": lines["discount"],
            "store_id": lines["store_id"],
        }
    )
    products = world.products.loc[table["item_id"], OF_PRODUCT].reset_index(drop=True)
    table = pd.concat([table, products], axis=1)
    number_of = {
        pair: line for line, pair in enumerate(zip(owner.tolist(), lines["key"].tolist(), strict=True), 1)
    }
    plans, words = [one.plan for one in made], type_words()
    return City(
        table=table,
        cards=pd.DataFrame(
            [(card, plan.household_id) for plan in plans for card in plan.cards],
            columns=["customer_id", "household_id"],
        ),
        stores=world.stores.reset_index(),
        products=world.products.reset_index().drop(columns=["price", "tier", "weight"]),
        calendar=world.calendar,
        forms=pd.DataFrame([application_form(world, plan, card) for plan in plans for card in plan.cards]),
        withdrawn=world.withdrawn,
        promotions=world.promotions,
        truth=pd.DataFrame(
            [
                _row(claim, one.plan, owner_number, number_of, words)
                for owner_number, one in enumerate(made)
                for claim in one.truths
            ],
            columns=TRUTH,
        ),
        members=pd.DataFrame(
            [
                (plan.household_id, member.sex, member.birth_year, member.role)
                for plan in plans
                for member in plan.members
            ],
            columns=["household_id", "sex", "birth_year", "role"],
        ),
        refused=pd.DataFrame(
            [(one.plan.household_id, name) for one in made for name in one.refused],
            columns=["household_id", "fact"],
        ),
    )


def _row(
    claim: Planted,
    plan: Plan,
    owner: int,
    number_of: dict[tuple[int, int], int],
    words: dict[tuple[str, str], str],
) -> tuple:
    """A row of the truth; products that follow each other are called as the log calls them."""
    numbers = tuple(sorted(number_of[(owner, key)] for key in claim.keys))
    subject = claim.subject
    if claim.kind == "product_succession":
        subject = " -> ".join(words.get((claim.value, name), name) for name in subject.split(" -> "))
    planted = bool(claim.fact) and claim.fact not in UNPLANTED
    return (
        plan.household_id,
        claim.customer_id,
        claim.kind,
        subject,
        claim.value,
        claim.start,
        claim.end,
        numbers,
        planted,
        claim.fact if planted else "",
    )


def _check_facts(facts: str | Mapping[int, Sequence[str]] | None, n_households: int) -> None:
    if facts is None or facts == "random":
        return
    if not isinstance(facts, Mapping):
        raise ValueError(f"facts must be 'random', None or a mapping. Got {facts!r} instead.")
    for number, names in facts.items():
        if number not in range(n_households):
            raise ValueError(f"facts must name households 0 to {n_households - 1}. Got {number!r} instead.")
        for name in names:
            if name not in FACTS:
                near = nearest(name, FACTS)
                hint = f" Did you mean {near!r}?" if near else f" There are {', '.join(FACTS)}."
                raise ValueError(f"facts has no fact {name!r}.{hint}")


def _wishes(facts: str | Mapping[int, Sequence[str]] | None, number: int) -> str | Sequence[str]:
    return facts if isinstance(facts, str) else (facts or {}).get(number, ())
