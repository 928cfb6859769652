"""Crossing of axes: value × taste × place, with what is too small to act on merged."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from crm_analytics.core.errors import SchemaError
from crm_analytics.core.tables import require_columns

NOT_KNOWN = "not known"
ANY = "any"
SEPARATOR = " · "


class SegmentCrossing(BaseEstimator):
    """One segment from several labels of each customer, none smaller than is worth a campaign.

    The axes are crossed in their order, the most important first. Within a cell, the words of
    the next axis that are too rare are taken together; as long as that is too small as well, the
    rarest of the remaining words joins it; and if none is left, the cell is not divided by this
    axis. So detail is lost where customers are few: "Gold · Wine · North", "Gold · Wine · East or
    West" (two words were merged), "Gold · other taste" (three or more), "Gold".

    Words that are rare on the first axis are merged with each other, but not with a word that is
    common: one VIP does not cost all of Gold its name. So they may make the one cell that is
    smaller than asked for.

    Parameters
    ----------
    smallest_share : float in (0, 1), default=0.02
        Share of the customers of `fit` that a cell must have.

    Attributes
    ----------
    axes_ : list of str
        The columns, in order.
    cells_ : list of str
        Names of the cells, in the order of the words of each axis, the merged ones last.
    sizes_ : ndarray of int
        Customers of `fit` in each cell.

    Examples
    --------
    >>> labels = pd.DataFrame({"value": ["Gold"] * 40 + ["Basic"] * 60,
    ...                        "taste": (["Wine"] * 25 + ["Baby"] * 15) + (["Wine"] * 52 + ["Baby"] * 8)})
    >>> crossing = SegmentCrossing(smallest_share=0.1).fit(labels)
    >>> crossing.segments_
                 value taste  customers  share
    segment
    Basic        Basic   any         60   0.60
    Gold · Baby   Gold  Baby         15   0.15
    Gold · Wine   Gold  Wine         25   0.25
    >>> crossing.predict(pd.DataFrame({"value": ["Gold"], "taste": ["Baby"]}, index=["Ann"])).to_dict()
    {'Ann': 'Gold · Baby'}
    """

    def __init__(self, *, smallest_share: float = 0.02) -> None:
        self.smallest_share = smallest_share

    def fit(self, X: pd.DataFrame, y: Any = None) -> "SegmentCrossing":
        """Learn the cells.

        Parameters
        ----------
        X : DataFrame of shape (n_customers, n_axes)
            A column of labels for each axis, the most important first: text, numbers, or
            categories, whose order is kept. A missing label is the word "not known".
        y : ignored

        Raises
        ------
        SchemaError
            If X has no rows or columns, two columns of one name, or labels that would give two cells
            the same name.
        """
        if not 0 < self.smallest_share < 1:
            raise ValueError(f"smallest_share must be in (0, 1). Got {self.smallest_share!r} instead.")
        axes = _axes_of(X, "SegmentCrossing.fit")
        words = [words_in_order(X[axis]) for axis in axes]
        codes = np.column_stack([_codes(X[axis], known) for axis, known in zip(axes, words, strict=True)])
        combos, counts = np.unique(codes, axis=0, return_counts=True)
        cells = divide(combos, counts, self.smallest_share * len(X))
        inside = placed(combos, cells)
        self.axes_, self.words_, self.places_ = axes, words, cells
        self.told_ = [self._told(row, combos[inside == cell]) for cell, row in enumerate(cells)]
        self.cells_ = [SEPARATOR.join(word for word in told if word != ANY) or "all" for told in self.told_]
        if len(set(self.cells_)) < len(self.cells_):
            raise SchemaError(
                'SegmentCrossing.fit: two cells have the same name, since a label reads like "other" and its axis, or '
                f"holds {SEPARATOR!r}. Rename it."
            )
        self.sizes_ = np.bincount(placed(codes, cells), minlength=len(cells)).astype(np.int64)
        return self

    def predict(self, X: pd.DataFrame) -> pd.Series:
        """Name of each customer's cell.

        Returns
        -------
        Series "segment" on the index of X, categories `cells_` and, last, "not known". A label
        that `fit` has not met under the labels before it belongs to the merged words there. Where
        none were merged, nobody can say which cell is meant: "not known".

        Raises
        ------
        SchemaError
            If an axis is missing.
        """
        check_is_fitted(self)
        require_columns(X, self.axes_, caller="SegmentCrossing.predict")
        codes = np.column_stack(
            [_codes(X[axis], words) for axis, words in zip(self.axes_, self.words_, strict=True)]
        )
        place = placed(codes, self.places_)
        names = [*self.cells_, NOT_KNOWN] if NOT_KNOWN not in self.cells_ else list(self.cells_)
        place = np.where(place < 0, names.index(NOT_KNOWN), place)
        found = pd.Categorical.from_codes(place, categories=pd.Index(names))
        return pd.Series(found, index=X.index, name="segment")

    @property
    def segments_(self) -> pd.DataFrame:
        """A row a cell: the word on each axis ("any": not divided), customers and share."""
        check_is_fitted(self)
        told = dict(zip(self.axes_, zip(*self.told_, strict=True), strict=True))
        share = self.sizes_ / self.sizes_.sum()
        cells = pd.Index(self.cells_, name="segment")
        return pd.DataFrame({**told, "customers": self.sizes_, "share": share}, index=cells)

    def _told(self, row: np.ndarray, combos: np.ndarray) -> list[str]:
        """The word of a cell on each axis; two that were merged are both named."""
        told = []
        for place, code in enumerate(row):
            merged = np.unique(combos[:, place])
            if code == _ANY:
                told.append(ANY)
            elif code == _OTHER and merged.size > 2:
                told.append(f"other {self.axes_[place]}")
            else:
                told.append(" or ".join(self.words_[place][word] for word in merged))
        return told


# Instead of the place of a word: the rare ones together, and not divided by this axis. Both
# above any place, so that sorted rows have them last.
_OTHER, _ANY = 1_000_000_000, 1_000_000_001


def divide(combos: np.ndarray, counts: np.ndarray, least: float) -> np.ndarray:
    """Cells of at least `least` customers each, but for what is rare on the first axis.

    Parameters
    ----------
    combos : ndarray of int, shape (n_combos, n_axes)
        Distinct rows of places of words.
    counts : ndarray of shape (n_combos,)
        Customers of each.
    least : float

    Returns
    -------
    ndarray of shape (n_cells, n_axes), sorted: places of words, or the codes for "other" and "any".
    """

    def below(path: tuple[int, ...], inside: np.ndarray) -> list[tuple[int, ...]]:
        axis = len(path)
        if axis == combos.shape[1]:
            return [path]
        codes, place = np.unique(combos[inside, axis], return_inverse=True)
        sizes = np.bincount(place, weights=counts[inside])
        order = np.lexsort((codes, sizes))  # the rarest first, ties by the order of words
        n_merged = int((sizes < least).sum())
        while axis > 0 and 0 < n_merged < codes.size and sizes[order[:n_merged]].sum() < least:
            n_merged += 1
        if axis == 0 and n_merged == 1:
            n_merged = 0  # nothing to merge it with
        if axis > 0 and (n_merged == codes.size or codes.size == 1):
            return below((*path, _ANY), inside)
        found = []
        for each in np.sort(order[n_merged:]):
            found += below((*path, int(codes[each])), inside[place == each])
        if n_merged:
            found += below((*path, _OTHER), inside[np.isin(place, order[:n_merged])])
        return found

    return np.array(below((), np.arange(len(combos))), dtype=np.int64)


def placed(codes: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Which of the `cells` each row of places of words lies in; -1 where none is meant."""
    found = np.full(len(codes), -1, dtype=np.int64)

    def walk(axis: int, rows: np.ndarray, branch: np.ndarray) -> None:
        if axis == codes.shape[1]:
            found[rows] = branch[0]
            return
        at = cells[branch, axis]
        left = np.ones(rows.size, dtype=bool)
        for word in np.unique(at):  # the two codes for what is left come last
            taken = left & ((codes[rows, axis] == word) | (word >= _OTHER))
            walk(axis + 1, rows[taken], branch[at == word])
            left &= ~taken

    walk(0, np.arange(len(codes)), np.arange(len(cells)))
    return found


