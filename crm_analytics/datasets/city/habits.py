"""What a household of the city likes, when it shops, and where it spends its holidays."""

from datetime import date, timedelta

import numpy as np

from crm_analytics.datasets.city.households import Member, Plan, Rhythm, Stay, Taste, towards
from crm_analytics.datasets.city.people import KINDS, by_distance, draw_home, draw_members
from crm_analytics.datasets.city.places import DEAR, FAMILY_TOWNS, RESORTS
from crm_analytics.datasets.city.world import Shelf, World

LOYAL, SEEKING = 0.17, 0.04  # shares of tastes
ABROAD = "abroad"  # a stay that leaves no lines
SIZE_FACTOR = {"single": 0.75, "couple": 1.0, "baby": 1.2, "family": 1.3, "elderly": 0.85, "shared": 0.9}
# How often things with a tag are taken where nobody of that sort lives in the household.
OTHERWISE = {"men_care": 0.02, "women_care": 0.02, "child": 0.15, "baby": 0.01, "hair_loss": 0.0}
SPECIAL = {"lactose_free": 0.1, "gluten_free": 0.1}  # factor where nobody needs it
LEANINGS = {"diet": 0.09, "gourmet": 0.08, "organic": 0.05}  # share of households that lean to it
COMPANIONS = (
    ("raki", "nuts"),
    ("beer", "nuts"),
    ("beer", "crisps"),
    ("pasta", "ketchup and sauces"),
    ("yufka", "white cheese"),
    ("yufka", "yoghurt"),
    ("tea", "biscuits"),
    ("coffee", "chocolate"),
    ("flour", "baking aids"),
    ("red wine", "kashkaval"),
)
OCCASIONS = {"new_year": 0.45, "ramadan": 0.4, "ramadan_feast": 0.45, "sacrifice_feast": 0.25}


def draw_plan(world: World, number: int, rng: np.random.Generator) -> Plan:
    """An ordinary household, different from every other."""
    kinds = np.array(list(KINDS.values()), dtype=float)
    kind = str(rng.choice(list(KINDS), p=kinds / kinds.sum()))
    town, district, stores, pumps = draw_home(world, rng)
    members = draw_members(world, kind, town, number, rng)
    budget = float(np.clip(SIZE_FACTOR[kind] * 12.5 * np.exp(rng.normal(0, 0.4)), 5, 42))
    n_cards = sum(member.card is not None for member in members)
    plan = Plan(
        household_id=f"H{number:05d}",
        members=members,
        kind=kind,
        home_district=district,
        home_stores=stores,
        fuel_stores=pumps,
        budget=budget,
        tastes={},
        rhythm=_rhythm(world, kind, budget, rng),
        shopper_share=_shopper_share(n_cards, rng),
        price_sense=float(rng.gamma(2.0, 1.0)),
        celebrates=tuple(name for name, chance in OCCASIONS.items() if rng.random() < chance),
        owner=bool(rng.random() < {"elderly": 0.85, "shared": 0.1, "single": 0.4}.get(kind, 0.6)),
        forgets=float(rng.uniform(0.06, 0.14)) if rng.random() < 0.05 else 0.004,
        traits={"town": town},
    )
    if kind == "family" and rng.random() < 0.8:
        plan.celebrates += ("back_to_school",)
    for tag, chance in (("lactose_free", 0.03), ("gluten_free", 0.015)):
        if rng.random() < chance:
            plan.diets[tag] = float(rng.uniform(0.6, 0.95))
    for tag, chance in LEANINGS.items():
        plan.traits[f"leans_{tag}"] = "strong" if rng.random() < chance else "as others"
    men = [member for member in members if member.role == "adult" and member.sex == "m"]
    if men and rng.random() < 0.05:
        plan.traits["hair_loss"] = "yes"
    plan.tastes = draw_tastes(world, plan, rng)
    plan.companions = [
        (a, b, float(rng.uniform(0.65, 0.9)))
        for a, b in COMPANIONS
        if a in plan.tastes and b in plan.tastes and rng.random() < 0.1
    ]
    plan.stays = draw_stays(world, plan, rng)
    _near_work(world, plan, rng)
    if rng.random() < 0.35:
        days = rng.integers(30, max(world.n_days - 30, 31), int(rng.integers(1, 3)))
        plan.guests = sorted(world.start + timedelta(days=int(day)) for day in days)
    return plan


