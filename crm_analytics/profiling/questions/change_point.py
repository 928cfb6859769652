"""One change of taste in a row of choices: Dirichlet-multinomial Bayes factors, and order of two labels.

A row of choices c_1 ... c_n among some options (brands, types) is compared under two stories.
No change: all are drawn from one set of shares. A change: the first t from one set of shares and
the rest from another. In both stories shares come from the same Dirichlet distribution, whose
mean and concentration are what households of the population show. Shares are integrated out, so
nothing is estimated from the row itself and a change has to pay for its freedom.
"""

import math

import numpy as np
from numba import njit
from scipy.special import gammaln

# A segment shorter than this is no habit; a change is looked for between such segments only.
SHORTEST = 3
SLIP = 0.05  # chance that one of two labels that follow each other is on the wrong side
NOT_MOVED = -5.0  # log Bayes factor of a place where too little moved: as good as ruled out


def log_marginal(counts: np.ndarray, alpha: np.ndarray, total: float) -> float:
    """Log-probability of a row of choices with these counts, its shares ~ Dirichlet(alpha) integrated out.

    Γ(total) / Γ(total + n) Π Γ(alpha_k + n_k) / Γ(alpha_k). Options never chosen may be left out of
    `counts` and `alpha`, as long as `total` is the sum over all of them. Counts may be fractions.

    >>> round(float(np.exp(log_marginal(np.array([1.0, 1.0]), np.array([1.0, 1.0]), 2.0))), 6)  # 1/2 · 1/3
    0.166667
    """
    own = (gammaln(alpha + counts) - gammaln(alpha)).sum()
    return float(gammaln(total) - gammaln(total + counts.sum()) + own)


def log_change_factors(
    choices: np.ndarray, alpha: np.ndarray, total: float, *, shortest: int = SHORTEST
) -> np.ndarray:
    """Log Bayes factor of a change after each choice, against no change.

    Parameters
    ----------
    choices : ndarray of float, shape (n, n_options)
        One row a choice, in time order: 1 where it fell, or its shares among several (a row may sum
        to less than 1: a choice that repeats the one before says less).
    alpha : ndarray, shape (n_options,); total : float
        The Dirichlet distribution of shares; `total` covers options outside `choices` too.
    shortest : int
        Choices on either side at least.

    Returns
    -------
    ndarray, shape (n - 1,)
        Entry t - 1 for a change after t choices; -inf where a side is too short.
    """
    return _log_factors(
        np.ascontiguousarray(choices, np.float64),
        np.ascontiguousarray(alpha, np.float64),
        float(total),
        shortest,
    )


def log_switch_factors(
    choices: np.ndarray, alpha: np.ndarray, total: float, *, inflation: float = 1.0, least_moved: float
) -> np.ndarray:
    """As `log_change_factors`, where some option lost and another gained `least_moved` of the choices.

    `choices` sum to 1 each and count as 1 / `inflation`. A place where less moved counts as
    exp(`NOT_MOVED`) at most, so that the mean over places stays a Bayes factor, no larger than
    without the demand.
    """
    n = len(choices)
    factors = log_change_factors(choices / inflation, alpha, total)
    if n < 2 * SHORTEST:
        return factors
    done = choices.cumsum(axis=0)
    taken = np.arange(1.0, n)[:, None]
    moved = (done[-1] - done[:-1]) / (n - taken) - done[:-1] / taken
    enough = (moved.min(axis=1) <= -least_moved) & (moved.max(axis=1) >= least_moved)
    return np.where(enough, factors, np.minimum(factors, NOT_MOVED))


def sticky_orders(n: int, inflation: float, times: int, rng: np.random.Generator) -> np.ndarray:
    """Rows of n choices as they come without a change: which choice stands at each place.

    A row is the n choices in random order, in which each place repeats the one before with the
    probability that inflates variances so much: ρ with (1 + ρ) / (1 - ρ) = `inflation`. Shape (times, n).
    """
    repeats = (inflation - 1) / (inflation + 1)
    orders = rng.permuted(np.tile(np.arange(n), (times, 1)), axis=1)
    drawn = np.where(rng.random((times, n)) >= repeats, np.arange(n), 0)
    return np.take_along_axis(orders, np.maximum.accumulate(drawn, axis=1), axis=1)


