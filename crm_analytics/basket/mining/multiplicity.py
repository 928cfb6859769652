"""What p-values are held against, given how many rules were tried before some were returned.

Rules are the survivors of a search, so alpha is divided between all rules *tried*, returned or
not: first between the layers of equally long rules, then evenly within each (Webb 2008, "Layered
critical values", Machine Learning 71). So short rules, of which there are few, are not made to
pay for the many long ones.
"""

import math

import numpy as np

ADJUSTMENTS = ("layered", "bonferroni", "fdr", None)


def critical_values(
    p_values: np.ndarray,
    lengths: np.ndarray,
    widths: np.ndarray,
    tests: np.ndarray,
    *,
    left: np.ndarray,
    right: np.ndarray,
    n_pairs: int,
    longest: int | None,
    widest: int | None,
    adjust: str | None = "layered",
    alpha: float = 0.05,
) -> np.ndarray:
    """Return for each rule the largest p-value at which it is called significant.

    Parameters
    ----------
    p_values : ndarray of float
        Of the rules returned.
    lengths, widths : ndarray of int
        Their antecedents and consequents (counts of items).
    tests : ndarray of int
        Rules with the same number share one test, as a → c and c → a do.
    left, right, n_pairs
        See `candidate_rules`.
    longest, widest : int, optional
        Most antecedents and consequents that were asked for; None: any number.
    adjust : {"layered", "bonferroni", "fdr", None}
        "layered": the chance of any false rule is at most alpha, which layers share equally
        (by 1 / (l (l + 1)) where any length was asked for). "bonferroni": the same promise, with
        one value for all rules. "fdr": the expected share of false ones among the significant
        rules is at most alpha, by Benjamini & Hochberg (1995) weighted with the layers, if tests
        depend on each other positively; rules tried and not returned count as not significant.
        None: alpha itself, which promises nothing for rules that were searched for.

    Returns
    -------
    ndarray of float
    """
    if adjust is None:
        return np.full(p_values.size, alpha)
    step = int(widths.max(initial=1)) + 1
    layers, place = np.unique(lengths * step + widths, return_inverse=True)
    if adjust == "bonferroni":
        most = range(1, min(longest or len(left), len(left)) + 1)
        wide = range(1, min(widest or len(right), len(right)) + 1)
        total = sum(candidate_rules(length, width, left, right, n_pairs) for length in most for width in wide)
        return np.full(p_values.size, alpha / max(total, 1.0))
    per_rule = np.array(
        [
            layer_share(length, longest)
            * layer_share(width, widest)
            / max(candidate_rules(length, width, left, right, n_pairs), 1.0)
            for length, width in zip((layers // step).tolist(), (layers % step).tolist(), strict=True)
        ]
    )[place]
    if adjust == "layered":
        return alpha * per_rule
    _, first = np.unique(tests, return_index=True)
    weighted = np.sort((p_values / per_rule)[first])
    passed = np.flatnonzero(weighted <= alpha * np.arange(1, weighted.size + 1))
    return alpha * per_rule * (passed[-1] + 1 if passed.size else 1)


def candidate_rules(
    length: int, width: int, left: np.ndarray, right: np.ndarray, n_pairs: int | None = None
) -> float:
    """Return how many rules of `length` antecedents and `width` consequents count as tried.

    The smaller of two bounds, neither of which depends on the outcome of a test that it corrects:

    1. all sets of items that are frequent one by one: C(m, length) C(m, width), and each pair
       once, as a → c and c → a are one test. Fisher's test takes the items' counts as given, so
       which items are frequent tells nothing about which of them meet.
    2. (f_length + f_(length - 1)) m, with f_l frequent sets of l items; for `width` > 1 the last
       factor is f_width + f_(width - 1). Only frequent antecedents are tried. The test of item a
       in A compares what happens with other placements of a among the baskets with A less a. They
       leave all frequent sets without a as they are; and a set with a can only become frequent if
       the rest of it is, which is at most f_(length - 1) sets. So the bound holds whatever the
       placement. This is exact if a is independent of all other items given A less a.

    Parameters
    ----------
    left, right : ndarray of int
        Frequent sets of 0, 1, 2 ... items that may stand on this side; none beyond the end.
        `left[0] = right[0] = 1`; `left[1]`, `right[1]` are the m above.
    n_pairs : int, optional
        Pairs of items that may form a rule; C(m, 2) where all may.

    Examples
    --------
    >>> frequent = np.array([1, 100, 500])
    >>> candidate_rules(1, 1, frequent, frequent), candidate_rules(2, 1, frequent, frequent)
    (4950.0, 60000.0)
    """

    def sets(side: np.ndarray, k: int) -> float:
        return float(side[k]) if k < len(side) else 0.0

    if length == width == 1:
        return float(math.comb(int(left[1]), 2) if n_pairs is None else n_pairs)
    bounds = []
    for side, k in ((left, length), (right, width)):
        searched = sets(side, k) + (sets(side, k - 1) if k > 1 else 0.0)
        bounds.append(min(searched, _choose(int(side[1]), k)))
    return bounds[0] * bounds[1]


def layer_share(length: int, longest: int | None) -> float:
    """Return the share of alpha for antecedents of `length`: equal shares, or 1 / (l (l + 1)) without end.

    >>> layer_share(1, 3), sum(layer_share(length, None) for length in range(1, 10_000))
    (0.3333333333333333, 0.9999...)
    """
    return 1 / longest if longest else 1 / (length * (length + 1))


def _choose(n: int, k: int) -> float:
    return float(min(math.comb(n, k), 10**300))