def draw_tastes(world: World, plan: Plan, rng: np.random.Generator) -> dict[str, Taste]:
    """Categories that a household buys, how often, and what of them."""
    table = world.categories
    table = table[table["need"] != "special"]
    weights = _leaning_weights(world, plan, rng)
    chosen: dict[str, Taste] = {}
    must: list[str] = []
    for category, need, rate, reach in zip(
        table.index, table["need"], table["rate"], table["reach"], strict=True
    ):
        wanted = rng.random() < (reach if need in ("baby", "cat", "dog") else 0.8 * reach)
        factor = rng.gamma(1.1, 1 / 1.1)
        shelf = world.shelves[category]
        here = weights[shelf.rows]
        if wanted and _needed(plan, need) and here.sum() > 0:
            taste = _taste(shelf, here, rng)
            if plan.traits["leans_diet"] != "strong":
                _settle(taste, shelf, here, world.tagged["diet"][shelf.rows], rng)
            chosen[category] = taste
            taste.rate = rate * (0.3 + factor)
            if need in ("baby", "cat", "dog"):
                must.append(category)
                taste.rate = rate * (0.25 + 0.35 * factor)
    usual = [category for category in chosen if category not in must]
    scale = plan.budget / max(sum(chosen[category].rate for category in usual), 1e-9)
    for category in usual:
        chosen[category].rate *= scale
    _over_time(world, plan, chosen, rng)
    return chosen


def draw_choices(world: World, plan: Plan, rng: np.random.Generator) -> dict[str, Taste]:
    """What such a household would choose in each category of the supermarket, whether it buys there or not."""
    weights = _leaning_weights(world, plan, rng)
    chosen: dict[str, Taste] = {}
    for category, need in zip(world.categories.index, world.categories["need"], strict=True):
        shelf = world.shelves[category]
        here = weights[shelf.rows]
        if need != "special" and here.sum() > 0:
            chosen[category] = _taste(shelf, here, rng)
            if plan.traits["leans_diet"] != "strong":
                _settle(chosen[category], shelf, here, world.tagged["diet"][shelf.rows], rng)
    return chosen


def draw_stays(world: World, plan: Plan, rng: np.random.Generator) -> list[Stay]:
    """Holidays: a hotel now here, now there; relatives at the feasts; an own house; or none."""
    people = tuple(i for i, member in enumerate(plan.members) if member.role in ("adult", "child", "baby"))
    adults = tuple(i for i, member in enumerate(plan.members) if member.role == "adult")
    habit = str(rng.choice(["hotel", "relatives", "own", "none"], p=[0.33, 0.2, 0.12, 0.35]))
    plan.traits["holidays"] = habit
    stays: list[Stay] = []
    years = range(world.start.year, world.end.year + 1)
    home = str(rng.choice(RESORTS))
    kin = str(rng.choice([town for town in FAMILY_TOWNS if town != plan.traits["town"]]))
    for year in years:
        if habit == "hotel" and rng.random() < 0.8:
            first = date(year, 6, 10) + timedelta(days=int(rng.integers(0, 90)))
            length = int(rng.choice([5, 7, 8, 10, 14]))
            stays.append(_stay(str(rng.choice(RESORTS)), first, length, people))
        elif habit == "own":
            first = date(year, 5, 25) + timedelta(days=int(rng.integers(0, 35)))
            for _ in range(int(rng.integers(2, 4))):
                length = int(rng.integers(6, 24))
                part = people if len(adults) < 2 or rng.random() < 0.75 else (adults[int(rng.integers(2))],)
                stays.append(_stay(home, first, length, part, own=True))
                first += timedelta(days=length + int(rng.integers(8, 25)))
        if rng.random() < 0.06:
            first = date(year, 1, 10) + timedelta(days=int(rng.integers(0, 330)))
            stays.append(_stay(ABROAD, first, int(rng.integers(6, 30)), people))
    if habit == "relatives":
        feasts = world.calendar[world.calendar["occasion"].isin(["ramadan_feast", "sacrifice_feast"])]
        for first in feasts["start"]:
            if rng.random() < 0.7:
                early = first - timedelta(days=int(rng.integers(1, 3)))
                stays.append(_stay(kin, early, int(rng.integers(5, 10)), people))
    return _apart_in_time([stay for stay in stays if stay.start < world.end and stay.end > world.start])


def _stay(town: str, first: date, length: int, members: tuple[int, ...], own: bool = False) -> Stay:
    return Stay(town, first, first + timedelta(days=length), members, own)


def _apart_in_time(stays: list[Stay]) -> list[Stay]:
    """Those that do not begin before another has been over for two days."""
    kept: list[Stay] = []
    for stay in sorted(stays, key=lambda stay: (stay.start, stay.end, stay.town)):
        if not kept or stay.start >= kept[-1].end + timedelta(days=2):
            kept.append(stay)
    return kept


