"""A finding: a claim that was weighed, in words, with the lines that carry it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

STRONG, LIKELY = 0.95, 0.8

LEVELS = {
    "strong": {"en": "strong", "tr": "güçlü"},
    "likely": {"en": "likely", "tr": "olası"},
    "hint": {"en": "hint", "tr": "ipucu"},
}


@dataclass(frozen=True, eq=False)
class Finding:
    """One thing that the lines say of a household.

    Attributes
    ----------
    kind : str
        What sort of claim: 'brand_switch', 'stay', ... (`profiling.KINDS` has them all).
    stage : {'rhythm', 'detail', 'interpretation'}
        The stage of the assignment at which it is told.
    title, statement : str
        Heading and claim in the profile's language.
    subject : str
        What it is about, as the log writes it; '' for the household.
    customer_id : hashable or None
        The card that it is about, if it is about one.
    start, end : date or None
        The period claimed for, half open.
    strength : float
        Probability that the claim is true, given its test and the number of questions asked.
    level : {'strong', 'likely', 'hint'}
        At least .95, at least .8, or less.
    p_value, bayes_factor : float or None
        What the test gave, before the number of questions was taken into account.
    asked : int
        Questions of this kind that were asked of the household.
    null : str
        What the strength is measured against, in words.
    alternatives : tuple of str
        Explanations that the lines cannot rule out, in words.
    rows : ndarray of int
        Rows of the evidence in `Profile.lines`; `Profile.evidence(finding)` shows them.
    values : dict
        The numbers and words behind the statement.
    variant : str
        Which of the kind's statements it is.
    topic : str
        '' or the sensitive topic that it was asked for under.
    """

    kind: str
    stage: str
    title: str
    statement: str
    subject: str
    customer_id: Any
    start: date | None
    end: date | None
    strength: float
    level: str
    p_value: float | None
    bayes_factor: float | None
    asked: int
    null: str
    alternatives: tuple[str, ...]
    rows: np.ndarray
    values: Mapping[str, Any]
    variant: str
    topic: str

    def __repr__(self) -> str:
        rounded = f"{self.strength:.2f}"
        strength = "> .99" if rounded == "1.00" else rounded  # no test is certain
        return f"<{self.kind}: {self.statement} ({self.level}, {strength}; {len(self.rows)} lines)>"


def level_of(strength: float) -> str:
    """Word for a strength.

    >>> [level_of(x) for x in (0.99, 0.9, 0.5)]
    ['strong', 'likely', 'hint']
    """
    return "strong" if strength >= STRONG else "likely" if strength >= LIKELY else "hint"
