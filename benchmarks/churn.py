"""Churn: snapshots against pandas, scoring of a million, accuracy on four kinds of data, leakage, EMPC.

    python -m benchmarks.churn [--only features|scoring|contract|silent|profit] [--repeats 3]

Features and scoring run in a process each (churn_contender.py): time after the imports, memory the peak of
the process. Telco, MLC and Online Retail need CRM_ANALYTICS_DATA.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import lightgbm as lgb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.special import expit
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import RepeatedStratifiedKFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from crm_analytics.churn import ChurnClassifier
from crm_analytics.clv import purchase_outlook
from crm_analytics.clv.beta_geo import BetaGeoModel
from crm_analytics.datasets import (
    load_cdnow,
    load_complete_journey,
    load_mlc_churn,
    load_online_retail,
    load_telco_churn,
)
from crm_analytics.features import PurgedRollingOrigin, SnapshotBuilder
from crm_analytics.metrics import brier_score, calibration_error, empc, lift_at

GROUP = 1_000_000
FASTER_THAN_PANDAS, PEAK_MB, SCORING_SECONDS, EMPC_SECONDS = 2.5, 1536, 120, 0.1
TELCO_AUC, MLC_AUC = 0.847, 0.926


# Features and scoring


def write_log(path, n_lines, n_customers, random_state):
    """A year of lines in order of time, 20,000 items of 200 categories, 100 stores, a fifth discounted."""
    rng = np.random.default_rng(random_state)
    weight = np.cumsum(rng.gamma(0.5, 1.0, n_customers))
    ids = rng.permutation(n_customers) + 1
    popular = np.cumsum(np.arange(1, 20_001) ** -0.8)
    category = np.array([f"category {k:03d}" for k in range(200)])
    edges = np.linspace(0, 365 * 86_400_000_000, -(-n_lines // GROUP) + 1).astype("int64")
    writer = None
    for i, (begin, end) in enumerate(itertools.pairwise(edges)):
        n = min(GROUP, n_lines - i * GROUP)
        customer = ids[np.searchsorted(weight, rng.uniform(0, weight[-1], n))]
        item = np.searchsorted(popular, rng.uniform(0, popular[-1], n))
        amount = np.round(rng.gamma(2.0, 15.0, n) + 0.01, 2)
        after = np.sort(rng.integers(begin, end, n)).astype("timedelta64[us]")
        columns = {
            "customer_id": customer,
            "item_id": item,
            "category": category[item % 200],
            "store_id": np.where(rng.random(n) < 0.8, customer % 100, rng.integers(0, 100, n)),
            "occurred_at": np.datetime64("2023-01-01", "us") + after,
            "amount": amount,
            "discount": np.where(rng.random(n) < 0.2, np.round(0.1 * amount, 2), 0.0),
        }
        table = pa.table(columns)
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table, row_group_size=GROUP)
    writer.close()


def measure(name, path, *options):
    """What a contender says of its run in a fresh process."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.churn_contender", name, str(path), *options]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def features(folder, repeats):
    """SnapshotBuilder against pandas, the same 26 features of four origins."""
    small, path = folder / "small.parquet", folder / "log.parquet"
    write_log(small, 300_000, 20_000, random_state=2)
    for name in ("ours", "pandas"):
        measure(name, small)
    found, right = (pd.read_pickle(folder / f"{name}.pkl") for name in ("ours", "pandas"))
    # Standard deviations are reckoned from sums of squares.
    pd.testing.assert_frame_equal(found, right, rtol=1e-9, atol=1e-6, check_dtype=False)
    print(f"Equal answers: {len(found):,} rows of 300,000 lines.")
    write_log(path, 10_000_000, 750_000, random_state=1)
    runs = {"ours": [], "pandas": []}
    for _ in range(repeats):
        for name, of_name in runs.items():
            of_name.append(measure(name, path) | {"load": os.getloadavg()[0]})
    print(f"10,000,000 lines, 4 origins, {runs['ours'][0]['rows']:,} rows; medians of {repeats}")
    middle = {}
    for name, of_name in runs.items():
        middle[name] = {key: median(run[key] for run in of_name) for key in of_name[0]}
        print(
            "{:12}{seconds:8.1f} s{cpu:8.1f} CPU s{peak_mb:8,.0f} MB   load {load:.1f}".format(
                name, **middle[name]
            )
        )
    times, cpu = (middle["pandas"][key] / middle["ours"][key] for key in ("seconds", "cpu"))
    print(
        f"{times:.1f} times as fast as pandas (target {FASTER_THAN_PANDAS}), {cpu:.1f} in CPU time;"
        f" peak {middle['ours']['peak_mb']:,.0f} MB (target {PEAK_MB:,})"
    )


