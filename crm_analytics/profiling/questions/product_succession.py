"""Product succession: did one type of product end and another of the same use begin?"""

import math
from dataclasses import dataclass
from datetime import date

import numpy as np

from crm_analytics.profiling.evidence.claim import Claim
from crm_analytics.profiling.evidence.kind import Kind
from crm_analytics.profiling.evidence.strength import PRIOR_ODDS
from crm_analytics.profiling.questions.brand_tastes import brand_tastes
from crm_analytics.profiling.questions.change_point import inversions_of, log_order_factor, worth_asking
from crm_analytics.profiling.questions.durables import Durable, durables_of
from crm_analytics.profiling.questions.others_went_on import others_went_on
from crm_analytics.profiling.reading.household import Household

LEAST_KNOWN = 2  # days with either product of a pair of the table of durables
LEAST_ANY = 4  # of any other pair
MOST_INVERSIONS = 3
LEAST_SPAN = 28  # days over which either type of any other pair is bought
ANY_PAIR = 2  # pairs outside the table are charged so many times
_EPOCH = date(1970, 1, 1).toordinal()

KIND = Kind(
    name="product_succession",
    stage="interpretation",
    title={"en": "One product replaces another", "tr": "Bir ürünün yerini başkası almış"},
    statements={
        "durable": {
            "en": "{before:word} on {times_before:count} days until {last:date}, then {after:word} on "
            "{times_after:count} days from {start:date} on: they have probably got {durable_en:word}.",
            "tr": "{last:date} tarihine kadar {times_before:count} gün {before:word}, {start:date} tarihinden sonra "
            "{times_after:count} gün {after:word}: büyük olasılıkla şunu edinmişler: {durable_tr:word}.",
        },
        "grew": {
            "en": "{before:word} on {times_before:count} days until {last:date}, then {after:word} on "
            "{times_after:count} days from {start:date} on: probably {durable_en:word}.",
            "tr": "{last:date} tarihine kadar {times_before:count} gün {before:word}, {start:date} tarihinden sonra "
            "{times_after:count} gün {after:word}: büyük olasılıkla {durable_tr:word}.",
        },
        "plain": {
            "en": "They changed from {before:word} ({times_before:count} days, the last {last:date}) to {after:word} "
            "({times_after:count} days from {start:date} on).",
            "tr": "Önce {before:word} ({times_before:count} gün, sonuncusu {last:date}), {start:date} tarihinden sonra "
            "{after:word} ({times_after:count} gün) alınmış.",
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
            "en": "they came to like the other product better",
            "tr": "diğer ürünü daha çok beğenmiş olabilirler",
        },
        "borrowed": {"en": "the machine is borrowed or rented", "tr": "makine ödünç ya da kiralık olabilir"},
        "had_before": {
            "en": "they had it before and bought the product elsewhere",
            "tr": "daha önce de vardı, ürün başka yerden alınıyor olabilir",
        },
        "season": {
            "en": "the products are of different seasons",
            "tr": "ürünler farklı mevsimlere ait olabilir",
        },
        "delisted": {
            "en": "the first product is no longer sold",
            "tr": "ilk ürün artık satılmıyor olabilir",
        },
        "another_child": {
            "en": "the products are for another child or animal",
            "tr": "ürünler başka bir çocuk ya da hayvan için olabilir",
        },
    },
)


@dataclass(frozen=True)
class _Pair:
    """Lines of the two products, the earlier and the later in use, and what they are."""

    before: np.ndarray
    after: np.ndarray
    durable: Durable | None = None

    def labels(self, day: np.ndarray) -> np.ndarray:
        """Which of their days are the later product's, in time order; on one day the earlier comes first."""
        days = [np.unique(day[lines]) for lines in (self.before, self.after)]
        label = np.repeat([False, True], [one.size for one in days])
        return label[np.lexsort((label, np.concatenate(days)))]


def product_successions(household: Household) -> list[Claim]:
    """Pairs of products of one use of which one ends and the other begins.

    Statistic: the number of pairs of days in the wrong order (a day with the later product before
    one with the earlier), and its Bayes factor against any order of the days (`log_order_factor`;
    without inversions four fifths of C(n, k), the inverse of the permutation p-value). Null: both
    are in use throughout. At most 3 inversions and 1 in 20 pairs are let pass.

    Asked are the pairs of the table of durables (`durables_table`) that a household bought on two
    days each at least; and any two types of one category bought on four days each, over four weeks
    each. Of these each is charged twice, the categories share the error evenly (one with ten types
    divides its part among 45 pairs), their factor is damped by how sticky choices are
    (`BrandTastes.inflation`), a brand must have been bought of both (else it is a brand switch), and
    others must not have stopped buying the first type then. Pairs that could not pass by their
    numbers are not asked.
    """
    claims = _known(household) + _any(household)
    known = {(c.values["before"], c.values["after"]) for c in claims if c.variant != "plain"}
    return [c for c in claims if c.variant != "plain" or (c.values["before"], c.values["after"]) not in known]


