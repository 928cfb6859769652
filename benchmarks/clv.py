"""Models of purchases and spend, fitted and asked for a million customers: ours against lifetimes.

    python -m benchmarks.clv [--customers 1_000_000] [--repeats 3] [--skip-ten-million]

One thread throughout. Both are judged by the likelihood as lifetimes writes it, and asked for
predictions at the same parameters. Compilation, and ten million customers, have a process each.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from contextlib import contextmanager
from pathlib import Path
from statistics import median

# Read when NumPy and Numba are imported.
os.environ.update({"NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"})

import numpy as np
import pandas as pd

from benchmarks.summary_contender import memory_mb
from crm_analytics.clv import BetaGeoModel, GammaGammaModel, LifetimeValueModel, ParetoNBDModel
from crm_analytics.datasets import make_purchases

COLUMNS = ["frequency", "recency", "T"]
SPENT = ["frequency", "monetary_value"]
SLOW = 5.0  # seconds beyond which lifetimes runs once
VALUE = LifetimeValueModel(unit="W", horizon=52, annual_discount_rate=0.1, purchases=BetaGeoModel())
MONTHLY_RATE = 1.1 ** (1 / 12) - 1  # the same, for lifetimes
TEN_MILLION_LIMIT = 1.5  # seconds


@contextmanager
def contender():
    """lifetimes warns at every turn, and its import switches a pandas option off for everyone."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        with pd.option_context("mode.chained_assignment", pd.get_option("mode.chained_assignment")):
            yield


with contender():
    import lifetimes


def customers(n, random_state=1, process="beta_geo"):
    """In continuous weeks: no two customers are alike."""
    made = make_purchases(n, process=process, weeks=39, joining_weeks=12, random_state=random_state)
    return made.summary()[[*COLUMNS, "monetary_value"]]


def in_days(table):
    """The same seen once a day, still measured in weeks: many customers are alike."""
    recency = np.ceil(table["recency"] * 7) / 7
    return table.assign(recency=recency, T=np.maximum(np.ceil(table["T"] * 7) / 7, recency))


def clock(call):
    began = time.perf_counter()
    answer = call()
    return time.perf_counter() - began, answer


def race(what, ours, theirs, target, repeats):
    """Print the seconds of both; return whether the target is met, and both answers."""
    answer = ours()  # untimed: it loads the kernels
    mine = median(clock(ours)[0] for _ in range(repeats))
    with contender():
        other, right = clock(theirs)
        if other <= SLOW:
            other = median([other, *(clock(theirs)[0] for _ in range(repeats - 1))])
    print(f"{what:40}{mine:9.3f}{other:11.2f}{other / mine:8.1f}{target:8g}", flush=True)
    return other / mine >= target, answer, right


def log_likelihood(fitter, params, table):
    """As lifetimes writes it; Pareto/NBD there takes parameters and sums, the others logarithms and means."""
    sums = isinstance(fitter, lifetimes.ParetoNBDFitter)
    at, factor = (params, 1) if sums else (np.log(params), len(table))
    columns = table.to_numpy(dtype=float).T
    with contender():
        return -factor * fitter._negative_log_likelihood(at, *columns, np.ones(len(table)), 0.0)


def compare_fits(what, model, fitter, table, target, repeats):
    """Leave our parameters in the fitter of lifetimes; of spend, it asks for repeat buyers only."""
    asked = table[table["frequency"] > 0] if "monetary_value" in table else table
    columns, what = [asked[name] for name in table], f"{what}, {len(table):,}"
    met, _, _ = race(what, lambda: model.fit(table), lambda: fitter.fit(*columns), target, repeats)
    fitted = fitter.params_
    fitter.params_ = pd.Series({name: getattr(model, f"{name}_") for name in fitted.index})
    for who, params in [("ours", fitter.params_), ("lifetimes", fitted)]:
        values = "  ".join(f"{name} {value:.5f}" for name, value in params.items())
        print(f"    {who:10} ln L {log_likelihood(fitter, params.to_numpy(), asked):,.3f}  {values}")
    return met


def first_calls():
    """Seconds that the first call of each takes beyond the second, in this order."""
    exact, purchases = customers(10_000), BetaGeoModel()
    days, pareto = in_days(exact), in_days(customers(10_000, process="pareto_nbd"))
    calls = {
        "Beta-Geo fit, days": lambda: purchases.fit(days[COLUMNS]),
        "Beta-Geo fit, continuous": lambda: BetaGeoModel().fit(exact[COLUMNS]),
        "Pareto/NBD fit": lambda: ParetoNBDModel().fit(pareto[COLUMNS]),
        "Gamma-Gamma fit": lambda: GammaGammaModel().fit(days[SPENT]),
        "Beta-Geo predictions": lambda: purchases.predict(days, horizon=39),
        "lifetime value, fit and predict": lambda: VALUE.fit(days).predict(days),
    }
    return {what: clock(call)[0] - clock(call)[0] for what, call in calls.items()}


