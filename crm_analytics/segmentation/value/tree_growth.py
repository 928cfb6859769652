"""Growth of a regression tree that would rather cut where it cut before than a little better."""

import numpy as np

from crm_analytics.segmentation.value.value_segmenter import cut_points

Box = tuple[np.ndarray, np.ndarray]  # lower and upper bounds of each column

BELOW = np.array([0.5, 0.8, 0.95])  # shares of all customers under the places where a column may be cut
HOLD = 0.9  # an earlier column is taken whose gain is at least so much of the best one's


def grow(values: np.ndarray, target: np.ndarray, *, most: int, least: float) -> list[Box]:
    """Boxes of at most `most` leaves with at least `least` of the rows each.

    `values` has shape (n, n_columns), `target` (n,). The leaf whose best cut takes most off the
    sum of squares is cut next (best first).
    """
    n, p = values.shape
    cuts = [np.unique(cut_points(column, BELOW)) for column in values.T]
    codes = np.column_stack(
        [np.searchsorted(c, x, side="right") for c, x in zip(cuts, values.T, strict=True)]
    )
    leaves = [(np.arange(n), np.full(p, -np.inf), np.full(p, np.inf))]
    best = [_best_cut(codes, target, leaves[0][0], cuts, least * n)]
    while len(leaves) < most:
        leaf = max(range(len(leaves)), key=lambda k: best[k][0])
        gain, column, cut = best.pop(leaf)
        rows, lower, upper = leaves.pop(leaf)
        if gain <= 0:
            leaves.append((rows, lower, upper))
            break
        left = values[rows, column] < cut
        below, above = upper.copy(), lower.copy()
        below[column] = above[column] = cut
        for side, low, high in ((rows[left], lower, below), (rows[~left], above, upper)):
            leaves.append((side, low, high))
            best.append(_best_cut(codes, target, side, cuts, least * n))
    return [(lower, upper) for _, lower, upper in leaves]


def _best_cut(
    codes: np.ndarray, target: np.ndarray, rows: np.ndarray, cuts: list[np.ndarray], least: float
) -> tuple[float, int, float]:
    """Gain, column and value of the cut to make; a gain of 0 if there is none."""
    y = target[rows] - target[rows].mean()
    found = []
    for column, places in enumerate(cuts):
        code = codes[rows, column]
        n = np.bincount(code, minlength=places.size + 1)[:-1].cumsum()
        total = np.bincount(code, weights=y, minlength=places.size + 1)[:-1].cumsum()
        enough = np.minimum(n, rows.size - n) >= max(least, 1)
        gain = np.zeros(places.size)
        gain[enough] = (total**2 / np.maximum(n, 1) + total**2 / np.maximum(rows.size - n, 1))[enough]
        k = int(gain.argmax())
        found.append((float(gain[k]), column, float(places[k])))
    top = max(gain for gain, _, _ in found)
    # Of equal sums some are unequal in the last digit.
    return next(cut for cut in found if cut[0] >= HOLD * top) if top > 1e-9 * (y**2).sum() else (0.0, 0, 0.0)