def _rhythm(world: World, kind: str, budget: float, rng: np.random.Generator) -> Rhythm:
    working = kind not in ("elderly",)
    weekdays = np.array(
        [1.0, 0.9, 1.0, 1.0, 1.2, 1.9, 1.4] if working else [1.1, 1.1, 1.1, 1.2, 1.2, 1.0, 0.7]
    )
    centre = rng.normal(17.5, 2.0) if working else rng.normal(12.0, 1.5)
    hours = np.exp(-0.5 * ((np.arange(24) + 0.5 - centre) / 2.6) ** 2) + 0.03
    hours[:9] = hours[22:] = 0
    rhythm = Rhythm(
        topups=float(np.clip(budget / rng.uniform(1.8, 4.0), 1.5, 14)),
        regularity=float(rng.uniform(1.0, 2.5)),
        weekdays=weekdays * rng.gamma(6.0, 1 / 6.0, 7),
        hours=hours / hours.sum(),
    )
    if rng.random() < 0.25:
        rhythm.main_every = float(rng.uniform(14, 30))
        rhythm.main_size = float(rng.uniform(7, 12))
        rhythm.topups *= 0.9
        if rng.random() < 0.45:
            rhythm.main_every, rhythm.payday = 30.4, int(rng.choice([1, 5, 15, 20]))
    return rhythm


def _shopper_share(n_cards: int, rng: np.random.Generator) -> float:
    if n_cards < 2:
        return 1.0
    return float(rng.uniform(0.88, 0.97) if rng.random() < 0.35 else rng.uniform(0.45, 0.75))


def _needed(plan: Plan, need: str) -> bool:
    adults = [member for member in plan.members if member.role == "adult"]
    roles = {member.role for member in plan.members}
    if need in ("baby", "cat", "dog", "child"):
        return need in roles
    if need == "woman":
        return any(member.sex == "f" for member in adults)
    if need == "young_woman":
        return any(member.sex == "f" and member.birth_year > 1957 for member in adults)
    if need == "man":
        return any(member.sex == "m" for member in adults)
    if need == "car":
        return any(member.car for member in adults)
    return True  # drinkers and smokers are as many as `reach` says


def _leaning_weights(world: World, plan: Plan, rng: np.random.Generator) -> np.ndarray:
    """Popularity of every product in this household's eyes, before its tastes category by category."""
    products = world.products
    factor = np.ones(len(products))
    dear = DEAR.get(plan.home_district, 0.0) * 0.25 + rng.normal(0, 0.25)
    factor *= np.exp(dear * (products["tier"].to_numpy() - 1))
    for tag in LEANINGS:
        lean = rng.uniform(5, 9) if plan.traits[f"leans_{tag}"] == "strong" else np.exp(rng.normal(-0.2, 0.3))
        factor[world.tagged[tag]] *= lean
    for tag, otherwise in OTHERWISE.items():
        sex = {"men_care": "man", "women_care": "woman"}
        there = (
            plan.traits.get("hair_loss") == "yes" if tag == "hair_loss" else _needed(plan, sex.get(tag, tag))
        )
        factor[world.tagged[tag]] *= 1.0 if there else otherwise
    if plan.traits.get("hair_loss") == "yes":
        factor[world.tagged["hair_loss"]] *= 12.0
    weights = products["weight"].to_numpy() * factor
    for tag, otherwise in SPECIAL.items():
        if tag not in plan.diets:
            weights[world.tagged[tag]] *= otherwise
            continue
        odds = plan.diets[tag] / (1 - plan.diets[tag])
        for shelf in world.shelves.values():
            offered = world.tagged[tag][shelf.rows]
            if offered.any():
                mine, rest = shelf.rows[offered], shelf.rows[~offered]
                weights[mine] *= odds * weights[rest].sum() / weights[mine].sum()
    return weights


def _taste(shelf: Shelf, weights: np.ndarray, rng: np.random.Generator) -> Taste:
    """Most wander among brands and types, each in its own way; some are loyal, a few seek variety."""
    base = weights / weights.sum()
    n_brands, size = shelf.brands.size, shelf.items.size
    style = rng.random()
    drawn = base * _tilt(base, shelf.brand, n_brands, rng.uniform(6, 25), rng)
    drawn = drawn * _tilt(drawn, shelf.type, shelf.types.size, rng.uniform(5, 20), rng)
    taste = Taste(0.0, shelf.items, drawn / drawn.sum(), repeat=float(rng.uniform(0.0, 0.25)))
    if style < LOYAL and n_brands > 1:
        share = float(rng.uniform(0.86, 0.98))
        mine = shelf.brand == _favourite(base, shelf.brand, n_brands, rng)
        if rng.random() < 0.35:  # to one item of it
            mine = np.arange(size) == np.argmax(np.where(mine, taste.weights, -1.0))
        taste.weights = towards(taste.weights, mine, share)
    elif LOYAL <= style < LOYAL + SEEKING and size >= 6:
        taste.repeat = -float(rng.uniform(0.7, 0.95))
        taste.weights = base**0.4 / (base**0.4).sum()
    return taste


