"""What every planter is: a function of world, plan and lines that plants a fact, or refuses."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from functools import wraps
from typing import Any

import numpy as np
import pandas as pd

from crm_analytics.datasets.city.facts.draft import Draft, Held, Planted
from crm_analytics.datasets.city.households import Plan
from crm_analytics.datasets.city.world import World

Planter = Callable[..., tuple[pd.DataFrame, list[Planted]] | None]


def planter(edit: Callable[..., bool]) -> Planter:
    """Make a planter of `edit(draft, **wishes)`, which says whether the fact could be planted.

    The planter is called as `plant(world, plan, lines, rng, held=None, **wishes)` and returns the new
    lines and the claims, or None where the household cannot carry the fact. `held` grows by what
    the fact rests on; where the planter refuses, neither `held` nor `plan` is changed.
    """

    @wraps(edit)
    def plant(
        world: World,
        plan: Plan,
        lines: pd.DataFrame,
        rng: np.random.Generator,
        *,
        held: Held | None = None,
        **wishes: Any,
    ) -> tuple[pd.DataFrame, list[Planted]] | None:
        held = held if held is not None else Held()
        draft = Draft(world, _copied(plan), lines, rng, deepcopy(held))
        if not edit(draft, **wishes):
            return None
        vars(plan).update(vars(draft.plan))
        vars(held).update(vars(draft.held))
        return draft.done()

    return plant


def _copied(plan: Plan) -> Plan:
    """A plan that can be changed without changing this one."""
    members = [replace(one, car=replace(one.car) if one.car else None) for one in plan.members]
    tastes = {name: replace(taste, weights=taste.weights.copy()) for name, taste in plan.tastes.items()}
    return replace(
        plan,
        members=members,
        tastes=tastes,
        rhythm=replace(plan.rhythm),
        stays=list(plan.stays),
        companions=list(plan.companions),
        diets=dict(plan.diets),
        traits=dict(plan.traits),
    )
