"""One contender of the summary benchmark in a process of its own.

Prints its measures as JSON, and leaves its answer beside the log.
"""

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

if __name__ == "__main__" and sys.argv[1] == "lifetimes":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own import warns of packages long gone
        from lifetimes.utils import summary_data_from_transaction_data
if __name__ == "__main__" and sys.argv[1] == "ours":
    from crm_analytics.features import customer_summary
    from crm_analytics.transactions import read_log


def ours(path: str, memory_limit: str | None = None) -> pd.DataFrame:
    return customer_summary(read_log(path, memory_limit=memory_limit))


def by_pandas(path: str) -> pd.DataFrame:
    lines = pd.read_parquet(path)
    end = lines["occurred_at"].max().floor("D")
    day = lines["occurred_at"].dt.floor("D").rename("day")
    visits = lines["amount"].groupby([lines["customer_id"], day], sort=True).sum().reset_index()
    born = visits["customer_id"] != visits["customer_id"].shift()  # sorted: the first visit of each
    customers = visits.groupby("customer_id")["day"].agg(["min", "max", "size"])
    repeats = visits[~born].groupby("customer_id")["amount"].mean()
    return pd.DataFrame(
        {
            "frequency": customers["size"] - 1,
            "recency": (customers["max"] - customers["min"]).dt.days,
            "T": (end - customers["min"]).dt.days,
            "monetary_value": repeats.reindex(customers.index, fill_value=0.0),
        }
    )


def by_lifetimes(path: str) -> pd.DataFrame:
    lines = pd.read_parquet(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return summary_data_from_transaction_data(
            lines, "customer_id", "occurred_at", monetary_value_col="amount", freq="D"
        )


def answer(summary: pd.DataFrame) -> np.ndarray:
    """Customer, frequency, recency, T and monetary value as one array, in order of customers."""
    columns = ["frequency", "recency", "T", "monetary_value"]
    return summary.sort_index().reset_index()[["customer_id", *columns]].to_numpy(dtype=float)


def memory_mb(field: str) -> float:
    """VmRSS (now) or VmHWM (peak) of this process in MB; Linux."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith(field))


if __name__ == "__main__":
    run = {"ours": ours, "pandas": by_pandas, "lifetimes": by_lifetimes}[sys.argv[1]]
    before = memory_mb("VmRSS")
    began = time.perf_counter()
    summary = run(*sys.argv[2:])
    seconds = time.perf_counter() - began
    peak = memory_mb("VmHWM")
    told = {"seconds": seconds, "peak_mb": peak, "grown_mb": peak - before, "customers": len(summary)}
    np.save(Path(sys.argv[2]).with_name(f"{sys.argv[1]}.npy"), answer(summary))
    print(json.dumps(told))
