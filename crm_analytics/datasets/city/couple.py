"""The couple of the case study: two cards, 26 facts, in whatever else the city has."""

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from crm_analytics.datasets.city.couple_plan import (
    GONE,
    LUNCH,
    MARINA,
    NEW,
    OLD,
    PUMP,
    RATES,
    RESORT,
    SHOP,
    SWEETS,
    TOWN_SHOP,
    WORK,
    WORK_PUMP,
    O,
    Z,
    couple_plan,
)
from crm_analytics.datasets.city.facts import FACTS, Held, Planted, delisted_switches
from crm_analytics.datasets.city.facts.choices import DAY, add, at_hour, lines_of, spread
from crm_analytics.datasets.city.facts.draft import BOTH, Draft
from crm_analytics.datasets.city.facts.fuel import pay
from crm_analytics.datasets.city.facts.places import sojourn
from crm_analytics.datasets.city.households import Car, Plan
from crm_analytics.datasets.city.shopping import simulate
from crm_analytics.datasets.city.world import World


class Script:
    """The couple's lines, fact by fact."""

    def __init__(self, world: World, rng: np.random.Generator):
        self.world, self.rng, self.plan, self.held = world, rng, couple_plan(world), Held()
        lines = simulate(world, self.plan, rng)
        usual = np.isin(world.column("category")[world.positions(lines["item_id"].to_numpy())], list(RATES))
        self.lines = lines[usual].reset_index(drop=True)  # no whims: what they never buy says something
        self.claims: list[Planted] = []

    def plant(self, fact: str, planter: str, /, **wishes: Any) -> None:
        """Plant by a planter."""
        done = FACTS[planter](self.world, self.plan, self.lines, self.rng, held=self.held, **wishes)
        if done is None:
            raise ValueError(f"the couple cannot carry fact {fact}, {planter}.")
        self.lines, made = done
        self.claims += [replace(claim, fact=fact) for claim in made]

    def draft(self) -> Draft:
        """An open draft, for what no planter writes; `keep` it."""
        return Draft(self.world, self.plan, self.lines, self.rng, self.held)

    def keep(self, draft: Draft, fact: str) -> None:
        """Take over a draft's lines and claims."""
        self.lines, made = draft.done()
        self.claims += [replace(claim, fact=claim.fact or fact) for claim in made]


def couple(world: World, rng: np.random.Generator) -> tuple[Plan, pd.DataFrame, list[Planted]]:
    """Plan, lines and claims of the couple; facts are named "1" to "26" as in the assignment."""
    script = Script(world, rng)
    _away(script)
    _at_the_pump(script)
    _at_work(script)
    _he_shops(script)
    _occasions(script)
    _household_goods(script)
    script.plant("5", "loyalty", category="red wine", level="type", name="boğazkere")
    script.plant(
        "5", "loyalty", category="raki", level="description", name="Kuşkadeh Kuru Üzüm Rakısı 700 ml"
    )
    script.plant(
        "13", "category_gap", category="sanitary pads", start=date(2008, 1, 20), end=date(2008, 8, 25)
    )
    _pads(script)
    script.plant("4", "variety_seeking", category="bread")
    script.plant("4", "loyalty", category="kashkaval", level="type", name="fresh", share=1.0)
    script.plant("7", "parallel_variants", category="milk", types=("whole", "light", "lactose-free"))
    _yufka(script)
    _lactose_free(script)
    _dairy(script)
    script.plant("3", "tempted", n=26)
    script.plant("12", "general_merchandise", n=24)
    _shopper(script)
    script.plant("1", "forgotten_items", n=9, store=SHOP, card=Z)
    script.plant("2", "trip_missions", card=Z)
    return script.plan, script.lines, _final(script)


