"""Baskets, rules, sequences and recommendations against their peers.

    python -m benchmarks.basket [--repeats 5] [--only itemsets|rules|sequences|sizes|recommendations]

CPU seconds of one thread, the best of the repeats (this is a matter of noise, which only adds), all
contenders in turn within each repeat. Answers are compared before anything is timed; that run
also compiles. Groceries needs CRM_ANALYTICS_DATA. Peers: pip install 'crm_analytics[benchmarks]'.
"""

import argparse
import os
import subprocess
import sys
import time
import warnings

# Read when NumPy and Numba are imported.
os.environ.update({"NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"})
os.environ.update({"RAYON_NUM_THREADS": "1"})  # rusket's

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.stats import gmean

from benchmarks.summary_contender import memory_mb
from crm_analytics.basket import (
    EASE,
    TIFUKNN,
    AssociationRules,
    FrequentItemsets,
    GlobalTop,
    ItemKNN,
    NextBasketRecommender,
    PersonalTop,
    Repurchase,
    SequentialPatterns,
)
from crm_analytics.datasets import load_complete_journey, load_groceries, make_quest_baskets
from crm_analytics.evaluation import next_basket_trial
from crm_analytics.features import encode_baskets, purchase_histories

SIZES = (100_000, 1_000_000, 10_000_000)  # lines
CUTS = ("2017-12-01", "2017-10-15")
SLOW = 20.0  # CPU seconds beyond which a peer runs once


def cpu(call):
    began = time.process_time()
    answer = call()
    return time.process_time() - began, answer


def race(contenders, repeats):
    """Least CPU seconds of each, in turn."""
    seconds = {name: [] for name in contenders}
    for _ in range(repeats):
        for name, call in contenders.items():
            if not seconds[name] or min(seconds[name]) < SLOW:
                seconds[name].append(cpu(call)[0])
    return {name: min(found) for name, found in seconds.items()}


def sources():
    """Name, baskets and least count of each data set; the counts give some ten thousand sets or more."""
    yield "Groceries", encode_baskets(load_groceries()), 10
    yield "Complete Journey", purchase_histories(load_complete_journey().log).baskets, 47
    yield "Quest T10I4D100K", encode_baskets(make_quest_baskets(random_state=1)), 100
    for name, seed, least in [("Quest T40I10D100K", 3, 1000), ("Quest T40, long pattern", 1, 1100)]:
        frame = make_quest_baskets(mean_length=40, mean_pattern=10, random_state=seed)
        yield name, encode_baskets(frame), least


def one_hot(baskets, least):
    """The frequent items as a sparse frame, which peers are given without the others."""
    grid = sparse.csr_matrix((np.ones(baskets.indices.size, bool), baskets.indices, baskets.indptr))
    frequent = np.flatnonzero(baskets.counts() >= least)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # pandas and scipy about each other
        return pd.DataFrame.sparse.from_spmatrix(
            grid[:, frequent], columns=baskets.items[frequent].astype(str)
        )


