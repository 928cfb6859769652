"""Leanings: the share of diet, organic, ready-made, dear ... purchases is far from other households'."""

import numpy as np

from crm_analytics.profiling.comparing.beta_binomial import compare
from crm_analytics.profiling.comparing.posterior import Shares, clumping, shares_of
from crm_analytics.profiling.comparing.purchases import n_households, of_supermarkets, purchase_lines
from crm_analytics.profiling.evidence.claim import Claim
from crm_analytics.profiling.evidence.kind import Kind
from crm_analytics.profiling.reading.household import Household
from crm_analytics.profiling.reading.population import Population

# Leaning: the tags whose products, taken together, count as one.
LEANINGS: dict[str, tuple[str, ...]] = {
    "diet": ("diet",),
    "gourmet": ("gourmet",),
    "organic": ("organic",),
    "ready_meal": ("ready_meal", "convenience_meal"),
    "cooking_ingredient": ("cooking_ingredient",),
    "fruit": ("fruit",),
    "vegetables": ("vegetables",),
    "delicatessen": ("delicatessen",),
}
# What is chosen among the products of a need; the others are needs themselves, in which appetites differ.
CHOSEN = ("diet", "gourmet", "organic")
PRICES = ("premium", "budget")  # above, and below, what others pay for the category
MIN_RATIO = 2.0
CHOSEN_RATIO = 1.75  # of the median household's share, and
CHOSEN_MEAN_RATIO = 1.25  # of the mean share
MIN_PRICE_RATIO = 1.3
FEW = 1 / 3
MIN_PURCHASES, MIN_CHOSEN = 5, 8
MIN_HOUSEHOLDS = 20
DEAR, CHEAP = 0.75, 0.25  # of a category's purchases, by price
LEAST = 0.5  # probability


def tag_leanings(household: Household) -> list[Claim]:
    """Say which tags the household buys far more, or far less, than others do.

    A purchase is a product on a day; the statistic, how many of them carry the tag.

    Diet, gourmet and organic products are chosen among others of their kind: the claim is that the
    household's share of them is 1.75 times that of the median household and 1.25 times the mean.
    Its probability is the posterior of the household's share, distributed beforehand as the others'
    (beta by moments); purchases of one day count for fewer where they clump (`clumping`). Minimum: 8
    purchases. That some others lean so too makes it no less true.

    Fruit, delicatessen, ready meals ... are needs, for which all have more or less appetite: there
    the null is that the share is drawn as other households' are (beta-binomial by moments, itself
    left out), and the p-value its tail. Minimum effect: 5 purchases and twice the mean share of the
    others; or a third of it where 15 were to be expected. 'premium' and 'budget' are price leanings:
    purchases among the dearest, or the cheapest, quarter of their category in their year by the price of a unit of
    size (of a pack, where sizes are unknown), 1.3 times as often as others.
    """
    if not len(household.lines):
        return []
    counts = household.population.learn(leaning_counts)
    own = int(household.lines.household[0])
    usual = {name: one for name, one in counts.items() if one.households > MIN_HOUSEHOLDS}
    needs = [name for name in usual if name not in CHOSEN]
    enough_few = {
        name
        for name in needs
        if name not in PRICES and usual[name].n[own] * usual[name].mean >= 3 * MIN_PURCHASES
    }
    asked = len(needs) + len(enough_few)
    claims = [_chosen(household, name, usual[name], own) for name in CHOSEN if name in usual]
    claims += [_need(household, name, usual[name], own, asked, name in enough_few) for name in needs]
    return [claim for claim in claims if claim is not None]


def _chosen(household: Household, leaning: str, learnt: Shares, own: int) -> Claim | None:
    """The claim that they choose such products far more than others, if they do."""
    k, n = int(learnt.k[own]), int(learnt.n[own])
    least = max(CHOSEN_RATIO * learnt.median, CHOSEN_MEAN_RATIO * learnt.mean)
    if k < MIN_CHOSEN or k < least * n:
        return None
    lines = household.lines
    kept = purchase_lines(lines, household.population.learn(of_supermarkets)[lines.product])
    _, day = np.unique(lines.day[kept], return_inverse=True)
    tagged = household.tagged(*LEANINGS[leaning])[kept]
    heavy = clumping(np.bincount(day, tagged), np.bincount(day))
    likely = learnt.above(k / heavy, n / heavy, least)
    if likely < LEAST:
        return None
    # Where half of the households have none, the mean says what is usual.
    others = learnt.median if learnt.median > 0 else learnt.mean
    return _claim(household, leaning, "plain", k, n, others, 1, probability=likely)


