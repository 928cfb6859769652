"""A household's page: what it says, what it must not say, and that nothing breaks it."""

import re
from datetime import date
from html import unescape

import numpy as np
import pandas as pd
import pytest

from crm_analytics import read_log
from crm_analytics.datasets import make_city
from crm_analytics.profiling import (
    KINDS,
    Claim,
    Context,
    ExpectedProfit,
    Kind,
    Offer,
    OfferChoice,
    Population,
    Profile,
)
from crm_analytics.profiling.offering.offer import COLUMNS
from crm_analytics.reports import household_report
from crm_analytics.reports.household_findings import MOST_LINES, strength_words
from crm_analytics.reports.household_places import basket_table, change_list, gap_table, near, visit_table
from crm_analytics.reports.household_words import STORE_KINDS, WORDS

EVIL = "<script>alert(1)</script>"
STAGES = {
    "forgotten_items": "rhythm", "loyalty": "detail", "stay": "detail", "home": "detail",
    "workplace": "interpretation", "second_home": "interpretation", "brand_switch": "interpretation",
    "category_start": "interpretation", "category_lapse": "interpretation",
    "product_succession": "interpretation", "absence": "detail", "member": "interpretation",
}  # fmt: skip


def kind(name, stage):
    """A kind of our own, so that no question's words are tested here."""
    return Kind(
        name,
        stage,
        {"en": f"Title of {name}", "tr": f"{name} başlığı"},
        {"plain": {"en": "They {subject:word}, {x:percent}.", "tr": "Onlar {subject:word}, {x:percent}."}},
        {"none": {"en": "nothing is so", "tr": "hiçbir şey öyle değil"}},
        {
            "gift": {"en": "a gift", "tr": "bir armağan"},
            "chance": {"en": "Mere chance.", "tr": "Yalnızca rastlantı."},
        },
    )


@pytest.fixture(scope="module", autouse=True)
def kinds():
    with pytest.MonkeyPatch.context() as patch:
        for name, stage in STAGES.items():
            patch.setitem(KINDS, name, kind(name, stage))
        yield


@pytest.fixture(scope="module")
def city():
    """A small city whose identifiers could not be anything else."""
    made = make_city(8, start="2008-01-01", end="2009-07-01", random_state=3)
    table = made.table.assign(
        customer_id="CUST" + made.table["customer_id"].astype(str),
        transaction_id="RCPT" + made.table["transaction_id"].astype(str),
    )
    cards = made.cards.assign(
        customer_id="CUST" + made.cards["customer_id"], household_id="HSHD" + made.cards["household_id"]
    )
    forms = made.forms.assign(customer_id="CUST" + made.forms["customer_id"])
    return {"table": table, "cards": cards, "forms": forms, "stores": made.stores, "calendar": made.calendar}


@pytest.fixture(scope="module")
def household(city):
    """A household of two cards, all tables at hand."""
    context = Context(**{name: city[name] for name in ("cards", "stores", "calendar", "forms")})
    couple = city["cards"]["household_id"].value_counts().index[0]
    return Population.read(read_log(city["table"]), context).household(couple)


def claim(name, lines, **said):
    said = {"subject": "do it", "values": {"x": 0.372}, "bayes_factor": 1e6} | said
    return Claim(name, np.asarray(lines), 1, "none", **said)


def claims_of(household):
    n = len(household.lines)
    days = [date(2008, 3, 1), date(2008, 9, 1), date(2008, 9, 4), date(2009, 2, 1)]
    return (
        claim("forgotten_items", [0], alternatives=("gift",)),
        claim("loyalty", range(min(n, 60)), subject="milk", alternatives=("gift", "chance")),
        claim("loyalty", [n - 1], subject="bread", alternatives=("gift", "chance"), bayes_factor=30.0),
        *(
            claim("stay", [i % n], subject="Marmaris", start=date(2008, 1 + i, 3), end=date(2008, 1 + i, 9))
            for i in range(8)
        ),
        *(
            claim("brand_switch", [i % n], subject=word, start=day, bayes_factor=1e4 - 1e3 * i)
            for i, (day, word) in enumerate(zip(days, ["tea", "milk", "bread", "olives"], strict=True))
        ),
        claim("member", [0], subject="adult_man", topic=""),
    )