def log_factors_of_orders(
    choices: np.ndarray,
    orders: np.ndarray,
    alpha: np.ndarray,
    total: float,
    *,
    inflation: float = 1.0,
    least_moved: float,
) -> np.ndarray:
    """Log Bayes factor of a change (`log_switch_factors`, mean over places) in each order of the choices.

    `orders` has shape (times, n). Returns shape (times,). Rows must have at least 2 · `SHORTEST` choices.
    """
    return _factors_of_orders(
        np.ascontiguousarray(choices, np.float64), orders, np.ascontiguousarray(alpha, np.float64),
        float(total), float(inflation), float(least_moved), SHORTEST, NOT_MOVED,
    )  # fmt: skip


def worth_asking(most: np.ndarray, odds: float) -> np.ndarray:
    """Which of several questions can pass when each is charged for the number asked.

    `most` holds the largest log Bayes factor each can reach, shape (n,). As many are asked as can
    be: the k with the largest, for the largest k whose k-th can still reach k / `odds`.

    >>> worth_asking(np.log([100.0, 2.0, 9.0]), odds=0.25).tolist()
    [True, False, True]
    """
    order = np.argsort(-most, kind="stable")
    able = most[order] >= np.log(np.arange(1, most.size + 1) / odds)
    k = int(np.flatnonzero(able).max()) + 1 if able.any() else 0
    asked = np.zeros(most.size, dtype=bool)
    asked[order[:k]] = True
    return asked


def log_bayes_factor(factors: np.ndarray) -> float:
    """Log Bayes factor of one change at an unknown place: the mean over places allowed; -inf if there is none.

    Every place is as likely as another beforehand, so a row with more of them pays more for the search.

    >>> round(float(np.exp(log_bayes_factor(np.log([1.0, 3.0])))), 6)
    2.0
    """
    top = factors.max(initial=-np.inf)
    if top == -np.inf:
        return -math.inf
    return float(top + math.log(np.exp(factors - top).sum() / (factors > -np.inf).sum()))


def log_order_factor(labels: np.ndarray) -> float:
    """Log Bayes factor of "first one label, then the other" against any order as likely as another.

    Parameters
    ----------
    labels : ndarray of bool, shape (n,)
        In time order: True is the label that is claimed to come later.

    Returns
    -------
    float
        With k of n True and w(t) labels on the wrong side of place t: C(n, k) times the sum over t = 0 ... n of
        s^w (1 - s)^(n - w). Under the claim every place of the change is alike and a label slips to
        the wrong side with chance s = .05 (a visitor, a relapse); under the null every share of the
        two is alike.

    >>> round(float(np.exp(log_order_factor(np.repeat([False, True], [4, 5])))), 1)  # C(9, 4) = 126 orders
    88.2
    """
    n, later = labels.size, int(labels.sum())
    wrong = wrong_sides(labels)
    each = wrong * math.log(SLIP) + (n - wrong) * math.log1p(-SLIP)
    top = float(each.max())
    return math.log(math.comb(n, later)) + top + math.log(np.exp(each - top).sum())


def wrong_sides(labels: np.ndarray) -> np.ndarray:
    """How many labels are on the wrong side of each place, True belonging after it; shape (n + 1,).

    >>> wrong_sides(np.array([False, True, False, True])).tolist()
    [2, 1, 2, 1, 2]
    """
    later_before = np.concatenate([[0], np.cumsum(labels)])
    earlier_after = (~labels).sum() - (np.arange(labels.size + 1) - later_before)
    return np.asarray(later_before + earlier_after)


