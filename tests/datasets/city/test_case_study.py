"""The couple: each of the 26 facts by a plain query of the stored lines, and the files from their seed."""

import pandas as pd
import pyarrow.parquet as pq
import pytest
from pandas.testing import assert_frame_equal

from crm_analytics.core.errors import MissingDataError
from crm_analytics.datasets import load_case_study
from crm_analytics.datasets.city import case_study
from crm_analytics.datasets.city.case_study import FOLDER, TABLES, make_case_study, write

KINDS = {
    1: {"forgotten_items"}, 2: {"trip_missions"}, 3: {"tempted"}, 4: {"variety_seeking", "loyalty"},
    5: {"loyalty", "association"}, 6: {"association"}, 7: {"parallel_variants", "dietary_need"},
    8: {"isolated_purchase"}, 9: {"brand_switch"}, 10: {"guest_day", "isolated_purchase"}, 11: {"calendar_occasion"},
    12: {"general_merchandise"}, 13: {"category_gap", "brand_trial", "loyalty"}, 14: {"member", "hair_loss"},
    15: {"product_succession"}, 16: {"category_start", "category_lapse"}, 17: {"fuel_habit"},
    18: {"stay", "second_home"}, 19: {"household_shopper"}, 20: {"card_role"}, 21: {"second_vehicle"},
    22: {"fuel_tier"}, 23: {"fuel_habit"}, 24: {"workplace"}, 25: {"apart"}, 26: {"absence"},
}  # fmt: skip
MARMARIS, MASLAK_LUNCH = [151, 152], 301


@pytest.fixture(scope="module")
def city():
    return load_case_study()


@pytest.fixture(scope="module")
def couple(city):
    table = city.table[city.table["customer_id"].isin(["Z", "O"])]
    stores = city.stores.set_index("store_id")[["kind", "town"]]
    products = city.products.set_index("item_id")[["type", "size", "tags"]]
    table = table.join(stores, on="store_id").join(products, on="item_id")
    return table.assign(day=table["occurred_at"].dt.normalize())


@pytest.fixture(scope="module")
def she(couple):
    return couple[couple["customer_id"] == "Z"]


@pytest.fixture(scope="module")
def he(couple):
    return couple[couple["customer_id"] == "O"]


@pytest.fixture(scope="module")
def at_home(she):
    return she[(she["kind"] == "supermarket") & (she["town"] == "Istanbul")]


def has(table, tag):
    return pd.Series([tag in tags for tags in table["tags"]], index=table.index, dtype=bool)


def lines_of(city, fact, kind, card=None):
    """The table's rows that the truth names for a fact."""
    rows = city.truth[(city.truth["fact"] == str(fact)) & (city.truth["kind"] == kind)]
    rows = rows if card is None else rows[rows["customer_id"] == card]
    numbers = sorted({number for lines in rows["lines"] for number in lines})
    assert numbers
    return city.table.iloc[[number - 1 for number in numbers]]


def test_two_cards_have_about_2000_lines_among_300_households(city, couple):
    assert 1900 <= len(couple) <= 2100
    assert couple["occurred_at"].min() < pd.Timestamp("2006-12-15")
    assert couple["occurred_at"].max() >= pd.Timestamp("2009-09-15")
    assert city.cards["household_id"].nunique() == 301
    assert city.log.n_customers == city.cards["customer_id"].nunique()


def test_every_fact_is_in_the_truth_with_lines_of_the_couple(city):
    planted = city.truth[(city.truth["household_id"] == "ZO") & city.truth["planted"]]
    assert {int(fact): set(rows["kind"]) for fact, rows in planted.groupby("fact")} == KINDS
    cards = city.table["customer_id"].to_numpy()
    for row in planted.itertuples():
        assert len(row.lines) > 0
        assert set(cards[[number - 1 for number in row.lines]]) <= (
            {row.customer_id} if row.customer_id else {"Z", "O"}
        )


def test_the_forms_say_school_and_the_other_shore(city):
    forms = city.forms.set_index("customer_id").loc[["Z", "O"]]
    assert forms["sex"].tolist() == ["f", "m"]
    assert forms["email_domain"].tolist() == ["okul.example", "holding.example"]
    assert forms["work_phone_area"].tolist() == ["216", "212"]
    assert forms["married"].all()
    assert set(forms["district"]) == {"Suadiye"}