def offers(**row):
    candidate = dict.fromkeys(COLUMNS, "") | {"price": 1250.5, "p_without": 0.1, "p_with": 0.3, "profit": 2.5}
    rows = [candidate | {"item_id": "1", "description": "Ürün"} | row, candidate | {"refused": "artık yok"}]
    return pd.DataFrame(rows)


def some_offer(**row):
    economics = ExpectedProfit(0.1, 0.3, 4.0, 1.0, 1.5, 0.9, 0.1)
    offer = Offer("1", "Ürün", "tea", "Offer it.", None, economics, None, None, "")
    return OfferChoice(offer, "Offer it.", offers(**row))


@pytest.fixture(scope="module")
def profile(household):
    return Profile(household, claims_of(household))


@pytest.fixture(scope="module")
def page(profile):
    return household_report(profile, some_offer())


@pytest.fixture(scope="module")
def turkish(profile):
    return household_report(profile.in_language("tr"), OfferChoice(None, "Öneri yok.", offers()))


def text_of(page):
    """What a reader sees, and hears."""
    labels = " ".join(re.findall(r'aria-label="([^"]*)"', page))
    body = re.sub(r"<[^>]*>", " ", re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL))
    return " ".join(unescape(f"{body} {labels}").replace("\u00a0", " ").split())


def test_the_stages_stand_in_the_order_of_the_assignment(page):
    ids = re.findall(r'<section id="(\w+)"', page)
    assert ids == ["glance", "form", "rhythm", "detail", "interpretation", "offer"]
    assert re.findall(r"<h1>(.*?)</h1>", page) == ["Household profile"]


def test_nobody_is_named(page, turkish, city, profile):
    for text in (page, turkish):
        assert not re.search("CUST|RCPT|HSHD", text)
    shown = household_report(
        Profile(profile.household, profile.claims, show_cards=True),
        title="Our household",
        sensitive=["health", "religion"],
    )
    cards = [str(profile.household.card(code)) for code in profile.household.cards]
    assert all(card in shown for card in cards)
    assert set(re.findall(r"CUST\w+", shown)) == set(cards)
    assert not re.search("RCPT|HSHD", shown)
    assert "Our household" in shown
    assert "Topics asked for on this page: health, religion." in shown
    assert 'id="offer"' not in shown


def test_the_same_profile_gives_the_same_page(profile, page):
    again = Profile(profile.household, profile.claims)
    assert household_report(again, some_offer()) == page


def test_the_page_needs_nothing_else(page):
    assert "<script" not in page
    addresses = re.findall(r'(?:src|href)="([^"]*)"', page) + re.findall(r"url\(([^)]*)\)", page)
    assert addresses
    assert all(address.startswith("#") or address == "data:," for address in addresses)
    assert "http" not in page
    assert "@import" not in page


def test_links_lead_to_what_is_there_and_ids_are_used_once(page):
    ids = re.findall(r'\bid="([^"]*)"', page)
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in re.findall(r'href="(#[^"]*)"', page)} <= set(ids)


def test_findings_of_a_kind_stand_together_in_time_order(page):
    assert page.count("Title of stay</h3>") + page.count("Title of stay <span") == 1
    group = re.search(r'<article class="finding strong" id="stay">(.*?)</article>', page, re.DOTALL)[1]
    assert group.count('<p class="said">') == 8
    assert WORDS["en"]["more_findings"].format(n=2) in group
    assert text_of(page).count("Marmaris (January 2008, February 2008, March 2008") == 1


def test_other_explanations_are_sentences_and_said_once_if_they_are_shared(page):
    group = re.search(r'id="loyalty">(.*?)</article>', page, re.DOTALL)[1]
    assert group.count("Cannot be ruled out") == 1
    assert "A gift. Mere chance." in group


def test_the_table_at_the_top_has_every_kind_in_words(page, turkish):
    glance = text_of(re.search(r'<ul class="glance">(.*?)</ul>', page, re.DOTALL)[1])
    assert "milk, bread" in glance
    assert "a man" in glance
    glance = text_of(re.search(r'<ul class="glance">(.*?)</ul>', turkish, re.DOTALL)[1])
    assert "süt, ekmek" in glance
    assert "bir erkek" in glance
    assert "Mart 2008" in glance


