"""Refuellings: a household's fuel lines, one row each."""

from dataclasses import dataclass

import numpy as np

from crm_analytics.profiling.reading.household import Household
from crm_analytics.profiling.reading.lines import Lines
from crm_analytics.profiling.reading.population import Population


@dataclass(frozen=True)
class Refuellings:
    """Fuel lines that cost something, in time order; all arrays have shape (n_refuellings,).

    Attributes
    ----------
    line : ndarray of int64
        Position in the lines they were read from.
    at, day, customer, store, receipt, product : ndarray
        As in `Lines`.
    amount, litres, price : ndarray of float64
        Currency, litres, currency a litre; the last two are nan where unknown.
    """

    line: np.ndarray
    at: np.ndarray
    day: np.ndarray
    customer: np.ndarray
    store: np.ndarray
    receipt: np.ndarray
    product: np.ndarray
    amount: np.ndarray
    litres: np.ndarray
    price: np.ndarray

    def __len__(self) -> int:
        return self.line.size

    def take(self, which: np.ndarray) -> "Refuellings":
        """Those chosen by a mask or positions."""
        return Refuellings(*(getattr(self, name)[which] for name in self.__dataclass_fields__))


def refuellings_of(household: Household) -> Refuellings:
    """The household's refuellings."""
    return _refuellings(household.lines, household.tagged("fuel"))


def all_refuellings(population: Population) -> Refuellings:
    """Everybody's refuellings, household by household."""
    return _refuellings(population.lines, population.tagged("fuel")[population.lines.product])


def _refuellings(lines: Lines, fuel: np.ndarray) -> Refuellings:
    with_amount = np.flatnonzero(fuel & (lines.amount > 0))
    litres = lines.quantity[with_amount]
    # One unit at the price of the whole refuelling: the log does not count litres.
    litres = np.where(np.isfinite(litres) & (litres > 0) & (litres != 1.0), litres, np.nan)
    return Refuellings(
        line=with_amount,
        at=lines.at[with_amount],
        day=lines.day[with_amount].astype(np.int64),
        customer=lines.customer[with_amount],
        store=lines.store[with_amount],
        receipt=lines.receipt[with_amount],
        product=lines.product[with_amount],
        amount=lines.amount[with_amount],
        litres=litres,
        price=np.where(np.isfinite(litres), lines.unit_price[with_amount], np.nan),
    )
