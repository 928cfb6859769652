"""Why an item is offered, in a few words."""

import numpy as np

LAPSED = 3.0  # rhythms without a purchase, after which an item is given up rather than due


def repeat_reason(
    counts: np.ndarray, days: np.ndarray, days_since: np.ndarray, gaps: np.ndarray
) -> list[str]:
    """Say that an item is due and at what rhythm it is bought, or how often and how lately.

    Due is what was bought on two days or more and waits for one to `LAPSED` of its rhythms.

    >>> repeat_reason(np.array([5, 5, 5, 1]), np.array([5, 5, 5, 1]), np.array([30.0, 3.2, 90.0, 1.0]),
    ...     np.array([24.4, 24.4, 24.4, np.nan]))
    ['due again: about every 24 days, last 30 days ago', 'bought 5 times, last 3 days ago',
     'bought 5 times, last 90 days ago', 'bought once, last 1 day ago']
    """
    return [
        f"due again: about every {_days(gap)}, last {_days(since)} ago"
        if n_days > 1 and gap <= since <= LAPSED * gap
        else f"bought {f'{count} times' if count > 1 else 'once'}, last {_days(since)} ago"
        for count, n_days, since, gap in zip(
            counts.tolist(), days.tolist(), days_since.tolist(), gaps.tolist(), strict=True
        )
    ]


def popular_reason(shares: np.ndarray) -> list[str]:
    """Say what share of the late baskets holds an item.

    >>> popular_reason(np.array([0.123, 0.00004]))
    ['popular: in 12.3 % of late baskets', 'popular: in 0.004 % of late baskets']
    """
    return [f"popular: in {100 * share:.3g} % of late baskets" for share in shares.tolist()]


def _days(days: float) -> str:
    whole = max(1, round(days))
    return f"{whole} day" if whole == 1 else f"{whole} days"