def test_1_a_second_receipt_minutes_after_the_first(city, at_home):
    second = lines_of(city, 1, "forgotten_items")
    first = at_home.drop_duplicates("transaction_id")
    for at, store in second.drop_duplicates("transaction_id")[["occurred_at", "store_id"]].itertuples(
        index=False
    ):
        gap = at - first.loc[first["store_id"] == store, "occurred_at"]
        assert ((gap > pd.Timedelta(0)) & (gap <= pd.Timedelta(minutes=30))).any()
    assert 5 <= second["transaction_id"].nunique() <= 15


def test_2_a_large_shop_or_two_a_month_and_many_small_ones(city, at_home):
    large = lines_of(city, 2, "trip_missions")
    sizes = at_home.groupby("transaction_id").size()
    month = large.drop_duplicates("transaction_id")["occurred_at"].dt.to_period("M").value_counts()
    assert month.max() <= 2
    assert 20 <= len(month) < 34  # none in some months
    assert sizes[large["transaction_id"].unique()].median() >= 4 * sizes.median()


def test_3_sweets_with_their_diet_versions(city):
    lines = lines_of(city, 3, "tempted")
    tags = city.products.set_index("item_id")["tags"]
    diet = lines["item_id"].map(lambda item: "diet" in tags[item])
    assert (diet.groupby(lines["transaction_id"]).nunique() == 2).sum() >= 20
    assert set(lines["department"]) <= {"sweets & snacks", "bakery"}


def test_4_every_kind_of_bread_but_always_the_same_kashkaval(at_home):
    bread, kashkaval = (at_home[at_home["category"] == name] for name in ("bread", "kashkaval"))
    assert bread["type"].nunique() >= 10
    assert bread["type"].value_counts(normalize=True).max() < 0.25
    assert (kashkaval["type"] == "fresh").mean() >= 0.8


def test_5_bogazkere_one_raki_and_nuts(at_home):
    wine, raki = (at_home[at_home["category"] == name] for name in ("red wine", "raki"))
    assert (wine["type"] == "boğazkere").mean() >= 0.7
    assert raki["description"].value_counts(normalize=True).max() >= 0.7
    nuts = at_home.loc[at_home["category"] == "nuts", "transaction_id"].unique()
    drinks = pd.concat([wine, raki])["transaction_id"].unique()
    others = at_home.loc[~at_home["transaction_id"].isin(drinks), "transaction_id"].unique()
    assert pd.Series(drinks).isin(nuts).mean() >= 0.75
    assert pd.Series(others).isin(nuts).mean() <= 0.15


def test_6_yufka_with_three_yoghurts(at_home):
    baking = at_home.loc[at_home["category"] == "yufka", "transaction_id"].unique()
    yoghurt = at_home[at_home["category"] == "yoghurt"].groupby("transaction_id")["item_id"].nunique()
    assert len(baking) >= 8
    assert (yoghurt.reindex(baking, fill_value=0) >= 3).mean() >= 0.7
    assert (yoghurt[~yoghurt.index.isin(baking)] < 3).all()


def test_7_three_milks_and_a_need(at_home):
    milk = at_home[at_home["category"] == "milk"]["type"].value_counts()
    assert milk[["whole", "light", "lactose-free"]].min() >= 10
    assert has(at_home, "lactose_free").sum() >= 20
    assert at_home[at_home["category"] == "white cheese"]["type"].nunique() >= 6
    assert at_home[at_home["category"] == "yoghurt"]["type"].nunique() >= 5


def test_8_cocoa_on_two_dates_nine_months_apart(couple):
    days = couple.loc[couple["category"] == "cocoa drink", "day"].drop_duplicates().sort_values()
    assert len(days) == 2
    assert 260 <= (days.iloc[1] - days.iloc[0]).days <= 290
    assert not has(couple, "baby").any()


def test_9_one_dairy_brand_until_april_2009_and_another_since(city, at_home):
    dairy = at_home[at_home["category"].isin(["milk", "yoghurt", "white cheese", "kashkaval"])]
    since = dairy["day"] >= "2009-05-01"
    assert (dairy["brand"][~since] == "Çınar").mean() >= 0.93
    assert (dairy["brand"][since] == "Palamutlu").mean() >= 0.85
    everybody = city.table[(city.table["department"] == "dairy") & (city.table["brand"] == "Çınar")]
    assert everybody["occurred_at"].max() < pd.Timestamp("2009-05-01")  # withdrawn: not her choice alone
    assert everybody["customer_id"].nunique() > 200
    switches = city.truth[city.truth["kind"] == "brand_switch"]
    others = switches[switches["household_id"] != "ZO"]["value"]
    assert others.str.endswith(": own").sum() >= 20
    assert others.str.endswith(": delisted").sum() >= 3
    assert set(switches.loc[switches["fact"] == "9", "start"].astype(str)) == {"2009-05-01"}


