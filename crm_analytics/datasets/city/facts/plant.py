"""Plant several facts in one household, so that each leaves the others standing."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from crm_analytics.core.errors import choice
from crm_analytics.datasets.city.facts.draft import SHOP, Held, Planted
from crm_analytics.datasets.city.facts.registry import FACTS
from crm_analytics.datasets.city.households import Plan
from crm_analytics.datasets.city.world import World

REGULAR = 6  # purchases on each side, at least, that make a brand the usual one
USUAL = 0.6  # of the purchases, at least


def plant_facts(
    world: World,
    plan: Plan,
    lines: pd.DataFrame,
    names: Sequence[str],
    rng: np.random.Generator,
    *,
    held: Held | None = None,
) -> tuple[pd.DataFrame, list[Planted], list[str]]:
    """Plant named facts in a household.

    Parameters
    ----------
    world : World
    plan : Plan
        Changed where a fact changes who they are: a member more, a stay more.
    lines : DataFrame
        As `simulate` gives them; not changed.
    names : sequence of str
        Keys of `FACTS`, in any order; those that take lines away are planted first.
    rng : numpy Generator
    held : Held, optional
        What earlier facts rest on.

    Returns
    -------
    (lines, claims, refused) : DataFrame, list of Planted, list of str
        The names in `refused` could not be planted: the household cannot carry them.
    """
    held = held if held is not None else Held()
    for name in names:
        choice(name, name="names", allowed=FACTS)
    order = list(FACTS)
    claims: list[Planted] = []
    refused = []
    for name in sorted(names, key=order.index):
        done = FACTS[name](world, plan, lines, rng, held=held)
        if done is None:
            refused.append(name)
            continue
        lines, made = done
        claims += [replace(claim, fact=name) for claim in made]
    return lines, _once(claims), refused


def random_facts(
    world: World, plan: Plan, lines: pd.DataFrame, k: int, rng: np.random.Generator
) -> tuple[pd.DataFrame, list[Planted], list[str]]:
    """Plant `k` facts drawn at random, others in place of those refused; as `plant_facts`."""
    names = [str(name) for name in rng.permutation(sorted(FACTS))]
    held = Held()
    planted: list[str] = []
    refused: list[str] = []
    claims: list[Planted] = []
    while names and len(planted) < k:
        lot, names = names[: k - len(planted)], names[k - len(planted) :]
        lines, made, no = plant_facts(world, plan, lines, lot, rng, held=held)
        claims += made
        refused += no
        planted += [name for name in lot if name not in no]
    return lines, _once(claims), refused


def _once(claims: list[Planted]) -> list[Planted]:
    """One claim where two facts imply the same, with the lines of both."""
    found: dict[tuple, Planted] = {}
    for claim in claims:
        about = (claim.kind, claim.subject, claim.customer_id, claim.start)
        if about in found:
            keys = tuple(sorted({*found[about].keys, *claim.keys}))
            own = claim.kind in (claim.fact, found[about].fact)  # rather planted for itself than implied
            found[about] = replace(found[about], keys=keys, fact=claim.kind if own else found[about].fact)
        else:
            found[about] = claim
    return list(found.values())


def delisted_switches(world: World, lines: pd.DataFrame) -> list[Planted]:
    """Switches of brand that a household made because the city withdrew its brand of a category.

    Claimed where the withdrawn brand was most of what it took of the category before, and another
    one most of what it took since, each at least six times.
    """
    at = world.positions(lines["item_id"].to_numpy())
    shop = world.store_column("kind", lines["store_id"].to_numpy()) == SHOP
    category, brand = world.column("category")[at], world.column("brand")[at]
    days = lines["occurred_at"].to_numpy().astype("datetime64[D]")
    keys = lines["key"].to_numpy()
    claims = []
    for (name, gone), day in withdrawn_brands(world).items():
        mine = shop & (category == name)
        before, after = mine & (days < day), mine & (days >= day)
        old = before & (brand == gone)
        if old.sum() < max(REGULAR, USUAL * before.sum()) or after.sum() < REGULAR:
            continue
        brands, counts = np.unique(brand[after].astype(str), return_counts=True)
        new = str(brands[counts.argmax()])
        if counts.max() < max(REGULAR, USUAL * after.sum()):
            continue
        carried = tuple(sorted(int(key) for key in keys[old | (after & (brand == new))]))
        claims.append(
            Planted(
                "brand_switch",
                name,
                f"{gone} -> {new}: delisted",
                start=pd.Timestamp(day).date(),
                keys=carried,
                fact="delisted",
            )
        )
    return claims


def withdrawn_brands(world: World) -> dict[tuple[str, str], np.datetime64]:
    """Brands that left a category for good, all their items, with the day when the last was gone."""
    gone = world.withdrawn[(world.withdrawn["reason"] == "delisted").to_numpy()]
    day = np.full(len(world.products), np.datetime64("NaT", "D"))
    day[world.positions(gone["item_id"].to_numpy())] = gone["start"].to_numpy().astype("datetime64[D]")
    category, brand = world.column("category"), world.column("brand")
    found = {}
    for name in np.unique(category[~np.isnat(day)]):
        shelf = category == name
        for maker in np.unique(brand[shelf & ~np.isnat(day)]):
            days = day[shelf & (brand == maker)]
            if maker and not np.isnat(days).any():
                found[(str(name), str(maker))] = days.max()
    return found
