"""Snapshots: customers as they were at several dates, with what they did after each."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from crm_analytics.core.errors import SchemaError, choice
from crm_analytics.core.units import PERIODS_PER_YEAR, UNIT_WORDS
from crm_analytics.features.attributes import attributes_at
from crm_analytics.features.behaviour import WINDOWS
from crm_analytics.features.events import event_features
from crm_analytics.features.labels import contract_runs, contract_state, fallen, outcomes, silent
from crm_analytics.features.periods import last_period, period_number, period_start, shift
from crm_analytics.features.snapshot_sql import MOST_AT_ONCE, NEEDS, SNAPSHOT_SQL
from crm_analytics.transactions import TransactionLog

LABELS = ("silence", "partial", "contract_end")
ROW = ["customer_id", "origin", "label_end"]
MOST_ORIGINS = 12
LINES_AT_ONCE = 1_250_000  # so many, and what is reckoned of them, fit in the memory of a small machine
GROWTH = 1.2  # of columns whose length is not known beforehand


class Snapshots(NamedTuple):
    """Rows to learn from: one a customer and origin.

    Attributes
    ----------
    features : DataFrame
        What was known before the origin; index: customer_id, origin, label_end.
    labels : Series of bool
        `churned`, on the same index.
    """

    features: pd.DataFrame
    labels: pd.Series


class SnapshotBuilder:
    """Describe customers at several origins, and what became of them.

    A row is a customer at an origin T, the first instant not seen. Features look only at
    [T - the longest window, T), labels only at [T + gap, T + gap + horizon). A customer has a
    row at T who bought within the longest window before T; those silent for longer have left
    already. The index tells when a row's label was complete (`label_end`), so that
    `PurgedRollingOrigin` and `ChurnClassifier` see to it that no model is judged on what it
    was taught.

    Parameters
    ----------
    windows : three whole numbers, optional
        Lengths of the short, middle and long window that end at T (periods), rising; as
        `behaviour_features` has them by default: 28, 91, 182 days.
    horizon : int >= 1, default=28
        Length of the label window (periods).
    gap : int >= 0, default=0
        Periods between T and the label window, in which a campaign can be prepared.
    unit : {"D", "W", "M", "h"}
        Of windows, horizon, gap and of a purchase: one a day, week, month or hour.
    label : {"silence", "partial", "contract_end"}
        What churn is: no purchase in the label window; less spend a period there than
        `partial_share` of the customer's own in the longest window (since the first purchase
        in it, but at least over one horizon; Buckinx & Van den Poel 2005); or a
        `contract_end` among the log's events that no `contract_start`, a renewal, follows
        within the label window. With the last, customers whose contract had ended before the
        label window are no rows.
    partial_share : float in (0, 1), default=0.5

    References
    ----------
    Buckinx & Van den Poel (2005), Customer base analysis: partial defection of behaviourally
    loyal clients, European Journal of Operational Research 164(1).

    Examples
    --------
    >>> from crm_analytics.datasets import load_cdnow
    >>> builder = SnapshotBuilder(horizon=91)
    >>> features, churned = builder.build(load_cdnow(), ["1997-10-01", "1998-01-01"])
    >>> features.shape, churned.groupby("origin").mean().round(3).tolist()
    ((1336, 20), [0.608, 0.588])
    """

    def __init__(
        self,
        *,
        windows: Sequence[int] | None = None,
        horizon: int = 28,
        gap: int = 0,
        unit: str = "D",
        label: str = "silence",
        partial_share: float = 0.5,
    ) -> None:
        choice(unit, name="unit", allowed=PERIODS_PER_YEAR)
        choice(label, name="label", allowed=LABELS)
        lengths = list(WINDOWS[unit] if windows is None else windows)
        if len(lengths) != 3 or not 1 <= lengths[0] < lengths[1] < lengths[2] or _fractional(lengths):
            raise ValueError(f"windows must be three rising whole numbers >= 1. Got {windows!r} instead.")
        if not horizon >= 1 or _fractional([horizon]):
            raise ValueError(f"horizon must be a whole number >= 1. Got {horizon!r} instead.")
        if not gap >= 0 or _fractional([gap]):
            raise ValueError(f"gap must be a whole number >= 0. Got {gap!r} instead.")
        if not 0 < partial_share < 1:
            raise ValueError(f"partial_share must be in (0, 1). Got {partial_share!r} instead.")
        self.windows = tuple(int(length) for length in lengths)
        self.horizon = int(horizon)
        self.gap = int(gap)
        self.unit = unit
        self.label = label
        self.partial_share = partial_share

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"SnapshotBuilder({settings})"

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> "SnapshotBuilder":
        """Build as a model or a manifest tells: its parameters among `settings`, None for a default."""
        own = ("windows", "horizon", "gap", "unit", "label", "partial_share")
        return cls(**{name: settings[name] for name in own if settings.get(name) is not None})

    def origins(
        self,
        log: TransactionLog,
        *,
        until: date | datetime | str | None = None,
        step: int | None = None,
        most: int = MOST_ORIGINS,
    ) -> list[pd.Timestamp]:
        """Return the latest origins whose label window the log holds, rising.

        Parameters
        ----------
        log : TransactionLog
        until : date, datetime or str, optional
            First instant that no label window may reach; the log's end by default.
        step : int >= 1, optional
            Periods from one to the next; the horizon by default, so that no two label windows
            overlap.
        most : int >= 1
            How many at most; fewer if before them the log holds less than the middle window.

        Raises
        ------
        ValueError
            If the log is too short for one.
        """
        step = self.horizon if step is None else step
        if not step >= 1 or not most >= 1:
            raise ValueError(f"step and most must be >= 1. Got {step!r} and {most!r} instead.")
        last = shift(period_start(log.snapshot(until), self.unit), -self.gap - self.horizon, self.unit)
        start = log.counts.first_at
        assert start is not None  # log.snapshot has refused an empty log  # noqa: S101
        seen = period_number(last, self.unit) - period_number(start, self.unit)
        n = min(most, (seen - self.windows[1]) // step + 1)
        if n < 1:
            raise ValueError(
                f"the log from {log.start} to {until or log.end} holds no origin with {self.windows[1]:,} "
                f"{UNIT_WORDS[self.unit]}s before and {self.gap + self.horizon:,} after it. Shorten windows or horizon."
            )
        return [pd.Timestamp(shift(last, -step * i, self.unit)) for i in reversed(range(n))]

    def build(
        self,
        log: TransactionLog,
        origins: Sequence[date | datetime | str] | date | datetime | str | None = None,
        *,
        attributes: pd.DataFrame | None = None,
    ) -> Snapshots:
        """Return features and labels at each origin.

        Parameters
        ----------
        log : TransactionLog
        origins : sequence of date, datetime or str, optional
            Each the first instant of a period; `self.origins(log)` by default.
        attributes : DataFrame, optional
            See `features`.

        Raises
        ------
        ValueError
            If an origin's label window is not over when the log ends.
        """
        chosen = self._chosen(log, self.origins(log) if origins is None else origins)
        table = self.features(log, chosen, attributes=attributes)
        labels = self._labels(log, chosen, table)
        known = labels.notna().to_numpy()
        return Snapshots(table[known], labels[known].astype(bool))

    def features(
        self,
        log: TransactionLog,
        origins: Sequence[date | datetime | str] | date | datetime | str,
        *,
        attributes: pd.DataFrame | None = None,
    ) -> pd.DataFrame:
        """Return what was known of customers before each origin, from one SQL statement.

        Nothing at or after an origin changes a row of it, not even a refund of an earlier
        purchase. What is undefined for a customer, such as a gap between purchases of one who
        came once, is NaN; columns that need what the log does not have (`items` and
        `basket_stability` item_id, `categories` category, `stores` store_id,
        `promotion_share` discount) are left out.

        Parameters
        ----------
        log : TransactionLog
            With `events`, what `event_features` says of them is added, for the kinds seen before
            the first origin; counts within the longest window.
        origins : date, datetime or str, or a sequence of them
            Each the first instant of a period.
        attributes : DataFrame, optional
            customer_id, `valid_from`, and columns to add as they held before each origin.
            Without `valid_from` they are refused: what is true today was not known then.

        Returns
        -------
        DataFrame with index customer_id, origin, label_end. Counts are of purchase periods
        (one a day by default) within [T - long, T):

        since_last, since_first : float
            Age of the last and of the first purchase in the window (periods).
        purchases_short, purchases_middle, purchases_long : float
            Purchases within each window (count).
        amount_short, amount_middle, amount_long, amount_mean, amount_largest, amount_last : float
            Spend within each window, a purchase, the largest and the last one (currency).
        gap_mean, gap_spread, gap_longest, gap_last_ratio, since_last_ratio : float
            Times between purchases (periods): mean, standard deviation, longest; the last one
            and the present silence over the mean.
        trend, amount_trend : float
            (middle window - as long before it) / their sum, in [-1, 1].
        lines_mean, promotion_share, return_share : float
            Lines a purchase; shares of lines with a discount, and of refund lines.
        items, categories, categories_middle, stores : float
            Distinct ones bought (count).
        basket_stability : float
            Of the items bought on two or more days before the middle window, the share bought
            again in it; NaN if there are none.
        """
        chosen = self._chosen(log, origins)
        present = log.reading.columns
        customers, instants, columns = _collected(self._asked(log, chosen))
        ends = {origin: shift(origin, self.gap + self.horizon, self.unit) for origin in chosen}
        rows, order = _rows(customers, instants, ends)
        names = [name for name in columns if NEEDS.get(name, "customer_id") in present]
        columns = {name: columns[name] for name in names}
        for column in columns.values():
            column[:] = column[order]
        table = pd.DataFrame(columns, index=rows, copy=False)
        if self.label == "contract_end":
            running = contract_runs(log, _without_end(rows))
            table, rows = table[running], rows[running]
        parts = [table]
        if log.has_events:
            known = event_features(log, chosen, self.unit, window=self.windows[2])
            parts.append(_on(rows, known))
        if attributes is not None:
            parts.append(attributes_at(attributes, rows))
        given = [name for part in parts for name in part.columns]
        twice = sorted({str(name) for name in given if given.count(name) > 1})
        if twice:
            raise SchemaError(
                f"SnapshotBuilder: attributes have a column {twice[0]!r}, the name of a feature. Rename it."
            )
        return parts[0] if len(parts) == 1 else pd.concat(parts, axis=1)

    def _asked(self, log: TransactionLog, origins: list[datetime]) -> Iterator[pa.RecordBatchReader]:
        """What SNAPSHOT_SQL says, in no order: of as many origins as it has bits for, of a part of the customers."""
        short, middle, long = self.windows
        parts = max(1, round(log.counts.kept / LINES_AT_ONCE))
        begins = range(0, len(origins), MOST_AT_ONCE)
        for begin, part in itertools.product(begins, range(parts)):
            some = origins[begin : begin + MOST_AT_ONCE]
            yield log.stream_at(
                SNAPSHOT_SQL,
                some,
                unit=self.unit,
                short=short,
                middle=middle,
                long=long,
                by_origin=log.has_refunds,
                earliest=shift(some[0], -long, self.unit),
                part=part,
                parts=parts,
            )

    def _labels(self, log: TransactionLog, origins: list[datetime], table: pd.DataFrame) -> pd.Series:
        """`churned` on the rows of `table`; missing for those who are not at risk."""
        end = log.end
        open_ = [origin for origin in origins if end is None or self._label_end(origin) > pd.Timestamp(end)]
        if open_:
            raise ValueError(
                f"the log ends ({log.end}) before the label window of {len(open_):,} of {len(origins):,} origins does "
                f"(first {open_[0]:%Y-%m-%d}, until {self._label_end(open_[0]):%Y-%m-%d}). Move origins back or "
                "shorten gap or horizon."
            )
        rows = _without_end(table.index)
        if self.label == "contract_end":
            runs, ends = contract_state(log, rows, self.unit, gap=self.gap, horizon=self.horizon)
            values = pd.array(ends, dtype="boolean")
            values[~runs] = pd.NA
            return pd.Series(values, index=table.index, name="churned")
        found = outcomes(log, origins, self.unit, gap=self.gap, horizon=self.horizon)
        if self.label == "silence":
            churned = silent(rows, found)
        else:
            watched = np.maximum(table["since_first"].to_numpy() + 1, self.horizon)
            rate = table["amount_long"].to_numpy() / np.minimum(watched, self.windows[2])
            churned = fallen(rows, found, rate, horizon=self.horizon, share=self.partial_share)
        return pd.Series(pd.array(churned, dtype="boolean"), index=table.index, name="churned")

    def _label_end(self, origin: datetime) -> datetime:
        return shift(origin, self.gap + self.horizon, self.unit)

    def _chosen(
        self, log: TransactionLog, origins: Sequence[date | datetime | str] | date | datetime | str
    ) -> list[datetime]:
        """The origins as instants, rising, each once."""
        given = [origins] if isinstance(origins, str | date) else list(origins)
        for text in (origin for origin in given if isinstance(origin, str)):
            try:
                datetime.fromisoformat(text)
            except ValueError as error:
                raise ValueError(
                    f"origins must be dates such as '2024-08-05'. Got {text!r} instead."
                ) from error
        chosen = sorted({log.snapshot(origin) for origin in given})
        if not chosen:
            raise ValueError("origins must name at least one date.")
        end = log.end
        if end is not None and chosen[-1] > shift(
            pd.Timestamp(end).to_pydatetime(), self.windows[0], self.unit
        ):
            raise ValueError(
                f"origins must not lie more than the short window ({self.windows[0]:,} {UNIT_WORDS[self.unit]}s) after "
                f"the log's end, {end}: everybody would seem silent. Got {chosen[-1]:%Y-%m-%d}."
            )
        inside = [o for o in chosen if period_number(o, self.unit) == last_period(o, self.unit)]
        if inside:
            word = UNIT_WORDS[self.unit]
            raise ValueError(
                f"origins must be first instants of a {word} (unit {self.unit!r}), or that {word} would count on both "
                f"sides. Got {inside[0]}."
            )
        return chosen


def _rows(
    customers: pd.Series, origins: pd.Series, ends: dict[datetime, datetime]
) -> tuple[pd.MultiIndex, np.ndarray]:
    """The index in order of origin and customer, and that order of the rows; times are stored once an origin."""
    instants = pd.DatetimeIndex(list(ends)).as_unit("us")
    code = instants.get_indexer(pd.DatetimeIndex(origins).as_unit("us"))
    codes, found = pd.factorize(customers, sort=True)
    order = np.argsort(code * len(found) + codes)
    levels: list[Any] = [pd.Index(found), instants, pd.DatetimeIndex(list(ends.values())).as_unit("us")]
    places: list[Any] = [codes[order], code[order], code[order]]
    return pd.MultiIndex(levels=levels, codes=places, names=ROW), order


def _collected(
    readers: Iterable[pa.RecordBatchReader],
) -> tuple[pd.Series, pd.Series, dict[str, np.ndarray]]:
    """Customers, origins, and each other column in one piece that grows in its place; no batch is kept."""
    keys: dict[str, list[pa.Array]] = {"customer_id": [], "origin": []}
    columns: dict[str, np.ndarray] = {}
    n = 0
    for batch in _batches(readers, keys, columns):
        every = pa.array(np.arange(batch.num_rows))
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            if name in keys:
                keys[name].append(column.take(every))  # a copy, or the whole batch would stay
                continue
            grown = columns[name]
            if grown.size < n + batch.num_rows:
                grown.resize(int(GROWTH * (n + batch.num_rows)), refcheck=False)
            grown[n : n + batch.num_rows] = column.to_numpy(zero_copy_only=False)
        n += batch.num_rows
    for grown in columns.values():
        grown.resize(n, refcheck=False)
    customers, origins = (pa.chunked_array(pieces).to_pandas() for pieces in keys.values())
    return customers, origins, columns


def _batches(
    readers: Iterable[pa.RecordBatchReader],
    keys: dict[str, list[pa.Array]],
    columns: dict[str, np.ndarray],
) -> Iterator[pa.RecordBatch]:
    """The batches, once there is a place for each of their columns, be there none or many."""
    for reader in readers:
        for field in reader.schema:
            if field.name in keys:
                keys[field.name].append(pa.array([], type=field.type))
            else:
                columns.setdefault(field.name, np.empty(0))
        yield from reader


def _on(rows: pd.MultiIndex, found: pd.DataFrame) -> pd.DataFrame:
    """What is known of events on the rows of the snapshots; who had none has counts of 0."""
    place = found.index.get_indexer(_without_end(rows))
    columns = {}
    for name in found.columns:
        none = 0.0 if name.endswith(("_count", "_open")) else np.nan
        columns[name] = np.append(found[name].to_numpy(dtype=float), none)[place]  # -1 is the last
    return pd.DataFrame(columns, index=rows)


def _without_end(rows: Any) -> pd.MultiIndex:
    """Customer and origin alone."""
    return rows.droplevel("label_end")


def _fractional(numbers: Sequence[float]) -> bool:
    return any(number != int(number) for number in numbers)
