"""What a household's shopping looks like, in numbers that mean the same at other supermarkets."""

import numpy as np
import pandas as pd
from scipy import sparse

from crm_analytics.core.tables import require_columns
from crm_analytics.profiling.tagging import TagTable
from crm_analytics.profiling.tagging.word_search import folded

PARTS_OF_DAY = {"night": (0, 7), "morning": (7, 11), "noon": (11, 14), "afternoon": (14, 17), "evening": (17, 21),
                "late": (21, 24)}  # fmt: skip
OWN_LABELS = ("private", "private label", "own label", "own brand", "store brand", "market markasi")
_NEEDED = ["customer_id", "transaction_id", "occurred_at", "amount"]
_TEXTS = ["description", "category", "department", "brand", "item_id"]
NO_GROCERY = (
    "fuel",
    "restaurant",
    "gift_card",
)  # chains differ in what else they sell: left out of all shares
_RARE = 0.01  # share of weeks added before the log, about one week in two years


def composition_features(lines: pd.DataFrame, tags: TagTable | pd.DataFrame | None = None) -> pd.DataFrame:
    """Return one row of numbers a household, from the lines of many.

    Prices and sizes are relative to the households given, so pass those of a whole chain, not
    one household alone. Fuel, restaurants and gift cards are left out, as chains differ in whether
    they sell them. Refunds (amounts below zero) and lines of no amount are too.

    Parameters
    ----------
    lines : DataFrame
        `customer_id` (of the household), `transaction_id`, `occurred_at`, `amount`; to be tagged
        `description`, `category`, `department`, `item_id`; where known `quantity` and `brand`.
    tags : TagTable, or DataFrame of bool indexed by item_id, optional
        By default `TagTable.default()`; a table that `TagTable.tag` gave saves the tagging.

    Returns
    -------
    DataFrame of float indexed by customer_id, in rising order
        `spend_<tag>`: square root of the share of spend; `often_<tag>`: log of the share of the
        weeks with a trip in which it was bought; `hour_<part>`, `day_<weekday>`: shares of trips;
        and the rest of rhythm, sizes, prices and own labels. NaN where the lines do not tell: a
        tag that nobody bought is not sold there, own labels need brands, and a household may have
        bought nothing but fuel.

    Raises
    ------
    SchemaError
        If a needed column is missing.
    """
    require_columns(lines, _NEEDED, caller="composition_features")
    everyone = pd.Index(np.unique(lines["customer_id"].to_numpy()), name="customer_id")
    products, matrix = _tagged(lines, tags)
    other = np.asarray(matrix[[tag for tag in NO_GROCERY if tag in matrix.columns]].any(axis=1), dtype=bool)
    kept = (lines["amount"].to_numpy(dtype=float) > 0) & ~other[products]
    lines, products = lines[kept], products[kept]
    if not len(lines):
        raise ValueError(
            "composition_features: no line of groceries is left. Pass the lines of a supermarket."
        )
    households, people = pd.factorize(lines["customer_id"], sort=True)
    amount = lines["amount"].to_numpy(dtype=float)
    trips, trip_table = _trips(lines, households, amount)
    found = {
        **_tag_shares(households, len(people), trips, trip_table, products, matrix, amount),
        **_rhythm(trip_table, len(people)),
        **_sizes(lines, households, len(people), trip_table, amount),
    }
    return pd.DataFrame(found, index=pd.Index(people, name="customer_id")).reindex(everyone)


def _trips(
    lines: pd.DataFrame, households: np.ndarray, amount: np.ndarray
) -> tuple[np.ndarray, pd.DataFrame]:
    """The trip of each line; of each trip its household, first instant, amount and lines."""
    keys = pd.DataFrame({"household": households, "transaction": pd.factorize(lines["transaction_id"])[0]})
    trips = keys.groupby(["household", "transaction"], sort=False).ngroup().to_numpy()
    first = np.unique(trips, return_index=True)[1]
    when = pd.to_datetime(lines["occurred_at"]).to_numpy()[first]
    table = pd.DataFrame({"household": households[first], "at": when})
    table["amount"] = np.bincount(trips, weights=amount)
    table["lines"] = np.bincount(trips)
    return trips, table


