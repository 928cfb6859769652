"""Brand switch: did they buy one brand of a category until a date, and another from then on?"""

import math
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from scipy.special import gammaln

from crm_analytics.profiling.evidence.claim import Claim
from crm_analytics.profiling.evidence.strength import PRIOR_ODDS, bayes_factor_bound
from crm_analytics.profiling.questions.brand_switch_kind import KIND
from crm_analytics.profiling.questions.brand_tastes import (
    BrandTastes,
    Choices,
    brand_tastes,
    choice_tables,
    choices_of,
    household_inflation,
)
from crm_analytics.profiling.questions.change_point import (
    NOT_MOVED,
    SHORTEST,
    log_bayes_factor,
    log_factors_of_orders,
    log_switch_factors,
    sticky_orders,
    worth_asking,
)
from crm_analytics.profiling.questions.others_went_on import GRACE, lines_by_category, others_went_on
from crm_analytics.profiling.reading.household import Household

LEAST_MOVED = 0.3  # share that the old brand loses at least, and the new one gains
LEAST_TELLING = 0.2  # p-value times number of questions
SIMULATED = (50, 450, 4_500, *[5_000] * 4)  # orders of the choices, as long as few are as extreme
SURELY = 1e-4  # the same, below which a p-value need not be known better
DISAGREE = 8.0  # pairs that a row's own stickiness is shrunk by: it is told by few
TOGETHER = 31  # days within which switches of several categories are one decision


@dataclass(frozen=True)
class _Row:
    """One category's choices in time order, and how much speaks for a change after each."""

    category: int
    brands: np.ndarray
    days: np.ndarray
    shares: np.ndarray  # choices × brands
    factors: np.ndarray  # log Bayes factor of a change after each choice
    inflation: float

    @property
    def factor(self) -> float:
        return log_bayes_factor(self.factors)

    @property
    def place(self) -> int:
        """Choices before the likeliest change."""
        return int(np.argmax(self.factors)) + 1

    @property
    def changed(self) -> int:
        """Day of the first choice after it."""
        return int(self.days[self.place])

    def sides(self) -> tuple[np.ndarray, np.ndarray]:
        """Shares of the brands before and after the likeliest change."""
        return self.shares[: self.place].mean(axis=0), self.shares[self.place :].mean(axis=0)

    def moved(self) -> tuple[int, int]:
        """Columns of the brand that lost most and of the one that gained most."""
        before, after = self.sides()
        return int(np.argmin(after - before)), int(np.argmax(after - before))

    def part(self, which: slice, tastes: BrandTastes) -> "_Row":
        return _row(self.category, self.brands, self.days[which], self.shares[which], tastes)


def brand_switches(household: Household) -> list[Claim]:
    """Categories in which one brand gives way to another.

    A day with the category is one choice, shared among the brands bought that day. Statistic: the
    Dirichlet-multinomial Bayes factor of one change at an unknown place, at which some brand lost
    and another gained at least .3 of the choices, against no change; mean and concentration of the
    shares are the population's in that category. Null: shares stay the same, whatever the mix of
    members and brands. Successive choices resemble each other more than distant ones (stocks,
    promotions), so each counts as less than one: by the population's autocorrelation, by the
    household's in all its categories (`household_inflation`), or by what is left in its row on
    either side of the change, whichever is most.

    A second change is looked for on either side of the first. Where several categories go from the
    same brand to the same other within a month, each of them speaks for the rest: the odds of a
    category's switch then start from how probable the others' is. Categories with too few choices to
    be asked alone can be told this way too.

    The p-value is the share of sticky random orders of the household's own choices with as large a
    Bayes factor. `asked` is the number of categories whose counts alone let a change be shown.
    Others' purchases say whether the old brand was delisted (`others_went_on`).

    Source: change point and Bayes factor as in Barry & Hartigan (1993), JASA 88, with the
    Dirichlet-multinomial (Polya) likelihood.
    """
    usual = household.population.learn(brand_tastes)
    choices = choices_of(household.lines)
    tastes = replace(usual, inflation=household_inflation(choices, usual.inflation))
    rows, too_short = _rows(choices, tastes)
    if not rows:
        return []
    asked = len(rows)
    found = [one for row in rows for one in _changes(row, asked, tastes) if _moves_enough(one)]
    p_values = [_p_value(row, asked, tastes) for row in found]
    found += [row for row in too_short if _moves_enough(row)]
    p_values += [1.0] * (len(found) - len(p_values))
    claims = [
        _claim(household, row, p_value, factor, asked)
        for row, p_value, factor in zip(found, p_values, _supported(found, p_values, asked), strict=True)
        if p_value * asked < LEAST_TELLING or factor is not None
    ]
    return sorted(claims, key=lambda claim: (claim.start, claim.subject))


