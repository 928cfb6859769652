"""The page of one household: who they are, on which lines that rests, and what to offer."""

from collections.abc import Sequence
from typing import Any

import jinja2
import pandas as pd

from crm_analytics.core.errors import choice as one_of
from crm_analytics.profiling import OfferChoice, Profile
from crm_analytics.profiling.evidence.kind import STAGES
from crm_analytics.reports.household_drawings import household_drawings
from crm_analytics.reports.household_findings import finding_groups
from crm_analytics.reports.household_places import change_list
from crm_analytics.reports.household_words import OFFER_COLUMNS, TOPICS, WORDS

MOST_CANDIDATES = 12
# At a glance: who they are and where, then other readings, then what these rest on.
_FIRST = ("home", "second_home", "workplace", "member", "composition", "stay", "absence")


def household_report(
    profile: Profile, choice: OfferChoice | None = None, *, title: str = "", sensitive: Sequence[str] = ()
) -> str:
    """Write a household's profile as one HTML page that needs nothing else.

    Stage by stage as in the assignment: the application form, totals and rhythm, detail,
    interpretation, offer; before them all kinds of findings at a glance. Each finding can be opened
    to show its lines. The page is in the profile's language, names no customer and no receipt, and no
    card unless the profile was made with `show_cards`.

    Parameters
    ----------
    profile : Profile
    choice : OfferChoice, optional
        What `choose_offer` gave; without it the page has no fifth stage.
    title : str
        Heading of the page; by default "Household profile".
    sensitive : sequence of str
        The topics that the profile was asked for, to say so at the foot.

    Returns
    -------
    str
        A whole page without scripts or outside resources, for light and dark screens, phones and
        paper. The same profile gives the same page.

    Raises
    ------
    ValueError
        If a word of `sensitive` is no topic.

    Examples
    --------
    >>> from crm_analytics.profiling import profile_household
    >>> log = read_log(pd.DataFrame({"customer_id": [7], "transaction_id": [1], "item_id": ["milk"],
    ...                              "occurred_at": ["2008-08-27"], "amount": [2.5]}))
    >>> page = household_report(profile_household(log, 7))
    >>> page.startswith("<!doctype html>"), "<script" in page
    (True, False)
    """
    for topic in sensitive:
        one_of(topic, name="sensitive", allowed=TOPICS[profile.lang])
    words = WORDS[profile.lang]
    headings = {
        "rhythm": words["totals"],
        "detail": words["detail"],
        "interpretation": words["interpretation"],
    }
    stages = [
        (headings[name], name, finding_groups(profile, name)) for name in STAGES if name in headings
    ]  # fmt: skip
    page = _template().render(
        lang=profile.lang,
        words=words,
        offer_columns=OFFER_COLUMNS[profile.lang],
        title=title or words["title"],
        lead=_lead(profile, sum(group["n"] for _, _, groups in stages for group in groups)),
        cards=_cards(profile),
        form=_form(profile.form),
        stages=stages,
        glance=_glance(stages),
        charts=household_drawings(profile),
        changes=[
            (profile.formatter.format("{d:date}", d=day), f.statement) for day, f in change_list(profile)
        ],
        offer=None if choice is None else _offer(profile, choice),
        sensitive=words["sensitive"].format(topics=", ".join(TOPICS[profile.lang][t] for t in sensitive))
        if sensitive
        else "",
    )
    return page.replace(" %", "\u00a0%")  # a share stays on one line


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("crm_analytics.reports", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("household.html.j2")


def _glance(stages: Sequence[tuple[str, str, list[dict[str, Any]]]]) -> list[dict[str, Any]]:
    """All groups as the table at the top shows them: the last stage first, and before it `_FIRST`."""
    groups = [group for _, _, found in reversed(stages) for group in found]
    return sorted(groups, key=lambda g: _FIRST.index(g["kind"]) if g["kind"] in _FIRST else len(_FIRST))


def _lead(profile: Profile, n: int) -> str:
    """How much the lines say, in a sentence."""
    words, write, total = WORDS[profile.lang], profile.formatter.format, profile.totals
    if not n:
        return words["none"]
    return write(
        words["lead"], findings=n, lines=total["lines"], first=total["first_day"], last=total["last_day"]
    )


def _form(form: pd.DataFrame) -> dict[str, Any]:
    """The forms side by side: a column a card, a row a question, with answer and reading."""
    cards, questions = (
        sorted(form["card"].unique(), key=lambda card: (len(card), card)),
        list(form["question"].unique()),
    )
    said = {
        (row["question"], row["card"]): (row["answer"], row["reading"]) for row in form.to_dict("records")
    }
    return {
        "cards": cards,
        "rows": [
            (question, [said.get((question, card), ("", "")) for card in cards]) for question in questions
        ],
    }


def _cards(profile: Profile) -> list[tuple[str, str]]:
    """The totals that head the second stage: what, and how much."""
    words, total = WORDS[profile.lang], profile.totals
    formats = {
        "amount": "money", "receipts": "count", "visit_days": "count", "median_receipt": "money",
        "days_between_visits": "number", "lines": "count", "stores": "count", "cards": "count",
    }  # fmt: skip
    return [
        (words[name], profile.formatter.format("{x:" + style + "}", x=total[name]))
        for name, style in formats.items()
        if not pd.isna(total[name])
    ]


def _offer(profile: Profile, choice: OfferChoice) -> dict[str, Any]:
    """What the page says of the offer, and of the candidates."""
    words, write = WORDS[profile.lang], profile.formatter.format
    said: dict[str, Any] = {"statement": choice.statement, "because": "", "parts": "", "probabilities": ""}
    if choice.offer is not None:
        e = choice.offer.economics
        money = {
            name: write("{x:money}", x=getattr(e, name))
            for name in ("sales", "lasting", "given_away", "cannibalised", "cost")
        }
        said["parts"] = words["parts"].format(**money)
        said["probabilities"] = words["probabilities"].format(
            without=write("{p:percent}", p=e.p_without), with_it=write("{p:percent}", p=e.p_with)
        )
        said["because"] = choice.offer.reason.statement if choice.offer.reason else ""
    said["rows"] = [_candidate(profile, row, choice) for row in choice.candidates.to_dict("records")]
    said["rows"] = said["rows"][:MOST_CANDIDATES]
    return said


def _candidate(profile: Profile, row: dict[Any, Any], choice: OfferChoice) -> list[str]:
    """One candidate: what, its price and probabilities, its profit, and why it was not taken."""
    words, write = WORDS[profile.lang], profile.formatter.format
    formats = {"price": "money", "p_without": "percent", "p_with": "percent", "profit": "money"}
    chosen = choice.offer is not None and row["item_id"] == choice.offer.item_id and not row["refused"]
    return [
        str(row["description"]) or write("{x:category}", x=row["category"]),
        *(
            "" if pd.isna(row[name]) else write("{x:" + style + "}", x=row[name])
            for name, style in formats.items()
        ),
        words["chosen"] if chosen else row["refused"] or words["allowed"],
    ]
