"""How much of the value a few customers hold."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from crm_analytics.metrics import top_share

SHARES = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


def value_concentration(values: Any, shares: Sequence[float] = SHARES) -> pd.DataFrame:
    """Share of the total value held by the top customers.

    Parameters
    ----------
    values : array of shape (n_customers,)
        Value of each customer (currency, >= 0).
    shares : sequence of float in (0, 1]

    Returns
    -------
    DataFrame: `customers` (share of them, the most valuable first), `value` (share they hold).

    >>> value_concentration([10, 5, 3, 1, 1], shares=[0.2, 1.0])
       customers  value
    0        0.2    0.5
    1        1.0    1.0
    """
    return pd.DataFrame({"customers": list(shares), "value": [top_share(values, fraction=s) for s in shares]})
