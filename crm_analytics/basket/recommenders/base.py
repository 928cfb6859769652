"""The interface that all recommenders share: `fit` on a log, `recommend` in batch."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from crm_analytics.basket.recommenders.pairs import Pairs, pair_statistics
from crm_analytics.basket.recommenders.past import known_past
from crm_analytics.basket.recommenders.popularity import by_falling, item_shares
from crm_analytics.basket.recommenders.reasons import popular_reason, repeat_reason
from crm_analytics.basket.recommenders.rhythm import expected_gaps, is_due
from crm_analytics.basket.recommenders.selection import Candidates, best_of
from crm_analytics.core.errors import SchemaError
from crm_analytics.features import Histories
from crm_analytics.transactions import TransactionLog

POPULARITY_HALF_LIFE = 28.0  # days; what sold last month says more than what sold last year
BLOCK = 512  # customers at a time


class Recommender(BaseEstimator, ABC):
    """What to offer each customer next; a child says how items are scored.

    A child names its parameters in the constructor, `level` among them, and defines `_learn`
    (what `fit` takes from the past), `_candidates` (scores > 0 of items for some customers)
    and, if it knows more than that an item is popular, `_novel_reasons`.

    Attributes
    ----------
    customers_, items_ : Index
        Ids seen before `as_of`, in their own order.
    as_of_ : str
        First instant not seen, in ISO form.
    pairs_ : Pairs
        What each customer bought, how often and when.
    expected_gaps_ : ndarray of float
        Days after which each pair of customer and item is due; NaN if nobody bought the
        item twice.
    popularity_ : ndarray of float, shape (n_items,)
        Share of the baskets that hold the item, the late ones weighing more; fills the places
        for which there are no candidates.
    """

    level: str

    def fit(self, log: TransactionLog | Histories, as_of: date | datetime | str | None = None) -> Self:
        """Learn from what was bought before `as_of`.

        Parameters
        ----------
        log : TransactionLog or Histories
            Of a log, items are its `level`; `Histories` have their own.
        as_of : date, datetime or str, optional
            First instant not seen: by default the log's end; of `Histories`, the midnight
            after the last occasion.

        Raises
        ------
        SchemaError
            If nothing was bought before `as_of`.
        """
        self._judge_parameters()
        histories, instant = known_past(log, as_of, level=self.level, caller=f"{type(self).__name__}.fit")
        pairs, lines = pair_statistics(histories, instant)
        self.customers_, self.items_ = histories.customers, histories.baskets.items
        self.as_of_ = pd.Timestamp(instant).isoformat()
        self.pairs_ = pairs
        self.expected_gaps_ = expected_gaps(pairs, len(self.items_))
        self.popularity_ = item_shares(histories, instant, POPULARITY_HALF_LIFE)
        self._learn(histories, pairs, lines, instant)
        return self

    def top(
        self,
        rows: np.ndarray | None = None,
        k: int = 10,
        *,
        novel_only: bool = False,
        repeat_only: bool = False,
        exclude_recent: float = 1.0,
        exclude: Sequence[Any] = (),
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the best items as codes: what `recommend` tells in words, for evaluation.

        Parameters
        ----------
        rows : ndarray of int, optional
            Positions in `customers_`, -1 for a customer who is not there; all by default.
        k, novel_only, repeat_only, exclude_recent, exclude
            As in `recommend`.

        Returns
        -------
        codes : ndarray of int64, shape (n_rows, k)
            Positions in `items_`, best first; -1 where there are no more.
        scores : ndarray of float, shape (n_rows, k)
            0 for those filled in by popularity.
        filled_from : ndarray of int64, shape (n_rows,)
            Place from which on they were filled in.
        """
        check_is_fitted(self, "pairs_")
        if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
            raise ValueError(f"k must be a whole number >= 1. Got {k!r} instead.")
        if novel_only and repeat_only:
            raise ValueError("novel_only and repeat_only exclude each other. Ask for one at a time.")
        if exclude_recent is None or not exclude_recent >= 0:
            raise ValueError(f"exclude_recent must be >= 0 days. Got {exclude_recent!r} instead.")
        rows = np.arange(len(self.customers_)) if rows is None else np.asarray(rows, dtype=np.int64)
        recent = (self.pairs_.last <= exclude_recent) & ~is_due(self.pairs_, self.expected_gaps_)
        held_back = recent if exclude_recent > 0 else np.zeros(len(self.pairs_), bool)
        filling = by_falling(self.popularity_)
        barred = self._codes_of(exclude)
        found = [
            self._top_of_block(
                rows[begin : begin + BLOCK], k, held_back, barred, filling, not novel_only, not repeat_only
            )
            for begin in range(0, rows.size, BLOCK)
        ]
        if not found:
            return np.empty((0, k), np.int64), np.empty((0, k)), np.empty(0, np.int64)
        codes, scores, filled_from = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return codes, scores, filled_from

    def recommend(
        self,
        customers: Sequence[Any] | pd.Index | None = None,
        k: int = 10,
        *,
        novel_only: bool = False,
        repeat_only: bool = False,
        exclude_recent: float = 1.0,
        exclude: Sequence[Any] = (),
        reasons: bool = True,
    ) -> pd.DataFrame:
        """Return the `k` best items of each customer, best first, and why.

        Parameters
        ----------
        customers : sequence of ids, optional
            All fitted customers by default; one named twice is answered once. Customers who
            bought nothing before `as_of` get what is popular: their reason says so.
        k : int >= 1
            Items a customer; fewer where fewer may be offered.
        novel_only : bool
            Only what the customer never bought: cross-selling.
        repeat_only : bool
            Only what the customer bought before: replenishment.
        exclude_recent : float >= 0, default=1.0
            Days before `as_of`: what was bought in them is not offered unless it is due, that
            is as many days have gone by as the customer usually lets pass. The default holds
            back what was bought yesterday; 0 holds nothing back.
        exclude : sequence of items
            Never offered, to anyone: postage, bags, what is out of stock. Items that were never
            sold are not missed.
        reasons : bool
            Whether to say why; without, it is faster.

        Returns
        -------
        DataFrame
            `customer_id`, `rank` (1 is best), `item_id`, `score` (compared within a customer; 0
            where an item was filled in by popularity), `kind` ("repeat" or "novel") and
            `reason`.

        Raises
        ------
        SchemaError
            If an id of `customers` is missing (NaN, None), or none is known and they are words
            where the fitted ids are numbers, or the reverse.
        """
        check_is_fitted(self, "pairs_")
        ids, rows = self._rows_of(customers)
        codes, scores, filled_from = self.top(
            rows,
            k,
            novel_only=novel_only,
            repeat_only=repeat_only,
            exclude_recent=exclude_recent,
            exclude=exclude,
        )
        at, place = np.nonzero(codes >= 0)
        row, item = rows[at], codes[at, place]
        pair = self._pair_of(row, item)
        table = pd.DataFrame(
            {
                "customer_id": ids.take(at),
                "rank": place + 1,
                "item_id": self.items_.take(item),
                "score": scores[at, place],
                "kind": pd.Series(np.array(["novel", "repeat"], dtype=object)[(pair >= 0).astype(int)]),
            }
        )
        if reasons:
            table["reason"] = self._reasons(row, item, pair, place >= filled_from[at])
        return table

    def _judge_parameters(self) -> None:
        """Raise ValueError if a parameter makes no sense."""

    @abstractmethod
    def _learn(self, histories: Histories, pairs: Pairs, lines: np.ndarray, as_of: np.datetime64) -> None:
        """Take from the past what the scores need; `lines` is that of `pair_statistics`."""

    @abstractmethod
    def _candidates(self, rows: np.ndarray) -> Candidates:
        """Return the scores > 0 of items for the customers at positions `rows`."""

    def _novel_reasons(self, rows: np.ndarray, items: np.ndarray) -> list[str]:
        return popular_reason(self.popularity_[items])

    def _top_of_block(
        self,
        rows: np.ndarray,
        k: int,
        held_back: np.ndarray,
        barred: np.ndarray,
        filling: np.ndarray,
        repeats: bool,
        novels: bool,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        known = rows >= 0
        scored = self._candidates(rows[known]) if known.any() else Candidates.none(0)
        lengths = np.zeros(rows.size, np.int64)
        lengths[known] = np.diff(scored.indptr)
        own, entries = entries_of(self.pairs_.indptr, rows)
        return best_of(
            np.concatenate([[0], np.cumsum(lengths)]),
            scored.items,
            scored.scores,
            own,
            self.pairs_.items[entries],
            held_back[entries],
            barred,
            filling,
            repeats,
            novels,
            len(self.items_),
            k,
        )

    def _reasons(
        self, rows: np.ndarray, items: np.ndarray, pairs: np.ndarray, filled: np.ndarray
    ) -> np.ndarray:
        reason = np.empty(rows.size, dtype=object)
        known, repeat = rows >= 0, pairs >= 0
        own = pairs[repeat]
        reason[repeat] = repeat_reason(
            self.pairs_.counts[own], self.pairs_.days[own], self.pairs_.last[own], self.expected_gaps_[own]
        )
        plain = ~repeat & (filled | ~known)
        reason[plain] = popular_reason(self.popularity_[items[plain]])
        reason[~known] = [f"no purchases known; {text}" for text in reason[~known]]
        told = ~repeat & ~plain
        reason[told] = self._novel_reasons(rows[told], items[told])
        return reason

    def _rows_of(self, customers: Sequence[Any] | pd.Index | None) -> tuple[pd.Index, np.ndarray]:
        if customers is None:
            return self.customers_, np.arange(len(self.customers_))
        if isinstance(customers, str | bytes) or np.ndim(customers) == 0:
            customers = [customers]
        ids = pd.Index(customers)
        if ids.hasnans:
            missing = np.asarray(ids.isna())
            raise SchemaError(
                f"{type(self).__name__}.recommend: the id is missing for {missing.sum():,} of {len(ids):,} customers "
                f"(first at position {missing.argmax():,}). Leave them out."
            )
        ids = ids.unique()
        place = self.customers_.get_indexer(ids).astype(np.int64)
        words, expected = (not pd.api.types.is_numeric_dtype(index.dtype) for index in (ids, self.customers_))
        if len(ids) and (place < 0).all() and words != expected:
            kinds = [["numbers", "words"][kind] for kind in (words, expected)]
            raise SchemaError(
                f"{type(self).__name__}.recommend: none of {len(ids):,} ids is known; they are {kinds[0]}, such as "
                f"{ids[0]!r}, and the log's are {kinds[1]}, such as {self.customers_[0]!r}. Convert them first."
            )
        return ids, place

    def _codes_of(self, items: Sequence[Any]) -> np.ndarray:
        """Codes of some items, those that were never sold left out."""
        if isinstance(items, str | bytes):
            raise ValueError(f"exclude must be a list of items. Got {items!r}; write [{items!r}].")
        wanted = set(items)
        return np.flatnonzero([item in wanted for item in self.items_]) if wanted else np.empty(0, np.int64)

    def _pair_of(self, rows: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Entry of `pairs_` of each customer and item, -1 if never bought."""
        return find_pairs(self.pairs_, rows, items, len(self.items_))


def entries_of(indptr: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the entries of some rows of a sparse table, and their own indptr; none for row -1."""
    lengths = np.where(rows >= 0, indptr[rows + 1] - indptr[rows], 0)
    found = np.concatenate([[0], np.cumsum(lengths)])
    return found, np.arange(found[-1]) + np.repeat(indptr[rows] - found[:-1], lengths)


def find_pairs(pairs: Pairs, rows: np.ndarray, items: np.ndarray, n_items: int) -> np.ndarray:
    """Entry of `pairs` of each customer and item, -1 if never bought (or the customer is -1)."""
    keys = pairs.owner * n_items + pairs.items  # rises, since the pairs are sorted
    wanted = rows * n_items + items
    place = np.minimum(np.searchsorted(keys, wanted), keys.size - 1)
    return np.where((rows >= 0) & (keys[place] == wanted), place, -1)
