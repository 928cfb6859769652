"""What a model says of every customer of one age: how often they bought, and how recently."""

from typing import Any

import numpy as np
import pandas as pd


def frequency_recency_grid(
    model: Any, *, T: float, horizon: float, max_frequency: int = 20, n_recency: int = 40
) -> pd.DataFrame:
    """Ask a model about customers of age `T`, of every frequency and recency.

    Parameters
    ----------
    model : fitted model
        Has `probability_alive(X)` and `predict(X, horizon=…)`.
    T : float > 0
        Age of all these customers (periods of the model's time).
    horizon : float >= 0
        Length predicted over (periods).
    max_frequency : int >= 1
        Repeat purchases go from 0 to here.
    n_recency : int >= 1
        Recency goes from 0 to `T` in so many equal steps; `n_recency=T` gives whole periods.

    Returns
    -------
    DataFrame with a row a cell, (max_frequency + 1) × (n_recency + 1) of them by frequency,
    then recency:

    frequency : int
        Repeat purchases (count).
    recency : float
        Age at the last purchase (periods).
    p_alive : float
        P(still a customer at T).
    expected_purchases : float
        In the horizon (count).

    No customer has repeat purchases at recency 0, or none and a recency above it: the model
    is not asked, and both are NaN. More repeat purchases than whole periods is for the
    caller to leave out, if periods are counted.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    Examples
    --------
    >>> class Regular:
    ...     def probability_alive(self, X):
    ...         return X["recency"] / X["T"]
    ...     def predict(self, X, *, horizon):
    ...         return X["frequency"] / X["T"] * horizon
    >>> frequency_recency_grid(Regular(), T=10, horizon=5, max_frequency=1, n_recency=2)
       frequency  recency  p_alive  expected_purchases
    0          0      0.0      0.0                 0.0
    1          0      5.0      NaN                 NaN
    2          0     10.0      NaN                 NaN
    3          1      0.0      NaN                 NaN
    4          1      5.0      0.5                 0.5
    5          1     10.0      1.0                 0.5
    """
    if not 0 < T < np.inf:
        raise ValueError(f"T must be > 0 and finite. Got {T!r} instead.")
    for name, value in (("max_frequency", max_frequency), ("n_recency", n_recency)):
        if value < 1 or value != int(value):
            raise ValueError(f"{name} must be a whole number >= 1. Got {value!r} instead.")
    frequency, recency = np.meshgrid(
        np.arange(int(max_frequency) + 1), np.linspace(0.0, T, int(n_recency) + 1), indexing="ij"
    )
    grid = pd.DataFrame({"frequency": frequency.ravel(), "recency": recency.ravel()})
    possible = (grid["frequency"] > 0) == (grid["recency"] > 0)
    customers = grid[possible].assign(T=float(T))
    grid.loc[possible, "p_alive"] = np.asarray(model.probability_alive(customers))
    grid.loc[possible, "expected_purchases"] = np.asarray(model.predict(customers, horizon=horizon))
    return grid
