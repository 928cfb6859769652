"""What a model of purchases expects of customers at several origins, fitted to what was known at each."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone

from crm_analytics.clv.mbg_cnbd import MBGCNBDModel
from crm_analytics.clv.pareto_nbd import ParetoNBDModel
from crm_analytics.core.tables import require
from crm_analytics.features import customer_summary
from crm_analytics.transactions import TransactionLog


def purchase_outlook(
    log: TransactionLog,
    rows: pd.MultiIndex,
    *,
    horizon: float,
    unit: str = "D",
    purchases: BaseEstimator | None = None,
) -> pd.DataFrame:
    """Describe rows of snapshots by a model of purchases: above all the chance that none is made.

    At each origin the model is fitted anew to all customers as they were known then. It needs
    no labels, and moves with the season of that origin. `p_no_purchase` is a good churn score
    by itself; 1 - `p_alive` is a bad one, since who is alive may still not buy for long.

    Parameters
    ----------
    log : TransactionLog
    rows : MultiIndex
        With levels `customer_id` and `origin`: the index of what `features.SnapshotBuilder` makes.
    horizon : float > 0
        Length of the silence asked for (periods), from the origin on: gap and horizon of the
        snapshots together.
    unit : {"D", "W", "M", "h"}
    purchases : unfitted model of purchases, optional
        Pareto/NBD by default.

    Returns
    -------
    DataFrame on `rows`: `p_no_purchase` and `p_alive` (probabilities), `frequency` (repeat
    purchases in all, count), `age` (since the first purchase, periods).

    Raises
    ------
    SchemaError
        If a row's customer had bought nothing before its origin.
    ConvergenceError
        If the model finds no parameters at an origin: do without, or take another model.

    Examples
    --------
    >>> from crm_analytics.datasets import load_cdnow
    >>> from crm_analytics.features import SnapshotBuilder
    >>> log = load_cdnow()
    >>> features, churned = SnapshotBuilder(horizon=91).build(log, ["1997-10-01", "1998-01-01"])
    >>> outlook = purchase_outlook(log, features.index, horizon=91)
    >>> outlook["p_no_purchase"].groupby("origin").mean().round(2).tolist()
    [0.63, 0.57]
    """
    model = ParetoNBDModel() if purchases is None else purchases
    origins = rows.get_level_values("origin")
    columns = {name: np.empty(len(rows)) for name in ("p_no_purchase", "p_alive", "frequency", "age")}
    for origin in origins.unique():
        here = np.flatnonzero(origins == origin)
        summary = customer_summary(log, origin, unit, gaps=isinstance(model, MBGCNBDModel))
        place = summary.index.get_indexer(rows[here].get_level_values("customer_id"))
        require(
            place >= 0,
            column="customer_id",
            rule="a customer with a purchase before the origin",
            caller="purchase_outlook",
            remedy="Take the rows of SnapshotBuilder for the same log.",
        )
        fitted: Any = clone(model).fit(summary)
        asked = summary.take(place)
        columns["p_no_purchase"][here] = fitted.probability_no_purchase(asked, horizon=horizon)
        columns["p_alive"][here] = fitted.probability_alive(asked)
        columns["frequency"][here] = asked["frequency"]
        columns["age"][here] = asked["T"]
    return pd.DataFrame(columns, index=rows)
