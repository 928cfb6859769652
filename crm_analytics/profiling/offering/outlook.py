"""What a household would buy anyway: the probability without an offer."""

from dataclasses import dataclass

import numpy as np

from crm_analytics.profiling.reading.household import Household
from crm_analytics.profiling.reading.population import Population

LOOK_BACK = 182  # days whose purchases tell what comes next
PRIOR_DAYS = 28.0  # the population's rate counts as much as so many days of the household's own


@dataclass(frozen=True)
class Selling:
    """What sold to everybody in the last half year, by product code.

    Attributes
    ----------
    households : ndarray of int64
        Households that bought the product.
    days : ndarray of int64
        Distinct household-days with it.
    price : ndarray of float64
        Mean price paid for one (currency); nan where it did not sell.
    n_active : int
        Households with any purchase.
    span : float
        Days looked at.
    """

    households: np.ndarray
    days: np.ndarray
    price: np.ndarray
    n_active: int
    span: float


def selling(population: Population) -> Selling:
    """Learn what sold in the last half year before `as_of`."""
    end = np.datetime64(population.as_of, "s")
    everything = population.lines
    lines = everything.take(everything.at >= end - np.timedelta64(LOOK_BACK, "D"))
    n = len(population.products)
    bought = np.unique(np.stack([lines.product, lines.household], axis=1), axis=0)
    days = np.unique(np.stack([lines.product, lines.household, lines.day], axis=1), axis=0)
    known = np.isfinite(lines.unit_price) & (lines.unit_price > 0)
    priced = np.where(known, lines.unit_price, lines.amount)
    count = np.bincount(lines.product, minlength=n)
    paid = np.bincount(lines.product, priced, n)
    first = everything.at.min() if len(everything) else end
    span = min(float(LOOK_BACK), float((end - first) / np.timedelta64(1, "D")))
    return Selling(
        households=np.bincount(bought[:, 0], minlength=n),
        days=np.bincount(days[:, 0], minlength=n),
        price=np.divide(paid, count, out=np.full(n, np.nan), where=count > 0),
        n_active=len(np.unique(lines.household)),
        span=max(span, 1.0),
    )


def daily_rate(household: Household, products: np.ndarray) -> float:
    """Purchase days a day to expect of a household for any of the products (mask over products).

    Its own days of the last half year, drawn towards the population's rate: the mean of a gamma
    posterior whose prior weighs `PRIOR_DAYS` days.
    """
    sold = household.population.learn(selling)
    lines = household.lines
    end = np.datetime64(household.population.as_of, "s")
    recent = lines.at >= end - np.timedelta64(LOOK_BACK, "D")
    own = len(np.unique(lines.day[recent & products[lines.product]]))
    everyone = sold.days[products].sum() / max(sold.n_active, 1) / sold.span
    return float((own + everyone * PRIOR_DAYS) / (sold.span + PRIOR_DAYS))


def probability(rate: float, days: float) -> float:
    """Probability of at least one purchase in so many days at a daily rate."""
    return float(-np.expm1(-rate * days))


def days_since(household: Household, products: np.ndarray) -> float:
    """Days from the last purchase of any of the products to `as_of`; inf if there was none."""
    mine = household.lines.at[products[household.lines.product]]
    if mine.size == 0:
        return float("inf")
    return float((np.datetime64(household.population.as_of, "s") - mine.max()) / np.timedelta64(1, "D"))


def usual_gap(household: Household, products: np.ndarray) -> float:
    """Median days between purchase days of any of the products; nan for fewer than two."""
    days = np.unique(household.lines.day[products[household.lines.product]])
    return float(np.median(np.diff(days))) if days.size > 1 else float("nan")


def usual_price(household: Household, products: np.ndarray) -> float:
    """Median price that the household pays for any of the products, else everybody's; 0 if none sells."""
    lines = household.lines
    mine = lines.unit_price[products[lines.product] & np.isfinite(lines.unit_price)]
    if mine.size:
        return float(np.median(mine))
    prices = household.population.learn(selling).price[products]
    known = prices[np.isfinite(prices)]
    return float(np.median(known)) if known.size else 0.0