def _settle(
    taste: Taste, shelf: Shelf, weights: np.ndarray, light: np.ndarray, rng: np.random.Generator
) -> None:
    """Most stay with the regular variants, as others do; a few take light ones every other time."""
    usual = weights[light].sum() / weights.sum()
    if 0 < usual < 1:
        share = usual * np.exp(rng.normal(-0.1, 0.25)) if rng.random() > 0.03 else rng.uniform(0.35, 0.6)
        taste.weights = towards(taste.weights, light, min(float(share), 0.9))


def _tilt(
    base: np.ndarray, group: np.ndarray, n: int, concentration: float, rng: np.random.Generator
) -> np.ndarray:
    """Factor that moves the shares of groups to a Dirichlet draw around what they are."""
    share = np.bincount(group, weights=base, minlength=n)
    drawn = rng.gamma(np.maximum(concentration * share / share.sum(), 1e-3))
    drawn = np.maximum(drawn / drawn.sum(), 1e-9)
    return np.divide(drawn, share, out=np.zeros(n), where=share > 0)[group]


def _favourite(base: np.ndarray, brand: np.ndarray, n: int, rng: np.random.Generator) -> int:
    chances = np.sqrt(np.bincount(brand, weights=base, minlength=n))  # rare brands have loyal buyers, too
    return int(rng.choice(n, p=chances / chances.sum()))


def _over_time(world: World, plan: Plan, tastes: dict[str, Taste], rng: np.random.Generator) -> None:
    """Tastes that begin, end, pause or change while the household is watched."""
    baby = next((member for member in plan.members if member.role == "baby"), None)
    if baby and baby.born:
        for category, first, last in (("nappies", 0, 900), ("baby food", 170, 640), ("baby care", 0, 1000)):
            if category in tastes:
                tastes[category].since = baby.born + timedelta(days=first)
                tastes[category].until = baby.born + timedelta(days=last)
        if "sanitary pads" in tastes:
            tastes["sanitary pads"].pause = (baby.born - timedelta(days=255), baby.born + timedelta(days=60))
    often = sorted(category for category, taste in tastes.items() if taste.rate > 0.5 and taste.since is None)
    calm = [category for category in often if category != "sanitary pads"]
    if calm and rng.random() < 0.12:
        taste = tastes[str(rng.choice(calm))]
        day = world.start + timedelta(days=int(rng.uniform(0.3, 0.7) * world.n_days))
        chance = rng.random()
        if chance < 0.4:
            taste.since = day
        elif chance < 0.8:
            taste.until = day
        else:
            taste.pause = (day, day + timedelta(days=int(rng.integers(150, 260))))
    loyal = [
        c
        for c in calm
        if tastes[c].since is None and tastes[c].until is None and _top_brand(world, c, tastes[c])
    ]
    if loyal and rng.random() < 0.15:
        category = str(rng.choice(loyal))
        taste = tastes[category]
        shelf = world.shelves[category]
        others = [brand for brand in shelf.brands if brand != _top_brand(world, category, taste)]
        mine = shelf.brands[shelf.brand] == str(rng.choice(others))
        day = world.start + timedelta(days=int(rng.uniform(0.3, 0.7) * world.n_days))
        taste.switch = (day, towards(taste.weights, mine, float(rng.uniform(0.88, 0.97))))


def _top_brand(world: World, category: str, taste: Taste) -> str | None:
    """The brand that takes more than four in five, where there is a choice."""
    shelf = world.shelves[category]
    share = np.bincount(shelf.brand, weights=taste.weights)
    return str(shelf.brands[share.argmax()]) if shelf.brands.size > 1 and share.max() > 0.8 else None


def _near_work(world: World, plan: Plan, rng: np.random.Generator) -> None:
    """Some shop near work on weekdays, where they do not live there."""
    holders: list[Member] = [m for m in plan.members if m.card and m.work_place]
    if holders and rng.random() < 0.25 and holders[0].work_place != plan.home_district:
        office = world.stores_of(kind="restaurant", district=holders[0].work_place)[0]
        town = str(world.stores.at[int(office), "town"])
        near = by_distance(world, int(office), world.stores_of(kind="supermarket", town=town))[0]
        if near not in plan.home_stores:
            plan.work_stores = {near: float(rng.uniform(0.2, 0.45))}
