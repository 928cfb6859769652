"""Models and naive rules against what customers did after the calibration window."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr
from sklearn.metrics import mean_absolute_error, roc_auc_score, root_mean_squared_error

from crm_analytics.core.errors import SchemaError
from crm_analytics.core.tables import require_columns
from crm_analytics.metrics import gini, relative_bias

NAIVE = ("naive rate", "as last time")
NEEDED = ("frequency", "recency", "T", "frequency_before", "frequency_holdout", "duration_holdout")


def holdout_predictions(table: pd.DataFrame, models: Mapping[str, Any]) -> pd.DataFrame:
    """Predict the holdout purchases of each customer with every model and naive rule.

    Parameters
    ----------
    table : DataFrame
        As `features.calibration_holdout` gives it.
    models : dict of str to fitted model
        Each has `predict(table, horizon=…)`, expected purchases.

    Returns
    -------
    DataFrame on the customers' index: a column a model, then `naive rate` (frequency / T ×
    duration; 0 at age 0) and `as last time` (repeat purchases in a window as long, before).
    """
    require_columns(table, NEEDED, caller="holdout_predictions")
    lengths = table["duration_holdout"].unique()
    if len(lengths) != 1:
        raise SchemaError(
            f"holdout_predictions: duration_holdout must be one number. Got {len(lengths)} values."
        )
    duration = float(lengths[0])
    predicted = {name: model.predict(table, horizon=duration) for name, model in models.items()}
    age = table["T"].to_numpy(dtype=float)
    rate = np.divide(table["frequency"], age, out=np.zeros_like(age), where=age > 0)
    predicted["naive rate"] = rate * duration
    predicted["as last time"] = table["frequency_before"].to_numpy(dtype=float)
    return pd.DataFrame(predicted, index=table.index)


def holdout_table(table: pd.DataFrame, models: Mapping[str, Any]) -> pd.DataFrame:
    """Compare models and naive rules on the holdout, one row each.

    Parameters
    ----------
    table, models
        As for `holdout_predictions`.

    Returns
    -------
    DataFrame indexed by model:

    predicted, actual : float
        Total purchases.
    bias : float
        predicted / actual - 1; 0 is right on the whole.
    mae, rmse : float
        Mean absolute and root mean squared error per customer (purchases); lower is better.
    spearman : float
        Rank correlation; NaN if the predictions do not vary.
    gini : float
        Ordering of customers by purchases, 1 perfect, 0 chance.
    auc_active : float
        P(a customer who bought is scored above one who did not); .5 is chance. NaN if all
        customers bought, or none.

    Raises
    ------
    ValueError
        If nobody bought in the holdout.
    """
    actual = table["frequency_holdout"].to_numpy(dtype=float)
    if not actual.any():
        raise ValueError("holdout_table is undefined when nobody bought in the holdout. Choose a longer one.")
    rows = {name: _row(actual, column) for name, column in holdout_predictions(table, models).items()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")


def _row(actual: np.ndarray, column: pd.Series) -> dict[str, float]:
    predicted = column.to_numpy()
    active = actual > 0
    return {
        "predicted": float(predicted.sum()),
        "actual": float(actual.sum()),
        "bias": relative_bias(actual, predicted),
        "mae": float(mean_absolute_error(actual, predicted)),
        "rmse": float(root_mean_squared_error(actual, predicted)),
        "spearman": float(spearmanr(actual, predicted).statistic) if np.ptp(predicted) else float("nan"),
        "gini": gini(actual, predicted),
        "auc_active": float("nan") if active.all() else float(roc_auc_score(active, predicted)),
    }


def holdout_by_frequency(table: pd.DataFrame, predicted: pd.DataFrame, *, top: int = 7) -> pd.DataFrame:
    """Mean purchases in the holdout by how often customers bought before.

    Parameters
    ----------
    table : DataFrame
        As `features.calibration_holdout` gives it.
    predicted : DataFrame
        As `holdout_predictions` gives it.
    top : int
        Frequencies from here on are one group.

    Returns
    -------
    DataFrame indexed by `frequency` ("0", "1", …, "7+"): `customers` (count), `actual`,
    and a column a model (mean purchases per customer).
    """
    group = table["frequency"].clip(upper=top).rename("frequency")
    means = predicted.assign(actual=table["frequency_holdout"]).groupby(group).mean()
    means.insert(0, "customers", group.value_counts().reindex(means.index))
    means.index = pd.Index([f"{n:.0f}+" if n == top else f"{n:.0f}" for n in means.index], name="frequency")
    return means[["customers", "actual", *predicted.columns]]