def _away(script: Script) -> None:
    """18, 25, 26: Marmaris, she at the end of two summers, he in July at the marina; far apart on a day."""
    draft = script.draft()
    spans = ((Z, date(2007, 8, 25), 13), (O, date(2008, 7, 24), 8), (Z, date(2008, 8, 18), 19))
    for card, first, days in spans:
        stores = (MARINA,) if card == O else (TOWN_SHOP, TOWN_SHOP, MARINA)
        day = np.datetime64(first, "D")
        if not sojourn(draft, RESORT, day, days, (card,), own_place=True, stores=stores):
            raise ValueError("the couple cannot go to Marmaris.")
    evening, noon = np.datetime64("2008-08-27T21:47:00"), np.datetime64("2008-08-27T13:30:00")
    same_day = (draft.customer_id == Z) & (draft.day == np.datetime64("2008-08-27"))
    draft.held.what -= set(draft.key[same_day].tolist())
    draft.held.when -= set(draft.key[same_day].tolist())
    draft.drop(same_day)
    basket = [draft.find(category=c)[0] for c in ("tomatoes", "water", "ice cream", "kitchenware")]
    hers = draft.ring(Z, TOWN_SHOP, evening, basket)
    his = _lunch(draft, noon)
    made, draft.made = draft.made, []
    for claim in made:
        keys = {int(k) for k in draft.key[np.isin(draft.key, claim.keys)]}
        if claim.start == date(2008, 8, 18):
            keys |= {int(k) for k in hers}
        draft.made.append(
            replace(claim, keys=tuple(sorted(keys)), fact="18" if claim.kind == "stay" else "26")
        )
    stays = sorted({key for claim in draft.made if claim.kind == "stay" for key in claim.keys})
    draft.claim("second_home", RESORT, "own place", keys=stays, fact="18")
    day = np.datetime64("2008-08-27")
    draft.claim("apart", "2008-08-27", "", start=day, end=day + DAY, keys=[*hers, *his], fact="25")
    script.keep(draft, "18")


def _lunch(draft: Draft, at: Any) -> np.ndarray:
    """A lunch for two in Maslak."""
    meals, drinks = draft.find(category="restaurant meal"), draft.find(category="restaurant drink")
    table = [*draft.rng.choice(meals[:6], 2), *draft.rng.choice(drinks, 2)]
    items, counts = np.unique(table, return_counts=True)
    return draft.ring(O, LUNCH, at, items, counts.astype(float).tolist())


def _at_work(script: Script) -> None:
    """24: lunches on weekdays in Maslak, for two; desserts elsewhere."""
    draft, rng = script.draft(), script.rng
    noon = np.datetime64("2008-08-27T13:30:00")
    keys = draft.key[(draft.customer_id == O) & (draft.occurred_at == noon)].tolist()
    days = np.arange(np.datetime64("2006-12-04"), np.datetime64("2009-09-28"))
    days = days[np.is_busday(days) & (days != np.datetime64("2008-08-27"))]
    for day in np.sort(rng.choice(days, size=50, replace=False)):
        at = at_hour(draft, day, 12.4, 13.9)
        if not draft.is_away(O, day, 1) and draft.reaches(O, LUNCH, at):
            keys += _lunch(draft, at).tolist()
    sweets = draft.find(category="restaurant dessert")
    for day in np.sort(rng.choice(days, size=11, replace=False)):
        at = at_hour(draft, day, 19.5, 21.5)
        if not draft.is_away(O, day, 1) and draft.reaches(O, SWEETS, at):
            draft.ring(O, SWEETS, at, rng.choice(sweets, 1), [2.0])
    draft.plan.members[1].lunches = len(keys) / 3 / 34
    draft.claim("workplace", WORK, "lunches", customer_id=O, keys=keys)
    script.keep(draft, "24")


