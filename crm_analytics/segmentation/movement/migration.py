"""Who moved from which segment to which between two dates, and what the moves are worth."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crm_analytics.core.errors import SchemaError

NEW, GONE = "new", "gone"


@dataclass(frozen=True, eq=False)
class Migration:
    """The moves of customers between segments from one date to a later one.

    Attributes
    ----------
    counts : DataFrame
        Customers. A row for each segment at the earlier date and, last, for those who were
        "new" at the later one; a column for each segment at the later date and, last, for those
        who were "gone" by then. Segments keep the order of their categories.
    shares : DataFrame
        `counts` over the sum of their row; NaN in the row of a segment that nobody was in.
    flows : DataFrame
        A row for each move that anyone made: `from`, `to` (categories, ordered if the segments
        are), `customers`, `share` (of those who were in `from`); if values were given, what
        `migration_matrix` says of them.
    """

    counts: pd.DataFrame
    shares: pd.DataFrame
    flows: pd.DataFrame

    @property
    def segments(self) -> list:
        """Names of the segments, in their order."""
        return list(self.counts.columns[:-1])

    @property
    def stay(self) -> float:
        """Share of the customers of both dates who are in the same segment at both; NaN if there are none."""
        both = self.counts.iloc[:-1, :-1].to_numpy()
        return float(np.trace(both) / both.sum()) if both.sum() else float("nan")

    def balance(self) -> pd.DataFrame:
        """What became of each segment's size.

        Returns
        -------
        DataFrame
            A row a segment: `before`, `stayed`, `moved_in`, `new`, `moved_out`, `gone`, `after`
            (customers): before − moved_out − gone + moved_in + new = after.
        """
        cells = self.counts.to_numpy()
        both = cells[:-1, :-1]
        stayed = np.diag(both)
        return pd.DataFrame(
            {
                "before": cells[:-1].sum(axis=1),
                "stayed": stayed,
                "moved_in": both.sum(axis=0) - stayed,
                "new": cells[-1, :-1],
                "moved_out": both.sum(axis=1) - stayed,
                "gone": cells[:-1, -1],
                "after": cells[:, :-1].sum(axis=0),
            },
            index=pd.Index(self.segments, dtype=object, name="segment"),
        )

    def gains(self, n: int = 5) -> pd.DataFrame:
        """The `n` flows that brought most: those of the highest `total_gain` above 0."""
        return self._ranked(n, ascending=False)

    def losses(self, n: int = 5) -> pd.DataFrame:
        """The `n` flows that cost most: those of the lowest `total_gain` below 0."""
        return self._ranked(n, ascending=True)

    def _ranked(self, n: int, *, ascending: bool) -> pd.DataFrame:
        if "total_gain" not in self.flows.columns:
            raise ValueError("Migration: no values were given. Pass value= to migration_matrix.")
        total = self.flows["total_gain"]
        some = self.flows[total < 0 if ascending else total > 0]
        return (
            some.sort_values("total_gain", ascending=ascending, kind="stable").head(n).reset_index(drop=True)
        )


def migration_matrix(
    earlier: pd.Series,
    later: pd.Series,
    *,
    value: pd.Series | Mapping | None = None,
    value_before: pd.Series | None = None,
) -> Migration:
    """Count who moved from which segment to which, and what those who moved are worth.

    Customers who are in one table only are not dropped: they are "new" or "gone".

    Parameters
    ----------
    earlier, later : Series of segments
        The index is the customer, or has a level `customer_id`; each customer comes once. Ordered
        categories keep their order, those that nobody is in too; other names are sorted.
    value : Series or mapping, optional
        Of customers, a Series: what each is worth once the move is made, such as the spend of
        the quarter after `later` (any unit); it must know all customers of `later`, and one who is
        gone and not in it is worth 0. Of segments, a mapping: what a customer in each is worth on
        average; gone is worth 0 unless it has an entry "gone".
    value_before : Series, optional
        What each customer was worth before, such as the spend of the quarter before `earlier`. Not
        with a mapping, which already says it.

    Returns
    -------
    Migration
        With `value`, its `flows` also have

        - `value_before`, `value_after`: means over the customers of the flow; NaN if not known,
        - `gain`: the expected value of the move, the mean `value` of those who made it less that of
          those who stayed in `from`; with a mapping, the mean of `to` less that of `from`. 0 for
          those who stayed, NaN where nobody stayed and for the new,
        - `gain_se`: its standard error, from the variances within the two groups; NaN if either has
          one customer, and with a mapping,
        - `total_gain`: customers × gain.

    Raises
    ------
    SchemaError
        If a customer comes twice, has no segment or no value, or a segment is named "new" or "gone".

    Notes
    -----
    A gain compares customers who moved with others who did not. It is what a move goes along
    with, not what moving someone would bring: those who rose may have been on their way. Compare
    `value_before` of the two flows, and test a campaign on a control group.

    Examples
    --------
    >>> earlier = pd.Series({1: "low", 2: "low", 3: "low", 4: "high", 5: "high"})
    >>> later = pd.Series({1: "low", 2: "high", 3: "low", 4: "high", 6: "low"})
    >>> spend = pd.Series({1: 10.0, 2: 60.0, 3: 14.0, 4: 80.0, 6: 9.0})
    >>> moves = migration_matrix(earlier, later, value=spend)
    >>> moves.counts
    to    high  low  gone
    from
    high     1    0     1
    low      1    2     0
    new      0    1     0
    >>> moves.gains()[["from", "to", "customers", "value_after", "gain"]]
      from    to  customers  value_after  gain
    0  low  high          1         60.0  48.0
    """
    caller = "migration_matrix"
    before, after = _by_customer(earlier, "earlier"), _by_customer(later, "later")
    kinds = [labels.index.inferred_type for labels in (before, after) if len(labels)]
    if len(set(kinds)) > 1:
        raise SchemaError(
            f"{caller}: ids of customers are {kinds[0]} in earlier and {kinds[1]} in later, so that none would be in "
            "both. Make them of one type."
        )
    segments = segments_of([earlier, later], caller=caller)
    k = len(segments)
    customers = before.index.union(after.index, sort=False)
    place = pd.Index(segments, dtype=object)
    origin = _codes(before, customers, place, k)
    target = _codes(after, customers, place, k)
    cells = np.bincount(origin * (k + 1) + target, minlength=(k + 1) ** 2).reshape(k + 1, k + 1)
    counts = _labelled(cells, segments)
    total = cells.sum(axis=1, keepdims=True)
    share = np.divide(cells, total, out=np.full(cells.shape, np.nan), where=total > 0)
    i, j = np.nonzero(cells)
    ordered = all(getattr(some.dtype, "ordered", False) for some in (earlier, later))
    kind = pd.CategoricalDtype([*segments, NEW, GONE], ordered=ordered)
    flows = pd.DataFrame(
        {
            "from": pd.Categorical.from_codes(i, dtype=kind),
            "to": pd.Categorical.from_codes(np.where(j == k, k + 1, j), dtype=kind),
            "customers": cells[i, j],
            "share": share[i, j],
        }
    )
    if isinstance(value, Mapping):
        if value_before is not None:
            raise ValueError("value_before must be None where value is a mapping of segments.")
        flows = flows.assign(**_gains_by_segment(value, segments, i, j))
    elif value is not None:
        known = _values(value, customers, target < k, "value", gone=target == k)
        past = np.full(len(customers), np.nan)
        if value_before is not None:
            past = _values(value_before, customers, origin < k, "value_before", gone=None)
        flows = flows.assign(**_gains_by_customer(known, past, origin, target, k, i, j))
    elif value_before is not None:
        raise ValueError("value_before needs value, what customers are worth once they have moved.")
    if "gain" in flows.columns:
        flows["total_gain"] = flows["customers"] * flows["gain"]
    return Migration(counts, _labelled(share, segments), flows)


def segments_of(labels: Sequence[pd.Series], *, caller: str) -> list:
    """Names of all segments: in the order of the categories if all are categorical, sorted otherwise."""
    if all(isinstance(some.dtype, pd.CategoricalDtype) for some in labels):
        names: list = list(dict.fromkeys(name for some in labels for name in some.cat.categories))
    else:
        found = {name for some in labels for name in some.dropna().unique()}
        try:
            names = sorted(found)
        except TypeError:  # numbers and words at once
            names = sorted(found, key=lambda name: (type(name).__name__, str(name)))
    reserved = [name for name in names if name in (NEW, GONE)]
    if reserved:
        raise SchemaError(
            f"{caller}: a segment is named {reserved[0]!r}, which here means customers of one date only. "
            "Rename the segment."
        )
    return names


def customers_of(index: pd.Index) -> pd.Index:
    """The customer of each row: the level `customer_id` of several, else the index itself."""
    if not isinstance(index, pd.MultiIndex):
        return index
    if "customer_id" not in index.names:
        raise SchemaError(
            f"An index of several levels needs one named customer_id, but has {', '.join(map(str, index.names))}."
            " Rename the level of the customers."
        )
    return index.get_level_values("customer_id")


def _by_customer(labels: pd.Series, name: str) -> pd.Series:
    """The labels with the customer alone as index, each once and all labelled."""
    if not isinstance(labels, pd.Series):
        raise SchemaError(
            f"migration_matrix: {name} must be a Series by customer. Got {type(labels).__name__}."
        )
    customers = customers_of(labels.index)
    twice = customers.duplicated()
    if twice.any():
        raise SchemaError(
            f"migration_matrix: {name} must have a row a customer, but {twice.sum():,} of {len(twice):,} rows are"
            f" of a customer seen before (first {customers[twice][0]}). Pass the segments of one date."
        )
    missing = labels.isna().to_numpy()
    if missing.any():
        raise SchemaError(
            f"migration_matrix: {missing.sum():,} of {len(missing):,} customers of {name} have no segment (first "
            f"{customers[missing][0]}). Drop those who are no customers at that date, or name their segment."
        )
    return labels.set_axis(customers)


def _codes(labels: pd.Series, customers: pd.Index, place: pd.Index, absent: int) -> np.ndarray:
    """Number of each customer's segment; `absent` for those who have none."""
    codes = np.full(len(customers), absent, dtype=np.int64)
    codes[customers.get_indexer(labels.index)] = place.get_indexer(pd.Index(labels, dtype=object))
    return codes


