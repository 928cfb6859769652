"""What sets each segment apart: names, sentences, key numbers, differences, favourites."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from crm_analytics.core.errors import SchemaError, choice
from crm_analytics.core.tables import require_columns
from crm_analytics.core.units import PERIODS_PER_YEAR
from crm_analytics.features.behaviour import WINDOWS
from crm_analytics.segmentation.telling.effect_sizes import segment_differences
from crm_analytics.segmentation.telling.favourites import favourite_categories
from crm_analytics.segmentation.telling.key_numbers import key_numbers
from crm_analytics.segmentation.telling.names import segment_names
from crm_analytics.segmentation.telling.questions import Answer, answers
from crm_analytics.segmentation.telling.segment_words import LANGUAGES, UNITS
from crm_analytics.segmentation.telling.sentences import segment_sentences

_FAVOURITES = 3  # in a sentence


class SegmentDescription(NamedTuple):
    """What segments are, in words and numbers; made by `describe`.

    Attributes
    ----------
    table : DataFrame indexed by segment
        `name`, `sentence`, `customers`, `share`, and where the table tells: `revenue`,
        `revenue_share`, `revenue_per_customer` (currency); `growth`, spend a period in the middle
        window over that in the rest of the long one, less 1 (NaN after nothing); `purchases` a
        customer; `gap_mean`, `since_last` (medians); `p_churn` (mean of those known); `cost`,
        `cost_per_customer`, `revenue_per_cost`; `favourites`.
    differences : DataFrame
        A row a segment and column (of words: a level), by segment and falling `size`.
        `inside`, `elsewhere`: means, of words shares; `median`, `median_elsewhere`. `effect`:
        Cliff's delta, of words Cohen's h; `size` in [0, 1]: both on the scale of Cliff's delta,
        without sign. `p`; `q`, the false discovery rate (Benjamini & Hochberg 1995) over all segments
        and columns; `telling`: q within the bound, and size at least small (.11).
    favourites : DataFrame
        A row a segment and category, by segment and falling preference: `amount`, its `share` of
        what the segment spends, `lift` over its share of what all spend, `buyers` (share of
        the customers), `favourite`. Empty if nothing was said of categories.
    questions : tuple of four Answer
        Which customers bring most revenue; how often they buy; what they prefer; who returns more
        for less cost. Each a `question`, a `sentence` and a `table`.
    """

    table: pd.DataFrame
    differences: pd.DataFrame
    favourites: pd.DataFrame
    questions: tuple[Answer, ...]

    @property
    def names(self) -> pd.Series:
        """The names, indexed by segment: `labels.map(description.names)` names the customers'."""
        return self.table["name"]


def describe(
    labels: pd.Series,
    table: pd.DataFrame,
    *,
    categories: pd.DataFrame | None = None,
    revenue: str | None = None,
    windows: Sequence[int] | None = None,
    unit: str = "D",
    bound: float = 0.05,
    lang: str = "en",
) -> SegmentDescription:
    """Say what sets each segment apart from all other customers, and name it.

    With many customers everything is significant; so effect sizes rule. A difference is telling
    if it is at least small (Cliff's delta or its like >= .11) and chance would rarely give it
    (false discovery rate <= `bound` over all segments and columns). A name is made of the two most
    telling differences that do not imply each other, in words known for the columns of snapshots
    and behaviour features, and by the column's own name for others. Segments made from the
    columns they are described with differ in them by construction: q says little there, size much.

    Parameters
    ----------
    labels : Series
        The segment of each customer (whole numbers, words, ordered or not), on the index of
        `table` in any order. None may be missing.
    table : DataFrame
        What is known of each customer, one row each: `SnapshotBuilder.features` of one origin,
        `behaviour_features`, attributes, any columns; numbers (NaN where not known), words or
        truth values. A column `p_churn` is told as churn risk, `cost` as cost to serve.
    categories : DataFrame, optional
        What each bought: a row a customer, a column a category, as `features.category_amounts`
        gives it. A favourite
        is a category that a segment spends more on than all do, by share · ln(lift), bought by 5 % of
        the segment or more.
    revenue : str, optional
        Column of spend; by default the first there is of revenue, spend, amount_long,
        amount_total, amount.
    windows : three whole numbers, optional
        Lengths behind the columns ending in _short, _middle, _long; as `behaviour_features` has
        them by default.
    unit : {"D", "W", "M", "h"}
        Of the windows and of times in the table.
    bound : float in (0, 1)
        Highest false discovery rate of a telling difference.
    lang : {"en", "tr"}
        Language of names, sentences and answers.

    Returns
    -------
    SegmentDescription

    Raises
    ------
    SchemaError
        If labels are missing, labels and table are not of the same customers, a customer comes
        twice, or a column holds dates, infinite numbers or a word for nearly every customer.

    Notes
    -----
    A constant column, and the only segment there is, differ in nothing: effect NaN, never telling.
    The order of the rows does not matter.

    References
    ----------
    Cliff (1993); Vargha & Delaney (2000), see `metrics.cliffs_delta`. Benjamini & Hochberg (1995),
    Controlling the false discovery rate, Journal of the Royal Statistical Society B 57(1).

    Examples
    --------
    >>> table = pd.DataFrame({"amount_long": np.r_[np.arange(40.0), 100 + np.arange(20.0)],
    ...                       "promotion_share": np.r_[np.full(40, 0.2), np.linspace(0.3, 0.9, 20)]})
    >>> told = describe(pd.Series([1] * 40 + [2] * 20), table)
    >>> told.names.to_dict()
    {1: 'Low-spending full-price buyers', 2: 'High-spending bargain hunters'}
    >>> print(told.table["sentence"].iloc[1])
    20 customers (33%) bring 74% of revenue. Typically ...
    """
    caller = "describe"
    choice(lang, name="lang", allowed=LANGUAGES)
    choice(unit, name="unit", allowed=PERIODS_PER_YEAR)
    if not 0 < bound < 1:
        raise ValueError(f"bound must be in (0, 1). Got {bound!r} instead.")
    lengths = list(WINDOWS[unit] if windows is None else windows)
    if len(lengths) != 3 or not 1 <= lengths[0] < lengths[1] < lengths[2]:
        raise ValueError(f"windows must be three rising whole numbers >= 1. Got {windows!r} instead.")
    require_columns(table, list(table.columns), caller=caller)
    codes, segments = _placed(labels, table, caller)
    numbers = key_numbers(codes, segments, table, revenue=revenue, windows=lengths, caller=caller)
    differences = segment_differences(codes, segments, table, bound=bound, caller=caller)
    favourites = _favourites(codes, segments, table, categories, caller)
    if categories is not None:
        liked = favourites[favourites["favourite"]].groupby("segment", observed=True, sort=False)
        words = liked["category"].agg(lambda some: ", ".join(map(str, some[:_FAVOURITES])))
        numbers["favourites"] = words.reindex(numbers.index).fillna("")
    sentences = segment_sentences(numbers, differences, windows=lengths, unit=unit, lang=lang)
    numbers.insert(0, "sentence", sentences)
    numbers.insert(0, "name", segment_names(differences, numbers["share"], lang=lang, short=lengths[0]))
    return SegmentDescription(
        numbers, differences, favourites, answers(numbers, favourites, unit=UNITS[lang][unit], lang=lang)
    )