@njit(cache=True)
def _log_factors(choices, alpha, total, shortest):
    n, k = choices.shape
    after = np.zeros(k)
    for i in range(n):
        for j in range(k):
            after[j] += choices[i, j]
    mass_after = after.sum()
    base = math.lgamma(total)
    # No change: Γ(total) / Γ(total + n) Π Γ(alpha + n_k) / Γ(alpha); what follows is relative to it.
    none = base - math.lgamma(total + mass_after)
    right = np.empty(k)
    left = np.zeros(k)
    own = np.empty(k)
    for j in range(k):
        own[j] = math.lgamma(alpha[j])
        right[j] = math.lgamma(alpha[j] + after[j]) - own[j]
        none += right[j]
    before = np.zeros(k)
    mass_before = 0.0
    out = np.full(max(n - 1, 0), -np.inf)
    for t in range(1, n):
        for j in range(k):
            moved = choices[t - 1, j]
            if moved != 0.0:
                before[j] += moved
                after[j] = max(after[j] - moved, 0.0)
                mass_before += moved
                mass_after -= moved
                left[j] = math.lgamma(alpha[j] + before[j]) - own[j]
                right[j] = math.lgamma(alpha[j] + after[j]) - own[j]
        if t >= shortest and n - t >= shortest:
            value = 2 * base - math.lgamma(total + mass_before) - math.lgamma(total + max(mass_after, 0.0))
            for j in range(k):
                value += left[j] + right[j]
            out[t - 1] = value - none
    return out


@njit(cache=True)
def _factors_of_orders(choices, orders, alpha, total, inflation, least_moved, shortest, not_moved):
    """As `_log_factors` of each order, with ln Γ looked up where each choice is of one option."""
    n, k = choices.shape
    plain = True
    for value in choices.ravel():
        plain = plain and (value == 0.0 or value == 1.0)
    base = math.lgamma(total)
    of_mass = np.empty(n + 1)
    of_count = np.empty((k, n + 1))
    for t in range(n + 1):
        of_mass[t] = base - math.lgamma(total + t / inflation)
        for j in range(k):
            of_count[j, t] = math.lgamma(alpha[j] + t / inflation) - math.lgamma(alpha[j])
    out = np.empty(len(orders))
    whole, before, own = np.empty(k), np.empty(k), np.empty(k)
    factors = np.empty(n)
    for i in range(len(orders)):
        whole[:] = 0.0
        before[:] = 0.0
        for t in range(n):
            for j in range(k):
                whole[j] += choices[orders[i, t], j]
        none = of_mass[n]
        for j in range(k):
            own[j] = _log_rising(alpha[j], whole[j], inflation, plain, of_count[j])
            none += own[j]
        top = -np.inf
        for t in range(1, n):
            value = of_mass[t] + of_mass[n - t] - none
            falls, rises = 0.0, 0.0
            for j in range(k):
                gained = choices[orders[i, t - 1], j]
                if gained != 0.0:
                    before[j] += gained
                    left = max(whole[j] - before[j], 0.0)
                    own[j] = _log_rising(alpha[j], before[j], inflation, plain, of_count[j])
                    own[j] += _log_rising(alpha[j], left, inflation, plain, of_count[j])
                value += own[j]
                moved = (whole[j] - before[j]) / (n - t) - before[j] / t
                falls, rises = min(falls, moved), max(rises, moved)
            if t < shortest or n - t < shortest:
                continue
            if -falls < least_moved or rises < least_moved:
                value = min(value, not_moved)
            factors[t] = value
            top = max(top, value)
        mass = 0.0
        for t in range(shortest, n - shortest + 1):
            mass += math.exp(factors[t] - top)
        out[i] = top + math.log(mass / (n - 2 * shortest + 1))
    return out


@njit(cache=True)
def _log_rising(alpha, count, inflation, plain, known):
    """ln Γ(alpha + count / inflation) - ln Γ(alpha); looked up in `known` if counts are whole."""
    if plain:
        return known[round(count)]
    return math.lgamma(alpha + count / inflation) - math.lgamma(alpha)