def itemsets(repeats):
    """FrequentItemsets against pyfim (C), rusket (Rust) and mlxtend (sparse)."""
    import fim
    import rusket
    from mlxtend.frequent_patterns import fpgrowth

    print(f"\n{'itemsets, CPU s':24}{'sets':>10}{'arrays':>9}{'frame':>9}{'fim fp':>9}{'fim ecl':>9}"
          f"{'rusket':>9}{'mlxtend':>9}   ratios to: fim (best)  rusket  mlxtend")  # fmt: skip
    ratios = []
    for name, baskets, least in sources():
        share = least / len(baskets)
        lists = [row.tolist() for row in np.split(baskets.indices, baskets.indptr[1:-1])]
        frame = one_hot(baskets, least)
        csr = sparse.csr_matrix(frame.sparse.to_coo()).astype(np.uint8)
        n = len(FrequentItemsets(share).fit(baskets).itemsets_)
        contenders = {
            "arrays": lambda b=baskets, s=share: FrequentItemsets(s).fit(b),
            "frame": lambda b=baskets, s=share: FrequentItemsets(s).fit(b).itemsets_,
            "fim ecl": lambda x=lists, k=least: fim.eclat(x, supp=-k, zmin=1),
            "rusket": lambda x=csr, s=share: rusket.fpgrowth(x, min_support=s),
        }
        if "T40" not in name:  # more than a minute there
            contenders["fim fp"] = lambda x=lists, k=least: fim.fpgrowth(x, supp=-k, zmin=1)
        for peer in ("fim ecl", "rusket"):
            found = len(contenders[peer]())
            assert found == n, f"{peer} finds {found:,} itemsets, ours {n:,}"
        seconds = race(contenders, repeats)
        seconds["mlxtend"] = cpu(lambda f=frame, s=share: fpgrowth(f, min_support=s, use_colnames=True))[0]
        seconds.setdefault("fim fp", np.inf)
        best = min(seconds["fim ecl"], seconds["fim fp"])
        ratio = [
            best / seconds["arrays"],
            seconds["rusket"] / seconds["arrays"],
            seconds["mlxtend"] / seconds["frame"],
        ]
        ratios.append(ratio)
        row = "".join(
            f"{seconds[k]:9.4f}" for k in ("arrays", "frame", "fim fp", "fim ecl", "rusket", "mlxtend")
        )
        print(f"{name:24}{n:10,}{row}{'':12}" + "".join(f"{value:9.2f}" for value in ratio), flush=True)
    means = gmean(ratios, axis=0)
    print(f"geometric means: fim {means[0]:.2f} (target 1.2), rusket {means[1]:.2f} (1.5); mlxtend with frames, "
          f"least {np.min(ratios, axis=0)[2]:.0f} (40)")  # fmt: skip


def rules(repeats):
    """Rules with their frame, from mined itemsets, any number of consequents, all measures."""
    from mlxtend.frequent_patterns import association_rules

    print(f"\n{'rules, CPU s':20}{'confidence':>11}{'rules':>10}{'ours':>9}{'mlxtend':>9}{'ratio':>8}")
    for name, baskets, least in sources():
        if "T40" in name:
            continue
        found = FrequentItemsets(least / len(baskets)).fit(baskets)
        frame = found.itemsets_[["support", "itemsets"]]
        options = {"max_consequents": None, "significance": None, "prune_redundant": False}
        for confidence in (0.1, 0.3):
            model = AssociationRules(least / len(baskets), confidence, **options)
            ours = lambda m=model, f=found: m.fit(f).rules_  # noqa: E731
            theirs = lambda f=frame, c=confidence: association_rules(f, metric="confidence", min_threshold=c)  # noqa: E731
            n, n_theirs = len(ours()), len(theirs())
            assert n >= n_theirs, (
                f"{name}: {n:,} rules, mlxtend has {n_theirs:,}"
            )  # which loses some at the threshold
            seconds = race({"ours": ours, "mlxtend": theirs}, repeats)
            print(f"{name:20}{confidence:11}{n:10,}{seconds['ours']:9.4f}{seconds['mlxtend']:9.3f}"
                  f"{seconds['mlxtend'] / seconds['ours']:8.1f}", flush=True)  # fmt: skip


def sequences(repeats):
    """Single items in time order, against prefixspan; both return every frequent sequence."""
    from prefixspan import PrefixSpan

    print(f"\n{'sequences, CPU s':34}{'support':>8}{'patterns':>10}{'ours':>9}{'prefixspan':>11}{'ratio':>8}")
    log = load_complete_journey().log
    quest = make_quest_baskets(20_000, mean_length=12, n_items=400, n_patterns=500, random_state=2)
    short = [items.tolist() for _, items in quest.groupby("transaction_id")["item_id"]]
    for name, data, share, longest in [
        ("Complete Journey, departments", in_order(log, "department"), 0.5, 5),
        ("Complete Journey, departments", in_order(log, "department"), 0.2, 5),
        ("Complete Journey, categories", in_order(log, "category"), 0.5, 3),
        ("Complete Journey, categories", in_order(log, "category"), 0.25, 4),
        ("Quest, 20,000 short sequences", short, 0.004, 5),
        ("Quest, 20,000 short sequences", short, 0.002, 5),
    ]:  # fmt: skip
        least = int(np.ceil(share * len(data)))
        model = SequentialPatterns(share, max_len=longest, unit="event")

        def theirs(data=data, least=least, longest=longest):
            miner = PrefixSpan(data)
            miner.maxlen = longest
            return miner.frequent(least)

        n, n_theirs = len(model.fit(data).patterns_), len(theirs())
        assert n == n_theirs, f"{name}: {n:,} patterns, prefixspan has {n_theirs:,}"
        seconds = race({"ours": lambda m=model, d=data: m.fit(d).patterns_, "theirs": theirs}, repeats)
        print(f"{name:34}{share:8}{n:10,}{seconds['ours']:9.3f}{seconds['theirs']:11.2f}"
              f"{seconds['theirs'] / seconds['ours']:8.1f}", flush=True)  # fmt: skip