def switch_p_value(
    shares: np.ndarray, alpha: np.ndarray, total: float, inflation: float, *, factor: float, least: float
) -> float:
    """Chance of a log Bayes factor of `factor` or more among the same choices in sticky random order.

    By simulation (`sticky_orders`), stopped early where the chance is no longer small. Beyond the
    tenth largest simulated the chance falls as 1 / Bayes factor, as it does for any Bayes factor, so
    it is also at most 1 / Bayes factor (Ville's inequality). Not simulated if that is below `least`.
    """
    bound = math.exp(-min(max(factor, 0.0), 700.0))
    if bound <= least:
        return bound
    rng = np.random.default_rng(len(shares))
    null = np.empty(0)
    for more in SIMULATED:
        orders = sticky_orders(len(shares), inflation, more, rng)
        simulated = log_factors_of_orders(
            shares, orders, alpha, total, inflation=inflation, least_moved=LEAST_MOVED
        )
        null = np.append(null, simulated)
        if (null >= factor - 1e-9).sum() >= 5:
            break
    chance = float(((null >= factor - 1e-9).sum() + 1) / (null.size + 1))
    tenth = float(np.sort(null)[-10])
    if null.size >= 10 * SIMULATED[0] and tenth < factor:
        chance = min(chance, 11 / (null.size + 1) * math.exp(tenth - factor))
    return min(bound, chance)


def own_inflation(shares: np.ndarray, place: int) -> float:
    """How much near choices resemble each other on either side of a change, as an inflation of variance.

    (1 + ρ) / (1 - ρ), where ρ compares how often neighbours agree with how often any two choices of
    a side do, shrunk towards 0 as by eight pairs that do not agree. At least 1.
    """
    agree = expected = pairs = 0.0
    for side in (shares[:place], shares[place:]):
        n = len(side)
        if n < 3:
            continue
        whole = side.sum(axis=0)
        agree += (side[1:] * side[:-1]).sum()
        # neighbours at random: all pairs of different choices, those of a choice with itself left out
        expected += (whole @ whole - (side**2).sum()) / (n * (n - 1)) * (n - 1)
        pairs += n - 1
    spread = pairs - expected
    if spread <= 0:
        return 1.0
    rho = min(max((agree - expected) / (spread + DISAGREE), 0.0), 0.8)
    return (1 + rho) / (1 - rho)


def _rows(choices: Choices, tastes: BrandTastes) -> tuple[list[_Row], list[_Row]]:
    """The categories worth asking about, by how often what was bought, not when; and those not alone."""
    tables = choice_tables(choices)
    most = np.array([_most_telling(shares, tastes.inflation) for _, _, _, shares in tables])
    asked = worth_asking(most, PRIOR_ODDS)
    return (
        [_row(*table, tastes) for table, one in zip(tables, asked, strict=True) if one],
        [_row(*table, tastes) for table, one in zip(tables, asked, strict=True) if not one],
    )