def _known(household: Household) -> list[Claim]:
    """Pairs of the table."""
    product = household.lines.product
    pairs = []
    for durable in household.population.learn(durables_of):
        before, after = durable.before[product], durable.after[product]
        if before.any() and after.any():
            pairs.append(_Pair(np.flatnonzero(before), np.flatnonzero(after), durable))
    return _claims(household, pairs, least=LEAST_KNOWN, charge=1, inflation=1.0)


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
    most = []
    places, of = [], []
    for i, (category, _, days) in enumerate(groups):
        for j in range(i + 1, len(groups)):
            if groups[j][0] != category:
                break
            places.append((i, j))
            of.append(category)
            most.append(math.lgamma(days.size + groups[j][2].size + 1))
            most[-1] -= math.lgamma(days.size + 1) + math.lgamma(groups[j][2].size + 1)
    if not places:
        return []
    inflation = household.population.learn(brand_tastes).inflation
    # Each category with pairs is given as much of the error: one with ten types has 45 pairs to divide it among.
    alike = np.bincount(of)[of]
    able = worth_asking(np.array(most) / inflation - np.log(2 * ANY_PAIR * alike), PRIOR_ODDS)
    charges = 2 * ANY_PAIR * alike * np.unique(np.array(of)[able]).size
    claims = []
    for (i, j), one, charge in zip(places, able, charges.tolist(), strict=True):
        if one:
            a, b = groups[i], groups[j]
            if np.median(a[2]) > np.median(b[2]):
                a, b = b, a
            if a[2][-1 - MOST_INVERSIONS] < b[2][MOST_INVERSIONS]:
                pair = [_Pair(a[1], b[1])]
                claims += _claims(
                    household, pair, least=LEAST_ANY, charge=charge, inflation=inflation, asked=1
                )
    return claims


def _claims(
    household: Household,
    pairs: list[_Pair],
    *,
    least: int,
    charge: int,
    inflation: float,
    asked: int | None = None,
) -> list[Claim]:
    """Weigh pairs; `asked` is how many there are, if `charge` does not count them already."""
    day = household.lines.day
    rows = []
    for pair in pairs:
        labels = pair.labels(day)
        later = int(labels.sum())
        rows.append((labels.size - later, later, inversions_of(labels)))
    enough = [min(earlier, later) >= least for earlier, later, _ in rows]
    rows = [row for row, one in zip(rows, enough, strict=True) if one]
    pairs = [pair for pair, one in zip(pairs, enough, strict=True) if one]
    if not rows:
        return []
    if asked is None:
        most = np.array([log_order_factor(earlier, later, 0) for earlier, later, _ in rows])
        asked = max(1, int(worth_asking(most, PRIOR_ODDS).sum()))
    found = []
    for pair, (earlier, later, wrong) in zip(pairs, rows, strict=True):
        if wrong > MOST_INVERSIONS or wrong * 20 > earlier * later:
            continue
        factor = log_order_factor(earlier, later, wrong) / inflation
        if factor > math.log(asked * charge):
            claim = _claim(household, pair, earlier, later, factor, asked * charge)
            if claim is not None:
                found.append(claim)
    return found


def _claim(
    household: Household, pair: _Pair, earlier: int, later: int, factor: float, asked: int
) -> Claim | None:
    lines = household.lines
    old, new = _commonest(lines.type[pair.before]), _commonest(lines.type[pair.after])
    category = _commonest(lines.category[pair.before])
    began = int(lines.day[pair.after].min())
    others = others_went_on(household, "type", category, old, began)
    durable = pair.durable
    if durable is None:
        same = np.intersect1d(lines.brand[pair.before], lines.brand[pair.after])
        if not same.size or others == "delisted":
            return None
        alternatives = ["taste"]
    elif durable.kind == "durable":
        alternatives = ["borrowed", "had_before", "taste"]
    else:
        alternatives = ["another_child"]
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
        "last": _date(lines.day[pair.before].max()),
    }
    if durable is not None:
        values |= {"durable_en": durable.name_en, "durable_tr": durable.name_tr}
    return Claim(
        kind=KIND.name,
        lines=np.sort(np.concatenate([pair.before, pair.after])),
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
