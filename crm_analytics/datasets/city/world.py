"""The world that every household of the city lives in: what is sold, where, when, at what price."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from crm_analytics.datasets.city.catalogue import make_categories, make_products
from crm_analytics.datasets.city.offers import make_promotions, make_withdrawn
from crm_analytics.datasets.city.places import make_stores
from crm_analytics.datasets.city.prices import fuel_factors, shelf_prices, span_matrix
from crm_analytics.transactions.calendar import holiday_calendar

EARTH_RADIUS = 6371.0  # km


@dataclass(frozen=True)
class Shelf:
    """The products of one category, side by side."""

    items: np.ndarray
    rows: np.ndarray  # in the world's products
    brands: np.ndarray  # their names, sorted
    brand: np.ndarray  # of each item, a position in `brands`
    types: np.ndarray
    type: np.ndarray


@dataclass(frozen=True)
class World:
    """Products, stores and days that all households share; [start, end).

    Attributes
    ----------
    start, end : date
    products : DataFrame indexed by item_id
        type, category, department, brand, size (float, in `unit`), unit ("g", "ml", "piece", "l"),
        description, tags (tuple of str), price (lira on the first day), tier (0 cheap, 2 dear),
        weight (popularity inside its category).
    categories : DataFrame indexed by category
        department, rise (a year), rate (items in 30 days of a household that buys it), reach (share
        of households that do), season (month of the peak, 0 for none), swing (height of the peak), clock
        (1 irregular, more is more regular).
    stores : DataFrame indexed by store_id
        name, kind ("supermarket", "fuel", "restaurant", "marina"), town, district, latitude, longitude.
    calendar : DataFrame
        occasion, kind, start, end.
    withdrawn : DataFrame
        item_id, start, end, reason ("delisted", "stock_out"): not on sale in [start, end).
    promotions : DataFrame
        item_id, start, end, off (share of the price).
    seed : int
        Of the prices.
    """

    start: date
    end: date
    products: pd.DataFrame
    categories: pd.DataFrame
    stores: pd.DataFrame
    calendar: pd.DataFrame
    withdrawn: pd.DataFrame
    promotions: pd.DataFrame
    seed: int = 0
    shelves: dict[str, Shelf] = field(init=False, repr=False)
    habits: dict[str, dict[str, Any]] = field(init=False, repr=False)  # rows of `categories`
    tagged: dict[str, np.ndarray] = field(init=False, repr=False)  # tag → whether each product has it
    _shelf: np.ndarray = field(init=False, repr=False)
    _off: np.ndarray = field(init=False, repr=False)
    _absent: np.ndarray = field(init=False, repr=False)
    _fuel: dict[int, np.ndarray] = field(init=False, repr=False)
    delisted: np.ndarray = field(init=False, repr=False)  # items withdrawn for good, ascending
    _kilometres: np.ndarray = field(init=False, repr=False)
    _store_row: np.ndarray = field(init=False, repr=False)
    _answers: dict[tuple, np.ndarray] = field(init=False, repr=False)
    _columns: dict[str, np.ndarray] = field(init=False, repr=False)
    _store_columns: dict[str, np.ndarray] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not np.array_equal(self.products.index, np.arange(len(self.products)) + self.products.index[0]):
            raise ValueError("products must be numbered one after the other.")
        for name, value in self._worked_out().items():
            object.__setattr__(self, name, value)  # frozen for users

    def _worked_out(self) -> dict[str, Any]:
        """Everything that is computed once: arrays are asked thousands of times."""
        products, shape = self.products, (len(self.products), self.n_days)
        columns, habits = _arrays(products), _rows(self.categories)
        shelves = _shelves(products.index.to_numpy(), columns)
        words = sorted({tag for tags in products["tags"] for tag in tags})
        tagged = {tag: np.array([tag in tags for tags in products["tags"]]) for tag in words}
        gone = self.withdrawn["reason"].to_numpy() == "delisted"
        absent, off = (
            self.positions(table["item_id"].to_numpy()) for table in (self.withdrawn, self.promotions)
        )
        shares = self.promotions["off"].to_numpy(float)
        place = np.radians(self.stores[["latitude", "longitude"]].to_numpy(float))
        return {
            "habits": habits,
            "shelves": shelves,
            "tagged": tagged,
            "delisted": np.unique(self.withdrawn["item_id"].to_numpy()[gone]),
            "_answers": {},
            "_columns": columns,
            "_store_columns": _arrays(self.stores),
            "_store_row": _row_of(self.stores.index.to_numpy()),
            "_absent": span_matrix(shape, absent, self._spans(self.withdrawn), 1.0) > 0,
            "_off": span_matrix(shape, off, self._spans(self.promotions), shares),
            "_shelf": shelf_prices(products, self.categories, self.n_days, self.seed),
            "_fuel": fuel_factors(products, self.stores, self.n_days, self.seed),
            "_kilometres": _haversine(place[:, None, :], place[None, :, :]),
        }

    @property
    def n_days(self) -> int:
        """Days from `start` to `end`."""
        return (self.end - self.start).days

    def day_number(self, days: Any) -> np.ndarray:
        """Days since `start`, kept inside the span."""
        number = (np.asarray(days, dtype="datetime64[D]") - np.datetime64(self.start)).astype(np.int64)
        return np.minimum(np.maximum(number, 0), self.n_days - 1)

    def positions(self, items: Any) -> np.ndarray:
        """Row of each item in `products`."""
        return np.asarray(items, dtype=np.int64) - int(self.products.index[0])

    def price(self, items: Any, days: Any, stores: Any = None) -> np.ndarray:
        """Lira for one (fuel: for a litre) on each day, whole cents, with the day's promotion.

        `items` and `days` (datetime64[D]) broadcast; `stores` matter to fuel only, which each
        station sells at its own price.
        """
        items, days = np.broadcast_arrays(
            np.asarray(items, dtype=np.int64), np.asarray(days, "datetime64[D]")
        )
        at, day = self.positions(items.ravel()), self.day_number(days.ravel())
        lira = self._shelf[at, day] * (1 - self._off[at, day])
        fuel = self._columns["is_fuel"][at]
        if stores is not None and fuel.any():
            station = np.broadcast_to(np.asarray(stores, dtype=np.int64), items.shape).ravel()
            for store in np.intersect1d(station[fuel], list(self._fuel)):
                here = fuel & (station == store)
                lira[here] = lira[here] + self._fuel[int(store)][day[here]]
        return np.maximum(np.round(lira, 2), 0.01).reshape(items.shape)

    def on_sale(self, items: Any, days: Any) -> np.ndarray:
        """Whether each item is to be had on each day; `items` and `days` broadcast."""
        items, days = np.broadcast_arrays(
            np.asarray(items, dtype=np.int64), np.asarray(days, "datetime64[D]")
        )
        absent = self._absent[self.positions(items.ravel()), self.day_number(days.ravel())]
        return ~absent.reshape(items.shape)

    def off(self, items: Any, days: Any) -> np.ndarray:
        """Share that the day's promotion takes off each item; `items` and `days` broadcast."""
        items, days = np.broadcast_arrays(
            np.asarray(items, dtype=np.int64), np.asarray(days, "datetime64[D]")
        )
        return self._off[self.positions(items.ravel()), self.day_number(days.ravel())].reshape(items.shape)

    def column(self, name: str) -> np.ndarray:
        """A column of `products` as an array."""
        return self._columns[name]

    def store_column(self, name: str, stores: Any) -> np.ndarray:
        """A column of `stores`, of these stores."""
        return self._store_columns[name][self._store_row[np.asarray(stores, dtype=np.int64)]]

    def find(self, *, tag: str | None = None, **where: Any) -> np.ndarray:
        """item_ids of products with these values, ascending: `category=`, `type=`, `brand=`, `size=`, `tag=`.

        A list of values means any of them.
        """
        asked = tuple((column, _several(value)) for column, value in where.items())
        return self._found(tag, asked).copy()

    def stores_of(
        self, *, kind: Any = None, town: str | None = None, district: str | None = None
    ) -> np.ndarray:
        """store_ids with these values, ascending; `kind` may be a list."""
        kept = np.ones(len(self.stores), dtype=bool)
        for column, value in (("kind", kind), ("town", town), ("district", district)):
            if value is not None:
                kept &= _any_of(self._store_columns[column], _several(value))
        return self.stores.index.to_numpy()[kept]

    def _found(self, tag: str | None, asked: tuple[tuple[str, tuple], ...]) -> np.ndarray:
        """As `find`; facts ask the same questions thousands of times."""
        if (tag, asked) not in self._answers:
            kept = np.ones(len(self.products), dtype=bool)
            for column, values in asked:
                kept &= _any_of(self._columns[column], values)
            if tag is not None:
                kept &= self.tagged.get(tag, False)
            self._answers[tag, asked] = self.products.index.to_numpy()[kept]
        return self._answers[tag, asked]

    def distance_km(self, store_a: int, store_b: int) -> float:
        """Kilometres between two stores as the crow flies."""
        return float(self._kilometres[self._store_row[store_a], self._store_row[store_b]])

    def _spans(self, table: pd.DataFrame) -> np.ndarray:
        """Half-open day numbers of a table of spans, shape (n, 2)."""
        first = np.datetime64(self.start)
        ends = [table[c].to_numpy("datetime64[D]") - first for c in ("start", "end")]
        return np.clip(np.column_stack(ends).astype(np.int64), 0, self.n_days)


