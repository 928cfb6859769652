"""Every customer by value, by recency, frequency and money, and by behaviour, from one table."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from crm_analytics.core.tables import require, require_columns
from crm_analytics.segmentation.behaviour.behavioural_segmenter import WINDOWED, BehaviouralSegmenter
from crm_analytics.segmentation.rfm.rfm_segmenter import RFMSegmenter
from crm_analytics.segmentation.telling.describe import describe
from crm_analytics.segmentation.value.value_segmenter import ValueSegmenter

OF_ACTIVE = ("rfm", "rfm_segment", "behaviour_segment")
# What names are made of: the windows again, and not lifetimes, which only grow.
TOLD = (*WINDOWED, "amount_largest", "gap_mean", "trend")
# What RFM calls them, and what the features of a window do.
RFM_OF = {"since_last": "since_last", "purchases": "purchases_long", "amount": "amount_long"}


class CustomerSegmenter(BaseEstimator):
    """The three segmentations a scoring run writes, each with its default settings.

    All go by the long window of `features.behaviour_features`. Customers without a purchase in it
    are Inactive on the axis of value and have no segment on the others: what they once were
    like would blur what the others are like.

    Parameters
    ----------
    lang : {"en", "tr"}
        Of all names.
    random_state : int >= 0, default=0
        Of the segments of behaviour.

    Attributes
    ----------
    value_ : ValueSegmenter
    rfm_ : RFMSegmenter
    behaviour_ : BehaviouralSegmenter
    behaviour_names_ : dict of str to str
        Number of each segment of behaviour → its name, as `describe` finds it at the fit.

    Examples
    --------
    >>> from crm_analytics.datasets import load_cdnow
    >>> from crm_analytics.features import behaviour_features
    >>> X = behaviour_features(load_cdnow(), "1998-01-01")
    >>> CustomerSegmenter().fit(X).predict_table(X).iloc[2].dropna().to_dict()
    {'value_segment': 'Inactive'}
    """

    def __init__(self, *, lang: str = "en", random_state: int = 0) -> None:
        self.lang = lang
        self.random_state = random_state

    def fit(
        self, X: pd.DataFrame, y: Any = None, previous: "CustomerSegmenter | None" = None
    ) -> "CustomerSegmenter":
        """Find cut points and segments.

        Parameters
        ----------
        X : DataFrame
            As `features.behaviour_features` gives it, a row a customer.
        y : ignored
        previous : fitted CustomerSegmenter, optional
            Whose segments of behaviour keep their numbers and, in the same language, their names.

        Raises
        ------
        SchemaError
            If a column is missing or holds missing values.
        ValueError
            If there are too few active customers for tiers.
        """
        active = X[self._active(X, "CustomerSegmenter.fit")]
        self.value_ = ValueSegmenter(lang=self.lang).fit(X)
        self.rfm_ = RFMSegmenter(lang=self.lang).fit(rfm_of(active))
        behaviour = BehaviouralSegmenter(random_state=self.random_state)
        self.behaviour_: BehaviouralSegmenter = behaviour.fit(
            active, previous=None if previous is None else previous.behaviour_
        )
        told = [name for name in TOLD if name in active]
        names = describe(self.behaviour_.predict(active), active[told], lang=self.lang).names
        self.behaviour_names_ = {str(number): str(name) for number, name in names.items()}
        if previous is not None and previous.lang == self.lang:
            known = self.behaviour_names_.keys() & previous.behaviour_names_.keys()
            self.behaviour_names_ |= {number: previous.behaviour_names_[number] for number in known}
        return self

    def predict_table(self, X: pd.DataFrame) -> pd.DataFrame:
        """Segments of each customer, on the index of X.

        Returns
        -------
        DataFrame with `value_segment`, `rfm` (the three scores, such as "545"), `rfm_segment` and
        `behaviour_segment`: words, missing but for the first where a customer is inactive.
        """
        check_is_fitted(self, "value_")
        active = self._active(X, "CustomerSegmenter.predict_table")
        found = {name: np.full(len(X), None, dtype=object) for name in ("value_segment", *OF_ACTIVE)}
        if len(X):
            found["value_segment"][:] = self.value_.predict(X).astype(str)
        if active.any():
            rows = X[active]
            found["rfm"][active] = self.rfm_.scores(rfm_of(rows))["rfm"].astype(str)
            found["rfm_segment"][active] = self.rfm_.predict(rfm_of(rows)).astype(str)
            numbers = self.behaviour_.predict(rows).astype(str)
            found["behaviour_segment"][active] = numbers.map(self.behaviour_names_)
        return pd.DataFrame(found, index=X.index)

    def _active(self, X: pd.DataFrame, caller: str) -> np.ndarray:
        """Whether each customer bought in the long window."""
        if not isinstance(X, pd.DataFrame):
            raise TypeError(f"{caller}: X must be a pandas DataFrame. Got {type(X).__name__} instead.")
        require_columns(X, ["purchases_long"], caller=caller)
        purchases = np.asarray(X["purchases_long"], dtype=float)
        require(
            np.isfinite(purchases),
            column="purchases_long",
            rule="a finite number",
            caller=caller,
            remedy="Take the table of features.behaviour_features.",
        )
        return purchases > 0


def rfm_of(X: pd.DataFrame) -> pd.DataFrame:
    """The table of `features.rfm_table` over the long window, from that of `behaviour_features`."""
    return pd.DataFrame({name: X[column] for name, column in RFM_OF.items()})
