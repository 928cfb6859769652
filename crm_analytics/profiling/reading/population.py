"""Everybody's lines, coded once, and what questions learn from them."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from crm_analytics.core.errors import SchemaError, nearest
from crm_analytics.profiling.context import Context
from crm_analytics.profiling.reading.household import Household
from crm_analytics.profiling.reading.lines import Lines
from crm_analytics.profiling.reading.products import products_of
from crm_analytics.profiling.reading.stores import Stores, stores_of
from crm_analytics.transactions import TransactionLog

Learnt = TypeVar("Learnt")

_LINES = """
SELECT source_file, line_number, customer_id, transaction_id, occurred_at, quantity, amount, unit_price, store_id,
    item_id AS item, description, category, department, brand
FROM purchases WHERE amount >= 0 AND coalesce(quantity >= 0, TRUE) ORDER BY source_file, line_number"""

_WORDS = ["item", "description", "category", "department", "brand"]


@dataclass(frozen=True)
class Population:
    """The lines of all households, sorted by household and time, with the words behind their codes.

    Attributes
    ----------
    lines : Lines
        All lines. Those of a household lie together, in time order.
    table : DataFrame
        The same lines as the source has them, in the source's order: `Lines.row` is its row.
    households : ndarray
        Household identifiers, by code.
    offsets : ndarray of int64, shape (n_households + 1,)
        Household i has the lines offsets[i] ... offsets[i + 1] - 1.
    names : dict of str to ndarray
        By column ('customer', 'store', 'item', 'category', 'department', 'brand', 'type'): the
        words by code.
    products : DataFrame
        One row a product code: item, description, category, department, brand, type, size.
    tags : DataFrame of bool
        Products × tags.
    stores : Stores
        By store code.
    context : Context
        The tables beside the log.
    as_of : datetime
        First instant not seen.
    """

    lines: Lines
    table: pd.DataFrame
    households: np.ndarray
    offsets: np.ndarray
    names: dict[str, np.ndarray]
    products: pd.DataFrame
    tags: pd.DataFrame
    stores: Stores
    context: Context
    as_of: datetime
    _learnt: dict[Any, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def read(
        cls, log: TransactionLog, context: Context | None = None, as_of: date | datetime | str | None = None
    ) -> "Population":
        """Read the purchases before `as_of` (default: all), with the log's refund policy applied.

        Raises ValueError if no line lies before it, SchemaError if the context's cards miss a
        customer of the log, TypeError if `log` or `context` is something else. Takes about 8 s for
        1.5 million lines.
        """
        if not isinstance(log, TransactionLog):
            raise TypeError(
                f"log must be a TransactionLog (read_log(frame)). Got {type(log).__name__} instead."
            )
        if not (context is None or isinstance(context, Context)):
            raise TypeError(
                f"context must be a Context (Context(cards=..., stores=...)). Got {type(context).__name__} instead."
            )
        context = Context() if context is None else context
        end = log.snapshot(as_of, name="as_of")
        table = log.query_as_of(_LINES, as_of).to_pandas()
        return _population(table, context, end)

    def learn(self, question: Callable[["Population"], Learnt]) -> Learnt:
        """Return `question(self)`, computed once: what a question needs to know of everybody.

        `question` is a function of the module level; the answer must not hold the population.
        """
        if question not in self._learnt:
            self._learnt[question] = question(self)
        return self._learnt[question]

    def tagged(self, *tags: str) -> np.ndarray:
        """Which products carry any of the tags; boolean, shape (n_products,), not to be written to."""
        if tags not in self._learnt:
            found = _any_tag(self.tags, tags)
            found.flags.writeable = False
            self._learnt[tags] = found
        return np.asarray(self._learnt[tags])

    def word(self, column: str, code: int) -> str:
        """The word behind a code; '' where it is unknown."""
        return str(self.names[column][code]) if code >= 0 else ""

    def household(self, household_id: Any) -> Household:
        """One household. Raises ValueError if the log has no line of it."""
        return self.household_at(self.place(household_id))

    def place(self, household_id: Any) -> int:
        """The code of a household. Raises ValueError if the log has no line of it."""
        found = self._places.get(household_id)
        if found is None:
            found = self._places_as_text.get(str(household_id))
        if found is None:
            near = nearest(str(household_id), self._places_as_text)
            known = self.households.tolist()
            hint = (
                f"Give one of them, such as {known[0]!r}."
                if near is None
                else f"Is {known[self._places_as_text[near]]!r} meant?"
            )
            raise ValueError(
                f"household {household_id!r} has no line among the {len(self.households):,} households before "
                f"{self.as_of:%Y-%m-%d}. {hint}"
            )
        return found

    def household_at(self, place: int) -> Household:
        """The household with this code."""
        mine = self.lines.take(slice(self.offsets[place], self.offsets[place + 1]))
        return Household(self.households[place], mine, self)

    @functools.cached_property
    def _places(self) -> dict[Any, int]:
        return {name: place for place, name in enumerate(self.households.tolist())}

    @functools.cached_property
    def _places_as_text(self) -> dict[str, int]:
        return {str(name): place for name, place in self._places.items()}


def _any_tag(tags: pd.DataFrame, wanted: tuple[str, ...]) -> np.ndarray:
    """Products with any of the tags; a tag that no product's table knows is an error of the question."""
    unknown = [tag for tag in wanted if tag not in tags.columns]
    if unknown:
        raise ValueError(f"no such tag: {', '.join(unknown)}. The tag table has {len(tags.columns)} others.")
    return np.asarray(tags[list(wanted)].to_numpy().any(axis=1))