def test_10_cola_and_diet_cola_on_one_day_only(couple):
    cola = couple[couple["category"] == "cola"]
    assert cola["day"].nunique() == 1
    assert cola["description"].str.contains("Diyet").nunique() == 2


def test_11_two_new_years_at_home(couple):
    def eve(year):
        return couple[couple["day"].isin(pd.to_datetime([f"{year}-12-30", f"{year}-12-31"]))]

    assert "raki" in set(eve(2007)["category"])
    assert "raki" not in set(eve(2008)["category"])
    assert "red wine" in set(eve(2008)["category"])
    mayonnaise = couple[couple["category"] == "mayonnaise"]
    assert set(mayonnaise["day"].dt.year) == {2007, 2008}
    large = eve(2008).query("category == 'mayonnaise' and size == 600")
    assert large["quantity"].sum() == 2


def test_12_textiles_slippers_and_boxes_from_the_supermarket(at_home):
    goods = at_home[has(at_home, "textile") | has(at_home, "storage") | has(at_home, "kitchenware")]
    assert len(goods) >= 18
    assert {"slippers", "storage"} <= set(goods["category"])


def test_13_pads_pause_and_one_pack_of_another_brand(couple):
    pads = couple[couple["category"] == "sanitary pads"].sort_values("occurred_at")
    assert not pads["day"].between("2008-01-20", "2008-08-24").any()
    assert pads["brand"].value_counts().tolist()[1:] == [1]
    assert (pads["day"] < "2008-01-20").sum() >= 5
    assert (pads["day"] > "2008-08-24").sum() >= 5


def test_14_a_man_who_loses_hair(she):
    assert has(she, "hair_loss").sum() >= 6
    assert ((she["category"] == "slippers") & has(she, "men_care")).any()
    assert ((she["category"] == "deodorant") & has(she, "men_care")).sum() >= 6


def test_15_carpet_shampoo_by_hand_then_by_machine(couple):
    shampoo = couple[couple["category"] == "carpet shampoo"]
    hand, machine = (shampoo.loc[shampoo["type"] == name, "day"] for name in ("hand", "machine"))
    assert set(hand.dt.year) == {2007}
    assert machine.min().strftime("%Y-%m") == "2008-08"
    assert len(machine) >= 4


def test_16_and_17_her_fuel_for_nine_months_and_always_full(she):
    fuel = she[she["category"] == "fuel"]
    assert fuel["day"].min() == pd.Timestamp("2008-09-13")
    assert fuel["day"].max().strftime("%Y-%m") == "2009-06"
    assert (fuel["amount"] % 5 != 0).mean() >= 0.9
    assert (she["day"] > fuel["day"].max()).any()


def test_18_and_26_marmaris_in_three_spans_and_nothing_at_home_meanwhile(city, couple):
    stays = city.truth[(city.truth["fact"] == "18") & (city.truth["kind"] == "stay")].sort_values("start")
    assert stays["customer_id"].tolist() == ["Z", "O", "Z"]
    assert [day.strftime("%Y-%m") for day in stays["start"]] == ["2007-08", "2008-07", "2008-08"]
    for stay in stays.itertuples():
        away = couple[
            (couple["customer_id"] == stay.customer_id)
            & (couple["occurred_at"] >= pd.Timestamp(stay.start))
            & (couple["occurred_at"] < pd.Timestamp(stay.end))
        ]
        assert len(away) >= 10
        assert set(away["town"]) == {"Marmaris"}
    assert set(couple.loc[couple["town"] != "Istanbul", "town"]) == {"Marmaris"}
    there = couple[couple["store_id"].isin(MARMARIS)]
    assert {"kitchenware", "surface cleaner"} <= set(there["category"])
    assert set(there.loc[there["customer_id"] == "O", "kind"]) == {"marina"}


def test_19_and_20_she_shops_and_his_card_buys_fuel(she, he):
    def shops(card):
        return card.loc[
            (card["kind"] == "supermarket") & (card["town"] == "Istanbul"), "transaction_id"
        ].nunique()

    assert 5 <= shops(he) <= 0.12 * shops(she)
    kinds = he.drop_duplicates("transaction_id")["kind"].value_counts()
    assert kinds.idxmax() == "fuel"
    groceries = he[(he["kind"] == "supermarket") & ~he["category"].isin(["beer", "shaving"])]
    assert groceries["item_id"].isin(she["item_id"]).mean() >= 0.6
    assert {"beer", "shaving"} <= set(he["category"])
    assert not {"beer", "shaving"} & set(she.loc[she["town"] == "Istanbul", "category"])


