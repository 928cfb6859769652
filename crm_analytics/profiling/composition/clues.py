"""What a single clue is worth: of the households that bought it, how many have the trait."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

FEWEST = 20  # households with the clue, below which it is left out


def clue_table(bought: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """Precision of "has bought it at all" for each tag and trait.

    Parameters
    ----------
    bought : DataFrame of bool of shape (n_households, n_tags)
    labels : DataFrame of shape (n_households, n_traits)
        1, 0, or NaN where not known, in the same order.

    Returns
    -------
    DataFrame, one row a tag and trait with at least 20 households that bought: `tag`, `trait`,
    `n` (households that bought and whose trait is known), `precision` (share of them with the
    trait), `low`, `high` (its Wilson interval, 95 %), `base_rate` (share among all).

    Notes
    -----
    Wilson (1927), Journal of the American Statistical Association 22: 209-212.

    >>> bought = pd.DataFrame({"baby": [True] * 20 + [False] * 20})
    >>> labels = pd.DataFrame({"children": [1.0] * 10 + [0.0] * 30})
    >>> clue_table(bought, labels)[["n", "precision", "low", "high", "base_rate"]].round(2).values.tolist()
    [[20.0, 0.5, 0.3, 0.7, 0.25]]
    """
    tables = []
    has = bought.to_numpy(dtype=float)
    for trait in labels.columns:
        said = labels[trait].to_numpy(dtype=float)
        known = np.isfinite(said)
        n = has[known].sum(axis=0)
        kept = n >= FEWEST
        hits = (said[known] @ has[known])[kept]
        low, high = wilson(hits, n[kept])
        found = {
            "tag": bought.columns[kept],
            "trait": trait,
            "n": n[kept].astype(int),
            "precision": hits / n[kept],
        }
        tables.append(pd.DataFrame(found | {"low": low, "high": high, "base_rate": said[known].mean()}))
    return pd.concat(tables, ignore_index=True)


def wilson(hits: Any, n: Any, level: float = 0.95) -> tuple[Any, Any]:
    """Wilson interval of `hits` out of `n`; numbers or arrays of them.

    >>> low, high = wilson(8, 20)
    >>> round(float(low), 3), round(float(high), 3)
    (0.219, 0.613)
    """
    z = float(norm.ppf(0.5 + level / 2))
    share = hits / n
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return middle - half, middle + half