def _population(table: pd.DataFrame, context: Context, end: datetime) -> Population:
    household = _households(table["customer_id"], context)
    household_code, households = pd.factorize(household, sort=True)
    words = table[_WORDS].copy()
    for column in _WORDS:
        words[column] = words[column].astype("str").where(words[column].notna(), "").astype("category")
    product, products = products_of(words)
    at = table["occurred_at"].to_numpy("datetime64[s]")
    customer, customers = pd.factorize(table["customer_id"], sort=True)
    ticket = table["transaction_id"]
    # Without receipt numbers, lines of one card at one instant are one receipt.
    receipt = pd.factorize(ticket)[0] if ticket.notna().any() else np.zeros(len(table), np.int64)
    store, store_ids = pd.factorize(table["store_id"], sort=True)
    begun = (
        pd.Series(at)
        .groupby([customer, store, receipt, at.astype("datetime64[D]")])
        .transform("min")
        .to_numpy()
    )
    if not ticket.notna().any():
        begun = at
    order = np.lexsort((np.arange(len(table)), at, receipt, store, customer, begun, household_code))
    same = np.ones(len(table), dtype=bool)
    for key in (household_code, begun, customer, store, receipt):
        same[1:] &= key[order][1:] == key[order][:-1]
    same[:1] = False
    number = np.cumsum(~same) - 1

    names = {"customer": np.asarray(customers), "store": np.asarray(store_ids)}
    codes: dict[str, np.ndarray] = {}
    for column in ("item", "category", "department", "brand", "type"):
        code, known = pd.factorize(
            products[column].astype(object).where(products[column] != "", None), sort=True
        )
        names[column], codes[column] = np.asarray(known, dtype=object), code.astype(np.int32)

    tags = context.tags.tag(products.rename(columns={"item": "item_id"}))
    lines = Lines(
        row=order.astype(np.int64),
        at=at[order],
        day=at.astype("datetime64[D]").astype(np.int32)[order],
        household=household_code[order].astype(np.int32),
        customer=customer[order].astype(np.int32),
        receipt=number.astype(np.int32),
        store=store[order].astype(np.int32),
        product=product[order],
        **{column: code[product[order]] for column, code in codes.items()},
        quantity=table["quantity"].to_numpy(float)[order],
        amount=table["amount"].to_numpy(float)[order],
        unit_price=_unit_price(table)[order],
        size=products["size"].to_numpy(float)[product[order]],
    )
    n = np.bincount(household_code, minlength=len(households))
    sold = _sold(store, tags[["fuel", "restaurant"]].to_numpy()[product], len(store_ids))
    return Population(
        lines=lines,
        table=table,
        households=np.asarray(households),
        offsets=np.concatenate([[0], np.cumsum(n)]),
        names=names,
        products=products,
        tags=tags,
        stores=stores_of(np.asarray(store_ids), context.stores, sold),
        context=context,
        as_of=end,
    )


def _households(customers: pd.Series, context: Context) -> pd.Series:
    """Each line's household: from the cards, matched as text where the types differ."""
    if context.cards is None:
        return customers
    cards = context.cards.assign(key=context.cards["customer_id"].astype(str)).set_index("key")[
        "household_id"
    ]
    found = customers.map({c: cards.get(str(c)) for c in customers.unique()})
    if found.isna().any():
        without = customers[found.isna()]
        raise SchemaError(
            f"Context: cards has no household for {without.nunique():,} of {customers.nunique():,} customers of the "
            f"log (first: {without.iloc[0]!r}). Add a row for each, or leave cards out."
        )
    return found


def _unit_price(table: pd.DataFrame) -> np.ndarray:
    """Price of a unit as the log gives it, else amount over quantity; nan where neither is known."""
    given = table["unit_price"].to_numpy(float)
    quantity = table["quantity"].to_numpy(float)
    amount = table["amount"].to_numpy(float)
    paid = np.divide(amount, quantity, out=np.full(len(table), np.nan), where=quantity > 0)
    return np.where(np.isfinite(given), given, paid)


def _sold(store: np.ndarray, fuel_meal: np.ndarray, n_stores: int) -> np.ndarray:
    """'fuel' or 'restaurant' where more than half of a store's lines are such, else 'supermarket'."""
    known = store >= 0
    lines = np.bincount(store[known], minlength=n_stores)
    share = [np.bincount(store[known], fuel_meal[known, k], n_stores) / np.maximum(lines, 1) for k in (0, 1)]
    return np.select([share[0] > 0.5, share[1] > 0.5], ["fuel", "restaurant"], "supermarket").astype(object)
