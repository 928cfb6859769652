"""Numbers on one footing: extremes drawn in, long tails bent, mean 0 and standard deviation 1."""

import math
from typing import Any

import numpy as np
from numba import njit
from scipy.stats import yeojohnson_normmax

SCALINGS = ("log", "power", "standard")
# Quantiles beyond which a value counts as the quantile: a few giants would rule the means.
CLIPPED = (0.005, 0.995)
_LOG, _POWER = 0, 1
_KIND = {"log": _LOG, "power": _POWER, "standard": 2}


def learn_scaling(numbers: np.ndarray, scaling: str) -> dict[str, Any]:
    """Parameters for `scale`, an array of each, from a sample of shape (n, p).

    unit
        What values are divided by first, so that the currency does not matter: the median of
        the sizes of those that are not 0 ("log" and "power"; 1 elsewhere).
    low, high
        Clipping bounds, after the division; not clipped where nothing would vary any more.
    power
        Yeo & Johnson's (2000) lambda of greatest likelihood ("power"; 1 elsewhere).
    centre, spread
        Mean and standard deviation after all that; a spread of 0 tells a constant column.
    """
    p = numbers.shape[1]
    unit, power = np.ones(p), np.ones(p)
    if scaling != "standard":
        for f in range(p):
            sizes = np.abs(numbers[numbers[:, f] != 0, f])
            unit[f] = np.median(sizes) if sizes.size else 1.0
    values = numbers / unit
    low, high = np.quantile(values, np.array(CLIPPED), axis=0) if p else np.empty((2, 0))
    flat = low == high
    low[flat], high[flat] = values[:, flat].min(axis=0), values[:, flat].max(axis=0)
    if scaling == "power":
        for f in map(int, np.flatnonzero(low < high)):
            power[f] = yeojohnson_normmax(np.clip(values[:, f], low[f], high[f]))
    learned = {
        "kind": _KIND[scaling], "unit": unit, "low": low, "high": high, "power": power,
        "centre": np.zeros(p), "spread": np.ones(p),
    }  # fmt: skip
    bent = scale(numbers, learned)
    learned["centre"], spread = bent.mean(axis=0), bent.std(axis=0)
    # What differs by rounding alone does not differ.
    learned["spread"] = np.where((low < high) & (spread > 1e-12 * np.abs(learned["centre"])), spread, 0.0)
    return learned


def kept_scaling(learned: dict[str, Any], keep: np.ndarray) -> dict[str, Any]:
    """The parameters of some of the columns only."""
    return {name: value if name == "kind" else value[keep] for name, value in learned.items()}


def scale(numbers: np.ndarray, learned: dict[str, Any]) -> np.ndarray:
    """Numbers, shape (n, p), as `learn_scaling` learned to scale them."""
    s = learned
    return _scale(
        numbers, s["kind"], s["unit"], s["low"], s["high"], s["power"], s["centre"], s["spread"]
    )  # fmt: skip


def unscale(scaled: np.ndarray, learned: dict[str, Any]) -> np.ndarray:
    """Scaled numbers, shape (n, p), in the units of the columns."""
    bent = scaled * learned["spread"] + learned["centre"]
    if learned["kind"] == _LOG:
        bent = np.sign(bent) * np.expm1(np.abs(bent))
    elif learned["kind"] == _POWER:
        bent = _power_undone(bent, learned["power"])
    return np.clip(bent, learned["low"], learned["high"]) * learned["unit"]


@njit(cache=True)
def _scale(numbers, kind, unit, low, high, power, centre, spread):
    # One loop for a table and for one customer, so that both get the same last bit.
    out = np.empty_like(numbers)
    for row in range(numbers.shape[0]):
        for f in range(numbers.shape[1]):
            value = min(max(numbers[row, f] / unit[f], low[f]), high[f])
            if kind == 0:
                value = math.log1p(value) if value >= 0 else -math.log1p(-value)
            elif kind == 1:
                value = _bent(value, power[f])
            out[row, f] = (value - centre[f]) / spread[f]
    return out


@njit(cache=True)
def _bent(value, power):
    """Yeo & Johnson (2000), eq. (2.1)."""
    if value >= 0:
        if abs(power) < 1e-9:
            return math.log1p(value)
        return math.expm1(power * math.log1p(value)) / power
    if abs(2 - power) < 1e-9:
        return -math.log1p(-value)
    return -math.expm1((2 - power) * math.log1p(-value)) / (2 - power)


def _power_undone(bent: np.ndarray, power: np.ndarray) -> np.ndarray:
    power = np.broadcast_to(power, bent.shape)
    out = np.empty_like(bent)
    up = bent >= 0
    for side, sign, lam in ((up, 1, power[up]), (~up, -1, 2 - power[~up])):
        size = sign * bent[side]
        flat = np.abs(lam) < 1e-9
        steep = np.where(flat, 1.0, lam)
        # Past the end of a bounded curve there is no value; its end stands for it, and is clipped.
        inside = np.maximum(1 + steep * size, 1e-300)
        with np.errstate(over="ignore"):
            out[side] = sign * np.where(flat, np.expm1(size), np.expm1(np.log(inside) / steep))
    return out
