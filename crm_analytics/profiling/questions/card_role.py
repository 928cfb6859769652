"""Card role: what a card is mostly used for."""

import numpy as np
from scipy.stats import hypergeom

from crm_analytics.profiling.evidence.claim import Claim
from crm_analytics.profiling.evidence.kind import Kind
from crm_analytics.profiling.questions.chance import at_least
from crm_analytics.profiling.questions.places.visits import mostly
from crm_analytics.profiling.reading.household import Household
from crm_analytics.profiling.reading.population import Population

ROLES = ("supermarket", "fuel", "restaurant")
LEAST_RECEIPTS = 5
LEAST_SHARE = 0.4
TIMES = 2.0  # as much as others, or as the household's other cards
NULL_SHARE = (0.25, 0.5)

KIND = Kind(
    name="card_role",
    stage="detail",
    title={"en": "What a card is for", "tr": "Kartın rolü"},
    statements={
        "mostly": {
            "en": "{customer:card} is mostly used for {role_en:word}: {times:count} of {receipts:count} receipts "
            "({share:percent}; elsewhere {others:percent}).",
            "tr": "{customer:card} çoğunlukla {role_tr:word} için kullanılıyor: {receipts:count} fişten {times:count} "
            "tanesi ({share:percent}; ötekilerde {others:percent}).",
        },
        "first": {
            "en": "{customer:card} is used for {role_en:word} more than for anything else: {times:count} of "
            "{receipts:count} receipts ({share:percent}; elsewhere {others:percent}).",
            "tr": "{customer:card} en çok {role_tr:word} için kullanılıyor: {receipts:count} fişten {times:count} "
            "tanesi ({share:percent}; ötekilerde {others:percent}).",
        },
    },
    nulls={
        "others": {
            "en": "it is used for that at most twice as often as others' cards are",
            "tr": "kart bunun için başkalarının kartlarından en çok iki kat sık kullanılıyor",
        },
        "other_card": {
            "en": "the household's cards are used alike",
            "tr": "hanenin kartları aynı biçimde kullanılıyor",
        },
    },
    alternatives={
        "other_means": {
            "en": "The rest may be paid in another way.",
            "tr": "Geri kalanlar başka bir yolla ödeniyor olabilir.",
        }
    },
)

_WORDS = {
    "supermarket": ("the supermarket", "market alışverişi"),
    "fuel": ("fuel", "akaryakıt"),
    "restaurant": ("restaurants", "restoran"),
}


def card_roles(household: Household) -> list[Claim]:
    """Per card: fuel, restaurant or supermarket, if that is its largest use and far above others'.

    Statistic: receipts of the role among the card's. Two nulls, of which the smaller p-value counts and
    `asked` allows for both, on each card. Others: twice the mean share of everybody's cards, not under
    a quarter nor over a half (binomial tail). The household's other cards: all are used alike (Fisher's
    exact test); in a role that is more than half of everybody's receipts, the card must pass the half
    too. Minimum effect: two in five receipts, and twice the share that is compared with.
    """
    receipts, roles = household.receipts, roles_of(household)
    cards = [card for card in household.cards if (receipts.customer == card).sum() >= LEAST_RECEIPTS]
    usual = household.population.learn(mean_shares) if cards else {}
    claims = []
    for card in cards:
        own = receipts.customer == card
        n, n_rest = int(own.sum()), int((~own).sum())
        counts = [int((own & (roles == place)).sum()) for place in range(len(ROLES))]
        place = int(np.argmax(counts))
        k, everybody = counts[place], usual[ROLES[place]]
        rest = int((~own & (roles == place)).sum())
        # A null at a time: its p-value, and the share that is compared with.
        nulls = {"others": (at_least(k, n, float(np.clip(TIMES * everybody, *NULL_SHARE))), everybody)}
        if n_rest:
            alike = float(hypergeom.sf(k - 1, n + n_rest, k + rest, n))
            half = at_least(k, n, NULL_SHARE[1]) if everybody > NULL_SHARE[1] else 0.0
            nulls["other_card"] = (max(alike, half), rest / n_rest)
        tried = len(nulls) * len(cards)
        share = k / n
        asked = {
            null: p_value
            for null, (p_value, others) in nulls.items()
            if share >= max(LEAST_SHARE, TIMES * others) and p_value * tried < 0.2
        }
        if asked:
            null = min(asked, key=lambda one: asked[one])
            which = own & (roles == place)
            claims.append(
                _claim(household, card, ROLES[place], which, n, nulls[null][1], asked[null], null, tried)
            )
    return claims


def roles_of(household: Household) -> np.ndarray:
    """Each receipt's role, as a place in `ROLES`."""
    return np.select([mostly(household, "fuel"), mostly(household, "restaurant")], [1, 2], 0)


def mean_shares(population: Population) -> dict[str, float]:
    """Mean share of each role in cards' receipts, over all cards."""
    lines = population.lines
    first = np.flatnonzero(np.diff(lines.receipt, prepend=-1))
    n_lines = np.diff(first, append=len(lines))
    n = np.bincount(lines.customer[first]).astype(float)
    shares = {}
    for role in ("fuel", "restaurant"):
        tagged = population.tagged(role)[lines.product].astype(np.int64)
        held = 2 * np.add.reduceat(tagged, first) > n_lines
        k = np.bincount(lines.customer[first][held], minlength=n.size)
        # Half a card of each role more, so that few others do not make a role impossible.
        shares[role] = float(((k / np.maximum(n, 1))[n > 0].sum() + 1 / 3) / ((n > 0).sum() + 1))
    return {"supermarket": 1 - sum(shares.values()), **shares}


def _claim(
    household: Household,
    card: int,
    role: str,
    which: np.ndarray,
    n: int,
    others: float,
    p_value: float,
    null: str,
    tried: int,
) -> Claim:
    customer, k = household.card(card), int(which.sum())
    words = _WORDS[role]
    return Claim(
        kind=KIND.name,
        lines=household.receipts.lines(which),
        asked=tried,
        null=null,
        p_value=p_value,
        subject=str(customer),
        customer=customer,
        values={
            "role": role,
            "role_en": words[0],
            "role_tr": words[1],
            "times": k,
            "receipts": n,
            "share": k / n,
            "others": float(others),
        },
        variant="mostly" if 2 * k > n else "first",
        alternatives=("other_means",),
    )


KINDS = (KIND,)
