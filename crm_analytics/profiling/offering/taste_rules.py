"""What may not be offered, whatever it earns: stage five's rules of taste."""

from collections.abc import Callable

import numpy as np

from crm_analytics.profiling.form import says_yes
from crm_analytics.profiling.offering.ideas import Idea
from crm_analytics.profiling.offering.outlook import days_since, usual_gap
from crm_analytics.profiling.profile import Profile

# Not advertised: by law in many countries, or because the household would feel watched.
NEVER = ("alcohol", "tobacco", "sanitary", "pregnancy", "health", "hair_loss")

# A product for somebody: offered only where that somebody is known to live there.
FOR = {
    "baby": ("baby",),
    "child": ("child", "children"),
    "cat": ("cat",),
    "dog": ("dog",),
    "men_care": ("adult_man",),
    "women_care": ("adult_woman",),
}
_SEX = {"f": "adult_woman", "m": "adult_man"}

# Food for a need is offered only to those who buy such food.
NEEDS = ("lactose_free", "gluten_free")

FRESH_DAYS = 14.0  # within which nothing is offered that was just bought

REFUSED = {
    "no_contact": {"en": "has not agreed to be contacted", "tr": "iletişim izni yok"},
    "never": {"en": "is not advertised to anybody", "tr": "kimseye önerilmez"},
    "does_not_fit": {
        "en": "is for somebody, or a need, not known in this household",
        "tr": "bu hanede bilinmeyen birine ya da bir gereksinime göre",
    },
    "just_bought": {"en": "was bought a short while ago", "tr": "kısa süre önce alındı"},
    "not_sold": {"en": "is no longer sold", "tr": "artık satılmıyor"},
    "pays_nothing": {
        "en": "would cost more than it brings",
        "tr": "getireceğinden fazlasına mal olur",
    },
}


def refusal(idea: Idea, profile: Profile) -> str:
    """The first rule that an idea breaks: a key of `REFUSED`, or '' if it breaks none."""
    rules: dict[str, Callable[[Idea, Profile], bool]] = {
        "no_contact": _no_contact,
        "never": _never,
        "does_not_fit": _does_not_fit,
        "just_bought": _just_bought,
    }
    return next((name for name, breaks in rules.items() if breaks(idea, profile)), "")


def _no_contact(idea: Idea, profile: Profile) -> bool:
    """No card of the household may be written to: of those with a form, none says plainly yes."""
    forms = profile.household.population.context.forms
    if forms is None or "may_contact" not in forms:
        return False
    cards = [str(profile.household.card(code)) for code in profile.household.cards]
    said = forms.loc[forms["customer_id"].astype(str).isin(cards), "may_contact"]
    return len(said) > 0 and not any(says_yes(answer) for answer in said)


def _never(idea: Idea, profile: Profile) -> bool:
    return bool(profile.household.population.tagged(*NEVER)[idea.product])


def _does_not_fit(idea: Idea, profile: Profile) -> bool:
    tags = profile.household.population.tags
    for need in NEEDS:
        if tags[need].iloc[idea.product] and not profile.household.tagged(need).any():
            return True
    needed = [who for tag, who in FOR.items() if tags[tag].iloc[idea.product]]
    known = _known_members(profile)
    return any(known.isdisjoint(who) for who in needed)


def _known_members(profile: Profile) -> set[str]:
    """Members found, and card holders by the sex on their forms."""
    found = {f.subject for kind in ("member", "composition") for f in profile.find(kind)}
    forms = profile.household.population.context.forms
    if forms is not None and "sex" in forms:
        cards = [str(profile.household.card(code)) for code in profile.household.cards]
        mine = forms.loc[forms["customer_id"].astype(str).isin(cards), "sex"]
        found |= {_SEX[sex] for sex in mine.astype(str).str.lower().str[:1] if sex in _SEX}
    return found


def _just_bought(idea: Idea, profile: Profile) -> bool:
    """The product itself within two weeks or most of its usual gap, unless the offer is for a later day."""
    if idea.start is not None:
        return False
    same = np.zeros(idea.need.size, dtype=bool)
    same[idea.product] = True
    products = profile.household.population.products
    same |= idea.need & (products["type"] == products["type"].iloc[idea.product]).to_numpy()
    gap = usual_gap(profile.household, same)
    fresh = FRESH_DAYS if np.isnan(gap) else max(FRESH_DAYS, 0.5 * gap)
    return days_since(profile.household, same) < fresh
