"""Profiling: what detectors find of planted facts, what they claim of nothing, and how fast.

    python -m benchmarks.profiling [--only couple|planted|quiet|switches|composition|speed]
                                   [--households 300] [--seeds 9001 9002]

Couple: the 26 facts of the case study. Planted: random facts in households of unseen seeds, recall and
precision by kind, and whether strengths are calibrated. Quiet: households in which nothing was planted.
Switches and composition: Complete Journey. Speed: the couple, and all of Complete Journey on two cores.
"""

import argparse
import time
from statistics import median

import numpy as np
import pandas as pd

from benchmarks.composition_model import judge, learn_shipped
from benchmarks.profiling_switches import permutation_null, spliced_auc
from crm_analytics.datasets import City, load_case_study, load_complete_journey, make_city
from crm_analytics.evaluation import match_claims, score_claims
from crm_analytics.profiling import Context, Population, profile_household, profile_households
from crm_analytics.transactions import read_log

TOPICS = ("health", "religion", "pregnancy")
RECALL, PRECISION, FALSE_STRONG = 0.85, 0.90, 0.1
SPLICED_AUC = 0.96
SECONDS_A_PROFILE, SECONDS_ALL = 2.0, 300.0
BINS = [0.8, 0.9, 0.95, 0.99, 0.999, 1.0001]


def context_of(city: City) -> Context:
    return Context(cards=city.cards, stores=city.stores, calendar=city.calendar, forms=city.forms)


def claims_of(city: City, n_jobs: int = 2) -> pd.DataFrame:
    return profile_households(city.log, context=context_of(city), sensitive=TOPICS, n_jobs=n_jobs)


def couple() -> None:
    city = load_case_study()
    household = city.truth.loc[city.truth["fact"] == "1", "household_id"].iloc[0]
    facts = city.truth[(city.truth["fact"] != "") & (city.truth["household_id"] == household)]
    claims = profile_households(city.log, [household], context=context_of(city), sensitive=TOPICS)
    truth = city.truth[city.truth["household_id"] == household]
    met = match_claims(claims, truth)
    print(f"\nThe couple: {len(claims)} findings, {int((claims['level'] == 'strong').sum())} of them strong")
    of_fact = truth["fact"].to_numpy()
    whole = 0
    for fact in sorted(set(facts["fact"]), key=lambda name: (len(name), name)):
        rows = np.flatnonzero(of_fact == fact)
        found = met[:, rows].any(axis=0)
        whole += found.all()
        print(
            f"  {fact:>3}  {found.sum()} of {found.size}  "
            + ", ".join(
                f"{'' if hit else 'NOT '}{truth['kind'].iloc[r]} {truth['subject'].iloc[r]}"
                for r, hit in zip(rows, found, strict=True)
            )
        )
    false = claims[~met.any(axis=1)]
    print(
        f"facts found whole: {whole} of 26; false claims: {len(false)}, strong ones: "
        f"{int((false['level'] == 'strong').sum())} (must be 0)"
    )
    for row in false.itertuples():
        print(f"  {row.level:>7} {row.kind}: {row.statement}")


def planted(households: int, seeds: list[int]) -> None:
    claims, truth = [], []
    for seed in seeds:
        city = make_city(households, facts="random", random_state=seed)
        claims.append(
            claims_of(city).assign(household_id=lambda t, s=seed: f"{s}/" + t["household_id"].astype(str))
        )
        truth.append(
            city.truth.assign(household_id=lambda t, s=seed: f"{s}/" + t["household_id"].astype(str))
        )
    found, true = pd.concat(claims, ignore_index=True), pd.concat(truth, ignore_index=True)
    table = score_claims(found, true)
    table["meets"] = np.where(
        (table["recall"].fillna(1) >= RECALL) & (table["precision"].fillna(1) >= PRECISION), "yes", "NO"
    )
    print(
        f"\nPlanted at random: {households} households of seeds {seeds}; "
        f"bars: recall {RECALL}, precision {PRECISION}"
    )
    print(table.round(3).to_string())
    right = match_claims(found, true).any(axis=1)
    band = pd.cut(found["strength"], BINS, right=False)
    print("\nStrength shown, and share of the claims that are true")
    print(
        found.assign(true=right)
        .groupby(band, observed=True)
        .agg(claims=("true", "size"), mean_strength=("strength", "mean"), true=("true", "mean"))
        .round(3)
        .to_string()
    )