def scoring(folder, repeats):
    """From the log to probabilities of a million customers, and reasons of a tenth of them."""
    path = folder / "scoring.parquet"
    write_log(path, 10_000_000, 1_700_000, random_state=3)
    told = measure("scoring", path)
    for name, seconds in told["parts"].items():
        print(f"{name:28}{seconds:8.1f} s")
    asked = sum(told["parts"][name] for name in ("features", "probabilities", "reasons"))
    print(f"fitted on {told['fit_rows']:,} rows ({told['says']})")
    print(f"{told['rows']:,} customers scored, {told['reasons']:,} reasons: {asked:.0f} s (target {SCORING_SECONDS}),"
          f" {told['seconds']:.0f} s with the fit, peak {told['peak_mb']:,.0f} MB")  # fmt: skip


# Accuracy


def words_of(X):
    return [name for name in X if isinstance(X[name].dtype, pd.CategoricalDtype)]


def logistic(X):
    """Scaled numbers and one-hot words."""
    words = words_of(X)
    number = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    each = make_column_transformer(
        (number, [name for name in X if name not in words]), (OneHotEncoder(handle_unknown="ignore"), words)
    )
    return make_pipeline(each, LogisticRegression(max_iter=1_000))


def forest(X):
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    each = make_column_transformer((ordinal, words_of(X)), remainder="passthrough")
    return make_pipeline(each, RandomForestClassifier(300, min_samples_leaf=3, n_jobs=1, random_state=0))


QUIET = {"verbosity": -1, "n_jobs": 1, "random_state": 0}
SMALL = {"n_estimators": 300, "num_leaves": 7, "learning_rate": 0.03, "reg_lambda": 5.0}
PEERS = {
    "LR": logistic,
    "RF": forest,
    "HGB": lambda X: HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=0),
    "LightGBM": lambda X: lgb.LGBMClassifier(**QUIET),
    "small trees": lambda X: lgb.LGBMClassifier(**QUIET, **SMALL),
}


def leaves(model, X):
    return model.predict_proba(X)[:, 1]


def before_calibration(model, X):
    """Probabilities of the blend as it is before the last calibration."""
    return expit(model._log_odds(*model._values(X)))


def judged(y, p):
    return {
        "AUC": roc_auc_score(y, p),
        "Brier": brier_score(y, p),
        "calibration error": calibration_error(y, p),
    }


def as_read(table, target, leaver, without=()):
    y = (table.pop(target) == leaver).to_numpy().astype(int)
    X = table.drop(columns=list(without))
    return X.assign(**{n: X[n].astype("category") for n in X if not pd.api.types.is_numeric_dtype(X[n])}), y


def contract(folder, repeats):
    """Repeated stratified folds of Telco and MLC."""
    sets = {
        "telco": (*as_read(load_telco_churn(), "Churn", "Yes", ["customerID"]), TELCO_AUC),
        "mlc": (*as_read(load_mlc_churn(), "churn", "yes"), MLC_AUC),
    }
    for name, (X, y, target) in sets.items():
        rows = []
        for train, test in RepeatedStratifiedKFold(n_splits=5, n_repeats=repeats, random_state=1).split(X, y):
            said = {
                peer: leaves(make(X).fit(X.iloc[train], y[train]), X.iloc[test])
                for peer, make in PEERS.items()
            }
            ours = ChurnClassifier(n_jobs=1).fit(X.iloc[train], y[train])
            said["blend, raw"] = before_calibration(ours, X.iloc[test])
            said["ChurnClassifier"] = leaves(ours, X.iloc[test])
            for peer, p in said.items():
                more = {"lift@10%": lift_at(y[test], p), "EMPC": empc(y[test], p).value}
                rows.append({"model": peer} | judged(y[test], p) | more)
        found = pd.DataFrame(rows).groupby("model", sort=False).mean()
        print(f"\n{name}, base rate {y.mean():.3f}, 5 folds x {repeats}\n{found.round(4).to_string()}")
        ours, raw = found.loc["ChurnClassifier"], found.loc["blend, raw"]
        worse = ours["calibration error"] - raw["calibration error"]
        print(
            f"AUC {ours['AUC']:.4f} (target {target}); calibration error {worse:+.4f} on the raw blend's (target +.005)"
        )


SILENT = {
    "CDNOW, 91 d": (load_cdnow, 91, 30),
    "Online Retail, 90 d": (load_online_retail, 90, 30),
    "Complete Journey, 28 d": (lambda: load_complete_journey().log, 28, 28),
}