def _at_the_pump(script: Script) -> None:
    """16, 17, 20 to 23: hers for nine months, filled up; his dearer, for two vehicles, sometimes 100 lira."""
    draft, rng = script.draft(), script.rng
    petrol, premium, diesel = (draft.find(category="fuel", type=t) for t in ("petrol", "premium", "diesel"))
    hers: list[int] = []
    first = np.datetime64("2008-09-13")
    her_days = (
        first + (np.linspace(0, 276, 18).astype(int) + np.array([0, *rng.integers(-3, 4, 16), 0])) * DAY
    )
    for day in her_days:
        hers += draft.ring(Z, PUMP, at_hour(draft, day, 9, 13), petrol).tolist()
        pay(draft, draft.key.size - 1, 47.0)
    shared = rng.choice(np.unique(draft.day[np.isin(draft.key, hers)]), size=7, replace=False)
    his_days = np.datetime64("2006-12-05") + np.cumsum(rng.integers(8, 17, 90)) * DAY
    his_days = his_days[his_days < np.datetime64("2009-09-27")]
    close = np.abs((his_days[:, None] - shared[None, :]).astype(int)).min(axis=1) < 4
    days = np.unique([*his_days[~close], *shared])
    twin = np.datetime64("2009-01-06")
    days = days[np.abs((days - twin).astype(int)) > 3]
    his: list[int] = []
    for day in days:
        store = PUMP if day in shared or rng.random() < 0.5 else WORK_PUMP
        at = at_hour(draft, day, 17.5, 20.5)
        if not draft.is_away(O, day, 1) and draft.reaches(O, store, at):
            his += draft.ring(O, store, at, premium).tolist()
            pay(draft, draft.key.size - 1, 58.0, 100.0 if rng.random() < 0.26 else None)
    pair = draft.ring(O, WORK_PUMP, np.datetime64("2009-01-06T18:41:07"), premium).tolist()
    pay(draft, draft.key.size - 1, 58.0)
    pair += draft.ring(O, WORK_PUMP, np.datetime64("2009-01-06T18:41:39"), diesel).tolist()
    pay(draft, draft.key.size - 1, 70.0)
    draft.plan.members[0].car = Car("petrol", 47.0, "full_tank", 16.0, date(2008, 9, 13), date(2009, 6, 30))
    draft.plan.members[1].car = Car("premium", 58.0, "mixed", 12.0)
    last = draft.day[np.isin(draft.key, hers)].max() + DAY
    draft.claim("category_start", "fuel", "", customer_id=Z, start=first, keys=hers, fact="16")
    draft.claim("category_lapse", "fuel", "", customer_id=Z, start=last, keys=hers, fact="16")
    draft.claim("fuel_habit", Z, "full_tank", customer_id=Z, keys=hers, fact="17")
    draft.claim("card_role", O, "fuel", customer_id=O, keys=[*his, *pair], fact="20")
    draft.claim("second_vehicle", O, "diesel", customer_id=O, keys=pair, fact="21")
    draft.claim("fuel_tier", O, "premium", customer_id=O, keys=[*his, pair[0]], fact="22")
    draft.claim("fuel_habit", O, "mixed", customer_id=O, keys=[*his, pair[0]], fact="23")
    script.keep(draft, "20")


def _he_shops(script: Script) -> None:
    """19: what he buys for himself when he does shop."""
    draft, rng = script.draft(), script.rng
    shops = draft.shops()
    his = shops.index.to_numpy()[(shops["customer_id"] == O).to_numpy()]
    blades = draft.find(category="shaving", type="razor blades", brand="Keskinbey")
    lager = draft.find(category="beer", type="lager", brand="Arpazade")[:1]
    add(draft, "shaving", his[rng.random(his.size) < 0.5], blades)
    add(draft, "beer", his[rng.random(his.size) < 0.55], lager)
    shaved = draft.key[draft.shop & np.isin(draft.item_id, blades)]
    draft.claim("loyalty", "shaving", "brand: Keskinbey", keys=shaved, fact="ordinary")
    draft.hold("shaving")
    draft.hold("beer")
    script.keep(draft, "19")


