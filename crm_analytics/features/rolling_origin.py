"""Folds in time: learn only from labels that were complete when the test begins."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from crm_analytics.core.errors import SchemaError


class PurgedRollingOrigin:
    """Splits snapshots so that each test origin is judged by what was known then.

    A fold tests on one origin and trains on the earlier ones whose label window was over at
    it: `label_end` <= test origin. The others are purged, since their labels tell what
    happened after the test origin. To be passed as `cv` to scikit-learn, with snapshots as
    `SnapshotBuilder` makes them.

    Parameters
    ----------
    n_splits : int >= 1, optional
        The latest so many origins that can be tested; all that have something to train on by
        default.
    min_train_origins : int >= 1, default=1
        Origins that a fold needs to train on.

    Examples
    --------
    >>> from crm_analytics.datasets import load_cdnow
    >>> from crm_analytics.features import SnapshotBuilder
    >>> builder = SnapshotBuilder(horizon=91)
    >>> X, y = builder.build(load_cdnow(), ["1997-07-01", "1997-08-15", "1997-10-01", "1998-01-01"])
    >>> for train, test in PurgedRollingOrigin().split(X, y):
    ...     learnt, asked = (X.index[rows].get_level_values("origin").unique() for rows in (train, test))
    ...     [f"{origin:%d %b}" for origin in learnt], f"{asked[0]:%d %b}"
    (['01 Jul'], '01 Oct')
    (['01 Jul', '15 Aug', '01 Oct'], '01 Jan')
    """

    def __init__(self, n_splits: int | None = None, *, min_train_origins: int = 1) -> None:
        self.n_splits = n_splits
        self.min_train_origins = min_train_origins

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield positions of training and test rows, by rising test origin.

        `X` is a DataFrame with the index levels `origin` and `label_end`; `y` and `groups` are
        not looked at. Raises SchemaError if the levels are missing, ValueError if no origin
        can be tested or `n_splits` are not to be had.
        """
        origin, label_end = row_times(X, caller="PurgedRollingOrigin")
        for test in self._tested(origin, label_end):
            yield np.flatnonzero(label_end <= test), np.flatnonzero(origin == test)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds, which depends on `X` unless `n_splits` was given."""
        if X is None:
            if self.n_splits is None:
                raise ValueError("PurgedRollingOrigin: without n_splits, X must be given to count the folds.")
            return self.n_splits
        return len(self._tested(*row_times(X, caller="PurgedRollingOrigin")))

    def _tested(self, origin: np.ndarray, label_end: np.ndarray) -> list[Any]:
        if self.n_splits is not None and not self.n_splits >= 1:
            raise ValueError(f"n_splits must be >= 1. Got {self.n_splits!r} instead.")
        if not self.min_train_origins >= 1:
            raise ValueError(f"min_train_origins must be >= 1. Got {self.min_train_origins!r} instead.")
        origins = np.unique(origin)
        known = [np.unique(origin[label_end <= test]).size for test in origins]
        can = [test for test, n in zip(origins, known, strict=True) if n >= self.min_train_origins]
        wanted = 1 if self.n_splits is None else self.n_splits
        if len(can) < wanted:
            raise ValueError(
                f"PurgedRollingOrigin: {wanted:,} test origins were asked for, but of {origins.size:,} only "
                f"{len(can):,} have {self.min_train_origins:,} or more earlier ones whose label window was "
                "over. Build snapshots at more origins, further apart, or shorten the horizon."
            )
        return can if self.n_splits is None else can[-self.n_splits :]


def row_times(X: Any, *, caller: str) -> tuple[np.ndarray, np.ndarray]:
    """Return `origin` and `label_end` of each row of snapshots; SchemaError if the index lacks them."""
    names = (
        [name for name in X.index.names if name is not None]
        if isinstance(X, pd.DataFrame | pd.Series)
        else []
    )
    if not {"origin", "label_end"} <= set(names):
        raise SchemaError(
            f"{caller}: X must be a DataFrame with the index levels origin and label_end, as SnapshotBuilder makes "
            f"it. Its index has: {', '.join(map(str, names)) or 'no names'}. Folds in time need to know when a row was "
            "seen and when its label was complete; keep the index."
        )
    return (
        X.index.get_level_values("origin").to_numpy(),
        X.index.get_level_values("label_end").to_numpy(),
    )
