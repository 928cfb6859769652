"""Demographic and geographic segments: who customers are and where they live."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from crm_analytics.core.errors import SchemaError, nearest
from crm_analytics.core.tables import require_columns
from crm_analytics.segmentation.attributes.bands import band_words, friendly_edges, known_words, ordered_words
from crm_analytics.segmentation.attributes.crossing import NOT_KNOWN, SegmentCrossing
from crm_analytics.segmentation.attributes.places import locate, things_known

_FEW = 8  # distinct whole numbers (people in a household) that are words of their own


class AttributeSegmenter(BaseEstimator):
    """Segments by age, household, income, region, climate: any attributes of customers.

    Each attribute becomes ordered words; several are crossed with small cells merged, as
    `SegmentCrossing` does it. Nobody is dropped: a missing value, a word such as "Unknown", a
    place that the table does not have, and a word that `fit` has not met are "not known".

    Parameters
    ----------
    columns : str or sequence of str
        Attributes, the most important first: columns of X, or what a place table tells.
    bands : dict of {str: sequence of float or int}, optional
        For numbers: rising edges, such as {"age": [18, 25, 35, 50, 65]}, each the first value of
        a band; or how many bands of about equally many customers, with round edges. Columns of
        numbers that are not named have 4 bands; of at most 8 distinct whole numbers, none.
    places : dict of {str: "turkish_provinces" or dict}, optional
        Columns of X that say a place, and what to look it up in; see `locate`. With
        {"city": "turkish_provinces"} the columns "province", "region" and "climate" can be asked
        for. A name that a table tells is taken from the table.
    smallest_share : float in (0, 1), default=0.02
        Share of customers that a segment of several attributes must have.

    Attributes
    ----------
    words_ : dict of {str: list of str}
        Words of each attribute in order, "not known" last.
    edges_ : dict of {str: list of float}
        Of the attributes in bands.
    crossing_ : SegmentCrossing
        Of the attributes, one or several.

    Examples
    --------
    >>> people = pd.DataFrame({"age": [19, 22, 37, 41, None, 68],
    ...                        "city": ["İzmir", "izmir", "ANKARA", "06", "Van", "Rome"]})
    >>> by_age = AttributeSegmenter("age", bands={"age": [25, 50]}).fit(people)
    >>> by_age.predict(people).tolist()
    ['under 25', 'under 25', '25-49', '25-49', 'not known', '50+']
    >>> by_region = AttributeSegmenter("region", places={"city": "turkish_provinces"}).fit(people)
    >>> by_region.predict(people).tolist()
    ['Aegean', 'Aegean', 'Central Anatolia', 'Central Anatolia', 'Eastern Anatolia', 'not known']
    """

    def __init__(
        self,
        columns: str | Sequence[str] = "age",
        *,
        bands: Mapping[str, Any] | None = None,
        places: Mapping[str, Any] | None = None,
        smallest_share: float = 0.02,
    ) -> None:
        self.columns = columns
        self.bands = bands
        self.places = places
        self.smallest_share = smallest_share

    def fit(self, X: pd.DataFrame, y: Any = None) -> "AttributeSegmenter":
        """Learn the bands and words of each attribute, and which of their crossings are too small.

        Parameters
        ----------
        X : DataFrame, a row a customer
            Other columns are of no account.
        y : ignored

        Raises
        ------
        SchemaError
            If a column is missing or holds dates, has more than 200 different words, or is known
            of nobody.
        ValueError
            If edges do not rise, or a parameter names something else than the columns.
        """
        names = [self.columns] if isinstance(self.columns, str) else list(self.columns)
        if not names or len(set(names)) < len(names):
            raise ValueError(f"columns must name attributes, each once. Got {self.columns!r} instead.")
        bands = dict(self.bands or {})
        astray = sorted(set(bands) - set(names))
        if astray:
            near = nearest(astray[0], names)
            hint = f"Is {near!r} meant?" if near else f"The columns are: {', '.join(names)}."
            raise ValueError(f"bands has edges for {astray[0]!r}, which is none of the columns. {hint}")
        table = self._attributes(X, names, "AttributeSegmenter.fit")
        edges: dict[str, list[float]] = {}
        whole: dict[str, bool] = {}
        words: dict[str, list[str]] = {}
        for name in names:
            values = table[name]
            if _is_number(values, name):
                numbers = _numbers(values)
                whole[name] = bool((numbers == np.floor(numbers)).all())
            if _to_band(values, name, bands):
                numbers = _numbers(values)
                edges[name] = _edges(bands.get(name, 4), numbers, name)
                words[name] = [*band_words(edges[name], whole[name]), NOT_KNOWN]
            else:
                words[name] = [*_words_of(values, name), NOT_KNOWN]
        self.columns_, self.edges_, self.whole_, self.words_ = names, edges, whole, words
        # One attribute keeps all of its words: there is nothing above it to merge them into.
        least = self.smallest_share if len(names) > 1 else np.nextafter(0, 1)
        self.crossing_ = SegmentCrossing(smallest_share=least).fit(self._labels(table))
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """The attributes as words: a column each, on the index of X, ordered where their words are."""
        check_is_fitted(self)
        return self._labels(self._attributes(X, self.columns_, "AttributeSegmenter.transform"))

    def predict(self, X: pd.DataFrame) -> pd.Series:
        """Segment of each customer.

        Returns
        -------
        Series "segment" on the index of X, categories: of one attribute its words in order; of
        several their crossing, such as "25-34 · Aegean", and "not known" for a crossing that
        `fit` has not met and that belongs to no merged one.

        Raises
        ------
        SchemaError
            If a column is missing, or holds words where it held numbers, or the other way round.
        """
        labels = self.transform(X)
        if len(self.columns_) == 1:
            return labels[self.columns_[0]].rename("segment")
        return self.crossing_.predict(labels)

    @property
    def segments_(self) -> pd.DataFrame:
        """A row a segment: the word of each attribute, customers and share in `fit`."""
        check_is_fitted(self)
        return self.crossing_.segments_

    def _attributes(self, X: pd.DataFrame, names: list[str], caller: str) -> pd.DataFrame:
        """Columns of X, and what the place tables tell of them."""
        if not isinstance(X, pd.DataFrame):
            raise TypeError(f"{caller}: X must be a DataFrame. Got {type(X).__name__} instead.")
        told: dict[str, str] = {}
        for column, table in (self.places or {}).items():
            told |= dict.fromkeys(things_known(table), column)
        own = [name for name in names if name not in told]
        asked = list(dict.fromkeys(told[name] for name in names if name in told))
        require_columns(X, [*own, *(name for name in asked if name not in own)], caller=caller)
        found = {column: locate(X[column], (self.places or {})[column]) for column in asked}
        return pd.DataFrame({name: found[told[name]][name] if name in told else X[name] for name in names})

    def _labels(self, table: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame(
            {name: self._label(table[name], name) for name in self.columns_}, index=table.index
        )

    def _label(self, values: pd.Series, name: str) -> pd.Series:
        words = self.words_[name]
        number = _is_number(values, name)
        if values.notna().any() and number != (name in self.whole_):
            held, now = ("numbers", "words") if name in self.whole_ else ("words", "numbers")
            raise SchemaError(f"AttributeSegmenter: {name} held {held} when fitted, and holds {now} now.")
        if name in self.edges_:
            numbers = values.to_numpy(dtype=float, na_value=np.nan)
            codes = np.searchsorted(self.edges_[name], numbers, side="right")
            codes = np.where(np.isfinite(numbers), codes, len(words) - 1)
        else:
            codes = pd.Index(words).get_indexer(pd.Index(known_words(values)))
            codes = np.where(codes < 0, len(words) - 1, codes)
        return pd.Series(
            pd.Categorical.from_codes(codes, categories=pd.Index(words)), index=values.index, name=name
        )


def _is_number(values: pd.Series, name: str) -> bool:
    if values.dtype.kind in "mM" or isinstance(values.dtype, pd.PeriodDtype | pd.DatetimeTZDtype):
        raise SchemaError(
            f"AttributeSegmenter: {name} holds dates. Turn a date of birth into an age in years."
        )
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def _numbers(values: pd.Series) -> np.ndarray:
    numbers = values.to_numpy(dtype=float, na_value=np.nan)
    return numbers[np.isfinite(numbers)]


def _to_band(values: pd.Series, name: str, bands: Mapping[str, Any]) -> bool:
    """Whether a column is put into bands: named numbers, and others of many values."""
    if not _is_number(values, name):
        if name in bands:
            raise SchemaError(
                f"AttributeSegmenter.fit: {name} is to be put into bands, but has dtype {values.dtype}. Give numbers, "
                "or leave it out of bands: its words are kept."
            )
        return False
    numbers = _numbers(values)
    return name in bands or np.unique(numbers).size > _FEW or not (numbers == np.floor(numbers)).all()


def _edges(wanted: Any, numbers: np.ndarray, name: str) -> list[float]:
    if not isinstance(wanted, int | np.integer):
        edges = [float(edge) for edge in wanted]
        if not edges or not all(low < high for low, high in pairwise(edges)):
            raise ValueError(f"bands of {name!r} must be rising edges. Got {wanted!r} instead.")
        return edges
    if wanted < 2:
        raise ValueError(f"bands of {name!r} must be 2 or more, or edges. Got {wanted!r} instead.")
    edges = friendly_edges(numbers, int(wanted)) if numbers.size else []
    if not edges:
        raise SchemaError(
            f"AttributeSegmenter.fit: {name} has {np.unique(numbers).size:,} different values among {numbers.size:,} "
            "customers, too few for bands. Give edges, or leave it out."
        )
    return edges


def _words_of(values: pd.Series, name: str, most: int = 200) -> list[str]:
    if _is_number(values, name):
        words = list(known_words(pd.Series(np.unique(_numbers(values)))))
    else:
        words = ordered_words(values)
    if not words:
        raise SchemaError(
            f"AttributeSegmenter.fit: {name} is known of none of {len(values):,} customers. Leave it out."
        )
    if len(words) > most:
        raise SchemaError(
            f"AttributeSegmenter.fit: {name} has {len(words):,} different words, more than a segment can be told by "
            f"({most}). Look places up in a table (`places`), or group them."
        )
    return words
