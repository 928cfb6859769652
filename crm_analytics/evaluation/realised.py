"""Who left, once it is known, against who was said to leave."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri
from sklearn.metrics import roc_auc_score

from crm_analytics.core.errors import SchemaError
from crm_analytics.core.tables import require
from crm_analytics.metrics.calibration import brier_score, calibration_error, calibration_table

_CALLER = "realised_churn"
# A share of the expected number; less is of no consequence, however sure.
_SMALLEST = 0.1
_UNKNOWN = 0.1  # share of scored customers


@dataclass(frozen=True, eq=False)
class RealisedChurn:
    """Predicted against realised churn of one scoring run.

    Attributes
    ----------
    groups : DataFrame
        By predicted probability, as `metrics.calibration_table` gives it: `n`,
        `mean_predicted`, `observed` (share who left), `lower`, `upper`.
    customers : int
        With a score and a known outcome; all other numbers are about them.
    without_outcome, without_score : int
        Scored, but it is not known whether they left; and the reverse.
    expected : float
        Sum of their churn probabilities.
    lower, upper : float
        Where the number of leavers lies if the probabilities are right and customers leave
        independently (normal approximation of the Poisson-binomial). A price rise or a bad
        winter moves many at once, so that a calibrated score may still miss it.
    actual : int
        How many left.
    z : float
        (actual - expected) in standard deviations of that distribution; NaN if it has none.
    auc : float
        Chance that one who left had the higher score than one who stayed: 0.5 is chance, 1
        perfect; NaN if all left or none.
    brier, calibration_error : float
        See `metrics`.
    """

    groups: pd.DataFrame
    customers: int
    without_outcome: int
    without_score: int
    expected: float
    lower: float
    upper: float
    actual: int
    z: float
    auc: float
    brier: float
    calibration_error: float

    def alarms(self) -> list[str]:
        """Reasons to look at the score before it is used again, in words; empty if there are none.

        They are: more or fewer left than the interval allows, and by more than a tenth of the
        number expected; those who left had no higher scores than the others; more than a
        tenth of the scored have no known outcome.
        """
        said = []
        off = self.actual - self.expected
        if not self.lower <= self.actual <= self.upper and abs(off) > _SMALLEST * self.expected:
            relative = (
                f", {abs(off) / self.expected:.0%} {'more' if off > 0 else 'fewer'}" if self.expected else ""
            )
            said.append(
                f"{self.actual:,} of {self.customers:,} customers left, but {self.expected:,.0f} were expected "
                f"({self.lower:,.0f} to {self.upper:,.0f}){relative}."
            )
        if self.auc <= 0.5:
            said.append(f"Those who left had no higher scores than the others: AUC {self.auc:.3f}.")
        scored = self.customers + self.without_outcome
        if self.without_outcome > _UNKNOWN * scored:
            said.append(
                f"Of {scored:,} scored customers {self.without_outcome:,} have no known outcome. Is the window closed?"
            )
        return said


def realised_churn(
    scores: pd.Series, churned: pd.Series, *, n_groups: int = 10, level: float = 0.95
) -> RealisedChurn:
    """Hold churn probabilities against what came, when the label window has closed.

    Parameters
    ----------
    scores : Series indexed by customer
        Churn probability of each, in [0, 1].
    churned : Series indexed by customer, in any order
        Whether each left (bool, or 0 and 1); missing where it is not known.
    n_groups : int >= 1
        Groups of equal size by predicted probability; ties share a group.
    level : float in (0, 1)
        Of the intervals.

    Returns
    -------
    RealisedChurn

    Raises
    ------
    SchemaError
        If a customer comes twice, a score is no probability, an outcome is neither, or no scored
        customer has a known outcome.

    Examples
    --------
    >>> scores = pd.Series([0.1, 0.2, 0.6, 0.9, 0.4], index=["ann", "bob", "cem", "dan", "eve"])
    >>> found = realised_churn(scores, pd.Series({"dan": True, "cem": False, "bob": False, "ann": False}), n_groups=2)
    >>> round(found.expected, 2), found.actual, found.without_outcome, found.auc
    (1.8, 1, 1, 1.0)
    >>> found.groups[["n", "mean_predicted", "observed"]]
       n  mean_predicted  observed
    0  2            0.15       0.0
    1  2            0.75       0.5
    """
    if not 0 < level < 1:
        raise ValueError(f"level must be in (0, 1). Got {level!r} instead.")
    p, left = _numbers(scores, "scores"), _numbers(churned, "churned")
    require(
        ((p >= 0) & (p <= 1)).to_numpy(),
        column="scores",
        rule="in [0, 1]",
        caller=_CALLER,
        remedy="Give probabilities.",
    )
    require(
        (left.isna() | left.isin([0, 1])).to_numpy(),
        column="churned",
        rule="True, False or missing",
        caller=_CALLER,
        remedy="Say which outcome counts as churn.",
    )
    left = left.dropna()
    known = p.index.intersection(left.index)
    if len(known) == 0:
        raise SchemaError(
            f"{_CALLER}: none of {len(p):,} scored customers has a known outcome. Are their ids written the same way "
            f"(scores have {p.index.dtype}, outcomes {left.index.dtype})?"
        )
    return _compare(p[known].to_numpy(), left[known].to_numpy(), len(p), len(left), n_groups, level)


def _numbers(values: Any, name: str) -> pd.Series:
    if not isinstance(values, pd.Series):
        raise SchemaError(
            f"{_CALLER}: {name} must be a Series indexed by customer. Got {type(values).__name__}."
        )
    twice = int(values.index.duplicated().sum())
    if twice:
        raise SchemaError(
            f"{_CALLER}: {twice:,} of {len(values):,} rows of {name} repeat a customer. Drop them."
        )
    try:
        return values.astype("Float64").astype(float)
    except (TypeError, ValueError):
        raise SchemaError(f"{_CALLER}: {name} must be numeric, but has dtype {values.dtype}.") from None


def _compare(
    p: np.ndarray, left: np.ndarray, n_scores: int, n_outcomes: int, n_groups: int, level: float
) -> RealisedChurn:
    n, expected, actual = p.size, float(p.sum()), int(left.sum())
    deviation = float(np.sqrt((p * (1 - p)).sum()))
    half = float(ndtri((1 + level) / 2)) * deviation
    return RealisedChurn(
        groups=calibration_table(left, p, n_bins=n_groups, level=level),
        customers=n,
        without_outcome=n_scores - n,
        without_score=n_outcomes - n,
        expected=expected,
        lower=max(expected - half, 0.0),
        upper=min(expected + half, float(n)),
        actual=actual,
        z=float((actual - expected) / deviation) if deviation > 0 else float("nan"),
        auc=float(roc_auc_score(left, p)) if 0 < actual < n else float("nan"),
        brier=brier_score(left, p),
        calibration_error=calibration_error(left, p, n_bins=n_groups),
    )
