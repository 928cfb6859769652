"""Fuel habit: do they fill the tank, or pay a round sum?"""

import numpy as np
from scipy.stats import beta

from crm_analytics.profiling.evidence.claim import Claim
from crm_analytics.profiling.evidence.kind import Kind
from crm_analytics.profiling.questions.chance import at_least
from crm_analytics.profiling.questions.fuel.refuellings import Refuellings, refuellings_of
from crm_analytics.profiling.reading.household import Household
from crm_analytics.profiling.reading.population import Population

LEAST_FILLS = 5
ROUND, ROUND_OF_WHOLE = 5.0, 50.0  # a round sum is a multiple of it; the second where all amounts are whole
TOLD = 0.6
FEW = 0.2
BY_CHANCE = 0.001
SOME = (3, 0.05)  # round sums, and their share, from which on a full tank is no longer all there is to tell
# How often a round sum is asked for, by habit: beta densities of full tank, mixed and round money.
_ASKED = (np.arange(200) + 0.5) / 200
_PRIORS = np.array([beta.pdf(_ASKED, a, b) for a, b in ((0.6, 25), (2, 4), (9, 1))])
_PRIORS /= _PRIORS.sum(axis=1, keepdims=True)

KIND = Kind(
    name="fuel_habit",
    stage="detail",
    title={"en": "How they refuel", "tr": "Yakıt alma alışkanlığı"},
    statements={
        "full_tank": {
            "en": "With {customer:card} they probably fill the tank: {odd:count} of {fills:count} fuel amounts are no "
            "round sum (typically {typical:money}).",
            "tr": "{customer:card} ile büyük olasılıkla depo dolduruluyor: {fills:count} yakıt tutarından {odd:count} "
            "tanesi yuvarlak değil (genellikle {typical:money}).",
        },
        "round_money": {
            "en": "With {customer:card} they ask for a round sum at the pump: {round:count} of {fills:count} fuel "
            "amounts are round, most often {favourite:money}.",
            "tr": "{customer:card} ile pompada yuvarlak bir tutar isteniyor: {fills:count} yakıt tutarından "
            "{round:count} tanesi yuvarlak, en sık {favourite:money}.",
        },
        "mixed": {
            "en": "With {customer:card} they mostly fill the tank, but at times ask for a round sum: {round:count} of "
            "{fills:count} fuel amounts, most often exactly {favourite:money}.",
            "tr": "{customer:card} ile çoğunlukla depo dolduruluyor, ama ara sıra yuvarlak bir tutar isteniyor: "
            "{fills:count} yakıt tutarından {round:count} tanesi, en sık tam {favourite:money}.",
        },
    },
    nulls={
        "round_payer": {
            "en": "they mostly ask for a round sum",
            "tr": "çoğunlukla yuvarlak bir tutar isteniyor",
        },
        "full_tank": {
            "en": "they fill the tank, or ask for a round sum now and then",
            "tr": "depo dolduruluyor ya da ancak ara sıra yuvarlak bir tutar isteniyor",
        },
        "one_habit": {
            "en": "they always do the same: fill the tank, or ask for a round sum",
            "tr": "hep aynısı yapılıyor: ya depo dolduruluyor ya yuvarlak bir tutar isteniyor",
        },
    },
    alternatives={
        "rounds_up": {
            "en": "They may fill the tank and squeeze in a little more to reach a round sum.",
            "tr": "Depo doldurulup tutar yuvarlağa tamamlanıyor olabilir.",
        },
        "other_driver": {
            "en": "Somebody else may refuel with this card at times.",
            "tr": "Kartla ara sıra başka biri yakıt alıyor olabilir.",
        },
        "discount": {
            "en": "A discount may make odd amounts of round ones.",
            "tr": "İndirim, yuvarlak tutarları küsuratlı yapıyor olabilir.",
        },
    },
)


