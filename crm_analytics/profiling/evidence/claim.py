"""A claim: what one test says of a household, before it is weighed against all the others."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Claim:
    """One answer of one question, with the lines it rests on.

    Attributes
    ----------
    kind : str
        The name of its `Kind`.
    lines : ndarray of int
        Positions in the household's lines (in time order), distinct; never empty.
    asked : int
        How many questions of this kind were tried on the household (categories tested, pairs
        compared, ...), of which this is one answer. At least 1.
    p_value, bayes_factor, probability : float, exactly one of them
        The chance of evidence this strong or stronger under the null; or how many times likelier
        the lines are under the claim than under the null; or a calibrated probability of the claim.
    null : str
        Key of the null in the kind's `nulls`.
    subject : str
        What is claimed of, as the log writes it: a category, a brand, a place; '' for the household.
    customer : hashable, optional
        The card that it is about, if it is about one.
    start, end : date, optional
        The period claimed for, half open.
    values : dict
        Numbers, words and dates for the statement's template, by name.
    variant : str
        Which of the kind's statements is meant.
    alternatives : tuple of str
        Keys of the explanations that these lines cannot rule out.
    topic : {'', 'health', 'religion', 'pregnancy'}
        Why it is not told unless asked for; '' if it may be told.
    """

    kind: str
    lines: np.ndarray
    asked: int
    null: str
    p_value: float | None = None
    bayes_factor: float | None = None
    probability: float | None = None
    subject: str = ""
    customer: Any = None
    start: date | None = None
    end: date | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    variant: str = "plain"
    alternatives: tuple[str, ...] = ()
    topic: str = ""

    def __post_init__(self) -> None:
        given = [x for x in (self.p_value, self.bayes_factor, self.probability) if x is not None]
        if len(given) != 1:
            raise ValueError(
                f"a claim of {self.kind} needs one of p_value, bayes_factor and probability. Got {len(given)}."
            )
        if len(self.lines) == 0:
            raise ValueError(f"a claim of {self.kind} needs the lines it rests on. Got none.")
        if self.asked < 1:
            raise ValueError(f"asked must be >= 1 for a claim of {self.kind}. Got {self.asked!r} instead.")
