"""Personal association rules: on days with one thing there is another, more than on other days."""

import numpy as np

from crm_analytics.profiling.comparing.pairs_of_things import (
    MOST_KINDS,
    TAGS,
    Together,
    bought_together,
    days_of,
    things_on_days,
)
from crm_analytics.profiling.comparing.purchases import of_supermarkets
from crm_analytics.profiling.comparing.shopping_days import (
    least_tails,
    merged_strata,
    size_strata,
    together_tail,
    worth_asking,
)
from crm_analytics.profiling.evidence.claim import Claim
from crm_analytics.profiling.evidence.kind import Kind
from crm_analytics.profiling.reading.household import Household

MIN_DAYS = 4  # with both
MIN_STRATUM = 20  # days of like size that are compared with each other
MIN_CONFIDENCE = 0.5
MIN_LIFT = 1.5
MOST_COMMON = 0.7  # share of days: a thing of nearly every day goes with everything
MOST_TOLD = 5
CLEAR = 0.001  # p-value, over all that was asked
NEARLY = 0.8
WORTH_A_TEST = 2.0  # standard deviations: less is never significant among many questions


def associations(household: Household) -> list[Claim]:
    """Say which things the household buys on the same days: A -> B, or A -> several kinds of B.

    Things are categories, and tags that gather several of them. The null: among days with equally
    many categories, those with B are drawn as in other households, whose odds ratio of the pair is
    estimated within household and basket size (at least 1). The p-value is the exact tail of days
    with both (Fisher's noncentral hypergeometric in each stratum, convolved). "Several kinds" is
    asked as a thing of its own: days with 2, or 3, distinct products of B.

    Asked are the pairs that could be significant by their margins (Tarone 1990). Minimum effect: 4 days with
    both, B on half of A's days, 1.5 times what the basket's size gives. Of a pair and its mirror the
    rarer thing stands first; at most five are told, the clearest first.
    """
    population, lines = household.population, household.lines
    days = days_of(lines, population.learn(of_supermarkets)[lines.product])
    if days.size.size < 2 * MIN_DAYS:
        return []
    n_days = days.size.size
    levels = [level.toarray() > 0 for level in things_on_days(population, lines, days)]
    stratum = merged_strata(size_strata(days.size), MIN_STRATUM)
    there = [level.sum(axis=0) for level in levels]
    able = (there[0] >= MIN_DAYS) & (there[0] <= MOST_COMMON * n_days)
    antecedents = np.flatnonzero(able)
    consequents = [(k, b) for k in range(MOST_KINDS) for b in np.flatnonzero(able & (there[k] >= MIN_DAYS))]
    if antecedents.size < 2 or not consequents:
        return []
    learnt = population.learn(bought_together)
    a_days = levels[0][:, antecedents].astype(float)
    b_kinds, b_things = np.array(consequents).T
    b_days = np.stack([levels[k][:, b] for k, b in consequents], axis=1).astype(float)

    used, where = np.unique(stratum, return_inverse=True)
    member = (where[None, :] == np.arange(used.size)[:, None]).astype(float)
    n = member.sum(axis=1)
    a, b = member @ a_days, member @ b_days
    possible = _possible(
        antecedents, b_kinds, b_things, there, len(population.names["category"]), learnt.overlap
    )
    asked = worth_asking(least_tails(a, b, n)[possible], 0.05) if possible.any() else 0
    if asked == 0:
        return []
    both = a_days.T @ b_days
    expected = (a / n[:, None]).T @ b
    spread = (a * (n[:, None] - a) / (n**2 * np.maximum(n - 1, 1))[:, None]).T @ (b * (n[:, None] - b))
    enough = possible & (both >= MIN_DAYS) & (both >= MIN_LIFT * expected)
    enough &= both - expected >= WORTH_A_TEST * np.sqrt(np.maximum(spread, 0.0))
    enough &= both >= MIN_CONFIDENCE * a_days.sum(axis=0)[:, None]
    found = []
    for i, j in np.argwhere(enough):
        thing, other, kinds = int(antecedents[i]), int(b_things[j]), int(b_kinds[j]) + 1
        p = together_tail(int(both[i, j]), a[:, i], b[:, j], n)
        if p * asked >= 0.2:
            continue
        odds = learnt.odds(kinds, thing, other, both[i, j], expected[i, j])
        if odds > 1:
            p = together_tail(int(both[i, j]), a[:, i], b[:, j], n, odds)
        if p * asked < 0.2:
            found.append((p, kinds, thing, other))
    found = _most_kinds(sorted(found), asked, levels)
    return _claims(household, days.lines, days.which, levels, found, asked, learnt)


