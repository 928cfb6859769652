"""Product succession: did one type of product end and another of the same use begin?"""

import math
from dataclasses import dataclass
from datetime import date

import numpy as np

from crm_analytics.profiling.evidence.claim import Claim
from crm_analytics.profiling.evidence.kind import Kind
from crm_analytics.profiling.evidence.strength import PRIOR_ODDS
from crm_analytics.profiling.questions.brand_tastes import choices_of, household_inflation, inflation_of
from crm_analytics.profiling.questions.change_point import log_order_factor, worth_asking, wrong_sides
from crm_analytics.profiling.questions.durables import Durable, durables_of
from crm_analytics.profiling.questions.others_went_on import others_went_on
from crm_analytics.profiling.reading.household import Household
from crm_analytics.profiling.reading.population import Population

LEAST_KNOWN = 2  # days with either product of a pair of the table of durables
LEAST_ANY = 4  # of any other pair
MOST_SLIPS = 10  # days for each that may be out of order
LEAST_SPAN = 28  # days over which either type of any other pair is bought
_EPOCH = date(1970, 1, 1).toordinal()

KIND = Kind(
    name="product_succession",
    stage="interpretation",
    title={"en": "One product replaces another", "tr": "Bir ürünün yerini başkası almış"},
    statements={
        "durable": {
            "en": "{before:word} on {times_before:count} days until {last:date}, then {after:word} on "
            "{times_after:count} days from {start:date} on: they have probably got {durable_en:word}.",
            "tr": "{last:date} tarihine kadar {times_before:count} gün {before:word}, {start:date} tarihinden itibaren "
            "{times_after:count} gün {after:word}: büyük olasılıkla bir {durable_tr:word} edinmişler.",
        },
        "grew": {
            "en": "{before:word} on {times_before:count} days until {last:date}, then {after:word} on "
            "{times_after:count} days from {start:date} on: probably {durable_en:word}.",
            "tr": "{last:date} tarihine kadar {times_before:count} gün {before:word}, {start:date} tarihinden itibaren "
            "{times_after:count} gün {after:word}: büyük olasılıkla {durable_tr:word}.",
        },
        "plain": {
            "en": "They changed from {before:word} ({times_before:count} days, the last {last:date}) to {after:word} "
            "({times_after:count} days from {start:date} on).",
            "tr": "Önce {before:word} ({times_before:count} gün, sonuncusu {last:date}), {start:date} tarihinden "
            "itibaren {after:word} ({times_after:count} gün) alınmış.",
        },
    },
    nulls={
        "any_order": {
            "en": "both are in use throughout, and their purchases come in any order",
            "tr": "ikisi de baştan sona kullanılıyor; alışların sırası rastgele",
        }
    },
    alternatives={
        "taste": {
            "en": "They may have come to like the other product better.",
            "tr": "Diğer ürünü daha çok beğenmiş olabilirler.",
        },
        "borrowed": {
            "en": "The machine may be borrowed or rented.",
            "tr": "Makine ödünç ya da kiralık olabilir.",
        },
        "had_before": {
            "en": "They may have had it before and bought the product elsewhere.",
            "tr": "Makine önceden de vardı; ürün başka yerden alınıyor olabilir.",
        },
        "season": {
            "en": "The products may be of different seasons.",
            "tr": "Ürünler farklı mevsimlere ait olabilir.",
        },
        "slips": {
            "en": "On {slips:count day} it was the other way round: the first may not have ended for good.",
            "tr": "Tersi de oldu, {slips:count} günde: ilki büsbütün bırakılmamış olabilir.",
        },
        "delisted": {
            "en": "The first product may no longer be sold.",
            "tr": "İlk ürün artık satılmıyor olabilir.",
        },
        "another_child": {
            "en": "The products may be for another child or animal.",
            "tr": "Ürünler başka bir çocuk ya da hayvan için olabilir.",
        },
    },
)


