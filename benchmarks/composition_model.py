"""Household composition on Complete Journey's labelled households: write the shipped model, judge it.

    python -m benchmarks.composition_model [--write] [--repeats 3]

Without --write only the tables are printed: AUC, Brier and calibration by repeated 5-fold
cross-validation of the whole fit (choice of strength and line within each training part).
"""

import argparse
import time
from importlib.resources import files

import numpy as np
import pandas as pd
from scipy.special import logit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from crm_analytics.datasets import load_complete_journey
from crm_analytics.metrics import brier_score, calibration_error
from crm_analytics.profiling.composition import (
    HouseholdComposition,
    composition_features,
    composition_labels,
    load_composition,
    write_composition,
)

BARS = {
    "children": 0.666,
    "over_65": 0.872,
    "under_35": 0.718,
    "single": 0.629,
    "three_or_more": 0.709,
    "owner": 0.672,
}


def learn_shipped():
    """Features of all households, labels of 801, and the model as it is shipped."""
    journey = load_complete_journey()
    X = composition_features(journey.log.to_frame())
    labels = composition_labels(journey.demographics)
    return X, labels, HouseholdComposition().fit(X, labels)


def held_out(X, y, seed):
    """Out-of-fold probabilities of one trait, and the mean AUC of the folds."""
    found = np.zeros(len(y))
    scores = []
    for train, test in StratifiedKFold(5, shuffle=True, random_state=seed).split(X, y):
        model = HouseholdComposition().fit(X.iloc[train], y.iloc[train].to_frame())
        found[test] = model.predict_proba(X.iloc[test]).iloc[:, 0]
        scores.append(roc_auc_score(y.iloc[test], found[test]))
    return found, float(np.mean(scores))


def judge(X, labels, repeats):
    rows = []
    for trait, bar in BARS.items():
        y = labels[trait].dropna()
        table = X.loc[y.index]
        runs = [held_out(table, y, seed) for seed in range(repeats)]
        slopes = [LogisticRegression(C=1e6).fit(logit(p)[:, None], y).coef_[0, 0] for p, _ in runs]
        base = y.mean()
        rows.append(
            {
                "trait": trait,
                "n": len(y),
                "base rate": base,
                "AUC": np.mean([auc for _, auc in runs]),
                "bar": bar,
                "pooled AUC": np.mean([roc_auc_score(y, p) for p, _ in runs]),
                "slope": np.mean(slopes),
                "ECE": np.mean([calibration_error(y, p, n_bins=10) for p, _ in runs]),
                "Brier": np.mean([brier_score(y, p) for p, _ in runs]),
                "Brier of base rate": base * (1 - base),
            }
        )
    return pd.DataFrame(rows).set_index("trait")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the model that the package ships")
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args()
    began = time.perf_counter()
    X, labels, model = learn_shipped()
    print(
        f"{len(X):,} households, {X.shape[1]} features, {time.perf_counter() - began:.1f} s with reading and fitting"
    )
    path = files("crm_analytics.profiling.composition") / "composition_model.json"
    if chosen.write:
        write_composition(model, str(path))
        print(f"{path.stat().st_size / 1024:.0f} kB written to {path.name}")
    apart = (load_composition().predict_proba(X) - model.predict_proba(X)).abs().to_numpy().max()
    print(f"shipped model and this fit are at most {apart:.1e} apart")
    print(judge(X, labels, chosen.repeats).round(3).to_string())
    clues = model.clues()
    for tag, trait in [("baby", "children"), ("nappies", "children"), ("school_lunch", "children"),
                       ("incontinence", "over_65"), ("toy", "children"), ("contraception", "under_35")]:  # fmt: skip
        row = clues[(clues["tag"] == tag) & (clues["trait"] == trait)]
        print(row.round(2).to_string(index=False, header=False))


if __name__ == "__main__":
    main()
