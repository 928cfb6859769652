"""What a next-basket scorer is told of a customer and an item, as seen from a date."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from crm_analytics.basket.recommenders.base import find_pairs
from crm_analytics.basket.recommenders.ease import ease_weights, item_columns, most_bought
from crm_analytics.basket.recommenders.pairs import Pairs, pair_statistics
from crm_analytics.basket.recommenders.past import days_before
from crm_analytics.basket.recommenders.popularity import by_falling, item_shares, recency_weights
from crm_analytics.basket.recommenders.rhythm import expected_gaps
from crm_analytics.features import Baskets, Histories

BLOCK = 512  # customers at a time, so that the dense scores stay small
RECENT = 30.0  # half-life in days of what ItemKNN looks at
LAST_BASKETS = 5  # whose items the paths go on from

ITEM_FEATURES = (
    "share_28d",
    "trend_7d",
    "trend_28d",
    "purchases_per_buyer",
    "buyer_share",
    "newly_bought_share",
)
CUSTOMER_FEATURES = (
    "baskets", "days_since_basket", "days_between_baskets", "baskets_28d", "basket_size", "last_basket_size",
    "share_new", "silence_ratio",
)  # fmt: skip
SCORE_FEATURES = ("ease", "item_knn", "product_path")
PAIR_FEATURES = (
    "purchases", "days_since_first", "days_since_last", "last_gap", "baskets_since_last", "expected_gap",
    "due_ratio", "purchases_7d", "purchases_28d", "purchases_120d", "decayed_0.9", "decayed_0.98",
    "share_of_28d", "share_of_120d", "share_of_baskets", "due_ratio_baskets",
)  # fmt: skip
REPEAT_FEATURES = PAIR_FEATURES + ITEM_FEATURES + CUSTOMER_FEATURES + SCORE_FEATURES
NOVEL_FEATURES = ITEM_FEATURES + CUSTOMER_FEATURES + SCORE_FEATURES


@dataclass(frozen=True, eq=False)
class Offers:
    """Customers and items that may be offered, with what the scorer is told.

    Attributes
    ----------
    rows, items : ndarray of int
        Position of the customer, rising, and code of the item.
    features : ndarray of float32, shape (n_offers, n_features)
        `REPEAT_FEATURES` or `NOVEL_FEATURES`; NaN where undefined.
    """

    rows: np.ndarray
    items: np.ndarray
    features: np.ndarray


class View:
    """The past as the scorer sees it on one date: features of items, customers and pairs."""

    def __init__(self, past: Histories, as_of: np.datetime64, *, max_items: int, l2_penalty: float) -> None:
        baskets, n_items = past.baskets, len(past.baskets.items)
        self.past, self.n_items = past, n_items
        self.pairs, lines = pair_statistics(past, as_of)
        pairs, owner = self.pairs, past.owner
        age = days_before(past.times, as_of)
        back = past.indptr[owner + 1] - 1 - np.arange(owner.size)
        lengths = np.diff(baskets.indptr)
        newly = np.zeros(lines.size, dtype=bool)
        newly[np.unique(lines, return_index=True)[1]] = True  # a pair's first line
        self.owner = pairs.owner
        self._items(age, lengths, newly, as_of)
        self._customers(age, lengths, newly, owner)
        self._pairs(age, back, lengths, lines, owner)
        self.model_items = most_bought(pairs, n_items, max_items)
        self.log_counts = np.log1p(pairs.counts)
        bought = item_columns(pairs, self.log_counts, None, self.model_items, n_items)
        self.ease = ease_weights(bought, l2_penalty).astype(np.float32)
        self.knn, self.path = _together_and_after(past, self.model_items)

    def _items(self, age: np.ndarray, lengths: np.ndarray, newly: np.ndarray, as_of: np.datetime64) -> None:
        pairs, n_items = self.pairs, self.n_items
        month = item_shares(self.past, as_of, 28.0)
        buyers = np.bincount(pairs.items, minlength=n_items)
        bought = np.bincount(pairs.items, pairs.counts, minlength=n_items)
        weight = recency_weights(age - age.min(), 28.0)
        new = np.bincount(self.past.baskets.indices, np.repeat(weight, lengths) * newly, minlength=n_items)
        self.item_features = np.column_stack(
            [
                month,
                item_shares(self.past, as_of, 7.0) / month,
                month / item_shares(self.past, as_of, None),
                bought / buyers,
                buyers / len(self.past),
                new / weight.sum(),
            ]
        ).astype(np.float32)
        self.popularity = month

    def _customers(self, age: np.ndarray, lengths: np.ndarray, newly: np.ndarray, owner: np.ndarray) -> None:
        past = self.past
        n = np.diff(past.indptr)
        last, span = age[past.indptr[1:] - 1], age[past.indptr[:-1]]
        weight = recency_weights(age, 28.0)
        late = np.repeat(weight, lengths)
        by_line = np.repeat(owner, lengths)
        self.late_baskets = np.bincount(owner, weight, minlength=len(past))
        share_new = _ratio(
            np.bincount(by_line, late * newly, minlength=len(past)),
            np.bincount(by_line, late, minlength=len(past)),
        )
        size = np.bincount(owner, lengths, minlength=len(past)) / n
        self.customer_features = np.column_stack(
            [
                n,
                last,
                span / n,
                self.late_baskets,
                size,
                lengths[past.indptr[1:] - 1],
                share_new,
                _ratio(last * n, span),
            ]
        ).astype(np.float32)

    def _pairs(
        self, age: np.ndarray, back: np.ndarray, lengths: np.ndarray, lines: np.ndarray, owner: np.ndarray
    ) -> None:
        pairs, n = self.pairs, np.diff(self.past.indptr)
        who = self.owner

        def total(weight: np.ndarray) -> np.ndarray:
            return np.bincount(lines, np.repeat(weight, lengths), minlength=len(pairs))

        month, season = recency_weights(age, 28.0), recency_weights(age, 120.0)
        gaps = expected_gaps(pairs, self.n_items)
        by_month, by_season, slow = total(month), total(season), total(0.98**back)
        per_season = np.bincount(owner, season, minlength=n.size)
        self.pair_features = np.column_stack(
            [
                pairs.counts, pairs.first, pairs.last, pairs.previous - pairs.last, pairs.baskets_since, gaps,
                _ratio(pairs.last, gaps), total(recency_weights(age, 7.0)), by_month, by_season, total(0.9**back),
                slow, _ratio(by_month, self.late_baskets[who]), _ratio(by_season, per_season[who]),
                pairs.counts / n[who],
                pairs.baskets_since * pairs.counts / np.maximum(n[who] - pairs.baskets_since, 1),
            ]
        ).astype(np.float32)  # fmt: skip
        self.habit = slow + by_month / 2 + self.popularity[pairs.items]  # which pairs are worth scoring

    def offers(self, n_repeat: int, n_novel: int) -> tuple[Offers, Offers]:
        """Return the items worth scoring for each customer: bought before, and new.

        Repeats are the `n_repeat` strongest habits of each; novel items those among the
        `n_novel` best by EASE, or among as many that sell best.
        """
        worth = np.flatnonzero(_strongest(self.habit, self.pairs, n_repeat))
        bounds = np.searchsorted(worth, self.pairs.indptr)
        repeats, novels = [], []
        for begin in range(0, len(self.past), BLOCK):
            rows = np.arange(begin, min(begin + BLOCK, len(self.past)))
            repeat, novel = self._block(rows, worth[bounds[begin] : bounds[rows[-1] + 1]], n_novel)
            repeats.append(repeat)
            novels.append(novel)
        return _joined(repeats), _joined(novels)

    def _block(self, rows: np.ndarray, own: np.ndarray, n_novel: int) -> tuple[Offers, Offers]:
        pairs, columns = self.pairs, self.model_items

        def table(values: np.ndarray) -> np.ndarray:
            return item_columns(pairs, values, rows, columns, self.n_items).toarray().astype(np.float32)

        counts = table(self.log_counts)
        late = table(recency_weights(pairs.last, RECENT))
        last = table((pairs.baskets_since < LAST_BASKETS).astype(float))
        scores = (counts @ self.ease, late @ self.knn, last @ self.path)
        place = np.full(self.n_items, -1)
        place[columns] = np.arange(columns.size)
        who, item = self.owner[own], pairs.items[own]
        local = who - rows[0]
        inside = place[item] >= 0
        told = np.full((own.size, len(scores)), np.nan, dtype=np.float32)
        for column, score in enumerate(scores):
            told[inside, column] = score[local[inside], place[item[inside]]]
        repeat = Offers(
            who,
            item,
            np.hstack([self.pair_features[own], self.item_features[item], self.customer_features[who], told]),
        )
        at, to = np.nonzero(_novel_pool(scores[0], counts > 0, self.popularity[columns], n_novel))
        who, item = rows[at], columns[to]
        told = np.column_stack([score[at, to] for score in scores])
        novel = Offers(
            who,
            item,
            np.hstack([self.item_features[item], self.customer_features[who], told.astype(np.float32)]),
        )
        return repeat, novel


def first_baskets_after(
    histories: Histories, start: np.datetime64, past: Histories, pairs: Pairs
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """What each customer of `past` bought on their first occasion from `start` on.

    Returns
    -------
    rows, items : ndarray of int
        Customer and item codes in `past`, one entry an item; what `past` never saw is left out.
    sizes, n_new : ndarray of int, shape (n_customers,)
        Items in that basket, and those new to the customer, unseen ones included in both; 0 for
        customers who had none.
    """
    later = np.flatnonzero(histories.times >= start)
    who, at = np.unique(histories.owner[later], return_index=True)
    row = past.customers.get_indexer(histories.customers[who])
    first, row = later[at][row >= 0], row[row >= 0]
    baskets: Baskets = histories.baskets.take(first)
    lengths = np.diff(baskets.indptr)
    sizes = np.zeros(len(past), dtype=np.int64)
    sizes[row] = lengths
    items = past.baskets.items.get_indexer(histories.baskets.items)[baskets.indices]
    rows = np.repeat(row, lengths)
    repeat = (items >= 0) & (find_pairs(pairs, rows, items, len(past.baskets.items)) >= 0)
    n_new = np.bincount(rows[~repeat], minlength=len(past))
    return rows[items >= 0], items[items >= 0], sizes, n_new


def is_among(offers: Offers, rows: np.ndarray, items: np.ndarray, n_items: int) -> np.ndarray:
    """Whether each offer is one of the (row, item)."""
    return np.isin(
        offers.rows.astype(np.int64) * n_items + offers.items, rows.astype(np.int64) * n_items + items
    )


def _together_and_after(past: Histories, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cosine of items bought together, and confidence over the usual of the next basket's items."""
    baskets = past.baskets
    place = np.full(len(baskets.items), -1)
    place[columns] = np.arange(columns.size)
    column = place[baskets.indices]
    row = np.repeat(np.arange(len(baskets)), np.diff(baskets.indptr))[column >= 0]
    held = sparse.csr_array(
        (np.ones(row.size, np.float32), (row, column[column >= 0])), shape=(len(baskets), columns.size)
    )
    together = (held.T @ held).toarray()
    n = np.diag(together).copy()
    cosine = together / (np.sqrt(np.outer(n, n)) + 10.0)
    np.fill_diagonal(cosine, 0.0)
    followed = np.ones(len(baskets), dtype=bool)
    followed[past.indptr[1:] - 1] = False
    lead = np.flatnonzero(followed)
    if not lead.size:
        return cosine.astype(np.float32), np.zeros_like(cosine, dtype=np.float32)
    led, next_ones = held[lead], held[lead + 1]
    after = (led.T @ next_ones).toarray()
    n = led.sum(axis=0)
    confidence = after / (n[:, None] + 10.0) - (n / (n + 10.0))[:, None] * next_ones.mean(axis=0)
    return cosine.astype(np.float32), confidence.astype(np.float32)


