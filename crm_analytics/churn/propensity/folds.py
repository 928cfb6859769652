"""Which rows a model may be chosen and calibrated by: later origins, or other customers."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from crm_analytics.features import PurgedRollingOrigin

N_FOLDS = 5
N_ORIGINS = 3  # latest origins that members are chosen by

Fold = tuple[np.ndarray, np.ndarray]


def has_origins(X: Any) -> bool:
    """Whether rows tell when they were seen and when their label was complete."""
    return isinstance(X, pd.DataFrame) and {"origin", "label_end"} <= set(X.index.names)


def choose_folds(X: Any, y: np.ndarray, seed: int) -> tuple[list[Fold], str]:
    """Folds in time where there are origins for two, else over customers; and which of them it is.

    Rows of one customer never stand on both sides of a fold over customers: those of one
    customer_id, or without such a level those of one label of the index.
    """
    if has_origins(X):
        origins = np.unique(X.index.get_level_values("origin"))
        if origins.size > 1:
            try:
                rolling = list(PurgedRollingOrigin().split(X))[-N_ORIGINS:]
            except ValueError:  # label windows of all earlier origins reach into the latest
                rolling = []
            good = [fold for fold in rolling if _both(y[fold[0]]) and _both(y[fold[1]])]
            if len(good) >= 2:
                return good, "origins"
    if has_origins(X) or (isinstance(X, pd.DataFrame) and not X.index.is_unique):
        customers = _customers(X)
        n = min(N_FOLDS, np.unique(customers).size)
        if n > 1:
            grouped = StratifiedGroupKFold(n, shuffle=True, random_state=seed)
            return list(grouped.split(X, y, customers)), "customers"
    n = int(max(2, min(N_FOLDS, y.sum(), (1 - y).sum())))
    return list(StratifiedKFold(n, shuffle=True, random_state=seed).split(np.zeros(y.size), y)), "customers"


def _both(y: np.ndarray) -> bool:
    return 0 < y.sum() < y.size


def _customers(X: pd.DataFrame) -> np.ndarray:
    level = "customer_id" if "customer_id" in X.index.names else 0
    return pd.factorize(X.index.get_level_values(level))[0]