def _most_telling(shares: np.ndarray, inflation: float) -> float:
    """Log of the number of orders of the two commonest brands, each choice counting for 1 / inflation of one.

    One of them has all of the one first: no p-value can be smaller than its share of all orders (Tarone
    1990, Biometrics 46).
    """
    first, second = np.sort(shares.sum(axis=0))[::-1][:2] / inflation
    return float(gammaln(first + second + 1) - gammaln(first + 1) - gammaln(second + 1) - math.log(2))


def _row(
    category: int, brands: np.ndarray, days: np.ndarray, shares: np.ndarray, tastes: BrandTastes
) -> _Row:
    """Weigh a row, and again with its own stickiness where that is more than the population's."""
    alpha, total = tastes.prior(category, brands)
    inflation = tastes.inflation
    factors = log_switch_factors(shares, alpha, total, inflation=inflation, least_moved=LEAST_MOVED)
    if factors.size and log_bayes_factor(factors) > 0:
        inflation = max(inflation, own_inflation(shares, int(np.argmax(factors)) + 1))
        if inflation > tastes.inflation:
            factors = log_switch_factors(shares, alpha, total, inflation=inflation, least_moved=LEAST_MOVED)
    return _Row(category, brands, days, shares, factors, inflation)


def _changes(row: _Row, asked: int, tastes: BrandTastes) -> list[_Row]:
    """The row, or where a second change shows on a side of the first: the stretch around each change."""
    if row.factor <= math.log(asked):
        return [row]
    sides = row.part(slice(row.place), tastes), row.part(slice(row.place, None), tastes)
    places = [row.place]
    for side, shift in zip(sides, (0, row.place), strict=True):
        if side.factor > math.log(asked / PRIOR_ODDS):
            places.append(side.place + shift)
    if len(places) == 1:
        return [row]
    ends = [0, *sorted(places), len(row.shares)]
    return [row.part(slice(low, high), tastes) for low, high in zip(ends, ends[2:], strict=False)]


def _moves_enough(row: _Row) -> bool:
    """Whether the old brand was bought thrice before, the new one thrice after, and the old at most half as much."""
    if not row.factors.size or row.factors.max() <= NOT_MOVED:
        return False
    before, after = row.sides()
    old, new = row.moved()
    bought = (row.shares[: row.place, old] > 0).sum() >= SHORTEST
    bought &= (row.shares[row.place :, new] > 0).sum() >= SHORTEST
    return bool(bought and after[old] <= before[old] / 2 and before[new] <= after[new] / 2)


def _p_value(row: _Row, asked: int, tastes: BrandTastes) -> float:
    alpha, total = tastes.prior(row.category, row.brands)
    return switch_p_value(row.shares, alpha, total, row.inflation, factor=row.factor, least=SURELY / asked)


def _supported(rows: list[_Row], p_values: list[float], asked: int) -> list[float | None]:
    """Bayes factors of rows whose change others shared at the time; None where a row's own p-value says more.

    The others' odds say how probable a change of brands altogether is. The category's own odds then
    start from that probability instead of `PRIOR_ODDS` / `asked`, and its date is known to a month.
    """
    alone = [math.log(bayes_factor_bound(min(1.0, p * asked))) for p in p_values]
    found: list[float | None] = []
    for row, own in zip(rows, alone, strict=True):
        others = [
            k for k, other in enumerate(rows) if other.category != row.category and _same_way(row, other)
        ]
        if not others:
            found.append(None)
            continue
        first = max(others, key=lambda k: alone[k])
        day = rows[first].changed
        evidence = alone[first] + sum(_factor_near(rows[k], day) for k in others if k != first)
        odds = PRIOR_ODDS * math.exp(min(evidence, 600.0))
        if odds == 0:  # one of the others cannot have changed then
            found.append(None)
            continue
        factor = _factor_near(row, day) + math.log(odds / (1 + odds))
        found.append(math.exp(min(factor, 600.0)) * asked if factor > max(own, 0.0) else None)
    return found


