"""How far a group lies from the others: sizes of an effect, which no number of customers inflates."""

from typing import Any, NamedTuple

import numpy as np
from scipy.special import erf
from scipy.stats import hypergeom, norm
from sklearn.utils import column_or_1d

# Of Cliff's delta: what normal values .2, .5 and .8 standard deviations apart show.
SMALL, MEDIUM, LARGE = 0.11, 0.28, 0.43
_FEW = 10.0  # expected customers in a cell; below it chances are counted exactly


class GroupEffects(NamedTuple):
    """Each group against all others, in one column.

    Attributes
    ----------
    effect : ndarray of shape (n_groups,)
        Cliff's delta; NaN where a group or its complement is empty, or all values are equal.
    p : ndarray of shape (n_groups,)
        Chance of so large an effect if the group were drawn from all at random.
    mean, mean_elsewhere, median, median_elsewhere : ndarray of shape (n_groups,)
    known : ndarray of int, shape (n_groups,)
        Members with a value.
    """

    effect: np.ndarray
    p: np.ndarray
    mean: np.ndarray
    mean_elsewhere: np.ndarray
    median: np.ndarray
    median_elsewhere: np.ndarray
    known: np.ndarray


def cliffs_delta(inside: Any, elsewhere: Any) -> float:
    """Chance that one drawn from `inside` is larger than one from `elsewhere`, less that it is smaller.

    From -1 (all smaller) through 0 (neither) to 1 (all larger); ties count for neither. Of values
    that are 0 or 1 it is the difference of two shares. It asks nothing of the distribution, and one
    giant moves it no more than one customer should. .11 is small, .28 medium, .43 large
    (Vargha & Delaney 2000: A = .56, .64, .71, for delta = 2 A - 1). Takes O(n log n).

    Parameters
    ----------
    inside, elsewhere : array, shapes (n,) and (m,)
        Finite numbers; neither empty, or a ValueError is raised.

    References
    ----------
    Cliff (1993), Dominance statistics: ordinal analyses to answer ordinal questions, Psychological
    Bulletin 114(3). Vargha & Delaney (2000), A critique and improvement of the CL common language
    effect size statistics, Journal of Educational and Behavioral Statistics 25(2).

    Examples
    --------
    >>> round(cliffs_delta([5, 6, 7], [1, 2, 6]), 3)  # larger in 7 of 9 pairs, smaller in 1
    0.667
    """
    first, second = (column_or_1d(values).astype(float) for values in (inside, elsewhere))
    if not first.size or not second.size:
        raise ValueError(f"both groups need a value. Got {first.size} and {second.size} instead.")
    values = np.concatenate([first, second])
    if not np.isfinite(values).all():
        raise ValueError(
            f"values must be finite, but {(~np.isfinite(values)).sum():,} of {values.size:,} are not."
        )
    low, high = (np.searchsorted(np.sort(second), first, side=side) for side in ("left", "right"))
    return float((low.sum() - (second.size - high).sum()) / (first.size * second.size))


def cohens_h(share: Any, elsewhere: Any) -> Any:
    """Distance of two shares on a scale where equal steps are equally hard to see.

    2 arcsin √share - 2 arcsin √elsewhere, from -π to π; .2 is small, .5 medium, .8 large (Cohen
    1988, chapter 6). 2 % against 10 % is as far as 31 % against 50 %.

    Examples
    --------
    >>> round(float(cohens_h(0.10, 0.02)), 2), round(float(cohens_h(0.50, 0.33)), 2)
    (0.36, 0.35)
    """
    first, second = np.asarray(share, dtype=float), np.asarray(elsewhere, dtype=float)
    outside = [values for values in (first, second) if ((values < 0) | (values > 1)).any()]
    if outside:
        raise ValueError("share and elsewhere must be in [0, 1].")
    return 2 * (np.arcsin(np.sqrt(first)) - np.arcsin(np.sqrt(second)))


def delta_of_h(h: Any) -> Any:
    """Cliff's delta of two normal distributions `h` standard deviations apart: erf(h / 2).

    It puts Cohen's h, whose .2, .5, .8 are those of a standardised difference, on the scale of
    Cliff's delta, so that numbers and words can be ranked together.

    Examples
    --------
    >>> delta_of_h(np.array([0.2, 0.5, 0.8])).round(2)
    array([0.11, 0.28, 0.43])
    """
    return erf(np.asarray(h, dtype=float) / 2)


