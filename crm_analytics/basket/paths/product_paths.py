"""Product paths: in which order customers take up products, what comes next, and when."""

from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from crm_analytics.basket.paths.hazards import chunks, fit_hazards, held_out_log_likelihood, unavailable
from crm_analytics.basket.paths.next_step import next_step_rows
from crm_analytics.basket.paths.outlook import outlook
from crm_analytics.basket.paths.segments import segment_codes, segment_differences, segment_ratios
from crm_analytics.basket.paths.steps import Steps, contexts, path_steps
from crm_analytics.basket.paths.tables import flow_table, path_table, start_table, transition_table
from crm_analytics.core.errors import SchemaError, nearest
from crm_analytics.metrics.survival import cumulative_incidence, kaplan_meier, survival_quantile

_ORDERS = (0, 1, 2, 3)
_JUDGED = 5_000  # steps that the orders are compared on, at most
_PATHS = 1_000


class ProductPaths(BaseEstimator):
    """The order in which customers take up products, how likely each next step is, and how soon.

    A step is what a customer takes up on one occasion. Products of one occasion (a package) are
    one step: each of them follows the step before, each of them leads to the next, and none
    leads to another of the same package. So the shares of a row of `transitions_` add up to the
    products of a step, which is 1 where there are no packages.

    The chance of each product rests on the last `max_order` steps, and backs off to fewer of
    them where they were seen seldom; see `basket.paths.hazards` for the formula. Customers who
    have not taken a next step by the end are censored, not lost: they count for as long as
    they were followed.

    The log may begin in the middle of a customer's life, so that the first purchase in it is
    not the first ever. `warm_up` sets the first days of the log apart: what was bought in them
    counts as held, but not as a step whose time is known, so that paths, transitions and waits
    begin after them.

    Parameters
    ----------
    level : {"item_id", "description", "category", "department", "brand", "store_id"}
        What counts as a product; at most about 2,000 of them. Of a log only.
    occasion : {"D", "transaction", "h", "W", "M"}
        What counts as at once; a day by default. Of a log only.
    steps : {"first", "change", "every"}
        "first": a step takes up what the customer never had before, and nothing held is ever
        offered. "change": what was not part of the customer's last step. "every": all of each
        occasion.
    max_order : int >= 0 or "auto"
        Steps to look back. "auto" takes that of 0 to 3 under which the steps of every fifth
        customer, left out, were most likely.
    strength : float > 0, default=20.0
        Weight of the shorter context, as events. The larger, the more a rare path is taken for a
        usual one.
    within : float > 0, default=365.0
        Days for `incidence` in the tables, and for predictions by default.
    min_count : int >= 1, default=20
        Contexts of more than one product that were met less often are not learned.
    warm_up : float >= 0, default=0.0
        Days from the beginning of the log.
    level_of_intervals : float in (0, 1), default=0.95

    Attributes
    ----------
    items_ : Index
        The products.
    order_ : int
        Steps looked back.
    order_scores_ : dict of int to float
        Mean held-out log-likelihood of a step by order; empty unless `max_order="auto"`.
    starts_ : DataFrame
        Where paths begin: `item_id`, `customers`, `share`, `low`, `high` (Wilson).
    transitions_ : DataFrame
        `from`, `to`, `count` (steps from one to the other), `went_on` (steps seen after `from`),
        `reached` (times `from` was taken up), `share` (count / went_on) with `low`, `high` (Wilson),
        `probability` (the share drawn towards how often the product comes at any step),
        `incidence` (share of `reached` who take `to` next within `within` days, those still
        waiting allowed for; Aalen-Johansen), `median_days` (by which half of those who take it
        next, as far as they were followed, have taken it).
    paths_ : DataFrame
        The most common beginnings of paths: `path`, `steps`, `customers`, `share` (of all with a
        path), `median_days` (from its first step to its last).
    timing_ : DataFrame
        Time to any next step by `from` (Kaplan-Meier): `reached`, `went_on`, `median_days` (NaN
        where fewer than half go on), `incidence` within `within` days, `low`, `high`.
    segments_ : Index
        Empty if there are none.
    segment_transitions_, segment_differences_ : DataFrame
        `transitions_` by `segment`, whose `probability` is drawn towards all customers'; and each
        segment's share beside that of all the others, `low` and `high` holding for all rows
        together, `differs` where they leave out 0. Only if `fit` was given segments.

    References
    ----------
    Clayton & Kaldor (1987), Biometrics 43; MacKay & Peto (1995), Natural Language Engineering 1;
    Aalen & Johansen (1978), Scandinavian Journal of Statistics 5; Prinzie & Van den Poel (2006),
    Decision Support Systems 42, for acquisition patterns of financial products.

    Examples
    --------
    >>> from crm_analytics.datasets.product_holdings import make_product_holdings
    >>> made = make_product_holdings(2000, random_state=7)
    >>> paths = ProductPaths().fit(made.log())
    >>> paths.transitions_[["from", "to", "count"]].head(2)
             from           to  count
    0     account   debit card   1261
    1  debit card  credit card    869
    >>> paths.next_step(customers=[11], k=1)["item_id"].tolist()
    ['investment']
    """

    def __init__(
        self,
        *,
        level: str = "item_id",
        occasion: str = "D",
        steps: str = "first",
        max_order: int | str = "auto",
        strength: float = 20.0,
        within: float = 365.0,
        min_count: int = 20,
        warm_up: float = 0.0,
        level_of_intervals: float = 0.95,
    ) -> None:
        self.level = level
        self.occasion = occasion
        self.steps = steps
        self.max_order = max_order
        self.strength = strength
        self.within = within
        self.min_count = min_count
        self.warm_up = warm_up
        self.level_of_intervals = level_of_intervals

    def fit(self, data: Any, y: Any = None, *, as_of: Any = None, segments: pd.Series | None = None) -> Self:
        """Learn the paths of a log.

        Parameters
        ----------
        data : TransactionLog or Histories
        y : ignored
        as_of : date, datetime or str, optional
            First instant not seen. By default the log's end; of histories, their last occasion,
            since nothing says how long they went on after it.
        segments : Series indexed by customer_id, optional
            The segment of each customer; those without one count for all customers alone.

        Raises
        ------
        SchemaError
            If no step is left to learn from, or no customer has a segment.
        """
        self._judge()
        steps = self._steps(data, as_of, "ProductPaths.fit")
        rows = np.flatnonzero(steps.known)
        if not rows.size:
            raise SchemaError(
                f"ProductPaths.fit: all steps lie within the warm-up of {self.warm_up:g} days. Shorten it."
            )
        auto = self.max_order == "auto"
        most = max(_ORDERS) if auto else int(self.max_order)
        found = contexts(steps, most) if most else contexts(steps, 1)
        settings = {"strength": self.strength, "min_count": self.min_count, "n_intervals": 12}
        self.order_scores_: dict[int, float] = {}
        if auto:
            left_out = steps.owner[rows] % 5 == 0
            judged = rows[left_out]
            judged = judged[:: -(-judged.size // _JUDGED) or 1]
            if judged.size and not left_out.all():
                trial = fit_hazards(steps, found, rows=rows[~left_out], **settings)  # type: ignore[arg-type]
                scores = held_out_log_likelihood(trial, steps, found, judged, list(_ORDERS)).mean(axis=0)
                self.order_scores_ = {order: float(s) for order, s in zip(_ORDERS, scores, strict=True)}
        self.order_ = max(self.order_scores_, key=self.order_scores_.__getitem__, default=1) if auto else most
        self._hazards = fit_hazards(steps, found, rows=rows, **settings).upto(self.order_)  # type: ignore[arg-type]
        self._contexts, self._seen, self.items_ = found, steps, steps.items
        self._describe(steps)
        self._by_segment(steps, rows, segments)
        return self

    def next_step(
        self,
        data: Any = None,
        *,
        customers: Any = None,
        k: int = 3,
        within: float | None = None,
        as_of: Any = None,
        segments: pd.Series | None = None,
    ) -> pd.DataFrame:
        """Tell the most likely next products of each customer.

        Parameters
        ----------
        data : TransactionLog or Histories, optional
            The customers that were fitted, as of then, by default.
        customers : list of ids, optional
            All of the data by default.
        k : int >= 1
            Products a customer; fewer where nothing more is left to take up.
        within : float, optional
            Days from now; inf for whenever the next step comes. The model's by default.
        as_of, segments
            As for `fit`, for new data; the segments fitted are known.

        Returns
        -------
        DataFrame
            `customer_id`, `rank` (1 is the likeliest), `item_id`, `probability` (that the next step
            comes within the days and takes it up, given that none came since the last one),
            `median_days` (from now, if it does), `step_median_days` (from now to any next step; NaN
            if not even half of them take one as far as anyone was followed), `reason`.

        Raises
        ------
        SchemaError
            If one of `customers` is not in the data.
        """
        check_is_fitted(self)
        if not (isinstance(k, int | np.integer) and k >= 1):
            raise ValueError(f"k must be a whole number >= 1. Got {k!r} instead.")
        days = self._within(within)
        steps, found, at, segment = self._state(data, customers, as_of, segments, "ProductPaths.next_step")
        tables = []
        for part in chunks(at.size, self._hazards.base.size):
            rates = self._rates(steps, found, at[part], segment[part])
            waited = -steps.days[at[part]]
            tables.append(next_step_rows(self._hazards, steps, found, at[part], rates, waited, days, k))
        return pd.concat(tables, ignore_index=True)

    def step_probabilities(
        self,
        data: Any = None,
        *,
        customers: Any = None,
        within: float | None = None,
        as_of: Any = None,
        segments: pd.Series | None = None,
    ) -> pd.DataFrame:
        """Return the probability of every product, a row a customer and a column a product; see `next_step`."""
        check_is_fitted(self)
        days = self._within(within)
        caller = "ProductPaths.step_probabilities"
        steps, found, at, segment = self._state(data, customers, as_of, segments, caller)
        values = np.empty((at.size, len(self.items_)))
        for part in chunks(at.size, self._hazards.base.size):
            rates = self._rates(steps, found, at[part], segment[part])
            waited = -steps.days[at[part]]
            values[part] = outlook(rates, self._hazards.edges, waited, days, self._hazards.package_size)[0]
        names = steps.customers[steps.owner[at]].rename("customer_id")
        return pd.DataFrame(values, index=names, columns=self.items_)

    def waiting_time(self, after: Any = None) -> pd.DataFrame:
        """Kaplan-Meier table of the days from taking up `after` (by default anything) to any next step.

        See `metrics.survival.kaplan_meier` for the columns.
        """
        at = self._steps_into(after)
        return kaplan_meier(self._seen.wait[at], self._seen.followed[at], level=self.level_of_intervals)

    def incidence(self, after: Any = None, to: list[Any] | None = None) -> pd.DataFrame:
        """Share of those who took up `after` that took each product next, by days; Aalen-Johansen.

        Parameters
        ----------
        after : product, optional
            All steps by default.
        to : list of products, optional
            The five that came most often by default.

        Returns
        -------
        DataFrame
            `to`, `time` (days), `at_risk`, `events`, `incidence`, `se`, `lower`, `upper`. A next step
            that takes up several products counts for each of them.
        """
        at, seen = self._steps_into(after), self._seen
        if to is None:
            rows = (
                self.transitions_ if after is None else self.transitions_[self.transitions_["from"] == after]
            )
            counts = rows.groupby("to", sort=False)["count"].sum()
            to = counts.sort_values(ascending=False, kind="stable").index[:5].tolist()
        tables = []
        for item in to:
            taken = np.append(self._holds(item)[1:], False)[at]
            cause = np.where(seen.followed[at], np.where(taken, 1, 2), 0)
            curve = cumulative_incidence(seen.wait[at], cause, level=self.level_of_intervals)
            if len(curve):
                curve = curve[curve["cause"] == 1]
            tables.append(curve.drop(columns="cause").assign(to=item))
        table = pd.concat(tables, ignore_index=True)
        return table[["to", *table.columns.drop("to")]]

    def flows(self, n_steps: int = 4, *, top: int = 8) -> pd.DataFrame:
        """Return who went where, step by step, for a Sankey picture.

        Parameters
        ----------
        n_steps : int >= 2
            Known steps of a path to show.
        top : int >= 1
            Products and packages that keep their name; the rarer ones are "other".

        Returns
        -------
        DataFrame
            `step` (1 is from the first step to the second), `source`, `target`, `customers`. Who took
            no further step by the end goes to "(none so far)".
        """
        check_is_fitted(self)
        for name, value, least in [("n_steps", n_steps, 2), ("top", top, 1)]:
            if not (isinstance(value, int | np.integer) and value >= least):
                raise ValueError(f"{name} must be a whole number >= {least}. Got {value!r} instead.")
        return flow_table(
            self._seen, self._contexts, n_steps=n_steps, top=top, other="other", end="(none so far)"
        )

    # How it is done

    def _judge(self) -> None:
        if self.max_order != "auto" and not (
            isinstance(self.max_order, int | np.integer) and 0 <= self.max_order <= 6
        ):
            raise ValueError(
                f"max_order must be 'auto' or a whole number in [0, 6]. Got {self.max_order!r} instead."
            )
        for name, value in [("strength", self.strength), ("within", self.within)]:
            if not 0 < value < np.inf:
                raise ValueError(f"{name} must be in (0, inf). Got {value!r} instead.")
        if not self.min_count >= 1:
            raise ValueError(f"min_count must be >= 1. Got {self.min_count!r} instead.")
        if not 0 < self.level_of_intervals < 1:
            raise ValueError(
                f"level_of_intervals must be in (0, 1). Got {self.level_of_intervals!r} instead."
            )

    def _within(self, within: float | None) -> float:
        days = self.within if within is None else within
        if not days > 0:
            raise ValueError(f"within must be > 0 days. Got {within!r} instead.")
        return float(days)

    def _steps(self, data: Any, as_of: Any, caller: str, items: pd.Index | None = None) -> Steps:
        return path_steps(
            data, as_of, level=self.level, occasion=self.occasion, kind=self.steps, warm_up=self.warm_up,
            items=items, caller=caller,
        )  # fmt: skip

    def _describe(self, steps: Steps) -> None:
        level = self.level_of_intervals
        self.starts_ = start_table(steps, level)
        table = transition_table(steps, strength=self.strength, within=self.within, level=level)
        self.transitions_ = self._named(table).drop(columns="group")
        self.paths_ = path_table(steps, self._contexts, longest=4, most=_PATHS)
        rows = []
        for code in np.unique(steps.indices):
            at = self._steps_into(self.items_[code])
            if not at.size:
                continue
            curve = kaplan_meier(steps.wait[at], steps.followed[at], level=level)
            last = curve[curve["time"] <= self.within].iloc[-1]
            rows.append(
                {
                    "from": self.items_[code],
                    "reached": at.size,
                    "went_on": int(steps.followed[at].sum()),
                    "median_days": survival_quantile(curve),
                    "incidence": 1 - last["survival"],
                    "low": 1 - last["upper"],
                    "high": 1 - last["lower"],
                }
            )
        self.timing_ = pd.DataFrame(rows).sort_values(
            "reached", ascending=False, kind="stable", ignore_index=True
        )

    def _by_segment(self, steps: Steps, rows: np.ndarray, segments: pd.Series | None) -> None:
        for name in ("segment_transitions_", "segment_differences_"):
            self.__dict__.pop(name, None)  # of an earlier fit
        self._segment = np.full(len(steps.customers), -1)
        self._ratios: np.ndarray | None = None
        self.segments_: pd.Index = pd.Index([], dtype=object)
        if segments is None:
            return
        codes, names = segment_codes(segments, steps.customers, "ProductPaths.fit")
        self._segment, self.segments_ = codes, names
        self._ratios = segment_ratios(steps, codes, len(names), self._hazards, self.strength, rows)
        table = transition_table(
            steps, strength=self.strength, within=self.within, level=self.level_of_intervals,
            group=codes[steps.owner],
        )  # fmt: skip
        table.insert(0, "segment", names[table.pop("group")])
        self.segment_transitions_ = self._named(table)
        self.segment_differences_ = segment_differences(self.segment_transitions_, self.level_of_intervals)

    def _named(self, table: pd.DataFrame) -> pd.DataFrame:
        named = table.assign(**{"from": self.items_[table["from"]], "to": self.items_[table["to"]]})
        return named.sort_values("count", ascending=False, kind="stable", ignore_index=True)

    def _steps_into(self, after: Any) -> np.ndarray:
        check_is_fitted(self)
        return np.flatnonzero(self._seen.known if after is None else self._seen.known & self._holds(after))

    def _holds(self, item: Any) -> np.ndarray:
        """Which steps took up the product."""
        if item not in self.items_:
            near = nearest(str(item), map(str, self.items_))
            hint = f"Is {near!r} meant?" if near else "See items_."
            raise ValueError(f"the paths have no product {item!r}. {hint}")
        seen = self._seen
        held = seen.indices == self.items_.get_loc(item)
        return np.add.reduceat(held, seen.indptr[:-1]) > 0

    def _state(
        self, data: Any, customers: Any, as_of: Any, segments: pd.Series | None, caller: str
    ) -> tuple[Steps, Any, np.ndarray, np.ndarray]:
        """Steps, contexts, the last step of each customer asked for, and the customer's segment."""
        if data is None:
            if as_of is not None or segments is not None:
                raise ValueError(f"{caller}: as_of and segments need data. Without it, the fit's are used.")
            steps, found, codes = self._seen, self._contexts, self._segment
        else:
            steps = self._steps(data, as_of, caller, self.items_)
            found = contexts(steps, len(self._contexts.orders), self._contexts)
            codes = np.full(len(steps.customers), -1)
            if segments is not None:
                codes = self.segments_.get_indexer(pd.Index(segments.reindex(steps.customers)))
        at = steps.last
        if customers is not None:
            wanted = pd.Index(customers)
            place = steps.customers[steps.owner[at]].get_indexer(wanted)
            if (place < 0).any():
                raise SchemaError(
                    f"{caller}: {(place < 0).sum():,} of {wanted.size:,} customers have no step in the data (first "
                    f"{wanted[(place < 0).argmax()]!r}). Leave them out."
                )
            at = at[place]
        return steps, found, at, codes[steps.owner[at]]

    def _rates(self, steps: Steps, found: Any, at: np.ndarray, segment: np.ndarray) -> np.ndarray:
        rates = self._hazards.rates(steps, found, at)
        if self._ratios is not None:
            for number in np.unique(segment[segment >= 0]):
                mine = np.flatnonzero(segment == number)
                rates[mine] *= self._hazards.mean_of_last(steps, at[mine], self._ratios[number])[:, :, None]
        rates[unavailable(steps, at)] = 0.0
        return rates
