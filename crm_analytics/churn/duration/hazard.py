"""Hazard model: when customers leave, by what is known of them and how long they have been here."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, ndtri
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from crm_analytics.churn.columns import as_table
from crm_analytics.churn.duration.hazard_columns import contrasts, design_of, effect_names, learn_columns
from crm_analytics.churn.duration.hazard_likelihood import fit_hazard
from crm_analytics.churn.duration.hazard_trees import added_by_trees, choose_by_holding_out, grow_hazard_trees
from crm_analytics.churn.duration.person_periods import Watch, step_starts
from crm_analytics.churn.duration.watched import MOST_PERIODS, require_enough, watched, weights_of
from crm_analytics.core.errors import SchemaError
from crm_analytics.core.tables import require_columns

_CELLS = 2_000_000  # of customers × periods that are held at a time


class HazardModel(BaseEstimator):
    """The chance to leave in each period, given that one is still here: a discrete-time hazard.

    Customers who are still here count for as long as they were watched, so that nobody has to
    wait for the last one to leave. The logit of the hazard is that of a baseline, free in every
    period in which enough customers left, plus an effect of each column (ridge regression) that
    may fade or grow with the logarithm of time, plus what boosted trees over columns and time
    find beyond: columns that matter together. A quarter of the customers are held out first, to
    find whether effects change and for how many rounds to boost, if at all; then all are learned
    from.

    Columns must say what was known when the watch of a customer began, or does not change. A
    column that grows with time, such as the total charged so far, knows how long they stayed.

    Parameters
    ----------
    min_churned : float >= 1, default=10
        Neighbouring periods are merged into steps of one hazard until each has so many churned
        customers (by weight), and somebody who stayed. With 1 and no columns the survival is
        that of Kaplan and Meier.
    l2_penalty : float >= 0, default=1.0
        Weight of half the sum of squared effects (of a standard deviation, of a level) against
        the log-likelihood. It does not touch the baseline.
    changing_effects : bool, optional
        Whether effects may change with time. By default held-out customers decide.
    max_rounds : int >= 0, default=400
        Most rounds of boosting; 0 leaves the effects of `effect_table` alone.
    random_state : int or RandomState, default=0
        Which customers are held out.

    Attributes
    ----------
    step_starts_, baseline_ : ndarray of shape (n_steps,)
        First period of each step, and the logit of its hazard for the average customer.
    effects_ : ndarray of shape (1, n_effects) or (2, n_effects)
        Of the columns as `hazard_columns` codes them, and their change by the clock.
    covariance_ : ndarray
        Of the effects one after the other, under the penalty.
    clock_ : ndarray of shape (n_steps,)
        Logarithm of the time of each step, from its mean in standard deviations; all 0 if effects
        do not change.
    rounds_ : int
        Rounds of boosting that were found best.
    longest_ : int
        Longest watched period. Beyond it the hazard of the last step is taken to go on.
    log_likelihood_ : float
        Without trees and penalty.
    n_customers_ : float
    n_iterations_ : int

    Notes
    -----
    No row a customer and period is written down for baseline and effects: an iteration (about 7)
    is one look over the customers a step, at a memory of the coded table. Trees take rows of
    customers and steps, 1,000,000 at most; of larger data they learn from customers at random.
    With fewer than 100 churned customers there are neither changing effects nor trees, unless
    asked for. A period in which nobody was watched has the hazard of the step it lies in.

    References
    ----------
    Singer & Willett (1993), It's about time, Journal of Educational Statistics 18(2); Tutz &
    Schmid (2016), Modeling Discrete Time-to-Event Data, chapters 3 and 8.

    Examples
    --------
    >>> plan = np.repeat(["monthly", "yearly"], 400)
    >>> rng = np.random.default_rng(1)
    >>> leaves = rng.geometric(np.where(plan == "monthly", 0.2, 0.05))
    >>> y = pd.DataFrame({"duration": leaves.clip(max=12), "churned": leaves <= 12})
    >>> X = pd.DataFrame({"plan": plan})
    >>> model = HazardModel().fit(X, y)
    >>> model.survival_by(X, "plan", periods=12).query("period == 12").round(2)
        segment  period  survival
    12  monthly      12      0.06
    25   yearly      12      0.55
    >>> model.predict(X.iloc[[0, 400]], horizon=3, elapsed=2).round(2)
    array([0.5 , 0.14])
    """

    def __init__(
        self,
        *,
        min_churned: float = 10,
        l2_penalty: float = 1.0,
        changing_effects: bool | None = None,
        max_rounds: int = 400,
        random_state: Any = 0,
    ) -> None:
        self.min_churned = min_churned
        self.l2_penalty = l2_penalty
        self.changing_effects = changing_effects
        self.max_rounds = max_rounds
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "HazardModel":
        """Learn from how long customers were watched and how it ended.

        Parameters
        ----------
        X : DataFrame or array of shape (n_customers, n_columns)
            Numbers, words, categories, true or false; missing values allowed. May have no column.
        y : DataFrame, dict or structured array of n_customers rows, in the order of `X`
            `duration`, whole periods from the start to the end of the watch (>= 1); `churned`,
            whether it ended with the customer leaving, in period `duration`; and if some came
            under watch late, `entry`, periods already passed by then (whole, < duration). Data
            that know of no one who left before some date need it: of today's customers and those
            who left in the last month, `entry` is `duration` - 1.
        sample_weight : array of shape (n_customers,), optional
            How many customers a row stands for (>= 0).

        Raises
        ------
        SchemaError
            On impossible durations, dates, a column of more than 100 words, or one named as the
            answer.
        ConvergenceError
            If nobody churned, or everybody did in the first period watched.
        """
        self._judge_parameters()
        caller = "HazardModel.fit"
        table = as_table(X).rename(columns=str)
        begun, ended, churned = watched(y, len(table), caller)
        weight = weights_of(sample_weight, len(table))
        told = [name for name in table.columns if name in ("duration", "churned", "entry")]
        if told:
            raise SchemaError(f"{caller}: X holds the answer, {told[0]!r}. It belongs in y alone.")
        require_enough(begun, ended, churned, weight, caller)
        coding = learn_columns(table, weight, caller=caller)
        some = weight > 0
        design = design_of(table, coding, caller=caller)[some]
        begun, ended, churned, weight = begun[some], ended[some], churned[some], weight[some]
        starts = step_starts(begun, ended, churned, weight, self.min_churned)
        watch = Watch.of(design, begun, ended, churned, weight, starts)
        seed = int(check_random_state(self.random_state).randint(2**31 - 2))
        ticks, rounds = choose_by_holding_out(
            watch, self.min_churned, self.l2_penalty, self.changing_effects, self.max_rounds, seed
        )
        watch = watch.ticking() if ticks else watch
        fit = fit_hazard(watch, self.l2_penalty)
        self.trees_, self.rounds_ = grow_hazard_trees(watch, fit, rounds, seed), rounds
        self.coding_, self.step_starts_, self.longest_ = coding, starts, int(ended.max())
        self.baseline_, self.effects_, self.covariance_ = fit.baseline, fit.effects, fit.covariance
        self.clock_ = watch.clock
        self.churned_ = watch.events()
        self.at_risk_ = np.array([watch.at_risk(step).sum() for step in range(starts.size)])
        self.log_likelihood_, self.n_iterations_ = fit.log_likelihood, fit.iterations
        self.n_customers_ = float(weight.sum())
        self.n_features_in_ = len(coding)
        self.feature_names_in_ = np.array([column["name"] for column in coding], dtype=object)
        return self

    @property
    def hazard_table_(self) -> pd.DataFrame:
        """The baseline, a row a step.

        `first` and `last` period; `at_risk`, customers times periods watched; `churned`;
        `hazard`, their ratio; `baseline`, the hazard of an average customer without trees.
        """
        check_is_fitted(self)
        return pd.DataFrame(
            {
                "first": self.step_starts_,
                "last": np.append(self.step_starts_[1:] - 1, self.longest_),
                "at_risk": self.at_risk_,
                "churned": self.churned_,
                "hazard": self.churned_ / self.at_risk_,
                "baseline": expit(self.baseline_),
            }
        )

    def effect_table(self, *, period: int | None = None, level: float = 0.95) -> pd.DataFrame:
        """Effects of the columns, without what the trees add.

        Parameters
        ----------
        period : int >= 1, optional
            Period in which, if effects change; the mean of the watch by default (on the clock).
        level : float in (0, 1)
            Of the interval.

        Returns
        -------
        DataFrame
            A row for each number and each level of words: `column`, `level` ("" of a number),
            `effect` on the logit of the hazard, of one unit more or of a level against the
            average customer, `standard_error`, `odds_ratio` (its exponential: above 1 leaves
            sooner) with `lower` and `upper`. Shrunk towards no effect by `l2_penalty`.
        """
        check_is_fitted(self)
        if not 0 < level < 1:
            raise ValueError(f"level must be in (0, 1). Got {level!r} instead.")
        names, unit = effect_names(self.coding_), contrasts(self.coding_)
        if len(self.effects_) == 2:
            now = 0.0 if period is None else self.clock_[self._step_of(_period(period, "period", 1))]
            unit = np.hstack([unit, now * unit])
        effect = unit @ self.effects_.ravel()
        error = np.sqrt(np.einsum("ij,jk,ik->i", unit, self.covariance_, unit))
        z = ndtri(0.5 + level / 2)
        return pd.DataFrame(
            {
                "column": [name for name, _, _ in names],
                "level": [word for _, word, _ in names],
                "effect": effect,
                "standard_error": error,
                "odds_ratio": np.exp(effect),
                "lower": np.exp(effect - z * error),
                "upper": np.exp(effect + z * error),
            }
        )

    def predict(self, X: Any, *, horizon: int = 1, elapsed: Any = None) -> np.ndarray:
        """P(leaves within the next `horizon` periods) of customers who are still here.

        Parameters
        ----------
        X : DataFrame or array of shape (n_customers, n_columns)
            Other columns may stand beside those of the fit. A level that was not there to learn
            from counts as the average customer; so does a number that is missing.
        horizon : int >= 1
        elapsed : int or array of shape (n_customers,), optional
            Periods they have been here (whole, >= 0); 0 by default, those who start.

        Returns
        -------
        ndarray of shape (n_customers,)
        """
        table, horizon = self._table(X), _period(horizon, "horizon", 1)
        since = _elapsed(elapsed, len(table))
        found = np.empty(len(table))
        for rows in _chunks(len(table), self.step_starts_.size):
            overlap = self._overlap(since[rows] + horizon) - self._overlap(since[rows])
            gone = (self._rates(table.iloc[rows], overlap > 0) * overlap).sum(axis=1)
            found[rows] = -np.expm1(-gone)
        return found

    def predict_survival(self, X: Any, periods: Any = None) -> pd.DataFrame:
        """P(still here after each period) from the start, shape (n_customers, n_periods).

        Parameters
        ----------
        X : as for `predict`
        periods : int or array of int >= 0, optional
            Those from 0 to so many, or these; by default from 0 to the longest watched.

        Returns
        -------
        DataFrame with the index of `X` and the periods as columns. It holds n_customers ×
        n_periods numbers: for many customers ask `survival_by`, or some at a time.
        """
        table, periods = self._table(X), self._periods(periods)
        found = np.empty((len(table), periods.size))
        for rows, left in self._survival(table, periods):
            found[rows] = left
        return pd.DataFrame(found, index=table.index, columns=pd.Index(periods, name="period"))

    def survival_by(self, X: Any, segment: Any, *, periods: Any = None) -> pd.DataFrame:
        """Survival curves by segment: the mean over the customers of each.

        Parameters
        ----------
        X, periods : as for `predict_survival`
        segment : name of a column of `X`, or array of shape (n_customers,)

        Returns
        -------
        DataFrame, sorted: `segment` (a missing one is one of its own), `period`, `survival`.
        """
        table, periods = self._table(X), self._periods(periods)
        if isinstance(segment, str):
            require_columns(table, [segment], caller="HazardModel.survival_by")
            segment = table[segment]
        if np.shape(segment) != (len(table),):
            raise ValueError(
                f"segment must name a column, or be as long as X, {len(table):,}. Got {np.shape(segment)} instead."
            )
        place, names = pd.factorize(np.asarray(segment), sort=True, use_na_sentinel=False)
        total = np.zeros((len(names), periods.size))
        for rows, left in self._survival(table, periods):
            np.add.at(total, place[rows], left)
        mean = total / np.bincount(place, minlength=len(names))[:, None]
        return pd.DataFrame(
            {
                "segment": np.repeat(names, periods.size),
                "period": np.tile(periods, len(names)),
                "survival": mean.ravel(),
            }
        )

    def predict_median(self, X: Any, *, elapsed: Any = None) -> np.ndarray:
        """Periods from now until a customer is as likely gone as here, shape (n_customers,).

        NaN where that lies beyond the longest period that was watched. `elapsed` as for `predict`.
        """
        table = self._table(X)
        since = _elapsed(elapsed, len(table))
        ahead = np.arange(self.longest_ + 1)
        found = np.full(len(table), np.nan)
        for rows in _chunks(len(table), max(self.longest_, self.step_starts_.size)):
            gone = self._rates(table.iloc[rows]) @ self._overlap(ahead).T
            at = np.minimum(since[rows], self.longest_)
            now = np.take_along_axis(gone, at[:, None], axis=1)
            # A product of fractions may miss a half by its last digit.
            reached = (gone - now >= np.log(2) - 1e-12) & (since[rows] < self.longest_)[:, None]
            found[rows] = np.where(reached.any(axis=1), reached.argmax(axis=1) - since[rows], np.nan)
        return found

    def expected_remaining(self, X: Any, *, horizon: int, elapsed: Any = None) -> np.ndarray:
        """Expected periods that customers stay of the next `horizon`, the one they leave in among them.

        The restricted mean: between 1 and `horizon`, shape (n_customers,). `elapsed` as for
        `predict`.
        """
        table, horizon = self._table(X), _period(horizon, "horizon", 1)
        since = _elapsed(elapsed, len(table))
        found = np.empty(len(table))
        for rows in _chunks(len(table), 2 * self.step_starts_.size):
            start = self._overlap(since[rows])
            end = self._overlap(since[rows] + horizon)
            rates = self._rates(table.iloc[rows], end > start)
            total = np.zeros(len(start))
            for ahead in range(horizon):
                passed = self._overlap(since[rows] + ahead) - start
                total += np.exp(-(rates * passed).sum(axis=1))
            found[rows] = total
        return found

    def _survival(self, table: pd.DataFrame, periods: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        overlap = self._overlap(periods)
        needed = (overlap > 0).any(axis=0)
        for rows in _chunks(len(table), max(periods.size, self.step_starts_.size)):
            part = table.iloc[rows]
            rates = self._rates(part, np.broadcast_to(needed, (len(part), needed.size)))
            yield rows, np.exp(-rates @ overlap.T)

    def _overlap(self, periods: np.ndarray) -> np.ndarray:
        """How many of periods 1 to each of `periods` lie in each step; the last step has no end."""
        length = np.append(np.diff(self.step_starts_), np.inf)
        return np.clip(periods[:, None] - self.step_starts_ + 1, 0, length).astype(float)

    def _rates(self, table: pd.DataFrame, needed: np.ndarray | None = None) -> np.ndarray:
        """Minus the logarithm of the chance to stay for a period of each step; 0 where it is not needed."""
        design = design_of(table, self.coding_, caller="HazardModel")
        logit = self.baseline_ + (design @ self.effects_[0])[:, None]
        if len(self.effects_) == 2:
            logit += np.outer(design @ self.effects_[1], self.clock_)
        if self.trees_:
            row, step = np.nonzero(np.ones(logit.shape, dtype=bool) if needed is None else needed)
            if row.size:
                logit[row, step] += added_by_trees(self.trees_, self.step_starts_[step], design[row])
        rates = np.logaddexp(0.0, logit)
        return rates if needed is None else np.where(needed, rates, 0.0)

    def _step_of(self, period: int) -> int:
        return int(np.searchsorted(self.step_starts_, period, side="right") - 1)

    def _periods(self, periods: Any) -> np.ndarray:
        if periods is None:
            return np.arange(self.longest_ + 1)
        if np.ndim(periods) == 0:
            return np.arange(_period(periods, "periods", 0) + 1)
        return np.array([_period(period, "periods", 0) for period in periods], dtype=np.int64)

    def _table(self, X: Any) -> pd.DataFrame:
        check_is_fitted(self)
        table = as_table(X).rename(columns=str)
        if len(table) == 0:
            raise ValueError("HazardModel: X has no row, and a minimum of 1 is required.")
        return table

    def _judge_parameters(self) -> None:
        rules = [
            ("min_churned", self.min_churned >= 1, ">= 1"),
            ("l2_penalty", 0 <= self.l2_penalty < np.inf, ">= 0"),
            ("max_rounds", self.max_rounds >= 0 and self.max_rounds % 1 == 0, "whole and >= 0"),
            ("changing_effects", self.changing_effects in (None, True, False), "True, False or None"),
        ]
        for name, ok, rule in rules:
            if not ok:
                raise ValueError(f"{name} must be {rule}. Got {getattr(self, name)!r} instead.")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        tags.target_tags.required = True
        return tags


def _elapsed(elapsed: Any, n: int) -> np.ndarray:
    found = np.asarray(0 if elapsed is None else elapsed, dtype=float)
    if found.shape not in ((), (n,)):
        raise ValueError(f"elapsed must be a number, or one a customer, {n:,}. Got {found.shape} instead.")
    ok = (found >= 0) & (np.floor(found) == found) & (found <= MOST_PERIODS)
    if not ok.all():
        raise ValueError(
            f"elapsed must be whole periods from 0 to {MOST_PERIODS:,}, but {(~ok).sum():,} of {ok.size:,} are not."
        )
    return np.broadcast_to(found, (n,)).astype(np.int64)


def _period(value: Any, name: str, least: int) -> int:
    if not (least <= value <= MOST_PERIODS and value == int(value)):
        raise ValueError(
            f"{name} must be whole and from {least} to {MOST_PERIODS:,}: it counts periods. Got {value!r} instead."
        )
    return int(value)


def _chunks(n: int, width: int) -> Iterator[slice]:
    size = max(1, _CELLS // max(width, 1))
    for begin in range(0, n, size):
        yield slice(begin, min(begin + size, n))
