"""Names for the cells of recency, frequency and monetary scores: each cell has exactly one."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

Span = int | tuple[int, int] | None

_SHOWN = 6  # cells that an error names


class NameRule(NamedTuple):
    """Cells that bear one name: a box of scores.

    Each of `r`, `f`, `m` and `fm` is a score, a lowest and a highest score (both included), or
    None for all. `fm` is the mean of f and m, halves rounded up.

    Examples
    --------
    >>> NameRule("Champions", r=5, fm=(4, 5)).describe()
    'r 5, fm 4-5'
    """

    name: str
    r: Span = None
    f: Span = None
    m: Span = None
    fm: Span = None

    def describe(self) -> str:
        """The scores it takes, as one would write them; "all" if it takes every cell."""
        parts = []
        for axis in ("r", "f", "m", "fm"):
            span = getattr(self, axis)
            if span is not None:
                low, high = _ends(span)
                parts.append(f"{axis} {low}" if low == high else f"{axis} {low}-{high}")
        return ", ".join(parts) or "all"


class NameGrid(tuple[NameRule, ...]):
    """Rules that name every cell of scores once; checked when it is made.

    It is the tuple of its rules. A name may have several; the names stand in the order of their
    first rules, from the best to the worst.

    Parameters
    ----------
    rules : iterable of NameRule or of tuples (name, r, f, m, fm)
    n_bins : int from 2 to 9, default=5
        Scores of r, f and m each: there are n_bins³ cells.

    Attributes
    ----------
    n_bins : int
    names : tuple of str, from the best to the worst
    codes : ndarray of int8, shape (n_bins, n_bins, n_bins)
        Place among `names` of the name of cell [r - 1, f - 1, m - 1].
    plane : "f" or "fm"
        What is drawn against r: `fm` if a rule speaks of it.

    Raises
    ------
    ValueError
        If a cell has no name or two, or a rule is outside the scale or takes no cell.

    Examples
    --------
    >>> grid = NameGrid([NameRule("Stars", r=(3, 5), f=(3, 5)), NameRule("Fading", r=(1, 2), f=(3, 5)),
    ...                  NameRule("Small", f=(1, 2))])
    >>> grid.names, grid.name_of(1, 5, 2)
    (('Stars', 'Fading', 'Small'), 'Fading')
    >>> NameGrid([NameRule("Stars", r=(3, 5)), NameRule("Fading", r=(1, 3), m=(1, 4))])
    Traceback (most recent call last):
    ValueError: NameGrid: 10 of 125 cells (r, f, m) have no name (115, 125, 135, 145, 155, 215, ...);
    20 have two (311, 312, 313, 314, 321, 322, ...; Stars and Fading). Mend the rules so that each
    cell has one.
    """

    n_bins: int
    names: tuple[str, ...]
    codes: np.ndarray
    plane: str

    def __new__(cls, rules: Iterable[Any], n_bins: int = 5) -> "NameGrid":
        """Check the rules against the scale, and every cell for its name."""
        check_bins(n_bins)
        grid = super().__new__(cls, [_rule(given) for given in rules])
        taken = [_cells(rule, n_bins) for rule in grid]
        _require_cover(grid, taken, n_bins)
        grid.n_bins = int(n_bins)
        grid.names = tuple(dict.fromkeys(rule.name for rule in grid))
        grid.codes = np.zeros((n_bins,) * 3, dtype=np.int8)
        for rule, cells in zip(grid, taken, strict=True):
            grid.codes[cells] = grid.names.index(rule.name)
        grid.plane = "fm" if any(rule.fm is not None for rule in grid) else "f"
        return grid

    def __getnewargs__(self) -> tuple:
        return tuple(self), self.n_bins

    def __repr__(self) -> str:
        return f"NameGrid({list(self)!r}, n_bins={self.n_bins})"

    def name_of(self, r: int, f: int, m: int) -> str:
        """The name of one cell; scores are from 1 to `n_bins`."""
        if not all(1 <= score <= self.n_bins for score in (r, f, m)):
            raise ValueError(f"scores must be from 1 to {self.n_bins}. Got {(r, f, m)!r} instead.")
        return self.names[self.codes[r - 1, f - 1, m - 1]]


def mean_score(f: Any, m: Any) -> Any:
    """The mean of two scores, halves rounded up.

    >>> mean_score(2, 3), mean_score(1, 1)
    (3, 1)
    """
    return (f + m + 1) // 2


def check_bins(n_bins: int) -> None:
    """Raise ValueError unless a score is one digit and there are two at least."""
    if n_bins not in range(2, 10):
        raise ValueError(f"n_bins must be a whole number from 2 to 9. Got {n_bins!r} instead.")


def _rule(given: Any) -> NameRule:
    if not isinstance(given, tuple | list) or not 1 <= len(given) <= 5 or not isinstance(given[0], str):
        raise ValueError(
            f"a rule of a NameGrid must be NameRule(name, r=…, f=…, m=…, fm=…). Got {given!r} instead."
        )
    return NameRule(*given)


def _ends(span: Any) -> tuple[int, int]:
    low, high = span if isinstance(span, tuple | list) and len(span) == 2 else (span, span)
    return low, high


def _cells(rule: NameRule, n_bins: int) -> np.ndarray:
    """Which cells the rule takes, shape (n_bins, n_bins, n_bins)."""
    scores = range(1, n_bins + 1)
    r, f, m = np.meshgrid(scores, scores, scores, indexing="ij")
    taken = np.ones(r.shape, dtype=bool)
    for axis, score in {"r": r, "f": f, "m": m, "fm": mean_score(f, m)}.items():
        span = getattr(rule, axis)
        if span is None:
            continue
        low, high = _ends(span)
        if low not in scores or high not in scores or low > high:
            raise ValueError(
                f"NameGrid: {axis} of {rule.name!r} must be a score from 1 to {n_bins}, or the lowest and the highest "
                f"of several. Got {span!r} instead."
            )
        taken &= (low <= score) & (score <= high)
    if not taken.any():
        raise ValueError(f"NameGrid: {rule.name!r} takes no cell: no f and m have that mean. Mend its rule.")
    return taken


def _require_cover(rules: Iterable[NameRule], taken: list[np.ndarray], n_bins: int) -> None:
    """Raise ValueError unless each cell is taken once, and say which are not."""
    times = np.sum(taken, axis=0) if taken else np.zeros((n_bins,) * 3, dtype=int)
    wrong = []
    if (times == 0).any():
        cells = times == 0
        wrong.append(f"{cells.sum():,} of {times.size:,} cells (r, f, m) have no name ({_some(cells)})")
    if (times > 1).any():
        cells = times > 1
        first = tuple(np.argwhere(cells)[0])
        both = " and ".join(rule.name for rule, box in zip(rules, taken, strict=True) if box[first])
        whole = "" if wrong else f" of {times.size:,} cells (r, f, m)"
        wrong.append(f"{cells.sum():,}{whole} have two ({_some(cells)}; {both})")
    if wrong:
        raise ValueError(f"NameGrid: {'; '.join(wrong)}. Mend the rules so that each cell has one.")


def _some(cells: np.ndarray) -> str:
    found = np.argwhere(cells) + 1
    names = ["".join(map(str, cell)) for cell in found[:_SHOWN]]
    return ", ".join([*names, "..."] if len(found) > _SHOWN else names)
