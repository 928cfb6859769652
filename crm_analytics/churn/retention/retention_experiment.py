"""What a past experiment says of whom an offer holds."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from crm_analytics.core.errors import SchemaError
from crm_analytics.core.tables import require, require_columns

_CALLER = "experiment_effect"


def experiment_effect(experiment: pd.DataFrame, *, n_groups: int = 10, level: float = 0.95) -> pd.DataFrame:
    """By how much an offer lowered churn, for customers of low to high churn probability.

    The effect is the churn rate of those left alone less that of those treated: above 0 the
    offer held customers, below 0 it drove them away. It is one only if chance decided who was
    treated; `uneven_treatment` tells whether the scores speak against that.

    Parameters
    ----------
    experiment : DataFrame, one row a customer
        `treated` and `churned` (bool, or 0 and 1), and `churn_probability` as scored then.
    n_groups : int >= 1
        Groups of equal size by churn probability, or fewer where customers tie.
    level : float in (0, 1)
        Of the intervals of each effect (Newcombe 1998, Statistics in Medicine 17, method 10).

    Returns
    -------
    DataFrame indexed by `group`, "all" and then 1 (least likely to leave) upwards:
    `churn_probability` (mean), `treated` and `control` (customers), `churn_treated` and
    `churn_control` (rates), `effect`, `lower`, `upper`; NaN where nobody was treated, or
    nobody left alone.

    Raises
    ------
    SchemaError
        If a column is missing or holds other values, or one of the two arms is empty.

    Examples
    --------
    >>> made = pd.DataFrame({"treated": [True, False] * 200, "churn_probability": [0.1, 0.1, 0.6, 0.6] * 100,
    ...                      "churned": [False] * 397 + [True, True, True]})
    >>> experiment_effect(made, n_groups=2)[["treated", "control", "effect"]].round(3)
           treated  control  effect
    group
    all        200      200   0.005
    1          100      100   0.010
    2          100      100   0.000
    """
    if n_groups < 1:
        raise ValueError(f"n_groups must be >= 1. Got {n_groups!r} instead.")
    if not 0 < level < 1:
        raise ValueError(f"level must be in (0, 1). Got {level!r} instead.")
    p, treated, churned = _columns(experiment)
    group = _groups(p, n_groups)
    rows = {"all": _effect(p, treated, churned, level)}
    for g in np.unique(group):
        of = group == g
        rows[g + 1] = _effect(p[of], treated[of], churned[of], level)
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("group")
    return table.astype({"treated": int, "control": int})


def uneven_treatment(experiment: pd.DataFrame) -> float:
    """How far the mean churn probability of the treated lies from that of the others, in standard errors.

    Beyond ±3 chance did not decide who was treated, and a difference of churn rates is no
    effect of the offer. NaN where the scores do not vary.

    >>> uneven_treatment(pd.DataFrame({"treated": [1, 1, 0, 0], "churned": [0, 1, 0, 1],
    ...                                "churn_probability": [0.2, 0.4, 0.2, 0.4]}))
    0.0
    """
    p, treated, _ = _columns(experiment)
    one, other = p[treated], p[~treated]
    error = np.sqrt(one.var() / one.size + other.var() / other.size)
    return float((one.mean() - other.mean()) / error) if error > 0 else float("nan")


def experiment_warnings(
    experiment: pd.DataFrame, effect: pd.DataFrame, acceptance: float | None = None
) -> list[str]:
    """What an experiment and its `effect` say against holding those who are likely to leave.

    `acceptance` is what a plan without an uplift model supposes; None if there is such a model,
    and nothing is to be said of churn probabilities.
    """
    said = []
    uneven = uneven_treatment(experiment)
    if abs(uneven) > 3:
        said.append(
            f"The mean churn probability of those treated in the experiment lies {uneven:+.1f} standard errors off "
            "that of the others: chance did not choose them, and its differences are no effects of the offer."
        )
    if acceptance is None:
        return said
    whole, top = effect.iloc[0], effect.iloc[-1]
    return [
        *said,
        "Those likely to leave need not be those who can be held (Ascarza 2018), and this list rests on who is likely "
        "to leave. The experiment can tell: learn an uplift model from it, and give its answer as the column uplift.",
        f"In the experiment the offer lowered churn by {_points(whole)} points; an acceptance of {acceptance:.2f} "
        f"supposes {100 * acceptance * whole['churn_probability']:.1f}. Among those most likely to leave (mean "
        f"probability {top['churn_probability']:.2f}) it lowered churn by {_points(top)}.",
    ]


def _points(row: pd.Series) -> str:
    """An effect in percentage points, with its interval."""
    return f"{100 * row['effect']:.1f} ({100 * row['lower']:.1f} to {100 * row['upper']:.1f})"


def _columns(experiment: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Churn probability, and whether treated and churned."""
    require_columns(experiment, ["treated", "churned", "churn_probability"], caller=_CALLER)
    p = pd.to_numeric(experiment["churn_probability"], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    rule = {"column": "churn_probability", "rule": "in [0, 1]", "caller": _CALLER}
    require((p >= 0) & (p <= 1), **rule, remedy="Give the score of the time, as a probability.")
    found = []
    for column in ("treated", "churned"):
        values = pd.to_numeric(experiment[column], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        rule = {"column": column, "rule": "True or False", "caller": _CALLER}
        require(np.isin(values, [0, 1]), **rule, remedy="Leave out those of whom it is not known.")
        found.append(values == 1)
    treated, churned = found
    if treated.all() or not treated.any():
        raise SchemaError(
            f"{_CALLER}: {treated.sum():,} of {treated.size:,} customers were treated. An effect needs both "
            "those treated and those left alone."
        )
    return p, treated, churned


def _groups(p: np.ndarray, n_groups: int) -> np.ndarray:
    """Number of each customer's group, from 0 upwards; equal probabilities fall into one group."""
    edges = np.unique(np.quantile(p, np.arange(1, n_groups) / n_groups))
    return np.unique(np.searchsorted(edges, p, side="left"), return_inverse=True)[1]


def _effect(p: np.ndarray, treated: np.ndarray, churned: np.ndarray, level: float) -> dict[str, float]:
    counts = {arm: (int(churned[who].sum()), int(who.sum())) for arm, who in
              [("treated", treated), ("control", ~treated)]}  # fmt: skip
    row = {
        "churn_probability": float(p.mean()),
        "treated": counts["treated"][1],
        "control": counts["control"][1],
    }
    if 0 in (row["treated"], row["control"]):
        unknown = ["churn_treated", "churn_control", "effect", "lower", "upper"]
        return row | dict.fromkeys(unknown, float("nan"))
    (rate_t, low_t, high_t), (rate_c, low_c, high_c) = (
        _rate(*counts[arm], level) for arm in ("treated", "control")
    )
    effect = rate_c - rate_t
    return row | {
        "churn_treated": rate_t,
        "churn_control": rate_c,
        "effect": effect,
        "lower": effect - np.hypot(rate_c - low_c, high_t - rate_t),
        "upper": effect + np.hypot(high_c - rate_c, rate_t - low_t),
    }


def _rate(churned: int, n: int, level: float) -> tuple[float, float, float]:
    """Churn rate with Wilson's interval."""
    ends = binomtest(churned, n).proportion_ci(level, method="wilson")
    return churned / n, float(ends.low), float(ends.high)
