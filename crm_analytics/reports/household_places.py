"""Tables behind the charts of a household's page: its days, its baskets, its places, its week."""

from collections.abc import Mapping
from datetime import date

import numpy as np
import pandas as pd

from crm_analytics.profiling import Finding, Profile

NEAR_KM = 60.0
KM_A_DEGREE = 111.2
CHANGES = ("brand_switch", "category_start", "category_lapse", "product_succession")
LONG_GAP = 14  # days between visits, and more
_MOST = 5  # rows of places at home, and as many of towns away


def visit_table(profile: Profile, others: tuple[str, str], kinds: Mapping[str, str]) -> pd.DataFrame:
    """A row a day, place, kind of store and card: districts at home first, then towns away.

    Places seldom visited are `others`: those at home, those away. Columns `day`, `place`, `kind`, `card`.
    """
    receipts, known = profile.household.receipts, profile.household.receipts.store >= 0
    store = receipts.store[known]
    stores = profile.household.population.stores
    away = _away(profile, store)
    town = np.array(["", *stores.towns], dtype=object)[stores.town[store] + 1]
    table = pd.DataFrame(
        {
            "day": _days(receipts.day[known]),
            "place": np.where(away, town, stores.places[stores.place[store]]),
            "away": away,
            "kind": _kinds(stores.kind[store], kinds),
            "card": [_card(profile, code) for code in receipts.customer[known]],
        }
    ).drop_duplicates()
    stayed = {f.subject for kind in ("stay", "second_home") for f in profile.find(kind)}
    table["n"] = table.groupby(["away", "place"])["day"].transform("nunique")
    table["n"] += 1e6 * table["place"].isin(stayed)  # where they stayed is always a row
    ranked = table[["away", "place", "n"]].drop_duplicates().sort_values(
        ["away", "n", "place"], ascending=[True, False, True]
    )  # fmt: skip
    ranked["rank"] = ranked.groupby("away").cumcount()
    table = table.merge(ranked[["away", "place", "rank"]], on=["away", "place"])
    # One place too many is shown rather than called other.
    several = table.groupby("away")["rank"].transform("max") > _MOST
    rest = several & (table["rank"] >= _MOST)
    table.loc[rest, "place"] = np.where(table.loc[rest, "away"], others[1], others[0])
    table.loc[rest, "rank"] = _MOST
    table = table.drop_duplicates(["day", "place", "away", "kind", "card"])
    order = ["away", "rank", "day", "kind", "card"]
    return table.sort_values(order, ignore_index=True)[["day", "place", "kind", "card"]]


def basket_table(profile: Profile, kinds: Mapping[str, str]) -> pd.DataFrame:
    """A row a receipt: `day`, `amount`, and `kind` of store in words."""
    receipts, stores = profile.household.receipts, profile.household.population.stores
    kind = np.append(stores.kind, "").astype(object)[receipts.store]  # -1 is no store
    return pd.DataFrame(
        {"day": _days(receipts.day), "amount": receipts.amount, "kind": _kinds(kind, kinds)}
    )  # fmt: skip


def gap_table(profile: Profile) -> pd.Series:
    """How many times so many days lay between two visits: 1, 2, ... and the long ones together."""
    gaps = np.minimum(np.diff(profile.household.visit_days), LONG_GAP)
    counts = np.bincount(gaps, minlength=LONG_GAP + 1)[1:] if gaps.size else np.empty(0, dtype=int)
    labels = [*map(str, range(1, LONG_GAP)), f"{LONG_GAP}+"]
    return pd.Series(counts, index=labels[: counts.size])


def span_table(profile: Profile) -> pd.DataFrame | None:
    """The stays that were found: `start`, `end` (half open)."""
    rows = [(stay.start, stay.end) for stay in profile.find("stay") if stay.start and stay.end]
    return pd.DataFrame(rows, columns=["start", "end"]) if rows else None


def change_list(profile: Profile, most: int = 9) -> list[tuple[date, Finding]]:
    """The strongest changes with a day, in time order."""
    found = [f for kind in CHANGES for f in profile.find(kind)]
    dated = [((f.end or f.start) if f.kind == "category_lapse" else f.start, f) for f in found]
    known = [(day, f) for day, f in dated if day is not None]
    strongest = sorted(known, key=lambda pair: (-pair[1].strength, pair[0], pair[1].subject))[:most]
    return sorted(strongest, key=lambda pair: (pair[0], pair[1].subject))