def _labelled(cells: np.ndarray, segments: list) -> pd.DataFrame:
    rows = pd.Index([*segments, NEW], dtype=object, name="from")
    return pd.DataFrame(cells, rows, pd.Index([*segments, GONE], dtype=object, name="to"))


def _values(
    value: pd.Series, customers: pd.Index, needed: np.ndarray, name: str, *, gone: np.ndarray | None
) -> np.ndarray:
    """A number for each customer; NaN for those who need none, 0 for the gone if the Series has none."""
    if not isinstance(value, pd.Series):
        raise SchemaError(
            f"migration_matrix: {name} must be a Series by customer or a mapping by segment. "
            f"Got {type(value).__name__}."
        )
    series = value.set_axis(customers_of(value.index))
    if series.index.has_duplicates:
        raise SchemaError(f"migration_matrix: {name} must have a row a customer, but some come twice.")
    found = series.reindex(customers).to_numpy(dtype=float, na_value=np.nan, copy=True)
    bad = needed & ~np.isfinite(found)
    if bad.any():
        raise SchemaError(
            f"migration_matrix: {bad.sum():,} of {needed.sum():,} customers have no finite {name} (first "
            f"{customers[bad][0]}). Give 0 to those who bought nothing."
        )
    if gone is not None:
        found[gone & np.isnan(found)] = 0.0
    return found