def _arrays(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Columns as arrays, which are many times faster to ask; text as fixed-width text."""
    columns = {
        str(name): table[name].to_numpy(float)
        if table[name].dtype.kind in "fiu"
        else table[name].to_numpy().astype(str)
        for name in table.columns
        if name != "tags"
    }
    if "category" in columns:
        columns["is_fuel"] = columns["category"] == "fuel"
    return columns


def _several(value: Any) -> tuple:
    """One value or some of them, as a tuple."""
    return (
        tuple(value) if isinstance(value, Sequence | np.ndarray) and not isinstance(value, str) else (value,)
    )


def _any_of(column: np.ndarray, values: tuple) -> np.ndarray:
    found = np.zeros(column.size, dtype=bool)
    for value in values:
        found |= column == value
    return found


def _row_of(ids: np.ndarray) -> np.ndarray:
    """Row of each id; a row that is not there for what is no id."""
    rows = np.full(ids.max() + 1, ids.size)
    rows[ids] = np.arange(ids.size)
    return rows


def _rows(table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    return {str(name): {str(c): v for c, v in row.items()} for name, row in table.to_dict("index").items()}


def _shelves(items: np.ndarray, columns: dict[str, np.ndarray]) -> dict[str, Shelf]:
    found = {}
    for category in np.unique(columns["category"]):
        rows = np.flatnonzero(columns["category"] == category)
        brands, brand = np.unique(columns["brand"][rows], return_inverse=True)
        types, kind = np.unique(columns["type"][rows], return_inverse=True)
        found[str(category)] = Shelf(items[rows], rows, brands, brand, types, kind)
    return found


def make_world(start: date, end: date, rng: np.random.Generator) -> World:
    """A world of [start, end): the catalogue and the stores are given, the offers and prices drawn."""
    products = make_products()
    return World(
        start=start,
        end=end,
        products=products,
        categories=make_categories(),
        stores=make_stores(),
        calendar=holiday_calendar("TR", range(start.year, end.year + 1)),
        withdrawn=make_withdrawn(products, start, end, rng),
        promotions=make_promotions(products, start, end, rng),
        seed=int(rng.integers(2**31)),
    )


def _haversine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    half = (b - a) / 2
    chord = np.sin(half[..., 0]) ** 2 + np.cos(a[..., 0]) * np.cos(b[..., 0]) * np.sin(half[..., 1]) ** 2
    return 2 * EARTH_RADIUS * np.arcsin(np.sqrt(chord))
