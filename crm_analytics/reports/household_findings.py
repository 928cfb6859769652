"""Findings as a household's page shows them: gathered by kind, each with the lines it rests on."""

from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import Any

import numpy as np
import pandas as pd

from crm_analytics.profiling import Finding, Profile
from crm_analytics.profiling.evidence.finding import LEVELS
from crm_analytics.profiling.telling.formatting import capital
from crm_analytics.reports.household_words import ABOUT, COLUMNS, SUBJECTS, WORDS

MOST_LINES = 30  # of a finding's evidence that are written out
MOST_SHOWN = 6  # findings of a kind that are seen before the rest is opened
_NAMED = 3  # subjects of a kind in the table at the top
_DATED = ("stay", "absence")  # whose month tells one from the next
_CHANCES = (0.1, 0.05, 0.01, 0.001)  # that a finding is false: a bar more below each
_HOW = {kind: how for how, kinds in ABOUT.items() for kind in kinds}


def finding_groups(profile: Profile, stage: str) -> list[dict[str, Any]]:
    """Findings of a stage, a group a kind, the kind with the strongest finding first.

    Within a group those with a date stand in time order, others strongest first. What all findings
    of a group have in common (their other explanations) is said once.
    """
    found = profile.stage(stage)
    first = {f.kind: place for place, f in reversed(list(enumerate(found)))}
    groups = []
    for kind, members in groupby(sorted(found, key=lambda f: first[f.kind]), key=lambda f: f.kind):
        group = list(members)
        if all(f.start for f in group):
            group.sort(key=lambda f: (f.start, f.subject))
        shared = group[0].alternatives if len({f.alternatives for f in group}) == 1 else ()
        shown = [_finding(profile, f, alone=shared != f.alternatives) for f in group]
        more = WORDS[profile.lang]["more_findings"].format(n=len(group) - MOST_SHOWN)
        groups.append(
            {
                "kind": kind,
                "title": group[0].title,
                "level": max(group, key=lambda f: f.strength).level,
                "about": about(profile, group),
                "shown": shown[:MOST_SHOWN],
                "rest": shown[MOST_SHOWN:],
                "more": more,
                "alternatives": _sentences(shared, profile.lang),
                "n": len(group),
                **strength_words(profile, max(f.strength for f in group)),
            }
        )
    return groups


def about(profile: Profile, group: Sequence[Finding]) -> str:
    """What findings of one kind are about, in a few words."""
    if group[0].kind in _DATED:
        said = _places_and_months(profile, group)
    else:
        said = list(dict.fromkeys(subject for f in group if (subject := _subject(profile, f))))
        said = sorted(said) if _HOW.get(group[0].kind) == "card" else said
    if len(said) > _NAMED + 1:
        rest = WORDS[profile.lang]["other_subjects"].format(n=len(said) - _NAMED)
        said = [*said[:_NAMED], rest]
    return ", ".join(said)


def strength_words(profile: Profile, strength: float) -> dict[str, Any]:
    """A strength in percent (never 100: no test is that sure), and as one to five bars."""
    most = profile.formatter.format("{x:percent}", x=0.99)
    percent = profile.formatter.format("{x:percent}", x=np.floor(100 * strength + 1e-6) / 100)
    return {
        "strength": f"> {most}" if strength >= 0.995 else percent,
        "bars": 1 + sum(1 - strength <= chance + 1e-9 for chance in _CHANCES),
    }


def evidence_table(profile: Profile, finding: Finding) -> tuple[list[str], list[list[str]], int]:
    """Headings, cells and the number of lines of a finding's evidence; the first `MOST_LINES` of it.

    What a receipt's lines share is written on its first line only. Cards are named where there are
    several, unit prices where they are not the amounts; numbers of lines only with `show_cards`.
    """
    lines = profile.evidence(finding)
    n = len(lines)
    lines = lines.head(MOST_LINES)
    write = profile.formatter.format
    columns: dict[str, list[str]] = {}
    if profile.show_cards:
        columns["line"] = [write("{n:count}", n=number) for number in lines["line_number"]]
    columns["when"] = [_moment(profile, at) for at in lines["occurred_at"]]
    if len(profile.household.cards) > 1:
        columns["card"] = [write("{c:word}", c=card) for card in lines["customer_id"]]
    if "store_id" in lines:
        columns["store"] = _stores(profile, lines["store_id"])
    columns["product"] = _products(profile, lines)
    if "quantity" in lines:
        columns["quantity"] = [_known(profile, "{x:number}", x) for x in lines["quantity"]]
        if "unit_price" in lines and (lines["quantity"] != 1).any():
            columns["unit_price"] = [_known(profile, "{x:money}", x) for x in lines["unit_price"]]
    columns["amount"] = [_known(profile, "{x:money}", x) for x in lines["amount"]]
    _say_once(columns, ["when", "card", "store"])
    heads = [COLUMNS[profile.lang][name] for name in columns]
    return heads, [list(row) for row in zip(*columns.values(), strict=True)], n


