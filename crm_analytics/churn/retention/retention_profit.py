"""What contacting customers earns: expected, and as it may turn out."""

from typing import NamedTuple

import numpy as np

# Customers whose outcome is drawn one by one, those with the most at stake; the sum over the others,
# each of whom matters less, is as good as normal.
_DRAWN_ONE_BY_ONE = 5_000
_CHUNK = 2_000_000  # outcomes held at a time: 16 MB


class Stakes(NamedTuple):
    """What may come of contacting each customer; arrays of shape (n_customers,).

    One of three things: the offer changes what the customer does, with probability acceptance ×
    `response`; it goes to one who would have stayed anyway, with probability `taken`; or neither.

    Attributes
    ----------
    response : array in [0, 1]
        P(the offer decides whether the customer stays), for acceptance 1.
    gain : array
        What that earns (currency), the offer paid for and the contact not; negative where the
        offer drives away.
    decided_cost : array
        What the offer costs then (currency).
    taken : array in [0, 1]
    offer_cost, contact_cost : float
        Currency.
    """

    response: np.ndarray
    gain: np.ndarray
    decided_cost: np.ndarray
    taken: np.ndarray
    offer_cost: float
    contact_cost: float

    def of(self, rows: np.ndarray) -> "Stakes":
        """The same of some customers, in the order of `rows`."""
        return self._replace(
            response=self.response[rows],
            gain=self.gain[rows],
            decided_cost=self.decided_cost[rows],
            taken=self.taken[rows],
        )


def stakes(
    p: np.ndarray,
    value: np.ndarray,
    uplift: np.ndarray,
    psi: float,
    offer_cost: float,
    contact_cost: float,
) -> Stakes:
    """Stakes from churn probability `p`, lifetime `value` and the `uplift` that acceptance 1 gives.

    `uplift` > 0 lowers the churn probability, < 0 raises it; it lies in [-(1 - p), p]. A share
    `psi` of those who would stay anyway takes the offer. Those driven away take no offer, and
    their value with them, if it is positive.
    """
    held = uplift > 0
    return Stakes(
        response=np.abs(uplift),
        gain=np.where(held, value - offer_cost, -np.maximum(value, 0.0)),
        decided_cost=np.where(held, offer_cost, 0.0),
        taken=psi * (1 - p + np.minimum(uplift, 0.0)),
        offer_cost=offer_cost,
        contact_cost=contact_cost,
    )


def expected_profit(s: Stakes, acceptance: float = 1.0) -> np.ndarray:
    """Of contacting each customer (currency), over not doing so.

    With p γ for acceptance × response this is p γ (v - d) - (1 - p) ψ d - f, which summed over
    customers of one value is the profit of Verbraken and others (2013) for ψ = 1.
    """
    return acceptance * s.response * s.gain - s.taken * s.offer_cost - s.contact_cost


def expected_cost(s: Stakes, acceptance: float = 1.0) -> np.ndarray:
    """Of contacting each customer (currency): the contact, and the offer if it is taken."""
    return s.contact_cost + acceptance * s.response * s.decided_cost + s.taken * s.offer_cost


def profit_draws(s: Stakes, acceptance: np.ndarray, chance: float, rng: np.random.Generator) -> np.ndarray:
    """Total profit as it may turn out, once for each draw of the `acceptance` all customers share.

    Each customer is contacted with probability `chance`, independently; given the acceptance,
    what customers do is independent too.

    Returns
    -------
    array of the shape of `acceptance` (currency)
    """
    n = s.gain.size
    if n <= _DRAWN_ONE_BY_ONE:
        return _one_by_one(s, acceptance, chance, rng)
    spread = _spread(s, float(acceptance.mean()), chance)
    by_spread = np.argsort(-spread, kind="stable")
    first, others = by_spread[:_DRAWN_ONE_BY_ONE], by_spread[_DRAWN_ONE_BY_ONE:]
    mean, variance = _moments(s.of(others), acceptance, chance)
    normal = mean + np.sqrt(variance) * rng.standard_normal(acceptance.size)
    return normal + _one_by_one(s.of(first), acceptance, chance, rng)


def _one_by_one(s: Stakes, acceptance: np.ndarray, chance: float, rng: np.random.Generator) -> np.ndarray:
    n = s.gain.size
    if n == 0 or chance == 0:
        return np.zeros(acceptance.size)
    totals = []
    for begin in range(0, acceptance.size, step := max(1, _CHUNK // n)):
        some = acceptance[begin : begin + step, None]
        # Below 1 with probability `chance`, which is a contact, and uniform there.
        u = rng.random((len(some), n)) / chance
        profit = np.where(u < some * s.response, s.gain, 0.0)
        profit -= np.where((u >= 1 - s.taken) & (u < 1), s.offer_cost, 0.0)
        totals.append((profit - s.contact_cost * (u < 1)).sum(axis=1))
    return np.concatenate(totals)


def _squares(s: Stakes) -> tuple[np.ndarray, np.ndarray]:
    """The expected square of a contact's profit is the first plus acceptance times the second."""
    d, f = s.offer_cost, s.contact_cost
    return f**2 + s.taken * (d**2 + 2 * d * f), s.response * (s.gain**2 - 2 * s.gain * f)


def _spread(s: Stakes, acceptance: float, chance: float) -> np.ndarray:
    """Variance of each customer's profit."""
    level, slope = _squares(s)
    return chance * (level + acceptance * slope) - (chance * expected_profit(s, acceptance)) ** 2


def _moments(s: Stakes, acceptance: np.ndarray, chance: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of the total, given each acceptance."""
    fixed, moving = expected_profit(s, 0.0), s.response * s.gain
    mean = chance * (fixed.sum() + acceptance * moving.sum())
    level, slope = _squares(s)
    squared_means = fixed @ fixed + 2 * acceptance * (fixed @ moving) + acceptance**2 * (moving @ moving)
    variance = chance * (level.sum() + acceptance * slope.sum()) - chance**2 * squared_means
    return mean, np.maximum(variance, 0.0)  # rounding, where nothing is left to chance
