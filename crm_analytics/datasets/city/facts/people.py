"""Who they are: members by what is bought for them, and whose card does what."""

import numpy as np

from crm_analytics.datasets.city.facts.choices import add, part_of_time, spread
from crm_analytics.datasets.city.facts.draft import FUEL, WHAT, WHEN, Draft
from crm_analytics.datasets.city.facts.planter import planter
from crm_analytics.datasets.city.households import Member

# What is bought for a member: (category, type or "" for all, share)
NEEDS: dict[str, tuple[tuple[str, str, float], ...]] = {
    "adult_man": (("shaving", "", 0.5), ("deodorant", "men's", 0.3), ("shampoo", "men", 0.2)),
    "adult_woman": (("sanitary pads", "", 0.5), ("skin care", "", 0.2), ("deodorant", "women's", 0.3)),
    "child": (
        ("cocoa drink", "", 0.4),
        ("toys", "", 0.25),
        ("toothpaste", "children's", 0.2),
        ("stationery", "", 0.15),
    ),
    "baby": (("nappies", "", 0.5), ("baby food", "", 0.3), ("baby care", "", 0.2)),
    "cat": (("cat food", "", 0.75), ("cat litter", "", 0.25)),
    "dog": (("dog food", "", 1.0),),
}
AGES = {
    "adult_man": (28, 60),
    "adult_woman": (20, 46),
    "child": (4, 10),
    "baby": (0, 1),
    "cat": (0, 6),
    "dog": (0, 6),
}
GROWING = ("newborn", "midi", "maxi", "junior")


@planter
def member(draft: Draft, *, who: str | None = None, n: int | None = None) -> bool:
    """One more in the household, seen by what is bought for them."""
    rng = draft.rng
    who = who or str(rng.choice([name for name in NEEDS if not _lives(draft, name)] or [""]))
    if not who:
        return False
    parts = [part for part in NEEDS[who] if draft.open(part[0])]
    n = n or int(rng.integers(16, 36))
    low = float(rng.uniform(0.0, 0.4)) if who in ("baby", "cat", "dog") else 0.0
    high = min(low + 0.6, 1.0) if who == "baby" else 1.0
    receipts = rng.permutation(spread(draft, n, low, high))
    if len(parts) < min(2, len(NEEDS[who])) or receipts.size < 12:
        return False
    share = np.array([part[2] for part in parts])
    chosen = rng.choice(len(parts), size=receipts.size, p=share / share.sum())
    keys = []
    for place, (category, kind, _) in enumerate(parts):
        mine = np.sort(receipts[chosen == place])
        if category == "nappies":
            keys += [_nappies(draft, mine, low, high)]
        else:
            items = draft.find(category=category, **({"type": kind} if kind else {}))
            keys += [add(draft, category, mine, items)]
    if not _lives(draft, who):
        _move_in(draft, who, low)
    draft.claim("member", who, "", rests=WHAT, keys=np.concatenate(keys))
    return True


def _lives(draft: Draft, who: str) -> bool:
    """Whether the plan has such a member."""
    if who in ("adult_man", "adult_woman"):
        sex = "m" if who == "adult_man" else "f"
        return any(m.role == "adult" and m.sex == sex for m in draft.plan.members)
    return any(m.role == who for m in draft.plan.members)


def _move_in(draft: Draft, who: str, low: float) -> None:
    youngest, oldest = AGES[who]
    born = int(str(part_of_time(draft, low))[:4]) - int(draft.rng.integers(youngest, oldest + 1))
    sex = {"adult_man": "m", "adult_woman": "f", "cat": "", "dog": ""}.get(
        who, "fm"[int(draft.rng.integers(2))]
    )
    draft.plan.members.append(Member(sex, born, "adult" if who.startswith("adult") else who))


def _nappies(draft: Draft, receipts: np.ndarray, low: float, high: float) -> np.ndarray:
    """Nappies of a size that grows with the baby."""
    keys, stages = (
        [np.empty(0, dtype=np.int64)],
        np.array_split(receipts[np.argsort(_when(draft, receipts))], 4),
    )
    for kind, part in zip(GROWING, stages, strict=True):
        keys.append(add(draft, "nappies", part, draft.find(category="nappies", type=kind)))
    return np.concatenate(keys)


def _when(draft: Draft, receipts: np.ndarray) -> np.ndarray:
    first = dict(zip(draft.receipt.tolist(), draft.occurred_at, strict=True))
    return np.array([first[int(receipt)] for receipt in receipts], dtype="datetime64[s]")


