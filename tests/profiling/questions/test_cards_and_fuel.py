"""Refuellings and cards: habits, tiers, vehicles, roles and shoppers planted, then nothing planted."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from crm_analytics.datasets import load_complete_journey
from crm_analytics.profiling.context import Context
from crm_analytics.profiling.evidence.strength import strength
from crm_analytics.profiling.questions import card_role, household_shopper
from crm_analytics.profiling.questions.card_role import card_roles
from crm_analytics.profiling.questions.chance import at_least, at_most
from crm_analytics.profiling.questions.fuel import fuel_habit, fuel_tier, second_vehicle
from crm_analytics.profiling.questions.fuel.fuel_habit import fuel_habits
from crm_analytics.profiling.questions.fuel.fuel_tier import fuel_tiers
from crm_analytics.profiling.questions.fuel.second_vehicle import second_vehicles
from crm_analytics.profiling.questions.household_shopper import household_shoppers
from crm_analytics.profiling.reading.population import Population
from crm_analytics.profiling.telling.formatting import Formatter
from crm_analytics.profiling.telling.statements import tell
from crm_analytics.transactions import read_log

START, DAYS = pd.Timestamp("2007-01-01"), 730


def pump_price(day, tier=1.0):
    """Price of a litre: it rises, in steps of ten days."""
    return np.round(tier * (2.5 + 0.1 * (np.asarray(day) // 90) + 0.01 * (np.asarray(day) // 10 % 3)), 2)


def fills(
    name, rng, *, every=12.0, round_share=0.0, tier=1.0, sums=(20.0, 50.0, 100.0), stations=3, tank=40.0
):
    """A card's refuellings as (customer, at, store, category, quantity, amount, unit_price)."""
    days = np.cumsum(rng.gamma(4.0, every / 4.0, size=int(2 * DAYS / every)))
    days = days[days < DAYS - 1]
    price = pump_price(days.astype(int), tier)
    amount = np.round(rng.normal(tank, tank / 8, days.size).clip(10) * price, 2)
    paid_round = rng.random(days.size) < round_share
    amount[paid_round] = rng.choice(sums, paid_round.sum())
    at = START + pd.to_timedelta(days.astype(int), "D") + pd.to_timedelta(rng.uniform(7, 22, days.size), "h")
    return pd.DataFrame(
        {
            "customer_id": name,
            "occurred_at": at.floor("s"),
            "store_id": rng.choice([f"f{i}" for i in range(stations)], days.size),
            "category": "fuel",
            "quantity": amount / price,
            "amount": amount,
            "unit_price": price,
        }
    )


