"""Prices of the city: rising on the shelf, wandering at the pump."""

from typing import Any

import numpy as np
import pandas as pd

MONTH = 30  # days between looks at a shelf price
# Pump prices of the years around 2008 as a share of their beginning: up with oil, down, up again.
FUEL_YEARS = np.array([0.0, 0.5, 1.0, 1.55, 2.0, 2.4, 2.85, 5.0])
FUEL_LEVEL = np.array([1.0, 1.03, 1.10, 1.24, 0.98, 1.08, 1.20, 1.45])


def span_matrix(shape: tuple[int, int], rows: np.ndarray, spans: np.ndarray, values: Any) -> np.ndarray:
    """Values of half-open spans of days, written into a matrix of rows × days; the larger where they meet."""
    matrix = np.zeros(shape, dtype=np.float32)
    for row, (first, last), value in zip(rows, spans, np.broadcast_to(values, len(rows)), strict=True):
        matrix[row, first:last] = np.maximum(matrix[row, first:last], value)
    return matrix


def shelf_prices(products: pd.DataFrame, categories: pd.DataFrame, n_days: int, seed: int) -> np.ndarray:
    """Lira in whole cents, products × days: each price is looked at monthly and moved a few times a year."""
    rng = np.random.default_rng([seed, 1])
    n, months = len(products), n_days // MONTH + 1
    rise = categories["rise"].reindex(products["category"]).to_numpy(float)
    rise = np.maximum(rise + rng.normal(0, 0.01, n), 0)
    moved = rng.random((n, months)) < 0.3
    moved[:, 0] = True
    last_move = np.maximum.accumulate(np.where(moved, np.arange(months), 0), axis=1)
    level = products["price"].to_numpy(float)[:, None] * (1 + rise[:, None]) ** (last_move * MONTH / 365.25)
    shelf = np.repeat(np.round(level, 2), MONTH, axis=1)[:, :n_days]
    for row in np.flatnonzero((products["category"] == "fuel").to_numpy()):
        shelf[row] = _pump(rng, float(products["price"].iloc[row]), n_days)
    return shelf


def fuel_factors(
    products: pd.DataFrame, stores: pd.DataFrame, n_days: int, seed: int
) -> dict[int, np.ndarray]:
    """Lira a litre that each station asks above or below the chain's price, by day."""
    rng = np.random.default_rng([seed, 2])
    found = {}
    for store in stores.index[stores["kind"] == "fuel"]:
        weekly = np.round(rng.normal(0, 0.004, n_days // 7 + 1), 3)
        found[int(store)] = np.round(rng.normal(0, 0.015), 2) + np.repeat(weekly, 7)[:n_days]
    return found


def _pump(rng: np.random.Generator, first: float, n_days: int) -> np.ndarray:
    years = np.arange(n_days) / 365.25
    path = np.interp(years, FUEL_YEARS, FUEL_LEVEL)
    weeks = n_days // 5 + 1
    noise = np.zeros(weeks)
    for week in range(1, weeks):  # wanders, and comes back
        noise[week] = 0.9 * noise[week - 1] + rng.normal(0, 0.006)
    return np.round(first * path * (1 + np.repeat(noise, 5)[:n_days]), 2)
