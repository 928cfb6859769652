"""What is known of customers beside their purchases, each from when it held on."""

from collections.abc import Hashable

import pandas as pd

from crm_analytics.core.errors import SchemaError

KEYS = ["customer_id", "valid_from"]


def attributes_at(attributes: pd.DataFrame, rows: pd.MultiIndex) -> pd.DataFrame:
    """Return what held of each row's customer just before the row's origin.

    Parameters
    ----------
    attributes : DataFrame
        `customer_id`, `valid_from` (time; the value holds from then until the customer's next
        row), and any other columns. Two rows of a customer may not begin at the same time.
    rows : MultiIndex
        With levels `customer_id` and `origin`.

    Returns
    -------
    DataFrame of the other columns, indexed by `rows`; missing where nothing was known yet.

    Raises
    ------
    SchemaError
        If `valid_from` is absent, missing or no time, or a customer has two rows of one time.

    Examples
    --------
    >>> rows = pd.MultiIndex.from_tuples([("a", pd.Timestamp("2024-02-01")), ("a", pd.Timestamp("2024-03-01"))],
    ...                                  names=["customer_id", "origin"])
    >>> plan = pd.DataFrame({"customer_id": ["a", "a"], "plan": ["basic", "gold"],
    ...                      "valid_from": pd.to_datetime(["2023-01-01", "2024-02-01"])})
    >>> attributes_at(plan, rows)["plan"].tolist()
    ['basic', 'gold']
    """
    table = _judged(attributes)
    names: list[Hashable] = [name for name in table.columns if name not in KEYS]
    asked = pd.DataFrame(
        {
            "customer_id": rows.get_level_values("customer_id"),
            "origin": rows.get_level_values("origin").astype("datetime64[us]"),
            "place": range(len(rows)),
        }
    )
    same = table["customer_id"].dtype == asked["customer_id"].dtype
    if not same:
        raise SchemaError(
            f"attributes: customer_id has dtype {table['customer_id'].dtype}, but in the log "
            f"{asked['customer_id'].dtype}. Convert one of them, or no customer will be found."
        )
    found = pd.merge_asof(
        asked.sort_values("origin", kind="stable"),
        table.sort_values("valid_from", kind="stable"),
        left_on="origin",
        right_on="valid_from",
        by="customer_id",
        allow_exact_matches=False,
    )
    return found.sort_values("place")[names].set_index(rows)


def _judged(attributes: pd.DataFrame) -> pd.DataFrame:
    if "customer_id" not in attributes.columns:
        raise SchemaError(
            f"attributes must have a column customer_id. They have: {', '.join(map(str, attributes.columns))}."
        )
    if "valid_from" not in attributes.columns:
        raise SchemaError(
            "attributes have no column valid_from, the time from which a value held. Without it they describe "
            "customers as they are now, and would tell the past what came later: a plan that was dropped "
            "because they left. Add valid_from; for what never changes, such as the year of birth, the time "
            "it was first recorded."
        )
    if not pd.api.types.is_datetime64_any_dtype(attributes["valid_from"]):
        raise SchemaError(
            f"attributes: valid_from must be times, but has dtype {attributes['valid_from'].dtype}. "
            "Convert it with pd.to_datetime."
        )
    missing = attributes[KEYS].isna().any(axis=1)
    if missing.any():
        raise SchemaError(
            f"attributes: customer_id or valid_from is missing in {missing.sum():,} of {len(attributes):,} rows "
            f"(first at row {missing.to_numpy().argmax():,}). Fill or drop them."
        )
    twice = attributes.duplicated(KEYS)
    if twice.any():
        raise SchemaError(
            f"attributes: {twice.sum():,} of {len(attributes):,} rows repeat a customer and valid_from (first at row "
            f"{twice.to_numpy().argmax():,}), so that it cannot be said what held. Keep one of each."
        )
    times = attributes["valid_from"]
    if times.dt.tz is not None:
        times = times.dt.tz_convert("UTC").dt.tz_localize(None)
    return attributes.assign(valid_from=times.astype("datetime64[us]"))
