"""What to offer each customer next: a table beside the scores, and its best lines in them."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from crm_analytics.basket import NextBasketRecommender
from crm_analytics.core.files import whole_file
from crm_analytics.transactions import TransactionLog

NEXT_PRODUCTS = "next_products.parquet"
_TOLD = "crm_analytics"  # the key in the file's metadata under which it says how it was made


def write_next_products(
    log: TransactionLog,
    customers: pa.ChunkedArray,
    snapshot: datetime,
    path: Path,
    *,
    n: int,
    level: str,
    exclude: Sequence[str],
) -> None:
    """Write to `path` what each of `customers` will buy again and what anew, `n` of either, whole.

    The file says in its metadata how they were found.
    """
    table, told = _nothing(n, level)
    if n and level in log.reading.columns:
        model = NextBasketRecommender(level=level).fit(log, snapshot)
        table = _both_kinds(model, pd.Index(customers.to_pandas()), n, exclude)
        told = {
            "level": level,
            "class": type(model).__name__,
            **model.fit_report_,
            "fallback": {kind: reason for kind, reason in model.fallback_.items() if reason},
        }
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    with whole_file(path) as temporary:
        pq.write_table(arrow.replace_schema_metadata({_TOLD: json.dumps(told)}), temporary)


def told_of(path: Path) -> dict[str, Any]:
    """Return how the products in the file were found, or why there are none."""
    return json.loads(pq.read_schema(path).metadata[_TOLD.encode()])


def with_next_product(scores: pa.Table, products: pd.DataFrame) -> pa.Table:
    """Add each customer's best product and best new one; nothing if there are no products."""
    if products.empty:
        return scores
    novel = products[products["kind"] == "novel"]
    for name, rows in [("next_product", products), ("new_product", novel)]:
        best = rows.drop_duplicates("customer_id").set_index("customer_id")
        best = best.reindex(scores["customer_id"].to_pandas())
        for suffix, column in [("", "item_id"), ("_chance", "score"), ("_reason", "reason")]:
            scores = scores.append_column(name + suffix, pa.Array.from_pandas(best[column]))
    return scores


def _both_kinds(
    model: NextBasketRecommender, customers: pd.Index, n: int, exclude: Sequence[str]
) -> pd.DataFrame:
    """Repeats and new products of each customer in one list, by falling chance."""
    unwanted = [item for item in model.items_ if str(item) in set(exclude)]
    repeats = model.recommend(customers, n, repeat_only=True, exclude=unwanted)
    novel = model.recommend(customers, n, novel_only=True, exclude=unwanted)
    table = pd.concat([repeats, novel], ignore_index=True)
    place = customers.get_indexer(pd.Index(table["customer_id"]))
    order = np.lexsort((table["rank"].to_numpy(), -table["score"].to_numpy(), place))
    table = table.iloc[order].reset_index(drop=True)
    return table.assign(rank=table.groupby("customer_id", sort=False).cumcount() + 1)


def _nothing(n: int, level: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    why = "none were asked for" if n == 0 else f"the log has no {level}"
    columns = {
        "customer_id": "str", "rank": "int64", "item_id": "str", "score": "float64", "kind": "str", "reason": "str"
    }  # fmt: skip
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in columns.items()}), {"why_none": why}
