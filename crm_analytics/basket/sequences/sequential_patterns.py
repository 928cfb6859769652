"""Frequent sequential patterns: what customers buy, and what they buy after it."""

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from crm_analytics.basket.mining.thresholds import least_count
from crm_analytics.basket.sequences.ground import FAR, Ground, customers_with, enter, keep_items, reaches
from crm_analytics.basket.sequences.growth import Limits, grow
from crm_analytics.basket.sequences.occasions import Occasions, as_occasions
from crm_analytics.basket.sequences.pattern_tree import PatternTree
from crm_analytics.core.errors import SchemaError, SearchLimitError, choice
from crm_analytics.core.units import UNIT_WORDS

UNITS = (*UNIT_WORDS, "event")


class SequentialPatterns(BaseEstimator):
    """Sequences of purchases that at least a given share of customers have made.

    A pattern is a sequence of events, an event a set of items. A customer *has* it if there are
    occasions of theirs, each later in order than the one before, such that each event is part
    of the basket of its occasion, and every limit below holds. Other occasions may lie between
    them, and other items in the baskets. Support is the share of customers who have the
    pattern, each counted once however often they have it.

    Parameters
    ----------
    min_support : float in (0, 1], default=0.01
        Least share of customers; taken as the decimal it is written as.
    max_len : int >= 1 or None, default=5
        Most items in a pattern, over all its events; None for no limit.
    max_events : int >= 1 or None, default=None
        Most events in a pattern.
    min_gap, max_gap : int >= 0 or None, default=None
        Least and greatest difference of period numbers between one event and the next. Two
        occasions of one day differ by 0 days, yet the later may follow the earlier unless
        `min_gap` is 1 or more.
    max_span : int >= 0 or None, default=None
        Greatest difference of period numbers between the first event and the last.
    unit : {"D", "W", "M", "h", "event"}, default="D"
        Periods are calendar days, weeks (from Monday), months or hours: from 31 January to
        1 February is 1 day and 1 month. With "event" an occasion's number is its place among
        its customer's occasions, so `max_gap=1` allows only the very next.
    gaps : bool, default=False
        Find the median gap before the last event of each pattern; takes longer.
    max_patterns : int >= 1, default=1_000_000
        Give up when there are more, before memory does.
    level, occasion : str, default="item_id", "transaction"
        What counts as an item and as one basket in a log, see `features.purchase_histories`.
        Of other data only a frame takes `occasion`.

    Attributes
    ----------
    patterns_ : DataFrame
        One row a pattern, by rising length, then by its items: `support`, `count` (customers),
        `pattern` (tuple of frozensets), `length` (items), `n_events` and `median_gap`: over the
        customers who have the pattern, the median number of periods from the first occasion
        that completes all but the last event, and from which the last can be reached, to the
        first occasion that completes the pattern. Made when first asked for.
    tree_ : PatternTree
        The same in compact arrays.
    n_customers_ : int
        Customers or sequences, those without any item too.
    unit_ : str
        Unit of the gaps: "event" if the data have no times.

    Notes
    -----
    With a greatest gap a frequent pattern may have a part that is not: A, B, C with a day
    between each tells nothing of A, C. What leaves out events at the beginning or at the end
    is always as frequent, and all frequent patterns are found.

    References
    ----------
    Srikant & Agrawal (1996), "Mining sequential patterns: generalizations and performance
    improvements", for the limits; see `growth` for the method.

    Examples
    --------
    >>> sequences = [["tent", ["stove", "gas"], "gas"], ["tent", "gas"], ["gas", "tent"], ["stove"]]
    >>> found = SequentialPatterns(min_support=0.5).fit(sequences).patterns_
    >>> found["pattern"].map(lambda events: [sorted(event) for event in events]).tolist()
    [[['gas']], [['stove']], [['tent']], [['tent'], ['gas']]]
    >>> found["support"].tolist()
    [0.75, 0.5, 0.75, 0.5]
    """

    def __init__(
        self,
        min_support: float = 0.01,
        *,
        max_len: int | None = 5,
        max_events: int | None = None,
        min_gap: int | None = None,
        max_gap: int | None = None,
        max_span: int | None = None,
        unit: str = "D",
        gaps: bool = False,
        max_patterns: int = 1_000_000,
        level: str = "item_id",
        occasion: str = "transaction",
    ) -> None:
        self.min_support = min_support
        self.max_len = max_len
        self.max_events = max_events
        self.min_gap = min_gap
        self.max_gap = max_gap
        self.max_span = max_span
        self.unit = unit
        self.gaps = gaps
        self.max_patterns = max_patterns
        self.level = level
        self.occasion = occasion

    def fit(self, X: Any, y: Any = None) -> "SequentialPatterns":
        """Find the patterns.

        Parameters
        ----------
        X : one of
            a `TransactionLog`;
            `Histories`, see `features.purchase_histories`;
            a frame of lines with `customer_id`, `occurred_at` and `item_id`, where a customer's
            lines of one instant (of one `transaction_id` and day, if there is that column; of
            one period, if `occasion` names it) are one occasion;
            or a list of sequences, each a list of items or of itemsets (list, tuple, set or
            frozenset) in order. They have no times: limits need `unit="event"`.
        y : ignored

        Raises
        ------
        SchemaError
            If there is no customer, an item is missing, or the data have no times for the limits.
        SearchLimitError
            If there are more than `max_patterns` patterns; the growth stops there.
        """
        return self._fit(X, 0.0 if self.gaps else 2.0)

    def _fit(self, X: Any, gap_share: float) -> "SequentialPatterns":
        """Fit, with the gaps of those patterns that follow their antecedent with that confidence."""
        self._judge()
        occasions = as_occasions(X, level=self.level, occasion=self.occasion, caller="SequentialPatterns.fit")
        limited = any(limit is not None for limit in (self.min_gap, self.max_gap, self.max_span))
        if occasions.times is None and self.unit != "event" and limited:
            raise SchemaError(
                "SequentialPatterns.fit: sequences without times have no gaps in "
                f"{UNIT_WORDS[self.unit]}s. Pass unit='event', or lines with occurred_at."
            )
        n_customers = len(occasions.customers)
        if n_customers == 0:
            raise SchemaError("SequentialPatterns.fit: there are no sequences. Pass at least one.")
        self.n_customers_ = n_customers
        self.unit_ = self.unit if occasions.times is not None else "event"
        self.tree_ = mine(
            occasions,
            least=least_count(self.min_support, n_customers),
            unit=self.unit,
            max_len=self.max_len,
            max_events=self.max_events,
            min_gap=self.min_gap,
            max_gap=self.max_gap,
            max_span=self.max_span,
            gap_share=gap_share,
            max_patterns=self.max_patterns,
        )
        self.__dict__.pop("_patterns", None)
        if len(self.tree_) > self.max_patterns:
            n_found = len(self.tree_)
            del self.tree_
            raise SearchLimitError(
                f"SequentialPatterns.fit: min_support={self.min_support!r} gives more than max_patterns patterns: "
                f"{n_found:,} were counted when {self.max_patterns:,} were passed. Raise min_support, lower "
                "max_len or max_events, or set max_gap."
            )
        return self

    @property
    def patterns_(self) -> pd.DataFrame:
        """One row a pattern, see the class."""
        check_is_fitted(self, "tree_")
        if "_patterns" not in self.__dict__:
            self._patterns = self.tree_.frame(self.n_customers_)
        return self._patterns

    def _judge(self) -> None:
        least_count(self.min_support, 1)
        choice(self.unit, name="unit", allowed=UNITS)
        for name, lowest in [
            ("max_len", 1), ("max_events", 1), ("min_gap", 0), ("max_gap", 0), ("max_span", 0), ("max_patterns", 1),
        ]:  # fmt: skip
            value = getattr(self, name)
            if value is None and name != "max_patterns":
                continue
            if not isinstance(value, Integral) or isinstance(value, bool) or value < lowest:
                raise ValueError(f"{name} must be a whole number >= {lowest}. Got {value!r} instead.")
        if self.min_gap is not None and self.max_gap is not None and self.min_gap > self.max_gap:
            raise ValueError(
                f"min_gap must not exceed max_gap. Got {self.min_gap!r} and {self.max_gap!r} instead."
            )