def in_order(log, level):
    """Each household's items, receipt by receipt, one event each: the form that prefixspan takes."""
    histories = purchase_histories(log, "2017-03-01", level=level)
    ends = histories.baskets.indptr[histories.indptr[1:-1]]
    return [part.tolist() for part in np.split(histories.baskets.indices, ends)]


def sizes():
    """Cost against size at .1 %, each in a process of its own."""
    print(f"\n{'lines':>12}{'encode, CPU s':>15}{'itemsets, CPU s':>17}{'sets':>9}{'MB above input':>16}")
    for lines in SIZES:
        command = [sys.executable, "-m", "benchmarks.basket", "--one-size", str(lines)]
        subprocess.run(command, check=True)


def one_size(lines):
    FrequentItemsets(0.5).fit([["a", "b", "c"]] * 9)  # loads the kernels
    frame = make_quest_baskets(lines // 10, random_state=1)
    before = memory_mb("VmRSS")
    encoding, baskets = cpu(lambda: encode_baskets(frame))
    mining, model = cpu(lambda: FrequentItemsets(0.001).fit(baskets))
    print(
        f"{len(frame):12,}{encoding:15.3f}{mining:17.3f}{len(model.arrays_):9,}{memory_mb('VmHWM') - before:16,.0f}",
        flush=True,
    )


def recommendations():
    """Recall and NDCG at 10 of the next basket on Complete Journey, with 95 % intervals of differences."""
    log = load_complete_journey().log
    for level, name in [("item_id", "products"), ("description", "product types")]:
        recommenders = {
            "global top": GlobalTop(level=level),
            "personal top": PersonalTop(level=level),
            "personal top, .98 a basket": PersonalTop(level=level, basket_decay=0.98),
            "TIFU-KNN": TIFUKNN(level=level),
            "item KNN": ItemKNN(level=level),
            "EASE": EASE(level=level),
            "repurchase": Repurchase(level=level),
            "next basket": NextBasketRecommender(level=level),
        }
        for cut in CUTS:
            trial = next_basket_trial(
                recommenders,
                log,
                cut,
                baselines=list(recommenders)[:4],
                options={"exclude_recent": 0},
                random_state=0,
            )
            print(f"\nnext basket, {name}, cut {cut}: {trial.counts['customers']:,} customers, "
                  f"{trial.counts['repeats'] / trial.counts['bought']:.0%} repeats")  # fmt: skip
            print(
                trial.table[["recall", "ndcg", "repeat_recall", "novel_recall", "novel_ndcg"]]
                .round(4)
                .to_string()
            )
            rows = trial.differences.query("recommender == 'next basket'")
            for row in rows[
                rows["measure"].isin(["recall", "ndcg", "novel_recall", "novel_ndcg"])
            ].itertuples():
                interval = f"[{row.lower:+.4f}, {row.upper:+.4f}]"
                print(
                    f"  {row.measure:>13} over {row.baseline:27}{row.difference:+.4f} {interval}", flush=True
                )
        seconds, model = cpu(lambda m=recommenders["next basket"]: m.fit(log))
        asking, _ = cpu(lambda m=model: m.recommend(k=10))
        print(
            f"fitted in {seconds:.1f} CPU s, {len(model.customers_):,} households scored with reasons in {asking:.2f} s"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", choices=["itemsets", "rules", "sequences", "sizes", "recommendations"])
    parser.add_argument("--one-size", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one_size:
        one_size(options.one_size)
        return
    parts = {
        "itemsets": lambda: itemsets(options.repeats),
        "rules": lambda: rules(options.repeats),
        "sequences": lambda: sequences(options.repeats),
        "sizes": sizes,
        "recommendations": recommendations,
    }
    for name, part in parts.items():
        if options.only in (None, name):
            part()


if __name__ == "__main__":
    main()