def place_table(profile: Profile, roles: Mapping[str, str]) -> pd.DataFrame:
    """A row a place (a district where it is known): `name`, position, `days` of visits, `role`."""
    household = profile.household
    stores = household.population.stores
    places = _positions(profile, stores.places, stores.place)
    home = {f.subject for f in profile.find("home")}
    work = {f.subject for f in profile.find("workplace")}
    role = np.where(places["away"], roles["away"], roles["else"]).astype(object)
    role[places["name"].isin(work)] = roles["work"]
    role[places["name"].isin(home)] = roles["home"]
    return places.assign(role=role)


def town_table(profile: Profile, roles: Mapping[str, str]) -> pd.DataFrame:
    """A row a town: as `place_table`; the town they live in has the role of home."""
    stores = profile.household.population.stores
    towns = _positions(profile, stores.towns, stores.town)
    return towns.assign(role=np.where(towns["away"], roles["away"], roles["home"]))


def near(places: pd.DataFrame) -> pd.DataFrame:
    """Places within `NEAR_KM` of the one most visited."""
    known = places[places["latitude"].notna() & places["longitude"].notna()]
    if known.empty:
        return known
    centre = known.iloc[int(known["days"].to_numpy().argmax())]
    north = (known["latitude"] - centre["latitude"]) * KM_A_DEGREE
    east = (known["longitude"] - centre["longitude"]) * KM_A_DEGREE * np.cos(np.radians(centre["latitude"]))
    return known[np.hypot(north, east) <= NEAR_KM]


def week_table(profile: Profile) -> pd.DataFrame | None:
    """Receipts by weekday and hour; None where the log has no times."""
    lines, receipts = profile.household.lines, profile.household.receipts
    hour = lines.hour[receipts.first].astype(int)
    if not hour.any():
        return None
    counts = np.zeros((7, 24), dtype=int)
    np.add.at(counts, (lines.weekday[receipts.first], hour), 1)
    return pd.DataFrame(counts)


def _positions(profile: Profile, names: np.ndarray, of_store: np.ndarray) -> pd.DataFrame:
    """A row a name: its mean position over receipts, distinct days, and whether it is away from home.

    `of_store` is the code of the name by store; stores of -1 are left out.
    """
    receipts, stores = profile.household.receipts, profile.household.population.stores
    store, day = receipts.store[receipts.store >= 0], receipts.day[receipts.store >= 0]
    store, day = store[of_store[store] >= 0], day[of_store[store] >= 0]
    table = pd.DataFrame(
        {
            "name": names[of_store[store]],
            "latitude": stores.latitude[store],
            "longitude": stores.longitude[store],
            "day": day,
            "away": _away(profile, store),
        }
    )
    return (
        table.groupby("name")
        .agg(
            latitude=("latitude", "mean"),
            longitude=("longitude", "mean"),
            days=("day", "nunique"),
            away=("away", "first"),
        )
        .reset_index()
    )


def _away(profile: Profile, store: np.ndarray) -> np.ndarray:
    """Which stores lie in another town than the one with most receipts."""
    receipts, stores = profile.household.receipts, profile.household.population.stores
    town = stores.town[receipts.store[receipts.store >= 0]]
    town = town[town >= 0]
    home = int(np.bincount(town).argmax()) if town.size else -1
    return np.asarray((stores.town[store] >= 0) & (stores.town[store] != home))


def _card(profile: Profile, code: int) -> str:
    return profile.formatter.format("{c:word}", c=profile.household.card(code))


def _kinds(kind: np.ndarray, words: Mapping[str, str]) -> np.ndarray:
    """Kinds of stores in the page's words; unknown ones are 'other'."""
    return np.array([words.get(str(one).lower(), words["other"]) for one in kind], dtype=object)


def _days(day: np.ndarray) -> np.ndarray:
    return day.astype("datetime64[D]").astype("datetime64[s]")
