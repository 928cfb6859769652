"""Members of the household, and a man's loss of hair, from what is bought for them again and again."""

from dataclasses import dataclass

import numpy as np

from crm_analytics.profiling.comparing.owners import Owners, fit_owners
from crm_analytics.profiling.comparing.purchases import days_by_household, of_supermarkets
from crm_analytics.profiling.evidence.claim import Claim
from crm_analytics.profiling.evidence.kind import Kind
from crm_analytics.profiling.reading.household import Household
from crm_analytics.profiling.reading.population import Population


@dataclass(frozen=True)
class Clue:
    """What is bought for a member, and how far it can be believed.

    `believed` is the most that recurring purchases can say: the share of such households that have the
    member, since some buy for a relative's or a friend's. `prevalence` is the most such households there
    can plausibly be: where more seem to have one, the clue is worth less by so much. Households without
    the member buy on at most `most_others` of their shopping days.
    """

    tags: tuple[str, ...]
    min_days: int
    min_span: int
    believed: float
    prevalence: float
    alternatives: tuple[str, ...]
    most_others: float = 0.02


CLUES: dict[str, Clue] = {
    "adult_man": Clue(("men_care", "hair_loss"), 3, 60, 0.97, 0.8, ("relative",)),
    "adult_woman": Clue(("women_care", "sanitary"), 3, 60, 0.97, 0.9, ("relative",)),
    "child": Clue(("child", "toy"), 4, 120, 0.9, 0.5, ("grandchildren", "own_taste"), 0.1),
    "baby": Clue(("baby",), 4, 28, 0.9, 0.35, ("grandchildren", "relative")),
    "cat": Clue(("cat",), 3, 60, 0.97, 0.4, ("strays",)),
    "dog": Clue(("dog",), 3, 60, 0.97, 0.4, ("strays",)),
}
HAIR_LOSS = Clue(("hair_loss",), 2, 28, 0.95, 0.3, ("woman", "prevention"))
LEAST = 0.5  # probabilities below say too little to be told at all
KNOWN = 0.99  # a form filled in by the card's holder


def members(household: Household) -> list[Claim]:
    """Say who belongs to the household: adults, a child, a baby, a cat, a dog.

    The statistic is the number of days with something for the member among the shopping days. It
    is drawn at the rate of households that have one or of those that do not (gifts, visits), both rates
    and the share with one fitted to all households (a mixture of two negative binomials, by EM). The
    probability is the posterior of having one, times how far such purchases can be believed: on the Complete
    Journey, where three households in four buy children's things as a habit, .51 of those that do have a child,
    and .55 of those that keep buying baby things. So where more households seem to have a
    member than can be (`Clue.prevalence`), the probability is lower by as much. An isolated
    purchase is no member: there must be 3 days over two months at least (4 for children and babies). Of two
    adults the forms, where there are any, know the sex: then it is said so.
    """
    lines = household.lines
    if not len(lines):
        return []
    learnt = household.population.learn(member_rates)
    sexes = _sexes(household)
    claims = []
    for subject, clue in CLUES.items():
        bought, probability = _weigh(household, subject, clue, *learnt[subject])
        cards = sexes.get(subject, np.empty(0, dtype=np.int64))
        if cards.size:
            theirs = np.flatnonzero(np.isin(lines.customer, cards))
            evidence, variant, probability = bought if bought.size else theirs, f"{subject}_known", KNOWN
        elif probability >= LEAST:
            evidence, variant = bought, subject
        else:
            continue
        if not evidence.size:
            continue
        claims.append(
            Claim(
                "member",
                evidence,
                len(CLUES),
                "gifts",
                probability=probability,
                subject=subject,
                values=_values(household, bought, probability),
                variant=variant,
                alternatives=() if cards.size else clue.alternatives,
            )
        )
    return claims


