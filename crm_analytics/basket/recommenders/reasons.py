"""Why an item is offered, in a few words."""

import numpy as np


def repeat_reason(counts: np.ndarray, days_since: np.ndarray, gaps: np.ndarray) -> list[str]:
    """Say that an item is due and at what rhythm it is bought, or how often and how lately.

    >>> repeat_reason(np.array([5, 5, 1]), np.array([30.0, 3.2, 1.0]), np.array([24.4, 24.4, np.nan]))
    ['due again: every 24 days, last 30 days ago', 'bought 5 times, last 3 days ago',
     'bought once, last 1 day ago']
    """
    return [
        f"due again: every {_days(gap)}, last {_days(days)} ago"
        if days >= gap and count > 1
        else f"bought {f'{count} times' if count > 1 else 'once'}, last {_days(days)} ago"
        for count, days, gap in zip(counts.tolist(), days_since.tolist(), gaps.tolist(), strict=True)
    ]


def popular_reason(shares: np.ndarray) -> list[str]:
    """Say what share of the late baskets holds an item.

    >>> popular_reason(np.array([0.123, 0.00004]))
    ['popular: in 12.3 % of baskets', 'popular: in 0.004 % of baskets']
    """
    return [f"popular: in {100 * share:.3g} % of baskets" for share in shares.tolist()]


def _days(days: float) -> str:
    whole = max(1, round(days))
    return f"{whole} day" if whole == 1 else f"{whole} days"