@dataclass(frozen=True)
class _Pair:
    """Lines of the two products, the earlier and the later in use, and what they are."""

    before: np.ndarray
    after: np.ndarray
    durable: Durable | None = None

    def order(self, day: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Their days in time order, and which are the later product's; on one day the earlier comes first."""
        days = [np.unique(day[lines]) for lines in (self.before, self.after)]
        label = np.repeat([False, True], [one.size for one in days])
        both = np.concatenate(days)
        order = np.lexsort((label, both))
        return both[order], label[order]


def product_successions(household: Household) -> list[Claim]:
    """Pairs of products of one use of which one ends and the other begins.

    Statistic: the Bayes factor of "first the one, then the other, but for a slip in twenty days"
    (`log_order_factor`). Null: both are in use throughout, in any order. At most one day in ten is
    let pass as a slip.

    Asked are the pairs of the table of durables (`durables_table`) that a household bought on two
    days each at least; and any two types of one category bought on four days each, over four weeks
    each, with a brand bought of both (else it is a brand switch). Of these the direction is charged
    twice, the categories share the error evenly (one with ten types divides its part among 45 pairs),
    and others must not have stopped buying the first type then. All factors are damped by how sticky
    choices among types are, with this household if more than with others (`own_stickiness`). Pairs
    that could not pass by their numbers are not asked.
    """
    claims = _known(household) + _any(household)
    known = {(c.values["before"], c.values["after"]) for c in claims if c.variant != "plain"}
    return [c for c in claims if c.variant != "plain" or (c.values["before"], c.values["after"]) not in known]


def stickiness(population: Population) -> float:
    """How many successive choices among the types of a category tell as much as one drawn afresh."""
    return inflation_of(choices_of(population.lines, population.lines.type))


def own_stickiness(household: Household) -> float:
    """The same of one household, over all its categories together; the population's if that is more."""
    usual = household.population.learn(stickiness)
    return household_inflation(choices_of(household.lines, household.lines.type), usual)


def _known(household: Household) -> list[Claim]:
    """Pairs of the table."""
    lines = household.lines
    pairs, sizes = [], []
    for durable in household.population.learn(durables_of):
        before, after = durable.before[lines.product], durable.after[lines.product]
        if before.any() and after.any():
            size = np.unique(lines.day[before]).size, np.unique(lines.day[after]).size
            if min(size) >= LEAST_KNOWN:
                pairs.append(_Pair(np.flatnonzero(before), np.flatnonzero(after), durable))
                sizes.append(size)
    if not pairs:
        return []
    most = np.array([log_order_factor(np.repeat([False, True], size)) for size in sizes])
    inflation = household.learn(own_stickiness)
    asked = max(1, int(worth_asking(most / inflation, PRIOR_ODDS).sum()))
    found = [_claim(household, pair, LEAST_KNOWN, asked, inflation) for pair in pairs]
    return [claim for claim in found if claim is not None]


def _any(household: Household) -> list[Claim]:
    """Pairs of types of one category that were bought in this order."""
    lines = household.lines
    where = np.flatnonzero((lines.category >= 0) & (lines.type >= 0))
    if where.size < 2 * LEAST_ANY:
        return []
    n_types = len(household.population.names["type"])
    key = lines.category[where].astype(np.int64) * n_types + lines.type[where]
    order = np.argsort(key, kind="stable")
    key, where = key[order], where[order]
    first = np.flatnonzero(np.diff(key, prepend=-1))
    n = np.diff(first, append=key.size)
    kept = n >= LEAST_ANY
    groups = []
    for low, size in zip(first[kept].tolist(), n[kept].tolist(), strict=True):
        mine = where[low : low + size]
        days = np.unique(lines.day[mine])
        if days.size >= LEAST_ANY and days[-1] - days[0] >= LEAST_SPAN:
            groups.append((int(key[low]) // n_types, mine, days))
    # Which pairs there are does not depend on the order: of (A, B) and (B, A) one is meant, so both are charged.
    places, of, most = [], [], []
    for i, (category, mine, days) in enumerate(groups):
        for j in range(i + 1, len(groups)):
            if groups[j][0] != category:
                break
            if np.intersect1d(lines.brand[mine], lines.brand[groups[j][1]]).size:
                places.append((i, j))
                of.append(category)
                most.append(log_order_factor(np.repeat([False, True], [days.size, groups[j][2].size])))
    if not places:
        return []
    inflation = household.learn(own_stickiness)
    # Each category with pairs is given as much of the error: one with ten types has 45 pairs to divide it among.
    alike = np.bincount(of)[of]
    able = worth_asking(np.array(most) / inflation - np.log(2 * alike), PRIOR_ODDS)
    charges = 2 * alike * np.unique(np.array(of)[able]).size
    claims = []
    for (i, j), one, charge in zip(places, able, charges.tolist(), strict=True):
        if one:
            a, b = groups[i], groups[j]
            if np.median(a[2]) > np.median(b[2]):
                a, b = b, a
            claims.append(_claim(household, _Pair(a[1], b[1]), LEAST_ANY, charge, inflation))
    return [claim for claim in claims if claim is not None]


def _claim(household: Household, pair: _Pair, least: int, asked: int, inflation: float) -> Claim | None:
    """What the order of a pair says; None if it says nothing."""
    lines = household.lines
    days, late = pair.order(lines.day)
    cut = int(np.argmin(wrong_sides(late)))
    slips = int((late[:cut]).sum() + (~late[cut:]).sum())
    earlier, later = int((~late[:cut]).sum()), int(late[cut:].sum())
    if min(earlier, later) < least or slips * MOST_SLIPS > late.size:
        return None
    factor = log_order_factor(late) / inflation
    if factor <= math.log(asked):
        return None
    last, began = int(days[:cut][~late[:cut]][-1]), int(days[cut:][late[cut:]][0])
    before_lines, after_lines = (
        pair.before[lines.day[pair.before] <= last],
        pair.after[lines.day[pair.after] >= began],
    )
    old, new = _commonest(lines.type[before_lines]), _commonest(lines.type[after_lines])
    others = others_went_on(household, "type", _commonest(lines.category[before_lines]), old, began)
    durable = pair.durable
    if durable is None:
        if others == "delisted":
            return None
        alternatives = ["taste"]
    elif durable.kind == "durable":
        alternatives = ["borrowed", "had_before", "taste"]
    else:
        alternatives = ["another_child"]
    if slips:
        alternatives.append("slips")
    if others != "own":
        alternatives.append("delisted")
    if lines.day[-1] - lines.day[0] < 2 * 365 and durable is None:
        alternatives.append("season")
    before, after = household.word("type", old), household.word("type", new)
    values = {
        "before": before,
        "after": after,
        "times_before": earlier,
        "times_after": later,
        "slips": slips,
        "last": _date(last),
    }
    if durable is not None:
        values |= {"durable_en": durable.name_en, "durable_tr": durable.name_tr}
    return Claim(
        kind=KIND.name,
        lines=np.sort(np.concatenate([before_lines, after_lines])),
        asked=asked,
        null="any_order",
        bayes_factor=math.exp(min(factor, 700.0)),
        subject=f"{before} -> {after}",
        start=_date(began),
        values=values,
        variant="plain" if durable is None else durable.kind,
        alternatives=tuple(alternatives),
    )


def _commonest(codes: np.ndarray) -> int:
    """The code of most lines; of equals the smallest."""
    found, n = np.unique(codes, return_counts=True)
    return int(found[np.argmax(n)])


def _date(day: int) -> date:
    return date.fromordinal(_EPOCH + int(day))


KINDS = (KIND,)