def _most_kinds(
    found: list[tuple[float, int, int, int]], asked: int, levels: list[np.ndarray]
) -> list[tuple[float, int, int, int]]:
    """Of one pair, the most kinds of B that are as good as sure and come on nearly as many days."""
    best: dict[tuple[int, int], tuple[float, int, int, int]] = {}
    for p, kinds, thing, other in found:
        pair = (thing, other)
        if pair not in best:
            best[pair] = (p, kinds, thing, other)
        elif kinds > best[pair][1] and p * asked < CLEAR:
            a_days = levels[0][:, thing]
            days = [int((a_days & levels[k - 1][:, other]).sum()) for k in (kinds, best[pair][1])]
            if days[0] >= NEARLY * days[1]:
                best[pair] = (p, kinds, thing, other)
    return sorted(best.values())


def _possible(
    antecedents: np.ndarray,
    b_kinds: np.ndarray,
    b_things: np.ndarray,
    there: list[np.ndarray],
    n_categories: int,
    overlap: np.ndarray,
) -> np.ndarray:
    """Pairs to be asked: of one level, without a product in common, the rarer thing first."""
    one = antecedents[:, None]
    possible = ~overlap[one, b_things] & ((one < n_categories) == (b_things < n_categories))
    rarer = (there[0][one] < there[0][b_things]) | ((there[0][one] == there[0][b_things]) & (one < b_things))
    # Of tags only whether there is any: they hold many products.
    return np.asarray(possible & np.where(b_kinds == 0, rarer, b_things < n_categories))


def _claims(
    household: Household,
    positions: np.ndarray,
    which: np.ndarray,
    levels: list[np.ndarray],
    found: list[tuple[float, int, int, int]],
    asked: int,
    learnt: Together,
) -> list[Claim]:
    """The clearest rules, none of them a mirror or a wider copy of one before it."""
    claims: list[Claim] = []
    told: list[set[int]] = []
    for p, kinds, thing, other in found:
        both = levels[0][:, thing] & levels[kinds - 1][:, other]
        on = both[which] & (_is(household, positions, thing) | _is(household, positions, other))
        rest = set(positions[on].tolist())
        if any(len(rest & one) > 0.5 * min(len(rest), len(one)) for one in told):
            continue
        told.append(rest)
        a_days = levels[0][:, thing]
        words = [_word(household, one) for one in (thing, other)]
        tag = thing >= len(household.population.names["category"])
        claims.append(
            Claim(
                "association",
                positions[on],
                asked,
                "other_days",
                p_value=p,
                subject=f"{words[0]} -> {words[1]}",
                values={
                    "antecedent": words[0],
                    "consequent": words[1],
                    "kinds": kinds,
                    "count": int(both.sum()),
                    "n": int(a_days.sum()),
                    "confidence": float(both.sum() / a_days.sum()),
                    "otherwise": float(levels[kinds - 1][~a_days, other].mean()),
                },
                variant="tags" if tag else "plain" if kinds == 1 else "kinds",
                alternatives=("errand",),
            )
        )
        if len(claims) == MOST_TOLD:
            break
    return claims


def _is(household: Household, positions: np.ndarray, thing: int) -> np.ndarray:
    """Which of the lines are of a thing."""
    n = len(household.population.names["category"])
    if thing < n:
        return np.asarray(household.lines.category[positions] == thing)
    return household.tagged(TAGS[thing - n])[positions]


def _word(household: Household, thing: int) -> str:
    n = len(household.population.names["category"])
    return household.word("category", thing) if thing < n else TAGS[thing - n]


_EN = (
    "On {count:count} of {n:count} days with {antecedent:FORM} there is WHAT {consequent:FORM} too; on other days in "
    "{otherwise:percent}."
)
_TR = (
    "{antecedent:FORM} alınan {n:count} günün {count:count} tanesinde ayrıca WHAT {consequent:FORM} var; "
    "öteki günlerde oran "
    "{otherwise:percent}."
)


def _statement(form: str, english: str, turkish: str) -> dict[str, str]:
    return {
        "en": _EN.replace("FORM", form).replace("WHAT ", english),
        "tr": _TR.replace("FORM", form).replace("WHAT ", turkish),
    }


KINDS: tuple[Kind, ...] = (
    Kind(
        name="association",
        stage="detail",
        title={"en": "What they buy together", "tr": "Birlikte aldıkları"},
        statements={
            "plain": _statement("category", "", ""),
            "kinds": _statement("category", "{kinds:count} kinds or more of ", "en az {kinds:count} çeşit "),
            "tags": _statement("tag", "", ""),
        },
        nulls={
            "other_days": {
                "en": "Among days with equally large baskets, the two go together no more than in other "
                "households.",
                "tr": "Sepeti aynı büyüklükte olan günlerde ikisi, öteki hanelerden daha sık bir arada değil.",
            }
        },
        alternatives={
            "errand": {
                "en": "The two may lie side by side in the store, or be in season together.",
                "tr": "İkisi mağazada yan yana duruyor ya da aynı mevsimde çıkıyor olabilir.",
            }
        },
    ),
)
