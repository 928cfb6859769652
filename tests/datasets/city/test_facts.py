"""Planted facts: the lines say what the truth says, by checks that know nothing of the planters."""

from collections import Counter
from copy import deepcopy
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from crm_analytics.datasets.city.facts import FACTS, Held, plant_facts, random_facts
from crm_analytics.datasets.city.habits import draw_plan
from crm_analytics.datasets.city.shopping import simulate
from crm_analytics.datasets.city.truths import as_far_as_seen
from crm_analytics.datasets.city.world import make_world

START, END = date(2006, 12, 1), date(2009, 10, 1)
DAY = pd.Timedelta(days=1)
# Households of 12 that carry a fact, at least; the others lack a second card, large shops or a job.
CARRIED = {
    "apart": 1, "household_shopper": 1, "card_role": 1, "workplace": 5, "monthly_pattern": 4, "trip_missions": 6,
    "parallel_variants": 7, "calendar_occasion": 8,
}  # fmt: skip


@pytest.fixture(scope="module")
def world():
    return make_world(START, END, np.random.default_rng(1))


@pytest.fixture(scope="module")
def households(world):
    made = []
    for number in range(12):
        rng = np.random.default_rng([5, number])
        plan = draw_plan(world, number, rng)
        made.append((plan, simulate(world, plan, rng)))
    return made


def told(world, lines):
    """Lines with what their products and stores are, and their day."""
    products = world.products.loc[
        lines["item_id"], ["type", "category", "department", "brand", "description", "tags"]
    ]
    stores = world.stores.loc[lines["store_id"], ["kind", "town", "district"]]
    table = pd.concat([lines, products.set_index(lines.index), stores.set_index(lines.index)], axis=1)
    return table.assign(day=table["occurred_at"].dt.normalize()).set_index("key", drop=False)


def near_home(plan, world, table):
    town = world.stores.at[next(iter(plan.home_stores)), "town"]
    return table[(table["town"] == town) & (table["kind"] == "supermarket")]


def has(table, tag):
    return pd.Series([tag in tags for tags in table["tags"]], index=table.index, dtype=bool)


def check_stay(claim, plan, world, table, mine):
    cards = [claim.customer_id] if claim.customer_id else plan.cards
    away = table[
        table["customer_id"].isin(cards) & table["day"].between(str(claim.start), str(claim.end - DAY))
    ]
    assert (away["town"] == claim.subject).all()
    assert set(mine["key"]) == set(away["key"])
    assert mine["receipt"].nunique() >= 2


def check_second_home(claim, plan, world, table, mine):
    assert mine["day"].dt.year.nunique() >= 2
    assert (mine["town"] == claim.subject).all()
    assert (has(mine, "cleaning") | has(mine, "kitchenware") | has(mine, "paper")).sum() >= 4


def check_apart(claim, plan, world, table, mine):
    ends = mine.drop_duplicates("receipt").sort_values("occurred_at")
    assert set(ends["customer_id"]) == set(plan.cards[:2])
    hours = (ends["occurred_at"].iloc[1] - ends["occurred_at"].iloc[0]) / pd.Timedelta(hours=1)
    assert world.distance_km(*ends["store_id"]) / max(hours, 0.01) > 90


def check_workplace(claim, plan, world, table, mine):
    assert (mine["kind"] == "restaurant").all()
    assert (mine["district"] == claim.subject).all()
    assert claim.subject != plan.home_district
    assert (mine["day"].dt.day_of_week < 5).all()
    assert mine["occurred_at"].dt.hour.isin([12, 13, 14]).all()
    assert mine["receipt"].nunique() >= 12


def check_card_role(claim, plan, world, table, mine):
    receipts = table[table["customer_id"] == claim.subject].drop_duplicates("receipt")
    assert (receipts["kind"] == "fuel").mean() >= 0.6
    assert (mine["kind"] == "fuel").all()


def check_household_shopper(claim, plan, world, table, mine):
    receipts = near_home(plan, world, table).drop_duplicates("receipt")
    assert 0.75 <= (receipts["customer_id"] == claim.subject).mean() < 1
    assert (mine["customer_id"] == claim.subject).all()


