"""Variants of one need that different people use: regular, light, lactose-free, gluten-free, decaffeinated."""

import numpy as np

from crm_analytics.core.errors import plain
from crm_analytics.profiling.reading.population import Population

FAMILIES = ("regular", "diet", "lactose_free", "gluten_free", "decaf")
_DECAF = ("decaf", "kafeinsiz", "caffeinefree")


def families(population: Population) -> np.ndarray:
    """Which of `FAMILIES` each product belongs to; int, shape (n_products,): for `Population.learn`.

    A lactose-free light milk is lactose-free: the need that fewer share wins.
    """
    family = np.zeros(len(population.products), dtype=np.int64)
    family[population.tagged("diet")] = 1
    texts = population.products["description"].astype(str)
    words = {text: plain(text) for text in texts.unique()}
    free = {text: any(word in said for word in _DECAF) for text, said in words.items()}
    family[texts.map(free).to_numpy(dtype=bool)] = 4
    if "decaf" in population.tags.columns:
        family[population.tagged("decaf")] = 4
    family[population.tagged("gluten_free")] = 3
    family[population.tagged("lactose_free")] = 2
    return family
