"""One contender of the segmentation benchmark in a process of its own: k-prototypes, or behavioural segments.

    python -m benchmarks.segmentation_contender ours|kmodes N [N_INIT]
    python -m benchmarks.segmentation_contender behaviour N

Prints its measures as JSON. Both kinds of k-prototypes get the same 10 numbers (mean 0, standard
deviation 1) and 5 words, the same gamma and the same number of first guesses. A first fit of
few rows is not counted: it compiles, or imports.
"""

import json
import sys
import time

import numpy as np
import pandas as pd

from benchmarks.summary_contender import memory_mb

GAMMA, K = 0.5, 8
WORDS = np.array(["card", "cash", "web", "shop", "post", "phone"])


def mixed_table(n, seed=0):
    """Overlapping clusters with long tails: the easy part of real customers, and the hard one."""
    rng = np.random.default_rng(seed)
    cluster = rng.integers(0, K, n)
    numbers = rng.normal(0, 0.7, (K, 10))[cluster] + rng.gumbel(size=(n, 10))
    numbers = (numbers - numbers.mean(axis=0)) / numbers.std(axis=0)
    usual = rng.integers(0, WORDS.size, (K, 5))[cluster]
    words = np.where(rng.random((n, 5)) < 0.5, usual, rng.integers(0, WORDS.size, (n, 5)))
    table = pd.DataFrame(numbers, columns=[f"number_{f}" for f in range(10)])
    return table.assign(**{f"word_{f}": WORDS[words[:, f]] for f in range(5)})


def behaviour_table(n, seed=0):
    """Snapshot features of made customers: what they did in three windows, eight numbers each."""
    rng = np.random.default_rng(seed)
    rate, mean_amount = rng.gamma(1.2, 1.0, n), rng.lognormal(3, 0.6, n)
    lately = rng.random(n) < 0.7  # the others have been silent for a quarter
    purchases, amount, found = np.zeros(n), np.zeros(n), {}
    for name, days, silent in (("short", 28, 0), ("middle", 63, 0), ("long", 91, 1)):
        more = rng.poisson(rate * days / 30 * np.where(lately, 1, silent))
        purchases = purchases + more
        amount = amount + more * mean_amount * rng.lognormal(0, 0.2, n)
        found |= {f"purchases_{name}": purchases, f"amount_{name}": amount.round(2)}
    since = np.where(lately, 0, 91) + np.floor(rng.exponential(30 / (rate + 0.1)))
    return pd.DataFrame(
        found | {"since_last": since.clip(0, 181), "categories": rng.poisson(1 + purchases) * 1.0}
    )


def ours(table, n_init):
    from crm_analytics.segmentation import KPrototypes

    model = KPrototypes(K, gamma=GAMMA, n_init=n_init, random_state=0).fit(table)
    return {"cost": model.cost_, "n_iter": model.n_iter_}


def kmodes(table, n_init):
    from kmodes.kprototypes import KPrototypes

    model = KPrototypes(K, gamma=GAMMA, n_init=n_init, random_state=0, init="Huang")
    model.fit(table.to_numpy(), categorical=list(range(10, 15)))
    return {"cost": float(model.cost_), "n_iter": int(model.n_iter_)}


def behaviour(table, n_init):
    """Number of segments chosen, fitted, and everyone assigned."""
    from crm_analytics.segmentation import BehaviouralSegmenter

    model = BehaviouralSegmenter(columns=list(table)).fit(table)
    began = time.process_time()
    sizes = model.predict(table).value_counts()
    return {
        "predict_cpu": time.process_time() - began,
        "segments": len(sizes),
        "says": model.fit_report_["message"],
    }


if __name__ == "__main__":
    name, n, *guesses = sys.argv[1:]
    n_init = int(guesses[0]) if guesses else 10
    contender = {"ours": ours, "kmodes": kmodes, "behaviour": behaviour}[name]
    make = behaviour_table if name == "behaviour" else mixed_table
    try:
        contender(make(200), 1)
    except ModuleNotFoundError as error:
        print(json.dumps({"missing": error.name}))
        sys.exit(0)
    table = make(int(n))
    before = memory_mb("VmRSS")
    wall, cpu = time.perf_counter(), time.process_time()
    told = contender(table, n_init)
    told |= {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "rows": len(table)}
    told |= {"peak_mb": memory_mb("VmHWM"), "table_mb": before}
    print(json.dumps(told))
