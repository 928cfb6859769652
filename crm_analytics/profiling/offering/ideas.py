"""From findings to what one might offer: each idea names a product and the finding that suggests it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from crm_analytics.profiling.evidence.finding import Finding
from crm_analytics.profiling.offering.outlook import selling
from crm_analytics.profiling.profile import Profile

# What may be offered because of a leaning; others say how a household eats, not what it misses.
OFFERED_TAGS = (
    "gourmet",
    "organic",
    "diet",
    "delicatessen",
    "ready_meal",
    "fruit",
    "vegetables",
    "nuts",
    "coffee",
)

# What a member of the household needs; and what a home needs that is not lived in all year.
MEMBER_TAGS = {"adult_man": "men_care", "child": "toy", "baby": "baby", "cat": "cat", "dog": "dog"}
SECOND_HOME_TAGS = ("cleaning", "kitchenware", "storage", "paper", "textile")

BEFORE_SEASON = 21  # days that an offer for the second home goes out before they go there
EACH = 4  # products that one finding suggests at most


@dataclass(frozen=True)
class Idea:
    """A product that might be offered to a household, and why.

    Attributes
    ----------
    idea : str
        'try_new', 'win_back', 'for_the_occasion', 'at_the_second_home', 'refill', 'more_of_it',
        'for_a_member' or 'recommended'.
    product : int
        Code of the product offered.
    need : ndarray of bool
        Products that serve the same need, by code: what a purchase of it would replace.
    reason : Finding or None
        The finding behind it; None where a recommender suggests it.
    because : str
        The recommender's reason where there is one.
    start, end : date or None
        When to make it, half open; None is now.
    place : str
        Where, if not at the household's usual stores.
    """

    idea: str
    product: int
    need: np.ndarray
    reason: Finding | None
    because: str = ""
    start: date | None = None
    end: date | None = None
    place: str = ""


def ideas(profile: Profile, recommendations: pd.DataFrame | None = None) -> list[Idea]:
    """All ideas that the findings, and a recommender's table, suggest for one household."""
    makers = {
        "variety_seeking": _try_new,
        "category_lapse": _win_back,
        "category_gap": _win_back,
        "calendar_occasion": _for_the_occasion,
        "second_home": _at_the_second_home,
        "product_succession": _refill,
        "tag_leaning": _more_of_it,
        "member": _for_a_member,
    }
    found = [
        idea
        for finding in profile.findings
        if finding.kind in makers
        for idea in makers[finding.kind](profile, finding)
    ]
    if recommendations is not None:
        found += _recommended(profile, recommendations)
    return found


def _try_new(profile: Profile, finding: Finding) -> Iterator[Idea]:
    """Who tries everything in a category is shown the most popular products not yet tried."""
    need = _in_category(profile, finding.subject)
    for product in _best_sellers(profile, need & ~_bought(profile)):
        yield Idea("try_new", product, need, finding)


def _win_back(profile: Profile, finding: Finding) -> Iterator[Idea]:
    """What they used to buy of a category that they have left, if it is still sold."""
    if finding.kind == "category_gap":
        return  # it has ended by itself
    need = _in_category(profile, finding.subject)
    product = _favourite(profile, need)
    if product is not None:
        yield Idea("win_back", product, need, finding)


def _for_the_occasion(profile: Profile, finding: Finding) -> Iterator[Idea]:
    """What they bought for the occasion, shortly before the next one."""
    spans = profile.household.population.context.calendar
    as_of = pd.Timestamp(profile.household.population.as_of)
    if spans is None:
        return
    starts = pd.to_datetime(spans.loc[spans["occasion"] == finding.subject, "start"])
    coming = starts[starts > as_of]
    if coming.empty:
        return
    day = coming.min().date()
    products = profile.household.lines.product[finding.rows]
    need = np.zeros(len(profile.household.population.products), dtype=bool)
    need[products] = True
    product = _favourite(profile, need)
    if product is not None:
        category = str(profile.household.population.products["category"].iloc[product])
        yield Idea(
            "for_the_occasion",
            product,
            _in_category(profile, category),
            finding,
            start=day - timedelta(days=14),
            end=day,
        )


