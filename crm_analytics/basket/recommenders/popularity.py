"""What sells: the shares of all baskets that hold each item, the late ones weighing more."""

import numpy as np

from crm_analytics.basket.recommenders.past import days_before
from crm_analytics.features import Histories


def recency_weights(days: np.ndarray, half_life: float | None) -> np.ndarray:
    """Half as much for every `half_life` days gone by; 1 for all if it is None."""
    return np.ones(days.shape) if half_life is None else 0.5 ** (days / half_life)


def item_shares(histories: Histories, as_of: np.datetime64, half_life: float | None) -> np.ndarray:
    """Weighted share of the occasions that hold each item, shape (n_items,), each in [0, 1]."""
    baskets = histories.baskets
    weight = recency_weights(days_before(histories.times, as_of), half_life)
    weight /= weight.max()  # or those of a log that ended long ago would all come to 0
    held = np.bincount(
        baskets.indices, np.repeat(weight, np.diff(baskets.indptr)), minlength=len(baskets.items)
    )
    return held / weight.sum()


def by_falling(values: np.ndarray) -> np.ndarray:
    """Positions by falling value, the earlier one first where two are equal."""
    return np.argsort(-values, kind="stable")