def _tagged(lines: pd.DataFrame, tags: TagTable | pd.DataFrame | None) -> tuple[np.ndarray, pd.DataFrame]:
    """The product of each line, and the tags of each product."""
    if isinstance(tags, pd.DataFrame):
        codes = tags.index.get_indexer(pd.Index(lines["item_id"]))
        nothing = pd.DataFrame(False, index=["not tagged"], columns=tags.columns)
        return np.where(codes < 0, len(tags), codes), pd.concat([tags, nothing])
    table = TagTable.default() if tags is None else tags
    asked = {"description", "category", "department", *table.words["field"]}
    texts = [column for column in _TEXTS if column in lines.columns and column in asked]
    if not texts:
        require_columns(lines, ["description"], caller="composition_features")
    codes = np.zeros(len(lines), dtype=np.int64)
    for column in texts:
        own, distinct = pd.factorize(lines[column])
        codes = pd.factorize(codes * (len(distinct) + 1) + own + 1)[0]
    first = np.unique(codes, return_index=True)[1]
    return codes, table.tag(lines.iloc[first][texts])


def _tag_shares(
    households: np.ndarray,
    n: int,
    trips: np.ndarray,
    trip_table: pd.DataFrame,
    products: np.ndarray,
    matrix: pd.DataFrame,
    amount: np.ndarray,
) -> dict[str, np.ndarray]:
    tags = sparse.csr_matrix(matrix.to_numpy(dtype=np.float64))
    spent = sparse.csr_matrix((amount, (households, products)), shape=(n, len(matrix))) @ tags
    share = spent.toarray() / np.bincount(households, weights=amount, minlength=n)[:, None]
    ones = np.ones(len(trips))
    in_trip = sparse.csr_matrix((ones, (trips, products)), shape=(len(trip_table), len(matrix))) @ tags
    in_trip.data[:] = 1.0
    owner = trip_table["household"].to_numpy()
    week = trip_table["at"].to_numpy().astype("datetime64[D]").astype(np.int64) // 7
    weeks, which = np.unique(np.column_stack([owner, week]), axis=0, return_inverse=True)
    of_week = sparse.csr_matrix((np.ones(owner.size), (which.ravel(), np.arange(owner.size))))
    in_week = of_week @ in_trip
    in_week.data[:] = 1.0
    home = sparse.csr_matrix(
        (np.ones(len(weeks)), (weeks[:, 0], np.arange(len(weeks)))), shape=(n, len(weeks))
    )
    weeks_with = (home @ in_week).toarray() / np.bincount(weeks[:, 0], minlength=n)[:, None]
    found = {}
    for k, tag in enumerate(matrix.columns):
        if tag not in NO_GROCERY:
            sold = share[:, k].any()
            found[f"spend_{tag}"] = np.sqrt(share[:, k]) if sold else np.full(n, np.nan)
            found[f"often_{tag}"] = np.log(weeks_with[:, k] + _RARE) if sold else np.full(n, np.nan)
    return found


def _rhythm(trips: pd.DataFrame, n: int) -> dict[str, np.ndarray]:
    owner, at = trips["household"].to_numpy(), trips["at"]
    hour, day = at.dt.hour.to_numpy(), at.dt.day_of_week.to_numpy()
    count = np.bincount(owner, minlength=n)

    def share(chosen: np.ndarray) -> np.ndarray:
        return np.bincount(owner[chosen], minlength=n) / count

    found = {
        f"hour_{part}": share((hour >= low) & (hour < high)) for part, (low, high) in PARTS_OF_DAY.items()
    }
    names = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    found |= {f"day_{name}": share(day == k) for k, name in enumerate(names)}
    found["day_working_hours"] = share((day < 5) & (hour >= 9) & (hour < 17))
    found["day_weekend_evening"] = share((day >= 4) & (hour >= 18))
    mean_hour = np.bincount(owner, weights=hour, minlength=n) / count
    spread = np.bincount(owner, weights=hour.astype(float) ** 2, minlength=n) / count - mean_hour**2
    found["hour_spread"] = np.sqrt(np.maximum(spread, 0))
    by_owner = at.groupby(owner)
    weeks = ((by_owner.max() - by_owner.min()).dt.total_seconds() / (7 * 86_400)).reindex(range(n)).to_numpy()
    found["trips_a_week"] = np.log(count / np.maximum(weeks, 4.0))
    month = at.dt.day.to_numpy()
    found["month_start"] = share(month <= 7)
    return found


