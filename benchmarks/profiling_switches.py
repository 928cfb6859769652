"""How well brand switches are told: spliced households, purchase orders shuffled, and sticky choices.

Brands come from the log; in Complete Journey the manufacturer stands in for the brand.
"""

import numpy as np
from sklearn.metrics import roc_auc_score

from crm_analytics.profiling.questions.brand_switch import LEAST_MOVED
from crm_analytics.profiling.questions.brand_tastes import (
    BrandTastes,
    brand_tastes,
    choice_tables,
    choices_of,
)
from crm_analytics.profiling.questions.change_point import log_bayes_factor, log_switch_factors
from crm_analytics.profiling.reading.population import Population

HALF = 8  # choices of either household in a splice
FALSE_RATE = 0.0065
FLAGGED = np.log([4.0, 76.0])  # even odds from prior odds of 1 to 4; probability .95

Table = tuple[int, np.ndarray, np.ndarray, np.ndarray]


def spliced_auc(population: Population, seed: int = 0) -> dict[str, float]:
    """Tell 8 choices of one household followed by 8 of another from 16 of one household.

    Returns, for splices of households whose usual brands (at least half of the choices) differ:
    `auc` and `recall` at `FALSE_RATE` against one household's 16 choices in shuffled order (in which
    there is no change by construction); `auc_consecutive` and `recall_consecutive` against its 16 as
    they were bought (some of which hold a real change). `auc_any` is of all splices, also of two
    households with the same usual brand, against the 16 as bought.
    """
    rng = np.random.default_rng(seed)
    tastes = population.learn(brand_tastes)
    whole, halves = _rows_of_16(population)
    one, shuffled, spliced, differ = [], [], [], []
    for category, rows in halves.items():
        if len(rows) < 2:
            continue
        partner = (np.arange(len(rows)) + rng.integers(1, len(rows), len(rows))) % len(rows)
        for place, (brands, shares) in enumerate(whole[category]):
            one.append(_score(category, brands, shares, tastes))
            shuffled.append(_score(category, brands, rng.permutation(shares), tastes))
            mixed, usual = _splice(rows[place], rows[partner[place]])
            spliced.append(_score(category, *mixed, tastes))
            differ.append(usual)
    real, null, made, told = (np.array(x) for x in (one, shuffled, spliced, differ))
    return {
        "n_sequences": float(real.size),
        "n_spliced": float(told.sum()),
        "auc": _auc(null, made[told]),
        "recall": float((made[told] > np.quantile(null, 1 - FALSE_RATE)).mean()),
        "auc_consecutive": _auc(real, made[told]),
        "recall_consecutive": float((made[told] > np.quantile(real, 1 - FALSE_RATE)).mean()),
        "auc_any": _auc(real, made),
    }


def permutation_null(population: Population, seed: int = 0, *, least: int = 16) -> dict[str, float]:
    """Share of household-category rows that are flagged: as bought, shuffled, and made sticky.

    Rows have at least `least` choices and two brands. `real`, `shuffled` and `sticky` are shares with
    a Bayes factor above 4, `..._strong` above 76; `real_at_false_rate` is the share of real rows above
    what `FALSE_RATE` of the shuffled reach. A sticky row repeats its last choice with the
    probability that gives the population's inflation, and else draws one of the row's own choices.
    """
    rng = np.random.default_rng(seed)
    tastes = population.learn(brand_tastes)
    repeats = (tastes.inflation - 1) / (tastes.inflation + 1)
    scores = []
    for _, table in _tables(population):
        category, brands, _, shares = table
        if len(shares) >= least:
            orders = (shares, rng.permutation(shares), shares[_sticky(len(shares), repeats, rng)])
            scores.append([_score(category, brands, order, tastes) for order in orders])
    flagged = {"n_rows": float(len(scores)), "inflation": tastes.inflation}
    for name, column in zip(("real", "shuffled", "sticky"), np.array(scores).T, strict=True):
        flagged[name], flagged[f"{name}_strong"] = (float((column > limit).mean()) for limit in FLAGGED)
    # What the same threshold flags that flags FALSE_RATE of the shuffled rows.
    real, shuffled, _ = np.array(scores).T
    flagged["real_at_false_rate"] = float((real > np.quantile(shuffled, 1 - FALSE_RATE)).mean())
    return flagged


def _tables(population: Population) -> list[tuple[int, Table]]:
    """Rows of every household and category with two brands."""
    return [
        (place, table)
        for place in range(len(population.households))
        for table in choice_tables(choices_of(population.household_at(place).lines))
    ]


def _rows_of_16(population: Population) -> tuple[dict[int, list], dict[int, list]]:
    """By category, 16 consecutive choices of each household that has them, and the first 8 of these."""
    whole: dict[int, list] = {}
    halves: dict[int, list] = {}
    choices = choices_of(population.lines)
    new = np.diff(choices.household, prepend=-1) != 0
    starts = np.flatnonzero(new | (np.diff(choices.category, prepend=-1) != 0))
    ends = np.append(starts[1:], choices.choice.size)
    for low, high in zip(starts.tolist(), ends.tolist(), strict=True):
        number = choices.choice[low:high] - choices.choice[low]
        if number[-1] + 1 < 2 * HALF:
            continue
        kept = number < 2 * HALF
        brands, column = np.unique(choices.brand[low:high][kept], return_inverse=True)
        shares = np.zeros((2 * HALF, brands.size))
        shares[number[kept], column] = choices.weight[low:high][kept]
        category = int(choices.category[low])
        whole.setdefault(category, []).append((brands, shares))
        halves.setdefault(category, []).append((brands, shares[:HALF]))
    return whole, halves


def _splice(first: tuple, second: tuple) -> tuple[tuple[np.ndarray, np.ndarray], bool]:
    """The choices of two households one after the other, and whether their usual brands differ."""
    brands = np.union1d(first[0], second[0])
    shares = np.zeros((2 * HALF, brands.size))
    shares[:HALF, np.searchsorted(brands, first[0])] = first[1]
    shares[HALF:, np.searchsorted(brands, second[0])] = second[1]
    usual = [side.mean(axis=0) for side in (shares[:HALF], shares[HALF:])]
    differ = usual[0].argmax() != usual[1].argmax() and min(side.max() for side in usual) >= 0.5
    kept = shares.any(axis=0)
    return (brands[kept], shares[:, kept]), bool(differ)


def _score(category: int, brands: np.ndarray, shares: np.ndarray, tastes: BrandTastes) -> float:
    alpha, total = tastes.prior(category, brands)
    factors = log_switch_factors(shares, alpha, total, inflation=tastes.inflation, least_moved=LEAST_MOVED)
    return log_bayes_factor(factors)


def _sticky(n: int, repeats: float, rng: np.random.Generator) -> np.ndarray:
    """Which of n choices stands at each place of a row that repeats its last with probability `repeats`."""
    fresh = rng.integers(0, n, n)
    begins = rng.random(n) >= repeats
    begins[0] = True
    return fresh[np.maximum.accumulate(np.where(begins, np.arange(n), 0))]


def _auc(null: np.ndarray, spliced: np.ndarray) -> float:
    return float(roc_auc_score(np.r_[np.zeros(null.size), np.ones(spliced.size)], np.r_[null, spliced]))
