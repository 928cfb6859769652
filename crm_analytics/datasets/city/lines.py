"""The working table of one household: its receipt lines before they become a log."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from crm_analytics.datasets.city.world import World

COLUMNS = {
    "key": "int64",  # of the line, unique in the household
    "customer_id": "object",  # the card
    "receipt": "int64",  # unique in the household
    "occurred_at": "datetime64[s]",
    "store_id": "int64",
    "item_id": "int64",
    "quantity": "float64",  # litres of fuel
    "unit_price": "float64",  # paid for one, promotion taken off
    "amount": "float64",
    "discount": "float64",  # what promotions took off the line
}


def lines_table(**columns: Any) -> pd.DataFrame:
    """A table of lines with the right types; without columns an empty one."""
    given = {name: np.asarray(columns.get(name, [])).astype(kind) for name, kind in COLUMNS.items()}
    given["customer_id"] = pd.Series(given["customer_id"], dtype=object)  # type: ignore[assignment]
    return pd.DataFrame(given)


def next_key(lines: pd.DataFrame) -> int:
    """A key that no line has yet, nor any above it."""
    return int(lines["key"].max()) + 1 if len(lines) else 0


def next_receipt(lines: pd.DataFrame) -> int:
    """A receipt number that is not taken yet."""
    return int(lines["receipt"].max()) + 1 if len(lines) else 0


def priced(
    world: World, stores: Any, at: Any, items: Any, quantities: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit price, amount and discount of lines, in lira and whole cents."""
    days = np.asarray(at, "datetime64[s]").astype("datetime64[D]")
    unit = world.price(items, days, stores)
    quantity = np.asarray(quantities, dtype=float)
    amount = np.maximum(np.round(unit * quantity, 2), 0.01)
    off = world.off(items, days)
    return unit, amount, np.round(amount * off / (1 - off), 2)


def receipt(
    world: World,
    card: str,
    store_id: int,
    at: Any,
    items: Sequence[int] | np.ndarray,
    quantities: Sequence[float] | np.ndarray | None = None,
    *,
    after: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """The lines of one receipt, priced as of the day; keys and number follow those of `after`.

    Raises ValueError if an item is not on sale that day.
    """
    items = np.asarray(items, dtype=np.int64)
    quantity = np.ones(items.size) if quantities is None else np.asarray(quantities, dtype=float)
    moment = np.datetime64(at, "s")
    missing = items[~world.on_sale(items, moment.astype("datetime64[D]"))]
    if missing.size:
        raise ValueError(f"items {missing.tolist()} are not on sale on {moment.astype('datetime64[D]')}.")
    unit, amount, discount = priced(world, store_id, moment, items, quantity)
    first = 0 if after is None else next_key(after)
    return lines_table(
        key=np.arange(first, first + items.size),
        customer_id=np.full(items.size, card, dtype=object),
        receipt=np.full(items.size, 0 if after is None else next_receipt(after)),
        occurred_at=np.full(items.size, moment),
        store_id=np.full(items.size, store_id),
        item_id=items,
        quantity=quantity,
        unit_price=unit,
        amount=amount,
        discount=discount,
    )


def fuel_receipt(
    world: World,
    card: str,
    store_id: int,
    at: Any,
    item: int,
    *,
    amount: float | None = None,
    litres: float | None = None,
    after: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """The line of one refuelling: so many lira of fuel, or so many litres."""
    if (amount is None) == (litres is None):
        raise ValueError("give one of amount and litres.")
    line = receipt(world, card, store_id, at, [item], [1.0], after=after)
    price = float(line["unit_price"].iloc[0])
    paid = round(amount if amount is not None else float(litres or 0) * price, 2)
    return line.assign(quantity=round(paid / price, 3), amount=paid, discount=0.0)


def joined(*tables: pd.DataFrame) -> pd.DataFrame:
    """Tables of lines one below the other, in the order of time, receipt and key."""
    kept = [table for table in tables if len(table)]
    if not kept:
        return lines_table()
    whole = pd.concat(kept, ignore_index=True)
    return whole.sort_values(["occurred_at", "receipt", "key"], kind="stable", ignore_index=True)
