"""Customers of a bank who take up one product after another, as known hazards say."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from crm_analytics.transactions import TransactionLog, read_log

PRODUCTS = ("account", "debit card", "savings", "credit card", "insurance", "investment", "mortgage")
SEGMENTS = ("family", "student")

# What a customer begins with.
STARTS = {
    "family": [0.70, 0.0, 0.12, 0.0, 0.10, 0.0, 0.08],
    "student": [0.90, 0.0, 0.10, 0.0, 0.0, 0.0, 0.0],
}

# Typical years from the step before until each product comes, were it the only one to come: a row
# for what was taken last, a column for what comes. A product that is held does not come again.
YEARS = {
    "account": [np.inf, 0.4, 2.5, 4.0, 8.0, 20.0, 15.0],
    "debit card": [4.0, np.inf, 2.0, 1.5, 9.0, 16.0, 14.0],
    "savings": [3.0, 3.0, np.inf, 4.0, 8.0, 3.0, 9.0],
    "credit card": [4.0, 2.0, 4.0, np.inf, 5.0, 9.0, 10.0],
    "insurance": [3.0, 4.0, 4.0, 6.0, np.inf, 8.0, 9.0],
    "investment": [3.0, 4.0, 3.0, 5.0, 7.0, np.inf, 12.0],
    "mortgage": [1.0, 2.5, 5.0, 5.0, 0.6, 12.0, np.inf],
}
# A student takes this many times as long.
SLOWER = {
    "family": [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
    "student": [1.0, 0.7, 1.6, 0.8, 4.0, 3.0, 12.0],
}
# Below 1 the hazard falls from the step before on: now, or hardly ever. Above 1 it rises.
SHAPES = (1.0, 0.7, 1.0, 1.0, 0.9, 1.2, 1.6)
FEES = (1.0, 0.5, 0.0, 3.0, 25.0, 10.0, 450.0)  # a month, currency
DAYS_A_YEAR = 365.25
_DAY = 86_400_000_000  # microseconds


@dataclass(frozen=True)
class ProductHoldings:
    """Products taken up over the years, and the hazards behind them; made by `make_product_holdings`.

    After a step into `last`, each product j that is not yet held comes after a Weibull time of
    its own, P(later than t days) = exp(-(t / scale_j) ** shape_j); the first to come is the
    next step, and the clock begins anew.

    Attributes
    ----------
    customers : DataFrame indexed by customer_id
        `segment` and `joined_at`.
    customer, product : ndarray of int
        Customer (ascending) and product (position in `PRODUCTS`) of each take-up.
    taken_at : ndarray of datetime64[us]
        Ascending within the customer; all before `end`.
    end : date
        First day not in the log.
    """

    customers: pd.DataFrame
    customer: np.ndarray
    product: np.ndarray
    taken_at: np.ndarray
    end: date

    def table(self) -> pa.Table:
        """Every take-up as a line: customer_id, occurred_at, item_id, amount (the monthly fee)."""
        lines = {
            "customer_id": self.customer,
            "occurred_at": self.taken_at,
            "item_id": np.array(PRODUCTS)[self.product],
            "amount": np.array(FEES)[self.product],
        }
        return pa.table(lines)

    def log(self) -> TransactionLog:
        """The same as a TransactionLog."""
        return read_log(self.table(), not_after=self.end.isoformat())

    def hazards(self) -> pd.DataFrame:
        """The truth: `scale` (days) and `shape` by segment, product taken last (`from`) and next (`to`)."""
        rows = [
            {"segment": segment, "from": last, "to": product, "scale": scale, "shape": shape}
            for segment in SEGMENTS
            for last in PRODUCTS
            for product, scale, shape in zip(PRODUCTS, _scales(segment, last), SHAPES, strict=True)
            if product != last
        ]
        return pd.DataFrame(rows)

    def incidence(
        self, segment: str, held: list[str], days: float, *, waited: float = 0.0
    ) -> "pd.Series[float]":
        """Probability of each product as the next step within `days`, after `waited` days without one.

        `held` is what the customer has, the last taken at its end. Products held have 0. By
        Simpson's rule, right to about 1e-6.

        >>> made = make_product_holdings(10, random_state=1)
        >>> made.incidence("family", ["account"], 365).round(3).nlargest(2).to_dict()
        {'debit card': 0.695, 'savings': 0.113}
        """
        shape = np.array(SHAPES)
        scale = _scales(segment, held[-1])
        scale[[PRODUCTS.index(product) for product in held]] = np.inf
        # A grid that is dense at the start, where falling hazards are infinite: t = waited + u³ days.
        u = np.linspace(0, 1, 4001)[1:, None]
        t = waited + days * u**3
        cumulative = (t / scale) ** shape
        survival = np.exp(-(cumulative.sum(axis=1) - ((waited / scale) ** shape).sum()))
        density = survival[:, None] * shape * (t / scale) ** shape / t * 3 * days * u**2
        weights = np.where(np.arange(1, 4001) % 2, 4.0, 2.0)
        weights[-1] = 1.0  # the density at u = 0 is 0
        return pd.Series(weights @ density / 12_000, index=list(PRODUCTS), name="incidence")


def make_product_holdings(
    n_customers: int,
    *,
    years: float = 10.0,
    students: float = 0.4,
    packages: float = 0.0,
    end: date | str = date(2025, 1, 1),
    random_state: Any = None,
) -> ProductHoldings:
    """Simulate customers of a bank who take up products one after another.

    They join evenly over `years`, so that the young are followed for a short time: whatever
    has not happened by `end` is not in the log. What comes next depends on what was taken last
    and on what is held; a debit card comes soon after an account or hardly ever, a mortgage
    late. Students and families go different ways.

    Parameters
    ----------
    n_customers : int
    years : float
        Age of the oldest customer.
    students : float in [0, 1]
        Share of the customers.
    packages : float in [0, 1)
        Share of those who begin with an account who get the debit card at once.
    end : date
        First day not in the log.
    random_state : int or numpy Generator
        The same seed gives the same customers.

    Returns
    -------
    ProductHoldings
        `.log()`, `.table()`, and the truth: `.hazards()`, `.incidence(...)`.

    Examples
    --------
    >>> made = make_product_holdings(1000, random_state=7)
    >>> made.log().n_customers, made.customers["segment"].value_counts().to_dict()
    (1000, {'family': 594, 'student': 406})
    """
    if n_customers < 1:
        raise ValueError(f"n_customers must be >= 1. Got {n_customers!r} instead.")
    if not years > 0:
        raise ValueError(f"years must be > 0. Got {years!r} instead.")
    if not 0 <= students <= 1:
        raise ValueError(f"students must be in [0, 1]. Got {students!r} instead.")
    if not 0 <= packages < 1:
        raise ValueError(f"packages must be in [0, 1). Got {packages!r} instead.")
    rng = np.random.default_rng(random_state)
    segment = (rng.random(n_customers) < students).astype(int)
    age = rng.uniform(0, years * DAYS_A_YEAR, n_customers)  # days
    scales = np.array([[_scales(name, last) for last in PRODUCTS] for name in SEGMENTS])
    starts = np.cumsum([STARTS[name] for name in SEGMENTS], axis=1)
    last = (rng.random(n_customers)[:, None] > starts[segment]).sum(axis=1)
    held = np.zeros((n_customers, len(PRODUCTS)), dtype=bool)
    held[np.arange(n_customers), last] = True
    now = np.zeros(n_customers)  # days since joining
    taken = [(np.arange(n_customers), last.copy(), now)]
    account, card = PRODUCTS.index("account"), PRODUCTS.index("debit card")
    at_once = np.flatnonzero((last == account) & (rng.random(n_customers) < packages))
    held[at_once, card] = True
    taken.append((at_once, np.full(at_once.size, card), now[at_once]))
    active = np.arange(n_customers)
    while active.size:
        waits = scales[segment[active], last[active]] * rng.exponential(
            size=(active.size, len(PRODUCTS))
        ) ** (1 / np.array(SHAPES))
        waits[held[active]] = np.inf
        wait = waits.min(axis=1)
        goes_on = now[active] + wait < age[active]
        active, chosen, wait = active[goes_on], waits.argmin(axis=1)[goes_on], wait[goes_on]
        now = now.copy()
        now[active] += wait
        last[active] = chosen
        held[active, chosen] = True
        taken.append((active, chosen, now[active]))
    customer, product, day = (np.concatenate(part) for part in zip(*taken, strict=True))
    order = np.lexsort((product, day, customer))
    finish = date.fromisoformat(end) if isinstance(end, str) else end
    joined = np.datetime64(finish, "us") - _microseconds(np.ceil(age * _DAY))
    customers = pd.DataFrame(
        {"segment": np.array(SEGMENTS)[segment], "joined_at": joined},
        index=pd.RangeIndex(n_customers, name="customer_id"),
    )
    return ProductHoldings(
        customers=customers,
        customer=customer[order],
        product=product[order],
        taken_at=(joined[customer] + _microseconds(np.floor(day * _DAY)))[order],
        end=finish,
    )


def _scales(segment: str, last: str) -> np.ndarray:
    return np.array(YEARS[last]) * np.array(SLOWER[segment]) * DAYS_A_YEAR


def _microseconds(count: np.ndarray) -> np.ndarray:
    return count.astype("int64").astype("timedelta64[us]")
