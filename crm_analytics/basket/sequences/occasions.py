"""Occasions in any usual form, made ready for mining."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd

from crm_analytics.core.errors import SchemaError, choice
from crm_analytics.core.tables import require_columns
from crm_analytics.features.baskets import Baskets, canonical, coded
from crm_analytics.features.histories import OCCASIONS, Histories, purchase_histories
from crm_analytics.features.periods import period_numbers

COLUMNS = ["customer_id", "occurred_at", "item_id"]


@dataclass(frozen=True, eq=False)
class Occasions:
    """Baskets of each customer in order, with the number of the period of each.

    Attributes
    ----------
    baskets : Baskets
        One row an occasion, customer by customer.
    indptr : ndarray of int64, shape (n_customers + 1,)
        Customer i has the occasions `indptr[i]` to `indptr[i + 1] - 1`; perhaps none.
    times : ndarray of datetime64[us] or None
        None for plain sequences, which have positions only.
    customers : Index
        Ids, or positions of plain sequences.
    """

    baskets: Baskets
    indptr: np.ndarray
    times: np.ndarray | None
    customers: pd.Index

    def numbers(self, unit: str) -> np.ndarray:
        """Return the number of each occasion's period, or its place in its sequence ("event")."""
        if unit != "event" and self.times is not None:
            return period_numbers(self.times, unit)
        lengths = np.diff(self.indptr)
        return np.arange(self.indptr[-1]) - np.repeat(self.indptr[:-1], lengths)


def as_occasions(
    data: Any, *, level: str = "item_id", occasion: str = "transaction", caller: str
) -> Occasions:
    """Read a log, `Histories`, a frame of lines or a list of sequences, see `SequentialPatterns.fit`."""
    if hasattr(data, "query_as_of"):
        data = purchase_histories(data, level=level, occasion=occasion)
    if isinstance(data, Histories):
        return Occasions(data.baskets, data.indptr, data.times, data.customers)
    if hasattr(data, "to_pandas") and not isinstance(data, pd.DataFrame):
        data = data.to_pandas()
    if isinstance(data, pd.DataFrame):
        return _from_lines(data, occasion, caller)
    return _from_lists(data, caller)


def _from_lines(frame: pd.DataFrame, occasion: str, caller: str) -> Occasions:
    choice(occasion, name="occasion", allowed=OCCASIONS)
    require_columns(frame, COLUMNS, caller=caller)
    for column in COLUMNS:
        missing = frame[column].isna().to_numpy()
        if missing.any():
            raise SchemaError(
                f"{caller}: {column} is missing in {missing.sum():,} of {len(frame):,} lines "
                f"(first at row {missing.argmax():,}). Drop those lines or fill them in."
            )
    if not pd.api.types.is_datetime64_dtype(frame["occurred_at"]):
        raise SchemaError(
            f"{caller}: occurred_at must be times without a zone, but has dtype {frame['occurred_at'].dtype}. "
            "Convert it with pd.to_datetime first."
        )
    times = frame["occurred_at"].to_numpy("datetime64[us]")
    customer, customers = coded(frame["customer_id"])
    codes, items = coded(frame["item_id"])
    if occasion != "transaction":
        keys = [period_numbers(times, occasion)]
    elif "transaction_id" in frame.columns:
        keys = [period_numbers(times, "D"), pd.factorize(frame["transaction_id"])[0]]
    else:
        keys = [times.astype(np.int64)]
    # An occasion begins with its first line; occasions then go by customer and that time.
    lines = np.lexsort([times, *keys[::-1], customer])
    new = np.logical_or.reduce([np.diff(key[lines], prepend=-1) != 0 for key in [customer, *keys]])
    new[:1] = True
    begun = np.repeat(times[lines[new]], np.diff(np.append(np.flatnonzero(new), len(lines))))
    occasion_of = np.cumsum(new) - 1
    first = np.flatnonzero(new)
    order = np.lexsort([times[lines[first]], customer[lines[first]]])
    place = np.empty(first.size, np.int64)
    place[order] = np.arange(first.size)
    owner = customer[lines[first]][order]
    return Occasions(
        baskets=canonical(place[occasion_of], codes[lines], first.size, items),
        indptr=np.searchsorted(owner, np.arange(len(customers) + 1)).astype(np.int64),
        times=begun[first][order],
        customers=customers,
    )


def _from_lists(data: Iterable[Any], caller: str) -> Occasions:
    if isinstance(data, str | bytes | dict) or not isinstance(data, Iterable):
        raise SchemaError(
            f"{caller}: expected a log, Histories, a frame or a list of sequences, but got "
            f"{type(data).__name__}."
        )
    sequences = list(data)
    odd = {kind for kind in set(map(type, sequences)) if not _holds_events(kind)}
    if odd:
        i = next(i for i, sequence in enumerate(sequences) if type(sequence) in odd)
        raise SchemaError(
            f"{caller}: a sequence must be a list of items or of itemsets in order, but sequence {i:,} is "
            f"{sequences[i]!r}."
        )
    lengths = np.fromiter(map(len, sequences), np.int64, len(sequences))
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    values, n_events = list(chain.from_iterable(sequences)), int(indptr[-1])
    kinds, sizes = set(map(type, values)), None
    many = {kind for kind in kinds if issubclass(kind, list | tuple | set | frozenset)}
    if many:
        events = [event if type(event) in many else (event,) for event in values]
        sizes = np.fromiter(map(len, events), np.int64, n_events)
        values = list(chain.from_iterable(events))
        kinds = set(map(type, values))
    codes, items = _coded(values, kinds)
    if (codes < 0).any():
        rows = np.arange(n_events) if sizes is None else np.repeat(np.arange(n_events), sizes)
        owner = np.searchsorted(indptr, rows[codes < 0], side="right") - 1
        raise SchemaError(
            f"{caller}: an item is missing in {np.unique(owner).size:,} of {len(sequences):,} sequences "
            f"(first in sequence {owner[0]:,}). Leave missing items out."
        )
    if sizes is None:
        baskets = Baskets(np.arange(n_events + 1), codes.astype(np.int32), items)
    else:
        baskets = canonical(np.repeat(np.arange(n_events), sizes), codes, n_events, items)
    return Occasions(baskets, indptr, None, pd.RangeIndex(len(sequences)))


def _holds_events(kind: type) -> bool:
    return issubclass(kind, Iterable) and not issubclass(kind, str | bytes | dict | set | frozenset)


def _coded(values: list[Any], kinds: set[type]) -> tuple[np.ndarray, pd.Index]:
    """Code a list, see `coded`; whole numbers close together by a table, which is soonest."""
    if values and kinds <= {int, np.int64, np.int32}:
        try:
            numbers = np.fromiter(values, np.int64, len(values))
        except OverflowError:
            pass
        else:
            lowest, highest = int(numbers.min()), int(numbers.max())
            if highest - lowest > 4 * len(values):
                return coded(numbers)
            held = np.zeros(highest - lowest + 1, np.bool_)
            held[numbers - lowest] = True
            return (np.cumsum(held, dtype=np.int32) - 1)[numbers - lowest], pd.Index(
                np.flatnonzero(held) + lowest
            )
    plain = np.empty(len(values), dtype=object)
    plain[:] = values
    return coded(plain)
