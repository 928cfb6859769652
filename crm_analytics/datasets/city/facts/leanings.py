"""What a household is drawn to or needs: products of a tag, variants side by side, sweets and their diet version."""

import numpy as np

from crm_analytics.datasets.city.facts.choices import (
    add,
    adherence,
    choose_category,
    groceries,
    lines_of,
    own_choice,
    spread,
)
from crm_analytics.datasets.city.facts.draft import WHAT, Draft
from crm_analytics.datasets.city.facts.planter import planter

LEANINGS = ("diet", "organic", "gourmet")
NEEDS = ("lactose_free", "gluten_free")
TREATS = ("chocolate", "biscuits", "crackers", "crisps", "cake")
GOODS = ("kitchenware", "storage", "slippers", "home textile", "underwear and socks", "clothing")


@planter
def tag_leaning(draft: Draft, *, tag: str | None = None) -> bool:
    """Wherever products with a tag are offered, they are chosen far more often than others choose them."""
    rng = draft.rng
    tag = tag or str(rng.choice(LEANINGS))
    offered = [c for c in groceries(draft) if draft.open(c) and _mixed(draft, c, tag)]
    where = [lines_of(draft, category) for category in offered]
    if sum(part.size for part in where) < 50:
        return False
    share, keys = float(rng.uniform(0.45, 0.7)), []
    for category, lines in zip(offered, where, strict=True):
        changed = lines[rng.random(lines.size) < share]
        tagged = draft.find(category=category, tag=tag)
        keys.append(draft.replace(changed, own_choice(draft, category, draft.day[changed], among=tagged)))
        taste = draft.plan.tastes.get(category)
        if taste is not None and np.isin(taste.items, tagged).any():
            taste.favour(draft.world, share, category=category, tag=tag)
    tagged = draft.tagged(tag) & draft.shop & np.isin(draft.product("category"), offered)
    if tagged.sum() < 25:
        return False
    draft.plan.diets[tag] = share
    draft.claim("tag_leaning", tag, "above", rests=WHAT, keys=draft.key[tagged])
    draft.held.categories.update(offered)  # other lines of theirs would thin the share
    draft.keep(draft.key[np.isin(draft.product("category"), offered)], WHAT)
    return True


def _mixed(draft: Draft, category: str, tag: str) -> bool:
    """Whether a category has products with the tag, and others."""
    tagged = draft.tagged(tag, draft.find(category=category))
    return bool(tagged.any() and not tagged.all())


@planter
def dietary_need(draft: Draft, *, tag: str | None = None, n: int | None = None) -> bool:
    """Products of a dietary need keep coming, beside the ordinary ones of the others."""
    tag = tag or str(draft.rng.choice(NEEDS))
    sold = draft.find(tag=tag)
    offered = [c for c in np.unique(draft.product("category", sold).astype(str)) if draft.open(c)]
    if len(offered) < 2:
        return False
    n = n or int(draft.rng.integers(14, 36))
    receipts = draft.rng.permutation(spread(draft, n))
    if receipts.size < 12:
        return False
    share = draft.rng.dirichlet(np.full(len(offered), 2.0))
    chosen = draft.rng.choice(len(offered), size=receipts.size, p=share)
    for place, category in enumerate(offered):
        add(draft, category, receipts[chosen == place], draft.find(category=category, tag=tag))
    keys = draft.key[draft.tagged(tag) & draft.shop]
    draft.plan.diets[tag] = 0.3
    draft.claim("dietary_need", tag, "", rests=WHAT, keys=keys)
    return True


@planter
def parallel_variants(
    draft: Draft, *, category: str | None = None, types: tuple[str, ...] = (), need: bool | None = None
) -> bool:
    """Regular, light and lactose-free side by side, time after time: more than one person."""
    rng = draft.rng
    category = category or choose_category(draft, 24, lambda c: len(_variants(draft, c)) >= 3)
    if category is None or not draft.open(category):
        return False
    where = lines_of(draft, category)
    variants = _variants(draft, category)
    if where.size < 18 or len(variants) < 3:
        return False
    favourite = {name: str(rng.choice(kinds)) for name, kinds in variants.items()}
    chosen = [favourite[name] for name in sorted(favourite, key=lambda name: name != "")][:3]
    chosen = list(types) or chosen
    share = rng.dirichlet(np.full(len(chosen), 12.0))
    kept = rng.random(where.size) < adherence(draft)
    turn = rng.choice(len(chosen), size=where.size, p=share)
    for place, name in enumerate(chosen):
        lines = where[kept & (turn == place)]
        items = draft.find(category=category, type=name)
        draft.replace(lines, own_choice(draft, category, draft.day[lines], among=items))
    mine = where[np.isin(draft.product("type")[where], chosen)]
    if min((draft.product("type")[mine] == name).sum() for name in chosen) < 3:
        return False
    draft.claim("parallel_variants", category, ", ".join(chosen), rests=WHAT, keys=draft.key[mine])
    for tag in NEEDS:
        free_of = mine[draft.tagged(tag)[mine]]
        if free_of.size >= 3:
            draft.claim("dietary_need", tag, "", rests=WHAT, keys=draft.key[free_of])
    draft.hold(category, WHAT)
    return True


def _variants(draft: Draft, category: str) -> dict[str, list[str]]:
    """Types of a category by the variant they are: "" (regular), diet, lactose_free."""
    items = np.setdiff1d(draft.world.find(category=category), draft.world.delisted)
    found: dict[str, list[str]] = {}
    for name in np.unique(draft.product("type", items).astype(str)):
        one = draft.find(category=category, type=str(name))[:1]
        tags = {tag for tag in draft.world.tagged if draft.tagged(tag, one)[0]}
        variant = [tag for tag in ("diet", "lactose_free") if tag in tags]
        if variant or not tags & {"organic", "gourmet", "gluten_free", "child", "cooking_ingredient"}:
            found.setdefault("".join(variant), []).append(str(name))
    return found


@planter
def tempted(draft: Draft, *, n: int | None = None) -> bool:
    """Sweets and their diet versions go into the same basket."""
    rng = draft.rng
    treats = [c for c in TREATS if draft.open(c) and _mixed(draft, c, "diet")]
    n = n or int(rng.integers(12, 30))
    receipts = spread(draft, n)
    if len(treats) < 2 or receipts.size < 10:
        return False
    keys = []
    for receipt in receipts:
        pair = rng.choice(treats, size=2, replace=rng.random() < 0.5)
        full = draft.find(category=str(pair[0]))
        full = full[~draft.tagged("diet", full)]
        keys += [add(draft, str(pair[0]), [receipt], full)]
        keys += [add(draft, str(pair[1]), [receipt], draft.find(category=str(pair[1]), tag="diet"))]
    draft.claim("tempted", "", "", keys=np.concatenate(keys))
    return True


@planter
def general_merchandise(draft: Draft, *, n: int | None = None) -> bool:
    """Textiles, kitchenware and boxes are bought at the supermarket, again and again."""
    goods = [c for c in GOODS if draft.open(c)]
    n = n or int(draft.rng.integers(14, 34))
    receipts = spread(draft, n)
    if len(goods) < 3 or receipts.size < 10:
        return False
    for receipt in receipts:
        add(draft, str(draft.rng.choice(goods)), [receipt])
    keys = draft.key[draft.shop & np.isin(draft.product("category"), goods)]
    for category in goods:
        taste = draft.plan.tastes.get(category)
        if taste is not None:
            taste.rate = max(taste.rate, n / len(goods) / (draft.world.n_days / 30))
    draft.claim("general_merchandise", "", "", rests=WHAT, keys=keys)
    return True