def _need(
    household: Household, leaning: str, learnt: Shares, own: int, asked: int, enough_few: bool
) -> Claim | None:
    """The claim that they have far more, or less, appetite for it than households differ anyway."""
    k, n = int(learnt.k[own]), int(learnt.n[own])
    ratio = MIN_PRICE_RATIO if leaning in PRICES else MIN_RATIO
    # Leaving oneself out moves the mean little: who is not near it need not be compared.
    many, few = k >= MIN_PURCHASES and k >= ratio * 0.8 * learnt.mean * n, enough_few
    if not many and not (few and k <= FEW * 1.25 * learnt.mean * n):
        return None
    compared = compare(learnt.k, learnt.n, own)
    if many and k >= ratio * compared.usual * n:
        p, variant = compared.above(), leaning if leaning in PRICES else "plain"
    elif few and k <= FEW * compared.usual * n:
        p, variant = compared.below(), "few"
    else:
        return None
    return (
        _claim(household, leaning, variant, k, n, compared.usual, asked, p_value=p)
        if p * asked < 0.2
        else None
    )


def _claim(
    household: Household,
    leaning: str,
    variant: str,
    k: int,
    n: int,
    usual: float,
    asked: int,
    *,
    p_value: float | None = None,
    probability: float | None = None,
) -> Claim | None:
    lines = _evidence(household, leaning, variant)
    if not lines.size:
        return None
    return Claim(
        "tag_leaning",
        lines,
        asked,
        "others",
        p_value=p_value,
        probability=probability,
        subject=leaning,
        values={"count": k, "n": n, "share": k / n, "others": usual, "ratio": k / n / usual},
        variant=variant,
        alternatives=({"plain": "guests_or_gifts", "few": "elsewhere"}.get(variant, "quality"),),
    )


def _evidence(household: Household, leaning: str, variant: str) -> np.ndarray:
    """The lines with the tag; where they are missing, the shopping that they are missing from."""
    counts = household.population.learn(of_supermarkets)[household.lines.product]
    if variant == "few":
        tagged = household.tagged(*LEANINGS[leaning])
        return np.flatnonzero(tagged & counts) if (tagged & counts).any() else np.flatnonzero(counts)
    if leaning in PRICES:
        dear, cheap = household.population.learn(price_quarters)
        mark = dear if leaning == "premium" else cheap
        return np.flatnonzero(mark[household.lines.row])
    return np.flatnonzero(household.tagged(*LEANINGS[leaning]) & counts)


def leaning_counts(population: Population) -> dict[str, Shares]:
    """Purchases with each leaning and purchases at all, by household code: for `Population.learn`."""
    lines = population.lines
    size = n_households(population)
    kept = purchase_lines(lines, population.learn(of_supermarkets)[lines.product])
    household, product = lines.household[kept], lines.product[kept]
    n = np.bincount(household, minlength=size)
    counts = {}
    for leaning, tags in LEANINGS.items():
        tagged = population.tagged(*tags)[product]
        counts[leaning] = shares_of(np.bincount(household[tagged], minlength=size), n)
    dear, cheap = population.learn(price_quarters)
    priced = np.isfinite(lines.unit_price[kept]) & (lines.unit_price[kept] > 0)
    n_priced = np.bincount(household[priced], minlength=size)
    for leaning, mark in zip(PRICES, (dear, cheap), strict=True):
        counts[leaning] = shares_of(np.bincount(household[mark[lines.row[kept]]], minlength=size), n_priced)
    return counts


