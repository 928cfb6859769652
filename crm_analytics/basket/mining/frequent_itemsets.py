"""Frequent itemsets: what is bought together often."""

import functools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from crm_analytics.basket.mining.eclat import COUNTED, arrange, grow_itemsets
from crm_analytics.basket.mining.item_codes import codes_of
from crm_analytics.basket.mining.itemset_arrays import chosen, closed, maximal, sorted_itemsets
from crm_analytics.basket.mining.itemsets import Itemsets
from crm_analytics.basket.mining.thresholds import least_count, require_baskets
from crm_analytics.core.errors import SearchLimitError, choice
from crm_analytics.features import Baskets, encode_baskets

_UNRELATED = np.zeros((0, 0), np.bool_)


class FrequentItemsets(BaseEstimator):
    """Every set of items that a given share of the baskets holds.

    Parameters
    ----------
    min_support : float in (0, 1], default=0.01
        Least share of the baskets, as written: .3 of 90 baskets are 27.
    max_len : int >= 1, optional
        Most items in a set; any number by default.
    kind : {"all", "closed", "maximal"}, default="all"
        All of them; those that lose baskets with any further item (from which all supports can
        be told); or those that are part of no larger frequent set. Judged among the sets of at
        most `max_len` items.
    include : sequence of items, optional
        Only sets with at least one of these.
    exclude : sequence of items, optional
        Items that are left out before the search.
    max_itemsets : int >= 1, default=10,000,000
        Above it nothing is stored, and the error says how many there would be.

    Attributes
    ----------
    itemsets_ : DataFrame
        `support` (share), `itemsets` (frozenset), `count` (baskets), as mlxtend names them; by
        rising length, then in the order of the items. Made when first asked for.
    arrays_ : Itemsets
        The same as codes of `items_`, without a Python object each.
    items_ : Index
    n_baskets_ : int

    References
    ----------
    Zaki (2000), "Scalable algorithms for association mining", IEEE TKDE 12.

    Examples
    --------
    >>> baskets = [["bread", "milk"], ["bread", "butter", "milk"], ["butter"], ["bread", "milk"]]
    >>> found = FrequentItemsets(min_support=0.5).fit(baskets).itemsets_
    >>> found.assign(itemsets=found["itemsets"].map(sorted))
       support       itemsets  count
    0     0.75        [bread]      3
    1     0.50       [butter]      2
    2     0.75         [milk]      3
    3     0.75  [bread, milk]      3
    """

    def __init__(
        self,
        min_support: float = 0.01,
        *,
        max_len: int | None = None,
        kind: str = "all",
        include: Sequence[Any] | None = None,
        exclude: Sequence[Any] | None = None,
        max_itemsets: int = 10_000_000,
    ) -> None:
        self.min_support = min_support
        self.max_len = max_len
        self.kind = kind
        self.include = include
        self.exclude = exclude
        self.max_itemsets = max_itemsets

    def fit(self, baskets: Any, y: Any = None) -> "FrequentItemsets":
        """Search `baskets`, in any form that `encode_baskets` takes.

        Raises SearchLimitError if there are more than `max_itemsets`, SchemaError if there is
        no basket or an item to include is in none, ValueError if a parameter is out of range.
        """
        choice(self.kind, name="kind", allowed=("all", "closed", "maximal"))
        encoded = encode_baskets(baskets)
        require_baskets(len(encoded), caller="FrequentItemsets.fit")
        least = least_count(self.min_support, len(encoded))
        found = mine(
            encoded,
            least,
            max_len=self.max_len,
            include=_codes(self.include, encoded.items, "include"),
            exclude=_codes(self.exclude, encoded.items, "exclude"),
            max_itemsets=self.max_itemsets,
        )
        if self.kind != "all":
            found = chosen(found, (closed if self.kind == "closed" else maximal)(found))
        self.__dict__.pop("itemsets_", None)
        self.arrays_, self.items_, self.n_baskets_ = found, encoded.items, len(encoded)
        return self

    @functools.cached_property
    def itemsets_(self) -> pd.DataFrame:
        """The itemsets as a frame."""
        check_is_fitted(self, "arrays_")
        return pd.DataFrame(
            {
                "support": self.arrays_.counts / self.n_baskets_,
                "itemsets": self.arrays_.frozensets(self.items_),
                "count": self.arrays_.counts,
            }
        )


