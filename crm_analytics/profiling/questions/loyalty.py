"""Loyalty: within a category, one brand, type or item is taken far more than others take it."""

import numpy as np

from crm_analytics.profiling.comparing.choices import LEVELS, household_choices, tastes
from crm_analytics.profiling.comparing.posterior import chance_of_mixture, persistence
from crm_analytics.profiling.comparing.purchases import of_supermarkets
from crm_analytics.profiling.evidence.claim import Claim
from crm_analytics.profiling.evidence.kind import Kind
from crm_analytics.profiling.reading.household import Household

MIN_CHOICES = 6
FAVOURITE = 0.45  # of what they would go on to choose: nearly half,
MIN_RATIO = 1.6  # and 1.6 times as often as others
MIN_HOUSEHOLDS = 20  # others to compare with, who chose in the category twice or more
LEAST = 0.5  # probability that it is a favourite
SINGULAR = 0.05  # of the categories: a favourite of any strength, whatever others' tastes are like
SURE = 0.95  # enough to prefer a level that says more


def loyalties(household: Household) -> list[Claim]:
    """Say which brand, type or item of a category the household keeps to.

    A choice is one brand (type, item) of a category on one day. A favourite is a description: they would
    choose it nearly half of the time (.45), and 1.6 times as often as other households. Its
    probability is the posterior, where before its own choices a household's tastes are
    distributed as the others' (Dirichlet-multinomial with their mean shares, overdispersion by
    moments): so that a category in which all have favourites takes fewer choices to convince than
    one in which nobody has. One household-category in 20 is believed to have a favourite of its
    own, whatever others do (a uniform share): else where nobody has one a clear exception would be
    disbelieved. Choices that repeat the last one count for less (`persistence`).

    Minimum effect: 6 choices, .45 of them the favourite, 1.6 times as often as others. Of one
    category's levels the one that sets them apart from others most is told, of those that are sure
    enough.
    """
    learnt = household.population.learn(tastes)
    asked = 0
    found: dict[int, list[tuple[float, int, float, float, int, int]]] = {}
    for rank, level in enumerate(LEVELS):
        mine = household_choices(household)[level]
        among = learnt[level].among(mine)
        able = (mine.n >= MIN_CHOICES) & (among.households >= MIN_HOUSEHOLDS) & (among.kinds >= 2)
        asked += int(able.sum())
        size = np.diff(mine.first, append=mine.category.size)
        n, k = np.repeat(mine.n, size), mine.count
        usual = among.shares
        least = np.maximum(FAVOURITE, MIN_RATIO * usual)
        far = np.repeat(able, size) & (k >= least * n)
        at = np.flatnonzero(far)
        if not at.size:
            continue
        rho = np.repeat(among.overdispersion, size)[at]
        k, n, usual = k[at], n[at], usual[at]
        firm, before = persistence(mine.switches[at], k, n), 1 / rho - 1
        likely = chance_of_mixture(
            firm * k, firm * n, before * usual, before * (1 - usual), SINGULAR * usual, least[at]
        )
        apart = _information(k, n, usual)
        for i in np.flatnonzero(likely >= LEAST).tolist():
            category, code = int(mine.category[at[i]]), int(mine.code[at[i]])
            answer = (-float(apart[i]), rank, float(likely[i]), float(usual[i]), code, int(n[i]))
            found.setdefault(category, []).append(answer)
    claims = []
    for category, levels in sorted(found.items()):
        bar = min(SURE, max(one[2] for one in levels))
        _, rank, likely_one, share, code, n_choices = min(one for one in levels if one[2] >= bar)
        claims.append(_claim(household, LEVELS[rank], category, code, n_choices, share, likely_one, asked))
    return claims


def _information(k: np.ndarray, n: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """How far k of n is from others' share: the log-likelihood ratio."""
    rest = n - k
    missed = np.where(rest > 0, rest, 1) / (n * (1 - np.minimum(usual, 1 - 1e-9)))
    return np.asarray(k * np.log(k / (n * usual)) + np.where(rest > 0, rest * np.log(missed), 0.0))


def _claim(
    household: Household,
    level: str,
    category: int,
    code: int,
    n: int,
    share: float,
    likely: float,
    asked: int,
) -> Claim:
    lines = household.lines
    taken = (lines.category == category) & (getattr(lines, level) == code)
    positions = np.flatnonzero(taken & household.population.learn(of_supermarkets)[lines.product])
    count = np.unique(lines.day[positions]).size
    products = household.population.products
    name = household.word(level, code)
    if level == "item":
        name = str(products["description"].iloc[lines.product[positions[0]]]) or name
    return Claim(
        "loyalty",
        positions,
        asked,
        "others",
        probability=likely,
        subject=household.word("category", category),
        values={"level": level, "name": name, "count": count, "n": n, "share": count / n, "others": share},
        variant="plain" if level == "brand" else level,
        alternatives=("offers",) if level == "type" else ("only_one_sold", "offers"),
    )


_TELLS = {
    "en": "In {subject:category}, {count:count} of {n:count} choices were {what} {name:word}; other households "
    "take it in "
    "{others:percent}.",
    "tr": "{subject:category}: {n:count} seçimin {count:count} tanesi {what} {name:word}; öteki "
    "hanelerde payı "
    "{others:percent}.",
}
_WHAT = {
    "plain": {"en": "the brand", "tr": "aynı marka:"},
    "type": {"en": "of one kind:", "tr": "aynı çeşit:"},
    "item": {"en": "the same product:", "tr": "aynı ürün:"},
}

KINDS: tuple[Kind, ...] = (
    Kind(
        name="loyalty",
        stage="detail",
        title={"en": "Favourite within a category", "tr": "Kategorideki gözdesi"},
        statements={
            variant: {lang: _TELLS[lang].replace("{what}", word) for lang, word in words.items()}
            for variant, words in _WHAT.items()
        },
        nulls={
            "others": {
                "en": "It came out so often by chance: their taste in it is like other households'.",
                "tr": "Bu kadar sık çıkması rastlantı: beğenileri öteki hanelerinki gibi.",
            }
        },
        alternatives={
            "only_one_sold": {
                "en": "The store they go to may sell little else of it.",
                "tr": "Gittikleri mağazada başka seçenek az olabilir.",
            },
            "offers": {
                "en": "Price or offers may decide rather than taste.",
                "tr": "Seçimi beğeni değil, fiyat ya da kampanya belirliyor olabilir.",
            },
        },
    ),
)