def _receipt_on(draft: Draft, day: str, hour: float, items: list[int]) -> int:
    """A shop of hers on a day, made for these things and some vegetables."""
    basket = [*items, *(int(draft.find(category=c)[0]) for c in ("tomatoes", "greens"))]
    draft.ring(Z, SHOP, at_hour(draft, np.datetime64(day), hour, hour + 0.4), basket)
    return draft.next_receipt - 1


def _occasions(script: Script) -> None:
    """8, 10, 11: a cocoa drink twice, guests with cola, the eves of two New Years."""
    draft = script.draft()
    for_new_year = ["appetisers", "candy and lokum"]  # hers are for the eve alone
    draft.drop(draft.shop & np.isin(draft.product("category"), for_new_year))
    script.keep(draft, "11")
    draft = script.draft()
    cocoa = int(draft.find(category="cocoa drink", type="powder", size=200.0)[0])
    receipts = [_receipt_on(draft, "2007-06-16", 11, [cocoa]), _receipt_on(draft, "2008-03-15", 17, [cocoa])]
    mine = np.isin(draft.receipt, receipts) & (draft.product("category") == "cocoa drink")
    start, end = np.datetime64("2007-06-16"), np.datetime64("2008-03-16")
    draft.claim(
        "isolated_purchase", "cocoa drink", "2 dates", start=start, end=end, keys=draft.key[mine], fact="8"
    )
    cola = [int(draft.find(category="cola", type=t, size=2.5, unit="l")[0]) for t in ("regular", "diet")]
    receipt = _receipt_on(draft, "2008-05-17", 16, [*cola, cola[0]])
    mine = (draft.receipt == receipt) & (draft.product("category") == "cola")
    day = np.datetime64("2008-05-17")
    for kind, subject, value in (
        ("guest_day", "2008-05-17", "cola"),
        ("isolated_purchase", "cola", "1 dates"),
    ):
        draft.claim(kind, subject, value, start=day, end=day + DAY, keys=draft.key[mine], fact="10")
    _new_years(draft)
    for category in ("cocoa drink", "cola", "mayonnaise", *for_new_year):
        draft.hold(category)
    script.keep(draft, "11")


def _new_years(draft: Draft) -> None:
    raki = int(draft.find(category="raki", description="Kuşkadeh Kuru Üzüm Rakısı 700 ml")[0])
    wine = int(draft.find(category="red wine", type="boğazkere", brand="Bağdoruk")[0])
    small, large = (
        int(draft.find(category="mayonnaise", type="regular", brand="Kilerova", size=s)[0])
        for s in (350.0, 600.0)
    )
    nuts = [int(item) for item in draft.find(category="nuts", type="mixed")[:2]]
    meze, sweets = (draft.find(category=name)[:4].tolist() for name in ("appetisers", "candy and lokum"))
    eves = (
        ("2007-12-30", 15, [small, nuts[0]]),
        ("2007-12-31", 11, [raki, nuts[1], meze[0], meze[2], sweets[0]]),
        ("2008-12-30", 17, [wine, nuts[0], meze[1], sweets[1]]),
        ("2008-12-31", 12, [wine, large, large, nuts[1], meze[3]]),
    )
    keys: list[int] = []
    for day, hour, items in eves:
        receipt = _receipt_on(draft, day, hour, items)
        festive = (draft.receipt == receipt) & np.isin(
            draft.item_id, [raki, wine, small, large, *nuts, *meze, *sweets]
        )
        keys += draft.key[festive].tolist()
    draft.claim(
        "calendar_occasion",
        "new_year",
        "appetisers, candy and lokum, mayonnaise, raki, red wine",
        keys=keys,
        fact="11",
    )


