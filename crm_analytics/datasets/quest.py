"""Simulated baskets: those of IBM's Quest generator, and those in which nothing depends on anything."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numba import njit

_TRIES = 100  # patterns in a row that add nothing, before a basket is left shorter


def make_quest_patterns(
    *,
    n_patterns: int = 2000,
    mean_pattern: float = 4,
    n_items: int = 1000,
    correlation: float = 0.5,
    corruption: float = 0.5,
    random_state: Any = None,
) -> pd.DataFrame:
    """Draw the itemsets that Quest's customers tend to buy together.

    A pattern shares a part of its items with the one before, on average `correlation` of
    them (exponentially distributed, at most all); the others are drawn evenly from all items.

    Parameters
    ----------
    n_patterns : int >= 1
    mean_pattern : float >= 1
        Mean items of a pattern; lengths are 1 and a Poisson number more.
    n_items : int >= 1
    correlation : float >= 0
    corruption : float in [0, 1)
        Mean of the patterns' corruption, which is normal with variance .1, cut to [0, 1].
    random_state : int or numpy Generator

    Returns
    -------
    DataFrame with a row a pattern: `items` (tuple of int, rising), `weight` (share of all
    draws; exponential), `corruption` (chance to drop an item more).

    References
    ----------
    Agrawal & Srikant (1994), Fast algorithms for mining association rules, VLDB, section 2.4.3.

    Examples
    --------
    >>> patterns = make_quest_patterns(n_patterns=500, random_state=7)
    >>> len(patterns), patterns["items"].map(len).mean().round(1)
    (500, np.float64(4.0))
    """
    _require_counts(n_patterns=n_patterns, mean_pattern=mean_pattern, n_items=n_items)
    if not correlation >= 0:
        raise ValueError(f"correlation must be >= 0. Got {correlation!r} instead.")
    if not 0 <= corruption < 1:
        raise ValueError(f"corruption must be in [0, 1). Got {corruption!r} instead.")
    rng = np.random.default_rng(random_state)
    lengths = np.minimum(1 + rng.poisson(mean_pattern - 1, n_patterns), n_items)
    shared = np.minimum(rng.exponential(correlation, n_patterns), 1.0)
    items: list[np.ndarray] = []
    for length, share in zip(lengths.tolist(), shared.tolist(), strict=True):
        before = items[-1] if items else np.empty(0, dtype=np.int64)
        kept = rng.permutation(before)[: int(share * length + 0.5)]
        others = rng.choice(n_items, size=min(n_items, length + kept.size), replace=False)
        fresh = others[~np.isin(others, kept)][: length - kept.size]
        items.append(np.sort(np.concatenate([kept, fresh])))
    weight = rng.exponential(1.0, n_patterns)
    return pd.DataFrame(
        {
            "items": [tuple(pattern.tolist()) for pattern in items],
            "weight": weight / weight.sum(),
            "corruption": np.clip(rng.normal(corruption, np.sqrt(0.1), n_patterns), 0, 1),
        }
    )


def make_quest_baskets(
    n_baskets: int = 100_000,
    *,
    mean_length: float = 10,
    mean_pattern: float = 4,
    n_items: int = 1000,
    n_patterns: int = 2000,
    correlation: float = 0.5,
    corruption: float = 0.5,
    patterns: pd.DataFrame | None = None,
    random_state: Any = None,
) -> pd.DataFrame:
    """Simulate baskets as IBM's Quest generator does; T10I4D100K by default.

    A basket has a length (1 and a Poisson number more) and is filled with patterns drawn by
    weight. Of each pattern items are dropped, one after the other, as long as a uniform number
    is below its corruption. One that does not fit goes in all the same in half of the cases,
    and if the basket is still empty; in the others it is kept for the next basket.

    Parameters
    ----------
    n_baskets : int >= 1
    mean_length : float >= 1
        Mean of the lengths aimed at. Baskets come out slightly longer, as patterns that do not
        fit go in half of the time.
    mean_pattern, n_items, n_patterns, correlation, corruption
        As for `make_quest_patterns`.
    patterns : DataFrame, optional
        The patterns to use, as `make_quest_patterns` gives them, where the truth should be
        known; the four parameters above and `n_items` are then not used.
    random_state : int or numpy Generator
        The same seed gives the same baskets.

    Returns
    -------
    DataFrame with a row a line: `transaction_id` (0 to n_baskets - 1), `item_id` (int), in
    order, each item once in a basket. A million baskets take about two seconds.

    References
    ----------
    Agrawal & Srikant (1994), Fast algorithms for mining association rules, VLDB, section 2.4.3.
    Lengths of at least 1 follow the published program.

    Examples
    --------
    >>> lines = make_quest_baskets(1000, random_state=7)
    >>> lines["transaction_id"].nunique(), lines.columns.tolist()
    (1000, ['transaction_id', 'item_id'])
    """
    _require_counts(n_baskets=n_baskets, mean_length=mean_length)
    rng = np.random.default_rng(random_state)
    if patterns is None:
        patterns = make_quest_patterns(
            n_patterns=n_patterns,
            mean_pattern=mean_pattern,
            n_items=n_items,
            correlation=correlation,
            corruption=corruption,
            random_state=rng,
        )
    lengths = patterns["items"].map(len).to_numpy()
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    codes = np.fromiter((item for row in patterns["items"] for item in row), np.int64, offsets[-1])
    ends = np.cumsum(patterns["weight"].to_numpy(dtype=float))
    basket_of, item_of = _fill(
        1 + rng.poisson(mean_length - 1, n_baskets),
        codes,
        offsets,
        ends / ends[-1],
        patterns["corruption"].to_numpy(dtype=float),
        int(codes.max()) + 1,
        rng,
    )
    return pd.DataFrame({"transaction_id": basket_of.copy(), "item_id": item_of.astype(np.int32)})


def make_independent_baskets(
    n_baskets: int,
    item_shares: Any,
    *,
    planted: Mapping[tuple[int, int], float] | None = None,
    random_state: Any = None,
) -> pd.DataFrame:
    """Simulate baskets in which items are bought independently, but for planted pairs.

    What a search for rules finds here beyond the planted pairs, it finds by chance.

    Parameters
    ----------
    n_baskets : int >= 1
    item_shares : array, shape (n_items,)
        P(a basket holds the item), in [0, 1).
    planted : dict of (int, int) to float, optional
        Lift of pairs of items, P(both) / (P(one) P(other)); 1 is independence. The items'
        own shares stay as they are. An item may be in one pair only.
    random_state : int or numpy Generator

    Returns
    -------
    DataFrame with a row a line: `transaction_id` (0 to n_baskets - 1), `item_id` (position in
    `item_shares`), in order. Baskets without any item have no line: remember n_baskets.

    Raises
    ------
    ValueError
        If a share or lift is impossible, or an item is in two pairs.

    Examples
    --------
    >>> lines = make_independent_baskets(10_000, [0.5, 0.1, 0.1], planted={(1, 2): 5.0}, random_state=7)
    >>> (lines["item_id"].value_counts().sort_index() / 10_000).round(2).tolist()
    [0.5, 0.1, 0.1]
    """
    _require_counts(n_baskets=n_baskets)
    shares = np.asarray(item_shares, dtype=float)
    if shares.ndim != 1 or not ((shares >= 0) & (shares < 1)).all():
        raise ValueError(f"item_shares must be one row of numbers in [0, 1). Got {item_shares!r} instead.")
    planted = {} if planted is None else dict(planted)
    _require_possible(planted, shares)
    rng = np.random.default_rng(random_state)
    led = {second for _, second in planted}  # each follows the first of its pair
    found = [_holders(rng, n_baskets, 0.0 if j in led else share) for j, share in enumerate(shares)]
    for (one, other), lift in planted.items():
        p, q = shares[one], shares[other]
        together = found[one][rng.random(found[one].size) < lift * q]
        alone = _holders(rng, n_baskets, (q - lift * p * q) / (1 - p))
        found[other] = np.union1d(together, alone[~np.isin(alone, found[one])])
    basket = np.concatenate(found)
    item = np.repeat(np.arange(shares.size), [holders.size for holders in found])
    order = np.lexsort((item, basket))
    return pd.DataFrame({"transaction_id": basket[order], "item_id": item[order]})


def _holders(rng: np.random.Generator, n_baskets: int, share: float) -> np.ndarray:
    """Baskets that hold an item, each with probability `share` whatever the others do.

    A Poisson number of even draws with replacement falls on each basket independently; with
    mean -log(1 - share) a basket, on `share` of them. This costs what is drawn, not n_baskets.
    """
    return np.unique(rng.integers(0, n_baskets, size=rng.poisson(-n_baskets * np.log1p(-share))))


def _require_counts(**values: float) -> None:
    for name, value in values.items():
        whole = name.startswith("n_")
        if not value >= 1 or value == np.inf or (whole and value != int(value)):
            rule = "a whole number >= 1" if whole else ">= 1 and finite"
            raise ValueError(f"{name} must be {rule}. Got {value!r} instead.")


def _require_possible(planted: dict[tuple[int, int], float], shares: np.ndarray) -> None:
    paired = [item for pair in planted for item in pair]
    if len(set(paired)) < len(paired) or not set(paired) <= set(range(shares.size)):
        raise ValueError(
            f"planted must pair positions of item_shares, each at most once. Got {list(planted)} instead."
        )
    for (one, other), lift in planted.items():
        p, q = shares[one], shares[other]
        if not p * q > 0:
            raise ValueError(
                f"planted: items {(one, other)} need shares > 0. Got {p:.4g} and {q:.4g} instead."
            )
        # no more baskets may hold both than hold either, and no less than all are
        low, high = max(0.0, (p + q - 1) / (p * q)), 1 / max(p, q)
        if not low <= lift <= high:
            raise ValueError(
                f"planted: the lift of {(one, other)} must be in [{low:.4g}, {high:.4g}], as their shares are "
                f"{p:.4g} and {q:.4g}. Got {lift!r} instead."
            )


@njit(cache=True)
def _fill(lengths, codes, offsets, ends, corruption, n_items, rng):
    """Basket and item of every line, by basket and item."""
    longest = 0
    for pattern in range(ends.size):
        longest = max(longest, offsets[pattern + 1] - offsets[pattern])
    room = lengths.sum() + longest * lengths.size  # only what is written to takes memory
    basket_of, item_of = np.empty(room, np.int64), np.empty(room, np.int64)
    last = np.full(n_items, -1, np.int64)  # the last basket that took each item
    held = np.empty(longest, np.int64)  # what is left of the pattern at hand
    n_held, waiting, n = 0, False, 0
    for basket in range(lengths.size):
        begin, tries = n, 0
        while n - begin < lengths[basket] and tries < _TRIES:
            if not waiting:
                pattern = _first_beyond(ends, rng.random())
                n_held = offsets[pattern + 1] - offsets[pattern]
                for i in range(n_held):
                    held[i] = codes[offsets[pattern] + i]
                while n_held and rng.random() < corruption[pattern]:
                    dropped = int(rng.random() * n_held)
                    n_held -= 1
                    held[dropped] = held[n_held]
            new = 0
            for i in range(n_held):
                new += last[held[i]] != basket
            # The first of a basket goes in, or a long pattern would leave the basket empty.
            if n > begin and n - begin + new > lengths[basket] and rng.random() < 0.5:
                waiting = True
                break
            waiting = False
            tries = 0 if new else tries + 1
            for i in range(n_held):
                if last[held[i]] != basket:
                    last[held[i]] = basket
                    place = n
                    while place > begin and item_of[place - 1] > held[i]:
                        item_of[place] = item_of[place - 1]
                        place -= 1
                    item_of[place] = held[i]
                    basket_of[n] = basket
                    n += 1
    return basket_of[:n], item_of[:n]


@njit(cache=True)
def _first_beyond(ends, value):
    """Position of the first of the rising `ends` above `value`; the last of all is 1."""
    low, high = 0, ends.size - 1
    while low < high:
        middle = (low + high) // 2
        if ends[middle] > value:
            high = middle
        else:
            low = middle + 1
    return low
