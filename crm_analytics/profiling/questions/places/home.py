"""Home: which place most weeks of shopping belong to."""

import numpy as np

from crm_analytics.profiling.evidence.claim import Claim
from crm_analytics.profiling.evidence.kind import Kind
from crm_analytics.profiling.questions.places.visits import home_anchor, visits_of
from crm_analytics.profiling.reading.household import Household

LEAST_SHARE = 0.4  # of the shopping days
LEAST_WEEKS = 6

KIND = Kind(
    name="home",
    stage="detail",
    title={"en": "Where they live", "tr": "Ev"},
    statements={
        "plain": {
            "en": "They probably live in or near {subject:word}: {days:count} of {all_days:count} shopping days are "
            "there; {second:word} is next with {second_days:count}.",
            "tr": "Büyük olasılıkla oturdukları yer ya da yakını: {subject:word}. {all_days:count} alışveriş gününden "
            "{days:count} tanesi orada; sonraki yer {second:word} ({second_days:count} gün).",
        },
        "only": {
            "en": "They probably live in or near {subject:word}: all {days:count} shopping days are there.",
            "tr": "Büyük olasılıkla oturdukları yer ya da yakını: {subject:word}. Alışveriş günlerinin tümü "
            "({days:count} gün) orada.",
        },
        "store": {
            "en": "Store {subject:word} is probably the one nearest to home: {days:count} of {all_days:count} shopping "
            "days are there; store {second:word} is next with {second_days:count}.",
            "tr": "Eve en yakın mağaza büyük olasılıkla {subject:word}: {all_days:count} alışveriş gününden "
            "{days:count} tanesi orada; sonraki mağaza {second:word} ({second_days:count} gün).",
        },
        "only_store": {
            "en": "Store {subject:word} is probably the one nearest to home: all {days:count} shopping days are there.",
            "tr": "Eve en yakın mağaza büyük olasılıkla {subject:word}: alışveriş günlerinin tümü ({days:count} gün) "
            "orada.",
        },
    },
    nulls={
        "equal_places": {
            "en": "in a week, the next place is as likely to have more shopping days",
            "tr": "bir haftada sonraki yerin daha çok alışveriş gününe sahip olma olasılığı aynı",
        }
    },
    alternatives={
        "near_work": {
            "en": "Somebody in the household may work near there.",
            "tr": "İş yeri oraya yakın olabilir.",
        },
        "on_the_way": {
            "en": "The shop may lie on their way, and home in the next district.",
            "tr": "Mağaza yol üzerinde, ev komşu bir semtte olabilir.",
        },
    },
)


def homes(household: Household) -> list[Claim]:
    """The place with the most shopping days in most weeks.

    Statistic: weeks in which the place has more days of shopping than the place that comes nearest
    to it (evenings and weekends count twice). Null: each of the two is as likely to lead a week; the
    p-value is the binomial tail (sign test), `asked` the number of places. Minimum effect: two days
    of five. Asks nothing where the log knows a single place.
    """
    visits, stores = household.learn(visits_of), household.population.stores
    anchor = household.learn(home_anchor)
    if anchor is None or len(stores.places) < 2:
        return []
    shopping = visits.shopping if visits.shopping.any() else np.ones(visits.day.size, dtype=bool)
    here = shopping & (visits.place == anchor.place)
    days, all_days = np.unique(visits.day[here]).size, np.unique(visits.day[shopping]).size
    asked = max(anchor.places - 1, 1)
    if anchor.wins < LEAST_WEEKS or days < LEAST_SHARE * all_days or anchor.p_value * asked >= 0.2:
        return []
    second = stores.places[anchor.second] if anchor.second >= 0 else ""
    second_days = np.unique(visits.day[shopping & (visits.place == anchor.second)]).size
    at_weekends = np.unique(visits.day[here & visits.weekend]).size
    by_store = household.population.context.stores is None
    claim = Claim(
        kind=KIND.name,
        lines=household.receipts.lines(visits.receipt[here]),
        asked=asked,
        null="equal_places",
        p_value=anchor.p_value,
        subject=str(stores.places[anchor.place]),
        values={
            "days": int(days),
            "all_days": int(all_days),
            "second": str(second),
            "second_days": int(second_days),
            "weekend_share": at_weekends / days,
        },
        variant=("only" if anchor.second < 0 else "plain") if not by_store else _by_store(anchor.second),
        # Who shops at weekends too is not there for work.
        alternatives=("on_the_way",) if at_weekends >= days / 5 else ("near_work", "on_the_way"),
    )
    return [claim]


def _by_store(second: int) -> str:
    return "only_store" if second < 0 else "store"


KINDS = (KIND,)