def _household_goods(script: Script) -> None:
    """14, 15: a man who loses hair, and a machine that cleans carpets."""
    draft, rng = script.draft(), script.rng
    tonic = draft.find(tag="hair_loss")[:1]
    hair = add(draft, "shampoo", spread(draft, 9), tonic)
    spray = draft.find(category="deodorant", type="men's", brand="Mertkan")
    his = add(draft, "deodorant", spread(draft, 11), spray if spray.size else draft.find(type="men's"))
    slippers = add(draft, "slippers", spread(draft, 3), draft.find(category="slippers", type="men's"))
    draft.claim("hair_loss", "", "", keys=hair, fact="14")
    draft.claim("member", "adult_man", "", keys=[*hair, *his, *slippers], fact="14")
    hand = draft.find(category="carpet shampoo", type="hand")
    machine = draft.find(category="carpet shampoo", type="machine", size=1.0)
    dates = {
        "2007-02-10": hand, "2007-04-14": hand, "2007-06-30": hand, "2007-10-06": hand, "2007-12-15": hand,
        "2008-08-09": machine, "2008-10-25": machine, "2009-01-17": machine, "2009-04-04": machine,
        "2009-06-20": machine, "2009-09-12": machine,
    }  # fmt: skip
    receipts = [
        _receipt_on(draft, day, 10 + int(rng.integers(7)), [int(sold[0])]) for day, sold in dates.items()
    ]
    mine = np.isin(draft.receipt, receipts) & (draft.product("category") == "carpet shampoo")
    start = np.datetime64("2008-08-09")
    keys = draft.key[mine]
    draft.claim("product_succession", "hand -> machine", "carpet shampoo", start=start, keys=keys, fact="15")
    draft.hold("carpet shampoo")
    script.keep(draft, "14")


def _pads(script: Script) -> None:
    """13: always the same brand, and one pack of another once."""
    draft = script.draft()
    where = lines_of(draft, "sanitary pads")
    usual = draft.find(category="sanitary pads", brand="Rahatça", type="normal", size=20.0)
    other = draft.find(category="sanitary pads", brand="Ladinya", type="normal")
    other = other if other.size else draft.find(category="sanitary pads", brand="Ladinya")
    draft.item_id[where] = usual[0]
    before = where[draft.day[where] < np.datetime64("2007-09-15")]
    once = before[-1:]
    draft.item_id[once] = other[0]
    draft.reprice(where)
    day = draft.day[once][0]
    value = "Rahatça -> Ladinya"
    draft.claim(
        "brand_trial", "sanitary pads", value, start=day, end=day + DAY, keys=draft.key[where], fact="13"
    )
    rest = draft.key[np.setdiff1d(where, once)]
    draft.claim("loyalty", "sanitary pads", "brand: Rahatça", keys=rest, fact="13")
    draft.hold("sanitary pads")
    script.keep(draft, "13")


def _yufka(script: Script) -> None:
    """6, 5: three kinds of yoghurt on the days of yufka, and nuts with alcohol."""
    draft = script.draft()
    draft.drop((draft.product("category") == "nuts") & (script.rng.random(draft.key.size) < 0.5))
    script.keep(draft, "5")
    draft = script.draft()
    drinks = draft.shop & np.isin(draft.product("category"), ["red wine", "raki"]) & (draft.customer_id == Z)
    nuts = draft.find(category="nuts")
    for receipt in np.unique(draft.receipt[drinks]):
        has = (draft.receipt == receipt) & (draft.product("category") == "nuts")
        if not has.any() and script.rng.random() < 0.88:
            add(draft, "nuts", [receipt], nuts)
    drunk = draft.shop & (draft.customer_id == Z)  # anew: lines have been added
    category = draft.product("category")
    with_nuts = np.unique(draft.receipt[draft.shop & (category == "nuts")])
    for name, categories in (
        ("alcohol", ["red wine", "raki"]),
        ("red wine", ["red wine"]),
        ("raki", ["raki"]),
    ):
        asked = np.intersect1d(draft.receipt[drunk & np.isin(category, categories)], with_nuts)
        both = np.isin(draft.receipt, asked) & np.isin(category, [*categories, "nuts"])
        fact = "5" if name == "alcohol" else "ordinary"  # the other two follow from it
        draft.claim("association", f"{name} -> nuts", "kinds: 1", keys=draft.key[both], fact=fact)
    draft.hold("nuts")
    script.keep(draft, "5")
    script.plant("6", "association", first="yufka", second="yoghurt", kinds=3)


