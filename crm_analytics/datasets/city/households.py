"""What decides how a household of the city behaves: its members, their tastes, rhythm and journeys."""

from dataclasses import dataclass, field
from datetime import date

import numpy as np

from crm_analytics.datasets.city.world import World


@dataclass
class Car:
    """A car: what it drinks, how much, and how its driver pays."""

    fuel: str  # petrol, premium, diesel
    tank: float  # litres
    habit: str  # full_tank, round_money, mixed
    every_days: float = 14.0  # mean days between refuellings
    since: date | None = None  # None: before the log begins
    until: date | None = None  # None: still there when it ends


@dataclass
class Member:
    """One who lives in the household; without a card they leave no lines of their own."""

    sex: str  # f, m ("" for a pet)
    birth_year: int
    role: str  # adult, child, baby, cat, dog
    card: str | None = None
    born: date | None = None  # of a baby
    work_place: str | None = None  # district of work
    lunches: float = 0.0  # restaurant lunches near work in 30 days
    car: Car | None = None
    married: bool = False
    email_domain: str = ""


@dataclass
class Taste:
    """How a household buys one category.

    `weights` of `items` (all of the category, in the order of `World.find`) are chances that
    sum to 1. `repeat` > 0 is the chance of taking again what was taken last time; < 0 means that the
    last items are shunned, the more the nearer to -1.
    """

    rate: float  # purchases in 30 days at home
    items: np.ndarray
    weights: np.ndarray
    repeat: float = 0.0
    since: date | None = None  # not bought before
    until: date | None = None  # not bought from here on
    pause: tuple[date, date] | None = None  # not bought in [start, end)
    switch: tuple[date, np.ndarray] | None = None  # other weights from this day on

    def share(self, world: World, **where: str) -> float:
        """Chance that a purchase has these values, such as `brand="Çınar"`."""
        return float(self.weights[np.isin(self.items, world.find(**where))].sum())

    def favour(self, world: World, share: float, **where: str) -> None:
        """Give the items with these values this share of the choices, the others the rest."""
        chosen = np.isin(self.items, world.find(**where))
        if not chosen.any():
            raise ValueError(f"no item of this taste has {where!r}.")
        self.weights = towards(self.weights, chosen, share)


def towards(weights: np.ndarray, chosen: np.ndarray, share: float) -> np.ndarray:
    """Weights that give the chosen items this share, and the others the rest, each part as it was inside."""
    moved = np.zeros(weights.size)
    for part, total in ((chosen, share), (~chosen, 1 - share)):
        if part.any():
            mass = weights[part].sum()
            moved[part] = total * (weights[part] / mass if mass > 0 else 1 / part.sum())
    return moved / moved.sum()


@dataclass
class Rhythm:
    """When a household shops."""

    topups: float  # small shops in 30 days
    main_every: float | None = None  # days between stock-up shops; None: no such mission
    main_size: float = 8.0  # how much more a stock-up brings than a top-up
    payday: int | None = None  # day of the month on which stock-up shops fall
    regularity: float = 1.5  # shape of the gamma gaps between visits; 1 is pure chance
    weekdays: np.ndarray = field(default_factory=lambda: np.ones(7))  # Monday first; relative
    hours: np.ndarray = field(default_factory=lambda: np.ones(24))  # relative


@dataclass
class Stay:
    """Days away in a town, [start, end); `members` are positions in the plan's members."""

    town: str
    start: date
    end: date
    members: tuple[int, ...]
    own_place: bool = False  # own or family house, where one also cleans and cooks; else a hotel


@dataclass
class Plan:
    """Everything that decides how a household behaves; may be changed before it is simulated."""

    household_id: str
    members: list[Member]
    kind: str  # single, couple, family, elderly, shared
    home_district: str
    home_stores: dict[int, float]  # store_id → share of the visits near home
    fuel_stores: dict[int, float]
    budget: float  # items in 30 days, in all categories together
    tastes: dict[str, Taste]
    rhythm: Rhythm
    stays: list[Stay] = field(default_factory=list)
    shopper_share: float = 1.0  # of home shops, on the first card
    price_sense: float = 1.0  # how much promotions move choices
    celebrates: tuple[str, ...] = ()  # occasions that it shops for
    companions: list[tuple[str, str, float]] = field(default_factory=list)  # with a, also b, this often
    work_stores: dict[int, float] = field(default_factory=dict)  # share of the weekday visits made near work
    guests: list[date] = field(default_factory=list)  # days with visitors
    forgets: float = 0.004  # chance that a second receipt follows minutes after one
    diets: dict[str, float] = field(default_factory=dict)  # tag → share of choices, where offered
    owner: bool = False  # of the home
    traits: dict[str, str] = field(default_factory=dict)  # further words, for whoever plants facts

    @property
    def cards(self) -> list[str]:
        """Cards of the household, the main shopper's first."""
        return [member.card for member in self.members if member.card is not None]

    def holder(self, card: str) -> Member:
        """The member who holds a card."""
        return next(member for member in self.members if member.card == card)

    def away(self, world: World) -> np.ndarray:
        """Whether each member is away on each day of the world, shape (n_members, n_days)."""
        gone = np.zeros((len(self.members), world.n_days), dtype=bool)
        for stay in self.stays:
            first, last = ((day - world.start).days for day in (stay.start, stay.end))
            gone[list(stay.members), max(first, 0) : max(last, 0)] = True
        return gone