def fills(claim, table):
    return table[(table["category"] == "fuel") & (table["customer_id"] == claim.subject)].sort_values(
        "occurred_at"
    )


def check_fuel_tier(claim, plan, world, table, mine):
    assert (mine["type"] == claim.value).all()
    assert (fills(claim, table)["type"] == claim.value).mean() >= 0.75
    assert len(mine) >= 10
    other = world.price(
        world.find(category="fuel", type="petrol")[0], mine["day"].to_numpy(), mine["store_id"].to_numpy()
    )
    assert ((mine["unit_price"] > other) == (claim.value == "premium")).mean() > 0.9


def check_second_vehicle(claim, plan, world, table, mine):
    gaps = mine.sort_values("occurred_at")["occurred_at"].diff().dropna()
    assert (gaps <= pd.Timedelta(minutes=41)).sum() >= 3
    assert (mine["category"] == "fuel").all()


def check_fuel_habit(claim, plan, world, table, mine):
    paid = fills(claim, table)["amount"]
    rounded = (paid % 10 == 0).mean()
    low, high = {"full_tank": (0, 0.2), "round_money": (0.7, 1), "mixed": (0.04, 0.7)}[claim.value]
    assert low <= rounded <= high
    assert len(mine) >= 14


def check_isolated_purchase(claim, plan, world, table, mine):
    whole = table[(table["category"] == claim.subject) & (table["kind"] == "supermarket")]
    assert set(whole["key"]) == set(mine["key"])
    assert 1 <= whole["day"].nunique() <= 2
    if whole["day"].nunique() == 2:
        assert whole["day"].max() - whole["day"].min() > pd.Timedelta(days=100)


def check_guest_day(claim, plan, world, table, mine):
    assert mine["category"].nunique() >= 2
    whole = table[table["category"].isin(mine["category"].unique())]
    assert set(whole["day"].dt.date) == {claim.start}


def check_calendar_occasion(claim, plan, world, table, mine):
    spans = world.calendar[world.calendar["occasion"] == claim.subject]
    starts = pd.to_datetime(spans["start"])
    lead = [(starts - day).dt.days[lambda gap: gap >= 0].min() for day in mine["day"]]
    assert max(lead) <= (20 if claim.subject == "ramadan" else 7)
    assert mine["day"].dt.year.nunique() >= 2


def check_brand_switch(claim, plan, world, table, mine):
    before, after = claim.value.removesuffix(": own").split(" -> ")
    whole = near_home(plan, world, table).query("category == @claim.subject")
    late = whole["day"] >= str(claim.start)
    assert (whole["brand"][~late] == before).mean() >= 0.75
    assert (whole["brand"][late] == after).mean() >= 0.75
    assert min(late.sum(), (~late).sum()) >= 9
    days = mine["day"].to_numpy()
    sold = world.find(category=claim.subject, brand=before)
    assert world.on_sale(sold[:, None], days[None, :]).any(axis=0).mean() > 0.9


def check_category_start(claim, plan, world, table, mine):
    whole = table[(table["category"] == claim.subject) & table["kind"].eq("supermarket")]
    assert (whole["day"] >= str(claim.start)).all()
    visits = near_home(plan, world, table)
    assert (visits["day"] < str(claim.start)).any()
    assert len(mine) >= 9


def check_category_lapse(claim, plan, world, table, mine):
    whole = table[(table["category"] == claim.subject) & table["kind"].eq("supermarket")]
    assert (whole["day"] < str(claim.start)).all()
    assert (near_home(plan, world, table)["day"] >= str(claim.start)).any()
    assert len(mine) >= 9


def check_category_gap(claim, plan, world, table, mine):
    days = table.loc[table["category"] == claim.subject, "day"]
    assert not ((days >= str(claim.start)) & (days < str(claim.end))).any()
    assert min((days < str(claim.start)).sum(), (days >= str(claim.end)).sum()) >= 5
    share = (claim.end - claim.start).days / (END - START).days
    assert len(mine) * share / (1 - share) >= 4  # that many would have been bought meanwhile


