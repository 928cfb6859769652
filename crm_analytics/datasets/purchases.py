"""Simulated buyers whose true parameters are known."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from crm_analytics.core.errors import choice
from crm_analytics.transactions import TransactionLog, read_log

# CDNOW-like, in weeks: Fader, Hardie & Lee (2005); Fader & Hardie (2013) for spend.
BETA_GEO = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
PARETO_NBD = {"r": 0.553, "alpha": 10.578, "s": 0.606, "beta": 11.669}
MODIFIED_BETA_GEO = {"r": 0.525, "alpha": 6.183, "a": 0.891, "b": 1.614}
BETA_GEO_BETA_BINOM = {"alpha": 1.204, "beta": 0.750, "gamma": 0.657, "delta": 2.783}
REGULAR = {"k": 3, "r": 0.9, "alpha": 1.6, "a": 0.5, "b": 3.0}  # groceries: every few weeks, regularly
PROCESSES = {
    "beta_geo": BETA_GEO,
    "modified_beta_geo": MODIFIED_BETA_GEO,
    "mbg_cnbd_k": REGULAR,
    "pareto_nbd": PARETO_NBD,
}
GAMMA_GAMMA = {"p": 6.25, "q": 3.74, "v": 15.44}
WEEK = 604_800  # seconds


@dataclass(frozen=True)
class SimulatedPurchases:
    """Repeat purchases in continuous time, and the truth behind them.

    Attributes
    ----------
    customers : DataFrame indexed by customer_id
        `T` (age now, weeks), `rate` (purchases a week while active; for regular buyers events,
        k to a purchase), `died_at` (age at which they left, weeks; inf if later than now),
        `mean_spend` (currency).
    customer : ndarray of int
        Customer of each repeat purchase, ascending.
    time : ndarray of float
        Age at which it happened (weeks), ascending within the customer.
    amount : ndarray of float
        What it brought (currency, cents).
    first_amount : ndarray of float
        What each customer's first purchase brought.
    end : date
        First day not in the log.
    truth : dict
        The parameters it was made with.
    """

    customers: pd.DataFrame
    customer: np.ndarray
    time: np.ndarray
    amount: np.ndarray
    first_amount: np.ndarray
    end: date
    truth: dict[str, Any] = field(default_factory=dict)

    def summary(self, unit: str = "W") -> pd.DataFrame:
        """Frequency, recency, T (in `unit`, continuous), monetary_value and log_gaps of each customer.

        In continuous time nothing merges, so that the models' likelihoods are exact.
        """
        choice(unit, name="unit", allowed=["W", "D", "h"])
        factor = {"W": 1.0, "D": 7.0, "h": 168.0}[unit]
        n = len(self.customers)
        frequency = np.bincount(self.customer, minlength=n)
        last = np.zeros(n)
        np.maximum.at(last, self.customer, self.time)
        spent = np.bincount(self.customer, weights=self.amount, minlength=n)
        gaps = np.diff(self.time, prepend=0.0)
        begins = np.flatnonzero(np.diff(self.customer, prepend=-1))
        gaps[begins] = self.time[begins]  # the first repeat purchase, counted from the first of all
        return pd.DataFrame(
            {
                "frequency": frequency,
                "recency": last * factor,
                "T": self.customers["T"].to_numpy() * factor,
                "monetary_value": np.divide(spent, frequency, out=np.zeros(n), where=frequency > 0),
                "log_gaps": np.bincount(self.customer, weights=np.log(gaps * factor), minlength=n),
            },
            index=self.customers.index,
        )

    def table(self) -> pa.Table:
        """Every purchase as a line: customer_id, occurred_at (to the second), amount."""
        # Rounded so that even what happened in the last second lies before `end`.
        born = np.datetime64(self.end, "s") - _seconds(np.ceil(self.customers["T"].to_numpy() * WEEK))
        everyone = np.arange(len(self.customers))
        customer = np.concatenate([everyone, self.customer])
        age = np.concatenate([np.zeros(everyone.size), self.time])
        lines = {
            "customer_id": customer,
            "occurred_at": (born[customer] + _seconds(np.floor(age * WEEK))).astype("datetime64[us]"),
            "amount": np.concatenate([self.first_amount, self.amount]),
        }
        return pa.table(lines)

    def log(self) -> TransactionLog:
        """The same as a TransactionLog."""
        return read_log(self.table(), not_after=self.end.isoformat())


def make_purchases(
    n_customers: int,
    *,
    process: str = "beta_geo",
    weeks: float = 52.0,
    joining_weeks: float = 13.0,
    params: dict[str, float] | None = None,
    spend: dict[str, float] | None = None,
    end: date | str = date(2025, 1, 1),
    random_state: Any = None,
) -> SimulatedPurchases:
    """Simulate customers who buy as a purchase model says, and spend as Gamma-Gamma says.

    Parameters
    ----------
    n_customers : int
    process : {"beta_geo", "modified_beta_geo", "mbg_cnbd_k", "pareto_nbd"}
    weeks : float
        Age of the oldest customer.
    joining_weeks : float
        First purchases are spread evenly over this long from the start; at most `weeks`.
    params : dict, optional
        r, alpha, a, b, or r, alpha, s, beta (weeks); those published for CDNOW by default.
        For "mbg_cnbd_k" k, too; regular shoppers by default.
    spend : dict, optional
        p, q, v (currency); those published for CDNOW by default.
    end : date
        First day not in the log.
    random_state : int or numpy Generator
        The same seed gives the same customers.

    Returns
    -------
    SimulatedPurchases
        `.summary(unit)`, `.log()`, `.table()`, and the truth. A million customers take
        seconds.

    Examples
    --------
    >>> made = make_purchases(1000, random_state=7)
    >>> made.log().n_customers, len(made.summary())
    (1000, 1000)
    """
    choice(process, name="process", allowed=PROCESSES)
    if n_customers < 1:
        raise ValueError(f"n_customers must be >= 1. Got {n_customers!r} instead.")
    if not 0 <= joining_weeks <= weeks:
        raise ValueError(f"joining_weeks must be in [0, weeks]. Got {joining_weeks!r} instead.")
    rng = np.random.default_rng(random_state)
    true = _named("params", params, PROCESSES[process])
    if true.get("k", 1) != int(true.get("k", 1)):
        raise ValueError(f"k must be a whole number >= 1. Got {true['k']!r} instead.")
    money = _named("spend", spend, GAMMA_GAMMA)
    age = weeks - rng.uniform(0, joining_weeks, n_customers)
    rate = rng.gamma(true["r"], 1 / true["alpha"], n_customers)
    if process == "pareto_nbd":
        died_at = rng.exponential(1 / rng.gamma(true["s"], 1 / true["beta"], n_customers))
        customer, time = _poisson(rng, np.minimum(age, died_at), rate)
    else:
        leaves = rng.beta(true["a"], true["b"], n_customers)
        chances = rng.geometric(np.maximum(leaves, 1e-15))
        first_counts = process != "beta_geo"  # they may leave after the first purchase, too
        customer, time, died_at = _beta_geo(rng, age, rate, chances - first_counts, int(true.get("k", 1)))
    nu = rng.gamma(money["q"], 1 / money["v"], n_customers)
    everyone = rng.gamma(money["p"], 1 / nu)
    amount = rng.gamma(money["p"], 1 / nu[customer])
    customers = pd.DataFrame(
        {
            "T": age,
            "rate": rate,
            "died_at": np.where(died_at < age, died_at, np.inf),
            "mean_spend": money["p"] / nu,
        },
        index=pd.RangeIndex(n_customers, name="customer_id"),
    )
    return SimulatedPurchases(
        customers=customers,
        customer=customer,
        time=time,
        amount=np.maximum(np.round(amount, 2), 0.01),
        first_amount=np.maximum(np.round(everyone, 2), 0.01),
        end=date.fromisoformat(end) if isinstance(end, str) else end,
        truth={"process": process, **true, **money},
    )


def _named(name: str, given: dict[str, float] | None, published: dict[str, float]) -> dict[str, float]:
    if given is None:
        return dict(published)
    if given.keys() != published.keys() or not all(value > 0 for value in given.values()):
        raise ValueError(f"{name} must have {', '.join(published)}, all > 0. Got {given!r} instead.")
    return dict(given)


def _poisson(rng: np.random.Generator, length: np.ndarray, rate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sorted times of Poisson events of each customer within their length."""
    n = rng.poisson(rate * length)
    customer = np.repeat(np.arange(n.size), n)
    time = rng.uniform(0, length[customer])
    order = np.lexsort((time, customer))
    return customer, time[order]


