"""The city as a whole: the same each time, lawful prices and places, a truth that its lines bear out."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_analytics.datasets import City, make_city
from crm_analytics.transactions import read_log

ASK = """
from crm_analytics.datasets import make_city
from hashlib import sha256
city = make_city(3, start="2008-01-01", end="2009-01-01", facts_per_household=2, random_state=11)
print(sha256(city.table.to_csv(index=False).encode() + city.truth.to_csv(index=False).encode()).hexdigest())
"""


def fingerprint(city: City) -> str:
    text = city.table.to_csv(index=False) + city.truth.to_csv(index=False)
    return hashlib.sha256(text.encode()).hexdigest()


def small(seed: int, n: int = 2, **more) -> City:
    return make_city(n, start="2008-01-01", end="2008-12-31", random_state=seed, **more)


@pytest.fixture(scope="module")
def city() -> City:
    return make_city(24, facts=None, random_state=3)


@pytest.fixture(scope="module")
def lines(city) -> pd.DataFrame:
    """Lines with what the tables beside them say."""
    stores = city.stores.set_index("store_id")[["kind", "town", "district", "latitude", "longitude"]]
    homes = city.cards.set_index("customer_id")["household_id"]
    return city.table.join(stores, on="store_id").join(homes, on="customer_id")


def test_the_same_seed_gives_the_same_bytes_in_another_process():
    city = make_city(3, start="2008-01-01", end="2009-01-01", facts_per_household=2, random_state=11)
    told = subprocess.run(
        [sys.executable, "-c", ASK],
        env={**os.environ, "PYTHONHASHSEED": "4"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == fingerprint(city)


def test_another_seed_gives_another_city():
    assert fingerprint(small(1, facts=None)) != fingerprint(small(2, facts=None))


def test_a_household_does_not_depend_on_how_many_others_there_are():
    few, more = small(5, facts=None), small(5, n=4, facts=None)
    cards = few.cards["customer_id"]
    columns = [name for name in few.table if name != "transaction_id"]
    mine = more.table[more.table["customer_id"].isin(cards)]
    pd.testing.assert_frame_equal(few.table[columns], mine[columns].reset_index(drop=True))


def test_the_log_takes_every_line(city):
    assert city.log.counts.kept == len(city.table)
    assert city.log.counts.set_aside == {}


def test_lines_are_in_order_and_inside_the_time(city):
    table = city.table
    assert table["occurred_at"].is_monotonic_increasing
    assert table["occurred_at"].min() >= pd.Timestamp("2006-12-01")
    assert table["occurred_at"].max() < pd.Timestamp("2009-10-01")
    receipt = table.groupby("transaction_id")[["customer_id", "store_id", "occurred_at"]].nunique()
    assert (receipt == 1).all().all()


def test_amounts_are_whole_cents_and_what_was_taken_times_the_price(city):
    table = city.table
    cents = table["amount"] * 100
    assert (np.abs(cents - cents.round()) < 1e-6).all()
    assert (table["amount"] > 0).all()
    due = (table["quantity"] * table["unit_price"]).round(2)
    # Litres are written with three decimals; half of the last one costs less than a third of a kuruş.
    assert (np.abs(due - table["amount"]) <= 0.011).all()


def test_prices_rise_about_ten_percent_a_year(city):
    table = city.table[(city.table["discount"] == 0) & ~city.table["category"].isin(["fuel"])]
    year = table["occurred_at"].dt.year
    price = table.groupby(["item_id", year])["unit_price"].median().unstack()
    rise = (price[2009] / price[2007]).dropna() ** 0.5 - 1
    assert 0.07 < rise.median() < 0.12


def test_what_is_withdrawn_is_not_sold(city):
    sold = city.table[["item_id", "occurred_at"]].merge(city.withdrawn, on="item_id")
    day = sold["occurred_at"].dt.normalize()
    assert not ((day >= pd.to_datetime(sold["start"])) & (day < pd.to_datetime(sold["end"]))).any()
    assert {"delisted", "stock_out"} == set(city.withdrawn["reason"])
    assert len(sold) > 300  # the question has been asked


def test_a_discount_is_the_share_that_a_promotion_takes_off(city):
    table = city.table[city.table["amount"] > 1]  # kuruş are rounded on the cheapest
    off = table["discount"] > 0
    share = (table["discount"] / (table["amount"] + table["discount"]))[off]
    assert 0.02 < off.mean() < 0.15
    assert share.between(0.09, 0.31).all()


def test_nobody_is_in_two_places(lines):
    first = lines.drop_duplicates("transaction_id").sort_values(["customer_id", "occurred_at"])
    before = first.groupby("customer_id").shift()
    hours = (first["occurred_at"] - before["occurred_at"]).dt.total_seconds() / 3600
    a, b = (np.radians(table[["latitude", "longitude"]].to_numpy(float)) for table in (first, before))
    half = np.sin((a - b) / 2) ** 2
    far = 2 * 6371 * np.arcsin(np.sqrt(half[:, 0] + np.cos(a[:, 0]) * np.cos(b[:, 0]) * half[:, 1]))
    moved = (before["store_id"] != first["store_id"]).to_numpy() & before["store_id"].notna().to_numpy()
    assert (far[moved] / hours.to_numpy()[moved] <= 81).all()


def test_nobody_shops_near_home_while_away(city, lines):
    stays = city.truth[city.truth["kind"] == "absence"]
    assert len(stays) > 20
    for stay in stays.itertuples():
        mine = lines[lines["household_id"] == stay.household_id]
        if stay.customer_id:
            mine = mine[mine["customer_id"] == stay.customer_id]
        inside = mine["occurred_at"].between(
            pd.Timestamp(stay.start), pd.Timestamp(stay.end), inclusive="left"
        )
        assert set(mine["town"][inside]) == {stay.subject}


def test_lines_of_a_claim_are_of_its_household_and_time(city, lines):
    truth = city.truth
    assert not truth["planted"].any()
    told = truth.explode("lines").dropna(subset="lines")
    number = told["lines"].to_numpy(int)
    of = lines.iloc[number - 1].reset_index(drop=True)
    told = told.reset_index(drop=True)
    assert (of["household_id"] == told["household_id"]).all()
    about = (told["customer_id"] != "") & (
        told["kind"] != "household_shopper"
    )  # its list is that of all cards
    assert (of["customer_id"] == told["customer_id"])[about].all()
    bound = told["kind"].isin(["stay", "guest_day", "isolated_purchase", "workplace"])
    day = of["occurred_at"].dt.normalize()
    assert (day >= pd.to_datetime(told["start"]))[bound].all()
    assert (day < pd.to_datetime(told["end"]))[bound].all()


@pytest.mark.parametrize(
    ("kind", "column"),
    [("loyalty", "category"), ("isolated_purchase", "category"), ("variety_seeking", "category"),
     ("stay", "town"), ("home", "district"), ("fuel_habit", "customer_id"), ("brand_switch", "category")],
)  # fmt: skip
def test_lines_of_a_claim_are_of_its_subject(city, lines, kind, column):
    claims = city.truth[city.truth["kind"] == kind]
    assert len(claims)
    for claim in claims.itertuples():
        assert set(lines.iloc[np.array(claim.lines) - 1][column]) == {claim.subject.split(": ")[0]}


def test_a_loyal_household_takes_its_favourite_more_often_than_others_do(city, lines):
    shares = []
    for claim in city.truth[city.truth["kind"] == "loyalty"].itertuples():
        level, name = claim.value.split("; ")[0].split(": ", 1)
        of = lines[lines["category"] == claim.subject]
        mine = of["household_id"] == claim.household_id
        if level == "brand":
            taken = of["brand"] == name
            assert taken[mine].sum() >= 5
            shares.append((taken[mine].mean(), taken[~mine].mean()))
    own, others = np.array(shares).T
    assert len(shares) > 50
    assert np.quantile(own, 0.1) > 0.4  # by the plan; lines may be fewer by chance
    assert np.mean(own > 1.25 * others) > 0.9


def test_a_product_that_gives_way_to_another_is_called_as_the_log_calls_it():
    city = small(3, n=6, facts={number: ["product_succession"] for number in range(6)})
    claims = city.truth[city.truth["planted"]]
    assert len(claims) >= 3
    for claim in claims.itertuples():
        said = " | ".join(city.table["description"].iloc[np.array(claim.lines) - 1].str.lower())
        assert all(word in said for word in claim.subject.split(" -> "))


def test_who_lives_there_is_true_of_every_household(city):
    told = set(
        city.truth.loc[city.truth["kind"] == "member", ["household_id", "subject"]].itertuples(index=False)
    )
    adult = {"m": "adult_man", "f": "adult_woman"}
    lives = {
        (one.household_id, adult[one.sex] if one.role == "adult" else one.role)
        for one in city.members.itertuples()
    }
    assert told == lives


def test_a_pair_is_true_both_ways_if_its_second_is_hardly_bought_alone(city, lines):
    pairs = city.truth[city.truth["kind"] == "association"]
    known = set(zip(pairs["household_id"], pairs["subject"], strict=True))
    shop = lines[lines["kind"] == "supermarket"].assign(day=lines["occurred_at"].dt.normalize())
    asked = 0
    for claim in pairs.itertuples():
        first, second = claim.subject.split(" -> ")
        days = shop[shop["household_id"] == claim.household_id].groupby("category")["day"].agg(set)
        both = days[first] & days[second]
        if len(both) >= 5 and len(both) >= 0.6 * len(days[second]):
            asked += 1
            assert (claim.household_id, f"{second} -> {first}") in known
    assert asked >= 2


def test_every_kind_of_ordinary_truth_comes_up(city):
    usual = {
        "absence", "brand_trial", "calendar_occasion", "card_role", "composition", "fuel_habit", "home",
        "isolated_purchase", "loyalty", "member", "stay", "tag_leaning", "trip_missions", "variety_seeking",
    }  # fmt: skip
    assert usual <= set(city.truth["kind"])
    assert not city.truth.duplicated(["household_id", "customer_id", "kind", "subject", "start"]).any()


def test_baskets_look_like_those_of_a_supermarket(lines):
    shop = lines[lines["kind"] == "supermarket"]
    share = shop["department"].value_counts(normalize=True)
    ranges = {
        "dairy": (0.12, 0.30),
        "fruit & vegetables": (0.10, 0.27),
        "bakery": (0.04, 0.14),
        "grocery": (0.07, 0.20),
        "drinks": (0.04, 0.14),
        "alcohol": (0.003, 0.06),
        "cleaning": (0.02, 0.09),
        "textile": (0.0005, 0.02),
    }
    assert {name: low < share[name] < high for name, (low, high) in ranges.items()} == dict.fromkeys(
        ranges, True
    )
    size = shop.groupby("transaction_id").size()
    assert 2 < size.mean() < 6
    assert size.max() > 12


def test_households_are_of_the_size_that_was_asked_for(lines):
    size = lines.groupby("household_id").size()
    assert 350 < size.mean() < 800
    assert size.min() > 60


def test_fuel_is_one_item_and_its_price_tells_the_kind(city):
    fuel = city.table[city.table["category"] == "fuel"]
    assert fuel["item_id"].nunique() == 1
    assert fuel["unit_price"].between(1.9, 4.2).all()
    whole = (fuel["amount"] % 5).round(2).isin([0, 5])
    assert 0.2 < whole.mean() < 0.8


def test_tables_beside_the_log_fit_it(city):
    assert set(city.table["customer_id"]) <= set(city.cards["customer_id"])
    assert list(city.forms["customer_id"]) == list(city.cards["customer_id"])
    assert set(city.table["store_id"]) <= set(city.stores["store_id"])
    assert set(city.table["item_id"]) <= set(city.products["item_id"])
    assert set(city.members["household_id"]) == set(city.cards["household_id"])
    assert city.products["category"].nunique() >= 60
    assert not city.products["description"][city.products["department"] != "fuel"].duplicated().any()


def test_named_facts_are_planted_in_the_households_named():
    city = small(4, n=3, facts={1: ["stay", "general_merchandise"]})
    planted = city.truth[city.truth["planted"]]
    assert set(planted["household_id"]) == {"H00001"}
    asked = {"stay", "general_merchandise"}
    assert set(planted["fact"]) | set(city.refused["fact"]) == asked


def test_random_facts_are_planted_in_every_household():
    city = small(6, n=2, facts_per_household=3)
    planted = city.truth[city.truth["planted"]]
    assert planted.groupby("household_id")["fact"].nunique().to_dict() == {"H00000": 3, "H00001": 3}
    assert city.log.counts.set_aside == {}


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**31 - 1))
def test_any_seed_gives_lawful_lines(seed):
    city = small(seed, n=1, facts=None)
    table = city.table
    assert (table["amount"] >= 0.01).all()
    assert (table["quantity"] > 0).all()
    assert (table["discount"] >= 0).all()
    assert not table.isna().any().any()
    numbers = np.concatenate([np.array(lines, dtype=int) for lines in city.truth["lines"]])
    assert numbers.min() >= 1
    assert numbers.max() <= len(table)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n_households": 0}, r"n_households must be >= 1. Got 0 instead"),
        ({"facts_per_household": -1}, r"facts_per_household must be >= 0"),
        ({"end": "2007-01-01"}, r"end must be at least 180 days after start"),
        ({"facts": "all"}, r"facts must be 'random', None or a mapping. Got 'all' instead"),
        ({"facts": {0: ["loialty"]}}, r"facts has no fact 'loialty'. Did you mean 'loyalty'\?"),
        ({"facts": {9: ["loyalty"]}}, r"facts must name households 0 to 1. Got 9 instead"),
    ],
)
def test_wrong_arguments_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        make_city(**{"n_households": 2, "random_state": 1, **wrong})


def test_a_city_is_written_as_the_profile_command_reads_it(tmp_path):
    city = make_city(2, start="2008-01-01", end="2008-09-01", facts=None, random_state=3)
    folder = city.write(tmp_path / "city")
    assert sorted(path.stem for path in folder.iterdir()) == ["calendar", "cards", "forms", "lines", "stores"]
    pd.testing.assert_frame_equal(
        read_log(folder / "lines.parquet").to_frame(), city.log.to_frame(), check_dtype=False
    )