def test_the_table_at_the_top_begins_with_who_they_are_and_where(household):
    n = len(household.lines)
    names = ["forgotten_items", "loyalty", "stay", "brand_switch", "workplace", "member", "home"]
    claims = [claim(name, [i % n], bayes_factor=1e6 / (i + 1)) for i, name in enumerate(names)]
    text = household_report(Profile(household, tuple(claims)))
    glance = re.search(r'<ul class="glance">(.*?)</section>', text, re.DOTALL)[1]
    order = re.findall(r'href="#(\w+)"', glance)
    assert order == ["home", "workplace", "member", "stay", "brand_switch", "loyalty", "forgotten_items"]
    assert "bars: how sure" in glance


def test_numbers_on_the_timeline_are_those_of_the_list(page, profile):
    days = [day for day, _ in change_list(profile)]
    assert days == sorted(days)
    listed = re.search(r'<ol class="changes">(.*?)</ol>', page, re.DOTALL)[1]
    said = [profile.formatter.format("{d:date}", d=day) for day in days]
    assert re.findall(r"<strong>(.*?)</strong>", listed) == said
    drawing = re.search(r'<svg[^>]*aria-label="Where they bought, day by day.*?</svg>', page, re.DOTALL)[0]
    numbers = re.findall(r"<text[^>]*>([1-9])</text>", drawing)
    assert numbers == [str(n) for n in range(1, len(days) + 1)]


def test_the_strongest_nine_changes_are_listed(household):
    many = [
        claim(
            "brand_switch", [0], subject=f"need {i}", start=date(2008, 1, 1 + i), bayes_factor=1e4 + 1e5 * i
        )
        for i in range(12)
    ]
    found = change_list(Profile(household, tuple(many)))
    assert [f.subject for _, f in found] == [f"need {i}" for i in range(3, 12)]


def test_evidence_says_a_receipt_once_and_how_many_lines_are_left_out(page, profile):
    group = re.search(r'id="loyalty">(.*?)</article>', page, re.DOTALL)[1]
    table = group[: group.index("</table>")]
    rows = re.findall(r"<tr>(.*?)</tr>", table)[1:]
    assert len(rows) == MOST_LINES
    receipts = profile.household.lines.receipt[:MOST_LINES]
    said = [not re.match(r"<td[^>]*></td>", row) for row in rows]
    assert sum(said) == len(np.unique(receipts))
    n = len(profile.find("loyalty", "milk")[0].rows)
    assert WORDS["en"]["more"].format(n=n - MOST_LINES) in group
    assert f"{n} lines as evidence" in group
    assert "1 line as evidence" in group


def test_no_strength_is_certain_and_none_is_rounded_up(profile):
    assert strength_words(profile, 1.0) == {"strength": "> 99 %", "bars": 5}
    assert strength_words(profile, 0.9949) == {"strength": "99 %", "bars": 4}
    assert strength_words(profile, 0.9499) == {"strength": "94 %", "bars": 2}
    assert strength_words(profile, 0.8) == {"strength": "80 %", "bars": 1}
    assert strength_words(profile.in_language("tr"), 0.95) == {"strength": "%95", "bars": 3}


def test_the_turkish_page_is_turkish(turkish, profile):
    assert '<html lang="tr">' in turkish
    text = re.sub(r"Title of \w+|\b\w+ başlığı|do it", "", text_of(turkish))
    # Product and place names are the log's own.
    found = re.findall(r"\b(?:the|of|and|or|is|from|with|card|days?|lines?|other|Jan|Feb|Mon|Tue)\b", text)
    assert found == []
    assert re.search(r"\bTem\b", text)
    assert re.search(r"\bPzt\b", text)
    assert "%37" in text
    assert "37 %" not in text
    assert "1.250,50" in text
    assert re.search(r"\d{1,2} (?:Ocak|Mart|Eylül) 2008", text)


def test_every_word_is_in_both_languages():
    assert WORDS["en"].keys() == WORDS["tr"].keys()
    assert STORE_KINDS["en"].keys() == STORE_KINDS["tr"].keys()
    for name, words in WORDS["en"].items():
        assert set(re.findall(r"{\w+}", words)) == set(re.findall(r"{\w+}", WORDS["tr"][name]))


