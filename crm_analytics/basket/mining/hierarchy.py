"""Products and the groups above them, mined together: "green tea" and "category: TEA"."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numba import njit

from crm_analytics.basket.mining.itemset_arrays import find_itemset
from crm_analytics.basket.mining.rule_kernel import ItemsetIndex, RuleSides
from crm_analytics.basket.mining.significance import upper_tail
from crm_analytics.core.errors import SchemaError
from crm_analytics.features import Baskets
from crm_analytics.features.baskets import canonical


@dataclass(frozen=True, eq=False)
class Hierarchy:
    """Each item's groups; made by `read_hierarchy`.

    Attributes
    ----------
    groups : DataFrame
        Indexed by item; a column a level, the nearest first; names such as "category: TEA",
        None where an item has no group.
    """

    groups: pd.DataFrame

    def require_known(self, items: pd.Index) -> None:
        """Raise SchemaError if the hierarchy knows none of the items."""
        if len(items) and (self.groups.index.get_indexer(items) < 0).all():
            raise SchemaError(
                f"hierarchy: none of {len(items):,} items is in it; items are such as {items[0]!r}, and the hierarchy "
                f"has {self.groups.index[0]!r}. Index it by the items."
            )

    def extend(self, baskets: Baskets) -> Baskets:
        """Return the baskets with the groups of their items put in, each once.

        Items that the hierarchy does not know have none. Raises SchemaError if an item has the
        name of a group.
        """
        place = self.groups.index.get_indexer(baskets.items)
        flat, names = pd.factorize(self.groups.to_numpy(object).T.ravel())  # None becomes -1
        codes = np.asarray(flat).reshape(self.groups.shape[::-1])
        twice = baskets.items.intersection(pd.Index(names, dtype=object))
        if len(twice):
            raise SchemaError(f"hierarchy: {twice[0]!r} is an item and a group. Rename the level.")
        items = pd.Index([*baskets.items.to_numpy(object), *names], dtype=object, tupleize_cols=False)
        rows = np.repeat(np.arange(len(baskets)), np.diff(baskets.indptr))
        all_rows, all_codes = [rows], [baskets.indices]
        for level in codes:
            of_item = np.where(place >= 0, level[place], -1)[baskets.indices]
            all_rows.append(rows[of_item >= 0])
            all_codes.append(of_item[of_item >= 0] + len(baskets.items))
        return canonical(np.concatenate(all_rows), np.concatenate(all_codes), len(baskets), items)

    def related(self, items: pd.Index) -> np.ndarray:
        """Mark the pairs of which one is above the other, shape (n_items, n_items), symmetric.

        Ask it for frequent items only: the array has the square of their number.
        """
        found = np.zeros((len(items), len(items)), dtype=bool)
        chain = [items.get_indexer(pd.Index(self.groups.index.to_numpy(object)))]
        chain += [items.get_indexer(pd.Index(self.groups[level])) for level in self.groups]
        for near in range(len(chain)):
            for far in range(near + 1, len(chain)):
                both = (chain[near] >= 0) & (chain[far] >= 0)
                found[chain[near][both], chain[far][both]] = True
        found |= found.T
        np.fill_diagonal(found, False)
        return found

    def parents(self, items: pd.Index) -> np.ndarray:
        """Return the position in `items` of each one's nearest group; -1 if it has none or several."""
        found = np.full(len(items), -1, dtype=np.int64)
        chain = [pd.Series(self.groups.index.to_numpy(object), index=self.groups.index)]
        chain += [self.groups[level] for level in self.groups]
        for near in range(len(chain) - 1):
            above = pd.concat(chain[near + 1 :], axis=1).bfill(axis=1).iloc[:, 0]
            pairs = pd.DataFrame({"node": chain[near], "parent": above}).dropna().drop_duplicates()
            pairs = pairs.drop_duplicates("node", keep=False)  # a group under two parents has no one parent
            node, parent = (items.get_indexer(pd.Index(pairs[side])) for side in ("node", "parent"))
            both = (node >= 0) & (parent >= 0)
            found[node[both]] = parent[both]
        return found


