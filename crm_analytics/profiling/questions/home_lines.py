"""Which lines were bought where a household usually shops, and which on stays elsewhere."""

import numpy as np

from crm_analytics.profiling.questions.places.visits import distances_of, visits_of
from crm_analytics.profiling.reading.household import Household
from crm_analytics.profiling.reading.lines import Lines

MIXED = 0.6  # of the neighbouring days at home that mixed order would give


def home_lines(lines: Lines, town: np.ndarray) -> np.ndarray:
    """Lines bought where the household usually shops; boolean, shape (n_lines,).

    `town` is the town by store code, -1 where unknown: then the store stands in for it. Home is the
    place with most days, and every place whose neighbouring days (before and after) are at home at
    least .6 times as often as they would be in mixed order. A place of stays is not: its days lie
    beside each other. On a stay people buy other things (the bread that the baker sells at home), so
    their rates do not carry over.
    """
    of_store = np.append(town.astype(np.int64), -1)[lines.store]
    place = np.where(of_store >= 0, of_store, len(town) + 1 + lines.store)
    places, code = np.unique(place, return_inverse=True)
    if places.size == 1:
        return np.ones(len(lines), dtype=bool)
    order = np.unique(lines.day.astype(np.int64) * places.size + code) % places.size
    often = np.bincount(order, minlength=places.size)
    ranked = np.argsort(-often, kind="stable")
    home = np.zeros(places.size, dtype=bool)
    home[ranked[0]] = True
    for one in ranked[1:].tolist():
        near = home[order].astype(float)
        # The first day and the last have one neighbour, which counts twice.
        beside = (np.append(near[1], near[:-1]) + np.append(near[1:], near[-2])) / 2
        home[one] = beside[order == one].mean() >= MIXED * near.mean()
    return home[code]


def lines_near_home(household: Household) -> np.ndarray:
    """As `home_lines`, without stores in a far town, if a table says where stores are.

    A few purchases on a short stay lie between days at home: only the distance tells them.
    """
    lines = household.lines
    home = home_lines(lines, household.population.stores.town)
    where = household.learn(distances_of)
    if where is None:
        return home
    far = np.unique(household.learn(visits_of).store[where.away])
    return home & ~np.isin(lines.store, far)
