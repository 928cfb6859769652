"""Where the stores are: towns, districts and distances, one row a store of the log."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

EARTH_KM = 6371.0


@dataclass(frozen=True)
class Stores:
    """Stores by code; all arrays have shape (n_stores,).

    Attributes
    ----------
    town, place : ndarray of int32
        Codes into `towns` and `places`; -1 where unknown (missing or blank). A place is a store's district where it
        is known, else its town, else the store itself.
    towns, places : ndarray of str
        Their names.
    latitude, longitude : ndarray of float64
        Degrees; nan where unknown.
    kind : ndarray of str
        'supermarket', 'fuel', 'restaurant', ...: as the table says, else told from what is sold there.
    name : ndarray of str
        As the table says, else the store_id.
    """

    town: np.ndarray
    place: np.ndarray
    towns: np.ndarray
    places: np.ndarray
    latitude: np.ndarray
    longitude: np.ndarray
    kind: np.ndarray
    name: np.ndarray

    def distance_km(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Great-circle distance between stores (km); nan where a position is unknown."""
        lat_a, lat_b = np.radians(self.latitude[a]), np.radians(self.latitude[b])
        half_lon = np.radians(self.longitude[b] - self.longitude[a]) / 2
        h = np.sin((lat_b - lat_a) / 2) ** 2 + np.cos(lat_a) * np.cos(lat_b) * np.sin(half_lon) ** 2
        return 2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(h, 0, 1)))


def stores_of(store_ids: np.ndarray, table: pd.DataFrame | None, sold: np.ndarray) -> Stores:
    """Look the log's stores up in the context's table; `sold` is what is mostly sold in each."""
    n = len(store_ids)
    found = pd.DataFrame(index=pd.RangeIndex(n))
    if table is not None:
        keyed = table.assign(store_id=table["store_id"].astype(str)).set_index("store_id")
        found = keyed.reindex([str(store) for store in store_ids]).reset_index(drop=True)
    ids = pd.Series([str(store) for store in store_ids], dtype=object)

    def text(column: str) -> pd.Series:
        given = found[column] if column in found else pd.Series([None] * n)
        stripped = given.astype(object).map(lambda value: value.strip() if isinstance(value, str) else value)
        # An empty field of a CSV is no name: all stores without a district would be one place.
        return stripped.where(stripped.notna() & (stripped != ""), None)

    def number(column: str) -> np.ndarray:
        return found[column].to_numpy(float) if column in found else np.full(n, np.nan)

    town, district = text("town"), text("district")
    named = district.where(district.notna(), town)
    town_code, towns = pd.factorize(town.to_numpy(object), sort=True)
    place_code, places = pd.factorize(named.where(named.notna(), ids).to_numpy(object), sort=True)
    kind = text("kind")
    return Stores(
        town=town_code.astype(np.int32),
        place=place_code.astype(np.int32),
        towns=np.asarray(towns, dtype=object),
        places=np.asarray(places, dtype=object),
        latitude=number("latitude"),
        longitude=number("longitude"),
        kind=kind.where(kind.notna(), pd.Series(sold, dtype=object)).to_numpy(object),
        name=text("name").where(text("name").notna(), ids).to_numpy(object),
    )
