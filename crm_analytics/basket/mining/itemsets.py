"""Many itemsets in three arrays."""

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True, eq=False)
class Itemsets:
    """Itemsets by rising length, and within a length in the order of their codes.

    Attributes
    ----------
    codes : ndarray of int32
        Item codes of one set after another, rising within a set.
    offsets : ndarray of int64, shape (n_itemsets + 1,)
        Set i is `codes[offsets[i] : offsets[i + 1]]`.
    counts : ndarray of int64, shape (n_itemsets,)
        Baskets that hold the whole set.
    """

    codes: np.ndarray
    offsets: np.ndarray
    counts: np.ndarray

    def __len__(self) -> int:
        return self.counts.size

    @property
    def lengths(self) -> np.ndarray:
        """Items in each set."""
        return np.diff(self.offsets)

    def frozensets(self, items: pd.Index) -> np.ndarray:
        """Return each set with the names of `items`, as an array of frozensets."""
        held = np.zeros(len(items), dtype=bool)
        held[self.codes] = True
        names = np.empty(len(items), dtype=object)
        names[held] = items[held].to_numpy(object)  # of many products few are frequent
        lengths = self.lengths
        found = np.empty(len(self), dtype=object)
        for length in np.unique(lengths):
            first, last = np.searchsorted(lengths, [length, length + 1])  # sets of one length lie together
            block = self.codes[self.offsets[first] : self.offsets[last]].reshape(-1, length)
            # By columns, so that no list is made for each set.
            found[first:last] = list(map(frozenset, zip(*names[block.T].tolist(), strict=True)))
        return found
