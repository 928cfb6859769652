"""A household's lines as arrays beside what its plan says, for whoever writes down what is true of it."""

from collections.abc import Collection
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from crm_analytics.datasets.city.choosing import PROMOTION, common_taste
from crm_analytics.datasets.city.facts import Planted
from crm_analytics.datasets.city.households import Plan
from crm_analytics.datasets.city.places import FOOD_KINDS
from crm_analytics.datasets.city.usual import Usual, usual_of
from crm_analytics.datasets.city.world import World


class Told:
    """Columns of the lines with those of their products and stores, and the claims made so far.

    Parameters
    ----------
    world : World
    plan : Plan
    lines : DataFrame
    written : collection of int
        Keys of lines that planted facts added or whose product they chose.
    planted : sequence of Planted
        What was planted.
    """

    def __init__(
        self,
        world: World,
        plan: Plan,
        lines: pd.DataFrame,
        written: Collection[int] = (),
        planted: Collection[Planted] = (),
    ):
        self.world, self.plan, self.planted = world, plan, tuple(planted)
        self.usual: Usual = usual_of(world)
        self.key = lines["key"].to_numpy()
        self.card = lines["customer_id"].to_numpy().astype(str)
        self.receipt = lines["receipt"].to_numpy()
        self.at = lines["occurred_at"].to_numpy()
        self.day = self.at.astype("datetime64[D]")
        self.store = lines["store_id"].to_numpy()
        self.amount = lines["amount"].to_numpy()
        self.row = world.positions(lines["item_id"].to_numpy())
        self.item = lines["item_id"].to_numpy()
        self.category = world.column("category")[self.row]
        self.brand = world.column("brand")[self.row]
        self.type = world.column("type")[self.row]
        self.kind, self.town, self.district = (
            world.store_column(name, self.store) for name in ("kind", "town", "district")
        )
        self.home_town = str(world.store_column("town", np.array(list(plan.home_stores)[:1]))[0])
        self.near = self.town == self.home_town
        self.food = np.isin(self.kind, FOOD_KINDS)
        self.shop = self.food & self.near
        self.written = np.isin(self.key, np.array(sorted(written), dtype=np.int64))
        self.claims: list[Planted] = []

    def tagged(self, tag: str) -> np.ndarray:
        """Whether the product of each line has a tag."""
        return self.world.tagged[tag][self.row]

    def choices(self, category: str, mine: np.ndarray) -> np.ndarray:
        """Chance of each item of a category (in the order of its shelf) to be in a line of the mask.

        By the taste of that day, by what was on sale and cheaper; what facts chose is certain.
        """
        world, shelf = self.world, self.world.shelves[category]
        taste = self.plan.tastes.get(category) or common_taste(world, category)
        days = self.day[mine & ~self.written]
        weights = np.broadcast_to(taste.weights, (days.size, taste.items.size))
        if taste.switch is not None:
            weights = np.where((days >= np.datetime64(taste.switch[0]))[:, None], taste.switch[1], weights)
        shape = (taste.items[None, :], days[:, None])
        appeal = 1 + PROMOTION * self.plan.price_sense * world.off(*shape)
        weights = (weights + 1e-9) * world.on_sale(*shape) * appeal
        whole = weights.sum(axis=1, keepdims=True)
        chance = np.divide(weights, whole, out=np.zeros_like(weights), where=whole > 0).sum(axis=0)
        certain = np.searchsorted(shelf.rows, self.row[mine & self.written])
        chance += np.bincount(certain, minlength=shelf.items.size)
        return np.asarray(chance / max(chance.sum(), 1e-9))

    def claim(
        self,
        kind: str,
        subject: Any = "",
        value: str = "",
        *,
        lines: np.ndarray | None = None,
        start: Any = None,
        end: Any = None,
        card: str = "",
    ) -> None:
        """Write down that something is true, carried by the lines of a mask."""
        keys = () if lines is None else tuple(int(key) for key in np.sort(self.key[lines]))
        self.claims.append(Planted(kind, str(subject), value, card, _date(start), _date(end), keys))

    def carries(self, claim: Planted) -> np.ndarray:
        """Mask of the lines that carry a claim."""
        return np.isin(self.key, np.array(claim.keys, dtype=np.int64))

    def dates(self, lines: np.ndarray) -> np.ndarray:
        """Days of the lines of a mask, each once."""
        return np.unique(self.day[lines])


def _date(value: Any) -> date | None:
    return None if value is None else pd.Timestamp(value).date()
