"""Future value by machine learning: who will buy, and how much those who do will spend."""

from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from crm_analytics.core.errors import ConvergenceError, SchemaError
from crm_analytics.core.tables import require, require_columns

N_FOLDS = 5
PATIENCE = 30  # rounds without a better score, after which cross-validation stops
MOST_TO_CHOOSE_BY = 200_000  # customers; the number of rounds needs no more to settle


class ValueRegressor(RegressorMixin, BaseEstimator):
    """Spend over a coming horizon, learned from features of the past.

    Value = P(buys) × E(spend | buys), each by boosted trees: the first by log loss, the
    second by gamma deviance, whose trees act on the logarithm of spend. Few leaves, many
    customers in each, and as many rounds as five-fold cross-validation finds best. One
    factor then makes the total right on the customers it was fitted on.

    Trees cannot go beyond what they saw: to them the best customer is worth what the
    best leaf is. With `prior` they correct a first estimate by a factor instead, so that
    those in the tail keep their proportions.

    Parameters
    ----------
    prior : str, optional
        Column of X with a first estimate of E(spend | buys) (currency, > 0), such as that of
        a probabilistic model; it is a feature as well.
    learning_rate : float in (0, 1], default=0.05
    max_leaves : int >= 2, default=4
        Leaves of a tree.
    min_customers : int >= 1, default=100
        In a leaf; a twentieth of the customers if that is less.
    l2_penalty : float >= 0, default=10.0
        On leaf values.
    max_rounds : int >= 1, default=400
        Trees at most, in either part.
    random_state : int, RandomState or None, default=0
        Draws folds and the half of the columns that a tree may use.
    n_jobs : int, default=1
        Threads to fit with; the answer is the same for any number.

    Attributes
    ----------
    buys_trees_, spend_trees_ : str
        The two parts in LightGBM's text format; empty if no tree was grown.
    buys_rounds_, spend_rounds_ : int
        Trees in each.
    buys_base_, spend_base_ : float
        Log-odds of buying and log of spend (over the prior, if there is one) they start from.
    calibration_ : float
        The last factor; far from 1, the parts are not to be trusted.
    n_buyers_ : int
        Customers with y > 0.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    References
    ----------
    Two-part models: Duan, Manning, Morris & Newhouse (1983), J. Business & Economic
    Statistics 1(2). Boosting: Ke et al. (2017), LightGBM, NeurIPS 30.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> visits = rng.integers(0, 6, 3_000)
    >>> spend = (rng.random(3_000) < visits / 6) * rng.gamma(4, 5 * visits + 1)
    >>> model = ValueRegressor().fit(pd.DataFrame({"visits": visits}), spend)
    >>> model.predict_table(pd.DataFrame({"visits": [0, 3, 5]})).round(1)
       p_buys  spend_if_buys  expected_value
    0     0.0           38.3             0.8
    1     0.5           64.2            31.8
    2     0.8          108.5            90.3
    """

    def __init__(
        self,
        *,
        prior: str | None = None,
        learning_rate: float = 0.05,
        max_leaves: int = 4,
        min_customers: int = 100,
        l2_penalty: float = 10.0,
        max_rounds: int = 400,
        random_state: Any = 0,
        n_jobs: int = 1,
    ) -> None:
        self.prior = prior
        self.learning_rate = learning_rate
        self.max_leaves = max_leaves
        self.min_customers = min_customers
        self.l2_penalty = l2_penalty
        self.max_rounds = max_rounds
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any) -> "ValueRegressor":
        """Learn both parts.

        Parameters
        ----------
        X : DataFrame or array of shape (n_customers, n_features)
            Numbers known before the horizon, all used; NaN, "undefined", is a value of its own.
        y : array of shape (n_customers,)
            Spend in the horizon (currency, >= 0).

        Raises
        ------
        SchemaError
            If y is negative, a column is not numeric, or `prior` is missing or not > 0.
        ConvergenceError
            If nobody bought: there is no spend to learn from.
        """
        self._judge_parameters()
        values, y = validate_data(
            self,
            self._frame(X),
            y,
            dtype=np.float64,
            ensure_all_finite="allow-nan",
            y_numeric=True,
            ensure_min_samples=2,
        )
        require(
            y >= 0,
            column="y",
            rule=">= 0",
            caller="ValueRegressor.fit",
            remedy="Refunds outweigh purchases there: read the log with refunds='net', or clip y at 0.",
        )
        buys = y > 0
        if not buys.any():
            raise ConvergenceError(
                "ValueRegressor.fit: nobody bought in the horizon, so there is no spend to learn from. "
                "Take a longer horizon."
            )
        prior = self._prior(values)
        self.n_buyers_ = int(buys.sum())
        params, seed = self._params()
        # Half a customer on either side keeps the log-odds finite when all bought.
        self.buys_base_ = float(logit((buys.sum() + 0.5) / (y.size + 1)))
        self.buys_trees_, self.buys_rounds_ = grow_trees(
            values,
            buys.astype(float),
            np.full(y.size, self.buys_base_),
            params | {"objective": "binary"},
            seed,
        )
        self.spend_base_ = float(np.log(y[buys].sum() / prior[buys].sum()))
        start = self.spend_base_ + np.log(prior[buys])
        self.spend_trees_, self.spend_rounds_ = grow_trees(
            values[buys], y[buys], start, params | {"objective": "gamma"}, seed
        )
        self.calibration_ = 1.0
        self.calibration_ = float(y.sum() / np.prod(self._parts(values), axis=0).sum())
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Expected spend over the horizon (currency), shape (n_customers,)."""
        check_is_fitted(self, "calibration_")
        return np.prod(self._parts(self._known(X)), axis=0)

    def predict_table(self, X: Any) -> pd.DataFrame:
        """Both parts and their product, one row a customer, on the index of `X`.

        Returns
        -------
        DataFrame
            `p_buys`, P(any spend in the horizon); `spend_if_buys` and `expected_value`
            (currency), what `predict` gives.
        """
        check_is_fitted(self, "calibration_")
        p_buys, spend = self._parts(self._known(X))
        index = X.index if isinstance(X, pd.DataFrame) else None
        columns = {"p_buys": p_buys, "spend_if_buys": spend, "expected_value": p_buys * spend}
        return pd.DataFrame(columns, index=index)

    def _parts(self, values: np.ndarray) -> np.ndarray:
        p_buys = expit(self.buys_base_ + grown(self.buys_trees_, values))
        log_ratio = self.spend_base_ + grown(self.spend_trees_, values)
        return np.stack([p_buys, self.calibration_ * self._prior(values) * np.exp(log_ratio)])

    def _known(self, X: Any) -> np.ndarray:
        X = self._frame(X, getattr(self, "feature_names_in_", None))
        return validate_data(self, X, reset=False, dtype=np.float64, ensure_all_finite="allow-nan")

    def _frame(self, X: Any, names: Any = None) -> Any:
        """Of a DataFrame the columns `names`, all by default; they must be numeric."""
        X = X.to_pandas() if hasattr(X, "to_pandas") else X
        if not isinstance(X, pd.DataFrame):
            return X
        names = list(X.columns if names is None else names)
        require_columns(X, names, caller="ValueRegressor")
        for name in names:
            if not pd.api.types.is_numeric_dtype(X[name]):
                raise SchemaError(
                    f"ValueRegressor: {name} must be numeric, but has dtype {X[name].dtype}. "
                    "Drop it, or turn it into numbers."
                )
        return X[names]

    def _prior(self, values: np.ndarray) -> np.ndarray:
        if self.prior is None:
            return np.ones(len(values))
        names = list(getattr(self, "feature_names_in_", []))
        if self.prior not in names:
            raise SchemaError(
                f"ValueRegressor: prior {self.prior!r} is no column of X. Pass a DataFrame that has it."
            )
        prior = values[:, names.index(self.prior)]
        require(
            prior > 0,
            column=self.prior,
            rule="> 0 as a prior",
            caller="ValueRegressor",
            remedy="Raise it to a small amount, or leave `prior` out.",
        )
        return prior

    def _params(self) -> tuple[dict[str, Any], int]:
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        params = {
            "learning_rate": self.learning_rate,
            "num_leaves": self.max_leaves,
            "min_data_in_leaf": self.min_customers,
            "lambda_l2": self.l2_penalty,
            "feature_fraction": 0.5,
            "bagging_fraction": 0.8,
            "bagging_freq": 1,
            "num_iterations": self.max_rounds,
            "num_threads": self.n_jobs,
        }
        return params, seed

    def _judge_parameters(self) -> None:
        rules = [
            ("learning_rate", 0 < self.learning_rate <= 1, "in (0, 1]"),
            ("max_leaves", self.max_leaves >= 2, ">= 2"),
            ("min_customers", self.min_customers >= 1, ">= 1"),
            ("l2_penalty", self.l2_penalty >= 0, ">= 0"),
            ("max_rounds", self.max_rounds >= 1, ">= 1"),
        ]
        for name, ok, rule in rules:
            if not ok:
                raise ValueError(f"{name} must be {rule}. Got {getattr(self, name)!r} instead.")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.positive_only = True
        return tags


def grow_trees(
    X: np.ndarray, y: np.ndarray, start: np.ndarray, params: dict[str, Any], seed: int
) -> tuple[str, int]:
    """Boost from `start` (raw scores), for as many rounds as cross-validation finds best.

    Returns LightGBM's text of the trees and their number; none if there are fewer than
    `N_FOLDS` customers, or of either class, to choose by.
    """
    classes = params["objective"] == "binary"
    smallest = min(y.sum(), (1 - y).sum()) if classes else y.size
    if smallest < N_FOLDS:
        return "", 0
    params = params | {
        "min_data_in_leaf": max(1, min(params["min_data_in_leaf"], y.size // 20)),
        "boost_from_average": False,
        "deterministic": True,
        "force_row_wise": True,
        "seed": seed,
        "verbosity": -1,
    }
    chosen = np.random.default_rng(seed).permutation(y.size)[:MOST_TO_CHOOSE_BY]
    scores: Any = lgb.cv(
        params,
        lgb.Dataset(X[chosen], y[chosen], init_score=start[chosen], params=params),
        nfold=N_FOLDS,
        stratified=classes,
        seed=seed,
        callbacks=[lgb.early_stopping(PATIENCE, verbose=False)],
    )
    rounds = len(next(iter(scores.values())))
    booster = lgb.train(
        params | {"num_iterations": rounds}, lgb.Dataset(X, y, init_score=start, params=params)
    )
    return booster.model_to_string(), rounds


def grown(trees: str, X: np.ndarray) -> np.ndarray:
    """What the trees of a text add to the raw score of each row."""
    if not trees:
        return np.zeros(len(X))
    return np.asarray(lgb.Booster(model_str=trees).predict(X, raw_score=True, num_threads=1))