def fuel_habits(household: Household) -> list[Claim]:
    """Per card: full tank, round money, or mostly the one and at times the other.

    Statistic: how many fuel amounts are round (multiples of 5; of 50 where the currency has no smaller
    unit). A driver asks for a round sum on a share of the times that is beta distributed, by habit:
    full tank (0.6, 25), mixed (2, 4), round money (9, 1). The other amounts are round by chance, 1 in
    500, or 1 in 5 of the whole ones, where they squeeze up to a whole one. Every driver has one of the
    three habits, each as likely as another before the amounts are seen: the claim's probability is
    the habit's posterior, but of full tank and mixed together where few amounts are round: one is
    told where nearly none is, the other from 3 amounts and a twentieth on.

    On Complete Journey (US$): 14,697 fuel lines, 45.4 % end in .00, 30.6 % are multiples of 5.
    """
    fills = refuellings_of(household)
    cards = [fills.take(fills.customer == card) for card in np.unique(fills.customer)]
    cards = [card for card in cards if len(card) >= LEAST_FILLS]
    if not cards:
        return []
    unit = household.population.learn(smallest_unit)
    claims = [_claim(household, card, unit) for card in cards]
    return [claim for claim in claims if claim is not None]


def smallest_unit(population: Population) -> float:
    """Smallest step of amounts: 1 where nearly all of the log's amounts are whole, else 0.01."""
    return 1.0 if multiples(population.lines.amount, 1.0).mean() > 0.9 else 0.01


def multiples(amount: np.ndarray, step: float) -> np.ndarray:
    """Which amounts are multiples of `step`, to half a hundredth.

    >>> multiples(np.array([100.0, 99.99, 35.0]), 5.0)
    array([ True, False,  True])
    """
    return np.abs(amount - step * np.round(amount / step)) < 0.005


def habit_chances(k: int, n: int, chance: float) -> np.ndarray:
    """Posterior of full tank, mixed and round money, given k round sums of n; shape (3,).

    >>> habit_chances(0, 20, 0.002).round(2)
    array([0.95, 0.05, 0.  ])
    >>> habit_chances(5, 36, 0.002).round(2)
    array([0.25, 0.75, 0.  ])
    """
    share = chance + (1 - chance) * _ASKED
    log_likelihood = k * np.log(share) + (n - k) * np.log1p(-share)
    likelihood = _PRIORS @ np.exp(log_likelihood - log_likelihood.max())
    return np.asarray(likelihood / likelihood.sum())


def _claim(household: Household, fills: Refuellings, unit: float) -> Claim | None:
    n = len(fills)
    rounded = multiples(fills.amount, ROUND if unit < 1 else ROUND_OF_WHOLE)
    k, chance = int(rounded.sum()), _chance(fills.amount, rounded, unit)
    full, mixed, asked = habit_chances(k, n, chance).tolist()
    beyond = k / n - chance
    few = beyond <= FEW
    at_times = few and k >= SOME[0] and beyond >= SOME[1] and at_least(k, n, chance) < BY_CHANCE
    in_litres = multiples(fills.litres[np.isfinite(fills.litres)], ROUND).sum() > 0.3 * n
    if asked >= TOLD:
        habit, probability, which, null = "round_money", asked, rounded, "full_tank"
    elif mixed >= TOLD or (full + mixed >= TOLD and at_times):
        habit, probability, which, null = "mixed", full + mixed if at_times else mixed, rounded, "one_habit"
    elif full + mixed >= TOLD and few and not in_litres:
        habit, probability, which, null = "full_tank", full + mixed, ~rounded, "round_payer"
    else:
        return None
    sums, times = np.unique(np.round(fills.amount[rounded], 2), return_counts=True)
    customer = household.card(fills.customer[0])
    return Claim(
        kind=KIND.name,
        lines=fills.line[which],
        asked=1,
        null=null,
        probability=probability,
        subject=str(customer),
        customer=customer,
        values={
            "habit": habit,
            "fills": n,
            "round": int(rounded.sum()),
            "odd": int(n - rounded.sum()),
            "typical": float(np.median(fills.amount)),
            "favourite": float(sums[np.argmax(times)]) if sums.size else 0.0,
        },
        variant=habit,
        alternatives={
            "round_money": ("rounds_up",),
            "mixed": ("other_driver", "rounds_up"),
            "full_tank": ("discount",),
        }[habit],
    )


def _chance(amount: np.ndarray, rounded: np.ndarray, unit: float) -> float:
    """Chance that an amount nobody asked for is round, given how many others are whole."""
    if unit == 1:
        return 1 / ROUND_OF_WHOLE
    whole = (multiples(amount, 1.0) & ~rounded).sum() / (ROUND - 1)
    return float(max(unit / ROUND, min(whole / amount.size, 1 / ROUND)))


KINDS = (KIND,)