def silent(folder, repeats):
    """Rolling purged origins of three shops."""
    pooled = []
    for name, (load, horizon, step) in SILENT.items():
        log, builder = load(), SnapshotBuilder(horizon=horizon)
        X, y = builder.build(log, builder.origins(log, step=step))
        first = purchase_outlook(log, X.index, horizon=horizon, purchases=BetaGeoModel())[
            "p_no_purchase"
        ].to_numpy()
        full = X.join(purchase_outlook(log, X.index, horizon=horizon))
        y01, rows = y.to_numpy().astype(int), []
        for train, test in PurgedRollingOrigin().split(X):
            said = {"P0": first[test]}
            for peer in ("LR", "LightGBM"):
                said[peer] = leaves(PEERS[peer](X).fit(X.iloc[train], y01[train]), X.iloc[test])
            said["mean"] = (said["P0"] + said["LR"] + said["LightGBM"]) / 3
            ours = ChurnClassifier(n_jobs=1).fit(full.iloc[train], y01[train])
            said["blend, raw"] = before_calibration(ours, full.iloc[test])
            said["ChurnClassifier"] = leaves(ours, full.iloc[test])
            auc = {peer: judged(y01[test], p) for peer, p in said.items()}
            rows += [{"model": k} | v | {"above P0": v["AUC"] > auc["P0"]["AUC"]} for k, v in auc.items()]
        rows = pd.DataFrame(rows)
        pooled.append(rows)
        found = rows.groupby("model", sort=False).mean()
        n = len(rows) // len(found)
        print(
            f"\n{name}, {n} origins judged, {y01.mean():.3f} silent\n{found.round(4).to_string()}", flush=True
        )
        if "Online" in name:
            leakage(X, y01)
    above = pd.concat(pooled).groupby("model", sort=False)["above P0"].agg(["mean", "size"]).round(3)
    print(f"\nshare of all origins with AUC above P0 (target .9)\n{above.to_string()}")


def leakage(X, y):
    """What LightGBM seems to be worth if the folds let it see what comes after."""
    origin = X.index.get_level_values("origin")
    judge = {"honest, purged": list(PurgedRollingOrigin().split(X))}
    tested = [(origin < origin[test[0]], test) for _, test in judge["honest, purged"]]
    judge["earlier origins, no purge"] = [(np.flatnonzero(train), test) for train, test in tested]
    judge["random folds over pooled snapshots"] = list(
        StratifiedKFold(5, shuffle=True, random_state=0).split(X, y)
    )
    for name, folds in judge.items():
        auc = [
            roc_auc_score(y[b], leaves(PEERS["LightGBM"](X).fit(X.iloc[a], y[a]), X.iloc[b]))
            for a, b in folds
        ]
        print(f"  leakage, LightGBM: {name:36} AUC {np.mean(auc):.3f}")


# Profit


def profit(folder, repeats):
    """EMPC: published-formula values, and a million rows."""
    y, s = np.tile([0, 1], 4), np.arange(1, 9) / 10
    base = np.arange(1000) < 152
    for name, found, right in [
        ("value", empc(y, s).value, 23.875593418348124),
        ("fraction", empc(y, s).fraction, 0.8743700763487141),
        ("constant", empc(base, np.zeros(1000)).value, 0.8187546259610323),
        ("inverted", empc(base, -base.astype(float)).value, 0.8187546259610323),
        ("fraction of a constant", empc(base, np.zeros(1000)).fraction, 0.36952945944918),
        ("perfect", empc(base, base).value, 8.512),
    ]:
        print(f"{name:24}{found:20.15f}  off by {abs(found - right):.1e}")
    rng = np.random.default_rng(0)
    score = rng.random(1_000_000)
    left = rng.random(1_000_000) < 0.3 * score
    seconds = []
    for _ in range(max(repeats, 3)):
        began = time.process_time()
        empc(left, score)
        seconds.append(time.process_time() - began)
    print(f"EMPC of 1,000,000 rows: {min(seconds):.3f} CPU s (target {EMPC_SECONDS})")


PARTS = {"features": features, "scoring": scoring, "contract": contract, "silent": silent, "profit": profit}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="crm_analytics_benchmark_") as folder:
        for name, part in PARTS.items():
            if args.only in (None, name):
                print(f"\n# {name}  (load {os.getloadavg()[0]:.1f})", flush=True)
                part(Path(folder), args.repeats)


if __name__ == "__main__":
    main()
