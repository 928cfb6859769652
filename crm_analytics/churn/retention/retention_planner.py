"""Whom to hold with which budget: churn probability, value and acceptance against what an offer costs."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from crm_analytics.churn.retention.retention_experiment import experiment_effect, experiment_warnings
from crm_analytics.churn.retention.retention_profit import (
    Stakes,
    expected_cost,
    expected_profit,
    profit_draws,
    stakes,
)
from crm_analytics.core.errors import SchemaError
from crm_analytics.core.tables import require, require_columns
from crm_analytics.metrics import Interval

_CALLER = "RetentionPlanner.plan"
_N_DRAWS = 2_000
_CURVE_POINTS = 100


@dataclass(frozen=True, eq=False)
class RetentionPlan:
    """Whom to contact, what that earns, and what chance would have earned.

    Attributes
    ----------
    customers : DataFrame
        Everyone chosen, in order of priority: the table's columns that were used, then
        `held_probability` (by which the offer lowers churn), `expected_cost`,
        `expected_profit`, and both added up so far, `cumulative_cost` and
        `cumulative_profit` (currency).
    expected_profit : Interval
        Of all of `customers` (currency), over contacting nobody; `lower` and `upper` hold how it
        may turn out. They cover who leaves, who accepts, and the acceptance where it is a
        Beta distribution. They do not cover wrong churn probabilities, values or costs, nor
        an acceptance given as one number, nor the error of an `uplift` column.
    random_profit : Interval
        The same if as much were spent on customers drawn at random (or, without a budget, on as
        many customers); the draw is part of the interval.
    curve : DataFrame
        A row for each number of customers contacted in order of priority, from nobody to all:
        `fraction`, `customers`, `expected_cost`, `expected_profit`,
        `profit_per_customer` (of the whole table), and `random`, the expected profit at random.
    optimal_fraction : float
        Share of the table worth contacting if money were no matter: where the curve peaks.
    experiment : DataFrame or None
        What the past experiment showed (`experiment_effect`).
    warnings : list of str
        What to know before trusting this plan.
    """

    customers: pd.DataFrame
    expected_profit: Interval
    random_profit: Interval
    curve: pd.DataFrame
    optimal_fraction: float
    experiment: pd.DataFrame | None
    warnings: list[str] = field(default_factory=list)

    def describe(self) -> str:
        """The plan in words."""
        n, everyone = len(self.customers), int(self.curve["customers"].iloc[-1])
        if n == 0:
            said = f"Contact none of {everyone:,} customers."
        else:
            cost = self.customers["cumulative_cost"].iloc[-1]
            said = (
                f"Contact {n:,} of {everyone:,} customers ({n / everyone:.1%}): an expected {_money(cost)} spent "
                f"earns {_words(self.expected_profit)}. At random it earns {_words(self.random_profit)}. The ranges "
                "cover who leaves and who accepts, not wrong scores."
            )
        top = self.curve["expected_profit"].max()
        return " ".join(
            [
                said,
                f"If money were no matter, {self.optimal_fraction:.1%} would be contacted, for {_money(top)}.",
                *self.warnings,
            ]
        )


@dataclass(frozen=True, kw_only=True)
class RetentionPlanner:
    """Choose the customers whom a retention offer earns most by, within a budget.

    A contact costs f. Of those who would leave, a share γ accepts the offer and stays; that
    earns their lifetime value v less the cost d of the offer. Of those who would stay
    anyway, a share ψ takes the offer all the same. So contacting a customer who leaves with
    probability p is expected to earn, over not doing so,

        p γ (v - d) - (1 - p) ψ d - f,

    which for ψ = 1 is the profit of Neslin and others (2006) and Verbraken and others (2013),
    one customer at a time. Expected spending is f + d (p γ + (1 - p) ψ).

    Parameters
    ----------
    contact_cost : float >= 0
        f (currency), paid for each contact.
    offer_cost : float >= 0
        d (currency), paid for each offer taken.
    acceptance : float in [0, 1], or (alpha, beta), default=(6, 14)
        γ; as a pair, a Beta distribution of what it may be, the same for all customers:
        (6, 14), that of Verbraken and others, has mean 0.3.
    non_churner_acceptance : float in [0, 1], default=1.0
        ψ. At 1 everybody who would stay takes the gift.

    References
    ----------
    Neslin, Gupta, Kamakura, Lu & Mason (2006), Journal of Marketing Research 43(2);
    Verbraken, Verbeke & Baesens (2013), IEEE Transactions on Knowledge and Data Engineering
    25(5); Ascarza (2018), Journal of Marketing Research 55(1).

    Examples
    --------
    >>> table = pd.DataFrame({"churn_probability": [0.5, 0.5, 0.9, 0.1], "clv": [400.0, 40.0, 200.0, 200.0]},
    ...                      index=["ann", "bob", "cem", "dan"])
    >>> planner = RetentionPlanner(contact_cost=1, offer_cost=10, acceptance=0.3)
    >>> plan = planner.plan(table, budget=13)
    >>> plan.customers[["expected_cost", "expected_profit", "cumulative_cost"]].round(2)
         expected_cost  expected_profit  cumulative_cost
    cem            4.7             49.3              4.7
    ann            7.5             52.5             12.2
    """

    contact_cost: float
    offer_cost: float
    acceptance: float | tuple[float, float] = (6.0, 14.0)
    non_churner_acceptance: float = 1.0

    def __post_init__(self) -> None:
        for name in ("contact_cost", "offer_cost"):
            value = getattr(self, name)
            if not 0 <= value < np.inf:
                raise ValueError(f"{name} must be >= 0 and finite. Got {value!r} instead.")
        if not 0 <= self.non_churner_acceptance <= 1:
            raise ValueError(
                f"non_churner_acceptance must be in [0, 1]. Got {self.non_churner_acceptance!r} instead."
            )
        given = self.acceptance
        if isinstance(given, tuple | list):
            fine = len(given) == 2 and all(0 < part < np.inf for part in given)
        else:
            fine = bool(0 <= given <= 1)
        if not fine:
            raise ValueError(
                f"acceptance must be a number in [0, 1], or (alpha, beta) both > 0. Got {given!r} instead."
            )

    def plan(
        self,
        table: pd.DataFrame,
        *,
        budget: float | None = None,
        max_contacts: int | None = None,
        experiment: pd.DataFrame | None = None,
        level: float = 0.95,
        random_state: Any = 0,
    ) -> RetentionPlan:
        """Choose whom to contact.

        Customers whose expected profit is not above 0 are never chosen, whatever is left of the
        budget. Under a budget the others come in order of expected profit per unit of expected
        cost, until the next one no longer fits; no other choice for that budget earns more by
        as much as that next customer would. So the customers of a smaller budget are the first
        of a larger one's. Without a budget they come in order of expected profit. Ties go by
        customer.

        Parameters
        ----------
        table : DataFrame indexed by customer
            `churn_probability` (calibrated, in [0, 1]) and `clv`, lifetime value if kept
            (currency, may be negative; a customer worth no more than the offer is never chosen).
            Optional: `acceptance`, γ of each customer, instead of the planner's; or `uplift`, by
            how much the offer lowers the churn probability (from -1 to 1), instead of p γ.
            Uplift beyond what p allows, [-(1 - p), p], is cut to it, and a warning says so.
        budget : float >= 0, optional
            Expected spending (currency), contacts and offers.
        max_contacts : int >= 0, optional
            How many to contact at most, instead of a budget.
        experiment : DataFrame, optional
            A past experiment with such an offer: `treated`, `churned`, `churn_probability`
            (see `experiment_effect`). Without an `uplift` column the plan then warns that
            those likely to leave need not be those who can be held (Ascarza 2018).
        level : float in (0, 1)
            Of the intervals.
        random_state : int or numpy Generator
            Of the intervals; the choice has nothing random.

        Returns
        -------
        RetentionPlan

        Raises
        ------
        SchemaError
            If the table is empty, a customer comes twice, or a column is missing or out of its range.
        ValueError
            If a parameter is out of its range.
        """
        _judge(budget, max_contacts, level)
        customers, warnings = _read(table)
        s, acceptance = self._stakes(customers)
        profit, cost = expected_profit(s, acceptance), expected_cost(s, acceptance)
        order = _priority(profit, cost, customers.index, per_cost=budget is not None)
        customers, s, profit, cost = customers.iloc[order], s.of(order), profit[order], cost[order]
        n = _number_chosen(profit, cost, budget, max_contacts)
        curve = _curve(profit, cost, n, by_cost=budget is not None)
        rng = np.random.default_rng(random_state)
        draws = self._acceptance_draws(customers, rng)
        chosen = profit_draws(s.of(np.arange(n)), draws, 1.0, rng)
        here = curve[curve["customers"] == n].iloc[0]
        at_random = profit_draws(s, draws, float(here["chance"]), rng)
        found = None
        if experiment is not None:
            found = experiment_effect(experiment, level=level)
            warnings += experiment_warnings(experiment, found, self._supposed(customers))
        if not (profit > 0).any():
            warnings.append("Nobody is worth contacting: the offer costs more than it is expected to keep.")
        return RetentionPlan(
            customers=customers.iloc[:n].assign(
                held_probability=acceptance * s.response[:n],
                expected_cost=cost[:n],
                expected_profit=profit[:n],
                cumulative_cost=cost[:n].cumsum(),
                cumulative_profit=profit[:n].cumsum(),
            ),
            expected_profit=_interval(profit[:n].sum(), chosen, level),
            random_profit=_interval(here["random"], at_random, level),
            curve=curve.drop(columns="chance"),
            optimal_fraction=float((profit > 0).mean()),
            experiment=found,
            warnings=warnings,
        )

    def _stakes(self, customers: pd.DataFrame) -> tuple[Stakes, float]:
        """What is at stake, and the mean of the acceptance that all customers share, 1 if each has an own."""
        p, value = customers["churn_probability"].to_numpy(), customers["clv"].to_numpy()
        shared = 1.0
        if "uplift" in customers:
            uplift = customers["uplift"].to_numpy()
        elif "acceptance" in customers:
            uplift = p * customers["acceptance"].to_numpy()
        else:
            uplift, shared = p, self._mean_acceptance
        psi, d, f = self.non_churner_acceptance, self.offer_cost, self.contact_cost
        return stakes(p, value, uplift, psi, d, f), shared

    def _supposed(self, customers: pd.DataFrame) -> float | None:
        """Mean acceptance that the plan rests on; None if it rests on an uplift."""
        if "uplift" in customers:
            return None
        return float(customers["acceptance"].mean()) if "acceptance" in customers else self._mean_acceptance

    @property
    def _mean_acceptance(self) -> float:
        if isinstance(self.acceptance, tuple | list):
            alpha, beta = self.acceptance
            return alpha / (alpha + beta)
        return float(self.acceptance)

    def _acceptance_draws(self, customers: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
        if "uplift" in customers or "acceptance" in customers:
            return np.ones(_N_DRAWS)
        if isinstance(self.acceptance, tuple | list):
            return rng.beta(*self.acceptance, size=_N_DRAWS)
        return np.full(_N_DRAWS, float(self.acceptance))


def _judge(budget: float | None, max_contacts: int | None, level: float) -> None:
    if budget is not None and max_contacts is not None:
        raise ValueError("Give either budget or max_contacts, not both: each sets an order of its own.")
    if budget is not None and not 0 <= budget < np.inf:
        raise ValueError(f"budget must be >= 0 and finite. Got {budget!r} instead.")
    if max_contacts is not None and not (isinstance(max_contacts, int | np.integer) and max_contacts >= 0):
        raise ValueError(f"max_contacts must be a whole number >= 0. Got {max_contacts!r} instead.")
    if not 0 < level < 1:
        raise ValueError(f"level must be in (0, 1). Got {level!r} instead.")


def _read(table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The columns that matter, as floats, and what to know of them."""
    require_columns(table, ["churn_probability", "clv"], caller=_CALLER)
    if len(table) == 0:
        raise SchemaError(f"{_CALLER}: the table has no customers. Score some first.")
    if isinstance(table.index, pd.MultiIndex):
        raise SchemaError(
            f"{_CALLER}: the index has {table.index.nlevels} levels, {list(table.index.names)}. Keep one snapshot, and "
            "index it by customer alone."
        )
    nameless = int(np.sum(table.index.isna()))
    if nameless:
        raise SchemaError(f"{_CALLER}: {nameless:,} customers have no id. Drop them.")
    twice = int(table.index.duplicated().sum())
    if twice:
        raise SchemaError(
            f"{_CALLER}: {twice:,} of {len(table):,} rows repeat a customer. Give one row a customer, as its index."
        )
    ranges = {"churn_probability": (0, 1), "clv": (-np.inf, np.inf), "acceptance": (0, 1), "uplift": (-1, 1)}
    own = [name for name in ("acceptance", "uplift") if name in table.columns]
    if len(own) == 2:
        raise SchemaError(
            f"{_CALLER}: uplift already says who accepts. Drop the column acceptance, or uplift."
        )
    found = {}
    for name in ["churn_probability", "clv", *own]:
        low, high = ranges[name]
        if not pd.api.types.is_numeric_dtype(table[name]):
            raise SchemaError(f"{_CALLER}: {name} must be numeric, but has dtype {table[name].dtype}.")
        values = table[name].to_numpy(dtype=float, na_value=np.nan)
        require(
            np.isfinite(values) & (values >= low) & (values <= high),
            column=name,
            rule="a finite number" if np.isinf(high) else f"in [{low}, {high}]",
            caller=_CALLER,
            remedy="Mend the scores, or drop those customers.",
        )
        found[name] = values
    warnings = []
    if "uplift" in found:
        p, uplift = found["churn_probability"], found["uplift"]
        found["uplift"] = np.clip(uplift, p - 1, p)
        cut = int((np.abs(found["uplift"] - uplift) > 1e-9).sum())
        if cut:
            warnings.append(
                f"For {cut:,} of {p.size:,} customers the uplift goes beyond what the churn probability allows, and "
                "was cut to it."
            )
    return pd.DataFrame(found, index=table.index), warnings