def check_product_succession(claim, plan, world, table, mine):
    before, after = claim.subject.split(" -> ")
    whole = near_home(plan, world, table).query("category == @claim.value")
    late = whole["day"] >= str(claim.start)
    assert not (whole["type"][~late] == after).any()
    assert not (whole["type"][late] == before).any()
    assert Counter(mine["type"])[before] >= 4
    assert Counter(mine["type"])[after] >= 4


def check_association(claim, plan, world, table, mine):
    first, second = claim.subject.split(" -> ")
    kinds = int(claim.value.removeprefix("kinds: "))
    shops = near_home(plan, world, table)
    with_first = shops.loc[shops["category"] == first, "receipt"].unique()
    taken = (
        shops[shops["category"] == second]
        .groupby("receipt")["type"]
        .nunique()
        .reindex(with_first, fill_value=0)
    )
    assert (taken >= kinds).mean() >= 0.6
    elsewhere = shops[~shops["receipt"].isin(with_first)]
    base = (
        elsewhere.loc[elsewhere["category"] == second, "receipt"].nunique() / elsewhere["receipt"].nunique()
    )
    assert (taken >= 1).mean() > 2 * base
    assert len(mine) >= 14


def check_brand_trial(claim, plan, world, table, mine):
    usual, other = claim.value.split(" -> ")
    brands = (
        near_home(plan, world, table).query("category == @claim.subject").sort_values("occurred_at")["brand"]
    )
    assert Counter(brands)[other] == 1
    assert Counter(brands)[usual] == len(brands) - 1
    assert 2 <= list(brands).index(other) < len(brands) - 2


def check_variety_seeking(claim, plan, world, table, mine):
    whole = near_home(plan, world, table).query("category == @claim.subject").sort_values("occurred_at")
    assert set(whole["key"]) == set(mine["key"])
    again = (whole["item_id"] == whole["item_id"].shift()).mean()
    assert again <= 0.2
    assert whole["item_id"].nunique() >= 0.6 * min(len(whole), len(world.find(category=claim.subject)))


def check_parallel_variants(claim, plan, world, table, mine):
    counts = Counter(mine["type"])
    assert min(counts[name] for name in claim.value.split(", ")) >= 3
    assert has(mine, "diet").any() or has(mine, "lactose_free").any()


def check_loyalty(claim, plan, world, table, mine):
    level, name = claim.value.split(": ", 1)
    column = {"item": "description"}.get(level, level)
    whole = near_home(plan, world, table).query("category == @claim.subject")
    shelf = world.products[world.products["category"] == claim.subject]
    usual = shelf.loc[shelf[column] == name, "weight"].sum() / shelf["weight"].sum()
    assert (whole[column] == name).mean() > usual
    assert (whole[column] == name).mean() >= 0.7
    assert (mine[column] == name).all()


def check_dietary_need(claim, plan, world, table, mine):
    assert has(mine, claim.subject).all()
    assert len(mine) >= 3


def check_hair_loss(claim, plan, world, table, mine):
    assert has(mine, "hair_loss").all()
    assert len(mine) >= 5


def check_member(claim, plan, world, table, mine):
    tags = {"adult_man": "men_care", "adult_woman": "women_care"}.get(claim.subject, claim.subject)
    assert has(mine, tags).mean() >= 0.5
    assert len(mine) >= 5
    assert any(m.role == claim.subject or m.role == "adult" for m in plan.members)


def check_general_merchandise(claim, plan, world, table, mine):
    assert has(mine, "general_merchandise").all()
    assert len(mine) >= 10


def check_tempted(claim, plan, world, table, mine):
    both = mine.assign(diet=has(mine, "diet")).groupby("receipt")["diet"].nunique()
    assert (both == 2).sum() >= 9


