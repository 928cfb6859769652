"""CDNOW: music bought by customers who began in the first quarter of 1997."""

import pandas as pd

from crm_analytics.datasets.shipped import shipped_file
from crm_analytics.transactions import TransactionLog, read_log


def load_cdnow(*, full: bool = False) -> TransactionLog:
    """Purchases of CDNOW's customers, January 1997 to June 1998.

    A line is a purchase: customer_id (text), occurred_at (day), quantity (CDs), amount (US
    dollars; a few are 0). The sample of 2,357 customers is the one in the literature, a
    tenth of the 23,570 in the full file.

    Source: Fader & Hardie (2001), Interfaces 31(3), from the files that the package
    lifetimes ships (extra `samples`).

    >>> log = load_cdnow()
    >>> log.n_customers, log.n_lines, str(log.end)
    (2357, 6919, '1998-07-01')
    """
    if full:
        path = shipped_file("lifetimes", "datasets", "CDNOW_master.txt")
        names, skip = ["customer_id", "occurred_at", "quantity", "amount"], 1
    else:
        path = shipped_file("lifetimes", "datasets", "CDNOW_sample.txt")
        names, skip = ["master_id", "customer_id", "occurred_at", "quantity", "amount"], 0
    table = pd.read_csv(
        path, sep=r"\s+", names=names, skiprows=skip, dtype={"customer_id": str, "occurred_at": str}
    )
    table["occurred_at"] = pd.to_datetime(table["occurred_at"], format="%Y%m%d")
    return read_log(table[["customer_id", "occurred_at", "quantity", "amount"]], not_after="1998-07-01")


def load_donations() -> pd.DataFrame:
    """Yearly donations of 11,104 people who first gave in 1995, counted by pattern.

    Columns: `frequency` (of the next six years, those with a gift), `recency` (year of the
    last), `T` (6 opportunities), `n_customers` (people with that pattern).

    Source: Fader, Hardie & Shang (2010), Marketing Science 29(6), from lifetimes.

    >>> load_donations()["n_customers"].sum()
    np.int64(11104)
    """
    table = pd.read_csv(shipped_file("lifetimes", "datasets", "donations.csv"))
    return table.rename(columns={"periods": "T", "weights": "n_customers"})
