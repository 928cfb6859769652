"""What a retention campaign earns if a score picks whom to contact.

A contacted churner accepts the offer with probability γ and then stays; one who would have
stayed anyway takes the offer and changes nothing. So a contact brings, on average,

- γ (clv - offer_cost) - contact_cost from a churner,
- -(offer_cost + contact_cost) from any other customer.

Contacting all with at least a given score thus earns a + b γ: each threshold is a line in γ, and
the best threshold for every γ is their upper envelope. γ itself is known only as a
distribution; over the envelope, straight piece by straight piece, its mean has a closed form.
"""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numba import njit
from scipy.special import betainc

from crm_analytics.metrics.thresholds import CURVE_POINTS, Steps, binary_outcome, score_steps


class Profit(NamedTuple):
    """What the best use of a score earns, and the bounds that it lies between.

    Attributes
    ----------
    value : float
        Profit, currency per customer of the whole base, contacted or not.
    fraction : float in [0, 1]
        Of customers to contact for it, those with the highest scores.
    trivial : float
        What a score without information is worth: contact all or nobody, whichever is better.
    perfect : float
        What is earned by contacting exactly the churners whose stay pays.
    skill : float in [0, 1]
        (value - trivial) / (perfect - trivial); 0 is no better than chance. NaN where the two
        are equal, so that no score could earn more than another.
    """

    value: float
    fraction: float
    trivial: float
    perfect: float
    skill: float


def empc(
    y_true: Any,
    y_score: Any,
    *,
    clv: Any = 200.0,
    offer_cost: float = 10.0,
    contact_cost: float = 1.0,
    alpha: float = 6.0,
    beta: float = 14.0,
) -> Profit:
    """Expected maximum profit for churn: acceptance is uncertain, Beta(alpha, beta) distributed.

    The defaults are those of Verbraken and others: a churner accepts with probability .3, give
    or take .1. Read `skill`, or `value` beside `trivial`: where many leave or the offer is
    cheap, a score that knows nothing already earns most of what can be earned.

    Parameters
    ----------
    y_true : array of 0 and 1 (or bool), shape (n,)
        1 where the customer left.
    y_score : array, shape (n,)
        Higher means likelier to leave; any unit, only the order counts. Customers with equal
        scores are contacted together, so that row order does not matter (but for the rounding of
        sums of unequal `clv`).
    clv : float, or array of shape (n,)
        Worth of a customer who stays (currency). As an array, each customer's own: then the
        order of churners counts too, and `perfect` leaves out those whose stay does not pay.
        May be below the cost of the offer; nobody is contacted for a loss on the whole.
    offer_cost : float >= 0
        Paid to whoever takes the offer (currency).
    contact_cost : float >= 0
        Paid for whoever is contacted (currency).
    alpha, beta : float > 0
        Of the distribution of the probability that a contacted churner accepts.

    Returns
    -------
    Profit
        Of currency per customer. With no churner at all the best is to contact nobody: all is
        0 and `skill` is NaN.

    Raises
    ------
    ValueError
        If outcomes are not 0 and 1, a score or a worth is not known, lengths differ, or a cost
        or parameter is out of its range.

    References
    ----------
    Verbraken, Verbeke & Baesens (2013), A novel profit maximizing metric for measuring
    classification performance of customer churn prediction models, IEEE TKDE 25(5), with
    offer_cost = δ CLV and contact_cost = φ CLV.

    Examples
    --------
    >>> empc([0, 1, 0, 1, 0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]).value
    23.87559341...
    >>> empc([0, 0, 0, 1], [5, 5, 5, 5])
    Profit(value=5.92..., fraction=0.89..., trivial=5.92..., perfect=14.00..., skill=0.0)
    """
    if not (alpha > 0 and beta > 0 and np.isfinite(alpha + beta)):
        raise ValueError(f"alpha and beta must be finite and > 0. Got {alpha!r} and {beta!r} instead.")
    y, score, margin = _campaign(y_true, y_score, clv, offer_cost, contact_cost)
    steps, intercept, slope = _lines(y, score, margin, offer_cost, contact_cost)
    best = _upper_hull(intercept, slope)
    value, fraction = _expected_maximum(steps, intercept, slope, best, alpha, beta)
    trivial, _ = _expected_maximum(
        steps, intercept, slope, _upper_hull_of_ends(intercept, slope), alpha, beta
    )
    return _judged(value, fraction, trivial, _perfect_over_beta(margin, contact_cost, alpha, beta) / y.size)


