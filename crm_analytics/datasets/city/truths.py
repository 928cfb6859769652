"""The truth table's rows that nobody planted: what a household's own plan makes true."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import pandas as pd

from crm_analytics.datasets.city.facts import Planted, delisted_switches
from crm_analytics.datasets.city.households import Plan
from crm_analytics.datasets.city.told import Told
from crm_analytics.datasets.city.truths_bought import bought_truths
from crm_analytics.datasets.city.truths_lived import lived_truths
from crm_analytics.datasets.city.truths_seen import can_be_seen
from crm_analytics.datasets.city.world import World


def ordinary_truths(
    world: World,
    plan: Plan,
    lines: pd.DataFrame,
    planted: Sequence[Planted] = (),
    written: Collection[int] | None = None,
) -> list[Planted]:
    """Claims that the plan and the lines make true, but for those that were planted.

    Thresholds are generous: these claims are not asked of anybody, and what is none of them is false. Choices
    are held against what households of the city choose (`usual_of`). Who lives in the household
    and `composition` need no lines.

    Parameters
    ----------
    world : World
    plan : Plan
    lines : DataFrame
    planted : sequence of Planted
    written : collection of int, optional
        Keys of the lines that facts added or whose product they chose (`written_by_facts`); without it, those
        that carry claims of facts.
    """
    if written is None:
        written = {key for claim in planted if claim.fact for key in claim.keys}
    told = Told(world, plan, lines, written, planted)
    bought_truths(told)
    lived_truths(told)
    delisted = delisted_switches(world, lines)
    told.claims += [claim for claim in delisted if not _any_same(claim, told.claims)]
    return [claim for claim in told.claims if not _any_same(claim, planted)]


def _any_same(claim: Planted, others: Sequence[Planted]) -> bool:
    """Whether another claim says the same of the same thing at the same time."""
    return any(
        claim.kind == other.kind and claim.subject == other.subject and _meet(claim, other)
        for other in others
    )


def _meet(a: Planted, b: Planted) -> bool:
    if a.start is None or b.start is None or a.end is None or b.end is None:
        return True
    return a.start < b.end and b.start < a.end


def written_by_facts(before: pd.DataFrame, after: pd.DataFrame) -> set[int]:
    """Keys of lines that were not there before facts were planted, or were of another product."""
    first = dict(zip(before["key"].tolist(), before["item_id"].tolist(), strict=True))
    later = zip(after["key"].tolist(), after["item_id"].tolist(), strict=True)
    return {key for key, item in later if first.get(key) != item}


def as_far_as_seen(
    world: World, plan: Plan, lines: pd.DataFrame, planted: Sequence[Planted]
) -> list[Planted]:
    """The planted claims; those that no lines can show are true, but nobody's fact to be found."""
    told = Told(world, plan, lines)
    return [claim if can_be_seen(told, claim) else replace(claim, fact="") for claim in planted]