def _sizes(
    lines: pd.DataFrame,
    households: np.ndarray,
    n: int,
    trips: pd.DataFrame,
    amount: np.ndarray,
) -> dict[str, np.ndarray]:
    owner = trips["household"].to_numpy()
    by_trip = pd.DataFrame(
        {"household": owner, "amount": np.log(trips["amount"]), "lines": np.log(trips["lines"])}
    )
    groups = by_trip.groupby("household")
    typical = groups.median().reindex(range(n))
    found = {
        "trip_amount": (typical["amount"] - by_trip["amount"].median()).to_numpy(),
        "trip_lines": typical["lines"].to_numpy(),
        "trip_spread": groups["lines"].std().reindex(range(n)).fillna(0.0).to_numpy(),
        "small_trips": (by_trip["lines"] <= np.log(3.5)).groupby(owner).mean().reindex(range(n)).to_numpy(),
        "big_trips": (by_trip["lines"] >= np.log(19.5)).groupby(owner).mean().reindex(range(n)).to_numpy(),
    }
    total = np.bincount(households, weights=amount, minlength=n)
    found["spend"] = np.log(total / np.median(total))
    kinds = _kinds(lines, ["description", "item_id", "category"])
    width = int(kinds.max(initial=0)) + 2  # what has no word is a kind of its own, code -1
    own = pd.unique(households.astype(np.int64) * width + kinds + 1) // width
    found["variety"] = np.log(np.bincount(own, minlength=n)) - 0.5 * np.log(
        np.bincount(households, minlength=n)
    )
    if "quantity" in lines:
        quantity = lines["quantity"].to_numpy(dtype=float)
        quantity = np.where(np.isfinite(quantity) & (quantity > 0), quantity, 1.0)
        need = _kinds(lines, ["category", "department", "description"])
        table = pd.DataFrame({"need": need, "price": np.log(amount / quantity)})
        apart = table["price"] - table.groupby("need")["price"].transform("median")
        lines_of = np.bincount(households, minlength=n)
        found["price_tier"] = (
            np.bincount(households, weights=np.clip(apart, -1.5, 1.5), minlength=n) / lines_of
        )
        found["packs_a_line"] = (
            np.bincount(households, weights=np.log(np.minimum(quantity, 20)), minlength=n) / lines_of
        )
    else:
        found["price_tier"] = found["packs_a_line"] = np.full(n, np.nan)
    found["own_label"] = _own_label(lines, households, n, amount)
    return found


def _kinds(lines: pd.DataFrame, columns: list[str]) -> np.ndarray:
    """Codes of the first of these columns that there is."""
    known = [column for column in columns if column in lines.columns]
    return pd.factorize(lines[known[0]])[0] if known else np.zeros(len(lines), dtype=np.int64)


def _own_label(lines: pd.DataFrame, households: np.ndarray, n: int, amount: np.ndarray) -> np.ndarray:
    """Share of spend on the chain's own label; NaN where no brand is called so."""
    if "brand" not in lines:
        return np.full(n, np.nan)
    codes, brands = pd.factorize(lines["brand"])
    own = np.array([*(name in OWN_LABELS for name in folded([str(brand) for brand in brands])), False])
    if not own.any():
        return np.full(n, np.nan)
    total = np.bincount(households, weights=amount, minlength=n)
    return np.bincount(households, weights=amount * own[codes], minlength=n) / total
