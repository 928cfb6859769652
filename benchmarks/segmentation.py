"""Segmentation: what recipes say of the next quarter and how they stay, and speed against kmodes.

    python -m benchmarks.segmentation [--only quality|frontier|rfm|prototypes|costs|behaviour] [--repeats 3]

Quality: Complete Journey, Online Retail (needs CRM_ANALYTICS_DATA) and CDNOW. Speed: each contender in a
process of its own (segmentation_contender.py), compilation apart.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PowerTransformer, StandardScaler

from benchmarks.segmentation_contender import GAMMA, mixed_table
from crm_analytics.datasets import load_cdnow, load_complete_journey, load_online_retail
from crm_analytics.features import SnapshotBuilder, rfm_table
from crm_analytics.segmentation import (
    BehaviouralSegmenter,
    KPrototypes,
    RFMSegmenter,
    ValueSegmenter,
    ValueTreeSegmenter,
    stability_report,
)
from crm_analytics.segmentation.customer_segmenter import rfm_of

LOGS = {
    "Complete Journey": (lambda: load_complete_journey().log, "2017-10-02"),
    "Online Retail": (load_online_retail, "2011-09-09"),
    "CDNOW": (load_cdnow, "1998-04-01"),
}
AHEAD = pd.Timedelta(days=91)
R2, ARI, SMALLEST = 0.60, 0.85, 0.03
FASTER_THAN_KMODES, LARGE_CPU, BEHAVIOUR_CPU = 100, 15, 10
RFM = ["since_last", "purchases_long", "amount_long"]


# Quality


class Clusters(BaseEstimator):
    """K-means on windowed recency, frequency and money, made normal by a power."""

    def __init__(self, k):
        self.k = k

    def fit(self, X, y=None):
        self.steps_ = make_pipeline(PowerTransformer(), KMeans(self.k, n_init=10, random_state=0)).fit(X[RFM])
        return self

    def predict(self, X):
        return pd.Series(self.steps_.predict(X[RFM]), index=X.index)


class Quantiles(BaseEstimator):
    """Equal shares of spend in the long window."""

    def __init__(self, k):
        self.k = k

    def fit(self, X, y=None):
        self.cuts_ = np.quantile(X["amount_long"], np.arange(1, self.k) / self.k)
        return self

    def predict(self, X):
        return pd.Series(np.searchsorted(self.cuts_, X["amount_long"], side="right"), index=X.index)


class Named(RFMSegmenter):
    """RFMSegmenter on the long window of snapshots."""

    def fit(self, X, y=None):
        return super().fit(rfm_of(X))

    def predict(self, X):
        return super().predict(rfm_of(X))


def snapshots(log, now):
    """Customers two quarters ago, one ago and now, and what they spent in the quarter after each."""
    dates = [pd.Timestamp(now) - 2 * AHEAD, pd.Timestamp(now) - AHEAD, pd.Timestamp(now)]
    rows = SnapshotBuilder(horizon=AHEAD.days).features(log, dates).droplevel("label_end")
    found = []
    for date in dates:
        X = rows.xs(date, level="origin")
        lines = log.purchases(date + AHEAD)
        spent = lines[lines["occurred_at"] >= date].groupby("customer_id")["amount"].sum()
        found.append((X, spent.reindex(X.index, fill_value=0.0)))
    return found


def judged(segmenter, rows, supervised=False):
    (first, spent_first), (then, spent_then), (now, spent_now) = rows
    fits = (
        {"fit_on": (then, spent_then), "earlier": (first, spent_first)} if supervised else {"earlier": then}
    )
    return stability_report(segmenter, now, spent_now, **fits, n_bootstrap=30, random_state=0).summary.iloc[0]


def side_by_side(found, columns):
    return pd.DataFrame(found).T[columns].astype(float).round(3).to_string()


def quality(repeats):
    """Our recipes beside k-means, quintiles and a tree."""
    recipes = {
        "ValueSegmenter": (ValueSegmenter(), False),
        "ValueTreeSegmenter": (ValueTreeSegmenter(), True),
        "RFMSegmenter": (Named(), False),
        "BehaviouralSegmenter": (BehaviouralSegmenter(), False),
        "BehaviouralSegmenter, 5": (BehaviouralSegmenter(5), False),
        "quintiles of 26 weeks": (Quantiles(5), False),
        "octiles of 26 weeks": (Quantiles(8), False),
        "k-means RFM, 5": (Clusters(5), False),
        "k-means RFM, 8": (Clusters(8), False),
    }
    for name, (load, now) in LOGS.items():
        rows = snapshots(load(), now)
        found = {
            recipe: judged(segmenter, rows, supervised) for recipe, (segmenter, supervised) in recipes.items()
        }
        columns = [
            "n_segments",
            "smallest_share",
            "r2",
            "r2_capped",
            "r2_log",
            "ari_mean",
            "ari_min",
            "refit_ari",
            "stay",
        ]
        print(f"\n{name}, {len(rows[-1][0]):,} customers\n{side_by_side(found, columns)}", flush=True)
        if name == "Complete Journey":
            ours = found["ValueSegmenter"]
            print(
                f"ValueSegmenter: R2 {ours['r2']:.3f} (target {R2}), bootstrap ARI {ours['ari_mean']:.3f} and refit "
                f"ARI {ours['refit_ari']:.3f} (target {ARI}), smallest {ours['smallest_share']:.3f} (target {SMALLEST})"
            )


def frontier(repeats):
    """What other shares of ValueSegmenter would bring: more tiers say more and hold less."""
    shares = {
        "4": (0.5, 0.3, 0.15, 0.05),
        "5, even": (0.2,) * 5,
        "5, default": (0.40, 0.30, 0.18, 0.08, 0.04),
        "6": (0.30, 0.25, 0.20, 0.13, 0.08, 0.04),
        "8": (0.30, 0.20, 0.15, 0.12, 0.09, 0.06, 0.05, 0.03),
    }
    for name, (load, now) in LOGS.items():
        rows = snapshots(load(), now)
        found = {tiers: judged(ValueSegmenter(shares=cut), rows) for tiers, cut in shares.items()}
        print(f"\n{name}\n{side_by_side(found, ['r2', 'r2_capped', 'r2_log', 'ari_mean', 'refit_ari'])}")


# Speed


def measure(*asked):
    """What a contender says of its run in a fresh process."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.segmentation_contender", *map(str, asked)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, asked))} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def best_of(runs):
    """Median of the times, and the rest as the first run told it."""
    return runs[0] | {key: median(run[key] for run in runs) for key in ("seconds", "cpu", "peak_mb")}