def _priority(profit: np.ndarray, cost: np.ndarray, customers: pd.Index, *, per_cost: bool) -> np.ndarray:
    """Row numbers, the first to be contacted first."""
    rank = np.arange(profit.size)
    if not customers.is_monotonic_increasing:
        rank = pd.factorize(customers, sort=True)[0]
    if not per_cost:
        return np.lexsort((rank, -profit))
    free = np.where(profit == 0, 0.0, np.copysign(np.inf, profit))  # of no cost
    ratio = np.divide(profit, cost, out=free, where=cost > 0)
    return np.lexsort((rank, -ratio))


def _number_chosen(
    profit: np.ndarray, cost: np.ndarray, budget: float | None, max_contacts: int | None
) -> int:
    """How many of the customers, in order of priority, are contacted."""
    n = int((profit > 0).sum())
    if max_contacts is not None:
        return min(n, int(max_contacts))
    if budget is not None:  # a budget that is the sum of some costs holds them, however it was rounded
        return int(np.searchsorted(cost[:n].cumsum(), budget * (1 + 1e-12), side="right"))
    return n


def _curve(profit: np.ndarray, cost: np.ndarray, n: int, *, by_cost: bool) -> pd.DataFrame:
    """Profit of the first k customers, and of as many, or as much money, at random."""
    everyone = profit.size
    steps = np.linspace(0, everyone, min(everyone, _CURVE_POINTS) + 1).round().astype(int)
    k = np.unique(np.r_[steps, n, (profit > 0).sum()])
    spent, earned = np.r_[0.0, cost.cumsum()], np.r_[0.0, profit.cumsum()]
    chance = spent[k] / spent[-1] if by_cost and spent[-1] > 0 else k / everyone
    return pd.DataFrame(
        {
            "fraction": k / everyone,
            "customers": k,
            "expected_cost": spent[k],
            "expected_profit": earned[k],
            "profit_per_customer": earned[k] / everyone,
            "random": chance * earned[-1],
            "chance": chance,
        }
    )


def _interval(mean: float, draws: np.ndarray, level: float) -> Interval:
    lower, upper = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(mean), float(lower), float(upper))


def _words(profit: Interval) -> str:
    return f"{_money(profit.mean)} ({_money(profit.lower)} to {_money(profit.upper)})"


def _money(amount: float) -> str:
    return f"{amount:,.0f}" if abs(amount) >= 1_000 else f"{amount:,.2f}"
