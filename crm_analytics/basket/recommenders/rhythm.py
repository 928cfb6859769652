"""How often an item is bought again, and whether it is due."""

import numpy as np

from crm_analytics.basket.recommenders.pairs import Pairs

PRIOR_GAPS = 1.0  # the item's typical gap weighs as much as this many of the customer's own


def expected_gaps(pairs: Pairs, n_items: int, *, prior_gaps: float = PRIOR_GAPS) -> np.ndarray:
    """Days from one day with the item to the next, each customer's drawn towards the item's.

    (sum of own gaps + prior × mean gap of the item) / (number of own gaps + prior), where the
    mean gap is over all gaps of all customers. NaN where nobody bought the item on two days.

    Parameters
    ----------
    pairs : Pairs
    n_items : int
    prior_gaps : float >= 0
        With 0 the customer's own gaps alone, NaN for items bought once.

    Returns
    -------
    ndarray of float, shape (n_pairs,), in days.
    """
    n_gaps = pairs.days - 1
    spans = np.where(n_gaps > 0, pairs.first - pairs.last, 0.0)
    total = np.bincount(pairs.items, spans, minlength=n_items)
    known = np.bincount(pairs.items, n_gaps, minlength=n_items)
    with np.errstate(invalid="ignore"):  # 0 / 0: nobody came back for it
        typical = (total / known)[pairs.items]
        own = (spans + prior_gaps * typical) / (n_gaps + prior_gaps)
    return own


def is_due(pairs: Pairs, gaps: np.ndarray) -> np.ndarray:
    """Whether as many days as the expected gap have gone by since the last purchase."""
    with np.errstate(invalid="ignore"):
        return pairs.last >= gaps
