"""Who lives in a household: calibrated probabilities from what it buys, and when."""

import copy
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from crm_analytics.core.errors import SchemaError, choice
from crm_analytics.profiling.composition.clues import clue_table
from crm_analytics.profiling.composition.trait_fit import fit_trait

STRENGTHS = (0.0003, 0.001, 0.003, 0.01)
FEWEST = 20  # households with a trait, and without, from which it is learnt
_FAR = 4.0  # standard deviations, beyond which a value says no more
_FLAT = 1e12  # a spread so large that no difference says anything
_TAG_FEATURES = ("spend_", "often_")


class HouseholdComposition(BaseEstimator):
    """Probability of each trait of a household, from `composition_features`.

    A ridge logistic regression a trait, its strength chosen by inner cross-validation; its
    log-odds are then bent by a line (Platt) to what held-out households turned out to be, as a
    strong ridge is too timid. Features that are not known, NaN, draw towards the base rate.

    Parameters
    ----------
    strengths : sequence of float > 0
        Inverse weights of the penalty (C of scikit-learn) to choose from.
    n_folds : int >= 2, default=5
    random_state : int, default=0
        Of the folds.

    Attributes
    ----------
    traits_ : list of str
    features_ : list of str
        Columns that vary among the households learnt from; others are not looked at.
    coef_ : ndarray of shape (n_traits, n_features)
        Log-odds, before the line, of one standard deviation.
    strength_, slope_, shift_, base_rate_ : ndarray of shape (n_traits,)
        Chosen strength; slope and shift of the line; share with the trait.
    low_, high_ : ndarray of shape (n_features,)
        Range among the households learnt from.
    clues_ : dict of lists
        What single tags are worth: see `clues`.

    References
    ----------
    Platt (1999), Probabilistic outputs for support vector machines.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"spend_baby": rng.random(400), "day_monday": rng.random(400)})
    >>> labels = pd.DataFrame({"children": (rng.random(400) < X["spend_baby"]).astype(float)})
    >>> model = HouseholdComposition().fit(X, labels)
    >>> model.predict_proba(pd.DataFrame({"spend_baby": [0.1, 0.9], "day_monday": 0.5})).round(1)
       children
    0       0.1
    1       0.9
    """

    def __init__(
        self, *, strengths: Sequence[float] = STRENGTHS, n_folds: int = 5, random_state: int = 0
    ) -> None:
        self.strengths = strengths
        self.n_folds = n_folds
        self.random_state = random_state

    def fit(self, X: pd.DataFrame, labels: pd.DataFrame) -> "HouseholdComposition":
        """Learn the traits that `labels` tells.

        Parameters
        ----------
        X : DataFrame of shape (n_households, n_features), indexed by customer_id
        labels : DataFrame of shape (n_labelled, n_traits), indexed by customer_id
            1, 0, or NaN where not known. Households are paired by index; those in one table only
            are left out.

        Raises
        ------
        SchemaError
            If fewer than 20 households are known to have, or not to have, a trait.
        ValueError
            If a parameter is out of range.
        """
        strengths = np.array(list(self.strengths), dtype=float)
        if not strengths.size or not (strengths > 0).all():
            raise ValueError(f"strengths must be numbers > 0. Got {self.strengths!r} instead.")
        if not self.n_folds >= 2:
            raise ValueError(f"n_folds must be >= 2. Got {self.n_folds!r} instead.")
        _refuse_twice(X, "X")
        _refuse_twice(labels, "labels")
        both = X.index.intersection(
            labels.index
        ).sort_values()  # the folds do not depend on the order of rows
        table, said = X.loc[both], labels.loc[both]
        values = table.to_numpy(dtype=float)
        _judge_labels(said)
        values = np.where(np.isfinite(values), values, np.nan)
        varies = np.array(
            [np.unique(column[np.isfinite(column)]).size > 1 for column in values.T], dtype=bool
        )
        if not varies.any():
            raise SchemaError("HouseholdComposition.fit: no column of X varies. Pass composition_features.")
        values = values[:, varies]
        self.features_ = [str(name) for name in table.columns[varies]]
        self.traits_ = [str(name) for name in said.columns]
        self.mean_, self.scale_ = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
        self.low_, self.high_ = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
        Z = self._standardised(values)
        fits = []
        for trait in self.traits_:
            y = said[trait].to_numpy(dtype=float)
            known = np.isfinite(y)
            fits.append(fit_trait(Z[known], y[known], strengths, int(self.n_folds), self.random_state))
        coef, intercept, strength, slope, shift, base = zip(*fits, strict=True)
        self.coef_, self.intercept_, self.strength_ = np.array(coef), np.array(intercept), np.array(strength)
        self.slope_, self.shift_, self.base_rate_ = np.array(slope), np.array(shift), np.array(base)
        spends = [name for name in self.features_ if name.startswith("spend_")]
        bought = (table[spends] > 0).rename(columns=lambda name: name.removeprefix("spend_"))
        self.clues_ = clue_table(bought, said).to_dict("list")
        return self

    def predict_proba(self, X: pd.DataFrame) -> pd.DataFrame:
        """Probability of each trait, shape (n_households, n_traits), with the index of X.

        X has the columns of `features_`, in any order, with or without others; a column that is
        missing is not known. As far as features are not known, by the sizes of their
        coefficients, the base rate takes the place of what the model says.
        """
        values = self._values(X)
        log_odds = self._standardised(values) @ self.coef_.T + self.intercept_
        said = expit(self.slope_ * log_odds + self.shift_)
        known = 1 - self._share(np.isnan(values))
        return pd.DataFrame(
            self.base_rate_ + known * (said - self.base_rate_), index=X.index, columns=self.traits_
        )

    def adapted(self, population: pd.DataFrame) -> "HouseholdComposition":
        """Return a copy that reads households against those of another chain.

        What is usual differs from chain to chain and country to country; the copy takes mean and
        spread of each feature from `population`, the features of at least 50 of its households,
        and so says how a household differs from its neighbours. It assumes that traits are as
        frequent there as among the households learnt from. A feature that is not known there, or
        the same for all, moves nothing. `outside` goes on telling how far from the learnt ones
        they are.
        """
        values = self._values(population)
        if len(values) < 50:
            raise ValueError(f"population must have at least 50 households. Got {len(values)} instead.")
        known = np.isfinite(values).sum(axis=0)
        filled = np.where(np.isfinite(values), values, 0.0)
        mean = filled.sum(axis=0) / np.maximum(known, 1)
        spread = np.where(np.isfinite(values), values - mean, 0.0)
        scale = np.sqrt((spread**2).sum(axis=0) / np.maximum(known, 1))
        found = copy.copy(self)
        found.mean_ = mean
        found.scale_ = np.where(scale > 1e-12, scale, _FLAT)
        return found

    def outside(self, X: pd.DataFrame) -> pd.DataFrame:
        """How far each household is from those learnt from, in [0, 1], one column a trait.

        The share of a trait's weights (sizes of coefficients) whose feature is not known, or
        beyond the range of the labelled households. 0: all is as it was there. The larger it
        is, the weaker should a finding be worded.
        """
        values = self._values(X)
        beyond = ~((values >= self.low_ - 1e-9) & (values <= self.high_ + 1e-9))
        names = [f"outside_{trait}" for trait in self.traits_]
        return pd.DataFrame(self._share(beyond), index=X.index, columns=names)

    def reasons(self, X: pd.DataFrame, trait: str, *, n: int = 5) -> pd.DataFrame:
        """The `n` clues that move each household's probability of `trait` most.

        Returns
        -------
        DataFrame with rows by household in the order of X, then by falling size of effect:
        `customer_id`, `rank` (1 to n), `clue` (a tag, or the feature's name for rhythm and
        sizes), `is_tag`, `effect` (log-odds against an average household; > 0 speaks for it),
        `level` (how the household stands to the average, in standard deviations: a clue may
        speak for a trait because the household buys none of it).
        """
        if not n >= 1 or n != int(n):
            raise ValueError(f"n must be a whole number >= 1. Got {n!r} instead.")
        Z = self._standardised(self._values(X))
        choice(trait, name="trait", allowed=self.traits_)
        place = self.traits_.index(trait)
        effects = Z * self.coef_[place] * self.slope_[place]
        names = [_clue_of(name) for name in self.features_]
        codes, clues = pd.factorize(pd.Index(names))
        member = np.equal.outer(codes, np.arange(len(clues))).astype(float)
        summed, level = effects @ member, Z @ (member / member.sum(axis=0))
        kept = min(int(n), len(clues))
        order = np.argsort(-np.abs(summed), axis=1, kind="stable")[:, :kept]
        tags = {name[6:] for name in self.features_ if name.startswith(_TAG_FEATURES)}
        found = clues.to_numpy(dtype=object)[order].ravel()
        return pd.DataFrame(
            {
                "customer_id": np.repeat(X.index.to_numpy(), kept),
                "rank": np.tile(np.arange(1, kept + 1), len(X)),
                "clue": found,
                "is_tag": [clue in tags for clue in found],
                "effect": np.take_along_axis(summed, order, axis=1).ravel(),
                "level": np.take_along_axis(level, order, axis=1).ravel(),
            }
        )

    def clues(self, trait: str | None = None) -> pd.DataFrame:
        """What "has bought it at all" is worth alone, by falling precision.

        Returns
        -------
        DataFrame: `tag`, `trait`, `n`, `precision`, `low`, `high` (95 %), `base_rate`; see
        `clue_table`. A precision whose interval holds the base rate says nothing.
        """
        check_is_fitted(self, "coef_")
        table = pd.DataFrame(self.clues_)
        if trait is not None:
            choice(trait, name="trait", allowed=self.traits_)
            table = table[table["trait"] == trait]
        return table.sort_values(
            ["trait", "precision"], ascending=[True, False], kind="stable", ignore_index=True
        )

    def _values(self, X: pd.DataFrame) -> np.ndarray:
        check_is_fitted(self, "coef_")
        if not any(name in X.columns for name in self.features_):
            raise SchemaError(
                f"HouseholdComposition: X has none of the {len(self.features_)} columns it was fitted on "
                f"({self.features_[0]}, ...). Pass what composition_features gives."
            )
        values = X.reindex(columns=self.features_).to_numpy(dtype=float)
        return np.where(np.isfinite(values), values, np.nan)

    def _share(self, chosen: np.ndarray) -> np.ndarray:
        """Share of each trait's weights that lies on the chosen features, shape (n_households, n_traits)."""
        weight = np.abs(self.coef_)
        total = weight.sum(axis=1)
        return np.minimum(chosen.astype(float) @ weight.T / np.where(total > 0, total, 1.0), 1.0)

    def _standardised(self, values: np.ndarray) -> np.ndarray:
        """In standard deviations from the labelled households' mean; 0 where not known."""
        return np.nan_to_num(np.clip((values - self.mean_) / self.scale_, -_FAR, _FAR), nan=0.0)


def _clue_of(feature: str) -> str:
    return feature[6:] if feature.startswith(_TAG_FEATURES) else feature


def _refuse_twice(table: pd.DataFrame, name: str) -> None:
    if not table.index.is_unique:
        twice = table.index[table.index.duplicated()][0]
        raise SchemaError(f"HouseholdComposition.fit: {name} has {twice} twice. Keep one row a household.")


def _judge_labels(labels: pd.DataFrame) -> None:
    for trait in labels.columns:
        said = labels[trait].to_numpy(dtype=float)
        said = said[np.isfinite(said)]
        if not np.isin(said, [0.0, 1.0]).all():
            raise SchemaError(
                f"HouseholdComposition.fit: {trait} must be 1, 0 or not known (NaN). Mend the labels."
            )
        fewer = int(min(said.sum(), (1 - said).sum())) if said.size else 0
        if fewer < FEWEST:
            raise SchemaError(
                f"HouseholdComposition.fit: {trait} has {fewer} households of one kind among {said.size:,} in both "
                f"tables; at least {FEWEST} with it and {FEWEST} without are needed. Leave it out or label more."
            )
