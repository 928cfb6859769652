"""A household's profile: findings stage by stage, and the lines they rest on."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crm_analytics.core.errors import choice
from crm_analytics.profiling.evidence.claim import Claim
from crm_analytics.profiling.evidence.finding import Finding
from crm_analytics.profiling.evidence.kind import STAGES
from crm_analytics.profiling.evidence.strength import stands, strength
from crm_analytics.profiling.form import read_forms
from crm_analytics.profiling.questions.registry import KINDS
from crm_analytics.profiling.reading.household import Household
from crm_analytics.profiling.telling.formatting import LANGUAGES, Formatter
from crm_analytics.profiling.telling.statements import tell
from crm_analytics.profiling.totals import monthly_totals, totals

# Of what is told, one claim in ten may be false; and none that is less likely than four in five.
FALSE_SHARE, LEAST = 0.1, 0.8

_EVIDENCE = [
    "source_file", "line_number", "customer_id", "transaction_id", "occurred_at", "store_id", "item",
    "description", "category", "brand", "quantity", "unit_price", "amount",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Profile:
    """Who a household is, as far as its lines say. Made by `profile_household`.

    Attributes
    ----------
    household : Household
        Its lines.
    claims : tuple of Claim
        Every answer that the questions gave, weak ones too, without topics that were not asked for.
    lang : {'en', 'tr'}
        Language of the words.
    show_cards : bool
        Whether statements name cards by number; else "card 1", "card 2" by first use.
    """

    household: Household
    claims: tuple[Claim, ...]
    lang: str = "en"
    show_cards: bool = False

    @property
    def household_id(self) -> Any:
        """The household's identifier."""
        return self.household.household_id

    @functools.cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What may be told: by stage, strongest first.

        Each has a strength of at least .8, and together at most one in ten is expected to be
        false (Bayesian false discovery rate).
        """
        return tuple(finding for finding, told in zip(self._weighed, self._told, strict=True) if told)

    @functools.cached_property
    def hints(self) -> tuple[Finding, ...]:
        """Answers too weak to be told: worth a look, never a claim."""
        return tuple(finding for finding, told in zip(self._weighed, self._told, strict=True) if not told)

    @functools.cached_property
    def form(self) -> pd.DataFrame:
        """Stage one: what the application forms say, and how one may read it.

        One row an answer: `card`, `question`, `answer`, `reading`. Empty without forms.
        """
        return read_forms(self.household, self.formatter)

    @functools.cached_property
    def totals(self) -> pd.Series:
        """Stage two: the log in ten numbers (see `profiling.totals`)."""
        return totals(self.household)

    @functools.cached_property
    def months(self) -> pd.DataFrame:
        """Stage two: amount, receipts, lines and visit days by month."""
        return monthly_totals(self.household)

    def stage(self, name: str) -> tuple[Finding, ...]:
        """Findings of one stage: 'rhythm', 'detail' or 'interpretation'."""
        choice(name, name="stage", allowed=STAGES)
        return tuple(finding for finding in self.findings if finding.stage == name)

    def find(self, kind: str | None = None, subject: str | None = None) -> tuple[Finding, ...]:
        """Findings of one kind, about one subject, or both; all of them if neither is given.

        `subject` is written as in `table().subject`: the log's own word, whatever the language of the
        statements. A subject of which nothing is told gives ().
        """
        if kind is not None:
            choice(kind, name="kind", allowed=KINDS)
        return tuple(
            finding
            for finding in self.findings
            if (kind is None or finding.kind == kind) and (subject is None or finding.subject == subject)
        )

    def table(self, *, hints: bool = False) -> pd.DataFrame:
        """One row a finding: what, about what, when, how strong, on how many lines.

        Columns: stage, kind, subject, customer_id, start, end, statement, strength, level, null,
        alternatives, n_lines, variant, topic. With `hints`, those too weak to be told come after.
        """
        return findings_table(self.findings + self.hints if hints else self.findings)

    def evidence(self, finding: Finding) -> pd.DataFrame:
        """The lines that a finding rests on, as the source has them, in time order.

        The finding is one of this profile's, told or hinted at, in any language: ValueError for
        another household's, whose lines would be others.
        """
        if not isinstance(finding, Finding):
            raise TypeError(
                f"finding must be a Finding, such as profile.findings[0]. Got {type(finding).__name__} instead."
            )
        if not any(_same(finding, own) for own in self._weighed):
            about = ", ".join(filter(None, (finding.kind, finding.subject)))
            raise ValueError(
                f"this finding ({about}) is not of this profile of household {self.household_id!r}. "
                "Ask the profile it came from."
            )
        table = self.household.population.table
        rows = table.iloc[self.household.lines.row[finding.rows]]
        columns = [column for column in _EVIDENCE if rows[column].notna().any()]
        return rows[columns].rename(columns={"item": "item_id"}).reset_index(drop=True)

    def in_language(self, lang: str) -> "Profile":
        """The same profile in another language: 'en' or 'tr'."""
        choice(lang, name="lang", allowed=LANGUAGES)
        return Profile(self.household, self.claims, lang, self.show_cards)

    def __repr__(self) -> str:
        span = f"{self.totals['first_day']} to {self.totals['last_day']}"
        return (
            f"Profile of {self.household_id}: {len(self.findings)} findings from "
            f"{len(self.household.lines):,} lines, {span}"
        )

    @functools.cached_property
    def formatter(self) -> Formatter:
        """Writes dates, amounts, categories and cards as this profile does."""
        cards = {} if self.show_cards else card_labels(self.household, self.lang)
        return Formatter(self.lang, self.household.population.context.tags, cards)

    @functools.cached_property
    def _weighed(self) -> tuple[Finding, ...]:
        found = [tell(claim, KINDS[claim.kind], strength(claim), self.formatter) for claim in self.claims]
        order = {kind: place for place, kind in enumerate(KINDS)}
        return tuple(
            sorted(
                found, key=lambda f: (STAGES.index(f.stage), -round(f.strength, 6), order[f.kind], f.subject)
            )
        )

    @functools.cached_property
    def _told(self) -> np.ndarray:
        return stands(np.array([f.strength for f in self._weighed]), false_share=FALSE_SHARE, least=LEAST)


def _same(one: Finding, other: Finding) -> bool:
    """Whether two findings say the same of the same lines, be it in two languages."""
    if one is other:
        return True
    return all(
        getattr(one, name) == getattr(other, name)
        for name in ("kind", "subject", "variant", "customer_id", "start", "end", "strength")
    ) and np.array_equal(one.rows, other.rows)


def card_labels(household: Household, lang: str) -> dict[str, str]:
    """Each card's name on a page that shows no numbers: by first use."""
    word = {"en": "card", "tr": "kart"}[lang]
    codes, first = np.unique(household.lines.customer, return_index=True)
    return {
        str(household.card(code)): f"{word} {place + 1}"
        for place, code in enumerate(codes[np.argsort(first)])
    }


def findings_table(findings: Sequence[Finding]) -> pd.DataFrame:
    """One row a finding; the columns of `Profile.table`."""
    columns = [
        "stage",
        "kind",
        "subject",
        "customer_id",
        "start",
        "end",
        "statement",
        "strength",
        "level",
        "null",
    ]
    rows = [
        [
            *(getattr(finding, column) for column in columns),
            " ".join(finding.alternatives),
            len(finding.rows),
            finding.variant,
            finding.topic,
        ]
        for finding in findings
    ]
    return pd.DataFrame(rows, columns=[*columns, "alternatives", "n_lines", "variant", "topic"])