def label_text(labels: pd.Series) -> pd.Series:
    """Labels as text, a missing one as "not known"; whole numbers read the same with and without decimals."""
    codes, found = pd.factorize(labels.astype(object))
    said = [str(int(word)) if isinstance(word, float) and word.is_integer() else str(word) for word in found]
    return pd.Series(np.array([*said, NOT_KNOWN], dtype=object)[codes], index=labels.index)


def words_in_order(labels: pd.Series) -> list[str]:
    """Distinct labels as text: categories in their order, others sorted, "not known" last."""
    if isinstance(labels.dtype, pd.CategoricalDtype):
        known = list(labels.cat.categories)
    else:
        known = list(pd.unique(labels.dropna()))
        numbers = pd.api.types.is_numeric_dtype(labels)
        known = sorted(known) if numbers else sorted(known, key=str)
    words = label_text(pd.Series(known, dtype=object))
    return list(dict.fromkeys([*(word for word in words if word != NOT_KNOWN), NOT_KNOWN]))


def _codes(labels: pd.Series, words: Sequence[str]) -> np.ndarray:
    return pd.Index(words).get_indexer(pd.Index(label_text(labels))).astype(np.int64)


def _axes_of(X: pd.DataFrame, caller: str) -> list[str]:
    if not isinstance(X, pd.DataFrame):
        raise TypeError(
            f"{caller}: X must be a DataFrame, a column of labels an axis. Got {type(X).__name__}."
        )
    axes = [str(name) for name in X.columns]
    require_columns(X, list(X.columns), caller=caller)
    if not len(X) or not axes:
        raise SchemaError(
            f"{caller}: X has {len(X):,} rows and {len(axes)} columns. Give a label of a customer at least."
        )
    for name, kind in zip(axes, X.dtypes, strict=True):
        if pd.api.types.is_datetime64_any_dtype(kind) or pd.api.types.is_timedelta64_dtype(kind):
            raise SchemaError(
                f"{caller}: {name} holds dates or times. Cross words, such as a year or an age band."
            )
    return axes