def ten_million(n, repeats):
    """A fit of ten times `n` customers, and how far the process grew above their table."""
    table = pd.concat([in_days(customers(n, seed))[COLUMNS] for seed in range(1, 11)], ignore_index=True)
    BetaGeoModel().fit(table[:n])
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew; Linux
    before = memory_mb("VmRSS")
    seconds = median(clock(lambda: BetaGeoModel().fit(table))[0] for _ in range(repeats))
    return {"customers": len(table), "seconds": seconds, "grown_mb": memory_mb("VmHWM") - before}


def apart(args, only, **environment):
    """What a process of its own says."""
    size = [f"--customers={args.customers}", f"--repeats={args.repeats}"]
    command, root = [sys.executable, "-m", "benchmarks.clv", "--only", only, *size], Path(__file__).parents[1]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=root, env=os.environ | environment)
    return json.loads(done.stdout)


def compare(n, repeats):
    """Print the table; return whether its targets are met."""
    exact = customers(n)
    days, pareto = in_days(exact), in_days(customers(n // 10, process="pareto_nbd"))
    model, columns = BetaGeoModel(), [days[name] for name in days]
    fitter, spend = lifetimes.BetaGeoFitter(), lifetimes.GammaGammaFitter()
    fits = [
        ("Beta-Geo fit, days", model, fitter, days[COLUMNS], 120),
        ("Beta-Geo fit, continuous", BetaGeoModel(), lifetimes.BetaGeoFitter(), exact[COLUMNS], 70),
        ("Pareto/NBD fit, days", ParetoNBDModel(), lifetimes.ParetoNBDFitter(), pareto[COLUMNS], 100),
        ("Gamma-Gamma fit", GammaGammaModel(), spend, days[SPENT], 25),
    ]

    def purchases():
        return fitter.conditional_expected_number_of_purchases_up_to_time(39, *columns[:3])

    def worth():  # 12 months of 4.345 weeks, each discounted from its end
        return spend.customer_lifetime_value(fitter, *columns, time=12, discount_rate=MONTHLY_RATE, freq="W")

    VALUE.fit(days)
    answers = [
        ("Beta-Geo predictions, days", lambda: model.predict(days, horizon=39), purchases, 15),
        ("12-month value, days", lambda: VALUE.predict(days), worth, 50),
    ]
    met = [compare_fits(*fit, repeats) for fit in fits]
    for what, mine, other, target in answers:
        good, answer, right = race(f"{what}, {n:,}", mine, other, target, repeats)
        means, ratio = f"mean {answer.mean():.6f}, lifetimes {right.mean():.6f}", (answer / right).mean()
        print(f"    {means}; ours / theirs {ratio:.6f} on average")
        met.append(good)
    return all(met)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--skip-ten-million", action="store_true")
    parser.add_argument("--only", choices=["first-calls", "ten-million"], help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.only:
        first = args.only == "first-calls"
        print(json.dumps(first_calls() if first else ten_million(args.customers, args.repeats)))
        return
    print(f"Medians of {args.repeats}; lifetimes {lifetimes.__version__} once if > {SLOW:g} s; one thread,")
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores before the first\n")
    print(f"{'':40}{'ours, s':>9}{'lifetimes':>11}{'ratio':>8}{'target':>8}")
    met = compare(args.customers, args.repeats)
    with tempfile.TemporaryDirectory(prefix="crm_analytics_benchmark_") as folder:
        cold, warm = (apart(args, "first-calls", NUMBA_CACHE_DIR=folder) for _ in range(2))
    print(f"\n{'a first call takes longer, in this order':40}{'compiling':>11}{'cached':>9}")
    print("\n".join(f"{what:40}{cold[what]:11.2f}{warm[what]:9.2f}" for what in cold))
    if not args.skip_ten_million:
        found = apart(args, "ten-million")
        met &= found["seconds"] <= TEN_MILLION_LIMIT
        print(f"\nBeta-Geo fit, days, {found['customers']:,}: {found['seconds']:.2f} s (target: at most")
        print(f"{TEN_MILLION_LIMIT:g}), {found['grown_mb']:,.0f} MB above the table")
    print(f"\nTargets {'met' if met else 'MISSED'}.")
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
