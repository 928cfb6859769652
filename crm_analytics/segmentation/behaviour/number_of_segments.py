"""How many segments: those that come back, are large enough, and say something of the future.

A silhouette praises one crowd and a few strays (robust scaling on retail: .75 with 93 % of the
customers in one cluster), so it has no say here.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from crm_analytics.metrics.clusters import adjusted_rand_index, explained_share, recovery
from crm_analytics.segmentation.behaviour.kernels import all_distances, nearest
from crm_analytics.segmentation.behaviour.mixed_columns import Mixed
from crm_analytics.segmentation.behaviour.prototypes import Prototypes, find_prototypes

AGREEMENT = 0.85  # with refits on resampled customers; below it, another sample gives other segments
STILL_AGREES = 0.8  # what a number has to reach that was taken before
RECOVERED = 0.75  # of the segment that comes back worst; from there on Hennig (2007) calls it stable
PARTED = 0.9  # density between neighbours, relative to at their centres
PARTED_IN_TWO = 0.5  # two segments say little, so the gap has to be plain
AS_GOOD = 0.01  # of R²: fewer segments that say so little less are taken
_GUESSES, _SWAPS, _MAX_ITER = 2, 2, 100
# Refits on resampled customers: as many as settle the mean, of a large table fewer.
_FEWEST, _MOST, _IN_ALL = 10, 30, 60_000


class Choice(NamedTuple):
    """The number taken, why, and the figures of every number tried, an array each."""

    k: int
    message: str
    table: dict[str, np.ndarray]


def figures(
    customers: Mixed,
    ends: np.ndarray,
    gamma: float,
    candidates: Sequence[int],
    *,
    y: np.ndarray | None = None,
    random_state: int = 0,
) -> dict[str, np.ndarray]:
    """What is to be known of each number of segments.

    Parameters
    ----------
    customers : Mixed
        Scaled, in an order as good as drawn (`drawn_order`).
    ends, gamma
        As `find_prototypes` takes them.
    candidates : sequence of int
    y : ndarray, shape (n_customers,), optional
        What came after, such as future spend.

    Returns
    -------
    dict of ndarray, a value a candidate

    n_segments
    agreement, agreement_least
        Mean and least adjusted Rand index of ten to thirty refits on resampled customers.
    recovery
        Of the segment that comes back worst: mean Jaccard index with its like in the refits.
    smallest_share
        Of the customers, in the smallest segment.
    between
        Density half way between two segments, relative to at their centres; of the worst pair.
    cost
        Mean distance from the prototypes.
    explained
        Share of the variance of `y` that segments tell of held-out customers (R²); NaN without.
    """
    n = len(customers.numbers)
    out: dict[str, list[Any]] = {
        name: []
        for name in (
            "n_segments",
            "agreement",
            "agreement_least",
            "recovery",
            "smallest_share",
            "between",
            "cost",
            "explained",
        )
    }
    for k in candidates:
        rng = np.random.default_rng([random_state, k])
        best = find_prototypes(
            *customers, ends, k, gamma, n_init=2 * _GUESSES, swaps=_SWAPS, max_iter=_MAX_ITER, rng=rng
        ).prototypes
        label, least = nearest(*customers, *best, gamma)
        again = [
            _of_resampled(customers, ends, k, gamma, np.random.default_rng([random_state, k, b]))
            for b in range(int(np.clip(_IN_ALL // n, _FEWEST, _MOST)))
        ]
        agreement = [adjusted_rand_index(label, other) for other in again]
        found_again = np.mean([recovery(label, other) for other in again], axis=0)
        out["n_segments"].append(k)
        out["agreement"].append(np.mean(agreement))
        out["agreement_least"].append(min(agreement))
        out["recovery"].append(found_again.min())
        out["smallest_share"].append(np.bincount(label, minlength=k).min() / n)
        out["between"].append(between(customers, best, gamma))
        out["cost"].append(least.mean())
        halves = np.arange(n) % 2 == 0
        out["explained"].append(np.nan if y is None else explained_share(y, label, held_out=halves))
    return {name: np.array(values) for name, values in out.items()}


def between(customers: Mixed, prototypes: Prototypes, gamma: float) -> float:
    """How many customers stand half way between two neighbouring segments, relative to at their centres.

    Each customer stands somewhere on the line from their prototype to the next nearest one, at
    the foot of the perpendicular: 0 is the prototype, .5 the border. Of all pairs, the highest
    ratio of densities, in the middle fifth and at the two ends: near 0 where the segments follow
    from gaps in the data, about 1 and above where they are cut through a crowd.
    """
    far = all_distances(*customers, *prototypes, gamma)
    rows, k = np.arange(len(far)), far.shape[1]
    if k == 1:
        return 0.0
    own, second = np.argsort(far, axis=1, kind="stable")[:, :2].T
    means, modes = (np.ascontiguousarray(part.T) for part in prototypes)
    apart = all_distances(means, modes, *prototypes, gamma)[own, second]
    foot = 0.5 + (far[rows, own] - far[rows, second]) / (2 * np.where(apart > 0, apart, np.inf))
    pair = np.minimum(own, second) * k + np.maximum(own, second)
    middle, ends, all_of = (
        np.bincount(pair[which], minlength=k * k) for which in (foot > 0.4, np.abs(foot) < 0.1, foot == foot)
    )
    met = all_of >= 0.01 * len(far)  # of fewer customers nothing is learned
    return float((2 * middle[met] / np.maximum(ends[met], 1)).max(initial=0.0))


def _of_resampled(
    customers: Mixed, ends: np.ndarray, k: int, gamma: float, rng: np.random.Generator
) -> np.ndarray:
    """Segment of every customer by prototypes that were found on customers drawn with replacement."""
    n = len(customers.numbers)
    found: Prototypes = find_prototypes(
        *customers.take(rng.integers(0, n, n)),
        ends,
        k,
        gamma,
        n_init=_GUESSES,
        swaps=_SWAPS,
        max_iter=_MAX_ITER,
        rng=rng,
    ).prototypes
    return nearest(*customers, *found, gamma)[0]


def choose(table: dict[str, np.ndarray], *, smallest_share: float, before: int | None = None) -> Choice:
    """Take a number of segments by its figures.

    The number taken `before` stays if it still agrees .8 and its segments are large enough.
    Else, of the numbers that agree .85, whose worst segment comes back .75, and whose segments
    are large enough, it is

    - where `explained` is known, the smallest that explains within .01 of the best;
    - else the largest whose segments follow from gaps (`between` below .9; .5 for two);
    - else the largest.

    If there are none, it is the one that agrees most, of those whose segments are large
    enough if any are. Where the lines lie is a convention; Tibshirani & Walther (2005, Cluster
    validation by prediction strength) also take the largest number that is above one.
    """
    k, agreement, explained = table["n_segments"], table["agreement"], table["explained"]
    large = table["smallest_share"] >= smallest_share
    stable = large & (agreement >= AGREEMENT) & (table["recovery"] >= RECOVERED)
    tried = f"of {k.min()} to {k.max()}" if k.size > 1 else "the only number tried"
    share = f"each with at least {smallest_share:.0%} of the customers"

    def taken(place: int, reason: str) -> Choice:
        return Choice(
            int(k[place]),
            f"{k[place]} segments, {reason}; agreement {agreement[place]:.2f} at that number",
            table,
        )

    kept = np.flatnonzero((k == before) & large & (agreement >= STILL_AGREES))
    if kept.size:
        return taken(kept[0], f"as before: they still come back when customers are resampled, {share}")
    if stable.any() and np.isfinite(explained[stable]).all():
        best = explained[stable].max()
        place = np.flatnonzero(stable & (explained >= best - AS_GOOD))[0]
        return taken(
            place,
            f"the fewest {tried} that say as much of what came after as any (R² {explained[place]:.2f} on held-out "
            f"customers) among those that come back when customers are resampled, {share}",
        )
    gaps = stable & (table["between"] < np.where(k == 2, PARTED_IN_TWO, PARTED))
    if gaps.any():
        return taken(np.flatnonzero(gaps)[-1], f"the most {tried} with gaps between them, {share}")
    if stable.any():
        return taken(
            np.flatnonzero(stable)[-1],
            f"the most {tried} that come back when customers are resampled, {share}",
        )
    allowed = large if large.any() else np.ones(k.size, dtype=bool)
    place = int(np.argmax(np.where(allowed, agreement, -np.inf)))
    lacking = f"none come back reliably (agreement of {AGREEMENT:.2f})" if large.any() else (
        f"none leave {smallest_share:.0%} of the customers in each"
    )  # fmt: skip
    return taken(place, f"those that agree most {tried} with refits on resampled customers; {lacking}")
