"""Which customers have which patterns, and what rules then suggest."""

import numpy as np
from numba import njit

from crm_analytics.basket.sequences.ground import FAR, reaches
from crm_analytics.features import Baskets


def first_matches(
    baskets: Baskets,
    customer_ptr: np.ndarray,
    numbers: np.ndarray,
    patterns: tuple[np.ndarray, np.ndarray, np.ndarray],
    limits: tuple[int | None, int | None, int | None],
) -> np.ndarray:
    """Tell which customers have each pattern, shape (n_customers, n_patterns) of bool.

    Patterns are given as `PatternTree.codes` gives them, limits as (min_gap, max_gap, max_span).
    """
    least, greatest, span = limits
    far = [FAR if limit is None else min(int(limit), FAR) for limit in (greatest, span)]
    reach = reaches(customer_ptr, numbers, int(least or 0), *far)
    return _match(baskets.indptr, baskets.indices, customer_ptr, *reach, *patterns, len(baskets.items))


@njit(cache=True)
def _match(basket_ptr, items, customer_ptr, after, before, since, origin, ptr, item, opens, n_items):
    n_customers, n_patterns = customer_ptr.size - 1, ptr.size - 1
    has = np.zeros((n_customers, n_patterns), np.bool_)
    bought = np.full(n_items, -1)
    longest = 0
    for c in range(n_customers):
        longest = max(longest, customer_ptr[c + 1] - customer_ptr[c])
    # The latest start of an embedding that ends at each occasion, -1 if none does.
    start, earlier = np.empty(longest, np.int64), np.empty(longest, np.int64)
    for c in range(n_customers):
        first, size = customer_ptr[c], customer_ptr[c + 1] - customer_ptr[c]
        for k in range(basket_ptr[first], basket_ptr[first + size]):
            bought[items[k]] = c
        for i in range(n_patterns):
            possible = True
            for k in range(ptr[i], ptr[i + 1]):
                if bought[item[k]] != c:
                    possible = False
                    break
            if not possible:
                continue
            lo, any_end = ptr[i], True
            while lo < ptr[i + 1] and any_end:
                hi = lo + 1
                while hi < ptr[i + 1] and not opens[hi]:
                    hi += 1
                any_end, j, latest = False, 0, -1
                for q in range(size):
                    start[q] = -1
                    if lo > ptr[i]:
                        while j < before[first + q] - first:
                            if earlier[j] >= 0:
                                latest = j
                            j += 1
                        if latest < 0 or first + latest < since[first + q]:
                            continue
                        if first + earlier[latest] < origin[first + q]:
                            continue
                    k = basket_ptr[first + q]
                    stop = basket_ptr[first + q + 1]
                    held = lo
                    while k < stop and held < hi:  # both rise
                        if items[k] == item[held]:
                            held += 1
                        k += 1
                    if held == hi:
                        start[q] = earlier[latest] if lo > ptr[i] else q
                        any_end = True
                start, earlier = earlier, start
                lo = hi
            has[c, i] = any_end
    return has


@njit(cache=True)
def suggestions(
    has: np.ndarray, which: np.ndarray, what: np.ndarray, barred: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Walk through the rules in their order, and take each customer's first `k` distinct consequents.

    Returns customer, rank from 1, and rule of each suggestion.
    """
    n_customers, n_what = barred.shape
    k = min(k, n_what)
    customer, rank = np.empty(n_customers * k, np.int64), np.empty(n_customers * k, np.int64)
    rule, given = np.empty(n_customers * k, np.int64), np.full(n_what, -1)
    n = 0
    for c in range(n_customers):
        taken = 0
        for r in range(which.size):
            if taken == k:
                break
            if has[c, which[r]] and not barred[c, what[r]] and given[what[r]] != c:
                given[what[r]] = c
                taken += 1
                customer[n], rank[n], rule[n] = c, taken, r
                n += 1
    return customer[:n], rank[:n], rule[:n]
