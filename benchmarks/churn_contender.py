"""One contender of the churn benchmark in a process of its own: snapshot features, or scoring.

Prints its measures as JSON; of a small log also leaves its answer beside it.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.summary_contender import memory_mb

ORIGINS = pd.date_range("2023-09-11", periods=4, freq="28D")
WINDOWS = (28, 91, 182)


def ours(path, memory_limit=None):
    from crm_analytics.features import SnapshotBuilder
    from crm_analytics.transactions import read_log

    return SnapshotBuilder().features(read_log(path, memory_limit=memory_limit), list(ORIGINS))


def by_pandas(path):
    lines = pd.read_parquet(path)
    return pd.concat([snapshot(lines, origin, *WINDOWS) for origin in ORIGINS])


def snapshot(lines, origin, short, middle, long):
    """The features of one origin: one filter, then grouped columns."""
    at = lines["occurred_at"]
    seen = lines[(at < origin) & (at >= origin - pd.Timedelta(days=long))]
    seen = seen.assign(
        ago=(origin - seen["occurred_at"].dt.floor("D")).dt.days - 1, promoted=seen["discount"] != 0
    )
    visits = (
        seen.groupby(["customer_id", "ago"])
        .agg(amount=("amount", "sum"), n_lines=("amount", "size"), promoted=("promoted", "sum"))
        .reset_index()
        .sort_values(["customer_id", "ago"], ascending=[True, False], ignore_index=True)
    )
    customer, ago, amount = visits["customer_id"], visits["ago"], visits["amount"]
    gap = (ago.shift() - ago).where(customer == customer.shift())
    late, before = ago < middle, (ago >= middle) & (ago < 2 * middle)
    visits = visits.assign(
        gap=gap,
        squares=gap**2,
        n_short=ago < short,
        n_middle=late,
        n_before=before,
        spent_short=amount.where(ago < short, 0.0),
        spent_middle=amount.where(late, 0.0),
        spent_before=amount.where(before, 0.0),
    )
    by = visits.groupby("customer_id")
    reach = by["ago"].agg(["min", "max", "size"])
    added = ["amount", "n_lines", "promoted", "n_short", "n_middle", "n_before"]
    total = by[[*added, "spent_short", "spent_middle", "spent_before"]].sum()
    gaps = by["gap"].agg(["mean", "max", "count"])
    variance = by["squares"].mean() - gaps["mean"] ** 2
    last = visits[customer != customer.shift(-1)].set_index("customer_id")
    purchases, spent = reach["size"], total["amount"]
    n_both = total["n_middle"] + total["n_before"]
    spent_both = total["spent_middle"] + total["spent_before"]
    by_day = seen.drop_duplicates(["customer_id", "item_id", "ago"])
    days_before = by_day[by_day["ago"] >= middle].groupby(["customer_id", "item_id"]).size()
    usual = days_before.index[days_before >= 2]
    lately = by_day.loc[by_day["ago"] < middle, ["customer_id", "item_id"]].drop_duplicates()
    kept = pd.Series(usual.isin(pd.MultiIndex.from_frame(lately)), index=usual.get_level_values(0))

    def breadth(table, thing):
        pairs = table.drop_duplicates(["customer_id", thing])
        return pairs.groupby("customer_id").size().reindex(reach.index, fill_value=0)

    found = {
        "since_last": reach["min"],
        "since_first": reach["max"],
        "purchases_short": total["n_short"],
        "purchases_middle": total["n_middle"],
        "purchases_long": purchases,
        "amount_short": total["spent_short"],
        "amount_middle": total["spent_middle"],
        "amount_long": spent,
        "amount_mean": spent / purchases,
        "amount_largest": by["amount"].max(),
        "amount_last": last["amount"],
        "gap_mean": gaps["mean"],
        "gap_spread": np.sqrt(variance.clip(lower=0)).where(gaps["count"] > 1),
        "gap_longest": gaps["max"],
        "gap_last_ratio": last["gap"] / gaps["mean"],
        "since_last_ratio": reach["min"] / gaps["mean"],
        "trend": (total["n_middle"] - total["n_before"]) / n_both.where(n_both > 0),
        "amount_trend": (total["spent_middle"] - total["spent_before"]) / spent_both.where(spent_both > 0),
        "lines_mean": total["n_lines"] / purchases,
        "promotion_share": total["promoted"] / total["n_lines"],
        "return_share": pd.Series(0.0, index=reach.index),  # the log has none
        "items": breadth(by_day, "item_id"),
        "categories": breadth(seen, "category"),
        "categories_middle": breadth(seen[seen["ago"] < middle], "category"),
        "stores": breadth(seen, "store_id"),
        "basket_stability": kept.groupby(level=0).mean().reindex(reach.index),
    }
    rows = pd.MultiIndex.from_product([reach.index, [origin]], names=["customer_id", "origin"])
    return pd.DataFrame(found).astype(float).set_axis(rows)


def scoring(path, memory_limit=None):
    """Seconds of each part: features of the last two origins, fit on 100,000 rows, scores, reasons."""
    from crm_analytics.churn import ChurnClassifier
    from crm_analytics.features import SnapshotBuilder
    from crm_analytics.transactions import read_log

    builder, said = SnapshotBuilder(), {}
    log = read_log(path, memory_limit=memory_limit)
    began = time.perf_counter()

    def lap(name):
        nonlocal began
        said[name] = time.perf_counter() - began
        began = time.perf_counter()

    X, y = builder.build(log, [ORIGINS[-3], ORIGINS[-2]])
    chosen = np.sort(np.random.default_rng(0).permutation(len(X))[:100_000])
    X, y = X.iloc[chosen], y.iloc[chosen]
    lap("snapshots to learn from")
    model = ChurnClassifier(n_jobs=2).fit(X, y)
    lap("fit")
    now = builder.features(log, ORIGINS[-1])
    lap("features")
    p = model.predict_proba(now)[:, 1]
    lap("probabilities")
    top = np.argsort(-p, kind="stable")[: len(p) // 10]
    reasons = model.reasons(now.iloc[top])
    lap("reasons")
    return now, {
        "parts": said,
        "fit_rows": len(X),
        "reasons": len(reasons),
        "says": model.fit_report_["message"],
    }


if __name__ == "__main__":
    name, path, *options = sys.argv[1:]
    if name != "pandas":
        import crm_analytics.churn
        import crm_analytics.features  # noqa: F401
    wall, cpu = time.perf_counter(), time.process_time()
    told = {}
    if name == "scoring":
        table, told = scoring(path, *options)
    else:
        table = {"ours": ours, "pandas": by_pandas}[name](path, *options)
    told |= {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "rows": len(table)}
    told |= {"peak_mb": memory_mb("VmHWM")}
    if len(table) < 200_000 and name != "scoring":
        table.reset_index().drop(columns="label_end", errors="ignore").to_pickle(
            Path(path).with_name(f"{name}.pkl")
        )
    print(json.dumps(told))