def prototypes(repeats):
    """K-prototypes of the same mixed table, 10 numbers and 5 words: cost and time against kmodes."""
    n = 10_000
    for starts in (1, 10):  # 10 is the default of both
        ours = best_of([measure("ours", n, starts) for _ in range(repeats)])
        peer = measure("kmodes", n, starts)
        if "missing" in peer:
            print("kmodes is not installed: pip install kmodes")
            return
        for name, run in (("ours", ours), ("kmodes", peer)):
            print(
                f"{name + f', starts: {starts}':20}{run['seconds']:9.3f} s{run['cpu']:9.3f} CPU s   cost "
                f"{run['cost']:,.1f}   {run['n_iter']} iterations"
            )
        print(
            f"{peer['cpu'] / ours['cpu']:,.0f} times as fast as kmodes in CPU time (target {FASTER_THAN_KMODES}), "
            f"{peer['seconds'] / ours['seconds']:,.0f} on the clock; cost {ours['cost'] / peer['cost']:.4f} of its "
            "(target 1)"
        )
    large = best_of([measure("ours", 1_000_000, 1) for _ in range(repeats)])
    print(
        f"1,000,000 customers x 15 columns: {large['cpu']:.1f} CPU s (target {LARGE_CPU}), {large['seconds']:.1f} s, "
        f"{large['n_iter']} iterations, peak {large['peak_mb']:,.0f} MB of which the table {large['table_mb']:,.0f}"
    )


