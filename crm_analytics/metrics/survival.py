"""How long until something happens, when not everyone has been watched until it did."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri


def kaplan_meier(
    durations: Any,
    observed: Any,
    *,
    entry: Any = None,
    weights: Any = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Share of customers to whom nothing has happened yet, by time; Kaplan and Meier (1958).

    Those who left the watch before the event count for as long as they were watched. At
    equal times events come before departures.

    Parameters
    ----------
    durations : array of shape (n,)
        Time watched, from the common origin (any unit, >= 0 and finite).
    observed : array of bool, shape (n,)
        Whether the watch ended with the event; if not, it is censored.
    entry : array of shape (n,), optional
        When each came under watch, from the same origin (0 by default, < duration): customers
        whose early time cannot have been seen. Where few are watched early the curve may fall
        far on one event, and stays there.
    weights : array of shape (n,), optional
        How many customers each stands for (> 0).
    level : float in (0, 1)
        Of the interval.

    Returns
    -------
    DataFrame
        A row for time 0, for each time with an event, and for the longest duration: `time`,
        `at_risk` (just before), `events`, `survival` (in [0, 1]), `se` (Greenwood 1926), `lower`,
        `upper` (by the log-log transform, so inside [0, 1]; NaN where survival is 0).

    Raises
    ------
    ValueError
        If there is no duration, or one is negative, infinite or not after its entry.

    References
    ----------
    Kalbfleisch & Prentice (2002), The Statistical Analysis of Failure Time Data, section 1.4.

    Examples
    --------
    >>> kaplan_meier([5, 8, 8, 12], [True, True, False, False])[["time", "at_risk", "survival"]]
       time  at_risk  survival
    0   0.0      4.0      1.00
    1   5.0      4.0      0.75
    2   8.0      3.0      0.50
    3  12.0      1.0      0.50
    """
    time, happened, begun, weight = _watched(durations, observed, entry, weights)
    z = _z(level)
    at, events, at_risk = _risk_sets(time, happened, begun, weight)
    # The last at risk may leave rounding of their weights behind.
    left = np.where(np.isclose(events, at_risk, rtol=1e-12, atol=0), 0.0, at_risk - events)
    survival = np.cumprod(left / at_risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.cumsum(events / (at_risk * left))
        se = np.where(survival > 0, survival * np.sqrt(greenwood), 0.0)
        spread = np.exp(z * np.sqrt(greenwood) / np.abs(np.log(survival)))
        lower = np.where(survival > 0, survival**spread, np.nan)
        upper = np.where(survival > 0, survival ** (1 / spread), np.nan)
    table = pd.DataFrame(
        {
            "time": at,
            "at_risk": at_risk,
            "events": events,
            "survival": survival,
            "se": se,
            "lower": lower,
            "upper": upper,
        }
    )
    start = {"time": 0.0, "at_risk": weight[begun <= 0].sum(), "events": 0.0, "survival": 1.0}
    return _with_ends(table, start | {"se": 0.0, "lower": 1.0, "upper": 1.0}, time, weight)


def cumulative_incidence(
    durations: Any, cause: Any, *, entry: Any = None, weights: Any = None, level: float = 0.95
) -> pd.DataFrame:
    """Share of customers to whom each of several things happened first, by time; Aalen and Johansen (1978).

    The shares of all causes and what `kaplan_meier` gives for any of them add up to 1. One
    minus a Kaplan-Meier curve of one cause alone, the others taken as censored, is larger: it
    tells of a world in which the others cannot happen.

    Parameters
    ----------
    durations, entry, weights, level
        As for `kaplan_meier`.
    cause : array of shape (n,)
        What ended the watch; 0, None, NaN or False where it is censored.

    Returns
    -------
    DataFrame
        Sorted by `cause` and `time`, for each cause a row for time 0, for each time with an event
        of any cause, and for the longest duration: `cause`, `time`, `at_risk`, `events` (of this
        cause), `incidence` (in [0, 1]), `se` (delta method), `lower`, `upper` (log-log transform;
        NaN while the incidence is 0). Empty if nothing happened to anyone.

    References
    ----------
    Marubini & Valsecchi (1995), Analysing Survival Data from Clinical Trials, section 10.2, for the
    variance; Choudhury (2002), Statistics in Medicine 21, for the interval.

    Examples
    --------
    >>> table = cumulative_incidence([2, 3, 4, 6, 9], ["card", "loan", "card", None, "loan"])
    >>> table.groupby("cause")["incidence"].max().round(3)
    cause
    card    0.4
    loan    0.6
    Name: incidence, dtype: float64
    """
    causes = np.asarray(cause)
    if causes.dtype.kind not in "biuf":
        causes = causes.astype(object)
    censored = np.asarray(pd.isna(causes)) | (causes == 0)
    time, happened, begun, weight = _watched(durations, ~censored, entry, weights)
    z = _z(level)
    at, events, at_risk = _risk_sets(time, happened, begun, weight)
    left = np.where(np.isclose(events, at_risk, rtol=1e-12, atol=0), 0.0, at_risk - events)
    before = np.concatenate([[1.0], np.cumprod(left / at_risk)[:-1]])  # survival just before each time
    # Once nobody is left no incidence rises any more, so that the term has no weight.
    greenwood = np.divide(events, at_risk * left, out=np.zeros_like(left), where=left > 0)
    names = pd.unique(causes[~censored])
    try:
        names = np.sort(names)
    except TypeError:  # words and numbers mixed keep the order in which they come
        names = np.asarray(names, dtype=object)
    tables = []
    for name in names:
        mine = happened & (causes == name)
        d = np.bincount(np.searchsorted(at, time[mine]), weights=weight[mine], minlength=at.size)
        incidence = np.cumsum(before * d / at_risk)
        se = _incidence_se(incidence, before, d, at_risk, greenwood)
        with np.errstate(divide="ignore", invalid="ignore"):
            inside = (incidence > 0) & (incidence < 1 - 1e-12)
            spread = np.exp(np.where(inside, z * se / (incidence * np.abs(np.log(incidence))), np.nan))
            lower = np.where(inside, incidence**spread, np.nan)
            upper = np.where(inside, incidence ** (1 / spread), np.nan)
        table = pd.DataFrame(
            {
                "time": at,
                "at_risk": at_risk,
                "events": d,
                "incidence": incidence,
                "se": se,
                "lower": lower,
                "upper": upper,
            }
        )
        start = {"time": 0.0, "at_risk": weight[begun <= 0].sum(), "events": 0.0, "incidence": 0.0}
        ends = _with_ends(table, start | {"se": 0.0, "lower": np.nan, "upper": np.nan}, time, weight)
        ends.insert(0, "cause", name)
        tables.append(ends)
    if not tables:
        columns = ["cause", "time", "at_risk", "events", "incidence", "se", "lower", "upper"]
        return pd.DataFrame({column: pd.Series(dtype=float) for column in columns})
    return pd.concat(tables, ignore_index=True)


def survival_quantile(table: pd.DataFrame, share: float = 0.5) -> float:
    """First time by which the event came to at least `share`; NaN if the curve does not reach it.

    `table` is that of `kaplan_meier`, or one cause's rows of `cumulative_incidence`.

    >>> curve = kaplan_meier([5, 8, 8, 12], [True, True, False, False])
    >>> survival_quantile(curve), survival_quantile(curve, 0.6)
    (8.0, nan)
    """
    if not 0 < share < 1:
        raise ValueError(f"share must be in (0, 1). Got {share!r} instead.")
    happened = 1 - table["survival"] if "survival" in table else table["incidence"]
    reached = (
        happened >= share - 1e-12
    ).to_numpy()  # a product of fractions may miss a half by its last digit
    return float(table["time"].to_numpy()[reached.argmax()]) if reached.any() else float("nan")


def _watched(durations: Any, observed: Any, entry: Any, weights: Any) -> tuple[np.ndarray, ...]:
    time = np.asarray(durations, dtype=float)
    happened = np.asarray(observed).astype(bool)
    begun = np.full(time.shape, -np.inf) if entry is None else np.asarray(entry, dtype=float)
    weight = np.ones(time.shape) if weights is None else np.asarray(weights, dtype=float)
    if time.ndim != 1 or time.size == 0:
        raise ValueError(f"durations must be a list of at least one. Got the shape {time.shape} instead.")
    for name, values in [("observed", happened), ("entry", begun), ("weights", weight)]:
        if values.shape != time.shape:
            raise ValueError(
                f"{name} must be as long as durations, {time.size:,}. Got {values.shape} instead."
            )
    lawful = np.isfinite(time) & (time >= 0) & (begun < time) & (weight > 0) & np.isfinite(weight)
    if not lawful.all():
        raise ValueError(
            "durations must be finite, >= 0 and after their entry, and weights > 0, but "
            f"{(~lawful).sum():,} of {time.size:,} break this (first at row {(~lawful).argmax():,})."
        )
    return time, happened, begun, weight


def _risk_sets(
    time: np.ndarray, happened: np.ndarray, begun: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distinct times of events, the weight of the events at each, and the weight under watch just before."""
    at, place = np.unique(time[happened], return_inverse=True)
    events = np.bincount(place, weights=weight[happened], minlength=at.size)
    leaves, enters = np.argsort(time, kind="stable"), np.argsort(begun, kind="stable")
    gone = np.concatenate([[0.0], np.cumsum(weight[leaves])])[np.searchsorted(time[leaves], at, "left")]
    come = np.concatenate([[0.0], np.cumsum(weight[enters])])[np.searchsorted(begun[enters], at, "left")]
    return at, events, come - gone


def _incidence_se(
    incidence: np.ndarray, before: np.ndarray, d: np.ndarray, at_risk: np.ndarray, greenwood: np.ndarray
) -> np.ndarray:
    """Square root of Σ (F - F_i)² g_i + Σ S_i² d_i (n_i - d_i) / n_i³ - 2 Σ (F - F_i) S_i d_i / n_i²."""
    linked = before * d / at_risk**2
    variance = (
        incidence**2 * np.cumsum(greenwood)
        - 2 * incidence * np.cumsum(incidence * greenwood)
        + np.cumsum(incidence**2 * greenwood)
        + np.cumsum(before**2 * d * (at_risk - d) / at_risk**3)
        - 2 * (incidence * np.cumsum(linked) - np.cumsum(incidence * linked))
    )
    return np.sqrt(np.maximum(variance, 0))


def _with_ends(
    table: pd.DataFrame, start: dict[str, float], time: np.ndarray, weight: np.ndarray
) -> pd.DataFrame:
    """Begin the curve at time 0, and carry it on to where the longest watch ended."""
    rows = [pd.DataFrame([start])] if table.empty or table["time"].iloc[0] > 0 else []
    rows += [] if table.empty else [table]
    last, longest = rows[-1].iloc[-1], time.max()
    if longest > last["time"]:
        final = last.to_dict() | {
            "time": longest,
            "events": 0.0,
            "at_risk": weight[time >= longest].sum(),
        }
        rows.append(pd.DataFrame([final]))
    return pd.concat(rows, ignore_index=True)[list(start)]


def _z(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"level must be in (0, 1). Got {level!r} instead.")
    return float(ndtri((1 + level) / 2))
