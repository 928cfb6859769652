"""What the application form says, and how it is read."""

import pandas as pd
import pytest

from crm_analytics import read_log
from crm_analytics.core import SchemaError
from crm_analytics.profiling import Context, Population
from crm_analytics.profiling.form import COLUMNS, read_forms
from crm_analytics.profiling.telling.formatting import Formatter

LOG = read_log(
    pd.DataFrame(
        {
            "customer_id": ["Z", "O", "Q"],
            "transaction_id": [1, 2, 3],
            "item_id": ["a", "b", "c"],
            "occurred_at": pd.to_datetime(["2008-03-01", "2009-05-02", "2009-09-26"]),
            "amount": [1.0, 2.0, 3.0],
        }
    )
)
CARDS = pd.DataFrame({"customer_id": ["Z", "O", "Q"], "household_id": ["home", "home", "other"]})
# The couple of the assignment: she at a school, he on the other side of Istanbul.
FORMS = pd.DataFrame(
    {
        "customer_id": ["Z", "O", "Q"],
        "sex": ["f", "M", None],
        "birth_year": [1962.0, 1958.0, None],
        "married": [True, True, None],
        "district": ["Suadiye", "Suadiye", None],
        "email_domain": ["okul.example", "holding.example", None],
        "work_phone_area": ["216", "0212", None],
        "may_contact": [True, True, True],
    }
)


def forms(table=FORMS, *, household="home", lang="en", labels=None):
    population = Population.read(LOG, Context(cards=CARDS, forms=table))
    return read_forms(population.household(household), Formatter(lang, labels=labels))


def reading(table, question, card="Z"):
    row = table[(table["question"] == question) & (table["card"] == card)]
    return tuple(row[["answer", "reading"]].iloc[0])


def test_the_couples_forms_say_what_the_assignment_found():
    table = forms()
    assert table.columns.tolist() == COLUMNS
    assert reading(table, "sex") == ("woman", "")
    assert reading(table, "sex", "O") == ("man", "")
    assert reading(table, "year of birth") == ("1962", "47 years old")  # in 2009, where the log ends
    assert reading(table, "e-mail domain") == ("okul.example", "probably works at a school")
    assert reading(table, "e-mail domain", "O") == ("holding.example", "probably the employer's address")
    asia, europe = (reading(table, "area code of the work phone", card) for card in "ZO")
    assert asia == ("216", "works on the Asian side of Istanbul")
    assert europe == ("0212", "works on the European side of Istanbul")
    assert "probably with each other" in reading(table, "married")[1]


def test_the_same_forms_in_turkish():
    table = forms(lang="tr")
    assert reading(table, "cinsiyet") == ("kadın", "")
    assert reading(table, "evli mi")[0] == "evet"
    assert reading(table, "e-posta alan adı")[1] == "büyük olasılıkla bir okulda çalışıyor"


@pytest.mark.parametrize(
    ("domain", "said"),
    [
        ("gmail.com", "a private address"),
        ("z.hanim@OKUL.k12.tr", "works at a school"),
        ("boun.edu.tr", "a university"),
        ("kadikoy.bel.tr", "public service"),
        ("livestock.example", "the employer's"),  # not live.com
    ],
)
def test_a_domain_says_where_its_owner_works(domain, said):
    assert said in reading(forms(FORMS.assign(email_domain=domain)), "e-mail domain")[1]


@pytest.mark.parametrize("area", [212, 212.0, "212", "0212", " 212 ", "212.0"])
def test_an_area_code_is_read_however_it_is_written(area):
    table = forms(FORMS.assign(work_phone_area=area))
    assert reading(table, "area code of the work phone")[1] == "works on the European side of Istanbul"


def test_two_married_holders_are_a_couple_only_together():
    one = forms(FORMS.assign(married=[True, False, None]))
    assert reading(one, "married") == ("yes", "")
    assert reading(one, "married", "O") == ("no", "")


@pytest.mark.parametrize(("yes", "no"), [(True, False), ("True", "False"), (1, 0), ("evet", "hayır")])
def test_married_is_read_however_it_is_written(yes, no):
    table = forms(FORMS.assign(married=pd.Series([yes, no, None], dtype=object)))
    assert [reading(table, "married", card)[0] for card in "ZO"] == ["yes", "no"]


def test_a_year_of_birth_that_is_none_has_no_age():
    assert reading(forms(FORMS.assign(birth_year="?")), "year of birth") == ("?", "")
    assert reading(forms(FORMS.assign(birth_year="1962.0")), "year of birth") == ("1962", "47 years old")


def test_what_was_not_answered_is_not_told():
    assert forms(household="other").empty
    assert forms(FORMS.assign(work_phone_area="  "), household="home")["question"].nunique() == 5


def test_forms_without_any_known_column_are_refused():
    with pytest.raises(SchemaError, match=r"none of the columns sex, .*found beside customer_id: cinsiyet"):
        Context(forms=pd.DataFrame({"customer_id": ["Z"], "cinsiyet": ["K"]}))
    with pytest.raises(SchemaError, match="found beside customer_id: none"):
        Context(forms=FORMS[["customer_id"]])
    assert Context(forms=FORMS[["customer_id", "sex"]]).forms is not None


def test_without_forms_the_table_is_empty():
    table = forms(None)
    assert table.empty
    assert table.columns.tolist() == COLUMNS


def test_cards_have_the_names_that_the_page_gives_them():
    assert set(forms(labels={"Z": "card 1", "O": "card 2"})["card"]) == {"card 1", "card 2"}


def test_forms_of_numbers_match_cards_of_text():
    log = read_log(LOG.to_frame().assign(customer_id=[7, 8, 9])[
        ["customer_id", "transaction_id", "item_id", "occurred_at", "amount"]
    ])  # fmt: skip
    population = Population.read(log, Context(forms=FORMS.assign(customer_id=["7", "8", "9"])))
    assert len(read_forms(population.household(7), Formatter("en"))) == 6
