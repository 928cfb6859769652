"""Who the couple of the case study are: their home, tastes and rhythm, and the world as they find it."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd

from crm_analytics.datasets.city.households import Member, Plan, Rhythm, Taste
from crm_analytics.datasets.city.world import World

HOUSEHOLD, Z, O = "ZO", "Z", "O"  # noqa: E741 - the card's name in the assignment
HOME, WORK = "Suadiye", "Maslak"
OLD, NEW, GONE = "Çınar", "Palamutlu", date(2009, 5, 1)  # the dairy brand withdrawn, hers since, the day
SHOP, PUMP, WORK_PUMP, LUNCH, SWEETS = 112, 206, 202, 301, 312
RESORT, TOWN_SHOP, MARINA = "Marmaris", 151, 152
RATES = {  # purchases in 30 days at home
    "milk": 2.97, "yoghurt": 2.52, "white cheese": 1.71, "kashkaval": 1.35, "cream cheese": 0.45,
    "butter": 0.54, "ayran": 0.36, "eggs": 1.08, "bread": 2.88, "simit and pastry": 0.9, "yufka": 0.45,
    "tomatoes": 1.53, "cucumbers and peppers": 1.26, "greens": 1.35, "onions and potatoes": 0.72,
    "apples and pears": 0.9, "citrus": 0.9, "summer fruit": 1.08, "bananas": 0.63, "beef": 0.63,
    "chicken": 0.63, "fish": 0.36, "cold cuts": 0.45, "olives": 0.72, "appetisers": 0.45, "pasta": 0.54,
    "rice and bulgur": 0.36, "pulses": 0.27, "flour": 0.18, "sugar": 0.18, "salt and spices": 0.27,
    "tomato paste": 0.18, "sunflower oil": 0.18, "olive oil": 0.36, "canned food": 0.27,
    "frozen food": 0.18, "breakfast cereal": 0.36, "honey and jam": 0.36, "baking aids": 0.27, "tea": 0.45,
    "coffee": 0.54, "water": 0.63, "mineral water": 0.63, "fruit juice": 0.36, "red wine": 0.63,
    "raki": 0.41, "nuts": 0.36, "chocolate": 0.72, "biscuits": 0.63, "crackers": 0.54,
    "candy and lokum": 0.14, "ice cream": 0.27, "laundry": 0.36, "dishwashing": 0.36,
    "surface cleaner": 0.36, "bleach": 0.18, "cleaning cloths": 0.18, "toilet paper": 0.45,
    "paper towels": 0.36, "napkins": 0.36, "rubbish bags": 0.18, "shampoo": 0.36, "soap": 0.27,
    "toothpaste": 0.27, "deodorant": 0.23, "skin care": 0.36, "make-up": 0.14, "sanitary pads": 1.17,
    "cotton and plasters": 0.14, "newspapers": 0.36, "light bulbs and batteries": 0.14,
}  # fmt: skip
FAVOURITES: tuple[tuple[str, float, dict[str, str]], ...] = (
    ("coffee", 0.6, {"type": "turkish"}),
    ("tea", 0.8, {"brand": "Tavşankan"}),
    ("olive oil", 0.7, {"type": "extra virgin"}),
    ("laundry", 0.6, {"brand": "Işılgün"}),
)


def without_old_brand(world: World) -> World:
    """The same world, in which one brand of dairy leaves for good, and its successor never does."""
    products = world.products
    dairy = (products["department"] == "dairy") & products["brand"].isin([OLD, NEW])
    hers = products["category"].isin(["red wine", "raki", "sanitary pads", "carpet shampoo"])
    lasting = set(products.index[dairy | hers].tolist())
    kept = world.withdrawn
    kept = kept[(kept["reason"] != "delisted") | ~kept["item_id"].isin(lasting)]
    gone = products.index[dairy & (products["brand"] == OLD)].to_numpy()
    leaves = pd.DataFrame({"item_id": gone, "start": GONE, "end": world.end, "reason": "delisted"})
    withdrawn = pd.concat([kept, leaves], ignore_index=True).sort_values(
        ["item_id", "start", "end"], kind="stable", ignore_index=True
    )
    return replace(world, withdrawn=withdrawn)


def couple_plan(world: World) -> Plan:
    """She works at a school near home, he on the other shore; their taste is dear, diet and gourmet."""
    she = Member("f", 1962, "adult", card=Z, work_place=HOME, married=True, email_domain="okul.example")
    he = Member("m", 1958, "adult", card=O, work_place=WORK, married=True, email_domain="holding.example")
    tastes = {}
    for category, rate in RATES.items():
        items = world.find(category=category)
        table = world.products.loc[items]
        liked = np.array([2.0 if {"diet", "gourmet"} & set(tags) else 1.0 for tags in table["tags"]])
        unfit = np.array(
            [bool({"child", "baby", "gluten_free", "hair_loss"} & set(tags)) for tags in table["tags"]]
        )
        weights = (
            table["weight"].to_numpy()
            * 1.5 ** (table["tier"].to_numpy() - 1.0)
            * liked
            * np.where(unfit, 0, 1)
        )
        tastes[category] = Taste(rate, items, weights / weights.sum(), repeat=0.1)
    for category, share, where in FAVOURITES:
        tastes[category].favour(world, share, category=category, **where)
    hours = np.zeros(24)
    hours[9:21] = [2, 3, 3, 2, 2, 3, 5, 7, 8, 8, 5, 2]
    rhythm = Rhythm(
        topups=8.5, regularity=1.6, weekdays=np.array([1, 1, 1, 1, 1.3, 1.9, 1.3]), hours=hours / hours.sum()
    )
    return Plan(
        household_id=HOUSEHOLD,
        members=[she, he],
        kind="couple",
        home_district=HOME,
        home_stores={SHOP: 0.86, 111: 0.10, 109: 0.04},
        fuel_stores={PUMP: 0.8, 205: 0.2},
        budget=sum(RATES.values()),
        tastes=tastes,
        rhythm=rhythm,
        shopper_share=0.94,
        forgets=0.0,
        owner=True,
        traits={"town": "Istanbul", "holidays": "own"},
    )
