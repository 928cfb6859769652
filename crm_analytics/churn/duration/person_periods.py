"""Who was watched when, without ever writing down a row a customer and period."""

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Watch:
    """Who was watched when, in steps of one or more periods that share a baseline hazard.

    Rows are sorted by the end of the watch, the longest first, so that those at risk in a step
    are the first so many.

    Attributes
    ----------
    design : ndarray of float, shape (n, n_effects)
    begun, ended : ndarray of int, shape (n,)
        The watch covers periods begun + 1 to ended.
    churned : ndarray of bool, shape (n,)
        Whether it ended with the customer leaving.
    weight : ndarray of float, shape (n,)
    starts : ndarray of int, shape (n_steps,)
        First period of each step, from 1; the last has no end.
    clock : ndarray of float, shape (n_steps,)
        Time by which effects change; 0 throughout where they do not.
    """

    design: np.ndarray
    begun: np.ndarray
    ended: np.ndarray
    churned: np.ndarray
    weight: np.ndarray
    starts: np.ndarray
    clock: np.ndarray

    @classmethod
    def of(
        cls,
        design: np.ndarray,
        begun: np.ndarray,
        ended: np.ndarray,
        churned: np.ndarray,
        weight: np.ndarray,
        starts: np.ndarray,
    ) -> "Watch":
        """From rows in any order; equal watches of equal customers become one row with their weight."""
        # The last key counts first; the others bring equal rows together, and make order no matter.
        order = np.lexsort((*design.T, churned, begun, -ended))
        columns = (design[order], begun[order], ended[order], churned[order])
        same = np.ones(len(order) - 1, dtype=bool)
        for column in (*columns[0].T, *columns[1:]):
            same &= column[1:] == column[:-1]
        first = np.concatenate([[0], np.flatnonzero(~same) + 1])
        total = np.add.reduceat(weight[order], first)
        design, begun, ended, churned = (column[first] for column in columns)
        return cls(design, begun, ended, churned, total, starts, np.zeros(starts.size))

    def take(self, these: np.ndarray) -> "Watch":
        """Some of the rows."""
        names = ("design", "begun", "ended", "churned", "weight")
        return replace(self, **{name: getattr(self, name)[these] for name in names})

    def ticking(self) -> "Watch":
        """The same with a clock: the logarithm of time, from its mean in standard deviations of the watch."""
        if self.starts.size < 2:
            return self
        exposed = [self.at_risk(step).sum() for step in range(self.starts.size)]
        time = np.log(self.starts)
        time = time - np.average(time, weights=exposed)
        return replace(self, clock=time / np.sqrt(np.average(time**2, weights=exposed)))

    def basis(self) -> np.ndarray:
        """What effects are multiplied by in each step, shape (n_steps, 1), or (n_steps, 2) with a clock."""
        ones = np.ones(self.starts.size)
        return np.stack([ones, self.clock] if self.clock.any() else [ones], axis=1)

    def n_rows(self) -> int:
        """How many pairs of a row and a step it was watched in there are."""
        return int((self.step_of(self.ended) - self.step_of(self.begun + 1) + 1).sum())

    def rows(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Those pairs: row, step, periods watched in it, and the share of them in which it churned."""
        from_step, to_step = self.step_of(self.begun + 1), self.step_of(self.ended)
        each = to_step - from_step + 1
        row = np.repeat(np.arange(each.size), each)
        step = np.arange(row.size) - np.repeat(np.cumsum(each) - each, each) + from_step[row]
        last = np.append(self.starts[1:] - 1, np.iinfo(np.int64).max)[step]
        periods = np.minimum(self.ended[row], last) - np.maximum(self.begun[row], self.starts[step] - 1)
        left = self.churned[row] & (step == to_step[row])
        return row, step, periods.astype(float), left / periods

    def step_of(self, period: np.ndarray) -> np.ndarray:
        """Step that each period lies in."""
        return np.searchsorted(self.starts, period, side="right") - 1

    def at_risk(self, step: int) -> np.ndarray:
        """Weight times periods watched in `step`, of as many of the first rows as reach it."""
        first, last = self.starts[step], self.last(step)
        n = int(np.searchsorted(-self.ended, -first, side="right"))
        periods = np.minimum(self.ended[:n], last) - np.maximum(self.begun[:n], first - 1)
        return self.weight[:n] * np.maximum(periods, 0)

    def last(self, step: int) -> int:
        """Last period of `step`; of the last step, the last that was watched."""
        if step + 1 < self.starts.size:
            return int(self.starts[step + 1] - 1)
        return max(int(self.ended[0]), int(self.starts[step]))

    def events(self) -> np.ndarray:
        """Weight of those who left in each step, shape (n_steps,)."""
        step = self.step_of(self.ended[self.churned])
        return np.bincount(step, weights=self.weight[self.churned], minlength=self.starts.size)


def step_starts(
    begun: np.ndarray, ended: np.ndarray, churned: np.ndarray, weight: np.ndarray, least: float
) -> np.ndarray:
    """First periods of steps, each as short as it can be with `least` churns and someone who stayed.

    From the first period on; what is left at the end, too little for a step, joins the last one.
    """
    n = int(ended.max())
    events = np.bincount(ended[churned], weights=weight[churned], minlength=n + 1)[1:]
    change = np.bincount(begun, weights=weight, minlength=n + 1) - np.bincount(
        ended, weights=weight, minlength=n + 1
    )
    stayed = np.cumsum(change)[:n] - events
    stayed[stayed < 1e-9 * weight.sum()] = 0  # rounding of weights is nobody
    starts, n_events, n_stayed = [1], 0.0, 0.0
    for period in range(1, n + 1):
        n_events += events[period - 1]
        n_stayed += stayed[period - 1]
        if n_events >= least and n_stayed > 0:
            starts.append(period + 1)
            n_events = n_stayed = 0.0
    if len(starts) > 1:
        starts.pop()  # either nobody is watched any longer, or the rest is too little for a step
    return np.array(starts, dtype=np.int64)
