"""A household's own rule: on days with one category there is another."""

import numpy as np

from crm_analytics.datasets.city.facts.choices import adherence, groceries, lines_of, own_choice
from crm_analytics.datasets.city.facts.draft import Draft
from crm_analytics.datasets.city.facts.planter import planter

ELSEWHERE = 0.25  # of the second category that is bought without the first, at most


@planter
def association(
    draft: Draft, *, first: str | None = None, second: str | None = None, kinds: int | None = None
) -> bool:
    """On days with the first category there is the second, in one or several kinds."""
    rng = draft.rng
    counts, names = draft.counts(), set(groceries(draft))
    if first is None:
        rare = [c for c in counts.index[(counts >= 8) & (counts <= 45)] if c in names]
        first = str(rng.choice(rare)) if rare else None
    if second is None:
        rest = [c for c in counts.index[(counts >= 6) & (counts <= 60)] if c in names and c != first]
        second = str(rng.choice(rest)) if rest else None
    if first is None or second is None or first == second or not (draft.open(first) and draft.open(second)):
        return False
    sold = draft.find(category=second)
    kinds = kinds or int(rng.choice([1, 1, 2, 3]))
    if np.unique(draft.product("type", sold)).size < kinds + 1:
        return False
    receipts = np.unique(draft.receipt[lines_of(draft, first)])
    if receipts.size < 8:
        return False
    share = adherence(draft)
    kept = receipts[rng.random(receipts.size) < share]
    bought = draft.shop & (draft.product("category") == second) & ~np.isin(draft.receipt, receipts)
    surplus = np.flatnonzero(bought & draft.spare)
    left = max(2, int(ELSEWHERE * kept.size * kinds))
    draft.drop_at(rng.permutation(surplus)[left:])
    draft.unpair(second)
    for receipt in kept:
        have = draft.product("type")[(draft.receipt == receipt) & (draft.product("category") == second)]
        when = draft.day[draft.receipt == receipt][:1]
        for _ in range(kinds - np.unique(have).size):
            other = sold[~np.isin(draft.product("type", sold), have)]
            item = int(own_choice(draft, second, when, among=other)[0])
            if item >= 0:
                draft.put(int(receipt), [item])
                have = np.append(have, draft.product("type", [item]))
    days = np.unique(draft.receipt[np.isin(draft.receipt, kept) & (draft.product("category") == second)])
    both = np.isin(draft.receipt, days) & np.isin(draft.product("category"), [first, second])
    if days.size < 7:
        return False
    draft.claim("association", f"{first} -> {second}", f"kinds: {kinds}", keys=draft.key[both & draft.shop])
    draft.hold(first)
    draft.hold(second)
    return True
