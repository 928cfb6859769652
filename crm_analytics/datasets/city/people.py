"""Who lives in a household of the city, where, and with which cards and cars."""

from datetime import date, timedelta

import numpy as np

from crm_analytics.datasets.city.households import Car, Member
from crm_analytics.datasets.city.places import CITIES, FOOD_KINDS
from crm_analytics.datasets.city.world import World

# Kinds of households and how many in a hundred are such.
KINDS = {"single": 17, "couple": 25, "baby": 11, "family": 28, "elderly": 14, "shared": 5}
ADULT_AGES = {
    "single": (23, 60),
    "couple": (25, 62),
    "baby": (25, 39),
    "family": (32, 52),
    "elderly": (67, 83),
    "shared": (20, 30),
}
DOMAINS = (
    "posta.example",
    "mektup.example",
    "eposta.example",
    "okul.example",
    "holding.example",
    "kamu.example",
)
AREA_CODES = {"Istanbul": ("212", "216"), "Ankara": ("312",), "Izmir": ("232",)}
ASIAN_SIDE = 29.0  # degrees east, near enough: stores beyond it have the other area code
TANKS = (40.0, 45.0, 50.0, 55.0, 60.0, 70.0)


def draw_home(world: World, rng: np.random.Generator) -> tuple[str, str, dict[int, float], dict[int, float]]:
    """Town, district, and the shares of the supermarkets and stations near it."""
    town = str(rng.choice(list(CITIES), p=list(CITIES.values())))
    store = int(rng.choice(world.stores_of(kind="supermarket", town=town)))
    district = str(world.stores.at[store, "district"])
    near = by_distance(world, store, world.stores_of(kind=FOOD_KINDS, town=town))
    shares = _shares(rng.dirichlet([16, 3, 1][: len(near)]), near)
    pumps = by_distance(world, store, world.stores_of(kind="fuel", town=town))
    return town, district, shares, _shares(rng.dirichlet([8, 2, 1][: len(pumps)]), pumps)


def draw_members(world: World, kind: str, town: str, number: int, rng: np.random.Generator) -> list[Member]:
    """Adults, children and pets; the first has a card, some second adults too."""
    year = world.start.year + 1
    low, high = ADULT_AGES[kind]
    age = int(rng.integers(low, high + 1))
    n_adults = {"single": 1, "elderly": 1 + (rng.random() < 0.6), "shared": 2 + (rng.random() < 0.4)}.get(
        kind, 2
    )
    if kind == "family" and rng.random() < 0.1:
        n_adults = 1
    sex = "f" if rng.random() < 0.55 else "m"
    members = [Member(sex, year - age, "adult")]
    for _ in range(n_adults - 1):
        other = sex if kind == "shared" else ("m" if sex == "f" else "f")
        gap = 0 if kind == "shared" else (2 if other == "m" else -2)
        members.append(Member(other, year - max(age + gap + int(rng.integers(-3, 4)), 19), "adult"))
    if kind in ("couple", "baby", "family", "elderly") and n_adults == 2:
        for member in members:
            member.married = kind != "couple" or rng.random() < 0.8
    if kind == "baby":
        born = world.start + timedelta(days=int(rng.integers(-450, int(world.n_days * 0.6))))
        members.append(Member("f" if rng.random() < 0.5 else "m", born.year, "baby", born=born))
    if kind == "family":
        for _ in range(int(rng.choice([1, 2, 3], p=[0.45, 0.43, 0.12]))):
            young = int(rng.integers(4, min(16, age - 19) + 1)) if age > 24 else 4
            members.append(Member("f" if rng.random() < 0.5 else "m", year - young, "child"))
    for pet, chance in (("cat", 0.10), ("dog", 0.05)):
        if rng.random() < chance:
            members.append(Member("", year - int(rng.integers(1, 9)), pet))
    members[0].card = f"K{number:05d}1"
    if n_adults > 1 and rng.random() < 0.42:
        members[1].card = f"K{number:05d}2"
    for member in members[:n_adults]:
        member.email_domain = str(rng.choice(DOMAINS, p=[0.3, 0.25, 0.2, 0.08, 0.1, 0.07]))
        _give_work(world, member, year, town, rng)
    _give_cars(world, members[:n_adults], rng)
    return members


def by_distance(world: World, store: int, others: np.ndarray) -> list[int]:
    """The three nearest of some stores, the nearest first."""
    far = [(world.distance_km(store, int(other)), int(other)) for other in others]
    return [other for _, other in sorted(far)[:3]]


def area_code(world: World, district: str) -> str:
    """Telephone area code of a district; the two shores of Istanbul have each their own."""
    place = world.stores[world.stores["district"] == district].iloc[0]
    codes = AREA_CODES.get(place["town"], ("",))
    return codes[int(place["longitude"] > ASIAN_SIDE)] if len(codes) > 1 else codes[0]


def _give_work(world: World, member: Member, year: int, town: str, rng: np.random.Generator) -> None:
    age = year - member.birth_year
    if age < 65 and rng.random() < (0.75 if member.sex == "m" else 0.5):
        offices = world.stores_of(kind="restaurant", town=town)
        if offices.size:
            member.work_place = str(world.stores.at[int(rng.choice(offices)), "district"])
            if member.card and rng.random() < 0.14:
                member.lunches = float(np.round(rng.uniform(1.0, 5.0), 2))


def _give_cars(world: World, adults: list[Member], rng: np.random.Generator) -> None:
    for place, member in enumerate(adults):
        if rng.random() < (0.5 if place == 0 else 0.25):
            fuel = str(rng.choice(["petrol", "premium", "diesel"], p=[0.62, 0.1, 0.28]))
            habit = str(rng.choice(["full_tank", "round_money", "mixed"], p=[0.45, 0.42, 0.13]))
            every = float(np.round(9 + rng.gamma(3.0, 5.0), 1))
            member.car = Car(fuel, float(rng.choice(TANKS)), habit, every)
            chance = rng.random()
            if chance < 0.12:
                member.car.since = _between(world, 0.2, 0.7, rng)
            elif chance < 0.24:
                member.car.until = _between(world, 0.3, 0.8, rng)


def _between(world: World, low: float, high: float, rng: np.random.Generator) -> date:
    return world.start + timedelta(days=int(rng.uniform(low, high) * world.n_days))


def _shares(weights: np.ndarray, stores: list[int]) -> dict[int, float]:
    return {store: float(share) for store, share in zip(stores, weights, strict=True)}
