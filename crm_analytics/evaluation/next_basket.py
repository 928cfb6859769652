"""What was recommended against what was bought next, at one cut of time for all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from crm_analytics.core.errors import SchemaError, choice
from crm_analytics.core.tables import require_columns
from crm_analytics.features.baskets import Baskets, canonical
from crm_analytics.features.histories import purchase_histories
from crm_analytics.metrics.bootstrap import bootstrap_interval
from crm_analytics.metrics.recommendation import (
    average_precision_at,
    catalogue_coverage,
    hit_rate_at,
    ndcg_at,
    novelty,
    precision_at,
    recall_at,
    recommendation_hits,
)
from crm_analytics.transactions import TransactionLog, read_log

MEASURES = {
    "recall": recall_at,
    "ndcg": ndcg_at,
    "hit_rate": hit_rate_at,
    "precision": precision_at,
    "average_precision": average_precision_at,
}
# What a list may hold, and the part of what was bought that it is then judged by.
PARTS: dict[str, dict[str, bool]] = {"": {}, "repeat_": {"repeat_only": True}, "novel_": {"novel_only": True}}


@dataclass(frozen=True, eq=False)
class NextBasketTrial:
    """How well each recommender foretold what customers bought after one cut of time.

    Attributes
    ----------
    scores : DataFrame
        A row for each recommender and customer: `recommender`, `customer_id`, `recall`, `ndcg`,
        `hit_rate`, `precision`, `average_precision` (see `metrics.recommendation`), `novelty`
        (bits), and the same five with `repeat_` and `novel_` before: only items bought before
        by the customer, and only others, recommended and judged. NaN where undefined.
    intervals : DataFrame
        A row for each recommender and measure: `recommender`, `measure`, `customers` (who have
        it), `mean`, `lower`, `upper`. Of `coverage` there is no interval: it is no mean over
        customers, and `customers` are those evaluated.
    differences : DataFrame
        A row for each recommender, baseline and measure: `recommender`, `baseline`, `measure`,
        `customers`, `difference` (recommender less baseline on the same customers), `lower`,
        `upper`.
    counts : dict of str to int
        `customers` evaluated; `new_customers` left out, since they bought nothing before the
        cut; `not_seen_again` left out, since they bought nothing after; `items` sold before the
        cut; `bought` (customer, item) pairs to foretell, of which `repeats`, and
        `never_sold_before`, which nobody could foretell; they count as misses.
    as_of : datetime
        The cut: first instant not seen.
    k : int
    """

    scores: pd.DataFrame
    intervals: pd.DataFrame
    differences: pd.DataFrame
    counts: dict[str, int]
    as_of: datetime
    k: int

    @property
    def table(self) -> pd.DataFrame:
        """A row a recommender, a column a measure: means over customers, in the order given."""
        wide = self.intervals.set_index(["recommender", "measure"])["mean"].unstack()  # noqa: PD010
        wide.columns.name = None
        return wide.loc[self.intervals["recommender"].unique(), self.intervals["measure"].unique()]


def next_basket_trial(
    recommenders: Mapping[str, Any],
    log: TransactionLog,
    as_of: date | datetime | str,
    *,
    horizon_days: int | None = None,
    k: int = 10,
    baselines: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
    level: float = 0.95,
    n_resamples: int = 1000,
    random_state: Any = None,
) -> NextBasketTrial:
    """Fit recommenders on what lies before `as_of`, and judge their lists by what came after.

    One cut of time for all customers: if each customer's last basket were held out instead,
    the baskets that others bought later would be learned from. Recommenders are copied, not
    changed; each is handed the log and `as_of`, and `future_leaks` tells whether it keeps to it.

    Parameters
    ----------
    recommenders : dict of str to unfitted recommender
        Each has `fit(log, as_of)` and `recommend(customers, k, novel_only=…, repeat_only=…,
        reasons=…)`, a frame with `customer_id`, `rank` and `item_id`; perhaps `level`, the
        log's column that is its item ("item_id" by default), one and the same for all.
    log : TransactionLog
    as_of : date, datetime or str
        The cut; a basket at this instant lies after it.
    horizon_days : int >= 1, optional
        Judge by all that was bought in so many days; by default by the customer's first
        receipt at or after `as_of`, whenever that is.
    k : int >= 1
        Length of the lists.
    baselines : list of str
        Recommenders that the others are compared with, customer by customer.
    options : dict, optional
        Further arguments of every `recommend`, such as what not to offer again so soon.
    level : float in (0, 1)
        Of the intervals, over customers (`bootstrap_interval`).
    n_resamples : int >= 1
    random_state : int or numpy Generator

    Returns
    -------
    NextBasketTrial

    Raises
    ------
    ValueError
        If the log ends before the horizon does, or a parameter is out of its range.
    SchemaError
        If nobody bought both before and after the cut, or a recommender returns customers it
        was not asked for, more than k items, or items not sold before the cut.

    Examples
    --------
    >>> class Bestsellers:
    ...     def fit(self, log, as_of):
    ...         self.top_ = log.purchases(as_of)["item_id"].value_counts().index
    ...         return self
    ...     def recommend(self, customers, k, *, novel_only=False, repeat_only=False, reasons=True):
    ...         top = pd.DataFrame({"item_id": self.top_[:k], "rank": range(1, len(self.top_[:k]) + 1)})
    ...         return pd.DataFrame({"customer_id": customers}).merge(top, how="cross")
    >>> log = read_log(pd.DataFrame({"customer_id": [1, 1, 2, 1, 2], "amount": 1.0,
    ...     "occurred_at": ["2024-03-01", "2024-03-02", "2024-03-02", "2024-03-09", "2024-03-09"],
    ...     "item_id": ["tea", "milk", "tea", "tea", "milk"]}))
    >>> trial = next_basket_trial({"bestsellers": Bestsellers()}, log, "2024-03-05", k=1)
    >>> trial.table[["recall", "coverage"]]
                 recall  coverage
    recommender
    bestsellers     0.5       0.5
    """
    item_level = _checked(recommenders, baselines, k, horizon_days)
    cut = log.snapshot(as_of, name="as_of")
    task = _Task.at(log, cut, horizon_days, item_level)
    parts = {"": task.bought, **dict(zip(("repeat_", "novel_"), task.apart(), strict=True))}
    scores, coverage = {}, {}
    for name, recommender in recommenders.items():
        fitted = clone(recommender, safe=False)
        fitted.fit(log, cut)
        columns: dict[str, np.ndarray] = {}
        for prefix, wish in PARTS.items():
            asked = {"reasons": False, **(options or {}), **wish}
            lists = task.codes(fitted.recommend(task.customers, k, **asked), k, name)
            judged = recommendation_hits(lists, parts[prefix])
            columns |= {prefix + word: measure(*judged, k=k) for word, measure in MEASURES.items()}
            if not wish:
                columns["novelty"] = novelty(lists, task.popularity)
                coverage[name] = catalogue_coverage(lists, task.popularity.size)
        scores[name] = pd.DataFrame(columns)
    resampling = {"level": level, "n_resamples": n_resamples, "random_state": random_state}
    intervals = _intervals(scores, resampling)
    reached = pd.DataFrame({"recommender": list(coverage), "measure": "coverage", "mean": coverage.values()})
    reached["customers"] = len(task.customers)
    places = {name: place for place, name in enumerate(recommenders)}
    return NextBasketTrial(
        scores=pd.concat(
            [frame.assign(recommender=name, customer_id=task.customers) for name, frame in scores.items()],
            ignore_index=True,
        )[["recommender", "customer_id", *next(iter(scores.values())).columns]],
        intervals=pd.concat([intervals, reached], ignore_index=True)
        .sort_values("recommender", key=lambda names: names.map(places), kind="stable")
        .reset_index(drop=True),
        differences=_differences(scores, baselines, resampling),
        counts=task.counts(parts["repeat_"]),
        as_of=cut,
        k=k,
    )


def future_leaks(
    recommender: Any, log: TransactionLog, as_of: date | datetime | str, *, k: int = 10
) -> pd.Index:
    """Return the customers whose list changes if the log's future is cut off before fitting.

    Empty for a recommender that looks at nothing at or after `as_of`. Asks for all customers
    who bought before it.

    Parameters
    ----------
    recommender : unfitted recommender
        As for `next_basket_trial`.
    log : TransactionLog
    as_of : date, datetime or str
    k : int >= 1

    Returns
    -------
    Index of customer ids, in their own order.
    """
    cut = log.snapshot(as_of, name="as_of")
    lines = log.to_frame()
    shorn = read_log(lines[lines["occurred_at"] < cut], refunds=log.refunds, not_after=log.not_after)
    customers = purchase_histories(log, cut, level=getattr(recommender, "level", "item_id")).customers
    lists: list[pd.Series] = []
    for seen in (log, shorn):
        fitted = clone(recommender, safe=False)
        fitted.fit(seen, cut)
        found = fitted.recommend(customers, k, reasons=False)
        lists.append(found.set_index(["customer_id", "rank"])["item_id"].rename(f"list_{len(lists)}"))
    both = pd.concat(lists, axis=1)
    changed = ~(both["list_0"].eq(both["list_1"]).fillna(False).astype(bool))
    return customers[customers.isin(both.index[changed].get_level_values("customer_id"))]


@dataclass(frozen=True, eq=False)
class _Task:
    """Who is asked, and what they bought, in codes: those of items sold before the cut come first."""

    customers: pd.Index
    known: pd.Index  # items sold before the cut
    popularity: np.ndarray  # share of customers who bought each of them
    owned: Baskets  # what each customer bought before
    bought: Baskets  # and after
    left_out: dict[str, int]

    @classmethod
    def at(cls, log: TransactionLog, cut: datetime, horizon_days: int | None, level: str) -> "_Task":
        end = None
        if horizon_days is not None:
            end = cut + timedelta(days=horizon_days)
            if log.end is None or end > pd.Timestamp(log.end):
                raise ValueError(
                    f"the log ends ({log.end}) before a horizon of {horizon_days:,} days from {cut} does ({end}). "
                    "Move as_of back or shorten the horizon."
                )
        past, told = purchase_histories(log, cut, level=level), purchase_histories(log, end, level=level)
        later = np.flatnonzero(told.times >= np.datetime64(cut))
        owner = told.owner[later]
        if end is None:  # the first receipt only; a customer's lie together, by time
            later = later[np.flatnonzero(np.diff(owner, prepend=-1))]
            owner = told.owner[later]
        bought_by = told.customers[np.unique(owner)]
        customers = past.customers[past.customers.isin(bought_by)]
        if not len(customers):
            raise SchemaError(
                f"next_basket_trial: no customer bought both before and after {cut}. Choose another as_of."
            )
        everything = past.baskets.items.append(told.baskets.items.difference(past.baskets.items, sort=False))
        after, before = told.baskets.take(later), past.baskets
        return cls(
            customers=customers,
            known=before.items,
            popularity=_of_customers(
                before, past.owner, past.customers, past.customers, before.items
            ).counts()
            / len(past),
            owned=_of_customers(before, past.owner, past.customers, customers, everything),
            bought=_of_customers(after, owner, told.customers, customers, everything),
            left_out={
                "new_customers": len(bought_by) - len(customers),
                "not_seen_again": len(past) - len(customers),
            },
        )

    def apart(self) -> tuple[Baskets, Baskets]:
        """What was bought again, and what for the first time."""
        row = np.repeat(np.arange(len(self.bought)), np.diff(self.bought.indptr))
        width = len(self.bought.items)
        before = np.repeat(np.arange(len(self.owned)), np.diff(self.owned.indptr)) * width
        again = np.isin(row * width + self.bought.indices, before + self.owned.indices)
        return tuple(  # type: ignore[return-value]
            canonical(row[part], self.bought.indices[part], len(self.bought), self.bought.items)
            for part in (again, ~again)
        )

    def codes(self, lists: pd.DataFrame, k: int, name: str) -> np.ndarray:
        """Lists as codes of shape (n_customers, k), -1 where a list is shorter."""
        caller = f"next_basket_trial: {name!r}"
        require_columns(lists, ["customer_id", "rank", "item_id"], caller=caller)
        lists = lists.sort_values("rank", kind="stable")
        row = self.customers.get_indexer(pd.Index(lists["customer_id"]))
        item = self.known.get_indexer(pd.Index(lists["item_id"]))
        place = lists.groupby("customer_id", sort=False).cumcount().to_numpy()
        for bad, what in (
            (row < 0, "is of a customer that was not asked for"),
            (place >= k, f"is beyond the {k} places asked for"),
            (item < 0, "is an item not sold before the cut: a look ahead, or an item of another `level`"),
        ):
            if bad.any():
                first = lists.iloc[int(bad.argmax())]
                raise SchemaError(
                    f"{caller}: a recommendation {what}; so are {bad.sum():,} of {len(lists):,} (first: customer "
                    f"{first['customer_id']!r}, item {first['item_id']!r}). Mend the recommender."
                )
        codes = np.full((len(self.customers), k), -1, dtype=np.int64)
        codes[row, place] = item
        return codes

    def counts(self, repeats: Baskets) -> dict[str, int]:
        unknown = int((self.bought.indices >= len(self.known)).sum())
        return {
            "customers": len(self.customers),
            **self.left_out,
            "items": len(self.known),
            "bought": self.bought.indices.size,
            "repeats": repeats.indices.size,
            "never_sold_before": unknown,
        }


def _of_customers(
    baskets: Baskets, owner: np.ndarray, owners: pd.Index, customers: pd.Index, items: pd.Index
) -> Baskets:
    """One row a customer of `customers`, in codes of `items`: all that their baskets hold."""
    row = np.repeat(customers.get_indexer(owners)[owner], np.diff(baskets.indptr))
    codes = items.get_indexer(baskets.items)[baskets.indices]
    return canonical(row[row >= 0], codes[row >= 0], len(customers), items)


def _intervals(scores: Mapping[str, pd.DataFrame], options: dict[str, Any]) -> pd.DataFrame:
    return _bootstrapped([(name, frame) for name, frame in scores.items()], ["recommender"], "mean", options)


def _differences(
    scores: Mapping[str, pd.DataFrame], baselines: Sequence[str], options: dict[str, Any]
) -> pd.DataFrame:
    pairs = [
        ((name, baseline), frame - scores[baseline])
        for baseline in baselines
        for name, frame in scores.items()
        if name != baseline
    ]
    return _bootstrapped(pairs, ["recommender", "baseline"], "difference", options)


def _bootstrapped(
    frames: list[tuple[Any, pd.DataFrame]], keys: list[str], value: str, options: dict[str, Any]
) -> pd.DataFrame:
    """Mean and interval of every column of every frame, all from the same resamples."""
    columns = [*keys, "measure", "customers", value, "lower", "upper"]
    if not frames:
        return pd.DataFrame(columns=columns)
    joined: pd.DataFrame = pd.concat(dict(frames), axis=1, names=keys)
    found = bootstrap_interval(joined.to_numpy(dtype=float), **options)
    index = joined.columns.set_names([*keys, "measure"])
    table = pd.DataFrame(dict(zip([value, "lower", "upper"], found, strict=True)), index=index)
    table["customers"] = joined.notna().sum().to_numpy()
    return table.reset_index()[columns]


def _checked(
    recommenders: Mapping[str, Any], baselines: Sequence[str], k: int, horizon_days: int | None
) -> str:
    """Return the level that all recommenders share; raise on impossible parameters."""
    for name, whole in (("k", k), ("horizon_days", 1 if horizon_days is None else horizon_days)):
        if whole != int(whole) or whole < 1:
            raise ValueError(f"{name} must be a whole number >= 1. Got {whole!r} instead.")
    if not isinstance(recommenders, Mapping):
        raise ValueError(f"recommenders must be a dict of names and models. Got {recommenders!r} instead.")
    levels = {name: getattr(recommender, "level", "item_id") for name, recommender in recommenders.items()}
    if len(set(levels.values())) != 1:
        raise ValueError(f"recommenders must be some, and of one level. Got {levels!r} instead.")
    if isinstance(baselines, str):
        raise ValueError(f"baselines must be a list of names. Got {baselines!r} instead.")
    for name in baselines:
        choice(name, name="each of baselines", allowed=recommenders)
    return next(iter(levels.values()))
