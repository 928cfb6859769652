"""Segments of customers who behave alike."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from crm_analytics.core.errors import SchemaError, choice
from crm_analytics.core.tables import like_customers, like_index, require_columns
from crm_analytics.segmentation.behaviour import number_of_segments
from crm_analytics.segmentation.behaviour.alignment import aligned_numbers, cross_table
from crm_analytics.segmentation.behaviour.k_prototypes import centre_table, enough_customers, whole_number
from crm_analytics.segmentation.behaviour.kernels import all_distances, nearest
from crm_analytics.segmentation.behaviour.mixed_columns import (
    Mixed,
    as_table,
    is_number,
    learn_columns,
    read_columns,
    read_one,
)
from crm_analytics.segmentation.behaviour.prototypes import (
    Prototypes,
    ends_of,
    find_prototypes,
    huang_gamma,
    modes_of,
    word_counts,
)
from crm_analytics.segmentation.behaviour.row_order import drawn_order, n_different
from crm_analytics.segmentation.behaviour.scaling import SCALINGS, kept_scaling, learn_scaling, scale, unscale

# How recently, how often and how much, in three windows: together they tell rise and fall, too.
# Windows end at the snapshot, so the columns mean the same next quarter; lifetimes go on growing.
WINDOWED = (
    "since_last",
    "purchases_long",
    "purchases_middle",
    "purchases_short",
    "amount_long",
    "amount_middle",
    "amount_short",
)
_MOST_TO_CHOOSE_BY = 10_000  # customers; agreement and shares need no more to settle
_FEWEST_EACH = 10  # customers to a segment, on average, if the number is to be chosen
_MOST_TO_FIT = 200_000  # means of so many have settled
_AMOUNTS = ("amount", "spend", "monetary", "revenue")


class BehaviouralSegmenter(BaseEstimator):
    """Segments of customers who behave alike, with numbers that keep their meaning.

    Numbers are scaled (long tails bent, extremes drawn in), words counted as equal or not;
    k-prototypes, which without words is k-means, then finds the segments. Their number is the
    largest that comes back when customers are resampled (that has gaps between them, if any
    has), or, given what came after, the smallest that says as much of it as any: see `choice_`
    and `fit_report_`. A refit with
    `previous` gives segments the numbers they had.

    Parameters
    ----------
    n_segments : int >= 1, optional
        By default chosen from 2 to `max_segments`.
    columns : list of str, optional
        Columns to go by. By default those of `SnapshotBuilder` and `behaviour_features` that say
        how recently, how often and how much customers bought in the three windows, if X has at
        least three of them; else all numbers without missing values and all words.
    scaling : {"log", "power", "standard"}, default="log"
        "log" is log(1 + x / m), m being the median size, "power" the transform of Yeo & Johnson
        (2000) fitted to x / m; a change of unit changes nothing in either. "standard" bends nothing.
        Then come mean 0 and standard deviation 1; beyond its .005 and .995 quantiles a value
        counts as the quantile.
    max_segments : int >= 2, default=8
    smallest_share : float in [0, 0.5), default=0.03
        Of the customers, in each segment, if their number is to be chosen.
    gamma : float >= 0, optional
        Weight of a differing word; by default half the mean standard deviation of the scaled
        numbers, about .5 (see `KPrototypes`).
    random_state : int >= 0, default=0

    Attributes
    ----------
    numbers_ : ndarray of int64, shape (n_segments,)
        The segments' numbers, rising.
    sizes_ : ndarray of int64
        Customers of the fit, and of every `partial_fit` since, in each.
    choice_ : dict of ndarray
        Figures of every number of segments tried (`number_of_segments.figures`).
    fit_report_ : dict
        `message` says in words why this number was taken.
    columns_ : list of dict
        How each column is read.
    constant_columns_, incomplete_columns_ : list of str
        Columns not looked at: of one value, and (by default only) with missing numbers.
    scaling_, means_, modes_, gamma_, word_counts_, last_number_
        What `predict` and `partial_fit` go by.

    References
    ----------
    k-prototypes: Huang (1998), Data Mining and Knowledge Discovery 2. Number by agreement: Fang &
    Wang (2012), Selection of the number of clusters via the bootstrap method, Computational
    Statistics & Data Analysis 56; Hennig (2007). Membership: Bezdek (1981). Running means:
    MacQueen (1967).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"amount": np.exp(rng.normal(np.repeat([2.0, 4.0, 6.0], 999), 0.2)),
    ...                   "channel": np.repeat(["web", "shop", "shop"], 999)})
    >>> model = BehaviouralSegmenter().fit(X)
    >>> model.segments_.round(2)
             size  share  amount channel
    segment
    1         999   0.33    7.45     web
    2         999   0.33   55.08    shop
    3         999   0.33  400.57    shop
    >>> model.assign({"amount": 400.0, "channel": "shop"})
    3
    """

    numbers_: np.ndarray
    sizes_: np.ndarray
    means_: np.ndarray
    modes_: np.ndarray
    word_counts_: np.ndarray
    fit_report_: dict[str, Any]

    def __init__(
        self,
        n_segments: int | None = None,
        *,
        columns: Sequence[str] | None = None,
        scaling: str = "log",
        max_segments: int = 8,
        smallest_share: float = 0.03,
        gamma: float | None = None,
        random_state: int = 0,
    ) -> None:
        self.n_segments = n_segments
        self.columns = columns
        self.scaling = scaling
        self.max_segments = max_segments
        self.smallest_share = smallest_share
        self.gamma = gamma
        self.random_state = random_state

    def fit(
        self, X: Any, y: Any = None, previous: "BehaviouralSegmenter | None" = None
    ) -> "BehaviouralSegmenter":
        """Find the segments.

        The scaling and the segments are learned on at most 200,000 customers, their number on
        10,000, drawn by their values and not by their rows: the order of the table does not
        matter. Without `previous`, segments are numbered from 1 by rising mean of the first
        column of amounts (else the first number; by falling size where there are only words).

        Parameters
        ----------
        X : DataFrame or array of shape (n_customers, n_columns)
            Missing words are a level of their own; missing numbers are refused in columns that
            were asked for. Columns of one value are left out.
        y : array of float, shape (n_customers,), optional
            What came after, such as future spend; it only helps to choose the number.
        previous : fitted BehaviouralSegmenter, optional
            Whose numbers are kept: each segment gets the number of the old one it goes on as
            (`alignment.aligned_numbers`), or a number never used before. Its number of segments
            stays while it agrees with refits, and so do its segments unless others cost 1 % less.

        Raises
        ------
        SchemaError
            If a column is missing, holds missing numbers, dates or a word a customer; if all
            columns are constant; or fewer customers differ than there are to be segments.
        """
        self._judge_parameters()
        caller = "BehaviouralSegmenter.fit"
        table = as_table(X, caller=caller)
        outcome = _outcome(like_index(y, X, caller=caller), len(table))
        if previous is not None and not isinstance(previous, BehaviouralSegmenter):
            raise TypeError(
                f"previous must be a BehaviouralSegmenter. Got {type(previous).__name__} instead."
            )
        if previous is not None:
            check_is_fitted(previous, "means_")
        names, self.incomplete_columns_ = _names(table, self.columns, caller)
        columns = learn_columns(table, names, caller=caller)
        given = read_columns(table, columns, caller=caller)
        order = drawn_order(*given, self.random_state, _MOST_TO_FIT)
        given = self._keep_what_varies(given, columns, order, caller)
        customers = Mixed(scale(given.numbers, self.scaling_), given.codes)
        drawn = customers.take(order)
        self.gamma_ = float(huang_gamma(drawn.numbers) if self.gamma is None else self.gamma)
        k = self._choose(drawn, None if outcome is None else outcome[order], previous)
        found = find_prototypes(
            *drawn,
            self.ends_,
            k,
            self.gamma_,
            n_init=10,
            max_iter=300,
            rng=np.random.default_rng(self.random_state),
            start=self._start(previous, k),
        )
        self._number(table, customers, found.prototypes, previous)
        self.fit_report_ |= {"n_customers": len(table), "n_fitted": int(order.size), "n_iter": found.n_iter}
        return self

    def predict(self, X: Any) -> pd.Series:
        """Segment of each customer: a Series `segment` of int64 on the index of X.

        A word that was not there to learn from differs from those of all segments. Raises
        SchemaError if a column is missing or a number is.
        """
        check_is_fitted(self, "means_")
        place, _ = nearest(*self._scaled(X, "predict"), self.means_, self.modes_, self.gamma_)
        return like_customers(self.numbers_[place], X, "segment")

    def assign(self, values: Mapping[str, Any] | Sequence[Any]) -> int:
        """Segment of one customer, as `predict` gives it, in less than a tenth of a millisecond.

        Parameters
        ----------
        values : mapping or sequence
            By name of the column, others being ignored, or in the order of `columns_`.
        """
        if not hasattr(self, "means_"):  # check_is_fitted takes longer than the answer
            check_is_fitted(self, "means_")
        one = read_one(values, self.columns_)
        scaled = scale(one.numbers, self.scaling_)
        return int(self.numbers_[nearest(scaled, one.codes, self.means_, self.modes_, self.gamma_)[0][0]])

    def membership(self, X: Any) -> pd.DataFrame:
        """How far each customer belongs to each segment: shares in [0, 1] that sum to 1.

        (1 / d_j) / Σ (1 / d_l) for squared distances d, the membership of fuzzy c-means with
        m = 2 (Bezdek 1981). Whoever is exactly like a prototype belongs to it alone. It tells who
        stands between segments; it is no probability.

        Returns
        -------
        DataFrame on the index of X, a column for each of `numbers_`.
        """
        check_is_fitted(self, "means_")
        far = all_distances(*self._scaled(X, "membership"), self.means_, self.modes_, self.gamma_)
        least = far.min(axis=1, keepdims=True)
        # Relative to the nearest, so that nothing overflows; 0 / 0 is the nearest itself.
        near = np.divide(least, far, out=np.ones_like(far), where=far > 0)
        index = X.index if isinstance(X, pd.DataFrame) else None
        columns = pd.Index(self.numbers_, name="segment")
        return pd.DataFrame(near / near.sum(axis=1, keepdims=True), index=index, columns=columns)

    def partial_fit(self, X: Any, y: Any = None) -> "BehaviouralSegmenter":
        """Let the segments move on with more customers; fits if there has been no fit.

        Each joins the nearest segment, whose means and words become those of all customers it
        ever had: MacQueen's running means, for a whole table at a time, so that its order does
        not matter. Columns, levels and scaling stay as they were fitted, and so does the number of
        segments. `y` is used by a first fit alone.
        """
        if not hasattr(self, "means_"):
            return self.fit(X, y)
        customers = self._scaled(X, "partial_fit")
        customers = customers.take(drawn_order(*customers, 0))  # or sums would differ in the last bit
        k = self.numbers_.size
        place, _ = nearest(*customers, self.means_, self.modes_, self.gamma_)
        size = np.bincount(place, minlength=k)
        sums = [np.bincount(place, weights=values, minlength=k) for values in customers.numbers.T]
        total = np.maximum(self.sizes_ + size, 1)
        # As a step from the mean so far: who brings nobody new stays exactly where they were.
        steps = np.array(sums).reshape(-1, k) - size * self.means_
        self.means_ = np.ascontiguousarray(self.means_ + steps / total)
        self.word_counts_ = self.word_counts_ + word_counts(customers.codes, place, self.ends_, k)
        self.modes_ = modes_of(self.word_counts_, self.ends_)
        self.sizes_ = self.sizes_ + size
        return self

    @property
    def segments_(self) -> pd.DataFrame:
        """A row a segment: size, share, and the centre in the units of the columns.

        The centre of a number is the mean of the scaled values, scaled back: for "log" and
        "power" nearer to the median than to the mean. That of a word is the commonest.
        """
        check_is_fitted(self, "means_")
        means = np.ascontiguousarray(unscale(self.means_.T, self.scaling_).T)
        centres = centre_table(self.columns_, Prototypes(means, self.modes_))
        centres.insert(0, "size", self.sizes_)
        centres.insert(1, "share", self.sizes_ / self.sizes_.sum())
        return centres.set_axis(pd.Index(self.numbers_, name="segment"))

    # Parts of a fit

    def _judge_parameters(self) -> None:
        if self.n_segments is not None:
            whole_number(self.n_segments, "n_segments")
        whole_number(self.max_segments, "max_segments", least=2)
        whole_number(self.random_state, "random_state", least=0)
        choice(self.scaling, name="scaling", allowed=SCALINGS)
        if not 0 <= self.smallest_share < 0.5:
            raise ValueError(f"smallest_share must be in [0, 0.5). Got {self.smallest_share!r} instead.")
        if self.gamma is not None and not 0 <= self.gamma < np.inf:
            raise ValueError(f"gamma must be >= 0, or None. Got {self.gamma!r} instead.")

    def _keep_what_varies(
        self, given: Mixed, columns: list[dict[str, Any]], order: np.ndarray, caller: str
    ) -> Mixed:
        """The columns of more than one value among those drawn, with the scaling of the numbers."""
        scaling = learn_scaling(given.numbers[order], self.scaling)
        numbers = scaling["spread"] > 0
        words = np.array([len(c["levels"]) > 1 for c in columns if c["kind"] == "words"], dtype=bool)
        varies = {"number": iter(numbers), "words": iter(words)}
        kept = [bool(next(varies[column["kind"]])) for column in columns]
        self.columns_ = [column for column, keep in zip(columns, kept, strict=True) if keep]
        self.constant_columns_ = [c["name"] for c, keep in zip(columns, kept, strict=True) if not keep]
        if not self.columns_:
            raise SchemaError(
                f"{caller}: every one of {len(columns)} columns has the same value for all customers, so nothing "
                "sets them apart. Give columns that vary."
            )
        self.scaling_ = kept_scaling(scaling, numbers)
        self.ends_ = ends_of([len(c["levels"]) for c in self.columns_ if c["kind"] == "words"])
        self.n_features_in_ = len(self.columns_)
        self.feature_names_in_ = np.array([column["name"] for column in self.columns_], dtype=object)
        return Mixed(
            np.ascontiguousarray(given.numbers[:, numbers]), np.ascontiguousarray(given.codes[:, words])
        )

    def _choose(
        self, drawn: Mixed, outcome: np.ndarray | None, previous: "BehaviouralSegmenter | None"
    ) -> int:
        few = Mixed(*(part[:_MOST_TO_CHOOSE_BY] for part in drawn))
        enough_customers(drawn, self.n_segments or 2, "n_segments", caller="BehaviouralSegmenter.fit")
        most = max(2, len(few.codes) // _FEWEST_EACH)
        candidates = range(2, min(self.max_segments, most, n_different(*few)) + 1)
        table = number_of_segments.figures(
            few,
            self.ends_,
            self.gamma_,
            candidates if self.n_segments is None else [self.n_segments],
            y=None if outcome is None else outcome[:_MOST_TO_CHOOSE_BY],
            random_state=self.random_state,
        )
        self.choice_ = table
        if self.n_segments is not None:
            agreement = table["agreement"][0]
            self.fit_report_ = {"message": f"{self.n_segments} segments, as asked; agreement {agreement:.2f}"}
            return int(self.n_segments)
        before = None if previous is None else int(previous.numbers_.size)
        chosen = number_of_segments.choose(table, smallest_share=self.smallest_share, before=before)
        self.fit_report_ = {"message": chosen.message}
        return chosen.k

    def _start(self, previous: "BehaviouralSegmenter | None", k: int) -> Prototypes | None:
        """The segments of `previous` in our scaling, if it looked at the same columns."""
        if previous is None or previous.numbers_.size != k:
            return None
        if [(c["name"], c["kind"]) for c in previous.columns_] != [
            (c["name"], c["kind"]) for c in self.columns_
        ]:
            return None
        means = scale(unscale(previous.means_.T, previous.scaling_), self.scaling_).T
        words = [(c["levels"], d["levels"]) for c, d in zip(previous.columns_, self.columns_, strict=True)
                 if c["kind"] == "words"]  # fmt: skip
        modes = np.zeros_like(previous.modes_)
        for place, (old, new) in enumerate(words):
            known = {level: code for code, level in enumerate(new)}
            modes[place] = [known.get(old[code], 0) for code in previous.modes_[place]]
        return Prototypes(np.ascontiguousarray(means), modes)

    def _number(
        self,
        table: pd.DataFrame,
        customers: Mixed,
        found: Prototypes,
        previous: "BehaviouralSegmenter | None",
    ) -> None:
        """Give the segments their numbers, and keep them in the order of these."""
        k = found.means.shape[1]
        place, _ = nearest(*customers, *found, self.gamma_)
        size = np.bincount(place, minlength=k)
        if previous is None:
            numbers = np.empty(k, dtype=np.int64)
            numbers[np.argsort(self._rank_by(found, size), kind="stable")] = np.arange(1, k + 1)
            self.last_number_ = k
        else:
            old = previous.predict(table).to_numpy()
            counts = cross_table(place, k, old, previous.numbers_)
            numbers = aligned_numbers(counts, previous.numbers_, previous.last_number_)
            self.last_number_ = max(int(previous.last_number_), int(numbers.max()))
        order = np.argsort(numbers)
        self.numbers_ = numbers[order]
        self.sizes_ = size[order]
        self.means_ = np.ascontiguousarray(found.means[:, order])
        self.modes_ = np.ascontiguousarray(found.modes[:, order])
        self.word_counts_ = word_counts(customers.codes, np.argsort(order)[place], self.ends_, k)

    def _rank_by(self, found: Prototypes, size: np.ndarray) -> np.ndarray:
        names = [column["name"] for column in self.columns_ if column["kind"] == "number"]
        if not names:
            return -size
        amounts = [f for f, name in enumerate(names) if any(word in name.lower() for word in _AMOUNTS)]
        return found.means[amounts[0] if amounts else 0]

    def _scaled(self, X: Any, method: str) -> Mixed:
        caller = f"BehaviouralSegmenter.{method}"
        given = read_columns(as_table(X, caller=caller), self.columns_, caller=caller)
        return Mixed(scale(given.numbers, self.scaling_), given.codes)


def _names(table: pd.DataFrame, asked: Sequence[str] | None, caller: str) -> tuple[list[str], list[str]]:
    """Columns to go by, and those left out for their missing numbers."""
    if asked is not None:
        if isinstance(asked, str) or not asked:
            raise ValueError(f"columns must be a list of names, or None. Got {asked!r} instead.")
        return list(asked), []
    windowed = [name for name in WINDOWED if name in table.columns]
    if len(windowed) >= 3:
        return windowed, []  # never missing where they come from; a gap in them is a fault, to be refused
    names = list(table.columns)
    require_columns(table, names, caller=caller)
    incomplete = [name for name in names if is_number(table[name]) and table[name].isna().any()]
    return [name for name in names if name not in incomplete], incomplete


def _outcome(y: Any, n: int) -> np.ndarray | None:
    if y is None:
        return None
    values = np.asarray(y, dtype=float)
    if values.shape != (n,):
        raise ValueError(f"y must be {n:,} numbers, one a customer. Got the shape {values.shape} instead.")
    if not np.isfinite(values).all():
        raise ValueError(
            f"y must be finite, but {(~np.isfinite(values)).sum():,} of {n:,} numbers are not. Who bought nothing "
            "spent 0."
        )
    return values
