"""The drawings of a household's page, with what stands below each."""

from collections.abc import Callable
from typing import Any

import pandas as pd
from markupsafe import Markup

from crm_analytics.plotting import (
    plot_household_baskets,
    plot_household_gaps,
    plot_household_months,
    plot_household_places,
    plot_household_timeline,
    plot_household_week,
    svg_chart,
)
from crm_analytics.profiling import Profile
from crm_analytics.profiling.telling.formatting import MONTHS
from crm_analytics.reports import household_places as places
from crm_analytics.reports.household_words import ROLES, SHORT_WEEKDAYS, STORE_KINDS, WORDS

_WIDE, _HALF = 8.6, 4.4  # inches


def household_drawings(profile: Profile) -> dict[str, tuple[str, Markup]]:
    """Charts by their place on the page: caption and drawing. Those without data are left out."""
    return {**_rhythm(profile), **_timeline(profile), **_maps(profile)}


def _drawn(
    name: str, caption: str, draw: Callable[[Any], Any], width: float, height: float
) -> dict[str, tuple[str, Markup]]:
    drawing = svg_chart(draw, name=name, label=caption, width=width, height=height)
    return {name: (caption, Markup(drawing))}  # noqa: S704  our own drawing, whose text is escaped


def _rhythm(profile: Profile) -> dict[str, tuple[str, Markup]]:
    """Months, baskets, gaps and the week."""
    words, months, kinds = WORDS[profile.lang], _months(profile), STORE_KINDS[profile.lang]
    found: dict[str, tuple[str, Markup]] = {}
    if len(profile.months) > 1:
        found |= _drawn(
            "months",
            words["months"],
            lambda ax: plot_household_months(
                profile.months, label=words["months_axis"], months=months, ax=ax
            ),
            _WIDE,
            2.0,
        )
    baskets = places.basket_table(profile, kinds)
    if len(baskets) > 1:
        found |= _drawn(
            "baskets",
            words["baskets"],
            lambda ax: plot_household_baskets(
                baskets, kinds=_order(profile), label=words["baskets_axis"], months=months, ax=ax
            ),
            _WIDE,
            2.5,
        )
    gaps = places.gap_table(profile)
    if gaps.sum() > 1:
        found |= _drawn(
            "gaps",
            words["gaps"],
            lambda ax: plot_household_gaps(gaps, label=words["gaps_axis"], ax=ax),
            _HALF,
            2.5,
        )
    week = places.week_table(profile)
    if week is not None:
        names = SHORT_WEEKDAYS[profile.lang]
        found |= _drawn(
            "week",
            words["week"],
            lambda ax: plot_household_week(week, weekdays=names, ax=ax),
            _HALF,
            2.5,
        )
    return found


def _timeline(profile: Profile) -> dict[str, tuple[str, Markup]]:
    """Days by place, with stays and changes."""
    words = WORDS[profile.lang]
    others = (words["other_places"], words["other_towns"])
    visits = places.visit_table(profile, others, STORE_KINDS[profile.lang])
    if visits.empty:
        return {}
    changes = pd.DataFrame({"day": [day for day, _ in places.change_list(profile)]})
    spans = places.span_table(profile)
    caption = [words["timeline"]]
    cards = sorted(visits["card"].unique())
    if len(cards) == 2:
        caption.append(words["timeline_cards"].format(first=cards[0], second=cards[1]))
    caption += [words["timeline_stays"]] * (spans is not None)
    caption += [words["timeline_changes"]] * (not changes.empty)
    return _drawn(
        "timeline",
        " ".join(caption),
        lambda ax: plot_household_timeline(
            visits, spans, changes, kinds=_order(profile), months=_months(profile), ax=ax
        ),
        _WIDE,
        1.2 + 0.3 * visits["place"].nunique(),
    )


def _maps(profile: Profile) -> dict[str, tuple[str, Markup]]:
    """Places near home, and all towns; a map of one place would say nothing."""
    words, roles = WORDS[profile.lang], ROLES[profile.lang]
    order = list(roles.values())
    close, towns = places.near(places.place_table(profile, roles)), places.town_table(profile, roles)
    towns = towns[towns["latitude"].notna() & towns["longitude"].notna()]
    found: dict[str, tuple[str, Markup]] = {}
    if len(close) > 1:
        found |= _drawn(
            "map", words["map"], lambda ax: plot_household_places(close, roles=order, ax=ax), _HALF, 3.7
        )
    if len(towns) > 1:
        found |= _drawn(
            "map_away",
            words["map_away"],
            lambda ax: plot_household_places(towns, roles=order, ax=ax),
            _HALF,
            3.7,
        )
    return found


def _order(profile: Profile) -> list[str]:
    """Kinds of stores in the order of their colours."""
    return list(STORE_KINDS[profile.lang].values())


def _months(profile: Profile) -> list[str]:
    return [month[:3] for month in MONTHS[profile.lang]]