def mpc(
    y_true: Any,
    y_score: Any,
    *,
    clv: Any = 200.0,
    offer_cost: float = 10.0,
    contact_cost: float = 1.0,
    acceptance: float = 0.3,
) -> Profit:
    """Maximum profit for churn: a contacted churner accepts with a known probability.

    What `empc` gives if the acceptance has no spread. Of thresholds that earn the same, the one
    that contacts the fewest counts.

    Parameters
    ----------
    y_true, y_score, clv, offer_cost, contact_cost
        As for `empc`.
    acceptance : float in [0, 1]

    Returns
    -------
    Profit

    Raises
    ------
    ValueError
        As `empc`; or if `acceptance` is not a probability.

    Examples
    --------
    >>> mpc([0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4])
    Profit(value=25.25, fraction=0.75, trivial=22.5, perfect=28.0, skill=0.5)
    """
    _check_acceptance(acceptance)
    y, score, margin = _campaign(y_true, y_score, clv, offer_cost, contact_cost)
    steps, intercept, slope = _lines(y, score, margin, offer_cost, contact_cost)
    profit = intercept + acceptance * slope
    k = int(profit.argmax())
    perfect = np.maximum(acceptance * margin - contact_cost, 0).sum() / y.size
    return _judged(profit[k], _contacted(steps, k), max(0.0, profit[-1]), perfect)


def profit_curve(
    y_true: Any,
    y_score: Any,
    *,
    clv: Any = 200.0,
    offer_cost: float = 10.0,
    contact_cost: float = 1.0,
    acceptance: float = 0.3,
) -> pd.DataFrame:
    """Profit of a campaign by how many it contacts, the highest scores first.

    Parameters
    ----------
    y_true, y_score, clv, offer_cost, contact_cost, acceptance
        As for `mpc`.

    Returns
    -------
    DataFrame
        From nobody to everybody, a row a distinct score, evenly thinned to about 1,000 (the best
        is kept): `fraction` of customers contacted, `profit` (currency per customer of the whole
        base), `random` (the same of as many drawn at random), `threshold` (contact scores at or
        above it; infinite in the first row). Between rows, where some of those with equal
        scores are contacted, the profit is on the straight line.

    Examples
    --------
    >>> profit_curve([0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4])
       fraction  profit  random  threshold
    0      0.00    0.00   0.000        inf
    1      0.25   14.00   5.625        0.4
    2      0.50   11.25  11.250        0.3
    3      0.75   25.25  16.875        0.2
    4      1.00   22.50  22.500        0.1
    """
    _check_acceptance(acceptance)
    y, score, margin = _campaign(y_true, y_score, clv, offer_cost, contact_cost)
    steps, intercept, slope = _lines(y, score, margin, offer_cost, contact_cost)
    profit, fraction = intercept + acceptance * slope, _contacted(steps)
    n = min(profit.size, CURVE_POINTS)
    # Even in customers, not in scores: a rare score far off would be a jump otherwise.
    kept = np.searchsorted(fraction, np.linspace(0, 1, n) - 1e-12) if n < profit.size else np.arange(n)
    kept = np.unique([0, *kept, profit.argmax(), profit.size - 1])
    return pd.DataFrame(
        {
            "fraction": fraction[kept],
            "profit": profit[kept],
            "random": fraction[kept] * profit[-1],
            "threshold": steps.threshold[kept],
        }
    )