def group_effects(values: Any, groups: Any, n_groups: int) -> GroupEffects:
    """Cliff's delta of each group against all others, from one ranking of the values.

    Parameters
    ----------
    values : array of shape (n,)
        Numbers; NaN is left out.
    groups : array of int, shape (n,)
        In [0, n_groups).
    n_groups : int

    Returns
    -------
    GroupEffects
        `p` is two-sided, of the Mann-Whitney test with ties, in its normal limit: of groups of
        fewer than about eight customers it is rough, and rather too large.

    Examples
    --------
    >>> found = group_effects([1.0, 2.0, 6.0, 5.0, 6.0, 7.0], [0, 0, 0, 1, 1, 1], 2)
    >>> found.effect.round(3), found.median
    (array([-0.667,  0.667]), array([2., 6.]))
    """
    numbers, codes = np.asarray(values, dtype=float), np.asarray(groups)
    known = ~np.isnan(numbers)
    if not known.all():
        numbers, codes = numbers[known], codes[known]
    order = np.argsort(numbers)
    numbers, codes = numbers[order], codes[order]
    n = numbers.size
    inside = np.bincount(codes, minlength=n_groups).astype(float)
    outside = n - inside
    first = np.flatnonzero(np.append(True, numbers[1:] != numbers[:-1])) if n else np.array([], dtype=int)
    tied = np.diff(np.append(first, n))
    # Halves of whole numbers: their sums are exact, whatever the order of the rows.
    rank = np.repeat(first + (tied + 1) / 2, tied)
    above = np.bincount(codes, weights=rank, minlength=n_groups) - inside * (inside + 1) / 2
    sums = np.bincount(codes, weights=numbers, minlength=n_groups)
    others = (1 - np.eye(n_groups)) @ sums  # no difference of large sums
    pairs = inside * outside
    defined = (pairs > 0) & (first.size > 1)
    spread = n + 1 - (tied.astype(float) ** 3 - tied).sum() / max(n * (n - 1.0), 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        effect = np.where(defined, 2 * above / pairs - 1, np.nan)
        z = (above - pairs / 2) / np.sqrt(pairs / 12 * spread)
        means = sums / inside, others / outside
    p = np.where(defined, 2 * norm.sf(np.abs(z)), np.nan)
    counts = inside.astype(np.int64)
    return GroupEffects(effect, p, *means, *_medians(numbers, codes, counts), counts)


def share_chances(inside: Any, n_inside: Any, elsewhere: Any, n_elsewhere: Any) -> np.ndarray:
    """Chance of shares so far apart if the group were drawn from all at random; two-sided.

    Parameters
    ----------
    inside, elsewhere : array of int
        Customers of a kind in the group, and in the others (any shapes that fit each other).
    n_inside, n_elsewhere : array of int
        Customers there are.

    Returns
    -------
    ndarray of float in [0, 1]; twice the smaller tail of the hypergeometric distribution where
    fewer than 10 customers are expected in a cell, else the normal limit. NaN where a group
    is empty, or nobody or everybody is of the kind.

    Examples
    --------
    >>> share_chances([8, 300], [10, 1000], [2, 250], [10, 1000]).round(4)
    array([0.023 , 0.0123])
    """
    a, n, b, m = np.broadcast_arrays(
        *(np.asarray(part, dtype=float) for part in (inside, n_inside, elsewhere, n_elsewhere))
    )
    found = np.full(a.shape, np.nan)
    total = (a + b) / np.maximum(n + m, 1)
    defined = (n > 0) & (m > 0) & (total > 0) & (total < 1)
    least = np.minimum(n, m) * np.minimum(total, 1 - total)
    normal = defined & (least >= _FEW)
    a_, n_, b_, m_, t_ = (part[normal] for part in (a, n, b, m, total))
    found[normal] = 2 * norm.sf(np.abs(a_ / n_ - b_ / m_) / np.sqrt(t_ * (1 - t_) * (1 / n_ + 1 / m_)))
    few = defined & ~normal
    a_, n_, b_, m_ = (part[few] for part in (a, n, b, m))
    law = hypergeom(n_ + m_, a_ + b_, n_)
    found[few] = np.minimum(1, 2 * np.minimum(law.cdf(a_), law.sf(a_ - 1)))
    return found


def _medians(numbers: np.ndarray, codes: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Medians of each group and of the others, of numbers in rising order."""
    places = np.split(np.argsort(codes, kind="stable"), np.cumsum(counts)[:-1])
    inside, outside = np.full(counts.size, np.nan), np.full(counts.size, np.nan)
    for group, own in enumerate(places):
        if own.size:
            inside[group] = numbers[own[_middle(own.size)]].mean()
        others = numbers.size - own.size
        if others:
            # The j-th of the others stands behind as many of the group as have j or fewer others before them.
            j = _middle(others)
            behind = np.searchsorted(own - np.arange(own.size), j, side="right")
            outside[group] = numbers[j + behind].mean()
    return inside, outside


def _middle(n: int) -> np.ndarray:
    return np.array([(n - 1) // 2, n // 2])