def quiet(households: int, seeds: list[int]) -> None:
    print(f"\nNothing planted: {households} households each")
    for seed in seeds:
        city = make_city(households, facts=None, random_state=seed)
        found = claims_of(city)
        false = found[~match_claims(found, city.truth).any(axis=1)]
        strong = false[false["level"] == "strong"]
        print(
            f"  seed {seed}: {len(found)} claims, {len(false)} false, {len(strong)} of them strong: "
            f"{len(strong) / households:.3f} a household (at most {FALSE_STRONG})"
        )
        print(strong["kind"].value_counts().to_string())


def manufacturers() -> Population:
    """Complete Journey with the manufacturer for the brand, which it knows as national or private only."""
    journey = load_complete_journey()
    lines = journey.log.to_frame()
    made_by = journey.products.set_index("product_id")["manufacturer_id"]
    lines["brand"] = lines["item_id"].map(made_by).astype("Int64").astype(str)
    return Population.read(read_log(lines, not_after="2018-01-02"))


def switches() -> None:
    population = manufacturers()
    print(f"\nBrand switches on Complete Journey (bar: AUC {SPLICED_AUC})")
    for seed in (0, 1, 2):
        print(f"  spliced households, seed {seed}: {spliced_auc(population, seed)}")
    print(f"  permutation null: {permutation_null(population, 0)}")


def composition() -> None:
    X, labels, _ = learn_shipped()
    print("\nWho lives there, Complete Journey: 5 folds, 3 seeds; bars are those of the field notes")
    print(judge(X, labels, 3).round(3).to_string())


def speed() -> None:
    city = load_case_study()
    household = city.truth.loc[city.truth["fact"] == "1", "household_id"].iloc[0]
    context = context_of(city)
    whole, alone = [], []
    population = Population.read(city.log, context)
    profile_household(population, household)  # compiles
    for _ in range(5):
        begun = time.perf_counter()
        profile_household(city.log, household, context=context, sensitive=TOPICS)
        whole.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        profile_household(population, household, sensitive=TOPICS)
        alone.append(time.perf_counter() - begun)
    n = len(population.household(household).lines)
    print(
        f"\nSpeed: {n:,} lines of the couple among {len(population.lines):,}: {median(whole):.2f} s with reading "
        f"everybody, {median(alone):.2f} s once read (bar {SECONDS_A_PROFILE} s)"
    )
    log = load_complete_journey().log
    begun = time.perf_counter()
    found = profile_households(log, n_jobs=2)
    took = time.perf_counter() - begun
    print(
        f"All 2,469 households of Complete Journey on 2 cores: {took:.0f} s (bar {SECONDS_ALL:.0f} s), "
        f"{len(found):,} findings of {found['kind'].nunique()} kinds"
    )
    print(
        found.groupby("kind")
        .agg(findings=("kind", "size"), households=("household_id", "nunique"))
        .to_string()
    )


def main() -> None:
    parts = ["couple", "planted", "quiet", "switches", "composition", "speed"]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=parts)
    parser.add_argument("--households", type=int, default=300)
    parser.add_argument("--seeds", type=int, nargs="+", default=[9001])
    chosen = parser.parse_args()
    for part in parts if chosen.only is None else [chosen.only]:
        if part in ("planted", "quiet"):
            globals()[part](chosen.households, chosen.seeds)
        else:
            globals()[part]()


if __name__ == "__main__":
    main()
