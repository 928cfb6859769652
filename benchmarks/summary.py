"""Customer summaries of a large log: ours against pandas and lifetimes, in time and in memory.

    python -m benchmarks.summary [--lines 10_000_000] [--customers 750_000] [--repeats 3] [--huge 100_000_000]

Every measurement is a process of its own (summary_contender.py): its time begins after its
imports, its memory is the peak of the whole process. The answers are compared customer by
customer before anything is said about speed.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

CONTENDERS = ("ours", "pandas", "lifetimes")
GROUP = 1_000_000  # lines a row group of the file
SPAN = 730 * 86_400_000_000  # microseconds from START
START = np.datetime64("2023-01-01", "us")

# At least so many times as fast as, and at most such a share of the memory of.
FASTER_THAN_LIFETIMES, FASTER_THAN_PANDAS, MEMORY_OF_PANDAS = 6.0, 3.0, 0.5
HUGE_PEAK_MB = 2048
HUGE_LIMIT = "1GB"  # for DuckDB; the answer, pandas and Python itself need the rest


def write_log(path, n_lines, n_customers, random_state):
    """A log in order of time, a row group at once; some customers buy often, most seldom."""
    rng = np.random.default_rng(random_state)
    weight = np.cumsum(rng.gamma(0.5, 1.0, n_customers))
    ids = rng.permutation(n_customers) + 1
    edges = np.linspace(0, SPAN, -(-n_lines // GROUP) + 1).astype("int64")
    schema = pa.schema({"customer_id": pa.int64(), "occurred_at": pa.timestamp("us"), "amount": pa.float64()})
    with pq.ParquetWriter(path, schema) as writer:
        for i, (begin, end) in enumerate(itertools.pairwise(edges)):
            n = min(GROUP, n_lines - i * GROUP)
            customer = ids[np.searchsorted(weight, rng.uniform(0, weight[-1], n))]
            at = START + np.sort(rng.integers(begin, end, n)).astype("timedelta64[us]")
            amount = np.round(rng.gamma(2.0, 15.0, n) + 0.01, 2)
            writer.write_table(pa.table([customer, at, amount], schema=schema), row_group_size=GROUP)


def measure(name, path, *options):
    """What a contender says of its run in a fresh process."""
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "benchmarks.summary_contender",
        name,
        str(path),
        *options,
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def require_equal_answers(folder):
    """Stop unless all gave the same for every customer; return how many those are."""
    right = np.load(folder / "pandas.npy")
    for name in CONTENDERS:
        found = np.load(folder / f"{name}.npy")
        # customer, frequency, recency and T are whole; money was added in another order
        same = found.shape == right.shape and np.array_equal(found[:, :4], right[:, :4])
        if not (same and np.allclose(found[:, 4], right[:, 4], rtol=1e-9, atol=1e-9)):
            raise SystemExit(f"{name} gives other summaries than pandas.")
    return len(right)


def compare(folder, n_lines, n_customers, repeats):
    path = folder / "log.parquet"
    write_log(path, n_lines, n_customers, random_state=1)
    size, load = path.stat().st_size / 1e6, os.getloadavg()[0]
    print(
        f"{n_lines:,} lines, {size:,.0f} MB of Parquet; {repeats} repeats in turn on {os.cpu_count()} cores,"
    )
    print(f"load {load:.1f} before the first", flush=True)
    runs = {name: [] for name in CONTENDERS}
    for _ in range(repeats):
        for name in CONTENDERS:
            runs[name].append(measure(name, path))
    path.unlink()
    n = require_equal_answers(folder)
    print(f"All three give the same four columns for each of {n:,} customers.\n")
    print(f"{'median of':14}{'seconds':>9}{'(range)':>14}{'peak MB':>10}{'above imports':>16}")
    for name, of_name in runs.items():
        seconds = sorted(run["seconds"] for run in of_name)
        peak, grown = (median(run[key] for run in of_name) for key in ("peak_mb", "grown_mb"))
        span = f"{seconds[0]:.2f}-{seconds[-1]:.2f}"
        print(f"{name:14}{median(seconds):9.2f}{span:>14}{peak:10,.0f}{grown:16,.0f}")

    def ratio(key, above, below):
        return median(run[key] for run in runs[above]) / median(run[key] for run in runs[below])

    faster_than_lifetimes, faster_than_pandas = (
        ratio("seconds", name, "ours") for name in ("lifetimes", "pandas")
    )
    memory = ratio("peak_mb", "ours", "pandas")
    print(
        f"\n{faster_than_lifetimes:6.1f} times as fast as lifetimes (target: at least {FASTER_THAN_LIFETIMES:g})"
    )
    print(f"{faster_than_pandas:6.1f} times as fast as pandas (target: at least {FASTER_THAN_PANDAS:g})")
    print(f"{memory:6.2f} of the peak memory of pandas (target: at most {MEMORY_OF_PANDAS:g});")
    print(f"{ratio('grown_mb', 'ours', 'pandas'):6.2f} of it above the imports")
    return (
        faster_than_lifetimes >= FASTER_THAN_LIFETIMES
        and faster_than_pandas >= FASTER_THAN_PANDAS
        and memory <= MEMORY_OF_PANDAS
    )


def summarise_huge(folder, n_lines, n_customers):
    path = folder / "huge.parquet"
    write_log(path, n_lines, n_customers, random_state=2)
    found = measure("ours", path, HUGE_LIMIT)
    print(
        f"\n{n_lines:,} lines ({path.stat().st_size / 1e9:.1f} GB of Parquet), memory_limit={HUGE_LIMIT!r}:"
    )
    print(f"{found['seconds']:.1f} seconds for {found['customers']:,} customers,")
    print(f"peak of the process {found['peak_mb']:,.0f} MB (target: at most {HUGE_PEAK_MB:,})")
    path.unlink()
    return found["peak_mb"] <= HUGE_PEAK_MB


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lines", type=int, default=10_000_000)
    parser.add_argument("--customers", type=int, default=750_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--huge", type=int, default=0, metavar="LINES", help="summarise so many within 2 GB too"
    )
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="crm_analytics_benchmark_") as folder:
        met = compare(Path(folder), args.lines, args.customers, args.repeats)
        if args.huge:
            met &= summarise_huge(Path(folder), args.huge, round(args.huge * args.customers / args.lines))
    print(f"\nTargets {'met' if met else 'MISSED'}.")
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