def _at_the_second_home(profile: Profile, finding: Finding) -> Iterator[Idea]:
    """What a second home needs, before the season in which they go there."""
    days = profile.household.lines.at[finding.rows]
    opens = _next_year(pd.Timestamp(days.max()).date(), profile.household.population.as_of.date())
    tagged = profile.household.population.tagged(*SECOND_HOME_TAGS)
    for product in _best_sellers(profile, tagged):
        yield Idea(
            "at_the_second_home",
            product,
            _same_type(profile, product),
            finding,
            start=opens - timedelta(days=BEFORE_SEASON),
            end=opens,
            place=finding.subject,
        )


def _for_a_member(profile: Profile, finding: Finding) -> Iterator[Idea]:
    """What somebody who lives there needs, and they do not buy here."""
    tag = MEMBER_TAGS.get(finding.subject)
    if tag is None:
        return
    categories = profile.household.population.products["category"].to_numpy()
    known = np.unique(categories[_bought(profile)])
    missing = profile.household.population.tagged(tag) & ~np.isin(categories, known)
    for product in _best_sellers(profile, missing):
        yield Idea("for_a_member", product, _in_category(profile, str(categories[product])), finding)


def _refill(profile: Profile, finding: Finding) -> Iterator[Idea]:
    """What the durable that they acquired uses up: the product that came with it."""
    lines = profile.household.lines.take(finding.rows)
    product = int(lines.product[-1])
    if not profile.household.population.learn(selling).households[product]:
        return
    yield Idea("refill", product, _same_type(profile, product), finding)


def _more_of_it(profile: Profile, finding: Finding) -> Iterator[Idea]:
    """Popular products of the sort that they lean to, which they have not bought yet."""
    if finding.subject not in OFFERED_TAGS or finding.variant != "plain":
        return
    tagged = profile.household.population.tagged(finding.subject)
    categories = profile.household.population.products["category"]
    for product in _best_sellers(profile, tagged & ~_bought(profile)):
        yield Idea("more_of_it", product, _in_category(profile, str(categories.iloc[product])), finding)


def _recommended(profile: Profile, table: pd.DataFrame) -> list[Idea]:
    """Items that a recommender names for the household's cards."""
    household = profile.household
    cards = {str(household.card(code)) for code in household.cards} | {str(household.household_id)}
    mine = table[table["customer_id"].astype(str).isin(cards)]
    products = household.population.products
    codes = {str(item): code for code, item in enumerate(products["item"])}
    found = []
    for row in mine.to_dict("records"):
        code = codes.get(str(row["item_id"]))
        if code is not None:
            need = _in_category(profile, str(products["category"].iloc[code]))
            found.append(Idea("recommended", code, need, None, because=str(row.get("reason", ""))))
    return found


def _in_category(profile: Profile, category: str) -> np.ndarray:
    return (profile.household.population.products["category"] == category).to_numpy()


def _bought(profile: Profile) -> np.ndarray:
    """Products that the household ever bought, by code."""
    population = profile.household.population
    return np.bincount(profile.household.lines.product, minlength=len(population.products)) > 0


def _same_type(profile: Profile, product: int) -> np.ndarray:
    names = profile.household.population.products["type"]
    return (names == names.iloc[product]).to_numpy()


def _best_sellers(profile: Profile, among: np.ndarray) -> list[int]:
    """The products that most households bought lately, at most `EACH`."""
    sold = np.where(among, profile.household.population.learn(selling).households, 0)
    ranked = np.argsort(-sold, kind="stable")[:EACH]
    return ranked[sold[ranked] > 0].tolist()


def _favourite(profile: Profile, among: np.ndarray) -> int | None:
    """What the household itself bought on most days and is still sold, else the best seller."""
    population, lines = profile.household.population, profile.household.lines
    still = among & (population.learn(selling).households > 0)
    pairs = np.unique(np.stack([lines.product, lines.day], axis=1), axis=0)[:, 0]
    own = np.where(still, np.bincount(pairs, minlength=len(population.products)), 0)
    return int(own.argmax()) if own.any() else next(iter(_best_sellers(profile, among)), None)


def _next_year(day: date, as_of: date) -> date:
    """The next anniversary of a day that leaves time for an offer before it."""
    days = (date(year, day.month, min(day.day, 28)) for year in range(as_of.year, as_of.year + 3))
    return next(day for day in days if day - timedelta(days=BEFORE_SEASON) >= as_of)