def test_what_is_written_in_the_tables_is_text_and_never_markup(city):
    stores = city["stores"].assign(name=EVIL, district=EVIL + city["stores"]["district"], kind=EVIL)
    table = city["table"].groupby("customer_id").head(40).assign(description=EVIL, category=EVIL, brand=EVIL)
    forms = city["forms"].assign(district=EVIL, email_domain=EVIL)
    context = Context(cards=city["cards"], stores=stores, forms=forms)
    home = Population.read(read_log(table), context).household_at(6)
    claims = (*claims_of(home), claim("home", [0], subject=EVIL), claim("absence", [0], subject=EVIL))
    text = household_report(Profile(home, claims), some_offer(description=EVIL, refused=EVIL), title=EVIL)
    assert "<script" not in text
    assert text.count("&lt;script&gt;") > 20


def test_a_profile_without_findings_says_so(city):
    log = read_log(city["table"].head(1))
    text = household_report(Profile(Population.read(log).household_at(0), ()))
    assert WORDS["en"]["none"] in text
    assert 'id="glance"' not in text


@pytest.mark.parametrize("missing", ["stores", "times and forms", "most", "all but one receipt"])
def test_a_page_of_less_than_everything(city, missing):
    table = city["table"].groupby("customer_id").head(40)
    tables = {name: city[name] for name in ("cards", "stores", "calendar", "forms")}
    if missing == "stores":
        tables["stores"] = None
    if missing == "times and forms":
        table, tables["forms"] = table.assign(occurred_at=table["occurred_at"].dt.normalize()), None
    if missing == "most":
        columns = ["customer_id", "transaction_id", "item_id", "occurred_at", "amount"]
        table, tables = table[columns], {"cards": tables["cards"]}
    if missing == "all but one receipt":
        table = table[table["transaction_id"] == table["transaction_id"].iloc[0]]
    home = Population.read(read_log(table), Context(**tables)).household_at(0)
    text = household_report(Profile(home, (claim("loyalty", [0], subject="milk"),)), some_offer())
    charts = set(re.findall(r'<svg[^>]*aria-label="([^":,]*)', text))
    where = {"Where they bought near home", "Where they bought"}
    if missing == "most":
        assert not charts & where
    elif missing == "stores":
        assert charts & where == {"Where they bought"}
    assert ("When they shop" in charts) == (missing != "times and forms")
    assert (WORDS["en"]["no_form"] in text) == (missing in ("times and forms", "most"))
    if missing == "all but one receipt":
        assert charts == {"Where they bought", "When they shop"}


def test_two_thousand_lines_stay_below_a_megabyte(city):
    cards = city["cards"].assign(household_id="all")
    home = Population.read(read_log(city["table"]), Context(cards=cards, stores=city["stores"])).household(
        "all"
    )
    assert len(home.lines) > 2000
    assert len(home.cards) > 2
    claims = [claim("loyalty", range(i, 2000 + i), subject=f"need {i}") for i in range(40)]
    assert len(household_report(Profile(home, tuple(claims)), some_offer()).encode()) < 1e6


def test_an_unknown_topic_is_refused(profile):
    with pytest.raises(ValueError, match="sensitive must be one of 'health'"):
        household_report(profile, sensitive=["money"])


def test_rows_of_the_timeline_are_districts_at_home_then_towns_away(household):
    profile = Profile(household, ())
    table = visit_table(profile, ("other places", "other towns"), STORE_KINDS["en"])
    stores = household.population.stores
    rows = list(pd.unique(table["place"]))
    towns = [row for row in rows if row in set(stores.towns) - set(stores.places)]
    assert rows[len(rows) - len(towns) :] == towns
    assert len(rows) <= 12
    days = table.groupby("place")["day"].nunique()
    assert rows[0] == days.idxmax()
    assert set(table["kind"]) <= set(STORE_KINDS["en"].values())
    assert set(table["card"]) == {"card 1", "card 2"}


def test_baskets_and_gaps_add_up(household):
    profile = Profile(household, ())
    baskets = basket_table(profile, STORE_KINDS["en"])
    assert baskets["amount"].sum() == pytest.approx(profile.totals["amount"], abs=0.01)
    assert gap_table(profile).sum() == profile.totals["visit_days"] - 1


def test_near_is_within_sixty_kilometres_of_the_most_visited():
    places = pd.DataFrame(
        {
            "name": ["home", "next", "far", "nowhere"],
            "latitude": [41.0, 41.5, 41.6, np.nan],
            "longitude": [29.0, 29.0, 29.0, 29.0],
            "days": [90, 2, 3, 1],
        }
    )
    assert near(places)["name"].tolist() == ["home", "next"]  # 55.6 km and 66.7 km
    assert near(places.iloc[3:]).empty
