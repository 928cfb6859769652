"""RFM segments: scores whose cut points are stored, and a name for each cell of scores."""

import math
import warnings
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from crm_analytics.core.tables import like_customers, require, summary_columns
from crm_analytics.segmentation.rfm.even_cuts import even_cuts
from crm_analytics.segmentation.rfm.name_grid import NameGrid, check_bins, mean_score
from crm_analytics.segmentation.rfm.presets import preset_grid


class RFMSegmenter(BaseEstimator):
    """Score customers by recency, frequency and monetary, and name each cell of scores.

    `fit` finds the values from which each score begins, such that equal values get equal scores
    and the groups are as even as ties permit (see `even_cuts`: the fewest pairs of customers share
    a score). They are stored: a score means the same for whoever is scored later. The highest
    score is the best in each: the most recent, the most frequent, the largest. Customers beyond
    what was seen have the scores at the ends. Scores depend on no order of the rows.

    Parameters
    ----------
    n_bins : int from 2 to 9, default=5
        Scores, 1 to n_bins.
    grid : {"marketing", "course"}, NameGrid or sequence of rules, default="marketing"
        The names; see `preset_grid` for the two that are taught, which need n_bins=5, and
        `NameGrid` for grids of one's own.
    lang : {"en", "tr"}, default="en"
        Language of the names of "marketing" and "course".

    Attributes
    ----------
    cuts_ : dict of str to ndarray of shape (n_bins - 1,)
        By column, where the scores 2 to n_bins begin: at so much or more `purchases` and `amount`
        (rising), at so much or less `since_last` (falling). A column of fewer different values
        than scores has equal cuts, or ±inf if it has but one.
    names_ : list of str
        From the worst to the best.
    name_codes_ : ndarray of int64, shape (n_bins³,)
        Place among `names_` of each cell's name, the cells in the order of r, then f, then m.
    cells_ : list of str
        The scores that bear each name, as the rules say it.
    plane_ : "f" or "fm"
        What the names depend on beside r, and perhaps m.
    customers_, sums_ : ndarray of shape (n_names,) and (n_names, 3)
        Customers of each name when fitted, and their sums of the three columns.

    Examples
    --------
    >>> from crm_analytics.datasets import load_cdnow
    >>> from crm_analytics.features import rfm_table
    >>> customers = rfm_table(load_cdnow(), "1997-10-01", window=273)
    >>> model = RFMSegmenter().fit(customers)
    >>> model.cuts_["purchases"], model.scores(customers)["rfm"].iloc[0]
    (array([2., 3., 4., 6.]), '534')
    >>> model.segments_[["customers", "share", "mean_purchases", "cells"]].round(2).tail(3)
                         customers  share  mean_purchases          cells
    segment
    Potential Loyalists        385   0.16            1.81  r 4-5, fm 2-3
    Loyal Customers            186   0.08            3.59  r 3-4, fm 4-5
    Champions                  348   0.15            5.35    r 5, fm 4-5
    """

    COLUMNS = ("since_last", "purchases", "amount")

    def __init__(self, *, n_bins: int = 5, grid: Any = "marketing", lang: str = "en") -> None:
        self.n_bins = n_bins
        self.grid = grid
        self.lang = lang

    def fit(self, X: Any, y: Any = None) -> "RFMSegmenter":
        """Find the cut points of each column.

        Parameters
        ----------
        X : DataFrame or array of shape (n_customers, 3)
            As `features.rfm_table` gives it: `since_last`, age of the last purchase (periods >= 0,
            low for the best: not the `recency` of `customer_summary`); `purchases` (count >= 0);
            `amount` (currency). Each row counts as a customer.
        y : ignored

        Raises
        ------
        SchemaError
            If a column is missing or holds missing values, or a count or an age is negative.
        ValueError
            If a parameter is out of its range, or the grid does not name each cell once.

        Warns
        -----
        UserWarning
            If a column has fewer different values than there are scores. Its values are spread over
            the scale, which stays 1 to n_bins; some scores go to nobody.
        """
        grid = self._grid()
        columns = self._customers(X, reset=True)
        self.cuts_ = {}
        for name, values in zip(self.COLUMNS, columns, strict=True):
            if name == "since_last":  # the lowest age has the highest score
                self.cuts_[name] = 0.0 - even_cuts(-values, self.n_bins)
            else:
                self.cuts_[name] = even_cuts(values, self.n_bins)
            self._warn_of_few_values(name)
        self.names_ = list(grid.names[::-1])
        self.name_codes_ = len(grid.names) - 1 - grid.codes.ravel().astype(np.int64)
        self.cells_ = [
            "; ".join(rule.describe() for rule in grid if rule.name == name) for name in self.names_
        ]
        self.plane_ = grid.plane
        place = self.name_codes_[self._cell(self._scores(columns))]
        self.customers_, self.sums_ = _sums_by_place(place, columns, len(self.names_))
        return self

    def predict(self, X: Any) -> pd.Series:
        """Each customer's name.

        Returns
        -------
        Series `segment` on the index of `X`: an ordered categorical, from the worst to the best.
        """
        check_is_fitted(self)
        place = self.name_codes_[self._cell(self._scores(self._customers(X, reset=False)))]
        index = like_customers(place, X, "segment").index
        return pd.Series(self._names_at(place), index=index, name="segment")

    def scores(self, X: Any) -> pd.DataFrame:
        """Each customer's scores on the index of `X`: `r`, `f`, `m` (int) and `rfm`, text such as "545"."""
        check_is_fitted(self)
        r, f, m = scores = self._scores(self._customers(X, reset=False))
        span = range(1, self.n_bins + 1)
        texts = pd.array([f"{a}{b}{c}" for a in span for b in span for c in span], dtype="str")
        index = like_customers(r, X, "r").index
        columns = {"r": r, "f": f, "m": m, "rfm": texts.take(self._cell(scores))}
        return pd.DataFrame(columns, index=index)

    @property
    def segments_(self) -> pd.DataFrame:
        """The customers that were fitted, a row a name from the worst to the best.

        customers (count), share (of customers), mean_since_last (periods), mean_purchases (count),
        mean_amount (currency; NaN all three if there is nobody), amount_share (of all amounts;
        NaN if these are not above 0), cells (the scores that bear the name).
        """
        check_is_fitted(self)
        table = pd.DataFrame({"customers": self.customers_}, index=pd.Index(self.names_, name="segment"))
        table["share"] = self.customers_ / self.customers_.sum()
        size = np.where(self.customers_ > 0, self.customers_, np.nan)
        for column, sums in zip(self.COLUMNS, self.sums_.T, strict=True):
            table[f"mean_{column}"] = sums / size
        total = math.fsum(self.sums_[:, 2])
        table["amount_share"] = self.sums_[:, 2] / total if total > 0 else np.nan
        table["cells"] = self.cells_
        return table

    def grid_table(self, X: Any) -> pd.DataFrame:
        """The customers of `X` on the plane of scores that the names are about, for `plot_rfm_grid`.

        Returns
        -------
        DataFrame with a row a cell, all n_bins² of them by r, then f or fm:

        r : int
        f or fm : int
            fm, the mean of f and m with halves rounded up, if the grid's rules speak of it.
        segment : ordered categorical
            Its name. Where m decides as well, that of most customers in it, or of most of its
            cells if it has none.
        customers : int
            Count.
        share : float
            Of all customers of `X`.
        mean_amount : float
            Of its customers (currency); NaN if there are none.
        """
        check_is_fitted(self)
        columns = self._customers(X, reset=False)
        cell = self._cell(self._scores(columns))
        n = self.n_bins
        r, f, m = (axis.ravel() + 1 for axis in np.indices((n, n, n)))
        plane = (r - 1) * n + (mean_score(f, m) if self.plane_ == "fm" else f) - 1
        customers, sums = _sums_by_place(plane[cell], columns, n * n)
        votes = np.zeros((n * n, len(self.names_)))
        np.add.at(votes, (plane, self.name_codes_), np.bincount(cell, minlength=n**3) + 1 / n**4)
        return pd.DataFrame(
            {
                "r": np.repeat(np.arange(1, n + 1), n),
                self.plane_: np.tile(np.arange(1, n + 1), n),
                "segment": self._names_at(votes.argmax(axis=1)),
                "customers": customers,
                "share": customers / len(cell),
                "mean_amount": sums[:, 2] / np.where(customers > 0, customers, np.nan),
            }
        )

    def _grid(self) -> NameGrid:
        check_bins(self.n_bins)
        if isinstance(self.grid, str):
            found = preset_grid(self.grid, self.lang)
        elif isinstance(self.grid, NameGrid):
            found = self.grid
        else:
            found = NameGrid(self.grid, self.n_bins)
        if found.n_bins != self.n_bins:
            raise ValueError(
                f"grid must name cells of {self.n_bins} scores as n_bins asks, but has names for {found.n_bins}. Set "
                f"n_bins={found.n_bins}, or make a NameGrid(rules, n_bins={self.n_bins})."
            )
        return found

    def _customers(self, X: Any, *, reset: bool) -> list[np.ndarray]:
        columns = summary_columns(self, X, self.COLUMNS, reset=reset)
        for name, values in zip(self.COLUMNS[:2], columns[:2], strict=True):
            remedy = "Take it as of the snapshot date: features.rfm_table."
            require(values >= 0, column=name, rule=">= 0", caller="RFMSegmenter", remedy=remedy)
        return columns

    def _scores(self, columns: list[np.ndarray]) -> list[np.ndarray]:
        since_last, purchases, amount = columns
        cuts = self.cuts_
        return [
            1 + np.searchsorted(-cuts["since_last"], -since_last, side="right"),
            1 + np.searchsorted(cuts["purchases"], purchases, side="right"),
            1 + np.searchsorted(cuts["amount"], amount, side="right"),
        ]

    def _cell(self, scores: list[np.ndarray]) -> np.ndarray:
        r, f, m = scores
        return ((r - 1) * self.n_bins + f - 1) * self.n_bins + m - 1

    def _names_at(self, place: np.ndarray) -> Any:
        return pd.Categorical.from_codes(place, categories=pd.Index(self.names_), ordered=True)

    def _warn_of_few_values(self, name: str) -> None:
        cuts = self.cuts_[name]
        found = np.unique(cuts[np.isfinite(cuts)]).size + 1
        if found < self.n_bins:
            warnings.warn(
                f"RFMSegmenter.fit: {name} has {found} different value(s), fewer than the {self.n_bins} scores. They "
                f"are spread over the scale of 1 to {self.n_bins}; some scores go to nobody.",
                UserWarning,
                stacklevel=3,
            )


def _sums_by_place(place: np.ndarray, columns: list[np.ndarray], n: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of each place and their sums of the columns, rounded once: the same in every order of rows."""
    counts = np.bincount(place, minlength=n)
    order = np.argsort(place.astype(np.int16), kind="stable")
    ends = np.cumsum(counts)[:-1]
    sums = [[math.fsum(part) for part in np.split(values[order], ends)] for values in columns]
    return counts, np.array(sums).T
