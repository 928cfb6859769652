"""The learners whose log-odds are blended: a smooth logistic regression, and trees, small and large.

Each learns what moves a customer's log-odds of leaving away from `start`, what was thought
before. A learned member is a dict of numbers, arrays and text, which a model file can hold.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import lightgbm as lgb
import numpy as np
from scipy.special import expit

N_KNOTS = 6
BEND = 3.0  # by how much harder it is to bend a line than to tilt it
MOST_ROUNDS = 1_000
EVERY = 20  # rounds between two looks at the held-out rows
PENALTIES = (3.0, 30.0, 300.0)  # of the logistic regression, on standardised columns

TREES: dict[str, dict[str, Any]] = {
    # Few leaves, strongly held back: best where the signal is weak.
    "small trees": {
        "num_leaves": 7,
        "learning_rate": 0.03,
        "lambda_l2": 5.0,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "feature_fraction": 0.6,
        # A word of few customers says little: without this, trees learn small places by heart.
        "cat_smooth": 100.0,
        "cat_l2": 100.0,
        "min_data_per_group": 200,
    },
    # Not held back at all: best where customers leave for reasons that go together.
    "large trees": {"num_leaves": 31, "learning_rate": 0.1},
}
# Held-out loss would stop them early, for being too sure; they order customers ever better, and
# the blend takes their sureness back.
FIXED_ROUNDS = {"large trees": 100}
# Levels of words in their order, as numbers, do better there than sets of levels.
WORDS_AS_NUMBERS = ("large trees",)
_SHARED = {
    "objective": "binary",
    "boost_from_average": False,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}


class Rows(NamedTuple):
    """What a member learns from."""

    X: np.ndarray  # (n, n_columns), as `columns.coded` gives them
    y: np.ndarray  # (n,) 0.0 or 1.0
    start: np.ndarray  # (n,) log-odds to start from

    def take(self, rows: np.ndarray) -> "Rows":
        """Some of the rows."""
        return Rows(self.X[rows], self.y[rows], self.start[rows])


Folds = Sequence[tuple[np.ndarray, np.ndarray]]


def loss_of(log_odds: np.ndarray, y: np.ndarray) -> float:
    """Sum of the negative log-likelihood."""
    return float((np.logaddexp(0.0, log_odds) - y * log_odds).sum())


# Trees


def learn_trees(
    rows: Rows, folds: Folds, kinds: Sequence[str], name: str, seed: int, n_jobs: int
) -> tuple[dict[str, Any], np.ndarray]:
    """Boosted trees of TREES[name], and what they say of the held-out rows.

    Unless their rounds are fixed, there are as many as the folds find best.
    """
    least = max(1, min(20, rows.y.size // 50))  # rows in a leaf
    settings = _SHARED | TREES[name] | {"seed": seed, "min_data_in_leaf": least, "num_threads": n_jobs}
    as_numbers = name in WORDS_AS_NUMBERS
    words = [place for place, kind in enumerate(kinds) if kind == "words" and not as_numbers]
    losses = np.zeros(MOST_ROUNDS // EVERY + 1)
    grown = []
    for train, test in folds:
        if name in FIXED_ROUNDS:
            learn = _dataset(rows.take(train), settings, words)
            grown.append(lgb.train(settings, learn, num_boost_round=FIXED_ROUNDS[name]))
            continue
        booster, curve = _grow(rows.take(train), rows.take(test), settings, words)
        losses += curve
        grown.append(booster)
    rounds = FIXED_ROUNDS.get(name, EVERY * int(np.argmin(losses)))
    held_out = rows.start.copy()
    for (_, test), booster in zip(folds, grown, strict=True):
        if rounds:
            held_out[test] += _raw(booster, rows.X[test], rounds, settings)
    text = ""
    if rounds:
        text = lgb.train(settings, _dataset(rows, settings, words), num_boost_round=rounds).model_to_string()
    return {"kind": "trees", "trees": text, "rounds": rounds}, held_out


def _grow(
    train: Rows, test: Rows, settings: dict[str, Any], words: list[int]
) -> tuple[lgb.Booster, np.ndarray]:
    """Trees up to the most rounds or until the held-out loss has long risen, and that loss as it went."""
    booster = lgb.Booster(params=settings, train_set=_dataset(train, settings, words))
    curve = np.full(MOST_ROUNDS // EVERY + 1, np.inf)
    said = test.start.copy()
    curve[0] = loss_of(said, test.y)
    for look in range(1, len(curve)):
        for _ in range(EVERY):
            booster.update()
        said += _raw(booster, test.X, EVERY, settings, begin=(look - 1) * EVERY)
        curve[look] = loss_of(said, test.y)
        if look - np.argmin(curve) >= 4:
            break
    curve[np.isinf(curve)] = curve[np.isfinite(curve)].max()  # what comes after a long rise is worse
    return booster, curve


def _dataset(rows: Rows, settings: dict[str, Any], words: list[int]) -> lgb.Dataset:
    return lgb.Dataset(
        rows.X, rows.y, init_score=rows.start, params=settings, categorical_feature=words, free_raw_data=True
    )


def _raw(
    booster: lgb.Booster, X: np.ndarray, rounds: int, settings: dict[str, Any], begin: int = 0
) -> np.ndarray:
    # Where it is not told, LightGBM takes all cores, and keeps them for the rounds that follow.
    threads = settings["num_threads"]
    return np.asarray(
        booster.predict(X, raw_score=True, start_iteration=begin, num_iteration=rounds, num_threads=threads),
        dtype=float,
    )


# Logistic regression on piecewise straight lines


def learn_logistic(rows: Rows, folds: Folds, kinds: Sequence[str]) -> tuple[dict[str, Any], np.ndarray]:
    """Ridge logistic regression, its penalty the best of three by the folds, and what it says of held-out rows."""
    basis = learn_basis(rows.X, kinds)
    A = design(rows.X, basis)
    held_out = np.zeros((len(PENALTIES), rows.y.size))
    for train, test in folds:
        gram = A[train]
        for k, penalty in enumerate(PENALTIES):
            weights = ridge_logistic(gram, rows.y[train], rows.start[train], penalty)
            held_out[k, test] = rows.start[test] + A[test] @ weights[:-1] + weights[-1]
    tested = np.concatenate([test for _, test in folds])
    losses = [loss_of(z[tested], rows.y[tested]) for z in held_out]
    best = int(np.argmin(losses))
    weights = ridge_logistic(A, rows.y, rows.start, PENALTIES[best])
    member = {"kind": "logistic", "penalty": PENALTIES[best], "basis": basis, "weights": weights}
    return member, held_out[best]


def learn_basis(X: np.ndarray, kinds: Sequence[str]) -> list[dict[str, Any]]:
    """Knots of each number at its quantiles, levels of each word, and the means and scales of their columns."""
    basis: list[dict[str, Any]] = []
    for place, kind in enumerate(kinds):
        column = X[:, place]
        if kind == "words":
            part: dict[str, Any] = {"kind": "words", "levels": np.unique(column)}
        else:
            known = column[~np.isnan(column)]
            knots = np.unique(np.quantile(known, np.linspace(0.02, 0.98, N_KNOTS)))
            if knots.size == 1:  # nearly all the same: the ends tell the rest apart
                knots = np.unique([known.min(), knots[0], known.max()])
            part = {"kind": "number", "knots": knots, "gaps": bool(known.size < column.size)}
            # What counts or costs is taken by its logarithm, in which most of it is evenly spread.
            part["log"] = bool(known.min() >= 0 and known.max() > 3 * np.median(known))
        raw = _expand(column, part)
        scale = raw.std(axis=0)
        scale[1 : part["knots"].size if kind == "number" else 1] *= BEND
        part |= {"mean": raw.mean(axis=0), "scale": np.where(scale > 1e-9, scale, np.inf)}
        basis.append(part)
    return basis


def design(X: np.ndarray, basis: list[dict[str, Any]]) -> np.ndarray:
    """Standardised columns of the basis, shape (n, n_effects)."""
    return np.concatenate(
        [(_expand(X[:, place], part) - part["mean"]) / part["scale"] for place, part in enumerate(basis)],
        axis=1,
    )


def _expand(column: np.ndarray, part: dict[str, Any]) -> np.ndarray:
    if part["kind"] == "words":
        return (column[:, None] == part["levels"]).astype(float)
    missing = np.isnan(column)
    knots = part["knots"]
    held = np.clip(np.where(missing, knots[knots.size // 2], column), knots[0], knots[-1])
    # One step a stretch between knots: 0 before it, 1 behind it.
    steps = np.clip((held[:, None] - knots[:-1]) / np.diff(knots), 0.0, 1.0)
    parts = [_bent(np.where(missing, held, column), part)[:, None]]
    if knots.size > 2:
        parts.append(steps)
    if part["gaps"]:
        parts.append(missing[:, None].astype(float))
    return np.concatenate(parts, axis=1)


def _bent(column: np.ndarray, part: dict[str, Any]) -> np.ndarray:
    """A number, or its logarithm, held at the ends of what was seen."""
    low, high = part["knots"][0], part["knots"][-1]
    held = np.clip(column, low, high)
    return np.log1p(held) if part["log"] else held


def ridge_logistic(A: np.ndarray, y: np.ndarray, start: np.ndarray, penalty: float) -> np.ndarray:
    """Weights and, last, intercept that maximise the likelihood less penalty / 2 × squared weights, by Newton."""
    n, k = A.shape
    weights = np.zeros(k + 1)
    ridge = np.append(np.full(k, penalty), 1e-6)
    with_one = np.concatenate([A, np.ones((n, 1))], axis=1)
    before = np.inf
    for _ in range(50):
        z = start + with_one @ weights
        loss = loss_of(z, y) + 0.5 * (ridge * weights**2).sum()
        if before - loss <= 1e-9 * abs(loss):
            break
        before = loss
        p = expit(z)
        gradient = with_one.T @ (p - y) + ridge * weights
        curvature = np.maximum(p * (1 - p), 1e-6)
        hessian = (with_one * curvature[:, None]).T @ with_one + np.diag(ridge)
        weights = weights - np.linalg.solve(hessian, gradient)
    return weights


# What a learned member says


def log_odds(member: dict[str, Any], X: np.ndarray, n_jobs: int = 1) -> np.ndarray:
    """What a member adds to the log-odds of each row, shape (n,)."""
    if member["kind"] == "logistic":
        return design(X, member["basis"]) @ member["weights"][:-1] + member["weights"][-1]
    if not member["trees"]:
        return np.zeros(len(X))
    booster = lgb.Booster(model_str=member["trees"])
    return np.asarray(booster.predict(X, raw_score=True, num_threads=n_jobs), dtype=float)


def contributions(member: dict[str, Any], X: np.ndarray, n_jobs: int = 1) -> np.ndarray:
    """The same taken apart: one column a column of X and, last, what all share; shape (n, n_columns + 1).

    Of the logistic regression each column's own terms, measured from their mean; of trees
    Shapley values along the paths (Lundberg et al. 2020, TreeSHAP).
    """
    if member["kind"] == "logistic":
        out = np.zeros((len(X), X.shape[1] + 1))
        out[:, -1] = member["weights"][-1]
        begin = 0
        for place, part in enumerate(member["basis"]):
            own = (_expand(X[:, place], part) - part["mean"]) / part["scale"]
            out[:, place] = own @ member["weights"][begin : begin + own.shape[1]]
            begin += own.shape[1]
        return out
    if not member["trees"] or len(X) == 0:
        return np.zeros((len(X), X.shape[1] + 1))
    booster = lgb.Booster(model_str=member["trees"])
    return np.asarray(booster.predict(X, pred_contrib=True, num_threads=n_jobs), dtype=float)
