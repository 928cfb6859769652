"""What households of the city choose on average, which is what a claim about one of them is held against."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from scipy.stats import norm

from crm_analytics.datasets.city.habits import draw_choices, draw_plan
from crm_analytics.datasets.city.world import World

DRAWN = 32  # households; their mean shares are known to about a tenth


@dataclass(frozen=True)
class Usual:
    """Choices of drawn households.

    Attributes
    ----------
    weights : dict of str to array
        By category, chances of its items (in the order of the shelf), shape (n_drawn, n_items).
    repeats : dict of str to array
        By category, how often each takes again what it took last time, shape (n_drawn,).
    tags : dict of str to float
        Share of each tag among the purchases of a household: the mean of the middle four fifths.
    """

    weights: dict[str, np.ndarray]
    repeats: dict[str, np.ndarray]
    tags: dict[str, float]

    def share(self, category: str, code: np.ndarray, n: int) -> np.ndarray:
        """Mean share of each of `n` codes of the items of a category."""
        return np.bincount(code, weights=self.weights[category].mean(axis=0), minlength=n)

    def distinct(self, category: str, code: np.ndarray, n_codes: int, n: int) -> float:
        """Distinct codes that a household takes on average in `n` purchases."""
        shares = self.weights[category] @ np.eye(n_codes)[code]
        return float(expected_distinct(shares, self.repeats[category], n).mean())

    def chance_of_distinct(self, category: str, code: np.ndarray, n_codes: int, n: int, seen: int) -> float:
        """Chance that a household takes `seen` distinct codes or more in `n` purchases.

        The mean over the drawn ones; codes are taken to occur independently of each other, normal.
        """
        occurs = chance_to_occur(self.weights[category] @ np.eye(n_codes)[code], self.repeats[category], n)
        spread = np.sqrt(np.maximum((occurs * (1 - occurs)).sum(axis=-1), 1e-9))
        return float(norm.sf((seen - 0.5 - occurs.sum(axis=-1)) / spread).mean())


def expected_distinct(shares: np.ndarray, repeat: np.ndarray | float, n: int) -> np.ndarray:
    """Distinct things among `n` choices with these shares (last axis), some of them repeats of the last."""
    return np.asarray(chance_to_occur(shares, repeat, n).sum(axis=-1))


def chance_to_occur(shares: np.ndarray, repeat: np.ndarray | float, n: int) -> np.ndarray:
    """Chance of each thing to be among `n` choices with these shares (last axis), some of them repeats of the last."""
    fresh = 1 + (n - 1) * (1 - np.clip(repeat, 0, 1))
    return np.asarray(1 - np.clip(1 - shares, 0, 1) ** np.expand_dims(np.asarray(fresh), -1))


_DRAWN: dict[tuple[date, date], Usual] = {}  # the catalogue is always the same: only the time matters


def usual_of(world: World) -> Usual:
    """The average of households drawn in a world's time; drawn once."""
    about = (world.start, world.end)
    if about not in _DRAWN:
        _DRAWN[about] = _draw(world)
    return _DRAWN[about]


def _draw(world: World) -> Usual:
    weights: dict[str, list[np.ndarray]] = {category: [] for category in world.shelves}
    repeats: dict[str, list[float]] = {category: [] for category in world.shelves}
    shares = np.zeros((DRAWN, len(world.tagged)))
    for number in range(DRAWN):
        rng = np.random.default_rng([1, number])
        plan = draw_plan(world, number, rng)
        for category, taste in draw_choices(world, plan, rng).items():
            weights[category].append(taste.weights)
            repeats[category].append(taste.repeat)
        bought = np.zeros(len(world.products))
        for category, taste in plan.tastes.items():
            bought[world.shelves[category].rows] = taste.rate * taste.weights
        bought /= bought.sum()
        shares[number] = [bought[having].sum() for having in world.tagged.values()]
    for category, shelf in world.shelves.items():
        if not weights[category]:
            weights[category].append(world.column("weight")[shelf.rows])
            repeats[category].append(0.0)
    return Usual(
        {category: np.array(drawn) for category, drawn in weights.items()},
        {category: np.array(drawn) for category, drawn in repeats.items()},
        dict(zip(world.tagged, _middle(shares).tolist(), strict=True)),
    )


def _middle(shares: np.ndarray) -> np.ndarray:
    """Mean of each column without its tenth at either end: the few that lean to a tag are not usual."""
    cut = len(shares) // 10
    return np.asarray(np.sort(shares, axis=0)[cut : len(shares) - cut].mean(axis=0))