def _finding(profile: Profile, finding: Finding, *, alone: bool) -> dict[str, Any]:
    """What the page shows of a finding; with its other explanations if it stands `alone` with them."""
    words = WORDS[profile.lang]
    heads, rows, n = evidence_table(profile, finding)
    summary = words["evidence"] if n > 1 else words["evidence_one"]
    rest = profile.formatter.format("{n:count}", n=n - MOST_LINES)
    return {
        "statement": finding.statement,
        "level": finding.level,
        "level_word": LEVELS[finding.level][profile.lang],
        **strength_words(profile, finding.strength),
        "null": _sentences([finding.null], profile.lang),
        "asked": words["asked"].format(n=finding.asked) if finding.asked > 1 else "",
        "alternatives": _sentences(finding.alternatives, profile.lang) if alone else "",
        "summary": summary.format(n=profile.formatter.format("{n:count}", n=n)),
        "heads": heads,
        "n_words": len(heads) - sum(name in heads for name in _numbers(profile.lang)),
        "rows": rows,
        "more": words["more"].format(n=rest) if n > MOST_LINES else "",
    }


def _numbers(lang: str) -> list[str]:
    return [COLUMNS[lang][name] for name in ("quantity", "unit_price", "amount")]


def _subject(profile: Profile, finding: Finding) -> str:
    """What one finding is about, in words."""
    how, write, subject = _HOW.get(finding.kind, ""), profile.formatter.format, finding.subject
    if how == "category":
        head, colon, rest = subject.partition(": ")
        return write("{x:category}", x=head) + colon + rest
    if how == "pair":
        return " → ".join(write("{x:category}", x=one) for one in subject.split(" -> "))
    if how == "tag":
        named = subject in profile.formatter.tags.names.index and subject not in SUBJECTS[profile.lang]
        return write("{x:tag}", x=subject) if named else _word(profile, subject)
    if how == "date":
        return write("{d:date}", d=finding.start) if finding.start else ""
    if how in ("place", "card"):
        return write("{x:card}" if how == "card" else "{x:word}", x=subject)
    return _word(profile, subject) if how == "word" else ""


def _places_and_months(profile: Profile, group: Sequence[Finding]) -> list[str]:
    """Places with the months of their findings: Marmaris (August 2007, July 2008)."""
    write = profile.formatter.format
    months: dict[str, list[str]] = {}
    for f in group:
        months.setdefault(f.subject, []).extend([write("{d:month}", d=f.start)] if f.start else [])
    return [
        f"{write('{x:word}', x=place)} ({', '.join(dict.fromkeys(when))})" if when else place
        for place, when in months.items()
    ]


def _word(profile: Profile, subject: str) -> str:
    return SUBJECTS[profile.lang].get(subject, subject.replace("_", " "))


def _sentences(texts: Sequence[str], lang: str) -> str:
    """Texts one after another, each with a capital and a full stop."""
    return " ".join(capital(text.rstrip(". "), lang) + "." for text in texts if text)


def _moment(profile: Profile, at: pd.Timestamp) -> str:
    day = profile.formatter.format("{d:date}", d=at)
    return f"{day}, {at:%H:%M}" if at.hour or at.minute or at.second else day


def _known(profile: Profile, template: str, x: Any) -> str:
    return "" if pd.isna(x) else profile.formatter.format(template, x=x)


def _stores(profile: Profile, store_id: pd.Series) -> list[str]:
    """Stores' names where the context knows them."""
    population = profile.household.population
    codes = {name: code for code, name in enumerate(population.names["store"].tolist())}
    return ["" if pd.isna(one) else str(population.stores.name[codes[one]]) for one in store_id]


def _products(profile: Profile, lines: pd.DataFrame) -> list[str]:
    """The description, else the category in the page's language, else the item."""
    said = pd.Series("", index=lines.index, dtype=object)
    for name in ("item_id", "category", "description"):
        if name in lines:
            said = lines[name].astype(object).where(lines[name].notna() & (lines[name] != ""), said)
    return [profile.formatter.format("{x:category}", x=one) for one in said]


def _say_once(columns: dict[str, list[str]], names: Sequence[str]) -> None:
    """Leave empty what a line shares with the line before it: receipts stand out."""
    shared = [columns[name] for name in names if name in columns]
    keys = list(zip(*shared, strict=True))
    again = np.array([False, *(a == b for a, b in pairwise(keys))])
    for cells in shared:
        cells[:] = ["" if same else cell for cell, same in zip(cells, again.tolist(), strict=True)]