def itemset_numbers(
    baskets: Any, min_support: Iterable[float], *, max_len: int | None = None, at_most: int = 10_000_000
) -> pd.DataFrame:
    """Say how many itemsets each support would give, without storing any.

    Returns
    -------
    DataFrame, one row a support as given: `min_support`, `min_count` (baskets), `itemsets`
    (count), `complete` (False where the search ended at the first number above `at_most`).

    Examples
    --------
    >>> itemset_numbers([["bread", "milk"], ["bread", "butter"], ["milk"]], [0.3, 0.6])
       min_support  min_count  itemsets  complete
    0          0.3          1         5      True
    1          0.6          2         2      True
    """
    encoded = encode_baskets(baskets)
    require_baskets(len(encoded), caller="itemset_numbers")
    rows = []
    for share in min_support:
        least = least_count(share, len(encoded))
        _, _, n = _grow(encoded, least, max_len, limit=max(1, at_most // COUNTED))
        rows.append((share, least, n, n <= at_most))
    return pd.DataFrame(rows, columns=["min_support", "min_count", "itemsets", "complete"])


def mine(
    baskets: Baskets,
    min_count: int,
    *,
    max_len: int | None = None,
    include: np.ndarray | None = None,
    exclude: np.ndarray | None = None,
    related: np.ndarray | None = None,
    max_itemsets: int = 10_000_000,
) -> Itemsets:
    """Return every itemset of at least `min_count` baskets; what `FrequentItemsets` asks.

    `include` and `exclude` are codes. `related`, of shape (n_items, n_items), symmetric, marks
    pairs that may not stand in one set, such as an item and its category.
    """
    if max_itemsets < 1:
        raise ValueError(f"max_itemsets must be >= 1. Got {max_itemsets!r} instead.")
    order, tree, n = _grow(
        baskets, min_count, max_len, include=include, exclude=exclude, related=related, limit=max_itemsets
    )
    if n > max_itemsets:
        more = "more than " if n > COUNTED * max_itemsets else ""
        raise SearchLimitError(
            f"a support of {min_count:,} of {len(baskets):,} baskets gives {more}{n:,} itemsets, and max_itemsets is "
            f"{max_itemsets:,}. Raise min_support, set max_len, or ask itemset_numbers what other supports give."
        )
    return sorted_itemsets(tree, order)


def _grow(
    baskets: Baskets,
    min_count: int,
    max_len: int | None,
    *,
    limit: int,
    include: np.ndarray | None = None,
    exclude: np.ndarray | None = None,
    related: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, int]:
    """Number the frequent items as the kernel wants them, and let it search."""
    if max_len is not None and not max_len >= 1:
        raise ValueError(f"max_len must be >= 1. Got {max_len!r} instead.")
    counts = baskets.counts()
    wanted = counts >= min_count
    if exclude is not None:
        wanted[exclude] = False
    first = np.zeros(counts.size, bool)
    first[slice(None) if include is None else include] = True
    codes = np.flatnonzero(wanted)
    order = codes[np.lexsort((codes, counts[codes], ~first[codes]))]  # sets begin with included items
    rank = np.full(counts.size, -1, np.int32)
    rank[order] = np.arange(order.size)
    item_ptr, where, basket_ptr, held, n_long = arrange(baskets.indptr, baskets.indices, rank, order.size)
    apart = _UNRELATED if related is None else np.ascontiguousarray(related[np.ix_(order, order)])
    depth = counts.size + 1 if max_len is None else int(max_len)
    n_roots = int(first[order].sum())
    tree, n = grow_itemsets(
        item_ptr, where, basket_ptr, held, n_long, n_roots, apart, min_count, depth, limit
    )
    return order, tree, n


def _codes(wanted: Sequence[Any] | None, items: pd.Index, name: str) -> np.ndarray | None:
    return None if wanted is None else codes_of(wanted, items, f"FrequentItemsets.fit: {name}")
