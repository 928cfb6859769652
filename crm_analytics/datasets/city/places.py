"""Where the coalition programme has its stores, and where people of the city live, work and rest."""

import pandas as pd

from crm_analytics.datasets.city.catalogue import read_table

CITIES = {"Istanbul": 0.86, "Ankara": 0.08, "Izmir": 0.06}  # where households live
RESORTS = (
    "Marmaris",
    "Bodrum",
    "Çeşme",
    "Antalya",
    "Ayvalık",
    "Kuşadası",
    "Fethiye",
    "Alanya",
    "Erdek",
    "Silivri",
)
FAMILY_TOWNS = ("Bursa", "Eskişehir", "Trabzon", "Yalova", "Ankara", "Izmir")
# A score of how dear a district is to live in: moves budgets and the taste for dear brands.
DEAR = {
    "Etiler": 2.0,
    "Nişantaşı": 2.0,
    "Suadiye": 1.6,
    "Levent": 1.5,
    "Erenköy": 1.2,
    "Sarıyer": 1.0,
    "Kadıköy": 0.8,
    "Ataköy": 0.8,
    "Beykoz": 0.5,
    "Çankaya": 0.9,
    "Alsancak": 0.7,
    "Karşıyaka": 0.5,
    "Ataşehir": 0.4,
    "Bakırköy": 0.3,
}
FOOD_KINDS = ("supermarket", "marina")


def make_stores() -> pd.DataFrame:
    """Stores indexed by store_id: name, kind, town, district, latitude, longitude (degrees)."""
    stores = read_table("stores").set_index("store_id")
    return stores.astype(dict.fromkeys(("name", "kind", "town", "district"), object))