def check_tag_leaning(claim, plan, world, table, mine):
    assert has(mine, claim.subject).all()
    shelf = world.products.assign(tagged=has(world.products, claim.subject))
    usual = (shelf["tagged"] * shelf["weight"]).groupby(shelf["category"]).sum()
    whole = near_home(plan, world, table)
    assert has(whole, claim.subject).mean() > 1.5 * whole["category"].map(usual).mean()


def check_forgotten_items(claim, plan, world, table, mine):
    receipts = table.drop_duplicates("receipt")
    for _, second in mine.drop_duplicates("receipt").iterrows():
        gap = second["occurred_at"] - receipts["occurred_at"]
        first = (gap > pd.Timedelta(0)) & (gap <= pd.Timedelta(minutes=30))
        first &= (receipts["store_id"] == second["store_id"]) & (
            receipts["customer_id"] == second["customer_id"]
        )
        assert first.any()
    assert mine["receipt"].nunique() >= 5
    assert mine.groupby("receipt").size().max() <= 4


def check_monthly_pattern(claim, plan, world, table, mine):
    low, high = map(int, claim.value.removeprefix("days ").split(" to "))
    assert mine["day"].dt.day.between(low, high).all()
    sizes = near_home(plan, world, table).groupby("receipt").agg(n=("key", "size"), day=("day", "first"))
    large = sizes[sizes["n"] >= max(8, sizes["n"].quantile(0.9))]
    assert large["day"].dt.day.between(low, high).mean() >= 0.6


def check_trip_missions(claim, plan, world, table, mine):
    sizes = near_home(plan, world, table).groupby("receipt").size()
    large = sizes[mine["receipt"].unique()]
    small = sizes.drop(mine["receipt"].unique())
    assert len(large) >= 12
    assert large.median() >= 3 * small.median()
    assert len(small) >= 3 * len(large)


CHECKS = {
    name.removeprefix("check_"): check for name, check in list(globals().items()) if name.startswith("check_")
}


def verify(claim, plan, world, table):
    assert set(claim.keys) <= set(table.index)
    assert claim.keys
    CHECKS["stay" if claim.kind == "absence" else claim.kind](
        claim, plan, world, table, table.loc[list(claim.keys)]
    )


def test_every_planter_has_a_check():
    assert set(FACTS) <= set(CHECKS)


@pytest.mark.parametrize("name", FACTS)
def test_a_planted_fact_is_in_the_lines(name, world, households):
    carried = 0
    for number, (plan, lines) in enumerate(households):
        own, before = deepcopy(plan), lines.copy()
        done = FACTS[name](world, own, lines, np.random.default_rng([9, number]))
        assert_frame_equal(lines, before)
        if done is None:
            assert own.members == plan.members
            assert own.stays == plan.stays
            continue
        carried += 1
        assert name in {claim.kind for claim in done[1]}
        table = told(world, done[0])
        for claim in done[1]:
            verify(claim, own, world, table)
    assert carried >= CARRIED.get(name, 9)


def test_eight_facts_stand_side_by_side(world, households):
    kinds = Counter()
    for number, (plan, lines) in enumerate(households):
        own = deepcopy(plan)
        mixed, claims, _ = random_facts(world, own, lines, 8, np.random.default_rng([13, number]))
        assert len({claim.fact for claim in claims}) == 8
        table = told(world, mixed)
        for claim in claims:
            kinds[claim.kind] += 1
            verify(claim, own, world, table)
    assert len(kinds) >= 25


