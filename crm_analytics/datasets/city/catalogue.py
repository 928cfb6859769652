"""What the supermarkets, stations and restaurants of the city sell: a table, no real brand in it."""

import re
from importlib import resources

import numpy as np
import pandas as pd

FIRST_ITEM = 10_001
TIER_FACTOR = np.array([0.82, 1.0, 1.28])  # price of a cheap, a usual, a dear brand
OWN_LABEL = "Hergün"  # the chain's own brand
UNITS = {"kg": ("g", 1000.0), "g": ("g", 1.0), "l": ("l", 1.0), "ml": ("ml", 1.0), "piece": ("piece", 1.0)}
TEXT = ["type", "category", "department", "brand", "unit", "description"]
IN_LITRES = {"l": 1.0, "ml": 0.001}


def read_table(name: str) -> pd.DataFrame:
    """A table of the city's own data, empty cells as empty text."""
    file = resources.files("crm_analytics.datasets.city") / "data" / f"{name}.csv"
    with file.open(encoding="utf-8") as opened:
        return pd.read_csv(opened, keep_default_na=False)


def make_categories() -> pd.DataFrame:
    """Categories, with department, price rise, and how ordinary households buy them."""
    table = read_table("categories").set_index("category")
    return table.assign(tags=pd.Series(_words(table["tags"]), index=table.index, dtype=object))


def make_products() -> pd.DataFrame:
    """Every type of every category, by the brands of its group, in its sizes."""
    types = read_table("types").rename(columns={"weight": "type_weight", "tags": "type_tags"})
    types["place"] = np.arange(len(types))
    categories = read_table("categories")[["category", "department", "group", "tags"]]
    brands = read_table("brands").rename(columns={"weight": "brand_weight"})
    brands["brand_place"] = np.arange(len(brands))
    nameless = pd.DataFrame(
        {"group": [""], "brand": [""], "tier": [1], "brand_weight": [1], "brand_place": [-1]}
    )
    table = types.merge(categories, on="category", how="left").merge(
        pd.concat([nameless, brands]), on="group", how="left"
    )
    table = table[_made_by(table)]
    table = table.assign(size_text=table["sizes"].str.split(" ")).explode("size_text")
    measured = [_measure(text) for text in table["size_text"]]
    table["size"], table["unit"] = [size for size, _ in measured], [unit for _, unit in measured]
    table = table.sort_values(["place", "brand_place", "unit", "size"], kind="stable", ignore_index=True)
    first = [_volume(*_measure(text.split(" ")[0])) for text in table["sizes"]]
    share = np.array([_volume(s, u) for s, u in zip(table["size"], table["unit"], strict=True)]) / first
    price = table["price"].to_numpy(float) * TIER_FACTOR[table["tier"]] * share**0.88
    rank = table.groupby(["place", "brand_place"]).cumcount().to_numpy()
    weight = table["type_weight"].to_numpy(float) * table["brand_weight"].to_numpy(float) * 0.55**rank
    whole = pd.Series(weight).groupby(table["category"].to_numpy()).transform("sum").to_numpy()
    products = pd.DataFrame(
        {
            "type": table["type"],
            "category": table["category"],
            "department": table["department"],
            "brand": table["brand"],
            "size": table["size"],
            "unit": table["unit"],
            "description": _described(table),
            "tags": [
                tuple(sorted({*a.split(), *b.split()}))
                for a, b in zip(table["tags"], table["type_tags"], strict=True)
            ],
            "price": np.maximum(np.round(price, 2), 0.05),
            "tier": table["tier"],
            "weight": weight / whole,
        }
    )
    products = products.astype(dict.fromkeys(TEXT, object))  # plain objects are read a hundred times faster
    return products.set_index(pd.RangeIndex(FIRST_ITEM, FIRST_ITEM + len(products), name="item_id"))


def type_words() -> dict[tuple[str, str], str]:
    """What labels say of a type, by category and type: a description without brand and size, in small letters."""
    table = read_table("types")
    words = [name.replace("I", "ı").replace("İ", "i").lower() for name in table["name"]]
    return dict(zip(zip(table["category"], table["type"], strict=True), words, strict=True))


def _made_by(table: pd.DataFrame) -> np.ndarray:
    """Whether a brand makes a type: the own label only common ones, dear brands all, the others most."""
    rare = table["type_weight"].to_numpy(float) <= 1
    own = (table["brand"] == OWN_LABEL).to_numpy()
    leading = table.groupby("place", sort=False).cumcount().to_numpy() == 0
    skipped = (table["place"].to_numpy() * 7 + table["brand_place"].to_numpy() * 3) % 11 < 3
    men, care = table["type"].str.startswith("men"), table["group"] == "care"
    for_men = (men == (table["brand"] == "Mertkan")).to_numpy()  # one brand of the group is for men alone
    return np.where(
        care & (men | (table["brand"] == "Mertkan")), for_men, ~(rare & own) & (leading | ~skipped)
    )


def _measure(text: str) -> tuple[float, str]:
    number, unit = re.fullmatch(r"([\d.]+)([a-z]+)", text).groups()  # type: ignore[union-attr]
    word, factor = UNITS[unit]
    return float(number) * factor, word


def _volume(size: float, unit: str) -> float:
    return size * IN_LITRES.get(unit, 1.0)


def _described(table: pd.DataFrame) -> list[str]:
    rows = zip(table["brand"], table["name"], table["size"], table["unit"], table["department"], strict=True)
    return [
        " ".join(
            part
            for part in (brand, name, "" if plain in ("fuel", "restaurant") else _size(size, unit))
            if part
        )
        for brand, name, size, unit, plain in rows
    ]


def _size(size: float, unit: str) -> str:
    """Size as Turkish labels write it."""
    if unit == "piece":
        return f"{size:g}'li" if size > 1 else ""
    if unit == "g" and size >= 1000:
        return f"{size / 1000:g} kg".replace(".", ",")
    return f"{size:g} {unit.replace('l', 'L') if unit == 'l' else unit}".replace(".", ",")


def _words(column: pd.Series) -> list[tuple[str, ...]]:
    return [tuple(text.split()) for text in column]