def hair_losses(household: Household) -> list[Claim]:
    """Say whether somebody, probably a man, is losing hair: remedies bought again, as in `members`.

    Of the reasons to buy them, that a woman uses them is dropped where they are sold for men.
    """
    if not len(household.lines):
        return []
    learnt = household.population.learn(member_rates)["hair_loss"]
    bought, probability = _weigh(household, "hair_loss", HAIR_LOSS, *learnt)
    if probability < LEAST:
        return []
    for_men = household.tagged("men_care")
    reasons = HAIR_LOSS.alternatives[1:] if for_men[bought].any() else HAIR_LOSS.alternatives
    return [
        Claim(
            "hair_loss",
            bought,
            1,
            "gifts",
            probability=probability,
            values=_values(household, bought, probability),
            variant="plain" if for_men[bought].any() else "somebody",
            alternatives=reasons,
            topic="health",
        )
    ]


def _weigh(
    household: Household, subject: str, clue: Clue, rates: Owners, belief: float
) -> tuple[np.ndarray, float]:
    """The lines that speak for a member, and its probability: 0 for fewer days than the least."""
    lines = household.lines
    bought = np.flatnonzero(household.population.learn(member_products)[subject][lines.product])
    days = np.unique(lines.day[bought])
    if days.size < clue.min_days or days[-1] - days[0] < clue.min_span:
        return bought, 0.0
    shopped = household.population.learn(of_supermarkets)[lines.product]
    n = np.unique(lines.day[shopped]).size
    return bought, belief * float(rates.probability(days.size, max(n, days.size)))


def _values(household: Household, bought: np.ndarray, probability: float) -> dict[str, object]:
    return {"days": int(np.unique(household.lines.day[bought]).size), "probability": float(probability)}


def member_rates(population: Population) -> dict[str, tuple[Owners, float]]:
    """Rates of those with and without each member, and how far they are believed: for `Population.learn`."""
    shopping = days_by_household(population, population.learn(of_supermarkets))
    products = population.learn(member_products)
    rates = {}
    for subject, clue in (CLUES | {"hair_loss": HAIR_LOSS}).items():
        found = fit_owners(
            days_by_household(population, products[subject]), shopping, most_others=clue.most_others
        )
        rates[subject] = (found, clue.believed * min(1.0, clue.prevalence / found.share))
    return rates


def member_products(population: Population) -> dict[str, np.ndarray]:
    """Which products are for each member; boolean, shape (n_products,) each: for `Population.learn`."""
    return {
        subject: population.tagged(*clue.tags) for subject, clue in (CLUES | {"hair_loss": HAIR_LOSS}).items()
    }


def _sexes(household: Household) -> dict[str, np.ndarray]:
    """Cards of men and of women, as the forms say."""
    forms = household.population.context.forms
    if forms is None or "sex" not in forms.columns:
        return {}
    sexes = household.population.learn(sex_of_cards)
    return {
        subject: household.cards[
            np.array([sexes.get(int(card)) == subject for card in household.cards], dtype=bool)
        ]
        for subject in ("adult_man", "adult_woman")
    }


def sex_of_cards(population: Population) -> dict[int, str]:
    """By card code 'adult_man' or 'adult_woman', where the forms say it: for `Population.learn`."""
    forms = population.context.forms
    if forms is None or "sex" not in forms.columns:
        return {}
    told = dict(
        zip(forms["customer_id"].astype(str), forms["sex"].astype(str).str.lower().str.strip(), strict=True)
    )
    words = {
        "m": "adult_man",
        "male": "adult_man",
        "man": "adult_man",
        "erkek": "adult_man",
        "e": "adult_man",
    }
    words |= {"f": "adult_woman", "female": "adult_woman", "woman": "adult_woman", "kadın": "adult_woman"}
    words |= {"k": "adult_woman", "kadin": "adult_woman"}
    known = {}
    for code, card in enumerate(population.names["customer"]):
        sex = words.get(told.get(str(card), ""))
        if sex is not None:
            known[code] = sex
    return known