def _beta_geo(
    rng: np.random.Generator, age: np.ndarray, rate: np.ndarray, chances: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every `k`-th Poisson event up to the `chances`-th of them, after which a customer is gone."""
    customer, time = _poisson(rng, age, rate)
    begins = np.searchsorted(customer, np.arange(age.size))
    event = np.arange(customer.size) - begins[customer] + 1
    customer, time, event = customer[event % k == 0], time[event % k == 0], event[event % k == 0]
    place = event // k  # 1 is the first repeat purchase
    died_at = np.where(chances == 0, 0.0, np.inf)
    last = place == chances[customer]
    died_at[customer[last]] = time[last]
    kept = place <= chances[customer]
    return customer[kept], time[kept], died_at


def make_opportunities(
    n_customers: int,
    *,
    n_opportunities: int = 6,
    params: dict[str, float] | None = None,
    random_state: Any = None,
) -> pd.DataFrame:
    """Simulate donors who give or not at each opportunity, as BG/BB says.

    Parameters
    ----------
    n_customers, n_opportunities : int
    params : dict, optional
        alpha, beta, gamma, delta; those published for the 1995 cohort of donors by default
        (Fader, Hardie & Shang 2010).
    random_state : int or numpy Generator

    Returns
    -------
    DataFrame: frequency, recency, T (opportunities).

    Examples
    --------
    >>> make_opportunities(1000, random_state=7)["T"].unique()
    array([6])
    """
    if n_customers < 1 or n_opportunities < 1:
        raise ValueError(
            f"n_customers and n_opportunities must be >= 1. Got {n_customers!r} and {n_opportunities!r} instead."
        )
    rng = np.random.default_rng(random_state)
    true = _named("params", params, BETA_GEO_BETA_BINOM)
    buys = rng.beta(true["alpha"], true["beta"], n_customers)[:, None]
    stays = 1 - rng.beta(true["gamma"], true["delta"], n_customers)[:, None]
    active = np.cumprod(rng.random((n_customers, n_opportunities)) < stays, axis=1).astype(bool)
    taken = active & (rng.random((n_customers, n_opportunities)) < buys)
    return pd.DataFrame(
        {
            "frequency": taken.sum(axis=1),
            "recency": (taken * np.arange(1, n_opportunities + 1)).max(axis=1),
            "T": n_opportunities,
        }
    )


def _seconds(count: np.ndarray) -> np.ndarray:
    return count.astype("int64").astype("timedelta64[s]")