def read_hierarchy(hierarchy: Any) -> Hierarchy:
    """Return the groups of items from a mapping or a frame.

    Parameters
    ----------
    hierarchy : mapping or Series of item to group, or DataFrame
        A frame is indexed by item, with a column for each level, the nearest first, as in
        `item_table(log)[["category", "department"]]`. Missing values mean no group.

    Returns
    -------
    Hierarchy, whose groups are named "level: group", where the level is the column's or the
    Series' name, or "group"; so a group never is mistaken for an item of the same name.

    Examples
    --------
    >>> read_hierarchy({"green tea": "TEA", "black tea": "TEA", "milk": None}).groups
                    group
    green tea  group: TEA
    black tea  group: TEA
    milk             None
    """
    if isinstance(hierarchy, Hierarchy):
        return hierarchy
    if isinstance(hierarchy, Mapping):
        keys = pd.Index(list(hierarchy), dtype=object, tupleize_cols=False)
        hierarchy = pd.Series(list(hierarchy.values()), index=keys, dtype=object)
    if isinstance(hierarchy, pd.Series):
        hierarchy = hierarchy.to_frame("group" if hierarchy.name is None else hierarchy.name)
    if not isinstance(hierarchy, pd.DataFrame) or not hierarchy.shape[1] or not len(hierarchy):
        raise SchemaError(
            "hierarchy: pass a mapping of item to group, or a frame indexed by item with a column for each level."
        )
    if not hierarchy.index.is_unique:
        twice = hierarchy.index[hierarchy.index.duplicated()]
        raise SchemaError(
            f"hierarchy: {twice.nunique():,} of {hierarchy.index.nunique():,} items come in several rows, such as "
            f"{twice[0]!r}. Keep one row for each item."
        )
    named = {
        level: [None if missing else f"{level}: {name}" for name, missing in zip(column, isna, strict=True)]
        for level, column, isna in ((name, hierarchy[name], hierarchy[name].isna()) for name in hierarchy)
    }
    return Hierarchy(pd.DataFrame(named, index=hierarchy.index, dtype=object))


def compare_with_parents(
    index: ItemsetIndex, rules: RuleSides, parents: np.ndarray, min_interest: float
) -> tuple[np.ndarray, np.ndarray]:
    """Compare rules with those that have a group in the place of one of its members.

    A rule with a → parent replaced on the left is expected to have the confidence of the more
    general rule; replaced on the right, that confidence times the item's share of its group,
    P(c) / P(parent) (Srikant & Agrawal 1995, section 2.1).

    Returns
    -------
    interesting : ndarray of bool
        Confidence exceeds `min_interest` times every such expectation.
    p_values : ndarray of float
        The largest Fisher p-value for an item on the left to add something to its group: among
        baskets with the more general left side, does C go with the item? 0 where there is none.
    """
    n_items = np.flatnonzero(np.diff(index.offsets) == 1).size
    single = np.full(parents.size, -1, dtype=np.int64)
    single[index.codes[:n_items]] = np.arange(n_items)
    return _compare(
        index.codes, index.offsets, index.counts, index.table, *rules, parents, single, float(min_interest)
    )


@njit(cache=True)
def _replaced(members, without, parent, room):
    """Write `members` with one of them replaced by `parent` into `room`, rising; return its length."""
    length = 0
    placed = False
    for k in range(members.size):
        if members[k] == parent:
            return 0
        if not placed and members[k] > parent:
            room[length] = parent
            length += 1
            placed = True
        if members[k] != without:
            room[length] = members[k]
            length += 1
    if not placed:
        room[length] = parent
        length += 1
    return length


@njit(cache=True)
def _compare(codes, offsets, counts, table, antecedent, consequent, both, parents, single, min_interest):
    interesting = np.ones(both.size, np.bool_)
    p_values = np.zeros(both.size)
    longest = 1
    for i in range(counts.size):
        longest = max(longest, offsets[i + 1] - offsets[i])
    room = np.empty(longest + 1, np.int32)
    for r in range(both.size):
        left = codes[offsets[antecedent[r]] : offsets[antecedent[r] + 1]]
        right = codes[offsets[consequent[r]] : offsets[consequent[r] + 1]]
        whole = codes[offsets[both[r]] : offsets[both[r] + 1]]
        n_left, n_both = counts[antecedent[r]], counts[both[r]]
        for code in whole:
            parent = parents[code]
            if parent < 0:
                continue
            length = _replaced(whole, code, parent, room)
            above = find_itemset(table, codes, offsets, room[:length], -1)
            if length == 0 or above < 0:  # the group stands above another item of the rule too
                continue
            on_left = False
            for other in left:
                on_left = on_left or other == code
            if on_left:
                length = _replaced(left, code, parent, room)
                wider = find_itemset(table, codes, offsets, room[:length], -1)
                expected = counts[above] / counts[wider]
                p = upper_tail(counts[wider], n_left, counts[above], n_both)
                p_values[r] = max(p_values[r], p)
            else:
                share = counts[single[code]] / counts[single[parent]]
                if right.size > 1:
                    length = _replaced(right, code, parent, room)
                    wider = find_itemset(table, codes, offsets, room[:length], -1)
                    share = counts[consequent[r]] / counts[wider]
                expected = counts[above] / n_left * share
            if n_both / n_left <= min_interest * expected * (1 + 1e-12):
                interesting[r] = False
    return interesting, p_values
