"""Many patterns in a few arrays, each one item more than its parent."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd


@dataclass(frozen=True, eq=False)
class PatternTree:
    """Sequential patterns as branches of a tree; parents come before their children.

    Attributes
    ----------
    parent : ndarray of int32, shape (n_patterns,)
        The pattern without its last item; -1 if that was all.
    item : ndarray of int32
        Code of the last item: a position in `items`.
    opens : ndarray of bool
        Whether the last item is an event of its own, rather than one more in the last event.
    count : ndarray of int32
        Customers who have the pattern.
    median_gap : ndarray of float
        Periods before the last event; NaN where there is one event, or gaps were not asked for.
    items : Index
    """

    parent: np.ndarray
    item: np.ndarray
    opens: np.ndarray
    count: np.ndarray
    median_gap: np.ndarray
    items: pd.Index

    def __len__(self) -> int:
        return self.parent.size

    def __repr__(self) -> str:
        return f"PatternTree: {len(self):,} patterns of {len(self.items):,} items"

    @cached_property
    def _by_generation(self) -> list[np.ndarray]:
        """Patterns of one item, of two, and so on."""
        born, here, above = np.zeros(len(self), np.int64), np.arange(len(self)), self.parent
        while here.size:
            here, above = here[above >= 0], above[above >= 0]
            born[here] += 1
            above = self.parent[above]
        return np.split(np.argsort(born, kind="stable"), np.cumsum(np.bincount(born))[:-1])

    @cached_property
    def length(self) -> np.ndarray:
        """Items of each pattern."""
        return self._down(lambda here, above: above + 1, 0)

    @cached_property
    def n_events(self) -> np.ndarray:
        """Events of each pattern."""
        return self._down(lambda here, above: above + self.opens[here], 0)

    @cached_property
    def prefix(self) -> np.ndarray:
        """The pattern without its last event; -1 if that was all."""
        return self._down(lambda here, above: np.where(self.opens[here], self.parent[here], above), -1)

    @cached_property
    def last_event(self) -> np.ndarray:
        """The pattern that is the last event alone; frequent, since whoever has the whole has it too."""
        alone = np.flatnonzero(self.prefix < 0)
        keys = (self.parent[alone].astype(np.int64) + 1) * len(self.items) + self.item[alone]
        order = np.argsort(keys)

        def find(here: np.ndarray, above: np.ndarray) -> np.ndarray:
            known = np.where(self.opens[here], -1, above)
            wanted = (known.astype(np.int64) + 1) * len(self.items) + self.item[here]
            return alone[order[np.searchsorted(keys, wanted, sorter=order)]]

        return self._down(find, -1)

    @cached_property
    def order(self) -> np.ndarray:
        """Patterns by length, and within a length by the codes of their items, event after event."""
        rank, parts = np.full(len(self) + 1, -1, dtype=np.int64), []
        for here in self._by_generation:
            parts.append(here[np.lexsort([self.item[here], ~self.opens[here], rank[self.parent[here]]])])
            rank[parts[-1]] = np.arange(here.size)
        return np.concatenate(parts) if parts else np.empty(0, np.int64)

    def _down(self, step: Callable[[np.ndarray, np.ndarray], np.ndarray], first: int) -> np.ndarray:
        """Carry a value from parents to children; `first` is what the patterns of one item inherit."""
        values = np.full(len(self) + 1, first, dtype=np.int64)  # the last place is nobody's: parent -1
        for here in self._by_generation:
            values[here] = step(here, values[self.parent[here]])
        return values[:-1]

    def codes(self, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the items of the chosen patterns, their ends, and which items open an event."""
        length = self.length[chosen]
        ptr = np.concatenate([[0], np.cumsum(length)])
        item, opens = np.empty(ptr[-1], np.int32), np.empty(ptr[-1], np.bool_)
        at, here = ptr[1:] - 1, np.asarray(chosen)
        while at.size:
            item[at], opens[at] = self.item[here], self.opens[here]
            alive = self.parent[here] >= 0
            at, here = at[alive] - 1, self.parent[here][alive]
        return ptr, item, opens

    def tuples(self, chosen: np.ndarray) -> list[tuple[frozenset, ...]]:
        """Return the chosen patterns as tuples of events, an event being a frozenset of items."""
        _, item, opens = self.codes(chosen)
        names = self.items.to_numpy(object)[item]
        bounds = np.append(np.flatnonzero(opens), item.size).tolist()
        single = {name: frozenset([name]) for name in self.items}
        events = [
            single[names[b]] if s == b + 1 else frozenset(names[b:s].tolist())
            for b, s in itertools.pairwise(bounds)
        ]
        at = np.concatenate([[0], np.cumsum(self.n_events[chosen])]).tolist()
        return [tuple(events[b:s]) for b, s in itertools.pairwise(at)]

    def frame(self, n_customers: int) -> pd.DataFrame:
        """Return one row a pattern, by `order`."""
        order = self.order
        count = self.count[order].astype(np.int64)
        return pd.DataFrame(
            {
                "support": count / n_customers,
                "count": count,
                "pattern": pd.Series(self.tuples(order), dtype=object),
                "length": self.length[order],
                "n_events": self.n_events[order],
                "median_gap": self.median_gap[order],
            }
        )
