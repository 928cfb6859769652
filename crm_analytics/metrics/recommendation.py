"""How good a list of recommended items was, customer by customer."""

from typing import Any

import numpy as np


def recommendation_hits(recommended: Any, relevant: Any) -> tuple[np.ndarray, np.ndarray]:
    """Mark the recommended items that were relevant, such as bought next.

    Parameters
    ----------
    recommended : array of int, shape (n_customers, k)
        Item codes >= 0, the best first; -1 where nothing was recommended.
    relevant : sparse rows or list of collections of int, n_customers of them
        Item codes >= 0 of each customer: anything with `indptr` and `indices` (Baskets, a
        SciPy CSR array), or a list of lists or sets. Repeats count once. To judge a part of
        the items, such as those never bought before, pass that part only.

    Returns
    -------
    hits : ndarray of bool, shape (n_customers, k)
    n_relevant : ndarray of int64, shape (n_customers,)
        Distinct relevant items; 0 makes every metric of that customer undefined.

    Raises
    ------
    ValueError
        If the shapes differ, a code is impossible, or an item is recommended twice to one
        customer: it would be counted twice.

    Examples
    --------
    >>> hits, n_relevant = recommendation_hits([[7, 2, 5], [1, -1, -1]], [{2, 5, 8, 9}, {3}])
    >>> hits.tolist(), n_relevant.tolist()
    ([[False, True, True], [False, False, False]], [4, 1])
    """
    codes = np.asarray(recommended)
    if codes.ndim != 2 or not np.issubdtype(codes.dtype, np.integer):
        raise ValueError(
            f"recommended must be whole numbers of shape (n_customers, k). Got {codes.dtype} of shape "
            f"{codes.shape} instead."
        )
    rows, items, n_customers = _pairs(relevant)
    if n_customers != len(codes):
        raise ValueError(
            f"recommended and relevant must be of as many customers. Got {len(codes):,} and {n_customers:,} instead."
        )
    if (codes < -1).any() or (items < 0).any():
        raise ValueError(
            "item codes must be >= 0 (-1 where nothing was recommended). Got a lower one instead."
        )
    in_order = np.sort(codes, axis=1)
    twice = ((np.diff(in_order, axis=1) == 0) & (in_order[:, 1:] >= 0)).any(axis=1)
    if twice.any():
        raise ValueError(
            f"recommended must not repeat an item, but does for {twice.sum():,} of {len(codes):,} customers "
            f"(first at row {twice.argmax():,})."
        )
    width = 1 + max(int(codes.max(initial=0)), int(items.max(initial=0)))
    pairs = np.unique(rows * width + items)
    asked = np.arange(len(codes))[:, None] * width + codes
    place = np.minimum(np.searchsorted(pairs, asked), max(pairs.size - 1, 0))
    hits = (codes >= 0) & (pairs[place] == asked) if pairs.size else np.zeros(codes.shape, dtype=bool)
    return hits, np.bincount(pairs // width, minlength=len(codes)).astype(np.int64)


def recall_at(hits: Any, n_relevant: Any, *, k: int | None = None) -> np.ndarray:
    """Share of each customer's relevant items that the first `k` places held.

    1 if all were there, 0 if none; k / (items on sale) is chance. A customer with more
    than k relevant items cannot reach 1 but min(k, n_relevant) / n_relevant.

    Parameters
    ----------
    hits, n_relevant
        As `recommendation_hits` gives them; so for the other metrics here.
    k : int, optional
        Places that count; all by default.

    Returns
    -------
    ndarray of float, shape (n_customers,); NaN where nothing is relevant. These customers are
    left out of means and intervals (`bootstrap_interval`): no list could be right for them.

    Examples
    --------
    >>> hits, n_relevant = recommendation_hits([[7, 2, 5], [1, -1, -1]], [{2, 5, 8, 9}, {3}])
    >>> recall_at(hits, n_relevant), recall_at(hits, n_relevant, k=1)
    (array([0.5, 0. ]), array([0., 0.]))
    """
    seen, n = _first(hits, n_relevant, k)
    return _defined(seen.sum(axis=1) / np.maximum(n, 1), n)


def precision_at(hits: Any, n_relevant: Any, *, k: int | None = None) -> np.ndarray:
    """Share of the first `k` places that held a relevant item; an empty place is a miss.

    1 if all did, 0 if none, n_relevant / (items on sale) is chance; at most
    min(k, n_relevant) / k. Shape (n_customers,); NaN where nothing is relevant.

    >>> precision_at([[False, True, True, False]], [4])
    array([0.5])
    """
    seen, n = _first(hits, n_relevant, k)
    return _defined(seen.mean(axis=1), n)


def hit_rate_at(hits: Any, n_relevant: Any, *, k: int | None = None) -> np.ndarray:
    """1 where at least one of the first `k` places held a relevant item, else 0.

    Shape (n_customers,); NaN where nothing is relevant. Its mean is the share of customers
    for whom the list was of some use.

    >>> hit_rate_at([[False, True, True], [False, False, False]], [4, 1])
    array([1., 0.])
    """
    seen, n = _first(hits, n_relevant, k)
    return _defined(seen.any(axis=1).astype(float), n)


def ndcg_at(hits: Any, n_relevant: Any, *, k: int | None = None) -> np.ndarray:
    """Gain of relevant items, discounted by place, over that of the best possible list.

    A relevant item in place r gains 1 / log2(r + 1), any other nothing; the best list has
    min(k, n_relevant) relevant items first, so 1 can always be reached. 0 if no place held a
    relevant item. Shape (n_customers,); NaN where nothing is relevant.

    References
    ----------
    Järvelin & Kekäläinen (2002), Cumulated gain-based evaluation of IR techniques, ACM TOIS
    20(4), with gains of 0 and 1.

    Examples
    --------
    >>> ndcg_at([[False, True, True]], [2]).round(3)
    array([0.693])
    """
    seen, n = _first(hits, n_relevant, k)
    discount = 1 / np.log2(np.arange(2, seen.shape[1] + 2))
    best = np.cumsum(discount)[np.clip(n, 1, seen.shape[1]) - 1]
    return _defined(seen @ discount / best, n)


def average_precision_at(hits: Any, n_relevant: Any, *, k: int | None = None) -> np.ndarray:
    """Mean of the precision at each relevant item in the first `k` places.

    The divisor is min(k, n_relevant), so that 1 (all places up to there relevant) can always
    be reached; some divide by n_relevant and get less. 0 if no place held a relevant item.
    Its mean over customers is called MAP. Shape (n_customers,); NaN where nothing is relevant.

    >>> average_precision_at([[True, False, True]], [5]).round(4)
    array([0.5556])
    """
    seen, n = _first(hits, n_relevant, k)
    place = np.arange(1, seen.shape[1] + 1)
    precision = np.cumsum(seen, axis=1) / place
    return _defined((precision * seen).sum(axis=1) / np.clip(n, 1, seen.shape[1]), n)


def reciprocal_rank_at(hits: Any, n_relevant: Any, *, k: int | None = None) -> np.ndarray:
    """1 / (place of the first relevant item), 0 if none is in the first `k` places.

    Its mean over customers is called MRR. Shape (n_customers,); NaN where nothing is relevant.

    >>> reciprocal_rank_at([[False, True, True]], [2])
    array([0.5])
    """
    seen, n = _first(hits, n_relevant, k)
    return _defined(np.where(seen.any(axis=1), 1 / (seen.argmax(axis=1) + 1), 0.0), n)


def catalogue_coverage(recommended: Any, n_items: int) -> float:
    """Share of `n_items` on sale that were recommended to anyone.

    1 if each item reached somebody, k / n_items if everybody got the same list. More is not
    better by itself: items drawn at random reach 1. Raises ValueError if a code is not of
    the n_items.

    >>> catalogue_coverage([[0, 1], [0, -1]], 4)
    0.5
    """
    codes = np.asarray(recommended)
    if n_items < 1:
        raise ValueError(f"n_items must be >= 1. Got {n_items!r} instead.")
    if codes.max(initial=0) >= n_items:
        raise ValueError(
            f"recommended must be codes below n_items = {n_items:,}. Got {codes.max():,} instead."
        )
    return float(np.unique(codes[codes >= 0]).size / n_items)


def novelty(recommended: Any, popularity: Any) -> np.ndarray:
    """Mean surprise of each customer's recommended items, −log2 of their popularity (bits).

    0 if everybody buys them all; each bit more is half as popular. More is not better by
    itself: an unknown item is surprising and mostly not wanted.

    Parameters
    ----------
    recommended : array of int, shape (n_customers, k)
        Item codes; -1 where nothing was recommended.
    popularity : array, shape (n_items,)
        Share of customers (or baskets) that bought each item; in (0, 1] for all recommended.

    Returns
    -------
    ndarray of float, shape (n_customers,); NaN where nothing was recommended.

    Raises
    ------
    ValueError
        If a recommended item has a popularity outside (0, 1], or none.

    References
    ----------
    Zhou et al. (2010), Solving the apparent diversity-accuracy dilemma of recommender systems,
    PNAS 107(10).

    Examples
    --------
    >>> novelty([[0, 1], [-1, -1]], [0.5, 0.125])
    array([ 2., nan])
    """
    codes, shares = np.asarray(recommended), np.asarray(popularity, dtype=float)
    if codes.max(initial=0) >= shares.size:
        raise ValueError(f"popularity must reach to code {codes.max():,}. Got {shares.size:,} items instead.")
    shown = codes >= 0
    share = np.where(shown, shares[np.where(shown, codes, 0)], 1.0)
    bad = ~((share > 0) & (share <= 1))
    if bad.any():
        raise ValueError(f"popularity of recommended items must be in (0, 1]. Got {share[bad][0]!r} instead.")
    n = shown.sum(axis=1)
    return _defined(-np.log2(share).sum(axis=1) / np.maximum(n, 1), n)


def _pairs(relevant: Any) -> tuple[np.ndarray, np.ndarray, int]:
    """Row and item of every relevant pair, and the number of rows."""
    if hasattr(relevant, "indptr"):
        lengths = np.diff(relevant.indptr)
        items = np.asarray(relevant.indices, dtype=np.int64)
    else:
        lengths = np.array([len(row) for row in relevant], dtype=np.int64)
        items = np.fromiter((item for row in relevant for item in row), np.int64, lengths.sum())
    return np.repeat(np.arange(lengths.size, dtype=np.int64), lengths), items, lengths.size


def _first(hits: Any, n_relevant: Any, k: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Hits of the first `k` places, empty ones added if there are fewer, and counts to match."""
    found, n = np.asarray(hits, dtype=bool), np.asarray(n_relevant)
    if found.ndim != 2 or n.shape != found.shape[:1]:
        raise ValueError(
            "hits must have shape (n_customers, k) and n_relevant (n_customers,). "
            f"Got {found.shape} and {n.shape} instead."
        )
    places = found.shape[1] if k is None else k
    if places < 1:
        raise ValueError(f"k must be >= 1. Got {places!r} instead.")
    return np.pad(found[:, :places], ((0, 0), (0, max(places - found.shape[1], 0)))), n


def _defined(values: np.ndarray, n: np.ndarray) -> np.ndarray:
    return np.where(n > 0, values, np.nan)
