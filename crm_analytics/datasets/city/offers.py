"""What is not to be had for a while or ever again, and what is cheaper for a week."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

LASTING = ("fuel", "restaurant")  # departments that neither lack nor promote anything


def make_withdrawn(products: pd.DataFrame, start: date, end: date, rng: np.random.Generator) -> pd.DataFrame:
    """Items gone for good (item by item, and whole brands of a category) and items out of stock for days.

    `withdrawn` of a whole brand leaves other brands in the category.
    """
    days = (end - start).days
    sold = products[~products["department"].isin(LASTING) & (products["brand"] != "")]
    rows: list[tuple[int, int, int, str]] = []
    years = days / 365.25
    gone: set[int] = set()
    groups = sold.groupby(["category", "brand"], sort=True)["weight"].sum()
    candidates = groups[(groups > 0.1) & (groups < 0.45)]
    n_brands = min(round(2.2 * years), len(candidates))
    picked = rng.choice(len(candidates), n_brands, replace=False)
    seen: set[str] = set()
    for place in picked:
        category, brand = candidates.index[place]
        if category in seen:
            continue
        seen.add(category)
        day = int(rng.integers(int(days * 0.25), max(int(days * 0.8), 1) + 1))
        for item in sold.index[(sold["category"] == category) & (sold["brand"] == brand)]:
            rows.append((int(item), day, days, "delisted"))
            gone.add(int(item))
    crowd = sold.groupby("category")["weight"].transform("size")
    single = sold.index[(crowd >= 6) & (sold["weight"] < 0.12) & ~sold["category"].isin(sorted(seen))]
    for item in rng.choice(single, min(round(0.02 * len(sold) * years / 3), single.size), replace=False):
        day = int(rng.integers(int(days * 0.15), max(int(days * 0.95), 1) + 1))
        rows.append((int(item), day, days, "delisted"))
        gone.add(int(item))
    kept = np.array([item for item in sold.index if int(item) not in gone])
    for item in rng.choice(kept, rng.poisson(0.25 * len(kept) * years)):
        first = int(rng.integers(0, days))
        rows.append((int(item), first, min(first + int(rng.integers(2, 12)), days), "stock_out"))
    return _spans(rows, start, "reason")


def make_promotions(products: pd.DataFrame, start: date, end: date, rng: np.random.Generator) -> pd.DataFrame:
    """Weeks in which a brand of a category is 10 to 30 % cheaper."""
    days = (end - start).days
    sold = products[~products["department"].isin((*LASTING, "alcohol")) & (products["brand"] != "")]
    sold = sold[sold["category"] != "tobacco"]
    groups = sold.groupby(["category", "brand"], sort=True).indices
    names: list[Any] = sorted(groups)
    rows: list[tuple[int, int, int, float]] = []
    for pick in rng.integers(0, len(names), rng.poisson(5 * len(names) * days / 365.25)):
        first = int(rng.integers(0, max(days - 7, 1)))
        off = float(rng.choice([0.1, 0.15, 0.2, 0.25, 0.3]))
        members = sold.index[groups[names[pick]]]
        for item in members[rng.random(len(members)) < 0.6]:
            rows.append((int(item), first, min(first + 7, days), off))
    return _spans(rows, start, "off")


def _spans(rows: list, start: date, last: str) -> pd.DataFrame:
    rows = sorted(rows)
    return pd.DataFrame(
        {
            "item_id": np.array([row[0] for row in rows], dtype="int64"),
            "start": [start + timedelta(days=row[1]) for row in rows],
            "end": [start + timedelta(days=row[2]) for row in rows],
            last: [row[3] for row in rows],
        }
    )
