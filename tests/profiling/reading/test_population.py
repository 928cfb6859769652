"""The population: every line of the log once, household by household, whatever the log lacks."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_analytics.core import SchemaError
from crm_analytics.profiling import Context, Population
from crm_analytics.profiling.reading.products import size_of, type_of
from crm_analytics.transactions import read_log


def table(n=60, seed=0):
    rng = np.random.default_rng(seed)
    at = pd.Timestamp("2008-01-01") + pd.to_timedelta(rng.integers(0, 30 * 24, n), unit="h")
    return pd.DataFrame(
        {
            "customer_id": rng.choice(["Z", "O", "X"], n),
            "transaction_id": rng.integers(1, 20, n),
            "occurred_at": at,
            "amount": rng.integers(1, 900, n) / 100,
            "quantity": rng.integers(1, 4, n).astype(float),
            "store_id": rng.integers(1, 4, n),
            "item_id": rng.integers(1, 9, n),
            "description": "Çınar Süt 1 L",
            "category": rng.choice(["milk", "bread"], n),
            "brand": "Çınar",
        }
    )


CARDS = pd.DataFrame({"customer_id": ["Z", "O", "X"], "household_id": ["couple", "couple", "single"]})


def test_every_line_is_in_one_household_in_time_order():
    log = read_log(table())
    population = Population.read(log, Context(cards=CARDS))
    assert population.households.tolist() == ["couple", "single"]
    couple = population.household("couple")
    assert sorted(np.concatenate([couple.lines.row, population.household("single").lines.row])) == list(
        range(60)
    )
    assert (np.diff(couple.lines.at.astype(np.int64)) >= 0).all()
    assert {couple.card(code) for code in couple.cards} == {"Z", "O"}
    assert couple.receipts.n_lines.sum() == len(couple.lines)
    np.testing.assert_allclose(couple.receipts.amount.sum(), couple.lines.amount.sum())
    source = population.table.iloc[couple.lines.row]
    np.testing.assert_array_equal(source["amount"], couple.lines.amount)
    np.testing.assert_array_equal(source["line_number"], couple.lines.row + 1)


def test_a_receipt_is_one_card_one_store_one_number_one_day():
    lines = table(200, seed=1)
    population = Population.read(read_log(lines), Context(cards=CARDS))
    keys = lines.assign(day=lines["occurred_at"].dt.date)[
        ["customer_id", "store_id", "transaction_id", "day"]
    ]
    assert len(np.unique(population.lines.receipt)) == len(keys.drop_duplicates())
    for which in range(2):
        receipts = population.household_at(which).receipts
        np.testing.assert_array_equal(
            receipts.lines(np.ones(len(receipts), bool)), np.arange(receipts.n_lines.sum())
        )


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_order_of_the_lines_does_not_matter(seed):
    lines = table(40, seed=2).drop_duplicates("occurred_at")
    shuffled = lines.sample(frac=1, random_state=seed)
    one, other = (Population.read(read_log(t), Context(cards=CARDS)) for t in (lines, shuffled))
    for a, b in zip(range(2), range(2), strict=True):
        mine, its = one.household_at(a).lines, other.household_at(b).lines
        for column in ("at", "customer", "receipt", "store", "product", "category", "brand", "amount"):
            np.testing.assert_array_equal(getattr(mine, column), getattr(its, column))


@pytest.mark.parametrize(
    "columns",
    [["customer_id", "occurred_at", "amount"], ["customer_id", "occurred_at", "amount", "category"]],
)
def test_a_log_of_few_columns_is_read(columns):
    population = Population.read(read_log(table()[columns]))
    household = population.household("Z")
    assert (household.lines.store == -1).all()
    assert (household.lines.brand == -1).all()
    assert household.word("brand", -1) == ""
    assert not household.tagged("fuel").any()
    assert len(household.receipts) == len(np.unique(household.lines.at))


@pytest.mark.parametrize(("refunds", "left"), [("net", 48), ("drop", 49), ("keep", 49)])
def test_refunds_are_no_lines_and_as_of_cuts(refunds, left):
    lines = table(50)
    lines.loc[3, lines.columns] = lines.loc[2]
    lines.loc[3, ["amount", "quantity", "transaction_id"]] = [-lines.loc[2, "amount"], -1.0, 99]
    lines.loc[3, "occurred_at"] += pd.Timedelta(hours=3)
    assert len(Population.read(read_log(lines, refunds=refunds)).lines) == left
    population = Population.read(read_log(lines, refunds=refunds), as_of="2008-01-11")
    assert (population.lines.amount >= 0).all()
    assert population.lines.at.max() < np.datetime64("2008-01-11")


def test_what_is_learnt_is_learnt_once():
    population = Population.read(read_log(table()))
    calls = []

    def count(everybody):
        calls.append(1)
        return len(everybody.lines)

    assert population.learn(count) == population.learn(count) == 60
    assert len(calls) == 1


def test_an_unknown_household_and_missing_cards_are_refused():
    log = read_log(table())
    with pytest.raises(ValueError, match=r"household 'Q' has no line among the 3 households .* such as 'O'"):
        Population.read(log).household("Q")
    with pytest.raises(ValueError, match=r"household 'z' has no line .* Is 'Z' meant\?"):
        Population.read(log).household("z")
    numbered = Population.read(read_log(table().assign(customer_id=7)))
    with pytest.raises(ValueError, match=r"household '07' has no line .* Is 7 meant\?"):
        numbered.household("07")
    with pytest.raises(SchemaError, match=r"no household for 1 of 3 customers of the log \(first: 'X'\)"):
        Population.read(log, Context(cards=CARDS.iloc[:2]))
    with pytest.raises(
        SchemaError, match=r"one row for each customer_id, but 1 of them have more \(first: 'Z'\)"
    ):
        Context(cards=pd.concat([CARDS, CARDS.iloc[:1]]))
    with pytest.raises(ValueError, match="no such tag: feul"):
        Population.read(log).tagged("feul")


def test_what_is_no_log_no_context_and_no_date_is_refused():
    log = read_log(table())
    with pytest.raises(
        TypeError, match=r"log must be a TransactionLog \(read_log\(frame\)\)\. Got DataFrame"
    ):
        Population.read(table())
    with pytest.raises(TypeError, match=r"context must be a Context .* Got dict instead"):
        Population.read(log, {})
    with pytest.raises(ValueError, match=r"^as_of must be after .*\(2008-01-01\)\. Got 2007-12-31\.$"):
        Population.read(log, as_of="2007-12-31")
    with pytest.raises(ValueError, match=r"^as_of must be a date as .* Got '01\.06\.2025' instead"):
        Population.read(log, as_of="01.06.2025")


def test_stores_are_looked_up_by_their_text_and_far_stores_are_far():
    stores = pd.DataFrame(
        {
            "store_id": ["1", "2", "3"],
            "town": ["Istanbul", "Istanbul", "Marmaris"],
            "district": ["Etiler", None, None],
            "latitude": [41.081, 41.0, 36.855],
            "longitude": [29.034, 29.0, 28.274],
        }
    )
    found = Population.read(read_log(table()), Context(stores=stores)).stores
    assert found.places[found.place].tolist() == ["Etiler", "Istanbul", "Marmaris"]
    assert found.towns[found.town].tolist() == ["Istanbul", "Istanbul", "Marmaris"]
    distance = found.distance_km(np.array([0, 0]), np.array([2, 0]))
    np.testing.assert_allclose(distance, [474.0, 0.0], atol=3)  # by road it is 750


@pytest.mark.parametrize("blank", ["", "  "])
def test_a_blank_district_or_town_is_unknown_as_a_missing_one_is(blank):
    stores = pd.DataFrame(
        {
            "store_id": ["1", "2", "3"],
            "town": ["Bray", "Galway ", blank],
            "district": [blank, blank, None],
            "name": ["Main Street", blank, "Quays"],
            "kind": ["supermarket", blank, blank],
        }
    )
    found = Population.read(read_log(table()), Context(stores=stores)).stores
    assert found.places[found.place].tolist() == ["Bray", "Galway", "3"]
    assert found.town.tolist() == [0, 1, -1]
    assert found.towns.tolist() == ["Bray", "Galway"]
    assert found.name.tolist() == ["Main Street", "2", "Quays"]
    assert "" not in found.kind[1:].tolist()


@pytest.mark.parametrize(
    ("text", "size"),
    [("Süt 1 L", 1000), ("MAYO 32 OZ", 907.2), ("Yumurta 30'lu", 30), ("7 UP", float("nan"))],
)
def test_sizes_are_read_from_descriptions(text, size):
    np.testing.assert_allclose(size_of(text), size)


def test_types_are_descriptions_without_brand_and_size():
    assert type_of("Çınar Laktozsuz Süt 1 L", "Çınar") == "laktozsuz süt"
    assert type_of("Çınar", "Çınar") == "çınar"
    assert type_of("FLUID MILK WHITE ONLY", "") == "fluid milk white only"


@pytest.mark.parametrize(
    ("text", "brand", "kind"),
    [
        ("Pampered Nappies Size 3 Pack", "Pampered", "nappies size 3"),
        ("Pampered Nappies Size 4 Pack", "Pampered", "nappies size 4"),
        ("Prima Bebek Bezi 4 Numara 52 Adet", "Prima", "bebek bezi 4 numara"),
        ("Prima Bebek Bezi No:5 30'lu", "Prima", "bebek bezi no 5"),
        ("Devam Sütü 2. Aşama 800 g", "", "devam sütü 2 aşama"),
        ("Infant Formula Stage 1 400 g", "", "infant formula stage 1"),
        ("Cup Size 12 oz", "", "cup size"),
        ("Family Size 1.5 L Cola", "", "family size cola"),
        ("Kaynak Suyu 1,5 L", "", "kaynak suyu"),
        ("Maden Suyu 6x200 ml", "", "maden suyu"),
        ("2x Yumurta 30'lu", "", "yumurta"),
    ],
)
def test_numbers_that_grade_a_product_are_of_its_type_and_packs_are_not(text, brand, kind):
    assert type_of(text, brand) == kind


@pytest.mark.parametrize(
    ("text", "brand", "kind"),
    [
        ("Ben & Jim Cookie Ice Cream 1L", "Ben & Jim", "cookie ice cream"),
        ("Ben & Jim Cheese & Onion Crisps 6pk", "Ben & Jim", "cheese & onion crisps"),
        ("Süt - 1 L", "", "süt"),
        ("Grapes Pack", "", "grapes"),
        ("Yumurta Paket 30 Adet", "", "yumurta"),
        ("Rolls pack of 6", "", "rolls"),
        ("CANDY BARS MULTI PACK", "", "candy bars multi pack"),
        ("Pack", "", "pack"),
        ("&", "", ""),
    ],
)
def test_signs_and_words_of_packs_that_a_brand_or_size_leaves_behind_go(text, brand, kind):
    assert type_of(text, brand) == kind
