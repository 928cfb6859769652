"""Where a product sells more than its share, and how sure that is."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import betainc, gammainc, gammaincinv, gammaln
from scipy.stats import false_discovery_control

from crm_analytics.core.errors import SchemaError, choice
from crm_analytics.transactions import TransactionLog

LEVELS = ("item_id", "description", "category", "department", "brand")
PLACES = ("store_id", "customer_id")
UNITS = ("baskets", "customers")

_DEMAND = """
WITH held AS (
    SELECT {place} AS place, {level} AS item, customer_id, transaction_id,
        CASE WHEN transaction_id IS NULL THEN occurred_at
            ELSE CAST(CAST(occurred_at AS DATE) AS TIMESTAMP) END AS begun
    FROM purchases WHERE {place} IS NOT NULL AND {level} IS NOT NULL
    GROUP BY 1, 2, 3, 4, 5
)
SELECT place, item, customer_id, CAST(count(*) AS BIGINT) AS baskets
FROM held GROUP BY place, item, customer_id ORDER BY place, item, customer_id"""

# One text for each kind of place and level; all are constants.
DEMAND_SQL = {
    (place, level): _DEMAND.replace("{place}", place).replace("{level}", level)
    for place in PLACES
    for level in LEVELS
}

# Of gammas of mean 1, from "double or half is usual" to a spread of 1 %: all the same.
SHAPES = np.array([2.0, 5.0, 12.0, 40.0, 200.0, 10_000.0])


def demand_index(
    log: TransactionLog,
    by: str = "store_id",
    level: str = "item_id",
    snapshot_date: date | datetime | str | None = None,
    *,
    regions: Mapping[Any, Any] | pd.Series | None = None,
    unit: str = "baskets",
    min_expected: float = 5.0,
    interval: float = 0.95,
    max_fdr: float = 0.05,
) -> pd.DataFrame:
    """Compare what each place sells of each product with the product's and the place's share.

    Expected is (baskets with the product) × (place's share of all such counts): what the
    place would sell if it liked products as all places do. So a large place or a popular
    product is not remarkable by itself.

    One customer who comes every week is not fifty people. Before anything is inferred, counts
    are therefore divided by their design effect (Rao & Scott 1992): with y a customer's count
    of a product in a place, and m all the customer's counts there times the product's share,
    Σ (y - m)² / Σ m. It is 1 if tastes do not differ, and much more if a few buy all. That of
    the product is taken times that of the place over that of the whole; never less than 1.

    The index is shrunken: true indices are taken as drawn from a mixture of gammas of mean 1,
    narrow ones and wide ones, with the weights that make all counts likeliest (Clayton & Kaldor
    1987 have one gamma, DuMouchel 1999 has two). So where most places sell their share, a ratio
    of 3 from 6 baskets is pulled to nearly 1, one from 600 hardly.

    Parameters
    ----------
    log : TransactionLog
    by : {"store_id", "customer_id"}
        Where a line belongs: to its store or, with `regions`, to where the customer lives.
    level : {"item_id", "description", "category", "department", "brand"}
        What counts as a product. Lines without a place or product are left out.
    snapshot_date : date, datetime or str, optional
        First instant not seen; all of the log by default.
    regions : dict or Series, optional
        Region of each store (or customer); those it does not name are left out. Without it
        each store is a place.
    unit : {"baskets", "customers"}
        What is counted: receipts with the product, or distinct customers who bought it in the
        place. Of customers, popular products seem rare where people buy a lot: nobody can
        count twice.
    min_expected : float > 0
        Pairs of place and product with less expected are left out, whatever was observed. It
        also bounds the table: it has at most (all counts) / min_expected rows.
    interval : float in (0, 1)
        Posterior probability that `lower` to `upper` holds.
    max_fdr : float in (0, 1)
        Share of false ones to accept among the `significant`.

    Returns
    -------
    DataFrame with a row a place and product, the highest index first:

    place, item : any
    baskets, customers : int
        Observed, whatever the unit.
    expected : float
        In the unit.
    ratio : float
        Observed / expected.
    index : float
        The shrunken ratio: 1 sells its share, 2 twice as much, .5 half.
    lower, upper : float
        Posterior quantiles of the index.
    q_value : float
        Least false discovery rate at which the ratio is held different from 1 (Benjamini &
        Hochberg 1995), from two-sided binomial tests of the place's part of the product.
    significant : bool
        q_value <= max_fdr.

    Raises
    ------
    SchemaError
        If no line has a place and a product, or there are not two places or two products.
    ValueError
        If a parameter is out of its range.

    References
    ----------
    Clayton & Kaldor (1987), Empirical Bayes estimates of age-standardized relative risks for
    use in disease mapping, Biometrics 43. DuMouchel (1999), Bayesian data mining in large
    frequency tables, The American Statistician 53. Rao & Scott (1992), A simple method for the
    analysis of clustered binary data, Biometrics 48. Benjamini & Hochberg (1995), Controlling
    the false discovery rate, JRSS B 57.

    Examples
    --------
    >>> sold = [("north", "tea"), ("north", "jam"), ("south", "tea"), ("south", "jam")]
    >>> times = [60, 40, 20, 80]
    >>> lines = [line for line, n in zip(sold, times) for _ in range(n)]
    >>> log = read_log(pd.DataFrame(lines, columns=["store_id", "item_id"]).assign(
    ...     customer_id=range(200), occurred_at="2024-03-01", amount=1.0))
    >>> demand_index(log).round({"ratio": 2, "index": 2, "q_value": 4})[
    ...     ["place", "item", "baskets", "expected", "ratio", "index", "significant"]]
       place item  baskets  expected  ratio  index  significant
    0  north  tea       60      40.0   1.50   1.44         True
    1  south  jam       80      60.0   1.33   1.31         True
    2  north  jam       40      60.0   0.67   0.69         True
    3  south  tea       20      40.0   0.50   0.56         True
    """
    if not hasattr(log, "query_as_of"):
        raise SchemaError(
            f"demand_index: a TransactionLog is needed, not a {type(log).__name__}. See read_log."
        )
    choice(by, name="by", allowed=PLACES)
    choice(level, name="level", allowed=LEVELS)
    choice(unit, name="unit", allowed=UNITS)
    if by == "customer_id" and regions is None:
        raise ValueError("regions must name each customer's region where by='customer_id'. Got None instead.")
    if not 0 < min_expected < np.inf:
        raise ValueError(f"min_expected must be > 0 and finite. Got {min_expected!r} instead.")
    for name, share in (("interval", interval), ("max_fdr", max_fdr)):
        if not 0 < share < 1:
            raise ValueError(f"{name} must be in (0, 1). Got {share!r} instead.")
    held = log.query_as_of(DEMAND_SQL[by, level], snapshot_date).to_pandas()
    if regions is not None:
        held = held.assign(place=held["place"].map(pd.Series(regions)))
        held = held[held["place"].notna()]
        held = held.groupby(["place", "item", "customer_id"], as_index=False, observed=True)["baskets"].sum()
    if held["place"].nunique() < 2 or held["item"].nunique() < 2:
        lines_know = [name for name in (by, level) if name in log.reading.columns]
        absent = [name for name in (by, level) if name not in lines_know]
        remedy = (
            f"The log has no {' and no '.join(absent)}: name its source in read_log's columns=."
            if absent
            else f"Of {by} or of {level} there is one only, or regions names too few of them."
        )
        raise SchemaError(
            f"demand_index: places with products: {held['place'].nunique():,}; products with a place: "
            f"{held['item'].nunique():,}; shares need two of each. {remedy}"
        )
    cells = _cells(held, unit, min_expected)
    n, expected = cells["n"].to_numpy(), cells["e"].to_numpy()
    index, lower, upper = posterior_index(n, expected, fit_index_prior(n, expected), interval)
    p_value = share_p_value(n, cells["n_item"].to_numpy(), cells["share"].to_numpy())
    q_value = false_discovery_control(p_value) if len(cells) else p_value
    found = cells[["place", "item", "baskets", "customers", "expected", "ratio"]].assign(
        index=index, lower=lower, upper=upper, q_value=q_value, significant=q_value <= max_fdr
    )
    return found.sort_values("index", ascending=False, kind="stable").reset_index(drop=True)


def fit_index_prior(n: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Weights of gammas of mean 1 and each of `SHAPES` that make counts likeliest.

    n ~ Poisson(index × expected), the index drawn from one of the gammas; by the EM algorithm,
    which cannot miss the optimum: the likelihood is concave in the weights. Counts may be
    fractions.

    >>> weights = fit_index_prior(np.array([20.0, 21.0, 19.0]), np.array([20.0, 20.0, 20.0]))
    >>> SHAPES[weights.argmax()]
    np.float64(10000.0)
    """
    weights = np.full(SHAPES.size, 1 / SHAPES.size)
    if not n.size:
        return weights
    log_likelihood = _log_likelihood(n, expected)
    likelihood = np.exp(log_likelihood - log_likelihood.max(axis=1, keepdims=True))
    for _ in range(300):
        before = weights
        weights = weights * (likelihood / (likelihood @ weights)[:, None]).mean(axis=0)
        if np.abs(weights - before).max() < 1e-5:
            break
    return weights


def posterior_index(
    n: np.ndarray, expected: np.ndarray, weights: np.ndarray, interval: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Posterior mean and quantiles of the index, under a prior that `fit_index_prior` gave."""
    log_likelihood = _log_likelihood(n, expected)
    part = weights * np.exp(log_likelihood - log_likelihood.max(axis=1, keepdims=True))
    part /= part.sum(axis=1, keepdims=True)
    used = part.max(axis=0, initial=0.0) > 1e-6  # the others take time and change nothing
    part = part[:, used] / part[:, used].sum(axis=1, keepdims=True)
    a, b = SHAPES[used] + n[:, None], SHAPES[used] + expected[:, None]
    mean = (part * a / b).sum(axis=1)
    ends = []
    for share in ((1 - interval) / 2, (1 + interval) / 2):
        each = gammaincinv(a, share) / b
        low, high = each.min(axis=1, initial=np.inf), each.max(axis=1, initial=0.0)
        for _ in range(12):  # halves what is between the gammas' own quantiles to a 4,000th of it
            middle = (low + high) / 2
            below = (part * gammainc(a, b * middle[:, None])).sum(axis=1) < share
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        ends.append((low + high) / 2)
    return mean, ends[0], ends[1]


def _log_likelihood(n: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Of each count under each gamma, negative binomial; what all have in common is left out."""
    x, e, a = n[:, None], expected[:, None], SHAPES
    return gammaln(x + a) - gammaln(a) + a * np.log(a / (a + e)) - x * np.log(a + e)


def share_p_value(n: np.ndarray, n_item: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Two-sided p-value of `n` of `n_item`, if each fell here with probability `share`.

    Twice the smaller tail of the binomial, the count itself in both, at most 1; so it errs on
    the safe side. Fractions are taken through the beta function.

    >>> share_p_value(np.array([9.0]), np.array([10.0]), np.array([0.5])).round(5)  # 2 × 11 / 1024
    array([0.02148])
    """
    # P(X >= n) and P(X <= n)
    upper = np.where(n > 0, betainc(np.maximum(n, 1e-300), n_item - n + 1, share), 1.0)
    rest = n_item - n
    lower = np.where(rest > 0, betainc(np.maximum(rest, 1e-300), n + 1, 1 - share), 1.0)
    return np.minimum(1.0, 2 * np.minimum(upper, lower))


def design_effects(
    place: np.ndarray, item: np.ndarray, customer: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """How many times a Poisson's the variance of counts is, as customers come with many at once.

    Parameters
    ----------
    place, item : ndarray of int
        Codes from 0 on of each row; a row is what one customer bought of one product there.
    customer : ndarray
    y : ndarray of float, > 0
        Counts.

    Returns
    -------
    of_place, of_item : ndarray of float
        Σ (y - m)² / Σ m for each place and product, with m = (the customer's counts in the
        place) × (the product's share), over all customers of the place, whether they bought
        the product or not.
    of_all : float

    Examples
    --------
    >>> place, item, customer = np.array([[0, 0, 1], [0, 1, 2], [1, 0, 3], [1, 1, 4]]).T
    >>> design_effects(place, item, customer, np.array([8.0, 8.0, 8.0, 8.0]))  # four who buy but one thing
    (array([4., 4.]), array([4., 4.]), 4.0)
    """
    total = y.sum()
    part = np.bincount(item, y) / total
    number, customers = pd.factorize(customer)
    visit, visits = pd.factorize(np.asarray(place) * len(customers) + number)
    counts = np.bincount(visit, y)  # of a customer in a place
    seen = y * y - 2 * y * counts[visit] * part[item]  # (y - m)² less m², which those without y have too
    square = np.bincount(visits // len(customers), counts**2, minlength=int(place.max()) + 1)
    by_place = np.bincount(place, seen) + square * (part**2).sum()
    by_item = np.bincount(item, seen) + square.sum() * part**2
    return by_place / np.bincount(place, y), by_item / np.bincount(item, y), float(by_item.sum() / total)


def _cells(held: pd.DataFrame, unit: str, min_expected: float) -> pd.DataFrame:
    """Counts and expectations of the pairs that are expected often enough, sold or not."""
    place, places = pd.factorize(held["place"], sort=True)
    item, items = pd.factorize(held["item"], sort=True)
    y = held["baskets"].to_numpy(dtype=float) if unit == "baskets" else np.ones(len(held))
    of_place, of_item = np.bincount(place, y), np.bincount(item, y)
    share = of_place / y.sum()
    effect_place, effect_item, effect = design_effects(place, item, held["customer_id"].to_numpy(), y)
    # Of each product the places where it is expected often enough: the largest so many.
    by_size = np.argsort(-share, kind="stable")
    n_places = np.searchsorted(-share[by_size], -min_expected / of_item, side="right")
    i = np.repeat(np.arange(len(items)), n_places)
    first = np.repeat(np.cumsum(n_places) - n_places, n_places)
    j = by_size[np.arange(i.size) - first]
    key = pd.Index(i * len(places) + j)
    seen = key.get_indexer(item * len(places) + place)
    kept = seen >= 0
    baskets = np.bincount(seen[kept], held["baskets"].to_numpy()[kept], minlength=i.size)
    customers = np.bincount(seen[kept], minlength=i.size)
    observed = baskets if unit == "baskets" else customers
    expected = of_item[i] * share[j]
    effects = np.maximum(effect_item[i] * effect_place[j] / effect, 1.0)
    return pd.DataFrame(
        {
            "place": places[j],
            "item": items[i],
            "baskets": baskets.astype(np.int64),
            "customers": customers,
            "expected": expected,
            "ratio": observed / expected,
            "n": observed / effects,
            "e": expected / effects,
            "n_item": of_item[i] / effects,
            "share": share[j],
        }
    )