def lawful(world, plan, lines):
    assert lines["key"].is_unique
    assert lines["occurred_at"].is_monotonic_increasing
    assert lines["occurred_at"].between(pd.Timestamp(START), pd.Timestamp(END)).all()
    assert set(lines["customer_id"]) <= set(plan.cards)
    assert (lines.groupby("receipt")[["customer_id", "store_id", "occurred_at"]].nunique() == 1).all(
        axis=None
    )
    cents = lines[["amount", "unit_price", "discount"]] * 100
    assert np.allclose(cents, cents.round(), atol=1e-6)
    assert (lines[["amount", "unit_price", "quantity"]] > 0).all(axis=None)
    off = (lines["amount"] - lines["unit_price"] * lines["quantity"]).abs()
    assert (off <= 0.01 + 0.002 * lines["unit_price"]).all()
    days = lines["occurred_at"].to_numpy().astype("datetime64[D]")
    expected = world.price(lines["item_id"].to_numpy(), days, lines["store_id"].to_numpy())
    assert np.allclose(lines["unit_price"], expected, atol=0.006)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**31),
    names=st.lists(st.sampled_from(sorted(FACTS)), min_size=1, max_size=6, unique=True),
)
def test_lines_stay_lawful_and_the_same_seed_gives_the_same_lines(world, seed, names):
    rng = np.random.default_rng(seed)
    plan = draw_plan(world, 7, rng)
    lines = simulate(world, plan, rng)
    runs = [plant_facts(world, deepcopy(plan), lines, names, np.random.default_rng(seed)) for _ in range(2)]
    assert_frame_equal(runs[0][0], runs[1][0])
    assert runs[0][1:] == runs[1][1:]
    assert {claim.fact for claim in runs[0][1]} == set(names) - set(runs[0][2])
    lawful(world, plan, runs[0][0])
    table = told(world, runs[0][0])
    assert all(set(claim.keys) <= set(table.index) for claim in runs[0][1])


def test_an_unknown_fact_is_refused(world, households):
    plan, lines = households[0]
    with pytest.raises(ValueError, match=r"names.*Did you mean 'loyalty'|names must be"):
        plant_facts(world, plan, lines, ["loyality"], np.random.default_rng(1))


def test_what_is_held_is_not_touched(world, households):
    plan, lines = households[2]
    held = Held(what=set(lines["key"]), when=set(lines["key"]))
    for name in ("loyalty", "stay", "category_gap", "trip_missions"):
        done = FACTS[name](world, deepcopy(plan), lines, np.random.default_rng(4), held=deepcopy(held))
        if done is not None:
            kept = done[0].set_index("key").loc[lines["key"]].reset_index()
            assert_frame_equal(kept[lines.columns], lines, check_dtype=False)


@pytest.mark.parametrize("name", ["brand_trial", "category_gap", "variety_seeking"])
def test_what_other_lines_cover_is_true_but_nobody_has_to_find_it(world, households, name):
    kept = covered = 0
    for number, (plan, lines) in enumerate(households):
        plan = deepcopy(plan)
        after, planted, _ = plant_facts(world, plan, lines, [name], np.random.default_rng([8, number]))
        claims = [claim for claim in planted if claim.kind == name]
        if not claims:
            continue
        (claim,) = claims
        table = near_home(plan, world, told(world, after))
        mine = table[table["category"] == claim.subject]
        if name == "brand_trial":
            # The brand that was tried is bought three times more.
            tried = mine.loc[mine["brand"] == claim.value.split(" -> ")[1], "item_id"].iloc[0]
            spoilt = after["key"].isin(mine[mine["day"] > pd.Timestamp(claim.start)]["key"].iloc[:3])
        elif name == "category_gap":
            # On the longer side of the pause nothing is left but the first day and the last.
            tried = None
            sides = (
                mine[mine["day"] < pd.Timestamp(claim.start)],
                mine[mine["day"] >= pd.Timestamp(claim.end)],
            )
            side = max(sides, key=lambda part: part["day"].max() - part["day"].min())
            spoilt = after["key"].isin(side[~side["day"].isin([side["day"].min(), side["day"].max()])]["key"])
        else:
            # One and the same thing every time.
            tried = mine["item_id"].iloc[0]
            spoilt = after["key"].isin(mine["key"])
        worse = (
            after[~spoilt] if tried is None else after.assign(item_id=after["item_id"].mask(spoilt, tried))
        )
        (seen,) = (one for one in as_far_as_seen(world, plan, after, planted) if one.kind == name)
        (unseen,) = (one for one in as_far_as_seen(world, plan, worse, planted) if one.kind == name)
        kept, covered = kept + bool(seen.fact), covered + (not unseen.fact)
    assert kept >= 4
    assert covered >= kept - 2