def costs(repeats):
    """Cost of k-prototypes on six small tables against the best of three starts of kmodes, Huang's and Cao's."""
    try:
        from kmodes.kprototypes import KPrototypes as Peer
    except ModuleNotFoundError:
        print("kmodes is not installed: pip install kmodes")
        return
    for name, (table, k) in small_tables().items():
        ours = KPrototypes(k, gamma=GAMMA).fit(table).cost_
        words = [
            place for place, column in enumerate(table) if not pd.api.types.is_numeric_dtype(table[column])
        ]
        for init in ("Huang", "Cao"):
            peer = Peer(k, gamma=GAMMA, n_init=3, init=init, random_state=1).fit(
                table.to_numpy(), categorical=words
            )
            print(
                f"{name:32} {k} clusters, {init:6}{ours:12,.1f}{peer.cost_:12,.1f}   {ours / peer.cost_:.5f} of its"
            )


def small_tables():
    """Three mixed tables, one of noise, and households of Complete Journey with what is known of them."""
    found = {f"mixed, seed {seed}": (mixed_table(3_000, seed), 8) for seed in (1, 2, 3)}
    rng, table = np.random.default_rng(5), mixed_table(3_000, 9)
    noise = pd.DataFrame(rng.normal(size=(3_000, 10)), columns=table.columns[:10])
    found["noise"] = (
        noise.assign(**{name: rng.permutation(table[name].to_numpy()) for name in table.columns[10:]}),
        8,
    )
    shop = load_complete_journey()
    now = SnapshotBuilder().features(shop.log, "2017-10-02").droplevel(["origin", "label_end"])
    numbers = [*RFM, "amount_middle", "categories", "promotion_share"]
    people = shop.demographics.set_index("household_id").astype(str)
    known = now[numbers].join(people, how="inner").dropna()
    known[numbers] = StandardScaler().fit_transform(np.log1p(known[numbers]))
    return found | {f"households, {k}": (known, k) for k in (4, 8)}


def behaviour(repeats):
    """A million customers from features to segments: their number chosen, fitted, everyone assigned."""
    run = best_of([measure("behaviour", 1_000_000) for _ in range(repeats)])
    print(
        f"1,000,000 customers x 8 numbers: {run['cpu']:.1f} CPU s (target {BEHAVIOUR_CPU}), {run['seconds']:.1f} s; "
        f"{run['segments']} segments; {run['says']}"
    )


def rfm(repeats):
    """Customers whose score changes when the rows are shuffled: ours, and rank(method="first") before qcut."""
    for name, (load, now) in LOGS.items():
        table = rfm_table(load(), now)
        shuffled = table.sample(frac=1, random_state=0)
        ours = [RFMSegmenter().fit(rows).scores(rows)["rfm"].sort_index() for rows in (table, shuffled)]
        usual = [
            pd.qcut(rows["purchases"].rank(method="first"), 5, labels=False).sort_index()
            for rows in (table, shuffled)
        ]
        print(
            f"{name:18}{(ours[0] != ours[1]).mean():8.1%} of RFM scores change (target 0), "
            f"{(usual[0] != usual[1]).mean():.1%} of F scores of rank(method='first')"
        )


PARTS = {
    "quality": quality,
    "frontier": frontier,
    "rfm": rfm,
    "prototypes": prototypes,
    "costs": costs,
    "behaviour": behaviour,
}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    for name, part in PARTS.items():
        if args.only in (None, name):
            print(f"\n# {name}  (load {os.getloadavg()[0]:.1f})", flush=True)
            part(args.repeats)


if __name__ == "__main__":
    main()