def test_21_two_refuellings_32_seconds_apart(he):
    twins = he[(he["category"] == "fuel") & (he["day"] == "2009-01-06")].sort_values("occurred_at")
    assert len(twins) == 2
    assert (twins["occurred_at"].iloc[1] - twins["occurred_at"].iloc[0]).total_seconds() == 32
    assert twins["unit_price"].nunique() == 2
    assert twins["store_id"].nunique() == 1


def test_22_he_pays_more_a_litre_on_the_same_days(she, he):
    hers, his = (card[card["category"] == "fuel"] for card in (she, he))
    both = hers.merge(his, on=["day", "store_id"], suffixes=("_she", "_he"))
    assert len(both) >= 5
    assert (both["unit_price_he"] > both["unit_price_she"]).all()


def test_23_he_fills_the_tank_and_sometimes_pays_100_lira(he):
    paid = he.loc[he["category"] == "fuel", "amount"]
    assert 0.12 <= (paid == 100).mean() <= 0.4
    assert (paid % 10 != 0).mean() >= 0.55


def test_24_lunches_for_two_in_maslak_and_desserts_elsewhere(he):
    lunches = he[he["store_id"] == MASLAK_LUNCH]
    assert (lunches["day"].dt.day_of_week < 5).all()
    assert lunches["occurred_at"].dt.hour.isin([12, 13]).all()
    meals = lunches[lunches["category"] == "restaurant meal"].groupby("transaction_id")["quantity"].sum()
    assert len(meals) >= 30
    assert (meals == 2).all()
    desserts = he[he["category"] == "restaurant dessert"]
    assert len(desserts) >= 5
    assert MASLAK_LUNCH not in set(desserts["store_id"])


def test_25_lunch_in_istanbul_and_shopping_in_marmaris_that_evening(couple):
    day = couple[couple["day"] == "2008-08-27"]
    his, hers = (day[day["customer_id"] == card] for card in ("O", "Z"))
    assert set(his["occurred_at"]) == {pd.Timestamp("2008-08-27 13:30")}
    assert set(hers["occurred_at"]) == {pd.Timestamp("2008-08-27 21:47")}
    assert (his["town"].iloc[0], hers["town"].iloc[0]) == ("Istanbul", "Marmaris")


def comparable(table):
    """Lines without numbers that depend on how many others there are."""
    columns = [
        "customer_id",
        "occurred_at",
        "item_id",
        "store_id",
        "quantity",
        "amount",
        "unit_price",
        "discount",
    ]
    return table[columns].sort_values(columns[:4], kind="stable").reset_index(drop=True)


def test_the_seed_gives_the_stored_lines(city):
    again = make_case_study(neighbours=8)
    cards = set(again.cards["customer_id"])
    stored = city.table[city.table["customer_id"].isin(cards)]
    assert_frame_equal(comparable(again.table), comparable(stored), check_dtype=False)
    told = city.truth[city.truth["household_id"].isin(set(again.truth["household_id"]))]
    columns = ["household_id", "customer_id", "kind", "subject", "value", "fact"]
    assert_frame_equal(
        again.truth[columns].reset_index(drop=True), told[columns].reset_index(drop=True), check_dtype=False
    )


def test_a_city_written_again_has_the_stored_bytes(city, tmp_path):
    write(city, tmp_path)
    sizes = [(FOLDER / f"{name}.parquet").stat().st_size for name in TABLES]
    assert max(sizes) < 2 * 2**20
    assert sum(sizes) < 3.5 * 2**20
    for name in TABLES:
        file, again = FOLDER / f"{name}.parquet", tmp_path / f"{name}.parquet"
        if pq.read_metadata(file).created_by == pq.read_metadata(again).created_by:
            assert file.read_bytes() == again.read_bytes()
        assert pq.read_table(file).equals(pq.read_table(again))


def test_a_missing_file_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(case_study, "FOLDER", tmp_path)
    with pytest.raises(MissingDataError, match=r"lines\.parquet is not there.*make\.py"):
        load_case_study()


def test_no_neighbours_are_refused():
    with pytest.raises(ValueError, match=r"neighbours must be >= 1\. Got 0 instead"):
        make_case_study(neighbours=0)
