"""Rules out of itemsets: every split of a set in two, its counts looked up and never searched.

An itemset's *facets* are the sets that lack one of its items. Facet j of set i stands in
`facets[offsets[i] + j]`, found once through a hash table; the antecedent of a rule is then
reached by walking from facet to facet, one item off at a time.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from crm_analytics.basket.mining.itemset_arrays import find_itemset, itemset_table
from crm_analytics.basket.mining.itemsets import Itemsets
from crm_analytics.core.errors import SchemaError


class RuleSides(NamedTuple):
    """Rules as positions in the itemsets: left side, right side, and the two together."""

    antecedent: np.ndarray
    consequent: np.ndarray
    both: np.ndarray

    def take(self, rows: np.ndarray) -> "RuleSides":
        """Return the rules where the mask holds, or at these positions."""
        return RuleSides(self.antecedent[rows], self.consequent[rows], self.both[rows])


class ItemsetIndex:
    """Itemsets with their facets and the table to look sets up in."""

    def __init__(self, itemsets: Itemsets) -> None:
        self.itemsets = itemsets
        self.codes = np.ascontiguousarray(itemsets.codes, dtype=np.int32)
        self.offsets = np.ascontiguousarray(itemsets.offsets, dtype=np.int64)
        self.counts = np.ascontiguousarray(itemsets.counts, dtype=np.int64)
        self.table = itemset_table(self.codes, self.offsets)
        self.facets = _facets(self.codes, self.offsets, self.table)

    def require_subsets(self, caller: str) -> None:
        """Raise SchemaError if a set is there and one of its subsets is not."""
        lengths = np.repeat(np.diff(self.offsets), np.diff(self.offsets))
        lacking = (self.facets < 0) & (lengths > 1)
        if lacking.any():
            sets = np.unique(np.searchsorted(self.offsets, np.flatnonzero(lacking), side="right"))
            raise SchemaError(
                f"{caller}: {sets.size:,} of {self.counts.size:,} itemsets come without all their subsets, whose "
                'counts rules need. Mine all frequent itemsets: kind="all", without include.'
            )

    def rules(self, needed: np.ndarray, max_consequents: int, wanted: np.ndarray | None = None) -> RuleSides:
        """Return every split of a set whose count is at least `needed[antecedent]`.

        `wanted`, a mask of items, keeps the rules whose consequents are all among them. Order:
        by set, then by consequents.
        """
        wanted = np.ones(int(self.codes.max(initial=-1)) + 1, dtype=bool) if wanted is None else wanted
        deepest = int(np.diff(self.offsets).max(initial=1))
        most = min(max_consequents, max(deepest - 1, 1))
        needed = np.ascontiguousarray(needed, dtype=np.int64)
        arrays = (self.codes, self.offsets, self.counts, self.facets)
        if most == 1:
            singles = np.full(wanted.size, -1, dtype=np.int64)
            n_singles = int(np.searchsorted(np.diff(self.offsets), 1, side="right"))
            singles[self.codes[:n_singles]] = np.arange(n_singles)
            found = _single_rules(self.codes, self.offsets, self.counts, self.facets, singles, needed, wanted)
        else:
            found = _rules(*arrays, needed, most, deepest, wanted)
        return RuleSides(*found)

    def improves(self, rules: RuleSides, n_baskets: int) -> np.ndarray:
        """Return where confidence exceeds that of every rule with fewer antecedents, none included."""
        return _improves(self.codes, self.offsets, self.counts, self.facets, *rules, n_baskets)


@njit(cache=True)
def _facets(codes, offsets, table):
    found = np.full(codes.size, -1, np.int64)
    for i in range(offsets.size - 1):
        members = codes[offsets[i] : offsets[i + 1]]
        if members.size > 1:
            for j in range(members.size):
                found[offsets[i] + j] = find_itemset(table, codes, offsets, members, j)
    return found


@njit(cache=True)
def _single_rules(codes, offsets, counts, facets, singles, needed, wanted):
    total = 0
    for i in range(counts.size):
        if offsets[i + 1] - offsets[i] > 1:
            for place in range(offsets[i], offsets[i + 1]):
                total += wanted[codes[place]] and counts[i] >= needed[facets[place]]
    antecedent, consequent = np.empty(total, np.int64), np.empty(total, np.int64)
    both = np.empty(total, np.int64)
    row = 0
    for i in range(counts.size):
        if offsets[i + 1] - offsets[i] > 1:
            for place in range(offsets[i], offsets[i + 1]):
                if wanted[codes[place]] and counts[i] >= needed[facets[place]]:
                    antecedent[row], consequent[row], both[row] = facets[place], singles[codes[place]], i
                    row += 1
    return antecedent, consequent, both


@njit(cache=True)
def _rules(codes, offsets, counts, facets, needed, most, deepest, wanted):
    """Depth first over consequents, the last item first; more of them never raise confidence."""
    room = max(16, codes.size)
    antecedent, consequent = np.empty(room, np.int64), np.empty(room, np.int64)
    both = np.empty(room, np.int64)
    row = 0
    alone = np.empty(deepest, np.int64)  # positions that make a rule as the one consequent
    left = np.empty(deepest + 1, np.int64)  # the antecedent after each item taken off
    at = np.empty(deepest + 1, np.int64)  # which of `alone` was taken off at each depth
    for i in range(counts.size):
        begin, length, least = offsets[i], offsets[i + 1] - offsets[i], counts[i]
        if length < 2:
            continue
        n_alone = 0
        for j in range(length):
            if least >= needed[facets[begin + j]] and wanted[codes[begin + j]]:
                alone[n_alone] = j
                n_alone += 1
        largest = min(most, length - 1)
        left[0], depth, at[0] = i, 0, n_alone
        while depth >= 0:
            at[depth] -= 1
            if at[depth] < 0:
                depth -= 1
                continue
            j = alone[at[depth]]
            rest = facets[offsets[left[depth]] + j]  # what stands before j has not been touched yet
            if least < needed[rest]:
                continue
            if row == antecedent.size:
                antecedent = np.concatenate((antecedent, np.empty_like(antecedent)))
                consequent = np.concatenate((consequent, np.empty_like(consequent)))
                both = np.concatenate((both, np.empty_like(both)))
            other, upper = i, length  # the consequents are what remains when the rest is taken off
            for k in range(depth + 1):
                for less in range(upper - 1, alone[at[k]], -1):
                    other = facets[offsets[other] + less]
                upper = alone[at[k]]
            for less in range(upper - 1, -1, -1):
                other = facets[offsets[other] + less]
            antecedent[row], consequent[row], both[row] = rest, other, i
            row += 1
            if depth + 1 < largest and at[depth] > 0:
                left[depth + 1], at[depth + 1] = rest, at[depth]
                depth += 1
    return antecedent[:row].copy(), consequent[:row].copy(), both[:row].copy()


@njit(cache=True)
def _improves(codes, offsets, counts, facets, antecedent, consequent, both, n):
    found = np.ones(both.size, np.bool_)
    longest = 1
    for i in range(counts.size):
        longest = max(longest, offsets[i + 1] - offsets[i])
    left, whole = np.empty(longest + 1, np.int64), np.empty(longest + 1, np.int64)
    place = np.empty(longest + 1, np.int64)
    for r in range(both.size):
        a, count_a, count_both = antecedent[r], counts[antecedent[r]], counts[both[r]]
        if counts[consequent[r]] * count_a >= count_both * n:  # the rule without antecedents
            found[r] = False
            continue
        length = offsets[a + 1] - offsets[a]
        left[0], whole[0], depth, place[0] = a, both[r], 0, length
        while depth >= 0:
            place[depth] -= 1
            j = place[depth]
            if j < 0:
                depth -= 1
                continue
            if length - depth < 2:  # nothing would remain
                depth -= 1
                continue
            less = facets[offsets[left[depth]] + j]
            code = codes[offsets[left[depth]] + j]
            k = offsets[whole[depth]]
            while codes[k] != code:
                k += 1
            more = facets[k]
            if counts[more] * count_a >= count_both * counts[less]:
                found[r] = False
                break
            left[depth + 1], whole[depth + 1], place[depth + 1] = less, more, j
            depth += 1
    return found
