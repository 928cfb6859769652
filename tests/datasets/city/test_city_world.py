"""The world of the city: catalogue, prices, distances."""

from datetime import date

import numpy as np
import pytest

from crm_analytics.datasets.city.catalogue import make_products, read_table
from crm_analytics.datasets.city.world import World, make_world


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(date(2006, 12, 1), date(2009, 10, 1), np.random.default_rng(1))


def test_every_type_is_made_and_every_category_has_a_choice(world):
    products, types = world.products, read_table("types")
    assert set(zip(types["category"], types["type"], strict=True)) == set(
        zip(products["category"], products["type"], strict=True)
    )
    assert set(world.categories.index) == set(products["category"])
    assert products.groupby("category")["type"].nunique().drop("fuel").min() >= 1
    assert products.groupby("category")["weight"].sum().round(9).eq(1).all()


def test_tags_are_words_of_the_category_and_of_the_type(world):
    (item, *_) = world.find(category="milk", type="light", brand="Çınar", size=1.0)
    product = world.products.loc[item]
    assert product["tags"] == ("dairy", "diet", "milk")
    assert product["description"] == "Çınar Light Süt 1 L"


def test_a_dear_brand_costs_more_and_a_larger_pack_less_a_litre():
    products = make_products()
    milk = products[(products["category"] == "milk") & (products["type"] == "whole")]
    litre = milk[milk["size"] == 1].sort_values("tier")
    assert litre["tier"].nunique() > 1
    assert litre["price"].is_monotonic_increasing
    half = milk[milk["size"] == 0.5].set_index("brand")["price"]
    assert (litre.set_index("brand")["price"][half.index] < 2 * half).all()


def test_prices_are_whole_cents_and_never_fall_on_the_shelf(world):
    days = np.datetime64(world.start) + np.arange(0, world.n_days, 7)
    items = world.find(category=["milk", "raki", "laundry"])
    shelf = world.price(items[:, None], days) / (1 - world.off(items[:, None], days))
    assert (np.abs(world.price(items[:, None], days) * 100 % 1 - 0.5) > 0.499).all()
    assert (np.diff(shelf, axis=1) > -0.03).all()  # kuruş of rounding under a promotion


def test_premium_costs_more_than_petrol_at_every_station_and_diesel_less(world):
    days = np.datetime64(world.start) + np.arange(0, world.n_days, 30)
    petrol, premium, diesel = (
        world.find(category="fuel", type=t)[0] for t in ("petrol", "premium", "diesel")
    )
    for station in world.stores_of(kind="fuel"):
        price = {item: world.price(item, days, station) for item in (petrol, premium, diesel)}
        assert (price[diesel] < price[petrol]).all()
        assert (price[premium] - price[petrol]).mean() > 0.05


def test_distances_are_those_of_the_map(world):
    assert world.distance_km(101, 151) == pytest.approx(475, abs=5)  # Etiler to Marmaris, as the crow flies
    assert world.distance_km(101, 101) == 0


def test_stores_are_in_fifteen_districts_and_ten_resorts(world):
    shops = world.stores[world.stores["kind"].isin(["supermarket", "marina"])]
    assert shops.loc[shops["town"] == "Istanbul", "district"].nunique() >= 15
    assert {"Marmaris", "Bodrum", "Çeşme", "Antalya", "Ayvalık", "Silivri"} <= set(shops["town"])
    assert world.stores_of(kind="restaurant", district="Maslak").size == 1
    assert world.stores_of(kind="marina", town="Marmaris").size == 1


def test_a_withdrawn_brand_leaves_others_in_its_category(world):
    gone = world.products.loc[world.delisted]
    last = np.datetime64(world.end) - 1
    for category in gone["category"].unique():
        assert world.on_sale(world.find(category=category), last).any()


def test_find_takes_lists_and_no_unknown_tag(world):
    both = world.find(category="milk", brand=["Çınar", "Selvili"])
    assert set(world.products.loc[both, "brand"]) == {"Çınar", "Selvili"}
    assert world.find(tag="no such tag").size == 0


def test_products_out_of_order_are_refused(world):
    with pytest.raises(ValueError, match="numbered one after the other"):
        World(
            world.start, world.end, world.products.iloc[::-1], world.categories, world.stores,
            world.calendar, world.withdrawn, world.promotions,
        )  # fmt: skip
