"""A household's lines while facts are planted in them, and what earlier facts rest on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from crm_analytics.datasets.city.households import Plan
from crm_analytics.datasets.city.lines import COLUMNS, lines_table, next_key, next_receipt, priced
from crm_analytics.datasets.city.world import World

Moment = Any  # np.datetime64, of which the type checker knows too many kinds
WHAT, WHEN, BOTH = "what", "when", "both"  # of a line a fact rests on
SPEED, BREAK = 70.0, 420.0  # km/h and seconds between two stores, a little stricter than ordinary journeys
SHOP, FUEL, RESTAURANT = "supermarket", "fuel", "restaurant"


@dataclass(frozen=True)
class Planted:
    """A claim that is true of a household because it was planted.

    Attributes
    ----------
    kind, subject : str
        In the words of the truth table: `("loyalty", "cheese")`.
    value : str
        What is claimed of the subject: `"brand: Çınar"`.
    customer_id : str
        The card it is about; empty if it is about the household.
    start, end : date or None
        Half open; None if it holds all the time.
    keys : tuple of int
        The lines that carry it.
    fact : str
        The planter that made it.
    """

    kind: str
    subject: str = ""
    value: str = ""
    customer_id: str = ""
    start: date | None = None
    end: date | None = None
    keys: tuple[int, ...] = ()
    fact: str = ""


@dataclass
class Held:
    """What planted facts rest on, out of bounds for later ones.

    Attributes
    ----------
    what, when : set of int
        Lines whose product no one may change; lines that no one may move or let another card pay. Those
        in either may not be dropped.
    categories : set of str
        Nothing of them may be added: that they are *not* bought says something.
    away : list of (card, start, end)
        Nothing may be bought near home with this card in [start, end).
    cards : set of str
        Cards whose use is a fact: no line goes from or to them.
    window : tuple of int, optional
        Days of the month in which the large shops fall.
    subjects : set of (kind, subject)
        What has been claimed.
    """

    what: set[int] = field(default_factory=set)
    when: set[int] = field(default_factory=set)
    categories: set[str] = field(default_factory=set)
    away: list[tuple[str, Moment, Moment]] = field(default_factory=list)
    cards: set[str] = field(default_factory=set)
    window: tuple[int, int] | None = None
    subjects: set[tuple[str, str]] = field(default_factory=set)


class Draft:
    """The lines as arrays, one edit after the other.

    Every edit keeps what is held: lines that carry a fact are not dropped, nor changed or moved
    where that would touch it. Prices follow item and day.

    Parameters
    ----------
    world : World
    plan : Plan
    lines : DataFrame
    rng : numpy Generator
    held : Held
    """

    def __init__(self, world: World, plan: Plan, lines: pd.DataFrame, rng: np.random.Generator, held: Held):
        self.world, self.plan, self.rng, self.held = world, plan, rng, held
        self.data = {name: lines[name].to_numpy(copy=True) for name in COLUMNS}
        self.next_key, self.next_receipt = next_key(lines), next_receipt(lines)
        self.made: list[Planted] = []
        self.bound = frozenset(held.when)  # by earlier facts

    # What there is ------------------------------------------------------------------------

    def __getattr__(self, name: str) -> Any:
        data = self.__dict__.get("data", {})
        if name in data:
            return data[name]
        raise AttributeError(name)

    @property
    def day(self) -> np.ndarray:
        """Day of each line (datetime64[D])."""
        return self.occurred_at.astype("datetime64[D]")

    def product(self, column: str, items: Any = None) -> np.ndarray:
        """A column of the product table for each line, or for `items`."""
        items = self.item_id if items is None else np.asarray(items, dtype=np.int64)
        return self.world.column(column)[self.world.positions(items)]

    def store(self, column: str, stores: Any = None) -> np.ndarray:
        """A column of the store table for each line, or for `stores`."""
        return self.world.store_column(column, self.store_id if stores is None else np.asarray(stores))

    def tagged(self, tag: str, items: Any = None) -> np.ndarray:
        """Whether the product of each line (or each of `items`) has a tag."""
        items = self.item_id if items is None else np.asarray(items, dtype=np.int64)
        return self.world.tagged[tag][self.world.positions(items)]

    @property
    def free(self) -> np.ndarray:
        """Whether the product of each line may be changed."""
        return ~np.isin(self.key, _sorted(self.held.what))

    @property
    def loose(self) -> np.ndarray:
        """Whether each line may be moved, or paid with another card."""
        return ~np.isin(self.key, _sorted(self.held.when))

    @property
    def spare(self) -> np.ndarray:
        """Whether each line may be dropped."""
        return self.free & self.loose

    @property
    def shop(self) -> np.ndarray:
        """Whether each line is of a supermarket in the household's own town."""
        return (self.store("kind") == SHOP) & self.near

    @property
    def near(self) -> np.ndarray:
        """Whether each line is of a store in the household's own town."""
        return self.store("town") == self.home_town

    @property
    def home_town(self) -> str:
        """Town of the household's home."""
        return str(self.store("town", list(self.plan.home_stores)[:1])[0])

    @property
    def home_store(self) -> int:
        """The supermarket near home with most receipts."""
        shop = self.shop
        stores, counts = np.unique(self.store_id[shop], return_counts=True)
        return int(stores[counts.argmax()])

    def open(self, category: str) -> bool:
        """Whether no fact rests on a category as a whole."""
        return category not in self.held.categories

    def shops(self, least: int = 1) -> pd.DataFrame:
        """Receipts of supermarkets near home with at least `least` lines, in order of time.

        One row a receipt, indexed by it: customer_id, occurred_at, store_id, lines, loose.
        """
        return self._receipts(self.shop, least)

    def _receipts(self, mask: np.ndarray, least: int = 1) -> pd.DataFrame:
        index = np.flatnonzero(mask)
        index = index[np.lexsort((self.key[index], self.receipt[index], self.occurred_at[index]))]
        ids, first, count = np.unique(self.receipt[index], return_index=True, return_counts=True)
        order = np.argsort(first, kind="stable")
        ids, first, count = ids[order], index[first[order]], count[order]
        bound = np.unique(self.receipt[~self.loose])
        table = pd.DataFrame(
            {
                "customer_id": self.customer_id[first],
                "occurred_at": self.occurred_at[first],
                "store_id": self.store_id[first],
                "lines": count,
                "loose": ~np.isin(ids, bound),
            },
            index=ids,
        )
        return table[table["lines"] >= least]

    def counts(self, mask: np.ndarray | None = None) -> pd.Series:
        """Free lines of each category with no fact resting on it, most first."""
        kept = self.shop & self.free if mask is None else mask & self.free
        names, n = np.unique(self.product("category")[kept].astype(str), return_counts=True)
        found = pd.Series(n, index=names)
        found = found[[name not in self.held.categories for name in names]]
        return found.sort_values(ascending=False, kind="stable")

    def is_away(self, card: str, at: Any, margin: int = 0) -> bool:
        """Whether a card is away from home on a day, or was or will be within `margin` days."""
        day, slack = np.datetime64(at, "D"), np.timedelta64(margin, "D")
        spans = [(start, end) for held, start, end in self.held.away if held == card]
        for stay in self.plan.stays:
            if any(self.plan.members[m].card == card for m in stay.members):
                spans.append((np.datetime64(stay.start, "D"), np.datetime64(stay.end, "D")))
        return any(start - slack <= day < end + slack for start, end in spans)

    # What may be changed --------------------------------------------------------------------

    def drop(self, mask: np.ndarray) -> None:
        """Take masked lines away, as far as no fact rests on them."""
        keep = ~(mask & self.spare)
        self.data = {name: values[keep] for name, values in self.data.items()}

    def drop_at(self, where: np.ndarray) -> None:
        """Take lines at these positions away, as far as no fact rests on them."""
        mask = np.zeros(self.key.size, dtype=bool)
        mask[where] = True
        self.drop(mask)

    def replace(self, where: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Put `items` in place of those of lines (positions); -1 keeps one. Return the keys changed."""
        changed = self.free[where] & (np.asarray(items) >= 0)
        where, items = np.asarray(where)[changed], np.asarray(items)[changed]
        weighed = self.product("unit", self.item_id[where]) != self.product("unit", items)
        self.item_id[where] = items
        self.quantity[where[weighed]] = 1.0
        self.reprice(where)
        return self.key[where]

    def put(
        self, receipt: int, items: Iterable[int], quantities: Sequence[float] | None = None
    ) -> np.ndarray:
        """Add items to a receipt; return their keys."""
        like = int(np.flatnonzero(self.receipt == receipt)[0])
        return self._append(
            self.customer_id[like], receipt, self.occurred_at[like], self.store_id[like], items, quantities
        )

    def ring(
        self,
        card: str,
        store: int,
        at: Moment,
        items: Iterable[int],
        quantities: Sequence[float] | None = None,
    ) -> np.ndarray:
        """Add a receipt; return the keys of its lines."""
        self.next_receipt += 1
        return self._append(card, self.next_receipt - 1, np.datetime64(at, "s"), store, items, quantities)

    def _append(
        self, card: str, receipt: int, at: Any, store: int, items: Iterable[int], quantities: Any
    ) -> np.ndarray:
        items = np.asarray(list(items), dtype=np.int64)
        n = items.size
        keys = np.arange(self.next_key, self.next_key + n)
        self.next_key += n
        new = {
            "key": keys,
            "customer_id": np.full(n, card, dtype=object),
            "receipt": np.full(n, receipt),
            "occurred_at": np.full(n, np.datetime64(at, "s")),
            "store_id": np.full(n, store),
            "item_id": items,
            "quantity": np.ones(n) if quantities is None else np.asarray(quantities, dtype=float),
            "unit_price": np.zeros(n),
            "amount": np.zeros(n),
            "discount": np.zeros(n),
        }
        self.data = {
            name: np.concatenate([values, new[name].astype(values.dtype)])
            for name, values in self.data.items()
        }
        self.reprice(np.arange(self.key.size - n, self.key.size))
        return keys

    def move(self, mask: np.ndarray, receipt: int) -> None:
        """Move lines to another receipt, those that may be and are on sale then."""
        like = int(np.flatnonzero(self.receipt == receipt)[0])
        where = np.flatnonzero(mask & self.loose)
        where = where[self.world.on_sale(self.item_id[where], self.day[like])]
        for name in ("customer_id", "receipt", "occurred_at", "store_id"):
            self.data[name][where] = self.data[name][like]
        self.reprice(where)

    def shift(self, receipt: int, at: Moment) -> bool:
        """Move a whole receipt to another time, if all of it may be and is on sale then."""
        where = np.flatnonzero(self.receipt == receipt)
        day = np.datetime64(at, "D")
        if not (self.loose[where].all() and self.world.on_sale(self.item_id[where], day).all()):
            return False
        self.occurred_at[where] = np.datetime64(at, "s")
        self.reprice(where)
        return True

    def reaches(self, card: str, store: int, at: Moment, apart_from: int = -1) -> bool:
        """Whether the holder of a card can be in a store then, given where the card is used before and after."""
        gap = np.abs((self.occurred_at - np.datetime64(at, "s")).astype(float))
        near = np.flatnonzero((gap < 20 * 3600) & (self.customer_id == card) & (self.receipt != apart_from))
        needs = [
            self.world.distance_km(store, int(other)) / SPEED * 3600 + BREAK for other in self.store_id[near]
        ]
        same = self.store_id[near] == store
        return bool((same | (gap[near] >= np.array(needs))).all())

    def give(self, receipts: Iterable[int], card: str) -> None:
        """Let another card pay whole receipts, where its holder can have been there."""
        loose = self.loose
        for receipt in receipts:
            where = np.flatnonzero(self.receipt == receipt)
            first = where[0]
            if self.customer_id[first] == card or not loose[where].all():
                continue
            if self.reaches(card, int(self.store_id[first]), self.occurred_at[first], receipt):
                self.customer_id[where] = card

    def reprice(self, where: np.ndarray) -> None:
        """Let lines (positions) cost what their products cost in that store on that day."""
        if where.size:
            paid = priced(
                self.world,
                self.store_id[where],
                self.occurred_at[where],
                self.item_id[where],
                self.quantity[where],
            )
            for name, values in zip(("unit_price", "amount", "discount"), paid, strict=True):
                self.data[name][where] = values

    def refuel(self, line: int, amount: float) -> None:
        """Let a line of fuel cost so many lira; litres follow."""
        self.reprice(np.array([line]))
        self.amount[line] = round(amount, 2)
        self.quantity[line] = round(amount / self.unit_price[line], 3)
        self.discount[line] = 0.0

    def unpair(self, category: str) -> None:
        """Let the plan not say that a category goes with another: the lines no longer do."""
        self.plan.companions = [pair for pair in self.plan.companions if category not in pair[:2]]

    # What to buy ------------------------------------------------------------------------------

    def pick(self, items: Any, days: np.ndarray, *, weights: np.ndarray | None = None) -> np.ndarray:
        """One of `items` on sale for each day, by popularity or `weights`; -1 where none is."""
        items = np.asarray(items, dtype=np.int64)
        days = np.asarray(days, dtype="datetime64[D]")
        if not items.size:
            return np.full(days.size, -1)
        weight = self.product("weight", items).astype(float) if weights is None else weights
        sale = self.world.on_sale(items[None, :], days[:, None])
        mass = np.cumsum(sale * weight, axis=1)
        drawn = self.rng.random(days.size) * mass[:, -1]
        place = (mass <= drawn[:, None]).sum(axis=1)
        return np.where(mass[:, -1] > 0, items[np.minimum(place, items.size - 1)], -1)

    def find(self, **where: Any) -> np.ndarray:
        """Items of the world, never withdrawn for good, with these attributes.

        Nothing for a baby, a cat or a man where there is none, unless all that is found is of that sort or
        was asked for by type, tag or description.
        """
        items = self.world.find(**where)
        items = items[~np.isin(items, self.world.delisted)]
        if {"type", "tag", "description"} & where.keys():
            return items
        suits = items[~self._unsuitable[self.world.positions(items)]]
        return suits if suits.size else items

    @cached_property
    def _unsuitable(self) -> np.ndarray:
        """Whether each product is for somebody who does not live here."""
        roles = {member.role for member in self.plan.members}
        sexes = {member.sex for member in self.plan.members if member.role == "adult"}
        wanted = {name: name in roles for name in ("baby", "child", "cat", "dog")}
        wanted |= {"men_care": "m" in sexes, "women_care": "f" in sexes, "hair_loss": False}
        wanted |= {"lactose_free": False, "gluten_free": False}
        missing = [
            self.world.tagged[tag] for tag, there in wanted.items() if not there and tag in self.world.tagged
        ]
        return np.logical_or.reduce(missing)

    # What is claimed ----------------------------------------------------------------------------

    def claim(self, kind: str, subject: str = "", value: str = "", *, rests: str = BOTH, **more: Any) -> None:
        """Record a claim; its lines are held from now on: what they are, when they are, or both."""
        keys = tuple(sorted({int(key) for key in more.pop("keys", ())}))
        self.keep(keys, rests)
        self.held.subjects.add((kind, subject))
        start, end = (_date(more.pop(name, None)) for name in ("start", "end"))
        self.made.append(Planted(kind, str(subject), value, start=start, end=end, keys=keys, **more))

    def hold(self, category: str, rests: str = BOTH) -> None:
        """Let nobody touch a category: its lines are held and none are added."""
        self.held.categories.add(category)
        self.keep(self.key[self.product("category") == category], rests)

    def keep(self, keys: Iterable[int], rests: str = BOTH) -> None:
        """Hold lines."""
        known = {int(key) for key in keys}
        if rests in (BOTH, WHAT):
            self.held.what |= known
        if rests in (BOTH, WHEN):
            self.held.when |= known

    def done(self) -> tuple[pd.DataFrame, list[Planted]]:
        """The lines in order of time, and the claims."""
        lines = lines_table(**self.data)
        order = np.lexsort((self.key, self.receipt, self.occurred_at))
        return lines.iloc[order].reset_index(drop=True), self.made


def _sorted(values: set[int]) -> np.ndarray:
    return np.array(sorted(values), dtype=np.int64)


def _date(value: Any) -> date | None:
    return None if value is None else pd.Timestamp(value).date()
