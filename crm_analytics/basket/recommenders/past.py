"""What a recommender may see: purchases before a date, and no product that came later."""

from dataclasses import replace
from datetime import date, datetime

import numpy as np
import pandas as pd

from crm_analytics.core.errors import SchemaError
from crm_analytics.features import Histories, encode_baskets, purchase_histories
from crm_analytics.transactions import TransactionLog

_MICROSECONDS = 86_400e6  # of a day


def known_past(
    log: TransactionLog | Histories,
    as_of: date | datetime | str | None = None,
    *,
    level: str = "item_id",
    caller: str = "known_past",
) -> tuple[Histories, np.datetime64]:
    """Return the occasions before `as_of`, coded by the items and customers seen by then.

    Parameters
    ----------
    log : TransactionLog or Histories
        Of `Histories`, the occasions that began before `as_of` are kept, and `level` is not used.
    as_of : date, datetime or str, optional
        First instant not seen. By default the log's end; of `Histories`, the midnight after
        the last occasion.
    level : str
        What counts as an item, see `purchase_histories`.

    Returns
    -------
    (Histories, datetime64[us])

    Raises
    ------
    SchemaError
        If nothing was bought before `as_of`.

    Examples
    --------
    >>> log = read_log(pd.DataFrame({"customer_id": [1, 1, 2], "amount": [1.0, 2.0, 3.0],
    ...     "occurred_at": ["2024-03-01", "2024-03-05", "2024-03-09"], "item_id": ["tea", "milk", "jam"]}))
    >>> past, as_of = known_past(log, "2024-03-06")
    >>> past, str(as_of)
    (Histories: 1 customers, 2 occasions, 2 items, '2024-03-06T00:00:00.000000')
    """
    if isinstance(log, Histories):
        if as_of is None:
            if not len(log.baskets):
                raise _nothing(caller, "the histories are empty")
            as_of = pd.Timestamp(log.times.max()).normalize() + pd.Timedelta(days=1)
        instant = _instant(as_of)
        return before(log, instant, caller=caller), instant
    if not hasattr(log, "query_as_of"):
        raise SchemaError(
            f"{caller}: log must be a TransactionLog or Histories. Got {type(log).__name__} instead. "
            "Read lines with read_log first."
        )
    snapshot = log.snapshot(as_of, name="as_of")
    return purchase_histories(log, snapshot, level=level), np.datetime64(snapshot, "us")


def before(histories: Histories, instant: np.datetime64, *, caller: str = "before") -> Histories:
    """Return the occasions that began before `instant`; items and customers seen later are not in it."""
    kept = histories.times < instant
    if not kept.any():
        raise _nothing(caller, f"nothing was bought before {pd.Timestamp(instant)}")
    baskets = histories.baskets.take(kept)
    counts = baskets.counts()
    if not counts.all():
        baskets = encode_baskets(baskets, baskets.items[counts > 0])
    per_customer = np.bincount(histories.owner[kept], minlength=len(histories))
    seen = per_customer > 0
    return replace(
        histories,
        baskets=baskets,
        times=histories.times[kept],
        indptr=np.concatenate([[0], np.cumsum(per_customer[seen])]).astype(np.int64),
        customers=histories.customers[seen],
    )


def days_before(times: np.ndarray, instant: np.datetime64) -> np.ndarray:
    """Days from each of `times` to `instant`, with fractions."""
    return (instant - times).astype("timedelta64[us]").astype(np.float64) / _MICROSECONDS


def _instant(as_of: date | datetime | str) -> np.datetime64:
    chosen = pd.Timestamp(as_of)
    if chosen.tzinfo is not None:
        chosen = chosen.tz_convert("UTC").tz_localize(None)
    return np.datetime64(chosen.to_pydatetime(), "us")


def _nothing(caller: str, what: str) -> SchemaError:
    return SchemaError(f"{caller}: {what}, so there is nothing to learn from. Take a later as_of.")
