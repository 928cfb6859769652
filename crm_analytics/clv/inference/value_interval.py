"""What a customer will bring, as a distribution: so many purchases, of so much each."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numba import njit
from scipy.special import gammaincinv, ndtri
from scipy.stats import qmc

from crm_analytics.clv.inference.customers import Customers
from crm_analytics.clv.inference.distinct import distinct_rows

N_POINTS = 256


def value_quantiles(
    model: Any,
    customers: Customers,
    spend: Any,
    mean_spend: np.ndarray,
    factor: np.ndarray,
    horizon: float,
    chances: tuple[float, float],
) -> tuple[np.ndarray, np.ndarray]:
    """Quantiles and variance of each customer's value at the estimated parameters.

    A quasi-random cube of 256 points stands for the chances of the number of purchases, of
    the customer's own mean spend, and of the spends themselves: the same for everybody, so
    that a customer's answer depends on nobody else.

    Parameters
    ----------
    model : fitted purchase model
    customers : Customers
    spend : fitted GammaGammaModel
    mean_spend : ndarray, shape (n_customers,)
        Over repeat purchases so far (currency).
    factor : ndarray, shape (n_customers,)
        What one unit spent in the horizon is worth: margin × mean discount.
    horizon : float
        Periods.
    chances : pair of float
        Levels of the two quantiles.

    Returns
    -------
    bounds : ndarray, shape (2, n_customers)
    variance : ndarray, shape (n_customers,)
    """
    cube = np.clip(qmc.Sobol(3, scramble=True, rng=np.random.default_rng(0)).random(N_POINTS), 1e-6, 1 - 1e-6)
    cube = cube[np.argsort(-cube[:, 0])]  # falling chances are rising numbers of purchases
    alive = model._alive(customers, model._theta(customers))
    x, place, _ = distinct_rows(customers.x)
    divisors = gammaincinv(spend.p_ * x[0][:, None] + spend.q_, cube[:, 1])
    scale = factor * (spend.v_ + customers.x * mean_spend)
    bounds, variance = np.zeros((2, customers.x.size)), np.zeros(customers.x.size)
    for rows, pair, at_least in _in_groups(model, customers, horizon):
        sums = _gamma_quantiles(spend.p_ * np.arange(1, at_least.shape[1] + 1), cube[:, 2])
        found = _quantiles(
            alive[rows], at_least, pair, place[rows], divisors, sums, scale[rows], np.ascontiguousarray(cube[:, 0]),
            np.array(chances),
        )  # fmt: skip
        bounds[:, rows] = found[:, :2].T
        variance[rows] = found[:, 2]
    return bounds, variance


def _in_groups(
    model: Any, customers: Customers, horizon: float
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Customers with about as many purchases to come together: their rows, futures, and whose is whose."""
    columns = [customers.x, customers.T, customers.t_x * model.RECENCY_MATTERS_IF_ALIVE, customers.group]
    (x, T, t_x, group), place, _ = distinct_rows(*columns)
    few = Customers.of(x, t_x, T, group=group.astype(np.int64), design=customers.design)
    theta = model._theta(few)
    mean, square = model._moments(horizon, few, theta).T
    likely = np.ceil(mean + 12 * np.sqrt(np.maximum(square - mean**2, 0)) + 3)
    # In powers of two, so that a customer's table does not depend on who else is there.
    width = 2 ** np.ceil(np.log2(likely)).astype(int)
    order = np.argsort(width[place], kind="stable")
    ends = np.flatnonzero(np.diff(width[place][order], append=0)) + 1
    for rows in np.split(order, ends[:-1]):
        most = int(width[place[rows[0]]])
        for some in np.array_split(rows, max(1, rows.size * most // 20_000_000)):
            used, pair = np.unique(place[some], return_inverse=True)
            part = Customers.of(x[used], t_x[used], T[used], group=few.group[used], design=few.design)
            yield some, pair, model._at_least(horizon, part, theta, most)


def _gamma_quantiles(shapes: np.ndarray, chances: np.ndarray) -> np.ndarray:
    """Quantiles of gamma distributions, shape (n_shapes, n_chances); Wilson & Hilferty's where shapes are large."""
    found = np.empty((shapes.size, chances.size))
    small = shapes < 100
    found[small] = gammaincinv(shapes[small, None], chances)
    a = shapes[~small, None]
    found[~small] = a * (1 - 1 / (9 * a) + ndtri(chances) / (3 * np.sqrt(a))) ** 3
    return found


@njit(cache=True)
def _quantiles(alive, at_least, pair, place, divisors, sums, scale, chances, levels):
    """Lower and upper quantile and variance of each customer's value."""
    n_points = chances.size
    out = np.zeros((alive.size, 3))
    values = np.empty(n_points)
    for i in range(alive.size):
        row = at_least[pair[i]]
        count, total, square = 0, 0.0, 0.0
        for s in range(n_points):
            while count < row.size and alive[i] * row[count] > chances[s]:
                count += 1
            values[s] = scale[i] * sums[count - 1, s] / divisors[place[i], s] if count > 0 else 0.0
            total += values[s]
            square += values[s] * values[s]
        mean = total / n_points
        out[i, 2] = max(square / n_points - mean * mean, 0.0)
        ordered = np.sort(values)
        for j in range(2):
            at = levels[j] * n_points - 0.5
            low = min(max(int(np.floor(at)), 0), n_points - 2)
            share = min(max(at - low, 0.0), 1.0)
            out[i, j] = ordered[low] + share * (ordered[low + 1] - ordered[low])
    return out