@planter
def hair_loss(draft: Draft, *, n: int | None = None) -> bool:
    """A men's shampoo against hair loss, again and again: there is a man, and he is losing hair."""
    n = n or int(draft.rng.integers(8, 17))
    items = draft.find(tag="hair_loss")
    receipts = spread(draft, n)
    if not draft.open("shampoo") or receipts.size < 6 or not items.size:
        return False
    brand = draft.pick(items, part_of_time(draft, 0.5)[None])
    keys = add(draft, "shampoo", receipts, brand if draft.rng.random() < 0.7 else items)
    if keys.size < 5:
        return False
    if not _lives(draft, "adult_man"):
        _move_in(draft, "adult_man", 0.0)
    draft.claim("hair_loss", "", "", rests=WHAT, keys=keys)
    draft.claim("member", "adult_man", "", rests=WHAT, keys=keys)
    return True


@planter
def household_shopper(draft: Draft, *, card: str | None = None) -> bool:
    """One card does nearly all the shopping near home; the other buys now and then from the same list."""
    rng = draft.rng
    pair = _two_cards(draft)
    if pair is None:
        return False
    card = card or pair[0]
    other = next(c for c in pair if c != card)
    shops = draft.shops()
    share = float(rng.uniform(0.84, 0.94))
    _deal(draft, shops, card, other, share)
    _own_things(draft, other)
    shops = draft.shops()
    mine = shops.index[shops["customer_id"] == card]
    if len(shops) < 40 or not 0.8 <= len(mine) / len(shops) <= 0.97:
        return False
    draft.plan.shopper_share = share if card == draft.plan.cards[0] else 1 - share
    draft.held.cards.update(pair)
    keys = draft.key[np.isin(draft.receipt, mine)]
    draft.claim("household_shopper", card, "", rests=WHEN, customer_id=card, keys=keys)
    return True


def _two_cards(draft: Draft) -> list[str] | None:
    """Two cards whose use is not a fact yet."""
    cards = [m.card for m in draft.plan.members if m.card and m.role == "adult"]
    return cards[:2] if len(cards) >= 2 and not draft.held.cards & set(cards) else None


def _deal(draft: Draft, shops: object, card: str, other: str, share: float) -> None:
    """Let `card` pay this share of receipts, `other` the rest, where they carry no fact."""
    ids = shops.index.to_numpy()[shops["loose"].to_numpy()]  # type: ignore[attr-defined,index]
    first = draft.rng.random(ids.size) < share
    days = {int(r): at for r, at in zip(draft.receipt, draft.day, strict=True)}
    for who, part in ((card, ids[first]), (other, ids[~first])):
        draft.give([int(r) for r in part if not draft.is_away(who, days[int(r)])], who)


def _own_things(draft: Draft, card: str) -> None:
    """What the one who rarely shops buys for themselves."""
    man = draft.plan.holder(card).sex == "m"
    wanted = ("shaving", "beer") if man else ("skin care", "make-up")
    shops = draft.shops()
    ids = shops.index.to_numpy()[(shops["customer_id"] == card).to_numpy()]
    for category in wanted:
        if draft.open(category) and ids.size:
            add(draft, category, ids[draft.rng.random(ids.size) < 0.3])


@planter
def card_role(draft: Draft, *, card: str | None = None) -> bool:
    """A card that is mostly used for fuel, while the other does the shopping."""
    rng = draft.rng
    pair = _two_cards(draft)
    fuel = draft.store("kind") == FUEL
    receipts = np.unique(draft.receipt[fuel & draft.loose])
    if pair is None or receipts.size < 14 or (fuel & ~draft.loose).any():
        return False
    card = card or pair[1]
    other = next(c for c in pair if c != card)
    days = {int(r): at for r, at in zip(draft.receipt, draft.day, strict=True)}
    kept = [int(r) for r in receipts if not draft.is_away(card, days[int(r)]) and rng.random() < 0.97]
    draft.give(kept, card)
    shops = draft.shops()
    few = receipts.size * float(rng.uniform(0.12, 0.3))
    _deal(draft, shops, other, card, 1 - few / max(len(shops), 1))
    mine = draft.customer_id == card
    _, first = np.unique(draft.receipt[mine], return_index=True)
    is_fuel = (draft.store("kind")[mine] == FUEL)[first]
    shops = draft.shops()
    theirs = shops.index[shops["customer_id"] == other]
    if is_fuel.mean() < 0.6 or is_fuel.sum() < 12:
        return False
    draft.held.cards.update(pair)
    keys = draft.key[mine & (draft.store("kind") == FUEL)]
    draft.claim("card_role", card, "fuel", rests=WHEN, customer_id=card, keys=keys)
    if len(theirs) >= 0.8 * len(shops) and len(shops) >= 40:
        keys = draft.key[np.isin(draft.receipt, theirs)]
        draft.claim("household_shopper", other, "", rests=WHEN, customer_id=other, keys=keys)
    return True
