"""Who left: silence, a contract's end, or spend that fell, in a window after each origin."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pandas as pd

from crm_analytics.core.errors import SchemaError, nearest
from crm_analytics.features.periods import shift
from crm_analytics.features.snapshot_sql import OUTCOME_SQL
from crm_analytics.transactions import TransactionLog

CONTRACT_START, CONTRACT_END = "contract_start", "contract_end"

CONTRACT_SQL = """
SELECT customer_id, occurred_at, kind FROM events
WHERE kind = $contract_start OR kind = $contract_end ORDER BY customer_id, occurred_at, kind"""


def outcomes(
    log: TransactionLog, origins: Sequence[datetime], unit: str, *, gap: int, horizon: int
) -> pd.DataFrame:
    """Purchases and spend in [origin + gap, origin + gap + horizon) of those who bought there.

    Refunds count by the log's policy as of the end of each window. Index: customer_id, origin;
    columns: `purchases` (periods with one), `amount` (currency).
    """
    origin_of = {pd.Timestamp(shift(origin, gap + horizon, unit)): origin for origin in origins}
    ends = [end.to_pydatetime() for end in origin_of]
    table = log.query_at(
        OUTCOME_SQL,
        ends,
        unit=unit,
        horizon=horizon,
        by_origin=log.has_refunds,
        earliest=min(shift(origin, gap, unit) for origin in origins),
    ).to_pandas()
    table["origin"] = pd.to_datetime(table["label_end"].map(origin_of))
    return table.set_index(["customer_id", "origin"])[["purchases", "amount"]]


def silent(rows: pd.MultiIndex, found: pd.DataFrame) -> np.ndarray:
    """Whether a row's customer bought nothing in the label window, shape (n_rows,)."""
    return found["purchases"].reindex(rows, fill_value=0).to_numpy() == 0


def fallen(
    rows: pd.MultiIndex, found: pd.DataFrame, past_rate: np.ndarray, *, horizon: int, share: float
) -> np.ndarray:
    """Whether spend a period in the label window is under `share` of the customer's own, `past_rate`."""
    rate = found["amount"].reindex(rows, fill_value=0.0).to_numpy(dtype=float) / horizon
    return rate < share * past_rate


def contract_runs(log: TransactionLog, rows: pd.MultiIndex) -> np.ndarray:
    """Whether each row's contract had not ended as far as was known at its origin, shape (n_rows,)."""
    events = _contract_events(log)
    origins = rows.get_level_values("origin")
    runs = np.ones(len(rows), dtype=bool)
    for origin in origins.unique():
        here = np.flatnonzero(origins == origin)
        last = events[events["occurred_at"] < origin].groupby("customer_id")["kind"].last()
        runs[here] = (last.reindex(rows[here].get_level_values("customer_id")) != CONTRACT_END).to_numpy()
    return runs


def contract_state(
    log: TransactionLog, rows: pd.MultiIndex, unit: str, *, gap: int, horizon: int
) -> tuple[np.ndarray, np.ndarray]:
    """Whether each row's contract runs at the end of the gap, and whether it then ends for good.

    A contract runs unless the customer's last contract event before the label window is an
    end. It ends in the window if an end falls into it that no start in the window follows:
    a renewal is a start. Raises MissingDataError if the log has no events, SchemaError if none
    of them ends a contract: then nobody is known to have left.
    """
    events = _contract_events(log)
    origins = rows.get_level_values("origin")
    runs, ends = np.ones(len(rows), dtype=bool), np.zeros(len(rows), dtype=bool)
    for origin in origins.unique():
        here = np.flatnonzero(origins == origin)
        begin = pd.Timestamp(shift(origin.to_pydatetime(), gap, unit))
        end = pd.Timestamp(shift(origin.to_pydatetime(), gap + horizon, unit))
        customers = rows[here].get_level_values("customer_id")
        # A start at the same instant as an end renews; 'contract_start' sorts behind 'contract_end'.
        last_before = events[events["occurred_at"] < begin].groupby("customer_id")["kind"].last()
        inside = events[(events["occurred_at"] >= begin) & (events["occurred_at"] < end)]
        last_inside = inside.groupby("customer_id")["kind"].last()
        runs[here] = (last_before.reindex(customers) != CONTRACT_END).to_numpy()
        ends[here] = (last_inside.reindex(customers) == CONTRACT_END).to_numpy()
    return runs, ends


def _contract_events(log: TransactionLog) -> pd.DataFrame:
    kinds = log.event_counts.kinds
    if CONTRACT_END not in kinds:
        near = nearest(CONTRACT_END, kinds)
        hint = f"Is {near!r} meant?" if near else f"There are: {', '.join(kinds)}."
        raise SchemaError(
            f"label 'contract_end' needs events of the kind {CONTRACT_END!r}, and {CONTRACT_START!r} for renewals, but "
            f"the log has none. {hint} Rename kinds before reading the log."
        )
    return log.query(CONTRACT_SQL, contract_start=CONTRACT_START, contract_end=CONTRACT_END).to_pandas()
