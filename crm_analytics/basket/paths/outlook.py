"""From rates to the chance of each product within so many days, and when."""

import numpy as np


def outlook(
    rates: np.ndarray, edges: np.ndarray, waited: np.ndarray, within: np.ndarray | float, package_size: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the next step brings those who have `waited` so long since their last one.

    Parameters
    ----------
    rates : ndarray, shape (n, n_items, n_intervals)
        Events a day while there was no next step; 0 for what cannot come.
    edges : ndarray
        Where each interval of days since the last step begins; the last has no end.
    waited : ndarray of shape (n,)
        Days since the last step.
    within : float, or ndarray of shape (n,)
        Days from now; inf for whenever it comes, the last interval's rate going on.
    package_size : float
        Products of a step, in the mean, so that the rates of all products overstate the rate
        of steps by so much.

    Returns
    -------
    probability : ndarray, shape (n, n_items)
        That the next step comes within the days and takes up the product.
    by_interval : ndarray, shape (n, n_items, n_intervals)
        The same, by the interval in which it comes.
    survival : ndarray, shape (n, n_intervals + 1)
        Share without a next step when each interval begins, and at the end.
    """
    step_rate = rates.sum(axis=1) / package_size
    days = _days_in(edges, waited, within)
    with np.errstate(invalid="ignore", divide="ignore"):
        gone = np.where(step_rate > 0, step_rate * days, 0.0)  # 0 x inf days is nothing
        survival = np.exp(-np.concatenate([np.zeros((len(rates), 1)), np.cumsum(gone, axis=1)], axis=1))
        weight = np.where(step_rate > 0, -np.expm1(-gone) * survival[:, :-1] / step_rate, 0.0)
    by_interval = rates * weight[:, None, :]
    return np.minimum(by_interval.sum(axis=2), 1.0), by_interval, survival


def time_to_half(
    by_interval: np.ndarray,
    survival: np.ndarray,
    edges: np.ndarray,
    waited: np.ndarray,
    within: np.ndarray | float,
) -> np.ndarray:
    """Days from now by which half of what comes within the days has come, shape (n,).

    `by_interval`, shape (n, n_intervals), and `survival` are from `outlook`. NaN where nothing comes,
    or half of it only where the last interval goes on without end.
    """
    reached = np.cumsum(by_interval, axis=1)
    half = reached[:, -1] / 2
    at = (reached >= half[:, None]).argmax(axis=1)
    row = np.arange(waited.size)
    mine = by_interval[row, at]
    before, days = reached[row, at] - mine, _days_in(edges, waited, within)[row, at]
    with np.errstate(invalid="ignore", divide="ignore"):
        gone = np.log(survival[row, at] / survival[row, at + 1])
        part = -np.log1p((half - before) / mine * np.expm1(-gone)) / gone
        found = np.maximum(edges[at] - waited, 0.0) + part * days
    return np.where((half > 0) & np.isfinite(days), found, np.nan)


def median_wait(
    survival: np.ndarray, edges: np.ndarray, waited: np.ndarray, within: np.ndarray
) -> np.ndarray:
    """Days from now by which half have taken a next step, shape (n,); NaN if it is more than `within`."""
    at = (survival[:, 1:] <= 0.5).argmax(axis=1)
    row = np.arange(waited.size)
    days = _days_in(edges, waited, within)[row, at]
    with np.errstate(invalid="ignore", divide="ignore"):
        part = np.log(2 * survival[row, at]) / np.log(survival[row, at] / survival[row, at + 1])
        found = np.maximum(edges[at] - waited, 0.0) + part * days
    return np.where(survival[:, -1] <= 0.5, found, np.nan)


def _days_in(edges: np.ndarray, waited: np.ndarray, within: np.ndarray | float) -> np.ndarray:
    """Days that [waited, waited + within) has in each interval, shape (n, n_intervals)."""
    begin = np.maximum(edges, waited[:, None])
    end = np.minimum(np.append(edges[1:], np.inf), (waited + within)[:, None])
    return np.maximum(end - begin, 0.0)
