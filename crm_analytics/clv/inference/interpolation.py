"""Answers that are smooth in a customer's age, from a few ages: for time without ticks."""

from collections.abc import Callable

import numpy as np
from numba import njit

N_NODES = 26
HIGHEST = 64  # frequency up to which so many nodes are enough

_ANGLES = np.pi * (np.arange(N_NODES) + 0.5) / N_NODES
_NODES = np.cos(_ANGLES)  # Chebyshev's, on [-1, 1]
# From values at the nodes to the coefficients of Chebyshev's polynomials.
_TO_COEFFICIENTS = 2 / N_NODES * np.cos(np.outer(np.arange(N_NODES), _ANGLES))
_TO_COEFFICIENTS[0] /= 2


def smooth_in_age(
    x: np.ndarray, T: np.ndarray, offset: float, answer: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> np.ndarray:
    """`answer(x, T)` of many customers, all of different ages.

    For one frequency the answers of these models are analytic in T, with no singularity
    above -`offset`. So T + offset is cut at the powers of two, and within each panel a
    polynomial through 26 nodes is exact to about 1e-13. Panels do not depend on who is in
    the table. Frequencies above 64 are asked one by one.

    Parameters
    ----------
    x, T : ndarray of float, shape (n,)
    offset : float > 0
    answer : callable
        From frequencies and ages to an array of shape (n,) or (n, k).

    >>> found = smooth_in_age(np.zeros(3), np.array([0.1, 2.0, 30.0]), 1.0, lambda x, T: 1 / (T + 1) ** 2)
    >>> bool(np.abs(found * np.array([1.1, 3.0, 31.0]) ** 2 - 1).max() < 1e-12)
    True
    """
    few = x <= HIGHEST
    mantissa, exponent = np.frexp(T + offset)
    lowest = int(exponent.min())
    n_panels = int(exponent.max()) - lowest + 1
    cells = np.minimum(x, HIGHEST).astype(np.int64) * n_panels + (exponent - lowest)
    used = np.flatnonzero(np.bincount(cells[few], minlength=(HIGHEST + 1) * n_panels))
    place = np.zeros((HIGHEST + 1) * n_panels, dtype=np.int64)
    place[used] = np.arange(len(used))
    frequency, panel = np.divmod(np.asarray(used, dtype=np.int64), n_panels)
    ages = np.ldexp((3 + _NODES) / 4, (panel + lowest)[:, None]) - offset
    at_nodes = answer(np.repeat(frequency.astype(float), N_NODES), ages.ravel())
    alone = answer(x[~few], T[~few]) if not few.all() else at_nodes[:0]
    columns = at_nodes.reshape(len(used), N_NODES, -1)
    coefficients = np.ascontiguousarray(np.einsum("cn,unk->kuc", _TO_COEFFICIENTS, columns))
    out = np.empty((x.size, columns.shape[2]))
    for k in range(columns.shape[2]):
        out[:, k] = _evaluate(coefficients[k], place[cells], 4 * mantissa - 3)
    out[~few] = alone.reshape(-1, columns.shape[2])
    return out.reshape(x.shape + at_nodes.shape[1:])


@njit(cache=True)
def _evaluate(coefficients, cell, u):
    """Chebyshev series by Clenshaw's recursion, `cell` naming each row's coefficients."""
    out = np.empty(u.size)
    last = coefficients.shape[1] - 1
    for i in range(u.size):
        c, two_u = coefficients[cell[i]], 2 * u[i]
        b_1, b_2 = c[last], 0.0
        for j in range(last - 1, 0, -1):
            b_1, b_2 = c[j] + two_u * b_1 - b_2, b_1
        out[i] = c[0] + u[i] * b_1 - b_2
    return out