def four_questions(labels: pd.Series, table: pd.DataFrame, **settings: Any) -> tuple[Answer, ...]:
    """Answer the four questions asked of segments; `describe(labels, table, ...).questions`.

    Which customers bring most revenue, how often they buy, what they prefer (asks for
    `categories`), who returns more for less cost (asks for a column `cost`). What the data do not
    tell, the sentence says, and its table is empty.

    Parameters
    ----------
    labels, table, **settings
        As for `describe`.

    Examples
    --------
    >>> table = pd.DataFrame({"amount_long": [10.0, 12.0, 90.0], "cost": [1.0, 1.0, 30.0]})
    >>> first, _, _, last = four_questions(pd.Series([1, 1, 2]), table)
    >>> first.question, first.table["revenue_per_customer"].to_dict()
    ('Which customers bring most revenue?', {2: 90.0, 1: 11.0})
    >>> last.question, last.table["revenue_per_cost"].to_dict()
    ('Who returns more for less cost?', {1: 11.0, 2: 3.0})
    """
    return describe(labels, table, **settings).questions


def _placed(labels: pd.Series, table: pd.DataFrame, caller: str) -> tuple[np.ndarray, pd.Index]:
    """The place of each row's segment, and the segments in order."""
    if not isinstance(labels, pd.Series):
        raise TypeError(
            f"labels must be a Series indexed by customer, as predict gives it. Got {type(labels).__name__} instead."
        )
    if not len(labels) or not len(table):
        raise SchemaError(f"{caller}: there are no customers to describe.")
    if not labels.index.equals(table.index):
        labels = _aligned(labels, table, caller)
    missing = int(labels.isna().sum())
    if missing:
        raise SchemaError(
            f"{caller}: labels are missing for {missing:,} of {len(labels):,} customers. Drop them, or call them "
            "a segment."
        )
    if isinstance(labels.dtype, pd.CategoricalDtype):
        labels = labels.cat.remove_unused_categories()
        kinds = labels.cat.categories
        segments = pd.Categorical(kinds, categories=kinds, ordered=labels.cat.ordered)
        return labels.cat.codes.to_numpy(dtype=np.int64), pd.Index(segments, name="segment")
    codes, found = pd.factorize(labels, sort=True)
    return codes.astype(np.int64), pd.Index(found, name="segment")


def _aligned(labels: pd.Series, table: pd.DataFrame, caller: str) -> pd.Series:
    for what, index in (("labels", labels.index), ("table", table.index)):
        if not index.is_unique:
            twice = int(index.duplicated().sum())
            raise SchemaError(f"{caller}: {twice:,} customers come twice in {what}. Keep one row each.")
    place = labels.index.get_indexer(table.index)
    without, more = int((place < 0).sum()), len(labels) - int((place >= 0).sum())
    if without or more:
        raise SchemaError(
            f"{caller}: labels and table must be of the same customers, but {without:,} of the {len(table):,} in the "
            f"table have no label, and {more:,} of the {len(labels):,} with a label are not in the table. Pass "
            "table.loc[labels.index]."
        )
    return labels.iloc[place]


def _favourites(
    codes: np.ndarray, segments: pd.Index, table: pd.DataFrame, categories: pd.DataFrame | None, caller: str
) -> pd.DataFrame:
    if categories is None:
        return pd.DataFrame(columns=["segment", "category", "amount", "share", "lift", "buyers", "favourite"])
    index = table.index
    customers = index.get_level_values("customer_id") if "customer_id" in index.names else index
    return favourite_categories(codes, segments, customers, categories, caller=caller)