def _gains_by_segment(value: Mapping, segments: list, i: np.ndarray, j: np.ndarray) -> dict[str, Any]:
    """Gains from the mean of each segment."""
    missing = [name for name in segments if name not in value]
    if missing:
        raise SchemaError(f"migration_matrix: value has no entry for segment {missing[0]!r}. Add it.")
    worth = np.array([value[name] for name in segments], dtype=float)
    left, right = np.append(worth, np.nan)[i], np.append(worth, float(value.get(GONE, 0.0)))[j]
    return {"value_before": left, "value_after": right, "gain": right - left, "gain_se": np.nan}


def _gains_by_customer(
    value: np.ndarray,
    past: np.ndarray,
    origin: np.ndarray,
    target: np.ndarray,
    k: int,
    i: np.ndarray,
    j: np.ndarray,
) -> dict[str, Any]:
    """Gains of those who moved over those who stayed, with Welch's standard error."""
    cell = origin * (k + 1) + target
    size = (k + 1) ** 2
    n = np.bincount(cell, minlength=size)
    with np.errstate(divide="ignore", invalid="ignore"):  # cells without customers are NaN, and not asked for
        mean = np.bincount(cell, value, size) / n
        mean_before = np.bincount(cell, past, size) / n
        variance = np.bincount(cell, (value - mean[cell]) ** 2, size) / (n - 1) / n  # of the mean
    moved, stayed = i * (k + 1) + j, i * (k + 1) + i
    gain, error = mean[moved] - mean[stayed], np.sqrt(variance[moved] + variance[stayed])
    no_move, new = moved == stayed, i == k
    gain[no_move], error[no_move] = 0.0, np.nan
    gain[new] = error[new] = np.nan
    error[~np.isfinite(error)] = np.nan
    return {
        "value_before": mean_before[moved],
        "value_after": mean[moved],
        "gain": gain,
        "gain_se": error,
    }


def as_names(values: Mapping | pd.Series, segments: Sequence[Hashable], name: str) -> np.ndarray:
    """Numbers by segment, in the order of the segments; raises SchemaError if one has none."""
    given = values.to_dict() if isinstance(values, pd.Series) else dict(values)
    missing = [segment for segment in segments if segment not in given]
    if missing:
        raise SchemaError(f"{name} has no entry for segment {missing[0]!r}. Add it.")
    return np.array([given[segment] for segment in segments], dtype=float)
