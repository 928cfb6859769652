"""What a purchase model expects of customers at several origins, each fitted to what was known then."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone

from crm_analytics.clv.modified_beta_geo import ModifiedBetaGeoModel
from crm_analytics.features import customer_summary
from crm_analytics.transactions import TransactionLog


def purchase_outlook(
    log: TransactionLog,
    rows: pd.MultiIndex,
    *,
    unit: str = "D",
    horizon: float,
    purchases: BaseEstimator | None = None,
) -> pd.DataFrame:
    """Describe the rows of snapshots by a model of purchases fitted at each origin."""
    model = ModifiedBetaGeoModel() if purchases is None else purchases
    origins = rows.get_level_values("origin")
    parts = []
    for origin in origins.unique():
        summary = customer_summary(log, origin, unit, gaps=type(model).__name__ == "MBGCNBDModel")
        here = rows[origins == origin]
        fitted: Any = clone(model).fit(summary)
        asked = summary.reindex(here.get_level_values("customer_id"))
        parts.append(
            pd.DataFrame(
                {
                    "p_no_purchase": np.asarray(fitted.probability_no_purchase(asked, horizon=horizon)),
                    "p_alive": np.asarray(fitted.probability_alive(asked)),
                    "frequency": asked["frequency"].to_numpy(dtype=float),
                    "age": asked["T"].to_numpy(dtype=float),
                },
                index=here,
            )
        )
    return pd.concat(parts).reindex(rows)
