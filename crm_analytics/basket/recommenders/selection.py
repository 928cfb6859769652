"""The best k of each customer's candidates, under the caller's wishes."""

from dataclasses import dataclass

import numpy as np
from numba import njit


@dataclass(frozen=True, eq=False)
class Candidates:
    """Scored items of some customers, one customer's after another's.

    Attributes
    ----------
    indptr : ndarray of int64, shape (n_rows + 1,)
        Row i holds the entries `indptr[i]` to `indptr[i + 1] - 1`.
    items : ndarray of int32
        Item codes, each at most once in a row.
    scores : ndarray of float64
        The higher the better; compared within a row only.
    """

    indptr: np.ndarray
    items: np.ndarray
    scores: np.ndarray

    def __len__(self) -> int:
        return self.indptr.size - 1

    @classmethod
    def none(cls, n_rows: int) -> "Candidates":
        """No candidate in any of `n_rows` rows."""
        return cls(np.zeros(n_rows + 1, np.int64), np.empty(0, np.int32), np.empty(0))

    @classmethod
    def from_dense(cls, scores: np.ndarray, items: np.ndarray) -> "Candidates":
        """What has a score > 0 in a (n_rows, len(items)) block."""
        rows, columns = np.nonzero(scores > 0)
        indptr = np.searchsorted(rows, np.arange(len(scores) + 1)).astype(np.int64)
        return cls(indptr, items[columns].astype(np.int32), scores[rows, columns].astype(np.float64))


@njit(cache=True)
def best_of(
    indptr, items, scores, own_indptr, own_items, held_back, barred, filling, repeats, novels, n_items, k
):
    """Item codes and scores of the best `k` candidates of each row, -1 where there are no more.

    Ties go to the lower code. Places that candidates leave free are filled with the first
    items of `filling` that the row does not hold yet, at score 0; the place from which on it
    was filled is returned as well.

    `own_indptr`, `own_items` list what the customer of each row bought, `held_back` which of it
    may not be offered now, `barred` what nobody may be offered; `repeats` and `novels` say whether
    those bought before, and those not, may be offered at all.
    """
    n_rows = indptr.size - 1
    best = np.full((n_rows, k), -1, np.int64)
    value = np.zeros((n_rows, k))
    filled_from = np.full(n_rows, k, np.int64)
    state = np.zeros(n_items, np.int8)  # 0 new to the customer, 1 bought, 2 not to be offered
    for row in range(n_rows):
        for entry in range(own_indptr[row], own_indptr[row + 1]):
            state[own_items[entry]] = 2 if held_back[entry] else 1
        for item in barred:
            state[item] = 2
        n = 0
        for entry in range(indptr[row], indptr[row + 1]):
            item, score = items[entry], scores[entry]
            kind = state[item]
            if kind == 2 or (kind == 1 and not repeats) or (kind == 0 and not novels):
                continue
            if n == k and (
                score < value[row, k - 1] or (score == value[row, k - 1] and item > best[row, k - 1])
            ):
                continue
            place = n if n < k else k - 1
            while place > 0 and (
                score > value[row, place - 1]
                or (score == value[row, place - 1] and item < best[row, place - 1])
            ):
                best[row, place], value[row, place] = best[row, place - 1], value[row, place - 1]
                place -= 1
            best[row, place], value[row, place] = item, score
            n = min(n + 1, k)
        filled_from[row] = n
        if n < k:
            kinds = state.copy() if n else state
            for place in range(n):
                kinds[best[row, place]] = 2
            for item in filling:
                if n == k:
                    break
                kind = kinds[item]
                if (kind == 0 and novels) or (kind == 1 and repeats):
                    best[row, n] = item
                    n += 1
        for entry in range(own_indptr[row], own_indptr[row + 1]):
            state[own_items[entry]] = 0
        for item in barred:
            state[item] = 0
    return best, value, filled_from
