"""A kind of claim: its name, where it stands in a profile, and its words in both languages."""

from collections.abc import Mapping
from dataclasses import dataclass, field

STAGES = ("form", "rhythm", "detail", "interpretation")

TOPICS = ("health", "religion", "pregnancy")

Words = Mapping[str, str]  # language → template, e.g. {"en": "...", "tr": "..."}


@dataclass(frozen=True)
class Kind:
    """What claims of one kind have in common. A question's file declares its kinds beside their test.

    Attributes
    ----------
    name : str
        The word in `Finding.kind`, e.g. 'brand_switch'.
    stage : {'form', 'rhythm', 'detail', 'interpretation'}
        Where in the profile such claims are told.
    title : Words
        A short heading.
    statements : dict of str to Words
        Templates by variant; 'plain' is used where a claim names none. Fields are the claim's
        `values`, with `subject`, `customer`, `start` and `end`, and formats of
        `telling.formatting`: ``{subject:category}``, ``{start:date}``, ``{share:percent}``.
    nulls : dict of str to Words
        What the strength is measured against, by key.
    alternatives : dict of str to Words
        Other explanations that a claim may name, by key.
    """

    name: str
    stage: str
    title: Words
    statements: Mapping[str, Words]
    nulls: Mapping[str, Words]
    alternatives: Mapping[str, Words] = field(default_factory=dict)
