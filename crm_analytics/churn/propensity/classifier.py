"""Churn classifier: one call that is at or above the best of its kinds, calibrated, and says why."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d

from crm_analytics.churn.columns import as_table, coded, is_number, learn_columns, numbers
from crm_analytics.churn.propensity import members
from crm_analytics.churn.propensity.blend import blend_weights
from crm_analytics.churn.propensity.calibrated import calibrate, learn_calibration
from crm_analytics.churn.propensity.folds import choose_folds, has_origins
from crm_analytics.churn.propensity.leaks import refuse_known_future, telltale_columns, warn_of
from crm_analytics.churn.propensity.reason_words import groups_of, spans
from crm_analytics.churn.propensity.reasons import effect_table, in_parts, reason_table
from crm_analytics.core.errors import SchemaError, choice, plain
from crm_analytics.core.tables import require
from crm_analytics.core.units import PERIODS_PER_YEAR, UNIT_WORDS

MOST_TO_CHOOSE_BY = 100_000  # rows; what members are chosen by needs no more to settle
# Of the learners, before the held-out rows have spoken.
SHARES = {"logistic": 1.0, "small trees": 1.0, "large trees": 0.5}
# Words of those who stay, which must not be taken for leavers.
STAYING = (
    "no",
    "hayir",
    "stay",
    "stays",
    "stayed",
    "kaldi",
    "active",
    "aktif",
    "retained",
    "existingcustomer",
)
FEWEST = 20  # leavers, and stayers, from which anything beyond the prior is learned
_NEVER = 1e-6  # a prior of 0 or 1 is taken as so near to it


class ChurnClassifier(ClassifierMixin, BaseEstimator):
    """Probability that a customer leaves, from mixed columns of what was known of them.

    Three learners see every table: a ridge logistic regression on gently bent lines, small
    strongly regularised trees, and large trees. No one of them is best on every table, so
    held-out rows say how the log-odds of the three are weighted: rows of later origins where
    X has origins (`features.SnapshotBuilder`), of other customers elsewhere. With a `prior`,
    such as the chance of no purchase that `clv.purchase_outlook` gives, they learn what moves
    a customer away from it; where there is too little to learn from, the prior is the answer.
    The last held-out rows then calibrate the probabilities. Nothing is resampled or reweighted:
    that would spoil them and orders customers no better.

    Parameters
    ----------
    prior : str, default="p_no_purchase"
        Column of X with a first estimate of the probability to leave; used where X has it.
    random_state : int, RandomState or None, default=0
    n_jobs : int, default=1
        Threads of the trees; the answer is the same for any number.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        As in y; the second one leaves.
    columns_ : list of dict
        How each column is read.
    constant_columns_ : list of str
        Columns of one value, which are not looked at.
    members_ : dict of str to dict
        What each learner learned.
    weights_ : ndarray of shape (n_members + 1,), with a prior (n_members + 2,)
        Of the prior, the members, and an intercept.
    calibration_ : dict
        Method ("platt" or "isotonic") and its curve.
    telltale_ : list of str
        Columns that alone order leavers almost perfectly: were they known beforehand?
    fit_report_ : dict
        What was chosen, by which rows, in words.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    References
    ----------
    Stacking: Wolpert (1992), Neural Networks 5(2); Breiman (1996), Machine Learning 24. Trees:
    Ke et al. (2017), LightGBM. Reasons: Lundberg et al. (2020), Nature Machine Intelligence 2.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"tenure": rng.integers(1, 60, 2_000), "plan": rng.choice(["month", "year"], 2_000)})
    >>> leaves = rng.random(2_000) < np.where(X["plan"] == "month", 0.5, 0.1) * 12 / (12 + X["tenure"])
    >>> model = ChurnClassifier().fit(X, leaves)
    >>> asked = pd.DataFrame({"tenure": [2, 50], "plan": ["month", "year"]})
    >>> model.predict_proba(asked)[:, 1].round(1)
    array([0.4, 0. ])
    """

    def __init__(self, *, prior: str = "p_no_purchase", random_state: Any = 0, n_jobs: int = 1) -> None:
        self.prior = prior
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any) -> "ChurnClassifier":
        """Learn who leaves.

        Parameters
        ----------
        X : DataFrame or array of shape (n_rows, n_columns)
            Numbers (NaN: not known) and words, as they were known beforehand. With index levels
            `origin` and `label_end` the rows are snapshots, and are held out by time.
        y : array of shape (n_rows,)
            Two values; of two words or numbers the later in order leaves: True, 1, "Yes".

        Raises
        ------
        SchemaError
            If a column holds dates, infinite numbers or a word a customer, or the prior is no
            probability.
        ValueError
            If y does not have two values, or is missing somewhere.

        Warns
        -----
        LeakageWarning
            If there are columns that alone order leavers almost perfectly (`telltale_`).
        """
        table, codes = self._judged(X, y)
        y01 = codes.astype(float)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        prior = self._prior_of(table)
        self.has_prior_ = prior is not None
        start = np.full(y01.size, logit(y01.mean())) if prior is None else prior
        self.start_ = float(logit(y01.mean()))
        self.prior_mean_ = float(start.mean())
        table = self._learned_from(table)
        self.columns_, self.constant_columns_ = learn_columns(table, caller="ChurnClassifier")
        self.label_end_ = _latest_label(X)
        values = coded(table, self.columns_, caller="ChurnClassifier.fit")
        rows = members.Rows(values, y01, start)
        if _rarer(y01) < FEWEST or not self.columns_:
            self.telltale_: list[str] = []  # of few customers any column may tell
            self._keep_start(prior is not None)
        else:
            self.telltale_ = telltale_columns(values, y01, self.columns_)
            warn_of(self.telltale_, caller="ChurnClassifier.fit")
            self._learn(X, rows, seed)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities to stay and to leave, shape (n_rows, 2).

        Raises SchemaError if X has origins before the last label of the fit was complete:
        those rows would be judged by a model that was told their future. A word that was not
        there to learn from counts as a rare one.
        """
        leaves = expit(self.decision_function(X))
        return np.column_stack([1 - leaves, leaves])

    def decision_function(self, X: Any) -> np.ndarray:
        """Calibrated log-odds to leave, shape (n_rows,); refuses what `predict_proba` refuses."""
        check_is_fitted(self, "weights_")
        refuse_known_future(X, self.label_end_, caller="ChurnClassifier")
        values, start = self._values(X)
        return calibrate(self._log_odds(values, start), self.calibration_)

    def predict(self, X: Any) -> np.ndarray:
        """The likelier class, shape (n_rows,). For decisions take `predict_proba` and what they cost."""
        leaves = self.decision_function(X) > 0
        return self.classes_[leaves.astype(int)]

    def reasons(
        self,
        X: Any,
        n: int = 3,
        *,
        groups: Mapping[str, Sequence[str]] | None = None,
        unit: str = "D",
        windows: Sequence[int] | None = None,
    ) -> pd.DataFrame:
        """What moves each row's probability most, in words.

        Effects are Shapley values along the paths of the trees and the terms of the logistic
        regression, weighted as the blend weights them: together they are the log-odds before the
        last calibration less those of an average row. They say what the model goes by, not what
        would happen if the customer were different.

        Parameters
        ----------
        X : as for `predict_proba`
        n : int >= 1
            Reasons a row, at most.
        groups : dict of str to list of str, optional
            Columns that are one reason. Columns of snapshots have their groups (silence, spend,
            rhythm, …), and so have the columns of each kind of event; any other is its own.
        unit : {"D", "W", "M", "h"}
            Of times in snapshots, for the words.
        windows : three whole numbers, optional
            Those of the snapshots, for the words: "in 91 days" instead of "in the middle window".

        Returns
        -------
        DataFrame on the index of X, `n` rows for each by falling size: `rank` (from 1), `reason` (in
        words, by the column of the group that says most), `group`, `effect` (log-odds; > 0
        raises the risk), `points` (how much lower the probability would be without it).
        """
        check_is_fitted(self, "weights_")
        choice(unit, name="unit", allowed=PERIODS_PER_YEAR)
        if not n >= 1 or n != int(n):
            raise ValueError(f"n must be a whole number >= 1. Got {n!r} instead.")
        table = as_table(X)
        names = [column["name"] for column in self.columns_]
        parts = []
        for part in in_parts(len(table)):
            values, start = self._values(table.iloc[part])
            parts.append(
                reason_table(
                    table.iloc[part],
                    self._effects(values, start),
                    calibrate(self._log_odds(values, start), self.calibration_),
                    names,
                    n=int(n),
                    groups=groups,
                    called=spans(windows, UNIT_WORDS[unit]),
                    caller="ChurnClassifier.reasons",
                )
            )
        return pd.concat(parts)

    def effects(self, X: Any, *, groups: Mapping[str, Sequence[str]] | None = None) -> pd.DataFrame:
        """What moves the probabilities of X most, over all rows.

        Returns
        -------
        DataFrame by falling `mean_effect` (mean size, log-odds): `group`, `mean_effect`, `share` (of
        their sum), `direction` (in [-1, 1]: rank correlation of the group's strongest column with
        its effect; > 0 means that more of it raises the risk).
        """
        check_is_fitted(self, "weights_")
        table = as_table(X)
        if len(table) == 0:
            raise ValueError("ChurnClassifier.effects: X must have at least one row.")
        values, start = self._values(table)
        names = groups_of([c["name"] for c in self.columns_], groups, caller="ChurnClassifier.effects")
        found = [self._effects(values[part], start[part]) for part in in_parts(len(table))]
        return effect_table(np.concatenate(found), values, names)

    # Parts of a fit

    def _learn(self, X: Any, rows: members.Rows, seed: int) -> None:
        n = rows.y.size
        chosen = np.arange(n)
        if n > MOST_TO_CHOOSE_BY:
            chosen = np.sort(np.random.default_rng(seed).permutation(n)[:MOST_TO_CHOOSE_BY])
            if _rarer(rows.y[chosen]) < FEWEST:
                chosen = np.arange(n)
        folds, held_out_by = choose_folds(as_table(X).iloc[chosen], rows.y[chosen], seed)
        folds = [(chosen[train], chosen[test]) for train, test in folds]
        tested = np.concatenate([test for _, test in folds])
        self.members_, said, centre = {}, [], []
        if self.has_prior_:
            said.append(rows.start)
            centre.append(1.0)
        views = [True, False] if self.has_prior_ else [False]
        for from_prior in views if self._places(False) else [True]:  # the prior may be the only column
            given = rows if from_prior else self._afresh(rows)
            kinds = self._kinds(from_prior)
            for name, share in SHARES.items():
                if name == "logistic":
                    member, z = members.learn_logistic(given, folds, kinds)
                else:
                    member, z = members.learn_trees(given, folds, kinds, name, seed, self.n_jobs)
                self.members_[f"{name} from the prior" if from_prior else name] = member
                said.append(z)
                centre.append(share)
        Z = np.column_stack(said)
        self.weights_ = blend_weights(Z[tested], rows.y[tested], np.array(centre) / sum(centre))
        last = folds[-1][1] if held_out_by == "origins" else tested
        blended = Z @ self.weights_[:-1] + self.weights_[-1]
        self.calibration_ = learn_calibration(blended[last], rows.y[last])
        names = [*(["prior"] if self.has_prior_ else []), *self.members_]
        y = rows.y[tested]
        losses = {name: members.loss_of(Z[tested, k], y) / y.size for k, name in enumerate(names)}
        where = (
            f"{len(folds)} later origins"
            if held_out_by == "origins"
            else f"{len(folds)} folds over customers"
        )
        shares = ", ".join(
            f"{name} {weight:.2f}" for name, weight in zip(names, self.weights_[:-1], strict=True)
        )
        self.fit_report_ = {
            "n_rows": n,
            "leavers": int(rows.y.sum()),
            "held_out_by": held_out_by,
            "n_folds": len(folds),
            "log_loss": losses | {"blend": members.loss_of(blended[tested], y) / y.size},
            "message": f"weights by {where}: {shares}; calibrated by {self.calibration_['method']}",
        }

    def _afresh(self, rows: members.Rows) -> members.Rows:
        """The rows as one sees them who does not know the prior."""
        base = np.full(rows.y.size, logit(rows.y.mean()))
        return members.Rows(rows.X[:, self._places(False)], rows.y, base)

    def _places(self, from_prior: bool) -> list[int]:
        return [k for k, column in enumerate(self.columns_) if from_prior or column["name"] != self.prior]

    def _kinds(self, from_prior: bool) -> list[str]:
        return [self.columns_[k]["kind"] for k in self._places(from_prior)]

    def _keep_start(self, has_prior: bool) -> None:
        self.members_ = {}
        self.weights_ = np.array([1.0, 0.0])
        self.calibration_ = {"method": "platt", "slope": 1.0, "intercept": 0.0}
        what = "the prior is the answer" if has_prior else "everyone gets the base rate"
        self.fit_report_ = {
            "message": f"fewer than {FEWEST} rows of one outcome, or no column to learn from: {what}",
            "held_out_by": "nothing",
        }

    # Reading tables

    def _judged(self, X: Any, y: Any) -> tuple[pd.DataFrame, np.ndarray]:
        table = as_table(X)
        if len(table) == 0 or table.shape[1] == 0:
            raise ValueError(
                f"Found array with {len(table)} sample(s) and {table.shape[1]} feature(s) (shape={table.shape}) "
                "while a minimum of 1 is required by ChurnClassifier."
            )
        y = column_or_1d(y, warn=True)
        check_consistent_length(table, y)
        unknown = pd.isna(y) | (np.isinf(y) if y.dtype.kind == "f" else False)
        if unknown.any():
            raise ValueError(
                f"Input y contains NaN or infinity: ChurnClassifier.fit needs an outcome for each row, but "
                f"{unknown.sum():,} of {y.size:,} are missing. Leave those rows out; they can be scored."
            )
        if y.dtype == object:
            y = np.array(y.tolist())  # of true and false with gaps that have been left out, say
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if self.classes_.size == 1:
            raise ValueError(
                "ChurnClassifier.fit: y must have two classes, those who stay and those who leave, but all are "
                f"{self.classes_.tolist()[0]!r}: one class only. Take a longer horizon or more customers."
            )
        if plain(str(self.classes_[-1])) in STAYING:
            stays, leaves = self.classes_[-1], self.classes_[0]
            raise ValueError(
                f"ChurnClassifier.fit: y has the words {leaves!r} and {stays!r}, and of two words the later "
                f"in order is taken to leave. Pass y == {str(leaves)!r} instead."
            )
        if self.classes_.size > 2:
            raise ValueError(
                f"Only binary classification is supported. y has {self.classes_.size:,} classes: who stays and who "
                "leaves must be two."
            )
        self.n_features_in_ = table.shape[1]
        if isinstance(X, pd.DataFrame) or hasattr(X, "to_pandas"):
            self.feature_names_in_ = np.asarray([str(name) for name in table.columns], dtype=object)
        return table, codes

    def _learned_from(self, table: pd.DataFrame) -> pd.DataFrame:
        """With a prior, its log-odds stand in the table under its name."""
        return table.assign(**{self.prior: self._prior_of(table)}) if self.has_prior_ else table

    def _prior_of(self, table: pd.DataFrame) -> np.ndarray | None:
        if self.prior not in table.columns:
            return None
        if not is_number(table[self.prior], self.prior, "ChurnClassifier"):
            raise SchemaError(f"ChurnClassifier: {self.prior} must hold probabilities, not words.")
        values = numbers(table[self.prior], "ChurnClassifier")
        require(
            (values >= 0) & (values <= 1),
            column=self.prior,
            rule="a probability in [0, 1]",
            caller="ChurnClassifier",
            remedy="Mend the prior, or leave the column out.",
        )
        return logit(np.clip(values, _NEVER, 1 - _NEVER))

    def _values(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        table = as_table(X)
        if not hasattr(self, "feature_names_in_") and table.shape[1] != self.n_features_in_:
            raise ValueError(
                f"X has {table.shape[1]} features, but ChurnClassifier is expecting {self.n_features_in_} features "
                "as input."
            )
        start = self._prior_of(table) if self.has_prior_ else np.full(len(table), self.start_)
        if start is None:
            raise SchemaError(
                f"ChurnClassifier: the prior {self.prior!r} is no column of X. Add it as in the fit."
            )
        table = self._learned_from(table)
        return coded(table, self.columns_, caller="ChurnClassifier"), start

    def _log_odds(self, values: np.ndarray, start: np.ndarray) -> np.ndarray:
        """Blended, before calibration; shape (n_rows,)."""
        said = [start] if self.has_prior_ or not self.members_ else []
        for name, member in self.members_.items():
            from_prior = name.endswith("from the prior")
            begin = start if from_prior else self.start_
            said.append(begin + members.log_odds(member, values[:, self._places(from_prior)], self.n_jobs))
        return np.column_stack(said) @ self.weights_[:-1] + self.weights_[-1]

    def _effects(self, values: np.ndarray, start: np.ndarray) -> np.ndarray:
        """What each column adds to the blended log-odds, shape (n_rows, n_columns)."""
        out = np.zeros(values.shape)
        by_prior = self.weights_[0] if self.has_prior_ else 0.0
        weights = self.weights_[int(self.has_prior_) : -1]
        for (name, member), weight in zip(self.members_.items(), weights, strict=True):
            from_prior = name.endswith("from the prior")
            if weight > 0:
                places = self._places(from_prior)
                out[:, places] += (
                    weight * members.contributions(member, values[:, places], self.n_jobs)[:, :-1]
                )
                by_prior += weight if from_prior else 0.0
        if self.has_prior_:
            for place, column in enumerate(self.columns_):
                if column["name"] == self.prior:
                    out[:, place] += by_prior * (start - self.prior_mean_)
        return out

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        tags.classifier_tags.multi_class = False
        return tags


def _rarer(y: np.ndarray) -> float:
    """Rows of the rarer outcome."""
    return float(min(y.sum(), (1 - y).sum()))


def _latest_label(X: Any) -> str | None:
    """When the last label was complete, as text that a model file can hold."""
    if not has_origins(X):
        return None
    return str(X.index.get_level_values("label_end").max())