def price_quarters(population: Population) -> tuple[np.ndarray, np.ndarray]:
    """Which lines are among the dearest, and the cheapest, quarter of their category in their year.

    Both are boolean by row of the source's table: for `Population.learn`. Prices are of a unit of
    size where most of the category's lines have one.
    """
    lines = population.lines
    size = int(lines.row.max(initial=-1)) + 1
    dear, cheap = np.zeros(size, dtype=bool), np.zeros(size, dtype=bool)
    shopped = population.learn(of_supermarkets)[lines.product]
    good = np.flatnonzero(
        shopped & (lines.category >= 0) & np.isfinite(lines.unit_price) & (lines.unit_price > 0)
    )
    if not good.size:
        return dear, cheap
    category = lines.category[good].astype(np.int64)
    sized = np.isfinite(lines.size[good]) & (lines.size[good] > 0)
    mostly = np.bincount(category, sized) > 0.8 * np.bincount(category)
    by_size = mostly[category]
    good, category, by_size = good[~by_size | sized], category[~by_size | sized], by_size[~by_size | sized]
    unit = np.where(by_size, np.where(by_size, lines.size[good], 1.0), 1.0)
    price = lines.unit_price[good] / unit
    year = lines.at[good].astype("datetime64[Y]").astype(np.int64)
    group = category * 1000 + year
    order = np.lexsort((price, group))
    start = np.flatnonzero(np.diff(group[order], prepend=-(10**9)))
    n = np.diff(start, append=order.size)
    low = price[order][start + (CHEAP * (n - 1)).astype(int)]
    high = price[order][start + np.ceil(DEAR * (n - 1)).astype(int)]
    enough = np.repeat((n >= 20) & (low < high), n)
    low, high = np.repeat(low, n), np.repeat(high, n)
    row = lines.row[good][order]
    dear[row] = enough & (price[order] >= high) & (price[order] > low)
    cheap[row] = enough & (price[order] <= low) & (price[order] < high)
    return dear, cheap


KINDS: tuple[Kind, ...] = (
    Kind(
        name="tag_leaning",
        stage="detail",
        title={"en": "What they lean to", "tr": "Eğilimleri"},
        statements={
            "plain": {
                "en": "{count:count} of {n:count} purchases ({share:percent}) are of the group {subject:tag}, "
                "{ratio:number} times other "
                "households' {others:percent}.",
                "tr": "{n:count} alımın {count:count} tanesi ({share:percent}) {subject:tag} grubundan: öteki "
                "hanelerin ({others:percent}) "
                "{ratio:number} katı.",
            },
            "few": {
                "en": "Only {count:count} of {n:count} purchases ({share:percent}) are of the group "
                "{subject:tag}; in other households it "
                "is {others:percent}.",
                "tr": "{n:count} alımın yalnızca {count:count} tanesi ({share:percent}) {subject:tag} "
                "grubundan; öteki hanelerde oran "
                "{others:percent}.",
            },
            "premium": {
                "en": "They choose the dear: {share:percent} of {n:count} purchases are from their category's "
                "dearest quarter, "
                "{others:percent} in other households.",
                "tr": "Pahalı olanı seçiyorlar: {n:count} alımda kategorisinin en pahalı çeyreğinden olanların "
                "oranı {share:percent}, "
                "öteki hanelerde {others:percent}.",
            },
            "budget": {
                "en": "They choose the cheap: {share:percent} of {n:count} purchases are from their category's "
                "cheapest quarter, "
                "{others:percent} in other households.",
                "tr": "Ucuz olanı seçiyorlar: {n:count} alımda kategorisinin en ucuz çeyreğinden olanların "
                "oranı {share:percent}, öteki "
                "hanelerde {others:percent}.",
            },
        },
        nulls={
            "others": {
                "en": "Their share is drawn as other households' shares are.",
                "tr": "Payları, öteki hanelerin payları gibi dağılıyor.",
            }
        },
        alternatives={
            "elsewhere": {
                "en": "They may buy it elsewhere.",
                "tr": "Bunları başka yerden alıyor olabilirler.",
            },
            "guests_or_gifts": {
                "en": "Some of it may be for guests or as gifts.",
                "tr": "Bir kısmı konuk için ya da armağan olabilir.",
            },
            "quality": {
                "en": "The size of the packs or the stores they go to may make the difference.",
                "tr": "Fark, paket boyundan ya da gittikleri mağazalardan gelebilir.",
            },
        },
    ),
)