def _lactose_free(script: Script) -> None:
    """7: lactose-free white cheese, too, beside many others."""
    draft = script.draft()
    cheese = draft.find(category="white cheese", tag="lactose_free")
    added = add(draft, "white cheese", spread(draft, 9), cheese)
    milk = draft.key[draft.shop & draft.tagged("lactose_free")]
    script.claims = [claim for claim in script.claims if claim.kind != "dietary_need"]
    draft.claim("dietary_need", "lactose_free", "", keys=[*milk, *added], fact="7")
    script.keep(draft, "7")


def _dairy(script: Script) -> None:
    """9: all dairy of one brand until it is withdrawn, of another since; kinds stay what they are."""
    draft, rng = script.draft(), script.rng
    products = draft.world.products
    for category in ("milk", "yoghurt", "white cheese", "kashkaval"):  # enough of each to see what follows
        since = draft.shop & (draft.product("category") == category) & (draft.day >= np.datetime64(GONE))
        add(draft, category, spread(draft, max(9 - int(since.sum()), 0), 0.86))
    where = np.flatnonzero(
        draft.shop & (draft.product("department") == "dairy") & (draft.product("brand") != "")
    )
    where = where[draft.product("category")[where] != "eggs"]
    for line in where:
        if rng.random() < 0.03:
            continue
        brand = OLD if draft.day[line] < np.datetime64(GONE) else NEW
        category, kind = (draft.product(name, [draft.item_id[line]])[0] for name in ("category", "type"))
        made = world_items(products, category, brand)
        same = made[draft.product("type", made) == kind]
        beside = draft.product("type")[draft.receipt == draft.receipt[line]]
        others = made[~np.isin(draft.product("type", made), beside)]
        if not same.size and category in ("milk", "kashkaval"):
            continue
        drawn = draft.pick(same if same.size else others if others.size else made, draft.day[[line]])
        if drawn[0] >= 0:
            draft.item_id[line] = drawn[0]
    stale = where[~draft.world.on_sale(draft.item_id[where], draft.day[where])]
    for line in stale:
        sold = draft.find(category=draft.product("category", [draft.item_id[line]])[0], brand=NEW)
        draft.item_id[line] = draft.pick(sold, draft.day[[line]])[0]
    draft.reprice(where)
    for category in np.unique(draft.product("category")[where].astype(str)):
        draft.hold(category, BOTH)
    script.keep(draft, "9")


def world_items(products: pd.DataFrame, category: str, brand: str) -> np.ndarray:
    """Items of a brand in a category, sold today or not."""
    return products.index.to_numpy()[
        ((products["category"] == category) & (products["brand"] == brand)).to_numpy()
    ]


def _shopper(script: Script) -> None:
    """19: whose card does the shopping."""
    draft = script.draft()
    hers = draft.shop & (draft.customer_id == Z)
    draft.claim("household_shopper", Z, "", rests="when", customer_id=Z, keys=draft.key[hers][:0], fact="19")
    script.keep(draft, "19")


def _final(script: Script) -> list[Planted]:
    """Claims with the lines as they are in the end."""
    draft = script.draft()
    hers = tuple(sorted(draft.key[draft.shop & (draft.customer_id == Z)].tolist()))
    claims = [
        replace(claim, keys=hers) if claim.kind == "household_shopper" else claim for claim in script.claims
    ]
    switches = [replace(claim, fact="9") for claim in delisted_switches(script.world, script.lines)]
    known = set(script.lines["key"].tolist())
    return [
        replace(claim, keys=tuple(key for key in claim.keys if key in known))
        for claim in [*claims, *(claim for claim in switches if OLD in claim.value)]
    ]
