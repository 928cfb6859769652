"""The likeliest next products of each customer, with when, and why."""

import numpy as np
import pandas as pd

from crm_analytics.basket.paths.hazards import Hazards
from crm_analytics.basket.paths.outlook import median_wait, outlook, time_to_half
from crm_analytics.basket.paths.steps import Contexts, Steps, step_name


def next_step_rows(
    hazards: Hazards,
    steps: Steps,
    found: Contexts,
    at: np.ndarray,
    rates: np.ndarray,
    waited: np.ndarray,
    within: float,
    k: int,
) -> pd.DataFrame:
    """Rows of `ProductPaths.next_step` for the customers whose last steps are at `at`."""
    size = hazards.package_size
    probability, by_interval, survival = outlook(rates, hazards.edges, waited, within, size)
    rest = np.maximum(hazards.longest - waited, 0.0)  # beyond it nobody was followed
    any_median = median_wait(
        outlook(rates, hazards.edges, waited, rest, size)[2], hazards.edges, waited, rest
    )
    order = np.argsort(-probability, axis=1, kind="stable")[:, :k]
    row = np.repeat(np.arange(at.size), order.shape[1])
    item = order.ravel()
    rank = np.tile(np.arange(1, order.shape[1] + 1), at.size)
    just = outlook(rates, hazards.edges, np.zeros(at.size), within, size)[0]
    ok = probability[row, item] > 0
    row, item, rank = row[ok], item[ok], rank[ok]
    chance = probability[row, item]
    median = time_to_half(by_interval[row, item], survival[row], hazards.edges, waited[row], within)
    return pd.DataFrame(
        {
            "customer_id": steps.customers[steps.owner[at[row]]],
            "rank": rank,
            "item_id": steps.items[item],
            "probability": chance,
            "median_days": median,
            "step_median_days": any_median[row],
            "reason": _reasons(hazards, steps, found, at, row, item, just[row, item], within),
        }
    )


def _reasons(
    hazards: Hazards,
    steps: Steps,
    found: Contexts,
    at: np.ndarray,
    row: np.ndarray,
    item: np.ndarray,
    share: np.ndarray,
    within: float,
) -> np.ndarray:
    """One sentence a row.

    `share` is counted from the day of the last step; a customer's own probability, who has
    waited since, differs from it.
    """
    order, number = np.zeros(at.size, np.int64), np.full(at.size, -1, np.int64)
    if hazards.single is not None:
        known = steps.known[at]
        order[known], number[known] = 1, at[known]
        number[known] = np.where(found.symbols[at] >= 0, found.symbols[at], -2 - at)[known]
    visits = np.zeros(at.size, np.int64)
    for layer in hazards.layers:
        place = hazards.rows_of(layer, found, at)
        mine = place >= 0
        order[mine], number[mine] = layer.order, found.orders[layer.order - 1][at][mine]
        visits[mine] = layer.visits[place[mine]]
    _, first, which = np.unique(
        np.stack([order, number], axis=1), axis=0, return_index=True, return_inverse=True
    )
    who = "of customers with the same holdings" if steps.kind == "first" else "of customers"
    told = [f"{_after(steps, at[i], order[i], visits[i])}%s {who} take " for i in first]
    days = " next." if np.isinf(within) else f" next within {within:,.0f} days."
    names = steps.items
    return np.array(
        [
            told[c] % _percent(s) + f"{names[j]}{days}"
            for c, j, s in zip(which.ravel()[row], item, share, strict=True)
        ],
        dtype=object,
    )


def _after(steps: Steps, last: int, back: int, visits: int) -> str:
    if not back:
        return ""
    path = []
    for i in range(last - back + 1, last + 1):
        codes = steps.indices[steps.indptr[i] : steps.indptr[i + 1]]
        path.append(step_name(steps.items, codes).replace("%", "%%"))
    return f"After {', then '.join(path)}{f' ({visits:,} seen)' if visits else ''}, "


def _percent(share: float) -> str:
    if share < 0.001:
        return "fewer than 0.1 %"
    return f"{share * 100:.1f} %" if share < 0.1 else f"{share * 100:.0f} %"
