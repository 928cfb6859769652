"""Whether segments take different paths: their rates beside everyone's, and their shares beside the others'."""

import numpy as np
import pandas as pd

from crm_analytics.basket.paths.hazards import Hazards, tally
from crm_analytics.basket.paths.steps import Steps
from crm_analytics.basket.paths.tables import wilson
from crm_analytics.core.errors import SchemaError


def segment_codes(segments: pd.Series, customers: pd.Index, caller: str) -> tuple[np.ndarray, pd.Index]:
    """Return the number of each customer's segment (-1: none) and the segments, in order."""
    if not isinstance(segments, pd.Series):
        raise TypeError(
            f"{caller}: segments must be a Series indexed by customer_id. Got {type(segments).__name__} instead."
        )
    if not segments.index.is_unique:
        raise SchemaError(
            f"{caller}: {segments.index.duplicated().sum():,} customers have more than one row in segments. Keep one."
        )
    codes, names = pd.factorize(segments.reindex(customers), sort=True)
    if not (codes >= 0).any():
        raise SchemaError(
            f"{caller}: no customer of the log has a segment. Index segments by customer_id, with ids of the "
            f"same type ({customers[0]!r})."
        )
    return codes, pd.Index(names)


def segment_ratios(
    steps: Steps, codes: np.ndarray, n_segments: int, hazards: Hazards, strength: float, rows: np.ndarray
) -> np.ndarray:
    """How many times everyone's rate a segment's is, by segment, product taken last and product.

    Σ events over Σ exposure x everyone's rate, drawn towards 1 by a gamma prior worth `strength`
    events; the shape over time is everyone's.
    """
    n_items = len(hazards.base)
    out = np.ones((n_segments, n_items, n_items))
    below = hazards.base[None] if hazards.single is None else hazards.single
    for segment in range(n_segments):
        mine = rows[codes[steps.owner[rows]] == segment]
        d, y = tally(steps, None, mine, hazards.edges, n_items)
        out[segment] = (d.sum(axis=2) + strength) / ((y * below).sum(axis=2) + strength)
    return out


def segment_differences(table: pd.DataFrame, level: float) -> pd.DataFrame:
    """Each segment's share of a transition beside that of all other segments together.

    The interval of the difference combines Wilson's two as Newcombe (1998, Statistics in Medicine
    17, method 10) does, at a level by which all of the table's intervals hold together
    (Bonferroni). A difference whose interval leaves out 0 is marked.
    """
    pairs = table.groupby(["from", "to"])["count"].sum()
    steps = table.drop_duplicates(["segment", "from"]).set_index(["segment", "from"])["went_on"]
    segments = table["segment"].unique()
    grid = pairs.rename("all").reset_index().merge(pd.DataFrame({"segment": segments}), how="cross")
    own = table.set_index(["segment", "from", "to"])["count"]
    grid["count"] = (
        own.reindex(pd.MultiIndex.from_frame(grid[["segment", "from", "to"]])).fillna(0).to_numpy()
    )
    n = steps.reindex(pd.MultiIndex.from_frame(grid[["segment", "from"]])).fillna(0).to_numpy()
    others = grid["from"].map(steps.groupby("from").sum()).to_numpy() - n
    both = (n > 0) & (others > 0)
    grid, n, others = grid[both], n[both], others[both]
    count, rest = grid["count"].to_numpy(), grid["all"].to_numpy() - grid["count"].to_numpy()
    each = 1 - (1 - level) / max(len(grid), 1)
    (low, high), (low_rest, high_rest) = wilson(count, n, each), wilson(rest, others, each)
    share, share_rest = count / n, rest / others
    difference = share - share_rest
    found = pd.DataFrame(
        {
            "segment": grid["segment"].to_numpy(),
            "from": grid["from"].to_numpy(),
            "to": grid["to"].to_numpy(),
            "count": count.astype(np.int64),
            "share": share,
            "share_others": share_rest,
            "difference": difference,
            "low": difference - np.hypot(share - low, high_rest - share_rest),
            "high": difference + np.hypot(high - share, share_rest - low_rest),
        }
    )
    found["differs"] = (found["low"] > 0) | (found["high"] < 0)
    order = found["difference"].abs().to_numpy()
    return found.iloc[np.lexsort((-order, ~found["differs"].to_numpy()))].reset_index(drop=True)