def _novel_pool(ease: np.ndarray, bought: np.ndarray, popularity: np.ndarray, n: int) -> np.ndarray:
    """The n best new items by `ease`, and the n most popular ones, of each row."""
    n = min(n, ease.shape[1])
    pool = np.zeros(ease.shape, dtype=bool)
    masked = np.where(bought, -np.inf, ease)
    np.put_along_axis(pool, np.argpartition(-masked, n - 1, axis=1)[:, :n], True, axis=1)
    order = by_falling(popularity)
    new = ~bought[:, order]
    among = np.zeros_like(pool)
    among[:, order] = new & (np.cumsum(new, axis=1) <= n)
    return (pool & ~bought) | among


def _strongest(values: np.ndarray, pairs: Pairs, n: int) -> np.ndarray:
    """Whether a pair is among its customer's n with the highest value."""
    owner = pairs.owner
    order = np.lexsort((-values, owner))
    rank = np.empty(order.size, dtype=np.int64)
    rank[order] = np.arange(order.size) - pairs.indptr[owner]
    return rank < n


def _ratio(over: np.ndarray, under: np.ndarray) -> np.ndarray:
    """NaN where there is nothing to divide by."""
    under = np.asarray(under, dtype=float)
    return np.divide(over, under, out=np.full(under.shape, np.nan), where=under > 0)


def _joined(parts: list[Offers]) -> Offers:
    return Offers(
        *(
            np.concatenate(arrays)
            for arrays in zip(*((p.rows, p.items, p.features) for p in parts), strict=True)
        )
    )
