"""The one offer that pays, with its reasons; or none."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from crm_analytics.core.tables import require_columns
from crm_analytics.profiling.evidence.finding import Finding
from crm_analytics.profiling.offering.economics import Economics, ExpectedProfit, expected_profit
from crm_analytics.profiling.offering.ideas import Idea, ideas
from crm_analytics.profiling.offering.outlook import daily_rate, probability, selling, usual_price
from crm_analytics.profiling.offering.taste_rules import REFUSED, refusal
from crm_analytics.profiling.offering.wording import offer_words
from crm_analytics.profiling.profile import Profile

ONCE = ("for_the_occasion", "at_the_second_home", "refill")  # nothing to go on with
WANTED = (
    "win_back",
    "for_the_occasion",
    "at_the_second_home",
    "refill",
    "for_a_member",
)  # the finding is the need

AMOUNTS = ("price", "p_without", "p_with", "sales", "lasting", "given_away", "cannibalised", "cost", "profit")
COLUMNS = [
    "idea", "item_id", "description", "category", *AMOUNTS, "refused", "start", "end", "place", "reason",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Offer:
    """An offer to one household.

    Attributes
    ----------
    item_id : hashable
        What is offered.
    description, category : str
        As the log writes them.
    statement : str
        The offer in words, in the profile's language.
    reason : Finding or None
        The finding behind it; None where a recommender suggested it.
    economics : ExpectedProfit
        Its expected profit, part by part (currency).
    start, end : date or None
        When to make it, half open; None is now.
    place : str
        Where, if not at the usual stores.
    """

    item_id: Any
    description: str
    category: str
    statement: str
    reason: Finding | None
    economics: ExpectedProfit
    start: date | None
    end: date | None
    place: str


@dataclass(frozen=True, eq=False)
class OfferChoice:
    """The best offer, or none, and all that was considered.

    Attributes
    ----------
    offer : Offer or None
        The allowed candidate with the highest expected profit, if that is above 0.
    statement : str
        What to do, in words.
    candidates : DataFrame
        One row a candidate, most profitable first: what it would earn, part by part, and `refused`,
        the rule that it breaks, in words ('' for none).
    """

    offer: Offer | None
    statement: str
    candidates: pd.DataFrame


def choose_offer(
    profile: Profile, economics: Economics | None = None, *, recommendations: pd.DataFrame | None = None
) -> OfferChoice:
    """Choose the one offer to a household that raises profit most, or none.

    Candidates come from the profile's findings and from a recommender's table. Each is worth
    margin × the change in probability of buying, now and for those who go on, less the
    discount given to all who take it, the margin of what it replaces, and the message. What breaks
    a rule of taste is refused whatever it earns: no permission to contact, goods that are not
    advertised, goods for somebody who does not live there, what was just bought.

    Parameters
    ----------
    profile : Profile
    economics : Economics, optional
        Margins, costs and the effect of an offer; its defaults are assumptions.
    recommendations : DataFrame, optional
        `customer_id`, `item_id` and where known `reason`: what `basket` recommenders or
        `crm-analytics score` (next_products) wrote.

    Examples
    --------
    >>> from crm_analytics.datasets import make_city
    >>> from crm_analytics.profiling import Context, profile_household
    >>> city = make_city(12, start="2008-01-01", end="2009-01-01", random_state=1)
    >>> context = Context(cards=city.cards, stores=city.stores, calendar=city.calendar)
    >>> profile = profile_household(city.log, city.cards["household_id"].iloc[0], context=context)
    >>> chosen = choose_offer(profile)
    >>> bool((chosen.offer is None) == (chosen.candidates.query("refused == ''").empty))
    True
    """
    economics = Economics() if economics is None else economics
    if recommendations is not None:
        require_columns(recommendations, ["customer_id", "item_id"], caller="choose_offer: recommendations")
    considered = [_considered(idea, profile, economics) for idea in ideas(profile, recommendations)]
    considered.sort(key=lambda pair: (-pair[1].profit if pair[1] else np.inf, pair[0].product))
    rows, best = [], None
    for idea, parts in considered:
        broken = refusal(idea, profile) or ("not_sold" if parts is None else "")
        if not broken and parts is not None and parts.profit <= 0:
            broken = "pays_nothing"
        if not broken and parts is not None and best is None:
            best = _offer(idea, parts, profile)
        rows.append(_row(idea, parts, profile, REFUSED[broken][profile.lang] if broken else ""))
    table = pd.DataFrame(rows, columns=COLUMNS).astype(dict.fromkeys(AMOUNTS, float))
    statement = (
        best.statement
        if best
        else offer_words("none" if rows else "nothing_found", profile.lang).format(n=len(rows))
    )
    return OfferChoice(best, statement, table)


def _considered(idea: Idea, profile: Profile, economics: Economics) -> tuple[Idea, ExpectedProfit | None]:
    """An idea with what it would earn; None where the product is no longer sold."""
    household = profile.household
    price = household.population.learn(selling).price[idea.product]
    if not np.isfinite(price):
        return idea, None
    itself = np.zeros(idea.need.size, dtype=bool)
    itself[idea.product] = True
    own, need = daily_rate(household, itself), daily_rate(household, idea.need)
    category = str(household.population.products["category"].iloc[idea.product])
    p_instead = probability(max(need - own, 0.0), economics.horizon)
    parts = expected_profit(
        float(price),
        economics,
        margin=economics.margin_of(category),
        p_without=probability(own, economics.horizon),
        p_need=1.0 if idea.idea in WANTED else probability(need, economics.horizon),
        p_instead=p_instead,
        usual_price=usual_price(household, idea.need),
        later=0.0 if idea.idea in ONCE else need * economics.lasting,
    )
    return idea, parts


def _row(idea: Idea, parts: ExpectedProfit | None, profile: Profile, refused: str) -> list[Any]:
    product = profile.household.population.products.iloc[idea.product]
    price = profile.household.population.learn(selling).price[idea.product]
    return [
        idea.idea,
        product["item"],
        product["description"],
        product["category"],
        price,
        *(getattr(parts, name) if parts else np.nan for name in AMOUNTS[1:]),
        refused,
        idea.start,
        idea.end,
        idea.place,
        idea.reason.statement if idea.reason else idea.because,
    ]


def _offer(idea: Idea, parts: ExpectedProfit, profile: Profile) -> Offer:
    product = profile.household.population.products.iloc[idea.product]
    said = {
        "product": product["description"] or product["category"],
        "category": product["category"],
        "profit": parts.profit,
        "place": idea.place,
        "start": idea.start,
        "end": idea.end,
    }
    template = offer_words(idea.idea, profile.lang)
    return Offer(
        item_id=product["item"],
        description=str(product["description"]),
        category=str(product["category"]),
        statement=profile.formatter.vformat(template, (), said),
        reason=idea.reason,
        economics=parts,
        start=idea.start,
        end=idea.end,
        place=idea.place,
    )
