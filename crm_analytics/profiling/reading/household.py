"""One household as a question meets it: its lines, its receipts, and the population around it."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from crm_analytics.profiling.reading.lines import Lines
from crm_analytics.profiling.reading.receipts import Receipts, receipts_of

if TYPE_CHECKING:
    from crm_analytics.profiling.reading.population import Population

Learnt = TypeVar("Learnt")


@dataclass(frozen=True)
class Household:
    """A household's lines in time order, and whom to compare it with.

    Attributes
    ----------
    household_id : hashable
        As in the context's cards, or the log's customer_id.
    lines : Lines
        Its lines, time-sorted, receipt by receipt. A refund is no line.
    population : Population
        Everybody's lines and what was learnt from them.
    """

    household_id: Any
    lines: Lines
    population: "Population"
    _learnt: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    def learn(self, question: "Callable[[Household], Learnt]") -> Learnt:
        """Return `question(self)`, computed once: what several questions want to know of the household."""
        if question not in self._learnt:
            self._learnt[question] = question(self)
        return self._learnt[question]

    @functools.cached_property
    def receipts(self) -> Receipts:
        """Its till receipts in time order."""
        return receipts_of(self.lines)

    @functools.cached_property
    def visit_days(self) -> np.ndarray:
        """Distinct days with a purchase, ascending (days since 1970-01-01)."""
        return np.unique(self.lines.day)

    @functools.cached_property
    def cards(self) -> np.ndarray:
        """Codes of the cards that were used, ascending."""
        return np.unique(self.lines.customer)

    def tagged(self, *tags: str) -> np.ndarray:
        """Which lines carry any of the tags; boolean, shape (n_lines,)."""
        return self.population.tagged(*tags)[self.lines.product]

    def word(self, column: str, code: int) -> str:
        """The word behind a code of `column`; '' where it is unknown."""
        return self.population.word(column, code)

    def card(self, code: int) -> Any:
        """The customer_id behind a card's code."""
        return self.population.names["customer"][code]