def groceries(name, rng, *, pace=0.15, shop="m0", things=None, lines=3):
    """A card's supermarket lines, from its own list of things if it has one."""
    days = np.repeat(np.flatnonzero(rng.random(DAYS) < pace), lines)
    popular = rng.geometric(0.02, days.size) if things is None else rng.choice(np.asarray(things), days.size)
    receipt_hour = np.repeat(rng.uniform(9, 21, days.size // lines), lines)
    return pd.DataFrame(
        {
            "customer_id": name,
            "occurred_at": (START + pd.to_timedelta(days, "D") + pd.to_timedelta(receipt_hour, "h")).floor(
                "s"
            ),
            "store_id": shop,
            "category": [f"thing {i}" for i in popular],
            "quantity": 1.0,
            "amount": np.round(rng.uniform(1, 20, days.size), 2),
            "unit_price": np.nan,
        }
    )


def meals(name, rng, *, pace=0.02):
    food = groceries(name, rng, pace=pace, shop="r0", lines=1)
    return food.assign(category="restaurant meal")


def population_of(frames, cards=None):
    frame = pd.concat(frames, ignore_index=True)
    if "description" not in frame:
        frame["description"] = None
    frame["description"] = frame["description"].fillna(frame["category"])
    frame["item_id"] = frame["description"]
    return Population.read(read_log(frame), Context(cards=cards))


def city(rng, n, *, car=0.7, premium=0.15, round_payers=0.4):
    """Background households of one card."""
    frames = []
    for i in range(n):
        name = f"b{i}"
        frames += [groceries(name, rng), meals(name, rng)]
        if rng.random() < car:
            tier = 1.08 if rng.random() < premium else 1.0
            share = rng.beta(8, 2) if rng.random() < round_payers else 0.0
            frames.append(fills(name, rng, tier=tier, round_share=share))
    return frames


OTHERS = 28


def planted(make, n=14, seed=1):
    """Background, and n households made by `make(name, rng)`; cards are named household-card."""
    rng = np.random.default_rng(seed)
    frames = city(rng, OTHERS)
    names = [f"p{i}" for i in range(n)]
    for name in names:
        frames += make(name, rng)
    cards = sorted({card for frame in frames for card in frame["customer_id"].unique()})
    table = pd.DataFrame({"customer_id": cards, "household_id": [card.split("-")[0] for card in cards]})
    population = population_of(frames, table)
    return population, [population.household(name) for name in names]


def best(claims, variant=None, customer=None):
    found = [c for c in claims if variant in (None, c.variant) and customer in (None, c.customer)]
    return max(map(strength, found), default=0.0)


def share_told(question, households, variant=None, least=0.8):
    return np.mean([best(question(h), variant) >= least for h in households])


@pytest.fixture(scope="module")
def background():
    population, _ = planted(lambda name, rng: [], n=0, seed=9)
    return [population.household(name) for name in population.households]


@pytest.mark.parametrize(
    ("habit", "options"),
    [
        ("full_tank", {"every": 20.0}),
        ("round_money", {"round_share": 0.9}),
        ("mixed", {"round_share": 0.15, "sums": (100.0,)}),
    ],
)
def test_fuel_habits_are_told_by_round_sums(habit, options):
    _, households = planted(lambda name, rng: [fills(f"{name}-1", rng, **options)])
    assert share_told(fuel_habits, households, habit) >= 0.9
    for household in households[:5]:
        for claim in fuel_habits(household):
            amounts = household.lines.amount[claim.lines]
            assert (np.isclose(amounts % 5, 0) == (habit != "full_tank")).all()
            assert claim.values["habit"] == habit
            assert claim.subject == f"{household.household_id}-1"


def test_whole_amounts_are_no_round_sums():
    # Who squeezes a full tank up to a whole amount has a multiple of five every fifth time.
    def make(name, rng):
        frame = fills(f"{name}-1", rng)
        return [frame.assign(amount=np.ceil(frame["amount"]))]

    _, households = planted(make)
    told = [c.variant for h in households for c in fuel_habits(h) if strength(c) >= 0.8]
    assert "round_money" not in told
    assert told.count("mixed") <= 1


def test_premium_and_diesel_are_told_by_the_price_beside_others():
    for tier, variant in ((1.06, "above"), (0.9, "below")):
        _, households = planted(
            lambda name, rng, tier=tier: [fills(f"{name}-1", rng, every=30.0, tier=tier)], n=10
        )
        assert share_told(fuel_tiers, households, variant) >= 0.95
        claim = fuel_tiers(households[0])[0]
        assert claim.values["percent"] == pytest.approx(abs(tier - 1), abs=0.01)


def test_the_fuel_that_most_take_is_no_tier(background):
    # 15 % of the cars take premium; nobody else is claimed to.
    told = [fuel_tiers(h) for h in background]
    assert {c.variant for claims in told for c in claims if strength(c) >= 0.8} == {"above"}
    assert 0 < sum(best(claims) >= 0.8 for claims in told) < 0.3 * OTHERS


def test_two_refuellings_at_once_at_two_prices_are_two_vehicles():
    def make(name, rng):
        frame = fills(f"{name}-1", rng)
        second = frame.iloc[[len(frame) // 2]].copy()
        second["occurred_at"] += pd.Timedelta(seconds=32)
        second["unit_price"] *= 1.12
        second["amount"] = (second["quantity"] * second["unit_price"]).round(2)
        return [frame, second]

    _, households = planted(make, n=25)
    assert share_told(second_vehicles, households, "at_once") >= 0.95
    (claim,) = second_vehicles(households[0])
    assert len(claim.lines) == 2
    assert claim.values["seconds"] == 32


def test_pairs_of_refuellings_at_one_station_are_two_vehicles_though_they_cost_the_same():
    def make(name, rng):
        frame = fills(f"{name}-1", rng)
        second = frame.iloc[[5, 20, 35, 50]].copy()
        second["occurred_at"] += pd.Timedelta(minutes=20)
        return [frame, second]

    _, households = planted(make, n=8)
    assert share_told(second_vehicles, households, "together") >= 0.95
    assert all(len(second_vehicles(h)[0].lines) == 8 for h in households)


def test_two_fuels_by_turns_are_two_vehicles_and_a_treat_is_not():
    _, two = planted(lambda name, rng: [fills(f"{name}-1", rng), fills(f"{name}-1", rng, tier=0.9)], n=12)
    assert share_told(second_vehicles, two) >= 0.6

    def treat(name, rng):
        frame = fills(f"{name}-1", rng)
        some = rng.random(len(frame)) < 0.3
        frame.loc[some, "unit_price"] = (1.08 * frame["unit_price"][some]).round(2)
        return [frame.assign(quantity=frame["amount"] / frame["unit_price"])]

    _, one = planted(treat)
    assert share_told(second_vehicles, one) <= 0.03


def test_diesel_and_petrol_by_turns_are_two_vehicles_whatever_they_cost_and_a_new_car_is_not():
    def cars(name, rng, by_turns=True):
        frame = fills(f"{name}-1", rng).assign(description="Unleaded 95", quantity=1.0)
        diesel = rng.random(len(frame)) < 0.3 if by_turns else np.arange(len(frame)) > len(frame) // 2
        frame.loc[diesel, "description"] = "Diesel"
        return [frame.assign(unit_price=frame["amount"])]

    _, two = planted(cars, n=6)
    for household in two:
        (claim,) = second_vehicles(household)
        assert claim.variant == "two_words"
        assert (claim.values["rarer"], claim.values["commoner"]) == ("Diesel", "Unleaded 95")
        assert strength(claim) >= 0.95
    _, one = planted(lambda name, rng: cars(name, rng, by_turns=False), n=6)
    assert share_told(second_vehicles, one) == 0


@pytest.mark.parametrize("every", [2.0, 6.0])
def test_one_tank_is_one_vehicle_however_much_it_drives(every):
    _, households = planted(lambda name, rng: [fills(f"{name}-1", rng, every=every)])
    assert share_told(second_vehicles, households) <= 0.03


def test_nothing_is_told_of_ordinary_cards(background):
    assert sum(best(second_vehicles(h)) >= 0.8 for h in background) == 0
    assert sum(best(card_roles(h)) >= 0.95 for h in background) == 0
    assert sum(len(household_shoppers(h)) for h in background) == 0


def couple(name, rng):
    things = rng.integers(0, 2000, 60)
    hers = groceries(f"{name}-1", rng, things=[f"own {i}" for i in things])
    his = groceries(f"{name}-2", rng, pace=0.015, things=[f"own {i}" for i in things])
    return [hers, his, fills(f"{name}-2", rng), meals(f"{name}-2", rng, pace=0.03)]


def test_the_card_for_fuel_and_the_card_that_shops_are_told():
    population, households = planted(couple, n=20)
    roles = [card_roles(h) for h in households]
    assert np.mean([best([c for c in r if c.values["role"] == "fuel"]) >= 0.8 for r in roles]) >= 0.9
    shoppers = [household_shoppers(h) for h in households]
    assert (
        np.mean(
            [
                best(c, "same_list", f"{h.household_id}-1") >= 0.8
                for c, h in zip(shoppers, households, strict=True)
            ]
        )
        >= 0.9
    )
    claim = shoppers[0][0]
    common = households[0].lines.product[claim.lines]
    assert not population.tagged("fuel", "restaurant")[common].any()


def test_cards_used_alike_have_no_role_and_no_shopper():
    _, households = planted(
        lambda name, rng: [groceries(f"{name}-1", rng, pace=0.1), groceries(f"{name}-2", rng, pace=0.1)]
    )
    assert share_told(card_roles, households) == 0
    assert share_told(household_shoppers, households) == 0


def test_other_things_are_no_common_list():
    def make(name, rng):
        hers = groceries(f"{name}-1", rng, things=[f"hers {i}" for i in rng.integers(0, 500, 80)])
        his = groceries(f"{name}-2", rng, pace=0.03, things=[f"his {i}" for i in rng.integers(0, 500, 80)])
        return [hers, his]

    _, households = planted(make, n=20)
    assert {c.variant for h in households for c in household_shoppers(h)} == {"plain"}


QUESTIONS = (fuel_habits, fuel_tiers, second_vehicles, card_roles, household_shoppers)


def told(household):
    return sorted(
        (c.kind, c.subject, round(strength(c), 9), len(c.lines), c.variant)
        for q in QUESTIONS
        for c in q(household)
    )


def test_answers_do_not_depend_on_the_order_of_lines_on_words_or_on_the_week():
    rng = np.random.default_rng(5)
    frames = [*city(rng, 25), *couple("p", rng)]
    table = pd.concat(frames, ignore_index=True)
    cards = pd.DataFrame({"customer_id": table["customer_id"].unique()})
    cards["household_id"] = cards["customer_id"].str.split("-").str[0]
    names = sorted(cards["household_id"].unique())
    population = population_of([table], cards)
    before = [told(population.household(name)) for name in names]
    assert sum(map(len, before)) > 10
    changed = table.sample(frac=1, random_state=3)
    changed["occurred_at"] += pd.Timedelta(weeks=7)
    changed["category"] = changed["category"].where(
        changed["category"].isin(["fuel", "restaurant meal"]), "x" + changed["category"]
    )
    population = population_of([changed], cards)
    assert [told(population.household(name)) for name in names] == before


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f.assign(occurred_at=f["occurred_at"].dt.floor("D")),
        lambda f: f.assign(occurred_at=pd.Timestamp("2008-01-01")),
        lambda f: f.drop(columns=["quantity", "unit_price"]),
        lambda f: f.drop(columns="store_id"),
        lambda f: f[f["category"] == "fuel"],
        lambda f: f[f["category"] == "fuel"].iloc[:1],
        lambda f: f.iloc[:1],
        lambda f: f.assign(amount=0.0),
        lambda f: f.assign(amount=f["amount"].round()),
        lambda f: f.assign(customer_id="one"),
        lambda f: f.assign(unit_price=0.0),
    ],
)
def test_poor_logs_are_no_errors(change):
    rng = np.random.default_rng(6)
    frame = change(pd.concat([*city(rng, 3), *couple("p", rng)], ignore_index=True))
    cards = pd.DataFrame({"customer_id": frame["customer_id"].unique()})
    cards["household_id"] = cards["customer_id"].str.split("-").str[0]
    population = population_of([frame], cards)
    for name in population.households:
        for question in QUESTIONS:
            for claim in question(population.household(name)):
                assert len(np.unique(claim.lines)) == len(claim.lines)
                assert 0 <= strength(claim) <= 1


KINDS = {
    kind.name: kind
    for file in (card_role, household_shopper, fuel_habit, fuel_tier, second_vehicle)
    for kind in file.KINDS
}


@pytest.mark.parametrize("lang", ["en", "tr"])
def test_every_claim_can_be_told(background, lang):
    _, households = planted(couple, n=5)
    claims = [c for h in [*background, *households] for q in QUESTIONS for c in q(h)]
    assert {"fuel_habit", "fuel_tier", "card_role", "household_shopper"} <= {c.kind for c in claims}
    for claim in claims:
        finding = tell(claim, KINDS[claim.kind], strength(claim), Formatter(lang))
        assert finding.statement.endswith(".")
        assert len(finding.alternatives) == len(claim.alternatives)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_variant_speaks_both_languages(kind):
    for words in (kind.title, *kind.statements.values(), *kind.nulls.values(), *kind.alternatives.values()):
        assert set(words) == {"en", "tr"}


@settings(max_examples=50, deadline=None)
@given(n=st.integers(0, 300), share=st.floats(0.001, 0.999), data=st.data())
def test_tails_are_those_of_the_binomial(n, share, data):
    k = data.draw(st.integers(0, n))
    assert at_least(k, n, share) == pytest.approx(binom.sf(k - 1, n, share), rel=1e-9, abs=1e-300)
    assert at_most(k, n, share) == pytest.approx(binom.cdf(k, n, share), rel=1e-9, abs=1e-300)


def test_real_households_are_read_without_error():
    log = load_complete_journey().log
    fuel = "description LIKE 'GASOLINE%' AND amount > 0 AND NOT is_refund"
    fills = log.query_as_of(f"SELECT customer_id, amount FROM purchases WHERE {fuel}").to_pandas()
    cents = (100 * fills["amount"]).round()
    # field/profiling.md: 45.4 % of fuel amounts end in .00 and 30.6 % are multiples of five.
    assert (cents % 100 == 0).mean() == pytest.approx(0.454, abs=0.002)
    assert (cents % 500 == 0).mean() == pytest.approx(0.306, abs=0.002)
    who = ", ".join(f"'{one}'" for one in np.sort(fills["customer_id"].astype(int).unique())[:80])
    frame = log.query_as_of(
        "SELECT customer_id, transaction_id, occurred_at, quantity, amount, store_id, description, category, "
        f"department FROM purchases WHERE amount >= 0 AND NOT is_refund AND customer_id IN ({who})"
    ).to_pandas()
    population = Population.read(read_log(frame))
    claims = [
        c
        for place in range(len(population.households))
        for q in QUESTIONS
        for c in q(population.household_at(place))
    ]
    told = [c for c in claims if strength(c) >= 0.8]
    assert {"full_tank", "round_money"} <= {c.variant for c in told}
    # A customer of that log is a household, which may have two cars; and some fuel is written twice there.
    assert sum(c.kind == "second_vehicle" for c in told) <= 0.15 * len(population.households)