_WHO = {
    "adult_man": (
        "A man probably lives there: things for men",
        "Evde büyük olasılıkla bir erkek yaşıyor: erkek ürünleri",
    ),
    "adult_woman": (
        "A woman probably lives there: things for women",
        "Evde büyük olasılıkla bir kadın yaşıyor: kadın ürünleri",
    ),
    "child": (
        "A child probably lives there: children's things",
        "Evde büyük olasılıkla bir çocuk var: çocuk ürünleri",
    ),
    "baby": ("There is probably a baby: baby things", "Büyük olasılıkla bir bebek var: bebek ürünleri"),
    "cat": ("They probably keep a cat: cat supplies", "Büyük olasılıkla kedi besliyorlar: kedi ürünleri"),
    "dog": ("They probably keep a dog: dog supplies", "Büyük olasılıkla köpek besliyorlar: köpek ürünleri"),
}
_KNOWN = {
    "adult_man": (
        "A man holds a card, as the application form says",
        "Kart sahiplerinden biri erkek (başvuru formundan)",
    ),
    "adult_woman": (
        "A woman holds a card, as the application form says",
        "Kart sahiplerinden biri kadın (başvuru formundan)",
    ),
}
_OFTEN = {"en": " were bought on {days:count} days.", "tr": " {days:count} ayrı günde alındı."}
_BY_HAND = {
    "en": "; things for them were bought on {days:count} days.",
    "tr": "; onlara yönelik ürünlerin alındığı gün sayısı {days:count}.",
}
_GIFTS = {
    "gifts": {
        "en": "Such things are bought now and then by households without them too.",
        "tr": "Böyle ürünleri, kendinde olmayan haneler de arada bir alır.",
    }
}

KINDS: tuple[Kind, ...] = (
    Kind(
        name="member",
        stage="interpretation",
        title={"en": "Member of the household", "tr": "Hane üyesi"},
        statements={who: {"en": en + _OFTEN["en"], "tr": tr + _OFTEN["tr"]} for who, (en, tr) in _WHO.items()}
        | {
            f"{who}_known": {"en": en + _BY_HAND["en"], "tr": tr + _BY_HAND["tr"]}
            for who, (en, tr) in _KNOWN.items()
        },
        nulls=_GIFTS,
        alternatives={
            "relative": {
                "en": "It may be bought for a relative or friend who lives elsewhere.",
                "tr": "Başka yerde yaşayan bir yakın için alınıyor olabilir.",
            },
            "grandchildren": {
                "en": "It may be for grandchildren, nieces or a friend's child.",
                "tr": "Torun, yeğen ya da bir dostun çocuğu için olabilir.",
            },
            "own_taste": {
                "en": "Adults like some of these things too.",
                "tr": "Bu ürünlerin bir bölümünü yetişkinler de sever.",
            },
            "strays": {
                "en": "They may feed strays, or a neighbour's animal.",
                "tr": "Sokak hayvanlarını ya da komşununkini besliyor olabilirler.",
            },
        },
    ),
    Kind(
        name="hair_loss",
        stage="interpretation",
        title={"en": "Loss of hair", "tr": "Saç dökülmesi"},
        statements={
            "plain": {
                "en": "A man of the household is probably losing hair: products against it were bought on "
                "{days:count} days.",
                "tr": "Evdeki erkeğin büyük olasılıkla saçı dökülüyor: buna karşı ürünler {days:count} ayrı "
                "günde alındı.",
            },
            "somebody": {
                "en": "Somebody of the household is probably losing hair: products against it were bought on "
                "{days:count} days.",
                "tr": "Evde birinin büyük olasılıkla saçı dökülüyor: buna karşı ürünler {days:count} ayrı "
                "günde alındı.",
            },
        },
        nulls=_GIFTS,
        alternatives={
            "woman": {
                "en": "These lines cannot tell a man from a woman.",
                "tr": "Bu satırlar erkeği kadından ayıramaz.",
            },
            "prevention": {
                "en": "It may be used to prevent it, or for its scent.",
                "tr": "Önlem olarak ya da kokusu için kullanılıyor olabilir.",
            },
        },
    ),
)
