"""What the effects of columns leave unsaid, by boosted trees over columns and time; and how much of it."""

from dataclasses import replace
from typing import Any

import lightgbm as lgb
import numpy as np

from crm_analytics.churn.duration.hazard_likelihood import HazardFit, fit_hazard, penalised, pull_of_events
from crm_analytics.churn.duration.person_periods import Watch, step_starts

_MOST_ROWS = 1_000_000  # a customer and step each; beyond, trees learn from some of the customers
_FEWEST_CHURNED = 100  # below this nothing can be chosen by holding customers out
_HELD_OUT = 0.25
_PATIENCE = 20
# Of the log-likelihood of held-out customers: odds of 7 to 1, lest effects change for nothing.
_WORTH_CHANGING = 2.0

# Between those of 4 and 31 leaves, which did best on one of two sets of subscribers each.
_PARAMS = {
    "objective": "cross_entropy",
    "num_leaves": 15,
    "learning_rate": 0.05,
    "lambda_l2": 5.0,
    "min_sum_hessian_in_leaf": 5.0,
    "min_data_in_leaf": 20,
    "boost_from_average": False,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}


def choose_by_holding_out(
    watch: Watch, least: float, l2_penalty: float, changing: bool | None, max_rounds: int, seed: int
) -> tuple[bool, int]:
    """Whether effects change with time, and how many rounds to boost: what held-out customers find best.

    `changing` is settled already unless it is None. With fewer than 100 churned customers, or no
    column, nothing is chosen: no change, no trees.
    """
    nothing = bool(changing), 0
    if watch.design.shape[1] == 0 or watch.weight[watch.churned].sum() < _FEWEST_CHURNED:
        return nothing
    if changing is not None and max_rounds == 0:
        return nothing
    learn, held_out = _split(watch, seed)
    starts = step_starts(
        learn.begun, learn.ended, learn.churned, learn.weight, max(1.0, least * (1 - _HELD_OUT))
    )
    learn, held_out = (
        replace(some, starts=starts, clock=np.zeros(starts.size)) for some in (learn, held_out)
    )
    candidates = []
    for ticks in (False, True) if changing is None else (changing,):
        some = learn.ticking() if ticks else learn
        fit = fit_hazard(some, l2_penalty)
        others = replace(held_out, clock=some.clock)
        value = penalised(others, others.events(), pull_of_events(others), fit.baseline, fit.effects, 0.0)
        worth = value - _WORTH_CHANGING if ticks else value
        candidates.append((worth, ticks, fit, some, others))
    _, ticks, fit, some, others = max(candidates, key=lambda candidate: candidate[0])
    return ticks, _best_rounds(some, others, fit, max_rounds, seed) if max_rounds else 0


def grow_hazard_trees(watch: Watch, fit: HazardFit, rounds: int, seed: int) -> str:
    """Boost from the logits of `fit_hazard`; LightGBM's text of the trees, "" for no rounds."""
    if rounds == 0:
        return ""
    return lgb.train(_PARAMS | {"seed": seed}, _rows(_some(watch, seed), fit)[0], rounds).model_to_string()


def added_by_trees(trees: str, first_periods: np.ndarray, design: np.ndarray) -> np.ndarray:
    """What the trees of a text add to the logit of each row, a customer in a step that begins there."""
    X = np.column_stack([first_periods.astype(float), design])
    return np.asarray(lgb.Booster(model_str=trees).predict(X, raw_score=True, num_threads=1))


def _split(watch: Watch, seed: int) -> tuple[Watch, Watch]:
    """Three quarters of the customers and the others; of those that are equal, and so one row, some each."""
    rng = np.random.default_rng(seed)
    whole = np.floor(watch.weight)
    aside = rng.binomial(whole.astype(np.int64), _HELD_OUT).astype(float)
    aside += (watch.weight - whole) * (rng.random(whole.size) < _HELD_OUT)
    rest = watch.weight - aside
    return tuple(replace(watch, weight=weight).take(weight > 0) for weight in (rest, aside))  # type: ignore[return-value]


def _best_rounds(learn: Watch, held_out: Watch, fit: HazardFit, max_rounds: int, seed: int) -> int:
    data, _ = _rows(_some(learn, seed), fit)
    check, before = _rows(_some(held_out, seed), fit, reference=data)
    history: dict[str, Any] = {}
    lgb.train(
        _PARAMS | {"seed": seed},
        data,
        max_rounds,
        valid_sets=[check],
        callbacks=[lgb.early_stopping(_PATIENCE, verbose=False), lgb.record_evaluation(history)],
    )
    losses = np.array(history["valid_0"]["cross_entropy"])
    return int(losses.argmin()) + 1 if losses.min() < before else 0


def _rows(watch: Watch, fit: HazardFit, reference: Any = None) -> tuple[Any, float]:
    """Customers in their steps, and the mean loss of the logits that trees start from."""
    row, step, periods, share = watch.rows()
    start = fit.baseline[step] + ((watch.design @ fit.effects.T)[row] * watch.basis()[step]).sum(axis=1)
    weight = periods * watch.weight[row]
    X = np.column_stack([watch.starts[step].astype(float), watch.design[row]])
    loss = np.average(np.logaddexp(0, start) - share * start, weights=weight)
    return lgb.Dataset(X, share, weight=weight, init_score=start, reference=reference), float(loss)


def _some(watch: Watch, seed: int) -> Watch:
    """All customers, or as many at random as make `_MOST_ROWS` rows."""
    n_rows = watch.n_rows()
    if n_rows <= _MOST_ROWS:
        return watch
    return watch.take(np.random.default_rng(seed + 1).random(len(watch.design)) < _MOST_ROWS / n_rows)
