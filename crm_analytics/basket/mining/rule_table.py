"""Rules as a table: sets of names, measures, and the order they are read in."""

import numpy as np
import pandas as pd

from crm_analytics.basket.mining.itemset_arrays import chosen
from crm_analytics.basket.mining.measures import MEASURES, measure
from crm_analytics.basket.mining.rule_kernel import ItemsetIndex, RuleSides


def rule_counts(index: ItemsetIndex, rules: RuleSides) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the baskets with A, with C and with both."""
    return index.counts[rules.antecedent], index.counts[rules.consequent], index.counts[rules.both]


def best_first(index: ItemsetIndex, rules: RuleSides) -> np.ndarray:
    """Return the order of falling confidence, then count; rules that tie stay as they are."""
    a, _, both = rule_counts(index, rules)
    return np.lexsort([-both, -(both / a)])


def rules_table(
    index: ItemsetIndex, rules: RuleSides, items: pd.Index, n_baskets: int, more: dict[str, np.ndarray]
) -> pd.DataFrame:
    """Return `antecedents`, `consequents`, all `MEASURES`, the three counts, and `more` columns of each rule.

    A set that stands in many rules is one frozenset, shared.
    """
    a, c, both = rule_counts(index, rules)
    used = np.zeros(index.counts.size, dtype=bool)
    used[rules.antecedent] = used[rules.consequent] = True
    sets = np.empty(used.size, dtype=object)
    sets[used] = chosen(index.itemsets, used).frozensets(items)
    columns = {"antecedents": sets[rules.antecedent], "consequents": sets[rules.consequent]}
    floats = [count.astype(np.float64) for count in (a, c, both)]
    columns |= {name: measure(name, n_baskets, *floats) for name in MEASURES}
    columns |= {"count": both, "antecedent count": a, "consequent count": c}
    return pd.DataFrame(columns | more, copy=False)  # the arrays are ours alone
