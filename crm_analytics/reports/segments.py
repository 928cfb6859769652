"""Who the customers are: tiers of value, where they moved, and what sets those who behave alike apart."""

from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
import pandas as pd

from crm_analytics.core.tables import require_columns
from crm_analytics.features import behaviour_features
from crm_analytics.features.behaviour import WINDOWS
from crm_analytics.features.periods import shift
from crm_analytics.plotting import plot_migration, plot_rfm_grid
from crm_analytics.reports.wording import Table, money, number, percent, several, span
from crm_analytics.segmentation import CustomerSegmenter, describe, migration_matrix
from crm_analytics.segmentation.customer_segmenter import TOLD, rfm_of
from crm_analytics.segmentation.movement.migration import Migration
from crm_analytics.transactions import TransactionLog

NEEDED = ("value_segment", "rfm_segment", "behaviour_segment", "clv")


class Now(NamedTuple):
    """The customers scored, with what they did of late, and where their tiers came from."""

    customers: pd.DataFrame  # features and scores
    active: pd.DataFrame  # of them those with a purchase in the long window
    moves: Migration | None  # of tiers over the middle window; None if the log is too short
    windows: tuple[int, int, int]
    unit: str


def look(log: TransactionLog, scores: pd.DataFrame, model: CustomerSegmenter) -> Now:
    """Bring the scores and the features of the same date together."""
    require_columns(scores, NEEDED, caller="portfolio_report")
    unit = model.snapshots_["unit"]
    windows = WINDOWS[unit]
    features = behaviour_features(log, None, unit)
    features = features.loc[features.index.isin(scores.index)]
    more = [name for name in (*NEEDED, "p_churn") if name in scores.columns]
    customers = features.join(scores[more])
    active = customers[customers["purchases_long"] > 0]
    before = shift(log.snapshot(), -windows[1], unit)
    moves = None
    if log.start is not None and before > datetime.combine(log.start, datetime.min.time()) + timedelta(
        days=1
    ):
        then = behaviour_features(log, before, unit)
        if (then["purchases_long"] > 0).any():
            kinds = pd.CategoricalDtype(model.value_.names_, ordered=True)
            moves = migration_matrix(model.value_.predict(then), customers["value_segment"].astype(kinds))
    return Now(customers, active, moves, windows, unit)


def in_short(now: Now, model: CustomerSegmenter, currency: str) -> str:
    """Say what the highest tier brings, how many of it stayed, and who is inactive."""
    back = span(now.windows[2], now.unit)
    if now.active.empty:
        return f"Nobody bought in the last {back}."
    top = model.value_.names_[-1]
    spend = now.active["amount_long"]
    best = now.active["value_segment"] == top
    silent = len(now.customers) - len(now.active)
    said = (
        (
            f"{several(int(best.sum()), 'customer')} of {number(len(now.active))} active ones are {top} and brought "
            f"{percent(spend[best].sum() / spend.sum())} of the spend of the last {back}, "
            f"{money(spend[best].mean(), currency)} each."
        )
        if best.any()
        else f"Nobody is {top} at present."
    )
    if now.moves is not None:
        stayed = _stayed(now.moves, top)
        if np.isfinite(stayed):
            ago = span(now.windows[1], now.unit)
            said += f" Of those who were {top} {ago} earlier, {percent(stayed, 0)} still are."
    return f"{said} {several(silent, 'customer')} bought nothing in that time."


def tier_table(now: Now, model: CustomerSegmenter, currency: str) -> Table:
    """Each tier: its customers, what they brought and are expected to bring, and who stayed."""
    rows = []
    spend = now.customers["amount_long"].sum()
    churn = now.customers.get("p_churn")
    begins = model.value_.segments_["from_value"]
    for name in reversed(model.value_.names_):
        of_tier = now.customers["value_segment"] == name
        n = int(of_tier.sum())
        brought = now.customers.loc[of_tier, "amount_long"].sum()
        row = [
            name,
            "–" if not np.isfinite(begins[name]) else money(begins[name], currency, 0),
            number(n),
            percent(n / len(now.customers)),
            percent(brought / spend) if spend > 0 else "–",
            money(now.customers.loc[of_tier, "clv"].mean(), currency, 0) if n else "–",
        ]
        if churn is not None:
            row.append(percent(churn[of_tier].mean(), 0) if n and churn[of_tier].notna().any() else "–")
        if now.moves is not None:
            stayed = _stayed(now.moves, name)
            row.append(percent(stayed, 0) if np.isfinite(stayed) else "–")
        rows.append(row)
    headers = ["Tier", "From value", "Customers", "Share", "Share of spend", "Expected value, mean"]
    headers += ["Chance of silence"] if churn is not None else []
    headers += ["Stayed"] if now.moves is not None else []
    short, middle, long = (span(length, now.unit) for length in now.windows)
    return Table(
        f"Tiers by value: spend of the last {short}, {middle} and {long} added up, so that late spend counts most",
        headers,
        rows,
    )


def behaviour_table(now: Now) -> Table:
    """Each segment of behaviour by falling spend, in a sentence."""
    told = [name for name in (*TOLD, "p_churn") if name in now.active]
    description = describe(now.active["behaviour_segment"].astype(str), now.active[told], unit=now.unit)
    found = description.table.sort_values("revenue", ascending=False, kind="stable")
    rows = [[str(name), str(row["sentence"])] for name, row in found.iterrows()]
    return Table(
        f"{several(len(rows), 'segment')} of active customers, by falling spend",
        ["Segment", "What sets them apart"],
        rows,
        words=("What sets them apart",),
    )


def _stayed(moves: Migration, tier: str) -> float:
    """Share of a tier's customers at the earlier date who are in it now; NaN if there were none."""
    return float(moves.shares.loc[[tier], [tier]].to_numpy()[0, 0])


def charts(now: Now, model: CustomerSegmenter) -> list[tuple[str, str, object, str]]:
    """Caption, name, drawing and label of each chart."""
    grid = model.rfm_.grid_table(rfm_of(now.active))
    sizes = now.active["rfm_segment"].value_counts()
    drawn: list[tuple[str, str, object, str]] = [
        (
            "Recency against frequency and spend: where the active customers are, and what they are called",
            "rfm_grid",
            lambda ax: plot_rfm_grid(grid, ax=ax),
            "; ".join(f"{name}: {number(n)}" for name, n in sizes.items()),
        )
    ]
    if now.moves is not None:
        ago = span(now.windows[1], now.unit)
        flows = now.moves.flows
        drawn.append(
            (
                f"Tiers {ago} ago and now; the figures are shares of the tier that a flow comes from",
                "migration",
                lambda ax: plot_migration(flows, dates=[f"{ago} ago", "now"], ax=ax),
                f"{percent(now.moves.stay, 0)} of the customers of both dates are in the tier they were in.",
            )
        )
    return drawn
