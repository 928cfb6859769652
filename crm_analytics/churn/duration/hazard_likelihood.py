"""Discrete-time hazard by penalised likelihood: a baseline a step, and effects of columns."""

from typing import NamedTuple

import numpy as np
from scipy.special import expit

from crm_analytics.churn.duration.person_periods import Watch
from crm_analytics.core.errors import ConvergenceError


class HazardFit(NamedTuple):
    """What maximises the penalised likelihood.

    `baseline`, logits of shape (n_steps,); `effects`, shape (1, n_effects), or (2, n_effects) with
    their change by the clock; `covariance` of the effects one after the other; `log_likelihood`,
    without the penalty; `iterations`.
    """

    baseline: np.ndarray
    effects: np.ndarray
    covariance: np.ndarray
    log_likelihood: float
    iterations: int


def fit_hazard(watch: Watch, l2_penalty: float) -> HazardFit:
    """Maximise the log-likelihood less l2_penalty / 2 × (sum of squared effects), by Newton's method.

    One look over the rows a step and iteration; memory for a few numbers a row, whatever the
    number of periods.
    """
    events = watch.events()
    exposed = np.array([watch.at_risk(step).sum() for step in range(watch.starts.size)])
    share = events / exposed
    baseline = np.log(share / (1 - share))
    effects = np.zeros((watch.basis().shape[1], watch.design.shape[1]))
    pull, total = pull_of_events(watch), watch.weight.sum()
    value = penalised(watch, events, pull, baseline, effects, l2_penalty)
    for iteration in range(100):
        slope_a, slope_b, bend_a, bend_ab, bend_b = slopes(watch, events, pull, baseline, effects, l2_penalty)
        schur = bend_b - bend_ab.T @ (bend_ab / bend_a[:, None])
        steepest = max(np.abs(slope_a).max(), np.abs(slope_b).max(initial=0.0))
        step_b = np.linalg.lstsq(schur, slope_b - bend_ab.T @ (slope_a / bend_a), rcond=1e-12)[0]
        if steepest < 1e-9 * total:
            if np.abs(step_b).max(initial=0.0) > 0.1:
                break  # no slope is left, and yet as far to go as before: towards infinity
            plain = value + l2_penalty / 2 * (effects**2).sum()
            covariance = np.linalg.pinv(schur, hermitian=True)
            return HazardFit(baseline, effects, covariance, float(plain), iteration)
        step_a = (slope_a - bend_ab @ step_b) / bend_a
        rise = slope_a @ step_a + slope_b @ step_b
        step_b = step_b.reshape(effects.shape)
        for _ in range(30):
            found = penalised(watch, events, pull, baseline + step_a, effects + step_b, l2_penalty)
            if found >= value + 1e-4 * rise or rise < 1e-10 * abs(value):
                break
            step_a, step_b, rise = step_a / 2, step_b / 2, rise / 2
        baseline, effects, value = baseline + step_a, effects + step_b, found
    raise ConvergenceError(
        "HazardModel.fit: no finite effects fit best: a column tells stayers and leavers apart without a doubt. "
        "Raise l2_penalty, or leave that column out: it may know the future."
    )


def pull_of_events(watch: Watch) -> np.ndarray:
    """Sum of the design of those who left, times the basis of when they did; shape of the effects."""
    left = watch.basis()[watch.step_of(watch.ended)] * (watch.weight * watch.churned)[:, None]
    return left.T @ watch.design


def penalised(
    watch: Watch,
    events: np.ndarray,
    pull: np.ndarray,
    baseline: np.ndarray,
    effects: np.ndarray,
    l2_penalty: float,
) -> float:
    """The log-likelihood less its penalty."""
    value = events @ baseline + (pull * effects).sum() - l2_penalty / 2 * (effects**2).sum()
    scores = watch.design @ effects.T
    for step, (level, moment) in enumerate(zip(baseline, watch.basis(), strict=True)):
        exposure = watch.at_risk(step)
        value -= exposure @ np.logaddexp(0.0, level + scores[: exposure.size] @ moment)
    return float(value)


def slopes(
    watch: Watch,
    events: np.ndarray,
    pull: np.ndarray,
    baseline: np.ndarray,
    effects: np.ndarray,
    l2_penalty: float,
) -> tuple[np.ndarray, ...]:
    """First derivatives by baseline and effects, and minus the second: diagonal, mixed, effects."""
    X, basis = watch.design, watch.basis()
    n_kinds, n_effects = effects.shape
    scores = X @ effects.T
    expected, spread = np.zeros((len(X), n_kinds)), np.zeros((len(X), n_kinds, n_kinds))
    slope_a, bend_a = events.copy(), np.zeros(baseline.size)
    bend_ab = np.zeros((baseline.size, n_kinds * n_effects))
    for step, (level, moment) in enumerate(zip(baseline, basis, strict=True)):
        exposure = watch.at_risk(step)
        n = exposure.size
        chance = expit(level + scores[:n] @ moment)
        leaves = exposure * chance
        varies = leaves * (1 - chance)
        slope_a[step] -= leaves.sum()
        bend_a[step] = varies.sum()
        bend_ab[step] = np.outer(moment, varies @ X[:n]).ravel()
        expected[:n] += leaves[:, None] * moment
        spread[:n] += varies[:, None, None] * np.outer(moment, moment)
    slope_b = pull - expected.T @ X - l2_penalty * effects
    blocks = [[(X * spread[:, k, m, None]).T @ X for m in range(n_kinds)] for k in range(n_kinds)]
    bend_b = np.block(blocks) + l2_penalty * np.eye(effects.size)
    return slope_a, slope_b.ravel(), bend_a, bend_ab, bend_b