def _same_way(row: _Row, other: _Row) -> bool:
    (a, b), (c, d) = row.moved(), other.moved()
    same = row.brands[a] == other.brands[c] and row.brands[b] == other.brands[d]
    return bool(same and abs(row.changed - other.changed) <= TOGETHER)


def _factor_near(row: _Row, day: int) -> float:
    """Log Bayes factor of a change within a month of `day`."""
    near = (row.days[1:] >= day - TOGETHER) & (row.days[:-1] <= day + TOGETHER)
    return log_bayes_factor(row.factors[near])


def _claim(household: Household, row: _Row, p_value: float, factor: float | None, asked: int) -> Claim:
    before, after = row.sides()
    old, new = row.moved()
    since = row.place + int(np.argmax(row.shares[row.place :, new] > 0))
    day = int(row.days[since])
    lines = household.lines
    mine = lines.category == row.category
    first, changed, last = int(row.days[0]), row.changed, int(row.days[-1])
    shown = mine & (lines.brand == row.brands[old]) & (lines.day >= first) & (lines.day < changed)
    shown |= mine & (lines.brand == row.brands[new]) & (lines.day >= changed) & (lines.day <= last)
    cause = others_went_on(household, "brand", row.category, int(row.brands[old]), day)
    return Claim(
        kind=KIND.name,
        lines=np.flatnonzero(shown),
        asked=asked,
        null="same_shares",
        p_value=p_value if factor is None else None,
        bayes_factor=factor,
        subject=household.word("category", row.category),
        start=date.fromordinal(date(1970, 1, 1).toordinal() + day),
        values={
            "from": household.word("brand", int(row.brands[old])),
            "to": household.word("brand", int(row.brands[new])),
            "from_before": float(before[old]),
            "from_after": float(after[old]),
            "to_before": float(before[new]),
            "to_after": float(after[new]),
            "cause": cause,
        },
        variant="plain" if cause == "unknown" else cause,
        alternatives=() if cause == "delisted" else _alternatives(household, row, old, new),
    )


def _alternatives(household: Household, row: _Row, old: int, new: int) -> tuple[str, ...]:
    """Explanations that the lines leave open."""
    lines = household.lines
    day = row.changed
    mine = (lines.category == row.category) & (lines.day >= row.days[0]) & (lines.day <= row.days[-1])
    left = mine & (lines.brand == row.brands[old]) & (lines.day < day)
    taken = mine & (lines.brand == row.brands[new]) & (lines.day >= day)
    found = ["another_member"]
    # The old brand's stores are hardly visited any more: the store may have chosen the brand.
    stayed = np.isin(lines.store[taken], lines.store[left]).mean()
    if stayed < 0.5:
        found.append("other_store")
    if not _sold_near(household, row, int(row.brands[old]), day):
        found.append("stock_out")
    paid, price = lines.unit_price[taken], lines.unit_price[left]
    paid, price = paid[np.isfinite(paid)], price[np.isfinite(price)]
    if not paid.size or not price.size or np.median(paid) < np.median(price):
        found.append("promotion")
    if price.size >= 4 and np.median(price[price.size // 2 :]) > 1.05 * np.median(price[: price.size // 2]):
        found.append("price_rise")
    return tuple(found)


def _sold_near(household: Household, row: _Row, brand: int, day: int) -> bool:
    """Whether others bought the brand in the household's stores within three weeks after the change."""
    order, starts = household.population.learn(lines_by_category)
    everyone = household.population.lines
    at = order[starts[row.category] : starts[row.category + 1]]
    at = at[(everyone.brand[at] == brand) & (everyone.day[at] >= day) & (everyone.day[at] < day + GRACE)]
    at = at[everyone.household[at] != household.lines.household[0]]
    return bool(np.isin(everyone.store[at], household.lines.store).any())


KINDS = (KIND,)
