"""Real data that no package ships, read from the folder that CRM_ANALYTICS_DATA names."""

import os
from datetime import datetime
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from crm_analytics.core.errors import MissingDataError
from crm_analytics.transactions import TransactionLog, read_log

VARIABLE = "CRM_ANALYTICS_DATA"

# What to get, where from, and under which licence.
FILES = {
    "online_retail.parquet": "UCI Online Retail (dataset 352, CC BY 4.0), its 541,909 lines as one Parquet file",
    "groceries.csv": "the Groceries baskets of the R package arules (GPL-3), one basket a line, comma separated",
    "telco_churn.csv": "IBM Telco Customer Churn (Apache-2.0; repository IBM/telco-customer-churn-on-icp4d)",
    "mlc_churn.parquet": "MLC telecom churn (MIT; mlc_churn of the R package modeldata) as Parquet",
}

ONLINE_RETAIL_COLUMNS = {
    "customer_id": "CustomerID",
    "occurred_at": "InvoiceDate",
    "transaction_id": "InvoiceNo",
    "item_id": "StockCode",
    "quantity": "Quantity",
    "unit_price": "UnitPrice",
    "description": "Description",
}


def external_file(name: str) -> Path:
    """Return the path of a data file, or raise MissingDataError saying what to put where."""
    folder = os.environ.get(VARIABLE)
    if not folder:
        raise MissingDataError(
            f"{name} is not part of crm_analytics. Get {FILES[name]}; put it in a folder as {name}, and set the "
            f"environment variable {VARIABLE} to that folder."
        )
    path = Path(folder) / name
    if not path.exists():
        raise MissingDataError(f"{path} is not there ({VARIABLE} names its folder). Get {FILES[name]}.")
    return path


def load_online_retail(*, refunds: str = "net") -> TransactionLog:
    """UCI Online Retail: a British gift wholesaler's lines, December 2010 to December 2011.

    A truly dirty log: 541,909 lines, of which 135,080 have no customer (set aside), with
    cancellations, negative quantities, dates as text. Amounts are pounds sterling.
    """
    return read_log(
        external_file("online_retail.parquet"),
        columns=ONLINE_RETAIL_COLUMNS,
        refunds=refunds,
        not_after=datetime(2011, 12, 10),
    )


def load_groceries() -> list[list[str]]:
    """9,835 baskets of a grocery, each a list of its products (169 kinds)."""
    text = external_file("groceries.csv").read_text("utf-8")
    return [line.split(",") for line in text.splitlines()]


def load_telco_churn() -> pd.DataFrame:
    """7,043 telephone subscribers, 21 columns; `Churn` is Yes or No.

    `TotalCharges` is a number, missing for the 11 customers in their first month.
    """
    return pd.read_csv(external_file("telco_churn.csv"), na_values={"TotalCharges": [" ", ""]})


def load_mlc_churn() -> pd.DataFrame:
    """5,000 telephone subscribers, 20 columns; `churn` is yes or no."""
    return pq.read_table(external_file("mlc_churn.parquet")).to_pandas()