def mine(
    occasions: Occasions,
    *,
    least: int,
    unit: str = "event",
    max_len: int | None = None,
    max_events: int | None = None,
    min_gap: int | None = None,
    max_gap: int | None = None,
    max_span: int | None = None,
    gap_share: float = 2.0,
    max_patterns: int = 1_000_000,
) -> PatternTree:
    """Find the patterns that at least `least` customers have; see `SequentialPatterns`."""
    baskets, customer_ptr = occasions.baskets, occasions.indptr
    held = customers_with(baskets.indptr, baskets.indices, customer_ptr, len(baskets.items))
    frequent = np.flatnonzero(held >= least)
    new_code = np.full(held.size, -1, np.int32)
    new_code[frequent] = np.arange(frequent.size)
    basket_ptr, items = keep_items(baskets.indptr, baskets.indices, new_code)
    owner = np.repeat(np.arange(customer_ptr.size - 1, dtype=np.int32), np.diff(customer_ptr))
    numbers = occasions.numbers(unit)

    def limit(value: int | None, otherwise: int) -> int:
        return otherwise if value is None else min(int(value), otherwise)

    reach = reaches(
        customer_ptr, numbers, min(int(min_gap or 0), FAR), limit(max_gap, FAR), limit(max_span, FAR)
    )
    ground = Ground(basket_ptr, items, owner, customer_ptr, numbers, *reach)
    entries = enter(ground, held[frequent])
    limits = Limits(
        least=least,
        max_len=limit(max_len, FAR),
        max_events=limit(max_events, FAR),
        max_patterns=int(max_patterns),
        windowed=max_gap is not None or max_span is not None,
        joins=bool((np.diff(basket_ptr) > 1).any()),
        gap_share=float(gap_share),
    )
    parent, item, opens, count, twice_gap = np.ascontiguousarray(grow(ground, entries, limits).T)
    return PatternTree(
        parent,
        item,
        opens.astype(bool),
        count,
        np.where(twice_gap < 0, np.nan, twice_gap / 2),
        baskets.items[frequent],
    )
