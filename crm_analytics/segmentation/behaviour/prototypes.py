"""The best prototypes found from many first guesses: few customers first, all of them last."""

import math
from typing import NamedTuple

import numpy as np

from crm_analytics.segmentation.behaviour.kernels import (
    all_distances,
    commonest,
    count_words,
    first_guess,
    improve,
    nearest,
    polish,
)

# Customers that first guesses are made and judged on, and those that the best of them are told apart on.
_FEW, _MORE = 10_000, 30_000
_MOST_POLISHING = 50  # rounds
_SECOND_LOOK = 5  # guesses that get one
_PROMISE = (8, 1.003)  # after so many rounds a swap must be so near the best to go on
_LEAST_MISSED = 4  # prototypes that may give way in a swap


class Prototypes(NamedTuple):
    """What stands for each cluster, with a column each.

    Attributes
    ----------
    means : ndarray of float, shape (n_numbers, k)
    modes : ndarray of int32, shape (n_words, k)
    """

    means: np.ndarray
    modes: np.ndarray

    def copy(self) -> "Prototypes":
        """Arrays of their own, to be overwritten."""
        return Prototypes(self.means.copy(), self.modes.copy())


class Found(NamedTuple):
    """Prototypes with the sum of distances of the customers they were found on, and rounds taken."""

    prototypes: Prototypes
    cost: float
    n_iter: int


def ends_of(n_levels: list[int]) -> np.ndarray:
    """Where the words of each column begin among all words, and where the last end."""
    return np.concatenate([[0], np.cumsum(n_levels, dtype=np.int64)]).astype(np.int64)


def huang_gamma(numbers: np.ndarray) -> float:
    """Half the mean standard deviation of the numbers (Huang 1998, section 5); 1 if there are none."""
    if numbers.shape[1] == 0:
        return 1.0
    spread = float(numbers.std(axis=0).mean())
    return 0.5 * spread if spread > 0 else 1.0


def find_prototypes(
    numbers: np.ndarray,
    codes: np.ndarray,
    ends: np.ndarray,
    k: int,
    gamma: float,
    *,
    n_init: int,
    swaps: int = 3,
    max_iter: int,
    rng: np.random.Generator,
    start: Prototypes | None = None,
) -> Found:
    """The prototypes of least cost among those that `n_init` first guesses, and swaps from the best, lead to.

    For each first guess there are some `swaps`, which put a customer drawn at random in the place of
    a prototype drawn at random (Fränti 2018, Efficiency of random swap clustering): what a good
    guess lacks is seldom all of it. Rows must be in an order as good as drawn (`drawn_order`): the
    first 10,000 are what guesses are made on, the first 30,000 what the best five are told apart
    on. The best is polished by moving one customer at a time. `start`, one guess more, is kept
    unless another costs 1 % less: prototypes that still do need not be changed.
    """
    few, more = min(len(numbers), _FEW), min(len(numbers), _MORE)
    n_trials = 2 + int(math.log(k))
    tried = []
    for _ in range(n_init):
        rows = first_guess(numbers[:few], codes[:few], gamma, rng.random((k, n_trials)))
        guess = Prototypes(np.ascontiguousarray(numbers[rows].T), np.ascontiguousarray(codes[rows].T))
        tried.append(_improved(numbers[:few], codes[:few], ends, gamma, guess, max_iter))
    best = min(tried, key=lambda found: found.cost)
    for _ in range(swaps * n_init):
        guess = _swapped(best.prototypes, numbers[:few], codes[:few], gamma, rng)
        other = _improved(numbers[:few], codes[:few], ends, gamma, guess, min(max_iter, _PROMISE[0]))
        if other.cost <= _PROMISE[1] * best.cost:
            other = _improved(numbers[:few], codes[:few], ends, gamma, other.prototypes, max_iter)
        best = other if other.cost < best.cost else best
    tried.append(best)
    for size in (more, len(numbers)):
        if size > few:
            tried.sort(key=lambda found: found.cost)  # stable: the first of equals stays first
            tried = [
                _improved(numbers[:size], codes[:size], ends, gamma, found.prototypes, max_iter)
                for found in tried[: _SECOND_LOOK if size == more and more > few else 1]
            ]
            few = size
    best = min(tried, key=lambda found: found.cost)
    if start is not None:
        kept = _improved(numbers, codes, ends, gamma, start.copy(), max_iter)
        best = kept if kept.cost <= 1.01 * best.cost else best
    polish(numbers, codes, ends, gamma, best.prototypes.means, best.prototypes.modes, _MOST_POLISHING)
    _, least = nearest(numbers, codes, *best.prototypes, gamma)
    return best._replace(cost=float(least.sum()))


def _swapped(
    prototypes: Prototypes, numbers: np.ndarray, codes: np.ndarray, gamma: float, rng: np.random.Generator
) -> Prototypes:
    """The prototypes with one that is missed little in another place, where customers are far from all."""
    far = all_distances(numbers, codes, *prototypes, gamma)
    k = far.shape[1]
    two = np.partition(far, 1, axis=1)[:, :2] if k > 1 else np.column_stack([far, far])
    missed = np.bincount(far.argmin(axis=1), weights=two[:, 1] - two[:, 0], minlength=k)
    place = np.argsort(missed, kind="stable")[int(rng.random() * min(k, _LEAST_MISSED))]
    reach = np.cumsum(two[:, 0])
    row = min(int(np.searchsorted(reach, rng.random() * reach[-1], side="right")), len(far) - 1)
    changed = prototypes.copy()
    changed.means[:, place] = numbers[row]
    changed.modes[:, place] = codes[row]
    return changed


def _improved(
    numbers: np.ndarray,
    codes: np.ndarray,
    ends: np.ndarray,
    gamma: float,
    guess: Prototypes,
    max_iter: int,
) -> Found:
    rounds = improve(numbers, codes, ends, gamma, guess.means, guess.modes, max_iter)
    _, least = nearest(numbers, codes, guess.means, guess.modes, gamma)
    return Found(guess, float(least.sum()), int(rounds))


def word_counts(codes: np.ndarray, label: np.ndarray, ends: np.ndarray, k: int) -> np.ndarray:
    """How often each word comes in each cluster, shape (k, number of words of all columns)."""
    return count_words(codes, label, ends, k)


def modes_of(counts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """The commonest word of each column (the first of equals), shape (n_columns, k)."""
    modes = np.zeros((ends.size - 1, len(counts)), dtype=np.int32)
    commonest(counts, ends, modes)
    return modes
