"""Household shopper: whose card does the shopping, and does the other buy from the same list?"""

import numpy as np
from scipy.stats import norm

from crm_analytics.profiling.evidence.claim import Claim
from crm_analytics.profiling.evidence.kind import Kind
from crm_analytics.profiling.questions.card_role import roles_of
from crm_analytics.profiling.questions.chance import at_least
from crm_analytics.profiling.reading.household import Household
from crm_analytics.profiling.reading.population import Population

LEAST_RECEIPTS = 10
LEAST_SHARE = 0.75
LEAST_USE = 5  # receipts of any kind on the other card
MOST_LISTED = 200  # things of the other card that are compared
SAME_LIST = 0.01

KIND = Kind(
    name="household_shopper",
    stage="interpretation",
    title={"en": "Who shops for the household", "tr": "Alışverişi kim yapıyor"},
    statements={
        "plain": {
            "en": "The holder of {customer:card} probably does the household's shopping: {times:count} of "
            "{receipts:count} supermarket receipts ({share:percent}).",
            "tr": "Hanenin alışverişini büyük olasılıkla {customer:card} sahibi yapıyor: {receipts:count} market "
            "fişinden {times:count} tanesi ({share:percent}).",
        },
        "same_list": {
            "en": "The holder of {customer:card} probably does the household's shopping ({share:percent} of "
            "{receipts:count} supermarket receipts); the other buys from the same list: {common:count} of "
            "{things:count} things are those of {customer:card}, where {expected:number} would be by chance.",
            "tr": "Hanenin alışverişini büyük olasılıkla {customer:card} sahibi yapıyor ({receipts:count} market "
            "fişinin {share:percent} kadarı); öteki kart aynı listeden alıyor: {things:count} üründen {common:count} "
            "tanesi {customer:card} ile de alınmış, rastlantıyla {expected:number} olurdu.",
        },
    },
    nulls={
        "either": {
            "en": "each supermarket receipt is as likely on one card as on another",
            "tr": "her market fişinin hangi kartta olacağı eşit olasılıkta",
        }
    },
    alternatives={
        "other_means": {
            "en": "The other may shop too, and pay in another way.",
            "tr": "Öteki kişi de alışveriş yapıp başka bir yolla ödüyor olabilir.",
        },
        "one_wallet": {
            "en": "One person may use both cards.",
            "tr": "İki kartı da aynı kişi kullanıyor olabilir.",
        },
    },
)


def household_shoppers(household: Household) -> list[Claim]:
    """The card with three quarters or more of the supermarket receipts; and whether the others share its list.

    Statistic: its supermarket receipts. Null: each receipt is as likely on any card; the p-value is
    the binomial tail, `asked` the number of cards. The others must be used besides: five receipts.
    The statement says that they buy from the same list where the things (items, else description and
    brand) that they buy are on the card's list more often than on a list as long of the population's
    lines (p < .01; a sum of unlike chances, by its normal approximation with continuity, and by at
    least three things).
    """
    receipts, cards = household.receipts, household.cards
    if len(cards) < 2:
        return []
    market = roles_of(household) == 0
    counts = np.array([(market & (receipts.customer == card)).sum() for card in cards])
    n, place = int(counts.sum()), int(np.argmax(counts))
    card, k = cards[place], int(counts[place])
    if n < LEAST_RECEIPTS or k < LEAST_SHARE * n or (receipts.customer != card).sum() < LEAST_USE:
        return []
    p_value = at_least(k, n, 1 / len(cards))
    if p_value * len(cards) >= 0.2:
        return []
    common, things, expected, chance = _shared_list(household, market, int(card))
    same = chance < SAME_LIST and common.size >= 3
    customer = household.card(card)
    claim = Claim(
        kind=KIND.name,
        lines=receipts.lines(market & (receipts.customer == card)),
        asked=len(cards),
        null="either",
        p_value=p_value,
        subject=str(customer),
        customer=customer,
        values={
            "times": k,
            "receipts": n,
            "share": k / n,
            "common": int(common.size),
            "things": things,
            "expected": expected,
        },
        variant="same_list" if same else "plain",
        alternatives=("other_means",) if same else ("other_means", "one_wallet"),
    )
    return [claim]


def product_shares(population: Population) -> np.ndarray:
    """Each product's share of all lines but fuel and meals, shape (n_products,)."""
    sold = np.bincount(population.lines.product, minlength=len(population.products)).astype(float)
    sold[population.tagged("fuel", "restaurant")] = 0.0
    return sold / max(sold.sum(), 1.0)


def _lines_of(household: Household, market: np.ndarray) -> np.ndarray:
    """Which lines are of these receipts; boolean, shape (n_lines,)."""
    return np.repeat(market, household.receipts.n_lines)


def _shared_list(household: Household, market: np.ndarray, card: int) -> tuple[np.ndarray, int, float, float]:
    """Products of the others that are on the card's list, how many they have, how many are expected, and the chance."""
    lines = household.lines
    shopping = _lines_of(household, market)
    own = shopping & (lines.customer == card)
    theirs = np.unique(lines.product[shopping & ~own])[:MOST_LISTED]
    common = theirs[np.isin(theirs, lines.product[own])]
    shares = household.population.learn(product_shares)[theirs]
    on_list = -np.expm1(own.sum() * np.log1p(-np.minimum(shares, 0.99)))
    expected, spread = float(on_list.sum()), float(np.sqrt((on_list * (1 - on_list)).sum()))
    if theirs.size == 0 or spread == 0:
        return common, int(theirs.size), expected, 1.0
    return common, int(theirs.size), expected, float(norm.sf((common.size - 0.5 - expected) / spread))


KINDS = (KIND,)