def _campaign(
    y_true: Any, y_score: Any, clv: Any, offer_cost: float, contact_cost: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outcomes, scores, and what each churner's stay is worth less the offer (currency)."""
    for name, cost in [("offer_cost", offer_cost), ("contact_cost", contact_cost)]:
        if not (cost >= 0 and np.isfinite(cost)):
            raise ValueError(f"{name} must be finite and >= 0. Got {cost!r} instead.")
    y, score = binary_outcome(y_true, y_score)
    worth = np.asarray(clv, dtype=float)
    if worth.shape not in ((), y.shape):
        raise ValueError(
            f"clv must be one number or one for each of {y.size:,} customers. Got shape {worth.shape} instead."
        )
    unknown = ~np.isfinite(worth)
    if unknown.any():
        raise ValueError(
            f"clv must be finite, but {unknown.sum():,} of {worth.size:,} break this "
            f"(first at row {unknown.argmax():,})."
        )
    margin = worth[y] if worth.ndim else np.broadcast_to(worth, int(np.count_nonzero(y)))
    return y, score, margin - offer_cost


def _check_acceptance(acceptance: float) -> None:
    if not 0 <= acceptance <= 1:
        raise ValueError(f"acceptance must be in [0, 1]. Got {acceptance!r} instead.")


def _lines(
    y: np.ndarray, score: np.ndarray, margin: np.ndarray, offer_cost: float, contact_cost: float
) -> tuple[Steps, np.ndarray, np.ndarray]:
    """Profit per customer at each threshold, intercept + slope γ."""
    churners, others = score[y], np.sort(score[~y])  # two small sorts; one by index takes far longer
    if margin.size and (margin != margin[0]).any():
        order = np.argsort(churners)
        churners, margin = churners[order], margin[order]
        gained = np.concatenate([[0.0], np.cumsum(margin[::-1])])
    else:
        churners = np.sort(churners)
        gained = margin[:1].sum() * np.arange(churners.size + 1)
    steps = score_steps(churners, others)
    costs = float(contact_cost), float(offer_cost + contact_cost)
    return steps, *_mean_lines(steps.positives, steps.negatives, gained, *costs, y.size)


@njit(cache=True)
def _mean_lines(
    positives: np.ndarray,
    negatives: np.ndarray,
    gained: np.ndarray,
    cost_of_positive: float,
    cost_of_negative: float,
    n: int,
) -> tuple[np.ndarray, np.ndarray]:  # pragma: no cover
    """Intercept and slope of each step; in one pass, where NumPy would make six."""
    intercept, slope = np.empty(positives.size), np.empty(positives.size)
    for k in range(positives.size):
        intercept[k] = -(cost_of_positive * positives[k] + cost_of_negative * negatives[k]) / n
        slope[k] = gained[positives[k]] / n
    return intercept, slope


def _contacted(steps: Steps, rows: Any = slice(None)) -> Any:
    reached = steps.positives[rows] + steps.negatives[rows]
    return reached / (steps.positives[-1] + steps.negatives[-1])


@njit(cache=True)
def _upper_hull(intercept: np.ndarray, slope: np.ndarray) -> np.ndarray:  # pragma: no cover
    """Lines that are the highest of all for some γ >= 0, from γ = 0 upwards.

    Intercepts must not rise. A line that is no steeper than an earlier one is then below it.
    """
    kept = np.empty(slope.size, dtype=np.int64)
    kept[0] = 0
    top = 0
    for k in range(1, slope.size):
        if slope[k] <= slope[kept[top]]:
            continue
        while top > 0:
            a, b = kept[top - 1], kept[top]
            # It is the highest nowhere if the one below meets the new one before it meets this one.
            passed = (slope[k] - slope[a]) * (intercept[b] - intercept[a])
            if passed > (slope[b] - slope[a]) * (intercept[k] - intercept[a]):
                break
            top -= 1
        top += 1
        kept[top] = k
    return kept[: top + 1].copy()


def _upper_hull_of_ends(intercept: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Nobody, and everybody if that is ever better: all that a score without information can do."""
    ends = np.array([0, slope.size - 1])
    return ends[_upper_hull(intercept[ends], slope[ends])]


def _expected_maximum(
    steps: Steps, intercept: np.ndarray, slope: np.ndarray, best: np.ndarray, alpha: float, beta: float
) -> tuple[float, float]:
    """Mean over γ of the highest line, and of the fraction contacted on it."""
    a, b = intercept[best], slope[best]
    switch = np.clip(-np.diff(a) / np.diff(b), 0, 1)
    gamma = np.concatenate([[0.0], switch, [1.0]])
    chance = np.diff(betainc(alpha, beta, gamma))
    accepted = alpha / (alpha + beta) * np.diff(betainc(alpha + 1, beta, gamma))  # of γ where each is best
    return a @ chance + b @ accepted, _contacted(steps, best) @ chance


def _perfect_over_beta(margin: np.ndarray, contact_cost: float, alpha: float, beta: float) -> float:
    """Sum over churners of the mean over γ of max(0, γ margin - contact_cost)."""
    if margin.size == 0:
        return 0.0
    worth, n = np.unique(margin, return_counts=True)
    worth, n = worth[worth > 0], n[worth > 0]
    least = np.minimum(contact_cost / worth, 1)  # acceptance from which a contact pays
    accepted = alpha / (alpha + beta) * (1 - betainc(alpha + 1, beta, least))
    return float(n @ (worth * accepted - contact_cost * (1 - betainc(alpha, beta, least))))


def _judged(value: float, fraction: float, trivial: float, perfect: float) -> Profit:
    room = perfect - trivial
    skill = np.clip((value - trivial) / room, 0, 1) if room > 1e-12 * perfect else np.nan
    return Profit(float(value), float(fraction), float(trivial), float(perfect), float(skill))
