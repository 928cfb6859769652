"""What each segment buys beyond its share: its favourite categories."""

from typing import Any

import numpy as np
import pandas as pd

from crm_analytics.core.errors import SchemaError
from crm_analytics.core.tables import require, require_columns

_FEWEST_BUYERS = 0.05  # of a segment's customers: the whim of a few is nobody's favourite


def favourite_categories(
    codes: np.ndarray, segments: Any, customers: Any, bought: pd.DataFrame, *, caller: str
) -> pd.DataFrame:
    """One row a segment and category it spends on, by segment and falling preference; see `describe`.

    `codes` are places in `segments`, one for each of `customers`; `bought` has a row a customer and
    a column a category.
    """
    if not pd.Index(customers).is_unique or not bought.index.is_unique:
        raise SchemaError(
            f"{caller}: customers come several times in the table or in categories, so what they bought belongs to no "
            "one row. Describe one origin at a time."
        )
    require_columns(bought, list(bought.columns), caller=f"{caller} (categories)")
    place = pd.Index(customers).get_indexer(bought.index)
    kept = place >= 0
    if not kept.any():
        raise SchemaError(
            f"{caller}: none of the {len(bought):,} rows of categories is of a customer in the table. Are the "
            "customer ids of one type?"
        )
    width, n = bought.shape[1], len(segments)
    of = codes[place[kept]]
    amounts, buyers = np.zeros((n, width)), np.zeros((n, width), dtype=np.int64)
    for column, name in enumerate(bought.columns):
        spent = bought.iloc[:, column].to_numpy(dtype=float)[kept]
        require(
            np.isfinite(spent),
            column=f"{name} (categories)",
            rule="a finite number",
            caller=caller,
            remedy="Drop those rows.",
        )
        spent = np.maximum(spent, 0)
        rank = np.argsort(spent)  # sums that do not depend on the order of the rows
        amounts[:, column] = np.bincount(of[rank], weights=spent[rank], minlength=n)
        buyers[:, column] = np.bincount(of[spent > 0], minlength=n)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = amounts / amounts.sum(axis=1, keepdims=True)
        lift = share / (amounts.sum(axis=0) / amounts.sum())
        preference = share * np.log(lift)
    customers_of = np.bincount(codes, minlength=n)[:, None]
    found = pd.DataFrame(
        {
            "segment": np.repeat(np.arange(n), width),
            "category": np.tile(bought.columns.to_numpy(dtype=object), n),
            "amount": amounts.ravel(),
            "share": share.ravel(),
            "lift": lift.ravel(),
            "buyers": (buyers / customers_of).ravel(),
        }
    )
    liked = np.where(found["buyers"] >= _FEWEST_BUYERS, preference.ravel(), np.minimum(preference.ravel(), 0))
    found["favourite"] = (liked > 0) & (found["lift"] > 1)
    order = np.lexsort([-found["amount"].to_numpy(), -np.nan_to_num(liked, nan=-np.inf), found["segment"]])
    found = found.iloc[order]
    found = found[found["amount"] > 0].reset_index(drop=True)
    found["segment"] = pd.Index(segments).take(found["segment"].to_numpy())
    return found
