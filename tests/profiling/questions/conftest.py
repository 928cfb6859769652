"""A small supermarket with ordinary households, in which tests plant what their question is to find."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from crm_analytics.profiling.context import Context
from crm_analytics.profiling.reading.population import Population
from crm_analytics.transactions import read_log

NEED_WORDS = [
    "milk",
    "cheese",
    "bread",
    "yoghurt",
    "rice",
    "apples",
    "tomatoes",
    "chicken",
    "tea",
    "coffee",
    "detergent",
    "soap",
    "crackers",
    "chocolate",
    "cola",
    "nuts",
    "yufka",
    "wine",
    "eggs",
    "butter",
    "olives",
    "honey",
    "pasta",
    "lentils",
    "soup",
]
N_TYPES, N_BRANDS, N_DAYS = 6, 4, 900
BRANDS = ["Alba", "Besta", "Cinara", "Doruk"]
KINDS_OF = ["sade", "tam", "köy", "ince", "eski", "taze"]


@dataclass(frozen=True)
class Shop:
    """Draws households' lines and reads them as a population."""

    def lines(
        self, household: str, days: object, category: str, kind: object, brand: object = 0
    ) -> pd.DataFrame:
        """Lines of one household: `kind` and `brand` by number, one or many."""
        days = np.atleast_1d(np.asarray(days))
        kind = np.broadcast_to(np.atleast_1d(kind), days.shape)
        brand = np.broadcast_to(np.atleast_1d(brand), days.shape)
        names = [
            f"{BRANDS[b]} {KINDS_OF[k] if isinstance(k, (int, np.integer)) else k} {category} 500 g"
            for k, b in zip(kind.tolist(), brand.tolist(), strict=True)
        ]
        return pd.DataFrame(
            {
                "customer_id": household,
                "day": days,
                "category": category,
                "description": names,
                "brand": [BRANDS[b] for b in brand.tolist()],
            }
        )

    def ordinary(
        self, household: str, rng: np.random.Generator, visits: int = 90, own: float = 6.0
    ) -> pd.DataFrame:
        """An ordinary household: large and small baskets, tastes of its own (`own`: how alike to others)."""
        days = np.sort(rng.choice(N_DAYS, visits, replace=False))
        size = np.minimum(rng.geometric(0.2, visits), 14)
        day = np.repeat(days, size)
        need = rng.choice(len(NEED_WORDS), day.size, p=rng.dirichlet(np.full(len(NEED_WORDS), 6.0)))
        kinds = np.array([rng.dirichlet(own * np.array([3, 2, 2, 1, 1, 1]) / 10) for _ in NEED_WORDS])
        brands = np.array([rng.dirichlet(own * np.array([4, 3, 2, 1]) / 10) for _ in NEED_WORDS])
        kind = (rng.random(day.size)[:, None] > kinds[need].cumsum(axis=1)).sum(axis=1).clip(0, N_TYPES - 1)
        brand = (
            (rng.random(day.size)[:, None] > brands[need].cumsum(axis=1)).sum(axis=1).clip(0, N_BRANDS - 1)
        )
        words = np.array(NEED_WORDS, dtype=object)[need]
        texts = [f"{BRANDS[b]} {KINDS_OF[k]} {w} 500 g" for b, k, w in zip(brand, kind, words, strict=True)]
        return pd.DataFrame(
            {
                "customer_id": household,
                "day": day,
                "category": words,
                "description": texts,
                "brand": np.array(BRANDS, dtype=object)[brand],
            }
        )

    def crowd(self, n: int, seed: int = 0, **how: float) -> pd.DataFrame:
        """Many ordinary households, named h000, h001, ..."""
        rng = np.random.default_rng(seed)
        return pd.concat([self.ordinary(f"h{i:03d}", rng, **how) for i in range(n)], ignore_index=True)

    def days(self, crowd: pd.DataFrame, household: str) -> np.ndarray:
        """Distinct shopping days of a household."""
        return np.unique(crowd.loc[crowd["customer_id"] == household, "day"])

    def read(self, *tables: pd.DataFrame, context: Context | None = None, shift: int = 0) -> Population:
        """Read lines as a log; receipts are a household's days."""
        table = pd.concat(tables, ignore_index=True)
        at = pd.Timestamp("2007-01-01 10:00") + pd.to_timedelta(table["day"] + shift, unit="D")
        price = 2.0 + table["description"].str.len() % 7
        return Population.read(
            read_log(
                pd.DataFrame(
                    {
                        "customer_id": table["customer_id"],
                        "transaction_id": table["customer_id"] + "-" + table["day"].astype(str),
                        "item_id": table["description"],
                        "occurred_at": at,
                        "quantity": 1,
                        "amount": table.get("amount", price),
                        "store_id": "S1",
                        "description": table["description"],
                        "category": table["category"],
                        "brand": table["brand"],
                    }
                )
            ),
            context,
        )


@pytest.fixture(scope="session")
def shop() -> Shop:
    return Shop()


@pytest.fixture(scope="session")
def crowd(shop: Shop) -> pd.DataFrame:
    """Sixty ordinary households."""
    return shop.crowd(60)


@pytest.fixture(scope="session")
def degenerate() -> list[Population]:
    """Logs that leave nearly everything out: one line, no words, one day, dates only."""
    bare = {
        "customer_id": [1],
        "transaction_id": [1],
        "occurred_at": pd.to_datetime(["2008-01-01"]),
        "amount": [1.0],
    }
    one_day = pd.DataFrame(
        {
            "customer_id": np.repeat([1, 2], 20),
            "transaction_id": np.arange(40),
            "item_id": np.tile(np.arange(20), 2),
            "occurred_at": pd.Timestamp("2008-01-01"),
            "amount": 0.0,
            "category": "milk",
        }
    )
    nameless = pd.DataFrame(
        {
            "customer_id": np.repeat(np.arange(30), 40),
            "transaction_id": np.arange(1200),
            "occurred_at": pd.Timestamp("2008-01-01") + pd.to_timedelta(np.tile(np.arange(40), 30), unit="D"),
            "amount": 1.0,
        }
    )
    fuel_only = pd.DataFrame(bare | {"description": ["Diesel"], "category": ["fuel"]})
    tables = [pd.DataFrame(bare), one_day, nameless, fuel_only]
    return [Population.read(read_log(table)) for table in tables]


@pytest.fixture(scope="session")
def asks_nothing_of(degenerate: list[Population]) -> Callable[..., None]:
    """Asserts that questions give no claim, and no error, on degenerate logs."""

    def check(*questions: Callable[..., list]) -> None:
        for population in degenerate:
            for place in range(len(population.households)):
                for question in questions:
                    assert question(population.household_at(place)) == []

    return check
